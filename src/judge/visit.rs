//! What was wrong with a visit, if anything: its class, its outcome, and one sentence.
//!
//! The order, strongest first: no answer; a status of 400 and above; nothing on the page; a check that
//! stands before it; a page that says that there is none; the marker that is not in it. Statuses and
//! words are read by [`classify`] and the lexicon as for any other step.
//!
//! What a request alone cannot tell is *doubtful* ([`is_doubtful`]): a browser fetches certificates that
//! a server does not send, runs the script that a firewall wants run, and shows what scripts write. It
//! is asked before anybody is accused, and what it saw is judged by the same rules ([`again`]).
//!
//! Invariant: a page whose marker is there works, whatever else stands on it.

use crate::domain::lexicon::{Lexicon, LexiconEntry};
use crate::domain::observation::{Facts, MainResponse, PhraseFact, PhrasePlace, TransportClass};
use crate::domain::outcome::Outcome;
use crate::domain::visit::{CertificateFault, Content, SecondLook, Visit, VisitFailure};

use super::classify::{Failure, Look, classify};
use super::firewall;
use super::lexicon::{find, find_among};

/// Words about a whole page decide on pages that say little else. Longest such page, in characters.
const SHORT: usize = 400;
/// A page of a captcha or a check says hardly anything.
const VERY_SHORT: usize = 120;

/// A visit to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Visited<'a> {
    /// What is kept of it.
    pub visit: &'a Visit,
    /// The same as a step's facts: the answer's headers, marks of checks.
    pub facts: &'a Facts,
    /// The visible text.
    pub text: &'a str,
    /// Whether the target is live.
    pub live: bool,
    /// The marker as it is written, for the sentence.
    pub marker: Option<&'a str>,
}

/// What is said of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How it ended for a citizen.
    pub outcome: Outcome,
    /// What was wrong.
    pub failure: Option<VisitFailure>,
    /// Why, as one English sentence.
    pub why: String,
    /// The words that decided, when words did.
    pub phrase: Option<PhraseFact>,
}

impl Judged {
    fn failed(failure: VisitFailure, outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome, failure: Some(failure), why: why.into(), phrase: None }
    }
}

/// Says what was wrong with a visit.
pub fn judge(visited: &Visited<'_>, lexicon: &Lexicon) -> Judged {
    unanswered(visited, lexicon)
        .or_else(|| refused(visited, lexicon))
        .or_else(|| empty(visited))
        .or_else(|| checked(visited))
        .or_else(|| said(visited, lexicon))
        .or_else(|| unmarked(visited, lexicon))
        .unwrap_or_else(|| Judged {
            outcome: Outcome::Done,
            failure: None,
            why: "The page came.".to_owned(),
            phrase: None,
        })
}

/// No answer, or not all of one.
fn unanswered(visited: &Visited<'_>, lexicon: &Lexicon) -> Option<Judged> {
    let visit = visited.visit;
    let class = match &visit.transport {
        Some(transport) => transport.class,
        None if visited.facts.main.is_none() => TransportClass::Other,
        None => return None,
    };
    let failure = match class {
        TransportClass::Dns => VisitFailure::Dns,
        TransportClass::Refused => VisitFailure::Refused,
        TransportClass::Reset => VisitFailure::Reset,
        TransportClass::Timeout => VisitFailure::Timeout,
        TransportClass::Tls => VisitFailure::Tls,
        TransportClass::RedirectLoop => VisitFailure::RedirectLoop,
        // An entry that we do not visit is our own affair; where a portal sends people is its own.
        TransportClass::Policy if visit.redirects.is_empty() => VisitFailure::Ours,
        TransportClass::Policy => VisitFailure::RedirectPolicy,
        TransportClass::Download => VisitFailure::Download,
        TransportClass::Ours => VisitFailure::Ours,
        TransportClass::Other if visit.cut => VisitFailure::TooLarge,
        TransportClass::Other => VisitFailure::Other,
    };
    let classified = classify(&look(visited, Some(Failure::Navigation)), lexicon);
    Some(Judged {
        outcome: classified.outcome,
        failure: Some(failure),
        why: classified.why,
        phrase: classified.phrase,
    })
}

