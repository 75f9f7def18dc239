//! `shopper crawl`: the links of a page and of the pages below it.

use clap::Args;

use crate::plan::{CrawlPlan, Work};

use super::lone::LoneArgs;
use super::run::{Request, once};
use super::{Exit, Fault, Global};

#[derive(Debug, Args)]
pub(super) struct CrawlArgs {
    /// The page to begin with.
    #[arg(value_name = "URL", value_parser = crate::plan::parse_address)]
    url: url::Url,
    #[command(flatten)]
    lone: LoneArgs,
    /// How many pages are read at most.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_pages: u32,
    /// How many levels below the first page are read.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(..=20))]
    depth: u32,
}

pub(super) fn crawl(global: &Global, args: &CrawlArgs) -> Result<Exit, Fault> {
    let (plan, target) = args.lone.target(global, &args.url)?;
    let work = Work::Crawl(CrawlPlan::new(args.max_pages, args.depth));
    once(global, plan, Request::lone(target, work))
}
