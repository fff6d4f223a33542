#![allow(unsafe_code)]
//! Which collections an entry can hold: the one place that names their types.
//!
//! Owns the numbers that stand for a collection's type and encoding in an entry's kind byte, and a table of functions
//! by type, so that an entry can be freed, measured and copied by whoever does not know what it holds. A collection is
//! one owning pointer there ([`Holder`]). Must not know entries, keys or what a collection does.

pub(super) use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::zset::ZSet;
use crate::types::{Collection, TypeTag};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The first kind of a collection; the kinds below are strings'.
const FIRST: u8 = 4;
/// Kinds a type: its encodings.
const ENCODINGS: u8 = 4;
/// The types, in the order of their kinds.
const TAGS: [TypeTag; 5] = [TypeTag::List, TypeTag::Set, TypeTag::ZSet, TypeTag::Hash, TypeTag::Stream];

/// What can be done with a collection of which only kind and pointer are known.
struct Ops {
    free: unsafe fn(u8, NonNull<u8>),
    heap_bytes: unsafe fn(u8, NonNull<u8>) -> usize,
    len: unsafe fn(u8, NonNull<u8>) -> usize,
    encoding: unsafe fn(u8, NonNull<u8>) -> &'static str,
    duplicate: unsafe fn(u8, NonNull<u8>) -> Holder,
}

static OPS: [Ops; 5] = [ops::<List>(0), ops::<Set>(1), ops::<ZSet>(2), ops::<Hash>(3), ops::<Stream>(4)];

/// The functions of a type, which is number `index`.
const fn ops<C: Collection>(index: usize) -> Ops {
    assert!(TAGS[index] as u8 == C::TYPE as u8 && C::ENCODINGS <= ENCODINGS);
    // SAFETY: for all of them, callers pass what `into_raw` gave and own it (or lend it, for all but `free`).
    Ops {
        free: |encoding, p| drop(unsafe { C::from_raw(encoding, p) }),
        heap_bytes: |encoding, p| unsafe { lend::<C>(encoding, p) }.heap_bytes(),
        len: |encoding, p| unsafe { lend::<C>(encoding, p) }.len(),
        encoding: |encoding, p| unsafe { lend::<C>(encoding, p) }.encoding(),
        duplicate: |encoding, p| Holder::new(unsafe { lend::<C>(encoding, p) }.duplicate()),
    }
}

/// A collection that somebody else owns.
///
/// # Safety
/// The two came from [`Collection::into_raw`], and the owner keeps it unchanged for as long as this is used.
#[inline]
pub(super) unsafe fn lend<C: Collection>(encoding: u8, p: NonNull<u8>) -> ManuallyDrop<C> {
    // SAFETY: the caller's promise; it is never dropped, so the owner stays the owner.
    ManuallyDrop::new(unsafe { C::from_raw(encoding, p) })
}

/// The kind of a collection of type `tag` in `encoding`.
#[inline]
pub(super) const fn kind_of(tag: TypeTag, encoding: u8) -> u8 {
    let index = match tag {
        TypeTag::List => 0,
        TypeTag::Set => 1,
        TypeTag::ZSet => 2,
        TypeTag::Hash => 3,
        TypeTag::Stream => 4,
        TypeTag::String => panic!("a string is no collection"),
    };
    FIRST + ENCODINGS * index + encoding
}

/// The number of its type and the encoding of a collection's kind.
#[inline]
const fn split(kind: u8) -> (usize, u8) {
    ((kind - FIRST) as usize / ENCODINGS as usize, (kind - FIRST) % ENCODINGS)
}

/// The type of a kind.
#[inline]
pub(super) const fn tag_of(kind: u8) -> TypeTag {
    if kind < FIRST { TypeTag::String } else { TAGS[split(kind).0] }
}

/// The encoding, if `kind` is one of type `tag`'s.
#[inline]
pub(super) const fn encoding_in(kind: u8, tag: TypeTag) -> Option<u8> {
    let first = kind_of(tag, 0);
    if first <= kind && kind < first + ENCODINGS { Some(kind - first) } else { None }
}

/// A collection as an entry holds it: kind and owning pointer.
pub(super) struct Holder {
    pub(super) kind: u8,
    pub(super) pointer: NonNull<u8>,
}

impl Holder {
    /// Takes a collection in.
    #[inline]
    pub(super) fn new<C: Collection>(value: C) -> Self {
        let (encoding, pointer) = value.into_raw();
        debug_assert!(encoding < C::ENCODINGS);
        Self { kind: kind_of(C::TYPE, encoding), pointer }
    }

    /// What an entry holds, seen as a holder that is never dropped.
    ///
    /// # Safety
    /// The two are a [`Holder`]'s, whose owner keeps the collection unchanged for as long as this is used.
    pub(super) unsafe fn lent(kind: u8, pointer: NonNull<u8>) -> ManuallyDrop<Self> {
        ManuallyDrop::new(Self { kind, pointer })
    }

    fn of<R>(&self, f: impl FnOnce(&Ops, u8, NonNull<u8>) -> R) -> R {
        let (index, encoding) = split(self.kind);
        f(&OPS[index], encoding, self.pointer)
    }

    /// [`Collection::heap_bytes`]. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        // SAFETY: the holder owns the collection, or its owner keeps it.
        self.of(|ops, encoding, p| unsafe { (ops.heap_bytes)(encoding, p) })
    }

    /// [`Collection::len`]. O(1).
    pub(super) fn len(&self) -> usize {
        // SAFETY: as above.
        self.of(|ops, encoding, p| unsafe { (ops.len)(encoding, p) })
    }

    /// [`Collection::encoding`].
    pub(super) fn encoding(&self) -> &'static str {
        // SAFETY: as above.
        self.of(|ops, encoding, p| unsafe { (ops.encoding)(encoding, p) })
    }

    /// [`Collection::duplicate`]. O(elements).
    pub(super) fn duplicate(&self) -> Holder {
        // SAFETY: as above.
        self.of(|ops, encoding, p| unsafe { (ops.duplicate)(encoding, p) })
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // SAFETY: the holder owns the collection and ends here.
        self.of(|ops, encoding, p| unsafe { (ops.free)(encoding, p) });
    }
}
