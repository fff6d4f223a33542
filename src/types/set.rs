//! Sets: different texts in no order.
//!
//! | encoding | OBJECT ENCODING | form |
//! | --- | --- | --- |
//! | 0 | `intset` | a sorted array of integers (`types/intset.rs`) |
//! | 1 | `listpack` | a packed block |
//! | 2 | `hashtable` | a segmented table of members (`set/table.rs`, `set/member.rs`) |
//!
//! A set starts as integers and stays so while all members are integers and not more than
//! [`SetLimits::intset_entries`]; then it is packed while there are at most [`SetLimits::listpack_entries`] of at most
//! [`SetLimits::listpack_value`] bytes; then it is a table. It never goes back. Owns the choice of the form; the algebra of
//! sets is in `set/algebra.rs`. Must not know where limits come from.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ptr::NonNull;

use super::intset::Intset;
use super::packed::{self, Item, ItemText, Packed};
use super::{Collection, TypeTag};
use crate::base::hash;
use crate::base::num::parse_i64;
use crate::base::rng::{Selection, below};
use crate::base::segmented;
use crate::base::table::Thin;

mod algebra;
mod member;
mod table;
#[cfg(test)]
mod tests;

pub use member::Member;
pub use table::SetTable;

/// Bytes that a packed set never exceeds, whatever the limits are.
const PACKED_MAX: usize = 1 << 30;
/// Integers that a set of integers never exceeds, whatever the limits are.
const INTS_MAX: usize = 1 << 26;

/// Up to where a set has which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Members of a set of integers.
    pub intset_entries: usize,
    /// Members of a packed set.
    pub listpack_entries: usize,
    /// Bytes of a member of a packed set.
    pub listpack_value: usize,
}

/// A set.
pub enum Set {
    /// Integers alone.
    Ints(Intset),
    /// Few short members.
    Packed(Packed),
    /// Any members.
    Table(Box<SetTable>),
}

impl Default for Set {
    fn default() -> Self {
        Set::Ints(Intset::new())
    }
}

impl Set {
    /// Adds a member. Returns whether it is new. O(1); O(members) in the other forms.
    pub fn add(&mut self, text: &[u8], limits: SetLimits) -> bool {
        match self {
            Set::Ints(ints) => {
                if let Some(int) = parse_i64(text) {
                    let new = ints.add(int);
                    if new && ints.len() > limits.intset_entries.min(INTS_MAX) {
                        self.leave_ints(limits.listpack_entries, limits);
                    }
                    return new;
                }
                // Room for one member more.
                self.leave_ints(limits.listpack_entries.saturating_sub(1), limits);
                self.add(text, limits)
            }
            Set::Packed(packed) => {
                if packed.find(text, packed.first(), 0).is_some() {
                    return false;
                }
                // A length beside a text takes less than 16 bytes.
                let bytes = packed.listpack_bytes().saturating_add(text.len()).saturating_add(16);
                let fits = packed.len() < limits.listpack_entries && text.len() <= limits.listpack_value;
                if fits && bytes <= PACKED_MAX {
                    packed.push_back(text);
                    return true;
                }
                self.make_table().add(text)
            }
            Set::Table(table) => table.add(text),
        }
    }

    /// Integers become packed if at most `entries` and short, else a table.
    fn leave_ints(&mut self, entries: usize, limits: SetLimits) {
        let Set::Ints(ints) = self else { return };
        // The longest texts are at the ends of the order.
        let ends = [ints.nth(0), ints.nth(ints.len().wrapping_sub(1))];
        let longest = ends.iter().flatten().map(|int| Item::Int(*int).len()).max().unwrap_or(0);
        if ints.len() > entries || longest > limits.listpack_value || limits.listpack_entries == 0 {
            self.make_table();
            return;
        }
        let mut packed = Packed::new();
        for int in ints.iter() {
            packed.push_back(Item::Int(int).text(&mut ItemText::default()));
        }
        *self = Set::Packed(packed);
    }

