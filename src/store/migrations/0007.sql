-- Slots that were missed and are too many to be recorded one by one share a row.

CREATE TABLE gaps_7 (
    probe        TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    scheduled_at INTEGER NOT NULL,
    -- The last slot that the row tells of: the same one, unless it stands for several.
    until        INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    count        INTEGER NOT NULL,
    PRIMARY KEY (probe, target, scheduled_at, until),
    CHECK (count >= 1 AND until >= scheduled_at AND (count = 1) = (until = scheduled_at))
) STRICT, WITHOUT ROWID;
INSERT INTO gaps_7 (probe, target, scheduled_at, until, reason, count)
    SELECT probe, target, scheduled_at, scheduled_at, reason, 1 FROM gaps;
DROP TABLE gaps;
ALTER TABLE gaps_7 RENAME TO gaps;
CREATE INDEX gaps_by_slot ON gaps (scheduled_at);
CREATE INDEX gaps_of_many ON gaps (until) WHERE until > scheduled_at;
