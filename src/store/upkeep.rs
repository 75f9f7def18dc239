//! What has to be done now and then, beside the records: signing the chain, giving old records their
//! entries, folding the log into the database.
//!
//! Invariant: each of these takes the writer for a moment only; a run that waits comes in between.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use super::chain::{adopt, heads};
use super::error::StoreError;
use super::rows::micros;
use super::verify::{VerifyOptions, VerifyReport, verify};
use super::worker::Sync;
use super::{DATABASE, Store, Weight, blocking, open, rollup};

/// How many old records get their entries at a time.
const ADOPTED: usize = 100;

impl Store {
    /// Signs the end of the chain. That it could not be signed is no reason to stop anything.
    pub async fn sign_head(&self, now: Timestamp) {
        if self.inner.signer.is_none() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let signed = self.write(move |connection| match &inner.signer {
            Some(signer) => signer.sign(connection, &inner.dir, now),
            None => Ok(()),
        });
        if let Err(error) = signed.await {
            tracing::warn!(why = error.with_causes(), "could not sign the chain");
            *self.inner.signed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Signs the end of the chain when a day (UTC) has begun.
    pub(super) async fn sign_new_day(&self, now: Timestamp) {
        if self.inner.signer.is_none() {
            return;
        }
        let today = heads::day(now);
        {
            let mut signed = self.inner.signed.lock().unwrap_or_else(PoisonError::into_inner);
            if signed.as_ref() == Some(&today) {
                return;
            }
            *signed = Some(today);
        }
        self.sign_head(now).await;
    }

    /// Gives some records of before the chain their entries, and brings what is kept by the hour up to
    /// some records of before; says whether more wait.
    pub async fn adopt_some(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.join(Weight::Small, Sync::Disk, move |tx| {
            let chained = adopt::some(tx, ADOPTED, micros(now))?;
            Ok(rollup::catch_up(tx, ADOPTED)? || chained)
        })
        .await
    }

    /// Folds the log into the database as far as no reader needs it.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut fold = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")?;
            fold.query_row([], |_| Ok(()))?;
            Ok(())
        })
        .await
    }

    /// Whether the records are as they were written. It reads on a connection of its own, for as long
    /// as it takes.
    pub async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport, StoreError> {
        let dir = self.folder().to_owned();
        blocking(move || verify(&open::reader(&dir.join(DATABASE))?, &dir, &options)).await
    }

    /// The public keys of the data folder, as PEM; nothing when no daemon has ever made one.
    pub fn public_keys(&self) -> Result<Option<String>, StoreError> {
        let path = self.folder().join(heads::PUBLIC);
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|source| StoreError::file("read", &path, source)),
        }
    }

    /// Whether a write has met damage that a look at the whole database confirms. The next start puts
    /// such a database aside.
    pub async fn is_damaged(&self) -> bool {
        let met = self
            .inner
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|it| it.damaged);
        if !met {
            return false;
        }
        let path = self.inner.dir.join(DATABASE);
        let sound = blocking(move || open::check(&open::reader(&path)?, &path)).await;
        matches!(sound, Err(StoreError::Corrupt { .. }))
    }
}
