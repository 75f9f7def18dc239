//! Bytes of a page to text: byte order mark, then the header, then `<meta>`, then a guess.
//!
//! Invariant: total; bytes that fit no character become U+FFFD, never an error.

use std::sync::LazyLock;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use regex::bytes::Regex;

use crate::domain::visit::{Charset, CharsetSource};

/// How far into a page its `<meta>` is looked for. Browsers look at 1,024 bytes; portals put long
/// comments in front.
const META_WITHIN: usize = 8_192;

/// A page as text, and how it was written.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// The encoding that was used.
    pub encoding: &'static Encoding,
    /// How that is known.
    pub by: CharsetSource,
    /// Whether bytes in it fit no character.
    pub malformed: bool,
}

impl Decoded {
    /// What is kept of it.
    pub fn charset(&self) -> Charset {
        Charset { name: self.encoding.name().to_owned(), by: self.by, malformed: self.malformed }
    }
}

/// Decodes a page, for those who need not know how its encoding was found. See [`read`].
pub fn decode(body: &[u8], content_type: &str, host: &str) -> (String, &'static Encoding) {
    let Decoded { text, encoding, .. } = read(body, content_type, host);
    (text, encoding)
}

/// Reads a page. `content_type` is the header's value, `host` helps the guess by its last label.
pub fn read(body: &[u8], content_type: &str, host: &str) -> Decoded {
    let (encoding, by) = if let Some((encoding, _)) = Encoding::for_bom(body) {
        (encoding, CharsetSource::Bom)
    } else if let Some(encoding) = from_header(content_type) {
        (encoding, CharsetSource::Header)
    } else if let Some(encoding) = from_meta(body) {
        (encoding, CharsetSource::Meta)
    } else {
        (guess(body, host), CharsetSource::Guess)
    };
    let (text, encoding, malformed) = encoding.decode(body);
    Decoded { text: text.into_owned(), encoding, by, malformed }
}

fn from_header(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| Encoding::for_label(value.trim().trim_matches(['"', '\'']).as_bytes()))
            .flatten()
    })
}

fn from_meta(body: &[u8]) -> Option<&'static Encoding> {
    static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?s-u)<!--.*?-->").ok());
    static META: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i-u)<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([a-z0-9_:.-]+)"#)
            .ok()
    });
    let head = &body[..body.len().min(META_WITHIN)];
    let head = COMMENT.as_ref()?.replace_all(head, &b""[..]);
    let label = META.as_ref()?.captures(&head)?.get(1)?.as_bytes();
    let encoding = Encoding::for_label(label)?;
    // A `<meta>` that could be read as ASCII cannot be in UTF-16: the HTML standard says UTF-8.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn guess(body: &[u8], host: &str) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(body, true);
    let tld = host.rsplit('.').next().unwrap_or_default();
    // The detector panics on a label that is not in lower-case ASCII letters.
    let tld = (tld.len() >= 2 && tld.bytes().all(|b| b.is_ascii_lowercase())).then_some(tld.as_bytes());
    detector.guess(tld, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{BIG5, GB18030, GBK};

    #[test]
    fn the_header_wins_then_meta_then_the_guess() {
        let gbk = |text: &str| GBK.encode(text).0.into_owned();
        let said = "<title>市政务服务网</title>";
        let long = "市政务服务网为企业和群众提供办事指南和在线办理服务，请选择您要办理的事项。";
        let meta = format!("<!-- <meta charset=utf-8> --><meta charset=gb2312>{said}");
        let equiv = format!(r#"<META http-equiv="Content-Type" content="text/html; charset=gbk">{said}"#);
        let cases = [
            ("header", gbk(said), "text/html; charset=GBK", "", said, "GBK"),
            ("quoted header", gbk(said), "text/html; Charset=\"gb2312\"", "", said, "GBK"),
            ("header over meta", meta.clone().into_bytes(), "text/html;charset=utf-8", "", &meta, "UTF-8"),
            ("meta", gbk(&meta), "text/html", "", &meta, "GBK"),
            ("http-equiv", gbk(&equiv), "text/html", "", &equiv, "GBK"),
            (
                "unknown label, then a guess",
                said.as_bytes().to_vec(),
                "text/html; charset=nonsense",
                "",
                said,
                "UTF-8",
            ),
            ("guess", gbk(long), "text/html", "www.portal.gov.cn", long, "GBK"),
            ("guess from an address", gbk(long), "", "10.0.0.1", long, "GBK"),
            ("utf-8 without a word", long.as_bytes().to_vec(), "", "", long, "UTF-8"),
        ];
        for (name, body, content_type, host, want, encoding) in cases {
            let decoded = read(&body, content_type, host);
            assert_eq!(decoded.text, want, "{name}");
            assert_eq!(decoded.encoding.name(), encoding, "{name}");
            let by = match name.split(' ').next() {
                Some("header" | "quoted") => CharsetSource::Header,
                Some("meta" | "http-equiv") => CharsetSource::Meta,
                _ => CharsetSource::Guess,
            };
            assert_eq!((decoded.by, decoded.malformed), (by, false), "{name}");
        }
        assert_eq!(read(&GB18030.encode("㐂𠀀").0, "text/html; charset=gb18030", "").text, "㐂𠀀");
        assert_eq!(read(&BIG5.encode("臺北").0, "text/html; charset=big5", "").text, "臺北");
        let mut bom = b"\xEF\xBB\xBF".to_vec();
        bom.extend_from_slice("门户".as_bytes());
        assert_eq!(
            (read(&bom, "text/html; charset=gbk", "").text.as_str(), read(&bom, "", "").by),
            ("门户", CharsetSource::Bom),
            "a byte order mark outranks the header"
        );
        let broken = read(b"\xff\xff", "text/html; charset=utf-8", "");
        assert_eq!((broken.text.as_str(), broken.malformed), ("\u{fffd}\u{fffd}", true));
    }
}
