//! The conversation with the SMTP server: one connection, one mail, one deadline.
//!
//! No pool: mails are rare, and a pooled connection that died in the meantime would cost a try.
//! The dialogue is led here, command by command, so that a failure names the moment at which it
//! came, and so that a server which hangs after its `250` does not turn a sent mail into a second
//! one.
//!
//! Invariant: with TLS or STARTTLS in the plan, nothing but `EHLO`, `STARTTLS` and `QUIT` is ever
//! said in clear.

use std::error::Error as _;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;

use crate::clock::Deadline;
use crate::domain::language::Language;
use crate::domain::notice::Outgoing;
use crate::plan::model::{SmtpSecurity, SmtpServer};

use super::dialogue::Dialogue;
use super::message::{Composed, Enclosed, compose};
use super::{MailError, clean};

/// How long to wait for the answer to `QUIT`; the mail is accepted by then.
const FAREWELL: Duration = Duration::from_secs(2);

/// How mails are sent.
#[derive(Clone)]
pub struct MailSettings {
    /// The server.
    pub server: SmtpServer,
    /// The password, when the server wants a login.
    pub password: Option<String>,
    /// The sender, as `Name <address>` or an address.
    pub from: String,
    /// The language of mails.
    pub language: Language,
    /// The time for one mail, from the first packet to the server's last answer.
    pub timeout: Duration,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = self.password.as_ref().map(|_| "***");
        f.debug_struct("MailSettings")
            .field("server", &self.server)
            .field("password", &password)
            .field("from", &self.from)
            .field("language", &self.language)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// The server took the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What it said, such as `2.0.0 Ok: queued as 4F2A`.
    pub answer: String,
}

/// The server did not take the mail. The text is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// It may be taken later: no connection, no answer in time, TLS trouble, a refused login, 4xx.
    #[error("{0}")]
    Retry(String),
    /// This mail will never be taken: 5xx to the sender, the recipient or the content.
    #[error("{0}")]
    Refused(String),
}

/// Sends mails.
#[derive(Debug)]
pub struct Mailer {
    settings: MailSettings,
    host: String,
    from: Mailbox,
    credentials: Option<Credentials>,
    tls: Option<Tls>,
}

/// TLS parameters; they have no `Debug` of their own.
struct Tls(TlsParameters);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// The moments of a conversation, as a failure names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Connecting,
    StartingTls,
    LoggingIn,
    NamingSender,
    NamingRecipient,
    SendingContent,
}

impl Mailer {
    /// Checks the settings and prepares TLS with the machine's own root certificates. Connects to
    /// nothing.
    pub fn new(settings: MailSettings) -> Result<Self, MailError> {
        Self::build(settings, None)
    }

    /// The same, and trusts further root certificates (PEM): for mail servers with a certificate
    /// of the house's own authority.
    pub fn with_root_certificates(settings: MailSettings, pem: &[u8]) -> Result<Self, MailError> {
        let roots = Certificate::from_pem(pem).map_err(MailError::Certificate)?;
        Self::build(settings, Some(roots))
    }

