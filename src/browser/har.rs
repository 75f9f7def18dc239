//! The requests of a journey as an HTTP Archive, version 1.2
//! (<http://www.softwareishard.com/blog/har-12-spec/>): the form that browsers' own tools and
//! everybody else's read.
//!
//! A step is a page of the archive. Bodies are not in it: they are not kept. Fields that begin with
//! an underscore are extensions, as the specification asks.
//!
//! Invariant: every text of the portal passes the masks before it is written.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::domain::observation::{RequestKind, Vitals};

use super::bidi::event::Header;
use super::traffic::{Entry, Traffic};

/// What takes personal data out of texts and addresses.
#[derive(Clone, Copy)]
pub struct Veil<'a> {
    /// Out of a text.
    pub text: &'a dyn Fn(&str) -> String,
    /// Out of an address.
    pub url: &'a dyn Fn(&str) -> String,
}

/// A step, for the archive.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// Its name.
    pub title: &'a str,
    /// How its page loaded.
    pub vitals: Option<&'a Vitals>,
}

/// Timings of an entry in milliseconds; −1 for a part that it did not have.
#[derive(Debug, Serialize, PartialEq)]
struct Parts {
    blocked: f64,
    dns: f64,
    connect: f64,
    ssl: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

/// Writes the archive. `browser` is the name and version of the browser; the first page is step 1.
pub fn archive(traffic: &Traffic, browser: &str, pages: &[Page<'_>], veil: Veil<'_>) -> Value {
    let (name, version) = browser.split_once(' ').unwrap_or((browser, ""));
    let listed = pages.iter().zip(1_u64..).map(|(page, step)| {
        let vitals = page.vitals;
        json!({
            "startedDateTime": instant(traffic, traffic.began(step)),
            "id": id(step),
            "title": (veil.text)(page.title),
            "pageTimings": {
                "onContentLoad": vitals.and_then(|vitals| vitals.content_loaded_ms).unwrap_or(-1.0),
                "onLoad": vitals.and_then(|vitals| vitals.load_ms).unwrap_or(-1.0),
            },
        })
    });
    let steps = u64::try_from(pages.len()).unwrap_or(u64::MAX);
    let entries = traffic.entries().iter().filter(|kept| kept.step <= steps);
    let comment = match traffic.dropped {
        0 => String::new(),
        dropped => format!("{dropped} further requests are not in this archive"),
    };
    json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "mystery-shopper", "version": env!("CARGO_PKG_VERSION") },
            "browser": { "name": name, "version": version },
            "pages": listed.collect::<Value>(),
            "entries": entries.map(|kept| entry(traffic, kept, veil)).collect::<Value>(),
            "comment": comment,
        }
    })
}

fn id(step: u64) -> String {
    format!("step_{step}")
}

/// An instant of ours as the browser's clock says it.
#[expect(clippy::cast_possible_truncation, reason = "a float saturates")]
fn instant(traffic: &Traffic, at: f64) -> String {
    Timestamp::from_millisecond((traffic.epoch() + at) as i64).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn entry(traffic: &Traffic, entry: &Entry, veil: Veil<'_>) -> Value {
    let url = (veil.url)(&entry.url);
    let parts = parts(entry);
    let query = Url::parse(&url).ok();
    let query = query.iter().flat_map(Url::query_pairs);
    let query = query.map(|(name, value)| json!({ "name": name, "value": value }));
    let protocol = match &*entry.protocol {
        "" => "unknown",
        known => known,
    };
    let mut written = json!({
        "pageref": id(entry.step),
        "startedDateTime": instant(traffic, entry.began),
        "time": entry.lasted().unwrap_or_else(|| traffic.now() - entry.began),
        "request": {
            "method": &*entry.method,
            "url": url,
            "httpVersion": protocol,
            "cookies": [],
            "headers": headers(&entry.request_headers, veil),
            "queryString": query.collect::<Value>(),
            "headersSize": size(entry.request_headers_size),
            "bodySize": size(entry.request_body_size),
        },
        "response": {
            "status": entry.status,
            "statusText": &*entry.status_text,
            "httpVersion": protocol,
            "cookies": [],
            "headers": headers(&entry.response_headers, veil),
            "content": { "size": entry.size, "mimeType": &*entry.mime },
            "redirectURL": location(&entry.response_headers).map(veil.url).unwrap_or_default(),
            "headersSize": size(entry.response_headers_size),
            "bodySize": if entry.ended.is_some() { entry.bytes } else { -1.0 },
        },
        "cache": {},
        "timings": parts,
        "_resourceType": resource(entry.kind),
    });
    if entry.from_cache {
        written["_fromCache"] = json!("disk");
    }
    if entry.third_party {
        written["_thirdParty"] = json!(true);
    }
    if entry.stopped {
        written["_error"] = json!("stopped by the guard of mystery-shopper");
    } else if let Some(error) = &entry.error {
        written["_error"] = json!(&**error);
    } else if entry.ended.is_none() {
        written["_error"] = json!("still under way when the journey ended");
    }
    written
}

fn size(bytes: Option<f64>) -> f64 {
    bytes.filter(|bytes| *bytes >= 0.0).unwrap_or(-1.0)
}

fn headers(headers: &[Header], veil: Veil<'_>) -> Value {
    let written = headers.iter().map(
        |header| json!({ "name": &*header.name, "value": (veil.url)(&(veil.text)(&header.value.value)) }),
    );
    written.collect()
}

fn location(headers: &[Header]) -> Option<&str> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("location"))
        .map(|header| &*header.value.value)
}

