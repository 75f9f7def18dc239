//! A target that no configuration knows: an address on the command line.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::domain::place::Place;
use crate::domain::target::{Target, TargetClass};
use crate::domain::template::Vars;
use crate::plan::{Agent, BrowserPlan, Plan, WebPlan};

use super::{Fault, Global};

/// What the command line says about the address.
#[derive(Debug, Clone, Args)]
pub(super) struct LoneArgs {
    /// What the address is [default: live]: nothing is ever submitted to a live portal.
    #[arg(long, value_enum, value_name = "CLASS")]
    class: Option<Class>,
    /// How the people behind the address can reach you, such as mailto:you@example.org; sent in the User-Agent. A live portal needs it, unless the configuration has it.
    #[arg(long, value_name = "ADDRESS", value_parser = crate::plan::parse_contact)]
    contact: Option<String>,
}

/// What kind of site an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Class {
    /// A real portal.
    Live,
    /// A system on which submitting is allowed.
    Test,
}

impl LoneArgs {
    /// Whether anything was said that only makes sense for an address.
    pub(super) fn is_given(&self) -> bool {
        self.class.is_some() || self.contact.is_some()
    }

    /// The target, and a plan for it alone that keeps nothing.
    pub(super) fn target(&self, global: &Global, url: &url::Url) -> Result<(Plan, Target), Fault> {
        let mut plan = empty_plan();
        // A configuration at hand knows who we are; without one the command line says it.
        match crate::app::load(&global.config) {
            Ok(loaded) => {
                plan.agent = loaded.plan.agent;
                plan.browser = loaded.plan.browser;
                plan.lexicon = loaded.plan.lexicon;
            }
            Err(crate::app::AppError::NoConfig { .. }) => {}
            Err(_) => super::output::note(&format!(
                "warning: {} has faults and is not used; `shopper check` lists them",
                global.config.display()
            )),
        }
        if self.contact.is_some() {
            plan.agent.contact.clone_from(&self.contact);
        }
        let class = self.class.unwrap_or(Class::Live);
        if class == Class::Live && plan.agent.contact.is_none() {
            return Err(Fault::input(
                format!("`{url}` counts as a live portal, and a live portal must be able to reach you"),
                "add --contact mailto:you@example.org, or --class test if this is a system on which submitting is allowed",
            ));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let target = Target {
            id: TargetId::new(host.clone()),
            name: host,
            labels: BTreeMap::new(),
            entry: url.clone(),
            class: if class == Class::Test { TargetClass::Test } else { TargetClass::Live },
            vars: Vars::new(),
            secrets: Vec::new(),
            hosts: Vec::new(),
            marker: None,
            place: Place::default(),
            soft_404: class == Class::Test,
            assessed: None,
        };
        Ok((plan, target))
    }
}

/// A plan without targets and probes.
pub(super) fn empty_plan() -> Plan {
    Plan {
        root: std::path::PathBuf::new(),
        hash: String::new(),
        agent: Agent {
            name: "command-line".to_owned(),
            contact: None,
            timezone: "Asia/Shanghai".to_owned(),
            language: Language::default(),
            data_dir: std::path::PathBuf::new(),
        },
        browser: BrowserPlan::spawning(1),
        web: WebPlan::default(),
        mail: None,
        hooks: Vec::new(),
        routes: Vec::new(),
        maintenance: Vec::new(),
        canary: crate::plan::CanaryPlan::default(),
        keep: crate::plan::Keep::default(),
        alert: crate::domain::incident::AlertRules::default(),
        targets: Vec::new(),
        probes: Vec::new(),
        lexicon: std::sync::Arc::new(crate::plan::lexicon::built_in()),
    }
}
