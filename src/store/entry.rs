#![allow(unsafe_code)]
//! An entry: a key with its value in one heap block, behind a thin owning pointer.
//!
//! ```text
//! 0        4        8            8 or 16
//! | meta   | klen   | expire_at? | payload                          | key | value? |
//!   24 bits access clock           Int     i64
//!   8 bits kind                    Inline  u32, the value's length           value
//!                                  Shared  Bytes, its capacity
//!                                  Collection  its owning pointer
//! ```
//!
//! `expire_at` (Unix time in ms) is there only if the kind's `EXPIRES` bit is set.  A key of 16
//! bytes with a value of 32 takes 60 bytes, which the allocator serves from its class of 64.
//!
//! Blocks are always requested in whole size classes.  So two shapes of one class have the same
//! `Layout`, and a change of value, expiry or key that stays in the class happens in place.
//!
//! The low six bits of the kind byte name the payload.  0 to 2 are strings; from 4 on there are
//! four kinds a type of collection, one an encoding (`store/kinds.rs`), all with the same payload.
//! What moves or renames an entry moves its payload as plain bytes.
//!
//! This module must not know the table, the time, or what a command does with a value.

mod collection;

use std::alloc::{self, Layout};
use std::mem::{self, ManuallyDrop};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};

use super::kinds::{Holder, tag_of};
use crate::base::size_class::good_size;
use crate::base::table::{Thin, Word};
pub use crate::types::TypeTag;
pub use collection::Lent;

/// The longest value, in bytes, that lives in the entry's own block.  Replying with an inline
/// value copies it under the shard's lock, with a longer one only counts a reference; but that
/// costs a second block, two atomic operations on a cold line and a segment of the vectored
/// write.  Copying 2 KiB costs about as much, and it also bounds what an edit in place copies.
pub const INLINE_MAX: usize = 2048;
/// The longest key, in bytes.
pub const KEY_MAX: usize = u32::MAX as usize;

const META: usize = 0;
const KLEN: usize = 4;
const HEADER: usize = 8;
/// The alignment of a block and of its 8-byte fields.
const ALIGN: usize = 8;

/// Bit of the kind byte: there is an expiry time.
const EXPIRES: u8 = 0x80;
/// Bit of the kind byte: OBJECT ENCODING says `raw`.
const RAW: u8 = 0x40;
/// The bits of the kind byte that hold a [`Kind`].
const KIND: u8 = 0x3f;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A string that is the decimal form of an integer.
    Int = 0,
    /// A string in the entry's block.
    Inline = 1,
    /// A string longer than [`INLINE_MAX`], reference counted.
    Shared = 2,
    /// A collection; which one and how it is encoded is in the rest of the kind byte.
    Collection = 4,
}

impl Kind {
    fn of(bits: u8) -> Kind {
        match bits & KIND {
            0 => Kind::Int,
            1 => Kind::Inline,
            2 => Kind::Shared,
            _ => Kind::Collection,
        }
    }
}

/// A string to be stored.
#[derive(Clone, Debug)]
pub enum NewStr<'a> {
    /// An integer, stored as such.
    Int(i64),
    /// Bytes to be copied.
    Slice(&'a [u8]),
    /// Bytes to be kept, or copied if they are no longer than [`INLINE_MAX`], so that a short
    /// value does not pin the buffer it was cut from.
    Shared(Bytes),
}

