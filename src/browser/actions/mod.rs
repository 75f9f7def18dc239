//! The verbs: what a step does, one file per group.
//!
//! Invariant: clicks and keys are the browser's own (trusted) input, never events made by script.

pub(super) mod fields;
pub(super) mod files;
mod keys;
mod pages;
mod pointer;

use crate::clock::{Deadline, Stopwatch};
use crate::domain::scenario::Verb;

use super::journey::Journey;
use super::{Done, StepError, checks};

/// Does one action.
pub(super) async fn perform(
    journey: &mut Journey,
    verb: &Verb,
    deadline: Deadline,
) -> Result<Done, StepError> {
    let nothing = |()| Done::default();
    match verb {
        Verb::Goto(address) => pages::goto(journey, &address.text(), deadline).await.map(nothing),
        Verb::Click(locator) => pointer::click(journey, locator, deadline).await.map(nothing),
        Verb::Hover(locator) => pointer::hover(journey, locator, deadline).await.map(nothing),
        Verb::Scroll(locator) => pointer::scroll(journey, locator, deadline).await.map(nothing),
        Verb::Tick(locator) => pointer::check(journey, locator, true, deadline).await.map(nothing),
        Verb::Untick(locator) => pointer::check(journey, locator, false, deadline).await.map(nothing),
        Verb::Fill { field, with } => fields::fill(journey, field, &with.text(), deadline).await.map(nothing),
        Verb::Type { field, with } => {
            fields::type_keys(journey, field, &with.text(), deadline).await.map(nothing)
        }
        Verb::Choose { list, option } => {
            fields::choose(journey, list, &option.text(), deadline).await.map(nothing)
        }
        Verb::Press(chord) => fields::press(journey, chord, deadline).await.map(nothing),
        Verb::Upload { field, file } => files::upload(journey, field, file, deadline).await.map(nothing),
        Verb::Download { link, expect } => {
            files::download(journey, link, expect, deadline).await.map(nothing)
        }
        Verb::Frame(frame) => pages::frame(journey, frame.as_ref(), deadline).await.map(nothing),
        Verb::Page(choice) => pages::page(journey, choice, deadline).await.map(nothing),
        Verb::Dialog(answer) => {
            pages::dialog(journey, answer);
            Ok(Done::default())
        }
        Verb::Wait(check) => checks::wait_for(journey, check, deadline).await.map(nothing),
        Verb::Read { from, attribute, .. } => {
            let read = fields::read(journey, from, attribute.as_deref(), deadline).await?;
            Ok(Done { read: Some(read), ..Done::default() })
        }
        Verb::Shot(_) => {
            let watch = Stopwatch::start();
            let shot = journey.screenshot(deadline).await?;
            journey.own += watch.elapsed();
            Ok(Done { shot: Some(shot), ..Done::default() })
        }
    }
}
