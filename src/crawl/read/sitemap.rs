//! Sitemaps: the pages that a site names itself (sitemaps.org).
//!
//! Invariant: linear in the source, and at most the limit is kept; what cannot be read is left out.

use url::Url;

use super::resolve::{Bases, Written};

/// What a sitemap names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sitemap {
    /// Pages, in its order.
    pub pages: Vec<Url>,
    /// Further sitemaps.
    pub sitemaps: Vec<Url>,
}

/// Reads a sitemap, an index of sitemaps or a plain list of addresses that came from `address`; at
/// most `limit` addresses of each kind. Addresses of pictures and videos (`image:loc`) are no pages.
pub fn sitemap(source: &str, address: &Url, limit: usize) -> Sitemap {
    let mut map = Sitemap::default();
    let bases = Bases::new(address, encoding_rs::UTF_8);
    let source = source.trim_start_matches('\u{feff}');
    if !source.trim_start().starts_with('<') {
        for line in source.lines().filter(|line| !line.trim().is_empty()) {
            take(&bases, line, limit, &mut map.pages);
            if map.pages.len() == limit {
                break;
            }
        }
        return map;
    }
    // The prefix of the entry that is open, and whether it is a sitemap.
    let mut entry: Option<(&str, bool)> = None;
    let mut rest = source;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let end = rest.find(|c: char| c == '>' || c == '<' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let name = &rest[..end];
        let (prefix, local) = name.rsplit_once(':').unwrap_or(("", name));
        match local {
            "url" => entry = Some((prefix, false)),
            "sitemap" => entry = Some((prefix, true)),
            "loc" if entry.is_some_and(|(of, _)| of == prefix) => {
                let Some(start) = rest.find('>') else { break };
                let value = &rest[start + 1..];
                let (text, after) = content(value);
                let list =
                    if entry.is_some_and(|(_, index)| index) { &mut map.sitemaps } else { &mut map.pages };
                take(&bases, &text, limit, list);
                rest = after;
            }
            _ => {}
        }
        if map.pages.len() + map.sitemaps.len() >= limit.saturating_mul(2) {
            break;
        }
    }
    map
}

fn take(bases: &Bases, written: &str, limit: usize, list: &mut Vec<Url>) {
    if list.len() < limit
        && let Written::Link(url, _) = bases.read(written.trim())
    {
        list.push(url);
    }
}

/// The text of an element up to its end tag, references resolved, and what follows it.
fn content(value: &str) -> (String, &str) {
    let start = value.trim_start();
    if let Some(data) = start.strip_prefix("<![CDATA[") {
        let end = data.find("]]>").unwrap_or(data.len());
        return (data[..end].to_owned(), &data[end..]);
    }
    let end = value.find('<').unwrap_or(value.len());
    let mut text = value[..end].to_owned();
    // The last is the one whose sign begins the others.
    for (reference, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
    {
        if text.contains(reference) {
            text = text.replace(reference, sign);
        }
    }
    (text, &value[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str, limit: usize) -> (Vec<String>, Vec<String>) {
        let map = sitemap(source, &Url::parse("http://portal.cn/sitemap.xml").unwrap(), limit);
        let text = |urls: Vec<Url>| urls.into_iter().map(|url| url.to_string()).collect();
        (text(map.pages), text(map.sitemaps))
    }

    #[test]
    fn pages_and_further_sitemaps() {
        let (pages, maps) = read(
            "\u{feff}<?xml version=\"1.0\"?><urlset xmlns='x'><!-- <url><loc>http://no.cn/</loc></url> -->\
             <url>\n<loc>\n http://portal.cn/a?x=1&amp;y=2 </loc><image:image><image:loc>http://no.cn/i</image:loc>\
             </image:image></url><url><loc><![CDATA[http://portal.cn/b?x&y]]></loc></url><url><loc>/c</loc></url>\
             <url><loc>javascript:x</loc><url><loc>http://portal.cn/指南</loc></urlset>",
            9,
        );
        assert_eq!(
            pages,
            [
                "http://portal.cn/a?x=1&y=2",
                "http://portal.cn/b?x&y",
                "http://portal.cn/c",
                "http://portal.cn/%E6%8C%87%E5%8D%97",
            ]
        );
        assert_eq!(maps, [""; 0]);
        let index =
            "<s:sitemapindex><s:sitemap><s:loc>http://portal.cn/1.xml</s:loc></s:sitemap><loc>/no</loc>";
        assert_eq!(read(index, 9), (vec![], vec!["http://portal.cn/1.xml".to_owned()]));
        assert_eq!(read("http://portal.cn/a\r\n\r\n http://portal.cn/b \n", 9).0.len(), 2);
    }

    #[test]
    fn hostile_ones_are_bounded() {
        assert_eq!(read(&"<url><loc>/a</loc>".repeat(5_000), 100).0.len(), 100);
        assert_eq!(read(&"/a\n".repeat(5_000), 100).0.len(), 100);
        for source in ["", "<", "<url><loc>", "<url><loc", "<!--", "<url><loc><![CDATA[", "<loc>x"] {
            assert_eq!(read(source, 9), (vec![], vec![]), "{source}");
        }
    }
}
