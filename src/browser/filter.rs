//! The browser's own request filter: rules (declarativeNetRequest) of a small extension that
//! Chromium itself enforces on every request of every page, worker and window.
//!
//! Requests that are held back over BiDi can be answered and recorded, but not all of them pass
//! there: those of shared and nested workers, the first request of a new window, what a page sends
//! as it ends, web sockets. On a live target the filter refuses what BiDi never shows, and no
//! journey begins before it has refused a request of ours ([`PROOF`]).
//!
//! Invariant: what [`super::guard::decide`] stops as a submission, the rules stop too.

use std::time::Duration;

use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Deadline;
use crate::domain::scenario::AllowedRequest;
use crate::zip;

use super::Guard;
use super::bidi::{CallError, Wire};

/// A request with this address, sent by POST, must be refused before a live journey begins. The
/// name can never be resolved (RFC 6761).
pub const PROOF: &str = "http://filter.invalid/";

/// What the browser says of a request that the filter refused.
pub const REFUSED: &str = "net::ERR_BLOCKED_BY_CLIENT";

/// Where pages go that the filter refused: nowhere. Refusing them outright would replace the page
/// that stands; a redirect is answered over BiDi, and in a window without BiDi it leads nowhere.
pub const NOWHERE: &str = "http://stopped.localhost:9/";

/// The public key that gives the extension its id; nobody has the private one.
const KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4LCIdA1kfHXz2ZgTgSOUBlKJSdPJQcilwCuPVK+Wu1XUJSzIUqXLmtPEcs61sThCnSYTIlCNEWDOPb5DBnVVWPfQpCvyDPj1juciETtMKneMEKS0ebBx58ksrOob0Pps86v1QToqcMWpU83T/mXbez8SH1cjSFvn/GkWl5T/7UN5JWz2ric4xAmD9wd/ebIJLZQPDDm7Ams6M6rpKPRyeprEFwkjTa3adU/NXYRxwHLYnfKHzv1gndXO4tnsbWHBM0lCs3U7ztH3DEFd5bfgbUCV+X22f5rEAGpk7uiRfVKlzjGHpLJxtwpiqchkR/jDVx/sNKgijcQcRcfughng+QIDAQAB";

/// The extension's id: sixteen bytes of the key's hash in the letters a to p.
const ID: &str = "jihnjdlhfhgalhnoekjfdjahjakkfibf";

/// What to do when the filter does not work.
pub const HINT: &str =
    "use the Chromium of Debian or Ubuntu; other builds refuse extensions of the command line";

/// What to do when the filter does not take the rules of a journey.
pub const RULES_HINT: &str =
    "look at the target's `hosts` and the scenario's `allow`: one of them is too long";

/// Time for the extension to be there; a browser without extensions never has it.
const LOAD: Duration = Duration::from_secs(5);

/// The pause between looks for the extension in a browser that is starting.
const LOOK: Duration = Duration::from_millis(20);

const PAGES: [&str; 2] = ["main_frame", "sub_frame"];
const OTHERS: [&str; 13] = [
    "stylesheet",
    "script",
    "image",
    "font",
    "object",
    "xmlhttprequest",
    "ping",
    "csp_report",
    "media",
    "websocket",
    "webtransport",
    "webbundle",
    "other",
];
/// All methods that do more than read.
const WRITING: [&str; 6] = ["post", "put", "patch", "delete", "connect", "other"];

/// A host of nobody's, for the address [`NOWHERE`].
const NOBODY: &str = "stopped.localhost";

/// Priorities: what a scenario's reviewed list allows is stronger than what is stopped.
const STOP: u8 = 1;
const ALLOW: u8 = 2;

fn numbered(rules: impl IntoIterator<Item = (u8, Value, Value)>) -> Value {
    let rules = rules.into_iter().enumerate().map(|(at, (priority, action, condition))| {
        json!({ "id": at + 1, "priority": priority, "action": action, "condition": condition })
    });
    rules.collect()
}

fn away() -> Value {
    json!({ "type": "redirect", "redirect": { "regexSubstitution": format!(r"{NOWHERE}\0") } })
}

/// What holds on every live target.
fn always() -> Value {
    let block = json!({ "type": "block" });
    let pages = json!({
        "regexFilter": "^https?://.*", "requestMethods": WRITING, "resourceTypes": PAGES,
        "excludedRequestDomains": [NOBODY],
    });
    numbered([
        (STOP, block.clone(), json!({ "requestMethods": WRITING, "resourceTypes": OTHERS })),
        (STOP, block, json!({ "resourceTypes": ["websocket", "webtransport"] })),
        (STOP, away(), pages),
    ])
}

