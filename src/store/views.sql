-- Views for people who open the database in their own tools. Their names and columns stay as they
-- are from version to version, whatever becomes of the tables; docs/data.md tells what they mean.
-- Instants are ISO 8601 in UTC, truths are 1 and 0. No semicolon stands inside a statement.

CREATE VIEW v_runs AS
SELECT r.id AS run, r.probe, r.target, r.kind, r.cause, r.cause_of AS confirms,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.scheduled_at / 1000000.0, 'unixepoch') AS scheduled_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.started_at / 1000000.0, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.finished_at / 1000000.0, 'unixepoch') AS finished_at,
    r.elapsed_ms, r.attempts, r.verdict, r.reason,
    (SELECT s.name FROM steps s WHERE s.run = r.id AND s.outcome NOT IN ('done', 'online_ready')
        ORDER BY s.position LIMIT 1) AS ended_at_step,
    (SELECT s.outcome FROM steps s WHERE s.run = r.id AND s.outcome NOT IN ('done', 'online_ready')
        ORDER BY s.position LIMIT 1) AS outcome,
    r.scenario, r.vantage, r.links_checked, r.browser, r.agent_version
FROM runs r WHERE r.state = 'finished';

CREATE VIEW v_steps AS
SELECT s.run, r.probe, r.target,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.started_at / 1000000.0, 'unixepoch') AS started_at,
    s.position, s.name AS step, s.stage, s.outcome, s.outcome IN ('done', 'online_ready') AS worked,
    s.credit, s.elapsed_ms, s.own_ms, s.attempts, s.error,
    o.facts ->> '$.url' AS url, o.facts ->> '$.title' AS title, o.facts ->> '$.main.status' AS status
FROM steps s JOIN runs r ON r.id = s.run JOIN observations o ON o.run = s.run AND o.position = s.position
WHERE r.state = 'finished';

CREATE VIEW v_evidence AS
SELECT p.run, p.position, p.number, p.kind, p.label, p.hash, e.mime, e.size,
    'evidence/' || substr(p.hash, 1, 2) AS folder,
    e.removed_at IS NOT NULL AS removed
FROM step_evidence p JOIN evidence e ON e.hash = p.hash;

CREATE VIEW v_incidents AS
SELECT id AS incident, concern, severity, scope, parent, probe, target,
    strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000000.0, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000000.0, 'unixepoch') AS opened_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', closed_at / 1000000.0, 'unixepoch') AS closed_at,
    closed_at IS NULL AS is_open, (closed_at - since) / 60000000 AS minutes,
    outcome, step, flapping AS is_flapping, acked_at IS NOT NULL AS is_acknowledged,
    strftime('%Y-%m-%dT%H:%M:%fZ', acked_at / 1000000.0, 'unixepoch') AS acknowledged_at,
    acked_by AS acknowledged_by
FROM incidents;

CREATE VIEW v_links AS
SELECT id AS link, probe, target, url, class, status, page, text, on_home, pages,
    strftime('%Y-%m-%dT%H:%M:%fZ', first_seen_at / 1000000.0, 'unixepoch') AS first_seen_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000000.0, 'unixepoch') AS broken_since,
    strftime('%Y-%m-%dT%H:%M:%fZ', last_seen_at / 1000000.0, 'unixepoch') AS last_seen_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', fixed_at / 1000000.0, 'unixepoch') AS fixed_at,
    fixed_at IS NULL AS is_broken
FROM links;

CREATE VIEW v_gaps AS
SELECT probe, target,
    strftime('%Y-%m-%dT%H:%M:%fZ', scheduled_at / 1000000.0, 'unixepoch') AS scheduled_at, reason,
    strftime('%Y-%m-%dT%H:%M:%fZ', until / 1000000.0, 'unixepoch') AS until, count
FROM gaps;

CREATE VIEW v_availability_by_day AS
SELECT probe, target, date(hour / 1000000, 'unixepoch') AS day,
    sum(pass + degraded + fail + inconclusive) AS runs,
    sum(pass) AS pass, sum(degraded) AS degraded, sum(fail) AS fail, sum(inconclusive) AS inconclusive,
    round(100.0 * sum(pass + degraded) / sum(pass + degraded + fail), 3) AS available_percent
FROM run_hours GROUP BY probe, target, day;

CREATE VIEW v_step_outcomes_by_day AS
SELECT h.probe, h.target, h.step, date(h.hour / 1000000, 'unixepoch') AS day, o.key AS outcome, sum(o.value) AS count
FROM step_hours h, json_each(h.outcomes) o GROUP BY h.probe, h.target, h.step, day, o.key;

CREATE VIEW v_mails AS
SELECT o.id AS mail, n.kind, n.incident, o.recipient, o.state, o.attempts,
    strftime('%Y-%m-%dT%H:%M:%fZ', n.created_at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', o.sent_at / 1000000.0, 'unixepoch') AS sent_at,
    o.error, n.message_id
FROM outbox o JOIN notices n ON n.id = o.notice;

CREATE VIEW v_losses AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000000.0, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%fZ', until / 1000000.0, 'unixepoch') AS until, why, kept_in
FROM losses;

CREATE VIEW v_codings AS
SELECT coder, indicator, target, value,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000.0, 'unixepoch') AS seen_at, note, evidence, source, year,
    strftime('%Y-%m-%dT%H:%M:%fZ', made_at / 1000000.0, 'unixepoch') AS written_down_at
FROM codings;

CREATE VIEW v_posts AS
SELECT target, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000.0, 'unixepoch') AS posted_at, text, source
FROM posts;
CREATE VIEW v_scorecards AS
SELECT a.hash AS assessment, a.profile, a.profile_hash, a.first, a.last,
    strftime('%Y-%m-%dT%H:%M:%fZ', a.made_at / 1000000.0, 'unixepoch') AS made_at,
    c.value ->> '$.target.id' AS target, c.value ->> '$.target.name' AS name,
    c.value ->> '$.rank' AS rank, c.value ->> '$.total' AS total,
    c.value ->> '$.interval.low' AS low, c.value ->> '$.interval.high' AS high,
    c.value ->> '$.coverage' AS coverage, json_array_length(c.value, '$.vetoes') AS vetoes
FROM assessments a, json_each(a.assessment, '$.cards') c;
