//! Reading a page: its text, and where on the screen a phrase of it stands.

use serde_json::json;

use crate::browser::BrowserError;
use crate::clock::Deadline;
use crate::domain::observation::Area;

use super::{Journey, MOST_TEXT, PULSE};

impl Journey {
    /// The visible text of the page and its frames, at most 200,000 characters.
    pub async fn visible_text(&mut self, deadline: Deadline) -> Result<String, BrowserError> {
        Ok(self.text_of("read_page", deadline).await?.0)
    }

    /// The text that a step is judged by, without the foot of the page, its menus and lists of links to
    /// something else; and the names of bot checks on the page.
    pub async fn main_text(&mut self, deadline: Deadline) -> Result<(String, Vec<String>), BrowserError> {
        self.text_of("read_main", deadline).await
    }

    /// Where on the screen a phrase stands, if it can be seen there.
    pub async fn area_of(&mut self, phrase: &str, deadline: Deadline) -> Option<Area> {
        let page = self.current()?;
        self.ask(&page, &json!({ "do": "said", "phrase": phrase }), deadline).await.ok()?.area
    }

    pub(super) async fn text_of(
        &mut self,
        what: &str,
        deadline: Deadline,
    ) -> Result<(String, Vec<String>), BrowserError> {
        let ask = json!({ "do": what });
        let page = self.current().ok_or_else(|| BrowserError::Died("every page is closed".to_owned()))?;
        let said = match self.ask(&page, &ask, deadline).await {
            Ok(said) => said,
            // It went on to another page meanwhile.
            Err(error) if error.page_went_away() => {
                self.ask(&page, &ask, deadline).await.map_err(|error| self.fault(error))?
            }
            Err(error) => return Err(self.fault(error)),
        };
        let (mut text, mut names) = (said.text, said.names);
        let frames = self.see(|state| state.frames()).unwrap_or_default();
        let asks = frames.iter().map(|frame| self.ask(frame, &ask, deadline.tightened(PULSE)));
        for said in futures_util::future::join_all(asks).await.into_iter().flatten() {
            text.push('\n');
            text.push_str(&said.text);
            names.extend(said.names);
        }
        if let Some((at, _)) = text.char_indices().nth(MOST_TEXT) {
            text.truncate(at);
        }
        names.truncate(10);
        Ok((text, names))
    }
}
