//! The state of one connection that commands know of.
//!
//! Owns two halves. [`Client`] belongs to the connection and is touched by its worker alone. [`Shared`] is what other
//! threads see: CLIENT LIST reads it, CLIENT KILL marks it, MONITOR and PUBLISH put messages into its inbox and
//! wake the connection, by leaving its token in the [`Mailbox`] of its worker. Its fields are relaxed atomics that the
//! worker stores at most once per read from the socket (the last command: once per command) and only where they change,
//! and small strings behind a mutex that is touched by CLIENT SETNAME and the like only. It must not know sockets, the
//! store or handlers.

mod mailbox;
mod subscriptions;

pub use mailbox::Mailbox;
pub use subscriptions::Subscriptions;

use crate::resp::{OutBuf, OwnedCommand, Parser, Proto};
use crate::store::{Call, Watch};
use crate::tracking::Tracks;
use bytes::Bytes;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};

bitflags::bitflags! {
    /// Flags of a client that CLIENT LIST shows.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ClientFlags: u32 {
        /// `O`: in MONITOR mode.
        const MONITOR = 1;
        /// `x`: in MULTI.
        const MULTI = 1 << 1;
        /// `d`: a watched key changed, EXEC will fail.
        const DIRTY = 1 << 2;
        /// `U`: by the unix socket.
        const UNIX = 1 << 3;
        /// `e`: not to be evicted.
        const NO_EVICT = 1 << 4;
        /// `T`: reads do not touch the access clock.
        const NO_TOUCH = 1 << 5;
        /// `c`: closes after the reply.
        const CLOSING = 1 << 6;
        /// `b`: waits in a blocking command.
        const BLOCKED = 1 << 7;
        /// `t`: client-side tracking is on.
        const TRACKING = 1 << 8;
        /// `R`: the client that it redirects invalidations to is gone.
        const BROKEN_REDIRECT = 1 << 9;
        /// `B`: tracks by prefixes.
        const BCAST = 1 << 10;
        /// `P`: has subscribed to something.
        const PUBSUB = 1 << 12;
    }
}

/// Strings that describe a client.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// CLIENT SETNAME.
    pub name: String,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: String,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: String,
    /// The authenticated user.
    pub user: String,
}

/// Messages that an empty inbox keeps room for.
const INBOX_KEPT: usize = 16;

/// A wait that its end has been decided of, other than by CLIENT UNBLOCK.
const DECIDED: u8 = 3;

/// What CLIENT UNBLOCK makes of a client's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// As if its time were over.
    Timeout,
    /// An error.
    Error,
}

/// What other threads see of a client.
///
/// In C's order: what a command touches lies in the first cache line, whose writers are this connection's worker and,
/// rarely, whoever leaves something for it.
#[repr(C, align(64))]
pub struct Shared {
    /// Unix time in milliseconds of the last request.
    pub active_ms: AtomicU64,
    /// Bytes of the request under way.
    pub query: AtomicUsize,
    /// Capacity of the buffer that holds them.
    pub query_capacity: AtomicUsize,
    /// Bytes of replies that wait for the socket.
    pub output: AtomicUsize,
    /// Unix ms since when `output` is over the soft limit; 0: it is not.
    pub soft_since: AtomicU64,
    inbox_bytes: AtomicUsize,
    /// Id of the last command; `u16::MAX` before the first.
    pub command: AtomicU16,
    /// RESP version.
    pub proto: AtomicU16,
    /// Set by CLIENT KILL, `timeout`, limits: the connection closes at once, whatever waits for the socket.
    pub kill: AtomicBool,
    /// Set at shutdown: the connection closes once what waits is written.
    pub drain: AtomicBool,
    /// Its token is in the mailbox.
    posted: AtomicBool,
    /// Its number, never used twice.
    pub id: u64,
    /// Messages of other threads, as they go over the wire.
    inbox: Mutex<VecDeque<Bytes>>,
    /// Its worker's mailbox, and what it is known by there.
    mailbox: Option<(Arc<Mailbox>, u64)>,
    /// Worker that serves it.
    pub worker: usize,
    /// Selected database.
    pub db: AtomicU32,
    /// [`ClientFlags`].
    pub flags: AtomicU32,
    /// Commands queued in MULTI plus 1; 0 outside.
    pub multi: AtomicU32,
    /// Keys watched.
    pub watched: AtomicU32,
    /// Bytes of the commands queued in MULTI.
    pub multi_bytes: AtomicUsize,
    /// Peer address, `ip:port` or the unix socket's path with `:0`.
    pub addr: String,
    /// Local address.
    pub laddr: String,
    /// File descriptor.
    pub fd: i32,
    /// Unix time in milliseconds of the connection.
    pub created_ms: u64,
    /// What becomes of its wait. 0: not decided yet; [`DECIDED`]; or the [`Unblock`] that somebody asked for, plus 1.
    wait: AtomicU8,
    /// Small strings.
    pub names: Mutex<Names>,
    /// Channels, patterns and shard channels that it has subscribed to: how many.
    pub subscriptions: [AtomicU32; 3],
    /// Bytes of their names.
    pub subscription_bytes: AtomicUsize,
}

