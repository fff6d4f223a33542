//! Rows: the keyspace, background work, watching, encodings.

use super::super::directive::{Directive, Effect};
use super::super::rows::{amount, boolean, choice, int, memory, special};
use super::super::settings::MaxmemoryPolicy;
use super::super::special;

const INT: (i64, i64) = (0, i32::MAX as i64);
const LONG: (i64, i64) = (0, i64::MAX);
const SIZE: (u64, u64) = (0, i64::MAX as u64);

pub(super) const ROWS: &[Directive] = &[
    int("databases", "16", (1, i32::MAX as i64), |s| s.databases.into(), |s, n| s.databases = n as u32)
        .immutable()
        .about("Number of databases"),
    // Redis takes any integer here and pulls it into 1 to 500.
    int("hz", "10", INT, |s| s.hz.into(), |s, n| s.hz = n.clamp(1, 500) as u32)
        .then(Effect::Hz)
        .about("Background ticks a second"),
    boolean("dynamic-hz", "yes", |s| s.dynamic_hz, |s, on| s.dynamic_hz = on)
        .then(Effect::Hz)
        .about("Tick faster when there are many clients"),
    int(
        "active-expire-effort",
        "1",
        (1, 10),
        |s| s.active_expire_effort.into(),
        |s, n| s.active_expire_effort = n as u32,
    )
    .then(Effect::Hz)
    .about("How hard to look for expired keys, 1 to 10"),
    boolean("lazyfree-lazy-eviction", "no", |s| s.lazyfree_lazy_eviction, |s, on| s.lazyfree_lazy_eviction = on)
        .about("Free evicted values in the background"),
    boolean("lazyfree-lazy-expire", "no", |s| s.lazyfree_lazy_expire, |s, on| s.lazyfree_lazy_expire = on)
        .about("Free expired values in the background; very large ones are in any case"),
    boolean("lazyfree-lazy-server-del", "no", |s| s.lazyfree_lazy_server_del, |s, on| s.lazyfree_lazy_server_del = on)
        .about("Free overwritten values in the background; very large ones are in any case"),
    boolean("lazyfree-lazy-user-del", "no", |s| s.lazyfree_lazy_user_del, |s, on| s.lazyfree_lazy_user_del = on)
        .about("DEL frees in the background, as UNLINK does"),
    boolean("lazyfree-lazy-user-flush", "no", |s| s.lazyfree_lazy_user_flush, |s, on| s.lazyfree_lazy_user_flush = on)
        .about("FLUSHALL, FLUSHDB and SCRIPT FLUSH are ASYNC unless they say SYNC"),
    memory("maxmemory", "0", (0, u64::MAX), |s| s.maxmemory, |s, n| s.maxmemory = n)
        .then(Effect::Store)
        .not_yet()
        .about("Bytes of memory from which keys are evicted; 0 is no limit"),
    amount("maxmemory-clients", "0", |s| s.maxmemory_clients, |s, amount| s.maxmemory_clients = amount).about(
        "Memory of all clients together from which the largest are closed; bytes or % of maxmemory, 0 is no limit",
    ),
    choice(
        "maxmemory-policy",
        "noeviction",
        MaxmemoryPolicy::WORDS,
        |s| s.maxmemory_policy as usize,
        |s, i| s.maxmemory_policy = MaxmemoryPolicy::ALL[i],
    )
    .then(Effect::Store)
    .about("What is evicted; also says whether keys count accesses or remember the last"),
    int("maxmemory-samples", "5", (1, INT.1), |s| s.maxmemory_samples.into(), |s, n| s.maxmemory_samples = n as u32)
        .about("Keys compared for one eviction"),
    int("lfu-log-factor", "10", INT, |s| s.lfu_log_factor.into(), |s, n| s.lfu_log_factor = n as u32)
        .then(Effect::Store)
        .about("How slowly the access counter grows"),
    int("lfu-decay-time", "1", INT, |s| s.lfu_decay_time.into(), |s, n| s.lfu_decay_time = n as u32)
        .then(Effect::Store)
        .about("Minutes without access that cost the counter one"),
    int(
        "slowlog-log-slower-than",
        "10000",
        (-1, i64::MAX),
        |s| s.slowlog_log_slower_than,
        |s, n| s.slowlog_log_slower_than = n,
    )
    .about("Microseconds from which a command enters the slow log; -1 is never"),
    int("slowlog-max-len", "128", LONG, |s| s.slowlog_max_len as i64, |s, n| s.slowlog_max_len = n as u64)
        .then(Effect::SlowLog)
        .about("Entries the slow log keeps"),
    int(
        "latency-monitor-threshold",
        "0",
        LONG,
        |s| s.latency_monitor_threshold as i64,
        |s, n| s.latency_monitor_threshold = n as u64,
    )
    .about("Milliseconds from which LATENCY keeps an event; 0 keeps none"),
    boolean("latency-tracking", "yes", |s| s.latency_tracking, |s, on| s.latency_tracking = on)
        .then(Effect::LatencyTracking)
        .about("Keep a latency histogram a command"),
    special("latency-tracking-info-percentiles", "50 99 99.9", special::percentiles_get, special::percentiles_set)
        .multi()
        .about("Percentiles in INFO latencystats"),
    int(
        "tracking-table-max-keys",
        "1000000",
        LONG,
        |s| s.tracking_table_max_keys as i64,
        |s, n| s.tracking_table_max_keys = n as u64,
    )
    .about("Keys remembered for client-side caches; 0 is no limit"),
    int(
        "busy-reply-threshold",
        "5000",
        LONG,
        |s| s.busy_reply_threshold as i64,
        |s, n| s.busy_reply_threshold = n as u64,
    )
    .alias(&["lua-time-limit"])
    .about("Milliseconds of a script before others are answered BUSY; 0 is no limit"),
    special("notify-keyspace-events", "", special::notify_get, special::notify_set)
        .lines(special::notify_lines)
        .then(Effect::PubSub)
        .about("Classes of keyspace events that are published"),
    int(
        "hash-max-listpack-entries",
        "512",
        LONG,
        |s| s.hash_max_listpack_entries as i64,
        |s, n| s.hash_max_listpack_entries = n as u64,
    )
    .alias(&["hash-max-ziplist-entries"])
    .then(Effect::Store)
    .about("Fields up to which a hash is packed"),
    memory("hash-max-listpack-value", "64", SIZE, |s| s.hash_max_listpack_value, |s, n| s.hash_max_listpack_value = n)
        .alias(&["hash-max-ziplist-value"])
        .then(Effect::Store)
        .about("Bytes of a field or value up to which a hash is packed"),
    int(
        "list-max-listpack-size",
        "-2",
        (i32::MIN as i64, i32::MAX as i64),
        |s| s.list_max_listpack_size.into(),
        |s, n| s.list_max_listpack_size = n as i32,
    )
    .alias(&["list-max-ziplist-size"])
    .then(Effect::Store)
    .about("Entries of a list node, or -1 to -5 for 4 to 64 KiB"),
    int("list-compress-depth", "0", INT, |s| s.list_compress_depth.into(), |s, n| s.list_compress_depth = n as u32)
        .then(Effect::Store)
        .about("Nodes at each end of a list that stay uncompressed; 0 leaves it to the server"),
    int(
        "set-max-intset-entries",
        "512",
        LONG,
        |s| s.set_max_intset_entries as i64,
        |s, n| s.set_max_intset_entries = n as u64,
    )
    .then(Effect::Store)
    .about("Members up to which a set of integers is packed"),
    int(
        "set-max-listpack-entries",
        "128",
        LONG,
        |s| s.set_max_listpack_entries as i64,
        |s, n| s.set_max_listpack_entries = n as u64,
    )
    .then(Effect::Store)
    .about("Members up to which a set is packed"),
    memory("set-max-listpack-value", "64", SIZE, |s| s.set_max_listpack_value, |s, n| s.set_max_listpack_value = n)
        .then(Effect::Store)
        .about("Bytes of a member up to which a set is packed"),
    int(
        "zset-max-listpack-entries",
        "128",
        LONG,
        |s| s.zset_max_listpack_entries as i64,
        |s, n| s.zset_max_listpack_entries = n as u64,
    )
    .alias(&["zset-max-ziplist-entries"])
    .then(Effect::Store)
    .about("Members up to which a sorted set is packed"),
    memory("zset-max-listpack-value", "64", SIZE, |s| s.zset_max_listpack_value, |s, n| s.zset_max_listpack_value = n)
        .alias(&["zset-max-ziplist-value"])
        .then(Effect::Store)
        .about("Bytes of a member up to which a sorted set is packed"),
    memory("hll-sparse-max-bytes", "3000", SIZE, |s| s.hll_sparse_max_bytes, |s, n| s.hll_sparse_max_bytes = n)
        .then(Effect::Store)
        .about("Bytes up to which a HyperLogLog is sparse"),
    memory("stream-node-max-bytes", "4096", SIZE, |s| s.stream_node_max_bytes, |s, n| s.stream_node_max_bytes = n)
        .then(Effect::Store)
        .about("Bytes of a stream node; 0 is no limit"),
    int(
        "stream-node-max-entries",
        "100",
        LONG,
        |s| s.stream_node_max_entries as i64,
        |s, n| s.stream_node_max_entries = n as u64,
    )
    .then(Effect::Store)
    .about("Entries of a stream node; 0 is no limit"),
];
