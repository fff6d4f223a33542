//! The ordered multi-lock: which shards a transaction holds, and how it finds the one of a key.
//!
//! Owns the order: [`LockSet`] sorts and de-duplicates the places before anything is locked, so two transactions can
//! never wait for each other in a circle. One place, by far the most common, needs no allocation and no search.

use super::Store;
use super::shard::{Inner, Shard};
use parking_lot::MutexGuard;
use smallvec::SmallVec;

/// A shard of a database; ordered by database, then shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// Shard `shard` of database `db`.
    #[inline]
    pub const fn new(db: u32, shard: usize) -> Self {
        Self((db as u64) << 32 | shard as u64)
    }

    /// The database.
    pub const fn db(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The shard's number in it.
    pub const fn shard(self) -> usize {
        self.0 as u32 as usize
    }
}

/// The shards that a transaction will lock.
#[derive(Default)]
pub struct LockSet {
    places: SmallVec<[Place; 8]>,
}

impl LockSet {
    /// Adds the shard of a key.
    #[inline]
    pub fn key(&mut self, store: &Store, db: u32, hash: u64) {
        self.places.push(Place::new(db, store.split(hash).0));
    }

    /// Adds one shard.
    pub fn shard(&mut self, db: u32, shard: usize) {
        self.places.push(Place::new(db, shard));
    }

    /// Adds all shards of a database, allocating it if need be.
    pub fn database(&mut self, store: &Store, db: u32) {
        store.db(db);
        self.places.extend((0..store.shard_count()).map(|s| Place::new(db, s)));
    }

    /// Adds all shards of all databases that are in use.
    pub fn everything(&mut self, store: &Store) {
        for (n, _) in store.used() {
            self.database(store, n);
        }
    }

    /// Forgets the places.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    fn sort(&mut self) {
        if self.places.len() > 1 {
            self.places.sort_unstable();
            self.places.dedup();
        }
    }
}

pub(super) struct Guard<'s> {
    pub(super) place: Place,
    pub(super) shard: &'s Shard,
    pub(super) inner: MutexGuard<'s, Inner>,
}

/// Shards held, in ascending order of place.
pub(super) struct Held<'s> {
    guards: SmallVec<[Guard<'s>; 1]>,
}

impl<'s> Held<'s> {
    pub(super) fn nothing() -> Self {
        Self { guards: SmallVec::new() }
    }

    #[inline]
    pub(super) fn one(store: &'s Store, place: Place) -> Self {
        let mut guards = SmallVec::new();
        guards.push(Self::lock(store, place));
        Self { guards }
    }

    pub(super) fn many(store: &'s Store, set: &mut LockSet) -> Self {
        set.sort();
        Self { guards: set.places.iter().map(|&p| Self::lock(store, p)).collect() }
    }

    #[inline]
    pub(super) fn lock(store: &'s Store, place: Place) -> Guard<'s> {
        let shard = &store.db(place.db()).shards()[place.shard()];
        let mut inner = shard.lock(store.clock());
        inner.ops += 1;
        Guard { place, shard, inner }
    }

    /// Index of the guard of a place, or `None` if it is not held.
    #[inline]
    pub(super) fn find(&self, place: Place) -> Option<usize> {
        if let [only] = &self.guards[..] {
            return (only.place == place).then_some(0);
        }
        self.guards.binary_search_by_key(&place, |g| g.place).ok()
    }

    #[inline]
    pub(super) fn at(&mut self, i: usize) -> &mut Guard<'s> {
        &mut self.guards[i]
    }

    #[inline]
    pub(super) fn peek(&self, i: usize) -> &Guard<'s> {
        &self.guards[i]
    }

    pub(super) fn len(&self) -> usize {
        self.guards.len()
    }

    /// Two different guards at once.
    pub(super) fn pair(&mut self, i: usize, j: usize) -> (&mut Guard<'s>, &mut Guard<'s>) {
        debug_assert!(i < j);
        let (a, b) = self.guards.split_at_mut(j);
        (&mut a[i], &mut b[0])
    }
}
