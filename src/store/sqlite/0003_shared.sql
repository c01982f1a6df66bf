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

-- What costs the same for a million boards as for ten. A program of before is counted with.

-- How many boards stand where: counted as they come, move and go, for counting them anew would lead through all of them.
CREATE TABLE tally (
    status TEXT NOT NULL,
    -- Empty where there is none.
    reason TEXT NOT NULL,
    boards INTEGER NOT NULL,
    PRIMARY KEY (status, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO tally (status, reason, boards) SELECT status, coalesce(reason, ''), count(*) FROM board GROUP BY 1, 2;
CREATE TRIGGER board_came AFTER INSERT ON board BEGIN
    INSERT INTO tally (status, reason, boards) VALUES (NEW.status, coalesce(NEW.reason, ''), 1)
        ON CONFLICT (status, reason) DO UPDATE SET boards = boards + 1;
END;
CREATE TRIGGER board_moved AFTER UPDATE OF status, reason ON board
    WHEN NEW.status <> OLD.status OR NEW.reason IS NOT OLD.reason BEGIN
    UPDATE tally SET boards = boards - 1 WHERE status = OLD.status AND reason = coalesce(OLD.reason, '');
    INSERT INTO tally (status, reason, boards) VALUES (NEW.status, coalesce(NEW.reason, ''), 1)
        ON CONFLICT (status, reason) DO UPDATE SET boards = boards + 1;
END;
CREATE TRIGGER board_went AFTER DELETE ON board BEGIN
    UPDATE tally SET boards = boards - 1 WHERE status = OLD.status AND reason = coalesce(OLD.reason, '');
END;

-- Boards that wait for the same, those first that nothing but a wake-up makes due.
CREATE INDEX board_waiting ON board (reason, due_at) WHERE status = 'waiting';
-- Boards that a complete list must have, and those that one lacked.
CREATE INDEX board_expected ON board (workspace, id)
    WHERE room_id IS NOT NULL AND missing_at IS NULL AND kind IS NOT NULL AND status <> 'ignored';
CREATE INDEX board_missing ON board (id) WHERE missing_at IS NOT NULL;

-- The budget of Trello requests. A row is what a service holds, what rests since its requests have ended, or the place of a service that
-- waits. It counts until free_at; one of a program of before has none and counts from at.
ALTER TABLE budget ADD COLUMN holder TEXT;
ALTER TABLE budget ADD COLUMN free_at INTEGER;
ALTER TABLE budget ADD COLUMN need INTEGER;
ALTER TABLE budget ADD COLUMN since INTEGER;
