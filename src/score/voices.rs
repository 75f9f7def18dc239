//! Words of citizens' posts: how often which word is written, and what it says of the portal.
//!
//! Chinese is written without blanks, so a dictionary cuts it (`jieba-rs`, whose dictionary is unpacked
//! when it is first wanted, and let go afterwards).
//!
//! Invariant: the words of the lexicon are words whatever the dictionary says, and the same posts give the same
//! list.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jieba_rs::Jieba;

use super::analysis::WordCount;
use crate::domain::voice::{Post, VoiceWords};
use crate::plan::voices::built_in;

/// A frequency that no cut of the same characters beats.
const CERTAIN: usize = 10_000_000;

/// Counts words by the built-in lists.
pub fn words(posts: &[Post]) -> Vec<WordCount> {
    words_by(posts, &built_in())
}

/// Counts the words of posts, most frequent first; of equally frequent ones those first that stand in more posts.
/// Case does not count. Single characters and numbers are no words, unless the lists name them.
pub fn words_by(posts: &[Post], lists: &VoiceWords) -> Vec<WordCount> {
    if posts.is_empty() {
        return Vec::new();
    }
    let mut jieba = Jieba::new();
    let tones: HashMap<&str, i8> = (lists.complaints.iter().map(|word| (word.as_str(), -1)))
        .chain(lists.praise.iter().map(|word| (word.as_str(), 1)))
        .collect();
    for word in tones.keys() {
        jieba.add_word(word, Some(CERTAIN), None);
    }
    let ignored: HashSet<&str> = lists.ignored.iter().map(String::as_str).collect();
    let turns: HashSet<&str> = lists.negations.iter().map(String::as_str).collect();
    let mut counts: BTreeMap<String, (u64, u64, i8)> = BTreeMap::new();
    for post in posts {
        let text = post.text.to_lowercase();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut before = "";
        for word in jieba.cut(&text, true).into_iter().map(|token| token.word) {
            let blank = word.trim().is_empty();
            let tone = tones.get(word).copied();
            let counted = match tone {
                // 不方便: the opposite, and a word of its own.
                Some(tone) if turns.contains(before) => {
                    let gap = if word.is_ascii() { " " } else { "" };
                    Some((format!("{before}{gap}{word}"), -tone))
                }
                Some(tone) => Some((word.to_owned(), tone)),
                None => (is_word(word) && !ignored.contains(word)).then(|| (word.to_owned(), 0)),
            };
            if let Some((word, tone)) = counted {
                let fresh = u64::from(seen.insert(word.clone()));
                let entry = counts.entry(word).or_insert((0, 0, tone));
                entry.0 += 1;
                entry.1 += fresh;
            }
            if !blank {
                before = word;
            }
        }
    }
    let mut words: Vec<WordCount> = counts
        .into_iter()
        .map(|(word, (count, posts, tone))| WordCount { word, count, posts, tone })
        .collect();
    // Stable: words of one frequency stay in the order of their characters.
    words.sort_by_key(|word| std::cmp::Reverse((word.count, word.posts)));
    words
}

/// Whether a piece of text is a word: letters, two at least, and no number.
fn is_word(text: &str) -> bool {
    text.chars().nth(1).is_some() && text.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(text: &str) -> Post {
        Post::new("a".into(), jiff::Timestamp::UNIX_EPOCH, text, "")
    }

    #[test]
    fn words_are_counted_with_their_tone() {
        let posts = [
            post("APP一打开就崩溃，崩溃了三次，12345也没人接。请加我微信 13800138000"),
            post("界面很卡顿，但是办理营业执照很方便。"),
            post("网站无法打开！！！营业执照办不了"),
            post("这次不卡顿，不过登录不方便 The app is NOT helpful, app crash"),
        ];
        let words = words(&posts);
        let found = |word: &str| {
            let one = words.iter().find(|one| one.word == word);
            one.map(|one| (one.count, one.posts, one.tone))
        };
        assert_eq!(found("崩溃"), Some((2, 1, -1)));
        assert_eq!(found("营业执照"), Some((2, 2, 0)));
        assert_eq!(found("无法打开"), Some((1, 1, -1)), "one word, although a dictionary knows two");
        assert_eq!(found("没人接"), Some((1, 1, -1)));
        assert_eq!(found("卡顿"), Some((1, 1, -1)));
        assert_eq!(found("不卡顿"), Some((1, 1, 1)));
        assert_eq!(found("方便"), Some((1, 1, 1)));
        assert_eq!(found("不方便"), Some((1, 1, -1)));
        assert_eq!(found("app"), Some((3, 2, 0)), "case does not count");
        assert_eq!(found("not helpful"), Some((1, 1, -1)));
        for nothing in ["但是", "13800138000", "12345", "the", "三", "，", "█"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
        assert!(words.windows(2).all(|pair| pair[0].count >= pair[1].count));
        assert_eq!(words_by(&[], &VoiceWords::default()), []);
    }
}
