//! Link faults: what is wrong with a link, where it stands, and by what it is known again.
//!
//! Invariant: a fault's identity does not depend on the pages that carry it nor on how it fails,
//! so that "new", "still" and "fixed" mean the same link over months.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ids::LinkFaultId;

/// Declares the classes with their names in one place.
macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// What is wrong with a link.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum LinkClass {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl LinkClass {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in the database, JSON and tables.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

classes! {
    /// 404.
    NotFound "not_found";
    /// 410.
    Gone "gone";
    /// Another status from 400 to 499.
    ClientError "client_error";
    /// A status of 500 or above.
    ServerError "server_error";
    /// The name does not resolve.
    Dns "dns";
    /// Nobody listens.
    Refused "refused";
    /// The connection broke, or the answer was cut short.
    Reset "reset";
    /// No answer in time.
    Timeout "timeout";
    /// TLS failed.
    Tls "tls";
    /// Redirects without end.
    RedirectLoop "redirect_loop";
    /// An answer of 200 that says that there is no such page.
    Soft404 "soft_404";
    /// The page is there, the place in it (`#part`) is not.
    Fragment "fragment";
    /// An attachment that is not of the type that its name claims.
    WrongType "wrong_type";
    /// An attachment of the right type that does not open.
    Unreadable "unreadable";
    /// An attachment or page without a single byte.
    Empty "empty";
    /// The written address cannot be read as one.
    Malformed "malformed";
    /// The address leads to the reader's own disk or machine (`file:`, `localhost`).
    LocalAddress "local_address";
    /// Something else.
    Other "other";
}

impl LinkClass {
    /// Finds a class by its [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }
}

impl std::fmt::Display for LinkClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A link that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkFault {
    /// By what it is known again, see [`identity`].
    pub id: LinkFaultId,
    /// The address that it leads to, with its fragment when that is what is missing. For an
    /// address that cannot be read: as it is written.
    pub url: String,
    /// What is wrong.
    pub class: LinkClass,
    /// The status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was seen, as one sentence of English.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The first page that carries it, in the order of the crawl.
    pub page: String,
    /// The element there, such as `a`.
    pub element: String,
    /// Its attribute, such as `href`.
    pub attribute: String,
    /// The line of the element in the page's source, from 1; 0 when the page was rendered.
    pub line: u32,
    /// Its column, in characters from 1; 0 when the page was rendered.
    pub column: u32,
    /// The words of the link.
    pub text: String,
    /// How many pages carry it.
    pub pages: u32,
    /// Whether the home page is one of them.
    pub on_home: bool,
    /// When a crawl first found it, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen_at: Option<Timestamp>,
    /// When a crawl last found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
}

impl LinkFault {
    /// A fault of which only the address and the class are known so far.
    pub fn new(url: impl Into<String>, class: LinkClass) -> Self {
        let url = url.into();
        Self {
            id: identity(&url),
            url,
            class,
            status: None,
            detail: String::new(),
            page: String::new(),
            element: String::new(),
            attribute: String::new(),
            line: 0,
            column: 0,
            text: String::new(),
            pages: 1,
            on_home: false,
            first_seen_at: None,
            last_seen_at: None,
        }
    }
}

/// The identity of a fault: the first 16 hex digits of the SHA-256 of its address.
pub fn identity(url: &str) -> LinkFaultId {
    LinkFaultId::new(hex::encode(&Sha256::digest(url.as_bytes())[..8]))
}

/// Declares why a link is not judged.
macro_rules! doubts {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// Why nothing is said of a link.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum DoubtClass {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl DoubtClass {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in JSON and tables.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

doubts! {
    /// A login stands in the way.
    Login "login";
    /// A firewall, a captcha or a script that has to run first kept us out.
    Waf "waf";
    /// The server wants another method or another moment (405, 501, 503 …).
    Unsure "unsure";
    /// Our own guard refused where it leads: `file:`, loopback, link-local.
    RedirectPolicy "redirect_policy";
    /// robots.txt closes it to us.
    Robots "robots";
    /// The host was left alone: it is down, it asked us to wait, or its daily share is used up.
    LeftAlone "left_alone";
    /// Our own network or machine is the cause.
    Ours "ours";
}

/// A link of which nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkDoubt {
    /// Where it leads.
    pub url: String,
    /// The first page that carries it.
    pub page: String,
    /// Why nothing is said.
    pub class: DoubtClass,
    /// The status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was seen, as one sentence of English.
    pub detail: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none_of_it(n: &u32) -> bool {
    *n == 0
}

/// A fault that was known before a link check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFault {
    /// Its identity.
    pub id: LinkFaultId,
    /// The address, with its fragment when that was missing.
    pub url: String,
    /// The page that carried it, when that is remembered.
    pub page: Option<String>,
}

/// The extent of a link check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CrawlExtent {
    /// Pages whose links were read.
    pub pages_read: u32,
    /// Links that are known, each address once.
    pub links_known: u32,
    /// Links of which nothing is said.
    pub unobserved: u32,
    /// The first 1,000 of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<LinkDoubt>,
    /// Pages that were rendered in a browser to find their links.
    pub rendered: u32,
    /// Links that were settled in a browser.
    pub settled_in_browser: u32,
    /// Requests that were made.
    pub requests: u64,
    /// Why it ended before every link was looked at; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
    /// Pages of the portal that were not read because there were more than the crawl may read.
    #[serde(skip_serializing_if = "is_none_of_it")]
    pub pages_left_out: u32,
    /// Of the faults that were known before: those that this check saw mended. They matter when
    /// pages were left out, for then it proves nothing that a fault was not found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<LinkFaultId>,
    /// Whether it went on where an earlier one had stopped.
    pub resumed: bool,
    /// How long it took to read what the earlier one had found, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_ms: Option<u64>,
    /// How many links might have been broken, when more are: the run failed by their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_limit: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for class in LinkClass::ALL {
            assert_eq!(LinkClass::from_name(class.name()), Some(*class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
        for class in DoubtClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
    }

    #[test]
    fn a_fault_is_known_again_by_its_address() {
        assert_eq!(identity("http://a.cn/x"), identity("http://a.cn/x"));
        assert_ne!(identity("http://a.cn/x"), identity("http://a.cn/y"));
        assert_eq!(identity("http://a.cn/x").as_str().len(), 16);
    }
}
