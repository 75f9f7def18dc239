//! What is kept of a step besides its record: the picture always, and when it failed (or the scenario
//! asks for it) the whole page, its text, its document, what assistive technology is told, and every
//! request of the walk.
//!
//! Invariant: nothing here changes an outcome or eats into a step's time.

use tokio::task::JoinHandle;

use crate::browser::har::{Page, Veil};
use crate::browser::{Journey, Picture};
use crate::clock::Deadline;
use crate::domain::observation::{Evidence, EvidenceKind};
use crate::domain::run::StepRecord;

use super::Keeper;

/// Evidence on its way to the disk. The disk's time is not the step's: the walk goes on meanwhile.
pub(super) struct Proofs {
    keeper: Keeper,
    /// With the number of its step.
    writing: Vec<(usize, JoinHandle<Option<Evidence>>)>,
}

impl Proofs {
    pub fn new(keeper: &Keeper) -> Self {
        Self { keeper: keeper.clone(), writing: Vec::new() }
    }

    /// Has a picture of a step written.
    pub fn picture(&mut self, step: usize, picture: Picture, kind: EvidenceKind, label: &str) {
        let (keeper, label) = (self.keeper.clone(), label.to_owned());
        self.writing
            .push((step, tokio::spawn(async move { keeper.keep_picture(picture, kind, &label).await })));
    }

    fn text(&mut self, step: usize, text: String, mime: &'static str, kind: EvidenceKind) {
        let keeper = self.keeper.clone();
        let writing = tokio::spawn(async move { keeper.keep(text.into_bytes(), mime, kind, "").await });
        self.writing.push((step, writing));
    }

    /// Keeps what shows the page of a step as it stands. What cannot be had is left out.
    pub async fn page(
        &mut self,
        step: usize,
        journey: &mut Journey,
        kinds: &[EvidenceKind],
        deadline: Deadline,
    ) {
        for kind in kinds {
            let had = match kind {
                EvidenceKind::WholePage => journey.whole_page(deadline).await.map(|picture| {
                    self.picture(step, picture, *kind, "");
                }),
                EvidenceKind::Dom => {
                    journey.document(deadline).await.map(|html| self.text(step, html, "text/html", *kind))
                }
                EvidenceKind::Accessibility => journey
                    .accessibility(deadline)
                    .await
                    .map(|tree| self.text(step, tree, "text/plain", *kind)),
                EvidenceKind::Text => {
                    let text = journey.visible_text(deadline).await;
                    text.map(|text| {
                        let text = journey.masks().text(&text).into_owned();
                        self.text(step, text, "text/plain", *kind);
                    })
                }
                EvidenceKind::Har | EvidenceKind::Screenshot | EvidenceKind::Download => Ok(()),
            };
            if let Err(error) = had {
                let kind = kind.name();
                tracing::debug!(error = &error as &dyn std::error::Error, kind, "evidence could not be had");
            }
        }
    }

    /// Keeps every request of the walk, beside its last step.
    pub fn requests(&mut self, journey: &Journey, records: &[StepRecord]) {
        let Some(last) = records.len().checked_sub(1) else { return };
        let pages: Vec<Page<'_>> = records
            .iter()
            .map(|record| Page { title: &record.name, vitals: record.facts.vitals.as_ref() })
            .collect();
        let text = |text: &str| journey.masks().text(text).into_owned();
        let url = |url: &str| journey.masks().url(url).into_owned();
        if let Some(har) = journey.har(&pages, Veil { text: &text, url: &url }) {
            self.text(last, har.to_string(), "application/json", EvidenceKind::Har);
        }
    }

    /// Waits until all of it is written; each with the number of its step.
    pub async fn written(self) -> Vec<(usize, Evidence)> {
        let mut kept = Vec::with_capacity(self.writing.len());
        for (number, writing) in self.writing {
            if let Ok(Some(evidence)) = writing.await {
                kept.push((number, evidence));
            }
        }
        kept
    }
}
