//! What is asked, byte for byte, and where.

use callredirect::Secret;
use callredirect::send::Cloud;
use callredirect::send::token::{Certificate, Credential, Endpoint, Want};

use crate::server::Event::{Answer, Close, Connect, Request};
use crate::{APP, OTHER, PEM, SECRET, TENANT, ask, at_once, issued, issuer, managed_identity, provider};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_form_with_a_client_secret() {
    let server = issuer([issued("one")]);
    assert_eq!(at_once(ask(&provider(&server.url()), 13.0)).await.as_deref(), Ok("one"));
    let request = text(&server.requests()[0]);
    assert!(request.starts_with(&format!("POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\n")), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(request.ends_with(&format!(
        "\r\n\r\ngrant_type=client_credentials&client_id={APP}\
         &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_secret=canary%7Esecret%26of%2Bthe%3Dapp"
    )));
    assert_eq!(server.events(), [Connect, Request, Answer, Close]);
}

#[tokio::test(start_paused = true)]
async fn the_question_to_instance_metadata() {
    let body = r#"{"access_token": "one", "expires_in": "86400", "expires_on": "9999999999", "token_type": "Bearer"}"#;
    let server = issuer([crate::response("200 OK", "", body)]);
    let provider = managed_identity(&format!("{}/metadata/identity/oauth2/token", server.url()));
    assert_eq!(at_once(ask(&provider, 13.0)).await.as_deref(), Ok("one"));
    let request = text(&server.requests()[0]);
    assert!(request.starts_with(
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com HTTP/1.1\r\n"
    ));
    assert!(request.contains("metadata: true\r\n"));
}

#[test]
fn each_tenant_and_cloud_at_its_own_address() {
    let url = |credential: &Credential, tenant: Option<&str>, cloud| {
        let want = Want { tenant: tenant.map(str::to_owned), cloud };
        credential.request(&want, 0.0).map(|request| request.url.to_string()).map_err(|error| error.message)
    };
    let global = Credential::secret(APP, Secret::new(SECRET), TENANT, None).unwrap();
    let own = Credential::secret(APP, Secret::new(SECRET), TENANT, Some("https://login.example/x/")).unwrap();
    for (credential, tenant, cloud, root) in [
        (&global, None, Cloud::Global, "https://login.microsoftonline.com"),
        (&global, Some(OTHER), Cloud::Global, "https://login.microsoftonline.com"),
        (&global, None, Cloud::UsGov, "https://login.microsoftonline.us"),
        (&global, None, Cloud::China, "https://login.chinacloudapi.cn"),
        (&own, Some(OTHER), Cloud::UsGov, "https://login.example/x"),
    ] {
        let tenant_in_path = tenant.unwrap_or(TENANT);
        let expected = format!("{root}/{tenant_in_path}/oauth2/v2.0/token");
        assert_eq!(url(credential, tenant, cloud), Ok(expected));
    }
    // A tenant comes out of a notification: it may not steer the secret elsewhere.
    for hostile in
        ["", "..", ".", "common", "Organizations", "a/b", "a?b", "a#b", "a%2fb", "a b", "é", "a\r\nb"]
    {
        let refused = url(&global, Some(hostile), Cloud::Global).unwrap_err();
        assert!(refused.starts_with("no token: a tenant is named by its id"), "{hostile}: {refused}");
    }
}

#[test]
fn what_is_no_credential() {
    let secret = || Secret::new(SECRET);
    let of = |id: &str, secret, tenant: &str, authority| {
        Credential::secret(id, secret, tenant, authority).map(|_| ()).map_err(|error| error.reason)
    };
    for (result, words) in [
        (of("", secret(), TENANT, None), "client_id is the app's"),
        (of("a b", secret(), TENANT, None), "client_id is the app's"),
        (of(APP, Secret::new(""), TENANT, None), "the client secret is empty"),
        (of(APP, secret(), "common", None), "a tenant is named by its id"),
        (of(APP, secret(), TENANT, Some("http://login.example")), "authority: http is for loopback only"),
        (of(APP, secret(), TENANT, Some("login.example")), "authority: not a URL"),
    ] {
        let reason = result.unwrap_err();
        assert!(reason.starts_with(words), "{reason}");
    }
    let machine = |url: &str| {
        let endpoint = Endpoint::AppService(url.to_owned(), secret());
        Credential::managed_identity(None, endpoint).is_ok()
    };
    assert!(machine("http://169.254.129.3:8081/msi/token"));
    assert!(machine("http://localhost:41741/msi/token"));
    assert!(!machine("http://10.0.0.1/msi/token"));
    assert!(!machine("http://169.254.169.254.example/msi/token"));
    assert!(!machine("http://a:b@169.254.169.254/"));
}

#[test]
fn certificates_that_can_be_used_and_not() {
    let read =
        |pem: &str| Certificate::from_pem(&Secret::new(pem)).map(|_| ()).map_err(|error| error.message);
    assert_eq!(read(PEM), Ok(()));
    let (key, certificate) = PEM.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    assert_eq!(read(&format!("-----BEGIN CERTIFICATE-----{certificate}\nBag Attributes\n{key}")), Ok(()));
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let broken = PEM.replace("MII", "%%%");
    for (pem, words) in [
        ("", "no private key"),
        (key, "no certificate"),
        (encrypted.as_str(), "encrypted: decrypt it first"),
        (broken.as_str(), "not base64"),
        (include_str!("../fixtures/token/elliptic.pem"), "not an RSA key"),
        (include_str!("../fixtures/token/mismatch.pem"), "not that of any certificate"),
    ] {
        let message = read(pem).unwrap_err();
        assert!(message.contains(words), "{words}: {message}");
        assert!(!message.contains("MII"), "{message}");
    }
}
