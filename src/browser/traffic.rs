//! The requests of a journey: what each asked, what came back, and when.
//!
//! Every instant is ours: milliseconds from the beginning of the journey by the monotonic clock, taken
//! when the browser told. Only the parts inside a request (look-up, connection, first byte) are the
//! browser's, as distances from the request's own beginning; so no clock of another machine, and none
//! that jumps, comes into it.
//!
//! Invariant: the list is bounded, whatever a page does; requests beyond it are counted.

use std::collections::HashMap;

use url::{Host, Url};

use crate::clock::Stopwatch;
use crate::domain::observation::{RequestFact, RequestKind};

use super::bidi::event::{Exchange, Header, RequestData, Timings};
use super::bidi::{Cut, Few};

/// The most requests of one journey that are kept: a heavy portal page makes some 200.
const MOST: usize = 3000;

/// No event of a browser comes later than this, in milliseconds: its clock was set anew.
const LATEST: f64 = 30_000.0;

/// A request with its answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// In which step it began.
    pub step: u64,
    /// The page or frame that made it; empty for a worker.
    context: String,
    /// The navigation that it belongs to.
    navigation: Option<String>,
    request: String,
    /// How often it had been sent on by then.
    hop: u32,
    /// The method.
    pub method: Cut<20>,
    /// The address.
    pub url: Cut<2000>,
    /// What it was for.
    pub kind: RequestKind,
    /// Whether it went to another site than the page's own.
    pub third_party: bool,
    /// When it began.
    pub began: f64,
    /// When it was sent, if the browser says so.
    sent: Option<f64>,
    /// When the first byte of its answer came, if the browser says so.
    first_byte: Option<f64>,
    /// When the head of its answer was told.
    answered: Option<f64>,
    /// When it was told to be over.
    pub ended: Option<f64>,
    /// The parts inside it.
    pub timings: Option<Timings>,
    /// The headers that were sent; secrets are left out.
    pub request_headers: Few<Header, 60>,
    /// Bytes of the headers that were sent.
    pub request_headers_size: Option<f64>,
    /// Bytes of the body that was sent.
    pub request_body_size: Option<f64>,
    /// The status; 0 without an answer.
    pub status: u16,
    /// Its words.
    pub status_text: Cut<100>,
    /// The protocol.
    pub protocol: Cut<20>,
    /// The media type, with parameters.
    pub mime: Cut<200>,
    /// Whether it came from the browser's cache.
    pub from_cache: bool,
    /// The headers that came; secrets are left out.
    pub response_headers: Few<Header, 60>,
    /// Bytes of the headers that came.
    pub response_headers_size: Option<f64>,
    /// Bytes that came over the network.
    pub bytes: f64,
    /// Decoded bytes of the body.
    pub size: f64,
    /// Why there was no answer, or not all of it.
    pub error: Option<Cut<200>>,
    /// Whether our own guard stopped it.
    pub stopped: bool,
}

impl Entry {
    /// When its first byte came, or its head was told, if it did.
    pub fn first_byte(&self) -> Option<f64> {
        let first = self.first_byte.or(self.answered)?;
        Some(first.min(self.ended.unwrap_or(f64::MAX)))
    }

    /// When it was sent, as far as is known.
    pub fn sent(&self) -> f64 {
        self.sent.unwrap_or(self.began)
    }

    /// From its beginning to its end.
    pub fn lasted(&self) -> Option<f64> {
        self.ended.map(|ended| (ended - self.began).max(0.0))
    }

    /// Whether it failed, or was answered with 400 and above. What the page itself gave up did not.
    pub fn failed(&self) -> bool {
        !self.stopped && (self.status >= 400 || self.error.as_ref().is_some_and(|error| !gave_up(error)))
    }

