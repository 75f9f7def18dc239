//! What is said about many targets, as stories of a few.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::analyse;
use crate::domain::outcome::Outcome;
use crate::domain::profile::{Condition, Finding, Formula, Profile, Source, Words};
use crate::score::analysis::Analysis;
use crate::score::card::Assessment;
use crate::score::fixtures::{coded, id, leaf, number, parent, period, profile, step, subject};
use crate::score::material::{Observed, Subject};
use crate::score::{Options, assess};

/// A target with labels.
fn place(name: &str, labels: &[(&str, &str)]) -> Subject {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Subject { labels, ..subject(name) }
}

fn scored(profile: &Profile, year: i16, observed: &[(Subject, Observed)]) -> Assessment {
    assess(profile, &period(year), observed, &Options { resamples: 0, seed: 0 })
}

fn analysed(profile: &Profile, observed: &[(Subject, Observed)]) -> Analysis {
    analyse(profile, &scored(profile, 2026, observed), None)
}

#[test]
fn regions_are_ranked_and_name_their_best_and_worst() {
    let profile = profile(vec![number("A", 3.0), number("B", 1.0)]);
    let city = |name, region, points: &str| {
        (place(name, &[("region", region)]), coded(&[("A", points), ("B", points)]))
    };
    let observed = [
        city("a", "east", "90"),
        city("b", "east", "70"),
        city("c", "west", "85"),
        city("d", "north", "85"),
        (place("e", &[("region", "north")]), Observed::default()),
        // Below the floor: shown with its total, counted nowhere.
        (place("f", &[("region", "east")]), coded(&[("B", "20")])),
        (place("g", &[("region", "nowhere")]), Observed::default()),
        city("h", "none", "10"),
    ];
    let analysis = analysed(&profile, &observed);
    let rows: Vec<_> = analysis
        .regions
        .iter()
        .map(|it| {
            (it.rank, it.name.as_str(), it.mean, it.n, it.best.as_str(), it.worst.as_str(), it.in_top_ten)
        })
        .collect();
    let want = [
        (1, "north", 85.0, 1, "d", "d", 1),
        (1, "west", 85.0, 1, "c", "c", 1),
        (3, "east", 80.0, 2, "a", "b", 2),
        (4, "none", 10.0, 1, "h", "h", 1),
    ];
    assert_eq!(rows, want);
    assert_eq!(analysis.region_gap(), Some(75.0));
    assert_eq!(analysis.regions[2].means, BTreeMap::from([(id("A"), 80.0), (id("B"), 80.0)]));
    assert_eq!(analysis.mean, Some(68.0));
    assert_eq!(analysis.means[&id("A")].n, 5, "of those that have points for it");
    let grades: Vec<_> = analysis.grades.iter().map(|it| (it.count, it.share.round())).collect();
    assert_eq!(grades, [(3, 60.0), (1, 20.0)], "of the ranked; one of them has no grade");
}

#[test]
fn findings_count_those_of_whom_it_is_known() {
    let mut profile = profile(vec![
        leaf("H", 1.0, &[Source::Coded], Formula::YesNo { yes: 100.0, no: 0.0 }),
        number("A", 9.0),
    ]);
    let finding = |id: &str, indicator: &str, word: &str| Finding {
        id: id.to_owned(),
        when: Condition::Is {
            indicator: crate::score::fixtures::id(indicator),
            words: vec![word.to_owned()],
        },
        sentence: Words {
            zh: "{count}个城市（{share}%，n＝{n}）没有表格，如{examples}".to_owned(),
            en: "{count} of {n} cities ({share} %) have no form: {examples}".to_owned(),
        },
    };
    profile.findings =
        vec![finding("no-form", "H", "no"), finding("form", "H", "yes"), finding("unknown", "Z", "no")];
    let city = |name: &str, form: &str, points: &str| (subject(name), coded(&[("H", form), ("A", points)]));
    let observed = [
        city("a", "no", "90"),
        city("b", "no", "30"),
        city("{n}", "no", "60"),
        city("d", "no", "50"),
        (subject("e"), coded(&[("A", "90")])),
        city("f", "na", "90"),
        (subject("g"), coded(&[("H", "yes")])),
        city("h", "yes", "1"),
    ];
    let analysis = analysed(&profile, &observed);
    let [no_form, form] = analysis.findings.as_slice() else { panic!("known of nobody is left out") };
    assert_eq!((no_form.count, no_form.n), (4, 6));
    assert_eq!(no_form.sentence.zh, "4个城市（66.67%，n＝6）没有表格，如b、d、{n}");
    assert_eq!(no_form.sentence.en, "4 of 6 cities (66.67 %) have no form: b, d and {n}");
    assert_eq!(no_form.targets.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["b", "d", "{n}", "a"]);
    assert_eq!((form.count, form.n, form.share), (2, 6, 33.33));
}

