//! Link faults → what changed, how the step ends, what it costs.
//!
//! Invariant: a link is called mended only by a link check that would have found it. Whatever kept
//! the check from looking (a limit, a stop, a wall, a page that could not be read) leaves it open.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::domain::ids::{LinkFaultId, RunId};
use crate::domain::ledger::Known;
use crate::domain::link::{CrawlExtent, LinkClass, LinkFault};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, StepRecord};
use crate::domain::verdict::Verdict;

use super::verdict::failing_step;

/// How many addresses a sentence names.
pub const NAMED: usize = 3;

/// The longest address that a sentence shows, in characters.
const LONGEST: usize = 200;

/// What is known of a link check when it is compared with what was known before.
#[derive(Debug, Clone, Copy)]
pub struct Crawled<'a> {
    /// The run.
    pub run: &'a RunId,
    /// When it ended.
    pub at: Timestamp,
    /// What it found. Of a check that went on where an earlier one had stopped: what the earlier
    /// parts found as well.
    pub faults: &'a [LinkFault],
    /// How far it went, when that is known; doubts of earlier parts are its own, too.
    pub extent: Option<&'a CrawlExtent>,
    /// Whether it came through the entry page.
    pub entered: bool,
}

impl<'a> Crawled<'a> {
    /// What a run says about links.
    pub fn of(run: &'a Run) -> Self {
        // A run that fails by its number of broken links alone looked at all of them.
        let over = run.crawl.as_ref().is_some_and(|extent| extent.over_limit.is_some());
        let failed = failing_step(&run.steps).is_some() && !over;
        Self {
            run: &run.id,
            at: run.finished_at,
            faults: &run.link_faults,
            extent: run.crawl.as_ref(),
            entered: run.verdict != Verdict::Inconclusive && !failed,
        }
    }
}

/// What a link check changed. Each fault stands as it is known from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Found, and not known or known as mended.
    pub new: Vec<Known>,
    /// Found, and known as broken.
    pub still: Vec<Known>,
    /// Known as broken, looked for and not found.
    pub fixed: Vec<Known>,
    /// Known as broken and not found, but nothing says that it works: left as it was.
    pub kept_open: Vec<Known>,
}

/// Compares what a link check found with what is known of the probe on the target.
///
/// A fault that is found and not known is new. One that is known as mended is new again; when it
/// was *first* seen stays. One that is known as broken is still there. What is known as broken and
/// not found is mended only when all of this holds:
///
/// - the check came through the entry page and was not cut short;
/// - every link of which it says nothing is named: of a list that was cut, any link may be;
/// - when there were more pages than it may read: it saw the link work, or gone from its page;
/// - neither the link nor the page that carried it is among those;
/// - that page is not one that could not be read this time, for its links were not seen then;
/// - no later check has found it (two may go on side by side, one by hand).
///
/// A link that no page carries any more is mended as well: no citizen meets it.
pub fn compare(known: &[Known], crawl: &Crawled<'_>) -> Changes {
    let mut changes = Changes::default();
    let by_id: HashMap<&LinkFaultId, &Known> = known.iter().map(|known| (&known.id, known)).collect();
    let mut found: HashSet<&LinkFaultId> = HashSet::new();
    for fault in crawl.faults.iter().filter(|fault| found.insert(&fault.id)) {
        match by_id.get(&fault.id) {
            None => changes.new.push(Known::new(fault, crawl.run, crawl.at)),
            Some(old) => {
                let list = if old.is_open() { &mut changes.still } else { &mut changes.new };
                list.push(old.found(fault, crawl.run, crawl.at));
            }
        }
    }
    let unknown = Unknown::of(crawl);
    for old in known.iter().filter(|known| known.is_open() && !found.contains(&known.id)) {
        if unknown.covers(old) {
            changes.kept_open.push(old.clone());
        } else {
            changes.fixed.push(Known { fixed_at: Some(crawl.at), ..old.clone() });
        }
    }
    changes
}

/// What a link check says nothing of.
struct Unknown<'a> {
    everything: bool,
    at: Timestamp,
    addresses: HashSet<&'a str>,
    /// When pages were left out: the faults that were seen mended all the same.
    mended: Option<HashSet<&'a LinkFaultId>>,
}

