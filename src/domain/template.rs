//! Texts with variables: `"{entry}search?q={query}"`.

use std::collections::BTreeMap;

/// Values of variables by name.
pub type Vars = BTreeMap<String, String>;

/// A text with `{name}` places; `{{` and `}}` stand for the braces themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Literal(String),
    Var(String),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{` without its `}`; the byte offset of the `{`.
    #[error("`{{` is never closed")]
    Unclosed(usize),
    /// A lone `}`; its byte offset.
    #[error("`}}` closes nothing")]
    Unopened(usize),
    /// What stands between the braces is not a name; the byte offset of the `{` and the text.
    #[error("`{1}` is not a variable name")]
    BadName(usize, String),
}

/// A variable that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("variable `{{{0}}}` has no value")]
pub struct MissingVar(pub String);

impl Template {
    /// A template without variables, `text` taken as it is.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Literal(text.into())] }
    }

    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            match c {
                '{' if rest.next_if(|(_, c)| *c == '{').is_some() => literal.push('{'),
                '}' if rest.next_if(|(_, c)| *c == '}').is_some() => literal.push('}'),
                '}' => return Err(TemplateError::Unopened(at)),
                '{' => {
                    let Some(end) = text[at..].find('}') else {
                        return Err(TemplateError::Unclosed(at));
                    };
                    let name = &text[at + 1..at + end];
                    if !is_name(name) {
                        return Err(TemplateError::BadName(at, name.to_owned()));
                    }
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Var(name.to_owned()));
                    while rest.next_if(|(i, _)| *i <= at + end).is_some() {}
                }
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// The variables it needs, in order of appearance.
    pub fn vars(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Var(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Whether a variable stands at the start.
    pub fn opens_with_variable(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Var(_)))
    }

    /// Puts the values in.
    pub fn render(&self, vars: &Vars) -> Result<String, MissingVar> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Var(name) => {
                    text.push_str(vars.get(name).ok_or_else(|| MissingVar(name.clone()))?);
                }
            }
        }
        Ok(text)
    }

    /// The same template with every value put in, so that [`Template::text`] is what is meant.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        self.render(vars).map(Self::literal)
    }

    /// Replaces variables by other templates (the parameters of a fragment); variables that
    /// `with` does not name stay.
    #[must_use]
    pub fn substitute(&self, with: &BTreeMap<String, Self>) -> Self {
        let mut parts = Vec::new();
        for part in &self.parts {
            match part {
                Part::Var(name) if with.contains_key(name) => {
                    parts.extend(with[name].parts.iter().cloned());
                }
                other => parts.push(other.clone()),
            }
        }
        Self { parts }
    }

    /// The text as written, unresolved variables in braces: for resolved templates and for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Var(name) => {
                    text.push('{');
                    text.push_str(name);
                    text.push('}');
                }
            }
        }
        text
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// Whether `text` can name a variable: an ASCII letter or `_`, then letters, digits and `_`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_read_render_and_refuse() {
        let vars = Vars::from([("q".to_owned(), "药品".to_owned())]);
        let cases = [
            ("plain", Ok("plain")),
            ("找{q}吧", Ok("找药品吧")),
            ("{{q}} is {q}", Ok("{q} is 药品")),
            ("{q}{q}", Ok("药品药品")),
        ];
        for (source, want) in cases {
            let got = Template::parse(source).unwrap().render(&vars);
            assert_eq!(got.as_deref(), want.as_ref().map(|s| *s), "{source}");
        }
        assert_eq!(Template::parse("a{q"), Err(TemplateError::Unclosed(1)));
        assert_eq!(Template::parse("a}b"), Err(TemplateError::Unopened(1)));
        assert_eq!(Template::parse("{1x}"), Err(TemplateError::BadName(0, "1x".into())));
        assert_eq!(Template::parse("{x}").unwrap().render(&vars), Err(MissingVar("x".to_owned())));
    }
}
