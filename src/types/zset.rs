#![allow(unsafe_code)]
//! Sorted sets: members with scores, ordered by score and, where scores are equal, by the members' bytes.
//!
//! Owns what the commands of sorted sets do to a value: the flags of ZADD, ranges by rank, score and member, removal,
//! random picks, unions and the like. Knows nothing of keys, replies or the spelling of arguments. A score is never NaN;
//! -0 equals 0, and is kept as it was given.
//!
//! Two forms, as in Redis: *listpack*, one packed block of members and scores in order (`small`), and *skiplist*, which
//! is the name that OBJECT ENCODING answers, for a hash index of members and an order-statistic B+tree (`large`,
//! `tree`). A set becomes large with the member that exceeds a limit, before it is added, and never small again; a result
//! that is stored whole is built in the form that fits.
//!
//! Why a tree: a skip list takes 30 to 40 bytes a member and follows a pointer for each comparison. A leaf here takes 20,
//! and compares 62 scores in the time of one such pointer; ranks come from counts in the inner nodes.

mod algebra;
mod large;
mod member;
mod pick;
mod range;
mod small;
mod tree;

use std::ptr::NonNull;

pub use self::algebra::{Aggregate, Builder, Scored, Weighted, diff, inter, inter_card, union};
pub use self::large::Large;
pub use self::range::{LexBound, LexRange, Range, RankRange, ScoreRange};
use crate::types::packed::{Item, Packed};
use crate::types::{Collection, TypeTag};

/// A block does not grow beyond this, whatever the limits: Redis's safety limit of a listpack.
const PACKED_BYTES_MAX: usize = 1 << 30;

/// Up to where a set stays packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZSetLimits {
    /// `zset-max-listpack-entries`: the most members.
    pub listpack_entries: usize,
    /// `zset-max-listpack-value`: the most bytes of a member.
    pub listpack_value: usize,
}

/// The flags of ZADD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddFlags {
    /// Only add.
    pub nx: bool,
    /// Only update.
    pub xx: bool,
    /// Update only if the new score is greater.
    pub gt: bool,
    /// Update only if the new score is less.
    pub lt: bool,
    /// The score is added to the old one.
    pub incr: bool,
}

/// What an addition came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The member is new, with this score.
    Added(f64),
    /// The member has this score now.
    Updated(f64),
    /// The member had, and has, this score.
    Same(f64),
    /// The flags did not allow it; nothing has changed.
    Skipped,
    /// The sum is not a number; nothing has changed.
    NotANumber,
}

impl Outcome {
    /// The member's score afterwards; `None` where nothing was done.
    pub fn score(self) -> Option<f64> {
        match self {
            Outcome::Added(score) | Outcome::Updated(score) | Outcome::Same(score) => Some(score),
            Outcome::Skipped | Outcome::NotANumber => None,
        }
    }
}

impl AddFlags {
    /// What becomes of a member with the score `old`, if it is there.
    fn decide(self, old: Option<f64>, score: f64) -> Outcome {
        let Some(old) = old else {
            return match score {
                _ if self.xx => Outcome::Skipped,
                _ if score.is_nan() => Outcome::NotANumber,
                _ => Outcome::Added(score),
            };
        };
        if self.nx {
            return Outcome::Skipped;
        }
        let new = if self.incr { old + score } else { score };
        match new {
            _ if new.is_nan() => Outcome::NotANumber,
            _ if (self.gt && new <= old) || (self.lt && new >= old) => Outcome::Skipped,
            // 0 and -0 are the same score, and what is asked for is the sum.
            _ if new == old => Outcome::Same(new),
            _ => Outcome::Updated(new),
        }
    }
}

/// A sorted set.
pub enum ZSet {
    /// Member, score, member, score … in order.
    Packed(Packed),
    /// Index and tree.
    Large(Box<Large>),
}

impl Default for ZSet {
    fn default() -> Self {
        ZSet::Packed(Packed::new())
    }
}

// SAFETY: each variant's pointer comes from and goes back to the type that the encoding says.
unsafe impl Collection for ZSet {
    const TYPE: TypeTag = TypeTag::ZSet;
    const ENCODINGS: u8 = 2;

    fn into_raw(self) -> (u8, NonNull<u8>) {
        match self {
            ZSet::Packed(block) => (0, block.into_raw()),
            // A box is never null.
            ZSet::Large(large) => (1, NonNull::from(Box::leak(large)).cast()),
        }
    }

