//! Runs that go wrong in every way, one behind the other in the same browsers: `script/hostile` calls
//! this program and makes a table of what it prints, one JSON object a line.
//!
//! ```text
//! cargo build --bench hostile && …/hostile RUNS MINUTES SEED
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is measured goes to stdout")]

mod kinds;
mod processes;
mod rung;
mod site;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mystery_shopper::browser::{Pool, Settings, temp_folder};
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::ids::{ProbeId, TargetId};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::run::{Cause, Run};
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::{Agent, FileFault, Files, Work, lexicon, load_scenario};
use mystery_shopper::runner::{Event, Keeper, Order, Runner, Watch, new_run_id};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use kinds::{Kind, Right};
use site::{Victim, Victims, lock};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs at a time, and browsers.
const SLOTS: usize = 2;

/// How often everything stands still and is looked over.
const BLOCK: usize = 100;

/// The runner's pause before a second attempt (`src/runner/walk.rs`): the slot was free before it.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(1);

/// A run that takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() -> Outcome {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [runs, minutes, seed] = given.as_slice() else {
        return Err(
            "say how many runs, in how many minutes at most, from which seed: RUNS MINUTES SEED".into()
        );
    };
    let heard =
        tracing_subscriber::filter::Targets::new().with_target("mystery_shopper", tracing::Level::DEBUG);
    tracing_subscriber::registry().with(rung::Ear.with_filter(heard)).try_init()?;
    let end = Deadline::after(Duration::from_secs_f64(minutes.parse::<f64>()? * 60.0));
    let yard = Yard::open().await?;
    let (mut done, order) = (0, kinds::order(runs.parse()?, seed.parse()?));
    for block in order.chunks(BLOCK) {
        done += yard.block(block, done, end).await?;
        println!("{}", yard.left(done, false));
        if end.passed() {
            break;
        }
    }
    yard.pool.close().await;
    println!("{}", yard.left(done, true));
    Ok(())
}

/// The process groups of every browser that there was.
type Groups = Arc<Mutex<BTreeSet<u32>>>;

/// One site, one pool, and the folders that must be empty in the end.
struct Yard {
    base: String,
    pool: Arc<Pool>,
    runner: Runner,
    victims: Victims,
    groups: Groups,
    temp: tempfile::TempDir,
    _pictures: tempfile::TempDir,
}

impl Yard {
    async fn open() -> Outcome<Self> {
        let victims = Victims::default();
        let base = site::open(&victims).await?;
        let (temp, pictures) = (temp_folder()?, temp_folder()?);
        let settings = Settings {
            sessions: SLOTS,
            remote: Vec::new(),
            chromium: std::env::var_os("CHROMIUM").map(PathBuf::from),
            firefox: None,
            geckodriver: None,
            chromedriver: std::env::var_os("CHROMEDRIVER").map(PathBuf::from),
            headed: false,
            temp: temp.path().to_owned(),
            cgroup: None,
            retire_after: 200,
            retire_above: 1 << 30,
        };
        let pool = Arc::new(Pool::new(settings));
        let keeper = Keeper::Folder(pictures.path().to_owned());
        let runner = Runner::new(
            Arc::clone(&pool),
            keeper,
            Clock::system(),
            Manners::every(Duration::ZERO, Clock::system()),
        );
        Ok(Self { base, pool, runner, victims, groups: Groups::default(), temp, _pictures: pictures })
    }

    /// Makes the runs of a block, as many at a time as there are slots; how many.
    async fn block(&self, block: &[&'static Kind], before: usize, end: Deadline) -> Outcome<usize> {
        let queue = Mutex::new(block.iter().enumerate());
        let slot = || async {
            let mut made = 0;
            while !end.passed() {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, kind)) = next else { break };
                println!("{}", Box::pin(self.run(kind, before + at)).await?);
                made += 1;
            }
            Outcome::Ok(made)
        };
        let made = futures_util::future::join_all((0..SLOTS).map(|_| slot())).await;
        made.into_iter().sum()
    }

    /// Makes one run; what came of it.
    async fn run(&self, kind: &Kind, number: usize) -> Outcome<Value> {
        let id = number.to_string();
        let order = order(&self.base, kind, &id)?;
        let watch = Stopwatch::start();
        if let Some(strike) = kind.strike {
            lock(&self.victims).insert(id.clone(), Victim { strike, watch, due: false, struck: None });
        }
        let notes = Notes {
            watch,
            seen: Mutex::default(),
            victims: Arc::clone(&self.victims),
            id,
            groups: Arc::clone(&self.groups),
            struck: Mutex::default(),
        };
        let cancel = CancellationToken::new();
        let walking = async {
            let run = self.runner.run(&order, &notes, &cancel).await;
            (run, rung::RUNGS.with(|rungs| rungs.borrow().clone()))
        };
        let walking = rung::RUNGS.scope(RefCell::default(), walking);
        let Ok((run, rungs)) = Deadline::after(HANGS).limit(Box::pin(walking)).await else {
            return Ok(json!({ "kind": kind.name, "hangs": true }));
        };
        let free = watch.elapsed();
        let struck = notes.struck.into_inner().unwrap_or_else(PoisonError::into_inner);
        let attempts = notes.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let late: Vec<Value> = attempts
            .iter()
            .enumerate()
            .map(|(at, attempt)| {
                let free = attempts.get(at + 1).map_or(free, |next| next.began.saturating_sub(ATTEMPT_PAUSE));
                let (rung, why) = rungs.get(at).cloned().unwrap_or_default();
                let late = attempt.end(kind).map(|end| ms(free.saturating_sub(end)));
                json!({ "ms": late, "rung": rung, "why": why })
            })
            .collect();
        // Struck only after its step was over, or not at all: the page is an ordinary one.
        let missed = kind.strike.is_some()
            && struck.is_none_or(|at| {
                attempts.first().and_then(|first| first.end(kind)).is_none_or(|end| at > end)
            });
        let ending = run.ending().unwrap_or(&run.steps[0]);
        let right = missed || is_right(kind.right, &run);
        Ok(json!({
            "kind": kind.name, "right": right, "missed": missed, "outcome": ending.outcome.name(),
            "verdict": run.verdict.name(), "attempts": run.attempts, "reason": ending.error, "freed": late,
            "step": ending.elapsed_ms, "within": kind.within, "took": ms(free),
        }))
    }

    /// What is left over now, when no run is under way.
    fn left(&self, runs: usize, closed: bool) -> Value {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let left = processes::left(self.temp.path(), &groups);
        let freed = self.pool.rungs();
        eprintln!(
            "hostile: {runs} runs, {} browsers live of {}; left: {} processes, {} folders, {} ports",
            left.browsers,
            groups.len(),
            left.processes.len(),
            left.folders,
            left.ports.len()
        );
        json!({
            "runs": runs, "closed": closed, "browsers": left.browsers, "seen": groups.len(), "processes": left.processes,
            "folders": left.folders, "ports": left.ports,
            "rungs": { "context": freed.context, "hatch": freed.hatch, "kill": freed.kill },
        })
    }
}

