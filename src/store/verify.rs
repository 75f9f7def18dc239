//! Whether the records are as they were written: every link of the chain, every record behind it,
//! every signed head, and on request every evidence file.
//!
//! It reads in pieces, each a snapshot of its own, so that it never keeps the log of a busy daemon from
//! being folded in.
//!
//! Invariant: nothing is written. What is wrong is named, one finding for each record.

mod entries;
mod files;
mod signatures;

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::status::{self, Loss};

/// How many findings are told; more are counted.
const TOLD: usize = 1000;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Only records of this time or later; links and heads are all looked at.
    pub since: Option<Timestamp>,
    /// Evidence files as well.
    pub files: bool,
    /// The public keys (PEM) by which heads have to be signed; those of the data folder when absent.
    pub keys: Option<String>,
}

/// Whether the records are as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// Nothing is wrong.
    pub clean: bool,
    /// How many entries of the chain were looked at.
    pub entries: u64,
    /// How many runs were compared with their entries.
    pub runs: u64,
    /// How many gaps were compared with their entries.
    pub gaps: u64,
    /// How many records are gone because retention removed them.
    pub pruned: u64,
    /// How many records of before the chain still wait for their entries.
    pub waiting: u64,
    /// How many signed heads were looked at.
    pub heads: u64,
    /// How many evidence files were read, when that was asked for.
    pub files: Option<u64>,
    /// The time of the newest record that was looked at.
    pub until: Option<Timestamp>,
    /// Losses that are on record, the newest first.
    pub losses: Vec<Loss>,
    /// What is wrong; the first thousand.
    pub findings: Vec<Finding>,
    /// How much more is wrong.
    pub more: u64,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What is wrong.
    pub what: Wrong,
    /// With what.
    pub with: Thing,
    /// Its id: of a run, a slot (`probe target microseconds`), a file, a head's number.
    pub id: String,
    /// The number of its entry in the chain.
    pub entry: Option<i64>,
    /// The probe.
    pub probe: Option<String>,
    /// The target.
    pub target: Option<String>,
    /// When it was recorded.
    pub at: Option<Timestamp>,
    /// In words.
    pub detail: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It is not what was recorded.
    Changed,
    /// It was recorded and is not there.
    Missing,
    /// It is there and was not recorded by this program.
    Inserted,
    /// It stands at another place than where it was recorded.
    Reordered,
    /// The end is gone.
    Truncated,
    /// A signature is not by the key that it names, or by no key that is trusted.
    BadSignature,
    /// It cannot be read.
    Unreadable,
}

impl Wrong {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Truncated => "truncated",
            Self::BadSignature => "bad signature",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What something can be wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A run with its steps, facts and link faults.
    Run,
    /// A slot that did not become a run.
    Gap,
    /// An entry of the chain.
    Entry,
    /// What retention removed.
    Pruning,
    /// A recorded loss.
    Loss,
    /// A signed head.
    Head,
    /// An evidence file.
    File,
    /// The chain as a whole.
    Chain,
    /// The database file.
    Database,
}

impl Thing {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Gap => "gap",
            Self::Entry => "entry",
            Self::Pruning => "pruning",
            Self::Loss => "loss",
            Self::Head => "head",
            Self::File => "evidence file",
            Self::Chain => "chain",
            Self::Database => "database",
        }
    }
}

impl Finding {
    fn new(what: Wrong, with: Thing, id: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what,
            with,
            id: id.into(),
            entry: None,
            probe: None,
            target: None,
            at: None,
            detail: detail.into(),
        }
    }
}

/// Gathers what is found.
struct Inquiry<'a> {
    connection: &'a Connection,
    dir: &'a Path,
    options: &'a VerifyOptions,
    report: VerifyReport,
}

impl Inquiry<'_> {
    fn find(&mut self, finding: Finding) {
        self.report.clean = false;
        if self.report.findings.len() < TOLD {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }
}

/// Looks at everything that is asked for.
pub(super) fn verify(
    connection: &Connection,
    dir: &Path,
    options: &VerifyOptions,
) -> Result<VerifyReport, StoreError> {
    let report = VerifyReport {
        clean: true,
        entries: 0,
        runs: 0,
        gaps: 0,
        pruned: 0,
        waiting: 0,
        heads: 0,
        files: None,
        until: None,
        losses: Vec::new(),
        findings: Vec::new(),
        more: 0,
    };
    let mut inquiry = Inquiry { connection, dir, options, report };
    match look(&mut inquiry) {
        Ok(()) => {}
        // That is an answer as well.
        Err(StoreError::Corrupt { detail, .. }) => {
            inquiry.find(Finding::new(Wrong::Unreadable, Thing::Database, super::DATABASE, detail));
        }
        Err(StoreError::Unreadable { source, .. }) => {
            let why = source.to_string();
            inquiry.find(Finding::new(Wrong::Unreadable, Thing::Database, super::DATABASE, why));
        }
        Err(error) => return Err(error),
    }
    Ok(inquiry.report)
}

fn look(inquiry: &mut Inquiry<'_>) -> Result<(), StoreError> {
    let said: String = inquiry.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        inquiry.find(Finding::new(Wrong::Unreadable, Thing::Database, super::DATABASE, said));
    }
    inquiry.report.losses = status::losses(inquiry.connection, TOLD)?;
    entries::look(inquiry)?;
    signatures::look(inquiry)?;
    if inquiry.options.files {
        files::look(inquiry)?;
    }
    Ok(())
}
