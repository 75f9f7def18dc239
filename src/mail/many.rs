//! Mails about many things at once: a wave over a region or a host, a day or a week in numbers, and
//! what would have been too many mails.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::incident::{Concern, Shared};
use crate::domain::language::Language;
use crate::domain::notice::{DigestFacts, Member, Notice, NoticeKind, WaveFacts};

use super::clean;
use super::concern;
use super::links;
use super::pair::acknowledged;
use super::render::{Extras, Line, View, plain, room, small};
use super::wording::{self, Precision};
use Language::{Chinese, English};

/// How many incidents a mail names. More fit, and nobody reads them in a mail.
const NAMED: usize = 25;

/// A wave over many targets.
pub fn wave(notice: &Notice, facts: &WaveFacts, language: Language, extras: Extras<'_>) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let full = |at| plain(wording::instant(at, &zone, Precision::Full, language));
    let resolved = notice.kind == NoticeKind::Resolved;
    let until = if resolved { facts.resolved_at.unwrap_or(notice.created_at) } else { notice.created_at };
    let lasted = wording::span(facts.since, until, language);
    let vantage = clean::line(&facts.vantage, 60);
    let name = clean::line(facts.shared.name(), 60);
    let n = facts.in_all;
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let brief = wording::brief_span(facts.since, until, language);
    let said = |name: &str| match (language, &facts.shared, resolved) {
        (Chinese, Shared::Region(_), false) => format!("{name} {n} 个网站同时出错"),
        (Chinese, Shared::Host(_), false) => format!("{name} 上 {n} 个网站同时出错"),
        (Chinese, _, true) => format!("{name} {n} 个网站全部恢复"),
        (English, Shared::Region(_), false) => format!("{n} portals of {name} at once"),
        (English, Shared::Host(_), false) => format!("{n} portals on {name} at once"),
        (English, _, true) => format!("all {n} portals of {name}"),
    };
    let subject = |name: &str| match (language, resolved) {
        (Chinese, false) => format!("{badge}：{}", said(name)),
        (Chinese, true) => format!("{badge}：{}，中断 {brief}", said(name)),
        (English, false) => format!("{badge}: {}", said(name)),
        (English, true) => format!("{badge} after {brief}: {}", said(name)),
    };
    view.subject = subject(&clean::line(&name, room(&subject(""))));
    view.headline = match (language, resolved) {
        (English, false) => format!("Trouble on {}", said(&name)),
        (English, true) => format!("All {n} portals of {name} work again"),
        (Chinese, _) => said(&name),
    };
    view.lead = match (language, resolved) {
        (Chinese, false) => format!(
            "{name} 有 {n} 个网站几乎同时出了故障，多半是同一个原因（网络、机房或共用的平台），所以合成这一封邮件。"
        ),
        (Chinese, true) => format!("{name} 的 {n} 个网站都恢复了。前后持续 {lasted}。"),
        (English, false) => format!(
            "{n} portals of {name} failed at almost the same time. That has one cause most likely, such as a network, \
             a data centre or a shared platform, so it is told in one mail."
        ),
        (English, true) => format!("All {n} portals of {name} work again. It lasted {lasted}."),
    };
    if matches!(notice.kind, NoticeKind::Reminder | NoticeKind::Escalated) {
        let over = facts.over;
        let lasts = match language {
            Chinese => format!("已经持续 {lasted}，其中 {over} 个已经恢复。"),
            English if over == 1 => format!(" It has lasted {lasted} so far; 1 of them works again."),
            English => format!(" It has lasted {lasted} so far; {over} of them work again."),
        };
        view.lead.push_str(&lasts);
    }
    view.lead.push_str(concern::aside(notice.kind, language));

    view.row(language.pick("开始时间", "Since"), [full(facts.since)]);
    if resolved {
        view.row(language.pick("恢复时间", "Came back"), [full(until)]);
    } else if facts.over > 0 {
        let over = match language {
            Chinese => format!("{} 个，还有 {} 个没有恢复", facts.over, n.saturating_sub(facts.over)),
            English => format!("{} of {n}", facts.over),
        };
        view.row(language.pick("已经恢复", "Over"), [plain(over)]);
    }
    let sites = list(&facts.members, facts.in_all, &zone, language);
    view.row(language.pick("网站", "Portals"), sites);
    if !resolved {
        view.row(language.pick("确认时间", "Confirmed at"), [full(facts.confirmed_at)]);
    }
    let hands = acknowledged(facts.acknowledged.as_ref(), &zone, language);
    view.row(language.pick("处理人", "Taken on by"), hands);
    view.row(language.pick("探测点", "Seen from"), [plain(vantage.clone())]);

    view.next = match (language, resolved) {
        (_, true) => wording::next(notice.kind, &vantage, language),
        (Chinese, false) => vec![
            "先看看这些网站共用什么：运营商、机房、政务云、统一认证或内容平台，问题多半在那里。".to_owned(),
            "联系负责的单位；这封邮件可以直接转给他们。".to_owned(),
            format!("在探测点 {vantage} 上运行命令 shopper incidents，可看到每个网站的情况。全部恢复后会在同一邮件会话里通知您。"),
        ],
        (English, false) => vec![
            "Look for what these portals share: a provider, a data centre, a login or content platform. The cause is there most likely."
                .to_owned(),
            "Tell the people who run it. You can forward this mail to them.".to_owned(),
            format!(
                "Run \"shopper incidents\" on the agent {vantage} to see how each of them is doing. \
                 You will hear in this thread when all of it is over."
            ),
        ],
    };
    if !resolved && facts.acknowledged.is_none() {
        view.offer(notice, &vantage, extras, language);
    }
    view
}

