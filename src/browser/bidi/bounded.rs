//! Texts and lists of a peer that may be hostile: cut while they are read, so that what is thrown
//! away is never kept in memory.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A text of at most `MOST` characters; the rest of a longer one is dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Cut<const MOST: usize>(String);

impl<const MOST: usize> Cut<MOST> {
    fn of(text: &str) -> Self {
        // Bytes bound characters, so that most texts are not counted.
        let end = if text.len() <= MOST { None } else { text.char_indices().nth(MOST).map(|(at, _)| at) };
        Self(text[..end.unwrap_or(text.len())].to_owned())
    }

    /// The text itself.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<const MOST: usize> Deref for Cut<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> From<&str> for Cut<MOST> {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Cut<MOST> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Texts<const MOST: usize>;
        impl<const MOST: usize> Visitor<'_> for Texts<MOST> {
            type Value = Cut<MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Cut<MOST>, E> {
                Ok(Cut::of(text))
            }

            // What is empty may also be null.
            fn visit_unit<E>(self) -> Result<Cut<MOST>, E> {
                Ok(Cut::default())
            }
        }
        input.deserialize_any(Texts)
    }
}

/// A list of at most `MOST` entries; further ones are read past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MOST: usize> FromIterator<T> for Few<T, MOST> {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self(list.into_iter().take(MOST).collect())
    }
}

impl<T, const MOST: usize> Deref for Few<T, MOST> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Lists<T, const MOST: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Lists<T, MOST> {
            type Value = Few<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T, MOST>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MOST {
                    match list.next_element()? {
                        Some(entry) => kept.push(entry),
                        None => return Ok(Few(kept)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Few(kept))
            }
        }
        input.deserialize_seq(Lists(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_lists_are_cut_while_they_are_read() {
        let text: Cut<3> = serde_json::from_str("\"办事指南与流程\"").unwrap();
        assert_eq!(&*text, "办事指");
        assert_eq!(&*serde_json::from_str::<Cut<3>>("null").unwrap(), "");
        let list: Few<u8, 2> = serde_json::from_str("[1, 2, 3, 4]").unwrap();
        assert_eq!(&*list, [1, 2]);
        assert!(serde_json::from_str::<Few<u8, 2>>("[1, 2, \"x\"]").is_ok(), "what is dropped is not read");
    }
}
