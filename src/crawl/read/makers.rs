//! Whether a script may make places in its page, so that a missing one proves nothing.
//!
//! Invariant: in doubt it may. Only code that has none of the ways to give an element an id, or to
//! make elements, is taken for harmless.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What code that makes elements or ids is written with, white space left out where it may stand.
const SIGNS: [&str; 22] = [
    ".id=",
    ".id =",
    "['id']",
    "[\"id\"]",
    "id=\"",
    "id='",
    "id=\\",
    "setAttribute",
    ".attr(",
    "innerHTML",
    "outerHTML",
    "insertAdjacent",
    ".html(",
    "append",
    "prepend",
    "createElement",
    "createContextual",
    "cloneNode",
    "document.write",
    "import(",
    "eval(",
    "atob(",
];

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SIGNS).ok());

/// Whether `script` may make elements or give them names.
pub fn may_make_places(script: &[u8]) -> bool {
    AUTOMATON.as_ref().is_none_or(|automaton| automaton.is_match(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_without_any_way_to_make_places_is_harmless() {
        let cases = [
            ("", false),
            ("var _hmt = _hmt || []; console.log(1)", false),
            ("document.querySelector('.tab').className = 'on'", false),
            ("el.id='a'", true),
            ("el.id = name", true),
            ("e.setAttribute('id', x)", true),
            ("$('#x').attr('id', 'y')", true),
            ("box.innerHTML = '<p>'", true),
            ("document.write('<a name=x>')", true),
            ("t='<div id=\"x\">'", true),
            ("document.createElement('a')", true),
            ("eval(function(p,a,c){})", true),
        ];
        for (script, want) in cases {
            assert_eq!(may_make_places(script.as_bytes()), want, "{script}");
        }
    }
}
