//! Actions: one table, one verb.

use std::collections::BTreeMap;
use std::path::Path;

use super::expectation::file;
use super::fragment;
use super::scope::{Event, Loader, Scope};
use super::secrets::asks_for_password;
use super::table::{Fields, Item};
use super::targets::is_near;
use super::words::suggest;
use crate::domain::locator::Locator;
use crate::domain::personal::is_numbered;
use crate::domain::scenario::{Action, Check, DialogAnswer, FileExpectation, PageChoice, Verb};
use crate::domain::template::{Template, is_name};

/// The verbs, `use` among them.
pub(super) const VERBS: [&str; 19] = [
    "goto", "click", "fill", "type", "choose", "tick", "untick", "press", "hover", "scroll", "upload",
    "download", "frame", "page", "dialog", "wait", "read", "use", "shot",
];

/// The keys that stand beside a verb.
const COMPANIONS: [&str; 7] = ["within", "with", "into", "attribute", "option", "file", "expect"];

/// The variables that every journey has.
pub(super) const BUILT_IN: [&str; 3] = ["entry", "target_id", "target_name"];

/// How many actions a journey may have, fragments included.
const MOST_ACTIONS: usize = 500;

/// Keys by the name that `KeyboardEvent.key` gives them.
const KEYS: [&str; 29] = [
    "Enter",
    "Tab",
    "Escape",
    "Backspace",
    "Delete",
    "Insert",
    "Space",
    "ArrowUp",
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "F1",
    "F2",
    "F3",
    "F4",
    "F5",
    "F6",
    "F7",
    "F8",
    "F9",
    "F10",
    "F11",
    "F12",
    "ContextMenu",
    "CapsLock",
];

/// Keys that are held while another is pressed.
const MODIFIERS: [&str; 4] = ["Control", "Shift", "Alt", "Meta"];

