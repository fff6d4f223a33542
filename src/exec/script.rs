//! Scripts: what EVAL and its kin run, and the commands that scripts run.
//!
//! Owns the seam between a script and the pipeline ([`Host`]): every command of a script passes the same gate, runs in the
//! transaction of the whole script and is committed and counted like one of a client. It must not know Lua.
//!
//! **Who runs a script** is the worker whose client called it, with the shards that it needs held from its first command to
//! its last, so it is atomic against everything. What it does to others (journal, tracking, messages, clients that wait for
//! keys) goes the way of EXEC: more than one change is one group of the journal, who tracks by prefix is told once, who
//! waits for a key is served after the script.
//!
//! **A panic** in a command of a script ends the client as any panic does; the shards are unlocked, what was changed stays.

use super::gate::{self, Source};
use super::transaction::Group;
use super::{Worker, commit, lock_set, run_handler, track};
use crate::base::num::parse_i64;
use crate::client::Client;
use crate::commands::{Args, By, Caller, CommandId, Row, Run};
use crate::resp::{ArgView, OutBuf, Proto, Reply};
use crate::script::{self, Call, Called, Failure, Host, Script, ScriptFlags};
use crate::server::Server;
use crate::spec::Flags;
use crate::store::{Wants, WriteTx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Nobody knows a script of this SHA1.
const UNKNOWN: &str = "NOSCRIPT No matching script. Please use EVAL.";

/// A script and what it is called with.
pub(super) struct Asked {
    script: Arc<Script>,
    /// How many of the arguments from the third on are keys.
    keys: usize,
    read_only: bool,
}

/// The number of keys that the arguments say they have; `bad`: the error where they do not say.
fn number_of_keys(args: ArgView<'_>, bad: &'static str) -> Result<usize, &'static str> {
    let given = args.get(2).and_then(parse_i64).ok_or(bad)?;
    let keys = usize::try_from(given).map_err(|_| "ERR Number of keys can't be negative")?;
    if keys > args.len() - 3 { Err("ERR Number of keys can't be greater than number of args") } else { Ok(keys) }
}

/// Finds and compiles the script that a command calls.
fn ask(server: &Server, caller: Caller, args: ArgView<'_>) -> Result<Asked, Failure> {
    let what = args.get(1).unwrap_or_default();
    let text = |text: &str| Failure::Text(text.to_owned());
    let not_integer = "ERR value is not an integer or out of range";
    let (script, keys) = match caller.by {
        By::Source => {
            let keys = number_of_keys(args, not_integer).map_err(text)?;
            (script::compile(&server.scripts, what)?, keys)
        }
        By::Sha => {
            let sha = script::parse_sha(what).ok_or(Failure::Unknown)?;
            let keys = number_of_keys(args, not_integer).map_err(text)?;
            (script::ready(&server.scripts, &sha)?, keys)
        }
        By::Function => {
            let function = script::find(&server.functions, &server.clock, what).map_err(|failure| match failure {
                Failure::Unknown => text(script::NOT_FOUND),
                failure => failure,
            })?;
            (function, number_of_keys(args, "ERR Bad number of keys provided").map_err(text)?)
        }
    };
    let declared_read_only = script.flags.contains(ScriptFlags::NO_WRITES);
    if caller.read_only && script.flags.contains(ScriptFlags::DECLARED) && !declared_read_only {
        return Err(text("ERR Can not execute a script with write flag using *_ro command."));
    }
    Ok(Asked { script, keys, read_only: caller.read_only || declared_read_only })
}

/// A script that runs: what its commands run on.
struct Scene<'a, 's> {
    worker: &'a mut Worker,
    server: &'a Server,
    client: &'a mut Client,
    tx: &'a mut WriteTx<'s>,
    read_only: bool,
}

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

    /// Runs a command that has passed the gate, whose shards are held.
    fn run(&mut self, (id, row): (CommandId, &'static Row), args: ArgView<'_>, reply: &mut Reply<'_>) {
        let (worker, client, tx) = (&mut *self.worker, &mut *self.client, &mut *self.tx);
        tx.effects().reset();
        tx.select(client.db);
        let cursor = Args::new(args, &self.server.store, &worker.settings, (0, 0));
        run_handler(self.server, client, row, tx, cursor, reply);
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
        self.client.proto = proto;
        self.run((id, row), args, &mut Reply::new(out, proto));
        Called::Replied
    }

    fn replicate(&mut self, _to: u8) {}

    fn goes_on(&mut self) -> bool {
        true
    }

    fn may(&mut self, args: ArgView<'_>) -> Option<bool> {
        // There is one user, who may do everything.
        self.resolve(args).map(|_| true)
    }
}

