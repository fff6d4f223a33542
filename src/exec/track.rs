//! What a tracking client's commands do beside running: keys that it reads are remembered, and its invalidations come in
//! order with its replies.
//!
//! Owns the order. Invalidations lie in the client's inbox, left by whoever changed a key while it held the key's shard.
//! When a command of the client holds its shards, everything that it can see was told of before: what lies in the
//! inbox goes out before its reply ([`hear`]). So no reply shows a value while the client still trusts another one
//! that changed before it. What the command itself changes follows its reply, as does what comes later. The keys that it read
//! are remembered before the shards are let go ([`remember`]).
//!
//! Clients that do not track pay nothing here: those that do take the slow way through the gates. It must not know how an
//! invalidation looks or who else is told (`server/tracking.rs`).

use super::Worker;
use crate::client::Client;
use crate::commands::{Row, pubsub};
use crate::resp::{ArgView, Mark, Reply};
use crate::server::Server;
use crate::spec::{Flags, KeyFlags, for_each_key};

/// Reading commands whose keys are those of the commands that they call.
const CALLERS: [&str; 3] = ["eval_ro", "evalsha_ro", "fcall_ro"];

/// Writes the mail of a tracking client before the reply of the command that holds its shards now; `after` is where the
/// reply begins then.
pub(super) fn hear(client: &Client, after: &mut Option<Mark>, reply: &mut Reply<'_>) {
    if client.tracking.is_some() && client.shared.has_mail() {
        pubsub::deliver(client, reply);
        *after = Some(reply.mark());
    }
}

/// Whether the keys that this command of a client reads are remembered.
pub(super) fn remembers(client: &Client, row: &Row) -> bool {
    client.tracking.as_ref().is_some_and(|tracks| tracks.remembers())
        && row.spec.flags.contains(Flags::READONLY)
        && !CALLERS.contains(&row.spec.name)
}

/// Remembers the keys of a command that client `id` reads; their shards are held.
pub(super) fn remember(server: &Server, id: u64, row: &Row, args: ArgView<'_>) {
    let arg = |i: usize| args.get(i).unwrap_or_default();
    for_each_key(row.spec.keys, args.len(), arg, |i, flags| {
        if !flags.contains(KeyFlags::NOT_KEY) {
            server.tracking.table.remember(arg(i), id);
        }
    });
}

/// After a command: CLIENT CACHING was for that one alone, or for the transaction.
pub(super) fn after(client: &mut Client, row: Option<&Row>) {
    let is_client = row.is_some_and(|row| row.spec.name.starts_with("client"));
    if let Some(tracks) = &mut client.tracking
        && client.multi.is_none()
        && !is_client
    {
        tracks.caching = false;
    }
}

impl Worker {
    /// Holds the table of keys to its limit. Nothing is held.
    pub(super) fn limit_table(&mut self, server: &Server) {
        let max = usize::try_from(self.settings.tracking_table_max_keys).unwrap_or(usize::MAX);
        server.tracking.limit(max, &mut self.effects.calls);
    }
}
