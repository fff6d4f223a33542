//! A worker thread's epoll loop.
//!
//! Owns the order in which a worker's connections have their turns. A worker's scratch (input buffer, output buffer, the
//! pipeline's half) is one [`Scratch`], lent to a connection for its turn; that is why an idle connection owns no buffers.
//!
//! **A loop of its own** instead of an async runtime, because a runtime's task, waker, budget and readiness cost a
//! command without pipelining several hundred instructions and half a dozen cold cache lines. What takes its place is
//! small: a [`Slab`] of connections; a queue of those whose turn ended with work left, between two looks at the sockets;
//! a [`Mailbox`] for those that other threads want looked at; [`Timers`] for those that wait until a deadline.
//!
//! **While a script is busy** its worker serves its other connections: the script asks every so often ([`serve_others`]) for
//! a round that does not sleep. That is possible because for its turn a connection is lent out of the slab, and the
//! worker's scratch with it, so that nothing of the loop is in use but what the turn was lent: what the loop has lies in
//! cells, none of which is borrowed during a turn but the list of events, which no turn changes. The round has a scratch of
//! its own. What is told of the connection that runs the script waits until its turn is over. A script that is run in such a
//! round may become busy as well, and has its own rounds, in which none is run ([`ROUNDS_WITHIN`]): so whatever does not end,
//! there is a round that hears of SCRIPT KILL.
//!
//! **A message to many** is left with each of its subscribers at once, but their turns to write it are taken a few at a
//! time ([`MAIL_TURNS`]), between looks at the sockets: so nobody waits behind a thousand writes, and a publisher that is
//! faster than they are has its next messages written by the same ones.
//!
//! **Nothing is missed while it sleeps**: the mailbox is told before the loop looks at it for the last time, and wakes
//! it from then on. Sockets are registered once, edge-triggered: a connection remembers what it was told until the
//! socket says that there is no more.

use super::connection::{Connection, Next, Why};
use super::pool::{Accepted, Socket};
use super::slab::Slab;
use super::socket::Stream;
use super::timers::Timers;
use crate::client::{Client, ClientFlags, Mailbox, Shared};
use crate::exec::Worker;
use crate::resp::OutBuf;
use crate::server::Server;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

/// How long a shutdown waits for replies to be written.
const DRAIN_NS: u64 = 1_000_000_000;
/// Size of the buffer that a socket is read into.
const INPUT: usize = 64 * 1024;
/// Sockets that one look at them tells of.
const EVENTS: usize = 256;
/// So many connections are run before their replies are written: enough for a peer that has them all to be woken once,
/// few enough that the first does not wait long.
const LATE_MAX: usize = 16;
/// So many of those whom other threads have called have their turns between two looks at the sockets.
const MAIL_TURNS: usize = 64;
/// Rounds within each other, at most. Scripts are run in all but the innermost.
const ROUNDS_WITHIN: usize = 2;
/// All events are done with.
const ALL: usize = usize::MAX;
/// The token by which other threads wake the loop; no connection has it.
pub(super) const WAKE: Token = Token(usize::MAX);

/// What a worker lends to the connection whose turn it is.
pub(super) struct Scratch {
    pub(super) exec: Worker,
    pub(super) server: Arc<Server>,
    pub(super) input: Box<[u8]>,
    pub(super) output: OutBuf,
    /// Empty buffers for replies that are written late.
    #[allow(clippy::vec_box, reason = "a connection holds a buffer by one pointer, and gets the box")]
    pub(super) spare: Vec<Box<OutBuf>>,
}

impl Scratch {
    /// `depth`: of the rounds within turns in which it is lent.
    fn new(server: &Arc<Server>, index: usize, depth: usize) -> Box<Self> {
        let runs_scripts = depth < ROUNDS_WITHIN;
        let serve: fn() = if runs_scripts { serve_others } else { || {} };
        Box::new(Self {
            exec: Worker::new(Arc::clone(server), index).beside_scripts(serve, runs_scripts),
            server: Arc::clone(server),
            input: vec![0; INPUT].into_boxed_slice(),
            output: OutBuf::default(),
            spare: Vec::new(),
        })
    }
}

thread_local! {
    /// The loop of this thread.
    static LOOP: OnceCell<Weak<EventLoop>> = const { OnceCell::new() };
}

