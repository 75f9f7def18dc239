//! Steps of the stage `gate`: where an application would be submitted.

use crate::clock::Deadline;
use crate::domain::locator::Locator;
use crate::domain::observation::GateFact;
use crate::domain::outcome::Outcome;
use crate::domain::scenario::{Check, Stage, Step, Verb};
use crate::domain::target::{SUBMITS, TargetClass};

use super::{GRACE, Log, StepError, Stop, Walker};

impl Walker<'_> {
    /// What stands at the gate, when the step came there without pressing anything.
    pub(super) async fn look_at_gate(
        &mut self,
        step: &Step,
        stopped: Option<&Stop>,
        deadline: Deadline,
        log: &mut Log,
    ) -> Option<GateFact> {
        let live = self.order.target.class == TargetClass::Live;
        gate_outcome(step, stopped, Outcome::Done, live)?;
        let refused = stopped.and(log.clicked.clone());
        let expected = step.expect.iter().filter_map(|expect| match &expect.check {
            Check::Visible(at) | Check::Enabled(at) => at.resolve(&self.vars).ok(),
            _ => None,
        });
        let mut buttons: Vec<Locator> = refused.into_iter().chain(expected).collect();
        // A button that is called as those are is meant before any other; else the last one, because the
        // page comes before its end.
        buttons.reverse();
        buttons.sort_by_key(|at| {
            let shown = at.to_string().to_lowercase();
            !SUBMITS.iter().any(|word| shown.contains(word))
        });
        let limit = Deadline::after(deadline.remaining() + GRACE);
        let (gate, own) = limit.limit(self.journey.gate(&buttons, deadline)).await.ok().flatten()?;
        log.own += own;
        Some(gate)
    }
}

/// At the gate the button is found and not pressed: a step of the stage `gate` that works is
/// `online_ready`, and so is one whose press our own guard refused on a live target.
pub(super) fn gate_outcome(
    step: &Step,
    stopped: Option<&Stop>,
    outcome: Outcome,
    live: bool,
) -> Option<Outcome> {
    if step.stage != Stage::Gate {
        return None;
    }
    match stopped {
        // A test system lets the button be pressed: then the step is done like any other.
        None if outcome == Outcome::Done && (live || !presses(step)) => Some(Outcome::OnlineReady),
        Some(Stop::Failed(StepError::Refused(_))) if live => Some(Outcome::OnlineReady),
        _ => None,
    }
}

/// Whether the step presses anything.
fn presses(step: &Step) -> bool {
    step.actions.iter().any(|action| matches!(action.verb, Verb::Click(_) | Verb::Press(_)))
}
