//! Figures: counters of each worker, per-command statistics, what INFO and SHARDS print of them.
//!
//! Owns the counters. Each worker writes its own [`WorkerStats`] with plain stores (a single writer needs no atomic
//! add), and whoever prints sums over the workers; so counting costs no shared cache line. It must not know commands'
//! handlers, the wire or the store.

mod errors;
mod histogram;
mod hot;
mod latency;
pub mod memory;
mod rates;
mod slowlog;

pub use errors::{CODES_MAX, Errors};
pub use histogram::Histogram;
pub use hot::{EVERY as HOT_EVERY, HotKey, HotKeys, hottest};
pub use latency::{LatencyMonitor, Sample, Series, Summary};
pub use rates::Rates;
pub use slowlog::{SlowEntry, SlowLog, cut_args};

use parking_lot::Mutex;
use std::collections::BTreeMap;
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

    /// Sets everything to 0.
    pub fn reset(&self) {
        [&self.calls, &self.ns, &self.rejected, &self.failed].into_iter().for_each(Counter::reset);
        if let Some(h) = self.latency() {
            h.reset();
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
    /// Fields of hashes removed because their time had come.
    pub expired_subkeys: Counter,
    /// Changes to the dataset.
    pub dirty: Counter,
    /// Error replies.
    pub errors: Counter,
    /// Error replies by code.
    pub error_codes: Errors,
    /// The keys that commands ask for most.
    pub hot: Mutex<HotKeys>,
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
            expired_subkeys: Counter::default(),
            dirty: Counter::default(),
            errors: Counter::default(),
            error_codes: Errors::default(),
            hot: Mutex::default(),
        }
    }

    /// Sets what CONFIG RESETSTAT resets to 0: everything but the number of changes and the hot keys.
    pub fn reset(&self) {
        self.commands.iter().for_each(CommandStats::reset);
        let counters = [
            &self.processed,
            &self.net_in,
            &self.net_out,
            &self.reads,
            &self.writes,
            &self.hits,
            &self.misses,
            &self.expired,
            &self.expired_subkeys,
            &self.errors,
        ];
        counters.into_iter().for_each(Counter::reset);
        self.error_codes.reset();
    }
}

/// What all workers counted for one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandSum {
    /// Times run.
    pub calls: u64,
    /// Nanoseconds spent.
    pub ns: u64,
    /// Refused before running.
    pub rejected: u64,
    /// Answered with an error.
    pub failed: u64,
}

/// The counters of all workers; the last one belongs to the background work (expiry).
#[derive(Debug)]
pub struct Stats {
    workers: Box<[Arc<WorkerStats>]>,
    /// Slow commands.
    pub slowlog: SlowLog,
    /// Slow events.
    pub latency: LatencyMonitor,
    /// Rates of the moment.
    pub rates: Rates,
    /// Most bytes that were ever allocated when somebody looked.
    memory_peak: AtomicU64,
    /// Bytes allocated at the start.
    pub memory_startup: u64,
}

impl Stats {
    /// For `workers` workers and the background.
    pub fn new(workers: usize, commands: usize) -> Self {
        Self {
            workers: (0..=workers).map(|_| Arc::new(WorkerStats::new(commands))).collect(),
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            rates: Rates::default(),
            memory_peak: AtomicU64::new(0),
            memory_startup: memory::allocated(),
        }
    }

    /// Samples rates and peaks at monotonic time `now_ns`. For the periodic work, every 100 ms.
    pub fn sample(&self, now_ns: u64) {
        self.rates.sample(now_ns, [self.sum(|w| &w.processed), self.sum(|w| &w.net_in), self.sum(|w| &w.net_out)]);
        self.memory_peak(memory::allocated());
    }

    /// The most bytes ever allocated, of which `allocated` are known now.
    pub fn memory_peak(&self, allocated: u64) -> u64 {
        self.memory_peak.fetch_max(allocated, Relaxed).max(allocated)
    }

    /// Error replies by code, over all workers.
    pub fn errors(&self) -> BTreeMap<Box<str>, u64> {
        let mut sum = BTreeMap::new();
        self.all().for_each(|w| w.error_codes.add_to(&mut sum));
        sum
    }

    /// What all workers counted for command `id`.
    pub fn command(&self, id: usize) -> CommandSum {
        let sum = |f: fn(&CommandStats) -> &Counter| self.all().map(|w| f(&w.commands[id]).get()).sum();
        CommandSum {
            calls: sum(|c| &c.calls),
            ns: sum(|c| &c.ns),
            rejected: sum(|c| &c.rejected),
            failed: sum(|c| &c.failed),
        }
    }

    /// The latencies of command `id` over all workers: upper bounds in nanoseconds, ascending, with their counts.
    pub fn latencies(&self, id: usize) -> BTreeMap<u64, u64> {
        let mut sum = BTreeMap::new();
        for h in self.all().filter_map(|w| w.commands[id].latency()) {
            h.each(|upper, n| *sum.entry(upper).or_default() += n);
        }
        sum
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.all().for_each(WorkerStats::reset);
        self.rates.reset();
    }

    /// The counters of worker `i`.
    pub fn worker(&self, i: usize) -> Arc<WorkerStats> {
        Arc::clone(&self.workers[i])
    }

    /// The counters of the background.
    pub fn background(&self) -> &Arc<WorkerStats> {
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
