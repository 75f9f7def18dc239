//! The events that we follow.
//!
//! Fields that a far end leaves out are empty: geckodriver and chromedriver differ in what they
//! tell, and a field that is missing must not cost the event.

use serde::Deserialize;

use super::{Cut, Few};

/// The id of a window, tab or frame.
pub type ContextId = Cut<200>;
/// An address. Longer ones are `data:` mostly.
pub type Address = Cut<2000>;

/// The names to subscribe to.
pub const NAMES: &[&str] = &[
    "browsingContext.contextCreated",
    "browsingContext.contextDestroyed",
    "browsingContext.navigationStarted",
    "browsingContext.fragmentNavigated",
    "browsingContext.historyUpdated",
    "browsingContext.domContentLoaded",
    "browsingContext.load",
    "browsingContext.navigationFailed",
    "browsingContext.navigationAborted",
    "browsingContext.downloadWillBegin",
    "browsingContext.downloadEnd",
    "browsingContext.userPromptOpened",
    "network.beforeRequestSent",
    "network.responseStarted",
    "network.responseCompleted",
    "network.fetchError",
    "network.authRequired",
    "log.entryAdded",
];

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A window, tab or frame came to be.
    ContextCreated(ContextInfo),
    /// It is gone.
    ContextDestroyed(ContextInfo),
    /// A navigation began.
    NavigationStarted(NavigationInfo),
    /// A navigation within the document came to its end.
    FragmentNavigated(NavigationInfo),
    /// The page changed its address by script, without loading anything.
    HistoryUpdated(NavigationInfo),
    /// The document is parsed.
    DomContentLoaded(NavigationInfo),
    /// Everything is loaded.
    Load(NavigationInfo),
    /// A navigation failed.
    NavigationFailed(NavigationInfo),
    /// A navigation was given up.
    NavigationAborted(NavigationInfo),
    /// A file comes.
    DownloadWillBegin(DownloadInfo),
    /// It came, or not.
    DownloadEnd(DownloadInfo),
    /// A dialog opened.
    UserPromptOpened(Prompt),
    /// A request is about to be sent.
    BeforeRequestSent(Exchange),
    /// The head of its answer came.
    ResponseStarted(Exchange),
    /// All of its answer came.
    ResponseCompleted(Exchange),
    /// It failed.
    FetchError(Exchange),
    /// The server asks for a password.
    AuthRequired(Exchange),
    /// A script complained.
    LogEntryAdded(LogEntry),
}

impl Event {
    /// Reads an event; [`None`] for one that we do not follow.
    ///
    /// # Errors
    /// When it is none of the specification's.
    pub fn read(method: &str, params: &str) -> Option<serde_json::Result<Self>> {
        fn of<'a, T: Deserialize<'a>>(params: &'a str, wrap: fn(T) -> Event) -> serde_json::Result<Event> {
            serde_json::from_str(params).map(wrap)
        }
        Some(match method {
            "browsingContext.contextCreated" => of(params, Self::ContextCreated),
            "browsingContext.contextDestroyed" => of(params, Self::ContextDestroyed),
            "browsingContext.navigationStarted" => of(params, Self::NavigationStarted),
            "browsingContext.fragmentNavigated" => of(params, Self::FragmentNavigated),
            "browsingContext.historyUpdated" => of(params, Self::HistoryUpdated),
            "browsingContext.domContentLoaded" => of(params, Self::DomContentLoaded),
            "browsingContext.load" => of(params, Self::Load),
            "browsingContext.navigationFailed" => of(params, Self::NavigationFailed),
            "browsingContext.navigationAborted" => of(params, Self::NavigationAborted),
            "browsingContext.downloadWillBegin" => of(params, Self::DownloadWillBegin),
            "browsingContext.downloadEnd" => of(params, Self::DownloadEnd),
            "browsingContext.userPromptOpened" => of(params, Self::UserPromptOpened),
            "network.beforeRequestSent" => of(params, Self::BeforeRequestSent),
            "network.responseStarted" => of(params, Self::ResponseStarted),
            "network.responseCompleted" => of(params, Self::ResponseCompleted),
            "network.fetchError" => of(params, Self::FetchError),
            "network.authRequired" => of(params, Self::AuthRequired),
            "log.entryAdded" => of(params, Self::LogEntryAdded),
            _ => return None,
        })
    }

    /// The request that the browser holds back until it is answered.
    pub fn held(&self) -> Option<&str> {
        match self {
            Self::BeforeRequestSent(exchange) if exchange.is_blocked => Some(&exchange.request.request),
            _ => None,
        }
    }
}

/// A window, tab or frame.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextInfo {
    /// Its id.
    pub context: ContextId,
    /// The one around a frame.
    pub parent: Option<ContextId>,
    /// The user context that it belongs to.
    pub user_context: Cut<200>,
    /// The one whose script or link opened it.
    pub original_opener: Option<ContextId>,
    /// Its address.
    pub url: Address,
}

