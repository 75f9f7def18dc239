//! Every kind of locator, the roles that HTML implies, accessible names, strictness.

use std::collections::BTreeMap;

use mystery_shopper::browser::StepError;
use mystery_shopper::domain::locator::{Link, Locator, MatchOp};
use mystery_shopper::domain::scenario::Check;
use mystery_shopper::domain::template::Template;

use crate::world::*;

const PAGE: &str = r#"<title>定位</title>
<header id=banner><nav id=nav aria-label="主导航"><a id=home href="/">首页</a><a id=noref>无链接</a></nav></header>
<main id=main>
  <h1 id=h1>政务 <b>服务</b></h1><h2 id=h2>办事指南</h2>
  <input id=search type=search aria-label="搜索事项">
  <input id=plain placeholder="请输入姓名"><input id=num type=number aria-labelledby="l1 l2"><span id=l1>数</span><span id=l2>量</span>
  <label>地区 <select id=sel><option>北京</option><option>上海</option></select></label>
  <input id=cb type=checkbox checked><label for=cb>已阅读</label>
  <input id=radio type=radio name=r><label for=radio>个人</label>
  <button id=b1><img src="data:," alt="图标"> 提交申请 </button>
  <input id=b2 type=submit value="查询"><input id=b3 type=image alt="下一页" src="data:,">
  <div id=b4 role=button tabindex=0 aria-pressed=true>自制按钮</div>
  <button id=b5 title="关闭窗口" disabled></button>
  <button id=b6 aria-expanded=false>展开</button>
  <img id=img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" alt="市徽" width=20 height=20>
  <span id=tip title="提示文字">悬停</span>
  <div data-testid="receipt-no" id=tid>编号</div>
  <table id=table><caption>材料清单</caption><thead><tr id=tr><th id=th>名称</th></tr></thead><tbody><tr><td id=td>营业执照</td></tr></tbody></table>
  <ul id=ul><li id=li1>甲</li><li id=li2>乙 <a href=#x id=in>在线办理</a></li><li id=li3>丙 <a href=#y id=in2>在线办理</a></li></ul>
  <p id=para>请 到   窗口
     办理</p>
  <div aria-hidden=true><button id=unheard>提交申请</button></div>
  <div id=host></div>
  <div id=twice1 class=twice>重复</div><div class=twice style="display:none">重复</div>
  <button id=q>说"好"</button>
</main>
<script>
  const root = host.attachShadow({ mode: 'open' });
  root.innerHTML = '<button id=deep>影中按钮</button><div><slot></slot></div>';
</script>"#;

fn by(link: Link) -> Locator {
    only("test", vec![link])
}

fn state(role: &str, state: &str, value: &str) -> Link {
    let states = BTreeMap::from([(state.to_owned(), value.to_owned())]);
    Link::Role { role: role.to_owned(), name: None, states }
}

fn role_of(op: MatchOp, role: &str, name: &str) -> Link {
    Link::Role { role: role.to_owned(), name: Some(matching(op, name)), states: BTreeMap::new() }
}

