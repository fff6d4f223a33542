//! temporary
#![allow(missing_docs)]
use std::sync::Arc;
pub struct OutputLimit { pub hard: u64, pub soft: u64, pub soft_seconds: u64 }
pub struct OutputLimits { pub normal: OutputLimit, pub replica: OutputLimit, pub pubsub: OutputLimit }
pub struct Policy; impl Policy { pub fn is_lfu(&self)->bool{false} }
pub struct Settings {
    pub bind: Vec<String>, pub port: u16, pub tcp_backlog: i32, pub unixsocket: String, pub unixsocketperm: u32, pub protected_mode: bool,
    pub tcp_keepalive: u32, pub timeout: u64, pub maxclients: u32, pub requirepass: String, pub proto_max_bulk_len: u64, pub client_query_buffer_limit: u64,
    pub client_output_buffer_limit: OutputLimits, pub workers: usize, pub shards: usize, pub databases: u32, pub hz: u32,
    pub maxmemory_policy: Policy, pub lfu_log_factor: u32, pub lfu_decay_time: u32, pub slowlog_log_slower_than: i64, pub latency_tracking: bool,
    pub active_expire_effort: u32,
}
pub struct Config(Arc<Settings>);
impl Config {
    pub fn current(&self) -> Arc<Settings> { self.0.clone() }
    pub fn generation(&self) -> u64 { 0 }
    pub fn temp(port: u16, workers: usize) -> Self {
        let l = || OutputLimit { hard: 0, soft: 0, soft_seconds: 0 };
        Self(Arc::new(Settings { bind: vec!["127.0.0.1".into(), "-::1".into()], port, tcp_backlog: 511, unixsocket: String::new(), unixsocketperm: 0, protected_mode: true,
        tcp_keepalive: 300, timeout: 0, maxclients: 20000, requirepass: String::new(), proto_max_bulk_len: 512<<20, client_query_buffer_limit: 1<<30,
        client_output_buffer_limit: OutputLimits { normal: l(), replica: l(), pubsub: l() }, workers, shards: 0, databases: 16, hz: 10,
        maxmemory_policy: Policy, lfu_log_factor: 10, lfu_decay_time: 1, slowlog_log_slower_than: 10000, latency_tracking: true, active_expire_effort: 1 }))
    }
}
