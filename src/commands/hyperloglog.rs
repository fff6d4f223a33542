//! The HyperLogLog commands: strings that count different elements.
//!
//! Owns their rows, their errors, and what counts as a change; bytes and estimates are [`crate::types::hyperloglog`]'s.
//! Must not know how a string is stored. PFCOUNT of one key reads for the client and may write for itself (the count it
//! remembers in the string), so its row says `readonly` and its handler gets a [`WriteTx`].

use super::string::with_text;
use super::*;
use crate::spec::KeyFlags;
use crate::store::{Class, Key, StrRef};
use crate::types::hyperloglog::{self as types, Corrupt, Encoding, Registers};

const RO_ACCESS: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const RW_ACCESS: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS);
const ADD: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))];
const COUNT: &[KeySpec] = &[KeySpec::range(1, -1, 1, RW_ACCESS)];
const DEBUG: &[KeySpec] = &[KeySpec::one(2, RW_ACCESS)];
const MERGE: &[KeySpec] = &[KeySpec::one(1, RW_ACCESS.union(KeyFlags::INSERT)), KeySpec::range(2, -1, 1, RO_ACCESS)];

/// The rest of a row of this family.
const fn hll(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::HYPERLOGLOG).doc(Group::HyperLogLog, since, complexity, summary)
}

/// A row that reads for the client, whose handler may change how the answer is stored.
const fn read_through(name: &'static str, arity: i16, syntax: &'static str, f: WriteFn) -> Row {
    let mut row = write(name, arity, syntax, f);
    row.spec.flags = Flags::READONLY.union(Flags::MAY_REPLICATE);
    row
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    hll(write("pfadd", -2, "key [element [element ...]]", pfadd), Flags::DENYOOM.union(Flags::FAST), ADD, "2.8.9", "O(1)",
        "Shows elements to a HyperLogLog, which comes to be if it is missing."),
    hll(read_through("pfcount", -2, "key [key ...]", pfcount), Flags::empty(), COUNT, "2.8.9", "O(1)",
        "Estimates how many different elements one or several HyperLogLogs together were shown."),
    hll(write("pfdebug", 3, "subcommand key", pfdebug), Flags::DENYOOM.union(Flags::ADMIN), DEBUG, "2.8.9", "",
        "Shows the inside of a HyperLogLog: GETREG, DECODE, ENCODING; or makes it dense: TODENSE."),
    hll(write("pfmerge", -2, "destkey [sourcekey [sourcekey ...]]", pfmerge), Flags::DENYOOM, MERGE, "2.8.9", "O(N)",
        "Makes a HyperLogLog the union of itself and others."),
    hll(admin("pfselftest", 1, "", pfselftest), Flags::ADMIN, &[], "2.8.9", "",
        "Tests registers, encodings and estimates of HyperLogLogs."),
];

const NOT_HLL: Error = Error::Text("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Self {
        Error::Text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// Calls `f` with the text of a string that must be a HyperLogLog.
fn with_hll<R>(s: StrRef<'_>, f: impl FnOnce(&[u8], Encoding) -> R) -> Result<R> {
    with_text(s, |text| types::encoding(text).map(|encoding| f(text, encoding))).ok_or(NOT_HLL)
}

fn sparse_max(args: &Args<'_>) -> u64 {
    args.settings().hll_sparse_max_bytes
}

/// Elements before one that meets a corrupt run stay added, and so count as changes, beside the error.
fn pfadd(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let present = match tx.string_for_update(key)? {
        Some(s) => with_hll(s, |_, _| true)?,
        None => false,
    };
    let sparse_max = sparse_max(args);
    let (changes, result) = tx.edit_text_if(key, |text| {
        if !present {
            types::create(text);
        }
        let (mut changes, mut result) = (u64::from(!present), Ok(()));
        while let Some(element) = args.next() {
            match types::add(text, element, sparse_max) {
                Ok(raised) => changes += u64::from(raised),
                Err(corrupt) => {
                    result = Err(corrupt);
                    break;
                }
            }
        }
        if changes > 0 {
            types::invalidate(text);
        }
        ((changes, result), changes > 0)
    })?;
    if changes > 0 {
        tx.dirty(changes);
        tx.event(Class::String, "pfadd", key.bytes);
    }
    result?;
    out.int((changes > 0).into());
    Ok(())
}

/// The arguments that are left, as keys.
fn keys<'a>(args: &mut Args<'a>) -> Vec<Key<'a>> {
    (0..args.left()).map(|_| args.key()).collect()
}

