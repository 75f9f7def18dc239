//! The crawl itself: who is asked next, until everything is known or time is up.
//!
//! One task holds the atlas and the frontier; questions are asked and pages read in tasks of their
//! own; a browser looks at one page at a time.
//!
//! Invariant: when time runs out or somebody stops the crawl, the links under way are dropped and
//! never called broken; the journal leads the next crawl back to them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::JoinSet;
use url::Url;

use super::ask::{Got, claimed};
use super::atlas::{Atlas, No, Placement, State, Use, Verdict};
use super::eyes::Sight;
use super::frontier::{Frontier, HostNo, Next, Stopped, Task};
use super::host::{Host, Stop};
use super::journal::Journal;
use super::read::{Print, Reading};
use super::soft::Nowhere;
use super::{Blocked, CrawlReport, Progress, Settings, Tools};
use crate::clock::Deadline;
use crate::domain::link::{CrawlExtent, DoubtClass};
use crate::domain::target::Target;
use crate::http::manners::host_key;

/// How often the journal is handed to the system.
const FLUSH: Duration = Duration::from_secs(1);
/// What is said of a link that was asked when its host went down.
pub(super) const GONE: &str = "Its host stopped answering while it was asked.";
/// Why a crawl ended when its deadline passed.
const LATE: &str = "Its time was up.";

/// A question under way.
pub(super) struct Answered {
    pub host: HostNo,
    pub task: Task,
    pub got: Got,
}

/// Why a browser looks at a link.
#[derive(Debug)]
pub(super) enum Why {
    /// A request left a doubt.
    Settle(DoubtClass, Option<u16>, String),
    /// The page draws itself by scripts; what its source says is read when nobody can look.
    Render(Box<(Url, Reading)>),
    /// Places in it that its source does not have.
    Places,
}

/// A look that is wanted.
#[derive(Debug)]
pub(super) struct Look {
    pub no: No,
    pub why: Why,
}

type Looking<'a> = Pin<Box<dyn Future<Output = Option<Sight>> + Send + 'a>>;

/// A crawl under way.
pub(super) struct Walk<'a> {
    pub tools: Tools<'a>,
    pub target: &'a Target,
    pub settings: &'a Settings,
    pub atlas: Atlas,
    pub frontier: Frontier,
    pub journal: Journal,
    pub report: CrawlReport,
    pub extent: CrawlExtent,
    pub looks: VecDeque<Look>,
    /// What hosts answer to made-up names, by folder; who waits for that.
    pub nowhere: HashMap<String, Nowhere>,
    pub waiting: HashMap<String, Vec<(No, Box<Got>)>>,
    /// Pages that were taken for good without having been compared.
    pub uncompared: HashSet<No>,
    pub home: Option<Print>,
    /// Links of which more became wanted while they were asked for; whether a greater use.
    pub more_wanted: HashMap<No, bool>,
    /// Links that were answered well, and not with a page.
    pub no_page: HashSet<No>,
    /// Sitemaps that were asked for.
    pub maps: HashSet<String>,
    pub pages_read: u32,
    /// Links under way whose page will be read if it is one.
    pub reserved: HashSet<No>,
    pub done: u32,
    pub broken: u32,
    pub looks_left: u32,
    /// Links of the atlas that are the entry page itself.
    pub entries: u32,
    /// Whether the entry page was had.
    pub entered: bool,
    /// Whether places that scripts may make were looked for.
    pub places_looked_for: bool,
    pub running: JoinSet<Answered>,
    pub deadline: Deadline,
    /// Something was stopped, or pushed back: its links have to be looked through.
    pub stirred: bool,
}

impl<'a> Walk<'a> {
    /// Gets ready, from nothing or from what an earlier crawl had found.
    pub(super) fn new(
        tools: Tools<'a>,
        target: &'a Target,
        settings: &'a Settings,
        deadline: Deadline,
        journal: Journal,
        found: Option<Atlas>,
    ) -> Self {
        let resumed = found.is_some();
        let atlas = found.unwrap_or_default();
        let entries = atlas.links.values().filter(|link| link.depth == 0).count();
        Self {
            frontier: Frontier::new(settings.concurrency),
            reserved: HashSet::new(),
            pages_read: u32::try_from(atlas.pages.iter().filter(|page| !page.list).count())
                .unwrap_or(u32::MAX),
            looks_left: if tools.eyes.is_some() { settings.looks } else { 0 },
            extent: CrawlExtent { resumed, ..CrawlExtent::default() },
            report: CrawlReport::default(),
            looks: VecDeque::new(),
            nowhere: HashMap::new(),
            waiting: HashMap::new(),
            uncompared: HashSet::new(),
            home: None,
            done: 0,
            broken: 0,
            entries: u32::try_from(entries).unwrap_or(0),
            more_wanted: HashMap::new(),
            no_page: HashSet::new(),
            maps: HashSet::new(),
            entered: false,
            places_looked_for: false,
            running: JoinSet::new(),
            stirred: false,
            atlas,
            journal,
            tools,
            target,
            settings,
            deadline,
        }
    }

