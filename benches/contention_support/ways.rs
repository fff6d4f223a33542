//! The ways of sharing a map between connections, each as short as it would be written by someone who chose it. All
//! hold `HashMap<String, Bytes>` with one hasher, so that what differs is the sharing. Strings and values are made
//! before a lock is taken and a replaced value is dropped after it is given back, in every way alike.
//!
//! A new way is a type with [`Way`] and [`Session`], and a row of [`WAYS`].

use bytes::Bytes;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use ostracon::base::clock::Clock;
use ostracon::store::{Access, Context, Effects, Expiry, Key, NewStr, Store, StrRef};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The map that is shared.
pub type Map = HashMap<String, Bytes, RandomState>;

/// A way of sharing: what the server as a whole holds.
pub trait Way: Send + Sync {
    /// What a new connection gets.
    fn connect(&self) -> Box<dyn Session>;

    /// Can one connection see what another has set?
    fn is_shared(&self) -> bool {
        true
    }

    /// The channel to the owner of the map, where there is one: a task must await it instead of blocking.
    fn channel(&self) -> Option<mpsc::Sender<Message>> {
        None
    }
}

/// A connection's access to the map.
pub trait Session: Send {
    /// The value of `key`.
    fn get(&mut self, key: &str) -> Option<Bytes>;
    /// Makes a copy of `value`, which lies in a receive buffer, the value of `key`.
    fn set(&mut self, key: &str, value: &[u8]);
    /// Appends the value of `key` to a reply, as a server's GET must; `false` if there is none. A map of `Bytes` hands
    /// out a share of the value under the lock, which is copied after it is given back.
    fn reply(&mut self, key: &str, reply: &mut Vec<u8>) -> bool {
        self.get(key).map(|value| reply.extend_from_slice(&value)).is_some()
    }
}

/// A row of [`WAYS`].
pub struct Row {
    /// Its name in tables.
    pub name: &'static str,
    /// Does the number of shards matter to it?
    pub sharded: bool,
    /// Makes an empty one with so many shards.
    pub make: fn(usize) -> Box<dyn Way>,
}

const fn row(name: &'static str, sharded: bool, make: fn(usize) -> Box<dyn Way>) -> Row {
    Row { name, sharded, make }
}

/// All ways, the problem first.
pub const WAYS: &[Row] = &[
    row("a map a connection (shares nothing)", false, |_| Box::new(PerConnection)),
    row("one lock, std Mutex", false, |_| Box::new(OneLock::<std::sync::Mutex<Map>>::new())),
    row("one lock, parking_lot Mutex", false, |_| Box::new(OneLock::<parking_lot::Mutex<Map>>::new())),
    row("one task, mpsc and oneshot", false, |_| Box::new(OneTask::start())),
    row("shards, std Mutex", true, |n| Box::new(Sharded::<std::sync::Mutex<Map>>::new(n))),
    row("shards, parking_lot Mutex", true, |n| Box::new(Sharded::<parking_lot::Mutex<Map>>::new(n))),
    row("shards, std RwLock", true, |n| Box::new(Sharded::<std::sync::RwLock<Map>>::new(n))),
    row("shards, parking_lot RwLock", true, |n| Box::new(Sharded::<parking_lot::RwLock<Map>>::new(n))),
    row("dashmap", true, |n| Box::new(Dash::new(n))),
    row("the store", true, |n| Box::new(Ours(Arc::new(Store::new(1, n, None, Clock::new()))))),
];

/// A lock around a map.
pub trait Lock: Default + Send + Sync + 'static {
    /// Runs `read` with the map, beside other readers where the lock lets them.
    fn read<R>(&self, read: impl FnOnce(&Map) -> R) -> R;
    /// Runs `write` with the map, alone.
    fn write<R>(&self, write: impl FnOnce(&mut Map) -> R) -> R;
}

