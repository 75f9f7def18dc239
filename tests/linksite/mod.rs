//! A city portal with faults in its links, and the list of them: what link checkers are measured
//! against. The kinds of faults are listed in `faults.md`.
//!
//! [`Site::plan`] decides everything from a size, a seed and a port; pages are written when they
//! are asked for, so that a site of 20,000 pages needs no memory for them. The same plan can be
//! served by [`serve`] inside a test or be written to disk for nginx by [`nginx`].
//!
//! Three hosts share one port: the portal on 127.0.0.1, another host on 127.0.0.2, and 127.0.0.3
//! where nobody listens and, as the port is taken on its neighbours, nobody else is likely to.
//!
//! Invariants: pages are numbered in the order of a breadth-first crawl, because page `i` links to
//! its children before anything that no page before it has linked to: so the page that carries a
//! fault *first* is the one with the lowest number. Every address of the portal is broken exactly
//! when [`Site::answer`] says so, and then it is in [`Site::planted`].

#![allow(dead_code, reason = "tests and the bench program each use their own part")]

mod faults;
pub mod files;
pub mod kinds;
pub mod nginx;
pub mod page;
pub mod serve;
mod tricks;
pub mod words;

use std::collections::{BTreeMap, HashMap, HashSet};

use mystery_shopper::domain::link::LinkClass;
use serde::{Deserialize, Serialize};
use url::Url;

use faults::FAULTS;
use kinds::{Item, Kind, On, Resource, Spot};
use page::{FRAME_LINKS, Page, SPECIALS, Special, render};
pub use tricks::SMALL_PAGE;
use tricks::{CLOSED, TRICKS};

/// The folders of the four channels. In the last one a missing page answers with 200.
pub const CHANNELS: [&str; 4] = ["zwgk", "bsfw", "hdjl", "channel"];
/// The `<base>` of pages that have one.
pub const BASE: &str = "/bsfw/base/";
/// An id that every page has, in characters that every encoding of the site has.
pub const CHINESE_ID: &str = "附件";
/// Children of a page.
const BRANCHES: usize = 4;
/// The size from which on every kind of fault is planted in full number.
const FULL_PAGES: usize = 2_000;

/// How large a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its pages.
    pub pages: usize,
    /// The links on them, each time one is written.
    pub links: usize,
}

impl Size {
    /// For tests: every kind of fault, and every way in which one is written.
    pub const SMALL: Self = Self { pages: 60, links: 1_500 };
    /// For measuring.
    pub const FULL: Self = Self { pages: FULL_PAGES, links: 40_000 };
}

/// One of the three hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The portal.
    Portal,
    /// Somebody else.
    Other,
}

/// A page of the plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is special about it.
    pub special: Special,
    /// Its path as a file system has it.
    pub path: String,
    /// Its path as an address has it.
    pub href: String,
}

/// A fault of the site, as a checker should report it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// What was done, in words.
    pub kind: String,
    /// The name of its [`LinkClass`].
    pub class: String,
    /// The address.
    pub url: String,
    /// The page that carries it first in a breadth-first crawl; the sheet, when it stands in one.
    pub page: String,
    /// The element; empty in a sheet.
    pub element: String,
    /// The attribute; `url()` in a sheet.
    pub attribute: String,
    /// The line of the element, from 1; 0 in a sheet.
    pub line: u32,
    /// Its column, in characters from 1; 0 in a sheet.
    pub column: u32,
    /// The words of the link; empty when it has none that a reader sees.
    pub text: String,
    /// How many pages carry it.
    pub pages: u32,
    /// Whether the home page does.
    pub on_home: bool,
}

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Page number so and so.
    Page(usize),
    /// Something else.
    Special(&'a Resource),
    /// A redirect that no [`Resource`] describes.
    Redirect(u16, String),
    /// 200, and the words that there is no such page.
    Missing,
    /// 404.
    NotFound,
}

