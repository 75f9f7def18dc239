//! What one run says about facts that scoring asks for: whether TLS was valid, whether the page was made
//! for small screens, whether IPv6 answers, whether a critical barrier stands in it, whether files came
//! as what they say they are.
//!
//! Invariant: what was not looked at, and what our own network or machine kept us from seeing, is neither
//! yes nor no.

use crate::domain::observation::{DownloadFact, TransportClass};
use crate::domain::outcome::Outcome;
use crate::domain::profile::Source;
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::verdict::Verdict;
use crate::domain::visit::{FamilyFault, IpFamily, Visit};
use crate::filetype::{ATTACHMENTS, passes_for};
use crate::judge::links::Crawled;

/// How often a fact held, and how often it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) yes: u32,
    pub(super) no: u32,
}

/// The facts, in the order of their columns.
pub(super) const FACTS: [Source; 5] =
    [Source::Tls, Source::Viewport, Source::Ipv6, Source::Accessible, Source::Downloads];

/// What a run says about each of [`FACTS`].
pub(super) fn of(run: &Run) -> [Tally; FACTS.len()] {
    let mut tallies = [Tally::default(); FACTS.len()];
    // We did not see the portal, or something that stands before it.
    if run.verdict == Verdict::Inconclusive {
        return tallies;
    }
    let mut note = |fact: Source, holds: bool| {
        if let Some(place) = FACTS.iter().position(|known| *known == fact) {
            let tally = &mut tallies[place];
            if holds { tally.yes += 1 } else { tally.no += 1 }
        }
    };
    match run.kind {
        RunKind::Visit => {
            let Some(visit) = &run.visit else { return tallies };
            // An error page is not what the portal was made of.
            let opened = matches!(run.verdict, Verdict::Pass | Verdict::Degraded);
            let facts = [
                (Source::Tls, tls(visit)),
                (Source::Ipv6, ipv6(visit)),
                (Source::Viewport, visit.viewport.filter(|_| opened)),
                (Source::Accessible, visit.accessibility.as_ref().map(Vec::is_empty).filter(|_| opened)),
            ];
            for (fact, holds) in facts {
                if let Some(holds) = holds {
                    note(fact, holds);
                }
            }
        }
        // What is not scored is shown beside, and its files are no part of the score either.
        RunKind::Walk if run.scored => {
            for step in &run.steps {
                for file in &step.facts.downloads {
                    note(Source::Downloads, is_good(file, step));
                }
            }
        }
        RunKind::Walk | RunKind::Crawl => {}
    }
    tallies
}

/// Whether the page came over a connection that a browser trusts. One without TLS is not.
fn tls(visit: &Visit) -> Option<bool> {
    if visit.transport.as_ref().is_some_and(|transport| transport.class == TransportClass::Tls) {
        return Some(false);
    }
    visit.status?;
    let certificate = visit.hops.last().and_then(|hop| hop.certificate.as_ref());
    Some(visit.final_url.starts_with("https:") && certificate.is_none_or(|it| it.valid))
}

/// Whether the entry has an IPv6 address that answers.
fn ipv6(visit: &Visit) -> Option<bool> {
    if !visit.ipv6? {
        return Some(false);
    }
    let family = visit.families.iter().find(|family| family.family == IpFamily::Ipv6)?;
    match family.error {
        Some(FamilyFault::NoRoute | FamilyFault::Ours) => None,
        Some(FamilyFault::Refused | FamilyFault::Unreachable | FamilyFault::Timeout) => Some(false),
        None => family.connected,
    }
}

/// Whether a file is what its name says, opens, and is what the step wanted.
fn is_good(file: &DownloadFact, step: &StepRecord) -> bool {
    let claimed = file.name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let claimed = claimed.filter(|ending| ATTACHMENTS.contains(&ending.as_str()));
    file.opens
        && claimed.is_none_or(|ending| passes_for(&ending, &file.kind))
        // The judge calls a step broken whose file is not of the type that it wanted.
        && step.outcome != Outcome::Broken
}

