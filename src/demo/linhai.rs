//! 临海市: a long list of items. Companies only, said by `alert()` and a redirect; the temporary
//! identity card has a guide and nothing more.

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::catalogue::{self, Item};
use super::city::City;
use super::fault::Fault;
use super::page;
use super::portal::Visitor;

pub(super) fn routes() -> Router {
    Router::new()
        .route("/linhai", get(async || page::see_other("/linhai/")))
        .route("/linhai/", get(home))
        .route("/linhai/search", get(search))
        .route("/linhai/item/{slug}", get(guide))
        .route("/linhai/apply/{slug}", get(apply))
        .route("/linhai/login", get(login))
        .route("/linhai/evaluation", get(evaluation))
        .route("/linhai/complaint", get(complaint))
        .route("/linhai/policy/{name}", get(policy))
        .route("/linhai/hall/", get(async || Html(HALL)))
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/home.html")]
struct Home {
    redesign: bool,
    offices: Vec<(&'static str, Vec<&'static Item>)>,
}

/// The items by office, in the order in which the offices first appear.
fn by_office() -> Vec<(&'static str, Vec<&'static Item>)> {
    let mut offices: Vec<(&'static str, Vec<&'static Item>)> = Vec::new();
    for item in catalogue::items(City::Linhai) {
        match offices.iter_mut().find(|(office, _)| *office == item.office) {
            Some((_, items)) => items.push(item),
            None => offices.push((item.office, vec![item])),
        }
    }
    offices
}

async fn home(axum::Extension(visitor): axum::Extension<Visitor>) -> Response {
    page::html(&Home { redesign: visitor.fault(Fault::Redesign), offices: by_office() })
}

#[derive(Debug, Deserialize)]
struct Keyword {
    #[serde(default)]
    keyword: String,
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/search.html")]
struct Found {
    query: String,
    items: Vec<&'static Item>,
}

async fn search(Query(Keyword { keyword }): Query<Keyword>) -> Response {
    let query: String = keyword.trim().chars().take(50).collect();
    let items = catalogue::search(City::Linhai, &query);
    page::html(&Found { query, items })
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/guide.html")]
struct Guide {
    item: &'static Item,
    online: bool,
}

async fn guide(Path(slug): Path<String>) -> Response {
    match catalogue::item(City::Linhai, &slug) {
        Some(item) => page::html(&Guide { item, online: item.slug != catalogue::CARD }),
        None => page::not_found(City::Linhai),
    }
}

/// What many portals do in place of an answer: an alert, and off to the login.
async fn apply(Path(slug): Path<String>) -> Response {
    const REFUSAL: &str = "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>提示</title></head>\
        <body><script>alert('个人账号无法办理此事项，请登录法人账号后重试！');location.href='/linhai/login';</script></body></html>";
    match catalogue::item(City::Linhai, &slug) {
        Some(item) if item.slug != catalogue::CARD => Html(REFUSAL).into_response(),
        _ => page::not_found(City::Linhai),
    }
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/login.html")]
struct Login;

async fn login() -> Response {
    page::html(&Login)
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/evaluation.html")]
struct Evaluation;

async fn evaluation() -> Response {
    page::html(&Evaluation)
}

#[derive(Template)]
#[template(path = "demo/templates/linhai/complaint.html")]
struct Complaint;

async fn complaint() -> Response {
    page::html(&Complaint)
}

/// Pages that were taken down: the portal says so, with the status of a page that is there.
async fn policy() -> Response {
    let mut gone = page::not_found(City::Linhai);
    *gone.status_mut() = StatusCode::OK;
    gone
}

/// A page that only its script draws; one of its links is dead.
const HALL: &str = "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>大厅窗口 - 临海市网上办事大厅</title>\
    <link rel=\"stylesheet\" href=\"/linhai/static/linhai.css\"></head><body><div class=\"w main\" id=\"app\"></div><script>\
    const links = [['返回办事大厅', '/linhai/'], ['窗口评价', '/linhai/evaluation'], ['停车指引', '/linhai/hall/parking']];\
    const list = document.createElement('ul');\
    for (const [text, href] of links) { const a = document.createElement('a'); a.textContent = text; a.href = href;\
    const item = document.createElement('li'); item.append(a); list.append(item); }\
    document.getElementById('app').append('大厅一楼为综合受理窗口，二楼为不动产和税务窗口。', list);</script></body></html>";
