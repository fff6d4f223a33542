//! Frees large values in the background.
//!
//! Owns one thread, started on first use, and the queue to it. Values handed over are out of the store already: nobody
//! can reach them, so nothing is locked here. If the thread cannot be started the caller's thread frees them itself.
//! At shutdown what is queued is left to the system.
//!
//! The thread has a lower priority than the workers (nice 10): on a machine whose cores are all busy a client's command goes
//! before it, and it still gets about a tenth of a core, so that memory comes back.

use super::Garbage;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

/// The thread's nice value.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The background freer.
#[derive(Default)]
pub struct Reaper {
    queue: OnceLock<Option<Sender<Garbage>>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
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

impl Reaper {
    /// Frees `garbage` in the background.
    pub fn free(&self, garbage: Garbage) {
        let queue = self.queue.get_or_init(|| {
            let (tx, rx) = channel::<Garbage>();
            let counts = Arc::clone(&self.counts);
            let run = move || {
                // On Linux a priority is the calling thread's. Without it the thread is as good, but less modest.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::setpriority_process(None, NICE);
                for garbage in rx {
                    let n = garbage.objects();
                    drop(garbage);
                    counts.pending.fetch_sub(n, Relaxed);
                    counts.freed.fetch_add(n, Relaxed);
                }
            };
            std::thread::Builder::new().name("lazyfree".into()).spawn(run).ok().map(|_| tx)
        });
        let n = garbage.objects();
        self.counts.pending.fetch_add(n, Relaxed);
        let refused = match queue {
            Some(queue) => queue.send(garbage).is_err(),
            None => true,
        };
        if refused {
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
