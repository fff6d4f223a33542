//! The parts of the benches that start servers: what is asked of a server, the process that asks it, the machine it is
//! asked on, and the report of the wire bench. Nothing here knows the server's insides: it sees a binary, a port and a process id.

pub mod cell;
pub mod cli;
pub mod freeing;
pub mod histogram;
pub mod lines;
pub mod load;
pub mod machine;
pub mod memory;
pub mod report;
pub mod requests;
pub mod rival;
pub mod scenario;

/// Anything that ends a bench run; only ever printed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step of the bench.
pub type Result<T> = std::result::Result<T, Error>;
