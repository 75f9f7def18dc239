//! Clicks, hovering, scrolling, checkboxes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::journey::{Journey, Mark, Press};
use crate::browser::page::{self, Said};
use crate::browser::{StepError, Wait};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::locator::Locator;
use crate::domain::scenario::Channel;
use crate::domain::target::sounds_like_submitting;

/// Presses the main button on an element and follows what that sets off. A page that moved between
/// the look and the press got nothing of the press, and is pressed again where the element is then.
pub async fn click(journey: &mut Journey, locator: &Locator, deadline: Deadline) -> Result<(), StepError> {
    let watch = Stopwatch::start();
    let means = page::locator(locator);
    let what = locator.to_string();
    let mut doubt = false;
    loop {
        let ask = |turn| json!({ "do": "point", "locator": means, "turn": turn, "doubt": doubt });
        let at = journey.look(ask, &what, deadline, false).await?;
        if journey.options.guard.live && sounds_like_submitting(&at.text) {
            return Err(StepError::Refused(format!("`{}` would submit something to a live portal", at.text)));
        }
        let mark = journey.mark();
        let before = journey.current();
        let missed = match press_at(journey, &at, mark, deadline).await? {
            Press::Missed => true,
            Press::Over | Press::Done => {
                journey.conclude(mark, before, deadline).await?;
                false
            }
            Press::Made | Press::Impossible => journey.follow(mark, deadline).await?,
        };
        if !missed {
            return Ok(());
        }
        if deadline.passed() {
            let last_seen = "it moved away from the pointer each time".to_owned();
            return Err(StepError::NotReady(Wait { what, waited: watch.elapsed(), last_seen }));
        }
        doubt = true;
    }
}

/// Moves the pointer onto an element.
pub async fn hover(journey: &mut Journey, locator: &Locator, deadline: Deadline) -> Result<(), StepError> {
    let at = find(journey, "hover", locator, &Value::Null, deadline).await?;
    let actions = json!([{ "type": "pointerMove", "x": at.x, "y": at.y }]);
    pointer(journey, "mouse", actions, deadline).await
}

/// Brings an element into view.
pub async fn scroll(journey: &mut Journey, locator: &Locator, deadline: Deadline) -> Result<(), StepError> {
    find(journey, "scroll", locator, &Value::Null, deadline).await.map(|_| ())
}

/// Clicks a checkbox, radio button or switch (or its label) when it is not as wanted.
pub async fn check(
    journey: &mut Journey,
    locator: &Locator,
    want: bool,
    deadline: Deadline,
) -> Result<(), StepError> {
    let watch = Stopwatch::start();
    let want = json!(want);
    let mut pause = Duration::from_millis(20);
    loop {
        let at = find(journey, "check", locator, &want, deadline).await?;
        if at.state == "already" {
            return Ok(());
        }
        let mark = journey.mark();
        let page = journey.current();
        // The page tells of the change with the press, and what it set off has begun by then. Where it
        // does not, asking is also the round trip after which events have arrived.
        let changed = press_at(journey, &at, mark, deadline).await? == Press::Done
            || find_once(journey, locator, &want, deadline).await?;
        if changed || journey.current() != page || journey.set_off(mark) {
            return journey.conclude(mark, page, deadline).await;
        }
        if deadline.passed() {
            return Err(StepError::NotReady(Wait {
                what: locator.to_string(),
                waited: watch.elapsed(),
                last_seen: "it did not change when clicked".to_owned(),
            }));
        }
        let _ = deadline.limit(tokio::time::sleep(pause)).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Whether the box is as wanted now; a page that went away counts as changed.
async fn find_once(
    journey: &mut Journey,
    locator: &Locator,
    want: &Value,
    deadline: Deadline,
) -> Result<bool, StepError> {
    use crate::browser::journey::Look;
    let ask = json!({ "do": "check", "locator": page::locator(locator), "want": want, "turn": 0 });
    let look = journey.look_once(&ask, &locator.to_string(), deadline).await?;
    Ok(match look {
        Some(Look::Ok(said)) => said.state == "already",
        Some(Look::NotYet(said)) => said.state == "none",
        None => true,
    })
}

async fn find(
    journey: &mut Journey,
    what: &str,
    locator: &Locator,
    want: &Value,
    deadline: Deadline,
) -> Result<Said, StepError> {
    let means = page::locator(locator);
    let ask = |turn| json!({ "do": what, "locator": means, "want": want, "turn": turn });
    journey.look(ask, &locator.to_string(), deadline, false).await
}

async fn press_at(
    journey: &mut Journey,
    at: &Said,
    mark: Mark,
    deadline: Deadline,
) -> Result<Press, StepError> {
    // A phone has no mouse: pages listen to fingers there, and show other things to them.
    let mobile = journey.options.channel == Channel::Mobile;
    if !mobile {
        let press = journey.press_mouse(at.x, at.y, mark, deadline).await?;
        if press != Press::Impossible {
            return Ok(press);
        }
    }
    let actions = json!([
        { "type": "pointerMove", "x": at.x, "y": at.y },
        { "type": "pointerDown", "button": 0 },
        { "type": "pointerUp", "button": 0 },
    ]);
    pointer(journey, if mobile { "touch" } else { "mouse" }, actions, deadline).await?;
    Ok(Press::Made)
}

async fn pointer(
    journey: &mut Journey,
    kind: &str,
    actions: Value,
    deadline: Deadline,
) -> Result<(), StepError> {
    let source = json!([{
        "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions,
    }]);
    journey.input(source, deadline).await
}
