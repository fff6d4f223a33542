//! The store: databases of locked shards, the ordered multi-lock, transactions on keys, expiry, accounting.
//!
//! Owns every key and value. A [`Store`] is a few databases; a database, allocated on first use, is a
//! `Vec<Mutex<HashMap>>`: [`Shard`]s, each a mutex around a [`Table`] of [`Entry`]s. It must not know the wire or
//! commands.
//!
//! **Who owns what, under which lock.** A shard's table, its byte count, its watched keys and its queues of
//! waiting clients belong to the shard and are
//! touched only through its mutex. What other threads may read without it (length, table address for prefetching, wait
//! counts) is published in relaxed atomics beside the mutex. Nothing else is shared.
//!
//! **Order of locks.** Shards are locked in ascending order of (database, shard), always through
//! [`Store::begin`]/[`Store::begin_one`]; while one is held no other lock of the server is taken but the listeners' own
//! (leaf locks), no system call is made and nothing is awaited.
//!
//! **One hash a key.** The top bits choose the shard, the next 32 bits the place in its table ([`Store::split`]), so
//! "database, shard, hash" is one global order: SCAN's cursor and the expiry sweep's position are points in it.
//!
//! **Crash, slow client, memory.** A panic while a shard is held unlocks it (no poisoning): tables stay sound because
//! every mutation of a table is complete before control leaves it. Nobody waits for a client with a shard held: replies
//! go to a buffer. Freeing of large values happens after unlocking ([`Effects::garbage`]), optionally in the background
//! ([`Reaper`]).

mod access;
mod block;
mod busy;
mod effects;
mod entry;
mod kinds;
mod lock;
mod reaper;
mod shard;
mod sweep;

mod tx;
mod watch;

pub use crate::base::table::{Pos, Table, Thin, prefetch_slot, prefetch_start};
pub use access::{Access, idle_seconds, lfu_frequency};
pub use block::{Ticket, Waiting};
pub use busy::{Busy, IsBusy};
pub use effects::{
    Call, Class, Effects, Event, ExpiredField, Garbage, Journal, JournalEntry, KeyIn, Lazy, Listeners, Notify, Rewrite,
    Wants,
};
pub use entry::{Entry, INLINE_MAX, Kind, Lent, NewStr, StrRef, TypeTag};
pub use lock::{LockSet, Place};
pub use reaper::Reaper;
pub use shard::{Shard, ShardStats};
pub use sweep::{SweepPosition, Swept};
pub use tx::{Context, Edit, Expiry, Key, ReadTx, WriteTx, WrongType};
pub use watch::Watch;

use crate::base::clock::Clock;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Shards of a database unless the configuration says otherwise; from `benches/store.rs`.
pub const DEFAULT_SHARDS: usize = 1024;
/// Upper limit of the shard count: SCAN's cursor and the hash split leave 16 bits for it.
pub const SHARDS_MAX: usize = 1 << 16;

/// One database: `shards.len()` is a power of two.
pub struct Db {
    shards: Box<[Shard]>,
    avg_ttl_ms: AtomicU64,
}

impl Db {
    fn new(shards: usize) -> Self {
        Self { shards: (0..shards).map(|_| Shard::default()).collect(), avg_ttl_ms: AtomicU64::new(0) }
    }

    /// The shards, in order.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Keys, expired ones that nobody met yet included. O(shards), takes no lock.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.len())).sum()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|s| s.len() == 0)
    }

    /// About how many bytes the tables take. O(shards), takes no lock.
    pub fn table_bytes(&self) -> u64 {
        self.shards.iter().map(Shard::table_bytes).sum()
    }

    /// Keys with a time to live. O(shards), takes no lock.
    pub fn volatile_len(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.volatile_len())).sum()
    }

    /// Hashes that have fields with a time to live. O(shards), takes no lock.
    pub fn fields_len(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.fields_len())).sum()
    }

    /// Keys that clients wait for. O(shards), takes no lock.
    pub fn waited_keys(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.waited_keys())).sum()
    }

    /// Those of them whose absence somebody waits for, without locking.
    pub fn waited_for_absence(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.waited_for_absence())).sum()
    }

    /// Mean time to live in milliseconds of the keys that have one, as the active expiry has met them lately; 0: none.
    pub fn avg_ttl(&self) -> u64 {
        self.avg_ttl_ms.load(Relaxed)
    }

    /// Takes a mean of some keys into the running one, at a fiftieth of the weight; `None`: there are no such keys.
    pub(crate) fn sample_ttl(&self, mean_ms: Option<u64>) {
        let next = match (self.avg_ttl(), mean_ms) {
            (_, None) => 0,
            (0, Some(mean)) => mean,
            (old, Some(mean)) => old / 50 * 49 + mean / 50,
        };
        self.avg_ttl_ms.store(next, Relaxed);
    }
}

