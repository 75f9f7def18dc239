//! One HTTP visit: what was asked, what came, how long each part took.
//!
//! Times in [`Span`]s are milliseconds with microseconds behind the point, counted from the instant
//! for which the visit was *scheduled*: a visit that began late shows it. How each number is taken
//! stands at its field; `http/wire.rs` takes them.
//!
//! Invariant: facts, with one exception. `failure` is what `judge/visit.rs` said of them on the day;
//! everything that it needed stands here or in the step's facts, so it can be said again.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observation::Transport;

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
    /// From the scheduled instant to the beginning of the visit.
    pub waited_ms: f64,
    /// From the scheduled instant to the end of the visit.
    pub done_ms: f64,
    /// Every request, in order: the entry, then one for each redirect that was followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
    /// The entry's addresses of each family, and whether they can be reached from here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Whether the entry's name has an IPv6 address (AAAA); absent when it did not resolve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<bool>,
    /// Bytes of the body as they came over the connection, compressed if they were.
    pub raw_bytes: u64,
    /// Whether the body went on behind our cap.
    pub cut: bool,
    /// How the page is written, and how that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<Charset>,
    /// Whether the page asks phones for a width of their own (`<meta name=viewport>`); absent when no
    /// page was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewport: Option<bool>,
    /// The language that the page names (`<html lang>`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Critical barriers for people with disabilities that the page's source shows; absent when no page
    /// was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accessibility: Option<Vec<AccessFault>>,
    /// What the page is made of; absent when no page was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// What a browser saw when the request alone could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_look: Option<SecondLook>,
    /// What was wrong, as judged on the day; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<VisitFailure>,
}

/// A rule of accessibility that a page breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessFault {
    /// The rule, by its name in axe-core 4, such as `image-alt`.
    pub rule: String,
    /// How many elements break it.
    pub count: u32,
}

/// One request with its answer, over a connection of its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Hop {
    /// The address that was asked for.
    pub url: String,
    /// The status of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where it sends us on, made absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The address that the connection was made to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// How long each part took.
    pub phases: Phases,
    /// What was agreed on in the TLS handshake; absent without TLS, and when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFact>,
    /// The certificate that was shown, be it accepted or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<Certificate>>,
    /// `Strict-Transport-Security`, when it was sent over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
}

/// The parts of one request. A part that did not happen is absent; one in which the visit ended lasts
/// until that end.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Phases {
    /// The system's resolver, from the question to all addresses; absent for an IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Span>,
    /// From the first connect to the connection that was then used, attempts that failed before it
    /// included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Span>,
    /// From the ClientHello to the end of our handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Span>,
    /// Until our last write before the answer was taken by the connection (TLS layer or kernel); with
    /// HTTP/2, until the first write after the request was given to it, which carries its head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Span>,
    /// From there to the first byte of the answer; with HTTP/2, to its complete head, because the
    /// first bytes of an HTTP/2 connection belong to no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Span>,
    /// From there to the last byte that was read; absent for redirects, whose bodies nobody reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Span>,
}

impl Phases {
    /// The parts that happened, by name, in order.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Span)> + use<> {
        let all = [
            ("dns", self.dns),
            ("tcp", self.tcp),
            ("tls", self.tls),
            ("request", self.request),
            ("first_byte", self.first_byte),
            ("body", self.body),
        ];
        all.into_iter().filter_map(|(name, span)| Some((name, span?)))
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// When it began: milliseconds from the scheduled instant.
    pub at_ms: f64,
    /// How long it lasted, in milliseconds.
    pub ms: f64,
}

impl Span {
    /// When it ended: milliseconds from the scheduled instant.
    pub fn end_ms(self) -> f64 {
        self.at_ms + self.ms
    }
}

/// What was agreed on in a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TlsFact {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
}

