//! Cookies for the length of one exchange.
//!
//! Many portals set a cookie and redirect to the same address; without it they redirect for
//! ever, and we would call a working portal a redirect loop.
//!
//! Invariant: a jar lives as long as one request with its redirects; nothing is kept after it.

use url::Url;

/// More than this many cookies a browser would hardly meet on its way to one page.
const MAX_COOKIES: usize = 64;
/// Longer ones are dropped, as browsers do.
const MAX_LENGTH: usize = 4_096;

#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    below: bool,
    secure: bool,
}

/// The cookies of one exchange.
#[derive(Debug, Clone, Default)]
pub struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes one `Set-Cookie` value that came from `from`.
    pub fn take(&mut self, from: &Url, line: &str) {
        let Some(host) = from.host_str() else { return };
        if line.len() > MAX_LENGTH {
            return;
        }
        let mut parts = line.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            host: host.to_owned(),
            below: false,
            secure: false,
        };
        let mut ended = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "secure" => cookie.secure = true,
                "max-age" => ended = value.trim().parse::<i64>().is_ok_and(|age| age <= 0),
                "domain" => {
                    let domain = value.trim().trim_start_matches('.').to_ascii_lowercase();
                    // Only a parent of the host itself, and never a bare top-level name.
                    if domain.contains('.') && (host == domain || host.ends_with(&format!(".{domain}"))) {
                        cookie.host = domain;
                        cookie.below = true;
                    }
                }
                _ => {}
            }
        }
        if cookie.name.is_empty() {
            return;
        }
        self.0.retain(|old| !(old.name == cookie.name && old.host == cookie.host));
        if !ended && self.0.len() < MAX_COOKIES {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` value for a request to `to`; empty when there is none.
    pub fn header(&self, to: &Url) -> String {
        let host = to.host_str().unwrap_or_default();
        let mut line = String::new();
        for cookie in &self.0 {
            let fits = host == cookie.host || (cookie.below && host.ends_with(&format!(".{}", cookie.host)));
            if fits && (!cookie.secure || to.scheme() == "https") {
                if !line.is_empty() {
                    line.push_str("; ");
                }
                line.push_str(&cookie.name);
                line.push('=');
                line.push_str(&cookie.value);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_back_only_where_they_belong() {
        let portal = Url::parse("https://www.portal.cn/").unwrap();
        let cases = [
            ("a=1; Path=/", "https://www.portal.cn/x", "a=1"),
            ("a=1", "https://other.portal.cn/", ""),
            ("a=1; Domain=portal.cn", "https://other.portal.cn/", "a=1"),
            ("a=1; Domain=.portal.cn", "https://evilportal.cn/", ""),
            ("a=1; Domain=cn", "https://else.cn/", ""),
            ("a=1; Domain=else.cn", "https://else.cn/", ""),
            ("a=1; Secure", "http://www.portal.cn/", ""),
            ("a=1; Secure; HttpOnly", "https://www.portal.cn/", "a=1"),
            ("a=1; Max-Age=0", "https://www.portal.cn/", ""),
            ("nonsense", "https://www.portal.cn/", ""),
            ("=empty", "https://www.portal.cn/", ""),
        ];
        for (line, to, want) in cases {
            let mut jar = Jar::default();
            jar.take(&portal, line);
            assert_eq!(jar.header(&Url::parse(to).unwrap()), want, "{line} to {to}");
        }
    }
}
