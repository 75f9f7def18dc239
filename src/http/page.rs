//! Reading a page without a browser: its title, the text that a citizen would see, its elements.
//!
//! Invariant: hostile HTML costs bounded time. The tree is built in small bites under a time
//! budget, off the async threads, and a panic of a parser is a page that could not be read.

use std::time::Duration;

use html5ever::driver;
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink, Node, Selector};

use super::Answer;
use super::text;
use crate::clock::Stopwatch;
use crate::domain::visit::Charset;

/// Time for building the tree of one page, wide enough for a big page on a busy machine; deep
/// nesting can make the standard's algorithm quadratic.
pub const BUDGET: Duration = Duration::from_secs(5);
/// Pages are parsed up to this length, in bytes of UTF-8.
const MAX_PARSED: usize = 4 * 1024 * 1024;
/// The bite after which the clock is looked at, in bytes.
const BITE: usize = 1_024;
/// The most visible text that is kept, in characters.
const MAX_TEXT: usize = 200_000;
/// The longest title that is kept, in characters.
const MAX_TITLE: usize = 300;

/// A page that was read.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its title, white space folded.
    pub title: String,
    /// What a citizen would see of it, white space folded, as far as that can be told without
    /// style sheets and scripts.
    pub text: String,
    /// What the caller took from the tree.
    pub taken: T,
    /// Whether the whole page was read; otherwise it was too long, or the parser's time ran out.
    pub whole: bool,
    /// How it is written.
    pub charset: Charset,
}

/// Reads the page in `answer` and lets `take` look at its tree. `None` when the parser failed.
pub async fn read<T, F>(answer: &Answer, take: F) -> Option<Page<T>>
where
    T: Send + 'static,
    F: FnOnce(&Html) -> T + Send + 'static,
{
    let body = answer.body.clone();
    let content_type = answer.content_type.clone();
    let host = answer.url.host_str().unwrap_or_default().to_owned();
    tokio::task::spawn_blocking(move || {
        let decoded = text::read(&body, &content_type, &host);
        let (charset, source) = (decoded.charset(), decoded.text);
        let end = source.floor_char_boundary(MAX_PARSED);
        let (tree, in_time) = parse(&source[..end], BUDGET);
        let whole = in_time && end == source.len();
        Page { title: title(&tree), text: visible_text(&tree), taken: take(&tree), whole, charset }
    })
    .await
    .ok()
}

/// Builds the tree of a page, or of its beginning when the time budget runs out; whether it is
/// the whole one.
pub fn parse(source: &str, budget: Duration) -> (Html, bool) {
    let watch = Stopwatch::start();
    let mut parser =
        driver::parse_document(HtmlTreeSink::new(Html::new_document()), driver::ParseOpts::default());
    let mut rest = source;
    while !rest.is_empty() {
        let mut end = rest.len().min(BITE);
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (bite, after) = rest.split_at(end);
        parser.process(StrTendril::from_slice(bite));
        rest = after;
        if watch.elapsed() > budget {
            break;
        }
    }
    (parser.finish(), rest.is_empty())
}

/// The title of a page.
pub fn title(tree: &Html) -> String {
    let Ok(titles) = Selector::parse("title") else { return String::new() };
    // The title of a drawing is not the page's.
    let found = tree
        .select(&titles)
        .find(|title| title.parent().and_then(|p| p.value().as_element()).is_none_or(|p| p.name() != "svg"));
    let mut folded = Folded::new(MAX_TITLE);
    for piece in found.iter().flat_map(scraper::ElementRef::text) {
        folded.push(piece);
    }
    folded.text
}