    /// The fact for it.
    pub fn fact(&self) -> RequestFact {
        RequestFact {
            method: self.method.to_string(),
            url: self.url.chars().take(500).collect(),
            status: (self.status > 0).then_some(self.status),
            error: self.error.as_ref().filter(|_| self.status == 0).map(|error| error.to_string()),
            kind: self.kind,
            third_party: self.third_party,
            ms: self.lasted().map(whole),
        }
    }
}

/// Whole milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
pub fn whole(ms: f64) -> u64 {
    ms.max(0.0).round() as u64
}

/// Whether a request ended because the page did not want it any more.
pub fn gave_up(error: &str) -> bool {
    super::network::is_abort(error)
}

/// The requests of a journey.
#[derive(Debug)]
pub struct Traffic {
    clock: Stopwatch,
    /// What the browser's clock says at our zero, in milliseconds since 1970.
    epoch: Option<f64>,
    entries: Vec<Entry>,
    /// The latest hop of each request.
    latest: HashMap<String, usize>,
    /// When each step began.
    steps: Vec<f64>,
    /// Requests that are not kept.
    pub dropped: u64,
}

impl Traffic {
    /// An empty list; its clock begins.
    pub fn new() -> Self {
        Self {
            clock: Stopwatch::start(),
            epoch: None,
            entries: Vec::new(),
            latest: HashMap::new(),
            steps: Vec::new(),
            dropped: 0,
        }
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> f64 {
        self.clock.elapsed().as_secs_f64() * 1000.0
    }

    /// What the browser's clock said at our zero, in milliseconds since 1970.
    pub fn epoch(&self) -> f64 {
        self.epoch.unwrap_or_default()
    }

    /// A step begins.
    pub fn begin_step(&mut self) {
        self.steps.push(self.now());
    }

    /// When a step began, counted from 1.
    pub fn began(&self, step: u64) -> f64 {
        let at = usize::try_from(step).ok().and_then(|step| step.checked_sub(1));
        at.and_then(|at| self.steps.get(at)).copied().unwrap_or_default()
    }

    /// Every request, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Notes what the browser's clock says; the least delay is nearest the truth.
    pub fn told_at(&mut self, timestamp: f64) {
        let zero = timestamp - self.now();
        if timestamp > 0.0 && self.epoch.is_none_or(|epoch| zero > epoch) {
            self.epoch = Some(zero);
        }
    }

    /// An instant of the browser's clock by ours. A machine under load may tell of it much later, all of
    /// a request at once; what the browser noted is right nevertheless.
    fn placed(&self, noted: f64) -> Option<f64> {
        let (now, at) = (self.now(), noted - self.epoch?);
        (noted > 0.0 && at > now - LATEST).then(|| at.min(now))
    }

    /// A request is about to be sent.
    pub fn begin(&mut self, exchange: &Exchange, step: u64, kind: RequestKind, third_party: bool) {
        let request = &exchange.request;
        if self.entries.len() >= MOST {
            self.dropped += 1;
            return;
        }
        let now = self.now();
        // The hop before it came to its end.
        if let Some(before) = self.latest.get(&*request.request).and_then(|at| self.entries.get_mut(*at)) {
            before.ended.get_or_insert(now);
        }
        let began = self.placed(exchange.timestamp).unwrap_or(now);
        self.latest.insert(request.request.to_string(), self.entries.len());
        self.entries.push(Entry {
            step,
            context: exchange.place().to_owned(),
            navigation: exchange.navigation.as_deref().map(str::to_owned),
            request: request.request.to_string(),
            hop: exchange.redirect_count,
            method: request.method.clone(),
            url: request.url.clone(),
            kind,
            third_party,
            began,
            sent: None,
            first_byte: None,
            answered: None,
            ended: None,
            timings: None,
            request_headers: without_secrets(&request.headers),
            request_headers_size: request.headers_size,
            request_body_size: request.body_size,
            status: 0,
            status_text: Cut::default(),
            protocol: Cut::default(),
            mime: Cut::default(),
            from_cache: false,
            response_headers: Few::default(),
            response_headers_size: None,
            bytes: 0.0,
            size: 0.0,
            error: None,
            stopped: false,
        });
    }

    fn entry(&mut self, exchange: &Exchange) -> Option<&mut Entry> {
        let at = *self.latest.get(&*exchange.request.request)?;
        let hop = exchange.redirect_count;
        // An answer to an earlier hop may be told after the next one began.
        let mut at = at;
        while self.entries[at].hop > hop {
            at = self.entries[..at].iter().rposition(|entry| entry.request == self.entries[at].request)?;
        }
        self.entries.get_mut(at)
    }

    /// The navigation that a request was made for. What the event says of it is not asked when it can be
    /// helped: chromedriver names the navigation that is under way by then.
    pub fn navigation<'a>(&'a self, exchange: &'a Exchange) -> Option<&'a str> {
        match self.latest.get(&*exchange.request.request) {
            Some(at) => self.entries[*at].navigation.as_deref(),
            None => exchange.navigation.as_deref(),
        }
    }

    /// A page or frame shows the document of a navigation, and the one before is gone: nobody waits for
    /// what that had asked for, and its end is not told of.
    pub fn replaced(&mut self, context: &str, navigation: &str) {
        let now = self.now();
        let of = |entry: &Entry| entry.navigation.as_deref() == Some(navigation);
        let Some(new) = self.entries.iter().rposition(of) else { return };
        let came = self.entries[new].first_byte().unwrap_or(now);
        let before = self.entries[..new].iter_mut().filter(|entry| entry.context == context && !of(entry));
        for entry in before.filter(|entry| entry.ended.is_none()) {
            entry.ended = Some(came.max(entry.began));
        }
    }

    /// A page or frame is gone, and with it what it had asked for.
    pub fn gone(&mut self, context: &str) {
        let now = self.now();
        for entry in self.entries.iter_mut().filter(|entry| entry.context == context) {
            entry.ended.get_or_insert(now);
        }
    }

    /// The head of an answer came, or all of it.
    pub fn answer(&mut self, exchange: &Exchange, complete: bool) {
        let now = self.now();
        let Some(response) = &exchange.response else { return };
        let timings = exchange.request.timings.unwrap_or_default();
        let [sent, first_byte] = [timings.request_start, timings.response_start]
            .map(|part| timings.noted(part).and_then(|noted| self.placed(noted)));
        let Some(entry) = self.entry(exchange) else { return };
        entry.sent = sent.or(entry.sent).map(|at| at.max(entry.began));
        entry.first_byte = first_byte.or(entry.first_byte).map(|at| at.max(entry.sent()));
        entry.answered.get_or_insert(now);
        entry.timings = exchange.request.timings.or(entry.timings);
        entry.status = response.status;
        entry.status_text = response.status_text.clone();
        entry.protocol = response.protocol.clone();
        entry.mime = response.mime_type.clone();
        entry.from_cache = response.from_cache;
        entry.response_headers = without_secrets(&response.headers);
        entry.response_headers_size = response.headers_size;
        if complete {
            entry.ended = Some(now);
            entry.bytes = response.bytes_received.max(0.0);
            entry.size = response.content.size.max(0.0);
            // Only when it is sent are all of its headers known.
            entry.request_headers = without_secrets(&exchange.request.headers);
            entry.request_headers_size = exchange.request.headers_size;
        }
    }

    /// It failed.
    pub fn fail(&mut self, exchange: &Exchange, error: &Cut<200>) {
        let now = self.now();
        let Some(entry) = self.entry(exchange) else { return };
        entry.ended.get_or_insert(now);
        if entry.status == 0 || !gave_up(error) {
            entry.error = Some(error.clone());
        }
    }

    /// Our own guard stopped it.
    pub fn stop(&mut self, exchange: &Exchange) {
        let now = self.now();
        if let Some(entry) = self.entry(exchange) {
            entry.ended.get_or_insert(now);
            entry.stopped = true;
        }
    }

    /// The requests of one step.
    pub fn of_step(&self, step: u64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.step == step)
    }
}

