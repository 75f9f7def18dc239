//! probes.toml: the agent, the browser, the pages, the alarm rules; targets, probes and mail have
//! files of their own.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;

use url::Url;

use super::cron::knows_timezone;
use super::diagnostic::Severity;
use super::lexicon;
use super::model::{Agent, BrowserPlan, Plan, WebDriver, WebPlan};
use super::raw::Source;
use super::routes::{self, Known};
use super::scope::Loader;
use super::table::{Fields, Item, Reader};
use super::{alert, canary, hooks, maintenance, post, probes, scenario, secrets, store, targets};
use crate::domain::language::Language;

/// Reads probes.toml and everything that it names. The faults are with the loader; [`None`] when
/// the text is no TOML at all.
pub(super) fn read(root: &Path, loader: &Loader<'_>, source: &Source) -> Option<Plan> {
    let reader = Reader { source, out: &loader.out };
    let (table, faults) = source.parse();
    if !faults.is_empty() {
        loader.out.borrow_mut().extend(faults);
        read_scenarios(loader, &Fields::new(reader, "the configuration", &table));
        return None;
    }
    // What `[agent]` and `[mail]` say is about ourselves.
    for key in ["target", "probe"] {
        if let Some(value) = table.get_ref().get(key) {
            secrets::guard_value(reader, value);
        }
    }
    let fields = Fields::new(reader, "the configuration", &table);
    let agent = agent(root, &fields);
    let browser = browser(root, &fields);
    let web = web(&fields);
    let alert = alert::read(&fields);
    let keep = store::read(&fields);
    let targets = targets::read(&fields, agent.contact.is_some());
    let drafts = probes::read(loader, &fields, &agent.timezone, &targets, alert);
    let maintenance = maintenance::read(&fields, &agent.timezone, &targets, &drafts);
    let canary = canary::read(&fields, &targets);
    let tables = fields.get("webhook").map(|item| item.tables("a webhook")).unwrap_or_default();
    let names = hooks::names(&tables);
    let known = Known { targets: &targets, probes: &drafts, hooks: &names, timezone: &agent.timezone };
    let mail_item = fields.get("mail");
    let mail = mail_item.as_ref().and_then(|item| post::read(root, item, known));
    let (hooks, ways) = hooks::read(loader, root, tables, known);
    fields.finish();
    let lexicon = lexicon::gather(loader);
    let (mail, routes) = mail.unzip();
    let mut routes: Vec<_> = routes.into_iter().flatten().chain(ways).collect();
    routes::leave_out(&mut routes, &drafts);
    // A route with a fault may be the one that is missed.
    let broken = loader.out.borrow().iter().any(|found| found.severity == Severity::Error);
    if !broken && (mail.is_some() || !hooks.is_empty()) {
        routes::check_heard(&routes, &drafts, reader);
    }
    canary::warn_blind(&canary, &targets, reader);
    Some(Plan {
        root: root.to_owned(),
        hash: String::new(),
        agent,
        browser,
        web,
        mail,
        hooks,
        routes,
        alert,
        maintenance,
        canary,
        keep,
        targets: targets.into_iter().map(|draft| draft.target).collect(),
        probes: drafts.into_iter().filter_map(|draft| draft.probe).collect(),
        lexicon: lexicon.into(),
    })
}

/// Reads the scenarios that a broken configuration names, so that their faults are told in the same
/// breath. What the broken file itself says is not judged.
fn read_scenarios(loader: &Loader<'_>, fields: &Fields<'_>) {
    let unheard = RefCell::default();
    let reader = Reader { out: &unheard, ..fields.reader };
    let tables = fields.get("probe").map(|item| item.within(reader).tables("a probe")).unwrap_or_default();
    let mut paths: Vec<_> = tables
        .iter()
        .filter_map(|table| table.get("scenario")?.text())
        .filter_map(|text| Loader::below(Path::new(""), &text))
        .collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        if let Ok(source) = loader.open(&path) {
            scenario::read(loader, &source);
        }
    }
}

fn agent(root: &Path, fields: &Fields<'_>) -> Agent {
    let item = fields.need("agent", "write [agent] with a name at the top of the file");
    let fields = item.and_then(|item| item.table("[agent]"));
    let read = |key: &'static str| fields.as_ref().and_then(|fields| fields.get(key));
    let name = fields.as_ref().and_then(|fields| fields.need("name", "write name = \"beijing-1\""));
    let name = name.and_then(|item| scenario::valid_id(&item)).map(|id| id.as_str().to_owned());
    let contact = read("contact").and_then(|item| contact(&item));
    let timezone = read("timezone").and_then(|item| timezone(&item));
    let language = read("language").and_then(|item| item.choice(&Language::ALL)).unwrap_or_default();
    let data_dir = read("data_dir").and_then(|item| item.filled());
    let data_dir = root.join(data_dir.map_or("data", |text| text.value));
    if let Some(fields) = fields {
        fields.finish();
    }
    Agent {
        name: name.unwrap_or_default(),
        contact,
        timezone: timezone.unwrap_or_else(|| "Asia/Shanghai".to_owned()),
        language,
        data_dir,
    }
}

/// `mailto:` or `https:`.
fn contact(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    let contact = parse_contact(text.value).map_err(|(message, hint)| text.error(message, hint));
    // Something is there, so that live targets do not complain as well.
    Some(contact.unwrap_or_default())
}

