//! What clients remember on their side: which of them read which keys, and which asked for which prefixes.
//!
//! Owns the [`Table`] of keys and the [`Prefixes`] and their locks. A client is a number here: this must not know what a
//! client is, how a message looks on the wire or how it travels (`server/tracking.rs`), nor commands.
//!
//! **Locks.** The table is cut into parts by the hash of the key, each behind a mutex: a leaf lock, taken while the
//! key's shard of the store is held, never the other way round. While it is held a client's inbox may be locked, and
//! nothing else. A key is one key whatever database it is in, as in Redis: a client that reads `k` of one database hears of
//! a change of `k` in another.
//!
//! **No change is missed.** A key is remembered while its shard is held by the reading command, and a change takes it
//! out of the table, and tells, while its shard is held by the changing one. What takes a key out for another reason
//! (eviction, below) tells before it lets go of the part's lock.
//!
//! **Memory.** `tracking-table-max-keys` bounds the keys: beyond it random ones are evicted, which tells whoever
//! remembered them. A client that goes or stops tracking stays in the lists, silent, until the key changes or the periodic
//! work comes by ([`Table::sweep`]). A crash loses the table with the connections that it is about.

use crate::base::hash;
use crate::base::rng::thread_random;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Parts of the table.
const PARTS: usize = 64;
/// Keys evicted for one command that went over the limit, and in one tick of the periodic work. More than the
/// remembered keys of most commands, so that the table shrinks to its limit.
pub const EVICTIONS: usize = 1000;

/// Numbers of clients, ascending.
pub type Ids = SmallVec<[u64; 2]>;

/// What CLIENT TRACKING ON asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Of every key that begins with one of `prefixes`, read or not.
    pub bcast: bool,
    /// Only of keys that are read right after CLIENT CACHING YES.
    pub optin: bool,
    /// Not of keys that are read right after CLIENT CACHING NO.
    pub optout: bool,
    /// Not of keys that the client itself changes.
    pub noloop: bool,
    /// The client that is told in its place; 0: itself.
    pub redirect: u64,
    /// See `bcast`.
    pub prefixes: BTreeSet<Box<[u8]>>,
}

/// Tracking as the client's own connection knows it.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    /// What was asked for.
    pub options: Options,
    /// CLIENT CACHING was called for the next command.
    pub caching: bool,
}

impl Tracks {
    /// Whether the keys that are read now are remembered.
    pub fn remembers(&self) -> bool {
        let Options { bcast, optin, optout, .. } = self.options;
        !(bcast || optin && !self.caching || optout && self.caching)
    }
}

/// A key that somebody remembers.
struct Slot {
    hash: u32,
    key: Box<[u8]>,
    ids: Ids,
}

/// A hash of 32 bits as the index wants it: its first and its last bits are what it looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A part of the table: the slots, in no order so that a random one is found at once, and where each is.
#[derive(Default)]
struct Part {
    slots: Vec<Slot>,
    index: HashTable<u32>,
}

impl Part {
    /// Takes a slot out; the last one has its place then. O(1).
    fn remove(&mut self, at: usize) -> Slot {
        let slot = self.slots.swap_remove(at);
        if let Ok(entry) = self.index.find_entry(spread(slot.hash), |i| *i as usize == at) {
            entry.remove();
        }
        if let Some(moved) = self.slots.get(at) {
            let last = self.slots.len();
            if let Some(place) = self.index.find_mut(spread(moved.hash), |i| *i as usize == last) {
                *place = at as u32;
            }
        }
        slot
    }

    fn find(&self, hash: u32, key: &[u8]) -> Option<usize> {
        self.index.find(spread(hash), |i| &*self.slots[*i as usize].key == key).map(|i| *i as usize)
    }

    /// Gives back memory that many keys took who are gone.
    fn shrink(&mut self) {
        if self.slots.capacity() > 64 && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2);
            let slots = &self.slots;
            self.index.shrink_to(slots.len() * 2, |i| spread(slots[*i as usize].hash));
        }
    }
}

/// Which clients read which keys.
pub struct Table {
    parts: Box<[Mutex<Part>]>,
    keys: AtomicUsize,
    items: AtomicUsize,
    /// The part that [`Table::sweep`] comes to next, and how many it has to look at.
    at: AtomicUsize,
    stale: AtomicUsize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            at: AtomicUsize::new(0),
            stale: AtomicUsize::new(0),
        }
    }
}

impl Table {
    fn part(&self, hash: u32) -> &Mutex<Part> {
        &self.parts[hash as usize % PARTS]
    }

