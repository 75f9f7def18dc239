//! The shape of the published channel study, on synthetic numbers: 32 provinces × 5 channels, four
//! clusters of 14, 6, 6 and 6 by Ward's method, merge by merge as SciPy makes them
//! (`tests/published/ward.py`; its answer is committed, so SciPy is not needed here).

use std::collections::BTreeMap;

use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::score::ward::{Cut, cluster};
use serde::Deserialize;

const TABLE: &str = include_str!("published/channels.csv");
const ANSWER: &str = include_str!("published/channels.json");

#[derive(Deserialize)]
struct Answer {
    merges: Vec<(u32, u32, f64, u32)>,
    sizes: Vec<u32>,
}

fn provinces() -> Vec<(TargetId, BTreeMap<IndicatorId, Option<f64>>)> {
    let mut lines = TABLE.lines();
    let names: Vec<IndicatorId> =
        lines.next().unwrap().split(',').skip(1).map(|name| IndicatorId::parse(name).unwrap()).collect();
    lines
        .map(|line| {
            let mut cells = line.split(',');
            let target = TargetId::from(cells.next().unwrap());
            let number = |cell: &str| (!cell.is_empty()).then(|| cell.parse().unwrap());
            (target, names.iter().cloned().zip(cells.map(number)).collect())
        })
        .collect()
}

#[test]
fn thirty_two_provinces_fall_into_the_clusters_that_scipy_finds() {
    let provinces = provinces();
    let answer: Answer = serde_json::from_str(ANSWER).unwrap();
    let clusters = cluster(&provinces, Cut::Number(4));
    assert_eq!((provinces.len(), clusters.used.len()), (32, 10));
    let dropped: Vec<&str> = clusters.dropped.iter().map(IndicatorId::as_str).collect();
    assert_eq!(dropped, ["C6.items", "C6.rating"], "a constant, and one with gaps");

    assert_eq!(clusters.merges.len(), answer.merges.len());
    for (ours, &(left, right, height, size)) in clusters.merges.iter().zip(&answer.merges) {
        assert_eq!((ours.left, ours.right, ours.size), (left, right, size), "{ours:?}");
        assert!((ours.height - height).abs() < 1e-9, "{ours:?} is not at {height}");
    }

    let sizes: Vec<u32> = clusters.means.iter().map(|one| one.size).collect();
    assert_eq!(sizes, [14, 6, 6, 6]);
    assert_eq!(sizes, answer.sizes);
    // The same cut by its height: between the fourth merge from the top and the third.
    let heights: Vec<f64> = clusters.merges.iter().map(|merge| merge.height).collect();
    let [.., below, above, _, _] = heights.as_slice() else { panic!("{heights:?}") };
    assert_eq!(cluster(&provinces, Cut::Height(f64::midpoint(*below, *above))).labels, clusters.labels);
    // A table of means: each cluster in the numbers' own unit.
    for one in &clusters.means {
        for (id, mean) in &one.means {
            let all: Vec<f64> = provinces
                .iter()
                .zip(&clusters.labels)
                .filter(|(_, label)| **label == one.label)
                .filter_map(|((_, numbers), _)| numbers[id])
                .collect();
            assert!((all.iter().sum::<f64>() / all.len() as f64 - mean).abs() < 1e-9, "{} {id}", one.label);
        }
    }
}
