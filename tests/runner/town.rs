//! What every test brings along: a small portal, a pool of browsers, scenarios from TOML.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{Html, IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use mystery_shopper::browser::{Pool, Settings};
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::ids::{ProbeId, TargetId};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::run::{Cause, Run};
use mystery_shopper::domain::scenario::Scenario;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::{Agent, FileFault, Files, Work, lexicon, load_scenario};
use mystery_shopper::runner::{Keeper, Order, Runner, Silent, new_run_id};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A request that reached the portal.
#[derive(Debug, Clone)]
pub struct Hit {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

type Answer = Arc<dyn Fn(Hit) -> BoxFuture<'static, Response> + Send + Sync>;

#[derive(Clone)]
struct Desk {
    hits: Arc<Mutex<Vec<Hit>>>,
    answer: Answer,
}

/// A portal on a free port of loopback.
pub struct Site {
    pub base: String,
    hits: Arc<Mutex<Vec<Hit>>>,
    pub task: JoinHandle<()>,
}

impl Site {
    pub async fn open<F>(answer: impl Fn(Hit) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let hits = Arc::new(Mutex::new(Vec::new()));
        let answer: Answer = Arc::new(move |hit| Box::pin(answer(hit)));
        let desk = Desk { hits: Arc::clone(&hits), answer };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(serve).with_state(desk);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, hits, task }
    }

    pub fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    State(desk): State<Desk>,
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
    };
    desk.hits.lock().unwrap().push(hit.clone());
    (desk.answer)(hit).await
}

/// A page as a portal would write it, with an icon so that nobody asks for one.
pub fn page(body: &str) -> Response {
    Html(format!("<!doctype html><html lang=zh><meta charset=utf-8><link rel=icon href='data:,'>{body}"))
        .into_response()
}

/// The same with a status.
pub fn page_with(status: u16, body: &str) -> Response {
    (axum::http::StatusCode::from_u16(status).unwrap(), page(body)).into_response()
}

/// Browsers and a runner.
pub struct Town {
    pub pool: Arc<Pool>,
    pub runner: Runner,
    pub pictures: tempfile::TempDir,
    temp: tempfile::TempDir,
}

impl Town {
    pub fn new(sessions: usize) -> Self {
        Self::with(|settings| Settings { sessions, ..settings })
    }

    pub fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let pictures = tempfile::tempdir().unwrap();
        let settings = Settings {
            sessions: 1,
            remote: Vec::new(),
            chromium: None,
            chromedriver: None,
            firefox: None,
            geckodriver: None,
            headed: false,
            temp: temp.path().to_owned(),
            cgroup: None,
            retire_after: 200,
            retire_above: 1 << 30,
        };
        let pool = Arc::new(Pool::new(change(settings)));
        let keeper = Keeper::Folder(pictures.path().to_owned());
        let runner = Runner::new(
            Arc::clone(&pool),
            keeper,
            Clock::system(),
            Manners::every(Duration::ZERO, Clock::system()),
        );
        Self { pool, runner, pictures, temp }
    }

    /// Walks without being watched.
    pub async fn walk(&self, order: &Order) -> Run {
        self.runner.run(order, &Silent, &CancellationToken::new()).await
    }

    /// Closes the pool; nothing of it may be left.
    pub async fn end(self) {
        self.pool.close().await;
        let left: Vec<_> = std::fs::read_dir(self.temp.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<&'static str, String>);

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        let found = path.to_str().and_then(|path| self.0.get(path));
        found.cloned().ok_or(FileFault::NotFound(Vec::new()))
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.read(path).map(drop)
    }
}

/// The scenario of this text; `id` and `title` are put before it.
fn scenario_for(text: &str, vars: &Vars) -> Scenario {
    let text = format!("id = \"t\"\ntitle = \"测试\"\n{text}");
    let files = Memory(BTreeMap::from([("t.toml", text)]));
    match load_scenario(Path::new(""), Path::new("t.toml"), &files, vars) {
        Ok((scenario, _)) => scenario,
        Err(faults) => panic!("{faults}"),
    }
}

