//! Pages that hold, flood or fool the browser; and what pages say, in everything that people read.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mail_parser::MessageParser;
use serde_json::Value;

use crate::rig::Rig;

async fn serving(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    at
}

/// Walks one step by the program; exit code, verdict, the step's outcome, and everything.
async fn walked(rig: &Rig, at: SocketAddr, step: &str) -> (Option<i32>, String, String, Value) {
    let scenario = format!(
        "id = \"hostile\"\ntitle = \"t\"\ndeadline = \"12s\"\n[[step]]\nname = \"s\"\nstage = \"find\"\n{step}\nwithin = \"4s\"\n"
    );
    std::fs::write(rig.folder().join("hostile.toml"), scenario).unwrap();
    let url = format!("http://{at}/");
    let told = rig
        .shopper(&["run", "--scenario", "hostile.toml", "--url", &url, "--class", "test", "--format", "json"])
        .await;
    let run: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (told.code, text(&run["verdict"]), text(&run["steps"][0]["outcome"]), run)
}

const BUTTON: &str = "<button onclick=\"go()\">按</button>";

#[tokio::test]
async fn pages_that_hold_or_flood_the_browser_are_never_in_order() {
    let page = |script: &str| {
        let html = format!("<!doctype html><title>页</title>{BUTTON}<script>{script}</script>");
        get(|| async move { Html(html) })
    };
    let router = Router::new()
        .route("/loop", page("function go() { for (;;); }"))
        .route("/alerts", page("function go() { for (;;) alert('还在'); }"))
        .route(
            "/windows",
            page("function go() { for (let i = 0; i < 50; i++) window.open('/loop', 'w' + i, 'width=9'); }"),
        )
        .route(
            "/file",
            get(|| async {
                let headers: HeaderMap = [
                    (header::CONTENT_TYPE, "application/octet-stream".parse().unwrap()),
                    (header::CONTENT_DISPOSITION, "attachment; filename=\"../../x.exe\"".parse().unwrap()),
                ]
                .into_iter()
                .collect();
                (headers, "MZ").into_response()
            }),
        );
    let at = serving(router).await;
    let rig = Rig::bare().await;
    let press = |path: &str| {
        format!("do = [{{ goto = \"{path}\" }}, {{ click = \"text=按\" }}]\nexpect = [{{ title = \"好\" }}]")
    };
    for (what, step) in [
        ("a loop without end", press("/loop")),
        ("alerts without end", press("/alerts")),
        ("fifty windows", press("/windows")),
        ("a file in place of a page", "do = [{ goto = \"/file\" }]\nexpect = [{ text = \"药\" }]".to_owned()),
    ] {
        let (code, verdict, outcome, run) = walked(&rig, at, &step).await;
        assert!(code == Some(1) || code == Some(3), "{what}: {run}");
        assert_ne!(verdict, "pass", "{what}: {run}");
        assert!(!["done", "online_ready"].contains(&outcome.as_str()), "{what}: {run}");
    }
    let stay = page(
        "onbeforeunload = (event) => { event.preventDefault(); event.returnValue = 'x'; }; function go() {}",
    );
    let at =
        serving(Router::new().route("/stay", stay).route("/", get(|| async { Html("<title>好</title>好") })))
            .await;
    let step = "do = [{ goto = \"/stay\" }, { click = \"text=按\" }, { goto = \"/\" }]\nexpect = [{ title = \"好\" }]";
    let (code, verdict, _, run) = walked(&rig, at, step).await;
    assert_eq!((code, verdict.as_str()), (Some(0), "pass"), "a page that asks to stay is left: {run}");
    assert!(!rig.folder().parent().unwrap().join("x.exe").exists());
}

/// Line ends, terminal sequences, markup, marks that turn the direction of writing.
const HOSTILE: &str =
    "坏\r\nBcc: all@evil.example\u{1b}[31m\u{1b}]0;x\u{7}<script>alert(1)</script>\u{202e}gnp.\u{2066}\0";

#[tokio::test]
async fn what_a_page_says_is_inert_in_mail_log_terminal_and_export() {
    let hostile = HOSTILE.replace('<', "&lt;").replace('\0', "");
    let html = format!(
        "<!doctype html><title>{hostile}</title><h1>{hostile}</h1><script>console.error({})</script>系统异常",
        serde_json::to_string(HOSTILE).unwrap().replace("</", "<\\/")
    );
    let page = html.clone();
    let failing = get(move || async move { (axum::http::StatusCode::INTERNAL_SERVER_ERROR, Html(page)) });
    let at = serving(Router::new().route("/", failing)).await;
    let mut rig = Rig::bare().await;
    let settings = rig.settings(&rig.sink.address().to_string(), &[Rig::walk().replace("linhai", "shifan")]);
    let entry = settings.lines().find(|line| line.starts_with("entry")).unwrap().to_owned();
    rig.configure(&settings.replacen(&entry, &format!("entry = \"http://{at}/\""), 1));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    let mail = rig.mail().await;
    let log = daemon.stops().await;
    let parsed = MessageParser::new().parse(&mail.raw).unwrap();
    assert!(parsed.bcc().is_none());
    assert_eq!(mail.to.len(), 1);
    let wild = |text: &str| {
        text.chars().any(|c| {
            (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
    };
    let subject = parsed.subject().unwrap();
    assert!(!wild(subject) && !subject.contains('\n'), "{subject:?}");
    let (text, html) = (parsed.body_text(0).unwrap(), parsed.body_html(0).unwrap());
    assert!(!wild(&text), "{text:?}");
    assert!(!wild(&html) && !html.contains("<script"), "{html:?}");
    let escaped = log.iter().find(|line| line.contains('\u{1b}') || line.contains('\u{202e}'));
    assert_eq!(escaped, None);
    for args in
        [&["status"][..], &["incidents"], &["run", "--probe", "walk"], &["export", "runs", "--format", "csv"]]
    {
        let told = rig.shopper(args).await;
        assert!(!wild(&told.out) && !wild(&told.err), "{args:?}: {:?} {:?}", told.out, told.err);
    }
}
