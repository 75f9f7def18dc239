//! What is remembered of hosts, so that their share of a day and their wish to be left alone
//! outlive the process.

use super::error::StoreError;
use super::{Store, rows};
use crate::domain::host::HostMemory;

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
}
