//! Intersection, union and difference of sets in any encodings.
//!
//! Every member is looked for in the cheapest order: the smallest set is walked, the largest ones are asked first whether a
//! member is to go. Results take the encoding that adding their members one by one gives. Must not know what keys the sets
//! come from; a missing key is `None`, where that matters.

use super::{Set, SetLimits};
use crate::base::hash;
use crate::base::num::parse_i64;
use crate::types::Collection;
use crate::types::packed::{Item, ItemText};

/// A member that is looked for in several sets: its text is printed and hashed once at most.
struct Sought<'a> {
    text: &'a [u8],
    int: Option<i64>,
    hash: Option<u32>,
}

impl<'a> Sought<'a> {
    fn new(item: Item<'a>, buf: &'a mut ItemText) -> Self {
        let int = item.int();
        Sought { text: item.text(buf), int, hash: None }
    }

    fn is_in(&mut self, set: &Set) -> bool {
        match set {
            Set::Ints(ints) => self.int.or_else(|| parse_i64(self.text)).is_some_and(|int| ints.contains(int)),
            Set::Packed(packed) => packed.find(self.text, packed.first(), 0).is_some(),
            Set::Table(table) => {
                let hash = *self.hash.get_or_insert_with(|| hash::member(self.text));
                table.contains(hash, self.text)
            }
        }
    }
}

impl Set {
    /// Shows `f` the members that all sets have, at most `limit` (0: no limit). O(smallest set × sets). No sets have no
    /// members.
    pub fn intersect(sets: &[&Set], limit: usize, mut f: impl FnMut(Item<'_>)) {
        let mut sets = sets.to_vec();
        sets.sort_by_key(|set| set.len());
        let Some((smallest, others)) = sets.split_first() else { return };
        let mut left = if limit == 0 { usize::MAX } else { limit };
        for item in smallest.iter() {
            let mut buf = ItemText::default();
            let mut sought = Sought::new(item, &mut buf);
            if others.iter().all(|set| sought.is_in(set)) {
                f(item);
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
    }

    /// The members that any of the sets has. O(members of all).
    pub fn union(sets: &[Option<&Set>], limits: SetLimits) -> Set {
        let sets: Vec<&Set> = sets.iter().copied().flatten().collect();
        let Some(largest) = (0..sets.len()).max_by_key(|i| sets[*i].len()) else { return Set::default() };
        let mut union = sets[largest].rebuilt(limits);
        for (i, set) in sets.iter().enumerate() {
            if i != largest {
                union.add_all(set, limits);
            }
        }
        union
    }

    /// The members of the first set that no other has; of the two ways the one that looks at fewer members. O(members of
    /// the first × sets), or O(members of all).
    pub fn difference(sets: &[Option<&Set>], limits: SetLimits) -> Set {
        let Some((Some(first), others)) = sets.split_first() else { return Set::default() };
        let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
        if others.iter().any(|other| std::ptr::eq(*other, *first)) {
            return Set::default();
        }
        // Looking for the first set's members stops at the first set that has one, so half the sets are assumed.
        let seeking = first.len().saturating_mul(others.len() + 1) / 2;
        let removing = others.iter().fold(first.len(), |sum, set| sum.saturating_add(set.len()));
        if seeking > removing {
            let mut difference = first.rebuilt(limits);
            for item in others.iter().flat_map(|set| set.iter()) {
                difference.remove(item.text(&mut ItemText::default()));
                if difference.is_empty() {
                    break;
                }
            }
            return difference;
        }
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        let mut difference = Set::default();
        for item in first.iter() {
            let mut buf = ItemText::default();
            let mut sought = Sought::new(item, &mut buf);
            if !others.iter().any(|set| sought.is_in(set)) {
                difference.add(sought.text, limits);
            }
        }
        difference
    }

    /// A copy in the encoding that adding the members to an empty set gives.
    fn rebuilt(&self, limits: SetLimits) -> Set {
        if let Set::Table(_) = self
            && self.len() > limits.intset_entries.max(limits.listpack_entries)
        {
            return self.duplicate();
        }
        let mut copy = Set::default();
        copy.add_all(self, limits);
        copy
    }

    fn add_all(&mut self, other: &Set, limits: SetLimits) {
        for item in other.iter() {
            self.add(item.text(&mut ItemText::default()), limits);
        }
    }
}
