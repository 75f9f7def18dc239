//! The story: healthy → fault → confirmed → mail → mended → mail → scores and a report. Then the demo goes on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::app::{self, AppError, Service, ServiceOptions};
use crate::clock::{Clock, Deadline};
use crate::demo::sink::{Behaviour, Received, Sink, summary};
use crate::demo::{City, Fault as DemoFault, Portal, PortalState};
use crate::domain::run::Run;
use crate::domain::target::Target;
use crate::domain::verdict::Verdict;
use crate::plan::cron::Schedule;
use crate::plan::{MailPlan, Plan, Probe, Route, RouteFilter, SmtpSecurity, SmtpServer, Work};

use super::super::{Exit, Fault, output};
use super::{assessment, bundle, table};

/// How long an act may take before the story says that something is wrong.
const ACT: Duration = Duration::from_mins(4);

/// The fault of the story: the third page of the form is gone.
const BREAKS: DemoFault = DemoFault::StepBroken;

/// Plays the story; without `once` it goes on until Ctrl-C.
pub(super) async fn play(
    listen: SocketAddr,
    folder: PathBuf,
    once: bool,
    quiet: bool,
) -> Result<Exit, Fault> {
    let folder = std::path::absolute(&folder).map_err(|source| AppError::Folder { path: folder, source })?;
    let cancel = app::interrupted();
    let portal = bind(listen).await?;
    let mails = folder.join("mails");
    let (sink, inbox) = Sink::start(&mails, Behaviour::default())
        .await
        .map_err(|source| AppError::Folder { path: mails.clone(), source })?;
    let mut plan = app::load(&bundle::write(&folder)?)?.plan;
    rehearse(&mut plan, &portal, sink.address(), &folder)?;
    let plan = Arc::new(plan);

    if !quiet {
        let minutes = if once { "It takes three minutes" } else { "The story takes three minutes" };
        output::line(
            "A city portal, the service that watches it, and a mailbox: all on this machine, nothing leaves it.",
        );
        output::line(&format!(
            "{minutes}: the portal is walked, broken, reported by mail, mended, reported again, and assessed."
        ));
    }
    output::line(&format!("The portal of three cities is at {}", portal.url(City::ALL[0])));
    output::line(&format!("Results and mails are kept in {}", folder.display()));
    let began = Clock::system().now();
    let service = Service::start(
        Arc::clone(&plan),
        ServiceOptions { confirm_pause: Duration::from_secs(1), ..ServiceOptions::default() },
    )
    .await?;
    let mut stage = Stage {
        plan,
        runs: service.runs(),
        inbox,
        latest: table::Latest::new(),
        watched: BTreeSet::new(),
        quiet,
        cancel: cancel.clone(),
    };
    let mut played = stage.play(&portal).await;
    if matches!(played, Ok(Exit::Done)) {
        stage.say(assessment::INTRODUCED);
        played = assessment::close(&stage.plan, &folder, began).await;
    }
    if matches!(played, Ok(Exit::Done)) && !once {
        goes_on(&mut stage, &portal).await;
    }
    service.stop().await;
    portal.stop().await;
    drop(sink);
    match played {
        Ok(Exit::Done) if cancel.is_cancelled() && once => Ok(Exit::Interrupted),
        other => other,
    }
}

/// Binds the portal; another free port when the wanted one is in use.
pub(super) async fn bind(listen: SocketAddr) -> Result<Portal, Fault> {
    if let Ok(portal) = Portal::bind(listen, PortalState::new(Clock::system())).await {
        return Ok(portal);
    }
    let any = SocketAddr::new(listen.ip(), 0);
    Portal::bind(any, PortalState::new(Clock::system()))
        .await
        .map_err(|error| AppError::Other(output::with_causes(&error)).into())
}

