//! What counts of all that coders wrote, and how well they agree.
//!
//! Coders work blind of each other. Two who say the same settle a value; two who do not wait for a third.
//! How well they agree is said for each indicator: raw agreement, Cohen's κ, Krippendorff's α.
//!
//! Invariant: a disagreement that nobody settled has no value, and what only one coder saw says nothing
//! about agreement.

mod compare;
mod measure;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::coding::{Coding, Settled, Settling, number};
use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;

pub use compare::{Alphas, Comparison, Disagreement, Level, Said, compare, reliability};
pub use measure::{Metric, alpha, kappa};

/// Codings that count, by target and indicator.
pub type SettledBy = BTreeMap<(TargetId, IndicatorId), Settled>;

/// Says what counts of codings that stand in the order in which they were written down.
///
/// Of each coder the newest counts. Of figures of several years the newest year counts.
pub fn settle(codings: Vec<Coding>) -> SettledBy {
    let mut groups: BTreeMap<(TargetId, IndicatorId), Vec<Coding>> = BTreeMap::new();
    for coding in codings {
        groups.entry((coding.target.clone(), coding.indicator.clone())).or_default().push(coding);
    }
    groups.into_iter().map(|(key, group)| (key, settled(group))).collect()
}

fn settled(mut group: Vec<Coding>) -> Settled {
    let year = group.iter().map(|coding| coding.year).max().flatten();
    group.retain(|coding| coding.year == year);
    // Stable: of two at the same time the one that was written down later is the newer.
    group.sort_by_key(|coding| coding.at);
    // Coders in the order in which they first said something, each with the newest of it.
    let mut newest: Vec<Coding> = Vec::new();
    for coding in group {
        match newest.iter_mut().find(|known| known.coder == coding.coder) {
            Some(known) => *known = coding,
            None => newest.push(coding),
        }
    }
    let mut words = newest.iter().map(|coding| coding.value.as_str());
    let (mut value, mut how) = (words.next(), Settling::Single);
    for word in words {
        (value, how) = match (value, how) {
            // What a third settled is settled.
            (value, Settling::ThirdCoder) => (value, Settling::ThirdCoder),
            (Some(known), _) if same(known, word) => (Some(known), Settling::Agreed),
            (Some(_), _) => (None, Settling::Disputed),
            (None, _) => (Some(word), Settling::ThirdCoder),
        };
    }
    Settled { value: value.map(str::to_owned), how, codings: newest }
}

/// Whether two values say the same: words letter by letter, numbers by what they are worth.
pub fn same(one: &str, other: &str) -> bool {
    one.trim() == other.trim()
        || number(one).zip(number(other)).is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}
