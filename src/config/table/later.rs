//! Rows: features of Redis 7.2 that this release does not have. Their values are checked and kept, CONFIG answers
//! with them, and a start that sets one to something else than its default says so once. A row moves to its own file
//! when its feature comes.

use super::super::directive::Kind::{Bool, Enum, Flags, Text};
use super::super::directive::{Directive, Kind};
use super::super::rows::later;
use super::super::special;

pub(super) const PORT: Kind = Kind::Int { min: 0, max: 65535 };
pub(super) const INT: Kind = Kind::Int { min: 0, max: i32::MAX as i64 };
const ANY_INT: Kind = Kind::Int { min: i32::MIN as i64, max: i32::MAX as i64 };
pub(super) const LONG: Kind = Kind::Int { min: 0, max: i64::MAX };
const LONG_FROM_1: Kind = Kind::Int { min: 1, max: i64::MAX };
const SIZE: Kind = Kind::Memory { min: 0, max: i64::MAX as u64 };
pub(super) const SIZE_FROM_1: Kind = Kind::Memory { min: 1, max: i64::MAX as u64 };
const fn range(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

const FACILITIES: Kind =
    Enum(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]);
const SHUTDOWN: Kind = Flags(&["default", "save", "nosave", "now", "force"]);

pub(super) const ROWS: &[Directive] = &[
    // Logs and the process.
    later("syslog-enabled", Bool, "no", "Log to the system logger").immutable(),
    later("syslog-ident", Text, "redis", "Name in the system log").immutable(),
    later("syslog-facility", FACILITIES, "local0", "Facility of the system log").immutable(),
    later("crash-memcheck-enabled", Bool, "yes", "Test memory after a crash"),
    later("use-exit-on-panic", Bool, "no", "Exit instead of aborting on a failed assertion").hidden(),
    later("enable-debug-assert", Bool, "no", "Check internal invariants while running").immutable().hidden(),
    later("watchdog-period", INT, "0", "Milliseconds after which a stalled command is reported").hidden(),
    later("ignore-warnings", Text, "", "Warnings at start that are no reason to stop"),
    later("disable-thp", Bool, "yes", "Keep the process from transparent huge pages").immutable(),
    later("jemalloc-bg-thread", Bool, "yes", "Purge freed memory in a thread"),
    later("server_cpulist", Text, "", "Cores of the main thread").immutable(),
    later("bio_cpulist", Text, "", "Cores of the background threads").immutable(),
    later("aof_rewrite_cpulist", Text, "", "Cores of the log's rewriter").immutable(),
    later("bgsave_cpulist", Text, "", "Cores of the snapshot's writer").immutable(),
    later("locale-collate", Text, "", "Locale of SORT ALPHA"),
    later("io-threads", range(1, 128), "1", "Threads for reading and writing; here every worker does both").immutable(),
    later("io-threads-do-reads", Bool, "no", "Let those threads read").immutable(),
    later("shutdown-timeout", INT, "10", "Seconds that a shutdown waits for replicas"),
    later("shutdown-on-sigint", SHUTDOWN, "default", "What SIGINT does"),
    later("shutdown-on-sigterm", SHUTDOWN, "default", "What SIGTERM does"),
    later("socket-mark-id", range(0, u32::MAX as i64), "0", "Mark of the listening sockets").immutable(),
    later("bind-source-addr", Text, "", "Local address of outgoing connections"),
    later("activerehashing", Bool, "yes", "Spend idle time on rehashing"),
    // ACL.
    later("aclfile", Text, "", "File of ACL users").immutable(),
    later("acllog-max-len", LONG, "128", "Entries of the ACL log"),
    later("acl-pubsub-default", Enum(&["allchannels", "resetchannels"]), "resetchannels", "Channels of a new user"),
    // Eviction and defragmentation.
    later("maxmemory-eviction-tenacity", range(0, 100), "10", "How long one eviction may take"),
    later("activedefrag", Bool, "no", "Defragment memory while running").checked_bool(special::no_defrag),
    later("active-defrag-ignore-bytes", SIZE_FROM_1, "104857600", "Waste below which nothing is moved"),
    later("active-defrag-threshold-lower", range(0, 1000), "10", "Percent of waste at which moving starts"),
    later("active-defrag-threshold-upper", range(0, 1000), "100", "Percent of waste for the greatest effort"),
    later("active-defrag-cycle-min", range(1, 99), "1", "Percent of a core, least effort"),
    later("active-defrag-cycle-max", range(1, 99), "25", "Percent of a core, greatest effort"),
    later("active-defrag-max-scan-fields", LONG_FROM_1, "1000", "Elements of a collection moved at once"),
    // Snapshots.
    later("stop-writes-on-bgsave-error", Bool, "yes", "Refuse writes after a failed snapshot"),
    later("rdbcompression", Bool, "yes", "Compress strings in snapshots"),
    later("rdbchecksum", Bool, "yes", "End snapshots with a checksum").immutable(),
    later("rdb-del-sync-files", Bool, "no", "Delete snapshots made for replication"),
    later("rdb-save-incremental-fsync", Bool, "yes", "Sync a snapshot while it is written"),
    later("rdb-key-save-delay", ANY_INT, "0", "Microseconds to sleep a key while saving").hidden(),
    later("key-load-delay", ANY_INT, "0", "Microseconds to sleep a key while loading").hidden(),
    later(
        "loading-process-events-interval-bytes",
        range(1024, i32::MAX as i64),
        "2097152",
        "Bytes loaded between two looks at the sockets",
    )
    .hidden(),
    later("sanitize-dump-payload", Enum(&["no", "yes", "clients"]), "no", "Check the inside of restored values"),
    // The append-only file.
    later("appendonly", Bool, "no", "Log every write"),
    later("appendfilename", Text, "appendonly.aof", "Base name of the log's files")
        .immutable()
        .checked(special::check_appendfilename),
    later("appenddirname", Text, "appendonlydir", "Directory of the log's files")
        .immutable()
        .checked(special::check_appenddirname),
    later("appendfsync", Enum(&["everysec", "always", "no"]), "everysec", "When the log is synced"),
    later("no-appendfsync-on-rewrite", Bool, "no", "Do not sync during a rewrite"),
    later("auto-aof-rewrite-percentage", INT, "100", "Growth at which the log is rewritten"),
    later("auto-aof-rewrite-min-size", SIZE, "67108864", "Size below which it is not"),
    later("aof-load-truncated", Bool, "yes", "Load a log whose end is missing"),
    later("aof-use-rdb-preamble", Bool, "yes", "Begin the log with a snapshot"),
    later("aof-timestamp-enabled", Bool, "no", "Write times into the log"),
    later("aof-rewrite-incremental-fsync", Bool, "yes", "Sync a rewritten log while it is written"),
    later("aof-disable-auto-gc", Bool, "no", "Keep files of the log that are no longer needed"),
];
