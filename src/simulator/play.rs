//! Calls made from their scripts, one by one or as a whole scenario.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use super::caller::{Caller, on_the_clock};
use super::graph::Graph;
use super::line::Line;
use super::ring::{RingError, RingOptions, RungCall};
use super::scenario::Scenario;

/// How long to wait for a bot to start.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A call of its own: the simulator's speed and seed hold.
pub(super) fn caller(
    graph: &Arc<Graph>,
    line: &Arc<Line>,
    options: RingOptions,
    scenario: Option<&Scenario>,
) -> Caller {
    let rules = &graph.rules;
    let facts = options.facts(&rules.app_id, &rules.tenant_id);
    let own = match scenario {
        Some(scenario) => [options.faults.as_slice(), &scenario.faults].concat(),
        None => options.faults.clone(),
    };
    Caller {
        faults: rules.next_faults(&own, scenario.and_then(|scenario| scenario.seed)),
        speed: scenario.and_then(|scenario| scenario.speed).unwrap_or(rules.speed),
        graph: Arc::clone(graph),
        line: Arc::clone(line),
        facts,
        options,
    }
}

/// Rings every call when its time has come, and so many at once as may.
pub(super) async fn play(
    graph: Arc<Graph>,
    line: Arc<Line>,
    url: Url,
    scenario: Scenario,
) -> Result<Vec<RungCall>, RingError> {
    let speed = scenario.speed.unwrap_or(graph.rules.speed);
    let begun = tokio::time::Instant::now();
    let mut order: Vec<_> =
        scenario.calls.iter().flat_map(|call| std::iter::repeat_n(call, call.count)).enumerate().collect();
    order.sort_by_key(|(_, call)| call.start);
    let together = Arc::new(Semaphore::new(scenario.together));
    let mut results = Vec::with_capacity(order.len());
    let mut ringing: JoinSet<Result<(usize, RungCall), RingError>> = JoinSet::new();
    for (index, call) in order {
        tokio::time::sleep_until(begun + on_the_clock(call.start, speed)).await;
        let place = Arc::clone(&together).acquire_owned().await;
        // Made now and not before: a hundred thousand calls need the memory of those that ring.
        let rings = caller(&graph, &line, call.options.clone(), Some(&scenario)).ring(url.clone());
        ringing.spawn(async move {
            let rung = rings.await?;
            drop(place);
            Ok((index, rung))
        });
        while let Some(ended) = ringing.try_join_next() {
            results.push(ended.map_err(|_| RingError::Stopped)??);
        }
    }
    while let Some(ended) = ringing.join_next().await {
        results.push(ended.map_err(|_| RingError::Stopped)??);
    }
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, rung)| rung).collect())
}
