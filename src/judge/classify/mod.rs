//! Facts → outcome: how one step ended for the citizen.
//!
//! The order, strongest first (method, section 4; each part is a function below):
//!
//! 1. **Ours.** A fault of browser, disk or network of our own, a refusal of our own guard, a
//!    scenario that asks for what cannot be.
//! 2. **Transport.** No answer, then the HTTP status of the page. These count even when every
//!    expectation of the step holds: an error page may contain the words that were expected.
//! 3. **The step's own `seen`** rule, which the author wrote for this very page. It counts even
//!    when nothing failed.
//! 4. **Dialogs**, read with the lexicon: portals refuse with `alert()` and then redirect. An
//!    alert counts even when nothing failed.
//! 5. Nothing failed: **done**. From here on something did.
//! 6. **The lexicon's words about the page as a whole** (maintenance, an error, a captcha, a login
//!    that is asked for …), those that stand above its first entry about the item: they show that
//!    this is not the page the author meant, so they outrank the step's `absent`. Weaker words
//!    about the page stand further down in the lexicon and count in titles and dialogs only.
//! 7. **The step's own `absent`**, when a locator never came and the page is healthy.
//! 8. **The lexicon's words about the item** (window, mail, guide …), on pages that were loaded.
//! 9. A page that was never ready is a **timeout**; a page whose own requests were answered with
//!    500 and above is a **server error**; a request that our guard stopped is **ours**; and a
//!    healthy page that our script does not fit is **script rot**, which goes to a person.
//!
//! Invariant: the page's text is read only when something failed. Words such as 用户登录 and
//! 立即办理 stand in the header of every healthy portal.

use crate::domain::lexicon::{Lexicon, LexiconEntry};
use crate::domain::observation::{Facts, PhraseFact, PhrasePlace, StopReason, TransportClass};
use crate::domain::outcome::Outcome;

use super::firewall;
use super::lexicon::find_among;

/// Why the actions or expectations of a step came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// An element never came.
    NotFound,
    /// It came, but could not be used: hidden, covered, disabled, never still.
    NotReady,
    /// More than one element fits: the script says too little.
    Ambiguous,
    /// An expectation did not come true.
    Unmet,
    /// A navigation got no answer.
    Navigation,
    /// The page was answered, but not loaded in time.
    Loading,
    /// Our own guard refused the action.
    Refused,
    /// A file is not there, or not what the scenario says.
    File,
    /// Browser, driver, disk, configuration.
    OurFault,
    /// The scenario asks for what cannot be, whatever the page says.
    Script,
    /// The time of the whole journey was over.
    DeadlineRun,
}

/// What a step looks like from outside.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    /// What was observed.
    pub facts: &'a Facts,
    /// The visible text of the page at the end; may be empty when nothing failed.
    pub text: &'a str,
    /// Why the step came to nothing, if it did.
    pub failure: Option<Failure>,
    /// The step's own `seen` rule that fits.
    pub seen: Option<(Outcome, PhraseFact)>,
    /// The step's own `absent`.
    pub absent: Option<Outcome>,
    /// Whether the target is live, so that our guard stops submissions.
    pub live: bool,
}

/// How a step ended, and by what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// How it ended.
    pub outcome: Outcome,
    /// The words that decided, when words did.
    pub phrase: Option<PhraseFact>,
    /// Why, as one English sentence.
    pub why: String,
}

impl Classified {
    fn because(outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome, phrase: None, why: why.into() }
    }

    fn said((outcome, phrase): (Outcome, PhraseFact)) -> Self {
        let place = match phrase.place {
            PhrasePlace::Dialog => "A dialog",
            PhrasePlace::Page => "The page",
            PhrasePlace::Title => "The title",
            PhrasePlace::Url => "The address",
            PhrasePlace::Element => "An element of the page",
        };
        let why = format!("{place} says “{}”.", phrase.phrase);
        Self { outcome, phrase: Some(phrase), why }
    }
}

/// Says how the step ended. The order is told at the head of this file. The runner turns `done`
/// into `online_ready` for a step whose stage is the gate.
pub fn classify(look: &Look<'_>, lexicon: &Lexicon) -> Classified {
    ours(look)
        .or_else(|| transport(look))
        .or_else(|| status(look, lexicon))
        .or_else(|| look.seen.clone().map(Classified::said))
        .or_else(|| challenge(look))
        .or_else(|| dialogs(look, lexicon))
        .unwrap_or_else(|| match look.failure {
            None => Classified::because(Outcome::Done, "The step worked."),
            Some(failure) => failed(look, failure, lexicon),
        })
}

/// Faults and refusals of our own.
fn ours(look: &Look<'_>) -> Option<Classified> {
    match look.failure {
        Some(Failure::OurFault) => {
            Some(Classified::because(Outcome::ProbeFault, "Our own browser or machine failed."))
        }
        Some(Failure::Refused) => {
            Some(Classified::because(Outcome::BlockedByPolicy, "Our own guard refused the action."))
        }
        Some(Failure::Script) => Some(Classified::because(
            Outcome::ScriptRot,
            "The page is healthy, but the scenario asks for what cannot be.",
        )),
        // An attachment that arrived and is not what it should be is the portal's; a file that
        // we were to upload and do not have is ours.
        Some(Failure::File) if look.facts.downloads.is_empty() && !answered_badly(look.facts) => {
            Some(Classified::because(Outcome::ProbeFault, "A file that the scenario needs is not there."))
        }
        _ => None,
    }
}

