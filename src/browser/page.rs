//! Asking a page: one call that finds an element, judges whether it can be used, and acts.
//!
//! Invariant: the script runs in a sandbox of its own, so that a page cannot change what it does.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Deadline;
use crate::domain::locator::{Link, Locator, MatchOp, TextMatch};
use crate::domain::observation::{Area, Vitals};

use super::bidi::command::{CallFunction, Evaluated, LocalValue, RemoteValue, SerializationOptions, Target};
use super::bidi::{CallError, Wire};

/// The world in which our script runs, apart from the page's.
pub const SANDBOX: &str = "mystery-shopper";

/// What the browser runs in every new document of a journey, in our sandbox: 30 KB that need not
/// be sent again with each call.
pub const PRELOAD: &str = concat!(
    "() => { if (self === top) {\n",
    include_str!("inject/vitals.js"),
    "}\n",
    include_str!("inject/rest.js"),
    "globalThis.shopper = async (request) => {\n",
    include_str!("inject/find.js"),
    include_str!("inject/ready.js"),
    include_str!("inject/veil.js"),
    include_str!("inject/gate.js"),
    include_str!("inject/read.js"),
    include_str!("inject/snapshot.js"),
    include_str!("inject/sight.js"),
    include_str!("inject/act.js"),
    "}; }"
);

/// Runs what is there already; answers nothing when it is not.
const CALL: &str = "async (request) => globalThis.shopper ? globalThis.shopper(request) : ''";

/// What the page answered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// `ok`, or the state in which the element is.
    pub state: String,
    /// More about the state.
    pub note: String,
    /// The point to click.
    pub x: f64,
    /// The point to click.
    pub y: f64,
    /// A text that was asked for.
    pub text: String,
    /// The address of the document.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Names of fields.
    pub names: Vec<String>,
    /// How the page loaded, by its own clock.
    pub vitals: Option<PageClock>,
    /// Where something stands on the screen.
    pub area: Option<Area>,
    /// How many elements fit.
    pub count: usize,
    /// The first of them, described.
    pub elements: Vec<String>,
    /// The element's handle, for `input.setFiles`.
    #[serde(skip)]
    pub shared_id: Option<String>,
    /// The frame's context.
    #[serde(skip)]
    pub context: Option<String>,
    /// The contexts of all windows that came along, in order.
    #[serde(skip)]
    pub windows: Vec<Option<String>>,
}

/// How a page loaded, and when its clock said so.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PageClock {
    /// The page's clock when it answered.
    pub now: f64,
    /// Long tasks: when each began by that clock, and how long it took.
    pub long: Vec<(f64, f64)>,
    /// What is kept.
    #[serde(flatten)]
    pub vitals: Vitals,
}

impl Said {
    /// Whether it worked.
    pub fn ok(&self) -> bool {
        self.state == "ok"
    }

    /// The state in words for people.
    pub fn words(&self) -> String {
        let note = &self.note;
        match self.state.as_str() {
            "none" => "no element".to_owned(),
            "hidden" => format!("hidden: {note}"),
            "visible" => format!("visible: {note}"),
            "covered" => format!("covered by {note}"),
            "moving" => format!("still moving: {note}"),
            "outside" => format!("outside the window: {note}"),
            "disabled" => format!("disabled: {note}"),
            "read-only" => format!("read-only: {note}"),
            "no field" => format!("not a field of the kind that is needed: {note}"),
            "no frame" => format!("not a frame: {note}"),
            "no option" => format!("no such option; it has: {note}"),
            "no attribute" => format!("without this attribute: {note}"),
            "not taken" => format!("the field did not take the value: {note}"),
            "not changed" => "it did not change when clicked".to_owned(),
            "count" => format!("{note} elements"),
            "value" => format!("the value `{note}`"),
            "text" => format!("the text is there: {note}"),
            "no text" => format!("other text: {note}"),
            "title" => format!("the title `{note}`"),
            "url" => format!("the address {note}"),
            "many" => format!("{} elements", self.count),
            other if note.is_empty() => other.to_owned(),
            other => format!("{other}: {note}"),
        }
    }
}

/// Asks the page in a window or frame.
pub async fn ask(wire: &Wire, context: &str, ask: &Value, deadline: Deadline) -> Result<Said, CallError> {
    let ask = ask.to_string();
    let call = async |function: &str| {
        let command = CallFunction {
            function_declaration: function,
            await_promise: true,
            target: Target { context, sandbox: Some(SANDBOX) },
            arguments: vec![LocalValue::String { value: &ask }],
            serialization_options: Some(SerializationOptions { max_dom_depth: 0, max_object_depth: 1 }),
        };
        match wire.call(&command, deadline).await? {
            Evaluated::Success { result } => Ok(result),
            Evaluated::Exception { details } => Err(fault(&details.text)),
        }
    };
    let mut value = call(CALL).await?;
    if value.value == "" {
        // A document that was there before the preload script, such as the first empty one.
        value = call(&format!("async (request) => {{ ({PRELOAD})(); return globalThis.shopper(request); }}"))
            .await?;
    }
    // A text alone, or a text with elements or windows beside it.
    let (text, handles) = match value.value {
        Value::Array(all) => {
            let mut all = all.into_iter().map(|entry| serde_json::from_value(entry).unwrap_or_default());
            let first: RemoteValue = all.next().unwrap_or_default();
            (first.value, all.collect())
        }
        other => (other, Vec::new()),
    };
    let said = text.as_str().and_then(|text| serde_json::from_str::<Said>(text).ok());
    let mut said = said.ok_or_else(|| fault("the page's answer cannot be read"))?;
    said.windows = handles.iter().map(|handle| handle.value["context"].as_str().map(str::to_owned)).collect();
    said.context = said.windows.first().cloned().flatten();
    said.shared_id = handles.into_iter().next().and_then(|handle| handle.shared_id);
    Ok(said)
}

fn fault(message: &str) -> CallError {
    CallError::Refused { code: "javascript error".to_owned(), message: message.to_owned() }
}

/// A comparison as the script reads it.
pub fn text_match(text: &TextMatch) -> Value {
    let op = match text.op {
        MatchOp::Exact => "exact",
        MatchOp::Contains => "contains",
        MatchOp::Prefix => "prefix",
        MatchOp::Suffix => "suffix",
        MatchOp::Regex => "regex",
    };
    json!({ "op": op, "value": text.value.text() })
}

/// A locator as the script reads it.
pub fn locator(locator: &Locator) -> Value {
    let link = |link: &Link| match link {
        Link::Role { role, name, states } => json!({
            "by": "role", "role": role, "name": name.as_ref().map(text_match), "states": states,
        }),
        Link::Text(text) => json!({ "by": "text", "text": text_match(text) }),
        Link::Label(text) => json!({ "by": "label", "text": text_match(text) }),
        Link::Placeholder(text) => json!({ "by": "placeholder", "text": text_match(text) }),
        Link::Alt(text) => json!({ "by": "alt", "text": text_match(text) }),
        Link::Title(text) => json!({ "by": "title", "text": text_match(text) }),
        Link::TestId(text) => json!({ "by": "testid", "text": text.text() }),
        Link::Css(text) => json!({ "by": "css", "text": text.text() }),
        Link::XPath(text) => json!({ "by": "xpath", "text": text.text() }),
        Link::Nth(n) => json!({ "by": "nth", "n": n }),
    };
    locator.alternatives.iter().map(|chain| chain.links.iter().map(link).collect::<Value>()).collect()
}