impl Lock for std::sync::Mutex<Map> {
    fn read<R>(&self, read: impl FnOnce(&Map) -> R) -> R {
        read(&self.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut Map) -> R) -> R {
        write(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lock for parking_lot::Mutex<Map> {
    fn read<R>(&self, read: impl FnOnce(&Map) -> R) -> R {
        read(&self.lock())
    }

    fn write<R>(&self, write: impl FnOnce(&mut Map) -> R) -> R {
        write(&mut self.lock())
    }
}

impl Lock for std::sync::RwLock<Map> {
    fn read<R>(&self, read: impl FnOnce(&Map) -> R) -> R {
        read(&std::sync::RwLock::read(self).unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut Map) -> R) -> R {
        write(&mut std::sync::RwLock::write(self).unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lock for parking_lot::RwLock<Map> {
    fn read<R>(&self, read: impl FnOnce(&Map) -> R) -> R {
        read(&parking_lot::RwLock::read(self))
    }

    fn write<R>(&self, write: impl FnOnce(&mut Map) -> R) -> R {
        write(&mut parking_lot::RwLock::write(self))
    }
}

/// 1: every connection has a map of its own. Nothing is waited for, and nothing is shared.
struct PerConnection;

impl Way for PerConnection {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(Map::default())
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Session for Map {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        HashMap::get(self, key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        self.insert(key.to_owned(), Bytes::copy_from_slice(value));
    }
}

/// 2: one lock around one map.
struct OneLock<L>(Arc<L>);

impl<L: Lock> OneLock<L> {
    fn new() -> Self {
        Self(Arc::new(L::default()))
    }
}

impl<L: Lock> Way for OneLock<L> {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(Self(self.0.clone()))
    }
}

impl<L: Lock> Session for OneLock<L> {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.0.read(|map| map.get(key).cloned())
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let (key, value) = (key.to_owned(), Bytes::copy_from_slice(value));
        drop(self.0.write(|map| map.insert(key, value)));
    }
}

/// What connections send to the task that owns the map.
pub enum Message {
    /// Asks for the value of a key.
    Get(String, oneshot::Sender<Option<Bytes>>),
    /// Sets a key.
    Set(String, Bytes, oneshot::Sender<()>),
}

/// Messages that wait at most; a sender waits for room beyond.
const QUEUE_MAX: usize = 1024;

/// 3: a task, on a thread of its own, owns the map; connections send it messages. It ends with the last sender.
struct OneTask(mpsc::Sender<Message>);

impl OneTask {
    fn start() -> Self {
        let (sender, mut receiver) = mpsc::channel(QUEUE_MAX);
        std::thread::spawn(move || {
            // Awaits nothing but the channel: no reactor is needed.
            let mut map = Map::default();
            while let Some(message) = receiver.blocking_recv() {
                match message {
                    // A receiver that is gone wanted no answer.
                    Message::Get(key, reply) => {
                        let _ = reply.send(map.get(&key).cloned());
                    }
                    Message::Set(key, value, reply) => {
                        map.insert(key, value);
                        let _ = reply.send(());
                    }
                }
            }
        });
        Self(sender)
    }
}

impl Way for OneTask {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(Self(self.0.clone()))
    }

    fn channel(&self) -> Option<mpsc::Sender<Message>> {
        Some(self.0.clone())
    }
}

impl Session for OneTask {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        let (sender, receiver) = oneshot::channel();
        self.0.blocking_send(Message::Get(key.to_owned(), sender)).ok()?;
        receiver.blocking_recv().ok()?
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let (sender, receiver) = oneshot::channel();
        if self.0.blocking_send(Message::Set(key.to_owned(), Bytes::copy_from_slice(value), sender)).is_ok() {
            // An owner that is gone has lost the value with all others; GET will tell.
            let _ = receiver.blocking_recv();
        }
    }
}

/// A cache line of its own, so that neighbours' locks do not slow each other.
#[derive(Default)]
#[repr(align(64))]
struct Padded<L>(L);

/// 4: a vector of locked maps; the key's hash says which.
struct Sharded<L> {
    shards: Arc<[Padded<L>]>,
    hasher: RandomState,
}

impl<L: Lock> Sharded<L> {
    fn new(count: usize) -> Self {
        assert!(count.is_power_of_two(), "{count} shards");
        Self { shards: (0..count).map(|_| Padded::default()).collect(), hasher: RandomState::default() }
    }

    /// The middle bits: the map itself uses the lowest and the highest (with a hasher of its own).
    fn shard(&self, key: &str) -> &L {
        let number = (self.hasher.hash_one(key) >> 32) as usize & (self.shards.len() - 1);
        &self.shards[number].0
    }
}

impl<L: Lock> Way for Sharded<L> {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(Self { shards: self.shards.clone(), hasher: self.hasher.clone() })
    }
}

impl<L: Lock> Session for Sharded<L> {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.shard(key).read(|map| map.get(key).cloned())
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let (owned, value) = (key.to_owned(), Bytes::copy_from_slice(value));
        drop(self.shard(key).write(|map| map.insert(owned, value)));
    }
}

/// The library that does what number 4 does. It has no fewer than two shards.
struct Dash(Arc<DashMap<String, Bytes, RandomState>>);

impl Dash {
    fn new(count: usize) -> Self {
        let map = DashMap::with_hasher_and_shard_amount(RandomState::default(), count.max(2));
        Self(Arc::new(map))
    }
}

impl Way for Dash {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(Self(self.0.clone()))
    }
}

