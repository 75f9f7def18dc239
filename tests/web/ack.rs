//! The page of a link in a mail.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use mystery_shopper::domain::incident::{Concern, Scope, Shared};

use super::desk::{ID, Office, ask, get, now, post, post_from, token};

const TO: &str = "oncall@example.org";

#[tokio::test]
async fn opening_changes_nothing_and_pressing_takes_the_incident_once() {
    let office = Office::new();
    let (router, path) = (office.router(), format!("/ack/{}", token(TO)));
    // Mail scanners and browsers open links ahead, some with HEAD.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let request = axum::http::Request::builder().method(method).uri(&path).header("host", "localhost");
        assert_eq!(
            ask(&router, request.body(axum::body::Body::empty()).unwrap()).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(office.incident().acknowledged, None);
    let page = get(&router, &path, &[]).await;
    for fact in
        ["示范市政务服务网", "药品经营许可证核发", "搜索事项", "系统出错", "2026年11月22日 09:55", TO, ID]
    {
        assert!(page.body.contains(fact), "the page does not say {fact}:\n{}", page.body);
    }

    let form = [("form", page.form()), ("name", "王  小明"), ("note", "已联系机房\r\n<b>等回复</b>")];
    let pressed = post(&router, &path, &form).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.body);
    assert_eq!(pressed.header("location"), format!("./{}", token(TO)));
    let ack = office.incident().acknowledged.expect("pressing takes it");
    assert_eq!(ack.by, "王 小明 (oncall@example.org)");
    assert_eq!(ack.note.as_deref(), Some("已联系机房 <b>等回复</b>"));

    // Somebody else, a minute later, with the page that he had opened before.
    office.clock.set(now() + SignedDuration::from_mins(1));
    let other = format!("/ack/{}", token("boss@example.org"));
    let late = post(&router, &path, &[("form", page.form()), ("note", "again")]).await;
    assert_eq!(late.status, StatusCode::SEE_OTHER);
    assert_eq!(office.incident().acknowledged, Some(ack), "the first one stands");
    assert_eq!(*office.written.lock().unwrap(), 1);
    let page = get(&router, &other, &[]).await;
    assert!(page.body.contains("王 小明 (oncall@example.org)"), "{}", page.body);
    assert!(page.body.contains("&#60;b&#62;等回复&#60;/b&#62;"), "{}", page.body);
    assert!(!page.body.contains("<form"), "nothing is left to press");
}

#[tokio::test]
async fn links_that_are_not_good_say_what_to_do_instead() {
    let office = Office::new();
    let router = office.router();
    let good = token(TO);
    let mut altered = good.clone().into_bytes();
    altered[20] = if altered[20] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    let cases = [
        (altered, StatusCode::FORBIDDEN),
        (good[..good.len() - 9].to_owned(), StatusCode::FORBIDDEN),
        ("x".to_owned(), StatusCode::FORBIDDEN),
        ("%2e%2e%2f%2e%2e%2fetc%2fpasswd".to_owned(), StatusCode::FORBIDDEN),
        ("a/b".to_owned(), StatusCode::NOT_FOUND),
        ("../healthz".to_owned(), StatusCode::NOT_FOUND),
    ];
    for (token, want) in cases {
        let page = get(&router, &format!("/ack/{token}"), &[]).await;
        assert_eq!(page.status, want, "{token}");
        if want == StatusCode::FORBIDDEN {
            assert!(page.body.contains("shopper ack ID"), "{token}: {}", page.body);
        }
    }
    // What a token says is not even looked at before its signature is right.
    assert!(!get(&router, "/ack/x", &[]).await.body.contains("示范市"));

    office.clock.set(now() + SignedDuration::from_hours(7 * 24 + 1));
    for path in [format!("/ack/{good}"), format!("/ack/{good}?a=b")] {
        let page = get(&router, &path, &[]).await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.body.contains(&format!("shopper ack {ID}")), "{}", page.body);
    }
    let late = post(&router, &format!("/ack/{good}"), &[("form", "x")]).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert_eq!(office.incident().acknowledged, None);

    office.clock.set(now());
    *office.card.lock().unwrap() = None;
    assert_eq!(get(&router, &format!("/ack/{good}"), &[]).await.status, StatusCode::NOT_FOUND);
    *office.broken.lock().unwrap() = Some("read the database".to_owned());
    let page = get(&router, &format!("/ack/{good}"), &[]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.body.contains(&format!("shopper ack {ID}")), "{}", page.body);
}

