//! What the network layer says, in our words.

use crate::domain::observation::{Transport, TransportClass};

/// The class of a `net::ERR_…`.
pub fn classify(error: &str) -> TransportClass {
    use TransportClass as C;
    let name = error.trim().trim_start_matches("net::").trim_start_matches("ERR_");
    match name {
        "NAME_NOT_RESOLVED" | "NAME_RESOLUTION_FAILED" | "ICANN_NAME_COLLISION" => C::Dns,
        "CONNECTION_REFUSED" | "ADDRESS_UNREACHABLE" => C::Refused,
        "TIMED_OUT" | "CONNECTION_TIMED_OUT" | "DNS_TIMED_OUT" => C::Timeout,
        "TOO_MANY_REDIRECTS" => C::RedirectLoop,
        "UNSAFE_PORT"
        | "UNSAFE_REDIRECT"
        | "DISALLOWED_URL_SCHEME"
        | "UNKNOWN_URL_SCHEME"
        | "INVALID_REDIRECT" => C::Policy,
        "INTERNET_DISCONNECTED"
        | "NETWORK_CHANGED"
        | "NETWORK_ACCESS_DENIED"
        | "INSUFFICIENT_RESOURCES"
        | "OUT_OF_MEMORY"
        | "NETWORK_IO_SUSPENDED" => C::Ours,
        _ if name.starts_with("DNS_") => C::Dns,
        _ if name.starts_with("PROXY_") || name.starts_with("TUNNEL_") || name.starts_with("SOCKS_") => {
            C::Ours
        }
        _ if name.starts_with("CERT_") || name.starts_with("SSL_") || name.starts_with("BAD_SSL_") => C::Tls,
        _ if name.starts_with("BLOCKED_BY") => C::Policy,
        _ if name.starts_with("CONNECTION_")
            || name.starts_with("EMPTY_RESPONSE")
            || name.starts_with("INCOMPLETE_")
            || name.starts_with("CONTENT_LENGTH_MISMATCH")
            || name.starts_with("CONTENT_DECODING")
            || name.starts_with("HTTP2_")
            || name.starts_with("INVALID_HTTP_RESPONSE")
            || name.starts_with("INVALID_CHUNKED_ENCODING")
            || name.starts_with("RESPONSE_HEADERS_") =>
        {
            C::Reset
        }
        _ => C::Other,
    }
}

/// The fact for a `net::ERR_…`.
pub fn transport(error: &str) -> Transport {
    Transport { class: classify(error), detail: error.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_network_have_a_class() {
        use TransportClass as C;
        let cases = [
            ("net::ERR_NAME_NOT_RESOLVED", C::Dns),
            ("net::ERR_CONNECTION_REFUSED", C::Refused),
            ("net::ERR_CONNECTION_RESET", C::Reset),
            ("net::ERR_EMPTY_RESPONSE", C::Reset),
            ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", C::Reset),
            ("net::ERR_CONNECTION_TIMED_OUT", C::Timeout),
            ("net::ERR_CERT_AUTHORITY_INVALID", C::Tls),
            ("net::ERR_SSL_PROTOCOL_ERROR", C::Tls),
            ("net::ERR_TOO_MANY_REDIRECTS", C::RedirectLoop),
            ("net::ERR_UNSAFE_PORT", C::Policy),
            ("net::ERR_UNSAFE_REDIRECT", C::Policy),
            ("net::ERR_BLOCKED_BY_CLIENT", C::Policy),
            ("net::ERR_PROXY_CONNECTION_FAILED", C::Ours),
            ("net::ERR_INTERNET_DISCONNECTED", C::Ours),
            ("net::ERR_FAILED", C::Other),
        ];
        for (error, want) in cases {
            assert_eq!(classify(error), want, "{error}");
        }
    }
}
