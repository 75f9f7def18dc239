//! Soft 404s and what only looks like them.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mystery_shopper::crawl::{CrawlReport, Settings};

use crate::net::Portal;
use crate::world::{Errand, html, run, said, settings};

const HOME: &str = "<title>门户</title><p>欢迎光临示范市政务服务网，您可以在这里查询和办理各类事项。</p>\
    <a href=/x/live>1</a><a href=/x/dead>2</a><a href=/x/dead2>3</a>";
const LIVE: &str =
    "<title>指南</title><p>药品经营许可证核发办事指南：申请人应当具备与经营药品相适应的营业场所。</p>";
const ERROR: &str =
    "<title>提示</title><p>对不起，您所找的内容已经搬家，请从首页重新进入，给您带来不便敬请谅解。</p>";

fn soft() -> Settings {
    Settings { soft_404: true, ..settings() }
}

async fn three(router: Router, settings: &Settings) -> (Portal, CrawlReport, [String; 3]) {
    let portal = Portal::serving(router).await;
    let report = run(portal.url("/"), settings).await;
    let said = ["/x/live", "/x/dead", "/x/dead2"].map(|path| said(&report, portal.url(path)));
    assert_eq!((report.extent.cut_short.as_deref(), report.links_checked), (None, 3));
    (portal, report, said)
}

#[tokio::test]
async fn a_folder_that_echoes_every_name_has_no_pages() {
    let router = || {
        Router::new().route("/", html(HOME)).route(
            "/x/{name}",
            get(|Path(name): Path<String>| async move {
                if name == "live" { Html(LIVE.to_owned()) } else { Html(format!("{ERROR}<p>/x/{name}</p>")) }
            }),
        )
    };
    let (portal, _, said) = three(router(), &soft()).await;
    assert_eq!(said, ["fine", "soft_404", "soft_404"]);
    let made_up = portal.hits().iter().filter(|hit| hit.path.contains("no-such-page")).count();
    assert_eq!(made_up, 1, "one made-up name for the folder");

    let (portal, _, said) = three(router(), &settings()).await;
    assert_eq!(said, ["fine", "fine", "fine"], "where made-up names are not asked for");
    assert!(!portal.hits().iter().any(|hit| hit.path.contains("no-such-page")));
}

#[tokio::test]
async fn a_made_up_name_is_not_asked_for_where_robots_are_shut_out() {
    let router = Router::new()
        .route("/", html(HOME))
        .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /x/no\n" }))
        .route("/x/{name}", html(ERROR));
    let (portal, _, said) = three(router, &soft()).await;
    assert_eq!(said, ["fine", "fine", "fine"], "nothing to compare with");
    assert!(!portal.hits().iter().any(|hit| hit.path.contains("no-such-page")));
}

#[tokio::test]
async fn redirects_of_every_made_up_name() {
    let to = |place: &'static str| {
        move |uri: Uri| async move {
            if uri.path() == "/x/live" {
                Html(LIVE).into_response()
            } else {
                (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
            }
        }
    };
    let router =
        Router::new().route("/", html(HOME)).route("/404.html", html(ERROR)).fallback(to("/404.html"));
    let (_, _, said) = three(router, &soft()).await;
    assert_eq!(said, ["fine", "soft_404", "soft_404"], "an error page that answers 200");

    let router = Router::new().route("/", html(HOME)).fallback(to("/"));
    let (_, _, said) = three(router, &soft()).await;
    assert_eq!(said, ["fine", "fine", "fine"], "the home page is no error page");
}

