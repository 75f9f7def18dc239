//! What can keep a command or the service from its work.

use std::path::PathBuf;

use crate::mail::MailError;
use crate::plan::Faults;
use crate::store::StoreError;

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
            Self::Mail(_) => Some("look at [mail] in the configuration, then try `shopper doctor`"),
            _ => None,
        }
    }
}
