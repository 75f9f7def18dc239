//! Outcomes: how one step of a journey ended for the citizen, and what that is worth.
//!
//! The list is the method's (section 4), plus three that a walk needs: `done` for an ordinary step
//! that worked, `unreachable` for a server that gave no answer at all, and `not_reached` for steps
//! behind the one at which the journey ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares the outcomes with their names and credits in one place.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $credit:expr;)*) => {
        /// How a step ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Outcome {
            $($(#[$doc])* $variant,)*
        }

        impl Outcome {
            /// Every outcome, in the order of the method's table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in scenarios, lexicons, the database and JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the outcome is worth (method, section 4).
            pub fn credit(self) -> Credit {
                match self { $(Self::$variant => $credit,)* }
            }
        }
    };
}

/// What an outcome is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// Points of 100.
    Points(u8),
    /// Could not be observed: leaves the denominator and lowers coverage, never scores 0.
    Unobserved,
    /// Ours, not the portal's: leaves the denominator.
    Excluded,
}

use Credit::{Excluded, Points, Unobserved};

outcomes! {
    /// The step worked.
    Done "done" Points(100);
    /// The submit gate was reached; the button was seen and not pressed.
    OnlineReady "online_ready" Points(100);
    /// Only a pre-review or a booking is online.
    PreReviewOrBooking "pre_review_or_booking" Points(50);
    /// The same data has to be entered, or handed in on paper, a second time.
    DuplicateEntry "duplicate_entry" Points(50);
    /// Goes on in an app or a mini-programme only.
    AppOnly "app_only" Points(50);
    /// A guide to read, and nothing to do online.
    GuideOnly "guide_only" Points(25);
    /// Paper has to be mailed.
    MustMailPaper "must_mail_paper" Points(25);
    /// Somebody has to go to a window.
    MustGoToWindow "must_go_to_window" Points(0);
    /// Leads to another system, which was not followed further.
    ExternalSystem "external_system" Unobserved;
    /// A login stands in the way.
    LoginWall "login_wall" Unobserved;
    /// Another kind of account is wanted.
    AccountType "account_type" Unobserved;
    /// Real-name or face verification stands in the way.
    RealnameFace "realname_face" Unobserved;
    /// A captcha or a web application firewall: stop and cool down.
    CaptchaWaf "captcha_waf" Unobserved;
    /// The item is not found by searching.
    NotInSearch "not_in_search" Points(0);
    /// A dead page or link.
    Broken "broken" Points(0);
    /// Announced maintenance; 0 if it repeats.
    Maintenance "maintenance" Points(0);
    /// The server answered with its own fault; 0 if it repeats.
    ServerError "server_error" Points(0);
    /// No answer in time.
    Timeout "timeout" Points(0);
    /// No answer at all: name not found, refused, reset, TLS failed.
    Unreachable "unreachable" Points(0);
    /// The portal forgot the session; retried.
    SessionExpired "session_expired" Points(0);
    /// The page works, the script no longer fits it.
    ScriptRot "script_rot" Excluded;
    /// Our own guard refused: a submission, a foreign host, an identity.
    BlockedByPolicy "blocked_by_policy" Excluded;
    /// Our own fault: browser, disk, network, configuration.
    ProbeFault "probe_fault" Excluded;
    /// The journey ended at an earlier step.
    NotReached "not_reached" Unobserved;
}

impl Outcome {
    /// Finds an outcome by its [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }

    /// Whether a fresh attempt may change it: faults that pass by themselves.
    pub fn worth_a_retry(self) -> bool {
        matches!(
            self,
            Self::Maintenance
                | Self::ServerError
                | Self::Timeout
                | Self::Unreachable
                | Self::SessionExpired
                | Self::ProbeFault
        )
    }

    /// Whether the journey goes on after a step with this outcome.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Done | Self::OnlineReady)
    }
}

impl Credit {
    /// The points, when there are any.
    pub fn points(self) -> Option<u8> {
        match self {
            Points(points) => Some(points),
            Unobserved | Excluded => None,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
