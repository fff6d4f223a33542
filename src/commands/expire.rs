//! Times to live: setting, asking, removing.
//!
//! Owns the arithmetic of the four ways to give a time (seconds or milliseconds, from now or since 1970) and the
//! conditions NX, XX, GT, LT. A time that has come deletes the key at once. The journal gets absolute milliseconds, or
//! the deletion, so that a replay does not depend on when it happens.

use super::*;
use crate::spec::KeyFlags;
use crate::store::{Class, Entry};

const UPDATED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))];
const ASKED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))];
const PASSES: &[&str] = &["nondeterministic_output"];

pub(super) const TABLE: &[Row] = &[
    setter("expire", "key seconds [NX|XX|GT|LT]", expire).doc(
        Group::Generic,
        "1.0.0",
        "O(1)",
        "Lets a key expire after some seconds.",
    ),
    setter("expireat", "key unix-time-seconds [NX|XX|GT|LT]", expireat).doc(
        Group::Generic,
        "1.2.0",
        "O(1)",
        "Lets a key expire at a Unix time in seconds.",
    ),
    asker("expiretime", expiretime).doc(
        Group::Generic,
        "7.0.0",
        "O(1)",
        "Returns the Unix time in seconds at which a key expires.",
    ),
    write("persist", 2, "key", persist).keys(UPDATED).flags(Flags::FAST).acl(Categories::KEYSPACE).doc(
        Group::Generic,
        "2.2.0",
        "O(1)",
        "Removes a key's time to live.",
    ),
    setter("pexpire", "key milliseconds [NX|XX|GT|LT]", pexpire).doc(
        Group::Generic,
        "2.6.0",
        "O(1)",
        "Lets a key expire after some milliseconds.",
    ),
    setter("pexpireat", "key unix-time-milliseconds [NX|XX|GT|LT]", pexpireat).doc(
        Group::Generic,
        "2.6.0",
        "O(1)",
        "Lets a key expire at a Unix time in milliseconds.",
    ),
    asker("pexpiretime", pexpiretime).doc(
        Group::Generic,
        "7.0.0",
        "O(1)",
        "Returns the Unix time in milliseconds at which a key expires.",
    ),
    asker("pttl", pttl)
        .doc(Group::Generic, "2.6.0", "O(1)", "Returns a key's time to live in milliseconds.")
        .tips(PASSES),
    asker("ttl", ttl).doc(Group::Generic, "1.0.0", "O(1)", "Returns a key's time to live in seconds.").tips(PASSES),
];

const fn setter(name: &'static str, syntax: &'static str, f: WriteFn) -> Row {
    write(name, -3, syntax, f).keys(UPDATED).flags(Flags::FAST).acl(Categories::KEYSPACE)
}

const fn asker(name: &'static str, f: ReadFn) -> Row {
    read(name, 2, "key", f).keys(ASKED).flags(Flags::FAST).acl(Categories::KEYSPACE)
}

/// How a command gives its time.
#[derive(Clone, Copy)]
struct Unit {
    /// What is said of a time out of range.
    error: &'static str,
    /// Milliseconds of one.
    ms: i64,
    /// Counted from now, not from 1970.
    relative: bool,
}

fn expire(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { error: "ERR invalid expire time in 'expire' command", ms: 1000, relative: true })
}

fn pexpire(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { error: "ERR invalid expire time in 'pexpire' command", ms: 1, relative: true })
}

fn expireat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { error: "ERR invalid expire time in 'expireat' command", ms: 1000, relative: false })
}

fn pexpireat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { error: "ERR invalid expire time in 'pexpireat' command", ms: 1, relative: false })
}

/// When the time is set.
#[derive(Clone, Copy, Default)]
struct Condition {
    /// Only where there is none.
    nx: bool,
    /// Only where there is one.
    xx: bool,
    /// Only if the new one is later; none is never.
    gt: bool,
    /// Only if the new one is earlier; none is never.
    lt: bool,
}

