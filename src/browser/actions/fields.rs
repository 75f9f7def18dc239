//! Fields: filling, typing, choosing, pressing keys, reading.

use serde_json::{Value, json};

use crate::browser::journey::{Journey, Look};
use crate::browser::{StepError, page};
use crate::clock::Deadline;
use crate::domain::locator::Locator;
use crate::domain::scenario::{Action, Verb};

use super::keys;

/// Focuses, sets the value, sends `input` and `change`: all in the call that finds the field.
pub async fn fill(
    journey: &mut Journey,
    field: &Locator,
    value: &str,
    deadline: Deadline,
) -> Result<(), StepError> {
    let means = page::locator(field);
    let ask = |_| json!({ "do": "fill", "locator": means, "value": value });
    journey.look(ask, &field.to_string(), deadline, false).await.map(|_| ())
}

/// The field and value of an action that only fills one, in the time that its step has.
pub fn plain(action: &Action) -> Option<(&Locator, String)> {
    match &action.verb {
        Verb::Fill { field, with } if action.within.is_none() => Some((field, with.text())),
        _ => None,
    }
}

/// Fills as many of these fields as can be filled at once, in one call; how many these were. The next
/// one is then waited for as ever. Nothing is known of a page that went away meanwhile: filling its
/// fields again does no harm.
pub async fn fill_at_once(
    journey: &mut Journey,
    fields: &[(&Locator, String)],
    deadline: Deadline,
) -> Result<usize, StepError> {
    let asks: Vec<Value> = fields
        .iter()
        .map(|(field, value)| json!({ "locator": page::locator(field), "value": value }))
        .collect();
    let ask = json!({ "do": "fills", "fields": asks });
    Ok(match journey.look_once(&ask, "the fields of a form", deadline).await? {
        Some(Look::Ok(said)) => said.count,
        Some(Look::NotYet(_)) | None => 0,
    })
}

/// Focuses and presses one key after the other.
pub async fn type_keys(
    journey: &mut Journey,
    field: &Locator,
    text: &str,
    deadline: Deadline,
) -> Result<(), StepError> {
    let means = page::locator(field);
    journey.look(|_| json!({ "do": "focus", "locator": means }), &field.to_string(), deadline, false).await?;
    let strokes: Vec<Value> = text.chars().flat_map(|c| keys::stroke(&c.to_string())).collect();
    send(journey, &strokes, deadline).await
}

/// Presses a key or a chord such as `Control+A`.
pub async fn press(journey: &mut Journey, chord: &str, deadline: Deadline) -> Result<(), StepError> {
    let strokes = keys::chord(chord).ok_or_else(|| StepError::File(format!("there is no key `{chord}`")))?;
    journey.settle(deadline).await?;
    send(journey, &strokes, deadline).await
}

async fn send(journey: &mut Journey, strokes: &[Value], deadline: Deadline) -> Result<(), StepError> {
    let mark = journey.mark();
    journey.input(json!([{ "type": "key", "id": "keys", "actions": strokes }]), deadline).await?;
    journey.follow(mark, deadline).await.map(|_| ())
}

/// Chooses an option of a list by its label or value.
pub async fn choose(
    journey: &mut Journey,
    list: &Locator,
    option: &str,
    deadline: Deadline,
) -> Result<(), StepError> {
    let means = page::locator(list);
    let mark = journey.mark();
    let ask = |_| json!({ "do": "choose", "locator": means, "option": option });
    journey.look(ask, &list.to_string(), deadline, false).await?;
    // Lists that submit themselves are common.
    journey.follow(mark, deadline).await.map(|_| ())
}

/// The text of an element, its value if it is a field, or one of its attributes.
pub async fn read(
    journey: &mut Journey,
    from: &Locator,
    attribute: Option<&str>,
    deadline: Deadline,
) -> Result<String, StepError> {
    let means = page::locator(from);
    let ask = |_| json!({ "do": "read", "locator": means, "attribute": attribute });
    journey.look(ask, &from.to_string(), deadline, false).await.map(|said| said.text)
}
