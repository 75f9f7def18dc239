//! Pop-ups, frames, dialogs, phones, isolation between journeys.

use mystery_shopper::browser::{JourneyOptions, StepError};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::scenario::{Channel, Check, DialogAnswer, PageChoice, Verb};
use mystery_shopper::domain::template::Template;

use crate::world::*;

const HOME: &str = r##"<title>首页</title>
<a id=blank target=_blank href="/item">新窗口</a>
<button id=open onclick="window.open('/item', 'w', 'width=500,height=400')">弹窗</button>
<button id=late onclick="setTimeout(() => { location.href = '/item' }, 0)">转去</button>
<button id=here onclick="history.pushState({}, '', '/spa'); document.title = '路由'">路由</button>
<a id=anchor href="#part">锚点</a><a id=script href="javascript:void(0)">脚本</a><a id=none href="/empty">无内容</a>
<p id=part>部分</p>"##;

const ITEM: &str = r#"<title>事项</title><p>药品经营许可证</p>
<button id=shut onclick="window.close()">关闭</button>
<button id=back onclick="opener.document.title = '回填'; window.close()">选定</button>"#;

#[tokio::test]
async fn new_pages_are_followed_switched_and_closed() {
    let world = World::of(&[("/", HOME), ("/item", ITEM)]).await;
    let mut journey = world.at("/").await;
    click(&mut journey, css("#blank")).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    assert_eq!(journey.facts(soon(2)).await.popups, 1);
    act(&mut journey, Verb::Page(PageChoice::First)).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("首页"))).await.unwrap();
    // The page in front again takes clicks.
    click(&mut journey, css("#open")).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    act(&mut journey, Verb::Page(PageChoice::Close)).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("首页"))).await.unwrap();
    act(&mut journey, Verb::Page(PageChoice::Matching(Template::literal("/item")))).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    // A page that closes itself leaves its opener in front.
    act(&mut journey, Verb::Page(PageChoice::First)).await.unwrap();
    click(&mut journey, css("#open")).await.unwrap();
    click(&mut journey, css("#back")).await.unwrap();
    expect(&mut journey, Check::Title(contains("回填"))).await.unwrap();
    match act_within(&mut journey, Verb::Page(PageChoice::Matching(Template::literal("/none"))), 100).await {
        Err(StepError::NotFound(wait)) => assert_eq!(wait.last_seen, "no such page is open"),
        other => panic!("{other:?}"),
    }
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn clicks_that_navigate_late_or_not_at_all_cost_no_waiting() {
    use axum::response::{Html, IntoResponse};
    let world = World::answering(|hit| match hit.path.as_str() {
        "/" => Some(Html(format!("<!doctype html><meta charset=utf-8>{HOME}")).into_response()),
        "/item" => Some(Html(format!("<!doctype html><meta charset=utf-8>{ITEM}")).into_response()),
        "/empty" => Some(axum::http::StatusCode::NO_CONTENT.into_response()),
        _ => None,
    })
    .await;
    let mut journey = world.at("/").await;
    let watch = mystery_shopper::clock::Stopwatch::start();
    for id in ["#anchor", "#script", "#here", "#none"] {
        click(&mut journey, css(id)).await.unwrap();
    }
    expect_now(&mut journey, Check::Title(contains("路由"))).await.unwrap();
    expect_now(&mut journey, Check::Url(contains("/spa"))).await.unwrap();
    // Each waits for two frames and a few round trips; a navigation that never ends would take 10 s.
    assert!(watch.elapsed_ms() < 5_000, "{}", watch.elapsed_ms());
    goto(&mut journey, &world.url("/")).await.unwrap();
    click(&mut journey, css("#late")).await.unwrap();
    expect(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    journey.close().await;
    world.end().await;
}

const FRAMED: &str = r#"<title>外</title><p>外面</p><div style="height:1200px"></div><iframe id=f name=inner src="/inner" width=400 height=300></iframe>"#;
const INNER: &str = r#"<title>内</title><p>里面的字</p><div style="height:600px"></div><input id=n><button id=b onclick="this.textContent = n.value + event.isTrusted">按</button>
<a id=go href="/second">下一页</a><a id=out target=_top href="/item">出去</a>"#;

#[tokio::test]
async fn frames_are_entered_and_left() {
    let world =
        World::of(&[("/", FRAMED), ("/inner", INNER), ("/second", "<p id=s>第二页</p>"), ("/item", ITEM)])
            .await;
    let mut journey = world.at("/").await;
    expect(&mut journey, Check::Text { text: contains("里面的字"), inside: None }).await.unwrap();
    let absent = Check::NoText { text: contains("里面的字"), inside: None };
    assert!(matches!(expect_now(&mut journey, absent).await, Err(StepError::Unmet(_))));
    assert!(journey.visible_text(soon(2)).await.unwrap().contains("里面的字"));
    act(&mut journey, Verb::Frame(Some(css("#f")))).await.unwrap();
    fill(&mut journey, css("#n"), "值").await.unwrap();
    click(&mut journey, css("#b")).await.unwrap();
    assert_eq!(read(&mut journey, css("#b")).await, "值true");
    click(&mut journey, css("#go")).await.unwrap();
    assert_eq!(read(&mut journey, css("#s")).await, "第二页");
    act(&mut journey, Verb::Frame(None)).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("外"))).await.unwrap();
    goto(&mut journey, &world.url("/")).await.unwrap();
    act(&mut journey, Verb::Frame(Some(css("#f")))).await.unwrap();
    click(&mut journey, css("#out")).await.unwrap();
    // The frame is gone with its page.
    expect_now(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    journey.close().await;
    world.end().await;
}

