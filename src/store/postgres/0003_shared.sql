-- What several services on one database need to share the work. Only adds: a program of before goes on beside it. What columns mean is
-- written where SQLite's are.

CREATE TABLE lease (
    name TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    scope TEXT,
    audited_at BIGINT,
    webhooks_at BIGINT
);
ALTER TABLE lane ADD COLUMN trial_at BIGINT;
