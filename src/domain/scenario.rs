//! Scenarios: what a mystery shopper does on a portal, step by step.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::ScenarioId;
use super::indicator::IndicatorId;
use super::locator::{Locator, TextMatch};
use super::observation::EvidenceKind;
use super::outcome::Outcome;
use super::place::Screen;
use super::template::{Template, Vars};

/// A journey. Fragments are already put in; every variable is known to have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its id.
    pub id: ScenarioId,
    /// Its title, as the portal names the item.
    pub title: String,
    /// The kind of screen.
    pub channel: Channel,
    /// The screen, when it is not the channel's usual one.
    pub screen: Option<Screen>,
    /// Whether it counts for scores; otherwise it is only shown beside them.
    pub scored: bool,
    /// Time for the whole journey.
    pub deadline: Duration,
    /// Defaults of variables; the target's win.
    pub vars: Vars,
    /// Requests other than GET that were reviewed and may be sent to a live target.
    pub allow: Vec<AllowedRequest>,
    /// Who wrote it: mail addresses that are told when it no longer fits its pages.
    pub authors: Vec<String>,
    /// Texts that are masked wherever they appear in what is kept; variables are put in as soon as
    /// they have values.
    pub secrets: Vec<Template>,
    /// What is kept of every step besides its picture; when a step fails all of it is kept.
    pub keep: Vec<EvidenceKind>,
    /// The steps, at least one.
    pub steps: Vec<Step>,
    /// The file it was read from.
    pub file: PathBuf,
    /// SHA-256 over the file and its fragments, lowercase hex: which script made a record.
    pub hash: String,
}

/// The screen that a journey is walked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// 1280 × 800, mouse.
    #[default]
    Desktop,
    /// 390 × 844 at three device pixels, touch, a phone's User-Agent.
    Mobile,
}

/// A request other than GET that may pass the guard of a live target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedRequest {
    /// `POST`, in capitals.
    pub method: String,
    /// A path that starts with `/`; `*` stands for anything.
    pub path: String,
}

impl AllowedRequest {
    /// The longest path that may have `*` inside: Chromium's request filter gives a pattern 2 KB of
    /// memory, and as a character takes 16 bytes, this much is safe.
    pub const LONGEST_PATTERN: usize = 50;
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, unique in the scenario.
    pub name: String,
    /// The part of the journey that it belongs to.
    pub stage: Stage,
    /// Indicators that it feeds.
    pub measure: Vec<IndicatorId>,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// What must be true afterwards.
    pub expect: Vec<Expectation>,
    /// What the page may say instead, tested in order before the lexicon.
    pub seen: Vec<SeenRule>,
    /// The outcome when a locator of this step never appears on a healthy page.
    pub absent: Option<Outcome>,
    /// Time for the step, waiting included.
    pub within: Duration,
    /// Where it stands in its file.
    pub at: SourcePos,
}

/// A place in a file, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct SourcePos {
    /// The file, relative to the configuration's folder.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// Parts of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Finding the item.
    Find,
    /// Reading its guide.
    Guide,
    /// Signing in.
    SignIn,
    /// Filling the form.
    Form,
    /// Handing in materials.
    Materials,
    /// The submit gate.
    Gate,
    /// Getting the result.
    Deliver,
}

impl Stage {
    /// Every stage with its name, in the order of a journey.
    pub const ALL: [(&'static str, Self); 7] = [
        ("find", Self::Find),
        ("guide", Self::Guide),
        ("sign-in", Self::SignIn),
        ("form", Self::Form),
        ("materials", Self::Materials),
        ("gate", Self::Gate),
        ("deliver", Self::Deliver),
    ];

    /// The name used in scenarios, the database and JSON.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, stage)| *stage == self).map_or("", |(name, _)| name)
    }
}

/// One thing that is done, with its place for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub verb: Verb,
    /// Time for this action; the step's when absent.
    pub within: Option<Duration>,
    /// Where it stands.
    pub at: SourcePos,
}

