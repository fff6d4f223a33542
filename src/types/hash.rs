//! Hashes: fields with values, and fields that expire.
//!
//! | encoding | OBJECT ENCODING | form |
//! | --- | --- | --- |
//! | 0 | `listpack` | pairs in a packed block (`hash/small.rs`) |
//! | 1 | `hashtable` | a segmented table of fields (`hash/table.rs`, `hash/field.rs`) |
//! | 2 | `listpackex` | triples in a packed block: a field has been given an expiry (`hash/small.rs`) |
//!
//! A hash starts packed. It becomes a table when it has more fields than [`HashLimits::listpack_entries`], when a field or
//! value is longer than [`HashLimits::listpack_value`], or when the block would come to [`PACKED_MAX`]; it stays one. Owns
//! the choice of the form and what expiry means for reading: a field is absent from the millisecond at which it is due, but
//! it takes its place until it is overwritten, removed or swept ([`Hash::expire`]). Must not know the time, which callers
//! give in milliseconds, nor where limits come from.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ptr::NonNull;

use super::packed::{Item, ItemText, Packed};
use super::{Collection, TypeTag};
use crate::base::hash as hashing;
use crate::base::rng::{Selection, below};
use crate::base::segmented;
use crate::base::table::Thin;

mod field;
mod small;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use field::{Field, SHARED_MIN};
use small::{Small, SmallIter, Stride};
pub use table::HashTable;
pub use value::{ExpireOutcome, FieldTtl, Value};

/// Bytes that a packed hash never exceeds, whatever the limits are.
pub const PACKED_MAX: usize = 1 << 30;
/// Fields that a packed hash never exceeds, whatever the limits are.
const FIELDS_MAX: usize = Packed::COUNT_MAX / 3;
/// Bytes that an expiry takes at most as a packed element.
const EXPIRY_MAX: usize = 10;
/// Random draws that may meet a due field before all fields are looked at.
const DRAWS: u32 = 64;

/// Up to where a hash is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// Fields.
    pub listpack_entries: usize,
    /// Bytes of a field or value.
    pub listpack_value: usize,
}

/// A hash.
pub enum Hash {
    /// Pairs.
    Packed(Packed),
    /// Any number of fields.
    Table(Box<HashTable>),
    /// Triples.
    Expiring(Packed),
}

