//! Webhooks over a real socket: what arrives, and what happens when the other side misbehaves.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::incident::{Concern, Severity};
use mystery_shopper::domain::notice::{Matter, Notice, NoticeKind, TestFacts};
use mystery_shopper::webhook::{HookFailure, HookSettings, Message, Sender, Template};
use serde_json::{Value, json};

fn at() -> Timestamp {
    // 2026-11-22T04:00:00Z
    Timestamp::from_second(1_795_320_000).unwrap()
}

/// What the other side got.
#[derive(Debug, Clone)]
struct Got {
    uri: Uri,
    headers: HeaderMap,
    body: Value,
}

/// How the other side answers.
#[derive(Debug, Clone)]
enum Habit {
    Say(u16, &'static [(&'static str, &'static str)], &'static str),
    Hang,
}

#[derive(Clone, Default)]
struct Other {
    got: Arc<Mutex<Vec<Got>>>,
    habits: Arc<Mutex<VecDeque<Habit>>>,
}

/// A server that answers as it is told, and then with 200.
struct World {
    at: SocketAddr,
    other: Other,
}

async fn answer(State(other): State<Other>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).expect("JSON");
    other.got.lock().unwrap().push(Got { uri, headers, body });
    let habit = other.habits.lock().unwrap().pop_front();
    match habit {
        None => StatusCode::OK.into_response(),
        Some(Habit::Hang) => std::future::pending().await,
        Some(Habit::Say(status, headers, body)) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
    }
}

impl World {
    async fn new(habits: impl IntoIterator<Item = Habit>) -> Self {
        let other = Other { habits: Arc::new(Mutex::new(habits.into_iter().collect())), ..Other::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(other.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, other }
    }

    fn sender(&self, template: Template, secret: Option<&str>) -> Sender {
        let url = format!("http://{}/hook?key=s3cret", self.at).parse().unwrap();
        let mut settings = HookSettings::new("ops", url, template);
        settings.secret = secret.map(str::to_owned);
        settings.contact = Some("mailto:evaluators@example.org".to_owned());
        settings.within = Duration::from_secs(20);
        Sender::new(settings, Clock::manual(at())).unwrap()
    }

    fn got(&self) -> Vec<Got> {
        self.other.got.lock().unwrap().clone()
    }
}

fn notice() -> Notice {
    let facts = TestFacts { vantage: "beijing-1".to_owned(), timezone: "Asia/Shanghai".to_owned() };
    Notice {
        id: "n1".into(),
        incident: None,
        kind: NoticeKind::Test,
        concern: Concern::Outage,
        severity: Severity::Info,
        created_at: at(),
        message_id: "<n1@example.org>".to_owned(),
        in_reply_to: None,
        matter: Matter::Test(Box::new(facts)),
    }
}

fn message(notice: &Notice) -> Message<'_> {
    Message {
        notice, title: "测试：探测点 beijing-1", text: "没有发生故障。", acknowledge: None
    }
}

#[tokio::test]
async fn a_message_arrives_signed_and_says_the_same_on_every_try() {
    let world = World::new([]).await;
    let sender = world.sender(Template::Generic, Some("geheim"));
    let notice = notice();
    for _ in 0..2 {
        let taken = sender.send(&message(&notice)).await.unwrap();
        let shown = taken.dialogue.join("\n");
        assert!(!shown.contains("s3cret") && !shown.contains("geheim"), "{shown}");
        assert!(shown.contains("> POST /***") && shown.contains("< 200"), "{shown}");
    }
    let got = world.got();
    assert_eq!(got[0].body, got[1].body);
    let header = |name| got[0].headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("idempotency-key"), "n1@example.org");
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    assert!(header("user-agent").contains("mailto:evaluators@example.org"));
    assert_eq!(got[0].uri.to_string(), "/hook?key=s3cret");
    assert_eq!((&got[0].body["version"], &got[0].body["kind"]), (&json!(1), &json!("test")));
    assert_eq!(got[0].body["title"], "测试：探测点 beijing-1");
    // The other side can find out that it was us.
    let text = serde_json::to_string(&got[0].body).unwrap();
    let want = mystery_shopper::webhook::sign::header("geheim", at(), &text);
    assert_eq!(header("x-shopper-signature"), want);
}

