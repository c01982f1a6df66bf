-- Times are milliseconds since 1970. Ids of Trello's are 24 lower-case hex digits. A truth is 0 or 1. What columns mean that are the same
-- as in SQLite is written there.

CREATE TABLE board (
    id TEXT COLLATE "C" PRIMARY KEY CHECK (length(id) = 24),
    -- The order of lists.
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT,
    short_link TEXT,
    workspace TEXT COLLATE "C",
    closed BIGINT,
    kind TEXT CHECK (kind IN ('ordinary', 'template', 'inbox')),
    baseline TEXT,
    appeared TEXT,
    word TEXT,
    asked BIGINT NOT NULL DEFAULT 0,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'mirrored', 'ignored', 'waiting', 'failed')),
    reason TEXT COLLATE "C",
    since BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    closed_at BIGINT,
    gone_at BIGINT,
    missing_at BIGINT,
    due_at BIGINT,
    hints BIGINT NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT,
    holder TEXT,
    room_id BIGINT UNIQUE,
    title_sent TEXT,
    title_returned TEXT,
    room_archived BIGINT,
    tagged BIGINT,
    invited BIGINT,
    invitees BIGINT NOT NULL DEFAULT 0,
    drift TEXT,
    changes TEXT,
    hook TEXT,
    intent_title TEXT,
    intent_stored TEXT,
    intent_at BIGINT,
    intent_remote_at BIGINT,
    intent_answer TEXT CHECK (intent_answer IN ('unknown', 'refused')),
    CHECK ((intent_title IS NULL) = (intent_at IS NULL)),
    CHECK ((room_id IS NULL) = (title_returned IS NULL))
);
CREATE INDEX board_due ON board (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX board_number ON board (number);
CREATE INDEX board_status ON board (status, coalesce(reason, ''), number);
CREATE INDEX board_intent ON board (intent_stored) WHERE intent_stored IS NOT NULL;
-- A title may be longer than an entry of an ordinary index.
CREATE INDEX board_name ON board USING hash (name);
CREATE INDEX board_short_link ON board USING hash (short_link);
-- What the guardian has to do about boards' own webhooks.
CREATE INDEX board_unhooked ON board (id) WHERE hook IS NULL AND room_id IS NOT NULL AND status <> 'ignored'
    AND (status <> 'mirrored' OR reason IS NULL OR reason = 'drift');
CREATE INDEX board_overhooked ON board (id) WHERE hook IS NOT NULL
    AND (room_id IS NULL OR status = 'ignored' OR (status = 'mirrored' AND reason IS NOT NULL AND reason <> 'drift'));
CREATE INDEX board_hooked ON board (id) WHERE hook IS NOT NULL;
CREATE INDEX board_gone ON board (gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE delivery (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action TEXT COLLATE "C" NOT NULL UNIQUE,
    at BIGINT NOT NULL
);

CREATE TABLE history (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    board TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX history_board ON history (board, id);

CREATE TABLE capture (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    body BYTEA NOT NULL,
    kind TEXT NOT NULL DEFAULT 'junk',
    signature TEXT,
    url TEXT,
    length BIGINT
);

CREATE TABLE source (
    id TEXT COLLATE "C" PRIMARY KEY,
    baseline_at BIGINT NOT NULL,
    name TEXT
);

CREATE TABLE lane (
    name TEXT COLLATE "C" PRIMARY KEY,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    failures BIGINT NOT NULL
);

CREATE TABLE budget (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    permits BIGINT NOT NULL
);

CREATE TABLE webhook (
    model TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL
);

CREATE TABLE meta (
    name TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE twin (
    room_id BIGINT PRIMARY KEY,
    board TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    settled BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX twin_board ON twin (board);

CREATE TABLE concern (
    subject TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    detail TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (subject, code)
);

CREATE TABLE brake (
    lane TEXT COLLATE "C" NOT NULL,
    board TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lane, board)
);
CREATE INDEX brake_at ON brake (lane, at);
