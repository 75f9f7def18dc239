//! The crawl itself, level by level.
//!
//! Links of one level are put in one queue per host. Queues run side by side, each in order; what
//! their pages link to makes the next level. Suspects of a queue are asked again, afresh, when
//! the queue is through.
//!
//! Invariant: when time runs out or somebody stops the crawl, the link in question is dropped
//! and never called broken.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::extract::{Link, Links, links};
use super::host::{Host, Robots, key};
use super::settle::{Settled, settle};
use super::{Blocked, CrawlReport, Progress, Settings};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::link::{LinkClass, LinkFault, identity};
use crate::domain::observation::TransportClass;
use crate::domain::target::Target;
use crate::http::{Answer, Client, Get, page};

/// The most decoded bytes of a page that is read for its links.
const MAX_PAGE: usize = 8 * 1024 * 1024;
/// The most of a link's body that is read: enough to see an answer break off early.
const MAX_LINK: usize = 64 * 1024;
/// A firewall's page has few words; a real page may well quote its phrases.
const FIREWALL_TEXT: usize = 1_000;

/// A link to check.
struct Task {
    link: Link,
    /// The page that carries it.
    page: String,
    on_home: bool,
}

/// What is known of a link that was asked for.
struct Asked {
    settled: Settled,
    status: Option<u16>,
    at: Stopwatch,
    links: Option<(Url, Links)>,
}

/// What one queue of one level came to.
#[derive(Default)]
struct Queue {
    faults: Vec<(usize, LinkFault)>,
    below: Vec<(usize, Url, Links)>,
    checked: u32,
    unsettled: u32,
    skipped_by_robots: u32,
    robots_down: bool,
    blocked: Option<Blocked>,
    cut_short: bool,
}

/// A crawl under way.
pub struct Walk<'a> {
    client: &'a Client,
    target: &'a Target,
    settings: &'a Settings,
    deadline: Deadline,
    cancel: &'a CancellationToken,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    pages: AtomicU32,
    done: AtomicU32,
    found: AtomicU32,
}

impl<'a> Walk<'a> {
    /// Gets ready.
    pub fn new(
        client: &'a Client,
        target: &'a Target,
        settings: &'a Settings,
        deadline: Deadline,
        cancel: &'a CancellationToken,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Self {
        let (pages, done, found) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Self { client, target, settings, deadline, cancel, progress, pages, done, found }
    }

    /// Goes.
    pub async fn run(self) -> CrawlReport {
        let mut report = CrawlReport::default();
        let mut hosts: HashMap<String, Host> = HashMap::new();
        let mut known: HashSet<Url> = HashSet::new();
        let mut tasks = self.entry(&mut report, &mut hosts, &mut known).await;
        let mut level = 0;
        while !tasks.is_empty() && report.blocked.is_none() {
            let below = self.level(level, tasks, &mut hosts, &mut report).await;
            tasks = self.tasks(below, false, &mut known, &mut report);
            level += 1;
        }
        report.pages_read = self.pages.load(Relaxed);
        report
    }

    /// Asks for the entry page, whatever robots.txt says, and takes its links if it may.
    async fn entry(
        &self,
        report: &mut CrawlReport,
        hosts: &mut HashMap<String, Host>,
        known: &mut HashSet<Url>,
    ) -> Vec<Task> {
        let mut url = self.target.entry.clone();
        url.set_fragment(None);
        known.insert(url.clone());
        let host = hosts.entry(key(&url)).or_default();
        self.robots(host, &url).await;
        report.robots_down = matches!(host.robots, Robots::Down);
        // No interval here: robots.txt is asked for once, and the entry page is what we came for.
        if !self.pause(host.wait(Duration::ZERO)).await {
            report.cut_short = true;
            return Vec::new();
        }
        let request = Get { url: url.clone(), max_body: MAX_PAGE, fresh: true };
        let Some(answer) = self.fetch(&request).await else {
            report.cut_short = true;
            return Vec::new();
        };
        host.note(&answer, self.settings.max_wait);
        let address = answer.url.clone();
        let page = if answer.is_html() {
            page::read(&answer, move |tree| links(tree, &address)).await
        } else {
            None
        };
        report.entry = answer.facts(page.as_ref().map_or("", |page| &page.title));
        report.entry_text = page.as_ref().map(|page| page.text.clone()).unwrap_or_default();
        let phrase = self.firewall(&report.entry_text);
        if settle(&answer) == Settled::Blocked || phrase.is_some() {
            report.blocked = Some(blocked(&answer, phrase));
            return Vec::new();
        }
        let Some(page) = page.filter(|_| settle(&answer) == Settled::Fine && self.owns(&answer.url)) else {
            return Vec::new();
        };
        known.insert(answer.url.clone());
        self.pages.store(1, Relaxed);
        if !host.robots.allow(&url) && !report.robots_down {
            report.skipped_by_robots += 1;
            return Vec::new();
        }
        report.cut_short |= !page.whole || page.taken.cut;
        self.tasks(vec![(0, answer.url.clone(), page.taken)], true, known, report)
    }

