//! The commit: the only reader of what a transaction recorded, and the one visible list of what follows a change.
//!
//! Owns the order: count; journal; tracking; notifications. All of it while the shards are still held, so
//! that the order of the journal is the order of application for every key. With nobody listening everything after the
//! counting is one test.

use crate::config::Settings;
use crate::resp::ArgView;
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::store::{Effects, Garbage, Journal, Lazy, Rewrite, Wants, WriteTx};

/// Takes note of what `tx` recorded for the command `args` of client `client`.
#[inline]
pub(super) fn commit(server: &Server, stats: &WorkerStats, tx: &mut WriteTx<'_>, client: u64, args: ArgView<'_>) {
    let db = tx.db();
    let effects = tx.effects();
    stats.hits.add(effects.hits);
    stats.misses.add(effects.misses);
    if effects.dirty | effects.expired | effects.expired_subkeys != 0 {
        stats.dirty.add(effects.dirty);
        stats.expired.add(effects.expired);
        stats.expired_subkeys.add(effects.expired_subkeys);
    }
    if !effects.wants.is_empty() {
        publish(server, effects, db, client, args);
    }
}

/// What the configuration has freed in the background.
pub(super) fn lazy(settings: &Settings) -> Lazy {
    let mut lazy = Lazy::empty();
    lazy.set(Lazy::EXPIRE, settings.lazyfree_lazy_expire);
    lazy.set(Lazy::SERVER_DEL, settings.lazyfree_lazy_server_del);
    lazy
}

/// Tells the listeners.
#[cold]
fn publish(server: &Server, effects: &mut Effects, db: u32, client: u64, args: ArgView<'_>) {
    let listeners = &server.store.listeners;
    if effects.wants.contains(Wants::JOURNAL)
        && let Some(journal) = listeners.journal()
    {
        record(journal, effects, db, args);
    }
    if effects.wants.contains(Wants::TRACKING) {
        server.tracking.invalidate(effects, client);
        if !effects.grouped {
            broadcast(server, effects);
        }
    }
    if let Some(notify) = listeners.notify() {
        let calls = &mut effects.calls;
        effects.events.drain(..).for_each(|e| notify.event(&e, calls));
    }
}

/// Hands what has changed to the journal, or keeps it for the group that it is of.
fn record(journal: &dyn Journal, effects: &mut Effects, db: u32, args: ArgView<'_>) {
    let Effects { group, grouped, lazy, expired_keys, expired_fields, dirty, rewrite, .. } = effects;
    let mut append = |db: u32, words: &[&[u8]]| {
        if *grouped {
            group.push((db, words.iter().map(|word| (*word).into()).collect()));
        } else {
            journal.append(db, words);
        }
    };
    let word: &[u8] = if lazy.contains(Lazy::EXPIRE) { b"UNLINK" } else { b"DEL" };
    for (db, key) in expired_keys.iter() {
        append(*db, &[word, key]);
    }
    for fields in expired_fields.chunk_by(|a, b| a.db == b.db && a.key == b.key) {
        let words = [&b"HDEL"[..], &fields[0].key];
        let words = words.into_iter().chain(fields.iter().map(|f| &*f.field));
        append(fields[0].db, &words.collect::<Vec<_>>());
    }
    if *dirty > 0 {
        match rewrite {
            Rewrite::Verbatim => append(db, &args.iter().collect::<Vec<_>>()),
            Rewrite::As(list) => {
                for args in list {
                    append(db, &args.iter().map(|a| &**a).collect::<Vec<_>>());
                }
            }
        }
    }
}

/// The commands of one EXEC or script, from the first to the last: they are one group to the journal, and who tracks by
/// prefix is told of their keys once. It ends, with the shards still held, also when a command panics.
pub(super) struct Unit<'a, 's> {
    server: &'a Server,
    pub(super) tx: &'a mut WriteTx<'s>,
}

impl<'a, 's> Unit<'a, 's> {
    pub(super) fn begin(server: &'a Server, tx: &'a mut WriteTx<'s>) -> Self {
        tx.pin();
        tx.effects().grouped = true;
        Self { server, tx }
    }
}

impl Drop for Unit<'_, '_> {
    fn drop(&mut self) {
        let effects = self.tx.effects();
        effects.grouped = false;
        if !effects.group.is_empty() {
            let group = std::mem::take(&mut effects.group);
            if let Some(journal) = self.server.store.listeners.journal() {
                match &group[..] {
                    [(db, args)] => journal.append(*db, &args.iter().map(|arg| &**arg).collect::<Vec<_>>()),
                    several => journal.append_group(several),
                }
            }
        }
        broadcast(self.server, effects);
    }
}

/// Tells who tracks by prefix of the keys of one command, or of the commands of one group. The shards are still held.
fn broadcast(server: &Server, effects: &mut Effects) {
    if !effects.broadcast.is_empty() {
        server.tracking.broadcast(effects);
    }
}

/// Frees what was too large to be freed under a lock; called after unlocking.
#[cold]
pub(super) fn dispose(server: &Server, effects: &mut Effects) {
    for garbage in effects.garbage.drain(..) {
        match garbage {
            Garbage::Entry(_, true) | Garbage::Tables(_, true) => server.store.reaper.free(garbage),
            Garbage::Entry(..) | Garbage::Tables(..) => drop(garbage),
        }
    }
}
