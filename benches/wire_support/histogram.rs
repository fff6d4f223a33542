//! Latencies in log-linear buckets: 64 a power of two, so a quantile is at most 1.6 % too high. Counters are atomic
//! only so that the tasks of one thread can share them; they are never contended. Knows nothing of what is timed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// log2 of the buckets a power of two has.
const SUB_BITS: u32 = 6;

/// Enough buckets for every `u64`.
const BUCKETS: usize = ((64 - SUB_BITS as usize) << SUB_BITS) + (1 << SUB_BITS);

/// A distribution of durations in nanoseconds.
pub struct Histogram(Vec<AtomicU64>);

impl Histogram {
    /// An empty distribution.
    pub fn new() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Counts one duration of `nanos` ns. One writer at a time: the count is loaded, then stored.
    pub fn record(&self, nanos: u64) {
        self.add(bucket(nanos), 1);
    }

    /// Adds `count` to bucket number `index`; an index that does not exist is ignored.
    pub fn add(&self, index: usize, count: u64) {
        if let Some(slot) = self.0.get(index) {
            slot.store(slot.load(Relaxed) + count, Relaxed);
        }
    }

    /// The smallest duration, in ns, that at least the share `q` (0 to 1) of the counted ones do not exceed; 0 when
    /// nothing was counted. O(buckets).
    pub fn quantile(&self, q: f64) -> u64 {
        let total: u64 = self.0.iter().map(|slot| slot.load(Relaxed)).sum();
        let rank = ((total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, slot) in self.0.iter().enumerate() {
            seen += slot.load(Relaxed);
            if seen >= rank {
                return upper_edge(index);
            }
        }
        0
    }

    /// The filled buckets as `index:count` words, for [`Histogram::merge`] in another process.
    pub fn encode(&self) -> String {
        let filled = self.0.iter().enumerate().filter(|(_, slot)| slot.load(Relaxed) > 0);
        let words: Vec<String> = filled.map(|(index, slot)| format!("{index}:{}", slot.load(Relaxed))).collect();
        words.join(" ")
    }

    /// Adds what [`Histogram::encode`] printed. None when a word is not of its form.
    pub fn merge(&self, encoded: &str) -> Option<()> {
        for word in encoded.split_whitespace() {
            let (index, count) = word.split_once(':')?;
            self.add(index.parse().ok()?, count.parse().ok()?);
        }
        Some(())
    }
}

fn bucket(nanos: u64) -> usize {
    let shift = (63 - nanos.max(1).leading_zeros()).saturating_sub(SUB_BITS);
    ((shift as usize) << SUB_BITS) + (nanos >> shift) as usize
}

fn upper_edge(index: usize) -> u64 {
    let linear = 2 << SUB_BITS;
    if index < linear {
        return index as u64;
    }
    let shift = (index >> SUB_BITS) - 1;
    let mantissa = (1u128 << SUB_BITS) + (index & ((1 << SUB_BITS) - 1)) as u128;
    (((mantissa + 1) << shift) - 1) as u64
}

/// Checks the bucket arithmetic; panics when it is wrong.
pub fn self_test() {
    for nanos in [0, 1, 63, 64, 127, 128, 129, 1_000, 999_999, 1 << 40, u64::MAX] {
        let edge = upper_edge(bucket(nanos));
        assert!(edge >= nanos && edge - nanos <= nanos / 64, "{nanos} ns is counted as {edge}");
    }
    let histogram = Histogram::new();
    (1..=1000).for_each(|nanos| histogram.record(nanos));
    let copy = Histogram::new();
    assert!(copy.merge(&histogram.encode()).is_some(), "a printed histogram is read back");
    let median = copy.quantile(0.5);
    assert!((500..=508).contains(&median), "the median of 1 to 1000 is {median}");
}
