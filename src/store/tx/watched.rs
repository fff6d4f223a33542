//! WATCH on a transaction's side: to start, to compare, to stop.
//!
//! Owns when a watched key counts as changed; the versions themselves are the shard's. Must not know clients.

use super::{Key, WriteTx};
use crate::store::Watch;

impl WriteTx<'_> {
    /// Starts to watch a key of the selected database.
    pub fn watch(&mut self, key: Key<'_>) -> Watch {
        let db = self.context.db;
        // A key whose time has come goes first, so that its removal is no change to the watcher.
        let _ = self.read.locate(db, key);
        let i = self.read.guard_of(db, key.hash);
        let version = self.read.held.at(i).inner.watch(key.bytes);
        Watch { db, key: key.bytes.into(), hash: key.hash, version }
    }

    /// Whether a watched key is unchanged. Its shard must be held.
    pub fn unchanged(&mut self, watch: &Watch) -> bool {
        let key = Key { bytes: &watch.key, hash: watch.hash };
        let _ = self.read.locate(watch.db, key);
        let i = self.read.guard_of(watch.db, watch.hash);
        self.read.held.at(i).inner.version(&watch.key) == Some(watch.version)
    }

    /// Stops watching. Its shard must be held.
    pub fn unwatch(&mut self, watch: &Watch) {
        let i = self.read.guard_of(watch.db, watch.hash);
        self.read.held.at(i).inner.unwatch(&watch.key);
    }
}
