//! Redirects: followed, counted, bounded, refused where no page may lead.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::http::address::Reach;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

use crate::net::{Portal, Raw, client_with, read_request};
use crate::world::{LONG, class, detail, see, see_with};

fn to(location: &str) -> impl IntoResponse + use<> {
    (StatusCode::FOUND, [(header::LOCATION, location.to_owned())])
}

#[tokio::test]
async fn redirects_are_followed_and_recorded() {
    let portal = Portal::serving(
        Router::new()
            .route("/", get(|| async { to("/a") }))
            .route("/a", get(|| async { (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "b?x=1#y")]) }))
            .route("/b", get(|| async { axum::response::Html("<title>到了</title>") })),
    )
    .await;
    let seen = see(portal.url("/")).await;
    let hops = vec![(portal.url("/").to_string(), 302), (portal.url("/a").to_string(), 301)];
    assert_eq!(seen.visit.redirects, hops);
    assert_eq!(seen.visit.final_url, portal.url("/b?x=1#y").to_string());
    assert_eq!((seen.visit.status, seen.visit.title.as_str()), (Some(200), "到了"));
}

#[tokio::test]
async fn redirects_without_end_are_a_class_of_their_own() {
    let portal = Portal::serving(
        Router::new()
            .route("/circle", get(|| async { to("/back") }))
            .route("/back", get(|| async { to("/circle") }))
            .route(
                "/count/{n}",
                get(|axum::extract::Path(n): axum::extract::Path<u32>| async move {
                    to(&format!("/count/{}", n + 1))
                }),
            ),
    )
    .await;
    for path in ["/circle", "/count/0"] {
        let seen = see(portal.url(path)).await;
        assert_eq!(class(&seen), Some(TransportClass::RedirectLoop), "{path}");
        assert_eq!(seen.visit.status, None);
    }
    assert_eq!(portal.count("/circle"), 1);
    assert_eq!(portal.hits().iter().filter(|h| h.path.starts_with("/count")).count(), 11);
}

#[tokio::test]
async fn a_portal_that_wants_its_cookie_back_is_no_loop() {
    let portal = Portal::serving(Router::new().route(
        "/",
        get(|headers: HeaderMap| async move {
            if headers.get(header::COOKIE).is_some_and(|c| c == "seen=1") {
                axum::response::Html("<title>门户</title>").into_response()
            } else {
                ([(header::SET_COOKIE, "seen=1; Path=/; HttpOnly")], to("/")).into_response()
            }
        }),
    ))
    .await;
    assert_eq!(see(portal.url("/")).await.visit.title, "门户");
}

#[tokio::test]
async fn redirects_out_of_bounds_are_refused() {
    let router = [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/",
        "javascript:1",
        "http://[fe80::1]/",
    ]
    .into_iter()
    .enumerate()
    .fold(Router::new(), |router, (n, location)| {
        router.route(&format!("/{n}"), get(move || async move { to(location) }))
    });
    let portal = Portal::serving(router).await;
    for n in 0..5 {
        let seen = see(portal.url(&format!("/{n}"))).await;
        assert_eq!(class(&seen), Some(TransportClass::Policy), "{n}: {}", detail(&seen));
        assert_eq!(seen.visit.redirects.len(), 1);
        assert_eq!(seen.visit.status, None);
    }
}

#[tokio::test]
async fn a_portal_elsewhere_cannot_lead_us_to_this_machine() {
    let portal = Portal::serving(Router::new().route("/", get(|| async { "here" }))).await;
    let client = client_with(Reach::Public, Vec::new(), Clock::system());
    for url in [portal.url("/").to_string(), portal.foreign("/")] {
        let seen = see_with(&client, Url::parse(&url).unwrap(), LONG).await;
        assert_eq!(class(&seen), Some(TransportClass::Policy), "{url}");
    }
    assert!(portal.hits().is_empty());
}

#[tokio::test]
async fn every_hop_is_kept_with_where_it_leads_and_its_parts() {
    let portal = Portal::serving(
        Router::new()
            .route("/", get(|| async { to("/a") }))
            .route("/a", get(|| async { axum::response::Html("<title>到了</title>") })),
    )
    .await;
    let seen = see(portal.url("/")).await;
    let [first, second] = seen.visit.hops.as_slice() else { panic!("{:?}", seen.visit.hops) };
    assert_eq!((first.status, first.location.as_deref()), (Some(302), Some(portal.url("/a").as_str())));
    assert_eq!((second.status, second.location.as_deref()), (Some(200), None));
    assert!(first.phases.body.is_none() && second.phases.body.is_some());
    let ended = first.phases.first_byte.unwrap().end_ms();
    assert!(second.phases.tcp.unwrap().at_ms >= ended, "a connection of its own, after the first");
}

#[tokio::test]
async fn a_location_in_gbk_arrives_as_it_was_written() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\xB0\xEC\xCA\xC2 x.html\r\n\r\n";
        let _ = stream.write_all(head).await;
    })
    .await;
    let seen = see(server.url("/")).await;
    assert_eq!(seen.visit.hops[0].location, Some(server.url("/%B0%EC%CA%C2%20x.html").to_string()));
}

#[tokio::test]
async fn the_entry_refused_is_told_from_a_redirect_refused() {
    let portal = Portal::serving(Router::new().route("/", get(|| async { to("file:///etc/passwd") }))).await;
    let seen = see(portal.url("/")).await;
    assert_eq!((class(&seen), seen.visit.redirects.len()), (Some(TransportClass::Policy), 1));
    let seen = see(Url::parse("http://169.254.169.254/").unwrap()).await;
    assert_eq!(
        (class(&seen), seen.visit.redirects.len()),
        (Some(TransportClass::Policy), 0),
        "{}",
        detail(&seen)
    );
}

#[tokio::test]
async fn ten_thousand_redirects_end_after_ten() {
    let router = Router::new().route(
        "/{n}",
        get(|axum::extract::Path(n): axum::extract::Path<u32>| async move {
            if n < 10_000 { to(&format!("/{}", n + 1)).into_response() } else { "end".into_response() }
        }),
    );
    let portal = Portal::serving(router).await;
    let seen = see(portal.url("/0")).await;
    assert_eq!(class(&seen), Some(TransportClass::RedirectLoop));
    assert_eq!((portal.hits().len(), seen.visit.hops.len()), (11, 11));
}
