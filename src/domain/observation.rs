//! Observations: facts about what a portal did, never opinions.
//!
//! Everything that judging needs is kept here in a form that can be judged again under other
//! rules: addresses, statuses, dialogs, the phrase and the words around it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::EvidenceHash;

/// What the browser (or the HTTP client) saw during one step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// The address of the page at the end.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The last answer to a navigation of the page, if there was one in this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main: Option<MainResponse>,
    /// Why a navigation got no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Dialogs, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dialogs: Vec<DialogFact>,
    /// Script errors and `console.error`, shortened, the first 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub console_errors: Vec<ConsoleFact>,
    /// Requests that failed or were answered with 400 and above, the first 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_requests: Vec<RequestFact>,
    /// Requests that the guard stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<StoppedRequest>,
    /// Files that the step downloaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<DownloadFact>,
    /// Where the page went in this step, redirects included, the first 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub navigations: Vec<NavigationFact>,
    /// How many pages the step opened besides its own.
    #[serde(skip_serializing_if = "is_zero")]
    pub popups: u32,
    /// The addresses of those pages, the first 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// How many requests the step made.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u32,
    /// How many of them went to another site than the page's own.
    #[serde(skip_serializing_if = "is_zero")]
    pub third_party: u32,
    /// Bytes that came over the network in answer, headers included, as far as the browser tells.
    #[serde(skip_serializing_if = "is_none_of_it")]
    pub bytes: u64,
    /// What the page's own clock says of how it loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vitals: Option<Vitals>,
    /// Whose time the step's time was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSplit>,
    /// From the instant for which the run was scheduled to the beginning of the step, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// Scripts and marks of captchas, bot checks and login forms on the page, by their names in
    /// `browser/inject/read.js`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<String>,
    /// What stood at the submit gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Box<GateFact>>,
    /// What decided the outcome, when a text did: the phrase and the words around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase: Option<PhraseFact>,
    /// What decided the outcome, when a request did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<RequestFact>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none_of_it(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The answer to a navigation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MainResponse {
    /// The address that answered.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// The media type, without parameters.
    pub mime: String,
    /// A header that only firewalls send, as `name: value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<String>,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transport {
    /// The class.
    pub class: TransportClass,
    /// What the network layer said, such as `net::ERR_CONNECTION_REFUSED`.
    pub detail: String,
}

/// Classes of transport faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportClass {
    /// The name does not resolve.
    Dns,
    /// Nobody listens.
    Refused,
    /// The connection broke, or the answer was empty or cut short.
    Reset,
    /// No answer in time.
    Timeout,
    /// TLS failed: certificate, protocol, handshake.
    Tls,
    /// Redirects without end.
    RedirectLoop,
    /// Our own guard refused the address: a foreign host, `file:`, loopback, a blocked port.
    Policy,
    /// A file came instead of a page.
    Download,
    /// Our own network, proxy or browser is the cause.
    Ours,
    /// Something else.
    Other,
}

/// A dialog that the page opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DialogFact {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    pub kind: String,
    /// Its text, shortened to 500 characters.
    pub text: String,
    /// Whether it was accepted.
    pub accepted: bool,
}

/// A request that did not go well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestFact {
    /// The method.
    pub method: String,
    /// The address, shortened to 500 characters.
    pub url: String,
    /// The status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What the network layer said, when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it was for.
    #[serde(default)]
    pub kind: RequestKind,
    /// Whether it went to another site than the page's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub third_party: bool,
    /// From its beginning to its end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// The page itself.
    Document,
    /// A frame in it.
    Frame,
    /// A script.
    Script,
    /// A style sheet.
    Style,
    /// A picture.
    Image,
    /// A font.
    Font,
    /// Sound or film.
    Media,
    /// What the page's scripts asked for: `XMLHttpRequest`, `fetch`, beacons, event streams.
    Xhr,
    /// Anything else, or not known.
    #[default]
    Other,
}

/// Something that a page's scripts complained of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConsoleFact {
    /// An error that nobody caught, or `console.error`.
    pub kind: ConsoleKind,
    /// What it says, shortened to 300 characters.
    pub text: String,
    /// Where it comes from, as `address:line:column` counted from 1, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// How a page's script complained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleKind {
    /// An error that no script caught.
    Exception,
    /// `console.error` and the like, or the browser's own words about a request.
    Console,
}

impl<'de> Deserialize<'de> for ConsoleFact {
    /// Records of before these were told apart hold the bare text.
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Whole { kind: ConsoleKind, text: String, source: Option<String> },
        }
        Ok(match Either::deserialize(input)? {
            Either::Text(text) => Self { kind: ConsoleKind::Console, text, source: None },
            Either::Whole { kind, text, source } => Self { kind, text, source },
        })
    }
}

/// Where a page went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NavigationFact {
    /// The address at its end, shortened to 500 characters.
    pub url: String,
    /// Who set it off.
    pub by: NavigationCause,
    /// The status of the answer, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The addresses it was sent on from by the server, with their statuses, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<(String, u16)>,
}

/// Who set a navigation off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NavigationCause {
    /// An action of the step: an address, a click, a key.
    Action,
    /// The page itself, without anything that we did: `location = …`, `<meta http-equiv=refresh>`.
    Page,
    /// The page changed its address without loading another document (`history.pushState`).
    History,
    /// Only the part behind `#` changed.
    Fragment,
}

