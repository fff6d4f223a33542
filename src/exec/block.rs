//! Blocking commands: waiting for keys, being served, giving up.
//!
//! Owns [`Waiter`], what the queues of keys hold (`store/block.rs` owns the queues). A command that finds nothing leaves
//! one waiter in the queues of all the keys it waits for, while it holds their shards, and blocks its client.
//!
//! **Who serves.** The worker whose command changed a key serves its waiters, after the whole command or EXEC and before
//! its own next command: it locks all keys of the first waiter's command and runs that command for it; what it makes may
//! make further keys ready (BLMOVE), and these come next. The reply goes into the waiting client's inbox. Waiters of one
//! key are served in the order in which they came, over all shards and workers. So a blocking command that finds data,
//! fresh or served at another of its keys, lets those be served first who wait for that data longer: whoever brought it
//! may not have come to them yet. A handler of lists or sorted sets that finds a value of its type must not wait. Who
//! reads a stream takes nothing away, so all are served by one entry and nobody is ahead of anybody; those that read for
//! one group are served in turn. Who waits with XREADGROUP is also called when its key goes, is overwritten or loses the
//! group: the error that its handler then finds is its reply.
//!
//! **No element is lost, none is handed out twice.** Whether a waiter is over is changed only with the shards of all its
//! keys held: by who serves it, which has then popped its element in the same transaction, or by its own worker, when
//! its time is over, CLIENT UNBLOCK asks, or its connection has gone. So an element is popped for a client only while it
//! is known to be connected; the reply to one that goes before it is written is lost with the connection, as every reply.
//! Once CLIENT KILL or CLIENT UNBLOCK has answered, its client is not served any more, though its own worker takes it out
//! of the queues later; of CLIENT UNBLOCK and who serves, one decides ([`Shared::decide`]), so the other knows. The reply
//! lies in the inbox before the wait is over, so what the client runs next comes behind it. A client that has only shut
//! down its writing side ends its wait by that, but if it was served before it gets the reply (`block/end.rs`).
//! If the handler panics on its behalf the waiter stays.
//!
//! **Cost.** Who does not block and touches no key that others wait for pays a test of a null pointer per write. A
//! push of one element to a key with ten thousand waiters looks at one of them. Timers are the connection's
//! (`net/timers.rs`). Lock order is the store's: one transaction at a time.

mod end;

use super::{Worker, commit, lock_set, track};
use crate::client::{Blocked, Client, ClientFlags, ReplyMode, Shared};
use crate::commands::error::busy;
use crate::commands::stream::{fetches_of_group, keeps_waiting_for};
use crate::commands::{Args, BlockFn, CommandId, Nothing, Row, Served};
use crate::resp::{ArgView, OutBuf, OwnedCommand, Proto, Reply};
use crate::server::{Late, Server};
use crate::spec::{Group, KeyFlags, for_each_key};
use crate::store::{Context, IsBusy, Key, LockSet, Ticket, Waiting, WriteTx};
use crate::types::TypeTag;
use crate::types::stream::Stream;
use bytes::Bytes;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A key with its database.
type KeyIn = (u32, Box<[u8]>);

/// So often a blocking command lets others go first before it runs.
const ROUNDS_MAX: u32 = 64;

/// The number of the last waiter.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A client that waits, as the queues know it.
struct Waiter {
    /// It has left its queues. Changed only with the shards of all its keys held.
    over: AtomicBool,
    number: u64,
    client: Arc<Shared>,
    db: u32,
    proto: Proto,
    no_touch: bool,
    /// Its replies are switched off.
    silent: bool,
    /// It tracks the keys that the command reads.
    tracks: bool,
    /// It waits for some time at most.
    timed: bool,
    id: CommandId,
    row: &'static Row,
    handler: BlockFn,
    args: OwnedCommand,
}

impl Waiting for Waiter {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.client.gives_up()
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn wants_absence(&self) -> bool {
        fetches_of_group(self.row, self.args.view()).is_some()
    }
}

