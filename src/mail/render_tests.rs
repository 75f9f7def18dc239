//! What mails look like, as snapshots, and what hostile text becomes in them.

use super::*;
use crate::domain::incident::{Concern, Severity};
use crate::domain::link::LinkClass;
use crate::domain::notice::{BrokenLinks, NamedLink, NoticeFacts, NoticeKind};
use crate::domain::outcome::Outcome;

#[path = "kinds_tests.rs"]
mod kinds;

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn notice(kind: NoticeKind, language: Language) -> Notice {
    let later = kind != NoticeKind::Opened;
    let failing = kind != NoticeKind::Resolved;
    Notice {
        id: "01a20185-ddc0-7000-8000-00000000000a".into(),
        incident: Some("01a20185-ddc0-7000-8000-0000000000ff".into()),
        kind,
        created_at: match kind {
            NoticeKind::Reminder => at("2026-11-22T08:35:20Z"),
            NoticeKind::Resolved => at("2026-11-22T04:42:40Z"),
            _ => at("2026-11-22T04:31:20Z"),
        },
        message_id: "<01a20185-ddc0-7000-8000-00000000000a@example.org>".to_owned(),
        in_reply_to: later.then(|| "<root@example.org>".to_owned()),
        concern: Concern::Outage,
        severity: Severity::Outage,
        matter: Matter::Facts(Box::new(NoticeFacts {
            target: "demo-city".into(),
            target_name: language.pick("示范市政务服务网", "Demo City portal").to_owned(),
            region: Some(language.pick("西南", "Southwest").to_owned()),
            entry: "http://127.0.0.1:8600/".to_owned(),
            probe: "drug-licence".into(),
            probe_title: language.pick("药品经营许可证核发", "Drug business licence").to_owned(),
            step: language.pick("提交申请", "Submit").to_owned(),
            position: (2, 7),
            outcome: Outcome::Maintenance,
            url: "http://127.0.0.1:8600/apply/drug-licence?step=3".to_owned(),
            status: Some(if failing { 503 } else { 200 }),
            error: failing.then(|| {
                language
                    .pick(
                        "等待 role=button[name='提交申请'] 可见，15 秒后仍未出现。",
                        "Waited 15 s for role=button[name='Submit'] to be visible; it never appeared.",
                    )
                    .to_owned()
            }),
            phrase: failing.then(|| {
                language.pick("系统正在维护，请稍后再试", "The system is under maintenance").to_owned()
            }),
            links: None,
            since: at("2026-11-22T04:30:05Z"),
            confirmed_at: at("2026-11-22T04:31:18Z"),
            resolved_at: (kind == NoticeKind::Resolved).then(|| at("2026-11-22T04:42:30Z")),
            runs: if failing {
                vec![
                    "01a20184-b8c8-7aaa-8aaa-aaaaaaaaaaaa".into(),
                    "01a20185-9770-7bbb-8bbb-bbbbbbbbbbbb".into(),
                ]
            } else {
                vec![
                    "01a2018f-2c90-7ccc-8ccc-cccccccccccc".into(),
                    "01a2018f-d0a0-7ddd-8ddd-dddddddddddd".into(),
                ]
            },
            runs_in_all: 2,
            screenshot: Some("ab".repeat(32).as_str().into()),
            vantage: "beijing-1".to_owned(),
            timezone: "Asia/Shanghai".to_owned(),
            slow: None,
            scenario: None,
            with_it: Vec::new(),
            tried: Vec::new(),
            acknowledged: None,
            held_by: None,
        })),
    }
}

const KINDS: [NoticeKind; 3] = [NoticeKind::Opened, NoticeKind::Reminder, NoticeKind::Resolved];
const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

#[test]
fn mails_read_like_this() {
    for language in LANGUAGES {
        for kind in KINDS {
            let mail = render(&notice(kind, language), language);
            let name = format!("{}_{}", kind.name(), language.tag());
            insta::assert_snapshot!(
                format!("{name}_text"),
                format!("Subject: {}\n\n{}", mail.subject, mail.text)
            );
            if kind != NoticeKind::Reminder {
                insta::assert_snapshot!(format!("{name}_html"), mail.html);
            }
        }
    }
}

