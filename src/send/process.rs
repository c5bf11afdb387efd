//! What belongs to one process: after a fork it is made anew.

use std::process;
use std::sync::{Mutex, PoisonError};

/// A value of the process that made it. A forked child makes its own and never drops its parent's: dropping takes
/// locks that threads of the parent may have held at the fork, and waits for threads that the child does not have.
#[derive(Debug)]
pub struct PerProcess<T>(Mutex<Option<(u32, T)>>);

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> PerProcess<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> PerProcess<T> {
    /// The value of this process, made on first use.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((pid, value)) = kept.as_ref()
            && *pid == process::id()
        {
            return Ok(value.clone());
        }
        let value = make()?;
        std::mem::forget(kept.replace((process::id(), value.clone())));
        Ok(value)
    }
}

impl<T> PerProcess<T> {
    /// Lets go of the value, if it is of this process.
    pub fn clear(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|(pid, _)| *pid == process::id()) {
            *kept = None;
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|(pid, _)| *pid != process::id()) {
            std::mem::forget(kept.take());
        }
    }
}
