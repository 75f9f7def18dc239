//! What the attributes of an element mean.
//!
//! Invariant: an address that neither a browser nor a citizen would open is not taken.

use super::Kind;
use super::links::Spot;
use super::place::place;
use super::reader::Reader;
use super::resolve::{Written, leads_away, pictures};
use super::start::Start;
use super::tag::{Attribute, Tag};
use crate::http::page::{self, fold};

/// The longest name of a language, in characters.
const MAX_LANG: usize = 35;

impl Reader<'_> {
    /// Takes what the attributes of an element say.
    pub(super) fn attributes(&mut self, start: &Start<'_>) {
        use Attribute::{
            Action, Background, Data, Formaction, Href, Id, Lang, Name, Poster, Src, Srcset, Style, XlinkHref,
        };
        let tag = start.name.tag;
        if let Some(id) = start.get(Id) {
            self.place(id);
        }
        match tag {
            Tag::A => {
                if let Some(name) = start.get(Name) {
                    self.place(name);
                }
                let href = start.get(Href).or_else(|| start.get(XlinkHref));
                if href.is_some_and(leads_away) {
                    self.reading.anchors += 1;
                }
                if start.get(Href).is_none() {
                    self.link(start, XlinkHref, Kind::Page);
                } else if !(start.has_handler() && href.is_some_and(|href| href.trim().starts_with('#'))) {
                    // What jumps nowhere while a script does the work is only a button.
                    self.link(start, Href, Kind::Page);
                }
            }
            Tag::Area => self.link(start, Href, Kind::Page),
            Tag::Img | Tag::Image | Tag::Source => {
                self.link(start, Src, Kind::Asset);
                if let Some(set) = start.get(Srcset) {
                    for picture in pictures(set) {
                        self.links.add(spot(start, Srcset), Kind::Asset, picture);
                    }
                }
            }
            Tag::Video => {
                self.link(start, Src, Kind::Asset);
                self.link(start, Poster, Kind::Asset);
            }
            Tag::Audio | Tag::Track | Tag::Embed => self.link(start, Src, Kind::Asset),
            Tag::Script if runs(start) => self.link(start, Src, Kind::Asset),
            Tag::Object => self.link(start, Data, Kind::Asset),
            Tag::Link => {
                if let Some(kind) = relation(start.get(Attribute::Rel).unwrap_or_default()) {
                    self.link(start, Href, kind);
                }
            }
            Tag::Iframe | Tag::Frame => self.link(start, Src, Kind::Frame),
            Tag::Input | Tag::Button | Tag::Select | Tag::Textarea => {
                self.field(start);
                if let Some(post) = method(start.get(Attribute::Formmethod), self.form) {
                    self.link(start, Formaction, Kind::Form { post });
                }
            }
            Tag::Form => {
                self.form = method(start.get(Attribute::Method), Some(false));
                if let Some(post) = self.form {
                    self.link(start, Action, Kind::Form { post });
                }
            }
            Tag::Body | Tag::Table | Tag::Tr | Tag::Td | Tag::Th => {
                self.link(start, Background, Kind::Asset);
            }
            Tag::Meta => self.meta(start),
            Tag::Base => self.base(start),
            Tag::Html => {
                let lang = start.get(Lang).map(|lang| fold(lang, MAX_LANG)).filter(|lang| !lang.is_empty());
                self.reading.lang = self.reading.lang.take().or(lang);
            }
            _ => {}
        }
        if let Some(style) = start.get(Style) {
            self.links.add_sheet(tag.name(), start.at, style);
        }
        if start.has_handler() {
            for handler in Attribute::HANDLERS {
                if let Some(code) = start.get(handler) {
                    self.links.add_code(spot(start, handler), code);
                }
            }
        }
    }

    fn link(&mut self, start: &Start<'_>, attribute: Attribute, kind: Kind) {
        if let Some(written) = start.get(attribute) {
            self.links.add(spot(start, attribute), kind, written);
        }
    }

    fn place(&mut self, name: &str) {
        self.places.push(place(name));
        // Browsers look for a fragment as it is written, too.
        if name.contains('%') {
            let decoded = super::resolve::percent_decode(name);
            self.places.push(place(&String::from_utf8_lossy(&decoded)));
        }
    }

    /// Counts a field, and takes the picture of a button.
    fn field(&mut self, start: &Start<'_>) {
        let kind = start.get(Attribute::Type).unwrap_or_default().trim().to_ascii_lowercase();
        match start.name.tag {
            Tag::Button => return,
            Tag::Input => match kind.as_str() {
                "image" => return self.link(start, Attribute::Src, Kind::Asset),
                "hidden" | "submit" | "button" | "checkbox" | "radio" | "reset" => return,
                _ => {}
            },
            _ => {}
        }
        if self.is_visible() && !hides(start) {
            self.reading.inputs = self.reading.inputs.saturating_add(1);
            if start.name.tag == Tag::Input && kind == "password" {
                self.reading.passwords = self.reading.passwords.saturating_add(1);
            }
        }
    }

    fn meta(&mut self, start: &Start<'_>) {
        if start.get(Attribute::Name).is_some_and(|name| name.trim().eq_ignore_ascii_case("viewport")) {
            self.reading.viewport = true;
        }
        let equivalent = start.get(Attribute::HttpEquiv).unwrap_or_default();
        if !equivalent.trim().eq_ignore_ascii_case("refresh") {
            return;
        }
        let Some((seconds, target)) = start.get(Attribute::Content).and_then(refresh) else { return };
        self.links.add(spot(start, Attribute::Content), Kind::Refresh, target);
        if self.reading.refresh.is_none()
            && let Written::Link(url, _) = self.links.bases.read(target)
        {
            self.reading.refresh = Some((seconds, url));
        }
    }

    /// The first `<base href>` counts. Links that are followed later start from it even when they
    /// stand before it.
    fn base(&mut self, start: &Start<'_>) {
        let Some(href) = start.get(Attribute::Href).filter(|_| !self.based) else { return };
        self.based = true;
        self.links.late = None;
        let before = self.links.bases.base.clone();
        let own = self.links.own.clone();
        self.links.bases.rebase(&own, href);
        if before != self.links.bases.base && !self.links.links.is_empty() {
            self.again = Some(href.to_owned());
        }
    }
}

