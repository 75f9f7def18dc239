//! Words while they come in pieces, and positions while the source goes by.
//!
//! Invariant: only the beginning of a text is kept, white space folded, control characters left out;
//! every byte is counted once.

/// Text whose white space is folded while it grows, up to a number of characters.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    left: usize,
    gap: bool,
}

impl Folded {
    /// Nothing yet, and at most `limit` characters.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), left: limit, gap: false }
    }

    /// A boundary between words.
    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Whether nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// More text.
    pub(super) fn push(&mut self, piece: &str) {
        for c in piece.chars() {
            if self.left == 0 {
                return;
            }
            if c.is_whitespace() {
                self.gap = true;
                continue;
            }
            // Nobody sees them, and a terminal or a log might obey them.
            if c.is_control() {
                continue;
            }
            if self.gap && !self.text.is_empty() {
                self.text.push(' ');
                self.left -= 1;
                if self.left == 0 {
                    return;
                }
            }
            self.gap = false;
            self.text.push(c);
            self.left -= 1;
        }
    }

    /// What was kept.
    pub(super) fn take(mut self) -> String {
        let length = self.text.trim_end().len();
        self.text.truncate(length);
        self.text.shrink_to_fit();
        self.text
    }
}

/// The position of an element, found by going on from the one before.
#[derive(Debug)]
pub(super) struct Cursor {
    at: usize,
    line: u32,
    column: u32,
}

impl Cursor {
    /// At the start of the source.
    pub(super) fn new() -> Self {
        Self { at: 0, line: 1, column: 1 }
    }

    /// Line and column, in characters from 1, of byte `at` of `source`. Positions are asked for in
    /// the order of the source.
    pub(super) fn reach(&mut self, source: &str, at: usize) -> (u32, u32) {
        let passed = source.as_bytes().get(self.at..at).unwrap_or_default();
        let lines = count(passed, |byte| byte == b'\n');
        let mut last = passed;
        if lines > 0 {
            self.line = self.line.saturating_add(lines);
            self.column = 1;
            let start = passed.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
            last = &passed[start..];
        }
        // The first byte of each character.
        self.column = self.column.saturating_add(count(last, |byte| byte & 0xC0 != 0x80));
        self.at = self.at.max(at);
        (self.line, self.column)
    }
}

/// How many bytes count. In blocks whose sum fits a byte, as processors add 32 of those at once.
fn count(bytes: &[u8], counts: impl Fn(u8) -> bool) -> u32 {
    let block = |block: &[u8]| u32::from(block.iter().fold(0_u8, |sum, &byte| sum + u8::from(counts(byte))));
    bytes.chunks(255).map(block).fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_and_the_rest_cut() {
        let fold = |limit, pieces: &[&str]| {
            let mut folded = Folded::new(limit);
            for piece in pieces {
                folded.push(piece);
            }
            folded.take()
        };
        assert_eq!(fold(9, &[" 市\u{1b}政 ", "\n 服务", "网"]), "市政 服务网");
        assert_eq!(fold(3, &["市政 服务网"]), "市政");
        assert_eq!(fold(0, &["市政"]), "");
    }

    #[test]
    fn positions_count_characters() {
        let source = "办事\r\n<p>指南<a>\n\n<b>";
        let mut cursor = Cursor::new();
        for (mark, want) in [("<p", (2, 1)), ("<a", (2, 6)), ("<b", (4, 1)), ("<b", (4, 1))] {
            assert_eq!(cursor.reach(source, source.find(mark).unwrap()), want, "{mark}");
        }
    }
}
