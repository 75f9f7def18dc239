//! Good files give the plan that they say.

use std::path::Path;
use std::time::Duration;

use jiff::civil::time;
use mystery_shopper::domain::incident::{AlertRules, Concern, Severity, Threshold};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::locator::{Link, MatchOp};
use mystery_shopper::domain::notice::Recipient;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::scenario::{Channel, Check, Stage, Verb};
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::domain::template::Vars;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::{
    CrawlPlan, HookTemplate, HookUrl, Loaded, Plan, QuietHours, Render, SecretRef, SmtpSecurity, WebDriver,
    Window, Work, load,
};

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
    assert_eq!(plan.probes[0].jitter, Duration::from_mins(2));
    assert_eq!(plan.probes[2].work, Work::Crawl(CrawlPlan::new(200, 3)));
    assert_eq!(plan.hash.len(), 64);

    let Work::Walk(scenario) = &plan.probes[0].work else { panic!("a walk") };
    assert_eq!(scenario.title, "药品经营许可证核发");
    assert_eq!(scenario.deadline, Duration::from_mins(3));
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

#[test]
fn every_key_of_the_configuration_is_understood() {
    let Loaded { plan, warnings } = loaded("full");
    let warnings: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!(plan.agent.contact.as_deref(), Some("https://example.org/evaluation"));
    assert_eq!((plan.agent.timezone.as_str(), plan.agent.language), ("Asia/Urumqi", Language::English));
    assert_eq!(plan.agent.data_dir, Path::new("/var/lib/shopper"));
    assert_eq!(plan.browser.sessions, 4);
    assert_eq!(plan.browser.memory, 768 << 20);
    let WebDriver::Remote(urls) = &plan.browser.webdriver else { panic!("remote") };
    assert_eq!(
        urls.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["http://grid-1:4444/", "https://grid-2:4444/wd/hub/"]
    );
    assert_eq!(plan.browser.chromedriver, Some(plan.root.join("bin/chromedriver")));
    assert_eq!(plan.web.listen, Some("[::1]:8787".parse().unwrap()));

    assert_eq!(plan.canary.names, ["www.example.com"]);
    assert_eq!(plan.canary.sites, ["https://www.example.com/".parse().unwrap()]);

    let mail = plan.mail.as_ref().unwrap();
    assert_eq!((mail.smtp.security, mail.smtp.port), (SmtpSecurity::StartTls, 587));
    assert_eq!(mail.smtp.user.as_deref(), Some("alerts@example.org"));
    assert_eq!(mail.password, Some(SecretRef::File(plan.root.join("secrets/smtp"))));
    assert_eq!(plan.routes[0].when.targets, ["a", "b"]);
    assert_eq!(plan.routes[0].when.severities, [Severity::Outage]);
    assert_eq!(plan.routes[0].when.labels.len(), 2);
    assert_eq!(plan.routes[1].to.len(), 2);
    post(&plan);
    let all = AlertRules {
        confirm: Threshold::runs(3),
        recover: Threshold { runs: 2, time: Some(Duration::from_mins(10)) },
        remind: None,
        flapping: false,
        wave: 5,
        gather: Duration::from_mins(2),
    };
    assert_eq!(plan.alert, all);
    let walk = &plan.probes[0];
    assert_eq!((walk.severity, walk.slow), (Severity::Degraded, Some(Duration::from_secs(90))));
    let own = AlertRules {
        confirm: Threshold { runs: 2, time: Some(Duration::from_mins(5)) },
        recover: Threshold::runs(2),
        remind: Some(Duration::from_hours(1)),
        flapping: true,
        gather: Duration::ZERO,
        ..all
    };
    assert_eq!(walk.alert, own);
    assert_eq!(
        (plan.probes[1].alert, plan.probes[1].severity, plan.probes[1].slow),
        (all, Severity::Outage, None)
    );

    let [moving, nightly, house] = &plan.maintenance[..] else { panic!("{:?}", plan.maintenance) };
    // Urumqi has Shanghai's distance from UTC less two hours.
    let Window::Once { from, until } = &moving.when else { panic!("{moving:?}") };
    assert_eq!(
        (from.to_string(), until.to_string()),
        ("2026-12-24T16:00:00Z".into(), "2026-12-24T22:00:00Z".into())
    );
    assert_eq!((moving.what.targets.len(), moving.what.probes.as_slice()), (2, &["walk".to_owned()][..]));
    assert!(moving.is_about(&walk.id, &plan.targets[0]) && !moving.is_about(&walk.id, &plan.targets[2]));
    let Window::Repeating { lasts, .. } = &nightly.when else { panic!("{nightly:?}") };
    assert_eq!((*lasts, nightly.what.labels.len()), (Duration::from_hours(8), 2));
    assert!(nightly.is_about(&walk.id, &plan.targets[0]) && !nightly.is_about(&walk.id, &plan.targets[1]));
    assert!(house.is_about_everything() && !nightly.is_about_everything());

    let (a, b) = (&plan.targets[0], &plan.targets[1]);
    assert_eq!((a.class, b.class), (TargetClass::Live, TargetClass::Test));
    assert_eq!(a.hosts, ["*.example.org", "xn--fsqu00a.xn--fiqs8s"]);
    assert!(a.owns_host("www.example.org") && a.owns_host("zwfw.example.org"));
    assert_eq!(a.assessed.as_ref().unwrap().on, jiff::civil::date(2026, 10, 1));
    assert_eq!(a.assessed.as_ref().unwrap().on, plan.targets[2].assessed.as_ref().unwrap().on);
    assert_eq!(a.labels.len(), 2);
    assert_eq!(b.entry.as_str(), "http://127.0.0.1:8600/portal");

    let targets =
        |probe: usize| plan.probes[probe].targets.iter().map(|target| target.id.as_str()).collect::<Vec<_>>();
    assert_eq!((targets(0), targets(1), targets(2)), (vec!["a", "b"], vec!["a", "c"], vec!["c"]));
    assert_eq!(plan.probes[1].work, Work::Visit { within: Duration::from_secs(15) });
    assert_eq!(plan.probes[2].work, Work::Crawl(CrawlPlan::new(200, 1)));
    let all = CrawlPlan {
        max_pages: 2_000,
        depth: 5,
        max_links: 100_000,
        render: Render::Always,
        external: false,
        fragments: false,
        interval: Some(Duration::from_secs(1)),
        concurrency: Some(2),
        daily: 800,
        limit: Some(0),
        within: Duration::from_secs(5),
        time: Duration::from_hours(12),
    };
    assert_eq!(plan.probes[3].work, Work::Crawl(all));
    // What would be no manner on a live portal is for a test system to say.
    let fast = CrawlPlan {
        render: Render::Never,
        interval: Some(Duration::ZERO),
        concurrency: Some(64),
        limit: Some(12),
        ..CrawlPlan::new(200, 1)
    };
    assert_eq!(plan.probes[4].work, Work::Crawl(fast));
    let soft: Vec<_> = plan.targets.iter().map(|target| target.soft_404).collect();
    assert_eq!(soft, [true, true, false], "asked for, a test system, a live portal");
    let told = |target: &Target| {
        let about = Some((&plan.probes[0].id, target));
        plan.routes_of(about, Concern::Outage, Severity::Outage).flat_map(|route| &route.to).count()
    };
    assert_eq!(told(a), 3, "and not the webhook that wants to hear of ourselves");
    assert_eq!(told(b), 2);

    let meanings: Vec<_> = plan.lexicon.entries.iter().map(|entry| entry.outcome).collect();
    assert_eq!(meanings, [Outcome::MustGoToWindow, Outcome::LoginWall, Outcome::Broken]);
    assert_eq!(plan.lexicon.entries[1].phrases, ["请先登录", "用户登录", "please log in"]);
    assert_eq!(plan.lexicon.negations.len(), 2);
}

