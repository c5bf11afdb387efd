//! A queue that takes requests in no time, and the thread that writes them down.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::file::{Appender, NO_FILE, key};
use super::line::{Recorded, Verdict};
use super::pseudonym::Pseudonyms;
use super::redact::{redact, without_phones};
use crate::notification::{ParseOptions, parse};
use crate::send::PerProcess;
use crate::send::clock::{self, Arrival, Instant};

/// What waits to be written, at most: a disk that hangs must not take the memory of the bot.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const MOST_WAITING: usize = 10_000;

/// Between two warnings.
const WARNING_EVERY: Duration = Duration::from_secs(60);

/// The thread ends after so much silence; the next request starts another.
const IDLE: Duration = Duration::from_secs(10);

/// Headers that are recorded. Whatever else comes may be a secret.
const HEADERS: &[&str] = &[
    "accept",
    "client-request-id",
    "content-type",
    "ms-teams-partition",
    "ms-teams-region",
    "ms-teams-ring",
    "request-id",
    "scenario-id",
    "user-agent",
    "x-microsoft-skype-caller-region",
    "x-microsoft-skype-chain-id",
    "x-microsoft-skype-message-id",
    "x-microsoft-skype-original-message-id",
];

/// Of a header, in characters.
const LONGEST_HEADER: usize = 512;

/// How to record.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// A file that would grow beyond is put aside first; `None` lets it grow.
    pub max_bytes: Option<u64>,
    /// How many of those put aside are kept.
    pub keep: u32,
    /// Replace phone numbers, names, tokens and whatever else is not known to be harmless.
    pub redact: bool,
}

/// A request that was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// When it came, in microseconds since 1970.
    pub received_at: i64,
    /// HTTP method.
    pub method: Option<String>,
    /// Path of the URL.
    pub path: Option<String>,
    /// All its headers; most are not recorded.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// The HTTP status answered.
    pub status: Option<u16>,
    /// Whether the token was genuine.
    pub verified: Option<bool>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// Records requests into a file. Shared by all threads of a process; a forked child has a queue of its own.
#[derive(Debug)]
pub struct Recorder {
    options: Options,
    here: PerProcess<Arc<Desk>>,
}

/// The queue of one process.
#[derive(Debug)]
struct Desk {
    options: Options,
    state: Mutex<State>,
    /// Something came, or is done, or is to end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Seen>,
    bytes: usize,
    /// A thread is there to write.
    served: bool,
    /// It is at it.
    writing: bool,
    /// It is to end when all is written.
    closing: bool,
    written: u64,
    dropped: u64,
    /// Why the last one was dropped, until it was told.
    fault: Option<String>,
    warned_at: Option<Instant>,
}

impl Recorder {
    /// Nothing is opened before the first request.
    pub fn new(options: Options) -> Self {
        Self { options, here: PerProcess::new() }
    }

    /// How it records.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Takes a request, and returns at once. Now and then, why requests were not recorded: to be told as a warning.
    pub fn record(&self, seen: Seen) -> Option<String> {
        let desk = self.desk();
        desk.take(seen);
        desk.warning()
    }

    /// Waits until all is written; whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        self.desk().drained(patience)
    }

    /// The same, and lets go of the file. It is opened again if another request comes.
    pub fn close(&self, patience: Duration) -> bool {
        let desk = self.desk();
        desk.state().closing = true;
        desk.changed.notify_all();
        desk.drained(patience)
    }

    /// Requests that this process has written, and those that it could not.
    pub fn counts(&self) -> (u64, u64) {
        let desk = self.desk();
        let state = desk.state();
        (state.written, state.dropped)
    }

    /// What is to be told as a warning, if anything is.
    pub fn warning(&self) -> Option<String> {
        self.desk().warning()
    }

    fn desk(&self) -> Arc<Desk> {
        let made = self.here.get_or_make(|| {
            let desk = Arc::new(Desk {
                options: self.options.clone(),
                state: Mutex::default(),
                changed: Condvar::new(),
            });
            let desks = desks();
            let mut desks = desks.lock().unwrap_or_else(PoisonError::into_inner);
            desks.retain(|other| other.strong_count() > 0);
            desks.push(Arc::downgrade(&desk));
            drop(desks);
            Ok::<_, std::convert::Infallible>(desk)
        });
        match made {
            Ok(desk) => desk,
            Err(never) => match never {},
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let desk = self.desk();
        desk.state().closing = true;
        desk.changed.notify_all();
    }
}

/// Waits until every recorder of this process has written all it was given, for the end of the process.
pub fn flush_all(patience: Duration) {
    let desks = std::mem::take(&mut *desks().lock().unwrap_or_else(PoisonError::into_inner));
    for desk in desks.iter().filter_map(Weak::upgrade) {
        desk.drained(patience);
    }
}

type Desks = Arc<Mutex<Vec<Weak<Desk>>>>;

