//! Certificates: good ones dated, bad ones described, and what was agreed on besides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::visit::{Certificate, CertificateFault as Fault};
use mystery_shopper::http::Client;
use mystery_shopper::http::address::Reach;
use mystery_shopper::visit::Seen;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use url::Url;

use crate::net::{Portal, Raw, client_with};
use crate::world::{LONG, class, detail, see, see_with};

/// A server with TLS that is yet to be started.
pub struct Secure {
    names: Vec<String>,
    years: (i32, i32),
    /// How many authorities stand above the certificate, and whether those between are sent.
    above: u8,
    sent: bool,
    trusted: bool,
    protocols: &'static [&'static str],
    pause: Duration,
    clock: Clock,
}

/// One that runs.
pub struct Server {
    raw: Raw,
    authority: Vec<u8>,
    trusted: bool,
    clock: Clock,
}

impl Secure {
    pub fn new(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            years: (2001, 2099),
            above: 0,
            sent: true,
            trusted: true,
            protocols: &[],
            pause: Duration::ZERO,
            clock: Clock::system(),
        }
    }

    pub fn slow(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    fn years(self, from: i32, to: i32) -> Self {
        Self { years: (from, to), ..self }
    }

    fn below(self, above: u8, sent: bool) -> Self {
        Self { above, sent, ..self }
    }

    fn distrusted(self) -> Self {
        Self { trusted: false, ..self }
    }

    fn speaking(self, protocols: &'static [&'static str]) -> Self {
        Self { protocols, ..self }
    }

    fn on(self, day: &str) -> Self {
        Self { clock: Clock::manual(format!("{day}T00:00:00Z").parse().unwrap()), ..self }
    }

    pub async fn serve(self) -> Server {
        let mut params = CertificateParams::new(self.names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "示范市政务服务网");
        params.not_before = rcgen::date_time_ymd(self.years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(self.years.1, 1, 31);
        params.custom_extensions.push(told_where_the_issuer_is());
        let key = KeyPair::generate().unwrap();
        let (mut chain, authority) = if self.above == 0 {
            let own = params.self_signed(&key).unwrap();
            (vec![own.der().clone()], own.der().to_vec())
        } else {
            let (root_params, root_key) = authority("根");
            let root = root_params.self_signed(&root_key).unwrap().der().clone();
            let mut issuer = Issuer::new(root_params, root_key);
            let mut between = Vec::new();
            for n in 1..self.above {
                let (params, key) = authority(&format!("中间{n}"));
                between.insert(0, params.signed_by(&key, &issuer).unwrap().der().clone());
                issuer = Issuer::new(params, key);
            }
            let own = params.signed_by(&key, &issuer).unwrap().der().clone();
            let mut chain = vec![own];
            chain.extend(between);
            (chain, root.to_vec())
        };
        if !self.sent {
            chain.truncate(1);
        }
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .unwrap();
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let pause = self.pause;
        let raw = Raw::serving(move |stream: TcpStream| {
            let acceptor = acceptor.clone();
            async move {
                tokio::time::sleep(pause).await;
                let Ok(tls) = acceptor.accept(stream).await else { return };
                let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
                let io = TokioIo::new(tls);
                let answer = service_fn(answer);
                if h2 {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(io, answer).await;
                } else {
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await;
                }
            }
        })
        .await;
        Server { raw, authority, trusted: self.trusted, clock: self.clock }
    }
}

async fn answer(
    _: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let answer = Response::builder()
        .header("content-type", "text/html")
        .header("strict-transport-security", "max-age=31536000; includeSubDomains")
        .body(Full::new(Bytes::from_static(b"<title>s</title>")));
    Ok(answer.unwrap())
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    (params, KeyPair::generate().unwrap())
}

/// Authority Information Access with one caIssuers: `http://a.cn`.
fn told_where_the_issuer_is() -> CustomExtension {
    let mut der =
        vec![0x30, 0x19, 0x30, 0x17, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, 0x0B];
    der.extend_from_slice(b"http://a.cn");
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der)
}

impl Server {
    /// A client that trusts the server's authority, or another one: so a machine without any gives the
    /// same answer.
    pub fn client(&self) -> Client {
        let other = || authority("别的").0.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let trusted = if self.trusted { self.authority.clone() } else { other() };
        client_with(Reach::Local, vec![trusted], self.clock.clone())
    }

    pub fn url(&self) -> Url {
        https(self.raw.address)
    }
}

