//! The string commands: their rows, and the handlers that read, cut and extend strings.
//!
//! Owns the table of the family and what its parts share: how a string becomes a reply, which form it is stored in.
//! SET and its kin with their options are in [`set`], the counters in [`num`], LCS in [`lcs`]. Must not know how an
//! entry stores a string; ranges and encodings are [`crate::types::string`]'s.

mod lcs;
mod num;
mod set;

use super::shapes::*;
use super::*;
use crate::spec::KeyFlags;
use crate::store::{Class, Expiry, Key, NewStr, StrRef};
use crate::types::string::{self as types, Encoded};
use bytes::Bytes;

const RO_TWO: &[KeySpec] = &[KeySpec::range(1, 1, 1, RO.union(ACCESS))];
const RW_SET: &[KeySpec] = &[KeySpec::one(1, RW.union(ACCESS).union(UPDATE).union(KeyFlags::VARIABLE_FLAGS))];
const OW_UPDATE: &[KeySpec] = &[KeySpec::one(1, OW.union(UPDATE))];
const OW_INSERT: &[KeySpec] = &[KeySpec::one(1, OW.union(KeyFlags::INSERT))];
const OW_UPDATE_PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, OW.union(UPDATE))];
const OW_INSERT_PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, OW.union(KeyFlags::INSERT))];

const SET_SYNTAX: &str = "key value [NX|XX|IFEQ comparison-value] [GET] \
     [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]";
const GETEX_SYNTAX: &str =
    "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]";
const LCS_SYNTAX: &str = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]";

/// The rest of a row of this family.
const fn string(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::STRING).doc(Group::String, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    string(write("append", 3, "key value", append), DENYOOM_FAST, RW_INSERT, "2.0.0", "O(1)",
        "Adds to the end of the string at a key, which comes to be if it is missing."),
    string(write("decr", 2, "key", num::decr), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.0.0", "O(1)",
        "Takes one from the integer at a key, 0 if it is missing."),
    string(write("decrby", 3, "key decrement", num::decrby), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.0.0", "O(1)",
        "Takes a number from the integer at a key, 0 if it is missing."),
    string(write("delifeq", 3, "key value", delifeq), FAST, RW_DELETE, "9.0.0", "O(1)",
        "Deletes a key if it holds this very string."),
    string(read("get", 2, "key", get), FAST, RO_ACCESS, "1.0.0", "O(1)",
        "Returns the string at a key."),
    string(write("getdel", 2, "key", getdel), FAST, RW_ACCESS_DELETE, "6.2.0", "O(1)",
        "Returns the string at a key and deletes the key."),
    string(write("getex", -2, GETEX_SYNTAX, set::getex), FAST, RW_ACCESS_UPDATE, "6.2.0", "O(1)",
        "Returns the string at a key and sets or removes its time to live."),
    string(read("getrange", 4, "key start end", getrange), Flags::empty(), RO_ACCESS, "2.4.0", "O(N)",
        "Returns a part of the string at a key."),
    string(write("getset", 3, "key value", set::getset), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.0.0", "O(1)",
        "Sets a key to a string and returns the one before."),
    string(write("incr", 2, "key", num::incr), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.0.0", "O(1)",
        "Adds one to the integer at a key, 0 if it is missing."),
    string(write("incrby", 3, "key increment", num::incrby), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.0.0", "O(1)",
        "Adds a number to the integer at a key, 0 if it is missing."),
    string(write("incrbyfloat", 3, "key increment", num::incrbyfloat), DENYOOM_FAST, RW_ACCESS_UPDATE, "2.6.0", "O(1)",
        "Adds a floating-point number to the number at a key, 0 if it is missing."),
    string(read("lcs", -3, LCS_SYNTAX, lcs::lcs), Flags::empty(), RO_TWO, "7.0.0", "O(N*M)",
        "Finds the longest common subsequence of two strings."),
    string(read("mget", -2, "key [key ...]", mget), FAST, RO_ALL, "1.0.0", "O(N)",
        "Returns the strings at several keys.").tips(&["request_policy:multi_shard"]),
    string(write("mset", -3, "key value [key value ...]", set::mset), DENYOOM, OW_UPDATE_PAIRS, "1.0.1", "O(N)",
        "Sets several keys to strings, all at once.")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    string(write("msetnx", -3, "key value [key value ...]", set::msetnx), DENYOOM, OW_INSERT_PAIRS, "1.0.1", "O(N)",
        "Sets several keys to strings if none of them is there."),
    string(write("psetex", 4, "key milliseconds value", set::psetex), DENYOOM, OW_UPDATE, "2.6.0", "O(1)",
        "Sets a key to a string with a time to live in milliseconds."),
    string(write("set", -3, SET_SYNTAX, set::set), DENYOOM, RW_SET, "1.0.0", "O(1)",
        "Sets a key to a string; options tell when, and for how long."),
    string(write("setex", 4, "key seconds value", set::setex), DENYOOM, OW_UPDATE, "2.0.0", "O(1)",
        "Sets a key to a string with a time to live in seconds."),
    string(write("setnx", 3, "key value", set::setnx), DENYOOM_FAST, OW_INSERT, "1.0.0", "O(1)",
        "Sets a key to a string if the key is not there."),
    string(write("setrange", 4, "key offset value", setrange), DENYOOM, RW_UPDATE, "2.2.0", "O(1)",
        "Overwrites a part of the string at a key."),
    string(read("strlen", 2, "key", strlen), FAST, RO_KEY, "2.2.0", "O(1)",
        "Returns the length of the string at a key in bytes."),
    string(read("substr", 4, "key start end", getrange), Flags::empty(), RO_ACCESS, "1.0.0", "O(N)",
        "Returns a part of the string at a key; the old name of GETRANGE."),
];