/// The names of Chromium's tools for them.
fn resource(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Document | RequestKind::Frame => "document",
        RequestKind::Script => "script",
        RequestKind::Style => "stylesheet",
        RequestKind::Image => "image",
        RequestKind::Font => "font",
        RequestKind::Media => "media",
        RequestKind::Xhr => "xhr",
        RequestKind::Other => "other",
    }
}

fn parts(entry: &Entry) -> Parts {
    let total = entry.lasted().unwrap_or_default();
    let timings = entry.timings.unwrap_or_default();
    let part = |from: f64, to: f64| if from > 0.0 && to >= from { to - from } else { -1.0 };
    let sent = entry.sent() - entry.began;
    let first = entry.first_byte().map_or(total, |at| at - entry.began);
    let dns = part(timings.dns_start, timings.dns_end);
    let connect = part(timings.connect_start, timings.connect_end);
    Parts {
        blocked: (sent - dns.max(0.0) - connect.max(0.0)).max(0.0),
        dns,
        connect,
        ssl: part(timings.tls_start, timings.connect_end),
        send: 0.0,
        wait: (first - sent).max(0.0),
        receive: (total - first).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::bidi::event::Exchange;

    #[test]
    fn an_archive_says_what_happened_and_hides_what_it_must() {
        let mut traffic = Traffic::new();
        traffic.begin_step();
        let told: Exchange = serde_json::from_str(
            r#"{"context":"c","navigation":"n","timestamp":1795594429361,"request":{"request":"1","method":"GET",
            "url":"http://a.example/?id=110101199003078515","headers":[{"name":"Cookie","value":{"type":"string","value":"s=1"}}],
            "timings":{"timeOrigin":1795594429361,"requestStart":5,"responseStart":25,"dnsStart":1,"dnsEnd":2,"connectStart":2,"connectEnd":4}},
            "response":{"url":"http://a.example/","status":302,"statusText":"Found","protocol":"http/1.1",
            "headers":[{"name":"Location","value":{"type":"string","value":"/next"}}],"bytesReceived":120}}"#,
        )
        .unwrap();
        // Told late: a later event has come already.
        traffic.told_at(told.timestamp + 100.0);
        traffic.begin(&told, 1, RequestKind::Document, false);
        traffic.answer(&told, true);
        let hide = |text: &str| text.replace("110101199003078515", "███");
        let veil = Veil { text: &hide, url: &hide };
        let pages = [Page { title: "打开门户", vitals: None }];
        let har = archive(&traffic, "Chromium 156.0", &pages, veil);
        let log = &har["log"];
        assert_eq!((&log["version"], &log["browser"]["name"]), (&json!("1.2"), &json!("Chromium")));
        assert_eq!(log["pages"][0]["title"], "打开门户");
        let entry = &log["entries"][0];
        assert_eq!(entry["pageref"], log["pages"][0]["id"]);
        assert_eq!(entry["response"]["redirectURL"], "/next");
        assert_eq!(entry["timings"]["dns"], 1.0);
        assert!((entry["timings"]["wait"].as_f64().unwrap() - 20.0).abs() < 0.1, "{entry}");
        assert_eq!(entry["timings"]["ssl"], -1.0);
        let day = &entry["startedDateTime"].as_str().unwrap()[..10];
        assert_eq!(day, "2026-11-25");
        let text = har.to_string();
        assert!(!text.contains("110101199003078515") && !text.contains("s=1"), "{text}");
    }
}
