//! What every test brings along: a server on a port of its own, a pool, short words for steps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{Html, IntoResponse, Response};
use mystery_shopper::browser::{Done, Guard, Journey, JourneyOptions, Pool, Settings, StepError};
use mystery_shopper::clock::Deadline;
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::locator::{Chain, Link, Locator, MatchOp, TextMatch};
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::scenario::{Action, Channel, Check, SourcePos, Verb};
use mystery_shopper::domain::template::Template;

/// A request that reached the server.
#[derive(Debug, Clone)]
pub struct Hit {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    /// Where it came from: each connection has a port of its own.
    pub from: SocketAddr,
}

type Answer = Arc<dyn Fn(&Hit) -> Option<Response> + Send + Sync>;

#[derive(Clone)]
struct Portal {
    hits: Arc<Mutex<Vec<Hit>>>,
    answer: Answer,
}

/// A server, a pool and its folder.
pub struct World {
    pub base: String,
    hits: Arc<Mutex<Vec<Hit>>>,
    pub pool: Pool,
    pub temp: tempfile::TempDir,
}

async fn answer(
    State(portal): State<Portal>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let hit = Hit {
        method: method.to_string(),
        path: uri.path().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        from,
    };
    portal.hits.lock().unwrap().push(hit.clone());
    (portal.answer)(&hit)
        .unwrap_or_else(|| (axum::http::StatusCode::NOT_FOUND, "nothing here").into_response())
}

/// Serves `answer` on a free port of loopback.
pub async fn serve(
    answer_with: impl Fn(&Hit) -> Option<Response> + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Hit>>>) {
    let hits = Arc::new(Mutex::new(Vec::new()));
    let portal = Portal { hits: Arc::clone(&hits), answer: Arc::new(answer_with) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer).with_state(portal);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    (base, hits)
}

pub fn settings(temp: &std::path::Path, sessions: usize) -> Settings {
    Settings {
        sessions,
        remote: Vec::new(),
        chromium: None,
        chromedriver: None,
        firefox: None,
        geckodriver: None,
        headed: false,
        temp: temp.to_owned(),
        cgroup: None,
        retire_after: 200,
        retire_above: 1 << 30,
    }
}

impl World {
    /// Pages by path; a body is put around what stands there.
    pub async fn of(pages: &[(&str, &str)]) -> Self {
        let pages: BTreeMap<String, String> = pages
            .iter()
            .map(|(path, body)| {
                (
                    (*path).to_owned(),
                    format!("<!doctype html><meta charset=utf-8><link rel=icon href='data:,'>{body}"),
                )
            })
            .collect();
        Self::answering(move |hit| Some(Html(pages.get(&hit.path)?.clone()).into_response())).await
    }

    pub async fn answering(answer_with: impl Fn(&Hit) -> Option<Response> + Send + Sync + 'static) -> Self {
        let (base, hits) = serve(answer_with).await;
        let temp = tempfile::tempdir().unwrap();
        let pool = Pool::new(settings(temp.path(), 2));
        Self { base, hits, pool, temp }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    pub async fn journey(&self) -> Journey {
        self.journey_with(options()).await
    }

    pub async fn journey_with(&self, options: JourneyOptions) -> Journey {
        let mut journey = self.pool.open(options, soon(60)).await.unwrap();
        journey.begin_step();
        journey
    }

    /// A journey that stands on a page.
    pub async fn at(&self, path: &str) -> Journey {
        let mut journey = self.journey().await;
        goto(&mut journey, &self.url(path)).await.unwrap();
        journey
    }

    /// Closes the pool and proves that nothing is left of it.
    pub async fn end(self) {
        self.pool.close().await;
        let left: Vec<PathBuf> =
            std::fs::read_dir(self.temp.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let users = users_of(self.temp.path());
        assert!(users.is_empty(), "processes left behind: {users:?}");
    }
}

/// Processes whose command line or environment names a folder.
pub fn users_of(folder: &std::path::Path) -> Vec<(u32, String)> {
    let folder = folder.to_str().unwrap().as_bytes();
    let own = std::process::id();
    let holds = |bytes: &[u8]| bytes.windows(folder.len()).any(|window| window == folder);
    processes()
        .into_iter()
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            (holds(&cmdline) || holds(&environ))
                .then(|| (pid, String::from_utf8_lossy(&cmdline[..cmdline.len().min(200)]).into_owned()))
        })
        // The crash handler stands outside the group and goes by itself.
        .filter(|(_, cmdline)| !cmdline.contains("crashpad"))
        .collect()
}

