//! Claims in a file of `SQLite`: for several workers on one host, and over a restart.
//!
//! One thread has the one connection, so nothing that awaits is ever blocked by the file. It takes whatever is asked
//! meanwhile into one transaction: the more is asked, the fewer times the file is locked.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::calls::claim::{CallKey, ClaimStore, Owed, StoreFault};
use crate::calls::protocol::{Claim, Move, Record, Stage, apply, millis};
use crate::send::{clock, unforked};

/// Moves in one transaction at most: the others must not wait long for the file.
const BATCH: usize = 64;

/// How often it is looked whether the file is free again. SQLite's own pauses grow to 100 ms: with several busy workers
/// some then wait longer than anybody who asks does.
const LOOK: Duration = Duration::from_millis(1);

/// Looks at most: whoever asks gives up a little later.
const LOOKS: u32 = 200;

/// Records untouched for so long are deleted.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Transactions between two rounds of tidying up: such records, and SQLite's log.
const SWEEP: u32 = 1000;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS claims (
    key TEXT PRIMARY KEY, call_id TEXT NOT NULL, worker TEXT NOT NULL, fence INTEGER NOT NULL, stage TEXT NOT NULL,
    attempts INTEGER NOT NULL, lease_until INTEGER NOT NULL, deadline INTEGER NOT NULL, ended INTEGER NOT NULL,
    redirected INTEGER, touched INTEGER NOT NULL
) WITHOUT ROWID";

const COLUMNS: &str = "call_id, worker, fence, stage, attempts, lease_until, deadline, ended, redirected";

/// Claims in a file. Times in it are the host's wall clock in milliseconds.
#[derive(Debug)]
pub struct SqliteStore {
    asked: mpsc::Sender<Asked>,
}

type Reply<T> = oneshot::Sender<Result<T, StoreFault>>;

enum Asked {
    Apply(CallKey, Move, Reply<Claim>),
    Get(String, Reply<Option<Record>>),
    Unfinished(Reply<Vec<Record>>),
}

impl SqliteStore {
    /// Claims in the file of that name, which is made when first asked. Fails only where no thread can be started.
    pub fn new(path: &Path) -> Result<Self, StoreFault> {
        let (asked, asks) = mpsc::channel();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let answering = thread::Builder::new().name("callredirect-claims".into());
        answering.spawn(move || answer(&path, &asks)).map_err(|error| {
            StoreFault::of_store(format!("no thread could be started for the claims: {error}"))
        })?;
        Ok(Self { asked })
    }

    fn ask<T: Send + 'static>(&self, asked: impl FnOnce(Reply<T>) -> Asked) -> Owed<'_, T> {
        let (reply, owed) = oneshot::channel();
        let sent = self.asked.send(asked(reply)).is_ok();
        Box::pin(async move {
            let lost = || StoreFault::of_store("the thread of the claims is gone");
            if sent { owed.await.map_err(|_| lost())? } else { Err(lost()) }
        })
    }
}

impl ClaimStore for SqliteStore {
    fn apply(&self, call: &CallKey, step: Move) -> Owed<'_, Claim> {
        self.ask(|reply| Asked::Apply(call.clone(), step, reply))
    }

    fn get(&self, key: &str) -> Owed<'_, Option<Record>> {
        self.ask(|reply| Asked::Get(key.to_owned(), reply))
    }

    fn unfinished(&self) -> Owed<'_, Vec<Record>> {
        self.ask(Asked::Unfinished)
    }
}

/// Until nobody can ask any more.
fn answer(path: &Path, asks: &mpsc::Receiver<Asked>) {
    let mut opened = None;
    let mut rounds = 0_u32;
    while let Ok(first) = asks.recv() {
        let before = rounds;
        // A child that came of a fork in here would find the file locked for ever.
        let undisturbed = unforked();
        let mut batch = vec![first];
        batch.extend(asks.try_iter().take(BATCH - 1));
        // Whoever has given up has gone on without the claim: it must not be made behind his back.
        batch.retain(|asked| !asked.is_forgotten());
        if let Err(error) =
            open(&mut opened, path).and_then(|connection| round(connection, &mut batch, &mut rounds))
        {
            let fault = fault(error);
            for asked in batch {
                asked.fail(&fault);
            }
            opened = None;
        }
        drop(undisturbed);
        if before != rounds && before.is_multiple_of(SWEEP) {
            tidy(path);
        }
    }
    let _undisturbed = unforked();
    drop(opened);
}

