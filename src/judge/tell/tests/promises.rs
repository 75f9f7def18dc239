//! What holds for any order of results.

use proptest::prelude::*;

use super::*;
use crate::domain::incident::Severity;
use crate::plan::{Maintenance, QuietHours, Window};

const PAIRS: [&str; 6] = ["home@a", "walk@a", "home@b", "home@c", "walk@c", "home@d"];

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => Just(Reading::Good),
        5 => Just(Reading::Bad(Concern::Outage)),
        1 => Just(Reading::Bad(Concern::Slow)),
        1 => Just(Reading::Bad(Concern::ScriptRot)),
        1 => Just(Reading::Silent),
    ]
}

/// Somebody at once, somebody who sleeps at noon, somebody when it lasts, somebody for one target.
fn routes() -> Vec<Route> {
    let quiet = QuietHours {
        from: "12:30".parse().unwrap(),
        until: "14:00".parse().unwrap(),
        unless: Severity::Outage,
    };
    let only = RouteFilter { targets: vec!["c".into()], ..RouteFilter::default() };
    vec![
        route("all"),
        Route { quiet: Some(quiet), ..route("sleeper") },
        Route { after: Duration::from_mins(45), ..route("next") },
        Route { when: only, ..route("c-only") },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn everybody_hears_once_of_the_beginning_and_then_of_the_end(
        runs in proptest::collection::vec((0..PAIRS.len(), reading(), 1i64..600), 1..90),
        window in (0i64..8 * 3600, 0i64..3 * 3600),
        wave in 0u32..4, flapping: bool, acknowledged in 0usize..200,
    ) {
        let mut world = World::new("", routes()).with(|plan| {
            plan.alert.wave = wave;
            let (from, until) = (at(window.0), at(window.0 + window.1));
            let what = RouteFilter { targets: vec!["b".into(), "c".into()], ..RouteFilter::default() };
            plan.maintenance = vec![Maintenance { name: "w".into(), what, when: Window::Once { from, until } }];
            for probe in &mut plan.probes {
                std::sync::Arc::make_mut(probe).alert.flapping = flapping;
            }
        });
        let mut now = 0;
        for (i, (pair, reading, gap)) in runs.iter().enumerate() {
            now += gap;
            world.run(now, PAIRS[*pair], *reading);
            if i == acknowledged {
                world.acknowledge(now);
            }
            // At most one is open per pair.
            let mut open: Vec<String> = world
                .known
                .iter()
                .filter(|known| known.incident.closed_at.is_none() && known.incident.scope == Scope::Pair)
                .map(|known| world.about(&known.incident.id))
                .collect();
            let all = open.len();
            open.sort();
            open.dedup();
            prop_assert_eq!(open.len(), all);
        }
        // The window is over, everybody is awake, nobody waits for anybody.
        for hour in 1..30 {
            world.sweep(now + hour * 3600);
        }
        let all: Recipient = "all".into();
        for known in &world.known {
            let Incident { id, closed_at, parent, told_at, .. } = &known.incident;
            let lasts = closed_at.is_none();
            // Each that lasts is told to whoever wants to know, by itself or by what speaks for it. One whose
            // parent ended after it was last seen waits for a run.
            let mut speaker = known;
            while let Some(above) = speaker.incident.parent.as_ref() {
                speaker = world.known.iter().find(|known| known.incident.id == *above).unwrap();
            }
            if lasts && speaker.incident.closed_at.is_none() {
                // The home page is why the rest of its target fails; a wave is its members, each of them told.
                let below_home = parent.as_ref().is_some_and(|above| world.incident(above).scope == Scope::Pair);
                prop_assert!(told_at.is_some() || below_home, "{}", world.about(id));
                prop_assert!(speaker.told.iter().any(|told| told.to.contains(&all)), "{}", world.about(id));
                prop_assert!(parent.is_none() || speaker.incident.id != *id);
            }
            // To each person: a beginning, then whatever, then one end, and nothing after it.
            let people: BTreeSet<&Recipient> = known.told.iter().flat_map(|told| &told.to).collect();
            for who in people {
                let heard: Vec<NoticeKind> =
                    known.told.iter().filter(|told| told.to.contains(who)).map(|told| told.kind).collect();
                let begins = [NoticeKind::Opened, NoticeKind::Flapping, NoticeKind::Escalated];
                prop_assert!(begins.contains(&heard[0]), "{who} heard {heard:?}");
                let openings = heard.iter().filter(|kind| [NoticeKind::Opened, NoticeKind::Escalated].contains(*kind));
                prop_assert!(openings.count() <= 1, "{who} heard {heard:?}");
                let ends = heard.iter().filter(|kind| **kind == NoticeKind::Resolved).count();
                prop_assert_eq!(ends, usize::from(!lasts), "{} heard {:?}", who, heard);
                prop_assert!(lasts || heard.last() == Some(&NoticeKind::Resolved), "{who} heard {heard:?}");
            }
            // One root, and it is the first.
            let roots = world.log.iter().filter(|(_, tell)| tell.incident == *id && tell.root).count();
            prop_assert_eq!(roots, usize::from(!known.told.is_empty()));
        }
        // Nobody is told of it twice in one breath.
        for (when, tell) in &world.log {
            for who in &tell.to {
                let same = world.log.iter().filter(|(other, told)| {
                    other == when && told.incident == tell.incident && told.to.contains(who)
                });
                prop_assert_eq!(same.count(), 1);
            }
        }
        // What is over is settled, unless what it speaks for lasts.
        for known in &world.known {
            let id = &known.incident.id;
            let below = |other: &&Known| other.incident.parent.as_ref() == Some(id);
            let kept = world.known.iter().filter(below).any(|child| child.incident.closed_at.is_none());
            let above = known.incident.parent.as_ref().is_some_and(|id| world.incident(id).closed_at.is_none());
            let settled = world.settled.contains(id.as_str());
            prop_assert_eq!(settled, known.incident.closed_at.is_some() && !kept && !above);
        }
    }

    #[test]
    fn gaps_between_reminders_never_shrink_and_end_at_a_day(first in 60i64..200_000, reminders in 0u32..80) {
        let first = SignedDuration::from_secs(first);
        let (this, next) = (gap(first, reminders), gap(first, reminders + 1));
        prop_assert!(this <= next && this >= first);
        prop_assert!(next <= first.max(SignedDuration::from_hours(24)));
        prop_assert!(next == first.max(SignedDuration::from_hours(24)) || next == this * 2);
    }
}
