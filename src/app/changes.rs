//! What a new configuration changes, in lines for the log: whoever reloads sees what he did.
//!
//! Invariant: a pure comparison of two plans. Names and ids are told, values never: a configuration may
//! hold what belongs in no log.

use std::collections::BTreeMap;

use crate::plan::{Plan, Route, Work};

/// More lines than this are counted and not written: nobody reads them.
const MOST: usize = 40;

/// What one part of the configuration calls its entries.
struct Part {
    noun: &'static str,
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

/// One line for everything that was added, removed or changed, at most [`MOST`] and one that counts the
/// rest; nothing when both plans say the same.
pub(super) fn changes(old: &Plan, new: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let sections = [
        ("[agent]", old.agent != new.agent),
        ("[browser]", old.browser != new.browser),
        ("[web]", old.web != new.web),
        ("[mail]", old.mail != new.mail),
        ("[alert]", old.alert != new.alert),
        ("[canary]", old.canary != new.canary),
        ("the lexicon", old.lexicon != new.lexicon),
    ];
    lines.extend(sections.iter().filter(|(_, changed)| *changed).map(|(name, _)| format!("{name} changed")));
    for Part { noun, old, new } in parts(old, new) {
        let added = new.keys().filter(|id| !old.contains_key(*id));
        lines.extend(added.map(|id| format!("{noun} {id} added")));
        let removed = old.keys().filter(|id| !new.contains_key(*id));
        lines.extend(removed.map(|id| format!("{noun} {id} removed")));
        let changed = new.iter().filter(|(id, value)| old.get(*id).is_some_and(|old| old != *value));
        lines.extend(changed.map(|(id, _)| format!("{noun} {id} changed")));
    }
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        lines.truncate(MOST);
        lines.push(format!("and {more} more changes"));
    }
    lines
}

/// The lists, each entry by its id and all that it says.
fn parts(old: &Plan, new: &Plan) -> [Part; 6] {
    let part = |noun, entries: fn(&Plan) -> BTreeMap<String, String>| Part {
        noun,
        old: entries(old),
        new: entries(new),
    };
    [
        part("target", |plan| {
            plan.targets.iter().map(|target| (target.id.to_string(), format!("{target:?}"))).collect()
        }),
        part("scenario", scenarios),
        part("probe", probes),
        part("route to", |plan| numbered(plan.routes.iter().map(|route| (recipients(route), route)))),
        part("webhook", |plan| {
            plan.hooks.iter().map(|hook| (hook.name.clone(), format!("{hook:?}"))).collect()
        }),
        part("maintenance", |plan| {
            numbered(plan.maintenance.iter().map(|window| (window.name.clone(), window)))
        }),
    ]
}

/// Scenarios by id and by the hash over their files.
fn scenarios(plan: &Plan) -> BTreeMap<String, String> {
    let walked = plan.probes.iter().filter_map(|probe| match &probe.work {
        Work::Walk(scenario) => Some((scenario.id.to_string(), scenario.hash.clone())),
        Work::Visit { .. } | Work::Crawl(_) => None,
    });
    walked.collect()
}

/// Probes by id. What their scenario and their targets say is told of those.
fn probes(plan: &Plan) -> BTreeMap<String, String> {
    let said = plan.probes.iter().map(|probe| {
        let work = match &probe.work {
            Work::Walk(scenario) => format!("walk {}", scenario.id),
            other => format!("{other:?}"),
        };
        let targets: Vec<&str> = probe.targets.iter().map(|target| target.id.as_str()).collect();
        // What all have from [alert] is told once.
        let alert = Some(&probe.alert).filter(|own| **own != plan.alert);
        let rest = (&probe.engine, &probe.schedule, &probe.jitter, alert, &probe.severity, &probe.slow);
        (probe.id.to_string(), format!("{work} {targets:?} {rest:?}"))
    });
    said.collect()
}

fn recipients(route: &Route) -> String {
    let to: Vec<String> = route.to.iter().map(ToString::to_string).collect();
    to.join(", ")
}

