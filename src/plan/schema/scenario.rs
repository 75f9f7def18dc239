//! The schema of scenarios and fragments: steps, actions, expectations.

use serde_json::{Value, json};

use super::{
    Property, addresses, described, duration, either, file, filled, id, indicator, list, may, need, one_of,
    outcomes, secrets, see, table, text, texts_by_name, vars, whole,
};
use crate::domain::observation::EvidenceKind;
use crate::domain::scenario::Stage;
use crate::plan::expectation::FILE_TYPES;

pub(super) fn scenario() -> Value {
    let stages: Vec<_> = Stage::ALL.iter().map(|(name, _)| *name).collect();
    let signs = [("text", filled()), ("visible", see("locator")), ("url", filled()), ("title", filled())];
    let seen = signs.map(|(sign, value)| table([need(sign, value), need("outcome", outcomes())]));
    let mut step = table([
        need("name", filled()),
        need("stage", one_of(&stages)),
        may("measure", list(&indicator())),
        may("do", list(&see("action"))),
        may("expect", list(&see("expectation"))),
        may("absent", described(outcomes(), "The outcome when a locator of the step never appears.")),
        may("seen", list(&json!({ "oneOf": seen }))),
        may("within", described(duration(), "Default: 30s.")),
    ]);
    step["anyOf"] = json!([{ "required": ["do"] }, { "required": ["expect"] }]);
    let request = json!({ "type": "string", "pattern": "^(POST|PUT|PATCH|DELETE|OPTIONS|HEAD) /\\S*$" });
    let root = table([
        need("id", id()),
        need("title", described(filled(), "As the portal names the item.")),
        may("channel", one_of(&["desktop", "mobile"])),
        may(
            "screen",
            table([
                need("width", whole(200, 4000)),
                need("height", whole(200, 4000)),
                may("scale", whole(1, 4)),
                may("touch", json!({ "type": "boolean" })),
            ]),
        ),
        may("scored", json!({ "type": "boolean", "default": true })),
        may("deadline", described(duration(), "Time for the whole journey. Default: 3m.")),
        may("allow", list(&request)),
        may(
            "authors",
            described(addresses(), "Mail addresses that are told when the script no longer fits."),
        ),
        may("vars", vars()),
        may("secrets", secrets()),
        may("keep", list(&one_of(&EvidenceKind::ASKED.map(EvidenceKind::name)))),
        need("step", json!({ "type": "array", "items": step, "minItems": 1 })),
    ]);
    file("A scenario of mystery-shopper", root, definitions())
}

pub(super) fn fragment() -> Value {
    let params = json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "anyOf": [text(), table([need("required", json!({ "const": true }))])] },
    });
    let mut root = table([
        may("params", described(params, "A default text, or { required = true }.")),
        may("do", list(&see("action"))),
        may("expect", list(&see("expectation"))),
    ]);
    root["anyOf"] = json!([{ "required": ["do"] }, { "required": ["expect"] }]);
    file("A fragment of mystery-shopper", root, definitions())
}

/// What actions and expectations refer to.
fn definitions() -> Value {
    let locator = either([filled(), json!({ "type": "array", "items": filled(), "minItems": 1 })]);
    json!({
        "locator": described(locator, "role=button[name='…'], text=, label=, css= …; of a list the first that fits"),
        "duration": duration(),
        "file": table([
            may("type", one_of(&FILE_TYPES)),
            may("min_size", whole(0, 1_000_000_000)),
            may("opens", json!({ "type": "boolean" })),
        ]),
        "check": json!({ "oneOf": checks(false) }),
        "expectation": json!({ "oneOf": checks(true) }),
        "action": json!({ "oneOf": actions() }),
    })
}

/// The checks, each a table with one of them; `timed` with `within` beside it.
fn checks(timed: bool) -> Vec<Value> {
    let yes = || json!({ "const": true });
    let status = whole(100, 599);
    let statuses = json!({ "type": "array", "items": status, "minItems": 1 });
    let all: Vec<Vec<Property>> = vec![
        vec![need("visible", see("locator"))],
        vec![need("hidden", see("locator"))],
        vec![need("text", filled()), may("in", see("locator"))],
        vec![need("no_text", filled()), may("in", see("locator"))],
        vec![need("title", filled())],
        vec![need("url", filled())],
        vec![need("status", either([status, statuses]))],
        vec![need("count", whole(0, 100_000)), need("of", see("locator"))],
        vec![need("value", filled()), need("of", see("locator"))],
        vec![need("enabled", see("locator"))],
        vec![need("downloaded", either([yes(), see("file")]))],
        vec![need("no_console_error", yes())],
    ];
    let within = |mut check: Vec<Property>| {
        if timed {
            check.push(may("within", see("duration")));
        }
        table(check)
    };
    all.into_iter().map(within).collect()
}

fn actions() -> Vec<Value> {
    let page = either([one_of(&["first", "latest", "close"]), table([need("matching", filled())])]);
    let dialog = either([one_of(&["accept", "dismiss"]), table([need("accept", text())])]);
    let all: Vec<Vec<Property>> = vec![
        vec![need("goto", filled())],
        vec![need("click", see("locator"))],
        vec![need("fill", see("locator")), need("with", text())],
        vec![need("type", see("locator")), need("with", text())],
        vec![need("choose", see("locator")), need("option", filled())],
        vec![need("tick", see("locator"))],
        vec![need("untick", see("locator"))],
        vec![need("press", filled())],
        vec![need("hover", see("locator"))],
        vec![need("scroll", see("locator"))],
        vec![need("upload", see("locator")), need("file", filled())],
        vec![need("download", see("locator")), may("expect", see("file"))],
        vec![need("frame", see("locator"))],
        vec![need("page", page)],
        vec![need("dialog", dialog)],
        vec![need("wait", either([see("locator"), see("check")]))],
        vec![need("read", see("locator")), need("into", filled()), may("attribute", filled())],
        vec![need("use", filled()), may("with", texts_by_name())],
        vec![need("shot", json!({ "type": "string", "minLength": 1, "maxLength": 80 }))],
    ];
    let within = |mut action: Vec<Property>| {
        action.push(may("within", see("duration")));
        table(action)
    };
    all.into_iter().map(within).collect()
}
