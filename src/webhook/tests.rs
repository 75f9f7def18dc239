//! What webhooks are sent, byte by byte where others count on it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::domain::incident::{Concern, Severity, Shared};
use crate::domain::notice::{DigestFacts, Matter, Member, NoticeFacts, NoticeKind, WaveFacts};
use crate::domain::outcome::Outcome;
use crate::plan::hook_template::NAMES;

fn at() -> Timestamp {
    Timestamp::from_second(1_795_320_000).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_320_000 + seconds).unwrap()
}

fn notice(kind: NoticeKind) -> Notice {
    let facts = NoticeFacts {
        target: "demo-city".into(),
        target_name: "示范市政务服务网".to_owned(),
        region: Some("西南".to_owned()),
        entry: "https://zwfw.example.org/".to_owned(),
        probe: "drug-licence".into(),
        probe_title: "药品经营许可证核发".to_owned(),
        step: "提交申请".to_owned(),
        position: (2, 7),
        outcome: Outcome::Maintenance,
        url: "https://zwfw.example.org/apply".to_owned(),
        status: Some(503),
        error: Some("The site says \"closed\".".to_owned()),
        phrase: None,
        links: None,
        since: at(),
        confirmed_at: later(60),
        resolved_at: (kind == NoticeKind::Resolved).then(|| later(600)),
        runs: Vec::new(),
        runs_in_all: 2,
        screenshot: None,
        vantage: "beijing-1".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
        slow: None,
        scenario: None,
        with_it: Vec::new(),
        tried: Vec::new(),
        acknowledged: None,
        held_by: None,
    };
    Notice {
        id: "n1".into(),
        incident: Some("i1".into()),
        kind,
        concern: Concern::Outage,
        severity: Severity::Outage,
        created_at: later(60),
        message_id: "<n1@example.org>".to_owned(),
        in_reply_to: None,
        matter: Matter::Facts(Box::new(facts)),
    }
}

fn member(n: i64) -> Member {
    Member {
        incident: format!("i{n}").as_str().into(),
        target: "demo-city".into(),
        target_name: "示范市政务服务网".to_owned(),
        probe_title: "首页".to_owned(),
        step: "首页".to_owned(),
        outcome: Outcome::Unreachable,
        concern: Concern::Outage,
        since: at(),
        closed_at: (n == 2).then(|| later(90)),
    }
}

fn flood() -> Notice {
    let facts = DigestFacts {
        from: at(),
        until: later(60),
        incidents: vec![member(1), member(2)],
        incidents_in_all: 2,
        runs: [0; 4],
        gaps: 0,
        script_rot: Vec::new(),
        undelivered: 0,
        vantage: "beijing-1".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
    };
    let matter = Matter::Digest(Box::new(facts));
    Notice { kind: NoticeKind::Flood, incident: None, matter, ..notice(NoticeKind::Opened) }
}

fn message<'a>(notice: &'a Notice, text: &'a str) -> Message<'a> {
    Message {
        notice, title: "故障：示范市政务服务网「提交申请」停机维护", text, acknowledge: None
    }
}

fn sent(template: &Template, message: &Message<'_>, secret: Option<&str>) -> Value {
    serde_json::from_str(&body(template, message, secret, at()).json).unwrap()
}

#[test]
fn signatures_are_those_that_others_compute() {
    // Computed by Python's hmac.
    assert_eq!(
        sign::header("geheim", at(), "{\"a\":1}"),
        "t=1795320000,v1=5540e4b08201e9151b2c515d356bfdda69a3783d8af88ebf0483552802b112aa"
    );
    assert_eq!(
        sign::dingtalk("SECgeheim", at()),
        [
            ("timestamp", "1795320000000".to_owned()),
            ("sign", "ywflSXiyW4Fd2QCiLGaIiOwGx5RA3nC+zGJIq36CmQA=".to_owned())
        ]
    );
    assert_eq!(
        sign::feishu("geheim", at()),
        ("1795320000".to_owned(), "xwVxVuHUc86+WoalGBL34Gj102PNq3lPCFOwNHc8OAc=".to_owned())
    );
}

#[test]
fn who_is_signed_for() {
    let notice = notice(NoticeKind::Opened);
    let message = message(&notice, "x");
    let own = Template::Own(HookText::parse("{}").unwrap());
    let cases = [
        (Template::Generic, true, 0),
        (own, true, 0),
        (Template::Alertmanager, false, 0),
        (Template::WeCom, false, 0),
        (Template::DingTalk, false, 2),
        (Template::Feishu, false, 0),
    ];
    for (template, signed, query) in cases {
        let body = body(&template, &message, Some("geheim"), at());
        assert_eq!((body.signature.is_some(), body.query.len()), (signed, query), "{template:?}");
        assert!(!body.json.contains("geheim"), "{template:?}");
        let body = super::body(&template, &message, None, at());
        assert_eq!((body.signature, body.query.len()), (None, 0), "{template:?}");
    }
}

