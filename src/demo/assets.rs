//! Style sheets and scripts, inside the binary.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

pub(super) fn routes() -> Router {
    Router::new()
        .route(
            "/static/shifan.css",
            get(|| file("text/css; charset=utf-8", include_str!("assets/shifan.css"))),
        )
        .route(
            "/static/form.js",
            get(|| file("text/javascript; charset=utf-8", include_str!("assets/form.js"))),
        )
        .route("/static/icon.svg", get(|| file("image/svg+xml", include_str!("assets/icon.svg"))))
        .route(
            "/linhai/static/linhai.css",
            get(|| file("text/css; charset=utf-8", include_str!("assets/linhai.css"))),
        )
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=600")], text)
}
