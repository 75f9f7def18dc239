//! `shopper observe list`: what was written down, in that order.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use crate::app;
use crate::domain::coding::Coding;
use crate::store::{Access, CodingFilter};

use super::super::Format;
use super::{Desk, Exit, Fault, Global, Which, output};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Of this coder.
    #[arg(long, value_name = "NAME")]
    coder: Option<String>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn list(global: &Global, args: ListArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let filter = CodingFilter {
        coder: args.coder,
        target: desk.target(args.which.target)?,
        period: desk.period(args.which.period.as_deref())?,
    };
    let store = desk.open(Access::ReadOnly)?;
    let codings = app::block_on(async { store.codings(filter).await.map_err(|source| desk.fault(source)) })?;
    if global.format == Format::Json {
        output::json(&codings);
    } else {
        print(&desk, &codings);
    }
    Ok(Exit::Done)
}

fn print(desk: &Desk, codings: &[Coding]) {
    if codings.is_empty() {
        output::line("Nobody has written anything down.");
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["coder", "indicator", "target", "value", "seen", "source", "note"]);
    for one in codings {
        let source = match one.year {
            Some(year) => format!("{} ({year})", output::tame(&one.source)),
            None => String::new(),
        };
        let proven = if one.evidence.is_some() { " [with a file]" } else { "" };
        table.add_row([
            output::tame(&one.coder),
            one.indicator.to_string(),
            desk.name(&one.target),
            output::tame(&one.value),
            output::instant(one.at, &desk.zone),
            source,
            format!("{}{proven}", output::tame(&one.note)).trim_start().to_owned(),
        ]);
    }
    output::line(&table.to_string());
}