fn https(address: SocketAddr) -> Url {
    Url::parse(&format!("https://localhost:{}/", address.port())).unwrap()
}

async fn look(secure: Secure) -> Seen {
    let server = secure.serve().await;
    see_with(&server.client(), server.url(), LONG).await
}

fn certificate(seen: &Seen) -> &Certificate {
    seen.visit.hops[0].certificate.as_ref().unwrap_or_else(|| panic!("no certificate: {}", detail(seen)))
}

#[tokio::test]
async fn a_good_certificate_is_dated_and_described() {
    let seen = look(Secure::new("localhost").below(2, true).on("2099-01-01")).await;
    assert_eq!((seen.visit.status, seen.visit.certificate_days), (Some(200), Some(30)), "{}", detail(&seen));
    assert_eq!(seen.visit.title, "s");
    let shown = certificate(&seen);
    assert_eq!((shown.valid, shown.days_left, shown.chain), (true, 30, 2));
    assert_eq!(shown.faults, []);
    assert_eq!(shown.names, ["localhost"]);
    assert_eq!((shown.key.as_str(), shown.signature.as_str()), ("ECDSA P-256", "ECDSA SHA-256"));
    assert!(shown.subject.contains("示范市政务服务网") && shown.issuer.contains("中间1"), "{shown:?}");
    assert_eq!(shown.not_after, Some("2099-01-31T00:00:00Z".parse().unwrap()));
    let hop = &seen.visit.hops[0];
    assert_eq!(hop.tls.as_ref().map(|tls| tls.version.as_str()), Some("TLS 1.3"));
    assert!(hop.tls.as_ref().unwrap().cipher.starts_with("TLS_"), "{:?}", hop.tls);
    let hsts = hop.hsts.unwrap();
    assert_eq!((hsts.max_age, hsts.include_subdomains, hsts.preload), (31_536_000, true, false));
}

#[tokio::test]
async fn http_2_is_taken_where_it_is_spoken() {
    for (protocols, want) in
        [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let seen = look(Secure::new("localhost").speaking(protocols)).await;
        assert_eq!(seen.visit.hops[0].protocol.as_deref(), Some(want), "{}", detail(&seen));
        let names: Vec<_> = seen.visit.hops[0].phases.named().map(|(name, _)| name).collect();
        assert_eq!(names, ["dns", "tcp", "tls", "request", "first_byte", "body"]);
        assert_eq!((seen.visit.title.as_str(), seen.visit.bytes), ("s", 16));
    }
}

#[tokio::test]
async fn bad_certificates_are_described_and_refused() {
    let ours = || Secure::new("localhost");
    let cases = [
        ("ended", ours().years(2001, 2020), vec![Fault::Expired], "ended on 2020-01-31"),
        ("to come", ours().years(2098, 2099), vec![Fault::NotYetValid], "not valid yet"),
        ("another's", Secure::new("other.example"), vec![Fault::WrongName], "another name"),
        ("self-signed", ours().distrusted(), vec![Fault::SelfSigned], "self-signed"),
        (
            "of a strange authority",
            ours().below(2, true).distrusted(),
            vec![Fault::UntrustedIssuer],
            "not trusted",
        ),
        ("with a gap above it", ours().below(2, false), vec![Fault::IncompleteChain], "intermediate"),
        (
            "everything at once",
            Secure::new("other.example").years(2001, 2020).distrusted(),
            vec![Fault::Expired, Fault::WrongName, Fault::SelfSigned],
            "certificate",
        ),
    ];
    for (name, secure, faults, words) in cases {
        let seen = look(secure).await;
        assert_eq!((class(&seen), seen.visit.status), (Some(TransportClass::Tls), None), "{name}");
        let shown = certificate(&seen);
        assert_eq!((shown.valid, &shown.faults), (false, &faults), "{name}: {}", detail(&seen));
        assert!(detail(&seen).contains(words), "{name}: {}", detail(&seen));
        assert!(!shown.subject.is_empty() && !shown.names.is_empty());
        assert_eq!(seen.visit.certificate_days, Some(shown.days_left), "{name}");
        assert!(seen.visit.hops[0].phases.tls.is_some() && seen.visit.hops[0].tls.is_none());
    }
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_is_a_tls_fault() {
    let portal = Portal::serving(axum::Router::new()).await;
    let seen = see(https(portal.address)).await;
    assert_eq!(class(&seen), Some(TransportClass::Tls), "{}", detail(&seen));
    assert!(seen.visit.hops[0].certificate.is_none());
}
