//! The figures of the server: one table of section, name and function.
//!
//! INFO prints it; an exporter of metrics would print the same. Owns what each figure means, not how it is written. A
//! figure of a mechanism that this release does not have is the constant that an idle Redis shows, so that monitoring
//! finds the field; nothing is invented: what cannot be told is left out.

use super::memory::{client_bytes, ratio};
use crate::base::num::human_bytes;
use crate::config::REDIS_VERSION;
use crate::config::Settings;
use crate::pubsub::Space;
use crate::script::{Catalog, memory as vm};
use crate::server::{Server, VERSION};
use crate::stats::memory::{Memory, system_total};
use nix::sys::resource::{UsageWho, getrusage};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A section of INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The process.
    Server,
    /// Its clients.
    Clients,
    /// Its memory.
    Memory,
    /// Snapshots and logs.
    Persistence,
    /// Counters.
    Stats,
    /// Replicas.
    Replication,
    /// Processor time.
    Cpu,
    /// Cluster.
    Cluster,
    /// Shards (ours).
    Shards,
}

/// The value of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A count.
    Count(u64),
    /// A number that may be negative.
    Int(i64),
    /// A number with so many decimal places.
    Float(f64, usize),
    /// Text.
    Text(String),
}

/// One row: section, name, value.
pub type Field = (Section, &'static str, fn(&Figures<'_>) -> Figure);

/// What the functions of the table read; gathered once for all of them.
pub struct Figures<'a> {
    server: &'a Server,
    settings: Arc<Settings>,
    memory: Memory,
    peak: u64,
    client_bytes: u64,
    table_bytes: u64,
    now_us: u64,
    libraries: Arc<Catalog>,
}

impl<'a> Figures<'a> {
    /// Gathers; some tens of microseconds, O(clients + shards).
    pub fn new(server: &'a Server) -> Self {
        let memory = Memory::now();
        Self {
            settings: server.config.current(),
            peak: server.stats.memory_peak(memory.allocated),
            client_bytes: client_bytes(server),
            table_bytes: server.store.used().map(|(_, db)| db.table_bytes()).sum(),
            now_us: server.clock.unix_us(),
            libraries: server.functions.catalog(),
            memory,
            server,
        }
    }

    fn uptime(&self) -> u64 {
        (self.now_us / 1000).saturating_sub(self.server.started_ms) / 1000
    }

    fn overhead(&self) -> u64 {
        self.server.stats.memory_startup + self.client_bytes + self.table_bytes
    }

    fn dataset(&self) -> u64 {
        self.memory.allocated.saturating_sub(self.overhead())
    }

    /// Bytes allocated since the start.
    fn net(&self) -> u64 {
        self.memory.allocated.saturating_sub(self.server.stats.memory_startup)
    }

    fn rate(&self, i: usize) -> f64 {
        self.server.stats.rates.get()[i]
    }
}

/// Bytes of the Lua states that run scripts.
fn vm_scripts() -> u64 {
    vm::SCRIPTS.load(Relaxed) as u64
}

/// Bytes of the Lua states that run functions.
fn vm_functions() -> u64 {
    vm::FUNCTIONS.load(Relaxed) as u64
}

fn text(s: impl Into<String>) -> Figure {
    Figure::Text(s.into())
}

fn human(n: u64) -> Figure {
    Figure::Text(human_bytes(n))
}

fn percent(a: u64, b: u64) -> Figure {
    Figure::Text(format!("{:.2}%", 100.0 * ratio(a, b)))
}

const fn zero(_: &Figures<'_>) -> Figure {
    Figure::Count(0)
}

const fn never(_: &Figures<'_>) -> Figure {
    Figure::Int(-1)
}

fn ok(_: &Figures<'_>) -> Figure {
    text("ok")
}

fn os() -> String {
    nix::sys::utsname::uname().map_or_else(
        |_| std::env::consts::OS.to_owned(),
        |u| {
            let part = |s: &std::ffi::OsStr| s.to_string_lossy().into_owned();
            format!("{} {} {}", part(u.sysname()), part(u.release()), part(u.machine()))
        },
    )
}

/// Processor time in seconds: user or system.
fn cpu(who: UsageWho, user: bool) -> Figure {
    let seconds = getrusage(who).map_or(0.0, |u| {
        let t = if user { u.user_time() } else { u.system_time() };
        t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6
    });
    Figure::Float(seconds, 6)
}