    /// Turns the links of pages into tasks, each address once in the whole crawl.
    fn tasks(
        &self,
        mut below: Vec<(usize, Url, Links)>,
        on_home: bool,
        known: &mut HashSet<Url>,
        report: &mut CrawlReport,
    ) -> Vec<Task> {
        below.sort_by_key(|(at, ..)| *at);
        let mut tasks = Vec::new();
        for (_, page, links) in below {
            report.cut_short |= links.cut;
            for link in links.found {
                if known.contains(&link.url) {
                    continue;
                }
                if self.found.load(Relaxed) >= self.settings.max_links {
                    report.cut_short = true;
                    return tasks;
                }
                self.found.fetch_add(1, Relaxed);
                known.insert(link.url.clone());
                tasks.push(Task { link, page: page.to_string(), on_home });
            }
        }
        self.tell();
        tasks
    }

    /// Checks the links of one level; what their pages link to.
    async fn level(
        &self,
        level: u32,
        tasks: Vec<Task>,
        hosts: &mut HashMap<String, Host>,
        report: &mut CrawlReport,
    ) -> Vec<(usize, Url, Links)> {
        let mut queues: Vec<(String, Vec<(usize, Task)>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (at, task) in tasks.into_iter().enumerate() {
            let name = key(&task.link.url);
            let place = *places.entry(name.clone()).or_insert(queues.len());
            if place == queues.len() {
                queues.push((name, Vec::new()));
            }
            queues[place].1.push((at, task));
        }
        let read_pages = level < self.settings.depth;
        let held: Vec<_> = queues
            .into_iter()
            .map(|(name, tasks)| {
                let host = hosts.remove(&name).unwrap_or_default();
                (name, host, tasks)
            })
            .collect();
        let mut running = stream::iter(held)
            .map(|(name, host, tasks)| async move { (name, self.queue(host, tasks, read_pages).await) })
            .buffer_unordered(self.settings.hosts_at_once.max(1));
        let mut faults = Vec::new();
        let mut below = Vec::new();
        while let Some((name, (host, queue))) = running.next().await {
            hosts.insert(name, host);
            faults.extend(queue.faults);
            below.extend(queue.below);
            report.links_checked += queue.checked;
            report.unsettled += queue.unsettled;
            report.skipped_by_robots += queue.skipped_by_robots;
            report.robots_down |= queue.robots_down;
            report.cut_short |= queue.cut_short;
            if report.blocked.is_none() {
                report.blocked = queue.blocked;
            }
        }
        faults.sort_by_key(|(at, _)| *at);
        report.faults.extend(faults.into_iter().map(|(_, fault)| fault));
        below
    }

    /// Checks the links of one level that lead to one host, in order.
    async fn queue(&self, mut host: Host, tasks: Vec<(usize, Task)>, read_pages: bool) -> (Host, Queue) {
        let mut queue = Queue::default();
        let own = tasks.first().is_some_and(|(_, task)| self.owns(&task.link.url));
        if own && let Some((_, task)) = tasks.first() {
            self.robots(&mut host, &task.link.url).await;
            queue.robots_down = matches!(host.robots, Robots::Down);
        }
        let mut suspects = Vec::new();
        for (at, task) in tasks {
            if own && !host.robots.allow(&task.link.url) {
                queue.skipped_by_robots += 1;
                self.done();
                continue;
            }
            if host.stopped || host.is_down() {
                queue.unsettled += 1;
                queue.cut_short |= own;
                self.done();
                continue;
            }
            let read = read_pages && own && task.link.page;
            let Some(asked) = self.ask(&mut host, &mut queue, &task, read, false).await else {
                queue.cut_short = true;
                return (host, queue);
            };
            queue.checked += 1;
            if let Settled::Broken(_) = asked.settled {
                suspects.push((at, task, read, asked.at));
                continue;
            }
            self.done();
            Self::keep(&mut queue, at, asked);
        }
        for (at, task, read, failed) in suspects {
            // A portal that went down on the way is an outage, and no list of broken links.
            if host.stopped || (own && host.is_down()) {
                queue.unsettled += 1;
                queue.cut_short |= own;
                self.done();
                continue;
            }
            if !self.pause(self.settings.retry_pause.saturating_sub(failed.elapsed())).await {
                queue.cut_short = true;
                return (host, queue);
            }
            let Some(asked) = self.ask(&mut host, &mut queue, &task, read, true).await else {
                queue.cut_short = true;
                return (host, queue);
            };
            self.done();
            if let Settled::Broken(class) = asked.settled {
                let fault = LinkFault {
                    page: task.page,
                    id: identity(task.link.url.as_str()),
                    url: task.link.url.to_string(),
                    text: task.link.text,
                    status: asked.status,
                    class: LinkClass::from_name(class).unwrap_or(LinkClass::Other),
                    detail: String::new(),
                    element: String::new(),
                    attribute: String::new(),
                    line: 0,
                    column: 0,
                    pages: 1,
                    on_home: task.on_home,
                    first_seen_at: None,
                    last_seen_at: None,
                };
                queue.faults.push((at, fault));
            } else {
                Self::keep(&mut queue, at, asked);
            }
        }
        (host, queue)
    }

    fn keep(queue: &mut Queue, at: usize, asked: Asked) {
        if let Some((page, links)) = asked.links {
            queue.below.push((at, page, links));
        }
        if matches!(asked.settled, Settled::Unsettled | Settled::Blocked) {
            queue.unsettled += 1;
        }
    }

    /// Asks for one link when its turn has come; `None` when time ran out or somebody stopped us.
    async fn ask(
        &self,
        host: &mut Host,
        queue: &mut Queue,
        task: &Task,
        read: bool,
        fresh: bool,
    ) -> Option<Asked> {
        let own = self.owns(&task.link.url);
        let read = read && self.take_page();
        let interval = if read { self.settings.page_interval } else { self.settings.link_interval };
        let max_body = if read { MAX_PAGE } else { MAX_LINK };
        let answer = if self.pause(host.wait(interval)).await {
            self.fetch(&Get { url: task.link.url.clone(), max_body, fresh }).await
        } else {
            None
        };
        let Some(answer) = answer else {
            if read {
                self.pages.fetch_sub(1, Relaxed);
            }
            return None;
        };
        let stayed = key(&answer.url) == key(&task.link.url);
        if stayed {
            host.note(&answer, self.settings.max_wait);
        } else {
            host.note_turn();
        }
        let mut asked =
            Asked { settled: settle(&answer), status: answer.status, at: Stopwatch::start(), links: None };
        let mut phrase = None;
        let page = read && asked.settled == Settled::Fine && answer.is_html() && self.owns(&answer.url);
        if page {
            let address = answer.url.clone();
            if let Some(page) = page::read(&answer, move |tree| links(tree, &address)).await {
                phrase = self.firewall(&page.text);
                queue.cut_short |= !page.whole;
                asked.links = phrase.is_none().then(|| (answer.url.clone(), page.taken));
            }
        }
        if read && asked.links.is_none() {
            self.pages.fetch_sub(1, Relaxed);
        }
        if phrase.is_some() {
            asked.settled = Settled::Blocked;
        }
        if asked.settled == Settled::Blocked {
            host.stopped |= stayed;
            // Whoever a redirect led to said no; only the portal itself can ask us to cool down.
            if own && self.owns(&answer.url) && queue.blocked.is_none() {
                queue.blocked = Some(blocked(&answer, phrase));
                queue.cut_short = true;
            }
        }
        self.tell();
        Some(asked)
    }

    /// One request; `None` when our own time or somebody's stop ended it, not the portal.
    async fn fetch(&self, request: &Get) -> Option<Answer> {
        let within = self.deadline.tightened(self.settings.within);
        let answer = self.cancel.run_until_cancelled(self.client.get(request, within)).await?;
        let timed_out = answer.transport.as_ref().is_some_and(|t| t.class == TransportClass::Timeout);
        (!(timed_out && self.deadline.passed())).then_some(answer)
    }

    async fn robots(&self, host: &mut Host, any: &Url) {
        if matches!(host.robots, Robots::Unknown) {
            let within = self.deadline.tightened(self.settings.within);
            let fetched = host.fetch_robots(self.client, any, within);
            // Stopped in the middle: still unknown, and the next request notices the stop.
            let _ = self.cancel.run_until_cancelled(fetched).await;
        }
    }

    /// Waits; whether there is time left to go on.
    async fn pause(&self, time: Duration) -> bool {
        if self.cancel.is_cancelled() || time >= self.deadline.remaining() {
            return false;
        }
        if time.is_zero() {
            return true;
        }
        self.cancel.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
    }

    fn owns(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.target.owns_host(host))
    }

    /// Takes one of the pages that may still be read.
    fn take_page(&self) -> bool {
        let take = |n: u32| (n < self.settings.max_pages).then(|| n + 1);
        self.pages.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    fn firewall(&self, text: &str) -> Option<String> {
        if text.chars().nth(FIREWALL_TEXT).is_some() {
            return None;
        }
        self.settings.firewall_phrases.iter().find(|phrase| text.contains(phrase.as_str())).cloned()
    }

    fn done(&self) {
        self.done.fetch_add(1, Relaxed);
        self.tell();
    }

    fn tell(&self) {
        (self.progress)(Progress {
            pages_read: self.pages.load(Relaxed),
            links_done: self.done.load(Relaxed),
            links_found: self.found.load(Relaxed),
        });
    }
}

fn blocked(answer: &Answer, phrase: Option<String>) -> Blocked {
    Blocked {
        host: key(&answer.url),
        url: answer.url.to_string(),
        status: answer.status,
        phrase,
        retry_after: answer.retry_after,
    }
}