fn answered_badly(facts: &Facts) -> bool {
    facts.transport.is_some() || facts.main.as_ref().is_some_and(|main| main.status >= 400)
}

/// A navigation that got no answer.
fn transport(look: &Look<'_>) -> Option<Classified> {
    let failed = look.failure.is_some();
    let navigation = look.failure == Some(Failure::Navigation);
    let Some(transport) = &look.facts.transport else {
        let healthy = look.facts.main.as_ref().is_some_and(|main| main.status < 400);
        return (navigation && (healthy || look.facts.main.is_none()))
            .then(|| Classified::because(Outcome::Broken, "The page did not load."));
    };
    let outcome = match transport.class {
        TransportClass::Dns | TransportClass::Refused | TransportClass::Reset | TransportClass::Tls => {
            Outcome::Unreachable
        }
        TransportClass::Timeout => Outcome::Timeout,
        TransportClass::RedirectLoop => Outcome::Broken,
        // A page may try to go where it must not, and still do what the step wanted.
        TransportClass::Policy if failed => Outcome::BlockedByPolicy,
        TransportClass::Ours if failed => Outcome::ProbeFault,
        // A step that expects a file got one; else a file came where a page should be.
        TransportClass::Download if failed && look.facts.downloads.is_empty() => Outcome::Broken,
        // A navigation that another one overtook ends so, too: it counts only when no page came.
        TransportClass::Other if failed && (navigation || look.facts.main.is_none()) => Outcome::Broken,
        TransportClass::Policy | TransportClass::Ours | TransportClass::Download | TransportClass::Other => {
            return None;
        }
    };
    let detail = &transport.detail;
    let why = match transport.class {
        TransportClass::Download => format!("A file came instead of a page: {detail}."),
        // "no answer in time"
        TransportClass::Timeout if detail.starts_with("no answer") => format!("The page gave {detail}."),
        _ => format!("The page gave no answer: {detail}."),
    };
    Some(Classified::because(outcome, why))
}

/// The HTTP status of the page.
fn status(look: &Look<'_>, lexicon: &Lexicon) -> Option<Classified> {
    let status = look.facts.main.as_ref().map(|main| main.status).filter(|status| *status >= 400)?;
    let why = format!("The server answered with status {status}.");
    let outcome = match status {
        401 => Outcome::LoginWall,
        // 412 is what a firewall common among Chinese portals answers before its script has run, 468
        // what another one does.
        403 | 412 | 429 | 468 => Outcome::CaptchaWaf,
        404 | 410 => Outcome::Broken,
        _ if is_challenged(look) => Outcome::CaptchaWaf,
        // A proxy or a network that wants a login stands on our side of the line.
        407 | 511 => Outcome::ProbeFault,
        408 => Outcome::Timeout,
        405 | 418 | 503 => {
            let said = [(look.facts.title.as_str(), PhrasePlace::Title), (look.text, PhrasePlace::Page)];
            let found = said.into_iter().find_map(|(text, place)| {
                find_among(lexicon, text, place, |_, entry| {
                    matches!(entry.outcome, Outcome::CaptchaWaf | Outcome::Maintenance)
                })
            });
            if let Some((outcome, phrase)) = found {
                return Some(Classified { outcome, phrase: Some(phrase), why });
            }
            if status == 503 { Outcome::ServerError } else { Outcome::Broken }
        }
        400..=499 => Outcome::Broken,
        _ => Outcome::ServerError,
    };
    Some(Classified::because(outcome, why))
}

/// The mark of a page that asks for a password instead of what the step looks for.
const LOGIN_FORM: &str = "login-form";

/// The bot check on the page that stands before a whole site, if there is one.
fn bot_check<'a>(look: &Look<'a>) -> Option<&'a str> {
    look.facts.challenges.iter().map(String::as_str).find(|mark| firewall::is_check(mark))
}

/// Whether a firewall stands in the way, by its headers or its script.
fn is_challenged(look: &Look<'_>) -> bool {
    look.facts.main.as_ref().is_some_and(|main| main.firewall.is_some()) || bot_check(look).is_some()
}

/// A page that came with an ordinary status and is none of the portal's: a firewall's script that has to
/// run first. Its headers alone stand on every page of some portals and prove nothing.
fn challenge(look: &Look<'_>) -> Option<Classified> {
    look.failure?;
    let why = format!("A firewall wants its script to run first ({}).", bot_check(look)?);
    Some(Classified::because(Outcome::CaptchaWaf, why))
}

