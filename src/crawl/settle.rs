//! What one answer says about a link.
//!
//! Invariant: pure. In doubt nothing is said, or a browser is asked; a wrong accusation costs more
//! than a missed fault.

use crate::domain::link::{DoubtClass, LinkClass};
use crate::domain::observation::TransportClass;

/// What was seen of a link, by a request or in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen<'a> {
    /// The last status.
    pub status: Option<u16>,
    /// Why there was no answer, with what the network layer said.
    pub transport: Option<(TransportClass, &'a str)>,
    /// Marks of a firewall or a bot check: its header, its script, its words.
    pub mark: Option<&'a str>,
    /// Whether a redirect led to a page that asks who we are.
    pub login: bool,
    /// Whether the TLS failure is one that a browser may not have: an intermediate certificate
    /// that is not sent, a cipher that we lack.
    pub tls_may_pass: bool,
    /// Whether it is the target of a form that posts: no answer to a GET or HEAD says much of it.
    pub posts: bool,
}

/// What is known of a link after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It works.
    Fine,
    /// It does not.
    Broken(LinkClass, String),
    /// A browser has to look; without one, the doubt stays.
    Look(DoubtClass, String),
    /// Nothing can be said.
    Doubt(DoubtClass, String),
    /// The host does not want us: stop there.
    Unwanted(String),
}

/// Reads what a request brought.
pub fn settle(seen: &Seen<'_>) -> Settled {
    match by_answer(seen) {
        // No browser looks at it: that would be a GET, which an old system may take for the form.
        Settled::Look(class, why) if seen.posts => Settled::Doubt(class, why),
        settled => settled,
    }
}

fn by_answer(seen: &Seen<'_>) -> Settled {
    if seen.status == Some(429) {
        return Settled::Unwanted("It answered with status 429, too many requests.".to_owned());
    }
    if let Some((class, detail)) = seen.transport {
        // Old systems hang up on a HEAD.
        let hung_up =
            matches!(class, TransportClass::Reset | TransportClass::Timeout | TransportClass::Other);
        if seen.posts && hung_up {
            return Settled::Doubt(DoubtClass::Unsure, sentence(detail));
        }
        return by_transport(class, detail, seen.tls_may_pass);
    }
    let Some(status) = seen.status else {
        return Settled::Doubt(DoubtClass::Ours, "There was no answer.".to_owned());
    };
    if let Some(mark) = seen.mark {
        return Settled::Look(DoubtClass::Waf, format!("A firewall stands before it ({mark})."));
    }
    if seen.login || status == 401 {
        return Settled::Doubt(DoubtClass::Login, "It asks for a login.".to_owned());
    }
    match status {
        200..=299 => Settled::Fine,
        404 => Settled::Broken(LinkClass::NotFound, said(status)),
        410 => Settled::Broken(LinkClass::Gone, said(status)),
        _ if seen.posts && status < 500 => Settled::Fine,
        // Without what the form sends, a program may well fall over.
        500..=599 if seen.posts => Settled::Doubt(DoubtClass::Unsure, said(status)),
        403 | 412 | 418 | 468 => Settled::Look(DoubtClass::Waf, said(status)),
        // Who we are, how or when we ask: not whether the page is there.
        405 | 501 | 503 | 406 | 451 | 999 | 520..=599 => Settled::Look(DoubtClass::Unsure, said(status)),
        407 | 408 | 425 | 511 => Settled::Doubt(DoubtClass::Unsure, said(status)),
        400..=499 => Settled::Broken(LinkClass::ClientError, said(status)),
        500..=519 => Settled::Broken(LinkClass::ServerError, said(status)),
        _ => Settled::Doubt(DoubtClass::Unsure, said(status)),
    }
}

/// Reads what a browser saw, when a request had left a doubt. What still stands in the way there
/// stays a doubt; what a citizen gets as an error page is broken.
pub fn settle_sight(seen: &Seen<'_>, doubt: DoubtClass) -> Settled {
    match settle(seen) {
        Settled::Look(DoubtClass::Waf, why) if seen.mark.is_some() => Settled::Doubt(DoubtClass::Waf, why),
        Settled::Look(class, why) => match seen.status {
            // A bare refusal may be for us alone: a foreign address, a network.
            Some(403 | 412 | 418 | 451 | 468 | 999) => {
                Settled::Doubt(class, format!("{why} A browser gets the same."))
            }
            Some(status @ 400..=499) => Settled::Broken(LinkClass::ClientError, shown(status)),
            Some(status) => Settled::Broken(LinkClass::ServerError, shown(status)),
            None => match seen.transport {
                Some((TransportClass::Tls, detail)) => {
                    Settled::Broken(LinkClass::Tls, format!("A browser refuses it, too: {detail}."))
                }
                _ => Settled::Doubt(doubt, why),
            },
        },
        Settled::Unwanted(why) => Settled::Doubt(DoubtClass::Waf, why),
        other => other,
    }
}

fn said(status: u16) -> String {
    format!("It answered with status {status}.")
}

fn shown(status: u16) -> String {
    format!("It answered with status {status}, in a browser as well.")
}

