//! `[mail]`: the server, the sender, and who is told what.

use std::path::Path;
use std::time::Duration;

use url::{Host, Url};

use super::alarm::{Route, RouteFilter};
use super::model::{MailPlan, SecretRef, SmtpSecurity, SmtpServer};
use super::probes::{ProbeDraft, label};
use super::table::{Item, Reader, Text};
use super::targets::TargetDraft;
use super::words::suggest_or_list;
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::Recipient;

/// Reads `[mail]` and its routes.
pub(super) fn read(
    root: &Path,
    item: &Item<'_>,
    targets: &[TargetDraft],
    probes: &[ProbeDraft],
) -> Option<(MailPlan, Vec<Route>)> {
    let fields = item.table("[mail]")?;
    let smtp = fields.need("smtp", "write smtp = \"smtps://user@mail.example.org:465\"");
    let smtp = smtp.and_then(|item| item.filled()).and_then(|text| server(&text));
    let password_item = fields.get("password");
    let password = password_item.as_ref().and_then(|item| secret(root, item));
    if let (Some(item), Some(server)) = (&password_item, &smtp)
        && server.user.is_none()
    {
        let hint = "write the user into `smtp`: \"smtps://user@host\"".to_owned();
        item.reader.error(item.key.clone(), "a password without a user", hint);
    }
    if let (Some(server), None) = (&smtp, &password_item)
        && server.user.is_some()
    {
        fields.missing("password", "write password = { credential = \"smtp-password\" }");
    }
    let from = fields.need("from", "write from = \"Mystery shopper <alerts@example.org>\"");
    let from = from.and_then(|item| item.filled()).and_then(|text| address(&text));
    let routes = fields.get("route").map(|item| item.tables("a mail route")).unwrap_or_default();
    let routes = routes.into_iter().filter_map(|fields| {
        let to = fields.need("to", "write to = [\"oncall@example.org\"]");
        let to = to.and_then(|item| {
            let texts = item.one_or_more()?;
            if texts.is_empty() {
                item.error("a route without a recipient", "write to = [\"oncall@example.org\"]".to_owned());
            }
            Some(texts.iter().filter_map(address).collect::<Vec<_>>())
        });
        let when = fields.get("when").map(|item| filter(&item, targets, probes)).unwrap_or_default();
        fields.finish();
        let to = to?.into_iter().map(Recipient::Mail).collect();
        Some(Route { to, when, after: Duration::ZERO, quiet: None })
    });
    let routes = routes.collect();
    fields.finish();
    let mail = MailPlan { smtp: smtp?, password, from: from?, digests: Vec::new(), heartbeat: None };
    Some((mail, routes))
}

/// Warns of probes whose outages nobody would hear of.
pub(super) fn warn_unheard(routes: &[Route], probes: &[ProbeDraft], reader: Reader<'_>) {
    for draft in probes {
        let Some(probe) = &draft.probe else { continue };
        let heard = probe.targets.iter().any(|target| {
            let about = Some((&probe.id, &**target));
            routes.iter().any(|route| route.when.takes(about, Concern::Outage, Severity::Outage))
        });
        if !heard {
            let message = format!("nobody is told about outages of `{}`", probe.id);
            let hint = "add a [[mail.route]] that takes it".to_owned();
            reader.warn(draft.span.clone(), message, hint);
        }
    }
}

/// `smtps://user@host:465`.
fn server(text: &Text<'_>) -> Option<SmtpServer> {
    let hint = "write \"smtps://user@mail.example.org:465\", or smtp:// for STARTTLS";
    let url = match Url::parse(text.value) {
        Ok(url) if matches!(url.scheme(), "smtp" | "smtps") => url,
        _ => {
            text.error(format!("`{}` is not a mail server", text.value), hint.to_owned());
            return None;
        }
    };
    let Some(host) = url.host() else {
        text.error("the mail server has no host", hint.to_owned());
        return None;
    };
    if url.password().is_some() {
        let hint = "leave it out here and write password = { credential = \"smtp-password\" }".to_owned();
        text.error("a password in clear", hint);
        return None;
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        text.error("a mail server has no path", hint.to_owned());
        return None;
    }
    // `Url` knows no ports of mail and leaves the host of other schemes as it is written.
    let (loopback, host) = match host {
        Host::Domain(name) => match name.parse::<std::net::Ipv4Addr>() {
            Ok(ip) => (ip.is_loopback(), name.to_owned()),
            Err(_) => (name == "localhost" || name.ends_with(".localhost"), name.to_owned()),
        },
        Host::Ipv4(ip) => (ip.is_loopback(), ip.to_string()),
        Host::Ipv6(ip) => (ip.is_loopback(), ip.to_string()),
    };
    let security = match (url.scheme(), loopback) {
        ("smtps", _) => SmtpSecurity::Tls,
        (_, true) => SmtpSecurity::Plain,
        _ => SmtpSecurity::StartTls,
    };
    let port = url.port().unwrap_or(if security == SmtpSecurity::Tls { 465 } else { 587 });
    let user = (!url.username().is_empty()).then(|| unescape(url.username()));
    Some(SmtpServer { security, host, port, user })
}

