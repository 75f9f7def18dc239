//! From the tokenizer's steps to whole tags: only the attributes that mean something are kept, and
//! text goes on in pieces as it comes.
//!
//! Invariant: memory is bounded by [`MAX_VALUE`] whatever an attribute holds; the first of two equal
//! attributes counts, as in browsers.

use std::convert::Infallible;

use html5gum::{Emitter, Error, State, Tokenizer};

use super::start::{Attributes, Growing, Name, Start};
use super::tag::{Attribute, Tag};

/// The most bytes of one attribute's value that are kept, twice the longest address that is ever
/// requested. Code, styles and sets of pictures may be longer; their beginning counts.
const MAX_VALUE: usize = 16 * 1024;

/// What receives the tags and texts of a page.
pub(super) trait Receive {
    /// A start tag; answers how the tokenizer goes on.
    fn open(&mut self, tag: &Start<'_>) -> Option<State>;
    /// An end tag.
    fn close(&mut self, name: Name);
    /// A piece of text, of whatever kind the last start tag began.
    fn text(&mut self, piece: &str);
    /// Whether the innermost element is one of a drawing or formula.
    fn in_drawing(&self) -> bool;
}

/// The emitter that makes tags of the tokenizer's steps.
struct Assembly<'r, R> {
    receiver: &'r mut R,
    position: usize,
    tag_at: usize,
    is_end: bool,
    self_closing: bool,
    name: Growing,
    attribute_name: Growing,
    /// The attribute whose value is being read; `Other` when it means nothing.
    attribute: Attribute,
    attribute_open: bool,
    attributes: Attributes,
    last_start: Tag,
    /// Bytes of a character that came in more than one piece.
    broken: Vec<u8>,
}

/// Reads `source` once and hands its tags and texts to `receiver`.
pub(super) fn feed<R: Receive>(source: &str, receiver: &mut R) {
    let assembly = Assembly {
        receiver,
        position: 0,
        tag_at: 0,
        is_end: false,
        self_closing: false,
        name: Growing::default(),
        attribute_name: Growing::default(),
        attribute: Attribute::Other,
        attribute_open: false,
        attributes: Attributes { have: 0, ranges: [(0, 0); Attribute::COUNT], values: Vec::new() },
        last_start: Tag::Other,
        broken: Vec::new(),
    };
    let Ok(()) = Tokenizer::new_with_emitter(source, assembly).finish();
}

impl<R: Receive> Assembly<'_, R> {
    /// Makes the attribute whose name was read the one whose value follows.
    fn begin_value(&mut self) {
        if !self.attribute_open {
            return;
        }
        self.attribute_open = false;
        self.attribute =
            if self.is_end { Attribute::Other } else { Attribute::of(self.attribute_name.known()) };
        let at = self.attribute as usize;
        if at >= Attribute::COUNT {
            return;
        }
        let bit = 1 << at;
        if self.attributes.have & bit != 0 {
            self.attribute = Attribute::Other;
            return;
        }
        self.attributes.have |= bit;
        let end = u32::try_from(self.attributes.values.len()).unwrap_or(u32::MAX);
        self.attributes.ranges[at] = (end, end);
    }

    /// Text that is not made of whole characters.
    #[cold]
    fn broken_text(&mut self, piece: &[u8]) {
        self.broken.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.broken) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.broken.len(),
        };
        if whole > 0 {
            let rest = self.broken.split_off(whole);
            self.receiver.text(&String::from_utf8_lossy(&self.broken));
            self.broken = rest;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are at most 64 values of MAX_VALUE bytes")]
impl<R: Receive> Emitter for Assembly<'_, R> {
    type Token = Infallible;

    #[inline]
    fn move_position(&mut self, offset: isize) {
        self.position = self.position.wrapping_add_signed(offset);
    }

    fn set_last_start_tag(&mut self, last: Option<&[u8]>) {
        self.last_start = Tag::of(last.unwrap_or_default());
    }

    fn emit_eof(&mut self) {}

    fn emit_error(&mut self, _: Error) {}

    #[inline]
    fn should_emit_errors(&mut self) -> bool {
        false
    }

    #[inline]
    fn pop_token(&mut self) -> Option<Infallible> {
        None
    }

    fn emit_string(&mut self, piece: &[u8]) {
        if self.broken.is_empty()
            && let Ok(text) = std::str::from_utf8(piece)
        {
            self.receiver.text(text);
        } else {
            self.broken_text(piece);
        }
    }

    #[inline]
    fn start_open_tag(&mut self) {
        self.tag_at = self.position.saturating_sub(1);
    }

    fn init_start_tag(&mut self) {
        self.name.clear();
        self.is_end = false;
        self.self_closing = false;
        self.attribute_open = false;
        self.attributes.have = 0;
        self.attributes.values.clear();
    }

    fn init_end_tag(&mut self) {
        self.init_start_tag();
        self.is_end = true;
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.begin_value();
        self.attribute = Attribute::Other;
        let name = self.name.name();
        if self.is_end {
            self.receiver.close(name);
            return None;
        }
        self.last_start = name.tag;
        let start =
            Start { name, at: self.tag_at, self_closing: self.self_closing, attributes: &self.attributes };
        self.receiver.open(&start)
    }

    fn set_self_closing(&mut self) {
        self.self_closing = true;
    }

    fn push_tag_name(&mut self, piece: &[u8]) {
        self.name.push(piece);
    }

    fn init_attribute(&mut self) {
        self.begin_value();
        self.attribute = Attribute::Other;
        self.attribute_name.clear();
        self.attribute_open = true;
    }

    fn push_attribute_name(&mut self, piece: &[u8]) {
        self.attribute_name.push(piece);
    }

    fn push_attribute_value(&mut self, piece: &[u8]) {
        self.begin_value();
        let at = self.attribute as usize;
        if at >= Attribute::COUNT {
            return;
        }
        let have = self.attributes.values.len() - self.attributes.ranges[at].0 as usize;
        let room = MAX_VALUE.saturating_sub(have);
        self.attributes.values.extend_from_slice(&piece[..piece.len().min(room)]);
        self.attributes.ranges[at].1 = self.attributes.values.len() as u32;
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.is_end && self.last_start != Tag::Other && self.name.name().tag == self.last_start
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.receiver.in_drawing()
    }

    fn init_comment(&mut self) {}
    fn emit_current_comment(&mut self) {}
    fn push_comment(&mut self, _: &[u8]) {}
    fn init_doctype(&mut self) {}
    fn emit_current_doctype(&mut self) {}
    fn set_force_quirks(&mut self) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
}
