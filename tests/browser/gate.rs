//! What stands at the gate, on forms as portals write them.

use mystery_shopper::browser::Journey;
use mystery_shopper::domain::locator::Locator;
use mystery_shopper::domain::observation::GateFact;
use mystery_shopper::domain::scenario::Verb;

use crate::world::*;

async fn gate(journey: &mut Journey, at: Locator, seconds: u64) -> GateFact {
    journey.gate(&[at], soon(seconds)).await.expect("a gate").0
}

fn submit() -> Locator {
    role("button", "提交申请")
}

const PLAIN: &str = "<title>申报</title><form>
  <label>企业名称<input name=company required></label>
  <label>邮箱<input name=mail type=email></label>
  <label>电话<input name=phone pattern='[0-9]+' title=数字></label>
  <fieldset><legend>类别</legend><label><input type=radio name=kind required value=1>首次</label><label><input type=radio name=kind required value=2>变更</label></fieldset>
  <label>营业执照<input type=file name=licence required></label>
  <label>其他<input type=file name=other></label>
  <label><input type=checkbox required> 我已阅读并承诺</label>
  <input type=hidden name=token required><input name=off required disabled>
  <p id=heard>0</p>
  <button>提交申请</button></form>
  <script>addEventListener('invalid', () => { heard.textContent++; }, true);</script>";

#[tokio::test]
async fn a_form_says_what_it_needs_and_hears_nothing() {
    let world = World::of(&[("/", PLAIN)]).await;
    let mut journey = world.at("/").await;
    let found = gate(&mut journey, submit(), 1).await;
    assert!(found.enabled && found.obstacle.is_empty());
    assert_eq!((found.button.as_str(), found.required, found.materials), ("提交申请", 4, 0));
    assert_eq!(found.missing, ["营业执照"]);
    assert_eq!(found.pledges, ["我已阅读并承诺"]);
    let labels: Vec<_> = found.invalid.iter().map(|field| field.split(':').next().unwrap()).collect();
    assert_eq!(labels, ["企业名称", "类别"], "{:?}", found.invalid);

    fill(&mut journey, css("[name=company]"), "示范大药房").await.unwrap();
    fill(&mut journey, css("[name=mail]"), "没有圈号").await.unwrap();
    fill(&mut journey, css("[name=phone]"), "不是数字").await.unwrap();
    act(&mut journey, Verb::Tick(label("首次"))).await.unwrap();
    let file = world.temp.path().join("licence.pdf");
    std::fs::write(&file, b"%PDF-1.4").unwrap();
    act(&mut journey, Verb::Upload { field: css("[name=licence]"), file: file.clone() }).await.unwrap();
    let found = gate(&mut journey, submit(), 1).await;
    assert_eq!((found.materials, found.missing.len()), (1, 0));
    assert_eq!(found.invalid.len(), 2, "{:?}", found.invalid);
    assert!(
        found.invalid[0].starts_with("邮箱: ") && found.invalid[1].starts_with("电话: "),
        "{:?}",
        found.invalid
    );
    let kept = serde_json::to_string(&found).unwrap();
    for value in ["示范大药房", "没有圈号", "不是数字"] {
        assert!(!kept.contains(value), "a value was kept: {kept}");
    }
    assert_eq!(read(&mut journey, css("#heard")).await, "0", "the page heard of it");
    journey.close().await;
    std::fs::remove_file(file).unwrap();
    world.end().await;
}

#[tokio::test]
async fn buttons_tell_why_they_cannot_be_pressed() {
    let world = World::of(&[
        ("/disabled", "<form><label>甲<input required value=一></label><button disabled>提交申请</button></form>"),
        ("/aria", "<form><label>甲<input></label><div role=button aria-disabled=true tabindex=0>提交申请</div></form>"),
        (
            "/covered",
            "<form><button>提交申请</button></form><div style='position:fixed;inset:0;background:#0008'>须知</div>",
        ),
        (
            "/countdown",
            "<form><button id=b disabled>提交申请</button></form><script>setTimeout(() => { b.disabled = false; }, 700)</script>",
        ),
        (
            "/inner",
            "<form><label>甲<input required></label><button>提交申请</button></form>",
        ),
        ("/frame", "<iframe src=/inner></iframe>"),
        ("/confirm", "<form><input type=hidden name=a value=1><button>提交申请</button></form>"),
    ])
    .await;
    let mut journey = world.journey().await;
    let mut at = async |path: &str, seconds| {
        goto(&mut journey, &world.url(path)).await.unwrap();
        if path == "/frame" {
            act(&mut journey, Verb::Frame(Some(css("iframe")))).await.unwrap();
        }
        gate(&mut journey, submit(), seconds).await
    };
    let found = at("/disabled", 1).await;
    assert_eq!(
        (found.enabled, found.obstacle.as_str(), found.open, found.validated),
        (false, "disabled", 0, 1)
    );
    let found = at("/aria", 1).await;
    assert_eq!(
        (found.enabled, found.obstacle.as_str(), found.open, found.required),
        (false, "disabled", 1, 0)
    );
    let found = at("/covered", 1).await;
    assert_eq!((found.enabled, found.obstacle.as_str()), (false, "covered"));
    assert!(at("/countdown", 10).await.enabled, "a countdown is waited for");
    assert_eq!(at("/frame", 1).await.invalid.len(), 1);
    let found = at("/confirm", 1).await;
    assert_eq!((found.enabled, found.required, found.validated, found.invalid.len()), (true, 0, 0, 0));
    assert!(journey.gate(&[css("body"), text("无此按钮")], soon(1)).await.is_none(), "no button, no gate");
    journey.close().await;
    world.end().await;
}

/// As the frameworks of portals write them: no constraints of HTML, everything in `aria-…` and words.
const CUSTOM: &str = "<title>申报</title><div id=app><form novalidate>
  <div class=item><label for=c>企业名称：*</label><input id=c aria-required=true aria-invalid=true aria-describedby=ce value=错误的名称><div id=ce>“错误的名称”已被使用</div></div>
  <div class=item><label for=d>备注</label><input id=d pattern='[0-9]+' value=字></div>
  <div class=item><span id=l>所在区划</span><div role=combobox aria-required=true aria-labelledby=l aria-invalid=true></div></div>
  <div class=upload><p>营业执照</p><input type=file id=f hidden aria-label=营业执照 required><a href=/t.docx>下载模板.docx</a><ul><li>licence.pdf</li></ul></div>
  <div class=upload><p>平面图</p><input type=file id=g hidden aria-label=平面图 required><a href=/t.docx>样表.docx</a><p>支持 a.pdf 格式</p><ul></ul></div>
  <button type=button>提交申请</button></form></div>";

#[tokio::test]
async fn widgets_of_frameworks_are_read_by_what_they_say() {
    let world = World::of(&[("/", CUSTOM)]).await;
    let mut journey = world.at("/").await;
    let found = gate(&mut journey, submit(), 1).await;
    assert_eq!(found.invalid, ["企业名称: “███”已被使用", "所在区划"]);
    assert_eq!((found.materials, found.missing.clone()), (1, vec!["平面图".to_owned()]));
    assert_eq!(found.required, 4);
    journey.close().await;
    world.end().await;
}
