//! The set commands: their rows, and the handlers that add, remove, move and ask for members.
//!
//! Owns the table of the family and what its parts share. Random picks and SSCAN are in [`pick`], intersection, union
//! and difference in [`algebra`]. Must not know how a set is stored; that is [`crate::types::set`]'s.

mod algebra;
mod pick;

use super::shapes::*;
use super::*;
use crate::config::Settings;
use crate::spec::KeyFlags;
use crate::store::{Class, Edit, Key};
use crate::types::Collection;
use crate::types::packed::{Item, ItemText};
use crate::types::set::{Set, SetLimits};

const STORE_ALL: &[KeySpec] = &[STORED, KeySpec::range(2, -1, 1, RO.union(ACCESS))];
const MOVE: &[KeySpec] =
    &[KeySpec::one(1, RW.union(ACCESS).union(KeyFlags::DELETE)), KeySpec::one(2, RW.union(KeyFlags::INSERT))];

/// The rest of a row of this family.
const fn set(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::SET).doc(Group::Set, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    set(write("sadd", -3, "key member [member ...]", sadd), DENYOOM.union(FAST), RW_INSERT, "1.0.0", "O(1)",
        "Adds members to a set, which comes to be if it is missing."),
    set(read("scard", 2, "key", scard), FAST, RO_KEY, "1.0.0", "O(1)",
        "Returns the number of members of a set."),
    set(read("sdiff", -2, "key [key ...]", algebra::sdiff), NONE, RO_ALL, "1.0.0", "O(N)",
        "Returns the members of the first set that no other has.").tips(ANY_ORDER),
    set(write("sdiffstore", -3, "destination key [key ...]", algebra::sdiffstore), DENYOOM, STORE_ALL, "1.0.0", "O(N)",
        "Stores the members of the first set that no other has."),
    set(read("sinter", -2, "key [key ...]", algebra::sinter), NONE, RO_ALL, "1.0.0", "O(N*M)",
        "Returns the members that all sets have.").tips(ANY_ORDER),
    set(read("sintercard", -3, "numkeys key [key ...] [LIMIT limit]", algebra::sintercard), Flags::MOVABLEKEYS, RO_COUNTED, "7.0.0",
        "O(N*M)", "Returns the number of members that all sets have."),
    set(write("sinterstore", -3, "destination key [key ...]", algebra::sinterstore), DENYOOM, STORE_ALL, "1.0.0",
        "O(N*M)", "Stores the members that all sets have."),
    set(read("sismember", 3, "key member", sismember), FAST, RO_KEY, "1.0.0", "O(1)",
        "Tells whether a set has a member."),
    set(read("smembers", 2, "key", smembers), NONE, RO_ACCESS, "1.0.0", "O(N)",
        "Returns all members of a set.").tips(ANY_ORDER),
    set(read("smismember", -3, "key member [member ...]", smismember), FAST, RO_ACCESS, "6.2.0", "O(N)",
        "Tells for each of several members whether a set has it."),
    set(write("smove", 4, "source destination member", smove), FAST, MOVE, "1.0.0", "O(1)",
        "Moves a member from one set to another."),
    set(write("spop", -2, "key [count]", pick::spop), FAST, RW_ACCESS_DELETE, "1.0.0",
        "Without the count argument O(1), otherwise O(N) where N is the count.",
        "Removes random members of a set and returns them.").tips(RANDOM),
    set(read("srandmember", -2, "key [count]", pick::srandmember), NONE, RO_ACCESS, "1.0.0",
        "Without the count argument O(1), otherwise O(N) where N is the absolute value of the count.",
        "Returns random members of a set.").tips(RANDOM),
    set(write("srem", -3, "key member [member ...]", srem), FAST, RW_DELETE, "1.0.0", "O(N)",
        "Removes members from a set, and the set with its last one."),
    set(read("sscan", -3, "key cursor [MATCH pattern] [COUNT count]", pick::sscan), NONE, RO_ACCESS, "2.8.0", "O(1)",
        "Returns some of the members of a set, and a cursor to the rest.").tips(RANDOM),
    set(read("sunion", -2, "key [key ...]", algebra::sunion), NONE, RO_ALL, "1.0.0", "O(N)",
        "Returns the members that any of the sets has.").tips(ANY_ORDER),
    set(write("sunionstore", -3, "destination key [key ...]", algebra::sunionstore), DENYOOM, STORE_ALL, "1.0.0",
        "O(N)", "Stores the members that any of the sets has."),
];

/// Up to where sets are integers, or packed.
#[inline]
fn limits(settings: &Settings) -> SetLimits {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    SetLimits {
        intset_entries: size(settings.set_max_intset_entries),
        listpack_entries: size(settings.set_max_listpack_entries),
        listpack_value: size(settings.set_max_listpack_value),
    }
}

/// Writes a member as a bulk reply.
#[inline]
fn reply_member(out: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Int(n) => out.bulk_int(n),
        Item::Str(text) => out.bulk(text),
    }
}

/// Writes a set as a reply.
fn reply_set(out: &mut Reply<'_>, set: Option<&Set>) {
    out.set(set.map_or(0, Set::len));
    if let Some(set) = set {
        set.iter().for_each(|member| reply_member(out, member));
    }
}

fn sadd(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, limits) = (args.key(), limits(args.settings()));
    let added = tx.upsert(key, |set: &mut Set| {
        let mut added = 0;
        while let Some(member) = args.next() {
            added += u64::from(set.add(member, limits));
        }
        Edit::new(added, added, Class::Set, "sadd")
    })?;
    out.int(added as i64);
    Ok(())
}

fn srem(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let removed = tx.edit(key, |set: &mut Set| {
        let mut removed = 0;
        while let Some(member) = args.next() {
            removed += u64::from(set.remove(member));
        }
        Edit::new(removed, removed, Class::Set, "srem")
    })?;
    out.int(removed.unwrap_or(0) as i64);
    Ok(())
}

fn smove(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to, member, limits) = (args.key(), args.key(), args.bytes(), limits(args.settings()));
    let Some(there) = tx.for_update::<Set>(from)?.map(|set| set.contains(member)) else {
        out.int(0);
        return Ok(());
    };
    tx.for_update::<Set>(to)?;
    if !there || from.bytes == to.bytes {
        out.int(there.into());
        return Ok(());
    }
    tx.edit(from, |set: &mut Set| {
        set.remove(member);
        Edit::new((), 1, Class::Set, "srem")
    })?;
    tx.upsert(to, |set: &mut Set| {
        let added = set.add(member, limits);
        Edit::new((), added.into(), Class::Set, "sadd")
    })?;
    out.int(1);
    Ok(())
}

fn sismember(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, member) = (args.key(), args.bytes());
    let there = tx.read::<Set>(key)?.is_some_and(|set| set.contains(member));
    out.int(there.into());
    Ok(())
}

fn smismember(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let set = tx.read::<Set>(key)?;
    out.array(args.left());
    while let Some(member) = args.next() {
        out.int(set.as_ref().is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

fn scard(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let members = tx.read::<Set>(args.key())?.map_or(0, |set| set.len());
    out.int(members as i64);
    Ok(())
}

fn smembers(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let set = tx.read::<Set>(args.key())?;
    reply_set(out, set.as_deref());
    Ok(())
}
