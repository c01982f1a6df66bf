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

-- What costs the same for a million boards as for ten. A program of before is counted with.

-- How many boards stand where, as the sum of what came and went: a row that every writer had to change would make them wait for each other,
-- in no order. So each adds rows of its own, and about every hundredth writer sums some up.
CREATE TABLE tally (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    status TEXT COLLATE "C" NOT NULL,
    -- Empty where there is none.
    reason TEXT COLLATE "C" NOT NULL,
    boards BIGINT NOT NULL
);

-- What another transaction is summing up is passed over; what is not committed yet is not seen.
CREATE FUNCTION sum_up_tally() RETURNS void LANGUAGE sql AS $$
    WITH summed AS (
        DELETE FROM tally WHERE id = ANY(ARRAY(SELECT id FROM tally ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED))
            RETURNING status, reason, boards)
    INSERT INTO tally (status, reason, boards)
        SELECT status, reason, sum(boards) FROM summed GROUP BY status, reason HAVING sum(boards) <> 0;
$$;
CREATE FUNCTION board_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (status, reason, boards) SELECT status, coalesce(reason, ''), count(*) FROM came GROUP BY 1, 2;
    IF FOUND AND random() < 0.01 THEN PERFORM sum_up_tally(); END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION board_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (status, reason, boards)
        VALUES (OLD.status, coalesce(OLD.reason, ''), -1), (NEW.status, coalesce(NEW.reason, ''), 1);
    IF random() < 0.01 THEN PERFORM sum_up_tally(); END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION board_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (status, reason, boards) SELECT status, coalesce(reason, ''), -count(*) FROM gone GROUP BY 1, 2;
    RETURN NULL;
END $$;
CREATE FUNCTION boards_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tally;
    RETURN NULL;
END $$;
CREATE TRIGGER board_came AFTER INSERT ON board REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION board_came();
-- Row by row, for only so can it be told beforehand that a row did not move: most statements move none, and this costs them nothing.
CREATE TRIGGER board_moved AFTER UPDATE OF status, reason ON board FOR EACH ROW
    WHEN (NEW.status <> OLD.status OR NEW.reason IS DISTINCT FROM OLD.reason) EXECUTE FUNCTION board_moved();
CREATE TRIGGER board_went AFTER DELETE ON board REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION board_went();
CREATE TRIGGER boards_went AFTER TRUNCATE ON board FOR EACH STATEMENT EXECUTE FUNCTION boards_went();
-- After the triggers: from here on nobody writes before this is done.
INSERT INTO tally (status, reason, boards) SELECT status, coalesce(reason, ''), count(*) FROM board GROUP BY 1, 2;

-- Boards that wait for the same: those that nothing but a wake-up makes due, and the others. Sorted by an expression, so that the planner
-- cannot take the index of all numbers instead, and pass over those that were just woken.
CREATE INDEX board_asleep ON board (reason, (number + 0)) WHERE status = 'waiting' AND due_at IS NULL;
CREATE INDEX board_waiting ON board (reason, due_at) WHERE status = 'waiting';
-- Boards that a complete list must have, and those that one lacked.
CREATE INDEX board_expected ON board (coalesce(workspace, ''), id)
    WHERE room_id IS NOT NULL AND missing_at IS NULL AND kind IS NOT NULL AND status <> 'ignored';
CREATE INDEX board_missing ON board (id) WHERE missing_at IS NOT NULL;

-- The budget of Trello requests. A row is what a service holds, what rests since its requests have ended, or the place of a service that
-- waits. It counts until free_at; one of a program of before has none and counts from at.
ALTER TABLE budget ADD COLUMN holder TEXT COLLATE "C";
ALTER TABLE budget ADD COLUMN free_at BIGINT;
ALTER TABLE budget ADD COLUMN need BIGINT;
ALTER TABLE budget ADD COLUMN since BIGINT;
