//! How alike two pages are, told from counts of their words.
//!
//! Every three units in a row (a Chinese character or a Latin word is a unit) are counted in one of
//! 256 buckets. What two pages share, such as head, navigation and foot of one template, is in the
//! same buckets and takes itself out of the difference, however large it is; what is left are about
//! the units that only one of them has. That *number* is held against at most 200 units, so that
//! a template of thousands does not make two different articles alike.
//!
//! Left out, because the same page says it differently each time: words with digits in them (dates,
//! counters, request ids), written addresses (`/a/b.html`, `x.html`) and the parts of the page's own
//! path.
//!
//! What it can tell: two answers "not found" that differ in the path they name are 1, or nearly; one
//! sentence of twenty other characters makes 0.9 or less. What it cannot: pages that differ in
//! pictures or numbers alone are alike; an answer that repeats a Chinese path as Chinese, or shows
//! other news every time, is not alike.
//!
//! Invariant: the size is fixed, and the text is not kept.

use url::Url;

use super::place::{mix, quick};

/// Into how many buckets the units are counted.
const BUCKETS: usize = 256;
/// The most units (of both pages together) that a difference is held against.
const MASS: u32 = 200;
/// The longest Latin word, in bytes; what is longer is no word.
const MAX_WORD: usize = 48;
/// How many parts of the page's path are left out.
const MAX_PARTS: usize = 16;

/// What a Latin word, a number or a written address is made of.
const WORDY: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'#' | b'%' | b'&' | b'\'' | b'+' | b'-'..=b'/' | b'=' | b'?' | b'@' | b'_' | b'~'
            );
        byte += 1;
    }
    table
};

/// The print of a page.
#[derive(Clone, PartialEq, Eq)]
pub struct Print {
    counts: Box<[u16; BUCKETS]>,
    units: u32,
}

impl Default for Print {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), units: 0 }
    }
}

impl std::fmt::Debug for Print {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Print").field("units", &self.units).finish_non_exhaustive()
    }
}

impl Print {
    /// How many units were counted.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// How alike two pages are, from 0 to 1.
    pub fn similarity(&self, other: &Self) -> f64 {
        let mass = (self.units.saturating_add(other.units)).min(MASS);
        if mass == 0 {
            return 1.0;
        }
        let apart: u32 = self
            .counts
            .iter()
            .zip(other.counts.iter())
            .map(|(&mine, &theirs)| u32::from(mine.abs_diff(theirs)))
            .sum();
        1.0 - f64::from(apart.min(mass)) / f64::from(mass)
    }
}

/// A print in the making.
#[derive(Debug)]
pub(super) struct Counting {
    print: Print,
    last: [u64; 2],
    word: [u8; MAX_WORD],
    length: usize,
    own: Vec<u64>,
}

impl Counting {
    /// Nothing counted yet, for the page at `address`.
    pub(super) fn new(address: &Url) -> Self {
        let mut own = Vec::new();
        for part in
            address.path_segments().into_iter().flatten().filter(|part| part.len() > 2).take(MAX_PARTS)
        {
            let stem = part.split('.').next().unwrap_or_default();
            own.push(quick(stem.to_ascii_lowercase().as_bytes()));
        }
        Self { print: Print::default(), last: [0; 2], word: [0; MAX_WORD], length: 0, own }
    }

    /// More text; how many of its characters are no white space.
    pub(super) fn push(&mut self, piece: &str) -> usize {
        let mut visible = 0;
        for c in piece.chars() {
            if let Ok(byte) = u8::try_from(c)
                && byte < 0x80
            {
                visible += usize::from(!byte.is_ascii_whitespace());
                if WORDY[usize::from(byte)] {
                    if let Some(place) = self.word.get_mut(self.length) {
                        *place = byte.to_ascii_lowercase();
                        self.length += 1;
                    } else {
                        self.length = MAX_WORD + 1;
                    }
                } else {
                    self.gap();
                }
                continue;
            }
            self.gap();
            if matches!(c, '\u{4e00}'..='\u{9fff}') || c.is_alphanumeric() {
                visible += 1;
                self.unit(u64::from(u32::from(c)));
            } else {
                visible += usize::from(!c.is_whitespace());
            }
        }
        visible
    }

    /// The end of a word.
    #[inline]
    pub(super) fn gap(&mut self) {
        if self.length > 0 {
            self.word_ends();
        }
    }

    /// What was counted.
    pub(super) fn finish(mut self) -> Print {
        self.gap();
        self.print
    }

    fn word_ends(&mut self) {
        let length = std::mem::take(&mut self.length);
        let Some(run) = self.word.get(..length) else { return };
        // A full stop or a question mark ends a sentence; a slash makes it a path.
        let mark = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte == b'/');
        let Some(start) = run.iter().position(|byte| !mark(byte)) else { return };
        let end = run.iter().rposition(|byte| !mark(byte)).map_or(start, |last| last + 1);
        let word = &run[start..end];
        if !word.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'\'')) {
            return;
        }
        let hash = quick(word);
        if !self.own.contains(&hash) {
            self.unit(hash);
        }
    }

    fn unit(&mut self, unit: u64) {
        let [first, second] = self.last;
        let shingle = mix(first.rotate_left(42) ^ second.rotate_left(21) ^ unit);
        self.last = [second, mix(unit)];
        // The highest eight bits.
        let at = usize::from((shingle >> 56) as u8);
        let count = &mut self.print.counts[at];
        *count = count.saturating_add(1);
        self.print.units = self.print.units.saturating_add(1);
    }
}
