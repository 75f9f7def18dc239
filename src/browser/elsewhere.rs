//! Files of a browser elsewhere: what is handed in is sent there first, what came is read there.
//!
//! Files are handed over in the way of Selenium (`POST …/se/file`), which chromedriver knows too.
//! Downloads are read by a page of the browser itself: it can read what a file field of its own
//! names, so that no far end needs a way of its own for that.
//!
//! Invariant: downloads lie in the browser's profile there, so that they go with the session.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde::Serialize;
use serde_json::json;
use url::{ParseError, Url};

use crate::clock::Deadline;
use crate::zip;

use super::bidi::command::{
    Activate, CallFunction, Close, Command, Evaluated, LocalValue, MadeContext, SerializationOptions,
    SetFiles, SharedReference, Target,
};
use super::bidi::{CallError, Wire};

/// The largest file that is sent to a browser elsewhere.
const LARGEST_UPLOAD: usize = 64 << 20;

/// The largest download that is read from there.
const LARGEST_DOWNLOAD: u64 = 64 << 20;

/// How much is read at once.
const SLICE: u64 = 2 << 20;

/// Why a file did not come over.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// It is not there, too large, or cannot be kept.
    #[error("{0}")]
    File(String),
    /// The browser there failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A file on its way to a far end.
#[derive(Debug)]
struct SendFile(String);

impl WebDriverCompatibleCommand for SendFile {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/file", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "file": self.0 }).to_string()))
    }
}

/// Sends a file there; the path that it has there.
pub async fn send(client: &fantoccini::Client, file: &Path, deadline: Deadline) -> Result<String, Lost> {
    let unread =
        |error: std::io::Error| Lost::File(format!("the file {} cannot be read: {error}", file.display()));
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    let content = read.map_err(|error| Lost::File(error.to_string()))?.map_err(unread)?;
    if content.len() > LARGEST_UPLOAD {
        return Err(Lost::File(format!(
            "the file {} has more than {} MB, too much for a browser elsewhere",
            file.display(),
            LARGEST_UPLOAD >> 20
        )));
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let archive = zip::archive(&[(&name, &content)]);
    let sent = deadline.limit(client.issue_cmd(SendFile(STANDARD.encode(archive)))).await;
    match sent {
        Ok(Ok(place)) => place
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Lost::File("the WebDriver does not say where it put the file".to_owned())),
        Ok(Err(error)) => Err(Lost::File(format!(
            "the WebDriver takes no files: {}",
            error.to_string().chars().take(200).collect::<String>()
        ))),
        Err(_) => Err(Lost::Call(CallError::Timeout("se/file"))),
    }
}

/// Opens a tab behind the others. It belongs to no journey.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBehind {
    #[serde(rename = "type")]
    kind: &'static str,
    user_context: &'static str,
    background: bool,
}

impl Command for CreateBehind {
    const METHOD: &'static str = "browsingContext.create";
    type Answer = MadeContext;
}

/// Reads a file of the machine that the browser is on. `page` is the one in front, now and afterwards.
pub async fn fetch(
    wire: &Wire,
    page: Option<&str>,
    path: &str,
    deadline: Deadline,
) -> Result<tempfile::NamedTempFile, Lost> {
    let create = CreateBehind { kind: "tab", user_context: "default", background: true };
    let reader = wire.call(&create, deadline).await?.context;
    let read = read_in(wire, &reader, path, deadline).await;
    let closed = wire.call(&Close { context: &reader }, deadline).await;
    if let Some(context) = page {
        // Some browsers bring every new tab to the front.
        wire.call(&Activate { context }, deadline).await?;
    }
    let file = read?;
    closed?;
    Ok(file)
}

async fn read_in(
    wire: &Wire,
    reader: &str,
    path: &str,
    deadline: Deadline,
) -> Result<tempfile::NamedTempFile, Lost> {
    let call = async |function: &str, from: &str| {
        let call = CallFunction {
            function_declaration: function,
            await_promise: true,
            target: Target { context: reader, sandbox: None },
            arguments: vec![LocalValue::String { value: from }],
            serialization_options: Some(SerializationOptions { max_dom_depth: 0, max_object_depth: 1 }),
        };
        match wire.call(&call, deadline).await? {
            Evaluated::Success { result } => Ok(result),
            Evaluated::Exception { details } => Err(Lost::File(details.text.to_string())),
        }
    };
    let field = call(FIELD, "").await?.shared_id.unwrap_or_default();
    let element = SharedReference { shared_id: &field };
    wire.call(&SetFiles { context: reader, element, files: [path] }, deadline).await?;
    let size = call(SIZE, "").await?.value;
    let size = size.as_u64().or_else(|| size.as_str()?.parse().ok()).unwrap_or(0);
    if size > LARGEST_DOWNLOAD {
        let most = LARGEST_DOWNLOAD >> 20;
        return Err(Lost::File(format!("it has {} MB, more than {most}", size >> 20)));
    }
    let kept = |error: std::io::Error| Lost::File(format!("there is no place for it: {error}"));
    let mut file = tempfile::NamedTempFile::new().map_err(kept)?;
    let mut from = 0;
    while from < size {
        let part = call(PART, &from.to_string()).await?.value;
        let bytes = STANDARD
            .decode(part.as_str().unwrap_or_default())
            .map_err(|error| Lost::File(error.to_string()))?;
        if bytes.is_empty() {
            return Err(Lost::File("it became shorter while it was read".to_owned()));
        }
        file.write_all(&bytes).map_err(kept)?;
        from += SLICE;
    }
    file.flush().map_err(kept)?;
    Ok(file)
}

const FIELD: &str = "() => {
  const field = document.createElement('input');
  field.type = 'file';
  document.documentElement.append(field);
  return field;
}";

const SIZE: &str = "() => String(document.querySelector('input').files[0].size)";

/// [`SLICE`] bytes from a place on, in base64.
const PART: &str = "(from) => new Promise((go, stop) => {
  const part = document.querySelector('input').files[0].slice(+from, +from + 2097152);
  const reader = new FileReader();
  reader.onload = () => go(reader.result.slice(reader.result.indexOf(',') + 1));
  reader.onerror = () => stop(reader.error);
  reader.readAsDataURL(part);
})";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_reads_as_much_as_we_count() {
        assert!(PART.contains(&SLICE.to_string()));
    }

    #[test]
    fn a_file_goes_to_its_session() {
        let base = Url::parse("http://grid-1:4444/wd/hub/").unwrap();
        let url = SendFile(String::new()).endpoint(&base, Some("7")).unwrap();
        assert_eq!(url.as_str(), "http://grid-1:4444/wd/hub/session/7/se/file");
    }
}
