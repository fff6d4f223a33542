//! The ordered multi-lock: which shards a transaction holds, and how it finds the one of a key.
//!
//! Owns the order: [`LockSet`] sorts and de-duplicates the places before anything is locked, so two transactions can
//! never wait for each other in a circle. One place, by far the most common, needs no allocation and no search.
//!
//! **Whoever waits** looks every [`LOOK_EVERY`] whether the shard's holder is a busy script ([`super::busy`]), and gives up
//! then. Only a transaction that holds shards already and finds that it needs others (a script that touches a key that it has
//! not declared, after it has changed something) takes them out of order ([`Held::widen`]): one at a time may, and who
//! waits for shards in order meanwhile lets go of those it has, in which it has changed nothing yet, and starts anew. A
//! second one that would widen is refused, as if a shard were busy: each would wait for what the other has changed.

use super::Store;
use super::busy::IsBusy;
use super::shard::{Inner, Shard};
use parking_lot::MutexGuard;
use smallvec::SmallVec;
use std::time::Duration;

/// How often who waits for a shard looks at who holds it.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(1);

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
    /// Every shard of every database in use, those that `places` bring into use included.
    everything: bool,
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

    /// Adds all shards of all databases that are in use when they are locked.
    pub fn everything(&mut self) {
        self.everything = true;
    }

    /// Forgets the places.
    pub fn clear(&mut self) {
        self.places.clear();
        self.everything = false;
    }

    /// Puts every shard of the databases in use, and of those named so far, in place of the places.
    fn expand(&mut self, store: &Store) {
        self.places.iter().for_each(|p| _ = store.db(p.db()));
        self.places.clear();
        for (n, _) in store.used() {
            self.database(store, n);
        }
    }

    /// Whether it has all the places of another set.
    pub fn covers(&self, other: &LockSet) -> bool {
        self.everything || !other.everything && other.places.iter().all(|place| self.places.contains(place))
    }

    /// Whether these are all shards of all databases in use.
    pub(super) fn is_everything(&self) -> bool {
        self.everything
    }

    /// The places added.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    fn sort(&mut self) {
        if self.places.len() > 1 {
            self.places.sort_unstable();
            self.places.dedup();
        }
    }
}

/// Why a shard was not waited for.
enum GaveUp {
    /// A busy script holds it.
    Busy(IsBusy),
    /// Another transaction widens its locks, and may need what is held.
    Yield,
}

pub(super) struct Guard<'s> {
    pub(super) place: Place,
    pub(super) shard: &'s Shard,
    pub(super) inner: MutexGuard<'s, Inner>,
}