/// Copies SQLite's log into the file, where it keeps nobody waiting. Whether it worked is no matter: it comes again.
fn tidy(path: &Path) {
    let path = path.to_owned();
    let copy = move || {
        let _undisturbed = unforked();
        Connection::open(path).and_then(|new| new.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())))
    };
    let _ = thread::Builder::new().name("callredirect-claims".into()).spawn(copy);
}

/// A connection, and which files it has.
struct Opened {
    connection: Connection,
    files: Files,
}

/// The claims and the log that they are written to first: device and number of each.
type Files = [Option<(u64, u64)>; 2];

/// A file that was deleted lives on for those who have it, while others make a new one and claim the same calls there.
/// The log is deleted by whoever is the last to close it, and takes itself for the last where a process has the claims
/// open that was forked off one that had: its locks are not known to the others.
fn files(path: &Path) -> Files {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    [identity(path), identity(log.as_ref())]
}

fn open<'a>(opened: &'a mut Option<Opened>, path: &Path) -> rusqlite::Result<&'a mut Connection> {
    if opened.as_ref().is_none_or(|opened| opened.files != files(path)) {
        let until = clock::now() + LOOK * LOOKS;
        // First the one that is left, for the locks of a file are the process's.
        *opened = None;
        let connection = loop {
            match connect(path) {
                // Of several that make the file at the same moment SQLite turns some away without asking the handler.
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && clock::now() < until =>
                {
                    thread::sleep(LOOK);
                }
                made => break made?,
            }
        };
        *opened = Some(Opened { connection, files: files(path) });
    }
    opened.as_mut().map(|opened| &mut opened.connection).ok_or(rusqlite::Error::InvalidQuery)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut new = Connection::open(path)?;
    new.busy_handler(Some(|looks: i32| {
        thread::sleep(LOOK);
        looks.unsigned_abs() < LOOKS
    }))?;
    new.pragma_update(None, "journal_mode", "WAL")?;
    // It waits for the disk, which may take longer than anybody who asks does: see `tidy`.
    new.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Survives the end of the process at any moment; the last claims before a power cut may be lost with it.
    new.pragma_update(None, "synchronous", "NORMAL")?;
    new.execute(SCHEMA, [])?;
    add_missing_column(&new)?;
    Ok(new)
}

/// A file of before there was this column has none: `CREATE` leaves it as it is.
fn add_missing_column(connection: &Connection) -> rusqlite::Result<()> {
    let has = || connection.column_exists(None::<&str>, "claims", "redirected");
    if has()? {
        return Ok(());
    }
    match connection.execute("ALTER TABLE claims ADD COLUMN redirected INTEGER", []) {
        // Another worker was faster.
        Err(_) if has()? => Ok(()),
        added => added.map(drop),
    }
}

/// One transaction; replies only once it is kept.
fn round(connection: &mut Connection, batch: &mut Vec<Asked>, rounds: &mut u32) -> rusqlite::Result<()> {
    // Most deliveries are repeats, which change nothing: those need not wait until the file is free.
    let claims = match unchanged(connection, batch)? {
        Some(claims) => claims,
        None => change(connection, batch, rounds)?,
    };
    let mut claims = claims.into_iter();
    for asked in batch.drain(..) {
        match asked {
            Asked::Apply(_, _, reply) => {
                let _ = claims.next().map(|claim| reply.send(Ok(claim)));
            }
            Asked::Get(key, reply) => drop(reply.send(read(connection, &key).map_err(fault))),
            Asked::Unfinished(reply) => drop(reply.send(unfinished(connection, now()).map_err(fault))),
        }
    }
    Ok(())
}

