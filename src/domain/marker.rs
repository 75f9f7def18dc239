//! The usable marker: what has to be in a page for a citizen to be able to use it.

/// A marker, as it is written in a configuration or on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker<'a> {
    /// A text that can be read on the page or in its title.
    Text(&'a str),
    /// A CSS selector that finds at least one element.
    Css(&'a str),
}

impl<'a> Marker<'a> {
    /// Reads `css=SELECTOR`, or else a text; `None` when there is nothing to look for.
    pub fn parse(written: &'a str) -> Option<Self> {
        let written = written.trim();
        let marker = match written.strip_prefix("css=") {
            Some(selector) => Self::Css(selector.trim()),
            None => Self::Text(written),
        };
        match marker {
            Self::Text("") | Self::Css("") => None,
            marker => Some(marker),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_a_text_or_a_selector() {
        let cases = [
            ("办事指南", Some(Marker::Text("办事指南"))),
            (" css= #search input ", Some(Marker::Css("#search input"))),
            ("a css=b", Some(Marker::Text("a css=b"))),
            ("css=", None),
            ("  ", None),
        ];
        for (written, want) in cases {
            assert_eq!(Marker::parse(written), want, "{written}");
        }
    }
}
