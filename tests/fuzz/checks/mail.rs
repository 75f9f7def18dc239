//! What must hold of the mail about any notice, whatever texts are in it.
//!
//! It is one message with the headers that we gave it and no others, in lines that servers take; people
//! see what was rendered and nothing that runs, hides, or turns their writing round; and a second try
//! is the same mail.
//!
//! An input is a line of choices, a byte each, and behind it texts with `|` between them. Both begin
//! anew when they are used up.

use jiff::{SignedDuration, Timestamp};
use mail_parser::{MessageParser, MimeHeaders};
use mystery_shopper::domain::incident::{Acknowledgement, Concern, Severity, Shared};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::link::LinkClass;
use mystery_shopper::domain::notice::{
    BrokenLinks, Canary, CanaryFact, DigestFacts, HeartbeatFacts, Matter, Member, NamedLink, Notice,
    NoticeFacts, NoticeKind, Outgoing, Recipient, Slowness, TestFacts, UndeliverableFacts, UnheardFacts,
    VantageFacts, WaitingFacts, WaveFacts,
};
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::mail::{
    Enclosed, Extras, MailSettings, Mailer, Picture, Rendered, SendFailure, render_with,
};
use mystery_shopper::plan::{SmtpSecurity, SmtpServer};
use url::Url;

/// Renders and writes the mail that `data` describes, in both languages.
pub fn check(data: &[u8]) {
    let mut draw = Draw::of(data);
    let item = outgoing(&mut draw);
    let page = draw.maybe().and_then(|text| Url::parse(&text).ok());
    let picture = if draw.flag() { Some((b"not a picture".to_vec(), draw.media_type())) } else { None };
    let enclosed = Enclosed { screenshot: picture, acknowledge: page };
    for (_, language) in Language::ALL {
        let mailer = mailer(language);
        let written = mailer.message(&item, enclosed.clone());
        assert!(written == mailer.message(&item, enclosed.clone()), "a second try is another mail");
        let pictured = item.notice.facts().is_some_and(|facts| facts.screenshot.is_some());
        let mut looks = vec![Picture::None];
        if pictured || enclosed.screenshot.is_some() {
            looks = vec![Picture::Inline, Picture::Missing, Picture::None];
        }
        let mut drafts = looks.into_iter().map(|picture| {
            let extras = Extras { picture, acknowledge: enclosed.acknowledge.as_ref() };
            let words = render_with(&item.notice, language, extras);
            words_are_harmless(&words);
            words
        });
        match written {
            Ok(bytes) => {
                assert!(bytes.is_ascii() || !item.to.to_string().is_ascii(), "a server may not take it");
                lines_pass_any_server(&bytes);
                headers_are_ours(&bytes);
                assert!(
                    drafts.by_ref().any(|words| says(&bytes, &words)),
                    "the mail says something else than was rendered:\n{}",
                    String::from_utf8_lossy(&bytes)
                );
                drafts.for_each(drop);
            }
            Err(SendFailure::Refused(why)) => {
                drafts.for_each(drop);
                assert!(!why.chars().any(is_harmful), "{why:?}");
            }
            Err(SendFailure::Retry(why)) => panic!("nothing was sent, and it is to be tried again: {why}"),
        }
    }
}

fn mailer(language: Language) -> Mailer {
    let server =
        SmtpServer { security: SmtpSecurity::Plain, host: "127.0.0.1".to_owned(), port: 25, user: None };
    let from = "神秘顾客 <alerts@example.org>".to_owned();
    let timeout = std::time::Duration::from_secs(1);
    let settings = MailSettings { server, password: None, from, language, timeout };
    Mailer::new(settings).expect("the settings are good")
}

/// Takes choices and texts from an input.
struct Draw<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    texts: Vec<String>,
    next: usize,
}

impl<'a> Draw<'a> {
    fn of(data: &'a [u8]) -> Self {
        let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
        let choices = if end == 0 { &[0][..] } else { &data[..end] };
        let texts = String::from_utf8_lossy(data.get(end + 1..).unwrap_or_default());
        let texts = texts.split('|').map(str::to_owned).collect();
        Self { choices: choices.iter().cycle(), texts, next: 0 }
    }

    fn byte(&mut self) -> u8 {
        self.choices.next().copied().unwrap_or_default()
    }

    fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()].clone()
    }

    /// A number of any size: small ones, and those at the end of the range.
    fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => 1 << 40,
            small => u64::from(small),
        }
    }

    fn count(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    fn text(&mut self) -> String {
        self.next += 1;
        self.texts[(self.next - 1) % self.texts.len()].clone()
    }

    fn maybe(&mut self) -> Option<String> {
        self.flag().then(|| self.text())
    }

    fn list(&mut self) -> Vec<String> {
        let length = self.byte() % 8;
        (0..length).map(|_| self.text()).collect()
    }

    fn instant(&mut self) -> Timestamp {
        let seconds = match self.byte() {
            255 => return Timestamp::MAX,
            254 => return Timestamp::MIN,
            small => i64::from(small).pow(3),
        };
        let some_day = Timestamp::from_second(1_795_000_000).unwrap_or_default();
        some_day.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(some_day)
    }

    fn maybe_instant(&mut self) -> Option<Timestamp> {
        self.flag().then(|| self.instant())
    }

    fn timezone(&mut self) -> String {
        let text = self.text();
        self.pick(&["Asia/Shanghai".to_owned(), "America/New_York".to_owned(), text])
    }

    fn media_type(&mut self) -> String {
        let text = self.text();
        self.pick(&["image/jpeg".to_owned(), "image/png".to_owned(), text])
    }
}

fn outgoing(draw: &mut Draw<'_>) -> Outgoing {
    let notice = notice(draw);
    let address = |draw: &mut Draw<'_>| {
        let text = draw.text();
        let friend = "oncall@example.org".to_owned();
        Recipient::from(draw.pick(&[friend.clone(), friend, format!("{text}@example.org"), text]))
    };
    let to = address(draw);
    let length = draw.byte() % 80;
    let all = (0..length).map(|_| address(draw)).collect();
    Outgoing { id: 1, next_try_at: notice.created_at, notice, to, all, attempts: draw.count() }
}

fn notice(draw: &mut Draw<'_>) -> Notice {
    let matter = matter(draw);
    let message_id = |draw: &mut Draw<'_>| {
        let text = draw.text();
        let good = "<01a20185@example.org>".to_owned();
        draw.pick(&[good.clone(), good, format!("<{text}@example.org>"), text])
    };
    Notice {
        id: draw.text().as_str().into(),
        incident: draw.maybe().map(|text| text.as_str().into()),
        kind: draw.pick(&NoticeKind::ALL),
        concern: draw.pick(&Concern::ALL),
        severity: draw.pick(&Severity::ALL),
        created_at: draw.instant(),
        message_id: message_id(draw),
        in_reply_to: if draw.flag() { Some(message_id(draw)) } else { None },
        matter,
    }
}

fn matter(draw: &mut Draw<'_>) -> Matter {
    match draw.byte() % 8 {
        0 => Matter::Wave(Box::new(WaveFacts {
            shared: if draw.flag() { Shared::Region(draw.text()) } else { Shared::Host(draw.text()) },
            members: members(draw),
            in_all: draw.count(),
            over: draw.count(),
            since: draw.instant(),
            confirmed_at: draw.instant(),
            resolved_at: draw.maybe_instant(),
            vantage: draw.text(),
            timezone: draw.timezone(),
            acknowledged: acknowledged(draw),
        })),
        1 => Matter::Digest(Box::new(DigestFacts {
            from: draw.instant(),
            until: draw.instant(),
            incidents: members(draw),
            incidents_in_all: draw.count(),
            runs: [draw.number(), draw.number(), draw.number(), draw.number()],
            gaps: draw.number(),
            script_rot: draw.list().iter().map(|text| text.as_str().into()).collect(),
            undelivered: draw.number(),
            vantage: draw.text(),
            timezone: draw.timezone(),
        })),
        2 => Matter::Vantage(Box::new(VantageFacts {
            vantage: draw.text(),
            canaries: canaries(draw),
            runs: draw.count(),
            since: draw.instant(),
            resolved_at: draw.maybe_instant(),
            timezone: draw.timezone(),
        })),
        3 => Matter::Heartbeat(Box::new(HeartbeatFacts {
            next_at: draw.maybe_instant(),
            runs: draw.number(),
            open: draw.count(),
            mails_stuck: draw.number(),
            head: draw.maybe(),
            vantage: draw.text(),
            timezone: draw.timezone(),
        })),
        4 => Matter::Undeliverable(Box::new(UndeliverableFacts {
            to: draw.text().into(),
            about: draw.text(),
            error: draw.text(),
            attempts: draw.count(),
            waiting: draw.flag().then(|| WaitingFacts {
                since: draw.instant(),
                others: draw.list().iter().map(|text| Recipient::from(text.as_str())).collect(),
                incidents: members(draw),
                incidents_in_all: draw.count(),
            }),
            unheard: draw
                .flag()
                .then(|| UnheardFacts { incidents: members(draw), incidents_in_all: draw.count() }),
            vantage: draw.text(),
            timezone: draw.timezone(),
        })),
        5 => Matter::Test(Box::new(TestFacts { vantage: draw.text(), timezone: draw.timezone() })),
        _ => Matter::Facts(Box::new(facts(draw))),
    }
}

