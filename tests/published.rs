//! The published assessment of 2022, reproduced: 55 synthetic cities whose points average to its means
//! give its total, its grades, its sentences, its gap between regions and its change.
//!
//! Only means and counts are published, so the cities are made up: a total for each, dealt out to seven
//! regions, and what would have to be observed for it. Weights, formulas, grades and sentences are those of
//! `profiles/d3.toml`. Technical support is scored from visits, link checks and facts; the other three
//! are handed in as points. With the leaves of d3 the published findings and the published means cannot
//! both hold (six cities in all that verify identity by data leave at most 81.4 for handling, and 83.55
//! are published), so the findings are read from what coders wrote, beside the score.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::date;
use mystery_shopper::domain::coding::{Coding, Settled, Settling};
use mystery_shopper::domain::ids::{ProbeId, RunId, TargetId};
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::domain::profile::{
    Figure, Formula, Leaf, Node, NodeKind, Pieces, Profile, Scale, Source,
};
use mystery_shopper::domain::run::RunKind;
use mystery_shopper::domain::verdict::Verdict;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::profile::load_profile;
use mystery_shopper::score::analysis::Analysis;
use mystery_shopper::score::card::Assessment;
use mystery_shopper::score::material::{LinkCheck, Observed, Period, RunDay, RunSeries, Subject, TraitDay};
use mystery_shopper::score::{Options, analyse, assess, two_digits};
use serde::Deserialize;

#[derive(Deserialize)]
struct Published {
    cities: u64,
    total: f64,
    equal_total: f64,
    region_gap: f64,
    mean: Vec<PublishedMean>,
    grade: Vec<PublishedGrade>,
    change: Vec<PublishedChange>,
    finding: Vec<PublishedFinding>,
}

#[derive(Deserialize)]
struct PublishedMean {
    id: IndicatorId,
    zh: String,
    en: String,
    mean: f64,
    weight: f64,
}

#[derive(Deserialize)]
struct PublishedGrade {
    zh: String,
    en: String,
    from: f64,
    count: u64,
    share: String,
}

#[derive(Deserialize)]
struct PublishedChange {
    id: IndicatorId,
    zh: String,
    before: f64,
    after: f64,
}

#[derive(Deserialize)]
struct PublishedFinding {
    id: String,
    indicator: IndicatorId,
    word: String,
    count: u64,
    share: String,
    zh: String,
    en: String,
}

fn published() -> Published {
    toml::from_str(include_str!("published/means-2022.toml")).unwrap()
}

/// The profile that comes with the project, before [`flattened`].
fn profile() -> Profile {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match load_profile(Path::new("profiles/d3.toml"), &DiskFiles::new(root)) {
        Ok((profile, _)) => profile,
        Err(faults) => panic!("{}", faults.render(false)),
    }
}

/// The profile with one number for everything but technical support, and with what was below as figures,
/// which findings look at and no score is made of.
fn flattened(mut profile: Profile) -> Profile {
    for node in profile.tree.iter_mut().filter(|node| node.id.as_str() != "T") {
        let formula = Formula::Linear(pieces(&[(0.0, 0.0), (100.0, 100.0)]));
        let leaf = Leaf { sources: vec![Source::Coded], formula, scale: Scale::Interval };
        let below = std::mem::replace(&mut node.kind, NodeKind::Leaf(leaf));
        lift(below, &mut profile.figures);
    }
    profile
}

fn lift(kind: NodeKind, figures: &mut Vec<Figure>) {
    let NodeKind::Parent(children) = kind else { return };
    for child in children {
        figures.push(Figure { id: child.id, title: child.title });
        lift(child.kind, figures);
    }
}

fn id(text: &str) -> IndicatorId {
    IndicatorId::parse(text).unwrap()
}

fn pieces(corners: &[(f64, f64)]) -> Pieces {
    Pieces::new(corners.to_vec()).unwrap()
}

