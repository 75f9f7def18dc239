//! What a record says of requests, pages and time, and what is kept of a step that failed.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use mystery_shopper::domain::observation::{EvidenceKind, NavigationCause, RequestKind};
use mystery_shopper::domain::run::StepRecord;
use serde_json::Value;

use crate::journey::find;
use crate::town::*;

async fn portal(hit: Hit) -> Response {
    match hit.path.as_str() {
        "/" => Redirect::to("/home").into_response(),
        "/home" => page(
            "<title>首页</title><link rel=stylesheet href=/a.css><h1>示范市政务服务网</h1>\
             <a href=/moved>办事指南</a><a href=/lost>办理</a>\
             <script>fetch('/api/count'); fetch('/api/broken');\
             addEventListener('load', () => { const end = performance.now() + 120; while (performance.now() < end); })</script>",
        ),
        "/moved" => page("<title>跳转</title><script>location = '/guide'</script>"),
        "/guide" => {
            tokio::time::sleep(Duration::from_millis(250)).await;
            page("<title>指南</title><h1>办事指南</h1><script>history.pushState({}, '', '/guide/1')</script>")
        }
        "/lost" => page(
            "<title>办理</title><h1>申请表</h1><label>姓名 <input name=who></label>\
             <script>document.addEventListener('input', () => { throw new Error('坏了') })</script>\
             <div style='height: 3000px'></div><p>页尾</p><button>暂存</button>",
        ),
        "/api/broken" => page_with(500, "{}"),
        _ => page("x"),
    }
}

const WALK: &str = r#"
[[step]]
name = "打开"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "示范市" }]
[[step]]
name = "指南"
stage = "guide"
do = [{ click = "text=办事指南" }]
expect = [{ visible = "role=heading[name='办事指南']" }, { url = "guide/1" }]
[[step]]
name = "回来"
stage = "guide"
do = [{ goto = "{entry}" }, { click = "text=办理" }]
[[step]]
name = "填写"
stage = "form"
do = [{ fill = "label=姓名", with = "张示范" }]
expect = [{ visible = "role=button[name='下一步']" }]
within = "1s"
"#;

fn kinds(step: &StepRecord) -> Vec<EvidenceKind> {
    let mut kinds: Vec<_> = step.evidence.iter().map(|evidence| evidence.kind).collect();
    kinds.sort_by_key(|kind| kind.name());
    kinds
}

#[tokio::test]
async fn a_step_tells_its_requests_its_pages_and_whose_time_it_was() {
    let site = Site::open(portal).await;
    let town = Town::new(1);
    let run = town.walk(&order(&site.base, WALK)).await;
    let [open, guide, back, form] = run.steps.as_slice() else { panic!("{:?}", outcomes(&run)) };

    let facts = &open.facts;
    assert_eq!((facts.requests, facts.third_party), (4, 0), "{:?}", facts.failed_requests);
    assert!(facts.bytes > 300, "{}", facts.bytes);
    let [went] = facts.navigations.as_slice() else { panic!("{:?}", facts.navigations) };
    assert_eq!((went.by, went.status), (NavigationCause::Action, Some(200)));
    assert_eq!(went.hops, [(format!("{}/", site.base), 303)]);
    let failed = &facts.failed_requests[0];
    assert_eq!((failed.kind, failed.status), (RequestKind::Xhr, Some(500)));
    let vitals = facts.vitals.as_ref().unwrap();
    assert!(vitals.ttfb_ms.is_some() && vitals.load_ms.is_some() && vitals.cls == Some(0.0), "{vitals:?}");
    for step in [open, guide] {
        let vitals = step.facts.vitals.as_ref().unwrap();
        assert!(vitals.fcp_ms > Some(0.0) && vitals.lcp_ms >= vitals.fcp_ms, "{}: {vitals:?}", step.name);
    }
    assert!(vitals.long_tasks >= 1 && vitals.long_task_ms >= Some(100.0), "{vitals:?}");

    for step in &run.steps {
        let time = step.facts.time.unwrap();
        assert_eq!(time.portal_ms() + time.own_ms, step.elapsed_ms, "{}", step.name);
        assert_eq!(time.own_ms, step.own_ms);
    }
    assert!(open.facts.time.unwrap().script_ms >= 80, "{:?}", open.facts.time);
    assert!(guide.facts.time.unwrap().server_ms >= 200, "{:?}", guide.facts.time);
    assert!(form.facts.time.unwrap().waiting_ms >= 600, "{:?}", form.facts.time);
    let after: Vec<u64> = run.steps.iter().map(|step| step.facts.after_ms.unwrap()).collect();
    assert!(after.is_sorted() && after[1] > open.elapsed_ms, "{after:?}");

    let by: Vec<_> = guide.facts.navigations.iter().map(|went| went.by).collect();
    assert_eq!(by, [NavigationCause::Action, NavigationCause::Page, NavigationCause::History]);
    let thrown = &form.facts.console_errors[0];
    assert!(thrown.text.contains("坏了"));
    assert!(thrown.source.as_deref().unwrap().contains("/lost:"), "{thrown:?}");

    // Lean: a step that worked has its picture, the one that failed has everything.
    assert_eq!(kinds(back), [EvidenceKind::Screenshot]);
    let all = ["accessibility", "dom", "har", "screenshot", "text", "whole_page"];
    assert_eq!(kinds(form).iter().map(|kind| kind.name()).collect::<Vec<_>>(), all);
    let text = |kind| {
        let evidence = form.evidence.iter().find(|evidence| evidence.kind == kind).unwrap();
        String::from_utf8_lossy(&find(town.pictures.path(), evidence.hash.as_str())).into_owned()
    };
    let tree = text(EvidenceKind::Accessibility);
    assert!(tree.contains("- button \"暂存\"") && tree.contains("- textbox \"姓名\""), "{tree}");
    let dom = text(EvidenceKind::Dom);
    assert!(dom.contains("申请表") && !dom.contains("<script") && !dom.contains("张示范"), "{dom}");
    assert!(text(EvidenceKind::Text).contains("页尾"));
    let har: Value = serde_json::from_str(&text(EvidenceKind::Har)).unwrap();
    assert_eq!(har["log"]["pages"].as_array().unwrap().len(), 4);
    let entries = har["log"]["entries"].as_array().unwrap();
    let asked = u32::try_from(entries.len()).unwrap();
    let hops = 2; // Both visits of the entry page were sent on.
    assert_eq!(asked, run.steps.iter().map(|step| step.facts.requests).sum::<u32>() + hops);
    assert!(entries.iter().all(|entry| entry["time"].as_f64() >= Some(0.0)));
    town.end().await;
}

#[tokio::test]
async fn what_a_scenario_asks_for_is_kept_of_every_step() {
    let site = Site::open(portal).await;
    let town = Town::new(1);
    let text =
        "keep = ['har', 'accessibility']\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '{entry}' }]";
    let run = town.walk(&order(&site.base, text)).await;
    assert_eq!(outcomes(&run), ["done"]);
    let names: Vec<_> = kinds(&run.steps[0]).into_iter().map(EvidenceKind::name).collect();
    assert_eq!(names, ["accessibility", "har", "screenshot"]);
    town.end().await;
}
