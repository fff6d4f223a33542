//! Rows: features of Redis 7.2 that this release does not have. Their values are checked and kept, CONFIG answers
//! with them, and a start that sets one to something else than its default says so once. A row moves to its own file
//! when its feature comes.

use super::super::directive::Kind::{Bool, Enum, Flags, MemoryOrPercent, Special, Text};
use super::super::directive::{Directive, Kind, later};
use super::super::special;

const PORT: Kind = Kind::Int { min: 0, max: 65535 };
const INT: Kind = Kind::Int {
    min: 0,
    max: i32::MAX as i64,
};
const ANY_INT: Kind = Kind::Int {
    min: i32::MIN as i64,
    max: i32::MAX as i64,
};
const FROM_1: Kind = Kind::Int {
    min: 1,
    max: i32::MAX as i64,
};
const LONG: Kind = Kind::Int {
    min: 0,
    max: i64::MAX,
};
const LONG_FROM_1: Kind = Kind::Int {
    min: 1,
    max: i64::MAX,
};
const SIZE: Kind = Kind::Memory {
    min: 0,
    max: i64::MAX as u64,
};
const SIZE_FROM_1: Kind = Kind::Memory {
    min: 1,
    max: i64::MAX as u64,
};
const UNSIGNED: Kind = Kind::Memory {
    min: 0,
    max: u64::MAX,
};
const fn range(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

const FACILITIES: Kind = Enum(&[
    "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]);
const SHUTDOWN: Kind = Flags(&["default", "save", "nosave", "now", "force"]);

pub(super) const ROWS: &[Directive] = &[
    // Logs and the process.
    later("syslog-enabled", Bool, "no", "Log to the system logger").immutable(),
    later("syslog-ident", Text, "redis", "Name in the system log").immutable(),
    later(
        "syslog-facility",
        FACILITIES,
        "local0",
        "Facility of the system log",
    )
    .immutable(),
    later(
        "crash-memcheck-enabled",
        Bool,
        "yes",
        "Test memory after a crash",
    ),
    later(
        "use-exit-on-panic",
        Bool,
        "no",
        "Exit instead of aborting on a failed assertion",
    )
    .hidden(),
    later(
        "enable-debug-assert",
        Bool,
        "no",
        "Check internal invariants while running",
    )
    .immutable()
    .hidden(),
    later(
        "watchdog-period",
        INT,
        "0",
        "Milliseconds after which a stalled command is reported",
    )
    .hidden(),
    later(
        "ignore-warnings",
        Text,
        "",
        "Warnings at start that are no reason to stop",
    ),
    later(
        "disable-thp",
        Bool,
        "yes",
        "Keep the process from transparent huge pages",
    )
    .immutable(),
    later(
        "jemalloc-bg-thread",
        Bool,
        "yes",
        "Purge freed memory in a thread",
    ),
    later("server_cpulist", Text, "", "Cores of the main thread").immutable(),
    later("bio_cpulist", Text, "", "Cores of the background threads").immutable(),
    later(
        "aof_rewrite_cpulist",
        Text,
        "",
        "Cores of the log's rewriter",
    )
    .immutable(),
    later("bgsave_cpulist", Text, "", "Cores of the snapshot's writer").immutable(),
    later("locale-collate", Text, "", "Locale of SORT ALPHA"),
    later(
        "io-threads",
        range(1, 128),
        "1",
        "Threads for reading and writing; here every worker does both",
    )
    .immutable(),
    later("io-threads-do-reads", Bool, "no", "Let those threads read").immutable(),
    later(
        "shutdown-timeout",
        INT,
        "10",
        "Seconds that a shutdown waits for replicas",
    ),
    later(
        "shutdown-on-sigint",
        SHUTDOWN,
        "default",
        "What SIGINT does",
    ),
    later(
        "shutdown-on-sigterm",
        SHUTDOWN,
        "default",
        "What SIGTERM does",
    ),
    later(
        "socket-mark-id",
        range(0, u32::MAX as i64),
        "0",
        "Mark of the listening sockets",
    )
    .immutable(),
    later(
        "bind-source-addr",
        Text,
        "",
        "Local address of outgoing connections",
    ),
    later(
        "tracking-table-max-keys",
        LONG,
        "1000000",
        "Keys remembered for client-side caches",
    ),
    later(
        "busy-reply-threshold",
        LONG,
        "5000",
        "Milliseconds of a script before others are answered BUSY",
    )
    .alias(&["lua-time-limit"]),
    later(
        "activerehashing",
        Bool,
        "yes",
        "Spend idle time on rehashing",
    ),
    // ACL.
    later("aclfile", Text, "", "File of ACL users").immutable(),
    later("acllog-max-len", LONG, "128", "Entries of the ACL log"),
    later(
        "acl-pubsub-default",
        Enum(&["allchannels", "resetchannels"]),
        "resetchannels",
        "Channels of a new user",
    ),
    // Eviction and defragmentation.
    later(
        "maxmemory-clients",
        MemoryOrPercent,
        "0",
        "Memory of all clients' buffers together",
    ),
    later(
        "maxmemory-eviction-tenacity",
        range(0, 100),
        "10",
        "How long one eviction may take",
    ),
    later(
        "activedefrag",
        Bool,
        "no",
        "Defragment memory while running",
    )
    .checked_bool(special::no_defrag),
    later(
        "active-defrag-ignore-bytes",
        SIZE_FROM_1,
        "104857600",
        "Waste below which nothing is moved",
    ),
    later(
        "active-defrag-threshold-lower",
        range(0, 1000),
        "10",
        "Percent of waste at which moving starts",
    ),
    later(
        "active-defrag-threshold-upper",
        range(0, 1000),
        "100",
        "Percent of waste for the greatest effort",
    ),
    later(
        "active-defrag-cycle-min",
        range(1, 99),
        "1",
        "Percent of a core, least effort",
    ),
    later(
        "active-defrag-cycle-max",
        range(1, 99),
        "25",
        "Percent of a core, greatest effort",
    ),
    later(
        "active-defrag-max-scan-fields",
        LONG_FROM_1,
        "1000",
        "Elements of a collection moved at once",
    ),
    // Snapshots.
    later(
        "stop-writes-on-bgsave-error",
        Bool,
        "yes",
        "Refuse writes after a failed snapshot",
    ),
    later(
        "rdbcompression",
        Bool,
        "yes",
        "Compress strings in snapshots",
    ),
    later("rdbchecksum", Bool, "yes", "End snapshots with a checksum").immutable(),
    later(
        "rdb-del-sync-files",
        Bool,
        "no",
        "Delete snapshots made for replication",
    ),
    later(
        "rdb-save-incremental-fsync",
        Bool,
        "yes",
        "Sync a snapshot while it is written",
    ),
    later(
        "rdb-key-save-delay",
        ANY_INT,
        "0",
        "Microseconds to sleep a key while saving",
    )
    .hidden(),
    later(
        "key-load-delay",
        ANY_INT,
        "0",
        "Microseconds to sleep a key while loading",
    )
    .hidden(),
    later(
        "loading-process-events-interval-bytes",
        range(1024, i32::MAX as i64),
        "2097152",
        "Bytes loaded between two looks at the sockets",
    )
    .hidden(),
    later(
        "sanitize-dump-payload",
        Enum(&["no", "yes", "clients"]),
        "no",
        "Check the inside of restored values",
    ),
    // The append-only file.
    later("appendonly", Bool, "no", "Log every write"),
    later(
        "appendfilename",
        Text,
        "appendonly.aof",
        "Base name of the log's files",
    )
    .immutable()
    .checked(special::check_appendfilename),
    later(
        "appenddirname",
        Text,
        "appendonlydir",
        "Directory of the log's files",
    )
    .immutable()
    .checked(special::check_appenddirname),
    later(
        "appendfsync",
        Enum(&["everysec", "always", "no"]),
        "everysec",
        "When the log is synced",
    ),
    later(
        "no-appendfsync-on-rewrite",
        Bool,
        "no",
        "Do not sync during a rewrite",
    ),
    later(
        "auto-aof-rewrite-percentage",
        INT,
        "100",
        "Growth at which the log is rewritten",
    ),
    later(
        "auto-aof-rewrite-min-size",
        SIZE,
        "67108864",
        "Size below which it is not",
    ),
    later(
        "aof-load-truncated",
        Bool,
        "yes",
        "Load a log whose end is missing",
    ),
    later(
        "aof-use-rdb-preamble",
        Bool,
        "yes",
        "Begin the log with a snapshot",
    ),
    later(
        "aof-timestamp-enabled",
        Bool,
        "no",
        "Write times into the log",
    ),
    later(
        "aof-rewrite-incremental-fsync",
        Bool,
        "yes",
        "Sync a rewritten log while it is written",
    ),
    later(
        "aof-disable-auto-gc",
        Bool,
        "no",
        "Keep files of the log that are no longer needed",
    ),
    // Replication.
    later("replicaof", Special, "", "Address and port of the master")
        .alias(&["slaveof"])
        .immutable()
        .words(special::replicaof),
    later(
        "masteruser",
        Text,
        "",
        "User to authenticate as with the master",
    ),
    later("masterauth", Text, "", "Password to authenticate with"),
    later(
        "replica-serve-stale-data",
        Bool,
        "yes",
        "Answer while the master is away",
    )
    .alias(&["slave-serve-stale-data"]),
    later(
        "replica-read-only",
        Bool,
        "yes",
        "Refuse writes on a replica",
    )
    .alias(&["slave-read-only"]),
    later(
        "replica-ignore-maxmemory",
        Bool,
        "yes",
        "Leave eviction to the master",
    )
    .alias(&["slave-ignore-maxmemory"]),
    later(
        "replica-ignore-disk-write-errors",
        Bool,
        "no",
        "Go on when a replica cannot write its log",
    ),
    later(
        "replica-lazy-flush",
        Bool,
        "no",
        "Free the old data in the background",
    )
    .alias(&["slave-lazy-flush"]),
    later(
        "replica-priority",
        INT,
        "100",
        "Order of promotion; 0 is never",
    )
    .alias(&["slave-priority"]),
    later(
        "replica-announce-ip",
        Text,
        "",
        "Address to give to the master",
    )
    .alias(&["slave-announce-ip"]),
    later(
        "replica-announce-port",
        PORT,
        "0",
        "Port to give to the master",
    )
    .alias(&["slave-announce-port"]),
    later(
        "replica-announced",
        Bool,
        "yes",
        "Let sentinels report this replica",
    ),
    later(
        "repl-diskless-sync",
        Bool,
        "yes",
        "Send snapshots without a file",
    ),
    later(
        "repl-diskless-sync-delay",
        INT,
        "5",
        "Seconds to wait for more replicas",
    ),
    later(
        "repl-diskless-sync-max-replicas",
        INT,
        "0",
        "Replicas that end the wait",
    ),
    later(
        "repl-diskless-load",
        Enum(&["disabled", "on-empty-db", "swapdb"]),
        "disabled",
        "Load without a file",
    ),
    later(
        "repl-disable-tcp-nodelay",
        Bool,
        "no",
        "Fewer, larger packets to replicas",
    ),
    later(
        "repl-ping-replica-period",
        FROM_1,
        "10",
        "Seconds between pings",
    )
    .alias(&["repl-ping-slave-period"]),
    later(
        "repl-timeout",
        FROM_1,
        "60",
        "Seconds of silence that end a link",
    ),
    later(
        "repl-backlog-size",
        SIZE_FROM_1,
        "1048576",
        "Bytes kept for replicas that come back",
    )
    .normalized(special::backlog_size),
    later(
        "repl-backlog-ttl",
        LONG,
        "3600",
        "Seconds that the backlog outlives the last replica",
    ),
    later(
        "min-replicas-to-write",
        INT,
        "0",
        "Replicas needed to accept writes",
    )
    .alias(&["min-slaves-to-write"]),
    later(
        "min-replicas-max-lag",
        INT,
        "10",
        "Seconds a replica may lag to count",
    )
    .alias(&["min-slaves-max-lag"]),
    later(
        "propagation-error-behavior",
        Enum(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
        "What a command that fails on a replica means",
    ),
    // Cluster.
    later("cluster-enabled", Bool, "no", "Be a node of a cluster").immutable(),
    later(
        "cluster-config-file",
        Text,
        "nodes.conf",
        "File of the cluster's state",
    )
    .immutable(),
    later(
        "cluster-node-timeout",
        LONG,
        "15000",
        "Milliseconds after which a node counts as failed",
    ),
    later("cluster-port", PORT, "0", "Port of the cluster bus").immutable(),
    later(
        "cluster-replica-validity-factor",
        INT,
        "10",
        "How old a replica's data may be for promotion",
    )
    .alias(&["cluster-slave-validity-factor"]),
    later(
        "cluster-migration-barrier",
        INT,
        "1",
        "Replicas a master keeps before lending one",
    ),
    later(
        "cluster-allow-replica-migration",
        Bool,
        "yes",
        "Lend replicas to orphaned masters",
    ),
    later(
        "cluster-require-full-coverage",
        Bool,
        "yes",
        "Stop when a slot has no node",
    ),
    later(
        "cluster-replica-no-failover",
        Bool,
        "no",
        "Never promote this replica by itself",
    )
    .alias(&["cluster-slave-no-failover"]),
    later(
        "cluster-allow-reads-when-down",
        Bool,
        "no",
        "Answer reads while the cluster is down",
    ),
    later(
        "cluster-allow-pubsubshard-when-down",
        Bool,
        "yes",
        "Publish to shards while the cluster is down",
    ),
    later(
        "cluster-link-sendbuf-limit",
        UNSIGNED,
        "0",
        "Bytes that may wait on a bus link",
    ),
    later(
        "cluster-announce-ip",
        Text,
        "",
        "Address to give to other nodes",
    ),
    later(
        "cluster-announce-port",
        PORT,
        "0",
        "Port to give to other nodes",
    ),
    later(
        "cluster-announce-tls-port",
        PORT,
        "0",
        "TLS port to give to other nodes",
    ),
    later(
        "cluster-announce-bus-port",
        PORT,
        "0",
        "Bus port to give to other nodes",
    ),
    later(
        "cluster-announce-hostname",
        Text,
        "",
        "Host name to give to clients",
    )
    .checked(special::check_hostname),
    later(
        "cluster-announce-human-nodename",
        Text,
        "",
        "Name of the node in logs",
    )
    .checked(special::check_nodename),
    later(
        "cluster-preferred-endpoint-type",
        Enum(&["ip", "hostname", "unknown-endpoint"]),
        "ip",
        "What clients are redirected to",
    ),
    // TLS.
    later("tls-port", PORT, "0", "TLS port; 0 is none"),
    later("tls-cert-file", Text, "", "Certificate"),
    later("tls-key-file", Text, "", "Its key"),
    later("tls-key-file-pass", Text, "", "Password of the key"),
    later("tls-client-cert-file", Text, "", "Certificate as a client"),
    later("tls-client-key-file", Text, "", "Its key"),
    later("tls-client-key-file-pass", Text, "", "Password of the key"),
    later("tls-dh-params-file", Text, "", "Diffie-Hellman parameters"),
    later(
        "tls-ca-cert-file",
        Text,
        "",
        "Certificates that are trusted",
    ),
    later(
        "tls-ca-cert-dir",
        Text,
        "",
        "Directory of such certificates",
    ),
    later(
        "tls-auth-clients",
        Enum(&["no", "yes", "optional"]),
        "yes",
        "Whether clients must show a certificate",
    ),
    later("tls-replication", Bool, "no", "TLS to the master"),
    later("tls-cluster", Bool, "no", "TLS on the bus"),
    later("tls-protocols", Text, "", "Versions of the protocol"),
    later("tls-ciphers", Text, "", "Ciphers up to version 1.2"),
    later("tls-ciphersuites", Text, "", "Ciphers of version 1.3"),
    later(
        "tls-prefer-server-ciphers",
        Bool,
        "no",
        "The server's order of ciphers counts",
    ),
    later("tls-session-caching", Bool, "yes", "Resume sessions"),
    later("tls-session-cache-size", INT, "20480", "Sessions kept"),
    later(
        "tls-session-cache-timeout",
        INT,
        "300",
        "Seconds a session is kept",
    ),
];
