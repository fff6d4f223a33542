//! Error replies by code, for INFO's errorstats.
//!
//! Owns the counts of one worker. A mutex that only its worker takes, but for INFO; an error is off the fast path. A
//! client cannot make it grow without end: after [`CODES_MAX`] codes, new ones are counted together.

use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Different codes that are told apart.
pub const CODES_MAX: usize = 128;
/// Bytes of a code that are kept.
const CODE_BYTES_MAX: usize = 64;
/// What the codes beyond the limit are counted as.
const OVERFLOW: &str = "ERRORSTATS_OVERFLOW";

/// Error replies of one worker by code.
#[derive(Debug, Default)]
pub struct Errors {
    counts: Mutex<BTreeMap<Box<str>, u64>>,
}

impl Errors {
    /// Counts a reply with this code.
    pub fn add(&self, code: &[u8]) {
        let code = String::from_utf8_lossy(&code[..code.len().min(CODE_BYTES_MAX)]);
        let mut counts = self.counts.lock();
        add_to(&mut counts, &code, 1);
    }

    /// Adds these counts to `sum`, which is held to the same limit.
    pub fn add_to(&self, sum: &mut BTreeMap<Box<str>, u64>) {
        self.counts.lock().iter().for_each(|(code, n)| add_to(sum, code, *n));
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.counts.lock().clear();
    }
}

fn add_to(counts: &mut BTreeMap<Box<str>, u64>, code: &str, n: u64) {
    if let Some(count) = counts.get_mut(code) {
        *count += n;
        return;
    }
    let code = if counts.len() < CODES_MAX { code } else { OVERFLOW };
    *counts.entry(code.into()).or_default() += n;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_up_to_a_limit() {
        let e = Errors::default();
        e.add(b"ERR");
        e.add(b"ERR");
        (0..500).for_each(|i: u32| e.add(i.to_string().as_bytes()));
        let mut sum = BTreeMap::new();
        e.add_to(&mut sum);
        assert_eq!(sum["ERR"], 2);
        assert_eq!((sum.len(), sum[OVERFLOW]), (CODES_MAX + 1, 500 - 127));
        e.add_to(&mut sum);
        assert_eq!(sum["ERR"], 4);
        e.reset();
        let mut none = BTreeMap::new();
        e.add_to(&mut none);
        assert!(none.is_empty());
    }
}
