//! `place` of a target and `screen` of a scenario: what a page is told of the citizen.

use url::Url;

use crate::domain::place::{Geolocation, Place, Proxy, ProxyKind, Screen};

use super::settings::timezone;
use super::table::Item;

/// `place = { locale = "zh-CN", timezone = "Asia/Urumqi", geolocation = "43.8, 87.6", proxy = "socks5://…" }`
pub(super) fn place(item: &Item<'_>) -> Place {
    let Some(fields) = item.table("a place") else {
        return Place::default();
    };
    let place = Place {
        locale: fields.get("locale").and_then(|item| locale(&item)),
        timezone: fields.get("timezone").and_then(|item| timezone(&item)),
        geolocation: fields.get("geolocation").and_then(|item| geolocation(&item)),
        proxy: fields.get("proxy").and_then(|item| proxy(&item)),
    };
    fields.finish();
    place
}

/// `screen = { width = 768, height = 1024, scale = 2, touch = true }`
pub(super) fn screen(item: &Item<'_>) -> Option<Screen> {
    let fields = item.table("a screen")?;
    let pixels =
        |key: &'static str, hint: &str| fields.need(key, hint).and_then(|item| item.integer(200..=4000));
    let width = pixels("width", "write width = 1280, in CSS pixels");
    let height = pixels("height", "write height = 800, in CSS pixels");
    let scale = fields.get("scale").and_then(|item| item.integer(1..=4));
    let touch = fields.get("touch").and_then(|item| item.boolean()).unwrap_or_default();
    fields.finish();
    let scale = u8::try_from(scale.unwrap_or(1)).ok()?;
    Some(Screen { width: u32::try_from(width?).ok()?, height: u32::try_from(height?).ok()?, scale, touch })
}

fn locale(item: &Item<'_>) -> Option<String> {
    let text = item.filled()?;
    let mut parts = text.value.split('-');
    let language = parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && is_letters(part));
    let rest =
        parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()));
    if language && rest {
        return Some(text.value.to_owned());
    }
    let hint = "write a language and, if it matters, a script or region: \"zh-CN\", \"bo-CN\", \"en\"";
    item.error(format!("`{}` is not a language tag", text.value), hint.to_owned());
    None
}

fn is_letters(part: &str) -> bool {
    part.chars().all(|c| c.is_ascii_lowercase())
}

fn geolocation(item: &Item<'_>) -> Option<Geolocation> {
    let text = item.filled()?;
    let found = text.value.split_once([',', '，']).and_then(|(latitude, longitude)| {
        let degrees = |text: &str, most: f64| {
            text.trim().parse::<f64>().ok().filter(|degrees| (-most..=most).contains(degrees))
        };
        Some(Geolocation { latitude: degrees(latitude, 90.0)?, longitude: degrees(longitude, 180.0)? })
    });
    if found.is_none() {
        let hint = "write degrees north and east: geolocation = \"31.23, 121.47\"";
        item.error(format!("`{}` is no place on earth", text.value), hint.to_owned());
    }
    found
}

fn proxy(item: &Item<'_>) -> Option<Proxy> {
    let text = item.filled()?;
    let hint = "write proxy = \"http://proxy.example.org:3128\" or \"socks5://…\", without user and password";
    let wrong = |why: &str| {
        item.error(format!("`{}` {why}", text.value), hint.to_owned());
        None
    };
    let Ok(url) = Url::parse(text.value) else { return wrong("is not the address of a proxy") };
    let kind = match url.scheme() {
        "http" => ProxyKind::Http,
        "socks5" => ProxyKind::Socks,
        _ => return wrong("is neither an http nor a socks5 proxy"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has a user or a password in clear");
    }
    let port = url.port().or_else(|| (kind == ProxyKind::Http).then_some(80));
    match (url.host_str().filter(|host| !host.is_empty()), port) {
        (Some(host), Some(port)) => Some(Proxy { kind, address: format!("{host}:{port}") }),
        _ => wrong("has no host or no port"),
    }
}
