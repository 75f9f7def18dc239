//! `/metrics`: how the agent does, in the OpenMetrics text format.
//!
//! What happens while we run is counted by the [`Recorder`] as it happens; everything else (rows that
//! wait, bytes, processes) is looked up when somebody asks. `families` puts both into words.
//!
//! Invariant: names carry base units (`_seconds`, `_bytes`) and counters end in `_total`; labels hold
//! ids of the present plan and words of ours, so there are never more series than the plan has pairs.

mod count;
mod families;
mod process;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use super::{Hall, Room};
use crate::browser::Census;
use crate::scheduler::Standing;
use crate::store::Numbers;

pub use count::{Counted, Mail, Recorder};
pub use process::Process;

/// The content type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whom `/metrics` asks.
pub trait Meter: Send + Sync + 'static {
    /// Everything, now.
    fn read(&self) -> impl Future<Output = Reading> + Send;
}

/// Everything that `/metrics` tells.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// What was counted since the start.
    pub counted: Counted,
    /// What goes on.
    pub standing: Standing,
    /// The browsers.
    pub browsers: Census,
    /// The store; absent when it does not answer.
    pub store: Option<Numbers>,
    /// The process; absent where the system does not tell.
    pub process: Option<Process>,
    /// The time of the reading, in seconds since 1970.
    pub at_seconds: f64,
}

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    OpenMetrics,
    /// The text format of before, version 0.0.4.
    Classic,
}

pub(super) async fn answer<R: Room>(State(hall): State<Hall<R>>, headers: HeaderMap) -> Response {
    let format = wanted(&headers);
    let reading = hall.room.read().await;
    // Thousands of lines are milliseconds of work; other requests need not wait for them.
    let written = tokio::task::spawn_blocking(move || write(reading, format)).await;
    let Ok(Ok(body)) = written else {
        tracing::error!("the metrics could not be written");
        return (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written; see the log\n")
            .into_response();
    };
    let kind = match format {
        Format::OpenMetrics => OPEN_METRICS,
        Format::Classic => prometheus_text::CONTENT_TYPE,
    };
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// OpenMetrics, unless somebody asks for plain text alone.
fn wanted(headers: &HeaderMap) -> Format {
    let accepted: Vec<&str> =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let names = |kind: &str| accepted.iter().any(|value| value.to_ascii_lowercase().contains(kind));
    if names("text/plain") && !names("application/openmetrics-text") {
        Format::Classic
    } else {
        Format::OpenMetrics
    }
}

fn write(reading: Reading, format: Format) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(reading));
    let mut out = String::new();
    match format {
        Format::OpenMetrics => text::encode(&mut out, &registry)?,
        Format::Classic => prometheus_text::encode(&mut out, &registry)?,
    }
    Ok(out)
}
