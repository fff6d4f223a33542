//! Ranges of ranks, of scores and of the order of bytes: returned, stored, counted, removed.
//!
//! Owns the grammar of ZRANGE, of which the older commands are parts, and how bounds are written (`(1.5`, `-inf`, `[a`,
//! `+`). Entries go straight from the set into the reply. What is in a range is [`crate::types::zset`]'s.

use super::*;
use crate::base::num::parse_f64;
use crate::types::packed::ItemText;
use crate::types::zset::{Builder, LexBound, LexRange, Range, RankRange, ScoreRange};

const NOT_FLOATS: Error = Error::Text("ERR min or max is not a float");
const NOT_BOUNDS: Error = Error::Text("ERR min or max not valid string range item");
const RANK_LIMIT: Error =
    Error::Text("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
const LEX_SCORES: Error = Error::Text("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// By what a range is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A bound of scores, and whether it itself is outside. C's `strtod` reads it: it ends at the first zero byte, leading
/// spaces and an empty text are a number to it, and what is beyond a double is infinite.
fn score_bound(text: &[u8]) -> Result<(f64, bool)> {
    let (text, exclusive) = match text.strip_prefix(b"(") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let text = memchr::memchr(0, text).map_or(text, |end| &text[..end]);
    if text.is_empty() {
        return Ok((0.0, exclusive));
    }
    let trimmed = text.trim_ascii_start();
    let score = parse_f64(trimmed).or_else(|| {
        // Too large or too small for a double.
        let digits = trimmed.iter().any(u8::is_ascii_digit);
        std::str::from_utf8(trimmed).ok().filter(|_| digits)?.parse::<f64>().ok()
    });
    score.filter(|score| !score.is_nan()).map(|score| (score, exclusive)).ok_or(NOT_FLOATS)
}

/// A bound of the order of bytes.
fn lex_bound(text: &[u8]) -> Result<LexBound<'_>> {
    match text {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', member @ ..] => Ok(LexBound::Including(member)),
        [b'(', member @ ..] => Ok(LexBound::Excluding(member)),
        _ => Err(NOT_BOUNDS),
    }
}

/// The range between two bounds, the lower one first.
fn range<'a>(args: &mut Args<'_>, by: By, min: &'a [u8], max: &'a [u8]) -> Result<Range<'a>> {
    Ok(match by {
        By::Rank => {
            let range = RankRange { start: args.parse_int(min), stop: args.parse_int(max) };
            args.check()?;
            Range::Rank(range)
        }
        By::Score => {
            let ((min, min_exclusive), (max, max_exclusive)) = (score_bound(min)?, score_bound(max)?);
            Range::Score(ScoreRange { min, max, min_exclusive, max_exclusive })
        }
        By::Lex => Range::Lex(LexRange { min: lex_bound(min)?, max: lex_bound(max)? }),
    })
}

/// What a command of the kind of ZRANGE asks for.
struct Query<'a> {
    range: Range<'a>,
    reverse: bool,
    offset: usize,
    count: usize,
    scores: bool,
}

/// Which of ZRANGE's options a command leaves open.
#[derive(Clone, Copy)]
struct Form {
    /// By what it ranges, if not for an option to say.
    by: Option<By>,
    /// Whether in reverse order, if not for an option to say.
    reverse: Option<bool>,
    /// Whether it stores: then scores are no option.
    stores: bool,
}

