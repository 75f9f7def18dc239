//! What is told when, one story each.

use super::*;
use crate::domain::incident::Severity;
use crate::plan::{Maintenance, QuietHours, Window};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DOWN: Reading = Reading::Bad(Concern::Outage);
const SLOW: Reading = Reading::Bad(Concern::Slow);

fn window(name: &str, from: i64, until: i64, what: RouteFilter) -> Maintenance {
    Maintenance { name: name.into(), what, when: Window::Once { from: at(from), until: at(until) } }
}

#[test]
fn one_outage_is_told_at_once_and_so_is_its_end() {
    let mut world = World::new("", vec![route("x"), route("y")]);
    world.run(0, "home@a", DOWN);
    assert!(world.said().is_empty(), "nothing is confirmed");
    world.run(10, "home@a", DOWN);
    assert_eq!(world.said(), ["opened home@a to x,y"]);
    for minute in 1..10 {
        world.sweep(minute * MINUTE);
    }
    assert!(world.said().is_empty());
    world.run(HOUR / 2, "home@a", Reading::Good);
    assert!(world.said().is_empty(), "one good run proves nothing");
    world.run(HOUR / 2 + 10, "home@a", Reading::Good);
    assert_eq!(world.said(), ["resolved home@a to x,y"]);
    world.sweep(HOUR);
    assert!(world.said().is_empty() && world.settled.len() == 1);
}

#[test]
fn reminders_have_growing_gaps_and_need_a_run_that_shows_it() {
    let mut world = World::new("", vec![route("x")]);
    world.down(0, "home@a");
    let mut told = Vec::new();
    for tick in 1..=4 * 24 * 12 {
        world.run(tick * 5 * MINUTE, "home@a", DOWN);
    }
    for (when, tell) in &world.log {
        told.push((tell.kind.name(), when.duration_since(at(0)).as_hours()));
    }
    let want = [
        ("opened", 0),
        ("reminder", 1),
        ("reminder", 3),
        ("reminder", 7),
        ("reminder", 15),
        ("reminder", 31),
        ("reminder", 55),
        ("reminder", 79),
    ];
    assert_eq!(told, want);
    // A night without runs says nothing.
    world.said();
    world.sweep(20 * 24 * HOUR);
    assert!(world.said().is_empty());
    world.run(20 * 24 * HOUR + 10, "home@a", DOWN);
    assert_eq!(world.said(), ["reminder home@a to x"]);
}

#[test]
fn nobody_is_reminded_while_it_recovers_or_when_somebody_took_it_upon_himself() {
    let next = Route { after: Duration::from_mins(30), ..route("boss") };
    let mut world = World::new("", vec![route("x"), next.clone()]);
    world.down(0, "home@a");
    world.run(10 * MINUTE, "home@a", DOWN);
    world.acknowledge(15 * MINUTE);
    for hour in 1..5 {
        world.run(hour * HOUR, "home@a", DOWN);
    }
    assert_eq!(world.said(), ["opened home@a to x"], "no reminder, and nobody else is called");
    world.up(5 * HOUR, "home@a");
    assert_eq!(world.said(), ["resolved home@a to x"]);

    // What gets worse is another matter.
    let mut world = World::new("", vec![route("x"), next.clone()]);
    world.twice(0, "home@a", SLOW);
    world.acknowledge(MINUTE);
    world.run(29 * MINUTE, "home@a", SLOW);
    world.down(40 * MINUTE, "home@a");
    assert_eq!(
        world.said(),
        ["opened home@a to x", "escalated home@a to boss", "worsened home@a to x"],
        "the acknowledgement was of something lesser"
    );
    world.up(50 * MINUTE, "home@a");
    assert_eq!(world.said(), ["resolved home@a to x,boss"]);

    // Seems to recover.
    let mut world = World::new("", vec![route("x")]);
    world.down(0, "home@a");
    world.run(50 * MINUTE, "home@a", DOWN);
    world.run(HOUR, "home@a", Reading::Good);
    world.sweep(2 * HOUR);
    assert_eq!(world.said(), ["opened home@a to x"]);
}

