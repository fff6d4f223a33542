//! One connection: reads, runs and writes, a turn at a time, until the peer goes or the server closes it.
//!
//! Owns the socket and what could not be finished: a request that has not arrived whole (`rest`) and replies that the
//! socket did not take (`unsent`). Both are null pointers in an idle connection: for its turn it borrows the worker's
//! buffers. It must not know commands.
//!
//! **Order of a turn**: mail of other threads, unsent replies, commands left from the last turn, then read, run, write,
//! until the socket has no more or the turn is over; then others have theirs.
//!
//! **Replies are written a little later** than they are made: the worker runs what a few connections have sent and then
//! writes to all of them ([`Next::Late`]), because a peer that is woken by each reply costs a wake-up each. Until then
//! they are `unsent`, as if the socket were full.
//!
//! **Readiness** is told once, at its edge, and remembered: a socket is read again only after it has filled the buffer
//! or has been told of since, and written to again after a short write only when it has been told of. An end of the
//! stream may have come together with the last bytes, so once it is announced (`hup`) the socket is read until it shows.
//!
//! **Slow client, back-pressure.** While replies wait for the socket, nothing of this client is executed; requests are
//! still read, into `rest`, up to `client-query-buffer-limit`, because clients exist that send a whole pipeline before
//! they read (not reading them would be a deadlock). So what a slow reader can make the server hold is one turn's
//! replies plus its own requests, each under the limit that Redis has for it.
//!
//! **Blocked client.** The same while a command of the client waits: what follows it stays in `rest`, until the worker
//! says that somebody woke the client or that its deadline has come. A peer that goes ends the wait at once; one that was
//! served before that and only closed its writing side gets its replies.
//!
//! **Large values** go straight from the socket to where they are stored, but for what came with the read that their
//! beginning was found in. A connection that has sent one reads little at first, so that this part is small.
//!
//! **Panic.** A panic in a handler is caught here: it is logged with the command's name, and this connection closes.

mod output;

use super::backlog::Backlog;
use super::socket::Stream;
use super::worker::Scratch;
use crate::client::{Client, ClientFlags};
use crate::exec;
use crate::resp::OutBuf;
use crate::server::Server;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of requests that may wait before authentication.
const UNAUTHENTICATED_MAX: u64 = 1024 * 1024;
/// Rounds of read, run, write before others have their turn.
const ROUNDS: usize = 8;
/// What a connection that sends large values reads at first.
const BULKY_READ: usize = 4096;
/// Reads without a large value after which a connection is no longer one that sends them.
const BULKY_READS: u8 = 16;

/// One connection. What an idle connection's next command touches comes first.
#[repr(C)]
pub(super) struct Connection {
    stream: Stream,
    /// The socket has not been read to its end since it was told of.
    readable: bool,
    /// The same of writing.
    writable: bool,
    /// The end of the stream, or an error, has been announced.
    hup: bool,
    /// The peer has closed its writing side.
    eof: bool,
    /// `rest` may hold whole commands.
    more: bool,
    /// Reads for which it counts as one that sends large values.
    bulky: u8,
    /// It waits among those whose turn ended with work left.
    pub(super) queued: bool,
    /// Replies that the socket did not take.
    unsent: Option<Box<OutBuf>>,
    /// Bytes received that no whole command could be made of, or that wait for their turn.
    rest: Backlog,
    client: Client,
    /// The deadline that the worker's timers know, in monotonic nanoseconds; 0: none.
    pub(super) armed_ns: u64,
}

/// Why a connection has its turn.
#[derive(Clone, Copy)]
pub(super) enum Why {
    /// Its socket is ready.
    Socket { readable: bool, writable: bool, hup: bool },
    /// It had work left.
    Left,
    /// Another thread left something for it.
    Woken,
    /// The deadline of the command that it is blocked in has come.
    Deadline,
    /// Its replies are to be written now.
    Late,
    /// The server ends.
    Shutdown,
}

