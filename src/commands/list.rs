//! The list commands: their rows, and the handlers that push, pop, read and change one list.
//!
//! Owns the table of the family and how an element becomes a reply: straight from the list's block, no copy between.
//! What takes elements from several keys or moves them between two is in [`moves`], with the commands that wait; LPOS
//! in [`position`]. Must not know how a list is stored; when it changes its encoding is [`crate::types::list`]'s.

mod moves;
mod position;

use super::shapes::*;
use super::*;
use crate::base::num::parse_i64;
use crate::store::{Class, Edit, Key, Lent};
use crate::types::Collection;
use crate::types::list::{End, List, ListLimits, Side};
use crate::types::packed::{Item, Packed};

const MOVED: &[KeySpec] = &[KeySpec::one(1, POPPED), KeySpec::one(2, INSERTED)];

const MPOP_SYNTAX: &str = "numkeys key [key ...] <LEFT|RIGHT> [COUNT count]";
const BLMPOP_SYNTAX: &str = "timeout numkeys key [key ...] <LEFT|RIGHT> [COUNT count]";

/// The rest of a row of this family.
const fn list(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::LIST).doc(Group::List, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    list(block("blmove", 6, "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout", moves::blmove), DENYOOM, MOVED,
        "6.2.0", "O(1)", "Moves an element from one list to another; waits for one if the list is empty."),
    list(block("blmpop", -5, BLMPOP_SYNTAX, moves::blmpop), MOVABLE, POP_COUNTED_LATER, "7.0.0", "O(N+M)",
        "Takes elements from the first of several lists that is not empty; waits for one if all are."),
    list(block("blpop", -3, "key [key ...] timeout", moves::blpop), NONE, POP_FIRST, "2.0.0", "O(N)",
        "Takes the head of the first of several lists that is not empty; waits for one if all are."),
    list(block("brpop", -3, "key [key ...] timeout", moves::brpop), NONE, POP_FIRST, "2.0.0", "O(N)",
        "Takes the tail of the first of several lists that is not empty; waits for one if all are."),
    list(block("brpoplpush", 4, "source destination timeout", moves::brpoplpush), DENYOOM, MOVED, "2.2.0", "O(1)",
        "Moves the tail of a list to the head of another; waits for one if the list is empty."),
    list(read("lindex", 3, "key index", lindex), NONE, RO_ACCESS, "1.0.0", "O(N)",
        "Returns the element at an index of a list."),
    list(write("linsert", 5, "key <BEFORE|AFTER> pivot element", linsert), DENYOOM, RW_INSERT, "2.2.0", "O(N)",
        "Puts an element beside another one of a list."),
    list(read("llen", 2, "key", llen), FAST, RO_KEY, "1.0.0", "O(1)",
        "Returns the length of a list."),
    list(write("lmove", 5, "source destination <LEFT|RIGHT> <LEFT|RIGHT>", moves::lmove), DENYOOM, MOVED,
        "6.2.0", "O(1)", "Moves an element from an end of a list to an end of another and returns it."),
    list(write("lmpop", -4, MPOP_SYNTAX, moves::lmpop), MOVABLE, POP_COUNTED, "7.0.0", "O(N+M)",
        "Takes elements from the first of several lists that is not empty."),
    list(write("lpop", -2, "key [count]", lpop), FAST, RW_ACCESS_DELETE, "1.0.0", "O(N)",
        "Takes elements from the head of a list."),
    list(read("lpos", -3, "key element [RANK rank] [COUNT num-matches] [MAXLEN len]", position::lpos), NONE, RO_ACCESS,
        "6.0.6", "O(N)", "Returns the index of an element of a list."),
    list(write("lpush", -3, "key element [element ...]", lpush), DENYOOM_FAST, RW_INSERT, "1.0.0", "O(1)",
        "Adds elements to the head of a list, which comes to be if it is missing."),
    list(write("lpushx", -3, "key element [element ...]", lpushx), DENYOOM_FAST, RW_INSERT, "2.2.0", "O(1)",
        "Adds elements to the head of a list that is there."),
    list(read("lrange", 4, "key start stop", lrange), NONE, RO_ACCESS, "1.0.0", "O(S+N)",
        "Returns the elements of a list from one index to another."),
    list(write("lrem", 4, "key count element", lrem), NONE, RW_DELETE, "1.0.0", "O(N+M)",
        "Removes elements that are equal to a given one from a list."),
    list(write("lset", 4, "key index element", lset), DENYOOM, RW_UPDATE, "1.0.0", "O(N)",
        "Replaces the element at an index of a list."),
    list(write("ltrim", 4, "key start stop", ltrim), NONE, RW_DELETE, "1.0.0", "O(N)",
        "Keeps the elements of a list from one index to another and removes all others."),
    list(write("rpop", -2, "key [count]", rpop), FAST, RW_ACCESS_DELETE, "1.0.0", "O(N)",
        "Takes elements from the tail of a list."),
    list(write("rpoplpush", 3, "source destination", moves::rpoplpush), DENYOOM, MOVED, "1.2.0", "O(1)",
        "Moves the tail of a list to the head of another and returns it."),
    list(write("rpush", -3, "key element [element ...]", rpush), DENYOOM_FAST, RW_INSERT, "1.0.0", "O(1)",
        "Adds elements to the tail of a list, which comes to be if it is missing."),
    list(write("rpushx", -3, "key element [element ...]", rpushx), DENYOOM_FAST, RW_INSERT, "2.2.0", "O(1)",
        "Adds elements to the tail of a list that is there."),
];

