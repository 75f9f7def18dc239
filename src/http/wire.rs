//! One request with every part of it timed: a connection of its own for each hop, made by hand.
//!
//! The HTTP stack that link checks use tells nothing of names, connections and handshakes, so here
//! each is a call of its own with a clock around it: the system's resolver, TCP by Happy Eyeballs,
//! TLS by rustls, HTTP by hyper, which reads and writes through a `Tap` that sees when bytes pass.
//! All instants come from one monotonic watch, to which the time that the visit was late is added.
//!
//! Invariant: as for all of `http`: only GET, every hop screened, nothing through a proxy, nothing
//! retried, bodies capped raw and decoded.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, COOKIE, HOST, HeaderMap,
    STRICT_TRANSPORT_SECURITY, USER_AGENT,
};
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::body::{Body, End, Line};
use super::connect::{Attempt, dial, families, thousandths, try_other};
use super::hops::{Onward, Step, Trail, fault};
use super::resolve::{lookup, with_route};
use super::tap::{Marks, Stream, Tap};
use super::{Answer, Client, certificate, tls};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::observation::{Transport, TransportClass};
use crate::domain::visit::{Family, Hop, Hsts, Span};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The address; a fragment is not sent.
    pub url: Url,
    /// Reading stops after so many bytes, raw or decoded, whichever come first.
    pub max_body: usize,
    /// How long after its appointed time this begins. All instants are counted from that time.
    pub waited: Duration,
}

/// What came back, with every part of the way.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The answer, as of any request.
    pub answer: Answer,
    /// Every request, in order.
    pub hops: Vec<Hop>,
    /// The entry's addresses by family.
    pub families: Vec<Family>,
    /// Whether the entry has an IPv6 address; `None` when its name did not resolve.
    pub ipv6: Option<bool>,
    /// Bytes of the body as they came.
    pub raw_bytes: u64,
    /// From the appointed time to the end of the answer, in milliseconds.
    pub done_ms: f64,
}

impl Exchange {
    /// Nothing yet.
    fn new(url: Url) -> Self {
        Self {
            answer: Answer::none(url),
            hops: Vec::new(),
            families: Vec::new(),
            ipv6: None,
            raw_bytes: 0,
            done_ms: 0.0,
        }
    }

    /// A visit of which nothing is known because this program failed in it.
    pub fn broken_off(url: Url) -> Self {
        let mut seen = Self::new(url);
        seen.answer.transport =
            Some(fault(TransportClass::Ours, "the visit broke off by a fault of our own"));
        seen
    }
}

/// Time since the visit began, and how late it began.
#[derive(Debug, Clone, Copy)]
struct Scale {
    watch: Stopwatch,
    waited: Duration,
}

impl Scale {
    fn now(self) -> Duration {
        self.watch.elapsed()
    }

    fn span(self, from: Duration, to: Duration) -> Span {
        Span { at_ms: thousandths(self.waited + from), ms: thousandths(to.saturating_sub(from)) }
    }

    /// Runs `work` and puts down how long it took, however it ends.
    async fn timed<F: Future>(self, span: &mut Option<Span>, work: F) -> F::Output {
        let from = self.now();
        let done = work.await;
        *span = Some(self.span(from, self.now()));
        done
    }
}

/// What the way to a server told besides: its families, its certificate.
#[derive(Debug, Default)]
struct Doors {
    found: Vec<SocketAddr>,
    attempts: Vec<Attempt>,
    shown: Option<Shown>,
}

/// Where a certificate stands that was shown, and when that was. It is described when everything is
/// over: that takes longer than some handshakes, and is none of the portal's time.
type Shown = (Arc<tls::Recorder>, i64);

/// An answer whose body has not been read.
struct Opened {
    response: Response<Incoming>,
    line: Line,
    first_byte: Duration,
}

type Refusal = Box<dyn Error + Send + Sync>;

