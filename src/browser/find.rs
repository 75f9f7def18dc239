//! Finding the programs and fonts that a browser needs, and saying what is missing. Whether they
//! work together is the trial's business.
//!
//! Invariant: nothing is started here but `--version` and `fc-list`, each under a deadline.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{Clock, Deadline};
use crate::http;

use super::{BrowserError, Settings};

/// Debian's wrapper in `/usr/bin` adds flags of its own, so the program itself comes first.
const CHROMIUM: &[&str] = &[
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

const CHROMEDRIVER: &[&str] =
    &["/usr/bin/chromedriver", "/usr/lib/chromium-browser/chromedriver", "/usr/local/bin/chromedriver"];

const INSTALL: &str = "install it with `apt install chromium chromium-driver`, or name it under [browser]";

/// The programs that were found, with their versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The browser.
    pub chromium: PathBuf,
    /// Its version, such as `156.0.8078.79`.
    pub chromium_version: String,
    /// The driver.
    pub chromedriver: PathBuf,
    /// Its version.
    pub chromedriver_version: String,
}

/// What `shopper doctor` wants to know about browsers.
#[derive(Debug)]
pub struct Doctor {
    /// The browser and its version, or why there is none.
    pub chromium: Result<(PathBuf, String), BrowserError>,
    /// The driver and its version, or why there is none.
    pub chromedriver: Result<(PathBuf, String), BrowserError>,
    /// Set when the two do not fit together.
    pub mismatch: Option<BrowserError>,
    /// Fonts with Chinese characters; empty when there are none, absent when `fc-list` cannot
    /// be asked.
    pub chinese_fonts: Option<Vec<String>>,
}

impl Doctor {
    /// Looks at this machine. Takes well under a second.
    pub async fn examine(settings: &Settings) -> Self {
        let wanted = |name, usual| Wanted { name, known_by: "Chrom", usual, install: INSTALL };
        let (chromium, chromedriver, chinese_fonts) = tokio::join!(
            program(wanted("Chromium", CHROMIUM), settings.chromium.as_deref()),
            program(wanted("chromedriver", CHROMEDRIVER), settings.chromedriver.as_deref()),
            fonts(),
        );
        let mismatch = match (&chromium, &chromedriver) {
            (Ok((_, browser)), Ok((_, driver))) => mismatch(browser, driver),
            _ => None,
        };
        Self { chromium, chromedriver, mismatch, chinese_fonts }
    }

    /// The programs, when they can be used.
    pub fn programs(self) -> Result<Programs, BrowserError> {
        let (chromium, chromium_version) = self.chromium?;
        let (chromedriver, chromedriver_version) = self.chromedriver?;
        match self.mismatch {
            Some(fault) => Err(fault),
            None => Ok(Programs { chromium, chromium_version, chromedriver, chromedriver_version }),
        }
    }

    /// Whether pages in Chinese would be drawn as empty boxes.
    pub fn lacks_chinese_fonts(&self) -> bool {
        self.chinese_fonts.as_ref().is_some_and(Vec::is_empty)
    }
}

/// The fault when major versions differ.
fn mismatch(browser: &str, driver: &str) -> Option<BrowserError> {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    (major(browser) != major(driver))
        .then(|| BrowserError::VersionMismatch { driver: driver.to_owned(), browser: browser.to_owned() })
}

/// A program that is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Its name, for people.
    pub name: &'static str,
    /// A word that it says beside its version: many programs know a version.
    pub known_by: &'static str,
    /// Where it usually is; the PATH and cargo's folder are looked through after these.
    pub usual: &'static [&'static str],
    /// What to do when it is not there.
    pub install: &'static str,
}

/// Finds a program and asks it for its version.
pub(super) async fn program(wanted: Wanted, given: Option<&Path>) -> Result<(PathBuf, String), BrowserError> {
    let Wanted { name, known_by, usual, install } = wanted;
    let missing = |reason: String, hint: &str| BrowserError::Missing {
        program: name.to_owned(),
        reason,
        hint: hint.to_owned(),
    };
    let path = match given {
        Some(path) => path.to_owned(),
        None => usual
            .iter()
            .map(PathBuf::from)
            .chain(on_path(name))
            .find(|path| path.is_file())
            .ok_or_else(|| missing("it is not installed".to_owned(), install))?,
    };
    let said = output(tokio::process::Command::new(&path).arg("--version"))
        .await
        .map_err(|reason| missing(format!("{}: {reason}", path.display()), install))?;
    match version_in(&said).filter(|_| said.contains(known_by)) {
        Some(version) => Ok((path, version)),
        None => Err(missing(
            format!("{} does not say which version of {name} it is", path.display()),
            "name the right program under [browser]",
        )),
    }
}

