//! A visit in the terminal: a bar for every part of every request, what the certificate says, what came.
//!
//! Invariant: no line is wider than it may be, Chinese counted as two columns; nothing depends on
//! colour; what comes from a portal cannot steer the terminal.

use std::fmt::Write;
use std::net::IpAddr;

use crate::domain::run::Run;
use crate::domain::visit::{
    Certificate, CertificateFault, Family, FamilyFault, Hop, Span, Visit, VisitFailure,
};

use super::output::tame;

/// The narrowest and the widest that is drawn.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=140;
/// Columns before a bar: indent, the phase's name, two blanks.
const NAMES: usize = 6 + 10 + 2;
/// Columns behind a bar: a blank, the number, its unit.
const NUMBERS: usize = 1 + 10 + 3;
/// Columns before what is said of a subject.
const LABEL: usize = 17;

/// The visit of a run as lines of text, at most `width` columns wide.
pub(super) fn render(run: &Run, visit: &Visit, width: usize) -> String {
    let mut page = Page { text: String::new(), width: width.clamp(*WIDTHS.start(), *WIDTHS.end()) };
    let scale = Scale {
        from: visit.hops.first().map_or(0.0, start),
        to: visit.hops.iter().map(end).fold(0.0, f64::max),
        columns: page.width.saturating_sub(NAMES + NUMBERS),
    };
    for (n, hop) in visit.hops.iter().enumerate() {
        page.hop(n + 1, hop, &scale);
    }
    if !visit.hops.is_empty() {
        // Between two requests time passes, too.
        page.row("total", &scale.bar(None), (visit.done_ms - visit.waited_ms).max(scale.to - scale.from));
    }
    if visit.waited_ms >= 100.0 {
        page.fact("begun late", &format!("{} after its appointed time", milliseconds(visit.waited_ms)));
    }
    let named = visit.hops.first().is_some_and(|hop| hop.phases.dns.is_some());
    page.families(&visit.families, named);
    for hop in &visit.hops {
        page.tls(hop, visit.hops.len() > 1);
    }
    page.came(visit);
    page.verdict(run, visit);
    page.text
}

fn start(hop: &Hop) -> f64 {
    hop.phases.named().map(|(_, span)| span.at_ms).next().unwrap_or(0.0)
}

fn end(hop: &Hop) -> f64 {
    hop.phases.named().map(|(_, span)| span.end_ms()).fold(0.0, f64::max)
}

/// Time to columns.
struct Scale {
    from: f64,
    to: f64,
    columns: usize,
}

impl Scale {
    /// A bar for a part, or for everything.
    fn bar(&self, span: Option<Span>) -> String {
        let whole = (self.to - self.from).max(0.001);
        let column = |at: f64| {
            let share = ((at - self.from) / whole).clamp(0.0, 1.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the columns")]
            let column = (share * self.columns as f64).round() as usize;
            column
        };
        let (first, last) = match span {
            Some(span) => (column(span.at_ms), column(span.end_ms())),
            None => (0, self.columns),
        };
        let first = first.min(self.columns.saturating_sub(1));
        // What took no time to speak of is seen all the same.
        let mark = if last > first { "█".repeat(last - first) } else { "▏".to_owned() };
        let drawn = first + last.saturating_sub(first).max(1);
        format!("{}{mark}{}", " ".repeat(first), " ".repeat(self.columns.saturating_sub(drawn)))
    }
}

struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Words behind an indent; what does not fit goes on below it.
    fn words(&mut self, first: &str, indent: usize, words: &str) {
        let mut line = first.to_owned();
        let mut used = columns(first);
        for word in pieces(words) {
            if used > indent && used + columns(word.trim_end()) > self.width {
                self.line(&line);
                line = " ".repeat(indent);
                used = indent;
            }
            // A piece wider than a line is cut where the line ends.
            for c in word.chars() {
                let wide = columns_of(c);
                if used + wide > self.width && c != ' ' {
                    self.line(&line);
                    line = " ".repeat(indent);
                    used = indent;
                }
                line.push(c);
                used += wide;
            }
        }
        self.line(&line);
    }

    /// Something that is known of a subject.
    fn fact(&mut self, subject: &str, words: &str) {
        let gap = (LABEL - 4).saturating_sub(columns(subject));
        self.words(&format!("    {subject}{}", " ".repeat(gap)), LABEL, words);
    }

    fn row(&mut self, name: &str, bar: &str, ms: f64) {
        self.line(&format!("      {name:<10}  {bar} {ms:>10.3} ms"));
    }

