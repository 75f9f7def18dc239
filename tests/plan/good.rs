//! Good files give the plan that they say.

use std::path::Path;
use std::time::Duration;

use mystery_shopper::domain::locator::{Link, MatchOp};
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::scenario::{Check, Stage, Verb};
use mystery_shopper::domain::target::TargetClass;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::{Loaded, SmtpSecurity, WebDriver, Work, load};

/// Loads `tests/plan/<folder>/probes.toml`.
fn loaded(folder: &str) -> Loaded {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan").join(folder);
    match load(&root, Path::new("probes.toml"), &DiskFiles::new(&root)) {
        Ok(loaded) => loaded,
        Err(faults) => panic!("{faults}"),
    }
}

#[test]
fn the_examples_of_the_design_load() {
    let Loaded { plan, warnings } = loaded("good");
    assert_eq!(warnings, []);
    assert_eq!(plan.agent.name, "beijing-1");
    assert_eq!(plan.browser.sessions, 2);
    assert_eq!(plan.browser.webdriver, WebDriver::Spawn);
    let mail = plan.mail.as_ref().unwrap();
    assert_eq!((mail.smtp.security, mail.smtp.port), (SmtpSecurity::Tls, 465));
    assert_eq!(mail.smtp.user.as_deref(), Some("alerts"));
    assert_eq!(plan.targets[0].class, TargetClass::Test);
    assert_eq!(plan.targets[0].region(), Some("西南"));
    let ids: Vec<_> = plan.probes.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(ids, ["drug-licence", "home", "links"]);
    assert_eq!(plan.probes[0].jitter, Duration::from_secs(120));
    assert_eq!(plan.probes[2].work, Work::Crawl { max_pages: 200, depth: 3 });
    assert_eq!(plan.hash.len(), 64);

    let Work::Walk(scenario) = &plan.probes[0].work else { panic!("a walk") };
    assert_eq!(scenario.title, "药品经营许可证核发");
    assert_eq!(scenario.deadline, Duration::from_secs(180));
    let stages: Vec<_> = scenario.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [Stage::Find, Stage::Find, Stage::Form, Stage::Gate]);
    let search = &scenario.steps[1];
    assert_eq!(search.absent, Some(Outcome::NotInSearch));
    assert_eq!((search.at.line, search.actions[2].at.line), (19, 25));
    let Verb::Click(locator) = &search.actions[2].verb else { panic!("a click") };
    let Link::Role { role, name: Some(name), .. } = &locator.alternatives[0].links[0] else {
        panic!("a role")
    };
    assert_eq!((role.as_str(), name.op), ("link", MatchOp::Contains));
    assert!(matches!(scenario.steps[3].expect[0].check, Check::Visible(_)));
}
