//! Words for people: lists of names, and the name that was probably meant.

/// ``did you mean `click`?``, when one of `known` is close to `word`.
pub(super) fn suggest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    closest(word, known).map(|best| format!("did you mean `{best}`?"))
}

/// The known word that is closest to `word`, if it is close at all.
pub(super) fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A Chinese character says as much as several letters.
    let limit = match (word.is_ascii(), word.chars().count()) {
        (true, 0..=2) | (false, 3..=4) => 1,
        (true, 3..=5) | (false, 5..) => 2,
        (true, _) => 3,
        (false, _) => 0,
    };
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A suggestion, or the list of what is known.
pub(super) fn suggest_or_list(word: &str, known: &[&str], noun: &str) -> Option<String> {
    if known.is_empty() {
        return None;
    }
    suggest(word, known.iter().copied()).or_else(|| Some(format!("known {noun}: {}", listed(known))))
}

/// `` `a`, `b` or `c` ``.
pub(super) fn quoted(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [most @ .., last] if !most.is_empty() => {
            let most: Vec<_> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}`", most.join(", "))
        }
        other => quoted(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_offered_only_when_it_is_close() {
        let verbs = ["goto", "click", "fill", "choose"];
        assert_eq!(closest("clik", verbs), Some("click"));
        assert_eq!(closest("Click", verbs), Some("click"));
        assert_eq!(closest("fil", verbs), Some("fill"));
        assert_eq!(closest("sleep", verbs), None);
        assert_eq!(closest("西北", ["西南"]), None, "half of a name is another name");
        assert_eq!(closest("示范市政务网", ["示范市政务服务网"]), Some("示范市政务服务网"));
        assert_eq!(closest(&"x".repeat(1 << 20), verbs), None);
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(quoted(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listed(&["a"]), "`a`");
    }
}
