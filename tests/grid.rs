//! Selenium Grid, as `script/grid` starts it: a hub and two nodes with Chromium and Firefox.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::header;
use axum::response::{Html, IntoResponse};
use mystery_shopper::browser::{Guard, JourneyOptions, Pool, Settings};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::observation::StopReason;
use mystery_shopper::domain::scenario::{Check, FileExpectation, Verb};
use mystery_shopper::domain::verdict::Verdict;
use rustix::process::{Pid, Signal, kill_process};

#[path = "runner/town.rs"]
#[expect(dead_code, reason = "shared with the tests of the runner")]
mod town;
#[path = "browser/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the browser room")]
mod world;

use world::*;

/// A running Grid; stopped with everything in it when dropped.
struct Grid {
    script: Child,
    url: url::Url,
    /// Processes and addresses.
    nodes: Vec<(i32, String)>,
}

impl Grid {
    fn start() -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/script/grid"))
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("the Grid starts").unwrap();
        let url = line().parse().unwrap();
        let mut node = || {
            let line = line();
            let (pid, url) = line.split_once(' ').unwrap();
            (pid.parse().unwrap(), url.to_owned())
        };
        let nodes = vec![node(), node()];
        Self { script, url, nodes }
    }

    fn settings(&self, temp: &std::path::Path, sessions: usize) -> Settings {
        Settings { remote: vec![self.url.clone()], ..settings(temp, sessions) }
    }

    /// The node that a session runs on.
    fn busy(&self) -> Option<i32> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.url.port().unwrap())).unwrap();
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // Whether it comes in chunks or not: the body is the only object.
        let body = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
        let status: serde_json::Value = serde_json::from_str(body).unwrap();
        let nodes = status["value"]["nodes"].as_array().unwrap();
        let busy = nodes
            .iter()
            .find(|node| node["slots"].as_array().unwrap().iter().any(|slot| !slot["session"].is_null()))?;
        self.nodes.iter().find(|(_, url)| busy["uri"] == url.as_str()).map(|(pid, _)| *pid)
    }
}

impl Drop for Grid {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.script.id()).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.script.wait();
    }
}

const PAGE: &str = r#"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>申请</title>
<label for=f>材料</label><input type=file id=f><a href="/form.pdf" id=pdf>下载</a>
<button id=b onclick="document.title='按了'">下一步</button>
<button id=send onclick="fetch('/save', { method: 'POST', body: 'name=1' }).catch(() => 0)">保存</button>
<p id=said></p>
<script>f.onchange = async () => { said.textContent = f.files[0].name + ':' + await f.files[0].text(); };</script>"#;

fn portal(hit: &Hit) -> Option<axum::response::Response> {
    match hit.path.as_str() {
        "/" => Some(Html(PAGE).into_response()),
        "/form.pdf" => {
            // Larger than one slice of what is read at once.
            let mut bytes = b"%PDF-1.4\n".to_vec();
            bytes.resize(3 << 20, b' ');
            bytes.extend(b"\nstartxref\n9\n%%EOF\n");
            let kept = [
                (header::CONTENT_TYPE, "application/pdf"),
                (header::CONTENT_DISPOSITION, "attachment; filename=form.pdf"),
            ];
            Some((kept, bytes).into_response())
        }
        "/save" => Some("saved".into_response()),
        _ => None,
    }
}

