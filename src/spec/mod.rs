//! What a command *is*: its name, arity, flags, keys, group, ACL categories, syntax and documentation. Plain data.
//!
//! Owns the vocabulary that COMMAND prints and that everything derived from a command's row reads: arity errors, the
//! gates, the set of shards to lock, the cluster slot, statistics, the README's coverage table, the random command
//! generator of the tests. It must not know handlers, the store or the wire; [`crate::commands`] puts a handler beside
//! each [`Command`] in one `const` row.

mod keys;
mod syntax;

pub use keys::{Begin, Find, KeyFlags, KeySpec, first_key, for_each_key};
pub use syntax::{ArgType, Argument, arguments};

bitflags::bitflags! {
    /// Properties of a command; the names are what COMMAND INFO prints, in its order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change the dataset.
        const WRITE = 1;
        /// Reads keys and never changes them.
        const READONLY = 1 << 1;
        /// Refused when memory is over `maxmemory`.
        const DENYOOM = 1 << 2;
        /// An administrator's command.
        const ADMIN = 1 << 3;
        /// Publish/subscribe.
        const PUBSUB = 1 << 4;
        /// Refused in scripts.
        const NOSCRIPT = 1 << 5;
        /// May block the client.
        const BLOCKING = 1 << 6;
        /// Allowed while the dataset loads.
        const LOADING = 1 << 7;
        /// Allowed on a replica whose data is stale.
        const STALE = 1 << 8;
        /// Not shown by MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not kept in the slow log.
        const SKIP_SLOWLOG = 1 << 10;
        /// Allowed after ASKING.
        const ASKING = 1 << 11;
        /// O(1) or O(log n).
        const FAST = 1 << 12;
        /// Allowed before authentication.
        const NO_AUTH = 1 << 13;
        /// May replicate though it is no write.
        const MAY_REPLICATE = 1 << 14;
        /// Refused during asynchronous loading.
        const NO_ASYNC_LOADING = 1 << 15;
        /// Refused in MULTI.
        const NO_MULTI = 1 << 16;
        /// Keys cannot be found by the first, last and step triple alone.
        const MOVABLEKEYS = 1 << 17;
        /// Allowed while a script is over its time.
        const ALLOW_BUSY = 1 << 18;
        /// Needs `enable-debug-command` or the like.
        const PROTECTED = 1 << 19;
        /// Touches keys that its arguments do not name.
        const TOUCHES_ARBITRARY_KEYS = 1 << 20;
        /// May be called without any key, although it has key specifications (EVAL).
        const NO_MANDATORY_KEYS = 1 << 21;
    }
}

/// The names of [`Flags`] as COMMAND INFO prints them, in its order.
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::MAY_REPLICATE, "may_replicate"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::MOVABLEKEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

bitflags::bitflags! {
    /// ACL categories.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Categories: u32 {
        /// Commands on keys of any type.
        const KEYSPACE = 1;
        /// Reads data.
        const READ = 1 << 1;
        /// Writes data.
        const WRITE = 1 << 2;
        /// Sets.
        const SET = 1 << 3;
        /// Sorted sets.
        const SORTEDSET = 1 << 4;
        /// Lists.
        const LIST = 1 << 5;
        /// Hashes.
        const HASH = 1 << 6;
        /// Strings.
        const STRING = 1 << 7;
        /// Bitmaps.
        const BITMAP = 1 << 8;
        /// HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// Geo indexes.
        const GEO = 1 << 10;
        /// Streams.
        const STREAM = 1 << 11;
        /// Publish/subscribe.
        const PUBSUB = 1 << 12;
        /// Administration.
        const ADMIN = 1 << 13;
        /// O(1) or O(log n).
        const FAST = 1 << 14;
        /// Not fast.
        const SLOW = 1 << 15;
        /// May block.
        const BLOCKING = 1 << 16;
        /// Dangerous in the wrong hands.
        const DANGEROUS = 1 << 17;
        /// About the connection.
        const CONNECTION = 1 << 18;
        /// Transactions.
        const TRANSACTION = 1 << 19;
        /// Scripts.
        const SCRIPTING = 1 << 20;
    }
}

