//! Doubts about a run that failed: whether we could see at all, and what was tried besides, in words.
//!
//! Canaries are facts: each says what was asked and what came. One of them may be down by itself, so it
//! is the *kind* that counts: we see while one name, one unrelated site and our own page answer.
//!
//! Invariant: what is told of a run here is told from its facts alone, and no canary accuses a portal.

use crate::domain::language::Language;
use crate::domain::notice::{Canary, CanaryFact};
use crate::domain::observation::TransportClass;
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::verdict::Verdict;
use crate::domain::visit::Visit;

use super::verdict::failing_step;

/// Whether these steps call for the canaries: the portal failed, or our own network did.
pub fn is_in_doubt(steps: &[StepRecord]) -> bool {
    failing_step(steps).is_some() || steps.iter().any(is_our_network)
}

/// Whether a step came to nothing for want of a network of ours.
pub fn is_our_network(step: &StepRecord) -> bool {
    step.outcome == Outcome::ProbeFault
        && step.facts.transport.as_ref().is_some_and(|lost| lost.class == TransportClass::Ours)
}

/// The first kind of canary of which not one answered: then we could not see, and the run says nothing
/// about the portal.
pub fn blind(canaries: &[CanaryFact]) -> Option<&CanaryFact> {
    [Canary::Browser, Canary::Dns, Canary::Site].into_iter().find_map(|kind| {
        let mut of_kind = canaries.iter().filter(|fact| fact.canary == kind);
        let first = of_kind.next()?;
        (first.fault.is_some() && of_kind.all(|fact| fact.fault.is_some())).then_some(first)
    })
}

/// The verdict of a run with these canaries: one that failed while we could not see says nothing.
pub fn verdict(verdict: Verdict, reason: String, canaries: &[CanaryFact]) -> (Verdict, String) {
    match blind(canaries) {
        Some(CanaryFact { asked, fault: Some(fault), .. }) if verdict == Verdict::Fail => {
            // What the run met stands in its steps.
            (Verdict::Inconclusive, format!("We could not see. {asked}: {fault}"))
        }
        _ => (verdict, reason),
    }
}

/// What was tried besides the run, as whole sentences for a mail.
pub fn tried(run: &Run, language: Language) -> Vec<String> {
    let raw = run.visit.as_ref().filter(|_| run.kind == RunKind::Walk).map(|visit| raw(visit, language));
    raw.into_iter().chain(run.canaries.iter().map(|fact| canary(fact, language))).collect()
}

/// The plain request beside a walk.
fn raw(visit: &Visit, language: Language) -> String {
    let seconds = seconds(visit.total_ms);
    let lost = visit.transport.as_ref();
    let why = lost.map_or("no answer", |lost| lost.detail.as_str());
    match (language, visit.status.filter(|_| lost.is_none())) {
        (Language::Chinese, Some(status)) => {
            format!("不用浏览器直接请求首页：{seconds} 秒内收到 HTTP {status}。")
        }
        (Language::English, Some(status)) => {
            format!("A plain request of the home page, without a browser, got HTTP {status} in {seconds} s.")
        }
        (Language::Chinese, None) => format!("不用浏览器直接请求首页同样失败（{seconds} 秒）：{why}。"),
        (Language::English, None) => {
            format!(
                "A plain request of the home page, without a browser, failed as well after {seconds} s: {why}."
            )
        }
    }
}

