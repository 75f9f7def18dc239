//! Mail servers that misbehave.

use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use mystery_shopper::demo::sink::{Behaviour, Trouble};
use mystery_shopper::demo::{City, Fault};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::rig::{PATIENCE, Rig, alone, head, must};

/// A mail server is out of order in one way when an outage is confirmed, for the first try. The mail
/// arrives at the second, a minute later, and once.
async fn out_of_order(behaviour: Behaviour) {
    let mut rig = Rig::visiting().await;
    rig.sink.behave(behaviour);
    let mut daemon = rig.start();
    daemon.is_ready().await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let tried = daemon.mentions("mail not accepted; it is tried again").await;
    assert!(!tried["error"].as_str().unwrap().is_empty());
    rig.sink.behave(Behaviour::default());
    // The ladder survives a restart.
    daemon.stops().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    let mut arrived = Vec::new();
    for _ in 0..2 {
        let mail = timeout(PATIENCE + Duration::from_secs(60), rig.inbox.recv()).await.unwrap().unwrap();
        arrived.push(mail.to.concat());
    }
    arrived.sort();
    assert_eq!(arrived, ["oncall@test.example", "second@test.example"]);
    daemon.ran("home", "fail").await;
    assert!(rig.inbox.try_recv().is_err(), "told twice");
    daemon.stops().await;
    rig.is_sound().await;
}

#[tokio::test]
async fn mail_waits_for_a_server_that_refuses_is_busy_hangs_or_cuts_off() {
    let trouble = |trouble| Behaviour { trouble, ..Behaviour::default() };
    // A minute each, so at once.
    tokio::join!(
        out_of_order(trouble(Trouble::Refuse)),
        out_of_order(Behaviour { busy: 2, ..Behaviour::default() }),
        out_of_order(trouble(Trouble::Tarpit)),
        out_of_order(trouble(Trouble::DropData)),
    );
}

#[tokio::test]
async fn a_recipient_that_is_refused_for_good_stops_nobody_else() {
    let mut rig = Rig::visiting().await;
    rig.sink.behave(Behaviour { reject: vec!["oncall@test.example".to_owned()], ..Behaviour::default() });
    let mut daemon = rig.start();
    daemon.is_ready().await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let outage = rig.mail().await;
    assert_eq!(outage.to, ["second@test.example"]);
    daemon.mentions("mail given up").await;
    // The others are told that one was not.
    let about = rig.mail().await;
    assert_eq!(about.to, ["second@test.example"]);
    let text = String::from_utf8_lossy(&about.raw).into_owned();
    assert_ne!(head(&outage).0, head(&about).0);
    let parsed = mail_parser::MessageParser::new().parse(&about.raw).unwrap();
    let body = parsed.body_text(0).unwrap().into_owned();
    assert!(body.contains("oncall@test.example"), "{text}");
    daemon.stops().await;
    let status = rig.shopper(&["status"]).await;
    assert!(status.out.contains("oncall@test.example"), "the status says who was not told: {status:?}");
    rig.is_sound().await;
}

#[tokio::test]
async fn killed_between_the_servers_250_and_our_own_note_it_sends_the_same_mail_again() {
    let mut rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    rig.sink.behave(Behaviour { busy: 1_000_000, ..Behaviour::default() });
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    daemon.mentions("mail not accepted").await;
    daemon.stops().await;
    // Both mails wait. From here on nobody can write that they were sent.
    let database = rusqlite::Connection::open(rig.folder().join("data/shopper.db")).unwrap();
    database.execute_batch("UPDATE outbox SET next_try_at = 0").unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER held BEFORE UPDATE ON outbox WHEN new.state = 'sent'
             BEGIN SELECT raise(ABORT, 'held'); END",
        )
        .unwrap();
    rig.sink.behave(Behaviour::default());
    let mut daemon = rig.start();
    daemon.is_ready().await;
    let first = [rig.mail().await, rig.mail().await];
    daemon.mentions("could not write to the outbox").await;
    daemon.killed().await;
    database.execute_batch("DROP TRIGGER held").unwrap();
    drop(database);
    let daemon = rig.start();
    let second = [rig.mail().await, rig.mail().await];
    let ids = |mails: &[mystery_shopper::demo::sink::Received]| {
        let mut ids: Vec<_> = mails.iter().map(|mail| (head(mail).0, mail.to.concat())).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&first), ids(&second), "the same mails with the same Message-IDs");
    daemon.stops().await;
    assert!(rig.inbox.try_recv().is_err(), "a third time");
    rig.is_sound().await;
}

