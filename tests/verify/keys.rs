//! Keys that change, run out, and cannot be had. Time is paused and moved by hand: hours pass in no time.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use callredirect::send::clock::{self, Instant};
use callredirect::verify::{Claims, KeySet, KeySource, Reason, VerificationError, Verifier};
use serde_json::json;
use tokio::time::advance;

use crate::signing::{APP, KEY, NOW, header, jwk, keys, payload, sign, token, with};

const SECOND: Duration = Duration::from_secs(1);

/// A bot, and a Microsoft whose published keys are set by the test.
struct World {
    verifier: Verifier,
    /// `None`: the keys cannot be had.
    published: Option<KeySet>,
    fetches: Vec<Instant>,
}

impl World {
    fn new(published: Option<KeySet>) -> Self {
        let source = KeySource::new("https://keys.example", &[]).unwrap();
        let verifier = Verifier::new(APP, None, None, KeySet::default()).fetching_from(source);
        Self { verifier, published, fetches: Vec::new() }
    }

    /// As the flow does: waits for keys where it has to, refreshes them behind the reply where it is time.
    async fn receive(&mut self, authorization: &str) -> Result<Claims, VerificationError> {
        for _ in 0..3 {
            match self.verifier.verify_or_fetch(authorization, NOW) {
                None => drop(self.fetch().await),
                Some(verdict) => {
                    if verdict.is_ok() && self.verifier.keys_due() {
                        let _ = self.fetch().await;
                    }
                    return verdict;
                }
            }
        }
        panic!("asked for keys again and again");
    }

    async fn fetch(&mut self) -> Result<(), String> {
        self.fetches.push(clock::now());
        let published = self.published.clone().ok_or_else(|| "down".to_owned());
        self.verifier.fetch_keys_by(ready(published)).await
    }

    async fn reason(&mut self, authorization: &str) -> Option<Reason> {
        self.receive(authorization).await.map_err(|error| error.reason).err()
    }

    fn closest_fetches(&self) -> Duration {
        self.fetches.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(Duration::MAX)
    }
}

fn signed(kid: &str) -> String {
    format!("Bearer {}", token(&with(header(), json!({ "kid": kid })), &payload()))
}

fn key_set(kid: &str) -> KeySet {
    keys(&[jwk(kid, &KEY)])
}

