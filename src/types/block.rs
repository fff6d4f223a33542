#![allow(unsafe_code)]
//! The memory of packed blocks and integer sets: a run of bytes in one allocation behind one thin pointer.
//!
//! Owns the allocation, its header (bytes and elements in use) and the room behind them; must not know what an element
//! is. The room is always a class of the allocator, so it need not be stored: it is the class that the bytes in use
//! fall into, moved up by the `slack` classes that removals have left. Slack lets a queue go up and down without a call of
//! the allocator; it is bounded, so a block that shrinks gives its memory back. A block of which is known how far it will
//! grow may have more of it ahead ([`Block::append_towards`]).
//!
//! Room is behind the bytes, and in a block of some size before them as well, once something was removed from or added at the
//! front: a queue would otherwise move its whole first block at every step. How long that gap is stands in the gap itself, so
//! it costs no header (and is never of one byte).
//!
//! A block without bytes owns nothing and
//! points to a shared header in read-only memory. When the allocator fails, the process ends as it does elsewhere.

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

/// Bytes in use, then elements in use with, from the top, the slack and whether there is a gap.
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
/// Classes that a block has ahead where its user knows what it will grow to: as many as the header can say.
const AHEAD_MAX: usize = 7;
const GAPPED: u32 = 1 << 28;
/// Bytes from which a block has a gap in front; the move of fewer costs less than to know.
const GAPPED_FROM: usize = 256;
/// The longest gap.
const GAP_MAX: usize = u16::MAX as usize;
/// Most elements of a block.
pub(super) const COUNT_MAX: usize = GAPPED as usize - 1;
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
        // SAFETY: `len` bytes behind the header and the gap are initialised and within the allocation (none of the shared
        // header's, which has no gap).
        unsafe { std::slice::from_raw_parts(self.data().add(self.gap()), len) }
    }

    #[inline]
    fn data(&self) -> *mut u8 {
        // SAFETY: one past the header is within, or at the end of, what the pointer leads to.
        unsafe { self.0.as_ptr().add(1).cast() }
    }

    /// Bytes between the header and those in use: 0, or 2 to [`GAP_MAX`].
    #[inline]
    fn gap(&self) -> usize {
        if self.header().count_and_slack & GAPPED == 0 {
            return 0;
        }
        // SAFETY: a gap starts with its length, and at an aligned address as the header does.
        usize::from(unsafe { self.data().cast::<u16>().read() })
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
    /// on. O(bytes behind `at`), in blocks of some size O(1) on average at the front as well; and O(bytes) when the allocation
    /// changes, which growth does once a size class.
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
        let shrinks = new < old && class - need > SLACK_MAX;
        let old_gap = self.gap();
        let gap = if shrinks || new < GAPPED_FROM {
            0
        } else {
            Self::place(old_gap, class_size(class) - HEADER - new, at == 0, removed, added)
        };
        let tail = old - removed - at;
        // SAFETY: the allocation holds the old gap and bytes, and the new ones, and is ours alone (`new` is not 0, so it is
        // not the shared header). Head and tail are initialised; the one that the other's new place could reach into is
        // moved first: the tail if it moves up, then it comes to lie above the head's old place. The parts are borrowed from
        // elsewhere, as `self` is borrowed exclusively; they fill exactly the `added` bytes between, so that all `new` bytes
        // are initialised.
        unsafe {
            let (from, to) = (self.data().add(old_gap), self.data().add(gap));
            let (tail_from, tail_to) = (from.add(at + removed), to.add(at + added));
            if tail_to > tail_from {
                ptr::copy(tail_from, tail_to, tail);
            }
            if to != from && at > 0 {
                ptr::copy(from, to, at);
            }
            if tail_to < tail_from {
                ptr::copy(tail_from, tail_to, tail);
            }
            let mut next = to.add(at);
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), next, part.len());
                next = next.add(part.len());
            }
        }
        if shrinks {
            class = self.allocate(need);
        }
        let flags = ((class - need) as u32) << SLACK_SHIFT | if gap > 0 { GAPPED } else { 0 };
        // SAFETY: the allocation is ours alone; a gap has two bytes at least.
        unsafe {
            self.0.write(Header { bytes: new as u32, count_and_slack: count as u32 | flags });
            if gap > 0 {
                self.data().cast::<u16>().write(gap as u16);
            }
        }
    }

    /// [`Block::splice`] behind the last byte. O(bytes added), but for what growth costs there.
    #[inline]
    pub(super) fn append<const N: usize>(&mut self, parts: &[&[u8]; N], count: usize) {
        let h = self.header();
        let (old, slack) = (h.bytes as usize, (h.count_and_slack >> SLACK_SHIFT) as usize);
        let new = old + parts.iter().map(|part| part.len()).sum::<usize>();
        let gap = self.gap();
        // What has to move, or to be allocated, is left to the general case; so is what is refused.
        let fits = old > 0 && new <= BYTES_MAX && count <= COUNT_MAX && {
            let need = class_of(HEADER + old);
            gap + new <= class_size(need + slack) - HEADER
        };
        if !fits {
            return self.splice(old, 0, parts, count);
        }
        let less = class_of(HEADER + new) - class_of(HEADER + old);
        let flags = ((slack - less) as u32) << SLACK_SHIFT | if gap > 0 { GAPPED } else { 0 };
        // SAFETY: there is an allocation (the block is not empty), ours alone, of a class that has room behind the gap for
        // `new` bytes; so its class is the one that those need or one above, and `less` not more than the slack. The parts
        // are borrowed from elsewhere, as `self` is borrowed exclusively, and fill the bytes from `old` to `new`.
        unsafe {
            let mut next = self.data().add(gap + old);
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), next, part.len());
                next = next.add(part.len());
            }
            self.0.write(Header { bytes: new as u32, count_and_slack: count as u32 | flags });
        }
    }

    /// [`Block::append`] to a block that is expected to come to `expected` bytes: where it has to grow, it grows several
    /// classes at once towards them. Each class on the way would cost a move, and leave its memory to the allocator.
    #[inline]
    pub(super) fn append_towards<const N: usize>(&mut self, parts: &[&[u8]; N], count: usize, expected: usize) {
        let added: usize = parts.iter().map(|part| part.len()).sum();
        let room = self.heap_bytes().saturating_sub(HEADER + self.header().bytes as usize + self.gap());
        if added > room && expected > 0 {
            self.reserve(added, expected.min(BYTES_MAX));
        }
        self.append(parts, count);
    }

    /// Room for `added` bytes more, and ahead towards `expected` in all.
    #[cold]
    fn reserve(&mut self, added: usize, expected: usize) {
        let h = self.header();
        let (old, rest) = (h.bytes as usize, h.count_and_slack & (GAPPED | COUNT_MAX as u32));
        if old == 0 {
            return;
        }
        let need = class_of(HEADER + old);
        let class = class_of(HEADER + expected).min(need + AHEAD_MAX);
        if class < class_of(HEADER + self.gap() + old + added) {
            return;
        }
        let class = self.allocate(class);
        let header = Header { bytes: old as u32, count_and_slack: rest | ((class - need) as u32) << SLACK_SHIFT };
        // SAFETY: the allocation is ours alone, and holds what it held.
        unsafe { self.0.write(header) }
    }

    /// Gives back the classes that are not needed. O(bytes).
    pub(super) fn shrink(&mut self) {
        let h = self.header();
        let (bytes, rest) = (h.bytes, h.count_and_slack & (GAPPED | COUNT_MAX as u32));
        let Some(class) = self.class() else { return };
        let need = class_of(HEADER + self.gap() + bytes as usize);
        if need < class {
            let class = self.allocate(need);
            let slack = (class - class_of(HEADER + bytes as usize)) as u32;
            // SAFETY: the allocation is ours alone, and holds gap and bytes.
            unsafe { self.0.write(Header { bytes, count_and_slack: rest | slack << SLACK_SHIFT }) }
        }
    }

    /// The bytes in use, to be changed in place.
    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.header().bytes as usize;
        // SAFETY: as in `bytes`; with `&mut self` nobody else sees them, and of the shared header's there are none.
        unsafe { std::slice::from_raw_parts_mut(self.data().add(self.gap()), len) }
    }

    /// The gap to have after a change, where `room` bytes of the allocation will not be in use: the one that leaves the tail
    /// where it is if the change is at the front, the head if not. Where that cannot be, all is moved: at the front all room
    /// goes there, for more of the same; behind, half of it stays in front.
    #[inline]
    fn place(old: usize, room: usize, at_front: bool, removed: usize, added: usize) -> usize {
        let gap = if !at_front {
            if old <= room { old } else { room / 2 }
        } else if old + removed >= added {
            old + removed - added
        } else {
            room.min(GAP_MAX)
        };
        if gap <= room && gap != 1 && gap <= GAP_MAX { gap } else { 0 }
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
            let at = match rng.below(4) {
                0 | 1 => 0,
                2 => model.len(),
                _ => rng.below(model.len() as u64 + 1) as usize,
            };
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
            if model.len() > 64 && rng.below(10) == 0 {
                // What is expected may come or not.
                let part = vec![round as u8; rng.below(60) as usize];
                let expected = rng.below(2 * model.len() as u64 + 10) as usize;
                block.append_towards(&[&part], block.count(), expected);
                model.extend_from_slice(&part);
                assert_eq!(block.bytes(), &model[..]);
            }
            if rng.below(50) == 0 {
                block.shrink();
                assert_eq!(block.bytes(), &model[..]);
                if let Some(byte) = block.bytes_mut().last_mut() {
                    *byte = 7;
                    *model.last_mut().unwrap() = 7;
                }
            }
            if rng.below(300) == 0 {
                block.splice(0, model.len(), &[], 0);
                model.clear();
                assert_eq!(block.heap_bytes(), 0);
            }
        }
    }

    /// Ends of blocks of all sizes, and gaps longer than can be kept.
    #[test]
    fn ends_behave_as_those_of_a_vector() {
        for seed in 0..12 {
            let mut rng = Rng::new(seed);
            let mut model = std::collections::VecDeque::new();
            let mut block = Block::new();
            let lengths = [3, 40, 40_000][seed as usize % 3];
            for round in 0..2500 {
                let part: Vec<u8> = (0..rng.below(lengths)).map(|i| (i + round) as u8).collect();
                let cut = model.len().min(rng.below(lengths) as usize);
                // Longer and shorter in turn, now at one end and now at the other.
                match (rng.below(3) + 2 * (round / 500 % 2), rng.below(5) < round / 200 % 5) {
                    (0 | 1, true) => {
                        block.splice(0, 0, &[&part], 1);
                        part.iter().rev().for_each(|&byte| model.push_front(byte));
                    }
                    (0 | 1, false) => {
                        let half = part.len() / 2;
                        block.append(&[&part[..half], &part[half..], b""], 1);
                        model.extend(&part);
                    }
                    (_, true) => {
                        block.splice(0, cut, &[], 1);
                        model.drain(..cut);
                    }
                    (_, false) => {
                        block.splice(model.len() - cut, cut, &[], 1);
                        model.truncate(model.len() - cut);
                    }
                }
                assert_eq!(block.bytes(), model.make_contiguous());
                let least = if model.is_empty() { 0 } else { class_size(class_of(HEADER + model.len())) };
                assert!(block.heap_bytes() >= least && block.heap_bytes() <= 4 * least);
            }
        }
    }

    #[test]
    fn what_is_known_to_grow_moves_seldom() {
        let mut block = Block::new();
        let (mut moved, mut class) = (0, None);
        for i in 0..200 {
            block.append_towards(&[&[i as u8; 20]], i + 1, 4000);
            moved += usize::from(block.class() != class);
            class = block.class();
            assert!(block.heap_bytes() <= 4096);
        }
        assert!(moved <= 6, "{moved}");
        assert_eq!(block.heap_bytes(), 4096);
        // It came to less than expected.
        let mut block = Block::new();
        (0..10).for_each(|i| block.append_towards(&[&[i as u8; 20]], i + 1, 4000));
        block.shrink();
        assert_eq!((block.heap_bytes(), block.bytes().len(), block.count()), (good_size(HEADER + 200), 200, 10));
    }

    #[test]
    fn a_queue_seldom_moves_its_bytes() {
        let mut block = Block::new();
        (0..1000).for_each(|i| block.splice(0, 0, &[&[i as u8; 8]], i + 1));
        let mut moved = 0;
        for _ in 0..900 {
            let end = block.bytes().as_ptr_range().end;
            block.splice(0, 8, &[], 1);
            moved += usize::from(block.bytes().as_ptr_range().end != end);
        }
        for i in 0..900_u32 {
            let end = block.bytes().as_ptr_range().end;
            block.splice(0, 0, &[&[i as u8; 8]], 1);
            moved += usize::from(block.bytes().as_ptr_range().end != end);
        }
        // Below the size from which blocks have gaps, and at each of the size classes.
        assert!(moved < 100, "{moved}");
    }

    #[test]
    #[should_panic(expected = "outside of the block")]
    fn a_range_outside_is_refused() {
        Block::new().splice(0, 1, &[], 0);
    }
}
