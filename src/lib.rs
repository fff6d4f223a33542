//! Ostracon.
#![warn(missing_docs)]
pub mod base;
pub mod resp;
pub mod store;
