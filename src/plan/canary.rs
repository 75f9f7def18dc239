//! `[canary]`: what answers whenever we can see.
//!
//! Invariant: a canary is nobody's portal: one that stands on a target's host would fall silent
//! together with it, and its silence would excuse the very outage that it should tell apart.

use url::{Host, Url};

use super::alarm::CanaryPlan;
use super::diagnostic::Severity;
use super::table::{Fields, Item, Reader, Text};
use super::targets::{TargetDraft, web_address};
use crate::domain::target::TargetClass;

/// How many of each kind: two tell a site that is down from an uplink that is; more are a burden on
/// people who have nothing to do with us.
const MOST: usize = 4;

/// Reads the section. `targets` are those that it must not name.
pub(super) fn read(fields: &Fields<'_>, targets: &[TargetDraft]) -> CanaryPlan {
    let Some(fields) = fields.get("canary").and_then(|item| item.table("[canary]")) else {
        return CanaryPlan::default();
    };
    let names = fields.get("names").map(|item| several(&item, |text| name(text, targets)));
    let sites = fields.get("sites").map(|item| several(&item, |text| site(text, targets)));
    fields.finish();
    CanaryPlan { names: names.unwrap_or_default(), sites: sites.unwrap_or_default() }
}

/// Says that nothing will tell an outage of a live target from one of our own network.
pub(super) fn warn_blind(plan: &CanaryPlan, targets: &[TargetDraft], reader: Reader<'_>) {
    // Advice comes when everything else is well.
    let faulty = reader.out.borrow().iter().any(|known| known.severity == Severity::Error);
    if faulty || !plan.names.is_empty() || !plan.sites.is_empty() {
        return;
    }
    let live =
        targets.iter().find(|draft| draft.target.class == TargetClass::Live && !draft.target.is_loopback());
    if let Some(live) = live {
        reader.warn(
            live.span.clone(),
            "nothing tells an outage of this portal from one of our own network",
            "write [canary] with names = [\"example.com\"] and sites = [\"https://example.com/\"]: two that \
             are hardly ever down and have nothing to do with your targets"
                .to_owned(),
        );
    }
}

fn several<T>(item: &Item<'_>, read: impl Fn(&Text<'_>) -> Option<T>) -> Vec<T> {
    let texts = item.one_or_more().unwrap_or_default();
    if texts.len() > MOST {
        let hint = "two are enough: one may be down by itself".to_owned();
        item.error(format!("`{}` takes at most {MOST}", item.name), hint);
    }
    texts.iter().filter_map(read).collect()
}

fn name(text: &Text<'_>, targets: &[TargetDraft]) -> Option<String> {
    let lower = text.value.to_lowercase();
    match Host::parse(lower.trim_end_matches('.')) {
        Ok(Host::Domain(host)) if host.contains('.') => strange(text, &host, targets).then_some(host),
        _ => {
            let hint = "write a name such as \"example.com\"".to_owned();
            text.error(format!("`{}` is not a name that a resolver knows", text.value), hint);
            None
        }
    }
}

fn site(text: &Text<'_>, targets: &[TargetDraft]) -> Option<Url> {
    let url = web_address(text)?;
    strange(text, url.host_str()?, targets).then_some(url)
}

/// Whether no target has this host; it is said otherwise. What stands on this machine is told apart by
/// its port, which only test systems need.
fn strange(text: &Text<'_>, host: &str, targets: &[TargetDraft]) -> bool {
    let own = targets.iter().find(|draft| !draft.target.is_loopback() && draft.target.owns_host(host));
    if let Some(own) = own {
        let hint = "name something that does not fall silent together with it".to_owned();
        text.error(format!("`{host}` belongs to the target `{}`", own.target.id), hint);
    }
    own.is_none()
}
