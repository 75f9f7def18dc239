-- A chain over all records, so that what was changed, removed, put in or cut off can be shown; what
-- retention removed; what was lost; runs by hour.

CREATE TABLE chain (
    seq       INTEGER NOT NULL PRIMARY KEY,
    what      TEXT    NOT NULL CHECK (what IN ('genesis', 'run', 'gap', 'adopted', 'prune', 'loss')),
    id        TEXT    NOT NULL,
    probe     TEXT,
    target    TEXT,
    at        INTEGER NOT NULL,
    -- By which rules the digest is made.
    version   INTEGER NOT NULL,
    -- The record was there before the chain.
    late      INTEGER NOT NULL CHECK (late IN (0, 1)),
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    link      BLOB    NOT NULL CHECK (length(link) = 32),
    -- The entry that says that the record was removed. Not part of the link; that entry's digest
    -- covers it.
    pruned_by INTEGER REFERENCES chain (seq)
) STRICT;
CREATE UNIQUE INDEX chain_by_id ON chain (what, id);
CREATE INDEX chain_pruned ON chain (pruned_by) WHERE pruned_by IS NOT NULL;

-- Records of before, which the daemon chains bit by bit.
CREATE TABLE to_chain (
    position INTEGER NOT NULL PRIMARY KEY,
    what     TEXT    NOT NULL CHECK (what IN ('run', 'gap')),
    -- A run's id.
    id       TEXT,
    -- A gap's slot.
    probe    TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
INSERT INTO to_chain (what, id, probe, target, at)
    SELECT 'run', id, probe, target, finished_at AS at FROM runs WHERE state = 'finished'
    UNION ALL
    SELECT 'gap', NULL, probe, target, scheduled_at FROM gaps
    ORDER BY at;

CREATE TABLE heads (
    seq       INTEGER NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    link      BLOB    NOT NULL,
    signed_at INTEGER NOT NULL,
    signature BLOB    NOT NULL,
    -- The public key, as hex.
    key       TEXT    NOT NULL
) STRICT;

-- Evidence files that retention removed, by the entry of the chain that says so.
CREATE TABLE pruned_files (
    hash TEXT    NOT NULL,
    seq  INTEGER NOT NULL REFERENCES chain (seq),
    PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX pruned_files_by_entry ON pruned_files (seq);
-- When the file was removed; NULL while it is kept.
ALTER TABLE evidence ADD COLUMN removed_at INTEGER;
CREATE INDEX evidence_kept ON evidence (hash, size) WHERE removed_at IS NULL;

CREATE TABLE losses (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The instant of the last record that is left; NULL when none is.
    since   INTEGER,
    until   INTEGER NOT NULL,
    why     TEXT    NOT NULL,
    -- The folder with what was moved aside.
    kept_in TEXT
) STRICT;

CREATE TABLE run_hours (
    probe  TEXT    NOT NULL,
    target TEXT    NOT NULL,
    hour   INTEGER NOT NULL,
    times  BLOB    NOT NULL,
    PRIMARY KEY (probe, target, hour)
) STRICT;

CREATE TABLE run_hour_verdicts (
    probe   TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    hour    INTEGER NOT NULL,
    verdict TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (probe, target, hour, verdict)
) STRICT, WITHOUT ROWID;

-- What comes at regular times whatever happens: digests and heartbeats, by what they are called.
CREATE TABLE recurring (
    name    TEXT    NOT NULL PRIMARY KEY,
    -- The slot up to which it was told; the next one tells of the time since.
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The newest heartbeat is asked for with every scrape.
CREATE INDEX notices_heartbeats ON notices (created_at) WHERE kind = 'heartbeat';
