//! `shopper doctor`: is everything there that is needed?

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::app;
use crate::browser::{self, BrowserError, Doctor, Trial};
use crate::clock::Clock;
use crate::domain::engine::Engine;
use crate::domain::notice::{CanaryFact, Recipient};
use crate::domain::target::TargetClass;
use crate::plan::{Plan, WebDriver, counted};
use crate::runner::ask_canaries;
use crate::store::{Access, Space, Store};

use super::{Exit, Fault, Format, Global, lone, output};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Whether it works. With a hint all the same, it is a warning.
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

    /// It works, but not all of it, or not for long.
    fn warning(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { good: true, text: text.into(), hint: Some(hint.into()) }
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
            findings.extend(canaries(&plan).await);
            findings.push(data_folder(&plan).await);
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
    findings.extend(memory());
    // Asked from a shell, the answer is the shell's: the service says its own in the journal.
    findings.push(Finding::good(browser::way_of_ending(None)));
    if plan.walks_with(Engine::Firefox) {
        let (firefox, geckodriver) = browser::firefox(&settings).await;
        for (name, program) in [("Firefox", firefox), ("geckodriver", geckodriver)] {
            findings.push(match program {
                Ok((path, version)) => Finding::good(format!("{name} {version} ({})", path.display())),
                Err(error) => Finding::bad(output::with_causes(&error), FIREFOX),
            });
        }
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

/// Whether there is room for a browser; nothing when the system does not say.
fn memory() -> Option<Finding> {
    let free = browser::room(Path::new("/"))?;
    let (free, needed) = (free >> 20, browser::NEEDED >> 20);
    Some(if free < needed {
        Finding::bad(
            format!("{free} MiB of memory are free and a browser needs {needed} MiB"),
            "give the machine or the service (MemoryMax=, MemoryHigh=) more memory",
        )
    } else {
        Finding::good(format!("{free} MiB of memory are free; a browser needs {needed} MiB"))
    })
}

/// What files and versions cannot tell: a browser is started as for a live target.
async fn browser_trial(plan: &Plan) -> Option<Finding> {
    let settings = app::browser_settings(plan, false, std::env::temp_dir());
    if settings.remote.is_empty() && Doctor::examine(&settings).await.programs().is_err() {
        return None; // Said already.
    }
    Some(match browser::trial(&settings).await {
        Ok(Trial { browser, own_page: Some(fault), .. }) => Finding::bad(
            format!("{browser} opened an empty page, and not one of our own on this machine. {fault}"),
            "until then no failed walk is held against a portal: look what keeps it from loopback, such as a policy or a proxy for the whole system",
        ),
        Ok(trial) => Finding::good(format!(
            "{} opened a page in {:.1} s and obeys the filter that keeps anything from being submitted",
            trial.browser,
            trial.opened_in.as_secs_f64()
        )),
        Err(error @ BrowserError::Unguarded { .. }) => {
            let live = plan.targets.iter().any(|target| target.class == TargetClass::Live);
            let hint = "until then walks of live targets are inconclusive; test systems are walked as ever";
            let text = output::with_causes(&error);
            if live { Finding::bad(text, hint) } else { Finding::warning(text, hint) }
        }
        Err(error) => Finding::bad(output::with_causes(&error), "until then every walk is inconclusive"),
    })
}

/// What answers whenever we can see, asked once.
async fn canaries(plan: &Plan) -> Vec<Finding> {
    let facts = ask_canaries(&plan.canary, &plan.agent).await;
    if facts.is_empty() {
        return vec![Finding::good(
            "no [canary] besides our own page: nothing else tells our outage from a portal's",
        )];
    }
    facts.into_iter().map(canary).collect()
}

fn canary(fact: CanaryFact) -> Finding {
    let CanaryFact { asked, fault, elapsed_ms, .. } = fact;
    match fault {
        None => Finding::good(format!("canary {asked} answered in {:.1} s", elapsed_ms as f64 / 1000.0)),
        Some(fault) => Finding::bad(
            format!("canary {asked}: {fault}"),
            "look at this machine's network, or name another under [canary]: while none of a kind answers, no failed run is held against a portal",
        ),
    }
}

const FIREFOX: &str =
    "script/bootstrap installs both; until then walks with browser = \"firefox\" are inconclusive";

const INSTALL: &str =
    "apt-get install chromium chromium-driver (both of the same version), or script/bootstrap";

/// Whether the data folder takes records: it is really tried, because a database that is there
/// already opens on a full disk, too.
async fn data_folder(plan: &Plan) -> Finding {
    let folder = plan.agent.data_dir.display();
    let tried = match Store::open(&plan.agent.data_dir, Access::Command) {
        Ok(store) => store.can_record().await,
        Err(error) => Err(output::with_causes(&error)),
    };
    match tried {
        Ok(space) => room(&plan.agent.data_dir, space),
        Err(why) => Finding::bad(
            format!("data folder {folder}: could not {why}"),
            "set agent.data_dir to a folder of your own with free space",
        ),
    }
}

/// What the room on the disk of the data folder means.
fn room(folder: &Path, space: Space) -> Finding {
    let megabytes = output::megabytes(space.free);
    if space.is_short() {
        let reserve = output::megabytes(space.reserve);
        return Finding::warning(
            format!(
                "data folder {}: only {megabytes} are free, so that no evidence is kept",
                folder.display()
            ),
            format!("free some space: results and mails go on, screenshots are kept again above {reserve}"),
        );
    }
    Finding::good(format!("data folder {} can be written; {megabytes} are free", folder.display()))
}

/// Whether people can be told: everything but the other side is tried.
fn mail(plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    if plan.mail.is_none() && plan.hooks.is_empty() {
        findings.push(Finding::good("neither [mail] nor [[webhook]]: nobody is told about outages"));
    }
    if let Some(settings) = &plan.mail {
        findings.push(match app::mailer(settings, plan) {
            Ok(_) => Finding::good(format!(
                "mail goes through {}:{} to {}; `shopper mail test` tries it",
                settings.smtp.host,
                settings.smtp.port,
                counted(plan.routes.len(), "route")
            )),
            Err(error) => Finding::bad(output::with_causes(&error), "look at [mail] in the configuration"),
        });
    }
    for hook in &plan.hooks {
        findings.push(match app::sender(hook, plan, &Clock::system()) {
            Ok(_) => Finding::good(format!(
                "the webhook {} is set up; `shopper mail test --hook {}` tries it",
                hook.name, hook.name
            )),
            Err(error) => {
                Finding::bad(output::with_causes(&error), "look at [[webhook]] in the configuration")
            }
        });
    }
    findings.extend(one_way_out(plan));
    findings
}

/// Whether nobody is left to be told when the mail server is down. A good many small installations are
/// like that, so it is advice and no fault.
fn one_way_out(plan: &Plan) -> Option<Finding> {
    let at_once = plan.routes.iter().filter(|route| route.after.is_zero()).flat_map(|route| &route.to);
    let (mails, hooks): (Vec<_>, Vec<_>) = at_once.partition(|to| matches!(to, Recipient::Mail(_)));
    let (way, instead) = match (mails.len(), hooks.as_slice()) {
        (0, [first, rest @ ..]) if rest.iter().all(|hook| hook == first) => {
            (format!("the webhook {first}"), "[mail] or another [[webhook]]")
        }
        (1.., []) => ("one mail server".to_owned(), "a [[webhook]]"),
        _ => return None,
    };
    Some(Finding::warning(
        format!("all that is told at once goes through {way}: when that is down, nobody hears of outages"),
        format!("add {instead}, or a [mail.heartbeat] whose absence somebody notices"),
    ))
}

fn report(global: &Global, findings: &[Finding]) {
    if global.format == Format::Json {
        output::json(&findings);
        return;
    }
    for finding in findings {
        let word = match (finding.good, &finding.hint) {
            (true, None) if global.quiet => continue,
            (true, None) => "ok   ",
            (true, Some(_)) => "WARN ",
            (false, _) => "FAULT",
        };
        output::line(&format!("{word} {}", finding.text));
        if let Some(hint) = &finding.hint {
            output::line(&format!("      hint: {hint}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Route, RouteFilter};

    #[test]
    fn a_single_way_out_is_said() {
        let told = |routes: &[&str]| {
            let mut plan = lone::empty_plan();
            plan.routes = routes
                .iter()
                .map(|to| Route {
                    to: vec![(*to).into()],
                    when: RouteFilter::default(),
                    after: std::time::Duration::ZERO,
                    quiet: None,
                })
                .collect();
            one_way_out(&plan).map(|finding| finding.text)
        };
        assert_eq!(told(&[]), None);
        assert!(told(&["a@example.org", "b@example.org"]).unwrap().contains("through one mail server"));
        assert!(told(&["hook:ops", "hook:ops"]).unwrap().contains("through the webhook hook:ops"));
        assert_eq!(told(&["hook:ops", "hook:two"]), None);
        assert_eq!(told(&["a@example.org", "hook:ops"]), None);
    }

    #[test]
    fn short_room_is_a_warning() {
        let folder = Path::new("data");
        let enough = room(folder, Space { free: 5_000_000_000, reserve: 200_000_000 });
        assert!(enough.good && enough.hint.is_none(), "{enough:?}");
        let short = room(folder, Space { free: 12_345_678, reserve: 200_000_000 });
        assert!(short.good && short.text.contains("only 12 MB are free"), "{short:?}");
        assert!(short.hint.as_ref().is_some_and(|hint| hint.contains("200 MB")), "{short:?}");
    }
}
