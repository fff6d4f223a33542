//! The network: listeners, workers, connections, shutdown.
//!
//! Owns threads and sockets. The main thread's runtime accepts connections, hears signals and drives the periodic work;
//! each worker thread (`pool.rs`) runs its own epoll loop (`worker.rs`) and serves the connections that are dealt to it
//! (`connection.rs`), which stay there. Workers share the store and nothing else. It must not know commands.
//!
//! **Slow client**: see `connection.rs`. **Shutdown**: listeners close, workers are told to drain (replies that wait are
//! written for at most a second), threads are joined, exit code 0.

mod backlog;
mod connection;
mod listen;
mod pool;
mod serve;
mod slab;
mod socket;
mod timers;
mod worker;

pub use serve::serve;
