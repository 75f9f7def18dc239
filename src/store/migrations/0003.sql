-- Links that do not work, known over many checks; and what is remembered of hosts.

-- Rows of before have no id: it is made of their url when they are read.
ALTER TABLE link_faults ADD COLUMN id        TEXT    NOT NULL DEFAULT '';
ALTER TABLE link_faults ADD COLUMN element   TEXT    NOT NULL DEFAULT '';
ALTER TABLE link_faults ADD COLUMN attribute TEXT    NOT NULL DEFAULT '';
ALTER TABLE link_faults ADD COLUMN line      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link_faults ADD COLUMN col       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link_faults ADD COLUMN pages     INTEGER NOT NULL DEFAULT 1;
ALTER TABLE link_faults ADD COLUMN detail    TEXT    NOT NULL DEFAULT '';

ALTER TABLE runs ADD COLUMN crawl TEXT;

CREATE TABLE links (
    probe         TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    class         TEXT    NOT NULL,
    status        INTEGER,
    page          TEXT    NOT NULL,
    text          TEXT    NOT NULL,
    on_home       INTEGER NOT NULL CHECK (on_home IN (0, 1)),
    pages         INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    fixed_at      INTEGER,
    first_run     TEXT    NOT NULL,
    last_run      TEXT    NOT NULL,
    PRIMARY KEY (probe, target, id)
) STRICT;
-- Few of those that were ever found are broken now.
CREATE INDEX links_open ON links (probe, target) WHERE fixed_at IS NULL;
-- What the newest check mended.
CREATE INDEX links_fixed ON links (probe, target, fixed_at) WHERE fixed_at IS NOT NULL;

CREATE TABLE hosts (
    host        TEXT    NOT NULL PRIMARY KEY,
    robots      BLOB,
    robots_at   INTEGER,
    day         TEXT    NOT NULL,
    requests    INTEGER NOT NULL,
    cool_until  INTEGER,
    cool_reason TEXT,
    CHECK ((robots IS NULL) = (robots_at IS NULL)),
    CHECK ((cool_until IS NULL) = (cool_reason IS NULL))
) STRICT;
