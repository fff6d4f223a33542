//! SINTER, SUNION, SDIFF, their STORE forms and SINTERCARD.
//!
//! Owns what a missing key and a wrong type mean to them: all keys are looked at before anything is computed, so that a
//! wrong type is an error wherever it stands. The result is whole before the destination, which may be a source, is
//! changed.

use super::*;
use crate::store::{Entry, Expiry, Lent, WrongType};

const NUMKEYS: Error = Error::Text("ERR numkeys should be greater than 0");

/// What is done with the sets.
#[derive(Clone, Copy)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

/// The sets at `keys`; `None` for a missing one. Counted and touched as reads.
fn sets<'t>(tx: &'t mut ReadTx<'_>, keys: &[Key<'_>]) -> Result<Vec<Option<Lent<'t, Set>>>> {
    let set = |entry: &'t Entry| entry.collection::<Set>().ok_or(WrongType);
    let sets = tx.get_many(keys).into_iter().map(|entry| entry.map(set).transpose());
    Ok(sets.collect::<std::result::Result<_, _>>()?)
}

/// The keys that are left.
fn keys<'a>(args: &mut Args<'a>) -> Vec<Key<'a>> {
    (0..args.left()).map(|_| args.key()).collect()
}

/// Those of all sets; `None` where one is missing, so that nothing is in all of them.
fn all_there<'s>(sets: &'s [Option<Lent<'_, Set>>]) -> Option<Vec<&'s Set>> {
    sets.iter().map(|set| set.as_deref()).collect()
}

fn compute(operation: Operation, sets: &[Option<Lent<'_, Set>>], limits: SetLimits) -> Set {
    let inputs: Vec<Option<&Set>> = sets.iter().map(|set| set.as_deref()).collect();
    match operation {
        Operation::Union => Set::union(&inputs, limits),
        Operation::Difference => Set::difference(&inputs, limits),
        Operation::Intersection => {
            let mut result = Set::default();
            if let Some(sets) = all_there(sets) {
                let mut text = ItemText::default();
                Set::intersect(&sets, 0, |member| _ = result.add(member.text(&mut text), limits));
            }
            result
        }
    }
}

fn reply(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, operation: Operation) -> Result {
    let limits = limits(args.settings());
    let sets = sets(tx, &keys(args))?;
    reply_set(out, Some(&compute(operation, &sets, limits)));
    Ok(())
}

pub(super) fn sunion(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Operation::Union)
}

pub(super) fn sdiff(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Operation::Difference)
}

/// Straight into the reply: nothing is stored.
pub(super) fn sinter(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sets = sets(tx, &keys(args))?;
    let (mut found, header) = (0, out.defer_array());
    if let Some(sets) = all_there(&sets) {
        Set::intersect(&sets, 0, |member| {
            reply_member(out, member);
            found += 1;
        });
    }
    out.set_set(header, found);
    Ok(())
}

pub(super) fn sintercard(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let count = args.int_or(NUMKEYS);
    args.check()?;
    let count = usize::try_from(count).ok().filter(|n| *n > 0).ok_or(NUMKEYS)?;
    if count > args.left() {
        return Err(Error::Text("ERR Number of keys can't be greater than number of args"));
    }
    let keys: Vec<Key<'_>> = (0..count).map(|_| args.key()).collect();
    let mut limit = 0;
    while !args.is_empty() {
        if !args.take("limit") || args.is_empty() {
            return Err(Error::Syntax);
        }
        let negative = Error::Text("ERR LIMIT can't be negative");
        let n = args.int_or(negative.clone());
        args.check()?;
        limit = usize::try_from(n).map_err(|_| negative)?;
    }
    let (sets, mut found) = (sets(tx, &keys)?, 0);
    if let Some(sets) = all_there(&sets) {
        Set::intersect(&sets, limit, |_| found += 1);
    }
    out.int(found);
    Ok(())
}

/// Computes, stores, records `event`, replies with the number of members.
fn store(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    operation: Operation,
    event: &'static str,
) -> Result {
    let (limits, to) = (limits(args.settings()), args.key());
    let result = compute(operation, &sets(tx.reader(), &keys(args))?, limits);
    let members = result.len();
    let existed = tx.put_collection(to, result, Expiry::Clear);
    if members > 0 {
        tx.event(Class::Set, event, to.bytes);
        tx.dirty(1);
    } else if existed {
        tx.event(Class::Generic, "del", to.bytes);
        tx.dirty(1);
    }
    out.int(members as i64);
    Ok(())
}

pub(super) fn sinterstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    store(tx, args, out, Operation::Intersection, "sinterstore")
}

pub(super) fn sunionstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    store(tx, args, out, Operation::Union, "sunionstore")
}

pub(super) fn sdiffstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    store(tx, args, out, Operation::Difference, "sdiffstore")
}
