//! The checks of the fuzz targets (`tests/fuzz/checks/`) without a fuzzer: every seed, and some
//! thousands of inputs that are made of them, the same ones each time.
//!
//! `script/fuzz` searches on with libFuzzer. An input that it found becomes a seed in
//! `tests/fuzz/seeds/`, so that its fault does not come back.

#[path = "fuzz/checks/links.rs"]
mod links;
#[path = "fuzz/checks/mail.rs"]
mod mail;
#[path = "fuzz/checks/scenario.rs"]
mod scenario;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files below a folder whose names end so, in a fixed order, each behind `head`.
fn files(folder: &str, ending: &str, head: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![at(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no seeds in {folder}");
    let behind = |path: &PathBuf| [head.as_bytes(), &fs::read(path).unwrap()].concat();
    found.iter().map(behind).collect()
}

/// Numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % end.max(1)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(200) + 1)
    }
}

/// An input that is like `seed`, with a piece of another one now and then.
fn mutated(seed: &[u8], seeds: &[Vec<u8>], words: &[String], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let span = numbers.range(input.len());
        match numbers.below(7) {
            0 if !input.is_empty() => {
                let at = numbers.below(input.len());
                input[at] ^= 1 << numbers.below(8);
            }
            1 => input.truncate(span.start),
            2 => drop(input.drain(span)),
            3 => {
                let twice = input[span.clone()].to_vec();
                input.splice(span.end..span.end, twice);
            }
            4 => {
                let other = &seeds[numbers.below(seeds.len())];
                let piece = other[numbers.range(other.len())].to_vec();
                input.splice(span, piece);
            }
            _ => {
                let word = words[numbers.below(words.len())].clone();
                input.splice(span.start..span.start, word.into_bytes());
            }
        }
    }
    input
}

/// The words of a dictionary of libFuzzer.
fn words(name: &str) -> Vec<String> {
    let text = fs::read_to_string(at("tests/fuzz/words").join(name)).unwrap();
    let mut words = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('"')) {
        let line = line.trim_matches('"');
        let mut bytes = Vec::new();
        let mut rest = line.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            match rest.next() {
                Some(b'x') => {
                    let hex: String = rest.by_ref().take(2).map(char::from).collect();
                    bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                }
                other => bytes.extend(other),
            }
        }
        words.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    assert!(words.len() > 10, "{name} has {} words", words.len());
    words
}

/// Every seed, and `times` inputs that are made of them.
fn hold(name: &str, check: fn(&[u8]), seeds: &[Vec<u8>], times: usize) {
    let words = words(&format!("{name}.dict"));
    let mut numbers = Numbers(0x5EED_0000_0000_0005);
    let made = (0..times).map(|_| {
        let seed = &seeds[numbers.below(seeds.len())];
        mutated(seed, seeds, &words, &mut numbers)
    });
    for input in seeds.iter().cloned().chain(made) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            eprintln!("the input of {name} was:\n{}\n({input:?})", String::from_utf8_lossy(&input));
            resume_unwind(panic);
        }
    }
}

#[test]
fn any_text_is_a_scenario_or_told_by_its_place() {
    let mut seeds = files("tests/fuzz/seeds/scenario", "", "");
    for (folder, ending) in [("scenarios", ".toml"), ("tests/faults", ".toml"), ("tests/plan/good", ".toml")]
    {
        seeds.extend(files(folder, ending, ""));
    }
    seeds.push(fs::read(at("probes.toml")).unwrap());
    hold("scenario", scenario::check, &seeds, 500);
}

#[test]
fn any_page_gives_links_that_stand_where_they_are_said_to_stand() {
    let mut seeds = files("tests/fuzz/seeds/links", "", "");
    let pages = files("src/demo/templates", ".html", "text/html|https://www.portal.gov.cn/a/\n");
    let sheets = files("src/demo/assets", ".css", "text/css|https://www.portal.gov.cn/a/\n");
    seeds.extend(pages.into_iter().chain(sheets));
    hold("links", links::check, &seeds, 3_000);
}

#[test]
fn any_notice_becomes_one_harmless_mail() {
    hold("mail", mail::check, &files("tests/fuzz/seeds/mail", "", ""), 500);
}
