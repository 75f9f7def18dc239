//! Start tags: a name, and the attributes that mean something.
//!
//! Invariant: a name costs [`MAX_NAME`] bytes, however long it is.

use super::tag::{Attribute, Tag};

/// The longest name of an element or an attribute that can mean something.
const MAX_NAME: usize = 20;

/// An element's name: its tag, and a hash that tells unknown ones apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// What it stands for.
    pub tag: Tag,
    hash: u16,
}

impl Name {
    /// The name of a known element.
    #[cfg(test)]
    pub(super) fn known(tag: Tag) -> Self {
        Self { tag, hash: 0 }
    }
}

/// A start tag.
pub(super) struct Start<'a> {
    /// Its name.
    pub name: Name,
    /// Where its `<` stands, in bytes from the start of the source.
    pub at: usize,
    /// Whether it ended with `/>`.
    pub self_closing: bool,
    /// Its attributes.
    pub attributes: &'a Attributes,
}

impl Start<'_> {
    /// The value of an attribute, character references resolved.
    pub(super) fn get(&self, attribute: Attribute) -> Option<&str> {
        self.attributes.get(attribute)
    }

    /// Whether it has any attribute that means something.
    pub(super) fn is_bare(&self) -> bool {
        self.attributes.have == 0
    }

    /// Whether it has one of the handlers whose code is read.
    pub(super) fn has_handler(&self) -> bool {
        self.attributes.have >> Attribute::Onchange as u32 != 0
    }
}

/// The attributes of the current tag that mean something.
pub(super) struct Attributes {
    /// A bit for every attribute that the tag has.
    pub have: u64,
    /// Where the value of each stands in `values`.
    pub ranges: [(u32, u32); Attribute::COUNT],
    /// All values, one after the other.
    pub values: Vec<u8>,
}

impl Attributes {
    fn get(&self, attribute: Attribute) -> Option<&str> {
        let at = attribute as usize;
        if at >= Attribute::COUNT || self.have & (1 << at) == 0 {
            return None;
        }
        let (start, end) = self.ranges[at];
        let bytes = self.values.get(start as usize..end as usize)?;
        // Values can be cut within a character.
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        })
    }
}

/// A name that is being read.
#[derive(Debug, Default)]
pub(super) struct Growing {
    bytes: [u8; MAX_NAME],
    length: usize,
    hash: u16,
}

impl Growing {
    /// Begins another name.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.hash = 0;
    }

    /// More of the name.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.length..self.length + piece.len()) {
            room.copy_from_slice(piece);
        } else {
            for &byte in piece {
                self.hash = self.hash.wrapping_mul(31).wrapping_add(u16::from(byte));
            }
        }
        self.length = (self.length + piece.len()).min(MAX_NAME + 1);
    }

    /// The name, empty when it is too long to be a known one.
    pub(super) fn known(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The element that it names.
    pub(super) fn name(&self) -> Name {
        let tag = Tag::of(self.known());
        if tag != Tag::Other {
            return Name { tag, hash: 0 };
        }
        let known = &self.bytes[..self.length.min(MAX_NAME)];
        let hash =
            known.iter().fold(self.hash, |hash, &byte| hash.wrapping_mul(31).wrapping_add(u16::from(byte)));
        Name { tag, hash }
    }
}
