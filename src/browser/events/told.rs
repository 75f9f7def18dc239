//! What each event changes in the state of a journey.

use crate::browser::bidi::Wire;
use crate::browser::bidi::command::{Close, HandleUserPrompt};
use crate::browser::bidi::event::{ContextInfo, DownloadInfo, LogEntry, NavigationInfo, Prompt};
use crate::browser::network;
use crate::domain::observation::{
    ConsoleFact, ConsoleKind, DialogFact, NavigationCause, NavigationFact, Transport, TransportClass,
};

use super::{
    Answer, Context, Download, Hand, Loading, MOST_CONTEXTS, MOST_DIALOGS, MOST_FACTS, MOST_PAGES,
    Navigation, Phase, State, cut,
};

impl State {
    pub(super) fn created(&mut self, wire: &Wire, info: &ContextInfo) {
        let id = &*info.context;
        let parent = info.parent.as_deref();
        let ours = match parent {
            Some(parent) => self.contexts.contains_key(parent),
            None => *info.user_context == self.user_context,
        };
        if !ours || self.contexts.contains_key(id) {
            return;
        }
        if self.contexts.len() >= MOST_CONTEXTS {
            self.mark_odd("a page opened thousands of frames");
            return;
        }
        let mut number = 0;
        if parent.is_none() {
            self.opened += 1;
            number = self.opened;
            if number > 1 {
                self.facts.popups = self.facts.popups.saturating_add(1);
            }
            if number > 1 && self.facts.windows.len() < MOST_PAGES {
                self.facts.windows.push((id.to_owned(), info.url.to_string()));
            }
            if self.pages.len() >= MOST_PAGES {
                self.mark_odd("a page opened too many windows");
                wire.post(&Close { context: id });
                return;
            }
            self.pages.push(id.to_owned());
        }
        let context = Context {
            parent: parent.map(str::to_owned),
            opener: info.original_opener.as_deref().map(str::to_owned),
            number,
            navigation: None,
            url: info.url.to_string(),
            no_content: false,
            main: None,
            transport: None,
        };
        self.contexts.insert(id.to_owned(), context);
    }

    pub(super) fn destroyed(&mut self, id: &str) {
        self.loaded_enough(id);
        self.traffic.gone(id);
        let gone = self.contexts.remove(id);
        let Some(at) = self.pages.iter().position(|page| page == id) else {
            return;
        };
        self.pages.remove(at);
        if self.current == id {
            // Back to the page that opened it, or to the newest that is left.
            let opener = gone.and_then(|gone| gone.opener).filter(|opener| self.pages.contains(opener));
            self.current = opener.or_else(|| self.pages.last().cloned()).unwrap_or_default();
        }
        let left: Vec<String> =
            self.contexts.keys().filter(|frame| self.top_of(frame) == id).cloned().collect();
        for frame in left {
            self.contexts.remove(&frame);
        }
    }

    pub(super) fn started(&mut self, wire: &Wire, info: &NavigationInfo) {
        if info.url.starts_with("file:") && self.contexts.get(&*info.context).is_some_and(Context::is_opened)
        {
            // Firefox shows a document that it has kept in a window of its own. No page can do that.
            self.facts.popups = self.facts.popups.saturating_sub(1);
            self.facts.windows.retain(|(id, _)| *id != *info.context);
            self.destroyed(&info.context);
            self.shown_files += 1;
            wire.post(&Close { context: &info.context });
            return;
        }
        let Some(context) = self.contexts.get_mut(&*info.context) else {
            return;
        };
        let navigation = info.navigation.as_deref().unwrap_or_default();
        if context.navigation.as_ref().is_some_and(|known| known.id == navigation) {
            return;
        }
        context.transport = None;
        context.no_content = false;
        let is_page = context.parent.is_none();
        self.navigations += 1;
        context.navigation = Some(Navigation {
            id: navigation.to_owned(),
            number: self.navigations,
            url: info.url.to_string(),
            phase: Phase::Started,
            error: None,
        });
        if is_page {
            self.set_out(info);
        }
    }

    /// A page set out for another document.
    fn set_out(&mut self, info: &NavigationInfo) {
        let page = &*info.context;
        let began = self.traffic.now();
        self.traffic.told_at(info.timestamp);
        // One that was overtaken ends with the one that overtakes it.
        self.loaded_enough(page);
        if self.loading.len() < MOST_CONTEXTS {
            self.loading.push(Loading { page: page.to_owned(), began, ended: None });
        }
        if info.url.is_empty() || &*info.url == "about:blank" {
            return;
        }
        let by = if self.hand == Hand::On { NavigationCause::Action } else { NavigationCause::Page };
        if self.hand == Hand::On {
            self.hand = Hand::Used;
        }
        if let Some((_, url)) = self.facts.windows.iter_mut().find(|(id, _)| id == page) {
            *url = info.url.to_string();
        }
        self.note(info, by);
    }