const DIALOGS: &str = r#"<title>对话</title>
<button id=a onclick="alert('请到窗口办理'); location.href='/item'">提醒</button>
<button id=c onclick="this.textContent = confirm('确定吗')">确认</button>
<button id=p onclick="this.textContent = prompt('姓名')">询问</button>"#;

#[tokio::test]
async fn dialogs_are_answered_at_once_and_recorded() {
    let world = World::of(&[("/", DIALOGS), ("/item", ITEM)]).await;
    let mut journey = world.at("/").await;
    click(&mut journey, css("#c")).await.unwrap();
    assert_eq!(read(&mut journey, css("#c")).await, "false");
    act(&mut journey, Verb::Dialog(DialogAnswer::Accept(Some(Template::literal("张三"))))).await.unwrap();
    click(&mut journey, css("#c")).await.unwrap();
    assert_eq!(read(&mut journey, css("#c")).await, "true");
    click(&mut journey, css("#p")).await.unwrap();
    assert_eq!(read(&mut journey, css("#p")).await, "张三");
    act(&mut journey, Verb::Dialog(DialogAnswer::Dismiss)).await.unwrap();
    click(&mut journey, css("#a")).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("事项"))).await.unwrap();
    let facts = journey.facts(soon(2)).await;
    let said: Vec<_> = facts.dialogs.iter().map(|d| (d.kind.as_str(), d.text.as_str(), d.accepted)).collect();
    assert_eq!(
        said,
        [
            ("confirm", "确定吗", false),
            ("confirm", "确定吗", true),
            ("prompt", "姓名", true),
            ("alert", "请到窗口办理", true)
        ]
    );
    let sign = mystery_shopper::domain::scenario::Sign::Text(contains("到窗口"));
    assert_eq!(journey.sees(&sign, soon(2)).await.unwrap().as_deref(), Some("请到窗口办理"));
    journey.begin_step();
    assert!(journey.facts(soon(2)).await.dialogs.is_empty());
    journey.close().await;
    world.end().await;
}

const DEVICE: &str = r#"<meta name=viewport content="width=device-width"><title>设备</title><p id=d></p>
<script>d.textContent = [innerWidth, innerHeight, devicePixelRatio, navigator.maxTouchPoints > 0, navigator.language,
  Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent].join('|');</script>
