//! What every store must do, whatever it is made of; and the addresses they have.

use std::sync::Arc;
use std::time::Duration;

use callredirect::calls::{Claim, ClaimStore, MemoryStore, Place, Stage};

use crate::{BUDGET, LEASE, TAKEN, key, ticket};

/// The whole life of a few calls. `a` and `b` are two workers' views of the same store.
pub(crate) async fn keeps_to_the_rules(a: &dyn ClaimStore, b: &dyn ClaimStore) {
    let call = key("One-1");
    let Ok(Claim::Won { fence: 1, budget }) = a.claim(&call, "a", LEASE, BUDGET).await else { panic!() };
    assert!(budget <= BUDGET && budget + Duration::from_secs(1) > BUDGET);
    assert!(matches!(b.claim(&call, "b", LEASE, BUDGET).await, Ok(Claim::Taken { again: Some(_) })));
    let mine = ticket("a", 1);
    assert!(matches!(a.extend(&call, &mine, LEASE, Stage::Claimed).await, Ok(Claim::Won { fence: 1, .. })));
    assert_eq!(b.extend(&call, &ticket("b", 1), LEASE, Stage::Sent).await, Ok(TAKEN));
    assert!(matches!(a.extend(&call, &mine, LEASE, Stage::Sent).await, Ok(Claim::Won { .. })));
    assert_eq!(b.claim(&call, "b", LEASE, BUDGET).await, Ok(TAKEN));
    assert!(matches!(a.finish(&call, "a", Stage::Accepted, 2).await, Ok(Claim::Won { .. })));
    assert!(matches!(b.end(&call, Some(false)).await, Ok(Claim::Won { .. })));
    assert_eq!(a.end(&call, Some(true)).await, Ok(Claim::Ended));
    let record = b.get(&call.key).await.unwrap().unwrap();
    assert_eq!((record.call_id.as_str(), record.worker.as_str(), record.fence), ("One-1", "a", 1));
    assert_eq!((record.stage, record.attempts, record.ended), (Stage::Accepted, 2, true));
    assert_eq!(record.redirected, Some(false));
    assert!(record.deadline > record.lease_until);
    // A tombstone first.
    assert!(matches!(b.end(&key("two"), None).await, Ok(Claim::Won { .. })));
    assert_eq!(a.get("two").await.unwrap().unwrap().redirected, None);
    assert_eq!(a.claim(&key("two"), "a", LEASE, BUDGET).await, Ok(Claim::Ended));
    assert_eq!(a.get("three").await, Ok(None));
    // A lease of no time has lapsed: the next one takes over, and the first is fenced off.
    let four = key("four");
    assert!(matches!(a.claim(&four, "a", Duration::ZERO, BUDGET).await, Ok(Claim::Won { fence: 1, .. })));
    let left = a.unfinished().await.unwrap();
    assert_eq!(left.iter().map(|record| record.call_id.as_str()).collect::<Vec<_>>(), ["four"]);
    assert!(matches!(b.claim(&four, "b", LEASE, BUDGET).await, Ok(Claim::Won { fence: 2, .. })));
    assert_eq!(a.extend(&four, &mine, LEASE, Stage::Sent).await, Ok(TAKEN));
    assert_eq!(a.unfinished().await, Ok(vec![]));
}

/// Of many tasks at once, on two connections, each call is won by one.
pub(crate) async fn is_won_once(stores: [Arc<dyn ClaimStore>; 2]) {
    const CALLS: usize = 200;
    let tasks: Vec<_> = (0..8)
        .map(|worker| {
            let store = Arc::clone(&stores[worker % 2]);
            tokio::spawn(async move {
                let mut won = Vec::new();
                for call in 0..CALLS {
                    let asked =
                        store.claim(&key(&format!("call-{call}")), &worker.to_string(), LEASE, BUDGET);
                    if matches!(asked.await, Ok(Claim::Won { .. })) {
                        won.push(call);
                    }
                }
                won
            })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    won.sort_unstable();
    assert_eq!(won, (0..CALLS).collect::<Vec<_>>());
}

#[tokio::test]
async fn memory_keeps_to_the_rules() {
    let store = MemoryStore::new(10);
    keeps_to_the_rules(&store, &store).await;
    let store: Arc<dyn ClaimStore> = Arc::new(MemoryStore::new(1000));
    is_won_once([Arc::clone(&store), store]).await;
}

#[tokio::test]
async fn memory_forgets_the_oldest_first() {
    let store = MemoryStore::new(3);
    let claim = async |name| store.claim(&key(name), "a", LEASE, BUDGET).await.unwrap();
    for name in ["a", "b", "c"] {
        assert!(matches!(claim(name).await, Claim::Won { .. }));
    }
    // Ending what is known takes no room.
    store.end(&key("a"), None).await.unwrap();
    assert!(store.get("b").await.unwrap().is_some());
    store.end(&key("d"), None).await.unwrap();
    assert!(store.get("a").await.unwrap().is_none());
    assert!(store.get("b").await.unwrap().is_some());
    assert_eq!(claim("d").await, Claim::Ended);
    let nothing = MemoryStore::new(0);
    for _ in 0..2 {
        assert!(matches!(nothing.claim(&key("a"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
    }
}

#[test]
fn an_address_that_is_none_is_refused_without_repeating_it() {
    assert_eq!(Place::of("memory"), Ok(Place::Memory));
    for wrong in ["", "disk", "Memory", "postgres://user:hunter2@host/db", "sqlite:calls.db"] {
        let error = Place::of(wrong).unwrap_err();
        assert!(error.starts_with("store must be memory, sqlite:///file.db"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
