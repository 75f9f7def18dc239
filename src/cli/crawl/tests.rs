//! A crawl made by hand, for the tests of this room.

use super::args::parse_interval;
use super::*;
use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::domain::link::{CrawlExtent, DoubtClass, LinkClass, LinkDoubt, LinkFault};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Cause, RunKind};
use crate::judge::verdict::tests::step;

/// A fault with this status.
pub(super) fn fault(url: &str, status: u16) -> LinkFault {
    let class = if status >= 500 { LinkClass::ServerError } else { LinkClass::NotFound };
    LinkFault { status: Some(status), ..LinkFault::new(url, class) }
}

/// A crawl that found these.
pub(super) fn run(link_faults: Vec<LinkFault>) -> Run {
    let at: Timestamp = "2026-11-28T08:00:00Z".parse().unwrap();
    let verdict = if link_faults.is_empty() { Verdict::Pass } else { Verdict::Degraded };
    Run {
        id: RunId::new("r1"),
        probe: ProbeId::new("manual"),
        target: TargetId::new("a.cn"),
        kind: RunKind::Crawl,
        scenario: None,
        scenario_hash: None,
        scored: true,
        vantage: "command-line".to_owned(),
        cause: Cause::Manual,
        scheduled_at: at,
        started_at: at,
        finished_at: at,
        elapsed_ms: 61_230,
        attempts: 1,
        verdict,
        reason: "4 links do not work, 1 of them on the home page.".to_owned(),
        steps: vec![step("检查链接", Outcome::Done)],
        visit: None,
        links_checked: Some(340),
        link_faults,
        crawl: None,
        browser: None,
        canaries: Vec::new(),
        agent_version: "0.1.0".to_owned(),
    }
}

/// A crawl with faults of every shape.
pub(super) fn sample() -> Run {
    let on = |fault: LinkFault| LinkFault {
        page: "http://a.cn/".to_owned(),
        element: "a".to_owned(),
        attribute: "href".to_owned(),
        line: 12,
        column: 5,
        ..fault
    };
    let long =
        "http://a.cn/办事/指南/2026/企业开办/一件事一次办/材料清单/下载/申请表样表.docx?版本=最新&来源=首页";
    let long = url::Url::parse(long).unwrap();
    let home = LinkFault {
        text: "申请表下载".to_owned(),
        pages: 12,
        on_home: true,
        ..on(fault(long.as_str(), 404))
    };
    let wrong = LinkFault {
        text: "一个说明很长很长很长很长很长很长很长很长很长的附件链接".to_owned(),
        detail: "claims to be a PDF and begins with `<html`".to_owned(),
        page: "http://a.cn/list/really/deep/in/the/portal/page-1.html".to_owned(),
        ..on(LinkFault::new("http://a.cn/a.pdf", LinkClass::WrongType))
    };
    let rendered =
        LinkFault { line: 0, column: 0, attribute: "onclick".to_owned(), ..on(fault("http://b.cn/x", 503)) };
    let hostile = LinkFault {
        text: "\u{1b}[31m<&\"\u{202e}".to_owned(),
        ..on(LinkFault::new("file:///C:/a.doc", LinkClass::LocalAddress))
    };
    let doubt = |url: &str, class| LinkDoubt {
        url: url.to_owned(),
        page: "http://a.cn/".to_owned(),
        class,
        status: Some(412),
        detail: "a script has to run first".to_owned(),
    };
    let extent = CrawlExtent {
        pages_left_out: 0,
        mended: Vec::new(),
        loaded_ms: None,
        over_limit: None,
        pages_read: 40,
        links_known: 350,
        unobserved: 6,
        doubts: (0..5)
            .map(|n| doubt(&format!("http://a.cn/waf/{n}"), DoubtClass::Waf))
            .chain([doubt("http://c.cn/login", DoubtClass::Login)])
            .collect(),
        rendered: 2,
        settled_in_browser: 3,
        requests: 512,
        cut_short: Some("its time was up".to_owned()),
        resumed: true,
    };
    Run { crawl: Some(extent), ..run(vec![home, wrong, rendered, hostile]) }
}

#[test]
fn what_was_found_broken_counts_first() {
    let broken = vec![fault("http://a.cn/1", 404)];
    let with = |faults: &[LinkFault], verdict| Run { verdict, ..run(faults.to_vec()) };
    let cases = [
        ("all works", with(&[], Verdict::Pass), false, Exit::Done),
        ("a broken link", with(&broken, Verdict::Degraded), false, Exit::Portal),
        ("the entry page is down", with(&[], Verdict::Fail), false, Exit::Portal),
        ("kept out", with(&[], Verdict::Inconclusive), false, Exit::OwnFault),
        ("kept out, but broken links were found", with(&broken, Verdict::Inconclusive), false, Exit::Portal),
        ("interrupted", with(&broken, Verdict::Inconclusive), true, Exit::Interrupted),
    ];
    for (name, run, interrupted, want) in cases {
        assert_eq!(exit_of(&run, interrupted), want, "{name}");
    }
}

#[test]
fn an_interval_may_be_nothing() {
    assert_eq!(parse_interval("0"), Ok(Duration::ZERO));
    assert_eq!(parse_interval("0ms"), Ok(Duration::ZERO));
    assert_eq!(parse_interval("1500ms"), Ok(Duration::from_millis(1500)));
    assert!(parse_interval("5").unwrap_err().contains("without a unit"));
}
