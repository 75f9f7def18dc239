//! What an answer changes.
//!
//! Invariant: a link is called broken by its second answer, from fresh and after a pause, or by a
//! browser; never by its first.

use url::Url;

use super::ask::{File, Got, claimed};
use super::atlas::{No, PageNo, Placement, Places, Spot, Use, Verdict};
use super::frontier::{HostNo, Task};
use super::host::{Robots, Stop};
use super::journal::PageNote;
use super::read::{self, Kind, Reading};
use super::settle::{Seen, Settled, settle};
use super::soft::{self, Nowhere};
use super::walk::{Answered, GONE, Walk, Why, doubt};
use crate::clock::Deadline;
use crate::domain::link::{DoubtClass, LinkClass};
use crate::domain::observation::TransportClass;
use crate::judge::firewall;
use crate::plan::Render;

/// A firewall's page has few words; a real page may well quote its phrases, or hold a captcha.
const FIREWALL_TEXT: usize = 1_000;
/// A page of fewer characters and links than these, with scripts, is drawn by its scripts.
const BARE_TEXT: usize = 200;
const BARE_LINKS: usize = 3;
/// Folders of a crawl in which made-up names are asked for, at most.
const MAX_FOLDERS: usize = 100;
/// Sitemaps of a crawl that are read at most.
const MAX_SITEMAPS: usize = 50;
/// Pages that wait for the answer to one made-up name, at most; more are asked for once more, later.
const MAX_WAITING: usize = 50;

