//! The pages that fight back, and whoever strikes the browser that shows one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::Uri;
use axum::response::{Html, IntoResponse, Redirect, Response};
use futures_util::stream;
use mystery_shopper::clock::Stopwatch;

use super::kinds::Strike;
use super::processes;

/// A run that is to be struck, or was.
pub struct Victim {
    pub strike: Strike,
    pub watch: Stopwatch,
    /// A strike is on its way: there is one for each run.
    pub due: bool,
    /// When it was struck, since the run began.
    pub struck: Option<Duration>,
}

/// Runs by number; one that is over is not among them, so that nobody else is struck for it.
pub type Victims = Arc<Mutex<HashMap<String, Victim>>>;

pub fn lock(victims: &Victims) -> MutexGuard<'_, HashMap<String, Victim>> {
    victims.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the site on a free port of loopback.
pub async fn open(victims: &Victims) -> std::io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}/", listener.local_addr()?);
    let router = axum::Router::new().fallback(answer).with_state(Arc::clone(victims));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(base)
}

async fn answer(
    State(victims): State<Victims>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
) -> Response {
    let body = match uri.path() {
        "/" => "<title>好</title><button onclick=\"document.title='按了'\">按</button>",
        "/windows" => {
            "<title>窗</title><h1>五十个窗口</h1><button onclick=\"for (let i = 0; i < 50; i++) open('/', 'w' + i, 'width=100,height=100')\">按</button>"
        }
        "/alerts" => "<title>警</title><button onclick=\"for(;;) alert('还在')\">按</button>",
        "/stay" => {
            "<title>留</title><button>按</button><script>addEventListener('beforeunload', (e) => { e.preventDefault(); e.returnValue = 'x'; });</script>"
        }
        "/loop" => "<title>环</title><button onclick='for(;;);'>按</button>",
        // Two gigabytes at most: it is to be ended, not to take the machine along.
        "/hoard" => {
            "<title>囤</title><button onclick='const kept = []; for(;;) if (kept.length < 32) kept.push(new Uint8Array(1 << 26).fill(1));'>按</button>"
        }
        "/noise" => {
            "<title>噪</title><script>for (let i = 0; i < 20000; i++) console.error('x'.repeat(200) + i); document.title = '完';</script>"
        }
        "/endless" => {
            let kind = [
                ("content-type", "application/octet-stream"),
                ("content-disposition", "attachment; filename=a.bin"),
            ];
            return (kind, endless("0".repeat(1 << 14), Duration::from_millis(20))).into_response();
        }
        "/drip" => {
            let kind = [("content-type", "text/html; charset=utf-8")];
            return (kind, endless("<p>滴</p>".to_owned(), Duration::from_millis(200))).into_response();
        }
        "/victim" => {
            tokio::spawn(strike(victims, uri.query().unwrap_or_default().to_owned(), from.port()));
            "<title>静</title><p>一</p><script>setTimeout(() => { document.title = '完'; }, 1300);</script>"
        }
        path => match path.strip_prefix("/round/").and_then(|number| number.parse::<u64>().ok()) {
            Some(number) => return Redirect::to(&format!("/round/{}", number + 1)).into_response(),
            None => std::future::pending().await,
        },
    };
    Html(format!("<!doctype html><html lang=zh><meta charset=utf-8><link rel=icon href='data:,'>{body}"))
        .into_response()
}

/// The same piece again and again, until nobody listens.
fn endless(piece: String, pause: Duration) -> Body {
    let piece = Bytes::from(piece);
    Body::from_stream(stream::unfold(true, move |first| {
        let piece = piece.clone();
        async move {
            if !first {
                tokio::time::sleep(pause).await;
            }
            Some((Ok::<_, std::io::Error>(piece), false))
        }
    }))
}

/// Strikes the browser at the other end of a connection, once for each run.
async fn strike(victims: Victims, run: String, port: u16) {
    let due = lock(&victims).get_mut(&run).and_then(|victim| {
        let first = !std::mem::replace(&mut victim.due, true);
        first.then_some(victim.strike)
    });
    let Some(due) = due else { return };
    let Ok(Some(group)) = tokio::task::spawn_blocking(move || processes::group_of(port)).await else {
        return;
    };
    tokio::time::sleep(Duration::from_millis(due.after)).await;
    let _ = tokio::task::spawn_blocking(move || {
        // Under the lock: a run that ends meanwhile is not struck, and no other in its browser.
        let mut victims = lock(&victims);
        if let Some(victim) = victims.get_mut(&run) {
            let at = victim.watch.elapsed();
            victim.struck = processes::strike(group, due.whom, due.signal).then_some(at);
        }
    })
    .await;
}
