//! The links of one page, each once.
//!
//! Invariant: at most the limit, and at most [`MAX_WRONG`] addresses that cannot work; hostile pages
//! make the memory of what was seen no larger than that.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use encoding_rs::Encoding;
use url::Url;

use super::place::{Hashed, mix, quick};
use super::resolve::{Bases, Written, percent_decode};
use super::words::Cursor;
use super::{Kind, Link, Wrong, css, inline};
use crate::http::page::fold;

/// The most written addresses that cannot work that are kept of one page.
const MAX_WRONG: usize = 1_000;
/// The longest written address that is kept, in characters.
const MAX_WRITTEN: usize = 500;

/// Where an address stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The element that carries it.
    pub element: &'static str,
    /// Its attribute.
    pub attribute: &'static str,
    /// Where the element's `<` stands, in bytes from the start of the source.
    pub at: usize,
}

/// The links so far.
#[derive(Debug)]
pub(super) struct Collector<'s> {
    source: &'s str,
    cursor: Cursor,
    /// The page's own address, without a fragment.
    pub own: Url,
    /// What addresses are read with.
    pub bases: Bases,
    /// What links that are followed later are read with, when a `<base>` is still to come.
    pub late: Option<Bases>,
    pub links: Vec<Link>,
    pub wrong: Vec<Wrong>,
    pub cut: bool,
    limit: usize,
    seen: HashSet<u64, BuildHasherDefault<Hashed>>,
}

impl<'s> Collector<'s> {
    pub(super) fn new(source: &'s str, address: &Url, encoding: &'static Encoding, limit: usize) -> Self {
        let mut own = address.clone();
        own.set_fragment(None);
        Self {
            source,
            cursor: Cursor::new(),
            bases: Bases::new(&own, encoding),
            own,
            late: None,
            links: Vec::new(),
            wrong: Vec::new(),
            cut: false,
            limit,
            seen: HashSet::default(),
        }
    }

    /// Takes an address as it is written; where it leads, when that is known and new.
    pub(super) fn add(&mut self, spot: Spot, kind: Kind, written: &str) {
        // Most addresses of a page stand there more than once; reading one costs far more than this.
        let raw = mix(quick(written.as_bytes()) ^ code(kind));
        if self.seen.contains(&raw) {
            return;
        }
        if self.links.len() >= self.limit {
            self.cut = true;
            return;
        }
        if self.seen.len() < self.limit.saturating_mul(4) {
            self.seen.insert(raw);
        }
        let later = matches!(kind, Kind::Page | Kind::Form { .. });
        let bases = self.late.as_ref().filter(|_| later).unwrap_or(&self.bases);
        match bases.read(written) {
            Written::Link(url, fragment) => self.keep(spot, kind, url, fragment),
            Written::Wrong(class) => {
                if self.wrong.len() == MAX_WRONG {
                    self.cut = true;
                    return;
                }
                let (line, column) = self.cursor.reach(self.source, spot.at);
                self.wrong.push(Wrong {
                    written: fold(written, MAX_WRITTEN),
                    class,
                    element: spot.element,
                    attribute: spot.attribute,
                    line,
                    column,
                    text: String::new(),
                });
            }
            Written::Script(code) if kind == Kind::Page => {
                // Browsers decode the code of an address before they run it.
                let code = percent_decode(&code);
                self.add_code(spot, &String::from_utf8_lossy(&code));
            }
            Written::Script(_) | Written::Nothing => {}
        }
    }

    /// Takes the addresses in the code of a handler.
    pub(super) fn add_code(&mut self, spot: Spot, code: &str) {
        for address in inline::addresses(code) {
            // Code that leads to code leads nowhere.
            if !matches!(self.bases.read(&address), Written::Script(_)) {
                self.add(spot, Kind::Page, &address);
            }
        }
    }

    /// Takes the addresses in a `<style>` or a `style` attribute of the element at `at`.
    pub(super) fn add_sheet(&mut self, element: &'static str, at: usize, sheet: &str) {
        css::addresses(sheet, |found| {
            let kind = if found.import { Kind::Style } else { Kind::Asset };
            self.add(Spot { element, attribute: "style", at }, kind, &found.written);
        });
    }

    fn keep(&mut self, spot: Spot, kind: Kind, url: Url, fragment: Option<String>) {
        let fragment = fragment.filter(|_| matches!(kind, Kind::Page | Kind::Frame | Kind::Refresh));
        if fragment.is_none() && url == self.own {
            return;
        }
        let part = fragment.as_deref().map_or(1, |name| quick(name.as_bytes()));
        let whole = mix(quick(url.as_str().as_bytes()) ^ part.rotate_left(17) ^ code(kind).rotate_left(32));
        if !self.seen.insert(whole) {
            return;
        }
        let (line, column) = self.cursor.reach(self.source, spot.at);
        self.links.push(Link {
            url,
            fragment,
            kind,
            element: spot.element,
            attribute: spot.attribute,
            line,
            column,
            text: String::new(),
        });
    }

    /// Gives the links and wrong addresses of these ranges their text; those without one are called
    /// after their element.
    pub(super) fn name(&mut self, links: (usize, usize), wrong: (usize, usize), text: Option<&str>) {
        let called = |element: &str| text.map_or_else(|| format!("<{element}>"), str::to_owned);
        for link in self.links.get_mut(links.0..links.1).unwrap_or_default() {
            link.text = called(link.element);
        }
        for wrong in self.wrong.get_mut(wrong.0..wrong.1).unwrap_or_default() {
            wrong.text = called(wrong.element);
        }
    }

    /// Calls all those without a text after their element.
    pub(super) fn name_rest(&mut self) {
        for link in self.links.iter_mut().filter(|link| link.text.is_empty()) {
            link.text = format!("<{}>", link.element);
        }
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.text.is_empty()) {
            wrong.text = format!("<{}>", wrong.element);
        }
    }
}

/// A number for a kind.
fn code(kind: Kind) -> u64 {
    match kind {
        Kind::Page => 1,
        Kind::Frame => 2,
        Kind::Asset => 3,
        Kind::Style => 4,
        Kind::Form { post: false } => 5,
        Kind::Form { post: true } => 6,
        Kind::Refresh => 7,
    }
}
