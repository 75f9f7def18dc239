//! The bundled configuration and scenarios against the demo portal: they are read without a
//! warning, and in a real browser each walk ends where the tour (`docs/demo.md`) says.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use mystery_shopper::browser::{Guard, Journey, JourneyOptions, Pool, Settings, StepError};
use mystery_shopper::clock::{Clock, Deadline};
use mystery_shopper::demo::{City, Fault, Portal, PortalState};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::scenario::{Action, Channel, Scenario, Step};
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::{self, Plan, Work};

fn plan() -> Plan {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = plan::load(root, Path::new("probes.toml"), &DiskFiles::new(root))
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded.plan
}

fn scenario<'a>(plan: &'a Plan, probe: &str) -> &'a Scenario {
    match &plan.probe(probe).expect("the probe is there").work {
        Work::Walk(scenario) => scenario,
        work => panic!("{work:?} is no walk"),
    }
}

#[test]
fn the_bundled_configuration_fits_the_demo_as_it_stands() {
    let plan = plan();
    for city in City::ALL {
        let target = plan.target(city.id()).expect("every city is a target");
        assert_eq!(target.entry.as_str(), format!("http://127.0.0.1:8600{}", city.home()));
        assert_eq!(target.name, city.portal());
        assert_eq!(target.class, TargetClass::Test);
    }
    let regions: std::collections::BTreeSet<_> = plan.targets.iter().map(|target| target.region()).collect();
    assert_eq!(regions.len(), City::ALL.len(), "every city lies in a region of its own");
    for (probe, targets) in
        [("drug-licence", 3), ("drug-licence-receipt", 1), ("temporary-id", 3), ("home", 3), ("links", 3)]
    {
        assert_eq!(plan.probe(probe).map(|probe| probe.targets.len()), Some(targets), "{probe}");
    }
}

#[test]
fn the_walk_through_the_gate_is_refused_on_a_live_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    copy(&root.join("scenarios"), &folder.path().join("scenarios"));
    let text = std::fs::read_to_string(root.join("probes.toml")).unwrap();
    let live = text.replace(
        "class  = \"test\"",
        "class  = \"live\"\nassessed = { by = \"评估办公室\", on = \"2026-10-01\" }",
    );
    std::fs::write(folder.path().join("probes.toml"), live).unwrap();
    let faults = plan::load(folder.path(), Path::new("probes.toml"), &DiskFiles::new(folder.path()))
        .expect_err("a live target is not submitted to")
        .to_string();
    assert!(faults.contains("drug-licence-receipt.toml") && faults.contains("submits"), "{faults}");
    assert!(!faults.contains("scenarios/drug-licence.toml"), "the walk to the gate is fine: {faults}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// How a walk ended: the step, and what the step's own rules make of it.
type End<'a> = Option<(&'a str, Option<Outcome>)>;

/// Walks a scenario step by step; [`None`] when every step worked.
async fn walk<'a>(
    pool: &Pool,
    engine: Engine,
    scenario: &'a Scenario,
    target: &Target,
    entry: &str,
) -> End<'a> {
    let mut vars: Vars = scenario.vars.clone();
    vars.extend(target.vars.clone());
    vars.insert("entry".into(), entry.into());
    let options = JourneyOptions {
        engine,
        channel: Channel::Desktop,
        language: Language::Chinese,
        timezone: "Asia/Shanghai".into(),
        place: Place::default(),
        origin: String::new(),
        screen: None,
        user_agent: "mystery-shopper/test (+mailto:evaluators@example.org)".into(),
        guard: Guard { live: false, allow: Vec::new(), loopback: true, hosts: vec!["127.0.0.1".into()] },
        slow: Duration::ZERO,
    };
    let mut journey = pool.open(options, Deadline::after(Duration::from_mins(2))).await.expect("a browser");
    let mut end = None;
    for step in &scenario.steps {
        if let Err(error) = take(&mut journey, step, &mut vars).await {
            assert!(
                !matches!(error, StepError::Ambiguous { .. } | StepError::Browser(_)),
                "{}: {error}",
                step.name
            );
            end = Some((step.name.as_str(), meaning(&mut journey, step, &vars, &error).await));
            break;
        }
    }
    journey.close().await;
    end
}

