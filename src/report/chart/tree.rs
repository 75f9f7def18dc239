//! A dendrogram: what is alike is joined near the names, what is not far from them; a dashed line shows
//! where the tree was cut into clusters.

use super::canvas::{Hold, fit};
use super::{Canvas, Caption, Chart, INK, MUTED, TONES, WIDTH};
use crate::score::analysis::Merge;

/// An item.
#[derive(Debug, Clone)]
pub(in crate::report) struct Leaf {
    /// Its name.
    pub label: String,
    /// Its cluster.
    pub cluster: u32,
}

const LEFT: f64 = 190.0;
const ROW: f64 = 14.5;

/// Draws the tree of `merges` over `items`, numbered as SciPy does; `cut` is said at the dashed line.
/// Nothing when the merges are not those of a whole tree.
pub(in crate::report) fn tree(
    key: &str,
    caption: Caption,
    items: &[Leaf],
    merges: &[Merge],
    cut: &str,
) -> Option<Chart> {
    let n = items.len();
    if n < 2 || merges.len() != n - 1 {
        return None;
    }
    let order = order(n, merges)?;
    let top = 26.0;
    let height = top + ROW * n as f64 + 26.0;
    let mut canvas = Canvas::new(key, height);
    let tallest = merges.iter().map(|merge| merge.height).fold(f64::EPSILON, f64::max);
    let right = WIDTH - 20.0;
    let x = |height: f64| LEFT + (right - LEFT) * (height / tallest).clamp(0.0, 1.0);
    // Where each node stands: items at the left, merges at their height.
    let mut at = vec![(LEFT, 0.0); n];
    for (row, item) in order.iter().enumerate() {
        let y = top + ROW * row as f64 + ROW / 2.0;
        at[*item] = (LEFT, y);
        let Leaf { label, cluster } = &items[*item];
        // Neighbouring clusters are told apart by a band, and by their number.
        if cluster % 2 == 1 {
            canvas.rect([0.0, y - ROW / 2.0, LEFT - 4.0, ROW], TONES[3], "none");
        }
        let label = format!("{}  {cluster}", fit(label, LEFT - 20.0));
        canvas.letters(LEFT - 8.0, y + 4.0, Hold::End, INK, 10.5, &label);
    }
    for merge in merges {
        let [left, right] = [merge.left, merge.right].map(|i| at.get(i as usize).copied());
        let (left, right) = (left?, right?);
        let here = x(merge.height);
        canvas.line([left.0, left.1, here, left.1], INK, 1.2);
        canvas.line([right.0, right.1, here, right.1], INK, 1.2);
        canvas.line([here, left.1, here, right.1], INK, 1.2);
        at.push((here, f64::midpoint(left.1, right.1)));
    }
    let clusters = items.iter().map(|item| item.cluster).max().unwrap_or(1) as usize;
    if clusters > 1 && clusters <= n {
        let above = merges[n - clusters].height;
        let below = if clusters == n { 0.0 } else { merges[n - clusters - 1].height };
        let here = x(f64::midpoint(above, below));
        canvas.dashed([here, top - 8.0, here, height - 24.0], MUTED);
        canvas.small(here, top - 12.0, Hold::Middle, cut);
    }
    let foot = height - 6.0;
    canvas.small(LEFT, foot, Hold::Middle, "0");
    canvas.small(right, foot, Hold::End, &format!("{tallest:.2}"));
    Some(canvas.finish(caption))
}

/// The items from top to bottom so that no lines cross.
fn order(n: usize, merges: &[Merge]) -> Option<Vec<usize>> {
    let mut order = Vec::with_capacity(n);
    let mut stack = vec![n + merges.len() - 1];
    while let Some(node) = stack.pop() {
        if node < n {
            order.push(node);
            continue;
        }
        let merge = merges.get(node - n)?;
        // Children are older than their parent, so this ends.
        let (left, right) = (merge.left as usize, merge.right as usize);
        if left >= node || right >= node {
            return None;
        }
        stack.extend([right, left]);
    }
    let mut seen = order.clone();
    seen.sort_unstable();
    seen.dedup();
    (seen.len() == n && order.len() == n).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(left: u32, right: u32, height: f64, size: u32) -> Merge {
        Merge { left, right, height, size }
    }

    #[test]
    fn lines_do_not_cross() {
        let merges = [merge(0, 2, 1.0, 2), merge(1, 3, 1.5, 2), merge(4, 5, 3.0, 4)];
        assert_eq!(order(4, &merges), Some(vec![0, 2, 1, 3]));
    }

    #[test]
    fn what_is_no_tree_is_not_drawn() {
        let cases = [
            ("names itself", vec![merge(0, 3, 1.0, 2), merge(1, 2, 1.5, 2)]),
            ("an item twice", vec![merge(0, 1, 1.0, 2), merge(0, 3, 1.5, 2)]),
        ];
        for (name, merges) in cases {
            assert_eq!(order(3, &merges), None, "{name}");
        }
    }
}
