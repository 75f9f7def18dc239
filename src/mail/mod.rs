//! Mail: notices put into words and handed to an SMTP server.
//!
//! [`render()`] makes the words, `message` the MIME, `smtp` the conversation. The outbox, its retries
//! and its record are not here: this room answers *sent*, *try again* or *never*.
//!
//! Invariants: a mail's bytes depend on its notice alone, so a second try is the same mail with the
//! same Message-ID; nothing that a portal serves can add a header, a recipient or a tag; and
//! nothing goes out in clear unless the plan says so.

use std::path::PathBuf;

mod clean;
mod concern;
mod dialogue;
mod links;
mod many;
mod message;
mod ours;
mod pair;
mod picture;
mod render;
mod secret;
mod smtp;
mod waiting;
mod wording;

pub use dialogue::Dialogue;
pub use message::Enclosed;
pub use picture::{small_picture, thumbnail};
pub use render::{Extras, Picture, Rendered, content_id, render, render_with};
pub use secret::{environment, resolve_secret};
pub use smtp::{MailSettings, Mailer, SendFailure, Sent};

/// What pages say as mails do.
pub mod say {
    pub use super::clean::line;
    pub use super::wording::{Precision, instant, short, span};
}

/// Why mail cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is not a mail address.
    #[error("use `{from}` as the sender of mails: it is not a mail address")]
    Sender {
        /// What the configuration says.
        from: String,
        /// What is wrong with it.
        source: lettre::address::AddressError,
    },
    /// A user name without a password.
    #[error("log in to the mail server as `{user}` without a password: set `password` in [mail]")]
    NoPassword {
        /// The user name.
        user: String,
    },
    /// A password without a user name.
    #[error("use the mail password without a user name: write it as `smtps://user@host` in [mail]")]
    NoUser,
    /// TLS could not be prepared.
    #[error("prepare TLS for the mail server")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The additional root certificate is unusable.
    #[error("read the additional root certificate")]
    Certificate(#[source] lettre::transport::smtp::Error),
    /// A credential's name is not a plain file name.
    #[error("use `{name}` as the name of a credential: it must be a plain file name")]
    CredentialName {
        /// The name.
        name: String,
    },
    /// systemd did not hand in any credentials.
    #[error(
        "find the credential `{name}`: $CREDENTIALS_DIRECTORY is not set, which systemd does for units with LoadCredential="
    )]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The variable is not set.
    #[error("read the secret from the environment: ${name} is not set")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// The secret's file could not be read.
    #[error("read the secret in {}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The secret's path is no regular file.
    #[error("read the secret in {}: it is not a regular file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// Others can read the file.
    #[error("trust the secret in {}: others can read it (mode {mode:04o}); run `chmod 600` on it", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Empty, too long, several lines, or not text.
    #[error("use what stands in {place}: it holds no secret of one line")]
    NoSecret {
        /// The file or variable.
        place: String,
    },
}
