-- What several services on one database share. Only adds: a program of before goes on beside it.

-- The budget of Trello requests. A row is what a service holds, what rests since its requests have ended, or the place of a service that
-- waits. It counts until free_at; one of a program of before has none and counts from at.
ALTER TABLE budget ADD COLUMN holder TEXT COLLATE "C";
ALTER TABLE budget ADD COLUMN free_at BIGINT;
ALTER TABLE budget ADD COLUMN need BIGINT;
ALTER TABLE budget ADD COLUMN since BIGINT;