/// A stored string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrRef<'a> {
    /// An integer.
    Int(i64),
    /// A string of at most [`INLINE_MAX`] bytes.
    Inline(&'a [u8]),
    /// A longer one, which a reply may share.
    Shared(&'a Bytes),
}

/// The payload of [`Kind::Shared`].
#[repr(C)]
struct SharedStr {
    bytes: Bytes,
    /// Bytes allocated behind `bytes`, which it does not tell.
    capacity: usize,
}

/// A value on its way into a block.
enum Value<'a> {
    Int(i64),
    Inline(&'a [u8]),
    Shared(SharedStr),
    Collection(Holder),
}

/// What a payload owned, taken out of it.
enum Owned {
    Nothing,
    Shared(SharedStr),
    Collection(#[expect(dead_code, reason = "only to be dropped")] Holder),
}

impl<'a> Value<'a> {
    fn new(v: &'a mut NewStr<'_>) -> Self {
        match v {
            NewStr::Int(n) => Value::Int(*n),
            NewStr::Slice(s) if s.len() <= INLINE_MAX => Value::Inline(s),
            NewStr::Slice(s) => Value::shared(Bytes::copy_from_slice(s), s.len()),
            NewStr::Shared(b) => match b.len() {
                0..=INLINE_MAX => Value::Inline(b),
                capacity => Value::shared(mem::take(b), capacity),
            },
        }
    }

    fn shared(bytes: Bytes, capacity: usize) -> Self {
        Value::Shared(SharedStr { bytes, capacity })
    }

    fn shape(&self, klen: usize, flags: u8) -> Shape {
        let (kind, vlen) = match self {
            Value::Int(_) => (Kind::Int as u8, 0),
            Value::Inline(s) => (Kind::Inline as u8, s.len()),
            Value::Shared(_) => (Kind::Shared as u8, 0),
            Value::Collection(holder) => (holder.kind, 0),
        };
        Shape { bits: kind | flags, klen, vlen }
    }
}

/// What determines where the fields of a block are.
#[derive(Clone, Copy)]
struct Shape {
    /// The kind byte.
    bits: u8,
    klen: usize,
    /// The length of the inline value, or 0.
    vlen: usize,
}

impl Shape {
    /// Where the payload starts.
    #[inline]
    fn payload_at(self) -> usize {
        HEADER + if self.bits & EXPIRES == 0 { 0 } else { 8 }
    }

    #[inline]
    fn payload_len(self) -> usize {
        match Kind::of(self.bits) {
            Kind::Int => size_of::<i64>(),
            Kind::Inline => size_of::<u32>(),
            Kind::Shared => size_of::<SharedStr>(),
            Kind::Collection => size_of::<NonNull<u8>>(),
        }
    }

    #[inline]
    fn key_at(self) -> usize {
        self.payload_at() + self.payload_len()
    }

    #[inline]
    fn value_at(self) -> usize {
        self.key_at() + self.klen
    }

    /// Bytes in use.
    #[inline]
    fn size(self) -> usize {
        self.value_at() + self.vlen
    }

    /// The block: `size`, rounded up to a size class.
    #[inline]
    fn layout(self) -> Layout {
        Layout::from_size_align(good_size(self.size()), ALIGN)
            .expect("a key has at most 2^32 bytes and an inline value less")
    }
}

/// A key and its value: an owning pointer to one block.
#[repr(transparent)]
pub struct Entry(Word);

// SAFETY: the block is owned; `Bytes` and every `Collection` are `Send`.
unsafe impl Send for Entry {}
// SAFETY: `&Entry` gives `&[u8]`, `&Bytes`, collections, which are `Sync`, and the access clock, which is atomic.
unsafe impl Sync for Entry {}

// SAFETY: transparent over `Word`, whose `get` ignores the spare bits; the key lies in the block,
// which only `&mut Entry` and `Entry` change.
unsafe impl Thin for Entry {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).block()
    }

    #[inline]
    unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Entry(Word::new(p))
    }

    #[inline]
    fn key(&self) -> &[u8] {
        Entry::key(self)
    }
}

impl Entry {
    /// An entry with the given key, value, expiry (Unix time, ms) and access clock (the low 24
    /// bits).
    ///
    /// # Panics
    /// If the key is longer than `KEY_MAX`.
    pub fn new(key: &[u8], mut v: NewStr<'_>, expire_at: Option<u64>, access: u32) -> Entry {
        let v = Value::new(&mut v);
        let flags = if expire_at.is_some() { EXPIRES } else { 0 };
        Entry::build(key, v, flags, expire_at.unwrap_or(0), access)
    }

    fn build(key: &[u8], v: Value<'_>, flags: u8, expire_at: u64, access: u32) -> Entry {
        let shape = v.shape(key.len(), flags);
        let mut e = Entry::allocate(shape);
        // SAFETY: the block has the shape's layout, and all fields of the shape are written.
        unsafe {
            e.put(META, access << 8 | u32::from(shape.bits));
            e.put(KLEN, klen32(key.len()));
            if flags & EXPIRES != 0 {
                e.put(HEADER, expire_at);
            }
            e.put_value(shape, v);
            e.put_slice(shape.key_at(), key);
        }
        // Dropping it is right from here on.
        ManuallyDrop::into_inner(e)
    }

