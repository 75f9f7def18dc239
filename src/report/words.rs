//! Words of reports: states, sources, outcomes, days.
//!
//! Every text is written twice, once for each language, never translated word by word.

use jiff::civil::Date;

use crate::domain::coding::Settling;
use crate::domain::language::{Language, MONTHS};
use crate::domain::outcome::Outcome;
use crate::domain::profile::{Scale, Source};
use crate::score::card::State;
use crate::score::material::Period;

/// Whether an indicator has points, and why not.
pub(super) fn state(state: State, settled: Option<Settling>, language: Language) -> &'static str {
    match (state, settled) {
        (State::Scored, _) => language.pick("已计分", "scored"),
        (State::NotApplicable, _) => language.pick("不适用", "does not apply"),
        (State::Unobserved, Some(Settling::Disputed)) => {
            language.pick("未计分：观测员意见不一，尚未裁定", "not scored: coders disagree, not settled yet")
        }
        (State::Unobserved, _) => language.pick("未观测到", "not observed"),
    }
}

/// Where a value comes from.
pub(super) fn source(source: Source, language: Language) -> &'static str {
    let (chinese, english) = match source {
        Source::Visits => ("首页定时访问", "visits of the home page"),
        Source::Steps => ("模拟办事", "walks of the journey"),
        Source::Links => ("链接检查", "link checks"),
        Source::Tls => ("证书检查", "the certificate"),
        Source::Viewport => ("移动端适配检查", "the page's viewport"),
        Source::Ipv6 => ("IPv6 检查", "the IPv6 address"),
        Source::Accessible => ("无障碍检查", "accessibility checks"),
        Source::Downloads => ("附件下载", "downloads"),
        Source::Coded => ("人工观测或外部数据", "human observation or outside figures"),
    };
    language.pick(chinese, english)
}

/// How a coded value came to count.
pub(super) fn settling(how: Settling, language: Language) -> &'static str {
    let (chinese, english) = match how {
        Settling::Single => ("一名观测员", "one coder"),
        Settling::Agreed => ("观测员意见一致", "coders agree"),
        Settling::ThirdCoder => ("由第三名观测员裁定", "settled by a third coder"),
        Settling::Disputed => ("观测员意见不一，尚未裁定", "coders disagree, not settled yet"),
    };
    language.pick(chinese, english)
}

/// How values relate to each other.
pub(super) fn scale(scale: Scale, language: Language) -> &'static str {
    let (chinese, english) = match scale {
        Scale::Nominal => ("名义", "nominal"),
        Scale::Ordinal => ("顺序", "ordinal"),
        Scale::Interval => ("等距", "interval"),
    };
    language.pick(chinese, english)
}

/// What a step met, as a report says it.
pub(super) fn outcome(outcome: Outcome, language: Language) -> &'static str {
    crate::mail::say::short(outcome, language)
}

/// A day.
pub(super) fn day(date: Date, language: Language) -> String {
    match language {
        Language::Chinese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Language::English => format!("{} {} {}", date.day(), month(date), date.year()),
    }
}

/// From a day to another, both included.
pub(super) fn days(first: Date, last: Date, language: Language) -> String {
    let same_year = first.year() == last.year();
    match language {
        _ if first == last => day(first, language),
        Language::Chinese if same_year => {
            format!("{}至{}月{}日", day(first, language), last.month(), last.day())
        }
        Language::Chinese => format!("{}至{}", day(first, language), day(last, language)),
        Language::English if same_year => {
            format!("{} {} to {}", first.day(), month(first), day(last, language))
        }
        Language::English => format!("{} to {}", day(first, language), day(last, language)),
    }
}

/// A period.
pub(super) fn period(period: &Period, language: Language) -> String {
    days(period.first, period.last, language)
}

fn month(date: Date) -> &'static str {
    let index = usize::try_from(date.month() - 1).unwrap_or_default();
    MONTHS[index.min(11)]
}

/// How many readings something stands on. One visit may count for several indicators, so they are no visits.
pub(super) fn readings(count: u64, language: Language) -> String {
    let several = language.pick("，一次访问可计入多个指标", "; one visit may count for several indicators");
    let several = if count > 0 { several } else { "" };
    match language {
        Language::Chinese => format!("{count} 个观测值{several}"),
        Language::English => format!("{}{several}", counted(count, "reading", "readings")),
    }
}

/// So many of a thing, in English: `1 portal`, `3 portals`.
pub(super) fn counted(count: impl Into<u64>, one: &str, many: &str) -> String {
    match count.into() {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn spans_of_days_say_no_year_twice() {
        let cases = [
            (
                date(2026, 10, 1),
                date(2026, 11, 30),
                "2026年10月1日至11月30日",
                "1 October to 30 November 2026",
            ),
            (
                date(2025, 12, 1),
                date(2026, 1, 31),
                "2025年12月1日至2026年1月31日",
                "1 December 2025 to 31 January 2026",
            ),
            (date(2026, 5, 4), date(2026, 5, 4), "2026年5月4日", "4 May 2026"),
        ];
        for (first, last, chinese, english) in cases {
            assert_eq!(days(first, last, Language::Chinese), chinese);
            assert_eq!(days(first, last, Language::English), english);
        }
    }
}
