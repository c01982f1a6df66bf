-- A trace: the one that the next look at a board is a part of, as a W3C traceparent. Only adds: a program of before goes on beside it.

ALTER TABLE board ADD COLUMN trace TEXT;
