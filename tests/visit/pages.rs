//! Pages as they are read: title, text, charset, marker, what phones and language are told.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::visit::CharsetSource;
use mystery_shopper::http::failure::offline;
use mystery_shopper::http::user_agent;
use url::Url;

use crate::net::{Portal, client};
use crate::world::{LONG, class, detail, see, see_marked};

#[tokio::test]
async fn an_ordinary_page_is_recorded_as_it_is() {
    let page =
        "<title> 市政务\n服务网 </title><p>欢迎</p><h2>办事\n指南</h2><script>var x='系统异常'</script>";
    let portal = Portal::serving(Router::new().route(
        "/",
        get(move |headers: HeaderMap| async move {
            let language = headers[header::ACCEPT_LANGUAGE].to_str().unwrap().to_owned();
            (
                [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                    (header::CONTENT_LANGUAGE, language),
                ],
                page,
            )
        }),
    ))
    .await;
    let seen = see(portal.url("/")).await;
    assert_eq!(seen.visit.status, Some(200));
    assert_eq!(seen.visit.title, "市政务 服务网");
    assert_eq!(seen.visit.bytes, page.len() as u64);
    assert_eq!(seen.visit.marker_found, Some(true));
    assert_eq!(seen.visit.transport, None);
    assert_eq!(seen.visit.certificate_days, None);
    assert_eq!(seen.text, "欢迎 办事 指南");
    assert_eq!(seen.facts.main.as_ref().map(|m| (m.status, m.mime.as_str())), Some((200, "text/html")));
    assert_eq!(seen.facts.title, seen.visit.title);
    assert_eq!(portal.hits()[0].agent, user_agent(Some("mailto:test@example.org")));
}

#[tokio::test]
async fn a_page_without_its_marker_says_so() {
    let portal =
        Portal::serving(Router::new().route("/", get(|| async { axum::response::Html("<p>维护中</p>") })))
            .await;
    assert_eq!(see(portal.url("/")).await.visit.marker_found, Some(false));
}

#[tokio::test]
async fn statuses_are_facts() {
    let portal = Portal::serving(
        Router::new()
            .route("/gone", get(|| async { StatusCode::GONE }))
            .route("/down", get(|| async { StatusCode::SERVICE_UNAVAILABLE })),
    )
    .await;
    for (path, status) in [("/gone", 410), ("/down", 503), ("/nowhere", 404)] {
        let seen = see(portal.url(path)).await;
        assert_eq!((seen.visit.status, seen.visit.transport), (Some(status), None), "{path}");
    }
}

#[tokio::test]
async fn a_gbk_page_is_read_by_its_meta() {
    let html = "<meta http-equiv=Content-Type content='text/html; charset=gb2312'><title>药品经营许可证</title><p>办事 指南";
    let body = encoding_rs::GBK.encode(html).0.into_owned();
    let portal = Portal::serving(Router::new().route(
        "/",
        get(move || {
            let body = body.clone();
            async move { ([(header::CONTENT_TYPE, "text/html")], body) }
        }),
    ))
    .await;
    let seen = see(portal.url("/")).await;
    assert_eq!(seen.visit.title, "药品经营许可证");
    assert_eq!(seen.visit.marker_found, Some(true));
}

#[tokio::test]
async fn a_file_instead_of_a_page_is_no_page() {
    let portal = Portal::serving(
        Router::new()
            .route(
                "/a",
                get(|| async {
                    (
                        [(header::CONTENT_DISPOSITION, "Attachment; filename=x.html")],
                        axum::response::Html("x"),
                    )
                }),
            )
            .route("/b", get(|| async { ([(header::CONTENT_TYPE, "application/octet-stream")], "x") })),
    )
    .await;
    for path in ["/a", "/b"] {
        let seen = see(portal.url(path)).await;
        assert_eq!((seen.visit.status, class(&seen)), (Some(200), Some(TransportClass::Download)), "{path}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_from_a_machine_without_a_network() {
    // A label of more than 63 bytes fails in the resolver itself: no query leaves the machine.
    let url = Url::parse(&format!("http://{}.invalid/", "a".repeat(64))).unwrap();
    let seen = see(url).await;
    let want = if offline() { TransportClass::Ours } else { TransportClass::Dns };
    assert_eq!(class(&seen), Some(want), "{}", detail(&seen));
}

/// A server of one body.
async fn serving(content_type: &'static str, body: Vec<u8>) -> Portal {
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, content_type)], body) }
    };
    Portal::serving(Router::new().route("/", get(answer))).await
}

