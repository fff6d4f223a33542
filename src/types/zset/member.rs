#![allow(unsafe_code)]
//! A member of a large sorted set: one block of score, length and bytes, behind a thin pointer.
//!
//! The member index owns the blocks ([`Member`]); the tree's leaves point to them ([`Ref`]). A block never moves while
//! it lives: a new score is written into it. Nothing here knows of the index or of the tree.
//!
//! ```text
//! offset 0   score, f64
//! offset 8   length, 1 byte; or 255, and the length in the 4 bytes that follow, not aligned
//! then       the bytes
//! ```
//!
//! Members of up to 7 bytes take 16 bytes, of up to 23 bytes 32: the score in the block costs the commonest sizes nothing.

use std::alloc::{self, Layout};
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;

use crate::base::size_class::good_size;
use crate::base::table::{Thin, Word};

/// Where the length is.
const LEN: usize = 8;
/// The length byte that says that four more follow.
const LONG: u8 = 255;

/// A pointer to a member's block, which somebody else owns: what a leaf holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(super) struct Ref(*const u8);

impl Ref {
    /// The member's bytes.
    ///
    /// # Safety
    /// The block lives for `'a`.
    #[inline]
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: `Member::new` wrote the block as the top of this file says.
        unsafe {
            let short = *self.0.add(LEN);
            if short != LONG {
                return slice::from_raw_parts(self.0.add(LEN + 1), usize::from(short));
            }
            let len = self.0.add(LEN + 1).cast::<u32>().read_unaligned();
            slice::from_raw_parts(self.0.add(LEN + 5), len as usize)
        }
    }

    /// Asks for the block's first cache line.
    ///
    /// # Safety
    /// The block lives.
    #[inline]
    pub(super) unsafe fn prefetch(self) {
        // SAFETY: the caller's promise; a block has more than one byte.
        crate::base::table::prefetch_start(unsafe { &*self.0 });
    }
}

/// An owned member.
#[repr(transparent)]
pub(super) struct Member(Word);

// SAFETY: the block is owned, and plain data.
unsafe impl Send for Member {}
// SAFETY: `&Member` only reads the block.
unsafe impl Sync for Member {}

// SAFETY: transparent over `Word`; the bytes of a block never change.
unsafe impl Thin for Member {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        let p = self.0.get();
        mem::forget(self);
        p
    }

    #[inline]
    unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Member(Word::new(p))
    }

    #[inline]
    fn key(&self) -> &[u8] {
        // SAFETY: the block lives as long as `self`.
        unsafe { self.as_ref().bytes() }
    }
}

impl Member {
    /// A block for a member. O(length).
    ///
    /// # Panics
    /// If the member has 4 GiB or more, which no argument of a command can have.
    pub(super) fn new(bytes: &[u8], score: f64) -> Member {
        let len = u32::try_from(bytes.len()).expect("a member is shorter than 4 GiB");
        let layout = Self::layout(bytes.len());
        // SAFETY: the size is not 0; what is written lies within it, as `layout` counts the same parts.
        unsafe {
            let Some(p) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            let block = p.as_ptr();
            block.cast::<f64>().write(score);
            let start = match u8::try_from(len) {
                Ok(short) if short != LONG => {
                    block.add(LEN).write(short);
                    LEN + 1
                }
                _ => {
                    block.add(LEN).write(LONG);
                    block.add(LEN + 1).cast::<u32>().write_unaligned(len);
                    LEN + 5
                }
            };
            ptr::copy_nonoverlapping(bytes.as_ptr(), block.add(start), bytes.len());
            Member(Word::new(p))
        }
    }

    fn layout(len: usize) -> Layout {
        let head = if len < usize::from(LONG) { LEN + 1 } else { LEN + 5 };
        Layout::from_size_align(good_size(head + len), align_of::<f64>()).expect("a member is below isize::MAX")
    }

    /// The pointer for the tree.
    #[inline]
    pub(super) fn as_ref(&self) -> Ref {
        Ref(self.0.get().as_ptr())
    }

    /// Its score.
    #[inline]
    pub(super) fn score(&self) -> f64 {
        // SAFETY: the score is at the start, aligned.
        unsafe { self.0.get().cast::<f64>().read() }
    }

    /// Changes its score.
    #[inline]
    pub(super) fn set_score(&mut self, score: f64) {
        // SAFETY: as in `score`; `&mut self` is the only access, as a `Ref` does not read the score.
        unsafe { self.0.get().cast::<f64>().write(score) }
    }

    /// Bytes that the allocator has given for it.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        Self::layout(self.key().len()).size()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let layout = Self::layout(self.key().len());
        // SAFETY: `new` allocated it with this layout, and nobody else frees it.
        unsafe { alloc::dealloc(self.0.get().as_ptr(), layout) }
    }
}