impl<'a> Query<'a> {
    /// `min max [options]`.
    fn parse(args: &mut Args<'a>, form: Form) -> Result<Self> {
        let (min, max) = (args.bytes(), args.bytes());
        let Form { mut by, mut reverse, stores } = form;
        let (mut offset, mut count, mut scores) = (0, -1, false);
        while !args.is_empty() {
            if !stores && args.take("withscores") {
                scores = true;
            } else if args.left() > 2 && args.take("limit") {
                (offset, count) = (args.int(), args.int());
                args.check()?;
            } else if reverse.is_none() && args.take("rev") {
                reverse = Some(true);
            } else if by.is_none() && args.take("bylex") {
                by = Some(By::Lex);
            } else if by.is_none() && args.take("byscore") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if by == By::Rank && count != -1 {
            return Err(RANK_LIMIT);
        }
        if by == By::Lex && scores {
            return Err(LEX_SCORES);
        }
        let (min, max) = if reverse && by != By::Rank { (max, min) } else { (min, max) };
        let range = range(args, by, min, max)?;
        let mut count = usize::try_from(count).unwrap_or(usize::MAX);
        // The limit that ranks may have is no limit, and its offset means nothing to them.
        let offset = if by == By::Rank { 0 } else { offset };
        // Redis steps over entries until a negative offset is used up: never.
        let offset = usize::try_from(offset).unwrap_or_else(|_| {
            count = 0;
            0
        });
        Ok(Self { range, reverse, offset, count, scores })
    }

    fn show(&self, set: &ZSet, f: impl FnMut(Item<'_>, f64) -> bool) {
        set.iterate(&self.range, self.reverse, self.offset, self.count, f);
    }

    /// Replies with what is in the range.
    fn reply(&self, set: &ZSet, out: &mut Reply<'_>) {
        let shown = Shown::new(self.scores, out);
        if let Range::Rank(ranks) = self.range {
            let entries = ranks.resolve(set.len()).map_or(0, |(from, to)| to - from);
            out.array(shown.elements(entries));
            self.show(set, |member, score| {
                shown.entry(out, member, score);
                true
            });
            return;
        }
        let (header, mut entries) = (out.defer_array(), 0);
        self.show(set, |member, score| {
            shown.entry(out, member, score);
            entries += 1;
            true
        });
        out.set_array(header, shown.elements(entries));
    }
}

fn reply(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, form: Form) -> Result {
    let key = args.key();
    let query = Query::parse(args, form)?;
    match tx.read::<ZSet>(key)? {
        Some(set) => query.reply(&set, out),
        None => out.array(0),
    }
    Ok(())
}

const fn form(by: By, reverse: bool) -> Form {
    Form { by: Some(by), reverse: Some(reverse), stores: false }
}

pub(super) fn zrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Form { by: None, reverse: None, stores: false })
}

pub(super) fn zrevrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, form(By::Rank, true))
}

pub(super) fn zrangebyscore(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, form(By::Score, false))
}

pub(super) fn zrevrangebyscore(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, form(By::Score, true))
}

pub(super) fn zrangebylex(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, form(By::Lex, false))
}

pub(super) fn zrevrangebylex(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, form(By::Lex, true))
}

pub(super) fn zrangestore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (to, from, limits) = (args.key(), args.key(), limits(args.settings()));
    let query = Query::parse(args, Form { by: None, reverse: None, stores: true })?;
    let mut result = Builder::new();
    if let Some(set) = tx.reader().read::<ZSet>(from)? {
        let mut text = ItemText::default();
        query.show(&set, |member, score| {
            result.add(member.text(&mut text), score);
            true
        });
    }
    store(tx, out, to, result.build(limits), "zrangestore");
    Ok(())
}

fn count(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, by: By) -> Result {
    let (key, min, max) = (args.key(), args.bytes(), args.bytes());
    let range = range(args, by, min, max)?;
    let members = tx.read::<ZSet>(key)?.map_or(0, |set| set.count_in(&range));
    out.int(members as i64);
    Ok(())
}

pub(super) fn zcount(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    count(tx, args, out, By::Score)
}

pub(super) fn zlexcount(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    count(tx, args, out, By::Lex)
}

fn remove(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, by: By, event: &'static str) -> Result {
    let (key, min, max) = (args.key(), args.bytes(), args.bytes());
    let range = range(args, by, min, max)?;
    let removed = tx.edit(key, |set: &mut ZSet| {
        let removed = set.remove_range(&range, |_, _| ()) as u64;
        Edit::new(removed, removed, Class::ZSet, event)
    })?;
    out.int(removed.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn zremrangebyrank(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    remove(tx, args, out, By::Rank, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    remove(tx, args, out, By::Score, "zremrangebyscore")
}

pub(super) fn zremrangebylex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    remove(tx, args, out, By::Lex, "zremrangebylex")
}
