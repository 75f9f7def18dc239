//! The journal: what a crawl has found so far, so that one that was stopped goes on where it was.
//!
//! A file of JSON lines that only grows: a head, a line for each page with what it names, a line for
//! each link that is settled. Playing it back through the [`Atlas`] makes the same numbers again.
//! A line that was half written when the power failed ends the journal there.
//!
//! Invariant: a journal is used by one crawl at a time, and never by one with other settings; when
//! it cannot be written the crawl goes on without.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::atlas::{Atlas, HOME, No, PageNo, Placement, Places, Spot, State, Use, Verdict};
use super::read;
use crate::domain::link::{DoubtClass, LinkClass};

/// What a journal of this program begins with; another form is begun anew.
const FORM: u32 = 1;
/// A crawl that was stopped longer ago is begun anew: what it found may have changed.
const OLDEST: Duration = Duration::from_hours(72);
/// The longest line that is read: a page that names 20,000 long addresses. What is longer is none of ours.
const MAX_LINE: u64 = 32 << 20;
/// Pages that a journal may hold beyond links: the home page, sitemaps.
const FURTHER: usize = 1_000;
/// The names of the entry page have room beside all links.
const ENTRIES: usize = 2;

/// A journal under way.
#[derive(Debug)]
pub(super) struct Journal {
    out: Option<BufWriter<File>>,
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Head {
    form: u32,
    /// What the crawl is about: another entry, depth or reach is another crawl.
    crawl: String,
    begun_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// A page with what it names.
    #[serde(rename = "p")]
    Page {
        /// Its link, unless nothing links to it (a sitemap, the home page after a redirect).
        n: Option<No>,
        /// Its address.
        u: String,
        /// Its depth.
        d: u32,
        /// What it names.
        l: Vec<Named>,
        /// What it names and never can work.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        w: Vec<NamedWrong>,
        /// Whether it is a style sheet or a sitemap.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        s: bool,
    },
    /// The places inside a page.
    #[serde(rename = "i")]
    Places(No, bool, Option<Vec<No>>, Vec<u64>),
    /// A script that makes no places.
    #[serde(rename = "h")]
    Harmless(No),
    /// A link that was settled and is asked for again, because more is wanted of it.
    #[serde(rename = "a")]
    Again(No),
    /// A link that is settled.
    #[serde(rename = "f")]
    Fine(No),
    #[serde(rename = "b")]
    Faulty(No, LinkClass, Option<u16>, String),
    #[serde(rename = "d")]
    Doubtful(No, DoubtClass, Option<u16>, String),
}

/// Something that a page names: only its number when nothing else changed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    Known(No),
    Whole(Box<WholeName>),
}

/// The parts of a [`Placement`], in its order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WholeName(String, Option<String>, u8, String, String, u32, u32, String);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamedWrong(String, LinkClass, String, String, u32, u32, String);

/// A page as it is noted while it is placed.
#[derive(Debug, Default)]
pub(super) struct PageNote {
    named: Vec<Named>,
    wrong: Vec<NamedWrong>,
}

impl PageNote {
    pub(super) fn name(&mut self, no: No, changed: bool, at: &Placement<'_>) {
        self.named.push(if changed {
            let used = Use::ALL.iter().position(|used| *used == at.used).and_then(|i| u8::try_from(i).ok());
            Named::Whole(Box::new(WholeName(
                at.address.to_owned(),
                at.fragment.map(str::to_owned),
                used.unwrap_or(0),
                at.element.to_owned(),
                at.attribute.to_owned(),
                at.line,
                at.column,
                at.text.to_owned(),
            )))
        } else {
            Named::Known(no)
        });
    }

    pub(super) fn wrong(&mut self, written: &str, class: LinkClass, spot: &Spot) {
        self.wrong.push(NamedWrong(
            written.to_owned(),
            class,
            spot.element.to_owned(),
            spot.attribute.to_owned(),
            spot.line,
            spot.column,
            spot.text.to_string(),
        ));
    }
}

/// A journal with what it held.
#[derive(Debug)]
pub(super) struct Opened {
    pub journal: Journal,
    /// What the crawl that was stopped had found; `None` when this one begins anew.
    pub atlas: Option<Atlas>,
}

impl Journal {
    /// No journal: nothing is kept.
    pub(super) fn none() -> Self {
        Self { out: None, path: PathBuf::new() }
    }

