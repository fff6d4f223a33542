//! The hottest keys, by sampling.
//!
//! Owns one worker's sketch: Space-Saving (Metwally, Agrawal, El Abbadi 2005) over every [`EVERY`]th keyed command, so
//! a key's count times [`EVERY`] estimates its commands, and any key with more than 1/[`SLOTS`] of them is among the
//! slots. A worker's mutex is taken once in [`EVERY`] commands and by SHARDS HOT, which merges the workers. Keys are
//! told apart by their hash; their bytes are kept for show only.

use std::collections::HashMap;

/// One command of so many is looked at; a power of two.
pub const EVERY: u32 = 256;
/// Keys that a worker follows.
const SLOTS: usize = 128;
/// Bytes of a key that are kept.
const KEY_BYTES_MAX: usize = 512;

/// A key and how often it was met among the samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotKey {
    /// Its hash.
    pub hash: u64,
    /// Its database.
    pub db: u32,
    /// Samples that met it, at most.
    pub count: u64,
    /// By how much `count` may be too high.
    pub error: u64,
    /// Its first bytes.
    pub key: Box<[u8]>,
}

/// The sketch of one worker.
#[derive(Debug, Default)]
pub struct HotKeys {
    slots: Vec<HotKey>,
}

impl HotKeys {
    /// Notes a sample. O(slots).
    pub fn note(&mut self, db: u32, hash: u64, key: &[u8]) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.hash == hash && s.db == db) {
            slot.count += 1;
            return;
        }
        let shown = || Box::from(&key[..key.len().min(KEY_BYTES_MAX)]);
        if self.slots.len() < SLOTS {
            self.slots.push(HotKey { hash, db, count: 1, error: 0, key: shown() });
        } else if let Some(least) = self.slots.iter_mut().min_by_key(|s| s.count) {
            *least = HotKey { hash, db, count: least.count + 1, error: least.count, key: shown() };
        }
    }

    /// The slots.
    pub fn slots(&self) -> &[HotKey] {
        &self.slots
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}

/// The `n` hottest keys of several sketches, hottest first; of equal ones the one with the lesser error.
pub fn hottest(slots: impl Iterator<Item = HotKey>, n: usize) -> Vec<HotKey> {
    let mut all: HashMap<(u32, u64), HotKey> = HashMap::new();
    for slot in slots {
        match all.get_mut(&(slot.db, slot.hash)) {
            Some(sum) => {
                sum.count += slot.count;
                sum.error += slot.error;
            }
            None => drop(all.insert((slot.db, slot.hash), slot)),
        }
    }
    let mut list: Vec<HotKey> = all.into_values().collect();
    list.sort_by(|a, b| b.count.cmp(&a.count).then(a.error.cmp(&b.error)).then(a.key.cmp(&b.key)));
    list.truncate(n);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_are_found_among_many() {
        let mut sketches = [HotKeys::default(), HotKeys::default()];
        for i in 0..100_000u64 {
            let (hash, key) = if i % 10 == 0 { (7, "hot") } else { (1000 + i, "cold") };
            sketches[(i % 3 == 0) as usize].note(0, hash, key.as_bytes());
        }
        let top = hottest(sketches.iter().flat_map(|s| s.slots().iter().cloned()), 3);
        assert_eq!((&*top[0].key, top.len()), (&b"hot"[..], 3));
        assert!(top[0].count - top[0].error <= 10_000 && top[0].count >= 10_000);
        assert_eq!(sketches[0].slots().len(), SLOTS);
        sketches[0].clear();
        assert!(sketches[0].slots().is_empty());
    }
}
