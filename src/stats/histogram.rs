//! A histogram of latencies: log-linear buckets, 16 to an octave (relative error at most 1/16).
//!
//! Owns the buckets; one writer, any readers, no lock. The scheme is that of HdrHistogram (Tene) with 4 bits of
//! precision.

use super::Counter;

const SUB_BITS: u32 = 4;
const SUB: usize = 1 << SUB_BITS;
/// Octaves above the linear start: up to 2^40 ns, 18 minutes.
const OCTAVES: usize = 37;
const BUCKETS: usize = SUB * (OCTAVES + 1);

/// Counts of values in nanoseconds.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { Counter::zero() }; BUCKETS] }
    }
}

#[inline]
fn bucket(ns: u64) -> usize {
    if ns < SUB as u64 {
        return ns as usize;
    }
    let shift = 63 - ns.leading_zeros() - SUB_BITS;
    let i = (shift as usize) * SUB + (ns >> shift) as usize;
    i.min(BUCKETS - 1)
}

/// Largest value of a bucket.
fn upper(i: usize) -> u64 {
    if i < 2 * SUB {
        return i as u64;
    }
    let shift = i / SUB - 1;
    (((i % SUB + SUB + 1) as u64) << shift) - 1
}

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn record(&self, ns: u64) {
        self.buckets[bucket(ns)].add(1);
    }

    /// Calls `f(upper bound in ns, count)` for every bucket that is not empty, ascending.
    pub fn each(&self, mut f: impl FnMut(u64, u64)) {
        for (i, c) in self.buckets.iter().enumerate() {
            let n = c.get();
            if n > 0 {
                f(upper(i), n);
            }
        }
    }

    /// Sets all counts to 0.
    pub fn reset(&self) {
        self.buckets.iter().for_each(Counter::reset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_values_within_a_sixteenth() {
        for ns in (0..100u64).chain((0..40).map(|s| 1 << s)).chain((5..40).map(|s| (1 << s) * 3 / 2 + 1)) {
            let top = upper(bucket(ns));
            assert!(top >= ns && top - ns <= ns / 16, "{ns} in a bucket up to {top}");
        }
        let h = Histogram::default();
        h.record(5);
        h.record(u64::MAX);
        let mut seen = Vec::new();
        h.each(|_, n| seen.push(n));
        assert_eq!(seen, [1, 1]);
    }
}
