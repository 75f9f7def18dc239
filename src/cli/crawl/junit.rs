//! A crawl for build servers: JUnit XML as Jenkins and GitLab read it.
//!
//! One suite for the run. A case for the entry page, one that stands for all links that work, one failure
//! for every link that does not, one skipped case for every link of which nothing is said. What is our
//! own fault is an error, not a failure.
//!
//! Invariant: whatever a portal wrote, the document stays well-formed.

use std::fmt::Write as _;
use std::io::Write;

use crate::domain::link::{LinkDoubt, LinkFault};
use crate::domain::run::Run;
use crate::domain::verdict::Verdict;

use super::memory::Changes;
use super::table::number;

/// Writes the document.
pub(super) fn write(out: &mut dyn Write, run: &Run, changes: &Changes) -> std::io::Result<()> {
    let doubts: &[LinkDoubt] = run.crawl.as_ref().map(|extent| extent.doubts.as_slice()).unwrap_or_default();
    let target = escape(run.target.as_str());
    let entry = entry(run, &target);
    let broken = run.link_faults.len() + usize::from(entry.contains("<failure"));
    let errors = usize::from(entry.contains("<error"));
    let tests = 2 + run.link_faults.len() + doubts.len();
    let counts = format!("tests=\"{tests}\" failures=\"{broken}\" errors=\"{errors}\"");
    let time = time(run.elapsed_ms);
    let started = run.started_at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"shopper crawl\" {counts} time=\"{time}\">")?;
    writeln!(
        out,
        "  <testsuite name=\"links of {target}\" {counts} skipped=\"{}\" time=\"{time}\" timestamp=\"{started}\" hostname=\"{}\">",
        doubts.len(),
        escape(&run.vantage),
    )?;
    writeln!(out, "{entry}")?;
    let checked = u64::from(run.links_checked.unwrap_or_default());
    let fine = checked.saturating_sub(run.link_faults.len() as u64);
    // Build servers know a case again by its name.
    writeln!(
        out,
        "    <testcase classname=\"{target}\" name=\"every other link\" time=\"0\">\n      <system-out>{} fine</system-out>\n    </testcase>",
        number(fine, "link"),
    )?;
    for fault in &run.link_faults {
        writeln!(out, "{}", failure(fault, changes, &target))?;
    }
    for doubt in doubts {
        writeln!(
            out,
            "    <testcase classname=\"{target}\" name=\"{}\" time=\"0\">\n      <skipped message=\"{}\"/>\n    </testcase>",
            escape(&doubt.url),
            escape(&format!("{}: {}", doubt.class.name(), doubt.detail)),
        )?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

/// The case of the page that the crawl began with.
fn entry(run: &Run, target: &str) -> String {
    let open = format!(
        "    <testcase classname=\"{target}\" name=\"the entry page\" time=\"{}\"",
        time(run.elapsed_ms)
    );
    let Some(step) = run.ending().filter(|_| run.verdict != Verdict::Pass) else {
        return format!("{open}/>");
    };
    let kind = if run.verdict == Verdict::Inconclusive { "error" } else { "failure" };
    let why = escape(step.error.as_deref().unwrap_or(&run.reason));
    format!("{open}>\n      <{kind} type=\"{}\" message=\"{why}\"/>\n    </testcase>", step.outcome)
}

fn failure(fault: &LinkFault, changes: &Changes, target: &str) -> String {
    let status = fault.status.map(|status| format!("{status} ")).unwrap_or_default();
    let home = if fault.on_home { ", home page among them" } else { "" };
    let mut text = String::new();
    let place = if fault.line == 0 { String::new() } else { format!(":{}:{}", fault.line, fault.column) };
    let _ = writeln!(text, "on {}{place}", fault.page);
    let _ =
        writeln!(text, "{}", format!("{} {} “{}”", fault.element, fault.attribute, fault.text).trim_start());
    let _ = writeln!(text, "on {}{home}", number(fault.pages.into(), "page"));
    let since = changes.still.get(&fault.id).map(|at| format!(" since {at}")).unwrap_or_default();
    let _ = writeln!(text, "{}{since}", changes.state(&fault.id));
    if !fault.detail.is_empty() {
        let _ = writeln!(text, "{}", fault.detail);
    }
    format!(
        "    <testcase classname=\"{target}\" name=\"{}\" time=\"0\">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
        escape(&fault.url),
        fault.class.name(),
        escape(&format!("{status}{} on {}", fault.class, fault.page)),
        escape(text.trim_end()),
    )
}

/// Seconds, as XML Schema writes decimals.
fn time(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text for an element or an attribute in double quotes. Characters that no XML may contain are written
/// as their pictures (`␛`), line breaks in a way that an attribute keeps.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' => safe.push_str("&#9;"),
            '\n' => safe.push_str("&#10;"),
            '\r' => safe.push_str("&#13;"),
            '\0'..='\u{1f}' => safe.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use crate::domain::outcome::Outcome;

    fn written(run: &Run) -> String {
        let mut out = Vec::new();
        write(&mut out, run, &Changes::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn faults_fail_doubts_are_skipped_and_the_rest_passes() {
        insta::assert_snapshot!(written(&sample()));
    }

    #[test]
    fn an_entry_page_that_did_not_come_is_a_failure_and_our_own_fault_an_error() {
        let mut run = sample();
        run.link_faults.clear();
        run.crawl = None;
        run.steps[0].outcome = Outcome::Unreachable;
        run.steps[0].error = Some("Nobody <listens>.".to_owned());
        run.verdict = Verdict::Fail;
        let text = written(&run);
        assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{text}");
        assert!(
            text.contains("<failure type=\"unreachable\" message=\"Nobody &lt;listens&gt;.\"/>"),
            "{text}"
        );
        run.steps[0].outcome = Outcome::ProbeFault;
        run.verdict = Verdict::Inconclusive;
        let text = written(&run);
        assert!(text.contains("failures=\"0\" errors=\"1\""), "{text}");
        assert!(text.contains("<error type=\"probe_fault\""), "{text}");
    }

    #[test]
    fn nothing_breaks_the_document() {
        let cases = [
            ("a&b<c>\"d\"", "a&amp;b&lt;c&gt;&quot;d&quot;"),
            ("]]>", "]]&gt;"),
            ("\u{1b}[31m\0", "␛[31m␀"),
            ("a\r\n\tb", "a&#13;&#10;&#9;b"),
            ("\u{fffe}\u{7f}", "\u{fffd}\u{fffd}"),
            ("办事", "办事"),
        ];
        for (text, want) in cases {
            assert_eq!(escape(text), want, "{text:?}");
        }
    }
}