/// Writes a string as a bulk reply; a large one is shared, not copied.
#[inline]
pub(super) fn bulk(out: &mut Reply<'_>, s: StrRef<'_>) {
    match s {
        StrRef::Int(n) => out.bulk_int(n),
        StrRef::Inline(b) => out.bulk(b),
        StrRef::Shared(b) => out.shared(b.clone()),
    }
}

/// Calls `f` with the text of a string. O(1).
pub(super) fn with_text<R>(s: StrRef<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
    match s {
        StrRef::Int(n) => f(itoa::Buffer::new().format(n).as_bytes()),
        StrRef::Inline(b) => f(b),
        StrRef::Shared(b) => f(b),
    }
}

/// Calls `f` with the text of what a look-up found. A large text is shared and the shards are unlocked first, so that
/// a long scan of it holds nobody up; no key may be touched afterwards.
pub(super) fn with_text_unlocked<R>(
    tx: &mut ReadTx<'_>,
    key: Key<'_>,
    f: impl FnOnce(Option<&[u8]>) -> R,
) -> Result<R> {
    let large = match tx.string(key)? {
        None => return Ok(f(None)),
        Some(StrRef::Shared(b)) => b.clone(),
        Some(s) => return Ok(with_text(s, |text| f(Some(text)))),
    };
    tx.release_early();
    Ok(f(Some(&large)))
}

/// A copy of the text of a string; a large one is shared. O(1).
pub(super) fn to_bytes(s: StrRef<'_>) -> Bytes {
    match s {
        StrRef::Shared(b) => b.clone(),
        s => with_text(s, Bytes::copy_from_slice),
    }
}

/// The length of a string in bytes. O(1).
fn len(s: StrRef<'_>) -> usize {
    with_text(s, <[u8]>::len)
}

/// The form in which a string is stored: an integer where its text is one.
#[inline]
fn encoded(value: NewStr<'_>) -> NewStr<'_> {
    if let NewStr::Slice(text) = value
        && let Encoded::Int(n) = types::encode(text)
    {
        return NewStr::Int(n);
    }
    value
}

/// Whether a string is `text`. An integer is compared as its text, which is canonical.
fn equals(s: StrRef<'_>, text: &[u8]) -> bool {
    match s {
        StrRef::Int(n) => types::encode(text) == Encoded::Int(n),
        StrRef::Inline(b) => b == text,
        StrRef::Shared(b) => b == text,
    }
}

/// The sum of two lengths, if a string may be so long.
fn checked_len(args: &Args<'_>, a: u64, b: usize) -> Result<u64> {
    let max = args.settings().string_max();
    let too_long = Error::Text("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    types::checked_len(a, b as u64, max).map_err(|_| too_long)
}

fn get(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    match tx.string(key)? {
        Some(s) => bulk(out, s),
        None => out.null(),
    }
    Ok(())
}

/// A key of another type is null, like a missing one.
fn mget(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.left());
    while !args.is_empty() {
        let key = args.key();
        match tx.string(key) {
            Ok(Some(s)) => bulk(out, s),
            _ => out.null(),
        }
    }
    Ok(())
}

fn strlen(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let len = tx.string(key)?.map_or(0, len);
    out.int(len as i64);
    Ok(())
}

fn getrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (start, end) = (args.int(), args.int());
    args.end()?;
    match tx.string(key)? {
        None => out.bulk(b""),
        Some(StrRef::Shared(b)) => out.shared(b.slice_ref(types::getrange(b, start, end))),
        Some(s) => with_text(s, |text| out.bulk(types::getrange(text, start, end))),
    }
    Ok(())
}

fn getdel(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    match tx.string(key)? {
        Some(s) => bulk(out, s),
        None => {
            out.null();
            return Ok(());
        }
    }
    delete(tx, args, key);
    Ok(())
}

fn delifeq(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, value) = (args.key(), args.bytes());
    let equal = tx.string_for_update(key)?.is_some_and(|s| equals(s, value));
    if equal {
        delete(tx, args, key);
    }
    out.int(i64::from(equal));
    Ok(())
}

/// Deletes a key that is there.
fn delete(tx: &mut WriteTx<'_>, args: &Args<'_>, key: Key<'_>) {
    tx.remove(key, args.settings().lazyfree_lazy_user_del);
    tx.dirty(1);
    tx.event(Class::Generic, "del", key.bytes);
    tx.rewrite(&[b"DEL", key.bytes]);
}

fn append(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, value) = (args.key(), args.value());
    let added = args.view().get(2).unwrap_or_default();
    let total = match tx.string_for_update(key)?.map(len) {
        None => {
            tx.set(key, encoded(value), Expiry::Clear);
            added.len() as u64
        }
        Some(old) => {
            let total = checked_len(args, old as u64, added.len())?;
            tx.edit_text(key, |text| text.extend_from_slice(added))?;
            total
        }
    };
    tx.dirty(1);
    tx.event(Class::String, "append", key.bytes);
    out.int(total as i64);
    Ok(())
}

fn setrange(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, offset, patch) = (args.key(), args.int(), args.bytes());
    args.end()?;
    let offset = u64::try_from(offset).map_err(|_| Error::Text("ERR offset is out of range"))?;
    let old = tx.string_for_update(key)?.map_or(0, len);
    if patch.is_empty() {
        out.int(old as i64);
        return Ok(());
    }
    checked_len(args, offset, patch.len())?;
    let len = tx.edit_text(key, |text| {
        types::setrange(text, offset as usize, patch);
        text.len()
    })?;
    tx.dirty(1);
    tx.event(Class::String, "setrange", key.bytes);
    out.int(len as i64);
    Ok(())
}