impl Client {
    /// Sends one GET over connections of its own and follows its redirects, until `deadline`.
    /// Whatever goes wrong stands in the answer's `transport`.
    pub async fn visit(&self, ask: &Ask, deadline: Deadline) -> Exchange {
        let scale = Scale { watch: Stopwatch::start(), waited: ask.waited };
        let mut seen = Exchange::new(ask.url.clone());
        // Dropped with this future: what is still being tried then ends with it.
        let mut others = JoinSet::new();
        let mut shown = Vec::new();
        if let Err(transport) = self.walk(ask, scale, deadline, &mut seen, (&mut others, &mut shown)).await {
            seen.answer.transport = Some(transport);
        }
        seen.answer.total_ms = scale.watch.elapsed_ms();
        seen.done_ms = thousandths(scale.waited + scale.now());
        for (hop, shown) in seen.hops.iter_mut().zip(shown) {
            hop.certificate = shown.and_then(|(recorder, at)| {
                certificate::describe(&recorder.shown()?, &recorder, at).map(Box::new)
            });
        }
        let last = seen.hops.last().and_then(|hop| hop.certificate.as_ref());
        seen.answer.certificate_days = last.map(|certificate| certificate.days_left);
        while let Some(Ok(family)) = others.join_next().await {
            if let Some(open) = seen.families.iter_mut().find(|one| one.family == family.family) {
                *open = family;
            }
        }
        seen
    }

    async fn walk(
        &self,
        ask: &Ask,
        scale: Scale,
        deadline: Deadline,
        seen: &mut Exchange,
        (others, shown): (&mut JoinSet<Family>, &mut Vec<Option<Shown>>),
    ) -> Result<(), Transport> {
        let mut trail = Trail::new(self.reach);
        loop {
            let step = trail.go(&seen.answer.url)?;
            let mut hop = Hop { url: seen.answer.url.to_string(), ..Hop::default() };
            let mut doors = Doors::default();
            let opened = self.open(&step, scale, deadline, &mut hop, &mut doors).await;
            if seen.hops.is_empty() && !doors.found.is_empty() {
                seen.ipv6 = Some(doors.found.iter().any(SocketAddr::is_ipv6));
                seen.families = families(&doors.found, hop.address, &doors.attempts);
                let port = step.url.port_or_known_default().unwrap_or(80);
                for family in seen.families.iter().filter(|family| family.connected.is_none()) {
                    others.spawn(try_other(family.clone(), port, deadline));
                }
            }
            seen.hops.push(hop);
            shown.push(doors.shown);
            let mut opened = opened?;
            let Some(hop) = seen.hops.last_mut() else { return Ok(()) };
            let status = opened.response.status().as_u16();
            let headers = std::mem::take(opened.response.headers_mut());
            hop.status = Some(status);
            hop.protocol = Some(format!("{:?}", opened.response.version()));
            hop.hsts = hsts(&headers, hop.tls.is_some());
            let Some(onward) = trail.answered(&seen.answer.url, status, &headers) else {
                seen.answer.status = Some(status);
                self.read_headers(&headers, &mut seen.answer);
                return self.read(opened, &headers, ask, scale, deadline, seen).await;
            };
            seen.answer.redirects.push((seen.answer.url.to_string(), status));
            match onward {
                Onward::To(next) => {
                    hop.location = Some(next.to_string());
                    seen.answer.url = next;
                }
                Onward::Nowhere(transport) => return Err(transport),
            }
        }
    }

