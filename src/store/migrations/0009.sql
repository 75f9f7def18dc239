-- What scoring asks stands by the hour, in the order in which it is asked: target by target. The hours
-- of before are taken over; what they never had is made up from the runs that are still there, bit by bit
-- (`to_roll_up`).

-- Whether the scenario of a walk counted for scores when it was walked.
ALTER TABLE runs ADD COLUMN scored INTEGER NOT NULL DEFAULT 1 CHECK (scored IN (0, 1));

-- Of hours of before the scenario and the kind were not kept: the newest that is known is taken.
CREATE TABLE step_owners (
    probe    TEXT NOT NULL,
    target   TEXT NOT NULL,
    step     TEXT NOT NULL,
    scenario TEXT NOT NULL,
    PRIMARY KEY (probe, target, step)
) STRICT, WITHOUT ROWID;
INSERT INTO step_owners (probe, target, step, scenario)
    SELECT h.probe, h.target, h.step, coalesce(
        (SELECT r.scenario FROM runs r JOIN steps s ON s.run = r.id AND s.name = h.step
            WHERE r.probe = h.probe AND r.target = h.target AND r.scenario IS NOT NULL
            ORDER BY r.started_at DESC LIMIT 1),
        (SELECT r.scenario FROM runs r JOIN steps s ON s.run = r.id AND s.name = h.step
            WHERE r.probe = h.probe AND r.scenario IS NOT NULL ORDER BY r.started_at DESC LIMIT 1),
        '')
    FROM (SELECT DISTINCT probe, target, step FROM step_hour_outcomes) h;