/// A site.
#[derive(Debug)]
pub struct Site {
    /// How large it is.
    pub size: Size,
    /// What it was made from.
    pub seed: u64,
    /// The port of its hosts.
    pub port: u16,
    /// `http://` and the portal.
    pub origin: String,
    /// The pages, in the order of a crawl; the last one is named by the sitemap alone.
    pub pages: Vec<Planned>,
    /// The faults.
    pub planted: Vec<Planted>,
    /// Addresses of healthy links that look broken.
    pub tricks: Vec<String>,
    /// Addresses of links that do not work for us and of which nothing may be said.
    pub closed: Vec<String>,
    /// What is no page: decoded paths of the portal, whole addresses of the other host.
    pub resources: BTreeMap<String, Resource>,
    items: Vec<Item>,
    on_page: HashMap<usize, Vec<usize>>,
    everywhere: Vec<usize>,
    in_channel: Vec<usize>,
    by_path: HashMap<String, usize>,
}

impl Site {
    /// Decides everything. Panics when `size` has too few links for the faults.
    pub fn plan(size: Size, seed: u64, port: u16) -> Self {
        let mut random = Random::new(seed);
        let pages = pages(size.pages, &mut random);
        let by_path = pages.iter().enumerate().map(|(i, page)| (page.path.clone(), i)).collect();
        let mut planned = Self {
            size,
            seed,
            port,
            origin: format!("http://127.0.0.1:{port}"),
            pages,
            planted: Vec::new(),
            tricks: Vec::new(),
            closed: Vec::new(),
            resources: BTreeMap::new(),
            items: Vec::new(),
            on_page: HashMap::new(),
            everywhere: Vec::new(),
            in_channel: Vec::new(),
            by_path,
        };
        planned.resources.extend(nginx::fixed(&planned));
        Planting::new(&mut planned, random).plant();
        planned.planted = planned.list();
        planned
    }

    /// The other host's `http://` and address.
    pub fn other(&self) -> String {
        format!("http://127.0.0.2:{}", self.port)
    }

    /// The page's source.
    pub fn render(&self, i: usize) -> Page {
        render(self, i)
    }

    /// The page's bytes.
    pub fn bytes(&self, i: usize) -> Vec<u8> {
        let text = self.render(i).text;
        let (bytes, _, lossy) = self.pages[i].special.encoding().encode(&text);
        // A numeric reference in place of a letter would move every position behind it.
        let bytes = bytes.into_owned();
        assert!(!lossy, "page {i} has letters that its encoding has not");
        bytes
    }

    /// The whole address of a page.
    pub fn url(&self, i: usize) -> String {
        format!("{}{}", self.origin, self.pages[i].href)
    }

