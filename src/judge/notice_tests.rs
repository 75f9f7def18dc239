//! What a mail says, and in which thread.

use super::*;
use crate::domain::ids::EvidenceHash;
use crate::domain::notice::Canary;
use crate::domain::observation::MainResponse;
use crate::judge::fixtures::{canary, plan, run};

const ONE: &str = r#"
[[target]]
id = "demo-city"
name = "示范市政务服务网"
region = "西南"
entry = "http://city.example/"
class = "test"
[[probe]]
id = "drug-licence"
visit = {}
slow = "200ms"
severity = "degraded"
targets = ["*"]
schedule = "@hourly"
[[probe]]
id = "home"
visit = {}
targets = ["*"]
schedule = "@hourly"
"#;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn told(kind: NoticeKind, root: bool) -> Tell {
    Tell { incident: "i1".into(), kind, root, to: Vec::new(), held_by: None, why: String::new() }
}

#[test]
fn a_thread_has_one_root_and_answers_to_it() {
    use Outcome::{Done, NotReached, OnlineReady, ServerError};
    let plan = plan(ONE);
    let setting = Setting { plan: &plan, message_domain: "example.org", now: at(2000) };
    let mut failed = run("r2", &[Done, ServerError, NotReached]);
    failed.steps[1].error = Some("The server answered with status 500.".into());
    failed.steps[1].facts.main =
        Some(MainResponse { url: String::new(), status: 500, mime: "text/html".into(), firewall: None });
    failed.canaries = vec![canary(Canary::Dns, None), canary(Canary::Browser, Some("It was gone."))];
    let mut incident = opened("i1".into(), Concern::Outage, at(900), false, &failed, &setting);
    assert_eq!((incident.step.as_str(), incident.outcome), ("s1", ServerError));
    assert_eq!(
        incident.severity,
        crate::domain::incident::Severity::Degraded,
        "no more than its probe allows"
    );

    let runs = Witnesses { newest: vec![RunId::new("r1"), RunId::new("r2")], in_all: 43 };
    let tell = Tell { held_by: Some("夜间维护".into()), ..told(NoticeKind::Opened, true) };
    let other = Incident { probe: "home".into(), ..incident.clone() };
    let matter = pair(&tell, &incident, Some(&failed), runs, &[other], &setting);
    let first = notice("n1".into(), &tell, &incident, matter, &setting);
    assert_eq!((first.message_id.as_str(), first.in_reply_to.as_ref()), ("<i1@example.org>", None));
    assert_eq!(first.message_id, incident.thread);
    let facts = first.facts().unwrap();
    assert_eq!((facts.runs.len(), facts.runs_in_all), (2, 43));
    assert_eq!((facts.step.as_str(), facts.position, facts.status), ("s1", (1, 3), Some(500)));
    assert_eq!(facts.screenshot.as_ref().map(EvidenceHash::as_str), Some("last-s1"));
    assert_eq!(facts.error.as_deref(), Some("The server answered with status 500."));
    assert_eq!((facts.since, facts.resolved_at, facts.region.as_deref()), (at(900), None, Some("西南")));
    assert_eq!(
        (facts.with_it.as_slice(), facts.held_by.as_deref()),
        (&["首页访问".to_owned()][..], Some("夜间维护"))
    );
    assert_eq!(
        facts.tried,
        ["域名 example.org 可以解析（0.0 秒）。", "同一浏览器打不开本机页面：It was gone."]
    );
    assert_eq!((facts.slow, facts.scenario.as_ref()), (None, None));

    let good = run("r4", &[Done, Done, OnlineReady]);
    incident.closed_at = Some(at(2000));
    let tell = told(NoticeKind::Resolved, false);
    let matter = pair(&tell, &incident, Some(&good), Witnesses::default(), &[], &setting);
    let last = notice("n2".into(), &tell, &incident, matter, &setting);
    assert_eq!(last.message_id, "<n2@example.org>");
    assert_eq!(last.in_reply_to.as_deref(), Some("<i1@example.org>"));
    let facts = last.facts().unwrap();
    assert_eq!((facts.step.as_str(), facts.outcome, facts.position), ("s1", ServerError, (3, 3)));
    assert_eq!((facts.error.as_ref(), facts.resolved_at), (None, Some(at(2000))));
    assert_eq!(facts.screenshot.as_ref().map(EvidenceHash::as_str), Some("last-s1"));

    // The run may be gone by the time, and the probe as well.
    incident.probe = "of-old".into();
    let Matter::Facts(facts) = pair(&tell, &incident, None, Witnesses::default(), &[], &setting) else {
        panic!("facts")
    };
    assert_eq!((facts.probe_title.as_str(), facts.step.as_str()), ("of-old", "s1"));
}

#[test]
fn each_concern_shows_what_is_its_own() {
    use Outcome::{Done, ScriptRot};
    let plan = plan(ONE);
    let setting = Setting { plan: &plan, message_domain: "example.org", now: at(2000) };
    let told = |concern, run: &Run| {
        let incident = opened("i1".into(), concern, at(900), false, run, &setting);
        match pair(&told(NoticeKind::Opened, true), &incident, Some(run), Witnesses::default(), &[], &setting)
        {
            Matter::Facts(facts) => *facts,
            other => panic!("{other:?}"),
        }
    };
    let mut slow = run("r1", &[Done, Done]);
    slow.steps[1].elapsed_ms = 130;
    let facts = told(Concern::Slow, &slow);
    assert_eq!((facts.step.as_str(), facts.outcome), ("s1", Done), "the step that took most");
    assert_eq!(facts.slow, Some(Slowness { took_ms: 250, allowed_ms: 200 }));

    let facts = told(Concern::ScriptRot, &run("r2", &[Done, ScriptRot]));
    assert_eq!((facts.step.as_str(), facts.outcome), ("s1", ScriptRot));
    assert_eq!(facts.scenario.as_ref().map(AsRef::as_ref), Some("drug-licence"));
    assert_eq!(facts.slow, None);
}
