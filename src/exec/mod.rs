//! The pipeline: from the bytes of a batch of requests to their replies.
//!
//! Owns the order of things for every command: parse up to [`BATCH`] of them, look up their rows, hash their keys,
//! prefetch slots and then entries, and then for each: gate (arity, authentication, MULTI's queue), lock, run, commit,
//! unlock, count. It must not know sockets: bytes come in as a slice and go out in an [`OutBuf`].
//!
//! **Two batches of a long pipeline are under way at once**: while one runs, the slots of the next are on their way
//! from memory, and while the next one's successor is parsed, its entries are, so that work and waiting overlap. Parsing
//! ahead changes nothing that a client can see: a batch that was parsed ahead has not consumed its bytes before it runs,
//! and is dropped, to be parsed anew, when the one before it blocks the client or ends its turn.
//!
//! A [`Worker`] is one thread's half of it: scratch buffers, cached settings, the clock of the last command. It is
//! lent to one connection at a time and never shared. All of this is synchronous, so a shard's guard cannot meet an
//! `.await`.

mod block;
mod commit;
mod cron;
mod gate;
mod hold;
#[cfg(test)]
mod replay;
mod script;
mod track;
mod transaction;

pub use cron::Cron;

use crate::base::clock::Anchor;
use crate::client::{Client, ReplyMode};
use crate::commands::error::busy;
use crate::commands::{Args, CommandId, Control, Cx, Locks, Row, Run, Served, pubsub};
use crate::config::Settings;
use crate::resp::{ArgView, Batch, Limits, Mark, OutBuf, Parser, Reply, Status};
use crate::server::Server;
use crate::spec::{Flags, for_each_key};
use crate::stats::{HOT_EVERY, SlowEntry, WorkerStats, cut_args};
use crate::store::{Context, Db, Effects, IsBusy, LockSet, WriteTx};
use bytes::Bytes;
use gate::Source;
use std::sync::Arc;

/// Commands that are looked up and prefetched together.
pub const BATCH: usize = 32;
/// Replies that may wait in the output buffer before the connection has to write: about what a socket takes at once.
const OUTPUT_PAUSE: usize = 1024 * 1024;
/// Commands of one connection before others of its worker have their turn.
const TURN: usize = 1024;

/// One thread's half of the pipeline.
pub struct Worker {
    server: Arc<Server>,
    stats: Arc<WorkerStats>,
    settings: Arc<Settings>,
    generation: u64,
    effects: Effects,
    /// Keys of the commands of an EXEC so far that somebody waits for.
    ready: Vec<(u32, Box<[u8]>)>,
    locks: LockSet,
    /// What a script's transaction uses; `None` while one is under way.
    script_scratch: Option<Box<script::ScriptScratch>>,
    /// The batch that runs, and the one that was parsed ahead; `None` while they are in use.
    stages: Option<Box<[Stage; 2]>>,
    /// The clock after the last command: the start of the next one.
    last_ns: u64,
    now_ms: u64,
    anchor: Anchor,
    latency_tracking: bool,
    /// From so many nanoseconds on a command is looked at by slow log and latency monitor.
    watch_ns: u64,
    /// Keyed commands until the next one is sampled for the hot keys.
    until_sample: u32,
    /// Lines for the clients in MONITOR mode, sent once no shard is held.
    lines: Vec<Bytes>,
    /// Where the reply of a command begins before which a client's mail was written.
    after_mail: Option<Mark>,
    /// Who runs commands now.
    source: Source,
    /// Serves the other clients of this thread, while a script of one is busy.
    serve_others: fn(),
    /// It runs scripts. Not while two of this thread's are busy already.
    runs_scripts: bool,
}

/// What [`Worker::run`] did with a connection's input.
pub struct Progress {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Whole commands may be left in the rest: it was the connection's turn that ended, or its output is full.
    pub more: bool,
}

