//! JSON Schemas (draft 7) of the files that people write, for editors.
//!
//! A schema says which keys and types there are. What needs a look at more than one value (ids
//! that have to exist, variables, times inside each other) is said by the parser alone. Texts with
//! a language of their own (locators, durations, schedules) are texts here.
//!
//! Invariant: what the parser accepts, its schema accepts; an unknown key is refused by both. The
//! copies in `schema/` are these texts (a test compares them).

mod profile;
mod scenario;

use serde_json::{Map, Value, json};

use crate::domain::incident::{Concern, Severity};
use crate::domain::outcome::Outcome;

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// probes.toml
    Probes,
    /// A scenario.
    Scenario,
    /// A fragment.
    Fragment,
    /// A lexicon.
    Lexicon,
    /// A scoring profile.
    Profile,
}

impl Kind {
    /// Every kind with the name of its file in `schema/`, without `.json`.
    pub const ALL: [(&'static str, Self); 5] = [
        ("probes", Self::Probes),
        ("scenario", Self::Scenario),
        ("fragment", Self::Fragment),
        ("lexicon", Self::Lexicon),
        ("profile", Self::Profile),
    ];
}

/// The schema of a kind of file, as JSON text with a line break at the end.
pub fn schema(kind: Kind) -> String {
    let value = match kind {
        Kind::Probes => probes(),
        Kind::Scenario => scenario::scenario(),
        Kind::Fragment => scenario::fragment(),
        Kind::Lexicon => lexicon(),
        Kind::Profile => profile::profile(),
    };
    format!("{value:#}\n")
}

/// A property: its key, its schema, and whether it has to be there.
type Property = (&'static str, Value, bool);

fn need(key: &'static str, value: Value) -> Property {
    (key, value, true)
}

fn may(key: &'static str, value: Value) -> Property {
    (key, value, false)
}

/// A table with these keys and no others.
fn table(properties: impl IntoIterator<Item = Property>) -> Value {
    let mut known = Map::new();
    let mut required = Vec::new();
    for (key, value, needed) in properties {
        if needed {
            required.push(key);
        }
        known.insert(key.to_owned(), value);
    }
    let mut table = json!({ "type": "object", "additionalProperties": false, "properties": known });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

/// A whole file.
fn file(title: &str, mut root: Value, definitions: Value) -> Value {
    let mut head = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "title": title });
    if let (Value::Object(head), Value::Object(root)) = (&mut head, &mut root) {
        head.append(root);
        if !definitions.is_null() {
            head.insert("definitions".to_owned(), definitions);
        }
    }
    head
}

fn described(mut value: Value, text: &str) -> Value {
    value["description"] = json!(text);
    value
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn filled() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn id() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$" })
}

/// As `domain::indicator` reads it.
fn indicator() -> Value {
    json!({ "type": "string", "maxLength": 40, "pattern": "^[A-Z][0-9]{0,2}(\\.[a-z0-9-]+)*$" })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn whole(low: i64, high: i64) -> Value {
    json!({ "type": "integer", "minimum": low, "maximum": high })
}

fn either(choices: impl Into<Vec<Value>>) -> Value {
    json!({ "anyOf": choices.into() })
}

fn one_of(names: &[&str]) -> Value {
    json!({ "enum": names })
}

fn see(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn texts_by_name() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn vars() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "type": "string" },
    })
}

fn secrets() -> Value {
    described(list(&filled()), "Texts that are masked wherever they appear in what is kept, such as names.")
}

fn addresses() -> Value {
    either([filled(), json!({ "type": "array", "items": filled(), "minItems": 1 })])
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "description": "300ms, 15s, 3m, 1h30m" })
}

fn web_address() -> Value {
    json!({ "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://" })
}

fn outcomes() -> Value {
    let ours = [Outcome::NotReached, Outcome::BlockedByPolicy, Outcome::ProbeFault];
    let names: Vec<_> =
        Outcome::ALL.iter().filter(|outcome| !ours.contains(outcome)).map(|o| o.name()).collect();
    one_of(&names)
}

