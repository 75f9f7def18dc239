//! The site of `tests/linksite` on disk, and what a link checker made of it: `script/bench-links`
//! calls this program.
//!
//! ```text
//! linksite generate FOLDER [--pages N] [--links N] [--seed N] [--port N] [--echo MODULE] [--quick yes]
//! linksite compare FOLDER/planted.json REPORT.json
//! ```
//!
//! `generate` writes the site, `nginx.conf`, `planted.json` and `pages.txt`, the addresses of all
//! pages for checkers that do not crawl; with `--quick`, slow pages are as quick as others. `compare` reads what `shopper crawl --format json` or
//! `lychee --format json` printed, prints what was found as JSON, and as a table for people to the
//! other stream. Exit code 1: ours missed a fault or made one up; 2: something could not be done.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what was compared goes to stdout")]

#[path = "../../tests/linksite/mod.rs"]
mod linksite;

mod compare;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use linksite::nginx::Pace;
use linksite::{Planted, Site, Size};

/// What `planted.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Sheet {
    /// The address to begin with.
    entry: String,
    pages: usize,
    links: usize,
    planted: Vec<Planted>,
    /// Healthy links that look broken.
    tricks: Vec<String>,
    /// Links of which nothing may be said: they do not work for us.
    closed: Vec<String>,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = given.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["generate", folder, options @ ..] => {
            generate(Path::new(folder), options).map(|()| ExitCode::SUCCESS)
        }
        ["compare", planted, report] => compare::compare(Path::new(planted), Path::new(report)),
        _ => Err(
            "linksite generate FOLDER … | linksite compare PLANTED REPORT; the head of its source says more"
                .into(),
        ),
    };
    done.unwrap_or_else(|error| {
        eprintln!("linksite: {error}");
        ExitCode::from(2)
    })
}

fn generate(folder: &Path, options: &[&str]) -> Result<(), Box<dyn Error>> {
    let (mut size, mut seed, mut port) = (Size::FULL, 1, 8089);
    let mut pace = Pace::Throttled;
    for pair in options.chunks(2) {
        match pair {
            ["--pages", number] => size.pages = number.parse()?,
            ["--links", number] => size.links = number.parse()?,
            ["--seed", number] => seed = number.parse()?,
            ["--port", number] => port = number.parse()?,
            ["--echo", module] => pace = Pace::Echo(PathBuf::from(module)),
            ["--quick", "yes"] => pace = Pace::Quick,
            other => return Err(format!("unknown or incomplete option {other:?}").into()),
        }
    }
    let planned = Site::plan(size, seed, port);
    // nginx looks for what is relative in a folder of its own.
    let folder = &std::path::absolute(folder)?;
    planned.write_to(folder, &pace)?;
    let mut pages = String::new();
    for i in 0..size.pages {
        let _ = writeln!(pages, "{}", planned.url(i));
    }
    std::fs::write(folder.join("pages.txt"), pages)?;
    let sheet = Sheet {
        entry: planned.url(0),
        pages: size.pages,
        links: size.links,
        planted: planned.planted,
        tricks: planned.tricks,
        closed: planned.closed,
    };
    std::fs::write(folder.join("planted.json"), serde_json::to_string_pretty(&sheet)?)?;
    eprintln!("{} pages, {} links, {} faults", sheet.pages, sheet.links, sheet.planted.len());
    Ok(())
}
