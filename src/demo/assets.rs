//! Style sheets and scripts, inside the binary.

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const ICON: &str = include_str!("assets/icon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /apply/\nDisallow: /linhai/apply/\n";

pub(super) fn routes() -> Router {
    Router::new()
        .route("/static/shifan.css", get(async || file(CSS, include_str!("assets/shifan.css"))))
        .route("/static/form.js", get(async || file(JS, include_str!("assets/form.js"))))
        .route("/static/icon.svg", get(async || file(SVG, ICON)))
        .route("/favicon.ico", get(async || file(SVG, ICON)))
        .route("/robots.txt", get(async || file("text/plain; charset=utf-8", ROBOTS)))
        .route("/linhai/static/linhai.css", get(async || file(CSS, include_str!("assets/linhai.css"))))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=600")], text).into_response()
}
