//! A trial: a browser is started as for a live target, opens its empty page, and ends.
//!
//! Versions and files say nothing about sandboxes, limits and filters. When the browser ends at
//! once, it is started again without its driver, which keeps the browser's own words to itself.
//!
//! Invariant: nothing of the trial is left, and no address is visited.

use std::process::Stdio;
use std::time::Duration;

use crate::clock::{Deadline, Stopwatch};
use crate::domain::engine::Engine;
use crate::domain::language::Language;
use crate::domain::place::Place;
use crate::domain::scenario::Channel;

use super::find::{Doctor, Programs};
use super::pool::Pool;
use super::{BrowserError, Guard, JourneyOptions, Settings};

/// A cold disk needs a few seconds.
const TRIAL: Duration = Duration::from_secs(40);

/// Time for a browser that is asked for one empty page.
const WORDS: Duration = Duration::from_secs(20);

/// What a trial found.
#[derive(Debug)]
pub struct Trial {
    /// The browser's name and version.
    pub browser: String,
    /// How long it took until the first page was open.
    pub opened_in: Duration,
    /// What was wrong with a page of our own in it, as a sentence.
    pub own_page: Option<String>,
}

/// Starts a browser as for a live target.
pub async fn trial(settings: &Settings) -> Result<Trial, BrowserError> {
    let pool = Pool::new(Settings { sessions: 1, ..settings.clone() });
    let options = JourneyOptions {
        engine: Engine::Chromium,
        channel: Channel::Desktop,
        language: Language::English,
        timezone: "UTC".to_owned(),
        place: Place::default(),
        origin: String::new(),
        screen: None,
        user_agent: String::new(),
        guard: Guard { live: true, allow: Vec::new(), loopback: false, hosts: Vec::new() },
        slow: Duration::ZERO,
    };
    let watch = Stopwatch::start();
    let opened = pool.open(options.clone(), Deadline::after(TRIAL)).await;
    let result = match opened {
        Ok(journey) => {
            let (browser, opened_in) = (journey.browser().to_owned(), watch.elapsed());
            journey.close().await;
            let own_page = match pool.see_own_page(&options, Deadline::after(TRIAL)).await {
                Ok(seen) => seen.fault,
                Err(error) => Some(format!("Our own page was not reached: {error}.")),
            };
            Ok(Trial { browser, opened_in, own_page })
        }
        Err(error) if settings.remote.is_empty() => match Doctor::examine(settings).await.programs() {
            Ok(programs) => Err(last_words(settings, &programs).await.unwrap_or(error)),
            Err(missing) => Err(missing),
        },
        Err(error) => Err(error),
    };
    pool.close().await;
    result
}

/// What the browser says when it is started alone and fails; nothing when it does not fail.
async fn last_words(settings: &Settings, programs: &Programs) -> Option<BrowserError> {
    let folder = tempfile::Builder::new().prefix("shopper-trial-").tempdir_in(&settings.temp).ok()?;
    let mut command = tokio::process::Command::new(&programs.chromium);
    command
        .args(["--headless=new", "--disable-gpu", "--no-first-run", "--disable-breakpad", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .env("HOME", folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if rustix::process::geteuid().is_root() {
        command.arg("--no-sandbox");
    }
    let output = Deadline::after(WORDS).limit(command.arg("about:blank").output()).await;
    let said = match output {
        Ok(Ok(output)) if output.status.success() => return None,
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => return None,
    };
    let reason = telling(&said);
    let hint = if reason.contains("sandbox") || reason.contains("namespace") {
        "its sandbox needs user namespaces, docs/install.md says how they are allowed"
    } else {
        "docs/install.md says what a browser needs"
    };
    Some(BrowserError::WontStart { reason, hint })
}

/// The line that tells most: the first fatal one, else the last error, else the last of all.
/// `[4711:4711:1125/034455.1:FATAL:zygote_host.cc(128)] No usable sandbox!` without its head.
fn telling(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .find(|line| line.contains(":FATAL:"))
        .or_else(|| lines().rfind(|line| line.contains(":ERROR:")))
        .or_else(|| lines().next_back())
        .unwrap_or("it ended without a word");
    let text = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, text)| text);
    text.chars().take(300).collect::<String>().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most_is_shown() {
        let fatal = "[1:1:1125/034455.1:ERROR:bus.cc(407)] no bus\n\
                     [1:1:1125/034455.1:FATAL:zygote_host.cc(128)] No usable sandbox! Update your kernel.\n#0 0x55";
        let cases = [
            (fatal, "No usable sandbox! Update your kernel"),
            ("[1:1:1/1.1:ERROR:a.cc(1)] first\n[1:1:1/1.1:ERROR:b.cc(1)] second\nbye", "second"),
            (
                "chromium: error while loading shared libraries: libnss3.so",
                "chromium: error while loading shared libraries: libnss3.so",
            ),
            ("\n \n", "it ended without a word"),
        ];
        for (said, want) in cases {
            assert_eq!(telling(said), want, "{said}");
        }
    }
}