#[test]
fn only_what_was_measured_alike_is_compared() {
    let yes_no = Formula::YesNo { yes: 100.0, no: 0.0 };
    let tree = |formula: Formula, weight| {
        vec![
            parent("T", weight, vec![number("T1", 1.0), number("T2", 1.0)]),
            parent("H", 1.0, vec![number("H1", 1.0), leaf("H2", 1.0, &[Source::Coded], formula)]),
        ]
    };
    let old = profile(tree(yes_no.clone(), 1.0));
    let mut new = profile(tree(Formula::YesNo { yes: 100.0, no: 50.0 }, 3.0));
    new.hash = "second".to_owned();
    let seen = |name: &str, values: &[(&str, &str)]| (subject(name), coded(values));
    let before = scored(
        &old,
        2025,
        &[
            seen("a", &[("T1", "80"), ("T2", "60"), ("H1", "50"), ("H2", "no")]),
            seen("b", &[("T1", "90"), ("H1", "70")]),
            seen("gone", &[("T1", "10")]),
        ],
    );
    let now = [
        seen("a", &[("T1", "90"), ("T2", "70"), ("H1", "50"), ("H2", "no")]),
        seen("b", &[("T1", "80"), ("T2", "100"), ("H1", "80")]),
        seen("new", &[("T1", "100")]),
    ];
    let change = analyse(&new, &scored(&new, 2026, &now), Some(&before)).change.unwrap();
    assert_eq!(change.against, (date(2025, 11, 1), date(2025, 11, 30)));
    assert_eq!(change.not_comparable, [id("H2")]);
    let nodes: Vec<_> = change.nodes.iter().map(|it| (it.id.as_str(), it.before, it.after, it.n)).collect();
    // T of b is T1 alone, because T2 was not observed then; H is not told, because H2 is below it.
    let want = [("T", 80.0, 80.0, 2), ("T1", 85.0, 85.0, 2), ("T2", 60.0, 70.0, 1), ("H1", 60.0, 65.0, 2)];
    assert_eq!(nodes, want);
    let movers: Vec<_> = change.movers.iter().map(|it| (it.target.as_str(), it.before, it.after)).collect();
    assert_eq!(movers, [("a", 65.0, 72.5), ("b", 85.0, 80.0)], "with the weights of now, over T1, T2 and H1");

    let same = analyse(&old, &scored(&old, 2026, &now), Some(&before)).change.unwrap();
    assert_eq!(same.not_comparable, []);
    assert!(same.nodes.iter().any(|it| it.id == id("H")));
}

#[test]
fn two_instruments_are_not_compared() {
    use crate::domain::verdict::Verdict;
    use crate::score::fixtures::visits;
    let both = [Source::Steps, Source::Visits];
    let profile = profile(vec![leaf("T1", 1.0, &both, Formula::Share(None))]);
    let asked = || Observed {
        runs: vec![visits(&[(0, &[(Verdict::Pass, 9), (Verdict::Fail, 1)], &[])])],
        ..Observed::default()
    };
    let walked = || Observed {
        steps: vec![step("s", "home", 0, "T1", &[(0, &[(Outcome::Done, 10)])])],
        ..Observed::default()
    };
    let before = scored(&profile, 2025, &[(subject("a"), asked()), (subject("b"), asked())]);
    let now = scored(&profile, 2026, &[(subject("a"), walked()), (subject("b"), asked())]);
    let change = analyse(&profile, &now, Some(&before)).change.unwrap();
    let nodes: Vec<_> = change.nodes.iter().map(|it| (it.before, it.after, it.n)).collect();
    assert_eq!(nodes, [(90.0, 90.0, 1)], "a was looked at with a browser this year");
}

