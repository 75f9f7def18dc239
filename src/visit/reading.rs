//! What a visit takes from a page besides its text.

use scraper::{ElementRef, Html, Selector};

use super::access;
use crate::domain::marker::Marker;
use crate::domain::visit::{AccessFault, Content};
use crate::http::page;
use crate::judge::firewall;

/// The longest `lang` that is kept, in characters.
const MAX_LANG: usize = 35;

/// What the tree of a page told.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    /// What it is made of; the text is counted by whoever has it.
    pub content: Content,
    /// Marks of captchas and bot checks.
    pub challenges: Vec<String>,
    /// Whether phones are given a width of their own.
    pub viewport: bool,
    /// Critical barriers of accessibility.
    pub access: Vec<AccessFault>,
    /// `<html lang>`.
    pub lang: Option<String>,
    /// Whether the marker's selector finds anything, when it is one.
    pub selected: Option<bool>,
}

/// Looks at a page.
pub(super) fn take(tree: &Html, marker: Option<&str>) -> Taken {
    let mut taken = Taken { content: Content { whole: true, ..Content::default() }, ..Taken::default() };
    let mut scripts: Vec<String> = Vec::new();
    for element in tree.tree.nodes().filter_map(ElementRef::wrap) {
        let value = element.value();
        let content = &mut taken.content;
        match value.name() {
            "script" => {
                content.scripts += 1;
                if scripts.len() < firewall::MOST_SCRIPTS {
                    scripts.push(match value.attr("src") {
                        Some(src) => src.to_owned(),
                        None => element.text().collect(),
                    });
                }
            }
            "frame" | "iframe" | "object" | "embed" | "applet" => content.frames += 1,
            "img" | "svg" | "canvas" | "video" | "audio" | "image" => content.pictures += 1,
            "button" | "select" | "textarea" => content.fields += 1,
            "input" if value.attr("type") != Some("hidden") => content.fields += 1,
            "html" => {
                let lang = value.attr("lang").or_else(|| value.attr("xml:lang")).map(str::trim);
                taken.lang = lang.filter(|lang| !lang.is_empty()).map(|lang| page::fold(lang, MAX_LANG));
            }
            "meta" => {
                let is = |key, wanted: &str| {
                    value.attr(key).is_some_and(|text| text.trim().eq_ignore_ascii_case(wanted))
                };
                let says = value.attr("content").unwrap_or_default().to_ascii_lowercase();
                taken.viewport |= is("name", "viewport") && says.contains("width");
                content.refresh |= is("http-equiv", "refresh") && !says.is_empty();
            }
            _ => {}
        }
        let painted = value.attr("style").is_some_and(|style| style.contains("url("));
        if painted || value.attr("background").is_some() {
            taken.content.pictures += 1;
        }
        // `<body onload=…>` is a script as well.
        taken.content.scripts += usize::from(value.attr("onload").is_some());
    }
    taken.access = access::faults(tree);
    taken.challenges = firewall::marks(scripts.iter().map(String::as_str));
    taken.selected = match wanted(marker) {
        Some(Marker::Css(selector)) => {
            // The plan has read it; what cannot be read finds nothing.
            Some(Selector::parse(selector).is_ok_and(|selector| tree.select(&selector).next().is_some()))
        }
        _ => None,
    };
    taken
}

/// The marker, when there is one to look for.
pub(super) fn wanted(marker: Option<&str>) -> Option<Marker<'_>> {
    marker.and_then(Marker::parse)
}

/// Whether the marker is there; `None` when there is none to look for.
pub(super) fn found(marker: Option<&str>, title: &str, text: &str, selected: Option<bool>) -> Option<bool> {
    Some(match wanted(marker)? {
        Marker::Css(_) => selected.unwrap_or(false),
        Marker::Text(words) => {
            let words = page::fold(words, usize::MAX);
            text.contains(&words) || title.contains(&words)
        }
    })
}

/// Whether the marker is on a page that a browser shows; `None` when there is none to look for. For
/// hostile pages this takes up to the parser's budget: not for async threads.
pub fn has_marker(marker: Option<&str>, title: &str, text: &str, html: &str) -> Option<bool> {
    let selected = match wanted(marker)? {
        Marker::Css(_) => take(&page::parse(html, page::BUDGET).0, marker).selected,
        Marker::Text(_) => None,
    };
    found(marker, &page::fold(title, usize::MAX), &page::fold(text, usize::MAX), selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str, marker: Option<&str>) -> Taken {
        take(&page::parse(html, page::BUDGET).0, marker)
    }

    #[test]
    fn a_page_is_counted() {
        let taken = of(
            "<html lang=' zh-CN '><meta name=Viewport content='width=device-width'><body onload='go()'>\
             <script src=/a.js></script><iframe></iframe><img><p style='background:url(x)'>\
             <input type=hidden><input><script>var x='__jsl_clearance'</script>",
            Some("css=body > iframe"),
        );
        let Content { scripts, frames, pictures, fields, refresh, .. } = taken.content;
        assert_eq!((scripts, frames, pictures, fields, refresh), (3, 1, 2, 1, false));
        assert_eq!((taken.viewport, taken.lang.as_deref()), (true, Some("zh-CN")));
        assert_eq!((taken.challenges, taken.selected), (vec!["jsl".to_owned()], Some(true)));
    }

    #[test]
    fn what_holds_nothing_is_told_from_what_goes_on() {
        let cases = [
            ("", true),
            ("<html><head></head><body> \n</body></html>", true),
            ("<title>门户</title><body><div id=app></div>", true),
            ("<meta http-equiv=Refresh content='0;url=/index.html'>", false),
            ("<body><div id=app></div><script src=/app.js></script>", false),
            ("<frameset><frame src=/a></frameset>", false),
            ("<img src=/welcome.jpg>", false),
        ];
        for (html, nothing) in cases {
            assert_eq!(of(html, None).content.is_nothing(), nothing, "{html}");
        }
    }

    #[test]
    fn a_marker_is_found_in_what_a_browser_shows() {
        let html = "<div id=app><a class='item hot'>办事</a></div>";
        let cases = [
            (None, None),
            (Some("办事 指南"), Some(true)),
            (Some("门户"), Some(true)),
            (Some("css=#app .hot"), Some(true)),
            (Some("css=#app form"), Some(false)),
            (Some("css=:::"), Some(false)),
        ];
        for (marker, want) in cases {
            assert_eq!(has_marker(marker, "门户", "办事\n  指南", html), want, "{marker:?}");
        }
    }
}
