//! The chain and the records behind it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Finding, Inquiry, Thing, Wrong};
use crate::store::chain::digest::{self, Digest, GAP_ID};
use crate::store::chain::{BEFORE_ALL, Entry, What};
use crate::store::error::StoreError;

/// How many entries are read in one snapshot.
const PIECE: i64 = 1000;

/// Among how many entries whose link is wrong it is looked for their right place.
const MISPLACED: usize = 200;

/// So many entries with a wrong link are told apart; more are counted.
const MISFITS: usize = 2000;

/// An entry whose link does not fit where it stands, with the link before it.
type Misfit = (Entry, Digest);

/// Looks at every entry, and for records without one.
pub(super) fn look(inquiry: &mut Inquiry<'_>) -> Result<(), StoreError> {
    let (mut next, mut before, mut adopted) = (0, BEFORE_ALL, false);
    let mut misfits: Vec<Misfit> = Vec::new();
    loop {
        let snapshot = inquiry.connection.unchecked_transaction()?;
        let piece = {
            let sql = format!("SELECT {} FROM chain WHERE seq >= ?1 ORDER BY seq LIMIT ?2", Entry::COLUMNS);
            let mut found = snapshot.prepare_cached(&sql)?;
            found.query_map([next, PIECE], Entry::read)?.collect::<Result<Vec<_>, _>>()?
        };
        let Some(last) = piece.last() else { break };
        let end = last.seq + 1;
        for entry in piece {
            inquiry.report.entries += 1;
            if entry.seq > next {
                gap_of_entries(inquiry, next, entry.seq);
            }
            if entry.seq == 0 && entry.what != What::Genesis {
                inquiry.find(of_entry(
                    &entry,
                    Wrong::Changed,
                    "the chain does not begin with its first entry",
                ));
            }
            // Behind entries that are missing, the link that it was made of is unknown.
            if entry.seq == next && entry.link_behind(entry.seq, &before) != entry.link {
                if misfits.len() < MISFITS {
                    misfits.push((entry.clone(), before));
                } else {
                    inquiry.report.more += 1;
                }
            }
            if adopted && entry.late {
                let detail = "it claims to be older than the chain, and all that is was in it already";
                inquiry.find(of_entry(&entry, Wrong::Inserted, detail));
            }
            adopted |= entry.what == What::Adopted;
            subject(inquiry, &entry)?;
            next = entry.seq + 1;
            before = entry.link;
        }
        drop(snapshot);
        next = end;
    }
    judge(inquiry, &misfits);
    strangers(inquiry)
}

fn instant(at: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(at).ok()
}

fn of_entry(entry: &Entry, what: Wrong, detail: impl Into<String>) -> Finding {
    Finding {
        entry: Some(entry.seq),
        probe: entry.probe.clone(),
        target: entry.target.clone(),
        at: instant(entry.at),
        ..Finding::new(what, Thing::Entry, &entry.id, detail)
    }
}

fn gap_of_entries(inquiry: &mut Inquiry<'_>, from: i64, to: i64) {
    let (id, detail) = if to - from == 1 {
        (from.to_string(), format!("entry {from} of the chain is missing"))
    } else {
        (format!("{from}-{}", to - 1), format!("entries {from} to {} of the chain are missing", to - 1))
    };
    inquiry.find(Finding { entry: Some(from), ..Finding::new(Wrong::Missing, Thing::Entry, id, detail) });
}

/// Compares what an entry is about with the entry.
fn subject(inquiry: &mut Inquiry<'_>, entry: &Entry) -> Result<(), StoreError> {
    let asked = inquiry.options.since.is_none_or(|since| entry.at >= since.as_microsecond());
    if !asked && matches!(entry.what, What::Run | What::Gap) {
        return Ok(());
    }
    let connection = inquiry.connection;
    let (thing, found) = match entry.what {
        What::Genesis | What::Adopted => return Ok(()),
        What::Run => (Thing::Run, digest::run(connection, &entry.id, entry.version)?),
        What::Gap => {
            let (probe, target) = (entry.probe.as_deref(), entry.target.as_deref());
            let (probe, target) = (probe.unwrap_or_default(), target.unwrap_or_default());
            let slots = (entry.at, digest::last_slot(&entry.id, entry.at));
            (Thing::Gap, digest::gap(connection, (probe, target), slots, entry.version)?)
        }
        What::Prune => {
            let why = entry.id.split_once(' ').map_or("", |(_, why)| why);
            (Thing::Pruning, Some(digest::pruning(connection, entry.seq, why)?))
        }
        What::Loss => (Thing::Loss, digest::loss(connection, &entry.id)?),
    };
    let finding = |what, detail: &str| Finding { with: thing, ..of_entry(entry, what, detail) };
    match (found, entry.pruned_by) {
        (Some(_), Some(_)) => {
            inquiry.find(finding(Wrong::Inserted, "retention removed it, and it is there again"));
        }
        (Some(digest), None) if digest != entry.digest => {
            let detail = match thing {
                Thing::Pruning => "the list of what retention removed is not what was recorded",
                _ => "it is not what was recorded",
            };
            inquiry.find(finding(Wrong::Changed, detail));
        }
        (None, None) => inquiry.find(finding(Wrong::Missing, "it was recorded and is not there")),
        (None, Some(_)) => inquiry.report.pruned += 1,
        (Some(_), None) => match thing {
            Thing::Run => inquiry.report.runs += 1,
            Thing::Gap => inquiry.report.gaps += 1,
            _ => {}
        },
    }
    if matches!(thing, Thing::Run | Thing::Gap) {
        inquiry.report.until = inquiry.report.until.max(instant(entry.at));
    }
    Ok(())
}

