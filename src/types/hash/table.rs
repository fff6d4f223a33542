//! A large hash: a segmented table of fields, and the order in which they expire.
//!
//! The order (time, hash of the field) costs nothing while no field expires; two fields of the same hash and
//! time share a place in it, which is told by looking at the fields of that hash. Removing due fields costs as many steps
//! as there are due ones. Owns its fields; their bytes are summed up as they come and go. Must not know of limits.

use std::collections::BTreeSet;

use super::field::Field;
use super::{FieldTtl, Value};
use crate::base::hash;
use crate::base::pace;
use crate::base::segmented::{self, Segmented};
use crate::base::size_class::good_size;
use crate::base::table::Thin;
use crate::types::packed::Item;

/// Bytes an element of the order takes, on average: nodes of eleven places of 16 bytes, about 0.7 full.
const ORDER_BYTES: usize = 26;

/// The form of a hash that is too large to be packed.
#[derive(Default)]
pub struct HashTable {
    fields: Segmented<Field>,
    /// Bytes of all fields' blocks.
    blocks: usize,
    /// (Expiry, hash) of the fields that expire. Allocates nothing while there are none.
    order: BTreeSet<(u64, u32)>,
}

impl Drop for HashTable {
    fn drop(&mut self) {
        pace::drain(|| self.order.pop_first());
    }
}

impl HashTable {
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Bytes allocated, this struct included. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        good_size(size_of::<Self>()) + self.fields.bytes() + self.blocks + self.order.len() * ORDER_BYTES
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<&Field> {
        self.fields.get(hash::member(field), field)
    }

    /// Sets a value and an expiry (`None`: as it is, or none for a new field; 0: none). Returns whether the field is new.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], expires: Option<u64>) -> bool {
        let hash = hash::member(field);
        let Some(held) = self.fields.get_mut(hash, field) else {
            self.insert(hash, Field::new(field, value, expires.unwrap_or(0)));
            return true;
        };
        let (before, old) = (held.heap_bytes(), held.expires());
        let new = expires.unwrap_or(old);
        held.set(value, new);
        self.blocks = self.blocks - before + held.heap_bytes();
        self.reorder(hash, old, new);
        false
    }

    /// Adds a field that is not there.
    pub(super) fn insert(&mut self, hash: u32, field: Field) {
        let expires = field.expires();
        self.blocks += field.heap_bytes();
        self.fields.insert(hash, field);
        self.reorder(hash, 0, expires);
    }

    pub(super) fn remove(&mut self, field: &[u8]) -> Option<Field> {
        let hash = hash::member(field);
        let removed = self.fields.remove(hash, field)?;
        self.blocks -= removed.heap_bytes();
        self.reorder(hash, removed.expires(), 0);
        Some(removed)
    }

    /// Changes an expiry (0: none) of a field that is there.
    pub(super) fn set_expires(&mut self, field: &[u8], expires: u64) {
        let hash = hash::member(field);
        let Some(held) = self.fields.get_mut(hash, field) else {
            return;
        };
        let (before, old) = (held.heap_bytes(), held.expires());
        held.set_expires(expires);
        self.blocks = self.blocks - before + held.heap_bytes();
        self.reorder(hash, old, expires);
    }

    /// A field of this hash that expired at `old` now does at `new` (0: never, or gone). The fields are changed already.
    fn reorder(&mut self, hash: u32, old: u64, new: u64) {
        if old == new {
            return;
        }
        if old != 0 && !self.any_due(hash, old) {
            self.order.remove(&(old, hash));
        }
        if new != 0 {
            self.order.insert((new, hash));
        }
    }

    /// Whether a field of this hash expires at this time.
    fn any_due(&self, hash: u32, at: u64) -> bool {
        self.fields.iter_from(hash).take_while(|(other, _)| *other == hash).any(|(_, field)| field.expires() == at)
    }

    pub(super) fn min_expire(&self) -> Option<u64> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Fields that are due. O(due).
    pub(super) fn due(&self, now: u64) -> usize {
        let due = self.order.range(..(now.saturating_add(1), 0));
        due.map(|&(at, hash)| {
            let alike = self.fields.iter_from(hash).take_while(|(other, _)| *other == hash);
            alike.filter(|(_, field)| field.expires() == at).count()
        })
        .sum()
    }

    /// Removes the field that expires first, if it is due.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<Field> {
        let &(at, hash) = self.order.first()?;
        if at > now {
            return None;
        }
        let mut alike = self.fields.iter_from(hash).take_while(|(other, _)| *other == hash);
        let key = alike.find(|(_, field)| field.expires() == at).map(|(_, field)| field.key().to_vec());
        match key {
            Some(key) => self.remove(&key),
            None => {
                debug_assert!(false, "the order names a field that is not there");
                self.order.pop_first();
                None
            }
        }
    }

    pub(super) fn iter(&self) -> segmented::Iter<'_, Field> {
        self.fields.iter_from(0)
    }

    pub(super) fn walk(&self, from: u32, f: impl FnMut(&Field) -> bool) -> Option<u32> {
        self.fields.walk(from, f)
    }

    pub(super) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<&Field> {
        self.fields.random(random)
    }

    pub(super) fn duplicate(&self) -> HashTable {
        HashTable { fields: self.fields.duplicate(Field::clone), blocks: self.blocks, order: self.order.clone() }
    }
}

impl Field {
    /// Field and value, as they are shown.
    pub(super) fn pair(&self) -> (Item<'_>, Value<'_>) {
        (Item::Str(self.key()), self.value())
    }

    pub(super) fn ttl(&self) -> FieldTtl {
        match self.expires() {
            0 => FieldTtl::Never,
            at => FieldTtl::At(at),
        }
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        matches!(self.expires(), at if at != 0 && at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HashTable {
        /// Bytes and order are those of the fields.
        pub(in crate::types::hash) fn sums_are_right(&self) -> bool {
            let blocks: usize = self.fields.iter().map(Field::heap_bytes).sum();
            let expiring = self.iter().filter(|(_, field)| field.expires() != 0);
            let order: BTreeSet<_> = expiring.map(|(hash, field)| (field.expires(), hash)).collect();
            blocks == self.blocks && self.order == order
        }
    }

    #[test]
    fn fields_of_one_hash_and_time_expire_one_by_one() {
        let mut table = HashTable::default();
        for key in [b"a", b"b", b"c", b"d"] {
            // As if all had the hash 7, though they are looked for by their own.
            table.insert(7, Field::new(key, b"v", if key == b"d" { 9 } else { 5 }));
        }
        assert!(table.sums_are_right() && table.due(4) == 0 && table.due(5) == 3 && table.due(9) == 4);
        table.fields.update_with(7, b"a", |_| (Field::new(b"a", b"v", 6), ()));
        table.reorder(7, 5, 6);
        assert!(table.sums_are_right() && table.due(5) == 2 && table.due(6) == 3 && table.min_expire() == Some(5));
    }
}
