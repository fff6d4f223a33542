//! Scripts: what EVAL and its kin run, and the commands that scripts run.
//!
//! Owns the seam between a script and the pipeline ([`Host`]): every command of a script passes the same gate, runs in the
//! transaction of the whole script and is committed and counted like one of a client. It must not know Lua.
//!
//! **Who runs a script** is the worker whose client called it, with the shards that it needs held from its first command to
//! its last, so it is atomic against everything. What it does to others (journal, tracking, messages, clients that wait for
//! keys) goes the way of EXEC: more than one change is one group of the journal, which is handed over when the script has
//! ended, so that nobody's changes get between its own (`commit::Unit`); who tracks by prefix is told once, who waits for a
//! key is served after the script. The time stands still while it runs: TIME and what expires know only when it began.
//!
//! **Which shards.** Only the run tells which keys a script touches. The first run of a script holds all shards and learns
//! whether it keeps to those of its declared keys; from then on it holds those alone, and scripts on different shards run
//! side by side. One that has ever touched another shard ("strays") holds all from the start whenever it runs. A script that
//! was known to keep and strays for the first time is stopped and started anew under all shards, unless it has done what
//! cannot be undone. Then it takes the other shards as it stands ([`WriteTx::widen`]): others who wait for several shards
//! have changed nothing yet and let go of them. If two scripts are in this rare state at once, or a busy script holds one of
//! the others, it takes those alone that the command needs, where they are free. Only else is the command refused (BUSY):
//! neither could let go of what it has changed. Undoing was the other choice: it would have every write of every script keep
//! the old value, for a case that a script can be in once in its life. In an EXEC all shards are held.
//!
//! **Busy scripts.** The engine asks every so many instructions whether to go on. A script that has then run for longer than
//! `busy-reply-threshold` says that its shards are busy: from then on who needs one of them gets an error
//! instead of waiting (`store/lock.rs`), clients and periodic work alike; what cannot be refused is put off
//! (`server/late.rs`) and done when the script has ended. Its worker serves its other clients between two of the script's
//! instructions (`net/worker.rs`), so that SCRIPT KILL reaches it whoever sends it. A script of theirs on free shards is run
//! then, on a Lua state of its own, and the first goes on when it has ended; if it becomes busy as well, its worker still
//! serves others but runs no third script: it is refused as the server of one thread would. What is new to the server is
//! tried with the shards of its keys alone where a busy script keeps it from having all.
//! SCRIPT KILL marks the script, unless it has called a command that writes; the shutdown of the server ends it in any case.
//!
//! **A panic** in a command of a script ends the client as any panic does; the shards are unlocked, what was changed stays.

mod scene;

use super::commit::Unit;
use super::gate::{self, Source};
use super::{Worker, add_keys, lock_set, track};
use crate::base::num::parse_i64;
use crate::client::Client;
use crate::commands::error::{BUSY, busy};
use crate::commands::{By, Caller, CommandId, Row};
use crate::resp::{ArgView, Reply};
use crate::script::{self, Call, Failure, Learnt, Script, ScriptFlags};
use crate::server::Server;
use crate::store::{Context, Effects, IsBusy, LockSet, WriteTx};
use scene::Scene;
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

/// What the transaction of a script uses, while its commands use the worker. Kept for the next.
#[derive(Default)]
pub(super) struct ScriptScratch {
    effects: Effects,
    locks: LockSet,
}

impl ScriptScratch {
    /// Begins the transaction of a script: with its keys' shards, or with all.
    fn enter<'s>(
        &'s mut self,
        server: &'s Server,
        context: Context,
        row: &Row,
        args: ArgView<'_>,
        keys: usize,
        wide: bool,
    ) -> Result<WriteTx<'s>, IsBusy> {
        let Self { effects, locks } = self;
        if !wide && keys == 1 {
            return server.store.enter_one(server.store.hash(args.get(3).unwrap_or_default()), context, effects);
        }
        locks.clear();
        if wide {
            lock_set(server, row, context.db, args, locks, true);
        } else {
            add_keys(server, row, context.db, args, locks);
        }
        server.store.enter(locks, context, effects)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    /// The statistics have counted the error that it replied.
    counted: bool,
    /// It is to be started anew.
    anew: bool,
    /// Others were told that it is busy.
    was_busy: bool,
}

/// A script that has taken longer has held the clock up.
const LONG_NS: u64 = 500_000;

