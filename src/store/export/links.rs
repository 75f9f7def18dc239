//! Links that do not work, exported: those of each run, and the ledger.

use serde::Serialize;

use super::super::csv::Cell;
use super::super::error::StoreError;
use super::{Sink, line};
use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::ledger::Known;
use crate::domain::link::LinkFault;
use crate::domain::run::Run;

/// The columns of what runs found.
pub(super) const FAULTS: &[&str] = &[
    "run",
    "probe",
    "target",
    "started_at",
    "page",
    "url",
    "text",
    "status",
    "class",
    "on_home",
    "link",
    "element",
    "attribute",
    "line",
    "column",
    "pages",
    "detail",
    "first_seen_at",
    "last_seen_at",
];

/// The columns of the ledger.
pub(super) const LEDGER: &[&str] = &[
    "link",
    "probe",
    "target",
    "url",
    "class",
    "status",
    "page",
    "text",
    "on_home",
    "pages",
    "first_seen_at",
    "opened_at",
    "last_seen_at",
    "fixed_at",
    "first_run",
    "last_run",
];

/// A link of the ledger with its probe and target.
#[derive(Serialize)]
struct Placed<'a> {
    probe: &'a ProbeId,
    target: &'a TargetId,
    #[serde(flatten)]
    known: &'a Known,
}

impl Sink<'_> {
    pub(super) fn link_faults(&mut self, run: &Run) -> Result<(), StoreError> {
        for fault in &run.link_faults {
            if self.is_json() {
                self.json(&line(run, None, fault))?;
                continue;
            }
            self.link_fault(run, fault)?;
        }
        Ok(())
    }

    fn link_fault(&mut self, run: &Run, fault: &LinkFault) -> Result<(), StoreError> {
        let started_at = run.started_at.to_string();
        let [first_seen_at, last_seen_at] =
            [fault.first_seen_at, fault.last_seen_at].map(|at| at.map(|at| at.to_string()));
        self.cells(&[
            Cell::Text(run.id.as_str()),
            Cell::Text(run.probe.as_str()),
            Cell::Text(run.target.as_str()),
            Cell::Text(&started_at),
            Cell::Text(&fault.page),
            Cell::Text(&fault.url),
            Cell::Text(&fault.text),
            Cell::number(fault.status),
            Cell::Text(fault.class.name()),
            Cell::Truth(fault.on_home),
            Cell::Text(fault.id.as_str()),
            Cell::Text(&fault.element),
            Cell::Text(&fault.attribute),
            Cell::Number(fault.line.into()),
            Cell::Number(fault.column.into()),
            Cell::Number(fault.pages.into()),
            Cell::Text(&fault.detail),
            Cell::maybe(first_seen_at.as_deref()),
            Cell::maybe(last_seen_at.as_deref()),
        ])
    }

    pub(super) fn known(
        &mut self,
        probe: &ProbeId,
        target: &TargetId,
        known: &Known,
    ) -> Result<(), StoreError> {
        if self.is_json() {
            return self.json(&Placed { probe, target, known });
        }
        let [first_seen_at, opened_at, last_seen_at] =
            [known.first_seen_at, known.opened_at, known.last_seen_at].map(|at| at.to_string());
        let fixed_at = known.fixed_at.map(|at| at.to_string());
        self.cells(&[
            Cell::Text(known.id.as_str()),
            Cell::Text(probe.as_str()),
            Cell::Text(target.as_str()),
            Cell::Text(&known.url),
            Cell::Text(known.class.name()),
            Cell::number(known.status),
            Cell::Text(&known.page),
            Cell::Text(&known.text),
            Cell::Truth(known.on_home),
            Cell::Number(known.pages.into()),
            Cell::Text(&first_seen_at),
            Cell::Text(&opened_at),
            Cell::Text(&last_seen_at),
            Cell::maybe(fixed_at.as_deref()),
            Cell::Text(known.first_run.as_str()),
            Cell::Text(known.last_run.as_str()),
        ])
    }
}
