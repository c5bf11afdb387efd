//! A redirect with its token: fetched, and once more if Graph did not take it.

use std::sync::Arc;

use super::error::TokenError;
use super::provider::{NoToken, TokenProvider};
use crate::Secret;
use crate::outcome::{Outcome, Verdict};
use crate::send::cloud::Cloud;
use crate::send::deadline::Deadline;
use crate::send::sending::{Sending, Step};
use crate::send::transport::Transport;

/// Where the tokens of one call come from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Who gives them.
    pub tokens: &'a Arc<TokenProvider>,
    /// The call's tenant, if it is known.
    pub tenant: Option<&'a str>,
    /// Where Graph is.
    pub cloud: Cloud,
    /// Until when they are of use.
    pub deadline: Deadline,
}

impl Source<'_> {
    async fn token(&self) -> Result<Secret, NoToken> {
        self.tokens.token(self.tenant, self.cloud, self.deadline).await
    }
}

/// Sends with tokens of the call's tenant, first with the one that was fetched ahead, if one was. An error: no token
/// will be given, and nothing was sent.
pub async fn send(
    mut sending: Sending,
    transport: &Transport,
    source: Source<'_>,
    ahead: Option<Secret>,
) -> Result<Outcome, TokenError> {
    let first = match ahead {
        Some(token) => Ok(token),
        None => source.token().await,
    };
    let token = match first {
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
    source.tokens.refused(source.tenant, source.cloud, &token);
    if let Ok(another) = source.token().await
        && let Step::Done(outcome) = sending.run(transport, &another).await
    {
        return Ok(outcome);
    }
    Ok(sending.give_up())
}
