//! Reports, wired: scorecards, and what shows what was seen, become a dossier; a browser prints the page.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{AppError, Scored, browser_settings, workshop};
use crate::browser;
use crate::clock::Deadline;
use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::domain::profile::Profile;
use crate::plan::{Plan, Work};
use crate::report::{Agent, Dossier, Image, Shown};
use crate::store::{Access, CodingFilter, Store, StoreError};

/// Time for a browser to print a report: a minute is the aim, a busy machine gets more.
const PRINT: Duration = Duration::from_mins(5);

/// So many exhibits of a target are looked up; a report shows the newest of them.
const EXHIBITS: usize = 6;

/// Puts together what a report is made of. `evidence` are the targets whose pictures are wanted.
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
    let mut exhibits = BTreeMap::new();
    for target in evidence {
        let mut found = store.exhibits(period, target).await.map_err(fault)?;
        found.sort_by_key(|exhibit| std::cmp::Reverse(exhibit.at));
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

/// Prints a page that needs nothing from elsewhere.
///
/// # Errors
/// When there is no browser on this machine, or it does not print in time.
pub async fn pdf(plan: &Plan, html: &str) -> Result<Vec<u8>, AppError> {
    let temp = workshop::temp_folder()?;
    let settings = browser_settings(plan, false, temp.path().to_owned());
    browser::print(&settings, html, Deadline::after(PRINT)).await.map_err(AppError::Browser)
}
