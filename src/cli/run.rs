//! `shopper run`: one run, at once.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use crate::app::{self, Workshop, WorkshopOptions};
use crate::domain::engine::Engine;
use crate::domain::ids::ProbeId;
use crate::domain::observation::EvidenceKind;
use crate::domain::personal;
use crate::domain::run::{Cause, Run};
use crate::domain::scenario::Scenario;
use crate::domain::target::Target;
use crate::domain::template::{Vars, is_name};
use crate::domain::verdict::Verdict;
use crate::plan::{Plan, WebDriver, Work};
use crate::runner::{Order, Silent, Watch, new_run_id};

use super::lone::LoneArgs;
use super::output::{self, Narrator};
use super::{Exit, Fault, Format, Global, load};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["probe", "scenario"])))]
#[command(group(ArgGroup::new("where").args(["target", "url"])))]
pub(super) struct RunArgs {
    /// A probe of the configuration, on all its targets or on the one that `--target` names.
    #[arg(long, value_name = "ID")]
    probe: Option<String>,
    /// A scenario file, on `--target` or `--url`.
    #[arg(long, value_name = "FILE", requires = "where")]
    scenario: Option<PathBuf>,
    /// A target of the configuration.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// A home page that no configuration knows.
    #[arg(long, value_name = "URL", conflicts_with = "probe", value_parser = crate::plan::parse_address)]
    url: Option<url::Url>,
    #[command(flatten)]
    lone: LoneArgs,
    /// A value for a variable of the scenario; may be given several times.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = parse_var)]
    vars: Vec<(String, String)>,
    /// The browser that walks [default: the probe's, else chromium]. Firefox walks test systems only.
    #[arg(long, value_enum, value_name = "NAME")]
    browser: Option<BrowserName>,
    /// Show the browser's window.
    #[arg(long)]
    headed: bool,
    /// Pause before every action, such as 300ms; up to 1m.
    #[arg(long, value_name = "TIME", value_parser = parse_slow, default_value = "0ms")]
    slow: Duration,
    /// Keep the browser open at the end until Ctrl-C.
    #[arg(long, requires = "headed")]
    keep_open: bool,
    /// What to keep of every step besides its picture, as `keep` in a scenario: whole_page, har, dom, accessibility, text; several with commas between them.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = parse_kept)]
    keep: Vec<EvidenceKind>,
    /// Run so many times, each time with a fresh context.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
}

/// The browsers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BrowserName {
    /// Chromium.
    Chromium,
    /// Firefox.
    Firefox,
}

impl From<BrowserName> for Engine {
    fn from(name: BrowserName) -> Self {
        match name {
            BrowserName::Chromium => Self::Chromium,
            BrowserName::Firefox => Self::Firefox,
        }
    }
}

fn parse_var(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if is_name(name) && personal::is_numbered(value) => {
            Err("it carries a number that can be somebody's; use one that belongs to nobody".to_owned())
        }
        Some((name, value)) if is_name(name) => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE, with a name of letters, digits and _".to_owned()),
    }
}

/// Reads a duration that lies within limits.
pub(super) fn parse_time(text: &str, limits: RangeInclusive<Duration>) -> Result<Duration, String> {
    crate::plan::parse_duration(text, limits)
}

