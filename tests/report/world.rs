//! A synthetic dossier: a profile of the D3 shape, portals with made-up numbers, two periods.
//!
//! Nothing is drawn at random: a small generator with a fixed seed makes the numbers.

use std::collections::BTreeMap;

use jiff::civil::date;
use mystery_shopper::domain::coding::{Coding, Settling};
use mystery_shopper::domain::ids::{EvidenceHash, RunId, ScenarioId, TargetId};
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::profile::{
    Bounds, Choice, Condition, Finding, Formula, Grade, Leaf, Node, NodeKind, Pieces, Profile, Scale, Source,
    Veto, Words,
};
use mystery_shopper::report::{Agent, Dossier, Image, Proof, Shown};
use mystery_shopper::score::analysis::{
    Analysis, Change, ChannelCell, ChannelRow, Channels, ClusterMeans, Clusters, Found, GradeCount, Mean,
    Merge, Mover, NodeChange, Region, Sensitivity, WordCount,
};
use mystery_shopper::score::card::{
    Assessment, Beside, Interval, NodeScore, Reliability, Scorecard, State, StepCredit, Value, VetoFlag,
};
use mystery_shopper::score::material::{Exhibit, Period, Subject};

pub fn words(zh: &str, en: &str) -> Words {
    Words { zh: zh.to_owned(), en: en.to_owned() }
}

pub fn id(text: &str) -> IndicatorId {
    IndicatorId::parse(text).unwrap()
}

fn parent(name: &str, zh: &str, en: &str, weight: f64, below: Vec<Node>) -> Node {
    Node { id: id(name), title: words(zh, en), weight, assumed: None, kind: NodeKind::Parent(below) }
}

fn leaf(name: &str, (zh, en): (&str, &str), weight: f64, source: Source, formula: Formula) -> Node {
    let scale = if matches!(formula, Formula::Choice(_)) { Scale::Ordinal } else { Scale::Interval };
    let kind = NodeKind::Leaf(Leaf { sources: vec![source], formula, scale });
    Node { id: id(name), title: words(zh, en), weight, assumed: None, kind }
}

fn pieces(corners: &[(f64, f64)]) -> Pieces {
    Pieces::new(corners.to_vec()).unwrap()
}