#[test]
fn the_next_are_called_when_it_lasts() {
    let next = |to: &str, minutes| Route { after: Duration::from_mins(minutes), ..route(to) };
    let mut world = World::new("", vec![route("x"), next("y", 10), next("z", 20)]);
    world.down(0, "home@a");
    for minute in 1..25 {
        world.sweep(minute * MINUTE);
    }
    assert_eq!(world.said(), ["opened home@a to x", "escalated home@a to y", "escalated home@a to z"]);
    world.up(30 * MINUTE, "home@a");
    assert_eq!(world.said(), ["resolved home@a to x,y,z"]);

    // Nobody is called at once: the first who are called are told as the first.
    let mut world = World::new("", vec![next("y", 10), next("z", 20)]);
    world.down(0, "home@a");
    world.sweep(9 * MINUTE);
    assert!(world.said().is_empty());
    world.sweep(10 * MINUTE);
    world.sweep(31 * MINUTE);
    assert_eq!(world.said(), ["opened home@a to y", "escalated home@a to z"]);
    // And what is over before is told to nobody.
    let mut world = World::new("", vec![next("y", 10)]);
    world.down(0, "home@a");
    world.up(5 * MINUTE, "home@a");
    world.sweep(HOUR);
    assert!(world.said().is_empty() && world.settled.len() == 1);
}

#[test]
fn a_maintenance_window_holds_what_begins_in_it() {
    let only_a = || RouteFilter { targets: vec!["a".into()], ..RouteFilter::default() };
    let in_window = || {
        let mut world = World::new("", vec![route("x")]);
        world.plan.maintenance = vec![window("night work", 0, HOUR, only_a())];
        world
    };
    let mut world = in_window();
    world.down(10 * MINUTE, "home@a");
    world.down(10 * MINUTE, "home@b");
    assert_eq!(world.said(), ["opened home@b to x"], "the other target is not maintained");
    world.sweep(HOUR - 1);
    assert!(world.said().is_empty());
    world.sweep(HOUR);
    assert_eq!(world.said(), ["opened home@a to x after 维护窗口“night work”"]);
    world.up(2 * HOUR, "home@a");
    assert_eq!(world.said(), ["resolved home@a to x"]);

    let mut world = in_window();
    world.down(10 * MINUTE, "home@a");
    world.up(50 * MINUTE, "home@a");
    world.sweep(2 * HOUR);
    assert!(world.said().is_empty() && world.settled.len() == 1, "began and ended inside: never told");

    let mut world = in_window();
    world.down(-10 * MINUTE, "home@a");
    world.run(55 * MINUTE, "home@a", DOWN);
    assert_eq!(world.said(), ["opened home@a to x"], "told before; no reminder inside");
    world.up(58 * MINUTE, "home@a");
    assert_eq!(world.said(), ["resolved home@a to x"], "people know of it");
}

#[test]
fn a_silence_holds_like_a_window_and_may_be_ended() {
    let mut world = World::new("", vec![route("x")]);
    world.silences = vec![Silence {
        id: "s1".into(),
        target: Some("a".into()),
        probe: None,
        starts_at: at(0),
        until: at(HOUR),
        made_by: "ops".into(),
        reason: "moving house".into(),
    }];
    world.down(10 * MINUTE, "home@a");
    assert!(world.said().is_empty());
    world.silences[0].until = at(20 * MINUTE);
    world.sweep(21 * MINUTE);
    assert_eq!(world.said(), ["opened home@a to x after 静默（moving house）"]);
}

#[test]
fn quiet_hours_hold_what_is_less_bad_until_they_end() {
    // From noon to one o'clock; the other route has none.
    let quiet = QuietHours {
        from: "12:00".parse().unwrap(),
        until: "13:00".parse().unwrap(),
        unless: Severity::Outage,
    };
    let routes = || vec![Route { quiet: Some(quiet), ..route("sleeper") }, route("x")];
    let mut world = World::new("", routes());
    world.twice(MINUTE, "home@a", SLOW);
    world.twice(MINUTE, "home@b", SLOW);
    assert_eq!(world.said(), ["opened home@a to x", "opened home@b to x"]);
    world.up(30 * MINUTE, "home@b");
    assert_eq!(world.said(), ["resolved home@b to x"], "who never heard of it hears of no end");
    world.sweep(HOUR - 1);
    assert!(world.said().is_empty());
    world.sweep(HOUR);
    assert_eq!(world.said(), ["opened home@a to sleeper after 免打扰时段"]);
    assert!(!world.log.last().unwrap().1.root, "there is one root");

    let mut world = World::new("", routes());
    world.down(MINUTE, "home@a");
    assert_eq!(world.said(), ["opened home@a to sleeper,x"], "an outage wakes people");

    // Told before, over inside: the end waits for those who sleep.
    let mut world = World::new("", routes());
    world.twice(-MINUTE, "home@a", SLOW);
    world.up(10 * MINUTE, "home@a");
    assert_eq!(world.said(), ["opened home@a to sleeper,x", "resolved home@a to x"]);
    world.sweep(HOUR);
    assert_eq!(world.said(), ["resolved home@a to sleeper"]);
}

