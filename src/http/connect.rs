//! Connections as a browser makes them: IPv6 first, IPv4 soon after (Happy Eyeballs, RFC 8305).
//!
//! Invariant: only addresses that [`resolve`](super::resolve) has let through are connected to.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;

use super::failure::{self, routable};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::observation::TransportClass;
use crate::domain::visit::{Family, FamilyFault, IpFamily};

/// How long one address is alone before the next one is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How long the family that the visit does not need may take.
const OTHER_FAMILY: Duration = Duration::from_secs(3);
/// The most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// One try to connect that came to an end.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Where to.
    pub address: SocketAddr,
    /// From its beginning to its end, in milliseconds.
    pub ms: f64,
    /// Why it failed, if it did.
    pub error: Option<FamilyFault>,
}

/// Connects to the first of `addresses` that answers; notes every try that ended. When none answers,
/// the error is the last one's.
pub(super) async fn dial(addresses: &[SocketAddr], attempts: &mut Vec<Attempt>) -> io::Result<TcpStream> {
    let mut waiting = in_turn(addresses);
    let mut under_way = FuturesUnordered::new();
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if under_way.is_empty() {
            let Some(next) = waiting.pop_front() else { return Err(failed) };
            under_way.push(attempt(next));
        }
        let ended = if waiting.is_empty() {
            under_way.next().await
        } else {
            tokio::select! {
                biased;
                ended = under_way.next() => ended,
                () = tokio::time::sleep(ATTEMPT_DELAY) => {
                    under_way.extend(waiting.pop_front().map(attempt));
                    continue;
                }
            }
        };
        let Some((address, ms, result)) = ended else { continue };
        let error = result.as_ref().err().map(fault_of);
        attempts.push(Attempt { address, ms, error });
        match result {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                failed = error;
                // Whoever refuses at once leaves the next one no reason to wait.
                under_way.extend(waiting.pop_front().map(attempt));
            }
        }
    }
}

async fn attempt(address: SocketAddr) -> (SocketAddr, f64, io::Result<TcpStream>) {
    let watch = Stopwatch::start();
    let result = TcpStream::connect(address).await;
    let ms = thousandths(watch.elapsed());
    // What is written goes out at once, as browsers have it.
    let result = result.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    (address, ms, result)
}

/// The families in turn, IPv6 first.
fn in_turn(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let of = |v6: bool| addresses.iter().copied().filter(move |address| address.is_ipv6() == v6);
    let (mut six, mut four) = (of(true), of(false));
    let mut turns = VecDeque::new();
    loop {
        let pair = (six.next(), four.next());
        if pair == (None, None) || turns.len() >= MOST_ADDRESSES {
            return turns;
        }
        turns.extend(pair.0);
        turns.extend(pair.1);
    }
}

fn fault_of(error: &io::Error) -> FamilyFault {
    let found = failure::classify(error, failure::Context::default());
    match found.transport.class {
        TransportClass::Refused => FamilyFault::Refused,
        TransportClass::Timeout => FamilyFault::Timeout,
        TransportClass::Ours
            if matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown) =>
        {
            FamilyFault::NoRoute
        }
        TransportClass::Ours => FamilyFault::Ours,
        _ => FamilyFault::Unreachable,
    }
}

/// What the visit's own connection told of the families; those that it did not use and of which it
/// knows nothing are left open.
pub(super) fn families(found: &[SocketAddr], used: Option<IpAddr>, attempts: &[Attempt]) -> Vec<Family> {
    let of = |family| {
        let addresses: Vec<IpAddr> =
            found.iter().map(SocketAddr::ip).filter(|ip| IpFamily::of(*ip) == family).collect();
        if addresses.is_empty() {
            return None;
        }
        let mine = |attempt: &&Attempt| IpFamily::of(attempt.address.ip()) == family;
        let tried: Vec<&Attempt> = attempts.iter().filter(mine).collect();
        let made = tried.iter().find(|attempt| attempt.error.is_none());
        let used = used.is_some_and(|ip| IpFamily::of(ip) == family);
        let routed = addresses.iter().any(|ip| routable(SocketAddr::new(*ip, 9)));
        let all = tried.len() >= addresses.len().min(MOST_ADDRESSES / 2);
        let error = match tried.last() {
            _ if made.is_some() => None,
            _ if !routed => Some(FamilyFault::NoRoute),
            Some(last) if all => last.error,
            _ => None,
        };
        Some(Family {
            family,
            addresses,
            used,
            connected: made.map(|_| true).or(error.map(|_| false)),
            connect_ms: made.map(|attempt| attempt.ms),
            error,
        })
    };
    [IpFamily::Ipv6, IpFamily::Ipv4].into_iter().filter_map(of).collect()
}

/// Makes one connection to a family that the visit has left open, and closes it.
pub(super) async fn try_other(mut family: Family, port: u16, deadline: Deadline) -> Family {
    let addresses: Vec<SocketAddr> = family.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let mut attempts = Vec::new();
    let dialed = deadline.tightened(OTHER_FAMILY).limit(dial(&addresses, &mut attempts)).await;
    family.connected = Some(matches!(dialed, Ok(Ok(_))));
    family.connect_ms = attempts.iter().find(|attempt| attempt.error.is_none()).map(|attempt| attempt.ms);
    family.error = match dialed {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(fault_of(&error)),
        Err(_) => Some(FamilyFault::Timeout),
    };
    family
}

/// A duration in milliseconds, to the microsecond.
pub(super) fn thousandths(time: Duration) -> f64 {
    // Exact for durations below centuries.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_ipv6_begins() {
        let found = addresses(&["10.0.0.1:80", "10.0.0.2:80", "[2001:db8::1]:80", "10.0.0.3:80"]);
        let want = addresses(&["[2001:db8::1]:80", "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
        assert_eq!(in_turn(&found), want);
        assert!(in_turn(&vec![found[0]; 100]).len() <= MOST_ADDRESSES);
        assert!(in_turn(&[]).is_empty());
    }

    #[tokio::test]
    async fn the_next_address_is_tried_at_once_when_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let nobody = SocketAddr::new("127.0.0.2".parse().unwrap(), here.port());
        let mut attempts = Vec::new();
        let watch = Stopwatch::start();
        let stream = dial(&[nobody, here], &mut attempts).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), here);
        assert!(watch.elapsed() < ATTEMPT_DELAY);
        let errors: Vec<_> = attempts.iter().map(|attempt| attempt.error).collect();
        assert_eq!(errors, [Some(FamilyFault::Refused), None]);
        let mut attempts = Vec::new();
        assert!(dial(&[nobody], &mut attempts).await.is_err());
        assert_eq!(attempts.len(), 1);
    }

    #[tokio::test]
    async fn a_family_that_was_not_needed_is_tried_by_itself() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = addresses(&["[::1]:0", "127.0.0.1:0"]);
        let mut open = families(&found, None, &[]);
        assert_eq!(open.len(), 2);
        let four = try_other(open.pop().unwrap(), port, Deadline::after(OTHER_FAMILY)).await;
        assert_eq!((four.connected, four.error), (Some(true), None));
        assert!(four.connect_ms.is_some());
    }
}
