//! The guard: on a live target nothing is submitted, and pages keep away from this machine.

use mystery_shopper::browser::{Guard, JourneyOptions, StepError};
use mystery_shopper::domain::observation::{StopReason, TransportClass};
use mystery_shopper::domain::scenario::{AllowedRequest, Check, Verb};

use crate::world::*;

const PAGE: &str = r#"<title>提交环节</title>
<form method=post action="/save"><input name=idcard value="000000190001010004"><input name=phone value=1><button id=form>下一步</button></form>
<form method=post action="/files" enctype=multipart/form-data><input name=who value=x><input type=file name=photo id=photo><button id=multi>上传</button></form>
<button id=fetch onclick="fetch('/api', { method: 'POST', body: JSON.stringify({ name: '张三', code: 1 }) }).then(() => document.title = 'sent', () => document.title = 'stopped')">异步</button>
<button id=beacon onclick="document.title = navigator.sendBeacon('/beacon', new URLSearchParams({ a: 1, b: 2 }))">信标</button>
<button id=search onclick="fetch('/api/search', { method: 'POST', body: 'q=1' }).then(() => document.title = 'found')">查询</button>
<form method=post action="/named"><input type=submit id=named value="提交申请"></form>
<form method=post action="/named"><button id=inner><span>确认</span><b>申报</b></button></form>
<a id=away href="http://localhost:PORT/other">别处</a>
<a id=away-tab target=_blank href="http://localhost:PORT/other">别处</a>"#;

fn live(hosts: &[&str]) -> JourneyOptions {
    JourneyOptions {
        guard: Guard {
            live: true,
            loopback: true,
            allow: vec![AllowedRequest { method: "POST".to_owned(), path: "/api/search".to_owned() }],
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        },
        ..options()
    }
}

#[tokio::test]
async fn nothing_is_submitted_to_a_live_target() {
    let world = World::of(&[("/", PAGE), ("/api/search", "ok")]).await;
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("p.png");
    std::fs::write(&photo, "x").unwrap();
    let mut journey = world.journey_with(live(&["127.0.0.1"])).await;
    let group = journey.process_group();
    goto(&mut journey, &world.url("/")).await.unwrap();
    click(&mut journey, css("#fetch")).await.unwrap();
    expect(&mut journey, Check::Title(contains("stopped"))).await.unwrap();
    click(&mut journey, css("#beacon")).await.unwrap();
    click(&mut journey, css("#search")).await.unwrap();
    expect(&mut journey, Check::Title(contains("found"))).await.unwrap();
    match click(&mut journey, css("#form")).await {
        Err(StepError::Refused(what)) => assert_eq!(what, format!("POST {}", world.url("/save"))),
        other => panic!("{other:?}"),
    }
    // What is called so is not even pressed, however the scenario means it.
    for button in ["#named", "#inner", "#inner span"] {
        match click(&mut journey, css(button)).await {
            Err(StepError::Refused(what)) => assert!(what.contains("would submit"), "{what}"),
            other => panic!("{button}: {other:?}"),
        }
    }
    act(&mut journey, Verb::Upload { field: css("#photo"), file: photo }).await.unwrap();
    assert!(matches!(click(&mut journey, css("#multi")).await, Err(StepError::Refused(_))));
    // The page still stands, for the picture.
    expect_now(&mut journey, Check::Visible(css("#form"))).await.unwrap();

    let facts = journey.facts(soon(3)).await;
    let mut stopped: Vec<(String, Vec<String>)> = facts
        .stopped
        .iter()
        .map(|stop| {
            assert_eq!((stop.method.as_str(), stop.reason), ("POST", StopReason::Submission));
            (stop.url.replace(&world.base, ""), stop.fields.clone())
        })
        .collect();
    stopped.sort();
    let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        stopped,
        [
            ("/api".to_owned(), fields(&["name", "code"])),
            ("/beacon".to_owned(), fields(&["a", "b"])),
            ("/files".to_owned(), fields(&["who", "photo"])),
            ("/save".to_owned(), fields(&["idcard", "phone"])),
        ]
    );
    let text = serde_json::to_string(&facts).unwrap();
    assert!(!text.contains("000000190001010004") && !text.contains("张三"), "{text}");
    journey.close().await;
    let posted: Vec<String> =
        world.hits().iter().filter(|hit| hit.method != "GET").map(|hit| hit.path.clone()).collect();
    assert_eq!(posted, ["/api/search"]);

    // The next live journey is walked by the same browser, and has a list of its own.
    let reviewed = world.hits().len();
    let strict = JourneyOptions { guard: Guard { allow: Vec::new(), ..live(&[]).guard }, ..options() };
    let mut journey = world.journey_with(strict).await;
    assert_eq!(journey.process_group(), group);
    goto(&mut journey, &world.url("/")).await.unwrap();
    click(&mut journey, css("#search")).await.unwrap();
    let facts = journey.facts(soon(3)).await;
    assert_eq!(facts.stopped.len(), 1, "{:?}", facts.stopped);
    journey.close().await;
    assert!(world.hits()[reviewed..].iter().all(|hit| hit.method == "GET"));

    // The next journey on a test system is free: nothing of the guard is left.
    let mut journey = world.at("/").await;
    click(&mut journey, css("#form")).await.unwrap();
    journey.close().await;
    let saved = world.hits().into_iter().find(|hit| hit.path == "/save").unwrap();
    assert!(saved.body.contains("idcard=000000190001010004"));
    world.end().await;
}