CREATE TABLE step_hours_new (
    target   TEXT    NOT NULL,
    probe    TEXT    NOT NULL,
    -- Empty for visits and link checks.
    scenario TEXT    NOT NULL,
    step     TEXT    NOT NULL,
    hour     INTEGER NOT NULL,
    -- How often it ended in which way, as JSON.
    outcomes TEXT    NOT NULL,
    -- NULL when it never worked in this hour.
    times    BLOB,
    PRIMARY KEY (target, probe, scenario, step, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO step_hours_new (target, probe, scenario, step, hour, outcomes, times)
    SELECT o.target, o.probe, w.scenario, o.step, o.hour, json_group_object(o.outcome, o.count),
        (SELECT t.times FROM step_hours t
            WHERE t.probe = o.probe AND t.target = o.target AND t.step = o.step AND t.hour = o.hour)
    FROM step_hour_outcomes o
        JOIN step_owners w ON w.probe = o.probe AND w.target = o.target AND w.step = o.step
    GROUP BY o.target, o.probe, w.scenario, o.step, o.hour;
DROP TABLE step_hours;
DROP TABLE step_hour_outcomes;
DROP TABLE step_owners;
ALTER TABLE step_hours_new RENAME TO step_hours;

CREATE TABLE run_hours_new (
    target         TEXT    NOT NULL,
    probe          TEXT    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('walk', 'visit', 'crawl')),
    hour           INTEGER NOT NULL,
    pass           INTEGER NOT NULL,
    degraded       INTEGER NOT NULL,
    fail           INTEGER NOT NULL,
    inconclusive   INTEGER NOT NULL,
    -- NULL when no run of this hour ended `pass` or `degraded`.
    times          BLOB,
    -- Facts that hold or do not, each time they were looked at.
    tls_yes        INTEGER NOT NULL,
    tls_no         INTEGER NOT NULL,
    viewport_yes   INTEGER NOT NULL,
    viewport_no    INTEGER NOT NULL,
    ipv6_yes       INTEGER NOT NULL,
    ipv6_no        INTEGER NOT NULL,
    accessible_yes INTEGER NOT NULL,
    accessible_no  INTEGER NOT NULL,
    downloads_yes  INTEGER NOT NULL,
    downloads_no   INTEGER NOT NULL,
    PRIMARY KEY (target, probe, kind, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_kinds (
    probe  TEXT NOT NULL,
    target TEXT NOT NULL,
    kind   TEXT NOT NULL,
    PRIMARY KEY (probe, target)
) STRICT, WITHOUT ROWID;
INSERT INTO run_kinds (probe, target, kind)
    SELECT h.probe, h.target, coalesce(
        (SELECT r.kind FROM runs r WHERE r.probe = h.probe AND r.target = h.target
            ORDER BY r.started_at DESC LIMIT 1),
        (SELECT r.kind FROM runs r WHERE r.probe = h.probe ORDER BY r.started_at DESC LIMIT 1),
        -- Nothing is scored by the times of whole walks.
        'walk')
    FROM (SELECT DISTINCT probe, target FROM run_hour_verdicts) h;
INSERT INTO run_hours_new (target, probe, kind, hour, pass, degraded, fail, inconclusive, times, tls_yes, tls_no,
        viewport_yes, viewport_no, ipv6_yes, ipv6_no, accessible_yes, accessible_no, downloads_yes, downloads_no)
    SELECT v.target, v.probe, k.kind, v.hour,
        coalesce(sum(v.count) FILTER (WHERE v.verdict = 'pass'), 0),
        coalesce(sum(v.count) FILTER (WHERE v.verdict = 'degraded'), 0),
        coalesce(sum(v.count) FILTER (WHERE v.verdict = 'fail'), 0),
        coalesce(sum(v.count) FILTER (WHERE v.verdict = 'inconclusive'), 0),
        (SELECT t.times FROM run_hours t WHERE t.probe = v.probe AND t.target = v.target AND t.hour = v.hour),
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM run_hour_verdicts v JOIN run_kinds k ON k.probe = v.probe AND k.target = v.target
    GROUP BY v.target, v.probe, k.kind, v.hour;
DROP TABLE run_hours;
DROP TABLE run_hour_verdicts;
DROP TABLE run_kinds;
ALTER TABLE run_hours_new RENAME TO run_hours;

CREATE TABLE gap_hours (
    target TEXT    NOT NULL,
    probe  TEXT    NOT NULL,
    hour   INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (target, probe, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO gap_hours (target, probe, hour, count)
    SELECT target, probe, scheduled_at - ((scheduled_at % 3600000000) + 3600000000) % 3600000000 AS hour, sum(count)
    FROM gaps GROUP BY target, probe, hour;

-- What the steps of walks are about: as the newest run had it.
CREATE TABLE feeds (
    probe    TEXT    NOT NULL,
    scenario TEXT    NOT NULL,
    step     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    stage    TEXT    NOT NULL,
    -- Indicators, as JSON.
    measure  TEXT    NOT NULL,
    scored   INTEGER NOT NULL CHECK (scored IN (0, 1)),
    -- When a run that had it so began, to the day.
    seen_at  INTEGER NOT NULL,
    PRIMARY KEY (probe, scenario, step)
) STRICT, WITHOUT ROWID;

-- Link checks that went through.
CREATE TABLE link_checks (
    target    TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    run       TEXT    NOT NULL,
    probe     TEXT    NOT NULL,
    home      INTEGER NOT NULL,
    elsewhere INTEGER NOT NULL,
    checked   INTEGER NOT NULL,
    PRIMARY KEY (target, at, run)
) STRICT, WITHOUT ROWID;

-- Runs of before whose facts, link checks and feeds are not in the tables above yet.
CREATE TABLE to_roll_up (
    position INTEGER NOT NULL PRIMARY KEY,
    run      TEXT    NOT NULL
) STRICT;
INSERT INTO to_roll_up (run)
    SELECT id FROM runs WHERE state = 'finished' AND cause <> 'manual' ORDER BY started_at;

-- What was scored, as it was scored.
CREATE TABLE assessments (
    -- The SHA-256 of `assessment`, as hex.
    hash         TEXT    NOT NULL PRIMARY KEY,
    profile      TEXT    NOT NULL,
    profile_hash TEXT    NOT NULL,
    -- Days, as `2026-11-05`.
    first        TEXT    NOT NULL,
    last         TEXT    NOT NULL,
    timezone     TEXT    NOT NULL,
    made_at      INTEGER NOT NULL,
    assessment   TEXT    NOT NULL
) STRICT;
CREATE INDEX assessments_by_time ON assessments (made_at);