#[test]
fn every_verb_and_check_is_understood() {
    let plan = loaded("full").plan;
    let Work::Walk(scenario) = &plan.probes[0].work else { panic!("a walk") };
    assert_eq!((scenario.channel, scenario.scored), (Channel::Mobile, false));
    let allow: Vec<_> = scenario.allow.iter().map(|r| (r.method.as_str(), r.path.as_str())).collect();
    assert_eq!(allow, [("POST", "/search*"), ("PUT", "/draft")]);
    assert_eq!(scenario.authors, ["13812345678@example.org", "author@example.org"]);
    let step = &scenario.steps[0];
    assert_eq!(step.measure.len(), 2);
    // 25 of the 27 as they stand; each `use` gives a fill, a click of its inner fragment and a wait.
    assert_eq!(step.actions.len(), 25 + 2 * 3);
    assert_eq!(step.actions[0].within, Some(Duration::from_secs(20)));
    let Verb::Click(locator) = &step.actions[1].verb else { panic!("a click") };
    assert_eq!(locator.alternatives.len(), 2);
    assert_eq!(locator.to_string(), "role=button[name='我要办'][expanded=false] | text=在线办理");
    let Verb::Type { with, .. } = &step.actions[3].verb else { panic!("a type") };
    assert_eq!(with.render(&Vars::from([("number".into(), "7".into())])).unwrap(), "{字面}7");
    let Verb::Upload { file, .. } = &step.actions[10].verb else { panic!("an upload") };
    assert_eq!(file, Path::new("scenarios/files/licence.pdf"));
    let Verb::Download { link, expect } = &step.actions[11].verb else { panic!("a download") };
    assert_eq!(link.alternatives[0].links.len(), 1, "a joint inside quotes is none");
    assert_eq!((expect.kind.as_deref(), expect.min_size, expect.opens), (Some("pdf"), Some(1000), true));
    assert_eq!(step.actions[14].verb, Verb::Frame(None));
    let Verb::Wait(Check::Visible(locator)) = &step.actions[20].verb else { panic!("a wait") };
    let Link::Text(text) = &locator.alternatives[0].links[0] else { panic!("a text") };
    assert_eq!((text.op, text.value.text().as_str()), (MatchOp::Regex, "第\\d{1,3}页"));

    // The fragment, with its default and with a parameter of its own.
    let Verb::Fill { field, with } = &step.actions[24].verb else { panic!("a fill") };
    assert_eq!(
        (field.to_string().as_str(), with.text().as_str()),
        ("role=searchbox[name='{target_name}']", "找{receipt}")
    );
    assert_eq!(step.actions[24].at.file, Path::new("scenarios/fragments/search.toml"));
    let Verb::Click(locator) = &step.actions[25].verb else { panic!("a click") };
    assert_eq!(locator.to_string(), "text={receipt}");
    assert_eq!(step.actions[26].within, Some(Duration::from_secs(5)), "the fragment's own time");
    let Verb::Fill { field, .. } = &step.actions[27].verb else { panic!("a fill") };
    assert_eq!(field.to_string(), "css=#q");
    assert_eq!(step.actions[27].within, Some(Duration::from_secs(30)), "the time of the use");

    let step = &scenario.steps[1];
    assert_eq!((step.expect.len(), step.seen.len()), (15, 4));
    let Check::Visible(locator) = &step.expect[0].check else { panic!("visible") };
    assert_eq!(locator.alternatives[0].links.len(), 2, "an apostrophe opens no quote");
    let Check::Url(text) = &step.expect[5].check else { panic!("a url") };
    assert_eq!(text.op, MatchOp::Contains, "a path is no regular expression");
    assert_eq!(step.within, Duration::from_secs(30));
}

