//! A group of consumers: how far it has read, what was delivered and not acknowledged, and to whom.
//!
//! Owns the list of pending entries, a tree by id of when, how often and to whom each was delivered. A consumer has a
//! number, and the ids of its own pending entries, so that asking for those costs what they are. Must not know entries:
//! an id may be pending whose entry has been deleted.

use super::{StreamId, tree_bytes};
use crate::base::pace;
use crate::base::size_class::good_size;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered last (ms).
    pub delivered: u64,
    /// How often.
    pub count: u64,
    /// Number of the consumer to which.
    consumer: u32,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it asked for something last (ms).
    pub seen: u64,
    /// When it got something last (ms), if ever.
    pub active: Option<u64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The ids that it has not acknowledged, in order.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// How a pending entry changes hands.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Only if it was delivered so many milliseconds ago or more.
    pub min_idle: u64,
    /// When it counts as delivered (ms).
    pub delivered: u64,
    /// How often it counts as delivered; `None`: as before.
    pub count: Option<u64>,
    /// Once more than before.
    pub again: bool,
    /// Also if it was not pending.
    pub force: bool,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    last_id: StreamId,
    read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: Vec<Option<Consumer>>,
    names: BTreeMap<Arc<[u8]>, u32>,
    name_bytes: usize,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        pace::drain(|| self.pending.pop_first());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        pace::drain(|| self.pending.pop_first());
    }
}

impl Group {
    /// A group without consumers that has read up to `last_id`, `read` entries if that is known.
    pub(super) fn new(last_id: StreamId, read: Option<u64>) -> Self {
        Self { last_id, read, pending: BTreeMap::new(), consumers: Vec::new(), names: BTreeMap::new(), name_bytes: 0 }
    }

    /// Bytes that the allocator has given, about. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        good_size(size_of::<Self>())
            + tree_bytes(self.pending.len(), size_of::<(StreamId, Pending)>())
            + tree_bytes(self.pending.len(), size_of::<StreamId>())
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + tree_bytes(self.names.len(), size_of::<(Arc<[u8]>, u32)>())
            + self.name_bytes
    }

    /// The last id that was delivered.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries were ever delivered or skipped, if that is known.
    pub fn read(&self) -> Option<u64> {
        self.read
    }

    /// Says how far it has read.
    pub fn set_last(&mut self, last_id: StreamId, read: Option<u64>) {
        (self.last_id, self.read) = (last_id, read);
    }

    /// All that is pending, by id.
    pub fn all_pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// A pending entry. O(log pending).
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|number| self.consumer(*number))
    }

    /// Number of consumers. O(1).
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// The number of the consumer of a name. O(log consumers).
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// A consumer by number. O(1).
    pub fn consumer(&self, number: u32) -> Option<&Consumer> {
        self.consumers.get(number as usize)?.as_ref()
    }

    /// The consumer that a pending entry was delivered to.
    pub fn owner(&self, pending: &Pending) -> &[u8] {
        self.consumer(pending.consumer).map_or(b"", Consumer::name)
    }

    fn slot(&mut self, number: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(number as usize)?.as_mut()
    }

    /// The consumer of a name, made at time `now` where there is none: its number, and whether it is new.
    pub fn find_or_add(&mut self, name: &[u8], now: u64) -> (u32, bool) {
        if let Some(number) = self.find(name) {
            return (number, false);
        }
        let name: Arc<[u8]> = name.into();
        let number = self.consumers.iter().position(Option::is_none).unwrap_or(self.consumers.len());
        let consumer = Consumer { name: Arc::clone(&name), seen: now, active: None, pending: BTreeSet::new() };
        match self.consumers.get_mut(number) {
            Some(free) => *free = Some(consumer),
            None => self.consumers.push(Some(consumer)),
        }
        self.name_bytes += good_size(name.len() + 16);
        self.names.insert(name, number as u32);
        (number as u32, true)
    }

    /// A consumer has asked for something.
    pub fn seen(&mut self, number: u32, now: u64) {
        if let Some(consumer) = self.slot(number) {
            consumer.seen = now;
        }
    }

    /// A consumer has got something.
    pub fn active(&mut self, number: u32, now: u64) {
        if let Some(consumer) = self.slot(number) {
            consumer.active = Some(now);
        }
    }

    /// Removes a consumer and what is pending for it: how many entries that was. O(those * log pending).
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.names.remove(name)?;
        let consumer = self.consumers.get_mut(number as usize)?.take()?;
        self.name_bytes -= good_size(name.len() + 16);
        consumer.pending.iter().for_each(|id| _ = self.pending.remove(id));
        Some(consumer.pending.len())
    }

    /// Acknowledges an entry; whether it was pending. O(log pending).
    pub fn ack(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.slot(pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Gives an entry to a consumer, whoever had it.
    fn give(&mut self, id: StreamId, pending: Pending) {
        if let Some(old) = self.pending.insert(id, pending)
            && old.consumer != pending.consumer
            && let Some(consumer) = self.slot(old.consumer)
        {
            consumer.pending.remove(&id);
        }
        if let Some(consumer) = self.slot(pending.consumer) {
            consumer.pending.insert(id);
        }
    }

    /// An entry is delivered to a consumer for the first time.
    pub fn deliver(&mut self, id: StreamId, consumer: u32, now: u64) {
        self.give(id, Pending { delivered: now, count: 1, consumer });
    }

    /// A consumer reads a pending entry once more.
    pub fn redeliver(&mut self, id: StreamId, now: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered = now;
            pending.count += 1;
        }
    }

    /// Gives a pending entry to a consumer if the claim allows it: what it then is. O(log pending).
    pub fn claim(&mut self, id: StreamId, consumer: u32, claim: Claim, now: u64) -> Option<Pending> {
        let mut pending = match self.pending.get(&id) {
            Some(pending) if now.saturating_sub(pending.delivered) < claim.min_idle => return None,
            Some(pending) => *pending,
            None if claim.force => Pending { delivered: now, count: 1, consumer },
            None => return None,
        };
        pending.consumer = consumer;
        pending.delivered = claim.delivered;
        pending.count = claim.count.unwrap_or(pending.count).saturating_add(u64::from(claim.again));
        self.give(id, pending);
        Some(pending)
    }

    /// Takes note that the entry `id`, which is behind the last one read, is read. `added_until` and `tombstones` are of
    /// the entries.
    pub fn advance(&mut self, entries: &super::Entries, id: StreamId) {
        if id <= self.last_id {
            return;
        }
        self.read = match self.read {
            Some(read) if !entries.has_tombstone_from(id) => Some(read + 1),
            read if entries.added() == 0 => read,
            _ => entries.added_until(id),
        };
        self.last_id = id;
    }
}
