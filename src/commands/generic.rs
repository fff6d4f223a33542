//! Keys of any type: removal, existence, type, renaming, copying, moving to another database.
//!
//! Owns the handlers that treat a value as a whole and never look into it. TTL commands are in `expire.rs`, commands
//! on the whole keyspace in `keyspace.rs`. Two keys (RENAME, COPY) are locked by their key specifications; the shard in
//! another database (COPY … DB, MOVE) by a lock function that reads the arguments as the handler does, with the same
//! code, so that they cannot disagree.

use super::*;
use crate::commands::args::db_number;
use crate::spec::KeyFlags;
use crate::store::{Class, Key};

const READ_MANY: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO)];
const READ_ONE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];
const DELETE_MANY: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RM.union(KeyFlags::DELETE))];
const MOVED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))];
const RENAMED_FROM: KeySpec = KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE));
const RENAME_KEYS: &[KeySpec] = &[RENAMED_FROM, KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE))];
const RENAMENX_KEYS: &[KeySpec] = &[RENAMED_FROM, KeySpec::one(2, KeyFlags::OW.union(KeyFlags::INSERT))];
const COPY_KEYS: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS)), KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE))];
const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

pub(super) const TABLE: &[Row] = &[
    write("copy", -3, "source destination [DB destination-db] [REPLACE]", copy)
        .keys(COPY_KEYS)
        .locks(Locks::By(copy_locks))
        .flags(Flags::DENYOOM)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "6.2.0", "O(N)", "Copies a value to another key, in this or another database."),
    write("del", -2, "key [key ...]", del)
        .keys(DELETE_MANY)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "1.0.0", "O(N)", "Deletes keys.")
        .tips(SUMMED),
    read("exists", -2, "key [key ...]", exists)
        .keys(READ_MANY)
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "1.0.0", "O(N)", "Counts how many of the keys exist.")
        .tips(SUMMED),
    write("move", 3, "key db", move_key)
        .keys(MOVED)
        .locks(Locks::By(move_locks))
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "1.0.0", "O(1)", "Moves a key to another database."),
    write("rename", 3, "key newkey", rename).keys(RENAME_KEYS).acl(Categories::KEYSPACE).doc(
        Group::Generic,
        "1.0.0",
        "O(1)",
        "Gives a key another name, over whatever has that name.",
    ),
    write("renamenx", 3, "key newkey", renamenx).keys(RENAMENX_KEYS).flags(Flags::FAST).acl(Categories::KEYSPACE).doc(
        Group::Generic,
        "1.0.0",
        "O(1)",
        "Gives a key another name that no key has.",
    ),
    read("touch", -2, "key [key ...]", touch)
        .keys(READ_MANY)
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "3.2.1", "O(N)", "Counts the existing keys and marks them as used just now.")
        .tips(SUMMED),
    read("type", 2, "key", type_of).keys(READ_ONE).flags(Flags::FAST).acl(Categories::KEYSPACE).doc(
        Group::Generic,
        "1.0.0",
        "O(1)",
        "Returns the type of the value at a key.",
    ),
    write("unlink", -2, "key [key ...]", unlink)
        .keys(DELETE_MANY)
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "4.0.0", "O(1)", "Deletes keys and frees large values in the background.")
        .tips(SUMMED),
];

const SAME_OBJECT: Error = Error::Text("ERR source and destination objects are the same");

fn del(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let background = args.settings().lazyfree_lazy_user_del;
    remove_all(tx, args, background, out)
}

fn unlink(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    remove_all(tx, args, true, out)
}

fn remove_all(tx: &mut WriteTx<'_>, args: &mut Args<'_>, background: bool, out: &mut Reply<'_>) -> Result {
    let mut removed = 0;
    while !args.is_empty() {
        let key = args.key();
        if tx.remove(key, background) {
            tx.event(Class::Generic, "del", key.bytes);
            removed += 1;
        }
    }
    tx.dirty(removed);
    out.int(removed as i64);
    Ok(())
}