/// The names of [`Categories`] in the order in which COMMAND INFO and ACL CAT print them.
pub const CATEGORY_NAMES: &[(Categories, &str)] = &[
    (Categories::KEYSPACE, "keyspace"),
    (Categories::READ, "read"),
    (Categories::WRITE, "write"),
    (Categories::SET, "set"),
    (Categories::SORTEDSET, "sortedset"),
    (Categories::LIST, "list"),
    (Categories::HASH, "hash"),
    (Categories::STRING, "string"),
    (Categories::BITMAP, "bitmap"),
    (Categories::HYPERLOGLOG, "hyperloglog"),
    (Categories::GEO, "geo"),
    (Categories::STREAM, "stream"),
    (Categories::PUBSUB, "pubsub"),
    (Categories::ADMIN, "admin"),
    (Categories::FAST, "fast"),
    (Categories::SLOW, "slow"),
    (Categories::BLOCKING, "blocking"),
    (Categories::DANGEROUS, "dangerous"),
    (Categories::CONNECTION, "connection"),
    (Categories::TRANSACTION, "transaction"),
    (Categories::SCRIPTING, "scripting"),
];

/// The group of a command in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Bitmaps.
    Bitmap,
    /// The connection itself.
    Connection,
    /// Geometry on sorted sets.
    Geo,
    /// Keys of any type.
    Generic,
    /// Hashes.
    Hash,
    /// Streams.
    Stream,
    /// HyperLogLogs.
    HyperLogLog,
    /// Lists.
    List,
    /// Channels and messages.
    PubSub,
    /// Scripts.
    Scripting,
    /// The server.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Strings.
    String,
    /// MULTI and its kin.
    Transactions,
}

impl Group {
    /// The name that COMMAND DOCS prints.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Connection => "connection",
            Group::Geo => "geo",
            Group::Generic => "generic",
            Group::Hash => "hash",
            Group::Stream => "stream",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::PubSub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// One command or subcommand.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Lower-case name; a subcommand's is `container|sub`.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least that many.
    pub arity: i16,
    /// Properties.
    pub flags: Flags,
    /// Explicit ACL categories; [`Command::categories`] adds those that follow from the flags.
    pub acl: Categories,
    /// Where the keys are.
    pub keys: &'static [KeySpec],
    /// Group of the documentation.
    pub group: Group,
    /// Version of Redis (or Valkey, Ostracon) that brought it.
    pub since: &'static str,
    /// Complexity, in big-O.
    pub complexity: &'static str,
    /// One line, in our own words.
    pub summary: &'static str,
    /// Arguments after the name, in the documentation's notation.
    pub syntax: &'static str,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
}

impl Command {
    /// Whether `argc` arguments (the name included) fit the arity.
    #[inline]
    pub const fn arity_fits(&self, argc: usize) -> bool {
        if self.arity >= 0 { argc == self.arity as usize } else { argc >= self.arity.unsigned_abs() as usize }
    }

    /// All ACL categories: the explicit ones and those that follow from the flags.
    pub const fn categories(&self) -> Categories {
        let f = self.flags;
        let mut c = self.acl;
        if f.contains(Flags::WRITE) {
            c = c.union(Categories::WRITE);
        }
        if f.contains(Flags::READONLY) && !c.contains(Categories::SCRIPTING) {
            c = c.union(Categories::READ);
        }
        if f.contains(Flags::ADMIN) {
            c = c.union(Categories::ADMIN).union(Categories::DANGEROUS);
        }
        if f.contains(Flags::PUBSUB) {
            c = c.union(Categories::PUBSUB);
        }
        if f.contains(Flags::BLOCKING) {
            c = c.union(Categories::BLOCKING);
        }
        c.union(if f.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW })
    }

    /// The part of the name after `|`, or the whole name.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }
}
