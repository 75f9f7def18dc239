//! A crawl for people: a table of the links that do not work, and what else there is to say. It reads
//! at 80 columns and without colours.

use std::fmt::Write as _;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use unicode_width::UnicodeWidthStr;

use crate::domain::link::{CrawlExtent, DoubtClass, LinkFault};
use crate::domain::run::Run;

use super::super::output::{seconds, tame};
use super::memory::Changes;
use super::width::{cut, middle, readable, wrap};

/// Columns where no terminal says how many there are.
const WIDTH: usize = 80;

/// The columns of everything but the links: the three other cells, padding and what stands between cells.
const OTHERS: usize = 13 + 8 + 10 + 8 + 3;

/// Rows beyond this are only counted: nobody reads them on a terminal.
const MOST_ROWS: usize = 200;

/// Lines of a link's reason; the longest that there are fit.
const MOST_LINES: usize = 4;

/// Links of one kind of doubt that are named.
const MOST_DOUBTS: usize = 3;

/// How many columns there are.
pub(in crate::cli) fn width() -> usize {
    Table::new().width().map_or(WIDTH, usize::from).clamp(60, 160)
}

/// What the crawl found, without a line break at the end. Without `changes` nothing is known of earlier
/// crawls but what stands in the faults.
pub(in crate::cli) fn render(run: &Run, changes: Option<&Changes>, width: usize) -> String {
    let mut text = String::new();
    if !run.link_faults.is_empty() {
        for line in faults(run, changes, width).lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    if let Some(more) = run.link_faults.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        let _ = writeln!(text, "… and {more} more; --format csv or json has all of them");
    }
    let fixed = changes.map(|changes| changes.fixed.as_slice()).unwrap_or_default();
    if !fixed.is_empty() {
        text.push_str("Fixed since the last crawl:\n");
    }
    for seen in fixed {
        let url = address(&seen.url, width.saturating_sub(34), &origin(run));
        let _ = writeln!(text, "  {:<13}  since {}  {url}", seen.class, day(seen.first_seen_at));
    }
    text.push_str(&counts(run, changes));
    if let Some(extent) = &run.crawl {
        text.push_str(&beyond(run, extent, width, changes.is_some()));
    }
    text.truncate(text.trim_end().len());
    text
}

fn faults(run: &Run, changes: Option<&Changes>, width: usize) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["what", "link", "on pages", "seen"]);
    let room = width.saturating_sub(OTHERS).max(20);
    let origin = origin(run);
    for fault in run.link_faults.iter().take(MOST_ROWS) {
        let pages = if fault.on_home { format!("{}\nhome", fault.pages) } else { fault.pages.to_string() };
        table.add_row([what(fault), link(fault, room, &origin), pages, seen(fault, changes)]);
    }
    table
}

/// The status, when there is one, and the class.
fn what(fault: &LinkFault) -> String {
    match fault.status {
        Some(status) => format!("{status}\n{}", fault.class),
        None => fault.class.to_string(),
    }
}

/// Where it leads, what it says, and where it stands.
fn link(fault: &LinkFault, room: usize, origin: &str) -> String {
    let mut text = address(&fault.url, room, origin);
    let words = tame(&fault.text);
    if !words.is_empty() {
        let _ = write!(text, "\n“{}”", cut(&words, room - 2));
    }
    let place = place(fault);
    let on = address(&fault.page, room.saturating_sub(place.len() + 3), origin);
    let _ = write!(text, "\non {on}{place}");
    let carrier = tame(&format!("{} {}", fault.element, fault.attribute));
    if !carrier.is_empty() {
        let _ = write!(text, "\n{}", cut(&carrier, room));
    }
    // A status says it all.
    if fault.status.is_none_or(|status| status < 400) && !fault.detail.is_empty() {
        for line in wrap(&tame(&fault.detail), room, MOST_LINES) {
            let _ = write!(text, "\n{line}");
        }
    }
    text
}

/// Where the portal's own addresses begin; the line above the table says it.
fn origin(run: &Run) -> String {
    let entry = run.steps.first().and_then(|step| url::Url::parse(&step.facts.url).ok());
    entry.map(|entry| entry.origin().ascii_serialization()).unwrap_or_default()
}

/// An address; of those of the portal that are too long only the path, which tells more than what
/// all of them begin with.
fn address(url: &str, room: usize, origin: &str) -> String {
    let whole = tame(&readable(url));
    if whole.width() > room
        && let Some(path) = whole.strip_prefix(origin).filter(|path| path.starts_with('/'))
    {
        return middle(path, room);
    }
    middle(&whole, room)
}

/// `:12:5`, or nothing for a page that was rendered.
fn place(fault: &LinkFault) -> String {
    if fault.line == 0 { String::new() } else { format!(":{}:{}", fault.line, fault.column) }
}

fn seen(fault: &LinkFault, changes: Option<&Changes>) -> String {
    let (state, first) = match changes {
        Some(changes) => (changes.state(&fault.id), changes.still.get(&fault.id).copied()),
        None => (if fault.first_seen_at.is_some() { "since" } else { "" }, fault.first_seen_at),
    };
    first.map_or_else(|| state.to_owned(), |first| format!("{state}\n{}", day(first)))
}

