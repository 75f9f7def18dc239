//! Pages for people. A page is a file here with its template beside it; all share one style.
//!
//! Invariant: no page runs a script or loads anything, and the policy says so to the browser. What
//! a portal wrote is cleaned and escaped before it stands on a page.

pub(super) mod ack;
mod language;

use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The style of every page. It stands inside the page, so that a page is one answer.
const STYLE: &str = include_str!("style.css");

/// What a browser may do with an answer of ours: show it with the style that it came with, and send
/// its form back to where it came from.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        // Base64 is ASCII; the strictest policy is no worse.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}
