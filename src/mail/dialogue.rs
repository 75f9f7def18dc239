//! The conversation with the other side, written down for `shopper mail test`.
//!
//! Invariant: no password and nothing that a password could be read from stands in it.

use std::sync::{Mutex, PoisonError};

use super::clean;

/// No more lines are kept: a server may talk without end.
const MOST: usize = 200;

/// What was said, line by line: ours begin with `> `, the server's with `< `, and what happened
/// besides with `* `.
#[derive(Debug, Default)]
pub struct Dialogue {
    lines: Mutex<Vec<String>>,
}

impl Dialogue {
    /// What was said until now.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A line of a conversation that was led elsewhere, with its mark.
    pub fn told(&self, line: &str) {
        match line.split_once(' ') {
            Some(("<", line)) => self.theirs(line),
            Some((">", line)) => self.ours(line),
            Some(("*", rest)) => self.note(rest),
            _ => self.note(line),
        }
    }

    pub(super) fn ours(&self, line: &str) {
        self.add('>', line);
    }

    pub(super) fn theirs(&self, line: &str) {
        self.add('<', line);
    }

    pub(super) fn note(&self, line: &str) {
        self.add('*', line);
    }

    fn add(&self, mark: char, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MOST {
            lines.push(format!("{mark} {}", clean::line(line, 500)));
        }
    }
}
