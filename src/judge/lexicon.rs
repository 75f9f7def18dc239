//! Finding the lexicon's phrases in a text that a citizen can see.
//!
//! Negations (`无需到窗口`) are struck from the text first, so that their halves cannot match. White
//! space is folded to one blank, ASCII case is ignored, full-width forms equal their narrow ones,
//! and characters without width are dropped.
//!
//! Invariant: order counts, and only order. The first entry that has a matching phrase wins; in an
//! entry, the first phrase. A phrase that begins or ends with an ASCII letter or digit matches
//! whole words only: `http 404` is not found in `http 4041`.

use crate::domain::lexicon::{Lexicon, LexiconEntry};
use crate::domain::observation::{PhraseFact, PhrasePlace};
use crate::domain::outcome::Outcome;

/// How many characters of context are kept around a phrase, the phrase included.
pub const CONTEXT: usize = 80;

/// Stands in a phrase for a few characters of whatever kind: `使用…APP办理`.
const GAP: char = '…';

/// How many characters a gap may be wide: the name of an app, an office or an item.
const WIDEST: usize = 20;

/// What ends a sentence; the end of a line and struck words do, too.
const ENDS: [char; 8] = ['。', '；', ';', '！', '!', '？', '?', STRUCK];

/// What stands in the text where a negation was struck. No phrase contains it.
const STRUCK: char = '\u{0}';

/// Finds the strongest phrase of `lexicon` in `text`.
pub fn find(lexicon: &Lexicon, text: &str, place: PhrasePlace) -> Option<(Outcome, PhraseFact)> {
    find_among(lexicon, text, place, |_, _| true)
}

/// Like [`find`], but only in the entries that `wanted` takes; it gets an entry's place in the
/// lexicon, from 0, and the entry.
pub fn find_among(
    lexicon: &Lexicon,
    text: &str,
    place: PhrasePlace,
    wanted: impl Fn(usize, &LexiconEntry) -> bool,
) -> Option<(Outcome, PhraseFact)> {
    let folded = Folded::new(text, &lexicon.negations);
    let said = place == PhrasePlace::Page;
    let claims = || {
        let claims = lexicon.entries.iter().filter(|entry| entry.outcome == Outcome::OnlineReady);
        claims.flat_map(|entry| &entry.phrases).any(|phrase| {
            // A label alone (a button, a menu) promises nothing: it may be what led here.
            folded
                .position(phrase, |sentence| sentence.trim_end_matches(ENDS) != Folded::plain(phrase))
                .is_some()
        })
    };
    let offered = std::cell::LazyCell::new(|| said && claims());
    // What a page says in a sentence that asks, or leaves a choice, refuses nobody. Only who is led away is
    // asked whether to go on.
    let decides = |outcome: Outcome, sentence: &str| {
        let asks = outcome != Outcome::ExternalSystem && sentence.ends_with(['?', '？']);
        !said || !asks && !lexicon.alternatives.iter().any(|choice| holds(sentence, choice))
    };
    let entries = lexicon.entries.iter().enumerate().filter(|(i, entry)| wanted(*i, entry));
    for (_, entry) in entries {
        for phrase in &entry.phrases {
            if let Some((at, len)) = folded.position(phrase, |sentence| decides(entry.outcome, sentence))
                && !(entry.unless_offered && *offered)
            {
                let context = folded.context(at, len);
                let phrase = PhraseFact { phrase: phrase.clone(), context, place, area: None };
                return Some((entry.outcome, phrase));
            }
        }
    }
    None
}

/// Whether a folded sentence holds a phrase.
fn holds(sentence: &str, phrase: &str) -> bool {
    sentence.contains(&Folded::plain(phrase))
}

/// A phrase found in a text by whatever rule, with its context: for the step's own `seen` rules.
/// When the phrase does not stand in the text itself, the context is the text's beginning.
pub fn fact(phrase: &str, text: &str, place: PhrasePlace) -> PhraseFact {
    let folded = Folded::new(text, &[]);
    let at = folded.position(phrase, |_| true);
    let (start, len) = at.unwrap_or_default();
    let context = folded.context(start, len);
    PhraseFact { phrase: phrase.to_owned(), context, place, area: None }
}

/// The characters of a text as they are compared.
fn fold(text: &str) -> impl Iterator<Item = char> {
    pairs(text).map(|(compared, _)| compared)
}

/// Each character as it is compared and as it is shown.
fn pairs(text: &str) -> impl Iterator<Item = (char, char)> {
    let mut blank = true;
    text.trim_end().chars().filter_map(move |shown| {
        if shown.is_whitespace() || (shown.is_control() && shown != STRUCK) {
            let first = !blank;
            blank = true;
            return first.then_some((' ', ' '));
        }
        if without_width(shown) || shown == STRUCK {
            return None;
        }
        blank = false;
        // U+FF01..U+FF5E are the full-width forms of ASCII 0x21..0x7E.
        let narrow = match u32::from(shown) {
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(shown),
            _ => shown,
        };
        Some((narrow.to_ascii_lowercase(), shown))
    })
}