#[tokio::test]
async fn a_page_of_another_host_is_not_opened_from_a_live_target() {
    let (base, hits) = serve(|_| None).await;
    let port = base.rsplit(':').next().unwrap();
    let page = PAGE.replace("PORT", port);
    let world = World::of(&[("/", &page)]).await;
    let mut journey = world.journey_with(live(&["127.0.0.1"])).await;
    goto(&mut journey, &world.url("/")).await.unwrap();
    assert!(matches!(click(&mut journey, css("#away")).await, Err(StepError::Refused(_))));
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.stopped[0].reason, StopReason::ForeignHost);
    assert_eq!(facts.title, "提交环节");
    // BiDi never holds back what opens a tab; the filter does.
    journey.begin_step();
    assert!(click(&mut journey, css("#away-tab")).await.is_err());
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.stopped.len(), 1, "{facts:?}");
    assert_eq!(facts.stopped[0].reason, StopReason::ForeignHost);
    assert!(facts.stopped[0].url.ends_with("/other"), "{facts:?}");
    assert!(hits.lock().unwrap().is_empty());
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn pages_of_other_machines_keep_away_from_this_one() {
    let world = World::of(&[("/", "<title>内</title>")]).await;
    for live in [true, false] {
        let guard = Guard { live, allow: Vec::new(), loopback: false, hosts: Vec::new() };
        let mut journey = world.journey_with(JourneyOptions { guard, ..options() }).await;
        for url in [
            world.url("/"),
            world.url("/").replace("127.0.0.1", "localhost"),
            "http://169.254.169.254/latest".to_owned(),
        ] {
            journey.begin_step();
            assert!(matches!(goto(&mut journey, &url).await, Err(StepError::Refused(_))), "{url}");
            let facts = journey.facts(soon(2)).await;
            assert_eq!(facts.transport.unwrap().class, TransportClass::Policy);
            assert_eq!(facts.stopped[0].reason, StopReason::ForbiddenAddress);
        }
        journey.close().await;
    }
    assert!(world.hits().is_empty());
    world.end().await;
}

#[tokio::test]
async fn only_web_addresses_are_opened() {
    let world = World::answering(|hit| {
        use axum::response::IntoResponse;
        (hit.path == "/to-file").then(|| {
            (axum::http::StatusCode::FOUND, [(axum::http::header::LOCATION, "file:///etc/passwd")])
                .into_response()
        })
    })
    .await;
    let mut journey = world.journey().await;
    for url in
        ["file:///etc/passwd", "chrome://version", "javascript:alert(1)", "data:text/html,x", "不是地址"]
    {
        assert!(matches!(goto(&mut journey, url).await, Err(StepError::Refused(_))), "{url}");
    }
    journey.begin_step();
    assert!(matches!(goto(&mut journey, &world.url("/to-file")).await, Err(StepError::Navigation(_))));
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.transport.unwrap().class, TransportClass::Policy);
    assert!(facts.url.ends_with("/to-file"), "{}", facts.url);
    journey.close().await;
    world.end().await;
}