#[tokio::test]
async fn a_form_of_another_site_or_of_another_page_changes_nothing() {
    let office = Office::new();
    let (router, path) = (office.router(), format!("/ack/{}", token(TO)));
    let page = get(&router, &path, &[]).await;
    let elsewhere = get(&router, &format!("/ack/{}", token("boss@example.org")), &[]).await;
    let form = page.form();
    for origin in
        ["https://evil.example", "null", "http://watch.example.org", "https://watch.example.org:444"]
    {
        let answer = post_from(&router, &path, &[("form", form)], origin).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    let own = "https://watch.example.org";
    for sent in ["", "x", elsewhere.form()] {
        assert_eq!(
            post_from(&router, &path, &[("form", sent)], own).await.status,
            StatusCode::FORBIDDEN,
            "{sent}"
        );
    }
    assert!(post(&router, &path, &[("note", "no form token")]).await.status.is_client_error());
    let huge = "长".repeat(20_000);
    let answer = post(&router, &path, &[("form", form), ("note", &huge)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(get(&router, &path, &[("host", "evil.example")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(office.incident().acknowledged, None);
    assert_eq!(post(&router, &path, &[("form", form)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.incident().acknowledged.unwrap().by, TO);
}

#[tokio::test]
async fn what_a_portal_wrote_is_inert() {
    let office = Office::new();
    office.change(|card| {
        card.about = "<script>alert(1)</script>\u{202e}gnp.exe".to_owned();
        card.probe = "\"><img src=x onerror=alert(1)>\u{1b}[31m".to_owned();
        card.incident.step = "{{7*7}}\r\nSet-Cookie: a=b".to_owned();
    });
    let page = get(&office.router(), &format!("/ack/{}", token(TO)), &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    for bad in ["<script", "<img", "\u{202e}", "\u{1b}", "\r"] {
        assert!(!page.body.contains(bad), "{bad:?} in\n{}", page.body);
    }
    assert_eq!(page.header("set-cookie"), "");
}

#[tokio::test]
async fn the_page_speaks_the_readers_language_and_knows_every_kind_of_incident() {
    let office = Office::new();
    let (router, path) = (office.router(), format!("/ack/{}", token(TO)));
    let english = [("accept-language", "en-GB,en;q=0.9")];
    let page = get(&router, &path, &english).await;
    assert!(page.body.contains("lang=\"en\"") && page.body.contains("I take care of it"), "{}", page.body);
    let page = get(&router, &path, &[("accept-language", "fr")]).await;
    assert!(page.body.contains("lang=\"zh-CN\"") && page.body.contains("我来处理"), "{}", page.body);

    let region = Scope::Wave { shared: Shared::Region("西南".to_owned()) };
    let cases = [
        (Concern::Slow, Scope::Pair, "too slow"),
        (Concern::Links, Scope::Pair, "too many broken links"),
        (Concern::ScriptRot, Scope::Pair, "our script is out of date"),
        (Concern::Outage, region, "many sites fail at once"),
        (Concern::Vantage, Scope::Vantage, "we cannot see"),
    ];
    for (concern, scope, want) in cases {
        office.change(|card| {
            card.incident.concern = concern;
            card.incident.scope = scope;
        });
        let page = get(&router, &path, &english).await;
        assert!(page.body.contains(want), "{want} in\n{}", page.body);
    }
    office.change(|card| card.incident.closed_at = Some(now()));
    let page = get(&router, &path, &english).await;
    assert!(page.body.contains("it lasted") && !page.body.contains("<form"), "{}", page.body);
}
