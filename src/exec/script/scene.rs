//! A script that runs: how its commands pass the gate, come by their shards, run and are counted.
//!
//! Owns what is known of one run. It must not know how the script was called, nor Lua.

use super::count_wide;
use crate::client::Client;
use crate::commands::error::busy;
use crate::commands::{Args, CommandId, Locks, Row, Run};
use crate::exec::{Worker, commit, lock_set, run_handler, track};
use crate::resp::{ArgView, OutBuf, OwnedCommand, Proto, Reply};
use crate::script::{Called, Host, Running, RunningFunction, Script};
use crate::server::Server;
use crate::spec::Flags;
use crate::store::{IsBusy, LockSet, Rewrite, WriteTx};
use std::sync::Arc;

/// A script that runs: what its commands run on.
pub(super) struct Scene<'a, 's> {
    pub(super) worker: &'a mut Worker,
    pub(super) server: &'a Server,
    pub(super) client: &'a mut Client,
    pub(super) tx: &'a mut WriteTx<'s>,
    pub(super) script: &'a Script,
    /// What called it.
    pub(super) command: ArgView<'a>,
    pub(super) read_only: bool,
    /// All shards are held.
    pub(super) wide: bool,
    /// It can be stopped and started anew.
    pub(super) may_restart: bool,
    /// In the first run of a script: the shards of the declared keys.
    pub(super) declared: Option<LockSet>,
    /// It has done what cannot be undone.
    pub(super) acted: bool,
    /// It has called a command that writes.
    pub(super) wrote: bool,
    /// It is to be started anew, under all shards.
    pub(super) anew: bool,
    /// SCRIPT KILL ends it.
    pub(super) killed: bool,
    /// What it changes goes to the journal, which is for the log and for replicas alike (`redis.set_repl`).
    pub(super) journalled: bool,
    pub(super) start_ns: u64,
    pub(super) watched: Option<Watched<'a>>,
}

/// A script as others know it that has run for more than a moment. Forgotten when it ends, however it does.
pub(super) struct Watched<'a> {
    server: &'a Server,
    running: Arc<Running>,
    /// Its number among those that are busy.
    pub(super) busy: Option<u64>,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.server.scripts.running.leave(&self.running);
        if let Some(number) = self.busy {
            self.server.store.busy.leave(number);
        }
    }
}

/// What FUNCTION STATS shows of a function.
fn running_function(script: &Script, command: ArgView<'_>, start_ns: u64) -> Option<RunningFunction> {
    let command = || OwnedCommand::new(command.iter());
    script.is_function.then(|| RunningFunction { name: script.name.clone(), command: command(), start_ns })
}

/// Whether a command leaves everything as it was, so that a script may start anew after it.
fn is_harmless(row: &Row) -> bool {
    row.spec.flags.contains(Flags::READONLY) || HARMLESS.contains(&row.spec.name)
}

/// Commands beside those that read which change nothing but the connection's database, which is put back.
const HARMLESS: [&str; 5] = ["select", "time", "ping", "echo", "lolwut"];

impl Scene<'_, '_> {
    /// Why a command must not run in this script, if so.
    fn refusal(&self, row: &Row, args: ArgView<'_>) -> Option<&'static str> {
        let flags = row.spec.flags;
        if !row.spec.arity_fits(args.len()) {
            return Some("ERR Wrong number of args calling Redis command from script");
        }
        if flags.contains(Flags::NOSCRIPT) || matches!(row.run, Run::Script(_) | Run::Control(_)) {
            return Some("ERR This Redis command is not allowed from script");
        }
        if self.read_only && flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE) {
            return Some("ERR Write commands are not allowed from read-only scripts.");
        }
        None
    }

    /// The row of a command of the script.
    fn resolve(&self, args: ArgView<'_>) -> Option<(CommandId, &'static Row)> {
        let known = self.server.commands.resolve(args);
        known.filter(|(_, row)| !matches!(row.run, Run::Container) || args.len() < 2)
    }

    /// Whether the shards of a command are held. `hash`: of its only key.
    fn holds(&mut self, row: &Row, args: ArgView<'_>, hash: u64) -> bool {
        let db = self.client.db;
        match row.locks {
            Locks::Nothing => true,
            Locks::Keys if row.first_key != 0 && self.declared.is_none() => self.tx.holds(db, hash),
            _ => {
                let mut set = LockSet::default();
                lock_set(self.server, row, db, args, &mut set, true);
                if self.declared.as_ref().is_some_and(|declared| !declared.covers(&set)) {
                    self.script.learn(true);
                    self.declared = None;
                }
                self.tx.holds_all(&set, self.wide)
            }
        }
    }

