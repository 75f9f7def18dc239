//! The ledger of link faults: what is known of a broken link over many link checks.
//!
//! Invariant: a link stands here once for each probe and target, by its identity. What was once
//! found stays, also when it is mended: so it is known how long it was broken, and that it was.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{LinkFaultId, RunId};
use super::link::{LinkClass, LinkFault};

/// What is known of a broken link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// By what it is known again.
    pub id: LinkFaultId,
    /// The address that it leads to.
    pub url: String,
    /// What was wrong with it when it was last found.
    pub class: LinkClass,
    /// The status then, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The first page that carried it then.
    pub page: String,
    /// The words of the link there.
    pub text: String,
    /// Whether the home page carried it then.
    pub on_home: bool,
    /// How many pages carried it then.
    pub pages: u32,
    /// When a link check first found it, ever.
    pub first_seen_at: Timestamp,
    /// When a link check found it anew: the first time, or after it had been mended.
    pub opened_at: Timestamp,
    /// When a link check last found it.
    pub last_seen_at: Timestamp,
    /// When a whole link check no longer found it; absent while it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_at: Option<Timestamp>,
    /// The run that first found it.
    pub first_run: RunId,
    /// The run that last found it.
    pub last_run: RunId,
}

impl Known {
    /// A fault that a run found at `at` for the first time.
    pub fn new(fault: &LinkFault, run: &RunId, at: Timestamp) -> Self {
        Self {
            id: fault.id.clone(),
            url: fault.url.clone(),
            class: fault.class,
            status: fault.status,
            page: fault.page.clone(),
            text: fault.text.clone(),
            on_home: fault.on_home,
            pages: fault.pages,
            first_seen_at: at,
            opened_at: at,
            last_seen_at: at,
            fixed_at: None,
            first_run: run.clone(),
            last_run: run.clone(),
        }
    }

    /// Whether it counts as broken.
    pub fn is_open(&self) -> bool {
        self.fixed_at.is_none()
    }

    /// The same link, found again by a run at `at`. One that had been mended opens anew; when it
    /// was first seen stays.
    #[must_use]
    pub fn found(&self, fault: &LinkFault, run: &RunId, at: Timestamp) -> Self {
        let opened_at = if self.is_open() { self.opened_at } else { at };
        Self {
            first_seen_at: self.first_seen_at.min(at),
            opened_at,
            last_seen_at: self.last_seen_at.max(at),
            first_run: self.first_run.clone(),
            ..Self::new(fault, run, at)
        }
    }
}
