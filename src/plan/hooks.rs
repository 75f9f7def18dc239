//! `[[webhook]]`: another way to tell people, by a POST.

use std::collections::BTreeMap;
use std::path::Path;

use super::alarm::{Hook, HookTemplate, HookUrl, Route};
use super::hook_template::HookText;
use super::post::{SecretWords, secret};
use super::routes::{Known, way};
use super::scenario::valid_id;
use super::scope::Loader;
use super::table::{Fields, Item, Reader};
use super::targets::{unique, web_address};
use super::words::suggest_or_list;
use crate::domain::notice::Recipient;
use crate::domain::target::is_loopback;

const TEMPLATES: [(&str, HookTemplate); 5] = [
    ("generic", HookTemplate::Generic),
    ("alertmanager", HookTemplate::Alertmanager),
    ("wecom", HookTemplate::WeCom),
    ("dingtalk", HookTemplate::DingTalk),
    ("feishu", HookTemplate::Feishu),
];

const URL: SecretWords = SecretWords {
    in_clear: "an address",
    hint: "write { credential = \"ops-webhook\" }, { env = \"OPS_WEBHOOK\" } or { file = \"…\" }",
};

const SECRET: SecretWords = SecretWords {
    in_clear: "a secret in clear",
    hint: "write { credential = \"ops-webhook-secret\" }, { env = \"OPS_SECRET\" } or { file = \"…\" }",
};

/// The names of all webhooks, for those who are told by them. A bad name is told later.
pub(super) fn names(tables: &[Fields<'_>]) -> Vec<String> {
    let items = tables.iter().filter_map(|fields| fields.get("name"));
    items.filter(Item::is_text).filter_map(|item| Some(item.text()?.value.to_owned())).collect()
}

/// Reads all webhooks and the route to each of them.
pub(super) fn read(
    loader: &Loader<'_>,
    root: &Path,
    tables: Vec<Fields<'_>>,
    known: Known<'_>,
) -> (Vec<Hook>, Vec<Route>) {
    let mut lines = BTreeMap::new();
    let read = tables.into_iter().filter_map(|fields| {
        let item = fields.need("name", "write name = \"ops\"");
        let name = item.as_ref().and_then(valid_id).map(|id| id.as_str().to_owned());
        if let (Some(name), Some(item)) = (&name, &item) {
            unique(name, item, &mut lines, "webhooks");
        }
        let url = fields.need("url", "write url = \"https://hooks.example.org/…\"");
        let url = url.and_then(|item| url_of(root, &item));
        let template = match fields.get("template") {
            Some(item) => template(loader, &item),
            None => Some(HookTemplate::Generic),
        };
        if let (Some(HookUrl::Plain(_)), Some(item), Some(robot)) =
            (&url, fields.get("url"), template.as_ref().filter(|template| is_robot(template)))
        {
            let message = format!("whoever reads this may write to the {} group", robot_name(robot));
            item.reader.warn(
                item.span(),
                message,
                format!("keep the address of a robot secret: {}", URL.hint),
            );
        }
        let secret_item = fields.get("secret");
        let secret = secret_item.as_ref().and_then(|item| secret(root, item, &SECRET));
        if let Some(item) = &secret_item
            && matches!(template, Some(HookTemplate::WeCom | HookTemplate::Alertmanager))
        {
            let hint = "take it out: its address is all that this kind of webhook knows".to_owned();
            item.reader.error(item.key.clone(), "this template signs nothing", hint);
        }
        let (when, after, quiet) = way(&fields, known);
        fields.finish();
        let name = name?;
        let to = vec![Recipient::Hook(name.clone())];
        let hook = Hook { name, url: url?, template: template?, secret };
        Some((hook, Route { to, when, after, quiet }))
    });
    read.unzip()
}

/// An address in clear, or where it is found. In clear means: seen by all who read the configuration.
fn url_of(root: &Path, item: &Item<'_>) -> Option<HookUrl> {
    if !item.is_text() {
        return secret(root, item, &URL).map(HookUrl::Secret);
    }
    let text = item.filled()?;
    let url = web_address(&text)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        text.error(
            "a webhook without encryption",
            "write https://; http:// is for this machine (127.0.0.1) only".to_owned(),
        );
        return None;
    }
    Some(HookUrl::Plain(url))
}

/// Whether the address alone lets people write to a group.
fn is_robot(template: &HookTemplate) -> bool {
    matches!(template, HookTemplate::WeCom | HookTemplate::DingTalk | HookTemplate::Feishu)
}

fn robot_name(template: &HookTemplate) -> &'static str {
    match template {
        HookTemplate::WeCom => "WeCom",
        HookTemplate::DingTalk => "DingTalk",
        _ => "Feishu",
    }
}

/// The name of a template that is built in, or a file.
fn template(loader: &Loader<'_>, item: &Item<'_>) -> Option<HookTemplate> {
    let text = item.filled()?;
    if let Some((_, template)) = TEMPLATES.iter().find(|(name, _)| *name == text.value) {
        return Some(template.clone());
    }
    if !text.value.contains(['.', '/']) {
        let names = TEMPLATES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let hint = suggest_or_list(text.value, &names, "templates");
        text.error(format!("unknown template `{}`", text.value), hint);
        return None;
    }
    let source = loader.follow(Path::new(""), &text)?;
    match HookText::parse(&source.text) {
        Ok(_) => Some(HookTemplate::File(source.file.clone())),
        Err(faults) => {
            let reader = Reader { source: &source, out: &loader.out };
            for fault in faults {
                reader.error(fault.span, fault.message, fault.hint);
            }
            None
        }
    }
}
