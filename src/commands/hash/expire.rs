//! Times to live of fields: setting, asking, removing.
//!
//! Owns the arguments that the family shares (a count and as many fields) and the conditions NX, XX, GT, LT, of which a
//! command has at most one. A time that has come deletes the field at once. The journal gets absolute milliseconds, or the
//! deletion, of the fields that the command did change: neither the time nor a condition is decided anew in a replay.

use super::*;
use crate::base::num::parse_i64;
use crate::resp::ArgView;
use crate::types::hash::FieldTtl;

const NO_FIELDS: Error = Error::Text("ERR Mandatory argument FIELDS is missing or not at the right position");
const MISMATCH: Error = Error::Text("ERR The `numfields` parameter must match the number of arguments");

/// How a command gives its time.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    /// Milliseconds of one.
    pub(super) ms: i64,
    /// Counted from now, not from 1970.
    pub(super) relative: bool,
}

/// The Unix time in milliseconds that `n` of `unit` mean. `command` is named in the error.
pub(super) fn absolute(n: i64, unit: Unit, now: u64, command: &str) -> Result<u64> {
    if n < 0 {
        return Err(Error::Text("ERR invalid expire time, must be >= 0"));
    }
    let base = if unit.relative { i64::try_from(now).unwrap_or(i64::MAX) } else { 0 };
    let at = n.checked_mul(unit.ms).and_then(|ms| ms.checked_add(base)).map(i64::unsigned_abs);
    at.ok_or_else(|| Error::Owned(format!("ERR invalid expire time in '{command}' command")))
}

/// Reads `FIELDS numfields`, of which the arguments that are left must be the fields.
pub(super) fn fields<'a>(args: &mut Args<'a>, not_positive: &'static str) -> Result<ArgView<'a>> {
    if !args.take("fields") {
        return Err(NO_FIELDS);
    }
    let count = parse_i64(args.bytes()).filter(|n| *n > 0).ok_or(Error::Text(not_positive))?;
    let fields = args.view().skip(args.len() - args.left());
    match usize::try_from(count) == Ok(fields.len()) {
        true => Ok(fields),
        false => Err(MISMATCH),
    }
}

/// What is said of a count of fields that is none.
pub(super) const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";

/// Journals `words` about `fields`: `HDEL key field…`, or, with `counted`, `… FIELDS n field…`.
pub(super) fn journal(tx: &mut WriteTx<'_>, words: &[&[u8]], counted: bool, fields: &[&[u8]]) {
    let mut count = itoa::Buffer::new();
    let count = [&b"FIELDS"[..], count.format(fields.len()).as_bytes()];
    let count = if counted { &count[..] } else { &[] };
    tx.rewrite(&[words, count, fields].concat());
}

/// When a field's time is set.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    /// Only where there is none.
    Absent,
    /// Only where there is one.
    Present,
    /// Only if the new one is later; none is never.
    Later,
    /// Only if the new one is earlier; none is never.
    Earlier,
}

impl Condition {
    fn parse(args: &mut Args<'_>) -> Self {
        let words = [("nx", Self::Absent), ("xx", Self::Present), ("gt", Self::Later), ("lt", Self::Earlier)];
        words.into_iter().find(|(word, _)| args.take(word)).map_or(Self::Always, |(_, condition)| condition)
    }

    /// Whether `at` may take the place of `current`.
    fn allows(self, current: Option<u64>, at: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => current.is_none(),
            Self::Present => current.is_some(),
            Self::Later => current.is_some_and(|current| at > current),
            Self::Earlier => current.is_none_or(|current| at < current),
        }
    }
}

pub(super) fn hexpire(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { ms: 1000, relative: true }, "hexpire")
}

pub(super) fn hpexpire(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { ms: 1, relative: true }, "hpexpire")
}

pub(super) fn hexpireat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { ms: 1000, relative: false }, "hexpireat")
}

pub(super) fn hpexpireat(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set(tx, args, out, Unit { ms: 1, relative: false }, "hpexpireat")
}

