//! When things run: what is due, who runs it, which mail is tried when.
//!
//! [`due`] and [`roster`] decide and are pure; [`dispatch`] and [`outbox`] are the loops around
//! them, and [`service`] tells systemd that the loop is alive. What a run does, where results go
//! and how mail leaves is not known here: it comes in through [`Executor`], [`Ledger`],
//! [`Outbox`] and [`Post`], which `app.rs` implements.
//!
//! Invariant: every slot ends as a job handed to the executor or as a recorded gap.

pub mod dispatch;
pub mod due;
#[cfg(test)]
mod fixtures;
pub mod outbox;
pub mod roster;
pub mod service;

pub use dispatch::{DispatchError, Dispatcher, Drained, Executor, Ledger, Pulse, Standing};
pub use due::PairKey;
pub use outbox::{Mailer, Outbox, Post, PostFailure};
pub use roster::{Finished, Job, Limits};
pub use service::Service;

/// What the other side of one of this room's traits could not do, in its own words.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// An error with its causes, for the log.
fn chain(fault: &(dyn std::error::Error + 'static)) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
