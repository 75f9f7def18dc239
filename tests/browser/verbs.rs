//! Every verb and every check on friendly pages.

use mystery_shopper::browser::StepError;
use mystery_shopper::domain::locator::MatchOp;
use mystery_shopper::domain::scenario::{Check, Sign, Verb};
use mystery_shopper::domain::template::Template;

use crate::world::*;

const FORM: &str = r#"<title>申请</title>
<h1>药品经营许可证</h1>
<form action="/done" method="get">
  <label>申请人 <input name="applicant"></label>
  <label for="phone">电话</label><input id="phone" type="tel" name="phone">
  <label for="kind">类别</label>
  <select id="kind" name="kind"><option value="">请选择</option><option value="r">零售</option><option value="w">批发</option></select>
  <label><input type="checkbox" name="agree" value="1"> 我已阅读</label>
  <label for="pretty">漂亮的开关</label><input id="pretty" name="pretty" type="checkbox" style="position:absolute;opacity:0;width:0;height:0">
  <textarea name="note" placeholder="备注"></textarea>
  <button type="submit">下一步</button>
</form>
<script>
  const seen = [];
  document.querySelector('[name=applicant]').addEventListener('input', (e) => seen.push('input:' + e.target.value));
  document.querySelector('[name=applicant]').addEventListener('change', (e) => seen.push('change:' + e.target.value));
  document.querySelector('[name=note]').addEventListener('keydown', (e) => seen.push('key:' + e.key + ':' + e.isTrusted));
  document.querySelector('form').addEventListener('submit', (e) => sessionStorage.setItem('seen', seen.join(' ')));
  document.querySelector('button').addEventListener('click', (e) => sessionStorage.setItem('trusted', e.isTrusted));
</script>"#;

const DONE: &str = r"<title>完成</title><p id=seen></p><p id=trusted></p><p id=query></p>
<script>
  seen.textContent = sessionStorage.getItem('seen');
  trusted.textContent = sessionStorage.getItem('trusted');
  query.textContent = decodeURIComponent(location.search.replaceAll('+', ' '));
</script>";

#[tokio::test]
async fn a_form_is_filled_as_a_person_would_and_sent() {
    let world = World::of(&[("/", FORM), ("/done", DONE)]).await;
    let mut journey = world.at("/").await;
    fill(&mut journey, label("申请人"), "张三").await.unwrap();
    fill(&mut journey, label("电话"), "010-1234").await.unwrap();
    let choose = |option: &str| Verb::Choose { list: label("类别"), option: Template::literal(option) };
    act(&mut journey, choose("批发")).await.unwrap();
    act(&mut journey, choose("r")).await.unwrap();
    act(&mut journey, Verb::Tick(label("我已阅读"))).await.unwrap();
    // Already checked: nothing happens.
    act(&mut journey, Verb::Tick(label("我已阅读"))).await.unwrap();
    act(&mut journey, Verb::Tick(label("漂亮的开关"))).await.unwrap();
    act(&mut journey, Verb::Untick(label("漂亮的开关"))).await.unwrap();
    act(&mut journey, Verb::Tick(css("#pretty"))).await.unwrap();
    let note = css("[name=note]");
    act(&mut journey, Verb::Type { field: note.clone(), with: Template::literal("ab") }).await.unwrap();
    act(&mut journey, Verb::Press("Control+A".to_owned())).await.unwrap();
    act(&mut journey, Verb::Press("c".to_owned())).await.unwrap();
    expect(&mut journey, Check::Value { of: note, value: matching(MatchOp::Exact, "c") }).await.unwrap();
    click(&mut journey, role("button", "下一步")).await.unwrap();

    assert_eq!(read(&mut journey, css("#trusted")).await, "true");
    let seen = read(&mut journey, css("#seen")).await;
    assert!(seen.starts_with("input:张三 change:张三 key:a:true key:b:true"), "{seen}");
    let query = read(&mut journey, css("#query")).await;
    assert_eq!(query, "?applicant=张三&phone=010-1234&kind=r&agree=1&pretty=on&note=c");

    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.title, "完成");
    assert!(facts.url.contains("/done?applicant="), "{}", facts.url);
    let main = facts.main.unwrap();
    assert_eq!((main.status, main.mime.as_str()), (200, "text/html"));
    assert_eq!((facts.requests, facts.popups, facts.transport), (2, 0, None));
    let picture = journey.screenshot(soon(5)).await.unwrap();
    let (bytes, mime) = picture.finish().unwrap();
    assert!(bytes.starts_with(b"\xff\xd8\xff") && mime == "image/jpeg");
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn enter_sends_a_form_and_the_next_page_is_waited_for() {
    let world = World::of(&[("/", FORM), ("/done", DONE)]).await;
    let mut journey = world.at("/").await;
    fill(&mut journey, label("申请人"), "李四").await.unwrap();
    act(&mut journey, Verb::Press("Enter".to_owned())).await.unwrap();
    assert_eq!(journey.facts(soon(2)).await.title, "完成");
    journey.close().await;
    world.end().await;
}

