//! Against the simulator's issuer, which checks secrets and signatures for real.
#![cfg(feature = "simulator")]

use callredirect::Secret;
use callredirect::send::token::{Certificate, Credential, Endpoint, NoToken, TokenProvider};
use callredirect::simulator::{Simulator, SimulatorOptions};

use crate::{APP, OTHER, PEM, TENANT, ask, still};

fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions::default()).unwrap()
}

async fn code(credential: Credential) -> Option<u32> {
    match ask(&TokenProvider::new(credential, still), 13.0).await {
        Ok(_) => None,
        Err(NoToken::Refused(error)) => error.code,
        Err(NoToken::Late(why)) => panic!("{why}"),
    }
}

#[tokio::test]
async fn client_secrets() {
    let graph = simulator();
    let with = |id, secret, tenant| {
        Credential::secret(id, Secret::new(secret), tenant, Some(graph.base_url())).unwrap()
    };
    assert_eq!(code(with(APP, graph.client_secret(), TENANT)).await, None);
    assert_eq!(code(with(APP, "wrong", TENANT)).await, Some(7_000_215));
    assert_eq!(code(with(OTHER, graph.client_secret(), TENANT)).await, Some(700_016));
    assert_eq!(code(with(APP, graph.client_secret(), "unknown.example")).await, Some(90_002));
}

#[tokio::test]
async fn certificates() {
    let graph = simulator();
    let with = |chain| {
        let certificate = Certificate::from_pem(&Secret::new(PEM)).unwrap();
        Credential::certificate(APP, certificate, TENANT, Some(graph.base_url()), chain).unwrap()
    };
    assert_eq!(code(with(false)).await, Some(700_027));
    assert!(!graph.register_certificate("no certificate"));
    assert!(graph.register_certificate(PEM));
    assert_eq!(code(with(false)).await, None);
    assert_eq!(code(with(true)).await, None);
}

#[tokio::test]
async fn managed_identities() {
    let graph = simulator();
    let url = |path: &str| format!("{}/{path}", graph.base_url());
    let vm = Endpoint::InstanceMetadata(Some(url("metadata/identity/oauth2/token")));
    assert_eq!(code(Credential::managed_identity(Some(APP), vm).unwrap()).await, None);
    let app = |header| Endpoint::AppService(url("msi/token"), Secret::new(header));
    assert_eq!(code(Credential::managed_identity(None, app(graph.identity_header())).unwrap()).await, None);
    let wrong = Credential::managed_identity(None, app("wrong")).unwrap();
    assert!(ask(&TokenProvider::new(wrong, still), 13.0).await.is_err());
}
