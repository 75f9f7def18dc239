//! `[mail]`: the server and the sender. Who is told what is read in `routes.rs`.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use url::{Host, Url};

use super::alarm::Route;
use super::model::{MailPlan, SecretRef, SmtpSecurity, SmtpServer};
use super::routes::{self, Known};
use super::table::{Item, Text};

/// How long a message may wait before it is told in another way: half of the day after which it is
/// given up, at most.
const STUCK_AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(12);

/// Reads `[mail]` and its routes.
pub(super) fn read(root: &Path, item: &Item<'_>, known: Known<'_>) -> Option<(MailPlan, Vec<Route>)> {
    let fields = item.table("[mail]")?;
    let smtp = fields.need("smtp", "write smtp = \"smtps://user@mail.example.org:465\"");
    let smtp = smtp.and_then(|item| item.filled()).and_then(|text| server(&text));
    let password_item = fields.get("password");
    let password = password_item.as_ref().and_then(|item| secret(root, item, &PASSWORD));
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
    let tables = |key, what| fields.get(key).map(|item| item.tables(what)).unwrap_or_default();
    let routes =
        tables("route", "a mail route").into_iter().filter_map(|fields| routes::route(fields, known));
    let routes = routes.collect();
    let digests = tables("digest", "a digest").into_iter().filter_map(|fields| routes::digest(fields, known));
    let digests = digests.collect();
    let heartbeat = fields.get("heartbeat").and_then(|item| routes::heartbeat(&item, known));
    let stuck_after = fields.get("stuck_after").and_then(|item| item.duration(STUCK_AFTER));
    let stuck_after = stuck_after.unwrap_or(MailPlan::STUCK_AFTER);
    fields.finish();
    let mail = MailPlan { smtp: smtp?, password, from: from?, digests, heartbeat, stuck_after };
    Some((mail, routes))
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

/// How a kind of secret is spoken of.
pub(super) struct SecretWords {
    /// What it is when it stands there in clear; nothing when it may.
    pub in_clear: &'static str,
    /// How to write it.
    pub hint: &'static str,
}

const PASSWORD: SecretWords = SecretWords {
    in_clear: "a password in clear",
    hint: "write { credential = \"smtp-password\" }, { env = \"SMTP_PASSWORD\" } or { file = \"…\" }",
};

/// `{ credential = "…" }`, `{ env = "…" }` or `{ file = "…" }`.
pub(super) fn secret(root: &Path, item: &Item<'_>, words: &SecretWords) -> Option<SecretRef> {
    let hint = words.hint;
    if item.is_text() {
        item.error(words.in_clear, hint.to_owned());
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
pub(super) fn address(text: &Text<'_>) -> Option<String> {
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
