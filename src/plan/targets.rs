//! `[[target]]`: the portals.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use url::Url;

use super::diagnostic::Spot;
use super::place;
use super::scenario::{Ground, read_vars, refuse_passwords, valid_id};
use super::secrets;
use super::table::{Fields, Item, Text};
use crate::domain::ids::TargetId;
use crate::domain::marker::Marker;
use crate::domain::target::{Assessment, Target, TargetClass};
use crate::domain::template::Template;

/// A target, and what messages about it need.
#[derive(Debug, Clone)]
pub(super) struct TargetDraft {
    /// The target.
    pub target: Arc<Target>,
    /// Where its variables stand.
    pub spots: BTreeMap<String, Spot>,
    /// The bytes of its id.
    pub span: Range<usize>,
}

impl TargetDraft {
    /// What a scenario has to know about it.
    pub fn ground(&self) -> Ground<'_> {
        Ground {
            name: Some(self.target.id.as_str()),
            vars: &self.target.vars,
            live: self.target.class == TargetClass::Live,
            spots: Some(&self.spots),
        }
    }
}

/// Reads all targets. A target with a fault is kept as far as it could be read, so that probes
/// which choose it are not reported as well.
pub(super) fn read(fields: &Fields<'_>, has_contact: bool) -> Vec<TargetDraft> {
    let tables = fields.get("target").map(|item| item.tables("a target")).unwrap_or_default();
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    let mut drafts = Vec::new();
    let mut told_contact = has_contact;
    for table in tables {
        drafts.extend(target(table, &mut lines, &mut told_contact));
    }
    drafts
}

fn target(
    fields: Fields<'_>,
    lines: &mut BTreeMap<String, u32>,
    told_contact: &mut bool,
) -> Option<TargetDraft> {
    let id_item = fields.need("id", "write id = \"demo-city\"");
    let id = id_item.as_ref().and_then(valid_id);
    if let (Some(id), Some(item)) = (&id, &id_item) {
        unique(id.as_str(), item, lines, "targets");
    }
    let name = fields.need("name", "write name = \"…\", as people know the portal");
    let name = name.and_then(|item| item.filled()).map(|text| text.value.to_owned());
    let mut labels = BTreeMap::new();
    if let Some(map) = fields.get("labels").and_then(|item| item.text_map("the labels")) {
        labels.extend(map.into_iter().map(|(name, text)| (name.to_owned(), text.value.to_owned())));
    }
    if let Some(item) = fields.get("region")
        && let Some(text) = item.filled()
        && labels.insert("region".to_owned(), text.value.to_owned()).is_some()
    {
        let hint = "keep one of the two".to_owned();
        item.reader.error(item.key.clone(), "`region` is also one of the `labels`", hint);
    }
    let entry = fields.need("entry", "write entry = \"https://…\", the portal's home page");
    let entry = entry.and_then(|item| item.filled()).and_then(|text| web_address(&text));
    let classes = [("live", TargetClass::Live), ("test", TargetClass::Test)];
    let class = fields.get("class").map(|item| item.choice(&classes));
    let (vars, spots) = fields.get("vars").map(|item| read_vars(&item)).unwrap_or_default();
    let hosts = fields.get("hosts").and_then(|item| item.texts()).unwrap_or_default();
    let hosts = hosts.iter().filter_map(host).collect();
    let marker = fields.get("marker").and_then(|item| item.filled()).and_then(|text| marker(&text));
    // A target has variables of its own and puts none in: braces are braces here.
    let secret = |item| secrets::read(&item, |text| Some(Template::literal(text.value)));
    let secret = fields.get("secrets").map(secret).unwrap_or_default();
    let place = fields.get("place").map(|item| place::place(&item)).unwrap_or_default();
    let soft_404 = fields.get("soft_404").and_then(|item| item.boolean());
    let assessed = fields.get("assessed").map(|item| assessment(&item));
    if class.unwrap_or(Some(TargetClass::Live)) == Some(TargetClass::Live)
        && let Some(item) = fields.get("vars")
    {
        refuse_passwords(&item);
    }
    // A class that could not be read is neither, so that only its own fault is told.
    if class.unwrap_or(Some(TargetClass::Live)) == Some(TargetClass::Live) {
        let span = id_item.as_ref().map_or(fields.span.clone(), Item::span);
        if !*told_contact {
            let hint = "write contact = \"mailto:…\" into [agent]; it is sent to every portal".to_owned();
            fields.reader.error(span.clone(), "a live target needs a contact of ours", hint);
            *told_contact = true;
        }
        if assessed.is_none() {
            let hint = "write assessed = { by = \"…\", on = \"2026-10-01\" }: who judged that probing does no \
                        harm, and when; or class = \"test\" for a system made for testing";
            fields.reader.error(span, "a live target needs `assessed`", hint.to_owned());
        }
    }
    let span = fields.span.clone();
    fields.finish();
    let class = class.flatten().unwrap_or_default();
    let target = Target {
        id: TargetId::new(id?.as_str()),
        name: name.unwrap_or_default(),
        labels,
        entry: match entry {
            Some(entry) => entry,
            None => Url::parse("http://invalid.invalid/").ok()?,
        },
        class,
        vars,
        secrets: secret.iter().map(Template::text).collect(),
        hosts,
        marker,
        place,
        soft_404: soft_404.unwrap_or(class == TargetClass::Test),
        assessed: assessed.flatten(),
    };
    let span = id_item.map_or(span, |item| item.span());
    Some(TargetDraft { target: Arc::new(target), spots, span })
}

