//! Firefox: the same journeys, and what it lacks is said.

use axum::http::header;
use axum::response::{Html, IntoResponse};
use mystery_shopper::browser::{BrowserError, Guard, JourneyOptions, Pool, StepError};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::scenario::{Channel, Check, FileExpectation, PageChoice, Verb};
use mystery_shopper::domain::template::Template;

use crate::world::*;

fn firefox() -> JourneyOptions {
    JourneyOptions { engine: Engine::Firefox, ..options() }
}

const FORM: &str = r#"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>申请表</title>
<label for=n>企业名称</label><input id=n>
<label for=c>类别</label><select id=c><option>食品<option>药品</select>
<label><input type=checkbox id=ok>同意</label>
<label for=f>材料</label><input type=file id=f>
<iframe src="/frame" title="须知"></iframe>
<a href="/form.pdf" id=pdf>下载</a> <a href="/next" target=_blank id=new>新窗口</a>
<button onclick="alert('请到窗口办理')" id=no>提交</button>
<button onclick="said.textContent=[n.value,c.value,ok.checked,f.files[0].name].join()" id=go>下一步</button>
<p id=said></p><p id=me></p>
<script>
  me.textContent = [navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone,
    innerWidth, innerHeight, devicePixelRatio].join();
  console.error('坏了');
  fetch('/missing');
</script>"#;

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj <<>> endobj\nstartxref\n9\n%%EOF\n";

