//! Wording: what a mail says, in both languages.
//!
//! Every sentence is written twice, once for each language, never translated word by word. Nothing
//! from a portal is quoted here except names, and those come in cleaned.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::incident::Concern;
use crate::domain::language::{Language, MONTHS};
use crate::domain::notice::NoticeKind;
use crate::domain::outcome::Outcome;

use Language::{Chinese, English};

/// The outcome in a few words, as it ends a subject line: at most 11 characters of Chinese or 26 of
/// English.
pub fn short(outcome: Outcome, language: Language) -> &'static str {
    let (chinese, english) = match outcome {
        Outcome::Done => ("正常", "works"),
        Outcome::OnlineReady => ("可以提交", "ready to submit"),
        Outcome::PreReviewOrBooking => ("只能预审或预约", "booking only"),
        Outcome::DuplicateEntry => ("要求重复填报", "asks twice"),
        Outcome::AppOnly => ("只能用手机应用办", "app only"),
        Outcome::GuideOnly => ("只有指南，不能办", "guide only"),
        Outcome::MustMailPaper => ("要求邮寄纸质材料", "paper by mail only"),
        Outcome::MustGoToWindow => ("要求到窗口办理", "in person only"),
        Outcome::ExternalSystem => ("转到了别的系统", "leads elsewhere"),
        Outcome::LoginWall => ("要求先登录", "asks for a login"),
        Outcome::AccountType => ("要求换一种账号", "wrong kind of account"),
        Outcome::RealnameFace => ("要求实名或人脸核验", "asks for an identity check"),
        Outcome::CaptchaWaf => ("被验证码拦下", "stopped by a captcha"),
        Outcome::NotInSearch => ("搜不到", "not found by search"),
        Outcome::Broken => ("页面失效", "dead page"),
        Outcome::Maintenance => ("停机维护", "under maintenance"),
        Outcome::ServerError => ("系统出错", "server error"),
        Outcome::Timeout => ("迟迟没有响应", "timed out"),
        Outcome::Unreachable => ("打不开", "unreachable"),
        Outcome::SessionExpired => ("会话失效", "session lost"),
        Outcome::ScriptRot => ("脚本需要更新", "script out of date"),
        Outcome::BlockedByPolicy => ("被我方规则拦下", "stopped by our rules"),
        Outcome::ProbeFault => ("我方探测出错", "our own fault"),
        Outcome::NotReached => ("没有走到", "not reached"),
    };
    language.pick(chinese, english)
}

/// What a citizen meets, as the end of a sentence that begins with the step.
fn met(outcome: Outcome, language: Language) -> &'static str {
    let (chinese, english) = match outcome {
        Outcome::Done => ("一切正常", "everything works"),
        Outcome::OnlineReady => ("可以在网上提交", "the application can be submitted online"),
        Outcome::PreReviewOrBooking => (
            "网上只能预审或预约，办不完整件事",
            "only a pre-review or an appointment can be had online, not the service itself",
        ),
        Outcome::DuplicateEntry => {
            ("已经填过的内容要求再填一遍", "data that was already entered is asked for again")
        }
        Outcome::AppOnly => {
            ("网页到此为止，要求改用手机应用", "the web page ends here and sends people to an app")
        }
        Outcome::GuideOnly => {
            ("只能看到办事指南，没有在线办理的入口", "there is a guide to read, but no way to apply online")
        }
        Outcome::MustMailPaper => ("要求把纸质材料邮寄过去", "paper documents have to be sent by post"),
        Outcome::MustGoToWindow => ("要求本人到窗口办理", "people are told to come to a counter in person"),
        Outcome::ExternalSystem => ("页面转到了另一个系统", "the page leads to another system"),
        Outcome::LoginWall => ("必须先登录才能继续", "the page asks for a login before it goes on"),
        Outcome::AccountType => ("要求换用另一种账号", "the page wants another kind of account"),
        Outcome::RealnameFace => ("要求实名认证或人脸识别", "the page asks for an identity or face check"),
        Outcome::CaptchaWaf => ("被验证码或防火墙拦住", "a captcha or a firewall stands in the way"),
        Outcome::NotInSearch => ("在网站上搜不到这个事项", "the site's own search does not find the service"),
        Outcome::Broken => ("页面不存在或链接已经失效", "the page is gone or its link is dead"),
        Outcome::Maintenance => {
            ("网站提示正在维护，暂时不能使用", "the site says that it is under maintenance")
        }
        Outcome::ServerError => ("网站报错，无法继续", "the site answers with an error"),
        Outcome::Timeout => {
            ("等了很久，页面始终没有出来", "the page does not appear, however long one waits")
        }
        Outcome::Unreachable => ("网站完全没有回应", "the site gives no answer at all"),
        Outcome::SessionExpired => {
            ("网站丢失了会话，要求从头再来", "the site has lost the session and wants people to start again")
        }
        Outcome::ScriptRot => (
            "页面看上去正常，是我们的脚本与页面对不上了",
            "the page seems fine, but our script no longer fits it",
        ),
        Outcome::BlockedByPolicy => ("我们自己的规则不允许继续", "our own rules do not let the walk go on"),
        Outcome::ProbeFault => ("我们自己的探测程序出了错", "our own probe failed"),
        Outcome::NotReached => ("流程没有走到这里", "the walk never came this far"),
    };
    language.pick(chinese, english)
}

