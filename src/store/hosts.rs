//! What is remembered of hosts and targets, so that their share of a day and their wish to be left alone
//! outlive the process.

use jiff::Timestamp;
use rusqlite::params;

use super::error::StoreError;
use super::{Store, rows};
use crate::domain::host::HostMemory;
use crate::domain::ids::TargetId;

impl Store {
    /// What is remembered of a host; nothing when it was never kept.
    pub async fn host(&self, host: &str) -> Result<Option<HostMemory>, StoreError> {
        let host = host.to_owned();
        self.read(move |connection| rows::host::find(connection, &host)).await
    }

    /// Keeps what is known of a host, beside what another process kept meanwhile: the newer
    /// robots.txt (none never erases one), the newer day and on the same day the larger count, and
    /// the later end of a cool-down win.
    pub async fn keep_host(&self, memory: HostMemory) -> Result<(), StoreError> {
        self.write(move |connection| rows::host::keep(connection, &memory)).await
    }

    /// Remembers that a target asked us to stay away; a later end wins over an earlier one.
    pub async fn cool_down(
        &self,
        target: TargetId,
        until: Timestamp,
        reason: String,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "INSERT INTO cool_downs (target, until, reason) VALUES (?1, ?2, ?3)
                 ON CONFLICT (target) DO UPDATE SET until = excluded.until, reason = excluded.reason
                 WHERE excluded.until > cool_downs.until",
                params![target.as_str(), rows::micros(until), reason],
            )?;
            Ok(())
        })
        .await
    }

    /// Targets that asked us to stay away, and until when, as far as that is after `now`.
    pub async fn cooling(&self, now: Timestamp) -> Result<Vec<(TargetId, Timestamp)>, StoreError> {
        self.read(move |connection| {
            let mut found = connection
                .prepare_cached("SELECT target, until FROM cool_downs WHERE until > ?1 ORDER BY target")?;
            let rows = found.query_map([rows::micros(now)], |row| {
                Ok((row.get::<_, String>("target")?.as_str().into(), rows::at(row, "until")?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