/// What is on the stage.
struct Stage {
    plan: Arc<Plan>,
    runs: broadcast::Receiver<Arc<Run>>,
    inbox: mpsc::UnboundedReceiver<Received>,
    latest: table::Latest,
    /// Probes on targets that failed in the story: every run of theirs is told.
    watched: BTreeSet<table::Pair>,
    quiet: bool,
    cancel: CancellationToken,
}

impl Stage {
    async fn play(&mut self, portal: &Portal) -> Result<Exit, Fault> {
        let city = City::ALL[0];
        self.say("\n1. Nothing is broken yet. Every probe looks at every city once.");
        self.say("   pass: works. degraded: nothing is down, but a citizen cannot finish online.");
        self.say("   inconclusive: we could not see it, so the portal is not blamed.\n");
        let wanted: usize = self.plan.probes.iter().map(|probe| probe.targets.len()).sum();
        if !self.until(|stage| stage.latest.len() >= wanted).await {
            return Ok(self.broken_off("not every probe ran"));
        }
        output::line(&format!("\n{}", table::render(&self.plan, &self.latest)));

        self.say(&format!("\n2. {}: {} ({}).", city.portal(), BREAKS.effect(), BREAKS.name()));
        self.say("   One failed walk is no outage yet: a second, independent one has to confirm it.");
        self.say("   Results that stay as they were are not shown again.\n");
        portal.state().set_fault(city, BREAKS, true);
        if !self.mail_about(city).await {
            return Ok(self.broken_off("no mail about the outage came"));
        }

        self.say(&format!("\n3. {} is mended. Two good walks in a row close the outage.\n", city.portal()));
        portal.state().set_fault(city, BREAKS, false);
        if !self.mail_about(city).await {
            return Ok(self.broken_off("no mail about the recovery came"));
        }
        self.say("\n4. How the cities stand at the end:");
        output::line(&format!("\n{}", table::render(&self.plan, &self.latest)));
        Ok(Exit::Done)
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            output::line(text);
        }
    }

    fn broken_off(&self, why: &str) -> Exit {
        if self.cancel.is_cancelled() {
            return Exit::Interrupted;
        }
        output::note(&format!(
            "error: the story broke off: {why} in {} minutes; look at the log above",
            ACT.as_secs() / 60
        ));
        Exit::OwnFault
    }

    /// Listens to runs until something holds; `false` when it took too long or was interrupted.
    async fn until(&mut self, holds: impl Fn(&Self) -> bool) -> bool {
        let end = Deadline::after(ACT);
        while !holds(self) {
            tokio::select! {
                run = self.runs.recv() => self.note(run),
                () = tokio::time::sleep_until(end.instant()) => return false,
                () = self.cancel.cancelled() => return false,
            }
        }
        true
    }

    /// Shows mails until one about this city came.
    async fn mail_about(&mut self, city: City) -> bool {
        while let Some(mail) = self.mail().await {
            show(&mail);
            if summary(&mail.raw)
                .lines()
                .any(|line| line.starts_with("Subject:") && line.contains(city.portal()))
            {
                return true;
            }
        }
        false
    }

    /// The next mail.
    async fn mail(&mut self) -> Option<Received> {
        let end = Deadline::after(ACT);
        loop {
            tokio::select! {
                mail = self.inbox.recv() => return mail,
                run = self.runs.recv() => self.note(run),
                () = tokio::time::sleep_until(end.instant()) => return None,
                () = self.cancel.cancelled() => return None,
            }
        }
    }

    fn note(&mut self, run: Result<Arc<Run>, broadcast::error::RecvError>) {
        let Ok(run) = run else { return };
        let pair = (run.probe.clone(), run.target.clone());
        if run.verdict == Verdict::Fail {
            self.watched.insert(pair.clone());
        }
        if self.watched.contains(&pair) || self.latest.get(&pair).is_none_or(|last| differ(last, &run)) {
            self.tell(&run);
        }
        self.latest.insert(pair, run);
    }

    /// One line about a run, and one about where it ended.
    fn tell(&self, run: &Run) {
        let probe = self.plan.probe(run.probe.as_str());
        let title =
            probe.map_or_else(String::new, |probe| app::title_of(&probe.work, self.plan.agent.language));
        let target = self.plan.target(run.target.as_str()).map_or("", |target| target.name.as_str());
        self.say(&format!(
            "   {:<12} {target} · {title} · {}",
            run.verdict.name(),
            output::seconds(run.elapsed_ms),
        ));
        if !run.link_faults.is_empty() {
            let checked = run.links_checked.unwrap_or_default();
            self.say(&format!("                {} of {checked} links do not work", run.link_faults.len()));
        } else if let Some(step) = run.ending() {
            self.say(&format!("                ends at “{}”: {}", output::tame(&step.name), step.outcome));
        }
    }
}

