//! Journeys a minute: the runner's whole work, pictures written to the disk, in several browsers at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mystery_shopper::app;
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::ids::ProbeId;
use mystery_shopper::domain::run::Cause;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::domain::verdict::Verdict;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::Work;
use mystery_shopper::runner::{Keeper, Order, Runner, Silent, new_run_id};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Outcome, form, ms, pool, root};

/// Prints `{"walks": …, "perMinute": …, "ms": […]}`: what each session did by itself, added up.
pub async fn measure(sessions: usize, time: Duration, entry: &url::Url) -> Outcome {
    let loaded = app::load(&root().join("probes.toml"))?.plan;
    let known = loaded.targets.iter().find(|target| target.class == TargetClass::Test);
    let known = known.ok_or("probes.toml has no target of class = \"test\"")?;
    let target = Arc::new(Target { entry: entry.clone(), ..Target::clone(known) });
    let (pool, temp) = pool(sessions)?;
    let pool = Arc::new(pool);
    let pictures = temp.path().join("pictures");
    let runner = Runner::new(
        Arc::clone(&pool),
        Keeper::Folder(pictures),
        Clock::system(),
        Manners::every(Duration::from_secs(10), Clock::system()),
    );
    let (scenario, _) = form(entry)?;
    let scenario = Arc::new(scenario);
    let agent = Arc::new(loaded.agent.clone());
    let order = move || Order {
        id: new_run_id(),
        probe: ProbeId::new("bench"),
        work: Work::Walk(Arc::clone(&scenario)),
        engine: Engine::default(),
        target: Arc::clone(&target),
        scheduled_at: Clock::system().now(),
        cause: Cause::Manual,
        agent: Arc::clone(&agent),
        lexicon: Arc::clone(&loaded.lexicon),
        root: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        vars: Vars::new(),
        slow: Duration::ZERO,
        hold: false,
        fresh: false,
        looks: true,
        known: Vec::new(),
        canary: None,
    };
    let order = Arc::new(order);
    // Everybody has a warm browser before the time begins.
    let ready = Arc::new(tokio::sync::Barrier::new(sessions));
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..sessions {
        let (runner, order, ready) = (runner.clone(), Arc::clone(&order), Arc::clone(&ready));
        working.spawn(async move {
            let one = || async {
                let watch = Stopwatch::start();
                let run = runner.run(&order(), &Silent, &CancellationToken::new()).await;
                (run.verdict, run.reason, ms(watch))
            };
            let first = one().await;
            ready.wait().await;
            let (watch, end) = (Stopwatch::start(), Deadline::after(time));
            let mut walks = vec![];
            let mut bad = (first.0 != Verdict::Pass).then_some(first.1);
            while !end.passed() && bad.is_none() {
                let (verdict, reason, took) = one().await;
                walks.push(took);
                bad = (verdict != Verdict::Pass).then_some(reason);
            }
            (walks, watch.elapsed(), bad)
        });
    }
    let (mut all, mut rate) = (vec![], 0.0);
    while let Some(done) = working.join_next().await {
        let (walks, took, bad) = done?;
        if let Some(reason) = bad {
            pool.close().await;
            return Err(format!("a walk did not pass: {reason}").into());
        }
        rate += walks.len() as f64 * 60.0 / took.as_secs_f64();
        all.extend(walks);
    }
    pool.close().await;
    println!("{}", json!({ "walks": all.len(), "perMinute": rate, "ms": all }));
    Ok(())
}
