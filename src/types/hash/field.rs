//! One field of a large hash: field, value and expiry in one allocation.
//!
//! ```text
//! plain     klen u8 (below 128) | vlen u8                                    | field | value
//! extended  128 + forms         | klen, vlen: u8 or u64 each | expiry u64, if any | field | value, or its owner's address
//! ```
//!
//! A short field with a short value and no expiry, which nearly all are, costs two bytes beyond its texts; the block is a
//! whole size class of the allocator. A value above [`SHARED_MIN`] is a `Bytes` of its own, so that a reply shares it
//! instead of copying it under a lock. Nothing is aligned: numbers are read byte by byte.
//!
//! Owns the layout and the memory. Must not know of tables, limits or what time it is. Out of memory aborts the process,
//! as in every allocation of Rust.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use bytes::Bytes;

use super::Value;
use crate::base::size_class::good_size;
use crate::base::table::{Thin, Word};
use crate::types::packed::ItemText;

/// Longest value that is kept in the block; a longer one is shared with the replies that show it.
pub const SHARED_MIN: usize = 2048;

/// First byte of an extended block, to which the forms are added.
const EXTENDED: u8 = 0x80;
/// The lengths take 8 bytes each.
const WIDE: u8 = 1;
/// There is an expiry.
const EXPIRES: u8 = 2;
/// The value is the address of a boxed `Bytes`.
const SHARED: u8 = 4;
/// Longest field of the narrow forms: the plain one's first byte must stay below [`EXTENDED`].
const NARROW_FIELD_MAX: usize = 127;
/// Bytes of an address.
const ADDRESS: usize = size_of::<*mut Bytes>();

/// A field with its value: an owning pointer to a block.
#[repr(transparent)]
pub struct Field(Word);

// SAFETY: the block is owned, and so is the boxed `Bytes`, which is `Send`.
unsafe impl Send for Field {}
// SAFETY: `&Field` gives slices and `&Bytes`.
unsafe impl Sync for Field {}

/// Where things are in a block.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// The first byte of an extended block, or 0.
    forms: u8,
    klen: usize,
    vlen: usize,
}

impl Shape {
    fn of(klen: usize, vlen: usize, expires: bool) -> Shape {
        let mut forms = 0;
        if klen > NARROW_FIELD_MAX || vlen > usize::from(u8::MAX) {
            forms |= EXTENDED | WIDE;
        }
        if expires {
            forms |= EXTENDED | EXPIRES;
        }
        if vlen > SHARED_MIN {
            forms |= EXTENDED | SHARED;
        }
        Shape { forms, klen, vlen }
    }

    #[inline]
    fn is(self, form: u8) -> bool {
        self.forms & form != 0
    }

    /// Where the expiry is, if there is one.
    #[inline]
    fn lengths_end(self) -> usize {
        match (self.forms, self.is(WIDE)) {
            (0, _) => 2,
            (_, false) => 3,
            (_, true) => 17,
        }
    }

    /// Where the field starts.
    #[inline]
    fn field(self) -> usize {
        self.lengths_end() + if self.is(EXPIRES) { 8 } else { 0 }
    }

    /// Where the value, or its owner's address, starts.
    #[inline]
    fn value(self) -> usize {
        self.field() + self.klen
    }

    /// Bytes of the block.
    #[inline]
    fn block(self) -> usize {
        good_size(self.value().saturating_add(if self.is(SHARED) { ADDRESS } else { self.vlen }))
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.block(), 1)
            .expect("field and value are in memory, so their sum is below isize::MAX")
    }
}

