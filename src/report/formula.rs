//! Formulas and conditions in words, for the method annex.

use crate::domain::profile::{Bounds, Condition, Formula, Pieces};

use super::table::number;
use super::view::{View, clean_name};
use super::{say, words};

/// How a value becomes points.
pub(super) fn formula(view: &View<'_>, formula: &Formula) -> String {
    let zh = view.is_chinese();
    match formula {
        Formula::Steps => view
            .pick(
                "各步骤得分的平均值（每个步骤先对各次办理取平均）",
                "the mean credit of the steps, each first averaged over its runs",
            )
            .to_owned(),
        Formula::Share(None) => {
            view.pick("符合要求的比例即为得分", "the share in percent is the score").to_owned()
        }
        Formula::Share(Some(pieces)) => {
            let corners = corners(pieces, view.pick("% ", "%"), zh);
            if zh { format!("按比例分段计分：{corners}") } else { format!("by the share: {corners}") }
        }
        Formula::Percentile { p, pieces } => {
            let corners = corners(pieces, view.pick(" 秒", " s"), zh);
            if zh {
                format!("按第 {} 百分位的用时分段计分：{corners}", plain(*p))
            } else {
                format!("by the {} percentile of times: {corners}", ordinal(*p))
            }
        }
        Formula::Deduct { each, elsewhere, cap, worth } if *elsewhere <= 0.0 => {
            let [each, cap, worth] = [each, cap, worth].map(|value| plain(*value));
            if zh {
                format!("扣分：每处问题 {each}，最多扣 {cap}；{worth} 折合百分制 100 分")
            } else {
                format!(
                    "deductions: {each} for each fault, {cap} at most; {worth} are worth the hundred points"
                )
            }
        }
        Formula::Deduct { each, elsewhere, cap, worth } => {
            let [each, elsewhere, cap, worth] = [each, elsewhere, cap, worth].map(|value| plain(*value));
            if zh {
                format!(
                    "扣分：首页或人工记录的问题每处 {each}，其他页面每处 {elsewhere}，最多扣 {cap}；{worth} 折合百分制 100 分"
                )
            } else {
                format!(
                    "deductions: {each} for each fault of the home page or as coded, {elsewhere} for each elsewhere, {cap} at most; {worth} are worth the hundred points"
                )
            }
        }
        Formula::Linear(pieces) => {
            let corners = corners(pieces, view.pick(" ", ""), zh);
            if zh {
                format!("按数值分段计分：{corners}")
            } else {
                format!("by the number: {corners}")
            }
        }
        Formula::YesNo { yes, no } => {
            let (yes, no) = (plain(*yes), plain(*no));
            if zh { format!("是 {yes} 分，否 {no} 分") } else { format!("yes {yes}, no {no}") }
        }
        Formula::Choice(choices) => {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| {
                    let title = clean_name(choice.title.pick(view.language));
                    let points = plain(choice.points);
                    if zh { format!("{title} {points} 分") } else { format!("{title} {points}") }
                })
                .collect();
            choices.join(view.pick("，", ", "))
        }
    }
}

/// `unit` stands right behind a value; in Chinese a blank parts digits and signs from characters, and no character
/// from another.
fn corners(pieces: &Pieces, unit: &str, zh: bool) -> String {
    let corners = pieces.corners().iter().map(|(value, points)| {
        let (value, points) = (plain(*value), plain(*points));
        if zh { format!("{value}{unit}得 {points} 分") } else { format!("{value}{unit} → {points}") }
    });
    let corners: Vec<String> = corners.collect();
    if zh {
        format!("{}，其间按直线折算", corners.join("，"))
    } else {
        format!("{}, linear between", corners.join(", "))
    }
}

