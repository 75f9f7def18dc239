//! Whose time a step's time was: a pure sweep over what went on.
//!
//! Each instant of the step is given to the first of these that fits it:
//!
//! 1. **script**: a task of the page's scripts took longer than 50 ms (Long Tasks, W3C). It comes first,
//!    because a page that is busy takes nothing that has come, and tells of it only afterwards;
//! 2. **server**: a request had been sent and its first byte had not come;
//! 3. **network**: a request was under way otherwise (look-up, connection, TLS, bytes on their way);
//! 4. **rendering**: a document was on its way to being loaded, and none of the above;
//! 5. **waiting**: we looked for something in vain: it had not come, and nothing of this could be seen
//!    (a timer of the page, an animation);
//! 6. **own**: the rest. Looking, clicking, typing, pauses between looks.
//!
//! The first five are the portal's. Requests that go on in the background while we work (counters,
//! polling) count only as far as a document is loading or we wait in vain: otherwise the portal would be
//! billed for our own time.
//!
//! Invariant: the parts add up to the step's time.

use crate::domain::observation::TimeSplit;

/// A stretch of time in milliseconds.
pub type Span = (f64, f64);

/// What went on, in milliseconds by one clock.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// Requests between being sent and their first byte.
    pub server: Vec<Span>,
    /// Requests from their beginning to their end.
    pub network: Vec<Span>,
    /// Long tasks.
    pub script: Vec<Span>,
    /// Documents on their way.
    pub loading: Vec<Span>,
    /// Waits that were in vain.
    pub waiting: Vec<Span>,
}

/// Gives each instant of `step` to somebody.
pub fn split(step: Span, activity: &Activity) -> TimeSplit {
    let (begin, end) = step;
    let total = super::traffic::whole(end - begin);
    let mut cuts: Vec<f64> = vec![begin, end];
    let kinds = [&activity.server, &activity.network, &activity.script, &activity.loading, &activity.waiting]
        .map(|spans| merged(spans));
    for spans in &kinds {
        for (from, to) in spans {
            cuts.extend([*from, *to].into_iter().filter(|at| *at > begin && *at < end));
        }
    }
    cuts.sort_by(f64::total_cmp);
    let mut parts = [0.0; 5];
    for pair in cuts.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let middle = f64::midpoint(from, to);
        let [server, network, script, loading, waiting] = kinds.each_ref().map(|spans| covers(spans, middle));
        let theirs = loading || waiting;
        let part = match () {
            () if script => 2,
            () if server && theirs => 0,
            () if network && theirs => 1,
            () if loading => 3,
            () if waiting => 4,
            () => continue,
        };
        parts[part] += to - from;
    }
    let [server_ms, network_ms, script_ms, rendering_ms, waiting_ms] = parts.map(super::traffic::whole);
    let mut split = TimeSplit { server_ms, network_ms, script_ms, rendering_ms, waiting_ms, own_ms: 0 };
    split.own_ms = total.saturating_sub(split.portal_ms());
    // Five roundings may come to a millisecond or two more than there are.
    let mut over = split.portal_ms().saturating_sub(total);
    for part in [
        &mut split.rendering_ms,
        &mut split.network_ms,
        &mut split.server_ms,
        &mut split.script_ms,
        &mut split.waiting_ms,
    ] {
        let less = over.min(*part);
        *part -= less;
        over -= less;
    }
    split
}

/// The same stretches, in order and without overlaps.
fn merged(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().copied().filter(|(from, to)| to > from).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<Span> = Vec::with_capacity(sorted.len());
    for (from, to) in sorted {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn covers(spans: &[Span], at: f64) -> bool {
    let after = spans.partition_point(|(from, _)| *from <= at);
    after > 0 && spans[after - 1].1 > at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(split: TimeSplit) -> [u64; 6] {
        [
            split.server_ms,
            split.network_ms,
            split.script_ms,
            split.rendering_ms,
            split.waiting_ms,
            split.own_ms,
        ]
    }

    #[test]
    fn each_instant_has_one_owner() {
        let loading = vec![(0.0, 100.0)];
        let cases = [
            ("nothing went on: all of it is ours", Activity::default(), [0, 0, 0, 0, 0, 100]),
            (
                "a page loads: the server, the network, then drawing",
                Activity {
                    loading: loading.clone(),
                    network: vec![(0.0, 60.0)],
                    server: vec![(10.0, 50.0)],
                    ..Activity::default()
                },
                [40, 20, 0, 40, 0, 0],
            ),
            (
                "two requests at once count once",
                Activity {
                    loading: loading.clone(),
                    network: vec![(0.0, 60.0), (20.0, 80.0)],
                    server: vec![(10.0, 50.0), (40.0, 70.0)],
                    ..Activity::default()
                },
                [60, 20, 0, 20, 0, 0],
            ),
            (
                "a script that keeps the page busy outranks drawing",
                Activity { loading: vec![(0.0, 50.0)], script: vec![(20.0, 90.0)], ..Activity::default() },
                [0, 0, 70, 20, 0, 10],
            ),
            (
                "polling in the background while we work is not billed",
                Activity { network: vec![(0.0, 100.0)], server: vec![(0.0, 100.0)], ..Activity::default() },
                [0, 0, 0, 0, 0, 100],
            ),
            (
                "a request that we wait for is",
                Activity {
                    network: vec![(0.0, 80.0)],
                    server: vec![(0.0, 70.0)],
                    waiting: vec![(0.0, 90.0)],
                    ..Activity::default()
                },
                [70, 10, 0, 0, 10, 10],
            ),
            (
                "what lies outside the step does not count",
                Activity { loading: vec![(-50.0, 10.0), (90.0, 400.0)], ..Activity::default() },
                [0, 0, 0, 20, 0, 80],
            ),
        ];
        for (name, activity, want) in cases {
            assert_eq!(parts(split((0.0, 100.0), &activity)), want, "{name}");
        }
    }

    #[test]
    fn the_parts_add_up() {
        let activity = Activity {
            server: vec![(0.4, 1.9), (3.3, 3.8)],
            network: vec![(0.1, 2.6), (3.1, 4.5)],
            loading: vec![(0.0, 5.5)],
            ..Activity::default()
        };
        let split = split((0.0, 5.4), &activity);
        assert_eq!(split.portal_ms() + split.own_ms, 5);
    }
}
