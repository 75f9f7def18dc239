//! What tests of crawls share: a target, settings, an errand with everything it takes, and eyes that
//! answer from a table.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{MethodRouter, get};
use mystery_shopper::clock::{Clock, Deadline};
use mystery_shopper::crawl::{
    CrawlReport, Eyes, JournalPlace, Looking, Progress, Settings, Sight, Tools, crawl,
};
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::link::DoubtClass;
use mystery_shopper::domain::observation::{Transport, TransportClass};
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::http::Client;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::CrawlPlan;
use mystery_shopper::plan::lexicon::built_in;
use regex::Regex;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::net::client;

pub const LONG: Duration = Duration::from_mins(1);

pub fn target(entry: Url) -> Target {
    Target {
        id: TargetId::new("city"),
        name: "示范市".to_owned(),
        labels: BTreeMap::new(),
        entry,
        class: TargetClass::Test,
        vars: BTreeMap::default(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: true,
        assessed: None,
    }
}

pub fn settings() -> Settings {
    let entry = Url::parse("http://127.0.0.1/").unwrap();
    let plan = CrawlPlan::new(50, 1);
    let settings = Settings::of(&plan, &target(entry), Arc::new(built_in()));
    // Made-up names are asked for in tests of their own.
    Settings { retry_pause: Duration::from_millis(10), soft_404: false, concurrency: 1, ..settings }
}

/// A crawl with everything it takes.
pub struct Errand {
    pub settings: Settings,
    pub target: Target,
    pub client: Client,
    pub eyes: Option<Seer>,
    pub manners: Manners,
    pub journal: Option<PathBuf>,
    pub time: Duration,
    pub cancel: CancellationToken,
}

impl Errand {
    pub fn to(entry: Url) -> Self {
        Self {
            settings: settings(),
            target: target(entry),
            client: client(),
            eyes: None,
            manners: Manners::every(Duration::ZERO, Clock::system()),
            journal: None,
            time: LONG,
            cancel: CancellationToken::new(),
        }
    }

    pub async fn go(&self) -> CrawlReport {
        self.watched(&|_| ()).await
    }

    pub async fn watched(&self, progress: &(dyn Fn(Progress<'_>) + Send + Sync)) -> CrawlReport {
        let tools = Tools {
            client: &self.client,
            eyes: self.eyes.as_ref().map(|eyes| eyes as &dyn Eyes),
            manners: &self.manners,
            cancel: &self.cancel,
            progress,
        };
        let now = "2026-11-28T00:00:00Z".parse().unwrap();
        let journal = self.journal.clone().map(|path| JournalPlace { path, anew: false, now });
        crawl(tools, &self.target, &self.settings, journal, Deadline::after(self.time)).await
    }
}

pub async fn run(entry: Url, settings: &Settings) -> CrawlReport {
    // In a task of its own, as the runner has it: that needs a future that may change threads.
    let errand = Errand { settings: settings.clone(), ..Errand::to(entry) };
    tokio::spawn(async move { errand.go().await }).await.unwrap()
}

pub async fn run_until(
    entry: &Url,
    settings: &Settings,
    deadline: Deadline,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
    cancel: &CancellationToken,
) -> CrawlReport {
    let errand = Errand {
        settings: settings.clone(),
        time: deadline.remaining(),
        cancel: cancel.clone(),
        ..Errand::to(entry.clone())
    };
    errand.watched(progress).await
}

/// How many links nothing is said of, for a reason.
pub fn doubts(report: &CrawlReport, class: DoubtClass) -> usize {
    report.extent.doubts.iter().filter(|doubt| doubt.class == class).count()
}

/// What a report says of an address: the class of its fault, `?` and the class of its doubt, or `fine`.
pub fn said(report: &CrawlReport, url: impl AsRef<str>) -> String {
    let url = url.as_ref();
    if let Some(fault) = report.faults.iter().find(|fault| fault.url == url) {
        return fault.class.name().to_owned();
    }
    let doubt = report.extent.doubts.iter().find(|doubt| doubt.url == url);
    doubt.map_or("fine".to_owned(), |doubt| format!("?{}", doubt.class.name()))
}

pub fn html(page: impl Into<String>) -> MethodRouter {
    let page: String = page.into();
    get(move || async move { Html(page) })
}

pub fn status(code: u16) -> MethodRouter {
    get(move || async move { StatusCode::from_u16(code).unwrap() })
}

/// A page of links to `prefix/n`.
pub fn anchors(prefix: &str, numbers: impl IntoIterator<Item = u16>) -> String {
    let links: Vec<_> = numbers.into_iter().map(|n| format!("<a href={prefix}/{n}>{n}</a>")).collect();
    links.concat()
}

pub fn classes(report: &CrawlReport) -> Vec<(String, &str)> {
    report
        .faults
        .iter()
        .map(|fault| (Url::parse(&fault.url).unwrap().path().to_owned(), fault.class.name()))
        .collect()
}

/// Eyes that know what each path looks like; of others they say that no browser could be had.
#[derive(Default)]
pub struct Seer {
    table: HashMap<String, Sight>,
    looks: Mutex<Vec<String>>,
    pub takes: Duration,
}

impl Seer {
    /// A path at which a browser gets this status and this document.
    pub fn shows(mut self, path: &str, status: u16, html: &str) -> Self {
        let tags = Regex::new("(?s)<(?:script|style).*?</(?:script|style)>|<[^>]*>").unwrap();
        let sight = Sight {
            url: Url::parse("http://unset/").unwrap(),
            status: Some(status),
            transport: None,
            title: String::new(),
            text: tags.replace_all(html, " ").trim().to_owned(),
            html: html.to_owned(),
            challenges: Vec::new(),
            firewall: None,
        };
        self.table.insert(path.to_owned(), sight);
        self
    }

    /// A page that bears a mark.
    pub fn marked(self, path: &str, status: u16, html: &str, mark: &str) -> Self {
        let mut seer = self.shows(path, status, html);
        seer.table.get_mut(path).unwrap().challenges = vec![mark.to_owned()];
        seer
    }

    /// A page that does not come.
    pub fn fails(self, path: &str, class: TransportClass) -> Self {
        let mut seer = self.shows(path, 0, "");
        let sight = seer.table.get_mut(path).unwrap();
        sight.status = None;
        sight.transport = Some(Transport { class, detail: "the browser says so".to_owned() });
        seer
    }

    /// The paths that were looked at.
    pub fn looks(&self) -> Vec<String> {
        self.looks.lock().unwrap().clone()
    }
}

impl Eyes for Seer {
    fn look<'a>(&'a self, url: &'a Url, _: Deadline) -> Looking<'a> {
        Box::pin(async move {
            self.looks.lock().unwrap().push(url.path().to_owned());
            tokio::time::sleep(self.takes).await;
            self.table.get(url.path()).map(|sight| Sight { url: url.clone(), ..sight.clone() })
        })
    }
}
