//! `shopper visit`: what it prints, and the code it ends with, for every class that a server can make.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::Value;

use crate::net::Portal;

/// Runs the command below a folder of its own; its code and what it printed.
async fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"));
    command.args(args).current_dir(folder).env_remove("SHOPPER_CONFIG").env("XDG_STATE_HOME", folder);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap();
    (run.status.code(), said)
}

fn portal() -> Router {
    let redirect =
        |to: &'static str| get(move || async move { (StatusCode::FOUND, [(header::LOCATION, to)]) });
    let page = "<html lang=zh-CN><meta name=viewport content='width=device-width'><title>示范市政务服务网</title>\
                <form id=search><input name=q></form><p>办事指南，在线办理</p>";
    Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/empty", get(|| async { Html("<html><body></body></html>") }))
        .route("/soft", get(|| async { Html("<p>抱歉，您访问的页面不存在") }))
        .route("/gone", get(|| async { StatusCode::GONE }))
        .route("/waf", get(|| async { StatusCode::PRECONDITION_FAILED.into_response() }))
        .route("/captcha", get(|| async { Html("<p>请完成安全验证，向右滑动完成验证") }))
        .route("/large", get(|| async { vec![b'x'; 9 * 1024 * 1024] }))
        .route(
            "/app",
            get(|| async {
                Html("<div id=app></div><script>app.innerHTML='<form id=late>办事指南</form>'</script>")
            }),
        )
        .route(
            "/gate",
            get(|headers: HeaderMap| async move {
                if headers.contains_key(header::COOKIE) {
                    return Html("<title>门户</title><p>办事指南").into_response();
                }
                let script = "<script>document.cookie='passed=1;path=/';location.reload()</script>";
                (StatusCode::PRECONDITION_FAILED, Html(script)).into_response()
            }),
        )
        .route("/file", redirect("file:///etc/passwd"))
        .route("/loop", redirect("/loop"))
}

#[tokio::test]
async fn every_class_has_its_name_and_its_exit_code() {
    let portal = Portal::serving(portal()).await;
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("/", "办事指南", None, 0),
        ("/", "css=#search input[name=q]", None, 0),
        ("/", "css=#search textarea", Some("marker_missing"), 1),
        ("/empty", "", Some("empty"), 1),
        ("/soft", "", Some("soft_404"), 1),
        ("/gone", "", Some("http"), 1),
        ("/large", "", Some("too_large"), 1),
        ("/loop", "", Some("redirect_loop"), 1),
        ("/waf", "", Some("waf"), 3),
        // What only a browser can see is seen by one before anybody is accused.
        ("/app", "css=#late", None, 0),
        ("/app", "css=#never", Some("marker_missing"), 1),
        ("/gate", "办事指南", None, 0),
        ("/captcha", "", Some("captcha"), 3),
        ("/file", "", Some("redirect_policy"), 3),
    ];
    for (path, marker, failure, code) in cases {
        let url = portal.url(path).to_string();
        let mut args = vec!["visit", &url, "--class", "test", "--format", "json"];
        if !marker.is_empty() {
            args.extend(["--marker", marker]);
        }
        let (ended, said) = shopper(folder.path(), &args).await;
        let run: Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{path}: {error}: {said}"));
        assert_eq!((run["visit"]["failure"].as_str(), ended), (failure, Some(code)), "{path}: {said}");
        assert_eq!(run["steps"][0]["measure"], serde_json::json!(["T1", "T3", "T4"]));
        assert!(run["visit"]["hops"][0]["phases"]["first_byte"]["ms"].as_f64().is_some(), "{said}");
    }
}

#[tokio::test]
async fn a_waterfall_fits_a_terminal_and_bad_input_is_told() {
    let portal = Portal::serving(portal()).await;
    let folder = tempfile::tempdir().unwrap();
    let url = portal.url("/").to_string();
    let (code, said) = shopper(folder.path(), &["visit", &url, "--class", "test"]).await;
    assert_eq!(code, Some(0), "{said}");
    for part in
        ["first byte", "total", "status 200", "UTF-8 (by header)", "示范市政务服务网", "for phones   yes"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    for bad in [&["--marker", "css=:::"][..], &["--marker", "css="]] {
        let (code, said) = shopper(folder.path(), &[&["visit", &url, "--class", "test"], bad].concat()).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("css="), "{said}");
    }
    let (code, said) = shopper(folder.path(), &["visit", "http://169.254.169.254/", "--class", "test"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("metadata"), "{said}");
}
