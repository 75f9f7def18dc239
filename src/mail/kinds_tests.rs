//! Every kind of mail in both languages, as snapshots.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::*;
use crate::domain::incident::{Acknowledgement, Shared};
use crate::domain::notice::{
    Canary, CanaryFact, DigestFacts, HeartbeatFacts, Member, Slowness, TestFacts, UndeliverableFacts,
    UnheardFacts, VantageFacts, WaitingFacts, WaveFacts,
};

const BEIJING: &str = "Asia/Shanghai";

fn acknowledged() -> Acknowledgement {
    Acknowledgement {
        at: at("2026-11-22T04:40:00Z"),
        by: "张工 <zhang@example.org>".to_owned(),
        note: Some("已经联系网站，等待重启".to_owned()),
    }
}

/// A notice about something that works badly.
fn about(concern: Concern, kind: NoticeKind, language: Language) -> Notice {
    let mut notice = notice(kind, language);
    notice.concern = concern;
    notice.severity = Severity::Degraded;
    let facts = notice.facts_mut().unwrap();
    facts.phrase = None;
    facts.status = Some(200);
    if concern == Concern::Slow {
        facts.outcome = Outcome::Done;
        facts.error = None;
        facts.slow = Some(Slowness { took_ms: 42_300, allowed_ms: 30_000 });
    } else {
        facts.outcome = Outcome::ScriptRot;
        facts.scenario = Some("drug-licence".into());
    }
    notice
}

fn member(n: i64, language: Language) -> Member {
    Member {
        incident: format!("01a20185-ddc0-7000-8000-0000000000{n:02}").as_str().into(),
        target: format!("city-{n}").as_str().into(),
        target_name: match language {
            Language::Chinese => format!("第{n}市政务服务网"),
            Language::English => format!("Portal of city {n}"),
        },
        probe_title: language.pick("首页", "home page").to_owned(),
        step: language.pick("首页", "home page").to_owned(),
        outcome: if n % 3 == 0 { Outcome::ServerError } else { Outcome::Unreachable },
        concern: if n == 4 { Concern::Slow } else { Concern::Outage },
        since: at("2026-11-22T04:30:05Z") + jiff::SignedDuration::from_secs(n),
        closed_at: (n % 4 == 1).then(|| at("2026-11-22T05:02:00Z")),
    }
}

/// A notice with this matter.
fn plain_notice(kind: NoticeKind, language: Language, matter: Matter) -> Notice {
    let mut notice = notice(kind, language);
    notice.created_at = at("2026-11-22T05:30:00Z");
    notice.matter = matter;
    if !matches!(notice.matter, Matter::Facts(_) | Matter::Wave(_) | Matter::Vantage(_)) {
        notice.incident = None;
        notice.in_reply_to = None;
    }
    notice
}

fn wave(kind: NoticeKind, language: Language, shared: Shared) -> Notice {
    let resolved = kind == NoticeKind::Resolved;
    let facts = WaveFacts {
        shared,
        members: (1..=5).map(|n| member(n, language)).collect(),
        in_all: 12,
        over: if resolved { 12 } else { 1 },
        since: at("2026-11-22T04:30:06Z"),
        confirmed_at: at("2026-11-22T04:33:00Z"),
        resolved_at: resolved.then(|| at("2026-11-22T05:29:00Z")),
        vantage: "beijing-1".to_owned(),
        timezone: BEIJING.to_owned(),
        acknowledged: None,
    };
    plain_notice(kind, language, Matter::Wave(Box::new(facts)))
}

fn vantage(kind: NoticeKind, language: Language) -> Notice {
    let canary = |canary, asked: &str, fault: Option<&str>, elapsed_ms| CanaryFact {
        canary,
        asked: asked.to_owned(),
        fault: fault.map(str::to_owned),
        elapsed_ms,
    };
    let facts = VantageFacts {
        vantage: "beijing-1".to_owned(),
        canaries: vec![
            canary(Canary::Browser, "http://127.0.0.1:41234/", None, 210),
            canary(Canary::Dns, "example.org", Some("No answer within 5 s."), 5000),
            canary(Canary::Site, "https://www.example.org/", Some("The name does not resolve."), 5002),
        ],
        runs: 7,
        since: at("2026-11-22T04:30:05Z"),
        resolved_at: (kind == NoticeKind::Resolved).then(|| at("2026-11-22T05:10:05Z")),
        timezone: BEIJING.to_owned(),
    };
    let mut notice = plain_notice(kind, language, Matter::Vantage(Box::new(facts)));
    notice.concern = Concern::Vantage;
    notice
}

