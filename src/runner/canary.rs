//! Canaries: what answers whenever we can see, asked when a run failed, so that an outage of ours is not
//! told as a portal's.
//!
//! Three kinds: our own page in the browser that walked, names, and sites that have nothing to do with
//! the portal. Answers are shared: however many runs fail at once, a name or a site is asked once, and
//! again no sooner than [`GAP`] later. An answer serves a run only when it came after the run had begun
//! (an uplink may die between two runs that are seconds apart); one that was bad serves for [`SHADOW`].
//!
//! Invariant: facts alone. A question that could not be asked is no fact, and asking takes no longer than
//! [`ALL`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Mutex as Turn;
use url::Url;

use crate::browser::{BrowserError, JourneyOptions, OwnSight, Pool};
use crate::clock::{Clock, Deadline, Stopwatch};
use crate::domain::notice::{Canary, CanaryFact};
use crate::domain::target::is_loopback;
use crate::http::address::Reach;
use crate::http::resolve::{self, Said};
use crate::http::{self, Get, failure};
use crate::plan::{Agent, CanaryPlan};

use super::clients::Clients;
use super::walk::sentence;

/// Time for all questions of one run.
pub(super) const ALL: Duration = Duration::from_secs(10);

/// Time for one question over the network.
const ONE: Duration = Duration::from_secs(4);

/// The least time between two questions to the same name or site, whoever asks.
const GAP: Duration = Duration::from_secs(6);

/// How long a bad answer is believed.
const SHADOW: Duration = Duration::from_secs(30);

/// Answers that are kept; more than this no configuration has, except for targets' own names.
const KEPT: usize = 256;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    /// Does the resolver know this name?
    Name(String),
    /// Does the resolver answer at all when asked for this name? A target's own may well be gone.
    Resolver(String),
    /// Does this site answer?
    Site(Url),
}

/// The last answer to a question.
#[derive(Debug, Clone)]
struct Kept {
    fact: CanaryFact,
    age: Stopwatch,
}

type Desk = Arc<Turn<Option<Kept>>>;

/// Asks canaries and shares the answers. Clones share them too.
#[derive(Debug, Clone, Default)]
pub(super) struct Canaries(Arc<Mutex<HashMap<Question, Desk>>>);

/// Whose questions they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub plan: &'a CanaryPlan,
    pub agent: &'a Agent,
    pub clients: &'a Clients,
    pub clock: &'a Clock,
}

/// What answers whenever we can see, asked now, for people who want to know.
pub async fn ask_canaries(plan: &CanaryPlan, agent: &Agent) -> Vec<CanaryFact> {
    let asker = Asker { plan, agent, clients: &Clients::default(), clock: &Clock::system() };
    Canaries::default().ask(asker, None, Stopwatch::start(), Deadline::after(ALL)).await
}

impl Canaries {
    /// The names and sites of the plan, and the resolver by the target's own name, `own`. The run began
    /// with `run`.
    pub async fn ask(
        &self,
        asker: Asker<'_>,
        own: Option<&str>,
        run: Stopwatch,
        deadline: Deadline,
    ) -> Vec<CanaryFact> {
        let CanaryPlan { names, sites } = asker.plan;
        let mut questions: Vec<Question> = names.iter().cloned().map(Question::Name).collect();
        questions.extend(own.map(|name| Question::Resolver(name.to_owned())));
        questions.extend(sites.iter().cloned().map(Question::Site));
        let answers = questions.into_iter().map(|question| self.answer(asker, question, run, deadline));
        join_all(answers).await.into_iter().flatten().collect()
    }

    async fn answer(
        &self,
        asker: Asker<'_>,
        question: Question,
        run: Stopwatch,
        deadline: Deadline,
    ) -> Option<CanaryFact> {
        let desk = self.desk(&question);
        // Whoever comes meanwhile waits for the same answer.
        let mut last = deadline.limit(desk.lock()).await.ok()?;
        if let Some(kept) = &*last {
            let age = kept.age.elapsed();
            if age <= run.elapsed() || (kept.fact.fault.is_some() && age < SHADOW) {
                return Some(kept.fact.clone());
            }
            deadline.limit(tokio::time::sleep(GAP.saturating_sub(age))).await.ok()?;
        }
        let age = Stopwatch::start();
        let fact = deadline.limit(put(asker, &question)).await.ok()?;
        *last = Some(Kept { fact: fact.clone(), age });
        Some(fact)
    }

    fn desk(&self, question: &Question) -> Desk {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if desks.len() >= KEPT {
            desks.retain(|_, desk| Arc::strong_count(desk) > 1);
        }
        Arc::clone(desks.entry(question.clone()).or_default())
    }
}

