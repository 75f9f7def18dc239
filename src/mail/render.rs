//! Rendering: a notice as subject, plain text and HTML.
//!
//! Invariant: pure, so the same notice says the same on every try; and every text that came from a
//! portal or a person passes [`clean::line()`] on its way in and the template's escaping on its way
//! out. Plain text and HTML are made from one view, so that neither says less than the other.

use askama::Template;
use jiff::tz::TimeZone;

use crate::domain::language::Language;
use crate::domain::notice::{BrokenLinks, Notice, NoticeFacts, NoticeKind};

use super::clean;
use super::links;
use super::wording::{self, Precision, Scene};

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

/// A notice about one probe on one target.
struct Told<'a> {
    notice: &'a Notice,
    facts: &'a NoticeFacts,
}

impl std::ops::Deref for Told<'_> {
    type Target = Notice;

    fn deref(&self) -> &Notice {
        self.notice
    }
}

/// How many runs a mail names, the newest ones: whoever wants them all asks the agent.
const RUNS_NAMED: usize = 5;

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

/// A notice in words, with its screenshot inline when it has one.
pub fn render(notice: &Notice, language: Language) -> Rendered {
    let picture = if notice.facts().is_some_and(|facts| facts.screenshot.is_some()) {
        Picture::Inline
    } else {
        Picture::None
    };
    render_with(notice, language, picture)
}

/// A notice in words, with or without its screenshot.
pub fn render_with(notice: &Notice, language: Language, picture: Picture) -> Rendered {
    let Some(facts) = notice.facts() else {
        let name = notice.kind.name().to_owned();
        return Rendered { subject: name.clone(), text: name.clone(), html: name };
    };
    let notice = &Told { notice, facts };
    let words = Words::of(facts, language);
    let view = View::of(notice, &words, language, picture);
    let text = Text { view: &view }.render().unwrap_or_else(|_| view.headline.clone());
    let html = Html { view: &view }.render().unwrap_or_default();
    Rendered { subject: words.subject(notice, language), text, html }
}

/// The Content-ID of the screenshot, without angle brackets.
pub fn content_id(notice: &Notice) -> String {
    format!("screenshot.{}@mystery-shopper", token(notice.id.as_str()))
}

/// An id as it may stand in a header or a MIME boundary.
pub(super) fn token(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect()
}

/// What the notice talks about, cleaned.
struct Words {
    site: String,
    journey: String,
    step: String,
}

impl Words {
    fn of(facts: &NoticeFacts, language: Language) -> Self {
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let site = or(clean::line(&facts.target_name, 80), facts.target.as_str());
        let journey = or(clean::line(&facts.probe_title, 80), facts.probe.as_str());
        let step = or(clean::line(&facts.step, 80), language.pick("首页", "home page"));
        Self { site: clean::line(&site, 80), journey: clean::line(&journey, 80), step }
    }

    /// Fact first. The stem, which names portal and step, is the same in the whole thread.
    fn subject(&self, notice: &Told<'_>, language: Language) -> String {
        let badge = wording::badge(notice.kind, language);
        let short = short(notice.facts, language);
        let lasted = wording::brief_span(notice.facts.since, ended(notice), language);
        // What stands around the stem takes at most 5 + 16 characters of Chinese ("恢复：…，中断
        // 364 天 23 小时") or 31 of English ("Up again after 364 d 23 h: "), or the outcome's words.
        let room = match language {
            Language::Chinese => 36,
            Language::English => 30_usize.min(46_usize.saturating_sub(short.chars().count())),
        };
        let marks = match language {
            Language::Chinese => 2,
            Language::English => 5,
        };
        let (site, step) = share(&self.site, &self.step, room - marks);
        match (language, notice.kind) {
            (Language::Chinese, NoticeKind::Resolved) => format!("{badge}：{site}「{step}」，中断 {lasted}"),
            (Language::Chinese, _) => format!("{badge}：{site}「{step}」{short}"),
            (Language::English, NoticeKind::Resolved) => {
                format!("{badge} after {lasted}: {site} – \"{step}\"")
            }
            (Language::English, _) => format!("{badge}: {site} – \"{step}\" {short}"),
        }
    }
}