/// The limits of a list's blocks in force.
#[inline]
pub(super) fn limits(args: &Args<'_>) -> ListLimits {
    let settings = args.settings();
    let compress_depth = u16::try_from(settings.list_compress_depth).unwrap_or(u16::MAX);
    ListLimits { max_listpack_size: settings.list_max_listpack_size, compress_depth }
}

/// The next argument as an element of a list.
#[inline]
fn element<'a>(args: &mut Args<'a>) -> &'a [u8] {
    let text = args.bytes();
    if text.len() > Packed::TEXT_MAX {
        args.fail(TOO_LONG);
    }
    text
}

const TOO_LONG: Error = Error::Text("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

/// The event of a push to an end.
const fn pushed(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of a pop from an end, and the command that it is journalled as.
const fn popped(end: End) -> (&'static str, &'static [u8]) {
    match end {
        End::Front => ("lpop", b"LPOP"),
        End::Back => ("rpop", b"RPOP"),
    }
}

/// Writes an element.
#[inline]
pub(super) fn bulk(out: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Str(text) => out.bulk(text),
        Item::Int(n) => out.bulk_int(n),
    }
}

fn lpush(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(tx, args, out, End::Front, true)
}

fn rpush(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(tx, args, out, End::Back, true)
}

fn lpushx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(tx, args, out, End::Front, false)
}

fn rpushx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(tx, args, out, End::Back, false)
}

/// Adds the rest of the arguments at an end; `create`: also where there is no list.
#[inline]
fn push(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, end: End, create: bool) -> Result {
    let (key, limits, count) = (args.key(), limits(args), args.left());
    let first = element(args);
    let view = args.view();
    while !args.is_empty() {
        element(args);
    }
    args.check()?;
    let add = |list: &mut List| {
        match count {
            1 => list.push(end, first, limits),
            _ => list.push_all(end, (2..view.len()).map(|i| view.get(i).unwrap_or_default()), limits),
        }
        Edit::new(list.len(), count as u64, Class::List, pushed(end))
    };
    let len = if create { tx.upsert(key, add)? } else { tx.edit(key, add)?.unwrap_or(0) };
    out.int(len as i64);
    Ok(())
}

fn lpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(tx, args, out, End::Front)
}

fn rpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(tx, args, out, End::Back)
}

#[inline]
fn pop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, end: End) -> Result {
    let key = args.key();
    if args.is_empty() {
        let one = tx.edit(key, |list: &mut List| {
            list.pop_with(end, 1, |item| bulk(out, item));
            Edit::new((), 1, Class::List, popped(end).0)
        })?;
        if one.is_none() {
            out.null();
        }
        return Ok(());
    }
    pop_several(tx, args, key, out, end)
}