/// A status of 400 and above.
fn refused(visited: &Visited<'_>, lexicon: &Lexicon) -> Option<Judged> {
    visited.facts.main.as_ref().filter(|main| main.status >= 400)?;
    let classified = classify(&look(visited, None), lexicon);
    let failure = match classified.outcome {
        Outcome::CaptchaWaf => kept_out(visited, classified.phrase.as_ref()),
        Outcome::ProbeFault => VisitFailure::Ours,
        _ => VisitFailure::Http,
    };
    Some(Judged {
        outcome: classified.outcome,
        failure: Some(failure),
        why: classified.why,
        phrase: classified.phrase,
    })
}

/// A page on which there is nothing.
fn empty(visited: &Visited<'_>) -> Option<Judged> {
    let visit = visited.visit;
    let nothing = match visit.content {
        Some(content) => content.is_nothing(),
        None => visit.raw_bytes == 0 && visit.bytes == 0,
    };
    nothing.then(|| {
        let why = "The page came, and there is nothing on it: no text, no script, no frame, no picture.";
        Judged::failed(VisitFailure::Empty, Outcome::Broken, why)
    })
}

/// A firewall's script, or a captcha, where the page should be.
fn checked(visited: &Visited<'_>) -> Option<Judged> {
    if visited.visit.marker_found == Some(true) {
        return None;
    }
    let mark = |is: fn(&str) -> bool| visited.facts.challenges.iter().find(|mark| is(mark));
    let length = visited.text.chars().count();
    if length < VERY_SHORT
        && let Some(mark) = mark(firewall::is_check)
    {
        let why = format!("A firewall wants its script to run first ({mark}).");
        return Some(Judged::failed(VisitFailure::Waf, Outcome::CaptchaWaf, why));
    }
    // Whoever asks for a name and a password may well have a captcha beside it.
    let asks = visited.visit.content.is_some_and(|content| content.fields > 0);
    if length < VERY_SHORT
        && !asks
        && let Some(mark) = mark(firewall::is_captcha)
    {
        let why = format!("The page shows a captcha ({mark}).");
        return Some(Judged::failed(VisitFailure::Captcha, Outcome::CaptchaWaf, why));
    }
    None
}

/// A short page, or a title, that says that there is no page or that nobody comes in.
fn said(visited: &Visited<'_>, lexicon: &Lexicon) -> Option<Judged> {
    if visited.visit.marker_found == Some(true) || visited.text.chars().count() > SHORT {
        return None;
    }
    let telling = |_, entry: &LexiconEntry| matches!(entry.outcome, Outcome::Broken | Outcome::CaptchaWaf);
    let (outcome, phrase) = find_among(lexicon, &visited.facts.title, PhrasePlace::Title, telling)
        .or_else(|| find_among(lexicon, visited.text, PhrasePlace::Page, telling))?;
    let failure = match outcome {
        Outcome::CaptchaWaf => kept_out(visited, Some(&phrase)),
        _ => VisitFailure::Soft404,
    };
    let place = if phrase.place == PhrasePlace::Title { "title" } else { "page" };
    let why = match failure {
        VisitFailure::Soft404 => {
            format!("The {place} says “{}”, with a status that says otherwise.", phrase.phrase)
        }
        _ => format!("The {place} says “{}”.", phrase.phrase),
    };
    Some(Judged { outcome, failure: Some(failure), why, phrase: Some(phrase) })
}

/// The page came without what makes it usable. When it says why (maintenance, a firewall), that is the
/// outcome; otherwise the page is broken for a citizen.
fn unmarked(visited: &Visited<'_>, lexicon: &Lexicon) -> Option<Judged> {
    if visited.visit.marker_found != Some(false) {
        return None;
    }
    let (outcome, phrase) = match find(lexicon, visited.text, PhrasePlace::Page) {
        Some((
            outcome @ (Outcome::Maintenance
            | Outcome::ServerError
            | Outcome::CaptchaWaf
            | Outcome::Broken
            | Outcome::LoginWall),
            phrase,
        )) => (outcome, Some(phrase)),
        _ => (Outcome::Broken, None),
    };
    let failure = match outcome {
        Outcome::CaptchaWaf => kept_out(visited, phrase.as_ref()),
        _ => VisitFailure::MarkerMissing,
    };
    let marker = visited.marker.unwrap_or_default();
    let why = match marker.trim().strip_prefix("css=") {
        Some(selector) => format!("The page came, but nothing in it fits `{}`.", selector.trim()),
        None => format!("The page came, but “{marker}” does not stand in it."),
    };
    Some(Judged { outcome, failure: Some(failure), why, phrase })
}

