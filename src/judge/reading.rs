//! Run → reading: what a run says about its portal, in the words of incidents.
//!
//! Invariant: what may be our own fault (an inconclusive run, a run whose canaries did not answer)
//! is silent about the portal.

use std::time::Duration;

use crate::domain::incident::Concern;
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::verdict::Verdict;

use super::doubt::blind;

/// What a run says about its portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All is well.
    Good,
    /// This is wrong.
    Bad(Concern),
    /// Nothing.
    Silent,
}

/// Reads a run of a probe whose journeys may take `slow`.
pub fn reading(run: &Run, slow: Option<Duration>) -> Reading {
    match run.verdict {
        Verdict::Fail | Verdict::Inconclusive if blind(&run.canaries).is_some() => Reading::Silent,
        Verdict::Fail if over_limit(run) => Reading::Bad(Concern::Links),
        Verdict::Fail => Reading::Bad(Concern::Outage),
        Verdict::Inconclusive if rotten(run).is_some() => Reading::Bad(Concern::ScriptRot),
        Verdict::Inconclusive => Reading::Silent,
        Verdict::Pass | Verdict::Degraded if slow.is_some_and(|slow| took(run) > slow) => {
            Reading::Bad(Concern::Slow)
        }
        Verdict::Pass | Verdict::Degraded => Reading::Good,
    }
}

/// How long the journey took: the visit, or the steps together.
pub fn took(run: &Run) -> Duration {
    let ms = match &run.visit {
        Some(visit) if run.kind == RunKind::Visit => visit.total_ms,
        _ => run.steps.iter().map(|step| step.elapsed_ms).sum(),
    };
    Duration::from_millis(ms)
}

/// The step at which a script no longer fits its page.
pub fn rotten(run: &Run) -> Option<&StepRecord> {
    run.steps.iter().find(|step| step.outcome == Outcome::ScriptRot)
}

/// Whether a link check failed by the number of its broken links alone. Each of them was asked for
/// twice, so one such run is proof enough.
fn over_limit(run: &Run) -> bool {
    run.kind == RunKind::Crawl && run.crawl.as_ref().is_some_and(|extent| extent.over_limit.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::CrawlExtent;
    use crate::domain::notice::Canary;
    use crate::domain::visit::Visit;
    use crate::judge::fixtures::{canary, run};

    #[test]
    fn a_run_is_read_by_its_verdict_its_canaries_and_its_time() {
        use Outcome::{Broken, Done, ProbeFault, ScriptRot};
        let slow = Some(Duration::from_millis(500));
        let with = |outcomes: &[Outcome], change: &dyn Fn(&mut Run)| {
            let mut run = run("r", outcomes);
            change(&mut run);
            run
        };
        let same: &dyn Fn(&mut Run) = &|_| {};
        let lost: &dyn Fn(&mut Run) = &|run| {
            run.canaries = vec![canary(Canary::Dns, Some("No answer.")), canary(Canary::Site, None)];
        };
        let one_of_two: &dyn Fn(&mut Run) = &|run| {
            run.canaries = vec![canary(Canary::Site, Some("Refused.")), canary(Canary::Site, None)];
        };
        let over: &dyn Fn(&mut Run) = &|run| {
            run.kind = RunKind::Crawl;
            run.crawl = Some(CrawlExtent { over_limit: Some(3), ..CrawlExtent::default() });
        };
        let dead_entry: &dyn Fn(&mut Run) = &|run| {
            run.kind = RunKind::Crawl;
            run.crawl = Some(CrawlExtent::default());
        };
        let late: &dyn Fn(&mut Run) = &|run| run.steps[0].elapsed_ms = 501;
        let late_visit: &dyn Fn(&mut Run) = &|run| {
            run.kind = RunKind::Visit;
            run.visit = Some(Visit { total_ms: 501, ..Visit::default() });
            run.steps[0].elapsed_ms = 1;
        };
        let cases: &[(&str, Run, Reading)] = &[
            ("a good run", with(&[Done], same), Reading::Good),
            ("a failed run", with(&[Done, Broken], same), Reading::Bad(Concern::Outage)),
            ("a failed run without names", with(&[Broken], lost), Reading::Silent),
            (
                "a failed run while one site of two is down",
                with(&[Broken], one_of_two),
                Reading::Bad(Concern::Outage),
            ),
            ("a good run says what it says", with(&[Done], lost), Reading::Good),
            ("too many broken links", with(&[Broken], over), Reading::Bad(Concern::Links)),
            ("a link check that found no entry", with(&[Broken], dead_entry), Reading::Bad(Concern::Outage)),
            ("a script that rots", with(&[Done, ScriptRot], same), Reading::Bad(Concern::ScriptRot)),
            ("a script that seems to rot, without names", with(&[ScriptRot], lost), Reading::Silent),
            ("our own fault", with(&[ProbeFault], same), Reading::Silent),
            ("a slow walk", with(&[Done], late), Reading::Bad(Concern::Slow)),
            ("a slow visit", with(&[Done], late_visit), Reading::Bad(Concern::Slow)),
            ("slow and broken is broken", with(&[Broken], late), Reading::Bad(Concern::Outage)),
        ];
        for (name, run, want) in cases {
            assert_eq!(reading(run, slow), *want, "{name}");
        }
        assert_eq!(reading(&with(&[Done], late), None), Reading::Good, "nobody says what is slow");
    }
}