    /// Notes how long it took to read what an earlier crawl had found.
    pub(super) fn loaded(&mut self, time: Duration) {
        if self.extent.resumed {
            self.extent.loaded_ms = Some(crate::clock::millis(time));
        }
    }

    /// Goes.
    pub(super) async fn run(mut self) -> CrawlReport {
        self.entered = self.enter().await;
        if !self.entered && self.extent.resumed {
            let why = "The entry page could not be had, so nothing was looked at this time.";
            self.extent.cut_short.get_or_insert_with(|| why.to_owned());
        }
        if self.entered {
            if self.extent.resumed {
                self.resume();
            }
            let cut = self.go().await;
            // Answers of questions that were dropped say nothing.
            self.running.abort_all();
            self.extent.cut_short = cut.or(self.extent.cut_short.take());
        }
        self.remember().await;
        self.finish()
    }

    /// Puts every link of an earlier crawl that is not settled back into its queue.
    fn resume(&mut self) {
        for no in 0..self.atlas.links.len() {
            if let State::Done(verdict) = &self.atlas.links[no].state {
                self.done += 1;
                self.broken += u32::from(matches!(verdict, Verdict::Faulty { .. }));
            } else {
                self.atlas.links[no].state = State::Waiting;
                self.enqueue(No::try_from(no).unwrap_or(No::MAX));
            }
        }
    }

    /// Asks and looks until nothing is left; why it ended early, if it did.
    async fn go(&mut self) -> Option<String> {
        let mut looking: Option<(Look, HostNo, Looking<'a>)> = None;
        let mut flush = Deadline::after(FLUSH);
        loop {
            if self.stirred {
                self.stirred = false;
                self.set_aside();
            }
            let (next_at, waits_for) = self.fill().unzip();
            if looking.is_none() {
                looking = self.begin_look();
            }
            if self.running.is_empty() && looking.is_none() && next_at.is_none() && self.looks.is_empty() {
                // What was stopped just now has to be set aside first.
                if self.stirred || self.look_for_places() {
                    continue;
                }
                return None;
            }
            if self.deadline.passed() {
                return Some(LATE.to_owned());
            }
            if self.running.is_empty() && looking.is_none() {
                self.tell_waiting(waits_for);
            }
            let wake = next_at.unwrap_or(self.deadline).min(self.deadline);
            tokio::select! {
                biased;
                () = self.tools.cancel.cancelled() => return Some("It was stopped.".to_owned()),
                () = tokio::time::sleep_until(wake.instant()) => {}
                Some(answered) = self.running.join_next() => {
                    self.answered(answered);
                    while let Some(answered) = self.running.try_join_next() {
                        self.answered(answered);
                    }
                    self.tell();
                }
                sight = async {
                    match &mut looking {
                        Some((_, _, look)) => look.await,
                        None => std::future::pending().await,
                    }
                } => {
                    if let Some((look, host, _)) = looking.take() {
                        self.frontier.ended(host);
                        self.frontier.host_mut(host).note_turn();
                        self.looked(&look, host, sight);
                    }
                }
            }
            if flush.passed() {
                self.journal.flush();
                flush = Deadline::after(FLUSH);
            }
        }
    }

    fn answered(&mut self, answered: Result<Answered, tokio::task::JoinError>) {
        match answered {
            // The end of the crawl cut it off; it had less time than its due.
            Ok(Answered { got, .. }) if self.deadline.passed() && got.timed_out() => {
                self.extent.cut_short = Some(LATE.to_owned());
            }
            Ok(answered) => self.take(answered),
            // Its panics are caught where they happen.
            Err(error) => {
                tracing::error!(%error, "a question of a crawl was lost");
                self.extent.cut_short = Some("A question was lost by a fault of our own.".to_owned());
            }
        }
    }

    /// Starts as many questions as may be; when the next one may follow, if one has to wait.
    fn fill(&mut self) -> Option<(Deadline, HostNo)> {
        while self.running.len() < self.settings.at_once {
            let settings = self.settings;
            let pages = &self.atlas;
            let next = self.frontier.next(|host, task| match task {
                Task::Link { no, .. } if host.own && pages.links[*no as usize].used == Use::Page => {
                    settings.page_interval
                }
                _ => settings.link_interval,
            });
            match next {
                Next::Go(host, task) => self.start(host, task),
                Next::At(at, host) => return Some((at, host)),
                Next::Idle => return None,
            }
        }
        None
    }

    /// Whether one more page may be read.
    pub(super) fn has_room_for_pages(&self) -> bool {
        (self.pages_read as usize).saturating_add(self.reserved.len()) < self.settings.max_pages as usize
    }

    /// Puts a link into the queue of its host.
    pub(super) fn enqueue(&mut self, no: No) {
        let Ok(url) = Url::parse(self.atlas.address(no)) else {
            return self.settle(no, doubt(DoubtClass::Ours, None, "Its address cannot be read."));
        };
        let depth = self.atlas.links[no as usize].depth;
        let host = self.host_of(&url);
        self.frontier.push(host, no, depth);
        if self.frontier.host(host).stop.is_some() {
            self.stirred = true;
        }
    }

    /// The host of an address in the frontier.
    pub(super) fn host_of(&mut self, url: &Url) -> HostNo {
        let key = host_key(url);
        let own = self.owns(url);
        let stop = self.cooling(&key);
        let name = key.clone();
        let scheme = if url.scheme() == "https" { "https" } else { "http" };
        self.frontier.host_no(&name, || {
            let mut host = Host::new(key, own, stop);
            host.scheme = scheme;
            host
        })
    }

    /// Why a host is left alone, when it wanted that.
    pub(super) fn cooling(&self, key: &str) -> Option<Stop> {
        let (left, why) = self.tools.manners.cooling(key)?;
        Some(Stop::Later(format!("another {} h, because {why}", left.as_secs().div_ceil(3600))))
    }

    /// Whether an address belongs to the portal.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.target.owns_host(host))
    }

