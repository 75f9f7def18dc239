//! Mails about what waits for somebody else: he cannot be told at present, so another one is.
//!
//! Invariant: it says how things stood when it was written, so that it stays true however late it is read.

use jiff::tz::TimeZone;

use crate::domain::language::Language;
use crate::domain::notice::{Notice, UndeliverableFacts, WaitingFacts};

use super::clean;
use super::many;
use super::render::{View, plain, room, small};
use super::wording::{self, Precision};
use Language::{Chinese, English};

/// How many people are named who cannot be told.
const NAMED: usize = 10;

/// What waits, for whom, and why.
pub fn view(notice: &Notice, facts: &UndeliverableFacts, waiting: &WaitingFacts, language: Language) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let full = |at| plain(wording::instant(at, &zone, Precision::Full, language));
    let vantage = clean::line(&facts.vantage, 60);
    let to = clean::line(&facts.to.to_string(), 80);
    let (brief, lasted) = (
        wording::brief_span(waiting.since, notice.created_at, language),
        wording::span(waiting.since, notice.created_at, language),
    );
    let whom = match (language, waiting.others.len()) {
        (_, 0) => to.clone(),
        (Chinese, n) => format!("{to} 等 {} 个收件人", n + 1),
        (English, 1) => format!("{to} and another one"),
        (English, n) => format!("{to} and {n} others"),
    };
    // Chinese sets no space between its own characters.
    let gap = if waiting.others.is_empty() { " " } else { "" };
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let subject = |to: &str| match language {
        Chinese => format!("{badge}：{to}{gap}已有 {brief}收不到通知"),
        English => format!("{badge}: {to} not told for {brief}"),
    };
    view.subject = subject(&clean::line(&whom, room(&subject(""))));
    view.headline = match language {
        Chinese => format!("{whom}{gap}还没有收到通知"),
        English => format!("Not told yet: {whom}"),
    };
    view.lead = match language {
        Chinese => format!(
            "发给 {whom}{gap}的通知等了 {lasted}，对方的服务器一直没有收下，还会继续重试。内容写在下面，请您代为留意：不要以为对方已经知道。"
        ),
        English => format!(
            "What {whom} should know has waited for {lasted}, because the other side does not take it. It is tried again and again. \
             Here is what it says, so that somebody knows: do not rely on them knowing."
        ),
    };
    if waiting.incidents.is_empty() {
        view.row(language.pick("内容", "About"), [plain(clean::line(&facts.about, 120))]);
    } else {
        let list = many::list(&waiting.incidents, waiting.incidents_in_all, &zone, language);
        view.row(language.pick("内容", "About"), list);
    }
    if !waiting.others.is_empty() {
        let all = std::iter::once(&facts.to).chain(&waiting.others);
        let mut names: Vec<_> = all.take(NAMED).map(|one| plain(clean::line(&one.to_string(), 80))).collect();
        let more = (waiting.others.len() + 1).saturating_sub(NAMED);
        if more > 0 {
            names.push(plain(match language {
                Chinese => format!("另有 {more} 个"),
                English => format!("{more} more"),
            }));
        }
        view.row(language.pick("没收到的人", "Not told"), names);
    }
    view.row(language.pick("等待自", "Waits since"), [full(waiting.since)]);
    let tries = match (language, facts.attempts) {
        (Chinese, n) => format!("{n} 次"),
        (English, 1) => "once".to_owned(),
        (English, n) => format!("{n} times"),
    };
    view.row(language.pick("尝试", "Tried"), [plain(tries)]);
    view.row(language.pick("对方回答", "The answer"), [small(clean::line(&facts.error, 400))]);
    view.row(language.pick("探测点", "Agent"), [plain(vantage.clone())]);
    view.next = match language {
        Chinese => vec![
            "事情要紧的话，请自己处理，或用别的办法告诉对方。".to_owned(),
            format!(
                "让管理 {vantage} 的人看看邮件服务器或 webhook；命令 shopper status 列出还在等的，shopper mail test 可以试发一封。"
            ),
            "送到以后不再另行通知。有新的故障也送不到时会再提醒，每小时最多一次。".to_owned(),
        ],
        English => vec![
            "If it matters, see to it yourself or tell them in another way.".to_owned(),
            format!(
                "Ask whoever looks after {vantage} to look at the mail server or the webhook. \
                 \"shopper status\" shows what waits, \"shopper mail test\" sends a trial."
            ),
            "Nothing more comes when it is delivered. You hear again when a new outage waits as well, once an hour at most."
                .to_owned(),
        ],
    };
    view
}