#[tokio::test]
async fn a_shell_that_every_name_gets_is_no_error_page() {
    const SHELL: &str = "<title>服务</title><div id=app></div><script src=/app.js></script>";
    let router = Router::new().route("/", html(HOME)).fallback(|uri: Uri| async move {
        if uri.path() == "/app.js" {
            StatusCode::NOT_FOUND.into_response()
        } else {
            Html(SHELL).into_response()
        }
    });
    let portal = Portal::serving(router).await;
    let report = run(portal.url("/"), &soft()).await;
    let said = ["/x/live", "/x/dead", "/x/dead2", "/app.js"].map(|path| said(&report, portal.url(path)));
    assert_eq!(said, ["fine", "fine", "fine", "not_found"]);

    // The home page is the same shell.
    let portal = Portal::serving(
        Router::new().fallback(|| async { Html(SHELL.replace("<div", "<a href=/x/live>x</a><div")) }),
    )
    .await;
    let report = run(portal.url("/"), &soft()).await;
    assert_eq!(report.faults, []);
}

#[tokio::test]
async fn pages_that_say_so_themselves() {
    let faq = format!(
        "<title>常见问题</title><p>{}打开时提示页面不存在，请刷新。</p>",
        "办理流程、收费标准和咨询电话。".repeat(120)
    );
    let router = Router::new()
        .route("/", html(HOME))
        .route("/x/live", html(faq))
        .route("/x/dead", html("<p>您访问的页面不存在或已删除</p>"))
        .route("/x/dead2", html("<title>提示页面不存在怎么办？</title><p>请刷新，或者换一个浏览器再试，仍然不行时请拨打服务电话。</p>"));
    let (_, report, said) = three(router, &settings()).await;
    assert_eq!(said, ["fine", "soft_404", "fine"], "{:?}", report.faults);
}

#[tokio::test]
async fn a_login_behind_a_redirect_says_nothing() {
    const LOGIN: &str =
        "<title>统一身份认证</title><form method=post><input name=u><input type=password name=p></form>";
    let to = |place| move || async move { (StatusCode::FOUND, [(header::LOCATION, place)]) };
    let router = Router::new()
        .route("/", html(HOME))
        .route("/x/live", get(to("/door")))
        .route("/x/dead", get(to("/sso/index?from=dead")))
        .route("/x/dead2", html(LIVE))
        .route("/door", html(LOGIN))
        .route("/sso/index", html("<title>x</title>请扫码"));
    let (_, report, said) = three(router, &soft()).await;
    assert_eq!(said, ["?login", "?login", "fine"]);
    assert_eq!(report.extent.unobserved, 2);
}

#[tokio::test]
async fn a_page_that_waits_for_a_comparison_is_not_lost_with_its_host() {
    // The made-up name is one request too many for the day.
    let router = Router::new()
        .route("/", html("<p>欢迎光临示范市政务服务网</p><a href=/x/live>1</a>"))
        .route("/x/live", html(ERROR));
    let portal = Portal::serving(router).await;
    let mut errand = Errand::to(portal.url("/"));
    errand.settings = Settings { daily: 3, ..soft() };
    let report = errand.go().await;
    assert!(report.extent.cut_short.is_some(), "it stays open for the next crawl");
    assert_eq!((report.links_checked, report.faults), (0, Vec::new()));
}

#[tokio::test]
async fn a_folder_that_has_one_page_for_every_name_is_no_proof() {
    let links = (0..60).map(|n| format!("<a href=/p/{n}>{n}</a>")).collect::<Vec<_>>().concat();
    let home = format!("<title>门户</title><p>欢迎光临示范市政务服务网。</p>{links}");
    let page = "<title>事项</title><p>办理地点：示范市政务服务大厅一层</p>";
    let router = || Router::new().route("/", get(|| async move { Html(home) })).route("/p/{any}", html(page));
    let portal = Portal::serving(router.clone()()).await;
    let report = run(portal.url("/"), &soft()).await;
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    assert_eq!((report.links_checked, report.extent.unobserved), (60, 60));
    assert_eq!(said(&report, portal.url("/p/7")), "?unsure");

    // One page of the folder is another one: the folder knows its names.
    let portal = Portal::serving(router().route("/p/7", html(LIVE))).await;
    let report = run(portal.url("/"), &soft()).await;
    assert_eq!((report.faults.len(), report.extent.unobserved), (59, 0));
    assert_eq!(said(&report, portal.url("/p/7")), "fine");
}
