//! The ground floor: clock, numbers, glob, random bits, hashing, the hash table, allocator size classes.
//!
//! Pure helpers over bytes and integers that every other layer may use. Nothing here knows of keys, values, commands,
//! the wire or a lock, and nothing here imports another module of ours. It owns two facts that must have one owner
//! each: what time it is ([`clock`]) and how text becomes a number and back ([`num`]), because clients match on both.

pub mod clock;
pub mod glob;
pub mod hash;
pub mod num;
pub mod pace;
pub mod rng;
pub mod segmented;
pub mod size_class;
pub mod table;

#[cfg(test)]
pub(crate) mod oracle;