    /// Everything up to the head of the answer. What was seen on the way stands in `hop` and `doors`,
    /// however it ends.
    async fn open(
        &self,
        step: &Step,
        scale: Scale,
        deadline: Deadline,
        hop: &mut Hop,
        doors: &mut Doors,
    ) -> Result<Opened, Transport> {
        let url = &step.url;
        let connecting = deadline.tightened(self.connect_timeout);
        let late = |detail: &str| fault(TransportClass::Timeout, detail);
        let found = self.addresses(url, scale, connecting, hop).await?;
        let routed = with_route(found.clone());
        doors.found = found;
        let dialing = connecting.limit(dial(&routed, &mut doors.attempts));
        let stream = match scale.timed(&mut hop.phases.tcp, dialing).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.refused(&error)),
            Err(_) => return Err(late("no connection in time")),
        };
        hop.address = stream.peer_addr().ok().map(|address| address.ip());
        let (stream, h2): (Box<dyn Stream>, bool) = if url.scheme() == "https" {
            let secured = self.secure(url, stream, scale, connecting, (&mut *hop, &mut doors.shown)).await?;
            let h2 = secured.get_ref().1.alpn_protocol() == Some(b"h2");
            (Box::new(secured), h2)
        } else {
            (Box::new(stream), false)
        };
        let from = scale.now();
        let marks = Marks::new(scale.watch);
        let tap = TokioIo::new(Tap { stream, marks: Arc::clone(&marks) });
        let answered = deadline.limit(self.ask(step, tap, h2, &marks)).await;
        let now = scale.now();
        // Until the last write before the answer; all of the time when nothing was written at all.
        let written = if h2 { marks.first_write() } else { marks.last_write() };
        hop.phases.request = Some(scale.span(from, written.unwrap_or(now)));
        let first_byte = if h2 { now } else { marks.first_read().unwrap_or(now) };
        if let Some(written) = written {
            hop.phases.first_byte = Some(scale.span(written, first_byte));
        }
        match answered {
            Ok(Ok((response, line))) => Ok(Opened { response, line, first_byte }),
            Ok(Err(error)) => Err(self.refused(error.as_ref())),
            Err(_) => Err(late("no answer in time")),
        }
    }

    /// Every address of the host, screened, with the port.
    async fn addresses(
        &self,
        url: &Url,
        scale: Scale,
        deadline: Deadline,
        hop: &mut Hop,
    ) -> Result<Vec<SocketAddr>, Transport> {
        let port = url.port_or_known_default().unwrap_or(80);
        let name = match url.host() {
            // `Trail::go` has screened it.
            Some(Host::Ipv4(ip)) => return Ok(vec![SocketAddr::new(IpAddr::V4(ip), port)]),
            Some(Host::Ipv6(ip)) => return Ok(vec![SocketAddr::new(IpAddr::V6(ip), port)]),
            Some(Host::Domain(name)) => name,
            None => return Err(fault(TransportClass::Policy, "refused: the address names no host")),
        };
        let looking = deadline.limit(lookup(name, self.reach));
        match scale.timed(&mut hop.phases.dns, looking).await {
            Ok(Ok(found)) => {
                Ok(found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
            }
            Ok(Err(error)) => Err(self.refused(error.as_ref())),
            Err(_) if super::failure::offline() => {
                Err(fault(TransportClass::Ours, "this machine has no route to the network"))
            }
            Err(_) => Err(fault(TransportClass::Dns, "the name was not resolved in time")),
        }
    }

    /// The TLS handshake. The certificate can be described even when this fails.
    async fn secure(
        &self,
        url: &Url,
        stream: TcpStream,
        scale: Scale,
        deadline: Deadline,
        (hop, shown): (&mut Hop, &mut Option<Shown>),
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Transport> {
        let name = match url.host() {
            Some(Host::Ipv4(ip)) => ServerName::from(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => ServerName::from(IpAddr::V6(ip)),
            Some(Host::Domain(name)) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| fault(TransportClass::Tls, "no certificate can be for this name"))?,
            None => return Err(fault(TransportClass::Policy, "refused: the address names no host")),
        };
        let now = self.clock.now().as_second();
        let instant = Duration::from_secs(u64::try_from(now).unwrap_or(0));
        let (config, recorder) = self.trust.recorded(UnixTime::since_unix_epoch(instant));
        let shaking = deadline.limit(TlsConnector::from(config).connect(name, stream));
        let shaken = scale.timed(&mut hop.phases.tls, shaking).await;
        *shown = Some((recorder, now));
        match shaken {
            Ok(Ok(secured)) => {
                hop.tls = Some(tls::agreed(secured.get_ref().1));
                Ok(secured)
            }
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => Err(fault(TransportClass::Timeout, "the TLS handshake did not end in time")),
        }
    }

    /// Sends the request and waits for the head of its answer.
    async fn ask(
        &self,
        step: &Step,
        tap: TokioIo<Tap>,
        h2: bool,
        marks: &Marks,
    ) -> Result<(Response<Incoming>, Line), Refusal> {
        let request = self.request(step, h2)?;
        if h2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), tap).await?;
            let mut line = Line::new(async move { drop(connection.await) });
            marks.arm();
            let response = line.bring(sender.send_request(request)).await?;
            // The connection ends when the last sender is gone, and the body has yet to come.
            Ok((response, line.keeping(sender)))
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
                .title_case_headers(true)
                .allow_obsolete_multiline_headers_in_responses(true)
                .allow_spaces_after_header_name_in_responses(true)
                .ignore_invalid_headers_in_responses(true)
                .handshake(tap)
                .await?;
            let mut line = Line::new(async move { drop(connection.await) });
            marks.arm();
            let response = line.bring(sender.send_request(request)).await?;
            Ok((response, line.keeping(sender)))
        }
    }

    fn request(&self, step: &Step, h2: bool) -> Result<Request<Empty<Bytes>>, Refusal> {
        let url = &step.url;
        let uri: Uri = if h2 {
            url.as_str().parse()?
        } else {
            url[url::Position::BeforePath..url::Position::AfterQuery].parse()?
        };
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if h2 {
            *request.version_mut() = Version::HTTP_2;
        } else {
            let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
            headers.insert(HOST, host.parse()?);
        }
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.headers.agent.clone());
        headers.insert(ACCEPT, self.headers.accept.clone());
        headers.insert(ACCEPT_LANGUAGE, self.headers.language.clone());
        headers.insert(ACCEPT_ENCODING, super::ENCODINGS);
        if let Some(cookies) = &step.cookies {
            headers.insert(COOKIE, cookies.clone());
        }
        Ok(request)
    }

    async fn read(
        &self,
        opened: Opened,
        headers: &HeaderMap,
        ask: &Ask,
        scale: Scale,
        deadline: Deadline,
        seen: &mut Exchange,
    ) -> Result<(), Transport> {
        let encoding: Vec<&str> =
            headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
        let most = u64::try_from(ask.max_body).unwrap_or(u64::MAX);
        let mut body = Body::new(opened.line, opened.response.into_body(), &encoding.join(","), most);
        let read = deadline.limit(body.read(&mut seen.answer.body, ask.max_body)).await;
        let end = scale.now();
        seen.raw_bytes = body.raw_bytes();
        if let Some(hop) = seen.hops.last_mut() {
            hop.phases.body = Some(scale.span(opened.first_byte, end));
        }
        let bytes = seen.answer.body.len();
        match read {
            Ok(End::Whole) => Ok(()),
            Ok(End::Cut) => {
                seen.answer.cut = true;
                Ok(())
            }
            Ok(End::Broken(error)) => {
                let mut transport = self.refused(&error);
                transport.detail = format!("{} after {bytes} bytes", transport.detail);
                Err(transport)
            }
            Err(_) => {
                let detail = format!("the answer was still coming after {bytes} bytes");
                Err(fault(TransportClass::Timeout, detail))
            }
        }
    }

    fn refused(&self, error: &(dyn Error + 'static)) -> Transport {
        self.classified(error).transport
    }
}

/// `Strict-Transport-Security`, which counts over TLS only (RFC 6797, section 8.1).
fn hsts(headers: &HeaderMap, secured: bool) -> Option<Hsts> {
    let value = headers.get(STRICT_TRANSPORT_SECURITY).filter(|_| secured)?;
    Hsts::parse(&String::from_utf8_lossy(value.as_bytes()))
}