/// A command of a batch, looked up.
#[derive(Clone, Copy)]
struct Prepared {
    row: Option<(CommandId, &'static Row)>,
    hash: u64,
}

/// A batch on its way: what the parser found, looked up.
#[derive(Default)]
struct Stage {
    batch: Batch,
    prepared: Vec<Prepared>,
    /// Where in the input it begins.
    start: usize,
    /// What it consumes of the input once it has run.
    consumed: usize,
    /// Why the parser stopped behind it; `None`: nothing was parsed.
    status: Option<Status>,
}

impl Worker {
    /// The half of worker number `index`.
    pub fn new(server: Arc<Server>, index: usize) -> Self {
        let (generation, settings) = (server.config.generation(), server.config.current());
        Self {
            stats: server.stats.worker(index),
            generation,
            effects: Effects { lazy: commit::lazy(&settings), ..Effects::default() },
            ready: Vec::new(),
            locks: LockSet::default(),
            script_scratch: None,
            stages: None,
            last_ns: server.clock.mono_ns(),
            now_ms: server.clock.unix_ms(),
            anchor: server.clock.anchor(),
            latency_tracking: settings.latency_tracking,
            watch_ns: watch_ns(&settings),
            until_sample: HOT_EVERY,
            lines: Vec::new(),
            after_mail: None,
            source: Source::Client,
            serve_others: || {},
            runs_scripts: true,
            settings,
            server,
        }
    }

    /// One for the periodic work, which serves who waits and has no clients of its own.
    fn in_background(server: Arc<Server>) -> Self {
        let stats = Arc::clone(server.stats.background());
        Self { stats, ..Self::new(server, 0) }
    }

    /// The same where scripts may become busy: what serves the others then, and whether this one runs scripts itself.
    pub fn beside_scripts(mut self, serve_others: fn(), runs_scripts: bool) -> Self {
        self.serve_others = serve_others;
        self.runs_scripts = runs_scripts;
        self
    }

    /// The configuration as this worker knows it.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// This worker's counters.
    pub fn stats(&self) -> &WorkerStats {
        &self.stats
    }

    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Takes up a changed configuration.
    #[inline]
    fn refresh(&mut self) {
        let generation = self.server.config.generation();
        if generation != self.generation {
            self.generation = generation;
            self.settings = self.server.config.current();
            self.latency_tracking = self.settings.latency_tracking;
            self.effects.lazy = commit::lazy(&self.settings);
            self.watch_ns = watch_ns(&self.settings);
        }
    }

    fn tick(&mut self) {
        self.refresh();
        (self.now_ms, self.last_ns) = self.server.clock.both(&mut self.anchor);
    }

    /// Runs the whole commands in `input`, replies to `out`, until the input, the connection's turn or the room for
    /// replies ends.
    pub fn run(&mut self, server: &Server, client: &mut Client, input: &[u8], out: &mut OutBuf) -> Progress {
        self.tick();
        client.shared.active(self.now_ms);
        let mut stages = self.stages.take().unwrap_or_default();
        let [stage, ahead] = &mut *stages;
        self.parse(server, client, input, 0, stage);
        let progress = self.run_stages(server, client, input, stage, ahead, out);
        self.stages = Some(stages);
        progress
    }

    fn run_stages(
        &mut self,
        server: &Server,
        client: &mut Client,
        input: &[u8],
        stage: &mut Stage,
        ahead: &mut Stage,
        out: &mut OutBuf,
    ) -> Progress {
        let mut turn = 0;
        loop {
            turn += stage.prepared.len();
            let last = turn >= TURN || out.len() >= OUTPUT_PAUSE;
            ahead.status = None;
            if stage.prepared.len() > 1 {
                prefetch_entries(server, client.db, stage);
                if stage.status == Some(Status::Full) && !last {
                    self.parse(server, client, input, stage.start + stage.consumed, ahead);
                }
            }
            let ran = self.run_stage(server, client, input, stage, out);
            let consumed = stage.start + stage.consumed;
            if client.blocked.is_some() {
                // What follows the command that blocks has its time later. A command that was cut off began behind it,
                // so its bytes are all in the input: it is parsed anew then.
                client.parser = Parser::default();
                let end = ran.checked_sub(1).map_or(0, |i| stage.batch.commands[i].end as usize);
                let consumed = stage.start + end;
                return Progress { consumed, more: consumed < input.len() };
            }
            match stage.status {
                _ if client.closing => return Progress { consumed: input.len(), more: false },
                Some(Status::Error(e)) => {
                    self.count_error(b"ERR");
                    Reply::new(out, client.proto).error_bytes(&[b"ERR ", &*e.text()].concat());
                    client.closing = true;
                    return Progress { consumed: input.len(), more: false };
                }
                Some(Status::Full) if last || out.len() >= OUTPUT_PAUSE => {
                    if ahead.status.is_some() {
                        // As above: whatever the parser knows of began behind what has run.
                        client.parser = Parser::default();
                    }
                    return Progress { consumed, more: true };
                }
                Some(Status::Full) if ahead.status.is_none() => self.parse(server, client, input, consumed, ahead),
                Some(Status::Full) => {}
                Some(Status::NeedMore) | None => return Progress { consumed, more: false },
            }
            std::mem::swap(stage, ahead);
        }
    }

