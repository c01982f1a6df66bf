-- What people are told of, and what is still to be posted. Only adds: a program of before goes on beside it.

-- One row a cause, from when somebody was told of it until it was told that it is over.
CREATE TABLE alert (
    cause TEXT COLLATE "C" PRIMARY KEY,
    -- Since when it holds, of how many it was last told, and when that was.
    since BIGINT NOT NULL,
    told BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    -- Since when it holds no more: it may come back before that is told.
    over_at BIGINT
);

-- What is to be posted, as it is posted. A row goes when it was taken.
CREATE TABLE notice (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL
);
CREATE INDEX notice_cause ON notice (cause, id);
