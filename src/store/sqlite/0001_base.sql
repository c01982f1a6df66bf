-- Times are milliseconds since 1970. Ids of Trello's are 24 lower-case hex digits.

-- One row per board: what it looks like, where it stands, its place in the queue, its room, its open intention.
CREATE TABLE board (
    id TEXT PRIMARY KEY CHECK (length(id) = 24),
    -- As last seen. kind is known only from a look at the board itself.
    name TEXT,
    short_link TEXT,
    workspace TEXT,
    closed INTEGER,
    kind TEXT CHECK (kind IN ('ordinary', 'template', 'inbox')),
    -- How it came to us.
    baseline TEXT,
    appeared TEXT,
    told TEXT CHECK (told IN ('mirror')),
    -- Where it stands.
    status TEXT NOT NULL CHECK (status IN ('pending', 'mirrored', 'ignored', 'waiting', 'failed')),
    reason TEXT,
    since INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    -- The queue. attempt is the fencing number of leases; hints counts what came meanwhile.
    due_at INTEGER,
    hints INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    holder TEXT,
    -- The room. A room belongs to one board.
    room_id INTEGER UNIQUE,
    title_sent TEXT,
    title_returned TEXT,
    room_archived INTEGER,
    tagged INTEGER,
    invited INTEGER,
    invitees INTEGER NOT NULL DEFAULT 0,
    -- A create that was committed before it was sent.
    intent_title TEXT,
    intent_stored TEXT,
    intent_at INTEGER,
    intent_remote_at INTEGER,
    intent_answer TEXT CHECK (intent_answer IN ('unknown', 'refused')),
    CHECK ((intent_title IS NULL) = (intent_at IS NULL)),
    CHECK ((room_id IS NULL) = (title_returned IS NULL))
) STRICT;
CREATE INDEX board_due ON board (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX board_status ON board (status, reason);
CREATE INDEX board_intent ON board (intent_stored) WHERE intent_stored IS NOT NULL;

-- The actions that were stored, so that a repeated one changes nothing. Row ids grow with time.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    action TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    board TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX history_board ON history (board, id);

-- Deliveries kept for a person to look at.
CREATE TABLE capture (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- The workspaces, and the member, whose first complete list was taken in.
CREATE TABLE source (
    id TEXT PRIMARY KEY,
    baseline_at INTEGER NOT NULL
) STRICT;

-- What is paused; no row means open.
CREATE TABLE lane (
    name TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT;

-- Trello requests, written down in blocks before they are made: a restart must not begin with a full budget.
CREATE TABLE budget (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    permits INTEGER NOT NULL
) STRICT;

-- The models whose webhooks are ours, written before they are registered.
CREATE TABLE webhook (
    model TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
