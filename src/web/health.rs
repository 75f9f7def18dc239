//! For monitors: `/healthz` answers 200 while the dispatcher's loop goes round, `/readyz` while it
//! also takes new work and results can be recorded; else 503 and why not.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Hall, Room};

/// What monitors are told.
pub trait Health: Send + Sync + 'static {
    /// Whether the dispatcher's loop goes round.
    fn alive(&self) -> impl Future<Output = bool> + Send;
    /// Whether new work is taken and recorded; if not, why not, as a sentence.
    fn ready(&self) -> impl Future<Output = Result<(), String>> + Send;
}

pub(super) async fn healthz<R: Room>(State(hall): State<Hall<R>>) -> Response {
    let alive = hall.room.alive().await;
    say(if alive { Ok("alive") } else { Err("The dispatcher does not answer.".to_owned()) })
}

pub(super) async fn readyz<R: Room>(State(hall): State<Hall<R>>) -> Response {
    say(hall.room.ready().await.map(|()| "ready"))
}

fn say(told: Result<&'static str, String>) -> Response {
    let (status, text) = match told {
        Ok(text) => (StatusCode::OK, text.to_owned()),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    };
    (status, format!("{text}\n")).into_response()
}
