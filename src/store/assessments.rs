//! Assessments as they were made: who asks later what was published finds it here, whatever became of
//! the runs and the profile since.
//!
//! Invariant: an assessment is never changed. The same one is kept once, by its content.

use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::StoreError;
use super::rows::{at, int, json, micros, to_json};
use super::worker::Sync;
use super::{Store, Weight};
use crate::score::card::Assessment;

/// An assessment that was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeptAssessment {
    /// The SHA-256 of its JSON as it was kept.
    pub hash: String,
    /// When it was first made.
    pub made_at: Timestamp,
    /// What it says.
    pub assessment: Assessment,
}

impl Store {
    /// Keeps an assessment; says whether it is a new one.
    pub async fn keep_assessment(
        &self,
        assessment: &Assessment,
        made_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let text = to_json("an assessment", assessment)?;
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        let (profile, profile_hash) = (assessment.profile.clone(), assessment.profile_hash.clone());
        let period = assessment.period.clone();
        self.join(Weight::Small, Sync::Disk, move |tx| {
            let new = tx.execute(
                "INSERT OR IGNORE INTO assessments (hash, profile, profile_hash, first, last, timezone, made_at,
                     assessment)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    hash,
                    profile,
                    profile_hash,
                    period.first.to_string(),
                    period.last.to_string(),
                    period.timezone,
                    micros(made_at),
                    text,
                ],
            )?;
            Ok(new > 0)
        })
        .await
    }

    /// Assessments by a profile, or by any, the newest first, at most so many.
    pub async fn assessments(
        &self,
        profile: Option<&str>,
        limit: usize,
    ) -> Result<Vec<KeptAssessment>, StoreError> {
        let profile = profile.map(str::to_owned);
        self.read(move |connection| {
            let mut found = connection.prepare_cached(
                "SELECT hash, made_at, assessment FROM assessments WHERE ?1 IS NULL OR profile = ?1
                 ORDER BY made_at DESC, hash LIMIT ?2",
            )?;
            let rows = found.query_map(params![profile, int(limit as u64)], |row| {
                Ok(KeptAssessment {
                    hash: row.get("hash")?,
                    made_at: at(row, "made_at")?,
                    assessment: json(row, "assessment")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
