//! Fields by chance or in passing: HRANDFIELD and HSCAN.
//!
//! Owns HSCAN's cursor (a field's hash, so it survives growth; 0 at either end) and the bound on what a negative count
//! may ask HRANDFIELD for. Must not know how picks are made uniform: that is [`Hash::random`]'s.

use super::super::scan::{self, Found, Own, ScanOptions};
use super::*;
use crate::base::rng::thread_random;

/// Bytes of the longest reply to a negative count, which may name one field as often as it likes.
const REPLY_MAX: usize = 512 << 20;

const RANGE: Error =
    Error::Text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

pub(super) fn hrandfield(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    if !args.is_empty() {
        return hrandfield_count(tx, args, key, out);
    }
    let hash = tx.read::<Hash>(key)?;
    match hash.as_ref().and_then(|hash| hash.random(now, &mut thread_random)) {
        Some((field, _)) => reply_field(out, field),
        None => out.null(),
    }
    Ok(())
}

fn hrandfield_count(tx: &mut ReadTx<'_>, args: &mut Args<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    let (count, now) = (args.int(), tx.now());
    args.check()?;
    if count == i64::MIN {
        return Err(RANGE);
    }
    let values = args.take("withvalues");
    args.end()?;
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::Text("ERR value is out of range"));
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(hash) = tx.read::<Hash>(key)?.filter(|_| wanted > 0) else {
        out.array(0);
        return Ok(());
    };
    let mut picks = Picks { values, out };
    if count > 0 {
        picks.header(wanted.min(hash.live_len(now)));
        hash.random_distinct(wanted, now, &mut thread_random, |field, value| picks.one(field, value));
        return Ok(());
    }
    if hash.live_len(now) == 0 {
        picks.header(0);
        return Ok(());
    }
    let (start, before) = (picks.out.mark(), picks.out.out().len());
    picks.header(wanted);
    let mut fits = true;
    hash.random_each(wanted, now, &mut thread_random, |field, value| {
        picks.one(field, value);
        fits = picks.out.out().len() - before <= REPLY_MAX;
        fits
    });
    if fits {
        return Ok(());
    }
    picks.out.truncate(start);
    Err(Error::Text("ERR the reply would be too long"))
}

/// HRANDFIELD's reply: fields, or fields with values, pairs of their own in RESP3.
struct Picks<'r, 'o> {
    values: bool,
    out: &'r mut Reply<'o>,
}

impl Picks<'_, '_> {
    fn nested(&self) -> bool {
        self.values && self.out.proto() == crate::resp::Proto::Resp3
    }

    fn header(&mut self, n: usize) {
        let flat = self.values && !self.nested();
        self.out.array(if flat { n.saturating_mul(2) } else { n });
    }

    fn one(&mut self, field: Item<'_>, value: Value<'_>) {
        if self.nested() {
            self.out.array(2);
        }
        reply_field(self.out, field);
        if self.values {
            reply_value(self.out, value);
        }
    }
}

/// The options of a missing key are not looked at, as in Redis.
pub(super) fn hscan(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, cursor, now) = (args.key(), scan::cursor(args.bytes())?, tx.now());
    let (mut found, mut next) = (Found::default(), 0);
    if let Some(hash) = tx.read::<Hash>(key)? {
        let options = ScanOptions::parse(args, Own::NoValues)?;
        let mut buffer = ItemText::default();
        next = hash.scan(cursor, options.count, now, |field, value| {
            if options.matches(field.text(&mut buffer)) {
                found.item(field);
                match value {
                    _ if !options.values => {}
                    Value::Int(n) => found.int(n),
                    Value::Str(text) => found.text(text),
                    Value::Shared(text) => found.shared(text.clone()),
                }
            }
        });
    }
    found.write(next, out);
    Ok(())
}