    /// Takes out what waits at hosts that are not asked any more. Links of the portal stay open for
    /// the next crawl; what others want is no reason to begin anew.
    fn set_aside(&mut self) {
        for Stopped { host, stop, links, errands } in self.frontier.take_stopped() {
            let (key, own) = (self.frontier.host(host).key.clone(), self.frontier.host(host).own);
            let why = match &stop {
                Stop::Down => format!("{key} gives no answers"),
                Stop::Unwanted(why) => format!("{key} does not want us: {}", why.trim_end_matches('.')),
                Stop::Later(why) => format!("{key} is left alone: {why}"),
            };
            let open = own && stop != Stop::Down;
            if own {
                self.extent.cut_short.get_or_insert_with(|| format!("{why}."));
            }
            if own && stop == Stop::Down {
                // An outage, and no list of the links that met it first.
                for no in std::mem::take(&mut self.frontier.host_mut(host).streak) {
                    self.broken = self.broken.saturating_sub(1);
                    self.done = self.done.saturating_sub(1);
                    self.settle(no, doubt(DoubtClass::LeftAlone, None, GONE));
                }
            }
            for folder in errands.iter().filter_map(Task::folder) {
                if open {
                    for (no, _) in self.waiting.remove(folder).unwrap_or_default() {
                        self.atlas.links[no as usize].state = State::Waiting;
                    }
                } else {
                    self.without_comparison(folder);
                }
            }
            for no in links.into_iter().filter(|_| !open) {
                let why = format!("{why}, so nothing is said of its links.");
                self.settle(no, doubt(DoubtClass::LeftAlone, None, &why));
            }
        }
    }

    /// Settles a link for good.
    pub(super) fn settle(&mut self, no: No, verdict: Verdict) {
        self.journal.settled(no, &verdict);
        self.broken += u32::from(matches!(verdict, Verdict::Faulty { .. }));
        self.done += 1;
        self.reserved.remove(&no);
        let fine = verdict == Verdict::Fine;
        self.atlas.links[no as usize].state = State::Done(verdict);
        if let Some(greater) = self.more_wanted.remove(&no)
            && fine
        {
            self.ask_again(no, greater);
        }
    }

    /// Wants a browser to look, if there is one and its looks are not used up.
    pub(super) fn want_look(&mut self, no: No, why: Why) {
        if self.looks_left > 0 {
            self.looks_left -= 1;
            self.looks.push_back(Look { no, why });
            return;
        }
        match why {
            Why::Settle(class, status, detail) => {
                let detail = format!("{detail} No browser looked at it.");
                self.settle(no, doubt(class, status, &detail));
            }
            Why::Render(source) => self.read_source(no, &source.0, &source.1),
            Why::Places => {}
        }
    }

    /// The link of a look that cannot be had stays open for the next crawl.
    fn leave_open(&mut self) {
        self.extent.cut_short.get_or_insert_with(|| "Not every doubt could be looked into.".to_owned());
    }

