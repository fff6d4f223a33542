//! The active expiry's sweep: a position in the global order of (database, shard, hash) that moves on.
//!
//! Owns where the sweep is and how it goes on from shard to shard; it must not know how often it is called nor for how
//! long (`exec::cron`). Each step locks one shard, looks at a bounded number of slots (only entries whose slot says
//! that they have a TTL are touched), and unlocks, so no lock is held for more than some tens of microseconds.
//! Databases and shards without any TTL are passed over without locking.

use super::lock::LockSet;
use super::{Context, Effects, Store, WriteTx};

/// Slots looked at under one lock: with every one of them expired, about 50 µs.
const SLOTS: usize = 256;

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
    /// Entries with a TTL that were looked at.
    pub seen: u32,
    /// Entries removed.
    pub gone: u32,
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
        let mut swept = Swept { wrapped: self.skip_idle(at), ..Swept::default() };
        if swept.wrapped {
            return swept;
        }
        context.db = at.db;
        let mut set = LockSet::default();
        set.shard(at.db, at.shard);
        let mut tx = self.begin(&mut set, context, effects);
        tx.effects().reset();
        let (next, seen, gone) = tx.sweep(at.hash, SLOTS);
        if gone > 0 {
            commit(&mut tx);
        }
        (swept.seen, swept.gone) = (seen, gone);
        match next {
            Some(hash) => at.hash = hash,
            None => *at = SweepPosition { db: at.db, shard: at.shard + 1, hash: 0 },
        }
        swept
    }

    /// Moves on to the next shard that has an entry with a TTL; `true` if the end came first.
    fn skip_idle(&self, at: &mut SweepPosition) -> bool {
        while at.db < self.databases() {
            if let Some(db) = self.existing(at.db) {
                while at.shard < db.shards().len() {
                    if db.shards()[at.shard].volatile_len() > 0 {
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