/// The text that a citizen would see, as far as the markup alone tells.
pub fn visible_text(tree: &Html) -> String {
    let mut folded = Folded::new(MAX_TEXT);
    let root = tree.tree.root();
    let mut node = root;
    // A walk without recursion: pages can be nested deeper than a stack.
    loop {
        let descend = match node.value() {
            Node::Text(words) => {
                folded.push(words);
                false
            }
            Node::Element(element) => {
                if !is_inline(element.name()) {
                    folded.gap();
                }
                if let Some(words) = spoken(element) {
                    folded.gap();
                    folded.push(words);
                    folded.gap();
                }
                !is_hidden(element)
            }
            Node::Document | Node::Fragment => true,
            _ => false,
        };
        if folded.full() {
            break;
        }
        let mut next = if descend { node.first_child() } else { None };
        while next.is_none() {
            if node == root {
                return folded.text;
            }
            if node.value().as_element().is_some_and(|element| !is_inline(element.name())) {
                folded.gap();
            }
            next = node.next_sibling();
            if next.is_none() {
                match node.parent() {
                    Some(parent) => node = parent,
                    None => return folded.text,
                }
            }
        }
        match next {
            Some(found) => node = found,
            None => break,
        }
    }
    folded.text
}

/// Words of an element that stand in an attribute.
fn spoken(element: &scraper::node::Element) -> Option<&str> {
    match element.name() {
        "img" => element.attr("alt"),
        "input" if matches!(element.attr("type"), Some("submit" | "button" | "reset")) => {
            element.attr("value")
        }
        "input" => element.attr("placeholder"),
        _ => None,
    }
}

fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "code"
            | "em"
            | "font"
            | "i"
            | "label"
            | "mark"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "u"
    )
}

fn is_hidden(element: &scraper::node::Element) -> bool {
    if matches!(
        element.name(),
        "head" | "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "object"
    ) {
        return true;
    }
    if element.attr("hidden").is_some() {
        return true;
    }
    element.attr("style").is_some_and(hides)
}

/// Whether a `style` attribute hides its element.
pub fn hides(style: &str) -> bool {
    let style: String =
        style.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    style.contains("display:none") || style.contains("visibility:hidden")
}

/// Text whose white space is folded while it grows, up to a number of characters.
struct Folded {
    text: String,
    left: usize,
    gap: bool,
}

impl Folded {
    fn new(limit: usize) -> Self {
        Self { text: String::new(), left: limit, gap: false }
    }

    fn full(&self) -> bool {
        self.left == 0
    }

    fn gap(&mut self) {
        self.gap = true;
    }

    fn push(&mut self, words: &str) {
        for c in words.chars() {
            if c.is_whitespace() {
                self.gap = true;
                continue;
            }
            // Nobody sees them, and a terminal or a log might obey them.
            if c.is_control() {
                continue;
            }
            if self.gap && !self.text.is_empty() && self.left > 0 {
                self.text.push(' ');
                self.left -= 1;
            }
            self.gap = false;
            if self.left == 0 {
                return;
            }
            self.text.push(c);
            self.left -= 1;
        }
    }
}

/// The first `limit` characters of `words`, white space folded.
pub fn fold(words: &str, limit: usize) -> String {
    let mut folded = Folded::new(limit);
    folded.push(words);
    folded.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen() {
        let (tree, whole) = parse(
            "<head><title> 市政务\n\u{1b}\u{7} 服务网 </title></head><body><p>请<b>到窗口</b></p><p>办理</p>\
             <script>无法打开</script><style>x{}</style><noscript>n</noscript><div hidden>系统异常</div>\
             <div style='Display : None'>404</div><input type=submit value=在线办理><input placeholder=请输入>\
             <img alt=徽标><svg><title>图</title></svg><br>尾",
            BUDGET,
        );
        assert!(whole);
        assert_eq!(title(&tree), "市政务 服务网");
        assert_eq!(visible_text(&tree), "请到窗口 办理 在线办理 请输入 徽标 尾");
    }

    #[test]
    fn nesting_deeper_than_any_stack_is_read_in_bounded_time() {
        // Unknown end tags climb the whole stack of open elements: quadratic without a budget.
        let hostile = format!("起点{}{}", "<span>".repeat(150_000), "</x>".repeat(150_000));
        let watch = Stopwatch::start();
        let (tree, whole) = parse(&hostile, Duration::from_millis(200));
        assert!(!whole);
        assert!(watch.elapsed() < BUDGET, "took {:?}", watch.elapsed());
        assert!(visible_text(&tree).starts_with("起点"));
        assert_eq!(visible_text(&parse("", BUDGET).0), "");
        assert_eq!(visible_text(&parse("<<<>>>甲</ <!-- 乙 <![CDATA[ \0 &#xFFFFFF;", BUDGET).0), "<<<>>>甲");
    }
}
