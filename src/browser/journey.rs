//! One isolated journey: a user context with its pages.
//!
//! Invariant: every wait ends at its deadline by our own clock; a page or browser that does not
//! answer by then makes the browser one that is thrown away.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Deadline;
use crate::domain::masks::Masks;
use crate::domain::observation::{Facts, Transport, TransportClass, Vitals};
use crate::domain::scenario::{Action, Check, Sign};

use super::actions::{self, fields};
use super::bidi::command::{Command, GetTree};
use super::bidi::{CallError, Wire};
use super::events::{State, Tracker};
use super::har;
use super::page::{self, Said};
use super::picture::Picture;
use super::pool::Seat;
use super::prepare::Prepared;
use super::session::{Browser, fault};
use super::split::split;
use super::traffic;
use super::{BrowserError, Done, JourneyOptions, StepError, checks};

mod gate;
mod press;
mod reading;
mod sight;
mod snapshot;
mod veiled;
mod waiting;

pub(super) use press::Press;
pub use sight::Standing;
use veiled::Ahead;
pub(super) use waiting::fair;
use waiting::flooded;

/// Pauses between looks at a page; the last one repeats.
const PAUSES: [u64; 6] = [0, 20, 50, 100, 100, 500];

/// A page whose document is ready but whose pictures or scripts never come is used after this.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// How long the browser may take to tell of a navigation that the page knows of. A refused address
/// (`mailto:`) is never told of.
const SET_OUT: Duration = Duration::from_millis(500);

/// How long an aborted navigation may take to turn out as a download.
const TURN_OUT: Duration = Duration::from_millis(300);

/// Time to find out whether a page or the whole browser stands still.
const PULSE: Duration = Duration::from_secs(1);

/// The most time for a picture that is begun before it is asked for.
const PICTURE: Duration = Duration::from_secs(8);

/// The most text that is taken from a page and its frames.
const MOST_TEXT: usize = 200_000;

/// One isolated journey: a user context with its pages. Dropping it without [`Journey::close`]
/// throws its browser away.
#[derive(Debug)]
pub struct Journey {
    seat: Seat,
    pub(super) options: JourneyOptions,
    prepared: Prepared,
    /// The frame that actions go to; the page itself when absent.
    pub(super) frame: Option<String>,
    /// Pages that were already made a phone's.
    mobile: Vec<String>,
    /// Opened pages whose script world the driver knows.
    awake: Vec<String>,
    /// Pages with the sessions by which Chromium's own protocol reaches them.
    sessions: Vec<(String, String)>,
    /// An action began and did not come to its end: its future was dropped.
    busy: bool,
    pub(super) own: Duration,
    /// Looking for something ends here already, although what was begun may go on.
    patience: Option<Deadline>,
    /// What is masked in whatever is kept of this journey.
    masks: Masks,
    /// Whether anything was typed that must not be seen.
    typed: bool,
    /// The picture for the end of the step, when it was begun already.
    ahead: Option<Ahead>,
    /// How often the page was looked at in this action or expectation.
    looks: usize,
}

impl Journey {
    pub(super) fn new(seat: Seat, options: JourneyOptions, prepared: Prepared) -> Self {
        let mut journey = Self {
            seat,
            options,
            prepared,
            frame: None,
            mobile: Vec::new(),
            awake: Vec::new(),
            sessions: Vec::new(),
            busy: false,
            own: Duration::ZERO,
            patience: None,
            masks: Masks::new(),
            typed: false,
            ahead: None,
            looks: 0,
        };
        journey.mobile.extend(journey.current());
        journey
    }

    /// The browser's name and version, such as `Chromium 156.0.8078.73`.
    pub fn browser(&self) -> &str {
        self.seat.browser().map_or("", |browser| &browser.name)
    }

    /// The process group of the browser and its driver; absent for a remote one.
    pub fn process_group(&self) -> Option<u32> {
        self.seat.browser().and_then(Browser::process_group)
    }

    /// Begins a step: facts are collected anew from here.
    pub fn begin_step(&mut self) {
        self.ahead = None;
        self.see(State::begin_step);
    }

    /// The step's actions and expectations are over: its time ends here.
    pub fn end_step(&mut self) {
        self.see(State::end_step);
    }

    /// Does one action whose templates are resolved, waiting (attached, visible, stable, enabled,
    /// receives events) until `deadline`.
    pub async fn act(&mut self, action: &Action, deadline: Deadline) -> Result<Done, StepError> {
        let deadline = action.within.map_or(deadline, |within| deadline.tightened(within));
        self.enter()?;
        if !self.options.slow.is_zero() {
            let pause = self.options.slow;
            let _ = deadline.limit(tokio::time::sleep(pause)).await;
            self.own += pause;
        }
        self.see(|state| state.acting(true));
        let result = actions::perform(self, &action.verb, deadline).await;
        self.see(|state| state.acting(false));
        self.busy = false;
        result.map(|done| Done { own: self.own, ..done })
    }

