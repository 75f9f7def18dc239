//! The mail worker, with a post office of the test's own, on paused time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::mpsc;

use super::super::fixtures::at;
use super::*;
use crate::clock::Stopwatch;
use crate::domain::ids::{IncidentId, NoticeId};
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Notice, NoticeKind, Recipient, TestFacts};

fn mail(id: i64, attempts: u32, created_at: Timestamp) -> Outgoing {
    let facts = TestFacts { vantage: "here".to_owned(), timezone: "UTC".to_owned() };
    let notice = Notice {
        id: NoticeId::new("n"),
        incident: Some(IncidentId::new("i")),
        kind: NoticeKind::Opened,
        concern: Concern::Outage,
        severity: Severity::Outage,
        created_at,
        message_id: "<n@example>".to_owned(),
        in_reply_to: None,
        matter: Matter::Test(Box::new(facts)),
    };
    let to = Recipient::from(format!("p{id}@example.org"));
    Outgoing { id, notice, all: vec![to.clone()], to, attempts, next_try_at: created_at }
}

fn later(error: String) -> PostFailure {
    PostFailure::Retry { error, after: None }
}

#[test]
fn a_pause_that_is_asked_for_is_kept_within_reason() {
    let now = at("12:00:00");
    let minutes = |pause| {
        let next = next_try(&mail(1, 0, now), pause, now).unwrap();
        between(now, next).unwrap().as_secs_f64() / 60.0
    };
    for (pause, want) in [(1, 1.0), (600, 10.0), (1_000_000, 60.0)] {
        let got = minutes(Some(Duration::from_secs(pause)));
        assert!((want..=want + 0.2).contains(&got), "{pause} s: {got}");
    }
    // The outbox takes what waits longer for a clock that was set back.
    let longest = (0..9).filter_map(|attempts| {
        let next = next_try(&mail(1, attempts, now), Some(Duration::MAX), now)?;
        between(now, next)
    });
    assert!(longest.max().unwrap() < crate::judge::delivery::LONGEST_WAIT);
}

#[test]
fn the_ladder_is_climbed_for_a_day() {
    let now = at("12:00:00");
    let minutes = |attempts| {
        let next = next_try(&mail(1, attempts, now), None, now).unwrap();
        between(now, next).unwrap().as_secs_f64() / 60.0
    };
    for (attempts, want) in [(0, 1.0), (1, 2.0), (2, 5.0), (3, 15.0), (4, 15.0), (50, 15.0)] {
        let got = minutes(attempts);
        assert!((want..want * 1.2).contains(&got), "after {attempts}: {got}");
        assert!((minutes(attempts) - got).abs() < f64::EPSILON, "the delay is fixed");
    }
    let hours_ago = |hours: i64| Timestamp::from_second(now.as_second() - hours * 3600).unwrap();
    let cases = [
        ("a day is not over", 90, 23, true),
        ("a day is over", 90, 24, false),
        ("a day is over, but it was hardly tried", 3, 48, true),
        ("tried five times", 4, 48, false),
    ];
    for (name, attempts, age, again) in cases {
        assert_eq!(next_try(&mail(1, attempts, hours_ago(age)), None, now).is_some(), again, "{name}");
    }
}

#[test]
fn a_try_ends_in_one_of_three_ways() {
    let now = at("12:00:00");
    let fresh = mail(1, 0, now);
    let old = mail(1, 90, Timestamp::from_second(now.as_second() - 90_000).unwrap());
    let error = || "451 busy".to_owned();
    let until = next_try(&fresh, None, now).unwrap();
    let cases = [
        ("accepted", &fresh, Ok(()), Settled::Sent(now)),
        ("not now", &fresh, Err(later(error())), Settled::Retry { until, error: error() }),
        ("not now, for a day", &old, Err(later(error())), Settled::Failed { at: now, error: error() }),
        ("never", &fresh, Err(PostFailure::Refused(error())), Settled::Failed { at: now, error: error() }),
    ];
    for (name, mail, result, want) in cases {
        assert_eq!(settle(mail, result, now), want, "{name}");
    }
}

/// An outbox in memory.
#[derive(Default)]
struct Box_ {
    mails: Mutex<BTreeMap<i64, (Outgoing, &'static str)>>,
    /// So many more writes fail.
    full: Mutex<u32>,
}

impl Box_ {
    fn put(&self, mail: Outgoing) {
        self.mails.lock().unwrap().insert(mail.id, (mail, "waiting"));
    }

