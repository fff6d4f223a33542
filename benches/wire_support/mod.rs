//! The parts of the wire bench: what is asked of a server, the process that asks it, the machine it is asked on, and
//! the report. Nothing here knows the server's insides: it sees a binary, a port and a process id.

pub mod cell;
pub mod cli;
pub mod histogram;
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
