//! The hash commands: their rows, and the handlers that set, read and delete fields.
//!
//! Owns the table of the family and what its parts share: how a field's value becomes a reply, the limits of packed
//! hashes, how a hash is changed. Counters are in [`num`], HSCAN and HRANDFIELD in [`walk`], times to live of fields in
//! [`expire`] and [`ex`]. Must not know how a hash is stored; that is [`crate::types::hash`]'s.
//!
//! A field whose time has come is absent to every command, though it may still take its place. A command that writes such
//! a field by name removes it first, as an expiry that is journalled ([`change`]): a replay runs at another time, and
//! must not add to a value that was over here.

mod ex;
mod expire;
mod num;
mod walk;

use super::shapes::*;
use super::*;
use crate::config::Settings;
use crate::store::{Class, Edit, Key, Lent};
use crate::types::hash::{Hash, HashLimits, Value};
use crate::types::packed::{Item, ItemText};

const FIELDS: &str = "key FIELDS numfields field [field ...]";
const SECONDS: &str = "key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]";
const MILLISECONDS: &str = "key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]";
const AT_SECONDS: &str = "key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]";
const AT_MILLISECONDS: &str = "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]";
const HGETEX_SYNTAX: &str = "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] \
     FIELDS numfields field [field ...]";
const HSETEX_SYNTAX: &str = "key [FNX|FXX] \
     [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL] \
     FIELDS numfields field value [field value ...]";

/// The rest of a row of this family.
const fn hash(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::HASH).doc(Group::Hash, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    hash(write("hdel", -3, "key field [field ...]", hdel), FAST, RW_DELETE, "2.0.0", "O(N)",
        "Deletes fields of a hash, and the hash with its last one."),
    hash(read("hexists", 3, "key field", hexists), FAST, RO_KEY, "2.0.0", "O(1)",
        "Tells whether a hash has a field."),
    hash(write("hexpire", -6, SECONDS, expire::hexpire), DENYOOM_FAST, RW_UPDATE, "7.4.0", "O(N)",
        "Lets fields of a hash expire after some seconds."),
    hash(write("hexpireat", -6, AT_SECONDS, expire::hexpireat), DENYOOM_FAST, RW_UPDATE, "7.4.0", "O(N)",
        "Lets fields of a hash expire at a Unix time in seconds."),
    hash(read("hexpiretime", -5, FIELDS, expire::hexpiretime), FAST, RO_ACCESS, "7.4.0", "O(N)",
        "Returns the Unix times in seconds at which fields of a hash expire."),
    hash(read("hget", 3, "key field", hget), FAST, RO_ACCESS, "2.0.0", "O(1)",
        "Returns the value of a field of a hash."),
    hash(read("hgetall", 2, "key", hgetall), NONE, RO_ACCESS, "2.0.0", "O(N)",
        "Returns all fields of a hash with their values.").tips(ANY_ORDER),
    hash(write("hgetdel", -5, FIELDS, ex::hgetdel), FAST, RW_ACCESS_DELETE, "8.0.0", "O(N)",
        "Returns the values of fields of a hash and deletes the fields."),
    hash(write("hgetex", -5, HGETEX_SYNTAX, ex::hgetex), FAST, RW_ACCESS_UPDATE, "8.0.0", "O(N)",
        "Returns the values of fields of a hash and sets or removes their time to live."),
    hash(write("hincrby", 4, "key field increment", num::hincrby), DENYOOM_FAST, RW_ACCESS_UPDATE, "2.0.0", "O(1)",
        "Adds a number to the integer in a field of a hash, 0 if it is missing."),
    hash(write("hincrbyfloat", 4, "key field increment", num::hincrbyfloat), DENYOOM_FAST, RW_ACCESS_UPDATE, "2.6.0",
        "O(1)", "Adds a floating-point number to the number in a field of a hash, 0 if it is missing."),
    hash(read("hkeys", 2, "key", hkeys), NONE, RO_ACCESS, "2.0.0", "O(N)",
        "Returns all fields of a hash.").tips(ANY_ORDER),
    hash(read("hlen", 2, "key", hlen), FAST, RO_KEY, "2.0.0", "O(1)",
        "Returns the number of fields of a hash."),
    hash(read("hmget", -3, "key field [field ...]", hmget), FAST, RO_ACCESS, "2.0.0", "O(N)",
        "Returns the values of several fields of a hash."),
    hash(write("hmset", -4, "key field value [field value ...]", hmset), DENYOOM_FAST, RW_UPDATE, "2.0.0", "O(N)",
        "Sets fields of a hash; the old form of HSET."),
    hash(write("hpersist", -5, FIELDS, expire::hpersist), FAST, RW_UPDATE, "7.4.0", "O(N)",
        "Removes the time to live of fields of a hash."),
    hash(write("hpexpire", -6, MILLISECONDS, expire::hpexpire), DENYOOM_FAST, RW_UPDATE, "7.4.0", "O(N)",
        "Lets fields of a hash expire after some milliseconds."),
    hash(write("hpexpireat", -6, AT_MILLISECONDS, expire::hpexpireat), DENYOOM_FAST, RW_UPDATE, "7.4.0", "O(N)",
        "Lets fields of a hash expire at a Unix time in milliseconds."),
    hash(read("hpexpiretime", -5, FIELDS, expire::hpexpiretime), FAST, RO_ACCESS, "7.4.0", "O(N)",
        "Returns the Unix times in milliseconds at which fields of a hash expire."),
    hash(read("hpttl", -5, FIELDS, expire::hpttl), FAST, RO_ACCESS, "7.4.0", "O(N)",
        "Returns how long fields of a hash have to live, in milliseconds.").tips(RANDOM),
    hash(read("hrandfield", -2, "key [count [WITHVALUES]]", walk::hrandfield), NONE, RO_ACCESS, "6.2.0", "O(N)",
        "Returns random fields of a hash.").tips(RANDOM),
    hash(read("hscan", -3, "key cursor [MATCH pattern] [COUNT count] [NOVALUES]", walk::hscan), NONE, RO_ACCESS,
        "2.8.0", "O(1)", "Returns some of the fields of a hash, and a cursor to the rest.").tips(RANDOM),
    hash(write("hset", -4, "key field value [field value ...]", hset), DENYOOM_FAST, RW_UPDATE, "2.0.0", "O(1)",
        "Sets fields of a hash, which comes to be if it is missing."),
    hash(write("hsetex", -6, HSETEX_SYNTAX, ex::hsetex), DENYOOM_FAST, RW_UPDATE, "8.0.0", "O(N)",
        "Sets fields of a hash; options tell when, and for how long."),
    hash(write("hsetnx", 4, "key field value", hsetnx), DENYOOM_FAST, RW_INSERT, "2.0.0", "O(1)",
        "Sets a field of a hash if it is not there."),
    hash(read("hstrlen", 3, "key field", hstrlen), FAST, RO_KEY, "3.2.0", "O(1)",
        "Returns the length of a field's value in bytes."),
    hash(read("httl", -5, FIELDS, expire::httl), FAST, RO_ACCESS, "7.4.0", "O(N)",
        "Returns how long fields of a hash have to live, in seconds.").tips(RANDOM),
    hash(read("hvals", 2, "key", hvals), NONE, RO_ACCESS, "2.0.0", "O(N)",
        "Returns the values of all fields of a hash.").tips(ANY_ORDER),
];