    /// A block for a shape, with nothing in it yet.
    fn allocate(shape: Shape) -> ManuallyDrop<Entry> {
        let layout = shape.layout();
        // SAFETY: a block is never of size 0.
        let p = unsafe { alloc::alloc(layout) };
        match NonNull::new(p) {
            Some(p) => ManuallyDrop::new(Entry(Word::new(p))),
            None => alloc::handle_alloc_error(layout),
        }
    }

    /// Frees the block of an entry whose payload is somebody else's by now.
    ///
    /// # Safety
    /// `shape` is the entry's.
    unsafe fn free(this: ManuallyDrop<Entry>, shape: Shape) {
        // SAFETY: all blocks are allocated with their shape's layout.
        unsafe { alloc::dealloc(this.block().as_ptr(), shape.layout()) }
    }

    #[inline]
    fn block(&self) -> NonNull<u8> {
        self.0.get()
    }

    /// A pointer to byte `at` of the block.
    ///
    /// # Safety
    /// `at` lies in the block.
    #[inline]
    unsafe fn field(&self, at: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.block().as_ptr().add(at) }
    }

    /// Reads the field at `at`.
    ///
    /// # Safety
    /// There is a `T` at `at`.
    #[inline]
    unsafe fn get<T: Copy>(&self, at: usize) -> T {
        // SAFETY: the caller's promise; fields are aligned, blocks to `ALIGN`.
        unsafe { self.field(at).cast::<T>().read() }
    }

    /// Writes the field at `at`, without dropping what was there.
    ///
    /// # Safety
    /// The block reaches that far, and `at` is a multiple of `T`'s alignment.
    #[inline]
    unsafe fn put<T>(&mut self, at: usize, v: T) {
        // SAFETY: the caller's promise.
        unsafe { self.field(at).cast::<T>().write(v) }
    }

    /// Writes bytes.
    ///
    /// # Safety
    /// The block reaches that far.
    #[inline]
    unsafe fn put_slice(&mut self, at: usize, s: &[u8]) {
        // SAFETY: the caller's promise; `s` cannot lie in this block, which is borrowed `mut`.
        unsafe { ptr::copy_nonoverlapping(s.as_ptr(), self.field(at), s.len()) }
    }

    /// Writes payload and value, without dropping what was there.
    ///
    /// # Safety
    /// The block has the layout of `shape`, which is the value's.
    #[inline]
    unsafe fn put_value(&mut self, shape: Shape, v: Value<'_>) {
        // SAFETY: the caller's promise; the payload's place is a multiple of 8.
        unsafe {
            match v {
                Value::Int(n) => self.put(shape.payload_at(), n),
                Value::Inline(s) => {
                    self.put(shape.payload_at(), s.len() as u32);
                    self.put_slice(shape.value_at(), s);
                }
                Value::Shared(s) => self.put(shape.payload_at(), s),
                Value::Collection(holder) => self.put(shape.payload_at(), ManuallyDrop::new(holder).pointer),
            }
        }
    }

    /// Moves `len` bytes within the block, which may overlap.
    ///
    /// # Safety
    /// Both ranges lie in the block.
    #[inline]
    unsafe fn shift(&mut self, from: usize, to: usize, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { ptr::copy(self.field(from), self.field(to), len) }
    }

    /// Copies the `len` bytes at `from` of another block to `to` of this one.
    ///
    /// # Safety
    /// Both ranges lie in their blocks.
    #[inline]
    unsafe fn copy_from(&mut self, to: usize, other: &Entry, from: usize, len: usize) {
        // SAFETY: the caller's promise; two entries have two blocks.
        unsafe { ptr::copy_nonoverlapping(other.field(from), self.field(to), len) }
    }

    #[inline]
    fn meta(&self) -> &AtomicU32 {
        // SAFETY: the word is in every block, is aligned, and is only ever accessed atomically
        // or through an exclusive reference.
        unsafe { AtomicU32::from_ptr(self.field(META).cast()) }
    }

    #[inline]
    fn bits(&self) -> u8 {
        self.meta().load(Relaxed) as u8
    }

    fn set_bits(&mut self, bits: u8) {
        let meta = self.meta().load(Relaxed);
        self.meta().store(meta & !0xff | u32::from(bits), Relaxed);
    }

    #[inline]
    fn klen(&self) -> usize {
        // SAFETY: every block has the field.
        unsafe { self.get::<u32>(KLEN) as usize }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let mut shape = Shape { bits: self.bits(), klen: self.klen(), vlen: 0 };
        if self.kind() == Kind::Inline {
            // SAFETY: an inline value's payload is its length.
            shape.vlen = unsafe { self.get::<u32>(shape.payload_at()) as usize };
        }
        shape
    }

    #[inline]
    fn slice(&self, at: usize, len: usize) -> &[u8] {
        debug_assert!(at + len <= self.shape().layout().size());
        // SAFETY: private, and called with the places of key and value alone, which lie in the
        // block and are initialised.
        unsafe { std::slice::from_raw_parts(self.field(at), len) }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = Shape { bits: self.bits(), klen: self.klen(), vlen: 0 };
        self.slice(shape.key_at(), shape.klen)
    }

    /// The value, if it is a string.
    #[inline]
    pub fn str(&self) -> Option<StrRef<'_>> {
        let shape = self.shape();
        // SAFETY: the payload is that of the kind.
        unsafe {
            match Kind::of(shape.bits) {
                Kind::Int => Some(StrRef::Int(self.get(shape.payload_at()))),
                Kind::Inline => Some(StrRef::Inline(self.slice(shape.value_at(), shape.vlen))),
                Kind::Shared => Some(StrRef::Shared(&(*self.shared_at(shape)).bytes)),
                Kind::Collection => None,
            }
        }
    }

    /// Where the payload of a `Shared` is.
    fn shared_at(&self, shape: Shape) -> *mut SharedStr {
        // SAFETY: every block reaches as far as its payload.
        unsafe { self.field(shape.payload_at()).cast() }
    }

    /// How the value is stored.
    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::of(self.bits())
    }

    /// The value's type.
    #[inline]
    pub fn type_tag(&self) -> TypeTag {
        tag_of(self.bits() & KIND)
    }

    /// When the key expires: Unix time in ms.
    #[inline]
    pub fn expire_at(&self) -> Option<u64> {
        // SAFETY: the field is there if the bit is set.
        (self.bits() & EXPIRES != 0).then(|| unsafe { self.get(HEADER) })
    }

    /// Whether a command has edited the string since it was written as a whole (APPEND,
    /// SETRANGE, SETBIT): then OBJECT ENCODING is `raw`, however short it is.
    pub fn is_raw(&self) -> bool {
        self.bits() & RAW != 0
    }

    /// Sets what [`Entry::is_raw`] says, until the value is overwritten as a whole.
    pub fn set_raw(&mut self, raw: bool) {
        let bits = self.bits();
        self.set_bits(if raw { bits | RAW } else { bits & !RAW });
    }

    /// The access clock (24 bits), whose meaning the eviction policy knows.
    #[inline]
    pub fn access(&self) -> u32 {
        self.meta().load(Relaxed) >> 8
    }

    /// Sets the access clock to the low 24 bits of `access`.
    #[inline]
    pub fn set_access(&self, access: u32) {
        let meta = self.meta();
        meta.store(access << 8 | meta.load(Relaxed) & 0xff, Relaxed);
    }

    /// Bytes that the allocator has given for this entry: its block, and what lies outside it.  A
    /// `Shared` value counts as its own, though replies or copies may hold it too; a collection with all that it
    /// owns.  O(1).
    pub fn alloc_bytes(&self) -> usize {
        let shape = self.shape();
        let outside = match Kind::of(shape.bits) {
            Kind::Int | Kind::Inline => 0,
            // SAFETY: the payload is that of the kind.  32: the reference count beside the bytes.
            Kind::Shared => unsafe { good_size((*self.shared_at(shape)).capacity) + 32 },
            Kind::Collection => self.holder().map_or(0, |holder| holder.heap_bytes()),
        };
        shape.layout().size() + outside
    }

    /// Takes what the payload owns and leaves an entry of the same layout that may be dropped or freed.
    #[inline]
    fn take_payload(&mut self) -> Owned {
        let shape = self.shape();
        match Kind::of(shape.bits) {
            Kind::Int | Kind::Inline => Owned::Nothing,
            // SAFETY: the payload is that of the kind, and is replaced by another.
            Kind::Shared => {
                Owned::Shared(unsafe { self.shared_at(shape).replace(SharedStr { bytes: Bytes::new(), capacity: 0 }) })
            }
            Kind::Collection => {
                // Its eight bytes are an integer from here on.
                self.set_bits(shape.bits & !KIND | Kind::Int as u8);
                // SAFETY: the payload is that of the kind, and is the holder's alone from here on.
                let holder = unsafe { Holder::lent(shape.bits & KIND, self.get(shape.payload_at())) };
                Owned::Collection(ManuallyDrop::into_inner(holder))
            }
        }
    }

    /// The entry with another value; key, expiry and access clock stay, `raw` is cleared.  In
    /// place if the new block would be of the same size class.
    pub fn set_value(self, mut v: NewStr<'_>) -> Entry {
        self.store(Value::new(&mut v))
    }

    fn store(mut self, v: Value<'_>) -> Entry {
        let old = self.shape();
        let new = v.shape(old.klen, old.bits & EXPIRES);
        if old.layout() != new.layout() {
            let at = self.expire_at().unwrap_or(0);
            return Entry::build(self.key(), v, old.bits & EXPIRES, at, self.access());
        }
        // Dropped last: what a `Bytes` does then is foreign code.
        let _old = self.take_payload();
        // SAFETY: both shapes have the block's layout; the old value is no longer needed when
        // the key moves, nor the old payload, which has been taken.
        unsafe {
            self.shift(old.key_at(), new.key_at(), old.klen);
            self.put_value(new, v);
        }
        self.set_bits(new.bits);
        self
    }

    /// The entry with another expiry (Unix time, ms) or none.  In place if the size class allows.
    pub fn set_expire(mut self, expire_at: Option<u64>) -> Entry {
        let old = self.shape();
        let flag = if expire_at.is_some() { EXPIRES } else { 0 };
        let new = Shape { bits: old.bits & !EXPIRES | flag, ..old };
        let body = old.size() - old.payload_at();
        if old.layout() == new.layout() {
            // SAFETY: payload, key and value fit at either place in the block.
            unsafe { self.shift(old.payload_at(), new.payload_at(), body) };
        } else {
            let mut moved = Entry::allocate(new);
            let this = ManuallyDrop::new(self);
            // SAFETY: header and body are copied bit by bit, and the old block is freed without
            // dropping its payload.
            unsafe {
                moved.copy_from(0, &this, 0, HEADER);
                moved.copy_from(new.payload_at(), &this, old.payload_at(), body);
                Entry::free(this, old);
            }
            self = ManuallyDrop::into_inner(moved);
        }
        if let Some(at) = expire_at {
            // SAFETY: the block has room for the field between header and payload.
            unsafe { self.put(HEADER, at) };
        }
        self.set_bits(new.bits);
        self
    }

    /// The entry under another key.  In place if the size class allows.
    ///
    /// # Panics
    /// If the key is longer than `KEY_MAX`.
    pub fn set_key(mut self, key: &[u8]) -> Entry {
        let klen = klen32(key.len());
        let old = self.shape();
        let new = Shape { klen: key.len(), ..old };
        if old.layout() == new.layout() {
            // SAFETY: the value fits at either place; the old key is not needed any more.
            unsafe { self.shift(old.value_at(), new.value_at(), old.vlen) };
        } else {
            let mut moved = Entry::allocate(new);
            let this = ManuallyDrop::new(self);
            // SAFETY: header, payload and value are copied bit by bit, and the old block is
            // freed without dropping its payload.
            unsafe {
                moved.copy_from(0, &this, 0, old.key_at());
                moved.copy_from(new.value_at(), &this, old.value_at(), old.vlen);
                Entry::free(this, old);
            }
            self = ManuallyDrop::into_inner(moved);
        }
        // SAFETY: the block has the new shape's layout.
        unsafe {
            self.put(KLEN, klen);
            self.put_slice(new.key_at(), key);
        }
        self
    }

    /// Gives `f` the string's text (that of a collection is empty: the caller asks for the type first) in a growable
    /// buffer and stores what it leaves there; the entry is `raw` afterwards.  A `Shared` string that nobody else holds is edited where it
    /// is, so a loop of appends costs amortised O(1) a byte; others are copied first.  If `f`
    /// panics the entry is lost.
    pub fn edit_bytes<R>(mut self, f: impl FnOnce(&mut BytesMut) -> R) -> (Entry, R) {
        let mut buffer = match self.take_payload() {
            Owned::Shared(s) => s.bytes.try_into_mut().unwrap_or_else(|held| BytesMut::from(&held[..])),
            Owned::Nothing => self.short_text(),
            Owned::Collection(_) => BytesMut::new(),
        };
        let r = f(&mut buffer);
        let mut e = if buffer.len() <= INLINE_MAX {
            self.store(Value::Inline(&buffer))
        } else {
            let capacity = buffer.capacity();
            self.store(Value::shared(buffer.freeze(), capacity))
        };
        e.set_raw(true);
        (e, r)
    }

    /// The text of an `Int` or `Inline`, with room for a short edit.
    fn short_text(&self) -> BytesMut {
        let mut digits = itoa::Buffer::new();
        let text = match self.str() {
            Some(StrRef::Int(n)) => digits.format(n).as_bytes(),
            Some(StrRef::Inline(s)) => s,
            Some(StrRef::Shared(s)) => s,
            None => b"",
        };
        let mut buffer = BytesMut::with_capacity(text.len() + 64);
        buffer.extend_from_slice(text);
        buffer
    }

    /// A copy under another key, with the same expiry and access clock.  A `Shared` value is
    /// shared: it is immutable, and an edit of either entry copies it first.  A collection is
    /// copied: O(elements).
    ///
    /// # Panics
    /// If the key is longer than `KEY_MAX`.
    pub fn deep_clone(&self, new_key: &[u8]) -> Entry {
        let shape = self.shape();
        let v = match (self.str(), self.holder()) {
            (Some(StrRef::Int(n)), _) => Value::Int(n),
            (Some(StrRef::Inline(s)), _) => Value::Inline(s),
            // SAFETY: the payload is that of the kind.
            (Some(StrRef::Shared(b)), _) => unsafe { Value::shared(b.clone(), (*self.shared_at(shape)).capacity) },
            (None, Some(holder)) => Value::Collection(holder.duplicate()),
            (None, None) => unreachable!("a value is a string or a collection"),
        };
        let expire_at = self.expire_at().unwrap_or(0);
        Entry::build(new_key, v, shape.bits & (EXPIRES | RAW), expire_at, self.access())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shape = self.shape();
        let payload = self.take_payload();
        // SAFETY: allocated with the shape's layout, and not used again.  The block is freed
        // before the payload is dropped, so that a panic there leaks nothing.
        unsafe { alloc::dealloc(self.block().as_ptr(), shape.layout()) };
        drop(payload);
    }
}

