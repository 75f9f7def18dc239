//! Scenario files: a journey, step by step.
//!
//! A scenario is read once, whatever targets it is walked on. What depends on a target (whether
//! every variable has a value, whether submitting is allowed) is kept in a [`Draft`] and checked by
//! [`Draft::check`] for the targets that are chosen.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::action::{BUILT_IN, NO_PARAMS};
use super::diagnostic::{Diagnostic, Spot};
use super::duration;
use super::expectation::{TIMES, outcome_of};
use super::fragment;
use super::place;
use super::post;
use super::raw::Source;
use super::scope::{Event, Loader, Scope, Trail, variables};
use super::secrets::{self, asks_for_password};
use super::table::{Fields, Item, Reader};
use super::words::suggest;
use crate::domain::ids::{ScenarioId, is_valid_id};
use crate::domain::indicator::IndicatorId;
use crate::domain::observation::EvidenceKind;
use crate::domain::scenario::{AllowedRequest, Channel, Scenario, Stage, Step};
use crate::domain::template::{Template, Vars, is_name};

/// Time for a journey when its file says nothing.
const DEADLINE: Duration = Duration::from_mins(3);
/// Time for a step when its file says nothing.
const WITHIN: Duration = Duration::from_secs(30);

/// A scenario, and what is still to be checked against targets.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The scenario.
    pub scenario: Scenario,
    /// Where each of its variables stands.
    vars: BTreeMap<String, Spot>,
    /// Variables used and set on the way.
    events: Vec<Event>,
    /// Clicks at the gate on something that submits.
    submits: Vec<(Spot, String)>,
    /// What is typed into fields.
    typed: Vec<(Spot, Template)>,
}

/// What a scenario has to know about a target.
#[derive(Debug, Clone)]
pub(super) struct Ground<'a> {
    /// How the target is called in messages; [`None`] for the one of the command line.
    pub name: Option<&'a str>,
    /// Its variables.
    pub vars: &'a Vars,
    /// Whether submitting is forbidden.
    pub live: bool,
    /// Where its variables stand.
    pub spots: Option<&'a BTreeMap<String, Spot>>,
}

/// Reads a scenario. [`None`] when it cannot be used; the faults are with the loader then.
pub(super) fn read(loader: &Loader<'_>, source: &Source) -> Option<Draft> {
    let reader = Reader { source, out: &loader.out };
    let (table, faults) = source.parse();
    if !faults.is_empty() {
        loader.out.borrow_mut().extend(faults);
        return None;
    }
    let trail = RefCell::new(Trail::default());
    trail.borrow_mut().parts.push((source.file.clone(), source.text.clone()));
    let chain = [source.file.clone()];
    let scope = Scope {
        loader,
        reader,
        trail: &trail,
        params: &NO_PARAMS,
        chain: &chain,
        gate: false,
        limit: DEADLINE,
    };
    secrets::guard(reader, &table);
    let fields = Fields::new(reader, "a scenario", &table);
    if let Some(item) = fragment::sign(&fields) {
        let hint = "check a scenario that uses it: do = [{ use = \"…\" }]".to_owned();
        reader.error(item.key, "this is a fragment, not a scenario", hint);
        return None;
    }
    let id = fields.need("id", "write id = \"drug-licence\" at the top of the file");
    let id = id.and_then(|item| valid_id(&item));
    let title = fields.need("title", "write title = \"…\", as the portal names the item");
    let title = title.and_then(|item| item.filled()).map(|text| text.value.to_owned());
    let channels = [("desktop", Channel::Desktop), ("mobile", Channel::Mobile)];
    let channel = fields.get("channel").and_then(|item| item.choice(&channels)).unwrap_or_default();
    let screen = fields.get("screen").and_then(|item| place::screen(&item));
    let scored = fields.get("scored").and_then(|item| item.boolean()).unwrap_or(true);
    let limits = Duration::from_secs(1)..=Duration::from_hours(1);
    // A deadline that cannot be read is no measure for the steps.
    let longest = *limits.end();
    let deadline = fields.get("deadline").map(|item| item.duration(limits).unwrap_or(longest));
    let deadline = deadline.unwrap_or(DEADLINE);
    let allow = fields.get("allow").map(|item| allowed(&item)).unwrap_or_default();
    let authors = fields.get("authors").map(|item| authors(&item)).unwrap_or_default();
    let (vars, spots) = fields.get("vars").map(|item| read_vars(&item)).unwrap_or_default();
    if let Some(item) = fields.get("vars") {
        refuse_passwords(&item);
    }
    let steps = steps(&scope, &fields, deadline);
    // Last, so that a secret may be what a step has read.
    let secret = fields.get("secrets").map(|item| secrets::read(&item, |text| scope.template(text)));
    let keep = fields.get("keep").map(|item| kept(&item)).unwrap_or_default();
    fields.finish();

    let trail = trail.into_inner();
    let scenario = Scenario {
        id: id.unwrap_or_else(|| ScenarioId::new("")),
        title: title.unwrap_or_default(),
        channel,
        screen,
        scored,
        deadline,
        vars,
        allow,
        authors,
        secrets: secret.unwrap_or_default(),
        keep,
        steps,
        file: source.file.clone(),
        hash: digest(trail.parts.iter().map(|(file, text)| (file.as_path(), text.as_str()))),
    };
    // A variable may look unknown only because the part that reads it could not be read itself.
    let mut events = trail.events;
    events.retain(|event| !trail.blind || matches!(event, Event::Use { secret: true, .. }));
    Some(Draft { scenario, vars: spots, events, submits: trail.submits, typed: trail.typed })
}