#[tokio::test]
async fn every_charset_is_read_and_it_is_said_how_it_is_known() {
    let words = "药品经营许可证核发办事指南，在线办理";
    let traditional = "臺北市政府線上申辦服務，請選擇您要辦理的項目";
    let page = |words: &str| format!("<title>{words}</title><p>{words}");
    let coded = |encoding: &'static encoding_rs::Encoding, text: &str| encoding.encode(text).0.into_owned();
    let gb18030 = encoding_rs::GB18030;
    let bom = [b"\xEF\xBB\xBF".to_vec(), page(words).into_bytes()].concat();
    let meta = format!("<meta charset=gb2312>{}", page(words));
    let cases = [
        (
            "text/html; charset=gb18030",
            coded(gb18030, &page("㐂𠀀办事")),
            "gb18030",
            CharsetSource::Header,
            "㐂𠀀办事",
        ),
        (
            "text/html; charset=gbk",
            coded(encoding_rs::GBK, &page(words)),
            "GBK",
            CharsetSource::Header,
            words,
        ),
        ("text/html", coded(encoding_rs::GBK, &meta), "GBK", CharsetSource::Meta, words),
        (
            "text/html; charset=big5",
            coded(encoding_rs::BIG5, &page(traditional)),
            "Big5",
            CharsetSource::Header,
            traditional,
        ),
        (
            "text/html",
            coded(encoding_rs::BIG5, &page(traditional)),
            "Big5",
            CharsetSource::Guess,
            traditional,
        ),
        ("text/html", page(words).into_bytes(), "UTF-8", CharsetSource::Guess, words),
        ("text/html; charset=gbk", bom, "UTF-8", CharsetSource::Bom, words),
    ];
    for (content_type, body, name, by, title) in cases {
        let portal = serving(content_type, body).await;
        let seen = see(portal.url("/")).await;
        let charset = seen.visit.charset.unwrap();
        assert_eq!(
            (charset.name.as_str(), charset.by, charset.malformed),
            (name, by, false),
            "{content_type}"
        );
        assert_eq!(seen.visit.title, title);
    }
}

#[tokio::test]
async fn bytes_that_fit_no_character_are_read_and_told() {
    let body = [&b"<title>\xff\xfe\xe5"[..], "门户</title><p>".as_bytes(), &[0x80; 400]].concat();
    let portal = serving("text/html; charset=utf-8", body).await;
    let seen = see(portal.url("/")).await;
    assert!(seen.visit.title.ends_with("门户"), "{}", seen.visit.title);
    assert!(seen.visit.charset.unwrap().malformed);
    assert_eq!(class(&seen_of(&portal).await), None);
}

async fn seen_of(portal: &Portal) -> mystery_shopper::visit::Seen {
    see(portal.url("/")).await
}

#[tokio::test]
async fn a_marker_may_be_a_selector() {
    let html = "<html lang=zh-CN><meta name=viewport content='width=device-width'><form id=search><input name=q></form>";
    let portal = serving("text/html", html.as_bytes().to_vec()).await;
    for (marker, found) in [
        (Some("css=#search input[name=q]"), Some(true)),
        (Some("css=#search textarea"), Some(false)),
        (Some("search"), Some(false)),
        (Some("  "), None),
        (None, None),
    ] {
        let seen = see_marked(&client(), portal.url("/"), LONG, marker).await;
        assert_eq!(seen.visit.marker_found, found, "{marker:?}");
        assert_eq!((seen.visit.viewport, seen.visit.lang.as_deref()), (Some(true), Some("zh-CN")));
    }
}

#[tokio::test]
async fn a_page_says_what_it_is_made_of() {
    let html = "<script>var a='__jsl_clearance_s'</script><img src=a.png><iframe src=b></iframe>";
    let seen = see(serving("text/html", html.as_bytes().to_vec()).await.url("/")).await;
    let content = seen.visit.content.unwrap();
    assert_eq!((content.scripts, content.pictures, content.frames, content.text), (1, 1, 1, 0));
    assert_eq!(seen.facts.challenges, ["jsl"]);
    let seen = see(serving("text/html", b"<html><body></body></html>".to_vec()).await.url("/")).await;
    assert!(seen.visit.content.unwrap().is_nothing());
}

#[tokio::test]
async fn addresses_with_blanks_and_chinese_names_are_asked_for_as_a_browser_would() {
    let portal = Portal::serving(Router::new().fallback(|| async { "x" })).await;
    let port = portal.address.port();
    let url = Url::parse(&format!("http://政务.localhost:{port}/办事 指南/%B0%EC.html?q=许可 证|x")).unwrap();
    let seen = see(url).await;
    assert_eq!(seen.visit.status, Some(200), "{}", detail(&seen));
    let hits = portal.hits();
    assert_eq!(hits[0].host, format!("xn--zfr164b.localhost:{port}"));
    assert_eq!(
        hits[0].path,
        "/%E5%8A%9E%E4%BA%8B%20%E6%8C%87%E5%8D%97/%B0%EC.html?q=%E8%AE%B8%E5%8F%AF%20%E8%AF%81|x"
    );
}
