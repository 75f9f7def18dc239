//! `crawl = { … }`: how far a link check goes, and its manners.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::model::{CrawlPlan, Render};
use super::table::{Fields, Item};
use super::targets::TargetDraft;

/// A live portal is not asked more often than this.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// Nor with more requests at once.
const LIVE_CONCURRENCY: u32 = 2;

/// When pages are rendered, by name.
const RENDER: [(&str, Render); 3] =
    [("auto", Render::Auto), ("never", Render::Never), ("always", Render::Always)];

/// Reads a link check of the targets that the probe chooses, when those are known. A wrong value is
/// a fault and then as good as absent: no plan comes of it.
pub(super) fn read(item: &Item<'_>, chosen: Option<&[&TargetDraft]>) -> Option<CrawlPlan> {
    let fields = item.table("a crawl")?;
    let usual = CrawlPlan::new(200, 1);
    let seconds = |low, high| Duration::from_secs(low)..=Duration::from_secs(high);
    let duration =
        |key, range: RangeInclusive<Duration>| fields.get(key).and_then(|item| item.duration(range));
    let truth = |key| fields.get(key).and_then(|item| item.boolean());
    let plan = CrawlPlan {
        max_pages: number(&fields, "max_pages", 1..=100_000).unwrap_or(usual.max_pages),
        depth: number(&fields, "depth", 0..=20).unwrap_or(usual.depth),
        max_links: number(&fields, "max_links", 1..=1_000_000).unwrap_or(usual.max_links),
        render: fields.get("render").and_then(|item| item.choice(&RENDER)).unwrap_or(usual.render),
        external: truth("external").unwrap_or(usual.external),
        fragments: truth("fragments").unwrap_or(usual.fragments),
        interval: duration("interval", seconds(0, 300)),
        concurrency: number(&fields, "concurrency", 1..=64),
        daily: number(&fields, "daily", 1..=10_000_000).unwrap_or(usual.daily),
        limit: number(&fields, "limit", 0..=1_000_000),
        within: duration("within", seconds(1, 300)).unwrap_or(usual.within),
        time: duration("time", seconds(10, 24 * 3600)).unwrap_or(usual.time),
    };
    if let Some(name) = live(chosen) {
        mannerly(&fields, &plan, name);
    }
    fields.finish();
    Some(plan)
}

/// Says what is no manner towards the live target of this name.
fn mannerly(fields: &Fields<'_>, plan: &CrawlPlan, name: &str) {
    if let Some(item) = fields.get("interval")
        && plan.interval.is_some_and(|time| time < LIVE_INTERVAL)
    {
        item.error(
            format!(
                "less than a second between two requests is no manner for a live target, and `{name}` is one"
            ),
            "write interval = \"1s\" or more, or name targets with class = \"test\"".to_owned(),
        );
    }
    if let Some(item) = fields.get("concurrency")
        && let Some(number) = plan.concurrency.filter(|number| *number > LIVE_CONCURRENCY)
    {
        item.error(
            format!("{number} requests at once are too many for a live target, and `{name}` is one"),
            "write concurrency = 1 or 2, or name targets with class = \"test\"".to_owned(),
        );
    }
}

/// The first live target of those that are chosen.
fn live<'t>(chosen: Option<&[&'t TargetDraft]>) -> Option<&'t str> {
    let found = chosen.unwrap_or_default().iter().find(|draft| draft.ground().live);
    found.map(|draft| draft.target.id.as_str())
}

fn number(fields: &Fields<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<u32> {
    fields.get(key).and_then(|item| item.integer(range)).and_then(|number| u32::try_from(number).ok())
}
