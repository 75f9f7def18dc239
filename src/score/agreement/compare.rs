//! How well coders agree on each indicator, and what they disagree on.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, SettledBy, alpha, kappa, same};
use crate::domain::coding::{Coding, Settled, Settling, number};
use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Formula, Profile, Scale};
use crate::score::card::Reliability;

/// Below this α, and not below [`Reliability::FLOOR`], conclusions are tentative (Krippendorff 2004; method,
/// section 2).
const TENTATIVE: f64 = 0.8;

/// How well coders agree on one indicator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The indicator.
    pub indicator: IndicatorId,
    /// How its values relate to each other: what α counts.
    pub scale: Scale,
    /// Targets that two coders or more coded. Of those that a third settled only what was said before him
    /// counts for agreement, κ and α.
    pub units: u64,
    /// Everybody who coded one of them.
    pub coders: Vec<String>,
    /// Pairs of values about one target that are the same, in percent of all such pairs.
    pub agreement: f64,
    /// Cohen's κ of the two coders that share most targets; absent when it is not defined.
    pub kappa: Option<f64>,
    /// Who they are, and how many targets they share.
    pub kappa_of: Option<(String, String, u64)>,
    /// Krippendorff's α.
    pub alpha: Alphas,
    /// What α of the scale means.
    pub level: Level,
    /// Targets on which coders disagreed, settled or not.
    pub disagreements: Vec<Disagreement>,
}

/// Krippendorff's α by three metrics. One is absent when it is not defined: nothing varies, or values
/// have no order, or no distance.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Alphas {
    /// Equal or not.
    pub nominal: Option<f64>,
    /// By their order. `na` stands outside of it and counts as missing.
    pub ordinal: Option<f64>,
    /// By their difference; of choices, by that of their points. `na` counts as missing.
    pub interval: Option<f64>,
}

impl Alphas {
    /// That of a scale.
    pub fn of(&self, scale: Scale) -> Option<f64> {
        match scale {
            Scale::Nominal => self.nominal,
            Scale::Ordinal => self.ordinal,
            Scale::Interval => self.interval,
        }
    }
}

/// What an α means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// .800 or more.
    Reliable,
    /// Below .800.
    Tentative,
    /// Below .667.
    NotReliable,
    /// It is not defined.
    Unknown,
}

impl Level {
    fn of(alpha: Option<f64>) -> Self {
        match alpha {
            None => Self::Unknown,
            Some(alpha) if alpha < Reliability::FLOOR => Self::NotReliable,
            Some(alpha) if alpha < TENTATIVE => Self::Tentative,
            Some(_) => Self::Reliable,
        }
    }
}

/// A target on which coders disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disagreement {
    /// The target.
    pub target: TargetId,
    /// Who said what, in the order in which they first spoke.
    pub said: Vec<Said>,
    /// How it stands.
    pub how: Settling,
    /// What counts, when it was settled.
    pub value: Option<String>,
}

/// What one coder said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// The coder.
    pub coder: String,
    /// The value.
    pub value: String,
}

/// The reliability of every indicator of the profile that two coders or more coded.
pub fn reliability(profile: &Profile, settled: &SettledBy) -> BTreeMap<IndicatorId, Reliability> {
    let leaves = profile.leaves();
    let known =
        |id: &IndicatorId| leaves.contains_key(id) || profile.figures.iter().any(|figure| figure.id == *id);
    compare(Some(profile), settled)
        .into_iter()
        .filter(|one| known(&one.indicator))
        .map(|one| {
            let alpha = one.alpha.of(one.scale);
            let Comparison { units, agreement, kappa, .. } = one;
            (one.indicator, Reliability { units, agreement, kappa, alpha })
        })
        .collect()
}

/// Compares coders, indicator by indicator. Without a profile, or for an indicator that it does not have, values
/// are on an interval scale when all of them are numbers, and nominal otherwise.
pub fn compare(profile: Option<&Profile>, settled: &SettledBy) -> Vec<Comparison> {
    let mut units: BTreeMap<&IndicatorId, Vec<(&TargetId, &Settled)>> = BTreeMap::new();
    for ((target, indicator), one) in settled.iter().filter(|(_, one)| one.codings.len() > 1) {
        units.entry(indicator).or_default().push((target, one));
    }
    units.into_iter().map(|(indicator, units)| compared(profile, indicator, &units)).collect()
}

fn compared(
    profile: Option<&Profile>,
    indicator: &IndicatorId,
    units: &[(&TargetId, &Settled)],
) -> Comparison {
    let mut values: Vec<&str> = Vec::new();
    for coding in units.iter().flat_map(|(_, unit)| &unit.codings) {
        if !values.iter().any(|known| same(known, &coding.value)) {
            values.push(&coding.value);
        }
    }
    let Ruler { scale, placed, rest } = Ruler::new(profile, indicator, values);
    let order: Vec<&str> = placed.iter().map(|(value, _)| value.as_str()).chain(rest).collect();
    let category = |value: &str| order.iter().position(|known| same(known, value));
    let chosen = |within: usize| -> Vec<Vec<usize>> {
        let unit = |unit: &Settled| {
            let all = blind(unit).iter().filter_map(|coding| category(&coding.value));
            all.filter(|place| *place < within).collect()
        };
        units.iter().map(|(_, one)| unit(one)).collect()
    };
    let numbers: Option<Vec<f64>> = placed.iter().map(|(_, number)| *number).collect();
    let ordered = chosen(placed.len());
    let alpha = Alphas {
        nominal: alpha(&chosen(order.len()), Metric::Nominal),
        ordinal: alpha(&ordered, Metric::Ordinal),
        interval: numbers.and_then(|numbers| alpha(&ordered, Metric::Interval(&numbers))),
    };
    let (pairs, alike) = pairs(units);
    let shared = most_shared(units);
    let kappa = shared.as_ref().and_then(|(_, _, values)| {
        let both = |(one, other): &(&str, &str)| Some((category(one)?, category(other)?));
        kappa(&values.iter().filter_map(both).collect::<Vec<_>>())
    });
    let coders: BTreeSet<&str> =
        units.iter().flat_map(|(_, unit)| &unit.codings).map(|coding| coding.coder.as_str()).collect();
    Comparison {
        indicator: indicator.clone(),
        scale,
        units: units.len() as u64,
        coders: coders.into_iter().map(str::to_owned).collect(),
        agreement: 100.0 * alike as f64 / pairs.max(1) as f64,
        kappa,
        kappa_of: shared.map(|(one, other, values)| (one.to_owned(), other.to_owned(), values.len() as u64)),
        alpha,
        level: Level::of(alpha.of(scale)),
        disagreements: units.iter().filter_map(|(target, unit)| disagreement(target, unit)).collect(),
    }
}