fn set(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, unit: Unit, command: &str) -> Result {
    let (key, n, now) = (args.key(), args.int(), tx.now());
    args.check()?;
    let at = absolute(n, unit, now, command)?;
    let condition = Condition::parse(args);
    let fields = fields(args, "ERR Parameter `numFields` should be greater than 0")?;
    let mut replies = Vec::new();
    let set = change(tx, key, Missing::Leave, fields.iter(), |hash| {
        replies.clear();
        let set: Vec<&[u8]> = fields
            .iter()
            .filter(|field| {
                let (set, reply) = set_one(hash, field, at, condition, now);
                replies.push(reply);
                set
            })
            .collect();
        let (changes, event) = (set.len() as u64, if at <= now { "hdel" } else { "hexpire" });
        Edit::new(set, changes, Class::Hash, event)
    })?;
    match set {
        Some(set) if !set.is_empty() => journal_expiry(tx, key, at, &set),
        Some(_) => {}
        None => replies.resize(fields.len(), -2),
    }
    out.array(replies.len());
    replies.into_iter().for_each(|reply| out.int(reply));
    Ok(())
}

/// Sets the time of a field; whether it was set, or the field deleted, and the reply.
fn set_one(hash: &mut Hash, field: &[u8], at: u64, condition: Condition, now: u64) -> (bool, i64) {
    let current = match hash.expire_at(field, now) {
        FieldTtl::Missing => return (false, -2),
        FieldTtl::Never => None,
        FieldTtl::At(at) => Some(at),
    };
    if !condition.allows(current, at) {
        return (false, 0);
    }
    hash.set_expire(field, at, now);
    (true, if at <= now { 2 } else { 1 })
}

/// Journals that `fields` expire at a time, or, if it has come, that they are gone.
pub(super) fn journal_expiry(tx: &mut WriteTx<'_>, key: Key<'_>, at: u64, fields: &[&[u8]]) {
    if at <= tx.now() {
        return journal(tx, &[b"HDEL", key.bytes], false, fields);
    }
    journal(tx, &[b"HPEXPIREAT", key.bytes, itoa::Buffer::new().format(at).as_bytes()], true, fields);
}

pub(super) fn hpersist(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let fields = fields(args, NOT_POSITIVE)?;
    let mut replies = Vec::new();
    let done = change(tx, key, Missing::Leave, fields.iter(), |hash| {
        replies.clear();
        replies.extend(fields.iter().map(|field| match hash.persist(field, now) {
            FieldTtl::Missing => -2,
            FieldTtl::Never => -1,
            FieldTtl::At(_) => 1,
        }));
        let changes = replies.iter().filter(|reply| **reply == 1).count() as u64;
        Edit::new((), changes, Class::Hash, "hpersist")
    })?;
    if done.is_none() {
        replies.resize(fields.len(), -2);
    }
    out.array(replies.len());
    replies.into_iter().for_each(|reply| out.int(reply));
    Ok(())
}

/// Answers with the times of fields as `show` has them: -2 without the field, -1 without a time.
fn ask(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, show: impl Fn(u64, u64) -> u64) -> Result {
    let (key, now) = (args.key(), tx.now());
    let fields = fields(args, NOT_POSITIVE)?;
    let hash = tx.read::<Hash>(key)?;
    out.array(fields.len());
    for field in fields.iter() {
        out.int(match hash.as_ref().map_or(FieldTtl::Missing, |hash| hash.expire_at(field, now)) {
            FieldTtl::Missing => -2,
            FieldTtl::Never => -1,
            FieldTtl::At(at) => show(at, now) as i64,
        });
    }
    Ok(())
}

/// Seconds, rounded up: a field that is there has at least one.
fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

pub(super) fn httl(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, now| seconds(at.saturating_sub(now)))
}

pub(super) fn hpttl(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, now| at.saturating_sub(now))
}

pub(super) fn hexpiretime(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, _| seconds(at))
}

pub(super) fn hpexpiretime(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    ask(tx, args, out, |at, _| at)
}
