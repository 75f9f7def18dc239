//! Printing: a page of our own as PDF, by the browser that walks portals.
//!
//! Invariant: the browser reaches no address at all while it prints, whatever stands on the page; it is
//! started for this one page, and is gone with all its files when the PDF is there.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Deadline;

use super::bidi::command::{GetTree, Navigate, Print};
use super::find::Doctor;
use super::memory;
use super::session::{Browser, fault};
use super::{BrowserError, Settings};

/// Prints a page that needs nothing from elsewhere. Its own style says how large a sheet is and where the
/// page numbers stand (`@page`). Always a browser of this machine: one elsewhere could not open the page.
pub async fn print(settings: &Settings, html: &str, deadline: Deadline) -> Result<Vec<u8>, BrowserError> {
    let settings = Settings { sessions: 1, remote: Vec::new(), headed: false, ..settings.clone() };
    let programs = Doctor::examine(&settings).await.programs()?;
    memory::wait_for_room(Path::new("/"), &AtomicBool::new(false), deadline).await?;
    let browser = Browser::start_apart(&settings, &programs, deadline).await?;
    let printed = print_in(&browser, html, deadline).await;
    browser.end(printed.is_ok()).await;
    printed
}

async fn print_in(browser: &Browser, html: &str, deadline: Deadline) -> Result<Vec<u8>, BrowserError> {
    let refused = |reason: String| BrowserError::Command { command: "print".to_owned(), reason };
    // Removed with the browser's folder.
    let file = browser.folder().join("page.html");
    tokio::fs::write(&file, html).await.map_err(|error| refused(error.to_string()))?;
    let url = url::Url::from_file_path(&file)
        .map_err(|()| refused(format!("{} is no absolute path", file.display())))?;
    let wire = browser.wire();
    let ready = async {
        let tree = wire.call(&GetTree { max_depth: 0 }, deadline).await?;
        let context = tree.contexts.first().map(|entry| entry.context.clone()).unwrap_or_default();
        let navigate = Navigate { context: &context, url: url.as_str(), wait: "complete" };
        wire.call(&navigate, deadline).await?;
        wire.call(&Print { context: &context, background: true, shrink_to_fit: false }, deadline).await
    };
    let printed = ready.await.map_err(|error| fault(wire, error))?;
    STANDARD.decode(&printed.data).map_err(|error| refused(format!("the PDF is not base64: {error}")))
}
