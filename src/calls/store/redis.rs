//! Claims in Redis or Valkey: for workers on many hosts.
//!
//! A first claim is one `SET NX PX`. Every later move reads the record, asks the rules, and writes with a script that
//! does so only if the record is still the one that was read.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, cmd};
use serde_json::{Value, json};

use crate::calls::claim::{CallKey, ClaimStore, Owed, StoreFault};
use crate::calls::desk::PATIENCE;
use crate::calls::protocol::{Claim, Move, Record, Stage, apply, millis};
use crate::send::clock::{self, Instant};

/// Beyond the 15 seconds of a call and the longest that a redirect rings.
const KEPT: Duration = Duration::from_secs(120);

/// Moves that may get in between before it is called a fault.
const TRIES: usize = 8;

const PREFIX: &str = "callredirect:claim:";

const SWAP: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
end
return 0";

/// Claims in Redis. Times in it are the server's clock.
pub struct RedisStore {
    client: Client,
    line: Mutex<Option<Line>>,
}

/// A connection, and what the server's clock said when.
#[derive(Clone)]
struct Line {
    connection: MultiplexedConnection,
    server: u64,
    here: Instant,
}

impl RedisStore {
    /// Claims at `redis://` or, encrypted, `rediss://`. Does not connect yet. An error does not repeat the address.
    pub fn new(url: &str) -> Result<Self, StoreFault> {
        let client = Client::open(url).map_err(|error| {
            StoreFault::of_store(format!("not an address of Redis: {}", error.category()))
        })?;
        Ok(Self { client, line: Mutex::default() })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two may connect at once: one of the connections is then dropped, with nothing lost.
    async fn line(&self) -> RedisResult<Line> {
        if let Some(line) = self.kept().clone() {
            return Ok(line);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            // Sooner than whoever asks gives up: else nobody would learn that the connection is dead.
            .set_response_timeout(Some(PATIENCE * 9 / 10));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let server = time(cmd("TIME").query_async(&mut connection).await?);
        let line = Line { connection, server, here: clock::now() };
        *self.kept() = Some(line.clone());
        Ok(line)
    }

    /// A connection that failed is not used again: after a fault nobody knows which answer is whose turn. Nor is one to
    /// a server that became another's replica: the address leads to the present one by now, or will.
    fn heard<T>(&self, result: RedisResult<T>) -> Result<T, StoreFault> {
        result.map_err(|error| {
            if error.is_io_error()
                || error.is_timeout()
                || error.is_connection_dropped()
                || error.is_unrecoverable_error()
                || error.code() == Some("READONLY")
            {
                *self.kept() = None;
            }
            let reason = format!("the claims in Redis: {}", said(&error));
            let of_record =
                error.kind() == ErrorKind::UnexpectedReturnType || error.code() == Some("WRONGTYPE");
            StoreFault { reason, of_record }
        })
    }

    async fn first(&self, name: &str, record: &Record, line: &mut Line) -> RedisResult<bool> {
        let mut set = cmd("SET");
        set.arg(name).arg(text(record)).arg("NX").arg("PX").arg(millis(KEPT));
        let done: Option<String> = set.query_async(&mut line.connection).await?;
        Ok(done.is_some())
    }

    async fn swap(&self, name: &str, old: &str, record: &Record, line: &mut Line) -> RedisResult<bool> {
        let mut swap = cmd("EVAL");
        swap.arg(SWAP).arg(1).arg(name).arg(old).arg(text(record)).arg(millis(KEPT));
        let done: u8 = swap.query_async(&mut line.connection).await?;
        Ok(done == 1)
    }

    async fn moved(&self, call: &CallKey, step: &Move) -> RedisResult<Option<Claim>> {
        let name = format!("{PREFIX}{}", call.key);
        let mut line = self.line().await?;
        // Most moves of a claim are the first: worth a try without a look.
        let mut unread = matches!(step, Move::Claim { .. });
        for _ in 0..TRIES {
            let (old, now) = if std::mem::take(&mut unread) {
                (None, line.now())
            } else {
                // Both leave in one go, and each has an error of its own.
                let (mut one, mut other) = (line.connection.clone(), line.connection.clone());
                let (get, clock) = (cmd("GET").arg(&name).clone(), cmd("TIME"));
                let (old, at): (Option<String>, _) =
                    tokio::try_join!(get.query_async(&mut one), clock.query_async(&mut other))?;
                (old, time(at))
            };
            let record = old.as_deref().map(read).transpose()?;
            let (claim, new) = apply(&call.call_id, step, record.as_ref(), now);
            let done = match (&old, &new) {
                (_, None) => true,
                (None, Some(new)) => self.first(&name, new, &mut line).await?,
                (Some(old), Some(new)) => self.swap(&name, old, new, &mut line).await?,
            };
            if done {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// Looks through all keys: the server is asked for a thousand at a time, so that it is not held up.
    async fn search(&self) -> RedisResult<Vec<Record>> {
        let mut line = self.line().await?;
        let (mut cursor, mut found) = (0_u64, Vec::new());
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{PREFIX}*")).arg("COUNT").arg(1000);
            let names: Vec<String>;
            (cursor, names) = scan.query_async(&mut line.connection).await?;
            if !names.is_empty() {
                let values: Vec<Option<String>> =
                    cmd("MGET").arg(&names).query_async(&mut line.connection).await?;
                found.extend(values.into_iter().flatten().filter_map(|value| read(&value).ok()));
            }
            if cursor == 0 {
                break;
            }
        }
        let now = time(cmd("TIME").query_async(&mut line.connection).await?);
        found.retain(|record| record.is_unfinished(now));
        found.sort_by_key(|record| record.deadline);
        Ok(found)
    }
}

impl Line {
    fn now(&self) -> u64 {
        self.server + millis(clock::now().saturating_duration_since(self.here))
    }
}

impl ClaimStore for RedisStore {
    fn apply(&self, call: &CallKey, step: Move) -> Owed<'_, Claim> {
        let call = call.clone();
        Box::pin(async move {
            let claim = self.heard(self.moved(&call, &step).await)?;
            let contended = || format!("the claims in Redis: {TRIES} moves of others got in between");
            claim.ok_or_else(|| StoreFault::of_record(contended()))
        })
    }

    fn get(&self, key: &str) -> Owed<'_, Option<Record>> {
        let name = format!("{PREFIX}{key}");
        Box::pin(async move {
            let get = async {
                let mut line = self.line().await?;
                let value: Option<String> = cmd("GET").arg(name).query_async(&mut line.connection).await?;
                value.as_deref().map(read).transpose()
            };
            self.heard(get.await)
        })
    }

    fn unfinished(&self) -> Owed<'_, Vec<Record>> {
        Box::pin(async move { self.heard(self.search().await) })
    }
}

fn text(record: &Record) -> String {
    let Record { call_id, worker, fence, stage, attempts, lease_until, deadline, ended, redirected } = record;
    json!({
        "call": call_id, "worker": worker, "fence": fence, "stage": stage.name(), "attempts": attempts,
        "lease_until": lease_until, "deadline": deadline, "ended": ended, "redirected": redirected,
    })
    .to_string()
}

/// A value that is none of ours is a fault of the store, not a claim: a call must not be lost to it.
fn read(value: &str) -> RedisResult<Record> {
    let foreign =
        || RedisError::from((ErrorKind::UnexpectedReturnType, "a value that callredirect did not write"));
    let value: Value = serde_json::from_str(value).map_err(|_| foreign())?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or_else(foreign);
    let number = |name: &str| value.get(name).and_then(Value::as_u64).ok_or_else(foreign);
    Ok(Record {
        call_id: text("call")?.to_owned(),
        worker: text("worker")?.to_owned(),
        fence: number("fence")?,
        stage: Stage::named(text("stage")?).ok_or_else(foreign)?,
        attempts: u32::try_from(number("attempts")?).unwrap_or(u32::MAX),
        lease_until: number("lease_until")?,
        deadline: number("deadline")?,
        ended: value.get("ended").and_then(Value::as_bool).ok_or_else(foreign)?,
        redirected: value.get("redirected").and_then(Value::as_bool),
    })
}

/// The server's own words, which name no address; what the operating system said otherwise.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), detail) => format!("{code} {}", detail.unwrap_or_default()).trim_end().to_owned(),
        _ if error.is_timeout() => "no answer in time".to_owned(),
        (None, _) => error.to_string(),
    }
}

fn time((seconds, micros): (u64, u64)) -> u64 {
    seconds * 1000 + micros / 1000
}
