//! 示范市: the modern portal. Home, search, guides, feedback; the forms have files of their own.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;

use super::catalogue::{self, Audience, Item};
use super::city::City;
use super::fault::Fault;
use super::page;
use super::portal::Visitor;

pub(super) fn routes() -> Router {
    Router::new()
        .route("/", get(home))
        .route("/search", get(search))
        .route("/list/{audience}", get(list))
        .route("/item/{slug}", get(guide))
        .route("/notice/{number}", get(notice))
        .route("/notice/ticker", get(ticker))
        .route("/evaluation", get(evaluation))
        .route("/complaint", get(complaint).post(complain))
        .route("/robot", get(robot))
        .route("/about", get(about))
        .route("/openapi/{*rest}", get(openapi))
}

/// What the frame around every page needs.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    /// The account that is signed in; empty without one.
    pub user: String,
    /// Whether the portal was redesigned.
    pub redesign: bool,
    /// The part of the navigation that is open.
    pub nav: &'static str,
}

impl Shell {
    /// The frame for this visitor.
    pub(super) fn of(visitor: &Visitor, nav: &'static str) -> Self {
        Self {
            user: visitor.session().user.unwrap_or_default(),
            redesign: visitor.fault(Fault::Redesign),
            nav,
        }
    }
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/home.html")]
struct Home {
    shell: Shell,
    notices: &'static [(&'static str, &'static str, &'static str)],
}

async fn home(Extension(visitor): Extension<Visitor>) -> Response {
    page::html(&Home { shell: Shell::of(&visitor, "home"), notices: NOTICES })
}

/// Number, title, day of the announcements. The last one was taken down and is still linked.
const NOTICES: &[(&str, &str, &str)] = &[
    ("1", "示范市“高效办成一件事”2026 年度重点事项清单发布", "11-20"),
    ("2", "关于启用企业电子证照“免提交”服务的公告", "11-16"),
    ("3", "市民中心周六延时服务安排", "11-09"),
    ("4", "关于优化药品零售企业开办流程的通知", "10-31"),
    ("2019088", "关于旧版网上办事大厅停止服务的公告", "10-12"),
];

#[derive(Debug, Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/search.html")]
struct Found {
    shell: Shell,
    query: String,
    items: Vec<&'static Item>,
}

async fn search(
    Extension(visitor): Extension<Visitor>,
    Query(SearchQuery { q }): Query<SearchQuery>,
) -> Response {
    let query: String = q.trim().chars().take(50).collect();
    let items = catalogue::search(City::Shifan, &query);
    page::html(&Found { shell: Shell::of(&visitor, ""), query, items })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/list.html")]
struct List {
    shell: Shell,
    title: &'static str,
    items: Vec<&'static Item>,
}

async fn list(Extension(visitor): Extension<Visitor>, Path(audience): Path<String>) -> Response {
    let (audience, title, nav) = match audience.as_str() {
        "personal" => (Audience::Person, "个人服务", "personal"),
        "company" => (Audience::Company, "法人服务", "company"),
        _ => return page::not_found(City::Shifan),
    };
    let items = catalogue::items(City::Shifan).iter().filter(|item| item.audience == audience).collect();
    page::html(&List { shell: Shell::of(&visitor, nav), title, items })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/guide.html")]
struct Guide {
    shell: Shell,
    item: &'static Item,
    apply: String,
}

async fn guide(Extension(visitor): Extension<Visitor>, Path(slug): Path<String>) -> Response {
    let Some(item) = catalogue::item(City::Shifan, &slug) else {
        return page::not_found(City::Shifan);
    };
    let apply = match item.slug {
        catalogue::DRUG => "/apply/drug-licence/applicant".to_owned(),
        catalogue::CARD => "/apply/temporary-id".to_owned(),
        _ => "/login".to_owned(),
    };
    page::html(&Guide { shell: Shell::of(&visitor, ""), item, apply })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/article.html")]
struct Article {
    shell: Shell,
    title: &'static str,
    day: &'static str,
    paragraphs: &'static [&'static str],
}

async fn notice(Extension(visitor): Extension<Visitor>, Path(number): Path<String>) -> Response {
    let known = NOTICES.iter().take(NOTICES.len() - 1).find(|(n, ..)| *n == number);
    let Some((_, title, day)) = known else {
        return page::not_found(City::Shifan);
    };
    page::html(&Article {
        shell: Shell::of(&visitor, ""),
        title,
        day,
        paragraphs: &[
            "各有关单位、广大企业和群众：",
            "为进一步优化营商环境，方便企业和群众办事，现就有关事项公告如下。请通过示范市政务服务网查询办事指南，按指南准备材料。",
            "办理中遇到问题，可以拨打政务服务热线 0800-1234500 咨询。",
            "示范市行政审批局",
        ],
    })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/ticker.html")]
struct Ticker;

async fn ticker() -> Response {
    page::html(&Ticker)
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/evaluation.html")]
struct Evaluation {
    shell: Shell,
}

async fn evaluation(Extension(visitor): Extension<Visitor>) -> Response {
    page::html(&Evaluation { shell: Shell::of(&visitor, "evaluation") })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/complaint.html")]
struct Complaint {
    shell: Shell,
    sent: bool,
}

async fn complaint(Extension(visitor): Extension<Visitor>) -> Response {
    page::html(&Complaint { shell: Shell::of(&visitor, "complaint"), sent: false })
}

/// Complaints are thanked for and forgotten.
async fn complain(Extension(visitor): Extension<Visitor>) -> Response {
    page::html(&Complaint { shell: Shell::of(&visitor, "complaint"), sent: true })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/robot.html")]
struct Robot {
    query: String,
}

async fn robot(Query(SearchQuery { q }): Query<SearchQuery>) -> Response {
    page::html(&Robot { query: q.trim().chars().take(50).collect() })
}

async fn about(Extension(visitor): Extension<Visitor>) -> Response {
    page::html(&Article {
        shell: Shell::of(&visitor, ""),
        title: "关于本站",
        day: "01-01",
        paragraphs: &[
            "本站是 mystery-shopper 自带的演示门户，城市、机构、电话和证照号码都是虚构的，不具有任何法律效力。",
            "您填写的内容只保存在本机内存中，程序结束后即消失。",
        ],
    })
}

/// Open data behind a firewall that wants to see a script run first.
async fn openapi(Path(rest): Path<String>) -> Response {
    page::challenge(&format!("WZ-{:06}", rest.len() * 7919 % 1_000_000))
}
