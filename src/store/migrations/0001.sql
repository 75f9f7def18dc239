-- The first schema. Migrations are append-only: what a released version has run is never changed.
-- Instants are whole microseconds since 1970 in UTC, in columns that end in _at (and `since`,
-- `until`, `hour`). docs/data.md tells what the columns mean.

PRAGMA application_id = 0x4D535348; -- "MSSH"

CREATE TABLE runs (
    id            TEXT    NOT NULL PRIMARY KEY,
    probe         TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('walk', 'visit', 'crawl')),
    state         TEXT    NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
    cause         TEXT    NOT NULL CHECK (cause IN ('schedule', 'confirmation', 'manual')),
    cause_of      TEXT,
    scheduled_at  INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    elapsed_ms    INTEGER,
    attempts      INTEGER,
    verdict       TEXT    CHECK (verdict IN ('pass', 'degraded', 'fail', 'inconclusive')),
    reason        TEXT,
    scenario      TEXT,
    scenario_hash TEXT,
    vantage       TEXT,
    links_checked INTEGER,
    visit         TEXT,
    browser       TEXT,
    agent_version TEXT,
    CHECK (state <> 'finished' OR (finished_at IS NOT NULL AND verdict IS NOT NULL))
) STRICT;
CREATE INDEX runs_by_pair ON runs (probe, target, started_at);
CREATE INDEX runs_by_slot ON runs (probe, target, scheduled_at);
CREATE INDEX runs_by_start ON runs (started_at);

CREATE TABLE steps (
    run        TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    measure    TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    credit     INTEGER,
    elapsed_ms INTEGER NOT NULL,
    own_ms     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    error      TEXT,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE observations (
    run      TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    facts    TEXT    NOT NULL,
    PRIMARY KEY (run, position)
) STRICT;

CREATE TABLE evidence (
    hash TEXT    NOT NULL PRIMARY KEY,
    mime TEXT    NOT NULL,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE step_evidence (
    run      TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    hash     TEXT    NOT NULL REFERENCES evidence (hash),
    label    TEXT    NOT NULL,
    PRIMARY KEY (run, position, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_evidence_by_hash ON step_evidence (hash);

CREATE TABLE link_faults (
    run     TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    page    TEXT    NOT NULL,
    url     TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    status  INTEGER,
    class   TEXT    NOT NULL,
    on_home INTEGER NOT NULL CHECK (on_home IN (0, 1)),
    PRIMARY KEY (run, number)
) STRICT;

CREATE TABLE gaps (
    probe        TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    scheduled_at INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (probe, target, scheduled_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX gaps_by_slot ON gaps (scheduled_at);

CREATE TABLE step_hours (
    probe     TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    step      TEXT    NOT NULL,
    hour      INTEGER NOT NULL,
    times     BLOB    NOT NULL,
    PRIMARY KEY (probe, target, step, hour)
) STRICT;

CREATE TABLE step_hour_outcomes (
    probe   TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    step    TEXT    NOT NULL,
    hour    INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (probe, target, step, hour, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    id             TEXT    NOT NULL PRIMARY KEY,
    probe          TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    since          INTEGER NOT NULL,
    opened_at      INTEGER NOT NULL,
    opened_by      TEXT    NOT NULL REFERENCES runs (id),
    closed_at      INTEGER,
    closed_by      TEXT    REFERENCES runs (id),
    last_notice_at INTEGER,
    thread         TEXT    NOT NULL UNIQUE,
    outcome        TEXT    NOT NULL,
    step           TEXT    NOT NULL,
    CHECK ((closed_at IS NULL) = (closed_by IS NULL))
) STRICT;
-- The promise of the judge, kept once more by the database.
CREATE UNIQUE INDEX incidents_one_open ON incidents (probe, target) WHERE closed_at IS NULL;
CREATE INDEX incidents_by_opening ON incidents (opened_at);

CREATE TABLE probe_states (
    probe         TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    failing       TEXT    NOT NULL,
    failing_since INTEGER,
    good          TEXT    NOT NULL,
    doubts        INTEGER NOT NULL,
    incident      TEXT    REFERENCES incidents (id),
    PRIMARY KEY (probe, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    id         TEXT    NOT NULL PRIMARY KEY,
    incident   TEXT    NOT NULL REFERENCES incidents (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('opened', 'reminder', 'resolved')),
    created_at INTEGER NOT NULL,
    message_id TEXT    NOT NULL UNIQUE,
    recipients TEXT    NOT NULL,
    notice     TEXT    NOT NULL
) STRICT;
CREATE INDEX notices_by_incident ON notices (incident);

CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    notice      TEXT    NOT NULL REFERENCES notices (id),
    recipient   TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'sent', 'failed')),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    sent_at     INTEGER,
    error       TEXT,
    UNIQUE (notice, recipient)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE state = 'pending';

CREATE TABLE cool_downs (
    target TEXT    NOT NULL PRIMARY KEY,
    until  INTEGER NOT NULL,
    reason TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