/// Whether a run has something new to tell: another verdict, or another ending.
fn differ(last: &Run, run: &Run) -> bool {
    let ending = |run: &Run| run.ending().map(|step| (step.name.clone(), step.outcome));
    last.verdict != run.verdict || ending(last) != ending(run)
}

fn show(mail: &Received) {
    output::line(&format!("\n   ┌─ mail, kept as {}", mail.path.display()));
    for line in summary(&mail.raw).lines() {
        output::line(&format!("   │ {line}"));
    }
    output::line("   └─");
}

async fn goes_on(stage: &mut Stage, portal: &Portal) {
    let at = portal.addr();
    output::line("\nThe demo goes on until Ctrl-C. In another terminal, break something:");
    output::line(&format!("   shopper demo fault home-down on --city demo-city --portal {at}"));
    output::line(&format!("   shopper demo fault list --portal {at}"));
    loop {
        tokio::select! {
            mail = stage.inbox.recv() => match mail {
                Some(mail) => show(&mail),
                None => return,
            },
            run = stage.runs.recv() => stage.note(run),
            () = stage.cancel.cancelled() => return,
        }
    }
}

/// Makes the bundled plan fit the stage: the portal's real address, the local mail sink, and a
/// schedule that one does not have to wait for.
fn rehearse(plan: &mut Plan, portal: &Portal, sink: SocketAddr, folder: &Path) -> Result<(), Fault> {
    plan.agent.data_dir = folder.join("data");
    for target in &mut plan.targets {
        *target = Arc::new(moved(target, portal.addr()));
    }
    let targets = plan.targets.clone();
    for probe in &mut plan.probes {
        let every = match probe.work {
            Work::Visit { .. } => "*/10 * * * * *",
            Work::Walk(_) => "*/15 * * * * *",
            Work::Crawl(_) => "0 * * * * *",
        };
        let (schedule, _) = Schedule::parse(every, &plan.agent.timezone).map_err(|fault| {
            AppError::Other(format!("the demo's schedule does not parse: {}", fault.message))
        })?;
        let here = |target: &Arc<Target>| targets.iter().find(|moved| moved.id == target.id).cloned();
        *probe = Arc::new(Probe {
            targets: probe.targets.iter().filter_map(here).collect(),
            schedule,
            jitter: Duration::ZERO,
            ..probe.as_ref().clone()
        });
    }
    plan.mail = Some(MailPlan {
        smtp: SmtpServer {
            security: SmtpSecurity::Plain,
            host: sink.ip().to_string(),
            port: sink.port(),
            user: None,
        },
        password: None,
        from: "Mystery shopper <alerts@demo.example>".to_owned(),
        digests: Vec::new(),
        heartbeat: None,
        stuck_after: MailPlan::STUCK_AFTER,
    });
    plan.routes = vec![Route {
        to: vec!["oncall@demo.example".into()],
        when: RouteFilter::default(),
        after: Duration::ZERO,
        quiet: None,
    }];
    Ok(())
}

/// The target at the portal's real address.
fn moved(target: &Target, address: SocketAddr) -> Target {
    let mut target = target.clone();
    // Both always succeed for an http URL with a host.
    let _ = target.entry.set_ip_host(address.ip());
    let _ = target.entry.set_port(Some(address.port()));
    target
}