/// A link check that went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    /// Broken links on the home page.
    pub(super) home: u32,
    /// Broken links on other pages only.
    pub(super) elsewhere: u32,
    /// How many links were checked.
    pub(super) links: u32,
}

/// What a link check says; nothing when it was cut short or did not come through the entry page.
pub(super) fn checked(run: &Run) -> Option<Checked> {
    let extent = run.crawl.as_ref().filter(|_| run.kind == RunKind::Crawl)?;
    if extent.cut_short.is_some() || !Crawled::of(run).entered {
        return None;
    }
    let home = run.link_faults.iter().filter(|fault| fault.on_home).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Checked {
        home: count(home),
        elsewhere: count(run.link_faults.len() - home),
        links: run.links_checked.unwrap_or(extent.links_known),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::{CrawlExtent, LinkClass, LinkFault};
    use crate::domain::observation::Transport;
    use crate::domain::visit::{AccessFault, Certificate, Family, Hop};

    fn visited(verdict: Verdict, visit: Visit) -> Run {
        let kind = RunKind::Visit;
        Run { kind, verdict, visit: Some(visit), ..super::super::tests::run("v", "首页") }
    }

    fn page() -> Visit {
        Visit {
            final_url: "https://city.example/".into(),
            status: Some(200),
            ipv6: Some(true),
            viewport: Some(true),
            accessibility: Some(Vec::new()),
            ..Visit::default()
        }
    }

    fn family(connected: Option<bool>, error: Option<FamilyFault>) -> Vec<Family> {
        let family = IpFamily::Ipv6;
        vec![Family { family, addresses: Vec::new(), used: false, connected, connect_ms: None, error }]
    }

    fn certificate(valid: bool) -> Vec<Hop> {
        let certificate = Certificate {
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            not_before: None,
            not_after: None,
            days_left: 9,
            key: String::new(),
            signature: String::new(),
            chain: 1,
            valid,
            faults: Vec::new(),
        };
        vec![Hop { certificate: Some(Box::new(certificate)), ..Hop::default() }]
    }

    #[test]
    fn visits_say_what_was_looked_at_and_nothing_else() {
        use Verdict::{Degraded, Fail, Inconclusive, Pass};
        let (yes, no) = (Some(true), Some(false));
        let transport = |class| Some(Transport { class, detail: String::new() });
        let barrier = vec![AccessFault { rule: "image-alt".into(), count: 3 }];
        // (what, run, TLS, viewport, IPv6, accessible)
        let cases = [
            (
                "all is well",
                visited(Pass, Visit { families: family(yes, None), ..page() }),
                [yes, yes, yes, yes],
            ),
            (
                "our own fault",
                visited(Inconclusive, Visit { families: family(yes, None), ..page() }),
                [None; 4],
            ),
            (
                "no TLS",
                visited(Pass, Visit { final_url: "http://a.cn/".into(), ipv6: no, ..page() }),
                [no, yes, no, yes],
            ),
            (
                "we have no way to IPv6",
                visited(Pass, Visit { families: family(None, Some(FamilyFault::NoRoute)), ..page() }),
                [yes, yes, None, yes],
            ),
            (
                "IPv6 does not answer",
                visited(Degraded, Visit { families: family(no, Some(FamilyFault::Timeout)), ..page() }),
                [yes, yes, no, yes],
            ),
            (
                "a certificate that browsers refuse",
                visited(
                    Fail,
                    Visit { status: None, transport: transport(TransportClass::Tls), ipv6: None, ..page() },
                ),
                [no, None, None, None],
            ),
            (
                "one that was refused and looked at all the same",
                visited(Pass, Visit { hops: certificate(false), families: family(yes, None), ..page() }),
                [no, yes, yes, yes],
            ),
            (
                "a good one",
                visited(Pass, Visit { hops: certificate(true), ipv6: None, ..page() }),
                [yes, yes, None, yes],
            ),
            (
                "nobody answers",
                visited(
                    Fail,
                    Visit { status: None, transport: transport(TransportClass::Refused), ipv6: no, ..page() },
                ),
                [None, None, no, None],
            ),
            (
                "an error page, which is not the portal's own",
                visited(Fail, Visit { status: Some(500), viewport: no, ipv6: None, ..page() }),
                [yes, None, None, None],
            ),
            (
                "a page that nobody read, and a barrier",
                visited(Pass, Visit { viewport: None, accessibility: Some(barrier), ipv6: None, ..page() }),
                [yes, None, None, no],
            ),
        ];
        for (what, run, want) in cases {
            let got = of(&run);
            let read = [got[0], got[1], got[2], got[3]].map(|tally| match (tally.yes, tally.no) {
                (0, 0) => None,
                (yes, no) => Some(yes == 1 && no == 0),
            });
            assert_eq!(read, want, "{what}");
            assert_eq!(got[4], Tally::default(), "{what}");
        }
    }

    #[test]
    fn files_count_as_what_they_claim_to_be() {
        // (name, kind, opens, outcome, good)
        let cases = [
            ("a.pdf", "pdf", true, Outcome::Done, true),
            ("A.DOC", "docx", true, Outcome::Done, true),
            ("a.doc", "html", true, Outcome::Done, false),
            ("a.pdf", "pdf", false, Outcome::Done, false),
            ("download", "pdf", true, Outcome::Done, true),
            ("a.pdf", "pdf", true, Outcome::Broken, false),
            ("a.pdf", "pdf", true, Outcome::LoginWall, true),
        ];
        for (name, kind, opens, outcome, good) in cases {
            let mut run = super::super::tests::run("w", "首页");
            (run.kind, run.verdict, run.steps[0].outcome) = (RunKind::Walk, Verdict::Pass, outcome);
            run.steps[0].facts.downloads = vec![DownloadFact {
                name: name.into(),
                url: String::new(),
                size: 9,
                kind: kind.into(),
                opens,
                sha256: String::new(),
            }];
            let want = Tally { yes: u32::from(good), no: u32::from(!good) };
            assert_eq!(of(&run)[4], want, "{name} is {kind}");
            run.scored = false;
            assert_eq!(of(&run)[4], Tally::default(), "not scored");
        }
    }

    #[test]
    fn only_link_checks_that_went_through_count() {
        let fault = |on_home| LinkFault { on_home, ..LinkFault::new("http://a.cn/x", LinkClass::NotFound) };
        let crawl = |verdict, outcome, extent| {
            let mut run = super::super::tests::run("c", "首页");
            (run.kind, run.verdict, run.crawl, run.links_checked) =
                (RunKind::Crawl, verdict, extent, Some(70));
            run.steps[0].outcome = outcome;
            run.link_faults = vec![fault(true), fault(false), fault(false)];
            run
        };
        let whole = || Some(CrawlExtent::default());
        let some = Some(Checked { home: 1, elsewhere: 2, links: 70 });
        let cut = Some(CrawlExtent { cut_short: Some("time is up".into()), ..CrawlExtent::default() });
        let over = Some(CrawlExtent { over_limit: Some(2), ..CrawlExtent::default() });
        let cases = [
            (crawl(Verdict::Degraded, Outcome::Done, whole()), some),
            (crawl(Verdict::Degraded, Outcome::Done, cut), None),
            (crawl(Verdict::Inconclusive, Outcome::ProbeFault, whole()), None),
            (crawl(Verdict::Fail, Outcome::ServerError, whole()), None),
            (crawl(Verdict::Fail, Outcome::Broken, over), some),
            // Of an earlier version: how far it went is not known.
            (crawl(Verdict::Pass, Outcome::Done, None), None),
        ];
        for (run, want) in cases {
            assert_eq!(checked(&run), want, "{:?} {:?}", run.verdict, run.crawl);
        }
        let visit = Run { kind: RunKind::Visit, ..crawl(Verdict::Pass, Outcome::Done, whole()) };
        assert_eq!(checked(&visit), None);
    }
}
