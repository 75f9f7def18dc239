//! A press of the mouse through Chromium's own protocol. **Chromium only.**
//!
//! WebDriver moves, presses and releases in ticks and waits for each, and Chromium hands a movement to
//! the page with its next frame: a click would take 16 ms more. Sent one behind the other, the press
//! takes the movement along. What the page sees is the same: trusted events in the same order.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::browser::StepError;
use crate::browser::bidi::CallError;
use crate::browser::engine::{Ability, can};
use crate::clock::Deadline;

use super::{Journey, fair};

impl Journey {
    /// Moves the mouse to a point of the window, presses the main button and releases it. Answers false
    /// when this cannot be done here and nothing was pressed.
    pub(in crate::browser) async fn press_mouse(
        &mut self,
        x: f64,
        y: f64,
        deadline: Deadline,
    ) -> Result<bool, StepError> {
        // A frame has coordinates of its own.
        if self.is_classic() || self.frame.is_some() || !can(self.options.engine, Ability::Devtools) {
            return Ok(false);
        }
        let deadline = fair(deadline);
        let here = self.here()?;
        let Some(session) = self.devtools(&here, deadline).await else { return Ok(false) };
        let wire = self.wire()?;
        let event = |kind: &str, buttons: u8, count: u8| -> Value {
            let button = if count == 0 { "none" } else { "left" };
            json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": count })
        };
        let events = [event("mouseMoved", 0, 0), event("mousePressed", 1, 1), event("mouseReleased", 0, 1)];
        let sent =
            events.iter().map(|event| wire.cdp(Some(&session), "Input.dispatchMouseEvent", event, deadline));
        let mut told = join_all(sent).await.into_iter();
        match told.next() {
            Some(Err(CallError::Refused { .. })) => {
                self.sessions.retain(|(page, _)| *page != here);
                return Ok(false);
            }
            Some(Err(error)) => return Err(self.judge(error).await),
            _ => {}
        }
        for told in told {
            match told {
                // The page may go away between pressing and releasing.
                Ok(_) | Err(CallError::Refused { .. }) => {}
                Err(error) => return Err(self.judge(error).await),
            }
        }
        Ok(true)
    }

    /// The session by which a page is reached.
    async fn devtools(&mut self, page: &str, deadline: Deadline) -> Option<String> {
        if let Some((_, session)) = self.sessions.iter().find(|(known, _)| known == page) {
            return Some(session.clone());
        }
        let session = self.wire().ok()?.cdp_session(page, deadline).await.ok()?;
        self.sessions.push((page.to_owned(), session.clone()));
        Some(session)
    }
}
