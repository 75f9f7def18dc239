//! The port: takes connections, bounds what each may cost, and closes them.
//!
//! Invariant: one request a connection, and no connection outlives `LIFE`; there are never more than
//! `AT_ONCE` of them. So nobody who is slow, or many, takes anything from the agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{REQUEST, Room, router};
use crate::clock::{Clock, Deadline};
use crate::domain::token::Key;

/// Connections at once; more wait.
const AT_ONCE: usize = 64;
/// Time for a request's head.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of a request's head, the address included.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Time for a connection.
const LIFE: Duration = Duration::from_secs(HEAD.as_secs() + REQUEST.as_secs() + 5);
/// Pause after a connection could not be taken: the process has no file left.
const PAUSE: Duration = Duration::from_millis(200);
/// Time for the connections that are open when the service stops.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop`; the address that was bound comes back at once.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve<R: Room>(
    listen: SocketAddr,
    room: Arc<R>,
    clock: Clock,
    key: Option<Key>,
    stop: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(take(listener, router(room, clock, key, bound.ip()), stop));
    Ok(bound)
}

async fn take(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let open = TaskTracker::new();
    loop {
        let taken = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            taken = taken => taken,
        };
        match accepted {
            Ok((stream, _)) => {
                let answered = answer(stream, router.clone());
                open.spawn(async move {
                    // Whoever hangs is hung up on.
                    let _ = Deadline::after(LIFE).limit(answered).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    open.close();
    let _ = Deadline::after(GRACE).limit(open.wait()).await;
}

async fn answer(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}
