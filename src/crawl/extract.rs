//! Links of a page: every address that its markup makes a browser or a citizen follow.
//!
//! Invariant: pure, total and bounded: at most [`MAX_LINKS`] links a page, each once. A form's
//! `action` is no link: following it could submit something.

use std::collections::HashMap;

use scraper::{ElementRef, Html, Selector};
use url::Url;

use crate::http::address::MAX_URL;
use crate::http::page::fold;

/// The most links that are taken from one page.
pub const MAX_LINKS: usize = 20_000;
/// The longest text of a link that is kept, in characters.
const MAX_TEXT: usize = 80;

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, without a fragment.
    pub url: Url,
    /// The words that a citizen sees on it; the element's name when there are none.
    pub text: String,
    /// Whether it leads to a page (`a`, `area`, `iframe`) and not to a part of this one.
    pub page: bool,
}

/// What one page links to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// The links, in the order of the page.
    pub found: Vec<Link>,
    /// Whether there were more than [`MAX_LINKS`].
    pub cut: bool,
}

/// Takes the links of the page that came from `address`.
pub fn links(tree: &Html, address: &Url) -> Links {
    let mut links = Links::default();
    let Ok(carriers) =
        Selector::parse("a[href], area[href], img[src], script[src], link[href], iframe[src], frame[src]")
    else {
        return links;
    };
    let base = base(tree, address);
    let mut seen: HashMap<Url, usize> = HashMap::new();
    for element in tree.select(&carriers) {
        let name = element.value().name();
        let attribute = if matches!(name, "a" | "area" | "link") { "href" } else { "src" };
        let Some(written) = element.attr(attribute) else { continue };
        if name == "link" && !loads(element) {
            continue;
        }
        let Some(url) = resolve(&base, written) else { continue };
        let page = matches!(name, "a" | "area" | "iframe" | "frame");
        if let Some(&at) = seen.get(&url) {
            // A picture that is also linked to is something a citizen can open.
            links.found[at].page |= page;
            continue;
        }
        if links.found.len() == MAX_LINKS {
            links.cut = true;
            break;
        }
        seen.insert(url.clone(), links.found.len());
        links.found.push(Link { url, text: words(element), page });
    }
    links
}

/// The address that relative links start from: the first `<base href>` that can be read.
fn base(tree: &Html, address: &Url) -> Url {
    Selector::parse("base[href]")
        .ok()
        .and_then(|bases| tree.select(&bases).next())
        .and_then(|base| base.attr("href"))
        .and_then(|href| address.join(href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| address.clone())
}

/// Where a written address leads; `None` for what is no request over HTTP, and for jumps within
/// the page.
fn resolve(base: &Url, written: &str) -> Option<Url> {
    let written = written.trim();
    if written.is_empty() || written.starts_with('#') || written.len() > MAX_URL {
        return None;
    }
    let mut url = base.join(written).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.as_str().len() > MAX_URL {
        return None;
    }
    url.set_fragment(None);
    Some(url)
}

/// Whether a `<link>` names a resource and not only a host to get ready for.
fn loads(element: ElementRef<'_>) -> bool {
    let relation = element.attr("rel").unwrap_or_default().to_ascii_lowercase();
    !relation.split_whitespace().any(|word| matches!(word, "preconnect" | "dns-prefetch"))
}

fn words(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    // A hostile page may nest the whole document in one link.
    for piece in element.text().take(200) {
        text.push_str(piece);
        if text.len() > MAX_TEXT * 16 {
            break;
        }
    }
    let inner = if element.value().name() == "script" { String::new() } else { fold(&text, MAX_TEXT) };
    if !inner.is_empty() {
        return inner;
    }
    let named = ["title", "alt", "aria-label"]
        .iter()
        .filter_map(|name| element.attr(name))
        .map(|value| fold(value, MAX_TEXT))
        .find(|value| !value.is_empty());
    if let Some(named) = named {
        return named;
    }
    let picture = Selector::parse("img[alt]").ok().and_then(|pictures| element.select(&pictures).next());
    let alt =
        picture.and_then(|picture| picture.attr("alt")).map(|alt| fold(alt, MAX_TEXT)).unwrap_or_default();
    if alt.is_empty() { format!("<{}>", element.value().name()) } else { alt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::parse;
    use std::time::Duration;

    fn found(html: &str) -> Vec<(String, String, bool)> {
        let address = Url::parse("http://portal.cn/a/index.html?x=1#top").unwrap();
        let (tree, _) = parse(html, Duration::from_secs(20));
        links(&tree, &address).found.into_iter().map(|l| (l.url.to_string(), l.text, l.page)).collect()
    }

    #[test]
    fn every_kind_of_link_and_nothing_else() {
        let html = "<link rel=stylesheet href=/s.css><link rel='DNS-Prefetch' href=//cdn.cn>\
            <script src=../x.js>code</script><a href='b.html#part'> 办事 <b>指南</b>\n</a><a href='b.html'>again</a>\
            <map><area href=/map title=地图></map><img src=/i.png alt=徽标><iframe src=/frame></iframe>\
            <a href='https://other.cn/路径?问=1'><img alt=外站 src=data:image/png;base64,x></a>\
            <a href='#top'>top</a><a href='javascript:void(0)'>js</a><a href=' JAVASCRIPT:x'>js</a>\
            <a href='mailto:a@b.cn'>m</a><a href='tel:12345'>t</a><a href='data:text/html,x'>d</a><a href=''>e</a>\
            <a href='http://['>bad</a><form action=/submit><button formaction=/submit2>提交</button></form><a name=x>n</a>";
        let want = [
            ("http://portal.cn/s.css", "<link>", false),
            ("http://portal.cn/x.js", "<script>", false),
            ("http://portal.cn/a/b.html", "办事 指南", true),
            ("http://portal.cn/map", "地图", true),
            ("http://portal.cn/i.png", "徽标", false),
            ("http://portal.cn/frame", "<iframe>", true),
            ("https://other.cn/%E8%B7%AF%E5%BE%84?%E9%97%AE=1", "外站", true),
        ];
        let have = found(html);
        assert_eq!(have.len(), want.len(), "{have:#?}");
        for ((url, text, page), (want_url, want_text, want_page)) in have.iter().zip(want) {
            assert_eq!((url.as_str(), text.as_str(), *page), (want_url, want_text, want_page));
        }
    }

    #[test]
    fn a_base_moves_relative_links() {
        assert_eq!(found("<base href='/deep/er/'><a href=x>x</a>")[0].0, "http://portal.cn/deep/er/x");
        assert_eq!(found("<base href='javascript:x'><a href=x>x</a>")[0].0, "http://portal.cn/a/x");
    }

    #[test]
    fn hostile_pages_are_bounded() {
        let many = (0..MAX_LINKS + 5).map(|n| n.to_string()).collect::<Vec<_>>().join("><a href=/");
        let many = format!("<a href=/{many}>");
        let (tree, _) = parse(&many, Duration::from_secs(20));
        let links = links(&tree, &Url::parse("http://portal.cn/").unwrap());
        assert_eq!((links.found.len(), links.cut), (MAX_LINKS, true));
        assert!(found(&format!("<a href='/{}'>x</a>", "x".repeat(MAX_URL))).is_empty());
        assert_eq!(found("<a href=\u{0}>x</a href><a\0 href=/y>")[0].0, "http://portal.cn/a/%EF%BF%BD");
        assert!(found("<a href='http://\u{202e}/'>x</a><a href='http://a b/'>").is_empty());
    }
}
