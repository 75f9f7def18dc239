//! Expectations and signs: what can be true of a page.
//!
//! Invariant: a sign is looked for once, an expectation until its deadline; neither changes the
//! page.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::{Deadline, Stopwatch};
use crate::domain::locator::TextMatch;
use crate::domain::scenario::{Check, Sign};

use super::actions::files;
use super::journey::{Journey, Look};
use super::page;
use super::{BrowserError, StepError, Wait};

/// Whether an expectation is looked for on the page.
pub(super) fn is_look(check: &Check) -> bool {
    !matches!(check, Check::Status(_) | Check::Downloaded(_) | Check::NoConsoleError)
}

/// Waits until an expectation holds; one that does not is unmet, whatever it lacks.
pub(super) async fn wait(journey: &mut Journey, check: &Check, deadline: Deadline) -> Result<(), StepError> {
    hold(journey, check, deadline, true).await
}

/// Waits for what an action looks for: an element that never comes is absent, as it is for a click.
pub(super) async fn wait_for(
    journey: &mut Journey,
    check: &Check,
    deadline: Deadline,
) -> Result<(), StepError> {
    hold(journey, check, deadline, !matches!(check, Check::Visible(_) | Check::Enabled(_))).await
}

/// `unmet` says how the end of a wait in vain is called: unmet, or after what the element lacks.
async fn hold(
    journey: &mut Journey,
    check: &Check,
    deadline: Deadline,
    unmet: bool,
) -> Result<(), StepError> {
    let (ask, what) = match check {
        Check::Visible(locator) => {
            (json!({ "do": "visible", "locator": page::locator(locator) }), format!("visible {locator}"))
        }
        Check::Hidden(locator) => {
            (json!({ "do": "hidden", "locator": page::locator(locator) }), format!("hidden {locator}"))
        }
        Check::Enabled(locator) => {
            (json!({ "do": "enabled", "locator": page::locator(locator) }), format!("enabled {locator}"))
        }
        Check::Title(text) => {
            (json!({ "do": "title", "match": page::text_match(text) }), format!("title {}", text.value))
        }
        Check::Url(text) => {
            (json!({ "do": "url", "match": page::text_match(text) }), format!("url {}", text.value))
        }
        Check::Count { of, count } => (
            json!({ "do": "count", "locator": page::locator(of), "count": count }),
            format!("{count} × {of}"),
        ),
        Check::Value { of, value } => (
            json!({ "do": "value", "locator": page::locator(of), "match": page::text_match(value) }),
            format!("value {} of {of}", value.value),
        ),
        Check::Text { text, inside: Some(inside) } => (
            json!({ "do": "text", "locator": page::locator(inside), "match": page::text_match(text), "absent": false }),
            format!("text {} in {inside}", text.value),
        ),
        Check::NoText { text, inside: Some(inside) } => (
            json!({ "do": "text", "locator": page::locator(inside), "match": page::text_match(text), "absent": true }),
            format!("no text {} in {inside}", text.value),
        ),
        Check::Text { text, inside: None } => return page_text(journey, text, false, deadline).await,
        Check::NoText { text, inside: None } => return page_text(journey, text, true, deadline).await,
        Check::Status(_) | Check::Downloaded(_) | Check::NoConsoleError if journey.is_classic() => {
            return Err(unseen());
        }
        Check::Status(wanted) => return status(journey, wanted, deadline).await,
        Check::Downloaded(expect) => return files::downloaded(journey, expect, deadline).await,
        Check::NoConsoleError => return no_console_error(journey, deadline).await,
    };
    journey.look(|_| ask.clone(), &what, deadline, unmet).await.map(|_| ())
}

/// What nobody saw is neither met nor unmet: it is our own eyes that are missing.
fn unseen() -> StepError {
    let reason = "its WebDriver has no BiDi, which alone tells of it".to_owned();
    BrowserError::Command { command: "expectation".to_owned(), reason }.into()
}

/// Whether the page or one of its frames shows a text.
async fn page_text(
    journey: &mut Journey,
    text: &TextMatch,
    absent: bool,
    deadline: Deadline,
) -> Result<(), StepError> {
    let what = format!("{} {}", if absent { "no text" } else { "text" }, text.value);
    let ask = json!({ "do": "text", "match": page::text_match(text), "absent": absent });
    let watch = Stopwatch::start();
    let patience = journey.patience(deadline);
    let mut pauses = [0, 20, 50, 100, 100].into_iter().chain(std::iter::repeat(500));
    loop {
        let pause = Duration::from_millis(pauses.next().unwrap_or(500));
        let _ = deadline.limit(tokio::time::sleep(pause)).await;
        let mut last_seen = "a page that was changing".to_owned();
        match journey.look_once(&ask, &what, deadline).await? {
            // A text counts wherever it stands, its absence only when it stands nowhere.
            Some(Look::Ok(_)) if !absent || !in_frames(journey, &ask, absent).await => {
                journey.own += pause;
                return Ok(());
            }
            Some(Look::Ok(_)) => "the text is there, in a frame".clone_into(&mut last_seen),
            Some(Look::NotYet(said)) => {
                if !absent && in_frames(journey, &ask, absent).await {
                    journey.own += pause;
                    return Ok(());
                }
                last_seen = said.words();
            }
            None => {}
        }
        if patience.passed() {
            return Err(StepError::Unmet(Wait { what, waited: watch.elapsed(), last_seen }));
        }
    }
}

