//! MULTI, EXEC, DISCARD, WATCH, UNWATCH, and the other commands that steer the pipeline: RESET, QUIT.
//!
//! Owns how a queued transaction runs: the shards of all its commands and of its watched keys are collected, SELECT
//! simulated on the way, locked in order and held to the end, so an EXEC is atomic against everything. A transaction
//! with a command that visits the whole keyspace holds every shard.

use super::commit::Unit;
use super::{Worker, commit, lock_set, run_handler, track};
use crate::base::num::parse_i64;
use crate::client::{Client, ClientFlags, Multi, ReplyMode};
use crate::commands::error::{BUSY, busy};
use crate::commands::{Args, CommandId, Control, Row, Run, pubsub};
use crate::resp::{ArgView, Proto, Reply};
use crate::server::{Late, Server};
use crate::store::{Context, Watch, WriteTx};
use std::collections::HashSet;

impl Worker {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn control(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        control: Control,
        args: ArgView<'_>,
        reply: &mut Reply<'_>,
    ) {
        match control {
            Control::Multi if client.multi.is_some() => reply.error("ERR MULTI calls can not be nested"),
            Control::Watch if client.multi.is_some() => reply.error("ERR WATCH inside MULTI is not allowed"),
            Control::Multi => {
                client.multi = Some(Box::default());
                reply.ok();
            }
            Control::Exec => self.exec(server, client, args, reply),
            Control::Discard => self.discard(server, client, reply),
            Control::Watch => self.watch(server, client, args, reply),
            Control::Unwatch => {
                self.unwatch(server, client);
                reply.ok();
            }
            Control::Reset => {
                // What was published to it comes before the reply, in its own protocol.
                pubsub::forget_all(server, client);
                pubsub::deliver(client, reply);
                self.reset(server, client);
                reply.set_proto(Proto::Resp2);
                reply.simple("RESET");
            }
            Control::Quit => {
                reply.ok();
                client.closing = true;
            }
        }
        client.publish_multi();
        self.count(server, client, id, row, args, reply, 0);
    }

    fn discard(&mut self, server: &Server, client: &mut Client, reply: &mut Reply<'_>) {
        if client.multi.take().is_none() {
            reply.error("ERR DISCARD without MULTI");
            return;
        }
        self.unwatch(server, client);
        reply.ok();
    }

    fn watch(&mut self, server: &Server, client: &mut Client, args: ArgView<'_>, reply: &mut Reply<'_>) {
        let db = client.db;
        let mut known: HashSet<&[u8]> =
            client.watches.iter().flat_map(|all| all.iter()).filter(|w| w.db == db).map(|w| &*w.key).collect();
        let new: Vec<&[u8]> = args.iter().skip(1).filter(|key| known.insert(key)).collect();
        drop(known);
        self.locks.clear();
        for key in &new {
            self.locks.key(&server.store, db, server.store.hash(key));
        }
        self.effects.reset();
        let context = self.context(server, client);
        let mut tx = match server.store.enter(&mut self.locks, context, &mut self.effects) {
            Ok(tx) => tx,
            Err(is) => {
                reply.error(busy(is));
                return;
            }
        };
        for key in new {
            let watch = tx.watch(tx.key(key));
            client.watches.get_or_insert_default().push(watch);
        }
        commit::commit(server, &self.stats, &mut tx, client.shared.id, args);
        drop(tx);
        self.settle(server);
        reply.ok();
    }

    /// Forgets the client's watched keys.
    pub(super) fn unwatch(&mut self, server: &Server, client: &mut Client) {
        if let Some(watches) = client.watches.take() {
            self.unwatch_all(server, *watches);
        }
    }

    /// Stops watching keys; later where a busy script holds one.
    pub(super) fn unwatch_all(&mut self, server: &Server, watches: Vec<Watch>) {
        self.locks.clear();
        watches.iter().for_each(|w| self.locks.key(&server.store, w.db, w.hash));
        let access = server.access(&self.settings, self.now_ms);
        let context = Context { db: 0, now: self.now_ms, access, no_touch: true };
        let Ok(mut tx) = server.store.enter(&mut self.locks, context, &mut self.effects) else {
            self.put_off(server, Late::Unwatch(watches));
            return;
        };
        watches.iter().for_each(|w| tx.unwatch(w));
    }