/// `%40` → `@`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `{ credential = "…" }`, `{ env = "…" }` or `{ file = "…" }`.
fn secret(root: &Path, item: &Item<'_>) -> Option<SecretRef> {
    let hint = "write { credential = \"smtp-password\" }, { env = \"SMTP_PASSWORD\" } or { file = \"…\" }";
    if item.is_text() {
        item.error("a password in clear", hint.to_owned());
        return None;
    }
    let fields = item.table("a reference to a secret")?;
    let found: Vec<_> = ["credential", "env", "file"].iter().filter_map(|key| fields.get(key)).collect();
    let read = if let [one] = found.as_slice() {
        one.filled().map(|text| match one.name {
            "credential" => SecretRef::Credential(text.value.to_owned()),
            "env" => SecretRef::Env(text.value.to_owned()),
            _ => SecretRef::File(root.join(text.value)),
        })
    } else {
        item.error("a secret is found in exactly one place", hint.to_owned());
        None
    };
    if let Some(SecretRef::Credential(name)) = &read
        && (name.contains('/') || name.starts_with('.'))
    {
        found[0].error("a credential is a name without /", None);
    }
    fields.finish();
    read
}

/// An address, or a name with an address between angle brackets.
fn address(text: &Text<'_>) -> Option<String> {
    let bare = match text.value.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or(""),
        None => text.value,
    };
    if !is_address(bare) || text.value.contains(char::is_control) {
        let hint = "write \"alerts@example.org\" or \"Name <alerts@example.org>\"".to_owned();
        text.error(format!("`{}` is not a mail address", text.value), hint);
        return None;
    }
    Some(text.value.to_owned())
}

/// Whether a text has the shape of a mail address.
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let clean = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c))
    };
    clean(local)
        && clean(domain)
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
}

/// `when = { region = "…", severity = "outage" }`.
fn filter(item: &Item<'_>, targets: &[TargetDraft], probes: &[ProbeDraft]) -> RouteFilter {
    let mut filter = RouteFilter::default();
    let Some(fields) = item.table("a route's `when`") else { return filter };
    for entry in fields.entries() {
        match entry.name {
            "severity" => {
                if let Some(severity) = entry.choice(&[("outage", Severity::Outage)]) {
                    filter.severities = vec![severity];
                }
            }
            "target" => {
                let ids: Vec<_> = targets.iter().map(|draft| draft.target.id.as_str()).collect();
                filter.targets = known(&entry, &ids, "target");
            }
            "probe" => {
                let ids: Vec<_> = probes.iter().filter_map(|draft| draft.id.as_deref()).collect();
                filter.probes = known(&entry, &ids, "probe");
            }
            name => {
                if let Some(text) = label(&entry, targets) {
                    filter.labels.push((name.to_owned(), text.value.to_owned()));
                }
            }
        }
    }
    filter
}

/// One or more ids that have to exist.
fn known(item: &Item<'_>, ids: &[&str], noun: &str) -> Vec<String> {
    let texts = item.one_or_more().unwrap_or_default();
    for text in texts.iter().filter(|text| !ids.contains(&text.value)) {
        let hint = suggest_or_list(text.value, ids, &format!("{noun}s"));
        text.error(format!("unknown {noun} `{}`", text.value), hint);
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_two_parts() {
        for good in ["a@b", "oncall@example.org", "政务@例子.中国"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b", "a@b.", "a\r\n@b"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn escapes_in_users_are_undone() {
        assert_eq!(unescape("alerts%40example.org"), "alerts@example.org");
        assert_eq!(unescape("50%"), "50%");
        assert_eq!(unescape("%zz%e8%8d%af"), "%zz药");
    }
}