fn digest(kind: NoticeKind, language: Language, n: u32) -> Notice {
    let flood = kind == NoticeKind::Flood;
    let facts = DigestFacts {
        from: at(if flood { "2026-11-22T05:20:00Z" } else { "2026-11-21T01:00:00Z" }),
        until: at(if flood { "2026-11-22T05:30:00Z" } else { "2026-11-22T01:00:00Z" }),
        incidents: (1..=i64::from(n.min(6))).map(|n| member(n, language)).collect(),
        incidents_in_all: n,
        runs: if flood { [0; 4] } else { [1380, 24, 30, 6] },
        gaps: if flood { 0 } else { 3 },
        script_rot: if n == 0 { Vec::new() } else { vec!["drug-licence".into()] },
        undelivered: u64::from(n > 0 && !flood),
        vantage: "beijing-1".to_owned(),
        timezone: BEIJING.to_owned(),
    };
    plain_notice(kind, language, Matter::Digest(Box::new(facts)))
}

fn ours(kind: NoticeKind, language: Language) -> Notice {
    let (vantage, timezone) = ("beijing-1".to_owned(), BEIJING.to_owned());
    let matter = match kind {
        NoticeKind::Heartbeat => Matter::Heartbeat(Box::new(HeartbeatFacts {
            next_at: Some(at("2026-11-23T01:00:00Z")),
            runs: 1440,
            open: 2,
            mails_stuck: 1,
            head: Some("2026-11-21 seq 88123 3f9a…c1".to_owned()),
            vantage,
            timezone,
        })),
        NoticeKind::Undeliverable => Matter::Undeliverable(Box::new(UndeliverableFacts {
            to: "oncall@example.org".into(),
            about: language.pick("示范市政务服务网 – 提交申请", "Demo City portal – Submit").to_owned(),
            error: "The mail server mail.example.org:465 answered 550 to the recipient: no such user"
                .to_owned(),
            attempts: 1,
            waiting: None,
            unheard: None,
            vantage,
            timezone,
        })),
        _ => Matter::Test(Box::new(TestFacts { vantage, timezone })),
    };
    plain_notice(kind, language, matter)
}

/// Everything that can be told, with a name for each.
fn everything(language: Language) -> Vec<(&'static str, Notice)> {
    use NoticeKind::{
        Digest, Escalated, Flapping, Flood, Heartbeat, Opened, Reminder, Resolved, Test, Undeliverable,
        Worsened,
    };
    let region = || Shared::Region(language.pick("西南", "the Southwest").to_owned());
    let mut told = vec![
        ("worsened", notice(Worsened, language)),
        ("flapping", notice(Flapping, language)),
        ("escalated", notice(Escalated, language)),
        ("slow_opened", about(Concern::Slow, Opened, language)),
        ("slow_reminder", about(Concern::Slow, Reminder, language)),
        ("slow_resolved", about(Concern::Slow, Resolved, language)),
        ("rot_opened", about(Concern::ScriptRot, Opened, language)),
        ("rot_resolved", about(Concern::ScriptRot, Resolved, language)),
        ("wave_opened", wave(Opened, language, region())),
        ("wave_escalated", wave(Escalated, language, Shared::Host("zwfw.example.org".to_owned()))),
        ("wave_resolved", wave(Resolved, language, region())),
        ("vantage_opened", vantage(Opened, language)),
        ("vantage_resolved", vantage(Resolved, language)),
        ("digest_bad", digest(Digest, language, 9)),
        ("digest_good", digest(Digest, language, 0)),
        ("flood", digest(Flood, language, 37)),
        ("heartbeat", ours(Heartbeat, language)),
        ("undeliverable", ours(Undeliverable, language)),
        ("test", ours(Test, language)),
    ];
    let mut waits = ours(Undeliverable, language);
    let Matter::Digest(flood) = digest(Flood, language, 37).matter else { panic!("no flood") };
    if let Matter::Undeliverable(facts) = &mut waits.matter {
        facts.error = "The mail server mail.example.org:465 cannot be reached".to_owned();
        facts.attempts = 4;
        facts.waiting = Some(WaitingFacts {
            since: at("2026-11-22T05:13:00Z"),
            others: vec!["lead@example.org".into(), "second@example.org".into()],
            incidents: flood.incidents.into_iter().take(2).collect(),
            incidents_in_all: 2,
        });
    }
    let mut unheard = ours(Undeliverable, language);
    if let (Matter::Undeliverable(facts), Matter::Undeliverable(waits)) = (&mut unheard.matter, &waits.matter)
    {
        let incidents = waits.waiting.as_ref().unwrap().incidents[1..].to_vec();
        facts.unheard = Some(UnheardFacts { incidents, incidents_in_all: 1 });
    }
    told.push(("undelivered_waits", waits));
    told.push(("undelivered_unheard", unheard));
    let mut links = about_links(Opened, language);
    links.concern = Concern::Links;
    told.push(("links_degraded", links));
    let mut full = notice(Reminder, language);
    let facts = full.facts_mut().unwrap();
    facts.acknowledged = Some(acknowledged());
    facts.with_it = vec!["首页".to_owned(), "链接检查".to_owned()];
    facts.tried =
        vec!["A plain request got 503 in 0.3 s.".to_owned(), "example.org answered in 0.1 s.".to_owned()];
    facts.held_by = Some(
        language.pick("维护窗口「周末升级」已结束", "The window \"weekend upgrade\" is over").to_owned(),
    );
    told.push(("told_in_full", full));
    told
}

