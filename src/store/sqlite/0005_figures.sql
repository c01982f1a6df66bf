-- What was counted, for the plot of the page. Only adds: a program of before goes on beside it.

CREATE TABLE figure (
    -- How long the span is that was counted, and when it began; milliseconds. Minutes are kept for a day, hours for a week.
    width INTEGER NOT NULL,
    at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    rooms INTEGER NOT NULL,
    PRIMARY KEY (width, at)
) STRICT, WITHOUT ROWID;
