//! Evidence files: each has to be there with the content that its name says, unless retention removed
//! it after the last run that shows it.

use super::{Finding, Inquiry, Thing, Wrong};
use crate::domain::ids::EvidenceHash;
use crate::store::error::StoreError;
use crate::store::evidence::{self, State};

/// How many rows are read in one snapshot.
const PIECE: i64 = 500;

/// Looks at every file that a row names.
pub(super) fn look(inquiry: &mut Inquiry<'_>) -> Result<(), StoreError> {
    let (mut after, mut read) = (String::new(), 0);
    loop {
        let piece = piece(inquiry, &after)?;
        let Some(last) = piece.last() else { break };
        after.clone_from(&last.hash);
        for file in piece {
            let detail = match evidence::state(inquiry.dir, &EvidenceHash::new(file.hash.as_str()))? {
                State::Whole => {
                    read += 1;
                    continue;
                }
                State::Changed => (Wrong::Changed, "its content is not what its name says"),
                State::Missing if file.removed => continue,
                State::Missing if file.coded => {
                    (Wrong::Missing, "a person's observation shows it and it is not there")
                }
                State::Missing => (Wrong::Missing, "a run shows it and it is not there"),
            };
            read += 1;
            inquiry.find(Finding {
                probe: file.probe,
                target: file.target,
                at: file.at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok()),
                ..Finding::new(detail.0, Thing::File, file.hash, detail.1)
            });
        }
    }
    inquiry.report.files = Some(read);
    Ok(())
}

struct File {
    hash: String,
    removed: bool,
    /// It proves what a person saw; retention never removes it.
    coded: bool,
    probe: Option<String>,
    target: Option<String>,
    at: Option<i64>,
}

/// Files with the newest run that shows each, and whether they were removed since.
fn piece(inquiry: &Inquiry<'_>, after: &str) -> Result<Vec<File>, StoreError> {
    let since = inquiry.options.since.map(jiff::Timestamp::as_microsecond);
    let mut found = inquiry.connection.prepare_cached(
        "SELECT e.hash AS hash, max(c.seq) AS seq, c.probe AS probe, c.target AS target, c.at AS at,
             (SELECT max(p.seq) FROM pruned_files p WHERE p.hash = e.hash) AS pruned,
             (SELECT max(k.at) FROM codings k WHERE k.evidence = e.hash) AS coded_at
         FROM (SELECT hash FROM evidence WHERE hash > ?1 ORDER BY hash LIMIT ?2) e
             LEFT JOIN step_evidence s ON s.hash = e.hash
             LEFT JOIN chain c ON c.what = 'run' AND c.id = s.run
         GROUP BY e.hash ORDER BY e.hash",
    )?;
    let rows = found.query_map(rusqlite::params![after, PIECE], |row| {
        let (seq, pruned): (Option<i64>, Option<i64>) = (row.get("seq")?, row.get("pruned")?);
        let (at, coded_at): (Option<i64>, Option<i64>) = (row.get("at")?, row.get("coded_at")?);
        // A file that no run shows any more is nobody's, and one of other times was not asked for.
        let asked = |at: Option<i64>| since.is_none_or(|since| at.is_some_and(|at| at >= since));
        let coded = coded_at.is_some() && asked(coded_at);
        Ok(File {
            hash: row.get("hash")?,
            removed: !coded && (!asked(at) || seq.is_none() || pruned > seq),
            coded,
            probe: row.get("probe")?,
            target: row.get("target")?,
            at: at.or(coded_at),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