/// The two ways to store fields, as they are read.
enum Form<'a> {
    Small(Small<'a>),
    Table(&'a HashTable),
}

impl Default for Hash {
    fn default() -> Self {
        Hash::Packed(Packed::new())
    }
}

impl Hash {
    fn form(&self) -> Form<'_> {
        match self {
            Hash::Packed(packed) => Form::Small(Small { packed, stride: Stride::Pairs }),
            Hash::Expiring(packed) => Form::Small(Small { packed, stride: Stride::Triples }),
            Hash::Table(table) => Form::Table(table),
        }
    }

    /// Fields that are not due. O(1) without due fields, else O(due).
    pub fn live_len(&self, now: u64) -> usize {
        self.len() - self.due(now)
    }

    /// Fields that are due but still there. O(due).
    fn due(&self, now: u64) -> usize {
        match self.form() {
            Form::Small(Small { stride: Stride::Pairs, .. }) => 0,
            Form::Small(small) => small.iter().take_while(|entry| entry.is_due(now)).count(),
            Form::Table(table) => table.due(now),
        }
    }

    /// The value of a field. O(1); O(fields) if packed.
    pub fn get(&self, field: &[u8], now: u64) -> Option<Value<'_>> {
        match self.form() {
            Form::Small(small) => small.find(field).filter(|entry| !entry.is_due(now)).map(|entry| entry.value.into()),
            Form::Table(table) => table.get(field).filter(|held| !held.is_due(now)).map(Field::value),
        }
    }

    /// Whether there is such a field. Cost as [`Hash::get`].
    pub fn contains(&self, field: &[u8], now: u64) -> bool {
        self.get(field, now).is_some()
    }

    /// Bytes of a field's value. Cost as [`Hash::get`].
    pub fn value_len(&self, field: &[u8], now: u64) -> Option<usize> {
        self.get(field, now).map(|value| value.len())
    }

    /// Sets the value of a field; its expiry goes, unless `keep_ttl`. Returns whether the field is new, as one that was due
    /// is. O(1); O(fields) if packed.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: HashLimits, keep_ttl: bool, now: u64) -> bool {
        let was_due = self.has_expiring() && matches!(self.stored_ttl(field), FieldTtl::At(at) if at <= now);
        self.leave_room(field, value, limits);
        let expires = if keep_ttl && !was_due { None } else { Some(0) };
        let new = match self {
            Hash::Packed(packed) => small::set(packed, Stride::Pairs, field, value, None),
            Hash::Expiring(packed) => small::set(packed, Stride::Triples, field, value, expires),
            Hash::Table(table) => table.set(field, value, expires),
        };
        if let Form::Small(small) = self.form()
            && small.len() > limits.listpack_entries
        {
            self.make_table();
        }
        new || was_due
    }

    /// Sets a field that is not there. Returns whether it was not. Cost as [`Hash::set`].
    pub fn set_nx(&mut self, field: &[u8], value: &[u8], limits: HashLimits, now: u64) -> bool {
        !self.contains(field, now) && self.set(field, value, limits, false, now)
    }

    /// Removes a field. Returns whether there was one that was not due. Cost as [`Hash::get`].
    pub fn remove(&mut self, field: &[u8], now: u64) -> bool {
        match self {
            Hash::Packed(packed) => remove_small(packed, Stride::Pairs, field, now),
            Hash::Expiring(packed) => remove_small(packed, Stride::Triples, field, now),
            Hash::Table(table) => table.remove(field).is_some_and(|removed| !removed.is_due(now)),
        }
    }

    /// Removes a field that is due. Returns whether there was one. Cost as [`Hash::get`].
    pub fn remove_due(&mut self, field: &[u8], now: u64) -> bool {
        let due = matches!(self.stored_ttl(field), FieldTtl::At(at) if at <= now);
        if due {
            self.remove(field, now);
        }
        due
    }

    /// The fields that are not due, with their values.
    pub fn iter(&self, now: u64) -> HashIter<'_> {
        let fields = match self.form() {
            Form::Small(small) => FieldsIter::Small(small.iter()),
            Form::Table(table) => FieldsIter::Table(table.iter()),
        };
        HashIter { fields, now }
    }

    /// Shows `f` some fields that are not due, with their values: all if the hash is packed, else those from a cursor on
    /// until `count` fields have been looked at. Returns the cursor to go on from; 0 is the first cursor, and the last.
    /// Fields that are there from the first call to the last are shown, whatever else comes and goes. O(count).
    pub fn scan(&self, cursor: u64, count: usize, now: u64, mut f: impl FnMut(Item<'_>, Value<'_>)) -> u64 {
        match self.form() {
            Form::Small(_) => {
                self.iter(now).for_each(|(field, value)| f(field, value));
                0
            }
            Form::Table(table) => {
                let Ok(from) = u32::try_from(cursor) else { return 0 };
                let mut left = count.max(1);
                let next = table.walk(from, |field| {
                    if !field.is_due(now) {
                        f(Item::Str(field.key()), field.value());
                    }
                    left = left.saturating_sub(1);
                    left > 0
                });
                next.map_or(0, u64::from)
            }
        }
    }

    /// A field that is not due, every one as likely, with its value. O(1), or O(fields) if packed; with due fields O(due).
    pub fn random(&self, now: u64, random: &mut impl FnMut() -> u64) -> Option<(Item<'_>, Value<'_>)> {
        let due = self.due(now);
        let live = self.len() - due;
        if live == 0 {
            return None;
        }
        match self.form() {
            // Due fields are the first.
            Form::Small(small) => small.nth(due + below(random, live as u64) as usize).map(|entry| entry.pair()),
            Form::Table(table) => self.draw(table, live, now, random),
        }
    }

    /// One of the `live` (not 0) fields of a table that are not due.
    fn draw<'a>(
        &'a self,
        table: &'a HashTable,
        live: usize,
        now: u64,
        random: &mut impl FnMut() -> u64,
    ) -> Option<(Item<'a>, Value<'a>)> {
        for _ in 0..DRAWS {
            if let Some(field) = table.random(random).filter(|field| !field.is_due(now)) {
                return Some(field.pair());
            }
        }
        self.iter(now).nth(below(random, live as u64) as usize)
    }

    /// Shows `f` `count` fields that are not due, each drawn anew from all of them, with their values; none if there is
    /// none. Ends early when `f` returns `false`. O(count + due), and O(fields) if packed.
    pub fn random_each(
        &self,
        count: usize,
        now: u64,
        random: &mut impl FnMut() -> u64,
        mut f: impl FnMut(Item<'_>, Value<'_>) -> bool,
    ) {
        match self.form() {
            Form::Small(small) => {
                let live: Vec<_> = small.iter().filter(|entry| !entry.is_due(now)).collect();
                let draws = 0..if live.is_empty() { 0 } else { count };
                let mut draws = draws.map(|_| live[below(random, live.len() as u64) as usize].pair());
                draws.all(|(field, value)| f(field, value));
            }
            Form::Table(table) => {
                let live = self.live_len(now);
                let draws = 0..if live == 0 { 0 } else { count };
                let mut draws = draws.map_while(|_| self.draw(table, live, now, random));
                draws.all(|(field, value)| f(field, value));
            }
        }
    }

    /// Shows `f` `count` different fields that are not due, or all if they are fewer, with their values; every selection is
    /// as likely. O(count), or O(fields) if packed or if `count` comes near their number.
    pub fn random_distinct(
        &self,
        count: usize,
        now: u64,
        random: &mut impl FnMut() -> u64,
        mut f: impl FnMut(Item<'_>, Value<'_>),
    ) {
        let due = self.due(now);
        let live = self.len() - due;
        match self.form() {
            Form::Table(table) if count < live / 3 && due <= live => {
                let mut seen = HashSet::with_capacity(count);
                while seen.len() < count {
                    let Some(field) = table.random(random) else { return };
                    if !field.is_due(now) && seen.insert(field.key().as_ptr()) {
                        f(Item::Str(field.key()), field.value());
                    }
                }
            }
            _ => {
                let mut selection = Selection::new(count, live);
                for (field, value) in self.iter(now) {
                    if selection.next(random) {
                        f(field, value);
                    }
                    if selection.is_done() {
                        return;
                    }
                }
            }
        }
    }

    /// When a field expires. Cost as [`Hash::get`].
    pub fn expire_at(&self, field: &[u8], now: u64) -> FieldTtl {
        match self.stored_ttl(field) {
            FieldTtl::At(at) if at <= now => FieldTtl::Missing,
            ttl => ttl,
        }
    }

    /// The expiry of a field, due or not.
    fn stored_ttl(&self, field: &[u8]) -> FieldTtl {
        match self.form() {
            Form::Small(small) => small.find(field).map_or(FieldTtl::Missing, |entry| entry.ttl()),
            Form::Table(table) => table.get(field).map_or(FieldTtl::Missing, Field::ttl),
        }
    }

    /// Lets a field expire at a time in milliseconds. O(1) and O(log expiring); O(fields) if packed.
    pub fn set_expire(&mut self, field: &[u8], at: u64, now: u64) -> ExpireOutcome {
        if !self.contains(field, now) {
            return ExpireOutcome::Missing;
        }
        if at <= now {
            self.remove(field, now);
            return ExpireOutcome::Removed;
        }
        if let Hash::Packed(pairs) = self {
            match pairs.listpack_bytes() + pairs.len() / 2 * EXPIRY_MAX <= PACKED_MAX {
                true => *self = Hash::Expiring(small::to_triples(pairs)),
                false => self.make_table(),
            }
        }
        match self {
            Hash::Packed(_) => {}
            Hash::Expiring(packed) => small::set_expires(packed, field, at),
            Hash::Table(table) => table.set_expires(field, at),
        }
        ExpireOutcome::Set
    }

    /// Lets a field expire no more; returns when it did before. Cost as [`Hash::set_expire`].
    pub fn persist(&mut self, field: &[u8], now: u64) -> FieldTtl {
        let before = self.expire_at(field, now);
        if let FieldTtl::At(_) = before {
            match self {
                Hash::Packed(_) => {}
                Hash::Expiring(packed) => small::set_expires(packed, field, 0),
                Hash::Table(table) => table.set_expires(field, 0),
            }
        }
        before
    }

    /// When the first field expires, due or not. O(1); O(log expiring) in a table.
    pub fn min_expire(&self) -> Option<u64> {
        match self.form() {
            Form::Small(Small { stride: Stride::Pairs, .. }) => None,
            Form::Small(small) => small.min_expire(),
            Form::Table(table) => table.min_expire(),
        }
    }

    /// Whether any field expires. Cost as [`Hash::min_expire`].
    pub fn has_expiring(&self) -> bool {
        self.min_expire().is_some()
    }

    /// Removes the fields that are due, at most `limit`, earliest first, and shows them to `f`. Returns how many it were.
    /// O(removed log expiring); O(fields) if packed.
    pub fn expire(&mut self, now: u64, limit: usize, mut f: impl FnMut(&[u8])) -> usize {
        match self {
            Hash::Packed(_) => 0,
            Hash::Expiring(packed) => {
                let small = Small { packed, stride: Stride::Triples };
                let due = small.iter().take_while(|entry| entry.is_due(now)).take(limit);
                let removed = due.map(|entry| f(entry.field.text(&mut ItemText::default()))).count();
                small::remove_first(packed, Stride::Triples, removed);
                removed
            }
            Hash::Table(table) => {
                let removed = std::iter::from_fn(|| table.pop_due(now)).take(limit);
                removed.map(|field| f(field.key())).count()
            }
        }
    }

    /// Becomes a table if a field and its value must not or cannot be packed.
    fn leave_room(&mut self, field: &[u8], value: &[u8], limits: HashLimits) {
        let Form::Small(small) = self.form() else { return };
        let longest = field.len().max(value.len());
        // A length beside a text takes less than a second expiry does.
        let added = field.len().saturating_add(value.len()).saturating_add(3 * EXPIRY_MAX);
        let too_large = small.packed.listpack_bytes().saturating_add(added) > PACKED_MAX;
        if longest > limits.listpack_value || too_large || small.len() >= FIELDS_MAX {
            self.make_table();
        }
    }

    fn make_table(&mut self) {
        let Form::Small(small) = self.form() else { return };
        let mut table = Box::<HashTable>::default();
        let (mut field_text, mut value_text) = Default::default();
        for entry in small.iter() {
            let (field, value) = (entry.field.text(&mut field_text), entry.value.text(&mut value_text));
            table.insert(hashing::member(field), Field::new(field, value, entry.expires));
        }
        *self = Hash::Table(table);
    }
}

