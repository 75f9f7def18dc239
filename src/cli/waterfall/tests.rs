use serde_json::json;

use super::*;

fn run(visit: &serde_json::Value, error: Option<&str>) -> Run {
    let outcome = if error.is_some() { "unreachable" } else { "done" };
    serde_json::from_value(json!({
        "id": "r", "probe": "manual", "target": "zwfw.example.cn", "kind": "visit", "scenario": null,
        "scenario_hash": null, "vantage": "v", "cause": "manual", "agent_version": "0",
        "scheduled_at": "2026-11-22T04:00:00Z", "started_at": "2026-11-22T04:00:00Z",
        "finished_at": "2026-11-22T04:00:00Z", "elapsed_ms": 1, "attempts": 1, "verdict": "pass",
        "reason": "The one step worked.", "visit": visit,
        "steps": [{
            "name": "打开首页", "stage": "find", "outcome": outcome, "credit": 100, "elapsed_ms": 1, "own_ms": 0,
            "attempts": 1, "evidence": [], "error": error, "facts": {},
        }],
    }))
    .unwrap()
}

fn shown(visit: &serde_json::Value, error: Option<&str>, width: usize) -> String {
    let run = run(visit, error);
    let text = render(&run, run.visit.as_ref().unwrap(), width);
    for line in text.lines() {
        assert!(columns(line) <= width, "{} columns: {line}", columns(line));
    }
    text
}

fn span(at_ms: f64, ms: f64) -> serde_json::Value {
    json!({ "at_ms": at_ms, "ms": ms })
}

#[test]
fn a_visit_with_a_redirect_fits_eighty_columns() {
    let visit = json!({
        "url": "http://政务.example.cn/", "final_url": "https://zwfw.example.cn/办事/", "status": 200,
        "total_ms": 158, "waited_ms": 1.25, "done_ms": 160.0, "bytes": 184_211, "raw_bytes": 30_120,
        "certificate_days": 87, "marker_found": true, "title": "示范市政务服务网\u{202e}——让企业和群众办事更方便、更快捷、更省心，全程网办、一网通办",
        "ipv6": true, "viewport": true, "lang": "zh-CN",
        "charset": { "name": "gb18030", "by": "meta", "malformed": false },
        "families": [
            { "family": "ipv6", "addresses": ["2001:db8::1"], "used": false, "connected": false, "error": "no_route" },
            { "family": "ipv4", "addresses": ["192.0.2.7", "192.0.2.8"], "used": true, "connected": true, "connect_ms": 8.114 },
        ],
        "hops": [
            {
                "url": "http://政务.example.cn/", "status": 301, "location": "https://zwfw.example.cn/办事/",
                "address": "192.0.2.7", "protocol": "HTTP/1.1",
                "phases": { "dns": span(1.3, 4.2), "tcp": span(5.5, 8.114), "request": span(13.7, 0.041), "first_byte": span(13.741, 12.2) },
            },
            {
                "url": "https://zwfw.example.cn/办事/", "status": 200, "address": "192.0.2.7", "protocol": "HTTP/2.0",
                "phases": {
                    "dns": span(26.0, 0.8), "tcp": span(26.8, 8.0), "tls": span(34.8, 21.5), "request": span(56.3, 0.1),
                    "first_byte": span(56.4, 61.0), "body": span(117.4, 42.6),
                },
                "tls": { "version": "TLS 1.3", "cipher": "TLS_AES_256_GCM_SHA384" },
                "hsts": { "max_age": 31_536_000, "include_subdomains": true, "preload": false },
                "certificate": {
                    "subject": "CN=zwfw.example.cn, O=示范市政务服务数据管理局, C=CN", "issuer": "CN=Example CA, C=CN",
                    "names": ["zwfw.example.cn", "*.example.cn"], "not_before": "2026-01-01T00:00:00Z",
                    "not_after": "2027-02-17T00:00:00Z", "days_left": 87, "key": "RSA 2048", "signature": "RSA SHA-256",
                    "chain": 3, "valid": true, "faults": [],
                },
            },
        ],
    });
    insta::assert_snapshot!("redirect", shown(&visit, None, 80));
    // Narrower than this nothing is drawn, wider is taken.
    assert!(shown(&visit, None, 120).lines().any(|line| columns(line) > 100));
    shown(&visit, None, 60);
}

#[test]
fn a_failure_says_what_is_wrong_and_what_to_do() {
    let visit = json!({
        "url": "https://10.0.0.7/", "final_url": "https://10.0.0.7/", "total_ms": 3, "waited_ms": 2500.0, "done_ms": 2503.1,
        "certificate_days": -300, "failure": "tls", "ipv6": false,
        "transport": { "class": "tls", "detail": "the certificate ended on 2026-01-26" },
        "families": [{ "family": "ipv4", "addresses": ["10.0.0.7"], "used": true, "connected": true, "connect_ms": 0.3 }],
        "hops": [{
            "url": "https://10.0.0.7/", "address": "10.0.0.7",
            "phases": { "tcp": span(2500.1, 0.3), "tls": span(2500.4, 2.7) },
            "certificate": {
                "subject": "CN=old", "issuer": "CN=old", "names": [], "not_before": "2020-01-01T00:00:00Z",
                "not_after": "2026-01-26T00:00:00Z", "days_left": -300, "key": "RSA 1024", "signature": "RSA SHA-1",
                "chain": 1, "valid": false, "faults": ["expired", "wrong_name", "self_signed", "weak_key"],
            },
        }],
    });
    insta::assert_snapshot!(
        "failure",
        shown(&visit, Some("The page gave no answer: the certificate ended on 2026-01-26."), 80)
    );
}

#[test]
fn every_failure_has_advice_and_every_width_is_kept() {
    for failure in VisitFailure::ALL {
        let visit = json!({ "url": "http://a.cn/", "failure": failure.name(), "transport": { "class": "ours", "detail": "x" } });
        assert!(shown(&visit, Some("why"), 80).contains("what to do"), "{failure}");
    }
    let long = json!({ "url": "x", "title": format!("{}{}", "很长的标题".repeat(60), "x".repeat(300)) });
    shown(&long, None, 80);
}
