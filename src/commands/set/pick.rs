//! Members by chance or in passing: SPOP, SRANDMEMBER, SSCAN.
//!
//! Owns what is journalled for a random removal (the members that went), and the bound on what a negative count may ask
//! SRANDMEMBER for. Must not know how picks are made uniform.

use super::super::scan::{self, Found, Own, ScanOptions};
use super::*;
use crate::base::rng::thread_random;
use crate::store::Wants;

/// Bytes of the longest reply to a negative count, which may name one member as often as it likes.
const REPLY_MAX: usize = 512 << 20;
/// Members of one SREM in the journal.
const JOURNAL_BATCH: usize = 1024;

const RANGE: Error =
    Error::Text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
const POSITIVE: Error = Error::Text("ERR value is out of range, must be positive");

pub(super) fn spop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if !args.is_empty() {
        return spop_count(tx, args, key, out);
    }
    let popped = tx.edit(key, |set: &mut Set| {
        let member = set.pop_random(&mut thread_random);
        let changes = member.is_some().into();
        Edit::new(member, changes, Class::Set, "spop")
    })?;
    match popped.flatten() {
        Some(member) => {
            out.bulk(&member);
            tx.rewrite(&[b"SREM", key.bytes, &member]);
        }
        None => out.null(),
    }
    Ok(())
}

fn spop_count(tx: &mut WriteTx<'_>, args: &mut Args<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        return Err(Error::Syntax);
    }
    let count = args.int_or(POSITIVE);
    args.check()?;
    let count = usize::try_from(count).map_err(|_| POSITIVE)?;
    let Some(members) = tx.for_update::<Set>(key)?.map(|set| set.len()) else {
        out.set(0);
        return Ok(());
    };
    let wanted = count.min(members);
    out.set(wanted);
    if wanted == 0 {
        return Ok(());
    }
    if wanted == members {
        // The set goes as a whole.
        if let Some(set) = tx.reader().peek_collection::<Set>(key)? {
            set.iter().for_each(|member| reply_member(out, member));
        }
        let name = if args.settings().lazyfree_lazy_server_del { b"UNLINK".as_slice() } else { b"DEL" };
        tx.replace_by_nothing(key);
        tx.event(Class::Set, "spop", key.bytes);
        tx.event(Class::Generic, "del", key.bytes);
        tx.dirty(wanted as u64);
        tx.rewrite(&[name, key.bytes]);
        return Ok(());
    }
    let journal = tx.effects().wants.contains(Wants::JOURNAL);
    let mut gone: Vec<Vec<u8>> = Vec::new();
    tx.edit(key, |set: &mut Set| {
        set.pop_random_n(wanted, &mut thread_random, |member| {
            reply_member(out, member);
            if journal {
                gone.push(member.to_vec());
            }
        });
        Edit::new((), wanted as u64, Class::Set, "spop")
    })?;
    for members in gone.chunks(JOURNAL_BATCH) {
        let command = [b"SREM".as_slice(), key.bytes].into_iter();
        tx.rewrite(&command.chain(members.iter().map(|m| &m[..])).collect::<Vec<_>>());
    }
    Ok(())
}

pub(super) fn srandmember(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if !args.is_empty() {
        return srandmember_count(tx, args, key, out);
    }
    let set = tx.read::<Set>(key)?;
    match set.as_ref().and_then(|set| set.random(&mut thread_random)) {
        Some(member) => reply_member(out, member),
        None => out.null(),
    }
    Ok(())
}

fn srandmember_count(tx: &mut ReadTx<'_>, args: &mut Args<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        return Err(Error::Syntax);
    }
    let count = args.int();
    args.check()?;
    if count == i64::MIN {
        return Err(RANGE);
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = tx.read::<Set>(key)?.filter(|_| wanted > 0) else {
        out.array(0);
        return Ok(());
    };
    if count > 0 {
        out.array(wanted.min(set.len()));
        set.random_distinct(wanted, &mut thread_random, |member| reply_member(out, member));
        return Ok(());
    }
    let (start, before) = (out.mark(), out.out().len());
    out.array(wanted);
    for _ in 0..wanted {
        if let Some(member) = set.random(&mut thread_random) {
            reply_member(out, member);
        }
        if out.out().len() - before > REPLY_MAX {
            out.truncate(start);
            return Err(Error::Text("ERR the reply would be too long"));
        }
    }
    Ok(())
}

/// The options of a missing key are not looked at, as in Redis.
pub(super) fn sscan(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, cursor) = (args.key(), scan::cursor(args.bytes())?);
    let (mut found, mut next) = (Found::default(), 0);
    if let Some(set) = tx.read::<Set>(key)? {
        let options = ScanOptions::parse(args, Own::Nothing)?;
        let mut buffer = ItemText::default();
        next = set.scan(cursor, options.count, |member| {
            if options.matches(member.text(&mut buffer)) {
                found.item(member);
            }
        });
    }
    found.write(next, out);
    Ok(())
}
