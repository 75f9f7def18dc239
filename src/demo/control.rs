//! The control interface: `GET` and `POST /_demo/faults`.
//!
//! Invariant: only this machine may switch, and no web page may do it for somebody: the peer has
//! to be a loopback address, the `Host` a loopback name, and the body JSON (which a page of
//! another origin cannot send without being asked first).

use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::city::City;
use super::fault::Fault;
use super::listener::Peer;
use super::portal::PortalState;

/// The address of the interface below the portal's root.
pub(super) const PATH: &str = "/_demo/faults";

/// What is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    /// Fault names by the city's target id.
    pub on: BTreeMap<String, Vec<String>>,
    /// Every fault that there is.
    pub known: Vec<String>,
}

/// What to switch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    /// A fault's name.
    pub fault: String,
    /// On or off.
    pub on: bool,
    /// A city's target id; every city when absent.
    #[serde(default)]
    pub city: Option<String>,
}

/// Why nothing was switched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// A sentence.
    pub error: String,
}

pub(super) fn routes(state: PortalState) -> Router {
    Router::new().route(PATH, get(show).post(set)).with_state(state).layer(middleware::from_fn(local_only))
}

fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Refusal { error: error.into() })).into_response()
}

async fn local_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let near = peer.is_some_and(|ConnectInfo(peer)| peer.addr.ip().to_canonical().is_loopback());
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if near && is_loopback_host(host) {
        return next.run(request).await;
    }
    refuse(StatusCode::FORBIDDEN, "faults can be switched from this machine only")
}

/// Whether a `Host` header names this machine; the port does not matter.
fn is_loopback_host(host: &str) -> bool {
    match url::Url::parse(&format!("http://{host}/")).as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Some(url::Host::Ipv4(ip))) => ip.is_loopback(),
        Ok(Some(url::Host::Ipv6(ip))) => ip.is_loopback(),
        _ => false,
    }
}

fn report(state: &PortalState) -> Json<Report> {
    let names = |faults: &[Fault]| faults.iter().map(|fault| fault.name().to_owned()).collect();
    Json(Report {
        on: state.faults().iter().map(|(city, faults)| (city.id().to_owned(), names(faults))).collect(),
        known: names(Fault::ALL),
    })
}

async fn show(State(state): State<PortalState>) -> Json<Report> {
    report(&state)
}

async fn set(State(state): State<PortalState>, body: Result<Json<Switch>, JsonRejection>) -> Response {
    let Switch { fault, on, city } = match body {
        Ok(Json(switch)) => switch,
        Err(rejection) => return refuse(rejection.status(), rejection.body_text()),
    };
    let Some(fault) = Fault::from_name(&fault) else {
        let known: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        return refuse(
            StatusCode::NOT_FOUND,
            format!("there is no fault `{fault}`; known are {}", known.join(", ")),
        );
    };
    match city.as_deref().map(|id| City::from_id(id).ok_or(id)) {
        None => state.set_fault_everywhere(fault, on),
        Some(Ok(city)) => state.set_fault(city, fault, on),
        Some(Err(id)) => {
            let known: Vec<_> = City::ALL.iter().map(|city| city.id()).collect();
            return refuse(
                StatusCode::NOT_FOUND,
                format!("there is no city `{id}`; known are {}", known.join(", ")),
            );
        }
    }
    report(&state).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_count_as_this_machine() {
        let cases = [
            ("127.0.0.1:8600", true),
            ("localhost", true),
            ("[::1]:8600", true),
            ("demo.localhost:1", true),
            ("example.org", false),
            ("10.0.0.1:8600", false),
            ("", false),
        ];
        for (host, want) in cases {
            assert_eq!(is_loopback_host(host), want, "{host}");
        }
    }
}
