//! Conditions over what was seen of a target: they hold, do not hold, or cannot be told.
//!
//! Kleene's logic: `all` is false as soon as one is false, `any` true as soon as one is true; what is
//! left open otherwise stays open.
//!
//! Invariant: a condition never holds, nor is it ever denied, by something that was not observed.

use std::collections::BTreeMap;

use super::card::{NodeScore, StepCredit, Value};
use super::digits::{percent, two_digits};
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::profile::Condition;

/// What conditions look at.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub nodes: &'a [NodeScore],
    pub figures: &'a BTreeMap<IndicatorId, Value>,
}

impl<'a> Seen<'a> {
    /// Whether a condition holds; nothing when it cannot be told.
    pub(super) fn holds(self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::All(all) => self.first(all, false),
            Condition::Any(any) => self.first(any, true),
            Condition::Not(one) => self.holds(one).map(|holds| !holds),
            Condition::Is { indicator, words } => {
                word(self.value(indicator)?).map(|word| words.iter().any(|it| it == word.as_ref()))
            }
            Condition::Value { indicator, within, at_least_n } => {
                if self.node(indicator).is_some_and(|node| node.n < *at_least_n) {
                    return None;
                }
                number(self.value(indicator)?).map(|number| within.hold(number))
            }
            Condition::Score { indicator, within } => {
                // As it is published: nobody understands that 60.00 is below 60.
                self.node(indicator)?.score.map(|score| within.hold(two_digits(score)))
            }
            Condition::Outcome { indicator, outcomes } => match self.value(indicator)? {
                Value::Steps { steps } => ends(steps, outcomes),
                _ => None,
            },
        }
    }

    /// `what` as soon as one of them is; the opposite when all are the opposite.
    fn first(self, conditions: &[Condition], what: bool) -> Option<bool> {
        let mut open = false;
        for condition in conditions {
            match self.holds(condition) {
                Some(holds) if holds == what => return Some(what),
                Some(_) => {}
                None => open = true,
            }
        }
        (!open).then_some(!what)
    }

    fn node(self, id: &IndicatorId) -> Option<&'a NodeScore> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    fn value(self, id: &IndicatorId) -> Option<&'a Value> {
        self.node(id).map_or_else(|| self.figures.get(id), |node| node.value.as_ref())
    }
}

/// The word of a value. A fact that was looked at often is what it was more often; at a tie it is
/// neither.
fn word(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::Word { word } => Some(word.into()),
        Value::Number { number } => Some(number.to_string().into()),
        Value::Share { good, of, .. } => match (2 * good).cmp(of) {
            std::cmp::Ordering::Greater => Some("yes".into()),
            std::cmp::Ordering::Less => Some("no".into()),
            std::cmp::Ordering::Equal => None,
        },
        Value::Seconds { .. } | Value::Faults { .. } | Value::Steps { .. } => None,
    }
}

/// The number of a value: percent, seconds, faults in all, mean credit, the number itself.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Share { good, of, .. } => percent(*good, *of),
        Value::Seconds { seconds, .. } => Some(*seconds),
        Value::Faults { home, elsewhere } => Some(home + elsewhere),
        Value::Number { number } => Some(*number),
        Value::Steps { steps } => super::digits::mean(steps.iter().filter_map(|step| step.credit)),
        Value::Word { .. } => None,
    }
}

