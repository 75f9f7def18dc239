//! The gate: on a live portal nothing is submitted; on a test system the journey goes through.

use axum::response::Response;
use mystery_shopper::domain::observation::StopReason;

use crate::town::*;

async fn answer(hit: Hit) -> Response {
    page(match (hit.method.as_str(), hit.path.as_str()) {
        ("POST", "/submit") => "<title>回执</title><h1>受理成功</h1>",
        ("POST", "/save") => "saved",
        (_, "/fetch") => {
            "<title>填写</title><label>企业名称 <input name=company></label><p id=said></p><button onclick=\"\
             fetch('/save', { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, \
             body: new URLSearchParams({ company: document.querySelector('input').value, kind: '首次' }) })\
             .then(() => said.textContent = '已保存')\">下一步</button>"
        }
        _ => {
            "<title>申报</title><form action=/submit method=post><label>企业名称 <input name=company></label>\
             <button>提交申请</button></form>"
        }
    })
}

const JOURNEY: &str = r#"
[[step]]
name = "填写"
stage = "form"
do = [{ goto = "{entry}" }, { fill = "label=企业名称", with = "示范大药房" }]
[[step]]
name = "到达提交"
stage = "gate"
expect = [{ visible = "role=button[name='提交申请']" }]
[[step]]
name = "提交"
stage = "deliver"
do = [{ click = "role=button[name='提交申请']" }]
expect = [{ text = "受理成功" }]
within = "5s"
"#;

/// A gate whose author presses the button all the same.
const PRESSES: &str = r#"
[[step]]
name = "提交"
stage = "gate"
do = [{ goto = "{entry}" }, { click = "role=button[name='提交申请']" }]
expect = [{ text = "受理成功" }]
within = "5s"
"#;

const SAVES: &str = r#"
[[step]]
name = "填写"
stage = "form"
do = [
  { goto = "/fetch" },
  { fill = "label=企业名称", with = "示范大药房" },
  { click = "role=button[name='下一步']" },
]
expect = [{ text = "已保存" }]
within = "2s"
[[step]]
name = "到达提交"
stage = "gate"
expect = [{ visible = "role=button[name='提交申请']" }]
"#;

#[tokio::test]
async fn nothing_is_submitted_to_a_live_portal() {
    let site = Site::open(answer).await;
    let town = Town::new(1);

    let run = town.walk(&live(&site.base, JOURNEY)).await;
    assert_eq!(outcomes(&run), ["done", "online_ready", "not_reached"], "{}", run.reason);
    assert_eq!(run.verdict.name(), "pass");
    assert_eq!(run.steps[1].credit, Some(100));

    let run = town.walk(&live(&site.base, PRESSES)).await;
    assert_eq!(outcomes(&run), ["online_ready"], "{}", run.reason);
    assert_eq!(run.verdict.name(), "pass");

    let run = town.walk(&live(&site.base, SAVES)).await;
    assert_eq!(outcomes(&run), ["blocked_by_policy", "not_reached"], "{}", run.reason);
    assert_eq!(run.verdict.name(), "inconclusive");
    let stopped = &run.steps[0].facts.stopped;
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    assert_eq!(stopped[0].reason, StopReason::Submission);
    assert_eq!(stopped[0].method, "POST");
    assert!(stopped[0].url.ends_with("/save"), "{stopped:?}");
    assert_eq!(stopped[0].fields, ["company", "kind"]);
    let kept = serde_json::to_string(&run).unwrap();
    assert!(!kept.contains("示范大药房"), "a value was kept: {kept}");

    assert!(site.hits().iter().all(|hit| hit.method == "GET"), "{:?}", site.hits());
    town.end().await;
}

#[tokio::test]
async fn a_journey_through_a_test_system_goes_to_the_receipt() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let run = town.walk(&order(&site.base, JOURNEY)).await;
    assert_eq!(outcomes(&run), ["done", "online_ready", "done"], "{}", run.reason);
    assert_eq!((run.verdict.name(), run.attempts), ("pass", 1));
    let sent: Vec<_> = site.hits().into_iter().filter(|hit| hit.method == "POST").collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].body.starts_with("company=%E7%A4%BA"), "{}", sent[0].body);
    town.end().await;
}
