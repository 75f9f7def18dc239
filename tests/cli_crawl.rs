//! `shopper crawl` as people meet it, on a portal with planted faults: the table, JSON, CSV and JUnit,
//! exit codes, what is said about bad input, and what is new, still there or fixed the next time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use assert_cmd::Command;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A portal on a port of its own, whose old link can be mended.
struct Portal {
    base: String,
    mended: Arc<AtomicBool>,
    /// Told of every request for the page that never comes.
    stuck: Receiver<()>,
    _runtime: tokio::runtime::Runtime,
}

type Desk = (Arc<AtomicBool>, Sender<()>);

async fn answer(State((mended, stuck)): State<Desk>, uri: Uri) -> Response {
    let mended = mended.load(Ordering::SeqCst);
    let page = |body: &str| {
        Html(format!("<!doctype html><html lang=zh><meta charset=utf-8><title>示范</title><body>\n{body}\n<p>政务服务网办事大厅，欢迎您。请从下面的列表里选择要办理的事项，也可以直接搜索。</p>"))
            .into_response()
    };
    match uri.path() {
        "/" if mended => {
            page("<a href=/list>事项列表</a>\n  <a href=/gone>材料下载</a> <a href=/fresh-fault>新来的</a>")
        }
        "/" => page(
            "<a href=/list>事项列表</a>\n  <a href=/gone>材料下载</a> <a href=/broken>网上预约</a>\n  <a href='/=1+1'>=公式</a>",
        ),
        "/list" => page("<a href=/>首页</a> <a href=/gone>材料下载</a>"),
        "/broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/hostile" => page(
            "<a href=/gone>\u{1b}[31m红\u{1b}[0m\u{7}字</a> <a href='/x\u{1b}]0;title\u{7}'>\r\nSet-Cookie: x</a> <a href='file:///c:\u{1b}[2J'>\u{9b}31m</a>",
        ),
        "/fine" => page("<a href=/fine>自己</a>"),
        "/stuck" => page("<a href=/never>永远</a>"),
        "/never" => {
            stuck.send(()).unwrap();
            std::future::pending().await
        }
        "/down" => (StatusCode::INTERNAL_SERVER_ERROR, "坏了").into_response(),
        "/captcha" => (StatusCode::FORBIDDEN, "请求被拦截，请完成安全验证").into_response(),
        // /robots.txt, /gone, /=1+1, /fresh-fault
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Portal {
    fn open() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mended = Arc::new(AtomicBool::new(false));
        let (sender, stuck) = channel();
        let router = Router::new().fallback(answer).with_state((Arc::clone(&mended), sender));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, mended, stuck, _runtime: runtime }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("shopper")
        .unwrap()
        .current_dir(folder)
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .env("XDG_STATE_HOME", folder.join("state"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn crawl(folder: &Path, url: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let args = [&["crawl", url, "--class", "test", "--render", "never"], more].concat();
    shopper(folder, &args)
}

/// The text without what differs from run to run. Ports have as many digits as the one that stands there
/// afterwards, so that columns stay where they are.
fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    for (what, with) in [
        (r"127\.0\.0\.1:\d{5}", "127.0.0.1:PPPPP"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "RUN"),
        (r"\b[0-9a-f]{16}\b", "FAULT"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", "INSTANT"),
        (r"\d{4}-\d\d-\d\d\b", "TODAY     "),
        (r#"time="\d+\.\d+""#, r#"time="T""#),
        (r#""(\w*_ms)": \d+"#, r#""$1": 0"#),
        (r"\d+(\.\d+)? m?s\b", "TIME"),
    ] {
        text = Regex::new(what).unwrap().replace_all(&text, with).into_owned();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn people_get_a_table_that_fits_eighty_columns() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let (code, out, err) = crawl(folder.path(), &portal.url("/"), &[]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(err, "");
    insta::assert_snapshot!("table", redacted(&out));
    assert!(!out.contains('\u{1b}'), "{out}");

    let (code, out, err) = crawl(folder.path(), &portal.url("/fine"), &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("\n0 broken.\n"), "{out}");
    assert!(out.trim_end().lines().last().unwrap().starts_with("pass · "), "{out}");

    let (_, out, _) = crawl(folder.path(), &portal.url("/"), &["--quiet"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("127.0.0.1\tdegraded\t"), "{out}");
}

#[test]
fn programs_get_json_csv_and_junit() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let (folder, home) = (folder.path(), portal.url("/"));
    let (code, out, _) = crawl(folder, &home, &["--format", "json"]);
    assert_eq!(code, Some(1));
    let run: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&run["kind"], &run["verdict"]), (&"crawl".into(), &"degraded".into()));
    insta::assert_snapshot!("json", redacted(&serde_json::to_string_pretty(&run["link_faults"]).unwrap()));

    let (code, out, _) = crawl(folder, &home, &["--format", "csv"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("'=公式"), "a formula: {out}");
    insta::assert_snapshot!("csv", redacted(&out));

    let (code, out, _) = crawl(folder, &home, &["--report", "junit"]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!("junit", redacted(&out));
}

#[test]
fn a_report_goes_into_a_file_besides() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let (folder, home) = (folder.path(), portal.url("/"));
    std::fs::write(folder.join("links.xml"), "x".repeat(100_000)).unwrap();
    let (code, out, err) = crawl(folder, &home, &["--out", "links.xml"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(out.contains("degraded · "), "{out}");
    let written = std::fs::read_to_string(folder.join("links.xml")).unwrap();
    assert!(written.starts_with("<?xml") && written.ends_with("</testsuites>\n"), "{written}");
    for (file, args, part) in [
        ("a.csv", &["--out", "a.csv", "--quiet"][..], "state,id,class"),
        ("b.json", &["--out", "b.json", "--quiet"], "\"link_faults\""),
        ("c.txt", &["--out", "c.txt", "--quiet"], " broken"),
        ("d", &["--out", "d", "--report", "csv", "--quiet"], "state,id,class"),
    ] {
        crawl(folder, &home, args);
        let written = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(written.contains(part), "{file}: {written}");
    }
}

#[test]
fn the_next_crawl_says_what_is_new_still_there_and_fixed() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let (folder, home) = (folder.path(), portal.url("/"));
    let (_, out, _) = crawl(folder, &home, &[]);
    assert!(out.contains("3 broken (3 new, 0 still)"), "{out}");
    portal.mended.store(true, Ordering::SeqCst);

    // A crawl that goes less far fixes nothing.
    let (_, out, _) = crawl(folder, &home, &["--depth", "0"]);
    assert!(out.contains("2 broken (1 new, 1 still)") && !out.contains("fixed"), "{out}");

    let (code, out, _) = crawl(folder, &home, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("2 broken (0 new, 2 still), 2 fixed"), "{out}");
    insta::assert_snapshot!("next", redacted(&out));

    let (_, out, _) = crawl(folder, &home, &["--format", "json"]);
    let run: Value = serde_json::from_str(&out).unwrap();
    let (first, last) = (&run["link_faults"][0]["first_seen_at"], &run["link_faults"][0]["last_seen_at"]);
    assert!(first.as_str().unwrap() < last.as_str().unwrap(), "{out}");

    // What cannot be read is said, and not in the way.
    let crawls = folder.join("state/mystery-shopper/crawls");
    let file = std::fs::read_dir(&crawls).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "nonsense").unwrap();
    let (code, out, err) = crawl(folder, &home, &[]);
    assert_eq!(code, Some(1));
    assert!(err.contains("warning: could not read ") && err.contains("counts as new"), "{err}");
    assert!(out.contains("(2 new, 0 still)"), "{out}");
    let (_, out, err) = crawl(folder, &home, &[]);
    assert!(err.is_empty() && out.contains("(0 new, 2 still)"), "{err}{out}");
}

#[test]
fn exit_codes_say_whose_fault_it_is() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let cases = [("/", 1), ("/fine", 0), ("/down", 1), ("/captcha", 3)];
    for (path, want) in cases {
        for form in ["human", "json", "csv", "junit"] {
            let (code, out, err) = crawl(folder.path(), &portal.url(path), &["--format", form]);
            assert_eq!(code, Some(want), "{path} as {form}: {out}{err}");
        }
    }
    let (_, out, _) = crawl(folder.path(), &portal.url("/down"), &["--format", "junit"]);
    assert!(out.contains("failures=\"1\" errors=\"0\""), "{out}");
    let (_, out, _) = crawl(folder.path(), &portal.url("/captcha"), &["--format", "junit"]);
    assert!(out.contains("failures=\"0\" errors=\"1\""), "{out}");
}

#[test]
fn a_crawl_that_is_interrupted_shows_what_it_found() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"));
    command
        .args(["crawl", &portal.url("/stuck"), "--class", "test", "--render", "never", "--report", "junit"])
        .args(["--out", "links.xml"])
        .current_dir(folder.path())
        .env_remove("SHOPPER_CONFIG")
        .env("XDG_STATE_HOME", folder.path().join("state"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    portal.stuck.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(4), "{out}{err}");
    assert!(err.contains("Interrupted"), "{err}");
    assert!(!err.contains("goes on from there"), "nothing was read yet: {err}");
    let written = std::fs::read_to_string(folder.path().join("links.xml")).unwrap();
    assert!(written.ends_with("</testsuites>\n"), "{written}");
}

#[test]
fn a_crawl_that_reached_its_own_limit_leaves_no_old_answers_behind() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    for turn in 0..2 {
        let (_, out, _) = crawl(folder.path(), &portal.url("/"), &["--max-links", "2"]);
        assert!(out.contains("Cut short: It may check 2 links."), "turn {turn}: {out}");
        assert!(!out.contains("It went on") && !out.contains("goes on from there"), "turn {turn}: {out}");
    }
}

#[test]
fn bad_input_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://127.0.0.1:1/";
    let live = &["--contact", "mailto:a@b.example"][..];
    let cases: &[(&[&str], &[&str])] = &[
        (&["--interval", "200ms"], &["not asked more than once a second", "--interval 1s"]),
        (&["--interval", "0"], &["not asked more than once a second"]),
        (&["--interval", "soon"], &["is not a duration"]),
        (&["--interval", "1h"], &["must be from 0s to 10m"]),
        (&["--within", "0s"], &["must be from 1s to 5m"]),
        (&["--time", "2d"], &["must be from 1s to 1d"]),
        (&["--max-pages", "0"], &["100000"]),
        (&["--max-links", "0"], &["1000000"]),
        (&["--depth", "21"], &["20"]),
        (&["--concurrency", "0"], &["64"]),
        (&["--render", "maybe"], &["auto, never, always"]),
        (&["--report", "pdf"], &["table, json, csv, junit"]),
        (&["--out", "links"], &["does not say what it is to hold", "--report"]),
        (&["--out", "missing/links.csv"], &["could not write `missing/links.csv`"]),
        (&["--report", "csv", "--format", "json"], &["two forms", "--out FILE"]),
        (&["--format", "jsonl"], &["only `shopper export` writes jsonl"]),
    ];
    for (args, parts) in cases {
        let (code, out, err) = shopper(folder.path(), &[&["crawl", url], live, args].concat());
        assert_eq!(code, Some(2), "{args:?}: {out}{err}");
        for part in *parts {
            assert!(err.contains(part), "{args:?}: {part} is missing in:\n{err}");
        }
    }
    let (code, _, err) = shopper(folder.path(), &["check", "--format", "junit"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("only `shopper crawl` writes junit"), "{err}");
    let (code, out, _) = shopper(folder.path(), &["crawl", "--help"]);
    assert_eq!(code, Some(0));
    for part in ["--fresh", "[default: 3]", "Exit codes:", "XDG_STATE_HOME"] {
        assert!(out.contains(part), "{part} is missing in:\n{out}");
    }
}

#[test]
fn what_pages_say_stays_inert_in_a_terminal() {
    let (portal, folder) = (Portal::open(), tempfile::tempdir().unwrap());
    for format in [&[][..], &["--format", "json"], &["--format", "csv"], &["--report", "junit"]] {
        let (code, out, err) = crawl(folder.path(), &portal.url("/hostile"), format);
        assert_eq!(code, Some(1), "{out}{err}");
        assert!(out.contains('红'), "{out}");
        let obeyed = |c: char| {
            c.is_control() && !matches!(c, '\n' | '\t') && !(c == '\r' && format == ["--format", "csv"])
        };
        assert!(!out.contains(obeyed) && !err.contains(obeyed), "{format:?}: {out:?}{err:?}");
    }
}
