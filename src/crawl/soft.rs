//! Soft 404s: pages that answer 200 and say that there is no such page.
//!
//! A page is one when it is short and says so itself, or when the host answers a made-up name in the
//! same folder with the same page. Asking for made-up names is a switch; it is off for live targets
//! unless they allow it.
//!
//! Invariant: pure. A portal drawn by scripts answers every name with its one shell: what looks
//! like the home page is never taken for an error page. A likeness alone accuses only where
//! something else in the folder is different: a folder that has one page for every name may be meant
//! so.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use url::Url;

use super::atlas::{Atlas, No, State, Verdict};
use super::read::{Print, Reading};
use super::walk::doubt;
use crate::domain::lexicon::Lexicon;
use crate::domain::link::{DoubtClass, LinkClass};
use crate::domain::observation::PhrasePlace;
use crate::domain::outcome::Outcome;
use crate::judge::lexicon::find_among;

/// Longer pages are no error pages; a portal's header, menu and footer fit in.
const LONGEST: usize = 1_500;
/// A page of so few characters that a phrase in it is what it is about.
const SHORT: usize = 400;
/// Fewer characters than this, with scripts and without links, are what comes before a page.
const BARE: usize = 50;
/// Two pages that are as alike as this are the same page with another name in it.
const ALIKE: f64 = 0.9;
/// Why a page is a soft 404 that only looks like the answer to a made-up name.
const LIKE_MADE_UP: &str = "It answers 200 with the page that any made-up address there gets.";

/// What a host answered to a name that does not exist.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Nowhere {
    /// An error, as it should be, or nothing that could be compared.
    Other,
    /// A page.
    Page {
        /// Where it ended, when it was redirected.
        redirected_to: Option<String>,
        print: Print,
    },
}

/// Whether a page's source is only what its scripts begin with: a portal drawn by scripts answers
/// every name below a folder with the same one.
fn is_shell(page: &Reading) -> bool {
    page.scripts > 0 && page.text_chars < BARE && page.anchors == 0
}

/// Whether a page is worth a closer look.
pub(super) fn is_suspicious(page: &Reading) -> bool {
    page.text_chars <= LONGEST
}

/// The folder of a page in which a made-up name is asked for, as an address that ends in `/` or
/// in `/*.ext`; pages of one folder and one kind are answered by the same hand.
pub(super) fn folder(url: &Url) -> String {
    let path = url.path();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending =
        if ending.len() <= 5 && ending.bytes().all(|b| b.is_ascii_alphanumeric()) { ending } else { "" };
    let mut folder_url = url.clone();
    folder_url.set_query(None);
    folder_url.set_fragment(None);
    folder_url.set_path(&format!("{folder}/"));
    if ending.is_empty() { folder_url.into() } else { format!("{folder_url}*.{ending}") }
}

/// A name in a folder that nobody has given to anything. Always the same one, so that whoever reads
/// the server's log can tell.
pub(super) fn made_up(folder: &str) -> Option<Url> {
    let (base, ending) = folder.split_once('*').unwrap_or((folder, ""));
    let token = hex::encode(&Sha256::digest(folder.as_bytes())[..6]);
    Url::parse(base).ok()?.join(&format!("no-such-page-{token}{ending}")).ok()
}

/// Why a page is a soft 404, as a sentence; `None` when it is not, or when that cannot be told.
pub(super) fn is_soft(
    page: &Reading,
    redirected_to: Option<&str>,
    nowhere: Option<&Nowhere>,
    home: Option<&Print>,
    lexicon: &Lexicon,
) -> Option<String> {
    let like_home = |print: &Print| home.is_some_and(|home| home.similarity(print) >= ALIKE);
    let made_up = match nowhere {
        Some(Nowhere::Page { redirected_to, print }) if !like_home(print) && !is_shell(page) => {
            Some((redirected_to.as_deref(), print))
        }
        _ => None,
    };
    if let Some((Some(theirs), _)) = made_up
        && Some(theirs) == redirected_to
    {
        return Some("It leads to the page that any made-up address there leads to.".to_owned());
    }
    let says = |text: &str, place| {
        let found = find_among(lexicon, text, place, |_, entry| entry.outcome == Outcome::Broken);
        found.map(|(_, phrase)| format!("It answers 200 and says “{}”.", phrase.phrase))
    };
    let own_words = !like_home(&page.print) && page.text_chars <= LONGEST;
    let asks = page.title.contains(['?', '？']) || page.title.contains("怎么") || page.title.contains("如何");
    if own_words
        && !asks
        && page.text_chars <= LONGEST / 2
        && let Some(why) = says(&page.title, PhrasePlace::Title)
    {
        return Some(why);
    }
    if own_words
        && page.text_chars <= SHORT
        && let Some(why) = says(&page.text, PhrasePlace::Page)
    {
        return Some(why);
    }
    let alike = made_up.is_some_and(|(_, print)| print.similarity(&page.print) >= ALIKE);
    alike.then(|| LIKE_MADE_UP.to_owned())
}

