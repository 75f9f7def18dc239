//! A certificate in words: whose, from whom, until when, how strong, and everything that is wrong
//! with it.
//!
//! A verifier stops at the first fault; people want all of them. So the faults are looked for one by
//! one, and the verifier is asked a second time at an instant at which the certificate holds.
//!
//! Invariant: total; what cannot be read is left empty.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

use super::tls::{Recorder, Shown};
use crate::domain::visit::{Certificate, CertificateFault as Fault};

/// The most names that are kept: some certificates carry hundreds.
const MOST_NAMES: usize = 100;
/// The fewest bits of an RSA key that browsers take.
const LEAST_RSA: usize = 2048;
/// `id-ad-caIssuers`: where the issuer's certificate can be fetched.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// Describes what was shown; `None` when the server's own certificate cannot be read at all.
pub(super) fn describe(shown: &Shown, recorder: &Recorder, now: i64) -> Option<Certificate> {
    let parsed: Vec<X509Certificate<'_>> = shown.chain.iter().filter_map(|der| parse(der)).collect();
    let own = parsed.first()?;
    let validity = own.validity();
    let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    Some(Certificate {
        subject: own.subject().to_string(),
        issuer: own.issuer().to_string(),
        names: names(own),
        not_before: Timestamp::from_second(from).ok(),
        not_after: Timestamp::from_second(to).ok(),
        days_left: to.saturating_sub(now).div_euclid(86_400),
        key: key(own),
        signature: signature(own).to_owned(),
        chain: shown.chain.len(),
        valid: shown.verdict.is_ok(),
        faults: faults(shown, &parsed, recorder, now),
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate)
}

fn faults(shown: &Shown, parsed: &[X509Certificate<'_>], recorder: &Recorder, now: i64) -> Vec<Fault> {
    let mut found = Vec::new();
    let Some(own) = parsed.first() else { return found };
    let validity = own.validity();
    let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if now > to {
        found.push(Fault::Expired);
    } else if now < from {
        found.push(Fault::NotYetValid);
    }
    if misnamed(shown) {
        found.push(Fault::WrongName);
    }
    // Whom nobody vouches for is told apart from what has merely ended.
    let said = if now > to {
        recorder.at(shown, instant(to))
    } else if now < from {
        recorder.at(shown, instant(from))
    } else {
        shown.verdict.clone()
    };
    if let Err(error) = said {
        found.extend(distrust(&error, parsed));
    }
    if rsa_bits(own).is_some_and(|bits| bits < LEAST_RSA) {
        found.push(Fault::WeakKey);
    }
    if parsed.iter().filter(|one| !is_own_issuer(one)).any(|one| is_weak(signature(one))) {
        found.push(Fault::WeakSignature);
    }
    if found.is_empty() && shown.verdict.is_err() {
        found.push(Fault::Other);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn instant(second: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(second).unwrap_or(0)))
}

fn misnamed(shown: &Shown) -> bool {
    let Some(own) = shown.chain.first() else { return false };
    ParsedCertificate::try_from(own).is_ok_and(|own| verify_server_name(&own, &shown.name).is_err())
}

/// What a verifier's refusal means, other than dates and names.
fn distrust(error: &Error, parsed: &[X509Certificate<'_>]) -> Option<Fault> {
    let own = parsed.first()?;
    let Error::InvalidCertificate(why) = error else { return Some(Fault::Other) };
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => None,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Some(Fault::Expired),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Some(Fault::NotYetValid)
        }
        _ if is_own_issuer(own) => Some(Fault::SelfSigned),
        CertificateError::UnknownIssuer if is_incomplete(parsed) => Some(Fault::IncompleteChain),
        CertificateError::UnknownIssuer => Some(Fault::UntrustedIssuer),
        // A weak key or signature is found by itself; anything else is named so in the end.
        _ => None,
    }
}

fn is_own_issuer(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// Whether the issuer's certificate was not sent, and the certificate says where to fetch it.
fn is_incomplete(parsed: &[X509Certificate<'_>]) -> bool {
    let Some((own, rest)) = parsed.split_first() else { return false };
    let sent = rest.iter().any(|one| one.subject().as_raw() == own.issuer().as_raw());
    let told = own.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|one| one.access_method.to_id_string() == CA_ISSUERS)
        }
        _ => false,
    });
    !sent && told
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    names.take(MOST_NAMES).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| Ipv6Addr::from(v6).into())
}

fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => {
            // An integer of DER begins with a zero when its highest bit is set.
            let modulus: &[u8] = key.modulus;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            Some((modulus.len() - zeros) * 8)
        }
        _ => None,
    }
}

fn key(certificate: &X509Certificate<'_>) -> String {
    if let Some(bits) = rsa_bits(certificate) {
        return format!("RSA {bits}");
    }
    let algorithm = &certificate.public_key().algorithm;
    let kind = algorithm.algorithm.to_id_string();
    let curve = algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
    match (kind.as_str(), curve.as_deref()) {
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        (_, Some("1.2.156.10197.1.301")) => "SM2".to_owned(),
        (_, Some("1.2.840.10045.3.1.7")) => "ECDSA P-256".to_owned(),
        (_, Some("1.3.132.0.34")) => "ECDSA P-384".to_owned(),
        (_, Some("1.3.132.0.35")) => "ECDSA P-521".to_owned(),
        ("1.2.840.10045.2.1", Some(curve)) => format!("ECDSA {curve}"),
        ("1.2.840.113549.1.1.1", _) => "RSA".to_owned(),
        ("1.2.840.10040.4.1", _) => "DSA".to_owned(),
        (kind, _) => kind.to_owned(),
    }
}

fn signature(certificate: &X509Certificate<'_>) -> &'static str {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => "RSA MD5",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "RSA SHA-1",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.11" => "RSA SHA-256",
        "1.2.840.113549.1.1.12" => "RSA SHA-384",
        "1.2.840.113549.1.1.13" => "RSA SHA-512",
        "1.2.840.10045.4.1" => "ECDSA SHA-1",
        "1.2.840.10045.4.3.2" => "ECDSA SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA SHA-512",
        "1.3.101.112" => "Ed25519",
        "1.2.156.10197.1.501" => "SM2 SM3",
        _ => "another",
    }
}

fn is_weak(signature: &str) -> bool {
    signature.ends_with("SHA-1") || signature.ends_with("MD5")
}
