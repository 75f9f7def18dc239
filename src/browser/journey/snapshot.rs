//! The page as it stands, for whoever has to understand later what was judged: what assistive
//! technology is told, the document, the whole picture. Nothing personal is left in what comes out.

use serde_json::json;

use crate::browser::BrowserError;
use crate::browser::picture::Picture;
use crate::clock::Deadline;

use super::Journey;

impl Journey {
    /// Roles, names and states of what is on the page, a line each.
    pub async fn accessibility(&mut self, deadline: Deadline) -> Result<String, BrowserError> {
        let text = self.told("tree", deadline).await?;
        Ok(self.masks().text(&text).into_owned())
    }

    /// The document, as HTML that runs and loads nothing.
    pub async fn document(&mut self, deadline: Deadline) -> Result<String, BrowserError> {
        let html = self.told("dom", deadline).await?;
        Ok(self.masks().html(&html).into_owned())
    }

    /// A picture of the whole page, from its top to its end.
    pub async fn whole_page(&mut self, deadline: Deadline) -> Result<Picture, BrowserError> {
        let taken = self.veiled_whole(deadline).await;
        self.developed(taken)
    }

    async fn told(&self, what: &str, deadline: Deadline) -> Result<String, BrowserError> {
        let page = self.current().ok_or_else(|| BrowserError::Died("every page is closed".to_owned()))?;
        let said = self.ask(&page, &json!({ "do": what }), deadline).await;
        Ok(said.map_err(|error| self.fault(error))?.text)
    }
}
