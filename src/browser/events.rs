//! What happened: the state of a journey's pages and the facts of its present step, built from
//! the browser's events.
//!
//! Invariant: every list is bounded and every text cut, whatever a page does. Dialogs and held
//! requests are answered here, on the reader's task, so that nothing can block on them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::Deadline;
use crate::domain::observation::{
    ConsoleFact, DialogFact, DownloadFact, MainResponse, NavigationCause, NavigationFact, RequestFact,
    StoppedRequest, Transport,
};

use super::Guard;
use super::bidi::command::{ContinueWithAuth, FailRequest};
use super::bidi::event::Event;
use super::bidi::{Listener, Wire};
use super::split::{Activity, Span};
use super::traffic::{Entry, Traffic};

mod requests;
mod told;

/// The most entries of a list of facts.
const MOST_FACTS: usize = 50;
/// A page that opens more dialogs than this in one step is closed.
const MOST_DIALOGS: usize = 20;
/// Pages beyond this are closed at once.
const MOST_PAGES: usize = 20;
/// Windows and frames of a journey that are remembered.
const MOST_CONTEXTS: usize = 2000;

/// How far a navigation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Under way.
    Started,
    /// The server answered.
    Answered,
    /// The document is parsed.
    Interactive,
    /// Everything is loaded.
    Loaded,
    /// It came to nothing, or a file came instead of a page.
    Failed,
}

/// The latest navigation of a window or frame.
#[derive(Debug, Clone)]
pub struct Navigation {
    id: String,
    /// Navigations of a journey are numbered.
    pub number: u64,
    /// Where to.
    pub url: String,
    /// How far it came.
    pub phase: Phase,
    /// What the network layer said.
    pub error: Option<String>,
}

impl Navigation {
    /// Whether it is still under way.
    pub fn pending(&self) -> bool {
        self.phase < Phase::Loaded
    }

    /// Whether the browser gave it up without an error of the network.
    pub fn aborted(&self) -> bool {
        self.phase == Phase::Failed && self.error.as_ref().is_none_or(|error| super::network::is_abort(error))
    }
}

/// A window, tab or frame.
#[derive(Debug)]
pub struct Context {
    /// The context around a frame.
    pub parent: Option<String>,
    opener: Option<String>,
    /// Pages are numbered in the order in which they were opened.
    pub number: u64,
    /// Its latest navigation.
    pub navigation: Option<Navigation>,
    /// Its address as last heard.
    pub url: String,
    /// Its latest navigation was answered with "no content", and the page stayed.
    pub no_content: bool,
    main: Option<(u64, MainResponse)>,
    transport: Option<(u64, Transport)>,
}

impl Context {
    /// Whether another page opened it.
    pub fn is_opened(&self) -> bool {
        self.parent.is_none() && self.opener.is_some()
    }
}

/// A download.
#[derive(Debug, Clone)]
pub struct Download {
    id: String,
    /// Where from.
    pub url: String,
    /// The name that the server suggested.
    pub name: String,
    /// Set at its end: whether it was complete.
    pub complete: Option<bool>,
    /// Where it was kept.
    pub path: Option<String>,
}

/// How dialogs are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Answer {
    /// Alerts are accepted and everything else dismissed.
    #[default]
    Usual,
    /// OK, with a text for a prompt.
    Accept(Option<String>),
    /// Cancel.
    Dismiss,
}

/// Facts of one step.
#[derive(Debug, Default)]
pub struct StepFacts {
    /// Dialogs, in order.
    pub dialogs: Vec<DialogFact>,
    /// How many dialogs there were.
    pub dialog_count: usize,
    /// Script errors.
    pub console_errors: Vec<ConsoleFact>,
    /// Requests that the guard stopped.
    pub stopped: Vec<StoppedRequest>,
    /// Downloads.
    pub downloads: Vec<Download>,
    /// Files that were looked at.
    pub files: Vec<DownloadFact>,
    /// Where pages went, with the ids of page and navigation.
    navigations: Vec<(String, String, NavigationFact)>,
    /// Pages that were opened, with their addresses.
    windows: Vec<(String, String)>,
    /// Pages that were opened.
    pub popups: u32,
    /// Requests.
    pub requests: u32,
    /// Which of the stopped requests would have brought another page.
    stopped_pages: Vec<usize>,
    /// Bodies of stopped requests that are still being asked for.
    asking: usize,
}

