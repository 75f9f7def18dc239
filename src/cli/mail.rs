//! `shopper mail test`: tells one person a test, at once, and shows what was said.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::{self, PostOffice};
use crate::clock::Clock;
use crate::domain::ids::NoticeId;
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Notice, NoticeKind, Outgoing, Recipient, TestFacts};
use crate::mail::{Dialogue, Enclosed};
use crate::plan::Plan;
use crate::scheduler::PostFailure;

use super::{Exit, Fault, Format, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct MailArgs {
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// Tell somebody a test by mail or webhook, and show what was said on both sides.
    Test(TestArgs),
}

#[derive(Debug, Args)]
struct TestArgs {
    /// Send a mail to this address.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "hook")]
    to: Option<String>,
    /// Call this webhook.
    #[arg(long, value_name = "NAME")]
    hook: Option<String>,
}

/// What came of it, for programs.
#[derive(Debug, Serialize)]
struct Tried {
    /// Whom.
    to: String,
    /// Whether the other side took it.
    taken: bool,
    /// Why not.
    error: Option<String>,
    /// What was said: `> ` ours, `< ` theirs, `* ` what happened besides.
    dialogue: Vec<String>,
}

pub(super) fn mail(global: &Global, args: &MailArgs) -> Result<Exit, Fault> {
    let MailCommand::Test(args) = &args.command;
    let plan = load::plan(global)?;
    let to = recipient(&plan, args)?;
    let clock = Clock::system();
    app::block_on(async move {
        let Some(office) = PostOffice::of(&plan, &clock)? else { return Err(nothing()) };
        let outgoing = test(&plan, to, office.message_domain(), &clock);
        let dialogue = Dialogue::default();
        let sent = office.send(&outgoing, Enclosed::default(), &dialogue).await;
        let tried = Tried {
            to: outgoing.to.to_string(),
            taken: sent.is_ok(),
            error: sent.as_ref().err().map(|failure| match failure {
                PostFailure::Retry { error, .. } | PostFailure::Refused(error) => error.clone(),
            }),
            dialogue: dialogue.lines(),
        };
        print(global, &tried, sent.as_ref().err());
        Ok(if tried.taken { Exit::Done } else { Exit::OwnFault })
    })
}

fn print(global: &Global, tried: &Tried, failure: Option<&PostFailure>) {
    if global.format == Format::Json {
        output::json(tried);
        return;
    }
    if !global.quiet {
        for line in &tried.dialogue {
            output::line(&output::tame(line));
        }
        output::line("");
    }
    let to = output::tame(&tried.to);
    let error = tried.error.as_deref().map(output::tame).unwrap_or_default();
    output::line(&match failure {
        None => format!("{to} was told: the other side took the test. Look whether it arrives."),
        Some(PostFailure::Retry { .. }) => {
            format!("{to} was not told for now; the daemon would try again in a minute.\n{error}")
        }
        Some(PostFailure::Refused(_)) => {
            format!("{to} was not told, and the daemon would give it up.\n{error}")
        }
    });
}

/// Whom: the one who is named, or the first of the first route.
fn recipient(plan: &Plan, args: &TestArgs) -> Result<Recipient, Fault> {
    if let Some(name) = &args.hook {
        let names = plan.hooks.iter().map(|hook| hook.name.as_str());
        if names.clone().any(|known| known == name) {
            return Ok(Recipient::Hook(name.clone()));
        }
        return Err(Fault::unknown("webhook", name, names));
    }
    if let Some(address) = &args.to {
        if plan.mail.is_none() {
            return Err(Fault::input(
                "the configuration has no [mail]",
                "add [mail], or try a webhook with --hook NAME",
            ));
        }
        let address = address.trim();
        if !crate::plan::is_mail_address(address) {
            return Err(Fault::input(
                format!("`{}` is not a mail address", output::tame(address)),
                "write --to oncall@example.org",
            ));
        }
        return Ok(Recipient::Mail(address.to_owned()));
    }
    let first = plan.routes.iter().flat_map(|route| &route.to).next();
    first.cloned().ok_or_else(nothing)
}

fn nothing() -> Fault {
    Fault::input(
        "nobody can be told: the configuration has neither a [[mail.route]] nor a [[webhook]]",
        "add [mail] and a route, or a [[webhook]]: see docs/mail.md",
    )
}

/// A test to one recipient.
fn test(plan: &Plan, to: Recipient, domain: &str, clock: &Clock) -> Outgoing {
    let now = clock.now();
    let id = uuid::Uuid::now_v7().to_string();
    let facts = TestFacts { vantage: plan.agent.name.clone(), timezone: plan.agent.timezone.clone() };
    let notice = Notice {
        message_id: format!("<{id}@{domain}>"),
        id: NoticeId::new(id),
        incident: None,
        kind: NoticeKind::Test,
        concern: Concern::Outage,
        severity: Severity::Info,
        created_at: now,
        in_reply_to: None,
        matter: Matter::Test(Box::new(facts)),
    };
    Outgoing { id: 0, notice, all: vec![to.clone()], to, attempts: 0, next_try_at: now }
}
