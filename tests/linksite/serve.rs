//! The site inside a test: the same answers without a web server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, Uri, header};
use axum::middleware::{self, Next};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::kinds::Resource;
use super::nginx::{MISSING, delay};
use super::page::Special;
use super::{Host, Reply, SMALL_PAGE, Site, Size};

/// A site that is being served; gone when this is dropped.
pub struct Served {
    /// The site.
    pub site: Arc<Site>,
    hits: Arc<Mutex<BTreeMap<String, usize>>>,
    _tasks: JoinSet<()>,
}

impl Served {
    /// Plans a site for a free port and serves its two hosts there.
    pub async fn start(size: Size, seed: u64) -> Self {
        let (portal, other) = listeners().await;
        let port = portal.local_addr().expect("a bound socket").port();
        let planned = Arc::new(Site::plan(size, seed, port));
        let mut tasks = JoinSet::new();
        let hits: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        for (listener, host) in [(portal, Host::Portal), (other, Host::Other)] {
            let counted = hits.clone();
            let router = router(planned.clone(), host).layer(middleware::from_fn(
                move |request: Request, next: Next| {
                    let what = format!("{} {host:?} {}", request.method(), request.uri());
                    *counted.lock().expect("a lock").entry(what).or_default() += 1;
                    next.run(request)
                },
            ));
            tasks.spawn(async move {
                let _ = axum::serve(listener, router).await;
            });
        }
        Self { site: planned, hits, _tasks: tasks }
    }

    /// What was asked for since the last time: method, host and address, and how often.
    pub fn take_hits(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.hits.lock().expect("a lock"))
    }
}

/// The same port on both hosts; another port when the second is taken there.
async fn listeners() -> (TcpListener, TcpListener) {
    for _ in 0..50 {
        let portal = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = portal.local_addr().expect("a bound socket").port();
        if let Ok(other) = TcpListener::bind(("127.0.0.2", port)).await {
            return (portal, other);
        }
    }
    panic!("no port is free on both 127.0.0.1 and 127.0.0.2")
}

/// Answers for one host as [`Site::answer`] says.
pub fn router(site: Arc<Site>, host: Host) -> Router {
    Router::new().fallback(move |method: Method, uri: Uri| {
        let site = site.clone();
        async move {
            let target = uri.path_and_query().map_or("/", |target| target.as_str());
            answer(&site, host, &method, target).await
        }
    })
}

async fn answer(site: &Site, host: Host, method: &Method, target: &str) -> Response<Body> {
    match site.answer(host, target) {
        Reply::Page(i) => page(site, i, method).await,
        Reply::Special(resource) => special(resource, method, target),
        Reply::Redirect(status, to) => redirect(status, &to),
        Reply::Missing => html(MISSING.replace("{}", &target.replace('&', "&amp;").replace('<', "&lt;"))),
        Reply::NotFound => status(404),
    }
}

async fn page(site: &Site, i: usize, method: &Method) -> Response<Body> {
    let special = site.pages[i].special;
    match special {
        Special::Slow => tokio::time::sleep(Duration::from_millis(delay(i))).await,
        Special::NoHead if method == Method::HEAD => return status(405),
        Special::HeadLies if method == Method::HEAD => return status(404),
        _ => {}
    }
    let kind =
        special.header().map_or("text/html".to_owned(), |charset| format!("text/html; charset={charset}"));
    typed(&kind, site.bytes(i))
}

fn special(resource: &Resource, method: &Method, target: &str) -> Response<Body> {
    match resource {
        Resource::File(kind, bytes) => typed(kind, bytes.clone()),
        Resource::Status(code) => status(*code),
        Resource::Redirect(code, to) => redirect(*code, to),
        Resource::Query(query) if target.split_once('?').is_some_and(|(_, asked)| asked == query) => {
            html(SMALL_PAGE.to_owned())
        }
        Resource::Query(_) => status(404),
        Resource::PostOnly => status(if method == Method::POST { 200 } else { 405 }),
        Resource::Closed => torn(),
    }
}

/// A body that promises more than it holds; hyper closes the connection.
fn torn() -> Response<Body> {
    let piece =
        futures_util::stream::iter([Ok(Bytes::from_static(b"<p>")), Err(std::io::Error::other("torn"))]);
    let mut response = Response::new(Body::from_stream(piece));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn status(code: u16) -> Response<Body> {
    let mut response =
        html(format!("<html><head><title>{code}</title></head><body><h1>{code}</h1></body></html>"));
    *response.status_mut() = axum::http::StatusCode::from_u16(code).expect("a status");
    response
}

fn redirect(code: u16, to: &str) -> Response<Body> {
    let mut response = status(code);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(to).expect("an address in ASCII"));
    response
}

fn html(text: String) -> Response<Body> {
    typed("text/html", text.into_bytes())
}

fn typed(kind: &str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).expect("a type"));
    response
}