fn probes() -> Value {
    let agent = table([
        need("name", described(id(), "The vantage; stored with every run.")),
        may(
            "contact",
            described(filled(), "mailto: or https:, sent to every portal; needed for live targets."),
        ),
        may("timezone", described(filled(), "An IANA time zone. Default: Asia/Shanghai.")),
        may("language", one_of(&["zh-CN", "en"])),
        may("data_dir", described(filled(), "Default: data.")),
    ]);
    let browser = table([
        may("sessions", whole(1, 64)),
        may(
            "webdriver",
            either([
                json!({ "const": "spawn" }),
                json!({ "type": "array", "items": filled(), "minItems": 1 }),
            ]),
        ),
        may("chromium", filled()),
        may("chromedriver", filled()),
        may(
            "memory",
            described(
                json!({ "type": "string", "pattern": "^[0-9]+ *[GM]iB$" }),
                "What a browser may take before it is replaced. Default: 1GiB.",
            ),
        ),
        may("firefox", filled()),
        may("geckodriver", filled()),
    ]);
    let post = post();
    let space = json!({ "type": "string", "pattern": "^[0-9]+ *([MGT]i?B)$" });
    let keep = table([
        may("evidence", described(duration(), "Evidence files. Default: for ever.")),
        may("runs", described(duration(), "Runs with their steps and facts, and gaps. Default: for ever.")),
        may("size", described(space, "Room for everything, such as 20GB. Default: no limit.")),
    ]);
    let store = table([may("keep", keep)]);
    let mut all = rules();
    all.push(may(
        "wave",
        described(
            whole(0, 1000),
            "So many targets of one region or host at once are one incident. Default: 3; 0: never.",
        ),
    ));
    let alert = table(all);
    // A bare TOML date reaches a schema as a text.
    let assessed = table([need("by", filled()), need("on", text())]);
    let target = table([
        need("id", id()),
        need("name", filled()),
        may("region", filled()),
        need("entry", web_address()),
        may("class", one_of(&["live", "test"])),
        may("vars", vars()),
        may("secrets", secrets()),
        may("labels", texts_by_name()),
        may("hosts", list(&filled())),
        may("marker", filled()),
        may(
            "place",
            table([
                may("locale", filled()),
                may("timezone", filled()),
                may("geolocation", described(filled(), "Degrees north and east: \"31.23, 121.47\".")),
                may("proxy", json!({ "type": "string", "pattern": "^(http|socks5)://" })),
            ]),
        ),
        may(
            "soft_404",
            described(
                json!({ "type": "boolean" }),
                "Whether a page that cannot exist may be asked for. Default: only with class = \"test\".",
            ),
        ),
        may("assessed", assessed),
    ]);
    let labels = json!({
        "type": "object", "minProperties": 1, "additionalProperties": { "type": "string", "minLength": 1 },
    });
    let chosen = either([
        labels.clone(),
        json!({ "type": "array", "minItems": 1, "items": { "anyOf": [filled(), labels] } }),
    ]);
    let mut probe = table([
        need("id", id()),
        may("scenario", filled()),
        may("visit", table([may("within", duration())])),
        may("crawl", crawl()),
        need("targets", chosen),
        need("schedule", described(filled(), "crontab's five fields; six with seconds, seven with a year.")),
        may("jitter", duration()),
        may(
            "severity",
            described(
                one_of(&["outage", "degraded", "info"]),
                "What its incidents are at most. Default: outage.",
            ),
        ),
        may("slow", described(duration(), "A run that works and takes longer is slow.")),
        may("alert", described(table(rules()), "Rules of its own; the rest is as in [alert].")),
        may("browser", described(one_of(&["chromium", "firefox"]), "For walks. Default: chromium.")),
        may("tell", described(one_of(&["nobody"]), "Its outages are nobody's: no route takes it.")),
    ]);
    probe["oneOf"] =
        json!([{ "required": ["scenario"] }, { "required": ["visit"] }, { "required": ["crawl"] }]);
    let few = |what| described(either([filled(), list(&filled())]), what);
    let canary = table([
        may("names", few("Names that always resolve.")),
        may("sites", few("Unrelated sites that are hardly ever down.")),
    ]);
    let root = table([
        need("agent", agent),
        may("browser", browser),
        may(
            "web",
            table([
                may("listen", filled()),
                may("public", described(web_address(), "Where people reach the pages: mails link to it.")),
            ]),
        ),
        may("mail", post.mail),
        may("webhook", list(&post.hook)),
        may("canary", canary),
        may("alert", alert),
        may("store", store),
        may("maintenance", list(&maintenance())),
        may("target", list(&target)),
        may("probe", list(&probe)),
    ]);
    file("probes.toml of mystery-shopper", root, Value::Null)
}

/// `[mail]` and `[[webhook]]`.
struct Post {
    mail: Value,
    hook: Value,
}

