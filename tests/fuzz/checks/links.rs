//! What must hold of any bytes that a server hands in as a page, a style sheet, a sitemap or a
//! robots.txt.
//!
//! Nothing panics; a link stands where it is said to stand and leads to an address of the web that is
//! read the same when it comes back from the records; nothing is kept beyond its limit.
//!
//! An input is a head line, `CONTENT-TYPE|ADDRESS`, and the body. The content type says who reads it.

use std::collections::HashSet;

use encoding_rs::Encoding;
use mystery_shopper::crawl::Robots;
use mystery_shopper::crawl::read::{Kind, Limits, Link, Reading, Wrong, css, known_name, page, sitemap};
use mystery_shopper::http::address::MAX_URL;
use mystery_shopper::http::text;
use url::Url;

/// Limits that small inputs can reach.
const LIMITS: Limits = Limits { links: 12, text: 60 };

/// Reads `data` as its content type says.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (head, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let head = String::from_utf8_lossy(head);
    let (kind, address) = head.split_once('|').unwrap_or((&head, ""));
    let home = || Url::parse("https://www.portal.gov.cn/a/").ok();
    let address = Url::parse(address.trim()).ok().filter(is_web).or_else(home);
    let Some(address) = address else { return };
    let decoded = text::read(body, kind, address.host_str().unwrap_or_default());
    let again = text::read(body, kind, address.host_str().unwrap_or_default());
    assert_eq!((&decoded.text, decoded.encoding), (&again.text, again.encoding), "decoded in two ways");
    let source = decoded.text.as_str();
    match kind.split(';').next().unwrap_or_default().trim() {
        "text/css" => sheet(source, &address),
        "application/xml" | "text/xml" => map(source, &address),
        "text/plain" => {
            map(source, &address);
            robots(body, &address);
        }
        _ => {
            whole_page(source, &address, decoded.encoding, &LIMITS);
            whole_page(source, &address, decoded.encoding, &Limits::default());
        }
    }
}

fn whole_page(source: &str, address: &Url, encoding: &'static Encoding, limits: &Limits) {
    let reading = page(source, address, encoding, limits);
    links_hold(&reading.links, &reading.wrong, source, limits, '<');
    words_hold(&reading, limits);
    assert!(reading == page(source, address, encoding, limits), "read in two ways");
}

fn words_hold(reading: &Reading, limits: &Limits) {
    let title = reading.title.chars().count();
    assert!(title <= 300, "a title of {title} characters");
    let text = reading.text.chars().count();
    assert!(text <= limits.text, "{text} characters of text are kept");
    for words in [&reading.title, &reading.text] {
        assert!(!words.chars().any(char::is_control), "{words:?} would reach a terminal");
    }
    assert!(reading.places.is_sorted_by(|a, b| a < b), "places are searched by halves");
    assert!(reading.passwords <= reading.inputs, "a field for a password is a field");
    if let Some((_, url)) = &reading.refresh {
        assert!(is_web(url), "{url} is no page to go on to");
    }
}

fn links_hold(links: &[Link], wrong: &[Wrong], source: &str, limits: &Limits, mark: char) {
    assert!(links.len() <= limits.links, "{} links are kept", links.len());
    assert!(wrong.len() <= 1_000, "{} wrong addresses are kept", wrong.len());
    let rows: Vec<&str> = source.split('\n').collect();
    let stands = |line: u32, column: u32| {
        let line = rows.get(line as usize - 1).expect("the line is one of the page");
        // A position of a style sheet is any character of it.
        let found = line.chars().nth(column as usize - 1);
        assert!(if mark == '<' { found == Some('<') } else { found.is_some() }, "{found:?} at {line:?}");
    };
    let mut seen = HashSet::new();
    for link in links {
        stands(link.line, link.column);
        assert!(is_web(&link.url) && link.url.fragment().is_none(), "{link:?}");
        assert!(link.url.as_str().len() <= MAX_URL, "{link:?}");
        let back = Url::parse(link.url.as_str());
        assert_eq!(back.as_ref().map(Url::as_str), Ok(link.url.as_str()), "read from the records");
        assert!(seen.insert((link.url.as_str(), link.fragment.as_deref(), link.kind)), "{link:?} twice");
        let places = matches!(link.kind, Kind::Page | Kind::Frame | Kind::Refresh);
        assert!(places || link.fragment.is_none(), "{link:?} has a place");
        named(link.element, link.attribute, &link.text);
    }
    for wrong in wrong {
        stands(wrong.line, wrong.column);
        let written = wrong.written.chars().count();
        assert!(written <= 500 && !wrong.written.chars().any(char::is_control), "{wrong:?}");
        named(wrong.element, wrong.attribute, &wrong.text);
    }
}

/// The names are found again after they were written to a file, and the words are of use to people.
fn named(element: &str, attribute: &str, text: &str) {
    assert_eq!((known_name(element), known_name(attribute)), (element, attribute));
    let length = text.chars().count();
    assert!((1..=80).contains(&length) && !text.chars().any(char::is_control), "{text:?}");
}

fn sheet(source: &str, address: &Url) {
    let read = css(source, address, &LIMITS);
    links_hold(&read.links, &read.wrong, source, &LIMITS, ' ');
    assert!(read == css(source, address, &LIMITS), "read in two ways");
}

fn map(source: &str, address: &Url) {
    let read = sitemap(source, address, 9);
    assert!(read.pages.len() <= 9 && read.sitemaps.len() <= 9, "more than the limit");
    for url in read.pages.iter().chain(&read.sitemaps) {
        assert!(is_web(url), "{url} is no page");
    }
    assert!(read == sitemap(source, address, 9), "read in two ways");
}

fn robots(body: &[u8], address: &Url) {
    let rules = Robots::read(body);
    let again = Robots::read(body);
    for path in ["/", "/a", "/a/b.html?c=d", "/政务"] {
        let Ok(url) = address.join(path) else { continue };
        assert_eq!(rules.allow(url.as_str()), again.allow(url.as_str()), "{url}");
    }
    let named = rules.sitemaps(is_web);
    assert!(named.len() <= 10, "{} sitemaps of one host", named.len());
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}
