//! The one rule for age, in a table.

use std::time::Duration;

use callredirect::send::clock;
use callredirect::send::token::{Advice, Life};

use crate::seconds;

#[tokio::test(start_paused = true)]
async fn advice_by_age() {
    // (lifetime, age, advice) in seconds, without jitter.
    let table = [
        (3600.0, 0.0, Advice::Use),
        (3600.0, 1799.9, Advice::Use),
        (3600.0, 1800.0, Advice::UseAndRefresh),
        (3600.0, 3539.9, Advice::UseAndRefresh),
        (3600.0, 3540.0, Advice::Wait),
        (3600.0, 9999.0, Advice::Wait),
        // A short one is not useless: a quarter of its life is margin enough.
        (40.0, 19.9, Advice::Use),
        (40.0, 29.9, Advice::UseAndRefresh),
        (40.0, 30.0, Advice::Wait),
        (0.0, 0.0, Advice::Wait),
    ];
    let now = clock::now();
    for (lifetime, age, advice) in table {
        let life = Life::new(now, seconds(lifetime), 0.0);
        assert_eq!(life.advice(now + seconds(age)), advice, "{lifetime} s, {age} s old");
    }
    assert_eq!(Life::new(now, seconds(3600.0), 1.0).refresh_at(), now + seconds(2160.0));
    let endless = Life::new(now, Duration::MAX, 7.0);
    assert!(endless.alive(now) && !endless.alive(now + seconds(7.0 * 86_400.0)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_tried_again_the_sooner_the_less_is_left() {
    let now = clock::now();
    for (left, wait) in [(1800.0, 45.0), (600.0, 15.0), (61.0, 1.525), (10.0, 1.0), (1e6, 60.0)] {
        let mut life = Life::new(now, seconds(left), 0.0);
        life.put_off(now, 0.0);
        assert_eq!(life.refresh_at(), now + seconds(wait), "{left} s left");
    }
}

#[tokio::test(start_paused = true)]
async fn alive_until_the_very_end() {
    let now = clock::now();
    let life = Life::new(now, seconds(100.0), 0.5);
    assert!(life.alive(now + seconds(99.9)));
    assert!(!life.alive(now + seconds(100.0)));
}
