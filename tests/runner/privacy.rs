//! What a walk keeps of what it typed: nothing. And what stood at its gate.

use axum::response::Response;
use mystery_shopper::domain::observation::EvidenceKind;
use mystery_shopper::domain::run::Run;

use crate::town::*;

async fn answer(hit: Hit) -> Response {
    page(match hit.path.as_str() {
        "/form" => {
            "<title>填写</title><form action=/echo><label>姓名<input name=name></label><label>证件<input name=id></label>\
             <label>事项<input name=item></label><button>下一步</button></form>"
        }
        "/echo" => {
            "<title>核对</title><h1 id=h></h1><p id=p></p><a href=/nowhere id=a>链接</a><script>\
             const name = new URLSearchParams(location.search).get('name');\
             document.title = name + '的申请'; h.textContent = '申请人：' + name; p.textContent = '请到窗口办理，' + name;\
             a.textContent = name; fetch('/missing?who=' + encodeURIComponent(name));\
             console.error('no draft for ' + name); alert(name + '，您好'); history.replaceState(0, '', '#' + name);\
             </script>"
        }
        "/missing" => return page_with(404, "没有"),
        "/left-open" => {
            "<title>申报</title><form><label>企业名称<input name=c required></label><button>提交申请</button></form>"
        }
        "/dead" => {
            "<title>申报</title><form><label>企业名称<input name=c required></label><button disabled>提交申请</button></form>"
        }
        "/agree" => {
            "<title>申报</title><form><label>企业名称<input name=c required></label>\
             <label><input type=checkbox onchange='b.disabled = !this.checked'>同意</label>\
             <button id=b disabled>提交申请</button></form>"
        }
        _ => "<title>好</title><label>搜索<input type=search></label><h1>事项</h1>",
    })
}

/// Everything that is kept of a run.
fn kept(run: &Run) -> String {
    serde_json::to_string(run).unwrap()
}

#[tokio::test]
async fn nothing_that_was_typed_is_kept() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let walk = r#"
secrets = ["{who}", "李四四"]
[vars]
who = "王五五"
[[step]]
name = "找"
stage = "find"
do = [{ goto = "{entry}" }, { fill = "label=搜索", with = "营业执照" }]
[[step]]
name = "填"
stage = "form"
do = [
  { goto = "/form" },
  { fill = "label=姓名", with = "张示范" },
  { type = "label=证件", with = "110105194912310021" },
  { fill = "label=事项", with = "营业执照" },
  { click = "role=button[name='下一步']" },
]
expect = [{ text = "申请人：张示范" }]
[[step]]
name = "看"
stage = "gate"
do = [{ shot = "核对" }, { wait = "role=heading[name='申请人：张示范']" }, { click = "role=button[name='张示范，提交']" }]
within = "1500ms"
"#;
    let run = town.walk(&order(&site.base, walk)).await;
    assert_eq!(outcomes(&run), ["done", "done", "must_go_to_window"], "{}", run.reason);
    let kept = kept(&run);
    for value in ["张示范", "%E5%BC%A0", "110105194912310021", "王五五"] {
        assert!(!kept.contains(value), "{value} was kept: {kept}");
    }
    let (echo, last) = (&run.steps[1].facts, &run.steps[2]);
    assert_eq!(echo.title, "███的申请");
    assert!(
        echo.url.contains("name=███&id=███&item=%E8%90%A5%E4%B8%9A%E6%89%A7%E7%85%A7#███"),
        "{}",
        echo.url
    );
    assert_eq!(echo.dialogs[0].text, "███，您好");
    assert!(echo.console_errors.iter().any(|error| error.text.contains("no draft for ███")), "{echo:?}");
    assert!(echo.failed_requests[0].url.ends_with("/missing?who=███"), "{echo:?}");
    assert!(last.error.as_ref().unwrap().contains("███，提交"), "{:?}", last.error);
    assert!(last.facts.phrase.as_ref().unwrap().context.contains("请到窗口办理，███"), "{last:?}");
    assert_eq!(last.evidence.iter().filter(|one| one.kind == EvidenceKind::Screenshot).count(), 2);
    town.end().await;
}

#[tokio::test]
async fn the_gate_says_what_stood_there() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let gate = |path: &str, before: &str| {
        format!(
            "[[step]]\nname = '一'\nstage = 'gate'\ndo = [{{ goto = '{path}' }}{before}]\nwithin = '4s'\n\
             expect = [{{ visible = \"role=button[name='提交申请']\" }}]"
        )
    };
    let filled = ", { fill = 'label=企业名称', with = '示范大药房' }";
    let agreed = ", { fill = 'label=企业名称', with = '示范大药房' }, { tick = 'label=同意' }";
    let cases = [
        ("/left-open", "", "script_rot", "inconclusive", "企业名称"),
        ("/left-open", filled, "online_ready", "pass", ""),
        ("/dead", "", "script_rot", "inconclusive", "企业名称"),
        ("/dead", filled, "broken", "fail", "stays disabled"),
        ("/agree", filled, "script_rot", "inconclusive", "still empty"),
        ("/agree", agreed, "online_ready", "pass", ""),
    ];
    for (path, before, outcome, verdict, says) in cases {
        let run = town.walk(&live(&site.base, &gate(path, before))).await;
        let step = &run.steps[0];
        assert_eq!(
            (step.outcome.name(), run.verdict.name()),
            (outcome, verdict),
            "{path}{before}: {}",
            run.reason
        );
        assert!(step.error.as_deref().unwrap_or_default().contains(says), "{path}{before}: {:?}", step.error);
        let stood = step.facts.gate.as_ref().expect("what stood there");
        assert_eq!((stood.button.as_str(), stood.required), ("提交申请", 1), "{path}{before}");
        assert!(!kept(&run).contains("示范大药房"));
    }
    town.end().await;
}
