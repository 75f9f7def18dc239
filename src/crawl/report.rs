//! What a crawl comes to: faults in an order that no race changes, and what was left open.

use super::CrawlReport;
use super::atlas::{Atlas, Carried, Link, No, State, Verdict};
use super::walk::Walk;
use super::{names, soft};
use crate::domain::link::{CrawlExtent, DoubtClass, KnownFault, LinkClass, LinkDoubt, LinkFault};

/// So many links of which nothing is said are listed.
const MOST_DOUBTS: usize = 1_000;

impl Walk<'_> {
    /// Sums up. A crawl that is through gives up its journal.
    pub(super) fn finish(mut self) -> CrawlReport {
        let target = self.target;
        names::excuse(&mut self.atlas, |url| url.host_str().is_some_and(|host| target.owns_host(host)));
        soft::excuse(&mut self.atlas, &self.uncompared);
        self.tell();
        let atlas = &self.atlas;
        let mut faults = faults(atlas);
        faults.sort_by(|(a, x), (b, y)| {
            (!x.on_home, a, &x.page, x.line, x.column, &x.url)
                .cmp(&(!y.on_home, b, &y.page, y.line, y.column, &y.url))
        });
        let (doubts, unobserved) = doubts(atlas);
        let checked = atlas.links.values().filter(|link| is_checked(&link.state)).count();
        // The entry page is asked for and is no link; so it is under each of its names.
        let entries = self.entries as usize;
        self.report.faults = faults.into_iter().map(|(_, fault)| fault).collect();
        self.report.links_checked = narrow(checked.saturating_sub(entries) + atlas.wrong.len());
        let mended =
            self.settings.known.iter().filter(|known| self.is_mended(known)).map(|known| known.id.clone());
        self.report.extent = CrawlExtent {
            mended: mended.collect(),
            pages_read: narrow(self.html_pages()),
            links_known: narrow(atlas.links.len().saturating_sub(entries) + atlas.wrong.len()),
            unobserved,
            doubts,
            ..self.extent
        };
        // What was cut short by its own limits has nothing to go on with: a journal would only hand
        // old answers to the next crawl.
        let open = |link: &Link| matches!(link.state, State::Waiting | State::Asked);
        let left = self.report.extent.cut_short.is_some() && self.atlas.links.values().any(open);
        if !left && self.entered && self.report.blocked.is_none() {
            self.journal.finish();
        } else {
            self.journal.flush();
        }
        self.report
    }

    /// Whether this crawl saw that a known fault is none any more: the link works, or its page was
    /// read and does not have it.
    fn is_mended(&self, known: &KnownFault) -> bool {
        let (address, fragment) =
            known.url.split_once('#').map_or((known.url.as_str(), None), |(a, f)| (a, Some(f)));
        let Some((no, _, link)) = self.atlas.links.get_full(address) else {
            return known.page.as_deref().is_some_and(|page| self.atlas.is_read(page, u32::MAX));
        };
        let fine = matches!(link.state, State::Done(Verdict::Fine));
        let decoded =
            fragment.map(|fragment| percent_encoding::percent_decode_str(fragment).decode_utf8_lossy());
        let there = decoded.is_none_or(|fragment| {
            No::try_from(no).is_ok_and(|no| self.atlas.has_place(no, &fragment) == Some(true))
        });
        fine && there
    }

    /// Pages whose links were read, sitemaps and style sheets left out.
    pub(super) fn html_pages(&self) -> usize {
        self.atlas.pages.iter().filter(|page| !page.list).count()
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn is_checked(state: &State) -> bool {
    match state {
        State::Waiting | State::Asked => false,
        State::Done(Verdict::Doubtful { class, .. }) => {
            !matches!(class, DoubtClass::Robots | DoubtClass::LeftAlone)
        }
        State::Done(_) => true,
    }
}

/// Every fault with the depth of the page that carries it first.
fn faults(atlas: &Atlas) -> Vec<(u32, LinkFault)> {
    let mut faults = Vec::new();
    for (address, link) in &atlas.links {
        if let State::Done(Verdict::Faulty { class, status, detail }) = &link.state {
            let fault = LinkFault {
                status: *status,
                detail: detail.to_string(),
                ..LinkFault::new(&**address, *class)
            };
            faults.push(carried(atlas, &link.carried, fault));
        }
    }
    for ((no, fragment), place) in &atlas.fragments {
        if let Some(false) = has_place(atlas, *no, fragment) {
            let url = with_fragment(atlas.address(*no), fragment);
            let detail = format!("The page is there, but it has no place called `{fragment}`.");
            let fault = LinkFault { detail, ..LinkFault::new(url, LinkClass::Fragment) };
            faults.push(carried(atlas, place, fault));
        }
    }
    for (written, wrong) in &atlas.wrong {
        let detail = match wrong.class {
            LinkClass::LocalAddress => "It leads to the reader's own computer.",
            _ => "What is written there is no address.",
        };
        let fault = LinkFault { detail: detail.to_owned(), ..LinkFault::new(&**written, wrong.class) };
        faults.push(carried(atlas, &wrong.carried, fault));
    }
    faults
}

/// Whether a page has a place; `None` when that is not known, or when scripts may make it.
fn has_place(atlas: &Atlas, no: No, fragment: &str) -> Option<bool> {
    let link = atlas.links.get_index(no as usize).map(|(_, link)| link)?;
    if !matches!(link.state, State::Done(Verdict::Fine)) {
        return None;
    }
    atlas.has_place(no, fragment)
}

/// An address with a place in it, encoded as addresses are.
fn with_fragment(address: &str, fragment: &str) -> String {
    match url::Url::parse(address) {
        Ok(mut url) => {
            url.set_fragment(Some(fragment));
            url.into()
        }
        Err(_) => format!("{address}#{fragment}"),
    }
}

fn carried(atlas: &Atlas, carried: &Carried, fault: LinkFault) -> (u32, LinkFault) {
    let spot = &carried.spot;
    let page = atlas.pages.get(spot.page as usize);
    let fault = LinkFault {
        page: page.map(|page| page.url.to_string()).unwrap_or_default(),
        element: spot.element.to_owned(),
        attribute: spot.attribute.to_owned(),
        line: spot.line,
        column: spot.column,
        text: spot.text.to_string(),
        pages: carried.pages,
        on_home: carried.on_home,
        ..fault
    };
    (page.map_or(u32::MAX, |page| page.depth), fault)
}

/// What nothing is said of: the first of them, and how many there are.
fn doubts(atlas: &Atlas) -> (Vec<LinkDoubt>, u32) {
    let mut doubts = Vec::new();
    let mut count = 0;
    let page = |carried: &Carried| {
        atlas.pages.get(carried.spot.page as usize).map(|page| page.url.to_string()).unwrap_or_default()
    };
    let mut note = |doubt: &dyn Fn() -> LinkDoubt| {
        count += 1;
        if doubts.len() < MOST_DOUBTS {
            doubts.push(doubt());
        }
    };
    for (address, link) in &atlas.links {
        if let State::Done(Verdict::Doubtful { class, status, detail }) = &link.state {
            note(&|| LinkDoubt {
                url: address.to_string(),
                page: page(&link.carried),
                class: *class,
                status: *status,
                detail: detail.to_string(),
            });
        }
    }
    for ((no, fragment), place) in &atlas.fragments {
        let fine = matches!(atlas.links[*no as usize].state, State::Done(Verdict::Fine));
        if fine && atlas.places.contains_key(no) && has_place(atlas, *no, fragment).is_none() {
            note(&|| LinkDoubt {
                url: with_fragment(atlas.address(*no), fragment),
                page: page(place),
                class: DoubtClass::Unsure,
                status: None,
                detail: "Its source has no such place, but scripts of the page may make it.".to_owned(),
            });
        }
    }
    (doubts, count)
}