/// Serves the other connections of this thread's worker while one of them is in its turn.
fn serve_others() {
    if let Some(worker) = LOOP.with(|worker| worker.get().and_then(Weak::upgrade)) {
        worker.round_within();
    }
}

/// One worker's loop. A turn may lead to a round within it, so all of it is used through shared references.
pub(super) struct EventLoop {
    poll: RefCell<Poll>,
    server: Arc<Server>,
    /// Lent to the connection whose turn it is.
    scratch: Cell<Option<Box<Scratch>>>,
    /// The scratches for rounds within a turn, once there was one, and how many such rounds there are now.
    within: [Cell<Option<Box<Scratch>>>; ROUNDS_WITHIN],
    depth: Cell<usize>,
    /// What sockets have said that a round within a turn has yet to do.
    urgent: RefCell<VecDeque<(u64, Why)>>,
    /// What connections were told while they had their turns.
    missed: RefCell<Vec<(u64, Why)>>,
    index: usize,
    connections: RefCell<Slab<Connection>>,
    /// Connections whose turn ended with work left.
    ready: RefCell<VecDeque<u64>>,
    /// Connections whose replies are to be written before the loop sleeps.
    late: RefCell<Vec<u64>>,
    timers: RefCell<Timers>,
    mailbox: Arc<Mailbox>,
    /// What the sockets said last, and how many of it are done with.
    events: RefCell<Events>,
    taken: Cell<usize>,
    /// Tokens taken out of the mailbox, and an empty list for more.
    mail: RefCell<VecDeque<u64>>,
    tokens: RefCell<Vec<u64>>,
    /// Connections whose deadlines have come.
    due: RefCell<VecDeque<u64>>,
    accepted: Receiver<Accepted>,
    load: Arc<AtomicUsize>,
    /// At shutdown: when it ends, whatever has not been written, in monotonic nanoseconds.
    end_ns: Cell<Option<u64>>,
}

impl EventLoop {
    pub(super) fn new(
        server: Arc<Server>,
        index: usize,
        poll: Poll,
        mailbox: Arc<Mailbox>,
        accepted: Receiver<Accepted>,
        load: Arc<AtomicUsize>,
    ) -> Self {
        if let Some(place) = server.mailboxes.get(index) {
            // Once: each worker is made once.
            let _ = place.set(Arc::clone(&mailbox));
        }
        Self {
            poll: RefCell::new(poll),
            scratch: Cell::new(Some(Scratch::new(&server, index, 0))),
            within: Default::default(),
            depth: Cell::new(0),
            urgent: RefCell::default(),
            missed: RefCell::default(),
            server,
            index,
            connections: RefCell::default(),
            ready: RefCell::default(),
            late: RefCell::default(),
            timers: RefCell::default(),
            mailbox,
            events: RefCell::new(Events::with_capacity(EVENTS)),
            taken: Cell::new(ALL),
            mail: RefCell::default(),
            tokens: RefCell::default(),
            due: RefCell::default(),
            accepted,
            load,
            end_ns: Cell::new(None),
        }
    }

    /// Serves until the queue of new connections is closed and the connections have drained.
    pub(super) fn run(self: Rc<Self>) {
        // Once: each thread has one.
        let _ = LOOP.with(|worker| worker.set(Rc::downgrade(&self)));
        while !self.has_drained() {
            if let Err(e) = self.round() {
                tracing::error!("Worker {} cannot wait for its sockets: {e}", self.index);
                return;
            }
        }
    }

    /// Sleeps until there is something to do; then everybody who has something to do has a turn.
    fn round(&self) -> io::Result<()> {
        self.wait()?;
        self.taken.set(0);
        let events = self.events.borrow();
        let mut upcoming = events.iter().skip(1);
        for event in events.iter() {
            if let Some(next) = upcoming.next() {
                self.connections.borrow().prefetch(next.token().0 as u64);
            }
            let taken = self.taken.get();
            if taken == ALL {
                break;
            }
            self.taken.set(taken + 1);
            self.event(event);
        }
        drop(events);
        self.taken.set(ALL);
        self.serve_the_rest();
        Ok(())
    }

    #[inline]
    fn event(&self, event: &Event) {
        if event.token() != WAKE {
            self.turn(event.token().0 as u64, Why::of(event));
        }
    }