const STATES: &str = r#"<title>状态</title>
<p id=late hidden>到了</p>
<button id=off disabled>不可用</button>
<input id=v value="一二三">
<ul><li>a<li>b<li>c</ul>
<div id=menu style="width:80px;height:20px">菜单</div><p id=sub style="display:none">子菜单</p>
<div style="height:3000px"></div><p id=bottom>底部</p>
<a href="/two" data-x="42">链接</a>
<script>
  setTimeout(() => { late.hidden = false; off.disabled = false; }, 150);
  menu.addEventListener('mouseover', () => { sub.style.display = 'block'; });
  addEventListener('scroll', () => { document.title = '滚动了'; });
</script>"#;

#[tokio::test]
async fn checks_wait_and_say_what_was_last_seen() {
    let world = World::of(&[("/", STATES)]).await;
    let mut journey = world.at("/").await;
    expect(&mut journey, Check::Visible(css("#late"))).await.unwrap();
    expect(&mut journey, Check::Enabled(css("#off"))).await.unwrap();
    expect(&mut journey, Check::Hidden(css("#sub"))).await.unwrap();
    expect(&mut journey, Check::Hidden(css("#never"))).await.unwrap();
    expect(&mut journey, Check::Count { of: css("li"), count: 3 }).await.unwrap();
    expect(&mut journey, Check::Title(contains("状态"))).await.unwrap();
    expect(&mut journey, Check::Url(matching(MatchOp::Suffix, "/"))).await.unwrap();
    expect(&mut journey, Check::Status(vec![200, 304])).await.unwrap();
    expect(&mut journey, Check::Value { of: css("#v"), value: contains("二") }).await.unwrap();
    expect(&mut journey, Check::Text { text: contains("菜单"), inside: None }).await.unwrap();
    expect(&mut journey, Check::Text { text: matching(MatchOp::Regex, "^到.$"), inside: Some(css("#late")) })
        .await
        .unwrap();
    expect(&mut journey, Check::NoText { text: contains("子菜单"), inside: None }).await.unwrap();
    expect(&mut journey, Check::NoConsoleError).await.unwrap();

    let unmet = [
        (Check::Visible(css("#never")), "no element"),
        (Check::Visible(css("#sub")), "hidden: <p id=\"sub\">子菜单"),
        (Check::Hidden(css("#late")), "visible: <p id=\"late\">到了"),
        (Check::Count { of: css("li"), count: 2 }, "3 elements"),
        (Check::Title(contains("无")), "the title `状态`"),
        (Check::Status(vec![404]), "status 200"),
        (Check::Value { of: css("#v"), value: contains("四") }, "the value `一二三`"),
        (Check::NoText { text: contains("到了"), inside: None }, "the text is there"),
    ];
    for (check, want) in unmet {
        match expect_now(&mut journey, check).await {
            Err(StepError::Unmet(wait)) => {
                assert!(wait.last_seen.contains(want), "{} / {want}", wait.last_seen);
            }
            other => panic!("{want}: {other:?}"),
        }
    }

    act(&mut journey, Verb::Hover(css("#menu"))).await.unwrap();
    expect(&mut journey, Check::Visible(css("#sub"))).await.unwrap();
    act(&mut journey, Verb::Scroll(css("#bottom"))).await.unwrap();
    act(&mut journey, Verb::Wait(Check::Title(contains("滚动了")))).await.unwrap();
    let attribute =
        Verb::Read { from: text("链接"), into: "x".to_owned(), attribute: Some("data-x".to_owned()) };
    assert_eq!(act(&mut journey, attribute).await.unwrap().read.as_deref(), Some("42"));
    let shot = act(&mut journey, Verb::Shot("a".to_owned())).await.unwrap();
    assert!(shot.shot.unwrap().finish().unwrap().0.len() > 1000);
    assert!(shot.own.as_millis() > 0);

    let sees = |sign| (sign, ());
    for (sign, want) in [
        (sees(Sign::Text(contains("到了"))), Some("到了")),
        (sees(Sign::Text(contains("没有"))), None),
        (sees(Sign::Visible(css("li"))), Some("a")),
        (sees(Sign::Title(contains("滚动"))), Some("滚动")),
        (sees(Sign::Url(contains("nowhere"))), None),
    ] {
        assert_eq!(journey.sees(&sign.0, soon(5)).await.unwrap().as_deref(), want, "{:?}", sign.0);
    }
    assert!(journey.visible_text(soon(5)).await.unwrap().contains("底部"));
    journey.close().await;
    world.end().await;
}

