//! Nothing public prints a token.

use callredirect::Secret;
use callredirect::send::Deadline;

use crate::server::{Server, Step, accepted, answering, response};
use crate::{CALL, Still, TOKEN, endpoint, seconds, send, to_user};

#[tokio::test(start_paused = true)]
async fn no_debug_or_display_shows_the_token() {
    let still = Still::new();
    let token = Secret::new(TOKEN);
    let mut shown = vec![format!("{token:?}")];
    for script in [
        answering(accepted()),
        answering(response("403 No", "", r#"{"error": {"code": "7505", "message": "x"}}"#)),
        answering("garbage\r\n\r\n"),
        vec![Step::Read, Step::Close],
    ] {
        let server = Server::start(vec![script]);
        let endpoint = endpoint(&server.url());
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let transport = endpoint.transport().unwrap();
        let outcome = send(&transport, &prepared, &token, Deadline::after(seconds(13.0))).await;
        assert!(server.requests()[0].windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()));
        shown.push(format!("{outcome:?} {endpoint:?} {prepared:?} {transport:?}"));
    }
    drop(still);
    for text in shown {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn nor_the_body() {
    let endpoint = endpoint("https://graph.microsoft.com");
    let phone = callredirect::redirect::Redirect::to([callredirect::redirect::Target::phone("+12345678901")]);
    let prepared = endpoint.prepare(CALL, &phone, None).unwrap();
    assert!(!format!("{prepared:?}").contains("2345678901"), "{prepared:?}");
}