const _: () = assert!(std::mem::offset_of!(Shared, db) <= 128, "what a message touches is one more");
const _: () = assert!(std::mem::offset_of!(Shared, id) <= 64, "what a command touches is one cache line");

impl Shared {
    /// A client that has just connected at `now_ms`.
    pub fn new(id: u64, addr: String, laddr: String, fd: i32, worker: usize, now_ms: u64) -> Self {
        Self {
            active_ms: AtomicU64::new(now_ms),
            query: AtomicUsize::new(0),
            query_capacity: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            soft_since: AtomicU64::new(0),
            inbox_bytes: AtomicUsize::new(0),
            command: AtomicU16::new(u16::MAX),
            proto: AtomicU16::new(2),
            kill: AtomicBool::new(false),
            drain: AtomicBool::new(false),
            posted: AtomicBool::new(false),
            id,
            db: AtomicU32::new(0),
            flags: AtomicU32::new(0),
            multi: AtomicU32::new(0),
            watched: AtomicU32::new(0),
            multi_bytes: AtomicUsize::new(0),
            addr,
            laddr,
            fd,
            worker,
            created_ms: now_ms,
            wait: AtomicU8::new(0),
            subscriptions: Default::default(),
            subscription_bytes: AtomicUsize::new(0),
            names: Mutex::new(Names { user: "default".into(), ..Names::default() }),
            inbox: Mutex::new(VecDeque::new()),
            mailbox: None,
        }
    }

    /// The same, known to its worker by `token`: from now on it can be woken.
    pub fn with_mailbox(mut self, mailbox: Arc<Mailbox>, token: u64) -> Self {
        self.mailbox = Some((mailbox, token));
        self
    }

    /// The flags.
    pub fn flags(&self) -> ClientFlags {
        ClientFlags::from_bits_retain(self.flags.load(Relaxed))
    }

    /// Sets or clears a flag.
    pub fn set_flag(&self, flag: ClientFlags, on: bool) {
        if on {
            self.flags.fetch_or(flag.bits(), Relaxed);
        } else {
            self.flags.fetch_and(!flag.bits(), Relaxed);
        }
    }

    /// Makes the worker look at the connection, after something was left for it.
    pub fn wake(&self) {
        if let Some((mailbox, token)) = &self.mailbox
            && !self.posted.swap(true, AcqRel)
        {
            mailbox.put(*token);
        }
    }

    /// For who has left something while nobody may be woken: whom to call later, unless somebody has or will.
    #[inline]
    pub fn call(&self) -> Option<Call> {
        let (_, token) = self.mailbox.as_ref()?;
        (!self.posted.swap(true, AcqRel)).then_some(Call { worker: self.worker, token: *token })
    }

