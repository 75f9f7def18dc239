//! One HTTP visit to a portal's entry page: does it answer, in time, with what a citizen needs?
//!
//! Invariant: a visit records facts. Whether a slow, empty or refused page counts against the
//! portal is for the judge to say.

use std::time::Duration;

use url::Url;

use crate::clock::Deadline;
use crate::domain::observation::{Facts, Transport, TransportClass};
use crate::domain::target::Target;
use crate::domain::visit::Visit;
use crate::http::{Answer, Client, Get, page};

/// The most decoded bytes of a page that are read. Home pages stay below 1 MB; what goes on
/// behind this is an endless page or a compression bomb.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// What is visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitTarget {
    /// The address.
    pub url: Url,
    /// Text that has to stand in the page for it to count as usable.
    pub marker: Option<String>,
    /// Time for everything: name, connection, redirects, the whole body.
    pub within: Duration,
}

/// A visit with what classifying it needs besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What is kept.
    pub visit: Visit,
    /// The same in the shape of a browser's step, for the one classifier of all runs.
    pub facts: Facts,
    /// What a citizen would see of the page, for words about maintenance or a firewall.
    pub text: String,
}

impl VisitTarget {
    /// A visit to the entry page of `target`.
    pub fn entry(target: &Target, within: Duration) -> Self {
        Self { url: target.entry.clone(), marker: target.marker.clone(), within }
    }
}

/// Visits once, over a connection of its own, until `target.within` or `deadline`, whichever
/// comes first. It never fails: what went wrong is part of what was seen.
pub async fn visit(client: &Client, target: &VisitTarget, deadline: Deadline) -> Seen {
    let request = Get { url: target.url.clone(), max_body: MAX_BODY, fresh: true, head: false };
    let mut answer = client.get(&request, deadline.tightened(target.within)).await;
    settle(&mut answer);
    // What does not end is not read: its title could be anything.
    let readable = answer.is_html() && !answer.cut;
    let page = if readable { page::read(&answer, |_| ()).await } else { None };
    let (title, text) = page.map(|page| (page.title, page.text)).unwrap_or_default();
    let marker_found = target.marker.as_deref().filter(|marker| !marker.trim().is_empty()).map(|marker| {
        let wanted = page::fold(marker, usize::MAX);
        text.contains(&wanted) || title.contains(&wanted)
    });
    Seen { visit: record(&answer, &title, marker_found), facts: answer.facts(&title), text }
}

/// Names the two ways in which an answer can arrive and still be no page.
fn settle(answer: &mut Answer) {
    if answer.transport.is_some() {
        return;
    }
    answer.transport = if answer.cut {
        let detail = format!("the page does not end within {} MiB", MAX_BODY / 1024 / 1024);
        Some(Transport { class: TransportClass::Other, detail })
    } else if answer.is_shown() {
        None
    } else {
        let detail = format!("a file of type `{}`", answer.mime());
        Some(Transport { class: TransportClass::Download, detail })
    };
}

fn record(answer: &Answer, title: &str, marker_found: Option<bool>) -> Visit {
    Visit {
        url: answer.asked.to_string(),
        final_url: answer.url.to_string(),
        status: answer.status,
        redirects: answer.redirects.clone(),
        total_ms: answer.total_ms,
        bytes: u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
        certificate_days: answer.certificate_days,
        marker_found,
        title: title.to_owned(),
        transport: answer.transport.clone(),
    }
}