    fn hop(&mut self, n: usize, hop: &Hop, scale: &Scale) {
        self.words(&format!("  {n:>2}  "), 6, &format!("GET {}", tame(&hop.url)));
        let address = hop.address.map(|address: IpAddr| address.to_string());
        let status = hop.status.map(|status| format!("status {status}"));
        let facts: Vec<String> = [address, hop.protocol.clone(), status].into_iter().flatten().collect();
        if !facts.is_empty() {
            self.words("      ", 6, &facts.join(" · "));
        }
        for (name, span) in hop.phases.named() {
            self.row(&name.replace('_', " "), &scale.bar(Some(span)), span.ms);
        }
        if let Some(location) = &hop.location {
            self.words("      → ", 8, &tame(location));
        }
    }

    fn families(&mut self, families: &[Family], named: bool) {
        for family in families {
            let shown: Vec<String> = family.addresses.iter().take(4).map(IpAddr::to_string).collect();
            let more = family.addresses.len().saturating_sub(shown.len());
            let mut words = shown.join(", ");
            if more > 0 {
                let _ = write!(words, " and {more} more");
            }
            let how = match (family.error, family.connect_ms) {
                (Some(FamilyFault::NoRoute), _) => {
                    "not tried: this machine has no way to this family, which is ours, not the portal's"
                        .to_owned()
                }
                (Some(fault), _) => format!("no connection: {}", fault.name()),
                (None, Some(ms)) if family.used => format!("used, connected in {}", milliseconds(ms)),
                (None, Some(ms)) => format!("connected in {}", milliseconds(ms)),
                (None, None) => "not tried".to_owned(),
            };
            self.fact(family.family.title(), &format!("{words} · {how}"));
        }
        if let [only] = families
            && named
            && only.addresses.iter().all(IpAddr::is_ipv4)
        {
            self.fact("IPv6", "the name has no IPv6 address");
        }
    }

    fn tls(&mut self, hop: &Hop, several: bool) {
        let place = |words: String| {
            if several { format!("{words} (hop to {})", host_of(&hop.url)) } else { words }
        };
        if let Some(tls) = &hop.tls {
            self.fact("TLS", &place(format!("{} · {}", tls.version, tls.cipher)));
        }
        if let Some(certificate) = &hop.certificate {
            self.certificate(certificate);
        }
        if let Some(hsts) = hop.hsts {
            let mut words = format!("max-age {} days", hsts.max_age / 86_400);
            if hsts.include_subdomains {
                words.push_str(", hosts below included");
            }
            if hsts.preload {
                words.push_str(", preload");
            }
            self.fact("HSTS", &words);
        } else if hop.tls.is_some() {
            self.fact("HSTS", "not sent");
        }
    }

    fn certificate(&mut self, certificate: &Certificate) {
        let day = |at: Option<jiff::Timestamp>| {
            at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
        };
        let state = if certificate.valid { "valid" } else { "NOT valid" };
        let left = match certificate.days_left {
            days @ 0.. => format!("{days} days left"),
            days => format!("ended {} days ago", -days),
        };
        let (from, to) = (day(certificate.not_before), day(certificate.not_after));
        self.fact("certificate", &format!("{state} · {from} to {to}, {left}"));
        self.fact("", &format!("for {}", tame(&certificate.subject)));
        let names: Vec<String> = certificate.names.iter().take(6).map(|name| tame(name)).collect();
        if !names.is_empty() {
            let more = certificate.names.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.fact("", &format!("names {}{more}", names.join(", ")));
        }
        self.fact("", &format!("from {}", tame(&certificate.issuer)));
        let noun = if certificate.chain == 1 { "certificate" } else { "certificates" };
        let Certificate { key, signature, chain, .. } = certificate;
        self.fact("", &format!("key {key} · signed with {signature} · {chain} {noun} sent"));
        for fault in &certificate.faults {
            self.fact("", &format!("✗ {}: {}", fault.name(), in_words(*fault)));
        }
    }

    fn came(&mut self, visit: &Visit) {
        if visit.status.is_some() {
            let mut size = bytes(visit.bytes);
            if visit.raw_bytes != visit.bytes && visit.raw_bytes > 0 {
                let _ = write!(size, ", {} over the connection", bytes(visit.raw_bytes));
            }
            if visit.cut {
                size.push_str("; there was more, reading stopped");
            }
            self.fact("size", &size);
        }
        if let Some(charset) = &visit.charset {
            let malformed = if charset.malformed { " · with bytes that fit no character" } else { "" };
            self.fact("charset", &format!("{} (by {}){malformed}", charset.name, charset.by.name()));
        }
        if !visit.title.is_empty() {
            self.fact("title", &tame(&visit.title));
        }
        if let Some(found) = visit.marker_found {
            self.fact("marker", if found { "found" } else { "not found" });
        }
        let yes = |yes| if yes { "yes" } else { "no" };
        if let Some(viewport) = visit.viewport {
            self.fact("for phones", yes(viewport));
        }
        if let Some(barriers) = visit.accessibility.as_ref().filter(|barriers| !barriers.is_empty()) {
            let said: Vec<_> =
                barriers.iter().map(|fault| format!("{} × {}", fault.count, fault.rule)).collect();
            self.fact("barriers", &said.join(", "));
        }
        if let Some(look) = &visit.second_look {
            let seen = match (&look.transport, look.status) {
                (Some(transport), _) => tame(&transport.detail),
                (None, Some(status)) => format!("status {status} · {}", tame(&look.title)),
                (None, None) => "nothing".to_owned(),
            };
            let instead = look.instead_of.map(VisitFailure::name).unwrap_or_default();
            self.fact("a browser", &format!("saw {seen} (the request alone: {instead})"));
        }
    }

