//! Eyes for the crawl: a page opened in a browser of the runner's own pool.
//!
//! Whose fault something is, decides what a look brings home. What the portal did (a status, a refused
//! port, a file in place of a page) is a [`Sight`]; whatever may be ours (no browser, a browser that
//! died, a page whose scripts hold our renderer, too little time) is nothing at all, so that it can
//! never be held against a link.
//!
//! Invariant: nothing is done on the page and nothing is ever submitted. One look at a time; one that
//! is dropped takes its browser with it, as the pool promises.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use url::Url;

use crate::browser::{Guard, Journey, JourneyOptions, Pool, Standing, StepError};
use crate::clock::Deadline;
use crate::crawl::{Eyes, Looking, Sight};
use crate::domain::engine::Engine;
use crate::domain::masks::Masks;
use crate::domain::observation::{Transport, TransportClass};
use crate::domain::scenario::{Action, Channel, SourcePos, Verb};
use crate::domain::target::{Target, TargetClass, is_loopback};
use crate::domain::template::Template;
use crate::http::user_agent;
use crate::plan::Agent;

use super::walk::sentence;
use super::{Order, Runner};

/// How long a look may wait for a free browser.
const BROWSER_WAIT: Duration = Duration::from_mins(1);

/// Silence proves nothing against a page that had less time than this.
const FAIR: Duration = Duration::from_secs(10);

/// Time for reading a page that stands still, beyond the look's own.
const READING: Duration = Duration::from_secs(4);

/// The same for a page that did not finish loading: it may well not answer.
const GLANCE: Duration = Duration::from_secs(2);

/// How much longer than its deadline a look may take before its browser is thrown away.
const GRACE: Duration = Duration::from_secs(8);

/// Opens pages for a crawl in browsers of the runner's pool, one after the other.
#[derive(Debug)]
pub struct BrowserEyes {
    pool: Arc<Pool>,
    agent: Arc<Agent>,
    target: Arc<Target>,
    /// Whose turn it is.
    turn: Mutex<()>,
}

impl Runner {
    /// Eyes for the order's target: with its place, language and guard, and the agent's contact in
    /// the User-Agent. Manners towards the hosts (intervals, daily caps) are the caller's.
    pub fn eyes(&self, order: &Order) -> BrowserEyes {
        BrowserEyes {
            pool: Arc::clone(&self.pool),
            agent: Arc::clone(&order.agent),
            target: Arc::clone(&order.target),
            turn: Mutex::new(()),
        }
    }
}

impl Eyes for BrowserEyes {
    /// `deadline` holds for everything, waiting for a browser included.
    fn look<'a>(&'a self, url: &'a Url, deadline: Deadline) -> Looking<'a> {
        Box::pin(async move {
            let _turn = deadline.limit(self.turn.lock()).await.ok()?;
            let opened = self.pool.open(self.options(url), deadline.tightened(BROWSER_WAIT)).await;
            let mut journey = match opened {
                Ok(journey) => journey,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no browser for a second look");
                    return None;
                }
            };
            let limit = Deadline::after(deadline.remaining() + GRACE);
            match limit.limit(see(&mut journey, url, deadline)).await {
                Ok(sight) => {
                    journey.close().await;
                    sight
                }
                // Something of ours hangs; dropping the journey ends its browser.
                Err(_) => None,
            }
        })
    }
}

impl BrowserEyes {
    /// What the browser is told for this look.
    ///
    /// The documents may come from any host: where a link leads, and where it is led on to (a login
    /// on a host of its own, the new name of an old one), is the very question, and nobody clicks or
    /// types there. What protects others stays: submissions are stopped on everything that is not the
    /// target's own test system, and no page of another host may call this machine.
    fn options(&self, url: &Url) -> JourneyOptions {
        let target = &self.target;
        let own = url.host_str().is_some_and(|host| target.owns_host(host));
        JourneyOptions {
            engine: Engine::Chromium,
            channel: Channel::Desktop,
            language: self.agent.language,
            timezone: self.agent.timezone.clone(),
            place: target.place.clone(),
            origin: target.entry.origin().ascii_serialization(),
            screen: None,
            user_agent: user_agent(self.agent.contact.as_deref()),
            guard: Guard {
                live: target.class == TargetClass::Live || !own,
                allow: Vec::new(),
                // Links of a local target may lead to this machine; a public page may not, whoever
                // leads to it.
                loopback: target.is_loopback() && is_loopback(url),
                hosts: Vec::new(),
            },
            slow: Duration::ZERO,
        }
    }
}

