use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::any;
use tokio::net::TcpListener;

use super::*;
use crate::domain::language::Language;

fn agent() -> Agent {
    Agent {
        name: "test".to_owned(),
        contact: None,
        timezone: "Asia/Shanghai".to_owned(),
        language: Language::English,
        data_dir: std::path::PathBuf::new(),
    }
}

/// A site that counts who comes, and knows no HEAD.
async fn site() -> (Url, Arc<AtomicU32>) {
    let visits = Arc::new(AtomicU32::new(0));
    let answer = async |State(visits): State<Arc<AtomicU32>>, method: Method| {
        visits.fetch_add(1, Ordering::SeqCst);
        if method == Method::HEAD {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/", any(answer)).with_state(Arc::clone(&visits));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, visits)
}

/// An address at which nobody listens.
fn nobody() -> Url {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/").parse().unwrap()
}

#[tokio::test]
async fn any_answer_of_a_site_is_good_and_a_wave_of_runs_asks_it_once() {
    let (up, visits) = site().await;
    let plan =
        CanaryPlan { names: vec!["localhost.localdomain.invalid".to_owned()], sites: vec![up, nobody()] };
    let (agent, clients, clock) = (agent(), Clients::default(), Clock::system());
    let asker = Asker { plan: &plan, agent: &agent, clients: &clients, clock: &clock };
    let canaries = Canaries::default();
    let run = Stopwatch::start();
    let wave = (0..50).map(|_| canaries.ask(asker, None, run, Deadline::after(ALL)));
    for facts in join_all(wave).await {
        let faults: Vec<bool> = facts.iter().map(|fact| fact.fault.is_some()).collect();
        assert_eq!(faults, [true, false, true], "{facts:?}");
        let kinds: Vec<Canary> = facts.iter().map(|fact| fact.canary).collect();
        assert_eq!(kinds, [Canary::Dns, Canary::Site, Canary::Site]);
        for fault in facts.iter().filter_map(|fact| fact.fault.as_deref()) {
            assert!(fault.starts_with("The ") && fault.ends_with('.'), "{fault}");
        }
    }
    assert_eq!(visits.load(Ordering::SeqCst), 1, "HEAD was answered, and nobody asked again");
}

#[tokio::test]
async fn a_good_answer_from_before_a_run_says_nothing_about_it() {
    let (up, visits) = site().await;
    let plan = CanaryPlan { names: Vec::new(), sites: vec![up.clone()] };
    let (agent, clients, clock) = (agent(), Clients::default(), Clock::system());
    let asker = Asker { plan: &plan, agent: &agent, clients: &clients, clock: &clock };
    let canaries = Canaries::default();
    canaries.ask(asker, None, Stopwatch::start(), Deadline::after(ALL)).await;
    let facts = canaries.ask(asker, None, Stopwatch::start(), Deadline::after(ALL)).await;
    assert!(facts[0].fault.is_none() && visits.load(Ordering::SeqCst) == 2, "{facts:?}");

    // A bad one from before it does: nobody is asked again at once.
    let desk = canaries.desk(&Question::Site(up));
    let bad = CanaryFact { fault: Some("The site gave no answer.".to_owned()), ..facts[0].clone() };
    *desk.lock().await = Some(Kept { fact: bad.clone(), age: Stopwatch::start() });
    let facts = canaries.ask(asker, None, Stopwatch::start(), Deadline::after(ALL)).await;
    assert_eq!((facts, visits.load(Ordering::SeqCst)), (vec![bad], 2));
}

#[test]
fn the_resolver_is_asked_and_not_the_portal() {
    let silent = || Some(Said::Nothing("Temporary failure in name resolution".to_owned()));
    // What it said, whether the name is a target's own, and whether that is a fault.
    let cases = [
        ("an address", Some(Said::Address), false, false),
        ("a canary that is gone", Some(Said::NoSuchName), false, true),
        ("a portal's name that is gone", Some(Said::NoSuchName), true, false),
        ("silence", silent(), false, true),
        ("silence about a portal's name", silent(), true, true),
        ("nothing in time", None, true, true),
    ];
    for (name, said, own, fault) in cases {
        assert_eq!(heard("a.example", said, own).1.is_some(), fault, "{name}");
    }
}
