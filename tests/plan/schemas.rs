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
    let fail = |why: &str| Err(format!("{at}: {why}: {value}"));
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let length = value.as_str().map_or(0, |text| text.chars().count());
    for (keyword, want) in schema.as_object().expect("a schema") {
        let branches =
            || want.as_array().unwrap().iter().filter(|s| check(root, s, value, at).is_ok()).count();
        let size = want.as_u64().unwrap_or(0);
        match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "definitions" | "properties" => {}
            "type" => {
                let good = match want.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64(),
                    other => panic!("type {other}"),
                };
                if !good {
                    return fail(&format!("not of type {want}"));
                }
            }
            "const" if want != value => return fail(&format!("not {want}")),
            "enum" if !want.as_array().unwrap().contains(value) => return fail("none of the values"),
            "const" | "enum" => {}
            "pattern" => {
                let pattern = regex::Regex::new(want.as_str().unwrap()).unwrap();
                if value.as_str().is_some_and(|text| !pattern.is_match(text)) {
                    return fail(&format!("does not fit {want}"));
                }
            }
            "minLength" if value.is_string() && length < size as usize => return fail("too short"),
            "maxLength" if value.is_string() && length > size as usize => return fail("too long"),
            "minItems" if value.as_array().is_some_and(|a| a.len() < size as usize) => {
                return fail("too few");
            }
            "minProperties" if value.as_object().is_some_and(|o| o.len() < size as usize) => {
                return fail("too few");
            }
            "minLength" | "maxLength" | "minItems" | "minProperties" => {}
            "minimum" if value.as_i64() < want.as_i64() => return fail("too small"),
            "maximum" if value.as_i64() > want.as_i64() => return fail("too large"),
            "minimum" | "maximum" => {}
            "required" => {
                for key in want.as_array().unwrap() {
                    if value.as_object().is_some_and(|o| !o.contains_key(key.as_str().unwrap())) {
                        return fail(&format!("{key} is missing"));
                    }
                }
            }
            "propertyNames" => {
                for key in value.as_object().into_iter().flat_map(Map::keys) {
                    check(root, want, &Value::String(key.clone()), at)?;
                }
            }
            "additionalProperties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if properties.contains_key(key) {
                        continue;
                    }
                    if want == &Value::Bool(false) {
                        return fail(&format!("unknown key {key}"));
                    }
                    check(root, want, inner, &format!("{at}/{key}"))?;
                }
            }
            "items" => {
                for (i, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, want, inner, &format!("{at}/{i}"))?;
                }
            }
            "oneOf" if branches() != 1 => return fail(&format!("fits {} of the kinds", branches())),
            "anyOf" if branches() == 0 => return fail("fits none of the kinds"),
            "oneOf" | "anyOf" => {}
            other => panic!("keyword {other}"),
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
fn bad_scenarios_do_not_fit() {
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
}
