//! Which elements are open: enough of the standard's tree construction to know where a hidden
//! part, a link or a drawing ends when its end tag is missing or misplaced.
//!
//! Invariant: at most [`MAX_DEPTH`] elements are known, and a tag costs at most [`MAX_REACH`]
//! steps, however deep the page is.

use super::start::Name;
use super::tag::Tag;

/// The deepest nesting that is followed; what is deeper counts as text of its parent.
const MAX_DEPTH: usize = 1_024;
/// How many open elements an end tag is compared with.
const MAX_REACH: usize = 256;

/// The open elements.
#[derive(Debug, Default)]
pub(super) struct Nest {
    open: Vec<Name>,
    /// The depth of the outermost element that hides what is in it.
    hidden: Option<usize>,
    /// The depth of the outermost `<template>`.
    inert: Option<usize>,
    /// The depth of the outermost `<svg>` or `<math>`.
    drawing: Option<usize>,
}

impl Nest {
    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether what comes now can be seen.
    pub(super) fn is_visible(&self) -> bool {
        self.hidden.is_none()
    }

    /// Whether what comes now is in a `<template>`, and so no part of the page.
    pub(super) fn is_inert(&self) -> bool {
        self.inert.is_some()
    }

    /// Whether the innermost element belongs to a drawing or formula.
    pub(super) fn in_drawing(&self) -> bool {
        self.drawing.is_some_and(|_| {
            // Words and elements of HTML may stand in these.
            let inner = self.open.iter().rev().take(MAX_REACH).find(|name| {
                matches!(name.tag, Tag::Svg | Tag::Math | Tag::ForeignObject | Tag::Desc | Tag::Title)
            });
            inner.is_none_or(|name| matches!(name.tag, Tag::Svg | Tag::Math))
        })
    }

    /// Closes what the start of `tag` closes.
    pub(super) fn make_way(&mut self, tag: Tag) {
        if self.drawing.is_some() && tag.ends_drawing() && self.in_drawing() {
            let outer = |name: &Name| matches!(name.tag, Tag::Svg | Tag::Math);
            if let Some(at) = self.open.iter().rposition(outer) {
                self.cut(at);
            }
        }
        match tag {
            Tag::Li => self.close_within(&[Tag::Li], ends_items),
            Tag::Dd | Tag::Dt => self.close_within(&[Tag::Dd, Tag::Dt], ends_items),
            Tag::Option => self.close_within(&[Tag::Option], |tag| tag != Tag::Option),
            Tag::Optgroup => self.close_within(&[Tag::Optgroup], |tag| tag == Tag::Select),
            Tag::Td | Tag::Th => {
                self.close_within(&[Tag::Td, Tag::Th], |tag| matches!(tag, Tag::Tr | Tag::Table));
            }
            Tag::Tr => self.close_within(&[Tag::Tr], |tag| tag == Tag::Table),
            Tag::Tbody | Tag::Thead | Tag::Tfoot => {
                self.close_within(&[Tag::Tbody, Tag::Thead, Tag::Tfoot], |tag| tag == Tag::Table);
            }
            _ => {}
        }
        if tag.ends_paragraph() {
            self.close_within(&[Tag::P], |tag| tag.is_special() && tag != Tag::P);
        }
    }

    /// Opens an element; whether it is followed.
    pub(super) fn push(&mut self, name: Name, hides: bool) -> bool {
        let depth = self.open.len();
        if depth == MAX_DEPTH {
            return false;
        }
        if hides {
            self.hidden.get_or_insert(depth);
        }
        if name.tag == Tag::Template {
            self.inert.get_or_insert(depth);
        }
        if matches!(name.tag, Tag::Svg | Tag::Math) {
            self.drawing.get_or_insert(depth);
        }
        self.open.push(name);
        true
    }

