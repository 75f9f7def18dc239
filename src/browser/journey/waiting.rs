//! Waiting: for navigations, for new pages, for elements, each until its deadline.
//!
//! Invariant: nothing is slept for that an event tells; looks at a page are spaced by [`PAUSES`].

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::bidi::CallError;
use crate::browser::bidi::command::{Activate, CallFunction, Evaluated, GetTree, PerformActions, Target};
use crate::browser::engine::{Ability, can};
use crate::browser::page::{self, Said};
use crate::browser::prepare::make_mobile;
use crate::browser::{BrowserError, StepError, Wait};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::engine::Engine;
use crate::domain::scenario::Channel;

use super::{Journey, Look, Mark, PATIENCE, PAUSES, PULSE, SET_OUT, TURN_OUT};

impl Journey {
    /// Waits until neither the page nor the frame is on its way to another document.
    pub(in crate::browser) async fn settle(&mut self, deadline: Deadline) -> Result<(), StepError> {
        let Some(tracker) = self.tracker() else {
            return Ok(());
        };
        let mut patient: Option<Deadline> = None;
        loop {
            let frame = self.frame.clone();
            let limit = patient.unwrap_or(deadline).min(deadline);
            // Some(true): settled; Some(false): ready enough to be used if nothing more comes.
            let patient_already = patient.is_some();
            let found = tracker
                .wait(limit, |state| {
                    if state.flooded_with_dialogs() {
                        return Some(Err(flooded()));
                    }
                    let contexts = [Some(state.current.clone()), frame.clone()];
                    let mut phase = None;
                    for context in contexts.into_iter().flatten() {
                        if let Some(pending) = state.pending(&context) {
                            phase = Some(phase.map_or(pending.phase, |p: crate::browser::events::Phase| {
                                p.min(pending.phase)
                            }));
                        }
                    }
                    match phase {
                        None => Some(Ok(true)),
                        Some(crate::browser::events::Phase::Interactive) if !patient_already => {
                            Some(Ok(false))
                        }
                        Some(_) => None,
                    }
                })
                .await;
            match found {
                Some(Err(error)) => {
                    self.odd("a page kept opening dialogs");
                    return Err(error);
                }
                Some(Ok(true)) => return Ok(()),
                Some(Ok(false)) => patient = Some(deadline.tightened(PATIENCE)),
                None if self.wire()?.is_closed() => {
                    return Err(BrowserError::Died("its connection closed".to_owned()).into());
                }
                None if patient.is_some_and(Deadline::passed) => {
                    // Parsed, only late pictures or scripts are missing: a person would go on. A
                    // navigation that began meanwhile is waited for like any other.
                    let interactive = self.see(|state| {
                        let current = state.current.clone();
                        state
                            .pending(&current)
                            .is_none_or(|pending| pending.phase == crate::browser::events::Phase::Interactive)
                    });
                    if interactive == Some(true) {
                        self.see(|state| {
                            let page = state.current.clone();
                            state.loaded_enough(&page);
                        });
                        return Ok(());
                    }
                    patient = None;
                    if deadline.passed() {
                        return Err(self.unfinished().unwrap_or_else(never));
                    }
                }
                None => {
                    let pulse = Deadline::after(PULSE);
                    if let Err(error) = self.wire()?.call(&GetTree { max_depth: 0 }, pulse).await {
                        self.odd("it does not answer");
                        return Err(self.fault(error).into());
                    }
                    return Err(self.unfinished().unwrap_or_else(never));
                }
            }
        }
    }

    /// What is known before an action.
    pub(in crate::browser) fn mark(&self) -> Mark {
        self.see(|state| Mark {
            opened: state.opened(),
            stopped: state.facts.stopped.len(),
            navigations: state.navigations,
        })
        .unwrap_or(Mark { opened: 0, stopped: 0, navigations: 0 })
    }