fn by_transport(class: TransportClass, detail: &str, may_pass: bool) -> Settled {
    let broken = |class| Settled::Broken(class, sentence(detail));
    match class {
        TransportClass::Tls if may_pass => Settled::Look(DoubtClass::Unsure, sentence(detail)),
        TransportClass::Dns => broken(LinkClass::Dns),
        TransportClass::Refused => broken(LinkClass::Refused),
        TransportClass::Reset => broken(LinkClass::Reset),
        TransportClass::Timeout => broken(LinkClass::Timeout),
        TransportClass::Tls => broken(LinkClass::Tls),
        TransportClass::RedirectLoop => broken(LinkClass::RedirectLoop),
        TransportClass::Other => broken(LinkClass::Other),
        TransportClass::Policy => Settled::Doubt(DoubtClass::RedirectPolicy, sentence(detail)),
        TransportClass::Ours => Settled::Doubt(DoubtClass::Ours, sentence(detail)),
        // A file is what the link promised, or at least something.
        TransportClass::Download => Settled::Fine,
    }
}

/// A fragment of the network layer as a sentence. A host's name keeps its letters.
fn sentence(detail: &str) -> String {
    if detail
        .split(' ')
        .next()
        .is_some_and(|word| word.contains('.') || word.trim_end_matches(':').contains(':'))
    {
        return format!("{}.", detail.trim_end_matches('.'));
    }
    let mut chars = detail.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str().trim_end_matches('.')),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(settled: &Settled) -> &'static str {
        match settled {
            Settled::Fine => "fine",
            Settled::Broken(class, _) => class.name(),
            Settled::Look(..) => "look",
            Settled::Doubt(class, _) => class.name(),
            Settled::Unwanted(_) => "unwanted",
        }
    }

    #[test]
    fn statuses_say_what_they_say() {
        // status, by a request, in a browser
        let cases = [
            (200, "fine", "fine"),
            (204, "fine", "fine"),
            (304, "unsure", "unsure"),
            (400, "client_error", "client_error"),
            (401, "login", "login"),
            (403, "look", "waf"),
            (404, "not_found", "not_found"),
            (405, "look", "client_error"),
            (408, "unsure", "unsure"),
            (410, "gone", "gone"),
            (412, "look", "waf"),
            (414, "client_error", "client_error"),
            (429, "unwanted", "waf"),
            (500, "server_error", "server_error"),
            (501, "look", "server_error"),
            (502, "server_error", "server_error"),
            (503, "look", "server_error"),
            (521, "look", "server_error"),
            (999, "look", "unsure"),
        ];
        for (status, asked, looked) in cases {
            let seen = Seen { status: Some(status), ..Seen::default() };
            assert_eq!(name(&settle(&seen)), asked, "{status}");
            assert_eq!(name(&settle_sight(&seen, DoubtClass::Unsure)), looked, "{status} in a browser");
        }
    }

    #[test]
    fn what_stands_before_a_page_says_nothing_of_the_page() {
        let page = Seen { status: Some(404), ..Seen::default() };
        let marked = Seen { mark: Some("jsl"), ..page.clone() };
        assert_eq!(name(&settle(&marked)), "look", "a firewall answers 404 as well");
        assert_eq!(name(&settle_sight(&marked, DoubtClass::Waf)), "waf", "and keeps browsers out");
        let login = Seen { status: Some(200), login: true, ..Seen::default() };
        assert_eq!(name(&settle(&login)), "login");
        let form = Seen { status: Some(405), posts: true, ..Seen::default() };
        assert_eq!(name(&settle(&form)), "fine", "a form that posts need not answer a HEAD");
        let gone = Seen { status: Some(404), posts: true, ..Seen::default() };
        assert_eq!(name(&settle(&gone)), "not_found");
        let failed = Seen { status: Some(500), ..form.clone() };
        assert_eq!(name(&settle(&failed)), "unsure", "it may fail for want of what the form sends");
        let marked = Seen { status: Some(403), mark: Some("jsl"), ..form };
        assert_eq!(name(&settle(&marked)), "waf", "and no browser opens it");
        for (class, want) in [(TransportClass::Reset, "unsure"), (TransportClass::Refused, "refused")] {
            let seen = Seen { transport: Some((class, "x")), posts: true, ..Seen::default() };
            assert_eq!(name(&settle(&seen)), want, "{class:?}");
        }
    }

    #[test]
    fn our_own_faults_settle_nothing() {
        use TransportClass::{
            Dns, Download, Other, Ours, Policy, RedirectLoop, Refused, Reset, Timeout, Tls,
        };
        let cases = [
            (Dns, "dns"),
            (Refused, "refused"),
            (Reset, "reset"),
            (Timeout, "timeout"),
            (Tls, "tls"),
            (RedirectLoop, "redirect_loop"),
            (Other, "other"),
            (Policy, "redirect_policy"),
            (Ours, "ours"),
            (Download, "fine"),
        ];
        for (class, want) in cases {
            let seen = Seen { transport: Some((class, "why")), ..Seen::default() };
            assert_eq!(name(&settle(&seen)), want, "{class:?}");
        }
        let chain = Seen { transport: Some((Tls, "x")), tls_may_pass: true, ..Seen::default() };
        assert_eq!(name(&settle(&chain)), "look", "browsers fetch what the server does not send");
        assert_eq!(name(&settle_sight(&chain, DoubtClass::Unsure)), "tls");
    }
}
