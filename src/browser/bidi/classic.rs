//! Classic WebDriver behind the same wire, for a far end without BiDi.
//!
//! Commands that have a classic counterpart are translated; of the events, those are told that can
//! be found out by looking: windows, documents, dialogs. What only BiDi knows (requests, answers,
//! script errors, downloads) is told of by nobody, so those facts stay absent. There are no user
//! contexts either: removing one is refused, and the session serves one journey.
//!
//! Invariant: commands are carried out one after the other; nothing is told that was not seen.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use url::{ParseError, Url};

use super::{CallError, Listener, Wire};

/// The only user context: the session itself.
const CONTEXT: &str = "default";

/// The pause between looks at a page that loads. There is no event to wait for.
const LOOK: Duration = Duration::from_millis(50);

/// So many looks at a page that loads, before the next command is carried out all the same.
const MOST_LOOKS: usize = 200;

/// The most dialogs that one command may run into.
const MOST_DIALOGS: usize = 30;

/// How WebDriver writes an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Runs a function in the page and says in which document it ran.
const RUN: &str = "const done = arguments[arguments.length - 1];
const given = [].slice.call(arguments, 0, -1);
const end = (how, value) =>
  done([how, value === undefined ? null : value, performance.timeOrigin, location.href, document.readyState]);
Promise.resolve().then(() => (FUNCTION)(...given)).then((value) => end('ok', value), (error) => end('bad', String(error)));";

/// A command of the classic protocol.
#[derive(Debug)]
struct Classic {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Classic {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (self.method.clone(), self.body.as_ref().map(Value::to_string))
    }
}

/// A command that waits to be carried out.
struct Waiting {
    id: u64,
    method: String,
    params: Value,
}

/// What is known of a window's document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Document {
    /// When it began, by its own clock, as bits: no two documents of a window began together.
    origin: u64,
    url: String,
    ready: String,
}

impl Document {
    /// From the last three values of [`RUN`].
    fn read(values: &[Value]) -> Option<Self> {
        let [origin, url, ready] = values else { return None };
        Some(Self {
            origin: origin.as_f64()?.to_bits(),
            url: url.as_str()?.to_owned(),
            ready: ready.as_str()?.to_owned(),
        })
    }
}

pub(super) struct Translator {
    client: fantoccini::Client,
    wire: Wire,
    listener: Arc<dyn Listener>,
    incoming: mpsc::Receiver<Message>,
    waiting: VecDeque<Waiting>,
    window: Option<String>,
    windows: Vec<String>,
    documents: HashMap<String, Document>,
    navigations: u64,
}

type Served = Result<Value, CallError>;

fn refused(code: &str, message: impl Into<String>) -> CallError {
    CallError::Refused { code: code.to_owned(), message: message.into() }
}

/// What a classic error is called in BiDi.
fn fault(error: &CmdError) -> CallError {
    match error {
        CmdError::Standard(fault) => {
            let (code, message) = (fault.error.description(), fault.message.to_string());
            let gone = code == "no such window"
                || code == "stale element reference"
                || message.contains("document unloaded")
                || message.contains("context was destroyed");
            refused(if gone { "no such frame" } else { code }, message.chars().take(500).collect::<String>())
        }
        CmdError::Failed(_) | CmdError::FailedC(_) | CmdError::Lost(_) => CallError::Closed,
        other => refused("unknown error", other.to_string().chars().take(300).collect::<String>()),
    }
}

/// A classic value as BiDi describes it.
fn described(value: &Value) -> Value {
    match value {
        Value::Array(all) => {
            json!({ "type": "array", "value": all.iter().map(described).collect::<Vec<_>>() })
        }
        Value::String(text) => json!({ "type": "string", "value": text }),
        Value::Null => json!({ "type": "null" }),
        Value::Object(object) => match object.get(ELEMENT) {
            Some(id) => json!({ "type": "node", "sharedId": id }),
            // Frames have no name of their own here.
            None => json!({ "type": "object" }),
        },
        other => json!({ "type": "number", "value": other }),
    }
}

impl Translator {
    pub(super) fn new(
        client: fantoccini::Client,
        wire: Wire,
        listener: Arc<dyn Listener>,
        incoming: mpsc::Receiver<Message>,
    ) -> Self {
        Self {
            client,
            wire,
            listener,
            incoming,
            waiting: VecDeque::new(),
            window: None,
            windows: Vec::new(),
            documents: HashMap::new(),
            navigations: 0,
        }
    }

