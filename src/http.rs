//! HTTP as rooms of floor 3 use it: one GET with its redirects, bounded in time and bytes.
//!
//! A base file of floor 3, like `clock.rs`: `visit/` and `crawl/`, which must not know each
//! other, both import it. It knows neither.
//!
//! Invariants: only GET and HEAD are ever sent; every hop's address is screened ([`address`]); nothing goes
//! through a proxy or is retried behind our back; the body is capped after decompression.

pub mod address;
mod body;
mod certificate;
mod connect;
pub mod cookies;
pub mod failure;
mod hops;
pub mod manners;
pub mod page;
pub mod resolve;
mod tap;
pub mod text;
mod tls;
pub mod wire;

use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use url::Url;

use self::address::Reach;
use self::failure::{Context, Failure, classify};
use self::hops::{Onward, Trail, fault};
use self::resolve::Screened;
use self::tls::Trust;
use crate::clock::{Clock, Deadline, Stopwatch};
use crate::domain::language::Language;
use crate::domain::observation::{Facts, MainResponse, Transport, TransportClass};
use crate::domain::target::Target;
use crate::judge::firewall;

/// The most redirects that are followed.
pub const MAX_REDIRECTS: usize = 10;
/// The product's name in the User-Agent and in robots.txt.
pub const AGENT: &str = "mystery-shopper";
/// The encodings of a body that are read.
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// How a client is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The User-Agent, see [`user_agent`].
    pub user_agent: String,
    /// The language that is asked for.
    pub language: Language,
    /// How far requests may reach.
    pub reach: Reach,
    /// Time for the name, the connection and TLS together.
    pub connect_timeout: Duration,
    /// How many warm connections are kept to one host.
    pub warm: usize,
    /// Further trusted authorities, DER: government networks have their own.
    pub authorities: Vec<Vec<u8>>,
}

impl Settings {
    /// Ten seconds to connect, Chinese first, no further authorities.
    pub fn new(user_agent: impl Into<String>, reach: Reach) -> Self {
        Self {
            user_agent: user_agent.into(),
            language: Language::default(),
            reach,
            connect_timeout: Duration::from_secs(10),
            warm: 2,
            authorities: Vec::new(),
        }
    }

    /// The settings for requests to `target` by an agent who can be reached at `contact`.
    pub fn for_target(target: &Target, contact: Option<&str>, language: Language) -> Self {
        let reach = Reach::of(target.is_loopback());
        Self { language, ..Self::new(user_agent(contact), reach) }
    }
}

/// `mystery-shopper/VERSION (+contact)`; what a header cannot carry is left out of the contact.
pub fn user_agent(contact: Option<&str>) -> String {
    let product = concat!("mystery-shopper/", env!("CARGO_PKG_VERSION"));
    let contact: String = contact
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '\\'))
        .collect();
    if contact.is_empty() { product.to_owned() } else { format!("{product} (+{contact})") }
}

