//! The way into a browser whose driver does not answer: its own DevTools socket. **Chromium on this
//! machine only.**
//!
//! While a classic command blocks, chromedriver keeps everything else of that session waiting; the
//! browser itself may be well. Port and path of its socket stand in its profile, and a user context
//! has the same id there as in BiDi (tried with Chromium 156).
//!
//! Invariant: one socket, one command, one answer, and all of it before the deadline.

use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::clock::Deadline;

/// Where Chromium writes the port and the path of its socket.
const ADDRESS: &str = "DevToolsActivePort";

/// An answer, or why there is none; events have no id.
#[derive(Deserialize)]
struct Answer {
    id: Option<u64>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Closes a user context with all of its pages, whatever they are doing.
pub async fn dispose(profile: &Path, user_context: &str, deadline: Deadline) -> Result<(), String> {
    let address = std::fs::read_to_string(profile.join(ADDRESS))
        .map_err(|error| format!("its profile names no DevTools socket: {error}"))?;
    let url = socket(&address).ok_or("its profile names no DevTools socket that can be read")?;
    match deadline.limit(tell(&url, user_context)).await {
        Ok(result) => result,
        Err(_) => Err("its DevTools socket did not answer in time".to_owned()),
    }
}

async fn tell(url: &str, user_context: &str) -> Result<(), String> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.map_err(|error| error.to_string())?;
    let dispose = json!({
        "id": 1, "method": "Target.disposeBrowserContext", "params": { "browserContextId": user_context },
    });
    socket.send(Message::text(dispose.to_string())).await.map_err(|error| error.to_string())?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.map_err(|error| error.to_string())? else { continue };
        match serde_json::from_str::<Answer>(&text) {
            Ok(Answer { id: Some(1), error: None }) => return Ok(()),
            Ok(Answer { id: Some(1), error: Some(refusal) }) => return Err(refusal.message),
            // Something else that it had to say.
            _ => {}
        }
    }
    Err("its DevTools socket closed".to_owned())
}

/// `9222\n/devtools/browser/79e9eeb4-…` as an address.
fn socket(address: &str) -> Option<String> {
    let (port, path) = address.split_once('\n')?;
    let port: u16 = port.trim().parse().ok()?;
    let path = path.trim();
    path.starts_with('/').then(|| format!("ws://127.0.0.1:{port}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_read_from_the_profile() {
        let cases = [
            ("35747\n/devtools/browser/79e9", Some("ws://127.0.0.1:35747/devtools/browser/79e9")),
            ("35747", None),
            ("0x1\n/devtools", None),
            ("35747\nevil.example/x", None),
        ];
        for (address, want) in cases {
            assert_eq!(socket(address).as_deref(), want, "{address}");
        }
    }
}
