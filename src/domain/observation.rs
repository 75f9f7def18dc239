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
    pub console_errors: Vec<String>,
    /// Requests that failed or were answered with 400 and above, the first 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_requests: Vec<RequestFact>,
    /// Requests that the guard stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<StoppedRequest>,
    /// Files that the step downloaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<DownloadFact>,
    /// How many pages the step opened besides its own.
    #[serde(skip_serializing_if = "is_zero")]
    pub popups: u32,
    /// How many requests the step made.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u32,
    /// What decided the outcome, when a text did: the phrase and the words around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase: Option<PhraseFact>,
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
    /// A downloaded file.
    Download,
}

/// One HTTP visit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Visit {
    /// The address that was asked for.
    pub url: String,
    /// The address that answered.
    pub final_url: String,
    /// The final status, when there was an answer.
    pub status: Option<u16>,
    /// Redirect hops: address and status of each.
    pub redirects: Vec<(String, u16)>,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub total_ms: u64,
    /// Decoded bytes of the body that were read.
    pub bytes: u64,
    /// Days until the certificate ends; negative when it has ended; absent without TLS.
    pub certificate_days: Option<i64>,
    /// Whether the usable marker stood in the page; absent when the target names none.
    pub marker_found: Option<bool>,
    /// The title of the page.
    pub title: String,
    /// Why there was no answer.
    pub transport: Option<Transport>,
}

/// A link that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkFault {
    /// The page that carries it.
    pub page: String,
    /// The address that it leads to.
    pub url: String,
    /// The words of the link.
    pub text: String,
    /// The status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong: a status class or a transport class.
    pub class: String,
    /// Whether the page is the home page.
    pub on_home: bool,
}