    /// Keys that somebody remembers.
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Pairs of a key and a client that remembers it.
    pub fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// Client `id` has read `key`, whose shard is held. O(1) but for the clients that remember it already.
    pub fn remember(&self, key: &[u8], id: u64) {
        let hash = hash::member(key);
        let part = &mut *self.part(hash).lock();
        let next = part.slots.len() as u32;
        let slots = &mut part.slots;
        let (same, hash_of) = (|i: &u32| &*slots[*i as usize].key == key, |i: &u32| spread(slots[*i as usize].hash));
        let found = part.index.entry(spread(hash), same, hash_of);
        match found {
            Entry::Occupied(entry) => {
                let ids = &mut slots[*entry.get() as usize].ids;
                let Err(place) = ids.binary_search(&id) else { return };
                ids.insert(place, id);
            }
            Entry::Vacant(entry) => {
                entry.insert(next);
                slots.push(Slot { hash, key: key.into(), ids: Ids::from_elem(id, 1) });
                self.keys.fetch_add(1, Relaxed);
            }
        }
        self.items.fetch_add(1, Relaxed);
    }

    /// Forgets a key that has changed, whose shard is held; returns who remembered it. O(1).
    pub fn forget(&self, key: &[u8]) -> Ids {
        if self.keys() == 0 {
            return Ids::new();
        }
        let hash = hash::member(key);
        let mut part = self.part(hash).lock();
        let Some(at) = part.find(hash, key) else { return Ids::new() };
        let slot = part.remove(at);
        self.gone(1, slot.ids.len());
        slot.ids
    }

    fn gone(&self, keys: usize, items: usize) {
        self.keys.fetch_sub(keys, Relaxed);
        self.items.fetch_sub(items, Relaxed);
    }

    /// Forgets every key.
    pub fn clear(&self) {
        for part in &self.parts {
            let old = std::mem::take(&mut *part.lock());
            self.gone(old.slots.len(), old.slots.iter().map(|slot| slot.ids.len()).sum());
        }
    }

    /// Evicts random keys while there are more than `max`, [`EVICTIONS`] at most; `tell` is given each with who
    /// remembered it. 0: no limit.
    pub fn limit(&self, max: usize, mut tell: impl FnMut(&[u8], &[u64])) {
        let mut left = EVICTIONS;
        while max > 0 && self.keys() > max && left > 0 {
            let random = thread_random();
            // An empty part is no reason to stop: the next one that has a key will do.
            for i in 0..PARTS {
                let mut part = self.parts[(random as usize).wrapping_add(i) % PARTS].lock();
                if part.slots.is_empty() {
                    continue;
                }
                let at = (random >> 32) as usize % part.slots.len();
                let slot = part.remove(at);
                self.gone(1, slot.ids.len());
                tell(&slot.key, &slot.ids);
                break;
            }
            left -= 1;
        }
    }

    /// A client that remembered keys tracks no more: its entries are to go.
    pub fn has_stale(&self) {
        self.stale.store(PARTS, Relaxed);
    }

    /// Strikes clients out that do not track any more, as `tracks` says, of up to `parts` parts. Only where
    /// [`Table::has_stale`] was called since it has been everywhere.
    pub fn sweep(&self, parts: usize, tracks: impl Fn(u64) -> bool) {
        for _ in 0..parts {
            let left = self.stale.load(Relaxed);
            if left == 0 || self.stale.compare_exchange(left, left - 1, Relaxed, Relaxed).is_err() {
                return;
            }
            let part = &mut *self.parts[self.at.fetch_add(1, Relaxed) % PARTS].lock();
            let mut at = 0;
            while let Some(slot) = part.slots.get_mut(at) {
                let before = slot.ids.len();
                slot.ids.retain(|id| tracks(*id));
                let items = before - slot.ids.len();
                if slot.ids.is_empty() {
                    part.remove(at);
                    self.gone(1, items);
                } else {
                    self.gone(0, items);
                    at += 1;
                }
            }
            part.shrink();
        }
    }
}

/// Which clients asked for the keys of which prefixes. Behind its owner's lock.
#[derive(Default)]
pub struct Prefixes {
    clients: HashMap<Box<[u8]>, BTreeSet<u64>>,
    /// How many prefixes there are of each length, so that a key is looked up once for each.
    lengths: BTreeMap<usize, usize>,
}

impl Prefixes {
    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Client `id` asks for a prefix.
    pub fn add(&mut self, prefix: &[u8], id: u64) {
        let clients = self.clients.entry(prefix.into()).or_insert_with(|| {
            *self.lengths.entry(prefix.len()).or_default() += 1;
            BTreeSet::new()
        });
        clients.insert(id);
    }