/// A navigation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct NavigationInfo {
    /// Of which window, tab or frame.
    pub context: ContextId,
    /// Its id.
    pub navigation: Option<Cut<200>>,
    /// Where to.
    pub url: Address,
    /// When, in milliseconds since 1970 by the browser's clock.
    pub timestamp: f64,
}

/// A download.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownloadInfo {
    /// Which page's.
    pub context: ContextId,
    /// Its own id; what belongs together has the same navigation where it is absent.
    pub download: Option<Cut<200>>,
    /// The navigation that turned out as a file.
    pub navigation: Option<Cut<200>>,
    /// Where from.
    pub url: Address,
    /// The name that the server suggests.
    pub suggested_filename: Cut<200>,
    /// `complete` or `canceled`, at the end.
    pub status: Cut<20>,
    /// Where it is kept, at the end.
    pub filepath: Option<Cut<4000>>,
}

impl DownloadInfo {
    /// What ties its beginning to its end.
    pub fn id(&self) -> &str {
        self.download.as_ref().or(self.navigation.as_ref()).map_or("", |id| id)
    }
}

/// A dialog.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Prompt {
    /// Which page's.
    pub context: ContextId,
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    #[serde(rename = "type")]
    pub kind: Cut<20>,
    /// What it says.
    pub message: Cut<500>,
}

/// A request with as much of its answer as there is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exchange {
    /// Of which page or frame; workers have none.
    pub context: Option<ContextId>,
    /// Whether it waits for our word.
    pub is_blocked: bool,
    /// The navigation that it belongs to.
    pub navigation: Option<Cut<200>>,
    /// How often it was sent on.
    pub redirect_count: u32,
    /// What is asked.
    pub request: RequestData,
    /// When, in milliseconds since 1970 by the browser's clock.
    pub timestamp: f64,
    /// What is answered.
    pub response: Option<ResponseData>,
    /// Why nothing is.
    pub error_text: Cut<200>,
}

impl Exchange {
    /// The page or frame; empty for a worker's.
    pub fn place(&self) -> &str {
        self.context.as_deref().unwrap_or_default()
    }
}

/// A request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestData {
    /// Its id, the same for all hops of a redirect.
    pub request: Cut<200>,
    /// The address.
    pub url: Address,
    /// The method, in capitals.
    pub method: Cut<20>,
    /// Its headers, the first 60.
    pub headers: Few<Header, 60>,
    /// Bytes of its headers.
    pub headers_size: Option<f64>,
    /// Bytes of its body.
    pub body_size: Option<f64>,
    /// What the answer is for (Fetch, "request destination"); empty for scripts' own requests.
    pub destination: Cut<20>,
    /// What set it off (Resource Timing, "initiator type").
    pub initiator_type: Option<Cut<30>>,
    /// When each part of it began.
    pub timings: Option<Timings>,
    /// Its body, where Chromium tells it.
    #[serde(rename = "goog:postData")]
    pub post_data: Option<Cut<100_000>>,
    /// What it is for, where Chromium tells it.
    #[serde(rename = "goog:resourceType")]
    pub resource_type: Option<Cut<20>>,
}

/// When each part of a request began: milliseconds from [`Timings::time_origin`], which is 0 in
/// Firefox, so that they are milliseconds since 1970; 0 for a part that it did not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timings {
    /// Milliseconds since 1970 by the browser's clock.
    pub time_origin: f64,
    /// When it was made.
    pub request_time: f64,
    /// When the first hop was sent on.
    pub redirect_start: f64,
    /// When the last hop was.
    pub redirect_end: f64,
    /// When it was about to be fetched.
    pub fetch_start: f64,
    /// The name is looked up.
    pub dns_start: f64,
    /// It is known.
    pub dns_end: f64,
    /// A connection is made.
    pub connect_start: f64,
    /// There is one.
    pub connect_end: f64,
    /// TLS begins.
    pub tls_start: f64,
    /// The request is sent.
    pub request_start: f64,
    /// The first byte of the answer came.
    pub response_start: f64,
    /// The last one came.
    pub response_end: f64,
}

impl Timings {
    /// When a part began, in milliseconds since 1970 by the browser's clock.
    pub fn noted(&self, part: f64) -> Option<f64> {
        (part > 0.0).then_some(self.time_origin + part)
    }
}

/// An answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseData {
    /// The address that answered.
    pub url: Address,
    /// `http/1.1`, `h2` …
    pub protocol: Cut<20>,
    /// The status.
    pub status: u16,
    /// Its words.
    pub status_text: Cut<100>,
    /// Whether it came from the browser's cache.
    pub from_cache: bool,
    /// Its headers, the first 60.
    pub headers: Few<Header, 60>,
    /// Its media type, with parameters.
    pub mime_type: Cut<200>,
    /// Bytes that came over the network until now.
    pub bytes_received: f64,
    /// Bytes of its headers.
    pub headers_size: Option<f64>,
    /// Bytes of its body as it was sent.
    pub body_size: Option<f64>,
    /// Its body.
    pub content: Content,
}

