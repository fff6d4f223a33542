//! How long a blocking command waits.
//!
//! Owns the meaning of the timeout argument, and its errors. Must not know how the waiting is done.

use super::{Error, Result};
use crate::base::num::{LongDouble, parse_f64};
use crate::store::WriteTx;

/// A timeout in seconds, which may have a fraction, as milliseconds, rounded up; `None` (0): for ever.
///
/// # Errors
/// It is no number, or negative, or its end lies beyond what a clock can tell.
pub(super) fn timeout(tx: &WriteTx<'_>, text: &[u8]) -> Result<Option<u64>> {
    let seconds = parse_f64(text).or_else(|| LongDouble::parse(text).map(LongDouble::nearest_f64));
    let seconds = seconds.ok_or(Error::Text("ERR timeout is not a float or out of range"))?;
    let ms = (seconds * 1000.0).ceil();
    // What is negative but rounds up to zero counts as zero.
    if ms < 0.0 {
        return Err(Error::Text("ERR timeout is negative"));
    }
    // Beyond the range of integers the conversion gives the greatest one.
    match ms as u64 {
        0 => Ok(None),
        ms if ms.checked_add(tx.now()).is_none_or(|end| i64::try_from(end).is_err()) => {
            Err(Error::Text("ERR timeout is out of range"))
        }
        ms => Ok(Some(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::store::{Access, Context, Effects, Store};

    #[test]
    fn seconds_become_milliseconds() {
        let store = Store::new(1, 1, Some(1), Clock::manual());
        let mut effects = Effects::default();
        let context = Context { db: 0, now: 1_700_000_000_000, access: Access::lru(0), no_touch: false };
        let tx = store.begin_none(context, &mut effects);
        for (text, ms) in [
            ("0", None),
            ("-0.0001", None),
            ("1", Some(1000)),
            ("0.001", Some(1)),
            ("0.0001", Some(1)),
            ("0x10", Some(16_000)),
            ("1e10", Some(10_000_000_000_000)),
            ("1e-400", Some(1)),
        ] {
            assert_eq!(timeout(&tx, text.as_bytes()), Ok(ms), "{text}");
        }
        for (text, error) in [
            ("x", "ERR timeout is not a float or out of range"),
            ("nan", "ERR timeout is not a float or out of range"),
            ("-1", "ERR timeout is negative"),
            ("-inf", "ERR timeout is negative"),
            ("-1e400", "ERR timeout is negative"),
            ("1e400", "ERR timeout is out of range"),
            ("9223372036854775", "ERR timeout is out of range"),
            ("1e30", "ERR timeout is out of range"),
            ("inf", "ERR timeout is out of range"),
        ] {
            assert_eq!(timeout(&tx, text.as_bytes()), Err(Error::Text(error)), "{text}");
        }
    }
}