/// Whose doing the next navigation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// No action is under way.
    Off,
    /// An action is under way that has set off nothing yet.
    On,
    /// What the action set off has begun; more is the page's.
    Used,
}

/// A document on its way.
#[derive(Debug)]
struct Loading {
    page: String,
    began: f64,
    ended: Option<f64>,
}

/// The state of one journey.
#[derive(Debug)]
pub struct State {
    user_context: String,
    /// Windows, tabs and frames by id.
    pub contexts: HashMap<String, Context>,
    /// Open pages, oldest first.
    pub pages: Vec<String>,
    /// The page that the journey is on.
    pub current: String,
    opened: u64,
    /// How many navigations there were.
    pub navigations: u64,
    step: u64,
    /// Facts of the present step.
    pub facts: StepFacts,
    /// How the next dialogs are answered.
    pub answer: Answer,
    /// Set while we ourselves leave the page: `beforeunload` is accepted then.
    pub leaving: bool,
    /// Set when a `download` waits for a file.
    pub expecting_file: bool,
    /// How many kept documents the browser showed by itself.
    pub shown_files: u32,
    /// Why the browser must not be used again.
    pub odd: Option<String>,
    /// What became of the request that the filter has to refuse.
    pub proof: Option<String>,
    guard: Guard,
    stopped_ids: HashSet<String>,
    /// Its requests.
    pub traffic: Traffic,
    hand: Hand,
    /// When the present step began, and ended.
    span: (f64, Option<f64>),
    loading: Vec<Loading>,
    /// Stretches in which something was looked for in vain.
    waiting: Vec<Span>,
}

