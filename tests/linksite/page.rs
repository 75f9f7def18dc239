//! The pages: a portal's header, an article, a list of news, a footer.

use std::fmt::Write as _;

use encoding_rs::{BIG5, Encoding, GB18030, GBK, UTF_8};

use super::kinds::{On, Place};
use super::words::{SIMPLIFIED, TRADITIONAL, Words};
use super::{BASE, CHANNELS, Random, Site};

/// What is special about a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// Nothing.
    None,
    /// GBK, said by the header.
    GbkByHeader,
    /// GBK, said by the page.
    GbkByMeta,
    /// GBK, said by nobody.
    GbkUndeclared,
    /// GB18030 with characters that GBK has not, said by the header.
    Gb18030ByHeader,
    /// The same, said by the page.
    Gb18030ByMeta,
    /// Big5, said by the header.
    Big5ByHeader,
    /// Big5, said by the page.
    Big5ByMeta,
    /// It has a `<base>`.
    Base,
    /// It takes its time.
    Slow,
    /// HEAD is answered by 405.
    NoHead,
    /// HEAD is answered by 404.
    HeadLies,
    /// An article about pages that do not exist.
    Faq,
    /// The same where missing pages answer with 200.
    SoftFaq,
    /// The index of a folder.
    Folder,
    /// Its name is Chinese, with a space in it.
    Chinese,
    /// Only the sitemap names it.
    Orphan,
}

/// How many of each a site of full size has.
pub const SPECIALS: [(Special, usize); 15] = [
    (Special::GbkByHeader, 12),
    (Special::GbkByMeta, 12),
    (Special::GbkUndeclared, 4),
    (Special::Gb18030ByHeader, 3),
    (Special::Gb18030ByMeta, 3),
    (Special::Big5ByHeader, 3),
    (Special::Big5ByMeta, 3),
    (Special::Base, 4),
    (Special::Slow, 10),
    (Special::NoHead, 2),
    (Special::HeadLies, 2),
    (Special::Faq, 3),
    (Special::SoftFaq, 2),
    (Special::Folder, 3),
    (Special::Chinese, 4),
];

impl Special {
    /// The path of page `i`, which lies in `channel`; as a file system has it, not percent-encoded.
    pub fn path(self, i: usize, channel: &str) -> String {
        match self {
            Self::None => format!("/{channel}/2026{:02}/t{i}.html", i % 12 + 1),
            Self::GbkByHeader => format!("/gbk/t{i}.html"),
            Self::GbkByMeta | Self::GbkUndeclared => format!("/old/t{i}.html"),
            Self::Gb18030ByHeader => format!("/gb18030/t{i}.html"),
            Self::Gb18030ByMeta => format!("/old/s{i}.html"),
            Self::Big5ByHeader => format!("/big5/t{i}.html"),
            Self::Big5ByMeta => format!("/old/b{i}.html"),
            Self::Base => format!("/bsfw/based/t{i}.html"),
            Self::Slow => format!("/bsfw/slow/t{i}.html"),
            Self::NoHead | Self::HeadLies => format!("/bsfw/app/t{i}.jsp.html"),
            Self::Faq => format!("/hdjl/faq/t{i}.html"),
            Self::SoftFaq => format!("/channel/faq/t{i}.html"),
            Self::Folder => format!("/bsfw/folder{i}/"),
            Self::Chinese => format!("/通知 公告/第{i}号.html"),
            Self::Orphan => format!("/zwgk/annex/t{i}.html"),
        }
    }