    /// Waits for what an action set off: a new page is followed, a navigation waited for. Answers
    /// whether a press that was part of it missed its element, and so did nothing.
    pub(in crate::browser) async fn follow(
        &mut self,
        mark: Mark,
        deadline: Deadline,
    ) -> Result<bool, StepError> {
        let before = self.current();
        let missed = self.round_trip(mark, deadline).await?;
        self.conclude(mark, before, deadline).await.map(|()| missed)
    }

    /// Whether an action set anything off that is known of by now.
    pub(in crate::browser) fn set_off(&self, mark: Mark) -> bool {
        self.see(|state| state.navigations > mark.navigations || state.opened() > mark.opened) == Some(true)
    }

    /// Goes where an action led.
    pub(in crate::browser) async fn conclude(
        &mut self,
        mark: Mark,
        before: Option<String>,
        deadline: Deadline,
    ) -> Result<(), StepError> {
        let newest = self.see(|state| {
            let newest = state.pages.last().cloned()?;
            (state.contexts.get(&newest)?.number > mark.opened).then_some(newest)
        });
        if let Some(newest) = newest.flatten() {
            self.go_to_page(&newest, deadline).await?;
        } else if self.current() != before {
            // The page closed itself; the one before it is on top again.
            if let Some(current) = self.current() {
                self.go_to_page(&current, deadline).await?;
            }
        }
        self.arrive(mark, deadline).await
    }

    /// Waits for the end of a navigation and tells when it came to nothing.
    pub(in crate::browser) async fn arrive(
        &mut self,
        mark: Mark,
        deadline: Deadline,
    ) -> Result<(), StepError> {
        self.settle(deadline).await?;
        let Some(tracker) = self.tracker() else {
            return Ok(());
        };
        // An aborted navigation may be a file, was stopped by the guard, brought "no content", or
        // was overtaken by another; which one is told a moment later.
        let known = tracker.wait(deadline.tightened(TURN_OUT), |state| {
            let aborted = state
                .page()
                .and_then(|page| page.navigation.as_ref())
                .is_some_and(|navigation| navigation.aborted() && navigation.number > mark.navigations);
            let explained = state.transport_of_step().is_some()
                || state.expecting_file
                || state.page().is_some_and(|page| page.no_content)
                || state.stopped_page_since(mark.stopped).is_some();
            (!aborted || explained).then_some(())
        });
        known.await;
        self.settle(deadline).await?;
        self.arrived(mark)
    }

    /// Trusted input: pointer and keys.
    pub(in crate::browser) async fn input(
        &mut self,
        actions: Value,
        deadline: Deadline,
    ) -> Result<(), StepError> {
        let here = self.here()?;
        let perform = PerformActions { context: &here, actions: &actions };
        match self.wire()?.call(&perform, fair(deadline)).await {
            Ok(_) => Ok(()),
            // The page may go away between pressing and releasing.
            Err(error) if error.page_went_away() => Ok(()),
            Err(error) => Err(self.judge(error).await),
        }
    }

    /// A task of the page's own event loop: what the action started by script has begun by then,
    /// and the browser has told us. Answers whether a press missed what it was aimed at.
    async fn round_trip(&mut self, mark: Mark, deadline: Deadline) -> Result<bool, StepError> {
        const TURN: &str = "() => globalThis.shopperAim?.after() ?? new Promise((go) => setTimeout(go, 0))";
        let here = self.here()?;
        let said = self.turn(&here, TURN, deadline).await?;
        self.set_out(said, mark, deadline).await;
        Ok(said == Some(Turn::Missed))
    }

    /// Waits until the browser tells of what the page said that it does.
    pub(super) async fn set_out(&self, said: Option<Turn>, mark: Mark, deadline: Deadline) {
        let (Some(Turn::Leaves), Some(tracker)) = (said, self.tracker()) else { return };
        let told = tracker.wait(deadline.tightened(SET_OUT), |state| {
            let begun = state.navigations > mark.navigations || state.opened() > mark.opened;
            (begun || state.facts.stopped.len() > mark.stopped).then_some(())
        });
        told.await;
    }