/// An id, with a fault when it is none.
pub(super) fn valid_id(item: &Item<'_>) -> Option<ScenarioId> {
    let text = item.filled()?;
    if !is_valid_id(text.value) {
        let hint = "an id has up to 64 of a-z A-Z 0-9 - _ . and does not start with - or .".to_owned();
        text.error(format!("`{}` is not an id", text.value), hint);
        return None;
    }
    Some(ScenarioId::new(text.value))
}

/// Reads variables and where they stand.
pub(super) fn read_vars(item: &Item<'_>) -> (Vars, BTreeMap<String, Spot>) {
    let mut vars = Vars::new();
    let mut spots = BTreeMap::new();
    let Some(fields) = item.table("the variables") else { return (vars, spots) };
    for item in fields.entries() {
        let Some(text) = item.text() else {
            // Known all the same, so that its uses are not reported too.
            vars.insert(item.name.to_owned(), String::new());
            continue;
        };
        if !is_name(item.name) {
            let hint = "a name has the letters a to z, digits and _".to_owned();
            item.reader.error(item.key.clone(), format!("`{}` is not a variable name", item.name), hint);
        } else if BUILT_IN.contains(&item.name) {
            let message = format!("`{}` is set by the target", item.name);
            item.reader.error(item.key.clone(), message, "choose another name".to_owned());
        }
        if let Some((name, span)) = variables(text.value).first() {
            let message = format!("`{{{name}}}` stays as it is here");
            let hint = "the value of a variable is taken as it is; variables are put in where texts are used";
            item.reader.warn(text.inside(span), message, hint.to_owned());
        }
        vars.insert(item.name.to_owned(), text.value.to_owned());
        spots.insert(item.name.to_owned(), text.spot());
    }
    (vars, spots)
}

/// What to do with a password.
const PASSWORD: &str =
    "only a target with class = \"test\" may carry the password of an account made for testing";

/// Refuses variables that are called as passwords are, used or not.
pub(super) fn refuse_passwords(item: &Item<'_>) {
    let entries = item.is_table().then(|| item.table("the variables")).flatten();
    for item in entries.map(|fields| fields.entries()).unwrap_or_default() {
        if asks_for_password(item.name) && item.is_text() && item.text().is_some_and(|t| !t.value.is_empty())
        {
            item.error("a password in clear", PASSWORD.to_owned());
        }
    }
}