#[test]
fn an_alert_keeps_its_labels_from_opening_to_recovery_and_in_a_flood() {
    let labels = |notice: &Notice, at: usize| {
        let alerts = sent(&Template::Alertmanager, &message(notice, "text"), None);
        alerts[at]["labels"].clone()
    };
    let (opened, resolved) = (notice(NoticeKind::Opened), notice(NoticeKind::Resolved));
    let want = serde_json::json!({
        "alertname": "PortalTrouble", "incident": "i1", "vantage": "beijing-1", "target": "demo-city",
    });
    assert_eq!(labels(&opened, 0), want);
    assert_eq!(labels(&resolved, 0), want);
    assert_eq!(labels(&flood(), 0), want);
    let worse = Notice { concern: Concern::Slow, ..notice(NoticeKind::Opened) };
    assert_eq!(labels(&worse, 0), want, "what was slow and is down now is the same alert");

    let alert = |notice: &Notice| sent(&Template::Alertmanager, &message(notice, "text"), None)[0].clone();
    let (open, over) = (alert(&opened), alert(&resolved));
    assert_eq!((&open["startsAt"], &over["startsAt"]), (&over["startsAt"], &open["startsAt"]));
    assert_eq!(over["endsAt"], later(600).to_string());
    assert!(open["endsAt"].as_str().unwrap() > later(86_400).to_string().as_str(), "{open}");
    assert_eq!(open["generatorURL"], "https://zwfw.example.org/apply");
    assert_eq!(open["annotations"]["severity"], "outage");
    let both = sent(&Template::Alertmanager, &message(&flood(), "text"), None);
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(both[1]["endsAt"], later(90).to_string());
}

#[test]
fn robots_get_no_more_than_they_take_and_no_markup_of_others() {
    let notice = notice(NoticeKind::Opened);
    let page: Url = "https://shopper.example.org/ack/AQIDBAUGBwgJ".parse().unwrap();
    let hostile =
        "<at user_id=\"all\"></at> [click](https://evil.example) <font color=\"info\">fine</font> @all *x*\n";
    let text = hostile.repeat(2000);
    let message = Message { acknowledge: Some(&page), ..message(&notice, &text) };
    let wecom = sent(&Template::WeCom, &message, None);
    let content = wecom["markdown"]["content"].as_str().unwrap();
    assert!((3000..=4096).contains(&content.len()), "{}", content.len());
    assert!(content.starts_with("**<font color=\"warning\">故障："), "{content}");
    assert!(content.ends_with(&format!("({page})")), "the link is not cut off");
    assert_eq!(content.matches("<font").count(), 1);
    assert!(!content.contains("[click]"));

    for (template, secret) in [(Template::DingTalk, None), (Template::Feishu, Some("geheim"))] {
        let body = body(&template, &message, secret, at()).json;
        assert!(body.len() < 20_000, "{template:?}: {}", body.len());
        assert!(!body.contains("<at") && !body.contains("](https://evil"), "{template:?}");
    }
    let feishu = sent(&Template::Feishu, &Message { text: "short", ..message }, None);
    let text = feishu["content"]["text"].as_str().unwrap();
    assert!(text.contains("short") && text.contains(page.as_str()), "{text}");
}

#[test]
fn our_own_json_follows_its_schema() {
    let wave = Matter::Wave(Box::new(WaveFacts {
        shared: Shared::Region("西南".to_owned()),
        members: vec![member(1), member(2)],
        in_all: 7,
        over: 1,
        since: at(),
        confirmed_at: later(60),
        resolved_at: None,
        vantage: "beijing-1".to_owned(),
        timezone: "UTC".to_owned(),
        acknowledged: None,
    }));
    let wave = Notice { matter: wave, ..notice(NoticeKind::Escalated) };
    let schema = serde_json::to_value(schemars::schema_for!(payload::Payload)).unwrap();
    let known = schema["properties"].as_object().unwrap();
    for notice in [notice(NoticeKind::Opened), notice(NoticeKind::Resolved), wave, flood()] {
        let sent = sent(&Template::Generic, &message(&notice, "text"), None);
        let fields = sent.as_object().unwrap();
        for key in fields.keys() {
            assert!(known.contains_key(key), "{key}");
        }
        for key in schema["required"].as_array().unwrap() {
            assert!(fields.contains_key(key.as_str().unwrap()), "{key}");
        }
        assert_eq!(sent["version"], 1);
        assert_eq!(sent["id"], "n1@example.org");
    }
}

#[test]
fn every_name_of_a_template_stands_for_something() {
    let page: Url = "https://shopper.example.org/ack/x".parse().unwrap();
    let notice = notice(NoticeKind::Resolved);
    let message = Message { acknowledge: Some(&page), ..message(&notice, "text \"quoted\"\nand more") };
    let values: BTreeMap<&str, Option<String>> =
        NAMES.iter().map(|name| (*name, template::value(name, &message))).collect();
    assert!(values.values().all(Option::is_some), "{values:?}");
    let own = Template::Own(HookText::parse("{\"a\": \"{{text}}\", \"b\": [\"{{ command }}\"]}").unwrap());
    let sent = sent(&own, &message, None);
    assert_eq!((&sent["a"], &sent["b"][0]), (&"text \"quoted\"\nand more".into(), &"shopper ack i1".into()));
}
