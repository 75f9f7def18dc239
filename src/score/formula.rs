//! Formulas: what was seen → points of 100.
//!
//! Invariant: total: a formula that a source cannot serve gives nothing, and never 0.

use crate::domain::coding::Settled;
use crate::domain::profile::Formula;

use super::card::Value;

/// The points of a series' number: percent for shares, yes and no; seconds for percentiles; points for
/// steps and for checks, which are points already.
pub(super) fn points(formula: &Formula, number: f64) -> f64 {
    match formula {
        Formula::Share(Some(pieces)) | Formula::Percentile { pieces, .. } | Formula::Linear(pieces) => {
            pieces.at(number)
        }
        Formula::YesNo { yes, no } => no + (yes - no) * number / 100.0,
        Formula::Share(None) | Formula::Steps | Formula::Deduct { .. } | Formula::Choice(_) => number,
    }
}

/// The points that are left after faults: `100 · (1 − min(cap, Σ) / worth)`, at least 0.
pub(super) fn deduct(formula: &Formula, home: f64, elsewhere_faults: f64) -> Option<f64> {
    match formula {
        Formula::Deduct { each, elsewhere, cap, worth } => {
            let taken = (each * home + elsewhere * elsewhere_faults).min(*cap);
            Some((100.0 * (1.0 - taken / worth)).clamp(0.0, 100.0))
        }
        _ => None,
    }
}

/// What coders say about a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// It does not apply.
    DoesNotApply,
    /// It is worth so much.
    Points(f64, Value),
    /// Nothing that counts: disputed, or no word that the formula knows.
    Nothing,
}

/// Whether a settled value says that the indicator does not apply.
pub(super) fn does_not_apply(settled: &Settled) -> bool {
    settled.value.as_deref().is_some_and(|value| value.trim() == "na")
}

/// Reads a coded value: a number, yes or no, a word of the choices.
pub(super) fn coded(formula: &Formula, settled: &Settled) -> Said {
    if does_not_apply(settled) {
        return Said::DoesNotApply;
    }
    let Some(word) = settled.value.as_deref().map(str::trim) else {
        return Said::Nothing;
    };
    let as_word = || Value::Word { word: word.to_owned() };
    let read = match formula {
        Formula::YesNo { yes, no } => match word {
            "yes" => Some((*yes, as_word())),
            "no" => Some((*no, as_word())),
            _ => None,
        },
        Formula::Choice(choices) => {
            choices.iter().find(|choice| choice.word == word).map(|choice| (choice.points, as_word()))
        }
        Formula::Linear(pieces) => number(word).map(|number| (pieces.at(number), Value::Number { number })),
        Formula::Deduct { .. } => number(word).filter(|count| *count >= 0.0).and_then(|count| {
            Some((deduct(formula, count, 0.0)?, Value::Faults { home: count, elsewhere: 0.0 }))
        }),
        // Counts, times and credits of runs: a coder has none of them.
        Formula::Share(_) | Formula::Percentile { .. } | Formula::Steps => None,
    };
    read.map_or(Said::Nothing, |(points, value)| Said::Points(points, value))
}