/// Headers that hold secrets are known by name only.
fn without_secrets(headers: &Few<Header, 60>) -> Few<Header, 60> {
    headers
        .iter()
        .map(|header| {
            let name = header.name.to_ascii_lowercase();
            let secret = ["cookie", "set-cookie", "authorization", "proxy-authorization"]
                .contains(&name.as_str())
                || name.contains("token")
                || name.contains("session");
            if secret { header.named_only() } else { header.clone() }
        })
        .collect()
}

/// What a request was for.
pub fn kind(request: &RequestData, navigates: bool, in_frame: bool) -> RequestKind {
    if navigates {
        return if in_frame { RequestKind::Frame } else { RequestKind::Document };
    }
    let resource = request.resource_type.as_deref().unwrap_or_default();
    match (&*request.destination, resource) {
        ("script" | "worker" | "sharedworker" | "serviceworker", _) | (_, "Script") => RequestKind::Script,
        ("style", _) | (_, "Stylesheet") => RequestKind::Style,
        ("image", _) | (_, "Image") => RequestKind::Image,
        ("font", _) | (_, "Font") => RequestKind::Font,
        ("audio" | "video" | "track", _) | (_, "Media") => RequestKind::Media,
        ("iframe" | "frame", _) => RequestKind::Frame,
        (_, "XHR" | "Fetch" | "Ping" | "EventSource") => RequestKind::Xhr,
        ("", "") => match request.initiator_type.as_deref() {
            Some("xmlhttprequest" | "fetch" | "beacon") => RequestKind::Xhr,
            _ => RequestKind::Other,
        },
        _ => RequestKind::Other,
    }
}

