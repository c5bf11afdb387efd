//! One request for many who ask, and what becomes of the rest.

use std::sync::Arc;

use callredirect::Secret;
use callredirect::send::token::{Ask, News, Ticket, TokenCache, TokenError};
use tokio::time::advance;

use crate::{seconds, still};

type Cache = Arc<TokenCache<&'static str>>;

fn leader(cache: &Cache) -> Ticket<&'static str> {
    match cache.ask(&"tenant") {
        Ask::Fetch(ticket) | Ask::UseAndRefresh(_, ticket) => ticket,
        other => panic!("not asked to fetch: {other:?}"),
    }
}

/// The first who asks for a token of that tenant has to fetch it.
fn first(cache: &Arc<TokenCache<u32>>, tenant: u32) -> Ticket<u32> {
    let Ask::Fetch(ticket) = cache.ask(&tenant) else { panic!("not asked to fetch") };
    ticket
}

fn used(cache: &Cache) -> Option<String> {
    match cache.ask(&"tenant") {
        Ask::Use(token) | Ask::UseAndRefresh(token, _) => Some(token.expose().to_owned()),
        _ => None,
    }
}

fn land(ticket: Ticket<&'static str>, token: &str, lifetime: f64) {
    ticket.land(&Secret::new(token), seconds(lifetime));
}

#[tokio::test(start_paused = true)]
async fn one_fetches_the_others_wait() {
    let cache: Cache = TokenCache::new(still);
    let ticket = leader(&cache);
    let waiting: Vec<_> = (0..499)
        .map(|_| match cache.ask(&"tenant") {
            Ask::Join(news) => news,
            other => panic!("a second fetch: {other:?}"),
        })
        .collect();
    assert!(matches!(cache.ask(&"another"), Ask::Fetch(_)), "another tenant has its own");
    land(ticket, "one", 3600.0);
    for news in waiting {
        assert!(matches!(&*news.borrow(), News::Landed(Ok(token)) if token.expose() == "one"));
    }
    assert_eq!(used(&cache).as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn at_half_life_one_refreshes_and_nobody_waits() {
    let cache: Cache = TokenCache::new(still);
    land(leader(&cache), "old", 3600.0);
    advance(seconds(1800.0)).await;
    let Ask::UseAndRefresh(token, ticket) = cache.ask(&"tenant") else { panic!("not refreshed") };
    assert_eq!(token.expose(), "old");
    assert!(matches!(cache.ask(&"tenant"), Ask::Use(_)));
    land(ticket, "new", 3600.0);
    assert!(matches!(cache.ask(&"tenant"), Ask::Use(token) if token.expose() == "new"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_costs_nothing_and_is_spaced() {
    let cache: Cache = TokenCache::new(still);
    land(leader(&cache), "old", 3600.0);
    advance(seconds(3000.0)).await;
    let mut fetches = 0;
    for _ in 0..5390 {
        advance(seconds(0.1)).await;
        match cache.ask(&"tenant") {
            Ask::Use(token) => assert_eq!(token.expose(), "old"),
            Ask::UseAndRefresh(token, ticket) => {
                assert_eq!(token.expose(), "old");
                fetches += 1;
                ticket.fail(TokenError::new("down"));
            }
            other => panic!("a call had to wait: {other:?}"),
        }
    }
    assert!((50..100).contains(&fetches), "{fetches} fetches in nine minutes");
}

#[tokio::test(start_paused = true)]
async fn the_last_minute_is_better_than_nothing() {
    let cache: Cache = TokenCache::new(still);
    land(leader(&cache), "old", 3600.0);
    advance(seconds(3550.0)).await;
    let Ask::Fetch(ticket) = cache.ask(&"tenant") else { panic!("not waited for another") };
    let news = ticket.news();
    ticket.fail(TokenError::new("down"));
    assert!(matches!(&*news.borrow(), News::Landed(Ok(token)) if token.expose() == "old"));
    advance(seconds(60.0)).await;
    let ticket = leader(&cache);
    let news = ticket.news();
    ticket.fail(TokenError::new("down"));
    assert!(matches!(&*news.borrow(), News::Landed(Err(error)) if error.message == "down"));
}

#[tokio::test(start_paused = true)]
async fn no_error_is_kept() {
    let cache: Cache = TokenCache::new(still);
    leader(&cache).fail(TokenError::new("down"));
    land(leader(&cache), "one", 3600.0);
    assert_eq!(used(&cache).as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_cut_off_lets_the_next_one_try() {
    let cache: Cache = TokenCache::new(still);
    let ticket = leader(&cache);
    let Ask::Join(mut news) = cache.ask(&"tenant") else { panic!("a second fetch") };
    drop(ticket);
    assert!(news.changed().await.is_err());
    land(leader(&cache), "one", 3600.0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_forgotten_but_not_its_successor() {
    let cache: Cache = TokenCache::new(still);
    land(leader(&cache), "old", 3600.0);
    cache.refused(&"tenant", &Secret::new("old"));
    // One fetch, however many were refused with it.
    let ticket = leader(&cache);
    cache.refused(&"tenant", &Secret::new("old"));
    assert!(matches!(cache.ask(&"tenant"), Ask::Join(_)));
    land(ticket, "new", 3600.0);
    cache.refused(&"tenant", &Secret::new("old"));
    assert_eq!(used(&cache).as_deref(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_does_not_live_longer() {
    let cache: Cache = TokenCache::new(still);
    land(leader(&cache), "same", 3600.0);
    advance(seconds(1800.0)).await;
    land(leader(&cache), "same", 1800.0);
    assert!(matches!(cache.ask(&"tenant"), Ask::Use(_)), "asked again at once");
    advance(seconds(45.0)).await;
    assert!(matches!(cache.ask(&"tenant"), Ask::UseAndRefresh(..)));
    advance(seconds(1695.0)).await;
    assert!(matches!(cache.ask(&"tenant"), Ask::Fetch(_)));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_not_forgotten_for_want_of_room() {
    let cache: Arc<TokenCache<u32>> = TokenCache::new(still);
    let _under_way: Vec<_> = (0..=1000).map(|tenant| first(&cache, tenant)).collect();
    assert!(matches!(cache.ask(&1000), Ask::Join(_)) && matches!(cache.ask(&999), Ask::Join(_)));
}

/// With more tenants than are kept, one may be asked for anew while its first fetch is still under way.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_forgotten_fetch_is_not_the_end_of_the_next() {
    let cache: Arc<TokenCache<u32>> = TokenCache::new(still);
    let forgotten = first(&cache, 0);
    for tenant in 1..=1000 {
        advance(seconds(0.001)).await;
        first(&cache, tenant).land(&Secret::new("token"), seconds(3600.0));
    }
    let _next = first(&cache, 0);
    drop(forgotten);
    assert!(matches!(cache.ask(&0), Ask::Join(_)), "a second fetch");
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_whoever_asks() {
    let cache: Arc<TokenCache<u32>> = TokenCache::new(still);
    for tenant in 0..1500 {
        first(&cache, tenant).land(&Secret::new("token"), seconds(3600.0));
        advance(seconds(0.001)).await;
    }
    assert!(matches!(cache.ask(&0), Ask::Fetch(_)), "the least lately asked has gone");
    assert!(matches!(cache.ask(&1499), Ask::Use(_)));
}
