//! Locators: how a step says which element it means, as Playwright's users know them.

use std::collections::BTreeMap;

use super::template::{MissingVar, Template, Vars};

/// A list of alternatives; the first that fits the page is meant, so that one scenario can serve
/// many portals. More than one element for the alternative that fits is an error.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locator {
    /// At least one alternative, in the order in which they are tried.
    pub alternatives: Vec<Chain>,
}

/// Links joined by `>>`: each is searched inside what the one before it found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// At least one link.
    pub links: Vec<Link>,
    /// The text as the author wrote it, for messages.
    pub source: Template,
}

/// One part of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Link {
    /// `role=button[name='…'][checked=true]`
    Role {
        /// An ARIA role.
        role: String,
        /// The accessible name, if it matters.
        name: Option<TextMatch>,
        /// ARIA states by name: `checked`, `disabled`, `expanded`, `pressed`, `selected`, `level`.
        states: BTreeMap<String, String>,
    },
    /// `text=…`
    Text(TextMatch),
    /// `label=…`: the control that carries this label.
    Label(TextMatch),
    /// `placeholder=…`
    Placeholder(TextMatch),
    /// `alt=…`
    Alt(TextMatch),
    /// `title=…`
    Title(TextMatch),
    /// `testid=…`: the attribute `data-testid`.
    TestId(Template),
    /// `css=…`
    Css(Template),
    /// `xpath=…`
    XPath(Template),
    /// `nth=0` is the first, `nth=-1` the last of what was found so far.
    Nth(i32),
}

/// How a text is compared. White space is folded first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextMatch {
    /// The comparison.
    pub op: MatchOp,
    /// What to compare with.
    pub value: Template,
}

/// The comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// The whole text, case counts: `="…"`, `[name='…']`.
    Exact,
    /// Somewhere in the text, case ignored: `text=…`, `[name*='…']`.
    Contains,
    /// At the start: `[name^='…']`.
    Prefix,
    /// At the end: `[name$='…']`.
    Suffix,
    /// A regular expression: `/…/`.
    Regex,
}

impl Locator {
    /// The same locator with every value put in.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        self.try_map(&|template| template.resolve(vars))
    }

    /// The same locator with a fragment's parameters put in.
    #[must_use]
    pub fn substitute(&self, with: &BTreeMap<String, Template>) -> Self {
        let done: Result<Self, std::convert::Infallible> =
            self.try_map(&|template| Ok(template.substitute(with)));
        match done {
            Ok(locator) => locator,
        }
    }

    /// Every template inside, for checking variables.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.alternatives.iter().flat_map(|chain| chain.links.iter()).filter_map(|link| match link {
            Link::Role { name, .. } => name.as_ref().map(|name| &name.value),
            Link::Text(m) | Link::Label(m) | Link::Placeholder(m) | Link::Alt(m) | Link::Title(m) => {
                Some(&m.value)
            }
            Link::TestId(t) | Link::Css(t) | Link::XPath(t) => Some(t),
            Link::Nth(_) => None,
        })
    }

    fn try_map<E>(&self, map: &impl Fn(&Template) -> Result<Template, E>) -> Result<Self, E> {
        let text = |m: &TextMatch| Ok(TextMatch { op: m.op, value: map(&m.value)? });
        let link = |link: &Link| {
            Ok(match link {
                Link::Role { role, name, states } => Link::Role {
                    role: role.clone(),
                    name: name.as_ref().map(&text).transpose()?,
                    states: states.clone(),
                },
                Link::Text(m) => Link::Text(text(m)?),
                Link::Label(m) => Link::Label(text(m)?),
                Link::Placeholder(m) => Link::Placeholder(text(m)?),
                Link::Alt(m) => Link::Alt(text(m)?),
                Link::Title(m) => Link::Title(text(m)?),
                Link::TestId(t) => Link::TestId(map(t)?),
                Link::Css(t) => Link::Css(map(t)?),
                Link::XPath(t) => Link::XPath(map(t)?),
                Link::Nth(n) => Link::Nth(*n),
            })
        };
        let chain = |chain: &Chain| {
            let links = chain.links.iter().map(&link).collect::<Result<_, E>>()?;
            Ok(Chain { links, source: map(&chain.source)? })
        };
        let alternatives = self.alternatives.iter().map(chain).collect::<Result<_, E>>()?;
        Ok(Self { alternatives })
    }
}

impl std::fmt::Display for Locator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, chain) in self.alternatives.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{}", chain.source)?;
        }
        Ok(())
    }
}
