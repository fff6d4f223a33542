//! ZADD and ZINCRBY.
//!
//! Owns the grammar of ZADD's options and what is journalled for an increment: the score that it came to, so that a replay
//! adds nothing up. All scores are read before the first is stored: a command with a wrong one changes nothing. What the
//! options mean to a member is [`crate::types::zset`]'s.

use super::*;
use crate::base::num::{format_f64, parse_f64};
use crate::types::zset::{AddFlags, Outcome};
use smallvec::SmallVec;

const NOT_A_NUMBER: Error = Error::Text("ERR resulting score is not a number (NaN)");

/// The options of ZADD.
struct Options {
    flags: AddFlags,
    /// The reply counts changed members too.
    changed: bool,
}

impl Options {
    /// The options, and that what they leave is pairs that go with them.
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let (mut flags, mut changed) = (AddFlags::default(), false);
        loop {
            match () {
                () if args.take("nx") => flags.nx = true,
                () if args.take("xx") => flags.xx = true,
                () if args.take("gt") => flags.gt = true,
                () if args.take("lt") => flags.lt = true,
                () if args.take("ch") => changed = true,
                () if args.take("incr") => flags.incr = true,
                () => break,
            }
        }
        if args.is_empty() || !args.left().is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        if flags.nx && flags.xx {
            return Err(Error::Text("ERR XX and NX options at the same time are not compatible"));
        }
        if u8::from(flags.gt) + u8::from(flags.lt) + u8::from(flags.nx) > 1 {
            return Err(Error::Text("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if flags.incr && args.left() > 2 {
            return Err(Error::Text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(Self { flags, changed })
    }
}

pub(super) fn zadd(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let Options { flags, changed } = Options::parse(args)?;
    let first = args.len() - args.left();
    if flags.incr {
        let score = parse_f64(args.bytes()).ok_or(Error::NotFloat)?;
        return increment(tx, args, out, key, score, flags);
    }
    let view = args.view();
    let mut scores: SmallVec<[f64; 8]> = SmallVec::new();
    for score in view.iter().skip(first).step_by(2) {
        scores.push(parse_f64(score).ok_or(Error::NotFloat)?);
    }
    let limits = limits(args.settings());
    let (added, updated) = tx.upsert(key, |set: &mut ZSet| {
        let (mut added, mut updated) = (0, 0);
        for (member, score) in view.iter().skip(first + 1).step_by(2).zip(scores) {
            match set.add(member, score, flags, limits) {
                Outcome::Added(_) => added += 1,
                Outcome::Updated(_) => updated += 1,
                Outcome::Same(_) | Outcome::Skipped | Outcome::NotANumber => {}
            }
        }
        Edit::new((added, updated), added + updated, Class::ZSet, "zadd")
    })?;
    let counted = if changed { added + updated } else { added };
    out.int(counted as i64);
    Ok(())
}

pub(super) fn zincrby(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, increment_by) = (args.key(), args.bytes());
    if ["nx", "xx", "gt", "lt", "ch", "incr"].iter().any(|word| increment_by.eq_ignore_ascii_case(word.as_bytes())) {
        // To Redis this is ZADD with INCR, which takes the word for an option and then misses a member.
        return Err(Error::Syntax);
    }
    let score = parse_f64(increment_by).ok_or(Error::NotFloat)?;
    increment(tx, args, out, key, score, AddFlags { incr: true, ..AddFlags::default() })
}

/// Adds to the score of the member that is the next argument, and replies with its score; null if the flags forbid it.
fn increment(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    key: Key<'_>,
    score: f64,
    flags: AddFlags,
) -> Result {
    let (member, limits) = (args.bytes(), limits(args.settings()));
    let outcome = tx.upsert(key, |set: &mut ZSet| {
        let outcome = set.add(member, score, flags, limits);
        let changes = matches!(outcome, Outcome::Added(_) | Outcome::Updated(_)).into();
        Edit::new(outcome, changes, Class::ZSet, "zincr")
    })?;
    if let Outcome::Added(score) | Outcome::Updated(score) = outcome {
        let mut text = Vec::new();
        format_f64(score, &mut text);
        tx.rewrite(&[b"ZADD", key.bytes, &text, member]);
    }
    match (outcome, outcome.score()) {
        (Outcome::NotANumber, _) => return Err(NOT_A_NUMBER),
        (_, Some(score)) => out.double(score),
        (_, None) => out.null(),
    }
    Ok(())
}
