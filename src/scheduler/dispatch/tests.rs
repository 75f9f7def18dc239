//! The loop, with an executor and a ledger of the test's own, on paused time.
//!
//! Both clocks are tied together: a task moves the manual clock as tokio's time goes on, so that
//! hours pass in an instant and nothing depends on the machine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::super::fixtures::{at, clock_face, plan, probe, target, visit, walk};
use super::*;
use crate::domain::ids::RunId;
use crate::domain::run::{Cause, GapReason};

/// A job that the dispatcher started; the test says how it ends.
struct Started {
    job: Job,
    end: oneshot::Sender<Finished>,
    cancel: CancellationToken,
}

/// Hands jobs to the test.
struct Hands {
    started: mpsc::UnboundedSender<Started>,
    now: AtomicUsize,
    most: AtomicUsize,
    /// Whether jobs stop when they are told to.
    obedient: bool,
}

impl Executor for Hands {
    async fn run(&self, job: Job, cancel: CancellationToken) -> Finished {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let (end, ended) = oneshot::channel();
        self.started.send(Started { job, end, cancel: cancel.clone() }).unwrap();
        let told = async {
            if self.obedient {
                cancel.cancelled().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let finished = tokio::select! {
            finished = ended => finished.expect("the test dropped a job, as a fault of the executor"),
            () = told => Finished::default(),
        };
        self.now.fetch_sub(1, Ordering::SeqCst);
        finished
    }
}

#[derive(Default)]
struct Book {
    last: HashMap<PairKey, Timestamp>,
    cooling: Vec<(TargetId, Timestamp)>,
    gaps: Mutex<Vec<Gap>>,
    /// So many more writes fail.
    full: AtomicUsize,
    /// Reading fails.
    torn: bool,
}

impl Ledger for Book {
    async fn last_slots(&self) -> Result<HashMap<PairKey, Timestamp>, Fault> {
        if self.torn { Err("the page is torn".into()) } else { Ok(self.last.clone()) }
    }

    async fn cooling(&self) -> Result<Vec<(TargetId, Timestamp)>, Fault> {
        Ok(self.cooling.clone())
    }

    async fn record_gaps(&self, gaps: &[Gap]) -> Result<(), Fault> {
        if self.full.load(Ordering::SeqCst) > 0 {
            self.full.fetch_sub(1, Ordering::SeqCst);
            return Err("the disk is full".into());
        }
        self.gaps.lock().unwrap().extend_from_slice(gaps);
        Ok(())
    }
}

/// A dispatcher at work.
struct World {
    started: mpsc::UnboundedReceiver<Started>,
    hands: Arc<Hands>,
    book: Arc<Book>,
    pulse: Pulse,
    plan: watch::Sender<Arc<Plan>>,
    shutdown: CancellationToken,
    ran: tokio::task::JoinHandle<Result<Drained, DispatchError>>,
    /// How far the wall clock is off, in seconds.
    off: Arc<AtomicI64>,
    clock: Clock,
}

impl World {
    fn new(time: &str, first: Arc<Plan>) -> Self {
        Self::with(time, first, Book::default(), true)
    }

    fn with(time: &str, first: Arc<Plan>, book: Book, obedient: bool) -> Self {
        let (jobs, started) = mpsc::unbounded_channel();
        let hands = Hands { started: jobs, now: AtomicUsize::new(0), most: AtomicUsize::new(0), obedient };
        let (hands, book) = (Arc::new(hands), Arc::new(book));
        let clock = Clock::manual(at(time));
        let off = Arc::new(AtomicI64::new(0));
        let (moved, by, start, up) = (clock.clone(), Arc::clone(&off), at(time), Stopwatch::start());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let off = jiff::SignedDuration::from_secs(by.load(Ordering::SeqCst));
                moved.set(start + up.elapsed() + off);
            }
        });
        let dispatcher =
            Dispatcher::new(Arc::clone(&hands), Arc::clone(&book), clock.clone(), Limits::default());
        let pulse = dispatcher.pulse();
        let (plan, plans) = watch::channel(first);
        let shutdown = CancellationToken::new();
        let ran = tokio::spawn(dispatcher.run(plans, shutdown.clone()));
        Self { started, hands, book, pulse, plan, shutdown, ran, off, clock }
    }

    async fn next(&mut self) -> Started {
        self.started.recv().await.expect("the dispatcher is gone")
    }

    /// Whether nothing starts for so long.
    async fn quiet_for(&mut self, seconds: u64) -> bool {
        tokio::time::timeout(Duration::from_secs(seconds), self.started.recv()).await.is_err()
    }

    async fn stop(self) -> (Drained, Vec<(String, GapReason)>) {
        self.shutdown.cancel();
        let drained = self.ran.await.unwrap().unwrap();
        let gaps = self
            .book
            .gaps
            .lock()
            .unwrap()
            .iter()
            .map(|gap| (clock_face(gap.scheduled_at), gap.reason))
            .collect();
        (drained, gaps)
    }
}

