//! A page of our own on this machine, by which one sees that a browser still works: it starts, opens a
//! page over the network and shows it.
//!
//! Browsers of targets elsewhere must not reach this machine: their resolver refuses its names, their
//! guard its addresses. For them the page has a name that nobody can guess, and the resolver's first rule
//! leads that one name to that one port. A page that does not know the name gains nothing by the rule,
//! and one that knew it would reach a page that says one word.
//!
//! Invariant: only loopback is listened on, and nothing is ever answered but that page.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::clock::Deadline;
use crate::domain::scenario::{Action, SourcePos, Verb};
use crate::domain::template::Template;

use super::StepError;
use super::journey::Journey;

/// What the page says.
const WORD: &str = "canary";

/// Time for the page: it takes a tenth of a second, and on a very busy machine perhaps one.
pub(super) const TIME: Duration = Duration::from_secs(4);

/// Without an icon of its own every browser would ask for one.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>canary</title><link rel=icon href='data:,'>\
                    <h1>canary</h1>";

/// The page, served as long as this lives.
#[derive(Debug)]
pub struct OwnPage {
    at: SocketAddr,
    name: String,
    task: JoinHandle<()>,
}

impl OwnPage {
    /// Serves the page on a free port of loopback.
    pub async fn serve() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let page = || async { ([(header::CACHE_CONTROL, "no-store")], Html(PAGE)).into_response() };
        let router = Router::new().route("/", get(page));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "our own page for browsers is no longer served");
            }
        });
        // A version 7 UUID has 74 random bits; names below `.invalid` belong to nobody (RFC 6761).
        let name = format!("{}.invalid", uuid::Uuid::now_v7().simple());
        Ok(Self { at, name, task })
    }

    /// The rule by which a browser that may not reach this machine finds the page. It has to be the first.
    pub fn rule(&self) -> String {
        format!("MAP {} {}", self.name, self.at)
    }

    /// The page's address for a browser that may, or may not, reach this machine.
    pub fn url(&self, loopback: bool) -> Option<Url> {
        let address =
            if loopback { format!("http://{}/", self.at) } else { format!("http://{}/", self.name) };
        Url::parse(&address).ok()
    }
}

impl Drop for OwnPage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of the page in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSight {
    /// Whether it was asked for over the network; otherwise it was an empty page, because the browser is
    /// elsewhere.
    pub over_network: bool,
    /// The process group of the browser, by which one is told from another; absent for a remote one.
    pub group: Option<u32>,
    /// What was wrong with it, as a sentence.
    pub fault: Option<String>,
}

/// Opens the page in a journey of its own, which ends with it. Without an address the journey's first
/// page, which is open already, has to do.
pub(super) async fn see(mut journey: Journey, url: Option<&Url>) -> OwnSight {
    let deadline = Deadline::after(TIME);
    let group = journey.process_group();
    let seen = match url {
        Some(url) => deadline.limit(open(&mut journey, url, deadline)).await,
        None => Ok(Ok(())),
    };
    let fault = match seen {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("Our own page did not open: {error}.")),
        Err(_) => Some("Our own page did not open in time.".to_owned()),
    };
    match fault {
        None => journey.close().await,
        // Whatever ails the browser, it is not used again.
        Some(_) => drop(journey),
    }
    OwnSight { over_network: url.is_some(), group, fault }
}

async fn open(journey: &mut Journey, url: &Url, deadline: Deadline) -> Result<(), StepError> {
    journey.begin_step();
    let verb = Verb::Goto(Template::literal(url.as_str()));
    journey.act(&Action { verb, within: None, at: SourcePos::default() }, deadline).await?;
    let shown = journey.standing(deadline).await?;
    if shown.text.contains(WORD) {
        return Ok(());
    }
    Err(StepError::Navigation("it shows something else".to_owned()))
}
