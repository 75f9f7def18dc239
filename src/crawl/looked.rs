//! What a browser's look changes.

use std::collections::HashSet;

use super::atlas::{No, Places, State, Verdict};
use super::enter::reading_of;
use super::eyes::Sight;
use super::frontier::HostNo;
use super::read::Reading;
use super::settle::{Seen, Settled, settle_sight};
use super::soft;
use super::walk::{Look, Walk, Why, doubt};
use crate::domain::link::{DoubtClass, LinkClass};
use crate::judge::firewall;

/// What a look saw, for settling.
pub(super) fn seen(sight: &Sight) -> Seen<'_> {
    let check = sight.challenges.iter().map(String::as_str).find(|mark| firewall::is_check(mark));
    let refused = sight.status.is_some_and(|status| status >= 400);
    Seen {
        status: sight.status.or_else(|| sight.transport.is_none().then_some(200)),
        transport: sight.transport.as_ref().map(|t| (t.class, t.detail.as_str())),
        mark: if refused || sight.text.chars().count() < 200 {
            check.or(sight.firewall.as_deref().filter(|_| refused))
        } else {
            None
        },
        login: false,
        tls_may_pass: false,
        posts: false,
    }
}

/// Whether a browser saw the page itself, and nothing that stands before it.
fn shows_page(sight: &Sight) -> bool {
    let login = sight.challenges.iter().any(|mark| mark == "login-form");
    !login && !sight.html.is_empty() && settle_sight(&seen(sight), DoubtClass::Unsure) == Settled::Fine
}

impl Walk<'_> {
    /// Takes what a browser saw.
    pub(super) fn looked(&mut self, look: &Look, host: HostNo, sight: Option<Sight>) {
        let no = look.no;
        match (&look.why, sight) {
            (Why::Settle(class, status, detail), None) => {
                let detail = format!("{detail} No browser could be had to look at it.");
                self.settle(no, doubt(*class, *status, &detail));
            }
            (Why::Settle(class, _, _), Some(sight)) => self.settle_by_sight(no, host, *class, &sight),
            (Why::Render(source), sight) => match sight.filter(|sight| self.shows(sight)) {
                Some(sight) => {
                    self.extent.rendered += 1;
                    self.drawn(no, &sight);
                }
                None => self.read_source(no, &source.0, &source.1),
            },
            (Why::Places, None) => {}
            (Why::Places, Some(sight)) => {
                self.extent.settled_in_browser += 1;
                // A login or a check in its place does not have the places of the page.
                if shows_page(&sight) {
                    let page = reading_of(&sight);
                    let places =
                        Places { hashes: page.places, scripted: false, scripts: Some(Box::default()) };
                    self.journal.places(no, &places);
                    self.atlas.places.insert(no, places);
                }
            }
        }
    }

    /// Whether a browser saw a page of the portal.
    fn shows(&self, sight: &Sight) -> bool {
        shows_page(sight) && self.owns(&sight.url)
    }

    fn settle_by_sight(&mut self, no: No, host: HostNo, class: DoubtClass, sight: &Sight) {
        self.extent.settled_in_browser += 1;
        let seen = seen(sight);
        let marked = seen.mark.is_some();
        match settle_sight(&seen, class) {
            Settled::Fine => {
                self.frontier.host_mut(host).welcome();
                self.drawn(no, sight);
            }
            Settled::Broken(class, detail) => {
                let detail = if detail.is_empty() { class.to_string() } else { detail };
                self.settle(no, Verdict::Faulty { class, status: sight.status, detail: detail.into() });
            }
            Settled::Look(class, detail) | Settled::Doubt(class, detail) => {
                self.settle(no, doubt(class, sight.status, &detail));
                if marked && self.frontier.host(host).own {
                    self.unwanted(host, &sight.url, (sight.status, None), &detail);
                }
            }
            Settled::Unwanted(why) => {
                self.settle(no, doubt(DoubtClass::Waf, sight.status, &why));
                self.unwanted(host, &sight.url, (sight.status, None), &why);
            }
        }
    }

    /// A page as a browser drew it: it may still say that it is none.
    fn drawn(&mut self, no: No, sight: &Sight) {
        if !self.shows(sight) {
            return self.settle(no, Verdict::Fine);
        }
        let page = reading_of(sight);
        let soft = soft::is_soft(&page, None, None, self.home.as_ref(), &self.settings.lexicon);
        if let Some(detail) = soft.filter(|_| self.atlas.links[no as usize].depth > 0) {
            let class = LinkClass::Soft404;
            return self.settle(no, Verdict::Faulty { class, status: sight.status, detail: detail.into() });
        }
        let depth = self.atlas.links[no as usize].depth;
        let known = self.atlas.is_read(sight.url.as_str(), u32::MAX) || self.reserved.contains(&no);
        if depth <= self.settings.depth && (known || self.has_room_for_pages()) {
            self.read_page(Some(no), &sight.url, depth, &page);
        }
        self.note_places(no, &Reading { makes_places: false, scripts: 0, ..page });
        self.settle(no, Verdict::Fine);
    }

    /// Wants a look at every page whose scripts may make places that its source does not have;
    /// whether any look is wanted now.
    pub(super) fn look_for_places(&mut self) -> bool {
        if self.tools.eyes.is_none() || self.places_looked_for {
            return false;
        }
        self.places_looked_for = true;
        let mut wanted: Vec<No> = Vec::new();
        let mut known: HashSet<No> = HashSet::new();
        for (no, fragment) in self.atlas.fragments.keys() {
            let fine = matches!(self.atlas.links[*no as usize].state, State::Done(Verdict::Fine));
            let open = self.atlas.places.contains_key(no) && self.atlas.has_place(*no, fragment).is_none();
            if fine && open && known.insert(*no) {
                wanted.push(*no);
            }
        }
        for no in &wanted {
            self.want_look(*no, Why::Places);
        }
        !self.looks.is_empty()
    }
}