/// Where programs of this name could be: along the PATH, and where `cargo install` puts them.
fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let folders = std::env::split_paths(&path).chain(cargo.map(|cargo| cargo.join("bin")));
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).collect()
}

/// The first word of the form `digits.digits…`.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.trim_end_matches("esr"))
        .find(|word| {
            word.contains('.')
                && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && word.starts_with(|c: char| c.is_ascii_digit())
        })
        .map(str::to_owned)
}

async fn fonts() -> Option<Vec<String>> {
    let said = output(tokio::process::Command::new("fc-list").args([":lang=zh", "family"])).await.ok()?;
    let mut families: Vec<String> =
        said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    families.sort();
    families.dedup();
    families.truncate(20);
    Some(families)
}

async fn output(command: &mut tokio::process::Command) -> Result<String, String> {
    let running = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output();
    match Deadline::after(Duration::from_secs(15)).limit(running).await {
        Err(_) => Err("it did not answer within 15 s".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(output)) if !output.status.success() => Err(format!("it ended with {}", output.status)),
        Ok(Ok(output)) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}

/// Asks a remote WebDriver end point whether it takes sessions: what it says of itself.
pub async fn ask_remote(end_point: &url::Url) -> Result<String, BrowserError> {
    let status = remote_status(end_point, Deadline::after(Duration::from_secs(10))).await?;
    let message = status["message"].as_str().unwrap_or("ready").to_owned();
    if status["ready"].as_bool() == Some(false) {
        Err(BrowserError::Command { command: "status".to_owned(), reason: message })
    } else {
        Ok(message)
    }
}

/// What a remote WebDriver end point says of itself.
pub(super) async fn remote_status(
    end_point: &url::Url,
    deadline: Deadline,
) -> Result<serde_json::Value, BrowserError> {
    let refused = |reason: String| BrowserError::Command { command: "status".to_owned(), reason };
    let mut url = end_point.clone();
    url.set_path(&format!("{}/status", url.path().trim_end_matches('/')));
    let settings = http::Settings::new(http::user_agent(None), http::address::Reach::Local);
    let client = http::Client::new(&settings, Clock::system()).map_err(|error| refused(error.to_string()))?;
    let request = http::Get { url, max_body: 1 << 20, fresh: true, head: false };
    let answer = client.get(&request, deadline).await;
    if let Some(transport) = answer.transport {
        return Err(refused(transport.detail));
    }
    let mut status: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|_| refused("it is no WebDriver end point".to_owned()))?;
    Ok(status["value"].take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_their_major_number() {
        let cases = [
            ("Chromium 156.0.8078.79 built on Debian", Some("156.0.8078.79")),
            ("ChromeDriver 156.0.8078.79 (a21ce95c)", Some("156.0.8078.79")),
            ("Mozilla Firefox 153.7.0esr", Some("153.7.0")),
            ("GNU true", None),
            ("", None),
        ];
        for (said, want) in cases {
            assert_eq!(version_in(said).as_deref(), want, "{said}");
        }
        assert!(mismatch("156.0.1", "156.9.9").is_none());
        let fault = mismatch("156.0.1", "155.0.7").unwrap().to_string();
        assert!(fault.contains("156.0.1") && fault.contains("155.0.7"), "{fault}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_one_is_said_to_be_missing() {
        let wanted = Wanted { name: "Chromium", known_by: "Chrom", usual: CHROMIUM, install: INSTALL };
        for bad in ["/nonexistent/chromium", "/bin/false", "/bin/cat", "/etc/passwd"] {
            let fault = program(wanted, Some(Path::new(bad))).await.unwrap_err();
            assert!(
                matches!(&fault, BrowserError::Missing { program, .. } if program == "Chromium"),
                "{bad}"
            );
        }
    }
}
