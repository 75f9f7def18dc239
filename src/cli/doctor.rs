//! `shopper doctor`: is everything there that is needed?

use clap::Args;
use serde::Serialize;

use crate::app;
use crate::browser::{self, Doctor};
use crate::plan::{Plan, WebDriver, counted};
use crate::store::{Access, Store};

use super::{Exit, Fault, Format, Global, lone, output};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Whether it is as it should be.
    pub(super) good: bool,
    /// What was found.
    pub(super) text: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Finding {
    fn good(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into(), hint: None }
    }

    fn bad(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { good: false, text: text.into(), hint: Some(hint.into()) }
    }
}

pub(super) fn doctor(global: &Global, _args: &DoctorArgs) -> Result<Exit, Fault> {
    let (plan, mut findings) = match app::load(&global.config) {
        Ok(loaded) => {
            let text = format!(
                "{}: {}, {}",
                global.config.display(),
                counted(loaded.plan.targets.len(), "target"),
                counted(loaded.plan.probes.len(), "probe")
            );
            (loaded.plan, vec![Finding::good(text)])
        }
        Err(error) => {
            let hint = match &error {
                app::AppError::Plan(_) => "run `shopper check`".to_owned(),
                other => other.hint().unwrap_or_default().to_owned(),
            };
            (lone::empty_plan(), vec![Finding::bad(output::with_causes(&error), hint)])
        }
    };
    let configured = findings.iter().all(|finding| finding.good);
    app::block_on(async {
        findings.extend(browser_findings(&plan).await);
        findings.extend(browser_trial(&plan).await);
        if configured {
            findings.push(data_folder(&plan));
            findings.extend(mail(&plan));
        }
        report(global, &findings);
        let sound = findings.iter().all(|finding| finding.good);
        Ok(match (configured, sound) {
            (false, _) => Exit::BadInput,
            (true, false) => Exit::OwnFault,
            (true, true) => Exit::Done,
        })
    })
}

/// What walks need.
pub(super) async fn browser_findings(plan: &Plan) -> Vec<Finding> {
    if let WebDriver::Remote(urls) = &plan.browser.webdriver {
        let mut findings = Vec::new();
        for url in urls {
            findings.push(match browser::ask_remote(url).await {
                Ok(text) => Finding::good(format!("{url}: {text}")),
                Err(error) => Finding::bad(
                    format!("{url}: {}", output::with_causes(&error)),
                    "start the WebDriver end point, or write webdriver = \"spawn\" for browsers of our own",
                ),
            });
        }
        return findings;
    }
    let settings = app::browser_settings(plan, false, std::env::temp_dir());
    let report = Doctor::examine(&settings).await;
    let mut findings = Vec::new();
    for (name, program) in [("Chromium", &report.chromium), ("chromedriver", &report.chromedriver)] {
        findings.push(match program {
            Ok((path, version)) => Finding::good(format!("{name} {version} ({})", path.display())),
            Err(error) => Finding::bad(output::with_causes(error), INSTALL),
        });
    }
    if let Some(mismatch) = &report.mismatch {
        findings.push(Finding::bad(output::with_causes(mismatch), INSTALL));
    }
    findings.push(match &report.chinese_fonts {
        Some(fonts) if fonts.is_empty() => Finding::bad(
            "No font with Chinese characters is installed: pictures would show empty boxes",
            "apt-get install fonts-noto-cjk",
        ),
        Some(fonts) => Finding::good(format!("{} fonts with Chinese characters", fonts.len())),
        None => Finding::bad(
            "Could not ask fc-list whether there are fonts with Chinese characters",
            "apt-get install fontconfig fonts-noto-cjk",
        ),
    });
    findings
}

/// What files and versions cannot tell: a browser is started as for a live target.
async fn browser_trial(plan: &Plan) -> Option<Finding> {
    let settings = app::browser_settings(plan, false, std::env::temp_dir());
    if settings.remote.is_empty() && Doctor::examine(&settings).await.programs().is_err() {
        return None; // Said already.
    }
    Some(match browser::trial(&settings).await {
        Ok(trial) => Finding::good(format!(
            "{} opened a page in {:.1} s and obeys the filter that keeps anything from being submitted",
            trial.browser,
            trial.opened_in.as_secs_f64()
        )),
        Err(error) => Finding::bad(output::with_causes(&error), "until then every walk is inconclusive"),
    })
}

const INSTALL: &str =
    "apt-get install chromium chromium-driver (both of the same version), or script/bootstrap";

fn data_folder(plan: &Plan) -> Finding {
    let folder = &plan.agent.data_dir;
    match Store::open(folder, Access::Command) {
        Ok(_) => Finding::good(format!("data folder {} can be written", folder.display())),
        Err(error) => Finding::bad(
            format!("data folder {}: {}", folder.display(), output::with_causes(&error)),
            "set agent.data_dir to a folder of your own with free space",
        ),
    }
}

fn mail(plan: &Plan) -> Vec<Finding> {
    let Some(settings) = &plan.mail else {
        return vec![Finding::good("no [mail]: nobody is told about outages")];
    };
    match app::mailer(settings, plan) {
        Ok(_) => vec![Finding::good(format!(
            "mail goes through {}:{} to {}",
            settings.smtp.host,
            settings.smtp.port,
            counted(settings.routes.len(), "route")
        ))],
        Err(error) => {
            vec![Finding::bad(output::with_causes(&error), "look at [mail] in the configuration")]
        }
    }
}

fn report(global: &Global, findings: &[Finding]) {
    if global.format == Format::Json {
        output::json(&findings);
        return;
    }
    for finding in findings {
        if finding.good && global.quiet {
            continue;
        }
        output::line(&format!("{} {}", if finding.good { "ok   " } else { "FAULT" }, finding.text));
        if let Some(hint) = &finding.hint {
            output::line(&format!("      hint: {hint}"));
        }
    }
}