/// What a sentence is about. Every text is cleaned already.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The portal's name.
    pub site: &'a str,
    /// What the probe does.
    pub journey: &'a str,
    /// The step.
    pub step: &'a str,
    /// Whether the journey has more than one step.
    pub walk: bool,
}

/// The first sentence of a mail: what a citizen meets, or met.
pub fn lead(
    kind: NoticeKind,
    outcome: Outcome,
    scene: Scene<'_>,
    lasted: &str,
    language: Language,
) -> String {
    let Scene { site, journey, step, walk } = scene;
    let met = met(outcome, language);
    match (language, kind) {
        (Chinese, kind) if kind != NoticeKind::Resolved => {
            let lasts = matches!(kind, NoticeKind::Reminder | NoticeKind::Escalated);
            let still = if lasts { "仍然" } else { "" };
            let place = if walk {
                format!("市民在{site}办理「{journey}」，到「{step}」这一步{still}办不下去")
            } else {
                format!("市民访问{site}（{journey}）{still}不成功")
            };
            if lasts {
                format!("{place}：{met}。故障已经持续 {lasted}。")
            } else {
                format!("{place}：{met}。")
            }
        }
        (Chinese, _) if walk => {
            format!(
                "{site}「{journey}」的「{step}」这一步已经恢复，市民可以正常办理了。故障前后持续 {lasted}。"
            )
        }
        (Chinese, _) => {
            format!("{site}（{journey}）已经恢复，市民可以正常访问了。故障前后持续 {lasted}。")
        }
        (English, NoticeKind::Resolved) if walk => format!(
            "On {site}, the step \"{step}\" of \"{journey}\" works again, and citizens can go on from there. \
             The outage lasted {lasted}."
        ),
        (English, NoticeKind::Resolved) => {
            format!("{site} ({journey}) can be used again. The outage lasted {lasted}.")
        }
        (English, kind) if walk && !matches!(kind, NoticeKind::Reminder | NoticeKind::Escalated) => {
            format!("On {site}, citizens who go through \"{journey}\" get stuck at \"{step}\": {met}.")
        }
        (English, kind) if !matches!(kind, NoticeKind::Reminder | NoticeKind::Escalated) => {
            format!("Citizens cannot use {site} ({journey}): {met}.")
        }
        (English, _) if walk => format!(
            "On {site}, citizens who go through \"{journey}\" are still stuck at \"{step}\": {met}. \
             This has lasted {lasted} so far."
        ),
        (English, _) => {
            format!("Citizens still cannot use {site} ({journey}): {met}. This has lasted {lasted} so far.")
        }
    }
}

/// How many independent runs say so, and how many of them are named below.
pub fn confirmed(
    kind: NoticeKind,
    concern: Concern,
    (runs, named): (usize, usize),
    language: Language,
) -> String {
    let (chinese, one, many) = match (kind, concern) {
        (NoticeKind::Resolved, _) => ("正常通过", "went through", "went through"),
        (_, Concern::Slow) => ("太慢", "was too slow", "were too slow"),
        (_, Concern::Links) => ("发现失效链接", "found them", "found them"),
        (_, Concern::ScriptRot) => ("与页面对不上", "stopped there", "stopped there"),
        _ => ("失败", "failed", "failed"),
    };
    // 都失败了, but 都正常通过.
    let done = if kind == NoticeKind::Resolved { "" } else { "了" };
    match (language, runs) {
        (Chinese, n) if n > named => format!("{n} 次运行{chinese}，最近 {named} 次："),
        (English, n) if n > named => format!("{n} runs {many}; the last {named}:"),
        (Chinese, 0 | 1) => format!("一次运行{chinese}。"),
        (Chinese, n) => format!("{}次相互独立的运行都{chinese}{done}。", count(n, language)),
        (English, 0 | 1) => format!("One run {one}."),
        (English, n) => format!("{} independent runs {many}.", capital(&count(n, language))),
    }
}