/// Up to where hashes are packed.
#[inline]
fn limits(settings: &Settings) -> HashLimits {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    HashLimits {
        listpack_entries: size(settings.hash_max_listpack_entries),
        listpack_value: size(settings.hash_max_listpack_value),
    }
}

/// Writes a value as a bulk reply; a large one is shared, not copied.
#[inline]
fn reply_value(out: &mut Reply<'_>, value: Value<'_>) {
    match value {
        Value::Int(n) => out.bulk_int(n),
        Value::Str(text) => out.bulk(text),
        Value::Shared(text) => out.shared(text.clone()),
    }
}

/// Writes the name of a field as a bulk reply.
#[inline]
fn reply_field(out: &mut Reply<'_>, field: Item<'_>) {
    match field {
        Item::Int(n) => out.bulk_int(n),
        Item::Str(text) => out.bulk(text),
    }
}

/// Writes the value of each of `fields`, null where there is none.
fn reply_values<'a>(
    out: &mut Reply<'_>,
    hash: Option<Lent<'_, Hash>>,
    fields: impl ExactSizeIterator<Item = &'a [u8]>,
    now: u64,
) {
    out.array(fields.len());
    for field in fields {
        match hash.as_ref().and_then(|hash| hash.get(field, now)) {
            Some(value) => reply_value(out, value),
            None => out.null(),
        }
    }
}

/// Whether there is a hash where one is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// It comes to be.
    Make,
    /// Nothing is done.
    Leave,
}

