//! Paused time that moves only where a test moves it.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::sync::mpsc;
use std::time::Duration;

use tokio::task::yield_now;

/// Keeps paused time from running ahead while all that is left to wait for is a socket. A test that hangs gets time
/// back after a minute of the real one, and so meets its deadline.
pub(crate) struct Still(#[allow(dead_code, reason = "dropping it is the signal")] mpsc::Sender<()>);

impl Still {
    pub(crate) fn new() -> Self {
        let (end, ended) = mpsc::channel();
        // Tokio holds its clock while a blocking task runs.
        tokio::task::spawn_blocking(move || ended.recv_timeout(Duration::from_secs(60)));
        Self(end)
    }
}

/// Gives everything that is ready on either end of a socket its turn.
pub(crate) async fn settle() {
    for _ in 0..40 {
        yield_now().await;
    }
}

/// Runs a future to its end while time passes in small steps, the sockets being served between them.
pub(crate) async fn as_time_passes<T>(step: Duration, future: impl Future<Output = T>) -> T {
    let still = Still::new();
    tokio::pin!(future);
    // Bounded: an hour of paused time is beyond every deadline here.
    for _ in 0..3600 * 1000 {
        tokio::select! {
            biased;
            value = &mut future => {
                settle().await;
                drop(still);
                return value;
            }
            () = settle() => tokio::time::advance(step).await,
        }
    }
    panic!("it never ended");
}
