//! A small client for WebDriver BiDi (<https://w3c.github.io/webdriver-bidi/>): one socket, one
//! reader, one writer. Commands and events are typed ([`command`], [`event`]); what only Chromium
//! has is in [`cdp`].
//!
//! Invariant: nobody waits without a deadline of our own, and a slow or hostile peer fills no
//! queue: outgoing messages are bounded, incoming ones are handled at once by the [`Listener`]
//! and not kept; texts and lists are cut while they are read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::clock::Deadline;

mod bounded;
pub mod cdp;
mod classic;
pub mod command;
pub mod event;

pub use bounded::{Cut, Few};
use command::Command;
use event::Event;

/// A screenshot of a large window in base64 stays well below this.
const LARGEST_MESSAGE: usize = 96 << 20;

/// How many messages may wait to be written; more means that the peer does not read.
const OUTGOING: usize = 4096;

/// Takes events as they come, on the reader's task: it must not block.
pub trait Listener: Send + Sync + 'static {
    /// An event; `wire` is for answers that cannot wait, such as to a dialog.
    fn event(&self, wire: &Wire, event: Event);
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
    /// It answered something that is none of the protocol's.
    #[error("the answer to `{0}` cannot be read: {1}")]
    Unreadable(&'static str, String),
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
            Self::Unreadable(..) | Self::Timeout(_) | Self::Closed => false,
        }
    }
}

type Reply = oneshot::Sender<Result<Box<RawValue>, CallError>>;

/// A command on its way.
#[derive(Serialize)]
struct Outgoing<'a, C> {
    id: u64,
    method: &'static str,
    params: &'a C,
}

/// An answer or an event.
#[derive(Deserialize)]
struct Incoming<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    method: Option<&'a str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Cut<100>>,
    message: Option<Cut<500>>,
}

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
    tasks: Vec<tokio::task::JoinHandle<()>>,
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
    pub async fn call<C: Command>(&self, command: &C, deadline: Deadline) -> Result<C::Answer, CallError> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        self.shared.pending().insert(id, reply);
        let _forget = Forget(&self.shared, id);
        if self.is_closed() {
            return Err(CallError::Closed);
        }
        self.write(id, command)?;
        match deadline.limit(answer).await {
            Ok(Ok(result)) => {
                let unreadable = |error: serde_json::Error| {
                    CallError::Unreadable(C::METHOD, error.to_string().chars().take(200).collect())
                };
                serde_json::from_str(result?.get()).map_err(unreadable)
            }
            Ok(Err(_)) => Err(CallError::Closed),
            Err(_) => Err(CallError::Timeout(C::METHOD)),
        }
    }

    /// Sends a command whose result nobody needs. Never waits.
    pub fn post<C: Command>(&self, command: &C) {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // A full queue means a peer that does not read; the next call finds out.
        let _ = self.write(id, command);
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        *self.shared.closed.borrow()
    }

    fn write<C: Command>(&self, id: u64, params: &C) -> Result<(), CallError> {
        let text = serde_json::to_string(&Outgoing { id, method: C::METHOD, params })
            .map_err(|error| CallError::Unreadable(C::METHOD, error.to_string()))?;
        tracing::trace!(target: "bidi", "send {text}");
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
        Ok(Self { wire, tasks: vec![writer, reader] })
    }

    /// A connection to a far end without BiDi: commands are translated ([`classic`]).
    pub fn classic(client: fantoccini::Client, listener: Arc<dyn Listener>) -> Self {
        let (outgoing, queue) = mpsc::channel::<Message>(OUTGOING);
        let (closed, _) = watch::channel(false);
        let shared = Arc::new(Shared { next: AtomicU64::new(1), pending: Mutex::default(), closed });
        let wire = Wire { outgoing, shared };
        let translator = classic::Translator::new(client, wire.clone(), listener, queue);
        Self { wire, tasks: vec![tokio::spawn(translator.run())] }
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
        tracing::trace!(target: "bidi", "receive {text}");
        let message = match serde_json::from_str::<Incoming<'_>>(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "a message of the browser cannot be read");
                return;
            }
        };
        if let Some(id) = message.id {
            let Some(reply) = self.shared.pending().remove(&id) else {
                return;
            };
            let result = match (message.error, message.result) {
                (None, Some(result)) => Ok(result.to_owned()),
                (code, _) => Err(CallError::Refused {
                    code: code.map_or_else(|| "unknown error".to_owned(), Cut::into_inner),
                    message: message.message.unwrap_or_default().into_inner(),
                }),
            };
            // The caller may have gone.
            let _ = reply.send(result);
        } else if let (Some(method), Some(params)) = (message.method, message.params) {
            match Event::read(method, params.get()) {
                Some(Ok(event)) => listener.event(self, event),
                Some(Err(error)) => tracing::warn!(%error, method, "an event cannot be read and is lost"),
                None => {}
            }
        }
    }
}
