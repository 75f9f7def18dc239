//! What pages say, as tables of sentences.

mod code;
mod hostile;
mod links;
mod meaning;
mod prints;

use encoding_rs::UTF_8;
use url::Url;

use super::{Kind, Limits, Link, Reading, page};

/// Where the pages of the tests stand.
const HERE: &str = "http://portal.cn/a/index.html?x=1";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn read(html: &str) -> Reading {
    page(html, &url(HERE), UTF_8, &Limits::default())
}

/// Address, fragment and kind, as one line.
fn line(link: &Link) -> String {
    let fragment = link.fragment.as_ref().map(|name| format!("#{name}")).unwrap_or_default();
    let kind = match link.kind {
        Kind::Form { post: true } => "post".to_owned(),
        Kind::Form { post: false } => "get".to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    let address = link.url.as_str().strip_prefix("http://portal.cn").unwrap_or(link.url.as_str());
    format!("{kind} {address}{fragment}")
}

fn lines(html: &str) -> Vec<String> {
    read(html).links.iter().map(line).collect()
}