impl Scope<'_> {
    /// Reads `do = [{ … }]`, fragments put in.
    pub(super) fn actions(&self, item: &Item<'_>) -> Vec<Action> {
        let tables = item.list("a list of actions").unwrap_or_default();
        tables.iter().flat_map(|item| self.action(item)).collect()
    }

    /// Reads one action; `use` gives several.
    fn action(&self, item: &Item<'_>) -> Vec<Action> {
        let Some(fields) = item.table("an action") else { return Vec::new() };
        let within = self.within(&fields);
        if let [item] = fields.entries().as_slice()
            && ["sleep", "pause", "delay"].contains(&item.name)
        {
            let message = format!("unknown action `{}`", item.name);
            item.reader.error(item.key.clone(), message, NO_SLEEP.to_owned());
            return Vec::new();
        }
        let Some(verb) = fields.only(&VERBS, &COMPANIONS, "action") else {
            self.may_set(&fields);
            return Vec::new();
        };
        fields.led_by(&verb);
        self.trail.borrow_mut().actions += 1;
        if self.trail.borrow().actions > MOST_ACTIONS {
            if self.trail.borrow().actions == MOST_ACTIONS + 1 {
                let hint = "divide the journey into several scenarios".to_owned();
                verb.error(format!("a journey has at most {MOST_ACTIONS} actions, fragments included"), hint);
            }
            return Vec::new();
        }
        if verb.name == "use" {
            let actions = fragment::expand(self, &fields, &verb, within);
            fields.finish();
            return actions;
        }
        let at = self.reader.source.pos(verb.key.start);
        let verb = self.verb(&fields, &verb);
        fields.finish();
        verb.map(|verb| Action { verb, within, at }).into_iter().collect()
    }

    /// An action that cannot be read may have been meant to set variables: the one that stands
    /// behind its `into`, or any when it was meant to use a fragment.
    fn may_set(&self, fields: &Fields<'_>) {
        let mut trail = self.trail.borrow_mut();
        for item in fields.entries().iter().filter(|item| item.is_text()) {
            let Some(text) = item.text() else { continue };
            if item.name == "into" {
                trail.events.push(Event::Read(text.value.to_owned()));
            } else if item.name == "use"
                || Path::new(text.value).extension().is_some_and(|kind| kind == "toml")
            {
                trail.blind = true;
            }
        }
    }

    fn verb(&self, fields: &Fields<'_>, item: &Item<'_>) -> Option<Verb> {
        match item.name {
            "goto" => self.address(item).map(Verb::Goto),
            "click" => {
                let locator = self.locator(item)?;
                self.note_submit(item, &locator);
                Some(Verb::Click(locator))
            }
            "fill" => {
                let (field, with) = self.entry(fields, item)?;
                Some(Verb::Fill { field, with })
            }
            "type" => {
                let (field, with) = self.entry(fields, item)?;
                Some(Verb::Type { field, with })
            }
            "choose" => {
                let list = self.locator(item);
                let option = fields.need("option", "write { choose = \"label=…\", option = \"…\" }");
                let option = option.and_then(|item| item.filled()).and_then(|text| self.template(&text));
                Some(Verb::Choose { list: list?, option: option? })
            }
            "tick" => self.locator(item).map(Verb::Tick),
            "untick" => self.locator(item).map(Verb::Untick),
            "hover" => self.locator(item).map(Verb::Hover),
            "scroll" => self.locator(item).map(Verb::Scroll),
            "press" => key(item).map(Verb::Press),
            "upload" => {
                let field = self.locator(item);
                let file =
                    fields.need("file", "write { upload = \"label=…\", file = \"files/licence.pdf\" }");
                let file = file.and_then(|item| item.filled()).and_then(|text| {
                    let path = Loader::below(self.folder(), &text)?;
                    self.loader.check(&path, &text).then_some(path)
                });
                Some(Verb::Upload { field: field?, file: file? })
            }
            "download" => {
                let link = self.locator(item);
                let expect = fields.get("expect").map(|item| file(&item));
                let expect = expect.unwrap_or_else(|| Some(FileExpectation::default()));
                Some(Verb::Download { link: link?, expect: expect? })
            }
            "frame" => {
                let text = item.is_text().then(|| item.text()).flatten();
                if text.as_ref().is_some_and(|text| text.value == "main") {
                    return Some(Verb::Frame(None));
                }
                if let Some(text) = text.filter(|text| ["top", "parent", "page"].contains(&text.value)) {
                    text.error(format!("`{}` is no frame", text.value), MAIN.to_owned());
                    return None;
                }
                self.locator(item).map(|locator| Verb::Frame(Some(locator)))
            }
            "page" => self.page(item).map(Verb::Page),
            "dialog" => self.dialog(item).map(Verb::Dialog),
            "wait" if item.is_table() => {
                let fields = item.table("a wait")?;
                self.check(fields).map(Verb::Wait)
            }
            "wait"
                if item.is_text() && item.text().is_some_and(|t| super::duration::parse(t.value).is_ok()) =>
            {
                item.error("`wait` takes what is waited for, and no time", NO_SLEEP.to_owned());
                None
            }
            "wait" => self.locator(item).map(|locator| Verb::Wait(Check::Visible(locator))),
            "read" => self.read(fields, item),
            _ => shot(item).map(Verb::Shot),
        }
    }

    /// `fill` and `type`: a field and what goes into it.
    fn entry(&self, fields: &Fields<'_>, item: &Item<'_>) -> Option<(Locator, Template)> {
        let field = self.locator(item);
        let hint = format!("write {{ {} = \"label=…\", with = \"…\" }}", item.name);
        let text = fields.need("with", &hint).and_then(|item| item.text());
        let with = text.as_ref().and_then(|text| self.template(text));
        let (field, text, with) = (field?, text?, with?);
        if asks_for_password(&field.to_string()) {
            self.secret(&text, &with);
        }
        let mut told = std::iter::once(text.value.to_owned()).chain(self.params.values().map(Template::text));
        if !told.any(|text| is_numbered(&text)) {
            self.trail.borrow_mut().typed.push((text.spot(), with.clone()));
        }
        Some((field, with))
    }

    /// `goto`: http, https, or from the top of the portal. A variable at the start brings the address
    /// with it; a parameter of a fragment is known here and has to bring one.
    fn address(&self, item: &Item<'_>) -> Option<Template> {
        let text = item.filled()?;
        let template = self.template(&text)?;
        if template.opens_with_variable() {
            return Some(template);
        }
        let value = template.text();
        if value.is_empty() {
            // A parameter that is missing, which is told already.
            return Some(template);
        }
        let Some((length, message, hint)) = no_address(&value) else { return Some(template) };
        let within = if value == text.value { 0..length } else { 0..text.value.len() };
        text.error_at(&within, message, hint);
        None
    }

    fn page(&self, item: &Item<'_>) -> Option<PageChoice> {
        if item.is_table() {
            let fields = item.table("a choice of page")?;
            let text = fields.need("matching", "write page = { matching = \"…\" }");
            let text = text.and_then(|item| item.filled()).and_then(|text| self.template(&text));
            fields.finish();
            return text.map(PageChoice::Matching);
        }
        let name = item.choice(&[("first", 0), ("latest", 1), ("close", 2)])?;
        Some([PageChoice::First, PageChoice::Latest, PageChoice::Close][name].clone())
    }

    fn dialog(&self, item: &Item<'_>) -> Option<DialogAnswer> {
        if item.is_table() {
            let fields = item.table("an answer to a dialog")?;
            let text = fields.need("accept", "write dialog = { accept = \"…\" }");
            let text = text.and_then(|item| item.text()).and_then(|text| self.template(&text));
            fields.finish();
            return text.map(|text| DialogAnswer::Accept(Some(text)));
        }
        let accept = item.choice(&[("accept", true), ("dismiss", false)])?;
        Some(if accept { DialogAnswer::Accept(None) } else { DialogAnswer::Dismiss })
    }

    fn read(&self, fields: &Fields<'_>, item: &Item<'_>) -> Option<Verb> {
        let from = self.locator(item);
        let attribute = fields.get("attribute").map(|item| item.filled().map(|text| text.value.to_owned()));
        let into = fields.need("into", "write { read = \"css=…\", into = \"receipt\" }");
        let Some(into) = into.and_then(|item| variable_name(&item)) else {
            self.trail.borrow_mut().blind = true;
            return None;
        };
        self.trail.borrow_mut().events.push(Event::Read(into.clone()));
        let attribute = match attribute {
            Some(None) => return None,
            other => other.flatten(),
        };
        Some(Verb::Read { from: from?, into, attribute })
    }

    /// Remembers a click at the gate on something that submits: live targets refuse it.
    fn note_submit(&self, item: &Item<'_>, locator: &Locator) {
        let shown = locator.to_string();
        let lower = shown.to_lowercase();
        if self.gate && crate::domain::target::SUBMITS.iter().any(|word| lower.contains(word)) {
            self.trail.borrow_mut().submits.push((self.spot(item), shown));
        }
    }
}

