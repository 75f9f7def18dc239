//! What people observe: codings with their proofs, and posts of citizens.
//!
//! Invariant: nothing is changed and nothing is kept twice: a row is known by the hash of all that it says. A
//! file of proof lies in the evidence folder before a row names it, and stays as long as the row does.

#[cfg(test)]
pub(super) mod tests;

use super::error::StoreError;
use super::evidence;
use super::worker::Sync;
use super::{Store, Weight, blocking, rows};
use crate::clock::Clock;
use crate::domain::coding::Coding;
use crate::domain::ids::{EvidenceHash, TargetId};
use crate::domain::voice::Post;
use crate::score::material::Period;

/// Which codings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodingFilter {
    /// Of this coder.
    pub coder: Option<String>,
    /// About this target.
    pub target: Option<TargetId>,
    /// Seen in this period; figures that are about a year of it.
    pub period: Option<Period>,
}

/// Which posts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostFilter {
    /// About this target.
    pub target: Option<TargetId>,
    /// Posted in this period.
    pub period: Option<Period>,
}

/// A file of proof as its row has it.
#[derive(Debug)]
pub(in crate::store) struct Proof {
    pub(in crate::store) hash: String,
    pub(in crate::store) mime: String,
    pub(in crate::store) size: u64,
}

impl Store {
    /// Keeps codings, all or none; says how many were not there yet. Files of proof have to be kept already
    /// ([`Store::put_evidence`]).
    pub async fn add_codings(&self, codings: Vec<Coding>) -> Result<u64, StoreError> {
        let now = Clock::system().now();
        let inner = std::sync::Arc::clone(&self.inner);
        let named: Vec<EvidenceHash> = codings.iter().filter_map(|coding| coding.evidence.clone()).collect();
        let proofs = blocking(move || named.iter().map(|hash| proof(&inner.dir, hash)).collect()).await?;
        let proofs: Vec<Proof> = proofs;
        self.join(Weight::Small, Sync::Disk, move |tx| rows::coding::add(tx, &proofs, &codings, now)).await
    }

    /// Codings in the order in which they were written down.
    pub async fn codings(&self, filter: CodingFilter) -> Result<Vec<Coding>, StoreError> {
        self.read(move |connection| rows::coding::find(connection, &filter)).await
    }

    /// Keeps posts, all or none; says how many were not there yet.
    pub async fn add_posts(&self, posts: Vec<Post>) -> Result<u64, StoreError> {
        let now = Clock::system().now();
        self.join(Weight::Small, Sync::Disk, move |tx| rows::coding::add_posts(tx, &posts, now)).await
    }

    /// Posts, oldest first.
    pub async fn posts(&self, filter: PostFilter) -> Result<Vec<Post>, StoreError> {
        self.read(move |connection| rows::coding::find_posts(connection, &filter)).await
    }
}

/// What is known of a file that is kept.
fn proof(dir: &std::path::Path, hash: &EvidenceHash) -> Result<Proof, StoreError> {
    let missing = || StoreError::NotFound { what: "evidence file", id: hash.to_string() };
    let (path, mime) = evidence::find(dir, hash)?.ok_or_else(missing)?;
    let meta = std::fs::metadata(&path).map_err(|source| StoreError::file("read", &path, source))?;
    Ok(Proof { hash: hash.to_string(), mime: mime.to_owned(), size: meta.len() })
}
