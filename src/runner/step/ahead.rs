//! Several actions in one call.

use crate::browser::{BrowserError, StepError};
use crate::clock::Deadline;
use crate::domain::scenario::{Action, Step, Verb};

use super::{GRACE, Stop, Walker};

impl Walker<'_> {
    /// Fills neighbouring fields in one call; how many actions that did.
    pub(super) async fn fill_ahead(
        &mut self,
        step: &Step,
        actions: &[Action],
        until: Deadline,
    ) -> Result<usize, Stop> {
        let fills = actions.iter().take_while(|action| matches!(action.verb, Verb::Fill { .. }));
        let fills: Result<Vec<Action>, _> = fills.map(|action| self.prepare(action)).collect();
        // A value that is missing is told by its own action.
        let Ok(fills) = fills else { return Ok(0) };
        if fills.len() < 2 {
            return Ok(0);
        }
        for action in &fills {
            self.note_typed(step, &action.verb);
        }
        let limit = Deadline::after(until.remaining() + GRACE);
        match limit.limit(self.journey.act_ahead(&fills, until)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error @ (StepError::Browser(_) | StepError::Loading(_) | StepError::Navigation(_)))) => {
                self.broken |= matches!(error, StepError::Browser(_));
                Err(Stop::Failed(error))
            }
            // The action itself waits, and says what is wrong with its field.
            Ok(Err(_)) => Ok(0),
            Err(_) => {
                self.broken = true;
                let what = "filling a form under its own deadline".to_owned();
                Err(Stop::Failed(BrowserError::Hung(what).into()))
            }
        }
    }
}
