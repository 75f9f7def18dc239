//! 北山市: a portal of 2008. Tables, GBK, a menu in a frame, forms in pop-up windows, and in the
//! end an address to send paper to.

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use axum::routing::get;

use super::catalogue::{self, Item};
use super::city::City;
use super::fault::Fault;
use super::page;
use super::portal::Visitor;

pub(super) fn routes() -> Router {
    Router::new()
        .route("/beishan", get(async || page::see_other("/beishan/")))
        .route("/beishan/", get(home))
        .route("/beishan/left", get(left))
        .route("/beishan/search", get(search))
        .route("/beishan/item/{slug}", get(guide))
        .route("/beishan/apply/{slug}", get(apply))
        .route("/beishan/complaint", get(complaint))
        .route("/beishan/data/{*rest}", get(data))
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/home.html")]
struct Home {
    redesign: bool,
    items: &'static [Item],
}

async fn home(axum::Extension(visitor): axum::Extension<Visitor>) -> Response {
    page::gbk(&Home { redesign: visitor.fault(Fault::Redesign), items: catalogue::items(City::Beishan) })
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/left.html")]
struct Left;

async fn left() -> Response {
    page::gbk(&Left)
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/search.html")]
struct Found {
    query: String,
    items: Vec<&'static Item>,
}

async fn search(RawQuery(query): RawQuery) -> Response {
    let query: String = keyword(query.as_deref().unwrap_or_default()).trim().chars().take(50).collect();
    let items = catalogue::search(City::Beishan, &query);
    page::gbk(&Found { query, items })
}

/// The keyword of a query, which a browser sends in the encoding of the page. That is GBK whatever
/// the bytes look like: 药品 in GBK happens to be valid UTF-8.
fn keyword(query: &str) -> String {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("keyword=")).unwrap_or_default();
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex =
            |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    encoding_rs::GBK.decode_without_bom_handling(&bytes).0.into_owned()
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/guide.html")]
struct Guide {
    item: &'static Item,
}

async fn guide(Path(slug): Path<String>) -> Response {
    match catalogue::item(City::Beishan, &slug) {
        Some(item) => page::gbk(&Guide { item }),
        None => page::not_found(City::Beishan),
    }
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/apply.html")]
struct Apply {
    item: &'static Item,
    by_mail: bool,
}

async fn apply(Path(slug): Path<String>) -> Response {
    match catalogue::item(City::Beishan, &slug) {
        Some(item) => page::gbk(&Apply { item, by_mail: item.slug == catalogue::DRUG }),
        None => page::not_found(City::Beishan),
    }
}

#[derive(Template)]
#[template(path = "demo/templates/beishan/complaint.html")]
struct Complaint;

async fn complaint() -> Response {
    page::gbk(&Complaint)
}

/// Statistics behind a firewall that lets nobody through.
async fn data(Path(rest): Path<String>) -> Response {
    page::blocked(&format!("WAF-90-{:06}", rest.len() * 7919 % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_come_in_gbk() {
        let cases = [
            ("keyword=%D2%A9%C6%B7", "药品"),
            ("a=1&keyword=%d6%a4&b=2", "证"),
            ("keyword=a+b%20c", "a b c"),
            ("keyword=%zz%4", "%zz%4"),
            ("q=x", ""),
        ];
        for (query, want) in cases {
            assert_eq!(keyword(query), want, "{query}");
        }
    }
}