    fn reset(&mut self, server: &Server, client: &mut Client) {
        client.multi = None;
        self.unwatch(server, client);
        if client.monitor {
            client.monitor = false;
            client.shared.set_flag(ClientFlags::MONITOR, false);
            server.monitors.remove(client.shared.id);
        }
        if client.tracking.take().is_some() {
            server.tracking.stop(&server.store.listeners, &client.shared);
        }
        client.select(0);
        client.set_proto(Proto::Resp2);
        client.reply = ReplyMode::On;
        client.no_touch = false;
        client.shared.set_flag(ClientFlags::NO_TOUCH | ClientFlags::NO_EVICT, false);
        client.authenticated = self.settings.requirepass.is_empty();
        let mut names = client.shared.names.lock();
        names.name.clear();
        names.user = "default".into();
    }

    fn exec(&mut self, server: &Server, client: &mut Client, args: ArgView<'_>, reply: &mut Reply<'_>) {
        let Some(multi) = client.multi.take() else {
            reply.error("ERR EXEC without MULTI");
            return;
        };
        let watches = client.watches.take().map_or_else(Vec::new, |watches| *watches);
        if multi.aborted {
            reply.error("EXECABORT Transaction discarded because of previous errors.");
            client.watches = Some(Box::new(watches));
            self.unwatch(server, client);
            return;
        }
        let scripts = multi.queue.iter().any(|(id, _)| matches!(server.commands.row(*id).run, Run::Script(_)));
        if scripts && !self.runs_scripts {
            let busy = server.scripts.running.busy().map_or(BUSY, busy);
            reply.error(&format!("EXECABORT Transaction discarded because of: {busy}"));
            self.unwatch_all(server, watches);
            return;
        }
        self.lock_for_exec(server, client, &multi, &watches);
        self.effects.reset();
        let us = self.moment(server);
        let context = self.context(server, client);
        let mut effects = std::mem::take(&mut self.effects);
        let mut locks = std::mem::take(&mut self.locks);
        let refused = server.store.enter(&mut locks, context, &mut effects).map(|mut tx| {
            tx.freeze(us);
            track::hear(client, &mut self.after_mail, reply);
            let intact = watches.iter().all(|w| tx.unchanged(w));
            watches.iter().for_each(|w| tx.unwatch(w));
            if intact {
                self.run_queue(server, client, &multi, &mut tx, reply);
            } else {
                reply.null_array();
                // A watched key whose time has come was removed just now.
                commit::commit(server, &self.stats, &mut tx, client.shared.id, args);
            }
        });
        self.effects = effects;
        self.locks = locks;
        if let Err(is) = refused {
            reply.error(&format!("EXECABORT Transaction discarded because of: {}", busy(is)));
            self.put_off(server, Late::Unwatch(watches));
            return;
        }
        self.effects.ready.append(&mut self.ready);
        self.limit_table(server);
        self.settle(server);
        if scripts {
            // One of them may have been busy.
            self.catch_up(server);
        }
    }

    /// Runs the queue of a transaction on its shards.
    fn run_queue(
        &mut self,
        server: &Server,
        client: &mut Client,
        multi: &Multi,
        tx: &mut WriteTx<'_>,
        reply: &mut Reply<'_>,
    ) {
        let unit = Unit::begin(server, tx);
        let tx = &mut *unit.tx;
        reply.array(multi.queue.len());
        client.deny_blocking = true;
        for (id, owned) in &multi.queue {
            let (row, args) = (server.commands.row(*id), owned.view());
            tx.effects().reset();
            tx.select(client.db);
            if let Run::Script(caller) = row.run {
                self.script_of_exec(server, client, *id, row, caller, args, (&mut *tx, &mut *reply));
                continue;
            }
            let cursor = Args::new(args, &server.store, &self.settings, (0, 0));
            let errors = reply.errors();
            if let Run::Control(Control::Unwatch) = row.run {
                reply.ok();
            } else {
                run_handler(server, client, row, tx, cursor, reply);
            }
            commit::commit(server, &self.stats, tx, client.shared.id, args);
            if track::remembers(client, row) {
                track::remember(server, client.shared.id, row, args);
            }
            // Who waits is served after the whole transaction.
            self.ready.append(&mut tx.effects().ready);
            self.count(server, client, *id, row, args, reply, errors);
        }
        client.deny_blocking = false;
    }

    /// Collects the shards of all queued commands and of the watched keys.
    fn lock_for_exec(&mut self, server: &Server, client: &Client, multi: &Multi, watches: &[Watch]) {
        self.locks.clear();
        watches.iter().for_each(|w| self.locks.key(&server.store, w.db, w.hash));
        let mut db = client.db;
        for (id, owned) in &multi.queue {
            let (row, args) = (server.commands.row(*id), owned.view());
            lock_set(server, row, db, args, &mut self.locks, true);
            if row.spec.name == "select" {
                let asked = args.get(1).and_then(parse_i64).and_then(|n| u32::try_from(n).ok());
                db = asked.filter(|n| *n < server.store.databases()).unwrap_or(db);
            }
        }
    }
}