/// The region of each city, the best city first: dealt so that their means lie 6.30 apart.
const DEAL: &str = "0012000100100123236231110553532343564646344625626653554";
const REGIONS: [&str; 7] = ["华东", "华南", "华北", "华中", "西南", "西北", "东北"];

/// How far each city's total lies from the mean, the best first: 23 at 90 and above, 30 from 80, two
/// from 70, and all together at the mean.
fn deviations(mean: f64) -> Vec<f64> {
    let best = (0..23).map(|place| 92.52 - 0.11 * f64::from(place));
    let last = [79.40, 76.60];
    let middle = (55.0 * mean - best.clone().sum::<f64>() - last.iter().sum::<f64>()) / 30.0;
    let between = (0..30).map(|place| middle + 2.7 - 5.4 * f64::from(place) / 29.0);
    best.chain(between).chain(last).map(|total| total - mean).collect()
}

/// What of a leaf has to be observed for these points: the number that pieces lead there.
fn inverse(pieces: &Pieces, points: f64) -> f64 {
    let between = |pair: &[(f64, f64)]| {
        let [(x0, y0), (x1, y1)] = *pair else { return None };
        let inside = (points - y0) * (points - y1) <= 0.0;
        inside.then(|| x0 + (x1 - x0) * (points - y0) / (y1 - y0))
    };
    pieces.corners().windows(2).find_map(between).unwrap()
}

/// A whole number near a number.
fn whole(number: f64) -> u64 {
    format!("{number:.0}").parse().unwrap()
}

/// What would have to be observed of technical support: `points` of T1, T2, and of T3 and the parts of T4.
fn technical(profile: &Profile, [t1, t2, rest]: [f64; 3]) -> Observed {
    let leaves = profile.leaves();
    let formula = |name: &str| &leaves[&id(name)].1.formula;
    let (Formula::Share(Some(opened)), Formula::Percentile { pieces: speed, .. }) =
        (formula("T1"), formula("T3"))
    else {
        panic!("T1 is a share and T3 a percentile")
    };
    let Formula::Deduct { elsewhere, worth, .. } = formula("T2") else { panic!("T2 is a deduction") };
    let of: u64 = 10_000_000;
    let good = whole(inverse(opened, t1) * of as f64 / 100.0);
    let time = u32::try_from(whole(inverse(speed, rest) * 1000.0)).unwrap();
    let day = RunDay {
        day: 0,
        verdicts: vec![(Verdict::Pass, good), (Verdict::Fail, of - good)],
        times: vec![(time, 1000)],
    };
    let visits = RunSeries { probe: ProbeId::from("home"), kind: RunKind::Visit, days: vec![day] };
    let checks: u64 = 200;
    let faults = whole((1.0 - t2 / 100.0) * worth / elsewhere * checks as f64);
    let link = |place: u64| LinkCheck {
        run: RunId::from(format!("check-{place}").as_str()),
        day: u16::try_from(place % 30).unwrap(),
        home: 0,
        elsewhere: u32::try_from(faults / checks + u64::from(place < faults % checks)).unwrap(),
        checked: 2000,
    };
    let yes = whole(rest * 10_000.0);
    let facts = [Source::Tls, Source::Viewport, Source::Ipv6, Source::Accessible];
    Observed {
        runs: vec![visits],
        links: (0..checks).map(link).collect(),
        traits: facts.map(|fact| TraitDay { day: 0, fact, yes, no: 1_000_000 - yes }).to_vec(),
        ..Observed::default()
    }
}

/// A value that a coder wrote.
fn wrote(target: &TargetId, indicator: &IndicatorId, value: String) -> (IndicatorId, Settled) {
    let coding = Coding {
        coder: "first".to_owned(),
        indicator: indicator.clone(),
        target: target.clone(),
        value: value.clone(),
        at: "2022-12-01T02:00:00Z".parse().unwrap(),
        note: String::new(),
        evidence: None,
        source: String::new(),
        year: None,
    };
    (indicator.clone(), Settled { value: Some(value), how: Settling::Single, codings: vec![coding] })
}

