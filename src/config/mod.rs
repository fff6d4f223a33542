//! Configuration: one table of directives, and all that is derived from it.
//!
//! `table` holds the rows, `directive` what a row is, `rows` its builders, `settings` the typed values, `special` the odd grammars,
//! `file` the file format, `rewrite` its inverse, and `shared` the settings of a running server. Knows no handler,
//! store or socket: what must happen after a change is an [`Effect`] that the server carries out.

mod directive;
mod file;
pub mod notify;
pub mod quote;
mod rewrite;
mod rows;
mod settings;
mod shared;
mod special;
mod table;

pub use directive::{Directive, Effect, Kind, Mutability};
pub use file::{LoadError, Loaded, Loader};
pub use rewrite::rewritten;
pub use settings::{
    Access, Amount, LogFormat, LogLevel, MaxmemoryPolicy, OomScoreAdj, OutputLimit, OutputLimits, STRING_MAX,
    SavePoint, Settings, Supervised, Values,
};
pub use shared::{Config, RewriteError, SetError};
pub use table::{DIRECTIVES, find};

/// The version of Redis whose behaviour the server has; clients and tools decide by it.
pub const REDIS_VERSION: &str = "7.2.4";

#[cfg(test)]
mod tests;