fn remove_small(packed: &mut Packed, stride: Stride, field: &[u8], now: u64) -> bool {
    let Some((at, due)) = (Small { packed, stride }).find(field).map(|entry| (entry.at, entry.is_due(now))) else {
        return false;
    };
    small::remove(packed, stride, at);
    !due
}

/// The fields of a `Hash` that are not due, with their values.
pub struct HashIter<'a> {
    fields: FieldsIter<'a>,
    now: u64,
}

enum FieldsIter<'a> {
    Small(SmallIter<'a>),
    Table(segmented::Iter<'a, Field>),
}

impl<'a> Iterator for HashIter<'a> {
    type Item = (Item<'a>, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let now = self.now;
        match &mut self.fields {
            FieldsIter::Small(fields) => fields.find(|entry| !entry.is_due(now)).map(|entry| entry.pair()),
            FieldsIter::Table(fields) => {
                fields.map(|(_, field)| field).find(|field| !field.is_due(now)).map(Field::pair)
            }
        }
    }
}

// SAFETY: each variant is one owning pointer, which its number leads back to.
unsafe impl Collection for Hash {
    const TYPE: TypeTag = TypeTag::Hash;
    const ENCODINGS: u8 = 3;

    fn into_raw(self) -> (u8, NonNull<u8>) {
        match self {
            Hash::Packed(packed) => (0, packed.into_raw()),
            Hash::Table(table) => (1, NonNull::from(Box::leak(table)).cast()),
            Hash::Expiring(packed) => (2, packed.into_raw()),
        }
    }

    unsafe fn from_raw(encoding: u8, p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise: `into_raw` made this pointer of this variant.
        unsafe {
            match encoding {
                0 => Hash::Packed(Packed::from_raw(p)),
                1 => Hash::Table(Box::from_raw(p.cast().as_ptr())),
                _ => Hash::Expiring(Packed::from_raw(p)),
            }
        }
    }

    fn len(&self) -> usize {
        match self.form() {
            Form::Small(small) => small.len(),
            Form::Table(table) => table.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self.form() {
            Form::Small(small) => small.packed.heap_bytes(),
            Form::Table(table) => table.heap_bytes(),
        }
    }

    fn encoding(&self) -> &'static str {
        match self {
            Hash::Packed(_) => "listpack",
            Hash::Table(_) => "hashtable",
            Hash::Expiring(_) => "listpackex",
        }
    }

    fn duplicate(&self) -> Self {
        match self {
            Hash::Packed(packed) => Hash::Packed(packed.clone()),
            Hash::Table(table) => Hash::Table(Box::new(table.duplicate())),
            Hash::Expiring(packed) => Hash::Expiring(packed.clone()),
        }
    }
}
