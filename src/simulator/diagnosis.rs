//! What is wrong with a bot whose call was not redirected, and where to look.

use std::time::Duration;

use url::Url;

use super::callee::Ending;
use super::graph::Graph;
use super::ring::RungCall;

/// `None` when nothing is wrong: the caller hung up.
pub(super) fn problem(rung: &RungCall, graph: &Graph, url: &Url, window: Duration) -> Option<String> {
    if rung.ending == Ending::HungUp {
        return None;
    }
    let refused = graph
        .redirects
        .newest(|redirect| redirect.call_id == rung.call_id && !redirect.accepted)
        .map(|redirect| match (redirect.status, redirect.code, &redirect.message) {
            (Some(status), Some(code), Some(message)) => {
                format!("Graph refused its redirect with {status} {code}: {message}")
            }
            _ => "Graph left its redirect unanswered".to_owned(),
        });
    let path = url.path();
    let seconds = window.as_secs_f64();
    let Some(status) = rung.reply_status else {
        return Some(match (&rung.problem, refused) {
            (Some(why), _) => {
                format!("the bot closed the connection without a reply to POST {path} ({why}); see its log")
            }
            (None, Some(refused)) => refused,
            (None, None) => format!("the bot did not reply to POST {path} within {seconds} s"),
        });
    };
    let replied = format!("the bot replied {status} to POST {path}");
    Some(match (status, refused) {
        (200..300, Some(refused)) => format!("{replied}, and {refused}"),
        (204, None) => format!("{replied} and redirected nothing within {seconds} s"),
        (200..300, None) => {
            format!("{replied} and sent no redirect to {} within {seconds} s", graph.base_url)
        }
        (404 | 405, _) => format!("{replied}: is this the path of its webhook?"),
        (401 | 403, _) => format!(
            "{replied}: does its verifier have this simulator's app id, and its metadata_url or jwks? After \
             another simulator at this address it takes the new keys within 30 seconds"
        ),
        (500.., _) => format!("{replied}: see its log"),
        _ => replied,
    })
}
