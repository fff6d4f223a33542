//! The values and what they mean: pure operations on bytes and structures.
//!
//! A function here takes a value and gives back an answer or a changed value. Nothing here knows of a key, a lock, the
//! time, the wire, or an error text; WRONGTYPE, the parsing of arguments and the shape of replies are the commands'.
//! That keeps each rule testable against a reference server without a store, and usable from replication and scripts.

pub mod bitfield;
pub mod bitmap;
mod block;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod lcs;
pub mod list;
pub mod packed;
pub mod set;
pub mod sort;
pub mod stream;
pub mod string;
pub mod zset;

use std::ptr::NonNull;

/// What a value is to TYPE and to WRONGTYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeTag {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    ZSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl TypeTag {
    /// The name that TYPE answers.
    pub const fn name(self) -> &'static str {
        match self {
            TypeTag::String => "string",
            TypeTag::List => "list",
            TypeTag::Set => "set",
            TypeTag::ZSet => "zset",
            TypeTag::Hash => "hash",
            TypeTag::Stream => "stream",
        }
    }
}

/// A value that lives behind one owning pointer, so that a key's entry holds it in 8 bytes: which of its encodings the
/// pointer leads to is kept in the entry's kind byte. Collections are enums whose every variant is such a pointer.
///
/// # Safety
/// `from_raw(into_raw(v))` is `v`; encodings are below [`Collection::ENCODINGS`].
#[allow(unsafe_code)]
pub unsafe trait Collection: Default + Send + Sync + 'static {
    /// Its type.
    const TYPE: TypeTag;
    /// Number of encodings, at most 4.
    const ENCODINGS: u8;

    /// Gives up ownership: the encoding and the pointer.
    fn into_raw(self) -> (u8, NonNull<u8>);

    /// Takes ownership back.
    ///
    /// # Safety
    /// The two came from [`Collection::into_raw`] and nobody else owns them. To lend the value without owning it, wrap
    /// it in `ManuallyDrop`; then it must not be changed.
    unsafe fn from_raw(encoding: u8, p: NonNull<u8>) -> Self;

    /// Elements. O(1).
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the allocator has given for it, all told. O(1).
    fn heap_bytes(&self) -> usize;

    /// What OBJECT ENCODING answers.
    fn encoding(&self) -> &'static str;

    /// A copy that shares nothing. O(elements).
    fn duplicate(&self) -> Self;
}
