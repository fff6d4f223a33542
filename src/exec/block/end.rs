//! The end of a wait, as the waiting client's own worker sees it: it was served, its time is over, CLIENT UNBLOCK asked,
//! or its peer sends nothing any more.
//!
//! Owns nothing: a wait ends under the locks of all keys that it waits for (see the parent). Must not know sockets.

use super::super::Worker;
use super::{Waiter, waiter_locks, waiter_of};
use crate::client::{Client, Unblock};
use crate::resp::{OutBuf, Reply};
use crate::server::Server;
use crate::store::{Context, Ticket};
use std::sync::atomic::Ordering;

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
        client.blocked = None;
        // It was busy waiting.
        client.shared.active(self.now_ms);
        if over || !self.give_up(server, waiter, &ticket) || waiter.silent {
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
    fn give_up(&mut self, server: &Server, waiter: &Waiter, ticket: &Ticket) -> bool {
        let access = server.access(&self.settings, self.now_ms);
        let context = Context { db: waiter.db, now: self.now_ms, access, no_touch: true };
        waiter_locks(server, waiter, &mut self.locks);
        self.effects.reset();
        let mut tx = server.store.begin(&mut self.locks, context, &mut self.effects);
        let mine = !waiter.over.load(Ordering::Acquire);
        if mine {
            // Else it is CLIENT UNBLOCK that ends it.
            waiter.client.decide();
            waiter.finish(server, ticket, &mut tx);
        }
        mine
    }

    /// The peer sends nothing any more, which ends its wait. Whether the wait was over before that: then the reply is in
    /// the inbox or in `out`, and what follows may run. Else it is not served any more.
    pub fn end_wait(&mut self, server: &Server, client: &mut Client, out: &mut OutBuf) -> bool {
        let Some(ticket) = waiter_of(client) else { return false };
        self.resume(server, client, false, out);
        // Who serves it may have done so just now.
        if client.blocked.is_some()
            && let Some(waiter) = Waiter::of(&ticket)
            && self.give_up(server, waiter, &ticket)
        {
            return false;
        }
        client.blocked = None;
        true
    }

    /// The connection goes: its waiter must not be served any more.
    pub(in crate::exec) fn abandon(&mut self, server: &Server, client: &mut Client) {
        if let Some(ticket) = waiter_of(client)
            && let Some(waiter) = Waiter::of(&ticket)
        {
            self.give_up(server, waiter, &ticket);
        }
        self.forget_held(server, client);
        client.blocked = None;
    }
}
