//! What is personal on a page is painted over on its picture: fields, echoes, frames, phones.

use image::RgbImage;
use mystery_shopper::browser::Journey;
use mystery_shopper::domain::scenario::{Channel, Check, Verb};

use crate::world::*;

/// A picture as it is kept.
async fn picture(journey: &mut Journey) -> RgbImage {
    let (bytes, mime) = journey.screenshot(soon(10)).await.unwrap().finish().unwrap();
    assert_eq!(mime, "image/jpeg");
    let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
    if let Some(folder) = std::env::var_os("SHOPPER_TEST_PICTURES") {
        let name = format!("{}.png", std::thread::current().name().unwrap_or("test").replace("::", "-"));
        picture.save(std::path::Path::new(&folder).join(name)).unwrap();
    }
    picture
}

/// Where a red (or blue) surface shows: every text of these pages is written in such a colour on such
/// a ground, so that a single pixel left of it can be told. Answers how many there are.
fn count(picture: &RgbImage, is: impl Fn([u8; 3]) -> bool) -> usize {
    picture.pixels().filter(|pixel| is(pixel.0)).count()
}

fn red([r, g, b]: [u8; 3]) -> bool {
    r > 150 && g < 110 && b < 110
}

fn blue([r, g, b]: [u8; 3]) -> bool {
    b > 150 && r < 110 && g < 110
}

/// What is secret is red, what is not is blue.
const STYLE: &str = "<style>
  body { background: white; color: black; font: 20px sans-serif; margin: 20px }
  .secret { background: red; color: red } .open { background: blue; color: blue }
  input, textarea, select, [contenteditable] { font-size: 20px; border: 0; outline: 0; padding: 0; width: 300px; height: 30px; box-sizing: border-box }
</style>";

fn pages(body: &str) -> String {
    format!("{STYLE}<title>页</title>{body}")
}