    /// Does as many of these actions as can be done in one call, from the first: neighbouring fields that
    /// are there already. How many these were; the next one is done by [`Journey::act`].
    ///
    /// # Errors
    /// What a look at the page meets. No error says that a field cannot be filled: the action itself does.
    pub async fn act_ahead(&mut self, actions: &[Action], deadline: Deadline) -> Result<usize, StepError> {
        let fields: Vec<_> = actions.iter().map_while(fields::plain).collect();
        if fields.len() < 2 || !self.options.slow.is_zero() {
            return Ok(0);
        }
        self.enter()?;
        self.see(|state| state.acting(true));
        let filled = fields::fill_at_once(self, &fields, deadline).await;
        self.see(|state| state.acting(false));
        self.busy = false;
        filled
    }

    /// Waits until `check` holds, until `deadline`.
    pub async fn expect(&mut self, check: &Check, deadline: Deadline) -> Result<Done, StepError> {
        self.enter()?;
        let result = checks::wait(self, check, deadline).await;
        self.busy = false;
        result.map(|()| Done { own: self.own, ..Done::default() })
    }

    /// Like [`Journey::act`], but what does not show until `patience` counts as absent. Nothing has
    /// happened on the page then, so the action may be tried again; what was begun (a navigation, a
    /// download) still has until `deadline`.
    pub async fn act_within(
        &mut self,
        action: &Action,
        patience: Deadline,
        deadline: Deadline,
    ) -> Result<Done, StepError> {
        self.patience = Some(patience);
        let done = self.act(action, deadline).await;
        self.patience = None;
        done
    }

    /// Like [`Journey::expect`], looking until `patience` only; a page that is still on its way has
    /// until `deadline`.
    pub async fn expect_within(
        &mut self,
        check: &Check,
        patience: Deadline,
        deadline: Deadline,
    ) -> Result<Done, StepError> {
        self.patience = Some(patience);
        let done = self.expect(check, deadline).await;
        self.patience = None;
        done
    }

    /// [`Journey::expect_within`] for the last expectation of a step. Most hold at the first look: the
    /// picture of the step's end is begun together with that, and [`Journey::observe`] has it sooner. When
    /// the page has to be waited for, the picture is thrown away and a new one taken at the end.
    pub async fn expect_last(
        &mut self,
        check: &Check,
        patience: Deadline,
        deadline: Deadline,
    ) -> Result<Done, StepError> {
        self.ahead = None;
        if checks::is_look(check) && !self.is_classic() && self.settle(deadline).await.is_ok() {
            self.look_ahead(Deadline::after(PICTURE));
        }
        let result = Box::pin(self.expect_within(check, patience, deadline)).await;
        if result.is_err() || self.looks > 1 {
            self.ahead = None;
        }
        result
    }

    /// Until when looking for something goes on.
    pub(super) fn patience(&self, deadline: Deadline) -> Deadline {
        self.patience.map_or(deadline, |patience| patience.min(deadline))
    }

    /// Looks once, without waiting, whether the page shows `sign`; the phrase that fits.
    pub async fn sees(&mut self, sign: &Sign, deadline: Deadline) -> Result<Option<String>, BrowserError> {
        checks::sees(self, sign, deadline).await
    }

    /// What was seen since [`Journey::begin_step`].
    pub async fn facts(&mut self, deadline: Deadline) -> Facts {
        self.read_facts(deadline).await
    }

    /// [`Journey::screenshot`] and [`Journey::facts`]. The picture comes first: a page that was just
    /// loaded is painted for it, and knows only then when it was painted.
    pub async fn observe(&mut self, deadline: Deadline) -> (Facts, Result<Picture, BrowserError>) {
        let ahead = self.taken_ahead();
        let (picture, said) = self.shown(ahead, deadline).await;
        let facts = match said {
            Some(said) => self.facts_of(Some(said), deadline).await,
            None => self.read_facts(deadline).await,
        };
        (facts, self.developed(picture))
    }

    async fn read_facts(&self, deadline: Deadline) -> Facts {
        let now = match self.current() {
            // A page that is still on its way, or does not answer, is not asked.
            Some(page)
                if self.see(|state| state.pending(&page).is_none() && state.odd.is_none()) == Some(true) =>
            {
                self.ask(&page, &json!({ "do": "page" }), deadline.tightened(PULSE)).await.ok()
            }
            _ => None,
        };
        self.facts_of(now, deadline).await
    }