fn parse_kept(text: &str) -> Result<EvidenceKind, String> {
    let known = EvidenceKind::ASKED.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = EvidenceKind::ASKED.into_iter().map(EvidenceKind::name).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn parse_slow(text: &str) -> Result<Duration, String> {
    parse_time(text, Duration::ZERO..=Duration::from_mins(1))
}

/// What is to be run where.
#[derive(Debug, Clone)]
pub(super) struct Job {
    probe: ProbeId,
    work: Work,
    engine: Engine,
    target: Arc<Target>,
}

impl Job {
    /// Work on a target that no configuration knows.
    pub(super) fn lone(target: Target, work: Work) -> Self {
        let probe = ProbeId::new("manual");
        Self { probe, work, engine: Engine::default(), target: Arc::new(target) }
    }

    /// The order for it, as somebody on the command line gives it.
    pub(super) fn order(&self, plan: &Plan, now: jiff::Timestamp) -> Order {
        Order {
            id: new_run_id(),
            probe: self.probe.clone(),
            work: self.work.clone(),
            engine: self.engine,
            target: Arc::clone(&self.target),
            scheduled_at: now,
            cause: Cause::Manual,
            agent: Arc::new(plan.agent.clone()),
            lexicon: Arc::clone(&plan.lexicon),
            root: plan.root.clone(),
            vars: Vars::new(),
            slow: Duration::ZERO,
            hold: false,
            fresh: false,
            looks: true,
            known: Vec::new(),
            canary: None,
        }
    }
}

/// What a command wants to have run.
#[derive(Debug, Clone)]
pub(super) struct Request {
    jobs: Vec<Job>,
    vars: Vars,
    slow: Duration,
    hold: bool,
    repeat: u32,
    /// Whether a run that failed asks the canaries: what a configuration watches, not what somebody looks
    /// at by hand.
    canaries: bool,
    options: WorkshopOptions,
}

impl Request {
    /// One piece of work on a target that no configuration knows; nothing is kept.
    pub(super) fn lone(target: Target, work: Work) -> Self {
        let options = WorkshopOptions { headed: false, keep: false };
        Self {
            jobs: vec![Job::lone(target, work)],
            vars: Vars::new(),
            slow: Duration::ZERO,
            hold: false,
            repeat: 1,
            canaries: false,
            options,
        }
    }
}

pub(super) fn run(global: &Global, args: &RunArgs) -> Result<Exit, Fault> {
    if args.url.is_none() && args.lone.is_given() {
        return Err(Fault::input(
            "--class and --contact go with --url",
            "a target of the configuration has its class there, and [agent] its contact",
        ));
    }
    let (plan, mut jobs) = jobs(global, args)?;
    if !args.keep.is_empty() {
        for job in &mut jobs {
            let Work::Walk(scenario) = &mut job.work else {
                return Err(Fault::input(
                    "--keep goes with a walk, and this probe does not walk a scenario",
                    "leave --keep out",
                ));
            };
            let wanted = args.keep.iter().filter(|kind| !scenario.keep.contains(kind)).copied();
            let keep = scenario.keep.iter().copied().chain(wanted).collect();
            *scenario = Arc::new(Scenario { keep, ..Scenario::clone(scenario) });
        }
    }
    // A remote browser has a screen of its own, or none.
    let ours = matches!(plan.browser.webdriver, WebDriver::Spawn);
    if args.headed && ours && !has_display(|name| std::env::var_os(name)) {
        return Err(Fault::input(
            "--headed needs a screen, and neither DISPLAY nor WAYLAND_DISPLAY is set",
            "leave --headed out, or call `shopper` in a graphical session",
        ));
    }
    let request = Request {
        jobs,
        vars: args.vars.iter().cloned().collect(),
        slow: args.slow,
        hold: args.keep_open,
        repeat: args.repeat,
        canaries: true,
        // A configuration says where results are kept; a lone address keeps its pictures aside.
        options: WorkshopOptions { headed: args.headed, keep: args.url.is_none() },
    };
    once(global, plan, request)
}

/// Whether a window has a screen to appear on.
fn has_display(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// Runs what is asked for and prints it.
pub(super) fn once(global: &Global, plan: Plan, request: Request) -> Result<Exit, Fault> {
    let plan = Arc::new(plan);
    app::block_on(async move {
        let workshop = Workshop::open(&plan, request.options)?;
        let cancel = app::interrupted();
        let ran = Box::pin(all(global, &request, &workshop, &plan, &cancel)).await;
        workshop.close().await;
        let runs = ran?;
        if global.format == Format::Json {
            match runs.as_slice() {
                [single] if request.repeat == 1 => output::json(single),
                many => output::json(&many),
            }
        }
        Ok(exit_of(&runs, cancel.is_cancelled() && !request.hold))
    })
}

async fn all(
    global: &Global,
    request: &Request,
    workshop: &Workshop,
    plan: &Plan,
    cancel: &CancellationToken,
) -> Result<Vec<Run>, Fault> {
    let mut runs = Vec::new();
    for job in &request.jobs {
        for _ in 0..request.repeat {
            runs.push(Box::pin(one(global, request, workshop, plan, job, cancel)).await?);
            if cancel.is_cancelled() {
                return Ok(runs);
            }
        }
    }
    Ok(runs)
}

async fn one(
    global: &Global,
    request: &Request,
    workshop: &Workshop,
    plan: &Plan,
    job: &Job,
    cancel: &CancellationToken,
) -> Result<Run, Fault> {
    let order = Order {
        vars: request.vars.clone(),
        slow: request.slow,
        hold: request.hold,
        canary: request.canaries.then(|| Arc::new(plan.canary.clone())),
        ..job.order(plan, workshop.clock().now())
    };
    let tell = global.format == Format::Human && !global.quiet;
    if tell {
        let title = app::title_of(&job.work, plan.agent.language);
        output::line(&format!("{title} · {} ({})", job.target.name, job.target.entry));
    }
    let narrator = Narrator::new();
    let watch: &dyn Watch = if tell { &narrator } else { &Silent };
    let run = workshop.run(&order, watch, cancel).await?;
    let pictures = run.steps.iter().any(|step| !step.evidence.is_empty());
    if tell
        && pictures
        && let Some(folder) = workshop.evidence_folder()
    {
        output::note(&format!("  pictures, and what else was kept, are in {}", folder.display()));
    }
    if global.quiet && global.format == Format::Human {
        output::line(&format!("{}\t{}\t{}", run.target, run.verdict, output::tame(&run.reason)));
    }
    Ok(run)
}

fn exit_of(runs: &[Run], interrupted: bool) -> Exit {
    if interrupted {
        Exit::Interrupted
    } else if runs.iter().any(|run| matches!(run.verdict, Verdict::Fail | Verdict::Degraded)) {
        Exit::Portal
    } else if runs.iter().any(|run| run.verdict == Verdict::Inconclusive) {
        Exit::OwnFault
    } else {
        Exit::Done
    }
}

fn jobs(global: &Global, args: &RunArgs) -> Result<(Plan, Vec<Job>), Fault> {
    match (&args.probe, &args.scenario, &args.url) {
        (Some(id), _, _) => of_probe(load::plan(global)?, id, args),
        (None, Some(file), Some(url)) => {
            let (plan, target) = args.lone.target(global, url)?;
            with_scenario(plan, file, Arc::new(target), args)
        }
        (None, Some(file), None) => {
            let plan = load::plan(global)?;
            let id = args.target.as_deref().unwrap_or_default();
            let target = plan.target(id).cloned().ok_or_else(|| {
                Fault::unknown("target", id, plan.targets.iter().map(|target| target.id.as_str()))
            })?;
            with_scenario(plan, file, target, args)
        }
        // clap asks for one of the two.
        (None, None, _) => Ok((load::plan(global)?, Vec::new())),
    }
}

fn of_probe(plan: Plan, id: &str, args: &RunArgs) -> Result<(Plan, Vec<Job>), Fault> {
    let known = plan.probes.iter().map(|probe| probe.id.as_str());
    let probe = plan.probe(id).cloned().ok_or_else(|| Fault::unknown("probe", id, known))?;
    let chosen: Vec<Arc<Target>> = match &args.target {
        None => probe.targets.clone(),
        Some(id) => {
            let known = probe.targets.iter().map(|target| target.id.as_str());
            let found = probe.targets.iter().find(|target| target.id.as_str() == id).cloned();
            vec![found.ok_or_else(|| Fault::unknown("target of this probe", id, known))?]
        }
    };
    // The plan was loaded without the command line, so every variable has a value of its own there.
    for (name, _) in &args.vars {
        let scenario = match &probe.work {
            Work::Walk(scenario) => Some(scenario.vars.keys()),
            Work::Visit { .. } | Work::Crawl(_) => None,
        };
        let own = chosen.iter().flat_map(|target| target.vars.keys());
        let known: Vec<&str> = scenario.into_iter().flatten().chain(own).map(String::as_str).collect();
        if !known.contains(&name.as_str()) {
            return Err(Fault::unknown("variable of this probe", name, known.into_iter()));
        }
    }
    let engine = args.browser.map_or(probe.engine, Engine::from);
    let job = |target| Job { probe: probe.id.clone(), work: probe.work.clone(), engine, target };
    Ok((plan, chosen.into_iter().map(job).collect()))
}

fn with_scenario(
    plan: Plan,
    file: &std::path::Path,
    target: Arc<Target>,
    args: &RunArgs,
) -> Result<(Plan, Vec<Job>), Fault> {
    let mut vars = target.vars.clone();
    vars.extend(args.vars.iter().cloned());
    let (root, scenario) = load::scenario(file, &vars)?;
    for (name, _) in &args.vars {
        let mut without = vars.clone();
        without.remove(name);
        let known = scenario.vars.keys().chain(target.vars.keys()).map(String::as_str);
        if !known.clone().any(|known| known == name) && !load::lacks(file, &without) {
            return Err(Fault::unknown("variable of this scenario", name, known));
        }
    }
    let work = Work::Walk(Arc::new(scenario));
    let engine = args.browser.map(Engine::from).unwrap_or_default();
    let job = Job { probe: ProbeId::new("manual"), work, engine, target };
    Ok((Plan { root, ..plan }, vec![job]))
}