fn facts(draw: &mut Draw<'_>) -> NoticeFacts {
    NoticeFacts {
        target: draw.text().as_str().into(),
        target_name: draw.text(),
        region: draw.maybe(),
        entry: draw.text(),
        probe: draw.text().as_str().into(),
        probe_title: draw.text(),
        step: draw.text(),
        position: (draw.count(), draw.count()),
        outcome: draw.pick(Outcome::ALL),
        url: draw.text(),
        status: draw.flag().then(|| u16::from(draw.byte()) * 3),
        error: draw.maybe(),
        phrase: draw.maybe(),
        links: if draw.flag() { Some(broken(draw)) } else { None },
        since: draw.instant(),
        confirmed_at: draw.instant(),
        resolved_at: draw.maybe_instant(),
        runs: draw.list().iter().map(|text| text.as_str().into()).collect(),
        runs_in_all: draw.count(),
        screenshot: draw.maybe().map(|text| text.as_str().into()),
        vantage: draw.text(),
        timezone: draw.timezone(),
        slow: draw.flag().then(|| Slowness { took_ms: draw.number(), allowed_ms: draw.number() }),
        scenario: draw.maybe().map(|text| text.as_str().into()),
        with_it: draw.list(),
        tried: draw.list(),
        acknowledged: acknowledged(draw),
        held_by: draw.maybe(),
    }
}

fn broken(draw: &mut Draw<'_>) -> BrokenLinks {
    let urls = draw.list();
    let status = draw.flag().then(|| u16::from(draw.byte()) * 3);
    let named = |url| NamedLink { url, class: draw.pick(LinkClass::ALL), status };
    let first = urls.into_iter().map(named).collect();
    let limit = draw.flag().then(|| draw.count());
    BrokenLinks { broken: draw.count(), on_home: draw.count(), limit, first }
}

fn acknowledged(draw: &mut Draw<'_>) -> Option<Acknowledgement> {
    draw.flag().then(|| Acknowledgement { at: draw.instant(), by: draw.text(), note: draw.maybe() })
}

fn members(draw: &mut Draw<'_>) -> Vec<Member> {
    let length = draw.byte() % 12;
    let member = |_| Member {
        incident: draw.text().as_str().into(),
        target: draw.text().as_str().into(),
        target_name: draw.text(),
        probe_title: draw.text(),
        step: draw.text(),
        outcome: draw.pick(Outcome::ALL),
        concern: draw.pick(&Concern::ALL),
        since: draw.instant(),
        closed_at: draw.maybe_instant(),
    };
    (0..length).map(member).collect()
}

fn canaries(draw: &mut Draw<'_>) -> Vec<CanaryFact> {
    let length = draw.byte() % 5;
    let canary = |_| CanaryFact {
        canary: draw.pick(&[Canary::Browser, Canary::Dns, Canary::Site]),
        asked: draw.text(),
        fault: draw.maybe(),
        elapsed_ms: draw.number(),
    };
    (0..length).map(canary).collect()
}