/// How a page loaded, by its own clock: Navigation Timing, Paint Timing, Largest Contentful Paint,
/// Layout Instability and Long Tasks of the W3C. Times are milliseconds from the navigation's start.
/// A value that the browser does not measure is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vitals {
    /// To the first byte of the answer (TTFB).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<f64>,
    /// To the end of parsing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive_ms: Option<f64>,
    /// To the end of the `DOMContentLoaded` event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_loaded_ms: Option<f64>,
    /// To the end of the `load` event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_ms: Option<f64>,
    /// To the first paint of any content (FCP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcp_ms: Option<f64>,
    /// To the paint of the largest content so far (LCP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lcp_ms: Option<f64>,
    /// The largest burst of layout shifts (CLS), a number without a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cls: Option<f64>,
    /// Tasks of its scripts that took longer than 50 ms.
    #[serde(skip_serializing_if = "is_zero")]
    pub long_tasks: u32,
    /// The time of all of those together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_task_ms: Option<f64>,
}

/// Whose time a step's time was, in milliseconds; the parts add up to the step's whole time.
/// How each instant is given to one of them is told in `browser/split.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TimeSplit {
    /// A request of the portal waited for the first byte of its answer.
    pub server_ms: u64,
    /// Names were looked up, connections made, bytes on their way.
    pub network_ms: u64,
    /// The page's scripts kept it busy for longer than 50 ms at a time.
    pub script_ms: u64,
    /// A document was being parsed, laid out and drawn.
    pub rendering_ms: u64,
    /// Nothing of this could be seen, and what the step waited for had not come.
    pub waiting_ms: u64,
    /// Ours: looking, clicking, typing, pauses between looks, pictures.
    pub own_ms: u64,
}

impl TimeSplit {
    /// What the portal cost.
    pub fn portal_ms(&self) -> u64 {
        self.server_ms + self.network_ms + self.script_ms + self.rendering_ms + self.waiting_ms
    }
}

/// What stood at the submit gate when it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GateFact {
    /// The words on the button.
    pub button: String,
    /// Whether the button could have been pressed: enabled, visible, not covered.
    pub enabled: bool,
    /// Why it could not: `disabled`, `covered`, `hidden`, `moving` or `outside`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub obstacle: String,
    /// How many fields of its form must be filled in.
    pub required: u32,
    /// How many fields of its form the page's own validation (HTML constraints and `aria-invalid`)
    /// looks at.
    pub validated: u32,
    /// How many fields and boxes of its form are empty, whether they must be filled in or not.
    #[serde(skip_serializing_if = "is_zero")]
    pub open: u32,
    /// Labels or names of fields that the page's validation does not accept, with its own words,
    /// the first 20. Never their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// Boxes that have to be ticked and are not, such as a promise that all is true, the first 20. A
    /// promise is given with the press of the button, so it is left to whoever presses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pledges: Vec<String>,
    /// Materials: how many file fields hold a file that the page took.
    pub materials: u32,
    /// File fields that must hold one and do not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A rectangle on the screenshot, in CSS pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Area {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// How wide.
    pub width: u32,
    /// How high.
    pub height: u32,
}

/// A request that the guard stopped before it left the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoppedRequest {
    /// The method.
    pub method: String,
    /// The address without its query.
    pub url: String,
    /// The names of the fields that would have been sent, never their values.
    pub fields: Vec<String>,
    /// Why it was stopped.
    pub reason: StopReason,
}

/// Why the guard stopped a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It would have submitted something to a live target.
    Submission,
    /// The host is none that the probe names.
    ForeignHost,
    /// The address is not one that a page may open (`file:`, loopback, link-local).
    ForbiddenAddress,
}

/// A file that a step downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DownloadFact {
    /// The name that the portal gave.
    pub name: String,
    /// The address it came from.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// The type proven by its first bytes (`pdf`, `zip`, `docx` …), or `unknown`.
    pub kind: String,
    /// Whether it opens as that type.
    pub opens: bool,
    /// SHA-256, lowercase hex.
    pub sha256: String,
}

/// The phrase that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhraseFact {
    /// The phrase.
    pub phrase: String,
    /// Up to 80 characters around it.
    pub context: String,
    /// Where it stood.
    pub place: PhrasePlace,
    /// Where on the screenshot, when it can be seen there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
}

/// Where a phrase stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhrasePlace {
    /// In a dialog.
    Dialog,
    /// In the visible text.
    Page,
    /// In the title.
    Title,
    /// In the address.
    Url,
    /// An element that a `seen` rule names.
    Element,
}

/// A file that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// Its content's hash, which is also its name in the evidence folder.
    pub hash: EvidenceHash,
    /// The media type.
    pub mime: String,
    /// Its size in bytes.
    pub size: u64,
    /// A name given by the scenario (`shot`), or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// Kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// What a citizen would have seen.
    Screenshot,
    /// The whole page, from its top to its end.
    WholePage,
    /// A downloaded file.
    Download,
    /// Every request of the walk, as HAR 1.2.
    Har,
    /// The document as it stood, personal data masked.
    Dom,
    /// What assistive technology is told: roles, names and states.
    Accessibility,
    /// The visible text.
    Text,
}

impl EvidenceKind {
    /// What a scenario may ask to have kept of every step.
    pub const ASKED: [Self; 5] = [Self::WholePage, Self::Har, Self::Dom, Self::Accessibility, Self::Text];

    /// The name used in scenarios and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screenshot => "screenshot",
            Self::WholePage => "whole_page",
            Self::Download => "download",
            Self::Har => "har",
            Self::Dom => "dom",
            Self::Accessibility => "accessibility",
            Self::Text => "text",
        }
    }
}