    /// Begins the next look whose host is free.
    fn begin_look(&mut self) -> Option<(Look, HostNo, Looking<'a>)> {
        let eyes = self.tools.eyes?;
        for _ in 0..self.looks.len() {
            let look = self.looks.pop_front()?;
            let Ok(url) = Url::parse(self.atlas.address(look.no)) else { continue };
            let host = self.host_of(&url);
            if self.frontier.host(host).stop.is_some() {
                self.leave_open();
                continue;
            }
            // A live host has its turn to itself; a test system does not mind.
            let wait = self.frontier.free_in(host, self.settings.page_interval);
            let Some(wait) = wait.or_else(|| (!self.settings.live).then_some(Duration::ZERO)) else {
                self.looks.push_back(look);
                continue;
            };
            if !self.tools.manners.take(&self.frontier.host(host).key, self.settings.daily) {
                self.leave_open();
                continue;
            }
            self.frontier.begun(host);
            self.extent.requests += 1;
            let (deadline, within) = (self.deadline, self.settings.look_within);
            let looking = Box::pin(async move {
                tokio::time::sleep(wait).await;
                eyes.look(&url, deadline.tightened(within)).await
            });
            return Some((look, host, looking));
        }
        None
    }

    /// Notes what a page names, and asks for what is new.
    pub(super) fn place(
        &mut self,
        page: super::atlas::PageNo,
        at: &Placement<'_>,
        note: &mut super::journal::PageNote,
    ) {
        let room = self.settings.max_links as usize + self.entries as usize;
        let Some(placed) = self.atlas.place(page, at, room) else {
            self.extent.cut_short = Some(format!("It may check {} links.", self.settings.max_links));
            return;
        };
        if self.journal.is_kept() {
            note.name(placed.no, placed.changed, at);
        }
        if placed.new {
            self.enqueue(placed.no);
        } else if placed.again {
            self.ask_again(placed.no, placed.more);
        }
    }

    /// A link that was asked for already is asked once more when more is wanted of it now; `greater`
    /// when it is put to a greater use.
    fn ask_again(&mut self, no: No, greater: bool) {
        let link = &self.atlas.links[no as usize];
        match link.state {
            State::Done(Verdict::Fine) => {}
            // When it is settled.
            State::Asked => {
                *self.more_wanted.entry(no).or_default() |= greater;
                return;
            }
            _ => return,
        }
        let address = self.atlas.address(no);
        let Ok(url) = Url::parse(address) else { return };
        let own = self.owns(&url);
        // Nearer to the home page than it was read, or not read at all.
        let unread = own
            && link.used == Use::Page
            && link.depth <= self.settings.depth
            && !self.atlas.is_read(address, link.depth)
            && (self.has_room_for_pages() || self.atlas.is_read(address, u32::MAX))
            && claimed(&url).is_none()
            && !self.no_page.contains(&no);
        let unplaced = link.wants_places && self.settings.fragments && !self.atlas.places.contains_key(&no);
        if unread || greater || (unplaced && !own) {
            self.journal.again(no);
            self.atlas.links[no as usize].state = State::Waiting;
            self.done = self.done.saturating_sub(1);
            self.enqueue(no);
        }
    }

    async fn remember(&mut self) {
        self.journal.flush();
        for key in self.frontier.own_hosts() {
            self.tools.manners.keep(&key).await;
        }
    }

    /// Notes that the portal told us to stay away.
    pub(super) fn unwanted(
        &mut self,
        host: HostNo,
        url: &Url,
        got: (Option<u16>, Option<Duration>),
        why: &str,
    ) {
        let key = self.frontier.host(host).key.clone();
        let (status, retry_after) = got;
        if self.settings.live {
            let time = retry_after.unwrap_or_default().max(self.settings.cool_down);
            self.tools.manners.cool(&key, time, why);
        }
        self.frontier.host_mut(host).stop = Some(Stop::Unwanted(why.to_owned()));
        self.stirred = true;
        if self.frontier.host(host).own && self.report.blocked.is_none() {
            self.report.blocked = Some(Blocked {
                host: key,
                url: url.to_string(),
                status,
                phrase: Some(why.to_owned()),
                retry_after,
            });
        }
    }

    pub(super) fn tell(&self) {
        self.tell_waiting(None);
    }

    fn tell_waiting(&self, host: Option<HostNo>) {
        (self.tools.progress)(Progress {
            pages_read: u32::try_from(self.atlas.pages.len()).unwrap_or(u32::MAX),
            links_done: self.done.saturating_sub(self.entries),
            links_found: u32::try_from(self.atlas.links.len())
                .unwrap_or(u32::MAX)
                .saturating_sub(self.entries),
            broken: self.broken,
            waits_for: host.map(|host| self.frontier.host(host).key.as_str()),
        });
    }

    /// The client's time for the entry page.
    pub(super) fn within(&self) -> Deadline {
        self.deadline.tightened(self.settings.within)
    }
}

/// A verdict that says nothing.
pub(super) fn doubt(class: DoubtClass, status: Option<u16>, detail: &str) -> Verdict {
    Verdict::Doubtful { class, status, detail: detail.into() }
}