    fn state(&self, id: i64) -> (&'static str, u32) {
        let mails = self.mails.lock().unwrap();
        (mails[&id].1, mails[&id].0.attempts)
    }

    fn mark(&self, id: i64, state: &'static str, until: Option<Timestamp>) -> Result<(), Fault> {
        let mut full = self.full.lock().unwrap();
        if *full > 0 {
            *full -= 1;
            return Err("the disk is full".into());
        }
        let mut mails = self.mails.lock().unwrap();
        let (mail, was) = mails.get_mut(&id).ok_or("no such mail")?;
        *was = state;
        mail.attempts += u32::from(state != "sent");
        mail.next_try_at = until.unwrap_or(mail.next_try_at);
        Ok(())
    }
}

impl Outbox for Box_ {
    async fn next_due(&self, now: Timestamp, _: &[i64]) -> Result<Vec<Outgoing>, Fault> {
        let mails = self.mails.lock().unwrap();
        let due = mails.values().filter(|(mail, state)| *state == "waiting" && mail.next_try_at <= now);
        Ok(due.map(|(mail, _)| mail.clone()).collect())
    }

    async fn mark_sent(&self, id: i64, _: Timestamp) -> Result<(), Fault> {
        self.mark(id, "sent", None)
    }

    async fn mark_retry(&self, id: i64, until: Timestamp, _: &str) -> Result<(), Fault> {
        self.mark(id, "waiting", Some(until))
    }

    async fn mark_failed(&self, id: i64, _: Timestamp, _: &str) -> Result<(), Fault> {
        self.mark(id, "failed", None)
    }
}

/// What the post office does with a mail to this address.
type Habit = fn(&Outgoing) -> Option<Result<(), PostFailure>>;

struct Office {
    tries: mpsc::UnboundedSender<i64>,
    /// [`None`] never answers.
    habit: Habit,
}

impl Post for Office {
    async fn send(&self, mail: &Outgoing) -> Result<(), PostFailure> {
        self.tries.send(mail.id).unwrap();
        match (self.habit)(mail) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

struct World {
    outbox: Arc<Box_>,
    tries: mpsc::UnboundedReceiver<i64>,
    bell: Arc<Notify>,
    shutdown: CancellationToken,
    ran: tokio::task::JoinHandle<()>,
}

impl World {
    fn new(outbox: Box_, habit: Habit) -> Self {
        let (sender, tries) = mpsc::unbounded_channel();
        let outbox = Arc::new(outbox);
        let clock = Clock::manual(at("12:00:00"));
        let (moved, up) = (clock.clone(), Stopwatch::start());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                moved.set(at("12:00:00") + up.elapsed());
            }
        });
        let mailer = Mailer::new(Arc::clone(&outbox), Arc::new(Office { tries: sender, habit }), clock);
        let bell = mailer.bell();
        let shutdown = CancellationToken::new();
        let ran = tokio::spawn(mailer.run(shutdown.clone()));
        Self { outbox, tries, bell, shutdown, ran }
    }

    async fn stop(self) -> Arc<Box_> {
        self.shutdown.cancel();
        self.ran.await.unwrap();
        self.outbox
    }
}

#[tokio::test(start_paused = true)]
async fn a_bell_sends_at_once() {
    let mut world = World::new(Box_::default(), |_| Some(Ok(())));
    // The worker has looked at the empty outbox and sleeps.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let time = Stopwatch::start();
    world.outbox.put(mail(1, 0, at("12:00:00")));
    world.bell.notify_one();
    assert_eq!(world.tries.recv().await, Some(1));
    assert!(time.elapsed() < Duration::from_secs(1));
    assert_eq!(world.stop().await.state(1), ("sent", 0));
}