/// A number that a person wrote.
pub(super) fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Choice, Pieces, Words};
    use crate::score::fixtures::settled;

    fn pieces(corners: &[(f64, f64)]) -> Pieces {
        Pieces::new(corners.to_vec()).unwrap()
    }

    #[test]
    fn numbers_become_points() {
        let visits = Formula::Share(Some(pieces(&[(90.0, 0.0), (95.0, 60.0), (98.5, 90.0), (99.9, 100.0)])));
        let speed = Formula::Percentile { p: 75.0, pieces: pieces(&[(3.0, 100.0), (10.0, 0.0)]) };
        let yes_no = Formula::YesNo { yes: 100.0, no: 20.0 };
        let cases = [
            ("above the last piece", &visits, 100.0, 100.0),
            ("at a corner", &visits, 98.5, 90.0),
            ("between corners", &visits, 96.75, 75.0),
            ("below the first piece", &visits, 50.0, 0.0),
            ("a share as it is", &Formula::Share(None), 87.5, 87.5),
            ("fast", &speed, 2.0, 100.0),
            ("half way", &speed, 6.5, 50.0),
            ("slow", &speed, 60.0, 0.0),
            ("always yes", &yes_no, 100.0, 100.0),
            ("never", &yes_no, 0.0, 20.0),
            ("every other time", &yes_no, 50.0, 60.0),
            ("steps", &Formula::Steps, 62.5, 62.5),
        ];
        for (name, formula, number, want) in cases {
            assert!((points(formula, number) - want).abs() < 1e-9, "{name}");
        }
    }

    #[test]
    fn faults_are_taken_off_up_to_the_cap() {
        let links = Formula::Deduct { each: 1.0, elsewhere: 0.1, cap: 15.0, worth: 15.0 };
        let guide = Formula::Deduct { each: 2.0, elsewhere: 0.0, cap: 16.0, worth: 32.0 };
        let cases = [
            ("none", &links, 0.0, 0.0, 100.0),
            ("three on the home page", &links, 3.0, 0.0, 80.0),
            ("thirty elsewhere", &links, 0.0, 30.0, 80.0),
            ("both", &links, 3.0, 30.0, 60.0),
            ("more than the cap", &links, 100.0, 100.0, 0.0),
            ("a cap below the worth", &guide, 100.0, 0.0, 50.0),
        ];
        for (name, formula, home, elsewhere, want) in cases {
            let points = deduct(formula, home, elsewhere).unwrap();
            assert!((points - want).abs() < 1e-9, "{name}: {points}");
        }
        assert_eq!(deduct(&Formula::Steps, 1.0, 1.0), None);
    }

    #[test]
    fn coders_words_become_points_or_nothing() {
        let yes_no = Formula::YesNo { yes: 100.0, no: 0.0 };
        let linear = Formula::Linear(pieces(&[(1.0, 0.0), (5.0, 100.0)]));
        let faults = Formula::Deduct { each: 12.5, elsewhere: 0.0, cap: 100.0, worth: 100.0 };
        let choice = Formula::Choice(vec![
            Choice { word: "electronic".into(), title: Words::default(), points: 100.0 },
            Choice { word: "mail".into(), title: Words::default(), points: 50.0 },
        ]);
        let cases: [(&str, &Formula, Option<&str>, Option<f64>); 14] = [
            ("yes", &yes_no, Some("yes"), Some(100.0)),
            ("no is a zero that was seen", &yes_no, Some(" no "), Some(0.0)),
            ("another word", &yes_no, Some("perhaps"), None),
            ("disputed", &yes_no, None, None),
            ("a choice", &choice, Some("mail"), Some(50.0)),
            ("no choice of the profile", &choice, Some("pigeon"), None),
            ("a rating", &linear, Some("4.0"), Some(75.0)),
            ("not a number", &linear, Some("NaN"), None),
            ("no number", &linear, Some("good"), None),
            ("two faults", &faults, Some("2"), Some(75.0)),
            ("less than none", &faults, Some("-2"), None),
            ("how a step ended", &Formula::Steps, Some("done"), None),
            ("a share", &Formula::Share(None), Some("90"), None),
            (
                "a percentile",
                &Formula::Percentile { p: 75.0, pieces: pieces(&[(0.0, 1.0)]) },
                Some("3"),
                None,
            ),
        ];
        for (name, formula, value, want) in cases {
            let said = coded(formula, &settled(value));
            let points = match said {
                Said::Points(points, _) => Some(points),
                Said::Nothing => None,
                Said::DoesNotApply => panic!("{name}"),
            };
            assert_eq!(points, want, "{name}");
        }
        assert_eq!(coded(&yes_no, &settled(Some("na"))), Said::DoesNotApply);
    }
}