#[test]
fn a_home_page_speaks_for_its_target() {
    let mut world = World::new("", vec![route("x")]);
    world.down(0, "home@a");
    world.down(20, "walk@a");
    assert_eq!(world.said(), ["opened home@a to x"], "the walk is folded");
    // The home page is back; whether the walk is, its next run has to show.
    world.up(10 * MINUTE, "home@a");
    world.sweep(20 * MINUTE);
    assert_eq!(world.said(), ["resolved home@a to x"]);
    world.run(30 * MINUTE, "walk@a", DOWN);
    assert_eq!(world.said(), ["opened walk@a to x"], "it lasts by itself");
    world.up(40 * MINUTE, "walk@a");
    assert_eq!(world.said(), ["resolved walk@a to x"]);
    assert_eq!(world.settled.len(), 2);

    // Told before it was folded: its end is told in its own thread.
    let mut world = World::new("", vec![route("x")]);
    world.down(0, "walk@a");
    world.down(20, "home@a");
    assert_eq!(world.said(), ["opened walk@a to x", "opened home@a to x"]);
    world.run(2 * HOUR, "walk@a", DOWN);
    world.run(2 * HOUR + 1, "home@a", DOWN);
    assert_eq!(world.said(), ["reminder home@a to x"], "one reminder for both");
    world.up(3 * HOUR, "walk@a");
    world.up(3 * HOUR + 60, "home@a");
    assert_eq!(world.said(), ["resolved walk@a to x", "resolved home@a to x"]);

    // While the home page fails and is not confirmed, the walk waits; not for ever.
    let mut world = World::new("", vec![route("x")]);
    world.run(0, "home@a", DOWN);
    world.down(2, "walk@a");
    assert!(world.said().is_empty());
    world.run(10, "home@a", DOWN);
    assert_eq!(world.said(), ["opened home@a to x"]);
    let mut world = World::new("", vec![route("x")]);
    world.run(0, "home@a", DOWN);
    world.down(2, "walk@a");
    world.sweep(61);
    assert!(world.said().is_empty());
    world.sweep(62);
    assert_eq!(world.said(), ["opened walk@a to x"]);
    let mut world = World::new("", vec![route("x")]);
    world.run(0, "home@a", DOWN);
    world.down(2, "walk@a");
    world.run(10, "home@a", Reading::Good);
    assert_eq!(world.said(), ["opened walk@a to x"], "nothing is suspected any more");

    // Whoever only cares for the walk hears of the home page, which is why it fails.
    let walks = RouteFilter { probes: vec!["walk".into()], ..RouteFilter::default() };
    let mut world = World::new("", vec![route("x"), Route { when: walks, ..route("walker") }]);
    world.down(0, "home@a");
    world.down(20, "walk@a");
    assert_eq!(world.said(), ["opened home@a to x", "opened home@a to walker"]);
}

#[test]
fn many_targets_at_once_are_one_wave() {
    let mut world = World::new("", vec![route("x")]);
    for (second, pair) in [(0, "home@a"), (1, "home@b"), (2, "home@c"), (3, "home@d")] {
        world.run(second, pair, DOWN);
    }
    for (second, pair) in [(10, "home@a"), (11, "home@b")] {
        world.run(second, pair, DOWN);
    }
    assert!(world.said().is_empty(), "they wait for the third, which is suspect");
    world.run(12, "home@c", DOWN);
    assert_eq!(world.said(), ["opened wave shared.example to x"]);
    world.run(13, "home@d", DOWN);
    assert_eq!(world.said(), ["opened home@d to x"], "another host is another matter");
    // A walk of a member is folded as well; the wave is over when its members are.
    world.down(30, "walk@a");
    world.up(HOUR / 4, "home@a");
    world.up(HOUR / 4, "home@b");
    assert!(world.said().is_empty());
    world.up(HOUR / 4 + 60, "home@c");
    world.up(HOUR / 4 + 60, "walk@a");
    assert_eq!(world.said(), ["resolved wave shared.example to x"]);
    world.up(HOUR / 2, "home@d");
    assert_eq!(world.said(), ["resolved home@d to x"]);
    assert_eq!(world.settled.len(), world.known.len());
}