/// How the values of an indicator lie beside each other.
struct Ruler<'a> {
    scale: Scale,
    /// Values in their order, with their numbers.
    placed: Vec<(String, Option<f64>)>,
    /// Values without a place: `na`, and words that the profile does not know.
    rest: Vec<&'a str>,
}

impl<'a> Ruler<'a> {
    fn new(profile: Option<&Profile>, indicator: &IndicatorId, values: Vec<&'a str>) -> Self {
        let leaf =
            profile.and_then(|profile| profile.leaves().remove(indicator).map(|(_, leaf)| leaf.clone()));
        let words: Vec<(String, Option<f64>)> = match leaf.as_ref().map(|leaf| &leaf.formula) {
            Some(Formula::Choice(choices)) => {
                choices.iter().map(|choice| (choice.word.clone(), Some(choice.points))).collect()
            }
            _ => vec![("no".to_owned(), Some(0.0)), ("yes".to_owned(), Some(1.0))],
        };
        let is_number = |value: &&str| number(value).is_some();
        let is_word = |value: &&str| words.iter().any(|(word, _)| same(word, value));
        let is_open = |value: &&str| value.trim() == Coding::OPEN;
        let known: Vec<&str> = values.iter().copied().filter(|value| !is_open(value)).collect();
        let (placed, placeless): (Vec<_>, Vec<&str>) = if known.iter().all(is_number) {
            let mut numbers: Vec<_> =
                known.iter().map(|value| (value.trim().to_owned(), number(value))).collect();
            numbers.sort_by(|a, b| a.1.unwrap_or_default().total_cmp(&b.1.unwrap_or_default()));
            (numbers, values.into_iter().filter(is_open).collect())
        } else if known.iter().all(is_word) {
            (words, values.into_iter().filter(is_open).collect())
        } else {
            (Vec::new(), values)
        };
        let guessed = || {
            let numbers = !placed.is_empty() && placed.iter().all(|(value, _)| number(value).is_some());
            if numbers { Scale::Interval } else { Scale::Nominal }
        };
        let scale = leaf.map_or_else(guessed, |leaf| leaf.scale);
        Self { scale, placed, rest: placeless }
    }
}

/// The codings that say how well coders agree. Whoever settles a dispute is asked for that alone: counted
/// among the others he would turn every dispute into two of three, and agreement would hang on who was asked.
fn blind(unit: &Settled) -> &[Coding] {
    let all = unit.codings.as_slice();
    let dispute = all.iter().position(|coding| !same(&all[0].value, &coding.value));
    match dispute.filter(|_| unit.how == Settling::ThirdCoder).and_then(|at| all.get(..=at)) {
        Some(before) => before,
        None => all,
    }
}

/// How many pairs of values about one target there are, and how many are alike.
fn pairs(units: &[(&TargetId, &Settled)]) -> (u64, u64) {
    let (mut all, mut alike) = (0, 0);
    for (_, unit) in units {
        let codings = blind(unit);
        for (i, one) in codings.iter().enumerate() {
            for other in &codings[i + 1..] {
                all += 1;
                alike += u64::from(same(&one.value, &other.value));
            }
        }
    }
    (all, alike)
}

/// Two coders, and what they said of each target that both coded.
type Shared<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

/// The two coders that share most targets; by name when there are several such.
fn most_shared<'a>(units: &[(&TargetId, &'a Settled)]) -> Option<Shared<'a>> {
    let mut shared: BTreeMap<(&str, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for (_, unit) in units {
        for one in blind(unit) {
            for other in blind(unit).iter().filter(|other| one.coder < other.coder) {
                let values = (one.value.as_str(), other.value.as_str());
                shared.entry((&one.coder, &other.coder)).or_default().push(values);
            }
        }
    }
    let most = shared.values().map(Vec::len).max()?;
    shared
        .into_iter()
        .find(|(_, values)| values.len() == most)
        .map(|((one, other), values)| (one, other, values))
}

fn disagreement(target: &TargetId, unit: &Settled) -> Option<Disagreement> {
    let first = unit.codings.first()?;
    if unit.codings.iter().all(|other| same(&first.value, &other.value)) {
        return None;
    }
    let said =
        unit.codings.iter().map(|one| Said { coder: one.coder.clone(), value: one.value.clone() }).collect();
    Some(Disagreement { target: target.clone(), said, how: unit.how, value: unit.value.clone() })
}