#[test]
fn ranks_move_when_weights_do() {
    let profile = profile(vec![number("A", 45.0), number("B", 5.0)]);
    let city = |name: &str, a: &str, b: &str| (subject(name), coded(&[("A", a), ("B", b)]));
    // 90 and 10 of a hundred: totals 82, 79, 78; with 80 and 20: 74, 78, 76.
    let observed = [city("a", "90", "10"), city("b", "80", "70"), city("c", "80", "60")];
    let analysis = analysed(&profile, &observed);
    let rows: Vec<_> = analysis
        .sensitivity
        .iter()
        .map(|it| {
            (
                it.id.as_str(),
                it.by.round(),
                it.moved,
                it.most,
                it.regraded,
                it.tau.map(|tau| (tau * 100.0).round()),
            )
        })
        .collect();
    let want = [
        // All weight on A: b and c are equal, and all are above 80.
        ("A", 10.0, 1, 1, 2, Some(82.0)),
        ("A", -10.0, 3, 2, 1, Some(-33.0)),
        ("B", 10.0, 3, 2, 1, Some(-33.0)),
        ("B", -10.0, 1, 1, 2, Some(82.0)),
    ];
    assert_eq!(rows, want);
}

#[test]
fn channels_stand_side_by_side() {
    let profile = profile(vec![leaf("H1", 1.0, &[Source::Steps], Formula::Steps)]);
    let ends = |outcome| Observed {
        steps: vec![step("s", "gate", 0, "H1", &[(0, &[(outcome, 2)])])],
        ..Observed::default()
    };
    let channel = |name, place_name, channel| place(name, &[("province", place_name), ("channel", channel)]);
    let observed = [
        (channel("a-app", "甲", "app"), ends(Outcome::OnlineReady)),
        (channel("b-portal", "乙", "portal"), ends(Outcome::LoginWall)),
        (channel("a-portal", "甲", "portal"), ends(Outcome::AppOnly)),
        (channel("a-portal-2", "甲", "portal"), Observed::default()),
        (place("no-channel", &[("province", "甲")]), Observed::default()),
    ];
    let channels = analysed(&profile, &observed).channels.unwrap();
    assert_eq!(channels.channels, ["app", "portal"]);
    let rows: Vec<(&str, Vec<_>)> = channels
        .rows
        .iter()
        .map(|row| {
            let cell = |cell: &crate::score::analysis::ChannelCell| {
                (cell.target.to_string(), cell.total, cell.outcome)
            };
            (row.place.as_str(), row.cells.iter().map(|it| it.as_ref().map(cell)).collect())
        })
        .collect();
    let want = [
        (
            "甲",
            vec![
                Some(("a-app".to_owned(), Some(100.0), Some(Outcome::OnlineReady))),
                Some(("a-portal".to_owned(), Some(50.0), Some(Outcome::AppOnly))),
            ],
        ),
        ("乙", vec![None, Some(("b-portal".to_owned(), None, Some(Outcome::LoginWall)))]),
    ];
    assert_eq!(rows, want);
    assert_eq!(analysed(&profile, &[(subject("alone"), Observed::default())]).channels, None);
}

#[test]
fn of_nothing_nothing_is_said() {
    let profile = profile(vec![number("A", 1.0), number("B", 1.0)]);
    let empty = scored(&profile, 2026, &[]);
    let analysis = analyse(&profile, &empty, Some(&empty));
    assert_eq!((analysis.mean, analysis.regions.len(), analysis.region_gap()), (None, 0, None));
    assert!(analysis.sensitivity.iter().all(|it| it.tau.is_none() && it.moved == 0));
    let change = analysis.change.unwrap();
    assert!(change.nodes.is_empty() && change.movers.is_empty());
}
