//! Where a written address leads.
//!
//! Invariant: what a browser would request, or nothing: addresses are read by the URL standard, with
//! queries in the page's encoding.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use url::{Host, Url};

use crate::domain::link::LinkClass;
use crate::http::address::MAX_URL;

/// What a written address is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written<'a> {
    /// Something to request, and the place there.
    Link(Url, Option<String>),
    /// Something that cannot work.
    Wrong(LinkClass),
    /// Code to run.
    Script(Cow<'a, str>),
    /// Nothing that is requested over HTTP, or that has yet to be filled in.
    Nothing,
}

/// What written addresses are read with.
#[derive(Debug, Clone)]
pub(super) struct Bases {
    /// What relative addresses start from.
    pub base: Url,
    encoding: &'static Encoding,
    /// Whether the page itself stands on the reader's machine.
    local: bool,
}

impl Bases {
    /// For a page or style sheet at `address`.
    pub(super) fn new(address: &Url, encoding: &'static Encoding) -> Self {
        let mut base = address.clone();
        base.set_fragment(None);
        Self { base, encoding: encoding.output_encoding(), local: is_local(address) }
    }

    /// What `<base href>` makes of them: the standard falls back to the page's own address.
    pub(super) fn rebase(&mut self, address: &Url, href: &str) {
        self.base = self.join(address, href).filter(is_web).unwrap_or_else(|| address.clone());
        self.base.set_fragment(None);
    }

    /// Reads a written address.
    pub(super) fn read<'a>(&self, written: &'a str) -> Written<'a> {
        let written = trim(written);
        if written.is_empty() || written.contains("{{") || written.contains("${") {
            return Written::Nothing;
        }
        let written = clean(written);
        match scheme(&written) {
            Some("http" | "https") | None => {}
            Some("javascript") => {
                let code = written.len() - "javascript:".len();
                return Written::Script(match written {
                    Cow::Borrowed(text) => Cow::Borrowed(&text[text.len() - code..]),
                    Cow::Owned(text) => Cow::Owned(text[text.len() - code..].to_owned()),
                });
            }
            Some("file" | "drive") => return Written::Wrong(LinkClass::LocalAddress),
            Some("typing error") => return Written::Wrong(LinkClass::Malformed),
            Some(_) => return Written::Nothing,
        }
        if written.len() > MAX_URL {
            return Written::Nothing;
        }
        if is_share(&written) {
            return Written::Wrong(LinkClass::LocalAddress);
        }
        let Some(mut url) = self.join(&self.base, &written) else {
            return Written::Wrong(LinkClass::Malformed);
        };
        if !is_web(&url) || url.as_str().len() > MAX_URL {
            return Written::Nothing;
        }
        if !self.local && is_local(&url) {
            return Written::Wrong(LinkClass::LocalAddress);
        }
        let place = url.fragment().and_then(place_in);
        url.set_fragment(None);
        Written::Link(url, place)
    }

    fn join(&self, base: &Url, written: &str) -> Option<Url> {
        let options = Url::options().base_url(Some(base));
        if self.encoding == UTF_8 {
            return options.parse(written).ok();
        }
        let encode = encoder(self.encoding);
        options.encoding_override(Some(&encode)).parse(written).ok()
    }
}

fn encoder(encoding: &'static Encoding) -> impl Fn(&str) -> Cow<'_, [u8]> {
    move |query| encoding.encode(query).0
}

/// Whether a written address leads away from the page, as far as its beginning tells.
pub(super) fn leads_away(written: &str) -> bool {
    let written = trim(written);
    !(written.is_empty() || written.starts_with('#'))
        && matches!(scheme(&clean(written)), None | Some("http" | "https"))
}

/// Without what browsers cut off at both ends.
fn trim(written: &str) -> &str {
    written.trim_matches(|c| c <= ' ')
}

/// Without line breaks and tabs, which browsers drop wherever they stand.
fn clean(written: &str) -> Cow<'_, str> {
    if written.contains(['\t', '\n', '\r']) {
        Cow::Owned(written.replace(['\t', '\n', '\r'], ""))
    } else {
        Cow::Borrowed(written)
    }
}

/// The scheme, as far as it matters here: `drive` for a letter of a disk, `typing error` for what
/// was meant to be `http` or `https`, `other` for the rest; `None` for relative addresses.
fn scheme(written: &str) -> Option<&'static str> {
    let colon = written.bytes().take(64).position(|byte| byte == b':')?;
    let (name, rest) = written.split_at(colon);
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !letters || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    if let Some(known) =
        ["http", "https", "javascript", "file"].into_iter().find(|known| name.eq_ignore_ascii_case(known))
    {
        return Some(known);
    }
    if name.len() == 1 && rest[1..].starts_with(['\\', '/']) {
        return Some("drive");
    }
    let meant = (3..=7).contains(&name.len())
        && name.bytes().all(|byte| b"htpsHTPS".contains(&byte))
        && rest.starts_with("://");
    Some(if meant { "typing error" } else { "other" })
}

/// Whether it is a share of a Windows server. Browsers read `\\host` as `//host`, so a host that can
/// have a name in the DNS is none.
fn is_share(written: &str) -> bool {
    let Some(rest) = written.strip_prefix("\\\\") else { return false };
    let host = rest.split(['\\', '/']).next().unwrap_or_default();
    !host.contains('.') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether an address is on the machine of whoever follows it.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

/// The place in a page that a fragment names; `None` for the whole page, for text to search for, and
/// for what a script reads (`#/route`, `#!route`), for what is meant to lead nowhere (`##`, `#none`)
/// and for what is in no known encoding.
fn place_in(fragment: &str) -> Option<String> {
    const NOWHERE: [&str; 8] =
        ["top", "none", "nogo", "nolink", "nothing", "void", "javascript:", "javascript:void(0)"];
    let name = fragment.split(":~:").next().unwrap_or_default();
    if name.starts_with(['/', '!']) {
        return None;
    }
    let bare = name.trim_end_matches(';');
    if NOWHERE.iter().any(|nowhere| bare.eq_ignore_ascii_case(nowhere)) {
        return None;
    }
    let name = String::from_utf8(percent_decode(name).into_owned()).ok()?;
    name.contains(char::is_alphanumeric).then_some(name)
}

/// Resolves `%41`.
pub(super) fn percent_decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| bytes.get(at).and_then(|&byte| (byte as char).to_digit(16));
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
        {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    Cow::Owned(decoded)
}

/// The addresses of a set of pictures (`srcset`), by the standard's algorithm.
pub(super) fn pictures(set: &str) -> impl Iterator<Item = &str> {
    let mut rest = set;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        let bare = address.trim_end_matches(',');
        rest = after;
        if bare.len() == address.len() {
            let mut depth = 0_u32;
            let end = after.find(|c| {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                c == ',' && depth == 0
            });
            rest = &after[end.unwrap_or(after.len())..];
        }
        Some(bare)
    })
}