/// Whether a frame of the page shows the text. A frame that does not answer shows nothing.
async fn in_frames(journey: &Journey, ask: &Value, absent: bool) -> bool {
    if journey.frame.is_some() {
        return false;
    }
    let frames = journey.see(|state| state.frames()).unwrap_or_default();
    // The look at a frame may begin just before time is up, and is worth its answer.
    let pulse = Deadline::after(Duration::from_secs(1));
    let asks = frames.iter().map(|frame| journey.ask(frame, ask, pulse));
    let said = futures_util::future::join_all(asks).await;
    said.into_iter().flatten().any(|said| said.ok() != absent)
}

async fn status(journey: &mut Journey, wanted: &[u16], deadline: Deadline) -> Result<(), StepError> {
    let watch = Stopwatch::start();
    journey.settle(deadline).await?;
    let Some(tracker) = journey.tracker() else {
        return Ok(());
    };
    let since = journey.see(|state| state.traffic.now()).unwrap_or_default();
    let found = tracker
        .wait(deadline, |state| state.main().is_some_and(|main| wanted.contains(&main.status)).then_some(()))
        .await;
    journey.see(|state| state.waited(since, None));
    let list = wanted.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    found.ok_or_else(|| {
        let status = journey.see(|state| state.main().map(|main| main.status)).flatten();
        StepError::Unmet(Wait {
            what: format!("status {list}"),
            waited: watch.elapsed(),
            last_seen: status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}")),
        })
    })
}

/// Nothing to wait for: what is not there now may come later, but then it belongs to a later look.
async fn no_console_error(journey: &mut Journey, deadline: Deadline) -> Result<(), StepError> {
    journey.settle(deadline).await?;
    // Errors of scripts that ran before this call are told before its answer.
    let _ = journey.look_once(&json!({ "do": "page" }), "no_console_error", deadline).await?;
    match journey.see(|state| state.facts.console_errors.first().map(|error| error.text.clone())).flatten() {
        None => Ok(()),
        Some(first) => Err(StepError::Unmet(Wait {
            what: "no_console_error".to_owned(),
            waited: Duration::ZERO,
            last_seen: first,
        })),
    }
}

/// Looks once for a sign.
pub(super) async fn sees(
    journey: &mut Journey,
    sign: &Sign,
    deadline: Deadline,
) -> Result<Option<String>, BrowserError> {
    let (ask, text) = match sign {
        Sign::Visible(locator) => (json!({ "do": "shown", "locator": page::locator(locator) }), None),
        Sign::Url(text) => (json!({ "do": "url", "match": page::text_match(text) }), Some(text)),
        Sign::Title(text) => (json!({ "do": "title", "match": page::text_match(text) }), Some(text)),
        Sign::Text(text) => {
            let said = journey.see(|state| {
                let mut dialogs = state.facts.dialogs.iter();
                dialogs.find(|dialog| fits(text, &dialog.text)).map(|dialog| dialog.text.clone())
            });
            if let Some(said) = said.flatten() {
                return Ok(Some(said));
            }
            (json!({ "do": "text", "match": page::text_match(text), "absent": false }), Some(text))
        }
    };
    let Some(page) = journey.current() else {
        return Ok(None);
    };
    let mut places = vec![page];
    if matches!(sign, Sign::Text(_) | Sign::Visible(_)) {
        places.extend(journey.see(|state| state.frames()).unwrap_or_default());
    }
    for (i, place) in places.iter().enumerate() {
        match journey.ask(place, &ask, deadline).await {
            Ok(said) if said.ok() => {
                return Ok(Some(text.map_or(said.text, |text| text.value.text())));
            }
            Ok(_) => {}
            Err(error) if i > 0 || error.page_went_away() => {}
            Err(error) => return Err(journey.fault(error)),
        }
    }
    Ok(None)
}

/// The same comparison as in the page, for texts that we hold.
pub(super) fn fits(text: &TextMatch, have: &str) -> bool {
    use crate::domain::locator::MatchOp;
    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let have = fold(have);
    let raw = text.value.text();
    let want = fold(&raw);
    match text.op {
        MatchOp::Exact => have == want,
        MatchOp::Contains => have.to_lowercase().contains(&want.to_lowercase()),
        MatchOp::Prefix => have.to_lowercase().starts_with(&want.to_lowercase()),
        MatchOp::Suffix => have.to_lowercase().ends_with(&want.to_lowercase()),
        MatchOp::Regex => regex::Regex::new(&raw).is_ok_and(|regex| regex.is_match(&have)),
    }
}
