//! Clients that wait for keys: who is next in line, and which keys had something happen to them.
//!
//! Owns, per shard, the map of the keys that somebody waits for to a queue of tickets, first come, first served. A
//! change of such a key, of whatever kind, is noted in [`super::Effects::ready`]; who may be served by it is for the
//! listener to find out, by looking at the key again. Must not know clients, what they wait for, or how they are woken:
//! a ticket is something that may be over. Keys that nobody waits for cost one test of a null pointer per write, and
//! no bytes.
//!
//! The map belongs to the shard and is touched under its lock. A ticket that is over stays in its queues until who
//! made it takes it out ([`super::WriteTx::unblock`]) or the queue's front is asked for.

use super::effects::KeyIn;
use super::shard::Inner;
use crate::base::hash::member;
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// What waits in the queues of keys. `(ticket as &dyn Any).downcast_ref()` gets back what it is.
pub trait Waiting: Any + Send + Sync {
    /// Whether it waits no longer: served, timed out, gone. Called with a shard held, so it must not block.
    fn is_over(&self) -> bool;
    /// Its place in time: no other has it, and it grows in every queue.
    fn number(&self) -> u64;
    /// Whether it is also to be told that the key is there no longer.
    fn wants_absence(&self) -> bool {
        false
    }
}

/// A place in queues.
pub type Ticket = Arc<dyn Waiting>;

#[derive(Default)]
pub(super) struct BlockMap {
    keys: HashMap<Box<[u8]>, Queue, BuildHasherDefault<KeyHasher>>,
    /// Those whose absence somebody waits for.
    for_absence: u32,
}

