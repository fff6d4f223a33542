#![allow(unsafe_code)]
//! The memory of packed blocks and integer sets: a run of bytes in one allocation behind one thin pointer.
//!
//! Owns the allocation, its header (bytes and elements in use) and the room behind them; must not know what an element
//! is. The room is always a class of the allocator, so it need not be stored: it is the class that the bytes in use
//! fall into, moved up by the `slack` classes that removals have left. Slack lets a queue go up and down without a call of
//! the allocator; it is bounded, so a block that shrinks gives its memory back. A block without bytes owns nothing and
//! points to a shared header in read-only memory. When the allocator fails, the process ends as it does elsewhere.

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

/// Bytes in use, then elements in use with the slack in the top bits.
#[repr(C)]
struct Header {
    bytes: u32,
    count_and_slack: u32,
}

static EMPTY: Header = Header { bytes: 0, count_and_slack: 0 };

const HEADER: usize = size_of::<Header>();
const ALIGN: usize = 8;
const SLACK_SHIFT: u32 = 29;
/// Classes of the allocator that a block keeps beyond what it needs: up to half of the block.
const SLACK_MAX: usize = 3;
/// Most elements of a block.
pub(super) const COUNT_MAX: usize = (1 << SLACK_SHIFT) - 1;
/// Most bytes of the elements of a block.
pub(super) const BYTES_MAX: usize = u32::MAX as usize - 4096;

/// The number of the size class that `size` bytes (at least 1) fall into: multiples of 16 up to 128, then four a doubling.
/// All of them are sizes that the allocator gives in full (`base::size_class`).
#[inline]
const fn class_of(size: usize) -> usize {
    let last = size - 1;
    if last < 128 {
        return last / 16;
    }
    let power = last.ilog2() as usize;
    8 + (power - 7) * 4 + ((last >> (power - 2)) & 3)
}

/// Bytes of a size class.
#[inline]
const fn class_size(class: usize) -> usize {
    if class < 8 {
        return (class + 1) * 16;
    }
    let power = 7 + (class - 8) / 4;
    (5 + (class - 8) % 4) << (power - 2)
}

/// A growable run of bytes with a count, in one allocation, or in none while it is empty.
pub(super) struct Block(NonNull<Header>);

// SAFETY: a block owns its allocation alone; the shared empty header is never written.
unsafe impl Send for Block {}
// SAFETY: `&Block` only reads.
unsafe impl Sync for Block {}

impl Block {
    /// A block without bytes. Allocates nothing.
    #[inline]
    pub(super) const fn new() -> Self {
        // SAFETY: the address of a static is not null. It is written through by nobody: see `splice`.
        Self(unsafe { NonNull::new_unchecked((&raw const EMPTY).cast_mut()) })
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the pointer leads to a live header, ours or the shared one; a write needs `&mut self`.
        unsafe { self.0.as_ref() }
    }

    /// Elements.
    #[inline]
    pub(super) fn count(&self) -> usize {
        (self.header().count_and_slack & COUNT_MAX as u32) as usize
    }