/// Decides whose fault the run says it was. The portal is to blame for what its pages do, we for what
/// became of our programs.
fn is_right(right: Right, run: &Run) -> bool {
    let outcome = run.ending().map_or("done", |step| step.outcome.name());
    let verdict = run.verdict.name();
    let portal = |outcomes: &[&str]| verdict == "fail" && outcomes.contains(&outcome);
    match right {
        Right::Pass => verdict == "pass" && run.attempts == 1,
        Right::Portal(outcomes) => portal(outcomes),
        Right::PortalOrPass(outcomes) => verdict == "pass" || portal(outcomes),
        Right::Ours => verdict == "inconclusive" && outcome == "probe_fault",
        Right::OursOrPass => verdict == "pass" || verdict == "inconclusive" && outcome == "probe_fault",
        Right::Second => verdict == "pass" && run.attempts == 2,
    }
}

fn ms(time: Duration) -> u64 {
    mystery_shopper::clock::millis(time)
}

/// When the attempts of a run and their steps began and ended, since the run began.
struct Notes {
    watch: Stopwatch,
    seen: Mutex<Vec<Attempt>>,
    victims: Victims,
    id: String,
    groups: Groups,
    struck: Mutex<Option<Duration>>,
}

#[derive(Default)]
struct Attempt {
    began: Duration,
    step: Option<Duration>,
    took: Duration,
}

impl Attempt {
    /// When its step was over or had to be, whichever came first.
    fn end(&self, kind: &Kind) -> Option<Duration> {
        Some(self.step? + self.took.min(Duration::from_millis(kind.within)))
    }
}

impl Watch for Notes {
    fn event(&self, event: Event<'_>) {
        let now = self.watch.elapsed();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Attempt { .. } => seen.push(Attempt { began: now, ..Attempt::default() }),
            Event::Step { .. } => {
                seen.last_mut().into_iter().for_each(|attempt| attempt.step = Some(now));
                // The browser of this attempt is there now, if it will not be later.
                let groups = Arc::clone(&self.groups);
                tokio::task::spawn_blocking(move || {
                    let drivers = processes::drivers();
                    groups.lock().unwrap_or_else(PoisonError::into_inner).extend(drivers);
                });
            }
            Event::StepEnded(record) => {
                seen.last_mut()
                    .into_iter()
                    .for_each(|attempt| attempt.took = Duration::from_millis(record.elapsed_ms));
                if let Some(victim) = lock(&self.victims).remove(&self.id) {
                    *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = victim.struck;
                }
            }
            _ => {}
        }
    }
}

/// One scenario in memory.
struct Memory(BTreeMap<&'static str, String>);

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        let found = path.to_str().and_then(|path| self.0.get(path));
        found.cloned().ok_or(FileFault::NotFound(Vec::new()))
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.read(path).map(drop)
    }
}

fn order(base: &str, kind: &Kind, id: &str) -> Outcome<Order> {
    let step = kind.step.replace("{run}", id);
    let text = format!(
        "id = \"t\"\ntitle = \"测试\"\ndeadline = '{0}ms'\n[[step]]\nname = '一'\nstage = 'find'\n{step}\nwithin = '{0}ms'",
        kind.within
    );
    let files = Memory(BTreeMap::from([("t.toml", text)]));
    let (scenario, _) = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new())
        .map_err(|faults| format!("the scenario of `{}` has faults: {faults}", kind.name))?;
    let target = Target {
        id: TargetId::new("here"),
        name: "本市".to_owned(),
        labels: BTreeMap::new(),
        entry: base.parse()?,
        class: TargetClass::Test,
        vars: Vars::new(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: true,
        assessed: None,
    };
    let agent = Agent {
        name: "hostile".to_owned(),
        contact: None,
        timezone: "Asia/Shanghai".to_owned(),
        language: Language::Chinese,
        data_dir: PathBuf::new(),
    };
    Ok(Order {
        id: new_run_id(),
        probe: ProbeId::new("hostile"),
        work: Work::Walk(Arc::new(scenario)),
        engine: Engine::Chromium,
        target: Arc::new(target),
        scheduled_at: Clock::system().now(),
        cause: Cause::Manual,
        agent: Arc::new(agent),
        lexicon: Arc::new(lexicon::built_in()),
        root: PathBuf::new(),
        vars: Vars::new(),
        slow: Duration::ZERO,
        hold: false,
        fresh: false,
        looks: true,
        known: Vec::new(),
        canary: None,
    })
}
