//! Claims in a real Redis.

use std::sync::Arc;
use std::time::Duration;

use callredirect::calls::{Claim, ClaimStore, Place, RedisStore, Stage};

use crate::server::Server;
use crate::stores::{is_won_once, keeps_to_the_rules};
use crate::{BUDGET, LEASE, key};

fn open(server: &Server) -> Arc<dyn ClaimStore> {
    Arc::new(RedisStore::new(&server.url()).unwrap())
}

#[tokio::test]
async fn redis_keeps_to_the_rules() {
    let Some(server) = Server::start() else { return };
    keeps_to_the_rules(&*open(&server), &*open(&server)).await;
    let left = server.command("PTTL callredirect:claim:one-1");
    let left: u64 = left.trim().trim_start_matches(':').parse().unwrap();
    assert!((110_000..=120_000).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_connections_win_once() {
    let Some(server) = Server::start() else { return };
    is_won_once([open(&server), open(&server)]).await;
}

#[tokio::test]
async fn what_is_no_record_is_a_fault_of_that_record() {
    let Some(server) = Server::start() else { return };
    let store = open(&server);
    server.command("LPUSH callredirect:claim:list 1");
    server.command("SET callredirect:claim:text hello");
    server.command("SET callredirect:claim:part 1");
    for (name, words) in [
        ("list", "WRONGTYPE"),
        ("text", "a value that callredirect did not write"),
        ("part", "a value that callredirect did not write"),
    ] {
        for fault in [
            store.claim(&key(name), "a", LEASE, BUDGET).await.unwrap_err(),
            store.extend(&key(name), &crate::ticket("a", 1), LEASE, Stage::Sent).await.unwrap_err(),
            store.get(name).await.unwrap_err(),
        ] {
            assert!(fault.reason.contains(words) && fault.of_record, "{name}: {fault:?}");
        }
    }
    assert!(matches!(store.claim(&key("other"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
    assert!(store.unfinished().await.is_err() || store.unfinished().await == Ok(vec![]));
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some(server) = Server::start() else { return };
    let store = open(&server);
    assert!(matches!(store.claim(&key("x"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
    // Every connection is cut, as by a failover.
    server.command("CLIENT KILL TYPE normal SKIPME yes");
    let mut again = store.claim(&key("x"), "a", LEASE, BUDGET).await;
    if again.is_err() {
        again = store.claim(&key("x"), "a", LEASE, BUDGET).await;
    }
    assert!(matches!(again, Ok(Claim::Won { fence: 1, .. })), "{again:?}");
}

#[tokio::test]
async fn a_server_that_hangs_or_is_gone_is_a_fault() {
    let Some(server) = Server::start() else { return };
    let store = open(&server);
    store.get("x").await.unwrap();
    server.signal("-STOP");
    let hung = store.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap_err();
    assert!(hung.reason.contains("no answer in time") && !hung.of_record, "{hung}");
    server.signal("-CONT");
    let port = server.port;
    drop(server);
    for fault in
        [store.claim(&key("x"), "a", LEASE, BUDGET).await, store.claim(&key("x"), "a", LEASE, BUDGET).await]
    {
        let fault = fault.unwrap_err();
        assert!(!fault.of_record && !fault.reason.contains(&port.to_string()), "{fault}");
    }
}

#[tokio::test]
async fn a_password_is_in_no_error() {
    let Some(server) = Server::start() else { return };
    let url = server.url().replace("redis://", "redis://user:hunter2@");
    let store = RedisStore::new(&url).unwrap();
    let fault = store.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap_err();
    assert!(!fault.reason.contains("hunter2"), "{fault}");
    for wrong in ["redis://user:hunter2@", "redis://:hunter2@host:port", "redis://user:hunter2@host/database"]
    {
        let error = Place::of(wrong).unwrap_err();
        assert!(error.starts_with("not an address of Redis") && !error.contains("hunter2"), "{error}");
    }
    let place = format!("{:?}", Place::of(&url).unwrap());
    assert_eq!(place, "Redis");
}

#[tokio::test]
async fn leases_lapse_by_the_servers_clock() {
    let Some(server) = Server::start() else { return };
    let (a, b) = (open(&server), open(&server));
    a.claim(&key("x"), "a", Duration::from_millis(50), BUDGET).await.unwrap();
    let mut asked = b.claim(&key("x"), "b", LEASE, BUDGET).await.unwrap();
    while let Claim::Taken { again: Some(again) } = asked {
        tokio::time::sleep(again).await;
        asked = b.claim(&key("x"), "b", LEASE, BUDGET).await.unwrap();
    }
    assert!(matches!(asked, Claim::Won { fence: 2, .. }), "{asked:?}");
}