#[tokio::test]
async fn every_kind_of_locator_finds_its_element() {
    let world = World::of(&[("/", PAGE)]).await;
    let mut journey = world.at("/").await;
    let t = Template::literal;
    let named = |role: &str, name: &str| by(role_link(role, Some(name)));
    let plain = |role: &str| by(role_link(role, None));
    let cases: Vec<(&str, Locator)> = vec![
        ("home", named("link", "首页")),
        ("banner", plain("banner")),
        ("nav", named("navigation", "主导航")),
        ("main", plain("main")),
        ("h1", named("heading", "政务 服务")),
        ("h2", by(state("heading", "level", "2"))),
        ("search", named("searchbox", "搜索事项")),
        ("plain", named("textbox", "请输入姓名")),
        ("num", named("spinbutton", "数 量")),
        ("sel", named("combobox", "地区")),
        ("cb", named("checkbox", "已阅读")),
        ("cb", by(state("checkbox", "checked", "true"))),
        ("radio", named("radio", "个人")),
        ("b1", named("button", "图标 提交申请")),
        ("b1", by(role_of(MatchOp::Contains, "button", "提交"))),
        ("b1", by(role_of(MatchOp::Suffix, "button", "申请"))),
        ("b1", by(role_of(MatchOp::Regex, "button", "^图标 提交"))),
        ("b2", named("button", "查询")),
        ("b3", named("button", "下一页")),
        ("b4", by(state("button", "pressed", "true"))),
        ("b5", named("button", "关闭窗口")),
        ("b5", by(state("button", "disabled", "true"))),
        (
            "b6",
            only(
                "chain",
                vec![
                    css_link("main"),
                    Link::Role {
                        role: "button".to_owned(),
                        name: Some(contains("展开")),
                        states: BTreeMap::from([("expanded".to_owned(), "false".to_owned())]),
                    },
                ],
            ),
        ),
        ("img", named("img", "市徽")),
        ("table", named("table", "材料清单")),
        ("th", named("columnheader", "名称")),
        ("td", named("cell", "营业执照")),
        ("ul", plain("list")),
        ("para", by(Link::Text(contains("请 到 窗口 办理")))),
        ("para", by(Link::Text(matching(MatchOp::Exact, "请 到 窗口 办理")))),
        ("h1", by(Link::Text(matching(MatchOp::Exact, "政务 服务")))),
        ("b2", by(Link::Text(contains("查询")))),
        ("sel", by(Link::Label(contains("地区")))),
        ("search", by(Link::Label(contains("搜索")))),
        ("plain", by(Link::Placeholder(contains("姓名")))),
        ("img", by(Link::Alt(contains("市徽")))),
        ("tip", by(Link::Title(contains("提示")))),
        ("tid", by(Link::TestId(t("receipt-no")))),
        ("li1", css("#ul > li:first-child")),
        ("in", by(Link::XPath(t("//li[2]/a")))),
        ("deep", named("button", "影中按钮")),
        ("deep", css("#deep")),
        ("deep", by(Link::Text(contains("影中")))),
        ("in", only("chain", vec![css_link("#li2"), Link::Text(contains("在线办理"))])),
        ("in2", only("chain", vec![Link::Text(contains("在线办理")), Link::Nth(-1)])),
        ("in", only("chain", vec![role_link("listitem", None), Link::Nth(1), role_link("link", None)])),
        ("in2", only("chain", vec![css_link("li"), css_link("a"), Link::Nth(1)])),
        ("h2", any(&[css("#missing"), css("#h2"), css("#h1")])),
        // What cannot be seen does not count beside what can.
        ("twice1", css(".twice")),
        ("q", named("button", "说\"好\"")),
    ];
    for (want, locator) in cases {
        let found = read_id(&mut journey, &locator).await;
        assert_eq!(found.as_deref(), Ok(want), "{locator:?}");
    }
    journey.close().await;
    world.end().await;
}

async fn read_id(
    journey: &mut mystery_shopper::browser::Journey,
    locator: &Locator,
) -> Result<String, String> {
    use mystery_shopper::domain::scenario::Verb;
    let verb = Verb::Read { from: locator.clone(), into: "x".to_owned(), attribute: Some("id".to_owned()) };
    act_within(journey, verb, 500)
        .await
        .map(|done| done.read.unwrap_or_default())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn more_than_one_match_lists_the_matches() {
    let world = World::of(&[("/", PAGE)]).await;
    let mut journey = world.at("/").await;
    match click(&mut journey, text("在线办理")).await {
        Err(StepError::Ambiguous { locator, count, elements }) => {
            assert_eq!((locator.as_str(), count), ("text=在线办理", 2));
            assert_eq!(elements[0], "<a id=\"in\" href=\"#x\">在线办理");
        }
        other => panic!("{other:?}"),
    }
    expect(&mut journey, Check::Count { of: text("在线办理"), count: 2 }).await.unwrap();
    match click(&mut journey, by(role_link("listitem", None))).await {
        Err(error @ StepError::Ambiguous { .. }) => {
            assert!(error.to_string().contains("fits 3 elements: <li id=\"li1\">甲;"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // An element with a page's own idea of the prototypes is found all the same.
    journey.close().await;
    world.end().await;
}

const SABOTAGE: &str = r"<title>t</title><button id=a>按</button>
<script>
  Element.prototype.matches = () => { throw new Error('no'); };
  Element.prototype.getBoundingClientRect = () => null;
  Array.prototype.map = () => []; JSON.stringify = () => 'x';
  Object.defineProperty(document, 'querySelectorAll', { value: () => [] });
  a.onclick = () => { document.title = '按了'; };
</script>";

#[tokio::test]
async fn a_page_that_redefines_its_world_is_walked_all_the_same() {
    let world = World::of(&[("/", SABOTAGE)]).await;
    let mut journey = world.at("/").await;
    click(&mut journey, role("button", "按")).await.unwrap();
    expect(&mut journey, Check::Title(contains("按了"))).await.unwrap();
    journey.close().await;
    world.end().await;
}
