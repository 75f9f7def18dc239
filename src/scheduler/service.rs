//! Telling systemd how we are: ready, reloading, stopping, and alive.
//!
//! Nothing is sent when the program was not started by a service manager.
//!
//! Invariant: the watchdog is fed only after the dispatcher's loop has gone round in answer to a
//! question; a process that merely exists is not alive.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::dispatch::{Pulse, Standing};

/// How often the status line is renewed when no watchdog asks for more.
const STATUS_EVERY: Duration = Duration::from_mins(1);

/// A way to send states: [`sd_notify::notify`], or a test's own.
type Send = dyn Fn(&[NotifyState<'_>]) -> io::Result<()> + std::marker::Send + Sync;

/// The service manager.
#[derive(Clone)]
pub struct Service {
    send: Arc<Send>,
    watchdog: Option<Duration>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("watchdog", &self.watchdog).finish_non_exhaustive()
    }
}

impl Service {
    /// The one that started us, as the environment says.
    pub fn system() -> Self {
        Self { send: Arc::new(sd_notify::notify), watchdog: sd_notify::watchdog_enabled() }
    }

    /// We are up.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// We read our configuration anew. [`Service::ready`] says when that is over, whether the new
    /// one was taken or not.
    pub fn reloading(&self) {
        // systemd 253 and later want the time with it; 252 ignores that.
        match NotifyState::monotonic_usec_now() {
            Ok(time) => self.tell(&[NotifyState::Reloading, time]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// We are on our way out.
    pub fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// Feeds the watchdog at half its time as long as the dispatcher answers, and renews the
    /// status line. Goes on until `done`, which is to fire when the dispatcher has returned, so
    /// that draining is watched too.
    pub async fn watch(&self, pulse: &Pulse, done: &CancellationToken) {
        let every = self.watchdog.map_or(STATUS_EVERY, |time| time / 2);
        loop {
            // Asking takes a quarter at most, so that an answer is passed on well in time.
            if pulse.is_alive(every / 2).await {
                let status = line(&pulse.standing());
                let status = NotifyState::Status(&status);
                if self.watchdog.is_some() {
                    self.tell(&[NotifyState::Watchdog, status]);
                } else {
                    self.tell(&[status]);
                }
            } else if !done.is_cancelled() {
                tracing::error!("the dispatcher did not answer; the watchdog is not fed");
            }
            tokio::select! {
                () = done.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = (self.send)(states) {
            tracing::warn!(%error, "could not reach the service manager");
        }
    }
}

/// What goes on, in one line.
fn line(standing: &Standing) -> String {
    let Standing { pairs, running, waiting, next_at, draining, .. } = standing;
    let next = match (draining, next_at) {
        (true, _) => "stopping".to_owned(),
        (false, Some(at)) => format!("next at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        (false, None) => "nothing more is planned".to_owned(),
    };
    format!("{pairs} pairs of probe and target, {} running, {waiting} waiting, {next}", running.len())
}

#[cfg(test)]
mod tests;