/// `authors = ["name@example.org"]`: plain mail addresses.
fn authors(item: &Item<'_>) -> Vec<String> {
    let texts = item.one_or_more().unwrap_or_default();
    let plain = texts.iter().filter(|text| {
        let good = post::is_address(text.value);
        if !good {
            let hint = "write the plain address: \"author@example.org\"".to_owned();
            text.error(format!("`{}` is not a mail address", text.value), hint);
        }
        good
    });
    plain.map(|text| text.value.to_owned()).collect()
}

/// A path as browsers send it: what is not ASCII goes as UTF-8 in percent signs.
fn as_sent(path: &str) -> String {
    let escaped =
        |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(escaped).collect()
}

/// `allow = ["POST /search*"]`.
fn allowed(item: &Item<'_>) -> Vec<AllowedRequest> {
    let texts = item.texts().unwrap_or_default();
    let read = texts.iter().filter_map(|text| {
        let known = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
        let hint = "write a method and a path, such as \"POST /search*\"".to_owned();
        let Some((method, path)) = text.value.split_once(' ') else {
            text.error(format!("`{}` is not a request", text.value), hint);
            return None;
        };
        if !known.contains(&method) {
            let hint = match method {
                "GET" => "GET is always allowed".to_owned(),
                _ => suggest(method, known).unwrap_or(hint),
            };
            text.error_at(&(0..method.len()), format!("`{method}` is not a method to allow"), hint);
            return None;
        }
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            text.error_at(
                &(method.len() + 1..text.value.len()),
                "a path starts with / and has no blanks",
                hint,
            );
            return None;
        }
        let path = as_sent(path);
        if path.trim_end_matches('*').contains('*') && path.len() > AllowedRequest::LONGEST_PATTERN {
            let message =
                format!("a path with `*` inside has at most {} characters", AllowedRequest::LONGEST_PATTERN);
            let hint =
                "shorten it, or let `*` stand at its end; a Chinese character counts as nine".to_owned();
            text.error_at(&(method.len() + 1..text.value.len()), message, hint);
            return None;
        }
        Some(AllowedRequest { method: method.to_owned(), path })
    });
    read.collect()
}

fn steps(scope: &Scope<'_>, fields: &Fields<'_>, deadline: Duration) -> Vec<Step> {
    let hint = "write [[step]] with name, stage and do";
    let Some(item) = fields.need("step", hint) else { return Vec::new() };
    let tables = item.tables("a step");
    if tables.is_empty() && item.is_list() {
        item.error("a scenario needs at least one step", hint.to_owned());
    }
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    tables.into_iter().filter_map(|table| step(scope, table, deadline, &mut names)).collect()
}

fn step(
    scope: &Scope<'_>,
    fields: Fields<'_>,
    deadline: Duration,
    names: &mut BTreeMap<String, u32>,
) -> Option<Step> {
    let at = scope.reader.source.pos(fields.span.start);
    let name = fields.need("name", "write name = \"打开门户\"").and_then(|item| item.filled());
    if let Some(text) = &name {
        let line = scope.reader.source.pos(text.span.start).line;
        if let Some(first) = names.insert(text.value.to_owned(), line) {
            let message = format!("two steps are called `{}`", text.value);
            text.error(message, format!("the other one is on line {first}; give each a name of its own"));
        }
    }
    let stage = fields.need("stage", "write stage = \"find\" or another part of the journey");
    let stage = stage.and_then(|item| stage_of(&item));
    let measure = fields.get("measure").map(|item| measures(&item)).unwrap_or_default();
    let within = fields.get("within").map(|item| {
        let within = item.duration(TIMES)?;
        if within > deadline {
            let message =
                format!("the step may take longer than the whole journey ({})", duration::show(deadline));
            item.error(message, "shorten `within` or lengthen `deadline`".to_owned());
        }
        Some(within)
    });
    let within = match within {
        Some(within) => within.unwrap_or(deadline),
        None => WITHIN.min(deadline),
    };
    let scope = Scope { gate: stage == Some(Stage::Gate), limit: within, ..*scope };
    let done = fields.get("do");
    let expected = fields.get("expect");
    if done.is_none() && expected.is_none() {
        fields.missing("do", "write do = [{ click = \"text=…\" }], or expect = [{ visible = \"text=…\" }]");
    }
    let actions = done.map(|item| scope.actions(&item)).unwrap_or_default();
    let expect = expected.map(|item| scope.expectations(&item)).unwrap_or_default();
    let seen = fields.get("seen").map(|item| scope.seen(&item)).unwrap_or_default();
    let absent = fields.get("absent").and_then(|item| outcome_of(&item));
    fields.finish();
    Some(Step {
        name: name?.value.to_owned(),
        stage: stage?,
        measure,
        actions,
        expect,
        seen,
        absent,
        within,
        at,
    })
}

