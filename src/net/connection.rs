//! One connection: a future that reads, runs and writes until the peer goes or the server closes it.
//!
//! Owns the socket and what could not be finished: a request that has not arrived whole (`rest`) and replies that the
//! socket did not take (`unsent`). Both are empty, without capacity, in an idle connection: while its task is polled it
//! borrows the worker's buffers. It must not know commands.
//!
//! **Order of a poll**: mail of other threads, unsent replies, commands left from the last turn, then read, run, write,
//! until the socket has no more or the turn is over; then it wakes itself and lets others run.
//!
//! **Slow client, back-pressure.** While replies wait for the socket, nothing of this client is executed; requests are
//! still read, into `rest`, up to `client-query-buffer-limit`, because clients exist that send a whole pipeline before
//! they read (not reading them would be a deadlock). So what a slow reader can make the server hold is one turn's
//! replies plus its own requests, each under the limit that Redis has for it.
//!
//! **Panic.** A panic in a handler is caught here: it is logged with the command's name, and this connection closes.

use super::worker::{Scratch, Socket};
use crate::client::{Client, ClientFlags};
use crate::resp::{BIG_ARG, OutBuf};
use crate::server::Server;
use crate::stats::Counter;
use bytes::BufMut;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Pieces of a reply that one system call writes.
const PIECES: usize = 64;
/// Bytes of requests that may wait before authentication.
const UNAUTHENTICATED_MAX: u64 = 1024 * 1024;
/// Rounds of read, run, write before others have their turn.
const ROUNDS: usize = 8;

/// A socket in a runtime.
pub(super) enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

impl Stream {
    /// Registers a socket with the current runtime; its file descriptor beside it.
    pub(super) fn register(socket: Socket) -> io::Result<(Self, i32)> {
        Ok(match socket {
            Socket::Tcp(s) => {
                let fd = s.as_raw_fd();
                (Stream::Tcp(tokio::net::TcpStream::from_std(s)?), fd)
            }
            Socket::Unix(s) => {
                let fd = s.as_raw_fd();
                (Stream::Unix(tokio::net::UnixStream::from_std(s)?), fd)
            }
        })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        ready!(match self {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
        })?;
        Poll::Ready(Ok(buf.filled().len() - before))
    }

    /// Reads once to the end of `buf`, into the capacity that it has.
    fn poll_read_into(&mut self, cx: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>> {
        loop {
            let result = match self {
                Stream::Tcp(s) => {
                    ready!(s.poll_read_ready(cx))?;
                    s.try_read_buf(buf)
                }
                Stream::Unix(s) => {
                    ready!(s.poll_read_ready(cx))?;
                    s.try_read_buf(buf)
                }
            };
            match result {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, out: &OutBuf) -> Poll<io::Result<usize>> {
        if !out.is_vectored() {
            // Tried first, for the socket nearly always takes it: that spares the bookkeeping of a wait.
            let tried = match self {
                Stream::Tcp(s) => s.try_write(out.front()),
                Stream::Unix(s) => s.try_write(out.front()),
            };
            if !matches!(&tried, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
                return Poll::Ready(tried);
            }
            return match self {
                Stream::Tcp(s) => Pin::new(s).poll_write(cx, out.front()),
                Stream::Unix(s) => Pin::new(s).poll_write(cx, out.front()),
            };
        }
        let mut pieces = [io::IoSlice::new(&[]); PIECES];
        let n = out.fill_slices(&mut pieces);
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, &pieces[..n]),
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, &pieces[..n]),
        }
    }
}

/// The future of one connection; at its end the client is off the list.
pub(super) struct Connection {
    stream: Stream,
    client: Box<Client>,
    scratch: Rc<RefCell<Scratch>>,
    /// Bytes received that no whole command could be made of, or that wait for their turn.
    rest: Backlog,
    /// Replies that the socket did not take.
    unsent: OutBuf,
    /// `rest` may hold whole commands.
    more: bool,
    /// The peer has closed its writing side.
    eof: bool,
}

/// Bytes received that wait. What is done with at their front is not moved away each turn, which would make a pipeline
/// that was sent in one piece cost the square of its length, but once it is the larger half.
#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    /// So many of `bytes` are done with; never all of them.
    head: usize,
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn waiting(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// The end, with room to read into. Doubling keeps a long command linear.
    fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.reserve(self.waiting().len().max(BIG_ARG));
        &mut self.bytes
    }

    /// The first `n` bytes that wait are done with. Amortised O(n).
    fn done(&mut self, n: usize) {
        self.head += n;
        if self.head == self.bytes.len() {
            *self = Self::default();
        } else if self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }
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

