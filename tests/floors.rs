//! The floors of the house: a file imports only from lower floors, and rooms on one floor do not
//! know each other.
//!
//! Invariant: every path of every file in `src/` that starts at the crate's root (`crate::`,
//! `mystery_shopper::`, enough `super::`) is looked at, wherever it stands; what this test does not
//! understand, such as an alias of the crate, is a fault and not a pass.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where the rooms are. Rooms of equal height do not know each other, unless it says so.
const ROOMS: &[(&str, u8)] = &[
    ("domain", 0),
    ("plan", 10),
    ("judge", 20),
    ("score", 20),
    ("clock", BASE),
    ("files", BASE),
    ("filetype", BASE),
    ("http", BASE),
    ("zip", BASE),
    ("browser", 30),
    ("visit", 30),
    ("crawl", 30),
    ("store", 30),
    ("mail", 30),
    ("webhook", 30),
    ("scheduler", 40),
    ("runner", 40),
    ("web", 50),
    ("report", 50),
    ("demo", 50),
    ("app", TOP),
    ("cli", TOP),
    ("main", TOP),
];

/// The pure floors lie below this.
const PURE: u8 = 21;
/// Tools of the third floor: they may know each other.
const BASE: u8 = 25;
/// Where everything is wired together: these may know each other.
const TOP: u8 = 60;

/// Crates that touch the world.
const WORLDLY: &[&str] = &[
    "axum",
    "fantoccini",
    "hyper_util",
    "lettre",
    "reqwest",
    "rusqlite",
    "rusqlite_migration",
    "rustix",
    "sd_notify",
    "tempfile",
    "tokio",
    "tokio_tungstenite",
    "tokio_util",
    "tracing_journald",
];
/// Parts of the standard library that do.
const WORLDLY_STD: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "ToSocketAddrs"],
    &["std", "net", "UdpSocket"],
    &["std", "process"],
    &["std", "thread"],
];

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: PathBuf,
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// A piece of source: an identifier, `::`, or one other character.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Splits source into tokens; comments, strings and characters are gone.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut found, mut i, mut line) = (Vec::new(), 0, 1);
    // Skips to `end`, counting the lines on the way.
    let skip = |from: usize, end: usize, line: &mut usize| {
        let end = end.min(chars.len());
        *line += chars[from.min(end)..end].iter().filter(|c| **c == '\n').count();
        end
    };
    while i < chars.len() {
        let c = at(i);
        if c == '\n' {
            line += 1;
            i += 1;
        } else if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let (mut depth, mut end) = (1, i + 2);
            while depth > 0 && end < chars.len() {
                match (at(end), at(end + 1)) {
                    ('/', '*') => (depth, end) = (depth + 1, end + 2),
                    ('*', '/') => (depth, end) = (depth - 1, end + 2),
                    _ => end += 1,
                }
            }
            i = skip(i, end, &mut line);
        } else if c == '"' {
            let mut end = i + 1;
            while end < chars.len() && at(end) != '"' {
                end += if at(end) == '\\' { 2 } else { 1 };
            }
            i = skip(i, end + 1, &mut line);
        } else if c == '\'' {
            // A character, or else a lifetime, whose name is then taken as an identifier.
            i = match (at(i + 1), at(i + 2)) {
                ('\\', _) => {
                    let mut end = i + 3;
                    while end < chars.len() && at(end) != '\'' {
                        end += 1;
                    }
                    end + 1
                }
                (_, '\'') => skip(i, i + 3, &mut line),
                _ => i + 1,
            };
        } else if c.is_alphabetic() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let text: String = chars[start..i].iter().collect();
            let raw = matches!(text.as_str(), "r" | "br" | "cr");
            let hashes = (i..chars.len()).take_while(|j| at(*j) == '#').count();
            if raw && at(i + hashes) == '"' {
                let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let body = i + hashes + 1;
                let end = (body..chars.len()).find(|j| chars[*j..].starts_with(&close));
                i = skip(start, end.map_or(chars.len(), |end| end + close.len()), &mut line);
            } else {
                found.push(Token { text, line });
            }
        } else if c == ':' && at(i + 1) == ':' {
            found.push(Token { text: "::".to_owned(), line });
            i += 2;
        } else {
            if !c.is_whitespace() {
                found.push(Token { text: c.to_string(), line });
            }
            i += 1;
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// A path as written, groups taken apart: `a::{b, c::d}` is two.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    segments: Vec<String>,
    line: usize,
    /// The modules around it inside its file.
    inside: Vec<String>,
}

