//! WebDrivers elsewhere: sessions are spread over them by their free slots.
//!
//! Invariant: an end point that failed is left alone for a while, longer each time, but never for
//! good; nothing here waits longer than the deadline.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use url::Url;

use crate::clock::Deadline;
use crate::domain::engine::Engine;

use super::find::remote_status;
use super::session::{Browser, Kind};
use super::trouble::pause_after;
use super::{BrowserError, Settings};

/// Time for an end point to say how much is free.
const ASK: Duration = Duration::from_secs(2);

/// WebDrivers elsewhere.
#[derive(Debug)]
pub struct Endpoints {
    all: Vec<Endpoint>,
}

#[derive(Debug)]
struct Endpoint {
    url: Url,
    /// Sessions of ours.
    own: Arc<AtomicUsize>,
    trouble: Mutex<Trouble>,
}

/// What went wrong lately.
#[derive(Debug, Default, Clone, Copy)]
struct Trouble {
    failures: u32,
    until: Option<Deadline>,
}

/// A session's place at an end point; free again when this is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Place {
    fn at(endpoint: &Endpoint) -> Self {
        endpoint.own.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&endpoint.own))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Endpoint {
    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long it is still left alone.
    fn pause(&self) -> Duration {
        self.trouble().until.map(Deadline::remaining).unwrap_or_default()
    }

    fn failed(&self) {
        let mut trouble = self.trouble();
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.until = Some(Deadline::after(pause_after(trouble.failures)));
    }

    fn worked(&self) {
        *self.trouble() = Trouble::default();
    }
}

impl Endpoints {
    /// End points in the order of the configuration.
    pub fn new(urls: &[Url]) -> Self {
        let endpoint =
            |url: &Url| Endpoint { url: url.clone(), own: Arc::default(), trouble: Mutex::default() };
        Self { all: urls.iter().map(endpoint).collect() }
    }

    /// Opens a session where most is free; when that fails, where the next most is.
    pub async fn start(
        &self,
        settings: &Settings,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Browser, BrowserError> {
        let mut last = None;
        for endpoint in self.by_room(kind.engine, deadline).await {
            let place = Place::at(endpoint);
            match Browser::remote(&endpoint.url, settings, kind, deadline).await {
                Ok(browser) => {
                    endpoint.worked();
                    return Ok(browser.with_place(place));
                }
                // What is wrong with the browser is wrong everywhere.
                Err(error @ (BrowserError::Unguarded { .. } | BrowserError::VersionMismatch { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    endpoint.failed();
                    tracing::warn!(url = %endpoint.url, %error, pause_ms = endpoint.pause().as_millis(), "a WebDriver took no session");
                    last = Some(error);
                }
            }
            if deadline.passed() {
                break;
            }
        }
        Err(last.unwrap_or(BrowserError::Busy))
    }

    /// The end points, the one with most room first. Those that are left alone come last, so that
    /// they are asked only when nobody else takes a session.
    async fn by_room(&self, engine: Engine, deadline: Deadline) -> Vec<&Endpoint> {
        let mut order: Vec<(bool, i64, usize, &Endpoint)> = Vec::with_capacity(self.all.len());
        let alone = self.all.len() == 1;
        let asked = self.all.iter().map(|endpoint| async move {
            let paused = !endpoint.pause().is_zero();
            let free = if alone || paused {
                0
            } else {
                match remote_status(&endpoint.url, deadline.tightened(ASK)).await {
                    Ok(status) => free_slots(&status, engine),
                    Err(error) => {
                        endpoint.failed();
                        tracing::warn!(url = %endpoint.url, %error, "a WebDriver does not say how much is free");
                        return (true, 0, endpoint);
                    }
                }
            };
            (paused, free, endpoint)
        });
        for (paused, free, endpoint) in join_all(asked).await {
            let own = endpoint.own.load(Ordering::SeqCst);
            // A driver that does not count is as free as we leave it.
            let free = if free == UNCOUNTED { 1 - i64::try_from(own).unwrap_or(i64::MAX) } else { free };
            order.push((paused, -free, own, endpoint));
        }
        order.sort_by_key(|(paused, taken, own, _)| (*paused, *taken, *own));
        order.into_iter().map(|(.., endpoint)| endpoint).collect()
    }
}

/// A single driver does not say how many sessions it takes.
const UNCOUNTED: i64 = i64::MAX;

/// How many sessions of an engine a Grid takes at once, by its `/status`.
fn free_slots(status: &Value, engine: Engine) -> i64 {
    let Some(nodes) = status["nodes"].as_array() else {
        return if status["ready"] == false { 0 } else { UNCOUNTED };
    };
    let names: &[&str] = match engine {
        Engine::Chromium => &["chrome", "chromium"],
        Engine::Firefox => &["firefox"],
    };
    let of_node = |node: &Value| {
        if node["availability"] != "UP" {
            return 0;
        }
        let slots = node["slots"].as_array().map(Vec::as_slice).unwrap_or_default();
        let free = |slot: &&Value| slot["session"].is_null();
        let fits = |slot: &&Value| {
            slot["stereotype"]["browserName"]
                .as_str()
                .is_some_and(|name| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))
        };
        let used = slots.iter().filter(|slot| !free(slot)).count();
        let most = node["maxSessions"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(slots.len());
        slots.iter().filter(free).filter(fits).count().min(most.saturating_sub(used))
    };
    nodes.iter().map(of_node).sum::<usize>().try_into().unwrap_or(UNCOUNTED - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slot(name: &str, taken: bool) -> Value {
        json!({ "stereotype": { "browserName": name }, "session": taken.then(|| json!({ "sessionId": "x" })) })
    }

    fn node(availability: &str, most: u64, slots: &[Value]) -> Value {
        json!({ "availability": availability, "maxSessions": most, "slots": slots })
    }

    #[test]
    fn free_slots_are_counted_by_engine() {
        let both =
            [slot("chrome", false), slot("chrome", true), slot("firefox", false), slot("firefox", false)];
        let cases = [
            ("a free node", json!({ "nodes": [node("UP", 4, &both)] }), 1, 2),
            ("a node that takes few", json!({ "nodes": [node("UP", 2, &both)] }), 1, 1),
            ("a full node", json!({ "nodes": [node("UP", 1, &both)] }), 0, 0),
            ("a node that drains", json!({ "nodes": [node("DRAINING", 4, &both)] }), 0, 0),
            ("two nodes", json!({ "nodes": [node("UP", 4, &both), node("UP", 9, &both)] }), 2, 4),
            ("no node", json!({ "nodes": [] }), 0, 0),
            ("a single driver", json!({ "ready": true }), UNCOUNTED, UNCOUNTED),
            ("a single driver in use", json!({ "ready": false }), 0, 0),
        ];
        for (name, status, chromium, firefox) in cases {
            assert_eq!(free_slots(&status, Engine::Chromium), chromium, "{name}");
            assert_eq!(free_slots(&status, Engine::Firefox), firefox, "{name}");
        }
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let seconds: Vec<u64> = (1..=9).map(|n| pause_after(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_after(u32::MAX), Duration::from_mins(1));
    }
}
