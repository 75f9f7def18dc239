//! The listener: how somebody else sees that we are alive.
//!
//! `/healthz` answers 200 while the dispatcher's loop goes round, `/readyz` while it also takes new
//! work and results can be recorded; else it says why not. Pages come later; this is their room.
//!
//! Invariant: nothing here changes anything, and a request from a foreign origin learns nothing:
//! only hosts that are loopback names or addresses, or an address we listen on, are answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the listener tells others.
pub trait Health: Send + Sync + 'static {
    /// Whether the dispatcher's loop goes round.
    fn alive(&self) -> impl Future<Output = bool> + Send;
    /// Whether new work is taken and recorded; if not, why not, as a sentence.
    fn ready(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// The routes. `listen` is the address that clients may name in their Host header besides
/// loopback ones.
pub fn router<H: Health>(health: Arc<H>, listen: IpAddr) -> Router {
    Router::new()
        .route("/healthz", get(healthz::<H>))
        .route("/readyz", get(readyz::<H>))
        .with_state(health)
        .layer(middleware::from_fn(move |request, next| guard(request, next, listen)))
}

/// Serves until `stop`; the address that was bound comes back at once.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve<H: Health>(
    listen: SocketAddr,
    health: Arc<H>,
    stop: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let bound = listener.local_addr()?;
    let app = router(health, bound.ip());
    tokio::spawn(async move {
        let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(error = &error as &dyn std::error::Error, "the listener ended");
        }
    });
    Ok(bound)
}

async fn healthz<H: Health>(State(health): State<Arc<H>>) -> Response {
    let alive = health.alive().await;
    say(if alive { Ok("alive") } else { Err("The dispatcher does not answer.".to_owned()) })
}

async fn readyz<H: Health>(State(health): State<Arc<H>>) -> Response {
    say(health.ready().await.map(|()| "ready"))
}

fn say(told: Result<&'static str, String>) -> Response {
    let (status, text) = match told {
        Ok(text) => (StatusCode::OK, text.to_owned()),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    };
    (status, [(header::CACHE_CONTROL, "no-store")], format!("{text}\n")).into_response()
}

/// Refuses requests that name another host: a page elsewhere that points its own name at us.
async fn guard(request: Request, next: Next, listen: IpAddr) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_ours(host, listen) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this host name is not served here\n").into_response()
    }
}

fn is_ours(host: &str, listen: IpAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        // Whoever listens everywhere is asked by addresses of his own that nobody listed here; only a
        // name can be pointed at us by a foreign page.
        Ok(ip) => ip.is_loopback() || ip == listen || listen.is_unspecified(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_answered() {
        let listen: IpAddr = "10.1.2.3".parse().unwrap();
        let cases = [
            ("127.0.0.1:8787", true),
            ("localhost", true),
            ("LocalHost:8787", true),
            ("[::1]:8787", true),
            ("10.1.2.3:80", true),
            ("10.1.2.4", false),
            ("evil.example", false),
            ("localhost.evil.example:8787", false),
            ("", false),
        ];
        for (host, want) in cases {
            assert_eq!(is_ours(host, listen), want, "{host}");
        }
        let everywhere: IpAddr = "0.0.0.0".parse().unwrap();
        assert!(is_ours("10.1.2.4:8787", everywhere), "a monitor asks by our address");
        assert!(!is_ours("evil.example:8787", everywhere));
    }
}