impl Waiter {
    fn new(
        client: &Client,
        (id, row, handler): (CommandId, &'static Row, BlockFn),
        args: OwnedCommand,
        timed: bool,
    ) -> Self {
        Self {
            over: AtomicBool::new(false),
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            client: Arc::clone(&client.shared),
            db: client.db,
            proto: client.proto,
            no_touch: client.no_touch,
            tracks: track::remembers(client, row),
            timed,
            silent: matches!(client.reply, ReplyMode::Off | ReplyMode::Skip),
            id,
            row,
            handler,
            args,
        }
    }

    fn of(ticket: &Ticket) -> Option<&Waiter> {
        (&**ticket as &dyn Any).downcast_ref()
    }

    /// The type of value that can serve it.
    fn wants(&self) -> Option<TypeTag> {
        wanted(self.row)
    }

    /// Ends the wait and leaves all queues. The shards of its keys are held.
    fn finish(&self, server: &Server, ticket: &Ticket, tx: &mut WriteTx<'_>) {
        self.over.store(true, Ordering::Release);
        self.client.set_flag(ClientFlags::BLOCKED, false);
        server.clients.blocked.fetch_sub(1, Ordering::Relaxed);
        server.clients.timed.fetch_sub(u64::from(self.timed), Ordering::Relaxed);
        let mine = tx.db();
        tx.select(self.db);
        for_each_waited(self.row, self.args.view(), |key| {
            let key = tx.key(key);
            tx.unblock(key, ticket);
        });
        tx.select(mine);
    }
}

/// The type of value that serves a blocking command.
fn wanted(row: &Row) -> Option<TypeTag> {
    match row.spec.group {
        Group::List => Some(TypeTag::List),
        Group::SortedSet => Some(TypeTag::ZSet),
        Group::Stream => Some(TypeTag::Stream),
        _ => None,
    }
}

/// The keys that a blocking command waits for: those it takes data out of.
fn for_each_waited<'a>(row: &Row, args: ArgView<'a>, mut each: impl FnMut(&'a [u8])) {
    let arg = |i: usize| args.get(i).unwrap_or_default();
    for_each_key(row.spec.keys, args.len(), arg, |i, flags| {
        if flags.contains(KeyFlags::ACCESS) {
            each(arg(i));
        }
    });
}

pub(super) fn write_nothing(nothing: Nothing, reply: &mut Reply<'_>) {
    match nothing {
        Nothing::Array => reply.null_array(),
        Nothing::Bulk => reply.null(),
    }
}

/// Locks what a waiter's command needs.
fn waiter_locks(server: &Server, waiter: &Waiter, locks: &mut LockSet) {
    locks.clear();
    lock_set(server, waiter.row, waiter.db, waiter.args.view(), locks, false);
}

/// The keys where there is data that others wait for who came before `number`: they are served first, and whoever brought
/// the data may not have come to it yet.
fn others_ahead(row: &Row, args: ArgView<'_>, tx: &mut WriteTx<'_>, number: u64) -> Vec<KeyIn> {
    let (db, wanted) = (tx.db(), wanted(row));
    let mut ahead = Vec::new();
    let group = fetches_of_group(row, args);
    if row.spec.group == Group::Stream && group.is_none() {
        // Who reads a stream takes nothing away from anybody.
        return ahead;
    }
    for_each_waited(row, args, |bytes| {
        let key = tx.key(bytes);
        if tx.has_waiters(key) && wanted.is_some() && tx.peek(key).map(|entry| entry.type_tag()) == wanted {
            if group.is_some_and(|group| !has_news(tx, key, group)) {
                return;
            }
            let same = |t: &Ticket| {
                Waiter::of(t).is_some_and(|w| {
                    w.wants() == wanted && (group.is_none() || fetches_of_group(w.row, w.args.view()) == group)
                })
            };
            if tx.next_waiting(key, 0, same).is_some_and(|first| first.number() < number) {
                ahead.push((db, bytes.into()));
            }
        }
    });
    ahead
}

/// Whether a stream has entries that a group has not read.
fn has_news(tx: &mut WriteTx<'_>, key: Key<'_>, group: &[u8]) -> bool {
    tx.reader().peek_collection::<Stream>(key).ok().flatten().is_some_and(|stream| {
        stream.group(group).is_some_and(|group| stream.entries().last().is_some_and(|last| last.id > group.last_id()))
    })
}

/// Puts a waiter into the queues of its keys, whose shards are held, and blocks its client.
fn start_waiting(server: &Server, client: &mut Client, tx: &mut WriteTx<'_>, waiter: Waiter, deadline_ns: Option<u64>) {
    let row = waiter.row;
    let waiter = Arc::new(waiter);
    let ticket: Ticket = Arc::clone(&waiter) as Ticket;
    for_each_waited(row, waiter.args.view(), |key| {
        let key = tx.key(key);
        tx.block(key, Arc::clone(&ticket));
    });
    client.shared.begin_wait();
    client.shared.set_flag(ClientFlags::BLOCKED, true);
    server.clients.blocked.fetch_add(1, Ordering::Relaxed);
    server.clients.timed.fetch_add(u64::from(waiter.timed), Ordering::Relaxed);
    client.blocked = Some(Box::new(Blocked { deadline_ns, ticket: Box::new(ticket) }));
}

/// What came of an attempt to serve a waiter.
enum Attempt {
    /// It waits no longer, whoever served it.
    Over,
    /// There was nothing for it.
    Nothing,
    /// A busy script holds a shard that it needs.
    Busy,
    /// Others come first, at these keys.
    Behind(Vec<KeyIn>),
}

/// That a waiter is to be served, and not to be unblocked any more. Taken back if it is not served, or if its handler
/// panics.
struct Decision<'w>(Option<&'w Shared>);

