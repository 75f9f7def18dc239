//! TLS as a visit needs it: the certificate is written down whether it is accepted or not.
//!
//! Invariant: what is refused is refused. Writing a chain down never makes a connection go through
//! that this machine's authorities do not vouch for.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::HttpError;
use crate::domain::visit::TlsFact;

/// Whom this machine trusts, with the settings of a connection. Reading the system's authorities takes
/// tens of milliseconds, so this is made once for a [`Client`](super::Client); cloning it costs nothing.
#[derive(Clone)]
pub(super) struct Trust {
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
    config: Arc<ClientConfig>,
    /// Whether there is no authority at all on this machine: then nothing is trusted, and that is ours.
    pub no_authorities: bool,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("no_authorities", &self.no_authorities).finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts the system's authorities and some more.
    pub fn new(authorities: &[Vec<u8>]) -> Result<Self, HttpError> {
        let provider = Arc::new(ring::default_provider());
        let more = || authorities.iter().map(|der| CertificateDer::from(der.clone()));
        let mut roots = rustls::RootCertStore::empty();
        for der in more() {
            roots.add(der).map_err(HttpError::Authority)?;
        }
        // With authorities of our own it never fails; without any, nobody is trusted.
        let found = Verifier::new_with_extra_roots(more(), Arc::clone(&provider)).ok();
        let no_authorities = found.is_none();
        let verifier: Arc<dyn ServerCertVerifier> = match found {
            Some(verifier) => Arc::new(verifier),
            None => Arc::new(Nobody(Arc::clone(&provider))),
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(HttpError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { verifier, provider, config: Arc::new(config), no_authorities })
    }

    /// The settings for connections that need no certificate written down.
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// The settings for one connection, and where its certificate will stand. Every handshake is a
    /// whole one, or its time would mean nothing.
    pub fn recorded(&self, now: UnixTime) -> (Arc<ClientConfig>, Arc<Recorder>) {
        let recorder = Arc::new(Recorder {
            verifier: Arc::clone(&self.verifier),
            provider: Arc::clone(&self.provider),
            now,
            shown: Mutex::default(),
        });
        let mut config = self.config();
        config.resumption = rustls::client::Resumption::disabled();
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Recorder>::clone(&recorder);
        config.dangerous().set_certificate_verifier(verifier);
        (Arc::new(config), recorder)
    }
}

/// A chain as a server sent it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The certificates, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The name that was asked for.
    pub name: ServerName<'static>,
    /// What this machine says of it.
    pub verdict: Result<(), Error>,
}

/// Asks another verifier, and remembers what it was asked about.
pub(super) struct Recorder {
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
    now: UnixTime,
    shown: Mutex<Option<Shown>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// The chain that was shown, if the handshake came so far.
    pub fn shown(&self) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this machine would say of the chain at another instant.
    pub fn at(&self, shown: &Shown, instant: UnixTime) -> Result<(), Error> {
        let (own, rest) = shown.chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.verifier.verify_server_cert(own, rest, &shown.name, &[], instant).map(|_| ())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let said =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, self.now);
        let chain = std::iter::once(end_entity).chain(intermediates);
        let shown = Shown {
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            name: server_name.to_owned(),
            verdict: said.as_ref().map(|_| ()).map_err(Error::clone),
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        said
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The verifier of a machine without authorities.
#[derive(Debug)]
struct Nobody(Arc<CryptoProvider>);

impl ServerCertVerifier for Nobody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a connection agreed on.
pub(super) fn agreed(connection: &rustls::ClientConnection) -> TlsFact {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    // rustls writes TLS13_AES_…; IANA calls it TLS_AES_….
    let cipher = cipher.unwrap_or_default().replace("TLS13_", "TLS_");
    TlsFact { version, cipher }
}
