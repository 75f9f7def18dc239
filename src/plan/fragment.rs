//! Fragments: actions that several scenarios share.
//!
//! ```toml
//! params = { query = { required = true }, field = "role=searchbox" }   # a text is the default
//! do = [
//!   { fill = "{field}", with = "{query}" },
//!   { press = "Enter" },
//! ]
//! expect = [{ visible = "text=搜索结果" }]   # waited for at the end
//! ```
//!
//! A parameter stands for a part of a text, or for a whole locator. Where a fragment is used, its
//! actions stand in its place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scope::{Loader, Scope};
use super::secrets;
use super::table::{Fields, Item, Reader};
use super::words::suggest_or_list;
use crate::domain::scenario::{Action, Verb};
use crate::domain::template::{Template, is_name};

/// How many fragments may lie inside each other.
const DEEPEST: usize = 8;

/// Puts in the fragment that `item` names. `within` is a time for each of its actions that has none.
pub(super) fn expand(
    scope: &Scope<'_>,
    fields: &Fields<'_>,
    item: &Item<'_>,
    within: Option<Duration>,
) -> Vec<Action> {
    let with = fields.get("with").and_then(|item| item.table("the parameters"));
    let with = with.map(|fields| fields.entries()).unwrap_or_default();
    // Until the end is reached, something in the fragment may not have been read.
    let blind = std::mem::replace(&mut scope.trail.borrow_mut().blind, true);
    let Some(text) = item.filled() else { return Vec::new() };
    let Some(path) = Loader::below(scope.folder(), &text) else { return Vec::new() };
    if let Some(start) = scope.chain.iter().position(|file| *file == path) {
        let mut chain: Vec<_> = scope.chain[start..].iter().map(|file| file.display().to_string()).collect();
        chain.push(path.display().to_string());
        let hint = format!("{}; take one of these `use` away", chain.join(" uses "));
        text.error("this fragment uses itself", hint);
        return Vec::new();
    }
    if scope.chain.len() > DEEPEST {
        text.error(format!("fragments lie more than {DEEPEST} deep inside each other"), None);
        return Vec::new();
    }
    let Some(source) = scope.loader.follow(scope.folder(), &text) else { return Vec::new() };
    let reader = Reader { source: &source, out: scope.reader.out };
    let (table, faults) = source.parse();
    if !faults.is_empty() {
        reader.out.borrow_mut().extend(faults);
        return Vec::new();
    }
    scope.trail.borrow_mut().parts.push((path.clone(), source.text.clone()));
    secrets::guard(reader, &table);
    let file = Fields::new(reader, "a fragment", &table);

    let mut given: BTreeMap<String, Template> = BTreeMap::new();
    for item in &with {
        let value = item.text().and_then(|text| scope.template(&text));
        // What could not be read counts as given, so that it is reported once.
        given.insert(item.name.to_owned(), value.unwrap_or_default());
    }
    let outer = Scope { reader, ..*scope };
    let params = parameters(&outer, &file, &mut given);
    for item in with.iter().filter(|item| !params.contains(&item.name)) {
        let message = format!("`{}` has no parameter `{}`", path.display(), item.name);
        item.reader.error(item.key.clone(), message, suggest_or_list(item.name, &params, "parameters"));
    }
    for name in &params {
        if given.contains_key(*name) {
            continue;
        }
        let message = format!("`{}` needs the parameter `{name}`", path.display());
        text.error(message, format!("write {{ use = \"{}\", with = {{ {name} = \"…\" }} }}", text.value));
        // So that its places in the fragment are not reported as unknown too.
        given.insert((*name).to_owned(), Template::default());
    }

    // What is wrong in the fragment says by itself whether it may have set variables.
    scope.trail.borrow_mut().blind = false;
    let mut chain = scope.chain.to_vec();
    chain.push(path);
    let inner = Scope { reader, params: &given, chain: &chain, ..*scope };
    let mut actions = Vec::new();
    if let Some(item) = file.get("do") {
        actions = inner.actions(&item);
    }
    if let Some(item) = file.get("expect") {
        actions.extend(inner.expectations(&item).into_iter().map(|expectation| Action {
            verb: Verb::Wait(expectation.check),
            within: expectation.within,
            at: expectation.at,
        }));
    }
    let acts = |item: &Item<'_>| matches!(item.name, "do" | "expect") || swallowed(item);
    let swallows = file.entries().iter().any(swallowed);
    if !file.entries().iter().any(acts) {
        file.missing("do", "write do = [{ click = \"text=…\" }] at the top of the file");
    }
    file.finish();
    scope.trail.borrow_mut().blind |= blind || swallows;
    for action in &mut actions {
        action.within = action.within.or(within);
    }
    actions
}

/// The key by which a file is a fragment: it does something without being anybody's journey.
pub(super) fn sign<'a>(file: &Fields<'a>) -> Option<Item<'a>> {
    let entries = file.entries();
    if entries.iter().any(|item| matches!(item.name, "id" | "title" | "step" | "vars" | "deadline")) {
        return None;
    }
    entries.into_iter().find(|item| matches!(item.name, "do" | "params"))
}

/// Whether this is `[params]` with the actions behind it, which TOML takes for parameters.
fn swallowed(item: &Item<'_>) -> bool {
    item.name == "params"
        && item.is_table()
        && item.table("the parameters").is_some_and(|fields| {
            fields.entries().iter().any(|item| item.is_list() && matches!(item.name, "do" | "expect"))
        })
}

/// Reads the parameters of a fragment: answers their names, and adds defaults to `given` for those
/// that are not given.
fn parameters<'a>(
    scope: &Scope<'_>,
    file: &Fields<'a>,
    given: &mut BTreeMap<String, Template>,
) -> Vec<&'a str> {
    let Some(fields) = file.get("params").and_then(|item| item.table("the parameters")) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in fields.entries() {
        if item.is_list() && matches!(item.name, "do" | "expect") {
            let hint = "write it above `[params]`, or write params = { … } in one table".to_owned();
            item.reader.error(item.key.clone(), format!("`{}` stands inside `[params]`", item.name), hint);
            continue;
        }
        if !is_name(item.name) {
            let hint = "a name has the letters a to z, digits and _".to_owned();
            item.reader.error(item.key.clone(), format!("`{}` is not a parameter name", item.name), hint);
            continue;
        }
        names.push(item.name);
        if item.is_table() {
            let Some(fields) = item.table("a parameter") else { continue };
            let required = fields.get("required").and_then(|item| item.boolean());
            if required != Some(true) {
                let hint = format!("or write the default instead: {} = \"…\"", item.name);
                fields.missing("required = true", &hint);
                given.entry(item.name.to_owned()).or_default();
            }
            fields.finish();
        } else if !given.contains_key(item.name) {
            let text = item.text_like("a default text or { required = true }");
            let value = text.and_then(|text| scope.template(&text));
            given.insert(item.name.to_owned(), value.unwrap_or_default());
        }
    }
    names
}
