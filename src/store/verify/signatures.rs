//! Signed heads: each has to be by a key that is trusted, and on the chain.

use std::collections::HashSet;

use rusqlite::OptionalExtension as _;

use super::{Finding, Inquiry, Thing, Wrong};
use crate::store::chain::heads::{self, Head};
use crate::store::chain::newest;
use crate::store::error::StoreError;

/// Looks at the heads of the file and of the table.
pub(super) fn look(inquiry: &mut Inquiry<'_>) -> Result<(), StoreError> {
    let trusted = trusted(inquiry)?;
    let mut told = HashSet::new();
    for head in of_file(inquiry)? {
        one(inquiry, &head, &trusted)?;
        told.insert((head.seq, head.link));
    }
    let of_table = {
        let mut found = inquiry.connection.prepare_cached("SELECT * FROM heads ORDER BY seq")?;
        found.query_map([], Head::read)?.collect::<Result<Vec<_>, _>>()?
    };
    for head in of_table {
        if !told.contains(&(head.seq, head.link.clone())) {
            let detail = format!("the head of {} is not in {}", head.day, heads::FILE);
            inquiry.find(finding(&head, Wrong::Missing, detail));
            one(inquiry, &head, &trusted)?;
        }
    }
    Ok(())
}

fn trusted(inquiry: &Inquiry<'_>) -> Result<Vec<String>, StoreError> {
    if let Some(keys) = &inquiry.options.keys {
        return Ok(heads::public_keys(keys));
    }
    let path = inquiry.dir.join(heads::PUBLIC);
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => Ok(heads::public_keys(&read.map_err(|source| StoreError::file("read", &path, source))?)),
    }
}

/// The heads of the file. What a kill left of the last line is no head.
fn of_file(inquiry: &mut Inquiry<'_>) -> Result<Vec<Head>, StoreError> {
    let path = inquiry.dir.join(heads::FILE);
    let text = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|source| StoreError::file("read", &path, source))?,
    };
    let text = String::from_utf8_lossy(&text);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut found = Vec::new();
    for (number, line) in whole.lines().enumerate() {
        match serde_json::from_str::<Head>(line) {
            Ok(head) => found.push(head),
            Err(error) => {
                let id = format!("{}:{}", heads::FILE, number + 1);
                inquiry.find(Finding::new(Wrong::Unreadable, Thing::Head, id, error.to_string()));
            }
        }
    }
    Ok(found)
}

fn finding(head: &Head, what: Wrong, detail: impl Into<String>) -> Finding {
    Finding {
        entry: Some(head.seq),
        at: Some(head.signed_at),
        ..Finding::new(what, Thing::Head, head.seq.to_string(), detail)
    }
}

fn one(inquiry: &mut Inquiry<'_>, head: &Head, trusted: &[String]) -> Result<(), StoreError> {
    inquiry.report.heads += 1;
    let day = &head.day;
    if !head.is_signed() {
        let detail = format!("the head of {day} is not signed by the key that it names");
        inquiry.find(finding(head, Wrong::BadSignature, detail));
        return Ok(());
    }
    if !trusted.contains(&head.key) {
        let detail = format!("the head of {day} is signed by the key {}, which is not one of ours", head.key);
        inquiry.find(finding(head, Wrong::BadSignature, detail));
        return Ok(());
    }
    let mut found = inquiry.connection.prepare_cached("SELECT link FROM chain WHERE seq = ?1")?;
    let link: Option<Vec<u8>> = found.query_row([head.seq], |row| row.get(0)).optional()?;
    if link.as_deref().map(hex::encode).as_deref() == Some(head.link.as_str())
        || is_known_loss(inquiry, head)?
    {
        return Ok(());
    }
    let last = newest(inquiry.connection)?.map_or(-1, |(seq, _)| seq);
    inquiry.find(if head.seq > last {
        let detail = format!(
            "the chain ends at {last}, and on {day} it reached {}: the records after are gone",
            head.seq
        );
        Finding { with: Thing::Chain, ..finding(head, Wrong::Truncated, detail) }
    } else {
        let detail = format!("the chain is another than the one that was signed on {day}");
        Finding { with: Thing::Chain, ..finding(head, Wrong::Changed, detail) }
    });
    Ok(())
}

/// Whether what the head was over was lost, and that is on record.
fn is_known_loss(inquiry: &Inquiry<'_>, head: &Head) -> Result<bool, StoreError> {
    let mut found = inquiry
        .connection
        .prepare_cached("SELECT 1 FROM chain WHERE what = 'loss' AND seq <= ?1 + 1 AND at >= ?2")?;
    Ok(found.exists([head.seq, head.signed_at.as_microsecond()])?)
}