fn canary(fact: &CanaryFact, language: Language) -> String {
    let CanaryFact { canary, asked, fault, elapsed_ms } = fact;
    let (chinese, english) = match (canary, fault) {
        (Canary::Browser, None) => {
            ("同一浏览器打开本机页面正常", "Our own page in the same browser answered")
        }
        (Canary::Browser, Some(_)) => {
            ("同一浏览器打不开本机页面", "Our own page in the same browser did not answer")
        }
        (Canary::Dns, None) => ("域名 {} 可以解析", "The name {} resolves"),
        (Canary::Dns, Some(_)) => ("域名 {} 无法解析", "The name {} does not resolve"),
        (Canary::Site, None) => ("无关网站 {} 可以打开", "The unrelated site {} answers"),
        (Canary::Site, Some(_)) => ("无关网站 {} 打不开", "The unrelated site {} does not answer"),
    };
    let what = language.pick(chinese, english).replace("{}", asked);
    let seconds = seconds(*elapsed_ms);
    match (language, fault) {
        (Language::Chinese, None) => format!("{what}（{seconds} 秒）。"),
        (Language::English, None) => format!("{what} ({seconds} s)."),
        (Language::Chinese, Some(fault)) => format!("{what}：{fault}"),
        (Language::English, Some(fault)) => format!("{what}: {fault}"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1}", ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observation::{Facts, Transport};
    use crate::judge::verdict::tests::step;

    fn fact(canary: Canary, fault: Option<&str>) -> CanaryFact {
        CanaryFact {
            canary,
            asked: "example.org".to_owned(),
            fault: fault.map(str::to_owned),
            elapsed_ms: 340,
        }
    }

    #[test]
    fn we_are_blind_when_a_whole_kind_is_silent() {
        use Canary::{Browser, Dns, Site};
        let (good, bad) = (None, Some("No answer."));
        let cases: Vec<(&str, Vec<CanaryFact>, Option<Canary>)> = vec![
            ("nothing was asked", vec![], None),
            ("all is well", vec![fact(Browser, good), fact(Dns, good), fact(Site, good)], None),
            ("our own page does not open", vec![fact(Browser, bad), fact(Site, good)], Some(Browser)),
            ("one of two sites is down by itself", vec![fact(Site, bad), fact(Site, good)], None),
            ("both sites are silent", vec![fact(Dns, good), fact(Site, bad), fact(Site, bad)], Some(Site)),
            ("no name resolves", vec![fact(Dns, bad), fact(Site, good)], Some(Dns)),
            ("one name does", vec![fact(Dns, bad), fact(Dns, good)], None),
        ];
        for (name, canaries, want) in cases {
            assert_eq!(blind(&canaries).map(|fact| fact.canary), want, "{name}");
            let of = |given| verdict(given, "The home page ended as unreachable.".to_owned(), &canaries).0;
            let spared = if want.is_some() { Verdict::Inconclusive } else { Verdict::Fail };
            assert_eq!(of(Verdict::Fail), spared, "{name}");
            assert_eq!(of(Verdict::Pass), Verdict::Pass, "{name}");
        }
    }

    #[test]
    fn canaries_are_asked_when_somebody_failed() {
        let lost = |class| {
            let transport = Some(Transport { class, detail: String::new() });
            StepRecord { facts: Facts { transport, ..Facts::default() }, ..step("一", Outcome::ProbeFault) }
        };
        let cases = [
            ("all went well", step("一", Outcome::Done), false),
            ("the portal is down", step("一", Outcome::ServerError), true),
            ("nobody answers", step("一", Outcome::Unreachable), true),
            ("our network is gone", lost(TransportClass::Ours), true),
            ("another fault of ours", lost(TransportClass::Policy), false),
            ("the browser died", step("一", Outcome::ProbeFault), false),
            ("the script no longer fits", step("一", Outcome::ScriptRot), false),
        ];
        for (name, step, want) in cases {
            assert_eq!(is_in_doubt(&[step]), want, "{name}");
        }
    }

    #[test]
    fn what_was_tried_is_told_in_whole_sentences() {
        let up = Visit { status: Some(200), total_ms: 310, ..Visit::default() };
        let lost =
            Transport { class: TransportClass::Refused, detail: "the connection was refused".to_owned() };
        let down = Visit { transport: Some(lost), total_ms: 20, ..Visit::default() };
        assert_eq!(
            raw(&up, Language::English),
            "A plain request of the home page, without a browser, got HTTP 200 in 0.3 s."
        );
        assert_eq!(
            raw(&down, Language::Chinese),
            "不用浏览器直接请求首页同样失败（0.0 秒）：the connection was refused。"
        );
        assert_eq!(
            canary(&fact(Canary::Dns, None), Language::Chinese),
            "域名 example.org 可以解析（0.3 秒）。"
        );
        assert_eq!(
            canary(&fact(Canary::Site, Some("It gave no answer.")), Language::English),
            "The unrelated site example.org does not answer: It gave no answer."
        );
    }
}