impl Field {
    /// A field with its value, and the time it expires at in milliseconds (0: never). O(length).
    pub fn new(field: &[u8], value: &[u8], expires: u64) -> Field {
        let shape = Shape::of(field.len(), value.len(), expires != 0);
        let layout = shape.layout();
        // SAFETY: the size is not 0.
        let Some(p) = NonNull::new(unsafe { alloc::alloc(layout) }) else {
            alloc::handle_alloc_error(layout);
        };
        let mut new = Field(Word::new(p));
        // SAFETY: the block has the bytes of this shape; `field` lies outside it, as it is new.
        unsafe {
            if shape.forms == 0 {
                p.write(shape.klen as u8);
            } else {
                p.write(shape.forms);
                if shape.is(WIDE) {
                    p.add(1).cast::<u64>().write_unaligned(shape.klen as u64);
                } else {
                    p.add(1).write(shape.klen as u8);
                }
                if shape.is(EXPIRES) {
                    p.add(shape.lengths_end()).cast::<u64>().write_unaligned(expires);
                }
            }
            p.add(shape.field()).copy_from_nonoverlapping(NonNull::from(field).cast(), field.len());
            new.write_value(shape, value);
        }
        new
    }

    #[inline]
    fn block(&self) -> NonNull<u8> {
        self.0.get()
    }

    #[inline]
    fn shape(&self) -> Shape {
        let p = self.block();
        // SAFETY: a block starts with its lengths, written by `new` and `write_value`.
        unsafe {
            let first = p.read();
            if first < EXTENDED {
                Shape { forms: 0, klen: usize::from(first), vlen: usize::from(p.add(1).read()) }
            } else if first & WIDE == 0 {
                let (klen, vlen) = (p.add(1).read(), p.add(2).read());
                Shape { forms: first, klen: usize::from(klen), vlen: usize::from(vlen) }
            } else {
                let lengths = p.add(1).cast::<u64>();
                let (klen, vlen) = (lengths.read_unaligned(), lengths.add(1).read_unaligned());
                Shape { forms: first, klen: klen as usize, vlen: vlen as usize }
            }
        }
    }

    /// Writes the value and its length.
    ///
    /// # Safety
    /// The block has this shape but for the value and its length; what value there was has been given up.
    unsafe fn write_value(&mut self, shape: Shape, value: &[u8]) {
        let p = self.block();
        // SAFETY: the caller's promise; `value` lies outside the block, which is borrowed exclusively.
        unsafe {
            match (shape.forms, shape.is(WIDE)) {
                (0, _) => p.add(1).write(value.len() as u8),
                (_, false) => p.add(2).write(value.len() as u8),
                (_, true) => p.add(9).cast::<u64>().write_unaligned(value.len() as u64),
            }
            if shape.is(SHARED) {
                let owner = Box::into_raw(Box::new(Bytes::copy_from_slice(value)));
                p.add(shape.value()).cast::<*mut Bytes>().write_unaligned(owner);
            } else {
                p.add(shape.value()).copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            }
        }
    }

    /// The owner of a shared value.
    ///
    /// # Safety
    /// The shape is the block's, and is [`SHARED`].
    #[inline]
    unsafe fn owner(&self, shape: Shape) -> *mut Bytes {
        // SAFETY: `write_value` wrote an address there.
        unsafe { self.block().add(shape.value()).cast::<*mut Bytes>().read_unaligned() }
    }