    /// What answers at a path with its query, as they stand in an address.
    pub fn answer(&self, host: Host, target: &str) -> Reply<'_> {
        let path = decode(target.split_once('?').map_or(target, |(path, _)| path));
        if host == Host::Other {
            let found = self.resources.get(&format!("{}{path}", self.other()));
            return found.map_or(Reply::NotFound, Reply::Special);
        }
        if let Some(&page) = self.by_path.get(&path) {
            return Reply::Page(page);
        }
        if let Some(resource) = self.resources.get(&path) {
            return Reply::Special(resource);
        }
        if self.by_path.contains_key(&format!("{path}/")) {
            return Reply::Redirect(301, format!("{path}/"));
        }
        if path.starts_with("/channel/") {
            Reply::Missing
        } else if path.starts_with("/archive/") {
            Reply::Redirect(302, "/error/404.html".to_owned())
        } else {
            Reply::NotFound
        }
    }

    /// The pages below a page.
    fn children(&self, i: usize) -> std::ops::Range<usize> {
        let linked = self.size.pages - 1;
        let first = (i * BRANCHES + 1).min(linked);
        if i == linked { 0..0 } else { first..(first + BRANCHES).min(linked) }
    }

    /// A page that is known before the links of page `i` are followed.
    fn near(&self, i: usize, random: &mut Random) -> usize {
        let known = if i + 1 == self.size.pages { i } else { i + 1 };
        random.below(known)
    }

    /// How many links page `i` has.
    fn budget(&self, i: usize) -> usize {
        self.size.links * (i + 1) / self.size.pages - self.size.links * i / self.size.pages
    }

    fn in_channel(&self, i: usize) -> bool {
        self.pages[i].path.starts_with("/hdjl/")
    }

    /// Lists the faults with their places.
    fn list(&self) -> Vec<Planted> {
        let mut carriers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (&page, items) in &self.on_page {
            for &item in items {
                carriers.entry(item).or_default().push(page);
            }
        }
        let all: Vec<usize> = (0..self.size.pages).collect();
        let channel: Vec<usize> = all.iter().copied().filter(|&i| self.in_channel(i)).collect();
        carriers.extend(self.everywhere.iter().map(|&item| (item, all.clone())));
        carriers.extend(self.in_channel.iter().map(|&item| (item, channel.clone())));
        let mut planted: Vec<_> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(number, item)| {
                let (fault, pages) = (item.fault.as_ref()?, &carriers[&number]);
                let first = *pages.iter().min()?;
                let page = self.render(first);
                let offset = page.marks.iter().find(|(other, _)| *other == number)?.1;
                let (line, column) = if fault.sheet.is_some() { (0, 0) } else { page.position(offset) };
                let entry = Planted {
                    kind: item.kind.to_owned(),
                    class: fault.class.name().to_owned(),
                    url: item.url.clone(),
                    page: fault.sheet.clone().unwrap_or_else(|| self.url(first)),
                    element: fault.element.to_owned(),
                    attribute: fault.attribute.to_owned(),
                    line,
                    column,
                    text: fault.text.clone(),
                    pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
                    on_home: fault.sheet.is_none() && first == 0,
                };
                Some(((first, offset), entry))
            })
            .collect();
        planted.sort_by_key(|(place, _)| *place);
        planted.into_iter().map(|(_, planted)| planted).collect()
    }
}

/// The pages of a site: a tree, special ones strewn over it, and one outside of it.
fn pages(count: usize, random: &mut Random) -> Vec<Planned> {
    let mut specials = vec![Special::None; count];
    let mut free: Vec<usize> = (CHANNELS.len() + 1..count - 1).collect();
    for (special, full) in SPECIALS {
        for _ in 0..if count >= FULL_PAGES { full } else { full.div_ceil(8) } {
            let page = free.swap_remove(random.below(free.len()));
            specials[page] = special;
        }
    }
    specials[count - 1] = Special::Orphan;
    let origin = Url::parse("http://127.0.0.1/").expect("an address");
    (0..count)
        .zip(specials)
        .map(|(i, special)| {
            let mut top = i;
            while top > CHANNELS.len() {
                top = (top - 1) / BRANCHES;
            }
            let path = match i {
                0 => "/".to_owned(),
                1..=4 => format!("/{}/", CHANNELS[i - 1]),
                _ => special.path(i, CHANNELS[top - 1]),
            };
            let mut url = origin.clone();
            url.set_path(&path);
            Planned { special, href: url.path().to_owned(), path }
        })
        .collect()
}

/// How many of a kind a site has. On a smaller one as many as any kind has ways of being written.
fn scaled(full: usize, pages: usize) -> usize {
    if pages >= FULL_PAGES { full } else { full.min(8) }
}

/// Puts items on pages.
struct Planting<'a> {
    site: &'a mut Site,
    random: Random,
    /// Links of each page so far.
    load: Vec<usize>,
    /// Pages that move on by themselves: one refresh a page.
    refreshed: HashSet<usize>,
    candidates: HashMap<On, Vec<usize>>,
}

