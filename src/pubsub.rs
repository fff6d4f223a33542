//! Who has subscribed to what: the registry of channels, shard channels and patterns.
//!
//! Owns the lists of subscribers and their locks. It must not know what a subscriber is, how a message looks on the wire
//! or how it travels: a publisher hands in what is to be done with each list.
//!
//! **Locks.** A [`Directory`] is cut into parts by the hash of the name, each behind a lock for readers and writers;
//! publishing reads, so publishers on different channels do not wait for each other; only the first subscription to a
//! name and the last end of one write. A list has a mutex of its own, held while a message is left with each of its
//! subscribers: all of them see the messages of a channel in one order. These are leaf locks, part before list; nothing
//! else is locked under them but a subscriber's inbox, and no system call is made. They may be taken while shards of the
//! store are held (keyspace events are), never the other way round.
//!
//! **Ends.** A name without subscribers is no entry. A client's own lists ([`crate::client`]) say what it is to be struck
//! out of when it unsubscribes, resets or disconnects; a crash of its process is a disconnect. Memory is bounded by what
//! the clients themselves hold.

use crate::base::glob::glob_match;
use crate::base::hash;
use bytes::Bytes;
use foldhash::quality::RandomState;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Parts of a directory of channels.
const PARTS: usize = 64;

/// What a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A channel (SUBSCRIBE).
    Channel,
    /// A pattern of channels (PSUBSCRIBE).
    Pattern,
    /// A channel of a cluster's shard (SSUBSCRIBE).
    Shard,
}

/// The registry; `S` stands for a subscriber.
pub struct Registry<S> {
    channels: Directory<S>,
    sharded: Directory<S>,
    patterns: Directory<S>,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self { channels: Directory::new(PARTS), sharded: Directory::new(PARTS), patterns: Directory::new(1) }
    }
}

impl<S: PartialEq> Registry<S> {
    /// The names of one space.
    pub fn of(&self, space: Space) -> &Directory<S> {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.sharded,
        }
    }

    /// Shows `deliver` the subscribers of a channel, then, unless it is one of a shard, those of each pattern that fits
    /// it, with the pattern. It says how many it reached; returns the sum. O(subscribers + patterns).
    pub fn publish(
        &self,
        sharded: bool,
        channel: &[u8],
        mut deliver: impl FnMut(Option<&[u8]>, &[S]) -> usize,
    ) -> usize {
        let space = if sharded { Space::Shard } else { Space::Channel };
        let mut reached = self.of(space).with(channel, |list| deliver(None, list));
        if !sharded && !self.patterns.is_empty() {
            self.patterns.each(|pattern, list| {
                if glob_match(pattern, channel, false) {
                    reached += deliver(Some(pattern), list);
                }
            });
        }
        reached
    }
}

/// A part of a directory; on cache lines of its own.
#[repr(align(128))]
struct Part<S>(RwLock<HashMap<Bytes, Mutex<Vec<S>>, RandomState>>);

/// Names, and who has subscribed to each.
pub struct Directory<S> {
    parts: Box<[Part<S>]>,
    names: AtomicUsize,
}

impl<S> Directory<S> {
    fn new(parts: usize) -> Self {
        let parts = (0..parts).map(|_| Part(RwLock::default())).collect();
        Self { parts, names: AtomicUsize::new(0) }
    }

    fn part(&self, name: &[u8]) -> &RwLock<HashMap<Bytes, Mutex<Vec<S>>, RandomState>> {
        let hash = if self.parts.len() > 1 { hash::member(name) as usize } else { 0 };
        &self.parts[hash % self.parts.len()].0
    }

    /// Names that have subscribers.
    pub fn len(&self) -> usize {
        self.names.load(Relaxed)
    }

    /// Whether nobody has subscribed to anything: one relaxed load.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs `f` on each name and its subscribers, in no order.
    fn each(&self, mut f: impl FnMut(&Bytes, &[S])) {
        for part in &self.parts {
            part.0.read().iter().for_each(|(name, list)| f(name, &list.lock()));
        }
    }

    /// Runs `f` on the subscribers of a name; 0 without any.
    fn with(&self, name: &[u8], f: impl FnOnce(&[S]) -> usize) -> usize {
        if self.is_empty() {
            return 0;
        }
        self.part(name).read().get(name).map_or(0, |list| f(&list.lock()))
    }

    /// Subscribers of a name that `counts` is true of. O(subscribers).
    pub fn count(&self, name: &[u8], counts: impl Fn(&S) -> bool) -> usize {
        self.with(name, |list| list.iter().filter(|who| counts(who)).count())
    }