/// An order to walk a scenario on a test system.
pub fn order(base: &str, text: &str) -> Order {
    order_for(base, text, TargetClass::Test, &Vars::new())
}

/// The same on a live portal.
pub fn live(base: &str, text: &str) -> Order {
    order_for(base, text, TargetClass::Live, &Vars::new())
}

pub fn order_for(base: &str, text: &str, class: TargetClass, vars: &Vars) -> Order {
    let target = Target {
        id: TargetId::new("here"),
        name: "本市".to_owned(),
        labels: BTreeMap::new(),
        entry: base.parse().unwrap(),
        class,
        vars: vars.clone(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: class == TargetClass::Test,
        assessed: None,
    };
    let agent = Agent {
        name: "test".to_owned(),
        contact: Some("mailto:test@example.org".to_owned()),
        timezone: "Asia/Shanghai".to_owned(),
        language: Language::Chinese,
        data_dir: std::path::PathBuf::new(),
    };
    Order {
        id: new_run_id(),
        probe: ProbeId::new("probe"),
        work: Work::Walk(Arc::new(scenario_for(text, vars))),
        engine: Engine::Chromium,
        target: Arc::new(target),
        scheduled_at: Clock::system().now(),
        cause: Cause::Manual,
        agent: Arc::new(agent),
        lexicon: Arc::new(lexicon::built_in()),
        root: std::path::PathBuf::new(),
        vars: Vars::new(),
        slow: Duration::ZERO,
        hold: false,
        fresh: false,
        looks: true,
        known: Vec::new(),
        canary: None,
    }
}

/// One journey and how it must end.
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// The scenario.
    pub text: &'static str,
    /// The outcome of each step, by name.
    pub outcomes: &'static [&'static str],
    /// The verdict, by name.
    pub verdict: &'static str,
    /// How many attempts it takes.
    pub attempts: u32,
    /// The longest that a step may take, in seconds: its own time and a few more for looking at it.
    pub seconds: u64,
    /// What the error of the step at which it ended has to say.
    pub says: &'static str,
}

/// Walks the cases, as many at once as the pool has browsers, and lists all that ended otherwise.
/// `then` is walked behind each of them in the same pool and has to pass.
pub async fn walk_all(town: &Town, sessions: usize, base: &str, cases: &[Case], then: Option<&str>) {
    let faults: Vec<String> = futures_util::stream::iter(cases)
        .map(|case| async move {
            let text = case.text.replace("{free}", &free_port().to_string());
            let run = town.walk(&order(base, &text)).await;
            let mut faults = judge(case, &run);
            if let Some(then) = then {
                let next = town.walk(&order(base, then)).await;
                if next.verdict.name() != "pass" || next.attempts != 1 {
                    faults.push(format!("{}: the next walk: {}", case.name, next.reason));
                }
            }
            faults
        })
        .buffer_unordered(sessions)
        .flat_map(futures_util::stream::iter)
        .collect()
        .await;
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn judge(case: &Case, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    let outcomes = outcomes(run);
    if outcomes != case.outcomes || run.verdict.name() != case.verdict || run.attempts != case.attempts {
        faults.push(format!(
            "{}: {outcomes:?} {} after {} attempts: {}",
            case.name, run.verdict, run.attempts, run.reason
        ));
    }
    // Starting a browser is not the step's affair.
    for step in run.steps.iter().filter(|step| step.elapsed_ms > case.seconds * 1000) {
        faults.push(format!("{}: `{}` took {} ms", case.name, step.name, step.elapsed_ms));
    }
    let error = run.ending().and_then(|step| step.error.clone()).unwrap_or_default();
    if !error.contains(case.says) {
        faults.push(format!("{}: said {error}", case.name));
    }
    faults
}

/// A port on which nobody listens any more.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The outcomes of a run by name.
pub fn outcomes(run: &Run) -> Vec<&'static str> {
    run.steps.iter().map(|step| step.outcome.name()).collect()
}
