//! Hierarchical clustering by Ward's method: which targets are alike in their numbers.
//!
//! Numbers are z-scores (population standard deviation), distances Euclidean, merges by the Lance–Williams
//! formula along chains of nearest neighbours (F. Murtagh, "A survey of recent advances in hierarchical
//! clustering algorithms", 1983), as SciPy's `linkage(…, method="ward")` makes them: heights, numbering
//! and the order of merges are the same.
//!
//! Invariant: heights never fall, and the same items give the same clusters to the last digit.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::score::analysis::{ClusterMeans, Clusters, Merge};

/// Where the tree is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// Into so many clusters.
    Number(u32),
    /// Where merges are higher than this.
    Height(f64),
}

/// Clusters items by their numbers. A number that some item lacks, or that is the same for all, is dropped: it
/// says nothing about who is alike.
pub fn cluster(items: &[(TargetId, BTreeMap<IndicatorId, Option<f64>>)], cut: Cut) -> Clusters {
    let ids: BTreeSet<&IndicatorId> = items.iter().flat_map(|(_, numbers)| numbers.keys()).collect();
    let (mut used, mut dropped, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        let column: Option<Vec<f64>> =
            items.iter().map(|(_, numbers)| numbers.get(id).copied().flatten()).collect();
        match column.and_then(|column| Some((standard(&column)?, column))) {
            Some(pair) => {
                used.push(id.clone());
                columns.push(pair);
            }
            None => dropped.push(id.clone()),
        }
    }
    let merges = if columns.is_empty() { Vec::new() } else { linkage(&distances(&columns, items.len())) };
    let labels = labels(items.len(), &merges, cut);
    let most = labels.iter().copied().max().unwrap_or_default();
    let means = (1..=most).map(|label| means(label, &labels, &used, &columns)).collect();
    let items = items.iter().map(|(target, _)| target.clone()).collect();
    Clusters { items, used, dropped, merges, labels, means }
}

/// The z-scores of a column; `None` when all of it is the same, or not a number.
fn standard(column: &[f64]) -> Option<Vec<f64>> {
    let first = column.first()?;
    if column.iter().all(|value| value.total_cmp(first).is_eq())
        || !column.iter().all(|value| value.is_finite())
    {
        return None;
    }
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    let deviation = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    (deviation > 0.0).then(|| column.iter().map(|value| (value - mean) / deviation).collect())
}

/// Euclidean distances of all items from each other.
fn distances(columns: &[(Vec<f64>, Vec<f64>)], n: usize) -> Vec<Vec<f64>> {
    let between = |i: usize, j: usize| {
        columns.iter().map(|(scores, _)| (scores[i] - scores[j]).powi(2)).sum::<f64>().sqrt()
    };
    (0..n).map(|i| (0..n).map(|j| between(i, j)).collect()).collect()
}

