//! Signatures: how the other side knows that it was us.
//!
//! Ours is HMAC-SHA256 over the instant and the body, so that neither can be changed and an old
//! message cannot be played again. DingTalk and Feishu have ways of their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;

/// `X-Shopper-Signature`: `t=SECONDS,v1=HEX` with HMAC-SHA256 of the secret over `SECONDS.BODY`.
pub fn header(secret: &str, now: Timestamp, body: &str) -> String {
    let seconds = now.as_second();
    let mac = mac(secret.as_bytes(), format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac))
}

/// DingTalk: milliseconds and HMAC-SHA256 of the secret over `MILLISECONDS\nSECRET`, base64, in the
/// address.
pub fn dingtalk(secret: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let timestamp = now.as_millisecond().to_string();
    let mac = mac(secret.as_bytes(), format!("{timestamp}\n{secret}").as_bytes());
    vec![("timestamp", timestamp), ("sign", STANDARD.encode(mac))]
}

/// Feishu: seconds and HMAC-SHA256 of nothing, with `SECONDS\nSECRET` as its key, base64, in the body.
pub fn feishu(secret: &str, now: Timestamp) -> (String, String) {
    let timestamp = now.as_second().to_string();
    let mac = mac(format!("{timestamp}\n{secret}").as_bytes(), b"");
    (timestamp, STANDARD.encode(mac))
}

fn mac(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}
