//! The counters in fields: HINCRBY, HINCRBYFLOAT.
//!
//! Owns the checks of what is added and the errors. Must not know how numbers are spelt: integers are
//! [`num::parse_i64`]'s, floats [`num::LongDouble`]'s. A field keeps its time to live when its number changes.

use super::*;
use crate::base::num;
use crate::types::hash::FieldTtl;

pub(super) fn hincrby(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, by) = (args.key(), args.bytes(), args.int());
    args.end()?;
    let (limits, now) = (limits(args.settings()), tx.now());
    let sum = change(tx, key, Missing::Make, [field].into_iter(), |hash| {
        let old = hash.get(field, now).map_or(Some(0), |value| value.int());
        let sum = old
            .ok_or(Error::Text("ERR hash value is not an integer"))
            .and_then(|old| old.checked_add(by).ok_or(Error::Text("ERR increment or decrement would overflow")));
        if let Ok(sum) = sum {
            hash.set(field, itoa::Buffer::new().format(sum).as_bytes(), limits, true, now);
        }
        let changes = u64::from(sum.is_ok());
        Edit::new(sum, changes, Class::Hash, "hincrby")
    })?;
    out.int(sum.unwrap_or(Ok(0))?);
    Ok(())
}

/// Journalled as its result: another machine's arithmetic, or another version's, might differ in the last place.
pub(super) fn hincrbyfloat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, by) = (args.key(), args.bytes(), args.bytes());
    let by = num::LongDouble::parse(by).ok_or(Error::NotFloat)?;
    if !by.is_finite() {
        return Err(Error::Text("ERR value is NaN or Infinity"));
    }
    let (limits, now) = (limits(args.settings()), tx.now());
    let added = change(tx, key, Missing::Make, [field].into_iter(), |hash| {
        let added = add(hash, field, by, now);
        if let Ok((text, _)) = &added {
            hash.set(field, text, limits, true, now);
        }
        let changes = u64::from(added.is_ok());
        Edit::new(added, changes, Class::Hash, "hincrbyfloat")
    })?;
    let (text, expires) = added.unwrap_or(Err(Error::NotFloat))?;
    match expires {
        false => tx.rewrite(&[b"HSET", key.bytes, field, &text]),
        true => tx.rewrite(&[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", b"1", field, &text]),
    }
    out.bulk(&text);
    Ok(())
}

/// The text of a field's number plus another, and whether the field expires.
fn add(hash: &Hash, field: &[u8], by: num::LongDouble, now: u64) -> Result<(Vec<u8>, bool)> {
    let old = match hash.get(field, now) {
        None => num::LongDouble::from_i64(0),
        Some(Value::Int(n)) => num::LongDouble::from_i64(n),
        Some(value) => num::LongDouble::parse(value.text(&mut ItemText::default()))
            .ok_or(Error::Text("ERR hash value is not a float"))?,
    };
    let sum = old.add(by);
    if !sum.is_finite() {
        return Err(Error::Text("ERR increment would produce NaN or Infinity"));
    }
    let mut text = Vec::with_capacity(32);
    sum.format_human(&mut text);
    Ok((text, matches!(hash.expire_at(field, now), FieldTtl::At(_))))
}
