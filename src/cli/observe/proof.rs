//! Files of proof beside a table: whether they are there, and keeping them.

use std::path::Path;

use crate::app::AppError;
use crate::domain::ids::EvidenceHash;
use crate::domain::observation::EvidenceKind;
use crate::files::DiskFiles;
use crate::filetype;
use crate::plan::observations::Observation;
use crate::plan::{FileFault, Files};
use crate::store::Store;

use super::{Desk, Fault};

/// The most bytes of a file of proof.
const LIMIT: u64 = 20 << 20;

/// The files below a table's folder.
pub(super) struct Proofs<'a> {
    folder: &'a Path,
    files: DiskFiles,
}

impl<'a> Proofs<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Self { folder, files: DiskFiles::new(folder) }
    }

    /// Keeps the proofs of observations, each beside the value that it shows.
    pub(super) async fn keep(
        &self,
        desk: &Desk,
        store: &Store,
        all: &mut [Observation],
    ) -> Result<(), Fault> {
        for one in all {
            if let Some(path) = &one.evidence {
                one.coding.evidence = Some(self.put(desk, store, path).await?);
            }
        }
        Ok(())
    }

    async fn put(&self, desk: &Desk, store: &Store, path: &Path) -> Result<EvidenceHash, Fault> {
        let whole = self.folder.join(path);
        let bytes = std::fs::read(&whole).map_err(|source| AppError::Folder { path: whole, source })?;
        let mime = mime(filetype::kind_of(&bytes, &bytes));
        let label = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kept = store.put_evidence(bytes, mime, EvidenceKind::Download, &label).await;
        Ok(kept.map_err(|source| desk.fault(source))?.hash)
    }
}

impl Files for Proofs<'_> {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        self.files.read(path)
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.files.exists(path)?;
        let size = std::fs::metadata(self.folder.join(path)).map(|meta| meta.len());
        match size {
            Ok(size) if size > LIMIT => Err(FileFault::TooLarge { limit: LIMIT }),
            Ok(_) => Ok(()),
            Err(error) => Err(FileFault::Unreadable(error.to_string())),
        }
    }
}

/// The media type of a file.
fn mime(kind: &str) -> &'static str {
    match kind {
        "jpg" => "image/jpeg",
        "png" => "image/png",
        "pdf" => "application/pdf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "zip" => "application/zip",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}
