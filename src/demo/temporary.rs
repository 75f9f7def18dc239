//! 示范市's temporary identity card: a login wall, a face check in a frame, and then the window.
//!
//! The guide claims "全程网办, 0 次"; the walk ends at a police station. The gap is the point.

use askama::Template;
use axum::extract::{Form, Query};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;

use super::page;
use super::portal::Visitor;
use super::shifan::Shell;

const START: &str = "/apply/temporary-id";

pub(super) fn routes() -> Router {
    Router::new()
        .route("/login", get(login).post(sign_in))
        .route("/logout", get(sign_out))
        .route(START, get(start))
        .route("/apply/temporary-id/face", get(face).post(face_passed))
}

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    from: String,
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/login.html")]
struct Login {
    shell: Shell,
    from: &'static str,
}

/// Where a login leads: a short list, so that nobody can be sent anywhere else.
fn known(from: &str) -> &'static str {
    match from {
        "card" => "card",
        "wall" => "wall",
        _ => "",
    }
}

async fn login(Extension(visitor): Extension<Visitor>, Query(From { from }): Query<From>) -> Response {
    page::html(&Login { shell: Shell::of(&visitor, ""), from: known(&from) })
}

/// There is one account, and it belongs to nobody: no name, no password.
async fn sign_in(Extension(visitor): Extension<Visitor>, Form(From { from }): Form<From>) -> Response {
    visitor.change(|session| session.user = Some("体验用户".to_owned()));
    page::see_other(if known(&from) == "card" { START } else { "/" })
}

async fn sign_out(Extension(visitor): Extension<Visitor>) -> Response {
    visitor.change(|session| {
        session.user = None;
        session.face = false;
    });
    page::see_other("/")
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/card.html")]
struct Card {
    shell: Shell,
    verified: bool,
}

async fn start(Extension(visitor): Extension<Visitor>) -> Response {
    let session = visitor.session();
    if session.user.is_none() {
        return page::see_other("/login?from=card");
    }
    page::html(&Card { shell: Shell::of(&visitor, "personal"), verified: session.face })
}

#[derive(Template)]
#[template(path = "demo/templates/shifan/face.html")]
struct Face;

async fn face() -> Response {
    page::html(&Face)
}

async fn face_passed(Extension(visitor): Extension<Visitor>) -> Response {
    if visitor.session().user.is_none() {
        return page::see_other("/login?from=card");
    }
    visitor.change(|session| session.face = true);
    page::see_other(START)
}
