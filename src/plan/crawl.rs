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

/// Reads a link check of the targets that the probe chooses, when those are known.
pub(super) fn read(item: &Item<'_>, chosen: Option<&[&TargetDraft]>) -> Option<CrawlPlan> {
    let fields = item.table("a crawl")?;
    let usual = CrawlPlan::new(200, 1);
    // Everything is read before anything is given up, so that every fault is told.
    let max_pages = number(&fields, "max_pages", 1..=100_000, usual.max_pages);
    let depth = number(&fields, "depth", 0..=20, usual.depth);
    let max_links = number(&fields, "max_links", 1..=1_000_000, usual.max_links);
    let render = fields.get("render").map_or(Some(usual.render), |item| item.choice(&RENDER));
    let external = truth(&fields, "external", usual.external);
    let fragments = truth(&fields, "fragments", usual.fragments);
    let interval = interval(&fields, chosen);
    let concurrency = concurrency(&fields, chosen);
    let daily = number(&fields, "daily", 1..=10_000_000, usual.daily);
    let limit = fields.get("limit").map_or(Some(None), |item| whole(&item, 0..=1_000_000).map(Some));
    let seconds = |low, high| Duration::from_secs(low)..=Duration::from_secs(high);
    let within = duration(&fields, "within", seconds(1, 300), usual.within);
    let time = duration(&fields, "time", seconds(10, 24 * 3600), usual.time);
    fields.finish();
    Some(CrawlPlan {
        max_pages: max_pages?,
        depth: depth?,
        max_links: max_links?,
        render: render?,
        external: external?,
        fragments: fragments?,
        interval: interval?,
        concurrency: concurrency?,
        daily: daily?,
        limit: limit?,
        within: within?,
        time: time?,
    })
}

fn interval(fields: &Fields<'_>, chosen: Option<&[&TargetDraft]>) -> Option<Option<Duration>> {
    let item = fields.get("interval");
    let read = item
        .as_ref()
        .map_or(Some(None), |item| item.duration(Duration::ZERO..=Duration::from_mins(5)).map(Some));
    if let (Some(item), Some(Some(time)), Some(name)) = (&item, read, live(chosen))
        && time < LIVE_INTERVAL
    {
        item.error(
            format!(
                "less than a second between two requests is no manner for a live target, and `{name}` is one"
            ),
            "write interval = \"1s\" or more, or name targets with class = \"test\"".to_owned(),
        );
        return None;
    }
    read
}

fn concurrency(fields: &Fields<'_>, chosen: Option<&[&TargetDraft]>) -> Option<Option<u32>> {
    let item = fields.get("concurrency");
    let read = item.as_ref().map_or(Some(None), |item| whole(item, 1..=64).map(Some));
    if let (Some(item), Some(Some(number)), Some(name)) = (&item, read, live(chosen))
        && number > LIVE_CONCURRENCY
    {
        item.error(
            format!("{number} requests at once are too many for a live target, and `{name}` is one"),
            "write concurrency = 1 or 2, or name targets with class = \"test\"".to_owned(),
        );
        return None;
    }
    read
}

/// The first live target of those that are chosen.
fn live<'t>(chosen: Option<&[&'t TargetDraft]>) -> Option<&'t str> {
    let found = chosen.unwrap_or_default().iter().find(|draft| draft.ground().live);
    found.map(|draft| draft.target.id.as_str())
}

fn whole(item: &Item<'_>, range: RangeInclusive<i64>) -> Option<u32> {
    item.integer(range).and_then(|number| u32::try_from(number).ok())
}

fn number(fields: &Fields<'_>, key: &'static str, range: RangeInclusive<i64>, usual: u32) -> Option<u32> {
    fields.get(key).map_or(Some(usual), |item| whole(&item, range))
}

fn truth(fields: &Fields<'_>, key: &'static str, usual: bool) -> Option<bool> {
    fields.get(key).map_or(Some(usual), |item| item.boolean())
}

fn duration(
    fields: &Fields<'_>,
    key: &'static str,
    range: RangeInclusive<Duration>,
    usual: Duration,
) -> Option<Duration> {
    fields.get(key).map_or(Some(usual), |item| item.duration(range))
}