/// The seeded hash of members: while anybody waits every write of the shard looks its key up, and std's hasher takes
/// several times as long for it.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Spread over all bits: the map takes some from the top.
        self.0 = u64::from(member(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// The length, which the hash of the bytes knows.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Default)]
struct Queue {
    tickets: VecDeque<Ticket>,
    /// Tickets that want to be told that the key is gone.
    for_absence: u32,
    /// Where in [`super::Effects::ready`] the key was put last: there it need not be put again.
    ready_at: usize,
}

fn same(a: &Ticket, b: &Ticket) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
}

impl Inner {
    /// Puts a ticket at the end of a key's queue; once, if it is put there several times in a row.
    pub(super) fn block(&mut self, key: &[u8], ticket: Ticket) {
        let map = self.blocked.get_or_insert_default();
        let queue = map.keys.entry(key.into()).or_default();
        if !queue.tickets.back().is_some_and(|last| same(last, &ticket)) {
            if ticket.wants_absence() {
                map.for_absence += u32::from(queue.for_absence == 0);
                queue.for_absence += 1;
            }
            queue.tickets.push_back(ticket);
        }
    }

    /// Takes tickets out of a key's queue: `take` does, and returns how many of them wanted to be told of its absence. What is
    /// empty or far too large then gives its memory back.
    fn take_out(&mut self, key: &[u8], take: impl FnOnce(&mut VecDeque<Ticket>) -> u32) {
        let Some(map) = &mut self.blocked else { return };
        let Some(queue) = map.keys.get_mut(key) else { return };
        let taken = take(&mut queue.tickets);
        queue.for_absence -= taken;
        map.for_absence -= u32::from(taken > 0 && queue.for_absence == 0);
        let (len, capacity) = (queue.tickets.len(), queue.tickets.capacity());
        if len == 0 {
            map.keys.remove(key);
        } else if capacity > 64 && len < capacity / 4 {
            queue.tickets.shrink_to(capacity / 2);
        }
        let (len, capacity) = (map.keys.len(), map.keys.capacity());
        if len == 0 {
            self.blocked = None;
        } else if capacity > 64 && len < capacity / 4 {
            map.keys.shrink_to(capacity / 2);
        }
    }

    /// Throws away those of a key's tickets that are over. O(tickets).
    fn clean(&mut self, key: &[u8]) {
        self.take_out(key, |tickets| {
            let mut taken = 0;
            tickets.retain(|t| {
                let over = t.is_over();
                taken += u32::from(over && t.wants_absence());
                !over
            });
            taken
        });
    }

    /// Takes a ticket out of a key's queue. O(log of the queue) where it is near an end, as that of who is served.
    pub(super) fn unblock(&mut self, key: &[u8], ticket: &Ticket) {
        self.take_out(key, |tickets| {
            let i = tickets.partition_point(|t| t.number() < ticket.number());
            let found = tickets.get(i).is_some_and(|t| same(t, ticket));
            let taken = found.then(|| tickets.remove(i)).flatten();
            u32::from(taken.is_some_and(|t| t.wants_absence()))
        });
    }

    /// The first of a key's tickets that is not over; those before it are thrown away.
    pub(super) fn waiting(&mut self, key: &[u8]) -> Option<Ticket> {
        let first = |inner: &Self| {
            let front = inner.blocked.as_ref()?.keys.get(key)?.tickets.front()?;
            Some((Arc::clone(front), front.is_over()))
        };
        while let Some((front, over)) = first(self) {
            if !over {
                return Some(front);
            }
            self.take_out(key, |tickets| u32::from(tickets.pop_front().is_some_and(|t| t.wants_absence())));
        }
        None
    }

    /// The first of a key's tickets behind number `after` that is not over and that `wanted` says yes to. O(log of the
    /// queue + tickets passed over).
    pub(super) fn next_waiting(&mut self, key: &[u8], after: u64, wanted: impl Fn(&Ticket) -> bool) -> Option<Ticket> {
        self.waiting(key)?;
        let tickets = &self.blocked.as_ref()?.keys.get(key)?.tickets;
        let from = tickets.partition_point(|t| t.number() <= after);
        tickets.range(from..).find(|t| !t.is_over() && wanted(t)).map(Arc::clone)
    }

    /// A key's tickets that are not over, in order; the others are thrown away.
    pub(super) fn waiters(&mut self, key: &[u8]) -> Vec<Ticket> {
        self.clean(key);
        let queue = self.blocked.as_ref().and_then(|map| map.keys.get(key));
        queue.map_or_else(Vec::new, |queue| queue.tickets.iter().cloned().collect())
    }

    /// A key of database `db` changed: notes it in `ready` if somebody waits for it and it is not there yet.
    #[inline]
    pub(super) fn note_ready(&mut self, db: u32, key: &[u8], ready: &mut Vec<KeyIn>) {
        if let Some(map) = &mut self.blocked {
            map.note(db, key, ready);
        }
    }

    /// Number of keys that somebody waits for.
    pub(super) fn waited_keys(&self) -> u32 {
        self.blocked.as_ref().map_or(0, |map| map.keys.len() as u32)
    }

    /// Number of keys whose absence somebody waits for.
    pub(super) fn waited_for_absence(&self) -> u32 {
        self.blocked.as_ref().map_or(0, |map| map.for_absence)
    }

    /// Whether somebody waits for `key`.
    pub(super) fn has_waiters(&self, key: &[u8]) -> bool {
        let queue = self.blocked.as_ref().and_then(|map| map.keys.get(key));
        queue.is_some_and(|queue| queue.tickets.iter().any(|t| !t.is_over()))
    }
}

impl BlockMap {
    #[cold]
    fn note(&mut self, db: u32, key: &[u8], ready: &mut Vec<KeyIn>) {
        if let Some(queue) = self.keys.get_mut(key) {
            queue.note(db, key, ready);
        }
    }

    /// [`Inner::note_ready`] for every key that somebody waits for and for which `changed` says so.
    pub(super) fn note_where(&mut self, db: u32, ready: &mut Vec<KeyIn>, changed: impl Fn(&[u8]) -> bool) {
        for (key, queue) in self.keys.iter_mut().filter(|(key, _)| changed(key)) {
            queue.note(db, key, ready);
        }
    }
}

impl Queue {
    fn note(&mut self, db: u32, key: &[u8], ready: &mut Vec<KeyIn>) {
        if !ready.get(self.ready_at).is_some_and(|(n, k)| *n == db && **k == *key) {
            self.ready_at = ready.len();
            ready.push((db, key.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::store::{Access, Context, Effects, Expiry, Key, LockSet, NewStr, Store, WriteTx};
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    struct Client(u32, AtomicBool);
    impl Waiting for Client {
        fn is_over(&self) -> bool {
            self.1.load(Relaxed)
        }
        fn number(&self) -> u64 {
            self.0.into()
        }
    }

    fn ticket(n: u32) -> (Arc<Client>, Ticket) {
        let client = Arc::new(Client(n, AtomicBool::new(false)));
        (Arc::clone(&client), client)
    }

    fn number(ticket: &Ticket) -> u32 {
        (&**ticket as &dyn Any).downcast_ref::<Client>().unwrap().0
    }

    /// Runs `f` with all shards of two databases held; returns what got ready.
    fn with(store: &Store, now: u64, f: impl FnOnce(&mut WriteTx<'_>)) -> Vec<(u32, String)> {
        let mut effects = Effects::default();
        let mut set = LockSet::default();
        (0..2).for_each(|db| set.database(store, db));
        let context = Context { db: 0, now, access: Access::lru(now), no_touch: false };
        f(&mut store.begin(&mut set, context, &mut effects));
        effects.ready.iter().map(|(db, key)| (*db, String::from_utf8(key.to_vec()).unwrap())).collect()
    }

    fn store() -> Store {
        Store::new(2, 4, Some(1), Clock::manual())
    }

    fn key<'k>(store: &Store, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: store.hash(bytes) }
    }

    #[test]
    fn first_come_first_served_and_nothing_is_left() {
        let store = store();
        let (a, b) = (key(&store, b"a"), key(&store, b"b"));
        let tickets: Vec<_> = (0..5).map(ticket).collect();
        with(&store, 0, |tx| {
            for (_, t) in &tickets {
                tx.block(a, Arc::clone(t));
                tx.block(a, Arc::clone(t));
            }
            assert!(tx.has_waiters(a) && !tx.has_waiters(b));
            assert_eq!(tx.waiting(a).map(|t| number(&t)), Some(0));
            tx.unblock(a, &tickets[0].1);
            tickets[1].0.1.store(true, Relaxed);
            tickets[3].0.1.store(true, Relaxed);
            assert_eq!(tx.waiting(a).map(|t| number(&t)), Some(2));
            let next = |tx: &mut WriteTx<'_>, after| tx.next_waiting(a, after, |_| true).map(|t| number(&t));
            assert_eq!((next(tx, 0), next(tx, 2), next(tx, 4)), (Some(2), Some(4), None));
            assert_eq!(tx.next_waiting(a, 0, |t| number(t) > 2).map(|t| number(&t)), Some(4));
            assert_eq!(tx.waiters(a).iter().map(number).collect::<Vec<_>>(), [2, 4]);
            [2, 4].iter().for_each(|i| tickets[*i as usize].0.1.store(true, Relaxed));
            assert!(!tx.has_waiters(a));
            assert!(tx.waiting(a).is_none() && tx.waiting(b).is_none() && tx.waiters(a).is_empty());
        });
        assert!(store.db(0).shards().iter().all(|s| s.try_lock().unwrap().blocked.is_none()));
        assert!(tickets.iter().all(|(client, _)| Arc::strong_count(client) == 2), "no queue holds them");
    }

    /// Says how often it was asked anything.
    struct Counting(u64, Arc<std::sync::atomic::AtomicUsize>);
    impl Waiting for Counting {
        fn is_over(&self) -> bool {
            self.1.fetch_add(1, Relaxed);
            false
        }
        fn number(&self) -> u64 {
            self.1.fetch_add(1, Relaxed);
            self.0
        }
    }

    #[test]
    fn serving_the_first_of_ten_thousand_looks_at_few_of_them() {
        let (store, looks) = (store(), Arc::default());
        let (k, other) = (key(&store, b"k"), key(&store, b"other"));
        let tickets: Vec<Ticket> = (1..=10_000).map(|n| Arc::new(Counting(n, Arc::clone(&looks))) as Ticket).collect();
        let ready = with(&store, 0, |tx| {
            tickets.iter().for_each(|t| tx.block(k, Arc::clone(t)));
            tx.set(other, NewStr::Int(1), Expiry::Clear);
        });
        assert_eq!((ready.len(), looks.load(Relaxed)), (0, 0), "a write of another key asks nobody");
        with(&store, 0, |tx| {
            for ticket in &tickets {
                looks.store(0, Relaxed);
                let next = tx.next_waiting(k, 0, |_| true).unwrap();
                assert!(same(&next, ticket));
                tx.unblock(k, &next);
                // Two binary searches among 2^14, and the front.
                assert!(looks.load(Relaxed) <= 64, "{}", looks.load(Relaxed));
            }
            assert!(!tx.has_waiters(k));
        });
        assert!(store.db(0).shards().iter().all(|s| s.try_lock().unwrap().blocked.is_none()));
    }

    #[test]
    fn a_change_of_whatever_kind_makes_a_key_ready_once() {
        let store = store();
        let (k, other, to) = (key(&store, b"k"), key(&store, b"other"), key(&store, b"to"));
        let (_, t) = ticket(1);
        let none: [(u32, String); 0] = [];
        let one = [(0, "k".to_owned())];
        let set = |tx: &mut WriteTx<'_>, k| tx.set(k, NewStr::Int(1), Expiry::Clear);
        assert_eq!(with(&store, 0, |tx| set(tx, k)), none, "nobody waits");
        assert_eq!(with(&store, 0, |tx| tx.block(k, Arc::clone(&t))), none);
        let changes: [&dyn Fn(&mut WriteTx<'_>); 6] = [
            &|tx| {
                set(tx, other);
                set(tx, k);
                set(tx, k);
                tx.remove(k, false);
                set(tx, k);
            },
            &|tx| _ = tx.set_expire(k, Some(50)),
            &|tx| {
                // Its time has come.
                assert!(tx.peek(k).is_none());
                set(tx, k);
            },
            &|tx| _ = tx.flush(0, false),
            &|tx| {
                set(tx, other);
                let entry = tx.take(other).unwrap();
                tx.put_in(0, k, entry.set_key(b"k"));
            },
            &|tx| _ = tx.take(k),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            assert_eq!(with(&store, i as u64 * 40, change), one, "{i}");
        }
        let quiet = |tx: &mut WriteTx<'_>| {
            tx.flush(0, false);
            tx.flush(1, false);
            assert!(tx.get(k).is_none());
            set(tx, to);
        };
        assert_eq!(with(&store, 500, quiet), none, "there was no such key");
    }

    #[test]
    fn swapped_databases_wake_who_waits_on_either_side() {
        let store = store();
        let keys: Vec<String> = (0..40).map(|i| format!("k{i}")).collect();
        let tickets: Vec<_> = (0..2).map(ticket).collect();
        with(&store, 0, |tx| {
            for (i, name) in keys.iter().enumerate() {
                let k = key(&store, name.as_bytes());
                tx.select(i as u32 % 2);
                if i % 4 < 2 {
                    tx.set(k, NewStr::Int(1), Expiry::Clear);
                }
                tx.select(1);
                tx.block(k, Arc::clone(&tickets[1].1));
            }
            tx.select(0);
            tx.block(key(&store, b"k1"), Arc::clone(&tickets[0].1));
        });
        let mut ready = with(&store, 0, |tx| tx.swap(0, 1));
        ready.sort();
        let mut expected: Vec<(u32, String)> =
            keys.iter().enumerate().filter(|(i, _)| i % 4 < 2).map(|(_, k)| (1, k.clone())).collect();
        expected.push((0, "k1".to_owned()));
        expected.sort();
        assert_eq!(ready, expected);
        // The queues stay with their database.
        with(&store, 0, |tx| {
            assert_eq!(tx.waiting(key(&store, b"k1")).map(|t| number(&t)), Some(0));
            tx.select(1);
            assert_eq!(tx.waiting(key(&store, b"k1")).map(|t| number(&t)), Some(1));
        });
    }
}
