//! Messages to clients: publishing, and keyspace events.
//!
//! Owns how a message looks on the wire, the limit on what may wait for a subscriber, and which classes of keyspace
//! events are published where. Who has subscribed to what is the [`Registry`]'s; how a message goes on from an inbox to a
//! socket is the workers'.
//!
//! **One encoding.** A message is encoded once for each protocol version among its subscribers, whatever their number,
//! and once more for each pattern; inboxes share the bytes.
//!
//! **Nobody waits.** A message is left in each subscriber's inbox, also while shards are held; who must be woken is
//! noted as a [`Call`] and told after unlocking ([`super::Server::tell`]), each worker once. A subscriber that reads too
//! slowly, its socket's backlog and its inbox together over `client-output-buffer-limit pubsub`, is closed; the soft
//! limit is the periodic work's.

use crate::client::Shared;
use crate::config::{Settings, notify};
use crate::pubsub::{Registry, Space};
use crate::store::{Call, Class, Event, Listeners, Notify};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

/// A subscriber.
#[derive(Clone)]
pub struct Seat(pub Arc<Shared>);

impl PartialEq for Seat {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Clients that have subscribed, and what is published to them.
#[derive(Default)]
pub struct PubSub {
    /// Who has subscribed to what.
    pub registry: Registry<Seat>,
    /// Clients that have subscribed to anything.
    pub clients: AtomicUsize,
    /// Bytes that may wait for a subscriber; 0: any number.
    hard: AtomicUsize,
    /// Bits of [`notify`].
    events: AtomicU32,
}

/// One message for the subscribers of either protocol, encoded when the first needs it.
struct Message<'a> {
    words: &'a [&'a [u8]],
    encoded: [Option<Bytes>; 2],
}

impl Message<'_> {
    fn bytes(&mut self, resp3: bool) -> Bytes {
        self.encoded[usize::from(resp3)].get_or_insert_with(|| encode(resp3, self.words)).clone()
    }
}

/// An array or, in RESP3, a push of strings.
fn encode(resp3: bool, words: &[&[u8]]) -> Bytes {
    let mut number = itoa::Buffer::new();
    let mut wire = Vec::with_capacity(16 + words.iter().map(|word| word.len() + 16).sum::<usize>());
    wire.push(if resp3 { b'>' } else { b'*' });
    wire.extend_from_slice(number.format(words.len()).as_bytes());
    wire.extend_from_slice(b"\r\n");
    for word in words {
        wire.push(b'$');
        wire.extend_from_slice(number.format(word.len()).as_bytes());
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(word);
        wire.extend_from_slice(b"\r\n");
    }
    wire.into()
}

impl PubSub {
    /// Takes up the configuration: the limit, and the classes of events that it listens to from now on.
    pub(super) fn configure(self: &Arc<Self>, settings: &Settings, listeners: &Listeners) {
        let hard = settings.client_output_buffer_limit.pubsub.hard;
        self.hard.store(usize::try_from(hard).unwrap_or(usize::MAX), Relaxed);
        self.events.store(settings.notify_keyspace_events, Relaxed);
        let classes = self.classes();
        if classes != 0 {
            // Once for all; later it is the same one that listens again.
            listeners.set_notify(Box::new(Arc::clone(self)));
        }
        listeners.listen(classes);
    }

    /// The classes of events that are published, as [`crate::store::Listeners::listen`] takes them.
    fn classes(&self) -> u32 {
        let events = self.events.load(Relaxed);
        if events & (notify::KEYSPACE | notify::KEYEVENT) == 0 {
            return 0;
        }
        CLASSES.iter().filter(|(_, bit)| events & bit != 0).fold(0, |mask, (class, _)| mask | class.bit())
    }

    /// Subscribers of a name that are not being closed. O(subscribers).
    pub fn subscribers(&self, space: Space, name: &[u8]) -> usize {
        self.registry.of(space).count(name, |Seat(client)| !client.kill.load(Relaxed))
    }

    /// Publishes a message; returns how many subscriptions it reached. Nobody is woken: `calls` says who is to be.
    /// O(subscribers + patterns).
    pub fn publish(&self, sharded: bool, channel: &[u8], message: &[u8], calls: &mut Vec<Call>) -> usize {
        let hard = self.hard.load(Relaxed);
        self.registry.publish(sharded, channel, |pattern, seats| match pattern {
            Some(pattern) => deliver(&[b"pmessage", pattern, channel, message], seats, hard, calls),
            None if sharded => deliver(&[b"smessage", channel, message], seats, hard, calls),
            None => deliver(&[b"message", channel, message], seats, hard, calls),
        })
    }
}

/// Leaves a message with each of `seats` but those that are being closed, who count as gone already; returns how many.
fn deliver(words: &[&[u8]], seats: &[Seat], hard: usize, calls: &mut Vec<Call>) -> usize {
    let mut message = Message { words, encoded: [None, None] };
    let mut reached = 0;
    for Seat(client) in seats {
        if client.kill.load(Relaxed) {
            continue;
        }
        reached += 1;
        let waiting = client.leave(message.bytes(client.proto.load(Relaxed) == 3)) + client.output.load(Relaxed);
        if hard > 0 && waiting > hard {
            tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", client.id, client.addr);
            client.kill.store(true, Relaxed);
        }
        calls.extend(client.call());
    }
    reached
}

