//! What people ask for: to take an incident upon themselves, and that nobody be told for a while.
//!
//! Invariant: who came first stands; nothing that people ask for opens or closes an incident.

use jiff::Timestamp;
use rusqlite::TransactionBehavior;

use super::error::StoreError;
use super::{Store, rows};
use crate::domain::ids::{IncidentId, SilenceId};
use crate::domain::incident::{Acknowledgement, Incident};
use crate::domain::silence::Silence;

impl Store {
    /// Notes that somebody took an incident upon himself, and returns it as it stands. The first one
    /// stands: whoever comes later, or when it is over, changes nothing.
    pub async fn acknowledge(
        &self,
        incident: IncidentId,
        by: String,
        note: Option<String>,
        at: Timestamp,
    ) -> Result<Incident, StoreError> {
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut found = rows::incident::find(&tx, &incident)?;
            if found.acknowledged.is_none() && found.closed_at.is_none() {
                found.acknowledged = Some(Acknowledgement { at, by, note });
                rows::incident::save(&tx, &found)?;
                tx.commit()?;
            }
            Ok(found)
        })
        .await
    }

    /// Notes that nobody shall be told for a while. Its id is made here.
    pub async fn silence(&self, mut silence: Silence) -> Result<Silence, StoreError> {
        silence.id = SilenceId::new(super::tell::fresh_id(silence.starts_at));
        self.write(move |connection| {
            rows::silence::add(connection, &silence)?;
            Ok(silence)
        })
        .await
    }

    /// Silences that are in force or will be, the first to begin first.
    pub async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        self.read(move |connection| rows::silence::after(connection, now)).await
    }

    /// Ends a silence; one that is over stays as it is.
    pub async fn end_silence(&self, id: SilenceId, now: Timestamp) -> Result<Silence, StoreError> {
        self.write(move |connection| rows::silence::end(connection, &id, now)).await
    }
}
