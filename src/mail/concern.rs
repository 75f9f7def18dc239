//! What is wrong, in words: the badge of a mail, the end of its subject and its first sentence, for
//! everything that is not simply down.

use crate::domain::incident::Concern;
use crate::domain::language::Language;
use crate::domain::notice::{NoticeKind, Slowness};

use super::wording::Scene;
use Language::{Chinese, English};

/// The words in front of a subject and over the mail's first line: at most 5 characters of Chinese.
pub fn badge(kind: NoticeKind, concern: Concern, language: Language) -> &'static str {
    let (chinese, english) = match (kind, concern) {
        (NoticeKind::Digest, _) => ("简报", "Digest"),
        (NoticeKind::Heartbeat, _) => ("平安", "Alive"),
        (NoticeKind::Flood, _) => ("告警过多", "Flood"),
        (NoticeKind::Undeliverable, _) => ("未送达", "Undelivered"),
        (NoticeKind::Test, _) => ("测试", "Test"),
        (NoticeKind::Flapping, _) => ("时好时坏", "Unstable"),
        (NoticeKind::Worsened, _) => ("转为故障", "Now down"),
        (NoticeKind::Escalated, _) => ("无人处理", "Unattended"),
        (NoticeKind::Resolved, Concern::Outage) => ("恢复", "Up again"),
        (NoticeKind::Resolved, Concern::Slow) => ("恢复", "Fast again"),
        (NoticeKind::Resolved, Concern::Links) => ("恢复", "Mended"),
        (NoticeKind::Resolved, Concern::ScriptRot) => ("脚本已修好", "Script fits"),
        (NoticeKind::Resolved, Concern::Vantage) => ("恢复", "We see again"),
        (NoticeKind::Reminder, Concern::Outage) => ("仍未恢复", "Still down"),
        (NoticeKind::Reminder, Concern::Slow) => ("仍然很慢", "Still slow"),
        (NoticeKind::Reminder, Concern::Links) => ("仍未修复", "Still broken"),
        (NoticeKind::Reminder, Concern::ScriptRot) => ("脚本仍失效", "Still not fitting"),
        (NoticeKind::Reminder, Concern::Vantage) => ("仍看不见", "Still blind"),
        (NoticeKind::Opened, Concern::Outage) => ("故障", "Down"),
        (NoticeKind::Opened, Concern::Slow) => ("变慢", "Slow"),
        (NoticeKind::Opened, Concern::Links) => ("异常", "Degraded"),
        (NoticeKind::Opened, Concern::ScriptRot) => ("脚本失效", "Script broken"),
        (NoticeKind::Opened, Concern::Vantage) => ("看不见", "Blind"),
    };
    language.pick(chinese, english)
}

/// Colours as `#rrggbb`: the bar and badge, and the ground behind the badge.
pub fn colours(kind: NoticeKind, concern: Concern) -> (&'static str, &'static str) {
    const RED: (&str, &str) = ("#b3261e", "#fdecea");
    const AMBER: (&str, &str) = ("#8a5300", "#fff3d6");
    const GREEN: (&str, &str) = ("#1a7f37", "#e6f4ea");
    const BLUE: (&str, &str) = ("#0b57d0", "#e8f0fe");
    match (kind, concern) {
        (NoticeKind::Resolved, _) => GREEN,
        (NoticeKind::Digest | NoticeKind::Heartbeat | NoticeKind::Test, _) => BLUE,
        (NoticeKind::Undeliverable | NoticeKind::Flapping, _) => AMBER,
        (NoticeKind::Flood | NoticeKind::Worsened, _) | (_, Concern::Outage) => RED,
        _ => AMBER,
    }
}

/// Milliseconds, as people say them: tenths below ten seconds.
pub fn seconds(ms: u64, language: Language) -> String {
    let unit = language.pick("秒", "s");
    if ms < 10_000 && !ms.is_multiple_of(1000) {
        format!("{}.{} {unit}", ms / 1000, ms % 1000 / 100)
    } else {
        format!("{} {unit}", ms.saturating_add(500) / 1000)
    }
}

/// That it is too slow, as it ends a subject line. What it may take does not change in a thread.
pub fn short_slow(slow: Option<Slowness>, language: Language) -> String {
    match (language, slow) {
        (Chinese, Some(slow)) => format!("超过 {}", seconds(slow.allowed_ms, language)),
        (English, Some(slow)) => format!("takes over {}", seconds(slow.allowed_ms, language)),
        (Chinese, None) => "太慢".to_owned(),
        (English, None) => "is too slow".to_owned(),
    }
}