#[tokio::test]
async fn fields_and_personal_texts_are_painted_over_and_nothing_else_is() {
    let form = pages(
        "<label>姓名<input class=secret name=a></label><br>
         <label>证件<input class=open name=b></label><br>
         <textarea class=secret>已有的内容</textarea><br>
         <select class=secret><option>甲<option selected>乙<option>丙</select><br>
         <select class=open><option>甲<option selected>乙</select><br>
         <div class=secret contenteditable>写好的</div>
         <input type=submit class=open value=下一步>
         <p>您好，<b class=secret>张示范</b>，<span class=open>请核对</span></p>
         <p><span class=secret><i>张</i>示<!-- -->范</span></p>
         <p>电话 <span class=secret>138 0013 8000</span> 热线 <span class=open>12345</span></p>
         <p>证号 <span class=secret>11010519491231002X</span> 编号 <span class=open>110105194912310021</span></p>
         <p>卡号 <span class=secret>4111111111111111</span> 邮箱 <span class=secret>a.b@gov.cn</span></p>
         <table><tr><td class=secret>13800138000<td class=open>2026</table>
         <p id=host></p>
         <script>
           host.attachShadow({ mode: 'open' }).innerHTML = '<span style=\"background:red;color:red\">张示范</span>';
           document.querySelectorAll('select')[0].selectedIndex = 2;
         </script>",
    );
    let world = World::of(&[("/", &form)]).await;
    let mut journey = world.at("/").await;
    let before = picture(&mut journey).await;
    assert!(count(&before, red) > 1000, "the name is not known yet, and an empty field shows");
    journey.hide("张示范");
    fill(&mut journey, css("[name=a]"), "张示范").await.unwrap();
    let picture = picture(&mut journey).await;
    assert_eq!(picture.dimensions(), (1280, 800));
    assert_eq!(count(&picture, red), 0);
    assert!(count(&picture, blue) > 10_000, "what is not personal stays: {}", count(&picture, blue));
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn an_echo_in_frames_is_painted_over_where_the_frame_lies() {
    let inner = "<p style='margin:0'><span class=secret>示范大药房有限公司</span> <span class=open>已保存</span></p><input class=secret value=甲乙丙>";
    let outer = pages(
        "<p class=open>外面</p>
         <iframe src=/inner style='border:7px solid gray;padding:11px;margin-left:300px;width:500px;height:150px'></iframe>
         <iframe src=/nest style='transform:scale(0.5);transform-origin:0 0;width:700px;height:400px;border:0'></iframe>",
    );
    let nest = pages("<p>里面</p><iframe src=/inner style='width:500px;height:200px;margin:40px'></iframe>");
    let world = World::of(&[("/", &outer), ("/inner", &pages(inner)), ("/nest", &nest)]).await;
    let mut journey = world.at("/").await;
    journey.hide("示范大药房有限公司");
    let picture = picture(&mut journey).await;
    assert_eq!(count(&picture, red), 0);
    assert!(count(&picture, blue) > 2000, "{}", count(&picture, blue));
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn phones_have_more_pixels_and_scroll() {
    let body = "<div style='height:1500px'>上面</div><label>姓名<input class=secret name=a></label>
        <p><span class=secret>张示范</span></p><p class=open>请核对</p><div style='height:900px'></div>";
    let wide = pages(body);
    let narrow = format!("<meta name=viewport content='width=device-width, initial-scale=1'>{}", pages(body));
    let world = World::of(&[("/wide", &wide), ("/narrow", &narrow)]).await;
    // A page that does not know phones is laid out 980 pixels wide and shown smaller.
    for (path, width) in [("/narrow", 390), ("/wide", 980)] {
        let mut options = options();
        options.channel = Channel::Mobile;
        let mut journey = world.journey_with(options).await;
        goto(&mut journey, &world.url(path)).await.unwrap();
        journey.hide("张示范");
        fill(&mut journey, css("[name=a]"), "张示范").await.unwrap();
        act(&mut journey, Verb::Scroll(css(".open"))).await.unwrap();
        let picture = picture(&mut journey).await;
        assert_eq!(picture.width(), 3 * width, "{path}");
        assert_eq!(count(&picture, red), 0, "{path}");
        assert!(count(&picture, blue) > 1000, "{path}: {}", count(&picture, blue));
        journey.close().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_page_in_motion_is_covered_along_its_way() {
    let moving = pages(
        "<div id=m style='position:absolute;left:0;top:0'><input class=secret value=张示范><p><span class=secret>张示范</span></p></div>
         <script>
           let n = 0;
           const go = () => { n = (n + 23) % 600; m.style.transform = `translate(${n}px, ${n / 2}px)`; requestAnimationFrame(go); };
           go();
         </script>",
    );
    let world = World::of(&[("/", &moving)]).await;
    let mut journey = world.at("/").await;
    journey.hide("张示范");
    let mut left = Vec::new();
    for _ in 0..6 {
        left.push(count(&picture(&mut journey).await, red));
    }
    // It jumps back to its beginning once in half a second; between two such jumps its way is known.
    assert!(left.iter().filter(|left| **left == 0).count() >= 3, "{left:?}");
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn words_that_were_searched_for_stay_and_the_page_sees_nothing_of_it() {
    let search = pages(
        "<input class=open name=q><p class=open>药品经营许可证</p><p id=said>0</p>
         <script>
           let n = 0;
           new MutationObserver((all) => { const more = all.filter((one) => !said.contains(one.target)).length; if (more) said.textContent = n += more; })
             .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
           for (const kind of ['scroll', 'resize', 'focus', 'blur', 'invalid', 'selectionchange']) addEventListener(kind, () => { said.textContent = ++n; }, true);
         </script>",
    );
    let world = World::of(&[("/", &search)]).await;
    let mut journey = world.at("/").await;
    journey.publish("药品经营许可证");
    fill(&mut journey, css("[name=q]"), "药品经营许可证").await.unwrap();
    let before = read(&mut journey, css("#said")).await;
    let shot = journey.screenshot(soon(10)).await.unwrap();
    assert!(!shot.is_covered(), "nothing on it is personal");
    assert_eq!(read(&mut journey, css("#said")).await, before, "the page noticed that a picture was taken");
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_page_that_does_not_say_where_its_fields_are_is_made_illegible() {
    let page = pages(
        "<input name=a class=secret><p class=open style='width:3px;height:20px'></p>
         <button onclick='setTimeout(() => { const end = Date.now() + 2500; while (Date.now() < end); }, 50)'>下一步</button>",
    );
    let world = World::of(&[("/", &page)]).await;
    let mut journey = world.at("/").await;
    journey.hide("张示范");
    fill(&mut journey, css("[name=a]"), "张示范").await.unwrap();
    click(&mut journey, role("button", "下一步")).await.unwrap();
    // Either the picture is taken while the page stands still, and then nothing on it can be read, or
    // after that, and then the field is painted over. A picture may also not be had at all.
    if let Ok(shot) = journey.screenshot(soon(10)).await {
        assert!(shot.is_covered());
        assert!(shot.finish().is_ok());
    }
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn the_picture_of_a_step_shows_the_page_as_it_was_judged() {
    let at_once = pages("<p class=open>蓝</p>");
    let late = pages(
        "<p id=p class=secret>红</p>
         <script>setTimeout(() => { p.className = 'open'; document.title = '好了'; }, 400)</script>",
    );
    let world = World::of(&[("/", &at_once), ("/late", &late)]).await;
    for (path, title) in [("/", "页"), ("/late", "好了")] {
        let mut journey = world.at(path).await;
        journey.begin_step();
        let check = Check::Title(contains(title));
        journey.expect_last(&check, soon(10), soon(10)).await.unwrap();
        let (facts, taken) = journey.observe(soon(10)).await;
        let (bytes, _) = taken.unwrap().finish().unwrap();
        let shown = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert_eq!(facts.title, title);
        assert!(count(&shown, blue) > 100, "{path}");
        // What was begun before the page was ready is thrown away.
        assert_eq!(count(&shown, red), 0, "{path}");
        journey.close().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_picture_of_a_page_that_was_left_is_thrown_away() {
    let (first, next) = (pages("<p class=secret>红</p>"), pages("<p class=open>蓝</p>"));
    let world = World::of(&[("/", &first), ("/next", &next)]).await;
    let mut journey = world.at("/").await;
    journey.begin_step();
    journey.expect_last(&Check::Title(contains("页")), soon(10), soon(10)).await.unwrap();
    goto(&mut journey, &world.url("/next")).await.unwrap();
    let (_, taken) = journey.observe(soon(10)).await;
    let (bytes, _) = taken.unwrap().finish().unwrap();
    let shown = image::load_from_memory(&bytes).unwrap().into_rgb8();
    assert_eq!(count(&shown, red), 0);
    assert!(count(&shown, blue) > 100);
    journey.close().await;
    world.end().await;
}