/// The merges, lowest first.
fn linkage(distances: &[Vec<f64>]) -> Vec<Merge> {
    let n = distances.len();
    let mut far = distances.to_vec();
    // Each cluster lives at the place of one of its items; places without one are 0.
    let mut size = vec![1_u32; n];
    let mut chain: Vec<usize> = Vec::new();
    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    while found.len() + 1 < n {
        if chain.is_empty() {
            chain.extend(size.iter().position(|size| *size > 0));
        }
        let Some(&last) = chain.last() else { break };
        let before = chain.len().checked_sub(2).map(|place| chain[place]);
        // The one before wins over others that are as near, so that chains end.
        let mut near = before.map(|place| (place, far[last][place]));
        for place in (0..n).filter(|place| *place != last && size[*place] > 0) {
            let distance = far[last][place];
            if near.is_none_or(|(_, least)| distance < least) {
                near = Some((place, distance));
            }
        }
        let Some((nearest, height)) = near else { break };
        if before != Some(nearest) {
            chain.push(nearest);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (gone, stays) = (last.min(nearest), last.max(nearest));
        found.push((gone, stays, height));
        let sizes = (f64::from(size[gone]), f64::from(size[stays]));
        size[stays] += size[gone];
        size[gone] = 0;
        for place in (0..n).filter(|place| *place != stays) {
            if size[place] > 0 {
                let to = ward(far[place][gone], far[place][stays], height, sizes, f64::from(size[place]));
                far[place][stays] = to;
                far[stays][place] = to;
            }
        }
    }
    // Stable, as SciPy's mergesort.
    found.sort_by(|a, b| a.2.total_cmp(&b.2));
    numbered(n, &found)
}

/// How far a cluster is from the one that two others became.
fn ward(to_one: f64, to_other: f64, between: f64, (one, other): (f64, f64), own: f64) -> f64 {
    let share = 1.0 / (one + other + own);
    ((own + one) * share * to_one * to_one + (own + other) * share * to_other * to_other
        - own * share * between * between)
        .max(0.0)
        .sqrt()
}

/// Numbers clusters in the order of their merges.
fn numbered(n: usize, found: &[(usize, usize, f64)]) -> Vec<Merge> {
    // The newest cluster that each cluster went into, and how many items each has.
    let mut into: Vec<usize> = (0..2 * n).collect();
    let mut sizes = vec![1_u32; 2 * n];
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let mut merges = Vec::with_capacity(found.len());
    for (i, &(one, other, height)) in found.iter().enumerate() {
        let (one, other) = (top(&mut into, one), top(&mut into, other));
        let new = n + i;
        into[one] = new;
        into[other] = new;
        sizes[new] = sizes[one] + sizes[other];
        merges.push(Merge {
            left: number(one.min(other)),
            right: number(one.max(other)),
            height,
            size: sizes[new],
        });
    }
    merges
}

/// The cluster that a cluster is in now; what lies on the way is shortened.
fn top(into: &mut [usize], mut from: usize) -> usize {
    while into[from] != from {
        into[from] = into[into[from]];
        from = into[from];
    }
    from
}

/// The label of each item after the cut.
fn labels(n: usize, merges: &[Merge], cut: Cut) -> Vec<u32> {
    let made = match cut {
        Cut::Number(number) => merges.len().min(n.saturating_sub(number.max(1) as usize)),
        Cut::Height(height) => merges.iter().filter(|merge| merge.height <= height).count(),
    };
    let mut into: Vec<usize> = (0..2 * n).collect();
    for (i, merge) in merges.iter().take(made).enumerate() {
        into[merge.left as usize] = n + i;
        into[merge.right as usize] = n + i;
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for item in 0..n {
        groups.entry(top(&mut into, item)).or_default().push(item);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|items| (std::cmp::Reverse(items.len()), items.first().copied()));
    let mut labels = vec![0; n];
    for (label, items) in (1..).zip(groups) {
        for item in items {
            labels[item] = label;
        }
    }
    labels
}

fn means(label: u32, labels: &[u32], used: &[IndicatorId], columns: &[(Vec<f64>, Vec<f64>)]) -> ClusterMeans {
    let size = labels.iter().filter(|one| **one == label).count();
    let mean = |column: &[f64]| {
        let sum: f64 =
            column.iter().zip(labels).filter(|(_, one)| **one == label).map(|(value, _)| value).sum();
        sum / size as f64
    };
    let means = used.iter().zip(columns).map(|(id, (_, column))| (id.clone(), mean(column))).collect();
    ClusterMeans { label, size: u32::try_from(size).unwrap_or(u32::MAX), means }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item with its numbers.
    type Item<'a> = (&'a str, &'a [(&'a str, Option<f64>)]);

    fn items(rows: &[Item<'_>]) -> Vec<(TargetId, BTreeMap<IndicatorId, Option<f64>>)> {
        let id = |text: &str| IndicatorId::parse(text).unwrap();
        rows.iter()
            .map(|(target, numbers)| {
                (TargetId::from(*target), numbers.iter().map(|(key, value)| (id(key), *value)).collect())
            })
            .collect()
    }

    #[test]
    fn what_says_nothing_is_dropped_and_the_rest_is_cut_into_groups() {
        let row = |a: f64, gap: Option<f64>| [("A", Some(a)), ("B", Some(7.0)), ("C", gap)];
        let rows = [
            row(1.0, Some(1.0)),
            row(9.0, None),
            row(1.1, Some(2.0)),
            row(9.2, Some(3.0)),
            row(9.1, Some(4.0)),
        ];
        let named: Vec<_> =
            ["a", "b", "c", "d", "e"].into_iter().zip(rows.iter().map(|row| &row[..])).collect();
        let clusters = cluster(&items(&named), Cut::Number(2));
        let shown = |ids: &[IndicatorId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (shown(&clusters.used), shown(&clusters.dropped)),
            (vec!["A".into()], vec!["B".into(), "C".into()])
        );
        assert_eq!(clusters.labels, [2, 1, 2, 1, 1], "the largest comes first");
        let means: Vec<_> = clusters.means.iter().map(|it| (it.label, it.size)).collect();
        assert_eq!(means, [(1, 3), (2, 2)]);
        let mean = clusters.means[0].means.values().next().unwrap();
        assert!((mean - 9.1).abs() < 1e-12, "in its own unit, not as a z-score: {mean}");
        assert!(clusters.merges.windows(2).all(|pair| pair[0].height <= pair[1].height));
        // At its own height a merge is made, below it is not.
        let last = clusters.merges[3].height;
        assert_eq!(cluster(&items(&named), Cut::Height(last)).means.len(), 1);
        assert_eq!(cluster(&items(&named), Cut::Height(last - 1e-9)).means.len(), 2);
        assert_eq!(cluster(&items(&named), Cut::Height(-1.0)).means.len(), 5);
    }

    #[test]
    fn where_there_is_nothing_to_compare_every_item_stands_alone() {
        assert!(cluster(&[], Cut::Number(4)).labels.is_empty());
        let one = items(&[("a", &[("A", Some(1.0))])]);
        assert_eq!(cluster(&one, Cut::Number(4)).labels, [1]);
        let alike = items(&[("a", &[("A", Some(1.0))]), ("b", &[("A", Some(1.0))])]);
        let clusters = cluster(&alike, Cut::Number(1));
        assert_eq!((clusters.labels, clusters.merges), (vec![1, 2], vec![]));
    }
}