impl Condition {
    fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self> {
        let mut c = Self::default();
        for word in words {
            match &word.to_ascii_lowercase()[..] {
                b"nx" => c.nx = true,
                b"xx" => c.xx = true,
                b"gt" => c.gt = true,
                b"lt" => c.lt = true,
                _ => {
                    let shown = String::from_utf8_lossy(&word[..word.len().min(128)]);
                    return Err(Error::Owned(format!("ERR Unsupported option {shown}")));
                }
            }
        }
        if c.nx && (c.xx || c.gt || c.lt) {
            return Err(Error::Text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if c.gt && c.lt {
            return Err(Error::Text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(c)
    }

    /// Whether `at` may take the place of `current`.
    fn allows(self, current: Option<u64>, at: i64) -> bool {
        // A key without a time lives longer than any with one.
        let current_ms = current.map_or(i128::MAX, i128::from);
        let at = i128::from(at);
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && at <= current_ms
            || self.lt && at >= current_ms)
    }
}

/// The Unix time in milliseconds that `n` of `unit` mean.
fn absolute(n: i64, unit: Unit, now: u64) -> Result<i64> {
    let base = if unit.relative { now as i64 } else { 0 };
    n.checked_mul(unit.ms).and_then(|ms| ms.checked_add(base)).ok_or(Error::Text(unit.error))
}

fn set(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, unit: Unit) -> Result {
    let key = args.key();
    let n = args.bytes();
    let condition = Condition::parse(args.view().iter().skip(3))?;
    let n = args.parse_int(n);
    args.check()?;
    let at = absolute(n, unit, tx.now())?;
    let allowed = tx.entry_for_update(key).map(Entry::expire_at).is_some_and(|current| condition.allows(current, at));
    out.int(i64::from(allowed));
    if !allowed {
        return Ok(());
    }
    match u64::try_from(at).ok().filter(|at| *at > tx.now()) {
        Some(at) => {
            tx.set_expire(key, Some(at));
            tx.rewrite(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(at).as_bytes()]);
            tx.event(Class::Generic, "expire", key.bytes);
        }
        None => {
            let background = args.settings().lazyfree_lazy_expire;
            tx.remove(key, background);
            tx.rewrite(&[if background { b"UNLINK" } else { b"DEL" }, key.bytes]);
            tx.event(Class::Generic, "del", key.bytes);
        }
    }
    tx.dirty(1);
    Ok(())
}

fn persist(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let had = tx.entry_for_update(key).is_some_and(|e| e.expire_at().is_some());
    if had {
        tx.set_expire(key, None);
        tx.event(Class::Generic, "persist", key.bytes);
        tx.dirty(1);
    }
    out.int(i64::from(had));
    Ok(())
}

/// Answers with the time of a key as `show` has it: -2 without the key, -1 without a time.
fn ask(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, show: impl Fn(u64, u64) -> u64) -> Result {
    let now = tx.now();
    out.int(match tx.get_untouched(args.key()).map(Entry::expire_at) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => show(at, now) as i64,
    });
    Ok(())
}

/// Seconds, rounded to the nearest.
fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}

fn ttl(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, now| seconds(at.saturating_sub(now)))
}

fn pttl(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, now| at.saturating_sub(now))
}

fn expiretime(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, _| seconds(at))
}

fn pexpiretime(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, _| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_overflow_as_errors() {
        let unit = |ms, relative| Unit { error: "e", ms, relative };
        assert_eq!(absolute(2, unit(1000, true), 5), Ok(2005));
        assert_eq!(absolute(-2, unit(1000, true), 5), Ok(-1995));
        assert_eq!(absolute(7, unit(1, false), 5), Ok(7));
        assert_eq!(absolute(i64::MAX, unit(1, false), 5), Ok(i64::MAX));
        assert_eq!(absolute(i64::MIN, unit(1, true), 5), Ok(i64::MIN + 5));
        for (n, ms) in [(i64::MAX, 1), (i64::MAX / 1000, 1000), (i64::MIN / 1000 - 1, 1000)] {
            assert_eq!(absolute(n, unit(ms, true), 1000), Err(Error::Text("e")), "{n}");
        }
    }

    #[test]
    fn no_time_is_later_than_any() {
        let parse = |words: &[&str]| Condition::parse(words.iter().map(|w| w.as_bytes())).unwrap();
        assert!(!parse(&["GT"]).allows(None, i64::MAX));
        assert!(parse(&["lt"]).allows(None, i64::MAX));
        assert!(parse(&["GT", "gt"]).allows(Some(5), 6) && !parse(&["GT"]).allows(Some(5), 5));
        assert!(parse(&["LT"]).allows(Some(5), 4) && !parse(&["LT"]).allows(Some(5), 5));
        assert!(parse(&["NX"]).allows(None, 1) && !parse(&["NX"]).allows(Some(5), 1));
        assert!(parse(&["XX"]).allows(Some(5), 1) && !parse(&["XX", "LT"]).allows(None, 1));
        assert!(Condition::parse([&b"nx"[..], b"gt"].into_iter()).is_err());
        assert_eq!(seconds(1499), 1);
        assert_eq!(seconds(1500), 2);
    }
}
