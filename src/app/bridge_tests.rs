//! Store, worker, mail room and webhooks together, with a real mail server and a real web server.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::demo::sink::{Behaviour, Sink};
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Notice, NoticeKind, TestFacts};
use crate::scheduler::Mailer;
use crate::store::Access;

fn notice(id: &str) -> Notice {
    let facts = TestFacts { vantage: "here".to_owned(), timezone: "UTC".to_owned() };
    Notice {
        id: id.into(),
        incident: None,
        kind: NoticeKind::Test,
        concern: Concern::Outage,
        severity: Severity::Outage,
        created_at: Clock::system().now(),
        message_id: format!("<{id}@test.example>"),
        in_reply_to: None,
        matter: Matter::Test(Box::new(facts)),
    }
}

/// A configuration with one way of each kind.
fn configure(folder: &Path, smtp: u16, web: std::net::SocketAddr) -> Plan {
    let text = format!(
        "[agent]\nname = \"here\"\nlanguage = \"en\"\n[mail]\nsmtp = \"smtp://127.0.0.1:{smtp}\"\nfrom = \"a@test.example\"\n\
         [[webhook]]\nname = \"ops\"\nurl = \"http://{web}/ops\"\n"
    );
    std::fs::write(folder.join("probes.toml"), text).unwrap();
    crate::app::load(&folder.join("probes.toml")).unwrap().plan
}

#[tokio::test]
async fn who_is_not_told_by_mail_is_told_of_by_webhook_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let behaviour = Behaviour { reject: vec!["gone@test.example".to_owned()], ..Behaviour::default() };
    let (sink, mut mails) = Sink::start(&folder.path().join("mails"), behaviour).await.unwrap();
    let (heard, mut calls) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = listener.local_addr().unwrap();
    let ops = move |body: String| {
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        heard.send(json).unwrap();
        async { "" }
    };
    let router = Router::new().route("/ops", post(ops));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let clock = Clock::system();
    let plan = configure(folder.path(), sink.address().port(), web);
    let office = PostOffice::of(&plan, &clock).unwrap().unwrap();
    let store = Store::open(&folder.path().join("data"), Access::Daemon).unwrap();
    let acknowledge: AckLink = Arc::new(|_, _, _| None);
    let letters = Letters { office, store: store.clone(), acknowledge };
    let plan = watch::channel(Arc::new(plan)).1;
    let books = Books { store: store.clone(), clock: clock.clone(), recorder: Arc::default(), plan };
    let to = vec!["gone@test.example".into(), "here@test.example".into(), "hook:ops".into()];
    store.queue_alone(notice("n1"), to).await;
    let worker = Mailer::new(Arc::new(books), Arc::new(letters), clock);
    let stop = CancellationToken::new();
    let ran = tokio::spawn(worker.run(stop.clone()));

    let limit = Duration::from_secs(60);
    let (mut kinds, mut subjects) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let call = tokio::time::timeout(limit, calls.recv()).await.unwrap().unwrap();
        kinds.push(call["kind"].as_str().unwrap().to_owned());
        let mail = tokio::time::timeout(limit, mails.recv()).await.unwrap().unwrap();
        assert_eq!(mail.to, ["here@test.example"]);
        let raw = String::from_utf8(mail.raw).unwrap();
        subjects.extend(raw.lines().find_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned));
    }
    stop.cancel();
    ran.await.unwrap();
    kinds.sort_unstable();
    subjects.sort_unstable();
    assert_eq!(kinds, ["test", "undeliverable"]);
    assert_eq!(subjects, ["Test: notices of here arrive", "Undelivered: gone@test.example was not told"]);
    let summary = store.outbox_summary().await.unwrap();
    assert_eq!((summary.sent, summary.failed, summary.pending), (4, 1, 0));
    assert_eq!(summary.given_up[0].to, "gone@test.example");
    store.close().await;
}