    /// Becomes a table, if it is none.
    fn make_table(&mut self) -> &mut SetTable {
        if !matches!(self, Set::Table(_)) {
            let mut table = Box::<SetTable>::default();
            for item in self.iter() {
                table.add(item.text(&mut ItemText::default()));
            }
            *self = Set::Table(table);
        }
        match self {
            Set::Table(table) => table,
            _ => unreachable!("a table was just put there"),
        }
    }

    /// Removes a member. Returns whether it was there. O(1); O(members) in the other forms.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        match self {
            Set::Ints(ints) => parse_i64(text).is_some_and(|int| ints.remove(int)),
            Set::Packed(packed) => {
                let at = packed.find(text, packed.first(), 0);
                at.map(|at| packed.remove(at)).is_some()
            }
            Set::Table(table) => table.remove(text),
        }
    }

    /// Whether there is such a member. O(1); O(log members) for integers; O(members) if packed.
    pub fn contains(&self, text: &[u8]) -> bool {
        match self {
            Set::Ints(ints) => parse_i64(text).is_some_and(|int| ints.contains(int)),
            Set::Packed(packed) => packed.find(text, packed.first(), 0).is_some(),
            Set::Table(table) => table.contains(hash::member(text), text),
        }
    }

    /// All members.
    pub fn iter(&self) -> SetIter<'_> {
        SetIter(match self {
            Set::Ints(ints) => MembersIter::Ints(ints, 0),
            Set::Packed(packed) => MembersIter::Packed(packed.iter()),
            Set::Table(table) => MembersIter::Table(table.iter()),
        })
    }

    /// Shows `f` some members: those from a cursor on, about `count`, if the set is a table, else all. Returns the cursor to
    /// go on from; 0 is the first cursor, and the last. Members that are there from the first call to the last are shown,
    /// whatever else comes and goes. O(count).
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>)) -> u64 {
        let Set::Table(table) = self else {
            self.iter().for_each(f);
            return 0;
        };
        let Ok(from) = u32::try_from(cursor) else { return 0 };
        let mut left = count.max(1);
        let next = table.walk(from, |text| {
            f(Item::Str(text));
            left = left.saturating_sub(1);
            left > 0
        });
        next.map_or(0, u64::from)
    }

    /// A member, every one as likely. O(1); O(members) if packed.
    pub fn random(&self, random: &mut impl FnMut() -> u64) -> Option<Item<'_>> {
        match self {
            Set::Table(table) => table.random(random).map(|member| Item::Str(member.key())),
            _ => self.nth(below(random, self.len() as u64) as usize),
        }
    }

    /// A member by its place, unless the set is a table.
    fn nth(&self, n: usize) -> Option<Item<'_>> {
        match self {
            Set::Ints(ints) => ints.nth(n).map(Item::Int),
            Set::Packed(packed) => packed.nth(i64::try_from(n).ok()?).map(|at| packed.get(at)),
            Set::Table(_) => None,
        }
    }

    /// Shows `f` `count` different members, or all if they are fewer; every selection is as likely. O(count), or O(members)
    /// if packed or if `count` comes near their number.
    pub fn random_distinct(&self, count: usize, random: &mut impl FnMut() -> u64, mut f: impl FnMut(Item<'_>)) {
        let few = count < self.len() / 3;
        match self {
            Set::Ints(ints) if few => {
                let mut seen = HashSet::with_capacity(count);
                while seen.len() < count {
                    let at = below(random, ints.len() as u64) as usize;
                    if let Some(int) = ints.nth(at)
                        && seen.insert(at)
                    {
                        f(Item::Int(int));
                    }
                }
            }
            Set::Table(table) if few => {
                let mut seen = HashSet::with_capacity(count);
                while seen.len() < count {
                    let Some(member) = table.random(random) else { return };
                    if seen.insert(member.key().as_ptr()) {
                        f(Item::Str(member.key()));
                    }
                }
            }
            _ => {
                let mut selection = Selection::new(count, self.len());
                for item in self.iter() {
                    if selection.next(random) {
                        f(item);
                    }
                    if selection.is_done() {
                        return;
                    }
                }
            }
        }
    }

    /// Removes a member, every one as likely. O(1); O(members) in the other forms.
    pub fn pop_random(&mut self, random: &mut impl FnMut() -> u64) -> Option<Vec<u8>> {
        let mut popped = None;
        self.pop_random_n(1, random, |item| popped = Some(item.to_vec()));
        popped
    }

    /// Removes `count` members, or all if they are fewer, and shows them to `f`; every selection is as likely. O(count);
    /// O(members) in the other forms.
    pub fn pop_random_n(&mut self, count: usize, random: &mut impl FnMut() -> u64, mut f: impl FnMut(Item<'_>)) {
        if count >= self.len() {
            return std::mem::take(self).iter().for_each(f);
        }
        if count == 1 {
            return self.pop_one(random, f);
        }
        let mut selection = Selection::new(count, self.len());
        match self {
            Set::Ints(ints) => {
                let mut kept = Intset::new();
                for int in ints.iter() {
                    if selection.next(random) {
                        f(Item::Int(int));
                    } else {
                        kept.add(int);
                    }
                }
                *ints = kept;
            }
            Set::Packed(packed) => {
                let mut kept = Packed::new();
                for item in packed.iter() {
                    if selection.next(random) {
                        f(item);
                    } else {
                        kept.push_back(item.text(&mut ItemText::default()));
                    }
                }
                *packed = kept;
            }
            Set::Table(table) => {
                for _ in 0..count {
                    let Some(member) = table.take_random(random) else { return };
                    f(Item::Str(member.key()));
                }
            }
        }
    }

    fn pop_one(&mut self, random: &mut impl FnMut() -> u64, mut f: impl FnMut(Item<'_>)) {
        let n = below(random, self.len() as u64) as usize;
        match self {
            Set::Ints(ints) => {
                if let Some(int) = ints.nth(n) {
                    f(Item::Int(int));
                    ints.remove(int);
                }
            }
            Set::Packed(packed) => {
                if let Some(at) = packed.nth(n as i64) {
                    f(packed.get(at));
                    packed.remove(at);
                }
            }
            Set::Table(table) => {
                if let Some(member) = table.take_random(random) {
                    f(Item::Str(member.key()));
                }
            }
        }
    }
}

/// The members of a [`Set`].
pub struct SetIter<'a>(MembersIter<'a>);

enum MembersIter<'a> {
    /// The integers, and how many have been shown.
    Ints(&'a Intset, usize),
    Packed(packed::Iter<'a>),
    Table(segmented::Iter<'a, Member>),
}

impl<'a> Iterator for SetIter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.0 {
            MembersIter::Ints(ints, at) => {
                let int = ints.nth(*at)?;
                *at += 1;
                Some(Item::Int(int))
            }
            MembersIter::Packed(items) => items.next(),
            MembersIter::Table(members) => members.next().map(|(_, member)| Item::Str(member.key())),
        }
    }
}