fn day(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// "12 pages read, 340 links checked. / 5 broken (2 new, 3 still), 1 fixed."
fn counts(run: &Run, changes: Option<&Changes>) -> String {
    let mut text = String::new();
    let pages = run.crawl.as_ref().map_or(0, |extent| extent.pages_read);
    if pages == 0 && run.links_checked.unwrap_or_default() == 0 && run.link_faults.is_empty() {
        return "No page could be read.\n".to_owned();
    }
    if let Some(extent) = run.crawl.as_ref().filter(|extent| extent.pages_read > 0) {
        let _ = write!(text, "{} read, ", number(extent.pages_read.into(), "page"));
    }
    let checked = run.links_checked.unwrap_or_default();
    let _ = write!(text, "{} checked", number(checked.into(), "link"));
    if let Some(known) = run.crawl.as_ref().map(|extent| extent.links_known).filter(|n| *n > checked) {
        let _ = write!(text, " of {known} known");
    }
    let _ = write!(text, ".\n{} broken", run.link_faults.len());
    if let Some(changes) = changes.filter(|_| !run.link_faults.is_empty()) {
        let _ = write!(text, " ({} new, {} still)", changes.new.len(), changes.still.len());
    }
    if let Some(fixed) = changes.map(|changes| changes.fixed.len()).filter(|fixed| *fixed > 0) {
        let _ = write!(text, ", {fixed} fixed");
    }
    text.push_str(".\n");
    text
}

pub(super) fn number(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Whether there are links that it did not get to.
fn left(run: &Run, extent: &CrawlExtent) -> bool {
    let closed = |class| matches!(class, DoubtClass::Robots | DoubtClass::LeftAlone);
    let closed = extent.doubts.iter().filter(|doubt| closed(doubt.class)).count();
    let done = run.links_checked.unwrap_or_default() as usize + closed;
    extent.pages_read > 0 && done < extent.links_known as usize
}

/// What was left open, and what it took; `again` when it was a command that can be given again.
fn beyond(run: &Run, extent: &CrawlExtent, width: usize, again: bool) -> String {
    let mut text = String::new();
    if extent.unobserved > 0 {
        let noun = if extent.unobserved == 1 { "link" } else { "links" };
        let _ = writeln!(text, "Nothing is said of {} {noun}:", extent.unobserved);
    }
    let origin = origin(run);
    for class in DoubtClass::ALL {
        let doubts: Vec<_> = extent.doubts.iter().filter(|doubt| doubt.class == *class).collect();
        let Some(first) = doubts.first() else { continue };
        let why = if first.detail.is_empty() { String::new() } else { format!("  {}", tame(&first.detail)) };
        let head = format!("  {:>5}  {}{why}", doubts.len(), class.name());
        for (number, line) in wrap(&head, width.saturating_sub(9), MOST_LINES).iter().enumerate() {
            let _ = writeln!(text, "{}{line}", if number > 0 { "         " } else { "" });
        }
        for doubt in doubts.iter().take(MOST_DOUBTS) {
            let _ = writeln!(text, "         {}", address(&doubt.url, width.saturating_sub(9), &origin));
        }
        if let Some(more) = doubts.len().checked_sub(MOST_DOUBTS).filter(|more| *more > 0) {
            let _ = writeln!(text, "         … and {more} more");
        }
    }
    let mut took = vec![number(extent.requests, "request")];
    if extent.rendered > 0 {
        took.push(format!("{} rendered", number(extent.rendered.into(), "page")));
    }
    if extent.settled_in_browser > 0 {
        took.push(format!("{} settled in a browser", number(extent.settled_in_browser.into(), "link")));
    }
    took.push(seconds(run.elapsed_ms));
    let _ = writeln!(text, "{}.", took.join(", "));
    if extent.resumed {
        text.push_str("It went on where an earlier crawl had stopped.\n");
    }
    if let Some(why) = &extent.cut_short {
        let _ = writeln!(text, "Cut short: {}", tame(why));
        if again && left(run, extent) {
            text.push_str("The same command goes on from there; with --fresh it begins anew.\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::memory::{Changes, Seen};
    use super::super::tests::sample;
    use super::*;
    use crate::domain::link::{LinkClass, identity};

    fn changes() -> Changes {
        let at = |text: &str| text.parse().unwrap();
        let fixed = Seen {
            id: identity("http://a.cn/fixed"),
            url: "http://a.cn/fixed".to_owned(),
            class: LinkClass::ServerError,
            first_seen_at: at("2026-11-01T00:00:00Z"),
            last_seen_at: at("2026-11-02T00:00:00Z"),
        };
        let first = sample().link_faults[0].id.clone();
        Changes {
            still: [(first, at("2026-11-01T00:00:00Z"))].into(),
            new: sample().link_faults.iter().skip(1).map(|fault| fault.id.clone()).collect(),
            fixed: vec![fixed],
            faults: Vec::new(),
        }
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let text = render(&sample(), Some(&changes()), 80);
        insta::assert_snapshot!(text);
        for line in text.lines() {
            assert!(line.width() <= 80, "{} columns: {line}", line.width());
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn rows_beyond_what_anybody_reads_are_counted() {
        let mut run = sample();
        let fault = run.link_faults[0].clone();
        run.link_faults = vec![fault; MOST_ROWS + 7];
        let text = render(&run, None, 80);
        assert!(text.contains("… and 7 more; --format csv or json has all of them"), "{text}");
    }
}
