//! Ostracon.
#![warn(missing_docs)]
pub mod base;
pub mod config;
pub mod resp;
