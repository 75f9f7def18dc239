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

use super::waiting::Turn;
use super::{Journey, Mark, fair};

/// Answers when the press is over: what became of it.
const OVER: &str = "() => globalThis.shopperAim?.over()";

/// What became of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::browser) enum Press {
    /// It cannot be made in this way here; nothing was pressed.
    Impossible,
    /// It was made. What it set off has to be waited for.
    Made,
    /// It was made, and what it set off by script has begun.
    Over,
    /// The same, and the page shows what it was for.
    Done,
    /// It met something else and was kept from the page.
    Missed,
}

impl Journey {
    /// Moves the mouse to a point of the window, presses the main button and releases it.
    pub(in crate::browser) async fn press_mouse(
        &mut self,
        x: f64,
        y: f64,
        mark: Mark,
        deadline: Deadline,
    ) -> Result<Press, StepError> {
        // A frame has coordinates of its own.
        if self.is_classic() || self.frame.is_some() || !can(self.options.engine, Ability::Devtools) {
            return Ok(Press::Impossible);
        }
        let deadline = fair(deadline);
        let here = self.here()?;
        let Some(session) = self.devtools(&here, deadline).await else { return Ok(Press::Impossible) };
        let wire = self.wire()?;
        let event = |kind: &str, buttons: u8, count: u8| -> Value {
            let button = if count == 0 { "none" } else { "left" };
            json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": count })
        };
        let events = [event("mouseMoved", 0, 0), event("mousePressed", 1, 1), event("mouseReleased", 0, 1)];
        let sent =
            events.iter().map(|event| wire.cdp(Some(&session), "Input.dispatchMouseEvent", event, deadline));
        // The page says by itself when the press is over, so that nobody has to ask afterwards.
        let (told, over) = tokio::join!(join_all(sent), self.turn(&here, OVER, deadline));
        let mut told = told.into_iter();
        match told.next() {
            Some(Err(CallError::Refused { .. })) => {
                self.sessions.retain(|(page, _)| *page != here);
                return Ok(Press::Impossible);
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
        let over = over?;
        self.set_out(over, mark, deadline).await;
        Ok(match over {
            Some(Turn::Missed) => Press::Missed,
            Some(Turn::Leaves | Turn::Stays) => Press::Over,
            Some(Turn::Done) => Press::Done,
            None => Press::Made,
        })
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
