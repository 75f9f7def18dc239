//! Who is right, and how well coders agree, as sentences.

use jiff::Timestamp;

use super::*;
use crate::domain::profile::{Choice, Leaf, Node, NodeKind, Profile, Scale, Source, Words};

fn coding(coder: &str, target: &str, value: &str, at: i64) -> Coding {
    Coding {
        coder: coder.to_owned(),
        indicator: IndicatorId::parse("H2").unwrap(),
        target: target.into(),
        value: value.to_owned(),
        at: Timestamp::from_second(at).unwrap(),
        note: String::new(),
        evidence: None,
        source: String::new(),
        year: None,
    }
}

fn only(codings: Vec<Coding>) -> Settled {
    let mut settled = settle(codings);
    assert_eq!(settled.len(), 1);
    settled.pop_first().unwrap().1
}

/// A story: who said what when, and what counts of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str, i64)], Option<&'a str>, Settling);

#[test]
fn what_counts_is_what_two_say_or_a_third_decides() {
    use Settling::{Agreed, Disputed, Single, ThirdCoder};
    let cases: &[Case<'_>] = &[
        ("one alone", &[("li", "yes", 1)], Some("yes"), Single),
        ("one who corrects himself", &[("li", "yes", 1), ("li", "no", 2)], Some("no"), Single),
        ("the newest, in whatever order", &[("li", "no", 2), ("li", "yes", 1)], Some("no"), Single),
        ("of one time, the later written", &[("li", "yes", 1), ("li", "no", 1)], Some("no"), Single),
        ("two agree", &[("li", "yes", 1), ("wang", "yes", 2)], Some("yes"), Agreed),
        ("numbers agree by value", &[("li", "4.0", 1), ("wang", "4", 2)], Some("4.0"), Agreed),
        ("two disagree", &[("li", "yes", 1), ("wang", "no", 2)], None, Disputed),
        ("na is a word like others", &[("li", "na", 1), ("wang", "no", 2)], None, Disputed),
        (
            "a third settles",
            &[("li", "yes", 1), ("wang", "no", 2), ("zhao", "no", 3)],
            Some("no"),
            ThirdCoder,
        ),
        (
            "the third is who came third",
            &[("zhao", "b", 3), ("li", "a", 1), ("wang", "c", 2)],
            Some("b"),
            ThirdCoder,
        ),
        (
            "a correction moves nobody's place",
            &[("li", "a", 1), ("wang", "b", 2), ("zhao", "c", 3), ("li", "d", 4)],
            Some("c"),
            ThirdCoder,
        ),
        (
            "a correction ends the dispute",
            &[("li", "a", 1), ("wang", "b", 2), ("wang", "a", 3)],
            Some("a"),
            Agreed,
        ),
        (
            "a fourth changes nothing",
            &[("li", "a", 1), ("wang", "b", 2), ("zhao", "c", 3), ("qian", "a", 4)],
            Some("c"),
            ThirdCoder,
        ),
        ("three agree", &[("li", "a", 1), ("wang", "a", 2), ("zhao", "a", 3)], Some("a"), Agreed),
        ("a late doubt", &[("li", "a", 1), ("wang", "a", 2), ("zhao", "b", 3)], None, Disputed),
    ];
    for (name, said, value, how) in cases {
        let codings = said.iter().map(|(coder, value, at)| coding(coder, "a", value, *at)).collect();
        let settled = only(codings);
        assert_eq!((settled.value.as_deref(), settled.how), (*value, *how), "{name}");
    }
}

#[test]
fn of_figures_the_newest_year_counts() {
    let figure = |value: &str, year, at| Coding { year, ..coding("li", "a", value, at) };
    let settled = only(vec![figure("7", Some(2025), 1), figure("6", Some(2024), 9), figure("5", None, 9)]);
    assert_eq!((settled.value.as_deref(), settled.codings.len()), (Some("7"), 1));
}

fn profile() -> Profile {
    let words = |text: &str| Words { zh: text.to_owned(), en: text.to_owned() };
    let choice = |word: &str, points| Choice { word: word.to_owned(), title: words(word), points };
    let leaf = Leaf {
        sources: vec![Source::Coded],
        formula: Formula::Choice(vec![
            choice("electronic", 100.0),
            choice("mail", 50.0),
            choice("window", 0.0),
        ]),
        scale: Scale::Ordinal,
    };
    let id = IndicatorId::parse("H2").unwrap();
    let node = Node { id, title: words("证照"), weight: 1.0, assumed: None, kind: NodeKind::Leaf(leaf) };
    Profile {
        id: "p".to_owned(),
        title: words("p"),
        hash: String::new(),
        coverage_floor: 70.0,
        grades: Vec::new(),
        tree: vec![node],
        bonus: None,
        vetoes: Vec::new(),
        findings: Vec::new(),
        figures: Vec::new(),
    }
}

use crate::domain::profile::Formula;

