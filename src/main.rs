//! The server's binary.
use std::sync::Arc;
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
