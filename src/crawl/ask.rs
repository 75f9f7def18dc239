//! One question to a server, and what its answer holds.
//!
//! Runs in a task of its own, so that pages are read on every core while others are waited for.
//!
//! Invariant: a form that posts is only asked with HEAD; everything is bounded by its purpose.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use url::Url;

use super::host::{MAX_ROBOTS, Robots};
use super::read::{self, Limits, Reading};
use crate::clock::Deadline;
use crate::domain::observation::{Facts, Transport, TransportClass};
use crate::filetype;
use crate::http::{Answer, Client, Get, text};

/// The most decoded bytes of a page that is read.
const MAX_PAGE: usize = 8 << 20;
/// The most of a page's part that is read: enough to see an answer break off early.
const MAX_PART: usize = 64 << 10;
/// The most of an attachment that is read; of larger ones only the beginning is looked at.
const MAX_FILE: usize = 32 << 20;
/// Longer pages are read off the async threads.
const LONG: usize = 128 << 10;

/// What an answer is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether it is there, by HEAD; `fall_back` to GET when HEAD is not answered well.
    There { fall_back: bool },
    /// Whether a part of a page is there.
    Part,
    /// The parts that a style sheet names.
    Style,
    /// A page, its words and places; with its links or without.
    Page { links: usize },
    /// A document of this type.
    Attachment(&'static str),
    /// The host's rules.
    Robots,
    /// So many bytes as they are.
    Bytes(usize),
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub url: Url,
    pub purpose: Purpose,
    pub fresh: bool,
    pub within: Deadline,
    /// What has to lie between two requests to its host.
    pub pause: Duration,
}

/// What came back.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub(super) struct Got {
    pub status: Option<u16>,
    pub url: Url,
    pub redirected: bool,
    pub transport: Option<Transport>,
    pub retry_after: Option<Duration>,
    pub firewall: Option<String>,
    /// Requests that it took, redirects included.
    pub requests: u32,
    /// Whether the body is a page of HTML.
    pub html: bool,
    /// Whether only its beginning was read.
    pub cut: bool,
    pub reading: Option<Box<Reading>>,
    /// Whether it is the second answer, from fresh.
    pub second: bool,
    /// Whether its links were wanted.
    pub read: bool,
    /// Further links, of a style sheet.
    pub parts: Vec<read::Link>,
    pub file: Option<File>,
    /// Whether it is a script that was read to its end and makes no places.
    pub harmless: bool,
    /// Whether an answer came without a single byte.
    pub empty: bool,
    /// The rules, when they were asked for.
    pub robots: Option<Robots>,
    pub body: Vec<u8>,
    /// The same in the shape of a browser's step.
    pub facts: Facts,
}

/// An attachment that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub claimed: &'static str,
    /// What its bytes say.
    pub kind: &'static str,
    pub opens: bool,
    pub empty: bool,
}

/// The type of document that a link's address claims, by the end of its path.
pub(super) fn claimed(url: &Url) -> Option<&'static str> {
    let (_, end) = url.path().rsplit_once('.')?;
    filetype::ATTACHMENTS.into_iter().find(|kind| end.eq_ignore_ascii_case(kind))
}

/// Asks. A parser that panics costs this answer and no crawl.
pub(super) async fn ask_safely(client: &Client, question: Ask) -> Got {
    let url = question.url.clone();
    let got = AssertUnwindSafe(ask(client, question)).catch_unwind().await;
    got.unwrap_or_else(|_| {
        tracing::error!(%url, "reading an answer came to a panic");
        Got::none(url)
    })
}

impl Got {
    /// No answer, by a fault of our own.
    pub(super) fn none(url: Url) -> Self {
        let mut answer = Answer::none(url);
        let detail = "a fault of this program".to_owned();
        answer.transport = Some(Transport { class: TransportClass::Ours, detail });
        Self { requests: 0, ..got(answer, 0) }
    }

    /// Whether there was no answer in time.
    pub(super) fn timed_out(&self) -> bool {
        self.transport.as_ref().is_some_and(|transport| transport.class == TransportClass::Timeout)
    }
}

