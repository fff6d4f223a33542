//! A packed block: a short sequence of elements in one allocation behind one pointer of 8 bytes.
//!
//! What small lists, hashes, sets and sorted sets are made of, and what a large list is a chain of. Owns the walk over the
//! elements and their changes; the encoding of one is `packed/item.rs`, the memory `types/block.rs`. Must not know what the
//! elements mean, nor any limit but that of its own lengths: who uses it decides when a block has become too large for a
//! structure in which every search reads and every change moves the bytes.
//!
//! Why: a pointer and an allocation for each element would cost more than most elements are long. Elements are encoded as in
//! a listpack, so that [`Packed::listpack_bytes`] is what Redis compares with its limits, and files hold a block as it is.
//!
//! Texts that can be longer than [`Packed::TEXT_MAX`], or blocks that can come to [`Packed::BYTES_MAX`], must be refused
//! before they get here: beyond them the calls panic.

use std::ptr::NonNull;

use smallvec::SmallVec;

pub(super) mod dense;
mod find;
mod item;
mod iter;
#[cfg(test)]
mod tests;

use super::block::{self, Block};
use item::{Encoded, Run};
pub use item::{Item, ItemText};
pub use iter::{Iter, IterRev};

/// Bytes of a listpack around its elements: total bytes, number of elements, end mark.
const LISTPACK_FRAME: usize = 7;
const LISTPACK_HEADER: usize = 6;
const LISTPACK_END: u8 = 0xff;

/// The place of an element, valid until the block changes. A stale one names another element, or makes the call panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(u32);

impl At {
    #[inline]
    fn new(at: usize) -> Self {
        Self(at as u32)
    }

    #[inline]
    fn get(self) -> usize {
        self.0 as usize
    }
}

/// A sequence of elements in one block. Allocates nothing while it is empty.
pub struct Packed(Block);

impl Default for Packed {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Packed {
    /// A copy, in a block that is just large enough. O(bytes).
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Packed {
    /// Most bytes of the elements of a block, together with what encodes them.
    pub const BYTES_MAX: usize = block::BYTES_MAX;
    /// Most elements of a block.
    pub const COUNT_MAX: usize = block::COUNT_MAX;
    /// The longest element.
    pub const TEXT_MAX: usize = block::BYTES_MAX - 16;

    /// A block without elements.
    #[inline]
    pub const fn new() -> Self {
        Self(Block::new())
    }

    /// Elements. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Bytes of the encoded elements. O(1).
    #[inline]
    pub fn bytes(&self) -> usize {
        self.entries().len()
    }

    /// Bytes that these elements take as a listpack, which is what Redis's limits compare. O(1).
    #[inline]
    pub fn listpack_bytes(&self) -> usize {
        self.bytes() + LISTPACK_FRAME
    }

    /// Bytes that the allocator has given. O(1).
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Bytes that an element of this text takes in a block.
    #[inline]
    pub fn encoded_len(text: &[u8]) -> usize {
        Encoded::of(Item::of(text)).len()
    }

    /// Bytes that the element at `at` takes. O(1).
    pub(super) fn encoded_len_at(&self, at: At) -> usize {
        item::length(self.entries(), at.get())
    }

    #[inline]
    fn entries(&self) -> &[u8] {
        self.0.bytes()
    }

    // Walking.

    /// The first element. O(1).
    #[inline]
    pub fn first(&self) -> Option<At> {
        (!self.is_empty()).then_some(At(0))
    }

    /// The last element. O(1).
    #[inline]
    pub fn last(&self) -> Option<At> {
        self.before(self.bytes())
    }

    /// The element after this one. O(1).
    #[inline]
    pub fn next(&self, at: At) -> Option<At> {
        let next = self.end_of(at);
        (next < self.bytes()).then_some(At::new(next))
    }

    /// The element before this one. O(1).
    #[inline]
    pub fn prev(&self, at: At) -> Option<At> {
        self.before(at.get())
    }

    #[inline]
    fn before(&self, at: usize) -> Option<At> {
        (at > 0).then(|| At::new(item::before(self.entries(), at)))
    }

    #[inline]
    fn end_of(&self, at: At) -> usize {
        at.get() + item::length(self.entries(), at.get())
    }

    /// The element at an index; negative ones count from the end, -1 is the last. O(distance from the nearer end).
    pub fn nth(&self, index: i64) -> Option<At> {
        let len = self.len() as i64;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        Some(At::new(self.offset_of(index as usize)))
    }

    /// Where the element of this index (at most the length, which is the end of the block) starts.
    fn offset_of(&self, index: usize) -> usize {
        let entries = self.entries();
        let mut offset;
        if index <= self.len() / 2 {
            offset = 0;
            for _ in 0..index {
                offset += item::length(entries, offset);
            }
        } else {
            offset = entries.len();
            for _ in index..self.len() {
                offset = item::before(entries, offset);
            }
        }
        offset
    }

    /// The element at `at`. O(1).
    #[inline]
    pub fn get(&self, at: At) -> Item<'_> {
        item::decode(self.entries(), at.get())
    }

