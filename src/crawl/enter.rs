//! The entry page: asked for whatever robots.txt says, because an outage has to be seen.

use super::ask::{Ask, Got, Purpose, ask_safely};
use super::atlas::{Link, Placement, State, Use, Verdict};
use super::journal::PageNote;
use super::read::{self, Limits, Reading};
use super::settle::{Settled, settle_sight};
use super::walk::Walk;
use super::{Blocked, Sight};
use crate::domain::link::DoubtClass;
use crate::domain::observation::{Facts, MainResponse, Transport, TransportClass};
use crate::http::manners::host_key;

impl Walk<'_> {
    /// Asks for the entry page and takes its links; whether there is anything to go on with.
    pub(super) async fn enter(&mut self) -> bool {
        let mut url = self.target.entry.clone();
        url.set_fragment(None);
        let key = host_key(&url);
        self.tools.manners.recall(&key).await;
        if let Some((left, why)) = self.tools.manners.cooling(&key) {
            let hours = left.as_secs().div_ceil(3600);
            let detail = format!("refused: {key} is left alone for another {hours} h, because {why}");
            self.report.entry.transport = Some(Transport { class: TransportClass::Policy, detail });
            self.extent.cut_short = Some(format!("{key} is left alone for another {hours} h."));
            return false;
        }
        let host = self.host_of(&url);
        if !self.enter_by_robots(host, &key).await {
            self.extent.cut_short = Some("It was stopped.".to_owned());
            return false;
        }
        if !self.tools.manners.take(&key, self.settings.daily) {
            let detail = format!("refused: the daily share of {} requests is used up", self.settings.daily);
            self.report.entry.transport =
                Some(Transport { class: TransportClass::Policy, detail: detail.clone() });
            self.extent.cut_short = Some(format!("{key}: {detail}."));
            return false;
        }
        let question = Ask {
            url: url.clone(),
            purpose: Purpose::Page { links: read::MAX_LINKS },
            fresh: true,
            within: self.within(),
            pause: std::time::Duration::ZERO,
        };
        let asked = self.tools.cancel.run_until_cancelled(ask_safely(self.tools.client, question)).await;
        self.frontier.host_mut(host).note_turn();
        let Some(got) = asked else {
            self.extent.cut_short = Some("It was stopped.".to_owned());
            return false;
        };
        self.extent.requests += u64::from(got.requests);
        self.report.entry = got.facts.clone();
        let Some((page, url)) = self.entry_page(got).await else { return false };
        self.report.entry.title.clone_from(&page.title);
        self.report.entry_text.clone_from(&page.text);
        self.home = Some(page.print.clone());
        if self.extent.resumed {
            return true;
        }
        self.pages_read = 1;
        self.note_entry(&url, &page);
        true
    }

    /// Asks for robots.txt before anything else; whether to go on. No pause lies between it and the
    /// entry page: it is asked for once, and the entry page is what we came for.
    async fn enter_by_robots(&mut self, host: super::frontier::HostNo, key: &str) -> bool {
        let Ok(url) = self.target.entry.join("/robots.txt") else { return true };
        self.frontier.without_robots(host);
        self.tools.manners.take(key, u32::MAX);
        let pause = std::time::Duration::ZERO;
        let question = Ask { url, purpose: Purpose::Robots, fresh: false, within: self.within(), pause };
        let asked = self.tools.cancel.run_until_cancelled(ask_safely(self.tools.client, question)).await;
        let Some(got) = asked else { return false };
        self.extent.requests += u64::from(got.requests);
        self.frontier.host_mut(host).note_turn();
        self.take_robots(host, got);
        true
    }

    /// The page that a citizen gets at the entry, by the request or in a browser.
    async fn entry_page(&mut self, got: Got) -> Option<(Box<Reading>, url::Url)> {
        let mark = self.mark(&got);
        let refused = mark.is_some() || matches!(got.status, Some(403 | 412 | 429 | 468));
        if refused
            && got.status != Some(429)
            && let Some(sight) = self.sight(&got.url).await
        {
            let seen = super::looked::seen(&sight);
            if settle_sight(&seen, DoubtClass::Waf) == Settled::Fine {
                self.report.entry = facts(&sight);
                let page = reading_of(&sight);
                return Some((Box::new(page), sight.url));
            }
        }
        if refused {
            self.report.entry_text = got.reading.map(|page| page.text).unwrap_or_default();
            let host = self.host_of(&got.url);
            let why = mark.clone().or_else(|| got.status.map(|status| format!("status {status}")));
            self.unwanted(host, &got.url, (got.status, got.retry_after), &why.unwrap_or_default());
            self.report.blocked = Some(Blocked {
                host: host_key(&got.url),
                url: got.url.to_string(),
                status: got.status,
                phrase: mark,
                retry_after: got.retry_after,
            });
            return None;
        }
        if got.transport.is_some() || !got.status.is_some_and(|status| (200..300).contains(&status)) {
            self.report.entry_text = got.reading.map(|page| page.text).unwrap_or_default();
            return None;
        }
        let page = got.reading?;
        if !self.owns(&got.url) {
            // The portal sends its visitors elsewhere: that is a fact about its entry, and there is
            // nothing of its own to read.
            self.report.entry_text = page.text;
            return None;
        }
        if self.needs_drawing(&page)
            && let Some(sight) = self.sight(&got.url).await
            && sight.transport.is_none()
        {
            self.extent.rendered += 1;
            return Some((Box::new(reading_of(&sight)), sight.url));
        }
        Some((page, got.url))
    }

    /// One look at the entry page, in its turn.
    async fn sight(&mut self, url: &url::Url) -> Option<Sight> {
        let eyes = self.tools.eyes?;
        let key = host_key(url);
        let host = self.host_of(url);
        let wait = self.frontier.host(host).wait(self.settings.page_interval);
        if self.looks_left == 0 || !self.tools.manners.take(&key, self.settings.daily) {
            return None;
        }
        self.looks_left -= 1;
        self.extent.requests += 1;
        let deadline = self.within().extended(wait);
        let look = async {
            tokio::time::sleep(wait).await;
            eyes.look(url, deadline).await
        };
        let sight = self.tools.cancel.run_until_cancelled(look).await.flatten();
        self.frontier.host_mut(host).note_turn();
        sight
    }

    /// The entry page is the first link and the first page; nothing leads to it.
    fn note_entry(&mut self, url: &url::Url, page: &Reading) {
        let asked = {
            let mut asked = self.target.entry.clone();
            asked.set_fragment(None);
            asked
        };
        let home = self.atlas.page(url.as_str(), 0, false);
        let mut note = PageNote::default();
        let mut own = Vec::new();
        self.entries = u32::from(asked != *url) + 1;
        let mut entries = vec![asked];
        if entries[0] != *url {
            entries.push(url.clone());
        }
        for entry in entries {
            let at = Placement {
                address: entry.as_str(),
                fragment: None,
                used: Use::Page,
                element: "",
                attribute: "",
                line: 0,
                column: 0,
                text: "",
            };
            if let Some(placed) = self.atlas.place(home, &at, usize::MAX) {
                note.name(placed.no, placed.changed, &at);
                let link: &mut Link = &mut self.atlas.links[placed.no as usize];
                link.depth = 0;
                link.state = State::Done(Verdict::Fine);
                own.push(placed.no);
                self.atlas.leads_to(entry.as_str(), home);
            }
        }
        self.place_page(home, page, &mut note);
        self.journal.page(None, url.as_str(), 0, false, note);
        for no in own {
            self.note_places(no, page);
            self.settle(no, Verdict::Fine);
        }
    }
}

/// What a browser saw, as facts.
fn facts(sight: &Sight) -> Facts {
    Facts {
        url: sight.url.to_string(),
        title: sight.title.clone(),
        main: sight.status.map(|status| MainResponse {
            firewall: sight.firewall.clone(),
            url: sight.url.to_string(),
            status,
            mime: "text/html".to_owned(),
        }),
        transport: sight.transport.clone(),
        challenges: sight.challenges.clone(),
        ..Facts::default()
    }
}

/// The page that a browser drew. Positions in a document that scripts made mean nothing to anybody.
pub(super) fn reading_of(sight: &Sight) -> Reading {
    let mut page = read::page(&sight.html, &sight.url, encoding_rs::UTF_8, &Limits::default());
    for link in &mut page.links {
        (link.line, link.column) = (0, 0);
    }
    for wrong in &mut page.wrong {
        (wrong.line, wrong.column) = (0, 0);
    }
    page
}
