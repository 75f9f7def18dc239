//! Masks in addresses: what is typed into a form comes back in the address of the next page.

use std::borrow::Cow;
use std::fmt::Write;

use super::{MARK, Masks, replaced};
use crate::domain::personal::Kind;

/// What divides an address into its parts.
const DIVIDERS: [char; 9] = ['/', '?', '&', '=', '#', ';', ',', '!', ':'];

impl Masks {
    /// An address with everything masked. Percent signs are undone for looking; a part that holds
    /// nothing stays as it is written.
    ///
    /// In the path, long numbers are mostly those of articles: a mobile or card number counts there
    /// as a whole part only, `/user/13800138000` and not `/art_13800138000.html`.
    pub fn url<'a>(&self, url: &'a str) -> Cow<'a, str> {
        let query = url.find(['?', '#']).unwrap_or(url.len());
        // `data:` and `javascript:` are texts, and so is what is no address at all.
        if !url.contains("://") {
            return self.text(url);
        }
        let mut masked = String::new();
        let mut done = 0;
        let mut start = 0;
        let ends = url.match_indices(DIVIDERS).map(|(at, sign)| (at, at + sign.len()));
        for (end, next) in ends.chain([(url.len(), url.len())]) {
            let part = &url[start..end];
            if let Some(hidden) = self.part(part, start >= query) {
                masked.push_str(&url[done..start]);
                masked.push_str(&hidden);
                done = end;
            }
            start = next;
        }
        if done == 0 && masked.is_empty() {
            // A value may have dividers in it, such as a date.
            return self.across(url);
        }
        masked.push_str(&url[done..]);
        Cow::Owned(self.across(&masked).into_owned())
    }

    /// An address that was shortened: its last part may be the beginning of a value.
    pub fn url_piece<'a>(&self, url: &'a str) -> Cow<'a, str> {
        let Some(query) = url.find(['?', '#']).filter(|_| self.has_values()) else { return self.url(url) };
        let last = url.rfind(DIVIDERS).map_or(0, |at| at + 1).max(query);
        Cow::Owned(format!("{}{MARK}", self.url(&url[..last])))
    }

    /// Values that stand across parts, as they are written.
    fn across<'a>(&self, url: &'a str) -> Cow<'a, str> {
        replaced(url, &self.ranges_of(url, &[Kind::ResidentId, Kind::Mail]))
    }

    /// One part, when there is something to mask in it.
    fn part(&self, part: &str, in_query: bool) -> Option<String> {
        let mut text = Cow::Borrowed(part);
        // Addresses inside addresses are escaped twice.
        for _ in 0..3 {
            let ranges = self.ranges(&text);
            let whole = |range: &std::ops::Range<usize>| *range == (0..text.len());
            let strong = || self.ranges_of(&text, &[Kind::ResidentId, Kind::Mail]);
            if !ranges.is_empty() && (in_query || ranges.iter().all(whole) || !strong().is_empty()) {
                return Some(escaped(&replaced(&text, &ranges)));
            }
            match unescaped(&text) {
                Some(plain) => text = Cow::Owned(plain),
                None => return None,
            }
        }
        None
    }
}

/// `%E8%8D%AF` and `+` undone: as UTF-8, or as GB 18030, which older portals write.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = tail;
        }
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => encoding_rs::GB18030.decode_without_bom_handling(error.as_bytes()).0.into_owned(),
    };
    Some(text)
}

/// A masked part, fit to stand in its address again.
fn escaped(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for c in part.chars() {
        if DIVIDERS.contains(&c) || c == '%' || c == '+' || c.is_whitespace() || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(c);
        }
    }
    text
}