fn name(started: &Started) -> String {
    format!("{}@{} {}", started.job.probe.id, started.job.target.id, clock_face(started.job.scheduled_at))
}

/// How many seconds the wall clock is past the time that a job should have begun.
fn lateness(world: &World, started: &Started) -> i64 {
    world.clock.now().as_second() - started.job.scheduled_at.as_second()
}

#[tokio::test(start_paused = true)]
async fn a_day_of_slots_runs_on_time_and_one_by_one() {
    let city = target("city");
    let probe = probe("p", visit(), "*/15 * * * *", 0, &[&city]);
    let mut world = World::new("00:00:00", plan(1, &[&probe]));
    for quarter in 1..96 {
        let started = world.next().await;
        let want = at("00:00:00").as_second() + quarter * 900;
        assert_eq!(started.job.scheduled_at.as_second(), want);
        assert!((0..=1).contains(&lateness(&world, &started)), "{}", name(&started));
        started.end.send(Finished::default()).unwrap();
    }
    assert!(world.quiet_for(5).await);
    assert_eq!(world.hands.most.load(Ordering::SeqCst), 1);
    assert_eq!(world.stop().await, (Drained::default(), vec![]));
}

#[tokio::test(start_paused = true)]
async fn walks_never_outnumber_browsers() {
    let cities: Vec<_> = (0..9).map(|n| target(&format!("t{n}"))).collect();
    let probe = probe("w", walk(), "0 * * * *", 0, &cities.iter().collect::<Vec<_>>());
    let mut world = World::new("11:59:00", plan(2, &[&probe]));
    let mut held = Vec::new();
    for count in 0..9 {
        if count >= 2 {
            assert!(world.quiet_for(60).await, "a third browser");
            let one: Started = held.remove(0);
            one.end.send(Finished::default()).unwrap();
        }
        held.push(world.next().await);
    }
    assert_eq!(world.hands.most.load(Ordering::SeqCst), 2);
    assert_eq!(world.pulse.standing().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_confirmed_after_a_pause_and_before_the_queue() {
    let (a, b, c) = (target("a"), target("b"), target("c"));
    let probe = probe("w", walk(), "0 * * * *", 0, &[&a, &b, &c]);
    let mut world = World::new("11:59:00", plan(1, &[&probe]));
    let first = world.next().await;
    let failing = first.job.target.id.clone();
    let of = RunId::new("run-1");
    first.end.send(Finished { confirm: Some(of.clone()), ..Finished::default() }).unwrap();
    let second = world.next().await;
    assert_ne!(second.job.target.id, failing);
    let pause = Stopwatch::start();
    assert!(world.quiet_for(6).await);
    second.end.send(Finished::default()).unwrap();
    let again = world.next().await;
    assert_eq!((&again.job.target.id, &again.job.cause), (&failing, &Cause::Confirmation { of }));
    assert!(pause.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_hour_forward_and_back_starts_one_late_run() {
    let city = target("city");
    let probe = probe("p", visit(), "*/10 * * * *", 0, &[&city]);
    let mut world = World::new("12:09:00", plan(1, &[&probe]));
    let first = world.next().await;
    first.end.send(Finished::default()).unwrap();
    world.off.store(3600, Ordering::SeqCst);
    let late = world.next().await;
    assert_eq!(name(&late), "p@city 13:10:00");
    late.end.send(Finished::default()).unwrap();
    world.off.store(0, Ordering::SeqCst);
    assert!(world.quiet_for(3600).await, "what ran does not run twice");
    let next = world.next().await;
    assert_eq!(name(&next), "p@city 13:20:00");
    next.end.send(Finished::default()).unwrap();
    let (_, gaps) = world.stop().await;
    let minutes: Vec<_> = gaps.iter().map(|(time, reason)| (time.as_str(), *reason)).collect();
    let overdue = ["12:20:00", "12:30:00", "12:40:00", "12:50:00", "13:00:00"];
    assert_eq!(minutes, overdue.map(|time| (time, GapReason::Overdue)));
}

#[tokio::test(start_paused = true)]
async fn a_new_plan_is_taken_over_while_a_run_goes_on() {
    let (a, b) = (target("a"), target("b"));
    let old = probe("old", visit(), "*/10 * * * *", 0, &[&a]);
    let mut world = World::new("12:05:00", plan(1, &[&old]));
    let running = world.next().await;
    let new = probe("new", visit(), "*/2 * * * *", 0, &[&b]);
    world.plan.send(plan(1, &[&new])).unwrap();
    let next = world.next().await;
    assert_eq!(name(&next), "new@b 12:12:00");
    assert_eq!(running.job.probe.id.as_str(), "old");
    running.end.send(Finished::default()).unwrap();
    next.end.send(Finished::default()).unwrap();
    assert_eq!(name(&world.next().await), "new@b 12:14:00");
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_runs_end_and_records_what_waits() {
    let (a, b) = (target("a"), target("b"));
    let probe = probe("w", walk(), "0 * * * *", 0, &[&a, &b]);
    let mut world = World::new("11:59:00", plan(1, &[&probe]));
    let running = world.next().await;
    world.shutdown.cancel();
    assert!(world.quiet_for(20).await, "nothing starts any more");
    assert!(!running.cancel.is_cancelled());
    assert!(world.pulse.is_alive(Duration::from_secs(1)).await, "draining is alive");
    running.end.send(Finished { confirm: Some(RunId::new("r")), ..Finished::default() }).unwrap();
    let (drained, gaps) = world.stop().await;
    assert_eq!(drained, Drained { finished: 1, ..Drained::default() });
    assert_eq!(gaps, [("12:00:00".to_owned(), GapReason::ShuttingDown)]);
}

#[tokio::test(start_paused = true)]
async fn stopping_cancels_what_takes_too_long_and_abandons_what_does_not_obey() {
    let city = target("city");
    let probe = probe("p", visit(), "0 * * * *", 0, &[&city]);
    for (obedient, want, lost) in [
        (true, Drained { cancelled: 1, ..Drained::default() }, vec![]),
        (
            false,
            Drained { abandoned: 1, ..Drained::default() },
            vec![("12:00:00".to_owned(), GapReason::Interrupted)],
        ),
    ] {
        let mut world = World::with("11:59:00", plan(1, &[&probe]), Book::default(), obedient);
        let held = world.next().await;
        let time = Stopwatch::start();
        let limits = Limits::default();
        assert_eq!(world.stop().await, (want, lost));
        let least = if obedient { limits.drain } else { limits.drain + limits.clean_up };
        assert!((least..least + Duration::from_secs(1)).contains(&time.elapsed()), "{:?}", time.elapsed());
        drop(held);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_run_is_a_gap_and_not_the_end() {
    let city = target("city");
    let probe = probe("p", visit(), "0 * * * *", 0, &[&city]);
    let mut world = World::new("11:59:00", plan(1, &[&probe]));
    drop(world.next().await);
    assert_eq!(name(&world.next().await), "p@city 13:00:00");
    let (_, gaps) = world.stop().await;
    assert!(gaps.contains(&("12:00:00".to_owned(), GapReason::Interrupted)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn gaps_outlast_a_full_disk_and_the_loop_goes_on() {
    let city = target("city");
    let probe = probe("p", visit(), "* * * * *", 0, &[&city]);
    let book = Book { full: AtomicUsize::new(4), ..Book::default() };
    let mut world = World::with("12:00:00", plan(1, &[&probe]), book, true);
    let first = world.next().await;
    assert!(world.quiet_for(200).await);
    first.end.send(Finished::default()).unwrap();
    world.next().await.end.send(Finished::default()).unwrap();
    let (_, gaps) = world.stop().await;
    let times: Vec<_> = gaps.iter().map(|(time, _)| time.as_str()).collect();
    assert_eq!(times, ["12:02:00", "12:03:00", "12:04:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_while_the_agent_stops_is_a_gap_too() {
    let city = target("city");
    let probe = probe("p", visit(), "* * * * *", 0, &[&city]);
    let book = Book { full: AtomicUsize::new(1), ..Book::default() };
    let mut world = World::with("11:59:30", plan(1, &[&probe]), book, true);
    let last = world.next().await;
    world.shutdown.cancel();
    last.end.send(Finished { unrecorded: true, ..Finished::default() }).unwrap();
    let (drained, gaps) = world.stop().await;
    assert_eq!((drained.finished, drained.unsaved), (1, false));
    assert_eq!(gaps, [("12:00:00".to_owned(), GapReason::NotRecorded)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_full_does_not_hold_up_the_end() {
    let city = target("city");
    let probe = probe("p", visit(), "* * * * *", 0, &[&city]);
    let book = Book { full: AtomicUsize::new(usize::MAX), ..Book::default() };
    let mut world = World::with("12:00:00", plan(1, &[&probe]), book, true);
    let first = world.next().await;
    assert!(world.quiet_for(100).await);
    first.end.send(Finished::default()).unwrap();
    let (drained, gaps) = world.stop().await;
    assert!(drained.unsaved && gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn earlier_lives_count() {
    let (a, b) = (target("a"), target("b"));
    let probe = probe("p", visit(), "*/10 * * * *", 0, &[&a, &b]);
    let key = PairKey { probe: probe.id.clone(), target: a.id.clone() };
    let book = Book {
        last: HashMap::from([(key, at("11:50:00"))]),
        cooling: vec![(b.id.clone(), at("12:15:00"))],
        ..Book::default()
    };
    let mut world = World::with("12:01:00", plan(1, &[&probe]), book, true);
    let missed = world.next().await;
    assert_eq!(name(&missed), "p@a 12:00:00");
    missed.end.send(Finished::default()).unwrap();
    let next = world.next().await;
    assert_eq!(name(&next), "p@a 12:10:00");
    next.end.send(Finished::default()).unwrap();
    let mut both = [name(&world.next().await), name(&world.next().await)];
    both.sort();
    assert_eq!(both, ["p@a 12:20:00", "p@b 12:20:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_said_at_once() {
    let book = Book { torn: true, ..Book::default() };
    let world = World::with("12:00:00", plan(1, &[]), book, true);
    let error = world.ran.await.unwrap().unwrap_err();
    assert_eq!(chain(&error), "read what ran before from the store: the page is torn");
}

#[tokio::test(start_paused = true)]
async fn an_idle_loop_is_alive_and_a_finished_one_is_not() {
    let world = World::new("12:00:00", plan(1, &[]));
    assert!(world.pulse.is_alive(Duration::from_secs(1)).await);
    let pulse = world.pulse.clone();
    world.stop().await;
    assert!(!pulse.is_alive(Duration::from_secs(1)).await);
}