/// Every path of two segments and more, every path of a `use`, and `.now` as a path of one.
fn paths(tokens: &[Token]) -> Vec<Written> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    // Blocks that are open; a module's carries its name.
    let mut blocks: Vec<Option<String>> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let inside = || blocks.iter().flatten().cloned().collect::<Vec<_>>();
        match text(i) {
            "mod" if is_name(text(i + 1)) && text(i + 2) == "{" => {
                blocks.push(Some(text(i + 1).to_owned()));
                i += 3;
            }
            "{" => {
                blocks.push(None);
                i += 1;
            }
            "}" => {
                blocks.pop();
                i += 1;
            }
            "." if text(i + 1) == "now" && text(i + 2) == "(" => {
                found.push(Written {
                    segments: vec!["now".to_owned()],
                    line: tokens[i].line,
                    inside: inside(),
                });
                i += 2;
            }
            "use" => {
                let start = i + 1 + usize::from(text(i + 1) == "::");
                let (end, inside) = (tree(tokens, start, &[], &mut found), inside());
                place(&mut found, &inside);
                i = end.max(i + 1);
            }
            name if is_name(name) && text(i + 1) == "::" => {
                let (end, inside) = (tree(tokens, i, &[], &mut found), inside());
                place(&mut found, &inside);
                i = end.max(i + 1);
            }
            _ => i += 1,
        }
    }
    found
}

/// Notes on the paths just found in which modules they stand.
fn place(found: &mut [Written], inside: &[String]) {
    for path in found.iter_mut().rev().take_while(|path| path.inside == [UNPLACED]) {
        path.inside = inside.to_vec();
    }
}

const UNPLACED: &str = "?";

/// Reads the path or the tree of paths at `i`; answers where it ends.
fn tree(tokens: &[Token], mut i: usize, before: &[String], found: &mut Vec<Written>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut segments = before.to_vec();
    let line = tokens.get(i).map_or(0, |token| token.line);
    loop {
        match text(i) {
            "{" => {
                i += 1;
                while i < tokens.len() && text(i) != "}" {
                    let next = tree(tokens, i, &segments, found);
                    i = if next == i || text(next) == "," { next + 1 } else { next };
                }
                return i + 1;
            }
            "*" => {
                segments.push("*".to_owned());
                i += 1;
            }
            name if is_name(name) => {
                segments.push(name.to_owned());
                i += 1;
            }
            _ => {}
        }
        if text(i) == "::" && (is_name(text(i + 1)) || matches!(text(i + 1), "{" | "*")) {
            i += 1;
            continue;
        }
        if text(i) == "as" && segments.len() == 1 {
            segments.push("as".to_owned());
            i += 2;
        } else if text(i) == "as" {
            i += 2;
        }
        break;
    }
    if segments.len() > before.len() {
        found.push(Written { segments, line, inside: vec![UNPLACED.to_owned()] });
    }
    i
}

/// The modules of a file: `plan/cron/mod.rs` is `plan, cron`; the crate's roots have none.
fn modules(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["main"] || parts == ["lib"] {
        parts.pop();
    }
    parts
}

/// What a path names at the crate's root, if it gets there.
fn from_root<'a>(path: &'a Written, modules: &[String]) -> Option<&'a [String]> {
    let rest = match path.segments.first()?.as_str() {
        "crate" | "mystery_shopper" => &path.segments[1..],
        "super" | "self" => {
            let ups = path.segments.iter().skip_while(|s| *s == "self").take_while(|s| *s == "super").count();
            let own = usize::from(path.segments[0] == "self");
            (ups >= modules.len() + path.inside.len()).then(|| &path.segments[ups + own..])?
        }
        _ => return None,
    };
    Some(rest)
}