    /// Its encoding.
    pub fn encoding(self) -> &'static Encoding {
        match self {
            Self::GbkByHeader | Self::GbkByMeta | Self::GbkUndeclared => GBK,
            Self::Gb18030ByHeader | Self::Gb18030ByMeta => GB18030,
            Self::Big5ByHeader | Self::Big5ByMeta => BIG5,
            _ => UTF_8,
        }
    }

    /// What the header says of the encoding.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::GbkByHeader => Some("gbk"),
            Self::Gb18030ByHeader => Some("gb18030"),
            Self::Big5ByHeader => Some("big5"),
            _ => None,
        }
    }

    fn meta(self) -> &'static str {
        match self {
            Self::GbkByHeader | Self::GbkUndeclared | Self::Gb18030ByHeader | Self::Big5ByHeader => "",
            Self::GbkByMeta => "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=gb2312\">\n",
            Self::Gb18030ByMeta => "<meta charset='gb18030'>\n",
            Self::Big5ByMeta => "<META CHARSET=big5>\n",
            _ => "<meta charset=\"utf-8\">\n",
        }
    }

    /// Which items may stand on it.
    pub fn on(self) -> On {
        match self {
            Self::GbkByHeader | Self::GbkByMeta => On::Gbk,
            Self::GbkUndeclared => On::Undeclared,
            Self::Gb18030ByHeader | Self::Gb18030ByMeta => On::Gb18030,
            Self::Big5ByHeader | Self::Big5ByMeta => On::Big5,
            Self::Base => On::Base,
            Self::Orphan => On::Orphan,
            _ => On::Plain,
        }
    }

    /// Whether it is written in traditional characters.
    pub fn traditional(self) -> bool {
        self.on() == On::Big5
    }
}

/// How many links the header and the footer of every page have, the broken ones included.
pub const FRAME_LINKS: usize = 11;

/// A page in letters.
#[derive(Debug, Default)]
pub struct Page {
    /// Its source.
    pub text: String,
    /// The items on it, and where in the source the element of each begins, in bytes.
    pub marks: Vec<(usize, usize)>,
    /// How many links it has.
    pub links: usize,
}

