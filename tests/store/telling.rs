//! What the store tells by the judge's word: by a run, by time alone, and when people ask for quiet.

use mystery_shopper::domain::ids::IncidentId;
use mystery_shopper::domain::incident::{Concern, Scope, Shared};
use mystery_shopper::domain::notice::{Canary, CanaryFact, Matter};
use mystery_shopper::domain::silence::Silence;

use super::*;

const HOUR: i64 = 3600;

/// Three portals on one host, a home page and a walk each, and one person.
const TOWNS: &str = r#"
[agent]
name = "beijing-1"
timezone = "Asia/Shanghai"
language = "en"
[alert]
remind = "1h"
flapping = false
[[target]]
id = "a"
name = "A"
entry = "http://shared.example/a"
class = "test"
[[target]]
id = "b"
name = "B"
entry = "http://shared.example/b"
class = "test"
[[target]]
id = "c"
name = "C"
entry = "http://shared.example/c"
class = "test"
[[probe]]
id = "home"
visit = {}
slow = "10s"
targets = ["*"]
schedule = "@hourly"
[[probe]]
id = "walk"
crawl = {}
targets = ["*"]
schedule = "@hourly"
"#;

/// The same agent under another name.
fn renamed(seconds: i64) -> JudgeContext {
    let mut context = town(seconds);
    Arc::make_mut(&mut context.plan).agent.name = "beijing-2".into();
    context
}

fn town(seconds: i64) -> JudgeContext {
    let mut plan = load(Path::new(""), Path::new("probes.toml"), &OneFile(TOWNS)).unwrap().plan;
    let when = RouteFilter::default();
    plan.routes = vec![Route { to: vec!["x@example.org".into()], when, after: Duration::ZERO, quiet: None }];
    JudgeContext { plan: Arc::new(plan), message_domain: "example.org".into(), now: at(seconds) }
}

struct Town {
    _dir: tempfile::TempDir,
    store: Store,
    runs: u32,
}

impl Town {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        Self { _dir: dir, store, runs: 0 }
    }

    async fn run(&mut self, seconds: i64, pair: &str, outcome: Outcome, canaries: Vec<CanaryFact>) -> bool {
        self.run_in(town(seconds), seconds, pair, outcome, canaries).await
    }

    async fn run_in(
        &mut self,
        context: JudgeContext,
        seconds: i64,
        pair: &str,
        outcome: Outcome,
        canaries: Vec<CanaryFact>,
    ) -> bool {
        let (probe, target) = pair.split_once('@').unwrap();
        self.runs += 1;
        let mut run = run(&format!("r{}", self.runs), seconds - 6, &[Outcome::Done, outcome]);
        (run.probe, run.target, run.canaries) = (probe.into(), target.into(), canaries);
        self.store.record(run, context).await.unwrap().confirm
    }

    async fn twice(&mut self, seconds: i64, pair: &str, outcome: Outcome) {
        self.run(seconds - 1, pair, outcome, Vec::new()).await;
        self.run(seconds, pair, outcome, Vec::new()).await;
    }

    async fn down(&mut self, seconds: i64, pair: &str) {
        self.twice(seconds, pair, Outcome::ServerError).await;
    }

    async fn up(&mut self, seconds: i64, pair: &str) {
        self.twice(seconds, pair, Outcome::Done).await;
    }

    /// What was told since this was last asked, with what it says.
    async fn said(&mut self) -> Vec<(NoticeKind, Matter)> {
        let mut mails = Vec::new();
        // Each person gets an incident's mails one after the other.
        loop {
            let due = self.store.outbox_due(at(1_000_000), 100).await.unwrap();
            if due.is_empty() {
                break;
            }
            for mail in due {
                self.store.outbox_sent(mail.id, at(0)).await.unwrap();
                mails.push((mail.id, mail.notice));
            }
        }
        mails.sort_by_key(|(id, _)| *id);
        mails.into_iter().map(|(_, notice)| (notice.kind, notice.matter)).collect()
    }

    async fn kinds(&mut self) -> Vec<NoticeKind> {
        self.said().await.into_iter().map(|(kind, _)| kind).collect()
    }
}

