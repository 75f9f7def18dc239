//! Exports: everything that is kept, for other programs and for people with spreadsheets.
//!
//! JSON Lines carry the types of the house as they are; CSV and Parquet the columns that fit a table. Rows are
//! written as they are read, oldest first, so that a table of any size fits into memory.

mod links;
mod parquet;

use std::io::Write;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::csv::{Cell, record};
use super::error::StoreError;
use super::rows::run::{CutShort, Ended, cause_name};
use super::rows::{self, int, micros};
use crate::domain::ids::{IncidentId, ProbeId, RunId, TargetId};
use crate::domain::incident::{Incident, Shared};
use crate::domain::observation::Facts;
use crate::domain::run::{Gap, Run, StepRecord};

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// What.
    pub kind: ExportKind,
    /// In which form.
    pub format: ExportFormat,
    /// Only what began (opened, was scheduled) at this time or later; of slots that share a gap, when the
    /// last of them was.
    pub since: Option<Timestamp>,
    /// Only what began before this time.
    pub until: Option<Timestamp>,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportKind {
    /// Runs that are over, with their steps in JSON; those that were cut short among them.
    Runs,
    /// Steps, one a row.
    Steps,
    /// What was seen in each step.
    Observations,
    /// Links that do not work, as each run found them.
    LinkFaults,
    /// The ledger of links that were ever found broken, each once.
    Links,
    /// Incidents.
    Incidents,
    /// Slots that did not become runs.
    Gaps,
}

impl ExportKind {
    /// Every kind with its name on the command line.
    pub const ALL: [(&'static str, Self); 7] = [
        ("runs", Self::Runs),
        ("steps", Self::Steps),
        ("observations", Self::Observations),
        ("link_faults", Self::LinkFaults),
        ("links", Self::Links),
        ("incidents", Self::Incidents),
        ("gaps", Self::Gaps),
    ];
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// RFC 4180, with a header, in UTF-8; formulas are disarmed by a leading apostrophe.
    Csv,
    /// The columns of the CSV with their types, for programs that read columns.
    Parquet,
}

/// A step or what hangs on it, with the run it belongs to.
#[derive(Serialize)]
struct Line<'a, T> {
    run: &'a RunId,
    probe: &'a ProbeId,
    target: &'a TargetId,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    #[serde(flatten)]
    what: T,
}

/// The facts of a step under their own name, so that they do not mix with the run's fields.
#[derive(Serialize)]
struct Seen<'a> {
    step: &'a str,
    facts: &'a Facts,
}

/// The states in which a run is over, as the table has them.
const FINISHED: &str = "finished";
const INTERRUPTED: &str = "interrupted";

/// A run with the state in which it is over.
#[derive(Serialize)]
struct Over<'a, T> {
    state: &'static str,
    #[serde(flatten)]
    run: &'a T,
}