/// The profile.
pub fn profile() -> Profile {
    let choice = |word: &str, zh: &str, en: &str, points| Choice {
        word: word.to_owned(),
        title: words(zh, en),
        points,
    };
    let mut reach = leaf(
        "T1",
        ("可及性", "Reachability"),
        40.0,
        Source::Visits,
        Formula::Share(Some(pieces(&[(90.0, 0.0), (95.0, 60.0), (98.5, 90.0), (99.9, 100.0)]))),
    );
    reach.assumed = Some(words("各折点之间按直线折算", "straight lines between the corners"));
    let tree = vec![
        parent(
            "A",
            "办事指南",
            "Service guide",
            20.0,
            vec![
                leaf("A1", ("可获得", "Can be found"), 30.0, Source::Steps, Formula::Steps),
                leaf(
                    "A2",
                    ("完整", "Complete"),
                    70.0,
                    Source::Coded,
                    Formula::Deduct { each: 12.5, elsewhere: 0.0, cap: 100.0, worth: 100.0 },
                ),
            ],
        ),
        parent(
            "T",
            "技术支撑",
            "Technical support",
            35.0,
            vec![
                reach,
                leaf(
                    "T2",
                    ("有效性", "Links that work"),
                    30.0,
                    Source::Links,
                    Formula::Deduct { each: 1.0, elsewhere: 0.1, cap: 15.0, worth: 15.0 },
                ),
                leaf(
                    "T3",
                    ("流畅", "Speed"),
                    30.0,
                    Source::Visits,
                    Formula::Percentile { p: 75.0, pieces: pieces(&[(3.0, 100.0), (10.0, 0.0)]) },
                ),
            ],
        ),
        parent(
            "H",
            "事项办理",
            "Handling",
            20.0,
            vec![
                leaf("H1", ("步骤可办", "Steps that can be done"), 60.0, Source::Steps, Formula::Steps),
                leaf(
                    "H2",
                    ("电子证照", "Electronic licence"),
                    40.0,
                    Source::Coded,
                    Formula::Choice(vec![
                        choice("electronic", "电子证照", "electronic", 100.0),
                        choice("mail", "邮寄", "by mail", 50.0),
                        choice("window", "仅窗口领取", "at the window only", 0.0),
                    ]),
                ),
            ],
        ),
        parent(
            "I",
            "互动交流",
            "Interaction",
            25.0,
            vec![
                leaf(
                    "I1",
                    ("咨询", "Enquiries"),
                    50.0,
                    Source::Coded,
                    Formula::YesNo { yes: 100.0, no: 0.0 },
                ),
                leaf(
                    "I2",
                    ("投诉", "Complaints"),
                    50.0,
                    Source::Coded,
                    Formula::Linear(pieces(&[(0.0, 0.0), (100.0, 100.0)])),
                ),
            ],
        ),
    ];
    let grade = |zh: &str, en: &str, from| Grade { title: words(zh, en), from };
    Profile {
        id: "d3".to_owned(),
        title: words("网上政务服务能力评估方案", "Online government services"),
        hash: "4f2c".repeat(16),
        coverage_floor: 70.0,
        grades: vec![
            grade("优秀", "excellent", 90.0),
            grade("良好", "good", 80.0),
            grade("中等", "fair", 70.0),
            grade("较差", "poor", 0.0),
        ],
        tree,
        bonus: None,
        vetoes: vec![Veto {
            id: "unreachable".to_owned(),
            title: words("网站经常打不开", "often unreachable"),
            when: Condition::Value {
                indicator: id("T1"),
                within: Bounds { at_most: Some(95.0), ..Bounds::default() },
                at_least_n: 140,
            },
            cap: Some(59.0),
        }],
        findings: vec![Finding {
            id: "window-only".to_owned(),
            when: Condition::Is { indicator: id("H2"), words: vec!["window".to_owned(), "mail".to_owned()] },
            sentence: words(
                "{count} 个城市（{share}%）只能在窗口领取或邮寄送达许可证",
                "{count} cities ({share}%) deliver the licence only at the window or by mail",
            ),
        }],
        figures: Vec::new(),
    }
}

/// Numbers without chance.
struct Numbers(u64);

impl Numbers {
    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1_u32 << 24)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
    fn below(&mut self, n: u32) -> u32 {
        (self.next() * f64::from(n)) as u32
    }
}

const PROVINCES: [(&str, &str); 31] = [
    ("北京", "华北"),
    ("天津", "华北"),
    ("河北", "华北"),
    ("山西", "华北"),
    ("内蒙古", "华北"),
    ("辽宁", "东北"),
    ("吉林", "东北"),
    ("黑龙江", "东北"),
    ("上海", "华东"),
    ("江苏", "华东"),
    ("浙江", "华东"),
    ("安徽", "华东"),
    ("福建", "华东"),
    ("江西", "华东"),
    ("山东", "华东"),
    ("河南", "华中"),
    ("湖北", "华中"),
    ("湖南", "华中"),
    ("广东", "华南"),
    ("广西", "华南"),
    ("海南", "华南"),
    ("重庆", "西南"),
    ("四川", "西南"),
    ("贵州", "西南"),
    ("云南", "西南"),
    ("西藏", "西南"),
    ("陕西", "西北"),
    ("甘肃", "西北"),
    ("青海", "西北"),
    ("宁夏", "西北"),
    ("新疆", "西北"),
];

