//! Rendering: a notice as subject, plain text and HTML.
//!
//! Invariant: pure, so the same notice says the same on every try; and every text that came from a
//! portal or a person passes [`clean::line()`] on its way in and the template's escaping on its way
//! out. Plain text and HTML are made from one view, so that neither says less than the other.

use askama::Template;
use url::Url;

use crate::domain::language::Language;
use crate::domain::notice::{Matter, Notice};

use super::concern;
use super::{clean, many, ours, pair, waiting};

/// No subject is longer, in characters.
const LONGEST_SUBJECT: usize = 59;

/// A mail's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject: fewer than 60 characters.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML; its picture is the part named by [`content_id`].
    pub html: String,
}

/// Whether the screenshot travels with the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// There is none.
    None,
    /// As an inline part.
    Inline,
    /// There is one, but it could not be attached.
    Missing,
}

/// What is not in the notice itself.
#[derive(Debug, Clone, Copy)]
pub struct Extras<'a> {
    /// The screenshot.
    pub picture: Picture,
    /// The page on which the reader says that he takes care of it.
    pub acknowledge: Option<&'a Url>,
}

impl Extras<'_> {
    /// Those of a notice whose picture travels with it, and without a page to acknowledge it.
    pub fn of(notice: &Notice) -> Self {
        let pictured = notice.facts().is_some_and(|facts| facts.screenshot.is_some());
        Self { picture: if pictured { Picture::Inline } else { Picture::None }, acknowledge: None }
    }
}

/// A notice in words, with its screenshot inline when it has one.
pub fn render(notice: &Notice, language: Language) -> Rendered {
    render_with(notice, language, Extras::of(notice))
}

/// A notice in words.
pub fn render_with(notice: &Notice, language: Language, extras: Extras<'_>) -> Rendered {
    let view = match &notice.matter {
        Matter::Facts(facts) => pair::view(notice, facts, language, extras),
        Matter::Wave(facts) => many::wave(notice, facts, language, extras),
        Matter::Digest(facts) => many::digest(notice, facts, language),
        Matter::Vantage(facts) => ours::vantage(notice, facts, language, extras),
        Matter::Heartbeat(facts) => ours::heartbeat(notice, facts, language),
        Matter::Undeliverable(facts) if let Some(waits) = &facts.waiting => {
            waiting::view(notice, facts, waits, language)
        }
        Matter::Undeliverable(facts) => ours::undeliverable(notice, facts, language),
        Matter::Test(facts) => ours::test(notice, facts, language),
    };
    let text = Text { view: &view }.render().unwrap_or_else(|_| view.headline.clone());
    let html = Html { view: &view }.render().unwrap_or_default();
    // A portal's `=?utf-8?q?…?=` is text; in a header some readers would decode it into whatever it hides.
    let subject = clean::line(&view.subject.replace("=?", "= ?"), LONGEST_SUBJECT);
    Rendered { subject, text, html }
}

/// The Content-ID of the screenshot, without angle brackets.
pub fn content_id(notice: &Notice) -> String {
    format!("screenshot.{}@mystery-shopper", token(notice.id.as_str()))
}

/// An id as it may stand in a header or a MIME boundary.
pub(super) fn token(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect()
}

/// Cuts two texts so that together they fit: a short one leaves its room to the other.
pub(super) fn share(first: &str, second: &str, room: usize) -> (String, String) {
    let (a, b) = (first.chars().count(), second.chars().count());
    let half = room / 2;
    let (a, b) = match (a <= half, b <= room - half) {
        _ if a + b <= room => (a, b),
        (true, _) => (a, room - a),
        (_, true) => (room - b, b),
        _ => (half, room - half),
    };
    (clean::line(first, a), clean::line(second, b))
}

/// What stands around the two names of a subject: the room that it leaves them.
pub(super) fn room(around: &str) -> usize {
    LONGEST_SUBJECT.saturating_sub(around.chars().count())
}