impl Page {
    /// Line and column of a place, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let before = &self.text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        (number(before.matches('\n').count()), number(before[start..].chars().count()))
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Writes page `i`.
pub fn render(site: &Site, i: usize) -> Page {
    let special = site.pages[i].special;
    let words = if special.traditional() { &TRADITIONAL } else { &SIMPLIFIED };
    let mut random = Random::new(site.seed ^ (i as u64) << 20);
    let mut page = Page::default();
    head(&mut page, site, i, words);
    body(&mut page, site, i, words);
    page.links += FRAME_LINKS - site.everywhere.len();
    filling(&mut page, site, i, words, &mut random);
    foot(&mut page, site, words);
    page
}

fn head(page: &mut Page, site: &Site, i: usize, words: &Words) {
    let special = site.pages[i].special;
    page.line("<!DOCTYPE html>");
    let _ = write!(page.text, "<html lang=\"{}\">\n<head>\n{}", words.lang, special.meta());
    let _ = writeln!(page.text, "<title>{} - {}</title>", words.title(i), words.portal);
    if special == Special::Base {
        let _ = writeln!(page.text, "<base href=\"{BASE}\">");
    }
    page.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.line("<link rel=\"stylesheet\" href=\"/css/portal.css\">");
    page.line("<script src=\"/js/portal.js\"></script>");
    items(page, site, i, Place::Head);
    page.line("</head>\n<body>\n<div class=\"header\">");
    let _ = writeln!(
        page.text,
        "  <a class=\"logo\" href=\"/\"><img src=\"/images/logo.png\" alt=\"{}\"></a>",
        words.portal
    );
    page.line("  <ul class=\"nav\">");
    for (channel, name) in CHANNELS.iter().zip(words.channels) {
        let _ = writeln!(page.text, "    <li><a href=\"/{channel}/\">{name}</a></li>");
    }
    page.line("  </ul>\n</div>");
}

fn body(page: &mut Page, site: &Site, i: usize, words: &Words) {
    let _ = writeln!(page.text, "<div class=\"position\">{}：{}</div>", words.position, words.home);
    let _ = writeln!(page.text, "<div id=\"content\" class=\"article\">\n<h1>{}</h1>", words.title(i));
    match site.pages[i].special {
        Special::Faq | Special::SoftFaq => page.line(FAQ),
        Special::Gb18030ByHeader | Special::Gb18030ByMeta => {
            page.line("<p>联系人：𠮷田、㑇先生、䶮女士。</p>");
        }
        _ => {}
    }
    for n in 1..=3 {
        let _ = writeln!(page.text, "<p id=\"p{n}\">{}</p>", words.paragraph(i + n));
    }
    for n in 5..9 {
        let _ = writeln!(page.text, "<p>{}</p>", words.paragraph(i + n));
    }
    page.line("<a name=\"fj\"></a>");
    let _ = writeln!(page.text, "<p id=\"{}\">{}</p>", super::CHINESE_ID, words.paragraph(i + 4));
    items(page, site, i, Place::Article);
    page.line("</div>");
}

const FAQ: &str = "<h2>问：打开办事页面时提示“页面不存在”怎么办？</h2>\n\
    <p>答：您访问的页面不存在或已删除时，浏览器会显示404。请先核对网址，再从首页栏目进入；仍然找不到的，可以拨打热线反映。</p>\n\
    <p>常见的提示还有“抱歉，您要访问的页面不存在”“该栏目已删除”“访问出错”，处理办法相同。</p>";

/// The pages below this one, then news, until it has as many links as it should.
fn filling(page: &mut Page, site: &Site, i: usize, words: &Words, random: &mut Random) {
    page.line("<ul class=\"news\">");
    for child in site.children(i) {
        entry(page, words, child, &site.pages[child].href, "");
    }
    // The broken links of the footer are still to come.
    let budget = site.budget(i) - site.everywhere.len();
    // Its children have just been written, so they count.
    let known = site.children(i).end.max(i);
    while page.links < budget {
        let to = random.below(known);
        let part = if random.below(20) == 0 { ["#p1", "#p2", "#p3", "#fj"][random.below(4)] } else { "" };
        let href = &site.pages[to].href;
        match random.below(8) {
            0 => entry(page, words, to, &format!("{}{href}", site.origin), part),
            1 | 2 if site.pages[i].special != Special::Base => {
                let written = relative(&site.pages[i].href, href);
                entry(page, words, to, &written, part);
            }
            _ => entry(page, words, to, href, part),
        }
        if page.links.is_multiple_of(9) {
            let _ = writeln!(page.text, "<li class=\"note\">{}</li>", words.paragraph(page.links));
        }
    }
    page.line("</ul>");
}

/// A link in the list, in the words of the page that carries it.
fn entry(page: &mut Page, words: &Words, to: usize, href: &str, part: &str) {
    let _ = writeln!(
        page.text,
        "<li><a href=\"{href}{part}\" target=\"_blank\">{}</a><span class=\"date\">2026-{:02}-{:02}</span></li>",
        words.title(to),
        to % 12 + 1,
        to % 28 + 1
    );
    page.links += 1;
}

fn foot(page: &mut Page, site: &Site, words: &Words) {
    page.line("<div class=\"footer\">");
    let _ = writeln!(page.text, "  <a href=\"/hdjl/#fj\">{}</a>", words.contact);
    for &item in &site.everywhere {
        page.text.push_str("  ");
        put(page, site, item);
    }
    let _ = writeln!(page.text, "  <p>{} 京ICP 00000000</p>", words.portal);
    page.line("</div>\n</body>\n</html>");
}

fn items(page: &mut Page, site: &Site, i: usize, place: Place) {
    for &item in site.on_page.get(&i).into_iter().flatten() {
        if site.items[item].place == place {
            put(page, site, item);
        }
    }
    if place == Place::Article && site.in_channel(i) {
        for &item in &site.in_channel {
            put(page, site, item);
        }
    }
}

fn put(page: &mut Page, site: &Site, item: usize) {
    let made = &site.items[item];
    page.marks.push((item, page.text.len() + made.at));
    page.text.push_str(&made.html);
    page.text.push('\n');
    page.links += made.links;
}

/// `to` as it is written on a page at `from`.
fn relative(from: &str, to: &str) -> String {
    let folder: Vec<&str> = from.split('/').collect();
    let folder = &folder[1..folder.len() - 1];
    let target: Vec<&str> = to.split('/').skip(1).collect();
    let same = folder.iter().zip(&target[..target.len() - 1]).take_while(|(a, b)| a == b).count();
    let written = "../".repeat(folder.len() - same) + &target[same..].join("/");
    if written.is_empty() { "./".to_owned() } else { written }
}
