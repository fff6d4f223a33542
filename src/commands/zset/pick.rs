//! Members by chance or in passing: ZRANDMEMBER and ZSCAN.
//!
//! Owns the bound on what a negative count may ask ZRANDMEMBER for. Must not know how picks are made uniform, nor what a
//! cursor is.

use super::*;
use crate::base::glob::glob_match;
use crate::base::num::{format_f64, parse_i64, parse_u64_lenient};
use crate::base::rng::thread_random;
use crate::types::packed::ItemText;

/// Members that ZSCAN looks at unless COUNT says otherwise.
const COUNT: usize = 10;
/// Bytes of the longest reply to a negative count, which may name one member as often as it likes.
const REPLY_MAX: usize = 512 << 20;
/// Picks between two looks at that bound.
const BATCH: usize = 64;

const RANGE: Error =
    Error::Text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

pub(super) fn zrandmember(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if !args.is_empty() {
        return zrandmember_count(tx, args, key, out);
    }
    let set = tx.read::<ZSet>(key)?;
    match set.as_ref().and_then(|set| set.random(&mut thread_random)) {
        Some((member, _)) => reply_member(out, member),
        None => out.null(),
    }
    Ok(())
}

fn zrandmember_count(tx: &mut ReadTx<'_>, args: &mut Args<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    let count = args.int();
    args.check()?;
    if count == i64::MIN {
        return Err(RANGE);
    }
    let scores = args.take("withscores");
    args.end()?;
    if scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::Text("ERR value is out of range"));
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = tx.read::<ZSet>(key)?.filter(|_| wanted > 0) else {
        out.array(0);
        return Ok(());
    };
    let shown = Shown::new(scores, out);
    if count > 0 {
        out.array(shown.elements(wanted.min(set.len())));
        set.random_distinct(wanted, &mut thread_random, |member, score| shown.entry(out, member, score));
        return Ok(());
    }
    let (start, before) = (out.mark(), out.out().len());
    out.array(shown.elements(wanted));
    let mut left = wanted;
    while left > 0 {
        let some = left.min(BATCH);
        set.random_repeated(some, &mut thread_random, |member, score| shown.entry(out, member, score));
        left -= some;
        if out.out().len() - before > REPLY_MAX {
            out.truncate(start);
            return Err(Error::Text("ERR the reply would be too long"));
        }
    }
    Ok(())
}

/// What ZSCAN wants.
struct Scan<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    scores: bool,
}

impl<'a> Scan<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut scan = Scan { pattern: None, count: COUNT, scores: true };
        while !args.is_empty() {
            if args.take("noscores") {
                scan.scores = false;
            } else if args.left() < 2 {
                return Err(Error::Syntax);
            } else if args.take("count") {
                let n = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
                scan.count = usize::try_from(n).ok().filter(|n| *n > 0).ok_or(Error::Syntax)?;
            } else if args.take("match") {
                scan.pattern = Some(args.bytes()).filter(|pattern| *pattern != b"*");
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(scan)
    }
}

/// The options of a missing key are not looked at, as in Redis. Scores are strings in RESP3 too.
pub(super) fn zscan(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, cursor) = (args.key(), args.bytes());
    let cursor = if cursor.is_empty() { Some(0) } else { parse_u64_lenient(cursor) };
    let cursor = cursor.ok_or(Error::Text("ERR invalid cursor"))?;
    // What was found is kept until the cursor is known, which comes first in the reply.
    let (mut text, mut ends, mut next) = (Vec::new(), Vec::new(), 0);
    if let Some(set) = tx.read::<ZSet>(key)? {
        let scan = Scan::parse(args)?;
        let mut buffer = ItemText::default();
        next = set.scan(cursor, scan.count, |member, score| {
            let member = member.text(&mut buffer);
            if scan.pattern.is_none_or(|pattern| glob_match(pattern, member, false)) {
                text.extend_from_slice(member);
                ends.push(text.len());
                if scan.scores {
                    format_f64(score, &mut text);
                    ends.push(text.len());
                }
            }
        });
    }
    out.array(2);
    out.bulk(itoa::Buffer::new().format(next).as_bytes());
    out.array(ends.len());
    let mut start = 0;
    for end in ends {
        out.bulk(&text[start..end]);
        start = end;
    }
    Ok(())
}