    fn verdict(&mut self, run: &Run, visit: &Visit) {
        let Some(failure) = visit.failure else { return };
        let why = run.ending().and_then(|step| step.error.as_deref()).unwrap_or(&run.reason);
        self.fact("failure", &format!("{failure} · {}", tame(why)));
        self.fact("what to do", advice(failure, visit));
    }
}

/// What to do about a failure.
fn advice(failure: VisitFailure, visit: &Visit) -> &'static str {
    match failure {
        VisitFailure::Dns => {
            "Ask whoever runs the name's zone; `dig` from another network tells whether it is the name or the way."
        }
        VisitFailure::Refused => {
            "Nobody listens at that port: look whether the web server runs and what its firewall lets in."
        }
        VisitFailure::Reset => {
            "The connection broke in the middle: look into the logs of the server and of what stands before it."
        }
        VisitFailure::Timeout => {
            "See the longest bar: that part did not end in time. --within gives it more."
        }
        VisitFailure::Tls => {
            "Have the certificate or the TLS settings mended as told above; a citizen's browser warns as well."
        }
        VisitFailure::Http => {
            "The server answers, and says that it cannot give this page: its own log tells why."
        }
        VisitFailure::TooLarge => {
            "A home page of this size does not end for a citizen on a phone: look what is sent."
        }
        VisitFailure::RedirectLoop => "Follow the hops above: two rules send the citizen back and forth.",
        VisitFailure::RedirectPolicy => {
            "The portal sends its visitors where no page may lead; it was not followed. Mend the redirect."
        }
        VisitFailure::Empty => {
            "The server says that all is well and sends nothing: look what the page is made from."
        }
        VisitFailure::Soft404 => "Let the address lead to a page, or answer 404 when there is none.",
        VisitFailure::Waf => {
            "We were kept out, which says nothing about citizens: ask the portal to let this agent in."
        }
        VisitFailure::Captcha => {
            "We were kept out by a captcha, which is not solved here: ask the portal to let this agent in."
        }
        VisitFailure::MarkerMissing => "Look at the page: when it is healthy, the marker is out of date.",
        VisitFailure::Download => "The address leads to a file; visit the page that people begin with.",
        VisitFailure::Ours if visit.transport.is_some() => {
            "Nothing is said about the portal: look at this machine's network and settings."
        }
        VisitFailure::Ours => "Nothing is said about the portal.",
        VisitFailure::Other => {
            "The answer is none that a browser could show: look what listens at that port."
        }
    }
}

fn in_words(fault: CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Expired => "it, or one that it stands on, has ended",
        CertificateFault::NotYetValid => "it does not hold yet",
        CertificateFault::WrongName => "it is for other names",
        CertificateFault::SelfSigned => "it is signed with its own key, and nobody vouches for it",
        CertificateFault::UntrustedIssuer => "its authority is not trusted by this machine",
        CertificateFault::IncompleteChain => {
            "the server does not send its issuer's certificate; browsers fetch it, other programs fail"
        }
        CertificateFault::WeakKey => "its RSA key has less than 2048 bits",
        CertificateFault::WeakSignature => "it is signed by way of SHA-1 or MD5",
        CertificateFault::Other => "it was refused",
    }
}

fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(tame)).unwrap_or_default()
}

/// Milliseconds with so many digits as mean something.
fn number(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.3}")
    } else if ms < 1000.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

fn milliseconds(ms: f64) -> String {
    format!("{} ms", number(ms))
}

fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} bytes"),
        10_000..10_000_000 => format!("{} kB", n / 1000),
        _ => format!("{} MB", n / 1_000_000),
    }
}

/// Words with the blanks behind them, and characters of scripts without blanks one by one.
fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().copied();
        let end = next.map_or(text.len(), |(at, _)| at);
        let breaks = match next {
            None => true,
            Some((_, next)) => next != ' ' && (c == ' ' || columns_of(c) == 2),
        };
        if breaks && end > at {
            found.push(&text[from..end]);
            from = end;
        }
    }
    found
}

fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// How many columns a character takes: two for East Asian wide and full-width ones (UAX #11).
fn columns_of(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F900..=0x1F9FF
        | 0x2_0000..=0x3_FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
