//! Why a request got no answer: from the chain of causes to a class and a sentence.
//!
//! Invariant: what this machine lacks (a route, file handles, trusted authorities) is `Ours` and
//! never the portal's.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rustls::{AlertDescription, CertificateError};

use super::resolve::{Forbidden, NameFailure};
use crate::domain::observation::{Transport, TransportClass};

/// What is known besides the error itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// The client was built on a machine without trusted authorities.
    pub no_authorities: bool,
    /// This machine has no route to anywhere.
    pub offline: bool,
}

/// A failure with what the certificate told, if it was about the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Class and detail.
    pub transport: Transport,
    /// The end of a certificate that has ended, in seconds since 1970.
    pub certificate_end: Option<i64>,
}

impl Failure {
    fn new(class: TransportClass, detail: impl Into<String>) -> Self {
        Self { transport: Transport { class, detail: detail.into() }, certificate_end: None }
    }
}

/// Classifies the error of a request or of reading its body.
pub fn classify(error: &(dyn Error + 'static), context: Context) -> Failure {
    use TransportClass::{Dns, Other, Ours, Policy, Reset, Timeout};
    let mut timed_out = false;
    let mut broken = None;
    let mut decoding = false;
    let mut spoke = false;
    let mut last = error;
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = link {
        if let Some(forbidden) = cause.downcast_ref::<Forbidden>() {
            return Failure::new(Policy, forbidden.to_string());
        }
        if let Some(name) = cause.downcast_ref::<NameFailure>() {
            return if context.offline {
                Failure::new(Ours, "this machine has no route to the network")
            } else {
                Failure::new(Dns, name.to_string())
            };
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return classify_tls(tls, context);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            // An io error hides its own payload from `source`; hyper-rustls nests two of them.
            let inner = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
            if let Some(inner) = inner
                && (inner.is::<io::Error>()
                    || inner.is::<rustls::Error>()
                    || inner.is::<hyper::Error>()
                    || inner.is::<Forbidden>()
                    || inner.is::<NameFailure>())
            {
                link = Some(inner);
                continue;
            }
            if let Some(failure) = classify_io(io) {
                return failure;
            }
            // Below hyper this is about the frame of the answer: chunks that are none, lengths that lie.
            if spoke && matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) {
                return Failure::new(Reset, format!("the answer breaks the rules of HTTP: {io}"));
            }
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            timed_out |= hyper.is_timeout();
            spoke = true;
            if hyper.is_incomplete_message() {
                broken = Some("the connection closed before the answer");
            } else if hyper.is_parse() {
                return Failure::new(Other, "the answer is not HTTP");
            } else if hyper.is_closed() || hyper.is_canceled() {
                broken = Some("the connection closed");
            } else if hyper.to_string().starts_with("http2 error") {
                broken = Some("the server broke the HTTP/2 connection off");
            }
        }
        if let Some(reqwest) = cause.downcast_ref::<reqwest::Error>() {
            timed_out |= reqwest.is_timeout();
            decoding |= reqwest.is_decode();
        }
        last = cause;
        link = cause.source();
    }
    if timed_out {
        Failure::new(Timeout, "no connection in time")
    } else if let Some(detail) = broken {
        Failure::new(Reset, detail)
    } else if decoding {
        Failure::new(Other, format!("the body cannot be decoded: {last}"))
    } else {
        Failure::new(Other, last.to_string())
    }
}

fn classify_io(error: &io::Error) -> Option<Failure> {
    use io::ErrorKind as Kind;
    let (class, detail) = match error.kind() {
        Kind::ConnectionRefused => (TransportClass::Refused, "the connection was refused"),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::NotConnected => {
            (TransportClass::Reset, "the connection was reset")
        }
        Kind::UnexpectedEof if error.to_string().contains("tls handshake") => {
            (TransportClass::Tls, "the server hung up in the TLS handshake")
        }
        Kind::UnexpectedEof => (TransportClass::Reset, "the answer was cut short"),
        Kind::TimedOut => (TransportClass::Timeout, "the connection timed out"),
        Kind::NetworkUnreachable | Kind::NetworkDown => {
            (TransportClass::Ours, "this machine has no route to the network")
        }
        Kind::AddrNotAvailable | Kind::AddrInUse => {
            (TransportClass::Ours, "this machine has no free port left")
        }
        Kind::PermissionDenied => (TransportClass::Ours, "this machine does not allow the connection"),
        Kind::OutOfMemory => (TransportClass::Ours, "this machine is out of memory"),
        Kind::HostUnreachable => (TransportClass::Other, "the host cannot be reached"),
        _ if matches!(error.raw_os_error(), Some(code) if code == TOO_MANY_HERE || code == TOO_MANY_ALL) => {
            (TransportClass::Ours, "this process has too many open files")
        }
        _ => return None,
    };
    Some(Failure::new(class, detail))
}

/// `EMFILE` and `ENFILE`; std has no `ErrorKind` for them.
const TOO_MANY_HERE: i32 = 24;
const TOO_MANY_ALL: i32 = 23;

