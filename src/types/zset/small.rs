//! A small sorted set: member, score, member, score … in order in one packed block, a valid Redis listpack.
//!
//! Owns the spelling of scores in the block (as Redis writes them: whole numbers as integers, others in the fewest digits
//! that read back the same) and walks over pairs. Every operation is a pass over the block; the limits that keep it short
//! are the caller's.

use std::cmp::Ordering;

use super::range::Range;
use super::{AddFlags, Outcome};
use crate::base::num;
use crate::types::packed::{At, Item, ItemText, Packed};

/// A pair in the block.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// Where its member is; the score follows.
    pub(super) at: At,
    pub(super) member: Item<'a>,
    pub(super) score: f64,
}

/// The score that an element spells. A block that came from outside has been checked by [`is_valid`].
#[inline]
fn read_score(item: Item<'_>) -> f64 {
    match item {
        #[expect(clippy::cast_precision_loss, reason = "it was written from a double, which it becomes again")]
        Item::Int(score) => score as f64,
        Item::Str(text) => num::parse_f64(text).unwrap_or(0.0),
    }
}

/// The bytes of a score in the block.
struct ScoreText(Vec<u8>);

impl ScoreText {
    fn of(score: f64) -> Self {
        let mut text = Vec::with_capacity(32);
        // A listpack has no zero but one: Redis keeps whole scores as integers, so that -0 becomes 0.
        num::format_f64(score + 0.0, &mut text);
        ScoreText(text)
    }
}

fn pair_at(block: &Packed, at: At) -> Option<Pair<'_>> {
    let score = block.next(at)?;
    Some(Pair { at, member: block.get(at), score: read_score(block.get(score)) })
}

/// The pairs from one on.
pub(super) fn pairs_from(block: &Packed, at: Option<At>) -> impl Iterator<Item = Pair<'_>> {
    let first = at.and_then(|at| pair_at(block, at));
    std::iter::successors(first, |pair| pair_at(block, block.next(block.next(pair.at)?)?))
}

/// All pairs.
pub(super) fn pairs(block: &Packed) -> impl Iterator<Item = Pair<'_>> {
    pairs_from(block, block.first())
}

/// All pairs, the highest first.
fn pairs_reversed(block: &Packed) -> impl Iterator<Item = Pair<'_>> {
    let last = block.last().and_then(|score| pair_at(block, block.prev(score)?));
    std::iter::successors(last, |pair| pair_at(block, block.prev(block.prev(pair.at)?)?))
}

fn find<'a>(block: &'a Packed, member: &[u8]) -> Option<Pair<'a>> {
    pair_at(block, block.find(member, block.first(), 1)?)
}

/// Whether a pair comes before a score and member.
fn is_before(pair: &Pair<'_>, score: f64, member: &[u8]) -> bool {
    match pair.score.partial_cmp(&score) {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => pair.member.text(&mut ItemText::default()) < member,
        _ => false,
    }
}

/// Adds a member that is not there.
pub(super) fn insert(block: &mut Packed, member: &[u8], score: f64) {
    let text = ScoreText::of(score).0;
    let behind = pairs(block).find(|pair| !is_before(pair, score, member)).map(|pair| pair.at);
    if let Some(behind) = behind {
        block.insert_all_before(behind, &[member, &text]);
    } else {
        push(block, member, score);
    }
}

/// Appends a pair, which comes after all that there are.
pub(super) fn push(block: &mut Packed, member: &[u8], score: f64) {
    block.extend_back(&[member, &ScoreText::of(score).0]);
}

/// What the flags say of a member, and that done, except that nothing new is added: the caller may have to convert first.
pub(super) fn update(block: &mut Packed, member: &[u8], score: f64, flags: AddFlags) -> Outcome {
    let Some(found) = find(block, member) else {
        return flags.decide(None, score);
    };
    let at = found.at;
    let outcome = flags.decide(Some(found.score), score);
    if let Outcome::Updated(new) = outcome {
        block.remove_range(at, 2);
        insert(block, member, new);
    }
    outcome
}