#[test]
fn agreement_is_told_with_who_said_what() {
    let (all, some) =
        (["electronic", "mail", "window", "window", "na"], ["electronic", "mail", "mail", "window", "na"]);
    let mut codings = Vec::new();
    for (i, (one, other)) in all.iter().zip(some).enumerate() {
        let target = format!("t{i}");
        codings.extend([coding("li", &target, one, 1), coding("wang", &target, other, 2)]);
    }
    codings.push(coding("zhao", "t2", "window", 3));
    codings.push(coding("zhao", "alone", "window", 3));
    let settled = settle(codings);
    let compared = compare(Some(&profile()), &settled);
    let [one] = compared.as_slice() else { panic!("{compared:?}") };
    assert_eq!((one.scale, one.units), (Scale::Ordinal, 5));
    assert_eq!(one.coders, ["li", "wang", "zhao"]);
    assert_eq!(one.kappa_of, Some(("li".to_owned(), "wang".to_owned(), 5)));
    // Five pairs: what the third said of t2 settles it, and is no pair.
    assert!((one.agreement - 80.0).abs() < 1e-9, "{}", one.agreement);
    let disputed: Vec<_> =
        one.disagreements.iter().map(|it| (it.target.as_str(), it.value.as_deref())).collect();
    assert_eq!(disputed, [("t2", Some("window"))]);
    assert_eq!(one.disagreements[0].how, Settling::ThirdCoder);
    assert!(one.alpha.nominal.is_some() && one.alpha.ordinal.is_some() && one.alpha.interval.is_some());
    // `na` has no place in the order, so only α by names knows it.
    let without: Vec<Vec<usize>> = vec![vec![0, 0], vec![1, 1], vec![2, 1], vec![2, 2]];
    assert_eq!(one.alpha.ordinal, alpha(&without, Metric::Ordinal));
    assert_eq!(one.alpha.interval, alpha(&without, Metric::Interval(&[100.0, 50.0, 0.0])));

    let reliable = reliability(&profile(), &settled);
    let told = reliable.values().next().unwrap();
    assert_eq!((told.units, told.alpha), (5, one.alpha.ordinal));
    let mut other = profile();
    other.tree.clear();
    assert!(reliability(&other, &settled).is_empty(), "it is none of that profile's");
}

#[test]
fn the_scale_is_guessed_where_no_profile_says_it() {
    let cases: &[(&str, [&str; 4], Scale, [bool; 3])] = &[
        ("numbers", ["1", "2.5", "1.0", "3"], Scale::Interval, [true, true, true]),
        ("yes and no", ["yes", "no", "yes", "yes"], Scale::Nominal, [true, true, true]),
        ("words", ["red", "blue", "red", "red"], Scale::Nominal, [true, false, false]),
        ("a number among words", ["red", "1", "red", "red"], Scale::Nominal, [true, false, false]),
        ("all the same", ["yes", "yes", "yes", "yes"], Scale::Nominal, [false, false, false]),
    ];
    for (name, values, scale, defined) in cases {
        let [a, b, c, d] = values;
        let codings = vec![
            coding("li", "a", a, 1),
            coding("wang", "a", b, 1),
            coding("li", "b", c, 1),
            coding("wang", "b", d, 1),
        ];
        let compared = compare(None, &settle(codings));
        let Alphas { nominal, ordinal, interval } = compared[0].alpha;
        assert_eq!(compared[0].scale, *scale, "{name}");
        assert_eq!([nominal, ordinal, interval].map(|it| it.is_some()), *defined, "{name}");
    }
}

#[test]
fn a_low_alpha_is_not_reliable_and_a_middling_one_tentative() {
    // Two coders, ten targets, yes or no; so many of them disagree.
    let level = |differ: usize| {
        let mut codings = Vec::new();
        for i in 0..20 {
            let word = if i % 2 == 0 { "yes" } else { "no" };
            let turned = if i % 2 == 0 { "no" } else { "yes" };
            let other = if i < differ { turned } else { word };
            let target = format!("t{i:02}");
            codings.extend([coding("li", &target, word, 1), coding("wang", &target, other, 2)]);
        }
        compare(None, &settle(codings))[0].level
    };
    assert_eq!(level(0), Level::Reliable);
    assert_eq!(level(3), Level::Tentative);
    assert_eq!(level(6), Level::NotReliable);
}

#[test]
fn a_third_coder_does_not_change_how_well_the_first_two_agree() {
    let codings = |third: bool| -> Vec<Coding> {
        let mut all = Vec::new();
        for n in 0..10 {
            let target = format!("c{n}");
            let value = if n < 5 { "yes" } else { "no" };
            all.push(coding("li", &target, value, 1));
            all.push(coding("wang", &target, if n < 2 { "no" } else { value }, 2));
            if third && n < 2 {
                all.push(coding("zhao", &target, "yes", 3));
            }
        }
        all
    };
    let figures = |third| {
        let one = compare(None, &settle(codings(third))).remove(0);
        (one.agreement, one.kappa, one.alpha, one.units)
    };
    assert!((figures(false).0 - 80.0).abs() < 1e-9);
    assert_eq!(figures(true), figures(false));
    let settled = compare(None, &settle(codings(true))).remove(0);
    assert_eq!(settled.disagreements.len(), 2);
    assert_eq!(settled.disagreements[0].said.len(), 3, "who said what stays known");
}