/// The site of an address: the domain that somebody registered (by the Public Suffix List), or the
/// host itself where there is none. `zwfw.city.gov.cn` and `img.city.gov.cn` are one site.
pub fn site(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    match url.host()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            Some(psl::domain_str(name).unwrap_or(name).to_owned())
        }
        address => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(text: &str) -> Exchange {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_site_is_what_somebody_registered() {
        let cases = [
            ("https://zwfw.city.gov.cn/a", Some("city.gov.cn")),
            ("https://img.city.gov.cn:8443/", Some("city.gov.cn")),
            ("https://other.gov.cn/", Some("other.gov.cn")),
            ("http://127.0.0.1:8600/", Some("127.0.0.1")),
            ("http://localhost/", Some("localhost")),
            ("data:text/html,x", None),
        ];
        for (url, want) in cases {
            assert_eq!(site(url).as_deref(), want, "{url}");
        }
    }

    #[test]
    fn every_hop_of_a_redirect_is_a_request_of_its_own() {
        let mut traffic = Traffic::new();
        let hop = |count, url: &str| {
            exchange(&format!(
                r#"{{"context":"c","redirectCount":{count},"request":{{"request":"7","url":"{url}","method":"GET"}},
                "response":{{"url":"{url}","status":{}}}}}"#,
                if count == 0 { 302 } else { 200 }
            ))
        };
        traffic.begin(&hop(0, "http://a/"), 1, RequestKind::Document, false);
        traffic.begin(&hop(1, "http://a/b"), 1, RequestKind::Document, false);
        traffic.answer(&hop(0, "http://a/"), true);
        traffic.answer(&hop(1, "http://a/b"), true);
        let told: Vec<(u16, bool)> = traffic.of_step(1).map(|e| (e.status, e.ended.is_some())).collect();
        assert_eq!(told, [(302, true), (200, true)]);
    }

    #[test]
    fn a_server_is_timed_by_the_browsers_clock_however_late_we_hear_of_it() {
        let chromium = (r#""timeOrigin":1795601282412,"requestStart":40,"responseStart":290"#, "chromium");
        let firefox =
            (r#""timeOrigin":0,"requestStart":1795601282452,"responseStart":1795601282702"#, "firefox");
        let no_words = (r#""timeOrigin":0,"requestStart":0,"responseStart":0"#, "none");
        for ((timings, name), sent, server) in
            [(chromium, 40.0, 250.0), (firefox, 40.0, 250.0), (no_words, 0.0, 900.0)]
        {
            let told = exchange(&format!(
                r#"{{"timestamp":1795601282412,"request":{{"request":"1","url":"http://a/","method":"GET",
                "timings":{{{timings}}}}},"response":{{"url":"http://a/","status":200}}}}"#
            ));
            let mut traffic = Traffic::new();
            // Everything of the request comes at once, when 900 ms have gone.
            traffic.told_at(told.timestamp + 900.0);
            traffic.begin(&told, 0, RequestKind::Document, false);
            traffic.answer(&told, true);
            let entry = &traffic.entries()[0];
            let near = |a: f64, b: f64| (a - b).abs() < 5.0;
            let first = entry.first_byte().unwrap();
            assert!(near(entry.sent() - entry.began, sent), "{name}: {entry:?}");
            assert!(near(first - entry.sent(), server), "{name}: {entry:?}");
        }
    }

    #[test]
    fn nobody_waits_for_what_a_page_asked_for_that_was_left() {
        let request = |id: &str, context: &str, navigation: &str| {
            exchange(&format!(
                r#"{{"context":"{context}","navigation":{navigation},"request":{{"request":"{id}","url":"http://a/"}}}}"#
            ))
        };
        let mut traffic = Traffic::new();
        for (id, context, navigation) in
            [("1", "page", "null"), ("2", "frame", "null"), ("3", "page", "\"n\""), ("4", "page", "null")]
        {
            traffic.begin(&request(id, context, navigation), 1, RequestKind::Xhr, false);
        }
        let open = |traffic: &Traffic| -> Vec<String> {
            let open = traffic.entries().iter().filter(|entry| entry.ended.is_none());
            open.map(|entry| entry.request.clone()).collect()
        };
        traffic.replaced("page", "n");
        assert_eq!(open(&traffic), ["2", "3", "4"]);
        traffic.gone("frame");
        assert_eq!(open(&traffic), ["3", "4"]);
        // chromedriver names the navigation that is under way by now.
        let late = request("1", "page", "\"n\"");
        assert_eq!(traffic.navigation(&late), None);
    }

    #[test]
    fn secrets_in_headers_are_known_by_name_only() {
        let sent = exchange(
            r#"{"request":{"request":"1","url":"http://a/","method":"GET","headers":[
                {"name":"Cookie","value":{"type":"string","value":"JSESSIONID=1"}},
                {"name":"Accept","value":{"type":"string","value":"*/*"}}]}}"#,
        );
        let mut traffic = Traffic::new();
        traffic.begin(&sent, 0, RequestKind::Xhr, false);
        let headers = &traffic.entries()[0].request_headers;
        assert_eq!((&*headers[0].name, &*headers[0].value.value), ("Cookie", ""));
        assert_eq!(&*headers[1].value.value, "*/*");
    }

    #[test]
    fn what_a_page_gave_up_did_not_fail() {
        let mut traffic = Traffic::new();
        for (id, error) in [("1", "net::ERR_ABORTED"), ("2", "net::ERR_CONNECTION_RESET")] {
            let sent =
                exchange(&format!(r#"{{"request":{{"request":"{id}","url":"http://a/","method":"GET"}}}}"#));
            traffic.begin(&sent, 0, RequestKind::Image, false);
            traffic.fail(&sent, &error.into());
        }
        assert_eq!(traffic.entries().iter().map(Entry::failed).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn the_list_is_bounded() {
        let mut traffic = Traffic::new();
        for n in 0..MOST + 5 {
            let sent =
                exchange(&format!(r#"{{"request":{{"request":"{n}","url":"http://a/","method":"GET"}}}}"#));
            traffic.begin(&sent, 0, RequestKind::Image, false);
        }
        assert_eq!((traffic.entries().len(), traffic.dropped), (MOST, 5));
    }
}
