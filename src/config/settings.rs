//! The settings as typed values: what the rest of the server reads.
//!
//! Owns the struct and its small enums. Knows no directive's name, text or limit: those are the rows of the table,
//! and `Settings::default()` is built from the rows, so that a default is written down once. Flat, because readers
//! name a setting more often than they name its group.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::table::DIRECTIVES;

/// Declares an enum whose variants are, in order, the words of a directive.
///
/// One macro rather than five copies of the same array, because a variant out of step with its word would be silent.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $name {
            #[default]
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every variant, in the order of [`Self::WORDS`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The words as a config file spells them, in the order of [`Self::ALL`].
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word of this variant.
            pub const fn word(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }
    };
}

words!(
    /// The least severe event that is logged.
    LogLevel { Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning", Nothing = "nothing" }
);
words!(
    /// The form of a log line.
    LogFormat { Redis = "redis", Json = "json" }
);
words!(
    /// Who may use something dangerous: nobody, everybody, or connections from this host.
    Access { No = "no", Yes = "yes", Local = "local" }
);
words!(
    /// The supervisor that is told when the server is ready.
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
);
words!(
    /// Whether and how the kernel's out-of-memory score is adjusted.
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute" }
);
words!(
    /// What is evicted when memory is full. The LFU policies also switch the access clock of every key.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        NoEviction = "noeviction",
    }
);

/// Bytes, as such or as a share of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Bytes.
    Bytes(u64),
    /// Percents of the whole.
    Percent(u64),
}

impl Default for Amount {
    fn default() -> Self {
        Amount::Bytes(0)
    }
}

impl Amount {
    /// In bytes, of a whole of so many.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Amount::Bytes(bytes) => bytes,
            Amount::Percent(percent) => (u128::from(whole) * u128::from(percent) / 100) as u64,
        }
    }
}

impl MaxmemoryPolicy {
    /// True where keys count accesses (LFU) instead of remembering the last one (LRU).
    pub const fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }
}

/// One point of the snapshot schedule: at least `changes` writes within `seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Length of the window in seconds, at least 1.
    pub seconds: u64,
    /// Writes in the window that ask for a snapshot.
    pub changes: u64,
}

/// The limit on what may wait in a client's output buffer. Zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which the client is closed at once.
    pub hard: u64,
    /// Bytes at which the client is closed when it stays above for `soft_seconds`.
    pub soft: u64,
    /// Seconds that a client may stay above `soft`.
    pub soft_seconds: u64,
}

/// The output limits of the three classes of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients, MONITOR included.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients with at least one subscription.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// The limit of a client that is no replica.
    pub fn of(&self, subscribed: bool) -> &OutputLimit {
        if subscribed { &self.pubsub } else { &self.normal }
    }
}

