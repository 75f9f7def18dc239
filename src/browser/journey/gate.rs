//! Looking at the submit gate: the button and its form, as they stand. Nothing is pressed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::page;
use crate::clock::Deadline;
use crate::domain::locator::Locator;
use crate::domain::observation::GateFact;

use super::{Journey, fair};

/// A page may check its fields a moment after they were filled in.
const SECOND_THOUGHT: Duration = Duration::from_millis(1500);

impl Journey {
    /// What stands at the gate: the first of `locators` that means a button, and the form that it
    /// belongs to. Looks again until the button can be pressed and the page accepts its form: fields
    /// are given a moment, a button that only counts down has until `deadline`. [`None`] when none of
    /// them is a button, or the page does not answer. Beside it our own share of the time.
    pub async fn gate(&mut self, locators: &[Locator], deadline: Deadline) -> Option<(GateFact, Duration)> {
        let means: Vec<Value> = locators.iter().map(page::locator).collect();
        if means.is_empty() {
            return None;
        }
        let thought = Deadline::after(SECOND_THOUGHT).min(deadline);
        let mut pause = Duration::from_millis(50);
        let mut last = None;
        let mut own = Duration::ZERO;
        for turn in 0.. {
            let here = self.here().ok()?;
            let ask = json!({ "do": "gate", "locators": means, "turn": turn });
            let said = self.ask(&here, &ask, fair(deadline)).await.ok();
            let found = said.filter(page::Said::ok);
            last = found.and_then(|said| serde_json::from_str::<GateFact>(&said.text).ok()).or(last);
            let waits = last.as_ref().is_none_or(|gate| !gate.invalid.is_empty() || !gate.missing.is_empty());
            let ready = last.as_ref().is_some_and(|gate| gate.enabled) && !waits;
            let end = if waits { thought } else { deadline };
            if ready || end.passed() {
                break;
            }
            let _ = end.limit(tokio::time::sleep(pause)).await;
            // The button may have been ready since the pause began.
            own = pause;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        last.map(|gate| (gate, own))
    }
}
