//! Invalidations: telling clients that track that what they have cached may have changed.
//!
//! Owns who tracks and how ([`Tracking::start`]), how an invalidation looks on the wire, and who is sent it. Which client
//! read which key is the [`Table`]'s; when keys changed is `exec/commit.rs`'s; that an invalidation comes in order with
//! replies is `exec/track.rs`'s.
//!
//! **Off, nothing is paid**: keys that change are recorded only while somebody tracks ([`crate::store::Wants`]). It is
//! switched on before the first client that tracks has its reply, and looked at by writers behind the lock of their shard,
//! so a key that is read under tracking has no change missed.
//!
//! **Locks.** The registry's is taken before a part of the table where both are needed (eviction, the sweep), else alone;
//! an inbox's under either. All may be taken while shards are held. Nobody is woken meanwhile: `calls` says who is to be.
//!
//! **A slow reader** is closed when its socket's backlog and its inbox together exceed its class's
//! `client-output-buffer-limit`, and where that sets no limit, [`WAITING_MAX`].

use crate::client::{ClientFlags, Shared};
use crate::config::Settings;
use crate::store::{Call, Effects, Listeners};
use crate::tracking::{Options, Prefixes, Table};
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Where the configuration sets no limit: bytes that may wait for a client that does not read.
const WAITING_MAX: usize = 1 << 30;
/// Parts of the table that one tick of the periodic work looks through for clients that have gone.
const SWEPT: usize = 4;

/// A client that tracks.
struct Tracker {
    client: Arc<Shared>,
    /// Who is told in its place.
    redirect: Option<Arc<Shared>>,
    options: Options,
}

#[derive(Default)]
struct Registry {
    trackers: HashMap<u64, Tracker>,
    prefixes: Prefixes,
}

/// Client-side caching: who tracks, and what they remember.
#[derive(Default)]
pub struct Tracking {
    /// Who read which keys.
    pub table: Table,
    registry: RwLock<Registry>,
    clients: AtomicUsize,
    prefixes: AtomicUsize,
    /// Bytes that may wait for a client: an ordinary one, a subscriber.
    hard: [AtomicUsize; 2],
}

/// One invalidation, encoded for a protocol when the first client needs it.
struct Message {
    body: Vec<u8>,
    /// All keys: the body is a null, which depends on the protocol.
    everything: bool,
    encoded: [Option<Bytes>; 2],
}

impl Message {
    fn of<'k>(keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Self {
        let mut body = format!("*{}\r\n", keys.len()).into_bytes();
        for key in keys {
            body.extend_from_slice(format!("${}\r\n", key.len()).as_bytes());
            body.extend_from_slice(key);
            body.extend_from_slice(b"\r\n");
        }
        Self { body, everything: false, encoded: [None, None] }
    }

    fn everything() -> Self {
        Self { body: Vec::new(), everything: true, encoded: [None, None] }
    }

    fn bytes(&mut self, resp3: bool) -> Bytes {
        let Self { body, everything, encoded } = self;
        let make = || {
            let (head, null): (&[u8], &[u8]) = match resp3 {
                true => (b">2\r\n$10\r\ninvalidate\r\n", b"_\r\n"),
                false => (b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n", b"$-1\r\n"),
            };
            [head, if *everything { null } else { body }].concat().into()
        };
        encoded[usize::from(resp3)].get_or_insert_with(make).clone()
    }
}

fn speaks_resp3(client: &Shared) -> bool {
    client.proto.load(Relaxed) == 3
}

fn is_gone(client: &Shared) -> bool {
    client.kill.load(Relaxed) || client.flags().contains(ClientFlags::CLOSING)
}

impl Tracking {
    /// Takes up the configuration.
    pub(super) fn configure(&self, settings: &Settings) {
        for (limit, subscribed) in self.hard.iter().zip([false, true]) {
            let hard = match settings.client_output_buffer_limit.of(subscribed).hard {
                0 => WAITING_MAX,
                hard => usize::try_from(hard).unwrap_or(usize::MAX),
            };
            limit.store(hard, Relaxed);
        }
    }

    /// Clients that track.
    pub fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// Prefixes that clients asked for.
    pub fn prefixes(&self) -> usize {
        self.prefixes.load(Relaxed)
    }

    /// Switches tracking on for a client, or changes how it tracks.
    pub fn start(&self, listeners: &Listeners, client: &Arc<Shared>, redirect: Option<Arc<Shared>>, options: Options) {
        let mut registry = self.registry.write();
        options.prefixes.iter().for_each(|prefix| registry.prefixes.add(prefix, client.id));
        client.set_flag(ClientFlags::TRACKING, true);
        client.set_flag(ClientFlags::BCAST, options.bcast);
        client.set_flag(ClientFlags::BROKEN_REDIRECT, false);
        registry.trackers.insert(client.id, Tracker { client: Arc::clone(client), redirect, options });
        self.note(&registry);
        listeners.track(true);
    }

    /// Switches it off.
    pub fn stop(&self, listeners: &Listeners, client: &Shared) {
        let mut registry = self.registry.write();
        let Some(tracker) = registry.trackers.remove(&client.id) else { return };
        tracker.options.prefixes.iter().for_each(|prefix| registry.prefixes.remove(prefix, client.id));
        client.set_flag(ClientFlags::TRACKING | ClientFlags::BCAST | ClientFlags::BROKEN_REDIRECT, false);
        if registry.trackers.is_empty() {
            listeners.track(false);
            self.table.clear();
        } else if !tracker.options.bcast {
            self.table.has_stale();
        }
        self.note(&registry);
    }

    fn note(&self, registry: &Registry) {
        self.clients.store(registry.trackers.len(), Relaxed);
        self.prefixes.store(registry.prefixes.len(), Relaxed);
    }

