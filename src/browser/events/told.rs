//! What each event changes in the state of a journey.

use serde_json::{Value, json};

use crate::browser::bidi::Wire;
use crate::browser::filter::{self, Refused};
use crate::browser::guard::{self, Request};
use crate::browser::network;
use crate::clock::Deadline;
use crate::domain::observation::{
    ConsoleFact, ConsoleKind, DialogFact, MainResponse, RequestFact, RequestKind, StopReason, StoppedRequest,
    Transport, TransportClass,
};

use super::{
    Answer, Context, Download, MOST_CONTEXTS, MOST_DIALOGS, MOST_FACTS, MOST_PAGES, Navigation, Phase, State,
    Tracker, cut, text,
};

/// A stopped request whose fields are not known yet.
pub(super) struct BodyOf {
    request: String,
    context: String,
    url: String,
    step: u64,
    at: usize,
}

impl Tracker {
    /// Asks for the body of a stopped request and, when the browser keeps none (files in a form),
    /// for the names in the form that leads there.
    pub(super) fn ask_for_fields(&self, wire: &Wire, of: BodyOf) {
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
                if let Ok(said) = crate::browser::page::ask(&wire, &of.context, &ask, deadline).await {
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
    pub(super) fn created(&mut self, wire: &Wire, id: &str, params: &Value) {
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

    pub(super) fn destroyed(&mut self, id: &str) {
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

    pub(super) fn started(&mut self, id: &str, params: &Value) {
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

    pub(super) fn reached(&mut self, id: &str, params: &Value, phase: Phase) {
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

    pub(super) fn response(&mut self, id: &str, params: &Value) {
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

    pub(super) fn fetch_error(&mut self, id: &str, params: &Value) -> Option<BodyOf> {
        if self.is_foreign(id) {
            return None;
        }
        let request = text(&params["request"], "request");
        if self.stopped_ids.contains(request) {
            return None;
        }
        let error = text(params, "errorText");
        let url = text(&params["request"], "url");
        if url == filter::PROOF {
            self.proof = Some(error.to_owned());
            return None;
        }
        let refused = self.guard.live && (error == filter::REFUSED || filter::led_away(url).is_some());
        let step = self.step;
        let aborted = error.ends_with("ERR_ABORTED");
        if let (Some(navigation), Some(context)) = (params["navigation"].as_str(), self.contexts.get_mut(id))
            && let Some(known) = context.navigation.as_mut().filter(|known| known.id == navigation)
        {
            known.error = Some(cut(error, 200));
            if !aborted && !error.ends_with("ERR_HTTP_RESPONSE_CODE_FAILURE") {
                let mut transport = network::transport(error);
                if refused {
                    // Whatever the address that leads nowhere is answered with.
                    transport.class = TransportClass::Policy;
                }
                context.transport = Some((step, transport));
            }
        }
        if refused && let Some(reason) = self.decide(id, params) {
            return self.record_stop(id, params, reason);
        }
        if !aborted {
            self.request_failed(params, None, Some(error));
        }
        None
    }

    /// What the guard says of a request.
    fn decide(&self, id: &str, params: &Value) -> Option<StopReason> {
        let method = text(&params["request"], "method");
        let url = filter::original(text(&params["request"], "url"));
        let is_page = self.contexts.get(id).is_some_and(|context| context.parent.is_none());
        let page = is_page && params["navigation"].is_string();
        guard::decide(&self.guard, Request { method, url, page })
    }

    /// Records what the filter refused and no event told of: requests of workers that BiDi does not
    /// follow, of pages that were ending, web sockets. Their fields are not known.
    pub(in crate::browser) fn refused(&mut self, requests: Vec<Refused>) {
        for Refused { method, url } in requests {
            let url = cut(url.split(['?', '#']).next().unwrap_or_default(), 500);
            let known = self.facts.stopped.iter().any(|stop| stop.method == method && stop.url == url);
            if known || self.facts.stopped.len() >= MOST_FACTS || url == filter::PROOF {
                continue;
            }
            let reads = method == "GET" && url.starts_with("http");
            let reason = if reads { StopReason::ForeignHost } else { StopReason::Submission };
            self.facts.stopped.push(StoppedRequest { method, url, fields: Vec::new(), reason });
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
            kind: RequestKind::Other,
            third_party: false,
            ms: None,
        };
        failed.push((id.to_owned(), fact));
    }

    /// Counts a request and, when the browser holds it back, says what becomes of it.
    pub(super) fn request(&mut self, wire: &Wire, id: &str, params: &Value) -> Option<BodyOf> {
        let request = &params["request"];
        let url = text(request, "url");
        if params["redirectCount"] == 0 && url.starts_with("http") && !self.is_foreign(id) {
            self.facts.requests = self.facts.requests.saturating_add(1);
        }
        if params["isBlocked"] != true {
            return None;
        }
        let request_id = text(request, "request");
        let Some(reason) = self.decide(id, params) else {
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
        self.record_stop(id, params, reason)
    }

    /// Puts a request that was stopped on record; what is left to ask for its fields.
    fn record_stop(&mut self, id: &str, params: &Value, reason: StopReason) -> Option<BodyOf> {
        let request = &params["request"];
        let request_id = text(request, "request");
        if self.stopped_ids.len() < MOST_CONTEXTS {
            self.stopped_ids.insert(request_id.to_owned());
        }
        if self.facts.stopped.len() >= MOST_FACTS {
            return None;
        }
        let url = filter::original(text(request, "url"));
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

    pub(super) fn dialog(&mut self, wire: &Wire, id: &str, params: &Value) {
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
    pub(in crate::browser) fn flooded_with_dialogs(&self) -> bool {
        self.facts.dialog_count > MOST_DIALOGS
    }

    pub(super) fn download_begins(&mut self, id: &str, params: &Value) {
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

    pub(super) fn download_ends(&mut self, params: &Value) {
        let id = text(params, "download");
        if let Some(download) = self.facts.downloads.iter_mut().find(|download| download.id == id) {
            download.complete = Some(text(params, "status") == "complete");
            download.path = params["filepath"].as_str().map(str::to_owned);
        }
    }

    pub(super) fn log(&mut self, params: &Value) {
        if text(params, "level") != "error" || self.facts.console_errors.len() >= MOST_FACTS {
            return;
        }
        if let Some(context) = params["source"]["context"].as_str()
            && !self.contexts.contains_key(context)
        {
            return;
        }
        let kind = match text(params, "type") {
            "javascript" => ConsoleKind::Exception,
            _ => ConsoleKind::Console,
        };
        let text = cut(text(params, "text"), 300);
        self.facts.console_errors.push(ConsoleFact { kind, text, source: None });
    }
}
