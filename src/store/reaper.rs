//! Frees large values in the background.
//!
//! Owns one thread, started on first use, and the queue to it. Values handed over are out of the store already: nobody
//! can reach them, so nothing is locked here. If the thread cannot be started the caller's thread frees them itself.
//! At shutdown what is queued is left to the system.
//!
//! The thread has a lower priority than the workers (nice 10): on a machine whose cores are all busy a client's command goes
//! before it, and it still gets about a tenth of a core, so that memory comes back. A priority says who is next, not when: so
//! that a worker that is woken on its core need not wait for the end of the scheduler's slice, it frees in pieces of a twentieth
//! of a millisecond, with pauses of thrice that ([`pace`]). It makes none while more than [`CALM_MAX`] values wait: memory goes
//! first then.

use super::Garbage;
use crate::base::clock::Clock;
use crate::base::pace;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The thread's nice value.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// A pause, to which the system adds some 50 µs.
const PAUSE: Duration = Duration::from_micros(100);
/// Values, or flushed databases, that may wait while the thread pauses.
const CALM_MAX: u64 = 8;

/// The background freer.
pub struct Reaper {
    clock: Clock,
    queue: OnceLock<Option<Sender<Garbage>>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Values in the queue.
    queued: AtomicU64,
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Garbage {
    fn objects(&self) -> u64 {
        match self {
            Garbage::Entry(..) => 1,
            Garbage::Tables(tables, _) => tables.iter().map(|t| t.len() as u64).sum(),
        }
    }
}

/// What the thread does.
fn run(queue: Receiver<Garbage>, clock: Clock, counts: &Arc<Counts>) {
    // On Linux a priority is the calling thread's. Without it the thread is as good, but less modest.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
    let seen = Arc::clone(counts);
    pace::pace_this_thread(clock, move || {
        if seen.queued.load(Relaxed) <= CALM_MAX {
            std::thread::sleep(PAUSE);
        }
    });
    for garbage in queue {
        counts.queued.fetch_sub(1, Relaxed);
        let n = garbage.objects();
        drop(garbage);
        counts.pending.fetch_sub(n, Relaxed);
        counts.freed.fetch_add(n, Relaxed);
    }
}

impl Reaper {
    /// One that has freed nothing; `clock` tells it when to pause.
    pub fn new(clock: Clock) -> Self {
        Self { clock, queue: OnceLock::new(), counts: Arc::default() }
    }

    /// Frees `garbage` in the background.
    pub fn free(&self, garbage: Garbage) {
        let queue = self.queue.get_or_init(|| {
            let (tx, rx) = channel();
            let (clock, counts) = (self.clock.clone(), Arc::clone(&self.counts));
            let run = move || run(rx, clock, &counts);
            std::thread::Builder::new().name("lazyfree".into()).spawn(run).ok().map(|_| tx)
        });
        let n = garbage.objects();
        self.counts.pending.fetch_add(n, Relaxed);
        self.counts.queued.fetch_add(1, Relaxed);
        let refused = match queue {
            Some(queue) => queue.send(garbage).is_err(),
            None => true,
        };
        if refused {
            self.counts.queued.fetch_sub(1, Relaxed);
            self.counts.pending.fetch_sub(n, Relaxed);
        }
    }

    /// Objects that wait to be freed (INFO's `lazyfree_pending_objects`).
    pub fn pending(&self) -> u64 {
        self.counts.pending.load(Relaxed)
    }

    /// Objects freed so far (INFO's `lazyfreed_objects`).
    pub fn freed(&self) -> u64 {
        self.counts.freed.load(Relaxed)
    }

    /// Sets the count of freed objects to 0 (CONFIG RESETSTAT).
    pub fn reset(&self) {
        self.counts.freed.store(0, Relaxed);
    }
}
