//! Printing: to people with colours on a terminal only, to programs as JSON.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::domain::observation::GateFact;
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, StepRecord};
use crate::domain::verdict::Verdict;
use crate::runner::{Event, Watch};

use super::load::Fault;
use super::waterfall;

/// Writes a line to stdout. A reader that went away is no fault of ours.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a line to stderr.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a value as JSON to stdout.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => note(&format!("error: could not write JSON: {error}")),
    }
}

/// Says on stderr what went wrong.
pub(super) fn complain(fault: &Fault) {
    let text = match fault {
        Fault::Plan(faults) => faults.render(colours(&std::io::stderr())),
        other => {
            let mut text = format!("error: {other}");
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                text.push_str("\n  because: ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            if let Some(hint) = other.hint() {
                text.push_str("\nhint: ");
                text.push_str(hint);
            }
            text
        }
    };
    note(text.trim_end());
}

/// An error with its causes, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A number of bytes for people.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

/// What is logged when nobody says otherwise. A portal's bad certificate is a fact of its record and
/// no error of this program, which is what the verifier takes it for.
pub(super) fn filter(least: &str) -> EnvFilter {
    EnvFilter::new(format!("{least},rustls_platform_verifier=off"))
}

/// Warnings of the rooms below go to stderr, plain, so that nothing fails silently.
pub(super) fn log_to_stderr(least: &str) {
    let filter = EnvFilter::try_from_env("SHOPPER_LOG").unwrap_or_else(|_| filter(least));
    let colour = colours(&std::io::stderr());
    let made = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .without_time()
        .try_init();
    // There is one already: a test, or a program that uses us as a library.
    drop(made);
}

/// Whether colours are wanted: on a terminal, unless `NO_COLOR` is set.
pub(super) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text from a portal made safe for a terminal: no escape sequences, no line breaks, no marks that
/// turn the writing direction.
pub(super) fn tame(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| if c.is_control() || turns(c) { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Prints a walk as it happens.
pub(super) struct Narrator {
    colour: bool,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self { colour: colours(&std::io::stdout()) }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn mark(&self, outcome: Outcome) -> String {
        match outcome.credit().points() {
            Some(100) => self.paint("32", "✓"),
            Some(1..) => self.paint("33", "◐"),
            Some(0) => self.paint("31", "✗"),
            None => self.paint("36", "?"),
        }
    }

    fn name(&self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "32;1",
            Verdict::Degraded => "33;1",
            Verdict::Fail => "31;1",
            Verdict::Inconclusive => "36;1",
        };
        self.paint(code, verdict.name())
    }

    /// The verdict with its reason, in one line.
    pub(super) fn verdict(&self, run: &Run) -> String {
        format!("{} · {}", self.name(run.verdict), tame(&run.reason))
    }

    fn step(&self, step: &StepRecord) {
        let credit = step.credit.map_or(String::new(), |credit| format!(" · {credit} of 100"));
        let time = seconds(step.elapsed_ms);
        line(&format!("        {} {}{credit} · {time}", self.mark(step.outcome), step.outcome));
        if let Some(error) = &step.error {
            line(&format!("          {}", tame(error)));
        }
        let said = step.error.as_deref().unwrap_or_default();
        if let Some(phrase) = &step.facts.phrase
            && !said.contains(&phrase.context)
        {
            line(&format!("          the page says “{}”", tame(&phrase.context)));
        }
        for dialog in &step.facts.dialogs {
            line(&format!("          {}: “{}”", dialog.kind, tame(&dialog.text)));
        }
        for stopped in &step.facts.stopped {
            let fields = tame(&stopped.fields.join(", "));
            line(&format!(
                "          stopped by the guard: {} {} [{fields}]",
                tame(&stopped.method),
                tame(&stopped.url)
            ));
        }
        if let Some(gate) = &step.facts.gate {
            line(&format!("          {}", tame(&at_gate(gate))));
        }
        for download in &step.facts.downloads {
            line(&format!(
                "          downloaded {} ({} bytes, {})",
                tame(&download.name),
                download.size,
                download.kind
            ));
        }
    }

    fn ended(&self, run: &Run) {
        use std::fmt::Write;
        let own: u64 = run.steps.iter().map(|step| step.own_ms).sum();
        let all: u64 = run.steps.iter().map(|step| step.elapsed_ms).sum();
        // The step above has said already what went wrong.
        let why = match run.ending().filter(|step| step.error.is_some()) {
            Some(step) => format!("ended at “{}” as {}", tame(&step.name), step.outcome),
            None => tame(&run.reason),
        };
        let verdict = self.name(run.verdict);
        let mut time = format!("{} in all", seconds(run.elapsed_ms));
        // A visit is one request: nothing of it is ours.
        if run.visit.is_none() {
            let _ = write!(time, ", of which steps {} (our own share {})", seconds(all), seconds(own));
        }
        line(&format!("  {verdict} · {why} · {time}"));
        if let Some(visit) = &run.visit {
            // Without a terminal nobody says how wide it is; 80 columns suit everything.
            let width = comfy_table::Table::new().width().map_or(80, usize::from);
            line(waterfall::render(run, visit, width).trim_end());
        }
        if run.links_checked.is_some() {
            line(&super::crawl::table::render(run, None, super::crawl::table::width()));
        }
    }
}

impl Watch for Narrator {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Attempt { number: 1, .. } | Event::Crawled { .. } => {}
            Event::Attempt { number, because } => {
                line(&format!("  attempt {number}: {}", tame(because.unwrap_or("once more"))));
            }
            Event::Step { number, of, name } => line(&format!("  {number:>2}/{of}  {}", tame(name))),
            Event::StepEnded(step) => self.step(step),
            Event::Held => note("The browser stays open; press Ctrl-C to end."),
            Event::Ended(run) => self.ended(run),
        }
    }
}