impl Walk<'_> {
    /// Takes an answer.
    pub(super) fn take(&mut self, answered: Answered) {
        let Answered { host, task, got } = answered;
        self.frontier.ended(host);
        self.frontier.host_mut(host).note_turn();
        self.extent.requests += u64::from(got.requests);
        for _ in 1..got.requests {
            // The day's share counts what was really sent.
            self.tools.manners.take(&self.frontier.host(host).key, u32::MAX);
        }
        match task {
            Task::Robots => self.take_robots(host, got),
            Task::Sitemap(url) => self.take_sitemap(&url, &got),
            Task::Nowhere(folder) => self.take_nowhere(&folder, &got),
            Task::Link { no, second } => self.take_link(host, no, second, got),
        }
    }

    pub(super) fn take_robots(&mut self, host: HostNo, got: Got) {
        let key = self.frontier.host(host).key.clone();
        if let (Some(stop), None) = (self.cooling(&key), &self.frontier.host(host).stop) {
            // It was not asked: what it wants was recalled only now.
            self.frontier.host_mut(host).stop = Some(stop);
            self.stirred = true;
            return;
        }
        let robots = match (got.transport.is_some(), got.status) {
            (false, Some(200..=299)) => {
                self.tools.manners.note_robots(&key, got.body);
                got.robots.unwrap_or_default()
            }
            (false, Some(status)) if status != 429 && status < 500 => {
                self.tools.manners.note_robots(&key, Vec::new());
                Robots::Open
            }
            // Down: the last good copy holds, and without one everything is closed (RFC 9309, 2.3.1.4).
            _ => {
                let copy = self.tools.manners.robots(&key);
                self.report.robots_down |= copy.is_none();
                copy.map_or(Robots::Down, |copy| Robots::read(&copy.body))
            }
        };
        for sitemap in robots.sitemaps(|url| url.host_str().is_some_and(|host| self.target.owns_host(host))) {
            self.want_sitemap(&sitemap);
        }
        self.frontier.host_mut(host).robots = robots;
        self.frontier.release(host);
    }

    /// Asks for a sitemap, each one once and so many at all: an index may name others without end.
    fn want_sitemap(&mut self, url: &str) {
        let Ok(at) = Url::parse(url) else { return };
        if self.maps.len() < MAX_SITEMAPS && self.maps.insert(url.to_owned()) {
            let host = self.host_of(&at);
            self.frontier.push_first(host, Task::Sitemap(url.to_owned()));
        }
    }

    /// Pages that a sitemap names are read last, when there is time for them.
    fn take_sitemap(&mut self, url: &str, got: &Got) {
        if got.transport.is_some() || got.status != Some(200) {
            return;
        }
        let source = String::from_utf8_lossy(&got.body);
        let map = read::sitemap(&source, &got.url, self.settings.max_links as usize);
        // A crawl that goes on where another one was stopped knows the pages already.
        if !self.atlas.is_read(url, u32::MAX) {
            let depth = self.settings.depth.saturating_sub(1);
            let page = self.atlas.page(url, depth, true);
            let mut note = PageNote::default();
            for named in &map.pages {
                if !self.owns(named) {
                    continue;
                }
                let at = Placement {
                    address: named.as_str(),
                    fragment: None,
                    used: Use::Page,
                    element: "loc",
                    attribute: "",
                    line: 0,
                    column: 0,
                    text: "",
                };
                self.place(page, &at, &mut note);
            }
            self.journal.page(None, url, depth, true, note);
        }
        for further in map.sitemaps.iter().take(MAX_SITEMAPS) {
            if self.owns(further) {
                self.want_sitemap(further.as_str());
            }
        }
    }

    /// Pages that wait for the answer to a made-up name that is never asked for are judged without.
    pub(super) fn without_comparison(&mut self, folder: &str) {
        self.nowhere.insert(folder.to_owned(), Nowhere::Other);
        for (no, got) in self.waiting.remove(folder).unwrap_or_default() {
            self.judge_page(no, *got, folder);
        }
    }

    fn take_nowhere(&mut self, folder: &str, got: &Got) {
        let nowhere = match (&got.reading, got.status, &got.transport) {
            (Some(page), Some(200), None) if page.passwords == 0 => Nowhere::Page {
                redirected_to: got.redirected.then(|| got.url.to_string()),
                print: page.print.clone(),
            },
            _ => Nowhere::Other,
        };
        self.nowhere.insert(folder.to_owned(), nowhere);
        for (no, got) in self.waiting.remove(folder).unwrap_or_default() {
            self.judge_page(no, *got, folder);
        }
    }

    fn take_link(&mut self, host: HostNo, no: No, second: bool, got: Got) {
        let stayed = crate::http::manners::host_key(&got.url) == self.frontier.host(host).key;
        if stayed {
            let class = got.transport.as_ref().map(|transport| transport.class);
            let refused = got.status == Some(403) || self.mark(&got).is_some();
            self.frontier.host_mut(host).note(refused, class, second);
            self.stirred |= self.frontier.host(host).stop.is_some();
            if let (Some(503 | 429), Some(wait)) = (got.status, got.retry_after) {
                self.frontier.host_mut(host).rest(wait, self.settings.max_wait);
                self.stirred |= self.frontier.host(host).stop.is_some();
            }
        }
        match self.settle_answer(no, &got) {
            Settled::Fine => self.fine(no, Got { second, ..got }),
            // From fresh, after a pause; a portal that went down on the way is an outage and no
            // list of broken links.
            Settled::Broken(..) | Settled::Look(DoubtClass::Unsure, _) if !second => {
                let at = Deadline::after(self.settings.retry_pause);
                self.frontier.push_second(host, no, at);
            }
            Settled::Broken(class, detail) => {
                if self.frontier.host(host).stop == Some(Stop::Down) {
                    return self.settle(no, doubt(DoubtClass::LeftAlone, got.status, GONE));
                }
                if stayed && got.transport.is_some() {
                    self.frontier.host_mut(host).streak.push(no);
                }
                let detail = if detail.is_empty() { class.to_string() } else { detail };
                self.settle(no, Verdict::Faulty { class, status: got.status, detail: detail.into() });
            }
            Settled::Look(class, detail) => {
                self.want_look(no, Why::Settle(class, got.status, detail));
                if stayed && self.frontier.host(host).own && self.frontier.host(host).is_unwelcoming() {
                    let why = "It keeps us out of one page after the other.";
                    self.unwanted(host, &got.url, (got.status, got.retry_after), why);
                }
            }
            Settled::Doubt(class, detail) => self.settle(no, doubt(class, got.status, &detail)),
            Settled::Unwanted(why) => {
                let short = got.retry_after.is_some_and(|wait| wait <= self.settings.max_wait);
                if short && !second {
                    let at = Deadline::after(got.retry_after.unwrap_or_default());
                    self.frontier.push_second(host, no, at);
                } else if stayed {
                    self.settle(no, doubt(DoubtClass::Waf, got.status, &why));
                    self.unwanted(host, &got.url, (got.status, got.retry_after), &why);
                } else {
                    // Whoever a redirect led to said no.
                    self.settle(no, doubt(DoubtClass::Waf, got.status, &why));
                }
            }
        }
    }

    fn settle_answer(&self, no: No, got: &Got) -> Settled {
        let mark = self.mark(got);
        let asked = self.atlas.address(no);
        let seen = Seen {
            status: got.status,
            transport: got.transport.as_ref().map(|t| (t.class, t.detail.as_str())),
            mark: mark.as_deref(),
            login: is_login(asked, got),
            tls_may_pass: got
                .transport
                .as_ref()
                .is_some_and(|t| t.class == TransportClass::Tls && may_pass(&t.detail)),
            posts: self.atlas.links[no as usize].used == Use::PostForm,
        };
        let settled = settle(&seen);
        let page = matches!(self.atlas.links[no as usize].used, Use::Page);
        if settled == Settled::Fine && got.empty && page && got.status != Some(204) && got.file.is_none() {
            return Settled::Broken(LinkClass::Empty, "The answer has not a single byte.".to_owned());
        }
        match (&settled, &got.file) {
            (Settled::Fine, Some(file)) if file.kind == "html" => self.by_page(file, got),
            (Settled::Fine, Some(file)) => by_file(file),
            _ => settled,
        }
    }

    /// A page came instead of a document: an error page, a login, or nothing that it should be.
    fn by_page(&self, file: &File, got: &Got) -> Settled {
        let Some(page) = &got.reading else { return by_file(file) };
        if page.passwords > 0 {
            return Settled::Doubt(DoubtClass::Login, "It asks for a login.".to_owned());
        }
        let to = got.redirected.then_some(got.url.as_str());
        let nowhere = self.nowhere.get(&soft::folder(&got.url));
        match soft::is_soft(page, to, nowhere, self.home.as_ref(), &self.settings.lexicon) {
            Some(detail) => Settled::Broken(LinkClass::Soft404, detail),
            None => by_file(file),
        }
    }

    /// The mark of a firewall on an answer.
    pub(super) fn mark(&self, got: &Got) -> Option<String> {
        let refused = got.status.is_some_and(|status| status >= 400);
        if refused && let Some(header) = &got.firewall {
            return Some(header.clone());
        }
        self.mark_of_page(got.reading.as_deref()?)
    }

    fn mark_of_page(&self, page: &Reading) -> Option<String> {
        if page.text_chars > FIREWALL_TEXT {
            return None;
        }
        if page.anchors < BARE_LINKS
            && page.text_chars < BARE_TEXT
            // A captcha stands inside a page that is there.
            && let Some(mark) = page.marks.iter().find(|mark| firewall::is_check(mark))
        {
            return Some((*mark).to_owned());
        }
        self.settings.firewall_phrases.iter().find(|phrase| page.text.contains(phrase.as_str())).cloned()
    }

    /// A link that was answered well: its page is judged, read, and its places are noted.
    fn fine(&mut self, no: No, mut got: Got) {
        if got.harmless {
            self.journal.harmless(no);
            self.atlas.harmless.insert(no);
        }
        let parts = std::mem::take(&mut got.parts);
        self.place_parts(no, &parts);
        let own = self.owns(&got.url);
        if own
            && got.html
            && got.status == Some(200)
            && let Some(page) = &got.reading
            && soft::is_suspicious(page)
        {
            let folder = soft::folder(&got.url);
            let stopped = {
                let host = self.host_of(&got.url);
                self.frontier.host(host).stop.is_some()
            };
            if !self.settings.soft_404 || self.nowhere.contains_key(&folder) || stopped {
                return self.judge_page(no, got, &folder);
            }
            let waiting = self.waiting.entry(folder.clone()).or_default();
            if waiting.is_empty() && self.nowhere.len() < MAX_FOLDERS {
                let host = self.host_of(&got.url.clone());
                self.frontier.push_first(host, Task::Nowhere(folder.clone()));
                return self.waiting.entry(folder).or_default().push((no, Box::new(got)));
            }
            if !waiting.is_empty() && waiting.len() < MAX_WAITING {
                return waiting.push((no, Box::new(got)));
            }
            if !waiting.is_empty()
                && !got.second
                && let Ok(url) = Url::parse(self.atlas.address(no))
            {
                let host = self.host_of(&url);
                return self.frontier.push_second(host, no, Deadline::after(self.settings.retry_pause));
            }
            self.uncompared.insert(no);
        }
        self.good_page(no, got);
    }

    /// Judges a suspicious page when it is known what made-up names get in its folder.
    fn judge_page(&mut self, no: No, got: Got, folder: &str) {
        let soft = got.reading.as_ref().and_then(|page| {
            let to = got.redirected.then_some(got.url.as_str());
            soft::is_soft(page, to, self.nowhere.get(folder), self.home.as_ref(), &self.settings.lexicon)
        });
        match soft {
            // A portal under maintenance gives every address the same page, for a while.
            Some(_) if !got.second => {
                let Ok(url) = Url::parse(self.atlas.address(no)) else { return self.good_page(no, got) };
                let host = self.host_of(&url);
                self.frontier.push_second(host, no, Deadline::after(self.settings.retry_pause));
                self.stirred |= self.frontier.host(host).stop.is_some();
            }
            Some(detail) => {
                let class = LinkClass::Soft404;
                self.settle(no, Verdict::Faulty { class, status: got.status, detail: detail.into() });
            }
            None => self.good_page(no, got),
        }
    }

    fn good_page(&mut self, no: No, got: Got) {
        let Some(page) = got.reading else {
            self.no_page.insert(no);
            return self.settle(no, Verdict::Fine);
        };
        let page = Reading { makes_places: page.makes_places || got.cut, ..*page };
        if !(got.read && self.owns(&got.url)) {
            if got.read {
                self.no_page.insert(no);
            }
            self.note_places(no, &page);
            return self.settle(no, Verdict::Fine);
        }
        if self.needs_drawing(&page) {
            return self.want_look(no, Why::Render(Box::new((got.url, page))));
        }
        self.read_source(no, &got.url, &page);
    }

    /// Takes what a page's source says.
    pub(super) fn read_source(&mut self, no: No, url: &Url, page: &Reading) {
        let depth = self.atlas.links[no as usize].depth;
        self.read_page(Some(no), url, depth, page);
        // Only now, when the scripts that it names have numbers.
        self.note_places(no, page);
        self.settle(no, Verdict::Fine);
    }

    /// Notes the places inside a page. A script of which nothing is known may make further ones.
    pub(super) fn note_places(&mut self, no: No, page: &Reading) {
        if !self.settings.fragments {
            return;
        }
        let known = page.scripts == 0 || (!page.links.is_empty() && !page.cut);
        let scripts = page.links.iter().filter(|link| link.element == "script" && link.attribute == "src");
        let number = |link: &read::Link| {
            self.atlas.links.get_index_of(link.url.as_str()).and_then(|no| No::try_from(no).ok())
        };
        let scripts = scripts.map(number).collect::<Option<Box<[No]>>>().filter(|_| known);
        let places = Places { hashes: page.places.clone(), scripted: page.makes_places, scripts };
        self.journal.places(no, &places);
        self.atlas.places.insert(no, places);
    }

    /// Whether a page's source is only what its scripts begin with.
    pub(super) fn needs_drawing(&self, page: &Reading) -> bool {
        match self.settings.render {
            Render::Never => false,
            Render::Always => true,
            Render::Auto => {
                page.scripts > 0
                    && (page.text_chars < BARE_TEXT / 4 || page.anchors < BARE_LINKS)
                    && page.text_chars < BARE_TEXT
            }
        }
    }

    /// Notes everything that a page names: once for each address at which a page was found, and once
    /// more when it turns out to be nearer to the home page.
    pub(super) fn read_page(&mut self, no: Option<No>, url: &Url, depth: u32, page: &Reading) {
        self.pages_read += u32::from(!self.atlas.is_read(url.as_str(), u32::MAX));
        let nearer = !self.atlas.is_read(url.as_str(), depth);
        let number = if nearer {
            self.atlas.page(url.as_str(), depth, false)
        } else {
            self.atlas.number(url.as_str())
        };
        if let Some(no) = no {
            let address = self.atlas.address(no).to_owned();
            self.atlas.leads_to(&address, number);
        }
        if nearer {
            let mut note = PageNote::default();
            self.place_page(number, page, &mut note);
            self.journal.page(no, url.as_str(), depth, false, note);
        }
    }

    /// Notes the links of a page, and what it names that can never work.
    pub(super) fn place_page(&mut self, number: PageNo, page: &Reading, note: &mut PageNote) {
        for link in &page.links {
            self.place_link(number, link, note);
        }
        if page.cut {
            self.extent.cut_short = Some(format!("A page names more than {} links.", read::MAX_LINKS));
        }
        for wrong in &page.wrong {
            // The same file is the same fault however it is written.
            let written = Url::parse(&wrong.written).map_or_else(|_| wrong.written.clone(), String::from);
            let spot = Spot {
                page: number,
                element: wrong.element,
                attribute: wrong.attribute,
                line: wrong.line,
                column: wrong.column,
                text: wrong.text.as_str().into(),
            };
            note.wrong(&written, wrong.class, &spot);
            self.atlas.place_wrong(&written, wrong.class, spot, self.settings.max_links as usize);
        }
    }

    fn place_link(&mut self, page: PageNo, link: &read::Link, note: &mut PageNote) {
        let own = self.owns(&link.url);
        if !own && !self.settings.external {
            return;
        }
        let used = match link.kind {
            Kind::Page | Kind::Frame | Kind::Refresh | Kind::Form { post: false } => Use::Page,
            Kind::Style => Use::Style,
            Kind::Asset => Use::Asset,
            Kind::Form { post: true } => Use::PostForm,
        };
        let document = claimed(&link.url).is_some();
        let fragment = link.fragment.as_deref().filter(|_| self.settings.fragments && !document);
        let at = Placement {
            address: link.url.as_str(),
            fragment,
            used,
            element: link.element,
            attribute: link.attribute,
            line: link.line,
            column: link.column,
            text: &link.text,
        };
        self.place(page, &at, note);
    }

    /// Notes the parts that a style sheet names. The sheet stands in for a page.
    fn place_parts(&mut self, sheet: No, parts: &[read::Link]) {
        let address = self.atlas.address(sheet).to_owned();
        let depth = self.atlas.links[sheet as usize].depth;
        if parts.is_empty() || self.atlas.is_read(&address, depth) {
            return;
        }
        let page = self.atlas.page(&address, depth, true);
        let mut note = PageNote::default();
        for part in parts {
            self.place_link(page, part, &mut note);
        }
        self.journal.page(Some(sheet), &address, depth, true, note);
    }
}