type Step = Poll<Result<(), End>>;

impl Connection {
    pub(super) fn new(stream: Stream, client: Box<Client>, scratch: Rc<RefCell<Scratch>>) -> Self {
        Self { stream, client, scratch, rest: Backlog::default(), unsent: OutBuf::default(), more: false, eof: false }
    }

    /// Everything that can be done now.
    fn drive(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Step {
        for _ in 0..ROUNDS {
            if self.client.shared.kill.load(Relaxed) {
                return Poll::Ready(Err(End::Closed));
            }
            if self.client.shared.has_mail() {
                self.take_mail();
            }
            if !self.unsent.is_empty() {
                self.flush(cx, scratch)?;
            }
            if self.unsent.is_empty() {
                if self.client.closing || self.client.shared.drain.load(Relaxed) {
                    return Poll::Ready(Err(End::Closed));
                }
                if self.more {
                    self.run_rest(cx, scratch)?;
                    continue;
                }
                if self.eof {
                    return Poll::Ready(Err(End::Closed));
                }
            } else if self.client.closing || self.eof {
                return Poll::Pending;
            }
            ready!(self.read(cx, scratch))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_mail(&mut self) {
        for message in self.client.shared.take_mail() {
            self.unsent.extend(&message);
        }
    }

    /// Reads once and runs what came, unless replies wait for the socket.
    fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Step {
        if let Some(target) = self.client.parser.big_target() {
            // Straight into the value that will be stored. Room grows with what has come, not with what was promised.
            let mut spare = target.buf.limit(target.missing);
            let n = ready!(self.stream.poll_read_into(cx, &mut spare))?;
            return Poll::Ready(self.received(cx, scratch, n, true));
        }
        if self.rest.is_empty() && self.unsent.is_empty() {
            let mut buf = ReadBuf::new(&mut scratch.input);
            let n = ready!(self.stream.poll_read(cx, &mut buf))?;
            return Poll::Ready(self.received(cx, scratch, n, false));
        }
        // Appended to what is there already; doubling keeps a long command linear.
        let room = self.rest.room();
        let n = ready!(self.stream.poll_read_into(cx, room))?;
        Poll::Ready(self.received(cx, scratch, n, true))
    }

    /// `n` bytes have come: into `rest` (or the parser) if `kept`, else into the worker's buffer.
    fn received(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, n: usize, kept: bool) -> Result<(), End> {
        count(&scratch.exec.stats().reads, 1);
        count(&scratch.exec.stats().net_in, n as u64);
        if n == 0 {
            self.eof = true;
            return Ok(());
        }
        if kept || self.client.multi.is_some() {
            self.check_query_limit(scratch)?;
        }
        if kept {
            self.more = true;
            if self.unsent.is_empty() { self.run_rest(cx, scratch) } else { Ok(()) }
        } else {
            let Scratch { exec, server, input, output } = scratch;
            let progress = run(exec, server, &mut self.client, &input[..n], output)?;
            self.more = progress.more;
            if progress.consumed < n {
                self.rest.bytes.extend_from_slice(&scratch.input[progress.consumed..n]);
                self.publish_query();
            }
            self.send(cx, scratch)
        }
    }

    /// Runs what is in `rest`.
    fn run_rest(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<(), End> {
        let waiting = self.rest.waiting();
        let progress = run(&mut scratch.exec, &scratch.server, &mut self.client, waiting, &mut scratch.output)?;
        self.more = progress.more;
        self.rest.done(progress.consumed);
        self.publish_query();
        self.send(cx, scratch)
    }

    fn publish_query(&self) {
        self.client.shared.query.store(self.rest.waiting().len() + self.client.parser.pending_bytes(), Relaxed);
        self.client.shared.query_capacity.store(self.rest.bytes.capacity(), Relaxed);
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

    /// Writes what the run replied; what the socket does not take moves into `unsent`.
    fn send(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<(), End> {
        if scratch.output.is_empty() {
            return Ok(());
        }
        if !self.unsent.is_empty() {
            self.unsent.append(&mut scratch.output);
            return Ok(());
        }
        while !scratch.output.is_empty() {
            match self.stream.poll_write(cx, &scratch.output) {
                Poll::Ready(Ok(0)) => return Err(End::Closed),
                Poll::Ready(Ok(n)) => {
                    scratch.output.advance(n);
                    count(&scratch.exec.stats().net_out, n as u64);
                    count(&scratch.exec.stats().writes, 1);
                }
                Poll::Ready(Err(e)) => {
                    scratch.output.clear();
                    return Err(e.into());
                }
                Poll::Pending => {
                    self.unsent.append(&mut scratch.output);
                    return self.check_output_limit(scratch);
                }
            }
        }
        scratch.output.clear();
        Ok(())
    }

    /// Writes `unsent` as far as the socket takes it.
    fn flush(&mut self, cx: &mut Context<'_>, scratch: &Scratch) -> Result<(), End> {
        let stats = scratch.exec.stats();
        let waiting = self.unsent.len();
        while !self.unsent.is_empty() {
            match self.stream.poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(0)) => return Err(End::Closed),
                Poll::Ready(Ok(n)) => {
                    self.unsent.advance(n);
                    count(&stats.net_out, n as u64);
                    count(&stats.writes, 1);
                }
                Poll::Ready(Err(e)) => return Err(e.into()),
                Poll::Pending => break,
            }
        }
        if self.unsent.len() < waiting {
            // A client that takes its replies slowly is not idle.
            self.client.shared.active_ms.store(scratch.exec.server().clock.unix_ms(), Relaxed);
        }
        if self.unsent.is_empty() {
            self.unsent = OutBuf::default();
            self.client.shared.soft_since.store(0, Relaxed);
        }
        self.client.shared.output.store(self.unsent.len(), Relaxed);
        Ok(())
    }

    /// Closes a client whose waiting replies are over the hard limit of its class; notes since when they are over the
    /// soft one (the periodic work closes it when its time is up).
    fn check_output_limit(&mut self, scratch: &Scratch) -> Result<(), End> {
        let waiting = self.unsent.len() as u64;
        let shared = &self.client.shared;
        shared.output.store(waiting as usize, Relaxed);
        let limit = &scratch.exec.settings().client_output_buffer_limit.normal;
        if limit.soft > 0 && waiting > limit.soft {
            if shared.soft_since.load(Relaxed) == 0 {
                shared.soft_since.store(scratch.server.clock.unix_ms().max(1), Relaxed);
            }
        } else {
            shared.soft_since.store(0, Relaxed);
        }
        if limit.hard > 0 && waiting > limit.hard {
            tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", shared.id, shared.addr);
            return Err(End::Closed);
        }
        Ok(())
    }
}

#[inline]
fn count(counter: &Counter, n: u64) {
    counter.add(n);
}

/// Runs the pipeline; a panic of a handler ends this connection only.
fn run(
    exec: &mut crate::exec::Worker,
    server: &Server,
    client: &mut Client,
    input: &[u8],
    out: &mut OutBuf,
) -> Result<crate::exec::Progress, End> {
    let result = catch_unwind(AssertUnwindSafe(|| exec.run(server, client, input, out)));
    result.map_err(|_| {
        let id = client.shared.command.load(Relaxed);
        let commands = &server.commands;
        let name = if (id as usize) < commands.len() { commands.row(id).spec.name } else { "?" };
        tracing::error!("A panic in command '{name}' closed client {}", client.shared.id);
        out.clear();
        exec.recover();
        End::Closed
    })
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let scratch = Rc::clone(&this.scratch);
        let scratch = &mut *scratch.borrow_mut();
        this.client.shared.arm(cx.waker());
        if this.client.shared.drain.load(Relaxed) && this.unsent.is_empty() {
            this.client.closing = true;
        }
        let end = match ready!(this.drive(cx, scratch)) {
            Ok(()) => return Poll::Pending,
            Err(end) => end,
        };
        if let End::Failed(e) = end {
            tracing::debug!("Client {} closed: {e}", this.client.shared.id);
        }
        scratch.output.clear();
        this.client.shared.set_flag(ClientFlags::CLOSING, true);
        scratch.exec.disconnect(&mut this.client);
        // Before the socket closes: whoever sees that must not find the client on the list any more.
        scratch.server.clients.remove(this.client.shared.id);
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_worked_off_without_moving_it_each_turn() {
        let all: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let mut rest = Backlog::default();
        rest.room().extend_from_slice(&all);
        let (mut at, mut moves, mut head) = (0, 0, 0);
        while !rest.is_empty() {
            assert_eq!(rest.waiting(), &all[at..]);
            let n = 10.min(all.len() - at);
            rest.done(n);
            moves += u32::from(rest.head != head + n);
            (at, head) = (at + n, rest.head);
        }
        assert_eq!(at, all.len());
        assert!(moves < 20, "{moves}");
        assert_eq!(rest.bytes.capacity(), 0, "an idle connection owns no buffer");
    }
}
