//! What pages say, and what that means.

use axum::response::Response;

use crate::town::*;

async fn answer(hit: Hit) -> Response {
    page(match hit.path.as_str() {
        "/apply" => "<title>在线办理</title><a href=/login>在线办理</a>",
        "/login" => "<title>登录</title><h1>请先登录</h1><p>登录后方可办理</p>",
        "/window" => "<title>指南</title><p>该事项请到窗口办理。</p>",
        "/no-window" => "<title>指南</title><p>全程网办，无需到窗口。</p>",
        "/hidden" => {
            "<title>指南</title><p>办事指南</p><p style='display:none'>请到窗口办理</p><template>请到窗口办理</template>"
        }
        "/refused" => {
            "<title>指南</title><button onclick=\"alert('个人账号无法办理此事项，请切换法人身份'); location = '/healthy'\">在线办理</button>"
        }
        "/later" => {
            "<title>办理</title><p>请稍候</p><script>setTimeout(() => document.body.append('请到派出所窗口'), 400)</script>"
        }
        _ => "<title>好</title><h1>事项</h1><a href=/window>指南</a>",
    })
}

const CASES: &[Case] = &[
    Case {
        name: "a login wall",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/apply' }, { click = 'text=在线办理' }, { fill = 'label=企业名称', with = '药房' }]\nwithin = '1500ms'",
        outcomes: &["login_wall"],
        verdict: "pass",
        attempts: 1,
        seconds: 6,
        says: "请先登录",
    },
    Case {
        name: "a window, by the lexicon alone",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/window' }, { click = 'role=button[name=在线办理]' }]\nwithin = '1s'",
        outcomes: &["must_go_to_window"],
        verdict: "degraded",
        attempts: 1,
        seconds: 6,
        says: "窗口",
    },
    Case {
        name: "no window is needed",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/no-window' }, { click = 'role=button[name=在线办理]' }]\nwithin = '1s'",
        outcomes: &["script_rot"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "healthy",
    },
    Case {
        name: "words that nobody sees",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/hidden' }, { click = 'role=button[name=在线办理]' }]\nwithin = '1s'",
        outcomes: &["script_rot"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "healthy",
    },
    Case {
        name: "an alert, then a redirect",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/refused' }, { click = 'text=在线办理' }]\nexpect = [{ text = '企业信息' }]\nwithin = '1500ms'",
        outcomes: &["account_type"],
        verdict: "pass",
        attempts: 1,
        seconds: 6,
        says: "个人账号无法办理此事项",
    },
    Case {
        name: "script rot",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/healthy' }]\n[[step]]\nname = '二'\nstage = 'find'\ndo = [{ click = 'role=button[name=旧按钮]' }]\nwithin = '1s'\n[[step]]\nname = '三'\nstage = 'guide'\nexpect = [{ title = '好' }]",
        outcomes: &["done", "script_rot", "not_reached"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "旧按钮",
    },
    Case {
        name: "`absent`",
        text: "[[step]]\nname = '一'\nstage = 'form'\ndo = [{ goto = '/healthy' }, { click = 'role=button[name=在线办理]' }]\nabsent = 'guide_only'\nwithin = '1s'",
        outcomes: &["guide_only"],
        verdict: "degraded",
        attempts: 1,
        seconds: 6,
        says: "",
    },
    Case {
        name: "`absent` for an element that is waited for",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/healthy' }, { wait = 'text=永不' }]\nabsent = 'not_in_search'\nwithin = '1s'",
        outcomes: &["not_in_search"],
        verdict: "degraded",
        attempts: 1,
        seconds: 6,
        says: "永不",
    },
    Case {
        name: "`absent` says nothing about a text that is waited for",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/healthy' }, { wait = { title = '永不' } }]\nabsent = 'not_in_search'\nwithin = '1s'",
        outcomes: &["script_rot"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "永不",
    },
    Case {
        name: "the only window is closed",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/window' }, { page = 'close' }, { click = 'text=指南' }]\nabsent = 'guide_only'\nwithin = '2s'",
        outcomes: &["script_rot"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "no window is open any more",
    },
    Case {
        name: "a window that nobody opened",
        text: "[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '/healthy' }, { page = { matching = '没有这个窗口' } }]\nwithin = '1s'",
        outcomes: &["script_rot"],
        verdict: "inconclusive",
        attempts: 1,
        seconds: 6,
        says: "for `a window with 没有这个窗口`; last seen: no such page is open",
    },
    Case {
        name: "`seen` ends the step at once",
        text: "[[step]]\nname = '一'\nstage = 'gate'\ndo = [{ goto = '/later' }]\nexpect = [{ visible = 'role=button[name=提交申请]' }]\nseen = [{ text = '请到派出所窗口', outcome = 'must_go_to_window' }]\nwithin = '20s'",
        outcomes: &["must_go_to_window"],
        verdict: "degraded",
        attempts: 1,
        seconds: 5,
        says: "请到派出所窗口",
    },
];

#[tokio::test]
async fn what_a_page_says_is_what_it_means() {
    let site = Site::open(answer).await;
    let town = Town::new(2);
    walk_all(&town, 2, &site.base, CASES, None).await;
    town.end().await;
}