/// A key's length as the block stores it.
fn klen32(len: usize) -> u32 {
    assert!(len <= KEY_MAX, "a key of more than 2^32 bytes");
    len as u32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::base::table::Table;

    /// What an entry must say it is.
    #[derive(Clone, Debug, PartialEq)]
    struct Model {
        key: Vec<u8>,
        text: Vec<u8>,
        int: bool,
        expire_at: Option<u64>,
        access: u32,
        raw: bool,
    }

    fn text(e: &Entry) -> Vec<u8> {
        match e.str().unwrap() {
            StrRef::Int(n) => n.to_string().into_bytes(),
            StrRef::Inline(s) => s.to_vec(),
            StrRef::Shared(b) => b.to_vec(),
        }
    }

    fn compare(e: &Entry, m: &Model) {
        assert_eq!(e.key(), m.key);
        assert_eq!(text(e), m.text);
        assert_eq!((e.expire_at(), e.access(), e.is_raw()), (m.expire_at, m.access, m.raw));
        let kind = match m.text.len() {
            _ if m.int => Kind::Int,
            0..=INLINE_MAX => Kind::Inline,
            _ => Kind::Shared,
        };
        assert_eq!((e.kind(), e.type_tag()), (kind, TypeTag::String));
        let least = 8 + m.key.len() + if m.int { 8 } else { m.text.len() };
        assert!(e.alloc_bytes() >= least);
    }

    fn random_bytes(r: &mut impl FnMut(usize) -> usize, lengths: &[usize]) -> Vec<u8> {
        let n = lengths[r(lengths.len())] + r(4);
        let first = r(256);
        (0..n).map(|i| (i + first) as u8).collect()
    }

    /// Stores a random string of a random form.
    fn set_random(e: Entry, m: &mut Model, r: &mut impl FnMut(usize) -> usize) -> Entry {
        const VALUES: [usize; 9] = [0, 1, 4, 30, 60, 200, INLINE_MAX - 3, INLINE_MAX + 1, 9000];
        m.raw = false;
        m.int = r(4) == 0;
        if m.int {
            let n = r(usize::MAX) as i64;
            m.text = n.to_string().into_bytes();
            return e.set_value(NewStr::Int(n));
        }
        m.text = random_bytes(r, &VALUES);
        e.set_value(match r(2) {
            0 => NewStr::Shared(Bytes::from(m.text.clone())),
            _ => NewStr::Slice(&m.text),
        })
    }

    /// Another entry that went through one random change, and the model with it.
    fn change(e: Entry, m: &mut Model, r: &mut impl FnMut(usize) -> usize) -> Entry {
        const KEYS: [usize; 7] = [0, 1, 7, 16, 40, 300, 70_000];
        match r(8) {
            0 => set_random(e, m, r),
            1 => {
                m.expire_at = (r(3) > 0).then(|| r(usize::MAX) as u64);
                e.set_expire(m.expire_at)
            }
            2 => {
                m.key = random_bytes(r, &KEYS);
                e.set_key(&m.key)
            }
            3 => {
                m.key = random_bytes(r, &KEYS);
                let copy = e.deep_clone(&m.key);
                if r(2) == 0 { copy } else { copy.set_expire(m.expire_at) }
            }
            4 => {
                m.access = r(1 << 24) as u32;
                e.set_access(m.access | 0xab00_0000);
                e
            }
            5 => {
                // A reply still holds the value.
                let held = if let Some(StrRef::Shared(b)) = e.str() { b.clone() } else { Bytes::new() };
                let before = held.to_vec();
                m.text.push(b'!');
                (m.int, m.raw) = (false, true);
                let e = e.edit_bytes(|b| b.extend_from_slice(b"!")).0;
                assert_eq!(held, before);
                e
            }
            6 => {
                let n = random_bytes(r, &[0, 10, INLINE_MAX]).len();
                m.text.resize(n, 7);
                (m.int, m.raw) = (false, true);
                let (e, len) = e.edit_bytes(|b| {
                    b.resize(n, 7);
                    b.len()
                });
                assert_eq!(len, n);
                e
            }
            _ => {
                m.raw = r(2) == 0;
                let mut e = e;
                e.set_raw(m.raw);
                e
            }
        }
    }

    #[test]
    fn every_change_of_layout_keeps_the_rest() {
        let mut state = 0x5eed_u64;
        let mut r = move |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 20) as usize % n
        };
        let new = |r: &mut dyn FnMut(usize) -> usize| Model {
            key: vec![b'k'; r(40)],
            text: b"5".to_vec(),
            int: true,
            expire_at: None,
            access: 3,
            raw: false,
        };
        for _ in 0..60 {
            let mut m = new(&mut r);
            let mut e = Entry::new(&m.key, NewStr::Int(5), None, 3);
            for _ in 0..100 {
                e = change(e, &mut m, &mut r);
                compare(&e, &m);
            }
            assert_eq!(text(&e), m.text);
        }
    }

    #[test]
    fn a_typical_entry_takes_64_bytes() {
        let e = Entry::new(&[b'k'; 16], NewStr::Slice(&[b'v'; 32]), None, 0);
        assert_eq!(e.alloc_bytes(), 64);
        assert_eq!(e.set_expire(Some(1)).alloc_bytes(), 80);
        assert_eq!(Entry::new(&[b'k'; 16], NewStr::Int(-1), None, 0).alloc_bytes(), 32);
        assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (8, 4));
    }

    #[test]
    fn a_change_within_the_size_class_stays_in_place() {
        let e = Entry::new(b"key", NewStr::Slice(&[1; 36]), None, 9);
        let at = e.block();
        let e = e.set_value(NewStr::Slice(&[2; 38])).set_key(b"other").set_expire(Some(7));
        assert_eq!(e.block(), at);
        assert_eq!((e.key(), e.str(), e.expire_at()), (&b"other"[..], Some(StrRef::Inline(&[2; 38])), Some(7)));
        assert_ne!(e.set_value(NewStr::Int(1)).block(), at);
    }

    /// Bytes whose owner counts.
    struct Counted(Arc<AtomicUsize>, Vec<u8>);
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn shared_values_are_dropped_once() {
        let drops = Arc::new(AtomicUsize::new(0));
        let new = || {
            let bytes = Bytes::from_owner(Counted(drops.clone(), vec![1; INLINE_MAX + 1]));
            Entry::new(b"k", NewStr::Shared(bytes), None, 0)
        };
        drop(new());
        assert_eq!(drops.load(Relaxed), 1);
        drop(new().set_value(NewStr::Int(1)));
        assert_eq!(drops.load(Relaxed), 2);
        drop(new().set_expire(Some(5)).set_key(&[b'k'; 100]).set_expire(None));
        assert_eq!(drops.load(Relaxed), 3);
        let e = new();
        let copy = e.deep_clone(b"copy");
        drop(e);
        assert_eq!(drops.load(Relaxed), 3);
        drop(copy.edit_bytes(|b| b.truncate(3)));
        assert_eq!(drops.load(Relaxed), 4);
        drop(new().set_value(NewStr::Shared(Bytes::from(vec![0; 5000]))));
        assert_eq!(drops.load(Relaxed), 5);
    }

    #[test]
    fn a_short_slice_does_not_pin_its_buffer() {
        let big = Bytes::from(vec![0; 100_000]);
        let e = Entry::new(b"k", NewStr::Shared(big.slice(..10)), None, 0);
        assert_eq!(e.kind(), Kind::Inline);
        assert!(big.is_unique());
    }

    #[test]
    fn a_large_string_is_edited_where_it_is() {
        let mut e = Entry::new(b"k", NewStr::Slice(&vec![0; 1 << 20]), None, 0);
        e = e.edit_bytes(|b| b.reserve(1 << 20)).0;
        let Some(StrRef::Shared(b)) = e.str() else { panic!("shared") };
        let at = b.as_ptr();
        for i in 0..1000 {
            e = e.edit_bytes(|b| b.extend_from_slice(&[i as u8; 100])).0;
        }
        let Some(StrRef::Shared(b)) = e.str() else { panic!("shared") };
        assert_eq!((b.as_ptr(), b.len()), (at, (1 << 20) + 100_000));
        assert!(e.alloc_bytes() >= 2 << 20);
    }

    #[test]
    fn a_table_of_entries_owns_them() {
        fn send_and_sync<T: Send + Sync>(_: &T) {}
        let mut t: Table<Entry> = Table::new();
        send_and_sync(&t);
        for n in 0..2000u32 {
            let key = vec![n as u8; n as usize % 97];
            let hash = n.wrapping_mul(0x9e37_79b9);
            if t.find(hash, &key).is_none() {
                t.insert(hash, Entry::new(&key, NewStr::Int(n.into()), None, 0), n as u16);
            }
        }
        let p = t.first_from(0).unwrap();
        let (key, flags) = (t.entry(p).key().to_vec(), t.flags(p));
        t.set_flags(p, 0xffff);
        t.update(p, |e| e.set_value(NewStr::Slice(&[1; 500])).set_expire(Some(77)));
        t.entry_mut(p).set_raw(true);
        t.entry(p).set_access(12);
        let e = t.entry(p);
        assert_eq!((e.key(), e.str()), (&key[..], Some(StrRef::Inline(&[1; 500]))));
        assert_eq!((e.expire_at(), e.is_raw(), e.access()), (Some(77), true, 12));
        assert_eq!((flags, t.flags(p), t.len()), (0, 0xffff, 2000));
        let r = t.update_with(p, |e| e.edit_bytes(|b| b.len()));
        assert_eq!(r, 500);
    }
}