const OBSTACLES: &str = r#"<title>障碍</title>
<style>#mask{position:fixed;inset:0;background:#0008;z-index:9} #slide{position:relative;left:0;transition:left .3s linear}</style>
<button id=go onclick="this.textContent='好了'">按我</button>
<button id=slide onclick="this.textContent='停了'">等我</button>
<button id=ghost style="display:none">看不见</button>
<button id=grey disabled>灰的</button>
<button class=two>同名</button><button class=two>同名</button>
<script>
  const after = (ms, work) => setTimeout(work, ms);
  if (location.hash === '#mask') { const m = document.createElement('div'); m.id = 'mask'; m.className = 'loading'; document.body.append(m); }
  if (location.search === '?short') { const m = document.createElement('div'); m.id = 'mask'; document.body.append(m); after(250, () => m.remove()); }
  requestAnimationFrame(() => { slide.style.left = '300px'; });
</script>"#;

/// What a citizen wants to press jumps away when the pointer comes near, and something else lies there.
const DODGES: &str = r#"<title>躲</title>
<style>button{position:absolute;top:50px;width:100px;height:40px} #right{left:50px} #wrong{left:300px}</style>
<button id=right>下一步</button><button id=wrong>撤回</button><pre id=log style="position:absolute;top:200px">无</pre>
<script>
  const log = [];
  const kinds = ['pointerdown', 'mousedown', 'mouseup', 'click'];
  for (const el of [right, wrong]) for (const kind of kinds) el.addEventListener(kind, (e) => {
    log.push(`${el.id} ${e.type} ${e.isTrusted}`);
    document.getElementById('log').textContent = log.join(', ');
  });
  let often = Number(location.hash.slice(1));
  addEventListener('mousemove', () => {
    if (!often--) return;
    const sheet = document.styleSheets[0];
    const swap = often % 2 ? ['50px', '300px'] : ['300px', '50px'];
    sheet.cssRules[1].style.left = swap[0];
    sheet.cssRules[2].style.left = swap[1];
  });
</script>"#;

#[tokio::test]
async fn a_press_reaches_nothing_but_what_it_was_meant_for() {
    let world = World::of(&[("/", DODGES)]).await;
    let trusted = "right pointerdown true, right mousedown true, right mouseup true, right click true";
    for often in ["#0", "#1", "#2"] {
        let mut journey = world.at(&format!("/{often}")).await;
        click(&mut journey, css("#right")).await.unwrap();
        assert_eq!(read(&mut journey, css("#log")).await, trusted, "{often}");
        // A later press that is not aimed by the pointer is nobody's business.
        act(&mut journey, Verb::Press("Enter".to_owned())).await.unwrap();
        assert_eq!(read(&mut journey, css("#log")).await, format!("{trusted}, right click true"));
        journey.close().await;
    }
    let mut journey = world.at("/#-1").await;
    match act_within(&mut journey, Verb::Click(css("#right")), 300).await {
        Err(StepError::NotReady(wait)) => {
            assert_eq!(wait.last_seen, "it moved away from the pointer each time");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&mut journey, css("#log")).await, "无");
    journey.close().await;
    world.end().await;
}