impl State {
    fn new(user_context: String, guard: Guard) -> Self {
        Self {
            user_context,
            contexts: HashMap::new(),
            pages: Vec::new(),
            current: String::new(),
            opened: 0,
            navigations: 0,
            step: 0,
            facts: StepFacts::default(),
            answer: Answer::Usual,
            leaving: false,
            expecting_file: false,
            shown_files: 0,
            odd: None,
            proof: None,
            guard,
            stopped_ids: HashSet::new(),
            traffic: Traffic::new(),
            hand: Hand::Off,
            span: (0.0, None),
            loading: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// An empty page is there already, and the journey is on it.
    pub fn adopt(&mut self, page: &str) {
        self.opened += 1;
        page.clone_into(&mut self.current);
        self.pages.push(page.to_owned());
        let context = Context {
            parent: None,
            opener: None,
            number: self.opened,
            navigation: None,
            url: "about:blank".to_owned(),
            no_content: false,
            main: None,
            transport: None,
        };
        self.contexts.insert(page.to_owned(), context);
    }

    /// The number of the page that was opened last.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// A step begins.
    pub fn begin_step(&mut self) {
        self.step += 1;
        self.facts = StepFacts::default();
        self.traffic.begin_step();
        self.span = (self.traffic.now(), None);
        self.loading.retain(|loading| loading.ended.is_none());
        self.waiting.clear();
    }

    /// The step's actions and expectations are over; what follows is ours.
    pub fn end_step(&mut self) {
        self.span.1.get_or_insert(self.traffic.now());
    }

    /// The number of the present step, from 1.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// An action begins, or is over.
    pub fn acting(&mut self, acting: bool) {
        self.hand = if acting { Hand::On } else { Hand::Off };
    }

    /// From `since` until `until` (now, when absent) something was looked for in vain.
    pub fn waited(&mut self, since: f64, until: Option<f64>) {
        if self.waiting.len() < MOST_CONTEXTS {
            self.waiting.push((since, until.unwrap_or_else(|| self.traffic.now())));
        }
    }

    /// A page that is parsed is used although it still loads something.
    pub fn loaded_enough(&mut self, page: &str) {
        let now = self.traffic.now();
        for loading in self.loading.iter_mut().filter(|loading| loading.page == page) {
            loading.ended.get_or_insert(now);
        }
    }

    /// The present step, and what went on in it, apart from long tasks.
    pub fn activity(&self) -> (Span, Activity) {
        let now = self.traffic.now();
        let end = self.span.1.unwrap_or(now);
        let recent = self.traffic.entries().iter().filter(|entry| {
            !entry.stopped && !entry.from_cache && entry.ended.is_none_or(|ended| ended > self.span.0)
        });
        let mut activity = Activity::default();
        for entry in recent {
            let ended = entry.ended.unwrap_or(now);
            activity.network.push((entry.began, ended));
            activity.server.push((entry.sent(), entry.first_byte().unwrap_or(ended)));
        }
        activity.loading =
            self.loading.iter().map(|loading| (loading.began, loading.ended.unwrap_or(now))).collect();
        activity.waiting.clone_from(&self.waiting);
        ((self.span.0, end), activity)
    }

    /// Where pages went in this step.
    pub fn navigations(&self) -> Vec<NavigationFact> {
        self.facts.navigations.iter().map(|(_, _, fact)| fact.clone()).collect()
    }

    /// The addresses of pages that were opened in this step.
    pub fn windows(&self) -> Vec<String> {
        self.facts.windows.iter().map(|(_, url)| cut(url, 500)).collect()
    }

    /// The present page.
    pub fn page(&self) -> Option<&Context> {
        self.contexts.get(&self.current)
    }

    /// The latest navigation of a window or frame that is still under way.
    pub fn pending(&self, context: &str) -> Option<&Navigation> {
        self.contexts.get(context)?.navigation.as_ref().filter(|navigation| navigation.pending())
    }

    /// The last answer to a navigation of the present page, whichever step it came in.
    pub fn main(&self) -> Option<&MainResponse> {
        self.page()?.main.as_ref().map(|(_, main)| main)
    }

    /// The same, if it came in this step.
    pub fn main_of_step(&self) -> Option<MainResponse> {
        self.page()?.main.as_ref().filter(|(step, _)| *step == self.step).map(|(_, main)| main.clone())
    }

    /// Why a navigation of the present page got no answer in this step.
    pub fn transport_of_step(&self) -> Option<Transport> {
        self.page()?.transport.as_ref().filter(|(step, _)| *step == self.step).map(|(_, t)| t.clone())
    }

    /// Remembers where the present page was to go, when the browser refused before it told of a
    /// navigation: Firefox does so for ports that no page may use.
    pub fn lost_before_it_began(&mut self, before: u64, url: &str) {
        if self.navigations > before {
            return;
        }
        self.navigations += 1;
        let number = self.navigations;
        let current = self.current.clone();
        if let Some(page) = self.contexts.get_mut(&current) {
            let (id, url) = (String::new(), cut(url, 2000));
            page.navigation = Some(Navigation { id, number, url, phase: Phase::Failed, error: None });
        }
    }

    /// Keeps why a navigation of the present page got no answer.
    pub fn keep_transport(&mut self, transport: Transport) {
        let step = self.step;
        let current = self.current.clone();
        if let Some(page) = self.contexts.get_mut(&current) {
            page.transport = Some((step, transport));
        }
    }

    /// Requests that failed in this step.
    pub fn failed_requests(&self) -> Vec<RequestFact> {
        let failed = self.traffic.of_step(self.step).filter(|entry| entry.failed());
        failed.take(MOST_FACTS).map(Entry::fact).collect()
    }

    /// The first request for a page that was stopped after so many others.
    pub fn stopped_page_since(&self, before: usize) -> Option<&StoppedRequest> {
        let at = self.facts.stopped_pages.iter().find(|at| **at >= before)?;
        self.facts.stopped.get(*at)
    }

    /// Whether bodies of stopped requests are still being asked for.
    pub fn asking(&self) -> bool {
        self.facts.asking > 0
    }

    /// The page of a window or frame.
    fn top_of<'a>(&'a self, context: &'a str) -> &'a str {
        let mut at = context;
        for _ in 0..64 {
            match self.contexts.get(at).and_then(|context| context.parent.as_deref()) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        at
    }

    /// Frames below the present page.
    pub fn frames(&self) -> Vec<String> {
        self.contexts
            .iter()
            .filter(|(id, context)| context.parent.is_some() && self.top_of(id) == self.current)
            .map(|(id, _)| id.clone())
            .take(30)
            .collect()
    }

    /// Marks the browser as not to be used again.
    pub fn mark_odd(&mut self, why: &str) {
        if self.odd.is_none() {
            self.odd = Some(why.to_owned());
        }
    }
}

/// Follows the events of one browser.
#[derive(Debug)]
pub struct Tracker {
    state: Mutex<Option<State>>,
    changed: watch::Sender<u64>,
    me: std::sync::Weak<Self>,
}

impl Tracker {
    /// A tracker without a journey.
    pub fn new() -> Arc<Self> {
        Arc::new_cyclic(|me| Self { state: Mutex::new(None), changed: watch::channel(0).0, me: me.clone() })
    }

    /// A journey begins in a fresh user context.
    pub fn begin(&self, user_context: String, guard: Guard) {
        *self.lock() = Some(State::new(user_context, guard));
    }

    /// The journey is over: later events belong to nobody.
    pub fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes the state; [`None`] without a journey.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.lock().as_mut().map(work)
    }

    /// Waits until `look` finds what it looks for.
    pub async fn wait<T>(
        &self,
        deadline: Deadline,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(found) = self.with(&mut look).flatten() {
                return Some(found);
            }
            match deadline.limit(changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return self.with(&mut look).flatten(),
            }
        }
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl Listener for Tracker {
    fn event(&self, wire: &Wire, event: Event) {
        if let Event::AuthRequired(exchange) = event {
            if exchange.is_blocked {
                wire.post(&ContinueWithAuth { request: &exchange.request.request, action: "cancel" });
            }
            return;
        }
        let mut lock = self.lock();
        let Some(state) = lock.as_mut() else {
            drop(lock);
            if let Some(request) = event.held() {
                wire.post(&FailRequest { request });
            }
            return;
        };
        let mut ask = None;
        match event {
            Event::ContextCreated(info) => state.created(wire, &info),
            Event::ContextDestroyed(info) => state.destroyed(&info.context),
            Event::NavigationStarted(info) => state.started(wire, &info),
            Event::DomContentLoaded(info) => state.reached(&info, Phase::Interactive),
            Event::Load(info) => state.reached(&info, Phase::Loaded),
            Event::FragmentNavigated(info) => {
                state.moved(&info, NavigationCause::Fragment);
                state.reached(&info, Phase::Loaded);
            }
            Event::NavigationFailed(info) | Event::NavigationAborted(info) => {
                state.reached(&info, Phase::Failed);
            }
            Event::HistoryUpdated(info) => state.moved(&info, NavigationCause::History),
            Event::DownloadWillBegin(info) => state.download_begins(&info),
            Event::DownloadEnd(info) => state.download_ends(&info),
            Event::UserPromptOpened(prompt) => state.dialog(wire, &prompt),
            Event::BeforeRequestSent(exchange) => ask = state.request(wire, &exchange),
            Event::ResponseStarted(exchange) => state.response(&exchange, false),
            Event::ResponseCompleted(exchange) => state.response(&exchange, true),
            Event::FetchError(exchange) => ask = state.fetch_error(&exchange),
            Event::LogEntryAdded(entry) => state.log(&entry),
            // Answered above, whether or not there is a journey.
            Event::AuthRequired(_) => {}
        }
        drop(lock);
        if let Some(body_of) = ask {
            self.ask_for_fields(wire, body_of);
        }
        self.tell();
    }
}
