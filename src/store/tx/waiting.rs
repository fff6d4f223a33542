//! Waiting for keys on a transaction's side: to queue, to leave, who is next.
//!
//! Owns nothing: the queues are the shard's ([`crate::store::Waiting`]). All of these are about keys of the selected
//! database whose shard is held. Must not know clients.

use super::{Key, WriteTx};
use crate::store::block::Ticket;

impl WriteTx<'_> {
    /// Puts a ticket at the end of the queue for a key. O(1).
    pub fn block(&mut self, key: Key<'_>, ticket: Ticket) {
        let i = self.read.guard_of(self.context.db, key.hash);
        let guard = self.read.held.at(i);
        guard.inner.block(key.bytes, ticket);
        guard.shard.publish_waited(&guard.inner);
    }

    /// Takes a ticket out of the queue for a key, if it is there. O(tickets of the key).
    pub fn unblock(&mut self, key: Key<'_>, ticket: &Ticket) {
        let i = self.read.guard_of(self.context.db, key.hash);
        let guard = self.read.held.at(i);
        guard.inner.unblock(key.bytes, ticket);
        guard.shard.publish_waited(&guard.inner);
    }

    /// The ticket that has waited longest for a key and is not over; it stays in the queue. Amortised O(1).
    pub fn waiting(&mut self, key: Key<'_>) -> Option<Ticket> {
        let i = self.read.guard_of(self.context.db, key.hash);
        self.read.held.at(i).inner.waiting(key.bytes)
    }

    /// The first ticket for a key behind number `after` that is not over and that `wanted` says yes to. Amortised
    /// O(log of the queue + tickets passed over).
    pub fn next_waiting(&mut self, key: Key<'_>, after: u64, wanted: impl Fn(&Ticket) -> bool) -> Option<Ticket> {
        let i = self.read.guard_of(self.context.db, key.hash);
        self.read.held.at(i).inner.next_waiting(key.bytes, after, wanted)
    }

    /// All tickets for a key that are not over, in the order in which they came. O(tickets of the key).
    pub fn waiters(&mut self, key: Key<'_>) -> Vec<Ticket> {
        let i = self.read.guard_of(self.context.db, key.hash);
        self.read.held.at(i).inner.waiters(key.bytes)
    }

    /// Whether a ticket that is not over waits for a key.
    pub fn has_waiters(&self, key: Key<'_>) -> bool {
        let i = self.read.guard_of(self.context.db, key.hash);
        self.read.held.peek(i).inner.has_waiters(key.bytes)
    }
}