/// Characters that take no room: they are put between letters to hide words from filters, and a
/// citizen does not see them.
fn without_width(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}')
}

/// A text ready for comparing; `shown` has the same number of characters as `compared`.
struct Folded {
    compared: String,
    shown: Vec<char>,
    /// The byte at which each character of `compared` begins.
    bytes: Vec<usize>,
    /// The characters with which a sentence or a line ends, in order.
    ends: Vec<usize>,
}

impl Folded {
    /// Folds a text and strikes every negation, the longest first, so that a short one does not leave
    /// half of a long one behind.
    fn new(text: &str, negations: &[String]) -> Self {
        let (mut compared, mut shown, mut ends) = (String::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let before = shown.len();
            for (c, as_shown) in pairs(line.trim()) {
                compared.push(c);
                shown.push(as_shown);
            }
            if shown.len() > before {
                // A line break is a blank like any other, and ends what stood on the line.
                ends.push(shown.len());
                compared.push(' ');
                shown.push(' ');
            }
        }
        let mut folded: Vec<String> = negations.iter().map(|n| fold(n).collect()).collect();
        folded.sort_by_key(|negation: &String| std::cmp::Reverse(negation.chars().count()));
        for negation in folded.iter().filter(|negation| !negation.is_empty()) {
            if compared.contains(negation.as_str()) {
                let gap: String = std::iter::repeat_n(STRUCK, negation.chars().count()).collect();
                compared = compared.replace(negation.as_str(), &gap);
            }
        }
        let bytes = compared.char_indices().map(|(byte, _)| byte).collect();
        let inside = compared.chars().enumerate().filter(|(_, c)| ENDS.contains(c)).map(|(at, _)| at);
        ends.extend(inside);
        ends.sort_unstable();
        Self { compared, shown, bytes, ends }
    }

    /// A phrase as it stands in a folded text.
    fn plain(phrase: &str) -> String {
        fold(phrase).collect()
    }

    /// The character that begins at a byte.
    fn char_at(&self, byte: usize) -> usize {
        self.bytes.partition_point(|begins| *begins < byte)
    }

    /// The byte at which a character begins, or the text ends.
    fn byte_of(&self, char: usize) -> usize {
        self.bytes.get(char).copied().unwrap_or(self.compared.len())
    }

    /// Where the sentence or line ends in which a character stands: that end itself.
    fn end_behind(&self, char: usize) -> usize {
        let next = self.ends.partition_point(|end| *end < char);
        self.ends.get(next).copied().unwrap_or(self.shown.len())
    }

    /// The sentence in which a phrase from one character to another stands, its end included.
    fn sentence(&self, from: usize, to: usize) -> &str {
        let before = self.ends.partition_point(|end| *end < from);
        let start = before.checked_sub(1).map_or(0, |at| self.ends[at] + 1);
        let end = (self.end_behind(to) + 1).min(self.shown.len());
        self.compared[self.byte_of(start)..self.byte_of(end)].trim_end()
    }

    /// Where the phrase stands in a sentence that decides, and how long it is there, in characters.
    fn position(&self, phrase: &str, decides: impl Fn(&str) -> bool) -> Option<(usize, usize)> {
        let phrase: String = fold(phrase).collect();
        let parts: Vec<&str> = phrase.split(GAP).map(str::trim).filter(|part| !part.is_empty()).collect();
        let first = *parts.first()?;
        let word_before = phrase.starts_with(|c: char| c.is_ascii_alphanumeric());
        let word_after = phrase.ends_with(|c: char| c.is_ascii_alphanumeric());
        self.compared.match_indices(first).find_map(|(at, _)| {
            let end = self.follow(at + first.len(), &parts[1..])?;
            let before = self.compared[..at].chars().next_back();
            let after = self.compared[end..].chars().next();
            let cut = word_before && before.is_some_and(|c| c.is_ascii_alphanumeric())
                || word_after && after.is_some_and(|c| c.is_ascii_alphanumeric());
            let (from, to) = (self.char_at(at), self.char_at(end));
            (!cut && decides(self.sentence(from, to))).then(|| (from, to - from))
        })
    }

    /// The end of the rest of a phrase behind a byte: each part within [`WIDEST`] characters of the one
    /// before it, in the same sentence.
    fn follow(&self, at: usize, parts: &[&str]) -> Option<usize> {
        let Some((part, rest)) = parts.split_first() else { return Some(at) };
        let from = self.char_at(at);
        let to = self.end_behind(from).min(from + WIDEST + part.chars().count());
        let within = &self.compared[at..self.byte_of(to)];
        within.match_indices(part).find_map(|(found, _)| self.follow(at + found + part.len(), rest))
    }

