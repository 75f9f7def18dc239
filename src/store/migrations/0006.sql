-- What waits too long for somebody is told to others; how many messages stand how is counted as it
-- happens, so that nobody has to read all of the outbox to know.

-- When others heard that this message waits; NULL when they did not.
ALTER TABLE outbox ADD COLUMN told_elsewhere_at INTEGER;
CREATE INDEX outbox_told_elsewhere ON outbox (recipient, told_elsewhere_at) WHERE told_elsewhere_at IS NOT NULL;
CREATE INDEX outbox_failed ON outbox (recipient, id) WHERE state = 'failed';

CREATE TABLE outbox_counts (
    state TEXT    NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO outbox_counts (state, count) SELECT state, count(*) FROM outbox GROUP BY state;
CREATE TRIGGER outbox_counts_new AFTER INSERT ON outbox BEGIN
    INSERT INTO outbox_counts (state, count) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER outbox_counts_changed AFTER UPDATE OF state ON outbox WHEN old.state <> new.state BEGIN
    UPDATE outbox_counts SET count = count - 1 WHERE state = old.state;
    INSERT INTO outbox_counts (state, count) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER outbox_counts_gone AFTER DELETE ON outbox BEGIN
    UPDATE outbox_counts SET count = count - 1 WHERE state = old.state;
END;