fn stage_of(item: &Item<'_>) -> Option<Stage> {
    let text = item.text_like("the name of a stage")?;
    let found = Stage::ALL.iter().find(|(name, _)| *name == text.value).map(|(_, stage)| *stage);
    if found.is_none() {
        let names: Vec<_> = Stage::ALL.iter().map(|(name, _)| *name).collect();
        let hint = super::words::suggest_or_list(text.value, &names, "stages");
        text.error(format!("unknown stage `{}`", text.value), hint);
    }
    found
}

/// `keep = ["har", "dom"]`
fn kept(item: &Item<'_>) -> Vec<EvidenceKind> {
    let known = EvidenceKind::ASKED.map(|kind| (kind.name(), kind));
    let list = item.list("a list such as [\"har\", \"dom\"]").unwrap_or_default();
    list.iter().filter_map(|entry| entry.choice(&known)).collect()
}

fn measures(item: &Item<'_>) -> Vec<IndicatorId> {
    let texts = item.texts().unwrap_or_default();
    let read = texts.iter().filter_map(|text| {
        let id = IndicatorId::parse(text.value);
        if id.is_none() {
            let upper = IndicatorId::parse(&text.value.to_uppercase());
            let hint = match upper {
                Some(upper) => format!("did you mean `{}`?", upper.as_str()),
                None => "an indicator is a capital letter and a number, such as T1 or H1".to_owned(),
            };
            text.error(format!("`{}` is not an indicator", text.value), hint);
        }
        id
    });
    read.collect()
}