/// A client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The User-Agent holds bytes that a header cannot carry.
    #[error("use `{0}` as a User-Agent")]
    UserAgent(String),
    /// A further authority is no certificate.
    #[error("read a trusted authority")]
    Authority(#[source] rustls::Error),
    /// TLS refused its settings.
    #[error("set TLS up")]
    Tls(#[source] rustls::Error),
    /// The HTTP stack refused its settings.
    #[error("build the HTTP client")]
    Build(#[source] reqwest::Error),
}

/// Sends GET requests: [`get`](Client::get) as links are checked, [`visit`](Client::visit) with every
/// part timed. Cheap to clone; connections are shared among clones. Building one reads the system's
/// authorities, so whoever makes many requests keeps it.
#[derive(Debug, Clone)]
pub struct Client {
    pooled: reqwest::Client,
    fresh: reqwest::Client,
    reach: Reach,
    connect_timeout: Duration,
    headers: Headers,
    trust: Trust,
    clock: Clock,
}

/// What every request says of us.
#[derive(Debug, Clone)]
struct Headers {
    agent: HeaderValue,
    accept: HeaderValue,
    language: HeaderValue,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Get {
    /// The address; a fragment is not sent.
    pub url: Url,
    /// Reading stops after so many decoded bytes.
    pub max_body: usize,
    /// Opens a connection of its own instead of taking a warm one.
    pub fresh: bool,
    /// Asks with HEAD, for the headers alone. Nothing else is ever sent but GET and HEAD.
    pub head: bool,
}

impl Get {
    /// A GET over a warm connection.
    pub fn page(url: Url, max_body: usize) -> Self {
        Self { url, max_body, fresh: false, head: false }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The address that was asked for.
    pub asked: Url,
    /// The address that answered, or that gave no answer.
    pub url: Url,
    /// The hops: address and status of each redirect.
    pub redirects: Vec<(String, u16)>,
    /// The final status, when there was an answer. It stays when the body then broke off.
    pub status: Option<u16>,
    /// The `Content-Type`, as sent.
    pub content_type: String,
    /// Whether the server wants the body saved instead of shown.
    pub attachment: bool,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// A header that only firewalls send, as `name: value`.
    pub firewall: Option<String>,
    /// The body, decompressed, up to the cap.
    pub body: Vec<u8>,
    /// Whether the body went on behind the cap.
    pub cut: bool,
    /// Days until the certificate ends; negative when it has ended; absent without TLS.
    pub certificate_days: Option<i64>,
    /// Why there was no answer, or not all of it.
    pub transport: Option<Transport>,
    /// From the start of the first request to the last byte read.
    pub total_ms: u64,
}

impl Client {
    /// Builds a client. A machine without trusted authorities still gets one: plain HTTP works,
    /// and HTTPS fails as our own fault.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, HttpError> {
        let trust = Trust::new(&settings.authorities)?;
        let agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|_| HttpError::UserAgent(settings.user_agent.clone()))?;
        let language = settings.language.pick("zh-CN,zh;q=0.9,en;q=0.5", "en,zh-CN;q=0.5");
        let headers = Headers {
            agent,
            accept: HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8"),
            language: HeaderValue::from_static(language),
        };
        let build = |pool: usize| {
            let builder = builder(settings, &headers).tls_backend_preconfigured(trust.config());
            builder.pool_max_idle_per_host(pool).build().map_err(HttpError::Build)
        };
        let (pooled, fresh) = (build(settings.warm)?, build(0)?);
        let connect_timeout = settings.connect_timeout;
        Ok(Self { pooled, fresh, reach: settings.reach, connect_timeout, headers, trust, clock })
    }

    /// Sends one GET and follows its redirects, until `deadline`. Whatever goes wrong stands in
    /// the answer's `transport`.
    pub async fn get(&self, request: &Get, deadline: Deadline) -> Answer {
        let watch = Stopwatch::start();
        let mut answer = Answer::none(request.url.clone());
        if let Err(transport) = self.exchange(request, deadline, &mut answer).await {
            answer.transport = Some(transport);
        }
        answer.total_ms = watch.elapsed_ms();
        answer
    }

    async fn exchange(
        &self,
        request: &Get,
        deadline: Deadline,
        answer: &mut Answer,
    ) -> Result<(), Transport> {
        let client = if request.fresh { &self.fresh } else { &self.pooled };
        let mut trail = Trail::new(self.reach);
        loop {
            let step = trail.go(&answer.url)?;
            let method = if request.head { reqwest::Method::HEAD } else { reqwest::Method::GET };
            let mut get = client.request(method, step.url);
            if let Some(cookies) = step.cookies {
                get = get.header(COOKIE, cookies);
            }
            let response = match deadline.limit(get.send()).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(self.failed(&error, answer)),
                Err(_) => return Err(fault(TransportClass::Timeout, "no answer in time")),
            };
            let status = response.status().as_u16();
            answer.certificate_days = self.certificate_days(&response);
            if let Some(onward) = trail.answered(&answer.url, status, response.headers()) {
                answer.redirects.push((answer.url.to_string(), status));
                answer.url = match onward {
                    Onward::To(next) => next,
                    Onward::Nowhere(transport) => return Err(transport),
                };
                continue;
            }
            answer.status = Some(status);
            self.read_headers(response.headers(), answer);
            return self.read_body(response, request.max_body, deadline, answer).await;
        }
    }

    fn read_headers(&self, headers: &HeaderMap, answer: &mut Answer) {
        let text =
            |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        answer.content_type = text(CONTENT_TYPE).unwrap_or_default();
        answer.attachment = text(CONTENT_DISPOSITION)
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("attachment"));
        answer.retry_after = text(RETRY_AFTER).and_then(|value| self.retry_after(&value));
        let all = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        answer.firewall = firewall::header(all);
    }

    async fn read_body(
        &self,
        mut response: reqwest::Response,
        max: usize,
        deadline: Deadline,
        answer: &mut Answer,
    ) -> Result<(), Transport> {
        loop {
            match deadline.limit(response.chunk()).await {
                Ok(Ok(None)) => return Ok(()),
                Ok(Ok(Some(chunk))) => {
                    let room = max.saturating_sub(answer.body.len());
                    answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() > room {
                        answer.cut = true;
                        return Ok(());
                    }
                }
                Ok(Err(error)) => {
                    let mut transport = self.failed(&error, answer);
                    transport.detail = format!("{} after {} bytes", transport.detail, answer.body.len());
                    return Err(transport);
                }
                Err(_) => {
                    let detail = format!("the answer was still coming after {} bytes", answer.body.len());
                    return Err(fault(TransportClass::Timeout, detail));
                }
            }
        }
    }

    fn failed(&self, error: &reqwest::Error, answer: &mut Answer) -> Transport {
        let failure = self.classified(error);
        if let Some(end) = failure.certificate_end {
            answer.certificate_days = Some(self.days_until(end));
        }
        failure.transport
    }

    fn classified(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        let context = Context { no_authorities: self.trust.no_authorities, offline: failure::offline() };
        classify(error, context)
    }

    fn certificate_days(&self, response: &reqwest::Response) -> Option<i64> {
        let der = response.extensions().get::<reqwest::tls::TlsInfo>()?.peer_certificate()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(self.days_until(certificate.validity().not_after.timestamp()))
    }

    /// Whole days from now until `second`, rounded down.
    fn days_until(&self, second: i64) -> i64 {
        second.saturating_sub(self.clock.now().as_second()).div_euclid(86_400)
    }

    /// Seconds, or a date.
    fn retry_after(&self, value: &str) -> Option<Duration> {
        let value = value.trim();
        if let Ok(seconds) = value.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        let left = at.as_second().saturating_sub(self.clock.now().as_second());
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }
}

