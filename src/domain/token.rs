//! Tokens in links: whoever holds the mail may take its incident upon himself, for a week.
//!
//! ```text
//! base64url( 1 │ expires_at, seconds, 8 bytes │ length, 1 byte │ incident │ recipient │ HMAC-SHA256, 32 bytes )
//! ```
//!
//! Invariant: a token is read only after its signature was found right, compared in constant time,
//! and each token has exactly one spelling. No clock and no chance: time and key are handed in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use url::Url;

use super::ids::IncidentId;
use super::notice::Recipient;

/// How long a link in a mail can be used.
pub const LASTS: Duration = Duration::from_hours(7 * 24);

/// The first byte of every token.
const VERSION: u8 = 1;
/// Bytes of a signature.
const SIGNATURE: usize = 32;
/// Bytes before the incident.
const HEAD: usize = 1 + 8 + 1;
/// No token of ours is longer than this, as text: an address has at most 254 bytes.
const LONGEST: usize = 800;

/// The key that signs tokens.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The HMAC over `parts`, of which each is preceded by its length, so that no two lists of parts
    /// are signed alike.
    fn sign(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // HMAC fills a key up to the hash's block with zeros.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The incident that may be taken.
    pub incident: IncidentId,
    /// Whom the mail was for.
    pub recipient: Recipient,
    /// Until when, to the second.
    pub expires_at: Timestamp,
}

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was never ours, or was changed on its way.
    #[error("take a token that we did not sign")]
    Altered,
    /// It is ours, and too old.
    #[error("take a token that has expired")]
    Expired {
        /// The incident that it was for.
        incident: IncidentId,
    },
}

/// The text of a token. An incident's id longer than 255 bytes, which no id of ours is, is cut.
pub fn seal(key: &Key, claim: &Claim) -> String {
    let incident = claim.incident.as_str().as_bytes();
    let length = u8::try_from(incident.len()).unwrap_or(u8::MAX);
    let mut bytes = vec![VERSION];
    bytes.extend(claim.expires_at.as_second().to_be_bytes());
    bytes.push(length);
    bytes.extend(incident.iter().take(length.into()));
    bytes.extend(claim.recipient.to_string().as_bytes());
    let signature = key.sign(&[b"link", &bytes]).finalize().into_bytes();
    bytes.extend(signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token.
pub fn open(key: &Key, token: &str, now: Timestamp) -> Result<Claim, Refused> {
    if token.len() > LONGEST {
        return Err(Refused::Altered);
    }
    // Padding and bits that do not count are refused: one token, one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refused::Altered)?;
    let at = bytes.len().checked_sub(SIGNATURE).ok_or(Refused::Altered)?;
    let (said, signature) = bytes.split_at(at);
    key.sign(&[b"link", said]).verify_slice(signature).map_err(|_| Refused::Altered)?;
    let claim = read(said).ok_or(Refused::Altered)?;
    if now > claim.expires_at { Err(Refused::Expired { incident: claim.incident }) } else { Ok(claim) }
}

fn read(said: &[u8]) -> Option<Claim> {
    let (head, rest) = said.split_at_checked(HEAD)?;
    let [version, seconds @ .., length] = head else { return None };
    let expires_at = Timestamp::from_second(i64::from_be_bytes(seconds.try_into().ok()?)).ok()?;
    let (incident, recipient) = rest.split_at_checked(usize::from(*length))?;
    let incident = IncidentId::new(std::str::from_utf8(incident).ok()?);
    let recipient = Recipient::from(std::str::from_utf8(recipient).ok()?);
    (*version == VERSION).then_some(Claim { incident, recipient, expires_at })
}

/// What a page writes into the form that belongs to a link: only who could open the page can send it.
pub fn form(key: &Key, token: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(&[b"form", token.as_bytes()]).finalize().into_bytes())
}

/// Whether `sent` is what the page of this link writes into its form.
pub fn is_form(key: &Key, token: &str, sent: &str) -> bool {
    let Ok(sent) = URL_SAFE_NO_PAD.decode(sent) else { return false };
    key.sign(&[b"form", token.as_bytes()]).verify_slice(&sent).is_ok()
}

/// The address by which `recipient` takes `incident` upon himself, on the pages that people reach at
/// `public`.
pub fn link(public: &Url, key: &Key, incident: &IncidentId, recipient: &Recipient, now: Timestamp) -> Url {
    let expires_at = now.saturating_add(LASTS).unwrap_or(Timestamp::MAX);
    let claim = Claim { incident: incident.clone(), recipient: recipient.clone(), expires_at };
    let mut url = public.clone();
    let path = format!("{}/ack/{}", public.path().trim_end_matches('/'), seal(key, &claim));
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests;
