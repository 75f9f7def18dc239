//! Requests and answers: what is counted, kept, held back and stopped.

use base64::Engine;
use serde_json::json;

use crate::browser::bidi::Wire;
use crate::browser::bidi::command::{Bytes, ContinueRequest, FailRequest, GetData, ProvideResponse};
use crate::browser::bidi::event::{Exchange, ResponseData};
use crate::browser::filter::{self, Refused};
use crate::browser::guard::{self, Request};
use crate::browser::network;
use crate::browser::traffic;
use crate::clock::Deadline;
use crate::domain::observation::{MainResponse, RequestKind, StopReason, StoppedRequest, TransportClass};
use crate::judge::firewall;

use super::{MOST_CONTEXTS, MOST_FACTS, Phase, State, Tracker, cut};

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
            let get = GetData { data_type: "request", request: &of.request };
            let mut fields = match wire.call(&get, deadline).await.map(|data| data.bytes) {
                Ok(Bytes::Base64(value)) => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
                    guard::field_names(&String::from_utf8_lossy(&bytes))
                }
                Ok(Bytes::String(value)) => guard::field_names(&value),
                Err(_) => Vec::new(),
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
    /// Whether an event belongs to a page of the journey before, or to the browser itself.
    /// Workers have no context.
    fn is_foreign(&self, id: &str) -> bool {
        !id.is_empty() && !self.contexts.contains_key(id)
    }

    pub(super) fn response(&mut self, exchange: &Exchange, complete: bool) {
        let id = exchange.place();
        if self.is_foreign(id) {
            return;
        }
        let Some(response) = &exchange.response else {
            return;
        };
        let status = response.status;
        self.traffic.answer(exchange, complete);
        let navigation = self.traffic.navigation(exchange).map(str::to_owned);
        if let Some(navigation) = &navigation {
            self.answered(navigation, exchange, response);
        }
        if self.stopped_ids.contains(&*exchange.request.request) {
            return;
        }
        let step = self.step;
        if let (Some(navigation), Some(context)) = (&navigation, self.contexts.get_mut(id))
            && !(300..400).contains(&status)
            && let Some(known) = context.navigation.as_mut().filter(|known| known.id == *navigation)
        {
            known.phase = known.phase.max(Phase::Answered);
            context.no_content = matches!(status, 204 | 205);
            if context.no_content {
                // Firefox tells of the end of such a navigation only when the next one begins.
                known.phase = Phase::Failed;
            }
            let mime = response.mime_type.split(';').next().unwrap_or_default().trim();
            context.main = Some((
                step,
                MainResponse {
                    url: response.url.to_string(),
                    status,
                    mime: cut(mime, 100),
                    firewall: firewall::header(
                        response.headers.iter().map(|header| (&*header.name, &*header.value.value)),
                    ),
                },
            ));
        }
        if navigation.is_some() && matches!(status, 204 | 205) {
            self.loaded_enough(id);
        }
    }

    pub(super) fn fetch_error(&mut self, exchange: &Exchange) -> Option<BodyOf> {
        let id = exchange.place();
        if self.is_foreign(id) {
            return None;
        }
        if self.stopped_ids.contains(&*exchange.request.request) {
            return None;
        }
        let error = &*exchange.error_text;
        let url = &*exchange.request.url;
        if url == filter::PROOF {
            self.proof = Some(error.to_owned());
            return None;
        }
        let refused = self.guard.live && (error == filter::REFUSED || filter::led_away(url).is_some());
        let step = self.step;
        let aborted = network::is_abort(error);
        if let (Some(navigation), Some(context)) = (exchange.navigation.as_deref(), self.contexts.get_mut(id))
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
        if refused && let Some(reason) = self.decide(exchange) {
            self.traffic.stop(exchange);
            return self.record_stop(exchange, reason);
        }
        self.traffic.fail(exchange, &exchange.error_text);
        None
    }

    /// What the guard says of a request.
    fn decide(&self, exchange: &Exchange) -> Option<StopReason> {
        let method = &*exchange.request.method;
        let url = filter::original(&exchange.request.url);
        let is_page = self.contexts.get(exchange.place()).is_some_and(|context| context.parent.is_none());
        let page = is_page && exchange.navigation.is_some();
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

    /// Whether a request goes to another site than the page that makes it.
    fn is_third_party(&self, exchange: &Exchange) -> bool {
        let own = self.contexts.get(self.top_of(exchange.place())).or_else(|| self.page());
        let url = &*exchange.request.url;
        let Some(to) = traffic::site(url) else { return false };
        let registered = own.and_then(|page| traffic::site(&page.url));
        let named = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let ours = named.is_some_and(|host| self.guard.hosts.iter().any(|own| guard::covers(own, &host)));
        !ours && registered.is_some_and(|own| own != to)
    }

    /// Puts an answer to a navigation on record.
    fn answered(&mut self, navigation: &str, exchange: &Exchange, response: &ResponseData) {
        let known = self.facts.navigations.iter_mut().find(|(_, id, _)| id == navigation);
        let Some((_, _, fact)) = known else { return };
        let status = response.status;
        if (300..400).contains(&status) && status != 304 {
            // A hop is told twice; the second time chromedriver names the address it leads to.
            let told = fact.hops.len() > exchange.redirect_count as usize;
            if fact.hops.len() < 20 && !told {
                fact.hops.push((cut(&exchange.request.url, 500), status));
            }
        } else {
            // Under load chromedriver tells the hop's answer again as the one to the address it leads to.
            fact.hops.truncate(exchange.redirect_count as usize);
            (fact.url, fact.status) = (cut(&response.url, 500), Some(status));
        }
    }

    /// Counts a request and, when the browser holds it back, says what becomes of it.
    pub(super) fn request(&mut self, wire: &Wire, exchange: &Exchange) -> Option<BodyOf> {
        let url = &*exchange.request.url;
        if url.starts_with("http") && url != filter::PROOF && !self.is_foreign(exchange.place()) {
            if exchange.redirect_count == 0 {
                self.facts.requests = self.facts.requests.saturating_add(1);
            }
            let in_frame =
                self.contexts.get(exchange.place()).is_some_and(|context| context.parent.is_some());
            let kind = traffic::kind(&exchange.request, exchange.navigation.is_some(), in_frame);
            let third_party = kind != RequestKind::Document && self.is_third_party(exchange);
            self.traffic.told_at(exchange.timestamp);
            self.traffic.begin(exchange, self.step, kind, third_party);
        }
        if !exchange.is_blocked {
            return None;
        }
        let request = &*exchange.request.request;
        let Some(reason) = self.decide(exchange) else {
            wire.post(&ContinueRequest { request });
            return None;
        };
        self.traffic.stop(exchange);
        if exchange.navigation.is_some() {
            // "No content" leaves the present page standing, for the picture and the next step.
            wire.post(&ProvideResponse { request, status_code: 204, reason_phrase: "Stopped", headers: [] });
        } else {
            wire.post(&FailRequest { request });
        }
        self.record_stop(exchange, reason)
    }

    /// Puts a request that was stopped on record; what is left to ask for its fields.
    fn record_stop(&mut self, exchange: &Exchange, reason: StopReason) -> Option<BodyOf> {
        let request = &exchange.request;
        if self.stopped_ids.len() < MOST_CONTEXTS {
            self.stopped_ids.insert(request.request.to_string());
        }
        if self.facts.stopped.len() >= MOST_FACTS {
            return None;
        }
        let url = filter::original(&request.url);
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let fields = guard::field_names(request.post_data.as_deref().unwrap_or_default());
        let unknown = fields.is_empty() && reason == StopReason::Submission;
        if exchange.navigation.is_some() {
            self.facts.stopped_pages.push(self.facts.stopped.len());
        }
        self.facts.stopped.push(StoppedRequest {
            method: request.method.to_string(),
            url: cut(url, 500),
            fields,
            reason,
        });
        if !unknown {
            return None;
        }
        self.facts.asking += 1;
        Some(BodyOf {
            request: request.request.to_string(),
            context: exchange.place().to_owned(),
            url: url.to_owned(),
            step: self.step,
            at: self.facts.stopped.len() - 1,
        })
    }
}
