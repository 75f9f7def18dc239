//! A small client for WebDriver BiDi (<https://w3c.github.io/webdriver-bidi/>): one socket, one
//! reader, one writer.
//!
//! Invariant: nobody waits without a deadline of our own, and a slow or hostile peer fills no
//! queue: outgoing messages are bounded, incoming ones are handled at once by the [`Listener`]
//! and not kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::clock::Deadline;

/// A screenshot of a large window in base64 stays well below this.
const LARGEST_MESSAGE: usize = 96 << 20;

/// How many messages may wait to be written; more means that the peer does not read.
const OUTGOING: usize = 4096;

/// Takes events as they come, on the reader's task: it must not block.
pub trait Listener: Send + Sync + 'static {
    /// An event; `wire` is for answers that cannot wait, such as to a dialog.
    fn event(&self, wire: &Wire, method: &str, params: &Value);
}

/// Why a command has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The peer refused.
    #[error("{code}: {message}")]
    Refused {
        /// The error code of the protocol, such as `no such frame`.
        code: String,
        /// What it said.
        message: String,
    },
    /// No answer in time.
    #[error("no answer to `{0}` in time")]
    Timeout(&'static str),
    /// The connection is gone.
    #[error("the connection to the browser is gone")]
    Closed,
}

impl CallError {
    /// Whether the page went away under the command: it navigated, was closed, or its script's
    /// world was torn down. Worth another look, not a fault.
    pub fn page_went_away(&self) -> bool {
        match self {
            Self::Refused { code, message } => {
                code == "no such frame"
                    || code == "no such node"
                    || code == "stale element reference"
                    || ["context was destroyed", "Cannot find context", "navigated", "Execution context"]
                        .iter()
                        .any(|part| message.contains(part))
            }
            Self::Timeout(_) | Self::Closed => false,
        }
    }
}

type Reply = oneshot::Sender<Result<Value, CallError>>;

struct Shared {
    next: AtomicU64,
    pending: Mutex<HashMap<u64, Reply>>,
    closed: watch::Sender<bool>,
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, HashMap<u64, Reply>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.closed.send_replace(true);
        self.pending().clear();
    }
}

/// The sending end of a connection.
#[derive(Clone)]
pub struct Wire {
    outgoing: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// A connection; closed when dropped.
#[derive(Debug)]
pub struct Connection {
    wire: Wire,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

/// Forgets a command whose caller went away.
struct Forget<'a>(&'a Shared, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.pending().remove(&self.1);
    }
}

impl Wire {
    /// Sends a command and waits for its result.
    pub async fn call(
        &self,
        method: &'static str,
        params: Value,
        deadline: Deadline,
    ) -> Result<Value, CallError> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        self.shared.pending().insert(id, reply);
        let _forget = Forget(&self.shared, id);
        if self.is_closed() {
            return Err(CallError::Closed);
        }
        self.write(id, method, &params)?;
        match deadline.limit(answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(CallError::Closed),
            Err(_) => Err(CallError::Timeout(method)),
        }
    }

    /// A command of Chromium's own protocol, for what BiDi has no words for: to the browser itself,
    /// or to one of its targets. Chromium only; any other far end refuses.
    pub async fn cdp(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        deadline: Deadline,
    ) -> Result<Value, CallError> {
        let mut command = json!({ "method": method, "params": params });
        if let Some(session) = session {
            command["session"] = json!(session);
        }
        let mut answer = self.call("goog:cdp.sendCommand", command, deadline).await?;
        Ok(answer["result"].take())
    }

    /// The session by which [`Wire::cdp`] reaches a window.
    pub async fn cdp_session(&self, context: &str, deadline: Deadline) -> Result<String, CallError> {
        let answer = self.call("goog:cdp.getSession", json!({ "context": context }), deadline).await?;
        Ok(answer["session"].as_str().unwrap_or_default().to_owned())
    }

    /// Sends a command whose result nobody needs. Never waits.
    pub fn post(&self, method: &str, params: &Value) {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // A full queue means a peer that does not read; the next call finds out.
        let _ = self.write(id, method, params);
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        *self.shared.closed.borrow()
    }

    fn write(&self, id: u64, method: &str, params: &Value) -> Result<(), CallError> {
        let text = json!({ "id": id, "method": method, "params": params }).to_string();
        self.outgoing.try_send(Message::text(text)).map_err(|_| CallError::Closed)
    }
}

impl Connection {
    /// Connects to the socket that a WebDriver session offered.
    pub async fn open(url: &str, listener: Arc<dyn Listener>) -> Result<Self, String> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(config), true)
            .await
            .map_err(|error| error.to_string())?;
        let (mut sink, mut stream) = socket.split();
        let (outgoing, mut queue) = mpsc::channel::<Message>(OUTGOING);
        let (closed, _) = watch::channel(false);
        let shared = Arc::new(Shared { next: AtomicU64::new(1), pending: Mutex::default(), closed });
        let wire = Wire { outgoing, shared };

        let shared = Arc::clone(&wire.shared);
        let writer = tokio::spawn(async move {
            while let Some(message) = queue.recv().await {
                if sink.send(message).await.is_err() {
                    break;
                }
            }
            shared.close();
        });
        let reader_wire = wire.clone();
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if let Message::Text(text) = message {
                    reader_wire.take(&text, &*listener);
                }
            }
            reader_wire.shared.close();
        });
        Ok(Self { wire, tasks: [writer, reader] })
    }

    /// The sending end.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.wire.shared.close();
    }
}

impl Wire {
    fn take(&self, text: &str, listener: &dyn Listener) {
        let Ok(mut message) = serde_json::from_str::<Value>(text) else {
            return;
        };
        if let Some(id) = message["id"].as_u64() {
            let Some(reply) = self.shared.pending().remove(&id) else {
                return;
            };
            let result = if message["type"] == "error" || message.get("error").is_some() {
                Err(CallError::Refused {
                    code: message["error"].as_str().unwrap_or("unknown error").to_owned(),
                    message: message["message"].as_str().unwrap_or_default().chars().take(500).collect(),
                })
            } else {
                Ok(message["result"].take())
            };
            // The caller may have gone.
            let _ = reply.send(result);
        } else if let Some(method) = message["method"].as_str() {
            listener.event(self, method, &message["params"]);
        }
    }
}
