//! The examples of the documentation are good: what an author copies works.

use std::fs;
use std::path::Path;

use mystery_shopper::domain::template::Vars;
use mystery_shopper::plan::hook_template::{HookText, NAMES};
use mystery_shopper::plan::profile::load_profile;
use mystery_shopper::plan::{load, load_scenario};

use crate::memory::{HEAD, Memory};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The text between a heading and the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let rest = &page[start + 4..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The TOML blocks of a text.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What stands between backticks in the table rows of a text and begins so.
fn spans<'a>(text: &'a str, begin: &str) -> Vec<&'a str> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|span| span.starts_with(begin)).collect()
}

fn accept(step: &str) {
    let guide = page("scenarios.md");
    let fragment = blocks(section(&guide, "Fragments"))[0];
    let files = Memory::default()
        .with("t.toml", &format!("{HEAD}{step}\n"))
        .with("files/licence.pdf", "")
        .with("fragments/search.toml", fragment);
    if let Err(faults) = load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()) {
        panic!("{faults}");
    }
}

#[test]
fn the_first_scenario_works() {
    let guide = page("scenarios.md");
    let first = blocks(section(&guide, "A first scenario in ten lines"))[0];
    assert!(first.lines().count() <= 10);
    let files = Memory::default().with("t.toml", first);
    let (scenario, warnings) =
        load_scenario(Path::new(""), Path::new("t.toml"), &files, &Vars::new()).unwrap();
    assert_eq!((scenario.steps[0].actions.len(), warnings.len()), (4, 0));
}

#[test]
fn every_verb_locator_and_expectation_has_an_example_that_works() {
    let guide = page("scenarios.md");
    let actions = spans(section(&guide, "What can be done"), "{ ");
    assert!(actions.len() >= 19, "{actions:?}");
    for action in actions {
        accept(&format!("do = [{action}]"));
    }

    let checks = spans(section(&guide, "What can be expected"), "{ ");
    assert!(checks.len() >= 12, "{checks:?}");
    for check in checks {
        accept(&format!("expect = [{check}]"));
    }

    let rows = section(&guide, "How to say which element").lines().filter(|line| line.starts_with("| `"));
    let locators: Vec<_> = rows.filter_map(|row| row.split('`').rev().nth(1)).collect();
    assert_eq!(locators.len(), 10, "{locators:?}");
    for locator in locators {
        accept(&format!("do = [{{ click = '''{locator}''' }}]"));
    }

    accept(&format!("do = [{{ goto = \"/\" }}]\n{}", blocks(section(&guide, "How a step ends"))[0]));
    accept(blocks(section(&guide, "Fragments"))[1]);
}

#[test]
fn every_outcome_that_an_author_may_name_is_explained() {
    use mystery_shopper::domain::outcome::Outcome;
    let guide = page("scenarios.md");
    let ends = section(&guide, "How a step ends");
    for outcome in Outcome::ALL {
        assert!(ends.contains(&format!("`{outcome}`")), "{outcome}");
    }
}

#[test]
fn the_configuration_example_works() {
    let guide = page("configuration.md");
    let files = Memory::default().with("probes.toml", blocks(&guide)[0]);
    let loaded = load(Path::new(""), Path::new("probes.toml"), &files).unwrap();
    assert_eq!(loaded.plan.probes.len(), 1);
    let lexicon = blocks(section(&guide, "lexicon/"))[0];
    assert!(mystery_shopper::plan::lexicon::parse(Path::new("x.toml"), lexicon).is_ok());
}

#[test]
fn the_ways_of_the_mail_page_work() {
    let page = page("mail.md");
    let rest = "[agent]\nname = \"a\"\n[[target]]\nid = \"a\"\nname = \"示范市\"\nregion = \"西南\"\nentry = \"http://127.0.0.1/\"\n\
                class = \"test\"\n[[probe]]\nid = \"home\"\nvisit = {}\ntargets = [\"*\"]\nschedule = \"@daily\"\n";
    let files = Memory::default().with("probes.toml", &format!("{rest}{}", blocks(&page)[0]));
    let loaded =
        load(Path::new(""), Path::new("probes.toml"), &files).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!((loaded.plan.routes.len(), loaded.plan.hooks.len(), loaded.warnings.len()), (4, 1, 0));

    // The template of one's own, and the list of what it can hold.
    let own = page.split("```json\n").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    HookText::parse(own).unwrap();
    let names = page.split("Names: `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    assert_eq!(names.split_whitespace().collect::<Vec<_>>(), NAMES);
}

#[test]
fn every_formula_and_condition_of_the_scoring_page_works() {
    let guide = page("scoring.md");
    let whole = blocks(section(&guide, "A whole profile"))[0];
    let read = |more: &str| {
        let files = Memory::default().with("p.toml", &format!("{whole}\n{more}\n"));
        let (profile, warnings) =
            load_profile(Path::new("p.toml"), &files).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(warnings.is_empty(), "{warnings:?}");
        profile
    };
    let small = read("");
    assert_eq!((small.leaves().len(), small.vetoes.len(), small.findings.len()), (3, 1, 1));

    let formulas: Vec<_> = spans(section(&guide, "From what was seen to points"), "")
        .into_iter()
        .filter(|span| span.contains(" = "))
        .collect();
    assert!(formulas.len() >= 10, "{formulas:?}");
    for formula in formulas {
        read(&format!("[[indicator]]\nid = \"X1\"\ntitle = \"甲\"\nweight = 1\n{formula}"));
    }

    let steps = "[[indicator]]\nid = \"H1\"\ntitle = \"甲\"\nweight = 1\nsteps = true\n";
    let conditions = spans(section(&guide, "Findings"), "{ ");
    assert!(conditions.len() >= 9, "{conditions:?}");
    for condition in conditions {
        read(&format!("{steps}[[finding]]\nid = \"f\"\nwhen = {condition}\nsentence = \"{{count}}\""));
    }
}