    /// The elements, first to last.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.entries(), 0)
    }

    /// The elements from `at` on.
    #[inline]
    pub fn iter_from(&self, at: At) -> Iter<'_> {
        Iter::new(self.entries(), at.get())
    }

    /// The elements, last to first.
    #[inline]
    pub fn iter_rev(&self) -> IterRev<'_> {
        IterRev::new(self.entries(), self.bytes())
    }

    /// The elements from `at` back to the first.
    #[inline]
    pub fn iter_rev_from(&self, at: At) -> IterRev<'_> {
        IterRev::new(self.entries(), self.end_of(at))
    }

    // Changing.

    /// Adds an element at the end. O(its length), and O(bytes) once a size class of the allocator.
    #[inline]
    pub fn push_back(&mut self, text: &[u8]) {
        assert!(text.len() <= Self::TEXT_MAX, "an element of more than {} bytes", Self::TEXT_MAX);
        self.0.append(&Encoded::of(Item::of(text)).parts(), self.len() + 1);
    }

    /// Adds an element at the front. O(bytes), O(its length) on average in a block of some size.
    #[inline]
    pub fn push_front(&mut self, text: &[u8]) {
        self.splice_one(0, 0, text, self.len() + 1);
    }

    /// Adds elements at the end, at the price of one change. O(their lengths), and O(bytes) once a size class.
    pub fn extend_back(&mut self, texts: &[&[u8]]) {
        self.splice_many(self.bytes(), texts);
    }

    /// [`Packed::extend_back`] for elements that need not be looked at: a text among them is no integer's. `expected`: the
    /// bytes that the block is known to come to, towards which it then grows at once; or 0.
    #[inline]
    pub fn extend_items<'a>(&mut self, items: impl Iterator<Item = Item<'a>> + Clone, expected: usize) {
        let mut run = Run::default();
        let mut n = 0;
        if items.clone().all(|item| {
            n += 1;
            run.push(item)
        }) {
            self.0.append_towards(&[run.bytes()], self.len() + n, expected);
        } else {
            self.extend_large(items);
        }
    }

    #[cold]
    fn extend_large<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        let encoded: SmallVec<[Encoded<'_>; 16]> = items.map(Encoded::of).collect();
        let parts: SmallVec<[&[u8]; 48]> = encoded.iter().flat_map(Encoded::parts).collect();
        self.0.splice(self.bytes(), 0, &parts, self.len() + encoded.len());
    }

    /// Gives back what the block has allocated beyond its need. O(bytes).
    pub fn shrink(&mut self) {
        self.0.shrink();
    }

    /// [`Packed::replace`] with an integer.
    #[inline]
    pub fn replace_int(&mut self, at: At, int: i64) {
        match (self.0.bytes_mut().get_mut(at.get()), u8::try_from(int)) {
            // One small integer for another.
            (Some(byte), Ok(int)) if *byte <= item::SMALL_MAX && int <= item::SMALL_MAX => {
                *byte = int;
                return;
            }
            _ => {}
        }
        let old = self.end_of(at) - at.get();
        self.0.splice(at.get(), old, &Encoded::of(Item::Int(int)).parts(), self.len());
    }

    /// Adds elements before the one at `at`, in order, at the price of one change; where the first of them now is.
    /// O(bytes behind `at`).
    pub fn insert_all_before(&mut self, at: At, texts: &[&[u8]]) -> At {
        self.splice_many(at.get(), texts);
        at
    }

    /// Adds an element before the one at `at`; where it now is. O(bytes behind `at`).
    pub fn insert_before(&mut self, at: At, text: &[u8]) -> At {
        self.splice_one(at.get(), 0, text, self.len() + 1);
        at
    }

    /// Adds an element after the one at `at`; where it now is. O(bytes behind `at`).
    pub fn insert_after(&mut self, at: At, text: &[u8]) -> At {
        let end = self.end_of(at);
        self.splice_one(end, 0, text, self.len() + 1);
        At::new(end)
    }

    /// Puts an element in the place of the one at `at`; where it now is. O(bytes behind `at`).
    pub fn replace(&mut self, at: At, text: &[u8]) -> At {
        let old = self.end_of(at) - at.get();
        self.splice_one(at.get(), old, text, self.len());
        at
    }

    /// Removes the element at `at`; where the following one now is. O(bytes behind `at`).
    pub fn remove(&mut self, at: At) -> Option<At> {
        self.remove_range(at, 1)
    }

    /// Removes the element at `at` and those after it, `n` in all if there are as many; where the following one now is.
    /// O(bytes behind `at`).
    pub fn remove_range(&mut self, at: At, n: usize) -> Option<At> {
        let (mut end, mut removed) = (at.get(), 0);
        while removed < n && end < self.bytes() {
            end = self.end_of(At::new(end));
            removed += 1;
        }
        self.0.splice(at.get(), end - at.get(), &[], self.len() - removed);
        (at.get() < self.bytes()).then_some(at)
    }

    /// Removes the first `n` elements. O(bytes), O(bytes removed) on average in a block of some size.
    pub fn truncate_front(&mut self, n: usize) {
        let n = n.min(self.len());
        self.0.splice(0, self.offset_of(n), &[], self.len() - n);
    }

    /// Removes the last `n` elements. O(bytes of the fewer: those removed, those kept).
    pub fn truncate_back(&mut self, n: usize) {
        let kept = self.len() - n.min(self.len());
        let end = self.offset_of(kept);
        self.0.splice(end, self.bytes() - end, &[], kept);
    }

    /// Removes the elements from this index on, and returns them. O(bytes).
    pub fn split_off(&mut self, index: usize) -> Packed {
        let index = index.min(self.len());
        let start = self.offset_of(index);
        let back = Self::from_entries(&self.entries()[start..], self.len() - index);
        self.0.splice(start, self.bytes() - start, &[], index);
        back
    }

    /// Adds the elements of another block at the end. O(bytes of the other).
    pub fn append(&mut self, other: &Packed) {
        self.0.splice(self.bytes(), 0, &[other.entries()], self.len() + other.len());
    }

    /// Removes the elements that `keep` refuses; how many they were. `keep` sees each once, in order. O(bytes).
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) -> usize {
        let entries = self.entries();
        let mut runs: SmallVec<[&[u8]; 8]> = SmallVec::new();
        let (mut at, mut run, mut kept) = (0, 0, 0);
        while at < entries.len() {
            let end = at + item::length(entries, at);
            if keep(item::decode(entries, at)) {
                kept += 1;
            } else {
                runs.push(&entries[run..at]);
                run = end;
            }
            at = end;
        }
        let removed = self.len() - kept;
        if removed > 0 {
            runs.push(&entries[run..]);
            let mut block = Block::new();
            block.splice(0, 0, &runs, kept);
            drop(runs);
            self.0 = block;
        }
        removed
    }

    #[inline]
    fn splice_one(&mut self, at: usize, removed: usize, text: &[u8], count: usize) {
        assert!(text.len() <= Self::TEXT_MAX, "an element of more than {} bytes", Self::TEXT_MAX);
        self.0.splice(at, removed, &Encoded::of(Item::of(text)).parts(), count);
    }

    fn splice_many(&mut self, at: usize, texts: &[&[u8]]) {
        assert!(
            texts.iter().all(|text| text.len() <= Self::TEXT_MAX),
            "an element of more than {} bytes",
            Self::TEXT_MAX
        );
        if let [a, b] = texts {
            // A field and its value, a member and its score: no lists of parts.
            let (a, b) = (Encoded::of(Item::of(a)), Encoded::of(Item::of(b)));
            let ([a, b, c], [d, e, f]) = (a.parts(), b.parts());
            return self.0.splice(at, 0, &[a, b, c, d, e, f], self.len() + 2);
        }
        let encoded: SmallVec<[Encoded<'_>; 4]> = texts.iter().map(|text| Encoded::of(Item::of(text))).collect();
        let parts: SmallVec<[&[u8]; 12]> = encoded.iter().flat_map(Encoded::parts).collect();
        self.0.splice(at, 0, &parts, self.len() + texts.len());
    }

    // Ownership and files.

    /// The encoded elements, for who keeps them in another form for a while ([`Packed::from_entries`]).
    pub(super) fn as_entries(&self) -> &[u8] {
        self.entries()
    }

    /// A block of what [`Packed::as_entries`] gave, `count` elements; not checked.
    pub(super) fn from_entries(entries: &[u8], count: usize) -> Packed {
        let mut block = Block::new();
        block.splice(0, 0, &[entries], count);
        Packed(block)
    }

    /// Gives up ownership.
    #[inline]
    pub fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// The pointer came from [`Packed::into_raw`] and nobody else owns it.
    #[inline]
    #[allow(unsafe_code)]
    pub unsafe fn from_raw(p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Block::from_raw(p) })
    }

    /// The elements as a listpack: total bytes and number of elements (65535 if it is not less) in little endian, the
    /// elements, 0xff. O(bytes).
    pub fn to_listpack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.listpack_bytes());
        bytes.extend_from_slice(&(self.listpack_bytes() as u32).to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(self.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(self.entries());
        bytes.push(LISTPACK_END);
        bytes
    }

    /// Reads a listpack from anywhere; `None` if it is none. Elements that others have encoded in another way than this
    /// module does (an integer in more bytes than it needs) are encoded anew. O(bytes).
    pub fn from_listpack(bytes: &[u8]) -> Option<Packed> {
        let header = bytes.get(..LISTPACK_HEADER)?;
        let total = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
        let count = usize::from(u16::from_le_bytes(header[4..].try_into().ok()?));
        let (&end, entries) = bytes[LISTPACK_HEADER..].split_last()?;
        if total != bytes.len() || end != LISTPACK_END || entries.len() > Self::BYTES_MAX {
            return None;
        }
        let (mut at, mut found, mut canonical) = (0, 0, true);
        while at < entries.len() {
            let (_, length, ours) = item::check(&entries[at..])?;
            at += length;
            found += 1;
            canonical &= ours;
        }
        if found > Self::COUNT_MAX || (count != found && count != usize::from(u16::MAX)) {
            return None;
        }
        if canonical {
            return Some(Self::from_entries(entries, found));
        }
        let (mut packed, mut at) = (Packed::new(), 0);
        while at < entries.len() {
            let (item, length, _) = item::check(&entries[at..])?;
            packed.push_back(item.text(&mut ItemText::default()));
            at += length;
        }
        Some(packed)
    }
}

impl<'a> IntoIterator for &'a Packed {
    type Item = Item<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
