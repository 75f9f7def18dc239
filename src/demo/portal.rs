//! The portal as a server: shared state, the router, and the listener that serves it.
//!
//! Invariant: what a fault does is decided in one place, [`gate`], before any page is built.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Clock;

use super::city::City;
use super::fault::{Fault, FaultSet};
use super::listener::{CuttingListener, Peer};
use super::session::{Session, Sessions};
use super::{assets, beishan, catalogue, control, files, form, linhai, page, shifan, temporary};

/// How long a page takes under [`Fault::Slow`], unless it is set otherwise.
const SLOW_BY: Duration = Duration::from_secs(20);
/// How long running requests may take when the portal stops.
const GRACE: Duration = Duration::from_secs(3);

/// What all pages share. Cloning it is cheap and means the same portal.
#[derive(Debug, Clone)]
pub struct PortalState {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    faults: Mutex<FaultSet>,
    sessions: Mutex<Sessions>,
    receipts: AtomicU64,
    slow_by_ms: AtomicU64,
    stopping: CancellationToken,
}

/// Why the portal could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The address is taken, or not ours.
    #[error("could not listen on {addr}; is another demo running, or another program on that port?")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl PortalState {
    /// A healthy portal without visitors.
    pub fn new(clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                faults: Mutex::default(),
                sessions: Mutex::default(),
                receipts: AtomicU64::new(0),
                slow_by_ms: AtomicU64::new(crate::clock::millis(SLOW_BY)),
                stopping: CancellationToken::new(),
            }),
        }
    }

    /// Switches a fault of one city.
    pub fn set_fault(&self, city: City, fault: Fault, on: bool) {
        lock(&self.shared.faults).set(city, fault, on);
    }

    /// Switches a fault of every city.
    pub fn set_fault_everywhere(&self, fault: Fault, on: bool) {
        for city in City::ALL {
            self.set_fault(city, fault, on);
        }
    }

    /// Whether a fault is on.
    pub fn has_fault(&self, city: City, fault: Fault) -> bool {
        lock(&self.shared.faults).has(city, fault)
    }

    /// The faults that are on, for each city.
    pub fn faults(&self) -> BTreeMap<City, Vec<Fault>> {
        let set = *lock(&self.shared.faults);
        City::ALL.into_iter().map(|city| (city, set.of(city))).collect()
    }

    /// How long each page takes under [`Fault::Slow`].
    pub fn set_slow_by(&self, time: Duration) {
        self.shared.slow_by_ms.store(crate::clock::millis(time), Ordering::Relaxed);
    }

    /// How many sessions are kept at the moment.
    pub fn sessions(&self) -> usize {
        lock(&self.shared.sessions).len()
    }

    /// The time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    /// The number of the next receipt.
    pub(super) fn next_receipt(&self) -> u64 {
        self.shared.receipts.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who asks: the portal's state, the city and the session, if there is one already.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// The portal.
    pub state: PortalState,
    /// The city that was asked.
    pub city: City,
    known: Option<Uuid>,
    made: Arc<OnceLock<Uuid>>,
}

impl Visitor {
    /// Whether a fault of the visited city is on.
    pub(super) fn fault(&self, fault: Fault) -> bool {
        self.state.has_fault(self.city, fault)
    }

    /// The session as it is; an empty one for somebody new.
    pub(super) fn session(&self) -> Session {
        match self.made.get().copied().or(self.known) {
            Some(id) => lock(&self.state.shared.sessions).find(self.city, id).unwrap_or_default(),
            None => Session::default(),
        }
    }

    /// Changes the session; somebody new gets one, and a cookie with the answer.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Session) -> R) -> R {
        let mut sessions = lock(&self.state.shared.sessions);
        let (id, session) = sessions.open(self.city, self.made.get().copied().or(self.known));
        if self.known != Some(id) {
            self.made.get_or_init(|| id);
        }
        change(session)
    }
}

/// Every page of the three cities, and the control interface below `/_demo/`.
pub fn router(state: PortalState) -> Router {
    Router::new()
        .merge(shifan::routes())
        .merge(form::routes())
        .merge(temporary::routes())
        .merge(linhai::routes())
        .merge(beishan::routes())
        .merge(assets::routes())
        .merge(files::routes())
        .fallback(async |request: Request| page::not_found(City::of_path(request.uri().path())))
        .layer(middleware::from_fn_with_state(state.clone(), gate))
        .merge(control::routes(state))
}

fn cookie_name(city: City) -> &'static str {
    match city {
        City::Shifan => "SFSESSIONID",
        City::Linhai => "LHSESSIONID",
        City::Beishan => "BSSESSIONID",
    }
}

fn session_id(headers: &HeaderMap, city: City) -> Option<Uuid> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie_name(city))
        .and_then(|(_, value)| Uuid::try_parse(value).ok())
}

