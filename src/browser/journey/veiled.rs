//! Pictures of a page without what is personal on it.

use std::collections::HashMap;

use base64::Engine;

use crate::browser::BrowserError;
use crate::browser::bidi::CallError;
use crate::browser::bidi::command::{CaptureScreenshot, Clip, Command, ImageFormat, Screenshot};
use crate::browser::page::Said;
use crate::browser::picture::{Cover, Picture};
use crate::browser::veil::{self, Extent, Sight};
use crate::clock::Deadline;
use crate::domain::masks::Masks;

use super::{Journey, Missed, PULSE};

/// The most of a page, in CSS pixels, that a picture shows.
const LONGEST: f64 = 12_000.0;

impl Journey {
    /// What is masked in this journey.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Says that a text is public: the item's name, the portal's, what is searched for.
    pub fn publish(&mut self, text: &str) {
        self.masks.publish(text);
    }

    /// Says that a value is typed into a form: from now on it is masked in whatever is kept, and a
    /// picture on which it might be is kept only when it is known where.
    pub fn hide(&mut self, value: &str) {
        self.masks.hide(value);
        self.typed |= !value.is_empty();
    }

    /// Says that a text is secret, whatever is public.
    pub fn hide_secret(&mut self, text: &str) {
        self.masks.hide_secret(text);
        self.typed |= !text.is_empty();
    }

    /// A picture of the window, with the boxes that are to be covered on it.
    pub(super) async fn veiled(&self, deadline: Deadline) -> Result<(Screenshot, Cover), Missed> {
        self.veiled_before(deadline, std::future::ready(())).await.0
    }

    /// The same, and `then` as soon as the picture is taken.
    pub(super) async fn veiled_before<T>(
        &self,
        deadline: Deadline,
        then: impl Future<Output = T>,
    ) -> (Result<(Screenshot, Cover), Missed>, T) {
        // The page answers the question while the browser makes its next frame: the first look costs
        // no time of its own.
        let (before, taken) = tokio::join!(self.sight(deadline), self.capture(deadline));
        let look_again = async {
            match &taken {
                Ok(_) => self.sight(deadline).await,
                Err(_) => None,
            }
        };
        let (after, done) = tokio::join!(look_again, then);
        let taken = taken.map(|taken| {
            let cover = Sight::cover(before, after, self.typed, Extent::Window);
            if matches!(cover, Cover::All { .. }) {
                tracing::info!(
                    "the page did not say where its fields are, so its picture was made illegible"
                );
            }
            (taken, cover)
        });
        (taken, done)
    }

    /// The same of the whole page. A page much longer than this is cut there: nobody reads on, and it
    /// takes seconds to draw.
    pub(super) async fn veiled_whole(&self, deadline: Deadline) -> Result<(Screenshot, Cover), Missed> {
        let before = self.sight(deadline).await;
        let clip = Clip { x: 0.0, y: 0.0, width: 10_000.0, height: LONGEST };
        let taken = self.capture_from("document", Some(clip), deadline).await?;
        let after = self.sight(deadline).await;
        Ok((taken, Sight::cover(before, after, self.typed, Extent::Page)))
    }

    /// Where the page and its frames have what must not be seen. [`None`] when the page does not say.
    async fn sight(&self, deadline: Deadline) -> Option<Sight> {
        let page = self.current()?;
        // A page that is still on its way, or does not answer, is not asked.
        let asks = self.see(|state| state.pending(&page).is_none() && state.odd.is_none());
        if asks != Some(true) {
            return None;
        }
        let pulse = deadline.tightened(PULSE);
        let ask = veil::ask(&self.masks);
        let contexts =
            std::iter::once(page.clone()).chain(self.see(|state| state.frames()).unwrap_or_default());
        let said = contexts.map(|context| {
            let ask = &ask;
            async move {
                let said = self.ask(&context, ask, pulse).await.ok().filter(Said::ok);
                said.map(|said| (context, said))
            }
        });
        let said: HashMap<_, _> = futures_util::future::join_all(said).await.into_iter().flatten().collect();
        Sight::of(&page, &said, &self.masks)
    }

    async fn capture(&self, deadline: Deadline) -> Result<Screenshot, Missed> {
        self.capture_from("viewport", None, deadline).await
    }

    async fn capture_from(
        &self,
        origin: &str,
        clip: Option<Clip>,
        deadline: Deadline,
    ) -> Result<Screenshot, Missed> {
        let page = self.current().ok_or_else(|| BrowserError::Died("every page is closed".to_owned()))?;
        let capture = CaptureScreenshot {
            context: &page,
            format: ImageFormat { kind: "image/jpeg", quality: 0.7 },
            origin,
            clip,
        };
        Ok(self.wire()?.call(&capture, deadline).await?)
    }

    pub(super) fn developed(
        &mut self,
        taken: Result<(Screenshot, Cover), Missed>,
    ) -> Result<Picture, BrowserError> {
        let (taken, cover) = taken.map_err(|missed| match missed {
            Missed::Call(error) => {
                if matches!(error, CallError::Timeout(_)) {
                    self.odd("a screenshot took too long");
                }
                self.fault(error)
            }
            Missed::Browser(error) => error,
        })?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken.data).map_err(|error| {
            BrowserError::Command { command: CaptureScreenshot::METHOD.to_owned(), reason: error.to_string() }
        })?;
        // Classic WebDriver knows one format only.
        let mime = if bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
        Ok(Picture::new(bytes, mime, cover))
    }
}