/// A day or a week in numbers, or a flood of incidents.
pub fn digest(notice: &Notice, facts: &DigestFacts, language: Language) -> View {
    let zone = TimeZone::get(&facts.timezone).unwrap_or(TimeZone::UTC);
    let vantage = clean::line(&facts.vantage, 60);
    let flood = notice.kind == NoticeKind::Flood;
    let n = facts.incidents_in_all;
    let runs: u64 = facts.runs.iter().fold(0, |sum: u64, runs| sum.saturating_add(*runs));
    let mut view = View::new(notice, language);
    let badge = view.badge;
    let said = match (language, flood, n) {
        (Chinese, true, n) => format!("{n} 起合成一封"),
        (Chinese, false, 0) => format!("没有故障，运行 {runs} 次"),
        (Chinese, false, n) => format!("{n} 起故障，运行 {runs} 次"),
        (English, true, 1) => "1 incident in one mail".to_owned(),
        (English, true, n) => format!("{n} incidents in one mail"),
        (English, false, 0) => format!("no incidents, {runs} runs"),
        (English, false, 1) => format!("1 incident, {runs} runs"),
        (English, false, n) => format!("{n} incidents, {runs} runs"),
    };
    let colon = view.colon;
    let around = format!("{badge}{colon}{said}（）");
    let place = clean::line(&vantage, room(&around).min(30));
    view.subject = match language {
        Chinese => format!("{badge}{colon}{said}（{place}）"),
        English => format!("{badge}{colon}{said} ({place})"),
    };
    let lasted = wording::span(facts.from, facts.until, language);
    view.headline = match (language, flood) {
        (Chinese, true) => format!("短时间内有 {n} 起故障要告诉您"),
        (English, true) => {
            format!("{n} {} to tell you of at once", if n == 1 { "incident" } else { "incidents" })
        }
        (Chinese, false) => format!("探测点 {vantage} 的 {lasted}"),
        (English, false) => format!("{lasted} of the agent {vantage}"),
    };
    view.lead = match (language, flood) {
        (Chinese, true) => {
            "要发给您的邮件太多，十分钟内超过了十封。为了不淹没您，其余的合成这一封，一件也没有丢。"
                .to_owned()
        }
        (English, true) => {
            "More than ten mails in ten minutes were due to you. So that you can still read them, \
                            the rest is told in this one. Nothing was left out."
                .to_owned()
        }
        (Chinese, false) => match n {
            0 => format!("这段时间没有故障，共运行 {runs} 次。"),
            _ => format!("这段时间有 {n} 起故障，共运行 {runs} 次。"),
        },
        (English, false) => match n {
            0 => format!("There were no incidents in {runs} runs."),
            1 => format!("There was one incident in {runs} runs."),
            _ => format!("There were {n} incidents in {runs} runs."),
        },
    };

    let instant = |at| wording::instant(at, &zone, Precision::Full, language);
    let span = match language {
        Chinese => format!("{} 至 {}", instant(facts.from), instant(facts.until)),
        English => format!("{} to {}", instant(facts.from), instant(facts.until)),
    };
    view.row(language.pick("时段", "Time"), [plain(span)]);
    let (open, over): (Vec<&Member>, Vec<&Member>) =
        facts.incidents.iter().partition(|member| member.closed_at.is_none());
    let hidden = usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(facts.incidents.len());
    let open_in_all = u32::try_from(open.len() + hidden).unwrap_or(u32::MAX);
    let (open, over) = (cloned(&open), cloned(&over));
    view.row(
        language.pick("没有恢复", "Still open"),
        if open.is_empty() { Vec::new() } else { list(&open, open_in_all, &zone, language) },
    );
    let over_in_all = u32::try_from(over.len()).unwrap_or(u32::MAX);
    view.row(language.pick("已经恢复", "Over"), list(&over, over_in_all, &zone, language));
    if !flood {
        let [pass, degraded, fail, inconclusive] = facts.runs;
        let runs = match language {
            Chinese => format!("通过 {pass}，不完全 {degraded}，失败 {fail}，无结论 {inconclusive}"),
            English => {
                format!("{pass} passed, {degraded} degraded, {fail} failed, {inconclusive} inconclusive")
            }
        };
        view.row(language.pick("运行", "Runs"), [plain(runs)]);
        if facts.gaps > 0 {
            view.row(
                language.pick("没有运行", "Not run"),
                [plain(match language {
                    Chinese => format!("{} 次", facts.gaps),
                    English if facts.gaps == 1 => "1 slot".to_owned(),
                    English => format!("{} slots", facts.gaps),
                })],
            );
        }
        if facts.undelivered > 0 {
            view.row(
                language.pick("未送达", "Undelivered"),
                [plain(match language {
                    Chinese => format!("{} 封", facts.undelivered),
                    English if facts.undelivered == 1 => "1 mail".to_owned(),
                    English => format!("{} mails", facts.undelivered),
                })],
            );
        }
    }
    let scripts: Vec<Line> =
        facts.script_rot.iter().take(NAMED).map(|id| small(clean::line(id.as_str(), 80))).collect();
    view.row(language.pick("脚本失效", "Scripts to mend"), scripts);
    view.next = match language {
        Chinese => vec![format!(
            "在探测点 {vantage} 上运行命令 shopper incidents 可看到每一起故障，运行 shopper status 可看到现在的情况。"
        )],
        English => vec![format!(
            "Run \"shopper incidents\" on the agent {vantage} to see each of them, and \"shopper status\" to see how everything is now."
        )],
    };
    view
}

