//! Gaps that wait for a store that takes none: many of one pair share a record, so that none is lost
//! however long it lasts.

use std::collections::VecDeque;

use indexmap::IndexMap;

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::run::{Gap, GapReason};

/// Makes one gap of all that are of one pair and have one reason, of the older half. Runs that could not
/// be recorded keep their own: each of them has a row of its own that waits for its end.
pub(super) fn fold(unsaved: &mut VecDeque<Gap>) {
    let newer = unsaved.split_off(unsaved.len() / 2);
    let mut kept = VecDeque::new();
    let mut shared: IndexMap<(ProbeId, TargetId, GapReason), Gap> = IndexMap::new();
    for gap in std::mem::take(unsaved) {
        if matches!(gap.reason, GapReason::NotRecorded | GapReason::Interrupted) {
            kept.push_back(gap);
            continue;
        }
        let key = (gap.probe.clone(), gap.target.clone(), gap.reason);
        shared
            .entry(key)
            .and_modify(|all| {
                all.scheduled_at = all.scheduled_at.min(gap.scheduled_at);
                all.until = all.until.max(gap.until);
                all.count += gap.count;
            })
            .or_insert(gap);
    }
    unsaved.extend(shared.into_values());
    unsaved.extend(kept);
    unsaved.extend(newer);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_older_half_is_told_of_together_and_no_slot_is_lost() {
        let gap = |probe: &str, second, reason| {
            Gap::one(probe.into(), "city".into(), Timestamp::from_second(second).unwrap(), reason)
        };
        let (late, unkept) = (GapReason::Overdue, GapReason::NotRecorded);
        let mut unsaved: VecDeque<Gap> = [
            gap("home", 1, late),
            gap("walk", 1, late),
            gap("home", 2, unkept),
            gap("home", 3, late),
            gap("home", 4, GapReason::StillRunning),
            gap("home", 5, late),
            gap("home", 6, late),
            gap("home", 7, late),
            gap("home", 8, late),
            gap("home", 9, late),
            gap("home", 10, late),
            gap("home", 11, late),
        ]
        .into();
        let all: u64 = unsaved.iter().map(|gap| gap.count).sum();
        fold(&mut unsaved);
        let told: Vec<(&str, i64, i64, u64, GapReason)> = unsaved
            .iter()
            .take(4)
            .map(|it| {
                let (from, to) = (it.scheduled_at.as_second(), it.until.as_second());
                (it.probe.as_str(), from, to, it.count, it.reason)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("home", 1, 5, 3, late),
                ("walk", 1, 1, 1, late),
                ("home", 4, 4, 1, GapReason::StillRunning),
                ("home", 2, 2, 1, unkept),
            ]
        );
        assert_eq!(unsaved.iter().map(|gap| gap.count).sum::<u64>(), all);
        assert_eq!(unsaved.len(), 10);
    }
}
