//! The active expiry's sweep: a position in the global order of (database, shard, hash) that moves on.
//!
//! Owns where the sweep is and how it goes on from shard to shard; it must not know how often it is called nor for how
//! long (`exec::cron`). Each step locks one shard, looks at a bounded number of slots (only entries whose slot says
//! that they, or fields of them, have a TTL are touched), and unlocks, so no lock is held for more than some tens of microseconds.
//! Databases and shards without any TTL are passed over without locking.

use super::lock::LockSet;
use super::tx::SweptSlots;
use super::{Context, Effects, Store, WriteTx};

/// Slots looked at under one lock: with every one of them expired, about 50 µs.
const SLOTS: u32 = 256;

/// Where the sweep is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepPosition {
    db: u32,
    shard: usize,
    hash: u32,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The database.
    pub db: u32,
    /// Entries looked at.
    pub looked: u32,
    /// Those with a TTL.
    pub seen: u32,
    /// Entries removed.
    pub gone: u32,
    /// Hashes that have fields with a TTL, and those fields whose time had come, added up.
    pub fields_seen: u32,
    /// Fields of hashes removed.
    pub fields_gone: u32,
    /// Milliseconds that the entries left with a TTL have to live, added up.
    pub ttl_ms: u128,
    /// The sweep came to the end and starts again.
    pub wrapped: bool,
}

