//! Pages that fight back and portals that fail: the right class, in time, and the next walk works.

use axum::response::{IntoResponse, Response};
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::runner::{Event, Watch};
use tokio_util::sync::CancellationToken;

use crate::town::*;

const GOOD: &str = r#"
[[step]]
name = "首页"
stage = "find"
do = [{ goto = "{entry}" }, { click = "role=button[name='按']" }]
expect = [{ title = "按了" }]
within = "10s"
"#;

async fn answer(hit: Hit) -> Response {
    let body = match hit.path.as_str() {
        "/" => "<title>好</title><button onclick=\"document.title='按了'\">按</button>",
        "/never" => std::future::pending().await,
        "/loop" => "<title>环</title><button onclick='for(;;);'>按</button>",
        "/loop-at-once" => "<title>环</title><p>一</p><script>for(;;);</script>",
        "/alerts" => "<title>警</title><button onclick=\"for(;;) alert('还在')\">按</button>",
        "/windows" => {
            "<title>窗</title><h1>五十个窗口</h1><button onclick=\"for (let i = 0; i < 50; i++) \
             open('/', 'w' + i, 'width=100,height=100')\">按</button>"
        }
        "/file" => {
            let kind = [
                ("content-type", "application/octet-stream"),
                ("content-disposition", "attachment; filename=a.bin"),
            ];
            return (kind, "not a page").into_response();
        }
        "/links" => "<a href=/gone>旧链接</a><a href=/error>办理</a>",
        "/error" => return page_with(500, "<h1>Internal Server Error</h1>"),
        "/maintenance" => "<title>公告</title><h1>系统维护中，请稍后访问</h1>",
        _ => return page_with(404, "<h1>页面不存在</h1>"),
    };
    page(body)
}

const CASES: &[Case] = &[
    Case {
        name: "a page that never loads",
        text: "deadline = '2s'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/never' }]\nwithin = '1500ms'",
        outcomes: &["timeout"],
        verdict: "fail",
        attempts: 1,
        seconds: 6,
        says: "",
    },
    Case {
        name: "a page that loops when pressed",
        text: "deadline = '3s'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/loop' }, { click = 'text=按' }]\nexpect = [{ title = '好' }]\nwithin = '2500ms'",
        outcomes: &["timeout"],
        verdict: "fail",
        attempts: 1,
        seconds: 8,
        says: "scripts",
    },
    Case {
        name: "a page that loops at once",
        text: "deadline = '3s'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/loop-at-once' }]\nexpect = [{ text = '一' }]\nwithin = '2500ms'\n[[step]]\nname = '二'\nstage = 'guide'\nexpect = [{ text = '二' }]",
        outcomes: &["timeout", "not_reached"],
        verdict: "fail",
        attempts: 1,
        seconds: 8,
        says: "",
    },
    Case {
        name: "an alert loop",
        text: "deadline = '6s'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/alerts' }, { click = 'text=按' }]\nexpect = [{ title = '好' }]\nwithin = '5500ms'",
        outcomes: &["timeout"],
        verdict: "fail",
        attempts: 1,
        seconds: 12,
        says: "dialogs",
    },
    Case {
        name: "fifty windows",
        text: "deadline = '8s'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/windows' }, { click = 'text=按' }, { page = 'first' }]\nexpect = [{ text = '五十个窗口' }]\nwithin = '7500ms'",
        outcomes: &["done"],
        verdict: "pass",
        attempts: 1,
        seconds: 14,
        says: "",
    },
    Case {
        name: "a download instead of a page",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/file' }]\nexpect = [{ text = '药' }]\nwithin = '3s'",
        outcomes: &["broken"],
        verdict: "fail",
        attempts: 1,
        seconds: 6,
        says: "",
    },
    Case {
        name: "500 on the second page",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/links' }]\nexpect = [{ text = '办理' }]\n[[step]]\nname = '二'\nstage = 'guide'\ndo = [{ click = 'text=办理' }]\nexpect = [{ text = '指南' }]\nwithin = '20s'\n[[step]]\nname = '三'\nstage = 'form'\nexpect = [{ text = '表' }]",
        outcomes: &["done", "server_error", "not_reached"],
        verdict: "fail",
        attempts: 2,
        seconds: 8,
        says: "500",
    },
    Case {
        name: "a dead link",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/links' }, { click = 'text=旧链接' }]\nexpect = [{ text = '指南' }]\nwithin = '20s'",
        outcomes: &["broken"],
        verdict: "fail",
        attempts: 1,
        seconds: 5,
        says: "404",
    },
    Case {
        name: "a maintenance page with status 200",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/maintenance' }, { click = 'role=searchbox' }]\nabsent = 'not_in_search'\nwithin = '1s'",
        outcomes: &["maintenance"],
        verdict: "fail",
        attempts: 2,
        seconds: 8,
        says: "维护",
    },
    Case {
        name: "nobody listens",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = 'http://127.0.0.1:1/' }]\nwithin = '10s'",
        outcomes: &["unreachable"],
        verdict: "fail",
        attempts: 2,
        seconds: 6,
        says: "",
    },
    Case {
        name: "the journey's time is over before the step's",
        text: "deadline = '1500ms'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/' }]\n[[step]]\nname = '二'\nstage = 'guide'\ndo = [{ click = 'text=不在' }]\nabsent = 'guide_only'\nwithin = '20s'",
        outcomes: &["done", "timeout"],
        verdict: "fail",
        attempts: 1,
        seconds: 4,
        says: "whole journey",
    },
];

#[tokio::test]
async fn whatever_a_portal_does_the_walk_ends_and_the_next_one_works() {
    let site = Site::open(answer).await;
    let town = Town::new(3);
    walk_all(&town, 3, &site.base, CASES, Some(GOOD)).await;
    town.end().await;
}

/// Ends a site when the first step is done.
struct Killer {
    site: tokio::task::AbortHandle,
}

impl Watch for Killer {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::StepEnded(_)) {
            self.site.abort();
        }
    }
}

#[tokio::test]
async fn a_site_that_dies_in_mid_journey_is_unreachable() {
    // Connections end with each answer, as with a server that is killed.
    let site = Site::open(|_| async {
        ([("connection", "close")], page("<h1>一</h1><a href=/two>下一页</a>")).into_response()
    })
    .await;
    let town = Town::new(1);
    let order = order(
        &site.base,
        "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '{entry}' }]\nexpect = [{ text = '一' }]\n\
         [[step]]\nname = '二'\nstage = 'guide'\ndo = [{ click = 'text=下一页' }]\nexpect = [{ text = '二' }]\nwithin = '10s'",
    );
    let killer = Killer { site: site.task.abort_handle() };
    let watch = Stopwatch::start();
    let run = town.runner.run(&order, &killer, &CancellationToken::new()).await;
    assert!(watch.elapsed_ms() < 8_000, "{}", watch.elapsed_ms());
    // The second attempt, from the start, finds nobody at all.
    assert_eq!(outcomes(&run), ["unreachable", "not_reached"], "{}", run.reason);
    assert_eq!((run.verdict.name(), run.attempts), ("fail", 2));
    assert!(run.steps[0].facts.transport.is_some(), "{:?}", run.steps[0].facts);
    town.end().await;
}
