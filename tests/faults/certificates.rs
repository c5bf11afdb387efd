//! A certificate authority of our own, what it issues, and what it should never have issued.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The name in every URL here; the lookup of each test knows where it is.
pub(crate) const NAME: &str = "graph.test";

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bad {
    Expired,
    NotYetValid,
    OtherName,
    SelfSigned,
    UnknownAuthority,
    ForClientsOnly,
}

pub(crate) struct Authority {
    /// What the client is told to trust.
    pub(crate) pem: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// One for the whole run.
pub(crate) fn authority() -> &'static Authority {
    static OURS: OnceLock<Authority> = OnceLock::new();
    OURS.get_or_init(Authority::new)
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem().into_bytes();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, params: &CertificateParams) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }
}

/// A server that all is well with, offering HTTP/2 or HTTP/1.1 only.
pub(crate) fn good(http2: bool) -> Arc<ServerConfig> {
    static CONFIGS: OnceLock<[Arc<ServerConfig>; 2]> = OnceLock::new();
    let configs = CONFIGS.get_or_init(|| {
        [b"http/1.1".to_vec(), b"h2".to_vec()].map(|protocol| {
            let (certificate, key) = authority().issue(&params(NAME));
            let mut config = config(certificate, &key);
            config.alpn_protocols = vec![protocol];
            Arc::new(config)
        })
    });
    Arc::clone(&configs[usize::from(http2)])
}

/// All that the table of faults needs.
pub(crate) fn make_all() {
    good(false);
    for how in [Bad::Expired, Bad::OtherName, Bad::SelfSigned, Bad::UnknownAuthority] {
        bad(how);
    }
}

/// A server that must not be talked to.
pub(crate) fn bad(how: Bad) -> Arc<ServerConfig> {
    static CONFIGS: Mutex<BTreeMap<Bad, Arc<ServerConfig>>> = Mutex::new(BTreeMap::new());
    Arc::clone(CONFIGS.lock().unwrap().entry(how).or_insert_with(|| Arc::new(bad_config(how))))
}

fn bad_config(how: Bad) -> ServerConfig {
    let mut params = params(if how == Bad::OtherName { "evil.test" } else { NAME });
    match how {
        Bad::Expired => params.not_after = date_time_ymd(2021, 1, 1),
        Bad::NotYetValid => params.not_before = date_time_ymd(2099, 1, 1),
        Bad::ForClientsOnly => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Bad::OtherName | Bad::SelfSigned | Bad::UnknownAuthority => (),
    }
    let (certificate, key) = match how {
        Bad::SelfSigned => {
            let key = KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().der().clone(), key)
        }
        Bad::UnknownAuthority => Authority::new().issue(&params),
        _ => authority().issue(&params),
    };
    config(certificate, &key)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}
