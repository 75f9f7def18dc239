//! Times of many days in one sorted list, asked for percentiles of any mixture of days.
//!
//! A bootstrap asks a thousand times. Going through the list each time would cost seconds for a
//! country, so the list is cut into blocks that know how much of each day stands before them.
//!
//! Invariant: the answer is that of going through the whole list: the least time that so many percent
//! of all times do not exceed (nearest rank; no interpolation, so it is a time that was seen).

use super::material::{Day, Times};

/// Entries of a block: as many steps as about six looks at the days cost.
const BLOCK: usize = 64;

/// Times of many days.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// `(milliseconds, day, how many)`, rising.
    entries: Vec<(u32, Day, u32)>,
    /// How many days a row has.
    width: usize,
    /// For each block the entries before it by day, and at the end all entries.
    before: Vec<u64>,
}

impl Histogram {
    /// Puts the times of days together; a day may come several times.
    pub(super) fn of<'a>(days: impl IntoIterator<Item = (Day, &'a Times)>) -> Self {
        let mut entries: Vec<(u32, Day, u32)> = days
            .into_iter()
            .flat_map(|(day, times)| times.iter().map(move |(ms, count)| (*ms, day, *count)))
            .filter(|(_, _, count)| *count > 0)
            .collect();
        entries.sort_unstable();
        let width = entries.iter().map(|(_, day, _)| usize::from(*day) + 1).max().unwrap_or(0);
        let mut row = vec![0_u64; width];
        let mut before = Vec::with_capacity((entries.len() / BLOCK + 2) * width);
        for block in entries.chunks(BLOCK) {
            before.extend_from_slice(&row);
            for (_, day, count) in block {
                row[usize::from(*day)] += u64::from(*count);
            }
        }
        before.extend_from_slice(&row);
        Self { entries, width, before }
    }

    /// Days of which there are times, rising.
    pub(super) fn days(&self) -> impl Iterator<Item = Day> {
        // The last row counts them all; a list of a quarter has ten thousands of entries.
        let all = self.before.rchunks(self.width.max(1)).next().unwrap_or_default();
        (0..).zip(all).filter(|(_, count)| **count > 0).map(|(day, _)| day)
    }

    /// How many times there are.
    pub(super) fn n(&self) -> u64 {
        self.entries.iter().map(|(_, _, count)| u64::from(*count)).sum()
    }

    /// The percentile in seconds, each day taken as often as `drawn` says (by day); absent of nothing.
    pub(super) fn percentile(&self, p: f64, drawn: &[u32]) -> Option<f64> {
        let blocks = self.entries.len().div_ceil(BLOCK);
        let total = self.count_before(blocks, drawn);
        if total == 0 {
            return None;
        }
        // Counts are far below 2^53, so both sides are exact for whole percentages.
        let enough = |count: u64| count as f64 * 100.0 >= p * total as f64;
        let (mut low, mut high) = (0, blocks);
        // The last block before which there is not enough yet.
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if enough(self.count_before(middle, drawn)) {
                high = middle;
            } else {
                low = middle;
            }
        }
        let mut count = self.count_before(low, drawn);
        self.entries.iter().skip(low * BLOCK).find_map(|(ms, day, n)| {
            count += times_drawn(drawn, *day) * u64::from(*n);
            enough(count).then(|| f64::from(*ms) / 1000.0)
        })
    }

    fn count_before(&self, block: usize, drawn: &[u32]) -> u64 {
        let row = self.before.get(block * self.width..(block + 1) * self.width).unwrap_or_default();
        row.iter().zip(drawn).map(|(count, times)| count * u64::from(*times)).sum()
    }
}

/// How often a day was drawn.
pub(super) fn times_drawn(drawn: &[u32], day: Day) -> u64 {
    drawn.get(usize::from(day)).copied().map_or(0, u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, without any index.
    fn plainly(days: &[(Day, Times)], p: f64, drawn: &[u32]) -> Option<f64> {
        let mut all: Vec<u32> = Vec::new();
        for (day, times) in days {
            for (ms, count) in times {
                for _ in 0..times_drawn(drawn, *day) * u64::from(*count) {
                    all.push(*ms);
                }
            }
        }
        all.sort_unstable();
        let n = all.len() as f64;
        (1..)
            .zip(&all)
            .find(|(rank, _)| f64::from(*rank) * 100.0 >= p * n)
            .map(|(_, ms)| f64::from(*ms) / 1000.0)
    }

    proptest! {
        #[test]
        fn blocks_answer_what_the_whole_list_would(
            days in prop::collection::vec((0_u16..12, prop::collection::vec((1_u32..400, 0_u32..4), 0..40)), 0..24),
            drawn in prop::collection::vec(0_u32..4, 12),
            p in 1_u8..100,
        ) {
            let histogram = Histogram::of(days.iter().map(|(day, times)| (*day, times)));
            let p = f64::from(p);
            prop_assert_eq!(histogram.percentile(p, &drawn), plainly(&days, p, &drawn));
        }
    }

    #[test]
    fn percentiles_are_times_that_were_seen() {
        let times: Times = vec![(1000, 1), (2000, 1), (3000, 1), (4000, 1)];
        let histogram = Histogram::of([(0, &times)]);
        let cases = [(25.0, 1.0), (26.0, 2.0), (50.0, 2.0), (75.0, 3.0), (76.0, 4.0), (99.0, 4.0)];
        for (p, want) in cases {
            assert_eq!(histogram.percentile(p, &[1]), Some(want), "{p}");
        }
        assert_eq!(histogram.percentile(50.0, &[0]), None, "a day that was not drawn");
        assert_eq!(histogram.n(), 4);
        assert_eq!(Histogram::of([(5, &times), (2, &times)]).days().collect::<Vec<_>>(), [2, 5]);
        assert_eq!(Histogram::of([]).days().count(), 0);
    }
}