impl Draft {
    /// Checks the scenario against the targets that it is walked on. Faults that no target could
    /// mend stand in the scenario and are said once.
    pub fn check(&self, grounds: &[Ground<'_>], out: &mut Vec<Diagnostic>) {
        let mut read: BTreeSet<&str> = BTreeSet::new();
        for event in &self.events {
            match event {
                Event::Read(name) => {
                    read.insert(name);
                }
                Event::Use { name, at, secret: false } => {
                    let known = read.contains(name.as_str())
                        || BUILT_IN.contains(&name.as_str())
                        || self.scenario.vars.contains_key(name);
                    if !known {
                        self.unknown(name, at, grounds, &read, out);
                    }
                }
                Event::Use { name, secret: true, .. } => self.password(name, grounds, out),
            }
        }
        for ground in grounds {
            self.personal(ground, out);
        }
        let live = grounds.iter().find(|ground| ground.live);
        for (at, shown) in &self.submits {
            let Some(ground) = live else { break };
            let message = match ground.name {
                Some(name) => format!("`{shown}` submits, and target `{name}` is live"),
                None => format!("`{shown}` submits, and the target is live"),
            };
            let hint = "on a live target the gate is only seen: write expect = [{ visible = … }] instead, or \
                        choose targets with class = \"test\"";
            out.push(Diagnostic::error(at.clone(), message).hinted(hint.to_owned()));
        }
    }

    fn unknown(
        &self,
        name: &str,
        at: &Spot,
        grounds: &[Ground<'_>],
        read: &BTreeSet<&str>,
        out: &mut Vec<Diagnostic>,
    ) {
        let lacking: Vec<_> = grounds.iter().filter(|ground| !ground.vars.contains_key(name)).collect();
        if lacking.is_empty() && !grounds.is_empty() {
            return;
        }
        let secret = self
            .events
            .iter()
            .any(|event| matches!(event, Event::Use { name: used, secret: true, .. } if used == name));
        if grounds.is_empty() && secret {
            // Only a target can have it.
            return;
        }
        let known = self.scenario.vars.keys().map(String::as_str);
        let theirs = grounds.iter().flat_map(|ground| ground.vars.keys().map(String::as_str));
        let known = known.chain(theirs).chain(BUILT_IN).chain(read.iter().copied());
        let fault = if lacking.len() < grounds.len() {
            let names: Vec<_> = lacking.iter().filter_map(|ground| ground.name).collect();
            let noun = if names.len() == 1 { "target" } else { "targets" };
            let names = super::words::listed(&names);
            let message = format!("variable `{{{name}}}` has no value for {noun} {names}");
            let hint =
                format!("write {name} = \"…\" into `vars` there, or a default into the scenario's `[vars]`");
            Diagnostic::error(at.clone(), message).hinted(hint)
        } else if self.events.iter().any(|event| matches!(event, Event::Read(later) if later == name)) {
            let message = format!("variable `{{{name}}}` is used before it is read");
            Diagnostic::error(at.clone(), message).hinted("move the `read` before this step".to_owned())
        } else {
            let given = if secret {
                format!(
                    "give --var {name}=…, or write {name} = \"…\" into `vars` of a target with class = \"test\""
                )
            } else if grounds.is_empty() {
                format!("a target's `vars` or --var {name}=… has to give it, or a default in `[vars]` here")
            } else {
                format!(
                    "write {name} = \"…\" into `[vars]` of the scenario or `vars` of the target, or give --var {name}=…"
                )
            };
            let hint = suggest(name, known).unwrap_or(given);
            let message = format!("unknown variable `{{{name}}}`");
            match grounds {
                // The target that gives it is not asked here.
                [] => Diagnostic::warning(
                    at.clone(),
                    format!("variable `{{{name}}}` has no value in this file"),
                ),
                _ => Diagnostic::error(at.clone(), message),
            }
            .hinted(hint)
        };
        out.push(fault);
    }

    /// What would be typed on a target, its variables put in, must be nobody's. A system made for
    /// testing may want an account with a mail address.
    fn personal(&self, ground: &Ground<'_>, out: &mut Vec<Diagnostic>) {
        let mut vars = self.scenario.vars.clone();
        vars.extend(ground.vars.clone());
        for (at, template) in &self.typed {
            let Ok(text) = template.render(&vars) else { continue };
            let written = template.vars().next().is_none();
            // A number that stands in one variable is told there.
            let number = secrets::find(&text).filter(|_| {
                !template
                    .vars()
                    .any(|name| vars.get(name).is_some_and(|value| secrets::find(value).is_some()))
            });
            let mail = || secrets::find_mail(&text).filter(|_| ground.live || written);
            let Some((_, kind)) = number.or_else(mail) else { continue };
            let message = match (ground.name, written) {
                (_, true) => format!("this is {}", secrets::name(kind)),
                (None, _) => format!("with its variables this is {}", secrets::name(kind)),
                (Some(name), _) => {
                    format!("with the variables of target `{name}` this is {}", secrets::name(kind))
                }
            };
            let diagnostic = Diagnostic::error(at.clone(), message).hinted(secrets::hint(kind));
            if !out.contains(&diagnostic) {
                out.push(diagnostic);
            }
        }
    }

    /// A variable that goes into a password field: its value may stand in a test target only.
    fn password(&self, name: &str, grounds: &[Ground<'_>], out: &mut Vec<Diagnostic>) {
        if let Some(at) = self.vars.get(name) {
            out.push(Diagnostic::error(at.clone(), "a password in clear").hinted(PASSWORD.to_owned()));
        }
        for ground in grounds.iter().filter(|ground| ground.live) {
            if let Some(at) = ground.spots.and_then(|spots| spots.get(name)) {
                out.push(Diagnostic::error(at.clone(), "a password in clear").hinted(PASSWORD.to_owned()));
            }
        }
    }
}

/// SHA-256 over files with their names, lowercase hex.
pub(super) fn digest<'a>(files: impl Iterator<Item = (&'a Path, &'a str)>) -> String {
    let mut hash = Sha256::new();
    for (file, text) in files {
        // Lengths keep two files apart from one that holds both.
        let name = file.to_string_lossy();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hex::encode(hash.finalize())
}
