//! What the last crawl of an address found, for crawls without a configuration: a small file for each
//! address in the user's state folder, so that "new", "still" and "fixed" can be told.
//!
//! Invariant: a fault counts as fixed only when the link was looked at again and works. A crawl that was
//! cut short, kept out or sent less far fixes nothing.

use std::collections::{BTreeMap, HashSet};
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::ids::LinkFaultId;
use crate::domain::link::{KnownFault, LinkClass, identity};
use crate::domain::run::Run;
use crate::domain::verdict::Verdict;
use crate::plan::CrawlPlan;

/// A larger file is not ours: 20,000 faults take less.
const LARGEST: u64 = 32 << 20;

/// A fault as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Seen {
    /// By what it is known again.
    pub id: LinkFaultId,
    /// Where the link leads.
    pub url: String,
    /// What was wrong, last time.
    pub class: LinkClass,
    /// When a crawl first found it.
    pub first_seen_at: Timestamp,
    /// When a crawl last found it.
    pub last_seen_at: Timestamp,
}

/// How far a crawl was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Reach {
    pages: u32,
    depth: u32,
    links: u32,
    external: bool,
    fragments: bool,
}

impl Reach {
    /// That of a plan.
    pub(in crate::cli) fn of(plan: &CrawlPlan) -> Self {
        Self {
            pages: plan.max_pages,
            depth: plan.depth,
            links: plan.max_links,
            external: plan.external,
            fragments: plan.fragments,
        }
    }

    /// As far as either of the two.
    fn or(self, other: Self) -> Self {
        Self {
            pages: self.pages.max(other.pages),
            depth: self.depth.max(other.depth),
            links: self.links.max(other.links),
            external: self.external || other.external,
            fragments: self.fragments || other.fragments,
        }
    }
}

/// What is remembered of an address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::cli) struct Remembered {
    /// The address that the crawls begin with.
    pub entry: String,
    /// How far the crawl went that these faults are from.
    #[serde(default)]
    pub reach: Reach,
    /// Whether the present crawl goes less far than that.
    #[serde(skip)]
    pub narrower: bool,
    /// Faults that were there.
    pub faults: Vec<Seen>,
}

impl Remembered {
    /// The faults, for the crawl to say which of them it saw mended.
    pub(in crate::cli) fn known(&self) -> Vec<KnownFault> {
        let known = |seen: &Seen| KnownFault { id: seen.id.clone(), url: seen.url.clone(), page: None };
        self.faults.iter().map(known).collect()
    }
}

/// What became of the faults from one crawl to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::cli) struct Changes {
    /// Faults that no crawl had found before.
    pub new: HashSet<LinkFaultId>,
    /// Faults that were there already, and since when.
    pub still: BTreeMap<LinkFaultId, Timestamp>,
    /// Faults that are gone.
    pub fixed: Vec<Seen>,
    /// What is remembered from now on: everything that is not known to be fixed.
    pub faults: Vec<Seen>,
}

impl Changes {
    /// `new` or `still`.
    pub(in crate::cli) fn state(&self, id: &LinkFaultId) -> &'static str {
        if self.still.contains_key(id) { "still" } else { "new" }
    }
}

/// Whether a fault may stand on one of the pages that there were too many of.
fn is_left_out(run: &Run, id: &LinkFaultId) -> bool {
    run.crawl.as_ref().is_some_and(|extent| extent.pages_left_out > 0 && !extent.mended.contains(id))
}