async fn take(journey: &mut Journey, step: &Step, vars: &mut Vars) -> Result<(), StepError> {
    let deadline = Deadline::after(step.within);
    journey.begin_step();
    for action in &step.actions {
        let action = Action { verb: action.verb.resolve(vars).unwrap(), ..action.clone() };
        let done = journey.act(&action, deadline).await?;
        if let (mystery_shopper::domain::scenario::Verb::Read { into, .. }, Some(text)) =
            (&action.verb, done.read)
        {
            vars.insert(into.clone(), text);
        }
    }
    for expectation in &step.expect {
        journey.expect(&expectation.check.resolve(vars).unwrap(), deadline).await?;
    }
    Ok(())
}

/// The outcome by the step's `seen` and, when an element is missing, its `absent`.
async fn meaning(journey: &mut Journey, step: &Step, vars: &Vars, error: &StepError) -> Option<Outcome> {
    let deadline = Deadline::after(Duration::from_secs(10));
    for rule in &step.seen {
        if journey.sees(&rule.sign.resolve(vars).unwrap(), deadline).await.expect("a page").is_some() {
            return Some(rule.outcome);
        }
    }
    step.absent.filter(|_| matches!(error, StepError::NotFound(_)))
}

#[tokio::test]
async fn each_walk_ends_where_the_tour_says() {
    tour(Engine::Chromium).await;
}

#[tokio::test]
async fn firefox_makes_the_same_tour() {
    tour(Engine::Firefox).await;
}

async fn tour(engine: Engine) {
    let plan = plan();
    let temp = tempfile::tempdir().unwrap();
    let pool = Pool::new(Settings {
        sessions: 2,
        remote: Vec::new(),
        chromium: None,
        chromedriver: None,
        firefox: None,
        geckodriver: None,
        headed: false,
        temp: temp.path().to_owned(),
        cgroup: None,
        retire_after: 200,
        retire_above: 1 << 30,
    });
    let cases: [(&str, City, Option<Fault>, End); 10] = [
        ("drug-licence", City::Shifan, None, None),
        ("drug-licence-receipt", City::Shifan, None, None),
        ("drug-licence", City::Linhai, None, Some(("进入在线办理", Some(Outcome::AccountType)))),
        ("drug-licence", City::Beishan, None, Some(("进入在线办理", Some(Outcome::MustMailPaper)))),
        ("temporary-id", City::Shifan, None, Some(("到达提交环节", Some(Outcome::MustGoToWindow)))),
        ("temporary-id", City::Linhai, None, Some(("进入在线办理", Some(Outcome::GuideOnly)))),
        ("temporary-id", City::Beishan, None, Some(("搜索事项", Some(Outcome::NotInSearch)))),
        ("drug-licence", City::Shifan, Some(Fault::Captcha), Some(("搜索事项", Some(Outcome::CaptchaWaf)))),
        (
            "drug-licence",
            City::Shifan,
            Some(Fault::LoginWall),
            Some(("进入在线办理", Some(Outcome::LoginWall))),
        ),
        ("drug-licence", City::Shifan, Some(Fault::StepBroken), Some(("填写经营场所", None))),
    ];
    // Two at a time, each against a portal of its own, so that faults do not meet other walks.
    let walks = cases.map(|(probe, city, fault, want)| {
        let (plan, pool) = (&plan, &pool);
        async move {
            let portal = Portal::bind("127.0.0.1:0".parse().unwrap(), PortalState::new(Clock::system()))
                .await
                .unwrap();
            if let Some(fault) = fault {
                portal.state().set_fault(city, fault, true);
            }
            let target = plan.target(city.id()).unwrap();
            let end = walk(pool, engine, scenario(plan, probe), target, &portal.url(city)).await;
            portal.stop().await;
            assert_eq!(end, want, "{probe} in {} under {fault:?}", city.name());
        }
    });
    futures_util::stream::iter(walks.map(Box::pin)).buffer_unordered(2).collect::<Vec<()>>().await;
    pool.close().await;
}