impl Why {
    /// What the system says of a socket.
    #[inline]
    pub(super) fn of(event: &mio::event::Event) -> Self {
        let hup = event.is_read_closed() || event.is_error();
        Why::Socket { readable: event.is_readable() || hup, writable: event.is_writable() || hup, hup }
    }

    /// Makes it tell of both, if one can.
    pub(super) fn takes_in(&mut self, other: Why) -> bool {
        if let (
            Why::Socket { readable, writable, hup },
            Why::Socket { readable: or_readable, writable: or_writable, hup: or_hup },
        ) = (&mut *self, other)
        {
            *readable |= or_readable;
            *writable |= or_writable;
            *hup |= or_hup;
        }
        std::mem::discriminant(self) == std::mem::discriminant(&other)
    }
}

/// What a connection wants after its turn.
pub(super) enum Next {
    /// To be told when something has happened.
    Wait,
    /// The same, and soon a turn to write its replies ([`Why::Late`]).
    Late,
    /// Another turn.
    Again,
    /// Nothing any more: it is off the list of clients.
    Gone,
}

/// Why a connection ends.
enum End {
    /// The peer went, or asked for it, or was told to.
    Closed,
    /// The socket failed.
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(e: io::Error) -> Self {
        End::Failed(e)
    }
}

impl Connection {
    pub(super) fn new(stream: Stream, client: Client) -> Self {
        Self {
            stream,
            readable: false,
            writable: true,
            hup: false,
            eof: false,
            more: false,
            bulky: 0,
            queued: false,
            unsent: None,
            rest: Backlog::default(),
            client,
            armed_ns: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// When the command that it is blocked in is over, in monotonic nanoseconds; 0: never.
    #[inline]
    pub(super) fn deadline_ns(&self) -> u64 {
        self.client.blocked.as_ref().map_or(0, |blocked| blocked.deadline_ns.map_or(0, |at| at.max(1)))
    }

    /// Everything that can be done now. After [`Next::Gone`] the connection is to be dropped.
    pub(super) fn turn(&mut self, scratch: &mut Scratch, why: Why) -> Next {
        match self.work(scratch, why) {
            Ok(next) => next,
            Err(end) => {
                self.end(scratch, &end);
                Next::Gone
            }
        }
    }

    #[inline]
    fn work(&mut self, scratch: &mut Scratch, why: Why) -> Result<Next, End> {
        match why {
            Why::Socket { readable, writable, hup } => {
                self.readable |= readable;
                self.writable |= writable;
                self.hup |= hup;
                if self.queued {
                    return Ok(Next::Wait);
                }
            }
            Why::Left => self.queued = false,
            Why::Woken => self.client.shared.heard(),
            Why::Shutdown => self.client.shared.drain.store(true, Relaxed),
            Why::Deadline => {}
            Why::Late => return self.write_late(scratch),
        }
        if self.client.shared.drain.load(Relaxed) && self.unsent.is_none() {
            self.client.closing = true;
        }
        if self.client.blocked.is_some() {
            self.resume(scratch, why)?;
        }
        self.drive(scratch)
    }

    fn drive(&mut self, scratch: &mut Scratch) -> Result<Next, End> {
        for _ in 0..ROUNDS {
            if self.client.shared.kill.load(Relaxed) {
                return Err(End::Closed);
            }
            if self.client.shared.has_mail() {
                self.take_mail(scratch)?;
            }
            if self.unsent.is_some() && self.writable {
                self.flush(scratch)?;
            }
            let blocked = self.client.blocked.is_some();
            if self.unsent.is_none() {
                if self.client.closing || self.client.shared.drain.load(Relaxed) {
                    return Err(End::Closed);
                }
                if self.more && !blocked {
                    self.run_rest(scratch)?;
                    continue;
                }
            }
            if self.eof && blocked {
                self.end_wait(scratch)?;
                continue;
            }
            if self.eof && self.unsent.is_none() {
                return Err(End::Closed);
            }
            if !self.readable || self.eof || self.client.closing {
                return Ok(Next::Wait);
            }
            self.read(scratch)?;
            if !self.readable && !self.more && !self.eof && !self.client.closing {
                // The usual case: a request was answered. What others have left since comes with a word of its own.
                return self.answer_late(scratch);
            }
            self.send(scratch)?;
        }
        Ok(Next::Again)
    }

    /// Whether what is read may be run now.
    #[inline]
    fn may_run(&self) -> bool {
        self.unsent.is_none() && self.client.blocked.is_none()
    }

    #[cold]
    fn take_mail(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        self.client.shared.heard();
        self.client.shared.take_mail(&mut scratch.output);
        self.send(scratch)
    }

    /// Lets the command that the client is blocked in see whether it can go on.
    #[cold]
    fn resume(&mut self, scratch: &mut Scratch, why: Why) -> Result<(), End> {
        let timed_out = matches!(why, Why::Deadline);
        if !timed_out && !matches!(why, Why::Woken) || self.client.shared.kill.load(Relaxed) {
            return Ok(());
        }
        let Scratch { exec, server, output, .. } = scratch;
        guarded(exec, server, &mut self.client, output, |exec, client, out| {
            exec.resume(server, client, timed_out, out);
        })?;
        self.send(scratch)
    }

    /// The peer sends nothing any more, which ends its wait, and the connection, unless the wait is over already: then
    /// there is a reply.
    #[cold]
    fn end_wait(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        let Scratch { exec, server, output, .. } = scratch;
        let run = |exec: &mut exec::Worker, client: &mut _, out: &mut _| exec.end_wait(server, client, out);
        if !guarded(exec, server, &mut self.client, output, run)? {
            return Err(End::Closed);
        }
        self.send(scratch)
    }

    /// Reads once and runs what came, unless it has to wait.
    fn read(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        if let Some(target) = self.client.parser.big_target() {
            // Straight into the value that will be stored. Room grows with what has come, not with what was promised.
            let room = target.missing.min(target.buf.capacity() - target.buf.len());
            if room < target.missing {
                let n = self.stream.read_into(target.buf)?;
                return self.received(scratch, n, room, room);
            }
            let n = self.stream.read_through(target.buf, room, &mut scratch.input)?;
            return self.received(scratch, n, room, room + scratch.input.len());
        }
        if self.rest.is_empty() && self.may_run() {
            let asked = if self.bulky > 0 { BULKY_READ } else { scratch.input.len() };
            let n = self.stream.read(&mut scratch.input[..asked])?;
            return self.received(scratch, n, 0, asked);
        }
        // Appended to what is there already.
        let room = self.rest.room();
        let asked = room.capacity() - room.len();
        let n = self.stream.read_into(room)?;
        self.rest.done(0);
        self.received(scratch, n, asked, asked)
    }

    /// `n` bytes of `asked` have come, the first `kept` of them into `rest` or the parser, the others into the worker's
    /// buffer. The replies may be left in the worker's output.
    #[inline]
    fn received(&mut self, scratch: &mut Scratch, n: Option<usize>, kept: usize, asked: usize) -> Result<(), End> {
        let Some(n) = n else {
            self.readable = false;
            return Ok(());
        };
        self.readable = n == asked || self.hup;
        let stats = scratch.exec.stats();
        stats.reads.add(1);
        stats.net_in.add(n as u64);
        if n == 0 {
            self.eof = true;
            return Ok(());
        }
        if kept > 0 || self.client.multi.is_some() {
            self.check_query_limit(scratch)?;
        }
        let came = n.saturating_sub(kept);
        if !self.may_run() {
            self.rest.extend(&scratch.input[..came]);
            self.more = true;
            self.publish_query();
            return Ok(());
        }
        if !self.rest.is_empty() {
            return self.run_rest(scratch);
        }
        self.run_input(scratch, came)?;
        if self.client.parser.in_big() {
            self.bulky = BULKY_READS;
        } else if self.bulky > 0 && kept == 0 {
            self.bulky = if n == asked { 0 } else { self.bulky - 1 };
        }
        Ok(())
    }

    /// Runs the first `n` bytes of the worker's buffer.
    #[inline]
    fn run_input(&mut self, scratch: &mut Scratch, n: usize) -> Result<(), End> {
        let Scratch { exec, server, input, output, .. } = scratch;
        let input = &input[..n];
        let run = |exec: &mut exec::Worker, client: &mut _, out: &mut _| exec.run(server, client, input, out);
        let progress = guarded(exec, server, &mut self.client, output, run)?;
        self.more = progress.more;
        if progress.consumed < n {
            self.rest.extend(&input[progress.consumed..]);
        }
        self.publish_query();
        Ok(())
    }

    /// Runs what is in `rest`.
    fn run_rest(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        let Scratch { exec, server, output, .. } = scratch;
        let waiting = self.rest.waiting();
        let run = |exec: &mut exec::Worker, client: &mut _, out: &mut _| exec.run(server, client, waiting, out);
        let progress = guarded(exec, server, &mut self.client, output, run)?;
        self.more = progress.more;
        self.rest.done(progress.consumed);
        self.publish_query();
        self.send(scratch)
    }

    #[inline]
    fn publish_query(&self) {
        let (bytes, capacity) = (self.rest.waiting().len() + self.client.parser.pending_bytes(), self.rest.capacity());
        self.client.shared.set_query(bytes, capacity);
    }

    fn check_query_limit(&mut self, scratch: &Scratch) -> Result<(), End> {
        let settings = scratch.exec.settings();
        let mut limit = settings.client_query_buffer_limit;
        if !self.client.authenticated && !settings.requirepass.is_empty() {
            limit = limit.min(UNAUTHENTICATED_MAX);
        }
        // What is queued in MULTI has not been executed either.
        let queued = self.client.multi.as_ref().map_or(0, |multi| multi.bytes);
        if (self.rest.waiting().len() + self.client.parser.pending_bytes() + queued) as u64 <= limit {
            return Ok(());
        }
        let client = &self.client.shared;
        tracing::warn!("Closing client {} ({}) that reached max query buffer length", client.id, client.addr);
        Err(End::Closed)
    }

    /// Takes the client off the list and gives up what it held.
    #[cold]
    fn end(&mut self, scratch: &mut Scratch, end: &End) {
        let id = self.client.shared.id;
        if let End::Failed(e) = end {
            tracing::debug!("Client {id} closed: {e}");
        }
        scratch.output.clear();
        self.client.shared.set_flag(ClientFlags::CLOSING, true);
        let Scratch { exec, server, output, .. } = scratch;
        // A panic has been logged.
        let _ = guarded(exec, server, &mut self.client, output, |exec, client, _| exec.disconnect(client));
        // Before the socket closes: whoever sees that must not find the client on the list any more.
        server.clients.remove(id);
    }
}

/// Runs a part of the pipeline; a panic in it ends this connection only.
#[inline]
fn guarded<R>(
    exec: &mut exec::Worker,
    server: &Server,
    client: &mut Client,
    out: &mut OutBuf,
    run: impl FnOnce(&mut exec::Worker, &mut Client, &mut OutBuf) -> R,
) -> Result<R, End> {
    catch_unwind(AssertUnwindSafe(|| run(exec, client, out))).map_err(|_| {
        let id = client.shared.command.load(Relaxed);
        let commands = &server.commands;
        let name = if (id as usize) < commands.len() { commands.row(id).spec.name } else { "?" };
        tracing::error!("A panic in command '{name}' closed client {}", client.shared.id);
        out.clear();
        exec.recover();
        End::Closed
    })
}
