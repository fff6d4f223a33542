//! Scripts: Lua 5.1 and what it is given.
//!
//! [`libs`] are the libraries that every script finds.

pub mod libs;
