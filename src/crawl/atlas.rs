//! The atlas: every link that a crawl knows, each address once, and the first place that carries it.
//!
//! Invariant: the same placements in the same order make the same atlas, so that a journal can be
//! played back. Memory is bounded by the number of addresses, never by how often pages name them.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

use crate::domain::link::{DoubtClass, LinkClass};

/// The number of a link in the atlas.
pub(super) type No = u32;

/// The number of a page, in the order in which pages were read; the home page is 0.
pub(super) type PageNo = u32;

/// The home page.
pub(super) const HOME: PageNo = 0;

/// What a link is used for; the greater use wins when pages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A form sends itself there with POST. Never followed further.
    PostForm,
    /// A part of a page: a picture, a script, a film.
    Asset,
    /// A style sheet: it may name further parts.
    Style,
    /// A citizen goes there.
    Page,
}

impl Use {
    pub(super) const ALL: [Self; 4] = [Self::PostForm, Self::Asset, Self::Style, Self::Page];
}

/// One place in one page that names a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub page: PageNo,
    pub element: &'static str,
    pub attribute: &'static str,
    pub line: u32,
    pub column: u32,
    pub text: Box<str>,
}

/// Where something is named.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub spot: Spot,
    /// How many pages name it.
    pub pages: u32,
    pub on_home: bool,
    last_page: PageNo,
}

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Fine,
    /// It does not.
    Faulty { class: LinkClass, status: Option<u16>, detail: Box<str> },
    /// Nothing is said.
    Doubtful { class: DoubtClass, status: Option<u16>, detail: Box<str> },
}

/// One address.
#[derive(Debug)]
pub(super) struct Link {
    pub carried: Carried,
    pub used: Use,
    /// The least number of links from the home page.
    pub depth: u32,
    /// A place inside it is linked to, so that its places have to be known.
    pub wants_places: bool,
    pub state: State,
}

/// How far a link is.
#[derive(Debug)]
pub(super) enum State {
    Waiting,
    Asked,
    Done(Verdict),
}

/// A page whose links were read.
#[derive(Debug)]
pub(super) struct Page {
    pub url: Box<str>,
    pub depth: u32,
    /// A style sheet or a sitemap that stands in for a page.
    pub list: bool,
}

/// The places inside a page that was seen.
#[derive(Debug)]
pub(super) struct Places {
    /// Sorted hashes, see [`super::read::place`].
    pub hashes: Box<[u64]>,
    /// Code in the page itself may make further places.
    pub scripted: bool,
    /// Scripts that it loads, when they are known; they may make further places as well.
    pub scripts: Option<Box<[No]>>,
}

/// Something that a page names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement<'a> {
    pub address: &'a str,
    pub fragment: Option<&'a str>,
    pub used: Use,
    pub element: &'static str,
    pub attribute: &'static str,
    pub line: u32,
    pub column: u32,
    pub text: &'a str,
}

/// What placing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub(super) struct Placed {
    pub no: No,
    /// The address was not known.
    pub new: bool,
    /// Anything but a count changed, so that a journal has to hold the whole placement.
    pub changed: bool,
    /// It was asked for already, but for less than is wanted now.
    pub again: bool,
    /// It is put to a greater use than before.
    pub more: bool,
}

/// An address that can never work, as it is written.
#[derive(Debug)]
pub(super) struct Wrong {
    pub carried: Carried,
    pub class: LinkClass,
}

/// Everything that a crawl knows.
#[derive(Debug, Default)]
pub(super) struct Atlas {
    pub links: IndexMap<Box<str>, Link>,
    pub fragments: IndexMap<(No, Box<str>), Carried>,
    pub wrong: IndexMap<Box<str>, Wrong>,
    pub pages: Vec<Page>,
    pub places: IndexMap<No, Places>,
    /// Scripts that were read and make no places.
    pub harmless: HashSet<No>,
    numbers: HashMap<Box<str>, PageNo>,
    /// The page that is placed once more, nearer to the home page: it was counted before.
    counted: Option<PageNo>,
}

impl Carried {
    fn new(spot: Spot) -> Self {
        Self { last_page: spot.page, on_home: spot.page == HOME, pages: 1, spot }
    }

    /// Counts one more place; whether it became the first one.
    fn again(
        &mut self,
        pages: &[Page],
        at: PageNo,
        line: u32,
        column: u32,
        counted: bool,
        spot: impl FnOnce() -> Spot,
    ) -> bool {
        self.on_home |= at == HOME;
        if self.last_page != at && !counted {
            self.last_page = at;
            self.pages = self.pages.saturating_add(1);
        }
        // In an order that no race between answers changes: nearest to the home page, then by address.
        let rank = |page: PageNo| pages.get(page as usize).map(|page| (page.depth, &page.url));
        let sooner = at != self.spot.page
            && (rank(at), line, column) < (rank(self.spot.page), self.spot.line, self.spot.column);
        if sooner {
            self.spot = spot();
        }
        sooner
    }
}

