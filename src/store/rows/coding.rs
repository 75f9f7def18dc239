//! Codings and posts.

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::{at, int, micros, word};
use crate::domain::coding::Coding;
use crate::domain::ids::{EvidenceHash, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::voice::Post;
use crate::score::material::Period;
use crate::store::codings::{CodingFilter, PostFilter, Proof};
use crate::store::error::StoreError;

/// By what a row is known again: the SHA-256 of its fields, each behind its length.
fn identity(fields: &[&str]) -> String {
    let mut sum = Sha256::new();
    for field in fields {
        sum.update((field.len() as u64).to_be_bytes());
        sum.update(field);
    }
    hex::encode(sum.finalize())
}

/// Writes codings that are not there yet; says how many.
pub(in crate::store) fn add(
    tx: &Transaction<'_>,
    proofs: &[Proof],
    codings: &[Coding],
    now: Timestamp,
) -> Result<u64, StoreError> {
    for proof in proofs {
        tx.prepare_cached(
            "INSERT INTO evidence (hash, mime, size) VALUES (?1, ?2, ?3)
                 ON CONFLICT (hash) DO UPDATE SET removed_at = NULL WHERE removed_at IS NOT NULL",
        )?
        .execute(params![proof.hash, proof.mime, int(proof.size)])?;
    }
    let mut new = 0;
    for coding in codings {
        let Coding { coder, indicator, target, value, at, note, evidence, source, year } = coding;
        let (seen_at, evidence) = (micros(*at), evidence.as_ref().map(EvidenceHash::as_str));
        let id = identity(&[
            coder,
            indicator.as_str(),
            target.as_str(),
            value,
            &seen_at.to_string(),
            note,
            evidence.unwrap_or_default(),
            source,
            &year.map(|year| year.to_string()).unwrap_or_default(),
        ]);
        new += tx
            .prepare_cached(
                "INSERT INTO codings (id, coder, indicator, target, value, at, note, evidence, source, year, made_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                id,
                coder,
                indicator.as_str(),
                target.as_str(),
                value,
                seen_at,
                note,
                evidence,
                source,
                year,
                micros(now)
            ])?;
    }
    Ok(new as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Coding> {
    Ok(Coding {
        coder: row.get("coder")?,
        indicator: word(row, "indicator", IndicatorId::parse)?,
        target: TargetId::new(row.get::<_, String>("target")?),
        value: row.get("value")?,
        at: at(row, "at")?,
        note: row.get("note")?,
        evidence: row.get::<_, Option<String>>("evidence")?.map(EvidenceHash::new),
        source: row.get("source")?,
        year: row.get("year")?,
    })
}

/// The bounds of a period; none of them without one.
fn bounds(period: Option<&Period>) -> (Option<i64>, Option<i64>) {
    (period.map(|it| micros(it.from)), period.map(|it| micros(it.until)))
}

/// Codings in the order in which they were written down.
pub(in crate::store) fn find(
    connection: &Connection,
    filter: &CodingFilter,
) -> Result<Vec<Coding>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT coder, indicator, target, value, at, note, evidence, source, year FROM codings
         WHERE (?1 IS NULL OR coder = ?1) AND (?2 IS NULL OR target = ?2)
             AND (?3 IS NULL OR iif(year IS NULL, at >= ?3 AND at < ?4, year BETWEEN ?5 AND ?6))
         ORDER BY position",
    )?;
    let (from, until) = bounds(filter.period.as_ref());
    let years = filter.period.as_ref().map(|it| (it.first.year(), it.last.year()));
    let rows = found.query_map(
        params![
            filter.coder,
            filter.target.as_ref().map(TargetId::as_str),
            from,
            until,
            years.map(|it| it.0),
            years.map(|it| it.1)
        ],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes posts that are not there yet; says how many.
pub(in crate::store) fn add_posts(
    tx: &Transaction<'_>,
    posts: &[Post],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut new = 0;
    for Post { target, at, text, source } in posts {
        let posted_at = micros(*at);
        let id = identity(&[target.as_str(), &posted_at.to_string(), text, source]);
        new += tx
            .prepare_cached(
                "INSERT INTO posts (id, target, at, text, source, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![id, target.as_str(), posted_at, text, source, micros(now)])?;
    }
    Ok(new as u64)
}

/// Posts, oldest first.
pub(in crate::store) fn find_posts(
    connection: &Connection,
    filter: &PostFilter,
) -> Result<Vec<Post>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT target, at, text, source FROM posts
         WHERE (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR at >= ?2 AND at < ?3) ORDER BY at, position",
    )?;
    let (from, until) = bounds(filter.period.as_ref());
    let rows =
        found.query_map(params![filter.target.as_ref().map(TargetId::as_str), from, until], |row| {
            Ok(Post {
                target: TargetId::new(row.get::<_, String>("target")?),
                at: at(row, "at")?,
                text: row.get("text")?,
                source: row.get("source")?,
            })
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
