//! `shopper observe compare`: how well coders agree, and where they do not.

use std::path::PathBuf;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use crate::app;
use crate::domain::coding::Settling;
use crate::domain::profile::Scale;
use crate::score::agreement::{self, Comparison, Disagreement, Level};
use crate::store::{Access, CodingFilter};

use super::super::Format;
use super::{Desk, Exit, Fault, Global, Which, output, profile};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The scoring profile that says on which scale each indicator is; without it numbers are on an interval scale,
    /// and all else is nominal.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn compare(global: &Global, args: &CompareArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let profile = profile(global, args.profile.as_ref())?;
    let filter = CodingFilter {
        coder: None,
        target: desk.target(args.which.target.clone())?,
        period: desk.period(args.which.period.as_deref())?,
    };
    let store = desk.open(Access::ReadOnly)?;
    let codings = app::block_on(async { store.codings(filter).await.map_err(|source| desk.fault(source)) })?;
    let compared = agreement::compare(profile.as_ref(), &agreement::settle(codings));
    if global.format == Format::Json {
        output::json(&compared);
    } else {
        print(&desk, &compared);
    }
    Ok(Exit::Done)
}

fn print(desk: &Desk, compared: &[Comparison]) {
    if compared.is_empty() {
        output::line("Nothing was coded by two coders yet.");
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "indicator",
        "n",
        "coders",
        "agreement",
        "κ",
        "α nominal",
        "ordinal",
        "interval",
        "scale",
        "α of the scale says",
    ]);
    for one in compared {
        table.add_row([
            one.indicator.to_string(),
            one.units.to_string(),
            output::tame(&one.coders.join(", ")),
            format!("{:.2} %", one.agreement),
            coefficient(one.kappa),
            coefficient(one.alpha.nominal),
            coefficient(one.alpha.ordinal),
            coefficient(one.alpha.interval),
            scale(one.scale).to_owned(),
            level(one.level).to_owned(),
        ]);
    }
    output::line(&table.to_string());
    let open: usize = compared.iter().map(|one| one.disagreements.len()).sum();
    if open == 0 {
        output::line("Coders disagree on nothing.");
        return;
    }
    output::line("Disagreements:");
    for one in compared {
        for disagreement in &one.disagreements {
            let name = desk.name(&disagreement.target);
            output::line(&format!("  {} of {name}: {}", one.indicator, told(disagreement)));
        }
    }
}

/// Who said what, and what settles it.
fn told(one: &Disagreement) -> String {
    let said: Vec<String> = one
        .said
        .iter()
        .map(|it| format!("{} says {}", output::tame(&it.coder), output::tame(&it.value)))
        .collect();
    let value = output::tame(one.value.as_deref().unwrap_or_default());
    let end = match one.how {
        Settling::ThirdCoder => format!("A third coder settled it: {value} counts."),
        Settling::Single | Settling::Agreed => format!("{value} counts."),
        Settling::Disputed if one.said.len() > 2 => {
            "It is open again until one more coder codes it.".to_owned()
        }
        Settling::Disputed => "Nothing counts until a third coder codes it.".to_owned(),
    };
    format!("{}. {end}", said.join(", "))
}

fn coefficient(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

fn scale(scale: Scale) -> &'static str {
    match scale {
        Scale::Nominal => "nominal",
        Scale::Ordinal => "ordinal",
        Scale::Interval => "interval",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Reliable => "reliable",
        Level::Tentative => "tentative (below .800)",
        Level::NotReliable => "not reliable (below .667)",
        Level::Unknown => "nothing: the values do not vary",
    }
}
