//! What a journey brings home: attempts, pictures, times, variables, the kind of screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use mystery_shopper::domain::observation::EvidenceKind;
use mystery_shopper::domain::target::TargetClass;
use mystery_shopper::domain::template::Vars;

use crate::town::*;

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_fault_that_passes_is_tried_again_from_the_start() {
    let asked = Arc::new(AtomicUsize::new(0));
    let site = Site::open(move |_| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { page_with(503, "<h1>忙</h1>") } else { page("<h1>首页</h1>") } }
    })
    .await;
    let town = Town::new(1);
    let text = "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '{entry}' }]\nexpect = [{ text = '首页' }]\nwithin = '10s'";
    let run = town.walk(&order(&site.base, text)).await;
    assert_eq!(outcomes(&run), ["done"], "{}", run.reason);
    assert_eq!((run.verdict.name(), run.attempts, run.steps[0].attempts), ("pass", 2, 2));
    assert!(run.steps[0].elapsed_ms < 6_000, "{}", run.steps[0].elapsed_ms);
    town.end().await;
}

async fn echo(hit: Hit) -> Response {
    match hit.path.as_str() {
        "/" => page(
            "<title>首页</title><form action=/result><label>关键字 <input name=q type=search></label></form>\
             <p class=number>受理号 2026-0042</p><p id=screen></p>\
             <script>document.getElementById('screen').textContent = \
             screen.width < 500 ? '手机 ' + navigator.maxTouchPoints : '电脑'</script>",
        ),
        path => page(&format!("<title>{path}</title><p>{path}</p>")),
    }
}

const CARRY: &str = r#"
[vars]
mine    = "剧本"
theirs  = "剧本"
yours   = "剧本"
[[step]]
name = "读取"
stage = "find"
do = [
  { goto = "{entry}" },
  { fill = "role=searchbox", with = "{mine}-{theirs}-{yours}-{target_id}-{target_name}" },
  { read = "css=.number", into = "number" },
  { shot = "首页" },
]
expect = [{ value = "剧本-目标-命令行-here-本市", of = "role=searchbox" }]
[[step]]
name = "使用"
stage = "guide"
do = [{ fill = "role=searchbox", with = "{number}" }]
expect = [{ value = "受理号 2026-0042", of = "role=searchbox" }, { text = "电脑" }]
within = "5s"
"#;

#[tokio::test]
async fn variables_pictures_and_times_come_home() {
    let site = Site::open(echo).await;
    let town = Town::new(1);
    let mut order = order_for(
        &site.base,
        CARRY,
        TargetClass::Test,
        &vars(&[("theirs", "目标"), ("yours", "目标"), ("target_id", "falsch")]),
    );
    order.vars = vars(&[("yours", "命令行")]);
    let run = town.walk(&order).await;
    assert_eq!(outcomes(&run), ["done", "done"], "{}", run.reason);
    assert_eq!((run.verdict.name(), run.attempts), ("pass", 1));
    assert!(run.browser.as_deref().is_some_and(|name| name.contains(char::is_numeric)), "{:?}", run.browser);

    for step in &run.steps {
        assert!(step.own_ms <= step.elapsed_ms, "{step:?}");
        let picture = &step.evidence[0];
        assert_eq!((picture.kind, picture.mime.as_str()), (EvidenceKind::Screenshot, "image/jpeg"));
        let bytes = find(town.pictures.path(), picture.hash.as_str());
        assert_eq!(bytes.len() as u64, picture.size);
        assert_eq!(bytes[..2], [0xff, 0xd8], "{}", step.name);
    }
    let mut labels: Vec<_> = run.steps[0].evidence.iter().map(|evidence| evidence.label.as_str()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["", "首页"]);
    let steps: u64 = run.steps.iter().map(|step| step.elapsed_ms).sum();
    assert!(steps <= run.elapsed_ms, "{steps} {}", run.elapsed_ms);
    assert!(run.started_at <= run.finished_at);

    let agents: Vec<_> =
        site.hits().iter().map(|hit| hit.headers["user-agent"].to_str().unwrap().to_owned()).collect();
    assert!(agents.iter().all(|agent| agent.contains("test@example.org")), "{agents:?}");
    town.end().await;
}

/// The file whose name holds the hash, anywhere below the folder.
pub fn find(folder: &std::path::Path, hash: &str) -> Vec<u8> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap().to_str().unwrap().contains(hash) {
                return std::fs::read(path).unwrap();
            }
        }
    }
    panic!("no evidence {hash}");
}

#[tokio::test]
async fn a_phone_walks_too() {
    let site = Site::open(echo).await;
    let town = Town::new(1);
    let text = "channel = 'mobile'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '{entry}' }]\nexpect = [{ text = '/手机 [1-9]/' }]\nwithin = '5s'";
    let run = town.walk(&order(&site.base, text)).await;
    assert_eq!(outcomes(&run), ["done"], "{}", run.reason);
    let agent = site.hits()[0].headers["user-agent"].to_str().unwrap().to_owned();
    assert!(agent.contains("Mobile"), "{agent}");
    town.end().await;
}

/// Each field becomes usable by what was typed into the one before it, at once or a moment later.
const CHAIN: &str = "<title>连环</title><label>甲 <input id=a></label><label>乙 <input id=b disabled></label>\
    <p id=more></p><label>丁 <input id=d></label><output id=log></output><script>\
    const say = (name) => (event) => { log.textContent += name + event.target.value + '；'; };\
    a.oninput = (event) => { say('甲')(event); Promise.resolve().then(() => { b.disabled = false; }); };\
    b.oninput = (event) => { say('乙')(event); setTimeout(() => {\
      more.innerHTML = '<label>丙 <input id=c></label>'; c.oninput = say('丙'); }, 120); };\
    d.oninput = say('丁');</script>";

#[tokio::test]
async fn fields_are_filled_in_order_whether_they_are_there_at_once_or_not() {
    let site = Site::open(|_| async { page(CHAIN) }).await;
    let town = Town::new(1);
    let run = town
        .walk(&order(
            &site.base,
            r#"
[[step]]
name = "填写"
stage = "form"
do = [
  { goto = "{entry}" },
  { fill = "label=甲", with = "1" }, { fill = "label=乙", with = "2" },
  { fill = "label=丙", with = "3" }, { fill = "label=丁", with = "4" },
]
expect = [{ text = "甲1；乙2；丙3；丁4；" }]
"#,
        ))
        .await;
    assert_eq!(outcomes(&run), ["done"], "{:?}", run.steps[0].error);
}