/// What stood at the gate, in one line. What the page did not accept stands in the step's error.
fn at_gate(gate: &GateFact) -> String {
    use std::fmt::Write;
    let state = match gate.obstacle.as_str() {
        _ if gate.enabled => "can be pressed",
        "" => "could not be pressed",
        obstacle => obstacle,
    };
    let mut text = format!("at the gate: “{}” {state}", gate.button);
    if gate.validated > 0 {
        let wrong = gate.invalid.len() + gate.missing.len() + gate.pledges.len();
        let accepted = if wrong == 0 { "all accepted".to_owned() } else { format!("{wrong} not accepted") };
        let _ = write!(
            text,
            "; {} fields required, {} checked by the page, {accepted}",
            gate.required, gate.validated
        );
    }
    if gate.materials > 0 {
        let noun = if gate.materials == 1 { "material" } else { "materials" };
        let _ = write!(text, "; {} {noun} accepted", gate.materials);
    }
    if !gate.pledges.is_empty() {
        let _ = write!(text, "; left to tick: {}", gate.pledges.join(", "));
    }
    text
}

/// An instant as people read it, in their zone.
pub(super) fn instant(at: jiff::Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Milliseconds as people read them.
pub(super) fn seconds(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
        _ => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_is_told_in_one_line() {
        let ready = GateFact {
            button: "提交申请".to_owned(),
            enabled: true,
            required: 3,
            validated: 5,
            materials: 1,
            ..GateFact::default()
        };
        let cases = [
            (
                ready.clone(),
                "at the gate: “提交申请” can be pressed; 3 fields required, 5 checked by the page, all accepted; 1 material accepted",
            ),
            (
                GateFact { pledges: vec!["我已阅读".to_owned()], materials: 2, ..ready.clone() },
                "at the gate: “提交申请” can be pressed; 3 fields required, 5 checked by the page, 1 not accepted; 2 materials accepted; left to tick: 我已阅读",
            ),
            (
                GateFact {
                    enabled: false,
                    obstacle: "covered".to_owned(),
                    validated: 0,
                    materials: 0,
                    ..ready
                },
                "at the gate: “提交申请” covered",
            ),
        ];
        for (gate, want) in cases {
            assert_eq!(at_gate(&gate), want);
        }
    }
}
