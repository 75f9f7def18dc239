//! Targets: the portals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::TargetId;
use super::place::Place;
use super::template::Vars;

/// A portal.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its id.
    pub id: TargetId,
    /// Its name as people know it.
    pub name: String,
    /// Labels for choosing targets and routing mail; `region` is one of them.
    pub labels: BTreeMap<String, String>,
    /// The home page: an absolute http or https URL.
    pub entry: url::Url,
    /// Whether submitting is allowed there.
    pub class: TargetClass,
    /// Values for `{name}` in scenarios; stronger than the scenario's own.
    pub vars: Vars,
    /// Texts that are masked wherever they appear in what is kept: names of people, numbers of
    /// accounts made for testing.
    pub secrets: Vec<String>,
    /// Further hosts that belong to the portal and may be contacted (`*.example.org` covers
    /// every host below it). The entry's host always may.
    pub hosts: Vec<String>,
    /// Text that has to stand in the home page for it to count as usable.
    pub marker: Option<String>,
    /// Where its citizen sits.
    pub place: Place,
    /// Whether it may be asked for a page that cannot exist, to learn how it says that there is no
    /// such page.
    pub soft_404: bool,
    /// Who assessed the impact of probing this portal, and when; live targets need it.
    pub assessed: Option<Assessment>,
}

/// How much a target allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetClass {
    /// A real portal: nothing is ever submitted, manners are the strictest.
    #[default]
    Live,
    /// A system on which submitting is allowed.
    Test,
}

/// Who decided that a portal may be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The person or office.
    pub by: String,
    /// The day.
    pub on: jiff::civil::Date,
}

/// Words on buttons that submit, in lower case.
pub const SUBMITS: [&str; 8] =
    ["提交", "确认申报", "支付", "缴费", "发送验证码", "获取验证码", "submit", "pay now"];

/// The longest name of a button, in characters. Longer ones are the titles of links that happen to
/// have such a word in them: 关于优化企业开办提交材料的通知.
const LONGEST_BUTTON: usize = 18;

/// Whether a control of this name submits, as far as its name tells: such a control is looked for
/// and never pressed on a live target (method, section 5.1).
pub fn sounds_like_submitting(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    name.chars().count() <= LONGEST_BUTTON && SUBMITS.iter().any(|word| name.contains(word))
}

impl Target {
    /// The label `region`, if there is one.
    pub fn region(&self) -> Option<&str> {
        self.labels.get("region").map(String::as_str)
    }

    /// Whether `host` (as [`url::Url::host_str`] gives it) belongs to the portal.
    pub fn owns_host(&self, host: &str) -> bool {
        self.entry.host_str() == Some(host)
            || self.hosts.iter().any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => host == parent || host.ends_with(&format!(".{parent}")),
                None => host == pattern,
            })
    }

    /// Whether the portal itself stands on this machine, so that a page of it may call loopback.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.entry)
    }
}

/// Whether an address leads to this machine.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_that_submit_are_known_by_their_names() {
        let cases = [
            ("提交申请", true),
            (" 确认申报 ", true),
            ("立即支付", true),
            ("获取验证码", true),
            ("Submit application", true),
            ("Submit", true),
            ("在线办理", false),
            ("查询", false),
            ("关于优化企业开办提交材料有关事项的通知", false),
            ("", false),
        ];
        for (name, want) in cases {
            assert_eq!(sounds_like_submitting(name), want, "{name}");
        }
    }
}
