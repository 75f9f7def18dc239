//! Group robots of WeCom (企业微信), DingTalk (钉钉) and Feishu (飞书).
//!
//! Invariants: a message fits into what the robot takes, in bytes of UTF-8; no text of a portal can
//! make markup of its own, call people or hide an address behind another one.

use serde_json::{Value, json};

use super::Message;
use crate::domain::notice::NoticeKind;

/// WeCom takes so many bytes of markdown.
const WECOM_MOST: usize = 4096;

/// DingTalk and Feishu take 20 kB of a whole request; escaping may double what it is made of.
const TEXT_MOST: usize = 8000;

/// Markdown in a green, grey or orange of WeCom's own.
pub(super) fn wecom(message: &Message<'_>) -> String {
    let colour = match message.notice.kind {
        NoticeKind::Resolved | NoticeKind::Heartbeat | NoticeKind::Test => "info",
        NoticeKind::Digest => "comment",
        _ => "warning",
    };
    let head = format!("**<font color=\"{colour}\">{}</font>**\n", escaped(message.title));
    let content = with_link(&head, message, WECOM_MOST, "\n");
    json!({ "msgtype": "markdown", "markdown": { "content": content } }).to_string()
}

/// Markdown; line ends are two.
pub(super) fn dingtalk(message: &Message<'_>) -> String {
    let head = format!("#### {}\n\n", escaped(message.title));
    let text = with_link(&head, message, TEXT_MOST, "\n\n");
    json!({
        "msgtype": "markdown",
        "markdown": { "title": message.title, "text": text },
        "at": { "isAtAll": false },
    })
    .to_string()
}

/// Text, with the signature in the body. Feishu reads marks in it, such as `<at …>` and links.
pub(super) fn feishu(message: &Message<'_>, signature: Option<(String, String)>) -> String {
    let lines: Vec<String> = message.text.lines().map(escaped).collect();
    let mut link = message.acknowledge.map(ToString::to_string).unwrap_or_default();
    let head = format!("{}\n\n", escaped(message.title));
    let text = lines.join("\n");
    if text.contains(&link) && text.len() < TEXT_MOST {
        link.clear();
    }
    let room = TEXT_MOST.saturating_sub(head.len() + link.len() + 1);
    let text = format!("{head}{}\n{link}", cut(&text, room));
    let mut body = json!({ "msg_type": "text", "content": { "text": text } });
    if let (Some((timestamp, sign)), Value::Object(fields)) = (signature, &mut body) {
        fields.insert("timestamp".to_owned(), timestamp.into());
        fields.insert("sign".to_owned(), sign.into());
    }
    body.to_string()
}

/// Head, text and link; the text is cut so that the link stays.
fn with_link(head: &str, message: &Message<'_>, most: usize, line_end: &str) -> String {
    let link = message.acknowledge.map(|page| format!("{line_end}[由我来处理 · I take care of it]({page})"));
    let link = link.unwrap_or_default();
    let lines: Vec<String> = message.text.lines().map(escaped).filter(|line| !line.is_empty()).collect();
    let room = most.saturating_sub(head.len() + link.len());
    format!("{head}{}{link}", cut(&lines.join(line_end), room))
}

/// Text that stays text in markdown: its signs are replaced by ones that look alike, because not every
/// robot knows a backslash.
fn escaped(line: &str) -> String {
    let alike = |c| match c {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '*' => '＊',
        '`' => '｀',
        c => c,
    };
    // Only at the start of a line it makes a heading; in an address it is a place.
    let line = line.trim().trim_start_matches('#');
    line.chars().map(alike).collect()
}

/// At most so many bytes, whole characters.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text[..end].trim_end())
}