pub fn processes() -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Processes of a group: id and command line.
pub fn group(pgid: u32) -> Vec<(u32, String)> {
    processes()
        .into_iter()
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
            let state = fields.next()?;
            let group: u32 = fields.nth(1)?.parse().ok()?;
            let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            (group == pgid && state != "Z")
                .then(|| (pid, String::from_utf8_lossy(&cmdline).replace('\0', " ")))
        })
        .collect()
}

pub fn options() -> JourneyOptions {
    JourneyOptions {
        engine: Engine::Chromium,
        channel: Channel::Desktop,
        language: Language::Chinese,
        timezone: "Asia/Shanghai".to_owned(),
        place: Place::default(),
        origin: String::new(),
        screen: None,
        user_agent: "mystery-shopper/test (+mailto:test@example.org)".to_owned(),
        guard: Guard { live: false, allow: Vec::new(), loopback: true, hosts: Vec::new() },
        slow: Duration::ZERO,
    }
}

pub fn soon(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

fn chain(source: &str, links: Vec<Link>) -> Chain {
    Chain { links, source: Template::literal(source) }
}

pub fn only(source: &str, links: Vec<Link>) -> Locator {
    Locator { alternatives: vec![chain(source, links)] }
}

pub fn any(locators: &[Locator]) -> Locator {
    Locator { alternatives: locators.iter().flat_map(|locator| locator.alternatives.clone()).collect() }
}

pub fn matching(op: MatchOp, value: &str) -> TextMatch {
    TextMatch { op, value: Template::literal(value) }
}

pub fn contains(value: &str) -> TextMatch {
    matching(MatchOp::Contains, value)
}

pub fn css_link(selector: &str) -> Link {
    Link::Css(Template::literal(selector))
}

pub fn css(selector: &str) -> Locator {
    only(&format!("css={selector}"), vec![css_link(selector)])
}

pub fn text(text: &str) -> Locator {
    only(&format!("text={text}"), vec![Link::Text(contains(text))])
}

pub fn label(text: &str) -> Locator {
    only(&format!("label={text}"), vec![Link::Label(contains(text))])
}

pub fn role_link(role: &str, name: Option<&str>) -> Link {
    Link::Role {
        role: role.to_owned(),
        name: name.map(|name| matching(MatchOp::Exact, name)),
        states: BTreeMap::new(),
    }
}

pub fn role(role: &str, name: &str) -> Locator {
    only(&format!("role={role}[name='{name}']"), vec![role_link(role, Some(name))])
}

pub fn action(verb: Verb) -> Action {
    Action { verb, within: None, at: SourcePos::default() }
}

pub async fn act(journey: &mut Journey, verb: Verb) -> Result<Done, StepError> {
    act_within(journey, verb, 10_000).await
}

pub async fn act_within(journey: &mut Journey, verb: Verb, millis: u64) -> Result<Done, StepError> {
    journey.act(&action(verb), Deadline::after(Duration::from_millis(millis))).await
}

pub async fn goto(journey: &mut Journey, url: &str) -> Result<Done, StepError> {
    act(journey, Verb::Goto(Template::literal(url))).await
}

pub async fn click(journey: &mut Journey, locator: Locator) -> Result<Done, StepError> {
    act(journey, Verb::Click(locator)).await
}

pub async fn fill(journey: &mut Journey, field: Locator, with: &str) -> Result<Done, StepError> {
    act(journey, Verb::Fill { field, with: Template::literal(with) }).await
}

pub async fn read(journey: &mut Journey, from: Locator) -> String {
    let done = act(journey, Verb::Read { from, into: "x".to_owned(), attribute: None }).await.unwrap();
    done.read.unwrap()
}

pub async fn expect(journey: &mut Journey, check: Check) -> Result<Done, StepError> {
    journey.expect(&check, soon(10)).await
}

/// An expectation that has no time to come true.
pub async fn expect_now(journey: &mut Journey, check: Check) -> Result<Done, StepError> {
    journey.expect(&check, Deadline::after(Duration::from_millis(200))).await
}