#[test]
fn a_wave_that_grows_is_told_again_and_too_few_are_none() {
    let mut world = World::new("", vec![route("x")]).with(|plan| plan.alert.wave = 2);
    world.down(0, "home@a");
    world.down(8 * MINUTE, "home@c");
    assert_eq!(world.said(), ["opened home@a to x", "opened wave shared.example to x"]);
    world.down(12 * MINUTE, "home@b");
    world.sweep(17 * MINUTE);
    assert!(world.said().is_empty(), "soon, with whoever comes meanwhile");
    world.sweep(18 * MINUTE);
    assert_eq!(world.said(), ["worsened wave shared.example to x"]);
    world.sweep(HOUR / 2);
    assert!(world.said().is_empty());

    // What was held while the wave lasts is no part of it, however long ago it broke: it is told.
    let only_c = RouteFilter { targets: vec!["c".into()], ..RouteFilter::default() };
    let mut world = World::new("", vec![route("x")]).with(|plan| {
        plan.alert.wave = 2;
        plan.maintenance = vec![window("night work", 0, HOUR, only_c)];
    });
    world.down(MINUTE, "home@c");
    world.down(50 * MINUTE, "home@a");
    world.down(50 * MINUTE, "home@b");
    world.said();
    world.sweep(HOUR);
    assert_eq!(world.said(), ["opened home@c to x after 维护窗口“night work”"]);
    // What broke with it and was held for less long joins it, and whoever knows of it hears that.
    let mut world = World::new("", vec![route("x")]).with(|plan| {
        plan.alert.wave = 2;
        let only_c = RouteFilter { targets: vec!["c".into()], ..RouteFilter::default() };
        plan.maintenance = vec![window("night work", 0, HOUR, only_c)];
    });
    world.down(45 * MINUTE, "home@c");
    world.down(50 * MINUTE, "home@a");
    world.down(50 * MINUTE, "home@b");
    world.said();
    world.sweep(HOUR);
    world.sweep(HOUR + MINUTE);
    assert_eq!(world.said(), ["worsened wave shared.example to x"]);
    world.sweep(2 * HOUR);
    assert!(world.said().is_empty(), "once");
    assert!(world.known.iter().all(|known| known.incident.told_at.is_some()));

    // Known as slow, it goes down while the wave lasts: that is told in its own thread, and then folded.
    let mut world = World::new("", vec![route("x")]).with(|plan| plan.alert.wave = 2);
    for from in [0, 46 * MINUTE] {
        world.twice(from, "home@c", SLOW);
        world.down(50 * MINUTE, "home@a");
        world.down(50 * MINUTE, "home@b");
        world.said();
        world.down(55 * MINUTE, "home@c");
        assert_eq!(world.said(), ["worsened home@c to x"], "slow since {from}");
        world.sweep(2 * HOUR);
        assert!(world.said().is_empty(), "once");
        world = World::new("", vec![route("x")]).with(|plan| plan.alert.wave = 2);
    }

    // Two of three, or three with long times between them, are told one by one.
    let mut world = World::new("", vec![route("x")]);
    world.down(0, "home@a");
    world.down(MINUTE, "home@b");
    world.down(30 * MINUTE, "home@c");
    assert_eq!(world.said(), ["opened home@a to x", "opened home@b to x", "opened home@c to x"]);
    // Never, when nobody wants waves.
    let mut world = World::new("", vec![route("x")]).with(|plan| plan.alert.wave = 0);
    for pair in ["home@a", "home@b", "home@c"] {
        world.down(0, pair);
    }
    assert_eq!(world.said().len(), 3);
}

#[test]
fn what_nobody_takes_is_kept_and_what_rots_goes_to_its_authors() {
    let mut world = World::new("", Vec::new());
    world.down(0, "home@a");
    world.sweep(HOUR);
    assert_eq!(world.said(), ["opened home@a to "], "once, to nobody");
    assert!(world.known[0].incident.told_at.is_some());
    world.up(2 * HOUR, "home@a");
    assert_eq!(world.said(), ["resolved home@a to "]);
    // A route that comes later is told.
    let mut world = World::new("", Vec::new());
    world.down(0, "home@a");
    world.plan.routes = vec![route("x")];
    world.sweep(HOUR);
    assert_eq!(world.said(), ["opened home@a to ", "opened home@a to x"]);

    let scenario =
        crate::domain::scenario::Scenario { authors: vec!["author@x".into()], ..Default::default() };
    let mut world = World::new("", vec![Route { when: RouteFilter::default(), ..route("x") }]).with(|plan| {
        let walk = plan.probes.iter_mut().find(|probe| probe.id.as_str() == "walk").unwrap();
        std::sync::Arc::make_mut(walk).work = crate::plan::Work::Walk(scenario.into());
    });
    world.twice(0, "walk@a", Reading::Bad(Concern::ScriptRot));
    assert_eq!(world.said(), ["opened walk@a to author@x"]);
    world.down(MINUTE, "walk@a");
    assert_eq!(world.said(), ["opened walk@a to x"], "an outage is no matter of authors");
    world.up(HOUR, "walk@a");
    assert_eq!(world.said(), ["resolved walk@a to author@x,x"]);
}