fn cloned(members: &[&Member]) -> Vec<Member> {
    members.iter().map(|member| (*member).clone()).collect()
}

/// Incidents, a line each, and how many more there are.
/// Incidents, a line each.
pub(super) fn list(members: &[Member], in_all: u32, zone: &TimeZone, language: Language) -> Vec<Line> {
    let named = members.len().min(NAMED);
    let mut lines: Vec<Line> =
        members[..named].iter().map(|member| plain(format!("• {}", line(member, zone, language)))).collect();
    let more = usize::try_from(in_all).unwrap_or(usize::MAX).saturating_sub(named);
    if more > 0 {
        lines.push(plain(match language {
            Chinese => format!("另有 {more} 起，运行命令 shopper incidents 可全部列出"),
            English => format!("{more} more; \"shopper incidents\" lists them all"),
        }));
    }
    lines
}

/// `示范市政务服务网：药品经营许可证核发「提交申请」停机维护，11月22日 12:30:05 起`
fn line(member: &Member, zone: &TimeZone, language: Language) -> String {
    let site = clean::line(&member.target_name, 60);
    let journey = clean::line(&member.probe_title, 60);
    let step = clean::line(&member.step, 60);
    // A visit has one step, which is called like the journey.
    let what = match (language, step.is_empty() || step == journey) {
        (_, true) => journey,
        (Chinese, false) => format!("{journey}「{step}」"),
        (English, false) => format!("{journey}, \"{step}\""),
    };
    let short = match member.concern {
        Concern::Slow => concern::short_slow(None, language),
        Concern::ScriptRot => concern::short_rot(language).to_owned(),
        Concern::Links => links::short(language).to_owned(),
        _ => wording::short(member.outcome, language).to_owned(),
    };
    let at = |at: Timestamp| wording::instant(at, zone, Precision::Listed, language);
    match (language, member.closed_at) {
        (Chinese, None) => format!("{site}：{what} {short}，{} 起", at(member.since)),
        (Chinese, Some(end)) => {
            format!("{site}：{what} {short}，{} 至 {}", at(member.since), at(end))
        }
        (English, None) => format!("{site}: {what} {short}, since {}", at(member.since)),
        (English, Some(end)) => {
            format!("{site}: {what} {short}, {} to {}", at(member.since), at(end))
        }
    }
}