    /// The client that a client's invalidations are redirected to; 0: none, `None`: it does not track.
    pub fn redirect_of(&self, id: u64) -> Option<u64> {
        self.registry.read().trackers.get(&id).map(|tracker| tracker.options.redirect)
    }

    /// Tells of the keys that `effects` says client `by` has changed; their shards are held. Who tracks by prefix is told
    /// by [`Tracking::broadcast`].
    pub fn invalidate(&self, effects: &mut Effects, by: u64) {
        let Effects { changed, expired_keys, expired_fields, flushed, calls, broadcast, .. } = effects;
        let prefixed = self.prefixes() > 0;
        for (db, key) in changed.drain(..) {
            // What expired was not the client's doing, so that NOLOOP does not concern it.
            let expired = expired_keys.iter().any(|(d, k)| (d, k) == (&db, &key))
                || expired_fields.iter().any(|field| (field.db, &field.key) == (db, &key));
            let by = if expired { 0 } else { by };
            let ids = self.table.forget(&key);
            if !ids.is_empty() {
                self.tell(&self.registry.read(), &mut Message::of([&*key].into_iter()), ids.iter().copied(), by, calls);
            }
            if prefixed {
                broadcast.push((key, by));
            }
        }
        if std::mem::take(flushed) {
            self.table.clear();
            let (registry, mut message) = (self.registry.read(), Message::everything());
            registry.trackers.values().for_each(|tracker| self.send(tracker, &mut message, by, calls));
        }
    }

    /// Tells who tracks by prefix of the keys that changed; their shards are held. One message a client and prefix.
    pub fn broadcast(&self, effects: &mut Effects) {
        let registry = self.registry.read();
        let mut of: BTreeMap<&[u8], BTreeMap<&[u8], u64>> = BTreeMap::new();
        for (key, by) in &effects.broadcast {
            for prefix in registry.prefixes.of(key) {
                of.entry(prefix).or_default().insert(key, *by);
            }
        }
        for (prefix, keys) in &of {
            let mut all = Message::of(keys.keys().copied().collect::<Vec<_>>().into_iter());
            for id in registry.prefixes.clients(prefix) {
                let Some(tracker) = registry.trackers.get(&id) else { continue };
                let by = keys.values().next().copied().unwrap_or_default();
                if !tracker.options.noloop || !keys.values().any(|by| *by == id) {
                    self.send(tracker, &mut all, by, &mut effects.calls);
                    continue;
                }
                let others: BTreeSet<&[u8]> = keys.iter().filter(|(_, by)| **by != id).map(|(key, _)| *key).collect();
                if !others.is_empty() {
                    self.send(tracker, &mut Message::of(others.into_iter()), by, &mut effects.calls);
                }
            }
        }
        drop(of);
        effects.broadcast.clear();
    }

    /// Evicts keys from a table of more than `max`, and tells who remembered them.
    pub fn limit(&self, max: usize, calls: &mut Vec<Call>) {
        if max == 0 || self.table.keys() <= max {
            return;
        }
        let registry = self.registry.read();
        self.table.limit(max, |key, ids| {
            self.tell(&registry, &mut Message::of([key].into_iter()), ids.iter().copied(), 0, calls);
        });
    }

    /// The periodic work: holds the table to its limit, strikes out who has gone.
    pub fn tick(&self, max: usize, calls: &mut Vec<Call>) {
        self.limit(max, calls);
        let registry = self.registry.read();
        self.table.sweep(SWEPT, |id| registry.trackers.contains_key(&id));
    }

    /// Sends a message to those of `ids` that track keys that they read.
    fn tell(
        &self,
        registry: &Registry,
        message: &mut Message,
        ids: impl Iterator<Item = u64>,
        by: u64,
        calls: &mut Vec<Call>,
    ) {
        let trackers = ids.filter_map(|id| registry.trackers.get(&id));
        for tracker in trackers.filter(|t| !(t.options.bcast || t.options.noloop && t.client.id == by)) {
            self.send(tracker, message, by, calls);
        }
    }

    /// Sends a message to a client, or to whom it redirects to. In RESP2 only a subscriber that another client redirects
    /// to can be told, by a message of a channel.
    fn send(&self, tracker: &Tracker, message: &mut Message, by: u64, calls: &mut Vec<Call>) {
        let Tracker { client, redirect, .. } = tracker;
        match redirect {
            None if speaks_resp3(client) => self.leave(client, message.bytes(true), by, calls),
            None => {}
            Some(target) if is_gone(target) => {
                client.set_flag(ClientFlags::BROKEN_REDIRECT, true);
                if speaks_resp3(client) {
                    let text = format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", target.id);
                    self.leave(client, text.into(), by, calls);
                }
            }
            Some(target) if speaks_resp3(target) => self.leave(target, message.bytes(true), 0, calls),
            Some(target) if target.flags().contains(ClientFlags::PUBSUB) => {
                self.leave(target, message.bytes(false), 0, calls);
            }
            Some(_) => {}
        }
    }

    /// Leaves a message with a client. Client `by`, whose command caused it, looks after its mail behind its reply.
    fn leave(&self, client: &Shared, message: Bytes, by: u64, calls: &mut Vec<Call>) {
        if client.kill.load(Relaxed) {
            return;
        }
        let limit = &self.hard[usize::from(client.flags().contains(ClientFlags::PUBSUB))];
        let waiting = client.leave(message) + client.output.load(Relaxed);
        if waiting > limit.load(Relaxed) {
            tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", client.id, client.addr);
            client.kill.store(true, Relaxed);
        } else if client.id == by {
            return;
        }
        calls.extend(client.call());
    }
}
