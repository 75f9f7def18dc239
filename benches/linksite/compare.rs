//! A report against the list of what was planted.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Sheet;

/// A fault that a checker reported.
struct Reported {
    url: String,
    /// What ours says besides; others have words of their own.
    ours: Option<Ours>,
}

struct Ours {
    class: String,
    pages: u64,
    on_home: bool,
}

/// Compares and prints.
pub fn compare(planted: &Path, report: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let sheet: Sheet = serde_json::from_slice(&std::fs::read(planted)?)?;
    let report: Value = serde_json::from_slice(&std::fs::read(report)?)?;
    let (tool, reported) = read(&report)?;
    let by_url: BTreeMap<String, _> = sheet.planted.iter().map(|fault| (same(&fault.url), fault)).collect();
    let closed: BTreeSet<String> = sheet.closed.iter().map(|url| same(url)).collect();
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    let (mut made_up, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
    for one in reported {
        let url = same(&one.url);
        let Some(fault) = by_url.get(&url) else {
            let list = if closed.contains(&url) { &mut doubtful } else { &mut made_up };
            list.insert(url);
            continue;
        };
        if let Some(ours) = one.ours {
            let pages = u64::from(fault.pages);
            if (ours.class.as_str(), ours.pages, ours.on_home) != (&fault.class, pages, fault.on_home) {
                let said = format!("{} on {} pages, home {}", ours.class, ours.pages, ours.on_home);
                let is = format!("{} on {pages} pages, home {}", fault.class, fault.on_home);
                wrong.push(json!({ "url": url, "kind": fault.kind, "said": said, "is": is }));
            }
        }
        found.insert(url);
    }
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut missed = Vec::new();
    for (url, fault) in &by_url {
        let (all, seen) = kinds.entry(&fault.kind).or_default();
        *all += 1;
        if found.contains(url) {
            *seen += 1;
        } else {
            missed.push(json!({ "url": url, "kind": fault.kind, "page": fault.page }));
        }
    }
    for (kind, (all, seen)) in kinds.iter().filter(|(_, (all, seen))| all != seen) {
        eprintln!("missed {:>3} of {all:>3}  {kind}", all - seen);
    }
    for (what, list) in [("made up", &made_up), ("doubtful", &doubtful)] {
        for url in list {
            eprintln!("{what}: {url}");
        }
    }
    for one in &wrong {
        eprintln!("wrong: {one}");
    }
    eprintln!(
        "{tool}: {} of {} found, {} made up, {} of {} doubtful ones reported, {} described wrongly",
        found.len(),
        by_url.len(),
        made_up.len(),
        doubtful.len(),
        closed.len(),
        wrong.len()
    );
    let right = missed.is_empty() && made_up.is_empty() && doubtful.is_empty() && wrong.is_empty();
    let kinds: BTreeMap<_, _> =
        kinds.iter().map(|(kind, (all, seen))| (kind, json!({ "planted": all, "found": seen }))).collect();
    println!(
        "{}",
        json!({
            "tool": tool, "planted": by_url.len(), "found": found.len(), "missed": missed, "made_up": made_up,
            "doubtful": doubtful, "wrong": wrong, "kinds": kinds,
        })
    );
    Ok(if right || tool != "shopper" { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The faults of a report, and whose it is.
fn read(report: &Value) -> Result<(&'static str, Vec<Reported>), Box<dyn Error>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if report.get("error_map").is_some() {
        let lists = ["error_map", "timeout_map"].into_iter().filter_map(|map| report.get(map)?.as_object());
        let faults = lists.flat_map(|map| map.values()).filter_map(Value::as_array).flatten();
        return Ok(("lychee", faults.map(|fault| Reported { url: theirs(fault), ours: None }).collect()));
    }
    // A list of runs has one run, and a run without faults has no such list.
    let run = report.get(0).unwrap_or(report);
    if run.get("links_checked").is_none() {
        return Err("this is a report neither of shopper nor of lychee".into());
    }
    let faults = run.get("link_faults").and_then(Value::as_array).into_iter().flatten();
    let faults = faults.map(|fault| {
        let ours = Ours {
            class: text(&fault["class"]),
            pages: fault["pages"].as_u64().unwrap_or(0),
            on_home: fault["on_home"] == true,
        };
        Reported { url: text(&fault["url"]), ours: Some(ours) }
    });
    Ok(("shopper", faults.collect()))
}

/// The address of a fault of lychee's. One that cannot be read stands only in its message.
fn theirs(fault: &Value) -> String {
    let url = fault["url"].as_str().unwrap_or_default();
    let message = fault["status"]["text"].as_str().unwrap_or_default();
    let written = message.strip_prefix("Error building URL for \"").and_then(|rest| rest.split_once("\" ("));
    written.filter(|_| url == "error:").map_or(url, |(written, _)| written).to_owned()
}

/// An address in one way of writing; what is no address stays as it is.
fn same(url: &str) -> String {
    url::Url::parse(url.trim()).map_or_else(|_| url.trim().to_owned(), String::from)
}