/// The whole dataset.
pub struct Store {
    dbs: Box<[OnceLock<Box<Db>>]>,
    shards: usize,
    hasher: SeedableRandomState,
    clock: Clock,
    /// Who hears of commits.
    pub listeners: Listeners,
    /// Frees large values in the background.
    pub reaper: Reaper,
    /// Shards that are held for long.
    pub busy: Busy,
}

impl Store {
    /// A store of `databases` databases of `shards` shards each (rounded up to a power of two, at most
    /// [`SHARDS_MAX`]). `seed`: `None` for a random one, as a server must have; tests give one.
    pub fn new(databases: usize, shards: usize, seed: Option<u64>, clock: Clock) -> Self {
        let hasher = match seed {
            Some(s) => SeedableRandomState::with_seed(s, SharedSeed::global_fixed()),
            None => SeedableRandomState::random(),
        };
        Self {
            dbs: (0..databases.max(1)).map(|_| OnceLock::new()).collect(),
            shards: shards.clamp(1, SHARDS_MAX).next_power_of_two(),
            hasher,
            listeners: Listeners::default(),
            reaper: Reaper::new(clock.clone()),
            clock,
            busy: Busy::default(),
        }
    }

    /// The 64-bit hash of a key. O(length).
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut h = self.hasher.build_hasher();
        h.write(key);
        h.finish()
    }

    /// Shard number and the 32 bits that order the keys within it.
    #[inline]
    pub fn split(&self, hash: u64) -> (usize, u32) {
        // With one shard there are no shard bits, and the top 32 bits are the place.
        let bits = self.shards.trailing_zeros();
        let shard = hash.rotate_left(bits) as usize & (self.shards - 1);
        (shard, ((hash << bits) >> 32) as u32)
    }

    /// A database, allocated if this is its first use; `n` below [`Store::databases`].
    #[inline]
    pub fn db(&self, n: u32) -> &Db {
        self.dbs[n as usize].get_or_init(|| Box::new(Db::new(self.shards)))
    }

    /// A database if it was ever used.
    pub fn existing(&self, n: u32) -> Option<&Db> {
        self.dbs.get(n as usize)?.get().map(|b| &**b)
    }

    /// The databases that were ever used, with their numbers.
    pub fn used(&self) -> impl Iterator<Item = (u32, &Db)> {
        (0..self.databases()).filter_map(|n| Some((n, self.existing(n)?)))
    }

    /// Number of databases.
    pub fn databases(&self) -> u32 {
        self.dbs.len() as u32
    }

    /// Number of shards of a database.
    pub fn shard_count(&self) -> usize {
        self.shards
    }

    /// The store's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Keys of all databases.
    pub fn len(&self) -> u64 {
        self.used().map(|(_, db)| db.len()).sum()
    }

    /// Whether no database has a key.
    pub fn is_empty(&self) -> bool {
        self.used().all(|(_, db)| db.is_empty())
    }

    /// Prefetches what locking the shard of `hash` and the prefetches below will touch first.
    #[inline]
    pub fn prefetch_shard(&self, db: &Db, hash: u64) {
        let shard = &db.shards[self.split(hash).0];
        prefetch_start(shard);
        prefetch_start(shard.beside());
    }

    /// First prefetch of a batch: the table slots that a look-up of `hash` will read. Takes no lock; a stale address
    /// only wastes the prefetch.
    #[inline]
    pub fn prefetch_slot(&self, db: &Db, hash: u64) {
        let (shard, h32) = self.split(hash);
        db.shards[shard].prefetch_slot(h32);
    }

    /// Second prefetch of a batch: the entry itself. Skipped when the shard is locked by somebody else.
    #[inline]
    pub fn prefetch_entry(&self, db: &Db, hash: u64) {
        let (shard, h32) = self.split(hash);
        db.shards[shard].prefetch_entry(h32);
    }
}