/// Compares what a crawl found with what was found before.
pub(in crate::cli) fn compare(before: &Remembered, run: &Run, now: Timestamp) -> Changes {
    let known: BTreeMap<&LinkFaultId, &Seen> = before.faults.iter().map(|seen| (&seen.id, seen)).collect();
    let mut changes = Changes::default();
    for fault in &run.link_faults {
        let first = known.get(&fault.id).map(|seen| seen.first_seen_at);
        match first {
            Some(first) => drop(changes.still.insert(fault.id.clone(), first)),
            None => drop(changes.new.insert(fault.id.clone())),
        }
        changes.faults.push(Seen {
            id: fault.id.clone(),
            url: fault.url.clone(),
            class: fault.class,
            first_seen_at: first.unwrap_or(now),
            last_seen_at: now,
        });
    }
    let looked = looked_at_everything(run) && !before.narrower;
    let doubts = run.crawl.iter().flat_map(|extent| &extent.doubts);
    let doubted: HashSet<&str> = doubts.map(|doubt| plain(&doubt.url)).collect();
    for seen in &before.faults {
        if changes.still.contains_key(&seen.id) {
            continue;
        }
        if looked && !doubted.contains(plain(&seen.url)) && !is_left_out(run, &seen.id) {
            changes.fixed.push(seen.clone());
        } else {
            changes.faults.push(seen.clone());
        }
    }
    changes
}