/// A certificate as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whom it names.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The names that it is for: DNS names and addresses of its subjectAltName, the first 100.
    pub names: Vec<String>,
    /// From when it holds.
    pub not_before: Option<Timestamp>,
    /// Until when.
    pub not_after: Option<Timestamp>,
    /// Whole days until then, rounded down; negative when it has ended.
    pub days_left: i64,
    /// Kind and size of its key: `RSA 2048`, `ECDSA P-256`, `Ed25519`, `SM2`.
    pub key: String,
    /// How it was signed: `RSA SHA-256`.
    pub signature: String,
    /// How many certificates the server sent.
    pub chain: usize,
    /// Whether a client with this machine's authorities accepts it.
    pub valid: bool,
    /// What is wrong with it, all of it.
    pub faults: Vec<CertificateFault>,
}

/// What can be wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateFault {
    /// It has ended.
    Expired,
    /// It does not hold yet.
    NotYetValid,
    /// It is for other names.
    WrongName,
    /// It is signed with its own key and trusted by nobody here.
    SelfSigned,
    /// Its chain ends at an authority that is not trusted here.
    UntrustedIssuer,
    /// The server does not send the certificate of its issuer, and says where to fetch it: browsers
    /// do, most programs do not.
    IncompleteChain,
    /// An RSA key of less than 2,048 bits.
    WeakKey,
    /// A signature by SHA-1 or MD5 in the chain.
    WeakSignature,
    /// The verifier refused it for another reason.
    Other,
}

impl CertificateFault {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongName => "wrong_name",
            Self::SelfSigned => "self_signed",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::IncompleteChain => "incomplete_chain",
            Self::WeakKey => "weak_key",
            Self::WeakSignature => "weak_signature",
            Self::Other => "other",
        }
    }
}

/// `Strict-Transport-Security` (RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hsts {
    /// How long browsers come by HTTPS only, in seconds.
    pub max_age: u64,
    /// Whether every host below is meant, too.
    pub include_subdomains: bool,
    /// Whether the site asks to stand in browsers' own lists.
    pub preload: bool,
}

impl Hsts {
    /// Reads a header's value; `None` when it names no age, which browsers ignore.
    pub fn parse(value: &str) -> Option<Self> {
        let mut found = Self::default();
        let mut age = None;
        for part in value.split(';') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "max-age" => age = value.trim().trim_matches('"').parse().ok(),
                "includesubdomains" => found.include_subdomains = true,
                "preload" => found.preload = true,
                _ => {}
            }
        }
        age.map(|max_age| Self { max_age, ..found })
    }
}

/// The entry's addresses of one family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// `ipv4` or `ipv6`.
    pub family: IpFamily,
    /// All addresses of this family that the name has.
    pub addresses: Vec<IpAddr>,
    /// Whether the visit itself went this way. The other family gets one TCP connection of its own
    /// at the same time, for 3 s at most, and no request.
    pub used: bool,
    /// Whether a connection could be made; absent when none was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// How long that connection took, from its SYN to its being there, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// Why none could be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FamilyFault>,
}

/// The two kinds of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IpFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl IpFamily {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The name as people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }
}

/// Why no address of a family could be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FamilyFault {
    /// Ours: this machine has no way to that family.
    NoRoute,
    /// Nobody listens.
    Refused,
    /// The connection was reset, or the host said to be unreachable.
    Unreachable,
    /// No connection in time.
    Timeout,
    /// Something else of ours: no handles, no ports.
    Ours,
}

impl FamilyFault {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Ours => "ours",
        }
    }
}

/// How a page is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Charset {
    /// The encoding by its WHATWG name: `UTF-8`, `gb18030`, `GBK`, `Big5`.
    pub name: String,
    /// How that is known.
    pub by: CharsetSource,
    /// Whether bytes in the page fit no character of it.
    #[serde(default)]
    pub malformed: bool,
}

/// How an encoding is known; the first that says one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CharsetSource {
    /// A byte order mark.
    Bom,
    /// The header `Content-Type`.
    Header,
    /// The page's `<meta>` or its XML declaration.
    Meta,
    /// Nobody said; its bytes look so.
    Guess,
}

impl CharsetSource {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bom => "bom",
            Self::Header => "header",
            Self::Meta => "meta",
            Self::Guess => "guess",
        }
    }
}

