//! Sorted sets.
mod member;
mod tree;