fn page() -> Url {
    "https://shopper.example.org/ack/AQIDBAUGBwgJ".parse().unwrap()
}

fn mail(notice: &Notice, language: Language) -> Rendered {
    let page = page();
    render_with(notice, language, Extras { acknowledge: Some(&page), ..Extras::of(notice) })
}

#[test]
fn every_kind_reads_like_this() {
    for language in LANGUAGES {
        let mut seen = String::new();
        for (name, notice) in everything(language) {
            let mail = mail(&notice, language);
            writeln!(seen, "######## {name}\nSubject: {}\n\n{}", mail.subject, mail.text).unwrap();
        }
        insta::assert_snapshot!(format!("kinds_{}", language.tag()), seen);
    }
}

#[test]
fn the_html_of_lists_and_buttons() {
    let notice = wave(NoticeKind::Opened, Language::English, Shared::Region("the Southwest".to_owned()));
    insta::assert_snapshot!("wave_en_html", mail(&notice, Language::English).html);
}

#[test]
fn every_kind_keeps_the_rules() {
    let long =
        "内蒙古自治区呼伦贝尔市鄂伦春自治旗人民政府一体化在线政务服务平台beijing-agent-with-a-long-name";
    let small = regex::Regex::new("font-size:(1[0-3]|[0-9])px").unwrap();
    for language in LANGUAGES {
        for (name, notice) in everything(language) {
            let mail = mail(&notice, language);
            assert!((1..60).contains(&mail.subject.chars().count()), "{name}: {}", mail.subject);
            assert!(mail.html.len() < 102_000, "{name}: Gmail cuts what is longer");
            let mut text = mail.text.clone();
            text.retain(|c| !c.is_whitespace());
            let html = scraper::Html::parse_document(&mail.html);
            let body = scraper::Selector::parse("body").unwrap();
            for piece in html.select(&body).flat_map(|body| body.text()).map(str::trim) {
                let mut piece = piece
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .trim_start_matches(". ")
                    .to_owned();
                piece.retain(|c| !c.is_whitespace());
                assert!(text.contains(&piece), "{name}: `{piece}` is missing in:\n{}", mail.text);
            }
            let all =
                scraper::Selector::parse("style, script, link, div[style*=flex], div[style*=grid]").unwrap();
            assert_eq!(html.select(&all).count(), 0, "{name}");
            let bar = mail.html.matches("font-size:4px").count();
            assert_eq!(small.find_iter(&mail.html).count(), bar, "{name}: too small to be read on a phone");

            // Long names leave the fact in the subject.
            let mut stretched = serde_json::to_value(&notice).unwrap();
            stretch(&mut stretched, long);
            let notice: Notice = serde_json::from_value(stretched).unwrap();
            let subject = render(&notice, language).subject;
            assert!(subject.chars().count() < 60, "{name}: {subject}");
            let fact = concern::badge(notice.kind, notice.concern, language);
            assert!(subject.starts_with(fact), "{name}: {subject}");
        }
    }
}

/// Makes every name long.
fn stretch(value: &mut serde_json::Value, long: &str) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let named = ["target_name", "probe_title", "step", "vantage", "region", "host", "to"];
                if named.contains(&key.as_str()) && value.is_string() {
                    *value = long.into();
                } else {
                    stretch(value, long);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| stretch(item, long)),
        _ => {}
    }
}

#[test]
fn hostile_texts_are_harmless_in_every_kind() {
    let hostile =
        "<script>alert(1)</script>\r\nBcc: a@evil.example\u{1b}[31m\u{202e}\u{0}\"'><img src=x onerror=a()>";
    for language in LANGUAGES {
        for (name, notice) in everything(language) {
            let mut value = serde_json::to_value(&notice).unwrap();
            poison(&mut value, hostile);
            let notice: Notice = serde_json::from_value(value).unwrap();
            let mail = mail(&notice, language);
            assert!(!mail.subject.contains(char::is_control), "{name}: {:?}", mail.subject);
            for body in [&mail.text, &mail.html] {
                let bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(!body.contains(bad), "{name}: {body:?}");
                assert!(!body.contains("\nBcc"), "{name}: {body}");
            }
            let html = scraper::Html::parse_document(&mail.html);
            for element in html.tree.nodes().filter_map(|node| node.value().as_element()) {
                assert!(!element.attrs().any(|(key, _)| key.starts_with("on")), "{name}: {element:?}");
                assert!(!matches!(element.name(), "script" | "style" | "iframe"), "{name}");
            }
        }
    }
}

/// Makes every text that is no word of ours, no id of a zone and no instant a hostile one.
fn poison(value: &mut serde_json::Value, hostile: &str) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let ours = [
                    "kind",
                    "concern",
                    "severity",
                    "outcome",
                    "canary",
                    "class",
                    "message_id",
                    "in_reply_to",
                ];
                if !ours.contains(&key.as_str()) {
                    poison(value, hostile);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| poison(item, hostile)),
        serde_json::Value::String(text) if text.parse::<Timestamp>().is_err() => *text = hostile.to_owned(),
        _ => {}
    }
}
