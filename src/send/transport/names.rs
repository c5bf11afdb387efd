//! Names to addresses: few at a time, others at each try, and a slow answer is waited for over several tries.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::watch;
use tower_service::Service;

use crate::send::clock::{self, Instant};

/// Finds the addresses of a host. The port is not used.
pub type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The addresses, in the order they should be tried.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The time to connect is divided among the addresses of a family. More than two would each get less than the
/// handshake with a distant server takes.
const OF_EACH_FAMILY: usize = 2;
/// An answer that came after the try that had asked for it serves the next try, if that comes soon.
const FRESH: Duration = Duration::from_secs(2);

/// The system's resolver, or another.
pub(super) struct Names {
    lookup: Lookup,
    turn: AtomicUsize,
    asked: Mutex<Option<Question>>,
}

#[derive(Clone)]
struct Question {
    host: String,
    answer: watch::Receiver<Option<Answered>>,
}

#[derive(Clone)]
struct Answered {
    at: Instant,
    addresses: Result<Vec<SocketAddr>, String>,
}

impl Names {
    pub(super) fn new(lookup: Option<Lookup>) -> Self {
        let lookup = lookup.unwrap_or_else(|| Arc::new(|host| Box::pin(system(host))));
        Self { lookup, turn: AtomicUsize::default(), asked: Mutex::default() }
    }

    /// One question at a time for a host, whoever asks. It goes on when those who asked have given up: a resolver that
    /// takes longer than a try to connect would otherwise be asked anew for ever.
    fn ask(&self, host: &str) -> Question {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(question) = &*asked
            && question.host == host
            && question.serves()
        {
            return question.clone();
        }
        let (tell, answer) = watch::channel(None);
        let asking = (self.lookup)(host.to_owned());
        tokio::spawn(async move {
            let addresses = asking.await.map_err(|error| error.to_string());
            tell.send_replace(Some(Answered { at: clock::now(), addresses }));
        });
        let question = Question { host: host.to_owned(), answer };
        *asked = Some(question.clone());
        question
    }

    /// The next connection asks again: addresses change.
    fn forget(&self, question: &Question) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.as_ref().is_some_and(|kept| kept.answer.same_channel(&question.answer)) {
            *asked = None;
        }
    }
}

impl Question {
    fn serves(&self) -> bool {
        match &*self.answer.borrow() {
            None => self.answer.has_changed().is_ok(),
            Some(answered) => clock::now().saturating_duration_since(answered.at) <= FRESH,
        }
    }

    async fn answer(mut self) -> Result<Vec<SocketAddr>, String> {
        let answered = self.answer.wait_for(Option::is_some).await;
        let answered = answered.ok().and_then(|answered| answered.clone());
        answered
            .map_or_else(|| Err("the name service did not answer".to_owned()), |answered| answered.addresses)
    }
}

/// What the connector asks.
#[derive(Clone)]
pub(super) struct Resolver(pub(super) Arc<Names>);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let names = Arc::clone(&self.0);
        Box::pin(async move {
            let question = names.ask(name.as_str());
            let found = question.clone().answer().await;
            names.forget(&question);
            let turn = names.turn.fetch_add(1, Ordering::Relaxed);
            Ok(shortlist(found.map_err(io::Error::other)?, turn).into_iter())
        })
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

async fn system(host: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.collect())
}

/// The family that the system prefers stays first; within each the next address has its turn, so that one that
/// swallows packets holds up a try and not the call.
fn shortlist(found: Vec<SocketAddr>, turn: usize) -> Vec<SocketAddr> {
    let prefers_v4 = found.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv4() == prefers_v4);
    let mut list = Vec::new();
    for family in [preferred, others] {
        let start = turn.checked_rem(family.len()).unwrap_or_default();
        list.extend(family.iter().cycle().skip(start).take(family.len().min(OF_EACH_FAMILY)));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_each_family_and_others_at_the_next_turn() {
        let all: Vec<SocketAddr> = ["[::1]:0", "1.1.1.1:0", "[::2]:0", "2.2.2.2:0", "3.3.3.3:0"]
            .map(|text| text.parse().unwrap())
            .into();
        let listed =
            |turn| shortlist(all.clone(), turn).iter().map(|a| a.ip().to_string()).collect::<Vec<_>>();
        assert_eq!(listed(0), ["::1", "::2", "1.1.1.1", "2.2.2.2"]);
        assert_eq!(listed(1), ["::2", "::1", "2.2.2.2", "3.3.3.3"]);
        assert_eq!(listed(2), ["::1", "::2", "3.3.3.3", "1.1.1.1"]);
        assert_eq!(shortlist(Vec::new(), 7), []);
    }
}
