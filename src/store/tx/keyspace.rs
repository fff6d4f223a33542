//! What concerns whole shards and databases: emptying, swapping, the figures of a shard.
//!
//! Owns how tables are exchanged under the locks of all shards of a database, and what that means to watched keys. Must
//! not know single keys.

use super::{ReadTx, WriteTx, unheld};
use crate::store::effects::Garbage;
use crate::store::lock::Place;
use crate::store::{Entry, ShardStats, Table};

impl ReadTx<'_> {
    /// The figures of a shard; locks it for a moment if it is not held.
    pub fn shard_stats(&self, db: u32, shard: usize) -> ShardStats {
        match self.held.find(Place::new(db, shard)) {
            Some(i) => self.held.peek(i).shard.stats_of(&self.held.peek(i).inner),
            None if self.held.len() > 0 => ShardStats::default(),
            None => self.store.db(db).shards()[shard].stats(self.store.clock()),
        }
    }

    /// Sets the counts of operations and waits of a shard to 0; locks it for a moment if it is not held.
    pub fn reset_shard_stats(&mut self, db: u32, shard: usize) {
        match self.held.find(Place::new(db, shard)) {
            Some(i) => {
                let guard = self.held.at(i);
                guard.shard.reset_stats_of(&mut guard.inner);
            }
            None if self.held.len() > 0 => {}
            None => self.store.db(db).shards()[shard].reset_stats(self.store.clock()),
        }
    }
}

impl WriteTx<'_> {
    /// Empties a database whose shards are all held; returns the number of keys it had. `background`: freed there.
    pub fn flush(&mut self, db: u32, background: bool) -> u64 {
        let mut tables = Vec::new();
        let mut keys = 0;
        for i in 0..self.read.held.len() {
            let guard = self.read.held.at(i);
            if guard.place.db() != db || guard.inner.table.is_empty() {
                continue;
            }
            let split = |k: &[u8]| self.read.store.split(self.read.store.hash(k)).1;
            guard.inner.bump_where(|inner, k| inner.table.find(split(k), k).is_some());
            let inner = &mut *guard.inner;
            if let Some(blocked) = &mut inner.blocked {
                let ready = &mut self.read.effects.ready;
                blocked.note_where(db, ready, |k| inner.table.find(split(k), k).is_some());
            }
            keys += guard.inner.table.len() as u64;
            tables.push(std::mem::take(&mut guard.inner.table));
            guard.inner.bytes = 0;
            let _ = guard.shard.take_expiring();
            guard.shard.publish(&guard.inner);
        }
        if keys > 0 {
            self.effects.garbage.push(Garbage::Tables(tables, background));
        }
        keys
    }

    /// Swaps two databases whose shards are all held.
    pub fn swap(&mut self, a: u32, b: u32) {
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            return;
        }
        for shard in 0..self.store.shard_count() {
            let (Some(i), Some(j)) = (self.held.find(Place::new(a, shard)), self.held.find(Place::new(b, shard)))
            else {
                unheld(Place::new(a, shard))
            };
            let store = self.read.store;
            let (x, y) = self.read.held.pair(i, j);
            let there = |t: &Table<Entry>, k: &[u8]| t.find(store.split(store.hash(k)).1, k).is_some();
            let changed_x: Vec<Box<[u8]>> =
                x.inner.watched_keys(|k| there(&x.inner.table, k) || there(&y.inner.table, k));
            let changed_y: Vec<Box<[u8]>> =
                y.inner.watched_keys(|k| there(&x.inner.table, k) || there(&y.inner.table, k));
            let (inner_x, inner_y) = (&mut *x.inner, &mut *y.inner);
            for (db, blocked) in [(a, &mut inner_x.blocked), (b, &mut inner_y.blocked)] {
                let Some(blocked) = blocked else { continue };
                let changed = |k: &[u8]| there(&inner_x.table, k) || there(&inner_y.table, k);
                blocked.note_where(db, &mut self.read.effects.ready, changed);
            }
            std::mem::swap(&mut x.inner.table, &mut y.inner.table);
            std::mem::swap(&mut x.inner.bytes, &mut y.inner.bytes);
            let (of_x, of_y) = (x.shard.take_expiring(), y.shard.take_expiring());
            x.shard.count_expiring(of_y.0, of_y.1);
            y.shard.count_expiring(of_x.0, of_x.1);
            changed_x.iter().for_each(|k| x.inner.bump(k));
            changed_y.iter().for_each(|k| y.inner.bump(k));
            x.shard.publish(&x.inner);
            y.shard.publish(&y.inner);
        }
    }
}
