//! Pictures of a page without what is personal on it.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use futures_util::future::join_all;
use tokio_util::task::AbortOnDropHandle;

use crate::browser::BrowserError;
use crate::browser::bidi::command::{CaptureScreenshot, Clip, Command, ImageFormat, Screenshot};
use crate::browser::bidi::{CallError, Wire};
use crate::browser::events::Tracker;
use crate::browser::page::{self, Said};
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
        let eye = self.eye()?;
        let taken = eye.take(deadline).await;
        let after = if taken.picture.is_ok() { eye.sight(deadline).await } else { None };
        self.covered(taken, after, Extent::Window)
    }

    /// The same of the whole page. A page much longer than this is cut there: nobody reads on, and it
    /// takes seconds to draw.
    pub(super) async fn veiled_whole(&self, deadline: Deadline) -> Result<(Screenshot, Cover), Missed> {
        let eye = self.eye()?;
        let before = eye.sight(deadline).await;
        let clip = Clip { x: 0.0, y: 0.0, width: 10_000.0, height: LONGEST };
        let picture = Ok(eye.capture("document", Some(clip), deadline).await?);
        let after = eye.sight(deadline).await;
        self.covered(Taken { before, picture }, after, Extent::Page)
    }

    /// A picture taken before, or a new one; and what the page said of itself when it had been taken.
    pub(super) async fn shown(
        &self,
        ahead: Option<Ahead>,
        deadline: Deadline,
    ) -> (Result<(Screenshot, Cover), Missed>, Option<Said>) {
        let eye = match self.eye() {
            Ok(eye) => eye,
            Err(error) => return (Err(error.into()), None),
        };
        let early = match ahead {
            Some(ahead) => ahead.end(deadline).await,
            None => None,
        };
        let taken = match early {
            Some(taken) => taken,
            None => eye.take(deadline).await,
        };
        let (sight, said) = eye.sight_of(deadline, true).await;
        let after = sight.filter(|_| taken.picture.is_ok());
        (self.covered(taken, after, Extent::Window), said)
    }

    /// Begins to take the picture that [`Journey::observe`] will want, while the page is asked something else.
    pub(super) fn look_ahead(&mut self, deadline: Deadline) {
        self.ahead = None;
        let navigations = self.see(|state| state.navigations);
        if let (Ok(eye), Some(navigations)) = (self.eye(), navigations) {
            let page = eye.page.clone();
            let taking = AbortOnDropHandle::new(tokio::spawn(async move { eye.take(deadline).await }));
            self.ahead = Some(Ahead { page, navigations, taking });
        }
    }

    /// The picture that was begun, if it is of the page as it is now.
    pub(super) fn taken_ahead(&mut self) -> Option<Ahead> {
        let ahead = self.ahead.take()?;
        let same = self.see(|state| {
            let there = state.current == ahead.page && state.navigations == ahead.navigations;
            there && state.pending(&ahead.page).is_none() && state.odd.is_none()
        });
        (same == Some(true)).then_some(ahead)
    }

    fn eye(&self) -> Result<Eye, BrowserError> {
        let page = self.current().ok_or_else(|| BrowserError::Died("every page is closed".to_owned()))?;
        let tracker = self.tracker().ok_or_else(|| BrowserError::Died("it was given back".to_owned()))?;
        Ok(Eye { wire: self.wire()?.clone(), tracker, masks: self.masks.clone(), page })
    }

    fn covered(
        &self,
        taken: Taken,
        after: Option<Sight>,
        extent: Extent,
    ) -> Result<(Screenshot, Cover), Missed> {
        let picture = taken.picture?;
        let cover = Sight::cover(taken.before, after, self.typed, extent);
        if matches!(cover, Cover::All { .. }) {
            tracing::info!("the page did not say where its fields are, so its picture was made illegible");
        }
        Ok((picture, cover))
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

/// What looking at a page needs. It has no part in the journey, so that it can look while that goes on.
struct Eye {
    wire: Wire,
    tracker: Arc<Tracker>,
    masks: Masks,
    page: String,
}

/// A picture, and what was to be covered when it was begun.
#[derive(Debug)]
struct Taken {
    before: Option<Sight>,
    picture: Result<Screenshot, CallError>,
}

/// A picture that is being taken. It is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    page: String,
    navigations: u64,
    taking: AbortOnDropHandle<Taken>,
}

impl Ahead {
    /// Waits for it; nothing when it did not come to its end.
    async fn end(self, deadline: Deadline) -> Option<Taken> {
        deadline.limit(self.taking).await.ok()?.ok()
    }
}

impl Eye {
    /// A picture of the window. The page answers the question while the browser makes its next frame:
    /// the first look costs no time of its own.
    async fn take(&self, deadline: Deadline) -> Taken {
        let (before, picture) = tokio::join!(self.sight(deadline), self.capture("viewport", None, deadline));
        Taken { before, picture }
    }

    async fn capture(
        &self,
        origin: &str,
        clip: Option<Clip>,
        deadline: Deadline,
    ) -> Result<Screenshot, CallError> {
        let capture = CaptureScreenshot {
            context: &self.page,
            format: ImageFormat { kind: "image/jpeg", quality: 0.7 },
            origin,
            clip,
        };
        self.wire.call(&capture, deadline).await
    }

    /// Where the page and its frames have what must not be seen. [`None`] when the page does not say.
    async fn sight(&self, deadline: Deadline) -> Option<Sight> {
        self.sight_of(deadline, false).await.0
    }

    /// The same, and what the page says of itself when it is to be asked for that too.
    async fn sight_of(&self, deadline: Deadline, facts: bool) -> (Option<Sight>, Option<Said>) {
        // A page that is still on its way, or does not answer, is not asked.
        let asks = self.tracker.with(|state| state.pending(&self.page).is_none() && state.odd.is_none());
        if asks != Some(true) {
            return (None, None);
        }
        let pulse = deadline.tightened(PULSE);
        let ask = veil::ask(&self.masks, facts);
        let frames = self.tracker.with(|state| state.frames()).unwrap_or_default();
        let said = std::iter::once(self.page.clone()).chain(frames).map(|context| {
            let ask = &ask;
            async move {
                let said = page::ask(&self.wire, &context, ask, pulse).await.ok().filter(Said::ok);
                said.map(|said| (context, said))
            }
        });
        let said: HashMap<_, _> = join_all(said).await.into_iter().flatten().collect();
        let sight = Sight::of(&self.page, &said, &self.masks);
        (sight, said.into_iter().find(|(context, _)| *context == self.page).map(|(_, said)| said))
    }
}
