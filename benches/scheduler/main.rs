//! How late runs begin: the dispatcher of the service with ten thousand probes, of which a thousand
//! are due every minute, and a runner that does nothing.
//!
//! `script/bench-scheduler` makes a table of it. Prints one JSON object.
//!
//! ```text
//! scheduler [--probes 10000] [--minutes 2] [--burst]
//! ```
//!
//! The slots of the probes are spread over the seconds of ten minutes; with `--burst` a thousand of
//! them share the first second of each minute. Lateness is counted from the scheduled instant to the
//! runner's first line, by the wall clock, as runs themselves record it. Slots of the first seconds,
//! in which the dispatcher takes over the plan, are counted apart.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mystery_shopper::clock::{Clock, Stopwatch};
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::run::Gap;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::{self, Plan};
use mystery_shopper::scheduler::{Dispatcher, Executor, Fault, Finished, Job, Ledger, Limits, PairKey};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Time to take over the plan.
const SETTLE: Duration = Duration::from_secs(3);
/// Each probe is due once in so many minutes.
const PERIOD: usize = 10;

#[derive(Debug)]
struct Late {
    clock: Clock,
    /// Slots before this instant are those of the first seconds.
    settled_at: Timestamp,
    micros: Mutex<Vec<i64>>,
    first: Mutex<Vec<i64>>,
}

impl Executor for Late {
    async fn run(&self, job: Job, _: CancellationToken) -> Finished {
        let late = self.clock.now().duration_since(job.scheduled_at).as_micros();
        let late = i64::try_from(late).unwrap_or(i64::MAX);
        let list = if job.scheduled_at < self.settled_at { &self.first } else { &self.micros };
        list.lock().unwrap_or_else(PoisonError::into_inner).push(late);
        Finished::default()
    }
}

/// Nothing ran before.
#[derive(Debug, Default)]
struct Blank {
    gaps: Mutex<usize>,
}

impl Ledger for Blank {
    async fn last_slots(&self) -> Result<HashMap<PairKey, Timestamp>, Fault> {
        Ok(HashMap::new())
    }

    async fn cooling(&self) -> Result<Vec<(TargetId, Timestamp)>, Fault> {
        Ok(Vec::new())
    }

    async fn record_gaps(&self, gaps: &[Gap]) -> Result<(), Fault> {
        *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) += gaps.len();
        Ok(())
    }
}

/// A hundred targets on hosts of their own, and so many probes.
fn configuration(probes: usize, burst: bool) -> String {
    let mut text = String::from("[agent]\nname = \"bench\"\ntimezone = \"Asia/Shanghai\"\n");
    for n in 0..100 {
        let _ = write!(
            text,
            "[[target]]\nid = \"t{n}\"\nname = \"t{n}\"\nentry = \"http://t{n}.test/\"\nclass = \"test\"\n"
        );
    }
    for n in 0..probes {
        let second = if burst { 0 } else { n % 60 };
        let minute = if burst { n % PERIOD } else { n / 60 % PERIOD };
        let _ = write!(
            text,
            "[[probe]]\nid = \"p{n}\"\nvisit = {{ within = \"5s\" }}\ntargets = [\"t{}\"]\nschedule = \"{second} {minute}-59/{PERIOD} * * * *\"\n",
            n % 100
        );
    }
    text
}

fn load(probes: usize, burst: bool) -> Result<Plan, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("probes.toml"), configuration(probes, burst))?;
    let loaded = plan::load(folder.path(), Path::new("probes.toml"), &DiskFiles::new(folder.path()));
    Ok(loaded.map_err(|faults| format!("{} faults in the bench's plan", faults.diagnostics.len()))?.plan)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut probes, mut minutes, mut burst) = (10_000, 2, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().ok_or("a number is missing").map(|text| text.parse::<usize>());
        match argument.as_str() {
            "--probes" => probes = number()??,
            "--minutes" => minutes = number()??,
            "--burst" => burst = true,
            // Cargo's own.
            "--bench" => {}
            other => {
                return Err(format!(
                    "unknown argument {other}; the head of benches/scheduler/main.rs lists them"
                )
                .into());
            }
        }
    }
    let watch = Stopwatch::start();
    let plan = load(probes, burst)?;
    let load_ms = watch.elapsed_ms();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let Measured { late: mut sorted, first, gaps } = runtime.block_on(measure(plan, minutes))?;
    sorted.sort_unstable();
    let at = |share: usize| sorted.get((sorted.len() * share / 1000).min(sorted.len().saturating_sub(1)));
    let ms = |micros: Option<&i64>| micros.map(|micros| *micros as f64 / 1000.0);
    let told = serde_json::json!({
        "probes": probes,
        "minutes": minutes,
        "burst": burst,
        "load_ms": load_ms,
        "starts": sorted.len(),
        "gaps": gaps,
        "p50_ms": ms(at(500)),
        "p99_ms": ms(at(990)),
        "p999_ms": ms(at(999)),
        "max_ms": ms(sorted.last()),
        "first_max_ms": ms(first.iter().max()),
        "early": sorted.iter().filter(|micros| **micros < 0).count(),
    });
    println!("{told}");
    Ok(())
}

/// What came of it.
struct Measured {
    /// How late each run began, in microseconds.
    late: Vec<i64>,
    /// The same for slots of the first seconds.
    first: Vec<i64>,
    /// How many slots became no runs.
    gaps: usize,
}

/// Lets the dispatcher work for so many whole minutes.
async fn measure(plan: Plan, minutes: usize) -> Result<Measured, Box<dyn Error>> {
    let clock = Clock::system();
    let executor = Arc::new(Late {
        clock: clock.clone(),
        settled_at: clock.now() + SETTLE,
        micros: Mutex::default(),
        first: Mutex::default(),
    });
    let ledger = Arc::new(Blank::default());
    let dispatcher = Dispatcher::new(Arc::clone(&executor), Arc::clone(&ledger), clock, Limits::default());
    let (_keep, plan) = watch::channel(Arc::new(plan));
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(plan, stop.clone()));
    tokio::time::sleep(SETTLE + Duration::from_secs(60 * minutes as u64)).await;
    stop.cancel();
    running.await??;
    let take =
        |list: &Mutex<Vec<i64>>| std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner));
    let gaps = *ledger.gaps.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Measured { late: take(&executor.micros), first: take(&executor.first), gaps })
}