impl<'a> Unknown<'a> {
    fn of(crawl: &Crawled<'a>) -> Self {
        let whole = crawl.extent.filter(|extent| {
            crawl.entered && extent.cut_short.is_none() && extent.unobserved as usize <= extent.doubts.len()
        });
        let doubts = whole.map_or(&[][..], |extent| &extent.doubts);
        let unread = crawl.faults.iter().filter(|fault| may_come_back(fault.class));
        Self {
            everything: whole.is_none(),
            at: crawl.at,
            mended: whole
                .filter(|extent| extent.pages_left_out > 0)
                .map(|extent| extent.mended.iter().collect()),
            addresses: doubts
                .iter()
                .map(|doubt| doubt.url.as_str())
                .chain(unread.map(|fault| fault.url.as_str()))
                .map(page_of)
                .collect(),
        }
    }

    fn covers(&self, known: &Known) -> bool {
        self.everything
            || self.mended.as_ref().is_some_and(|mended| !mended.contains(&known.id))
            || known.last_seen_at > self.at
            || self.addresses.contains(page_of(&known.url))
            || self.addresses.contains(page_of(&known.page))
    }
}

/// An address without its fragment: a doubt about a page is one about each of its places.
fn page_of(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

/// Whether a page that fails like this may be there again tomorrow, with the links that it had. A
/// page that is gone has taken its links with it; what is wrong with a place in a page or with a
/// file says nothing about the links beside it.
fn may_come_back(class: LinkClass) -> bool {
    match class {
        LinkClass::ClientError
        | LinkClass::ServerError
        | LinkClass::Dns
        | LinkClass::Refused
        | LinkClass::Reset
        | LinkClass::Timeout
        | LinkClass::Tls
        | LinkClass::RedirectLoop
        | LinkClass::Empty
        | LinkClass::Other => true,
        LinkClass::NotFound
        | LinkClass::Gone
        | LinkClass::Soft404
        | LinkClass::Fragment
        | LinkClass::WrongType
        | LinkClass::Unreadable
        | LinkClass::Malformed
        | LinkClass::LocalAddress => false,
    }
}

/// More links are broken than the probe allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverLimit {
    /// How many may be.
    pub limit: u32,
    /// What is wrong, as a whole sentence of English for the log.
    pub error: String,
}

/// How the step of a link check ends whose entry page ended as `entry`: nothing unless the entry
/// works and more links are broken than `limit`.
pub fn outcome(entry: Outcome, faults: &[LinkFault], limit: Option<u32>) -> Option<OverLimit> {
    let limit = limit.filter(|limit| entry.goes_on() && faults.len() > *limit as usize)?;
    Some(OverLimit { limit, error: over(faults, limit) })
}

impl OverLimit {
    /// Writes it into the step and the extent of the check.
    pub fn tell(self, step: &mut StepRecord, extent: &mut CrawlExtent) {
        step.outcome = Outcome::Broken;
        step.credit = step.outcome.credit().points();
        step.error = Some(self.error);
        extent.over_limit = Some(self.limit);
    }
}

/// How many links are broken, as a sentence without its full stop.
pub(super) fn tally(faults: &[LinkFault]) -> String {
    let links = if faults.len() == 1 { "link does" } else { "links do" };
    format!("{} {links} not work, {} on the home page", faults.len(), on_home(faults))
}

/// The sentence for more broken links than `limit`; it names the first of them.
pub(super) fn over(faults: &[LinkFault], limit: u32) -> String {
    let mut text = format!("{}; at most {limit} may. The first:", tally(faults));
    for (i, fault) in first(faults).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let shown: String = fault.url.chars().take(LONGEST).collect();
        let cut = if shown.len() < fault.url.len() { "…" } else { "" };
        let what = fault.status.map_or_else(|| fault.class.to_string(), |status| status.to_string());
        let _ = write!(text, "{comma} {shown}{cut} ({what})");
    }
    text.push('.');
    text
}

/// How many faults stand on the home page.
pub fn on_home(faults: &[LinkFault]) -> usize {
    faults.iter().filter(|fault| fault.on_home).count()
}

/// The faults that are named where not all of them can be: those of the home page come first.
pub fn first(faults: &[LinkFault]) -> impl Iterator<Item = &LinkFault> {
    let home = faults.iter().filter(|fault| fault.on_home);
    home.chain(faults.iter().filter(|fault| !fault.on_home)).take(NAMED)
}

/// What broken links cost, in points of 100 that are taken away: 1 for each on the home page, 0.1
/// for each elsewhere, 15 at most (method, section 2, China's site checks, from general knowledge
/// and so an editable default; `T2` of section 3 is this number on a scale of 15).
pub fn deduction(faults: &[LinkFault]) -> f64 {
    let home = on_home(faults);
    // Counted in tenths, so that ten times 0.1 is 1.
    let tenths = home.saturating_mul(10).saturating_add(faults.len() - home).min(150);
    f64::from(u32::try_from(tenths).unwrap_or(150)) / 10.0
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
