//! Orders: what a run is asked to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::engine::Engine;
use crate::domain::ids::{ProbeId, RunId};
use crate::domain::lexicon::Lexicon;
use crate::domain::link::KnownFault;
use crate::domain::run::Cause;
use crate::domain::scenario::Scenario;
use crate::domain::target::Target;
use crate::domain::template::Vars;
use crate::plan::{Agent, CanaryPlan, Work};

/// One run to make.
#[derive(Debug, Clone)]
pub struct Order {
    /// The id that the run will have.
    pub id: RunId,
    /// The probe that it belongs to.
    pub probe: ProbeId,
    /// What is done.
    pub work: Work,
    /// The browser that a walk is made with.
    pub engine: Engine,
    /// Where.
    pub target: Arc<Target>,
    /// When it should have begun.
    pub scheduled_at: Timestamp,
    /// Why it is made.
    pub cause: Cause,
    /// Who we are.
    pub agent: Arc<Agent>,
    /// The phrases.
    pub lexicon: Arc<Lexicon>,
    /// The folder that upload files are relative to.
    pub root: PathBuf,
    /// Variables from the command line; stronger than the target's.
    pub vars: Vars,
    /// A pause before every action, for people who watch.
    pub slow: Duration,
    /// Whether the pages stay open after the last step until the run is cancelled.
    pub hold: bool,
    /// Whether a link check begins anew instead of going on where an earlier one stopped.
    pub fresh: bool,
    /// Faults that were known before a link check, when no store remembers them.
    pub known: Vec<KnownFault>,
    /// Whether a link check may open pages in a browser.
    pub looks: bool,
    /// What is asked when the run failed, to tell an outage of ours from the portal's; nothing when absent.
    pub canary: Option<Arc<CanaryPlan>>,
}

impl Order {
    /// The values of variables at the start of a journey, the strongest last: the scenario's
    /// defaults, the target's, the command line's. `entry`, `target_id` and `target_name` are
    /// always there and always the target's.
    pub fn vars(&self, scenario: &Scenario) -> Vars {
        let mut vars = scenario.vars.clone();
        vars.extend(self.target.vars.clone());
        vars.extend(self.vars.clone());
        vars.insert("entry".to_owned(), self.target.entry.to_string());
        vars.insert("target_id".to_owned(), self.target.id.to_string());
        vars.insert("target_name".to_owned(), self.target.name.clone());
        vars
    }
}

/// A new run id. Ids sort by the time they were made.
pub fn new_run_id() -> RunId {
    RunId::new(uuid::Uuid::now_v7().to_string())
}
