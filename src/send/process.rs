//! What belongs to one process: after a fork it is made anew.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::Duration;
use std::{process, thread};

use super::clock;

/// How long a fork waits for a transaction, and between two looks.
const PATIENCE: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(1);

/// Read by whoever is at what must not be forked in the middle, written by whoever forks.
static FORKING: RwLock<()> = RwLock::new(());

thread_local! {
    static HELD: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// While it is held no child is forked, as far as the host announces its forks: a library with locks of its own would
/// have them locked for ever in the child, whose thread that held them is not there.
pub fn unforked() -> RwLockReadGuard<'static, ()> {
    FORKING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Right before a fork: waits until nobody is [`unforked`], and keeps everybody from it. A disk may take longer than
/// whoever forks can wait: then the child may find the file locked, and says so when it claims.
pub fn before_fork() {
    let until = clock::now() + PATIENCE;
    // Not by queueing for the lock: that would keep the others from it meanwhile.
    let held = loop {
        match FORKING.try_write() {
            Ok(held) => break Some(held),
            Err(TryLockError::Poisoned(held)) => break Some(held.into_inner()),
            Err(TryLockError::WouldBlock) if clock::now() < until => thread::sleep(LOOK),
            Err(TryLockError::WouldBlock) => break None,
        }
    };
    HELD.set(held);
}

/// Right after it, in parent and child: the thread that forked is the same in both.
pub fn after_fork() {
    HELD.take();
}

/// How deep a line of forks, each using what the one before it made, is sure never to hang.
const GENERATIONS: usize = 7;

/// A value of the process that made it. A forked child makes its own and never drops its parent's: dropping takes
/// locks that threads of the parent may have held at the fork, and waits for threads that the child does not have. For
/// the same reason each process has a lock of its own here, which none of its parents ever held.
#[derive(Debug)]
pub struct PerProcess<T> {
    generations: [Generation<T>; GENERATIONS],
    /// For all later ones.
    last: Slot<T>,
}

type Slot<T> = Mutex<Option<(u32, T)>>;

#[derive(Debug)]
struct Generation<T> {
    /// The process whose it is; 0 until there is one.
    pid: AtomicU32,
    slot: Slot<T>,
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> PerProcess<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        let generations =
            [const { Generation { pid: AtomicU32::new(0), slot: Mutex::new(None) } }; GENERATIONS];
        Self { generations, last: Mutex::new(None) }
    }

    /// Lets go of the value, if it is of this process.
    pub fn clear(&self) {
        let own = process::id();
        let mut kept = self.lock(own);
        if kept.as_ref().is_some_and(|(pid, _)| *pid == own) {
            *kept = None;
        }
    }

    /// Asking the system whose process this is costs more than all else here: once is enough.
    fn lock(&self, own: u32) -> MutexGuard<'_, Option<(u32, T)>> {
        let mine = |of: &&Generation<T>| {
            let before = of.pid.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire);
            before.map_or_else(|pid| pid == own, |_| true)
        };
        let slot = self.generations.iter().find(mine).map_or(&self.last, |generation| &generation.slot);
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> PerProcess<T> {
    /// The value of this process, made on first use.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let own = process::id();
        let mut kept = self.lock(own);
        if let Some((pid, value)) = kept.as_ref()
            && *pid == own
        {
            return Ok(value.clone());
        }
        let value = make()?;
        std::mem::forget(kept.replace((own, value.clone())));
        Ok(value)
    }
}

impl<T: Clone + Default> PerProcess<T> {
    /// The value of this process, empty on first use.
    pub fn get(&self) -> T {
        let Ok(value) = self.get_or_make(|| Ok::<_, Infallible>(T::default()));
        value
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let earlier = self.generations.iter_mut().map(|generation| &mut generation.slot);
        for slot in earlier.chain([&mut self.last]) {
            let kept = slot.get_mut().unwrap_or_else(PoisonError::into_inner);
            if kept.as_ref().is_some_and(|(pid, _)| *pid != process::id()) {
                std::mem::forget(kept.take());
            }
        }
    }
}