fn floor(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// Checks one file; `file` is relative to `src/`.
fn check(file: &Path, source: &str) -> Vec<Fault> {
    let modules = modules(file);
    let name = file.to_string_lossy();
    let room = modules.first().cloned().unwrap_or_else(|| name.trim_end_matches(".rs").to_owned());
    let fault = |line, what: String| Fault { file: file.to_owned(), line, what };
    if room == "lib" {
        return Vec::new();
    }
    let Some(own) = floor(&room) else {
        return vec![fault(
            1,
            format!("`{room}` has no floor; give it one in tests/floors.rs and ARCHITECTURE.md"),
        )];
    };
    let mut faults = Vec::new();
    for path in paths(&tokens(source)) {
        let shown = path.segments.join("::");
        if let Some(rest) = from_root(&path, &modules) {
            match rest.first().map(String::as_str) {
                None | Some("self") => {}
                Some("*" | "as") => {
                    faults
                        .push(fault(path.line, format!("`{shown}` hides which rooms are meant; name them")));
                }
                Some(other) if other == room => {}
                Some(other) => match floor(other) {
                    None => faults
                        .push(fault(path.line, format!("`{shown}` names `{other}`, which has no floor"))),
                    Some(theirs) if theirs < own => {}
                    Some(theirs) if theirs == own && matches!(own, BASE | TOP) => {}
                    Some(theirs) => {
                        let way = if theirs > own { "up" } else { "sideways" };
                        faults.push(fault(
                            path.line,
                            format!("`{room}` imports {way} from `{other}`: `{shown}`"),
                        ));
                    }
                },
            }
        }
        if own < PURE {
            faults.extend(
                worldly(&path.segments)
                    .map(|why| fault(path.line, format!("`{room}` is pure, and `{shown}` {why}"))),
            );
        }
    }
    faults
}

/// Why a pure floor may not say this.
fn worldly(segments: &[String]) -> Option<&'static str> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if WORLDLY.contains(segments.first()?) || WORLDLY_STD.iter().any(|bad| segments.starts_with(bad)) {
        Some("touches the world")
    } else if segments.last() == Some(&"now") {
        Some("asks for the time")
    } else if matches!(segments.as_slice(), ["std", "*" | "as" | "net"] | ["std", "net", "*" | "self"]) {
        Some("hides what it imports")
    } else {
        None
    }
}

/// Every Rust file below `folder`.
fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
}

#[test]
fn imports_go_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    files(&src, &mut found);
    assert!(found.len() > 20, "only {} files in {}", found.len(), src.display());
    let mut faults: Vec<Fault> = Vec::new();
    for file in &found {
        let source = std::fs::read_to_string(file).unwrap();
        faults.extend(check(file.strip_prefix(&src).unwrap(), &source));
    }
    let shown: Vec<String> = faults.iter().map(|fault| format!("src/{fault}")).collect();
    assert!(shown.is_empty(), "imports must go down (design, section 2):\n{}", shown.join("\n"));
}

