//! The thread everything runs on. It belongs to nobody else: it never enters Python, and stops on its own clock.

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::wire::{Cut, Wires};

/// Requests under way may finish in this time; after it they are cut.
const GRACE: Duration = Duration::from_millis(300);

/// Stopping never takes longer than this.
const LONGEST_STOP: Duration = Duration::from_secs(1);

struct Running {
    handle: Handle,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A server on a thread of its own.
pub(super) struct Server {
    running: Mutex<Option<Running>>,
    /// After a fork the child has this value but not the thread.
    process: u32,
}

impl Server {
    pub(super) fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // One thread is enough for tens of thousands of requests a second and leaves the others to what is tested.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let service = router.into_make_service_with_connect_info::<Cut>();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread =
            std::thread::Builder::new().name("callredirect-simulator".to_owned()).spawn(move || {
                runtime.block_on(async move {
                    let (leave, leaving) = oneshot::channel::<()>();
                    let serving = axum::serve(Wires(listener), service).with_graceful_shutdown(async move {
                        // A dropped sender means stop as well.
                        let _ = stopped.await;
                        let _ = leave.send(());
                    });
                    tokio::select! {
                        _ = serving.into_future() => {}
                        () = async { let _ = leaving.await; tokio::time::sleep(GRACE).await } => {}
                    }
                });
                runtime.shutdown_background();
            })?;
        let running = Mutex::new(Some(Running { handle, stop, thread }));
        Ok(Self { running, process: std::process::id() })
    }

    /// Runs a task on the server's thread; `None` when there is no such thread any more.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        if self.process != std::process::id() {
            return None;
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.handle.spawn(task).abort_handle())
    }

    pub(super) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return };
        if self.process != std::process::id() {
            // The parent's thread is not here to join, nor are its locks in a known state.
            std::mem::forget(running);
            return;
        }
        let _ = running.stop.send(());
        // The standard library joins without a limit, so the limit is kept by a helper that may be left behind.
        let (joined, done) = mpsc::channel();
        let deadline = Instant::now() + LONGEST_STOP;
        let helper = std::thread::Builder::new().name("callredirect-stop".to_owned()).spawn(move || {
            let _ = running.thread.join();
            let _ = joined.send(());
        });
        if helper.is_ok() {
            let _ = done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
