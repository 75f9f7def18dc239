//! The schemas: their copies are current, they accept what is good and refuse unknown keys.
//! `BLESS=1` writes the copies anew.

use std::fs;
use std::path::{Path, PathBuf};

use mystery_shopper::plan::schema::{Kind, schema};
use serde_json::{Map, Value};

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_copies_are_current() {
    for (name, kind) in Kind::ALL {
        let file = home().join("schema").join(name).with_extension("json");
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(home().join("schema")).unwrap();
            fs::write(&file, schema(kind)).unwrap();
        }
        let copy = fs::read_to_string(&file).unwrap_or_default();
        assert!(copy == schema(kind), "schema/{name}.json is old: run this test with BLESS=1");
    }
}

/// The tree of a TOML file, as JSON has it.
fn tree(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_json::to_value(plain(toml::from_str(&text).unwrap())).unwrap()
}

/// TOML dates become texts, as editors hand them to a schema.
fn plain(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Datetime(date) => toml::Value::String(date.to_string()),
        toml::Value::Array(items) => toml::Value::Array(items.into_iter().map(plain).collect()),
        toml::Value::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
        other => other,
    }
}

/// What is wrong with `value`, by the keywords of draft 7 that our schemas use; panics at others.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(path) => root.pointer(path.trim_start_matches('#')).expect("a definition"),
        None => schema,
    };
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let object = value.as_object().unwrap_or(&empty);
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    for (keyword, want) in schema.as_object().expect("a schema") {
        let size = want.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let all = want.as_array().map_or(&[][..], Vec::as_slice);
        let fits = || all.iter().filter(|branch| check(root, branch, value, at).is_ok()).count();
        let good = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "definitions" | "properties" => true,
            "type" => match want.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            },
            "const" => want == value,
            "enum" => all.contains(value),
            "pattern" => {
                let pattern = regex::Regex::new(want.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= size),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= size),
            "minItems" => !value.is_array() || items.len() >= size,
            "minProperties" => !value.is_object() || object.len() >= size,
            "maxItems" => items.len() <= size,
            "minimum" => value.as_f64().is_none_or(|n| Some(n) >= want.as_f64()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|n| Some(n) > want.as_f64()),
            "maximum" => value.as_f64().is_none_or(|n| Some(n) <= want.as_f64()),
            "required" => {
                !value.is_object() || all.iter().all(|key| object.contains_key(key.as_str().unwrap()))
            }
            "oneOf" => fits() == 1,
            "anyOf" => fits() > 0,
            "propertyNames" => {
                for key in object.keys() {
                    check(root, want, &Value::String(key.clone()), at)?;
                }
                true
            }
            "additionalProperties" if want.is_boolean() => {
                object.keys().all(|key| properties.contains_key(key))
            }
            "additionalProperties" => {
                for (key, inner) in object.iter().filter(|(key, _)| !properties.contains_key(*key)) {
                    check(root, want, inner, &format!("{at}/{key}"))?;
                }
                true
            }
            "items" => {
                for (i, inner) in items.iter().enumerate() {
                    check(root, want, inner, &format!("{at}/{i}"))?;
                }
                true
            }
            other => panic!("keyword {other}"),
        };
        if !good {
            return Err(format!("{at}: {keyword} {want}: {value}"));
        }
    }
    for (key, inner) in properties {
        if let Some(value) = value.get(key) {
            check(root, inner, value, &format!("{at}/{key}"))?;
        }
    }
    Ok(())
}

fn valid(kind: Kind, value: &Value) -> Result<(), String> {
    let root: Value = serde_json::from_str(&schema(kind)).unwrap();
    check(&root, &root, value, "")
}

#[test]
fn good_files_fit() {
    let files = [
        (Kind::Probes, "good/probes.toml"),
        (Kind::Probes, "full/probes.toml"),
        (Kind::Scenario, "good/scenarios/drug-licence.toml"),
        (Kind::Scenario, "full/scenarios/everything.toml"),
        (Kind::Fragment, "full/scenarios/fragments/search.toml"),
        (Kind::Fragment, "full/scenarios/fragments/press.toml"),
        (Kind::Lexicon, "full/lexicon/zh-CN.toml"),
        (Kind::Lexicon, "full/lexicon/en.toml"),
        (Kind::Profile, "../../profiles/d3.toml"),
        (Kind::Profile, "../../profiles/d3-equal.toml"),
        (Kind::Profile, "../../profiles/egov-benchmark.toml"),
        (Kind::Profile, "../../profiles/site-check.toml"),
    ];
    for (kind, file) in files {
        assert_eq!(valid(kind, &tree(&home().join("tests/plan").join(file))), Ok(()), "{file}");
    }
}

/// Every table of a tree, by its path.
fn tables(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.push(at.to_owned());
            for (key, inner) in object {
                tables(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                tables(inner, &format!("{at}/{i}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    let files = [
        (Kind::Probes, "full/probes.toml"),
        (Kind::Scenario, "full/scenarios/everything.toml"),
        (Kind::Fragment, "full/scenarios/fragments/search.toml"),
        (Kind::Lexicon, "full/lexicon/zh-CN.toml"),
        (Kind::Profile, "../../profiles/site-check.toml"),
        (Kind::Profile, "../../profiles/d3.toml"),
    ];
    for (kind, file) in files {
        let good = tree(&home().join("tests/plan").join(file));
        let mut paths = Vec::new();
        tables(&good, "", &mut paths);
        assert!(paths.len() > 2, "{file}");
        for path in paths {
            let mut bad = good.clone();
            bad.pointer_mut(&path).unwrap()["unheard_of"] = Value::Array(Vec::new());
            assert!(valid(kind, &bad).is_err(), "{file}: {path}");
        }
    }
}

#[test]
fn bad_files_do_not_fit() {
    // What the schema can see. Locators, variables and references are the parser's.
    let seen = [
        "action-unknown",
        "action-two-verbs",
        "action-empty",
        "action-no-table",
        "action-missing-companion",
        "action-foreign-companion",
        "action-choices",
        "action-download",
        "expect-unknown",
        "expect-two",
        "expect-values",
        "seen-rules",
        "scenario-without-steps",
        "step-missing-keys",
        "step-stage-and-measure",
        "step-absent",
        "unknown-keys",
        "wrong-types",
        "allow",
        "bad-ids",
        "sleep",
        "locator-list",
    ];
    for name in seen {
        let file = home().join("tests/faults").join(name).with_extension("toml");
        assert!(valid(Kind::Scenario, &tree(&file)).is_err(), "{name}");
    }
    let seen = [
        "unknown-keys",
        "wrong-types",
        "target-without-entry",
        "probe-work",
        "probe-missing-keys",
        "mail-servers",
    ];
    for name in seen {
        let file = home().join(format!("tests/faults/probes-{name}.toml"));
        assert!(valid(Kind::Probes, &tree(&file)).is_err(), "{name}");
    }
    let seen = [
        "unknown-keys",
        "missing-keys",
        "wrong-types",
        "numbers",
        "ids",
        "formulas",
        "pieces",
        "deductions",
        "choices",
        "sources",
        "bonus-only",
        "conditions",
        "bounds",
        "sentences",
        "is-a-scenario",
    ];
    for name in seen {
        let file = home().join(format!("tests/faults/profile-{name}.toml"));
        assert!(valid(Kind::Profile, &tree(&file)).is_err(), "{name}");
    }
}