/// What an attachment's bytes say.
fn by_file(file: &File) -> Settled {
    if file.empty {
        return Settled::Broken(LinkClass::Empty, "The file has not a single byte.".to_owned());
    }
    if !crate::filetype::passes_for(file.claimed, file.kind) {
        let what = match file.kind {
            "unknown" => "something else".to_owned(),
            "html" => "a page of HTML".to_owned(),
            kind => format!("of type {kind}"),
        };
        return Settled::Broken(
            LinkClass::WrongType,
            format!("The file is called {} and is {what}.", file.claimed),
        );
    }
    if !file.opens {
        return Settled::Broken(
            LinkClass::Unreadable,
            format!("The {} file does not open: its end is missing.", file.claimed),
        );
    }
    Settled::Fine
}

/// Whether a redirect led to a page that asks who we are.
fn is_login(asked: &str, got: &Got) -> bool {
    if !got.redirected {
        return false;
    }
    let names_login = |url: &str| {
        let url = url.to_ascii_lowercase();
        ["login", "signin", "/sso", "//sso", "/cas/", "passport", "oauth", "/auth"]
            .iter()
            .any(|word| url.contains(word))
    };
    let asks = got.reading.as_ref().is_some_and(|page| page.passwords > 0);
    asks || (names_login(got.url.as_str().split(['?', '#']).next().unwrap_or_default())
        && !names_login(asked))
}

/// Whether a TLS failure is one that a browser may not have. The words are `http/failure.rs`'s own.
fn may_pass(detail: &str) -> bool {
    detail.contains("intermediate certificate") || detail.contains("in common")
}
