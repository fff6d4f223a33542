//! The end of a wait, as the waiting client's own worker sees it: it was served, its time is over, CLIENT UNBLOCK asked,
//! or its peer sends nothing any more.
//!
//! Owns nothing: a wait ends under the locks of all keys that it waits for (see the parent). While a busy script holds one of
//! them the end is put off (`server/late.rs`); who is known to be gone is not served meanwhile. Must not know sockets.

use super::super::Worker;
use super::{Waiter, waiter_locks, waiter_of};
use crate::client::{Client, Unblock};
use crate::resp::{OutBuf, Reply};
use crate::server::{Late, Server};
use crate::store::{Context, IsBusy, Ticket};
use std::sync::atomic::Ordering;

/// Nanoseconds until a client whose wait is over is looked at again while a busy script holds its keys.
const BUSY_PAUSE_NS: u64 = 20_000_000;

/// A wait for nothing but time: ends with it, or when the client is woken.
fn resume_plain(client: &mut Client, timed_out: bool, out: &mut OutBuf) {
    client.blocked = None;
    if timed_out {
        Reply::new(out, client.proto).null_array();
    }
}

impl Worker {
    /// Goes on with the command that blocks the client: somebody woke it, or its time is over. The client is blocked no
    /// more if it has been served (the reply is in its inbox) or gets its reply here.
    pub fn resume(&mut self, server: &Server, client: &mut Client, timed_out: bool, out: &mut OutBuf) {
        self.tick();
        if self.resume_held(server, client, timed_out, out) {
            return;
        }
        let Some(ticket) = waiter_of(client) else {
            return resume_plain(client, timed_out, out);
        };
        let Some(waiter) = Waiter::of(&ticket) else { return };
        let over = waiter.over.load(Ordering::Acquire);
        if !over && !timed_out && client.shared.asked().is_none() {
            return;
        }
        let mine = if over { Ok(false) } else { self.give_up(server, waiter, &ticket) };
        let Ok(mine) = mine else {
            // It waits until the script that holds its keys has ended.
            if let Some(blocked) = &mut client.blocked {
                blocked.deadline_ns = Some(self.last_ns + BUSY_PAUSE_NS);
            }
            return;
        };
        client.blocked = None;
        // It was busy waiting.
        client.shared.active(self.now_ms);
        if !mine || waiter.silent {
            return;
        }
        let mut reply = Reply::new(out, client.proto);
        match client.shared.asked() {
            Some(Unblock::Error) => {
                reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
                self.count_error(b"UNBLOCKED");
            }
            // Of all commands, also of those that answer with a single element.
            _ => reply.null_array(),
        }
        self.stats.commands[waiter.id as usize].ran(0, reply.errors() > 0, self.latency_tracking);
        self.stats.processed.add(1);
    }

    /// Takes a waiter out of its queues; `false` if it was served before that.
    fn give_up(&mut self, server: &Server, waiter: &Waiter, ticket: &Ticket) -> Result<bool, IsBusy> {
        let access = server.access(&self.settings, self.now_ms);
        let context = Context { db: waiter.db, now: self.now_ms, access, no_touch: true };
        waiter_locks(server, waiter, &mut self.locks);
        self.effects.reset();
        let mut tx = server.store.enter(&mut self.locks, context, &mut self.effects)?;
        let mine = !waiter.over.load(Ordering::Acquire);
        if mine {
            // Else it is CLIENT UNBLOCK that ends it.
            waiter.client.decide();
            waiter.finish(server, ticket, &mut tx);
        }
        Ok(mine)
    }

    /// Puts something off until the script has ended that is in its way, or does it if that has just happened.
    #[cold]
    pub(in crate::exec) fn put_off(&mut self, server: &Server, late: Late) {
        server.put_off(late);
        // Who ends a busy script says so first and looks at the list then.
        if !server.store.busy.any() {
            self.catch_up(server);
        }
    }

    /// What had to be put off because a script was busy, once that has ended.
    #[cold]
    pub(in crate::exec) fn catch_up(&mut self, server: &Server) {
        let mut ready = Vec::new();
        for late in server.take_late() {
            match late {
                Late::Ready(db, key) => ready.push((db, key)),
                Late::Unwatch(watches) => self.unwatch_all(server, watches),
                Late::Leave(ticket) => {
                    if let Some(waiter) = Waiter::of(&ticket)
                        && self.give_up(server, waiter, &ticket).is_err()
                    {
                        self.put_off(server, Late::Leave(ticket));
                    }
                }
            }
        }
        self.serve(server, ready);
    }

    /// The peer sends nothing any more, which ends its wait. Whether the wait was over before that: then the reply is in
    /// the inbox or in `out`, and what follows may run. Else it is not served any more.
    pub fn end_wait(&mut self, server: &Server, client: &mut Client, out: &mut OutBuf) -> bool {
        let Some(ticket) = waiter_of(client) else { return false };
        self.resume(server, client, false, out);
        // Who serves it may have done so just now.
        if client.blocked.is_some()
            && let Some(waiter) = Waiter::of(&ticket)
        {
            let mine = self.give_up(server, waiter, &ticket);
            if mine == Ok(true) || mine.is_err() && !waiter.over.load(Ordering::Acquire) {
                // Nobody serves who is known to be gone.
                client.shared.kill.store(true, Ordering::Relaxed);
                return false;
            }
        }
        client.blocked = None;
        true
    }

    /// The connection goes: its waiter must not be served any more.
    pub(in crate::exec) fn abandon(&mut self, server: &Server, client: &mut Client) {
        if let Some(ticket) = waiter_of(client)
            && let Some(waiter) = Waiter::of(&ticket)
            && self.give_up(server, waiter, &ticket).is_err()
        {
            // Nobody serves who is known to be gone.
            client.shared.kill.store(true, Ordering::Relaxed);
            self.put_off(server, Late::Leave(ticket));
        }
        self.forget_held(server, client);
        client.blocked = None;
    }
}