/// Milliseconds that clients are still paused.
fn paused(f: &Figures<'_>) -> Option<u64> {
    let now = f.server.clock.mono_ns();
    f.server.pause.until(now, true).map(|until| until.saturating_sub(now).div_ceil(1_000_000))
}

fn most(f: &Figures<'_>, of: impl Fn(&crate::client::Shared) -> usize) -> Figure {
    Figure::Count(f.server.clients.all().iter().map(|c| of(c) as u64).max().unwrap_or(0))
}

fn subscribed(f: &Figures<'_>, space: Space) -> Figure {
    Figure::Count(f.server.pubsub.registry.of(space).len() as u64)
}

fn waits(f: &Figures<'_>) -> (u64, u64) {
    let shards = f.server.store.used().flat_map(|(_, db)| db.shards().iter());
    shards.map(|s| s.wait_stats()).fold((0, 0), |(n, ns), (m, t)| (n + m, ns + t))
}

use Figure::{Count, Float, Int};
use Section::{Clients, Cluster, Cpu, Memory as Mem, Persistence, Replication, Server as Srv, Shards, Stats};

/// Every figure, in the order of INFO.
pub const FIELDS: &[Field] = &[
    (Srv, "redis_version", |_| text(REDIS_VERSION)),
    (Srv, "redis_git_sha1", |_| text("00000000")),
    (Srv, "redis_git_dirty", zero),
    (Srv, "redis_build_id", |_| text("0000000000000000")),
    (Srv, "redis_mode", |_| text("standalone")),
    (Srv, "server_name", |_| text("ostracon")),
    (Srv, "ostracon_version", |_| text(VERSION)),
    (Srv, "os", |_| text(os())),
    (Srv, "arch_bits", |_| Count(usize::BITS.into())),
    (Srv, "multiplexing_api", |_| text("epoll")),
    (Srv, "process_id", |_| Count(std::process::id().into())),
    (Srv, "process_supervised", |f| text(f.settings.supervised.word())),
    (Srv, "run_id", |f| text(&f.server.run_id)),
    (Srv, "tcp_port", |f| Count(f.settings.port.into())),
    (Srv, "server_time_usec", |f| Count(f.now_us)),
    (Srv, "uptime_in_seconds", |f| Count(f.uptime())),
    (Srv, "uptime_in_days", |f| Count(f.uptime() / 86400)),
    (Srv, "hz", |f| Count(f.server.expiry.hz.load(Relaxed))),
    (Srv, "configured_hz", |f| Count(f.settings.hz.into())),
    (Srv, "lru_clock", |f| Count((f.now_us / 1_000_000) & 0xff_ffff)),
    (Srv, "executable", |_| text(std::env::current_exe().map_or(String::new(), |p| p.display().to_string()))),
    (Srv, "config_file", |f| text(f.server.config.file().map_or(String::new(), |p| p.display().to_string()))),
    (Srv, "io_threads_active", zero),
    (Srv, "worker_threads", |f| Count(f.server.workers as u64)),
    (Clients, "connected_clients", |f| Count(f.server.clients.len() as u64)),
    (Clients, "cluster_connections", zero),
    (Clients, "maxclients", |f| Count(f.settings.maxclients.into())),
    (Clients, "client_recent_max_input_buffer", |f| most(f, |c| c.query_capacity.load(Relaxed))),
    (Clients, "client_recent_max_output_buffer", |f| most(f, |c| c.output.load(Relaxed))),
    (Clients, "blocked_clients", |f| Count(f.server.clients.blocked.load(Relaxed))),
    (Clients, "tracking_clients", |f| Count(f.server.tracking.clients() as u64)),
    (Clients, "pubsub_clients", |f| Count(f.server.pubsub.clients.load(Relaxed) as u64)),
    (Clients, "clients_in_timeout_table", |f| Count(f.server.clients.timed.load(Relaxed))),
    (Clients, "paused_reason", |f| text(paused(f).map_or("none", |_| "client_pause"))),
    (Clients, "paused_actions", |f| {
        text(paused(f).map_or("none", |_| if f.server.pause.all() { "all" } else { "write" }))
    }),
    (Clients, "paused_timeout_milliseconds", |f| Count(paused(f).unwrap_or(0))),
    (Clients, "total_blocking_keys", |f| Count(f.server.store.used().map(|(_, db)| db.waited_keys()).sum())),
    (Clients, "total_blocking_keys_on_nokey", |f| {
        Count(f.server.store.used().map(|(_, db)| db.waited_for_absence()).sum())
    }),
    (Mem, "used_memory", |f| Count(f.memory.allocated)),
    (Mem, "used_memory_human", |f| human(f.memory.allocated)),
    (Mem, "used_memory_rss", |f| Count(f.memory.rss)),
    (Mem, "used_memory_rss_human", |f| human(f.memory.rss)),
    (Mem, "used_memory_peak", |f| Count(f.peak)),
    (Mem, "used_memory_peak_human", |f| human(f.peak)),
    (Mem, "used_memory_peak_perc", |f| percent(f.memory.allocated, f.peak)),
    (Mem, "used_memory_overhead", |f| Count(f.overhead())),
    (Mem, "used_memory_startup", |f| Count(f.server.stats.memory_startup)),
    (Mem, "used_memory_dataset", |f| Count(f.dataset())),
    (Mem, "used_memory_dataset_perc", |f| percent(f.dataset(), f.net())),
    (Mem, "allocator_allocated", |f| Count(f.memory.allocated)),
    (Mem, "allocator_active", |f| Count(f.memory.active)),
    (Mem, "allocator_resident", |f| Count(f.memory.resident)),
    (Mem, "total_system_memory", |_| Count(system_total())),
    (Mem, "total_system_memory_human", |_| human(system_total())),
    (Mem, "used_memory_lua", |_| Count(vm_scripts())),
    (Mem, "used_memory_vm_eval", |_| Count(vm_scripts())),
    (Mem, "used_memory_lua_human", |_| human(vm_scripts())),
    (Mem, "used_memory_scripts_eval", |f| Count(f.server.scripts.bytes())),
    (Mem, "number_of_cached_scripts", |f| Count(f.server.scripts.len() as u64)),
    (Mem, "number_of_functions", |f| Count(f.libraries.functions() as u64)),
    (Mem, "number_of_libraries", |f| Count(f.libraries.len() as u64)),
    (Mem, "used_memory_vm_functions", |_| Count(vm_functions())),
    (Mem, "used_memory_vm_total", |_| Count(vm_scripts() + vm_functions())),
    (Mem, "used_memory_vm_total_human", |_| human(vm_scripts() + vm_functions())),
    (Mem, "used_memory_functions", |f| Count(f.libraries.bytes() as u64)),
    (Mem, "used_memory_scripts", |f| Count(f.server.scripts.bytes() + f.libraries.bytes() as u64)),
    (Mem, "used_memory_scripts_human", |f| human(f.server.scripts.bytes() + f.libraries.bytes() as u64)),
    (Mem, "maxmemory", |f| Count(f.settings.maxmemory)),
    (Mem, "maxmemory_human", |f| human(f.settings.maxmemory)),
    (Mem, "maxmemory_policy", |f| text(f.settings.maxmemory_policy.word())),
    (Mem, "allocator_frag_ratio", |f| Float(ratio(f.memory.active, f.memory.allocated), 2)),
    (Mem, "allocator_frag_bytes", |f| Count(f.memory.active.saturating_sub(f.memory.allocated))),
    (Mem, "allocator_rss_ratio", |f| Float(ratio(f.memory.resident, f.memory.active), 2)),
    (Mem, "allocator_rss_bytes", |f| Int(f.memory.resident as i64 - f.memory.active as i64)),
    (Mem, "rss_overhead_ratio", |f| Float(ratio(f.memory.rss, f.memory.resident), 2)),
    (Mem, "rss_overhead_bytes", |f| Int(f.memory.rss as i64 - f.memory.resident as i64)),
    (Mem, "mem_fragmentation_ratio", |f| Float(ratio(f.memory.rss, f.memory.allocated), 2)),
    (Mem, "mem_fragmentation_bytes", |f| Int(f.memory.rss as i64 - f.memory.allocated as i64)),
    (Mem, "mem_not_counted_for_evict", zero),
    (Mem, "mem_replication_backlog", zero),
    (Mem, "mem_total_replication_buffers", zero),
    (Mem, "mem_clients_slaves", zero),
    (Mem, "mem_clients_normal", |f| Count(f.client_bytes)),
    (Mem, "mem_cluster_links", zero),
    (Mem, "mem_aof_buffer", zero),
    (Mem, "mem_allocator", |_| text("jemalloc-5.3.1")),
    (Mem, "active_defrag_running", zero),
    (Mem, "lazyfree_pending_objects", |f| Count(f.server.store.reaper.pending())),
    (Mem, "lazyfreed_objects", |f| Count(f.server.store.reaper.freed())),
    (Persistence, "loading", zero),
    (Persistence, "async_loading", zero),
    (Persistence, "current_cow_peak", zero),
    (Persistence, "current_cow_size", zero),
    (Persistence, "current_cow_size_age", zero),
    (Persistence, "current_fork_perc", |_| Float(0.0, 2)),
    (Persistence, "current_save_keys_processed", zero),
    (Persistence, "current_save_keys_total", zero),
    (Persistence, "rdb_changes_since_last_save", |f| Count(f.server.stats.sum(|w| &w.dirty))),
    (Persistence, "rdb_bgsave_in_progress", zero),
    (Persistence, "rdb_last_save_time", |f| Count(f.server.started_ms / 1000)),
    (Persistence, "rdb_last_bgsave_status", ok),
    (Persistence, "rdb_last_bgsave_time_sec", never),
    (Persistence, "rdb_current_bgsave_time_sec", never),
    (Persistence, "rdb_saves", zero),
    (Persistence, "rdb_last_cow_size", zero),
    (Persistence, "rdb_last_load_keys_expired", zero),
    (Persistence, "rdb_last_load_keys_loaded", zero),
    (Persistence, "aof_enabled", zero),
    (Persistence, "aof_rewrite_in_progress", zero),
    (Persistence, "aof_rewrite_scheduled", zero),
    (Persistence, "aof_last_rewrite_time_sec", never),
    (Persistence, "aof_current_rewrite_time_sec", never),
    (Persistence, "aof_last_bgrewrite_status", ok),
    (Persistence, "aof_rewrites", zero),
    (Persistence, "aof_rewrites_consecutive_failures", zero),
    (Persistence, "aof_last_write_status", ok),
    (Persistence, "aof_last_cow_size", zero),
    (Persistence, "module_fork_in_progress", zero),
    (Persistence, "module_fork_last_cow_size", zero),
    (Stats, "total_connections_received", |f| Count(f.server.clients.accepted.load(Relaxed))),
    (Stats, "total_commands_processed", |f| Count(f.server.stats.sum(|w| &w.processed))),
    (Stats, "instantaneous_ops_per_sec", |f| Count(f.rate(0).round() as u64)),
    (Stats, "total_net_input_bytes", |f| Count(f.server.stats.sum(|w| &w.net_in))),
    (Stats, "total_net_output_bytes", |f| Count(f.server.stats.sum(|w| &w.net_out))),
    (Stats, "total_net_repl_input_bytes", zero),
    (Stats, "total_net_repl_output_bytes", zero),
    (Stats, "instantaneous_input_kbps", |f| Float(f.rate(1) / 1024.0, 2)),
    (Stats, "instantaneous_output_kbps", |f| Float(f.rate(2) / 1024.0, 2)),
    (Stats, "instantaneous_input_repl_kbps", |_| Float(0.0, 2)),
    (Stats, "instantaneous_output_repl_kbps", |_| Float(0.0, 2)),
    (Stats, "rejected_connections", |f| Count(f.server.clients.rejected.load(Relaxed))),
    (Stats, "sync_full", zero),
    (Stats, "sync_partial_ok", zero),
    (Stats, "sync_partial_err", zero),
    (Stats, "expired_keys", |f| Count(f.server.stats.sum(|w| &w.expired))),
    (Stats, "expired_subkeys", |f| Count(f.server.stats.sum(|w| &w.expired_subkeys))),
    (Stats, "expired_stale_perc", |f| Float(f.server.expiry.stale_percent(), 2)),
    (Stats, "expired_time_cap_reached_count", |f| Count(f.server.expiry.capped.load(Relaxed))),
    (Stats, "expire_cycle_cpu_milliseconds", |f| Count(f.server.expiry.ns.load(Relaxed) / 1_000_000)),
    (Stats, "evicted_keys", zero),
    (Stats, "evicted_clients", |f| Count(f.server.clients.evicted.load(Relaxed))),
    (Stats, "total_eviction_exceeded_time", zero),
    (Stats, "current_eviction_exceeded_time", zero),
    (Stats, "keyspace_hits", |f| Count(f.server.stats.sum(|w| &w.hits))),
    (Stats, "keyspace_misses", |f| Count(f.server.stats.sum(|w| &w.misses))),
    (Stats, "pubsub_channels", |f| subscribed(f, Space::Channel)),
    (Stats, "pubsub_patterns", |f| subscribed(f, Space::Pattern)),
    (Stats, "pubsubshard_channels", |f| subscribed(f, Space::Shard)),
    (Stats, "latest_fork_usec", zero),
    (Stats, "total_forks", zero),
    (Stats, "migrate_cached_sockets", zero),
    (Stats, "slave_expires_tracked_keys", zero),
    (Stats, "active_defrag_hits", zero),
    (Stats, "active_defrag_misses", zero),
    (Stats, "active_defrag_key_hits", zero),
    (Stats, "active_defrag_key_misses", zero),
    (Stats, "total_active_defrag_time", zero),
    (Stats, "current_active_defrag_time", zero),
    (Stats, "tracking_total_keys", |f| Count(f.server.tracking.table.keys() as u64)),
    (Stats, "tracking_total_items", |f| Count(f.server.tracking.table.items() as u64)),
    (Stats, "tracking_total_prefixes", |f| Count(f.server.tracking.prefixes() as u64)),
    (Stats, "scripts_on_all_shards", |f| Count(f.server.scripts.wide_runs.load(Relaxed))),
    (Stats, "unexpected_error_replies", zero),
    (Stats, "total_error_replies", |f| Count(f.server.stats.sum(|w| &w.errors))),
    (Stats, "dump_payload_sanitizations", zero),
    (Stats, "total_reads_processed", |f| Count(f.server.stats.sum(|w| &w.reads))),
    (Stats, "total_writes_processed", |f| Count(f.server.stats.sum(|w| &w.writes))),
    (Stats, "io_threaded_reads_processed", zero),
    (Stats, "io_threaded_writes_processed", zero),
    (Stats, "acl_access_denied_auth", |f| Count(f.server.stats.errors().get("WRONGPASS").copied().unwrap_or(0))),
    (Stats, "acl_access_denied_cmd", zero),
    (Stats, "acl_access_denied_key", zero),
    (Stats, "acl_access_denied_channel", zero),
    (Replication, "role", |_| text("master")),
    (Replication, "connected_slaves", zero),
    (Replication, "master_failover_state", |_| text("no-failover")),
    (Replication, "master_replid", |f| text(f.server.repl_id())),
    (Replication, "master_replid2", |_| text("0".repeat(40))),
    (Replication, "master_repl_offset", zero),
    (Replication, "second_repl_offset", never),
    (Replication, "repl_backlog_active", zero),
    (Replication, "repl_backlog_size", |_| Count(1 << 20)),
    (Replication, "repl_backlog_first_byte_offset", zero),
    (Replication, "repl_backlog_histlen", zero),
    (Cpu, "used_cpu_sys", |_| cpu(UsageWho::RUSAGE_SELF, false)),
    (Cpu, "used_cpu_user", |_| cpu(UsageWho::RUSAGE_SELF, true)),
    (Cpu, "used_cpu_sys_children", |_| cpu(UsageWho::RUSAGE_CHILDREN, false)),
    (Cpu, "used_cpu_user_children", |_| cpu(UsageWho::RUSAGE_CHILDREN, true)),
    (Cluster, "cluster_enabled", zero),
    (Shards, "shards_per_database", |f| Count(f.server.store.shard_count() as u64)),
    (Shards, "databases_in_use", |f| Count(f.server.store.used().count() as u64)),
    (Shards, "shard_table_bytes", |f| Count(f.table_bytes)),
    (Shards, "shard_waits", |f| Count(waits(f).0)),
    (Shards, "shard_wait_usec", |f| Count(waits(f).1 / 1000)),
];