#[test]
fn what_is_shipped_loads_without_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = DiskFiles::new(root);
    let Loaded { plan, warnings } =
        load(root, Path::new("probes.toml"), &files).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(warnings, []);
    assert!(plan.probes.len() >= 4 && plan.targets.len() >= 3);
    assert!(plan.lexicon.entries.len() >= 15);
}

/// Who is told what by what way, of the configuration with every key.
fn post(plan: &Plan) {
    assert_eq!(plan.web.public.as_ref().unwrap().as_str(), "https://shopper.example.org/probes/");
    let [_, everything, degraded, authors, ops, own] = &plan.routes[..] else { panic!("{:?}", plan.routes) };
    let others: Vec<_> =
        plan.probes.iter().map(|probe| probe.id.to_string()).filter(|id| id != "trial").collect();
    assert_eq!(everything.when.probes, others, "whatever takes all takes none that is nobody's");
    assert_eq!(
        degraded.to,
        [Recipient::Mail("lead@example.org".to_owned()), Recipient::Hook("ops".to_owned())]
    );
    assert_eq!(degraded.when.severities, [Severity::Degraded, Severity::Info]);
    assert_eq!(degraded.when.concerns, [Concern::Slow, Concern::Links]);
    assert_eq!((&degraded.when.classes[..], degraded.after.as_secs()), (&[TargetClass::Live][..], 1800));
    let night = QuietHours { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0), unless: Severity::Degraded };
    assert_eq!(degraded.quiet, Some(night));
    assert_eq!(
        authors.when.severities,
        [Severity::Outage, Severity::Degraded],
        "what rots is never an outage"
    );
    assert_eq!(ops.to, [Recipient::Hook("ops".to_owned())]);
    assert_eq!(ops.quiet.unwrap().unless, Severity::Outage);
    assert_eq!(
        (&own.when.concerns[..], &own.when.severities[..]),
        (&[Concern::Vantage][..], &[Severity::Outage][..])
    );

    let [feishu, file] = &plan.hooks[..] else { panic!("{:?}", plan.hooks) };
    assert_eq!(feishu.url, HookUrl::Secret(SecretRef::Credential("ops-webhook".to_owned())));
    assert_eq!(
        (&feishu.template, &feishu.secret),
        (&HookTemplate::Feishu, &Some(SecretRef::Env("OPS_SECRET".to_owned())))
    );
    assert_eq!(file.url, HookUrl::Plain("http://127.0.0.1:9000/hook".parse().unwrap()));
    assert_eq!(file.template, HookTemplate::File("hooks/own.json".into()));

    let mail = plan.mail.as_ref().unwrap();
    assert_eq!(mail.digests.len(), 2);
    assert_eq!(mail.digests[1].when.severities, Severity::ALL, "a digest tells of everything");
    assert_eq!(mail.heartbeat.as_ref().unwrap().to, [Recipient::Hook("own".to_owned())]);
}
