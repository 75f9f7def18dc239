//! A second opinion: a page opened in a real browser, when a request alone cannot tell.
//!
//! Invariant: this room knows no browser. Whoever orders a crawl lends it eyes; without them
//! what is doubtful stays doubtful.

use std::future::Future;
use std::pin::Pin;

use url::Url;

use crate::clock::Deadline;
use crate::domain::observation::Transport;

/// What a browser saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The address of the page at the end.
    pub url: Url,
    /// The status of the last answer to a navigation.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub transport: Option<Transport>,
    /// The title.
    pub title: String,
    /// The visible text.
    pub text: String,
    /// The document as it stands, as HTML.
    pub html: String,
    /// Marks of captchas, bot checks and login forms, by their names in `browser/inject/read.js`.
    pub challenges: Vec<String>,
    /// A header that only firewalls send.
    pub firewall: Option<String>,
}

/// A look that is under way; `None` when no browser could be had or it failed: our own affair.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Option<Sight>> + Send + 'a>>;

/// Somebody who can open a page in a browser.
pub trait Eyes: Send + Sync {
    /// Opens `url` in a fresh user context and waits until it stands still.
    fn look<'a>(&'a self, url: &'a Url, deadline: Deadline) -> Looking<'a>;
}
