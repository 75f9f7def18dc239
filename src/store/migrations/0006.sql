-- What comes at regular times whatever happens: digests and heartbeats, by what they are called.
CREATE TABLE recurring (
    name    TEXT    NOT NULL PRIMARY KEY,
    -- The slot up to which it was told; the next one tells of the time since.
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The newest heartbeat is asked for with every scrape.
CREATE INDEX notices_heartbeats ON notices (created_at) WHERE kind = 'heartbeat';