#[tokio::test]
async fn statuses_mean_what_they_should() {
    let habits = [
        Habit::Say(500, &[], "broken"),
        Habit::Say(503, &[("retry-after", "120")], ""),
        Habit::Say(429, &[("retry-after", "Sun, 22 Nov 2026 04:05:00 +0000")], "slow down"),
        Habit::Say(408, &[], ""),
        Habit::Say(404, &[], "no such hook\u{1b}[31m"),
        Habit::Say(403, &[], ""),
        Habit::Say(302, &[("location", "http://127.0.0.1:1/elsewhere")], ""),
        Habit::Say(204, &[], ""),
    ];
    let world = World::new(habits).await;
    let sender = world.sender(Template::Generic, None);
    let notice = notice();
    let wants = [
        ("500", Some(None)),
        ("503", Some(Some(120))),
        ("429", Some(Some(300))),
        ("408", Some(None)),
        ("404", None),
        ("403", None),
        ("302", None),
    ];
    for (status, want) in wants {
        let failure = sender.send(&message(&notice)).await.unwrap_err();
        let text = failure.to_string();
        assert!(
            text.starts_with("The webhook ops on 127.0.0.1 answered ") && text.contains(status),
            "{text}"
        );
        assert!(!text.contains('\u{1b}') && !text.contains("s3cret"), "{text}");
        match (&failure, want) {
            (HookFailure::Retry { after, .. }, Some(want)) => {
                assert_eq!(after.map(|pause| pause.as_secs()), want, "{status}");
            }
            (HookFailure::Refused { .. }, None) => {}
            other => panic!("{status}: {other:?}"),
        }
    }
    assert_eq!(sender.send(&message(&notice)).await.unwrap().status, 204);
    assert_eq!(world.got().len(), 8, "nobody was asked twice, and no redirect was followed");
}

#[tokio::test]
async fn silence_and_closed_doors_are_worth_a_retry() {
    let world = World::new([Habit::Hang]).await;
    let url = format!("http://{}/s3cret", world.at).parse().unwrap();
    let mut settings = HookSettings::new("ops", url, Template::Generic);
    settings.within = Duration::from_millis(200);
    let notice = notice();
    let failure =
        Sender::new(settings, Clock::manual(at())).unwrap().send(&message(&notice)).await.unwrap_err();
    assert!(failure.to_string().contains("gave no answer within 0.2 s"), "{failure}");
    assert!(matches!(failure, HookFailure::Retry { .. }));

    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let settings =
        HookSettings::new("ops", format!("http://{gone}/s3cret").parse().unwrap(), Template::Generic);
    let failure =
        Sender::new(settings, Clock::manual(at())).unwrap().send(&message(&notice)).await.unwrap_err();
    assert!(matches!(failure, HookFailure::Retry { .. }));
    let text = format!("{failure} {:?}", failure.dialogue());
    assert!(text.contains("no connection") && !text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn robots_say_in_the_body_that_they_did_not_take_it() {
    let habits = [
        Habit::Say(200, &[], "{\"errcode\":0,\"errmsg\":\"ok\"}"),
        Habit::Say(200, &[], "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}"),
        Habit::Say(200, &[], "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}"),
        Habit::Say(200, &[], "<html>welcome</html>"),
    ];
    let world = World::new(habits).await;
    let notice = notice();
    let wecom = world.sender(Template::WeCom, None);
    wecom.send(&message(&notice)).await.unwrap();
    let bad = wecom.send(&message(&notice)).await.unwrap_err();
    assert!(
        matches!(&bad, HookFailure::Refused { error, .. } if error.contains("errcode 93000: invalid webhook url")),
        "{bad}"
    );
    let busy = wecom.send(&message(&notice)).await.unwrap_err();
    assert!(matches!(&busy, HookFailure::Retry { .. }), "{busy}");
    let odd = wecom.send(&message(&notice)).await.unwrap_err();
    assert!(matches!(&odd, HookFailure::Retry { error, .. } if error.contains("no robot gives")), "{odd}");

    let habits = [
        Habit::Say(200, &[], "{\"errcode\":310000,\"errmsg\":\"sign not match\"}"),
        Habit::Say(200, &[], "{\"code\":19021,\"msg\":\"sign match fail\"}"),
        Habit::Say(200, &[], "{\"code\":0,\"msg\":\"success\",\"data\":{}}"),
    ];
    let world = World::new(habits).await;
    let dingtalk = world.sender(Template::DingTalk, Some("SECgeheim"));
    let bad = dingtalk.send(&message(&notice)).await.unwrap_err();
    assert!(matches!(bad, HookFailure::Refused { .. }), "{bad}");
    let feishu = world.sender(Template::Feishu, Some("geheim"));
    let bad = feishu.send(&message(&notice)).await.unwrap_err();
    assert!(matches!(&bad, HookFailure::Refused { error, .. } if error.contains("code 19021")), "{bad}");
    feishu.send(&message(&notice)).await.unwrap();

    let got = world.got();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(got[0].uri.query().unwrap().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    assert_eq!(query[0], ("key".to_owned(), "s3cret".to_owned()), "the token of the address stays");
    assert_eq!(query[1], ("timestamp".to_owned(), "1795320000000".to_owned()));
    assert_eq!(query[2].0, "sign");
    assert_eq!(got[1].body["timestamp"], "1795320000");
    assert!(got[1].body["sign"].is_string());
}