    /// The facts; `now` is what the page has just said of itself.
    async fn facts_of(&self, now: Option<Said>, deadline: Deadline) -> Facts {
        let asked_at = self.see(|state| state.traffic.now()).unwrap_or_default();
        self.ask_filter(deadline.tightened(PULSE)).await;
        if let Some(tracker) = self.tracker() {
            let asked = tracker.wait(deadline.tightened(PULSE), |state| (!state.asking()).then_some(()));
            asked.await;
        }
        self.see(|state| {
            let known = state.page().map(|page| page.url.clone()).unwrap_or_default();
            let (span, mut activity) = state.activity();
            let clock = now.as_ref().and_then(|said| said.vitals.clone());
            if let Some(clock) = &clock {
                // The page's answer took a few milliseconds at most.
                let offset = asked_at - clock.now;
                activity.script = clock.long.iter().map(|(at, ms)| (offset + at, offset + at + ms)).collect();
            }
            let (url, title) = now.map_or((known, String::new()), |said| (said.url, said.title));
            let main = state.main_of_step();
            let transport = state.transport_of_step();
            // An error page has an address of its own, or is not there yet; people want the one
            // that failed.
            let lost = transport.as_ref().is_some_and(|lost| lost.class != TransportClass::Download);
            let url = match state.page().and_then(|page| page.navigation.as_ref()) {
                Some(navigation) if lost || url.starts_with("chrome-error:") => navigation.url.clone(),
                _ => url,
            };
            Facts {
                url,
                title,
                main,
                transport,
                dialogs: state.facts.dialogs.clone(),
                console_errors: state.facts.console_errors.clone(),
                failed_requests: state.failed_requests(),
                stopped: state.facts.stopped.clone(),
                downloads: state.facts.files.clone(),
                popups: state.facts.popups,
                navigations: state.navigations(),
                windows: state.windows(),
                requests: state.facts.requests,
                third_party: count(state.traffic.of_step(state.step()).filter(|entry| entry.third_party)),
                bytes: state.traffic.of_step(state.step()).map(|entry| traffic::whole(entry.bytes)).sum(),
                vitals: clock.map(|clock| clock.vitals).filter(|vitals| *vitals != Vitals::default()),
                time: Some(split(span, &activity)),
                ..Facts::default()
            }
        })
        .unwrap_or_default()
    }

    /// Puts on record what the request filter of a live target refused without an event.
    async fn ask_filter(&self, deadline: Deadline) {
        let Some(browser) = self.seat.browser() else { return };
        let Some(teller) = &browser.teller else { return };
        match teller.take(browser.wire(), deadline).await {
            Ok(refused) => {
                self.see(|state| state.refused(refused));
            }
            // The next journey in this browser would not begin; it is better not begun there.
            Err(_) => self.odd("its request filter does not answer"),
        }
    }

    /// Every request of the journey, as an HTTP Archive.
    pub fn har(&self, pages: &[har::Page<'_>], veil: har::Veil<'_>) -> Option<Value> {
        self.see(|state| har::archive(&state.traffic, self.browser(), pages, veil))
    }

    /// A picture of what is on the screen, to be painted over where it has to be.
    pub async fn screenshot(&mut self, deadline: Deadline) -> Result<Picture, BrowserError> {
        let taken = self.veiled(deadline).await;
        self.developed(taken)
    }

    /// Removes the user context and gives the browser back; a browser that does not answer in
    /// time, or in which anything odd happened, is thrown away.
    pub async fn close(self) {
        let mut odd = self.see(|state| state.odd.clone()).flatten();
        if odd.is_none() && self.busy {
            odd = Some("an action was left unfinished".to_owned());
        }
        self.seat.give_back(&self.prepared, odd).await;
    }
}

fn count(list: impl Iterator) -> u32 {
    u32::try_from(list.count()).unwrap_or(u32::MAX)
}

/// Why no picture was taken.
enum Missed {
    Call(CallError),
    Browser(BrowserError),
}

impl From<CallError> for Missed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<BrowserError> for Missed {
    fn from(error: BrowserError) -> Self {
        Self::Browser(error)
    }
}

/// What one look at the page found out.
pub(super) enum Look {
    /// It is as it should be.
    Ok(Said),
    /// Not yet; in words.
    NotYet(Said),
}

/// What is kept from before an action, to see what it set off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    opened: u64,
    stopped: usize,
    navigations: u64,
}

impl Mark {
    /// How many navigations there were before.
    pub fn navigations(&self) -> u64 {
        self.navigations
    }

    /// How many requests were stopped before.
    pub fn stopped(&self) -> usize {
        self.stopped
    }
}