async fn ask(client: &Client, ask: Ask) -> Got {
    let mut earlier = 0;
    if let Purpose::There { fall_back } = ask.purpose {
        let head = Get { url: ask.url.clone(), max_body: MAX_PART, fresh: ask.fresh, head: true };
        // Some servers never answer a HEAD: the rest is for the GET.
        let within = if fall_back { ask.within.tightened(ask.within.remaining() / 2) } else { ask.within };
        let answer = client.get(&head, within).await;
        let good = answer.transport.is_none() && answer.status.is_some_and(|s| (200..300).contains(&s));
        // Nobody was asked: another method changes nothing.
        let nobody = answer.transport.as_ref().is_some_and(|t| {
            matches!(t.class, TransportClass::Dns | TransportClass::Ours | TransportClass::Policy)
        });
        if good || nobody || !fall_back {
            return got(answer, 0);
        }
        earlier = requests(&answer);
        tokio::time::sleep(ask.pause).await;
    }
    let within = ask.within.extended(if earlier > 0 { ask.pause } else { Duration::ZERO });
    let max_body = match ask.purpose {
        Purpose::There { .. } | Purpose::Part => MAX_PART,
        Purpose::Style | Purpose::Page { .. } => MAX_PAGE,
        Purpose::Attachment(_) => MAX_FILE,
        Purpose::Robots => MAX_ROBOTS,
        Purpose::Bytes(most) => most,
    };
    let get = Get { url: ask.url, max_body, fresh: ask.fresh, head: false };
    let mut answer = client.get(&get, within).await;
    let file = match ask.purpose {
        Purpose::Attachment(claimed) if answer.transport.is_none() => Some(examine(claimed, &answer)),
        _ => None,
    };
    let harmless = ask.purpose == Purpose::Part
        && answer.transport.is_none()
        && !answer.cut
        && answer.mime().contains("javascript")
        && !read::may_make_places(&answer.body);
    let empty = answer.transport.is_none() && answer.body.is_empty();
    let links = if let Purpose::Page { links } = ask.purpose { links } else { 0 };
    let plain = matches!(ask.purpose, Purpose::Bytes(_) | Purpose::Robots);
    let robots = (ask.purpose == Purpose::Robots).then(|| Robots::read(&answer.body));
    let reads = !plain && !matches!(ask.purpose, Purpose::Part | Purpose::Style);
    let mut reading = None;
    if reads && answer.is_html() {
        reading = read_page(&mut answer, links).await;
    }
    let mut parts = Vec::new();
    if ask.purpose == Purpose::Style && answer.transport.is_none() && !answer.is_html() {
        let (source, _) = text::decode(&answer.body, &answer.content_type, "");
        parts = read::css(&source, &answer.url, &Limits::default()).links;
    }
    let body = if plain { std::mem::take(&mut answer.body) } else { Vec::new() };
    let mut got = got(answer, earlier);
    if let Some(reading) = &reading {
        got.facts.title.clone_from(&reading.title);
    }
    Got { harmless, empty, reading, read: links > 0, parts, file, robots, body, ..got }
}

/// Reads the page in an answer; gives its bytes back as soon as they are not needed.
async fn read_page(answer: &mut Answer, links: usize) -> Option<Box<Reading>> {
    let body = std::mem::take(&mut answer.body);
    let long = body.len() > LONG;
    let (content_type, url) = (answer.content_type.clone(), answer.url.clone());
    let read = move || {
        let host = url.host_str().unwrap_or_default();
        let (source, encoding) = text::decode(&body, &content_type, host);
        drop(body);
        let limits = Limits { links, ..Limits::default() };
        Box::new(read::page(&source, &url, encoding, &limits))
    };
    // A parser that panics is a page that could not be read.
    if long {
        return tokio::task::spawn_blocking(read).await.ok();
    }
    Some(read())
}

fn examine(claimed: &'static str, answer: &Answer) -> File {
    let body = &answer.body;
    let tail = &body[body.len().saturating_sub(64 << 10)..];
    let head = &body[..body.len().min(64 << 10)];
    let kind = filetype::kind_of(head, tail);
    // Of a file that goes on behind our cap only the beginning can be judged.
    let opens = answer.cut || filetype::opens_whole(kind, body);
    File { claimed, kind, opens, empty: body.is_empty() }
}

fn requests(answer: &Answer) -> u32 {
    u32::try_from(answer.redirects.len()).unwrap_or(u32::MAX).saturating_add(1)
}

fn got(mut answer: Answer, earlier: u32) -> Got {
    // A redirect may name a place; the page is the same.
    answer.url.set_fragment(None);
    Got {
        requests: requests(&answer).saturating_add(earlier),
        status: answer.status,
        redirected: !answer.redirects.is_empty(),
        html: answer.is_html(),
        cut: answer.cut,
        facts: answer.facts(""),
        url: answer.url,
        transport: answer.transport,
        retry_after: answer.retry_after,
        firewall: answer.firewall,
        reading: None,
        read: false,
        second: false,
        parts: Vec::new(),
        file: None,
        harmless: false,
        empty: false,
        robots: None,
        body: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_the_end_of_their_path() {
        let cases = [
            ("http://a.cn/x.pdf", Some("pdf")),
            ("http://a.cn/附件.DOCX?v=1", Some("docx")),
            ("http://a.cn/x.ofd#page=2", Some("ofd")),
            ("http://a.cn/pdf", None),
            ("http://a.cn/x.html?f=a.pdf", None),
            ("http://a.cn/x.pdf/", None),
        ];
        for (url, want) in cases {
            assert_eq!(claimed(&Url::parse(url).unwrap()), want, "{url}");
        }
    }
}