    /// Called by the worker before it looks at what was left: what is left from here on wakes it again.
    #[inline]
    pub fn heard(&self) {
        if self.posted.load(Relaxed) {
            self.posted.swap(false, AcqRel);
        }
    }

    /// Asks the worker to end the wait of a blocking command; `false`: it does not wait, or what becomes of its wait is
    /// decided. After `true` the client is not served.
    pub fn unblock(&self, how: Unblock) -> bool {
        let asked = self.flags().contains(ClientFlags::BLOCKED)
            && self.wait.compare_exchange(0, how as u8 + 1, AcqRel, Relaxed).is_ok();
        if asked {
            self.wake();
        }
        asked
    }

    /// A wait begins.
    pub fn begin_wait(&self) {
        self.wait.store(0, Relaxed);
    }

    /// What [`Shared::unblock`] asked for in this wait.
    pub fn asked(&self) -> Option<Unblock> {
        match self.wait.load(Acquire) {
            0 | DECIDED => None,
            1 => Some(Unblock::Timeout),
            _ => Some(Unblock::Error),
        }
    }

    /// From here on [`Shared::unblock`] comes too late; `false`: it was sooner.
    pub fn decide(&self) -> bool {
        self.wait.compare_exchange(0, DECIDED, AcqRel, Relaxed).is_ok()
    }

    /// Takes [`Shared::decide`] back.
    pub fn undecide(&self) {
        let _ = self.wait.compare_exchange(DECIDED, 0, AcqRel, Relaxed);
    }

    /// Whether it is known that nothing must be done for its wait any more: it is being closed, or was unblocked.
    pub fn gives_up(&self) -> bool {
        self.kill.load(Relaxed) || self.asked().is_some()
    }

    /// Asks the worker to close the connection at once: a client that does not read could else never be got rid of.
    pub fn close(&self) {
        self.kill.store(true, Relaxed);
        self.wake();
    }

    /// Puts a message into the inbox and wakes the connection. Returns the bytes that wait there now, for the caller to
    /// compare with the client's output limit.
    pub fn post(&self, message: Bytes) -> usize {
        let bytes = self.leave(message);
        self.wake();
        bytes
    }

    /// [`Shared::post`] without waking: no system call.
    pub fn leave(&self, message: Bytes) -> usize {
        let mut inbox = self.inbox.lock();
        // Written under the lock alone.
        let bytes = self.inbox_bytes.load(Relaxed) + message.len();
        self.inbox_bytes.store(bytes, Relaxed);
        inbox.push_back(message);
        bytes
    }

    /// Notes a request at `now_ms`. A store makes the line this core's alone, so none is made for nothing.
    #[inline]
    pub fn active(&self, now_ms: u64) {
        if self.active_ms.load(Relaxed) != now_ms {
            self.active_ms.store(now_ms, Relaxed);
        }
    }

    /// Notes the command that runs.
    #[inline]
    pub fn runs(&self, command: u16) {
        if self.command.load(Relaxed) != command {
            self.command.store(command, Relaxed);
        }
    }

    /// Notes the bytes of the request under way and the capacity of the buffer that holds them.
    #[inline]
    pub fn set_query(&self, bytes: usize, capacity: usize) {
        if self.query.load(Relaxed) != bytes {
            self.query.store(bytes, Relaxed);
        }
        if self.query_capacity.load(Relaxed) != capacity {
            self.query_capacity.store(capacity, Relaxed);
        }
    }