/// Tells entries that stand at another's place from entries that were changed, and from those that only
/// stand behind such a one.
fn judge(inquiry: &mut Inquiry<'_>, misfits: &[Misfit]) {
    let mut named = false;
    for (place, (entry, _)) in misfits.iter().enumerate() {
        let near = &misfits[place.saturating_sub(MISPLACED)..misfits.len().min(place + MISPLACED)];
        let belongs = near.iter().map(|(other, _)| other.seq).find(|&seq| {
            let mut links = near.iter().flat_map(|(other, before)| [before, &other.link]);
            links.any(|before| entry.link_behind(seq, before) == entry.link)
        });
        let finding = match belongs {
            Some(seq) if seq == entry.seq => continue,
            Some(seq) => of_entry(
                entry,
                Wrong::Reordered,
                format!("it stands at {} and was written at {seq}", entry.seq),
            ),
            None => of_entry(entry, Wrong::Changed, "its link does not follow from the entry before it"),
        };
        named = true;
        inquiry.find(finding);
    }
    if let (Some((entry, _)), false) = (misfits.first(), named) {
        inquiry.find(of_entry(entry, Wrong::Changed, "its link does not follow from the entry before it"));
    }
}

/// Looks for records that have no entry.
fn strangers(inquiry: &mut Inquiry<'_>) -> Result<(), StoreError> {
    let connection = inquiry.connection;
    let snapshot = connection.unchecked_transaction()?;
    inquiry.report.waiting =
        snapshot.query_row("SELECT count(*) FROM to_chain", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let since = inquiry.options.since.map(Timestamp::as_microsecond);
    let mut runs = snapshot.prepare_cached(
        "SELECT id, probe, target, finished_at FROM runs
         WHERE state = 'finished' AND (?1 IS NULL OR finished_at >= ?1)
             AND NOT EXISTS (SELECT 1 FROM chain WHERE what = 'run' AND chain.id = runs.id)
             AND NOT EXISTS (SELECT 1 FROM to_chain WHERE to_chain.id = runs.id)",
    )?;
    let mut rows = runs.query([since])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get("id")?;
        inquiry.find(Finding {
            probe: row.get("probe")?,
            target: row.get("target")?,
            at: instant(row.get("finished_at")?),
            ..Finding::new(Wrong::Inserted, Thing::Run, id, "it has no entry in the chain")
        });
    }
    let mut gaps = snapshot.prepare_cached(&format!(
        "SELECT probe, target, scheduled_at, {GAP_ID} AS entry FROM gaps
         WHERE (?1 IS NULL OR scheduled_at >= ?1)
             AND NOT EXISTS (SELECT 1 FROM chain WHERE what = 'gap' AND id = {GAP_ID})",
    ))?;
    let mut waits = snapshot.prepare_cached(
        "SELECT 1 FROM to_chain WHERE what = 'gap' AND probe = ?1 AND target = ?2 AND at = ?3",
    )?;
    let mut rows = gaps.query([since])?;
    while let Some(row) = rows.next()? {
        let (probe, target, at): (String, String, i64) =
            (row.get("probe")?, row.get("target")?, row.get("scheduled_at")?);
        if inquiry.report.waiting > 0
            && waits.query_row(params![probe, target, at], |_| Ok(())).optional()?.is_some()
        {
            continue;
        }
        inquiry.find(Finding {
            at: instant(at),
            probe: Some(probe.clone()),
            target: Some(target.clone()),
            ..Finding::new(
                Wrong::Inserted,
                Thing::Gap,
                row.get::<_, String>("entry")?,
                "it has no entry in the chain",
            )
        });
    }
    Ok(())
}