/// The verbs. `use` is gone here: its fragment's actions stand in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Opens an address; relative ones against the entry page.
    Goto(Template),
    /// Presses the main button on an element, as a person would.
    Click(Locator),
    /// Focuses, sets the value and sends `input` and `change`.
    Fill {
        /// The field.
        field: Locator,
        /// The value.
        with: Template,
    },
    /// Focuses and presses one key after the other.
    Type {
        /// The field.
        field: Locator,
        /// The keys.
        with: Template,
    },
    /// Chooses an option of a `<select>` by its label or value.
    Choose {
        /// The list.
        list: Locator,
        /// The option's label or value.
        option: Template,
    },
    /// Makes a checkbox or radio button checked.
    Tick(Locator),
    /// Makes a checkbox unchecked.
    Untick(Locator),
    /// Presses a key or a chord such as `Control+A`.
    Press(String),
    /// Moves the pointer onto an element.
    Hover(Locator),
    /// Brings an element into view.
    Scroll(Locator),
    /// Puts a file into a file field (also a hidden one behind a styled button).
    Upload {
        /// The file field.
        field: Locator,
        /// A file below the configuration's folder.
        file: PathBuf,
    },
    /// Clicks and expects a file.
    Download {
        /// What to click.
        link: Locator,
        /// What the file must be.
        expect: FileExpectation,
    },
    /// Continues inside an `<iframe>`; [`None`] goes back to the page.
    Frame(Option<Locator>),
    /// Continues on another page that the journey opened.
    Page(PageChoice),
    /// Says how the next dialogs are answered.
    Dialog(DialogAnswer),
    /// Waits until something holds.
    Wait(Check),
    /// Keeps a text of the page in a variable.
    Read {
        /// The element.
        from: Locator,
        /// The variable.
        into: String,
        /// An attribute instead of the text.
        attribute: Option<String>,
    },
    /// Keeps a screenshot under a name.
    Shot(String),
}

/// Which page a journey continues on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageChoice {
    /// The first page of the journey.
    First,
    /// The newest page.
    Latest,
    /// The page whose title or address contains the text.
    Matching(Template),
    /// Closes the present page and goes back to the one before it.
    Close,
}

/// How dialogs are answered. Without one, alerts are accepted and everything else dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogAnswer {
    /// Presses OK, with a text for a prompt.
    Accept(Option<Template>),
    /// Presses Cancel.
    Dismiss,
}

/// What a downloaded file must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileExpectation {
    /// A type by its usual ending (`pdf`, `docx`, `xlsx`, `zip`, `png` …), proven by its first bytes.
    pub kind: Option<String>,
    /// At least so many bytes.
    pub min_size: Option<u64>,
    /// Whether it has to open: a PDF with a trailer, a ZIP with a directory.
    pub opens: bool,
}

/// Something that must be true, with its own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What must be true.
    pub check: Check,
    /// Time for it; the rest of the step's when absent.
    pub within: Option<Duration>,
    /// Where it stands.
    pub at: SourcePos,
}

/// What can be true of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The element is there and can be seen.
    Visible(Locator),
    /// The element is not there or cannot be seen.
    Hidden(Locator),
    /// The visible text of the page, or of an element, contains this.
    Text {
        /// What to find.
        text: TextMatch,
        /// The element; the whole page when absent.
        inside: Option<Locator>,
    },
    /// The visible text of the page, or of an element, does not contain this.
    NoText {
        /// What must not be found.
        text: TextMatch,
        /// The element; the whole page when absent.
        inside: Option<Locator>,
    },
    /// The title of the page.
    Title(TextMatch),
    /// The address of the page.
    Url(TextMatch),
    /// The HTTP status of the page, one of these.
    Status(Vec<u16>),
    /// So many elements.
    Count {
        /// The elements.
        of: Locator,
        /// How many.
        count: u32,
    },
    /// The value of a field.
    Value {
        /// The field.
        of: Locator,
        /// The value.
        value: TextMatch,
    },
    /// The element can be used.
    Enabled(Locator),
    /// The step downloaded such a file.
    Downloaded(FileExpectation),
    /// No script error and no `console.error` in this step.
    NoConsoleError,
}

/// "When this is seen, the step ended so."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRule {
    /// What is looked for.
    pub sign: Sign,
    /// What it means.
    pub outcome: Outcome,
    /// Where it stands.
    pub at: SourcePos,
}

/// What a `seen` rule looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// In the visible text or in a dialog's text.
    Text(TextMatch),
    /// An element that can be seen.
    Visible(Locator),
    /// In the address.
    Url(TextMatch),
    /// In the title.
    Title(TextMatch),
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            id: ScenarioId::new(""),
            title: String::new(),
            channel: Channel::default(),
            scored: true,
            deadline: Duration::from_mins(3),
            vars: Vars::new(),
            allow: Vec::new(),
            authors: Vec::new(),
            secrets: Vec::new(),
            keep: Vec::new(),
            screen: None,
            steps: Vec::new(),
            file: PathBuf::new(),
            hash: String::new(),
        }
    }
}
