//! The network: listeners, workers, connections, shutdown.
//!
//! Owns threads and sockets. The main thread's runtime accepts connections, hears signals and drives the periodic work;
//! each worker thread has its own `current_thread` runtime and serves the connections that are dealt to it, each as one
//! local task that stays there. Workers share the store and nothing else. It must not know commands.
//!
//! **Slow client**: see `connection.rs`. **Shutdown**: listeners close, workers are told to drain (replies that wait are
//! written for at most a second), threads are joined, exit code 0.

mod connection;
mod listen;
mod serve;
mod worker;

pub use serve::serve;
