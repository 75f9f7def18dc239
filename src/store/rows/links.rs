//! Links that do not work: those that one run found, and the ledger of all that were ever found.

use rusqlite::{Connection, Row, Transaction, named_params, params};

use super::{at, int, maybe_at, micros, word};
use crate::domain::ids::{LinkFaultId, ProbeId, RunId, TargetId};
use crate::domain::ledger::Known;
use crate::domain::link::{LinkClass, LinkFault, identity};
use crate::domain::run::{Run, RunKind};
use crate::judge::links::{Crawled, compare};
use crate::store::error::StoreError;

/// Writes what a run found.
pub(in crate::store) fn insert(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    if run.link_faults.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO link_faults (run, number, id, page, url, text, status, class, on_home, element, attribute,
             line, col, pages, detail)
         VALUES (:run, :number, :id, :page, :url, :text, :status, :class, :on_home, :element, :attribute,
             :line, :col, :pages, :detail)",
    )?;
    for (number, fault) in run.link_faults.iter().enumerate() {
        insert.execute(named_params! {
            ":run": run.id.as_str(),
            ":number": int(number as u64),
            ":id": fault.id.as_str(),
            ":page": fault.page,
            ":url": fault.url,
            ":text": fault.text,
            ":status": fault.status,
            ":class": fault.class.name(),
            ":on_home": fault.on_home,
            ":element": fault.element,
            ":attribute": fault.attribute,
            ":line": fault.line,
            ":col": fault.column,
            ":pages": fault.pages,
            ":detail": fault.detail,
        })?;
    }
    Ok(())
}

/// Reads what a run found, with what the ledger knows of it by now.
pub(in crate::store) fn of_run(connection: &Connection, run: &Run) -> Result<Vec<LinkFault>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT f.id AS id, f.url AS url, f.class AS class, f.status AS status, f.detail AS detail,
             f.page AS page, element, attribute, line, col, f.text AS text, f.pages AS pages,
             f.on_home AS on_home, first_seen_at, last_seen_at
         FROM link_faults f LEFT JOIN links l ON l.probe = ?2 AND l.target = ?3 AND l.id = f.id
         WHERE run = ?1 ORDER BY number",
    )?;
    let key = params![run.id.as_str(), run.probe.as_str(), run.target.as_str()];
    Ok(found.query_map(key, read_fault)?.collect::<Result<_, _>>()?)
}

fn read_fault(row: &Row<'_>) -> rusqlite::Result<LinkFault> {
    let url: String = row.get("url")?;
    let id = match row.get::<_, String>("id")? {
        // A row of an earlier version.
        id if id.is_empty() => identity(&url),
        id => LinkFaultId::new(id),
    };
    Ok(LinkFault {
        id,
        url,
        class: class(row)?,
        status: row.get("status")?,
        detail: row.get("detail")?,
        page: row.get("page")?,
        element: row.get("element")?,
        attribute: row.get("attribute")?,
        line: row.get("line")?,
        column: row.get("col")?,
        text: row.get("text")?,
        pages: row.get("pages")?,
        on_home: row.get("on_home")?,
        first_seen_at: maybe_at(row, "first_seen_at")?,
        last_seen_at: maybe_at(row, "last_seen_at")?,
    })
}

/// A class by its name. Earlier versions had fewer, and what they wrote is no damage.
fn class(row: &Row<'_>) -> rusqlite::Result<LinkClass> {
    word(row, "class", |name| Some(LinkClass::from_name(name).unwrap_or(LinkClass::Other)))
}

/// Brings the ledger up to date with a link check, and tells the run since when its faults are
/// known. Other runs change nothing.
pub(in crate::store) fn update(tx: &Transaction<'_>, run: &mut Run) -> Result<(), StoreError> {
    if run.kind != RunKind::Crawl {
        return Ok(());
    }
    let changes = compare(&concerned(tx, run)?, &Crawled::of(run));
    for known in [&changes.new, &changes.still, &changes.fixed].into_iter().flatten() {
        save(tx, run, known)?;
    }
    let seen: std::collections::HashMap<_, _> =
        changes.new.iter().chain(&changes.still).map(|known| (&known.id, known)).collect();
    for fault in &mut run.link_faults {
        let known = seen.get(&fault.id);
        fault.first_seen_at = known.map(|known| known.first_seen_at);
        fault.last_seen_at = known.map(|known| known.last_seen_at);
    }
    Ok(())
}