/// Classes and their bits in the directive.
const CLASSES: [(Class, u32); 12] = [
    (Class::Generic, notify::GENERIC),
    (Class::String, notify::STRING),
    (Class::List, notify::LIST),
    (Class::Set, notify::SET),
    (Class::Hash, notify::HASH),
    (Class::ZSet, notify::ZSET),
    (Class::Stream, notify::STREAM),
    (Class::Module, notify::MODULE),
    (Class::Expired, notify::EXPIRED),
    (Class::Evicted, notify::EVICTED),
    (Class::New, notify::NEW),
    (Class::Miss, notify::KEY_MISS),
];

impl Notify for Arc<PubSub> {
    fn event(&self, event: &Event, calls: &mut Vec<Call>) {
        let events = self.events.load(Relaxed);
        let channel = |kind: &str, last: &[u8]| [format!("__{kind}@{}__:", event.db).as_bytes(), last].concat();
        if events & notify::KEYSPACE != 0 {
            self.publish(false, &channel("keyspace", &event.key), event.name.as_bytes(), calls);
        }
        if events & notify::KEYEVENT != 0 {
            self.publish(false, &channel("keyevent", event.name.as_bytes()), &event.key, calls);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Mailbox;
    use crate::resp::OutBuf;

    fn client(id: u64, proto: u16) -> Arc<Shared> {
        let shared = Shared::new(id, String::new(), String::new(), 0, 0, 0);
        let shared = shared.with_mailbox(Arc::new(Mailbox::new(|| panic!("nobody is woken"))), id);
        shared.proto.store(proto, Relaxed);
        Arc::new(shared)
    }

    fn mail(shared: &Shared) -> String {
        let mut out = OutBuf::new();
        shared.take_mail(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn each_hears_in_its_own_protocol_and_is_called_once() {
        let (pubsub, mut calls) = (PubSub::default(), Vec::new());
        let (old, new) = (client(1, 2), client(2, 3));
        for seat in [&old, &new] {
            pubsub.registry.of(Space::Channel).add(&Bytes::from_static(b"c"), Seat(Arc::clone(seat)));
        }
        pubsub.registry.of(Space::Pattern).add(&Bytes::from_static(b"*"), Seat(Arc::clone(&old)));
        assert_eq!(pubsub.publish(false, b"c", b"hi", &mut calls), 3);
        assert_eq!(calls, [Call { worker: 0, token: 1 }, Call { worker: 0, token: 2 }]);
        assert_eq!(
            mail(&old),
            "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$2\r\nhi\r\n"
        );
        assert_eq!(mail(&new), ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    }

    /// Ten thousand inboxes share the bytes of one message of each protocol.
    #[test]
    fn a_message_is_encoded_once_a_protocol_however_many_hear_it() {
        let (pubsub, mut calls) = (PubSub::default(), Vec::new());
        let clients: Vec<Arc<Shared>> = (0..10_000).map(|id| client(id, 2 + (id % 2) as u16)).collect();
        for seat in &clients {
            pubsub.registry.of(Space::Channel).add(&Bytes::from_static(b"c"), Seat(Arc::clone(seat)));
        }
        assert_eq!(pubsub.publish(false, b"c", b"once", &mut calls), clients.len());
        assert_eq!(calls.len(), clients.len());
        let wire = [
            &b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nonce\r\n"[..],
            b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nonce\r\n",
        ];
        let mut places = [None, None];
        for (id, client) in clients.iter().enumerate() {
            let mail = client.mail();
            let [message] = &mail[..] else { panic!("{mail:?}") };
            assert_eq!(message, wire[id % 2]);
            let first = *places[id % 2].get_or_insert(message.as_ptr());
            assert_eq!(message.as_ptr(), first, "client {id} has a copy");
        }
    }

    #[test]
    fn who_does_not_read_is_closed_at_the_hard_limit() {
        let (pubsub, mut calls) = (PubSub::default(), Vec::new());
        pubsub.hard.store(100, Relaxed);
        let slow = client(1, 2);
        slow.output.store(50, Relaxed);
        pubsub.registry.of(Space::Shard).add(&Bytes::from_static(b"c"), Seat(Arc::clone(&slow)));
        assert_eq!(pubsub.publish(true, b"c", b"x", &mut calls), 1);
        assert!(!slow.kill.load(Relaxed));
        assert_eq!(pubsub.publish(true, b"c", b"x", &mut calls), 1);
        assert!(slow.kill.load(Relaxed));
        let waiting = slow.mail_bytes();
        assert_eq!(pubsub.subscribers(Space::Shard, b"c"), 0, "who is being closed is gone to others");
        assert_eq!(pubsub.publish(true, b"c", b"x", &mut calls), 0);
        assert_eq!((slow.mail_bytes(), calls.len()), (waiting, 1));
    }

    #[test]
    fn events_need_a_class_and_a_place() {
        let pubsub = PubSub::default();
        for (text, some) in [("", false), ("A", false), ("KE", false), ("Kx", true), ("E$", true), ("KEA", true)] {
            pubsub.events.store(notify::from_text(text).unwrap(), Relaxed);
            assert_eq!(pubsub.classes() != 0, some, "{text}");
        }
    }
}
