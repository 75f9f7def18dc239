//! The plan: what the configuration says, as types that cannot be wrong.
//!
//! Two passes over every file. `raw` parses it and keeps a span per value; the other files build
//! the types from that tree and collect *every* fault of every file, so that an author mends all
//! of them at once. [`load()`] answers a whole [`Plan`] or all [`Faults`], never half a plan.
//!
//! Invariant: nothing here opens a file, a socket or a clock. Files come in through [`Files`].

mod action;
pub mod alarm;
mod alert;
mod canary;
mod crawl;
pub mod cron;
pub mod diagnostic;
mod duration;
mod expectation;
mod fragment;
pub mod hook_template;
mod hooks;
pub mod lexicon;
mod load;
mod locator;
mod maintenance;
mod matching;
pub mod model;
pub mod observations;
mod period;
mod place;
mod post;
pub mod posts;
mod probes;
pub mod profile;
mod raw;
mod routes;
mod scenario;
pub mod schema;
mod scope;
mod secrets;
mod settings;
mod sheet;
mod store;
mod table;
mod targets;
pub mod voices;
mod words;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use alarm::*;
pub use diagnostic::{Diagnostic, Faults, counted};
pub use load::{FileFault, Files, Loaded, check_scenario, load, load_scenario};
pub use model::*;
pub use period::{PeriodFault, read_period};
pub use sheet::{Encoding, decode};
pub use store::Keep;

/// Reads the address of a page as settings write it: absolute, http or https.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_address(text: &str) -> Result<url::Url, String> {
    targets::parse_address(text).map_err(|(message, hint)| match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    })
}

/// Reads a usable marker as settings write it: a text, or `css=SELECTOR`.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_marker(text: &str) -> Result<String, String> {
    targets::parse_marker(text).map_err(|(message, hint)| match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    })
}

/// Reads how portals can reach us as settings write it: `mailto:` or https.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_contact(text: &str) -> Result<String, String> {
    settings::parse_contact(text).map_err(|(message, hint)| format!("{message}; {hint}"))
}

/// Whether a text has the shape of a mail address, without a name beside it.
pub fn is_mail_address(text: &str) -> bool {
    post::is_address(text)
}

/// Reads a duration as settings write it: `300ms`, `15s`, `1h30m`; it has to lie within `limits`.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_duration(text: &str, limits: RangeInclusive<Duration>) -> Result<Duration, String> {
    let time = duration::parse(text).map_err(|fault| format!("{}; {}", fault.message, fault.hint))?;
    if limits.contains(&time) {
        return Ok(time);
    }
    let (low, high) = (duration::show(*limits.start()), duration::show(*limits.end()));
    Err(format!("`{text}` must be from {low} to {high}"))
}
