//! Which language a reader wants, by his browser's Accept-Language.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::domain::language::Language;

/// The language that the reader likes best among those that we speak; `ours` when he names none.
pub(super) fn of(headers: &HeaderMap, ours: Language) -> Language {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best: Option<(Language, u32)> = None;
    for part in asked.split(',').take(32) {
        let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let language = match primary.to_ascii_lowercase().as_str() {
            "zh" => Language::Chinese,
            "en" => Language::English,
            _ => continue,
        };
        let weight = match weight.trim().strip_prefix("q=") {
            Some(text) => thousandths(text.trim()),
            None => 1000,
        };
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((language, weight));
        }
    }
    best.map_or(ours, |(language, _)| language)
}

/// `0.8` as 800; what is no weight counts nothing.
fn thousandths(text: &str) -> u32 {
    let weight = text.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    let thousandths = (weight * 1000.0) as u32;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_the_language_that_he_likes_best() {
        let cases = [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB,en;q=0.9,zh-CN;q=0.8", Language::English),
            ("en;q=0.2, zh;q=0.7", Language::Chinese),
            ("de-DE,de;q=0.9,en;q=0.1", Language::English),
            ("EN", Language::English),
            ("zh-Hant-TW", Language::Chinese),
            ("en;q=0", Language::Chinese),
            ("en;q=much,zh;q=2", Language::Chinese),
            ("fr", Language::Chinese),
            ("*", Language::Chinese),
            ("", Language::Chinese),
        ];
        for (asked, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, asked.parse().unwrap());
            assert_eq!(of(&headers, Language::Chinese), want, "{asked}");
        }
        assert_eq!(of(&HeaderMap::new(), Language::English), Language::English);
    }
}
