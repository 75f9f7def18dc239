//! Names to addresses, screened: a portal's name that leads to this machine is not followed.
//!
//! Invariant: every address that a client connects to by name has passed [`screen`], so a name
//! that changes between two look-ups gains nothing.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Reach, refuse_ip};
use super::failure::routable;

/// Our own guard refused an address; the reason fits after "refused: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(pub String);

/// A name did not resolve; what the system said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameFailure(pub String);

/// The system's resolver with the screen behind it.
#[derive(Debug, Clone, Copy)]
pub struct Screened(pub Reach);

impl Resolve for Screened {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let good = with_route(lookup(name.as_str(), reach).await?);
            let addresses: Addrs = Box::new(good.into_iter());
            Ok(addresses)
        })
    }
}

/// What the resolver says to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has an address.
    Address,
    /// There is no such name, or none with an address: an answer, whatever it is worth to others.
    NoSuchName,
    /// No answer at all; what the system said.
    Nothing(String),
}

/// Asks the resolver that every request of ours asks.
pub async fn ask(name: &str) -> Said {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(mut found) => found.next().map_or(Said::NoSuchName, |_| Said::Address),
        Err(error) => heard(&error.to_string()),
    }
}

/// Tells an answer from silence. std keeps no code for it, and the words are the C library's, in the
/// language of programs: nobody sets another locale here.
fn heard(error: &str) -> Said {
    let answers =
        ["Name or service not known", "No address associated with hostname", "Name does not resolve"];
    if answers.iter().any(|answer| error.contains(answer)) {
        return Said::NoSuchName;
    }
    let said = error.rsplit("failed to lookup address information: ").next().unwrap_or(error);
    Said::Nothing(said.to_owned())
}

/// Every address of a name, screened. The ports are 0.
pub(super) async fn lookup(
    name: &str,
    reach: Reach,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    // `localhost` and the names below it are this machine (RFC 6761, 6.3); browsers ask no resolver either.
    let bare = name.trim_end_matches('.');
    let found = if bare == "localhost" || bare.ends_with(".localhost") {
        vec![(Ipv6Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()]
    } else {
        let found = tokio::net::lookup_host((name, 0)).await;
        found.map_err(|error| NameFailure(format!("{name} does not resolve: {error}")))?.collect()
    };
    screen(name, found, reach)
}

/// Refuses a name without an address, and one of whose addresses any is out of bounds.
pub fn screen(
    name: &str,
    found: Vec<SocketAddr>,
    reach: Reach,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    if found.is_empty() {
        return Err(Box::new(NameFailure(format!("{name} has no address"))));
    }
    for address in &found {
        if let Some(why) = refuse_ip(address.ip(), reach) {
            return Err(Box::new(Forbidden(format!("{name} resolves to {}, {why}", address.ip()))));
        }
    }
    Ok(found)
}

/// Drops addresses without a route when others have one, so that a machine without IPv6 does not
/// mistake that for the portal's fault.
pub(super) fn with_route(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let with_route: Vec<SocketAddr> =
        found.iter().copied().filter(|address| routable(SocketAddr::new(address.ip(), 9))).collect();
    if with_route.is_empty() { found } else { with_route }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_here_is_refused_after_it_was_resolved() {
        let public = Screened(Reach::Public).resolve("localhost".parse().unwrap()).await;
        assert!(public.err().is_some_and(|error| error.is::<Forbidden>()));
        let local = Screened(Reach::Local).resolve("localhost".parse().unwrap()).await;
        assert!(local.is_ok_and(|mut found| found.all(|address| address.ip().is_loopback())));
    }

    #[test]
    fn an_answer_is_told_from_silence() {
        let cases = [
            ("failed to lookup address information: Name or service not known", Said::NoSuchName),
            ("failed to lookup address information: No address associated with hostname", Said::NoSuchName),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                Said::Nothing("Temporary failure in name resolution".to_owned()),
            ),
            (
                "Too many open files (os error 24)",
                Said::Nothing("Too many open files (os error 24)".to_owned()),
            ),
        ];
        for (error, want) in cases {
            assert_eq!(heard(error), want, "{error}");
        }
    }

    #[test]
    fn one_bad_address_refuses_the_name() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let refused = |texts: &[&str], reach| {
            screen("portal.example.cn", addresses(texts), reach).is_err_and(|error| error.is::<Forbidden>())
        };
        assert!(refused(&["10.0.0.1:0", "127.0.0.1:0"], Reach::Public));
        assert!(refused(&["169.254.169.254:0"], Reach::Local));
        assert!(refused(&["[::ffff:127.0.0.1]:0"], Reach::Public));
        assert!(!refused(&["127.0.0.1:0"], Reach::Local));
        assert!(screen("x", vec![], Reach::Local).is_err_and(|error| error.is::<NameFailure>()));
    }
}
