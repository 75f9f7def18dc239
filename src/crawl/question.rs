//! What the frontier says is next, made into a question to a server.
//!
//! Invariant: what robots.txt closes, what the day's share no longer allows and what a dead host would
//! not answer is never asked; a link that is asked for is [`State::Asked`] until its answer is taken.

use std::time::Duration;

use url::Url;

use super::ask::{Ask, Got, Purpose, ask_safely, claimed};
use super::atlas::{No, State, Use};
use super::frontier::{HostNo, Task};
use super::host::{Host, Stop};
use super::soft;
use super::walk::{Answered, Walk, doubt};
use crate::clock::Deadline;
use crate::domain::link::DoubtClass;

/// The most of a sitemap that is read.
const MAX_SITEMAP: usize = 8 << 20;

impl Walk<'_> {
    /// Asks what the frontier says, if it may be asked.
    pub(super) fn start(&mut self, host: HostNo, task: Task) {
        let Some((url, purpose, fresh)) = self.question(host, &task) else {
            self.frontier.ended(host);
            return;
        };
        if !self.tools.manners.take(&self.frontier.host(host).key, self.settings.daily) {
            let why = format!("the daily share of {} requests is used up", self.settings.daily);
            self.put_back(host, task);
            self.frontier.ended(host);
            self.frontier.host_mut(host).stop = Some(Stop::Later(why));
            self.stirred = true;
            return;
        }
        self.frontier.host_mut(host).note_turn();
        let client = self.tools.client.clone();
        let within = self.deadline.tightened(self.settings.within);
        let pause = self.frontier.host(host).pause(self.settings.link_interval);
        let question = Ask { url, purpose, fresh, within, pause };
        let first = (task == Task::Robots)
            .then(|| (self.tools.manners.clone(), self.frontier.host(host).key.clone()));
        self.running.spawn(async move {
            if let Some((manners, key)) = first {
                manners.recall(&key).await;
                if manners.cooling(&key).is_some() {
                    return Answered { host, task, got: Got::none(question.url) };
                }
            }
            let got = ask_safely(&client, question).await;
            Answered { host, task, got }
        });
    }

    /// What was taken from the frontier goes back there, to be set aside with the rest.
    fn put_back(&mut self, host: HostNo, task: Task) {
        match task {
            Task::Link { no, second } => {
                let link = &mut self.atlas.links[no as usize];
                let (depth, claimed) = (link.depth, std::mem::replace(&mut link.state, State::Waiting));
                debug_assert!(matches!(claimed, State::Asked), "it was about to be asked");
                if second {
                    self.frontier.push_second(host, no, Deadline::after(Duration::ZERO));
                } else {
                    self.frontier.push(host, no, depth);
                }
            }
            errand => self.frontier.push_first(host, errand),
        }
    }

    /// What a task asks for.
    fn question(&mut self, host: HostNo, task: &Task) -> Option<(Url, Purpose, bool)> {
        match task {
            Task::Robots => {
                let Host { scheme, key, .. } = self.frontier.host(host);
                let Ok(url) = Url::parse(&format!("{scheme}://{key}/robots.txt")) else {
                    self.frontier.release(host);
                    return None;
                };
                Some((url, Purpose::Robots, false))
            }
            Task::Sitemap(url) => Some((Url::parse(url).ok()?, Purpose::Bytes(MAX_SITEMAP), false)),
            Task::Nowhere(folder) => {
                let robots = &self.frontier.host(host).robots;
                let Some(url) = soft::made_up(folder).filter(|url| robots.allow(url.as_str())) else {
                    let folder = folder.clone();
                    self.without_comparison(&folder);
                    return None;
                };
                Some((url, Purpose::Page { links: 0 }, false))
            }
            Task::Link { no, second } => {
                let url = Url::parse(self.atlas.address(*no)).ok()?;
                if !self.frontier.host(host).robots.allow(url.as_str()) {
                    let why = "robots.txt closes it to us.";
                    self.settle(*no, doubt(DoubtClass::Robots, None, why));
                    return None;
                }
                let own = self.frontier.host(host).own;
                if !own && !second && self.frontier.host(host).is_down() {
                    let why = "Its host gives no answers, so nothing is said of this one.";
                    self.settle(*no, doubt(DoubtClass::LeftAlone, None, why));
                    return None;
                }
                let purpose = self.purpose(*no, &url, own, *second);
                self.atlas.links[*no as usize].state = State::Asked;
                Some((url, purpose, *second))
            }
        }
    }

    fn purpose(&mut self, no: No, url: &Url, own: bool, second: bool) -> Purpose {
        let settings = self.settings;
        let link = &self.atlas.links[no as usize];
        if link.used == Use::PostForm {
            // A GET there could still do something on an old system, so a live one gets none.
            return Purpose::There { fall_back: !settings.live };
        }
        if !own {
            return match () {
                () if link.wants_places && settings.fragments => Purpose::Page { links: 0 },
                () if second => Purpose::Page { links: 0 },
                () => Purpose::There { fall_back: true },
            };
        }
        if let Some(kind) = claimed(url) {
            return Purpose::Attachment(kind);
        }
        match link.used {
            Use::Style => Purpose::Style,
            Use::Asset | Use::PostForm => Purpose::Part,
            Use::Page => {
                let again = self.atlas.is_read(url.as_str(), u32::MAX);
                let deep = link.depth > settings.depth || self.atlas.is_read(url.as_str(), link.depth);
                if deep || !(again || self.reserved.contains(&no) || self.has_room_for_pages()) {
                    self.extent.pages_left_out += u32::from(!deep && !second);
                    return Purpose::Page { links: 0 };
                }
                if !again {
                    self.reserved.insert(no);
                }
                Purpose::Page { links: super::read::MAX_LINKS }
            }
        }
    }
}