    /// Comes by the shards of a command that are not held. `Some`: the command does not run.
    #[cold]
    fn stray(&mut self, row: &Row, args: ArgView<'_>) -> Option<Called> {
        self.script.learn(true);
        if self.may_restart && !self.acted {
            self.anew = true;
            return Some(Called::Stop);
        }
        match self.tx.widen(self.client.db) {
            Ok(()) => {
                if !self.wide {
                    count_wide(self.server, self.script);
                }
                self.wide = true;
            }
            Err(is) => {
                let mut set = LockSet::default();
                lock_set(self.server, row, self.client.db, args, &mut set, true);
                if !self.tx.extend(&set) {
                    self.worker.count_error(b"BUSY");
                    return Some(Called::Refused(busy(is)));
                }
            }
        }
        if let Some(Watched { busy: Some(number), .. }) = &mut self.watched {
            self.server.store.busy.leave(*number);
            *number = self.tx.declare_busy(IsBusy { function: self.script.is_function });
        }
        None
    }

    /// Notes what a command that is about to run may do.
    fn note(&mut self, row: &Row) {
        self.acted |= !is_harmless(row);
        if row.spec.flags.contains(Flags::WRITE) && !self.wrote {
            self.wrote = true;
            if let Some(watched) = &self.watched {
                watched.running.writes();
            }
        }
    }

    /// Runs a command that has passed the gate, whose shards are held.
    fn run(&mut self, (id, row): (CommandId, &'static Row), args: ArgView<'_>, hash: u64, reply: &mut Reply<'_>) {
        let (worker, client, tx) = (&mut *self.worker, &mut *self.client, &mut *self.tx);
        tx.effects().reset();
        tx.select(client.db);
        let cursor = Args::new(args, &self.server.store, &worker.settings, (row.first_key as usize, hash));
        run_handler(self.server, client, row, tx, cursor, reply);
        if !self.journalled {
            tx.effects().rewrite = Rewrite::As(Vec::new());
        }
        commit::commit(self.server, &worker.stats, tx, client.shared.id, args);
        if track::remembers(client, row) {
            track::remember(self.server, client.shared.id, row, args);
        }
        // Who waits is served after the whole script.
        worker.ready.append(&mut tx.effects().ready);
        worker.count(self.server, client, id, row, args, reply, 0);
    }
}

impl Host for Scene<'_, '_> {
    fn call(&mut self, args: ArgView<'_>, proto: Proto, out: &mut OutBuf) -> Called {
        let Some((id, row)) = self.resolve(args) else {
            self.worker.count_error(b"ERR");
            return Called::Refused("ERR Unknown Redis command called from script");
        };
        if let Some(text) = self.refusal(row, args) {
            self.worker.stats.commands[id as usize].rejected.add(1);
            self.worker.count_error(b"ERR");
            return Called::Refused(text);
        }
        let hash = match row.first_key {
            0 => 0,
            at => self.server.store.hash(args.get(at as usize).unwrap_or_default()),
        };
        if !self.holds(row, args, hash)
            && let Some(called) = self.stray(row, args)
        {
            return called;
        }
        self.note(row);
        self.client.proto = proto;
        self.run((id, row), args, hash, &mut Reply::new(out, proto));
        Called::Replied
    }

    fn replicate(&mut self, to: u8) {
        self.journalled = to != 0;
    }

    fn goes_on(&mut self) -> bool {
        let server = self.server;
        let watched = self.watched.get_or_insert_with(|| Watched {
            server,
            running: server
                .scripts
                .running
                .enter(self.wrote, running_function(self.script, self.command, self.start_ns)),
            busy: None,
        });
        self.killed |= watched.running.is_killed();
        if self.killed || server.shutdown.asked() {
            return false;
        }
        let ms = server.clock.mono_ns().saturating_sub(self.start_ns) / 1_000_000;
        let threshold = self.worker.settings.busy_reply_threshold;
        if watched.busy.is_none() && threshold > 0 && ms >= threshold {
            watched.busy = Some(self.tx.declare_busy(IsBusy { function: self.script.is_function }));
            watched.running.is_busy_now();
            tracing::warn!(
                "Slow script detected: still in execution after {ms} milliseconds. Script name is: {}.",
                self.script.name
            );
        }
        let is_busy = watched.busy.is_some();
        if is_busy {
            (self.worker.serve_others)();
        }
        true
    }

    fn may(&mut self, args: ArgView<'_>) -> Option<bool> {
        // There is one user, who may do everything.
        self.resolve(args).map(|_| true)
    }
}
