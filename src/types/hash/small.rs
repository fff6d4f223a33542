//! A small hash: pairs, or triples with an expiry, in one packed block.
//!
//! Pairs are field, value, field, value…, in the order of insertion. Once a field has been given an expiry they are
//! triples of field, value and expiry in milliseconds (0: none), sorted by expiry with the zeros last, so that the next
//! one due is the first. Everything is O(elements), of which limits keep few. Must not know of limits.

use super::{FieldTtl, Value};
use crate::types::packed::{At, Item, Packed};

/// How many elements belong to one field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stride {
    Pairs = 2,
    Triples = 3,
}

/// A packed hash as it is read.
#[derive(Clone, Copy)]
pub(super) struct Small<'a> {
    pub(super) packed: &'a Packed,
    pub(super) stride: Stride,
}

/// One field of it.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) at: At,
    pub(super) field: Item<'a>,
    pub(super) value: Item<'a>,
    /// 0: none.
    pub(super) expires: u64,
}

impl<'a> Entry<'a> {
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.expires != 0 && self.expires <= now
    }

    pub(super) fn pair(&self) -> (Item<'a>, Value<'a>) {
        (self.field, self.value.into())
    }

    pub(super) fn ttl(&self) -> FieldTtl {
        match self.expires {
            0 => FieldTtl::Never,
            at => FieldTtl::At(at),
        }
    }
}

impl<'a> Small<'a> {
    pub(super) fn len(self) -> usize {
        self.packed.len() / self.stride as usize
    }

    /// The field that starts at an element.
    fn entry(self, at: At) -> Entry<'a> {
        let value = self.packed.next(at).expect("a field is followed by its value");
        let expires = match self.stride {
            Stride::Pairs => 0,
            Stride::Triples => {
                let expires = self.packed.next(value).expect("a value is followed by its expiry");
                self.packed.get(expires).int().unwrap_or(0).unsigned_abs()
            }
        };
        Entry { at, field: self.packed.get(at), value: self.packed.get(value), expires }
    }

    pub(super) fn find(self, field: &[u8]) -> Option<Entry<'a>> {
        self.packed.find(field, self.packed.first(), self.stride as usize - 1).map(|at| self.entry(at))
    }

    pub(super) fn nth(self, n: usize) -> Option<Entry<'a>> {
        let at = self.packed.nth(i64::try_from(n * self.stride as usize).ok()?)?;
        Some(self.entry(at))
    }

    pub(super) fn iter(self) -> SmallIter<'a> {
        SmallIter { small: self, at: self.packed.first() }
    }

    /// The first expiry.
    pub(super) fn min_expire(self) -> Option<u64> {
        self.packed.first().map(|at| self.entry(at).expires).filter(|at| *at != 0)
    }
}

/// The fields of a packed hash in their order.
#[derive(Clone)]
pub(super) struct SmallIter<'a> {
    small: Small<'a>,
    at: Option<At>,
}

impl<'a> Iterator for SmallIter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let entry = self.small.entry(self.at?);
        self.at = (0..self.small.stride as usize).try_fold(entry.at, |at, _| self.small.packed.next(at));
        Some(entry)
    }
}

/// The text of an expiry.
fn expiry_text(at: u64, buffer: &mut Vec<u8>) -> &[u8] {
    buffer.clear();
    crate::base::num::write_i64(i64::try_from(at).unwrap_or(i64::MAX), buffer);
    buffer
}

/// Pairs as triples without expiry.
pub(super) fn to_triples(pairs: &Packed) -> Packed {
    let mut triples = Packed::new();
    for (i, item) in pairs.iter().enumerate() {
        triples.push_back(item.text(&mut Default::default()));
        if i % 2 == 1 {
            triples.push_back(b"0");
        }
    }
    triples
}

/// Sets a value and an expiry (`None`: as it is, or none for a new field; 0: none). Returns whether the field is new.
pub(super) fn set(packed: &mut Packed, stride: Stride, field: &[u8], value: &[u8], expires: Option<u64>) -> bool {
    let found = Small { packed, stride }.find(field).map(|entry| (entry.at, entry.expires));
    if let Some((at, old)) = found
        && expires.is_none_or(|new| new == old)
    {
        let value_at = packed.next(at).expect("a field is followed by its value");
        packed.replace(value_at, value);
        return false;
    }
    if let Some((at, _)) = found {
        packed.remove_range(at, stride as usize);
    }
    insert(packed, stride, field, value, expires.unwrap_or(0));
    found.is_none()
}

/// Adds a field that is not there, behind those that expire no later.
fn insert(packed: &mut Packed, stride: Stride, field: &[u8], value: &[u8], expires: u64) {
    let mut buffer = Vec::new();
    let later = match stride {
        Stride::Triples if expires != 0 => {
            let later = |entry: &Entry<'_>| entry.expires == 0 || entry.expires > expires;
            Small { packed, stride }.iter().find(later).map(|entry| entry.at)
        }
        _ => None,
    };
    if let Some(at) = later {
        packed.insert_all_before(at, &[field, value, expiry_text(expires, &mut buffer)]);
        return;
    }
    match stride {
        Stride::Pairs => packed.extend_back(&[field, value]),
        Stride::Triples => packed.extend_back(&[field, value, expiry_text(expires, &mut buffer)]),
    }
}

/// Changes an expiry (0: none) of a field that is there, in triples.
pub(super) fn set_expires(packed: &mut Packed, field: &[u8], expires: u64) {
    let stride = Stride::Triples;
    if let Some(entry) = (Small { packed, stride }).find(field)
        && entry.expires != expires
    {
        let (at, value) = (entry.at, entry.value.to_vec());
        packed.remove_range(at, stride as usize);
        insert(packed, stride, field, &value, expires);
    }
}

/// Removes a field that is there.
pub(super) fn remove(packed: &mut Packed, stride: Stride, at: At) {
    packed.remove_range(at, stride as usize);
}

/// Removes the first `n` fields.
pub(super) fn remove_first(packed: &mut Packed, stride: Stride, n: usize) {
    packed.truncate_front(n * stride as usize);
}