    /// Turns of those whom no socket has called.
    fn serve_the_rest(&self) {
        if self.mailbox.has_mail() || !self.mail.borrow().is_empty() {
            self.write_late();
            self.take_mail();
        }
        if !self.timers.borrow().is_empty() || !self.due.borrow().is_empty() {
            self.meet_deadlines();
        }
        let ready = self.ready.borrow().len();
        for _ in 0..ready {
            let Some(token) = pop(&self.ready) else { break };
            self.turn(token, Why::Left);
        }
        self.write_late();
    }

    /// A round within a turn: it does not sleep. It begins with what the round around it has not come to.
    #[cold]
    fn round_within(&self) {
        let depth = self.depth.get() + 1;
        let Some(place) = self.within.get(depth - 1) else { return };
        let scratch = place.take().unwrap_or_else(|| Scratch::new(&self.server, self.index, depth));
        let outer = self.scratch.replace(Some(scratch));
        self.depth.set(depth);
        // After the round's events are over the list is free, and nothing of it is left.
        let taken = self.taken.replace(ALL);
        self.make_urgent(self.events.borrow().iter().skip(taken));
        let mut fresh = Events::with_capacity(EVENTS);
        let polled = self.poll.borrow_mut().poll(&mut fresh, Some(Duration::ZERO));
        match polled {
            Ok(()) => self.make_urgent(fresh.iter()),
            Err(e) => tracing::debug!("Looking at the sockets of worker {} failed: {e}", self.index),
        }
        // They lie where a round within one of these turns finds them.
        while let Some((token, why)) = pop(&self.urgent) {
            self.turn(token, why);
        }
        self.serve_the_rest();
        self.depth.set(depth - 1);
        place.set(self.scratch.replace(outer));
    }

