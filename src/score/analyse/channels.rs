//! Channels: places × channels, by the labels `province` (else `region`) and `channel` of targets.
//!
//! Invariant: a place without a channel has an empty cell and not a target without points.

use crate::score::analysis::{ChannelCell, ChannelRow, Channels};
use crate::score::card::Scorecard;

/// The matrix; absent when no target says its place and its channel. Should a place have the same
/// channel twice, the one with the higher total stands for it.
pub(super) fn channels(cards: &[Scorecard]) -> Option<Channels> {
    let placed: Vec<(&str, &str, &Scorecard)> = cards
        .iter()
        .filter_map(|card| {
            let label = |name: &str| card.target.labels.get(name).map(String::as_str);
            Some((label("province").or_else(|| label("region"))?, label("channel")?, card))
        })
        .collect();
    let channels = in_order(placed.iter().map(|(_, channel, _)| *channel));
    let rows = in_order(placed.iter().map(|(place, ..)| *place)).into_iter().map(|place| {
        let cell = |channel: &String| {
            let here = placed.iter().filter(|(at, by, _)| *at == place && by == channel);
            let best = here
                .map(|(.., card)| *card)
                .reduce(|best, other| if other.total > best.total { other } else { best })?;
            Some(ChannelCell { target: best.target.id.clone(), total: best.total, outcome: best.ending })
        };
        ChannelRow { cells: channels.iter().map(cell).collect(), place }
    });
    let rows: Vec<ChannelRow> = rows.collect();
    (!rows.is_empty()).then_some(Channels { channels, rows })
}

/// Each once, in the order of their first appearance.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.fold(Vec::new(), |mut seen, name| {
        if !seen.iter().any(|other| other == name) {
            seen.push(name.to_owned());
        }
        seen
    })
}