impl Answer {
    /// Nothing came back yet.
    pub fn none(url: Url) -> Self {
        Self {
            asked: url.clone(),
            url,
            redirects: Vec::new(),
            status: None,
            content_type: String::new(),
            attachment: false,
            retry_after: None,
            firewall: None,
            body: Vec::new(),
            cut: false,
            certificate_days: None,
            transport: None,
            total_ms: 0,
        }
    }

    /// The media type in lower case, without parameters.
    pub fn mime(&self) -> String {
        self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether the body is a page of HTML.
    pub fn is_html(&self) -> bool {
        if self.attachment {
            return false;
        }
        match self.mime().as_str() {
            "text/html" | "application/xhtml+xml" => true,
            "" => self.body.trim_ascii_start().starts_with(b"<"),
            _ => false,
        }
    }

    /// Whether a browser would show the body; otherwise it would save a file.
    pub fn is_shown(&self) -> bool {
        let mime = self.mime();
        !self.attachment
            && (mime.is_empty()
                || mime.starts_with("text/")
                || mime.starts_with("image/")
                || mime.ends_with("xml")
                || mime.ends_with("json")
                || mime == "application/pdf")
    }

    /// What a judge needs of this answer, in the shape that a browser's step has too.
    pub fn facts(&self, title: &str) -> Facts {
        Facts {
            url: self.url.to_string(),
            title: title.to_owned(),
            main: self.status.map(|status| MainResponse {
                firewall: self.firewall.clone(),
                url: self.url.to_string(),
                status,
                mime: self.mime(),
            }),
            transport: self.transport.clone(),
            requests: u32::try_from(self.redirects.len()).unwrap_or(u32::MAX).saturating_add(1),
            ..Facts::default()
        }
    }
}

fn builder(settings: &Settings, said: &Headers) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, said.accept.clone());
    headers.insert(ACCEPT_LANGUAGE, said.language.clone());
    reqwest::Client::builder()
        .user_agent(said.agent.clone())
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .dns_resolver(Screened(settings.reach))
        .tls_info(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_names_us_and_a_contact() {
        let version = env!("CARGO_PKG_VERSION");
        let cases = [
            (None, format!("mystery-shopper/{version}")),
            (Some("mailto:a@b.cn"), format!("mystery-shopper/{version} (+mailto:a@b.cn)")),
            (
                Some("https://x.cn/\r\nEvil: (1)联系"),
                format!("mystery-shopper/{version} (+https://x.cn/Evil:1)"),
            ),
        ];
        for (contact, want) in cases {
            assert_eq!(user_agent(contact), want);
        }
    }

    #[tokio::test]
    async fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now: jiff::Timestamp = "2026-11-22T04:00:00Z".parse().unwrap();
        let client = Client::new(&Settings::new("test", Reach::Local), Clock::manual(now)).unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 22 Nov 2026 04:01:30 GMT", Some(90)),
            ("Sun, 22 Nov 2026 03:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
        ];
        for (value, want) in cases {
            assert_eq!(client.retry_after(value), want.map(Duration::from_secs), "{value}");
        }
        assert_eq!(client.days_until(now.as_second() + 86_400 * 30), 30);
        assert_eq!(client.days_until(now.as_second() - 1), -1);
    }
}