    /// The value. O(1).
    #[inline]
    pub fn value(&self) -> Value<'_> {
        let shape = self.shape();
        // SAFETY: the bytes of the value lie there, or the address of its owner; the borrow is that of the field.
        unsafe {
            if shape.is(SHARED) {
                Value::Shared(&*self.owner(shape))
            } else {
                let value = NonNull::slice_from_raw_parts(self.block().add(shape.value()), shape.vlen);
                Value::Str(value.as_ref())
            }
        }
    }

    /// When it expires, in milliseconds; 0: never. O(1).
    #[inline]
    pub fn expires(&self) -> u64 {
        let shape = self.shape();
        if !shape.is(EXPIRES) {
            return 0;
        }
        // SAFETY: `new` wrote the expiry there.
        unsafe { self.block().add(shape.lengths_end()).cast::<u64>().read_unaligned() }
    }

    /// Gives it another value, and another time to expire at (0: never). O(length).
    pub fn set(&mut self, value: &[u8], expires: u64) {
        let old = self.shape();
        let new = Shape::of(old.klen, value.len(), expires != 0);
        // A wide block need not become narrow for a shorter value, but it must not grow old that way: only blocks of the
        // same form and class are written to.
        if old.forms != new.forms || old.block() != new.block() {
            *self = Field::new(self.key(), value, expires);
            return;
        }
        // SAFETY: the shapes differ in the length of the value alone, for which there is room; a shared value is given
        // up before another is written.
        unsafe {
            if old.is(SHARED) {
                drop(Box::from_raw(self.owner(old)));
            }
            self.write_value(new, value);
            if new.is(EXPIRES) {
                self.block().add(new.lengths_end()).cast::<u64>().write_unaligned(expires);
            }
        }
    }

    /// Gives it another time to expire at (0: never). O(1) if there was one, else O(length).
    pub fn set_expires(&mut self, expires: u64) {
        let shape = self.shape();
        if shape.is(EXPIRES) && expires != 0 {
            // SAFETY: `new` wrote the old expiry there.
            unsafe { self.block().add(shape.lengths_end()).cast::<u64>().write_unaligned(expires) };
        } else if shape.is(EXPIRES) || expires != 0 {
            let value = self.value().to_vec();
            self.set(&value, expires);
        }
    }

    /// Bytes that the allocator has given for it. O(1).
    pub fn heap_bytes(&self) -> usize {
        let shape = self.shape();
        let outside = if shape.is(SHARED) { good_size(size_of::<Bytes>()) + good_size(shape.vlen) } else { 0 };
        shape.block() + outside
    }
}

impl Clone for Field {
    fn clone(&self) -> Self {
        Field::new(self.key(), self.value().text(&mut ItemText::default()), self.expires())
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let shape = self.shape();
        // SAFETY: the block and the owner of the value are owned; the layout is the one it was allocated with, as only
        // lengths that give the same class are ever written.
        unsafe {
            if shape.is(SHARED) {
                drop(Box::from_raw(self.owner(shape)));
            }
            alloc::dealloc(self.block().as_ptr(), shape.layout());
        }
    }
}

// SAFETY: transparent over `Word`; the field's bytes are never written again.
unsafe impl Thin for Field {
    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).block()
    }

    unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Field(Word::new(p))
    }

    #[inline]
    fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: the field's bytes lie there; the borrow is that of the field.
        unsafe { &*ptr::slice_from_raw_parts(self.block().add(shape.field()).as_ptr(), shape.klen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn keeps_what_it_is_given() {
        let mut rng = Rng::new(1);
        let lengths = [0, 1, 5, 14, 126, 127, 128, 130, 255, 256, 300, SHARED_MIN, SHARED_MIN + 1, 9000];
        let length = |rng: &mut Rng| lengths[rng.below(lengths.len() as u64) as usize];
        for _ in 0..300 {
            let field: Vec<u8> = (0..length(&mut rng)).map(|i| (i * 7) as u8).collect();
            let mut held = Field::new(&field, b"first", 0);
            for _ in 0..20 {
                let value = vec![rng.next_u64() as u8; length(&mut rng)];
                let expires = rng.below(3) * rng.below(1 << 60);
                held.set(&value, expires);
                assert_eq!((held.key(), held.value().to_vec(), held.expires()), (&field[..], value.clone(), expires));
                assert_eq!(held.value().len(), value.len());
                let expires = rng.below(3) * rng.below(1 << 60);
                held.set_expires(expires);
                let copy = held.clone();
                drop(std::mem::replace(&mut held, copy));
                assert_eq!((held.key(), held.value().to_vec(), held.expires()), (&field[..], value.clone(), expires));
                let texts = field.len() + value.len();
                assert!((texts..texts + texts / 4 + 100).contains(&held.heap_bytes()), "{texts}");
            }
        }
    }

    #[test]
    fn short_ones_cost_two_bytes() {
        assert_eq!(Field::new(b"12345678901234", b"1234567890123456", 0).heap_bytes(), 32);
        assert_eq!(Field::new(b"12345", b"67890", 1 << 42).heap_bytes(), 32);
        let shared = Field::new(b"f", &[7; 5000], 0);
        let Value::Shared(bytes) = shared.value() else { panic!("not shared") };
        assert_eq!(bytes.clone().as_ptr(), bytes.as_ptr());
    }
}