fn pop_several(tx: &mut WriteTx<'_>, args: &mut Args<'_>, key: Key<'_>, out: &mut Reply<'_>, end: End) -> Result {
    let count = parse_i64(args.bytes()).and_then(|n| usize::try_from(n).ok());
    if !args.is_empty() {
        let name = popped(end).0;
        return Err(Error::Owned(format!("ERR wrong number of arguments for '{name}' command")));
    }
    let count = count.ok_or(Error::Text("ERR value is out of range, must be positive"))?;
    let some = tx.edit(key, |list: &mut List| pop_into(list, end, count, out))?;
    if some.is_none() {
        out.null_array();
    }
    Ok(())
}

/// Takes up to `count` elements and writes them as an array; gives back how many they were.
fn pop_into(list: &mut List, end: End, count: usize, out: &mut Reply<'_>) -> Edit<usize> {
    let count = count.min(list.len());
    out.array(count);
    list.pop_with(end, count, |item| bulk(out, item));
    Edit::new(count, count as u64, Class::List, popped(end).0)
}

fn llen(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(tx.read::<List>(args.key())?.map_or(0, |list| list.len()) as i64);
    Ok(())
}

fn lrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, start, stop) = (args.key(), args.int(), args.int());
    args.check()?;
    match tx.read::<List>(key)? {
        Some(list) => {
            out.array(list.bounds(start, stop).len());
            list.range(start, stop, |item| bulk(out, item));
        }
        None => out.array(0),
    }
    Ok(())
}

/// The index is read once there is a list: a missing key is null whatever the index.
fn lindex(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, index) = (args.key(), args.bytes());
    let found = match tx.read::<List>(key)? {
        Some(list) => {
            let index = parse_i64(index).ok_or(Error::NotInteger)?;
            list.get(index, |item| bulk(out, item))
        }
        None => None,
    };
    if found.is_none() {
        out.null();
    }
    Ok(())
}

fn lset(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, index, text, limits) = (args.key(), args.bytes(), element(args), limits(args));
    args.check()?;
    if tx.for_update::<List>(key)?.is_none() {
        return Err(Error::NoSuchKey);
    }
    let index = parse_i64(index).ok_or(Error::NotInteger)?;
    let set = tx.edit(key, |list: &mut List| match list.set(index, text, limits) {
        true => Edit::new(true, 1, Class::List, "lset"),
        false => Edit::unchanged(false),
    })?;
    if set != Some(true) {
        return Err(Error::Text("ERR index out of range"));
    }
    out.ok();
    Ok(())
}

fn linsert(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let side = [Side::Before, Side::After][args.one_of(&["before", "after"])];
    let (pivot, text, limits) = (args.bytes(), element(args), limits(args));
    args.check()?;
    let len = tx.edit(key, |list: &mut List| match list.insert(side, pivot, text, limits) {
        Some(()) => Edit::new(list.len() as i64, 1, Class::List, "linsert"),
        None => Edit::unchanged(-1),
    })?;
    out.int(len.unwrap_or(0));
    Ok(())
}

fn lrem(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, count, text) = (args.key(), args.int(), args.bytes());
    args.check()?;
    let removed = tx.edit(key, |list: &mut List| {
        let removed = list.remove(count, text);
        Edit::new(removed, removed as u64, Class::List, "lrem")
    })?;
    out.int(removed.unwrap_or(0) as i64);
    Ok(())
}

/// As in Redis a list counts as changed, though not as dirty, also where nothing was to be removed.
fn ltrim(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, start, stop) = (args.key(), args.int(), args.int());
    args.check()?;
    let goes = |list: Lent<'_, List>| list.bounds(start, stop).is_empty().then(|| list.len());
    if let Some(len) = tx.for_update::<List>(key)?.and_then(goes) {
        // The list goes as a whole, and is not freed with its shard held.
        tx.replace_by_nothing(key);
        tx.event(Class::List, "ltrim", key.bytes);
        tx.event(Class::Generic, "del", key.bytes);
        tx.dirty(len as u64);
        out.ok();
        return Ok(());
    }
    tx.edit(key, |list: &mut List| {
        let before = list.len();
        list.trim(start, stop);
        Edit::new((), 1, Class::List, "ltrim").counted((before - list.len()) as u64)
    })?;
    out.ok();
    Ok(())
}
