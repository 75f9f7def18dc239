//! A port for chromedriver that no page can reach.
//!
//! A page of a target on this machine could otherwise end chromedriver (`/shutdown`) or open a
//! session of its own there: chromedriver takes every page of loopback for a friend. Browsers
//! refuse to connect to some ports whatever asks for it (the Fetch standard's "bad ports"), web
//! sockets included. So chromedriver listens on one of those.
//!
//! Invariant: where none of them is free, chromedriver still answers only below a secret path.

use std::net::{Ipv4Addr, TcpListener};

/// Ports above 1023 that Chromium never connects to for a page: <https://fetch.spec.whatwg.org/#bad-port>.
const CLOSED_TO_PAGES: [u16; 17] =
    [6665, 6666, 6667, 6668, 6669, 6697, 10080, 6566, 4045, 3659, 1719, 1720, 1723, 5060, 5061, 6000, 2049];

/// Ports to try, one after the other: free ones that pages cannot reach, beginning at a place that
/// differs between processes, and then any.
pub fn choices() -> impl Iterator<Item = u16> {
    let start = std::process::id() as usize % CLOSED_TO_PAGES.len();
    let closed =
        (0..CLOSED_TO_PAGES.len()).map(move |at| CLOSED_TO_PAGES[(start + at) % CLOSED_TO_PAGES.len()]);
    closed.filter(|port| is_free(*port)).chain([0])
}

/// Whether nobody listens on a port of loopback.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether pages cannot reach a port.
pub fn is_closed_to_pages(port: u16) -> bool {
    CLOSED_TO_PAGES.contains(&port)
}
