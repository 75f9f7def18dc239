//! What a link check changes, as a table of sentences.

use super::*;
use crate::domain::link::{DoubtClass, LinkDoubt};
use crate::judge::verdict::tests::step;

const HOME: &str = "http://city.example/";
const NEWS: &str = "http://city.example/news";
const GONE: &str = "http://city.example/gone";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn fault(url: &str) -> LinkFault {
    LinkFault { page: HOME.into(), status: Some(404), ..LinkFault::new(url, LinkClass::NotFound) }
}

/// Known since 100, found again at 200.
fn open(url: &str) -> Known {
    let old = Known::new(&fault(url), &"r1".into(), at(100));
    Known { last_seen_at: at(200), last_run: "r2".into(), ..old }
}

fn mended(url: &str) -> Known {
    Known { fixed_at: Some(at(300)), ..open(url) }
}

fn on(page: &str, known: Known) -> Known {
    Known { page: page.into(), ..known }
}

fn extent() -> CrawlExtent {
    CrawlExtent { pages_read: 9, links_known: 70, ..CrawlExtent::default() }
}

fn doubting(url: &str) -> CrawlExtent {
    let doubt = LinkDoubt {
        url: url.into(),
        page: HOME.into(),
        class: DoubtClass::Waf,
        status: Some(412),
        detail: "A firewall answered.".into(),
    };
    CrawlExtent { unobserved: 1, doubts: vec![doubt], ..extent() }
}

/// One letter for each fault: new, still, fixed, kept open.
fn letters(changes: &Changes) -> String {
    let Changes { new, still, fixed, kept_open } = changes;
    let lists = [("n", new), ("s", still), ("f", fixed), ("k", kept_open)];
    lists.iter().map(|(letter, list)| letter.repeat(list.len())).collect()
}

/// What is known, what a check found and how far it went, and what becomes of it.
type Case<'a> = (&'a str, Vec<Known>, Vec<LinkFault>, Option<CrawlExtent>, &'a str);

#[test]
fn what_is_new_still_there_and_mended() {
    let stopped = CrawlExtent { cut_short: Some("the time was over".into()), ..extent() };
    let cut_list = CrawlExtent { unobserved: 1_001, ..doubting("http://city.example/other") };
    let down = LinkFault { class: LinkClass::ServerError, status: Some(503), ..fault(NEWS) };
    let place = |url: &str| LinkFault { class: LinkClass::Fragment, ..fault(url) };
    let left_out = CrawlExtent { pages_left_out: 3, ..extent() };
    let seen_mended = CrawlExtent { mended: vec![open(GONE).id], ..left_out.clone() };
    let cases: Vec<Case<'_>> = vec![
        ("where pages were left out nothing is mended unseen", vec![open(GONE)], vec![], Some(left_out), "k"),
        ("but what was seen mended is", vec![open(GONE), open(NEWS)], vec![], Some(seen_mended), "fk"),
        ("nothing known, nothing found", vec![], vec![], Some(extent()), ""),
        ("found and not known", vec![], vec![fault(GONE)], Some(extent()), "n"),
        ("found twice is found once", vec![], vec![fault(GONE), fault(GONE)], Some(extent()), "n"),
        ("found and known", vec![open(GONE)], vec![fault(GONE)], Some(extent()), "s"),
        ("found and thought mended is new again", vec![mended(GONE)], vec![fault(GONE)], Some(extent()), "n"),
        ("mended and not found is left alone", vec![mended(GONE)], vec![], Some(extent()), ""),
        ("known and not found", vec![open(GONE)], vec![], Some(extent()), "f"),
        ("one of each", vec![open(GONE), open(NEWS)], vec![fault(GONE), fault(HOME)], Some(extent()), "nsf"),
        ("a check that was stopped mends nothing", vec![open(GONE)], vec![], Some(stopped.clone()), "k"),
        ("but it may find something", vec![open(GONE)], vec![fault(NEWS)], Some(stopped), "nk"),
        ("a check of unknown extent mends nothing", vec![open(GONE)], vec![], None, "k"),
        ("a link in doubt is not mended", vec![open(GONE)], vec![], Some(doubting(GONE)), "k"),
        ("another one in doubt does no harm", vec![open(GONE)], vec![], Some(doubting(NEWS)), "f"),
        (
            "a page in doubt keeps its places",
            vec![open("http://a.cn/x#top")],
            vec![],
            Some(doubting("http://a.cn/x")),
            "k",
        ),
        ("and the links that it carried", vec![on(NEWS, open(GONE))], vec![], Some(doubting(NEWS)), "k"),
        ("of a list of doubts that was cut any link may be", vec![open(GONE)], vec![], Some(cut_list), "k"),
        ("a page that is down keeps its links", vec![on(NEWS, open(GONE))], vec![down], Some(extent()), "nk"),
        (
            "a page that is gone takes them with it",
            vec![on(NEWS, open(GONE))],
            vec![fault(NEWS)],
            Some(extent()),
            "nf",
        ),
        (
            "a missing place says nothing of its page",
            vec![on(NEWS, open(GONE))],
            vec![place("http://city.example/news#x")],
            Some(extent()),
            "nf",
        ),
        (
            "what a later check found stays",
            vec![Known { last_seen_at: at(1_001), ..open(GONE) }],
            vec![],
            Some(extent()),
            "k",
        ),
    ];
    for (name, known, faults, extent, want) in &cases {
        let run = "r9".into();
        let crawl = Crawled { run: &run, at: at(1_000), faults, extent: extent.as_ref(), entered: true };
        assert_eq!(letters(&compare(known, &crawl)), *want, "{name}");
        // Whatever came in the way of the entry page, nothing is called mended.
        let kept = want.replace('f', "k");
        assert_eq!(
            letters(&compare(known, &Crawled { entered: false, ..crawl })),
            kept,
            "{name}, not entered"
        );
    }
}