/// Puts a question, once.
async fn put(whose: Asker<'_>, question: &Question) -> CanaryFact {
    let watch = Stopwatch::start();
    let limit = Deadline::after(ONE);
    let (canary, (asked, fault)) = match question {
        Question::Name(name) => (Canary::Dns, heard(name, limit.limit(resolve::ask(name)).await.ok(), false)),
        Question::Resolver(name) => {
            (Canary::Dns, heard(name, limit.limit(resolve::ask(name)).await.ok(), true))
        }
        Question::Site(url) => (Canary::Site, (url.to_string(), visit(whose, url, limit).await)),
    };
    CanaryFact { canary, asked, fault, elapsed_ms: watch.elapsed_ms() }
}

/// What was asked of the resolver, and what was wrong with its answer; `None` is none in time. A target's
/// own name `may_be_gone`: that may be the very outage, and a resolver that says so has answered.
fn heard(name: &str, said: Option<Said>, may_be_gone: bool) -> (String, Option<String>) {
    match said {
        Some(Said::Address) => (name.to_owned(), None),
        Some(Said::NoSuchName) if may_be_gone => (format!("{name} (the resolver says: no such name)"), None),
        Some(Said::NoSuchName) => {
            (name.to_owned(), Some("The resolver says that there is no such name.".to_owned()))
        }
        Some(Said::Nothing(why)) => (name.to_owned(), Some(format!("The resolver gave no answer: {why}."))),
        None => (name.to_owned(), Some(format!("The resolver gave no answer within {} s.", ONE.as_secs()))),
    }
}

/// What is wrong with a site: nothing when it answers, whatever it answers.
async fn visit(whose: Asker<'_>, url: &Url, limit: Deadline) -> Option<String> {
    let agent = http::user_agent(whose.agent.contact.as_deref());
    let settings = http::Settings {
        connect_timeout: ONE,
        warm: 0,
        language: whose.agent.language,
        ..http::Settings::new(agent, Reach::of(is_loopback(url)))
    };
    let client = match whose.clients.get(settings, whose.clock) {
        Ok(client) => client,
        Err(error) => return Some(sentence("the request could not be made: ", &error)),
    };
    // The headers alone, unless the site does not know how to send them alone.
    for head in [true, false] {
        let get = Get { url: url.clone(), max_body: 1024, fresh: true, head };
        let answer = client.get(&get, limit).await;
        if answer.status.is_some() || !answer.redirects.is_empty() {
            return None;
        }
        if !head || limit.passed() {
            let why = answer.transport.map_or_else(|| "it said nothing".to_owned(), |lost| lost.detail);
            return Some(format!("The site gave no answer: {why}."));
        }
    }
    None
}

/// Our own page in the browser that walked, or in the next one when that is gone. Nothing when no browser
/// was free to be asked.
pub(super) async fn own_page(
    pool: &Pool,
    walked: &JourneyOptions,
    group: Option<u32>,
    deadline: Deadline,
) -> Option<CanaryFact> {
    let watch = Stopwatch::start();
    let seen = match deadline.limit(Box::pin(pool.see_own_page(walked, deadline))).await {
        Ok(Ok(seen)) => seen,
        // Too little time, or memory, for another browser says nothing about those that walk.
        Ok(Err(BrowserError::Busy | BrowserError::Hung(_) | BrowserError::NoMemory { .. })) | Err(_) => {
            return None;
        }
        Ok(Err(error)) => OwnSight {
            over_network: true,
            group: None,
            fault: Some(sentence("no browser could be had: ", &error)),
        },
    };
    let page = if seen.over_network { "our own page on loopback" } else { "an empty page" };
    let asked = match (group, seen.group) {
        (Some(walked), Some(asked)) if walked == asked => format!("{page}, in the same browser"),
        (_, Some(_)) => format!("{page}, in another browser, because the one that walked is gone or busy"),
        _ => page.to_owned(),
    };
    Some(CanaryFact { canary: Canary::Browser, asked, fault: seen.fault, elapsed_ms: watch.elapsed_ms() })
}

/// Whether this machine knows any way out, when a run says that it found none.
pub(super) fn way_out() -> Option<CanaryFact> {
    failure::offline().then(|| CanaryFact {
        canary: Canary::Site,
        asked: "any way to the network".to_owned(),
        fault: Some("This machine has no route to the network.".to_owned()),
        elapsed_ms: 0,
    })
}

#[cfg(test)]
mod tests;
