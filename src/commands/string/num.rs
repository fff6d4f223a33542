//! The counters: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
//!
//! Owns the checks of what is added and the errors. Must not know how numbers are spelt: integers are
//! [`num::parse_i64`]'s, floats [`num::LongDouble`]'s. A counter is stored as an integer and changed in place, with one
//! look-up.

use super::*;
use crate::base::num;
use bytes::Bytes;

pub(super) fn incr(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    add(tx, key, 1, out)
}

pub(super) fn decr(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    add(tx, key, -1, out)
}

pub(super) fn incrby(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, by) = (args.key(), args.int());
    args.end()?;
    add(tx, key, by, out)
}

pub(super) fn decrby(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, by) = (args.key(), args.int());
    args.end()?;
    let by = by.checked_neg().ok_or(Error::Text("ERR decrement would overflow"))?;
    add(tx, key, by, out)
}

/// Adds to the integer at a key.
#[inline]
fn add(tx: &mut WriteTx<'_>, key: Key<'_>, by: i64, out: &mut Reply<'_>) -> Result {
    let sum = tx.update(key, |old| {
        let old = match old {
            None => 0,
            Some(StrRef::Int(n)) => n,
            Some(s) => with_text(s, num::parse_i64).ok_or(Error::NotInteger)?,
        };
        let sum = old.checked_add(by).ok_or(Error::Text("ERR increment or decrement would overflow"))?;
        Ok::<_, Error>((NewStr::Int(sum), sum))
    })?;
    tx.dirty(1);
    tx.event(Class::String, "incrby", key.bytes);
    out.int(sum);
    Ok(())
}

/// Journalled as its result: another machine's arithmetic, or another version's, might differ in the last place.
pub(super) fn incrbyfloat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, by) = (args.key(), args.bytes());
    let text = tx.update(key, |old| {
        let old = match old {
            None => num::LongDouble::from_i64(0),
            Some(StrRef::Int(n)) => num::LongDouble::from_i64(n),
            Some(s) => with_text(s, num::LongDouble::parse).ok_or(Error::NotFloat)?,
        };
        let sum = old.add(num::LongDouble::parse(by).ok_or(Error::NotFloat)?);
        if !sum.is_finite() {
            return Err(Error::Text("ERR increment would produce NaN or Infinity"));
        }
        let mut text = Vec::with_capacity(32);
        sum.format_human(&mut text);
        let text = Bytes::from(text);
        Ok((NewStr::Shared(text.clone()), text))
    })?;
    tx.dirty(1);
    tx.event(Class::String, "incrbyfloat", key.bytes);
    tx.rewrite(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    out.bulk(&text);
    Ok(())
}