    fn make_urgent<'e>(&self, events: impl Iterator<Item = &'e Event>) {
        let told = events.filter(|event| event.token() != WAKE);
        self.urgent.borrow_mut().extend(told.map(|event| (event.token().0 as u64, Why::of(event))));
    }

    fn now_ns(&self) -> u64 {
        self.server.clock.mono_ns()
    }

    /// Sleeps until there is something to do; does not sleep where there is already.
    fn wait(&self) -> io::Result<()> {
        let end_ns = self.end_ns.get();
        let timers = self.timers.borrow();
        let timeout = if !self.ready.borrow().is_empty() || !self.mail.borrow().is_empty() || !self.mailbox.doze() {
            Some(Duration::ZERO)
        } else if timers.is_empty() && end_ns.is_none() {
            None
        } else {
            let now = self.now_ns();
            let end = end_ns.map(|end| Duration::from_nanos(end.saturating_sub(now)));
            timers.until_first(now).into_iter().chain(end).min()
        };
        let polled = self.poll.borrow_mut().poll(&mut self.events.borrow_mut(), timeout);
        self.mailbox.awake();
        match polled {
            // A signal; the events are those of none.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// One connection's turn.
    #[inline]
    fn turn(&self, token: u64, why: Why) {
        let lent = self.connections.borrow_mut().lend(token);
        let Some(mut connection) = lent else {
            if self.connections.borrow().is_lent(token) {
                self.miss(token, why);
            }
            return;
        };
        if matches!(why, Why::Deadline) && !self.is_due(&connection) {
            self.connections.borrow_mut().put_back(token, connection);
            return;
        }
        let Some(mut scratch) = self.scratch.take() else { return };
        let next = connection.turn(&mut scratch, why);
        self.scratch.set(Some(scratch));
        let deadline = connection.deadline_ns();
        if deadline != connection.armed_ns {
            self.timers.borrow_mut().set(token, &mut connection.armed_ns, deadline);
        }
        let mut late = 0;
        match next {
            Next::Wait => {}
            Next::Late => {
                let mut list = self.late.borrow_mut();
                list.push(token);
                late = list.len();
            }
            Next::Again => {
                if !connection.queued {
                    connection.queued = true;
                    self.ready.borrow_mut().push_back(token);
                }
            }
            Next::Gone => {
                self.part(token, connection);
                return;
            }
        }
        self.connections.borrow_mut().put_back(token, connection);
        if late >= LATE_MAX {
            self.write_late();
        }
        if !self.missed.borrow().is_empty() {
            self.make_up();
        }
    }

    /// Whether a connection's deadline has come. The one that it was called for may have been that of a wait that is over.
    fn is_due(&self, connection: &Connection) -> bool {
        let deadline = connection.deadline_ns();
        deadline != 0 && deadline <= self.now_ns()
    }

    /// Drops a connection that has ended.
    #[cold]
    fn part(&self, token: u64, mut connection: Box<Connection>) {
        self.timers.borrow_mut().set(token, &mut connection.armed_ns, 0);
        drop(connection);
        self.connections.borrow_mut().vacate(token);
        self.load.fetch_sub(1, Relaxed);
    }

    /// Remembers what happened to a connection that has its turn: of each kind of thing one.
    #[cold]
    fn miss(&self, token: u64, why: Why) {
        let mut missed = self.missed.borrow_mut();
        if !missed.iter_mut().any(|(other, known)| *other == token && known.takes_in(why)) {
            missed.push((token, why));
        }
    }

    /// Tells a connection what happened to it while it had its turn.
    #[cold]
    fn make_up(&self) {
        for (token, why) in self.missed.take() {
            self.turn(token, why);
        }
    }

    /// Has the connections written to whose replies wait for it.
    #[inline]
    fn write_late(&self) {
        let mut late = self.late.take();
        late.drain(..).for_each(|token| self.turn(token, Why::Late));
        *self.late.borrow_mut() = late;
    }

    /// What other threads have left: connections to be looked at, and new ones.
    #[cold]
    fn take_mail(&self) {
        let mut tokens = self.tokens.take();
        self.mailbox.take(&mut tokens);
        self.mail.borrow_mut().extend(tokens.drain(..));
        *self.tokens.borrow_mut() = tokens;
        for _ in 0..MAIL_TURNS {
            let Some(token) = pop(&self.mail) else { break };
            if let Some(&next) = self.mail.borrow().front() {
                self.connections.borrow().prefetch(next);
            }
            self.turn(token, Why::Woken);
        }
        while self.end_ns.get().is_none() {
            match self.accepted.try_recv() {
                Ok(accepted) => self.admit(accepted),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.begin_to_drain(),
            }
        }
    }

    /// Takes a new connection. It has its first turn when its socket is ready, which it is at once: to be written to.
    fn admit(&self, accepted: Accepted) {
        let (stream, unix) = match accepted.socket {
            Socket::Tcp(s) => (Stream::new(s), false),
            Socket::Unix(s) => (Stream::new(s), true),
        };
        let (fd, token) = (stream.fd(), self.connections.borrow().next_token());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let socket = &mut SourceFd(&fd);
        if let Err(e) = self.poll.borrow().registry().register(socket, Token(token as usize), interest) {
            tracing::warn!("Error registering a connection: {e}");
            self.load.fetch_sub(1, Relaxed);
            return;
        }
        let server = &self.server;
        let now = server.clock.unix_ms();
        let shared = Shared::new(accepted.id, accepted.addr, accepted.laddr, fd, self.index, now)
            .with_mailbox(Arc::clone(&self.mailbox), token);
        let shared = Arc::new(shared);
        shared.set_flag(ClientFlags::UNIX, unix);
        server.clients.add(&shared);
        let authenticated = server.config.current().requirepass.is_empty();
        let connection = Box::new(Connection::new(stream, Client::new(shared, authenticated)));
        self.connections.borrow_mut().insert(connection);
    }

    #[cold]
    fn meet_deadlines(&self) {
        let due = self.timers.borrow().due(self.now_ns());
        self.due.borrow_mut().extend(due);
        while let Some(token) = pop(&self.due) {
            self.turn(token, Why::Deadline);
        }
    }

    /// The connections write what they have to write, and close.
    fn begin_to_drain(&self) {
        self.end_ns.set(Some(self.now_ns().saturating_add(DRAIN_NS)));
        let tokens = self.connections.borrow().tokens();
        for token in tokens {
            self.turn(token, Why::Shutdown);
        }
    }

    fn has_drained(&self) -> bool {
        self.end_ns.get().is_some_and(|end| self.connections.borrow().is_empty() || self.now_ns() >= end)
    }
}

/// The next of a queue, which is free again by then.
#[inline]
fn pop<T>(queue: &RefCell<VecDeque<T>>) -> Option<T> {
    queue.borrow_mut().pop_front()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::client::Blocked;
    use crate::config::{Config, Settings};
    use crate::store::{Call, Event, Notify};
    use mio::Waker;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::{Sender, channel};

    /// A worker's loop that the test turns, with one connection to it.
    struct Bench {
        worker: EventLoop,
        queue: Sender<Accepted>,
        peer: UnixStream,
        clock: Clock,
    }

    impl Bench {
        fn new() -> Self {
            let clock = Clock::manual();
            let server = Server::new(Config::new(Settings::default(), None), clock.clone(), 1).expect("no renames");
            let poll = Poll::new().unwrap();
            let waker = Waker::new(poll.registry(), WAKE).unwrap();
            let mailbox = Arc::new(Mailbox::new(move || waker.wake().unwrap()));
            let (queue, accepted) = channel();
            let worker = EventLoop::new(Arc::new(server), 0, poll, mailbox, accepted, Arc::default());
            let (ours, peer) = UnixStream::pair().unwrap();
            let mut bench = Self { worker, queue, peer, clock };
            bench.peer.set_nonblocking(true).unwrap();
            bench.accept(1, ours);
            bench
        }

        fn accept(&mut self, id: u64, ours: UnixStream) {
            ours.set_nonblocking(true).unwrap();
            self.worker.load.fetch_add(1, Relaxed);
            let socket = Socket::Unix(ours);
            self.queue.send(Accepted { id, socket, addr: "here:0".into(), laddr: String::new() }).unwrap();
            self.worker.mailbox.ring();
            self.round();
        }

        fn round(&mut self) {
            self.worker.round().unwrap();
        }

        fn connection(&mut self) -> &mut Connection {
            let connections = self.worker.connections.get_mut();
            let token = connections.tokens()[0];
            connections.get(token).unwrap()
        }

        fn block(&mut self, deadline_ns: Option<u64>) {
            let ticket = Box::new(());
            self.connection().client().blocked = Some(Box::new(Blocked { deadline_ns, ticket }));
        }

        fn send(&mut self, bytes: &[u8]) {
            self.peer.write_all(bytes).unwrap();
            self.round();
        }

        /// Runs commands of another client, which the connection hears of in the next round.
        fn other(&mut self, requests: &[u8]) {
            let Scratch { exec, server, .. } = &mut **self.worker.scratch.get_mut().as_mut().unwrap();
            let shared = Shared::new(2, String::new(), String::new(), 0, 0, 0);
            let mut client = Client::new(Arc::new(shared), true);
            let progress = exec.run(server, &mut client, requests, &mut OutBuf::default());
            assert_eq!(progress.consumed, requests.len());
        }

        /// What the peer has been sent.
        fn got(&mut self) -> String {
            let mut got = vec![0; 1 << 20];
            let n = self.peer.read(&mut got).unwrap_or(0);
            String::from_utf8_lossy(&got[..n]).into_owned()
        }

        fn query(&mut self) -> usize {
            self.connection().client().shared.query.load(Relaxed)
        }

        fn is_closed(&self) -> bool {
            let gone = self.worker.connections.borrow().is_empty();
            let left = self.worker.server.clients.len() + self.worker.load.load(Relaxed);
            assert_eq!(left == 0, gone);
            gone
        }
    }

    #[test]
    fn what_follows_a_blocked_command_waits_for_its_deadline() {
        let mut bench = Bench::new();
        bench.send(b"PING\r\n");
        assert_eq!(bench.got(), "+PONG\r\n");
        bench.block(Some(2_000_000));
        bench.send(b"PING\r\nPING a\r\nPI");
        bench.send(b"NG b\r\n");
        assert_eq!((bench.got(), bench.query()), (String::new(), 22));
        // Too early; a round with a time-out would sleep for the rest of it.
        bench.clock.advance(Duration::from_micros(1999));
        bench.worker.meet_deadlines();
        assert_eq!(bench.got(), "");
        bench.clock.advance(Duration::from_micros(1));
        bench.round();
        assert_eq!(bench.got(), "*-1\r\n+PONG\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(bench.query(), 0);
        assert!(bench.worker.timers.borrow().is_empty());
    }

    /// What a connection is told after its turn may have been meant for a wait that ended in it.
    #[test]
    fn the_deadline_of_an_earlier_wait_does_not_end_the_next() {
        let mut bench = Bench::new();
        let token = bench.worker.connections.borrow().tokens()[0];
        for deadline in [Some(2_000_000), None] {
            bench.block(deadline);
            bench.clock.advance(Duration::from_micros(1));
            bench.worker.turn(token, Why::Deadline);
            assert_eq!(bench.got(), "");
        }
        assert!(bench.connection().client().blocked.is_some());
    }

    #[test]
    fn a_blocked_client_is_woken_and_its_deadline_goes() {
        let mut bench = Bench::new();
        bench.block(Some(u64::MAX));
        bench.send(b"PING\r\n");
        assert!(!bench.worker.timers.borrow().is_empty());
        let shared = Arc::clone(&bench.connection().client().shared);
        std::thread::spawn(move || shared.wake()).join().unwrap();
        bench.round();
        assert_eq!(bench.got(), "+PONG\r\n");
        assert!(bench.worker.timers.borrow().is_empty());
    }

    #[test]
    fn a_peer_that_goes_ends_its_wait() {
        let mut bench = Bench::new();
        bench.block(Some(u64::MAX));
        bench.send(b"PING\r\n");
        assert!(!bench.is_closed());
        bench.peer.shutdown(std::net::Shutdown::Write).unwrap();
        bench.round();
        assert!(bench.is_closed());
        assert_eq!(bench.got(), "", "nothing of it ran");
        assert!(bench.worker.timers.borrow().is_empty());
    }

    #[test]
    fn who_was_served_before_its_end_was_seen_gets_its_replies() {
        let mut bench = Bench::new();
        bench.send(b"BLPOP k 0\r\nPING\r\n");
        assert_eq!(bench.got(), "");
        bench.other(b"RPUSH k x\r\n");
        bench.peer.shutdown(std::net::Shutdown::Write).unwrap();
        bench.round();
        assert_eq!(bench.got(), "*2\r\n$1\r\nk\r\n$1\r\nx\r\n+PONG\r\n");
        assert!(bench.is_closed());
        // One that the socket takes in pieces only.
        let mut bench = Bench::new();
        bench.send(b"BRPOP k 0\r\nPING\r\n");
        let large = format!("*3\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$3000000\r\n{}\r\n", "x".repeat(3_000_000));
        bench.other(large.as_bytes());
        bench.peer.shutdown(std::net::Shutdown::Write).unwrap();
        let mut got = 0;
        while !bench.is_closed() {
            bench.round();
            got += bench.got().len();
        }
        assert_eq!(got, "*2\r\n$1\r\nk\r\n$3000000\r\n\r\n+PONG\r\n".len() + 3_000_000);
    }

    /// Hears of commands, and panics at those that set a string.
    struct Fragile;

    impl Notify for Fragile {
        fn event(&self, event: &Event, _: &mut Vec<Call>) {
            assert!(event.name != "set", "as was to be shown");
        }
    }

    #[test]
    fn who_waited_is_served_though_a_later_command_of_the_group_panics() {
        for group in [
            "MULTI\r\nRPUSH k x\r\nSET s v\r\nEXEC\r\n",
            "EVAL \"redis.call('RPUSH', 'k', 'x') redis.call('SET', 's', 'v')\" 0\r\n",
        ] {
            let mut bench = Bench::new();
            let listeners = &bench.worker.server.store.listeners;
            assert!(listeners.set_notify(Box::new(Fragile)));
            listeners.listen(u32::MAX);
            bench.send(b"BLPOP k 0\r\n");
            let (ours, mut other) = UnixStream::pair().unwrap();
            bench.accept(2, ours);
            other.write_all(group.as_bytes()).unwrap();
            bench.round();
            // Who was served may have had its turn before.
            bench.worker.mailbox.ring();
            bench.round();
            assert_eq!(bench.got(), "*2\r\n$1\r\nk\r\n$1\r\nx\r\n", "{group}");
            assert_eq!(bench.worker.server.clients.len(), 1);
            bench.send(b"PING\r\n");
            assert_eq!(bench.got(), "+PONG\r\n");
        }
    }

    /// The end may come with the last bytes: the system tells of both at once and never again.
    #[test]
    fn requests_that_come_with_the_end_are_answered() {
        let mut bench = Bench::new();
        bench.peer.write_all(b"PING\r\n").unwrap();
        bench.peer.shutdown(std::net::Shutdown::Write).unwrap();
        bench.round();
        assert_eq!(bench.got(), "+PONG\r\n");
        assert!(bench.is_closed());
    }

    #[test]
    fn a_blocked_client_cannot_send_without_end() {
        let mut bench = Bench::new();
        let config = &bench.worker.server.config;
        config.set(&[("client-query-buffer-limit", "1mb")], true).unwrap();
        bench.send(b"PING\r\n");
        bench.block(None);
        let ping = b"PING\r\n".repeat(10_000);
        let mut sent = 0;
        while !bench.is_closed() {
            sent += bench.peer.write(&ping).unwrap_or(0);
            bench.round();
            assert!(sent <= 2 << 20);
        }
        assert!(sent > 1 << 20);
    }

    #[test]
    fn an_endless_pipeline_has_turns() {
        let mut bench = Bench::new();
        let ping = b"PING\r\n".repeat(20_000);
        let sent = bench.peer.write(&ping).unwrap();
        assert!(sent > 64 * 1024, "{sent}");
        bench.round();
        assert_eq!(bench.worker.ready.borrow().len(), 1);
        let mut got = bench.got().len();
        while got < sent / 6 * 7 {
            bench.round();
            got += bench.got().len();
        }
        assert_eq!(got, sent / 6 * 7);
    }

    #[test]
    fn large_values_arrive_whole_beside_small_ones() {
        let mut bench = Bench::new();
        let mut wire = Vec::new();
        for (i, len) in [40_000, 65_536, 3, 70_000, 200_000, 0, 65_530, 65_536].into_iter().enumerate() {
            let value = vec![b'a' + i as u8; len];
            wire.extend_from_slice(format!("*3\r\n$3\r\nSET\r\n$1\r\n{i}\r\n${len}\r\n").as_bytes());
            wire.extend_from_slice(&value);
            wire.extend_from_slice(format!("\r\nSTRLEN {i}\r\nGETRANGE {i} -2 -1\r\n").as_bytes());
        }
        // In one piece where the socket takes it, then in pieces that end anywhere.
        let mut expected = String::new();
        for (i, len) in [40_000, 65_536, 3, 70_000, 200_000, 0, 65_530, 65_536].into_iter().enumerate() {
            let end = char::from(b'a' + i as u8).to_string().repeat(2.min(len));
            expected += &format!("+OK\r\n:{len}\r\n${}\r\n{end}\r\n", end.len());
        }
        for piece in [wire.len(), 65_536, 5000, 4096, 1009] {
            let (mut at, mut got) = (0, String::new());
            while at < wire.len() || got.len() < expected.len() {
                at += bench.peer.write(&wire[at..wire.len().min(at + piece)]).unwrap_or(0);
                bench.round();
                got += &bench.got();
            }
            assert_eq!(got, expected, "{piece}");
            assert_eq!(bench.query(), 0);
        }
    }

    #[test]
    fn a_shutdown_writes_what_waits() {
        let mut bench = Bench::new();
        bench.send(b"SET k 0\r\nSETRANGE k 3000000 x\r\nGET k\r\n");
        let mut got = bench.got().len();
        drop(std::mem::replace(&mut bench.queue, channel().0));
        bench.worker.mailbox.ring();
        bench.round();
        assert!(!bench.worker.has_drained());
        while !bench.worker.has_drained() {
            got += bench.got().len();
            bench.round();
        }
        let mut last = Vec::new();
        bench.peer.read_to_end(&mut last).unwrap();
        assert_eq!(got + last.len(), "+OK\r\n:3000001\r\n$3000001\r\n\r\n".len() + 3_000_001);
        assert!(bench.is_closed());
    }

    #[test]
    fn a_shutdown_does_not_wait_for_ever() {
        let mut bench = Bench::new();
        bench.send(b"SETRANGE k 3000000 x\r\nGET k\r\n");
        drop(std::mem::replace(&mut bench.queue, channel().0));
        bench.worker.mailbox.ring();
        bench.round();
        assert!(!bench.worker.has_drained());
        bench.clock.advance(Duration::from_nanos(DRAIN_NS));
        assert!(bench.worker.has_drained());
    }

    #[test]
    fn a_connection_is_two_cache_lines() {
        assert!(size_of::<Connection>() <= 128, "{}", size_of::<Connection>());
    }
}