/// The cities of a year. `leaves` are the means of T1 and T2 in it.
fn cities(profile: &Profile, [t1, t2]: [f64; 2]) -> Vec<(Subject, Observed)> {
    let published = published();
    let mean = |id: &str| published.mean.iter().find(|it| it.id.as_str() == id).unwrap().mean;
    let total = weighted(published.mean.iter().map(|it| (it.weight, it.mean)));
    let findings = findings_by_city(&published);
    let children = |node: &Node| match &node.kind {
        NodeKind::Parent(children) => children.iter().map(|child| child.weight).collect::<Vec<_>>(),
        NodeKind::Leaf(_) => vec![],
    };
    let below = children(profile.tree.iter().find(|node| node.id.as_str() == "T").unwrap());
    let [w1, w2, w3, w4] = below[..] else { panic!("T has four parts") };
    deviations(total)
        .into_iter()
        .zip(DEAL.chars())
        .zip(findings)
        .enumerate()
        .map(|(place, ((deviation, region), coded))| {
            let subject = Subject {
                id: TargetId::from(format!("city-{place:02}").as_str()),
                name: format!("城市{:02}", place + 1),
                labels: BTreeMap::from([(
                    "region".to_owned(),
                    REGIONS[region.to_digit(10).unwrap() as usize].to_owned(),
                )]),
            };
            let (t1, t2) = (t1 + 0.2 * deviation, t2 + 0.1 * deviation);
            let rest = ((mean("T") + deviation) * (w1 + w2 + w3 + w4) - w1 * t1 - w2 * t2) / (w3 + w4);
            let mut observed = technical(profile, [t1, t2, rest.min(100.0)]);
            observed.coded = coded.into_iter().map(|(id, word)| wrote(&subject.id, &id, word)).collect();
            for name in ["A", "H", "I"] {
                let points = (mean(name) + deviation).to_string();
                observed.coded.extend([wrote(&subject.id, &id(name), points)]);
            }
            (subject, observed)
        })
        .collect()
}

/// What coders wrote of each city, so that each finding holds for as many as published; of findings
/// about the same indicator, for others each.
fn findings_by_city(published: &Published) -> Vec<BTreeMap<IndicatorId, String>> {
    let mut cities = vec![BTreeMap::new(); 55];
    for finding in &published.finding {
        let free = cities.iter_mut().filter(|city| !city.contains_key(&finding.indicator));
        for (place, city) in (0..).zip(free) {
            if place < finding.count {
                city.insert(finding.indicator.clone(), finding.word.clone());
            }
        }
    }
    for finding in &published.finding {
        let other = match finding.word.as_str() {
            "no" => "yes",
            "yes" => "no",
            _ => "something-else",
        };
        for city in &mut cities {
            city.entry(finding.indicator.clone()).or_insert_with(|| other.to_owned());
        }
    }
    cities
}

fn weighted(numbers: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weights) =
        numbers.fold((0.0, 0.0), |(sum, all), (weight, it)| (sum + weight * it, all + weight));
    sum / weights
}

fn period(year: i16) -> Period {
    Period {
        first: date(year, 11, 1),
        last: date(year, 12, 31),
        timezone: "Asia/Shanghai".to_owned(),
        from: format!("{year}-10-31T16:00:00Z").parse().unwrap(),
        until: format!("{year}-12-31T16:00:00Z").parse().unwrap(),
    }
}

const OPTIONS: Options = Options { resamples: 50, seed: 1 };

fn assessed(profile: &Profile) -> (Assessment, Analysis) {
    let published = published();
    let means = |of: fn(&PublishedChange) -> f64| [of(&published.change[0]), of(&published.change[1])];
    let now = assess(profile, &period(2022), &cities(profile, means(|it| it.after)), &OPTIONS);
    let before = assess(profile, &period(2021), &cities(profile, means(|it| it.before)), &OPTIONS);
    let analysis = analyse(profile, &now, Some(&before));
    (now, analysis)
}