    /// Whether messages wait.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.inbox_bytes.load(Relaxed) > 0
    }

    /// Bytes of the messages that wait.
    pub fn mail_bytes(&self) -> usize {
        self.inbox_bytes.load(Relaxed)
    }

    /// Bytes that the server holds for this client: its state, its buffers, and what waits or is remembered for it.
    pub fn memory(&self) -> usize {
        let buffers = self.query_capacity.load(Relaxed) + self.output.load(Relaxed) + self.mail_bytes();
        let kept = self.multi_bytes.load(Relaxed) + self.subscription_bytes.load(Relaxed);
        size_of::<Self>() + size_of::<Client>() + buffers + kept
    }

    /// The messages that wait.
    #[cfg(test)]
    pub fn mail(&self) -> Vec<Bytes> {
        self.inbox.lock().iter().cloned().collect()
    }

    /// Moves all messages to `out`.
    pub fn take_mail(&self, out: &mut OutBuf) {
        let mut inbox = self.inbox.lock();
        self.inbox_bytes.store(0, Relaxed);
        inbox.drain(..).for_each(|message| out.attach(message));
        if inbox.capacity() > INBOX_KEPT {
            *inbox = VecDeque::new();
        }
    }
}

/// What CLIENT REPLY asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are sent.
    #[default]
    On,
    /// They are not.
    Off,
    /// The reply of the next command is not sent.
    SkipNext,
    /// This command's is not.
    Skip,
}

/// A transaction that is being queued.
#[derive(Default)]
pub struct Multi {
    /// Commands with their ids.
    pub queue: Vec<(u16, OwnedCommand)>,
    /// A command was refused: EXEC will abort.
    pub aborted: bool,
    /// Bytes of the queue.
    pub bytes: usize,
}

/// What a client waits for whose command blocks it.
pub struct Blocked {
    /// When it has waited long enough, on the monotonic clock in nanoseconds.
    pub deadline_ns: Option<u64>,
    /// What `exec` knows of it.
    pub ticket: Box<dyn Any + Send>,
}

/// A connection's own state. In C's order: what every command looks at stands together at the front.
#[repr(C)]
pub struct Client {
    /// The half that others see.
    pub shared: Arc<Shared>,
    /// Where the parser is in a request that has not arrived whole.
    pub parser: Parser,
    /// The transaction that is being queued.
    pub multi: Option<Box<Multi>>,
    /// The command that it waits in. Nothing else of this client runs meanwhile.
    pub blocked: Option<Box<Blocked>>,
    /// Selected database.
    pub db: u32,
    /// RESP version.
    pub proto: Proto,
    /// Whether commands that need authentication may run.
    pub authenticated: bool,
    /// What CLIENT REPLY asked for.
    pub reply: ReplyMode,
    /// Reads leave the access clock alone.
    pub no_touch: bool,
    /// In MONITOR mode.
    pub monitor: bool,
    /// It has subscribed to something, or had when its command began.
    pub subscribed: bool,
    /// Client-side tracking, if it is on.
    pub tracking: Option<Box<Tracks>>,
    /// A command of its EXEC runs: nothing may block it or turn it into a stream of messages.
    pub deny_blocking: bool,
    /// The connection is to be closed after what is in its output buffer.
    pub closing: bool,
    /// Watched keys, if there are any.
    #[allow(clippy::box_collection, reason = "one pointer of a connection that watches nothing, as nearly all")]
    pub watches: Option<Box<Vec<Watch>>>,
    /// What it has subscribed to.
    pub subscriptions: Option<Box<Subscriptions>>,
}

impl Client {
    /// A new connection's state.
    pub fn new(shared: Arc<Shared>, authenticated: bool) -> Self {
        Self {
            shared,
            parser: Parser::default(),
            multi: None,
            blocked: None,
            db: 0,
            proto: Proto::Resp2,
            authenticated,
            reply: ReplyMode::On,
            no_touch: false,
            monitor: false,
            subscribed: false,
            tracking: None,
            deny_blocking: false,
            closing: false,
            watches: None,
            subscriptions: None,
        }
    }

    /// Whether a command has to pass the slow gates: not authenticated, in MULTI, replies switched off,
    /// monitoring, subscribed, tracking.
    #[inline]
    pub fn gated(&self) -> bool {
        // One branch: nearly always all of them are looked at.
        !self.authenticated | self.multi.is_some() | (self.reply != ReplyMode::On) | self.monitor | self.listens()
    }

    /// Whether messages may come to it while its commands run: subscribed or tracking.
    #[inline]
    pub fn listens(&self) -> bool {
        self.subscribed | self.tracking.is_some()
    }

