//! Names of elements and attributes, found again after they were written to a file.

use super::tag::{Attribute, Tag};

/// The name in the form that [`Link`](super::Link) has it; `other` for one that no link has.
pub fn known_name(name: &str) -> &'static str {
    const FURTHER: [&str; 5] = ["", "css", "loc", "url", "@import"];
    if let Some(known) = FURTHER.into_iter().find(|known| *known == name) {
        return known;
    }
    match Tag::of(name.as_bytes()) {
        Tag::Other => Attribute::of(name.as_bytes()).name(),
        tag => tag.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        for name in
            ["a", "href", "img", "srcset", "onclick", "css", "url", "@import", "loc", "", "style", "form"]
        {
            assert_eq!(known_name(name), name);
        }
        assert_eq!(known_name("x-app"), "other");
    }
}