/// Shards held, in ascending order of place.
pub(super) enum Held<'s> {
    /// By far the most common: no search, no allocation.
    One(Guard<'s>),
    /// Any other number of them.
    Many(Vec<Guard<'s>>),
}

impl<'s> Held<'s> {
    pub(super) fn nothing() -> Self {
        Self::Many(Vec::new())
    }

    #[inline]
    pub(super) fn one(store: &'s Store, place: Place) -> Result<Self, IsBusy> {
        Ok(Self::One(Self::lock(store, place)?))
    }

    pub(super) fn many(store: &'s Store, set: &mut LockSet) -> Result<Self, IsBusy> {
        loop {
            if set.everything {
                set.expand(store);
            }
            set.sort();
            if let [only] = set.places[..]
                && !set.everything
            {
                return Self::one(store, only);
            }
            let held = match Self::in_order(store, &set.places) {
                Ok(held) => Self::Many(held),
                Err(GaveUp::Busy(is)) => return Err(is),
                Err(GaveUp::Yield) => {
                    drop(store.busy.widening.lock());
                    continue;
                }
            };
            // A database that came into use while the others were waited for may have keys that are older than some of
            // theirs: again, with it. One that comes into use from here on is empty at this moment.
            if !set.everything || held.len() == store.used().count() * store.shard_count() {
                return Ok(held);
            }
        }
    }

    /// Locks places in order; nothing is held where it gives up.
    fn in_order(store: &'s Store, places: &[Place]) -> Result<Vec<Guard<'s>>, GaveUp> {
        let mut held: Vec<Guard<'s>> = Vec::with_capacity(places.len());
        for &place in places {
            let shard = &store.db(place.db()).shards()[place.shard()];
            let inner = match shard.try_lock() {
                Some(inner) => inner,
                None => Self::wait(store, (place, shard), !held.is_empty())?,
            };
            held.push(Self::guard(place, shard, inner));
        }
        Ok(held)
    }

    /// Waits for a shard; `yields`: others are held that who widens its locks may need.
    #[cold]
    fn wait(
        store: &'s Store,
        (place, shard): (Place, &'s Shard),
        yields: bool,
    ) -> Result<MutexGuard<'s, Inner>, GaveUp> {
        let start = store.clock().mono_ns();
        loop {
            if let Some(is) = store.busy.holder(place) {
                return Err(GaveUp::Busy(is));
            }
            if yields && store.busy.widening.is_locked() {
                return Err(GaveUp::Yield);
            }
            if let Some(inner) = shard.try_lock_for(LOOK_EVERY) {
                shard.count_wait(store.clock().mono_ns().saturating_sub(start));
                return Ok(inner);
            }
        }
    }

    #[inline]
    fn guard(place: Place, shard: &'s Shard, mut inner: MutexGuard<'s, Inner>) -> Guard<'s> {
        inner.ops += 1;
        Guard { place, shard, inner }
    }

    #[inline]
    pub(super) fn lock(store: &'s Store, place: Place) -> Result<Guard<'s>, IsBusy> {
        let shard = &store.db(place.db()).shards()[place.shard()];
        let inner = match shard.try_lock() {
            Some(inner) => inner,
            None => Self::wait(store, (place, shard), false).map_err(|why| match why {
                GaveUp::Busy(is) => is,
                GaveUp::Yield => IsBusy::default(),
            })?,
        };
        Ok(Self::guard(place, shard, inner))
    }

    /// Takes every other shard of the databases in use, and of `db`, out of order. What is held stays held.
    pub(super) fn widen(&mut self, store: &'s Store, db: u32) -> Result<(), IsBusy> {
        store.db(db);
        let _alone = store.busy.widening.try_lock().ok_or_else(IsBusy::default)?;
        let mut more = Vec::new();
        for (n, _) in store.used() {
            for place in (0..store.shard_count()).map(|shard| Place::new(n, shard)) {
                if self.find(place).is_none() {
                    more.push(Self::lock(store, place)?);
                }
            }
        }
        self.add(more);
        Ok(())
    }

    /// Takes those of a set's shards that are not held, out of order; all of them, or none if one of them is not free within a
    /// moment. What is held stays held.
    pub(super) fn extend(&mut self, store: &'s Store, set: &LockSet) -> bool {
        if set.everything {
            return false;
        }
        let mut more: Vec<Guard<'s>> = Vec::new();
        for &place in &set.places {
            if self.find(place).is_none() && more.iter().all(|guard| guard.place != place) {
                let shard = &store.db(place.db()).shards()[place.shard()];
                let Some(inner) = shard.try_lock_for(LOOK_EVERY) else { return false };
                more.push(Self::guard(place, shard, inner));
            }
        }
        self.add(more);
        true
    }

    fn add(&mut self, mut more: Vec<Guard<'s>>) {
        let mut all = match std::mem::replace(self, Self::nothing()) {
            Self::One(guard) => vec![guard],
            Self::Many(guards) => guards,
        };
        all.append(&mut more);
        all.sort_unstable_by_key(|guard| guard.place);
        *self = Self::Many(all);
    }

    /// The places held, in order.
    pub(super) fn places(&self) -> Vec<Place> {
        self.guards().iter().map(|guard| guard.place).collect()
    }

    #[inline]
    fn guards(&self) -> &[Guard<'s>] {
        match self {
            Self::One(guard) => std::slice::from_ref(guard),
            Self::Many(guards) => guards,
        }
    }

    /// Index of the guard of a place, or `None` if it is not held.
    #[inline]
    pub(super) fn find(&self, place: Place) -> Option<usize> {
        match self {
            Self::One(only) => (only.place == place).then_some(0),
            Self::Many(guards) => guards.binary_search_by_key(&place, |g| g.place).ok(),
        }
    }

    #[inline]
    pub(super) fn at(&mut self, i: usize) -> &mut Guard<'s> {
        match self {
            Self::One(guard) if i == 0 => guard,
            Self::One(_) => unreachable!("one shard is held"),
            Self::Many(guards) => &mut guards[i],
        }
    }

    #[inline]
    pub(super) fn peek(&self, i: usize) -> &Guard<'s> {
        &self.guards()[i]
    }

    pub(super) fn len(&self) -> usize {
        self.guards().len()
    }

    /// Two different guards at once, the earlier first.
    pub(super) fn pair(&mut self, i: usize, j: usize) -> (&mut Guard<'s>, &mut Guard<'s>) {
        debug_assert!(i < j);
        match self {
            Self::One(_) => unreachable!("one shard is held"),
            Self::Many(guards) => {
                let (a, b) = guards.split_at_mut(j);
                (&mut a[i], &mut b[0])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn further_shards_are_taken_all_or_none() {
        let store = Store::new(1, 8, Some(1), Clock::manual());
        let set = |shards: &[usize]| {
            let mut set = LockSet::default();
            shards.iter().for_each(|shard| set.shard(0, *shard));
            set
        };
        let mut held = Held::many(&store, &mut set(&[4])).expect("free");
        let mut others = Held::many(&store, &mut set(&[6])).expect("free");
        assert!(held.extend(&store, &set(&[7, 1, 4, 1])));
        assert!(!held.extend(&store, &set(&[0, 6])) && others.extend(&store, &set(&[0])));
        let mut all = LockSet::default();
        all.everything();
        assert!(!held.extend(&store, &all));
        let places = |held: &Held<'_>| held.places().iter().map(|place| place.shard()).collect::<Vec<_>>();
        assert_eq!((places(&held), places(&others)), (vec![1, 4, 7], vec![0, 6]));
    }

    #[test]
    fn everything_includes_the_databases_that_the_set_itself_brings_into_use() {
        let store = Store::new(4, 8, Some(1), Clock::manual());
        store.db(0);
        let mut set = LockSet::default();
        set.key(&store, 2, 77);
        set.everything();
        set.key(&store, 3, 78);
        let held = Held::many(&store, &mut set).expect("free");
        assert_eq!(held.len(), 3 * 8);
        for (db, there) in [(0, true), (1, false), (2, true), (3, true)] {
            assert!((0..8).all(|shard| held.find(Place::new(db, shard)).is_some() == there), "{db}");
        }
        drop(held);
        set.clear();
        set.key(&store, 2, 77);
        assert_eq!(Held::many(&store, &mut set).expect("free").len(), 1);
    }
}
