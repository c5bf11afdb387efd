//! Tokens of one credential: from the cache, or from the issuer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::answer::{Read, read};
use super::cache::{Ask, News, Ticket, TokenCache};
use super::credential::{Credential, Want};
use super::error::TokenError;
use super::life::patience;
use crate::Secret;
use crate::send::clock::{self, Instant};
use crate::send::cloud::Cloud;
use crate::send::deadline::{BUDGET, Deadline};
use crate::send::process::PerProcess;
use crate::send::transport::{Failure, Transport};

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Gives tokens of a credential; one for each, whoever and however many ask.
#[derive(Debug)]
pub struct TokenProvider {
    credential: Credential,
    cache: Arc<TokenCache<Want>>,
    transport: PerProcess<Transport>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoToken {
    /// It will not be given.
    Refused(TokenError),
    /// It was not there in time; the last thing that went wrong.
    Late(String),
}

impl TokenProvider {
    /// `jitter` gives numbers from 0 to 1.
    pub fn new(credential: Credential, jitter: fn() -> f64) -> Arc<Self> {
        Arc::new(Self { credential, cache: TokenCache::new(jitter), transport: PerProcess::default() })
    }

    /// Who we are.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The token, where nothing has to be done for it or for the next one.
    pub fn at_hand(&self, tenant: Option<&str>, cloud: Cloud) -> Option<Secret> {
        match self.cache.ask(&self.credential.want(tenant, cloud)) {
            Ask::Use(token) => Some(token),
            // Without a word: whoever asks next has it fetched.
            Ask::UseAndRefresh(..) | Ask::Fetch(_) | Ask::Join(_) => None,
        }
    }

    /// A token for Graph, of the tenant if one is named. What is fetched is fetched to its end, whoever gives up.
    pub async fn token(
        self: &Arc<Self>,
        tenant: Option<&str>,
        cloud: Cloud,
        deadline: Deadline,
    ) -> Result<Secret, NoToken> {
        let want = self.credential.want(tenant, cloud);
        loop {
            let news = match self.cache.ask(&want) {
                Ask::Use(token) => return Ok(token),
                Ask::UseAndRefresh(token, ticket) => {
                    tokio::spawn(fetch(Arc::clone(self), ticket));
                    return Ok(token);
                }
                Ask::Fetch(ticket) => {
                    let news = ticket.news();
                    tokio::spawn(fetch(Arc::clone(self), ticket));
                    news
                }
                Ask::Join(news) => news,
            };
            if self.cache.alive(&want).is_some() {
                let soon = clock::now() + patience(deadline.remaining());
                if landed(news.clone(), soon).await.is_err()
                    && let Some(old) = self.cache.alive(&want)
                {
                    return Ok(old);
                }
            }
            if let Some(result) = landed(news, deadline.at()).await? {
                return result.map_err(NoToken::Refused);
            }
            // The fetch was cut off, with the runtime it ran on: here is another.
        }
    }

    /// Graph refused this token: the next one is another.
    pub fn refused(&self, tenant: Option<&str>, cloud: Cloud, token: &Secret) {
        self.cache.refused(&self.credential.want(tenant, cloud), token);
    }

    async fn once(&self, want: &Want) -> Result<Read, TokenError> {
        let nearby = self.credential.nearby();
        let transport = self
            .transport
            .get_or_make(|| Transport::new(nearby))
            .map_err(|Failure(why)| TokenError::new(format!("could not set up TLS: {why}")))?;
        let request = self.credential.request(want, clock::unix())?;
        Ok(match transport.ask_token(&request.url, &request.headers, request.form).await {
            Ok(answer) => read(&answer, &request.whom),
            Err(Failure(why)) => {
                Read::Again(TokenError::new(format!("no token from {}: {why}", request.whom)), None)
            }
        })
    }
}

/// Waits for a flight to land; `None` when it never will.
async fn landed(
    mut news: watch::Receiver<News>,
    until: Instant,
) -> Result<Option<Result<Secret, TokenError>>, NoToken> {
    let end = async { news.wait_for(|news| matches!(news, News::Landed(_))).await.map(|news| news.clone()) };
    match timeout_at(until, end).await {
        Ok(Ok(News::Landed(result))) => Ok(Some(result)),
        Ok(_) => Ok(None),
        Err(_) => {
            let why = match &*news.borrow() {
                News::Trying(Some(why)) => why.clone(),
                _ => "the issuer of tokens has not answered".to_owned(),
            };
            Err(NoToken::Late(format!("no token before the deadline: {why}")))
        }
    }
}

/// Asks until there is a token, a final refusal, or no call left that could wait for it. Asking twice harms nobody, but
/// nobody is kept waiting while an old token will do.
async fn fetch(provider: Arc<TokenProvider>, ticket: Ticket<Want>) {
    let until = Deadline::after(BUDGET);
    for attempt in 0_u32.. {
        let (error, asked_wait) = match provider.once(ticket.key()).await {
            Ok(Read::Token(token, lifetime)) => return ticket.land(&token, lifetime),
            Ok(Read::Again(error, wait)) => (error, wait),
            Ok(Read::No(error)) | Err(error) => return ticket.fail(error),
        };
        let own = FIRST_WAIT.saturating_mul(1 << attempt.min(10)).min(LONGEST_WAIT);
        let wait = own.mul_f64(0.5 + 0.5 * provider.cache.jitter()).max(asked_wait.unwrap_or_default());
        if wait >= until.remaining() || ticket.has_another() {
            return ticket.fail(error);
        }
        ticket.trying(error.message);
        tokio::time::sleep(wait).await;
    }
}
