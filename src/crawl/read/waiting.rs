//! Links that wait for the words on them: what stands between `<a>` and `</a>`.
//!
//! Invariant: at most [`MAX_WAITING`] wait at a time, and each for at most [`MAX_TEXT`] characters.

use super::reader::Reader;
use super::start::Start;
use super::tag::{Attribute, Tag};
use super::words::Folded;
use crate::http::page::fold;

/// The longest text of a link, in characters.
const MAX_TEXT: usize = 80;
/// How many links within each other wait for their words.
const MAX_WAITING: usize = 4;

/// A link whose words are still coming.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How many elements were open before it.
    depth: usize,
    /// Whether it is an `<a>`: the next `<a>` ends it.
    is_anchor: bool,
    /// The first and the end of the links that wait for the words.
    links: (usize, usize),
    /// The same of written addresses that cannot work.
    wrong: (usize, usize),
    /// The words so far.
    pub words: Folded,
    /// What its own attributes call it.
    called: String,
    /// What the first picture in it is called.
    picture: String,
}

impl Waiting {
    /// A picture in it has a name.
    pub(super) fn holds_picture(&mut self, alt: &str) {
        if self.picture.is_empty() {
            self.picture = fold(alt, MAX_TEXT);
        }
    }

    /// The text of the link, `None` when it has none.
    fn text(self) -> Option<String> {
        [self.words.take(), self.called, self.picture].into_iter().find(|text| !text.is_empty())
    }
}

impl Reader<'_> {
    /// Ends the links whose element is no longer open, down to a depth.
    pub(super) fn settle(&mut self, depth: usize) {
        while self.waiting.last().is_some_and(|waiting| waiting.depth >= depth) {
            self.settle_last();
        }
    }

    fn settle_last(&mut self) {
        if let Some(waiting) = self.waiting.pop() {
            let (links, wrong) = (waiting.links, waiting.wrong);
            self.links.name(links, wrong, waiting.text().as_deref());
        }
    }

    /// Ends the innermost `<a>` that waits, with what is in it.
    pub(super) fn settle_anchor(&mut self) {
        if let Some(at) = self.waiting.iter().rposition(|waiting| waiting.is_anchor) {
            while self.waiting.len() > at {
                self.settle_last();
            }
        }
    }

    /// Gives new links their words, or lets them wait for them.
    pub(super) fn call(&mut self, start: &Start<'_>, links: usize, wrong: usize, depth: usize, opened: bool) {
        let links = (links, self.links.links.len());
        let wrong = (wrong, self.links.wrong.len());
        if links.0 == links.1 && wrong.0 == wrong.1 {
            return;
        }
        let named = [Attribute::Title, Attribute::Alt, Attribute::AriaLabel];
        let called = named
            .into_iter()
            .filter_map(|attribute| start.get(attribute))
            .map(|value| fold(value, MAX_TEXT))
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        let tag = start.name.tag;
        let speaks = matches!(tag, Tag::A | Tag::Button) || start.has_handler();
        if opened && speaks && self.waiting.len() < MAX_WAITING && tag != Tag::Body {
            self.waiting.push(Waiting {
                depth,
                is_anchor: tag == Tag::A,
                links,
                wrong,
                words: Folded::new(MAX_TEXT),
                called,
                picture: String::new(),
            });
        } else {
            self.links.name(links, wrong, Some(called.as_str()).filter(|text| !text.is_empty()));
        }
    }
}
