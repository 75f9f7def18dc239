//! Where a citizen is taken to sit, and what at: everything that a page is told of them besides what
//! they do.

use serde::Serialize;

/// Where the citizen of a target sits. What is absent is the agent's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// A language tag for `Accept-Language` and `navigator.language`.
    pub locale: Option<String>,
    /// The IANA time zone that pages see.
    pub timezone: Option<String>,
    /// The place that pages are told when they ask for it; without one they are told nothing.
    pub geolocation: Option<Geolocation>,
    /// The way to the network.
    pub proxy: Option<Proxy>,
}

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Geolocation {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

/// A proxy for everything that the browser asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Its host and port.
    pub address: String,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP, with CONNECT for https.
    Http,
    /// SOCKS, version 5.
    Socks,
}

/// The screen of a journey, when it is neither of the two usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// How wide, in CSS pixels.
    pub width: u32,
    /// How high, in CSS pixels.
    pub height: u32,
    /// Pixels of the screen for each of CSS.
    pub scale: u8,
    /// Whether it is touched.
    pub touch: bool,
}
