//! Ostracon.
#![warn(missing_docs)]
pub mod base;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod exec;
pub mod logging;
pub mod net;
pub mod resp;
pub mod server;
pub mod spec;
pub mod stats;
pub mod store;
pub mod types;
