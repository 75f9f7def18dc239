//! How long a crawl of very many known links takes to go on where it was stopped.
//!
//! A small server names so many addresses that no crawl gets through them: the first crawl is stopped
//! when it knows enough of them, the second when it is told to go on, and both leave their journal.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path as Parts;
use axum::response::Html;
use axum::routing::get;
use jiff::Timestamp;
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::crawl::{CrawlReport, JournalPlace, Progress, Settings, Tools, crawl};
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::http::address::Reach;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::http::{self, Client};
use mystery_shopper::plan::CrawlPlan;
use mystery_shopper::plan::lexicon::built_in;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Links of one page.
const A_PAGE: u32 = 400;

/// Prints as JSON how many links were known, how long the journal took to read, and how long it
/// took until the crawl was at work again.
pub fn resume(folder: &Path, links: u32) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(folder, links))
}

async fn measure(folder: &Path, links: u32) -> Result<(), Box<dyn Error>> {
    let pages = links.div_ceil(A_PAGE);
    let home: Vec<String> = (0..pages).map(|n| format!("<a href=/list/{n}.html>列表{n}</a>")).collect();
    let home = home.join("\n");
    let list = |Parts(name): Parts<String>| async move {
        let n: u32 = name.trim_end_matches(".html").parse().unwrap_or(0);
        let items = (0..A_PAGE).map(|i| {
            format!(
                "<li><a href=\"/zwgk/2026/{n}/t{n}_{i}.html\">关于做好第{i}批药品经营许可工作的通知</a></li>"
            )
        });
        Html(items.collect::<Vec<String>>().join("\n"))
    };
    let router =
        Router::new().route("/", get(move || async move { Html(home) })).route("/list/{n}", get(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let entry = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let path = folder.join("resume.journal");
    let _ = std::fs::remove_file(&path);

    let (first, _) = once(&entry, &path, links, |now| now.links_found >= links).await?;
    let size = std::fs::metadata(&path)?.len();
    let (second, at_work) = once(&entry, &path, links, |now| now.links_found > 0).await?;
    server.abort();
    let (known, loaded) = (second.extent.links_known, second.extent.loaded_ms);
    let _ = std::fs::remove_file(&path);
    if !second.extent.resumed || known < first.extent.links_known {
        return Err(format!("{known} of {} links came back", first.extent.links_known).into());
    }
    println!(
        "{}",
        serde_json::json!({ "links": known, "loaded_ms": loaded, "at_work_ms": at_work, "journal_bytes": size })
    );
    Ok(())
}

/// One crawl, stopped as soon as `enough`; how long that took.
async fn once(
    entry: &Url,
    path: &Path,
    links: u32,
    enough: impl Fn(Progress<'_>) -> bool + Send + Sync,
) -> Result<(CrawlReport, u64), Box<dyn Error>> {
    let target = Target {
        id: TargetId::new("city"),
        name: "city".to_owned(),
        labels: std::collections::BTreeMap::new(),
        entry: entry.clone(),
        class: TargetClass::Test,
        vars: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        assessed: None,
        soft_404: false,
    };
    let plan = CrawlPlan {
        max_links: links * 2,
        daily: u32::MAX,
        concurrency: Some(16),
        ..CrawlPlan::new(1_000_000, 3)
    };
    let settings = Settings::of(&plan, &target, Arc::new(built_in()));
    let clock = Clock::system();
    let client = Client::new(&http::Settings::new("bench", Reach::Local), clock.clone())?;
    let manners = Manners::every(Duration::ZERO, clock.clone());
    let cancel = CancellationToken::new();
    let watch = Stopwatch::start();
    let stopped = std::sync::OnceLock::new();
    let progress = |now: Progress<'_>| {
        if enough(now) {
            stopped.get_or_init(|| watch.elapsed_ms());
            cancel.cancel();
        }
    };
    let tools =
        Tools { client: &client, eyes: None, manners: &manners, cancel: &cancel, progress: &progress };
    let now: Timestamp = clock.now();
    let journal = JournalPlace { path: path.to_owned(), anew: false, now };
    let report =
        crawl(tools, &target, &settings, Some(journal), Deadline::after(Duration::from_mins(5))).await;
    Ok((report, stopped.get().copied().unwrap_or_else(|| watch.elapsed_ms())))
}