    fn build(settings: MailSettings, roots: Option<Certificate>) -> Result<Self, MailError> {
        let from = settings
            .from
            .parse()
            .map_err(|source| MailError::Sender { from: clean::line(&settings.from, 100), source })?;
        let credentials = match (&settings.server.user, &settings.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.clone())),
            (None, None) => None,
            (Some(user), None) => return Err(MailError::NoPassword { user: clean::line(user, 100) }),
            (None, Some(_)) => return Err(MailError::NoUser),
        };
        // An IPv6 address stands in brackets in a URL and without them everywhere else.
        let host = settings.server.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match settings.server.security {
            SmtpSecurity::Plain => None,
            SmtpSecurity::Tls | SmtpSecurity::StartTls => {
                let mut builder = TlsParameters::builder(host.clone());
                if let Some(roots) = roots {
                    builder = builder.add_root_certificate(roots);
                }
                Some(Tls(builder.build_rustls().map_err(MailError::Tls)?))
            }
        };
        Ok(Self { settings, host, from, credentials, tls })
    }

    /// The domain of the sender's address: the right side of Message-IDs.
    pub fn message_domain(&self) -> &str {
        self.from.email.domain()
    }

    /// The finished message as it would go to the server, before dots are doubled. Connects to nothing.
    ///
    /// # Errors
    /// [`SendFailure::Refused`] when this notice can never be a message.
    pub fn message(&self, item: &Outgoing, enclosed: Enclosed) -> Result<Vec<u8>, SendFailure> {
        Ok(self.compose(item, enclosed)?.bytes)
    }

    fn compose(&self, item: &Outgoing, enclosed: Enclosed) -> Result<Composed, SendFailure> {
        compose(item, &self.from, self.settings.language, enclosed)
            .map_err(|fault| SendFailure::Refused(format!("We could not {}.", chain(&fault))))
    }

    /// Sends one mail to one recipient, with its screenshot inline. Ends within the settings'
    /// `timeout`. A mail whose last answer was lost is tried again by the
    /// caller and arrives twice with one Message-ID.
    pub async fn send(&self, item: &Outgoing, enclosed: Enclosed) -> Result<Sent, SendFailure> {
        self.send_showing(item, enclosed, &Dialogue::default()).await
    }

    /// The same, and writes down what is said.
    pub async fn send_showing(
        &self,
        item: &Outgoing,
        enclosed: Enclosed,
        dialogue: &Dialogue,
    ) -> Result<Sent, SendFailure> {
        let mail = self.compose(item, enclosed)?;
        let deadline = Deadline::after(self.settings.timeout);
        let mut connection = self.connect(deadline, dialogue).await?;
        let sent = self.converse(&mut connection, &mail, deadline, dialogue).await;
        // The server's answer stands, whatever becomes of the farewell.
        let farewell = deadline.remaining().min(FAREWELL);
        dialogue.ours("QUIT");
        if let Ok(Ok(answer)) = Deadline::after(farewell).limit(connection.quit()).await {
            write_down(&answer, dialogue);
        }
        sent
    }

    /// Connects, secures the connection and logs in.
    async fn connect(
        &self,
        deadline: Deadline,
        dialogue: &Dialogue,
    ) -> Result<AsyncSmtpConnection, SendFailure> {
        let hello = ClientId::default();
        let security = self.settings.server.security;
        let tls = || self.tls.as_ref().map(|tls| tls.0.clone());
        let from_start = if security == SmtpSecurity::Tls { tls() } else { None };
        let address = (self.host.as_str(), self.settings.server.port);
        let how = if security == SmtpSecurity::Tls { "with TLS" } else { "in clear" };
        dialogue.note(&format!("connecting to {} {how}", self.place()));
        // Half of the time for each address of the name, so that a dead one leaves time for the next.
        let patience = Some(self.settings.timeout / 2);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, patience, &hello, from_start, None);
        let mut connection = self.moment(Moment::Connecting, deadline, dialogue, connecting).await?;
        dialogue.ours(&format!("EHLO {hello}"));
        dialogue.theirs(&connection.server_info().to_string());
        if security == SmtpSecurity::StartTls
            && let Some(parameters) = tls()
        {
            if !connection.can_starttls() {
                let _ = Deadline::after(deadline.remaining().min(FAREWELL)).limit(connection.quit()).await;
                return Err(SendFailure::Retry(format!(
                    "The mail server {} offers no STARTTLS, so nothing was sent: mail never goes out in clear.",
                    self.place()
                )));
            }
            dialogue.ours("STARTTLS");
            let upgrade = connection.starttls(parameters, &hello);
            self.moment(Moment::StartingTls, deadline, dialogue, upgrade).await?;
            dialogue.note("encrypted from here on");
            dialogue.ours(&format!("EHLO {hello}"));
            dialogue.theirs(&connection.server_info().to_string());
        }
        if security != SmtpSecurity::Plain && !connection.is_encrypted() {
            return Err(SendFailure::Retry(format!(
                "The connection to the mail server {} is not encrypted, so nothing was sent.",
                self.place()
            )));
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            if let Some(mechanism) = connection.server_info().get_auth_mechanism(&known) {
                dialogue.ours(&format!("AUTH {mechanism} ***"));
            }
            let login = connection.auth(&known, credentials);
            let answer = self.moment(Moment::LoggingIn, deadline, dialogue, login).await?;
            write_down(&answer, dialogue);
        }
        Ok(connection)
    }

    /// Hands the mail over.
    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Composed,
        deadline: Deadline,
        dialogue: &Dialogue,
    ) -> Result<Sent, SendFailure> {
        let mut options = Vec::new();
        let addresses = || mail.envelope.to().iter().chain(mail.envelope.from());
        if !addresses().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendFailure::Refused(format!(
                    "The mail server {} cannot deliver to addresses that are not ASCII.",
                    self.place()
                )));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(mail.envelope.from().cloned(), options);
        self.say(Moment::NamingSender, deadline, dialogue, connection, from).await?;
        for to in mail.envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            self.say(Moment::NamingRecipient, deadline, dialogue, connection, to).await?;
        }
        self.say(Moment::SendingContent, deadline, dialogue, connection, Data).await?;
        dialogue.note(&format!("{} bytes of mail", mail.bytes.len()));
        dialogue.ours(".");
        let content = connection.message(&mail.bytes);
        let answer = self.moment(Moment::SendingContent, deadline, dialogue, content).await?;
        write_down(&answer, dialogue);
        let words: Vec<&str> = answer.message().collect();
        Ok(Sent { answer: clean::line(&words.join(" "), 200) })
    }

    /// One command and its answer.
    async fn say(
        &self,
        moment: Moment,
        deadline: Deadline,
        dialogue: &Dialogue,
        connection: &mut AsyncSmtpConnection,
        command: impl std::fmt::Display,
    ) -> Result<(), SendFailure> {
        dialogue.ours(command.to_string().trim_end());
        let answer = self.moment(moment, deadline, dialogue, connection.command(command)).await?;
        write_down(&answer, dialogue);
        Ok(())
    }

    /// Waits for one exchange and puts its failure into words.
    async fn moment<T>(
        &self,
        moment: Moment,
        deadline: Deadline,
        dialogue: &Dialogue,
        exchange: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SendFailure> {
        let doing = match moment {
            Moment::Connecting => "on connecting",
            Moment::StartingTls => "on STARTTLS",
            Moment::LoggingIn => "on logging in",
            Moment::NamingSender => "to the sender",
            Moment::NamingRecipient => "to the recipient",
            Moment::SendingContent => "to the content",
        };
        let place = self.place();
        match deadline.limit(exchange).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let (text, code) = told(&error);
                let sentence = match code {
                    Some(code) => {
                        dialogue.theirs(&format!("{code} {text}"));
                        format!("The mail server {place} answered {code} {doing}: {text}")
                    }
                    None => format!("The mail server {place} failed {doing}: {text}"),
                };
                Err(if moment.judges_the_mail() && code.is_some_and(is_final) {
                    SendFailure::Refused(sentence)
                } else {
                    SendFailure::Retry(sentence)
                })
            }
            Err(_) => Err(SendFailure::Retry(format!(
                "The mail server {place} gave no answer {doing} within {} s.",
                self.settings.timeout.as_secs_f64()
            ))),
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.settings.server.host, self.settings.server.port)
    }
}

impl Moment {
    /// Whether a refusal is about this mail. One that comes earlier is about the connection or the
    /// login, and every mail waits until that is mended.
    fn judges_the_mail(self) -> bool {
        matches!(self, Self::NamingSender | Self::NamingRecipient | Self::SendingContent)
    }
}

/// Writes an answer down, line by line.
fn write_down(answer: &Response, dialogue: &Dialogue) {
    for line in answer.message() {
        dialogue.theirs(&format!("{} {line}", answer.code()));
    }
}

/// Whether a code is a refusal for good. 530, 534, 535 and 538 ask for another login: that is a
/// matter of configuration, not of this mail (RFC 4954, section 6).
fn is_final(code: u16) -> bool {
    (500..600).contains(&code) && !matches!(code, 530 | 534 | 535 | 538)
}

/// What went wrong, in the server's words or the network's, and the server's code.
fn told(error: &Error) -> (String, Option<u16>) {
    let code = error.status().map(u16::from);
    let mut text = error.source().map(ToString::to_string).unwrap_or_default();
    if text.is_empty() {
        text = error.to_string();
    }
    (clean::line(&text, 300), code)
}

/// A fault with its causes.
fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    clean::line(&text, 300)
}