/// Writes an export; says how many rows (without the header).
pub(super) fn write(
    connection: &Connection,
    export: &Export,
    out: &mut (dyn Write + Send),
) -> Result<u64, StoreError> {
    // One snapshot, however long it takes and whatever is written meanwhile.
    let snapshot = connection.unchecked_transaction()?;
    let names = columns(export.kind);
    let form = match export.format {
        ExportFormat::Jsonl => Form::Jsonl(out),
        ExportFormat::Csv => {
            let header: Vec<Cell<'_>> = names.iter().map(|name| Cell::Text(name)).collect();
            record(out, &header).map_err(StoreError::Output)?;
            Form::Csv(out)
        }
        ExportFormat::Parquet => Form::Parquet(Box::new(parquet::Table::new(out, names)?)),
    };
    let mut sink = Sink { form, rows: 0 };
    match export.kind {
        ExportKind::Incidents => {
            let sql = format!(
                "SELECT {} FROM incidents WHERE (?1 IS NULL OR opened_at >= ?1) AND (?2 IS NULL OR opened_at < ?2)
                 ORDER BY opened_at, id",
                rows::incident::COLUMNS
            );
            each(&snapshot, &sql, export, rows::incident::read, |incident| sink.incident(&incident))?;
        }
        ExportKind::Gaps => {
            let sql = "SELECT probe, target, scheduled_at, reason, until, count FROM gaps
                 WHERE (?1 IS NULL OR until >= ?1) AND (?2 IS NULL OR scheduled_at < ?2)
                 ORDER BY scheduled_at, probe, target";
            each(&snapshot, sql, export, rows::run::read_gap, |gap| sink.gap(&gap))?;
        }
        ExportKind::Links => {
            let sql = format!(
                "SELECT probe, target, {} FROM links
                 WHERE (?1 IS NULL OR opened_at >= ?1) AND (?2 IS NULL OR opened_at < ?2)
                 ORDER BY first_seen_at, probe, target, url, id",
                rows::links::COLUMNS
            );
            each(&snapshot, &sql, export, rows::links::read_placed, |(probe, target, known)| {
                sink.known(&probe, &target, &known)
            })?;
        }
        ExportKind::Runs => {
            let sql = format!(
                "SELECT {}, state FROM runs WHERE state <> 'running'
                     AND (?1 IS NULL OR started_at >= ?1) AND (?2 IS NULL OR started_at < ?2)
                 ORDER BY started_at, id",
                rows::run::COLUMNS
            );
            each(&snapshot, &sql, export, rows::run::read_ended, |ended| match ended {
                Ended::Finished(run) => sink.whole_run(&rows::run::complete(&snapshot, *run)?),
                Ended::Interrupted(run) => sink.cut_short(&run),
            })?;
        }
        kind => {
            let sql = format!(
                "SELECT {} FROM runs WHERE state = 'finished'
                     AND (?1 IS NULL OR started_at >= ?1) AND (?2 IS NULL OR started_at < ?2)
                 ORDER BY started_at, id",
                rows::run::COLUMNS
            );
            each(&snapshot, &sql, export, rows::run::read, |run| {
                let run = rows::run::complete(&snapshot, run)?;
                match kind {
                    ExportKind::Observations => sink.observations(&run),
                    ExportKind::LinkFaults => sink.link_faults(&run),
                    _ => sink.steps(&run),
                }
            })?;
        }
    }
    match sink.form {
        Form::Jsonl(out) | Form::Csv(out) => out.flush().map_err(StoreError::Output)?,
        Form::Parquet(table) => table.finish()?,
    }
    Ok(sink.rows)
}

fn each<T>(
    connection: &Connection,
    sql: &str,
    export: &Export,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut take: impl FnMut(T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut found = connection.prepare(sql)?;
    let mut rows = found.query(params![export.since.map(micros), export.until.map(micros)])?;
    while let Some(row) = rows.next()? {
        take(read(row)?)?;
    }
    Ok(())
}

/// The columns of a table, in order.
fn columns(kind: ExportKind) -> &'static [&'static str] {
    match kind {
        ExportKind::Runs => &[
            "run",
            "probe",
            "target",
            "kind",
            "state",
            "cause",
            "confirms",
            "vantage",
            "scenario",
            "scenario_hash",
            "scheduled_at",
            "started_at",
            "finished_at",
            "elapsed_ms",
            "attempts",
            "verdict",
            "reason",
            "step",
            "outcome",
            "links_checked",
            "browser",
            "agent_version",
        ],
        ExportKind::Steps => &[
            "run",
            "probe",
            "target",
            "started_at",
            "position",
            "step",
            "stage",
            "outcome",
            "credit",
            "elapsed_ms",
            "own_ms",
            "attempts",
            "evidence",
            "error",
        ],
        ExportKind::Observations => &[
            "run",
            "probe",
            "target",
            "started_at",
            "position",
            "step",
            "url",
            "title",
            "status",
            "transport",
            "phrase",
            "context",
            "facts",
        ],
        ExportKind::LinkFaults => links::FAULTS,
        ExportKind::Links => links::LEDGER,
        ExportKind::Incidents => &[
            "incident",
            "probe",
            "target",
            "since",
            "opened_at",
            "opened_by",
            "closed_at",
            "closed_by",
            "last_notice_at",
            "outcome",
            "step",
            "thread",
            "concern",
            "severity",
            "parent",
            "flapping",
            "acknowledged_at",
            "acknowledged_by",
            "scope",
            "shared",
            "told_at",
            "reminders",
            "acknowledged_note",
        ],
        ExportKind::Gaps => &["probe", "target", "scheduled_at", "reason", "until", "count"],
    }
}