#[test]
fn what_comes_and_goes_is_told_as_that() {
    let flapping = |world: World| {
        world.with(|plan| {
            for probe in &mut plan.probes {
                std::sync::Arc::make_mut(probe).alert.flapping = true;
            }
        })
    };
    let mut world = flapping(World::new("", vec![route("x")]));
    for step in 0..12 {
        world.run(step * MINUTE, "home@a", if step % 2 == 0 { Reading::Good } else { DOWN });
    }
    assert_eq!(world.said(), ["flapping home@a to x"]);
    assert!(world.log[0].1.root);
    let mut world = flapping(World::new("", vec![route("x")]));
    world.down(0, "home@a");
    for step in 1..12 {
        world.run(step * MINUTE, "home@a", if step % 2 == 0 { DOWN } else { Reading::Good });
    }
    assert_eq!(world.said(), ["opened home@a to x", "flapping home@a to x"]);
    for step in 12..40 {
        world.run(step * MINUTE, "home@a", Reading::Good);
    }
    assert_eq!(world.said(), ["resolved home@a to x"]);
}

#[test]
fn that_it_comes_and_goes_is_told_in_one_message() {
    let quiet = QuietHours {
        from: "12:00".parse().unwrap(),
        until: "13:00".parse().unwrap(),
        unless: Severity::Outage,
    };
    let flapping = |routes: Vec<Route>| {
        World::new("", routes).with(|plan| {
            for probe in &mut plan.probes {
                std::sync::Arc::make_mut(probe).alert.flapping = true;
            }
        })
    };
    // So many runs, a minute apart, every other one down.
    let every_other = |world: &mut World, from: i64, runs: i64| {
        for step in 0..runs {
            let reading = if step % 2 == 0 { Reading::Good } else { DOWN };
            world.run(from + step * MINUTE, "home@a", reading);
            world.sweep(from + step * MINUTE + 15);
        }
    };
    // Slow, and then it comes and goes: that says that it is worse.
    let mut world = flapping(vec![route("x")]).with(|plan| {
        std::sync::Arc::make_mut(&mut plan.probes[0]).alert.recover =
            crate::domain::incident::Threshold::runs(9);
    });
    world.twice(0, "home@a", SLOW);
    every_other(&mut world, MINUTE, 10);
    assert_eq!(world.said(), ["opened home@a to x", "flapping home@a to x"]);

    // Who is called when that is known needs no second message.
    let next = Route { after: Duration::from_mins(30), ..route("boss") };
    let mut world = flapping(vec![route("x"), next]);
    world.down(0, "home@a");
    every_other(&mut world, MINUTE, 40);
    assert_eq!(world.said(), ["opened home@a to x", "flapping home@a to x", "escalated home@a to boss"]);

    // Who slept when it began hears when he wakes what it is by then.
    let sleeper = Route { quiet: Some(quiet), ..route("sleeper") };
    let mut world = flapping(vec![route("x"), sleeper]).with(|plan| {
        std::sync::Arc::make_mut(&mut plan.probes[0]).severity = Severity::Degraded;
    });
    world.down(MINUTE, "home@a");
    every_other(&mut world, 50 * MINUTE, 14);
    assert_eq!(
        world.said(),
        ["opened home@a to x", "flapping home@a to x", "flapping home@a to sleeper after 免打扰时段"]
    );
}

#[test]
fn that_we_cannot_see_is_told_to_whoever_takes_outages() {
    let only_d = RouteFilter { targets: vec!["d".into()], ..RouteFilter::default() };
    let slow_only = RouteFilter { severities: vec![Severity::Degraded], ..RouteFilter::default() };
    let routes = vec![Route { when: only_d, ..route("d") }, Route { when: slow_only, ..route("slow") }];
    let mut world = World::new("", routes);
    let plan = world.plan.clone();
    let setting = Setting { plan: &plan, message_domain: "example.org", now: at(0) };
    let incident = notice::lost_sight("v1".into(), at(-60), &setting);
    world.known.push(Known { incident, told: Vec::new(), seen_at: None, recovering: false });
    world.sweep(0);
    assert_eq!(world.said(), ["opened ourselves to d"]);
    world.known[0].incident.closed_at = Some(at(60));
    world.sweep(60);
    assert_eq!(world.said(), ["resolved ourselves to d"]);
}