async fn portal() -> World {
    World::answering(|hit| match hit.path.as_str() {
        "/" => Some(Html(FORM).into_response()),
        "/frame" => Some(Html("<!doctype html><meta charset=utf-8><p>须携带原件</p>").into_response()),
        "/next" => Some(Html("<!doctype html><meta charset=utf-8><title>第二页</title>到了").into_response()),
        "/form.pdf" => {
            let kept = [
                (header::CONTENT_TYPE, "application/pdf"),
                (header::CONTENT_DISPOSITION, "attachment; filename=form.pdf"),
            ];
            Some((kept, PDF).into_response())
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn firefox_walks_as_chromium_does() {
    let world = portal().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("执照.txt");
    std::fs::write(&file, "内容").unwrap();
    let mut journey = world.journey_with(firefox()).await;
    assert!(journey.browser().starts_with("Firefox 1"), "{}", journey.browser());
    let pgid = journey.process_group().unwrap();
    assert!(group(pgid).iter().any(|(_, cmdline)| cmdline.contains("firefox")));

    goto(&mut journey, &world.url("/")).await.unwrap();
    assert_eq!(read(&mut journey, css("#me")).await, "zh-CN,Asia/Shanghai,1280,800,1");
    let agent = world.hits()[0].headers[header::USER_AGENT].to_str().unwrap().to_owned();
    assert!(agent.contains("Firefox/") && agent.ends_with("(+mailto:test@example.org)"), "{agent}");
    assert_eq!(world.hits()[0].headers[header::ACCEPT_LANGUAGE].to_str().unwrap(), "zh-CN");

    act(&mut journey, Verb::Type { field: label("企业名称"), with: Template::literal("张三药店") })
        .await
        .unwrap();
    act(&mut journey, Verb::Choose { list: label("类别"), option: Template::literal("药品") }).await.unwrap();
    act(&mut journey, Verb::Tick(label("同意"))).await.unwrap();
    act(&mut journey, Verb::Upload { field: label("材料"), file }).await.unwrap();
    click(&mut journey, css("#go")).await.unwrap();
    assert_eq!(read(&mut journey, css("#said")).await, "张三药店,药品,true,执照.txt");
    assert!(journey.visible_text(soon(5)).await.unwrap().contains("须携带原件"));
    expect(&mut journey, Check::Text { text: contains("须携带原件"), inside: None }).await.unwrap();

    let expected = FileExpectation { kind: Some("pdf".to_owned()), opens: true, min_size: None };
    act(&mut journey, Verb::Download { link: css("#pdf"), expect: expected }).await.unwrap();
    click(&mut journey, css("#no")).await.unwrap();
    let facts = journey.facts(soon(5)).await;
    assert_eq!(facts.title, "申请表");
    assert_eq!(facts.main.as_ref().map(|main| main.status), Some(200));
    assert_eq!(facts.downloads.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["form.pdf"]);
    assert_eq!(facts.popups, 0, "the document that Firefox opens by itself is no page of the portal");
    assert_eq!(facts.dialogs.iter().map(|dialog| dialog.text.as_str()).collect::<Vec<_>>(), ["请到窗口办理"]);
    assert_eq!(facts.console_errors.first().map(|error| error.text.as_str()), Some("坏了"));
    assert!(facts.failed_requests.iter().any(|request| request.status == Some(404)), "{facts:?}");
    assert!(facts.transport.is_none());
    // What was typed is painted over, so the picture can be read.
    let picture = journey.screenshot(soon(5)).await.unwrap();
    assert!(picture.is_covered());
    let (bytes, mime) = picture.finish().unwrap();
    assert!(bytes.starts_with(b"\xff\xd8\xff"), "{mime}");

    click(&mut journey, css("#new")).await.unwrap();
    expect(&mut journey, Check::Title(contains("第二页"))).await.unwrap();
    act(&mut journey, Verb::Page(PageChoice::Close)).await.unwrap();
    expect(&mut journey, Check::Title(contains("申请表"))).await.unwrap();
    journey.close().await;

    // The same browser, another citizen.
    let mut second = world.journey_with(firefox()).await;
    assert_eq!(second.process_group(), Some(pgid));
    goto(&mut second, &world.url("/next")).await.unwrap();
    second.close().await;
    world.end().await;
}

#[tokio::test]
async fn what_firefox_says_of_the_network_has_its_class() {
    use TransportClass as C;
    let world = World::answering(|hit| match hit.path.as_str() {
        "/circle" => Some((axum::http::StatusCode::FOUND, [(header::LOCATION, "/circle")]).into_response()),
        "/nothing" => Some(axum::http::StatusCode::NO_CONTENT.into_response()),
        "/file" => Some(
            ([(header::CONTENT_DISPOSITION, "attachment; filename=a.bin")], b"abc".as_slice())
                .into_response(),
        ),
        "/" => Some(Html("<title>好</title>").into_response()),
        _ => None,
    })
    .await;
    let dead = std::net::TcpListener::bind("127.0.0.77:0").unwrap().local_addr().unwrap();
    // Half an answer, and none.
    let broken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let half = format!("http://{}/", broken.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = broken.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<title>half").await;
        }
    });
    let cases = [
        (half, C::Reset),
        (format!("http://{dead}/"), C::Refused),
        ("http://no-such-host.invalid/".to_owned(), C::Dns),
        (world.url("/circle"), C::RedirectLoop),
        (world.base.replace("http:", "https:"), C::Tls),
        ("http://127.0.0.1:1/".to_owned(), C::Policy),
        (world.url("/file"), C::Download),
    ];
    let mut journey = world.journey_with(firefox()).await;
    for (url, want) in cases {
        journey.begin_step();
        let ended = goto(&mut journey, &url).await;
        assert!(matches!(ended, Err(StepError::Navigation(_))), "{url}: {ended:?}");
        let facts = journey.facts(soon(2)).await;
        assert_eq!(facts.transport.as_ref().map(|transport| transport.class), Some(want), "{url} {facts:?}");
        if want != C::Download {
            assert_eq!(facts.url.trim_end_matches('/'), url.trim_end_matches('/'));
        }
    }
    journey.begin_step();
    goto(&mut journey, &world.url("/")).await.unwrap();
    // "No content" leaves the page standing.
    goto(&mut journey, &world.url("/nothing")).await.unwrap();
    expect(&mut journey, Check::Title(contains("好"))).await.unwrap();
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn firefox_walks_no_live_target_and_shares_the_slots() {
    let world = portal().await;
    let pool = Pool::new(settings(world.temp.path(), 1));
    let guard = Guard { live: true, loopback: true, allow: Vec::new(), hosts: Vec::new() };
    let refused = pool.open(JourneyOptions { guard, ..firefox() }, soon(20)).await;
    match refused {
        Err(error @ BrowserError::Unguarded { .. }) => {
            assert!(error.to_string().contains("Firefox has no such filter"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // One slot: a browser of the other kind makes room.
    for engine in [Engine::Chromium, Engine::Firefox, Engine::Chromium] {
        let mut journey = pool.open(JourneyOptions { engine, ..options() }, soon(40)).await.unwrap();
        assert!(journey.browser().starts_with(engine.title()), "{}", journey.browser());
        goto(&mut journey, &world.url("/next")).await.unwrap();
        let other = if engine == Engine::Chromium { "firefox" } else { "chromium" };
        let running = users_of(world.temp.path());
        assert!(!running.iter().any(|(_, cmdline)| cmdline.contains(other)), "{running:?}");
        journey.close().await;
    }
    pool.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_killed_firefox_is_our_own_fault_and_leaves_nothing() {
    let world = portal().await;
    let mut journey = world.journey_with(firefox()).await;
    goto(&mut journey, &world.url("/next")).await.unwrap();
    let all = group(journey.process_group().unwrap());
    let (browser, _) = all.iter().find(|(_, cmdline)| cmdline.contains("--marionette")).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(*browser).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let ended = goto(&mut journey, &world.url("/next")).await;
    assert!(matches!(ended, Err(StepError::Browser(_))), "{ended:?}");
    // Dropped without a goodbye, too.
    drop(journey);
    let second = world.journey_with(firefox()).await;
    drop(second);
    world.end().await;
}

#[tokio::test]
async fn a_phone_journey_in_firefox_has_a_small_window() {
    let world = portal().await;
    let mut journey = world.journey_with(JourneyOptions { channel: Channel::Mobile, ..firefox() }).await;
    goto(&mut journey, &world.url("/")).await.unwrap();
    assert_eq!(read(&mut journey, css("#me")).await, "zh-CN,Asia/Shanghai,390,844,3");
    act(&mut journey, Verb::Tick(label("同意"))).await.unwrap();
    journey.close().await;
    world.end().await;
}
