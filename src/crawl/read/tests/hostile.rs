//! Pages that mean harm, and pages that are only broken.

use proptest::prelude::*;

use super::*;
use crate::crawl::read::{css, sitemap};

fn bounded(html: &str) -> Reading {
    let reading = read(html);
    assert!(reading.links.len() <= Limits::default().links);
    assert!(reading.wrong.len() <= 1_000);
    assert!(reading.text.chars().count() <= Limits::default().text);
    assert!(reading.title.chars().count() <= 300);
    reading
}

#[test]
fn many_links() {
    let mut html = String::new();
    for n in 0..200_000 {
        html.push_str("<a href=/");
        html.push_str(&n.to_string());
        html.push('>');
    }
    let reading = bounded(&html);
    assert_eq!((reading.links.len(), reading.cut, reading.anchors), (20_000, true, 200_000));
    let wrong = bounded(&(0..30_000).map(|n| format!("<a href='file:{n}'>")).collect::<Vec<_>>().concat());
    assert_eq!((wrong.wrong.len(), wrong.cut), (1_000, true));
}

#[test]
fn deep_and_unclosed() {
    const MANY: usize = 60_000;
    let cases = [
        "<div>".repeat(MANY),
        "<b>".repeat(MANY) + &"</i>".repeat(MANY),
        "<span>".repeat(MANY) + &"</x>".repeat(MANY),
        "<p><div><table><tr><td><ul><li>".repeat(MANY / 7),
        "<svg><desc>".repeat(MANY / 2),
        "<svg>".repeat(MANY) + &"<p>".repeat(MANY),
        "<a href=/x>".repeat(MANY),
        "<li onclick=\"location='/x'\">".repeat(MANY / 4),
        "<template>".repeat(MANY),
        "<div hidden>".repeat(MANY),
        "<a".repeat(800_000),
        "<a href='".repeat(100_000),
        "<!--".repeat(MANY),
        "</".repeat(MANY),
        "&".repeat(MANY) + &"&amp".repeat(MANY),
        "<![CDATA[".repeat(MANY),
        "<svg><![CDATA[".to_owned() + &"]]".repeat(MANY),
        "<script>".to_owned() + &"<!--<script".repeat(MANY),
        "<style>".to_owned() + &"url(".repeat(MANY) + &"@import'".repeat(MANY),
        "\u{0}".repeat(MANY),
        "<a\u{0} \u{0}=\u{0}>".repeat(MANY),
        "\u{7f}\r".repeat(MANY),
    ];
    for html in cases {
        bounded(&html);
    }
}

#[test]
fn huge_values() {
    let huge = "x".repeat(1_000_000);
    for attribute in ["href", "onclick", "style", "id", "title", "srcset", huge.as_str()] {
        let reading = bounded(&format!("<a {attribute}='{huge}' href=/after>x</a><a href=/last>"));
        assert_eq!(reading.links.last().unwrap().url.path(), "/last", "{}", &attribute[..2]);
    }
    let reading = bounded(&format!("<{huge}><a href=/x>y</a></{huge}><a {}>", "a ".repeat(200_000)));
    assert_eq!(reading.links[0].text, "y");
    let code = "location='/x'+".repeat(1_000) + &"a.".repeat(5_000);
    assert!(bounded(&format!("<a onclick=\"{code}\">")).links.is_empty());
    assert_eq!(bounded(&format!("<a href=x><img src='data:image/png;base64,{huge}'>z")).links[0].text, "z");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_panics_and_a_link_is_found_in_any_soup(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                "<a href='", "<a ", ">", "</a>", "<div hidden>", "</div>", "<p>", "<li onclick=\"", "location='/x'",
                "window.open(\"", "<svg>", "</svg>", "<![CDATA[", "]]>", "<table><td>", "</td>", "<style>", "</style>",
                "url(", "@import", "<script>", "</script>", "<template>", "</template>", "<!--", "-->", "<title>",
                "</title>", "<textarea>", "</textarea>", "&#x", "&amp", ";", "'", "\"", "=", "\r\n", "\r", "\u{0}",
                "<base href=/b/>", "<select><option>", "\\", "{{", "%E5", "#", "中文", "<中", "srcset=", "://[",
            ]).prop_map(str::to_owned),
            "\\PC{0,6}",
        ], 0..40),
        at in 0..40_usize,
    ) {
        // Whatever is open before it, this ends it.
        let plant = " x'\">--></script></style></title></textarea>]]></template></template></template></template>\
            </template></template></template></template><a href=/planted.html>";
        let soup = pieces.concat();
        let cut = soup.floor_char_boundary(at * 4);
        let html = format!("{}{plant}{}", &soup[..cut], &soup[cut..]);
        let reading = read(&html);
        for link in &reading.links {
            prop_assert!(link.line >= 1 && link.column >= 1 && !link.text.is_empty());
            let source = html.split('\n').nth(link.line as usize - 1).unwrap();
            prop_assert_eq!(source.chars().nth(link.column as usize - 1), Some('<'), "{:?} in {:?}", link, html);
        }
        // A raw text that swallowed the ends above keeps the rest as well, as in browsers.
        if !soup[..cut].contains("<!--") && soup[..cut].matches("<template>").count() < 8 {
            prop_assert!(
                reading.links.iter().any(|link| link.url.path().ends_with("/planted.html")),
                "{:?}", html
            );
        }
    }

    #[test]
    fn sheets_and_sitemaps_do_not_panic(text in "(\\PC|[<>'\"()\\\\/*@;{}]|url\\(|<loc>|<url>|&amp;|@import ){0,60}") {
        css(&text, &url(HERE), &Limits::default());
        sitemap(&text, &url(HERE), 9);
    }
}