/// Whether a character of a mail can do harm: controls, and marks that turn writing round.
fn is_harmful(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn words_are_harmless(words: &Rendered) {
    let subject = words.subject.chars().count();
    assert!((1..60).contains(&subject), "a subject of {subject} characters: {:?}", words.subject);
    assert!(!words.subject.contains(['\n', '\t']), "{:?}", words.subject);
    for text in [&words.subject, &words.text, &words.html] {
        assert!(!text.is_empty() && !text.chars().any(is_harmful), "{text:?}");
    }
    tags_are_ours(&words.html);
}

/// Every tag and attribute of the HTML is one of the template's, and every link leads to the web.
fn tags_are_ours(html: &str) {
    const TAGS: [&str; 17] = [
        "html", "head", "meta", "title", "body", "table", "tr", "td", "span", "h1", "p", "br", "a", "b",
        "img", "div", "!--",
    ];
    const ATTRIBUTES: [&str; 20] = [
        "lang",
        "charset",
        "name",
        "content",
        "role",
        "width",
        "cellpadding",
        "cellspacing",
        "border",
        "bgcolor",
        "style",
        "align",
        "valign",
        "height",
        "href",
        "src",
        "alt",
        "colspan",
        "class",
        "dir",
    ];
    assert!(!html.to_ascii_lowercase().contains("<script"), "{html}");
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if let Some(other) = rest.strip_prefix("!DOCTYPE html>").or_else(|| rest.strip_prefix("![endif]-->"))
        {
            rest = other;
            continue;
        }
        let name = rest.trim_start_matches('/');
        let name = name.split(|c: char| c.is_whitespace() || c == '>' || c == '[').next().unwrap_or_default();
        assert!(TAGS.contains(&name), "<{name}> is no tag of the template:\n{html}");
        if name == "!--" {
            continue;
        }
        rest = rest.trim_start_matches('/').strip_prefix(name).unwrap_or_default().trim_start();
        while !rest.starts_with('>') {
            let (attribute, value) = rest.split_once("=\"").expect("an attribute has a value in quotes");
            assert!(ATTRIBUTES.contains(&attribute), "{attribute:?} is no attribute of the template");
            let (value, behind) = value.split_once('"').expect("a value ends");
            assert!(!value.contains(['<', '>']), "{value:?} in {attribute}");
            let web = ["http://", "https://"].iter().any(|scheme| value.starts_with(scheme));
            assert!(attribute != "href" || web, "{value:?} is no link to the web");
            assert!(attribute != "src" || value.starts_with("cid:"), "{value:?} is fetched from elsewhere");
            rest = behind.trim_start();
        }
    }
}

/// RFC 5321 and 5322: CRLF, and at most 998 octets a line.
fn lines_pass_any_server(bytes: &[u8]) {
    assert!(bytes.ends_with(b"\r\n"), "{}", String::from_utf8_lossy(bytes));
    let text = String::from_utf8_lossy(bytes);
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare CR or LF in {line:?}");
        assert!(line.len() <= 998, "a line of {} octets", line.len());
        assert!(!line.chars().any(|c| c.is_control() && c != '\t'), "{line:?}");
    }
}

fn headers_are_ours(bytes: &[u8]) {
    const ONCE: [&str; 10] = [
        "from",
        "subject",
        "date",
        "message-id",
        "to",
        "auto-submitted",
        "x-auto-response-suppress",
        "list-id",
        "mime-version",
        "content-type",
    ];
    const IN_THREADS: [&str; 2] = ["in-reply-to", "references"];
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let (name, _) = line.split_once(": ").expect("a header has a name");
        names.push(name.to_ascii_lowercase());
    }
    for name in ONCE {
        let count = names.iter().filter(|other| *other == name).count();
        assert_eq!(count, 1, "{name} stands there {count} times:\n{head}");
    }
    for name in &names {
        let known = ONCE.contains(&name.as_str()) || IN_THREADS.contains(&name.as_str());
        assert!(known, "{name} was put in:\n{head}");
    }
}

/// Whether another program reads these words out of the message.
fn says(bytes: &[u8], words: &Rendered) -> bool {
    let message = MessageParser::default().parse(bytes).expect("a message");
    let attached = message.attachments().all(|part| part.content_id().is_some());
    let lines = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    let text = message.body_text(0).map(|text| lines(&text));
    let html = message.body_html(0).map(|html| lines(&html));
    attached
        && message.subject() == Some(words.subject.as_str())
        && text == Some(lines(&words.text))
        && html == Some(lines(&words.html))
}
