//! Where other threads leave word for a worker.
//!
//! Owns the handshake with a worker that falls asleep: nothing that was left is missed, and a worker that is awake costs no
//! system call. It must not know connections: a token is a number.

use parking_lot::Mutex;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};

/// Where other threads leave word for one worker: tokens of connections that it is to look at.
///
/// Told while the worker sleeps it wakes it, else the worker finds the word before it sleeps again.
pub struct Mailbox {
    tokens: Mutex<Vec<u64>>,
    filled: AtomicBool,
    /// The worker sleeps, or is about to.
    asleep: AtomicBool,
    rouse: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    /// An empty one; `rouse` wakes a worker that sleeps.
    pub fn new(rouse: impl Fn() + Send + Sync + 'static) -> Self {
        let rouse = Box::new(rouse);
        Self { tokens: Mutex::default(), filled: AtomicBool::new(false), asleep: AtomicBool::new(false), rouse }
    }

    /// Asks for a look at a connection.
    pub(super) fn put(&self, token: u64) {
        self.tokens.lock().push(token);
        self.ring();
    }

    /// Asks for a look at several connections: one lock, and at most one system call.
    pub fn put_all(&self, tokens: impl Iterator<Item = u64>) {
        self.tokens.lock().extend(tokens);
        self.ring();
    }

    /// Makes the worker look after what was left for it, here or elsewhere, before this call.
    pub fn ring(&self) {
        // The worker does the same in the opposite order, see `doze`: one of the two sees what the other has stored.
        self.filled.store(true, SeqCst);
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            (self.rouse)();
        }
    }

    /// Whether there may be something. For the worker, as all that follows.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.filled.load(Relaxed)
    }

    /// Moves the tokens to `into`, which is empty. What is left from here on rings again.
    pub fn take(&self, into: &mut Vec<u64>) {
        self.filled.swap(false, SeqCst);
        std::mem::swap(into, &mut self.tokens.lock());
    }

    /// Whether the worker may sleep now. From here on whatever is left wakes it, until [`Mailbox::awake`].
    #[inline]
    pub fn doze(&self) -> bool {
        self.asleep.store(true, SeqCst);
        !self.filled.load(SeqCst)
    }

    /// The worker sleeps no more.
    #[inline]
    pub fn awake(&self) {
        self.asleep.store(false, Relaxed);
    }
}