/// Whether one of the steps ends most often in one of these. Our own faults are not counted; a step
/// that was hardly ever reached, or that stands behind a wall, leaves it open.
fn ends(steps: &[StepCredit], outcomes: &[Outcome]) -> Option<bool> {
    let mut open = steps.is_empty();
    for step in steps {
        let theirs = step.outcomes.iter().find(|(outcome, _)| outcome.credit() != Credit::Excluded);
        match theirs {
            Some((outcome, _)) if outcomes.contains(outcome) => return Some(true),
            Some((outcome, _)) if outcome.credit() == Credit::Unobserved => open = true,
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ScenarioId;
    use crate::domain::profile::Bounds;
    use crate::score::fixtures::{id, node_score};
    use crate::score::wilson;

    fn share(good: u64, of: u64) -> Value {
        Value::Share { good, of, wilson: wilson(good, of) }
    }

    fn steps(endings: &[&[(Outcome, u64)]]) -> Value {
        let step = |outcomes: &&[(Outcome, u64)]| StepCredit {
            scenario: ScenarioId::from("s"),
            step: "fill".to_owned(),
            credit: Some(40.0),
            outcomes: outcomes.to_vec(),
        };
        Value::Steps { steps: endings.iter().map(step).collect() }
    }

    #[test]
    fn conditions_hold_do_not_hold_or_cannot_be_told() {
        let word = |word: &str| Value::Word { word: word.to_owned() };
        let nodes = [
            node_score("H2", Some(50.0), 1, Some(word("mail"))),
            node_score("T1", Some(60.0), 200, Some(share(190, 200))),
            node_score("T2", Some(60.0), 4, Some(Value::Faults { home: 1.0, elsewhere: 4.5 })),
            node_score("T4", Some(60.0), 4, Some(share(2, 4))),
            node_score(
                "H1",
                Some(0.0),
                9,
                Some(steps(&[&[(Outcome::Done, 9)], &[(Outcome::MustGoToWindow, 5)]])),
            ),
            node_score(
                "H3",
                Some(0.0),
                9,
                Some(steps(&[&[(Outcome::ScriptRot, 9), (Outcome::Done, 1)], &[]])),
            ),
            node_score("H4", None, 0, Some(steps(&[&[(Outcome::Done, 9)], &[(Outcome::LoginWall, 9)]]))),
            node_score(
                "H5",
                Some(0.0),
                9,
                Some(steps(&[&[(Outcome::Broken, 9)], &[(Outcome::NotReached, 9)]])),
            ),
            node_score("R", Some(59.996), 9, None),
            node_score("I1", None, 0, None),
        ];
        let figures = BTreeMap::from([(id("F1"), Value::Number { number: 4.2 }), (id("F2"), word("yes"))]);
        let is = |indicator: &str, words: &[&str]| Condition::Is {
            indicator: id(indicator),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let below = |indicator: &str, bound: f64, at_least_n: u64| Condition::Value {
            indicator: id(indicator),
            within: Bounds { at_most: Some(bound), ..Bounds::default() },
            at_least_n,
        };
        let score = |indicator: &str, bound: f64| Condition::Score {
            indicator: id(indicator),
            within: Bounds { at_least: Some(bound), ..Bounds::default() },
        };
        let ends = |indicator: &str, outcome| Condition::Outcome {
            indicator: id(indicator),
            outcomes: vec![outcome],
        };
        let (yes, no, open) = (is("H2", &["mail"]), is("H2", &["window"]), is("I1", &["yes"]));
        let cases = [
            ("the word", yes.clone(), Some(true)),
            ("one of several", is("H2", &["window", "mail"]), Some(true)),
            ("another word", no.clone(), Some(false)),
            ("a fact that held more often", is("T1", &["yes"]), Some(true)),
            ("a fact at a tie is not yes", is("T4", &["yes"]), None),
            ("nor no", is("T4", &["no"]), None),
            ("not observed", open.clone(), None),
            ("an indicator that nobody knows", is("Z", &["yes"]), None),
            ("a figure's word", is("F2", &["yes"]), Some(true)),
            ("a figure's number", below("F1", 4.5, 0), Some(true)),
            ("five percent failed of enough visits", below("T1", 95.0, 140), Some(true)),
            ("of too few visits", below("T1", 95.0, 201), None),
            ("faults in all", below("T2", 5.0, 0), Some(false)),
            ("points", score("H2", 50.0), Some(true)),
            ("points that do not reach", score("H2", 50.1), Some(false)),
            ("points that are not there", score("I1", 0.0), None),
            ("one of the steps ends so", ends("H1", Outcome::MustGoToWindow), Some(true)),
            ("none does", ends("H1", Outcome::LoginWall), Some(false)),
            ("our own fault is passed over", ends("H3", Outcome::Done), Some(true)),
            ("a step never reached leaves it open", ends("H3", Outcome::MustGoToWindow), None),
            ("what stands behind a login is open", ends("H4", Outcome::MustGoToWindow), None),
            ("that a login stands there is not", ends("H4", Outcome::LoginWall), Some(true)),
            ("nor is what stands behind a dead page told", ends("H5", Outcome::MustGoToWindow), None),
            ("points as they are published", score("R", 60.0), Some(true)),
            ("no steps at all", ends("H2", Outcome::Done), None),
            ("not what is not", Condition::Not(Box::new(no.clone())), Some(true)),
            ("not what is open", Condition::Not(Box::new(open.clone())), None),
            ("all, one open", Condition::All(vec![yes.clone(), open.clone()]), None),
            (
                "all, one false beside an open one",
                Condition::All(vec![open.clone(), no.clone()]),
                Some(false),
            ),
            ("all", Condition::All(vec![yes.clone(), yes.clone()]), Some(true)),
            ("any, one true beside an open one", Condition::Any(vec![open.clone(), yes]), Some(true)),
            ("any, one open", Condition::Any(vec![no.clone(), open]), None),
            ("any, none", Condition::Any(vec![no]), Some(false)),
        ];
        let seen = Seen { nodes: &nodes, figures: &figures };
        for (name, condition, want) in cases {
            assert_eq!(seen.holds(&condition), want, "{name}");
        }
    }
}