/// What holds for one journey: the pages of other hosts are stopped, reviewed requests are allowed.
fn for_journey(guard: &Guard) -> Value {
    let mut rules = Vec::new();
    let own: Vec<&str> = guard.hosts.iter().map(|host| host.trim_start_matches("*.")).collect();
    if own.iter().any(|host| host.contains(':')) {
        // The filter has no words for addresses with colons: BiDi's guard stops foreign pages, and
        // nothing is allowed.
        return numbered(rules);
    }
    if !own.is_empty() {
        let mut spared = own.clone();
        spared.push(NOBODY);
        let foreign = json!({
            "regexFilter": "^https?://.*", "resourceTypes": ["main_frame"], "excludedRequestDomains": spared,
        });
        rules.push((STOP, away(), foreign));
    }
    for allowed in &guard.allow {
        let method = allowed.method.to_ascii_lowercase();
        if !WRITING.contains(&method.as_str()) {
            continue; // HEAD and OPTIONS only read and are never stopped.
        }
        for address in addresses(&allowed.path, &own) {
            let mut reviewed = address;
            reviewed["isUrlFilterCaseSensitive"] = json!(true);
            reviewed["requestMethods"] = json!([method]);
            reviewed["resourceTypes"] = json!([&PAGES[..], &OTHERS[..]].concat());
            if !own.is_empty() {
                reviewed["requestDomains"] = json!(own);
            }
            rules.push((ALLOW, json!({ "type": "allow" }), reviewed));
        }
    }
    numbered(rules)
}

/// Conditions for the addresses of a reviewed path. Chromium gives a pattern 2 KB, which is about 80
/// characters; a longer path is written without one, and then means the usual ports.
fn addresses(path: &str, own: &[&str]) -> Vec<Value> {
    if path.len() <= AllowedRequest::LONGEST_PATTERN {
        let path: Vec<String> = path.split('*').map(regex::escape).collect();
        let pattern = format!(r"^[^:]+://[^/]+{}(\?|$)", path.join("[^?]*"));
        return vec![json!({ "regexFilter": pattern })];
    }
    let ends: &[&str] = if path.ends_with('*') { &["*"] } else { &["|", "?"] };
    let path = path.trim_end_matches('*');
    let all = own
        .iter()
        .flat_map(|host| ends.iter().map(move |end| json!({ "urlFilter": format!("||{host}{path}{end}") })));
    all.collect()
}

/// The extension as WebDriver takes it: an archive in base64, which the driver unpacks beside its
/// browser, on whichever machine that is.
pub fn extension() -> String {
    let manifest = json!({
        "manifest_version": 3,
        "name": "mystery-shopper",
        "version": env!("CARGO_PKG_VERSION"),
        "key": KEY,
        "incognito": "spanning",
        "permissions": ["declarativeNetRequest", "declarativeNetRequestFeedback"],
        "background": { "service_worker": "tell.js" },
        "host_permissions": ["<all_urls>"],
        "declarative_net_request": { "rule_resources": [{ "id": "guard", "enabled": true, "path": "rules.json" }] },
    });
    let archive = zip::archive(&[
        ("manifest.json", manifest.to_string().as_bytes()),
        ("rules.json", always().to_string().as_bytes()),
        ("tell.js", include_bytes!("filter/tell.js")),
    ]);
    base64::engine::general_purpose::STANDARD.encode(archive)
}

/// The address that a page was going to when the filter led it to [`NOWHERE`], if it did. A page
/// that wants everything over TLS leads there by https.
pub fn led_away(url: &str) -> Option<&str> {
    let secure =
        url.strip_prefix("https").and_then(|rest| rest.strip_prefix(NOWHERE.trim_start_matches("http")));
    url.strip_prefix(NOWHERE).or(secure).filter(|rest| rest.starts_with("http"))
}

/// The address that a request was for, before the filter changed it.
pub fn original(url: &str) -> &str {
    led_away(url).unwrap_or(url)
}

/// The line to the extension, through which it says what it refused.
#[derive(Debug)]
pub struct Teller(String);

/// A request that the filter refused.
#[derive(Debug, Deserialize)]
pub struct Refused {
    /// The method, in capitals.
    pub method: String,
    /// The address.
    pub url: String,
}

impl Teller {
    /// Waits for the extension to be there. As long as somebody is attached to it, the browser does
    /// not put it to sleep.
    pub async fn attach(wire: &Wire, deadline: Deadline) -> Result<Self, CallError> {
        let deadline = deadline.tightened(LOAD);
        loop {
            let found = wire.cdp(None, "Target.getTargets", &json!({}), deadline).await?;
            let mut targets = found["targetInfos"].as_array().into_iter().flatten();
            let own = format!("chrome-extension://{ID}/");
            let own = targets.find(|target| target["url"].as_str().is_some_and(|url| url.starts_with(&own)));
            if let Some(target) = own {
                let params = json!({ "targetId": target["targetId"], "flatten": true });
                let session = wire.cdp(None, "Target.attachToTarget", &params, deadline).await?;
                return Ok(Self(session["sessionId"].as_str().unwrap_or_default().to_owned()));
            }
            if deadline.limit(tokio::time::sleep(LOOK)).await.is_err() {
                return Err(CallError::Timeout("Target.attachToTarget"));
            }
        }
    }

