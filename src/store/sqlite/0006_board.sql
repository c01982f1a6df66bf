-- A trace: the one that the next look at a board is a part of, as a W3C traceparent. Only adds: a program of before goes on beside it.

ALTER TABLE board ADD COLUMN trace TEXT;

-- A board that nobody has looked at yet has neither name nor short link: it needs no place in these.
DROP INDEX board_name;
CREATE INDEX board_name ON board (name) WHERE name IS NOT NULL;
DROP INDEX board_short_link;
CREATE INDEX board_short_link ON board (short_link) WHERE short_link IS NOT NULL;
