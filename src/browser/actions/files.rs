//! Files: uploads, downloads, and what a file proves to be by its first bytes.
//!
//! Invariant: downloads are kept only while an action waits for one, in the browser's own folder,
//! and are gone with it.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::browser::bidi::command::{
    Close, DownloadBehavior, SetDownloadBehavior, SetFiles, SharedReference,
};
use crate::browser::elsewhere::{self, Lost};
use crate::browser::events::Download;
use crate::browser::journey::Journey;
use crate::browser::{BrowserError, StepError, Wait, page};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::engine::Engine;
use crate::domain::locator::Locator;
use crate::domain::observation::DownloadFact;
use crate::domain::scenario::FileExpectation;
use crate::filetype::{kind_of, opens, same_kind};

/// Larger files are not read to their end.
const LARGEST: u64 = 512 << 20;

/// Puts a file into a file field.
pub async fn upload(
    journey: &mut Journey,
    field: &Locator,
    file: &Path,
    deadline: Deadline,
) -> Result<(), StepError> {
    let path = std::fs::canonicalize(file)
        .map_err(|error| StepError::File(format!("the file {} cannot be read: {error}", file.display())))?;
    let means = page::locator(field);
    let said = journey
        .look(|_| json!({ "do": "file", "locator": means }), &field.to_string(), deadline, false)
        .await?;
    let here = journey.here()?;
    let mark = journey.mark();
    let field = said.shared_id.unwrap_or_default();
    let path = match journey.seat_browser() {
        Some(browser) => browser.hand_over(&path, deadline).await,
        None => return Ok(()),
    };
    let path = match path {
        Ok(path) => path,
        Err(lost) => return Err(told(journey, lost).await),
    };
    let set = SetFiles { context: &here, element: SharedReference { shared_id: &field }, files: [&path] };
    journey.call(&set, deadline).await?;
    // Many fields send the file away at once.
    journey.follow(mark, deadline).await.map(|_| ())
}

/// What a file that did not come over means for the step.
async fn told(journey: &Journey, lost: Lost) -> StepError {
    match lost {
        Lost::File(why) => StepError::File(why),
        Lost::Call(error) => journey.judge(error).await,
    }
}

/// Clicks and waits for the file.
pub async fn download(
    journey: &mut Journey,
    link: &Locator,
    expect: &FileExpectation,
    deadline: Deadline,
) -> Result<(), StepError> {
    let Some(browser) = journey.seat_browser() else {
        return Ok(());
    };
    if browser.classic {
        let reason = "its WebDriver has no BiDi, which alone tells of downloads".to_owned();
        return Err(BrowserError::Command { command: "download".to_owned(), reason }.into());
    }
    let Some(place) = browser.downloads() else {
        return Err(StepError::File("the WebDriver does not say where its browser keeps files".to_owned()));
    };
    let folder = if browser.is_local() {
        let folder = tempfile::Builder::new().prefix("download-").tempdir_in(&place);
        Some(
            folder
                .map_err(|error| StepError::File(format!("there is no place for the download: {error}")))?,
        )
    } else {
        None
    };
    let place = folder.as_ref().map_or(place, |folder| folder.path().to_string_lossy().into_owned());
    let user_context = journey.user_context().to_owned();
    let behaviour =
        |download_behavior| SetDownloadBehavior { download_behavior, user_contexts: [&user_context] };
    let allow = behaviour(DownloadBehavior::Allowed { destination_folder: &place });
    journey.call(&allow, deadline).await?;
    journey.see(|state| state.expecting_file = true);
    let result = fetch(journey, link, expect, deadline).await;
    journey.see(|state| state.expecting_file = false);
    let deny = behaviour(DownloadBehavior::Denied);
    let denied = journey.call(&deny, deadline.max(Deadline::after(RESET))).await;
    result?;
    denied.map(|_| ())
}

/// Time to forbid downloads again, even when the step's own time is up.
const RESET: std::time::Duration = std::time::Duration::from_secs(1);

/// How long Firefox may take to show a document that it has kept.
const SHOWN: std::time::Duration = std::time::Duration::from_secs(1);

