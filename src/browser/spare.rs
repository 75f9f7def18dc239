//! A user context with its first page, made before anybody needs it.
//!
//! Making one takes Chromium 100 ms: a profile, and a window with everything that a person would see
//! of it. While a browser rests there is time for that, and the next journey begins at its instant.
//!
//! Invariant: nothing was ever done in it; what a journey wants of it is set up when the journey comes.

use tokio::task::JoinHandle;

use crate::clock::Deadline;

use super::BrowserError;
use super::bidi::Wire;
use super::bidi::command::{Create, CreateUserContext};
use super::prepare::forget_clipboard;
use super::session::fault;

/// A user context that nobody has used.
#[derive(Debug)]
pub struct Spare {
    /// Its id.
    pub user_context: String,
    /// Its only page, which is empty.
    pub page: String,
    /// Whether the clipboard was emptied from it. A page that is not in front yet cannot do that.
    pub emptied: bool,
}

/// One that is being made, or is there. It is given up when this is dropped.
#[derive(Debug)]
pub struct Making(JoinHandle<Result<Spare, BrowserError>>);

impl Making {
    /// Begins to make one. The clipboard, which all contexts share, is emptied from its page if possible.
    pub fn begin(wire: Wire, deadline: Deadline) -> Self {
        Self(tokio::spawn(async move { make(&wire, deadline).await }))
    }

    /// Waits until it is there.
    pub async fn end(mut self) -> Result<Spare, BrowserError> {
        (&mut self.0).await.unwrap_or_else(|error| Err(BrowserError::Died(error.to_string())))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn make(wire: &Wire, deadline: Deadline) -> Result<Spare, BrowserError> {
    let made = wire.call(&CreateUserContext { proxy: None }, deadline).await;
    let user_context = made.map_err(|error| fault(wire, error))?.user_context;
    let create = Create { kind: "tab", user_context: &user_context };
    let page = wire.call(&create, deadline).await.map_err(|error| fault(wire, error))?.context;
    let emptied = forget_clipboard(wire, &page, deadline).await.is_ok();
    Ok(Spare { user_context, page, emptied })
}