impl Atlas {
    /// Notes a page, or that it is nearer to the home page than it was; its number. What it names
    /// has to be placed after that, before another page is noted.
    pub(super) fn page(&mut self, url: &str, depth: u32, list: bool) -> PageNo {
        self.counted = None;
        if let Some(&no) = self.numbers.get(url) {
            let page = &mut self.pages[no as usize];
            page.depth = page.depth.min(depth);
            self.counted = Some(no);
            return no;
        }
        let no = number(self.pages.len());
        self.numbers.insert(url.into(), no);
        self.pages.push(Page { url: url.into(), depth, list });
        no
    }

    /// The number of the page at an address that was read.
    pub(super) fn number(&self, address: &str) -> PageNo {
        self.numbers.get(address).copied().unwrap_or(PageNo::MAX)
    }

    /// Another address that leads to a page.
    pub(super) fn leads_to(&mut self, address: &str, page: PageNo) {
        if !self.numbers.contains_key(address) {
            self.numbers.insert(address.into(), page);
        }
    }

    /// Whether the page at an address was read, and at that depth at least.
    pub(super) fn is_read(&self, address: &str, depth: u32) -> bool {
        self.numbers
            .get(address)
            .and_then(|no| self.pages.get(*no as usize))
            .is_some_and(|page| page.depth <= depth)
    }

    /// Notes what a page names, unless the address is new and there is no room for it.
    pub(super) fn place(&mut self, page: PageNo, at: &Placement<'_>, room: usize) -> Option<Placed> {
        let depth = self.pages.get(page as usize).map_or(0, |page| page.depth).saturating_add(1);
        let spot = || Spot {
            page,
            element: at.element,
            attribute: at.attribute,
            line: at.line,
            column: at.column,
            text: at.text.into(),
        };
        let full = self.links.len() >= room;
        let counted = self.counted == Some(page);
        let mut placed = match self.links.entry(at.address.into()) {
            Slot::Occupied(mut known) => {
                let no = number(known.index());
                let link = known.get_mut();
                let moved = link.carried.again(&self.pages, page, at.line, at.column, counted, spot);
                let more = link.used < at.used;
                let nearer = depth < link.depth;
                link.used = link.used.max(at.used);
                link.depth = link.depth.min(depth);
                Placed { no, new: false, changed: moved || more, again: more || nearer, more }
            }
            Slot::Vacant(_) if full => return None,
            Slot::Vacant(free) => {
                let no = number(free.index());
                free.insert(Link {
                    carried: Carried::new(spot()),
                    used: at.used,
                    depth,
                    wants_places: false,
                    state: State::Waiting,
                });
                Placed { no, new: true, changed: true, again: false, more: false }
            }
        };
        if let Some(fragment) = at.fragment {
            placed.changed = true;
            match self.fragments.entry((placed.no, fragment.into())) {
                Slot::Occupied(mut known) => {
                    known.get_mut().again(&self.pages, page, at.line, at.column, counted, spot);
                }
                // Places of one page are no addresses, but a hostile page can name a million.
                Slot::Vacant(free) if free.index() < room => {
                    free.insert(Carried::new(spot()));
                }
                Slot::Vacant(_) => {}
            }
            let link = &mut self.links[placed.no as usize];
            placed.again |= !link.wants_places;
            link.wants_places = true;
        }
        Some(placed)
    }

    /// Notes an address that can never work.
    pub(super) fn place_wrong(&mut self, written: &str, class: LinkClass, spot: Spot, room: usize) {
        match self.wrong.entry(written.into()) {
            Slot::Occupied(mut known) => {
                let (page, line, column) = (spot.page, spot.line, spot.column);
                let counted = self.counted == Some(page);
                known.get_mut().carried.again(&self.pages, page, line, column, counted, || spot);
            }
            Slot::Vacant(free) if free.index() < room => {
                free.insert(Wrong { carried: Carried::new(spot), class });
            }
            Slot::Vacant(_) => {}
        }
    }

    /// Counts a page for a link of which nothing else changes.
    pub(super) fn count(&mut self, page: PageNo, no: No) {
        let Some((_, link)) = self.links.get_index_mut(no as usize) else { return };
        let counted = self.counted == Some(page);
        let depth = self.pages.get(page as usize).map_or(0, |page| page.depth).saturating_add(1);
        link.depth = link.depth.min(depth);
        let nowhere = link.carried.spot.clone();
        link.carried.again(&self.pages, page, u32::MAX, u32::MAX, counted, || nowhere);
    }

