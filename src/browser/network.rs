//! What the network layer says, in our words.

use crate::domain::observation::{Transport, TransportClass};

/// Whether the browser gave a request up without an error of the network: a file came instead of a
/// page, the page went on elsewhere, or there was no content.
pub fn is_abort(error: &str) -> bool {
    let names = ["ERR_ABORTED", "NS_BINDING_ABORTED", "NS_BINDING_RETARGETED"];
    names.iter().any(|name| error.ends_with(name))
}

/// The part of a far end's message that names an error of the network.
pub fn error_in(message: &str) -> Option<&str> {
    let message = message.trim();
    if let Some(at) = message.find("net::ERR_") {
        // chromedriver adds a line about the session.
        return message[at..].split_whitespace().next();
    }
    let name = message.strip_prefix("Error: ").unwrap_or(message);
    let firefox = name.starts_with("NS_ERROR_") || name == "deniedPortAccess" || PAGES.contains(&name);
    firefox.then_some(name)
}

/// Where Firefox shows an error in place of a page.
pub fn is_error_page(url: &str) -> bool {
    ["about:neterror?", "about:certerror?", "about:blocked?", "about:httpsonlyerror?"]
        .iter()
        .any(|page| url.starts_with(page))
}

/// Names that Firefox's error pages have for what has no name in its network layer.
const PAGES: [&str; 3] = ["deniedPortAccess", "malformedURI", "unknownProtocolFound"];

/// The class of an `NS_ERROR_…`.
fn classify_firefox(error: &str) -> TransportClass {
    use TransportClass as C;
    match error.trim().trim_start_matches("NS_ERROR_") {
        "UNKNOWN_HOST" | "DNS_LOOKUP_QUEUE_FULL" => C::Dns,
        "CONNECTION_REFUSED" => C::Refused,
        "NET_TIMEOUT" | "NET_TIMEOUT_EXTERNAL" => C::Timeout,
        "REDIRECT_LOOP" => C::RedirectLoop,
        "PORT_ACCESS_NOT_ALLOWED"
        | "deniedPortAccess"
        | "UNKNOWN_PROTOCOL"
        | "unknownProtocolFound"
        | "MALFORMED_URI"
        | "malformedURI"
        | "CONTENT_BLOCKED"
        | "DOM_BAD_URI" => C::Policy,
        "OFFLINE" | "OUT_OF_MEMORY" | "UNKNOWN_PROXY_HOST" => C::Ours,
        name if name.starts_with("PROXY_") => C::Ours,
        name if name.contains("SECURITY") || name.contains("SSL_ERROR") || name.contains("SEC_ERROR") => {
            C::Tls
        }
        name if name.starts_with("NET_")
            || name.starts_with("HTTP2_")
            || name.ends_with("CONTENT_ENCODING")
            || name == "CORRUPTED_CONTENT" =>
        {
            C::Reset
        }
        _ => C::Other,
    }
}

/// The class of a `net::ERR_…` or, from Firefox, an `NS_ERROR_…`.
pub fn classify(error: &str) -> TransportClass {
    use TransportClass as C;
    if !error.contains("ERR_") {
        return classify_firefox(error);
    }
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
        | "NETWORK_IO_SUSPENDED"
        // Status 407 where we know of no proxy: somebody on our way has one.
        | "UNEXPECTED_PROXY_AUTH" => C::Ours,
        _ if name.starts_with("DNS_") => C::Dns,
        _ if name.starts_with("PROXY_") || name.starts_with("TUNNEL_") || name.starts_with("SOCKS_") => {
            C::Ours
        }
        _ if name.starts_with("CERT_") || name.starts_with("SSL_") || name.starts_with("BAD_SSL_") => C::Tls,
        _ if name.starts_with("BLOCKED_BY") => C::Policy,
        _ if name.starts_with("CONNECTION_")
            || name.starts_with("EMPTY_RESPONSE")
            || name.starts_with("SOCKET_NOT_CONNECTED")
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

/// The fact for an error of the network.
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
            ("net::ERR_UNEXPECTED_PROXY_AUTH", C::Ours),
            ("net::ERR_FAILED", C::Other),
            ("NS_ERROR_UNKNOWN_HOST", C::Dns),
            ("NS_ERROR_CONNECTION_REFUSED", C::Refused),
            ("NS_ERROR_NET_RESET", C::Reset),
            ("NS_ERROR_NET_INTERRUPT", C::Reset),
            ("NS_ERROR_NET_PARTIAL_TRANSFER", C::Reset),
            ("NS_ERROR_INVALID_CONTENT_ENCODING", C::Reset),
            ("NS_ERROR_NET_TIMEOUT", C::Timeout),
            ("NS_ERROR_REDIRECT_LOOP", C::RedirectLoop),
            ("NS_ERROR_GENERATE_FAILURE(NS_ERROR_MODULE_SECURITY, SSL_ERROR_RX_RECORD_TOO_LONG)", C::Tls),
            ("NS_ERROR_GENERATE_FAILURE(NS_ERROR_MODULE_SECURITY, SEC_ERROR_UNKNOWN_ISSUER)", C::Tls),
            ("deniedPortAccess", C::Policy),
            ("NS_ERROR_PROXY_CONNECTION_REFUSED", C::Ours),
            ("NS_ERROR_OFFLINE", C::Ours),
            ("NS_ERROR_FAILURE", C::Other),
        ];
        for (error, want) in cases {
            assert_eq!(classify(error), want, "{error}");
        }
    }

    #[test]
    fn an_error_of_the_network_is_found_in_what_a_far_end_says() {
        let cases = [
            ("unknown error: net::ERR_NAME_NOT_RESOLVED", Some("net::ERR_NAME_NOT_RESOLVED")),
            (
                "unknown error: net::ERR_CONNECTION_REFUSED\n  (Session info: chrome=156)",
                Some("net::ERR_CONNECTION_REFUSED"),
            ),
            ("Error: NS_ERROR_NET_RESET", Some("NS_ERROR_NET_RESET")),
            ("Error: deniedPortAccess", Some("deniedPortAccess")),
            ("Error: NS_BINDING_ABORTED", None),
            ("no such frame", None),
        ];
        for (message, want) in cases {
            assert_eq!(error_in(message), want, "{message}");
        }
    }
}
