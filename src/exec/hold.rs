//! CLIENT PAUSE: commands that are held back until the pause ends.
//!
//! Owns what a paused client waits with: its command, read whole, which runs when the pause is over as if it had come
//! then. Its worker goes on with others; what follows the command in the client's pipeline is not parsed before. The client
//! has the pause's end as its deadline (`net/timers.rs`) and is woken by CLIENT UNPAUSE; a longer pause that has begun
//! meanwhile makes it wait on. Its command has changed nothing, so a client that goes is simply forgotten.

use super::{Worker, prepare};
use crate::client::{Blocked, Client, ClientFlags};
use crate::commands::{Control, Row, Run};
use crate::resp::{ArgView, OutBuf, OwnedCommand};
use crate::server::Server;
use crate::spec::Flags;
use std::sync::atomic::Ordering::Relaxed;

/// A command that waits for the end of a pause.
struct Held {
    args: OwnedCommand,
    writes: bool,
}

/// Whether a command may change something, here or at a replica.
fn may_change(server: &Server, client: &Client, row: &Row) -> bool {
    let changes = |row: &Row| row.spec.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE);
    let mut queue = client.multi.iter().flat_map(|multi| multi.queue.iter());
    changes(row)
        || matches!(row.run, Run::Control(Control::Exec)) && queue.any(|(id, _)| changes(server.commands.row(*id)))
}

/// Ends the wait of a client for the end of a pause; `None`: that is not what it waits for.
fn release(server: &Server, client: &mut Client) -> Option<Box<Held>> {
    let blocked = client.blocked.take_if(|blocked| blocked.ticket.is::<Held>())?;
    client.shared.set_flag(ClientFlags::BLOCKED, false);
    server.clients.blocked.fetch_sub(1, Relaxed);
    blocked.ticket.downcast().ok()
}

impl Worker {
    /// Holds a command back that a pause is for; `false`: it may run.
    #[cold]
    pub(super) fn hold(&mut self, server: &Server, client: &mut Client, row: &'static Row, args: ArgView<'_>) -> bool {
        let writes = may_change(server, client, row);
        let Some(until) = server.pause.until(self.last_ns, writes) else { return false };
        client.shared.begin_wait();
        // CLIENT UNBLOCK is not for this wait.
        client.shared.decide();
        client.shared.set_flag(ClientFlags::BLOCKED, true);
        server.clients.blocked.fetch_add(1, Relaxed);
        let ticket = Box::new(Held { args: args.to_owned(), writes });
        client.blocked = Some(Box::new(Blocked { deadline_ns: Some(until), ticket }));
        true
    }

    /// Runs the command of a paused client if the pause is over; `false`: the client waits for something else.
    pub(super) fn resume_held(
        &mut self,
        server: &Server,
        client: &mut Client,
        timed_out: bool,
        out: &mut OutBuf,
    ) -> bool {
        let Some(blocked) = &mut client.blocked else { return false };
        let Some(held) = blocked.ticket.downcast_ref::<Held>() else { return false };
        if timed_out {
            // Its timer says so, whatever this worker's last look at the clock was: it does not ring twice.
            self.last_ns = self.last_ns.max(blocked.deadline_ns.unwrap_or_default());
        }
        if let Some(until) = server.pause.until(self.last_ns, held.writes) {
            blocked.deadline_ns = Some(until);
            return true;
        }
        if let Some(held) = release(server, client) {
            let args = held.args.view();
            let prepared = prepare(server, server.store.db(client.db), args, server.commands.resolve(args));
            self.command(server, client, args, prepared, out);
        }
        true
    }

    /// Forgets the command of a paused client that goes.
    pub(super) fn forget_held(&self, server: &Server, client: &mut Client) {
        let _ = release(server, client);
    }
}