#[tokio::test]
async fn the_grid_walks_with_files_guards_and_both_browsers() {
    let grid = Grid::start();
    let world = World::answering(portal).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("执照.txt");
    std::fs::write(&file, "内容").unwrap();
    // The dead end point is left alone after its first failure.
    let dead = url::Url::parse("http://127.0.0.1:9/").unwrap();
    let remote = vec![dead, grid.url.clone()];
    let pool = Pool::new(Settings { remote, ..grid.settings(world.temp.path(), 2) });
    for engine in [Engine::Chromium, Engine::Firefox] {
        let mut journey = pool.open(JourneyOptions { engine, ..options() }, soon(90)).await.unwrap();
        assert!(journey.browser().starts_with(engine.title()), "{}", journey.browser());
        journey.begin_step();
        goto(&mut journey, &world.url("/")).await.unwrap();
        act(&mut journey, Verb::Upload { field: label("材料"), file: file.clone() }).await.unwrap();
        let said = Check::Text { text: contains("执照.txt:内容"), inside: Some(css("#said")) };
        expect(&mut journey, said).await.unwrap();
        let wanted = FileExpectation { kind: Some("pdf".to_owned()), opens: true, min_size: Some(3 << 20) };
        act(&mut journey, Verb::Download { link: css("#pdf"), expect: wanted }).await.unwrap();
        click(&mut journey, css("#b")).await.unwrap();
        expect(&mut journey, Check::Title(contains("按了"))).await.unwrap();
        let (facts, picture) = journey.observe(soon(10)).await;
        assert_eq!(facts.main.map(|main| main.status), Some(200), "events come through the Grid");
        assert_eq!(facts.downloads.len(), 1);
        assert_eq!(facts.popups, 0);
        assert!(picture.unwrap().finish().unwrap().0.starts_with(b"\xff\xd8\xff"));
        journey.close().await;
    }

    // A live target: the filter goes with the session.
    let guard = Guard { live: true, loopback: true, allow: Vec::new(), hosts: vec!["127.0.0.1".to_owned()] };
    let mut journey = pool.open(JourneyOptions { guard, ..options() }, soon(90)).await.unwrap();
    journey.begin_step();
    goto(&mut journey, &world.url("/")).await.unwrap();
    act(&mut journey, Verb::Hover(css("#send"))).await.unwrap();
    click(&mut journey, css("#b")).await.unwrap();
    act(&mut journey, Verb::Press("Tab".to_owned())).await.unwrap();
    act(&mut journey, Verb::Press("Enter".to_owned())).await.unwrap();
    let facts = journey.facts(soon(5)).await;
    assert_eq!(facts.stopped.first().map(|stop| stop.reason), Some(StopReason::Submission), "{facts:?}");
    assert_eq!(facts.stopped[0].fields, ["name"]);
    assert!(world.hits().iter().all(|hit| hit.method == "GET"));
    journey.close().await;
    pool.close().await;
    // The hub frees a slot a moment after the session has ended; an abandoned one stays a minute.
    for _ in 0..100 {
        if grid.busy().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(grid.busy(), None, "sessions are ended with the pool");
    world.end().await;
}

const TWO: &str = r#"
[[step]]
name = "一"
stage = "find"
do = [{ goto = "{entry}" }]
[[step]]
name = "二"
stage = "guide"
do = [{ click = "text=下一页" }]
expect = [{ text = "第二页" }]
within = "30s"
"#;

#[tokio::test]
async fn the_run_of_a_lost_node_is_repeated_on_another() {
    let grid = Arc::new(Grid::start());
    let killed = Arc::new(AtomicBool::new(false));
    let (watched, once) = (Arc::clone(&grid), Arc::clone(&killed));
    let site = town::Site::open(move |hit| {
        let (grid, once) = (Arc::clone(&watched), Arc::clone(&once));
        async move {
            if hit.path != "/second" {
                return town::page("<a href='/second'>下一页</a>");
            }
            if !once.swap(true, Ordering::SeqCst) {
                let node = grid.busy().expect("a node is at work");
                kill_process(Pid::from_raw(node).unwrap(), Signal::KILL).unwrap();
            }
            town::page("第二页")
        }
    })
    .await;
    let town = town::Town::with(|settings| Settings { remote: vec![grid.url.clone()], ..settings });
    let run = town.walk(&town::order(&site.base, TWO)).await;
    assert!(killed.load(Ordering::SeqCst));
    assert_eq!((run.verdict, run.attempts), (Verdict::Pass, 2), "{} {:?}", run.reason, run.steps);
    town.end().await;
}
