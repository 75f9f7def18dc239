//! What scenarios feed: `measure = ["T1"]` of a step that no profile knows counts for nothing, and
//! nobody would notice.
//!
//! Invariant: only warnings come from here; the scenario is sound, and another profile may know the id.

use std::cell::RefCell;
use std::path::Path;

use super::super::diagnostic::{Diagnostic, sort};
use super::super::load::Files;
use super::super::raw::Source;
use super::super::table::{Fields, Reader};
use super::super::words::suggest;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{NodeKind, Profile};

/// Warns of the indicators that steps of the scenario in `file` name and none of `profiles` has. Says
/// nothing when there are no profiles, or when the file cannot be read: its own reader says why.
pub fn unknown_measures<'p>(
    file: &Path,
    files: &dyn Files,
    profiles: impl IntoIterator<Item = &'p Profile>,
) -> Vec<Diagnostic> {
    let profiles: Vec<_> = profiles.into_iter().collect();
    let Ok(text) = files.read(file) else { return Vec::new() };
    if profiles.is_empty() {
        return Vec::new();
    }
    let source = Source::new(file.to_owned(), text);
    let (table, _) = source.parse();
    let warnings = RefCell::default();
    // What is of another type than it should be is told where the scenario is read.
    let ignored = RefCell::default();
    let fields = Fields::new(Reader { source: &source, out: &ignored }, "a scenario", &table);
    let steps = fields.get("step").map(|item| item.tables("a step")).unwrap_or_default();
    let measures = steps.iter().filter_map(|step| step.get("measure"));
    let reader = Reader { source: &source, out: &warnings };
    for text in measures.filter_map(|item| item.texts()).flatten() {
        let Some(id) = IndicatorId::parse(text.value) else { continue };
        if profiles.iter().any(|profile| knows(profile, &id)) {
            continue;
        }
        let known: Vec<_> = profiles
            .iter()
            .flat_map(|profile| profile.nodes())
            .map(|placed| placed.node.id.as_str())
            .collect();
        let message = format!("no profile has an indicator `{id}`, so what this step measures is not scored");
        let hint = suggest(text.value, known).unwrap_or_else(|| {
            format!("take `{id}` out of `measure`, or write it into a profile in `profiles/`")
        });
        reader.warn(text.span, message, hint);
    }
    let mut warnings = warnings.into_inner();
    sort(&mut warnings);
    warnings
}

/// Whether what a step measures can count with a profile: it names one of its indicators, or a part
/// (`T4.ipv6`) of one that the profile does not divide (`T4`).
fn knows(profile: &Profile, id: &IndicatorId) -> bool {
    profile.nodes().iter().any(|placed| {
        let part = id.as_str().strip_prefix(placed.node.id.as_str());
        part.is_some_and(|part| {
            part.is_empty() || (part.starts_with('.') && matches!(placed.node.kind, NodeKind::Leaf(_)))
        })
    })
}
