//! From tokio's threads to Python's event loops, without a tokio thread ever touching Python.
//!
//! A finished request is put into the mailbox of the event loop that waits for it; the first one into an empty mailbox
//! makes a file descriptor readable, and the loop empties the whole mailbox in one go.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyImportError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tokio::runtime::Runtime;

use super::hint::{As, hint};
use crate::send::{self, PerProcess};

hint! {
    Drained = "list[tuple[int, Any, BaseException | None]]";
}

type Letters = Vec<(u64, Py<PyAny>, Option<Py<PyAny>>)>;

/// Raises ``ImportError`` in a second interpreter of a process: what is kept for ever are objects of the first one.
/// Python 3.12 and newer refuse it themselves.
#[pyfunction]
pub(super) fn _one_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    // Each interpreter has a `sys` of its own; kept, so that no other ever comes to lie at its address.
    let sys = py.import("sys")?;
    if FIRST.get_or_init(py, || sys.clone().unbind()).is(&sys) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "callredirect is loaded in another interpreter of this process already, and does not support a second: \
         give the application a process of its own",
    ))
}

/// To be called right before a fork.
#[pyfunction]
pub(super) fn _before_fork(py: Python<'_>) {
    // Released meanwhile: another thread may be between its own fork and what it calls after that.
    py.detach(send::before_fork);
}

/// To be called right after it, in parent and child.
#[pyfunction]
pub(super) fn _after_fork() {
    send::after_fork();
}

/// How often a blocking call looks whether Ctrl-C was pressed.
const SIGNAL_POLL: Duration = Duration::from_millis(50);

/// The runtime of this process: made on first use, made anew after a fork (a forked child has no threads of it).
/// Never dropped, because dropping waits for threads that a child does not have.
pub(super) fn runtime() -> PyResult<&'static Runtime> {
    static RUNTIME: PerProcess<&'static Runtime> = PerProcess::new();
    RUNTIME.get_or_make(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("callredirect")
            .enable_all()
            .build()
            .map_err(|error| PyOSError::new_err(format!("could not start the network threads: {error}")))?;
        Ok(&*Box::leak(Box::new(runtime)))
    })
}

/// Runs a future to its end with the interpreter released, answering Ctrl-C in between.
pub(super) fn block_on<T: Send + 'static>(
    py: Python<'_>,
    future: impl Future<Output = T> + Send + 'static,
) -> PyResult<T> {
    let (done, mut waiting) = mpsc::channel();
    runtime()?.spawn(async move {
        // Nobody waits any more after Ctrl-C; the request itself is not cut off.
        let _ = done.send(future.await);
    });
    loop {
        let result;
        (result, waiting) = py.detach(move || (waiting.recv_timeout(SIGNAL_POLL), waiting));
        match result {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(lost());
            }
        }
    }
}

/// Runs what panics, as a fault of our own would: through the mailbox under the ticket returned, or waited for without
/// one. Only tests have a use for it, and only the development build has it.
#[cfg(feature = "stubs")]
#[pyfunction]
#[pyo3(signature = (mailbox = None))]
pub(super) fn _fail(py: Python<'_>, mailbox: Option<&Mailbox>) -> PyResult<Option<u64>> {
    #[allow(clippy::panic, clippy::unused_async, reason = "on purpose, and where a request would")]
    async fn fault() {
        panic!("on purpose");
    }
    match mailbox {
        Some(mailbox) => mailbox.spawn(fault(), |py, ()| Ok(py.None())).map(Some),
        None => block_on(py, fault()).map(|()| None),
    }
}

/// Makes an object of a result, or the exception to raise for it, on a thread that holds the interpreter.
type Make = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Finished requests of one event loop.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Mailbox {
    post: Arc<Post>,
    pid: u32,
    tickets: AtomicU64,
}

/// Owns both ends of the bell: ringing it when nobody is left to hear must not raise SIGPIPE.
struct Post {
    letters: Mutex<Vec<(u64, Make)>>,
    rope: UnixStream,
    bell: UnixStream,
}

impl Post {
    fn put(&self, ticket: u64, make: Make) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let first = letters.is_empty();
        letters.push((ticket, make));
        drop(letters);
        if first {
            // One byte for each emptied mailbox cannot fill the pipe.
            let _ = (&self.rope).write(&[1]);
        }
    }
}

/// The duty to answer a ticket. Whoever waits for one that panicked would wait for ever: dropped unpaid, it says so.
struct Owed {
    post: Arc<Post>,
    ticket: u64,
    paid: bool,
}

impl Owed {
    fn pay(mut self, make: Make) {
        self.paid = true;
        self.post.put(self.ticket, make);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.paid {
            self.post.put(self.ticket, Box::new(|_| Err(lost())));
        }
    }
}

fn lost() -> PyErr {
    PyRuntimeError::new_err("the request was lost inside callredirect: please report it")
}

impl Mailbox {
    /// Runs a future on the runtime; what is made of its result comes under the ticket returned.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<u64> {
        let runtime = runtime()?;
        if process::id() != self.pid {
            return Err(PyRuntimeError::new_err(
                "this process was forked without Python being told, so nothing would wake its event loop: \
                 fork with os.fork, or start a new event loop",
            ));
        }
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let owed = Owed { post: Arc::clone(&self.post), ticket, paid: false };
        runtime.spawn(async move {
            let result = future.await;
            owed.pay(Box::new(move |py| make(py, result)));
        });
        Ok(ticket)
    }
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new() -> PyResult<Self> {
        let (bell, rope) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        rope.set_nonblocking(true)?;
        let post = Arc::new(Post { letters: Mutex::default(), rope, bell });
        Ok(Self { post, pid: process::id(), tickets: AtomicU64::new(1) })
    }

    /// The file descriptor that becomes readable when there is something to drain.
    fn fileno(&self) -> i32 {
        self.post.bell.as_raw_fd()
    }

    /// The process it was made in.
    #[getter]
    fn pid(&self) -> u32 {
        self.pid
    }

    /// Everything finished since the last time: the ticket it was waited for under, what it came to, and what is to be
    /// raised instead.
    fn drain(&self, py: Python<'_>) -> As<Drained, Letters> {
        if self.pid != process::id() {
            // A forked child that still has the loop of its parent: the bell rings for the parent.
            return Vec::new().into();
        }
        // Silence the bell first: what comes in from here on rings it again.
        let _ = (&self.post.bell).read(&mut [0; 64]);
        let letters = {
            let mut letters = self.post.letters.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *letters)
        };
        let done = letters.into_iter().map(|(ticket, make)| match make(py) {
            Ok(value) => (ticket, value, None),
            Err(error) => (ticket, py.None(), Some(error.into_value(py).into_any())),
        });
        done.collect::<Vec<_>>().into()
    }
}
