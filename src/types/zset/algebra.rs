//! Union, intersection and difference of sorted sets and sets.
//!
//! Owns how scores are weighted and combined, and how a result is built: members are gathered in a hash index, sorted
//! once, and the tree is made in bulk; a result within the limits becomes the packed form. Inputs are anything that is
//! [`Scored`]: a set counts as one whose scores are all 1.

use super::large::Large;
use super::member::Member;
use super::{ZSet, ZSetLimits, small};
use crate::base::hash;
use crate::base::segmented::Segmented;
use crate::base::table::Thin;
use crate::types::Collection;
use crate::types::packed::{Item, ItemText, Packed};
use crate::types::set::Set;

/// Members with scores, as the input of an operation on several sets.
pub trait Scored {
    /// How many members there are.
    fn members(&self) -> usize;

    /// The score of a member.
    fn score_of(&self, member: &[u8]) -> Option<f64>;

    /// Shows every member once, until `f` answers `false`.
    fn for_each(&self, f: &mut dyn FnMut(Item<'_>, f64) -> bool);
}

impl Scored for ZSet {
    fn members(&self) -> usize {
        self.len()
    }

    fn score_of(&self, member: &[u8]) -> Option<f64> {
        self.score(member)
    }

    fn for_each(&self, f: &mut dyn FnMut(Item<'_>, f64) -> bool) {
        self.for_each(f);
    }
}

/// A set, whose members all have the score 1.
impl Scored for Set {
    fn members(&self) -> usize {
        self.len()
    }

    fn score_of(&self, member: &[u8]) -> Option<f64> {
        self.contains(member).then_some(1.0)
    }

    fn for_each(&self, f: &mut dyn FnMut(Item<'_>, f64) -> bool) {
        let _ = self.iter().all(|member| f(member, 1.0));
    }
}

/// How the scores of a member in several inputs become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum.
    #[default]
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

impl Aggregate {
    /// Combines two scores. The sum of both infinities is 0.
    fn combine(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => number(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

/// The value, or 0 for NaN: 0 times infinity, or infinity less infinity.
fn number(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// An input and the weight that its scores are multiplied with.
pub type Weighted<'a> = (&'a dyn Scored, f64);

/// Gathers members in any order and makes a sorted set of them in bulk.
#[derive(Default)]
pub struct Builder {
    index: Segmented<Member>,
}

impl Builder {
    /// A builder of an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Members so far.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds a member with a score, which must not be NaN, or gives one that is there the score that `combine` makes of its
    /// own and the new one. Expected O(length of the member).
    pub fn merge(&mut self, member: &[u8], score: f64, combine: impl FnOnce(f64, f64) -> f64) {
        let hash = hash::member(member);
        if let Some(known) = self.index.get_mut(hash, member) {
            let score = combine(known.score(), score);
            known.set_score(score);
        } else {
            self.index.insert(hash, Member::new(member, score));
        }
    }

    /// Adds a member, or sets its score, which must not be NaN.
    pub fn add(&mut self, member: &[u8], score: f64) {
        self.merge(member, score, |_, new| new);
    }

    /// Takes a member out.
    fn remove(&mut self, member: &[u8]) {
        self.index.remove(hash::member(member), member);
    }

    /// The set, in the form that fits the limits. O(n log n).
    pub fn build(self, limits: ZSetLimits) -> ZSet {
        let fits = self.index.len() <= limits.listpack_entries
            && self.index.iter().all(|member| member.key().len() <= limits.listpack_value)
            && self.index.iter().map(|member| member.key().len()).sum::<usize>() <= super::PACKED_BYTES_MAX;
        let large = Large::of_members(self.index);
        if !fits {
            return ZSet::Large(Box::new(large));
        }
        let mut block = Packed::new();
        large.for_each(&mut |member, score| {
            small::push(&mut block, member.text(&mut ItemText::default()), score);
            true
        });
        ZSet::Packed(block)
    }
}

/// The members of any input, with their weighted scores combined. O(N + M log M) for N members in and M out.
pub fn union(inputs: &[Weighted<'_>], aggregate: Aggregate, limits: ZSetLimits) -> ZSet {
    let mut builder = Builder::new();
    for (input, weight) in smallest_first(inputs) {
        input.for_each(&mut |member, score| {
            let score = number(score * weight);
            builder.merge(member.text(&mut ItemText::default()), score, |a, b| aggregate.combine(a, b));
            true
        });
    }
    builder.build(limits)
}

/// The members of all inputs, with their weighted scores combined. O(N K + M log M) for K inputs of which the smallest has N
/// members, and M out.
pub fn inter(inputs: &[Weighted<'_>], aggregate: Aggregate, limits: ZSetLimits) -> ZSet {
    let inputs = smallest_first(inputs);
    let mut builder = Builder::new();
    let Some(((first, weight), others)) = inputs.split_first() else {
        return builder.build(limits);
    };
    first.for_each(&mut |member, score| {
        let mut text = ItemText::default();
        let member = member.text(&mut text);
        let mut combined = number(score * weight);
        for (other, weight) in others {
            let Some(score) = other.score_of(member) else { return true };
            combined = aggregate.combine(combined, score * weight);
        }
        builder.add(member, combined);
        true
    });
    builder.build(limits)
}

/// How many members are in all inputs, counted up to `limit`. O(N K) for K inputs of which the smallest has N members.
pub fn inter_card(inputs: &[&dyn Scored], limit: usize) -> usize {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(|input| input.members());
    let Some((first, others)) = inputs.split_first() else { return 0 };
    let mut found = 0;
    if limit == 0 {
        return 0;
    }
    first.for_each(&mut |member, _| {
        let mut text = ItemText::default();
        let member = member.text(&mut text);
        found += usize::from(others.iter().all(|other| other.score_of(member).is_some()));
        found < limit
    });
    found
}

/// The members of the first input that are in no other, with its scores. For a first input of N members, K others of L
/// members in all, and M members out: the lesser of O(N K) and O(N + L), and O(M log M).
pub fn diff(inputs: &[&dyn Scored], limits: ZSetLimits) -> ZSet {
    let mut builder = Builder::new();
    let Some((first, others)) = inputs.split_first() else {
        return builder.build(limits);
    };
    let total = others.iter().fold(first.members(), |total, other| total.saturating_add(other.members()));
    // Looking members up ends at the first input that has one: on average at half of them.
    let looks_up = first.members().saturating_mul(others.len()) / 2 <= total;
    first.for_each(&mut |member, score| {
        let mut text = ItemText::default();
        let member = member.text(&mut text);
        if !looks_up || others.iter().all(|other| other.score_of(member).is_none()) {
            builder.add(member, score);
        }
        true
    });
    if !looks_up {
        for other in others {
            other.for_each(&mut |member, _| {
                builder.remove(member.text(&mut ItemText::default()));
                !builder.is_empty()
            });
        }
    }
    builder.build(limits)
}

/// Inputs by their size: the order in which scores are combined, which sums of doubles depend on.
fn smallest_first<'a>(inputs: &[Weighted<'a>]) -> Vec<Weighted<'a>> {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(|(input, _)| input.members());
    inputs
}