    /// Whether it speaks RESP2 and has subscribed: replies and messages could not be told apart, so few commands may run.
    pub fn only_listens(&self) -> bool {
        self.subscribed && self.proto == Proto::Resp2
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) {
        self.db = db;
        self.shared.db.store(db, Relaxed);
    }

    /// Sets the RESP version.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
        self.shared.proto.store(if proto == Proto::Resp3 { 3 } else { 2 }, Relaxed);
    }

    /// Publishes the state of MULTI and WATCH.
    pub fn publish_multi(&self) {
        let queued = self.multi.as_ref().map_or(0, |m| m.queue.len() as u32 + 1);
        self.shared.multi.store(queued, Relaxed);
        self.shared.multi_bytes.store(self.multi.as_ref().map_or(0, |m| m.bytes), Relaxed);
        self.shared.watched.store(self.watches.as_ref().map_or(0, |watches| watches.len() as u32), Relaxed);
        self.shared.set_flag(ClientFlags::MULTI, self.multi.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> (Arc<Mailbox>, Arc<AtomicUsize>) {
        let roused = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&roused);
        (Arc::new(Mailbox::new(move || _ = count.fetch_add(1, Relaxed))), roused)
    }

    /// Takes the messages, of a byte each; how many there were.
    fn mail(shared: &Shared) -> usize {
        let mut out = OutBuf::new();
        shared.take_mail(&mut out);
        out.len()
    }

    #[test]
    fn a_token_waits_once_and_wakes_only_a_sleeper() {
        let (mailbox, roused) = mailbox();
        let shared = Shared::new(1, String::new(), String::new(), 0, 0, 0).with_mailbox(Arc::clone(&mailbox), 7);
        assert!(!mailbox.has_mail());
        (0..3).for_each(|_| _ = shared.post(Bytes::from_static(b"m")));
        assert!(mailbox.has_mail() && !mailbox.doze());
        mailbox.awake();
        let mut tokens = Vec::new();
        mailbox.take(&mut tokens);
        assert_eq!((&tokens[..], roused.load(Relaxed)), (&[7][..], 0));
        assert!(!mailbox.has_mail() && mailbox.doze());
        shared.heard();
        shared.close();
        shared.close();
        assert!(mailbox.has_mail() && shared.kill.load(Relaxed));
        assert_eq!(roused.load(Relaxed), 1);
        assert_eq!((mail(&shared), shared.has_mail()), (3, false));
    }

    /// Two threads leave word a hundred thousand times for a third, which sleeps whenever it may. It must neither miss
    /// one nor sleep for good.
    #[test]
    fn nothing_is_missed_by_a_worker_that_falls_asleep() {
        const EACH: usize = 50_000;
        let (tx, rx) = std::sync::mpsc::channel();
        let mailbox = Arc::new(Mailbox::new(move || _ = tx.send(())));
        let clients: Vec<_> = (0..2)
            .map(|i| Shared::new(i, String::new(), String::new(), 0, 0, 0).with_mailbox(Arc::clone(&mailbox), i))
            .map(Arc::new)
            .collect();
        let posters: Vec<_> = clients
            .iter()
            .map(|client| {
                let client = Arc::clone(client);
                std::thread::spawn(move || (0..EACH).for_each(|_| _ = client.post(Bytes::from_static(b"m"))))
            })
            .collect();
        let (mut got, mut tokens) = (0, Vec::new());
        while got < 2 * EACH {
            if mailbox.doze() {
                rx.recv_timeout(std::time::Duration::from_secs(60)).expect("woken");
            }
            mailbox.awake();
            mailbox.take(&mut tokens);
            for token in tokens.drain(..) {
                let client = &clients[token as usize];
                client.heard();
                got += mail(client);
            }
        }
        posters.into_iter().for_each(|poster| poster.join().unwrap());
        assert!(clients.iter().all(|client| !client.has_mail()));
    }
}
