//! Steps → verdict: what a whole run says about the portal.
//!
//! Invariant: our own faults, scripts that no longer fit and pages that keep us out never count
//! against a portal; what a citizen could not do because the portal failed always does.

use crate::domain::link::LinkFault;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::verdict::Verdict;

use super::links;

/// Whether an outcome means that the portal failed.
pub fn is_failure(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Broken
            | Outcome::ServerError
            | Outcome::Timeout
            | Outcome::Unreachable
            | Outcome::Maintenance
            | Outcome::SessionExpired
    )
}

/// Whether an outcome says nothing about the portal: ours, or we were kept out.
fn says_nothing(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ProbeFault | Outcome::ScriptRot | Outcome::BlockedByPolicy | Outcome::CaptchaWaf
    )
}

/// The step by which a portal failed, with its place from 0.
pub fn failing_step(steps: &[StepRecord]) -> Option<(usize, &StepRecord)> {
    steps.iter().enumerate().find(|(_, step)| is_failure(step.outcome))
}

/// The verdict of a walk or a visit, with one sentence for the log.
///
/// A failed step makes the run fail. Otherwise a step that says nothing makes it inconclusive,
/// an ending worth less than 100 points degrades it, and an ending that cannot be observed
/// further (a login, a face check, another system) passes: the walk went as far as a stranger
/// can go, so a recovery up to there is a recovery.
pub fn verdict(steps: &[StepRecord]) -> (Verdict, String) {
    if let Some((_, step)) = failing_step(steps) {
        return (Verdict::Fail, sentence(step));
    }
    if let Some(step) = steps.iter().find(|step| says_nothing(step.outcome)) {
        return (Verdict::Inconclusive, sentence(step));
    }
    match steps.iter().find(|step| !step.outcome.goes_on()) {
        None if steps.is_empty() => (Verdict::Inconclusive, "The run has no steps.".to_owned()),
        None if steps.len() == 1 => (Verdict::Pass, "The one step worked.".to_owned()),
        None => (Verdict::Pass, format!("All {} steps worked.", steps.len())),
        // On a live target a walk ends at the gate; what lies behind is not for us to press.
        Some(step) if ends_at_gate(steps) => {
            (Verdict::Pass, format!("Walked to the gate; `{}` lies behind it.", step.name))
        }
        // Nothing says why the journey stopped there.
        Some(step) if step.outcome == Outcome::NotReached => (Verdict::Inconclusive, sentence(step)),
        Some(step) => match step.outcome.credit().points() {
            Some(points) if points < 100 => (Verdict::Degraded, sentence(step)),
            _ => {
                let why = format!("Walked as far as can be observed: {}", sentence(step));
                (Verdict::Pass, why)
            }
        },
    }
}

/// Whether the last step that was walked is the gate.
fn ends_at_gate(steps: &[StepRecord]) -> bool {
    let walked = steps.iter().take_while(|step| step.outcome.goes_on()).last();
    walked.is_some_and(|step| step.outcome == Outcome::OnlineReady)
        && steps
            .iter()
            .skip_while(|step| step.outcome.goes_on())
            .all(|step| step.outcome == Outcome::NotReached)
}

/// The verdict of a link check: that of its step; failed when more links are broken than `limit`,
/// degraded when any are.
pub fn crawl_verdict(steps: &[StepRecord], faults: &[LinkFault], limit: Option<u32>) -> (Verdict, String) {
    match (verdict(steps), limit) {
        ((Verdict::Pass, _), Some(limit)) if faults.len() > limit as usize => {
            (Verdict::Fail, links::over(faults, limit))
        }
        ((Verdict::Pass, _), _) if !faults.is_empty() => {
            (Verdict::Degraded, format!("{}.", links::tally(faults)))
        }
        (other, _) => other,
    }
}