/// What both templates show.
pub(super) struct View {
    pub(super) subject: String,
    pub(super) lang: &'static str,
    /// Between a label and its value, and around the badge, in plain text.
    pub(super) colon: &'static str,
    pub(super) brackets: [&'static str; 2],
    pub(super) badge: &'static str,
    /// Colours as `#rrggbb`: the bar and badge, and the ground behind the badge.
    pub(super) accent: &'static str,
    pub(super) tint: &'static str,
    pub(super) headline: String,
    pub(super) lead: String,
    pub(super) rows: Vec<Row>,
    /// The picture's Content-ID.
    pub(super) picture: Option<String>,
    pub(super) picture_alt: String,
    /// Why there is no picture although there should be.
    pub(super) no_picture: Option<&'static str>,
    pub(super) next_title: &'static str,
    pub(super) next: Vec<String>,
    /// What stands on the button, and where it leads.
    pub(super) button: Option<(&'static str, String)>,
    pub(super) foot: Vec<String>,
}

impl View {
    /// A view that says no more than its kind.
    pub(super) fn new(notice: &Notice, language: Language) -> Self {
        let (accent, tint) = concern::colours(notice.kind, notice.concern);
        let mut foot = vec![
            language
                .pick(
                    "本邮件由 mystery-shopper 自动发出，请勿回复。",
                    "Sent automatically by mystery-shopper. Nobody reads replies.",
                )
                .to_owned(),
        ];
        if let Some(incident) = &notice.incident {
            let incident = clean::line(incident.as_str(), 64);
            let word = language.pick("故障编号", "Incident");
            foot.insert(0, format!("{word} {incident}"));
        }
        Self {
            subject: String::new(),
            lang: language.tag(),
            colon: language.pick("：", ": "),
            brackets: [language.pick("【", "["), language.pick("】", "] ")],
            badge: concern::badge(notice.kind, notice.concern, language),
            accent,
            tint,
            headline: String::new(),
            lead: String::new(),
            rows: Vec::new(),
            picture: None,
            picture_alt: String::new(),
            no_picture: None,
            next_title: language.pick("接下来", "What to do next"),
            next: Vec::new(),
            button: None,
            foot,
        }
    }

    /// Adds a fact, unless there is nothing to say.
    pub(super) fn row(&mut self, label: &'static str, lines: impl IntoIterator<Item = Line>) {
        let lines: Vec<Line> = lines.into_iter().collect();
        if !lines.is_empty() {
            self.rows.push(Row { label, lines });
        }
    }

    /// Offers to say that one takes care of the incident.
    pub(super) fn offer(&mut self, notice: &Notice, vantage: &str, extras: Extras<'_>, language: Language) {
        let Some(incident) = &notice.incident else { return };
        let href = extras.acknowledge.and_then(|url| clean::link(url.as_str()));
        let incident = clean::line(incident.as_str(), 64);
        self.next.push(concern::acknowledge(&incident, vantage, href.is_some(), language));
        self.button = href.map(|href| (concern::button(language), href));
    }
}

/// A fact: a label and the lines that say it.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) lines: Vec<Line>,
}

/// A line, shown as it is or as a link to the same address.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) href: Option<String>,
    /// Set small and in a fixed pitch: ids and addresses.
    pub(super) small: bool,
}

#[derive(Template)]
#[template(config = "src/mail/askama.toml", path = "notice.html")]
struct Html<'a> {
    view: &'a View,
}

#[derive(Template)]
#[template(config = "src/mail/askama.toml", path = "notice.txt", escape = "none")]
struct Text<'a> {
    view: &'a View,
}

pub(super) fn plain(text: String) -> Line {
    Line { text, href: None, small: false }
}

pub(super) fn small(text: String) -> Line {
    Line { text, href: None, small: true }
}

/// An address, clickable when that is harmless.
pub(super) fn address(url: &str) -> Option<Line> {
    let href = clean::link(url);
    let text = clean::line(href.as_deref().unwrap_or(url), 300);
    (!text.is_empty()).then_some(Line { text, href, small: true })
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
