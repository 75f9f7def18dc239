//! What happened: the state of a journey's pages and the facts of its present step, built from
//! the browser's events.
//!
//! Invariant: every list is bounded and every text cut, whatever a page does. Dialogs and held
//! requests are answered here, on the reader's task, so that nothing can block on them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Deadline;
use crate::domain::observation::{
    DialogFact, DownloadFact, MainResponse, RequestFact, StopReason, StoppedRequest, Transport,
    TransportClass,
};

use super::bidi::{Listener, Wire};
use super::guard::{self, Request};
use super::{Guard, network};

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
        self.phase == Phase::Failed && self.error.as_ref().is_none_or(|error| error.ends_with("ERR_ABORTED"))
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
    pub console_errors: Vec<String>,
    failed: Vec<(String, RequestFact)>,
    /// Requests that the guard stopped.
    pub stopped: Vec<StoppedRequest>,
    /// Downloads.
    pub downloads: Vec<Download>,
    /// Files that were looked at.
    pub files: Vec<DownloadFact>,
    /// Pages that were opened.
    pub popups: u32,
    /// Requests.
    pub requests: u32,
    /// Which of the stopped requests would have brought another page.
    stopped_pages: Vec<usize>,
    /// Bodies of stopped requests that are still being asked for.
    asking: usize,
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
    /// Why the browser must not be used again.
    pub odd: Option<String>,
    guard: Guard,
    stopped_ids: HashSet<String>,
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
            odd: None,
            guard,
            stopped_ids: HashSet::new(),
        }
    }

    /// The number of the page that was opened last.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// A step begins.
    pub fn begin_step(&mut self) {
        self.step += 1;
        self.facts = StepFacts::default();
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
        self.facts.failed.iter().map(|(_, fact)| fact.clone()).collect()
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

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl Listener for Tracker {
    fn event(&self, wire: &Wire, method: &str, params: &Value) {
        let mut lock = self.lock();
        let Some(state) = lock.as_mut() else {
            drop(lock);
            if params["isBlocked"] == true {
                wire.post("network.failRequest", &json!({ "request": params["request"]["request"] }));
            }
            return;
        };
        let context = text(params, "context");
        match method {
            "browsingContext.contextCreated" => state.created(wire, context, params),
            "browsingContext.contextDestroyed" => state.destroyed(context),
            "browsingContext.navigationStarted" => state.started(context, params),
            "browsingContext.domContentLoaded" => state.reached(context, params, Phase::Interactive),
            "browsingContext.load" | "browsingContext.fragmentNavigated" => {
                state.reached(context, params, Phase::Loaded);
            }
            "browsingContext.navigationFailed" | "browsingContext.navigationAborted" => {
                state.reached(context, params, Phase::Failed);
            }
            "browsingContext.downloadWillBegin" => state.download_begins(context, params),
            "browsingContext.downloadEnd" => state.download_ends(params),
            "browsingContext.userPromptOpened" => state.dialog(wire, context, params),
            "network.beforeRequestSent" => {
                if let Some(body_of) = state.request(wire, context, params) {
                    self.ask_for_fields(wire, body_of);
                }
            }
            "network.responseStarted" | "network.responseCompleted" => state.response(context, params),
            "network.fetchError" => state.fetch_error(context, params),
            "log.entryAdded" => state.log(params),
            _ => {}
        }
        drop(lock);
        self.tell();
    }
}

/// A stopped request whose fields are not known yet.
struct BodyOf {
    request: String,
    context: String,
    url: String,
    step: u64,
    at: usize,
}

impl Tracker {
    /// Asks for the body of a stopped request and, when the browser keeps none (files in a form),
    /// for the names in the form that leads there.
    fn ask_for_fields(&self, wire: &Wire, of: BodyOf) {
        let Some(me) = self.me.upgrade() else {
            return;
        };
        let wire = wire.clone();
        tokio::spawn(async move {
            let deadline = Deadline::after(std::time::Duration::from_secs(1));
            let body = wire
                .call("network.getData", json!({ "dataType": "request", "request": of.request }), deadline)
                .await
                .ok();
            let bytes = body.as_ref().map(|body| &body["bytes"]);
            let mut fields = match bytes.map(|bytes| (text(bytes, "type"), text(bytes, "value"))) {
                Some(("base64", value)) => {
                    use base64::Engine;
                    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
                    guard::field_names(&String::from_utf8_lossy(&bytes))
                }
                Some((_, value)) => guard::field_names(value),
                None => Vec::new(),
            };
            if fields.is_empty() {
                let ask = json!({ "do": "fields", "url": of.url });
                if let Ok(said) = super::page::ask(&wire, &of.context, &ask, deadline).await {
                    fields = said.names;
                }
            }
            me.with(|state| {
                if state.step == of.step {
                    state.facts.asking = state.facts.asking.saturating_sub(1);
                    if let Some(stopped) = state.facts.stopped.get_mut(of.at) {
                        stopped.fields = fields;
                    }
                }
            });
            me.tell();
        });
    }
}

impl State {
    fn created(&mut self, wire: &Wire, id: &str, params: &Value) {
        let parent = params["parent"].as_str();
        let ours = match parent {
            Some(parent) => self.contexts.contains_key(parent),
            None => text(params, "userContext") == self.user_context,
        };
        if !ours || self.contexts.contains_key(id) {
            return;
        }
        if self.contexts.len() >= MOST_CONTEXTS {
            self.mark_odd("a page opened thousands of frames");
            return;
        }
        let mut number = 0;
        if parent.is_none() {
            self.opened += 1;
            number = self.opened;
            if number > 1 {
                self.facts.popups = self.facts.popups.saturating_add(1);
            }
            if self.pages.len() >= MOST_PAGES {
                self.mark_odd("a page opened too many windows");
                wire.post("browsingContext.close", &json!({ "context": id }));
                return;
            }
            self.pages.push(id.to_owned());
        }
        let context = Context {
            parent: parent.map(str::to_owned),
            opener: params["originalOpener"].as_str().map(str::to_owned),
            number,
            navigation: None,
            url: cut(text(params, "url"), 2000),
            no_content: false,
            main: None,
            transport: None,
        };
        self.contexts.insert(id.to_owned(), context);
    }

    fn destroyed(&mut self, id: &str) {
        let gone = self.contexts.remove(id);
        let Some(at) = self.pages.iter().position(|page| page == id) else {
            return;
        };
        self.pages.remove(at);
        if self.current == id {
            // Back to the page that opened it, or to the newest that is left.
            let opener = gone.and_then(|gone| gone.opener).filter(|opener| self.pages.contains(opener));
            self.current = opener.or_else(|| self.pages.last().cloned()).unwrap_or_default();
        }
        let left: Vec<String> =
            self.contexts.keys().filter(|frame| self.top_of(frame) == id).cloned().collect();
        for frame in left {
            self.contexts.remove(&frame);
        }
    }

    fn started(&mut self, id: &str, params: &Value) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        let navigation = text(params, "navigation");
        if context.navigation.as_ref().is_some_and(|known| known.id == navigation) {
            return;
        }
        context.transport = None;
        context.no_content = false;
        self.navigations += 1;
        context.navigation = Some(Navigation {
            id: navigation.to_owned(),
            number: self.navigations,
            url: cut(text(params, "url"), 2000),
            phase: Phase::Started,
            error: None,
        });
    }

    fn reached(&mut self, id: &str, params: &Value, phase: Phase) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        if phase != Phase::Failed {
            context.url = cut(text(params, "url"), 2000);
        }
        if let Some(navigation) = &mut context.navigation
            && navigation.id == text(params, "navigation")
            && navigation.phase < phase
        {
            navigation.phase = phase;
        }
    }

    /// Whether an event belongs to a page of the journey before, or to the browser itself.
    /// Workers have no context.
    fn is_foreign(&self, id: &str) -> bool {
        !id.is_empty() && !self.contexts.contains_key(id)
    }

    fn response(&mut self, id: &str, params: &Value) {
        if self.is_foreign(id) {
            return;
        }
        let response = &params["response"];
        let status = response["status"].as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
        let request = text(&params["request"], "request");
        if self.stopped_ids.contains(request) {
            return;
        }
        let step = self.step;
        if let (Some(navigation), Some(context)) = (params["navigation"].as_str(), self.contexts.get_mut(id))
            && !(300..400).contains(&status)
            && let Some(known) = context.navigation.as_mut().filter(|known| known.id == navigation)
        {
            known.phase = known.phase.max(Phase::Answered);
            context.no_content = matches!(status, 204 | 205);
            let mime = text(response, "mimeType").split(';').next().unwrap_or_default().trim();
            context.main = Some((
                step,
                MainResponse { url: cut(text(response, "url"), 2000), status, mime: cut(mime, 100) },
            ));
        }
        if status >= 400 {
            self.request_failed(params, Some(status), None);
        }
    }

    fn fetch_error(&mut self, id: &str, params: &Value) {
        if self.is_foreign(id) {
            return;
        }
        let request = text(&params["request"], "request");
        if self.stopped_ids.contains(request) {
            return;
        }
        let error = text(params, "errorText");
        let step = self.step;
        let aborted = error.ends_with("ERR_ABORTED");
        if let (Some(navigation), Some(context)) = (params["navigation"].as_str(), self.contexts.get_mut(id))
            && let Some(known) = context.navigation.as_mut().filter(|known| known.id == navigation)
        {
            known.error = Some(cut(error, 200));
            if !aborted && !error.ends_with("ERR_HTTP_RESPONSE_CODE_FAILURE") {
                context.transport = Some((step, network::transport(error)));
            }
        }
        if !aborted {
            self.request_failed(params, None, Some(error));
        }
    }

    fn request_failed(&mut self, params: &Value, status: Option<u16>, error: Option<&str>) {
        let request = &params["request"];
        let id = text(request, "request");
        let failed = &mut self.facts.failed;
        // A 500 for a script is told twice: as an answer and as an error.
        if failed.len() >= MOST_FACTS || failed.iter().any(|(known, _)| known == id) {
            return;
        }
        let fact = RequestFact {
            method: cut(text(request, "method"), 20),
            url: cut(text(request, "url"), 500),
            status,
            error: error.map(|error| cut(error, 200)),
        };
        failed.push((id.to_owned(), fact));
    }

    /// Counts a request and, when the browser holds it back, says what becomes of it.
    fn request(&mut self, wire: &Wire, id: &str, params: &Value) -> Option<BodyOf> {
        let request = &params["request"];
        let url = text(request, "url");
        if params["redirectCount"] == 0 && url.starts_with("http") && !self.is_foreign(id) {
            self.facts.requests = self.facts.requests.saturating_add(1);
        }
        if params["isBlocked"] != true {
            return None;
        }
        let request_id = text(request, "request");
        let method = text(request, "method");
        let is_page = self.contexts.get(id).is_some_and(|context| context.parent.is_none());
        let is_navigation = params["navigation"].is_string();
        let decision = guard::decide(&self.guard, Request { method, url, page: is_page && is_navigation });
        let Some(reason) = decision else {
            wire.post("network.continueRequest", &json!({ "request": request_id }));
            return None;
        };
        self.stop(wire, id, params, reason)
    }

    fn stop(&mut self, wire: &Wire, id: &str, params: &Value, reason: StopReason) -> Option<BodyOf> {
        let request = &params["request"];
        let request_id = text(request, "request");
        if params["navigation"].is_string() {
            // "No content" leaves the present page standing, for the picture and the next step.
            let answer =
                json!({ "request": request_id, "statusCode": 204, "reasonPhrase": "Stopped", "headers": [] });
            wire.post("network.provideResponse", &answer);
        } else {
            wire.post("network.failRequest", &json!({ "request": request_id }));
        }
        if self.stopped_ids.len() < MOST_CONTEXTS {
            self.stopped_ids.insert(request_id.to_owned());
        }
        if self.facts.stopped.len() >= MOST_FACTS {
            return None;
        }
        let url = text(request, "url");
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let body = request["goog:postData"].as_str().unwrap_or_default();
        let fields = guard::field_names(body);
        let unknown = fields.is_empty() && reason == StopReason::Submission;
        if params["navigation"].is_string() {
            self.facts.stopped_pages.push(self.facts.stopped.len());
        }
        self.facts.stopped.push(StoppedRequest {
            method: cut(text(request, "method"), 20),
            url: cut(url, 500),
            fields,
            reason,
        });
        if !unknown {
            return None;
        }
        self.facts.asking += 1;
        Some(BodyOf {
            request: request_id.to_owned(),
            context: id.to_owned(),
            url: url.to_owned(),
            step: self.step,
            at: self.facts.stopped.len() - 1,
        })
    }

    fn dialog(&mut self, wire: &Wire, id: &str, params: &Value) {
        let kind = text(params, "type");
        let (accept, with) = match (&self.answer, kind) {
            (_, "beforeunload") if self.leaving => (true, None),
            (Answer::Accept(with), _) => (true, with.clone()),
            // An alert has no Cancel; closing it is all there is.
            (Answer::Usual | Answer::Dismiss, kind) => (kind == "alert", None),
        };
        self.facts.dialog_count += 1;
        if self.facts.dialog_count > MOST_DIALOGS {
            self.mark_odd("a page kept opening dialogs");
            let page = self.top_of(id).to_owned();
            wire.post("browsingContext.close", &json!({ "context": page }));
        } else if self.facts.dialogs.len() < MOST_FACTS {
            let said = text(params, "message");
            self.facts.dialogs.push(DialogFact {
                kind: cut(kind, 20),
                text: cut(said, 500),
                accepted: accept,
            });
        }
        let mut answer = json!({ "context": id, "accept": accept });
        if let (Some(with), "prompt") = (with, kind) {
            answer["userText"] = Value::String(with);
        }
        wire.post("browsingContext.handleUserPrompt", &answer);
    }

    /// Whether the page of this step opened more dialogs than anybody would answer.
    pub fn flooded_with_dialogs(&self) -> bool {
        self.facts.dialog_count > MOST_DIALOGS
    }

    fn download_begins(&mut self, id: &str, params: &Value) {
        let url = cut(text(params, "url"), 2000);
        let step = self.step;
        let expecting = self.expecting_file;
        if let Some(context) = self.contexts.get_mut(id)
            && let Some(known) =
                context.navigation.as_mut().filter(|known| known.id == text(params, "navigation"))
        {
            // A file for a window of its own is told of its opener, without an end.
            known.phase = Phase::Failed;
            if !expecting {
                let detail = format!("the file {}", cut(text(params, "suggestedFilename"), 100));
                context.transport = Some((step, Transport { class: TransportClass::Download, detail }));
            }
        }
        if self.facts.downloads.len() < MOST_FACTS {
            self.facts.downloads.push(Download {
                id: text(params, "download").to_owned(),
                url,
                name: cut(text(params, "suggestedFilename"), 200),
                complete: None,
                path: None,
            });
        }
    }

    fn download_ends(&mut self, params: &Value) {
        let id = text(params, "download");
        if let Some(download) = self.facts.downloads.iter_mut().find(|download| download.id == id) {
            download.complete = Some(text(params, "status") == "complete");
            download.path = params["filepath"].as_str().map(str::to_owned);
        }
    }

    fn log(&mut self, params: &Value) {
        if text(params, "level") != "error" || self.facts.console_errors.len() >= MOST_FACTS {
            return;
        }
        if let Some(context) = params["source"]["context"].as_str()
            && !self.contexts.contains_key(context)
        {
            return;
        }
        self.facts.console_errors.push(cut(text(params, "text"), 300));
    }
}
