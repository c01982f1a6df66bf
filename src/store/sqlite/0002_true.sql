-- What it takes to keep a room true to its board for years. Only adds: a program of before goes on beside it.

-- A person's word: mirror, apply, release or ignore. It takes the place of told, which knows only the first.
ALTER TABLE board ADD COLUMN word TEXT;
UPDATE board SET word = told;
-- Whether a person once asked for its room by name.
ALTER TABLE board ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
-- Since when it is known to be closed, unknown to Trello, absent from complete lists.
ALTER TABLE board ADD COLUMN closed_at INTEGER;
ALTER TABLE board ADD COLUMN gone_at INTEGER;
ALTER TABLE board ADD COLUMN missing_at INTEGER;
-- JSON: what people did to the room, and writes of ours that may still come true.
ALTER TABLE board ADD COLUMN drift TEXT;
ALTER TABLE board ADD COLUMN changes TEXT;
-- The webhook on the board itself, by Trello's id.
ALTER TABLE board ADD COLUMN hook TEXT;
-- A room that was adopted has never agreed with its board: where it lies is not our doing.
UPDATE board SET room_archived = NULL WHERE title_sent IS NULL;

CREATE INDEX board_name ON board (name);
CREATE INDEX board_short_link ON board (short_link);
-- What the guardian has to do about boards' own webhooks.
CREATE INDEX board_unhooked ON board (id) WHERE hook IS NULL AND room_id IS NOT NULL AND status <> 'ignored'
    AND (status <> 'mirrored' OR reason IS NULL OR reason = 'drift');
CREATE INDEX board_overhooked ON board (id) WHERE hook IS NOT NULL
    AND (room_id IS NULL OR status = 'ignored' OR (status = 'mirrored' AND reason IS NOT NULL AND reason <> 'drift'));
CREATE INDEX board_hooked ON board (id) WHERE hook IS NOT NULL;
CREATE INDEX board_gone ON board (gone_at) WHERE gone_at IS NOT NULL;

-- Rooms that carry the tag of a board which has another one. settled: a person said which one is right.
CREATE TABLE twin (
    room_id INTEGER PRIMARY KEY,
    board TEXT NOT NULL,
    at INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX twin_board ON twin (board);

-- What somebody should know beside what is paused: about a workspace, a webhook, the token.
CREATE TABLE concern (
    subject TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (subject, code)
) STRICT;

-- Which boards were counted by which brake, and when.
CREATE TABLE brake (
    lane TEXT NOT NULL,
    board TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (lane, board)
) STRICT;
CREATE INDEX brake_at ON brake (lane, at);

-- Refused deliveries are kept beside signed junk, with what a person needs to find out why.
ALTER TABLE capture ADD COLUMN kind TEXT NOT NULL DEFAULT 'junk';
ALTER TABLE capture ADD COLUMN signature TEXT;
ALTER TABLE capture ADD COLUMN url TEXT;
-- Of the whole body, of which only the beginning may be kept.
ALTER TABLE capture ADD COLUMN length INTEGER;

ALTER TABLE source ADD COLUMN name TEXT;

-- Rooms did not follow their boards before: all of them are looked at once.
UPDATE board SET hints = hints + 1, due_at = since WHERE status = 'mirrored' AND due_at IS NULL;