/// The first sentence of a mail about something slow.
pub fn lead_slow(
    kind: NoticeKind,
    slow: Option<Slowness>,
    scene: Scene<'_>,
    lasted: &str,
    language: Language,
) -> String {
    let Scene { site, journey, walk, .. } = scene;
    let place = match (language, walk) {
        (Chinese, true) => format!("市民在{site}办理「{journey}」"),
        (Chinese, false) => format!("市民访问{site}（{journey}）"),
        (English, true) => format!("Citizens can go through \"{journey}\" on {site}"),
        (English, false) => format!("Citizens can use {site} ({journey})"),
    };
    if kind == NoticeKind::Resolved {
        let within = slow.map(|slow| seconds(slow.allowed_ms, language));
        return match (language, within) {
            (Chinese, Some(within)) => format!("{place}又快了，不超过 {within}。变慢前后持续 {lasted}。"),
            (Chinese, None) => format!("{place}又快了。变慢前后持续 {lasted}。"),
            (English, Some(within)) => {
                format!("{place} within {within} again. It had been slow for {lasted}.")
            }
            (English, None) => format!("{place} without long waits again. It had been slow for {lasted}."),
        };
    }
    let still = kind != NoticeKind::Opened && kind != NoticeKind::Flapping;
    let times = slow.map(|slow| (seconds(slow.took_ms, language), seconds(slow.allowed_ms, language)));
    match (language, times) {
        (Chinese, times) => {
            let what = match times {
                Some((took, allowed)) => format!("花了 {took}，而允许的是 {allowed}"),
                None => "花的时间比允许的长".to_owned(),
            };
            let (again, lasts) = if still {
                ("仍然太慢", format!("已经持续 {lasted}。"))
            } else {
                ("太慢", String::new())
            };
            format!("{place}走得通，但{again}：{what}。{lasts}")
        }
        (English, times) => {
            let what = match times {
                Some((took, allowed)) => format!("it took {took} and may take {allowed}"),
                None => "it takes longer than it may".to_owned(),
            };
            let (again, lasts) = if still {
                ("still too slow", format!(" This has lasted {lasted} so far."))
            } else {
                ("too slow", String::new())
            };
            format!("{place}, but it is {again}: {what}.{lasts}")
        }
    }
}

/// That a script no longer fits, as it ends a subject line.
pub fn short_rot(language: Language) -> &'static str {
    language.pick("与页面对不上", "no longer fits")
}

/// The first sentence of a mail about a script that no longer fits.
pub fn lead_rot(kind: NoticeKind, scene: Scene<'_>, lasted: &str, language: Language) -> String {
    let Scene { site, journey, step, .. } = scene;
    match (language, kind) {
        (Chinese, NoticeKind::Resolved) => {
            format!("「{journey}」的脚本在{site}又与页面对上了。此前有 {lasted}没有观测结果。")
        }
        (English, NoticeKind::Resolved) => {
            format!("The script of \"{journey}\" fits {site} again. Nothing was observed there for {lasted}.")
        }
        (Chinese, kind) => {
            let still = if kind == NoticeKind::Opened {
                String::new()
            } else {
                format!("这种情况已经持续 {lasted}。")
            };
            format!(
                "「{journey}」的脚本在{site}的「{step}」这一步与页面对不上了。{still}\
                 页面本身看上去正常，不算网站的故障；但在脚本修好之前，这一项没有观测结果。"
            )
        }
        (English, kind) => {
            let still = if kind == NoticeKind::Opened {
                String::new()
            } else {
                format!(" This has lasted {lasted} so far.")
            };
            format!(
                "The script of \"{journey}\" no longer fits {site} at \"{step}\".{still} The page itself seems fine \
                 and nothing is held against the portal, but nothing is observed there until the script is mended."
            )
        }
    }
}

/// What is added to the first sentence when more happened than that it fails.
pub fn aside(kind: NoticeKind, language: Language) -> &'static str {
    let (chinese, english) = match kind {
        NoticeKind::Worsened => ("此前只是不正常，现在完全用不了了。", " Until now it only worked badly."),
        NoticeKind::Escalated => (
            "到现在还没有人表示在处理，所以也通知您。",
            " Nobody has taken it upon himself, so you are told as well.",
        ),
        NoticeKind::Flapping => (
            "它时好时坏，稳定之前算作同一起，稳定恢复后会再通知您。",
            " It comes and goes, and is held together as one incident; you will hear when it is steady.",
        ),
        _ => ("", ""),
    };
    language.pick(chinese, english)
}