/// What a script replies that SCRIPT KILL has ended.
const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// Counts a run that holds all shards.
fn count_wide(server: &Server, script: &Script) {
    script.wide_runs.fetch_add(1, Relaxed);
    server.scripts.wide_runs.fetch_add(1, Relaxed);
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
            (script::compile(&server.scripts, what, false)?, keys)
        }
        By::Sha => {
            if what.len() != size_of::<script::Hex>() {
                return Err(Failure::Unknown);
            }
            let keys = number_of_keys(args, not_integer).map_err(text)?;
            (script::ready(&server.scripts, what)?, keys)
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
        if !self.runs_scripts {
            let busy = server.scripts.running.busy().map_or(BUSY, busy);
            self.refuse(client, Some(id), busy.as_bytes(), reply);
            return;
        }
        let start = self.last_ns;
        let mut counted = false;
        match ask(server, caller, args) {
            Err(failure) => write_failure(&failure, reply),
            Ok(asked) => counted = self.run_alone(server, client, row, &asked, args, reply),
        }
        self.last_ns = start;
        self.count_script(server, client, id, row, args, reply, (0, counted));
        self.settle(server);
        if self.last_ns.saturating_sub(start) >= LONG_NS {
            // What follows in this batch has another time.
            self.tick();
        }
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
        asked.script.runs.fetch_add(1, Relaxed);
        let lines = self.lines.len();
        let mut wide = match asked.script.learnt() {
            Learnt::Keeps => false,
            Learnt::Strays => true,
            // All shards cannot be had while a script is busy.
            Learnt::Nothing => !server.store.busy.any(),
        };
        loop {
            let ended = self.run_once(server, client, row, asked, args, (wide, &mut *reply));
            self.effects.ready.append(&mut self.ready);
            if ended.was_busy {
                self.catch_up(server);
            }
            if !ended.anew {
                return ended.counted;
            }
            self.settle(server);
            self.lines.truncate(lines);
            wide = true;
        }
    }

    fn run_once(
        &mut self,
        server: &Server,
        client: &mut Client,
        row: &'static Row,
        asked: &Asked,
        args: ArgView<'_>,
        (wide, reply): (bool, &mut Reply<'_>),
    ) -> Ended {
        let us = self.moment(server);
        let context = self.context(server, client);
        let mut scratch = self.script_scratch.take().unwrap_or_default();
        scratch.effects.reset();
        scratch.effects.lazy = self.effects.lazy;
        let ended = match scratch.enter(server, context, row, args, asked.keys, wide) {
            Err(is) => {
                reply.error(busy(is));
                Ended::default()
            }
            Ok(mut tx) => {
                if wide {
                    count_wide(server, &asked.script);
                }
                track::hear(client, &mut self.after_mail, reply);
                tx.freeze(us);
                let unit = Unit::begin(server, &mut tx);
                self.play(server, client, row, asked, args, (&mut *unit.tx, reply, wide, false))
            }
        };
        self.effects.take_over(&mut scratch.effects);
        self.script_scratch = Some(scratch);
        self.limit_table(server);
        ended
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
            Ok(asked) => {
                asked.script.runs.fetch_add(1, Relaxed);
                count_wide(server, &asked.script);
                counted = self.play(server, client, row, &asked, args, (tx, &mut *reply, true, true)).counted;
            }
        }
        self.last_ns = start;
        self.count_script(server, client, id, row, args, reply, (errors, counted));
    }

    /// Runs a script in a transaction that holds all shards if it is `wide`, and is that of an EXEC if it is `within`.
    fn play(
        &mut self,
        server: &Server,
        client: &mut Client,
        row: &'static Row,
        asked: &Asked,
        args: ArgView<'_>,
        (tx, reply, wide, within): (&mut WriteTx<'_>, &mut Reply<'_>, bool, bool),
    ) -> Ended {
        if server.monitors.any() {
            self.lines.extend(gate::monitor_line(server, client, (Source::Client, client.db), row, args));
        }
        let (db, proto, deny_blocking) = (client.db, client.proto, client.deny_blocking);
        client.deny_blocking = true;
        self.source = Source::Lua;
        let call = Call { args: args.skip(3), keys: asked.keys };
        let start_ns = self.last_ns;
        let script = &*asked.script;
        let declared = (wide && script.learnt() == Learnt::Nothing).then(|| {
            let mut set = LockSet::default();
            add_keys(server, row, db, args, &mut set);
            set
        });
        let mut scene = Scene {
            worker: &mut *self,
            server,
            client: &mut *client,
            tx: &mut *tx,
            script,
            command: args,
            read_only: asked.read_only,
            wide,
            may_restart: !wide && !within,
            declared,
            acted: false,
            wrote: false,
            anew: false,
            killed: false,
            journalled: true,
            start_ns,
            watched: None,
        };
        let ran = script::run(&mut scene, script, call, reply);
        if script.learnt() == Learnt::Nothing {
            script.learn(false);
        }
        let was_busy = scene.watched.as_ref().is_some_and(|watched| watched.busy.is_some());
        let (anew, killed) = (scene.anew, scene.killed);
        drop(scene);
        self.source = Source::Client;
        client.deny_blocking = deny_blocking;
        client.proto = proto;
        if client.db != db {
            client.select(db);
            tx.select(db);
        }
        if killed {
            reply.error(&killed_text(script, ran.line));
        } else if ran.stopped && !anew {
            // The server shuts down.
            client.closing = true;
        }
        Ended { counted: ran.counted, anew, was_busy }
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

/// The error of a script that was ended from outside, in this line.
fn killed_text(script: &Script, line: Option<u32>) -> String {
    let source = if script.is_function { "@user_function" } else { "@user_script" };
    let at = line.map_or_else(String::new, |line| format!(", on {source}:{line}."));
    format!("{KILLED} script: {}{at}", script.name)
}

fn write_failure(failure: &Failure, reply: &mut Reply<'_>) {
    match failure {
        Failure::Unknown => reply.error(UNKNOWN),
        Failure::Text(text) => reply.error(text),
    }
}
