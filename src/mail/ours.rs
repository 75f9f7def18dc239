//! Mails about ourselves: we cannot see, we are alive, somebody could not be told, a test.

use jiff::tz::TimeZone;

use crate::domain::language::Language;
use crate::domain::notice::{
    Canary, CanaryFact, HeartbeatFacts, Notice, NoticeKind, TestFacts, UndeliverableFacts, VantageFacts,
};

use super::clean;
use super::concern;
use super::many;
use super::render::{Extras, Line, View, plain, room, small};
use super::wording::{self, Precision};
use Language::{Chinese, English};

/// We cannot see, and portals are spared.
pub fn vantage(notice: &Notice, facts: &VantageFacts, language: Language, extras: Extras<'_>) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let full = |at| plain(wording::instant(at, &zone, Precision::Full, language));
    let resolved = notice.kind == NoticeKind::Resolved;
    let until = if resolved { facts.resolved_at.unwrap_or(notice.created_at) } else { notice.created_at };
    let lasted = wording::span(facts.since, until, language);
    let brief = wording::brief_span(facts.since, until, language);
    let vantage = clean::line(&facts.vantage, 60);
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let subject = |place: &str| match (language, resolved) {
        (Chinese, false) => format!("{badge}：探测点 {place} 自己的网络或浏览器有问题"),
        (Chinese, true) => format!("{badge}：探测点 {place} 又能看见了，持续 {brief}"),
        (English, false) => format!("{badge}: {place} cannot see, portals are spared"),
        (English, true) => format!("{badge} after {brief}: {place}"),
    };
    view.subject = subject(&clean::line(&vantage, room(&subject(""))));
    view.headline = match (language, resolved) {
        (Chinese, false) => format!("探测点 {vantage} 看不清任何网站"),
        (Chinese, true) => format!("探测点 {vantage} 又能看见了"),
        (English, false) => format!("The agent {vantage} cannot see"),
        (English, true) => format!("The agent {vantage} sees again"),
    };
    let (runs, noun) = (facts.runs, if facts.runs == 1 { "run" } else { "runs" });
    view.lead = match (language, resolved) {
        (Chinese, false) => format!(
            "平时总能打开的地方现在也打不开，问题多半在我们自己的网络、域名解析或浏览器。这段时间的 {runs} 次运行不下结论，不算任何网站的故障；在这里恢复之前，真正的故障也看不到。"
        ),
        (Chinese, true) => {
            format!("平时总能打开的地方又能打开了。前后持续 {lasted}，其间的 {runs} 次运行没有下结论。")
        }
        (English, false) => format!(
            "What always answers does not answer either, so the trouble is our own network, name resolution or browser. \
             {runs} {noun} since then say nothing and are held against no portal. Until this is mended, real outages are not seen either."
        ),
        (English, true) => format!(
            "What always answers answers again. It lasted {lasted}; {runs} {noun} of that time say nothing."
        ),
    };
    if notice.kind == NoticeKind::Reminder || notice.kind == NoticeKind::Escalated {
        let lasts = match language {
            Chinese => format!("已经持续 {lasted}。"),
            English => format!(" It has lasted {lasted} so far."),
        };
        view.lead.push_str(&lasts);
    }
    view.lead.push_str(concern::aside(notice.kind, language));
    view.row(language.pick("开始时间", "Since"), [full(facts.since)]);
    if resolved {
        view.row(language.pick("恢复时间", "Came back"), [full(until)]);
    }
    let (bad, good): (Vec<&CanaryFact>, Vec<&CanaryFact>) =
        facts.canaries.iter().partition(|canary| canary.fault.is_some());
    let lines = |canaries: &[&CanaryFact]| {
        canaries.iter().take(10).map(|canary| said(canary, language)).collect::<Vec<_>>()
    };
    view.row(language.pick("不通", "No answer"), lines(&bad));
    view.row(language.pick("能通", "Answers"), lines(&good));
    view.row(language.pick("探测点", "Agent"), [plain(vantage.clone())]);
    view.next = match (language, resolved) {
        (Chinese, true) => vec![format!("无需处理。如需查看这段时间的记录，在探测点 {vantage} 上运行命令 shopper incidents。")],
        (English, true) => {
            vec![format!("Nothing needs to be done. \"shopper incidents\" on the agent {vantage} shows that time.")]
        }
        (Chinese, false) => vec![
            format!("登录探测点 {vantage}，运行命令 shopper doctor，看缺什么。"),
            "检查这台机器的网线、路由、域名解析（/etc/resolv.conf）、代理和防火墙；浏览器不通时看内存是否够用。".to_owned(),
            "恢复后会自动继续，并在同一邮件会话里通知您。".to_owned(),
        ],
        (English, false) => vec![
            format!("Log in to {vantage} and run \"shopper doctor\" to see what is missing."),
            "Look at the machine's link, routes, name resolution (/etc/resolv.conf), proxy and firewall; and at its memory when it is the browser."
                .to_owned(),
            "It goes on by itself when that is mended, and you will hear in this thread.".to_owned(),
        ],
    };
    if !resolved {
        view.offer(notice, &vantage, extras, language);
    }
    view
}

