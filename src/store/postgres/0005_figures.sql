-- What was counted, for the plot of the page. Only adds: a program of before goes on beside it. What columns mean is written where
-- SQLite's are.

CREATE TABLE figure (
    width BIGINT NOT NULL,
    at BIGINT NOT NULL,
    deliveries BIGINT NOT NULL,
    rooms BIGINT NOT NULL,
    PRIMARY KEY (width, at)
);