/// Opens the page and says what is there.
async fn see(journey: &mut Journey, url: &Url, deadline: Deadline) -> Option<Sight> {
    let fair = deadline.remaining() >= FAIR;
    journey.begin_step();
    let went = go(journey, url, deadline).await;
    journey.end_step();
    let (standing, lost) = match went {
        Ok(()) => {
            // It may go on between standing still and being read.
            match journey.standing(Deadline::after(READING)).await {
                Ok(standing) => (standing, None),
                Err(error) => return nothing(&error),
            }
        }
        Err(StepError::Navigation(_)) => (Standing::default(), None),
        Err(StepError::Refused(what)) => {
            let detail = format!("refused by our own guard: {what}");
            (Standing::default(), Some(Transport { class: TransportClass::Policy, detail }))
        }
        Err(StepError::Loading(why)) => half_loaded(journey, &why).await?,
        Err(StepError::Browser(error)) => return nothing(&error),
        Err(error) => return nothing(&error),
    };
    let facts = journey.facts(Deadline::after(GLANCE)).await;
    let transport = facts.transport.or(lost);
    match transport.as_ref().map(|transport| transport.class) {
        Some(TransportClass::Ours) => return None,
        Some(TransportClass::Timeout) if !fair => return None,
        _ => {}
    }
    let main = facts.main;
    if main.is_none() && transport.is_none() {
        return None;
    }
    // Of other documents the browser makes a page of its own.
    let kind = main.as_ref().map_or("", |main| main.mime.as_str());
    let is_page = matches!(kind, "" | "text/html" | "application/xhtml+xml");
    // A file, or "no content", leaves the window where it was.
    let stands =
        [Some(facts.url.as_str()), main.as_ref().map(|main| main.url.as_str())].into_iter().flatten();
    let address = stands.filter_map(|at| Url::parse(at).ok()).find(Url::has_host);
    Some(Sight {
        url: address.unwrap_or_else(|| url.clone()),
        status: main.as_ref().map(|main| main.status),
        transport,
        title: facts.title,
        text: standing.text,
        html: if is_page { standing.html } else { String::new() },
        challenges: standing.challenges,
        firewall: main.and_then(|main| main.firewall),
    })
}

async fn go(journey: &mut Journey, url: &Url, deadline: Deadline) -> Result<(), StepError> {
    let verb = Verb::Goto(Template::literal(url.as_str()));
    journey.act(&Action { verb, within: None, at: SourcePos::default() }, deadline).await?;
    journey.stand_still(deadline).await
}

/// A page that was answered and did not come to its end. What can be read of it is what a visitor has
/// by then; a page of which nothing shows has failed by the clock; one that does not even answer us
/// may be held by its scripts against browsers such as ours, and says nothing.
async fn half_loaded(journey: &mut Journey, why: &str) -> Option<(Standing, Option<Transport>)> {
    match journey.standing(Deadline::after(GLANCE)).await {
        Ok(standing) if standing.text.trim().is_empty() => {
            let detail = format!("nothing to be seen when its time was up: {why}");
            Some((standing, Some(Transport { class: TransportClass::Timeout, detail })))
        }
        Ok(standing) => Some((standing, None)),
        Err(error) => nothing(&error),
    }
}

/// Our own fault, or what may be.
fn nothing<T>(error: &dyn std::error::Error) -> Option<T> {
    // Addresses may carry what belongs to somebody.
    let why = sentence("the page could not be looked at: ", error);
    tracing::info!(why = %Masks::new().text(&why), "a look came to nothing");
    None
}
