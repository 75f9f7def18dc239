//! Pages: opening addresses, frames, windows, dialogs.

use serde_json::json;
use url::Url;

use crate::browser::bidi::CallError;
use crate::browser::bidi::command::{Close, Navigate};
use crate::browser::events::{Answer, Phase};
use crate::browser::journey::{Journey, fair};
use crate::browser::{StepError, Wait, guard, network, page};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::locator::Locator;
use crate::domain::observation::{StopReason, StoppedRequest, Transport, TransportClass};
use crate::domain::scenario::{DialogAnswer, PageChoice};
use crate::domain::template::Template;

/// Opens an address in the present page.
pub async fn goto(journey: &mut Journey, address: &str, deadline: Deadline) -> Result<(), StepError> {
    let url = resolve(journey, address)?;
    journey.frame = None;
    let Some(current) = journey.current() else {
        return Err(StepError::Loading("every page was closed".to_owned()));
    };
    let mark = journey.mark();
    journey.see(|state| state.leaving = true);
    let navigate = Navigate { context: &current, url: url.as_str(), wait: "complete" };
    let result = {
        let wire = journey.wire()?.clone();
        let call = wire.call(&navigate, deadline);
        let mut call = std::pin::pin!(call);
        // Whichever is first: the browser's word that all is loaded or lost, or a page that is
        // ready to be used while the rest of it hangs.
        tokio::select! {
            result = &mut call => result.map(|_| ()),
            () = usable(journey, &current, deadline) => Ok(()),
        }
    };
    journey.see(|state| state.leaving = false);
    match result {
        Ok(()) => {}
        Err(CallError::Refused { message, .. })
            if network::is_abort(&message) || message.contains("concurrent navigation") => {}
        Err(CallError::Refused { message, .. }) if network::error_in(&message).is_some() => {
            let detail = network::error_in(&message).unwrap_or_default().to_owned();
            journey.see(|state| {
                state.lost_before_it_began(mark.navigations(), url.as_str());
                if state.transport_of_step().is_none() && state.facts.stopped.len() <= mark.stopped() {
                    state.keep_transport(network::transport(&detail));
                }
            });
            journey.arrived(mark)?;
            return Err(StepError::Navigation(format!("{url}: {detail}")));
        }
        Err(error) => return Err(journey.judge(error).await),
    }
    // A page that goes on by script or `<meta>` has begun to do so by now.
    journey.arrive(mark, deadline).await
}

/// Resolves when the page is parsed and has then had time for the rest.
async fn usable(journey: &Journey, page: &str, deadline: Deadline) {
    let Some(tracker) = journey.tracker() else {
        return std::future::pending().await;
    };
    let parsed = tracker.wait(deadline, |state| {
        let navigation = state.contexts.get(page)?.navigation.as_ref()?;
        (navigation.phase == Phase::Interactive).then_some(())
    });
    if parsed.await.is_some() {
        let patience = crate::browser::journey::PATIENCE;
        let _ = deadline.limit(tokio::time::sleep(patience)).await;
        let still = journey.see(|state| state.pending(page).map(|pending| pending.phase)).flatten();
        if still == Some(Phase::Interactive) && !deadline.passed() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Only http and https, whatever the scenario says: `file:` and the like are no portals.
fn resolve(journey: &Journey, address: &str) -> Result<Url, StepError> {
    let refuse = |why: String| {
        journey.see(|state| {
            state.keep_transport(Transport { class: TransportClass::Policy, detail: why.clone() });
        });
        StepError::Refused(why)
    };
    let url = match Url::parse(address) {
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = journey.see(|state| state.page().map(|page| page.url.clone())).flatten();
            let base = base.and_then(|base| Url::parse(&base).ok());
            base.and_then(|base| base.join(address).ok())
                .ok_or_else(|| refuse(format!("`{address}` is not a whole address")))?
        }
        Err(error) => return Err(refuse(format!("`{address}` is not an address: {error}"))),
        Ok(url) => url,
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("{url} is neither http nor https")));
    }
    if !journey.options.guard.loopback && guard::is_inner(&url) {
        journey.see(|state| {
            let mut plain = url.clone();
            plain.set_query(None);
            plain.set_fragment(None);
            state.facts.stopped.push(StoppedRequest {
                method: "GET".to_owned(),
                url: plain.to_string(),
                fields: Vec::new(),
                reason: StopReason::ForbiddenAddress,
            });
        });
        return Err(refuse(format!("{url} is an address of this machine")));
    }
    Ok(url)
}

