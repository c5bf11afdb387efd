//! What Graph's errors mean and what to do, in plain words.
//!
//! Sources: Graph's documentation, and what developers met and how it was solved. Codes that no source explains have
//! no entry: a guess would send people the wrong way.

use super::Refused;

/// For one kind of refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong.
    pub explanation: String,
    /// What to do.
    pub cure: String,
}

const PERMISSION: &str = "give the bot's app the application permission Calls.Initiate.All and have an administrator \
                          of the call's tenant consent to it (again after each change), then fetch a new token";

/// What is known of a refusal.
pub(super) fn of(no: &Refused) -> Option<Advice> {
    let advice = |explanation: &str, cure: &str| {
        Some(Advice { explanation: explanation.to_owned(), cure: cure.to_owned() })
    };
    let code = no.code.as_deref().unwrap_or_default();
    match code {
        "7500" => advice(
            "the token is a user's, and only an application may redirect calls",
            "fetch the token with the client credentials of the bot's app, not on behalf of a user",
        ),
        "7503" => advice(
            "the calling service does not know the bot's app",
            "switch calling on in the bot's Teams channel, and check that the token is of the same app id",
        ),
        "7504" => advice("the app may not redirect calls in the call's tenant", PERMISSION),
        "7505" => Some(tenant_mismatch(no)),
        "7507" => advice(
            "the source of the call is not an identity that the calling service accepts",
            "check the app id and tenant of the bot: a redirect itself names no source",
        ),
        "8522" => advice(
            "the call is not there: it ended, was answered or redirected, or rang longer than 15 seconds",
            "nothing, if the caller hung up; otherwise redirect sooner, and take the id from this call's notification",
        ),
        "9999" => advice(
            "the calling service failed on something in the request",
            "check the targets; if they are right, try another call and report the request id to Microsoft",
        ),
        _ => by_words(no).or_else(|| by_status(no)),
    }
}

fn tenant_mismatch(no: &Refused) -> Advice {
    let tenants = match (&no.token_tenant, &no.call_tenant) {
        (Some(token), Some(call)) => format!(": the token is of tenant {token}, the call of {call}"),
        (Some(token), None) => format!(": the token is of tenant {token}"),
        (None, Some(call)) => format!(": the call is of tenant {call}"),
        (None, None) => String::new(),
    };
    let same = matches!((&no.token_tenant, &no.call_tenant), (Some(token), Some(call)) if token.eq_ignore_ascii_case(call));
    if same {
        return Advice {
            explanation: format!("Graph sees different tenants{tenants}"),
            cure: "the targets must be of the call's tenant, too; a resource account, queue or auto attendant cannot \
                   be a target"
                .to_owned(),
        };
    }
    Advice {
        explanation: format!("the token must be of the call's tenant, not of the bot's own or a common one{tenants}"),
        cure: "fetch the token from the authority of the call's tenant (call.tenant_id), where the app needs consent"
            .to_owned(),
    }
}

/// Errors whose code is of no help.
fn by_words(no: &Refused) -> Option<Advice> {
    let message = no.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let (explanation, cure) = match () {
        () if message.contains("balance not found") => (
            "a call to a phone number needs credit, and the tenant has none",
            "buy communications credits or a calling plan for the resource account of the bot",
        ),
        () if message.contains("open property") || message.contains("specified in the uri") => (
            "Graph does not know this address for calls",
            "leave base_url at the root of Graph; if it is, Microsoft's schema may be broken at the moment",
        ),
        () if message.contains("request too long") => (
            "the request's headers are too long for Graph",
            "look for a token that is larger than usual: an app with very many roles or groups",
        ),
        () => return None,
    };
    Some(Advice { explanation: explanation.to_owned(), cure: cure.to_owned() })
}

fn by_status(no: &Refused) -> Option<Advice> {
    let (explanation, cure) = match no.status {
        400 | 422 => (
            "Graph could not make sense of the request",
            "compare the redirect with violations(); fields that only beta has need api_version=\"beta\"",
        ),
        401 => (
            "Graph does not take the token: it expired, is for another audience, or of another cloud",
            "fetch a token for the scope https://graph.microsoft.com/.default, or that of the client's cloud",
        ),
        403 => ("the app is not allowed to do this", PERMISSION),
        409 => (
            "the call is not in a state in which it can be redirected",
            "nothing, if somebody was faster; only a call that rings can be redirected, and once",
        ),
        410 => (
            "the call is not there any more: it ended, was answered or redirected",
            "nothing, if the caller hung up; otherwise redirect sooner",
        ),
        429 => (
            "too many requests: an app has 10,000 calls a month and 100 at the same time",
            "spread the calls over time, or over several apps; retry_after is what Graph asked for",
        ),
        503 => (
            "Graph is overloaded or being repaired, and did nothing",
            "nothing: it was tried again as often as is allowed; retry_after is what Graph asked for",
        ),
        300..=399 => (
            "the answer points to another address, and a request with a token in it is not sent on",
            "set base_url to the root of Graph itself",
        ),
        404 => (
            "nothing is known at this address",
            "check base_url, api_version and cloud; a call that is gone has the code 8522",
        ),
        407 => ("a proxy wants to know who asks", "give the proxy's credentials in HTTPS_PROXY"),
        _ => return None,
    };
    Some(Advice { explanation: explanation.to_owned(), cure: cure.to_owned() })
}
