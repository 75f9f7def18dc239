//! What a journey types, and what its author calls secret: known before anything of it can be seen.

use crate::domain::scenario::{DialogAnswer, Stage, Step, Verb};

use super::Walker;

impl Walker<'_> {
    /// What is typed outside a search is nobody's business from now on.
    pub(super) fn note_typed(&mut self, step: &Step, verb: &Verb) {
        let value = match verb {
            Verb::Fill { with, .. } | Verb::Type { with, .. } => with.text(),
            Verb::Dialog(DialogAnswer::Accept(Some(text))) => text.text(),
            _ => return,
        };
        match step.stage {
            Stage::Find => self.journey.publish(&value),
            _ => self.journey.hide(&value),
        }
    }

    /// Masks what the author named as secret; a variable in it may just have got its value.
    pub(super) fn hide_secrets(&mut self) {
        for secret in &self.secrets {
            if let Ok(text) = secret.render(&self.vars) {
                self.journey.hide_secret(&text);
            }
        }
    }
}
