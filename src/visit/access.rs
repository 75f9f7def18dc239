//! Critical barriers for people with disabilities, as far as a page's source shows them.
//!
//! The rules are those of axe-core 4 whose impact is *critical* and that need neither styles nor
//! scripts, under axe's own names: a control or a picture without a name that a screen reader could
//! say, and a page that cannot be enlarged on a phone. T4 (method, section 3) asks for none of them.
//!
//! Invariant: in doubt there is no barrier. What is hidden in the source is left out; a name that a
//! script may give later is not known here, so a page drawn by scripts is not judged by this.

use std::collections::{BTreeMap, HashSet};

use scraper::{ElementRef, Html, Node};

use crate::domain::visit::AccessFault;
use crate::http::page::hides;

/// So far up it is looked whether an element is hidden or labelled; hostile pages nest deeper.
const FAR: usize = 64;

/// The barriers of a page, each rule once, with how many elements break it.
pub(super) fn faults(tree: &Html) -> Vec<AccessFault> {
    let labelled: HashSet<&str> = tree
        .tree
        .nodes()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "label")
        .filter_map(|label| label.attr("for"))
        .collect();
    let mut found: BTreeMap<&'static str, u32> = BTreeMap::new();
    for element in tree.tree.nodes().filter_map(ElementRef::wrap) {
        if let Some(rule) = broken_rule(element, &labelled)
            && !is_hidden(element)
        {
            *found.entry(rule).or_default() += 1;
        }
    }
    found.into_iter().map(|(rule, count)| AccessFault { rule: rule.to_owned(), count }).collect()
}

fn broken_rule(element: ElementRef<'_>, labelled: &HashSet<&str>) -> Option<&'static str> {
    let kind = element.attr("type").unwrap_or_default().trim().to_ascii_lowercase();
    let rule = match (element.value().name(), kind.as_str()) {
        // An empty `alt` says that the picture is decoration, which is a name as well.
        ("img", _) if element.attr("alt").is_none() && !is_named(element) => "image-alt",
        ("area", _) if element.attr("href").is_some() && !says(element, "alt") && !is_named(element) => {
            "area-alt"
        }
        ("input", "image") if !says(element, "alt") && !is_named(element) => "input-image-alt",
        ("input", "button") if !says(element, "value") && !is_named(element) => "input-button-name",
        ("input", "hidden" | "image" | "button" | "submit" | "reset") => return None,
        ("input" | "textarea", _) if !is_named(element) && !has_label(element, labelled) => "label",
        ("select", _) if !is_named(element) && !has_label(element, labelled) => "select-name",
        ("button", _) if !is_named(element) && !speaks(element) => "button-name",
        ("meta", _) if element.attr("name").is_some_and(|name| name.eq_ignore_ascii_case("viewport")) => {
            return cannot_be_enlarged(element.attr("content").unwrap_or_default())
                .then_some("meta-viewport");
        }
        _ => return None,
    };
    Some(rule)
}

fn says(element: ElementRef<'_>, attribute: &str) -> bool {
    element.attr(attribute).is_some_and(|value| !value.trim().is_empty())
}

/// Whether it has a name by an attribute that works on every element, or is declared decoration.
fn is_named(element: ElementRef<'_>) -> bool {
    ["aria-label", "aria-labelledby", "title"].iter().any(|attribute| says(element, attribute))
        || element.attr("role").is_some_and(|role| matches!(role.trim(), "presentation" | "none"))
}

/// Whether a label names it. A placeholder is a name for axe, too.
fn has_label(element: ElementRef<'_>, labelled: &HashSet<&str>) -> bool {
    says(element, "placeholder")
        || element.attr("id").is_some_and(|id| labelled.contains(id))
        || above(element).any(|above| above.value().name() == "label")
}

/// Whether anything inside says a word.
fn speaks(element: ElementRef<'_>) -> bool {
    element.descendants().any(|node| match node.value() {
        Node::Text(words) => !words.trim().is_empty(),
        Node::Element(inner) => ["alt", "aria-label", "title"]
            .iter()
            .any(|attribute| inner.attr(attribute).is_some_and(|value| !value.trim().is_empty())),
        _ => false,
    })
}

fn is_hidden(element: ElementRef<'_>) -> bool {
    std::iter::once(element).chain(above(element)).any(|element| {
        element.attr("style").is_some_and(hides)
            || element.attr("hidden").is_some()
            || element.attr("aria-hidden") == Some("true")
            || matches!(element.value().name(), "template" | "noscript")
    })
}

fn above(element: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    element.ancestors().take(FAR).filter_map(ElementRef::wrap)
}

/// `user-scalable=no`, or a `maximum-scale` below 2.
fn cannot_be_enlarged(content: &str) -> bool {
    content.split([',', ';']).filter_map(|part| part.split_once('=')).any(|(key, value)| {
        let value = value.trim().to_ascii_lowercase();
        match key.trim().to_ascii_lowercase().as_str() {
            "user-scalable" => matches!(value.as_str(), "no" | "0"),
            "maximum-scale" => value.parse::<f64>().is_ok_and(|scale| (0.0..2.0).contains(&scale)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(html: &str) -> String {
        let tree = Html::parse_document(html);
        let found: Vec<_> = faults(&tree).into_iter().map(|f| format!("{} {}", f.rule, f.count)).collect();
        found.join(", ")
    }

    #[test]
    fn what_nobody_could_be_told_is_a_barrier() {
        let cases = [
            ("a picture without a word", "<img src=a><img src=b>", "image-alt 2"),
            ("decoration is said to be none", "<img src=a alt=''><img src=b role=presentation>", ""),
            ("a title names it", "<img src=a title=徽标>", ""),
            ("an area that leads somewhere", "<map><area href=/a><area></map>", "area-alt 1"),
            ("a button with a picture of a name", "<button><img alt=搜索></button>", ""),
            ("a button with an icon alone", "<button><i class=icon></i></button>", "button-name 1"),
            ("a field without a label", "<input name=q><textarea></textarea>", "label 2"),
            (
                "labels of each kind",
                "<label for=a>甲</label><input id=a><label>乙<input></label><input aria-label=丙>",
                "",
            ),
            ("a placeholder", "<input placeholder=请输入>", ""),
            ("buttons that browsers name", "<input type=submit><input type=reset><input type=hidden>", ""),
            (
                "buttons that they do not",
                "<input type=button><input type=image src=a>",
                "input-button-name 1, input-image-alt 1",
            ),
            ("a list without a label", "<select><option>一</select>", "select-name 1"),
            ("what nobody sees", "<div hidden><img src=a></div><p style='display: none'><input></p>", ""),
            (
                "a page that cannot be enlarged",
                "<meta name=viewport content='width=device-width, user-scalable=no'>",
                "meta-viewport 1",
            ),
            ("nor this one", "<meta name=Viewport content='maximum-scale=1.0'>", "meta-viewport 1"),
            ("but this one", "<meta name=viewport content='width=device-width, maximum-scale=5'>", ""),
        ];
        for (name, html, want) in cases {
            assert_eq!(rules(html), want, "{name}");
        }
    }

    #[test]
    fn deep_nesting_costs_bounded_time() {
        let deep = format!("{}<img src=a>", "<div>".repeat(5_000));
        assert_eq!(rules(&deep), "image-alt 1");
    }
}
