//! What is remembered of hosts, kept in the store.

use crate::domain::host::HostMemory;
use crate::http::manners::{Remember, Soon};
use crate::store::Store;

/// The store as the memory of manners. A store in trouble costs the memory and no run.
#[derive(Debug)]
pub(super) struct Shelf(pub(super) Store);

impl Remember for Shelf {
    fn recall<'a>(&'a self, host: &'a str) -> Soon<'a, Option<HostMemory>> {
        Box::pin(async move {
            self.0.host(host).await.unwrap_or_else(|error| {
                tracing::warn!(host, error = &error as &dyn std::error::Error, "could not recall a host");
                None
            })
        })
    }

    fn keep(&self, memory: HostMemory) -> Soon<'_, ()> {
        Box::pin(async move {
            let host = memory.host.clone();
            if let Err(error) = self.0.keep_host(memory).await {
                tracing::warn!(
                    host,
                    error = &error as &dyn std::error::Error,
                    "could not keep what is known of a host"
                );
            }
        })
    }
}