<button id=b ontouchstart="this.dataset.touched = '，手指'"
  onclick="this.textContent = '按了：' + event.pointerType + (this.dataset.touched || '')">按</button>
<label><input id=t type=checkbox onclick="this.nextSibling.textContent = event.pointerType">同意</label><a id=n target=_blank href="/">又一个</a>"#;

#[tokio::test]
async fn a_phone_is_a_phone_and_a_desk_a_desk() {
    let world = World::of(&[("/", DEVICE)]).await;
    let mut desk = world.at("/").await;
    let seen = read(&mut desk, css("#d")).await;
    assert!(seen.starts_with("1280|800|1|false|zh-CN|Asia/Shanghai|Mozilla/5.0 "), "{seen}");
    assert!(seen.ends_with(" mystery-shopper/test (+mailto:test@example.org)"), "{seen}");
    click(&mut desk, css("#b")).await.unwrap();
    assert_eq!(read(&mut desk, css("#b")).await, "按了：mouse");
    desk.close().await;
    let phone = JourneyOptions {
        channel: Channel::Mobile,
        language: Language::English,
        timezone: "Europe/Paris".to_owned(),
        ..options()
    };
    let mut phone = world.journey_with(phone).await;
    goto(&mut phone, &world.url("/")).await.unwrap();
    for _ in 0..2 {
        let seen = read(&mut phone, css("#d")).await;
        assert!(seen.starts_with("390|844|3|true|en|Europe/Paris|Mozilla/5.0 (Linux; Android"), "{seen}");
        assert!(seen.contains(" Mobile Safari/537.36 mystery-shopper/test"), "{seen}");
        click(&mut phone, css("#b")).await.unwrap();
        assert_eq!(read(&mut phone, css("#b")).await, "按了：touch，手指");
        act(&mut phone, Verb::Tick(css("#t"))).await.unwrap();
        assert_eq!(read(&mut phone, css("label")).await, "touch");
        click(&mut phone, css("#n")).await.unwrap();
        goto(&mut phone, &world.url("/")).await.unwrap();
    }
    phone.close().await;
    let languages: Vec<String> =
        world.hits().iter().map(|hit| hit.headers["accept-language"].to_str().unwrap().to_owned()).collect();
    assert!(languages[0].starts_with("zh-CN"), "{languages:?}");
    assert!(languages.last().unwrap().starts_with("en"), "{languages:?}");
    assert!(
        world
            .hits()
            .iter()
            .all(|hit| hit.headers["user-agent"].to_str().unwrap().contains("mystery-shopper/test"))
    );
    world.end().await;
}

const COOKIE: &str = r"<title>c</title><p id=c></p><script>c.textContent = (document.cookie || '空') + '|' + (localStorage.k || '空');
document.cookie = 'who=first'; localStorage.k = 'kept';</script>";

#[tokio::test]
async fn journeys_share_nothing_and_run_side_by_side() {
    let world = World::of(&[("/", COOKIE)]).await;
    for _ in 0..3 {
        let mut journey = world.at("/").await;
        assert_eq!(read(&mut journey, css("#c")).await, "空|空");
        goto(&mut journey, &world.url("/")).await.unwrap();
        assert_eq!(read(&mut journey, css("#c")).await, "who=first|kept");
        journey.close().await;
    }
    let (mut a, mut b) = tokio::join!(world.journey(), world.journey());
    assert_ne!(a.process_group(), b.process_group());
    let url = world.url("/");
    let (x, y) = tokio::join!(goto(&mut a, &url), goto(&mut b, &url));
    x.and(y).unwrap();
    assert_eq!(read(&mut a, css("#c")).await, "空|空");
    assert_eq!(read(&mut b, css("#c")).await, "空|空");
    // Both slots are taken: a third has to wait, and says so.
    let third = world
        .pool
        .open(options(), mystery_shopper::clock::Deadline::after(std::time::Duration::from_millis(50)))
        .await;
    assert!(matches!(third, Err(mystery_shopper::browser::BrowserError::Busy)));
    tokio::join!(a.close(), b.close());
    world.end().await;
}
