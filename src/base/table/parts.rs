//! What a table of many parts needs of its parts: halving one and joining two, copies, picks by slot.
//!
//! A part holds the hashes of one prefix, without the prefix: shifted to the left, so that its homes spread over the
//! whole array. Halving shifts by one bit more, joining by one bit less; either is one sequential pass that keeps the
//! order. Must not know how parts are found ([`super::super::segmented`] does).

use std::mem::ManuallyDrop;

use super::{Pos, Slot, Table, Thin, Word, bytes_for, prefetch};
use crate::base::rng;

/// The top bit of a hash.
const TOP: u32 = 1 << 31;
/// How many slots ahead of a walk its entries are prefetched: enough to cover a miss with what a reader does with each.
const AHEAD: usize = 12;
/// Slots that [`Table::pick`] draws before it counts. At the lowest load of a table that shrinks, three draws find an
/// entry.
const DRAWS: u32 = 32;

impl<E: Thin> Table<E> {
    /// Divides the entries by the top bit of their hash into two tables whose hashes have lost that bit: `h` becomes
    /// `h << 1`. The arrays are made to fit. O(length).
    pub fn halve(self) -> (Table<E>, Table<E>) {
        // The entries go to the new tables bit by bit.
        let mut old = ManuallyDrop::new(self);
        let low = old.full_slots().filter(|slot| slot.hash < TOP).count();
        let shifted = |slot: Slot| Slot { hash: slot.hash << 1, word: slot.word };
        let halves = (
            Self::fitted(low, || old.full_slots().take(low).map(shifted)),
            Self::fitted(old.len() - low, || old.full_slots().skip(low).map(shifted)),
        );
        old.free_array();
        halves
    }

    /// The opposite of [`Table::halve`]: the lowest bit of every hash must be 0. O(length).
    pub fn join(low: Table<E>, high: Table<E>) -> Table<E> {
        let (mut low, mut high) = (ManuallyDrop::new(low), ManuallyDrop::new(high));
        let joined = Self::fitted(low.len() + high.len(), || {
            let low = low.full_slots().map(|slot| Slot { hash: slot.hash >> 1, word: slot.word });
            low.chain(high.full_slots().map(|slot| Slot { hash: slot.hash >> 1 | TOP, word: slot.word }))
        });
        low.free_array();
        high.free_array();
        joined
    }

    /// A table of the `len` slots that `slots` yields in order of hashes, with room for an eighth more.
    fn fitted<S: Iterator<Item = Slot>>(len: usize, slots: impl Fn() -> S) -> Table<E> {
        match len {
            0 => Table::new(),
            _ => Self::build(len, bytes_for(len, 4, 5), 0, slots),
        }
    }

    /// A copy whose entries are what `f` makes of these; their keys and thus hashes must be the same. O(length).
    pub fn duplicate(&self, mut f: impl FnMut(&E) -> E) -> Table<E> {
        let mut new = Table::new();
        if self.is_empty() {
            return new;
        }
        new.allocate(self.bytes());
        new.capacity = self.capacity;
        // SAFETY: the whole of the new array.
        unsafe { new.fill_empty(0, new.total as usize) };
        for i in 0..self.total as usize {
            // SAFETY: a slot of both arrays, which have the same length. The new slot holds nothing, and if `f` panics
            // the new table drops what it has so far.
            unsafe {
                if self.is_free(i) {
                    continue;
                }
                self.prefetch_beyond(Pos(i as u32));
                let slot = &*self.at(i).cast_const();
                let mut word = Word::new(f(slot.entry::<E>()).into_raw());
                word.set_flags(slot.word.flags());
                new.at(i).write(Slot { hash: slot.hash, word });
            }
            new.len += 1;
        }
        new
    }

    /// Prefetches an entry that a walk which is at `p` will come to soon.
    #[inline]
    pub fn prefetch_beyond(&self, p: Pos) {
        let slot = p.0 as usize + AHEAD;
        if slot < self.slots() {
            // SAFETY: the slot is one of the array; an empty one's null pointer does no harm.
            let address = unsafe { (*self.at(slot)).word.address() };
            prefetch(address);
        }
    }

    /// Slots of the array, free ones included.
    pub fn slots(&self) -> usize {
        self.total as usize
    }

    /// The entry in a slot, if `slot` is one and holds any.
    pub fn slot(&self, slot: usize) -> Option<Pos> {
        // SAFETY: the slot is one of the array.
        (slot < self.slots() && unsafe { !self.is_free(slot) }).then_some(Pos(slot as u32))
    }

    /// The `n`-th entry in the order of hashes. O(slots).
    pub fn nth(&self, n: usize) -> Option<Pos> {
        (0..self.slots()).filter_map(|i| self.slot(i)).nth(n)
    }

    /// An entry, every one exactly as likely, from a source of 64 random bits. Expected O(1).
    pub fn pick(&self, random: &mut impl FnMut() -> u64) -> Option<Pos> {
        if self.is_empty() {
            return None;
        }
        for _ in 0..DRAWS {
            if let Some(p) = self.slot(rng::below(random, self.slots() as u64) as usize) {
                return Some(p);
            }
        }
        self.nth(rng::below(random, self.len() as u64) as usize)
    }
}