    /// The bytes in use.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        let len = self.header().bytes as usize;
        // SAFETY: `len` bytes behind the header are initialised and within the allocation (none of the shared header's).
        unsafe { std::slice::from_raw_parts(self.data(), len) }
    }

    #[inline]
    fn data(&self) -> *mut u8 {
        // SAFETY: one past the header is within, or at the end of, what the pointer leads to.
        unsafe { self.0.as_ptr().add(1).cast() }
    }

    /// The class of the allocation; `None` if there is none.
    #[inline]
    fn class(&self) -> Option<usize> {
        let h = self.header();
        (h.bytes > 0).then(|| class_of(HEADER + h.bytes as usize) + (h.count_and_slack >> SLACK_SHIFT) as usize)
    }

    /// Bytes of the allocation.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.class().map_or(0, class_size)
    }

    /// Puts `parts`, one after the other, in the place of the `removed` bytes at `at`; `count` elements are in use from then
    /// on. O(bytes behind `at`), and O(bytes) when the allocation changes, which growth does once a size class.
    ///
    /// # Panics
    /// If the range is not within the block, or the block would exceed [`BYTES_MAX`] or [`COUNT_MAX`].
    #[inline]
    pub(super) fn splice(&mut self, at: usize, removed: usize, parts: &[&[u8]], count: usize) {
        let old = self.header().bytes as usize;
        assert!(removed <= old && at <= old - removed, "a range outside of the block");
        let added: usize = parts.iter().map(|part| part.len()).sum();
        let new = old - removed + added;
        assert!(new <= BYTES_MAX && count <= COUNT_MAX, "a block of more than {BYTES_MAX} bytes");
        if new == 0 {
            *self = Self::new();
            return;
        }
        let need = class_of(HEADER + new);
        let mut class = match self.class() {
            Some(class) if class >= need => class,
            _ => self.allocate(need),
        };
        let tail = old - removed - at;
        // SAFETY: the allocation holds at least the old and the new bytes and is ours alone (`new` is not 0, so it is not
        // the shared header); the tail is initialised; the parts are borrowed from elsewhere, as `self` is borrowed
        // exclusively. They fill exactly the gap of `added` bytes, so that all `new` bytes are initialised.
        unsafe {
            let mut gap = self.data().add(at);
            if tail > 0 && added != removed {
                ptr::copy(gap.add(removed), gap.add(added), tail);
            }
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), gap, part.len());
                gap = gap.add(part.len());
            }
        }
        if class - need > SLACK_MAX {
            class = self.allocate(need);
        }
        let slack = ((class - need) as u32) << SLACK_SHIFT;
        // SAFETY: the allocation is ours alone.
        unsafe { self.0.write(Header { bytes: new as u32, count_and_slack: count as u32 | slack }) };
    }

    /// Moves to an allocation of `class`, which must hold the bytes that are to be kept. The header
    /// has still to be written.
    #[cold]
    fn allocate(&mut self, class: usize) -> usize {
        let layout = Self::layout(class);
        // SAFETY: the layout has a size above 0; what is reallocated was allocated with the layout of its class.
        let p = unsafe {
            match self.class() {
                Some(old) => alloc::realloc(self.0.as_ptr().cast(), Self::layout(old), layout.size()),
                None => alloc::alloc(layout),
            }
        };
        let Some(p) = NonNull::new(p.cast::<Header>()) else { alloc::handle_alloc_error(layout) };
        self.0 = p;
        class
    }

    #[inline]
    fn layout(class: usize) -> Layout {
        Layout::from_size_align(class_size(class), ALIGN).expect("a class of a block is below 8 GiB")
    }

    /// Gives up ownership.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0.cast()
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// The pointer came from [`Block::into_raw`], and nobody else owns it.
    #[inline]
    pub(super) unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Self(p.cast())
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        copy.splice(0, 0, &[self.bytes()], self.count());
        copy
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        if let Some(class) = self.class() {
            // SAFETY: there is an allocation, made with this layout, and it is used no more.
            unsafe { alloc::dealloc(self.0.as_ptr().cast(), Self::layout(class)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::base::size_class::good_size;

    #[test]
    fn classes_are_the_allocators() {
        for size in 9..40_000 {
            let class = class_size(class_of(size));
            assert!(class >= size && good_size(class) == class, "{size}");
            assert_eq!(class_of(class), class_of(size));
            assert_eq!(class_of(class + 1), class_of(size) + 1);
            if size <= 32 * 1024 {
                assert_eq!(class, good_size(size));
            }
        }
        for shift in 15..33 {
            let size = (1_usize << shift) + 1;
            let class = class_size(class_of(size));
            assert!(class >= size && class <= size / 4 * 5 && good_size(class) == class, "{size}");
        }
    }

    #[test]
    fn splices_as_a_vector_does() {
        let mut rng = Rng::new(7);
        let mut model: Vec<u8> = Vec::new();
        let mut block = Block::new();
        for round in 0..20_000 {
            let at = rng.below(model.len() as u64 + 1) as usize;
            let wanted = if rng.below(50) == 0 { 5000 } else { 40 };
            let removed = rng.below(wanted.min((model.len() - at) as u64 + 1)) as usize;
            let wanted = if rng.below(50) == 0 { 5000 } else { 40 };
            let part: Vec<u8> = (0..rng.below(wanted)).map(|i| (i + round) as u8).collect();
            block.splice(at, removed, &[&part, b"", &part], round as usize);
            model.splice(at..at + removed, [&part[..], &part[..]].concat());
            assert_eq!((block.bytes(), block.count()), (&model[..], if model.is_empty() { 0 } else { round as usize }));
            let least = if model.is_empty() { 0 } else { class_size(class_of(HEADER + model.len())) };
            assert!(block.heap_bytes() >= least && block.heap_bytes() <= 4 * least, "{}", block.heap_bytes());
            if rng.below(100) == 0 {
                let copy = block.clone();
                assert_eq!((copy.bytes(), copy.count()), (block.bytes(), block.count()));
                // SAFETY: the pointer was given up in the same expression.
                block = unsafe { Block::from_raw(copy.into_raw()) };
            }
            if rng.below(300) == 0 {
                block.splice(0, model.len(), &[], 0);
                model.clear();
                assert_eq!(block.heap_bytes(), 0);
            }
        }
    }

    #[test]
    #[should_panic(expected = "outside of the block")]
    fn a_range_outside_is_refused() {
        Block::new().splice(0, 1, &[], 0);
    }
}