fn pfcount(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let count = match args.left() {
        1 => count_one(tx, args.key())?,
        _ => union(tx, &keys(args))?.0.count(),
    };
    out.int(count.cast_signed());
    Ok(())
}

/// A count that had to be computed is remembered, which is a change of the string.
fn count_one(tx: &mut WriteTx<'_>, key: Key<'_>) -> Result<u64> {
    let Some(s) = tx.string(key)? else { return Ok(0) };
    let (count, known) = with_hll(s, |text, _| match types::cached(text) {
        Some(count) => Ok((count, true)),
        None => types::count(text).map(|count| (count, false)),
    })??;
    if !known {
        tx.edit_text(key, |text| types::cache(text, count))?;
        tx.dirty(1);
    }
    Ok(count)
}

/// The union of the HyperLogLogs at these keys, and whether one of them is dense.
fn union(tx: &mut WriteTx<'_>, keys: &[Key<'_>]) -> Result<(Registers, bool)> {
    let (mut union, mut dense) = (Registers::default(), false);
    for key in keys {
        if let Some(s) = tx.string(*key)? {
            dense |= with_hll(s, |text, encoding| union.merge(text).map(|()| encoding == Encoding::Dense))??;
        }
    }
    Ok((union, dense))
}

fn pfmerge(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (sparse_max, keys) = (sparse_max(args), keys(args));
    let (target, (union, dense)) = (keys[0], union(tx, &keys)?);
    tx.edit_text(target, |text| {
        if text.is_empty() {
            types::create(text);
        }
        let raised = types::raise_all(text, &union, dense, sparse_max);
        types::invalidate(text);
        raised
    })??;
    tx.event(Class::String, "pfadd", target.bytes);
    tx.dirty(1);
    out.ok();
    Ok(())
}

fn pfdebug(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (sub, key) = (args.bytes(), args.key());
    let Some(s) = tx.string_for_update(key)? else {
        return Err(Error::Text("ERR The specified key does not exist"));
    };
    let encoding = with_hll(s, |_, encoding| encoding)?;
    match sub.to_ascii_lowercase().as_slice() {
        b"encoding" => out.simple(encoding.name()),
        b"todense" => {
            let changed = to_dense(tx, key)?;
            out.int(changed.into());
        }
        b"decode" if encoding == Encoding::Dense => return Err(Error::Text("ERR HLL encoding is not sparse")),
        b"decode" => {
            let runs = with_text(s, types::decode)?;
            out.bulk(runs.as_bytes());
        }
        b"getreg" => {
            let mut registers = Registers::default();
            with_text(s, |text| registers.merge(text))?;
            to_dense(tx, key)?;
            out.array(registers.values().len());
            registers.values().iter().for_each(|value| out.int((*value).into()));
        }
        _ => {
            let sub = String::from_utf8_lossy(&sub[..sub.len().min(128)]);
            return Err(Error::Owned(format!("ERR Unknown PFDEBUG subcommand '{sub}'")));
        }
    }
    Ok(())
}

/// Makes a HyperLogLog dense; returns whether it was sparse. That is no change to WATCH, but one to the journal.
fn to_dense(tx: &mut WriteTx<'_>, key: Key<'_>) -> Result<bool> {
    let changed = tx.edit_text_if(key, |text| (types::to_dense(text), false))??;
    tx.dirty(changed.into());
    Ok(changed)
}

/// Touches no key, so it holds up no more than its own worker.
fn pfselftest(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    types::self_test().map_err(|fault| Error::Owned(format!("TESTFAILED {fault}")))?;
    out.ok();
    Ok(())
}