impl Session for Dash {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.0.get(key).map(|entry| entry.value().clone())
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        drop(self.0.insert(key.to_owned(), Bytes::copy_from_slice(value)));
    }
}

/// The store of this server: number 4 with a table and entries of its own. Every call is a whole transaction as the
/// pipeline opens it, record of effects included.
struct Ours(Arc<Store>);

struct OursSession {
    store: Arc<Store>,
    effects: Effects,
}

impl OursSession {
    fn context() -> Context {
        Context { db: 0, now: 0, access: Access::lru(0), no_touch: false }
    }

    /// Runs `f` on the string at `key`.
    fn with<R>(&mut self, key: &str, f: impl FnOnce(StrRef<'_>) -> R) -> Option<R> {
        let key = Key { bytes: key.as_bytes(), hash: self.store.hash(key.as_bytes()) };
        self.effects.reset();
        let mut tx = self.store.begin_one(key.hash, Self::context(), &mut self.effects);
        tx.string(key).ok().flatten().map(f)
    }
}

impl Way for Ours {
    fn connect(&self) -> Box<dyn Session> {
        Box::new(OursSession { store: Arc::clone(&self.0), effects: Effects::default() })
    }
}

impl Session for OursSession {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.with(key, |value| match value {
            StrRef::Int(n) => Bytes::from(n.to_string()),
            StrRef::Inline(text) => Bytes::copy_from_slice(text),
            StrRef::Shared(text) => text.clone(),
        })
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let key = Key { bytes: key.as_bytes(), hash: self.store.hash(key.as_bytes()) };
        self.effects.reset();
        let mut tx = self.store.begin_one(key.hash, Self::context(), &mut self.effects);
        tx.set(key, NewStr::Slice(value), Expiry::Clear);
        tx.dirty(1);
    }

    fn reply(&mut self, key: &str, reply: &mut Vec<u8>) -> bool {
        let copied = self.with(key, |value| match value {
            StrRef::Inline(text) => {
                reply.extend_from_slice(text);
                true
            }
            _ => false,
        });
        copied == Some(true) || self.get(key).map(|value| reply.extend_from_slice(&value)).is_some()
    }
}

/// Checks of every way that what one connection sets another sees, and of the first that it does not: the problem
/// that the rest of this bench is about. Panics otherwise.
pub fn self_test() {
    for row in WAYS {
        for shards in [1, 16, 4096] {
            let way = (row.make)(shards);
            let (mut one, mut other) = (way.connect(), way.connect());
            one.set("key", b"old");
            one.set("key", b"value");
            assert_eq!(one.get("key").as_deref(), Some(&b"value"[..]), "{}: its own SET", row.name);
            let seen = other.get("key").is_some();
            assert_eq!(seen, way.is_shared(), "{}: another connection's SET", row.name);
            assert_eq!(other.get("another key"), None, "{}: a key that is not there", row.name);
        }
    }
    let invisible = WAYS.iter().filter(|row| !(row.make)(1).is_shared()).count();
    assert_eq!(invisible, 1, "exactly one way shares nothing");
}
