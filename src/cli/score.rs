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

use super::{Exit, Fault, Format, Global, load, output};

mod table;

/// Exit code 3: nothing was seen in the period.
#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    /// The scoring profile: a file, or the name of one in `profiles/` beside the configuration, such as d3.
    #[arg(long, value_name = "PROFILE")]
    profile: PathBuf,
    /// The period: 2026, 2026-Q4, 2026-11, 2026-11-05, or two of them with two dots between; days are those of the agent's time zone.
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// An earlier period to compare with.
    #[arg(long, value_name = "PERIOD")]
    against: Option<String>,
    /// Only this target; may be given several times. Such an assessment is not kept.
    #[arg(long, value_name = "ID")]
    target: Vec<String>,
    /// Do not keep the assessment.
    #[arg(long)]
    no_keep: bool,
}

pub(super) fn score(global: &Global, args: &ScoreArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let now = Clock::system().now();
    let order = ordered(args, &plan, now)?;
    let (profile, warnings) = app::profile(&global.config, &args.profile)?;
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
    let scored = app::block_on(app::score(&plan, &profile, &order, now))?;
    if global.format == Format::Json {
        output::json(&scored);
    } else {
        print(&profile, &scored, plan.agent.language);
    }
    if !scored.is_blank() {
        return Ok(Exit::Done);
    }
    output::note(&format!(
        "Nothing was seen of {} from {} to {}, so nothing is scored. `shopper status` says what ran; choose another --period.",
        counted(scored.assessment.cards.len(), "target"),
        order.period.first,
        order.period.last,
    ));
    Ok(Exit::OwnFault)
}

fn ordered(args: &ScoreArgs, plan: &Plan, now: jiff::Timestamp) -> Result<ScoreOrder, Fault> {
    let read = |text: &str| {
        read_period(text, &plan.agent.timezone).map_err(|fault| Fault::input(fault.message, fault.hint))
    };
    let period = read(&args.period)?;
    if period.from > now {
        let hint = "choose one that has begun";
        return Err(Fault::input(format!("the period `{}` lies in the future", args.period), hint));
    }
    let against = args.against.as_deref().map(read).transpose()?;
    if against.as_ref().is_some_and(|against| overlap(against, &period)) {
        return Err(Fault::input(
            format!("`{}` and `{}` have days in common", args.period, args.against.as_deref().unwrap_or("")),
            "compare with another one, such as --period 2026-11 --against 2025-11",
        ));
    }
    if let Some(id) = args.target.iter().find(|id| plan.target(id).is_none()) {
        return Err(Fault::unknown("target", id, plan.targets.iter().map(|target| target.id.as_str())));
    }
    Ok(ScoreOrder {
        period,
        against,
        targets: args.target.iter().map(|id| TargetId::new(id.as_str())).collect(),
        keep: !args.no_keep,
    })
}

fn overlap(one: &Period, other: &Period) -> bool {
    one.first <= other.last && other.first <= one.last
}

fn print(profile: &Profile, scored: &Scored, language: Language) {
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