    unsafe fn from_raw(encoding: u8, p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            match encoding {
                0 => ZSet::Packed(Packed::from_raw(p)),
                _ => ZSet::Large(Box::from_raw(p.cast().as_ptr())),
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            ZSet::Packed(block) => block.len() / 2,
            ZSet::Large(large) => large.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            ZSet::Packed(block) => block.heap_bytes(),
            ZSet::Large(large) => large.heap_bytes(),
        }
    }

    fn encoding(&self) -> &'static str {
        match self {
            ZSet::Packed(_) => "listpack",
            ZSet::Large(_) => "skiplist",
        }
    }

    fn duplicate(&self) -> Self {
        match self {
            ZSet::Packed(block) => ZSet::Packed(block.clone()),
            ZSet::Large(large) => ZSet::Large(Box::new(large.duplicate())),
        }
    }
}

impl ZSet {
    /// An empty set that is to hold so many members, the longest of so many bytes, as far as is known: large at once if
    /// that exceeds the limits.
    pub fn with_hint(members: usize, longest: usize, limits: ZSetLimits) -> ZSet {
        if members > limits.listpack_entries || longest > limits.listpack_value {
            ZSet::Large(Box::new(Large::new()))
        } else {
            ZSet::default()
        }
    }

    /// A set of a block from outside; `None` if it does not hold different members with scores in order. O(n).
    pub fn from_packed(block: Packed) -> Option<ZSet> {
        if !small::is_valid(&block) {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let differ = small::pairs(&block).all(|pair| seen.insert(pair.member.to_vec()));
        differ.then_some(ZSet::Packed(block))
    }

    /// The score of a member. O(1), packed O(n).
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            ZSet::Packed(block) => small::score(block, member),
            ZSet::Large(large) => large.score(member),
        }
    }

    /// Adds a member, or changes its score, as the flags allow. O(log n), packed O(n).
    pub fn add(&mut self, member: &[u8], score: f64, flags: AddFlags, limits: ZSetLimits) -> Outcome {
        let block = match self {
            ZSet::Large(large) => return large.add(member, score, flags),
            ZSet::Packed(block) => block,
        };
        let outcome = small::update(block, member, score, flags);
        if let Outcome::Added(score) = outcome {
            let fits = block.len() / 2 < limits.listpack_entries
                && member.len() <= limits.listpack_value
                && block.bytes().saturating_add(member.len()) <= PACKED_BYTES_MAX;
            if fits {
                small::insert(block, member, score);
            } else {
                return self.enlarge().add(member, score, AddFlags::default());
            }
        }
        outcome
    }

    /// Makes the set large.
    fn enlarge(&mut self) -> &mut Large {
        if let ZSet::Packed(block) = self {
            let entries: Vec<(Vec<u8>, f64)> =
                small::pairs(block).map(|pair| (pair.member.to_vec(), pair.score)).collect();
            *self = ZSet::Large(Box::new(Large::of_sorted(entries.iter().map(|(m, score)| (&m[..], *score)))));
        }
        match self {
            ZSet::Large(large) => large,
            ZSet::Packed(_) => unreachable!("it has just been made large"),
        }
    }

    /// Removes a member and returns its score. O(log n), packed O(n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            ZSet::Packed(block) => small::remove(block, member),
            ZSet::Large(large) => large.remove(member),
        }
    }

    /// The rank of a member, from 0, from the lowest or the highest score, and its score. O(log n), packed O(n).
    pub fn rank(&self, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
        match self {
            ZSet::Packed(block) => small::rank(block, member, reverse),
            ZSet::Large(large) => large.rank(member, reverse),
        }
    }

    /// The member of a rank, and its score. O(log n), packed O(n).
    pub fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        match self {
            ZSet::Packed(block) => small::get(block, rank),
            ZSet::Large(large) => large.get(rank),
        }
    }

    /// The ranks `from..to` of a range, in ascending order.
    fn ranks(&self, range: &Range<'_>) -> (usize, usize) {
        match self {
            ZSet::Packed(block) => small::ranks(block, range),
            ZSet::Large(large) => large.ranks(range),
        }
    }

    /// How many members a range has. O(log n), packed O(n).
    pub fn count_in(&self, range: &Range<'_>) -> usize {
        let (from, to) = self.ranks(range);
        to - from
    }

    /// Shows the entries of a range in ascending or descending order, after leaving out `offset`, up to `count`, until `f`
    /// answers `false`. O(log n + shown), packed O(n).
    pub fn iterate(
        &self,
        range: &Range<'_>,
        reverse: bool,
        offset: usize,
        count: usize,
        f: impl FnMut(Item<'_>, f64) -> bool,
    ) {
        match self {
            ZSet::Packed(block) => small::iterate(block, range, reverse, offset, count, f),
            ZSet::Large(large) => large.iterate(range, reverse, offset, count, f),
        }
    }

    /// Shows all entries in order until `f` answers `false`.
    pub fn for_each(&self, f: &mut dyn FnMut(Item<'_>, f64) -> bool) {
        match self {
            ZSet::Packed(block) => {
                let _ = small::pairs(block).all(|pair| f(pair.member, pair.score));
            }
            ZSet::Large(large) => large.for_each(f),
        }
    }

    /// Removes the entries of a range and returns how many; shows each to `f` before, in ascending order.
    /// O(log n + removed), packed O(n).
    pub fn remove_range(&mut self, range: &Range<'_>, f: impl FnMut(Item<'_>, f64)) -> usize {
        let (from, to) = self.ranks(range);
        self.cut(from, to, false, f)
    }

    /// Removes up to `count` entries of the lowest scores, each shown to `f` before, the lowest first; returns how many.
    pub fn pop_min(&mut self, count: usize, f: impl FnMut(Item<'_>, f64)) -> usize {
        self.cut(0, count.min(self.len()), false, f)
    }

    /// Removes up to `count` entries of the highest scores, each shown to `f` before, the highest first; returns how many.
    pub fn pop_max(&mut self, count: usize, f: impl FnMut(Item<'_>, f64)) -> usize {
        let len = self.len();
        self.cut(len - count.min(len), len, true, f)
    }

    fn cut(&mut self, from: usize, to: usize, reverse: bool, mut f: impl FnMut(Item<'_>, f64)) -> usize {
        if from >= to {
            return 0;
        }
        let offset = if reverse { self.len() - to } else { from };
        let all = Range::Rank(RankRange { start: 0, stop: -1 });
        self.iterate(&all, reverse, offset, to - from, |member, score| {
            f(member, score);
            true
        });
        match self {
            ZSet::Packed(block) => small::cut(block, from, to),
            ZSet::Large(large) => large.cut(from, to),
        }
        to - from
    }

    /// Shows some entries to `f`, at least `count` if there are so many left, and returns the next call's cursor; 0 begins
    /// and ends. What is there from beginning to end is shown, at least once; a cursor is the hash where a walk goes on,
    /// so it survives every change. A packed set is shown whole.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>, f64)) -> u64 {
        match self {
            ZSet::Packed(block) => {
                small::pairs(block).for_each(|pair| f(pair.member, pair.score));
                0
            }
            ZSet::Large(large) => match u32::try_from(cursor) {
                Ok(from) => large.scan(from, count, f).map_or(0, u64::from),
                Err(_) => 0,
            },
        }
    }

    /// An entry, each as likely. O(log n), packed O(n).
    pub fn random(&self, random: &mut impl FnMut() -> u64) -> Option<(Item<'_>, f64)> {
        self.get(pick::below(random, self.len()))
    }

    /// Shows `count` entries, each drawn anew from all; none of an empty set. O(log n) each, packed O(n + count).
    pub fn random_repeated(&self, count: usize, random: &mut impl FnMut() -> u64, mut f: impl FnMut(Item<'_>, f64)) {
        match self {
            ZSet::Packed(block) => {
                let pairs: Vec<_> = small::pairs(block).collect();
                for _ in 0..if pairs.is_empty() { 0 } else { count } {
                    let pair = pairs[pick::below(random, pairs.len())];
                    f(pair.member, pair.score);
                }
            }
            ZSet::Large(_) => {
                let drawn = std::iter::repeat_with(|| self.random(random)).take(count);
                drawn.flatten().for_each(|(member, score)| f(member, score));
            }
        }
    }

    /// Shows `count` different entries, or all if there are no more, in order; each choice is as likely.
    /// O(count log n), packed or for a large part O(n).
    pub fn random_distinct(&self, count: usize, random: &mut impl FnMut() -> u64, mut f: impl FnMut(Item<'_>, f64)) {
        let len = self.len();
        let ranks = pick::distinct(random, len, count);
        if let ZSet::Large(large) = self
            && ranks.len() <= len / 8
        {
            ranks.iter().filter_map(|rank| large.get(*rank)).for_each(|(member, score)| f(member, score));
            return;
        }
        let mut wanted = ranks.into_iter().peekable();
        let mut rank = 0;
        self.for_each(&mut |member, score| {
            if wanted.next_if_eq(&rank).is_some() {
                f(member, score);
            }
            rank += 1;
            wanted.peek().is_some()
        });
    }
}

#[cfg(test)]
mod tests;
