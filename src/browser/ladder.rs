//! The ladder by which a slot is freed, whatever became of its journey: close the user context, close
//! it behind the driver's back, kill everything.
//!
//! Each rung has a short limit of its own, so that the last one is reached in time; killing, reaping
//! and deleting the folder are the driver's ([`super::driver`]).
//!
//! Invariant: a browser is used again only when nothing odd happened in it and it answered last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Deadline;

use super::bidi::command::{CreateUserContext, GetTree, RemoveUserContext};
use super::bidi::{CallError, Wire};
use super::hatch;
use super::prepare::Prepared;
use super::session::Browser;

/// Time for a user context to go away.
const CONTEXT: Duration = Duration::from_secs(1);

/// Time for the browser to close a user context that its driver did not close.
const HATCH: Duration = Duration::from_secs(1);

/// Time for a browser to prove that it is well after that.
const PROOF: Duration = Duration::from_secs(1);

/// What freed a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// The user context was closed; the browser is as good as before.
    Context,
    /// The driver did not close it, the browser's own socket did, and the browser proved well.
    Hatch,
    /// The browser has to go.
    Kill(Why),
}

/// Why a browser has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Something odd happened in it.
    Odd,
    /// It could not be freed in another way.
    Stuck,
}

/// How often each rung freed a slot since the pool was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rungs {
    /// The user context was closed.
    pub context: u64,
    /// It was closed over the browser's own socket.
    pub hatch: u64,
    /// The processes were killed.
    pub kill: u64,
}

/// Counts rungs.
#[derive(Debug, Default)]
pub struct Tally {
    context: AtomicU64,
    hatch: AtomicU64,
    kill: AtomicU64,
}

impl Tally {
    /// Counts one.
    pub fn count(&self, rung: Rung) {
        let counter = match rung {
            Rung::Context => &self.context,
            Rung::Hatch => &self.hatch,
            Rung::Kill(_) => &self.kill,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn read(&self) -> Rungs {
        Rungs {
            context: self.context.load(Ordering::Relaxed),
            hatch: self.hatch.load(Ordering::Relaxed),
            kill: self.kill.load(Ordering::Relaxed),
        }
    }
}

/// Climbs until the journey's pages are gone, or says that the browser has to go.
pub async fn climb(browser: &Browser, page: &Prepared, odd: Option<String>) -> Rung {
    let wire = browser.wire();
    let odd = odd.or_else(|| wire.is_closed().then(|| "its connection closed".to_owned()));
    if let Some(why) = odd {
        // It is not used again, so killing it is the shortest way.
        tracing::info!(rung = "kill", %why, "a browser is thrown away");
        return Rung::Kill(Why::Odd);
    }
    let Err(error) = page.undo(wire, Deadline::after(CONTEXT)).await else {
        tracing::debug!(rung = "context", "a slot is free");
        return Rung::Context;
    };
    // A rare and large future; the usual one stays small.
    match Box::pin(behind_its_back(browser, page)).await {
        Ok(()) => {
            tracing::info!(rung = "hatch", why = %error, "a slot is free");
            Rung::Hatch
        }
        Err(why) => {
            tracing::info!(rung = "kill", why = %error, hatch = %why, "a browser is thrown away");
            Rung::Kill(Why::Stuck)
        }
    }
}

async fn behind_its_back(browser: &Browser, page: &Prepared) -> Result<(), String> {
    if !browser.is_local() {
        return Err("it runs elsewhere".to_owned());
    }
    hatch::dispose(&browser.profile(), page.user_context(), Deadline::after(HATCH)).await?;
    prove(browser.wire(), page, Deadline::after(PROOF)).await.map_err(|error| error.to_string())
}

/// Whether a browser answers, forgets what was set up for the journey, and opens a new user context.
async fn prove(wire: &Wire, page: &Prepared, deadline: Deadline) -> Result<(), CallError> {
    wire.call(&GetTree { max_depth: 0 }, deadline).await?;
    page.undo(wire, deadline).await?;
    let made = wire.call(&CreateUserContext { proxy: None }, deadline).await?;
    wire.call(&RemoveUserContext { user_context: &made.user_context }, deadline).await?;
    Ok(())
}