// SAFETY: each variant is one owning pointer, which its number leads back to.
unsafe impl Collection for Set {
    const TYPE: TypeTag = TypeTag::Set;
    const ENCODINGS: u8 = 3;

    fn into_raw(self) -> (u8, NonNull<u8>) {
        match self {
            Set::Ints(ints) => (0, ints.into_raw()),
            Set::Packed(packed) => (1, packed.into_raw()),
            Set::Table(table) => (2, NonNull::from(Box::leak(table)).cast()),
        }
    }

    unsafe fn from_raw(encoding: u8, p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise: `into_raw` made this pointer of this variant.
        unsafe {
            match encoding {
                0 => Set::Ints(Intset::from_raw(p)),
                1 => Set::Packed(Packed::from_raw(p)),
                _ => Set::Table(Box::from_raw(p.cast().as_ptr())),
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.len(),
            Set::Packed(packed) => packed.len(),
            Set::Table(table) => table.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.heap_bytes(),
            Set::Packed(packed) => packed.heap_bytes(),
            Set::Table(table) => table.heap_bytes(),
        }
    }

    fn encoding(&self) -> &'static str {
        match self {
            Set::Ints(_) => "intset",
            Set::Packed(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    fn duplicate(&self) -> Self {
        match self {
            Set::Ints(ints) => Set::Ints(ints.clone()),
            Set::Packed(packed) => Set::Packed(packed.clone()),
            Set::Table(table) => Set::Table(Box::new(table.duplicate())),
        }
    }
}