impl Journey {
    fn enter(&mut self) -> Result<(), StepError> {
        if self.busy {
            self.odd("an action was left unfinished");
        }
        self.own = Duration::ZERO;
        self.looks = 0;
        if self.wire()?.is_closed() {
            return Err(BrowserError::Died("its connection closed".to_owned()).into());
        }
        self.busy = true;
        Ok(())
    }

    pub(super) fn wire(&self) -> Result<&Wire, BrowserError> {
        self.seat
            .browser()
            .map(Browser::wire)
            .ok_or_else(|| BrowserError::Died("it was given back".to_owned()))
    }

    pub(super) fn tracker(&self) -> Option<Arc<Tracker>> {
        self.seat.browser().map(|browser| Arc::clone(&browser.tracker))
    }

    pub(super) fn seat_browser(&self) -> Option<&Browser> {
        self.seat.browser()
    }

    /// Whether the far end has no BiDi.
    pub(super) fn is_classic(&self) -> bool {
        self.seat.browser().is_some_and(|browser| browser.classic)
    }

    pub(super) fn user_context(&self) -> &str {
        self.prepared.user_context()
    }

    /// Reads or changes what the tracker knows.
    pub(super) fn see<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.seat.browser().and_then(|browser| browser.tracker.with(work))
    }

    pub(super) fn odd(&self, why: &str) {
        self.see(|state| state.mark_odd(why));
    }

    pub(super) fn fault(&self, error: CallError) -> BrowserError {
        match self.seat.browser() {
            Some(browser) => fault(browser.wire(), error),
            None => BrowserError::Died("it was given back".to_owned()),
        }
    }

    /// The present page, if one is open.
    pub(super) fn current(&self) -> Option<String> {
        self.see(|state| state.current.clone()).filter(|current| !current.is_empty())
    }

    /// The present page or frame.
    pub(super) fn here(&mut self) -> Result<String, StepError> {
        if self.see(|state| state.flooded_with_dialogs()) == Some(true) {
            return Err(flooded());
        }
        let current = self.current().ok_or_else(|| StepError::Loading("every page was closed".to_owned()))?;
        if let Some(frame) = &self.frame {
            if self.see(|state| state.contexts.contains_key(frame)) == Some(true) {
                return Ok(frame.clone());
            }
            // The page around it went on.
            self.frame = None;
        }
        Ok(current)
    }

    pub(super) async fn ask(
        &self,
        context: &str,
        ask: &Value,
        deadline: Deadline,
    ) -> Result<Said, CallError> {
        match self.seat.browser() {
            Some(browser) => page::ask(browser.wire(), context, ask, deadline).await,
            None => Err(CallError::Closed),
        }
    }

    /// Calls a command of the browser; what fails is judged.
    pub(super) async fn call<C: Command>(
        &self,
        command: &C,
        deadline: Deadline,
    ) -> Result<C::Answer, StepError> {
        let wire = self.wire()?;
        match wire.call(command, fair(deadline)).await {
            Ok(value) => Ok(value),
            Err(error) => Err(self.judge(error).await),
        }
    }

    /// Whether a command that got no answer stands for a page that stands still, a dialog flood
    /// or a browser that is gone.
    pub(super) async fn judge(&self, error: CallError) -> StepError {
        let CallError::Timeout(command) = error else {
            if self.see(|state| state.flooded_with_dialogs()) == Some(true) {
                return flooded();
            }
            return self.fault(error).into();
        };
        self.odd("a command got no answer");
        if self.see(|state| state.flooded_with_dialogs()) == Some(true) {
            return flooded();
        }
        let Ok(wire) = self.wire() else {
            return BrowserError::Hung(command.to_owned()).into();
        };
        let pulse = Deadline::after(PULSE);
        let alive = wire.call(&GetTree { max_depth: 0 }, pulse).await.is_ok();
        if !alive {
            return BrowserError::Hung(command.to_owned()).into();
        }
        if let Some(error) = self.unfinished() {
            return error;
        }
        StepError::Loading("its scripts keep it from answering".to_owned())
    }

    /// Why the present navigation did not come to its end.
    fn unfinished(&self) -> Option<StepError> {
        self.see(|state| {
            let current = state.current.clone();
            let pending = state.pending(&current)?.clone();
            state.mark_odd("a navigation did not end");
            if pending.phase == super::events::Phase::Started {
                let detail = "no answer in time".to_owned();
                state.keep_transport(Transport { class: TransportClass::Timeout, detail });
                Some(StepError::Navigation(format!("{} gave no answer in time", pending.url)))
            } else {
                Some(StepError::Loading(pending.url))
            }
        })
        .flatten()
    }
}
