//! One request: a POST to the host that is named, and what its answer means.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::Value;
use url::Url;

use crate::clock::{Clock, Deadline};
use crate::http::user_agent;

use super::payload::id;
use super::{Message, Template, body};

/// Time for one request, from the name to the last byte of the answer.
const WITHIN: Duration = Duration::from_secs(10);

/// So much of an answer is read, in bytes.
const ANSWER: usize = 16_384;

/// So much of an answer is told, in characters.
const TOLD: usize = 200;

/// How a webhook is called.
#[derive(Clone)]
pub struct HookSettings {
    /// Its name.
    pub name: String,
    /// Its address, which may be a secret.
    pub url: Url,
    /// What it is sent.
    pub template: Template,
    /// The key with which that is signed.
    pub secret: Option<String>,
    /// How we can be reached, sent in the User-Agent.
    pub contact: Option<String>,
    /// Time for one request; 10 s in the product.
    pub within: Duration,
}

impl HookSettings {
    /// Settings with ten seconds for a request.
    pub fn new(name: impl Into<String>, url: Url, template: Template) -> Self {
        Self { name: name.into(), url, template, secret: None, contact: None, within: WITHIN }
    }
}

impl std::fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("HookSettings").field("name", &self.name).field("host", &host).finish_non_exhaustive()
    }
}

/// The other side took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The status.
    pub status: u16,
    /// What it said.
    pub answer: String,
    /// What was said on both sides, for people: no key, no address.
    pub dialogue: Vec<String>,
}

/// The other side did not take it. The text is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFailure {
    /// It may be taken later: no connection, no answer in time, 408, 429, 5xx.
    #[error("{error}")]
    Retry {
        /// What happened.
        error: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
        /// What was said on both sides.
        dialogue: Vec<String>,
    },
    /// It never will be: another status, a redirect, an error in the body of the answer.
    #[error("{error}")]
    Refused {
        /// What happened.
        error: String,
        /// What was said on both sides.
        dialogue: Vec<String>,
    },
}

impl HookFailure {
    /// What was said on both sides.
    pub fn dialogue(&self) -> &[String] {
        match self {
            Self::Retry { dialogue, .. } | Self::Refused { dialogue, .. } => dialogue,
        }
    }
}

