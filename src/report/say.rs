//! What was seen of a leaf, in words.
//!
//! Invariant: every sentence carries the count that it stands on, where there is one.

use crate::domain::profile::{Formula, Node, NodeKind, Source};
use crate::score::card::{NodeScore, StepCredit, Value};

use super::table::{number, percent};
use super::view::{View, clean_name};
use super::words;

/// What was seen; empty when nothing was.
pub(super) fn seen(view: &View<'_>, score: &NodeScore, node: &Node) -> String {
    let Some(value) = &score.value else { return String::new() };
    let zh = view.is_chinese();
    match value {
        Value::Share { good, of, wilson } => {
            let share = percent(100.0 * *good as f64 / (*of).max(1) as f64);
            let (low, high) = (percent(wilson.low), percent(wilson.high));
            if zh {
                format!("{of} 次中 {good} 次符合要求，占 {share}（95% 置信区间 {low} 至 {high}）")
            } else {
                format!("{good} of {of} were good: {share} (95% interval {low} to {high})")
            }
        }
        Value::Seconds { p, seconds } => {
            let (p, seconds) = (number(*p, 0), number(*seconds, 2));
            if zh {
                format!("{p}% 的访问在 {seconds} 秒内可用")
            } else {
                format!("{p}% of the visits were usable within {seconds} s")
            }
        }
        Value::Faults { home, .. } if score.source == Some(Source::Coded) => {
            let home = number(*home, 0);
            if zh { format!("发现 {home} 处问题") } else { format!("faults found: {home}") }
        }
        Value::Faults { home, elsewhere } => {
            let (home, elsewhere) = (number(*home, 1), number(*elsewhere, 1));
            if zh {
                format!("平均每次检查发现失效链接：首页 {home} 个，其他页面 {elsewhere} 个")
            } else {
                format!("broken links a check: {home} on the home page, {elsewhere} elsewhere")
            }
        }
        Value::Steps { steps } => {
            let steps: Vec<String> = steps.iter().map(|credit| step(view, credit)).collect();
            steps.join(view.pick("；", "; "))
        }
        Value::Number { number: value } => number(*value, 2),
        Value::Word { word } => choice(view, word, node),
    }
}

/// How often a step ended in which way.
pub(super) fn step(view: &View<'_>, credit: &StepCredit) -> String {
    let name = clean_name(&credit.step);
    let ends: Vec<String> = credit
        .outcomes
        .iter()
        .take(3)
        .map(|(outcome, count)| {
            let outcome = words::outcome(*outcome, view.language);
            view.pick("{} {} 次", "{} {}×").replacen("{}", outcome, 1).replacen("{}", &count.to_string(), 1)
        })
        .collect();
    let ends = ends.join(view.pick("、", ", "));
    match (ends.is_empty(), view.is_chinese()) {
        (true, true) => format!("“{name}”未观测到"),
        (true, false) => format!("“{name}” was not observed"),
        (false, true) => format!("“{name}”{ends}"),
        (false, false) => format!("“{name}”: {ends}"),
    }
}

/// A word of a coder, as the profile shows it.
pub(super) fn choice(view: &View<'_>, word: &str, node: &Node) -> String {
    if let NodeKind::Leaf(leaf) = &node.kind
        && let Formula::Choice(choices) = &leaf.formula
        && let Some(choice) = choices.iter().find(|choice| choice.word == word)
    {
        return clean_name(choice.title.pick(view.language));
    }
    self::word(view, word)
}

/// A word of a coder that no profile has titles for: `yes`, `no` and `na`.
pub(super) fn word(view: &View<'_>, word: &str) -> String {
    match word {
        "yes" => view.pick("是", "yes").to_owned(),
        "no" => view.pick("否", "no").to_owned(),
        "na" => view.pick("不适用", "does not apply").to_owned(),
        other => clean_name(other),
    }
}