    /// Closes the element that an end tag names, with what is in it; a misplaced end tag does
    /// nothing.
    pub(super) fn close(&mut self, name: Name) {
        let tag = name.tag;
        let found = self.open.iter().enumerate().rev().take(MAX_REACH).find_map(|(at, &open)| {
            if open == name {
                return Some(Some(at));
            }
            let stops = match tag {
                Tag::Table | Tag::Template | Tag::Body | Tag::Html => open.tag == Tag::Template,
                Tag::Tr | Tag::Td | Tag::Th | Tag::Tbody | Tag::Thead | Tag::Tfoot | Tag::Caption => {
                    matches!(open.tag, Tag::Table | Tag::Template)
                }
                Tag::Li => open.tag.is_scope() || matches!(open.tag, Tag::Ul | Tag::Ol),
                _ if tag.is_special() || tag.is_formatting() => open.tag.is_scope(),
                _ => open.tag.is_special(),
            };
            stops.then_some(None)
        });
        let Some(Some(at)) = found else { return };
        let through_blocks = || self.open[at + 1..].iter().any(|open| open.tag.is_special());
        if tag.is_formatting() && through_blocks() {
            // `<b><div></b>` leaves the block open.
            self.take_out(at);
        } else {
            self.cut(at);
        }
    }

    /// Closes the innermost of `tags` that is open, unless an element that `stops` is further in.
    fn close_within(&mut self, tags: &[Tag], stops: fn(Tag) -> bool) {
        for (at, open) in self.open.iter().enumerate().rev().take(MAX_REACH) {
            if tags.contains(&open.tag) {
                self.cut(at);
                return;
            }
            if stops(open.tag) || open.tag == Tag::Template {
                return;
            }
        }
    }

    fn cut(&mut self, at: usize) {
        self.open.truncate(at);
        for mark in [&mut self.hidden, &mut self.inert, &mut self.drawing] {
            if mark.is_some_and(|depth| depth >= at) {
                *mark = None;
            }
        }
    }

    fn take_out(&mut self, at: usize) {
        self.open.remove(at);
        for mark in [&mut self.hidden, &mut self.inert, &mut self.drawing] {
            match *mark {
                Some(depth) if depth == at => *mark = None,
                Some(depth) if depth > at => *mark = Some(depth - 1),
                _ => {}
            }
        }
    }
}

/// Where the search for an open list item ends.
fn ends_items(tag: Tag) -> bool {
    tag.is_special() && !matches!(tag, Tag::Address | Tag::Div | Tag::P | Tag::Li | Tag::Dd | Tag::Dt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[&str]) -> usize {
        let mut nest = Nest::default();
        for step in steps {
            let name = |text: &str| Name::known(Tag::of(text.as_bytes()));
            if let Some(end) = step.strip_prefix('/') {
                nest.close(name(end));
            } else {
                nest.make_way(name(step).tag);
                nest.push(name(step), false);
            }
        }
        nest.depth()
    }

    #[test]
    fn end_tags_that_are_missing_or_misplaced() {
        let cases: [(&str, &[&str], usize); 12] = [
            ("well formed", &["div", "p", "/p", "/div"], 0),
            ("a block ends a paragraph", &["p", "div"], 1),
            ("an item ends the one before", &["ul", "li", "b", "li"], 2),
            ("not that of the list around", &["ul", "li", "ul", "li"], 4),
            ("cells and rows", &["table", "tr", "td", "tr", "td", "td"], 3),
            ("a cell of a table within", &["table", "tr", "td", "table", "tr", "td"], 6),
            ("a block's end closes what is in it", &["div", "span", "/div"], 0),
            ("an end tag without a start", &["div", "/p", "/span"], 1),
            ("an end does not reach out of a cell", &["div", "table", "tr", "td", "/div"], 4),
            ("a link's end leaves the block open", &["a", "div", "/a"], 1),
            ("options", &["select", "option", "option", "/select"], 0),
            ("a block ends a drawing", &["svg", "g", "div"], 1),
        ];
        for (name, steps, depth) in cases {
            assert_eq!(after(steps), depth, "{name}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(after(&vec!["span"; MAX_DEPTH + 9]), MAX_DEPTH);
    }
}
