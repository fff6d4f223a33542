//! A large set: a segmented table of members.
//!
//! Owns its members; their bytes are summed up as they come and go. Must not know of limits.

use super::member::Member;
use crate::base::hash;
use crate::base::segmented::{self, Segmented};
use crate::base::size_class::good_size;
use crate::base::table::Thin;

/// The form of a set that is neither all integers nor small.
#[derive(Default)]
pub struct SetTable {
    members: Segmented<Member>,
    /// Bytes of all members' blocks.
    blocks: usize,
}

impl SetTable {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Bytes allocated, this struct included. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        good_size(size_of::<Self>()) + self.members.bytes() + self.blocks
    }

    pub(super) fn contains(&self, hash: u32, text: &[u8]) -> bool {
        self.members.get(hash, text).is_some()
    }

    pub(super) fn add(&mut self, text: &[u8]) -> bool {
        let hash = hash::member(text);
        if self.contains(hash, text) {
            return false;
        }
        let member = Member::new(text);
        self.blocks += member.heap_bytes();
        self.members.insert(hash, member);
        true
    }

    pub(super) fn remove(&mut self, text: &[u8]) -> bool {
        let removed = self.members.remove(hash::member(text), text);
        self.blocks -= removed.as_ref().map_or(0, Member::heap_bytes);
        removed.is_some()
    }

    pub(super) fn take_random(&mut self, random: &mut impl FnMut() -> u64) -> Option<Member> {
        let taken = self.members.take_random(random)?;
        self.blocks -= taken.heap_bytes();
        Some(taken)
    }

    pub(super) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<&Member> {
        self.members.random(random)
    }

    pub(super) fn iter(&self) -> segmented::Iter<'_, Member> {
        self.members.iter_from(0)
    }

    pub(super) fn walk(&self, from: u32, mut f: impl FnMut(&[u8]) -> bool) -> Option<u32> {
        self.members.walk(from, |member| f(member.key()))
    }

    pub(super) fn duplicate(&self) -> SetTable {
        SetTable { members: self.members.duplicate(Member::clone), blocks: self.blocks }
    }

    #[cfg(test)]
    pub(super) fn sums_are_right(&self) -> bool {
        self.blocks == self.members.iter().map(Member::heap_bytes).sum::<usize>()
    }
}