fn subjects(n: usize) -> Vec<Subject> {
    (0..n)
        .map(|i| {
            let (province, region) = PROVINCES[i % PROVINCES.len()];
            let which = ["甲", "乙", "丙"][i / PROVINCES.len()];
            let labels = [("province", province), ("region", region)];
            Subject {
                id: TargetId::new(format!("city-{:02}", i + 1)),
                name: format!("{province}{which}市政务服务网"),
                labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            }
        })
        .collect()
}

pub fn period(year: i16) -> Period {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let (first, last) = (date(year, 10, 1), date(year, 11, 30));
    let start = |day: jiff::civil::Date| day.to_zoned(zone.clone()).unwrap().timestamp();
    Period {
        first,
        last,
        timezone: "Asia/Shanghai".to_owned(),
        from: start(first),
        until: start(last.tomorrow().unwrap()),
    }
}

fn around(score: f64, by: f64) -> Interval {
    Interval { low: (score - by).max(0.0), high: (score + by).min(100.0) }
}

fn measured(node: &Node, leaf: &Leaf, numbers: &mut Numbers, skill: f64) -> (f64, Value, u64) {
    let noise = (numbers.next() - 0.5) * 20.0;
    match &leaf.formula {
        Formula::Share(_) => {
            let of = 1344;
            let good = of - u64::from(numbers.below(40));
            let share = 100.0 * good as f64 / of as f64;
            let Formula::Share(Some(pieces)) = &leaf.formula else { unreachable!() };
            (pieces.at(share), Value::Share { good, of, wilson: around(share, 0.4) }, of)
        }
        Formula::Percentile { p, pieces } => {
            let seconds = 2.0 + (100.0 - skill) / 10.0 + numbers.next();
            (pieces.at(seconds), Value::Seconds { p: *p, seconds }, 1344)
        }
        Formula::Deduct { .. } if leaf.sources[0] == Source::Links => {
            let (home, elsewhere) = (f64::from(numbers.below(2)), numbers.next() * 20.0);
            let score = (100.0 - (home + 0.1 * elsewhere) / 15.0 * 100.0).max(0.0);
            (score, Value::Faults { home, elsewhere }, 8)
        }
        Formula::Deduct { .. } => {
            let missing = f64::from(numbers.below(3));
            (100.0 - 12.5 * missing, Value::Faults { home: missing, elsewhere: 0.0 }, 2)
        }
        Formula::Steps => {
            let credit = (skill + noise).clamp(0.0, 100.0);
            let steps = vec![StepCredit {
                scenario: ScenarioId::new("drug-licence"),
                step: if node.id.as_str() == "A1" { "搜索事项" } else { "进入在线办理" }.to_owned(),
                credit: Some(credit),
                outcomes: vec![(Outcome::Done, 210), (Outcome::MustGoToWindow, 34)],
            }];
            (credit, Value::Steps { steps }, 244)
        }
        Formula::Choice(choices) => {
            let choice = &choices[usize::try_from(numbers.below(4).saturating_sub(1)).unwrap().min(2)];
            (choice.points, Value::Word { word: choice.word.clone() }, 2)
        }
        Formula::YesNo { .. } => {
            let yes = numbers.next() < 0.9;
            (
                if yes { 100.0 } else { 0.0 },
                Value::Word { word: if yes { "yes" } else { "no" }.to_owned() },
                2,
            )
        }
        Formula::Linear(_) => {
            let value = (skill + noise).clamp(0.0, 100.0);
            (value, Value::Number { number: value }, 2)
        }
    }
}