    /// At most [`CONTEXT`] characters around `len` characters at `at`, as they are shown.
    fn context(&self, at: usize, len: usize) -> String {
        let room = CONTEXT.saturating_sub(len);
        let end = (at + len + room / 2).min(self.shown.len());
        let start = end.saturating_sub(CONTEXT).min(at);
        let end = (start + CONTEXT).min(self.shown.len());
        self.shown[start..end].iter().collect::<String>().trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        let entry = |outcome, phrases: &[&str]| LexiconEntry {
            outcome,
            unless_offered: false,
            phrases: phrases.iter().map(|p| (*p).to_owned()).collect(),
        };
        Lexicon {
            negations: vec!["无需到窗口".into(), "无需".into(), "不用跑".into()],
            alternatives: vec!["也可".into(), "、网上".into()],
            entries: vec![
                entry(Outcome::Maintenance, &["系统正在维护", "System Maintenance"]),
                entry(Outcome::Broken, &["HTTP 404"]),
                entry(Outcome::MustGoToWindow, &["请到窗口办理", "到窗口", "窗口办理"]),
                entry(Outcome::LoginWall, &["请先登录"]),
                entry(Outcome::AppOnly, &["使用…APP办理"]),
            ],
        }
    }

    #[test]
    fn phrases_are_found_as_a_citizen_reads_them() {
        let cases = [
            ("a plain phrase", "本事项请到窗口办理。", Some((Outcome::MustGoToWindow, "请到窗口办理"))),
            (
                "the stronger entry wins, wherever it stands",
                "窗口办理；系统正在维护",
                Some((Outcome::Maintenance, "系统正在维护")),
            ),
            (
                "case and line breaks do not matter",
                "SYSTEM\n  maintenance",
                Some((Outcome::Maintenance, "System Maintenance")),
            ),
            (
                "full-width letters and digits equal narrow ones",
                "ＨＴＴＰ　４０４",
                Some((Outcome::Broken, "HTTP 404")),
            ),
            (
                "letters without width do not hide a word",
                "请先\u{200B}登录",
                Some((Outcome::LoginWall, "请先登录")),
            ),
            ("a number is a whole number", "http 4041", None),
            ("a negation takes the phrase back", "全程网办，无需到窗口办理", None),
            (
                "a negation takes back only what it covers",
                "无需到窗口取号，但须窗口办理",
                Some((Outcome::MustGoToWindow, "窗口办理")),
            ),
            ("the longest negation is struck first", "无需到窗口", None),
            ("struck text does not join its neighbours", "请先无需登录", None),
            ("nothing is found in nothing", "", None),
            (
                "a gap stands for a name",
                "请使用“浣纱通”APP办理年报",
                Some((Outcome::AppOnly, "使用…APP办理")),
            ),
            ("a gap ends with its sentence", "请使用新密码。APP办理更方便", None),
            (
                "a gap is not wide",
                "请使用本市统一规划建设并向全体市民和企业开放的新一代政务服务平台的APP办理",
                None,
            ),
        ];
        for (name, text, want) in cases {
            let got = find(&lexicon(), text, PhrasePlace::Page);
            let got = got.as_ref().map(|(outcome, fact)| (*outcome, fact.phrase.as_str()));
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn what_only_names_a_way_counts_where_none_is_offered_online() {
        let mut lexicon = lexicon();
        let entry = |outcome, unless_offered, phrase: &str| LexiconEntry {
            outcome,
            unless_offered,
            phrases: vec![phrase.into()],
        };
        lexicon.entries.push(entry(Outcome::MustGoToWindow, true, "窗口领取"));
        lexicon.entries.push(entry(Outcome::OnlineReady, false, "网上申请"));
        let found = |text| find(&lexicon, text, PhrasePlace::Page).map(|(outcome, _)| outcome);
        assert_eq!(found("办理结果：窗口领取"), Some(Outcome::MustGoToWindow));
        assert_eq!(found("办理结果：窗口领取\n网上申请"), Some(Outcome::MustGoToWindow), "a button");
        assert_eq!(found("办理结果：窗口领取\n办理方式：网上申请"), Some(Outcome::OnlineReady));
    }

    #[test]
    fn the_context_is_eighty_characters_around_the_phrase() {
        let text = format!("{}请先登录{}", "前".repeat(200), "后".repeat(200));
        let (_, fact) = find(&lexicon(), &text, PhrasePlace::Page).unwrap();
        assert_eq!(fact.context.chars().count(), CONTEXT);
        assert_eq!(fact.context.chars().filter(|c| *c == '前').count(), 38);
        let (_, fact) = find(&lexicon(), "抱歉，\n请先登录", PhrasePlace::Dialog).unwrap();
        assert_eq!((fact.context.as_str(), fact.place), ("抱歉， 请先登录", PhrasePlace::Dialog));
        let (_, fact) =
            find(&lexicon(), &format!("请先登录{}", "后".repeat(200)), PhrasePlace::Page).unwrap();
        assert!(fact.context.starts_with("请先登录后") && fact.context.chars().count() == CONTEXT);
    }
}
