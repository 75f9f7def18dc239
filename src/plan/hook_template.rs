//! A webhook's own template: a JSON text with `{{names}}` in its strings.
//!
//! Invariant: what is filled in stands inside a JSON string, escaped, so that no text of a portal
//! can change what the JSON is. A template that is not JSON, or asks for what there is not, is not
//! read at all.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::words::suggest_or_list;

/// What a template can ask for.
pub const NAMES: [&str; 24] = [
    "title",
    "text",
    "kind",
    "concern",
    "severity",
    "incident",
    "message_id",
    "created_at",
    "since",
    "resolved_at",
    "target",
    "target_name",
    "region",
    "entry",
    "probe",
    "probe_title",
    "step",
    "outcome",
    "url",
    "status",
    "error",
    "acknowledge",
    "command",
    "vantage",
];

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookText {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Text(String),
    /// What this name stands for.
    Name(&'static str),
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateFault {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What, as a sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl HookText {
    /// Reads a template.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateFault>> {
        let mut faults = Vec::new();
        let mut json = serde_json::Deserializer::from_str(text);
        // Names stand inside strings, so the template is JSON as it is.
        let read = IgnoredAny::deserialize(&mut json).and_then(|_| json.end());
        if let Err(error) = read {
            let at = offset(text, error.line(), error.column());
            let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            let outside = text[at..].starts_with("{{") || text[..at].ends_with('{');
            let hint = if outside && text.contains("{{") {
                "a {{name}} stands inside quotes: \"{{title}}\"".to_owned()
            } else {
                "write the JSON that the other side wants, with {{names}} inside its texts".to_owned()
            };
            let message = format!("the template is not JSON: {}", bare(&error));
            faults.push(TemplateFault { span: at..end, message, hint: Some(hint) });
        }
        let mut parts = Vec::new();
        let mut done = 0;
        while let Some(open) = text[done..].find("{{").map(|at| done + at) {
            let Some(close) = text[open..].find("}}").map(|at| open + at) else {
                break;
            };
            let name = text[open + 2..close].trim();
            parts.push(Part::Text(text[done..open].to_owned()));
            match NAMES.iter().find(|known| **known == name) {
                Some(known) => parts.push(Part::Name(known)),
                // Braces of the JSON itself, such as `{"a":{"b":1}}` never open like this in a string.
                None => faults.push(TemplateFault {
                    span: open..close + 2,
                    message: format!("a notice has no `{name}`"),
                    hint: suggest_or_list(name, &NAMES, "names"),
                }),
            }
            done = close + 2;
        }
        parts.push(Part::Text(text[done..].to_owned()));
        if faults.is_empty() { Ok(Self { parts }) } else { Err(faults) }
    }

    /// The JSON, with what the names stand for. What there is not becomes nothing.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Name(name) => {
                    let quoted = serde_json::Value::String(value(name).unwrap_or_default()).to_string();
                    filled.push_str(&quoted[1..quoted.len() - 1]);
                }
            }
        }
        filled
    }
}

/// The byte at a line and a column, both counted from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What serde_json says, without the place: that is told by us.
fn bare(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_cannot_leave_its_string() {
        let text = r#"{"text": "{{title}}: {{ step }}", "n": [1, {"a": {"b": 2}}]}"#;
        let template = HookText::parse(text).unwrap();
        let hostile = "\"}],\"x\":\"\u{1b}\\\r\n{{title}}";
        let filled = template.fill(|name| (name == "title").then(|| hostile.to_owned()));
        let json: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(json["text"], format!("{hostile}: "));
        assert_eq!(json["n"][1]["a"]["b"], 2);
        assert_eq!(json.as_object().unwrap().len(), 2);
    }

    #[test]
    fn faults_have_their_place() {
        let at = |text: &str| {
            let faults = HookText::parse(text).unwrap_err();
            faults.into_iter().map(|fault| (text[fault.span].to_owned(), fault.message)).collect::<Vec<_>>()
        };
        assert_eq!(
            at("{\"a\": \"{{titel}}\", \"b\": \"{{steps}}\"}"),
            [
                ("{{titel}}".to_owned(), "a notice has no `titel`".to_owned()),
                ("{{steps}}".to_owned(), "a notice has no `steps`".to_owned())
            ]
        );
        let outside = HookText::parse("{\n  \"a\": {{title}}\n}").unwrap_err();
        assert!(outside[0].hint.as_ref().unwrap().contains("inside quotes"), "{outside:?}");
        assert_eq!(at("nonsense").len(), 1);
        assert_eq!(at("").len(), 1);
        assert_eq!(at("{} {}").len(), 1);
    }
}