/// The body of an answer.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Its decoded bytes.
    pub size: f64,
}

/// A header.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Its name.
    pub name: Cut<100>,
    /// Its value.
    pub value: HeaderValue,
}

impl Header {
    /// The header without its value.
    pub fn named_only(&self) -> Self {
        Self { name: self.name.clone(), value: HeaderValue::default() }
    }
}

/// The value of a header; what is not a text is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct HeaderValue {
    /// The text, or its bytes in base64.
    pub value: Cut<1000>,
}

/// Something that a script complained of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogEntry {
    /// `debug`, `info`, `warn` or `error`.
    pub level: Cut<10>,
    /// Whose script.
    pub source: LogSource,
    /// What it says.
    pub text: Option<Cut<300>>,
    /// `console`, or `javascript` for an error that nobody caught.
    #[serde(rename = "type")]
    pub kind: Cut<20>,
    /// Where, innermost first.
    pub stack_trace: Option<StackTrace>,
}

/// Where a complaint comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LogSource {
    /// The page or frame.
    pub context: Option<ContextId>,
}

/// The calls that led somewhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StackTrace {
    /// The first few.
    pub call_frames: Few<CallFrame, 3>,
}

/// A place in a script, counted from 0.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallFrame {
    /// The script's address.
    pub url: Cut<400>,
    /// The line.
    pub line_number: u32,
    /// The column.
    pub column_number: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What both browsers said while they walked the demo's drug licence, shortened to a few of each.
    const RECORDED: [(&str, &str); 2] = [
        ("chromium", include_str!("recorded/chromium.jsonl")),
        ("firefox", include_str!("recorded/firefox.jsonl")),
    ];

    #[derive(Deserialize)]
    struct Line {
        method: Option<String>,
        params: Option<Box<serde_json::value::RawValue>>,
    }

    fn events(text: &str) -> Vec<(String, Event)> {
        let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
        let events = lines.filter_map(|line| Some((line.method?, line.params?)));
        events
            .map(|(method, params)| {
                let event = Event::read(&method, params.get());
                let event = event.unwrap_or_else(|| panic!("{method} is not followed"));
                let event = event.unwrap_or_else(|error| panic!("{method}: {error}: {params}"));
                (method, event)
            })
            .collect()
    }

    #[test]
    fn what_browsers_really_said_is_read() {
        for (browser, text) in RECORDED {
            let events = events(text);
            let kinds: BTreeSet<&str> = events.iter().map(|(method, _)| method.as_str()).collect();
            assert!(kinds.len() >= 10, "{browser}: {kinds:?}");
            for (method, event) in &events {
                match event {
                    Event::BeforeRequestSent(exchange) => {
                        assert!(exchange.request.url.starts_with("http"), "{browser}: {exchange:?}");
                        assert!(!exchange.request.request.is_empty() && !exchange.request.method.is_empty());
                    }
                    Event::ResponseStarted(exchange) | Event::ResponseCompleted(exchange) => {
                        let response = exchange.response.as_ref().unwrap();
                        assert!((200..600).contains(&response.status), "{browser}: {exchange:?}");
                        assert!(response.headers.iter().any(|header| !header.value.value.is_empty()));
                    }
                    Event::NavigationStarted(info) | Event::DomContentLoaded(info) | Event::Load(info) => {
                        assert!(!info.context.is_empty() && info.navigation.is_some(), "{method}: {info:?}");
                    }
                    Event::DownloadWillBegin(info) => {
                        assert!(!info.id().is_empty() && !info.suggested_filename.is_empty(), "{info:?}");
                    }
                    Event::DownloadEnd(info) => assert!(&*info.status == "complete", "{info:?}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_download_has_the_same_name_at_both_ends() {
        for (browser, text) in RECORDED {
            let mut ids: Vec<String> = Vec::new();
            for (_, event) in events(text) {
                if let Event::DownloadWillBegin(info) | Event::DownloadEnd(info) = event {
                    ids.push(info.id().to_owned());
                }
            }
            assert!(ids.len() == 2 && ids[0] == ids[1], "{browser}: {ids:?}");
        }
    }

    #[test]
    fn what_is_missing_costs_no_event_and_what_is_wrong_is_said() {
        assert!(Event::read("browser.unknown", "{}").is_none());
        assert!(Event::read("network.responseCompleted", "{}").unwrap().is_ok());
        assert!(Event::read("network.responseCompleted", r#"{"request":7}"#).unwrap().is_err());
    }
}