/// What dialogs say. A question (`confirm`) is no refusal, and an alert may be good news ("the code
/// was sent"): when nothing failed only alerts count, and no weak words about the page.
fn dialogs(look: &Look<'_>, lexicon: &Lexicon) -> Option<Classified> {
    let line = first_about_item(lexicon);
    let spoken = look.facts.dialogs.iter().filter(|dialog| match look.failure {
        None => dialog.kind == "alert",
        Some(_) => dialog.kind != "beforeunload",
    });
    spoken
        .filter_map(|dialog| {
            find_among(lexicon, &dialog.text, PhrasePlace::Dialog, |i, entry| {
                is_ending(entry.outcome)
                    && (look.failure.is_some() || i < line || is_about_item(entry.outcome))
            })
        })
        .map(Classified::said)
        .next()
}

/// Something failed on a page that was answered.
fn failed(look: &Look<'_>, failure: Failure, lexicon: &Lexicon) -> Classified {
    let line = first_about_item(lexicon);
    let strong = |i: usize, _: &LexiconEntry| i < line;
    let whole_page = find_among(lexicon, &look.facts.title, PhrasePlace::Title, strong)
        .or_else(|| find_among(lexicon, look.text, PhrasePlace::Page, strong))
        .or_else(|| {
            let weak = |_, entry: &LexiconEntry| !is_about_item(entry.outcome);
            find_among(lexicon, &look.facts.title, PhrasePlace::Title, weak)
        });
    if let Some(found) = whole_page {
        return Classified::said(found);
    }
    if let (Failure::NotFound, Some(outcome)) = (failure, look.absent) {
        return Classified::because(outcome, "What the step looks for never came.");
    }
    // Half of a page, and a script that fits twice, say nothing about the item.
    let loaded = !matches!(failure, Failure::Loading | Failure::DeadlineRun | Failure::Ambiguous);
    if loaded
        && let Some(found) = find_among(lexicon, look.text, PhrasePlace::Page, |_, entry| {
            is_about_item(entry.outcome) && is_ending(entry.outcome)
        })
    {
        return Classified::said(found);
    }
    match failure {
        Failure::Loading => Classified::because(Outcome::Timeout, "The page was not loaded in time."),
        Failure::DeadlineRun => {
            Classified::because(Outcome::Timeout, "The time for the whole journey was over.")
        }
        Failure::File => Classified::because(Outcome::Broken, "The file is not what it should be."),
        _ => healthy(look, failure),
    }
}

/// The page is loaded and says nothing about why the step failed.
fn healthy(look: &Look<'_>, failure: Failure) -> Classified {
    if let Some((status, url)) = own_server_error(look.facts) {
        let why = format!("The page's own request {url} was answered with status {status}.");
        return Classified::because(Outcome::ServerError, why);
    }
    let submission = look.facts.stopped.iter().any(|stop| stop.reason == StopReason::Submission);
    if look.live && submission {
        let why = "Our own guard stopped a request that would have submitted something.";
        return Classified::because(Outcome::BlockedByPolicy, why);
    }
    if look.facts.challenges.iter().any(|mark| mark == LOGIN_FORM) {
        return Classified::because(Outcome::LoginWall, "The page shows a form to log in instead.");
    }
    if let Some(mark) = look.facts.challenges.first() {
        let why = format!("The page shows a captcha ({mark}).");
        return Classified::because(Outcome::CaptchaWaf, why);
    }
    let why = match failure {
        Failure::NotReady => "The page is healthy, but the element could not be used.",
        Failure::Ambiguous => "The page is healthy, but more than one element fits.",
        Failure::Unmet => "The page is healthy, but not as the scenario expects it.",
        _ => "The page is healthy, but what the step looks for is not on it.",
    };
    Classified::because(Outcome::ScriptRot, why)
}

/// A request to the page's own host that was answered with 500 and above: a portal whose frame
/// stands while the service behind it is down. Other hosts (statistics, maps) do not count.
fn own_server_error(facts: &Facts) -> Option<(u16, &str)> {
    let host = url::Url::parse(&facts.url).ok().and_then(|url| url.host_str().map(str::to_owned))?;
    facts.failed_requests.iter().find_map(|request| {
        let status = request.status.filter(|status| *status >= 500)?;
        let same = url::Url::parse(&request.url).is_ok_and(|url| url.host_str() == Some(host.as_str()));
        same.then_some((status, request.url.as_str()))
    })
}

/// Whether a phrase of this outcome can end a journey. "Apply online" does not.
fn is_ending(outcome: Outcome) -> bool {
    !outcome.goes_on()
}

/// Whether an outcome says how the item is handled, rather than what is the matter with the page.
fn is_about_item(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Done
            | Outcome::OnlineReady
            | Outcome::PreReviewOrBooking
            | Outcome::DuplicateEntry
            | Outcome::AppOnly
            | Outcome::GuideOnly
            | Outcome::MustMailPaper
            | Outcome::MustGoToWindow
            | Outcome::ExternalSystem
            | Outcome::NotInSearch
    )
}

/// The line in the lexicon: its first entry about the item. Entries above it outrank `absent`;
/// entries about the page below it are weak words, which count in titles and dialogs only.
fn first_about_item(lexicon: &Lexicon) -> usize {
    let entries = &lexicon.entries;
    entries.iter().position(|entry| is_about_item(entry.outcome)).unwrap_or(entries.len())
}

#[cfg(test)]
mod tests;
