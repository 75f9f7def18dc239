//! Chromium's own protocol, for what BiDi has no words for. **Chromium only**: any other far end
//! refuses, and what depends on it is then left out or done in another way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Deadline;

use super::command::Command;
use super::{CallError, Wire};

/// Sends a command through chromedriver's BiDi.
#[derive(Debug, Serialize)]
struct Send<'a> {
    method: &'a str,
    params: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    result: Value,
}

impl Command for Send<'_> {
    const METHOD: &'static str = "goog:cdp.sendCommand";
    type Answer = Sent;
}

/// Asks for the session by which a window is reached.
#[derive(Debug, Serialize)]
struct GetSession<'a> {
    context: &'a str,
}

#[derive(Debug, Deserialize)]
struct Session {
    session: String,
}

impl Command for GetSession<'_> {
    const METHOD: &'static str = "goog:cdp.getSession";
    type Answer = Session;
}

impl Wire {
    /// A command of Chromium's own protocol: to the browser itself, or to one of its targets.
    pub async fn cdp(
        &self,
        session: Option<&str>,
        method: &str,
        params: &Value,
        deadline: Deadline,
    ) -> Result<Value, CallError> {
        Ok(self.call(&Send { method, params, session }, deadline).await?.result)
    }

    /// The session by which [`Wire::cdp`] reaches a window.
    pub async fn cdp_session(&self, context: &str, deadline: Deadline) -> Result<String, CallError> {
        Ok(self.call(&GetSession { context }, deadline).await?.session)
    }
}
