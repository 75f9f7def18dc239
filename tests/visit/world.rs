//! How the tests of visits look.

use std::time::Duration;

use mystery_shopper::clock::Deadline;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::http::Client;
use mystery_shopper::visit::{Seen, VisitTarget, visit};
use url::Url;

use crate::net::client;

/// Long enough that only a server that really hangs runs into it.
pub const LONG: Duration = Duration::from_mins(1);
/// Short enough to wait for in a test.
pub const SHORT: Duration = Duration::from_secs(2);

pub async fn see_target(client: &Client, target: VisitTarget) -> Seen {
    let client = client.clone();
    // In a task of its own, as the runner has it: that needs a future that may change threads.
    tokio::spawn(async move { visit(&client, &target, Deadline::after(LONG)).await }).await.unwrap()
}

pub async fn see_marked(client: &Client, url: Url, within: Duration, marker: Option<&str>) -> Seen {
    let marker = marker.map(str::to_owned);
    see_target(client, VisitTarget { url, marker, within, waited: Duration::ZERO }).await
}

pub async fn see_with(client: &Client, url: Url, within: Duration) -> Seen {
    see_marked(client, url, within, Some("办事 指南")).await
}

pub async fn see(url: Url) -> Seen {
    see_with(&client(), url, LONG).await
}

pub fn class(seen: &Seen) -> Option<TransportClass> {
    seen.visit.transport.as_ref().map(|t| t.class)
}

pub fn detail(seen: &Seen) -> &str {
    seen.visit.transport.as_ref().map_or("", |t| t.detail.as_str())
}
