//! Signed heads: once a day, and when the daemon stops, the end of the chain is signed with a key
//! that was made at the first start, and written to the table `heads` and to `heads.jsonl` beside the
//! database. A line of that file that was sent elsewhere shows for ever what had been recorded.
//!
//! ```text
//! chain.key     the signing key (PKCS #8), for the daemon alone
//! chain.pub     every public key this folder ever had
//! heads.jsonl   a head a line
//! ```
//!
//! The keys are PEM as OpenSSL reads it; what is signed is [`Head::signed_text`].
//!
//! Invariant: the line is on the disk before the row. A signature is never made over what has not
//! been committed.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::newest;
use crate::store::error::StoreError;
use crate::store::evidence::sync_folder;
use crate::store::rows::micros;

const KEY: &str = "chain.key";
/// The public keys.
pub(in crate::store) const PUBLIC: &str = "chain.pub";
/// The heads.
pub(in crate::store) const FILE: &str = "heads.jsonl";

/// What stands before 32 bytes of a private key in PKCS #8 (RFC 8410), and before those of a public one.
const PRIVATE_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A signed end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Head {
    /// The UTC day.
    pub(in crate::store) day: String,
    /// The number of the entry.
    pub(in crate::store) seq: i64,
    /// Its link, as hex.
    pub(in crate::store) link: String,
    /// When it was signed.
    pub(in crate::store) signed_at: Timestamp,
    /// The signature, as hex.
    pub(in crate::store) signature: String,
    /// The public key, as hex.
    pub(in crate::store) key: String,
}

impl Head {
    /// What is signed.
    pub(in crate::store) fn signed_text(&self) -> String {
        let Self { day, seq, link, signed_at, .. } = self;
        format!("mystery-shopper head 1\n{day}\n{seq}\n{link}\n{}\n", micros(*signed_at))
    }

    /// Whether the signature is by the key that it names.
    pub(in crate::store) fn is_signed(&self) -> bool {
        let (Ok(key), Ok(signature)) = (hex::decode(&self.key), hex::decode(&self.signature)) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key).verify(self.signed_text().as_bytes(), &signature).is_ok()
    }

    /// Reads a row of the table.
    pub(in crate::store) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            day: row.get("day")?,
            seq: row.get("seq")?,
            link: hex::encode(row.get::<_, Vec<u8>>("link")?),
            signed_at: crate::store::rows::at(row, "signed_at")?,
            signature: hex::encode(row.get::<_, Vec<u8>>("signature")?),
            key: row.get("key")?,
        })
    }
}

/// The key that signs.
pub(in crate::store) struct Signer(Ed25519KeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.public()).finish()
    }
}

impl Signer {
    /// Reads the key of a data folder, or makes it.
    pub(in crate::store) fn of(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(KEY);
        let signer = match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(dir)?,
            Err(source) => return Err(StoreError::file("read", &path, source)),
        };
        // A kill between the two files leaves the second to be made later.
        let public = std::fs::read_to_string(dir.join(PUBLIC)).unwrap_or_default();
        if !public_keys(&public).contains(&signer.public()) {
            let text =
                public + &pem("PUBLIC KEY", &[&PUBLIC_PREFIX[..], signer.0.public_key().as_ref()].concat());
            write_whole(dir, PUBLIC, &text)?;
        }
        Ok(signer)
    }

    fn make(dir: &Path) -> Result<Self, StoreError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| broken("the system has no random numbers"))?;
        let text = pem("PRIVATE KEY", &[&PRIVATE_PREFIX[..], &seed].concat());
        let signer = Self::parse(&text)?;
        write_whole(dir, KEY, &text)?;
        Ok(signer)
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let bytes = parse_pem(text, "PRIVATE KEY").into_iter().next();
        let bytes = bytes.ok_or_else(|| broken("there is none in the file"))?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map(Self)
            .map_err(|error| broken(error.to_string()))
    }

    /// The public key, as hex.
    pub(in crate::store) fn public(&self) -> String {
        hex::encode(self.0.public_key().as_ref())
    }

    /// Signs the end of the chain, unless it is signed already.
    pub(in crate::store) fn sign(
        &self,
        connection: &Connection,
        dir: &Path,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((seq, link)) = newest(connection)? else { return Ok(()) };
        let mut known = connection.prepare_cached("SELECT 1 FROM heads WHERE seq = ?1")?;
        if known.exists([seq])? {
            return Ok(());
        }
        let mut head = Head {
            day: day(now),
            seq,
            link: hex::encode(link),
            signed_at: now,
            signature: String::new(),
            key: self.public(),
        };
        let signature = self.0.sign(head.signed_text().as_bytes());
        head.signature = hex::encode(signature.as_ref());
        let text = serde_json::to_string(&head).map_err(|error| StoreError::unwritable("a head", error))?;
        append_line(dir, &text)?;
        connection.execute(
            "INSERT INTO heads (seq, day, link, signed_at, signature, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![seq, head.day, link, micros(now), signature.as_ref(), head.key],
        )?;
        Ok(())
    }
}

/// The UTC day of an instant.
pub(in crate::store) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// The day of the newest head.
pub(in crate::store) fn newest_day(connection: &Connection) -> Result<Option<String>, StoreError> {
    let mut found = connection.prepare_cached("SELECT day FROM heads ORDER BY seq DESC LIMIT 1")?;
    Ok(found.query_row([], |row| row.get(0)).optional()?)
}

/// The public keys in a text of PEM blocks, as hex.
pub(in crate::store) fn public_keys(text: &str) -> Vec<String> {
    let keys = parse_pem(text, "PUBLIC KEY");
    keys.iter().filter_map(|bytes| bytes.strip_prefix(&PUBLIC_PREFIX[..])).map(hex::encode).collect()
}

fn pem(what: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(bytes))
}

fn parse_pem(text: &str, what: &str) -> Vec<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {what}-----"), format!("-----END {what}-----"));
    let blocks = text.split(&begin).skip(1).filter_map(|block| block.split_once(&end));
    blocks.filter_map(|(body, _)| STANDARD.decode(body.split_whitespace().collect::<String>()).ok()).collect()
}

fn broken(why: impl Into<String>) -> StoreError {
    StoreError::unreadable("the signing key", why.into())
}

/// Writes a file so that it is there whole or not at all.
pub(in crate::store) fn write_whole(dir: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    let (path, temporary) = (dir.join(name), dir.join(format!(".{name}.part")));
    let written = std::fs::remove_file(&temporary)
        .or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary))
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, &path))
        .and_then(|()| sync_folder(dir));
    written.map_err(|source| StoreError::file("write", path, source))
}

/// Appends a line and waits for the disk. What a kill left of a line is cut off before, and what a full
/// disk took of this one after.
fn append_line(dir: &Path, line: &str) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    let append = || {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let mut kept = String::new();
        file.read_to_string(&mut kept)?;
        let whole = kept.rfind('\n').map_or(0, |end| end as u64 + 1);
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all());
        if written.is_err() {
            file.set_len(whole)?;
        }
        written.and_then(|()| sync_folder(dir))
    };
    append().map_err(|source| StoreError::file("write", &path, source))
}