/// A notice about broken links.
fn about_links(kind: NoticeKind, language: Language) -> Notice {
    let mut notice = notice(kind, language);
    let resolved = kind == NoticeKind::Resolved;
    let named =
        |path: &str, class, status| NamedLink { url: format!("http://127.0.0.1:8600/{path}"), class, status };
    notice.facts_mut().unwrap().links = Some(BrokenLinks {
        broken: if resolved { 1 } else { 12 },
        on_home: if resolved { 0 } else { 2 },
        limit: (!resolved).then_some(10),
        first: [
            named("notice/2019/old.html", LinkClass::NotFound, Some(404)),
            named("files/申请表.docx", LinkClass::WrongType, Some(200)),
            named("bureau", LinkClass::Dns, None),
        ][..if resolved { 1 } else { 3 }]
            .to_vec(),
    });
    let facts = notice.facts_mut().unwrap();
    facts.probe = "links".into();
    facts.probe_title = language.pick("链接检查", "Link check").to_owned();
    facts.step = language.pick("检查链接", "Check the links").to_owned();
    facts.position = (0, 1);
    facts.outcome = Outcome::Broken;
    facts.url.clone_from(&facts.entry);
    facts.status = Some(200);
    facts.error = (!resolved).then(|| "12 links do not work, 2 of them on the home page.".to_owned());
    facts.phrase = None;
    facts.screenshot = None;
    notice
}

#[test]
fn mails_about_broken_links_read_like_this() {
    for language in LANGUAGES {
        for kind in KINDS {
            let mail = render(&about_links(kind, language), language);
            let name = format!("links_{}_{}", kind.name(), language.tag());
            insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", mail.subject, mail.text));
        }
    }
}

#[test]
fn subjects_are_short_and_a_thread_keeps_its_stem() {
    let names =
        ["示范市", "内蒙古自治区呼伦贝尔市鄂伦春自治旗人民政府一体化在线政务服务平台（办事大厅）", "A"];
    let steps = [
        "提交",
        "填写药品经营企业法定代表人以及质量负责人基本情况表并上传材料",
        "Submit the application now",
    ];
    for language in LANGUAGES {
        for name in names {
            for step in steps {
                for outcome in Outcome::ALL {
                    let subject = |kind| {
                        let mut notice = notice(kind, language);
                        notice.facts_mut().unwrap().target_name = name.to_owned();
                        notice.facts_mut().unwrap().step = step.to_owned();
                        notice.facts_mut().unwrap().outcome = *outcome;
                        if *outcome == Outcome::Broken {
                            notice.facts_mut().unwrap().links =
                                about_links(kind, language).facts_mut().unwrap().links.clone();
                        }
                        notice.facts_mut().unwrap().resolved_at = Some(at("2027-11-21T03:30:04Z"));
                        render(&notice, language).subject
                    };
                    let all = KINDS.map(subject);
                    for subject in &all {
                        assert!(subject.chars().count() < 60, "{subject}");
                    }
                    let open = if language == Language::Chinese { '：' } else { ':' };
                    let close = if language == Language::Chinese { '」' } else { '"' };
                    let kept = all.each_ref().map(|subject| {
                        let from = subject.find(open).unwrap() + open.len_utf8();
                        subject[from..subject.rfind(close).unwrap()].trim().to_owned()
                    });
                    assert!(kept.iter().all(|stem| *stem == kept[0]), "{all:?}");
                }
            }
        }
    }
}