impl<'a> Planting<'a> {
    fn new(site: &'a mut Site, random: Random) -> Self {
        let own = |i: usize| FRAME_LINKS + site.children(i).len() + usize::from(site.in_channel(i));
        let load = (0..site.size.pages).map(own).collect();
        let mut candidates: HashMap<On, Vec<usize>> = HashMap::new();
        for (i, page) in site.pages.iter().enumerate() {
            candidates.entry(page.special.on()).or_default().push(i);
        }
        Self { site, random, load, refreshed: HashSet::new(), candidates }
    }

    fn plant(mut self) {
        let pages = self.site.size.pages;
        for kind in FAULTS {
            for n in 0..scaled(kind.count, pages) {
                self.one(kind, n);
            }
        }
        for (kinds, closed) in [(TRICKS, false), (CLOSED, true)] {
            for kind in kinds {
                for n in 0..scaled(kind.count, pages) {
                    let url = self.one(kind, n);
                    let list = if closed { &mut self.site.closed } else { &mut self.site.tricks };
                    list.push(url);
                }
            }
        }
    }

    /// Plants one; answers where its link leads.
    fn one(&mut self, kind: &Kind, n: usize) -> String {
        let number = self.site.items.len();
        let refreshes = kind.name == "meta refresh";
        let first = match kind.on {
            On::Everywhere => 0,
            On::Channel => CHANNELS.iter().position(|name| *name == "hdjl").map_or(0, |at| at + 1),
            // One link is not enough to know whether there is room for it: assume the largest.
            on => self.room(on, 4, refreshes, &[]),
        };
        let near = self.site.near(first, &mut self.random);
        let (other, dead) = (self.site.other(), format!("http://127.0.0.3:{}", self.site.port));
        let page = &self.site.pages[first];
        let spot = Spot {
            site: &self.site.origin,
            other: &other,
            dead: &dead,
            page: &page.href,
            near: &self.site.pages[near].href,
            number: 7 * number + n,
            traditional: page.special.traditional(),
        };
        let mut item = (kind.make)(&spot, n).item(kind.name, kind.class);
        let (url, links) = (item.url.clone(), item.links);
        for (path, resource) in std::mem::take(&mut item.resources) {
            self.site.resources.insert(path, resource);
        }
        self.site.items.push(item);
        match kind.on {
            On::Everywhere => self.site.everywhere.push(number),
            On::Channel => self.site.in_channel.push(number),
            on => {
                let mut chosen = vec![first];
                while chosen.len() < kind.carriers {
                    chosen.push(self.room(on, 4, refreshes, &chosen));
                }
                for page in chosen {
                    self.load[page] += links;
                    if refreshes {
                        self.refreshed.insert(page);
                    }
                    self.site.on_page.entry(page).or_default().push(number);
                }
            }
        }
        url
    }

    /// A page with room for `links` more.
    fn room(&mut self, on: On, links: usize, refreshes: bool, not: &[usize]) -> usize {
        let pages = &self.candidates[&on];
        let start = self.random.below(pages.len());
        let fits = |page: &usize| {
            self.load[*page] + links <= self.site.budget(*page)
                && !not.contains(page)
                && !(refreshes && self.refreshed.contains(page))
        };
        let found = pages[start..].iter().chain(&pages[..start]).copied().find(fits);
        found.unwrap_or_else(|| panic!("a site of {:?} has no room for every fault", self.site.size))
    }
}

/// Percent-decodes a path, as web servers do before they look for a file.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let Some(byte) = byte.filter(|_| bytes[at] == b'%') {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Numbers that are the same for the same seed on every machine (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        usize::try_from(z % limit.max(1) as u64).unwrap_or(0)
    }
}

impl Planted {
    /// Its class.
    pub fn link_class(&self) -> LinkClass {
        LinkClass::from_name(&self.class).unwrap_or(LinkClass::Other)
    }
}
