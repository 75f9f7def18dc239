//! Findings: sentences of the profile about how many targets something holds for.
//!
//! Invariant: `n` are the targets of which it is known; a finding that is known of nobody is left out,
//! because "0 cities" would deny what nobody looked at.

use std::cmp::Ordering;

use crate::domain::language::Language;
use crate::domain::profile::{Finding, Profile, Words};
use crate::score::analysis::Found;
use crate::score::card::Scorecard;
use crate::score::condition::Seen;
use crate::score::digits::{percent, published_order, two_digits};

/// How many targets a sentence names.
const EXAMPLES: usize = 3;

/// The findings, in the order of the profile.
pub(super) fn findings(profile: &Profile, cards: &[Scorecard]) -> Vec<Found> {
    profile.findings.iter().filter_map(|finding| find(finding, cards)).collect()
}

fn find(finding: &Finding, cards: &[Scorecard]) -> Option<Found> {
    let holds = |card: &Scorecard| Seen { nodes: &card.nodes, figures: &card.figures }.holds(&finding.when);
    let known: Vec<(&Scorecard, bool)> = cards.iter().filter_map(|card| Some((card, holds(card)?))).collect();
    let mut of: Vec<&Scorecard> = known.iter().filter(|(_, holds)| *holds).map(|(card, _)| *card).collect();
    of.sort_by(|one, other| lowest_first(one, other));
    let (count, n) = (of.len() as u64, known.len() as u64);
    let share = two_digits(percent(count, n)?);
    let sentence = |language: Language| {
        fill(finding.sentence.pick(language), |name| match name {
            "count" => Some(count.to_string()),
            "n" => Some(n.to_string()),
            // As published: 14.55, and 20 without a tail of zeros.
            "share" => Some(share.to_string()),
            "examples" => Some(examples(&of, language)),
            _ => None,
        })
    };
    Some(Found {
        id: finding.id.clone(),
        count,
        n,
        share,
        sentence: Words { zh: sentence(Language::Chinese), en: sentence(Language::English) },
        targets: of.into_iter().map(|card| card.target.id.clone()).collect(),
    })
}

fn lowest_first(one: &Scorecard, other: &Scorecard) -> Ordering {
    let totals = match (one.total, other.total) {
        (Some(one), Some(other)) => published_order(one, other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    totals.then_with(|| one.target.id.cmp(&other.target.id))
}

fn examples(of: &[&Scorecard], language: Language) -> String {
    let names: Vec<&str> = of.iter().take(EXAMPLES).map(|card| card.target.name.as_str()).collect();
    match names.as_slice() {
        [] => language.pick("无", "none").to_owned(),
        [one] => (*one).to_owned(),
        [others @ .., last] => {
            let others = others.join(language.pick("、", ", "));
            others + language.pick("、", " and ") + last
        }
    }
}

/// Fills `{name}`s in, in one pass: what is filled in is never looked at again, so a target may be
/// called `{count}`.
fn fill(sentence: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = sentence;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let known = behind.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        if let Some((text, after)) = known {
            filled.push_str(&text);
            rest = after;
        } else {
            filled.push('{');
            rest = behind;
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::fixtures::scored_card;

    #[test]
    fn sentences_are_filled_once() {
        let value = |name: &str| match name {
            "count" => Some("{n}".to_owned()),
            "n" => Some("55".to_owned()),
            _ => None,
        };
        let cases = [
            ("{count} of {n}", "{n} of 55"),
            ("{other} {n", "{other} {n"),
            ("{{n}}", "{55}"),
            ("no names", "no names"),
        ];
        for (sentence, want) in cases {
            assert_eq!(fill(sentence, value), want, "{sentence}");
        }
    }

    #[test]
    fn examples_are_named_as_in_a_sentence() {
        let cards = ["甲", "乙", "丙", "丁"].map(|name| scored_card(name, 80.0));
        let cases = [
            (0, "无", "none"),
            (1, "甲", "甲"),
            (2, "甲、乙", "甲 and 乙"),
            (3, "甲、乙、丙", "甲, 乙 and 丙"),
            (4, "甲、乙、丙", "甲, 乙 and 丙"),
        ];
        for (count, zh, en) in cases {
            let of: Vec<&Scorecard> = cards.iter().take(count).collect();
            assert_eq!(examples(&of, Language::Chinese), zh, "{count}");
            assert_eq!(examples(&of, Language::English), en, "{count}");
        }
    }
}
