//! Webhooks: notices handed to another program by a POST.
//!
//! [`payload`] is what we say ourselves, [`alertmanager`] and [`robot`] what others want to hear,
//! `sign` proves that it was us, `send` is the one request. The words of a message are handed in: they
//! are those of the mails. The outbox, its retries and its record are not here: this room answers
//! *taken*, *try again* or *never*.
//!
//! Invariants: only the host that is named is asked, and no redirect is followed; a message is the
//! same on every try but for the instant of its signature; an address or a key is never quoted.

pub mod alertmanager;
pub mod payload;
pub mod robot;
mod send;
pub mod sign;
mod template;

use jiff::Timestamp;
use url::Url;

use crate::domain::notice::Notice;
use crate::plan::hook_template::HookText;

pub use send::{HookError, HookFailure, HookSettings, Sender, Taken};

/// A notice with its words.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What is told.
    pub notice: &'a Notice,
    /// The subject of its mail.
    pub title: &'a str,
    /// The plain text of its mail.
    pub text: &'a str,
    /// The page on which somebody says that he takes care of it.
    pub acknowledge: Option<&'a Url>,
}

/// What a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// Our own JSON.
    Generic,
    /// Alertmanager, API version 2.
    Alertmanager,
    /// WeCom group robots.
    WeCom,
    /// DingTalk group robots.
    DingTalk,
    /// Feishu group robots.
    Feishu,
    /// A template of the user's own.
    Own(HookText),
}

/// A body that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// JSON.
    pub json: String,
    /// What is added to the address.
    pub query: Vec<(&'static str, String)>,
    /// The header that proves that it was us.
    pub signature: Option<String>,
}

/// Builds what is sent at this instant.
pub fn body(template: &Template, message: &Message<'_>, secret: Option<&str>, now: Timestamp) -> Body {
    let mut query = Vec::new();
    let mut signature = None;
    let json = match template {
        Template::Generic => payload::Payload::of(message).json(),
        Template::Own(text) => template::fill(text, message),
        Template::Alertmanager => alertmanager::alerts(message),
        Template::WeCom => robot::wecom(message),
        Template::DingTalk => {
            if let Some(secret) = secret {
                query = sign::dingtalk(secret, now);
            }
            robot::dingtalk(message)
        }
        Template::Feishu => robot::feishu(message, secret.map(|secret| sign::feishu(secret, now))),
    };
    if let (Template::Generic | Template::Own(_), Some(secret)) = (template, secret) {
        signature = Some(sign::header(secret, now, &json));
    }
    Body { json, query, signature }
}

#[cfg(test)]
mod tests;
