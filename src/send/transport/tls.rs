//! TLS: 1.2 or newer, certificates as the system trusts them, and beside those a private authority's.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls_platform_verifier::Verifier;

use super::Failure;
use crate::send::process::PerProcess;

/// Reading the system's certificates takes milliseconds, and a new set of connections must cost nothing: done when
/// first needed and kept, for the whole process where no private authority is trusted.
pub(super) struct Tls {
    private: Vec<CertificateDer<'static>>,
    own: PerProcess<ClientConfig>,
}

static SYSTEM: PerProcess<ClientConfig> = PerProcess::new();

impl Tls {
    /// Reads the certificates of a private authority, in PEM form.
    pub(super) fn new(private_ca: Option<&[u8]>) -> Result<Self, Failure> {
        let private = private_ca.map(certificates).transpose()?.unwrap_or_default();
        Ok(Self { private, own: PerProcess::new() })
    }

    pub(super) fn config(&self) -> Result<ClientConfig, Failure> {
        let kept = if self.private.is_empty() { &SYSTEM } else { &self.own };
        kept.get_or_make(|| build(&self.private))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Failure("the private CA is not a list of certificates in PEM form".to_owned())),
    }
}

fn build(private: &[CertificateDer<'static>]) -> Result<ClientConfig, Failure> {
    let failure = |error: rustls::Error| Failure(format!("could not prepare TLS: {error}"));
    let provider = Arc::new(default_provider());
    let verifier =
        Verifier::new_with_extra_roots(private.iter().cloned(), Arc::clone(&provider)).map_err(failure)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(failure)?
        // What rustls calls dangerous is any verifier but its own; this one asks the system.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
