//! `shopper visit`: one page by HTTP.

use std::time::Duration;

use clap::Args;

use crate::http::address::{Reach, refuse_url};
use crate::plan::Work;

use super::lone::LoneArgs;
use super::run::{Request, once, parse_time};
use super::{Exit, Fault, Global};

#[derive(Debug, Args)]
pub(super) struct VisitArgs {
    /// The page.
    #[arg(value_name = "URL", value_parser = crate::plan::parse_address)]
    url: url::Url,
    #[command(flatten)]
    lone: LoneArgs,
    /// What has to be in the page for it to count as usable: a text, or css=SELECTOR.
    #[arg(long, value_name = "TEXT", value_parser = crate::plan::parse_marker)]
    marker: Option<String>,
    /// Time for the visit, 1s to 5m.
    #[arg(long, value_name = "TIME", value_parser = parse_within, default_value = "15s")]
    within: Duration,
}

/// The same limits as for `visit` in probes.toml.
fn parse_within(text: &str) -> Result<Duration, String> {
    parse_time(text, Duration::from_secs(1)..=Duration::from_mins(5))
}

pub(super) fn visit(global: &Global, args: VisitArgs) -> Result<Exit, Fault> {
    let (plan, mut target) = args.lone.target(global, &args.url)?;
    // Where a portal sends us is the portal's affair; where we are sent from here is not.
    if let Some(why) = refuse_url(&args.url, Reach::of(target.is_loopback())) {
        return Err(Fault::input(
            format!("`{}` is not visited: {why}", args.url),
            "visit the address of a portal, as a citizen has it",
        ));
    }
    target.marker = args.marker;
    once(global, plan, Request::lone(target, Work::Visit { within: args.within }))
}