/// Continues inside a frame, or on the page again.
pub async fn frame(
    journey: &mut Journey,
    locator: Option<&Locator>,
    deadline: Deadline,
) -> Result<(), StepError> {
    let Some(locator) = locator else {
        journey.frame = None;
        return Ok(());
    };
    let means = page::locator(locator);
    let watch = Stopwatch::start();
    let said = journey
        .look(|_| json!({ "do": "frame", "locator": means }), &locator.to_string(), deadline, false)
        .await?;
    let Some(context) = said.context else {
        return Err(StepError::NotReady(Wait {
            what: locator.to_string(),
            waited: watch.elapsed(),
            last_seen: "a frame without a document".to_owned(),
        }));
    };
    journey.frame = Some(context);
    journey.settle(deadline).await
}

/// Continues on another page that the journey opened.
pub async fn page(journey: &mut Journey, choice: &PageChoice, deadline: Deadline) -> Result<(), StepError> {
    let watch = Stopwatch::start();
    let Some(tracker) = journey.tracker() else {
        return Ok(());
    };
    let id = match choice {
        PageChoice::First => journey.see(|state| state.pages.first().cloned()).flatten(),
        PageChoice::Latest => journey.see(|state| state.pages.last().cloned()).flatten(),
        PageChoice::Close => {
            // Without a window there is nothing that the next action could be done in.
            if journey.see(|state| state.pages.len()).unwrap_or_default() < 2 {
                return Err(StepError::Script(
                    "`page = \"close\"` would close the only window, and then no window is open any more",
                ));
            }
            let closing = journey.current().unwrap_or_default();
            journey.call(&Close { context: &closing }, deadline).await?;
            let gone = tracker
                .wait(deadline, |state| (!state.pages.contains(&closing)).then(|| state.current.clone()));
            gone.await
        }
        PageChoice::Matching(text) => matching(journey, &text.text(), deadline).await?,
    };
    match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            journey.go_to_page(&id, deadline).await?;
            journey.settle(deadline).await
        }
        None => Err(StepError::NotFound(Wait {
            what: match choice {
                PageChoice::First => "the first window".to_owned(),
                PageChoice::Latest => "the latest window".to_owned(),
                PageChoice::Close => "the window behind this one".to_owned(),
                PageChoice::Matching(text) => format!("a window with {}", text.text()),
            },
            waited: watch.elapsed(),
            last_seen: "no such page is open".to_owned(),
        })),
    }
}

/// The newest page whose title or address contains a text.
async fn matching(
    journey: &mut Journey,
    text: &str,
    deadline: Deadline,
) -> Result<Option<String>, StepError> {
    let mut pause = std::time::Duration::from_millis(20);
    loop {
        let pages = journey.see(|state| state.pages.clone()).unwrap_or_default();
        for id in pages.iter().rev() {
            journey.wake(id, deadline).await?;
            match journey.ask(id, &json!({ "do": "page" }), fair(deadline)).await {
                Ok(said) if said.url.contains(text) || said.title.contains(text) => {
                    return Ok(Some(id.clone()));
                }
                Ok(_) => {}
                Err(error) if error.page_went_away() => {}
                Err(error) => return Err(journey.judge(error).await),
            }
        }
        if deadline.passed() {
            return Ok(None);
        }
        let _ = deadline.limit(tokio::time::sleep(pause)).await;
        journey.own += pause;
        pause = (pause * 2).min(std::time::Duration::from_millis(500));
    }
}

/// Says how the next dialogs are answered.
pub fn dialog(journey: &Journey, answer: &DialogAnswer) {
    journey.see(|state| {
        state.answer = match answer {
            DialogAnswer::Accept(text) => Answer::Accept(text.as_ref().map(Template::text)),
            DialogAnswer::Dismiss => Answer::Dismiss,
        };
    });
}
