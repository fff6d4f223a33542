//! Figures: counters of each worker, per-command statistics, what INFO and SHARDS print of them.
//!
//! Owns the counters. Each worker writes its own [`WorkerStats`] with plain stores (a single writer needs no atomic
//! add), and whoever prints sums over the workers; so counting costs no shared cache line. It must not know commands'
//! handlers, the wire or the store.

mod histogram;

pub use histogram::Histogram;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// A counter with one writer at a time and any number of readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// 0.
    pub const fn zero() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds; only the owner calls this.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The count.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Sets it to 0 (CONFIG RESETSTAT); an addition at the same moment may be lost or survive.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// What one worker counted for one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// Times run.
    pub calls: Counter,
    /// Nanoseconds spent.
    pub ns: Counter,
    /// Refused before running (arity, authentication…).
    pub rejected: Counter,
    /// Run and answered with an error.
    pub failed: Counter,
    latency: OnceLock<Box<Histogram>>,
}

impl CommandStats {
    /// Counts one run.
    #[inline]
    pub fn ran(&self, ns: u64, failed: bool, latency: bool) {
        self.calls.add(1);
        self.ns.add(ns);
        if failed {
            self.failed.add(1);
        }
        if latency {
            self.latency.get_or_init(Box::default).record(ns);
        }
    }

    /// The histogram of latencies, once something was recorded.
    pub fn latency(&self) -> Option<&Histogram> {
        self.latency.get().map(|h| &**h)
    }
}

/// Everything that one worker counts.
#[derive(Debug)]
pub struct WorkerStats {
    /// Indexed by command id.
    pub commands: Box<[CommandStats]>,
    /// Commands processed.
    pub processed: Counter,
    /// Bytes received.
    pub net_in: Counter,
    /// Bytes sent.
    pub net_out: Counter,
    /// Reads from sockets.
    pub reads: Counter,
    /// Writes to sockets.
    pub writes: Counter,
    /// Keys found by reading commands.
    pub hits: Counter,
    /// Keys not found by them.
    pub misses: Counter,
    /// Keys removed because their time had come.
    pub expired: Counter,
    /// Changes to the dataset.
    pub dirty: Counter,
    /// Error replies.
    pub errors: Counter,
}

impl WorkerStats {
    /// Counters for `commands` commands.
    pub fn new(commands: usize) -> Self {
        Self {
            commands: (0..commands).map(|_| CommandStats::default()).collect(),
            processed: Counter::default(),
            net_in: Counter::default(),
            net_out: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            dirty: Counter::default(),
            errors: Counter::default(),
        }
    }
}

/// The counters of all workers; the last one belongs to the background work (expiry).
#[derive(Debug)]
pub struct Stats {
    workers: Box<[Arc<WorkerStats>]>,
}

impl Stats {
    /// For `workers` workers and the background.
    pub fn new(workers: usize, commands: usize) -> Self {
        Self { workers: (0..=workers).map(|_| Arc::new(WorkerStats::new(commands))).collect() }
    }

    /// The counters of worker `i`.
    pub fn worker(&self, i: usize) -> Arc<WorkerStats> {
        Arc::clone(&self.workers[i])
    }

    /// The counters of the background.
    pub fn background(&self) -> &WorkerStats {
        &self.workers[self.workers.len() - 1]
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &WorkerStats> {
        self.workers.iter().map(|w| &**w)
    }

    /// A sum over all workers.
    pub fn sum(&self, f: impl Fn(&WorkerStats) -> &Counter) -> u64 {
        self.all().map(|w| f(w).get()).sum()
    }
}