/// Where rows go, in which form.
enum Form<'a> {
    Jsonl(&'a mut (dyn Write + Send)),
    Csv(&'a mut (dyn Write + Send)),
    Parquet(Box<parquet::Table<'a>>),
}

struct Sink<'a> {
    form: Form<'a>,
    rows: u64,
}

impl Sink<'_> {
    /// Whether rows are written as JSON and not as cells.
    fn is_json(&self) -> bool {
        matches!(self.form, Form::Jsonl(_))
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        self.rows += 1;
        if let Form::Jsonl(out) = &mut self.form {
            serde_json::to_writer(&mut **out, value).map_err(|error| StoreError::Output(error.into()))?;
            out.write_all(b"\n").map_err(StoreError::Output)?;
        }
        Ok(())
    }

    fn cells(&mut self, cells: &[Cell<'_>]) -> Result<(), StoreError> {
        self.rows += 1;
        match &mut self.form {
            Form::Csv(out) => record(&mut **out, cells).map_err(StoreError::Output),
            Form::Parquet(table) => table.row(cells),
            Form::Jsonl(_) => Ok(()),
        }
    }

    fn whole_run(&mut self, run: &Run) -> Result<(), StoreError> {
        if self.is_json() {
            return self.json(&Over { state: FINISHED, run });
        }
        let (cause, confirms) = cause_name(&run.cause);
        let ending = run.ending();
        let times = [run.scheduled_at, run.started_at, run.finished_at].map(|at| at.to_string());
        self.cells(&[
            Cell::Text(run.id.as_str()),
            Cell::Text(run.probe.as_str()),
            Cell::Text(run.target.as_str()),
            Cell::Text(run.kind.name()),
            Cell::Text(FINISHED),
            Cell::Text(cause),
            Cell::maybe(confirms),
            Cell::Text(&run.vantage),
            Cell::maybe(run.scenario.as_ref().map(AsRef::as_ref)),
            Cell::maybe(run.scenario_hash.as_deref()),
            Cell::Text(&times[0]),
            Cell::Text(&times[1]),
            Cell::Text(&times[2]),
            Cell::Number(int(run.elapsed_ms)),
            Cell::Number(run.attempts.into()),
            Cell::Text(run.verdict.name()),
            Cell::Text(&run.reason),
            Cell::maybe(ending.map(|step| step.name.as_str())),
            Cell::maybe(ending.map(|step| step.outcome.name())),
            Cell::number(run.links_checked),
            Cell::maybe(run.browser.as_deref()),
            Cell::Text(&run.agent_version),
        ])
    }

    /// A run of which no more is known than that it began.
    fn cut_short(&mut self, run: &CutShort) -> Result<(), StoreError> {
        if self.is_json() {
            return self.json(&Over { state: INTERRUPTED, run });
        }
        let (cause, confirms) = cause_name(&run.cause);
        let (scheduled_at, started_at) = (run.scheduled_at.to_string(), run.started_at.to_string());
        let known = |name: &str| match name {
            "run" => Cell::Text(run.id.as_str()),
            "probe" => Cell::Text(run.probe.as_str()),
            "target" => Cell::Text(run.target.as_str()),
            "kind" => Cell::Text(run.kind.name()),
            "state" => Cell::Text(INTERRUPTED),
            "cause" => Cell::Text(cause),
            "confirms" => Cell::maybe(confirms),
            "scheduled_at" => Cell::Text(&scheduled_at),
            "started_at" => Cell::Text(&started_at),
            _ => Cell::maybe(None),
        };
        let cells: Vec<Cell<'_>> = columns(ExportKind::Runs).iter().map(|name| known(name)).collect();
        self.cells(&cells)
    }

    fn steps(&mut self, run: &Run) -> Result<(), StoreError> {
        for (position, step) in run.steps.iter().enumerate() {
            if self.is_json() {
                // The facts have an export of their own.
                let step = StepRecord { facts: Facts::default(), ..step.clone() };
                let mut what =
                    serde_json::to_value(&step).map_err(|error| StoreError::unwritable("a step", error))?;
                if let Some(fields) = what.as_object_mut() {
                    fields.shift_remove("facts");
                }
                self.json(&line(run, Some(position), what))?;
                continue;
            }
            let started_at = run.started_at.to_string();
            let evidence: Vec<&str> = step.evidence.iter().map(|evidence| evidence.hash.as_str()).collect();
            self.cells(&[
                Cell::Text(run.id.as_str()),
                Cell::Text(run.probe.as_str()),
                Cell::Text(run.target.as_str()),
                Cell::Text(&started_at),
                Cell::Number(int(position as u64)),
                Cell::Text(&step.name),
                Cell::Text(step.stage.name()),
                Cell::Text(step.outcome.name()),
                Cell::number(step.credit),
                Cell::Number(int(step.elapsed_ms)),
                Cell::Number(int(step.own_ms)),
                Cell::Number(step.attempts.into()),
                Cell::Text(&evidence.join(" ")),
                Cell::maybe(step.error.as_deref()),
            ])?;
        }
        Ok(())
    }

    fn observations(&mut self, run: &Run) -> Result<(), StoreError> {
        for (position, step) in run.steps.iter().enumerate() {
            let facts = &step.facts;
            if self.is_json() {
                self.json(&line(run, Some(position), Seen { step: &step.name, facts }))?;
                continue;
            }
            let started_at = run.started_at.to_string();
            let json = rows::to_json("observations", facts)?;
            self.cells(&[
                Cell::Text(run.id.as_str()),
                Cell::Text(run.probe.as_str()),
                Cell::Text(run.target.as_str()),
                Cell::Text(&started_at),
                Cell::Number(int(position as u64)),
                Cell::Text(&step.name),
                Cell::Text(&facts.url),
                Cell::Text(&facts.title),
                Cell::number(facts.main.as_ref().map(|main| main.status)),
                Cell::maybe(facts.transport.as_ref().map(|transport| transport.detail.as_str())),
                Cell::maybe(facts.phrase.as_ref().map(|phrase| phrase.phrase.as_str())),
                Cell::maybe(facts.phrase.as_ref().map(|phrase| phrase.context.as_str())),
                Cell::Text(&json),
            ])?;
        }
        Ok(())
    }

    fn incident(&mut self, incident: &Incident) -> Result<(), StoreError> {
        if self.is_json() {
            return self.json(incident);
        }
        let (since, opened_at) = (incident.since.to_string(), incident.opened_at.to_string());
        let closed_at = incident.closed_at.map(|at| at.to_string());
        let told_at = incident.last_notice_at.map(|at| at.to_string());
        let first_told_at = incident.told_at.map(|at| at.to_string());
        let acknowledged = incident.acknowledged.as_ref();
        let acknowledged_at = acknowledged.map(|it| it.at.to_string());
        self.cells(&[
            Cell::Text(incident.id.as_str()),
            Cell::Text(incident.probe.as_str()),
            Cell::Text(incident.target.as_str()),
            Cell::Text(&since),
            Cell::Text(&opened_at),
            incident.opened_by.as_ref().map_or(Cell::Empty, |run| Cell::Text(run.as_str())),
            Cell::maybe(closed_at.as_deref()),
            Cell::maybe(incident.closed_by.as_ref().map(RunId::as_str)),
            Cell::maybe(told_at.as_deref()),
            Cell::Text(incident.outcome.name()),
            Cell::Text(&incident.step),
            Cell::Text(&incident.thread),
            Cell::Text(incident.concern.name()),
            Cell::Text(incident.severity.name()),
            Cell::maybe(incident.parent.as_ref().map(IncidentId::as_str)),
            Cell::Truth(incident.flapping),
            Cell::maybe(acknowledged_at.as_deref()),
            Cell::maybe(acknowledged.map(|it| it.by.as_str())),
            Cell::Text(incident.scope.name()),
            Cell::maybe(incident.scope.shared().map(Shared::name)),
            Cell::maybe(first_told_at.as_deref()),
            Cell::number(Some(incident.reminders)),
            Cell::maybe(acknowledged.and_then(|it| it.note.as_deref())),
        ])
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        if self.is_json() {
            return self.json(gap);
        }
        let (scheduled_at, until) = (gap.scheduled_at.to_string(), gap.until.to_string());
        self.cells(&[
            Cell::Text(gap.probe.as_str()),
            Cell::Text(gap.target.as_str()),
            Cell::Text(&scheduled_at),
            Cell::Text(gap.reason.name()),
            Cell::Text(&until),
            Cell::Number(int(gap.count)),
        ])
    }
}

fn line<T>(run: &Run, position: Option<usize>, what: T) -> Line<'_, T> {
    Line { run: &run.id, probe: &run.probe, target: &run.target, started_at: run.started_at, position, what }
}