    /// Carries out commands until the connection is dropped or the far end is gone.
    pub(super) async fn run(mut self) {
        while let Some(Waiting { id, method, params }) = self.next().await {
            let served = self.serve(&method, &params).await;
            if served == Err(CallError::Closed) {
                break;
            }
            self.look_for_windows().await;
            let answer = match served {
                Ok(result) => json!({ "id": id, "type": "success", "result": result }),
                Err(CallError::Refused { code, message }) => {
                    json!({ "id": id, "type": "error", "error": code, "message": message })
                }
                Err(other) => {
                    json!({ "id": id, "type": "error", "error": "unknown error", "message": other.to_string() })
                }
            };
            self.wire.take(&answer.to_string(), &*self.listener);
        }
        self.wire.shared.close();
    }

    async fn next(&mut self) -> Option<Waiting> {
        loop {
            self.gather();
            if let Some(first) = self.waiting.pop_front() {
                return Some(first);
            }
            let message = self.incoming.recv().await?;
            self.keep(&message);
        }
    }

    /// Takes what has come without waiting for more.
    fn gather(&mut self) {
        while let Ok(message) = self.incoming.try_recv() {
            self.keep(&message);
        }
    }

    fn keep(&mut self, message: &Message) {
        let Message::Text(text) = message else { return };
        let Ok(mut command) = serde_json::from_str::<Value>(text) else { return };
        let (Some(id), Some(method)) = (command["id"].as_u64(), command["method"].as_str()) else { return };
        let method = method.to_owned();
        self.waiting.push_back(Waiting { id, method, params: command["params"].take() });
    }

    fn tell(&self, event: &str, params: &Value) {
        let event = json!({ "type": "event", "method": event, "params": params });
        self.wire.take(&event.to_string(), &*self.listener);
    }

    async fn once(&self, method: Method, path: &str, body: Option<Value>) -> Served {
        let command = Classic { method, path: path.to_owned(), body };
        self.client.issue_cmd(command).await.map_err(|error| fault(&error))
    }

    /// A command; dialogs that stand in its way are told of and answered first.
    async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Served {
        for _ in 0..MOST_DIALOGS {
            match self.once(method.clone(), path, body.clone()).await {
                Err(CallError::Refused { code, .. }) if code == "unexpected alert open" => {
                    self.dialog().await?;
                }
                other => return other,
            }
        }
        Err(refused("unexpected alert open", "the page keeps opening dialogs"))
    }

