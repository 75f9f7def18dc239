-- What people observe: what coders wrote down, figures from elsewhere, posts of citizens.

CREATE TABLE codings (
    -- In the order in which they were written down.
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The SHA-256 of all that follows but the last column: the same row is kept once.
    id        TEXT    NOT NULL UNIQUE,
    coder     TEXT    NOT NULL,
    indicator TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    evidence  TEXT    REFERENCES evidence (hash),
    source    TEXT    NOT NULL,
    year      INTEGER,
    made_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX codings_at ON codings (at);
-- Retention asks whether a file is somebody's proof.
CREATE INDEX codings_evidence ON codings (evidence) WHERE evidence IS NOT NULL;
-- Nothing is ever changed: who was wrong writes again.
CREATE TRIGGER codings_stay BEFORE UPDATE ON codings BEGIN
    SELECT raise(ABORT, 'codings are never changed');
END;
CREATE TRIGGER codings_last BEFORE DELETE ON codings BEGIN
    SELECT raise(ABORT, 'codings are never removed');
END;

CREATE TABLE posts (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The SHA-256 of all that follows but the last column.
    id       TEXT    NOT NULL UNIQUE,
    target   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    text     TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    made_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX posts_at ON posts (at);