/// How we can be reached, or what is wrong with it and what to do.
pub(super) fn parse_contact(value: &str) -> Result<String, (String, String)> {
    let mail = value.strip_prefix("mailto:").map(post::is_address);
    let web = Url::parse(value).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if mail == Some(true) || web {
        return Ok(value.to_owned());
    }
    let hint = if post::is_address(value) {
        format!("did you mean `mailto:{value}`?")
    } else {
        "write \"mailto:evaluators@example.org\" or an https address".to_owned()
    };
    Err((format!("`{value}` is no way to reach you"), hint))
}

pub(super) fn timezone(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    if knows_timezone(text.value) {
        return Some(text.value.to_owned());
    }
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let hint = match text.value {
        "CST" | "北京" => Some("did you mean `Asia/Shanghai`?".to_owned()),
        other if other.to_lowercase().ends_with("jing") => Some("did you mean `Asia/Shanghai`?".to_owned()),
        other => super::words::suggest(other, names),
    };
    let hint = hint.unwrap_or_else(|| "use a name such as Asia/Shanghai, Europe/Berlin or UTC".to_owned());
    text.error(format!("unknown time zone `{}`", text.value), hint);
    None
}

fn browser(root: &Path, fields: &Fields<'_>) -> BrowserPlan {
    let fields = fields.get("browser").and_then(|item| item.table("[browser]"));
    let read = |key: &'static str| fields.as_ref().and_then(|fields| fields.get(key));
    let sessions = read("sessions").and_then(|item| item.integer(1..=64));
    let webdriver = read("webdriver").and_then(|item| webdriver(&item)).unwrap_or(WebDriver::Spawn);
    let path = |key| read(key).and_then(|item| item.filled()).map(|text| root.join(text.value));
    let (chromium, chromedriver) = (path("chromium"), path("chromedriver"));
    let memory = read("memory").and_then(|item| memory(&item)).unwrap_or(BrowserPlan::MEMORY);
    let (firefox, geckodriver) = (path("firefox"), path("geckodriver"));
    if let Some(fields) = fields {
        fields.finish();
    }
    let sessions = sessions.and_then(|n| usize::try_from(n).ok()).unwrap_or(2);
    BrowserPlan { sessions, webdriver, chromium, chromedriver, firefox, geckodriver, memory }
}

/// `"1GiB"` or `"768MiB"` in bytes.
fn memory(item: &Item<'_>) -> Option<u64> {
    let text = item.filled()?;
    let bytes = parse_memory(text.value);
    if bytes.is_none() {
        let hint = "write \"1GiB\" or \"768MiB\": from 300MiB, which an empty browser nearly takes, to 64GiB";
        text.error(format!("`{}` is no amount of memory for a browser", text.value), hint.to_owned());
    }
    bytes
}

fn parse_memory(text: &str) -> Option<u64> {
    let (number, shift) = match text.strip_suffix("GiB") {
        Some(number) => (number, 30),
        None => (text.strip_suffix("MiB")?, 20),
    };
    let bytes = number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)?;
    (300 << 20..=64 << 30).contains(&bytes).then_some(bytes)
}

/// `"spawn"` or a list of addresses.
fn webdriver(item: &Item<'_>) -> Option<WebDriver> {
    if item.is_text() {
        let text = item.text()?;
        if text.value == "spawn" {
            return Some(WebDriver::Spawn);
        }
        let hint = if text.value.starts_with("http") {
            format!("put it between [ and ]: [\"{}\"]", text.value)
        } else {
            "write \"spawn\", or addresses such as [\"http://grid-1:4444\"]".to_owned()
        };
        text.error(format!("`{}` is not a way to get browsers", text.value), hint);
        return None;
    }
    let texts = item.one_or_more()?;
    if texts.is_empty() {
        item.error("`webdriver` has no address", "write \"spawn\" for browsers of our own".to_owned());
        return None;
    }
    let urls: Vec<_> = texts.iter().filter_map(targets::web_address).map(end_point).collect();
    Some(WebDriver::Remote(urls))
}

/// The commands of a WebDriver lie below its address: without the slash at the end, joining them
/// would put them beside its last part (`/wd/session` instead of `/wd/hub/session`).
fn end_point(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

fn web(fields: &Fields<'_>) -> WebPlan {
    let Some(fields) = fields.get("web").and_then(|item| item.table("[web]")) else {
        return WebPlan::default();
    };
    let listen_item = fields.get("listen");
    let listen = listen_item.as_ref().and_then(|item| {
        let text = item.filled()?;
        let read = text.value.parse::<SocketAddr>();
        if read.is_err() {
            let hint = match text.value.strip_prefix("localhost") {
                Some(port) => format!("did you mean `127.0.0.1{port}`?"),
                None => "write an IP address and a port, such as \"127.0.0.1:8787\"".to_owned(),
            };
            text.error(format!("`{}` is not an address to listen on", text.value), hint);
        }
        read.ok()
    });
    let public_item = fields.get("public");
    let public = public_item.as_ref().and_then(public);
    if let (Some(item), None) = (&public_item, &listen_item) {
        item.reader.warn(
            item.key.clone(),
            "nobody answers the links in mails",
            "write listen = \"127.0.0.1:8787\" beside `public`".to_owned(),
        );
    }
    fields.finish();
    WebPlan { listen, public }
}

/// The address at which people reach the pages: what mails link to.
fn public(item: &Item<'_>) -> Option<Url> {
    let url = targets::web_address(&item.filled()?)?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        let hint = "write scheme, host and path alone, such as \"https://shopper.example.org/\"";
        item.error("links in mails need a plain address", hint.to_owned());
        return None;
    }
    Some(end_point(url))
}