/// What a link check is compared with: all that is broken, and of what was mended that which it
/// found again. What was mended stays for years and is not read each time.
fn concerned(tx: &Transaction<'_>, run: &Run) -> Result<Vec<Known>, StoreError> {
    let mut known = open(tx, &run.probe, &run.target)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM links
         WHERE probe = ?1 AND target = ?2 AND fixed_at IS NOT NULL
             AND id IN (SELECT id FROM link_faults WHERE run = ?3)"
    );
    let mut found = tx.prepare_cached(&sql)?;
    let key = params![run.probe.as_str(), run.target.as_str(), run.id.as_str()];
    for mended in found.query_map(key, read)? {
        known.push(mended?);
    }
    Ok(known)
}

fn save(tx: &Transaction<'_>, run: &Run, known: &Known) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO links (probe, target, id, url, class, status, page, text, on_home, pages,
             first_seen_at, opened_at, last_seen_at, fixed_at, first_run, last_run)
         VALUES (:probe, :target, :id, :url, :class, :status, :page, :text, :on_home, :pages,
             :first_seen_at, :opened_at, :last_seen_at, :fixed_at, :first_run, :last_run)",
    )?
    .execute(named_params! {
        ":probe": run.probe.as_str(),
        ":target": run.target.as_str(),
        ":id": known.id.as_str(),
        ":url": known.url,
        ":class": known.class.name(),
        ":status": known.status,
        ":page": known.page,
        ":text": known.text,
        ":on_home": known.on_home,
        ":pages": known.pages,
        ":first_seen_at": micros(known.first_seen_at),
        ":opened_at": micros(known.opened_at),
        ":last_seen_at": micros(known.last_seen_at),
        ":fixed_at": known.fixed_at.map(micros),
        ":first_run": known.first_run.as_str(),
        ":last_run": known.last_run.as_str(),
    })?;
    Ok(())
}

/// The columns that [`read`] wants.
pub(in crate::store) const COLUMNS: &str = "id, url, class, status, page, text, on_home, pages, first_seen_at, \
     opened_at, last_seen_at, fixed_at, first_run, last_run";

/// Reads a row of the ledger.
pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        id: LinkFaultId::new(row.get::<_, String>("id")?),
        url: row.get("url")?,
        class: class(row)?,
        status: row.get("status")?,
        page: row.get("page")?,
        text: row.get("text")?,
        on_home: row.get("on_home")?,
        pages: row.get("pages")?,
        first_seen_at: at(row, "first_seen_at")?,
        opened_at: at(row, "opened_at")?,
        last_seen_at: at(row, "last_seen_at")?,
        fixed_at: maybe_at(row, "fixed_at")?,
        first_run: RunId::new(row.get::<_, String>("first_run")?),
        last_run: RunId::new(row.get::<_, String>("last_run")?),
    })
}

/// Reads a row of the ledger with its probe and target.
pub(in crate::store) fn read_placed(row: &Row<'_>) -> rusqlite::Result<(ProbeId, TargetId, Known)> {
    let (probe, target): (String, String) = (row.get("probe")?, row.get("target")?);
    Ok((ProbeId::new(probe), TargetId::new(target), read(row)?))
}

/// What is broken now, as far as a probe on a target knows: what stands on the home page first,
/// then what is broken longest.
pub(in crate::store) fn open(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<Vec<Known>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM links WHERE probe = ?1 AND target = ?2 AND fixed_at IS NULL
         ORDER BY on_home DESC, opened_at, url"
    );
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map(params![probe.as_str(), target.as_str()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a link check mended that ended at `ended_at`.
pub(in crate::store) fn fixed_by(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
    ended_at: jiff::Timestamp,
) -> Result<Vec<Known>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM links WHERE probe = ?1 AND target = ?2 AND fixed_at = ?3
         ORDER BY on_home DESC, opened_at, url"
    );
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map(params![probe.as_str(), target.as_str(), micros(ended_at)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest link check of a probe on a target, and when it ended.
pub(in crate::store) fn newest_check(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<Option<(RunId, jiff::Timestamp)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT id, finished_at FROM runs
         WHERE probe = ?1 AND target = ?2 AND state = 'finished' AND kind = 'crawl'
         ORDER BY started_at DESC, id DESC LIMIT 1",
    )?;
    let rows = found.query_map(params![probe.as_str(), target.as_str()], |row| {
        Ok((RunId::new(row.get::<_, String>("id")?), at(row, "finished_at")?))
    })?;
    Ok(rows.into_iter().next().transpose()?)
}