#[test]
fn means_and_total_are_those_of_the_report() {
    let profile = flattened(profile());
    let (assessment, analysis) = assessed(&profile);
    for (node, mean) in profile.tree.iter().zip(published().mean) {
        let ours = (&node.id, node.title.zh.as_str(), node.title.en.as_str(), node.weight);
        assert_eq!(ours, (&mean.id, mean.zh.as_str(), mean.en.as_str(), mean.weight));
    }
    assert_eq!(analysis.mean.map(two_digits), Some(published().total));
    for mean in published().mean {
        let ours = analysis.means[&mean.id];
        assert_eq!((two_digits(ours.mean), ours.n), (mean.mean, 55), "{}", mean.zh);
    }
    assert!(assessment.cards.iter().all(|card| (card.coverage - 100.0).abs() < 1e-9 && card.rank.is_some()));

    let mut equal = profile;
    for node in &mut equal.tree {
        node.weight = 1.0;
    }
    let (_, analysis) = assessed(&equal);
    assert_eq!(analysis.mean.map(two_digits), Some(published().equal_total), "with equal weights");
}

#[test]
fn grades_split_as_in_the_report() {
    let (_, analysis) = assessed(&flattened(profile()));
    let published = published();
    assert_eq!(published.grade.iter().map(|grade| grade.count).sum::<u64>(), published.cities);
    // A profile may name a grade below those of the report; nobody has it.
    let (named, below) = analysis.grades.split_at(published.grade.len());
    for (grade, ours) in published.grade.iter().zip(named) {
        let told = (&ours.title.zh, &ours.title.en, ours.from, ours.count);
        assert_eq!(told, (&grade.zh, &grade.en, grade.from, grade.count));
        assert_eq!(format!("{:.2}", ours.share), grade.share, "{}", grade.zh);
    }
    assert!(below.iter().all(|grade| grade.count == 0));
}

#[test]
fn finding_sentences_carry_the_published_counts_and_shares() {
    let (_, analysis) = assessed(&flattened(profile()));
    for finding in published().finding {
        let ours = analysis.findings.iter().find(|it| it.id == finding.id).unwrap();
        assert_eq!((ours.count, ours.n), (finding.count, 55), "{}", finding.id);
        assert_eq!(ours.share.to_string(), finding.share, "{}", finding.id);
        let zh = format!("{} 个城市（{}%）{}（例：", finding.count, finding.share, finding.zh);
        assert!(ours.sentence.zh.contains(&zh), "{}: {}", finding.id, ours.sentence.zh);
        let en = format!("{} of 55 cities ({} %) {} (examples: ", finding.count, finding.share, finding.en);
        assert!(ours.sentence.en.contains(&en), "{}: {}", finding.id, ours.sentence.en);
        assert_eq!(ours.targets.len() as u64, finding.count);
    }
}

#[test]
fn regions_lie_as_far_apart_as_published() {
    let (_, analysis) = assessed(&flattened(profile()));
    assert_eq!(analysis.region_gap().map(two_digits), Some(published().region_gap));
    assert_eq!(analysis.regions.len(), 7);
    assert_eq!(analysis.regions.iter().map(|region| region.n).sum::<u64>(), 55);
    assert_eq!(analysis.regions.iter().map(|region| region.in_top_ten).sum::<u64>(), 10);
    let first = &analysis.regions[0];
    assert_eq!((first.rank, first.name.as_str(), first.best.as_str()), (1, "华东", "city-00"));
}

#[test]
fn comparable_indicators_change_as_published() {
    let (_, analysis) = assessed(&flattened(profile()));
    let change = analysis.change.unwrap();
    for published in published().change {
        let ours = change.nodes.iter().find(|node| node.id == published.id).unwrap();
        let got = (two_digits(ours.before), two_digits(ours.after), ours.n);
        assert_eq!(got, (published.before, published.after, 55), "{}", published.zh);
    }
    assert_eq!(change.not_comparable, []);
    assert_eq!(change.movers.len(), 55);
}