async fn fetch(
    journey: &mut Journey,
    link: &Locator,
    expect: &FileExpectation,
    deadline: Deadline,
) -> Result<(), StepError> {
    let watch = Stopwatch::start();
    let before = journey.see(|state| state.facts.downloads.len()).unwrap_or(0);
    let shown = journey.see(|state| state.shown_files).unwrap_or(0);
    let page = journey.current();
    let clicked = super::pointer::click(journey, link, deadline).await;
    let Some(tracker) = journey.tracker() else {
        return Ok(());
    };
    // A click that led to an error is told as such, unless a file came all the same.
    if let Err(error) = clicked
        && journey.see(|state| state.facts.downloads.len() > before) != Some(true)
    {
        return Err(error);
    }
    let since = journey.see(|state| state.traffic.now()).unwrap_or_default();
    let ended: Option<Download> = tracker
        .wait(deadline, |state| {
            let mut new = state.facts.downloads.iter().skip(before);
            new.find(|download| download.complete.is_some()).cloned()
        })
        .await;
    journey.see(|state| state.waited(since, None));
    let unmet = |last_seen: String| {
        StepError::Unmet(Wait { what: format!("download {link}"), waited: watch.elapsed(), last_seen })
    };
    let Some(download) = ended else {
        let begun = journey.see(|state| state.facts.downloads.get(before).map(|d| d.name.clone())).flatten();
        return Err(match begun {
            Some(name) => {
                journey.odd("a download did not end");
                unmet(format!("the file {name} was still coming"))
            }
            None => unmet("no file came".to_owned()),
        });
    };
    let path = Path::new(&download.name);
    if journey.options.engine == Engine::Firefox
        && path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("pdf"))
    {
        // It shows what it has kept, in a window that is closed at once; afterwards the page is in
        // front again.
        let soon = deadline.tightened(SHOWN);
        tracker.wait(soon, |state| (state.shown_files > shown).then_some(())).await;
    }
    leave_empty_page(journey, page, deadline).await?;
    let path = download.path.clone().filter(|_| download.complete == Some(true));
    let Some(path) = path else {
        return Err(unmet(format!("the file {} broke off", download.name)));
    };
    let fetched = match journey.seat_browser() {
        Some(browser) if !browser.is_local() => {
            let page = journey.current();
            match elsewhere::fetch(browser.wire(), page.as_deref(), &path, deadline).await {
                Ok(file) => Some(file),
                Err(Lost::File(why)) => {
                    return Err(StepError::File(format!("the download cannot be read: {why}")));
                }
                Err(lost @ Lost::Call(_)) => return Err(told(journey, lost).await),
            }
        }
        _ => None,
    };
    let path = fetched.as_ref().map_or_else(|| PathBuf::from(path), |file| file.path().to_owned());
    let examined = tokio::task::spawn_blocking(move || examine(&path)).await;
    let proof = match examined {
        Ok(Ok(proof)) => proof,
        Ok(Err(error)) => return Err(StepError::File(format!("the download cannot be read: {error}"))),
        Err(error) => return Err(StepError::File(format!("the download cannot be read: {error}"))),
    };
    let fact = DownloadFact {
        name: download.name,
        url: download.url,
        size: proof.size,
        kind: proof.kind.to_owned(),
        opens: proof.opens,
        sha256: proof.sha256,
    };
    let fault = mismatch(&fact, expect);
    journey.see(|state| state.facts.files.push(fact));
    match fault {
        None => Ok(()),
        Some(fault) => Err(StepError::File(fault)),
    }
}

/// A file that came in a window of its own leaves an empty one; the journey goes on where it was.
async fn leave_empty_page(
    journey: &mut Journey,
    before: Option<String>,
    deadline: Deadline,
) -> Result<(), StepError> {
    let (Some(before), Some(now)) = (before, journey.current()) else {
        return Ok(());
    };
    let empty = journey.see(|state| {
        state.pages.contains(&before)
            && state.page().is_some_and(|page| page.url.is_empty() || page.url == "about:blank")
    });
    if before == now || empty != Some(true) {
        return Ok(());
    }
    journey.call(&Close { context: &now }, deadline).await?;
    journey.go_to_page(&before, deadline).await
}

/// Whether the step downloaded a file that fits.
pub async fn downloaded(
    journey: &mut Journey,
    expect: &FileExpectation,
    deadline: Deadline,
) -> Result<(), StepError> {
    journey.settle(deadline).await?;
    let files = journey.see(|state| state.facts.files.clone()).unwrap_or_default();
    let faults: Option<Vec<String>> = files.iter().map(|file| mismatch(file, expect)).collect();
    match faults {
        // One of them has no fault.
        None => Ok(()),
        Some(faults) => Err(StepError::Unmet(Wait {
            what: "downloaded".to_owned(),
            waited: std::time::Duration::ZERO,
            last_seen: faults.into_iter().next().unwrap_or_else(|| "no file was downloaded".to_owned()),
        })),
    }
}

/// In what a file is not as expected.
fn mismatch(file: &DownloadFact, expect: &FileExpectation) -> Option<String> {
    let name = &file.name;
    if let Some(kind) = &expect.kind
        && !same_kind(kind, &file.kind)
    {
        return Some(format!("the file {name} is not {kind} but {}", file.kind));
    }
    if let Some(least) = expect.min_size
        && file.size < least
    {
        return Some(format!("the file {name} has {} bytes, fewer than {least}", file.size));
    }
    (expect.opens && !file.opens).then(|| format!("the file {name} does not open"))
}

/// What a file proves to be.
#[derive(Debug, PartialEq, Eq)]
struct Proof {
    size: u64,
    kind: &'static str,
    opens: bool,
    sha256: String,
}

fn examine(path: &Path) -> std::io::Result<Proof> {
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut limited = (&mut file).take(LARGEST);
    loop {
        let n = limited.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    let mut head = vec![0; usize::try_from(size.min(64 << 10)).unwrap_or(0)];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    let mut tail = vec![0; usize::try_from(size.min(64 << 10)).unwrap_or(0)];
    file.seek(SeekFrom::Start(size.saturating_sub(64 << 10)))?;
    file.read_exact(&mut tail)?;
    let kind = kind_of(&head, &tail);
    Ok(Proof { size, kind, opens: opens(kind, &head, &tail), sha256: hex::encode(hash.finalize()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_as_expected_is_said_to_be_so() {
        let file = DownloadFact {
            name: "a.doc".to_owned(),
            url: String::new(),
            size: 100,
            kind: "html".to_owned(),
            opens: true,
            sha256: String::new(),
        };
        let expect = FileExpectation { kind: Some("pdf".to_owned()), ..FileExpectation::default() };
        assert_eq!(mismatch(&file, &expect).as_deref(), Some("the file a.doc is not pdf but html"));
        let expect = FileExpectation { min_size: Some(101), ..FileExpectation::default() };
        assert!(mismatch(&file, &expect).is_some());
        let pdf = DownloadFact { kind: "docx".to_owned(), ..file };
        let expect = FileExpectation { kind: Some("zip".to_owned()), min_size: Some(100), opens: true };
        assert_eq!(mismatch(&pdf, &expect), None);
    }
}