    /// Opens the journal at `path` for the crawl that `crawl` describes. Blocks; a journal that
    /// another crawl holds, or that cannot be written, is none.
    pub(super) fn open(path: &Path, crawl: &str, now: Timestamp, room: usize) -> Opened {
        match Self::try_open(path, crawl, now, room) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "this crawl keeps no journal; if it is stopped, the next one begins anew");
                Opened { journal: Self::none(), atlas: None }
            }
        }
    }

    fn try_open(path: &Path, crawl: &str, now: Timestamp, room: usize) -> std::io::Result<Opened> {
        if let Some(folder) = path.parent() {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::other("another crawl of it is under way"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let (atlas, end) = play(&mut file, crawl, now, room)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let mut journal = Self { out: Some(BufWriter::with_capacity(64 << 10, file)), path: path.to_owned() };
        if atlas.is_none() {
            let head = Head { form: FORM, crawl: crawl.to_owned(), begun_at: now };
            journal.write(&head);
        }
        Ok(Opened { journal, atlas })
    }

    /// Notes a page; `list` when it is a style sheet or a sitemap.
    pub(super) fn page(&mut self, no: Option<No>, url: &str, depth: u32, list: bool, note: PageNote) {
        if self.out.is_some() {
            let (l, w) = (note.named, note.wrong);
            self.write(&Line::Page { n: no, u: url.to_owned(), d: depth, l, w, s: list });
        }
    }

    /// Notes that a link is asked for again.
    pub(super) fn again(&mut self, no: No) {
        if self.out.is_some() {
            self.write(&Line::Again(no));
        }
    }

    /// Notes the places inside a page.
    pub(super) fn places(&mut self, no: No, places: &Places) {
        if self.out.is_some() {
            let scripts = places.scripts.as_ref().map(|scripts| scripts.to_vec());
            self.write(&Line::Places(no, places.scripted, scripts, places.hashes.to_vec()));
        }
    }

    /// Notes a script that makes no places.
    pub(super) fn harmless(&mut self, no: No) {
        if self.out.is_some() {
            self.write(&Line::Harmless(no));
        }
    }

    /// Notes what became of a link.
    pub(super) fn settled(&mut self, no: No, verdict: &Verdict) {
        if self.out.is_some() {
            let line = match verdict {
                Verdict::Fine => Line::Fine(no),
                Verdict::Faulty { class, status, detail } => {
                    Line::Faulty(no, *class, *status, detail.to_string())
                }
                Verdict::Doubtful { class, status, detail } => {
                    Line::Doubtful(no, *class, *status, detail.to_string())
                }
            };
            self.write(&line);
        }
    }

    /// Whether pages have to be noted at all.
    pub(super) fn is_kept(&self) -> bool {
        self.out.is_some()
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) {
        let done = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.survive(done);
    }

    /// The crawl is through: the next one begins anew.
    pub(super) fn finish(mut self) {
        if self.out.take().is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn write(&mut self, line: &impl Serialize) {
        let Some(out) = &mut self.out else { return };
        let done = serde_json::to_writer(&mut *out, line)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"));
        self.survive(done);
    }

    fn survive(&mut self, done: std::io::Result<()>) {
        if let Err(error) = done {
            tracing::warn!(path = %self.path.display(), %error, "the crawl's journal cannot be written; it goes on without");
            self.out = None;
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Plays a journal back: what it held, and where its last whole line ends. One that holds no page
/// has nothing to go on from.
fn play(file: &mut File, crawl: &str, now: Timestamp, room: usize) -> std::io::Result<(Option<Atlas>, u64)> {
    let mut lines = BufReader::with_capacity(256 << 10, file);
    let mut line = Vec::new();
    read_line(&mut lines, &mut line)?;
    let head: Option<Head> = serde_json::from_slice(&line).ok();
    let good = head.is_some_and(|head| {
        let age = now.duration_since(head.begun_at);
        head.form == FORM && head.crawl == crawl && Duration::try_from(age).is_ok_and(|age| age < OLDEST)
    });
    if !good {
        return Ok((None, 0));
    }
    let mut end = line.len() as u64;
    let mut atlas = Atlas::default();
    loop {
        line.clear();
        read_line(&mut lines, &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let Ok(known) = serde_json::from_slice::<Line>(&line) else { break };
        if !apply(&mut atlas, known, room) {
            break;
        }
        end += line.len() as u64;
    }
    if atlas.pages.is_empty() {
        return Ok((None, 0));
    }
    Ok((Some(atlas), end))
}

/// The next line, or as much of it as ours can be long.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    lines.take(MAX_LINE).read_until(b'\n', line).map(drop)
}

/// Plays one line back; whether it was one of ours.
fn apply(atlas: &mut Atlas, line: Line, room: usize) -> bool {
    let settle = |atlas: &mut Atlas, no: No, state| {
        atlas.links.get_index_mut(no as usize).map(|(_, link)| link.state = state).is_some()
    };
    let known = |atlas: &Atlas, no: No| (no as usize) < atlas.links.len();
    match line {
        Line::Page { n: _, u, d, l, w, s } => {
            if atlas.pages.len() >= room.saturating_add(FURTHER) {
                return false;
            }
            let page = atlas.page(&u, d, s);
            for named in &l {
                place(atlas, page, named, room.saturating_add(ENTRIES));
            }
            for NamedWrong(written, class, element, attribute, line, column, text) in w {
                let (element, attribute) = (read::known_name(&element), read::known_name(&attribute));
                let spot = Spot { page, element, attribute, line, column, text: text.into() };
                atlas.place_wrong(&written, class, spot, room);
            }
            true
        }
        Line::Harmless(no) => {
            let known = known(atlas, no);
            if known {
                atlas.harmless.insert(no);
            }
            known
        }
        Line::Places(no, scripted, scripts, mut hashes) => {
            let known = known(atlas, no) && scripts.iter().flatten().all(|script| known(atlas, *script));
            if known {
                hashes.sort_unstable();
                let scripts = scripts.map(Vec::into_boxed_slice);
                atlas.places.insert(no, Places { hashes: hashes.into(), scripted, scripts });
            }
            known
        }
        Line::Again(no) => settle(atlas, no, State::Waiting),
        Line::Fine(no) => settle(atlas, no, State::Done(Verdict::Fine)),
        Line::Faulty(no, class, status, detail) => {
            settle(atlas, no, State::Done(Verdict::Faulty { class, status, detail: detail.into() }))
        }
        Line::Doubtful(no, class, status, detail) => {
            settle(atlas, no, State::Done(Verdict::Doubtful { class, status, detail: detail.into() }))
        }
    }
}

fn place(atlas: &mut Atlas, page: PageNo, named: &Named, room: usize) {
    match named {
        Named::Known(no) => atlas.count(page, *no),
        Named::Whole(whole) => {
            let WholeName(address, fragment, used, element, attribute, line, column, text) = &**whole;
            let placement = Placement {
                address,
                fragment: fragment.as_deref(),
                used: Use::ALL.get(usize::from(*used)).copied().unwrap_or(Use::Asset),
                element: read::known_name(element),
                attribute: read::known_name(attribute),
                line: *line,
                column: *column,
                text,
            };
            let placed = atlas.place(page, &placement, room);
            // The entry page's own names: nothing leads to them.
            if let (Some(placed), HOME, true) = (placed, page, element.is_empty()) {
                atlas.links[placed.no as usize].depth = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(address: &'a str, fragment: Option<&'a str>) -> Placement<'a> {
        let (used, element, attribute) = (Use::Page, "a", "href");
        Placement { address, fragment, used, element, attribute, line: 3, column: 9, text: "办事指南" }
    }

    fn note(atlas: &mut Atlas, journal: &mut Journal, url: &str, depth: u32, names: &[Placement<'_>]) {
        let page = atlas.page(url, depth, false);
        let mut note = PageNote::default();
        for name in names {
            let placed = atlas.place(page, name, 100).unwrap();
            note.name(placed.no, placed.changed, name);
        }
        journal.page(None, url, depth, false, note);
    }

    fn now() -> Timestamp {
        "2026-11-28T00:00:00Z".parse().unwrap()
    }

    fn picture(atlas: &Atlas) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            atlas.links, atlas.fragments, atlas.wrong, atlas.pages, atlas.places
        )
    }

    #[test]
    fn what_was_found_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crawls/city.journal");
        let Opened { mut journal, atlas } = Journal::open(&path, "city 3", now(), 100);
        assert!(atlas.is_none());
        let mut atlas = Atlas::default();
        let names = [at("http://a.cn/x", None), at("http://a.cn/y", Some("费用")), at("http://a.cn/x", None)];
        note(&mut atlas, &mut journal, "http://a.cn/", 0, &names);
        note(&mut atlas, &mut journal, "http://a.cn/x", 1, &names);
        let spot = Spot { page: 1, element: "a", attribute: "href", line: 1, column: 2, text: "坏".into() };
        let mut wrong = PageNote::default();
        wrong.wrong("http://[", LinkClass::Malformed, &Spot { page: 2, ..spot.clone() });
        atlas.page("http://a.cn/y", 1, false);
        atlas.place_wrong("http://[", LinkClass::Malformed, Spot { page: 2, ..spot }, 100);
        journal.page(Some(1), "http://a.cn/y", 1, false, wrong);
        let verdict =
            Verdict::Faulty { class: LinkClass::Gone, status: Some(410), detail: "It is gone.".into() };
        journal.settled(0, &verdict);
        atlas.links[0].state = State::Done(verdict);
        let places =
            Places { hashes: vec![1, u64::MAX].into(), scripted: true, scripts: Some(vec![0].into()) };
        journal.places(1, &places);
        atlas.places.insert(1, places);
        journal.flush();
        let held = Journal::open(&path, "city 3", now(), 100);
        assert!(!held.journal.is_kept() && held.atlas.is_none(), "one crawl at a time");
        drop(journal);

        let again = Journal::open(&path, "city 3", now(), 100);
        assert_eq!(picture(again.atlas.as_ref().unwrap()), picture(&atlas));
        drop(again);
        // Half a line, as a power cut leaves it.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"f\":1").unwrap();
        let cut = Journal::open(&path, "city 3", now(), 100);
        assert_eq!(picture(cut.atlas.as_ref().unwrap()), picture(&atlas));
        drop(cut);
        for (crawl, later) in [("city 4", 0), ("city 3", 73)] {
            let then = now() + Duration::from_hours(later);
            let other = Journal::open(&path, crawl, then, 100);
            assert!(other.atlas.is_none(), "{crawl} after {later} hours begins anew");
            other.journal.finish();
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_journal_that_cannot_be_written_stops_no_crawl() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"x").unwrap();
        let opened = Journal::open(&file.join("below"), "x", now(), 1);
        assert!(!opened.journal.is_kept());
        std::fs::write(&file, b"\xff not json\n").unwrap();
        assert!(Journal::open(&file, "x", now(), 1).atlas.is_none());
    }

    #[test]
    fn a_journal_of_lies_breaks_nothing_and_takes_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let head =
            serde_json::to_string(&Head { form: FORM, crawl: "x".to_owned(), begun_at: now() }).unwrap();
        let home = r#"{"p":{"n":null,"u":"http://a.cn/","d":0,"l":[["http://a.cn/",null,3,"","",0,0,""]]}}"#;
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let page = |l: &str| format!(r#"{{"p":{{"n":7,"u":"http://a.cn/x","d":4294967295,"l":[{l}]}}}}"#);
        let lies = [
            r#"{"f":4294967295}"#.to_owned(),
            r#"{"f":4294967296}"#.to_owned(),
            r#"{"f":-1}"#.to_owned(),
            r#"{"h":9}"#.to_owned(),
            r#"{"a":9}"#.to_owned(),
            r#"{"i":[9,false,null,[]]}"#.to_owned(),
            r#"{"i":[0,false,[4294967295],[]]}"#.to_owned(),
            r#"{"b":[9,"gone",410,""]}"#.to_owned(),
            r#"{"b":[0,"nonsense",410,""]}"#.to_owned(),
            r#"{"f":0"#.to_owned(),
            page("4294967295,7,8"),
            page(r#"["not an address","x",255,"","",4294967295,4294967295,"\u001b[31m"]"#),
            page(&deep),
            format!(r#"{{"p":{deep}}}"#),
            "\u{0}\u{1}".repeat(1_000),
        ];
        for lie in &lies {
            std::fs::write(&path, format!("{head}\n{home}\n{lie}\n{{\"f\":0}}\n")).unwrap();
            let opened = Journal::open(&path, "x", now(), 100);
            let atlas = opened.atlas.expect("what stands before the lie holds");
            assert!(atlas.links.len() <= 2 && atlas.places.is_empty() && atlas.harmless.is_empty(), "{lie}");
            assert_eq!(atlas.links[0].depth, 0, "nothing leads to the entry page");
        }
        // Ten gigabytes without a line's end, which cost no disk; and a head alone.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(10 << 30).unwrap();
        assert_eq!(play(&mut File::open(&path).unwrap(), "x", now(), 100).unwrap().0.unwrap().links.len(), 1);
        std::fs::write(&path, format!("{head}\n")).unwrap();
        assert!(Journal::open(&path, "x", now(), 100).atlas.is_none(), "nothing to go on from");
        std::fs::write(&path, format!("{head}\n{home}\n{}", format!("{}\n", page("")).repeat(2_000)))
            .unwrap();
        assert_eq!(Journal::open(&path, "x", now(), 100).atlas.unwrap().pages.len(), 2);
    }
}
