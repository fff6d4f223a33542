//! One member of a large set: its length and its bytes in one allocation.
//!
//! ```text
//! len u8, below 255       | bytes
//! 255 | len u64           | bytes
//! ```
//!
//! The block is a whole size class of the allocator; a short member costs one byte beyond its text. Owns the layout and
//! the memory. Must not know of tables. Out of memory aborts the process, as in every allocation of Rust.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use crate::base::size_class::good_size;
use crate::base::table::{Thin, Word};

/// First byte of a block whose length takes eight more.
const LONG: u8 = u8::MAX;

/// A member: an owning pointer to a block.
#[repr(transparent)]
pub struct Member(Word);

// SAFETY: the block is owned.
unsafe impl Send for Member {}
// SAFETY: `&Member` gives a slice that is never written to.
unsafe impl Sync for Member {}

impl Member {
    /// A member of these bytes. O(length).
    pub fn new(text: &[u8]) -> Member {
        let start = if text.len() < usize::from(LONG) { 1 } else { 9 };
        let layout = Self::layout(start, text.len());
        // SAFETY: the size is not 0.
        let Some(p) = NonNull::new(unsafe { alloc::alloc(layout) }) else {
            alloc::handle_alloc_error(layout);
        };
        // SAFETY: the block has these bytes, and `text` lies outside it, as it is new.
        unsafe {
            if start == 1 {
                p.write(text.len() as u8);
            } else {
                p.write(LONG);
                p.add(1).cast::<u64>().write_unaligned(text.len() as u64);
            }
            p.add(start).copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        }
        Member(Word::new(p))
    }

    fn layout(start: usize, len: usize) -> Layout {
        let bytes = good_size(start.saturating_add(len));
        Layout::from_size_align(bytes, 1).expect("the text is in memory, so a byte more is below isize::MAX")
    }

    /// Where the text starts, and its length.
    #[inline]
    fn shape(&self) -> (usize, usize) {
        let p = self.0.get();
        // SAFETY: `new` wrote the length there.
        unsafe {
            match p.read() {
                LONG => (9, p.add(1).cast::<u64>().read_unaligned() as usize),
                len => (1, usize::from(len)),
            }
        }
    }

    /// Bytes that the allocator has given for it. O(1).
    pub fn heap_bytes(&self) -> usize {
        let (start, len) = self.shape();
        good_size(start + len)
    }
}

impl Clone for Member {
    fn clone(&self) -> Self {
        Member::new(self.key())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let (start, len) = self.shape();
        // SAFETY: the block is owned, and was allocated with this layout.
        unsafe { alloc::dealloc(self.0.get().as_ptr(), Self::layout(start, len)) };
    }
}

// SAFETY: transparent over `Word`; the bytes are never written again.
unsafe impl Thin for Member {
    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0.get()
    }

    unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Member(Word::new(p))
    }

    #[inline]
    fn key(&self) -> &[u8] {
        let (start, len) = self.shape();
        // SAFETY: the bytes lie there; the borrow is that of the member.
        unsafe { &*ptr::slice_from_raw_parts(self.0.get().add(start).as_ptr(), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_is_given() {
        for len in (0..700).chain([70_000]) {
            let text: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let member = Member::new(&text);
            let copy = member.clone();
            let raw = member.into_raw();
            // SAFETY: just given up.
            let member = unsafe { Member::from_raw(raw) };
            assert_eq!((member.key(), copy.key()), (&text[..], &text[..]));
            assert_eq!(member.heap_bytes(), good_size(len + if len < 255 { 1 } else { 9 }));
        }
    }
}
