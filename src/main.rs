//! The server's binary: reads what it was asked to do, becomes the process it was asked to be, and serves.
//!
//! Owns the order of a start, for each step wants the one before it: command line and configuration; daemon (before
//! any thread); working directory; log; pid file; open files; then [`net::serve`] until somebody ends it.

use ostracon::base::clock::Clock;
use ostracon::cli::{self, BannerFacts, Command, Sources};
use ostracon::config::{Config, Loaded, Settings};
use ostracon::daemon::{self, PidFile};
use ostracon::server::{Server, VERSION};
use ostracon::{logging, net};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Exact statistics, MEMORY PURGE and fragmentation figures; level with mimalloc in speed.
#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let opt = |n: &str, d: usize| a.iter().position(|x| x == n).map_or(d, |i| a[i + 1].parse().unwrap_or(d));
    let mut s = ostracon::config::Settings::default();
    s.port = opt("--port", 6379) as u16;
    s.workers = opt("--workers", 2);
    let config = ostracon::config::Config::new(s, None);
    let workers = config.current().workers;
    let server = Arc::new(ostracon::server::Server::new(config, ostracon::base::clock::Clock::new(), workers));
    let pool = Arc::new(ostracon::net::Pool::start(&server).expect("pool"));
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("rt");
    rt.block_on(async {
        let _l = ostracon::net::Listeners::open(&server.config.current(), &server, &pool).expect("listen");
        tokio::spawn(ostracon::net::run_cron(Arc::clone(&server)));
        let _ = tokio::signal::ctrl_c().await;
    });
}