impl Worker {
    /// Runs the script that a command calls, outside of a transaction.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn call_script(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        caller: Caller,
        args: ArgView<'_>,
        reply: &mut Reply<'_>,
    ) {
        let start = self.last_ns;
        let mut counted = false;
        match ask(server, caller, args) {
            Err(failure) => write_failure(&failure, reply),
            Ok(asked) => counted = self.run_alone(server, client, row, &asked, args, reply),
        }
        self.last_ns = start;
        self.count_script(server, client, id, row, args, reply, (0, counted));
        self.settle(server);
    }

    /// Runs a script under locks of its own; whether the statistics have counted the error that it replied.
    fn run_alone(
        &mut self,
        server: &Server,
        client: &mut Client,
        row: &'static Row,
        asked: &Asked,
        args: ArgView<'_>,
        reply: &mut Reply<'_>,
    ) -> bool {
        self.effects.reset();
        let context = self.context(server, client);
        let mut effects = std::mem::take(&mut self.effects);
        let mut locks = std::mem::take(&mut self.locks);
        locks.clear();
        lock_set(server, row, client.db, args, &mut locks, true);
        asked.script.wide_runs.fetch_add(1, Relaxed);
        let counted = {
            let mut tx = server.store.begin(&mut locks, context, &mut effects);
            track::hear(client, &mut self.after_mail, reply);
            let journal = server.store.listeners.journal().filter(|_| tx.effects().wants.contains(Wants::JOURNAL));
            let _group = journal.map(Group::begin);
            tx.pin();
            tx.effects().grouped = true;
            let counted = self.play(server, client, row, asked, args, (&mut tx, reply));
            tx.effects().grouped = false;
            commit::broadcast(server, tx.effects());
            counted
        };
        self.effects = effects;
        self.locks = locks;
        self.effects.ready.append(&mut self.ready);
        self.limit_table(server);
        counted
    }

    /// Runs the script that a command of an EXEC calls, in its transaction.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn script_of_exec(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        caller: Caller,
        args: ArgView<'_>,
        (tx, reply): (&mut WriteTx<'_>, &mut Reply<'_>),
    ) {
        let (start, errors) = (self.last_ns, reply.errors());
        let mut counted = false;
        match ask(server, caller, args) {
            Err(failure) => write_failure(&failure, reply),
            Ok(asked) => counted = self.play(server, client, row, &asked, args, (tx, &mut *reply)),
        }
        self.last_ns = start;
        self.count_script(server, client, id, row, args, reply, (errors, counted));
    }

    /// Runs a script in a transaction; whether the statistics have counted the error that it replied.
    fn play(
        &mut self,
        server: &Server,
        client: &mut Client,
        row: &'static Row,
        asked: &Asked,
        args: ArgView<'_>,
        (tx, reply): (&mut WriteTx<'_>, &mut Reply<'_>),
    ) -> bool {
        asked.script.runs.fetch_add(1, Relaxed);
        if server.monitors.any() {
            self.lines.extend(gate::monitor_line(server, client, (Source::Client, client.db), row, args));
        }
        let (db, proto, deny_blocking) = (client.db, client.proto, client.deny_blocking);
        client.deny_blocking = true;
        self.source = Source::Lua;
        let call = Call { args: args.skip(3), keys: asked.keys };
        let mut scene =
            Scene { worker: &mut *self, server, client: &mut *client, tx: &mut *tx, read_only: asked.read_only };
        let ran = script::run(&mut scene, &asked.script, call, reply);
        self.source = Source::Client;
        client.deny_blocking = deny_blocking;
        client.proto = proto;
        if client.db != db {
            client.select(db);
            tx.select(db);
        }
        ran.counted
    }

    /// Counts a script's command. `before`: errors in the reply before its own; `counted`: the error that it replied is one
    /// that the statistics have.
    #[allow(clippy::too_many_arguments)]
    fn count_script(
        &mut self,
        server: &Server,
        client: &Client,
        id: CommandId,
        row: &'static Row,
        args: ArgView<'_>,
        reply: &Reply<'_>,
        (before, counted): (u32, bool),
    ) {
        let failed = reply.errors() > before;
        self.count(server, client, id, row, args, reply, if counted { reply.errors() } else { before });
        if failed && counted {
            self.stats.commands[id as usize].failed.add(1);
        }
    }
}

fn write_failure(failure: &Failure, reply: &mut Reply<'_>) {
    match failure {
        Failure::Unknown => reply.error(UNKNOWN),
        Failure::Text(text) => reply.error(text),
    }
}
