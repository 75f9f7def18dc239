//! What a journey may request: a pure decision about one request.
//!
//! Invariant: names of fields leave this file, their values never do.

use std::net::IpAddr;

use url::{Host, Url};

use crate::domain::observation::StopReason;

use super::Guard;

/// A request that the browser holds back until we say what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The address.
    pub url: &'a str,
    /// Whether it loads a new page into a window or tab (not into a frame).
    pub page: bool,
}

/// Whether the guard stops the request, and why.
pub fn decide(guard: &Guard, request: Request<'_>) -> Option<StopReason> {
    let Ok(url) = Url::parse(request.url) else {
        return Some(StopReason::ForbiddenAddress);
    };
    match url.scheme() {
        "http" | "https" | "ws" | "wss" => {}
        // These stay inside the browser.
        "data" | "blob" | "about" | "chrome-error" | "chrome" => return None,
        _ => return Some(StopReason::ForbiddenAddress),
    }
    if !guard.loopback && is_inner(&url) {
        return Some(StopReason::ForbiddenAddress);
    }
    if !guard.live {
        return None;
    }
    let own = guard.hosts.is_empty()
        || url.host_str().is_some_and(|host| guard.hosts.iter().any(|pattern| covers(pattern, host)));
    let reads = matches!(request.method, "GET" | "HEAD" | "OPTIONS");
    let reviewed = own
        && guard
            .allow
            .iter()
            .any(|allow| allow.method == request.method && matches_path(&allow.path, url.path()));
    if !reads && !reviewed {
        return Some(StopReason::Submission);
    }
    (request.page && !own).then_some(StopReason::ForeignHost)
}

/// Whether an address belongs to this machine or its link: pages of other machines have no
/// business there.
pub fn is_inner(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => is_inner_ip(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_inner_ip(IpAddr::V6(ip)),
        None => false,
    }
}

fn is_inner_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_inner_ip(IpAddr::V4(ip)),
            None => ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local(),
        },
    }
}

pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host == parent || host.ends_with(&format!(".{parent}")),
        None => host == pattern,
    }
}

/// `*` stands for any characters.
fn matches_path(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// The most field names that are kept of one request.
const MOST_FIELDS: usize = 100;

/// The names of the fields in a request's body, by its own form: JSON, multipart or urlencoded.
pub fn field_names(body: &str) -> Vec<String> {
    let body = body.trim_start();
    let mut names: Vec<String> = Vec::new();
    let mut keep = |name: String| {
        let name: String = name.chars().take(80).collect();
        if !name.is_empty() && names.len() < MOST_FIELDS && !names.contains(&name) {
            names.push(name);
        }
    };
    if body.starts_with(['{', '[']) {
        let value: Option<serde_json::Value> = serde_json::from_str(body).ok();
        let first = match &value {
            Some(serde_json::Value::Array(all)) => all.first(),
            other => other.as_ref(),
        };
        for name in first.and_then(serde_json::Value::as_object).into_iter().flat_map(|map| map.keys()) {
            keep(name.clone());
        }
    } else if body.starts_with("--") {
        for line in body.lines().filter(|line| line.len() < 2000) {
            let lower = line.to_ascii_lowercase();
            if lower.starts_with("content-disposition:")
                && let Some(at) = lower.find(" name=\"")
                && let Some((name, _)) = line[at + 7..].split_once('"')
            {
                keep(name.to_owned());
            }
        }
    } else if body.contains('=') {
        for (name, _) in url::form_urlencoded::parse(body.as_bytes()) {
            keep(name.into_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scenario::AllowedRequest;

    fn guard(live: bool, loopback: bool) -> Guard {
        Guard {
            live,
            loopback,
            allow: vec![AllowedRequest { method: "POST".to_owned(), path: "/api/*/search".to_owned() }],
            hosts: vec!["city.gov.cn".to_owned(), "*.sso.gov.cn".to_owned()],
        }
    }

    #[test]
    fn requests_pass_or_are_stopped_for_a_reason() {
        use StopReason::{ForbiddenAddress, ForeignHost, Submission};
        let live = guard(true, false);
        let test = guard(false, false);
        let local = guard(true, true);
        let cases = [
            ("a page", &live, "GET", "https://city.gov.cn/a", true, None),
            ("a search that was reviewed", &live, "POST", "https://city.gov.cn/api/v1/search", false, None),
            ("the same path elsewhere", &live, "POST", "https://x.cn/api/v1/search", false, Some(Submission)),
            ("a form", &live, "POST", "https://city.gov.cn/save", true, Some(Submission)),
            ("a deletion", &live, "DELETE", "https://city.gov.cn/a", false, Some(Submission)),
            ("a form on a test system", &test, "POST", "https://city.gov.cn/save", true, None),
            ("a page of a named sub-domain", &live, "GET", "https://a.sso.gov.cn/", true, None),
            ("a page of another host", &live, "GET", "https://other.cn/", true, Some(ForeignHost)),
            ("a picture of another host", &live, "GET", "https://cdn.cn/a.png", false, None),
            ("another host from a test system", &test, "GET", "https://other.cn/", true, None),
            ("a file", &test, "GET", "file:///etc/passwd", true, Some(ForbiddenAddress)),
            (
                "the driver's port",
                &test,
                "GET",
                "http://127.0.0.1:9515/shutdown",
                false,
                Some(ForbiddenAddress),
            ),
            (
                "the same in other words",
                &test,
                "GET",
                "http://[::ffff:7f00:1]:9515/",
                false,
                Some(ForbiddenAddress),
            ),
            ("localhost", &live, "GET", "http://localhost./", false, Some(ForbiddenAddress)),
            ("cloud metadata", &live, "GET", "http://169.254.169.254/", false, Some(ForbiddenAddress)),
            ("a local target's own page", &local, "GET", "http://127.0.0.1:8600/a.png", false, None),
            ("a data address", &live, "GET", "data:image/png;base64,AA", false, None),
        ];
        for (name, guard, method, url, page, want) in cases {
            assert_eq!(decide(guard, Request { method, url, page }), want, "{name}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        let cases = [
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a/*", "/a/b/c", true),
            ("*", "/", true),
            ("/a*c*e", "/abcde", true),
            ("/a*c*e", "/abcdf", false),
        ];
        for (pattern, path, want) in cases {
            assert_eq!(matches_path(pattern, path), want, "{pattern} {path}");
        }
    }

    #[test]
    fn only_names_of_fields_are_kept() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n110\r\n--b\r\n\
                         Content-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n…\r\n--b--";
        let cases = [
            ("name=%E5%BC%A0&phone=1&name=2", vec!["name", "phone"]),
            ("{\"idCard\":\"1\",\"deep\":{\"x\":1}}", vec!["idCard", "deep"]),
            ("[{\"a\":1},{\"b\":2}]", vec!["a"]),
            (multipart, vec!["id", "photo"]),
            ("just text", vec![]),
            ("{broken", vec![]),
        ];
        for (body, want) in cases {
            assert_eq!(field_names(body), want, "{body}");
        }
    }
}