    /// What `function` answers in `here`, unless a page goes away or sets out meanwhile.
    pub(super) async fn turn(
        &self,
        here: &str,
        function: &str,
        deadline: Deadline,
    ) -> Result<Option<Turn>, StepError> {
        let Some(tracker) = self.tracker() else {
            return Ok(None);
        };
        let turn = CallFunction {
            function_declaration: function,
            await_promise: true,
            target: Target { context: here, sandbox: Some(page::SANDBOX) },
            arguments: Vec::new(),
            serialization_options: None,
        };
        let moved = tracker.wait(deadline, |state| {
            (state.pending(here).is_some()
                || state.pending(&state.current).is_some()
                || !state.contexts.contains_key(here))
            .then_some(())
        });
        let result = tokio::select! {
            biased;
            Some(()) = moved => return Ok(Some(Turn::Stays)),
            result = self.wire()?.call(&turn, fair(deadline)) => result,
        };
        match result {
            Ok(Evaluated::Success { result }) => Ok(result.value.as_str().and_then(Turn::of)),
            // A page that went away meanwhile is found out by what comes next.
            Ok(_) | Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(self.judge(error).await),
        }
    }

    /// Makes a page the present one.
    pub(in crate::browser) async fn go_to_page(
        &mut self,
        id: &str,
        deadline: Deadline,
    ) -> Result<(), StepError> {
        self.frame = None;
        self.see(|state| id.clone_into(&mut state.current));
        // Only the page in front gets keys and clicks.
        match self.wire()?.call(&Activate { context: id }, fair(deadline)).await {
            Ok(_) => {}
            Err(error) if error.page_went_away() => {}
            Err(error) => return Err(self.judge(error).await),
        }
        if self.options.channel == Channel::Mobile
            && !self.is_classic()
            && can(self.options.engine, Ability::PhoneViewport)
            && !self.mobile.iter().any(|known| known == id)
        {
            self.mobile.push(id.to_owned());
            make_mobile(self.wire()?, &self.options, id, fair(deadline)).await?;
        }
        self.settle(deadline).await?;
        self.wake(id, deadline).await
    }

    /// Makes the driver notice the script world of a page that another one opened.
    ///
    /// When a window's first, empty document is replaced by one of its opener's origin, Chromium
    /// keeps the window object and tells of no new world; chromedriver 156 forgets the old one and
    /// then waits for ever at every script, click and picture. Switching the domain off and on
    /// makes the browser tell it again.
    pub(in crate::browser) async fn wake(&mut self, id: &str, deadline: Deadline) -> Result<(), StepError> {
        let opened =
            self.see(|state| state.contexts.get(id).is_some_and(crate::browser::events::Context::is_opened));
        let known = self.options.engine != Engine::Chromium || self.is_classic();
        if known || opened != Some(true) || self.awake.iter().any(|known| known == id) {
            return Ok(());
        }
        self.awake.push(id.to_owned());
        let deadline = fair(deadline);
        let wire = self.wire()?;
        let work = async {
            let session = wire.cdp_session(id, deadline).await?;
            for method in ["Runtime.disable", "Runtime.enable"] {
                wire.cdp(Some(&session), method, &json!({}), deadline).await?;
            }
            Ok(())
        };
        match work.await {
            // A driver without these commands is not known to need them.
            Ok(()) | Err(CallError::Refused { .. }) => Ok(()),
            Err(error) => Err(self.judge(error).await),
        }
    }

    /// The fault of the present page's navigation, if it came to nothing.
    pub(in crate::browser) fn arrived(&self, mark: Mark) -> Result<(), StepError> {
        let stopped = self.see(|state| {
            let stopped = state.stopped_page_since(mark.stopped)?;
            Some(format!("{} {}", stopped.method, stopped.url))
        });
        if let Some(request) = stopped.flatten() {
            return Err(StepError::Refused(request));
        }
        let transport = self.see(|state| {
            state.transport_of_step().map(|transport| {
                let to = state.page().and_then(|page| page.navigation.as_ref()).map(|n| n.url.clone());
                (to.unwrap_or_default(), transport)
            })
        });
        match transport.flatten() {
            Some((to, transport)) => Err(StepError::Navigation(format!("{to}: {}", transport.detail))),
            None => Ok(()),
        }
    }

