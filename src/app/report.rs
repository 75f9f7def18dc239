//! Reports, wired: scorecards, and what shows what was seen, become a dossier; a browser prints the page.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{AppError, Scored, browser_settings, workshop};
use crate::browser;
use crate::clock::Deadline;
use crate::domain::coding::Coding;
use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::domain::profile::Profile;
use crate::mail::thumbnail;
use crate::plan::{Plan, Work};
use crate::report::{Agent, Dossier, Image, Proof, Shown, counting};
use crate::score::card::Scorecard;
use crate::store::{Access, CodingFilter, Store, StoreError};

/// Time for a browser to print a report: a minute is the aim, a busy machine gets more.
const PRINT: Duration = Duration::from_mins(5);

/// So many exhibits of a target are shown: the first in the order of the store, what cost points before all else.
const EXHIBITS: usize = 6;

/// So many files that people kept are shown of a target.
const PROOFS: usize = 12;

/// Puts together what a report is made of. `evidence` are the targets whose pictures and files are wanted.
///
/// # Errors
/// When the store cannot be read. A picture that is gone is left out.
pub async fn dossier(
    plan: &Plan,
    profile: Profile,
    scored: Scored,
    language: Language,
    evidence: &[TargetId],
) -> Result<Dossier, AppError> {
    let folder = &plan.agent.data_dir;
    let fault = |source: StoreError| AppError::Store { folder: folder.clone(), source };
    let store = Store::open(folder, Access::ReadOnly).map_err(fault)?;
    let period = &scored.assessment.period;
    let filter = CodingFilter { period: Some(period.clone()), ..CodingFilter::default() };
    let codings = store.codings(filter).await.map_err(fault)?;
    let (mut exhibits, mut proofs) = (BTreeMap::new(), BTreeMap::new());
    for target in evidence {
        let found = store.exhibits(period, target).await.map_err(fault)?;
        let mut shown = Vec::new();
        for exhibit in found.into_iter().take(EXHIBITS) {
            let picture = match &exhibit.picture {
                Some(hash) => store.read_evidence(hash).await.map_err(fault)?,
                None => None,
            };
            let picture = picture.map(|(bytes, mime)| Image { bytes, mime });
            shown.push(Shown { exhibit, picture });
        }
        exhibits.insert(target.clone(), shown);
        let card = scored.assessment.cards.iter().find(|card| card.target.id == *target);
        let kept = kept(&store, &profile, card, counting(&codings, target)).await.map_err(fault)?;
        proofs.insert(target.clone(), kept);
    }
    store.close().await;
    let titled = plan.probes.iter().filter_map(|probe| match &probe.work {
        Work::Walk(scenario) => Some((scenario.id.clone(), scenario.title.clone())),
        _ => None,
    });
    Ok(Dossier {
        profile,
        assessment: scored.assessment,
        analysis: scored.analysis,
        against: scored.against,
        exhibits,
        proofs,
        codings,
        scenarios: titled.collect(),
        made_at: scored.made_at,
        agent: Agent {
            name: plan.agent.name.clone(),
            version: scored.agent_version,
            contact: plan.agent.contact.clone(),
        },
        language,
    })
}

/// The files that people kept of what they coded about a target, as far as the profile asks for it: of what cost
/// most first, then the newest. A file that is gone is left out.
async fn kept(
    store: &Store,
    profile: &Profile,
    card: Option<&Scorecard>,
    mut codings: Vec<Coding>,
) -> Result<Vec<Proof>, StoreError> {
    let leaves = profile.leaves();
    let figure = |coding: &Coding| profile.figures.iter().any(|figure| figure.id == coding.indicator);
    codings.retain(|coding| leaves.contains_key(&coding.indicator) || figure(coding));
    let points = |coding: &Coding| {
        let node = card.and_then(|card| card.nodes.iter().find(|node| node.id == coding.indicator));
        node.and_then(|node| node.score).unwrap_or(100.0)
    };
    codings.sort_by(|a, b| points(a).total_cmp(&points(b)).then_with(|| b.at.cmp(&a.at)));
    let mut kept: Vec<Proof> = Vec::new();
    for coding in codings {
        let Some(hash) = coding.evidence else { continue };
        // Two coders may have kept the same file.
        if kept.iter().any(|known| known.hash == hash && known.indicator == coding.indicator) {
            continue;
        }
        let Some((bytes, mime)) = store.read_evidence(&hash).await? else { continue };
        // Small at once: photographs of many portals are more than a machine has room for.
        let picture = thumbnail(&bytes, &mime).map(|(bytes, mime)| Image { bytes, mime });
        let Coding { indicator, value, at, note, .. } = coding;
        kept.push(Proof { indicator, value, at, note, hash, mime, picture });
        if kept.len() == PROOFS {
            break;
        }
    }
    Ok(kept)
}

/// Prints a page that needs nothing from elsewhere.
///
/// # Errors
/// When there is no browser on this machine, or it does not print in time.
pub async fn pdf(plan: &Plan, html: &str) -> Result<Vec<u8>, AppError> {
    let temp = workshop::temp_folder()?;
    let settings = browser_settings(plan, false, temp.path().to_owned());
    browser::print(&settings, html, Deadline::after(PRINT)).await.map_err(AppError::Browser)
}
