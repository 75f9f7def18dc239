//! What the tags and texts of a page mean.
//!
//! Invariant: every tag costs bounded time, whatever came before it.

use encoding_rs::Encoding;
use html5gum::State;
use url::Url;

use super::links::Collector;
use super::makers::may_make_places;
use super::marks;
use super::meaning::{hides, runs};
use super::nest::Nest;
use super::print::Counting;
use super::start::{Name, Start};
use super::tag::{Attribute, Tag};
use super::token::{Receive, feed};
use super::waiting::Waiting;
use super::words::Folded;
use super::{Limits, Reading};

/// The longest title, in characters.
const MAX_TITLE: usize = 300;
/// How much of a script is looked at for marks, in bytes.
const MAX_SCRIPT: usize = 40_000;
/// How many scripts are looked at.
const MAX_SCRIPTS: u32 = 200;
/// How much of a `<style>` is read, in bytes.
const MAX_STYLE: usize = 256 * 1024;

/// What the text is that comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Words,
    Title,
    Script { runs: bool, named: bool },
    Style { at: usize },
    Skip,
}

/// The pass over a page.
pub(super) struct Reader<'s> {
    /// The links.
    pub(super) links: Collector<'s>,
    /// What was read so far, the links and words excepted.
    pub(super) reading: Reading,
    pub(super) places: Vec<u64>,
    /// Whether a `<base href>` was met.
    pub(super) based: bool,
    /// The base that links before it should have been read with.
    pub(super) again: Option<String>,
    /// Whether the form that is open is sent with POST; `None` when it is not sent.
    pub(super) form: Option<bool>,
    nest: Nest,
    mode: Mode,
    pub(super) waiting: Vec<Waiting>,
    beginning: Folded,
    title: Option<Folded>,
    counting: Counting,
    raw: Vec<u8>,
    looked_at: u32,
}

/// Reads a page. `late` is the base that a first pass met after the first links; that pass fails with
/// it.
pub(super) fn read(
    source: &str,
    address: &Url,
    encoding: &'static Encoding,
    limits: &Limits,
    late: Option<&str>,
) -> Result<Reading, String> {
    let mut links = Collector::new(source, address, encoding, limits.links);
    if let Some(href) = late {
        let mut bases = links.bases.clone();
        bases.rebase(&links.own, href);
        links.late = Some(bases);
    }
    let mut reader = Reader {
        links,
        reading: Reading::default(),
        places: Vec::new(),
        based: false,
        again: None,
        form: Some(false),
        nest: Nest::default(),
        mode: Mode::Words,
        waiting: Vec::new(),
        beginning: Folded::new(limits.text),
        title: None,
        counting: Counting::new(address),
        raw: Vec::new(),
        looked_at: 0,
    };
    feed(source, &mut reader);
    match reader.again.take() {
        Some(base) if late.is_none() => Err(base),
        _ => Ok(reader.finish()),
    }
}