/// Entries that may have the same name: the second of them is called `name (2)`.
fn numbered<T: std::fmt::Debug>(entries: impl Iterator<Item = (String, T)>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, entry) in entries {
        let mut number = 1;
        let mut key = name.clone();
        while all.contains_key(&key) {
            number += 1;
            key = format!("{name} ({number})");
        }
        all.insert(key, format!("{entry:?}"));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::plan::{FileFault, Files, load};

    struct Memory(HashMap<PathBuf, String>);

    impl Files for Memory {
        fn read(&self, path: &Path) -> Result<String, FileFault> {
            self.0.get(path).cloned().ok_or(FileFault::NotFound(Vec::new()))
        }
        fn exists(&self, path: &Path) -> Result<(), FileFault> {
            self.read(path).map(drop)
        }
    }

    const GOOD: &str = r#"
[agent]
name = "here"
[mail]
smtp = "smtps://mail.example.org"
from = "alerts@example.org"
[[mail.route]]
to = ["oncall@example.org"]
[[target]]
id = "a"
name = "甲"
entry = "http://127.0.0.1:1/"
class = "test"
[[target]]
id = "b"
name = "乙"
entry = "http://127.0.0.1:2/"
class = "test"
[[probe]]
id = "home"
visit = {}
targets = ["*"]
schedule = "0 * * * *"
[[probe]]
id = "walk"
scenario = "look.toml"
targets = ["a"]
schedule = "0 * * * *"
"#;

    const LOOK: &str =
        "id = \"look\"\ntitle = \"看\"\n[[step]]\nname = \"一\"\nstage = \"find\"\ndo = [{ goto = \"/\" }]\n";

    fn plan(probes: &str, look: &str) -> Plan {
        let files =
            HashMap::from([("probes.toml".into(), probes.to_owned()), ("look.toml".into(), look.to_owned())]);
        match load(Path::new(""), Path::new("probes.toml"), &Memory(files)) {
            Ok(loaded) => loaded.plan,
            Err(faults) => panic!("{faults}"),
        }
    }

    #[test]
    fn every_change_is_told_by_its_id() {
        let change = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replace(from, to)
        };
        let more =
            "\n[[target]]\nid = \"c\"\nname = \"丙\"\nentry = \"http://127.0.0.1:3/\"\nclass = \"test\"\n";
        let cases: Vec<(&str, String, &[&str])> = vec![
            ("nothing", GOOD.to_owned(), &[]),
            ("a comment", format!("# new\n{GOOD}"), &[]),
            ("a name", change("\"乙\"", "\"丁\""), &["target b changed"]),
            // `home` takes every target, and `c` is now one of them.
            ("one more", format!("{GOOD}{more}"), &["target c added", "probe home changed"]),
            (
                "a schedule",
                change(
                    "visit = {}\ntargets = [\"*\"]\nschedule = \"0 *",
                    "visit = {}\ntargets = [\"*\"]\nschedule = \"5 *",
                ),
                &["probe home changed"],
            ),
            (
                "an id",
                change("id = \"home\"", "id = \"front\""),
                &["probe front added", "probe home removed"],
            ),
            (
                "a recipient",
                change("[\"oncall@", "[\"duty@"),
                &["route to duty@example.org added", "route to oncall@example.org removed"],
            ),
            ("the rules", format!("{GOOD}[alert]\nconfirm = 3\n"), &["[alert] changed"]),
            ("the server", change("mail.example.org", "mail2.example.org"), &["[mail] changed"]),
        ];
        let old = plan(GOOD, LOOK);
        for (name, new, want) in cases {
            assert_eq!(changes(&old, &plan(&new, LOOK)), want, "{name}");
        }
        let other = LOOK.replace("goto = \"/\"", "goto = \"/new\"");
        assert_eq!(changes(&old, &plan(GOOD, &other)), ["scenario look changed"]);
    }

    #[test]
    fn a_flood_of_changes_is_counted() {
        let target = |n: u32| {
            format!(
                "[[target]]\nid = \"t{n}\"\nname = \"甲\"\nentry = \"http://127.0.0.1:1/\"\nclass = \"test\"\n"
            )
        };
        let all = (0..100).map(target).collect::<Vec<_>>().concat();
        let lines = changes(&plan(GOOD, LOOK), &plan(&format!("{GOOD}{all}"), LOOK));
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines.last().unwrap(), "and 61 more changes");
    }
}