/// Says when an id is there twice.
pub(super) fn unique(id: &str, item: &Item<'_>, lines: &mut BTreeMap<String, u32>, noun: &str) {
    let line = item.reader.source.pos(item.span().start).line;
    match lines.get(id) {
        Some(first) => {
            let hint = format!("the other one is on line {first}; give each an id of its own");
            item.error(format!("two {noun} have the id `{id}`"), hint);
        }
        None => {
            lines.insert(id.to_owned(), line);
        }
    }
}

/// An absolute http or https address.
pub(super) fn web_address(text: &Text<'_>) -> Option<Url> {
    parse_address(text.value).map_err(|(message, hint)| text.error(message, hint)).ok()
}

/// An absolute http or https address, or what is wrong with it and what to do.
pub(super) fn parse_address(value: &str) -> Result<Url, (String, Option<String>)> {
    let bare = value.trim_start_matches('/');
    let scheme = if is_near(bare) { "http" } else { "https" };
    let hint = format!("did you mean `{scheme}://{bare}`?");
    match Url::parse(value) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            // `example.org:8080` reads as the scheme `example.org`.
            let hint = if value.contains("://") {
                "an address starts with http:// or https://".to_owned()
            } else {
                hint
            };
            Err((format!("`{value}` is not an http or https address"), Some(hint)))
        }
        Ok(url) if url.username() != "" || url.password().is_some() => Err((
            "an address with a user or a password in it".to_owned(),
            Some("leave out what stands before the @".to_owned()),
        )),
        Ok(url) => Ok(url),
        Err(url::ParseError::RelativeUrlWithoutBase) if value.is_empty() => {
            Err(("an address is missing".to_owned(), Some("write https://… in full".to_owned())))
        }
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            Err((format!("`{value}` is not an http or https address"), Some(hint)))
        }
        Err(error) => Err((format!("`{value}` is not an address: {error}"), None)),
    }
}

/// Whether a host is this machine, on which nobody has a certificate.
pub(super) fn is_near(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|start| host.starts_with(start))
}

/// A text, or `css=SELECTOR`.
fn marker(text: &Text<'_>) -> Option<String> {
    parse_marker(text.value).map_err(|(message, hint)| text.error(message, hint)).ok()
}

/// A usable marker, or what is wrong with it and what to do.
pub(super) fn parse_marker(value: &str) -> Result<String, (String, Option<String>)> {
    let hint = || Some("write a selector such as \"css=#search input\", or a text of the page".to_owned());
    match Marker::parse(value) {
        None => Err(("`css=` says nothing to look for".to_owned(), hint())),
        Some(Marker::Css(selector)) if scraper::Selector::parse(selector).is_err() => {
            Err((format!("`{selector}` is not a CSS selector"), hint()))
        }
        Some(_) => Ok(value.to_owned()),
    }
}

/// A host, or `*.host`.
fn host(text: &Text<'_>) -> Option<String> {
    let lower = text.value.to_lowercase();
    let bare = lower.strip_prefix("*.").unwrap_or(&lower);
    let ascii = url::Host::parse(bare).ok().map(|host| host.to_string());
    let good = ascii.filter(|_| !bare.contains(['/', ':', '*', '@', ' ']) || bare.starts_with('['));
    let Some(host) = good else {
        let hint = "write a host such as \"zwfw.example.org\", or \"*.example.org\" for every host below it";
        text.error(format!("`{}` is not a host", text.value), hint.to_owned());
        return None;
    };
    Some(if lower.starts_with("*.") { format!("*.{host}") } else { host })
}

fn assessment(item: &Item<'_>) -> Option<Assessment> {
    let fields = item.table("an assessment")?;
    let by = fields.need("by", "write by = \"…\", the person or office").and_then(|item| item.filled());
    let by = by.map(|text| text.value.to_owned());
    let on = fields.need("on", "write on = \"2026-10-01\"").and_then(|item| {
        let written = match item.date() {
            Some(date) => date,
            None => item.text_like("a date such as \"2026-10-01\"")?.value.to_owned(),
        };
        let date = written.parse::<jiff::civil::Date>().ok().filter(|_| written.len() == 10);
        if date.is_none() {
            item.error(
                format!("`{written}` is not a date"),
                "write year, month and day: \"2026-10-01\"".to_owned(),
            );
        }
        date
    });
    fields.finish();
    Some(Assessment { by: by?, on: on? })
}