fn classify_tls(error: &rustls::Error, context: Context) -> Failure {
    let tls = |detail: String| Failure::new(TransportClass::Tls, detail);
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::Expired => tls("the certificate has ended".to_owned()),
            CertificateError::ExpiredContext { not_after, .. } => {
                let end = i64::try_from(not_after.as_secs()).ok();
                let day = end
                    .and_then(|end| jiff::Timestamp::from_second(end).ok())
                    .map(|end| format!(" on {}", end.strftime("%Y-%m-%d")))
                    .unwrap_or_default();
                Failure { certificate_end: end, ..tls(format!("the certificate ended{day}")) }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                tls("the certificate is not valid yet".to_owned())
            }
            CertificateError::UnknownIssuer if context.no_authorities => Failure::new(
                TransportClass::Ours,
                "this machine trusts no certificate authority; install the package ca-certificates",
            ),
            CertificateError::UnknownIssuer => {
                tls("the certificate comes from an issuer that is not trusted here: self-signed, a private \
                 authority, or an intermediate certificate that the server does not send"
                    .to_owned())
            }
            CertificateError::NotValidForName => tls("the certificate is for another name".to_owned()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                tls(format!("the certificate is for another name: {}", presented.join(", ")))
            }
            CertificateError::Revoked => tls("the certificate is revoked".to_owned()),
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                tls("the certificate is self-signed".to_owned())
            }
            other => tls(format!("the certificate is not valid: {other}")),
        },
        rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | rustls::Error::PeerIncompatible(_) => {
            tls("the server offers no TLS version or cipher that we have in common".to_owned())
        }
        rustls::Error::InvalidMessage(_) => tls("the server does not speak TLS at this port".to_owned()),
        other => tls(format!("TLS failed: {other}")),
    }
}

/// Whether this machine has no route to the Internet, by the routing table alone: a UDP socket
/// is pointed at documentation addresses, and nothing is sent.
pub fn offline() -> bool {
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
    let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9);
    !routable(v4) && !routable(v6)
}

/// Whether the routing table knows a way to `address`. Nothing is sent.
pub fn routable(address: SocketAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::UnixTime;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn causes_become_classes() {
        use TransportClass::{Dns, Other, Ours, Policy, Refused, Reset, Timeout, Tls};
        let io = |kind: io::ErrorKind| -> Box<dyn Error> { Box::new(io::Error::from(kind)) };
        let cert = |why: CertificateError| -> Box<dyn Error> {
            Box::new(io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why)))
        };
        let wrapped = |inner: rustls::Error| -> Box<dyn Error> { Box::new(io::Error::other(inner)) };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000));
        let end = UnixTime::since_unix_epoch(Duration::from_secs(1_500_000_001));
        let here = Context::default();
        let cases: Vec<(Box<dyn Error>, Context, TransportClass, &str)> = vec![
            (io(io::ErrorKind::ConnectionRefused), here, Refused, "refused"),
            (io(io::ErrorKind::ConnectionReset), here, Reset, "reset"),
            (io(io::ErrorKind::UnexpectedEof), here, Reset, "cut short"),
            (io(io::ErrorKind::TimedOut), here, Timeout, "timed out"),
            (io(io::ErrorKind::NetworkUnreachable), here, Ours, "no route"),
            (io(io::ErrorKind::PermissionDenied), here, Ours, "does not allow"),
            (io(io::ErrorKind::HostUnreachable), here, Other, "cannot be reached"),
            (Box::new(io::Error::from_raw_os_error(TOO_MANY_HERE)), here, Ours, "open files"),
            (Box::new(io::Error::other("tls handshake eof")), here, Other, "tls handshake eof"),
            (
                Box::new(io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof")),
                here,
                Tls,
                "hung up",
            ),
            (Box::new(NameFailure("no such name".into())), here, Dns, "no such name"),
            (Box::new(NameFailure("?".into())), Context { offline: true, ..here }, Ours, "no route"),
            (Box::new(Forbidden("127.0.0.1 is a loopback address".into())), here, Policy, "loopback"),
            (cert(CertificateError::UnknownIssuer), here, Tls, "self-signed"),
            (
                cert(CertificateError::UnknownIssuer),
                Context { no_authorities: true, ..here },
                Ours,
                "ca-certificates",
            ),
            (cert(CertificateError::NotValidForName), here, Tls, "another name"),
            (cert(CertificateError::ExpiredContext { time: now, not_after: end }), here, Tls, "2017-07-14"),
            (
                cert(CertificateError::Other(rustls::OtherError(Arc::new(io::Error::other(
                    "CaUsedAsEndEntity",
                ))))),
                here,
                Tls,
                "self-signed",
            ),
            (
                wrapped(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)),
                here,
                Tls,
                "in common",
            ),
        ];
        for (error, context, class, words) in cases {
            let found = classify(error.as_ref(), context);
            assert_eq!(found.transport.class, class, "{error}");
            assert!(found.transport.detail.contains(words), "{error}: {}", found.transport.detail);
        }
        let ended =
            classify(cert(CertificateError::ExpiredContext { time: now, not_after: end }).as_ref(), here);
        assert_eq!(ended.certificate_end, Some(1_500_000_001));
    }

    #[test]
    fn loopback_is_always_routable() {
        assert!(routable(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9)));
    }
}