fn desks() -> Desks {
    static DESKS: PerProcess<Desks> = PerProcess::new();
    match DESKS.get_or_make(|| Ok::<_, std::convert::Infallible>(Desks::default())) {
        Ok(desks) => desks,
        Err(never) => match never {},
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, seen: Seen) {
        let mut state = self.state();
        let bytes = seen.body.len();
        if state.waiting.len() >= MOST_WAITING || state.bytes.saturating_add(bytes) > MOST_BYTES {
            return state.drop_one("requests come faster than they can be written".to_owned());
        }
        if !state.served {
            let desk = Arc::clone(self);
            let thread = std::thread::Builder::new().name("callredirect-record".to_owned());
            if let Err(error) = thread.spawn(move || desk.serve()) {
                return state.drop_one(format!("there is no thread to write it: {error}"));
            }
            state.served = true;
        }
        state.bytes += bytes;
        state.closing = false;
        state.waiting.push_back(seen);
        self.changed.notify_all();
    }

    /// What the thread does.
    fn serve(&self) {
        let Options { path, max_bytes, keep, .. } = self.options.clone();
        let mut writer = Writer { file: Appender::new(path, max_bytes, keep), pseudonyms: None };
        while let Some(seen) = self.next() {
            let bytes = seen.body.len();
            // A fault in here must not leave those waiting who flush.
            let write = std::panic::AssertUnwindSafe(|| writer.write(seen, &self.options));
            let result = std::panic::catch_unwind(write)
                .unwrap_or_else(|_| Err("callredirect failed to write it: please report it".to_owned()));
            let mut state = self.state();
            state.bytes = state.bytes.saturating_sub(bytes);
            state.writing = false;
            match result {
                Ok(()) => state.written += 1,
                Err(fault) => state.drop_one(fault),
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next to be written. `None` ends the thread.
    fn next(&self) -> Option<Seen> {
        let mut state = self.state();
        loop {
            if let Some(seen) = state.waiting.pop_front() {
                state.writing = true;
                return Some(seen);
            }
            let silent;
            if state.closing {
                silent = true;
            } else {
                let waited = self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                silent = waited.1.timed_out() && waited.0.waiting.is_empty();
                state = waited.0;
            }
            if silent {
                state.served = false;
                drop(state);
                self.changed.notify_all();
                return None;
            }
        }
    }

    fn drained(&self, patience: Duration) -> bool {
        let busy =
            |state: &mut State| state.writing || !state.waiting.is_empty() || (state.closing && state.served);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), patience, busy)
            .unwrap_or_else(PoisonError::into_inner);
        !busy(&mut state)
    }

    fn warning(&self) -> Option<String> {
        let mut state = self.state();
        let due = |at: Instant| clock::now().saturating_duration_since(at) >= WARNING_EVERY;
        if state.fault.is_none() || !state.warned_at.is_none_or(due) {
            return None;
        }
        state.warned_at = Some(clock::now());
        let fault = state.fault.take()?;
        let shown = self.options.path.display();
        Some(format!("{shown}: requests are not recorded, {} so far: {fault}", state.dropped))
    }
}

impl State {
    fn drop_one(&mut self, fault: String) {
        self.dropped += 1;
        self.fault = Some(fault);
    }
}

/// What the thread has of the file.
struct Writer {
    file: Appender,
    pseudonyms: Option<Pseudonyms>,
}

impl Writer {
    fn write(&mut self, seen: Seen, options: &Options) -> Result<(), String> {
        let pseudonyms = match (&mut self.pseudonyms, options.redact) {
            (_, false) => None,
            (Some(kept), true) => Some(&*kept),
            (none, true) => {
                let key = key(&options.path).map_err(|error| format!("its key: {error}"))?;
                Some(&*none.insert(Pseudonyms::new(&key)))
            }
        };
        let line = recorded(seen, pseudonyms).to_line();
        self.file.append(&line).map_err(|error| error.to_string())
    }
}

/// What is kept of a request.
fn recorded(seen: Seen, pseudonyms: Option<&Pseudonyms>) -> Recorded {
    let calls = call_ids(&seen.body);
    let harmless = |text: String| match pseudonyms {
        Some(pseudonyms) => without_phones(&text, pseudonyms).into_owned(),
        None => text,
    };
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in seen.headers {
        let name = name.to_ascii_lowercase();
        if HEADERS.contains(&name.as_str()) {
            let value = harmless(value.chars().take(LONGEST_HEADER).collect());
            headers.entry(name).and_modify(|all| *all = format!("{all}, {value}")).or_insert(value);
        }
    }
    // A query may hold a key: Azure Functions has it there.
    let path = seen.path.map(|path| match pseudonyms {
        Some(_) => harmless(path.split(['?', '#']).next().unwrap_or_default().to_owned()),
        None => path,
    });
    let reason = seen.reason.map(harmless);
    Recorded {
        received_at: seen.received_at,
        method: seen.method,
        path,
        headers,
        body: pseudonyms.map_or_else(|| seen.body.clone(), |pseudonyms| redact(&seen.body, pseudonyms)),
        redacted: pseudonyms.is_some(),
        verdict: Verdict { status: seen.status, verified: seen.verified, reason, calls },
    }
}

/// The calls that a body is about, each once.
pub(super) fn call_ids(body: &[u8]) -> Vec<String> {
    let notes = parse(body, &ParseOptions::default(), Arrival::now()).unwrap_or_default();
    let mut ids: Vec<String> = Vec::new();
    for id in notes.iter().filter_map(crate::notification::Notification::call_id) {
        if !ids.iter().any(|known| known.eq_ignore_ascii_case(&id)) {
            ids.push(id);
        }
    }
    ids
}

/// Whether a recording can be made at that path, before it is needed.
pub fn check(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::metadata(folder.unwrap_or(Path::new(".")))?;
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => Err(std::io::Error::other(NO_FILE)),
        _ => Ok(()),
    }
}