    /// Parses and looks up the next commands, from `start` on, and prefetches the slots of their keys.
    fn parse(&mut self, server: &Server, client: &mut Client, input: &[u8], start: usize, stage: &mut Stage) {
        let limits = Limits { bulk_max: self.settings.string_max(), authenticated: client.authenticated };
        // Before authentication one at a time: AUTH lifts the limits of what follows.
        let max = if client.authenticated { BATCH } else { 1 };
        let rest = &input[start..];
        stage.batch.clear();
        stage.prepared.clear();
        let parsed = client.parser.parse(rest, &limits, &mut stage.batch, max);
        stage.start = start;
        stage.consumed = parsed.consumed;
        stage.status = Some(parsed.status);
        let db = server.store.db(client.db);
        // A pipeline often repeats one command: its name is looked up once.
        let mut last: (&[u8], Option<(CommandId, &'static Row)>) = (b"", None);
        for i in 0..stage.batch.commands.len() {
            let args = stage.batch.view(rest, i);
            let name = args.get(0).unwrap_or_default();
            let row = match last.1 {
                Some((_, row)) if name == last.0 && is_whole_name(row, name) => last.1,
                _ => server.commands.resolve(args),
            };
            last = (name, row);
            stage.prepared.push(prepare(server, db, args, row));
        }
        if stage.prepared.len() > 1 {
            let keyed = stage.prepared.iter().filter(|p| p.hash != 0);
            keyed.for_each(|p| server.store.prefetch_slot(db, p.hash));
        }
    }

    /// Runs the commands of a batch, up to one that closes the connection or blocks it. Returns how many ran.
    #[inline]
    fn run_stage(
        &mut self,
        server: &Server,
        client: &mut Client,
        input: &[u8],
        stage: &Stage,
        out: &mut OutBuf,
    ) -> usize {
        let rest = &input[stage.start..];
        for (i, p) in stage.prepared.iter().enumerate() {
            self.command(server, client, stage.batch.view(rest, i), *p, out);
            if client.closing || client.blocked.is_some() {
                return i + 1;
            }
        }
        stage.prepared.len()
    }

    /// Runs one command: gate, call, count.
    fn command(&mut self, server: &Server, client: &mut Client, args: ArgView<'_>, p: Prepared, out: &mut OutBuf) {
        let Some((id, row)) = p.row else {
            self.unknown(client, args, out);
            return;
        };
        client.shared.runs(id);
        let mark = out.mark();
        let mut reply = Reply::new(out, client.proto);
        if client.gated() | server.pause.any()
            || matches!(row.run, Run::Control(_) | Run::Container)
            || !row.spec.arity_fits(args.len())
        {
            self.gated(server, client, id, row, args, p.hash, &mut reply);
        } else {
            self.call::<false>(server, client, id, row, args, p.hash, &mut reply);
        }
        if !self.lines.is_empty() {
            gate::feed(server, &self.settings, &mut self.lines);
        }
        if client.reply != ReplyMode::On {
            self.hide_reply(client, out, self.after_mail.unwrap_or(mark));
        }
        if client.listens() {
            // What it has sent to itself, or changed of what it caches, follows the reply.
            self.after_mail = None;
            pubsub::deliver(client, &mut Reply::new(out, client.proto));
        }
    }

    /// Locks, runs, commits, unlocks and counts one command that has passed the gates. `TRACKS`: of a client that
    /// tracks.
    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn call<const TRACKS: bool>(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        args: ArgView<'_>,
        hash: u64,
        reply: &mut Reply<'_>,
    ) {
        match row.run {
            Run::Block(handler) => return self.call_blocking(server, client, id, row, handler, args, reply),
            Run::Script(caller) => return self.call_script(server, client, id, row, caller, args, reply),
            _ => {}
        }
        self.effects.reset();
        let context = self.context(server, client);
        {
            let mut why = IsBusy::default();
            let entered = match row.locks {
                Locks::Keys if row.first_key != 0 => server.store.enter_one(hash, context, &mut self.effects),
                _ => {
                    self.locks.clear();
                    lock_set(server, row, client.db, args, &mut self.locks, false);
                    server.store.enter(&mut self.locks, context, &mut self.effects)
                }
            };
            let Ok(mut tx) = entered.map_err(|is| why = is) else {
                self.refuse(client, Some(id), busy(why).as_bytes(), reply);
                return;
            };
            if TRACKS {
                tx.pin();
                track::hear(client, &mut self.after_mail, reply);
            }
            let cursor = Args::new(args, &server.store, &self.settings, (row.first_key as usize, hash));
            let mark = reply.mark();
            run_handler(server, client, row, &mut tx, cursor, reply);
            if matches!(row.locks, Locks::Walk)
                && let Some(is) = tx.met_busy()
            {
                reply.truncate(mark);
                reply.error(busy(is));
            }
            commit::commit(server, &self.stats, &mut tx, client.shared.id, args);
            if TRACKS && track::remembers(client, row) {
                track::remember(server, client.shared.id, row, args);
            }
        }
        if TRACKS {
            self.limit_table(server);
        }
        self.count(server, client, id, row, args, reply, 0);
        self.settle(server);
    }

    /// The wall time in microseconds at which what begins now takes place, however long it lasts: what it knows of the time
    /// is this.
    fn moment(&mut self, server: &Server) -> u64 {
        let us = server.clock.wall_us(&mut self.anchor, self.last_ns);
        self.now_ms = us / 1000;
        us
    }

    /// What a transaction knows of this client and of the time.
    #[inline]
    fn context(&self, server: &Server, client: &Client) -> Context {
        Context {
            db: client.db,
            now: self.now_ms,
            access: server.access(&self.settings, self.now_ms),
            no_touch: client.no_touch,
        }
    }

    /// Statistics, slow log and monitors after a command has run.
    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn count(
        &mut self,
        server: &Server,
        client: &Client,
        id: CommandId,
        row: &'static Row,
        args: ArgView<'_>,
        reply: &Reply<'_>,
        errors_before: u32,
    ) {
        let end = server.clock.mono_ns();
        let ns = end.saturating_sub(self.last_ns);
        self.last_ns = end;
        let failed = reply.errors() > errors_before;
        self.stats.commands[id as usize].ran(ns, failed, self.latency_tracking);
        self.stats.processed.add(1);
        if failed {
            self.count_error(reply.last_error_code());
        }
        if matches!(row.run, Run::Admin(_)) {
            // CONFIG SET counts under the limits that it has set.
            self.refresh();
        }
        if ns >= self.watch_ns {
            self.slow(server, client, row, args, ns);
        }
        if row.first_key != 0 {
            self.until_sample -= 1;
            if self.until_sample == 0 {
                self.sample(server, client.db, args.get(row.first_key as usize).unwrap_or_default());
            }
        }
        self.monitor(server, client, row, args);
    }

    /// A line for the monitors, if there are any.
    #[inline]
    fn monitor(&mut self, server: &Server, client: &Client, row: &'static Row, args: ArgView<'_>) {
        // A script is shown before its commands.
        if server.monitors.any() && !matches!(row.run, Run::Script(_)) {
            self.lines.extend(gate::monitor_line(server, client, (self.source, client.db), row, args));
        }
    }

    /// A command that took long: for the slow log, the latency monitor or both.
    #[cold]
    fn slow(&mut self, server: &Server, client: &Client, row: &'static Row, args: ArgView<'_>, ns: u64) {
        let time = server.clock.unix_ms() / 1000;
        let event_ms = self.settings.latency_monitor_threshold;
        if event_ms > 0 && ns / 1_000_000 >= event_ms {
            let event = if row.spec.flags.contains(Flags::FAST) { "fast-command" } else { "command" };
            server.stats.latency.note(event, ns / 1_000_000, time);
        }
        let limit = self.settings.slowlog_log_slower_than;
        if limit < 0 || ns < (limit as u64).saturating_mul(1000) || row.spec.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let shown: Vec<&[u8]> = gate::shown(row, args).collect();
        let of_script = self.source == Source::Lua;
        let entry = SlowEntry {
            id: 0,
            time,
            micros: ns / 1000,
            args: cut_args(shown.into_iter()),
            addr: if of_script { "?:0".to_owned() } else { client.shared.addr.clone() },
            name: if of_script { String::new() } else { client.shared.names.lock().name.clone() },
        };
        server.stats.slowlog.add(entry, self.settings.slowlog_max_len);
    }

    /// Notes the key of one command in [`HOT_EVERY`].
    #[cold]
    fn sample(&mut self, server: &Server, db: u32, key: &[u8]) {
        self.until_sample = HOT_EVERY;
        self.stats.hot.lock().note(db, server.store.hash(key), key);
    }

    #[cold]
    fn count_error(&mut self, code: &[u8]) {
        self.stats.errors.add(1);
        self.stats.error_codes.add(code);
    }

    /// Puts the scratch back into a sound state after a panic: what was lent to the command is gone with it. Who waited for
    /// what earlier commands of its transaction or script have changed is served when the client is disconnected.
    #[cold]
    pub fn recover(&mut self) {
        let (calls, ready) = (std::mem::take(&mut self.effects.calls), std::mem::take(&mut self.ready));
        self.effects = Effects { lazy: commit::lazy(&self.settings), calls, ready, ..Effects::default() };
        self.locks.clear();
        self.after_mail = None;
        self.source = Source::Client;
    }

    /// Gives up what a connection held: watched keys, its place among the monitors.
    pub fn disconnect(&mut self, client: &mut Client) {
        let server = Arc::clone(&self.server);
        // What a panic has left, in a busy script as well.
        self.settle(&server);
        if !server.store.busy.any() {
            self.catch_up(&server);
        }
        self.abandon(&server, client);
        self.unwatch(&server, client);
        self.settle(&server);
        pubsub::forget_all(&server, client);
        if client.tracking.is_some() {
            server.tracking.stop(&server.store.listeners, &client.shared);
        }
        if client.monitor {
            server.monitors.remove(client.shared.id);
        }
    }
}

/// The least of the times from which slow log and latency monitor look at a command.
fn watch_ns(settings: &Settings) -> u64 {
    let slow = u64::try_from(settings.slowlog_log_slower_than).map_or(u64::MAX, |us| us.saturating_mul(1000));
    let event = match settings.latency_monitor_threshold {
        0 => u64::MAX,
        ms => ms.saturating_mul(1_000_000),
    };
    slow.min(event)
}

/// Whether a command's name is all that its row was found by: it is neither a container nor a subcommand.
#[inline]
fn is_whole_name(row: &Row, name: &[u8]) -> bool {
    row.subs.is_empty() && row.spec.name.len() == name.len()
}

/// Hashes a command's key and prefetches the key's shard.
#[inline]
fn prepare(server: &Server, db: &Db, args: ArgView<'_>, row: Option<(CommandId, &'static Row)>) -> Prepared {
    let hash = match row {
        Some((_, r)) if r.first_key != 0 => args.get(r.first_key as usize).map_or(0, |k| server.store.hash(k)),
        _ => 0,
    };
    if hash != 0 {
        server.store.prefetch_shard(db, hash);
    }
    Prepared { row, hash }
}

/// Prefetches the entries of a batch's keys, whose slots have been asked for.
#[inline]
fn prefetch_entries(server: &Server, db: u32, stage: &Stage) {
    let db = server.store.db(db);
    stage.prepared.iter().filter(|p| p.hash != 0).for_each(|p| server.store.prefetch_entry(db, p.hash));
}

/// Adds the shards that a command needs; `exec`: it runs among others in one EXEC, where nothing can be locked later.
fn lock_set(server: &Server, row: &Row, db: u32, args: ArgView<'_>, set: &mut LockSet, exec: bool) {
    let store = &server.store;
    match row.locks {
        Locks::Nothing => {}
        Locks::Walk if !exec => {}
        Locks::Walk | Locks::Everything => {
            set.database(store, db);
            set.everything();
        }
        Locks::Database => set.database(store, db),
        Locks::Keys => add_keys(server, row, db, args, set),
        Locks::By(f) => {
            add_keys(server, row, db, args, set);
            f(store, db, args, set);
        }
    }
}

fn add_keys(server: &Server, row: &Row, db: u32, args: ArgView<'_>, set: &mut LockSet) {
    let arg = |i: usize| args.get(i).unwrap_or_default();
    for_each_key(row.spec.keys, args.len(), arg, |i, _| set.key(&server.store, db, server.store.hash(arg(i))));
}

/// Runs a row's handler on an open transaction; an error becomes the reply.
#[inline]
fn run_handler(
    server: &Server,
    client: &mut Client,
    row: &'static Row,
    tx: &mut WriteTx<'_>,
    mut args: Args<'_>,
    reply: &mut Reply<'_>,
) {
    let result = match row.run {
        Run::Read(f) => f(tx.reader(), &mut args, reply),
        Run::Write(f) => f(tx, &mut args, reply),
        Run::Block(f) => f(tx, &mut args, reply).map(|served| {
            if let Served::Wait { nothing, .. } = served {
                block::write_nothing(nothing, reply);
            }
        }),
        Run::Admin(f) => {
            let view = args.view();
            if view.len() > 1 && row.spec.name.contains('|') {
                args.next();
            }
            let result = f(&mut Cx { server, client, tx }, &mut args, reply);
            reply.set_proto(client.proto);
            result
        }
        Run::Script(_) | Run::Control(_) | Run::Container => Ok(()),
    };
    if let Err(e) = result {
        e.write(reply);
    }
}

impl Control {
    /// Whether the command runs at once inside MULTI instead of being queued.
    fn immediate(self) -> bool {
        self != Control::Unwatch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::client::{Blocked, Shared};
    use crate::config::Config;
    use crate::resp::BIG_ARG;

    /// A name that is repeated is looked up once, unless it does not say all.
    #[test]
    fn each_command_of_a_batch_is_found() {
        let config = Config::new(Settings::default(), None);
        let server = Arc::new(Server::new(config, Clock::manual(), 1).expect("no renames"));
        let mut worker = Worker::new(Arc::clone(&server), 0);
        let mut client = Client::new(Arc::new(Shared::new(7, String::new(), String::new(), 0, 0, 0)), true);
        let mut out = OutBuf::new();
        let input = b"CLIENT ID\r\nCLIENT GETNAME\r\nCLIENT NONE\r\nCLIENT\r\nPING\r\nPING a\r\nping\r\nPANG\r\nPANG\r\nECHO a\r\n";
        worker.run(&server, &mut client, input, &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let firsts: Vec<&str> = text.lines().map(|line| &line[..line.len().min(12)]).collect();
        let expected = [
            ":7",
            "$-1",
            "-ERR unknown",
            "-ERR wrong n",
            "+PONG",
            "$1",
            "a",
            "+PONG",
            "-ERR unknown",
            "-ERR unknown",
            "$1",
            "a",
        ];
        assert_eq!(firsts, expected);
    }

    /// A client that is blocked already stands for one that its first command blocks.
    #[test]
    fn a_batch_ends_behind_the_command_that_blocks() {
        let config = Config::new(Settings::default(), None);
        let server = Arc::new(Server::new(config, Clock::manual(), 1).expect("no renames"));
        let mut worker = Worker::new(Arc::clone(&server), 0);
        let shared = Arc::new(Shared::new(1, String::new(), String::new(), 0, 0, 0));
        let mut client = Client::new(shared, true);
        let set = |value: &str| format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len());
        let big = "x".repeat(BIG_ARG);
        // The last ones: cut off in a head, in a small argument, in a large one whose bytes the parser has taken.
        let cuts = [set(&big), "\r\n*0\r\nPING\r\n".into(), "*3\r\n$3".into(), set(&big)[..BIG_ARG].to_owned()];
        for (i, tail) in cuts.iter().enumerate() {
            for first in ["PING\r\n".to_owned(), set("v"), set(&big)] {
                // Whole, or as what is left of a command that began earlier.
                for begun in [0, 3, first.len() - 3] {
                    let (mut out, input) = (OutBuf::new(), format!("{first}{tail}"));
                    let at = worker.run(&server, &mut client, &input.as_bytes()[..begun], &mut out).consumed;
                    assert!(out.is_empty());
                    client.blocked = Some(Box::new(Blocked { deadline_ns: None, ticket: Box::new(()) }));
                    let progress = worker.run(&server, &mut client, &input.as_bytes()[at..], &mut out);
                    assert_eq!((at + progress.consumed, progress.more), (first.len(), true));
                    assert_eq!(out.to_vec().iter().filter(|byte| **byte == b'\n').count(), 1);
                    worker.resume(&server, &mut client, true, &mut out);
                    let progress = worker.run(&server, &mut client, tail.as_bytes(), &mut out);
                    let replies: &[&[u8]] = if i < 2 { &[&b"*-1"[..], [&b"+OK"[..], b"+PONG"][i]] } else { &[b"*-1"] };
                    let text = out.to_vec();
                    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
                    assert_eq!(&lines[1..lines.len() - 1], replies, "{i} {begun}");
                    assert!(!progress.more);
                    client.parser = Parser::default();
                }
            }
        }
    }
}