#[test]
fn hostile_text_is_inert() {
    let hostile = "x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script><img src=x onerror=y>\
                   \u{1b}[31mred\u{1b}]0;own\u{7}\u{202e}gnp.exe\u{2069}\u{200b}\0\u{7f}\" onload='z'";
    for language in LANGUAGES {
        for kind in KINDS {
            let mut notice = notice(kind, language);
            let facts = notice.facts_mut().unwrap();
            facts.target_name = hostile.to_owned();
            facts.region = Some(hostile.to_owned());
            facts.probe_title = hostile.to_owned();
            facts.step = hostile.to_owned();
            facts.error = Some(hostile.to_owned());
            facts.phrase = Some(hostile.to_owned());
            facts.vantage = hostile.to_owned();
            facts.timezone = hostile.to_owned();
            facts.url = format!("javascript:{hostile}");
            facts.entry = format!("https://a.example/\"><script>{hostile}");
            facts.runs = vec![hostile.into()];
            let link = |url: String| NamedLink { url, class: LinkClass::Gone, status: None };
            let first =
                vec![link(format!("javascript:{hostile}")), link(format!("https://a.example/{hostile}"))];
            facts.links = Some(BrokenLinks { broken: 9, on_home: 1, limit: None, first });
            notice.id = hostile.into();
            notice.incident = Some(hostile.into());
            let mail = render(&notice, language);
            assert!(!mail.subject.contains(char::is_control), "{:?}", mail.subject);
            for body in [&mail.text, &mail.html] {
                let bad = |c: char| {
                    c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2069}' | '\u{200b}')
                };
                assert!(!body.contains(bad), "{body:?}");
            }
            assert!(!mail.text.contains("\nBcc"), "{}", mail.text);
            let html = mail.html.to_ascii_lowercase();
            for tag in ["<script", "<img src=x", "href=\"javascript", "onload='"] {
                assert!(!html.contains(tag), "{tag}: {html}");
            }
            let parsed = scraper::Html::parse_document(&mail.html);
            let handlers = parsed.tree.nodes().filter_map(|node| node.value().as_element().cloned());
            for element in handlers {
                assert!(!element.attrs().any(|(name, _)| name.starts_with("on")), "{element:?}");
            }
        }
    }
}

#[test]
fn text_says_as_much_as_html() {
    for language in LANGUAGES {
        for kind in KINDS {
            for notice in [notice(kind, language), about_links(kind, language)] {
                let mail = render(&notice, language);
                let html = scraper::Html::parse_document(&mail.html);
                let body = scraper::Selector::parse("body").unwrap();
                let seen = html.select(&body).flat_map(|body| body.text());
                for piece in seen.map(str::trim).filter(|piece| !piece.is_empty() && *piece != "\u{a0}") {
                    let piece =
                        piece.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(". ");
                    assert!(mail.text.contains(piece), "`{piece}` is missing in:\n{}", mail.text);
                }
            }
        }
    }
}

#[test]
fn nothing_is_loaded_from_outside() {
    let mail = render(&notice(NoticeKind::Opened, Language::Chinese), Language::Chinese);
    let html = scraper::Html::parse_document(&mail.html);
    let all = scraper::Selector::parse("[src], link, style, script, iframe").unwrap();
    for element in html.select(&all) {
        assert!(element.attr("src").is_some_and(|src| src.starts_with("cid:")), "{:?}", element.value());
    }
    assert!(mail.html.contains("lang=\"zh-CN\""));
}

#[test]
fn a_lost_screenshot_is_said() {
    let notice = notice(NoticeKind::Opened, Language::Chinese);
    let extras = Extras { picture: Picture::Missing, acknowledge: None };
    let mail = render_with(&notice, Language::Chinese, extras);
    assert!(mail.text.contains("截图未能随信附上。") && !mail.html.contains("<img"));
}

#[test]
fn a_long_outage_is_counted_in_full_and_names_its_last_runs() {
    for (language, want) in [
        (Language::English, "Evidence: 43 runs failed; the last 5:"),
        (Language::Chinese, "确认经过：43 次运行失败，最近 5 次："),
    ] {
        let mut reminder = notice(NoticeKind::Reminder, language);
        reminder.facts_mut().unwrap().runs = (0..20).map(|n| format!("run-{n:02}").as_str().into()).collect();
        reminder.facts_mut().unwrap().runs_in_all = 43;
        let text = render(&reminder, language).text;
        assert!(text.contains(want), "{text}");
        let named: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("run-")).collect();
        assert_eq!(named, ["15", "16", "17", "18", "19"]);

        // A notice that an earlier version wrote.
        reminder.facts_mut().unwrap().runs_in_all = 0;
        assert!(render(&reminder, language).text.contains(&want.replace("43", "20")));
    }
}