/// What to do next, a sentence each.
pub fn next(kind: NoticeKind, vantage: &str, language: Language) -> Vec<String> {
    match (language, kind) {
        (Chinese, NoticeKind::Resolved) => vec![
            format!("无需处理。如需复盘，在探测点 {vantage} 上运行命令 shopper incidents，可看到这次故障和以往的故障。"),
        ],
        (English, NoticeKind::Resolved) => vec![format!(
            "Nothing needs to be done. To look back at it, run \"shopper incidents\" on the agent {vantage}."
        )],
        (Chinese, _) => vec![
            "先在自己的浏览器里打开上面的页面，看看现在是什么情况。".to_owned(),
            "如果确实打不开，请联系网站的运维人员；这封邮件可以直接转给他们。".to_owned(),
            format!("在探测点 {vantage} 上运行命令 shopper incidents，可看到这次故障和以往的故障。恢复后会在同一邮件会话里通知您。"),
        ],
        (English, _) => vec![
            "Open the page above in a browser of your own and see what it does now.".to_owned(),
            "If it fails for you as well, tell the people who run the portal. You can forward this mail to them."
                .to_owned(),
            format!(
                "Run \"shopper incidents\" on the agent {vantage} to see this outage beside the earlier ones. \
                 You will hear in this thread when it is over."
            ),
        ],
    }
}

/// A number of times, as a word where people would write one.
fn count(n: usize, language: Language) -> String {
    let words: &[&str] = match language {
        Chinese => &["零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十"],
        English => &["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
    };
    match words.get(n) {
        Some(word) => (*word).to_owned(),
        None if language == Chinese => format!("{n} "),
        None => n.to_string(),
    }
}

/// The word with a capital letter.
pub fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A span of time between two instants in words: the two largest units that matter.
pub fn span(from: Timestamp, to: Timestamp, language: Language) -> String {
    let parts = parts(from, to);
    let words: Vec<String> = match language {
        Chinese => parts.map(|(n, unit)| format!("{n} {}", ["天", "小时", "分钟", "秒"][unit])).collect(),
        English => parts
            .map(|(n, unit)| {
                let word = ["day", "hour", "minute", "second"][unit];
                format!("{n} {word}{}", if n == 1 { "" } else { "s" })
            })
            .collect(),
    };
    words.join(" ")
}

/// The same, short enough for a subject line.
pub fn brief_span(from: Timestamp, to: Timestamp, language: Language) -> String {
    match language {
        Chinese => span(from, to, language),
        English => {
            let words: Vec<String> =
                parts(from, to).map(|(n, unit)| format!("{n} {}", ["d", "h", "min", "s"][unit])).collect();
            words.join(" ")
        }
    }
}

/// The parts of a span that are written: a number and the place of its unit in d, h, min, s.
fn parts(from: Timestamp, to: Timestamp) -> impl Iterator<Item = (i64, usize)> {
    let seconds = (to.as_second() - from.as_second()).max(0);
    let (d, h, m) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let chosen = match (d, h, m) {
        (0, 0, 0) => [(seconds, 3), (0, 3)],
        (0, 0, m) => [(m, 2), (0, 3)],
        (0, h, m) => [(h, 1), (m, 2)],
        (d, h, _) => [(d, 0), (h, 1)],
    };
    chosen.into_iter().enumerate().filter(|(i, (n, _))| *i == 0 || *n > 0).map(|(_, part)| part)
}

/// How exactly an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// To the minute, with the year and the zone's name: an instant that stands alone.
    Full,
    /// To the second, without year and zone: one of a list.
    Listed,
}

/// An instant as people of the zone read it.
pub fn instant(at: Timestamp, zone: &TimeZone, precision: Precision, language: Language) -> String {
    let local = at.to_zoned(zone.clone());
    let (day, time) = (local.date(), local.time());
    let month = usize::try_from(day.month() - 1).unwrap_or_default();
    let month = MONTHS[month.min(11)];
    let (h, m, s) = (time.hour(), time.minute(), time.second());
    match (language, precision) {
        (Chinese, Precision::Full) => format!(
            "{}年{}月{}日 {h:02}:{m:02}（{}）",
            day.year(),
            day.month(),
            day.day(),
            zone_name(zone, &local, language)
        ),
        (Chinese, Precision::Listed) => format!("{}月{}日 {h:02}:{m:02}:{s:02}", day.month(), day.day()),
        (English, Precision::Full) => format!(
            "{} {month} {}, {h:02}:{m:02} ({})",
            day.day(),
            day.year(),
            zone_name(zone, &local, language)
        ),
        (English, Precision::Listed) => format!("{} {month}, {h:02}:{m:02}:{s:02}", day.day()),
    }
}

