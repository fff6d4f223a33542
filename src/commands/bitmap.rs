//! The bitmap commands: strings seen as bits and as arrays of integers.
//!
//! Owns their rows, the limits on offsets, and the replies; what the operations mean is [`crate::types::bitmap`]'s and
//! [`crate::types::bitfield`]'s. Must not know how a string is stored. Long scans of large strings run on a shared
//! reference after the shards are unlocked.

use super::string::{to_bytes, with_text, with_text_unlocked};
use super::*;
use crate::base::num::parse_i64;
use crate::spec::KeyFlags;
use crate::store::{Class, Expiry, Key, NewStr};
use crate::types::bitfield::{Action, FieldOp, FieldType, Overflow};
use crate::types::bitmap::{self as types, BitOp, Unit};
use bytes::{Bytes, BytesMut};

const RO: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const RO_ACCESS: &[KeySpec] = &[KeySpec::one(1, RO)];
const RW_ACCESS_UPDATE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))];
const RW_BITFIELD: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE).union(KeyFlags::ACCESS).union(KeyFlags::VARIABLE_FLAGS))];
const BITOP: &[KeySpec] = &[KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE)), KeySpec::range(3, -1, 1, RO)];

const BITFIELD_SYNTAX: &str = "key [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] \
     <SET encoding offset value|INCRBY encoding offset increment> [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] \
     <SET encoding offset value|INCRBY encoding offset increment> ...]]";
const BITFIELD_RO_SYNTAX: &str = "key [GET encoding offset [GET encoding offset ...]]";
const BITOP_SYNTAX: &str = "<AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey key [key ...]";

/// The rest of a row of this family.
const fn bits(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::BITMAP).doc(Group::Bitmap, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    bits(read("bitcount", -2, "key [start end [BYTE|BIT]]", bitcount), Flags::empty(), RO_ACCESS, "2.6.0", "O(N)",
        "Counts the bits that are set in a string."),
    bits(write("bitfield", -2, BITFIELD_SYNTAX, bitfield), Flags::DENYOOM, RW_BITFIELD, "3.2.0", "O(1)",
        "Reads and changes integers of any width in a string."),
    bits(read("bitfield_ro", -2, BITFIELD_RO_SYNTAX, bitfield_ro), Flags::FAST, RO_ACCESS, "6.0.0", "O(1)",
        "Reads integers of any width in a string."),
    bits(write("bitop", -4, BITOP_SYNTAX, bitop), Flags::DENYOOM, BITOP, "2.6.0", "O(N)",
        "Combines strings bit by bit and stores the result."),
    bits(read("bitpos", -3, "key bit [start [end [BYTE|BIT]]]", bitpos), Flags::empty(), RO_ACCESS, "2.8.7", "O(N)",
        "Finds the first bit that is set, or clear, in a string."),
    bits(read("getbit", 3, "key offset", getbit), Flags::FAST, RO_ACCESS, "2.2.0", "O(1)",
        "Returns a bit of a string."),
    bits(write("setbit", 4, "key offset value", setbit), Flags::DENYOOM, RW_ACCESS_UPDATE, "2.2.0", "O(1)",
        "Sets or clears a bit of a string and returns the one before."),
];

const BAD_OFFSET: Error = Error::Text("ERR bit offset is not an integer or out of range");

/// The next argument as the offset of a bit that a string can have.
fn bit_offset(args: &mut Args<'_>) -> Result<u64> {
    let offset = args.int_or(BAD_OFFSET);
    args.check()?;
    u64::try_from(offset).ok().filter(|n| n / 8 < args.settings().string_max()).ok_or(BAD_OFFSET)
}

/// The next argument as `BYTE` or `BIT`; bytes if there is none.
fn unit(args: &mut Args<'_>) -> Result<Unit> {
    match args.next() {
        None => Ok(Unit::Byte),
        Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Ok(Unit::Byte),
        Some(word) if word.eq_ignore_ascii_case(b"BIT") => Ok(Unit::Bit),
        Some(_) => Err(Error::Syntax),
    }
}