/// Not loopback, so the plan wants STARTTLS; the server offers none, as one behind a man in the
/// middle does.
#[tokio::test]
async fn mail_never_goes_out_in_clear() {
    if !alone("post::mail_never_goes_out_in_clear") {
        return;
    }
    must("ip", &["addr", "add", "10.9.9.9/32", "dev", "lo"]);
    let mut rig = Rig::bare().await;
    let listener = TcpListener::bind("10.9.9.9:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let sink = rig.sink.address();
    let middle = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = TcpStream::connect(sink).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    rig.configure(&rig.settings(&at.to_string(), &[Rig::visit()]));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let tried = daemon.mentions("mail not accepted").await;
    assert!(tried["error"].as_str().unwrap().contains("STARTTLS"), "{tried}");
    daemon.stops().await;
    middle.abort();
    let said = rig.sink.commands();
    assert!(said.iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")), "{said:?}");
    assert!(rig.inbox.try_recv().is_err());
}

/// A webhook's other side, which takes everything.
async fn taker() -> (std::net::SocketAddr, UnboundedReceiver<Value>) {
    let (taken, heard) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let take = move |Json(body): Json<Value>| {
        let taken = taken.clone();
        async move {
            taken.send(body).unwrap();
        }
    };
    let router = Router::new().route("/", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (at, heard)
}

/// The webhook is for another portal alone, so it hears of the outage only because the mail waits.
#[tokio::test]
async fn what_the_mail_server_does_not_take_is_told_by_a_webhook_once() {
    let mut rig = Rig::bare().await;
    let (at, mut heard) = taker().await;
    let settings = rig.settings(&rig.sink.address().to_string(), &[Rig::visit()]);
    let settings = settings.replace("[[mail.route]]", "stuck_after = \"1s\"\n[[mail.route]]");
    let hook =
        format!("[[webhook]]\nname = \"ops\"\nurl = \"http://{at}/\"\nwhen = {{ target = \"linhai\" }}\n");
    rig.configure(&(settings + &hook));
    rig.sink.behave(Behaviour { trouble: Trouble::Refuse, ..Behaviour::default() });
    let mut daemon = rig.start();
    daemon.is_ready().await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    daemon.mentions("messages wait too long: others are told").await;
    let told = timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    assert_eq!(told["kind"], "undeliverable", "{told}");
    let title = told["title"].as_str().unwrap();
    assert!(title.contains("oncall@test.example"), "{told}");
    assert!(told["text"].as_str().unwrap().contains("second@test.example"), "{told}");
    assert_eq!(told["incidents"][0]["target"]["id"], "shifan", "{told}");
    assert!(rig.inbox.try_recv().is_err(), "the mail waits");
    let status = rig.shopper(&["status"]).await;
    assert!(status.out.contains("the oldest has waited since"), "{status:?}");

    // It is told once, whatever happens to the daemon; and the mail arrives after all.
    daemon.killed().await;
    rig.sink.behave(Behaviour::default());
    let mut daemon = rig.start();
    daemon.is_ready().await;
    let mut arrived = Vec::new();
    for _ in 0..2 {
        let mail = timeout(PATIENCE + Duration::from_secs(60), rig.inbox.recv()).await.unwrap().unwrap();
        arrived.push(mail.to.concat());
    }
    arrived.sort();
    assert_eq!(arrived, ["oncall@test.example", "second@test.example"]);
    daemon.stops().await;
    assert!(heard.try_recv().is_err(), "told twice");
    rig.is_sound().await;
}
