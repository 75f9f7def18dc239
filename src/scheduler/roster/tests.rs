//! The roster, told what time it is.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::fixtures::{at, clock_face, plan, probe, target, target_on, visit, walk};
use super::*;

/// A roster with a clock that the test moves.
struct World {
    roster: Roster,
    now: Timestamp,
    up: Duration,
}

impl World {
    fn new(now: &str, plan: &Plan) -> Self {
        Self::after(now, plan, &HashMap::new())
    }

    fn after(now: &str, plan: &Plan, last: &HashMap<PairKey, Timestamp>) -> Self {
        let mut roster = Roster::new(Limits::default(), at(now));
        roster.adopt(plan, last, at(now));
        Self { roster, now: at(now), up: Duration::ZERO }
    }

    /// Time passes, by both clocks; what starts then.
    fn pass(&mut self, seconds: u64) -> Vec<String> {
        self.up += Duration::from_secs(seconds);
        self.now = later(self.now, Duration::from_secs(seconds));
        self.tick()
    }

    /// The wall clock jumps, nothing else passes.
    fn jump(&mut self, to: Timestamp) -> Vec<String> {
        self.now = to;
        self.tick()
    }

    fn tick(&mut self) -> Vec<String> {
        self.roster.tick(self.now, self.up).iter().map(name).collect()
    }

    fn finish(&mut self, probe: &str, target: &str, finished: Finished) {
        self.roster.finished(&key(probe, target), Some(finished), self.now, self.up);
    }

    fn gaps(&mut self) -> Vec<String> {
        let gap = |gap: &Gap| format!("{} {} {}", gap.probe, clock_face(gap.scheduled_at), gap.reason.name());
        self.roster.take_gaps().iter().map(gap).collect()
    }

    fn nap(&self) -> u64 {
        self.roster.nap(self.now, self.up, Duration::from_secs(30)).as_secs()
    }
}

fn key(probe: &str, target: &str) -> PairKey {
    PairKey { probe: probe.into(), target: target.into() }
}

fn name(job: &Job) -> String {
    let sure = if matches!(job.cause, Cause::Confirmation { .. }) { " again" } else { "" };
    format!("{}@{} {}{sure}", job.probe.id, job.target.id, clock_face(job.scheduled_at))
}

fn confirm(run: &str) -> Finished {
    Finished { confirm: Some(RunId::new(run)), ..Finished::default() }
}

fn one_probe(work: Work, schedule: &str) -> (Arc<Target>, Arc<Probe>) {
    let city = target("city");
    let probe = probe("p", work, schedule, 0, &[&city]);
    (city, probe)
}

#[test]
fn a_slot_during_a_run_is_a_gap_and_not_a_second_run() {
    let (_, probe) = one_probe(walk(), "* * * * *");
    let mut world = World::new("12:00:30", &plan(4, &[&probe]));
    assert_eq!(world.pass(29), [""; 0]);
    assert_eq!(world.nap(), 1);
    assert_eq!(world.pass(1), ["p@city 12:01:00"]);
    assert_eq!(world.pass(60), [""; 0]);
    assert_eq!(world.pass(60), [""; 0]);
    assert_eq!(world.gaps(), ["p 12:02:00 still_running", "p 12:03:00 still_running"]);
    world.finish("p", "city", Finished::default());
    assert_eq!(world.tick(), [""; 0]);
    assert_eq!(world.pass(60), ["p@city 12:04:00"]);
}

#[test]
fn a_run_that_could_not_be_recorded_is_a_gap() {
    let (_, probe) = one_probe(walk(), "* * * * *");
    let mut world = World::new("12:00:30", &plan(4, &[&probe]));
    assert_eq!(world.pass(30), ["p@city 12:01:00"]);
    world.finish("p", "city", Finished { unrecorded: true, ..Finished::default() });
    assert_eq!(world.gaps(), ["p 12:01:00 not_recorded"]);
    assert_eq!(world.pass(60), ["p@city 12:02:00"], "and the next slot runs");
}

