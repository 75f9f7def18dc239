//! Who is told what, when and by what way, as types. `post.rs` and `maintenance.rs` read them.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use url::Url;

use crate::domain::ids::ProbeId;
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::Recipient;
use crate::domain::target::{Target, TargetClass};

use super::cron::Schedule;
use super::model::SecretRef;

/// Who is told what. Every route that takes a notice is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// At least one.
    pub to: Vec<Recipient>,
    /// Which notices.
    pub when: RouteFilter,
    /// Told only when an incident lasts so long and nobody took it upon himself: the next to be
    /// called. At once when zero.
    pub after: Duration,
    /// Hours at which less is told.
    pub quiet: Option<QuietHours>,
}

/// Which notices a route takes: those that fit every part that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFilter {
    /// Targets by id.
    pub targets: Vec<String>,
    /// Probes by id.
    pub probes: Vec<String>,
    /// Target labels by name, `region` among them.
    pub labels: Vec<(String, String)>,
    /// Classes of targets.
    pub classes: Vec<TargetClass>,
    /// What is wrong; anything when empty.
    pub concerns: Vec<Concern>,
    /// How bad it is. Only outages unless the route says so: nobody is told more by accident.
    pub severities: Vec<Severity>,
}

impl Default for RouteFilter {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            probes: Vec::new(),
            labels: Vec::new(),
            classes: Vec::new(),
            concerns: Vec::new(),
            severities: vec![Severity::Outage],
        }
    }
}

impl RouteFilter {
    /// Whether a notice about this probe and target goes this way. What is about ourselves goes every
    /// way that takes its severity and concern.
    pub fn takes(&self, about: Option<(&ProbeId, &Target)>, concern: Concern, severity: Severity) -> bool {
        let fits = |wanted: &[String], have: &str| wanted.is_empty() || wanted.iter().any(|w| w == have);
        let place = about.is_none_or(|(probe, target)| {
            fits(&self.targets, target.id.as_str())
                && fits(&self.probes, probe.as_str())
                && (self.classes.is_empty() || self.classes.contains(&target.class))
                && self.labels.iter().all(|(name, value)| target.labels.get(name) == Some(value))
        });
        place
            && (self.concerns.is_empty() || self.concerns.contains(&concern))
            && self.severities.contains(&severity)
    }
}

/// Hours of every day, in the agent's time zone, at which only what is bad enough is told; the rest
/// waits until they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// From this time on.
    pub from: Time,
    /// Until this time, on the next day when it is not later than `from`.
    pub until: Time,
    /// What is at least so bad is told all the same.
    pub unless: Severity,
}

/// `[[webhook]]`: another way to tell people, by a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name; notices are addressed to `hook:name`.
    pub name: String,
    /// Where to; whoever knows it may write there, so it may be a secret.
    pub url: HookUrl,
    /// What is sent.
    pub template: HookTemplate,
    /// The key with which what is sent is signed (HMAC-SHA256).
    pub secret: Option<SecretRef>,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookUrl {
    /// In clear.
    Plain(Url),
    /// In a secret place.
    Secret(SecretRef),
}

/// What a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookTemplate {
    /// Our own JSON, complete.
    Generic,
    /// Alertmanager, API version 2.
    Alertmanager,
    /// WeCom (企业微信) group robots.
    WeCom,
    /// DingTalk (钉钉) group robots.
    DingTalk,
    /// Feishu (飞书) group robots.
    Feishu,
    /// A template file of the user's own.
    File(PathBuf),
}

/// `[[mail.digest]]`: a day or a week in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct DigestPlan {
    /// Who is told.
    pub to: Vec<Recipient>,
    /// What it tells of.
    pub when: RouteFilter,
    /// When; it tells of the time since the last one.
    pub schedule: Schedule,
}

/// `[mail.heartbeat]`: a sign of life, so that its absence can be noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatPlan {
    /// Who is told.
    pub to: Vec<Recipient>,
    /// When.
    pub schedule: Schedule,
}

/// `[[maintenance]]`: a time at which nobody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// What it is called in mails.
    pub name: String,
    /// Targets and probes; the severities and concerns of this filter are not asked.
    pub what: RouteFilter,
    /// When.
    pub when: Window,
}

/// When something is.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// Once.
    Once {
        /// From.
        from: Timestamp,
        /// Until.
        until: Timestamp,
    },
    /// Again and again.
    Repeating {
        /// When it begins.
        schedule: Schedule,
        /// How long it takes.
        lasts: Duration,
    },
}

/// `[canary]`: what answers whenever we can see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CanaryPlan {
    /// Names that always resolve.
    pub names: Vec<String>,
    /// Unrelated sites that are hardly ever down.
    pub sites: Vec<Url>,
}
