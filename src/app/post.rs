//! The post office: every way by which people are told, set up from a plan.
//!
//! Invariant: whoever is told, is told by his own way alone; what is said is the same on all of them.

use std::time::Duration;

use url::Url;

use crate::clock::Clock;
use crate::domain::language::Language;
use crate::domain::notice::{Outgoing, Recipient};
use crate::files::DiskFiles;
use crate::mail::{self, Dialogue, Enclosed, Extras, MailSettings, Mailer, Picture};
use crate::plan::hook_template::HookText;
use crate::plan::{Files, Hook, HookTemplate, HookUrl, MailPlan, Plan};
use crate::scheduler::PostFailure;
use crate::webhook::{HookFailure, HookSettings, Message, Sender, Template};

use super::AppError;

/// Time for one conversation with the mail server.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);

/// Mail and webhooks.
#[derive(Debug)]
pub struct PostOffice {
    mailer: Option<Mailer>,
    hooks: Vec<Sender>,
    language: Language,
}

impl PostOffice {
    /// The ways of this plan; [`None`] when it has none. Connects to nothing.
    pub fn of(plan: &Plan, clock: &Clock) -> Result<Option<Self>, AppError> {
        let mailer = plan.mail.as_ref().map(|settings| mailer(settings, plan)).transpose()?;
        let hooks = plan.hooks.iter().map(|hook| sender(hook, plan, clock)).collect::<Result<Vec<_>, _>>()?;
        let any = mailer.is_some() || !hooks.is_empty();
        Ok(any.then_some(Self { mailer, hooks, language: plan.agent.language }))
    }

    /// The right side of Message-IDs.
    pub fn message_domain(&self) -> &str {
        self.mailer.as_ref().map_or("localhost", Mailer::message_domain)
    }

    /// Tells one recipient; what is said on both sides is written down.
    pub async fn send(
        &self,
        outgoing: &Outgoing,
        enclosed: Enclosed,
        dialogue: &Dialogue,
    ) -> Result<(), PostFailure> {
        match &outgoing.to {
            Recipient::Mail(_) => self.mail(outgoing, enclosed, dialogue).await,
            Recipient::Hook(name) => self.call(name, outgoing, enclosed.acknowledge.as_ref(), dialogue).await,
        }
    }

    async fn mail(
        &self,
        outgoing: &Outgoing,
        enclosed: Enclosed,
        dialogue: &Dialogue,
    ) -> Result<(), PostFailure> {
        let Some(mailer) = &self.mailer else {
            return Err(later("There is no [mail] in force; restart the agent with one.".to_owned()));
        };
        match mailer.send_showing(outgoing, enclosed, dialogue).await {
            Ok(_) => Ok(()),
            Err(mail::SendFailure::Retry(error)) => Err(later(error)),
            Err(mail::SendFailure::Refused(error)) => Err(PostFailure::Refused(error)),
        }
    }

    async fn call(
        &self,
        name: &str,
        outgoing: &Outgoing,
        acknowledge: Option<&Url>,
        dialogue: &Dialogue,
    ) -> Result<(), PostFailure> {
        let Some(hook) = self.hooks.iter().find(|hook| hook.name() == name) else {
            return Err(later(format!(
                "There is no [[webhook]] `{name}` in force; restart the agent with one."
            )));
        };
        let extras = Extras { picture: Picture::None, acknowledge };
        let words = mail::render_with(&outgoing.notice, self.language, extras);
        let message =
            Message { notice: &outgoing.notice, title: &words.subject, text: &words.text, acknowledge };
        let called = hook.send(&message).await;
        let said = called.as_ref().map_or_else(HookFailure::dialogue, |taken| &taken.dialogue);
        for line in said {
            dialogue.told(line);
        }
        match called {
            Ok(_) => Ok(()),
            Err(HookFailure::Retry { error, after, .. }) => Err(PostFailure::Retry { error, after }),
            Err(HookFailure::Refused { error, .. }) => Err(PostFailure::Refused(error)),
        }
    }
}

fn later(error: String) -> PostFailure {
    PostFailure::Retry { error, after: None }
}

/// The mail room for these settings.
pub fn mailer(settings: &MailPlan, plan: &Plan) -> Result<Mailer, AppError> {
    let password = settings
        .password
        .as_ref()
        .map(|secret| mail::resolve_secret(secret, &plan.root, mail::environment))
        .transpose()
        .map_err(AppError::Mail)?;
    Mailer::new(MailSettings {
        server: settings.smtp.clone(),
        password,
        from: settings.from.clone(),
        language: plan.agent.language,
        timeout: MAIL_TIMEOUT,
    })
    .map_err(AppError::Mail)
}

/// What calls this webhook.
pub fn sender(hook: &Hook, plan: &Plan, clock: &Clock) -> Result<Sender, AppError> {
    let name = || hook.name.clone();
    let secret = |secret| {
        let found = mail::resolve_secret(secret, &plan.root, mail::environment);
        found.map_err(|source| AppError::HookSecret { name: name(), source })
    };
    let url = match &hook.url {
        HookUrl::Plain(url) => url.clone(),
        HookUrl::Secret(place) => {
            let text = secret(place)?;
            let url = Url::parse(text.trim()).ok().filter(|url| {
                let near = crate::domain::target::is_loopback(url);
                url.scheme() == "https" || (url.scheme() == "http" && near)
            });
            url.ok_or_else(|| AppError::HookAddress { name: name() })?
        }
    };
    let template = match &hook.template {
        HookTemplate::Generic => Template::Generic,
        HookTemplate::Alertmanager => Template::Alertmanager,
        HookTemplate::WeCom => Template::WeCom,
        HookTemplate::DingTalk => Template::DingTalk,
        HookTemplate::Feishu => Template::Feishu,
        HookTemplate::File(path) => {
            // It was read with the plan, and may have been changed since.
            let text = DiskFiles::new(&plan.root).read(path).ok();
            let read = text.and_then(|text| HookText::parse(&text).ok());
            Template::Own(read.ok_or_else(|| AppError::HookTemplate { name: name(), path: path.clone() })?)
        }
    };
    let mut settings = HookSettings::new(name(), url, template);
    settings.secret = hook.secret.as_ref().map(secret).transpose()?;
    settings.contact.clone_from(&plan.agent.contact);
    Sender::new(settings, clock.clone()).map_err(|source| AppError::Hook { name: name(), source })
}
