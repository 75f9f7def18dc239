//! What stands before every path: who may ask, how long it may take, and what every answer says to
//! the browser.
//!
//! Invariant: a page elsewhere that points its own name at us (DNS rebinding) is refused before any
//! handler runs, and so is a form that another site sends. An answer without the headers of this
//! file does not leave.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use super::{Hall, REQUEST, Room, pages};
use crate::clock::Deadline;

/// What every answer says. `same-origin` and not `no-referrer`: under the latter browsers send
/// `Origin: null` with our own form (Fetch, "append a request Origin header"), and it could not be
/// told from a foreign one. Nobody else is told an address of ours by either.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Lets a request through, or not.
pub(super) async fn guard<R: Room>(State(hall): State<Hall<R>>, request: Request, next: Next) -> Response {
    let public = hall.room.setting().public;
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    let refused = |why: &'static str| (StatusCode::FORBIDDEN, format!("{why}\n")).into_response();
    let mut answer = if !is_ours(host, hall.listen, public.as_ref()) {
        refused("this host name is not served here")
    } else if changes(request.method()) && !is_own_form(request.headers(), host, public.as_ref()) {
        refused(
            "a form of another site is not taken here: open the link from the mail and press the button there",
        )
    } else {
        let late = (StatusCode::REQUEST_TIMEOUT, "this took too long; try again\n");
        Deadline::after(REQUEST).limit(next.run(request)).await.unwrap_or_else(|_| late.into_response())
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, pages::policy());
    answer
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a Host header names us.
fn is_ours(host: &str, listen: IpAddr, public: Option<&Url>) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    if public.and_then(Url::host_str).is_some_and(|public| public.eq_ignore_ascii_case(name)) {
        return true;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        // Whoever listens everywhere is asked by addresses of his own that nobody listed here; only a
        // name can be pointed at us by a foreign page.
        Ok(ip) => ip.is_loopback() || ip == listen || listen.is_unspecified(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether a form may be one of our own pages'. Browsers say where it comes from in one of these
/// headers or in both; very old ones say nothing, and then the form token alone decides.
fn is_own_form(headers: &HeaderMap, host: &str, public: Option<&Url>) -> bool {
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = text(headers, &header::ORIGIN).is_none_or(|origin| {
        let is = |url: &Url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin);
        if public.is_some_and(is) {
            return true;
        }
        // Who asks by the public name is no page of ours under another scheme or port of it. A proxy may
        // speak TLS for us and hand on a Host of its own.
        ["http", "https"]
            .iter()
            .filter_map(|scheme| Url::parse(&format!("{scheme}://{host}/")).ok())
            .any(|url| is(&url) && public.is_none_or(|public| public.host_str() != url.host_str()))
    });
    site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_answered() {
        let listen: IpAddr = "10.1.2.3".parse().unwrap();
        let public = Url::parse("https://watch.example.org/shopper/").unwrap();
        let cases = [
            ("127.0.0.1:8787", true),
            ("localhost", true),
            ("LocalHost:8787", true),
            ("[::1]:8787", true),
            ("10.1.2.3:80", true),
            ("watch.example.org", true),
            ("Watch.Example.Org:443", true),
            ("10.1.2.4", false),
            ("evil.example", false),
            ("localhost.evil.example:8787", false),
            ("watch.example.org.evil.example", false),
            ("watch.example.org@evil.example", false),
            ("", false),
        ];
        for (host, want) in cases {
            assert_eq!(is_ours(host, listen, Some(&public)), want, "{host}");
        }
        assert!(!is_ours("watch.example.org", listen, None), "a public name that is not configured");
        let everywhere: IpAddr = "0.0.0.0".parse().unwrap();
        assert!(is_ours("10.1.2.4:8787", everywhere, None), "a monitor asks by our address");
        assert!(!is_ours("evil.example:8787", everywhere, None));
    }

    #[test]
    fn a_form_comes_from_our_own_pages() {
        let public = Url::parse("https://watch.example.org/shopper/").unwrap();
        let cases = [
            ("ours, by the public name", Some("https://watch.example.org"), Some("same-origin"), true),
            ("ours, by loopback", Some("http://127.0.0.1:8787"), Some("same-origin"), true),
            ("ours, without Sec-Fetch-Site", Some("https://watch.example.org"), None, true),
            ("says nothing", None, None, true),
            ("another site", Some("https://evil.example"), Some("cross-site"), false),
            ("another site that hides", Some("null"), Some("cross-site"), false),
            ("another site that hides, old", Some("null"), None, false),
            ("a neighbour", Some("https://other.example.org"), Some("same-site"), false),
            ("another port of ours", Some("http://127.0.0.1:9999"), None, false),
            ("our name, in clear", Some("http://watch.example.org"), None, false),
            ("our name, another port", Some("https://watch.example.org:444"), None, false),
            ("typed", None, Some("none"), false),
            ("unreadable", Some("http://127.0.0.1:8787\u{e9}"), None, false),
        ];
        for (name, origin, site, want) in cases {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_bytes(origin.as_bytes()).unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            assert_eq!(is_own_form(&headers, "127.0.0.1:8787", Some(&public)), want, "{name}");
        }
    }
}
