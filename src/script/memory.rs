//! What the Lua states of all threads take, for INFO.
//!
//! Owns two sums. Each state has a `Share` of one that it sets after a run and that goes with it, so that a sum is read
//! without asking any thread. The sums are the process's, as its memory is.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of the states that run scripts.
pub static SCRIPTS: AtomicUsize = AtomicUsize::new(0);
/// Bytes of the states that run functions.
pub static FUNCTIONS: AtomicUsize = AtomicUsize::new(0);

/// A state's part of a sum.
pub(super) struct Share {
    sum: &'static AtomicUsize,
    bytes: usize,
}

impl Share {
    pub(super) fn new(sum: &'static AtomicUsize) -> Self {
        Self { sum, bytes: 0 }
    }

    /// Sets what the state takes now.
    pub(super) fn set(&mut self, bytes: usize) {
        if bytes != self.bytes {
            // Wraps around where it became less, and so does the sum.
            self.sum.fetch_add(bytes.wrapping_sub(self.bytes), Relaxed);
            self.bytes = bytes;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