/// Why a webhook cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// TLS refused its settings.
    #[error("set TLS up for webhooks")]
    Tls(#[source] rustls::Error),
    /// The HTTP stack refused its settings.
    #[error("build the HTTP client for webhooks")]
    Build(#[source] reqwest::Error),
}

/// Calls one webhook.
#[derive(Debug, Clone)]
pub struct Sender {
    settings: HookSettings,
    client: reqwest::Client,
    clock: Clock,
}

impl Sender {
    /// Prepares everything; connects to nothing.
    pub fn new(settings: HookSettings, clock: Clock) -> Result<Self, HookError> {
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(HookError::Tls)?
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // Another host than the one that is named must not hear of it.
            .redirect(Policy::none())
            .no_proxy()
            // Messages are rare, and a connection that died in the meantime would cost a try.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(HookError::Build)?;
        Ok(Self { settings, client, clock })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Hands a message over. Ends within the settings' time.
    pub async fn send(&self, message: &Message<'_>) -> Result<Taken, HookFailure> {
        let settings = &self.settings;
        let now = self.clock.now();
        let body = body(&settings.template, message, settings.secret.as_deref(), now);
        let mut url = settings.url.clone();
        if !body.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&body.query);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut dialogue = vec![
            format!("* connecting to {host} ({})", settings.url.scheme()),
            // The path and the query may be the key.
            format!("> POST {}", if url.path() == "/api/v2/alerts" { url.path() } else { "/***" }),
            "> Content-Type: application/json; charset=utf-8".to_owned(),
            format!("> Idempotency-Key: {}", id(message)),
        ];
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, user_agent(settings.contact.as_deref()))
            .header("Idempotency-Key", id(message));
        if let Some(signature) = &body.signature {
            dialogue.push(format!(
                "> X-Shopper-Signature: {}…",
                signature.split(",v1=").next().unwrap_or_default()
            ));
            request = request.header("X-Shopper-Signature", signature);
        }
        dialogue.push(format!("> ({} bytes of JSON)", body.json.len()));
        let request = request.body(body.json);
        let deadline = Deadline::after(settings.within);
        let answered = deadline.limit(async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok((status, headers, read(response).await?))
        });
        match answered.await {
            Ok(Ok((status, headers, text))) => {
                dialogue.push(format!("< {status}"));
                if !text.is_empty() {
                    dialogue.push(format!("< {}", line(&text, TOLD)));
                }
                self.judge(&host, (status, &headers, &text), now, dialogue)
            }
            Ok(Err(error)) => {
                let error = format!("The webhook {} on {host} failed: {}", settings.name, chain(&error));
                Err(HookFailure::Retry { error, after: None, dialogue })
            }
            Err(_) => {
                let error = format!(
                    "The webhook {} on {host} gave no answer within {} s.",
                    settings.name,
                    settings.within.as_secs_f64()
                );
                Err(HookFailure::Retry { error, after: None, dialogue })
            }
        }
    }

    /// What an answer means.
    fn judge(
        &self,
        host: &str,
        (status, headers, text): (u16, &HeaderMap, &str),
        now: Timestamp,
        dialogue: Vec<String>,
    ) -> Result<Taken, HookFailure> {
        let who = format!("The webhook {} on {host}", self.settings.name);
        let said = line(text, TOLD);
        let error = match status {
            200..=299 => match trouble(&self.settings.template, text) {
                None => return Ok(Taken { status, answer: said, dialogue }),
                Some((error, true)) => {
                    return Err(HookFailure::Retry {
                        error: format!("{who} {error}"),
                        after: None,
                        dialogue,
                    });
                }
                Some((error, false)) => format!("{who} {error}"),
            },
            300..=399 => {
                let to = headers.get(LOCATION).and_then(|to| Url::parse(to.to_str().ok()?).ok());
                let to = to.and_then(|to| to.host_str().map(|host| format!(" to {}", line(host, 100))));
                format!(
                    "{who} answered {status}{}: redirects are not followed, so write the last address into [[webhook]].",
                    to.unwrap_or_default()
                )
            }
            408 | 429 | 500..=599 => {
                let after = headers.get(RETRY_AFTER).and_then(|value| pause(value.to_str().ok()?, now));
                return Err(HookFailure::Retry {
                    error: format!("{who} answered {status}: {said}"),
                    after,
                    dialogue,
                });
            }
            _ => format!("{who} answered {status}: {said}"),
        };
        Err(HookFailure::Refused { error, dialogue })
    }
}

/// What robots say in the body of a 200, and whether it may pass.
fn trouble(template: &Template, text: &str) -> Option<(String, bool)> {
    let (code, words) = match template {
        Template::WeCom | Template::DingTalk => ("errcode", "errmsg"),
        Template::Feishu => ("code", "msg"),
        Template::Generic | Template::Alertmanager | Template::Own(_) => return None,
    };
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    // Feishu's first version said `StatusCode`.
    let found = json.get(code).or_else(|| json.get("StatusCode")).and_then(Value::as_i64);
    let Some(found) = found else {
        return Some((format!("gave an answer that no robot gives: {}", line(text, TOLD)), true));
    };
    if found == 0 {
        return None;
    }
    let words = line(json.get(words).and_then(Value::as_str).unwrap_or_default(), TOLD);
    Some((format!("answered {code} {found}: {words}"), may_pass(template, found)))
}

/// Whether an error of a robot is gone a while later: too many messages in a minute, or it is busy.
fn may_pass(template: &Template, code: i64) -> bool {
    match template {
        Template::WeCom => matches!(code, -1 | 45009 | 45033),
        Template::DingTalk => matches!(code, -1 | 130_101 | 410_100),
        Template::Feishu => matches!(code, 11232 | 11233),
        Template::Generic | Template::Alertmanager | Template::Own(_) => false,
    }
}

/// `Retry-After`: seconds, or an instant.
fn pause(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

/// The first bytes of an answer, as text.
async fn read(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER - bytes.len())]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One harmless line of at most so many characters.
fn line(text: &str, most: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
        .take(most)
        .collect();
    line.truncate(line.trim_end().len());
    line
}

/// A fault with its causes, without the address: it may be the key.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::from(if error.is_connect() { "no connection" } else { "the request broke off" });
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    line(&text, 300)
}