#[tokio::test]
async fn a_home_page_names_what_fails_with_it_and_the_sweep_reminds() {
    use NoticeKind::{Opened, Reminder, Resolved};
    let mut town = Town::new();
    town.down(0, "home@a").await;
    town.down(20, "walk@a").await;
    let told = town.said().await;
    assert_eq!(told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Opened]);
    // Both runs fail still; the reminder is a matter of time.
    town.run(HOUR - 60, "home@a", Outcome::ServerError, Vec::new()).await;
    assert_eq!(town.store.sweep(self::town(HOUR - 30)).await.unwrap(), []);
    let mailed = town.store.sweep(self::town(HOUR + 30)).await.unwrap();
    assert_eq!(mailed.iter().map(|mailed| (mailed.kind, mailed.queued)).collect::<Vec<_>>(), [(Reminder, 1)]);
    assert_eq!(town.store.sweep(self::town(HOUR + 45)).await.unwrap(), [], "asked twice, told once");
    let [(Reminder, Matter::Facts(facts))] = &town.said().await[..] else { panic!("a reminder") };
    assert_eq!((facts.with_it.as_slice(), facts.runs_in_all), (&["Link check".to_owned()][..], 3));
    let open = town.store.incidents(IncidentFilter { open: true, since: None }).await.unwrap();
    let walk = open.iter().find(|incident| incident.probe.as_str() == "walk").unwrap();
    assert_eq!(walk.parent.as_ref(), open.iter().find(|i| i.parent.is_none()).map(|home| &home.id));

    town.up(2 * HOUR, "walk@a").await;
    town.up(2 * HOUR + 60, "home@a").await;
    let [(Resolved, Matter::Facts(facts))] = &town.said().await[..] else { panic!("one end") };
    assert_eq!((facts.resolved_at, facts.runs.len()), (Some(at(2 * HOUR + 60)), 2));
    assert_eq!(town.store.sweep(self::town(9 * HOUR)).await.unwrap(), []);
}

#[tokio::test]
async fn many_portals_on_one_host_are_one_incident_with_its_members() {
    let mut town = Town::new();
    for (second, pair) in [(0, "home@a"), (1, "home@b"), (2, "home@c"), (10, "home@a"), (11, "home@b")] {
        town.run(second, pair, Outcome::ServerError, Vec::new()).await;
    }
    assert_eq!(town.kinds().await, [], "they wait for each other");
    town.run(12, "home@c", Outcome::ServerError, Vec::new()).await;
    let [(NoticeKind::Opened, Matter::Wave(wave))] = &town.said().await[..] else { panic!("a wave") };
    assert_eq!((wave.in_all, wave.over, wave.members.len()), (3, 0, 3));
    assert_eq!(wave.shared, Shared::Host("shared.example".into()));
    assert_eq!((wave.members[0].target_name.as_str(), wave.since), ("A", at(-5)));
    for pair in ["home@a", "home@b", "home@c"] {
        town.up(HOUR, pair).await;
    }
    let [(NoticeKind::Resolved, Matter::Wave(wave))] = &town.said().await[..] else { panic!("its end") };
    assert_eq!((wave.in_all, wave.over, wave.resolved_at), (3, 3, Some(at(HOUR))));
    let all = town.store.incidents(IncidentFilter::default()).await.unwrap();
    let scopes = all.iter().filter(|incident| matches!(incident.scope, Scope::Wave { .. })).count();
    assert_eq!((all.len(), scopes), (4, 1));
}

#[tokio::test]
async fn who_waits_in_vain_for_a_wave_is_told_by_the_sweep() {
    let mut town = Town::new();
    for (second, pair) in [(0, "home@a"), (1, "home@b"), (2, "home@c"), (10, "home@a")] {
        town.run(second, pair, Outcome::ServerError, Vec::new()).await;
    }
    assert_eq!(town.store.sweep(self::town(69)).await.unwrap(), []);
    assert_eq!(town.store.sweep(self::town(70)).await.unwrap().len(), 1);
    assert_eq!(town.kinds().await, [NoticeKind::Opened]);
}