/// The name of a variable that an author may set.
pub(super) fn variable_name(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    if !is_name(text.value) {
        let hint = "a name has the letters a to z, digits and _, and does not start with a digit".to_owned();
        text.error(format!("`{}` is not a variable name", text.value), hint);
        return None;
    }
    if BUILT_IN.contains(&text.value) {
        text.error(format!("`{}` is set by the target", text.value), "choose another name".to_owned());
        return None;
    }
    Some(text.value.to_owned())
}

/// `press`: a key, or a chord such as `Control+A`.
fn key(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    let value = text.value;
    // A second plus is the key itself: `Control++`.
    let (held, last) = match value.strip_suffix("++") {
        Some(held) if !held.is_empty() => (held, "+"),
        _ if value == "+" => ("", "+"),
        _ => value.rsplit_once('+').unwrap_or(("", value)),
    };
    if last.is_empty() || (!held.is_empty() && held.split('+').any(str::is_empty)) {
        let hint = "write a key such as Enter, or a chord such as Control+A".to_owned();
        text.error(format!("`{value}` is not a key to press"), hint);
        return None;
    }
    for modifier in held.split('+').filter(|_| !held.is_empty()) {
        if !MODIFIERS.contains(&modifier) {
            let hint = suggest(modifier, MODIFIERS)
                .unwrap_or_else(|| "keys to hold are Control, Shift, Alt and Meta".to_owned());
            text.error(format!("`{modifier}` is not a key to hold"), hint);
            return None;
        }
    }
    if last.chars().count() != 1 && !KEYS.contains(&last) && !MODIFIERS.contains(&last) {
        let hint = suggest(last, KEYS).unwrap_or_else(|| {
            "write a key such as Enter, Tab, Escape, ArrowDown, a, or Control+A".to_owned()
        });
        text.error(format!("unknown key `{last}` to press"), hint);
        return None;
    }
    Some(value.to_owned())
}

fn shot(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    if text.value.chars().count() > 80 || text.value.contains(|c: char| c == '/' || c.is_control()) {
        text.error("this is no name for a screenshot", "write up to 80 characters without /".to_owned());
        return None;
    }
    Some(text.value.to_owned())
}

/// What to do instead of letting time pass.
const NO_SLEEP: &str = "no sleeping: wait for what should appear, such as { wait = \"text=加载完成\" }";

/// How to leave a frame.
const MAIN: &str = "write { frame = \"main\" } to come back to the page";

/// What to write when nothing better is known.
const ADDRESS: &str = "an address starts with http://, https://, / or {entry}";

/// Endings of pages, which make `page2.html` a file and no host.
const PAGES: [&str; 12] =
    ["html", "htm", "shtml", "xhtml", "php", "jsp", "jspx", "jhtml", "asp", "aspx", "do", "action"];

/// Why `goto` cannot go there: how many bytes are wrong, a message and what was probably meant.
/// [`None`] for an address.
fn no_address(value: &str) -> Option<(usize, String, String)> {
    let lower = value.trim().to_ascii_lowercase();
    if ["http://", "https://", "/"].iter().any(|start| lower.starts_with(start)) {
        return None;
    }
    let scheme = value.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
    // `localhost:8080` is a host with its port.
    if let Some((scheme, rest)) = scheme
        && !rest.starts_with(|c: char| c.is_ascii_digit())
        && !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
    {
        return Some((scheme.len(), format!("a journey cannot go to `{scheme}:`"), ADDRESS.to_owned()));
    }
    let host = lower.split(['/', '?', '#']).next().unwrap_or_default();
    let ending = host.rsplit('.').next().unwrap_or_default();
    let hint = if scheme.is_some_and(|(scheme, _)| scheme.to_ascii_lowercase().starts_with("http")) {
        ADDRESS.to_owned()
    } else if host.contains(['.', ':']) && !host.starts_with('.') && !PAGES.contains(&ending) {
        let scheme = if is_near(host) { "http" } else { "https" };
        format!("did you mean `{scheme}://{}`?", value.trim())
    } else {
        format!("write \"/{}\" for a page of the portal", value.trim().trim_start_matches("./"))
    };
    Some((value.len(), format!("`{value}` is not an address"), hint))
}

/// Whether a text is a URL scheme.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Parameters of a file that is no fragment.
pub(super) static NO_PARAMS: BTreeMap<String, Template> = BTreeMap::new();