#[test]
fn the_checker_sees_what_it_must() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("judge/mod.rs", "use crate::domain::ids::RunId;", &[]),
        (
            "judge/mod.rs",
            "use crate::store::Store;",
            &["1: `judge` imports up from `store`: `crate::store::Store`"],
        ),
        (
            "browser/bidi/mod.rs",
            "use crate::{\n    clock::Deadline,\n    mail,\n    visit::{self, Visit},\n};",
            &[
                "3: `browser` imports sideways from `mail`: `crate::mail`",
                "4: `browser` imports sideways from `visit`: `crate::visit::self`",
                "4: `browser` imports sideways from `visit`: `crate::visit::Visit`",
            ],
        ),
        (
            "runner/walk.rs",
            "fn f() { let _ = crate::scheduler::due(); }",
            &["1: `runner` imports sideways from `scheduler`: `crate::scheduler::due`"],
        ),
        (
            "plan/load.rs",
            "use super::super::judge::verdict;",
            &["1: `plan` imports up from `judge`: `super::super::judge::verdict`"],
        ),
        ("plan/load.rs", "use super::model::Plan;", &[]),
        ("plan/load.rs", "mod tests {\n    use super::super::model::Plan;\n}", &[]),
        (
            "plan/load.rs",
            "mod tests {\n    use super::super::super::runner::Run;\n}",
            &["2: `plan` imports up from `runner`: `super::super::super::runner::Run`"],
        ),
        (
            "clock.rs",
            "use super::runner::Run;",
            &["1: `clock` imports up from `runner`: `super::runner::Run`"],
        ),
        ("http.rs", "use crate::clock::Deadline;", &[]),
        (
            "http/dial.rs",
            "use crate::crawl::Page;",
            &["1: `http` imports up from `crawl`: `crate::crawl::Page`"],
        ),
        ("main.rs", "use mystery_shopper::app;", &[]),
        (
            "web/mod.rs",
            "use mystery_shopper::app::App;",
            &["1: `web` imports up from `app`: `mystery_shopper::app::App`"],
        ),
        ("store/mod.rs", "use crate as house;", &["1: `crate::as` hides which rooms are meant; name them"]),
        ("store/mod.rs", "use crate::*;", &["1: `crate::*` hides which rooms are meant; name them"]),
        (
            "attic/mod.rs",
            "",
            &["1: `attic` has no floor; give it one in tests/floors.rs and ARCHITECTURE.md"],
        ),
        (
            "store/mod.rs",
            "use crate::attic::Box;",
            &["1: `crate::attic::Box` names `attic`, which has no floor"],
        ),
        (
            "mail/mod.rs",
            "// crate::store::Store\n/* crate::\n /* nested */ runner */ let x = \"crate::web\";",
            &[],
        ),
        (
            "mail/mod.rs",
            "let x = r#\"crate::web\"#; let c = '\"'; let d: &'a str = \"\";\ncrate::web::page();",
            &["2: `mail` imports up from `web`: `crate::web::page`"],
        ),
        ("mail/mod.rs", "pub(in crate::mail) fn f() {}\npub(crate) fn g() {}", &[]),
        (
            "mail/mod.rs",
            "macro_rules! m { () => { $crate::web::page() } }",
            &["1: `mail` imports up from `web`: `crate::web::page`"],
        ),
        ("domain/ids.rs", "use std::{fmt, fs};", &["1: `domain` is pure, and `std::fs` touches the world"]),
        (
            "plan/mod.rs",
            "#[tokio::test]\nasync fn f() {}",
            &["1: `plan` is pure, and `tokio::test` touches the world"],
        ),
        ("plan/mod.rs", "use std::net::SocketAddr;", &[]),
        (
            "plan/mod.rs",
            "use std::net::{IpAddr, TcpStream};",
            &["1: `plan` is pure, and `std::net::TcpStream` touches the world"],
        ),
        (
            "judge/mod.rs",
            "let t = jiff::Timestamp::now();",
            &["1: `judge` is pure, and `jiff::Timestamp::now` asks for the time"],
        ),
        ("judge/mod.rs", "let t = clock.now();", &["1: `judge` is pure, and `now` asks for the time"]),
        ("judge/mod.rs", "use std::*;", &["1: `judge` is pure, and `std::*` hides what it imports"]),
        ("store/mod.rs", "use rusqlite::Connection; use std::fs;", &[]),
    ];
    for (file, source, want) in cases {
        let got: Vec<String> = check(Path::new(file), source)
            .iter()
            .map(|fault| format!("{}: {}", fault.line, fault.what))
            .collect();
        assert_eq!(got, *want, "{file}: {source}");
    }
}
