//! The profiles that come with the project: read without a fault and without a warning, and as the
//! method has them.

use std::collections::BTreeMap;
use std::path::Path;

use mystery_shopper::app::Profiles;
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::domain::profile::{Condition, Formula, Leaf, Node, NodeKind, Profile, Source};
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::profile::load_profile;

const ALL: [&str; 4] = ["d3-equal", "d3", "egov-benchmark", "site-check"];

fn profile(name: &str) -> Profile {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = Path::new("profiles").join(name).with_extension("toml");
    match load_profile(&file, &DiskFiles::new(root)) {
        Ok((profile, warnings)) => {
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
            assert_eq!(profile.id, name);
            profile
        }
        Err(faults) => panic!("{}", faults.render(false)),
    }
}

/// The weighted mean, in plain arithmetic.
fn total(tree: &[Node], means: &BTreeMap<&str, f64>) -> f64 {
    let weights: f64 = tree.iter().map(|node| node.weight).sum();
    tree.iter().map(|node| node.weight * means[node.id.as_str()]).sum::<f64>() / weights
}

fn leaf<'a>(profile: &'a Profile, id: &str) -> &'a Leaf {
    profile.leaves()[&IndicatorId::parse(id).unwrap()].1
}

#[test]
fn every_profile_of_the_project_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = DiskFiles::new(root).list(Path::new("profiles"));
    let wanted: Vec<_> =
        ALL.iter().map(|name| Path::new("profiles").join(name).with_extension("toml")).collect();
    assert_eq!(found, wanted);
    for name in ALL {
        let profile = profile(name);
        assert_eq!(profile.hash.len(), 64);
        for placed in profile.nodes() {
            let title = &placed.node.title;
            assert!(!title.zh.is_ascii(), "{}", title.zh);
            assert!(title.en.is_ascii(), "{}", title.en);
        }
    }
}

#[test]
fn the_published_means_make_the_published_total() {
    let means = BTreeMap::from([("A", 88.41), ("T", 92.93), ("H", 83.55), ("I", 86.48)]);
    let shown = |name: &str| format!("{:.2}", total(&profile(name).tree, &means));
    assert_eq!((shown("d3").as_str(), shown("d3-equal").as_str()), ("88.54", "87.84"));
}

#[test]
fn the_formulas_are_those_of_the_method() {
    let d3 = profile("d3");
    let share = match &leaf(&d3, "T1").formula {
        Formula::Share(Some(pieces)) => pieces.clone(),
        other => panic!("{other:?}"),
    };
    for (percent, points) in
        [(100.0, 100.0), (99.9, 100.0), (98.5, 90.0), (95.0, 60.0), (92.5, 30.0), (80.0, 0.0)]
    {
        assert!((share.at(percent) - points).abs() < 1e-9, "{percent}");
    }
    let times = match &leaf(&d3, "T3").formula {
        Formula::Percentile { p, pieces } if (p - 75.0).abs() < 1e-9 => pieces.clone(),
        other => panic!("{other:?}"),
    };
    for (seconds, points) in [(1.0, 100.0), (3.0, 100.0), (6.5, 50.0), (10.0, 0.0), (60.0, 0.0)] {
        assert!((times.at(seconds) - points).abs() < 1e-9, "{seconds}");
    }
    let clicks = match &leaf(&d3, "A1.clicks").formula {
        Formula::Linear(pieces) => pieces.clone(),
        other => panic!("{other:?}"),
    };
    for (clicks_taken, points) in
        [(1.0, 100.0), (3.0, 100.0), (4.0, 70.0), (5.0, 40.0), (6.0, 10.0), (7.0, 0.0)]
    {
        assert!((clicks.at(clicks_taken) - points).abs() < 1e-9, "{clicks_taken}");
    }
    assert_eq!(
        leaf(&d3, "T2").formula,
        Formula::Deduct { each: 1.0, elsewhere: 0.1, cap: 15.0, worth: 15.0 }
    );
    assert_eq!(leaf(&d3, "T2").sources, [Source::Links]);
    assert_eq!(
        leaf(&d3, "A2").formula,
        Formula::Deduct { each: 12.5, elsewhere: 0.0, cap: 100.0, worth: 100.0 }
    );
    assert_eq!(leaf(&d3, "A2").sources, [Source::Coded]);
    assert!(
        matches!(&d3.vetoes[0].when, Condition::Value { at_least_n: 140, within, .. } if within.at_most == Some(95.0))
    );
    assert_eq!(d3.vetoes[0].cap, Some(59.0));
    assert_eq!(d3.findings.len(), 19);
}

