//! HTTP clients that are kept: building one reads the system's authorities, and that costs more than a
//! visit does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Stopwatch};
use crate::http::{Client, HttpError, Settings};

/// After so long a client is built anew, so that authorities which the system got meanwhile count.
const FRESH: Duration = Duration::from_hours(1);
/// More kinds of settings than this no agent has: two reaches, a contact, a language.
const MOST: usize = 8;

/// Clients by their settings. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Clients(Arc<Mutex<Vec<Kept>>>);

#[derive(Debug)]
struct Kept {
    settings: Settings,
    client: Client,
    age: Stopwatch,
}

impl Clients {
    /// A client with these settings, built if there is none yet.
    pub fn get(&self, settings: Settings, clock: &Clock) -> Result<Client, HttpError> {
        // Whoever comes meanwhile wants the same one and waits for it.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.age.elapsed() < FRESH);
        if let Some(found) = kept.iter().find(|one| one.settings == settings) {
            return Ok(found.client.clone());
        }
        let client = Client::new(&settings, clock.clone())?;
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(Kept { settings, client: client.clone(), age: Stopwatch::start() });
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address::Reach;

    #[tokio::test(start_paused = true)]
    async fn a_client_is_built_once_for_its_settings_and_an_hour() {
        let clients = Clients::default();
        let count = || clients.0.lock().unwrap().len();
        let get = |agent: &str| clients.get(Settings::new(agent, Reach::Local), &Clock::system()).unwrap();
        get("a");
        get("a");
        assert_eq!(count(), 1);
        get("b");
        assert_eq!(count(), 2);
        tokio::time::advance(FRESH).await;
        get("b");
        assert_eq!(count(), 1);
        for n in 0..20 {
            get(&n.to_string());
        }
        assert_eq!(count(), MOST);
    }
}