impl<'w> Decision<'w> {
    /// `None`: it is over, or gives up. The shards of its keys are held.
    fn on(waiter: &'w Waiter) -> Option<Self> {
        (!waiter.is_over() && waiter.client.decide()).then(|| Self(Some(&waiter.client)))
    }

    fn stands(mut self) {
        self.0 = None;
    }
}

impl Drop for Decision<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.0 {
            client.undecide();
        }
    }
}

fn waiter_of(client: &Client) -> Option<Ticket> {
    client.blocked.as_ref()?.ticket.downcast_ref().map(Arc::clone)
}

impl Worker {
    /// Runs a blocking command of a client outside of a transaction: it replies, or blocks the client.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn call_blocking(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        handler: BlockFn,
        args: ArgView<'_>,
        reply: &mut Reply<'_>,
    ) {
        for round in 1.. {
            self.effects.reset();
            self.locks.clear();
            lock_set(server, row, client.db, args, &mut self.locks, false);
            let context = self.context(server, client);
            let mut why = IsBusy::default();
            let entered = server.store.enter(&mut self.locks, context, &mut self.effects);
            let Ok(mut tx) = entered.map_err(|is| why = is) else {
                self.refuse(client, Some(id), busy(why).as_bytes(), reply);
                return;
            };
            track::hear(client, &mut self.after_mail, reply);
            let mut ahead = others_ahead(row, args, &mut tx, u64::MAX);
            if round > ROUNDS_MAX {
                // Others fill and wait for the keys faster than they are served here: being fair must not be for ever.
                ahead.clear();
            }
            if ahead.is_empty() {
                let mut cursor = Args::new(args, &server.store, &self.settings, (0, 0));
                match handler(&mut tx, &mut cursor, reply) {
                    Ok(Served::Done) => {}
                    Ok(Served::Wait { timeout_ms, .. }) => {
                        // An id of a stream may mean one now and another later.
                        let settled = match row.spec.group {
                            Group::Stream => keeps_waiting_for(&mut tx, args),
                            _ => None,
                        };
                        let args = settled.unwrap_or_else(|| args.to_owned());
                        let waiter = Waiter::new(client, (id, row, handler), args, timeout_ms.is_some());
                        let deadline_ns =
                            timeout_ms.map(|ms| self.last_ns.saturating_add(ms.saturating_mul(1_000_000)));
                        start_waiting(server, client, &mut tx, waiter, deadline_ns);
                    }
                    Err(e) => e.write(reply),
                }
            }
            commit::commit(server, &self.stats, &mut tx, client.shared.id, args);
            if track::remembers(client, row) {
                track::remember(server, client.shared.id, row, args);
            }
            drop(tx);
            if ahead.is_empty() {
                break;
            }
            self.serve(server, ahead);
        }
        if client.blocked.is_some() {
            self.monitor(server, client, row, args);
        } else {
            self.count(server, client, id, row, args, reply, 0);
        }
        self.settle(server);
    }

    /// What follows a commit once nothing is held: frees what was too large to be freed under a lock, serves those who
    /// waited for the keys that changed.
    #[inline]
    pub(super) fn settle(&mut self, server: &Server) {
        if !self.effects.garbage.is_empty() {
            commit::dispose(server, &mut self.effects);
        }
        if !self.effects.calls.is_empty() {
            server.tell(&mut self.effects.calls);
        }
        if !self.effects.ready.is_empty() {
            let ready = std::mem::take(&mut self.effects.ready);
            self.serve(server, ready);
        }
    }

    /// Serves those who wait for `keys`, and for the keys that this changes, until none of them can be served.
    #[cold]
    pub(super) fn serve(&mut self, server: &Server, keys: Vec<KeyIn>) {
        let mut queue = VecDeque::from(keys);
        // Who was found to be behind others since somebody was served: twice would be a circle.
        let mut behind = Vec::new();
        'keys: while let Some((db, key)) = queue.pop_front() {
            let mut after = 0;
            loop {
                let ticket = match self.next_for(server, db, &key, after) {
                    Ok(Some(ticket)) => ticket,
                    Ok(None) => break,
                    Err(IsBusy { .. }) => {
                        self.put_off(server, Late::Ready(db, key));
                        continue 'keys;
                    }
                };
                let Some(waiter) = Waiter::of(&ticket) else { break };
                match self.serve_one(server, waiter, &ticket) {
                    Attempt::Busy => {
                        self.put_off(server, Late::Ready(db, key));
                        continue 'keys;
                    }
                    Attempt::Over => behind.clear(),
                    Attempt::Behind(first) if !behind.contains(&waiter.number) => {
                        behind.push(waiter.number);
                        queue.push_front((db, key));
                        first.into_iter().rev().for_each(|key| queue.push_front(key));
                        continue 'keys;
                    }
                    Attempt::Nothing | Attempt::Behind(_) => after = waiter.number,
                }
                queue.extend(self.effects.ready.drain(..));
            }
        }
        if !self.effects.calls.is_empty() {
            server.tell(&mut self.effects.calls);
        }
    }

    /// The first waiter for a key behind number `after` that a value of the key's type can serve.
    fn next_for(&mut self, server: &Server, db: u32, key: &[u8], after: u64) -> Result<Option<Ticket>, IsBusy> {
        let context =
            Context { db, now: self.now_ms, access: server.access(&self.settings, self.now_ms), no_touch: true };
        let key = Key { bytes: key, hash: server.store.hash(key) };
        self.effects.reset();
        let mut tx = server.store.enter_one(key.hash, context, &mut self.effects)?;
        let there = tx.peek(key).map(|entry| entry.type_tag());
        if there.is_none() {
            // Its time may have come just now.
            commit::commit(server, &self.stats, &mut tx, 0, OwnedCommand::new([]).view());
        }
        Ok(tx.next_waiting(key, after, |t| {
            Waiter::of(t).is_some_and(|w| {
                // A group that is gone is an error to who waits for it.
                w.wants().is_some() && w.wants() == there || fetches_of_group(w.row, w.args.view()).is_some()
            })
        }))
    }

    /// Runs a waiter's command for it.
    fn serve_one(&mut self, server: &Server, waiter: &Waiter, ticket: &Ticket) -> Attempt {
        let access = server.access(&self.settings, self.now_ms);
        let context = Context { db: waiter.db, now: self.now_ms, access, no_touch: waiter.no_touch };
        let (client, args) = (&*waiter.client, waiter.args.view());
        let mut out = OutBuf::new();
        let mut reply = Reply::new(&mut out, waiter.proto);
        self.effects.reset();
        waiter_locks(server, waiter, &mut self.locks);
        let Ok(mut tx) = server.store.enter(&mut self.locks, context, &mut self.effects) else { return Attempt::Busy };
        let Some(decision) = Decision::on(waiter) else { return Attempt::Over };
        let ahead = others_ahead(waiter.row, args, &mut tx, waiter.number);
        let mut served = false;
        if ahead.is_empty() {
            let mut cursor = Args::new(args, &server.store, &self.settings, (0, 0));
            match (waiter.handler)(&mut tx, &mut cursor, &mut reply) {
                Ok(done) => served = matches!(done, Served::Done),
                Err(e) => {
                    e.write(&mut reply);
                    served = true;
                }
            }
        }
        commit::commit(server, &self.stats, &mut tx, client.id, args);
        if !served {
            return if ahead.is_empty() { Attempt::Nothing } else { Attempt::Behind(ahead) };
        }
        if waiter.tracks {
            track::remember(server, client.id, waiter.row, args);
        }
        let error = (reply.errors() > 0).then(|| reply.last_error_code().to_vec());
        decision.stands();
        // The reply is there before anybody can see that the wait is over: what comes next of this client is behind it.
        if !waiter.silent {
            client.leave(Bytes::from(out.to_vec()));
        }
        waiter.finish(server, ticket, &mut tx);
        drop(tx);
        client.wake();
        self.count_served(server, waiter.id, error);
        Attempt::Over
    }

    /// What follows once a waiter was served and nothing is held.
    fn count_served(&mut self, server: &Server, id: CommandId, error: Option<Vec<u8>>) {
        let end = server.clock.mono_ns();
        let ns = end.saturating_sub(self.last_ns);
        self.last_ns = end;
        self.stats.commands[id as usize].ran(ns, error.is_some(), self.latency_tracking);
        self.stats.processed.add(1);
        if let Some(code) = error {
            self.count_error(&code);
        }
        if !self.effects.garbage.is_empty() {
            commit::dispose(server, &mut self.effects);
        }
    }
}