/// What to do next about something that works badly, a sentence each.
pub fn next(concern: Concern, run: &Mend<'_>, language: Language) -> Vec<String> {
    let Mend { probe, target, vantage } = run;
    match (language, concern) {
        (Chinese, Concern::ScriptRot) => vec![
            format!("在有桌面的机器上运行命令 shopper run --probe {probe} --target {target} --headed --keep-open，看脚本停在哪里、页面上现在是什么。"),
            "按页面现在的样子改脚本里的定位或预期，运行命令 shopper check 检查。".to_owned(),
            format!("再让探测点 {vantage} 重新加载配置（systemctl reload mystery-shopper）；下一次运行走通后会在同一邮件会话里通知您。"),
        ],
        (English, Concern::ScriptRot) => vec![
            format!("On a machine with a screen run \"shopper run --probe {probe} --target {target} --headed --keep-open\" and see where the script stops and what the page shows."),
            "Change the script's locator or expectation to what the page is now, and run \"shopper check\".".to_owned(),
            format!("Let the agent {vantage} reload (systemctl reload mystery-shopper). You will hear in this thread when the script fits again."),
        ],
        (Chinese, Concern::Slow) => vec![
            "先在自己的浏览器里打开上面的页面，看看是不是也慢。".to_owned(),
            "如果您那里也慢，请把这封邮件转给网站的运维人员。".to_owned(),
            format!("在探测点 {vantage} 上运行命令 shopper incidents，可看到这一次和以往的情况。恢复后会在同一邮件会话里通知您。"),
        ],
        (English, Concern::Slow) => vec![
            "Open the page above in a browser of your own and see whether it is slow for you.".to_owned(),
            "If it is, forward this mail to the people who run the portal.".to_owned(),
            format!("Run \"shopper incidents\" on the agent {vantage} to see this beside the earlier ones. You will hear in this thread when it is over."),
        ],
        (Chinese, _) => vec![
            "逐个打开上面的链接，看看是不是真的失效。".to_owned(),
            "请把这封邮件转给网站的编辑或运维人员，修改或删除失效的链接。".to_owned(),
            format!("在探测点 {vantage} 上运行命令 shopper export links，可列出全部失效链接。恢复后会在同一邮件会话里通知您。"),
        ],
        (English, _) => vec![
            "Open the links above and see whether they are dead for you.".to_owned(),
            "Forward this mail to those who edit or run the portal: the links need to be mended or taken out.".to_owned(),
            format!("Run \"shopper export links\" on the agent {vantage} to list them all. You will hear in this thread when it is over."),
        ],
    }
}

/// How the run is made again.
#[derive(Debug, Clone, Copy)]
pub struct Mend<'a> {
    /// The probe.
    pub probe: &'a str,
    /// The target.
    pub target: &'a str,
    /// Where the agent stands.
    pub vantage: &'a str,
}

/// How to say that one takes care of an incident, as a sentence.
pub fn acknowledge(incident: &str, vantage: &str, button: bool, language: Language) -> String {
    let press = match (language, button) {
        (_, false) => "",
        (Chinese, true) => "点下面的按钮，或",
        (English, true) => "press the button below, or ",
    };
    match language {
        Chinese => format!(
            "如果由您来处理，请{press}在探测点 {vantage} 上运行命令 shopper ack {incident}，这样就不会再有人为此被提醒。"
        ),
        English => format!(
            "If you take care of it, say so: {press}run \"shopper ack {incident}\" on the agent {vantage}. Then nobody is reminded of it any more."
        ),
    }
}

/// What stands on the button.
pub fn button(language: Language) -> &'static str {
    language.pick("由我来处理", "I take care of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_are_short_and_in_both_languages() {
        for kind in NoticeKind::ALL {
            for concern in Concern::ALL {
                let (chinese, english) = (badge(kind, concern, Chinese), badge(kind, concern, English));
                assert!((1..=5).contains(&chinese.chars().count()) && !chinese.is_ascii(), "{chinese}");
                assert!((1..=17).contains(&english.len()) && english.is_ascii(), "{english}");
            }
        }
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (ms, want) in
            [(900, "0.9 s"), (4_250, "4.2 s"), (5_000, "5 s"), (42_499, "42 s"), (42_500, "43 s")]
        {
            assert_eq!(seconds(ms, English), want);
        }
        let slow = Slowness { took_ms: 42_000, allowed_ms: 30_000 };
        assert_eq!(short_slow(Some(slow), Chinese), "超过 30 秒");
        assert_eq!(short_slow(None, English), "is too slow");
    }
}