    /// Gives the filter the rules of a journey in place of those of the one before.
    pub async fn obey(&self, wire: &Wire, guard: &Guard, deadline: Deadline) -> Result<(), CallError> {
        self.say(wire, &format!("obey({})", for_journey(guard)), deadline).await.map(|_| ())
    }

    /// What was refused since the last time.
    pub async fn take(&self, wire: &Wire, deadline: Deadline) -> Result<Vec<Refused>, CallError> {
        let said = self.say(wire, "take()", deadline).await?;
        serde_json::from_str(&said).map_err(|_| broken("it does not say what it refused"))
    }

    async fn say(&self, wire: &Wire, what: &str, deadline: Deadline) -> Result<String, CallError> {
        let params = json!({ "expression": what, "returnByValue": true, "awaitPromise": true });
        let mut said = wire.cdp(Some(&self.0), "Runtime.evaluate", &params, deadline).await?;
        if let Some(details) = said.get("exceptionDetails") {
            let why = details["exception"]["description"].as_str().unwrap_or("its script failed");
            return Err(broken(why));
        }
        match said["result"]["value"].take() {
            Value::String(text) => Ok(text),
            _ => Ok(String::new()),
        }
    }
}

fn broken(why: &str) -> CallError {
    CallError::Refused { code: "request filter".to_owned(), message: why.chars().take(300).collect() }
}

/// What the browser's profile must say: a user context is a private window, in which extensions
/// sleep unless they are allowed there.
pub fn preferences() -> Value {
    let allowed = format!("extensions.settings.{ID}.incognito");
    json!({ allowed: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_id_is_that_of_the_key() {
        let key = base64::engine::general_purpose::STANDARD.decode(KEY).unwrap();
        let hash = hex::encode(&Sha256::digest(key)[..16]);
        let letters =
            hash.chars().map(|digit| char::from(b'a' + u8::try_from(digit.to_digit(16).unwrap()).unwrap()));
        assert_eq!(letters.collect::<String>(), ID);
    }

    #[test]
    fn what_was_led_away_is_known_by_its_own_address() {
        let cases = [
            ("http://stopped.localhost:9/https://city.cn/save?a=1", "https://city.cn/save?a=1"),
            ("https://stopped.localhost:9/https://city.cn/save", "https://city.cn/save"),
            ("http://stopped.localhost:9/", "http://stopped.localhost:9/"),
            ("https://city.cn/http://stopped.localhost:9/", "https://city.cn/http://stopped.localhost:9/"),
        ];
        for (url, want) in cases {
            assert_eq!(original(url), want, "{url}");
        }
    }

    #[test]
    fn a_reviewed_request_is_allowed_by_method_host_and_path() {
        let allowed =
            |method: &str, path: &str| AllowedRequest { method: method.to_owned(), path: path.to_owned() };
        let guard = Guard {
            live: true,
            loopback: false,
            allow: vec![allowed("POST", "/api/*/search"), allowed("HEAD", "/api")],
            hosts: vec!["city.gov.cn".to_owned(), "*.sso.gov.cn".to_owned()],
        };
        let rules = for_journey(&guard);
        let [foreign, allow] = rules.as_array().unwrap().as_slice() else { panic!("{rules}") };
        assert_eq!(
            foreign["condition"]["excludedRequestDomains"],
            json!(["city.gov.cn", "sso.gov.cn", NOBODY])
        );
        assert_eq!(allow["action"]["type"], "allow");
        assert_eq!(allow["condition"]["requestMethods"], json!(["post"]));
        assert_eq!(allow["condition"]["requestDomains"], json!(["city.gov.cn", "sso.gov.cn"]));
        let filter = regex::Regex::new(allow["condition"]["regexFilter"].as_str().unwrap()).unwrap();
        let cases = [
            ("https://city.gov.cn/api/v1/search", true),
            ("https://city.gov.cn:8443/api/v1/search?q=1", true),
            ("https://city.gov.cn/api/v1/search/save", false),
            ("https://city.gov.cn/save?/api/v1/search", false),
            ("https://city.gov.cn/api/save?x/search", false),
            ("https://city.gov.cn/x/api/v1/search", false),
        ];
        for (url, want) in cases {
            assert_eq!(filter.is_match(url), want, "{url}");
        }
    }

    #[test]
    fn long_paths_are_written_without_a_pattern() {
        let long = format!("/{}", "a".repeat(200));
        assert_eq!(
            addresses(&long, &["city.gov.cn"]),
            [
                json!({ "urlFilter": format!("||city.gov.cn{long}|") }),
                json!({ "urlFilter": format!("||city.gov.cn{long}?") })
            ]
        );
        assert_eq!(
            addresses(&format!("{long}*"), &["city.gov.cn"]),
            [json!({ "urlFilter": format!("||city.gov.cn{long}*") })]
        );
    }
}
