//! Files that a disk would not give in a test: too large, unreadable, arbitrary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mystery_shopper::domain::template::Vars;
use mystery_shopper::plan::profile::load_profile;
use mystery_shopper::plan::{FileFault, Files, load, load_scenario};
use proptest::prelude::*;

/// Files in memory.
#[derive(Default)]
pub struct Memory(BTreeMap<PathBuf, Result<String, FileFault>>);

impl Memory {
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.into(), Ok(text.to_owned()));
        self
    }

    fn without(mut self, path: &str, fault: FileFault) -> Self {
        self.0.insert(path.into(), Err(fault));
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        self.0.get(path).cloned().unwrap_or(Err(FileFault::NotFound(Vec::new())))
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.read(path).map(drop)
    }
}

/// The beginning of a scenario; the rest of its step follows.
pub const HEAD: &str = "id = \"t\"\ntitle = \"测试\"\n[[step]]\nname = \"一\"\nstage = \"find\"\n";

fn scenario(files: &Memory) -> String {
    match load_scenario(Path::new(""), Path::new("t.toml"), files, &Vars::new()) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn a_file_that_cannot_be_read_is_said_where_it_is_named() {
    let cases = [
        (
            FileFault::TooLarge { limit: 1 << 20 },
            "`big.toml` is too large",
            "hint: a file may have up to 1024 KiB",
        ),
        (FileFault::NotUtf8 { offset: 7 }, "`big.toml` is not UTF-8 at byte 7", "hint: save it as UTF-8"),
        (FileFault::Outside, "`big.toml` leaves the folder", "links included"),
        (FileFault::Unreadable("Permission denied".into()), "cannot be read: Permission denied", ""),
    ];
    for (fault, message, hint) in cases {
        let text = format!("{HEAD}do = [{{ use = \"big.toml\" }}]\n");
        let said = scenario(&Memory::default().with("t.toml", &text).without("big.toml", fault.clone()));
        assert!(said.contains(message) && said.contains(hint), "{said}");
        assert!(said.contains("t.toml:6:15"), "{said}");
        // The file itself has no place to point at.
        let said = scenario(&Memory::default().without("t.toml", fault));
        assert!(said.contains("\n --> t.toml\n"), "{said}");
    }
}

#[test]
fn warnings_and_faults_come_as_json() {
    let files = Memory::default().with("t.toml", &format!("{HEAD}do = [{{ 'clik' = \"text=药\" }}]\n"));
    let faults = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()).unwrap_err();
    let json = serde_json::to_value(&faults.diagnostics).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "error",
            "message": "unknown action `clik`",
            "file": "t.toml",
            "line": 6,
            "column": 9,
            "end": { "line": 6, "column": 15 },
            "hint": "did you mean `click`?",
        }])
    );
}

#[test]
fn colours_come_only_when_asked_for() {
    let files = Memory::default().with("t.toml", "x = 1\n");
    let faults = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()).unwrap_err();
    assert!(!faults.render(false).contains('\u{1b}'));
    assert!(faults.render(true).contains("\u{1b}["));
}

#[test]
fn a_hostile_file_cannot_steer_the_terminal() {
    let files =
        Memory::default().with("t.toml", "id = \"\u{202e}a\u{7f}\"\n\"\\u001b[2J\\n\" = 1\n# \u{9b}31m\n");
    let faults = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()).unwrap_err();
    let said = faults.to_string();
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    assert!(!said.contains('\u{202e}'), "{said:?}");
    // The controls of eight bits: U+009B is an escape and a bracket in one.
    let said = scenario(&Memory::default().with("t.toml", "title = \u{9b}31m名\u{85} x\n"));
    assert!(said.contains("1 | title = ·31m名· x"), "{said:?}");
    // What it is called reaches the terminal as well, and what a message quotes of it.
    let name = "f\u{1b}]0;owned\u{7}\u{202e}.toml";
    let quoted =
        format!("{HEAD}do = [{{ use = \"f\\u001b]0;owned\\u0007\\u202e.toml\" }}]\n\"a\u{202e}\" = 1\n");
    let said =
        scenario(&Memory::default().with("t.toml", &quoted).with(name, "do = [{ clik = \"text=a\" }]\n"));
    assert!(said.contains("--> f ]0;owned  .toml:1:9"), "{said:?}");
    assert!(said.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{said:?}");
}

#[test]
fn the_hash_follows_every_file() {
    let hash = |fragment: &str| {
        let text = format!("{HEAD}do = [{{ use = \"f.toml\" }}]\n");
        let files = Memory::default().with("t.toml", &text).with("f.toml", fragment);
        load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()).unwrap().0.hash
    };
    let click = "do = [{ click = \"text=a\" }]";
    assert_eq!(hash(click), hash(click));
    assert_ne!(hash(click), hash("do = [{ click = \"text=b\" }]"));
}