fn getbit(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, offset) = (args.key(), bit_offset(args)?);
    let bit = tx.string(key)?.is_some_and(|s| with_text(s, |text| types::getbit(text, offset)));
    out.int(i64::from(bit));
    Ok(())
}

/// A bit that has the value already is no change, unless the string had to grow to have it.
fn setbit(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, offset) = (args.key(), bit_offset(args)?);
    let bit = match args.bytes() {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::Text("ERR bit is not an integer or out of range")),
    };
    tx.string_for_update(key)?;
    let (old, changed) = tx.edit_text_if(key, |text| {
        let len = text.len();
        let old = types::setbit(text, offset, bit);
        let changed = old != bit || text.len() != len;
        ((old, changed), changed)
    })?;
    if changed {
        tx.dirty(1);
        tx.event(Class::String, "setbit", key.bytes);
    }
    out.int(i64::from(old));
    Ok(())
}

/// The key is looked up before the range is read: a missing one is 0 whatever follows.
fn bitcount(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = match args.left() {
        0 => None,
        2 | 3 => {
            let (start, end) = (args.int(), args.int());
            args.check()?;
            Some((start, end, unit(args)?))
        }
        _ => return Err(Error::Syntax),
    };
    let count = with_text_unlocked(tx, key, |text| match (text, range) {
        (None, _) => 0,
        (Some(text), None) => types::bitcount(text),
        (Some(text), Some((start, end, unit))) => {
            let range = types::bitcount_range(start, end, unit, text.len());
            range.map_or(0, |range| types::bitcount_in(text, range))
        }
    })?;
    out.int(count.cast_signed());
    Ok(())
}

fn bitpos(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, bit) = (args.key(), args.int());
    args.check()?;
    if !matches!(bit, 0 | 1) {
        return Err(Error::Text("ERR The bit argument must be 1 or 0."));
    }
    let bit = bit == 1;
    if args.left() > 3 {
        return Err(Error::Syntax);
    }
    let (start, end, unit) = bitpos_range(args)?;
    let at = with_text_unlocked(tx, key, |text| types::bitpos(text, bit, start, end, unit))?;
    out.int(at);
    Ok(())
}

/// `[start [end [BYTE|BIT]]]`, the unit looked at before the end.
fn bitpos_range(args: &mut Args<'_>) -> Result<(i64, Option<i64>, Unit)> {
    let start = if args.is_empty() { 0 } else { args.int() };
    args.check()?;
    let end = args.next();
    let unit = unit(args)?;
    let end = end.map(|text| args.parse_int(text));
    args.end()?;
    Ok((start, end, unit))
}

const BITOPS: &[(&str, BitOp)] = &[
    ("AND", BitOp::And),
    ("OR", BitOp::Or),
    ("XOR", BitOp::Xor),
    ("NOT", BitOp::Not),
    ("DIFF", BitOp::Diff),
    ("DIFF1", BitOp::Diff1),
    ("ANDOR", BitOp::AndOr),
    ("ONE", BitOp::One),
];

/// Reads the operation and checks the number of sources.
fn bitop_kind(args: &mut Args<'_>) -> Result<BitOp> {
    let word = args.bytes();
    let known = BITOPS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    let &(name, op) = known.ok_or(Error::Syntax)?;
    let sources = args.left() - 1;
    match op {
        BitOp::Not if sources != 1 => Err(Error::Text("ERR BITOP NOT must be called with a single source key.")),
        BitOp::Diff | BitOp::Diff1 | BitOp::AndOr if sources < 2 => {
            Err(Error::Owned(format!("ERR BITOP {name} must be called with at least two source keys.")))
        }
        _ => Ok(op),
    }
}

