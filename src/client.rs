//! The state of one connection that commands know of.
//!
//! Owns two halves. [`Client`] belongs to the connection's task and is touched by it alone. [`Shared`] is what other
//! threads see: CLIENT LIST reads it, CLIENT KILL marks it, MONITOR and later pub/sub put messages into its inbox and
//! wake the task. Its fields are relaxed atomics that the task stores at most once per read from the socket (the last
//! command: once per command), and small strings behind a mutex that is touched by CLIENT SETNAME and the like only.
//! It must not know sockets, the store or handlers.

use crate::resp::{OwnedCommand, Parser, Proto};
use crate::store::Watch;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{
    AtomicBool, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

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

/// What other threads see of a client.
pub struct Shared {
    /// Its number, never used twice.
    pub id: u64,
    /// Peer address, `ip:port` or the unix socket's path with `:0`.
    pub addr: String,
    /// Local address.
    pub laddr: String,
    /// File descriptor.
    pub fd: i32,
    /// Worker that serves it.
    pub worker: usize,
    /// Unix time in milliseconds of the connection.
    pub created_ms: u64,
    /// Unix time in milliseconds of the last request.
    pub active_ms: AtomicU64,
    /// Selected database.
    pub db: AtomicU32,
    /// [`ClientFlags`].
    pub flags: AtomicU32,
    /// Id of the last command; `u16::MAX` before the first.
    pub command: AtomicU16,
    /// RESP version.
    pub proto: AtomicU16,
    /// Commands queued in MULTI plus 1; 0 outside.
    pub multi: AtomicU32,
    /// Bytes of the commands queued in MULTI.
    pub multi_bytes: AtomicUsize,
    /// Keys watched.
    pub watched: AtomicU32,
    /// Bytes of the request under way.
    pub query: AtomicUsize,
    /// Capacity of the buffer that holds them.
    pub query_capacity: AtomicUsize,
    /// Bytes of replies that wait for the socket.
    pub output: AtomicUsize,
    /// Unix ms since when `output` is over the soft limit; 0: it is not.
    pub soft_since: AtomicU64,
    /// Set by CLIENT KILL, `timeout`, limits: the task closes the connection at once, whatever waits for the socket.
    pub kill: AtomicBool,
    /// Set at shutdown: the task closes the connection once what waits is written.
    pub drain: AtomicBool,
    /// Small strings.
    pub names: Mutex<Names>,
    /// Messages of other threads, as they go over the wire.
    inbox: Mutex<VecDeque<Bytes>>,
    inbox_bytes: AtomicUsize,
    /// Wakes the connection's task.
    waker: OnceLock<Waker>,
}

impl Shared {
    /// A client that has just connected at `now_ms`.
    pub fn new(id: u64, addr: String, laddr: String, fd: i32, worker: usize, now_ms: u64) -> Self {
        Self {
            id,
            addr,
            laddr,
            fd,
            worker,
            created_ms: now_ms,
            active_ms: AtomicU64::new(now_ms),
            db: AtomicU32::new(0),
            flags: AtomicU32::new(0),
            command: AtomicU16::new(u16::MAX),
            proto: AtomicU16::new(2),
            multi: AtomicU32::new(0),
            multi_bytes: AtomicUsize::new(0),
            watched: AtomicU32::new(0),
            query: AtomicUsize::new(0),
            query_capacity: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            soft_since: AtomicU64::new(0),
            kill: AtomicBool::new(false),
            drain: AtomicBool::new(false),
            names: Mutex::new(Names { user: "default".into(), ..Names::default() }),
            inbox: Mutex::new(VecDeque::new()),
            inbox_bytes: AtomicUsize::new(0),
            waker: OnceLock::new(),
        }
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

    /// Called by the task at the start of every poll, before it looks at inbox and marks: from then on they wake it.
    /// A spawned task has one waker for its whole life, so only the first call has something to do.
    #[inline]
    pub fn arm(&self, waker: &Waker) {
        if self.waker.get().is_none() {
            // Nobody else sets it.
            let _ = self.waker.set(waker.clone());
            // Pairs with the fence in `wake`: either the other side sees the waker, or this one what it has left.
            fence(SeqCst);
        }
    }

    /// Wakes the task after something was left for it.
    fn wake(&self) {
        fence(SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Asks the task to close the connection at once: a client that does not read could else never be got rid of.
    pub fn close(&self) {
        self.kill.store(true, Relaxed);
        self.wake();
    }

    /// Asks the task to write what waits and then to close the connection.
    pub fn close_when_written(&self) {
        self.drain.store(true, Relaxed);
        self.wake();
    }

    /// Puts a message into the inbox and wakes the task. Returns the bytes that wait there now, for the caller to
    /// compare with the client's output limit.
    pub fn post(&self, message: Bytes) -> usize {
        let bytes = self.inbox_bytes.fetch_add(message.len(), Relaxed) + message.len();
        self.inbox.lock().push_back(message);
        self.wake();
        bytes
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

    /// Takes all messages.
    pub fn take_mail(&self) -> VecDeque<Bytes> {
        let mail = std::mem::take(&mut *self.inbox.lock());
        self.inbox_bytes.fetch_sub(mail.iter().map(Bytes::len).sum(), Relaxed);
        mail
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

/// A connection's own state.
pub struct Client {
    /// The half that others see.
    pub shared: Arc<Shared>,
    /// Where the parser is in a request that has not arrived whole.
    pub parser: Parser,
    /// Selected database.
    pub db: u32,
    /// RESP version.
    pub proto: Proto,
    /// Whether commands that need authentication may run.
    pub authenticated: bool,
    /// The transaction that is being queued.
    pub multi: Option<Box<Multi>>,
    /// Watched keys.
    pub watches: Vec<Watch>,
    /// What CLIENT REPLY asked for.
    pub reply: ReplyMode,
    /// Reads leave the access clock alone.
    pub no_touch: bool,
    /// In MONITOR mode.
    pub monitor: bool,
    /// A command of its EXEC runs: nothing may block it or turn it into a stream of messages.
    pub deny_blocking: bool,
    /// The connection is to be closed after what is in its output buffer.
    pub closing: bool,
}

impl Client {
    /// A new connection's state.
    pub fn new(shared: Arc<Shared>, authenticated: bool) -> Self {
        Self {
            shared,
            parser: Parser::default(),
            db: 0,
            proto: Proto::Resp2,
            authenticated,
            multi: None,
            watches: Vec::new(),
            reply: ReplyMode::On,
            no_touch: false,
            monitor: false,
            deny_blocking: false,
            closing: false,
        }
    }

    /// Whether a command has to pass the slow gates: not authenticated, in MULTI, replies switched off,
    /// monitoring.
    #[inline]
    pub fn gated(&self) -> bool {
        !self.authenticated || self.multi.is_some() || self.reply != ReplyMode::On || self.monitor
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
        self.shared.watched.store(self.watches.len() as u32, Relaxed);
        self.shared.set_flag(ClientFlags::MULTI, self.multi.is_some());
    }
}