pub(super) fn score(block: &Packed, member: &[u8]) -> Option<f64> {
    find(block, member).map(|pair| pair.score)
}

pub(super) fn remove(block: &mut Packed, member: &[u8]) -> Option<f64> {
    let (at, score) = find(block, member).map(|pair| (pair.at, pair.score))?;
    block.remove_range(at, 2);
    Some(score)
}

pub(super) fn rank(block: &Packed, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
    let (rank, pair) = pairs(block).enumerate().find(|(_, pair)| pair.member.eq(member))?;
    Some((if reverse { block.len() / 2 - 1 - rank } else { rank }, pair.score))
}

pub(super) fn at_rank(block: &Packed, rank: usize) -> Option<At> {
    block.nth(i64::try_from(rank).ok()?.checked_mul(2)?)
}

pub(super) fn get(block: &Packed, rank: usize) -> Option<(Item<'_>, f64)> {
    pair_at(block, at_rank(block, rank)?).map(|pair| (pair.member, pair.score))
}

/// The ranks of a range.
pub(super) fn ranks(block: &Packed, range: &Range<'_>) -> (usize, usize) {
    if let Range::Rank(ranks) = range {
        return ranks.resolve(block.len() / 2).unwrap_or((0, 0));
    }
    if range.is_empty() {
        return (0, 0);
    }
    let mut rest = pairs(block).skip_while(|pair| range.is_below(&pair.member, pair.score)).peekable();
    let inside = rest.by_ref().take_while(|pair| !range.is_above(&pair.member, pair.score)).count();
    let from = pairs(block).take_while(|pair| range.is_below(&pair.member, pair.score)).count();
    (from, from + inside)
}

pub(super) fn iterate(
    block: &Packed,
    range: &Range<'_>,
    reverse: bool,
    offset: usize,
    count: usize,
    f: impl FnMut(Item<'_>, f64) -> bool,
) {
    let (skip, take) = match range {
        Range::Rank(ranks) => {
            let Some((from, to)) = ranks.resolve(block.len() / 2) else { return };
            let rank = from.saturating_add(offset);
            (rank, count.min(to.saturating_sub(rank)))
        }
        _ => (offset, count),
    };
    if range.is_empty() || take == 0 {
        return;
    }
    if reverse {
        let inside = pairs_reversed(block)
            .skip_while(|pair| range.is_above(&pair.member, pair.score))
            .take_while(|pair| !range.is_below(&pair.member, pair.score));
        show(inside.skip(skip).take(take), f);
    } else {
        let inside = pairs(block)
            .skip_while(|pair| range.is_below(&pair.member, pair.score))
            .take_while(|pair| !range.is_above(&pair.member, pair.score));
        show(inside.skip(skip).take(take), f);
    }
}

fn show<'a>(pairs: impl Iterator<Item = Pair<'a>>, mut f: impl FnMut(Item<'_>, f64) -> bool) {
    for pair in pairs {
        if !f(pair.member, pair.score) {
            return;
        }
    }
}

/// Removes the entries of the ranks `from..to`.
pub(super) fn cut(block: &mut Packed, from: usize, to: usize) {
    if let Some(at) = at_rank(block, from)
        && from < to
    {
        block.remove_range(at, (to - from).saturating_mul(2));
    }
}

/// Whether a block from outside is a sorted set: pairs, scores that are numbers, ascending order. Members may repeat: that
/// is for the caller to find out. O(n).
pub(super) fn is_valid(block: &Packed) -> bool {
    let is_score = |item: Item<'_>| match item {
        Item::Int(_) => true,
        Item::Str(text) => num::parse_f64(text).is_some(),
    };
    let ascends =
        |two: (Pair<'_>, Pair<'_>)| is_before(&two.0, two.1.score, two.1.member.text(&mut ItemText::default()));
    block.len().is_multiple_of(2)
        && block.iter().skip(1).step_by(2).all(is_score)
        && pairs(block).zip(pairs(block).skip(1)).all(ascends)
}
