//! What one answer says about a link.
//!
//! Invariant: pure. In doubt a link is unsettled, never broken: a wrong accusation costs more
//! than a missed fault.

use crate::domain::observation::TransportClass;
use crate::http::Answer;

/// What is known of a link after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It works.
    Fine,
    /// It does not, and this is how: a status class or a transport class.
    Broken(&'static str),
    /// Nothing can be said from here: a login, a method, a moment, our own guard.
    Unsettled,
    /// The host does not want us: stop there.
    Blocked,
}

/// Reads an answer.
pub fn settle(answer: &Answer) -> Settled {
    match (&answer.transport, answer.status) {
        // A block that breaks off in its body is still a block.
        (_, Some(403 | 429)) => Settled::Blocked,
        (Some(transport), _) => by_transport(transport.class),
        (None, Some(status)) => by_status(status),
        (None, None) => Settled::Unsettled,
    }
}

fn by_status(status: u16) -> Settled {
    match status {
        200..=299 => Settled::Fine,
        404 => Settled::Broken("not_found"),
        410 => Settled::Broken("gone"),
        // Who we are, how or when we ask: not whether the page is there.
        401 | 405 | 407 | 408 | 412 | 425 | 451 | 501 | 503 => Settled::Unsettled,
        400..=499 => Settled::Broken("client_error"),
        500..=599 => Settled::Broken("server_error"),
        _ => Settled::Unsettled,
    }
}

fn by_transport(class: TransportClass) -> Settled {
    match class {
        TransportClass::Dns => Settled::Broken("dns"),
        TransportClass::Refused => Settled::Broken("refused"),
        TransportClass::Reset => Settled::Broken("reset"),
        TransportClass::Timeout => Settled::Broken("timeout"),
        TransportClass::Tls => Settled::Broken("tls"),
        TransportClass::RedirectLoop => Settled::Broken("redirect_loop"),
        TransportClass::Other => Settled::Broken("other"),
        TransportClass::Policy | TransportClass::Ours | TransportClass::Download => Settled::Unsettled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_what_they_say() {
        let cases = [
            (200, Settled::Fine),
            (204, Settled::Fine),
            (304, Settled::Unsettled),
            (400, Settled::Broken("client_error")),
            (401, Settled::Unsettled),
            (404, Settled::Broken("not_found")),
            (405, Settled::Unsettled),
            (410, Settled::Broken("gone")),
            (412, Settled::Unsettled),
            (414, Settled::Broken("client_error")),
            (500, Settled::Broken("server_error")),
            (501, Settled::Unsettled),
            (502, Settled::Broken("server_error")),
            (503, Settled::Unsettled),
            (999, Settled::Unsettled),
        ];
        for (status, want) in cases {
            assert_eq!(by_status(status), want, "{status}");
        }
    }

    #[test]
    fn our_own_faults_settle_nothing() {
        for class in [TransportClass::Policy, TransportClass::Ours, TransportClass::Download] {
            assert_eq!(by_transport(class), Settled::Unsettled, "{class:?}");
        }
        for class in
            [TransportClass::Dns, TransportClass::Timeout, TransportClass::Tls, TransportClass::Reset]
        {
            assert!(matches!(by_transport(class), Settled::Broken(_)), "{class:?}");
        }
    }
}