/// What a page is made of, as far as its source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Content {
    /// Characters that a citizen can see without scripts and style sheets.
    pub text: usize,
    /// Scripts.
    pub scripts: usize,
    /// Frames and objects.
    pub frames: usize,
    /// Pictures, drawings, films, backgrounds.
    pub pictures: usize,
    /// Fields and buttons.
    pub fields: usize,
    /// Whether it goes on to another page by itself (`<meta http-equiv=refresh>`).
    pub refresh: bool,
    /// Whether all of it was read.
    pub whole: bool,
}

impl Content {
    /// Whether there is nothing that a citizen, or a browser on their behalf, could go on with.
    pub fn is_nothing(&self) -> bool {
        let parts = [self.text, self.scripts, self.frames, self.pictures, self.fields];
        self.whole && !self.refresh && parts.iter().all(|n| *n == 0)
    }
}

/// What a browser saw of the same address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecondLook {
    /// What the request alone had looked like.
    pub instead_of: Option<VisitFailure>,
    /// The address at the end.
    pub url: String,
    /// The status of its page.
    pub status: Option<u16>,
    /// The title of its page.
    pub title: String,
    /// Why no page came.
    pub transport: Option<Transport>,
    /// Marks of captchas and bot checks on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<String>,
}

/// Declares the classes with their names in one place.
macro_rules! failures {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// What was wrong with a visit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum VisitFailure {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl VisitFailure {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in JSON and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

failures! {
    /// The name does not resolve.
    Dns "dns";
    /// Nobody listens.
    Refused "refused";
    /// The connection broke, or the answer was cut short.
    Reset "reset";
    /// Not all of an answer in time.
    Timeout "timeout";
    /// TLS failed: certificate, protocol, handshake.
    Tls "tls";
    /// A status of 400 or above that no firewall gave.
    Http "http";
    /// The page does not end within our cap.
    TooLarge "too_large";
    /// Redirects without end.
    RedirectLoop "redirect_loop";
    /// A redirect to where no page may lead: `file:`, loopback, link-local, a closed port.
    RedirectPolicy "redirect_policy";
    /// A page on which there is nothing.
    Empty "empty";
    /// A page that says that there is no such page, with a status that says otherwise.
    Soft404 "soft_404";
    /// A firewall answers instead of the portal.
    Waf "waf";
    /// A captcha stands before the page.
    Captcha "captcha";
    /// The page came without what makes it usable.
    MarkerMissing "marker_missing";
    /// A file came instead of a page.
    Download "download";
    /// Ours: our network, our machine, an entry that we do not visit.
    Ours "ours";
    /// Something else, such as an answer that is not HTTP.
    Other "other";
}

impl std::fmt::Display for VisitFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_the_past_can_still_be_read() {
        let old = r#"{"url":"http://a.cn/","final_url":"http://a.cn/","status":200,"redirects":[["http://a.cn/",302]],
            "total_ms":12,"bytes":5,"certificate_days":null,"marker_found":true,"title":"t","transport":null}"#;
        let visit: Visit = serde_json::from_str(old).unwrap();
        assert_eq!((visit.status, visit.total_ms, visit.hops.len()), (Some(200), 12, 0));
    }

    #[test]
    fn names_are_the_same_everywhere() {
        for failure in VisitFailure::ALL {
            assert_eq!(serde_json::to_value(failure).unwrap(), failure.name());
        }
    }

    #[test]
    fn hsts_is_read_as_browsers_read_it() {
        let cases = [
            ("max-age=31536000", Some((31_536_000, false, false))),
            ("max-age=\"10\" ; includeSubDomains; preload", Some((10, true, true))),
            ("MAX-AGE=0", Some((0, false, false))),
            ("includeSubDomains", None),
            ("max-age=soon", None),
            ("", None),
        ];
        for (value, want) in cases {
            let got = Hsts::parse(value).map(|hsts| (hsts.max_age, hsts.include_subdomains, hsts.preload));
            assert_eq!(got, want, "{value}");
        }
    }
}
