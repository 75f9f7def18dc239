//! Putting values into actions, checks and signs: `{query}` becomes what it stands for.

use super::locator::{Locator, TextMatch};
use super::scenario::{Check, DialogAnswer, PageChoice, Sign, Verb};
use super::template::{MissingVar, Vars};

impl TextMatch {
    /// The same comparison with every value put in.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        Ok(Self { op: self.op, value: self.value.resolve(vars)? })
    }
}

fn optional(at: Option<&Locator>, vars: &Vars) -> Result<Option<Locator>, MissingVar> {
    at.map(|at| at.resolve(vars)).transpose()
}

impl Verb {
    /// The same verb with every value put in.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        Ok(match self {
            Self::Goto(address) => Self::Goto(address.resolve(vars)?),
            Self::Click(at) => Self::Click(at.resolve(vars)?),
            Self::Fill { field, with } => {
                Self::Fill { field: field.resolve(vars)?, with: with.resolve(vars)? }
            }
            Self::Type { field, with } => {
                Self::Type { field: field.resolve(vars)?, with: with.resolve(vars)? }
            }
            Self::Choose { list, option } => {
                Self::Choose { list: list.resolve(vars)?, option: option.resolve(vars)? }
            }
            Self::Tick(at) => Self::Tick(at.resolve(vars)?),
            Self::Untick(at) => Self::Untick(at.resolve(vars)?),
            Self::Press(key) => Self::Press(key.clone()),
            Self::Hover(at) => Self::Hover(at.resolve(vars)?),
            Self::Scroll(at) => Self::Scroll(at.resolve(vars)?),
            Self::Upload { field, file } => Self::Upload { field: field.resolve(vars)?, file: file.clone() },
            Self::Download { link, expect } => {
                Self::Download { link: link.resolve(vars)?, expect: expect.clone() }
            }
            Self::Frame(at) => Self::Frame(optional(at.as_ref(), vars)?),
            Self::Page(PageChoice::Matching(text)) => Self::Page(PageChoice::Matching(text.resolve(vars)?)),
            Self::Page(choice) => Self::Page(choice.clone()),
            Self::Dialog(DialogAnswer::Accept(Some(text))) => {
                Self::Dialog(DialogAnswer::Accept(Some(text.resolve(vars)?)))
            }
            Self::Dialog(answer) => Self::Dialog(answer.clone()),
            Self::Wait(check) => Self::Wait(check.resolve(vars)?),
            Self::Read { from, into, attribute } => {
                Self::Read { from: from.resolve(vars)?, into: into.clone(), attribute: attribute.clone() }
            }
            Self::Shot(name) => Self::Shot(name.clone()),
        })
    }
}

impl Check {
    /// The same check with every value put in.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        Ok(match self {
            Self::Visible(at) => Self::Visible(at.resolve(vars)?),
            Self::Hidden(at) => Self::Hidden(at.resolve(vars)?),
            Self::Text { text, inside } => {
                Self::Text { text: text.resolve(vars)?, inside: optional(inside.as_ref(), vars)? }
            }
            Self::NoText { text, inside } => {
                Self::NoText { text: text.resolve(vars)?, inside: optional(inside.as_ref(), vars)? }
            }
            Self::Title(text) => Self::Title(text.resolve(vars)?),
            Self::Url(text) => Self::Url(text.resolve(vars)?),
            Self::Status(statuses) => Self::Status(statuses.clone()),
            Self::Count { of, count } => Self::Count { of: of.resolve(vars)?, count: *count },
            Self::Value { of, value } => Self::Value { of: of.resolve(vars)?, value: value.resolve(vars)? },
            Self::Enabled(at) => Self::Enabled(at.resolve(vars)?),
            Self::Downloaded(expect) => Self::Downloaded(expect.clone()),
            Self::NoConsoleError => Self::NoConsoleError,
        })
    }
}

impl Sign {
    /// The same sign with every value put in.
    pub fn resolve(&self, vars: &Vars) -> Result<Self, MissingVar> {
        Ok(match self {
            Self::Text(text) => Self::Text(text.resolve(vars)?),
            Self::Visible(at) => Self::Visible(at.resolve(vars)?),
            Self::Url(text) => Self::Url(text.resolve(vars)?),
            Self::Title(text) => Self::Title(text.resolve(vars)?),
        })
    }
}
