//! A redirect with its token: fetched, and once more if Graph did not take it.

use std::sync::Arc;

use super::error::TokenError;
use super::provider::{NoToken, TokenProvider};
use crate::outcome::{Outcome, Verdict};
use crate::send::cloud::Cloud;
use crate::send::deadline::Deadline;
use crate::send::sending::{Sending, Step};
use crate::send::transport::Transport;

/// Sends with tokens of the call's tenant. An error: no token will be given, and nothing was sent.
pub async fn send(
    mut sending: Sending,
    transport: &Transport,
    tokens: &Arc<TokenProvider>,
    tenant: Option<&str>,
    cloud: Cloud,
    deadline: Deadline,
) -> Result<Outcome, TokenError> {
    let token = match tokens.token(tenant, cloud, deadline).await {
        Ok(token) => token,
        Err(NoToken::Refused(error)) => return Err(error),
        Err(NoToken::Late(reason)) => {
            let verdict = Verdict::Expired { sent: false, reason };
            return Ok(Outcome { verdict, ..sending.give_up() });
        }
    };
    if let Step::Done(outcome) = sending.run(transport, &token).await {
        return Ok(outcome);
    }
    // Of all calls that met the refusal one fetches; those that come later find its token.
    tokens.refused(tenant, cloud, &token);
    if let Ok(another) = tokens.token(tenant, cloud, deadline).await
        && let Step::Done(outcome) = sending.run(transport, &another).await
    {
        return Ok(outcome);
    }
    Ok(sending.give_up())
}