    /// Looks until the page is as it should be: at once, then after 20, 50, 100, 100, 500 ms …
    /// `ask` is told which look it is.
    pub(in crate::browser) async fn look(
        &mut self,
        ask: impl Fn(usize) -> Value,
        what: &str,
        deadline: Deadline,
        unmet: bool,
    ) -> Result<Said, StepError> {
        let watch = Stopwatch::start();
        let patience = self.patience(deadline);
        let since = self.see(|state| state.traffic.now()).unwrap_or_default();
        // Until the last look that was in vain, the page was waited for; from there on the time is ours.
        let mut vain = None;
        let mut last = None;
        for turn in 0.. {
            let pause = Duration::from_millis(PAUSES[usize::min(turn, PAUSES.len() - 1)]);
            if !pause.is_zero() {
                let _ = patience.limit(tokio::time::sleep(pause)).await;
            }
            match self.look_once(&ask(turn), what, deadline).await? {
                Some(Look::Ok(said)) => {
                    // The page may have been ready since the pause began.
                    self.own += pause;
                    if let Some(vain) = vain {
                        self.see(|state| state.waited(since, Some(vain)));
                    }
                    return Ok(said);
                }
                Some(Look::NotYet(said)) => last = Some(said),
                None => {}
            }
            vain = self.see(|state| state.traffic.now());
            if patience.passed() {
                break;
            }
        }
        self.see(|state| state.waited(since, None));
        let last_seen = last.as_ref().map_or_else(|| "a page that was changing".to_owned(), Said::words);
        let wait = Wait { what: what.to_owned(), waited: watch.elapsed(), last_seen };
        Err(match last {
            _ if unmet => StepError::Unmet(wait),
            Some(said) if said.state != "none" => StepError::NotReady(wait),
            _ => StepError::NotFound(wait),
        })
    }

    /// One look; [`None`] when the page went away under it.
    pub(in crate::browser) async fn look_once(
        &mut self,
        ask: &Value,
        what: &str,
        deadline: Deadline,
    ) -> Result<Option<Look>, StepError> {
        self.settle(deadline).await?;
        self.looks += 1;
        let here = self.here()?;
        // The last look may begin just before time is up, and is worth its answer.
        match self.ask(&here, ask, fair(deadline)).await {
            Ok(said) => match said.state.as_str() {
                "ok" | "already" => Ok(Some(Look::Ok(said))),
                "many" => Err(StepError::Ambiguous {
                    locator: what.to_owned(),
                    count: said.count,
                    elements: said.elements,
                }),
                "bad" => Err(StepError::NotFound(Wait {
                    what: what.to_owned(),
                    waited: Duration::ZERO,
                    last_seen: format!("the locator cannot be used: {}", said.note),
                })),
                _ => Ok(Some(Look::NotYet(said))),
            },
            Err(error) if error.page_went_away() => Ok(None),
            Err(error) => Err(self.judge(error).await),
        }
    }
}

/// What a page says became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A press met something else and was kept from the page.
    Missed,
    /// The document is being left.
    Leaves,
    /// Neither, or the browser knows already that it is being left.
    Stays,
    /// It stays, and the press did what it was for.
    Done,
}

impl Turn {
    fn of(word: &str) -> Option<Self> {
        match word {
            "missed" => Some(Self::Missed),
            "leaves" => Some(Self::Leaves),
            "stays" => Some(Self::Stays),
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

/// A command is given a moment even when time is nearly up: otherwise every command that was sent
/// last would look like a browser that hangs.
pub(in crate::browser) fn fair(deadline: Deadline) -> Deadline {
    deadline.max(Deadline::after(PULSE))
}

pub(in crate::browser) fn flooded() -> StepError {
    StepError::Loading("it kept opening dialogs and was closed".to_owned())
}

fn never() -> StepError {
    StepError::Loading("time was up".to_owned())
}