/// Lets `f` change the hash at `key`, of whose fields it changes none but `fields`; those whose time has come are
/// expired before. Without a hash, and told to leave it so: `None`. O(what `f` does).
#[inline]
fn change<'a, R>(
    tx: &mut WriteTx<'_>,
    key: Key<'_>,
    missing: Missing,
    fields: impl Iterator<Item = &'a [u8]>,
    mut f: impl FnMut(&mut Hash) -> Edit<R>,
) -> Result<Option<R>> {
    let now = tx.now();
    let unless_due = |hash: &mut Hash| {
        if hash.min_expire().is_some_and(|at| at <= now) {
            return Edit::unchanged(None);
        }
        f(hash).map(Some)
    };
    let done = match missing {
        Missing::Make => Some(tx.upsert(key, unless_due)?),
        Missing::Leave => tx.edit(key, unless_due)?,
    };
    match done {
        Some(None) => {}
        None => return Ok(None),
        Some(done) => return Ok(done),
    }
    tx.expire_named(key, fields);
    match missing {
        Missing::Make => Ok(Some(tx.upsert(key, f)?)),
        Missing::Leave => Ok(tx.edit(key, f)?),
    }
}

/// The arguments behind the key must be fields and values.
#[inline]
fn pairs(args: &Args<'_>, error: &'static str) -> Result {
    if args.left().is_multiple_of(2) { Ok(()) } else { Err(Error::Text(error)) }
}

/// Sets the fields that the arguments name; returns how many of them are new.
#[inline]
fn set_all(tx: &mut WriteTx<'_>, args: &Args<'_>, key: Key<'_>) -> Result<u64> {
    let (view, limits, now) = (args.view(), limits(args.settings()), tx.now());
    let added = change(tx, key, Missing::Make, view.iter().skip(2).step_by(2), |hash| {
        let (mut words, mut added, mut pairs) = (view.iter().skip(2), 0, 0);
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            added += u64::from(hash.set(field, value, limits, false, now));
            pairs += 1;
        }
        Edit::new(added, pairs, Class::Hash, "hset")
    })?;
    Ok(added.unwrap_or(0))
}

fn hset(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    pairs(args, "ERR wrong number of arguments for 'hset' command")?;
    let added = set_all(tx, args, key)?;
    out.int(added as i64);
    Ok(())
}

fn hmset(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    pairs(args, "ERR wrong number of arguments for 'hmset' command")?;
    set_all(tx, args, key)?;
    out.ok();
    Ok(())
}

fn hsetnx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, value) = (args.key(), args.bytes(), args.bytes());
    let (limits, now) = (limits(args.settings()), tx.now());
    let set = change(tx, key, Missing::Make, [field].into_iter(), |hash| {
        let set = hash.set_nx(field, value, limits, now);
        Edit::new(set, set.into(), Class::Hash, "hset")
    })?;
    out.int(i64::from(set == Some(true)));
    Ok(())
}

fn hdel(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, view, now) = (args.key(), args.view(), tx.now());
    let fields = || view.iter().skip(2);
    let gone = change(tx, key, Missing::Leave, fields(), |hash| {
        let gone = fields().filter(|field| hash.remove(field, now)).count() as u64;
        Edit::new(gone, gone, Class::Hash, "hdel")
    })?;
    out.int(gone.unwrap_or(0) as i64);
    Ok(())
}

fn hget(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, now) = (args.key(), args.bytes(), tx.now());
    match tx.read::<Hash>(key)?.as_ref().and_then(|hash| hash.get(field, now)) {
        Some(value) => reply_value(out, value),
        None => out.null(),
    }
    Ok(())
}

fn hmget(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let hash = tx.read::<Hash>(key)?;
    reply_values(out, hash, args.view().iter().skip(2), now);
    Ok(())
}

fn hexists(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, now) = (args.key(), args.bytes(), tx.now());
    let there = tx.read::<Hash>(key)?.is_some_and(|hash| hash.contains(field, now));
    out.int(there.into());
    Ok(())
}

fn hstrlen(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, field, now) = (args.key(), args.bytes(), tx.now());
    let len = tx.read::<Hash>(key)?.and_then(|hash| hash.value_len(field, now));
    out.int(len.unwrap_or(0) as i64);
    Ok(())
}

/// Fields whose time has come are not counted, as HGETALL does not return them.
fn hlen(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let len = tx.read::<Hash>(key)?.map_or(0, |hash| hash.live_len(now));
    out.int(len as i64);
    Ok(())
}

fn hgetall(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let hash = tx.read::<Hash>(key)?;
    out.map(hash.as_ref().map_or(0, |hash| hash.live_len(now)));
    for (field, value) in hash.iter().flat_map(|hash| hash.iter(now)) {
        reply_field(out, field);
        reply_value(out, value);
    }
    Ok(())
}

fn hkeys(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let hash = tx.read::<Hash>(key)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.live_len(now)));
    hash.iter().flat_map(|hash| hash.iter(now)).for_each(|(field, _)| reply_field(out, field));
    Ok(())
}

fn hvals(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let hash = tx.read::<Hash>(key)?;
    out.array(hash.as_ref().map_or(0, |hash| hash.live_len(now)));
    hash.iter().flat_map(|hash| hash.iter(now)).for_each(|(_, value)| reply_value(out, value));
    Ok(())
}