fn sentence(step: &StepRecord) -> String {
    match &step.error {
        Some(error) => format!("Step `{}` ended as {}: {error}", step.name, step.outcome),
        None => format!("Step `{}` ended as {}.", step.name, step.outcome),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::link::LinkClass;
    use crate::domain::observation::Facts;
    use crate::domain::scenario::Stage;

    pub(crate) fn step(name: &str, outcome: Outcome) -> StepRecord {
        StepRecord {
            name: name.into(),
            stage: Stage::Find,
            measure: Vec::new(),
            outcome,
            credit: outcome.credit().points(),
            elapsed_ms: 120,
            own_ms: 20,
            attempts: 1,
            evidence: Vec::new(),
            error: None,
            facts: Facts::default(),
        }
    }

    #[test]
    fn a_run_is_judged_by_its_steps() {
        use Outcome::*;
        use Verdict::*;
        let cases: &[(&str, &[Outcome], Verdict)] = &[
            ("nothing ran", &[], Inconclusive),
            ("all steps worked", &[Done, Done, Done], Pass),
            ("the gate was reached", &[Done, OnlineReady], Pass),
            ("what lies behind the gate is not pressed", &[Done, OnlineReady, NotReached, NotReached], Pass),
            ("a dead page fails the portal", &[Done, Broken, NotReached], Fail),
            ("an error of the server fails it", &[ServerError], Fail),
            ("too slow fails it", &[Timeout], Fail),
            ("no answer fails it", &[Unreachable, NotReached], Fail),
            ("maintenance fails it", &[Maintenance], Fail),
            ("a forgotten session fails it", &[Done, SessionExpired], Fail),
            ("a failure outranks our own fault", &[ProbeFault, Broken], Fail),
            ("our own fault says nothing", &[Done, ProbeFault, NotReached], Inconclusive),
            ("a script that does not fit says nothing", &[ScriptRot], Inconclusive),
            ("our guard says nothing", &[BlockedByPolicy], Inconclusive),
            ("a captcha keeps us out", &[Done, CaptchaWaf, NotReached], Inconclusive),
            ("a window degrades", &[Done, MustGoToWindow, NotReached], Degraded),
            ("a guide alone degrades", &[GuideOnly], Degraded),
            ("an app alone degrades", &[AppOnly], Degraded),
            ("mailing paper degrades", &[MustMailPaper], Degraded),
            ("a booking degrades", &[PreReviewOrBooking], Degraded),
            ("entering twice degrades", &[DuplicateEntry], Degraded),
            ("an item that is not found degrades", &[NotInSearch], Degraded),
            ("a login is as far as one can see", &[Done, LoginWall, NotReached], Pass),
            ("another account likewise", &[AccountType], Pass),
            ("a face check likewise", &[RealnameFace], Pass),
            ("another system likewise", &[ExternalSystem], Pass),
            ("steps that stop for no reason say nothing", &[Done, NotReached], Inconclusive),
        ];
        for (name, outcomes, want) in cases {
            let steps: Vec<_> = outcomes.iter().map(|o| step("step", *o)).collect();
            let (got, why) = verdict(&steps);
            assert_eq!(got, *want, "{name}");
            assert!(why.ends_with('.') && why.starts_with(char::is_uppercase), "{name}: {why}");
        }
        // No outcome is forgotten: each alone has a verdict in the table above.
        for outcome in Outcome::ALL {
            let named = cases.iter().any(|(_, outcomes, _)| outcomes.contains(outcome));
            assert!(named, "{outcome} stands in no case");
        }
    }

    #[test]
    fn a_crawl_is_judged_by_its_step_and_by_how_many_links_are_broken() {
        let fault = |n: usize| LinkFault {
            page: "http://a/".into(),
            status: Some(404),
            on_home: n == 0,
            ..LinkFault::new(format!("http://a/{n}"), LinkClass::NotFound)
        };
        let cases = [
            ("nothing is broken", Outcome::Done, 0, None, Verdict::Pass),
            ("nothing is broken and nothing may be", Outcome::Done, 0, Some(0), Verdict::Pass),
            ("broken links degrade", Outcome::Done, 1, None, Verdict::Degraded),
            ("as many as allowed degrade", Outcome::Done, 3, Some(3), Verdict::Degraded),
            ("one more fails", Outcome::Done, 4, Some(3), Verdict::Fail),
            ("a dead entry fails whatever is found", Outcome::Unreachable, 1, None, Verdict::Fail),
            ("a wall says nothing whatever is found", Outcome::CaptchaWaf, 9, Some(0), Verdict::Inconclusive),
            ("our own fault neither", Outcome::ProbeFault, 9, Some(0), Verdict::Inconclusive),
        ];
        for (name, outcome, broken, limit, want) in cases {
            let faults: Vec<_> = (0..broken).map(fault).collect();
            let (got, why) = crawl_verdict(&[step("links", outcome)], &faults, limit);
            assert_eq!(got, want, "{name}");
            assert!(why.ends_with('.'), "{name}: {why}");
        }
    }
}