fn bitop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let op = bitop_kind(args)?;
    let target = args.key();
    let mut sources: Vec<Bytes> = Vec::with_capacity(args.left());
    while !args.is_empty() {
        let key = args.key();
        sources.push(tx.string(key)?.map(to_bytes).unwrap_or_default());
    }
    let result = types::bitop(op, &sources.iter().map(|s| &s[..]).collect::<Vec<_>>());
    drop(sources);
    let len = result.len();
    if len > 0 {
        tx.set(target, NewStr::Shared(result.into()), Expiry::Clear);
        // The result of an operation on bits is no text to begin with: its encoding is `raw`.
        tx.edit_text_if(target, |_| ((), false))?;
        tx.event(Class::String, "set", target.bytes);
        tx.dirty(1);
    } else if tx.replace_by_nothing(target) {
        tx.event(Class::Generic, "del", target.bytes);
        tx.dirty(1);
    }
    out.int(len as i64);
    Ok(())
}

/// Reads the operations of BITFIELD to the end of the arguments.
fn field_ops(args: &mut Args<'_>) -> Result<Vec<FieldOp>> {
    let mut ops = Vec::with_capacity(args.left() / 3);
    let mut overflow = Overflow::Wrap;
    while let Some(word) = args.next() {
        let is = |name: &str, arguments| word.eq_ignore_ascii_case(name.as_bytes()) && args.left() >= arguments;
        let (get, set, incrby) = (is("GET", 2), is("SET", 3), is("INCRBY", 3));
        if is("OVERFLOW", 1) {
            overflow = overflow_kind(args.bytes())?;
            continue;
        }
        if !get && !set && !incrby {
            return Err(Error::Syntax);
        }
        let field = FieldType::parse(args.bytes()).ok_or(Error::Text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let offset = field.parse_offset(args.bytes(), args.settings().string_max()).ok_or(BAD_OFFSET)?;
        let action = if get {
            Action::Get
        } else {
            let value = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
            if set { Action::Set(value, overflow) } else { Action::IncrBy(value, overflow) }
        };
        ops.push(FieldOp { field, offset, action });
    }
    Ok(ops)
}

fn overflow_kind(word: &[u8]) -> Result<Overflow> {
    let kinds = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Sat), ("FAIL", Overflow::Fail)];
    let found = kinds.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, kind)| *kind).ok_or(Error::Text("ERR Invalid OVERFLOW type specified"))
}

fn only_reads(ops: &[FieldOp]) -> bool {
    ops.iter().all(|op| op.action == Action::Get)
}

fn bitfield(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let ops = field_ops(args)?;
    if only_reads(&ops) {
        return read_fields(tx, key, &ops, out);
    }
    tx.string_for_update(key)?;
    out.array(ops.len());
    let changes = tx.edit_text_if(key, |text| {
        let changes = apply(text, &ops, out);
        (changes, changes > 0)
    })?;
    if changes > 0 {
        tx.dirty(changes);
        tx.event(Class::String, "setbit", key.bytes);
    }
    Ok(())
}

/// Executes the operations, writes their replies, returns how many of them changed the string. Growing counts, also for
/// an operation that fails after it: a replay must grow the string too.
fn apply(text: &mut BytesMut, ops: &[FieldOp], out: &mut Reply<'_>) -> u64 {
    let mut changes = 0;
    for op in ops {
        let (len, old) = (text.len(), op.get(text));
        match op.apply(text) {
            Some(n) => out.int(n),
            None => out.null(),
        }
        changes += u64::from(text.len() != len || op.get(text) != old);
    }
    changes
}

fn bitfield_ro(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let ops = field_ops(args)?;
    if !only_reads(&ops) {
        return Err(Error::Text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read_fields(tx, key, &ops, out)
}

fn read_fields(tx: &mut ReadTx<'_>, key: Key<'_>, ops: &[FieldOp], out: &mut Reply<'_>) -> Result {
    let mut reply = |text: &[u8]| {
        out.array(ops.len());
        ops.iter().for_each(|op| out.int(op.get(text)));
    };
    match tx.string(key)? {
        Some(s) => with_text(s, reply),
        None => reply(b""),
    }
    Ok(())
}
