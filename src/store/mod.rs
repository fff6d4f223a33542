//! The store: the hash table and the entries that the shards are made of.
pub mod entry;
mod size_class;
pub mod table;
