//! Masks in records: the one place where facts lose what is personal before anybody keeps them.

use super::Masks;
use crate::domain::link::{CrawlExtent, LinkDoubt, LinkFault};
use crate::domain::observation::{
    ConsoleFact, DialogFact, DownloadFact, Facts, GateFact, MainResponse, NavigationFact, PhraseFact,
    RequestFact, StoppedRequest, Transport,
};
use crate::domain::run::StepRecord;
use crate::domain::visit::{Certificate, Hop, SecondLook, Visit};

/// Texts that are as long as this may have been cut.
const CUT: usize = 200;

impl Masks {
    /// Masks everything in a step's record that came from a portal or out of a variable.
    pub fn record(&self, record: &mut StepRecord) {
        if let Some(error) = &mut record.error {
            self.put(error);
        }
        self.facts(&mut record.facts);
    }

    /// Masks everything in facts.
    pub fn facts(&self, facts: &mut Facts) {
        // Every field is named, so that a new one cannot be forgotten.
        let Facts {
            url,
            title,
            main,
            transport,
            dialogs,
            console_errors,
            failed_requests,
            stopped,
            downloads,
            navigations,
            popups: _,
            windows,
            requests: _,
            third_party: _,
            bytes: _,
            vitals: _,
            time: _,
            after_ms: _,
            challenges: _,
            gate,
            phrase,
            cause,
        } = facts;
        self.put_url(url);
        self.put(title);
        if let Some(MainResponse { url, status: _, mime: _, firewall: _ }) = main {
            self.put_url(url);
        }
        if let Some(transport) = transport {
            self.transport(transport);
        }
        for DialogFact { kind: _, text, accepted: _ } in dialogs {
            self.put(text);
        }
        for ConsoleFact { kind: _, text, source } in console_errors {
            self.put(text);
            if let Some(source) = source {
                self.put_url(source);
            }
        }
        for request in failed_requests.iter_mut().chain(cause) {
            self.request(request);
        }
        for StoppedRequest { method: _, url, fields, reason: _ } in stopped {
            self.put_url(url);
            for field in fields {
                self.put(field);
            }
        }
        for DownloadFact { name, url, size: _, kind: _, opens: _, sha256: _ } in downloads {
            self.put(name);
            self.put_url(url);
        }
        for NavigationFact { url, by: _, status: _, hops } in navigations {
            self.put_url(url);
            for (url, _) in hops {
                self.put_url(url);
            }
        }
        for url in windows {
            self.put_url(url);
        }
        if let Some(gate) = gate {
            let GateFact { button, invalid, pledges, missing, .. } = gate.as_mut();
            self.put(button);
            for label in invalid.iter_mut().chain(pledges).chain(missing) {
                self.put(label);
            }
        }
        if let Some(PhraseFact { phrase, context, place: _, area: _ }) = phrase {
            self.put(phrase);
            *context = self.piece(context).into_owned();
        }
    }

    /// Masks everything in a visit.
    pub fn visit(&self, visit: &mut Visit) {
        // Every field is named, so that a new one cannot be forgotten.
        let Visit {
            url,
            final_url,
            status: _,
            redirects,
            total_ms: _,
            bytes: _,
            certificate_days: _,
            marker_found: _,
            title,
            transport,
            waited_ms: _,
            done_ms: _,
            hops,
            families: _,
            ipv6: _,
            raw_bytes: _,
            cut: _,
            charset: _,
            viewport: _,
            lang,
            accessibility: _,
            content: _,
            second_look,
            failure: _,
        } = visit;
        self.put_url(url);
        self.put_url(final_url);
        for (url, _) in redirects {
            self.put_url(url);
        }
        self.put(title);
        if let Some(transport) = transport {
            self.transport(transport);
        }
        for hop in hops {
            self.hop(hop);
        }
        if let Some(lang) = lang {
            self.put(lang);
        }
        if let Some(SecondLook { instead_of: _, url, status: _, title, transport, challenges: _ }) =
            second_look
        {
            self.put_url(url);
            self.put(title);
            if let Some(transport) = transport {
                self.transport(transport);
            }
        }
    }

    fn hop(&self, hop: &mut Hop) {
        let Hop {
            url,
            status: _,
            location,
            address: _,
            protocol: _,
            phases: _,
            tls: _,
            certificate,
            hsts: _,
        } = hop;
        self.put_url(url);
        if let Some(location) = location {
            self.put_url(location);
        }
        if let Some(certificate) = certificate {
            let Certificate { subject, issuer, names, .. } = certificate.as_mut();
            for text in names.iter_mut().chain([subject, issuer]) {
                self.put(text);
            }
        }
    }

    fn transport(&self, Transport { class: _, detail }: &mut Transport) {
        self.put(detail);
    }

    /// Masks the words of a broken link, and its addresses.
    pub fn link(&self, fault: &mut LinkFault) {
        self.put_url(&mut fault.page);
        self.put_url(&mut fault.url);
        self.put(&mut fault.text);
        self.put(&mut fault.detail);
    }

    /// Masks what a link check left open.
    pub fn extent(&self, extent: &mut CrawlExtent) {
        for LinkDoubt { url, page, class: _, status: _, detail } in &mut extent.doubts {
            self.put_url(url);
            self.put_url(page);
            self.put(detail);
        }
    }

    fn request(&self, request: &mut RequestFact) {
        let RequestFact { method: _, url, status: _, error, kind: _, third_party: _, ms: _ } = request;
        self.put_url(url);
        if let Some(error) = error {
            self.put(error);
        }
    }

    fn put(&self, text: &mut String) {
        let cut = text.chars().nth(CUT).is_some();
        let masked = if cut { self.piece(text) } else { self.text(text) };
        if let std::borrow::Cow::Owned(masked) = masked {
            *text = masked;
        }
    }

    fn put_url(&self, url: &mut String) {
        // Where addresses are cut (`events.rs`).
        let cut = url.chars().nth(499).is_some();
        let masked = if cut { self.url_piece(url) } else { self.url(url) };
        if let std::borrow::Cow::Owned(masked) = masked {
            *url = masked;
        }
    }
}
