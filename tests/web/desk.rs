//! A room of the tests' own behind the listener, and requests to it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::ids::IncidentId;
use mystery_shopper::domain::incident::{Acknowledgement, Concern, Incident, Scope, Severity};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::token::{self, Key};
use mystery_shopper::web::metrics::{Meter, Reading};
use mystery_shopper::web::{Card, Desk, Health, Setting, router};
use tower::ServiceExt as _;
use url::Url;

pub const ID: &str = "01936a5e-7c00-7000-8000-000000000001";

pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_320_000).unwrap()
}

pub fn key() -> Key {
    Key::new([7; 32])
}

/// The room: one incident, and whatever a test sets.
pub struct Office {
    pub card: Mutex<Option<Card>>,
    pub broken: Mutex<Option<String>>,
    pub reading: Mutex<Reading>,
    pub public: Option<Url>,
    pub clock: Clock,
    /// How often an acknowledgement was written.
    pub written: Mutex<u32>,
}

impl Office {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            card: Mutex::new(Some(card())),
            broken: Mutex::default(),
            reading: Mutex::default(),
            public: Some(Url::parse("https://watch.example.org/").unwrap()),
            clock: Clock::manual(now()),
            written: Mutex::default(),
        })
    }

    pub fn router(self: &Arc<Self>) -> Router {
        router(Arc::clone(self), self.clock.clone(), Some(key()), "127.0.0.1".parse().unwrap())
    }

    pub fn incident(&self) -> Incident {
        self.card.lock().unwrap().as_ref().unwrap().incident.clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Card)) {
        change(self.card.lock().unwrap().as_mut().unwrap());
    }
}

impl Health for Office {
    async fn alive(&self) -> bool {
        true
    }

    async fn ready(&self) -> Result<(), String> {
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Desk for Office {
    fn setting(&self) -> Setting {
        Setting {
            public: self.public.clone(),
            language: Language::Chinese,
            timezone: "Asia/Shanghai".to_owned(),
        }
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Card>, String> {
        if let Some(why) = self.broken.lock().unwrap().clone() {
            return Err(why);
        }
        Ok(self.card.lock().unwrap().clone().filter(|card| card.incident.id == *id))
    }

    async fn acknowledge(&self, _: IncidentId, by: String, note: Option<String>) -> Result<(), String> {
        *self.written.lock().unwrap() += 1;
        let at = self.clock.now();
        self.change(|card| {
            card.incident.acknowledged.get_or_insert(Acknowledgement { at, by, note });
        });
        Ok(())
    }
}

impl Meter for Office {
    async fn read(&self) -> Reading {
        self.reading.lock().unwrap().clone()
    }
}

fn card() -> Card {
    let incident = Incident {
        id: ID.into(),
        concern: Concern::Outage,
        severity: Severity::Outage,
        scope: Scope::Pair,
        parent: None,
        flapping: false,
        acknowledged: None,
        probe: "drug-licence".into(),
        target: "demo-city".into(),
        since: "2026-11-22T01:55:00Z".parse().unwrap(),
        opened_at: now(),
        opened_by: Some("r1".into()),
        closed_at: None,
        closed_by: None,
        told_at: Some(now()),
        last_notice_at: Some(now()),
        reminders: 0,
        thread: "<i@example.org>".to_owned(),
        outcome: Outcome::ServerError,
        step: "搜索事项".to_owned(),
    };
    Card {
        incident, about: "示范市政务服务网".to_owned(), probe: "药品经营许可证核发".to_owned()
    }
}

/// The token in the mail to `to`.
pub fn token(to: &str) -> String {
    let public = Url::parse("https://watch.example.org/").unwrap();
    let link = token::link(&public, &key(), &ID.into(), &to.into(), now());
    link.path().strip_prefix("/ack/").unwrap().to_owned()
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The form token of the page.
    pub fn form(&self) -> &str {
        let (_, rest) = self.body.split_once("name=\"form\" value=\"").expect("a page with a form");
        rest.split_once('"').unwrap().0
    }
}

pub async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let answer = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

pub async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:8787");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(router, request.body(Body::empty()).unwrap()).await
}

/// Sends a form as our own page does.
pub async fn post(router: &Router, path: &str, form: &[(&str, &str)]) -> Answer {
    post_from(router, path, form, "https://watch.example.org").await
}

pub async fn post_from(router: &Router, path: &str, form: &[(&str, &str)], origin: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(path)
        .header("host", "watch.example.org")
        .header("origin", origin)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    ask(router, request).await
}