#[test]
fn fragments_cannot_multiply_without_end() {
    // Ten uses on each of nine levels would be a billion clicks.
    let mut files = Memory::default().with("t.toml", &format!("{HEAD}do = [{{ use = \"f0.toml\" }}]\n"));
    for level in 0..8 {
        let use_next = format!("{{ use = \"f{}.toml\" }},", level + 1).repeat(10);
        files = files.with(&format!("f{level}.toml"), &format!("do = [{use_next}]"));
    }
    let said = scenario(&files.with("f8.toml", "do = [{ press = \"Enter\" }]"));
    assert!(said.contains("at most 500 actions"), "{said}");
}

/// Pieces of which scenarios are made, so that arbitrary texts get past the first key.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "id = \"t\"\n",
        "title = \"测试\"\n",
        "[vars]\n",
        "q = \"{x}\"\n",
        "[[step]]\n",
        "[step]\n",
        "name = \"一\"\n",
        "stage = \"gate\"\n",
        "do = [",
        "expect = [",
        "seen = [",
        "{ ",
        " }",
        "]",
        ", ",
        "\n",
        "click = ",
        "fill = ",
        "with = ",
        "use = ",
        "\"t.toml\"",
        "\"f.toml\"",
        "text = ",
        "url = ",
        "outcome = ",
        "\"broken\"",
        "\"role=button[name='提交']\"",
        "\"role=a[\"",
        "\"css=a[\"",
        "\"text=/(/ >> nth=-1\"",
        "\"={\"",
        "'''\n药''\\\\'''",
        "\"\"\"\\\n  {q}\\u836F\"\"\"",
        "\"=\\\"\\\\\\\"\"",
        "1",
        "-1.5e9",
        "true",
        "2026-10-01",
        "within = \"1h30m\"\n",
        "within = \"药s\"\n",
        "\u{feff}",
        "\r\n",
        "\0",
        "{q}",
        "[[[",
        "#",
        "measure = [\"T1\"]\n",
        "[params]\n",
        "\"13800138000\"",
        "\"11010519491231002X\"",
        "password = ",
        "\"{\"",
        "\"}\"",
        "\"/\"",
        "\"=/\"",
        "\">>\"",
        "\"role=\"",
        "\"nth=\"",
        "\"text='\"",
        "\"xpath=\"",
        "[[indicator]]\nid = \"T\"\ntitle = \"甲\"\nweight = 1\n",
        "[[indicator]]\nid = \"T1\"\nof = \"T\"\ntitle = \"乙\"\nweight = 2\nshare = ",
        "of = \"T1\"\n",
        "steps = true\n",
        "deduct = { each = 1 }\n",
        "choice = [{ word = \"na\" }]\n",
        "[[95, 0], [100, 1e400]]\n",
        "[bonus]\nabove = 80\n",
        "bonus = true\n",
        "[[finding]]\nid = \"f\"\nwhen = ",
        "{ all = [{ not = { indicator = \"T\", value = { below = nan } } }] }\n",
        "sentence = \"{count}药{\"\n",
        "press = ",
        "\"Control+\"",
        "\"++\"",
        "goto = ",
        "\":\"",
    ]);
    prop::collection::vec(prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => ".{0,12}"], 0..60)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![soup(), any::<String>()], fragment in soup()) {
        let files = Memory::default().with("t.toml", &text).with("f.toml", &fragment);
        let vars = Vars::from([("q".to_owned(), "药".to_owned())]);
        if let Err(faults) = load_scenario(Path::new(""), Path::new("t.toml"), &files, &vars) {
            prop_assert!(!faults.diagnostics.is_empty());
            prop_assert!(!faults.render(true).is_empty());
        }
        if let Err(faults) = load_profile(Path::new("t.toml"), &files) {
            prop_assert!(!faults.to_string().is_empty());
        }
        if let Err(faults) = load(Path::new(""), Path::new("t.toml"), &files) {
            prop_assert!(!faults.to_string().is_empty());
        }
    }

    #[test]
    fn no_locator_makes_the_parser_panic(
        locator in "((role|text|label|css|xpath|nth|testid|药)?=?[\\[\\]'\"/{}()>= \\\\a-z药*^$0-9-]{0,12}( >> )?){0,4}",
    ) {
        let text = format!("{HEAD}do = [{{ click = {} }}]\n", serde_json::Value::String(locator));
        let files = Memory::default().with("t.toml", &text);
        if let Err(faults) = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()) {
            for diagnostic in &faults.diagnostics {
                // Whatever is wrong stands on the line of the locator.
                prop_assert_eq!(diagnostic.at.place.as_ref().map(|place| place.line), Some(6));
            }
        }
    }
}
