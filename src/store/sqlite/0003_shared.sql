-- What several services on one database need to share the work. Only adds: a program of before goes on beside it.

-- Duties that one service at a time has: whose it is, until when, and what that one has learnt, which ends with its lease.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    -- Which workspaces are watched, as JSON.
    scope TEXT,
    -- When its last look over all rooms ended, and when it first read the list of webhooks.
    audited_at INTEGER,
    webhooks_at INTEGER
) STRICT;
-- A gate on trial: from when one board may try.
ALTER TABLE lane ADD COLUMN trial_at INTEGER;
