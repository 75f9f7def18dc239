//! What a mail says when too many links of a portal are broken, in both languages.

use crate::domain::language::Language;
use crate::domain::link::LinkClass;
use crate::domain::notice::{BrokenLinks, NamedLink, NoticeKind};

use super::wording::Scene;
use Language::{Chinese, English};

/// What the check found, in a few words, as it ends a subject line. Not how many: a thread keeps
/// its subject while the number changes.
pub fn short(language: Language) -> &'static str {
    language.pick("发现失效链接", "finds dead links")
}

/// The first sentence of a mail.
pub fn lead(
    kind: NoticeKind,
    links: &BrokenLinks,
    scene: Scene<'_>,
    lasted: &str,
    language: Language,
) -> String {
    let Scene { site, journey, .. } = scene;
    let (broken, home) = (links.broken, links.on_home);
    let (verb, noun) = if broken == 1 { ("does", "link") } else { ("do", "links") };
    let limit = match (language, links.limit) {
        (_, None) => String::new(),
        (Chinese, Some(0)) => "，而一个也不应有".to_owned(),
        (Chinese, Some(limit)) => format!("，超过了允许的 {limit} 个"),
        (English, Some(0)) => "; none may be broken".to_owned(),
        (English, Some(limit)) => format!("; at most {limit} may be broken"),
    };
    match (language, kind) {
        (Chinese, kind)
            if !matches!(kind, NoticeKind::Reminder | NoticeKind::Escalated | NoticeKind::Resolved) =>
        {
            format!("{site}（{journey}）有 {broken} 个失效链接，其中 {home} 个在首页{limit}。")
        }
        (Chinese, NoticeKind::Reminder | NoticeKind::Escalated) => format!(
            "{site}（{journey}）仍有 {broken} 个失效链接，其中 {home} 个在首页{limit}。这种情况已经持续 {lasted}。"
        ),
        (Chinese, _) => {
            format!("{site}（{journey}）已经恢复，失效链接不再超出限度。前后持续 {lasted}。")
        }
        (English, kind)
            if !matches!(kind, NoticeKind::Reminder | NoticeKind::Escalated | NoticeKind::Resolved) =>
        {
            format!("On {site} ({journey}), {broken} {noun} {verb} not work, {home} on the home page{limit}.")
        }
        (English, NoticeKind::Reminder | NoticeKind::Escalated) => format!(
            "On {site} ({journey}), {broken} {noun} still {verb} not work, {home} on the home page{limit}. \
             This has lasted {lasted} so far."
        ),
        (English, _) => {
            format!("{site} ({journey}) is back within its limit of broken links. This had lasted {lasted}.")
        }
    }
}

/// How many there are, as a fact beside others.
pub fn tally(links: &BrokenLinks, language: Language) -> String {
    match (language, links.broken) {
        (Chinese, 0) => "没有失效链接".to_owned(),
        (English, 0) => "no link is broken".to_owned(),
        (Chinese, broken) => format!("{broken} 个失效链接，其中首页 {} 个", links.on_home),
        (English, 1) => format!("1 broken link, {} on the home page", links.on_home),
        (English, broken) => format!("{broken} broken links, {} on the home page", links.on_home),
    }
}

/// What is said behind the links that are named, when there are more.
pub fn more(links: &BrokenLinks, language: Language) -> Option<String> {
    let more = u32::try_from(links.first.len()).map_or(0, |named| links.broken.saturating_sub(named));
    (more > 0).then(|| match language {
        Chinese => format!("另有 {more} 个，运行命令 shopper export links 可全部列出"),
        English => format!("{more} more; \"shopper export links\" lists them all"),
    })
}

/// What is wrong with a link, in brackets behind its address.
pub fn what(link: &NamedLink, language: Language) -> String {
    let words = words(link.class, language);
    // A status that says that all is well would only puzzle.
    match (language, link.status.filter(|status| *status >= 400)) {
        (Chinese, Some(status)) => format!("（{status}，{words}）"),
        (Chinese, None) => format!("（{words}）"),
        (English, Some(status)) => format!(" ({status}, {words})"),
        (English, None) => format!(" ({words})"),
    }
}

fn words(class: LinkClass, language: Language) -> &'static str {
    let (chinese, english) = match class {
        LinkClass::NotFound => ("页面不存在", "not found"),
        LinkClass::Gone => ("页面已删除", "gone"),
        LinkClass::ClientError => ("服务器不接受请求", "the request is not accepted"),
        LinkClass::ServerError => ("服务器出错", "server error"),
        LinkClass::Dns => ("域名无法解析", "the name does not resolve"),
        LinkClass::Refused => ("连接被拒绝", "connection refused"),
        LinkClass::Reset => ("连接中断", "the connection breaks"),
        LinkClass::Timeout => ("迟迟没有响应", "no answer in time"),
        LinkClass::Tls => ("加密连接失败", "TLS fails"),
        LinkClass::RedirectLoop => ("循环跳转", "redirects without end"),
        LinkClass::Soft404 => ("页面提示内容不存在", "the page says that there is none"),
        LinkClass::Fragment => ("页内没有这个位置", "no such place in the page"),
        LinkClass::WrongType => ("文件类型不符", "not the type of file that it claims"),
        LinkClass::Unreadable => ("文件打不开", "the file does not open"),
        LinkClass::Empty => ("内容为空", "empty"),
        LinkClass::Malformed => ("地址写错了", "not an address"),
        LinkClass::LocalAddress => ("指向访问者自己的电脑", "leads to the reader's own machine"),
        LinkClass::Other => ("其他问题", "something else"),
    };
    language.pick(chinese, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(broken: u32, limit: Option<u32>) -> BrokenLinks {
        let named = NamedLink {
            url: "http://city.example/a".to_owned(),
            class: LinkClass::NotFound,
            status: Some(404),
        };
        let first = vec![named; broken.min(3) as usize];
        BrokenLinks { broken, on_home: broken.min(1), limit, first }
    }

    #[test]
    fn every_class_has_words_in_both_languages() {
        for class in LinkClass::ALL {
            assert!(words(*class, English).is_ascii() && !words(*class, English).is_empty());
            assert!(!words(*class, Chinese).is_ascii(), "{class}");
        }
    }

    #[test]
    fn numbers_agree_with_their_words() {
        let scene = Scene { site: "示范市", journey: "检查链接", step: "检查链接", walk: false };
        let said = |broken, limit, language| {
            lead(NoticeKind::Opened, &links(broken, limit), scene, "", language).split_off("示范市".len())
        };
        assert_eq!(
            said(12, Some(10), Chinese),
            "（检查链接）有 12 个失效链接，其中 1 个在首页，超过了允许的 10 个。"
        );
        assert_eq!(
            said(1, Some(0), Chinese),
            "（检查链接）有 1 个失效链接，其中 1 个在首页，而一个也不应有。"
        );
        let english = lead(NoticeKind::Opened, &links(1, Some(0)), scene, "", English);
        assert!(english.ends_with("1 link does not work, 1 on the home page; none may be broken."));
        let english = lead(NoticeKind::Reminder, &links(12, Some(10)), scene, "2 hours", English);
        assert!(
            english.contains("12 links still do not work, 1 on the home page; at most 10 may be broken.")
        );
        assert_eq!(tally(&links(0, None), Chinese), "没有失效链接");
        assert_eq!(tally(&links(1, None), English), "1 broken link, 1 on the home page");
        assert_eq!(more(&links(3, None), English), None);
        assert_eq!(
            more(&links(12, None), English).unwrap(),
            "9 more; \"shopper export links\" lists them all"
        );
    }
}
