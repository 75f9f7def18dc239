//! What can keep a command or the service from its work.

use std::path::PathBuf;

use crate::browser::BrowserError;
use crate::mail::MailError;
use crate::plan::Faults;
use crate::report::ReportError;
use crate::store::StoreError;
use crate::webhook::HookError;

/// Why a command or the service could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration file is not there.
    #[error("could not read the configuration `{}`", path.display())]
    NoConfig {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The configuration has faults.
    #[error("the configuration has faults")]
    Plan(Faults),
    /// The store could not be opened or written.
    #[error("could not use the data folder `{}`", folder.display())]
    Store {
        /// The data folder.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        source: StoreError,
    },
    /// The mail settings do not work.
    #[error("could not set up mail")]
    Mail(#[source] MailError),
    /// A secret of a webhook could not be had.
    #[error("could not set up the webhook `{name}`")]
    HookSecret {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: MailError,
    },
    /// What stands in the secret place is no address.
    #[error(
        "could not set up the webhook `{name}`: what stands in the place of its `url` is no https address"
    )]
    HookAddress {
        /// Its name.
        name: String,
    },
    /// Its template cannot be read any more.
    #[error("could not set up the webhook `{name}`: its template {} is not what `shopper check` would take", path.display())]
    HookTemplate {
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// TLS or HTTP could not be prepared.
    #[error("could not set up the webhook `{name}`")]
    Hook {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: HookError,
    },
    /// A folder or file of ours could not be made.
    #[error("could not use `{}`", path.display())]
    Folder {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The runtime could not be started.
    #[error("could not start the runtime")]
    Runtime(#[source] std::io::Error),
    /// Writing the output failed.
    #[error("could not write the output")]
    Output(#[source] std::io::Error),
    /// Something else has the address that was to be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A report could not be written.
    #[error("could not write the report")]
    Report(#[from] ReportError),
    /// A browser could not do it.
    #[error("could not print the report")]
    Browser(#[source] BrowserError),
    /// Something else of ours, said whole.
    #[error("{0}")]
    Other(String),
}

impl AppError {
    /// Whether the person at the keyboard can mend it by other input.
    pub fn is_input(&self) -> bool {
        matches!(self, Self::NoConfig { .. } | Self::Plan(_))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NoConfig { .. } => Some(
                "name it with --config FILE, or start with a copy of the bundled one: see docs/configuration.md",
            ),
            Self::Store { source: StoreError::Locked { .. }, .. } => {
                Some("stop the other one first, or give this one a data_dir of its own")
            }
            Self::Listen { .. } => {
                Some("stop what listens there, or name another port; port 0 takes a free one")
            }
            Self::HookSecret { .. }
            | Self::HookAddress { .. }
            | Self::HookTemplate { .. }
            | Self::Hook { .. } => {
                Some("look at [[webhook]] in the configuration, then try `shopper mail test --hook NAME`")
            }
            Self::Browser(_) => Some("`shopper doctor` looks for the browser; --format html needs none"),
            Self::Mail(_) => Some("look at [mail] in the configuration, then try `shopper doctor`"),
            _ => None,
        }
    }
}