impl Reader<'_> {
    fn finish(mut self) -> Reading {
        self.raw_ends();
        self.settle(0);
        self.links.name_rest();
        let mut reading = self.reading;
        reading.links = self.links.links;
        reading.links.shrink_to_fit();
        reading.wrong = self.links.wrong;
        reading.cut = self.links.cut;
        self.places.sort_unstable();
        self.places.dedup();
        reading.places = self.places.into_boxed_slice();
        reading.title = self.title.map(Folded::take).unwrap_or_default();
        reading.text = self.beginning.take();
        reading.print = self.counting.finish();
        reading
    }

    /// Whether what comes now can be seen.
    pub(super) fn is_visible(&self) -> bool {
        self.nest.is_visible()
    }

    fn gap(&mut self) {
        self.beginning.gap();
        self.counting.gap();
        for waiting in &mut self.waiting {
            waiting.words.gap();
        }
    }

    fn say(&mut self, piece: &str) {
        if !self.beginning.is_full() {
            self.beginning.push(piece);
        }
        self.reading.text_chars += self.counting.push(piece);
    }

    /// Words that stand in attributes.
    fn spoken(&mut self, start: &Start<'_>) {
        let words = match start.name.tag {
            Tag::Img | Tag::Image => {
                let Some(alt) = start.get(Attribute::Alt) else { return };
                for waiting in &mut self.waiting {
                    waiting.holds_picture(alt);
                }
                alt
            }
            Tag::Input => {
                let is = |name: &str| {
                    start.get(Attribute::Type).is_some_and(|kind| kind.eq_ignore_ascii_case(name))
                };
                let pressed = is("submit") || is("button") || is("reset");
                let words = if pressed { Attribute::Value } else { Attribute::Placeholder };
                let Some(words) = start.get(words).filter(|_| !is("hidden")) else { return };
                words
            }
            _ => return,
        };
        if self.nest.is_visible() && !hides(start) {
            self.gap();
            self.say(words);
            self.gap();
        }
    }

    /// The end of a script, style or title.
    fn raw_ends(&mut self) {
        match std::mem::replace(&mut self.mode, Mode::Words) {
            Mode::Script { runs, named } => {
                if runs && (named || !self.raw.iter().all(u8::is_ascii_whitespace)) {
                    self.reading.scripts = self.reading.scripts.saturating_add(1);
                }
                if self.looked_at < MAX_SCRIPTS {
                    self.looked_at += 1;
                    marks::look(&self.raw, &mut self.reading.marks);
                }
                let whole = self.raw.len() < MAX_SCRIPT;
                self.reading.makes_places |= runs && (!whole || may_make_places(&self.raw));
            }
            Mode::Style { at } => {
                let sheet = String::from_utf8_lossy(&self.raw);
                let (links, wrong) = (self.links.links.len(), self.links.wrong.len());
                self.links.add_sheet("style", at, &sheet);
                let (links, wrong) = ((links, self.links.links.len()), (wrong, self.links.wrong.len()));
                self.links.name(links, wrong, None);
            }
            Mode::Title => self.counting.gap(),
            Mode::Words | Mode::Skip => {}
        }
        self.raw.clear();
    }

    /// What the text after a start tag is that switches the tokenizer.
    fn mode_of(&mut self, start: &Start<'_>) -> Mode {
        match start.name.tag {
            Tag::Textarea | Tag::Xmp | Tag::Plaintext => Mode::Words,
            _ if self.nest.is_inert() => Mode::Skip,
            Tag::Title if self.title.is_none() => {
                self.title = Some(Folded::new(MAX_TITLE));
                Mode::Title
            }
            Tag::Script => {
                let named = start.get(Attribute::Src);
                if let Some(src) = named
                    && self.looked_at < MAX_SCRIPTS
                {
                    marks::look(src.as_bytes(), &mut self.reading.marks);
                }
                Mode::Script { runs: runs(start), named: named.is_some() }
            }
            Tag::Style => Mode::Style { at: start.at },
            _ => Mode::Skip,
        }
    }
}

impl Receive for Reader<'_> {
    fn open(&mut self, start: &Start<'_>) -> Option<State> {
        let tag = start.name.tag;
        self.nest.make_way(tag);
        self.settle(self.nest.depth());
        if tag == Tag::A {
            self.settle_anchor();
        }
        if !tag.is_inline() {
            self.gap();
        }
        let (links, wrong) = (self.links.links.len(), self.links.wrong.len());
        let in_drawing = self.nest.in_drawing();
        let means = !start.is_bare() || matches!(tag, Tag::Input | Tag::Select | Tag::Textarea | Tag::Form);
        if means && !self.nest.is_inert() {
            self.attributes(start);
            self.spoken(start);
        }
        let depth = self.nest.depth();
        let drawn = in_drawing || matches!(tag, Tag::Svg | Tag::Math);
        let opened = !(tag.is_void() || drawn && start.self_closing)
            && self.nest.push(start.name, tag.is_hidden() || hides(start));
        self.call(start, links, wrong, depth, opened);
        if in_drawing {
            return None;
        }
        let state = tag.state()?;
        self.mode = self.mode_of(start);
        Some(state)
    }

    fn close(&mut self, name: Name) {
        if self.mode != Mode::Words {
            self.raw_ends();
        }
        self.nest.close(name);
        if name.tag == Tag::A {
            self.settle_anchor();
        }
        self.settle(self.nest.depth());
        if !name.tag.is_inline() {
            self.gap();
        }
    }

    fn text(&mut self, piece: &str) {
        match self.mode {
            Mode::Words => {
                if piece.bytes().all(|byte| byte.is_ascii_whitespace()) {
                    self.gap();
                    return;
                }
                if !self.nest.is_inert() {
                    for waiting in &mut self.waiting {
                        waiting.words.push(piece);
                    }
                }
                if self.nest.is_visible() {
                    self.say(piece);
                }
            }
            Mode::Title => {
                self.counting.push(piece);
                if let Some(title) = &mut self.title {
                    title.push(piece);
                }
            }
            Mode::Script { .. } | Mode::Style { .. } => {
                let limit = if matches!(self.mode, Mode::Style { .. }) { MAX_STYLE } else { MAX_SCRIPT };
                let end = piece.floor_char_boundary(limit.saturating_sub(self.raw.len()));
                self.raw.extend_from_slice(&piece.as_bytes()[..end]);
            }
            Mode::Skip => {}
        }
    }

    fn in_drawing(&self) -> bool {
        self.nest.in_drawing()
    }
}