/// What was asked, and what was wrong with the answer.
fn said(canary: &CanaryFact, language: Language) -> Line {
    let kind = match canary.canary {
        Canary::Browser => language.pick("浏览器打开自己的页面", "a page of our own in the browser"),
        Canary::Dns => language.pick("域名解析", "name"),
        Canary::Site => language.pick("网站", "site"),
    };
    let asked = clean::line(&canary.asked, 100);
    let took = concern::seconds(canary.elapsed_ms, language);
    let fault = canary.fault.as_deref().map(|fault| clean::line(fault, 200));
    plain(match (language, fault) {
        (Chinese, Some(fault)) => format!("{kind} {asked}：{fault}"),
        (Chinese, None) => format!("{kind} {asked}（{took}）"),
        (English, Some(fault)) => format!("{kind} {asked}: {fault}"),
        (English, None) => format!("{kind} {asked} ({took})"),
    })
}

/// We are alive; that this mail does not come is the message.
pub fn heartbeat(notice: &Notice, facts: &HeartbeatFacts, language: Language) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let vantage = clean::line(&facts.vantage, 60);
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let next = facts.next_at.map(|at| wording::instant(at, &zone, Precision::Full, language));
    let soon = facts.next_at.map(|at| wording::minute(at, &zone, language));
    let subject = |place: &str| match (language, &soon) {
        (Chinese, Some(soon)) => format!("{badge}：{place}，下次 {soon}"),
        (Chinese, None) => format!("{badge}：{place}"),
        (English, Some(soon)) => format!("{badge}: {place}, next {soon}"),
        (English, None) => format!("{badge}: {place}"),
    };
    view.subject = subject(&clean::line(&vantage, room(&subject(""))));
    view.headline = match language {
        Chinese => format!("探测点 {vantage} 在正常工作"),
        English => format!("The agent {vantage} is at work"),
    };
    view.lead = match (language, &next) {
        (Chinese, Some(next)) => {
            format!(
                "下一封平安信应在 {next} 到。过了那时还没有收到，就说明探测点停了或发不出邮件，请去看看。"
            )
        }
        (Chinese, None) => "之后没有安排下一封平安信。".to_owned(),
        (English, Some(next)) => format!(
            "The next of these mails is due on {next}. If it does not come by then, the agent has stopped or cannot send mail: go and look."
        ),
        (English, None) => "No further mail of this kind is due.".to_owned(),
    };
    let count = |n: u64| [plain(n.to_string())];
    view.row(language.pick("上封以来运行", "Runs since the last"), count(facts.runs));
    view.row(language.pick("未恢复的故障", "Open incidents"), count(u64::from(facts.open)));
    view.row(language.pick("没送出的邮件", "Mails not sent"), count(facts.mails_stuck));
    let head = facts.head.as_deref().map(|head| small(clean::line(head, 300)));
    view.row(language.pick("记录的签名", "Signed records"), head);
    view.next = match language {
        Chinese => vec![format!(
            "平时不用管这封信。没有按时收到时，登录 {vantage} 运行命令 systemctl status mystery-shopper 和 shopper status。"
        )],
        English => vec![format!(
            "Nothing, as long as these mails come. When one is late, log in to {vantage} and run \"systemctl status mystery-shopper\" and \"shopper status\"."
        )],
    };
    view
}