fn exists(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut found = 0;
    while !args.is_empty() {
        found += i64::from(tx.get_untouched(args.key()).is_some());
    }
    out.int(found);
    Ok(())
}

fn touch(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut found = 0;
    while !args.is_empty() {
        found += i64::from(tx.get_touched(args.key()).is_some());
    }
    out.int(found);
    Ok(())
}

fn type_of(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.simple(tx.get_untouched(args.key()).map_or("none", |e| e.type_tag().name()));
    Ok(())
}

fn rename(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    if tx.entry_for_update(from).is_none() {
        return Err(Error::NoSuchKey);
    }
    if from.bytes != to.bytes {
        rename_entry(tx, from, to);
    }
    out.ok();
    Ok(())
}

fn renamenx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    if tx.entry_for_update(from).is_none() {
        return Err(Error::NoSuchKey);
    }
    // A key is in its own way, too.
    let free = tx.peek(to).is_none();
    if free {
        rename_entry(tx, from, to);
    }
    out.int(i64::from(free));
    Ok(())
}

/// Moves the entry at `from`, time to live and all, to `to`.
fn rename_entry(tx: &mut WriteTx<'_>, from: Key<'_>, to: Key<'_>) {
    let Some(entry) = tx.take(from) else { return };
    tx.put_in(tx.db(), to, entry.set_key(to.bytes));
    tx.event(Class::Generic, "rename_from", from.bytes);
    tx.event(Class::Generic, "rename_to", to.bytes);
    tx.dirty(1);
}

/// COPY's options: the database to copy to, and whether a key there is overwritten.
///
/// # Errors
/// The first thing that is wrong, in the order of the arguments.
fn copy_options(store: &Store, db: u32, args: ArgView<'_>) -> Result<(u32, bool)> {
    let (mut to, mut replace) = (db, false);
    let mut rest = args.iter().skip(3);
    while let Some(word) = rest.next() {
        if word.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if word.eq_ignore_ascii_case(b"db") {
            to = db_number(store, rest.next().ok_or(Error::Syntax)?)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((to, replace))
}

fn copy_locks(store: &Store, db: u32, args: ArgView<'_>, set: &mut LockSet) {
    if let (Ok((to, _)), Some(key)) = (copy_options(store, db, args), args.get(2)) {
        set.key(store, to, store.hash(key));
    }
}

fn copy(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    let (db, replace) = copy_options(tx.store(), tx.db(), args.view())?;
    if db == tx.db() && from.bytes == to.bytes {
        return Err(SAME_OBJECT);
    }
    let fresh = tx.access_mode().fresh();
    let Some(entry) = tx.get(from).map(|e| e.deep_clone(to.bytes)) else {
        out.int(0);
        return Ok(());
    };
    let free = replace || tx.peek_in(db, to).is_none();
    if free {
        entry.set_access(fresh);
        tx.put_in(db, to, entry);
        tx.event_in(db, Class::Generic, "copy_to", to.bytes);
        tx.dirty(1);
    }
    out.int(i64::from(free));
    Ok(())
}

fn move_locks(store: &Store, _db: u32, args: ArgView<'_>, set: &mut LockSet) {
    if let (Some(key), Some(Ok(to))) = (args.get(1), args.get(2).map(|n| db_number(store, n))) {
        set.key(store, to, store.hash(key));
    }
}

fn move_key(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, to) = (args.key(), args.db());
    args.end()?;
    let from = tx.db();
    if from == to {
        return Err(SAME_OBJECT);
    }
    let movable = tx.entry_for_update(key).is_some() && tx.peek_in(to, key).is_none();
    if movable && let Some(entry) = tx.take(key) {
        tx.put_in(to, key, entry);
        tx.event_in(from, Class::Generic, "move_from", key.bytes);
        tx.event_in(to, Class::Generic, "move_to", key.bytes);
        tx.dirty(1);
    }
    out.int(i64::from(movable));
    Ok(())
}
