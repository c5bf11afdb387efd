//! Claims in a real Redis.

use std::sync::Arc;
use std::time::Duration;

use callredirect::calls::{Calls, Claim, ClaimDesk, ClaimStore, OnFault, Place, RedisStore, Stage};
use callredirect::send::clock::Arrival;

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

/// An address that leads to another server from some moment on, as a name of a managed Redis does. Connections of before
/// stay where they are.
async fn address_of(
    targets: tokio::sync::watch::Receiver<Option<u16>>,
) -> (Arc<dyn ClaimStore>, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/0", listener.local_addr().unwrap());
    let leading = tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut targets = targets.clone();
            let target = *targets.borrow_and_update();
            tokio::spawn(async move {
                let port = target.unwrap();
                let mut to = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let both = async { tokio::io::copy_bidirectional(&mut from, &mut to).await };
                // The machine is gone: nothing comes through any more, and nobody says so.
                let gone = async { targets.wait_for(Option::is_none).await.map(drop) };
                tokio::select! {
                    _ = both => return,
                    _ = gone => {}
                }
                std::future::pending::<()>().await;
            });
        }
    });
    (Arc::new(RedisStore::new(&url).unwrap()), leading)
}

#[tokio::test]
async fn a_server_that_became_anothers_replica_is_left() {
    let (Some(old), Some(new)) = (Server::start(), Server::start()) else { return };
    let (target, targets) = tokio::sync::watch::channel(Some(old.port));
    let (store, _leading) = address_of(targets).await;
    assert!(matches!(store.claim(&key("x"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
    old.command(&format!("REPLICAOF 127.0.0.1 {}", new.port));
    target.send_replace(Some(new.port));
    let fault = store.claim(&key("y"), "a", LEASE, BUDGET).await.unwrap_err();
    assert!(fault.reason.contains("READONLY"), "{fault}");
    assert!(matches!(store.claim(&key("y"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
}

#[tokio::test]
async fn a_connection_that_leads_nowhere_any_more_is_left() {
    let (Some(old), Some(new)) = (Server::start(), Server::start()) else { return };
    let (target, targets) = tokio::sync::watch::channel(Some(old.port));
    let (store, _leading) = address_of(targets).await;
    store.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap();
    target.send_replace(None);
    // As a worker asks: it gives up before anybody says that the connection is dead.
    let desk = ClaimDesk::of(Arc::clone(&store), "a".into(), OnFault::Degrade);
    let call = Calls::new(1).track("x", Arrival::now());
    let asked = Arc::new(desk).get(call).await.unwrap_err();
    assert!(asked.reason.contains("no answer in time"), "{asked}");
    target.send_replace(Some(new.port));
    assert!(matches!(store.claim(&key("y"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
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
