//! `shopper score`: scorecards of a period.
//!
//! Invariant: what was not seen has no number, here as everywhere: a dash, and the reason.

use std::path::PathBuf;

use clap::Args;

use crate::app::{self, ScoreOrder, Scored};
use crate::clock::Clock;
use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::domain::period::Period;
use crate::domain::profile::Profile;
use crate::plan::{Plan, counted, read_period};
use crate::score::ward::Cut;

use super::{Exit, Fault, Format, Global, load, output};

mod table;

/// Exit code 3: nothing was seen in the period.
#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    asked: Asked,
    /// Only this target; may be given several times. Such an assessment is not kept.
    #[arg(long, value_name = "ID")]
    target: Vec<String>,
    /// Do not keep the assessment.
    #[arg(long)]
    no_keep: bool,
}

/// What is to be scored: the options that scores and reports share.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The scoring profile: a file, or the name of one in `profiles/` beside the configuration.
    #[arg(long, global = true, value_name = "PROFILE", default_value = "d3")]
    profile: PathBuf,
    /// The period: 2026, 2026-Q4, 2026-11, 2026-11-05, or two of them with two dots between; days are those of the agent's time zone.
    #[arg(long, global = true, value_name = "PERIOD")]
    period: Option<String>,
    /// An earlier period to compare with.
    #[arg(long, global = true, value_name = "PERIOD")]
    against: Option<String>,
    /// Cluster targets by their numbers (Ward), into so many clusters.
    #[arg(long, global = true, value_name = "NUMBER", conflicts_with = "cut")]
    clusters: Option<u32>,
    /// Cluster targets by their numbers, cut at this height.
    #[arg(long, global = true, value_name = "HEIGHT")]
    cut: Option<f64>,
}

impl Asked {
    /// The profile, the period and the rest, read and checked; warnings are told.
    pub(super) fn read(
        &self,
        global: &Global,
        plan: &Plan,
        now: jiff::Timestamp,
    ) -> Result<(Profile, ScoreOrder), Fault> {
        let order = self.order(plan, now)?;
        let (profile, warnings) = load::profile(&app::profile_file(&global.config, &self.profile))?;
        if !global.quiet {
            let colour = output::colours(&std::io::stderr());
            for warning in &warnings {
                output::note(warning.render(colour).trim_end());
            }
            if order.period.until > now {
                output::note(&format!(
                    "note: the period lasts until {}; this is what was seen so far",
                    order.period.last
                ));
            }
        }
        Ok((profile, order))
    }

    fn order(&self, plan: &Plan, now: jiff::Timestamp) -> Result<ScoreOrder, Fault> {
        let read = |text: &str| {
            read_period(text, &plan.agent.timezone).map_err(|fault| Fault::input(fault.message, fault.hint))
        };
        let hint = "write --period 2026-11, --period 2026-Q4 or --period 2026-10..2026-11";
        let named = self.period.as_deref().ok_or_else(|| Fault::input("no period is named", hint))?;
        let period = read(named)?;
        if period.from > now {
            let hint = "choose one that has begun";
            return Err(Fault::input(format!("the period `{named}` lies in the future"), hint));
        }
        let against = self.against.as_deref().map(read).transpose()?;
        if against.as_ref().is_some_and(|against| overlap(against, &period)) {
            return Err(Fault::input(
                format!("`{named}` and `{}` have days in common", self.against.as_deref().unwrap_or("")),
                "compare with another one, such as --period 2026-11 --against 2025-11",
            ));
        }
        let cut = match (self.clusters, self.cut) {
            (Some(0), _) => {
                return Err(Fault::input("there are no clusters in `--clusters 0`", "write 2 or more"));
            }
            (Some(number), _) => Some(Cut::Number(number)),
            (None, Some(height)) if height.is_finite() && height >= 0.0 => Some(Cut::Height(height)),
            (None, Some(height)) => {
                return Err(Fault::input(format!("`--cut {height}` is no height"), "write 0 or more"));
            }
            (None, None) => None,
        };
        Ok(ScoreOrder { period, against, targets: Vec::new(), cut, keep: true })
    }
}

pub(super) fn score(global: &Global, args: &ScoreArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let now = Clock::system().now();
    if let Some(id) = args.target.iter().find(|id| plan.target(id).is_none()) {
        return Err(Fault::unknown("target", id, plan.targets.iter().map(|target| target.id.as_str())));
    }
    let (profile, order) = args.asked.read(global, &plan, now)?;
    let targets = args.target.iter().map(|id| TargetId::new(id.as_str())).collect();
    let order = ScoreOrder { targets, keep: !args.no_keep, ..order };
    let scored = app::block_on(app::score(&plan, &profile, &order, now))?;
    if !global.quiet {
        unfinished(&scored);
    }
    if global.format == Format::Json {
        output::json(&scored);
    } else {
        print(&profile, &scored, plan.agent.language);
    }
    Ok(told(&scored))
}

/// Says so when runs of an older version are not fully in these scores yet.
pub(super) fn unfinished(scored: &Scored) {
    if scored.catching_up > 0 {
        output::note(&format!(
            "note: what {} of an older version saw is not in these scores yet, so some indicators may look unobserved; let `shopper daemon` run until it has caught up, then score again",
            counted(usize::try_from(scored.catching_up).unwrap_or(usize::MAX), "run")
        ));
    }
}

/// The exit code of scores; says so when there are none.
pub(super) fn told(scored: &Scored) -> Exit {
    if !scored.is_blank() {
        return Exit::Done;
    }
    output::note(&format!(
        "Nothing was seen of {} from {} to {}, so nothing is scored. `shopper status` says what ran; choose another --period.",
        counted(scored.assessment.cards.len(), "target"),
        scored.assessment.period.first,
        scored.assessment.period.last,
    ));
    Exit::OwnFault
}

fn overlap(one: &Period, other: &Period) -> bool {
    one.first <= other.last && other.first <= one.last
}

/// The table of scorecards, and the lines beneath it.
pub(super) fn print(profile: &Profile, scored: &Scored, language: Language) {
    let assessment = &scored.assessment;
    output::line(&format!(
        "{}, {} – {}",
        output::tame(profile.title.pick(language)),
        assessment.period.first,
        assessment.period.last
    ));
    output::line(&table::cards(profile, assessment, language).to_string());
    for line in table::beneath(profile, scored, language) {
        output::line(&line);
    }
}