    /// Whether a page has a place; `None` when that is not known, or when a script may make it.
    pub(super) fn has_place(&self, no: No, fragment: &str) -> Option<bool> {
        let places = self.places.get(&no)?;
        if places.hashes.binary_search(&super::read::place(fragment)).is_ok() {
            return Some(true);
        }
        let harmless = |script: &No| {
            let link = self.links.get_index(*script as usize).map(|(_, link)| link);
            self.harmless.contains(script)
                || link.is_some_and(|link| matches!(link.state, State::Done(Verdict::Faulty { .. })))
        };
        let sure =
            !places.scripted && places.scripts.as_ref().is_some_and(|scripts| scripts.iter().all(harmless));
        sure.then_some(false)
    }

    /// The address of a link.
    pub(super) fn address(&self, no: No) -> &str {
        self.links.get_index(no as usize).map_or("", |(address, _)| address)
    }
}

fn number(index: usize) -> No {
    No::try_from(index).unwrap_or(No::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &'static str, line: u32) -> Placement<'static> {
        Placement {
            address,
            fragment: None,
            used: Use::Asset,
            element: "img",
            attribute: "src",
            line,
            column: 1,
            text: "x",
        }
    }

    #[test]
    fn an_address_is_known_once_and_counts_its_pages() {
        let mut atlas = Atlas::default();
        let home = atlas.page("http://a.cn/", 0, false);
        let below = atlas.page("http://a.cn/b", 1, false);
        let first = atlas.place(below, &at("http://a.cn/x", 7), 9).unwrap();
        assert_eq!(first, Placed { no: 0, new: true, changed: true, again: false, more: false });
        let twice = atlas.place(below, &at("http://a.cn/x", 9), 9).unwrap();
        assert_eq!(twice, Placed { no: 0, new: false, changed: false, again: false, more: false });
        let nearer = atlas.place(home, &at("http://a.cn/x", 3), 9).unwrap();
        assert_eq!(nearer, Placed { no: 0, new: false, changed: true, again: true, more: false });
        let link = &atlas.links[0];
        assert_eq!((link.carried.pages, link.carried.on_home, link.depth), (2, true, 1));
        assert_eq!(
            (link.carried.spot.page, link.carried.spot.line),
            (HOME, 3),
            "the home page names it first"
        );
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let mut atlas = Atlas::default();
        let home = atlas.page("http://a.cn/", 0, false);
        assert!(atlas.place(home, &at("http://a.cn/1", 1), 1).is_some());
        assert!(atlas.place(home, &at("http://a.cn/2", 2), 1).is_none());
        assert!(atlas.place(home, &at("http://a.cn/1", 3), 1).is_some(), "what is known stays known");
    }

    #[test]
    fn places_inside_a_page_are_asked_for_once_they_are_wanted() {
        let mut atlas = Atlas::default();
        let home = atlas.page("http://a.cn/", 0, false);
        atlas.place(home, &at("http://a.cn/x", 1), 9);
        let with = Placement { fragment: Some("top2"), ..at("http://a.cn/x", 2) };
        assert!(atlas.place(home, &with, 9).unwrap().again);
        assert!(!atlas.place(home, &with, 9).unwrap().again);
        assert_eq!(atlas.fragments.len(), 1);
    }

    #[test]
    fn a_page_that_turns_out_nearer_carries_what_it_names_nearer_and_counts_once() {
        let mut atlas = Atlas::default();
        let home = atlas.page("http://a.cn/", 0, false);
        atlas.place(home, &at("http://a.cn/p", 1), 9);
        let far = atlas.page("http://a.cn/p", 3, false);
        atlas.place(far, &at("http://a.cn/x", 5), 9);
        let other = atlas.page("http://a.cn/q", 2, false);
        atlas.place(other, &at("http://a.cn/x", 7), 9);
        assert_eq!((atlas.links[1].carried.spot.page, atlas.links[1].depth), (other, 3));
        assert!(
            atlas.is_read("http://a.cn/p", 3) && !atlas.is_read("http://a.cn/p", 1),
            "it was read too far away"
        );
        assert_eq!(atlas.page("http://a.cn/p", 1, false), far, "it keeps its number");
        assert!(atlas.place(far, &at("http://a.cn/x", 5), 9).unwrap().again);
        let link = &atlas.links[1];
        assert_eq!((link.carried.spot.page, link.carried.spot.line), (far, 5));
        assert_eq!((link.depth, link.carried.pages), (2, 2));
    }
}