/// Stands before every page: faults, the firewall, and the session's cookie.
async fn gate(State(state): State<PortalState>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let city = City::of_path(&path);
    let below = path.strip_prefix(city.home()).unwrap_or("");
    if state.has_fault(city, Fault::Unreachable) {
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<Peer>>() {
            peer.cut();
        }
        return page::bad_gateway();
    }
    if state.has_fault(city, Fault::HomeDown) {
        return page::bad_gateway();
    }
    if !below.starts_with("static/") {
        if let Some(broken) = broken_page(&state, city, below) {
            return broken;
        }
        if let Some(event) = looks_like_an_attack(request.uri().query().unwrap_or_default()) {
            return page::blocked(&event);
        }
        if state.has_fault(city, Fault::Slow) {
            let slow_by = Duration::from_millis(state.shared.slow_by_ms.load(Ordering::Relaxed));
            tokio::select! {
                () = tokio::time::sleep(slow_by) => {}
                () = state.shared.stopping.cancelled() => {
                    return StatusCode::SERVICE_UNAVAILABLE.into_response();
                }
            }
        }
    }

    let visitor =
        Visitor { city, known: session_id(request.headers(), city), made: Arc::new(OnceLock::new()), state };
    let made = Arc::clone(&visitor.made);
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if let Some(id) = made.get() {
        let cookie = format!("{}={id}; Path={}; HttpOnly; SameSite=Lax", cookie_name(city), city.home());
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return page::too_large(city);
    }
    response
}

/// The page that a fault puts in the place of the one asked for. `below` is the path below the
/// city's home page.
fn broken_page(state: &PortalState, city: City, below: &str) -> Option<Response> {
    let on = |fault| state.has_fault(city, fault);
    let home = below.is_empty();
    let form = format!("apply/{}/", catalogue::DRUG);
    let guide = format!("item/{}", catalogue::DRUG);
    if on(Fault::Maintenance) {
        return Some(page::maintenance(city));
    }
    if on(Fault::Captcha) && !home {
        return Some(page::captcha(city));
    }
    if on(Fault::ServerError)
        && ["search", "item/", "apply/", "list"].iter().any(|start| below.starts_with(start))
    {
        return Some(page::server_error(city));
    }
    if on(Fault::DeadLink) && below == guide {
        return Some(page::not_found(city));
    }
    if on(Fault::StepBroken) {
        let broken = match city {
            City::Shifan => below.starts_with(&form) && below.ends_with("pharmacist"),
            City::Linhai | City::Beishan => below == guide,
        };
        if broken {
            return Some(page::not_found(city));
        }
    }
    if on(Fault::LoginWall) && below.starts_with("apply/") {
        return Some(page::see_other(&format!("{}login?from=wall", city.home())));
    }
    None
}

/// The number of the event, when a query has the marks of an attack.
fn looks_like_an_attack(query: &str) -> Option<String> {
    let text = query.to_ascii_lowercase().replace("%3c", "<").replace("%27", "'").replace(['+'], " ");
    let text = text.replace("%20", " ").replace("%2f", "/");
    let marks = ["<script", "' or ", "union select", "../", "${jndi"];
    marks
        .iter()
        .position(|mark| text.contains(mark))
        .map(|rule| format!("WAF-{:02}-{:06}", rule + 1, query.len() * 7919 % 1_000_000))
}

/// The portal, serving.
#[derive(Debug)]
pub struct Portal {
    addr: SocketAddr,
    state: PortalState,
    task: Option<JoinHandle<()>>,
}

impl Portal {
    /// Listens on `addr` (port 0 for any free port) and serves until [`Portal::stop`] or drop.
    pub async fn bind(addr: SocketAddr, state: PortalState) -> Result<Self, PortalError> {
        let bound = async {
            let listener = TcpListener::bind(addr).await?;
            let addr = listener.local_addr()?;
            Ok((listener, addr))
        };
        let (listener, addr) = bound.await.map_err(|source| PortalError::Bind { addr, source })?;
        let service = router(state.clone()).into_make_service_with_connect_info::<Peer>();
        let stopping = state.shared.stopping.clone();
        let task = tokio::spawn(async move {
            let serve = axum::serve(CuttingListener::new(listener), service)
                .with_graceful_shutdown(stopping.cancelled_owned());
            if let Err(error) = serve.await {
                tracing::error!(%error, "the demo portal stopped serving");
            }
        });
        Ok(Self { addr, state, task: Some(task) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of a city's home page.
    pub fn url(&self, city: City) -> String {
        format!("http://{}{}", self.addr, city.home())
    }

    /// What its pages share, for switching faults.
    pub fn state(&self) -> &PortalState {
        &self.state
    }

    /// Stops listening, waits up to three seconds for running requests, and ends.
    pub async fn stop(mut self) {
        self.state.shared.stopping.cancel();
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(GRACE, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.state.shared.stopping.cancel();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firewall_stops_attacks_and_lets_searches_pass() {
        let cases = [
            ("q=%E8%8D%AF%E5%93%81", false),
            ("q=select+committee", false),
            ("q=%3Cscript%3Ealert(1)", true),
            ("q=1%27+or+1=1", true),
            ("file=..%2F..%2Fetc/passwd", true),
        ];
        for (query, stopped) in cases {
            assert_eq!(looks_like_an_attack(query).is_some(), stopped, "{query}");
        }
    }
}