#[test]
fn the_site_check_adds_up_to_a_hundred_and_thirty() {
    let check = profile("site-check");
    let sum = |nodes: &[Node]| nodes.iter().map(|node| node.weight).sum::<f64>();
    let bonus = check.bonus.as_ref().unwrap();
    let alike = |one: f64, other: f64| (one - other).abs() < 1e-9;
    assert!(alike(sum(&check.tree), 100.0) && alike(sum(&bonus.tree), 30.0) && alike(bonus.above, 80.0));
    for parent in &check.tree {
        match &parent.kind {
            NodeKind::Parent(children) => assert!(alike(sum(children), parent.weight), "{}", parent.id),
            NodeKind::Leaf(_) => panic!("{}", parent.id),
        }
    }
}

#[test]
fn the_benchmark_has_four_dimensions_and_fourteen_indicators() {
    let benchmark = profile("egov-benchmark");
    assert_eq!((benchmark.tree.len(), benchmark.leaves().len()), (4, 14));
    // Whatever of it is not public says so.
    assert!(benchmark.leaves().values().all(|(node, _)| node.assumed.is_some()));
}

#[test]
fn an_id_asks_the_same_in_every_profile() {
    // Observations are kept under it, so a coder's sheet serves all of them.
    let mut seen: BTreeMap<IndicatorId, (&str, Vec<Source>, &str)> = BTreeMap::new();
    for name in ALL {
        for (id, (_, leaf)) in profile(name).leaves() {
            let kind = match leaf.formula {
                Formula::Steps => "steps",
                Formula::Share(_) => "share",
                Formula::Percentile { .. } => "percentile",
                Formula::Deduct { .. } => "count",
                Formula::Linear(_) => "number",
                Formula::YesNo { .. } => "yes or no",
                Formula::Choice(_) => "choice",
            };
            let (first, sources, known) =
                seen.entry(id.clone()).or_insert((name, leaf.sources.clone(), kind));
            assert_eq!((&leaf.sources, kind), (&*sources, *known), "{id} in {first} and {name}");
        }
    }
}

#[test]
fn what_the_scenarios_measure_is_known_to_a_profile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let profiles = Profiles::beside(root);
    assert!(profiles.diagnostics.is_empty() && profiles.good.len() == ALL.len());
    for folder in ["scenarios", "scenarios/real"] {
        for file in DiskFiles::new(root).list(Path::new(folder)) {
            let said = profiles.unknown_measures(root, &file);
            assert!(said.is_empty(), "{said:?}");
        }
    }
}

#[test]
fn the_equal_weights_change_nothing_but_weights() {
    let (d3, equal) = (profile("d3"), profile("d3-equal"));
    let plain = |profile: &Profile| -> Vec<_> {
        let nodes = profile.nodes().into_iter();
        nodes
            .map(|placed| (placed.node.id.clone(), placed.parent.cloned(), placed.node.title.clone()))
            .collect()
    };
    assert_eq!(plain(&d3), plain(&equal));
    assert_eq!(
        d3.leaves().into_values().map(|(_, leaf)| leaf).collect::<Vec<_>>(),
        equal.leaves().into_values().map(|(_, leaf)| leaf).collect::<Vec<_>>()
    );
    assert_eq!((&d3.findings, &d3.vetoes, &d3.figures), (&equal.findings, &equal.vetoes, &equal.figures));
    assert!(equal.nodes().iter().all(|placed| (placed.node.weight - 1.0).abs() < 1e-9));
}