#[tokio::test(start_paused = true)]
async fn twenty_rotations_under_a_hundred_tokens_a_second() {
    let pairs: Vec<_> = (0..4).map(|_| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()).collect();
    let kid = |turn: usize| format!("key-{turn}");
    let tokens: Vec<_> = (0..=20)
        .map(|turn| {
            let header = with(header(), json!({"kid": kid(turn)})).to_string();
            format!("Bearer {}", sign(&pairs[turn % 4], &header, payload().to_string().as_bytes()))
        })
        .collect();
    // The hard way: the old key is gone the moment that the new one signs.
    let published = |turn: usize| Some(keys(&[jwk(&kid(turn), &pairs[turn % 4])]));
    let mut world = World::new(published(0));
    let (mut accepted, mut refused) = (0, 0);
    for (turn, token) in tokens.iter().enumerate() {
        world.published = published(turn);
        for _ in 0..3200 {
            match world.receive(token).await {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
            advance(Duration::from_millis(10)).await;
        }
    }
    assert_eq!((accepted, refused), (21 * 3200, 0));
    assert_eq!(world.fetches.len(), 21);
    assert!(world.closest_fetches() >= 30 * SECOND, "{:?}", world.closest_fetches());
}

#[tokio::test(start_paused = true)]
async fn keys_are_refreshed_every_hour_and_nobody_waits() {
    let mut world = World::new(Some(key_set("k1")));
    assert_eq!(world.reason(&signed("k1")).await, None);
    advance(3599 * SECOND).await;
    assert_eq!(world.reason(&signed("k1")).await, None);
    assert_eq!(world.fetches.len(), 1);
    advance(SECOND).await;
    // The token is accepted before anything is fetched, and one request alone is asked to see to it.
    assert!(world.verifier.verify_or_fetch(&signed("k1"), NOW).unwrap().is_ok());
    assert!(world.verifier.keys_due() && !world.verifier.keys_due());
    assert!(world.verifier.verify_or_fetch(&signed("k1"), NOW).unwrap().is_ok());
    world.published = Some(key_set("k2"));
    world.fetch().await.unwrap();
    assert!(!world.verifier.keys_due());
    assert_eq!(world.reason(&signed("k2")).await, None);
    assert_eq!(world.reason(&signed("k1")).await, Some(Reason::UnknownKey));
}

#[tokio::test(start_paused = true)]
async fn old_keys_serve_while_new_ones_cannot_be_had_for_a_day() {
    let mut world = World::new(Some(key_set("k1")));
    let (genuine, rotated) = (signed("k1"), signed("k2"));
    assert_eq!(world.reason(&genuine).await, None);
    world.published = None;
    // Down for two hours, with a genuine call and one of an unknown key each second.
    for _ in 0..7200 {
        advance(SECOND).await;
        assert_eq!(world.reason(&genuine).await, None);
        assert_eq!(world.reason(&rotated).await, Some(Reason::UnknownKey));
    }
    assert!(world.closest_fetches() >= 30 * SECOND);
    let tried = world.fetches.len();
    assert!((200..=242).contains(&tried), "{tried}");
    advance((22 * 3600 - 2) * SECOND).await;
    assert_eq!(world.reason(&genuine).await, None);
    advance(2 * SECOND).await;
    assert_eq!(world.reason(&genuine).await, Some(Reason::NoKeys));
    // Back: ready a second later.
    world.published = Some(key_set("k1"));
    advance(SECOND).await;
    assert_eq!(world.reason(&genuine).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_accuses_nobody_and_is_ready_within_a_second() {
    let mut world = World::new(None);
    let genuine = signed("k1");
    for _ in 0..100 {
        assert_eq!(world.reason(&genuine).await, Some(Reason::NoKeys));
        assert_eq!(world.reason("Bearer x").await, Some(Reason::Malformed));
        advance(Duration::from_millis(100)).await;
    }
    assert!((10..=11).contains(&world.fetches.len()), "{}", world.fetches.len());
    world.published = Some(key_set("k1"));
    let since = clock::now();
    while world.reason(&genuine).await.is_some() {
        advance(Duration::from_millis(100)).await;
    }
    assert!(since.elapsed() <= SECOND, "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_invented_key_ids_fetches_twice_in_30_seconds() {
    let mut world = World::new(Some(key_set("k1")));
    let genuine = signed("k1");
    assert_eq!(world.reason(&genuine).await, None);
    advance(60 * SECOND).await;
    let before = world.fetches.len();
    let body = token(&header(), &payload());
    let (_, rest) = body.split_once('.').unwrap();
    for number in 0..30_000 {
        let header = with(header(), json!({"kid": format!("invented-{number}")})).to_string();
        let head = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, header);
        assert_eq!(world.reason(&format!("Bearer {head}.{rest}")).await, Some(Reason::UnknownKey));
        if number % 100 == 0 {
            assert_eq!(world.reason(&genuine).await, None);
        }
        advance(Duration::from_millis(1)).await;
    }
    let fetched = world.fetches.len() - before;
    assert!((1..=2).contains(&fetched), "{fetched}");
}

/// The same invented id is asked about ever more seldom; a genuine one that is published late is found within 30 s.
#[tokio::test(start_paused = true)]
async fn an_id_that_is_no_key_is_remembered() {
    let mut world = World::new(Some(key_set("k1")));
    assert_eq!(world.reason(&signed("k1")).await, None);
    advance(30 * SECOND).await;
    let start = world.fetches.len();
    let mut at = Vec::new();
    for second in 0..1200 {
        let before = world.fetches.len();
        assert_eq!(world.reason(&signed("k2")).await, Some(Reason::UnknownKey));
        if world.fetches.len() > before {
            at.push(second);
        }
        advance(SECOND).await;
    }
    assert_eq!(at, [0, 30, 90, 210, 450, 750, 1050]);
    assert_eq!(world.fetches.len() - start, at.len());
    let mut late = World::new(Some(key_set("k1")));
    assert_eq!(late.reason(&signed("k2")).await, Some(Reason::UnknownKey));
    late.published = Some(key_set("k2"));
    advance(29 * SECOND).await;
    assert_eq!(late.reason(&signed("k2")).await, Some(Reason::UnknownKey));
    advance(SECOND).await;
    assert_eq!(late.reason(&signed("k2")).await, None);
}

#[tokio::test(start_paused = true)]
async fn one_fetch_for_all_who_wait() {
    let world = World::new(None);
    let verifier = Arc::new(world.verifier);
    let genuine = signed("k1");
    let made = Arc::new(AtomicU32::new(0));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..500 {
        assert!(verifier.verify_or_fetch(&genuine, NOW).is_none());
        let (verifier, genuine, made) = (Arc::clone(&verifier), genuine.clone(), Arc::clone(&made));
        waiting.spawn(async move {
            let fetch = async {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(3 * SECOND).await;
                Ok(key_set("k1"))
            };
            assert_eq!(verifier.fetch_keys_by(fetch).await, Ok(()));
            verifier.verify_or_fetch(&genuine, NOW).unwrap().unwrap();
        });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_bounded_and_a_lost_fetch_is_made_again() {
    let verifier = World::new(None).verifier;
    let genuine = signed("k1");
    let mut verdicts: HashMap<_, u32> = HashMap::new();
    for _ in 0..1500 {
        let verdict = verifier.verify_or_fetch(&genuine, NOW);
        *verdicts.entry(verdict.map(|verdict| verdict.unwrap_err().reason)).or_default() += 1;
    }
    assert_eq!(verdicts, HashMap::from([(None, 1000), (Some(Reason::NoKeys), 500)]));
    // Whoever was to fetch was stopped before it could.
    advance(9 * SECOND).await;
    assert!(verifier.verify_or_fetch(&genuine, NOW).is_some());
    advance(SECOND).await;
    assert!(verifier.verify_or_fetch(&genuine, NOW).is_none());
    // Or while it did.
    let lost = verifier.fetch_keys_by(std::future::pending());
    assert!(tokio::time::timeout(SECOND, lost).await.is_err());
    let start = clock::now();
    let failure = verifier.fetch_keys_by(ready(Ok(key_set("k1")))).await.unwrap_err();
    assert_eq!(
        (failure.as_str(), start.elapsed().as_secs()),
        ("the fetch that was under way did not end", 6)
    );
    advance(4 * SECOND).await;
    assert!(verifier.verify_or_fetch(&genuine, NOW).is_none());
    verifier.fetch_keys_by(ready(Ok(key_set("k1")))).await.unwrap();
    assert!(verifier.verify_or_fetch(&genuine, NOW).unwrap().is_ok());
    // Nobody is accused of a key that there was no room to ask for.
    advance(30 * SECOND).await;
    let unknown = signed("k2");
    assert!((0..1000).all(|_| verifier.verify_or_fetch(&unknown, NOW).is_none()));
    assert_eq!(verifier.verify_or_fetch(&unknown, NOW).unwrap().unwrap_err().reason, Reason::NoKeys);
}

#[tokio::test(start_paused = true)]
async fn the_pause_begins_at_the_end_of_a_fetch() {
    let verifier = World::new(None).verifier;
    assert!(verifier.verify_or_fetch(&signed("k1"), NOW).is_none());
    verifier.fetch_keys_by(ready(Ok(key_set("k1")))).await.unwrap();
    advance(30 * SECOND).await;
    let unknown = signed("k2");
    assert!(verifier.verify_or_fetch(&unknown, NOW).is_none());
    let slow = async {
        tokio::time::sleep(5 * SECOND).await;
        Ok(key_set("k1"))
    };
    verifier.fetch_keys_by(slow).await.unwrap();
    advance(29 * SECOND).await;
    assert_eq!(verifier.verify_or_fetch(&unknown, NOW).unwrap().unwrap_err().reason, Reason::UnknownKey);
    advance(SECOND).await;
    assert!(verifier.verify_or_fetch(&unknown, NOW).is_none());
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_handed_over_do_not_age_unless_newer_ones_can_be_had() {
    let genuine = signed("k1");
    let offline = Verifier::new(APP, None, None, key_set("k1"));
    advance(48 * 3600 * SECOND).await;
    assert!(offline.verify_or_fetch(&genuine, NOW).unwrap().is_ok() && !offline.keys_due());
    assert_eq!(offline.verify_or_fetch(&signed("k2"), NOW).unwrap().unwrap_err().reason, Reason::UnknownKey);
    assert!(offline.fetch_keys().await.unwrap_err().contains("no metadata URL"));
    // With a place to fetch from they serve at once, and are due.
    let source = KeySource::new("https://keys.example", &[]).unwrap();
    let seeded = Verifier::new(APP, None, None, key_set("k1")).fetching_from(source);
    assert!(seeded.verify_or_fetch(&genuine, NOW).unwrap().is_ok() && seeded.keys_due());
    seeded.replace_keys(key_set("k2"));
    assert!(seeded.verify_or_fetch(&signed("k2"), NOW).unwrap().is_ok());
    // Those that take their place are new.
    let replaced = World::new(None).verifier;
    replaced.replace_keys(key_set("k1"));
    assert!(!replaced.keys_due());
    advance(3600 * SECOND).await;
    assert!(replaced.keys_due());
}