/// A card. `hidden` leaves are not observed.
fn card(
    profile: &Profile,
    subject: Subject,
    numbers: &mut Numbers,
    hidden: &dyn Fn(&str) -> bool,
) -> Scorecard {
    let skill = 80.0 + numbers.next() * 18.0;
    let mut nodes = Vec::new();
    let (mut total, mut weights, mut covered, mut all) = (0.0, 0.0, 0.0, 0.0);
    for first in &profile.tree {
        let NodeKind::Parent(below) = &first.kind else { unreachable!() };
        let at = nodes.len();
        let (mut sum, mut weight, mut whole, mut n) = (0.0, 0.0, 0.0, 0);
        for child in below {
            let NodeKind::Leaf(leaf) = &child.kind else { unreachable!() };
            whole += child.weight;
            let seen = (!hidden(child.id.as_str())).then(|| measured(child, leaf, numbers, skill));
            if let Some((score, _, count)) = &seen {
                sum += child.weight * score;
                weight += child.weight;
                n += count;
            }
            let coded = leaf.sources[0] == Source::Coded;
            nodes.push(NodeScore {
                id: child.id.clone(),
                parent: Some(first.id.clone()),
                depth: 1,
                bonus: false,
                weight: child.weight,
                state: if seen.is_some() { State::Scored } else { State::Unobserved },
                score: seen.as_ref().map(|(score, ..)| *score),
                coverage: if seen.is_some() { 100.0 } else { 0.0 },
                interval: seen.as_ref().filter(|_| !coded).map(|(score, ..)| around(*score, 2.1)),
                n: seen.as_ref().map_or(0, |(.., n)| *n),
                source: seen.as_ref().map(|_| leaf.sources[0]),
                settled: seen.as_ref().filter(|_| coded).map(|_| Settling::Agreed),
                value: seen.map(|(_, value, _)| value),
            });
        }
        let score = (weight > 0.0).then(|| sum / weight);
        if let Some(score) = score {
            total += first.weight * score;
            weights += first.weight;
        }
        covered += first.weight * weight / whole;
        all += first.weight;
        nodes.insert(
            at,
            NodeScore {
                id: first.id.clone(),
                parent: None,
                depth: 0,
                bonus: false,
                weight: first.weight,
                state: if score.is_some() { State::Scored } else { State::Unobserved },
                score,
                coverage: 100.0 * weight / whole,
                interval: score.map(|score| around(score, 1.6)),
                n,
                value: None,
                source: None,
                settled: None,
            },
        );
    }
    let total = (weights > 0.0).then(|| total / weights);
    Scorecard {
        target: subject,
        total,
        base: total,
        interval: total.map(|total| around(total, 1.2)),
        coverage: 100.0 * covered / all,
        rank: None,
        grade: None,
        vetoes: Vec::new(),
        figures: BTreeMap::new(),
        ending: None,
        nodes,
        beside: vec![Beside {
            scenario: ScenarioId::new("temporary-id"),
            leaves: [(id("H1"), skill)].into(),
            steps: vec![StepCredit {
                scenario: ScenarioId::new("temporary-id"),
                step: "进入在线办理".to_owned(),
                credit: Some(0.0),
                outcomes: vec![(Outcome::MustGoToWindow, 61)],
            }],
        }],
    }
}

fn grade_and_rank(profile: &Profile, cards: &mut [Scorecard]) {
    let mut order: Vec<usize> = (0..cards.len())
        .filter(|i| cards[*i].total.is_some() && cards[*i].coverage >= profile.coverage_floor)
        .collect();
    order.sort_by(|a, b| cards[*b].total.unwrap().total_cmp(&cards[*a].total.unwrap()));
    for (place, i) in order.iter().enumerate() {
        cards[*i].rank = Some(u32::try_from(place + 1).unwrap());
    }
    for card in cards {
        card.grade = card.total.and_then(|total| profile.grades.iter().position(|grade| total >= grade.from));
    }
}

