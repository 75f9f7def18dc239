//! Keeping evidence.

use std::path::PathBuf;

use crate::browser::Picture;
use crate::domain::observation::{Evidence, EvidenceKind};
use crate::store::{self, Store};

/// Where evidence goes.
#[derive(Debug, Clone)]
pub enum Keeper {
    /// Into the agent's store.
    Store(Store),
    /// Into a folder, for a run without a configuration.
    Folder(PathBuf),
}

impl Keeper {
    /// Keeps a picture, once what must not be seen on it is painted over.
    pub async fn keep_picture(&self, picture: Picture, kind: EvidenceKind, label: &str) -> Option<Evidence> {
        let finished = tokio::task::spawn_blocking(move || picture.finish()).await.ok()?;
        match finished {
            Ok((bytes, mime)) => self.keep(bytes, mime, kind, label).await,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a picture was not kept");
                None
            }
        }
    }

    /// Keeps a file. A disk that is full or broken costs the evidence, never the run: the fault
    /// is logged, and [`None`] comes back.
    pub async fn keep(
        &self,
        bytes: Vec<u8>,
        mime: &str,
        kind: EvidenceKind,
        label: &str,
    ) -> Option<Evidence> {
        let kept = match self {
            Self::Store(store) => store.put_evidence(bytes, mime, kind, label).await,
            Self::Folder(folder) => store::keep_in_folder(folder.clone(), bytes, mime, kind, label).await,
        };
        match kept {
            Ok(evidence) => Some(evidence),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "evidence was not kept");
                None
            }
        }
    }
}
