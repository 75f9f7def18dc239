//! Looking at a page for its own sake: until when it is waited for, and what stands there then.
//!
//! Invariant: nothing is done on the page. What it goes on to do by itself (a firewall's script that
//! sets a cookie and reloads, an application that fetches its data) is waited for, within limits.

use std::time::Duration;

use serde_json::json;

use crate::browser::page::Said;
use crate::browser::{BrowserError, StepError};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::observation::RequestKind;

use super::{Journey, fair};

/// A page whose words and links have not changed for this long stands still.
const STILL: Duration = Duration::from_millis(500);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A page that does not come to rest (a ticker, a map) is read as it is so long after its navigation.
const RESTLESS: Duration = Duration::from_secs(10);

/// How long a page that keeps visitors out may take until its script goes on. The slowest that are known
/// count down five seconds.
const CHALLENGE: Duration = Duration::from_secs(8);

/// The same for a page with so many words that it is hardly a challenge.
const WORDY: Duration = Duration::from_secs(2);

/// How long a page of scripts may stand there without a word.
const BLANK: Duration = Duration::from_secs(3);

/// A page that goes on by itself more often than this goes in circles.
const MOST_TURNS: u32 = 6;

/// An open request that is older than this is one that waits for news, in milliseconds.
const NEWS: f64 = 5_000.0;

/// The most of a document that is read, in UTF-16 units.
const MOST_HTML: usize = 4_000_000;

/// A page as it stands. Nothing in it is masked: it is for reading, not for keeping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The visible text of the page and its frames, at most 200,000 characters.
    pub text: String,
    /// The document, with what open shadow trees hold inside their hosts; at most 4,000,000
    /// UTF-16 units.
    pub html: String,
    /// Marks of bot checks and login forms, by their names in `inject/read.js`.
    pub challenges: Vec<String>,
}

impl Journey {
    /// Waits until the page stands still: no navigation and none of its requests is under way, its
    /// words and links stay the same, and nothing says that it will go on by itself. A page that
    /// never rests is left to it when it had its time, at the latest at `deadline`.
    ///
    /// # Errors
    /// A navigation that came to nothing, a page that does not answer, or a browser that failed.
    pub async fn stand_still(&mut self, deadline: Deadline) -> Result<(), StepError> {
        let mut turn = Stopwatch::start();
        let mut turns = 0;
        let mut number = self.turn_number();
        let mut last: Option<(String, Stopwatch)> = None;
        while !deadline.passed() {
            self.settle(deadline).await?;
            if number != self.turn_number() {
                (number, turn, last) = (self.turn_number(), Stopwatch::start(), None);
                turns += 1;
            }
            let here = self.here()?;
            match self.ask(&here, &json!({ "do": "standing" }), fair(deadline)).await {
                Ok(said) => {
                    let same = last.as_ref().filter(|(known, _)| *known == said.note);
                    let same = same.map(|(_, since)| *since);
                    let since = same.unwrap_or_else(Stopwatch::start);
                    let patience = self.expects(&said);
                    last = Some((said.note, since));
                    let rests = since.elapsed() >= STILL && !self.fetches() && turn.elapsed() >= patience;
                    if rests || turn.elapsed() >= RESTLESS || turns >= MOST_TURNS {
                        return Ok(());
                    }
                }
                // It is on its way again.
                Err(error) if error.page_went_away() => last = None,
                Err(error) => return Err(self.judge(error).await),
            }
            let _ = deadline.limit(tokio::time::sleep(LOOK)).await;
        }
        Ok(())
    }

    /// What stands there now.
    pub async fn standing(&mut self, deadline: Deadline) -> Result<Standing, BrowserError> {
        let (text, challenges) = self.text_of("read_all", deadline).await?;
        let page = self.current().ok_or_else(|| BrowserError::Died("every page is closed".to_owned()))?;
        let ask = json!({ "do": "whole", "most": MOST_HTML });
        let said = self.ask(&page, &ask, deadline).await.map_err(|error| self.fault(error))?;
        Ok(Standing { text, html: said.text, challenges })
    }

    /// The number of the present page's navigation; frames have others.
    fn turn_number(&self) -> Option<u64> {
        self.see(|state| Some(state.page()?.navigation.as_ref()?.number)).flatten()
    }

    /// How long after its navigation the page may be expected to go on by itself.
    fn expects(&self, said: &Said) -> Duration {
        let status = self.see(|state| state.main().map(|main| main.status)).flatten();
        let marked = said.names.iter().any(|name| name != "login-form");
        patience(status.unwrap_or_default(), said.state == "acts", marked, said.count)
    }

    /// Whether the page still asks for something that its words may depend on.
    fn fetches(&self) -> bool {
        use RequestKind::{Document, Frame, Script, Style, Xhr};
        let fetches = self.see(|state| {
            let now = state.traffic.now();
            state.traffic.entries().iter().any(|entry| {
                entry.ended.is_none()
                    && !entry.stopped
                    && now - entry.began < NEWS
                    && matches!(entry.kind, Document | Frame | Script | Style | Xhr)
            })
        });
        fetches == Some(true)
    }
}

/// How long a page may be expected to go on by itself, by the status it came with, whether it `acts`
/// (has scripts or a refresh), whether it is `marked` as a bot check, and how many letters it shows.
fn patience(status: u16, acts: bool, marked: bool, letters: usize) -> Duration {
    /// A challenge says little.
    const FEW: usize = 300;
    let kept_out = matches!(status, 202 | 403 | 405 | 412 | 418 | 429 | 468 | 493 | 503 | 521);
    match letters {
        _ if !acts => Duration::ZERO,
        0..FEW if kept_out || marked => CHALLENGE,
        _ if kept_out => WORDY,
        0..20 => BLANK,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_may_go_on_are_waited_for() {
        let cases = [
            ("an ordinary page", 200, true, false, 2_000, Duration::ZERO),
            ("a page of few words", 200, true, false, 40, Duration::ZERO),
            ("an application that shows nothing yet", 200, true, false, 0, BLANK),
            ("nothing at all, and no script", 200, false, false, 0, Duration::ZERO),
            ("a challenge behind 412", 412, true, true, 0, CHALLENGE),
            ("a challenge that nobody knows yet", 521, true, false, 12, CHALLENGE),
            ("a challenge behind 200", 200, true, true, 30, CHALLENGE),
            ("an ordinary page with a firewall's script", 200, true, true, 2_000, Duration::ZERO),
            ("a plain refusal", 403, false, false, 60, Duration::ZERO),
            ("a wordy refusal with scripts", 403, true, false, 900, WORDY),
            ("a missing page with scripts", 404, true, false, 60, Duration::ZERO),
        ];
        for (name, status, acts, marked, letters, want) in cases {
            assert_eq!(patience(status, acts, marked, letters), want, "{name}");
        }
    }
}