/// Somebody could not be told; perhaps nobody was.
pub fn undeliverable(notice: &Notice, facts: &UndeliverableFacts, language: Language) -> View {
    let vantage = clean::line(&facts.vantage, 60);
    let to = clean::line(&facts.to.to_string(), 80);
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let alone = facts.unheard.as_ref();
    let about = match (alone.map(|unheard| unheard.incidents_in_all), language) {
        (Some(n @ 2..), Chinese) => format!("{n} 起故障"),
        (Some(n @ 2..), English) => format!("{n} incidents"),
        _ => clean::line(&facts.about, 120),
    };
    let subject = |what: &str| match (language, alone) {
        (Chinese, None) => format!("{badge}：{what} 没有收到通知"),
        (English, None) => format!("{badge}: {what} was not told"),
        (Chinese, Some(_)) => format!("{badge}：没有人收到通知，{what}"),
        (English, Some(_)) => format!("{badge}: nobody was told of {what}"),
    };
    let what = if alone.is_some() { &about } else { &to };
    view.subject = subject(&clean::line(what, room(&subject(""))));
    view.headline = match (language, alone) {
        (Chinese, None) => format!("{to} 没有收到通知"),
        (English, None) => format!("{to} was not told"),
        (Chinese, Some(_)) => format!("没有人收到通知：{about}"),
        (English, Some(_)) => format!("Nobody was told of {about}"),
    };
    view.lead = match (language, alone) {
        (Chinese, None) => format!(
            "发给 {to} 的通知送不到，已经放弃。这件事也通知了您，所以告诉您一声：不要以为对方已经知道。"
        ),
        (English, None) => format!(
            "A notice to {to} could not be delivered and was given up. You were told the same, so you should know: do not rely on them knowing."
        ),
        (Chinese, Some(_)) => format!(
            "这件事只通知 {to}，可是通知送不到，已经放弃。内容写在下面，请您代为留意：不要以为有人已经知道。"
        ),
        (English, Some(_)) => format!(
            "Only {to} was to hear of it, and the notice could not be delivered and was given up. Here is what it said, so that somebody knows."
        ),
    };
    match alone.filter(|unheard| !unheard.incidents.is_empty()) {
        Some(unheard) => {
            let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
            let list = many::list(&unheard.incidents, unheard.incidents_in_all, &zone, language);
            view.row(language.pick("内容", "About"), list);
            view.row(language.pick("没收到的人", "Not told"), [plain(to)]);
        }
        None => view.row(language.pick("内容", "About"), [plain(about)]),
    }
    let tries = match (language, facts.attempts) {
        (Chinese, n) => format!("{n} 次"),
        (English, 1) => "once".to_owned(),
        (English, n) => format!("{n} times"),
    };
    view.row(language.pick("尝试", "Tried"), [plain(tries)]);
    view.row(language.pick("对方回答", "The answer"), [small(clean::line(&facts.error, 400))]);
    view.row(language.pick("探测点", "Agent"), [plain(vantage.clone())]);
    let [first, last] = match (language, alone) {
        (Chinese, None) => ["事情要紧的话，请用别的办法告诉对方。", "同一个收件人一天只提醒一次。"],
        (English, None) => {
            ["If it matters, tell them in another way.", "You hear of one recipient once a day at most."]
        }
        (Chinese, Some(_)) => [
            "请自己处理，或用别的办法告诉对方。",
            "地址改好以前，只通知这个收件人的新故障都会转告您；也可以在通知路由里多写一个收件人。",
        ],
        (English, Some(_)) => [
            "See to it yourself, or tell them in another way.",
            "Until the address is mended you hear of every new incident that only they were to hear of. A second recipient in that route would help.",
        ],
    };
    let look = match language {
        Chinese => format!(
            "让管理 {vantage} 的人看看配置里的地址（probes.toml 的 to）和对方的服务器；命令 shopper status 列出所有没送到的，shopper mail test 可以试发一封。"
        ),
        English => format!(
            "Ask whoever looks after {vantage} to check the address (`to` in probes.toml) and the other side's server. \
             \"shopper status\" lists all that was given up, \"shopper mail test\" sends a trial."
        ),
    };
    view.next = vec![first.to_owned(), look, last.to_owned()];
    view
}

/// Somebody tries whether mail arrives.
pub fn test(notice: &Notice, facts: &TestFacts, language: Language) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let vantage = clean::line(&facts.vantage, 60);
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let subject = |place: &str| match language {
        Chinese => format!("{badge}：探测点 {place} 的通知能送到"),
        English => format!("{badge}: notices of {place} arrive"),
    };
    view.subject = subject(&clean::line(&vantage, room(&subject(""))));
    view.headline = match language {
        Chinese => format!("探测点 {vantage} 的通知能送到这里"),
        English => format!("Notices of the agent {vantage} arrive here"),
    };
    view.lead = match language {
        Chinese => "有人运行了命令 shopper mail test。没有发生故障。".to_owned(),
        English => "Somebody ran \"shopper mail test\". Nothing is wrong.".to_owned(),
    };
    let at = wording::instant(notice.created_at, &zone, Precision::Full, language);
    view.row(language.pick("发出时间", "Sent"), [plain(at)]);
    view.next = match language {
        Chinese => vec!["无需处理。如果这封邮件在垃圾箱里，请把发件人加入通讯录或白名单。".to_owned()],
        English => vec![
            "Nothing. If this was in the junk folder, add the sender to your contacts or to the allow list."
                .to_owned(),
        ],
    };
    view
}