    /// Client `id` does so no more.
    pub fn remove(&mut self, prefix: &[u8], id: u64) {
        let Some(clients) = self.clients.get_mut(prefix) else { return };
        clients.remove(&id);
        if !clients.is_empty() {
            return;
        }
        self.clients.remove(prefix);
        if let Some(n) = self.lengths.get_mut(&prefix.len()) {
            *n -= 1;
            if *n == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// The prefixes that `key` begins with.
    pub fn of<'p>(&'p self, key: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        let fit = self.lengths.keys().filter_map(|&len| key.get(..len));
        fit.filter_map(|prefix| self.clients.get_key_value(prefix).map(|(prefix, _)| &**prefix))
    }

    /// Who asked for a prefix.
    pub fn clients(&self, prefix: &[u8]) -> impl Iterator<Item = u64> {
        self.clients.get(prefix).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(table: &Table, key: &[u8]) -> Vec<u64> {
        table.forget(key).to_vec()
    }

    fn counts(table: &Table) -> (usize, usize) {
        (table.keys(), table.items())
    }

    #[test]
    fn a_key_is_told_of_once() {
        let table = Table::default();
        for id in [9, 3, 7, 3] {
            table.remember(b"k", id);
        }
        table.remember(b"l", 3);
        assert_eq!(counts(&table), (2, 4));
        assert_eq!(told(&table, b"k"), [3, 7, 9]);
        assert_eq!((told(&table, b"k"), counts(&table)), (vec![], (1, 1)));
        table.clear();
        assert_eq!((told(&table, b"l"), counts(&table)), (vec![], (0, 0)));
    }

    #[test]
    fn the_table_agrees_with_a_model() {
        let (table, mut model) = (Table::default(), BTreeMap::<u64, BTreeSet<u64>>::new());
        let mut rng = crate::base::rng::Rng::new(7);
        for _ in 0..50_000 {
            let (key, id) = (rng.below(3000), rng.below(8));
            let bytes = key.to_string();
            if rng.below(3) > 0 {
                table.remember(bytes.as_bytes(), id);
                model.entry(key).or_default().insert(id);
            } else {
                let expected: Vec<u64> = model.remove(&key).into_iter().flatten().collect();
                assert_eq!(told(&table, bytes.as_bytes()), expected);
            }
        }
        assert_eq!(counts(&table), (model.len(), model.values().map(BTreeSet::len).sum()));
        let mut evicted = 0;
        table.limit(100, |key, ids| {
            let key: u64 = std::str::from_utf8(key).unwrap().parse().unwrap();
            assert!(model.remove(&key).unwrap().iter().eq(ids));
            evicted += 1;
        });
        assert_eq!(evicted, EVICTIONS);
        (0..3).for_each(|_| table.limit(100, |_, _| {}));
        assert_eq!(table.keys(), 100);
        table.limit(0, |_, _| panic!("0 is no limit"));
    }

    #[test]
    fn what_is_gone_is_freed() {
        let table = Table::default();
        for i in 0..20_000u64 {
            table.remember(format!("key:{i}").as_bytes(), i % 2);
            table.remember(format!("key:{i}").as_bytes(), 2);
        }
        table.sweep(PARTS, |_| panic!("nobody has gone"));
        table.has_stale();
        table.sweep(PARTS, |id| id != 2);
        assert_eq!(counts(&table), (20_000, 20_000));
        table.has_stale();
        table.sweep(PARTS / 2, |_| false);
        // Somebody goes meanwhile: everywhere once more.
        table.has_stale();
        table.sweep(PARTS, |_| false);
        assert_eq!(counts(&table), (0, 0));
        assert!(table.parts.iter().all(|part| part.lock().slots.capacity() <= 64 && part.lock().index.is_empty()));
    }

    #[test]
    fn prefixes_of_a_key() {
        let mut prefixes = Prefixes::default();
        for (prefix, id) in [("", 1), ("a", 1), ("a", 2), ("ab", 3), ("b", 4)] {
            prefixes.add(prefix.as_bytes(), id);
        }
        let of = |p: &Prefixes, key: &str| -> Vec<String> {
            p.of(key.as_bytes()).map(|p| String::from_utf8_lossy(p).into_owned()).collect()
        };
        assert_eq!(of(&prefixes, "abc"), ["", "a", "ab"]);
        assert_eq!((of(&prefixes, "b"), of(&prefixes, "")), (vec!["".into(), "b".into()], vec![String::new()]));
        assert!(prefixes.clients(b"a").eq([1, 2]));
        for (prefix, id) in [("", 1), ("a", 1), ("a", 9), ("nobody's", 1)] {
            prefixes.remove(prefix.as_bytes(), id);
        }
        assert_eq!((of(&prefixes, "abc"), prefixes.len()), (vec!["a".into(), "ab".into()], 3));
        for (prefix, id) in [("a", 2), ("ab", 3), ("b", 4)] {
            prefixes.remove(prefix.as_bytes(), id);
        }
        assert!(prefixes.is_empty() && prefixes.lengths.is_empty());
    }
}