    async fn get(&mut self, path: &str) -> Served {
        self.send(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Served {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Tells of the dialog that is open, and answers it as the listener says. Whether it is an
    /// alert or a question is not known: Cancel is what closes both.
    async fn dialog(&mut self) -> Result<(), CallError> {
        let said = match self.once(Method::GET, "alert/text", None).await {
            Ok(said) => said,
            Err(CallError::Refused { code, .. }) if code == "no such alert" => return Ok(()),
            Err(error) => return Err(error),
        };
        let context = self.window.clone().unwrap_or_default();
        self.tell(
            "browsingContext.userPromptOpened",
            &json!({ "context": context, "type": "dialog", "message": said }),
        );
        // The listener has answered already.
        self.gather();
        let answer = self.waiting.iter().position(|one| one.method == "browsingContext.handleUserPrompt");
        let answer = answer.and_then(|at| self.waiting.remove(at)).map(|one| one.params).unwrap_or_default();
        if let Some(text) = answer["userText"].as_str() {
            // An alert has no place for it.
            let _ = self.once(Method::POST, "alert/text", Some(json!({ "text": text }))).await;
        }
        let how = if answer["accept"] == true { "alert/accept" } else { "alert/dismiss" };
        match self.once(Method::POST, how, Some(json!({}))).await {
            Err(CallError::Closed) => Err(CallError::Closed),
            _ => Ok(()),
        }
    }

    /// Makes a window the one that commands go to.
    async fn turn_to(&mut self, window: &str) -> Result<(), CallError> {
        if self.window.as_deref() != Some(window) {
            self.post("window", json!({ "handle": window })).await?;
            self.window = Some(window.to_owned());
        }
        Ok(())
    }

    /// Tells of windows that were opened or closed.
    async fn look_for_windows(&mut self) {
        if self.windows.is_empty() {
            return;
        }
        let Ok(Value::Array(handles)) = self.once(Method::GET, "window/handles", None).await else { return };
        let handles: Vec<String> = handles.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        for gone in self.windows.clone().into_iter().filter(|known| !handles.contains(known)) {
            self.tell("browsingContext.contextDestroyed", &json!({ "context": gone }));
            self.documents.remove(&gone);
            if self.window.as_ref() == Some(&gone) {
                self.window = None;
            }
        }
        for new in handles.iter().filter(|handle| !self.windows.contains(handle)) {
            self.created(new, self.window.as_deref());
        }
        self.windows = handles;
    }

    fn created(&self, window: &str, opener: Option<&str>) {
        let info = json!({
            "context": window, "userContext": CONTEXT, "url": "about:blank", "parent": null,
            "originalOpener": opener,
        });
        self.tell("browsingContext.contextCreated", &info);
    }

    /// What the present window shows now.
    async fn document(&mut self) -> Option<Document> {
        let script = "return [performance.timeOrigin, location.href, document.readyState]";
        let said = self.post("execute/sync", json!({ "script": script, "args": [] })).await.ok()?;
        Document::read(said.as_array()?)
    }

    /// Tells of the document that a window shows, when it is another one than before.
    async fn note(&mut self, window: &str, mut document: Document) {
        let known = self.documents.get(window);
        if known.is_some_and(|known| known.origin == document.origin && known.ready == "complete") {
            return;
        }
        if known.is_none_or(|known| known.origin != document.origin) {
            self.navigations += 1;
            let params = self.navigation(window, &document.url);
            self.tell("browsingContext.navigationStarted", &params);
        }
        for _ in 0..MOST_LOOKS {
            if document.ready == "complete" {
                break;
            }
            tokio::time::sleep(LOOK).await;
            match self.document().await {
                Some(now) => document = now,
                None => break,
            }
        }
        let params = self.navigation(window, &document.url);
        if document.url.starts_with("chrome-error:") || document.url.starts_with("about:neterror") {
            let request = json!({ "request": format!("classic-{}", self.navigations), "url": document.url, "method": "GET" });
            let error = json!({
                "context": window, "navigation": params["navigation"], "request": request,
                "errorText": "net::ERR_FAILED",
            });
            self.tell("network.fetchError", &error);
            self.tell("browsingContext.navigationFailed", &params);
        } else {
            self.tell("browsingContext.domContentLoaded", &params);
            self.tell("browsingContext.load", &params);
        }
        self.documents.insert(window.to_owned(), document);
    }

    fn navigation(&self, window: &str, url: &str) -> Value {
        json!({ "context": window, "navigation": format!("classic-{}", self.navigations), "url": url })
    }

    async fn serve(&mut self, method: &str, params: &Value) -> Served {
        let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
        let context = text("context");
        match method {
            "session.subscribe"
            | "script.addPreloadScript"
            | "network.removeIntercept"
            | "network.removeDataCollector"
            | "emulation.setUserAgentOverride"
            | "emulation.setLocaleOverride"
            | "emulation.setTimezoneOverride"
            | "browsingContext.handleUserPrompt" => Ok(json!({})),
            "network.addIntercept" => Ok(json!({ "intercept": "" })),
            "browser.setDownloadBehavior" if params["downloadBehavior"]["type"] == "denied" => Ok(json!({})),
            "browser.createUserContext" if params["proxy"].is_null() => Ok(json!({ "userContext": CONTEXT })),
            "browsingContext.setViewport" => {
                let size = &params["viewport"];
                self.post("window/rect", json!({ "width": size["width"], "height": size["height"] })).await?;
                Ok(json!({}))
            }
            "browsingContext.create" => {
                let window = self.get("window").await?.as_str().unwrap_or_default().to_owned();
                self.created(&window, None);
                self.windows = vec![window.clone()];
                self.window = Some(window.clone());
                Ok(json!({ "context": window }))
            }
            "browsingContext.getTree" => {
                let handles = self.get("window/handles").await?;
                let pages = handles.as_array().into_iter().flatten().map(|page| json!({ "context": page }));
                Ok(json!({ "contexts": pages.collect::<Vec<_>>() }))
            }
            "browsingContext.activate" => self.turn_to(&context).await.map(|()| json!({})),
            "browsingContext.close" => {
                self.turn_to(&context).await?;
                self.send(Method::DELETE, "window", None).await?;
                self.window = None;
                Ok(json!({}))
            }
            "browsingContext.navigate" => self.navigate(&context, &text("url")).await,
            "browsingContext.captureScreenshot" => {
                self.turn_to(&context).await?;
                Ok(json!({ "data": self.get("screenshot").await? }))
            }
            "script.evaluate" => {
                let script = json!({ "script": format!("return ({});", text("expression")), "args": [] });
                let said = self.post("execute/sync", script).await?;
                Ok(json!({ "type": "success", "result": described(&said) }))
            }
            "script.callFunction" => self.call_function(&params["target"], params).await,
            "input.performActions" => {
                self.turn_to(&context).await?;
                self.post("actions", json!({ "actions": params["actions"] })).await?;
                self.dialog().await?;
                Ok(json!({}))
            }
            "input.setFiles" => {
                self.turn_to(&context).await?;
                let element = params["element"]["sharedId"].as_str().unwrap_or_default();
                let file = params["files"][0].as_str().unwrap_or_default();
                self.post(&format!("element/{element}/value"), json!({ "text": file })).await?;
                Ok(json!({}))
            }
            other => Err(refused("unsupported operation", format!("classic WebDriver has no {other}"))),
        }
    }

    async fn navigate(&mut self, window: &str, url: &str) -> Served {
        self.turn_to(window).await?;
        self.navigations += 1;
        let begun = self.navigation(window, url);
        self.tell("browsingContext.navigationStarted", &begun);
        if let Err(error) = self.post("url", json!({ "url": url })).await {
            self.tell("browsingContext.navigationFailed", &begun);
            // The browser's own error page is none that the page went on to.
            if let Some(page) = self.document().await {
                self.documents.insert(window.to_owned(), Document { ready: "complete".to_owned(), ..page });
            }
            return Err(error);
        }
        if let Some(document) = self.document().await {
            let ended = self.navigation(window, &document.url);
            self.documents.insert(window.to_owned(), Document { ready: "complete".to_owned(), ..document });
            self.tell("browsingContext.domContentLoaded", &ended);
            self.tell("browsingContext.load", &ended);
        }
        Ok(begun)
    }

    async fn call_function(&mut self, target: &Value, params: &Value) -> Served {
        let window = target["context"].as_str().unwrap_or_default().to_owned();
        self.turn_to(&window).await?;
        let function = params["functionDeclaration"].as_str().unwrap_or_default();
        let given: Vec<&Value> =
            params["arguments"].as_array().into_iter().flatten().map(|one| &one["value"]).collect();
        let script = json!({ "script": RUN.replace("FUNCTION", function), "args": given });
        let said = self.post("execute/async", script).await?;
        let Some([how, value, document @ ..]) = said.as_array().map(Vec::as_slice) else {
            return Err(refused("javascript error", "the page's answer cannot be read"));
        };
        if let Some(document) = Document::read(document) {
            self.note(&window, document).await;
        }
        Ok(if how == "ok" {
            json!({ "type": "success", "result": described(value) })
        } else {
            json!({ "type": "exception", "exceptionDetails": { "text": value } })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_described_as_bidi_does() {
        let said = json!(["a", { ELEMENT: "e1" }, null, 3]);
        let want = json!({ "type": "array", "value": [
            { "type": "string", "value": "a" }, { "type": "node", "sharedId": "e1" }, { "type": "null" },
            { "type": "number", "value": 3 },
        ] });
        assert_eq!(described(&said), want);
    }

    #[test]
    fn commands_go_to_the_session() {
        let base = Url::parse("http://grid-1:4444/wd/hub/").unwrap();
        let command = Classic { method: Method::GET, path: "window/handles".to_owned(), body: None };
        let url = command.endpoint(&base, Some("7")).unwrap();
        assert_eq!(url.as_str(), "http://grid-1:4444/wd/hub/session/7/window/handles");
    }
}