    /// The names that fit `pattern`, in no order. O(names).
    pub fn names(&self, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let mut found = Vec::new();
        for part in &self.parts {
            let part = part.0.read();
            found.extend(part.keys().filter(|n| pattern.is_none_or(|p| glob_match(p, n, false))).cloned());
        }
        found
    }
}

impl<S: PartialEq> Directory<S> {
    /// Adds a subscriber, who has not subscribed to this name yet. O(1).
    pub fn add(&self, name: &Bytes, who: S) {
        let part = self.part(name);
        if let Some(list) = part.read().get(name) {
            list.lock().push(who);
            return;
        }
        let mut part = part.write();
        let list = part.entry(name.clone()).or_insert_with(|| {
            self.names.fetch_add(1, Relaxed);
            Mutex::default()
        });
        list.get_mut().push(who);
    }

    /// Strikes a subscriber out. O(subscribers of the name).
    pub fn remove(&self, name: &[u8], who: &S) {
        let part = self.part(name);
        {
            let part = part.read();
            let Some(list) = part.get(name) else { return };
            let mut list = list.lock();
            if let Some(at) = list.iter().rposition(|s| s == who) {
                list.swap_remove(at);
            }
            if !list.is_empty() {
                return;
            }
        }
        let mut part = part.write();
        // Somebody may have subscribed in between.
        if part.get_mut(name).is_some_and(|list| list.get_mut().is_empty()) {
            part.remove(name);
            self.names.fetch_sub(1, Relaxed);
            if part.capacity() > 64 && part.len() < part.capacity() / 8 {
                part.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(registry: &Registry<u32>, sharded: bool, channel: &str) -> Vec<(String, Vec<u32>)> {
        let mut told = Vec::new();
        let n = registry.publish(sharded, channel.as_bytes(), |pattern, list| {
            told.push((pattern.map_or(String::new(), |p| String::from_utf8_lossy(p).into_owned()), list.to_vec()));
            list.len()
        });
        assert_eq!(n, told.iter().map(|(_, list)| list.len()).sum::<usize>());
        told
    }

    #[test]
    fn channels_patterns_and_shards_are_three_things() {
        let registry = Registry::default();
        let name = |s: &'static str| Bytes::from_static(s.as_bytes());
        registry.of(Space::Channel).add(&name("news"), 1);
        registry.of(Space::Channel).add(&name("news"), 2);
        registry.of(Space::Shard).add(&name("news"), 3);
        registry.of(Space::Pattern).add(&name("n*"), 1);
        registry.of(Space::Pattern).add(&name("x*"), 4);
        assert_eq!(reached(&registry, false, "news"), [(String::new(), vec![1, 2]), ("n*".into(), vec![1])]);
        assert_eq!(reached(&registry, true, "news"), [(String::new(), vec![3])]);
        assert_eq!(reached(&registry, false, "other"), []);
        assert_eq!(registry.of(Space::Channel).count(b"news", |_| true), 2);
        assert_eq!(registry.of(Space::Channel).count(b"news", |who| *who == 2), 1);
        assert_eq!(registry.of(Space::Pattern).names(Some(b"x?")), [name("x*")]);
        registry.of(Space::Channel).remove(b"news", &1);
        registry.of(Space::Channel).remove(b"news", &9);
        registry.of(Space::Channel).remove(b"none", &1);
        assert_eq!(reached(&registry, false, "news")[0].1, [2]);
        registry.of(Space::Channel).remove(b"news", &2);
        assert!(registry.of(Space::Channel).is_empty());
        assert_eq!((registry.of(Space::Pattern).len(), registry.of(Space::Shard).len()), (2, 1));
    }

    /// Names come and go on four threads; none may be lost while it has a subscriber, and nothing is left in the end.
    #[test]
    fn subscribers_come_and_go_at_once() {
        let registry = Registry::default();
        let names: Vec<Bytes> = (0..7).map(|i| Bytes::from(format!("c{i}"))).collect();
        std::thread::scope(|scope| {
            for who in 0..4 {
                let (registry, names) = (&registry, &names);
                scope.spawn(move || {
                    for round in 0..5000 {
                        let name = &names[(round * (who as usize + 1)) % names.len()];
                        registry.of(Space::Channel).add(name, who);
                        let mut seen = false;
                        registry.publish(false, name, |_, list| {
                            seen |= list.contains(&who);
                            list.len()
                        });
                        assert!(seen);
                        registry.of(Space::Channel).remove(name, &who);
                    }
                });
            }
        });
        assert!(registry.of(Space::Channel).is_empty() && registry.of(Space::Channel).names(None).is_empty());
    }
}
