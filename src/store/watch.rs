//! WATCH: versions of watched keys.
//!
//! Owns, per shard, the map of the keys that somebody watches to a version and a count of watchers. A write bumps the
//! version if the key is there; EXEC compares it, with the shard held. Keys that nobody watches cost one test of a
//! null pointer per write, and no bytes.

use super::shard::Inner;
use std::collections::HashMap;

/// What one client watches: filled by [`super::WriteTx::watch`], given back by [`super::WriteTx::unwatch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Database.
    pub db: u32,
    /// Key.
    pub key: Box<[u8]>,
    /// Its hash.
    pub hash: u64,
    /// Its version when it was first watched.
    pub version: u64,
}

#[derive(Default)]
pub(super) struct WatchMap {
    keys: HashMap<Box<[u8]>, (u64, u32)>,
}

impl Inner {
    /// Adds a watcher; returns the key's version.
    pub(super) fn watch(&mut self, key: &[u8]) -> u64 {
        let map = &mut self.watched.get_or_insert_default().keys;
        let (version, watchers) = map.entry(key.into()).or_default();
        *watchers += 1;
        *version
    }

    pub(super) fn unwatch(&mut self, key: &[u8]) {
        let Some(map) = &mut self.watched else { return };
        if let Some((_, watchers)) = map.keys.get_mut(key) {
            *watchers -= 1;
            if *watchers == 0 {
                map.keys.remove(key);
            }
        }
        if map.keys.is_empty() {
            self.watched = None;
        }
    }

    pub(super) fn version(&self, key: &[u8]) -> Option<u64> {
        self.watched.as_ref()?.keys.get(key).map(|(v, _)| *v)
    }

    /// A key changed.
    #[inline]
    pub(super) fn bump(&mut self, key: &[u8]) {
        if let Some(map) = &mut self.watched
            && let Some((version, _)) = map.keys.get_mut(key)
        {
            *version += 1;
        }
    }

    /// Bumps every watched key for which `changed` says so.
    pub(super) fn bump_where(&mut self, changed: impl Fn(&Self, &[u8]) -> bool) {
        let Some(mut map) = self.watched.take() else { return };
        for (key, (version, _)) in &mut map.keys {
            *version += u64::from(changed(self, key));
        }
        self.watched = Some(map);
    }

    /// The watched keys for which `which` says yes.
    pub(super) fn watched_keys(&self, which: impl Fn(&[u8]) -> bool) -> Vec<Box<[u8]>> {
        let Some(map) = &self.watched else { return Vec::new() };
        map.keys.keys().filter(|k| which(k)).cloned().collect()
    }
}
