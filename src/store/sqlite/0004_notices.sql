-- What people are told of, and what is still to be posted. Only adds: a program of before goes on beside it.

-- One row a cause, from when somebody was told of it until it was told that it is over.
CREATE TABLE alert (
    cause TEXT PRIMARY KEY,
    -- Since when it holds, of how many it was last told, and when that was.
    since INTEGER NOT NULL,
    told INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    -- Since when it holds no more: it may come back before that is told.
    over_at INTEGER
) STRICT;

-- What is to be posted, as it is posted. A row goes when it was taken.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cause TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_cause ON notice (cause, id);
