//! What the issuer's refusals become: plain words, the code, a cure.

use callredirect::send::token::{NoToken, TokenError};

use crate::server::response;
use crate::{TENANT, ask, at_once, issuer, provider};

async fn refused(status: &str, body: &str) -> TokenError {
    let server = issuer([response(status, "", body)]);
    match at_once(ask(&provider(&server.url()), 13.0)).await {
        Err(NoToken::Refused(error)) => {
            assert_eq!(server.requests().len(), 1, "asked again");
            error
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn body(code: u32, error: &str) -> String {
    format!(
        r#"{{"error": "{error}", "error_description": "AADSTS{code}: Words. Trace ID: x", "error_codes": [{code}],
        "trace_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn codes_with_their_cures() {
    let table = [
        (7_000_215, "invalid_client", "the client secret is wrong; give the secret's Value"),
        (7_000_222, "invalid_client", "the client secret has expired; make a new one"),
        (700_016, "unauthorized_client", "the app is not known in this tenant; check client_id and tenant"),
        (90_002, "invalid_request", "there is no such tenant; check the tenant id"),
        (700_027, "invalid_client", "the certificate is not one of the app's"),
        (700_024, "invalid_client", "set this machine's clock"),
        (65_001, "invalid_grant", "consent is missing"),
        (4_711, "invalid_client", "invalid_client; see https://login.microsoftonline.com/error?code=4711"),
    ];
    for (code, word, words) in table {
        let error = refused("400 Bad Request", &body(code, word)).await;
        let start = format!("no token from 127.0.0.1 for tenant {TENANT}: ");
        assert!(error.message.starts_with(&start), "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
        assert!(error.message.ends_with(&format!(" (AADSTS{code})")), "{}", error.message);
        assert_eq!((error.code, error.error, error.status), (Some(code), Some(word), Some(400)));
        assert_eq!(error.trace_id.as_deref(), Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_another_kind() {
    let code = refused("401 No", r#"{"error": "x", "error_description": "AADSTS7000222: The secret"}"#).await;
    assert_eq!(code.code, Some(7_000_222));
    for (status, text, words) in [
        ("400 Bad", "<html>proxy</html>", "it answered 400; check the authority"),
        ("302 Found", "", "it answered 302"),
        ("200 OK", "<html>log in</html>", "holds no usable token"),
        ("200 OK", r#"{"access_token": "a b", "expires_in": 3600}"#, "holds no usable token"),
        ("200 OK", r#"{"access_token": "", "expires_in": 3600}"#, "holds no usable token"),
        ("200 OK", r#"{"access_token": "x"}"#, "holds no usable token"),
        ("200 OK", "[]", "holds no usable token"),
        ("401 No", r#"{"error": "invalid_client"}"#, "invalid_client; check client_id"),
    ] {
        let error = refused(status, text).await;
        assert!(error.message.contains(words), "{status} {text}: {}", error.message);
    }
}