/// Takes back what was said of pages that only look like the answer to a made-up name, where nothing
/// in their folder looks otherwise. Told at the end, so that the order of answers does not matter.
pub(super) fn excuse(atlas: &mut Atlas, uncompared: &HashSet<No>) {
    let only_alike = |state: &State| {
        matches!(state, State::Done(Verdict::Faulty { class: LinkClass::Soft404, detail, .. })
            if **detail == *LIKE_MADE_UP)
    };
    if !atlas.links.values().any(|link| only_alike(&link.state)) {
        return;
    }
    let of = |address: &str| Url::parse(address).ok().map(|url| folder(&url));
    let compared = (0..).zip(&atlas.links).filter(|(no, _)| !uncompared.contains(no));
    let fine = compared.filter(|(_, (_, link))| matches!(link.state, State::Done(Verdict::Fine)));
    let told_apart: HashSet<String> = fine.filter_map(|(_, (address, _))| of(address)).collect();
    for (address, link) in &mut atlas.links {
        let State::Done(Verdict::Faulty { status, .. }) = &link.state else { continue };
        if only_alike(&link.state) && !of(address).is_some_and(|folder| told_apart.contains(&folder)) {
            let detail = "Every address there gets this same page: it may be meant so.";
            link.state = State::Done(doubt(DoubtClass::Unsure, *status, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::read::{Limits, page};
    use crate::plan::lexicon::built_in;

    fn reading(title: &str, body: &str) -> Reading {
        let html = format!("<title>{title}</title><body>{body}");
        let url = Url::parse("http://a.cn/x/y.html").unwrap();
        page(&html, &url, encoding_rs::UTF_8, &Limits::default())
    }

    fn soft(page: &Reading, nowhere: Option<&Nowhere>, home: Option<&Print>) -> bool {
        is_soft(page, None, nowhere, home, &built_in()).is_some()
    }

    const ARTICLE: &str = "药品经营许可证核发办事指南：申请人应当具备与经营药品相适应的营业场所、设备、仓储设施、卫生环境，\
        并有保证所经营药品质量的规章制度，受理条件、申请材料、办理流程、收费标准和咨询电话如下所示。";

    #[test]
    fn a_page_that_any_made_up_name_gets_is_none() {
        let error = reading(
            "提示",
            "对不起，您所找的内容 /x/y.html 已经搬家，请从首页重新进入，给您带来不便敬请谅解",
        );
        let twin = reading(
            "提示",
            "对不起，您所找的内容 /x/no-such.html 已经搬家，请从首页重新进入，给您带来不便敬请谅解",
        );
        let nowhere = Nowhere::Page { redirected_to: None, print: twin.print.clone() };
        assert!(soft(&error, Some(&nowhere), None));
        assert!(!soft(&reading("指南", ARTICLE), Some(&nowhere), None), "an article is no error page");
        assert!(!soft(&error, Some(&Nowhere::Other), None), "the host knows how to say 404");
        assert!(!soft(&error, Some(&nowhere), Some(&twin.print)), "a shell that every address gets");
    }

    #[test]
    fn a_short_page_may_say_so_itself() {
        assert!(soft(&reading("404", "您访问的页面不存在或已删除"), None, None));
        assert!(soft(&reading("页面不存在", ARTICLE), None, None), "the title says so");
        let long = ARTICLE.repeat(8);
        let faq = reading("常见问题", &format!("{long}打开时提示页面不存在，请刷新。"));
        assert!(!soft(&faq, None, None), "a long page may quote the words");
        assert!(
            !soft(&reading("提示页面不存在怎么办？", ARTICLE), None, None),
            "a question is an answer's title"
        );
        assert!(!soft(&reading("指南", ARTICLE), None, None));
    }

    #[test]
    fn a_made_up_name_stands_in_the_same_folder_and_has_the_same_kind() {
        let cases = [
            ("http://a.cn/", "http://a.cn/"),
            ("http://a.cn/x/y.html?id=1#z", "http://a.cn/x/*.html"),
            ("http://a.cn/x/y", "http://a.cn/x/"),
            ("http://a.cn/x/y.b-c", "http://a.cn/x/"),
        ];
        for (url, want) in cases {
            let folder = folder(&Url::parse(url).unwrap());
            assert_eq!(folder, want);
            let name = made_up(&folder).unwrap();
            assert!(name.path().contains("/no-such-page-"), "{name}");
            assert_eq!(name.path().contains(".html"), want.contains(".html"));
        }
    }
}