#[test]
fn times_tell_the_first_the_last_and_the_newest_beginning() {
    let run = "r9".into();
    let faults = [LinkFault { class: LinkClass::Gone, status: Some(410), ..fault(GONE) }, fault(NEWS)];
    let extent = extent();
    let crawl = Crawled { run: &run, at: at(1_000), faults: &faults, extent: Some(&extent), entered: true };
    let changes = compare(&[mended(GONE), open(NEWS), open(HOME)], &crawl);
    let reopened = &changes.new[0];
    assert_eq!((reopened.class, reopened.status), (LinkClass::Gone, Some(410)), "as it is now");
    assert_eq!((reopened.first_seen_at, reopened.opened_at), (at(100), at(1_000)));
    assert_eq!((reopened.first_run.as_str(), reopened.last_run.as_str()), ("r1", "r9"));
    assert_eq!((reopened.fixed_at, reopened.last_seen_at), (None, at(1_000)));
    let still = &changes.still[0];
    assert_eq!((still.first_seen_at, still.opened_at, still.last_seen_at), (at(100), at(100), at(1_000)));
    let fixed = &changes.fixed[0];
    assert_eq!((fixed.last_seen_at, fixed.fixed_at), (at(200), Some(at(1_000))));
    assert_eq!(fixed.last_run.as_str(), "r2");
}

#[test]
fn more_broken_links_than_allowed_break_the_step() {
    let faults: Vec<_> =
        (0..5).map(|n| LinkFault { on_home: n > 3, ..fault(&format!("http://city.example/{n}")) }).collect();
    let cases = [
        ("no limit", Outcome::Done, None, false),
        ("as many as allowed", Outcome::Done, Some(5), false),
        ("one more", Outcome::Done, Some(4), true),
        ("none is allowed", Outcome::Done, Some(0), true),
        ("a dead entry says enough", Outcome::Unreachable, Some(0), false),
        ("a wall says nothing", Outcome::CaptchaWaf, Some(0), false),
    ];
    for (name, entry, limit, want) in cases {
        assert_eq!(outcome(entry, &faults, limit).is_some(), want, "{name}");
    }
    assert_eq!(outcome(Outcome::Done, &[], Some(0)), None);

    let (mut record, mut extent) = (step("检查链接", Outcome::Done), extent());
    outcome(record.outcome, &faults, Some(4)).unwrap().tell(&mut record, &mut extent);
    assert_eq!((record.outcome, record.credit, extent.over_limit), (Outcome::Broken, Some(0), Some(4)));
    assert_eq!(
        record.error.as_deref(),
        Some(
            "5 links do not work, 1 on the home page; at most 4 may. The first: \
             http://city.example/4 (404), http://city.example/0 (404), http://city.example/1 (404)."
        )
    );
    assert_eq!(
        failing_step(&[record]).map(|(at, step)| (at, step.name.clone())),
        Some((0, "检查链接".into()))
    );
}

#[test]
fn broken_links_cost_points() {
    let faults = |home: usize, elsewhere: usize| -> Vec<LinkFault> {
        let all = (0..home + elsewhere).map(|n| LinkFault { on_home: n < home, ..fault(&n.to_string()) });
        all.collect()
    };
    let cases =
        [((0, 0), 0.0), ((1, 0), 1.0), ((0, 1), 0.1), ((2, 13), 3.3), ((15, 0), 15.0), ((3, 9_999), 15.0)];
    for ((home, elsewhere), want) in cases {
        let got = deduction(&faults(home, elsewhere));
        assert!((got - want).abs() < 1e-9, "{home} and {elsewhere}: {got}");
    }
}