/// What the moves come to, if none of them changes anything.
fn unchanged(connection: &Connection, batch: &[Asked]) -> rusqlite::Result<Option<Vec<Claim>>> {
    let mut claims = Vec::new();
    for asked in batch {
        if let Asked::Apply(call, step, _) = asked {
            let (claim, new) = apply(&call.call_id, step, read(connection, &call.key)?.as_ref(), now());
            if new.is_some() {
                return Ok(None);
            }
            claims.push(claim);
        }
    }
    Ok(Some(claims))
}

fn change(
    connection: &mut Connection,
    batch: &mut Vec<Asked>,
    rounds: &mut u32,
) -> rusqlite::Result<Vec<Claim>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The file may have been busy for a while: some have given up.
    batch.retain(|asked| !asked.is_forgotten());
    let now = now();
    let mut claims = Vec::new();
    for asked in batch.iter() {
        if let Asked::Apply(call, step, _) = asked {
            let record = read(&transaction, &call.key)?;
            let (claim, new) = apply(&call.call_id, step, record.as_ref(), now);
            if let Some(record) = new {
                write(&transaction, &call.key, &record, now)?;
            }
            claims.push(claim);
        }
    }
    if rounds.is_multiple_of(SWEEP) {
        let long_ago = now.saturating_sub(millis(KEPT));
        transaction.execute("DELETE FROM claims WHERE touched < ?1", [signed(long_ago)])?;
    }
    *rounds = rounds.wrapping_add(1);
    transaction.commit()?;
    Ok(claims)
}

fn read(connection: &Connection, key: &str) -> rusqlite::Result<Option<Record>> {
    let sql = format!("SELECT {COLUMNS} FROM claims WHERE key = ?1");
    connection.query_row(&sql, [key], record).optional()
}

fn unfinished(connection: &Connection, now: u64) -> rusqlite::Result<Vec<Record>> {
    let sql = format!("SELECT {COLUMNS} FROM claims WHERE stage IN ('claimed', 'sent') ORDER BY deadline");
    let mut statement = connection.prepare(&sql)?;
    let records = statement.query_map([], record)?.collect::<Result<Vec<_>, _>>()?;
    Ok(records.into_iter().filter(|record| record.is_unfinished(now)).collect())
}

fn write(transaction: &Transaction<'_>, key: &str, record: &Record, now: u64) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT OR REPLACE INTO claims (key, {COLUMNS}, touched) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    );
    let Record { call_id, worker, fence, stage, attempts, lease_until, deadline, ended, redirected } = record;
    let [fence, lease_until, deadline, now] = [*fence, *lease_until, *deadline, now].map(signed);
    let row = params![
        key,
        call_id,
        worker,
        fence,
        stage.name(),
        attempts,
        lease_until,
        deadline,
        ended,
        redirected,
        now
    ];
    transaction.execute(&sql, row).map(drop)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let stage: String = row.get(3)?;
    let unsigned = |column| row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or_default());
    Ok(Record {
        call_id: row.get(0)?,
        worker: row.get(1)?,
        fence: unsigned(2)?,
        // A stage of a later version: whatever it is, the call is not free.
        stage: Stage::named(&stage).unwrap_or(Stage::Unknown),
        attempts: row.get(4)?,
        lease_until: unsigned(5)?,
        deadline: unsigned(6)?,
        ended: row.get(7)?,
        redirected: row.get(8)?,
    })
}

impl Asked {
    fn is_forgotten(&self) -> bool {
        match self {
            Self::Apply(_, _, reply) => reply.is_closed(),
            Self::Get(_, reply) => reply.is_closed(),
            Self::Unfinished(reply) => reply.is_closed(),
        }
    }

    fn fail(self, fault: &StoreFault) {
        let fault = fault.clone();
        match self {
            Self::Apply(_, _, reply) => drop(reply.send(Err(fault))),
            Self::Get(_, reply) => drop(reply.send(Err(fault))),
            Self::Unfinished(reply) => drop(reply.send(Err(fault))),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn fault(error: rusqlite::Error) -> StoreFault {
    StoreFault::of_store(format!("the claims in SQLite: {error}"))
}

/// The wall clock, because other processes read it too. Nothing depends on it but when a successor may try.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
fn now() -> u64 {
    (clock::unix() * 1000.0) as u64
}

/// SQLite has no unsigned numbers.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
