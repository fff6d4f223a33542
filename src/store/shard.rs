//! One shard: a mutex around a table, and beside it what others may read without the mutex.
//!
//! Owns the counts of waits: the lock is first tried, and only when that fails (somebody else holds it) is the clock
//! read and the wait counted, so an uncontended lock costs nothing for it.
//!
//! A shard is two cache lines. The first is what every command of whoever holds the lock reads and writes: lock, table,
//! counts. The second is read without the lock and written only when the table changes, so it stays shared by all cores
//! while keys are read and overwritten, and only one line travels between them with the lock.

use super::block::BlockMap;
use super::watch::WatchMap;
use super::{Entry, Table};
use crate::base::table::{Hint, prefetch_slot};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Bytes of a table's slot.
const SLOT_BYTES: u64 = 12;

/// What the mutex protects.
///
/// In C's order, and with the lock no longer than a cache line.
#[derive(Default)]
#[repr(C)]
pub(super) struct Inner {
    pub(super) table: Table<Entry>,
    /// Bytes of the entries (their allocations), without the table's array.
    pub(super) bytes: u64,
    /// Times that the shard was locked for commands since the start or SHARDS RESET.
    pub(super) ops: u64,
    /// Keys that clients WATCH; `None` while there are none, so that a write pays one test.
    pub(super) watched: Option<Box<WatchMap>>,
    /// Keys that clients wait for; `None` while there are none.
    pub(super) blocked: Option<Box<BlockMap>>,
}

/// A locked part of a database.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Shard {
    inner: Mutex<Inner>,
    base: AtomicUsize,
    capacity: AtomicU32,
    len: AtomicU32,
    /// Entries with a time to live; changed only with the lock held, as the next.
    volatile: AtomicU32,
    /// Hashes that have fields with a time to live.
    fields: AtomicU32,
    waits: AtomicU64,
    wait_ns: AtomicU64,
    /// Keys that clients wait for.
    waited: AtomicU32,
    /// Those of them whose absence they wait for.
    waited_for_absence: AtomicU32,
}

const _: () = assert!(std::mem::offset_of!(Shard, base) == 64 && size_of::<Shard>() == 128);

/// Figures of one shard, for SHARDS INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Keys.
    pub keys: u64,
    /// Keys with a time to live.
    pub volatile: u64,
    /// Bytes of entries and table.
    pub bytes: u64,
    /// Bytes of the table alone.
    pub table_bytes: u64,
    /// Times locked for a command.
    pub ops: u64,
    /// Times that the lock had to be waited for.
    pub waits: u64,
    /// Nanoseconds waited, all told.
    pub wait_ns: u64,
}

impl Shard {
    /// Locks if nobody holds the lock.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Inner>> {
        self.inner.try_lock()
    }

    /// Locks if the lock can be had within so much time.
    pub(super) fn try_lock_for(&self, time: Duration) -> Option<MutexGuard<'_, Inner>> {
        self.inner.try_lock_for(time)
    }

    /// Counts a wait for the lock.
    pub(super) fn count_wait(&self, ns: u64) {
        self.waits.fetch_add(1, Relaxed);
        self.wait_ns.fetch_add(ns, Relaxed);
    }

    /// Publishes what others read without the lock; called with the lock held after the table changed.
    #[inline]
    pub(super) fn publish(&self, inner: &Inner) {
        let hint = inner.table.hint();
        if self.base.load(Relaxed) != hint.base {
            self.base.store(hint.base, Relaxed);
            self.capacity.store(hint.capacity, Relaxed);
        }
        self.len.store(inner.table.len() as u32, Relaxed);
    }

    /// Changes the counts of entries with a time to live and of hashes with such fields, by what entries bring and what
    /// they take away; called with the lock held. Wraps, so that a difference may be negative on the way.
    #[inline]
    pub(super) fn count_expiring(&self, volatile: u32, fields: u32) {
        if volatile | fields != 0 {
            self.volatile.store(self.volatile.load(Relaxed).wrapping_add(volatile), Relaxed);
            self.fields.store(self.fields.load(Relaxed).wrapping_add(fields), Relaxed);
        }
    }

    /// Sets both counts to 0, with the lock held, and returns them.
    pub(super) fn take_expiring(&self) -> (u32, u32) {
        (self.volatile.swap(0, Relaxed), self.fields.swap(0, Relaxed))
    }

    /// Publishes how many keys clients wait for; called with the lock held after its queues changed.
    pub(super) fn publish_waited(&self, inner: &Inner) {
        self.waited.store(inner.waited_keys(), Relaxed);
        self.waited_for_absence.store(inner.waited_for_absence(), Relaxed);
    }

    /// Keys that clients wait for.
    pub fn waited_keys(&self) -> u32 {
        self.waited.load(Relaxed)
    }

    /// Keys that clients wait for which want to be told when the key is there no longer.
    pub fn waited_for_absence(&self) -> u32 {
        self.waited_for_absence.load(Relaxed)
    }

    /// Keys.
    pub fn len(&self) -> u32 {
        self.len.load(Relaxed)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys with a time to live.
    pub fn volatile_len(&self) -> u32 {
        self.volatile.load(Relaxed)
    }

    /// Hashes that have fields with a time to live.
    pub fn fields_len(&self) -> u32 {
        self.fields.load(Relaxed)
    }

    /// Where the line begins that is read without the lock.
    #[inline]
    pub(super) fn beside(&self) -> &AtomicUsize {
        &self.base
    }

    #[inline]
    pub(super) fn prefetch_slot(&self, hash: u32) {
        prefetch_slot(Hint { base: self.base.load(Relaxed), capacity: self.capacity.load(Relaxed) }, hash);
    }

    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u32) {
        if let Some(inner) = self.inner.try_lock() {
            inner.table.prefetch_entry(hash);
        }
    }

    /// The figures, where the caller holds the lock.
    pub(super) fn stats_of(&self, inner: &Inner) -> ShardStats {
        ShardStats {
            keys: inner.table.len() as u64,
            volatile: u64::from(self.volatile_len()),
            bytes: inner.bytes + inner.table.bytes() as u64,
            table_bytes: inner.table.bytes() as u64,
            ops: inner.ops,
            waits: self.waits.load(Relaxed),
            wait_ns: self.wait_ns.load(Relaxed),
        }
    }

    /// About how many bytes the table takes, without locking.
    pub fn table_bytes(&self) -> u64 {
        self.capacity.load(Relaxed) as u64 * SLOT_BYTES
    }

    /// Waits and nanoseconds waited, without locking.
    pub fn wait_stats(&self) -> (u64, u64) {
        (self.waits.load(Relaxed), self.wait_ns.load(Relaxed))
    }

    /// Sets the counts of operations and waits to 0, where the caller holds the lock.
    pub(super) fn reset_stats_of(&self, inner: &mut Inner) {
        inner.ops = 0;
        self.waits.store(0, Relaxed);
        self.wait_ns.store(0, Relaxed);
    }
}