/// The address without the place in the page.
fn plain(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

/// Whether a link that is not among the faults works, or is gone.
fn looked_at_everything(run: &Run) -> bool {
    let listed = |count: u32, list: usize| usize::try_from(count).is_ok_and(|count| count <= list);
    run.verdict != Verdict::Inconclusive
        && run.ending().is_none()
        && run
            .crawl
            .as_ref()
            .is_none_or(|extent| extent.cut_short.is_none() && listed(extent.unobserved, extent.doubts.len()))
}

/// The file for one address.
#[derive(Debug)]
pub(in crate::cli) struct Memory {
    path: PathBuf,
}

impl Memory {
    /// The file for crawls that begin with `entry`, in the folder `crawls` of `state`.
    pub(in crate::cli) fn of(state: &Path, entry: &Url) -> Self {
        let name = format!("{}.json", identity(entry.as_str()));
        Self { path: state.join("crawls").join(name) }
    }

    /// What is remembered, for a crawl that goes as far as `reach`.
    ///
    /// # Errors
    /// A sentence, when there is something and it cannot be read.
    pub(in crate::cli) fn read(&self, entry: &Url, reach: Reach) -> Result<Remembered, String> {
        let nothing = Remembered { entry: entry.to_string(), reach, ..Remembered::default() };
        let fault = |why: String| format!("could not read {}: {why}", self.path.display());
        match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(nothing),
            Err(error) => return Err(fault(error.to_string())),
            Ok(found) if found.len() > LARGEST => return Err(fault("it is too large".to_owned())),
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(&self.path).map_err(|error| fault(error.to_string()))?;
        let mut known: Remembered = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        if known.entry != nothing.entry {
            return Ok(nothing);
        }
        known.narrower = known.reach.or(reach) != reach;
        // What lies beyond this crawl stays known as far as the wider one went.
        known.reach = if known.narrower { known.reach.or(reach) } else { reach };
        Ok(known)
    }

    /// Remembers, whole or not at all; nobody else may read it.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::cli) fn write(&self, remembered: &Remembered) -> Result<(), String> {
        let fault = |why: String| format!("could not write {}: {why}", self.path.display());
        let write = || -> std::io::Result<()> {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let private = Permissions::from_mode(0o600);
            let mut file = tempfile::Builder::new().permissions(private).tempfile_in(folder)?;
            serde_json::to_writer(std::io::BufWriter::new(&mut file), remembered)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|error| fault(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fault, run};
    use super::*;
    use crate::domain::link::{CrawlExtent, DoubtClass, LinkDoubt};
    use crate::domain::outcome::Outcome;

    fn at(day: u8) -> Timestamp {
        format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
    }

    fn seen(url: &str, first: u8, last: u8) -> Seen {
        Seen {
            id: identity(url),
            url: url.to_owned(),
            class: LinkClass::NotFound,
            first_seen_at: at(first),
            last_seen_at: at(last),
        }
    }

    fn before() -> Remembered {
        Remembered {
            faults: vec![seen("http://a.cn/1", 1, 5), seen("http://a.cn/2#x", 2, 5)],
            ..Remembered::default()
        }
    }

    #[test]
    fn a_fault_is_new_still_there_or_fixed() {
        let mut run = run(vec![fault("http://a.cn/1", 404), fault("http://a.cn/3", 500)]);
        let changes = compare(&before(), &run, at(9));
        assert_eq!(changes.new, HashSet::from([identity("http://a.cn/3")]));
        assert_eq!(changes.still, BTreeMap::from([(identity("http://a.cn/1"), at(1))]));
        assert_eq!(changes.fixed, [seen("http://a.cn/2#x", 2, 5)]);
        let kept: Vec<_> =
            changes.faults.iter().map(|seen| (seen.url.as_str(), seen.first_seen_at)).collect();
        assert_eq!(kept, [("http://a.cn/1", at(1)), ("http://a.cn/3", at(9))]);
        assert!(changes.faults.iter().all(|seen| seen.last_seen_at == at(9)));
        assert_eq!(
            (changes.state(&identity("http://a.cn/1")), changes.state(&identity("http://a.cn/3"))),
            ("still", "new")
        );

        run.link_faults.clear();
        assert_eq!(compare(&Remembered::default(), &run, at(9)), Changes::default());
    }

    #[test]
    fn only_what_was_looked_at_can_be_fixed() {
        let whole = run(Vec::new());
        let mut inconclusive = whole.clone();
        inconclusive.verdict = Verdict::Inconclusive;
        let mut down = whole.clone();
        down.steps[0].outcome = Outcome::Unreachable;
        let mut cut = whole.clone();
        cut.crawl = Some(CrawlExtent { cut_short: Some("time was up".to_owned()), ..CrawlExtent::default() });
        let mut unlisted = whole.clone();
        unlisted.crawl = Some(CrawlExtent { unobserved: 1, ..CrawlExtent::default() });
        let doubt = LinkDoubt {
            url: "http://a.cn/2".to_owned(),
            page: String::new(),
            class: DoubtClass::Waf,
            status: Some(412),
            detail: String::new(),
        };
        let mut doubted = whole.clone();
        doubted.crawl = Some(CrawlExtent { unobserved: 1, doubts: vec![doubt], ..CrawlExtent::default() });
        let narrow = Remembered { narrower: true, ..before() };
        let cases = [
            ("a whole crawl", &before(), &whole, 2),
            ("one that says nothing", &before(), &inconclusive, 0),
            ("a portal that is down", &before(), &down, 0),
            ("one that was cut short", &before(), &cut, 0),
            ("doubts that are not listed", &before(), &unlisted, 0),
            ("one in doubt", &before(), &doubted, 1),
            ("one that went less far", &narrow, &whole, 0),
        ];
        for (name, before, run, fixed) in cases {
            let changes = compare(before, run, at(9));
            assert_eq!(changes.fixed.len(), fixed, "{name}");
            assert_eq!(changes.faults.len(), 2 - fixed, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_private() {
        let state = tempfile::tempdir().unwrap();
        let entry: Url = "http://a.cn/".parse().unwrap();
        let memory = Memory::of(state.path(), &entry);
        let plan = CrawlPlan::new(200, 3);
        let reach = Reach::of(&plan);
        let nothing = memory.read(&entry, reach).unwrap();
        assert!(nothing.faults.is_empty() && !nothing.narrower);
        let known = Remembered { faults: before().faults, ..nothing };
        memory.write(&known).unwrap();
        assert_eq!(memory.read(&entry, reach).unwrap(), known);
        let mode = std::fs::metadata(&memory.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let shallow = memory.read(&entry, Reach::of(&CrawlPlan::new(200, 1))).unwrap();
        assert!(shallow.narrower);
        assert_eq!(shallow.reach, reach, "what lies deeper is known from the deeper crawl");
        assert!(!memory.read(&entry, Reach::of(&CrawlPlan::new(300, 3))).unwrap().narrower);

        std::fs::write(&memory.path, "{").unwrap();
        assert!(memory.read(&entry, reach).unwrap_err().contains("could not read"));
    }
}
