//! A far end without BiDi: classic commands do, what only events tell stays absent.

use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mystery_shopper::browser::{BrowserError, Guard, JourneyOptions, Pool, Settings, StepError};
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::scenario::{Check, PageChoice, Verb};
use mystery_shopper::domain::template::Template;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::world::*;

type Http = Client<HttpConnector, Body>;

/// A chromedriver behind a door that lets no word of BiDi through.
struct Old {
    driver: Child,
    url: url::Url,
}

async fn pass(
    State((http, base)): State<(Http, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut body = body.to_vec();
    if method == Method::POST && uri.path() == "/session" {
        let mut wanted: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let always = wanted["capabilities"]["alwaysMatch"].as_object_mut().unwrap();
        always.remove("webSocketUrl");
        body = serde_json::to_vec(&wanted).unwrap();
    }
    let mut request = axum::http::Request::builder().method(method).uri(format!("{base}{}", uri.path()));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    match http.request(request.body(Body::from(body)).unwrap()).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => (axum::http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Old {
    async fn start(folder: &std::path::Path) -> Self {
        let mut driver = Command::new("/usr/bin/chromedriver")
            // File names may be Chinese.
            .env("LC_ALL", "C.UTF-8")
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("on port ").nth(1)?.trim_end_matches('.').parse().ok().filter(|port| *port > 0)
            })
            .unwrap();
        let http = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router =
            axum::Router::new().fallback(pass).with_state((http, format!("http://127.0.0.1:{port}")));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { driver, url }
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.driver.id()).unwrap()).unwrap();
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.driver.wait();
    }
}

const FORM: &str = r#"<!doctype html><meta charset=utf-8><title>申请表</title>
<label for=n>企业名称</label><input id=n>
<label for=c>类别</label><select id=c><option>食品<option>药品</select>
<label><input type=checkbox id=ok>同意</label>
<label for=f>材料</label><input type=file id=f>
<a href="/next" id=on>下一页</a> <a href="/next" target=_blank id=new>新窗口</a>
<button onclick="alert('请到窗口办理'); location='/next'" id=no>提交</button>
<button onclick="said.textContent=[n.value,c.value,ok.checked,f.files[0].name].join()" id=go>下一步</button>
<p id=said></p>"#;

#[tokio::test]
async fn a_far_end_without_bidi_is_walked_with_classic_commands() {
    let world = World::answering(|hit| match hit.path.as_str() {
        "/" => Some(([(header::SET_COOKIE, "seen=1")], Html(FORM)).into_response()),
        "/next" => Some(Html("<!doctype html><meta charset=utf-8><title>第二页</title>到了").into_response()),
        _ => None,
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("执照.txt");
    std::fs::write(&file, "内容").unwrap();
    let old = Old::start(folder.path()).await;
    let pool = Pool::new(Settings { remote: vec![old.url.clone()], ..settings(world.temp.path(), 1) });

    let mut journey = pool.open(options(), soon(60)).await.unwrap();
    assert!(journey.browser().ends_with("(classic WebDriver, no events)"), "{}", journey.browser());
    journey.begin_step();
    goto(&mut journey, &world.url("/")).await.unwrap();
    act(&mut journey, Verb::Type { field: label("企业名称"), with: Template::literal("张三药店") })
        .await
        .unwrap();
    act(&mut journey, Verb::Choose { list: label("类别"), option: Template::literal("药品") }).await.unwrap();
    act(&mut journey, Verb::Tick(label("同意"))).await.unwrap();
    act(&mut journey, Verb::Upload { field: label("材料"), file }).await.unwrap();
    click(&mut journey, css("#go")).await.unwrap();
    assert_eq!(read(&mut journey, css("#said")).await, "张三药店,药品,true,执照.txt");

    // A window that a link opens is followed, and left again.
    click(&mut journey, css("#new")).await.unwrap();
    expect(&mut journey, Check::Title(contains("第二页"))).await.unwrap();
    act(&mut journey, Verb::Page(PageChoice::Close)).await.unwrap();
    expect(&mut journey, Check::Title(contains("申请表"))).await.unwrap();

    // A dialog is told of and answered; the page goes on.
    click(&mut journey, css("#no")).await.unwrap();
    expect(&mut journey, Check::Title(contains("第二页"))).await.unwrap();
    let facts = journey.facts(soon(5)).await;
    assert_eq!(facts.dialogs.iter().map(|dialog| dialog.text.as_str()).collect::<Vec<_>>(), ["请到窗口办理"]);
    assert_eq!(facts.title, "第二页");
    assert_eq!(facts.popups, 1);
    assert!(facts.main.is_none() && facts.requests == 0, "nobody saw what the server said");
    assert!(!journey.screenshot(soon(5)).await.unwrap().is_covered());

    // What nobody can see is our own fault, not the portal's.
    let unseen = expect(&mut journey, Check::Status(vec![200])).await;
    assert!(matches!(unseen, Err(StepError::Browser(BrowserError::Command { .. }))), "{unseen:?}");
    journey.begin_step();
    let dead = std::net::TcpListener::bind("127.0.0.77:0").unwrap().local_addr().unwrap();
    let ended = goto(&mut journey, &format!("http://{dead}/")).await;
    assert!(matches!(ended, Err(StepError::Navigation(_))), "{ended:?}");
    assert_eq!(journey.facts(soon(5)).await.transport.map(|lost| lost.class), Some(TransportClass::Refused));
    journey.close().await;

    // There are no user contexts: the next journey gets a session of its own, without the cookie.
    let mut second = pool.open(options(), soon(60)).await.unwrap();
    goto(&mut second, &world.url("/next")).await.unwrap();
    let hit = world.hits().into_iter().next_back().unwrap();
    assert!(hit.headers.get(header::COOKIE).is_none(), "{:?}", hit.headers);
    second.close().await;

    let guard = Guard { live: true, loopback: true, allow: Vec::new(), hosts: Vec::new() };
    let refused = pool.open(JourneyOptions { guard, ..options() }, soon(60)).await;
    match refused {
        Err(error @ BrowserError::Unguarded { .. }) => {
            assert!(error.to_string().contains("no BiDi"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    pool.close().await;
    world.end().await;
}
