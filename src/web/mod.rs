//! The listener: what others see of the agent, and the one thing that they can do to it.
//!
//! | path | for whom | what |
//! |---|---|---|
//! | `/healthz`, `/readyz` | monitors | whether we live, and take work (`health`) |
//! | `/metrics` | Prometheus | how we do, in numbers ([`metrics`]) |
//! | `/ack/{token}` | people | an incident, and a button that takes it upon oneself (`pages::ack`) |
//!
//! Pages of a dashboard come later and have a file each in `pages`. [`router`] is a function that
//! needs no port; [`serve()`] is the port.
//!
//! Invariant: only a POST changes anything, and only with the form token of the page that it came
//! from. A request from a foreign origin learns nothing: `guard` stands before every path.

mod guard;
mod health;
pub mod metrics;
mod pages;
mod serve;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use url::Url;

use crate::clock::Clock;
use crate::domain::ids::IncidentId;
use crate::domain::incident::Incident;
use crate::domain::language::Language;
use crate::domain::token::Key;

pub use health::Health;
pub use serve::serve;

/// Bytes of a request's body; the only one that is read is a short form.
const BODY: usize = 16 * 1024;

/// Time for one request, from its head to the last byte of its answer.
const REQUEST: Duration = Duration::from_secs(15);

/// What the listener speaks for.
pub trait Room: Health + Desk + metrics::Meter {}
impl<T: Health + Desk + metrics::Meter> Room for T {}

/// Where incidents are looked up and taken.
pub trait Desk: Send + Sync + 'static {
    /// How pages are shown now.
    fn setting(&self) -> Setting;

    /// The incident with this id, if there is one.
    ///
    /// # Errors
    /// Why it cannot be told, as text that fits after "could not".
    fn incident(&self, id: &IncidentId) -> impl Future<Output = Result<Option<Card>, String>> + Send;

    /// Somebody takes an incident upon himself. The first one stands; whoever comes later changes
    /// nothing.
    ///
    /// # Errors
    /// Why it cannot be written, as text that fits after "could not".
    fn acknowledge(
        &self,
        id: IncidentId,
        by: String,
        note: Option<String>,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// How pages are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The address at which people reach us, besides those we listen on.
    pub public: Option<Url>,
    /// The language for those who ask for none that we speak.
    pub language: Language,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// An incident as a page shows it. Names may come from anywhere: pages clean them.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The incident.
    pub incident: Incident,
    /// What it is about: the target's name, the region or host of a wave, our own name.
    pub about: String,
    /// What is done there, in people's words.
    pub probe: String,
}

/// What the routes share.
pub(crate) struct Hall<R> {
    pub(crate) room: Arc<R>,
    pub(crate) clock: Clock,
    /// The key of links; without one no link is taken.
    pub(crate) key: Option<Key>,
    /// The address that clients may name in their Host header besides loopback ones.
    pub(crate) listen: IpAddr,
}

impl<R> Clone for Hall<R> {
    fn clone(&self) -> Self {
        Self {
            room: Arc::clone(&self.room),
            clock: self.clock.clone(),
            key: self.key.clone(),
            listen: self.listen,
        }
    }
}

/// The routes. `key` signs the links in mails; `listen` is the address that clients may name in
/// their Host header besides loopback ones and the public one.
pub fn router<R: Room>(room: Arc<R>, clock: Clock, key: Option<Key>, listen: IpAddr) -> Router {
    let hall = Hall { room, clock, key, listen };
    Router::new()
        .route("/healthz", get(health::healthz::<R>))
        .route("/readyz", get(health::readyz::<R>))
        .route("/metrics", get(metrics::answer::<R>))
        .route("/ack/{token}", get(pages::ack::look::<R>).post(pages::ack::take::<R>))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(hall.clone(), guard::guard::<R>))
        .with_state(hall)
}