/// Cuts two texts so that together they fit: a short one leaves its room to the other.
fn share(first: &str, second: &str, room: usize) -> (String, String) {
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

/// When the outage ended, or until when it is known to last.
fn ended(notice: &Told<'_>) -> jiff::Timestamp {
    match notice.kind {
        NoticeKind::Resolved => notice.facts.resolved_at.unwrap_or(notice.created_at),
        _ => notice.created_at,
    }
}

/// What both templates show.
struct View {
    lang: &'static str,
    /// Between a label and its value, and around the badge, in plain text.
    colon: &'static str,
    brackets: [&'static str; 2],
    badge: &'static str,
    /// Colours as `#rrggbb`: the bar and badge, and the ground behind the badge.
    accent: &'static str,
    tint: &'static str,
    headline: String,
    lead: String,
    rows: Vec<Row>,
    /// The picture's Content-ID.
    picture: Option<String>,
    picture_alt: String,
    /// Why there is no picture although there should be.
    no_picture: Option<&'static str>,
    next_title: &'static str,
    next: Vec<String>,
    foot: Vec<String>,
}

/// A fact: a label and the lines that say it.
struct Row {
    label: &'static str,
    lines: Vec<Line>,
}

/// A line, shown as it is or as a link to the same address.
struct Line {
    text: String,
    href: Option<String>,
    /// Set small and in a fixed pitch: ids and addresses.
    small: bool,
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

impl View {
    fn of(notice: &Told<'_>, words: &Words, language: Language, picture: Picture) -> Self {
        let facts = notice.facts;
        let Words { site, journey, step } = words;
        let resolved = notice.kind == NoticeKind::Resolved;
        let lasted = wording::span(facts.since, ended(notice), language);
        let scene = Scene { site, journey, step, walk: facts.position.1 > 1 };
        let short = short(facts, language);
        let headline = match (language, resolved) {
            (Language::Chinese, false) => format!("{site}「{step}」{short}"),
            (Language::Chinese, true) => format!("{site}「{step}」恢复正常"),
            (Language::English, false) => format!("{site} – \"{step}\" {short}"),
            (Language::English, true) => format!("{site} – \"{step}\" works again"),
        };
        let vantage = clean::line(&facts.vantage, 60);
        let (accent, tint) = match notice.kind {
            NoticeKind::Resolved => ("#1a7f37", "#e6f4ea"),
            _ => ("#b3261e", "#fdecea"),
        };
        let incident = clean::line(notice.incident.as_ref().map_or("", |id| id.as_str()), 64);
        Self {
            lang: language.tag(),
            colon: language.pick("：", ": "),
            brackets: [language.pick("【", "["), language.pick("】", "] ")],
            badge: wording::badge(notice.kind, language),
            accent,
            tint,
            headline,
            lead: match &facts.links {
                Some(links) => links::lead(notice.kind, links, scene, &lasted, language),
                None => wording::lead(notice.kind, facts.outcome, scene, &lasted, language),
            },
            rows: rows(notice, words, &lasted, language),
            picture: (picture == Picture::Inline).then(|| content_id(notice)),
            picture_alt: match (language, resolved) {
                (Language::Chinese, false) => format!("失败时的页面截图：「{step}」"),
                (Language::Chinese, true) => format!("恢复后的页面截图：「{step}」"),
                (Language::English, false) => format!("Screenshot of the page when \"{step}\" failed"),
                (Language::English, true) => format!("Screenshot of the page now that \"{step}\" works"),
            },
            no_picture: (picture == Picture::Missing)
                .then(|| language.pick("截图未能随信附上。", "The screenshot could not be attached.")),
            next_title: language.pick("接下来", "What to do next"),
            next: wording::next(notice.kind, &vantage, language),
            foot: match language {
                Language::Chinese => vec![
                    format!("故障编号 {incident}"),
                    "本邮件由 mystery-shopper 自动发出，请勿回复。".to_owned(),
                ],
                Language::English => vec![
                    format!("Incident {incident}"),
                    "Sent automatically by mystery-shopper. Nobody reads replies.".to_owned(),
                ],
            },
        }
    }
}

/// The facts, in the order in which people ask for them.
fn rows(notice: &Told<'_>, words: &Words, lasted: &str, language: Language) -> Vec<Row> {
    let facts = notice.facts;
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let full = |at| plain(wording::instant(at, &zone, Precision::Full, language));
    let resolved = notice.kind == NoticeKind::Resolved;
    let mut rows = Vec::new();
    let mut row = |chinese, english, lines: Vec<Line>| {
        if !lines.is_empty() {
            rows.push(Row { label: language.pick(chinese, english), lines });
        }
    };

    row("开始时间", if resolved { "Went down" } else { "Since" }, vec![full(facts.since)]);
    if resolved {
        row("恢复时间", "Came back", vec![full(ended(notice))]);
        row("持续", "Lasted", vec![plain(lasted.to_owned())]);
    }

    let (worked, total) = facts.position;
    let place = (total > 1 && !resolved).then(|| {
        let n = worked.saturating_add(1).min(total);
        match language {
            Language::Chinese => format!("（第 {n} 步，共 {total} 步）"),
            Language::English => format!(" (step {n} of {total})"),
        }
    });
    let step = match language {
        Language::Chinese => format!("「{}」", words.step),
        Language::English => format!("\"{}\"", words.step),
    };
    row("步骤", "Step", vec![plain(step + &place.unwrap_or_default())]);
    row("流程", "Journey", vec![plain(words.journey.clone())]);

    let region = facts.region.as_deref().map(|region| clean::line(region, 30)).filter(|r| !r.is_empty());
    let site = match (language, region) {
        (_, None) => words.site.clone(),
        (Language::Chinese, Some(region)) => format!("{}（{region}）", words.site),
        (Language::English, Some(region)) => format!("{} ({region})", words.site),
    };
    row("网站", "Portal", [plain(site)].into_iter().chain(address(&facts.entry)).collect());
    if facts.url != facts.entry {
        row("页面", "Page", address(&facts.url).into_iter().collect());
    }

    let mut said = facts.links.as_ref().map(|links| broken(links, language)).unwrap_or_default();
    if let Some(phrase) = facts.phrase.as_deref().map(|phrase| clean::line(phrase, 200)) {
        said.push(plain(match language {
            Language::Chinese => format!("「{phrase}」"),
            Language::English => format!("\"{phrase}\""),
        }));
    }
    // The entry page answers well; it is the links that do not.
    if let Some(status) = facts.status.filter(|_| facts.links.is_none()) {
        said.push(plain(match language {
            Language::Chinese => format!("HTTP 状态码 {status}"),
            Language::English => format!("HTTP status {status}"),
        }));
    }
    if resolved {
        // The page, its status and its picture are those of the good run; the outcome is the old one.
        let was = wording::capital(short(facts, language));
        row("当时现象", "What it was", vec![plain(was)]);
        row("现在", "Now", said);
    } else {
        // With a phrase the page spoke; without one only its status did.
        let label = match (&facts.links, &facts.phrase) {
            (Some(_), _) => ("失效链接", "Broken links"),
            (None, Some(_)) => ("页面提示", "The page said"),
            (None, None) => ("网站回应", "The answer"),
        };
        row(label.0, label.1, said);
    }

    let named = &facts.runs[facts.runs.len().saturating_sub(RUNS_NAMED)..];
    let in_all = facts.runs.len().max(facts.runs_in_all as usize);
    let mut runs = vec![plain(wording::confirmed(notice.kind, in_all, named.len(), language))];
    for run in named {
        if let Some(at) = started(run.as_str()) {
            runs.push(plain(wording::instant(at, &zone, Precision::Listed, language)));
        }
        runs.push(small(clean::line(run.as_str(), 64)));
    }
    row("确认经过", "Evidence", runs);
    if !resolved {
        row("确认时间", "Confirmed at", vec![full(facts.confirmed_at)]);
    }
    row("探测点", "Seen from", vec![plain(clean::line(&facts.vantage, 60))]);
    if !resolved {
        // English in every mail, for whoever mends the portal: small, behind all that is for everybody.
        // Of broken links it would say once more what stands above.
        let error = facts.error.as_deref().filter(|_| facts.links.is_none());
        let error = error.map(|error| clean::line(error, 500));
        let error = error.filter(|error| !error.is_empty());
        row("技术细节", "Technical detail", error.map(small).into_iter().collect());
    }
    rows
}

/// The outcome in a few words.
fn short(facts: &NoticeFacts, language: Language) -> &'static str {
    match facts.links {
        Some(_) => links::short(language),
        None => wording::short(facts.outcome, language),
    }
}

/// How many links are broken, and the first of them.
fn broken(links: &BrokenLinks, language: Language) -> Vec<Line> {
    let mut told = vec![plain(wording::capital(&links::tally(links, language)))];
    for link in &links.first {
        told.extend(address(&link.url).map(|mut line| {
            line.text.push_str(&links::what(link, language));
            line
        }));
    }
    told.extend(links::more(links, language).map(plain));
    told
}

/// When a run was made: its id says so.
fn started(run: &str) -> Option<jiff::Timestamp> {
    let (seconds, nanos) = uuid::Uuid::try_parse(run).ok()?.get_timestamp()?.to_unix();
    jiff::Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

fn plain(text: String) -> Line {
    Line { text, href: None, small: false }
}

fn small(text: String) -> Line {
    Line { text, href: None, small: true }
}

/// An address, clickable when that is harmless.
fn address(url: &str) -> Option<Line> {
    let href = clean::link(url);
    let text = clean::line(href.as_deref().unwrap_or(url), 300);
    (!text.is_empty()).then_some(Line { text, href, small: true })
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