/// A long page whose buttons change places as soon as it is scrolled, once.
const SHIFTS: &str = r"<title>滚</title>
<style>body{height:5000px} button{position:absolute;top:3000px;width:100px;height:40px} #right{left:50px} #wrong{left:300px}</style>
FRAME<button id=right>下一步</button><button id=wrong>撤回</button><pre id=log>无</pre>
<script>
  const log = [];
  for (const el of [right, wrong]) el.addEventListener('click', () => {
    log.push(el.id);
    document.getElementById('log').textContent = log.join(', ');
  });
  addEventListener('scroll', () => { right.style.left = '300px'; wrong.style.left = '50px'; }, { once: true });
</script>";

#[tokio::test]
async fn a_press_after_scrolling_reaches_what_was_meant() {
    let (bare, framed) =
        (SHIFTS.replace("FRAME", ""), SHIFTS.replace("FRAME", "<iframe src='/two'></iframe>"));
    let world = World::of(&[("/", &bare), ("/framed", &framed), ("/two", "<p>里面</p>")]).await;
    for path in ["/", "/framed"] {
        let mut journey = world.at(path).await;
        click(&mut journey, css("#right")).await.unwrap();
        assert_eq!(read(&mut journey, css("#log")).await, "right", "{path}");
        journey.close().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_click_waits_until_the_element_can_take_it() {
    let world = World::of(&[("/", OBSTACLES)]).await;
    let mut journey = world.at("/?short").await;
    click(&mut journey, css("#slide")).await.unwrap();
    assert_eq!(read(&mut journey, css("#slide")).await, "停了");
    click(&mut journey, css("#go")).await.unwrap();
    assert_eq!(read(&mut journey, css("#go")).await, "好了");
    for (locator, want) in
        [(css("#ghost"), "hidden: <button id=\"ghost\">"), (css("#grey"), "disabled: <button")]
    {
        match act_within(&mut journey, Verb::Click(locator), 200).await {
            Err(StepError::NotReady(wait)) => assert!(wait.last_seen.starts_with(want), "{}", wait.last_seen),
            other => panic!("{want}: {other:?}"),
        }
    }
    match act_within(&mut journey, Verb::Click(css("#none")), 200).await {
        Err(StepError::NotFound(wait)) => {
            assert_eq!((wait.what.as_str(), wait.last_seen.as_str()), ("css=#none", "no element"));
            assert!(wait.waited.as_millis() >= 200);
        }
        other => panic!("{other:?}"),
    }
    match act(&mut journey, Verb::Click(css(".two"))).await {
        Err(StepError::Ambiguous { count: 2, elements, .. }) => {
            assert_eq!(elements[0], "<button class=\"two\">同名");
        }
        other => panic!("{other:?}"),
    }
    match act(&mut journey, Verb::Click(css("a[["))).await {
        Err(StepError::NotFound(wait)) => {
            assert!(wait.last_seen.contains("cannot be used"), "{}", wait.last_seen);
        }
        other => panic!("{other:?}"),
    }
    goto(&mut journey, &world.url("/three#mask")).await.unwrap();
    goto(&mut journey, &world.url("/#mask")).await.unwrap();
    match act_within(&mut journey, Verb::Click(css("#go")), 300).await {
        Err(StepError::NotReady(wait)) => assert!(
            wait.last_seen.contains("covered by <div id=\"mask\" class=\"loading\">"),
            "{}",
            wait.last_seen
        ),
        other => panic!("{other:?}"),
    }
    journey.close().await;
    world.end().await;
}
