//! Servers that tests of visits and crawls bring along: an ordinary one, a broken one, one with
//! TLS. Each on a port of its own, gone with the test.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use mystery_shopper::clock::{Clock, Stopwatch};
use mystery_shopper::http::address::Reach;
use mystery_shopper::http::{Client, Settings, user_agent};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// A request that a portal got.
#[derive(Debug, Clone)]
pub struct Hit {
    pub path: String,
    pub agent: String,
    pub host: String,
    pub came: std::time::Duration,
    pub left: std::time::Duration,
}

/// An ordinary server that remembers who came.
pub struct Portal {
    pub address: SocketAddr,
    hits: Arc<Mutex<Vec<Hit>>>,
    task: JoinHandle<()>,
}

impl Portal {
    pub async fn serving(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hits: Arc<Mutex<Vec<Hit>>> = Arc::default();
        let seen = hits.clone();
        let watch = Stopwatch::start();
        let router = router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let seen = seen.clone();
            async move {
                let path = request.uri().to_string();
                let (agent, host) = (header(&request, "user-agent"), header(&request, "host"));
                let came = watch.elapsed();
                let response = next.run(request).await;
                seen.lock().unwrap().push(Hit { path, agent, host, came, left: watch.elapsed() });
                response
            }
        }));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, hits, task }
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// The same server under another name, as a foreign host.
    pub fn foreign(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    pub fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    pub fn count(&self, path: &str) -> usize {
        self.hits().iter().filter(|hit| hit.path == path).count()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn header(request: &Request, name: &str) -> String {
    request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

/// A server that does with each connection whatever the test wants.
pub struct Raw {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Raw {
    pub async fn serving<F, W>(serve: W) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        W: Fn(TcpStream) -> F + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { address, task }
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a request up to its empty line.
pub async fn read_request(stream: &mut TcpStream) {
    use tokio::io::AsyncReadExt;
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !seen.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => seen.extend_from_slice(&buffer[..n]),
        }
    }
}

/// A client that may talk to this machine.
pub fn client() -> Client {
    client_with(Reach::Local, Vec::new(), Clock::system())
}

pub fn client_with(reach: Reach, authorities: Vec<Vec<u8>>, clock: Clock) -> Client {
    let agent = user_agent(Some("mailto:test@example.org"));
    Client::new(&Settings { authorities, ..Settings::new(agent, reach) }, clock).unwrap()
}
