//! A secret goes out in one request and appears nowhere else, whatever the issuer says.

use callredirect::send::token::NoToken;

use crate::server::response;
use crate::{PEM, SECRET, ask, at_once, issuer, provider};

#[tokio::test(start_paused = true)]
async fn an_issuer_that_repeats_what_it_was_told() {
    let echo = format!(
        r#"{{"error": "{SECRET}", "error_description": "AADSTS1: {SECRET}", "trace_id": "{SECRET}", "error_codes": [1]}}"#
    );
    for (status, body) in [
        ("400 Bad", echo.as_str()),
        ("401 No", SECRET),
        ("500 Oops", echo.as_str()),
        ("200 OK", &format!(r#"{{"access_token": "{SECRET} ", "expires_in": 1}}"#)),
    ] {
        let server = issuer((0..1000).map(|_| response(status, "Connection: close\r\n", body)));
        let provider = provider(&server.url());
        let error = crate::as_time_passes(ask(&provider, 1.0)).await.unwrap_err();
        let shown = match &error {
            NoToken::Refused(error) => format!("{error} {error:?}"),
            NoToken::Late(why) => why.clone(),
        };
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!format!("{provider:?} {:?}", provider.credential()).contains("canary"));
        assert!(server.requests().iter().all(|sent| String::from_utf8_lossy(sent).contains("canary")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_printed() {
    let server = issuer([crate::issued("canary-token")]);
    let provider = provider(&server.url());
    assert_eq!(at_once(ask(&provider, 1.0)).await.as_deref(), Ok("canary-token"));
    assert!(!format!("{provider:?}").contains("canary"));
}

#[test]
fn a_certificate_prints_as_its_thumbprint() {
    let certificate =
        callredirect::send::token::Certificate::from_pem(&callredirect::Secret::new(PEM)).unwrap();
    let shown = format!("{certificate:?}");
    assert_eq!(shown, format!("Certificate {{ thumbprint: {:?}, .. }}", certificate.thumbprint()));
}