#[tokio::test]
async fn what_we_cannot_see_is_our_own_incident_and_no_portal_has_one() {
    let blind = || {
        let fault = Some("The name server did not answer.".to_owned());
        vec![CanaryFact { canary: Canary::Dns, asked: "example.org".into(), fault, elapsed_ms: 5000 }]
    };
    let mut town = Town::new();
    let again = town.run(0, "home@a", Outcome::Unreachable, blind()).await;
    assert!(again, "a doubt about ourselves is looked into at once");
    for second in 1..6 {
        town.run(second, "home@a", Outcome::Unreachable, blind()).await;
        town.run(second, "home@b", Outcome::Unreachable, blind()).await;
    }
    let told = town.said().await;
    let [(NoticeKind::Opened, Matter::Vantage(facts))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((facts.vantage.as_str(), facts.runs, facts.canaries.len()), ("beijing-1", 2, 1));
    let all = town.store.incidents(IncidentFilter::default()).await.unwrap();
    assert_eq!(all.iter().map(|incident| incident.concern).collect::<Vec<_>>(), [Concern::Vantage]);
    town.run(20, "home@b", Outcome::Done, Vec::new()).await;
    town.run(21, "home@c", Outcome::Done, Vec::new()).await;
    let told = town.said().await;
    let [(NoticeKind::Resolved, Matter::Vantage(facts))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((facts.runs, facts.resolved_at), (11, Some(at(21))));
}

#[tokio::test]
async fn another_name_of_the_agent_is_no_other_incident() {
    let blind = || {
        let fault = Some("The name server did not answer.".to_owned());
        vec![CanaryFact { canary: Canary::Dns, asked: "example.org".into(), fault, elapsed_ms: 5000 }]
    };
    let open = IncidentFilter { open: true, since: None };
    let mut town = Town::new();
    for second in 0..2 {
        town.run(second, "home@a", Outcome::Unreachable, blind()).await;
    }
    assert_eq!(town.kinds().await, [NoticeKind::Opened]);
    // Blind runs under the new name are kept, and it is the same trouble.
    for second in 10..13 {
        town.run_in(renamed(second), second, "home@a", Outcome::Unreachable, blind()).await;
    }
    assert_eq!(town.kinds().await, []);
    assert_eq!(town.store.incidents(open).await.unwrap().len(), 1);
    for (second, pair) in [(20, "home@b"), (21, "home@c")] {
        town.run_in(renamed(second), second, pair, Outcome::Done, Vec::new()).await;
    }
    assert_eq!(town.kinds().await, [NoticeKind::Resolved]);
    // Under the old name again: what is over is over, and what comes is a new one.
    town.run(30, "home@b", Outcome::Done, Vec::new()).await;
    town.run(31, "home@c", Outcome::Done, Vec::new()).await;
    assert_eq!(town.kinds().await, []);
    for second in 40..42 {
        town.run(second, "home@a", Outcome::Unreachable, blind()).await;
    }
    assert_eq!(town.kinds().await, [NoticeKind::Opened]);
}

#[tokio::test]
async fn a_silence_holds_and_an_acknowledgement_stops_what_repeats() {
    let mut town = Town::new();
    let silence = Silence {
        id: "".into(),
        target: Some("a".into()),
        probe: None,
        starts_at: at(0),
        until: at(10 * HOUR),
        made_by: "ops".into(),
        reason: "moving house".into(),
    };
    let silence = town.store.silence(silence).await.unwrap();
    assert_eq!(town.store.silences(at(1)).await.unwrap(), std::slice::from_ref(&silence));
    town.down(60, "home@a").await;
    assert_eq!(town.kinds().await, []);
    let ended = town.store.end_silence(silence.id.clone(), at(90)).await.unwrap();
    assert_eq!(ended.until, at(90));
    assert!(town.store.silences(at(91)).await.unwrap().is_empty());
    assert!(matches!(town.store.end_silence("x".into(), at(0)).await, Err(StoreError::NotFound { .. })));
    town.store.sweep(self::town(100)).await.unwrap();
    let [(NoticeKind::Opened, Matter::Facts(facts))] = &town.said().await[..] else { panic!("told late") };
    assert_eq!(facts.held_by.as_deref(), Some("a silence (moving house)"));

    let open = IncidentFilter { open: true, since: None };
    let id = town.store.incidents(open).await.unwrap()[0].id.clone();
    let note = Some("on my way".to_owned());
    let first = town.store.acknowledge(id.clone(), "li".into(), note, at(200)).await.unwrap();
    assert_eq!(first.acknowledged.as_ref().map(|ack| (ack.by.as_str(), ack.at)), Some(("li", at(200))));
    let again = town.store.acknowledge(id.clone(), "wang".into(), None, at(300)).await.unwrap();
    assert_eq!(again, first, "the first one stands");
    let unknown = town.store.acknowledge(IncidentId::new("x"), "li".into(), None, at(0)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    town.run(4 * HOUR, "home@a", Outcome::ServerError, Vec::new()).await;
    assert_eq!(town.kinds().await, [], "no reminder");
    town.up(5 * HOUR, "home@a").await;
    let [(NoticeKind::Resolved, Matter::Facts(facts))] = &town.said().await[..] else { panic!("its end") };
    assert_eq!(facts.acknowledged, first.acknowledged);
    // Over is over: nobody can take it upon himself any more.
    assert_eq!(
        town.store.acknowledge(id, "wang".into(), None, at(1)).await.unwrap().acknowledged,
        first.acknowledged
    );
}