/// An instant to the minute, short enough for a subject line.
pub fn minute(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let listed = instant(at, zone, Precision::Listed, language);
    listed.rsplit_once(':').map_or(listed.clone(), |(minute, _)| minute.to_owned())
}

/// The zone's name and how far it is from UTC.
fn zone_name(zone: &TimeZone, local: &jiff::Zoned, language: Language) -> String {
    let minutes = local.offset().seconds() / 60;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '−' } else { '+' };
    let offset = match (minutes, rest) {
        (0, _) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{rest:02}"),
    };
    match zone.iana_name() {
        Some("Asia/Shanghai") if language == Chinese => format!("北京时间，{offset}"),
        Some(name) if name != "UTC" => format!("{name}{}{offset}", language.pick("，", ", ")),
        _ => offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_outcome_has_words_in_both_languages() {
        for outcome in Outcome::ALL {
            for (limit, language) in [(11, Chinese), (26, English)] {
                let words = short(*outcome, language);
                assert!(!words.is_empty() && words.chars().count() <= limit, "{outcome} {words}");
                let sentence = met(*outcome, language);
                assert!(!sentence.is_empty() && !sentence.ends_with(['.', '。']), "{outcome} {sentence}");
                assert_eq!(language == English, sentence.is_ascii(), "{outcome} {sentence}");
            }
        }
    }

    #[test]
    fn spans_are_written_in_the_units_that_matter() {
        let start = at("2026-11-22T04:30:05Z");
        let cases = [
            ("2026-11-22T04:30:04Z", "0 秒", "0 seconds", "0 s"),
            ("2026-11-22T04:30:50Z", "45 秒", "45 seconds", "45 s"),
            ("2026-11-22T04:31:05Z", "1 分钟", "1 minute", "1 min"),
            ("2026-11-22T04:42:50Z", "12 分钟", "12 minutes", "12 min"),
            ("2026-11-22T05:30:05Z", "1 小时", "1 hour", "1 h"),
            ("2026-11-22T08:35:06Z", "4 小时 5 分钟", "4 hours 5 minutes", "4 h 5 min"),
            ("2026-11-24T07:35:06Z", "2 天 3 小时", "2 days 3 hours", "2 d 3 h"),
        ];
        for (end, chinese, english, brief) in cases {
            assert_eq!(span(start, at(end), Chinese), chinese);
            assert_eq!(span(start, at(end), English), english);
            assert_eq!(brief_span(start, at(end), English), brief);
        }
    }

    #[test]
    fn instants_carry_their_zone() {
        let when = at("2026-11-22T04:30:05Z");
        let cases = [
            ("Asia/Shanghai", Chinese, "2026年11月22日 12:30（北京时间，UTC+8）"),
            ("Asia/Shanghai", English, "22 November 2026, 12:30 (Asia/Shanghai, UTC+8)"),
            ("Asia/Kolkata", English, "22 November 2026, 10:00 (Asia/Kolkata, UTC+5:30)"),
            ("America/New_York", Chinese, "2026年11月21日 23:30（America/New_York，UTC−5）"),
            ("UTC", English, "22 November 2026, 04:30 (UTC)"),
        ];
        for (zone, language, want) in cases {
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(instant(when, &zone, Precision::Full, language), want);
        }
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(instant(when, &shanghai, Precision::Listed, Chinese), "11月22日 12:30:05");
        assert_eq!(instant(when, &shanghai, Precision::Listed, English), "22 November, 12:30:05");
    }

    #[test]
    fn runs_are_counted_in_words() {
        assert_eq!(
            confirmed(NoticeKind::Opened, Concern::Outage, (2, 2), Chinese),
            "两次相互独立的运行都失败了。"
        );
        assert_eq!(
            confirmed(NoticeKind::Opened, Concern::Outage, (12, 12), Chinese),
            "12 次相互独立的运行都失败了。"
        );
        assert_eq!(
            confirmed(NoticeKind::Opened, Concern::Outage, (2, 2), English),
            "Two independent runs failed."
        );
        assert_eq!(
            confirmed(NoticeKind::Resolved, Concern::Slow, (3, 3), English),
            "Three independent runs went through."
        );
        assert_eq!(confirmed(NoticeKind::Opened, Concern::Outage, (1, 1), English), "One run failed.");
    }
}