#[tokio::test(start_paused = true)]
async fn busy_then_fine_is_delivered_on_the_second_try() {
    let outbox = Box_::default();
    outbox.put(mail(1, 0, at("12:00:00")));
    let mut world = World::new(outbox, |mail| {
        Some(if mail.attempts == 0 { Err(later("451".to_owned())) } else { Ok(()) })
    });
    let time = Stopwatch::start();
    assert_eq!(world.tries.recv().await, Some(1));
    assert_eq!(world.tries.recv().await, Some(1));
    assert!((60..=110).contains(&time.elapsed().as_secs()), "{:?}", time.elapsed());
    assert_eq!(world.stop().await.state(1), ("sent", 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_takes_it_is_given_up_after_a_day() {
    let outbox = Box_::default();
    outbox.put(mail(1, 0, at("12:00:00")));
    let mut world = World::new(outbox, |_| Some(Err(later("451".to_owned()))));
    let time = Stopwatch::start();
    let mut count = 0_u32;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_hours(1), world.tries.recv()).await {
        count += 1;
    }
    let hours = time.elapsed().as_secs() / 3600;
    assert!((24..=25).contains(&hours) && (70..=100).contains(&count), "{hours} h, {count} tries");
    assert_eq!(world.stop().await.state(1), ("failed", count));
}

#[tokio::test(start_paused = true)]
async fn one_bad_recipient_does_not_hold_up_the_others() {
    let outbox = Box_::default();
    for id in 1..=9 {
        outbox.put(mail(id, 0, at("12:00:00")));
    }
    let mut world = World::new(outbox, |mail| match mail.id {
        1 => None,
        2 => Some(Err(PostFailure::Refused("550 no such user".to_owned()))),
        _ => Some(Ok(())),
    });
    let time = Stopwatch::start();
    let mut tried = Vec::new();
    for _ in 0..9 {
        tried.push(world.tries.recv().await.unwrap());
    }
    tried.sort_unstable();
    assert_eq!(tried, (1..=9).collect::<Vec<_>>());
    assert!(time.elapsed() < Duration::from_secs(1), "{:?}", time.elapsed());
    // The one that never answers is cut off and tried again.
    assert_eq!(world.tries.recv().await, Some(1));
    assert!(time.elapsed() >= SEND_WITHIN + LADDER[0]);
    let outbox = world.stop().await;
    assert_eq!(outbox.state(2), ("failed", 1));
    assert_eq!(outbox.state(1), ("waiting", 1));
    assert!((3..=9).all(|id| outbox.state(id) == ("sent", 0)));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_does_not_send_a_mail_twice() {
    let outbox = Box_ { full: Mutex::new(5), ..Box_::default() };
    outbox.put(mail(1, 0, at("12:00:00")));
    let mut world = World::new(outbox, |_| Some(Ok(())));
    assert_eq!(world.tries.recv().await, Some(1));
    let again = tokio::time::timeout(Duration::from_mins(10), world.tries.recv()).await;
    assert!(again.is_err(), "sent again: {again:?}");
    assert_eq!(world.stop().await.state(1), ("sent", 0));
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_a_mail_on_its_way_a_little_time() {
    let outbox = Box_::default();
    outbox.put(mail(1, 0, at("12:00:00")));
    let mut world = World::new(outbox, |_| None);
    assert_eq!(world.tries.recv().await, Some(1));
    let time = Stopwatch::start();
    assert_eq!(world.stop().await.state(1), ("waiting", 0));
    assert_eq!(time.elapsed().as_secs(), FINISH_WITHIN.as_secs());
}

#[tokio::test(start_paused = true)]
async fn no_mail_overtakes_one_of_its_thread_that_is_on_its_way() {
    let outbox = Box_::default();
    let to_one_person = |id| Outgoing { to: "oncall@example.org".into(), ..mail(id, 0, at("12:00:00")) };
    outbox.put(to_one_person(1));
    let mut world = World::new(outbox, |mail| (mail.id != 1).then_some(Ok(())));
    assert_eq!(world.tries.recv().await, Some(1));
    // The reminder on its way is superseded by the recovery, so that nothing waits before that one.
    world.outbox.mails.lock().unwrap().get_mut(&1).unwrap().1 = "superseded";
    let time = Stopwatch::start();
    world.outbox.put(to_one_person(2));
    world.outbox.put(mail(3, 0, at("12:00:00")));
    world.bell.notify_one();
    assert_eq!(world.tries.recv().await, Some(3), "somebody else's");
    assert_eq!(world.tries.recv().await, Some(2));
    assert!(time.elapsed() >= SEND_WITHIN, "{:?}", time.elapsed());
}
