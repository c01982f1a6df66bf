//! Whom the clients trust: what the system trusts, read at the first handshake, because reading it takes as long as the rest of a start.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Clients that trust nothing beside the system share what was read.
static OF_THE_SYSTEM: OnceLock<Arc<Lazy>> = OnceLock::new();

/// What is wrong where the system trusts nobody, as a container made from nothing does.
const FIX: &str = "install ca-certificates, or name a file of certificates by SSL_CERT_FILE";

/// TLS that trusts the system's certificate authorities and these.
pub(super) fn config(further: Vec<CertificateDer<'static>>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = if further.is_empty() {
        let shared = OF_THE_SYSTEM.get_or_init(|| Arc::new(Lazy::new(&provider, Vec::new())));
        Arc::clone(shared)
    } else {
        Arc::new(Lazy::new(&provider, further))
    };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the ciphers of TLS 1.2 and 1.3")
        // Nothing is loosened: the platform's verifier decides, only later than it would be made otherwise.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

/// The platform's verifier, made when it is first needed.
#[derive(Debug)]
struct Lazy {
    provider: Arc<CryptoProvider>,
    further: Vec<CertificateDer<'static>>,
    /// A failure is not kept: the certificates may be there at the next handshake.
    made: OnceLock<Verifier>,
}

impl Lazy {
    fn new(provider: &Arc<CryptoProvider>, further: Vec<CertificateDer<'static>>) -> Self {
        Self {
            provider: Arc::clone(provider),
            further,
            made: OnceLock::new(),
        }
    }

    fn verifier(&self) -> Result<&Verifier, Error> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let further = self.further.iter().cloned();
        let made = Verifier::new_with_extra_roots(further, self.provider.clone())
            .map_err(|error| Error::General(format!("{error}; {FIX}")))?;
        Ok(self.made.get_or_init(|| made))
    }
}

impl ServerCertVerifier for Lazy {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
