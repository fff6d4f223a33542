//! What part of a sorted set is meant: by rank, by score, or by member.
//!
//! Owns the meaning of bounds. Knows neither of the two forms of a set nor of how a range is written in a command.

use crate::types::packed::{Item, ItemText};

/// A part of a sorted set.
#[derive(Clone, Copy, Debug)]
pub enum Range<'a> {
    /// By rank.
    Rank(RankRange),
    /// By score.
    Score(ScoreRange),
    /// By member, where all scores are equal; else what is in it is not specified.
    Lex(LexRange<'a>),
}

/// Ranks from `start` to `stop`, both included, from 0; negative ones count from the end, -1 is the last. In reverse order
/// rank 0 is the highest entry.
#[derive(Clone, Copy, Debug)]
pub struct RankRange {
    /// The first rank.
    pub start: i64,
    /// The last rank.
    pub stop: i64,
}

/// Scores from `min` to `max`.
#[derive(Clone, Copy, Debug)]
pub struct ScoreRange {
    /// The lowest score, never NaN.
    pub min: f64,
    /// The highest score, never NaN.
    pub max: f64,
    /// Whether `min` itself is outside.
    pub min_exclusive: bool,
    /// Whether `max` itself is outside.
    pub max_exclusive: bool,
}

/// Members from `min` to `max`, compared as bytes.
#[derive(Clone, Copy, Debug)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

/// An end of a [`LexRange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: below every member.
    Lowest,
    /// `[member`.
    Including(&'a [u8]),
    /// `(member`.
    Excluding(&'a [u8]),
    /// `+`: above every member.
    Highest,
}

impl RankRange {
    /// The ranks as `from..to` of a set of `len` entries; `None` if there are none. O(1).
    pub fn resolve(self, len: usize) -> Option<(usize, usize)> {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let from_start = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
        let start = from_start(self.start).max(0);
        let stop = from_start(self.stop).min(len - 1);
        if start > stop {
            return None;
        }
        // Both are in 0..len.
        Some((usize::try_from(start).ok()?, usize::try_from(stop).ok()? + 1))
    }
}

impl ScoreRange {
    /// Whether no score can be inside.
    pub fn is_empty(self) -> bool {
        self.min > self.max || (self.min == self.max && (self.min_exclusive || self.max_exclusive))
    }

    /// Whether a score is below the range.
    #[inline]
    pub fn is_below(self, score: f64) -> bool {
        if self.min_exclusive { score <= self.min } else { score < self.min }
    }

    /// Whether a score is above the range.
    #[inline]
    pub fn is_above(self, score: f64) -> bool {
        if self.max_exclusive { score >= self.max } else { score > self.max }
    }
}

impl LexRange<'_> {
    /// Whether no member can be inside.
    pub fn is_empty(self) -> bool {
        use LexBound::{Excluding, Highest, Including, Lowest};
        match (self.min, self.max) {
            (Highest, _) | (_, Lowest) => true,
            (Lowest, _) | (_, Highest) => false,
            (Including(min), Including(max)) => min > max,
            (Including(min) | Excluding(min), Including(max) | Excluding(max)) => min >= max,
        }
    }

    /// Whether a member is below the range.
    #[inline]
    pub fn is_below(self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => false,
            LexBound::Including(min) => member < min,
            LexBound::Excluding(min) => member <= min,
            LexBound::Highest => true,
        }
    }

    /// Whether a member is above the range.
    #[inline]
    pub fn is_above(self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => true,
            LexBound::Including(max) => member > max,
            LexBound::Excluding(max) => member >= max,
            LexBound::Highest => false,
        }
    }
}

impl Range<'_> {
    /// Whether no entry can be inside, whatever the set; ranks are not looked at.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Range::Rank(_) => false,
            Range::Score(range) => range.is_empty(),
            Range::Lex(range) => range.is_empty(),
        }
    }

    /// Whether an entry is below the range; `false` for ranks.
    #[inline]
    pub(super) fn is_below(&self, member: &Item<'_>, score: f64) -> bool {
        match self {
            Range::Rank(_) => false,
            Range::Score(range) => range.is_below(score),
            Range::Lex(range) => range.is_below(member.text(&mut ItemText::default())),
        }
    }

    /// Whether an entry is above the range; `false` for ranks.
    #[inline]
    pub(super) fn is_above(&self, member: &Item<'_>, score: f64) -> bool {
        match self {
            Range::Rank(_) => false,
            Range::Score(range) => range.is_above(score),
            Range::Lex(range) => range.is_above(member.text(&mut ItemText::default())),
        }
    }
}