/// When something holds.
pub(super) fn condition(view: &View<'_>, when: &Condition) -> String {
    let zh = view.is_chinese();
    let join = |parts: &[Condition], chinese, english| {
        let parts: Vec<String> = parts.iter().map(|part| condition(view, part)).collect();
        parts.join(view.pick(chinese, english))
    };
    match when {
        Condition::All(parts) => join(parts, "，并且", ", and "),
        Condition::Any(parts) => join(parts, "，或者", ", or "),
        Condition::Not(part) => {
            let part = condition(view, part);
            if zh { format!("不符合“{part}”") } else { format!("not: {part}") }
        }
        Condition::Is { indicator, words } => {
            let node = view.node(indicator);
            let words: Vec<String> = words
                .iter()
                .map(|word| node.map_or_else(|| say::word(view, word), |node| say::choice(view, word, node)))
                .collect();
            let (title, words) = (view.title(indicator), words.join(view.pick("或", " or ")));
            if zh { format!("{title}为{words}") } else { format!("{title} is {words}") }
        }
        Condition::Value { indicator, within, at_least_n } => {
            let (title, within) = (view.title(indicator), bounds(*within, zh));
            match (zh, at_least_n) {
                (true, 0 | 1) => format!("{title}的观测值{within}"),
                (true, n) => format!("{title}的观测值{within}（至少观测 {n} 次）"),
                (false, 0 | 1) => format!("the value of {title} is {within}"),
                (false, n) => format!("the value of {title} is {within} (of {n} observations at least)"),
            }
        }
        Condition::Score { indicator, within } => {
            let (title, within) = (view.title(indicator), bounds(*within, zh));
            if zh {
                format!("{title}的得分{within}")
            } else {
                format!("the points of {title} are {within}")
            }
        }
        Condition::Outcome { indicator, outcomes } => {
            let title = view.title(indicator);
            let outcomes: Vec<&str> =
                outcomes.iter().map(|outcome| words::outcome(*outcome, view.language)).collect();
            let outcomes = outcomes.join(view.pick("或", " or "));
            if zh {
                format!("{title}对应的步骤最常见的结果是“{outcomes}”")
            } else {
                format!("the step of {title} ends most often so: {outcomes}")
            }
        }
    }
}

fn bounds(bounds: Bounds, zh: bool) -> String {
    let sides = [
        (bounds.at_least, "不低于 ", "at least "),
        (bounds.above, "高于 ", "above "),
        (bounds.at_most, "不高于 ", "at most "),
        (bounds.below, "低于 ", "below "),
    ];
    let sides: Vec<String> = sides
        .iter()
        .filter_map(|(bound, chinese, english)| {
            bound.map(|bound| format!("{}{}", if zh { chinese } else { english }, plain(bound)))
        })
        .collect();
    sides.join(if zh { "且" } else { " and " })
}

/// A number without zeros that say nothing.
pub(super) fn plain(value: f64) -> String {
    let text = number(value, 2);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A number as English counts: `1st`, `90th`, `99.5th`.
fn ordinal(value: f64) -> String {
    let text = plain(value);
    let last = text.as_bytes().last().copied().unwrap_or(b'0');
    let teens = ["11", "12", "13"].iter().any(|teen| text.ends_with(teen));
    let end = match last {
        _ if teens || text.contains('.') => "th",
        b'1' => "st",
        b'2' => "nd",
        b'3' => "rd",
        _ => "th",
    };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::{ordinal, plain};

    #[test]
    fn percentiles_are_counted_as_in_english() {
        let cases = [
            (1.0, "1st"),
            (11.0, "11th"),
            (50.0, "50th"),
            (72.0, "72nd"),
            (91.0, "91st"),
            (93.0, "93rd"),
            (99.1, "99.1th"),
            (12.0, "12th"),
        ];
        for (value, want) in cases {
            assert_eq!(ordinal(value), want);
        }
    }

    #[test]
    fn plain_numbers_carry_no_empty_digits() {
        for (value, want) in [(100.0, "100"), (98.5, "98.5"), (0.1, "0.1"), (12.346, "12.35"), (-1.0, "−1")]
        {
            assert_eq!(plain(value), want);
        }
    }
}