impl Store {
    /// One step of the sweep; `commit` is called with the transaction when something was removed.
    pub fn sweep(
        &self,
        at: &mut SweepPosition,
        mut context: Context,
        effects: &mut Effects,
        commit: impl FnOnce(&mut WriteTx<'_>),
    ) -> Swept {
        if self.skip_idle(at) {
            return Swept { wrapped: true, ..Swept::default() };
        }
        context.db = at.db;
        let mut set = LockSet::default();
        set.shard(at.db, at.shard);
        let Ok(mut tx) = self.enter(&mut set, context, effects) else {
            // A busy script holds it: the next one.
            *at = SweepPosition { db: at.db, shard: at.shard + 1, hash: 0 };
            return Swept { db: at.db, ..Swept::default() };
        };
        tx.effects().reset();
        let slots = tx.sweep(at.hash, SLOTS);
        if slots.gone > 0 || slots.fields_gone > 0 {
            commit(&mut tx);
        }
        let SweptSlots { looked, seen, gone, fields_seen, fields_gone, ttl_ms, next } = slots;
        let swept = Swept { db: at.db, looked, seen, gone, fields_seen, fields_gone, ttl_ms, wrapped: false };
        match next {
            Some(hash) => at.hash = hash,
            None => *at = SweepPosition { db: at.db, shard: at.shard + 1, hash: 0 },
        }
        swept
    }

    /// Moves on to the next shard that has an entry or a field of a hash with a TTL; `true` if the end came first.
    fn skip_idle(&self, at: &mut SweepPosition) -> bool {
        while at.db < self.databases() {
            if let Some(db) = self.existing(at.db) {
                while at.shard < db.shards().len() {
                    if db.shards()[at.shard].volatile_len() > 0 || db.shards()[at.shard].fields_len() > 0 {
                        return false;
                    }
                    (at.shard, at.hash) = (at.shard + 1, 0);
                }
            }
            *at = SweepPosition { db: at.db + 1, ..SweepPosition::default() };
        }
        *at = SweepPosition::default();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::store::{Access, Expiry, Key, NewStr};

    fn context(now: u64) -> Context {
        Context { db: 0, now, access: Access::lru(now), no_touch: false }
    }

    fn fill(store: &Store, db: u32, n: u32, expiry: Expiry) {
        for i in 0..n {
            let bytes = format!("{expiry:?}{i}");
            let key = Key { bytes: bytes.as_bytes(), hash: store.hash(bytes.as_bytes()) };
            let mut effects = Effects::default();
            let context = Context { db, ..context(0) };
            store.begin_one(key.hash, context, &mut effects).set(key, NewStr::Int(1), expiry);
        }
    }

    /// What a lock is held for is counted, not timed: entries looked at, and with them entries removed.
    #[test]
    fn a_step_is_bounded_and_the_steps_cover_everything() {
        let store = Store::new(3, 1, Some(1), Clock::manual());
        fill(&store, 2, 1000, Expiry::At(50));
        fill(&store, 2, 1000, Expiry::At(500));
        fill(&store, 2, 1000, Expiry::Clear);
        let (mut at, mut effects, mut total) = (SweepPosition::default(), Effects::default(), Swept::default());
        let mut commits = 0;
        loop {
            let swept = store.sweep(&mut at, context(100), &mut effects, |_| commits += 1);
            if swept.wrapped {
                break;
            }
            assert!(swept.looked <= SLOTS && swept.gone <= swept.seen && swept.seen <= swept.looked);
            assert_eq!(swept.db, 2);
            total.looked += swept.looked;
            total.seen += swept.seen;
            total.gone += swept.gone;
            total.ttl_ms += swept.ttl_ms;
        }
        assert_eq!((total.looked, total.seen, total.gone), (3000, 2000, 1000));
        assert_eq!(total.ttl_ms, 1000 * 400);
        assert!((1..=3000 / SLOTS + 1).contains(&commits));
        assert_eq!((store.db(2).len(), store.db(2).volatile_len()), (2000, 1000));
    }

    /// The fields of a hash go in helpings, and the hash with the last of them.
    #[test]
    fn fields_expire_and_take_their_hash_with_them() {
        use crate::store::{Class, Edit, Journal};
        use crate::types::hash::{ExpireOutcome, Hash, HashLimits};
        struct Deaf;
        impl Journal for Deaf {
            fn append(&self, _: u32, _: &[&[u8]]) {}
            fn append_group(&self, _: &[crate::store::JournalEntry]) {}
        }
        let store = Store::new(1, 1, Some(1), Clock::manual());
        store.listeners.set_journal(Box::new(Deaf));
        let (mut effects, key) = (Effects::default(), Key { bytes: b"h", hash: store.hash(b"h") });
        let put = |tx: &mut WriteTx<'_>, fields: u32, at: u64| {
            tx.upsert(key, |hash: &mut Hash| {
                let limits = HashLimits { listpack_entries: 100, listpack_value: 64 };
                for i in 0..fields {
                    let field = format!("{at}:{i}");
                    assert!(hash.set(field.as_bytes(), b"v", limits, false, 0));
                    assert_eq!(hash.set_expire(field.as_bytes(), at, 0), ExpireOutcome::Set);
                }
                Edit::new((), fields.into(), Class::Hash, "hset")
            })
            .unwrap();
        };
        put(&mut store.begin_one(key.hash, context(0), &mut effects), 600, 50);
        put(&mut store.begin_one(key.hash, context(0), &mut effects), 5, 500);
        fill(&store, 0, 20, Expiry::Clear);
        assert_eq!((store.db(0).fields_len(), store.db(0).volatile_len()), (1, 0));
        let mut fields = |now| {
            let (mut at, mut gone, mut steps) = (SweepPosition::default(), Vec::new(), 0);
            loop {
                let swept = store.sweep(&mut at, context(now), &mut effects, |tx| {
                    let effects = tx.effects();
                    gone.extend(effects.expired_fields.iter().map(|f| f.field.clone()));
                    assert_eq!(effects.expired_subkeys, effects.expired_fields.len() as u64);
                });
                if swept.wrapped {
                    gone.sort();
                    gone.dedup();
                    return (gone.len(), steps);
                }
                assert!(swept.looked + swept.fields_gone <= SLOTS + 1, "{swept:?}");
                steps += 1;
            }
        };
        assert_eq!(fields(10), (0, 1));
        assert_eq!(fields(100), (600, 3));
        assert_eq!((store.db(0).fields_len(), store.db(0).len()), (1, 21));
        assert_eq!(fields(501), (5, 1));
        assert_eq!((store.db(0).fields_len(), store.db(0).len()), (0, 20));
        assert_eq!(fields(502), (0, 0));
    }

    #[test]
    fn shards_without_a_time_to_live_are_not_locked() {
        let store = Store::new(2, 64, Some(1), Clock::manual());
        fill(&store, 0, 500, Expiry::Clear);
        let ops = |s: &Store| s.db(0).shards().iter().map(|s| s.try_lock().unwrap().ops).sum::<u64>();
        let before = ops(&store);
        let (mut at, mut effects) = (SweepPosition::default(), Effects::default());
        assert!(store.sweep(&mut at, context(100), &mut effects, |_| {}).wrapped);
        assert_eq!(ops(&store), before);
    }
}