#[test]
fn walks_wait_for_browsers_and_visits_do_not() {
    let cities = ["a", "b", "c"].map(target);
    let cities: Vec<&Arc<Target>> = cities.iter().collect();
    let walks = probe("w", walk(), "0 * * * *", 0, &cities);
    let visits = probe("v", visit(), "0 * * * *", 0, &cities);
    let mut world = World::new("11:59:00", &plan(2, &[&walks, &visits]));
    let started = world.pass(60);
    assert_eq!(started.iter().filter(|job| job.starts_with('w')).count(), 2, "{started:?}");
    assert_eq!(started.iter().filter(|job| job.starts_with('v')).count(), 3, "{started:?}");
    assert_eq!(world.roster.waiting(), 1);
    let first = started[0].clone();
    world.finish("w", &first[2..3], Finished::default());
    let more = world.pass(1);
    assert_eq!(more.len(), 1);
    assert!(more[0].starts_with('w') && !started.contains(&more[0]), "{more:?}");
    assert_eq!(world.gaps(), [""; 0]);
}

#[test]
fn light_work_has_its_own_limit() {
    let cities: Vec<_> = (0..20).map(|n| target(&format!("t{n}"))).collect();
    let visits = probe("v", visit(), "0 * * * *", 0, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("11:59:00", &plan(1, &[&visits]));
    assert_eq!(world.pass(60).len(), 8);
}

#[test]
fn one_browser_a_host_and_a_pause_on_live_hosts() {
    let one = target_on("one", "https://portal.example/a", TargetClass::Live);
    let two = target_on("two", "https://portal.example:443/b", TargetClass::Live);
    let w = probe("w", walk(), "0 * * * *", 0, &[&one]);
    let x = probe("x", walk(), "0 * * * *", 0, &[&two]);
    let v = probe("v", visit(), "1 * * * *", 0, &[&two]);
    let mut world = World::new("11:59:00", &plan(4, &[&w, &x, &v]));
    let first = world.pass(60);
    assert_eq!(first.len(), 1);
    assert_eq!(world.pass(30), [""; 0], "a second browser on the host");
    assert_eq!(world.pass(30), ["v@two 12:01:00"], "a visit is no browser");
    let (probe, target) = if first[0].starts_with('w') { ("w", "one") } else { ("x", "two") };
    world.finish(probe, target, Finished::default());
    assert_eq!(world.tick(), [""; 0]);
    assert_eq!(world.nap(), 10);
    assert_eq!(world.pass(9), [""; 0], "the host rests after a run");
    assert_eq!(world.pass(1).len(), 1);
}

#[test]
fn a_confirmation_comes_before_the_queue_and_after_its_pause() {
    let cities = ["a", "b", "c"].map(target);
    let walks = probe("w", walk(), "0 * * * *", 0, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("11:59:00", &plan(1, &[&walks]));
    let first = world.pass(60).remove(0);
    let failing = &first[2..3];
    world.finish("w", failing, confirm("r1"));
    // The browser does not stand idle in the meantime.
    let second = world.tick().remove(0);
    assert_eq!(world.pass(4), [""; 0]);
    world.finish("w", &second[2..3], Finished::default());
    assert_eq!(world.pass(1), [format!("w@{failing} 12:00:05 again")]);
    world.finish("w", failing, Finished::default());
    assert_eq!(world.tick().len(), 1);
    assert_eq!(world.roster.waiting(), 0);
}

#[test]
fn a_slot_that_falls_on_a_confirmation_is_a_gap() {
    let (_, probe) = one_probe(visit(), "* * * * *");
    let mut world = World::new("12:00:00", &plan(1, &[&probe]));
    assert_eq!(world.pass(60).len(), 1);
    world.pass(58);
    world.finish("p", "city", confirm("r1"));
    assert_eq!(world.pass(2), [""; 0]);
    assert_eq!(world.gaps(), ["p 12:02:00 still_running"]);
    assert_eq!(world.pass(3), ["p@city 12:02:03 again"]);
}

#[test]
fn a_target_that_sends_us_away_is_left_alone() {
    let city = target("city");
    let walks = probe("w", walk(), "0 * * * *", 0, &[&city]);
    let visits = probe("v", visit(), "*/30 * * * *", 0, &[&city]);
    let second = probe("x", walk(), "0 * * * *", 0, &[&city]);
    let mut world = World::new("11:59:00", &plan(1, &[&walks, &visits, &second]));
    assert_eq!(world.pass(60).len(), 2);
    let away = Finished {
        confirm: Some(RunId::new("r")),
        cool_down: Some(Duration::from_hours(1)),
        unrecorded: false,
    };
    let walker = if world.roster.running.contains_key(&key("w", "city")) { "w" } else { "x" };
    let other = if walker == "w" { "x" } else { "w" };
    world.finish(walker, "city", away);
    world.finish("v", "city", confirm("r2"));
    assert_eq!(world.gaps(), [format!("{other} 12:00:00 cooling_down")]);
    assert_eq!(world.pass(1800), [""; 0]);
    assert_eq!(world.gaps(), ["v 12:30:00 cooling_down"]);
    assert_eq!(world.pass(1800).len(), 2, "the hour is over");
}

#[test]
fn an_overtaken_slot_is_overdue_and_keeps_its_place() {
    let cities = ["a", "b"].map(target);
    let walks = probe("w", walk(), "* * * * *", 0, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("12:00:00", &plan(1, &[&walks]));
    let first = world.pass(60).remove(0);
    world.pass(60);
    let mut gaps = world.gaps();
    gaps.sort();
    assert_eq!(gaps, ["w 12:01:00 overdue", "w 12:02:00 still_running"]);
    world.finish("w", &first[2..3], Finished::default());
    let second = world.tick().remove(0);
    assert_ne!(&first[2..3], &second[2..3], "the one that waited is next");
    assert!(second.ends_with("12:02:00"));
}

#[test]
fn jumps_of_the_clock_cause_no_burst_and_no_double_slot() {
    let (_, probe) = one_probe(visit(), "*/10 * * * *");
    let mut world = World::new("12:00:00", &plan(1, &[&probe]));
    assert_eq!(world.pass(600), ["p@city 12:10:00"]);
    world.finish("p", "city", Finished::default());
    // An hour forward: one late run at most, the rest is recorded.
    assert_eq!(world.jump(at("13:11:00")), ["p@city 13:10:00"]);
    assert_eq!(world.gaps().len(), 5);
    world.finish("p", "city", Finished::default());
    // And back again: what ran does not run twice.
    assert_eq!(world.jump(at("12:11:00")), [""; 0]);
    for _ in 0..58 {
        assert_eq!(world.pass(60), [""; 0]);
    }
    assert_eq!(world.gaps(), [""; 0]);
    assert_eq!(world.pass(660), ["p@city 13:20:00"]);
    world.finish("p", "city", Finished::default());
    // Far back: the clock was wrong before, so everything begins anew.
    assert_eq!(world.jump(at("02:05:00")), [""; 0]);
    assert_eq!(world.pass(300), ["p@city 02:10:00"]);
}

#[test]
fn late_starts_take_their_delay_again() {
    let cities: Vec<_> = (0..7).map(|n| target(&format!("t{n}"))).collect();
    let visits = probe("v", visit(), "0 * * * *", 240, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("11:30:00", &plan(1, &[&visits]));
    assert_eq!(world.jump(at("12:05:00")), [""; 0], "all are due, and none starts in that moment");
    let mut starts = BTreeSet::new();
    for second in 1..=240 {
        for job in world.pass(1) {
            starts.insert(second);
            assert!(job.starts_with("v@"), "{job}");
        }
    }
    assert!(starts.len() > 4, "{starts:?}");
    assert_eq!(world.roster.waiting(), 0);
}

#[test]
fn a_restart_goes_on_after_the_last_slot() {
    let (_, probe) = one_probe(visit(), "*/10 * * * *");
    let plan = plan(1, &[&probe]);
    let last = |time: &str| HashMap::from([(key("p", "city"), at(time))]);
    let mut world = World::after("12:31:00", &plan, &last("12:00:00"));
    assert_eq!(world.tick(), ["p@city 12:30:00"]);
    assert_eq!(world.gaps(), ["p 12:10:00 overdue", "p 12:20:00 overdue"]);
    let mut world = World::after("12:31:00", &plan, &last("12:30:00"));
    assert_eq!(world.tick(), [""; 0]);
    assert_eq!(world.gaps(), [""; 0]);
    // A pair that never ran owes nothing.
    let mut world = World::new("12:31:00", &plan);
    assert_eq!(world.tick(), [""; 0]);
    assert_eq!(world.gaps(), [""; 0]);
}

#[test]
fn a_reload_keeps_slots_and_runs_and_drops_what_is_gone() {
    let (a, b) = (target("a"), target("b"));
    let old = probe("p", walk(), "*/10 * * * *", 0, &[&a, &b]);
    let mut world = World::new("12:05:00", &plan(1, &[&old]));
    let first = world.pass(300).remove(0);
    let (runs, waits) = if first.starts_with("p@a") { (&a, &b) } else { (&b, &a) };
    // Only the pair that runs stays, on another schedule.
    let new = probe("p", walk(), "*/5 * * * *", 0, &[runs]);
    world.pass(30);
    world.roster.adopt(&plan(1, &[&new]), &HashMap::new(), world.now);
    assert_eq!(world.gaps(), ["p 12:10:00 overdue"], "{} is gone", waits.id);
    assert_eq!(world.roster.running().len(), 1);
    assert_eq!(world.pass(270), [""; 0]);
    assert_eq!(world.gaps(), ["p 12:15:00 still_running"]);
    world.finish("p", runs.id.as_str(), Finished::default());
    assert_eq!(world.pass(300), [format!("p@{} 12:20:00", runs.id)]);
    // A pair that vanished while it ran asks for no confirmation.
    world.roster.adopt(&plan(1, &[]), &HashMap::new(), world.now);
    world.finish("p", runs.id.as_str(), confirm("r"));
    assert_eq!((world.roster.waiting(), world.roster.running().len()), (0, 0));
}

#[test]
fn closing_turns_what_waits_into_gaps() {
    let cities = ["a", "b"].map(target);
    let walks = probe("w", walk(), "0 * * * *", 0, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("11:59:00", &plan(1, &[&walks]));
    assert_eq!(world.pass(60).len(), 1);
    world.roster.close();
    assert_eq!(world.gaps(), ["w 12:00:00 shutting_down"]);
    let running = world.roster.running().remove(0);
    world.roster.finished(&running, None, world.now, world.up);
    assert_eq!(world.gaps(), ["w 12:00:00 interrupted"]);
    assert_eq!(world.pass(7200), [""; 0]);
}

#[test]
fn ten_thousand_pairs_are_dealt_with_in_batches() {
    let cities: Vec<_> = (0..1000).map(|n| target(&format!("t{n}"))).collect();
    let all: Vec<&Arc<Target>> = cities.iter().collect();
    let probes: Vec<_> = (0..10).map(|n| probe(&format!("p{n}"), visit(), "0 * * * *", 0, &all)).collect();
    let mut world = World::new("11:59:00", &plan(1, &probes.iter().collect::<Vec<_>>()));
    assert_eq!(world.roster.pairs(), 10_000);
    assert_eq!(world.pass(60).len(), 8);
    assert_eq!(world.roster.waiting(), BATCH - 8);
    assert_eq!(world.nap(), 0, "there is more to do at once");
    for _ in 0..40 {
        assert_eq!(world.tick(), [""; 0]);
    }
    assert_eq!(world.roster.waiting(), 10_000 - 8);
    assert_eq!(world.nap(), 30);
}

/// Something that happens to a roster.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Jump(i64),
    Finish(prop::sample::Index, bool, bool),
    Reload(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (1..900_u64).prop_map(Event::Pass),
        1 => (-3600..3600_i64).prop_map(Event::Jump),
        5 => (any::<prop::sample::Index>(), prop::bool::weighted(0.3), prop::bool::weighted(0.1))
            .prop_map(|(which, confirm, cool)| Event::Finish(which, confirm, cool)),
        1 => (1..4_usize).prop_map(Event::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Whatever happens: limits hold, no pair runs twice at once, and every slot is a job or a gap.
    #[test]
    fn nothing_is_lost_or_doubled(events in prop::collection::vec(event(), 1..120)) {
        let shared = ["http://shared.example/a", "http://shared.example/b"];
        let cities = [
            target("a"),
            target_on("b", shared[0], TargetClass::Live),
            target_on("c", shared[1], TargetClass::Live),
        ];
        let all: Vec<&Arc<Target>> = cities.iter().collect();
        let probes = [
            probe("w", walk(), "*/10 * * * *", 60, &all),
            probe("x", walk(), "*/15 * * * *", 0, &all),
            probe("v", visit(), "*/5 * * * *", 200, &all),
        ];
        let probes: Vec<&Arc<Probe>> = probes.iter().collect();
        let mut sessions = 2;
        let start = at("06:00:00");
        let mut world = World::new("06:00:00", &plan(sessions, &probes));
        let mut newest = start;
        let mut seen: Vec<(PairKey, Timestamp)> = Vec::new();
        for event in events {
            match event {
                Event::Pass(seconds) => {
                    world.up += Duration::from_secs(seconds);
                    world.now = later(world.now, Duration::from_secs(seconds));
                }
                // Never more than two hours behind the latest: beyond that slots begin anew.
                Event::Jump(by) => {
                    let to = world.now.as_second() + by;
                    world.now = Timestamp::from_second(to.max(newest.as_second() - 7000)).unwrap();
                }
                Event::Finish(which, again, cool) => {
                    let mut running = world.roster.running();
                    if running.is_empty() { continue }
                    running.sort();
                    let key = which.get(&running).clone();
                    let finished = Finished {
                        confirm: again.then(|| RunId::new("r")),
                        cool_down: cool.then_some(Duration::from_mins(20)),
                        unrecorded: false,
                    };
                    world.roster.finished(&key, Some(finished), world.now, world.up);
                }
                Event::Reload(with) => {
                    sessions = with;
                    world.roster.adopt(&plan(sessions, &probes), &HashMap::new(), world.now);
                }
            }
            newest = newest.max(world.now);
            let before = world.roster.running();
            let walking = before.iter().filter(|key| key.probe.as_str() != "v").count();
            let jobs = world.roster.tick(world.now, world.up);
            for job in &jobs {
                let key = PairKey { probe: job.probe.id.clone(), target: job.target.id.clone() };
                prop_assert!(!before.contains(&key), "{key:?} runs twice");
                if job.cause == Cause::Schedule {
                    seen.push((key, job.scheduled_at));
                }
            }
            let running = world.roster.running();
            let walks: Vec<_> = running.iter().filter(|key| key.probe.as_str() != "v").collect();
            prop_assert!(walks.len() <= sessions.max(walking));
            let shared = walks.iter().filter(|key| key.target.as_str() != "a").count();
            prop_assert!(shared <= 1, "two browsers on one host");
            seen.extend(world.roster.take_gaps().into_iter()
                .map(|gap| (PairKey { probe: gap.probe, target: gap.target }, gap.scheduled_at)));
        }
        world.roster.close();
        seen.extend(world.roster.take_gaps().into_iter()
            .map(|gap| (PairKey { probe: gap.probe, target: gap.target }, gap.scheduled_at)));
        let mut want = Vec::new();
        for probe in &probes {
            for target in &probe.targets {
                let pair = Pair { probe: Arc::clone(probe), target: Arc::clone(target) };
                let mut next = pair.slot_after(start);
                while let Some(slot) = next.filter(|slot| slot.at <= newest) {
                    want.push((pair.key(), slot.at));
                    next = pair.slot_after(slot.at);
                }
            }
        }
        seen.sort();
        want.sort();
        prop_assert_eq!(seen, want);
    }
}