pub fn assessment(
    profile: &Profile,
    year: i16,
    n: usize,
    hidden: &dyn Fn(usize, &str) -> bool,
) -> Assessment {
    let mut numbers = Numbers(u64::try_from(year).unwrap());
    let mut cards: Vec<Scorecard> = subjects(n)
        .into_iter()
        .enumerate()
        .map(|(i, subject)| card(profile, subject, &mut numbers, &|leaf| hidden(i, leaf)))
        .collect();
    if cards.len() > 4 {
        let card = &mut cards[4];
        card.vetoes = vec![VetoFlag {
            id: "unreachable".to_owned(),
            title: words("网站经常打不开", "often unreachable"),
            capped_at: Some(59.0),
        }];
        card.total = card.total.map(|total| total.min(59.0));
        card.interval = Some(Interval { low: 57.2, high: 59.0 });
    }
    grade_and_rank(profile, &mut cards);
    let unreliable = Reliability { units: 20, agreement: 71.25, kappa: Some(0.41), alpha: Some(0.402) };
    let good = Reliability { units: 20, agreement: 95.0, kappa: Some(0.9), alpha: Some(0.912) };
    let reliability =
        if n == 0 { BTreeMap::new() } else { [(id("I2"), unreliable), (id("H2"), good)].into() };
    Assessment {
        profile: profile.id.clone(),
        profile_hash: profile.hash.clone(),
        period: period(year),
        cards,
        reliability,
        definitions: BTreeMap::new(),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn score(card: &Scorecard, id: &IndicatorId) -> Option<f64> {
    card.nodes.iter().find(|node| node.id == *id)?.score
}

fn regions(profile: &Profile, cards: &[Scorecard]) -> Vec<Region> {
    let mut by_name: BTreeMap<&str, Vec<&Scorecard>> = BTreeMap::new();
    for card in cards.iter().filter(|card| card.total.is_some()) {
        by_name.entry(card.target.region().unwrap()).or_default().push(card);
    }
    let mut regions: Vec<Region> = by_name
        .into_iter()
        .map(|(name, mut cards)| {
            cards.sort_by(|a, b| b.total.unwrap().total_cmp(&a.total.unwrap()));
            let totals: Vec<f64> = cards.iter().filter_map(|card| card.total).collect();
            let means = profile.tree.iter().filter_map(|node| {
                let scores: Vec<f64> = cards.iter().filter_map(|card| score(card, &node.id)).collect();
                Some((node.id.clone(), mean(&scores)?))
            });
            Region {
                name: name.to_owned(),
                rank: 0,
                mean: mean(&totals).unwrap(),
                n: cards.len() as u64,
                best: cards[0].target.id.clone(),
                worst: cards[cards.len() - 1].target.id.clone(),
                in_top_ten: cards.iter().filter(|card| card.rank.is_some_and(|rank| rank <= 10)).count()
                    as u64,
                means: means.collect(),
            }
        })
        .collect();
    regions.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    for (i, region) in regions.iter_mut().enumerate() {
        region.rank = u32::try_from(i + 1).unwrap();
    }
    regions
}

/// Ward's method over the totals alone, the slow way.
fn clusters(cards: &[Scorecard]) -> Option<Clusters> {
    let items: Vec<(TargetId, f64)> =
        cards.iter().filter_map(|card| Some((card.target.id.clone(), card.total?))).collect();
    let n = items.len();
    if n < 5 {
        return None;
    }
    let mut open: Vec<(u32, f64, u32, Vec<usize>)> = items
        .iter()
        .enumerate()
        .map(|(i, (_, total))| (u32::try_from(i).unwrap(), *total, 1, vec![i]))
        .collect();
    let (mut merges, mut labels) = (Vec::new(), vec![0_u32; n]);
    while open.len() > 1 {
        if open.len() == 4 {
            open.sort_by_key(|cluster| std::cmp::Reverse(cluster.3.len()));
            for (label, cluster) in (1..).zip(&open) {
                for i in &cluster.3 {
                    labels[*i] = label;
                }
            }
        }
        let mut best = (f64::INFINITY, 0, 1);
        for a in 0..open.len() {
            for b in a + 1..open.len() {
                let ((_, ma, na, _), (_, mb, nb, _)) = (&open[a], &open[b]);
                let (na, nb) = (f64::from(*na), f64::from(*nb));
                let distance = (2.0 * na * nb / (na + nb)).sqrt() * (ma - mb).abs();
                if distance < best.0 {
                    best = (distance, a, b);
                }
            }
        }
        let (height, a, b) = best;
        let second = open.remove(b);
        let first = open.remove(a);
        let size = first.2 + second.2;
        let (left, right) = (first.0.min(second.0), first.0.max(second.0));
        let number = u32::try_from(n + merges.len()).unwrap();
        merges.push(Merge { left, right, height, size });
        let middle = (first.1 * f64::from(first.2) + second.1 * f64::from(second.2)) / f64::from(size);
        open.push((number, middle, size, [first.3, second.3].concat()));
    }
    let means = (1..=4).map(|label| {
        let totals: Vec<f64> =
            items.iter().zip(&labels).filter(|(_, l)| **l == label).map(|((_, total), _)| *total).collect();
        let means = [(id("I2"), mean(&totals).unwrap())].into();
        ClusterMeans { label, size: u32::try_from(totals.len()).unwrap(), means }
    });
    Some(Clusters {
        items: items.iter().map(|(id, _)| id.clone()).collect(),
        used: vec![id("I2")],
        dropped: vec![id("I1")],
        means: means.collect(),
        merges,
        labels,
    })
}

fn channels(cards: &[Scorecard]) -> Option<Channels> {
    let names = ["国家平台", "本地门户", "iOS 应用", "安卓应用", "小程序"];
    let rows: Vec<ChannelRow> = cards
        .chunks_exact(5)
        .take(8)
        .enumerate()
        .map(|(i, cards)| ChannelRow {
            place: PROVINCES[i].0.to_owned(),
            cells: cards
                .iter()
                .enumerate()
                .map(|(j, card)| {
                    (i + j != 5).then(|| ChannelCell {
                        target: card.target.id.clone(),
                        total: card.total.map(|total| total - 8.0 * j as f64),
                        outcome: Some(if j > 2 { Outcome::AppOnly } else { Outcome::OnlineReady }),
                    })
                })
                .collect(),
        })
        .collect();
    (!rows.is_empty()).then(|| Channels { channels: names.map(str::to_owned).to_vec(), rows })
}

pub fn analysis(profile: &Profile, now: &Assessment, then: Option<&Assessment>) -> Analysis {
    let cards = &now.cards;
    let totals: Vec<f64> = cards.iter().filter_map(|card| card.total).collect();
    let n = totals.len();
    let means = profile.nodes().into_iter().filter_map(|placed| {
        let scores: Vec<f64> = cards.iter().filter_map(|card| score(card, &placed.node.id)).collect();
        Some((placed.node.id.clone(), Mean { mean: mean(&scores)?, n: scores.len() as u64 }))
    });
    let grades = profile.grades.iter().enumerate().filter(|_| n > 0).map(|(i, grade)| {
        let count = cards.iter().filter(|card| card.grade == Some(i)).count() as u64;
        let share = 100.0 * count as f64 / n.max(1) as f64;
        GradeCount { title: grade.title.clone(), from: grade.from, count, share }
    });
    let coded = |card: &Scorecard| {
        card.nodes.iter().find(|node| node.id.as_str() == "H2").and_then(|node| node.value.clone())
    };
    let known = cards.iter().filter(|card| coded(card).is_some()).count() as u64;
    let holds: Vec<TargetId> = cards
        .iter()
        .filter(|card| matches!(coded(card), Some(Value::Word { word }) if word != "electronic"))
        .map(|card| card.target.id.clone())
        .collect();
    let (count, share) = (holds.len() as u64, 100.0 * holds.len() as f64 / known.max(1) as f64);
    let change = then.map(|then| {
        let both: Vec<(&Scorecard, &Scorecard)> =
            then.cards.iter().zip(cards).filter(|(a, b)| a.total.is_some() && b.total.is_some()).collect();
        let nodes = ["T", "T1", "T2", "T3"].into_iter().filter_map(|name| {
            let pairs: Vec<(f64, f64)> =
                both.iter().filter_map(|(a, b)| Some((score(a, &id(name))?, score(b, &id(name))?))).collect();
            let before = mean(&pairs.iter().map(|(a, _)| *a).collect::<Vec<_>>())?;
            let after = mean(&pairs.iter().map(|(_, b)| *b).collect::<Vec<_>>())?;
            Some(NodeChange { id: id(name), before, after, n: pairs.len() as u64 })
        });
        let nodes = nodes.collect();
        let mut movers: Vec<Mover> = both
            .iter()
            .map(|(a, b)| Mover {
                target: b.target.id.clone(),
                before: score(a, &id("T")).unwrap_or(50.0),
                after: score(b, &id("T")).unwrap_or(50.0),
                ranks: (a.rank, b.rank),
            })
            .collect();
        movers.sort_by(|a, b| (b.after - b.before).total_cmp(&(a.after - a.before)));
        let against = (then.period.first, then.period.last);
        Change { against, nodes, not_comparable: vec![id("H2")], movers }
    });
    let sensitivity = profile.tree.iter().filter(|_| n > 1).flat_map(|node| {
        [-10.0, 10.0].map(|by| Sensitivity {
            id: node.id.clone(),
            by,
            moved: 12,
            most: 3,
            regraded: 1,
            tau: Some(0.963),
        })
    });
    let word =
        |word: &str, count, tone| WordCount { word: word.to_owned(), count, posts: count / 2 + 1, tone };
    Analysis {
        mean: mean(&totals),
        means: means.collect(),
        grades: grades.collect(),
        regions: regions(profile, cards),
        findings: vec![Found {
            id: "window-only".to_owned(),
            count,
            n: known,
            share,
            sentence: words(
                &format!("{count} 个城市（{share:.2}%）只能在窗口领取或邮寄送达许可证"),
                &format!("{count} cities ({share:.2}%) deliver the licence only at the window or by mail"),
            ),
            targets: holds,
        }],
        change,
        sensitivity: sensitivity.collect(),
        channels: channels(cards),
        clusters: clusters(cards),
        words: if n == 0 {
            Vec::new()
        } else {
            vec![word("无法打开", 41, -1), word("卡顿", 17, -1), word("方便", 9, 1), word("排队", 4, 0)]
        },
    }
}

/// A picture as a browser makes one.
pub fn picture() -> Image {
    let picture = image::RgbImage::from_fn(1280, 900, |x, y| {
        let band = if y < 120 {
            [18, 67, 109]
        } else if (y / 40) % 2 == 0 {
            [245, 247, 250]
        } else {
            [255, 255, 255]
        };
        image::Rgb(if x > 80 && x < 700 && y % 40 > 12 && y % 40 < 26 && y > 120 {
            [90, 100, 110]
        } else {
            band
        })
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    Image { bytes: bytes.into_inner(), mime: "image/jpeg".to_owned() }
}

fn exhibit(at: &str, step: &str, outcome: Outcome, phrase: Option<&str>) -> Exhibit {
    Exhibit {
        run: RunId::new("01938a5e-0000-7000-8000-000000000001"),
        at: at.parse().unwrap(),
        scenario: Some(ScenarioId::new("drug-licence")),
        step: step.to_owned(),
        outcome,
        url: "https://zwfw.city.example/item?id=1".to_owned(),
        phrase: phrase.map(str::to_owned),
        picture: Some(EvidenceHash::new("ab".repeat(32))),
    }
}

/// A dossier of `n` portals; every seventh could not be seen behind its login.
pub fn dossier(n: usize, language: Language) -> Dossier {
    let profile = profile();
    let hidden = |i: usize, leaf: &str| i % 7 == 6 && matches!(leaf, "H1" | "I1" | "I2" | "A1");
    let now = assessment(&profile, 2026, n, &hidden);
    let then = assessment(&profile, 2025, n, &hidden);
    let mut exhibits = BTreeMap::new();
    for card in now.cards.iter().take(3) {
        let shown = |exhibit, picture| Shown { exhibit, picture };
        exhibits.insert(
            card.target.id.clone(),
            vec![
                shown(
                    exhibit(
                        "2026-11-12T02:15:09Z",
                        "进入在线办理",
                        Outcome::MustGoToWindow,
                        Some("请到窗口办理"),
                    ),
                    Some(picture()),
                ),
                shown(exhibit("2026-11-20T07:45:00Z", "搜索事项", Outcome::NotInSearch, None), None),
            ],
        );
    }
    let by = |coder: &str, value: &str, note: &str| Coding {
        coder: coder.to_owned(),
        indicator: id("H2"),
        target: TargetId::new("city-02"),
        value: value.to_owned(),
        at: "2026-11-04T03:00:00Z".parse().unwrap(),
        note: note.to_owned(),
        evidence: None,
        source: String::new(),
        year: None,
    };
    let proof = |indicator: &str, value: &str, note: &str, mime: &str, picture| Proof {
        indicator: id(indicator),
        value: value.to_owned(),
        at: "2026-11-04T03:00:00Z".parse().unwrap(),
        note: note.to_owned(),
        hash: EvidenceHash::new("cd".repeat(32)),
        mime: mime.to_owned(),
        picture,
    };
    let proofs = vec![
        proof("H2", "window", "大厅取证处", "image/jpeg", Some(picture())),
        proof("I1", "no", "", "application/pdf", None),
    ];
    let coding = |value: &str, note: &str, source: &str, year| Coding {
        coder: "observer-7".to_owned(),
        indicator: id("H2"),
        target: TargetId::new("city-01"),
        value: value.to_owned(),
        at: "2026-11-03T03:00:00Z".parse().unwrap(),
        note: note.to_owned(),
        evidence: None,
        source: source.to_owned(),
        year,
    };
    let now_proofs =
        now.cards.iter().skip(1).take(1).map(|card| (card.target.id.clone(), proofs.clone())).collect();
    Dossier {
        analysis: analysis(&profile, &now, Some(&then)),
        profile,
        assessment: now,
        against: Some(then),
        exhibits,
        codings: vec![
            coding("mail", "办结后邮寄纸质证件", "", None),
            coding("window", "", "年度报告", Some(2026)),
            by("observer-7", "mail", "据电话答复"),
            by("observer-8", "window", "大厅取证处"),
            by("observer-9", "window", "当面询问"),
        ],
        proofs: now_proofs,
        scenarios: [
            (ScenarioId::new("drug-licence"), "药品经营许可证核发".to_owned()),
            (ScenarioId::new("temporary-id"), "临时居民身份证".to_owned()),
        ]
        .into(),
        made_at: "2026-12-01T01:30:00Z".parse().unwrap(),
        agent: Agent {
            name: "beijing-1".to_owned(),
            version: "0.1.0".to_owned(),
            contact: Some("mailto:evaluators@example.org".to_owned()),
        },
        language,
    }
}

/// One period alone, of which nothing could be seen.
pub fn unobserved(n: usize, language: Language) -> Dossier {
    let profile = profile();
    let now = assessment(&profile, 2026, n, &|_, _| true);
    let mut cards = now.cards;
    for card in &mut cards {
        card.beside.clear();
        card.vetoes.clear();
    }
    let now = Assessment { cards, reliability: BTreeMap::new(), ..now };
    let analysis = Analysis { channels: None, words: Vec::new(), ..analysis(&profile, &now, None) };
    Dossier {
        analysis,
        assessment: now,
        against: None,
        exhibits: BTreeMap::new(),
        proofs: BTreeMap::new(),
        codings: Vec::new(),
        ..dossier(n, language)
    }
}
