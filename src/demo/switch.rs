//! The other end of the control interface: what `shopper demo fault NAME on|off` calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::control::{PATH, Refusal, Report, Switch};

/// How long a running demo may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of the interface is longer, in bytes.
const LONGEST: usize = 64 * 1024;

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Nobody listens there.
    #[error("no demo portal answers on {addr}; start one with `shopper demo`")]
    NotRunning {
        /// The address.
        addr: SocketAddr,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("the demo portal on {0} did not answer within 5 seconds")]
    Silent(SocketAddr),
    /// The portal refused: an unknown fault or city.
    #[error("{0}")]
    Refused(String),
    /// Something else listens there.
    #[error("what listens on {0} is not a demo portal")]
    Stranger(SocketAddr),
}

/// Switches the fault `name` of one city (by target id or name) or of all, in the demo portal
/// that listens on `addr`. Answers which faults are on now, by the cities' target ids.
pub async fn switch(
    addr: SocketAddr,
    name: &str,
    on: bool,
    city: Option<&str>,
) -> Result<BTreeMap<String, Vec<String>>, SwitchError> {
    let order = Switch { fault: name.to_owned(), on, city: city.map(str::to_owned) };
    let body = serde_json::to_vec(&order).unwrap_or_default();
    ask(addr, Method::POST, body).await
}

/// Which faults are on in the demo portal that listens on `addr`, by the cities' target ids.
pub async fn faults(addr: SocketAddr) -> Result<BTreeMap<String, Vec<String>>, SwitchError> {
    ask(addr, Method::GET, Vec::new()).await
}

async fn ask(
    addr: SocketAddr,
    method: Method,
    body: Vec<u8>,
) -> Result<BTreeMap<String, Vec<String>>, SwitchError> {
    let gone =
        |error: Box<dyn std::error::Error + Send + Sync>| SwitchError::NotRunning { addr, source: error };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{addr}{PATH}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .map_err(|error| gone(error.into()))?;
    let exchange = async {
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.map_err(|error| gone(error.into()))?;
        let status = response.status();
        let bytes = axum::body::to_bytes(Body::new(response.into_body()), LONGEST)
            .await
            .map_err(|_| SwitchError::Stranger(addr))?;
        if status.is_success() {
            let report: Report = serde_json::from_slice(&bytes).map_err(|_| SwitchError::Stranger(addr))?;
            return Ok(report.on);
        }
        let refusal: Refusal = serde_json::from_slice(&bytes).map_err(|_| SwitchError::Stranger(addr))?;
        Err(SwitchError::Refused(refusal.error))
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(SwitchError::Silent(addr)),
    }
}
