//! The parts of the contention bench: the ways of sharing a map, the workload they all get, the same over a wire, and
//! the plot.

pub mod plot;
pub mod ways;
pub mod wire;
pub mod workload;

/// Anything that ends a bench run; only ever printed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step of the bench.
pub type Result<T> = std::result::Result<T, Error>;
