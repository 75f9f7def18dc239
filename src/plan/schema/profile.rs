//! The schema of scoring profiles.
//!
//! What hangs on other rows (what an indicator is below, whether it may ask for a word) is the parser's.

use serde_json::{Value, json};

use super::{
    described, either, file, filled, id, indicator, list, may, need, one_of, outcomes, see, table, whole,
};

pub(super) fn profile() -> Value {
    let grade = table([need("title", see("words")), need("from", number(0.0, 200.0))]);
    let bonus = table([need("above", points())]);
    let veto = table([
        need("id", id()),
        need("title", see("words")),
        need("when", see("condition")),
        may(
            "cap",
            described(points(), "The most that the total may then be. Without it the veto is only shown."),
        ),
    ]);
    let finding = table([
        need("id", id()),
        need("when", see("condition")),
        need("sentence", described(see("words"), "With {count}, {share} (percent), {n} and {examples}.")),
    ]);
    let figure = table([need("id", indicator()), need("title", see("words"))]);
    let indicators = json!({ "type": "array", "items": indicators(), "minItems": 1 });
    let root = table([
        need("id", id()),
        need("title", see("words")),
        may("coverage_floor", described(points(), "Below it (percent) a target is not ranked. Default: 70.")),
        may("grade", described(list(&grade), "The best first.")),
        need("indicator", indicators),
        may("bonus", bonus),
        may("veto", list(&veto)),
        may("finding", list(&finding)),
        may("figure", described(list(&figure), "Numbers that are not scored: for clusters and tables.")),
    ]);
    file("A scoring profile of mystery-shopper", root, definitions())
}

fn number(low: f64, high: f64) -> Value {
    json!({ "type": "number", "minimum": low, "maximum": high })
}

fn points() -> Value {
    number(0.0, 100.0)
}

fn yes() -> Value {
    json!({ "const": true })
}

fn corners() -> Value {
    let corner = json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 });
    json!({ "type": "array", "items": corner, "minItems": 1 })
}

/// An indicator: with one formula, or with none when others are below it.
fn indicators() -> Value {
    let amount = || json!({ "type": "number", "minimum": 0 });
    let sources = ["visits", "steps", "links", "tls", "viewport", "ipv6", "accessible", "downloads", "coded"];
    let sources = one_of(&sources);
    let choice = table([need("word", filled()), need("title", see("words")), need("points", points())]);
    let formulas = [
        ("steps", described(yes(), "The mean credit of the steps that measure it.")),
        (
            "share",
            described(either([yes(), corners()]), "A share in percent: as points, or through corners."),
        ),
        (
            "percentile",
            described(
                table([need("p", number(1.0, 99.0)), need("pieces", corners())]),
                "A percentile of times: seconds to points.",
            ),
        ),
        (
            "deduct",
            described(
                table([
                    need("each", amount()),
                    may("elsewhere", amount()),
                    may("cap", amount()),
                    may("worth", amount()),
                ]),
                "Points taken off for each fault.",
            ),
        ),
        ("linear", described(corners(), "A number that somebody wrote down: value to points.")),
        (
            "yes_no",
            described(
                either([yes(), table([need("yes", points()), need("no", points())])]),
                "Yes is 100 and no is 0, or as written.",
            ),
        ),
        (
            "choice",
            described(
                json!({ "type": "array", "items": choice, "minItems": 2 }),
                "Words that a coder chooses from, in order.",
            ),
        ),
    ];
    let mut properties = vec![
        need("id", indicator()),
        need("title", see("words")),
        need(
            "weight",
            described(
                json!({ "type": "number", "exclusiveMinimum": 0 }),
                "Against its neighbours: any positive number.",
            ),
        ),
        may("of", described(indicator(), "What it is below. The first level has none.")),
        may("assumed", described(see("words"), "What of it is assumed, and not from a public source.")),
        may("bonus", json!({ "type": "boolean" })),
        may(
            "from",
            described(
                either([sources.clone(), json!({ "type": "array", "items": sources, "minItems": 1 })]),
                "Where its value comes from: the first that was observed.",
            ),
        ),
        may("scale", one_of(&["nominal", "ordinal", "interval"])),
    ];
    properties.extend(formulas.map(|(name, value)| may(name, value)));
    table(properties)
}

/// What the tables of a profile share.
fn definitions() -> Value {
    let bound = || json!({ "type": "number" });
    let range = || {
        let mut range = table(["at_least", "above", "at_most", "below"].map(|key| may(key, bound())));
        range["minProperties"] = json!(1);
        range
    };
    let texts = either([filled(), json!({ "type": "array", "items": filled(), "minItems": 1 })]);
    let conditions = || json!({ "type": "array", "items": see("condition"), "minItems": 1 });
    let named = either([outcomes(), json!({ "type": "array", "items": outcomes(), "minItems": 1 })]);
    let condition = json!({ "oneOf": [
        table([need("all", conditions())]),
        table([need("any", conditions())]),
        table([need("not", see("condition"))]),
        table([need("indicator", indicator()), need("is", texts)]),
        table([
            need("indicator", indicator()),
            need("value", range()),
            may("at_least_n", whole(0, 1_000_000_000)),
        ]),
        table([need("indicator", indicator()), need("score", range())]),
        table([need("indicator", indicator()), need("outcome", named)]),
    ] });
    json!({
        "words": either([filled(), table([need("zh", filled()), need("en", filled())])]),
        "condition": condition,
    })
}
