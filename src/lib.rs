//! Ostracon.
#![warn(missing_docs)]
pub mod base;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod logging;
pub mod resp;
pub mod server;
pub mod spec;
pub mod stats;
pub mod store;
pub mod types;
