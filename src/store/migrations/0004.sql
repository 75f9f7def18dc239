-- Incidents of several kinds (outages, what is slow, broken links, scripts that rot, ourselves),
-- waves over many targets, who took one upon himself; notices that are about no incident; silences.
-- Columns cannot be made NULL in place, so three tables are made anew. Foreign keys are off while
-- migrations run, and checked after them.

CREATE TABLE incidents_new (
    id             TEXT    NOT NULL PRIMARY KEY,
    concern        TEXT    NOT NULL CHECK (concern IN ('outage', 'slow', 'links', 'script_rot', 'vantage')),
    severity       TEXT    NOT NULL CHECK (severity IN ('info', 'degraded', 'outage')),
    scope          TEXT    NOT NULL CHECK (scope IN ('pair', 'wave', 'vantage')),
    -- What the targets of a wave have in common, as JSON.
    shared         TEXT,
    parent         TEXT    REFERENCES incidents (id),
    flapping       INTEGER NOT NULL CHECK (flapping IN (0, 1)),
    probe          TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    since          INTEGER NOT NULL,
    opened_at      INTEGER NOT NULL,
    -- Runs may be gone by the time, the incident stays.
    opened_by      TEXT,
    closed_at      INTEGER,
    closed_by      TEXT,
    told_at        INTEGER,
    last_notice_at INTEGER,
    reminders      INTEGER NOT NULL,
    thread         TEXT    NOT NULL UNIQUE,
    outcome        TEXT    NOT NULL,
    step           TEXT    NOT NULL,
    acked_at       INTEGER,
    acked_by       TEXT,
    ack_note       TEXT,
    -- 1 when nothing is left to tell about it: it is over, and everybody who knew of it knows that.
    settled        INTEGER NOT NULL CHECK (settled IN (0, 1)),
    CHECK ((scope = 'wave') = (shared IS NOT NULL)),
    CHECK ((acked_at IS NULL) = (acked_by IS NULL))
) STRICT;
INSERT INTO incidents_new (id, concern, severity, scope, flapping, probe, target, since, opened_at, opened_by,
        closed_at, closed_by, told_at, last_notice_at, reminders, thread, outcome, step, settled)
    SELECT id, 'outage', 'outage', 'pair', 0, probe, target, since, opened_at, opened_by,
        closed_at, closed_by, opened_at, last_notice_at, 0, thread, outcome, step, closed_at IS NOT NULL
    FROM incidents;
DROP TABLE incidents;
ALTER TABLE incidents_new RENAME TO incidents;
-- The promise of the judge, kept once more by the database.
CREATE UNIQUE INDEX incidents_one_open ON incidents (probe, target) WHERE closed_at IS NULL AND scope = 'pair';
CREATE UNIQUE INDEX incidents_one_vantage ON incidents (scope) WHERE closed_at IS NULL AND scope = 'vantage';
CREATE INDEX incidents_by_opening ON incidents (opened_at);
CREATE INDEX incidents_by_parent ON incidents (parent) WHERE parent IS NOT NULL;
CREATE INDEX incidents_to_tell ON incidents (opened_at) WHERE settled = 0;
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;

CREATE TABLE notices_new (
    id         TEXT    NOT NULL PRIMARY KEY,
    incident   TEXT    REFERENCES incidents (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('opened', 'worsened', 'flapping', 'reminder', 'escalated',
        'resolved', 'digest', 'heartbeat', 'flood', 'undeliverable', 'test')),
    created_at INTEGER NOT NULL,
    message_id TEXT    NOT NULL UNIQUE,
    recipients TEXT    NOT NULL,
    notice     TEXT    NOT NULL
) STRICT;
INSERT INTO notices_new (id, incident, kind, created_at, message_id, recipients, notice)
    SELECT id, incident, kind, created_at, message_id, recipients, notice FROM notices;
DROP TABLE notices;
ALTER TABLE notices_new RENAME TO notices;
CREATE INDEX notices_by_incident ON notices (incident);

CREATE TABLE outbox_new (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    notice      TEXT    NOT NULL REFERENCES notices (id),
    -- A mail address, or `hook:` and the name of a webhook.
    recipient   TEXT    NOT NULL,
    -- `bundled`: told in one mail with much else.
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'superseded', 'bundled')),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    sent_at     INTEGER,
    error       TEXT,
    UNIQUE (notice, recipient)
) STRICT;
INSERT INTO outbox_new (id, notice, recipient, state, attempts, next_try_at, sent_at, error)
    SELECT id, notice, recipient, state, attempts, next_try_at, sent_at, error FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE state = 'pending';
CREATE INDEX outbox_waiting ON outbox (recipient, id) WHERE state = 'pending';
CREATE INDEX outbox_sent ON outbox (recipient, sent_at) WHERE state = 'sent';

-- What the judge remembers of a pair: good runs by time, what works badly, up and down for flapping.
ALTER TABLE probe_states ADD COLUMN good_since INTEGER;
-- What is wrong although it works, as JSON.
ALTER TABLE probe_states ADD COLUMN trouble TEXT;
ALTER TABLE probe_states ADD COLUMN history TEXT NOT NULL DEFAULT '';
ALTER TABLE probe_states ADD COLUMN seen_at INTEGER;
CREATE INDEX probe_states_failing ON probe_states (failing_since) WHERE failing_since IS NOT NULL;

-- Whether we can see at all, for each name under which this agent ran.
CREATE TABLE vantage_states (
    vantage TEXT NOT NULL PRIMARY KEY,
    -- What the judge remembers, as JSON.
    state   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Somebody asked that nobody be told for a while.
CREATE TABLE silences (
    id         TEXT    NOT NULL PRIMARY KEY,
    -- NULL: every one.
    target     TEXT,
    probe      TEXT,
    starts_at  INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    made_by    TEXT    NOT NULL,
    reason     TEXT    NOT NULL
) STRICT;

-- What answers whenever we can see, asked after a run that failed, as JSON.
ALTER TABLE runs ADD COLUMN canaries TEXT;
