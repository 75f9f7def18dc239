//! Reading a page in one pass: its links, its places, its words and what it is.
//!
//! No tree is built. `token` makes tags (`start`, `tag`, `nature`) of the tokenizer's steps, `reader` and
//! `meaning` know what they say, `nest` which elements are open, `links` keeps each link once and
//! `waiting` its words, `resolve` knows where a written address leads, `inline` and `css` find addresses
//! in code and styles, `words` and `print` what is said, `marks` which bot checks stand in front.
//!
//! Deliberately absent: links that neither a browser nor a citizen opens (`rel=canonical`,
//! `alternate`, `next`, `preconnect` …; `data-*`; comments; `<noscript>`, as scripts run;
//! `<template>`, which is no part of the page), addresses with placeholders (`{{x}}`, `${x}`) that a
//! script has yet to fill in, the code of `<script>` (nobody knows when it runs), handlers that citizens
//! do not set off (`onerror` …), jumps within the page on an element with a handler, and links to the page
//! itself without a place in it.
//!
//! Invariant: pure and total; time is linear in the page and memory bounded by it and by
//! [`Limits`]. A form is a link of its own kind, so that nobody sends it.

mod css;
mod inline;
mod links;
mod makers;
mod marks;
mod meaning;
mod names;
mod nature;
mod nest;
mod place;
mod print;
mod reader;
mod resolve;
mod sitemap;
mod start;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod waiting;
mod words;

use encoding_rs::Encoding;
use url::Url;

use crate::domain::link::LinkClass;
use links::{Collector, Spot};

pub use makers::may_make_places;
pub use names::known_name;
pub use place::place;
pub use print::Print;
pub use sitemap::{Sitemap, sitemap};

/// The most links that are taken from one page unless somebody says otherwise.
pub const MAX_LINKS: usize = 20_000;

/// How much is kept of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Links.
    pub links: usize,
    /// Characters of visible text.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { links: MAX_LINKS, text: 2_000 }
    }
}

/// What following a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A citizen opens another page, or a document to download.
    Page,
    /// The browser shows it within the page.
    Frame,
    /// The browser loads it as a part of the page: a picture, a script, an icon.
    Asset,
    /// The browser loads it as a style sheet, which may have addresses of its own.
    Style,
    /// A form is sent there.
    Form {
        /// Whether with POST.
        post: bool,
    },
    /// The page leads there by itself after a while.
    Refresh,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, without a fragment.
    pub url: Url,
    /// The place there, percent-decoded. `None` for the whole page (also `#top`), for text to search
    /// for (`#:~:text=`) and for what a script reads (`#/route`, `#!route`).
    pub fragment: Option<String>,
    /// What following it does.
    pub kind: Kind,
    /// The element that carries it; `other` for those that HTML does not know, `css` in a style sheet.
    pub element: &'static str,
    /// Its attribute; `style` too for what stands in a `<style>`; `url` or `@import` in a style sheet.
    pub attribute: &'static str,
    /// The line of the element's `<` in the source, from 1.
    pub line: u32,
    /// Its column, in characters from 1.
    pub column: u32,
    /// The words on it, at most 80 characters; what it or a picture in it is called when there are
    /// none, and the element (`<a>`) when it is not called anything.
    pub text: String,
}

/// A written address that cannot work for anyone but its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The address as it is written, at most 500 characters, without control characters.
    pub written: String,
    /// [`Malformed`](LinkClass::Malformed) or [`LocalAddress`](LinkClass::LocalAddress).
    pub class: LinkClass,
    /// The element that carries it.
    pub element: &'static str,
    /// Its attribute.
    pub attribute: &'static str,
    /// The line of the element, from 1.
    pub line: u32,
    /// Its column, in characters from 1.
    pub column: u32,
    /// The words on it, as [`Link::text`].
    pub text: String,
}

/// What was read of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The links, each (address, fragment, kind) once, in the order of the page.
    pub links: Vec<Link>,
    /// Written addresses that cannot work, each once.
    pub wrong: Vec<Wrong>,
    /// Whether there were more links than the limit.
    pub cut: bool,
    /// The places that a fragment can name (`id`, and `name` of `<a>`), as sorted `place` hashes.
    pub places: Box<[u64]>,
    /// The title, white space folded, at most 300 characters.
    pub title: String,
    /// The beginning of the visible text, white space folded.
    pub text: String,
    /// All visible characters, white space not counted.
    pub text_chars: usize,
    /// How many `<a href>` lead somewhere else.
    pub anchors: usize,
    /// How many `<script>` have code to run.
    pub scripts: u32,
    /// Whether the code in its own `<script>`s may make places that the source does not have.
    pub makes_places: bool,
    /// Visible fields for a password.
    pub passwords: u32,
    /// Visible fields of all kinds, passwords too.
    pub inputs: u32,
    /// The print of the title and the whole visible text.
    pub print: Print,
    /// Marks of bot checks and captchas in scripts.
    pub marks: Vec<&'static str>,
    /// Whether the page says how it wants to be seen on a phone.
    pub viewport: bool,
    /// The language that the page says it is in.
    pub lang: Option<String>,
    /// After how many seconds the page leads where by itself.
    pub refresh: Option<(u32, Url)>,
}

impl Reading {
    /// Whether there is a place that `fragment`, percent-decoded, names.
    pub fn has_place(&self, fragment: &str) -> bool {
        self.places.binary_search(&place(fragment)).is_ok()
    }
}

/// What was read of a style sheet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sheet {
    /// The addresses in it, as [`Reading::links`].
    pub links: Vec<Link>,
    /// Written addresses that cannot work.
    pub wrong: Vec<Wrong>,
    /// Whether there were more than the limit.
    pub cut: bool,
}

/// Reads the page that came from `address` in `encoding`.
pub fn page(source: &str, address: &Url, encoding: &'static Encoding, limits: &Limits) -> Reading {
    match reader::read(source, address, encoding, limits, None) {
        Ok(reading) => reading,
        // Links before a `<base>` that came late. A second pass is cheaper than keeping every
        // written address of every page.
        Err(base) => reader::read(source, address, encoding, limits, Some(&base)).unwrap_or_default(),
    }
}

/// Reads the style sheet that came from `address`.
pub fn css(source: &str, address: &Url, limits: &Limits) -> Sheet {
    let mut collector = Collector::new(source, address, encoding_rs::UTF_8, limits.links);
    css::addresses(source, |found| {
        let (kind, attribute) = if found.import { (Kind::Style, "@import") } else { (Kind::Asset, "url") };
        collector.add(Spot { element: "css", attribute, at: found.at }, kind, &found.written);
    });
    collector.name_rest();
    Sheet { links: collector.links, wrong: collector.wrong, cut: collector.cut }
}
