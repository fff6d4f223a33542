//! The values and what they mean: pure operations on bytes and structures.
//!
//! A function here takes a value and gives back an answer or a changed value. Nothing here knows of a key, a lock, the
//! time, the wire, or an error text; WRONGTYPE, the parsing of arguments and the shape of replies are the commands'.
//! That keeps each rule testable against a reference server without a store, and usable from replication and scripts.

pub mod bitfield;
pub mod bitmap;
pub mod lcs;
pub mod string;
