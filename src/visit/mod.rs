//! One HTTP visit to a portal's entry page: does it answer, in time, with what a citizen needs?
//!
//! Invariant: a visit records facts. Whether a slow, empty or refused page counts against the
//! portal is for the judge to say.

mod access;
mod reading;

use std::time::Duration;

use tokio::task::JoinSet;
use url::Url;

use crate::clock::Deadline;
use crate::domain::observation::{Facts, Transport, TransportClass};
use crate::domain::target::Target;
use crate::domain::visit::Visit;
use crate::http::wire::{Ask, Exchange};
use crate::http::{Answer, Client, page};

pub use reading::has_marker;

/// The most bytes of a page that are read, raw or decoded. Home pages stay below 1 MB; what goes on
/// behind this is an endless page or a compression bomb.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// What is visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitTarget {
    /// The address.
    pub url: Url,
    /// What has to be in the page for it to count as usable: a text, or `css=SELECTOR`.
    pub marker: Option<String>,
    /// Time for everything: name, connection, redirects, the whole body.
    pub within: Duration,
    /// How long after its appointed time the visit begins; every instant is counted from that time.
    pub waited: Duration,
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
    /// A visit to the entry page of `target`, on time.
    pub fn entry(target: &Target, within: Duration) -> Self {
        Self { url: target.entry.clone(), marker: target.marker.clone(), within, waited: Duration::ZERO }
    }

    /// The same, begun so late.
    #[must_use]
    pub fn late(self, waited: Duration) -> Self {
        Self { waited, ..self }
    }
}

/// Visits once, over connections of its own, until `target.within` or `deadline`, whichever
/// comes first. It never fails: what went wrong is part of what was seen.
pub async fn visit(client: &Client, target: &VisitTarget, deadline: Deadline) -> Seen {
    let ask = Ask { url: target.url.clone(), max_body: MAX_BODY, waited: target.waited };
    let mut exchange = exchange(client, ask, deadline.tightened(target.within)).await;
    settle(&mut exchange.answer);
    // What does not end is not read: its title could be anything.
    let readable = exchange.answer.is_html() && !exchange.answer.cut;
    let marker = target.marker.clone();
    let page = if readable {
        page::read(&exchange.answer, move |tree| reading::take(tree, marker.as_deref())).await
    } else {
        None
    };
    let mut visit = record(&exchange, target);
    let mut facts = exchange.answer.facts("");
    let Some(mut page) = page else {
        visit.marker_found = reading::wanted(target.marker.as_deref()).map(|_| false);
        return Seen { visit, facts, text: String::new() };
    };
    let text = std::mem::take(&mut page.text);
    page.taken.content.whole &= page.whole;
    page.taken.content.text = text.chars().count();
    visit.marker_found = reading::found(target.marker.as_deref(), &page.title, &text, page.taken.selected);
    visit.charset = Some(page.charset);
    visit.viewport = Some(page.taken.viewport);
    visit.lang = page.taken.lang;
    visit.accessibility = Some(page.taken.access);
    visit.content = Some(page.taken.content);
    visit.title.clone_from(&page.title);
    facts.title = page.title;
    facts.challenges = page.taken.challenges;
    Seen { visit, facts, text }
}

/// Makes the request in a task of its own, which ends with this future: there it shares its thread with
/// the sockets, and no time goes by between their being ready and its knowing.
async fn exchange(client: &Client, ask: Ask, deadline: Deadline) -> Exchange {
    let client = client.clone();
    let asked = ask.url.clone();
    let mut task = JoinSet::new();
    task.spawn(async move { client.visit(&ask, deadline).await });
    match task.join_next().await {
        Some(Ok(exchange)) => exchange,
        // It panicked: a fault of this program, which says nothing about the portal.
        Some(Err(_)) | None => Exchange::broken_off(asked),
    }
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

fn record(exchange: &Exchange, target: &VisitTarget) -> Visit {
    let answer = &exchange.answer;
    Visit {
        url: answer.asked.to_string(),
        final_url: answer.url.to_string(),
        status: answer.status,
        redirects: answer.redirects.clone(),
        total_ms: answer.total_ms,
        bytes: u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
        certificate_days: answer.certificate_days,
        transport: answer.transport.clone(),
        waited_ms: (target.waited.as_secs_f64() * 1e6).round() / 1e3,
        done_ms: exchange.done_ms,
        hops: exchange.hops.clone(),
        families: exchange.families.clone(),
        ipv6: exchange.ipv6,
        raw_bytes: exchange.raw_bytes,
        cut: answer.cut,
        ..Visit::default()
    }
}