/// Every setting with a type of its own. Read through [`Settings`], which dereferences to this.
///
/// `Default` gives zeros, not Redis's defaults: it is only the blank that the rows of the table fill in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    // Listening.
    /// Addresses to listen on; `*` is any IPv4, `::*` any IPv6; a leading `-` makes a missing address no error.
    pub bind: Vec<String>,
    /// TCP port; 0 is no TCP at all.
    pub port: u16,
    /// Length of the accept queue asked of the kernel.
    pub tcp_backlog: i32,
    /// Path of the Unix socket; empty is none.
    pub unixsocket: String,
    /// Mode of the Unix socket; 0 leaves it to the umask.
    pub unixsocketperm: u32,
    /// Refuse outside connections while no password and no address is set.
    pub protected_mode: bool,
    /// Seconds of TCP keep-alive; 0 is off.
    pub tcp_keepalive: u32,
    /// Seconds after which an idle client is closed; 0 is never.
    pub timeout: u64,

    // Clients.
    /// Connections at a time.
    pub maxclients: u32,
    /// The default user's password; empty is none.
    pub requirepass: String,
    /// Bytes of the largest argument.
    pub proto_max_bulk_len: u64,
    /// Bytes of the largest unparsed request.
    pub client_query_buffer_limit: u64,
    /// What may wait in output buffers.
    pub client_output_buffer_limit: OutputLimits,

    // The process.
    /// Run in the background.
    pub daemonize: bool,
    /// The supervisor to notify.
    pub supervised: Supervised,
    /// Where the process id is written; empty is nowhere (unless daemonized).
    pub pidfile: String,
    /// Least severe event logged.
    pub loglevel: LogLevel,
    /// Log file; empty is standard output.
    pub logfile: String,
    /// Form of a log line.
    pub log_format: LogFormat,
    /// Draw the logo even where standard output is no terminal.
    pub always_show_logo: bool,
    /// Report a crash in the log.
    pub crash_log_enabled: bool,
    /// Show addresses and mode in the process list.
    pub set_proc_title: bool,
    /// What the process list shows.
    pub proc_title_template: String,
    /// Whether the out-of-memory score is adjusted.
    pub oom_score_adj: OomScoreAdj,
    /// The scores of a master, a replica and a child.
    pub oom_score_adj_values: [i32; 3],
    /// Worker threads; 0 is one a core.
    pub workers: usize,
    /// Shards a database, a power of two; 0 is automatic.
    pub shards: usize,
    /// Working directory, absolute; empty is the directory the server was started in.
    pub dir: String,
    /// Name of the snapshot file within `dir`.
    pub dbfilename: String,
    /// Snapshot schedule; empty is none.
    pub save: Vec<SavePoint>,
    /// Who may use DEBUG.
    pub enable_debug_command: Access,
    /// Who may change the protected directives.
    pub enable_protected_configs: Access,
    /// Who may use MODULE.
    pub enable_module_command: Access,
    /// Commands with another name, in the order of the file; an empty new name disables the command.
    pub renamed_commands: Vec<(String, String)>,
    /// `user` lines, one vector of words each, without the keyword.
    pub users: Vec<Vec<String>>,

    // Keyspace and background work.
    /// Number of databases.
    pub databases: u32,
    /// Background ticks a second, 1 to 500.
    pub hz: u32,
    /// Tick faster with many clients.
    pub dynamic_hz: bool,
    /// How hard expired keys are looked for, 1 to 10.
    pub active_expire_effort: u32,
    /// Free evicted values in the background.
    pub lazyfree_lazy_eviction: bool,
    /// Free expired values in the background (very large collections are in any case).
    pub lazyfree_lazy_expire: bool,
    /// Free overwritten values in the background (very large collections are in any case).
    pub lazyfree_lazy_server_del: bool,
    /// DEL works as UNLINK.
    pub lazyfree_lazy_user_del: bool,
    /// FLUSHALL and FLUSHDB are ASYNC unless told.
    pub lazyfree_lazy_user_flush: bool,
    /// Bytes of memory before eviction; 0 is no limit.
    pub maxmemory: u64,
    /// Memory of all clients together before the largest are closed; 0 is no limit.
    pub maxmemory_clients: Amount,
    /// What is evicted.
    pub maxmemory_policy: MaxmemoryPolicy,
    /// Keys compared for one eviction.
    pub maxmemory_samples: u32,
    /// How slowly the access counter grows.
    pub lfu_log_factor: u32,
    /// Minutes after which the access counter loses one.
    pub lfu_decay_time: u32,

    // Watching.
    /// Microseconds from which a command is logged; -1 is never.
    pub slowlog_log_slower_than: i64,
    /// Entries of the slow log.
    pub slowlog_max_len: u64,
    /// Milliseconds from which a latency event is kept; 0 is off.
    pub latency_monitor_threshold: u64,
    /// Keep a latency histogram a command.
    pub latency_tracking: bool,
    /// Percentiles that INFO latencystats prints.
    pub latency_tracking_info_percentiles: Vec<f64>,
    /// Keys remembered for client-side caches; 0 is no limit.
    pub tracking_table_max_keys: u64,
    /// Milliseconds that a script may run before others who need its shards are answered BUSY; 0 is no limit.
    pub busy_reply_threshold: u64,
    /// Events that are published, bits of [`super::notify`].
    pub notify_keyspace_events: u32,

    // Encodings.
    /// Fields of the largest packed hash.
    pub hash_max_listpack_entries: u64,
    /// Bytes of the largest field or value of a packed hash.
    pub hash_max_listpack_value: u64,
    /// Positive: entries of a list node; -1 to -5: 4 to 64 KiB of it.
    pub list_max_listpack_size: i32,
    /// Nodes at each end of a list that stay uncompressed; 0 leaves it to the list.
    pub list_compress_depth: u32,
    /// Members of the largest set of integers.
    pub set_max_intset_entries: u64,
    /// Members of the largest packed set.
    pub set_max_listpack_entries: u64,
    /// Bytes of the largest member of a packed set.
    pub set_max_listpack_value: u64,
    /// Members of the largest packed sorted set.
    pub zset_max_listpack_entries: u64,
    /// Bytes of the largest member of a packed sorted set.
    pub zset_max_listpack_value: u64,
    /// Bytes of the largest sparse HyperLogLog.
    pub hll_sparse_max_bytes: u64,
    /// Bytes of a stream node; 0 is no limit.
    pub stream_node_max_bytes: u64,
    /// Entries of a stream node; 0 is no limit.
    pub stream_node_max_entries: u64,
}

/// All settings of one moment: the typed ones, and the text of those that nothing acts on yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    values: Values,
    /// Canonical text by directive name, only where it differs from the default.
    pub(super) kept: BTreeMap<&'static str, String>,
}

/// The longest key, string or element, whatever `proto-max-bulk-len` says: lengths are 32 bits in an entry and in a
/// packed block, which adds a little of its own.
pub const STRING_MAX: u64 = u32::MAX as u64 - (64 << 10);

impl Settings {
    /// Bytes of the longest key or string that this server takes: `proto-max-bulk-len`, at most [`STRING_MAX`].
    #[inline]
    pub fn string_max(&self) -> u64 {
        self.proto_max_bulk_len.min(STRING_MAX)
    }
}

impl Deref for Settings {
    type Target = Values;

    fn deref(&self) -> &Values {
        &self.values
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut Values {
        &mut self.values
    }
}

impl Default for Settings {
    /// The defaults of Redis 7.2, read from the table's rows.
    fn default() -> Self {
        let mut settings = Settings { values: Values::default(), kept: BTreeMap::new() };
        for directive in DIRECTIVES.iter().filter(|d| !d.file_only) {
            let done = directive.set(&mut settings, &[directive.default]);
            debug_assert!(done.is_ok(), "{}: {done:?}", directive.name);
        }
        settings
    }
}