/// Who is told, and by what way.
fn post() -> Post {
    let secret = json!({ "oneOf": [
        table([need("credential", filled())]),
        table([need("env", filled())]),
        table([need("file", filled())]),
    ] });
    let ids = either([filled(), list(&filled())]);
    let names = |names: &[&str]| {
        either([one_of(names), json!({ "type": "array", "minItems": 1, "items": one_of(names) })])
    };
    let when = json!({
        "type": "object",
        "properties": {
            "target": ids,
            "probe": ids,
            "class": names(&["live", "test"]),
            "severity": names(&Severity::ALL.map(Severity::name)),
            "concern": names(&Concern::ALL.map(Concern::name)),
        },
        "additionalProperties": { "type": "string" },
        "description": "Labels of targets, ids, class, severity (default: outage), concern.",
    });
    let time = json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{1,2}$" });
    let quiet = table([
        need("from", time.clone()),
        need("until", time),
        may(
            "unless",
            described(
                one_of(&["outage", "degraded"]),
                "What is at least so bad is told all the same. Default: outage.",
            ),
        ),
    ]);
    let to = || {
        let addresses = either([filled(), json!({ "type": "array", "items": filled(), "minItems": 1 })]);
        described(addresses, "Mail addresses, or hook: and the name of a webhook.")
    };
    let way = || {
        [
            may("when", when.clone()),
            may("after", described(duration(), "Told only what lasts so long and nobody has acknowledged.")),
            may("quiet", quiet.clone()),
        ]
    };
    let slots = || described(filled(), "crontab's five fields in the agent's zone.");
    let route = table([need("to", to())].into_iter().chain(way()));
    let digest = table([need("to", to()), need("schedule", slots()), may("when", when.clone())]);
    let heartbeat = table([need("to", to()), need("schedule", slots())]);
    let mail = table([
        need("smtp", json!({ "type": "string", "pattern": "^smtps?://" })),
        may("password", secret.clone()),
        need("from", filled()),
        may("route", list(&route)),
        may("digest", list(&digest)),
        may("heartbeat", heartbeat),
        may(
            "stuck_after",
            described(duration(), "What waits for longer is told in another way. Default: 15m."),
        ),
    ]);
    let template = "generic, alertmanager, wecom, dingtalk, feishu, or a file of your own. Default: generic.";
    let hook = [
        need("name", id()),
        need("url", either([web_address(), secret.clone()])),
        may("template", described(filled(), template)),
        may("secret", secret),
    ];
    Post { mail, hook: table(hook.into_iter().chain(way())) }
}

/// When incidents open, close and are repeated.
fn rules() -> Vec<Property> {
    let threshold = || {
        let both = table([need("runs", whole(1, 20)), need("time", duration())]);
        described(either([whole(1, 20), duration(), both]), "Runs in a row, a time, or both.")
    };
    vec![
        may("confirm", threshold()),
        may("recover", threshold()),
        may("remind", either([json!({ "const": "never" }), duration()])),
        may(
            "flapping",
            described(
                json!({ "type": "boolean" }),
                "Whether what comes and goes is one incident. Default: true.",
            ),
        ),
        may(
            "gather",
            described(duration(), "How long a first notice waits for others that fail too. Default: 1m."),
        ),
    ]
}

/// A time at which nobody is told.
fn maintenance() -> Value {
    let ids = || either([filled(), list(&filled())]);
    let mut window = table([
        need("name", described(filled(), "As people will read it in mails.")),
        may("targets", described(ids(), "Ids, or \"*\" for all.")),
        may("region", filled()),
        may("labels", texts_by_name()),
        may("probes", described(ids(), "Ids, or \"*\" for all.")),
        // A bare TOML date reaches a schema as a text.
        may("from", described(filled(), "2026-12-24T22:00:00, in the time zone of [agent].")),
        may("until", filled()),
        may("schedule", described(filled(), "When it begins, again and again.")),
        may("lasts", duration()),
    ]);
    window["oneOf"] = json!([{ "required": ["from", "until"] }, { "required": ["schedule", "lasts"] }]);
    window
}

/// A link check.
fn crawl() -> Value {
    let truth = || json!({ "type": "boolean", "default": true });
    table([
        may("max_pages", whole(1, 100_000)),
        may("depth", described(whole(0, 20), "Levels below the entry page.")),
        may("max_links", whole(1, 1_000_000)),
        may("render", described(one_of(&["auto", "never", "always"]), "Pages in a browser. Default: auto.")),
        may("external", described(truth(), "Whether links to other hosts are checked.")),
        may("fragments", described(truth(), "Whether the places inside pages (#part) are checked.")),
        may(
            "interval",
            described(duration(), "Between two requests to a host. At least 1s on live targets."),
        ),
        may("concurrency", described(whole(1, 64), "Requests to a host at once. At most 2 on live targets.")),
        may("daily", described(whole(1, 10_000_000), "Requests of all probes to a host on one day (UTC).")),
        may("limit", described(whole(0, 1_000_000), "More broken links than this make the run fail.")),
        may("within", described(duration(), "Time for one request. Default: 20s.")),
        may("time", described(duration(), "Time for the whole check. Default: 1h.")),
    ])
}

fn lexicon() -> Value {
    let outcome = table([
        need("name", outcomes()),
        need("phrases", list(&filled())),
        may("unless_offered", json!({ "type": "boolean", "default": false })),
    ]);
    let root = table([
        may("negations", list(&filled())),
        may("alternatives", list(&filled())),
        may("outcome", list(&outcome)),
    ]);
    file("A lexicon of mystery-shopper", root, Value::Null)
}