    /// The page changed its address and stayed.
    pub(super) fn moved(&mut self, info: &NavigationInfo, by: NavigationCause) {
        if let Some(context) = self.contexts.get_mut(&*info.context) {
            context.url = info.url.to_string();
            if context.parent.is_none() {
                self.note(info, by);
            }
        }
    }

    fn note(&mut self, info: &NavigationInfo, by: NavigationCause) {
        if self.facts.navigations.len() < MOST_FACTS {
            let id = info.navigation.as_deref().unwrap_or_default().to_owned();
            let fact = NavigationFact { url: cut(&info.url, 500), by, status: None, hops: Vec::new() };
            self.facts.navigations.push((info.context.to_string(), id, fact));
        }
    }

    pub(super) fn reached(&mut self, info: &NavigationInfo, phase: Phase) {
        // Firefox shows an error in place of the page, and calls it parsed.
        let phase = if network::is_error_page(&info.url) { Phase::Failed } else { phase };
        let Some(context) = self.contexts.get_mut(&*info.context) else {
            return;
        };
        if phase != Phase::Failed {
            context.url = info.url.to_string();
        }
        if let Some(navigation) = &mut context.navigation
            && Some(navigation.id.as_str()) == info.navigation.as_deref()
            && navigation.phase < phase
        {
            navigation.phase = phase;
            if phase < Phase::Failed {
                self.traffic.replaced(&info.context, &navigation.id);
            }
            if phase >= Phase::Loaded {
                self.loaded_enough(&info.context);
            }
        }
    }

    pub(super) fn dialog(&mut self, wire: &Wire, prompt: &Prompt) {
        let (id, kind) = (&*prompt.context, &*prompt.kind);
        let (accept, with) = match (&self.answer, kind) {
            (_, "beforeunload") if self.leaving => (true, None),
            (Answer::Accept(with), _) => (true, with.clone()),
            // An alert has no Cancel; closing it is all there is.
            (Answer::Usual | Answer::Dismiss, kind) => (kind == "alert", None),
        };
        self.facts.dialog_count += 1;
        if self.facts.dialog_count > MOST_DIALOGS {
            self.mark_odd("a page kept opening dialogs");
            let page = self.top_of(id).to_owned();
            wire.post(&Close { context: &page });
        } else if self.facts.dialogs.len() < MOST_FACTS {
            self.facts.dialogs.push(DialogFact {
                kind: kind.to_owned(),
                text: prompt.message.to_string(),
                accepted: accept,
            });
        }
        let user_text = with.as_deref().filter(|_| kind == "prompt");
        wire.post(&HandleUserPrompt { context: id, accept, user_text });
    }

    /// Whether the page of this step opened more dialogs than anybody would answer.
    pub(in crate::browser) fn flooded_with_dialogs(&self) -> bool {
        self.facts.dialog_count > MOST_DIALOGS
    }

    pub(super) fn download_begins(&mut self, info: &DownloadInfo) {
        let step = self.step;
        let now = self.traffic.now();
        let expecting = self.expecting_file;
        if let Some(context) = self.contexts.get_mut(&*info.context)
            && let Some(known) = context
                .navigation
                .as_mut()
                .filter(|known| Some(known.id.as_str()) == info.navigation.as_deref())
        {
            // A file for a window of its own is told of its opener, without an end.
            known.phase = Phase::Failed;
            if let Some(loading) = self.loading.iter_mut().find(|loading| loading.page == *info.context) {
                loading.ended.get_or_insert(now);
            }
            if !expecting {
                let detail = format!("the file {}", cut(&info.suggested_filename, 100));
                context.transport = Some((step, Transport { class: TransportClass::Download, detail }));
            }
        }
        if self.facts.downloads.len() < MOST_FACTS {
            self.facts.downloads.push(Download {
                id: info.id().to_owned(),
                url: info.url.to_string(),
                name: info.suggested_filename.to_string(),
                complete: None,
                path: None,
            });
        }
    }

    pub(super) fn download_ends(&mut self, info: &DownloadInfo) {
        if let Some(download) = self.facts.downloads.iter_mut().find(|download| download.id == info.id()) {
            download.complete = Some(&*info.status == "complete");
            download.path = info.filepath.as_deref().map(str::to_owned);
        }
    }

    pub(super) fn log(&mut self, entry: &LogEntry) {
        if &*entry.level != "error" || self.facts.console_errors.len() >= MOST_FACTS {
            return;
        }
        if let Some(context) = entry.source.context.as_deref()
            && !self.contexts.contains_key(context)
        {
            return;
        }
        let kind = if &*entry.kind == "javascript" { ConsoleKind::Exception } else { ConsoleKind::Console };
        let frame = entry.stack_trace.as_ref().and_then(|trace| trace.call_frames.first());
        let source = frame.filter(|frame| !frame.url.is_empty()).map(|frame| {
            // People and editors count from 1.
            format!("{}:{}:{}", &*frame.url, frame.line_number + 1, frame.column_number + 1)
        });
        let text = entry.text.as_deref().unwrap_or_default().to_owned();
        self.facts.console_errors.push(ConsoleFact { kind, text, source });
    }
}
