//! Members by chance or in passing: ZRANDMEMBER and ZSCAN.
//!
//! Owns the bound on what a negative count may ask ZRANDMEMBER for. Must not know how picks are made uniform, nor what a
//! cursor is.

use super::super::scan::{self, Found, Own, ScanOptions};
use super::*;
use crate::base::num::format_f64;
use crate::base::rng::thread_random;
use crate::types::packed::ItemText;

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

/// The options of a missing key are not looked at, as in Redis. Scores are strings in RESP3 too.
pub(super) fn zscan(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, cursor) = (args.key(), scan::cursor(args.bytes())?);
    let (mut found, mut next) = (Found::default(), 0);
    if let Some(set) = tx.read::<ZSet>(key)? {
        let options = ScanOptions::parse(args, Own::NoScores)?;
        let (mut buffer, mut digits) = (ItemText::default(), Vec::new());
        next = set.scan(cursor, options.count, |member, score| {
            if options.matches(member.text(&mut buffer)) {
                found.item(member);
                if options.values {
                    digits.clear();
                    format_f64(score, &mut digits);
                    found.text(&digits);
                }
            }
        });
    }
    found.write(next, out);
    Ok(())
}
