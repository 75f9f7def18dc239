//! From hop to hop: what may be asked for next, with which cookies, and when it is enough.
//!
//! Both ways of sending a request share it, so that a redirect means the same to a visit and to a
//! link check.
//!
//! Invariant: no request is made that [`Trail::go`] has not let through.

use reqwest::header::{HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use url::Url;

use super::MAX_REDIRECTS;
use super::address::{Reach, refuse_url};
use super::cookies::Jar;
use crate::domain::observation::{Transport, TransportClass};

/// The way of one request through its redirects.
#[derive(Debug)]
pub(super) struct Trail {
    reach: Reach,
    jar: Jar,
    seen: Vec<(String, String)>,
    redirects: usize,
}

/// What is asked for next.
#[derive(Debug)]
pub(super) struct Step {
    /// The address as it is sent: no fragment, no user.
    pub url: Url,
    /// The value of `Cookie`, if there is any to send.
    pub cookies: Option<HeaderValue>,
}

impl Trail {
    /// The beginning.
    pub fn new(reach: Reach) -> Self {
        Self { reach, jar: Jar::default(), seen: Vec::new(), redirects: 0 }
    }

    /// Lets a request to `url` through, or says why it is not made: it leads where we do not go, or it
    /// was made before.
    pub fn go(&mut self, url: &Url) -> Result<Step, Transport> {
        if let Some(why) = refuse_url(url, self.reach) {
            return Err(fault(TransportClass::Policy, format!("refused: {why}")));
        }
        let mut url = url.clone();
        url.set_fragment(None);
        // Names and passwords in links are not ours to use.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let cookies = self.jar.header(&url);
        let key = (url.as_str().to_owned(), cookies.clone());
        if self.seen.contains(&key) {
            let detail = format!("redirects in a circle through {url}");
            return Err(fault(TransportClass::RedirectLoop, detail));
        }
        self.seen.push(key);
        let cookies = HeaderValue::from_str(&cookies).ok().filter(|value| !value.is_empty());
        Ok(Step { url, cookies })
    }

    /// Reads an answer: takes its cookies, and says where it leads on, if anywhere.
    pub fn answered(&mut self, from: &Url, status: u16, headers: &HeaderMap) -> Option<Onward> {
        for line in headers.get_all(SET_COOKIE) {
            self.jar.take(from, &String::from_utf8_lossy(line.as_bytes()));
        }
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = written(headers.get(LOCATION)?.as_bytes());
        if location.trim().is_empty() {
            // Browsers show what came with it.
            return None;
        }
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            let detail = format!("more than {MAX_REDIRECTS} redirects");
            return Some(Onward::Nowhere(fault(TransportClass::RedirectLoop, detail)));
        }
        Some(match from.join(&location) {
            Ok(next) => Onward::To(next),
            Err(error) => {
                let detail = format!("redirects to an address that cannot be read: {error}");
                Onward::Nowhere(fault(TransportClass::Other, detail))
            }
        })
    }
}

/// Where a redirect leads.
#[derive(Debug)]
pub(super) enum Onward {
    /// To this address.
    To(Url),
    /// No further.
    Nowhere(Transport),
}

/// A `Location` as browsers read it: UTF-8 when it is that, else byte for byte, so that a path in GBK
/// arrives as the server wrote it.
fn written(bytes: &[u8]) -> String {
    use std::fmt::Write;
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// A fault of a request.
pub(super) fn fault(class: TransportClass, detail: impl Into<String>) -> Transport {
    Transport { class, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_as_browsers_read_it() {
        let gbk = encoding_rs::GBK.encode("/办事 指南.html").0.into_owned();
        let cases: [(&[u8], &str); 5] = [
            (b"/a?x=1#y", "http://portal.example.cn/a?x=1#y"),
            (
                "/办事 指南.html".as_bytes(),
                "http://portal.example.cn/%E5%8A%9E%E4%BA%8B%20%E6%8C%87%E5%8D%97.html",
            ),
            (&gbk, "http://portal.example.cn/%B0%EC%CA%C2%20%D6%B8%C4%CF.html"),
            ("http://政务.例子.cn/".as_bytes(), "http://xn--zfr164b.xn--fsqu00a.cn/"),
            (b"//other.example.cn", "http://other.example.cn/"),
        ];
        let from = Url::parse("http://portal.example.cn/x/").unwrap();
        for (value, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_bytes(value).unwrap());
            match Trail::new(Reach::Public).answered(&from, 302, &headers) {
                Some(Onward::To(url)) => assert_eq!(url.as_str(), want),
                other => panic!("{want}: {other:?}"),
            }
        }
        let mut empty = HeaderMap::new();
        empty.insert(LOCATION, HeaderValue::from_static(" "));
        assert!(Trail::new(Reach::Public).answered(&from, 302, &empty).is_none());
    }
}
