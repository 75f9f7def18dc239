//! Addresses in the code of handlers: `onclick="location.href='/x.html'"`.
//!
//! Not an interpreter: an address counts only when it stands there whole, as one string that is
//! assigned to `location` or handed to `open`, `replace` or `assign`. What is put together from
//! pieces (`'/x?id=' + id`), what another function is called with, and code that asks first
//! (`confirm`) is left alone.
//!
//! Invariant: linear in the code; a wrong guess is worse than a missed link.

use std::iter::Peekable;
use std::str::CharIndices;

/// The most addresses that are taken from one piece of code.
const MAX_FOUND: usize = 16;

/// The addresses that running `code` may lead to.
pub(super) fn addresses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !(code.contains("location") || code.contains("open")) || code.contains("confirm(") {
        return found;
    }
    let mut lexer = Lexer { code, chars: code.char_indices().peekable(), newline: false };
    // The path of names that was just read, such as `window.location`.
    let mut path: Vec<&str> = Vec::new();
    let mut declared = false;
    // Whether the next name belongs to something that is no path of names, such as `f().location`.
    let mut dotted = false;
    let mut token = lexer.next();
    while let Some(now) = token.take() {
        match &now {
            Token::Name(name) => {
                declared = matches!(path.as_slice(), ["var" | "let" | "const"]);
                path.clear();
                if std::mem::take(&mut dotted) {
                    path.push("()");
                }
                path.push(name);
                token = lexer.next();
                // The rest of the path; `window['location']` is rare enough to be missed.
                while matches!(token, Some(Token::Mark('.'))) {
                    token = lexer.next();
                    if let Some(Token::Name(part)) = token {
                        // Longer paths cannot be those we look for.
                        if path.len() < 8 {
                            path.push(part);
                        }
                        token = lexer.next();
                    }
                }
                continue;
            }
            Token::Mark(mark @ ('=' | '(')) if !declared => {
                let leads = if *mark == '=' { is_assigned(&path) } else { is_called(&path) };
                path.clear();
                token = lexer.next();
                if leads && let Some(Token::Text(Some(text))) = token {
                    lexer.newline = false;
                    token = lexer.next();
                    if ends(*mark, token.as_ref(), lexer.newline) && found.len() < MAX_FOUND {
                        found.push(text);
                    }
                }
                continue;
            }
            _ => path.clear(),
        }
        dotted = matches!(now, Token::Mark('.'));
        declared = false;
        token = lexer.next();
    }
    found
}

/// Whether what follows a string leaves it whole.
fn ends(mark: char, next: Option<&Token<'_>>, newline: bool) -> bool {
    match next {
        Some(Token::Mark(')' | ',')) => true,
        None | Some(Token::Mark(';' | '}' | ':')) => mark == '=',
        Some(Token::Name(_)) => mark == '=' && newline,
        Some(_) => false,
    }
}

/// Whether assigning to the path leads somewhere.
fn is_assigned(path: &[&str]) -> bool {
    let path = path.strip_suffix(&["href"]).unwrap_or(path);
    is_location(path)
}

/// Whether calling the path leads somewhere.
fn is_called(path: &[&str]) -> bool {
    match path {
        [windows @ .., "open"] => !windows.is_empty() && windows.iter().all(|name| is_window(name)),
        [location @ .., "replace" | "assign"] => is_location(location),
        _ => false,
    }
}

fn is_location(path: &[&str]) -> bool {
    match path {
        [windows @ .., "document", "location"] | [windows @ .., "location"] => {
            windows.iter().all(|name| is_window(name))
        }
        _ => false,
    }
}

fn is_window(name: &str) -> bool {
    matches!(name, "window" | "self" | "top" | "parent" | "opener" | "globalThis")
}

enum Token<'a> {
    Name(&'a str),
    /// A string, `None` when its value is only known when it runs.
    Text(Option<String>),
    /// A single mark; operators of several characters that begin with `=` are [`Token::Operator`].
    Mark(char),
    Operator,
}

struct Lexer<'a> {
    code: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// Whether a line ended since this was last reset.
    newline: bool,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (at, c) = self.chars.next()?;
            match c {
                '\n' => self.newline = true,
                _ if c.is_whitespace() => {}
                '/' if self.eat('/') => while self.chars.next_if(|&(_, c)| c != '\n').is_some() {},
                '/' if self.eat('*') => {
                    while let Some((_, c)) = self.chars.next() {
                        if c == '*' && self.eat('/') {
                            break;
                        }
                    }
                }
                '\'' | '"' | '`' => return Some(Token::Text(self.string(c))),
                '=' | '!' | '<' | '>' | '+' | '-' | '*' | '%' => {
                    let mut alone = true;
                    while self.chars.next_if(|&(_, c)| matches!(c, '=' | '>')).is_some() {
                        alone = false;
                    }
                    return Some(if alone { Token::Mark(c) } else { Token::Operator });
                }
                _ if c.is_alphanumeric() || matches!(c, '_' | '$') => {
                    let mut end = at + c.len_utf8();
                    while let Some((at, c)) =
                        self.chars.next_if(|&(_, c)| c.is_alphanumeric() || matches!(c, '_' | '$'))
                    {
                        end = at + c.len_utf8();
                    }
                    return Some(Token::Name(&self.code[at..end]));
                }
                _ => return Some(Token::Mark(c)),
            }
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.chars.next_if(|&(_, c)| c == wanted).is_some()
    }

    /// The rest of a string; `None` when it never ends or has parts to be filled in.
    fn string(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut filled = false;
        while let Some((_, c)) = self.chars.next() {
            match c {
                _ if c == quote => return (!filled).then_some(text),
                '\\' => match self.chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'x' => text.push(self.code_point(2)?),
                    'u' => text.push(self.code_point(4)?),
                    '\n' => {}
                    other => text.push(other),
                },
                '\n' if quote != '`' => return None,
                '$' if quote == '`' && self.chars.peek().is_some_and(|&(_, c)| c == '{') => filled = true,
                _ => text.push(c),
            }
        }
        None
    }

    fn code_point(&mut self, digits: usize) -> Option<char> {
        let mut point = 0;
        for _ in 0..digits {
            point = point * 16 + self.chars.next()?.1.to_digit(16)?;
        }
        char::from_u32(point)
    }
}