/// Whether it is a captcha or a firewall that keeps us out.
fn kept_out(visited: &Visited<'_>, phrase: Option<&PhraseFact>) -> VisitFailure {
    const TASKS: [&str; 12] = [
        "滑块",
        "验证",
        "拼图",
        "拖",
        "依次点击",
        "证明您不是",
        "human",
        "robot",
        "characters",
        "security check",
        "captcha",
        "缺口",
    ];
    let task = phrase.is_some_and(|phrase| TASKS.iter().any(|word| phrase.phrase.contains(word)));
    let marked = visited.facts.challenges.iter().any(|mark| firewall::is_captcha(mark));
    if task || phrase.is_none() && marked { VisitFailure::Captcha } else { VisitFailure::Waf }
}

fn look<'a>(visited: &Visited<'a>, failure: Option<Failure>) -> Look<'a> {
    let Visited { facts, text, live, .. } = *visited;
    Look { facts, text, failure, seen: None, absent: None, live }
}

/// Whether a browser may see something else than what the request saw, so that nobody is accused
/// before it has looked.
pub fn is_doubtful(failure: VisitFailure, visit: &Visit) -> bool {
    match failure {
        VisitFailure::Waf | VisitFailure::Captcha => true,
        VisitFailure::Tls | VisitFailure::Reset => visit.hops.last().is_some_and(|hop| {
            match &hop.certificate {
                // Browsers fetch what is missing.
                Some(certificate) => certificate.faults == [CertificateFault::IncompleteChain],
                // They also speak ciphers that we do not: it never came to a certificate.
                None => hop.phases.tls.is_some() && hop.tls.is_none(),
            }
        }),
        // Scripts may yet write it.
        VisitFailure::MarkerMissing => {
            visit.content.is_some_and(|content| content.scripts > 0 && content.text <= SHORT)
        }
        _ => false,
    }
}

/// What a browser saw, ready to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// What is kept of it.
    pub look: &'a SecondLook,
    /// The visible text.
    pub text: &'a str,
    /// A header that only firewalls send.
    pub firewall: Option<&'a str>,
    /// Whether the marker is there; `None` when there is none to look for.
    pub marker_found: Option<bool>,
}

/// Judges a doubtful visit by what a browser saw. `None` for the look: no browser could be had, and
/// then nothing is said of the portal.
pub fn again(
    doubtful: &Judged,
    visited: &Visited<'_>,
    shown: Option<&Shown<'_>>,
    lexicon: &Lexicon,
) -> Judged {
    let unsettled = |why: &str| {
        let outcome = match doubtful.outcome {
            Outcome::CaptchaWaf => Outcome::CaptchaWaf,
            _ => Outcome::ProbeFault,
        };
        let why = format!("{} A browser may fare better, but {why}.", doubtful.why);
        Judged { outcome, why, ..doubtful.clone() }
    };
    let Some(shown) = shown else { return unsettled("none could be had to look") };
    let look = shown.look;
    // A status without a page makes Chromium show one of its own, and call that an error.
    let answered = look.status.is_some_and(|status| status >= 400);
    let transport = look.transport.as_ref().filter(|one| !(answered && one.class == TransportClass::Other));
    match transport {
        Some(one) if matches!(one.class, TransportClass::Ours | TransportClass::Policy) => {
            return unsettled("ours could not look");
        }
        // Who keeps us out by one way may keep us out by another.
        Some(_) if doubtful.outcome == Outcome::CaptchaWaf => return unsettled("it got no page either"),
        _ => {}
    }
    let content = Content { text: shown.text.chars().count(), scripts: 1, whole: true, ..Content::default() };
    let visit = Visit {
        status: look.status,
        transport: transport.cloned(),
        marker_found: shown.marker_found,
        content: Some(content),
        cut: false,
        ..visited.visit.clone()
    };
    let main = look.status.map(|status| MainResponse {
        url: look.url.clone(),
        status,
        mime: "text/html".to_owned(),
        firewall: shown.firewall.map(str::to_owned),
    });
    let facts = Facts {
        url: look.url.clone(),
        title: look.title.clone(),
        main,
        transport: transport.cloned(),
        challenges: look.challenges.clone(),
        ..Facts::default()
    };
    let second = judge(&Visited { visit: &visit, facts: &facts, text: shown.text, ..*visited }, lexicon);
    match second.failure {
        None => Judged { why: "A browser got the page.".to_owned(), ..second },
        Some(_) => Judged { why: format!("{} A browser saw the same.", second.why), ..second },
    }
}

#[cfg(test)]
mod tests;