fn spot(start: &Start<'_>, attribute: Attribute) -> Spot {
    Spot { element: start.name.tag.name(), attribute: attribute.name(), at: start.at }
}

/// Whether a form is sent with POST, `None` when it is not sent at all; `unsaid` when nothing is said.
fn method(written: Option<&str>, unsaid: Option<bool>) -> Option<bool> {
    let Some(written) = written.map(str::trim) else { return unsaid };
    (!written.eq_ignore_ascii_case("dialog")).then(|| written.eq_ignore_ascii_case("post"))
}

/// What browsers load for a `<link>`; nothing for those that only search engines read.
fn relation(written: &str) -> Option<Kind> {
    const LOADED: [&str; 9] = [
        "icon",
        "apple-touch-icon",
        "apple-touch-icon-precomposed",
        "mask-icon",
        "manifest",
        "preload",
        "modulepreload",
        "prefetch",
        "prerender",
    ];
    let mut words = written.split_ascii_whitespace();
    if words.clone().any(|word| word.eq_ignore_ascii_case("stylesheet")) {
        return Some(Kind::Style);
    }
    words.any(|word| LOADED.iter().any(|known| word.eq_ignore_ascii_case(known))).then_some(Kind::Asset)
}

/// Seconds and address of a `<meta http-equiv=refresh>`, by the standard's algorithm; `None` when it
/// loads the same page again.
fn refresh(content: &str) -> Option<(u32, &str)> {
    let content = content.trim_start();
    let end = content.find(|c: char| !c.is_ascii_digit()).unwrap_or(content.len());
    let (digits, rest) = content.split_at(end);
    if digits.is_empty() && !rest.starts_with('.') {
        return None;
    }
    let seconds = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u32::MAX) };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest =
        rest.strip_prefix([';', ',']).or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))?;
    let rest = rest.trim_start().trim_start_matches([';', ',']).trim_start();
    let mut target = rest;
    if rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("url"))
        && let Some(after) = rest[3..].trim_start().strip_prefix('=')
    {
        target = after.trim_start();
    }
    if let Some(quote) = target.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        target = &target[1..];
        target = target.split(quote).next().unwrap_or_default();
    }
    (!target.is_empty()).then_some((seconds, target))
}

/// Whether a script is code that browsers run.
pub(super) fn runs(start: &Start<'_>) -> bool {
    let kind = start.get(Attribute::Type).unwrap_or_default().trim().to_ascii_lowercase();
    kind.is_empty() || kind == "module" || kind.ends_with("javascript") || kind.ends_with("ecmascript")
}

/// Whether its own attributes hide an element.
pub(super) fn hides(start: &Start<'_>) -> bool {
    if start.is_bare() {
        return false;
    }
    start.get(Attribute::Hidden).is_some() || start.get(Attribute::Style).is_some_and(page::hides)
}
