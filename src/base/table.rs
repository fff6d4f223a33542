#![allow(unsafe_code)]
//! The hash table of a shard: open addressing with the slots in **hash order**.
//!
//! A slot's home is `hash32 * capacity >> 32`, so the order of homes is the order of hashes, and
//! linear probing that keeps every run sorted (Celis's robin hood rule with the hash as the tie
//! breaker; Amble and Knuth, "Ordered hash tables", 1974) leaves the whole array sorted by hash.
//! There is no wrap-around: spare slots follow the last home, and an insertion that runs off
//! them grows the table.  What this buys:
//!
//! * a rehash is one sequential pass, so growth may be by 1.125 to 1.33 (an allocator size
//!   class) instead of 2, and costs microseconds in a shard of ten thousand entries;
//! * a hash is a position that survives growth: the cursor of SCAN, of a snapshot and of the
//!   expiry sweep ([`Table::first_from`]);
//! * an unsuccessful search stops as early as a successful one.
//!
//! A slot is 12 bytes: the hash, and a 48-bit owning pointer with 16 bits of flags that belong to
//! the store.  An empty slot is a null pointer and the hash `u32::MAX`, so that "is this slot
//! below the hash I look for" is one comparison: from the home of a hash onwards those slots form
//! a prefix, which is counted four at a time without a branch.  The array ends in `GUARD` slots
//! that are always empty, so a search needs no bounds check; a table without an array points to
//! such slots in read-only memory.
//!
//! This module must not know what an entry holds beyond its key, nor of locks, time or databases.

use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ptr::{self, NonNull};

use super::pace;
use super::size_class::good_size;

mod parts;

/// Slots that a search looks at in one step; as many at the end of an array are always empty.
const GUARD: usize = 4;
/// The smallest array: 8 slots, of which 4 can be filled.
const BYTES_MIN: usize = 96;
/// The most spare slots after the last home that a rehash plans for.  At the highest load an
/// overhang of `k` slots has a probability of about `e^(-0.27 k)`.
const TAIL_MAX: usize = 48;
/// The hash field of an empty slot.
const EMPTY_HASH: u32 = u32::MAX;
/// Bytes a slot takes.
const SLOT: usize = size_of::<Slot>();
/// Entries that are dropped between two looks at whether a pause is due.
const BREATHE_EVERY: usize = 64;

/// A 48-bit pointer with 16 spare bits above it, of alignment 4: what a slot holds and what an
/// entry type wraps.  The spare bits are the table's and mean nothing to the entry.
#[repr(transparent)]
pub struct Word([u32; 2], PhantomData<*mut u8>);

impl Word {
    const EMPTY: Word = Word([0, 0], PhantomData);

    /// Packs a pointer.
    ///
    /// # Panics
    /// If the address needs more than 48 bits, which no allocator returns unasked.
    #[inline]
    pub fn new(p: NonNull<u8>) -> Word {
        let address = p.as_ptr().expose_provenance() as u64;
        assert!(address >> 48 == 0, "an address of more than 48 bits");
        Word([address as u32, (address >> 32) as u32], PhantomData)
    }

    /// The pointer that was packed.
    #[inline]
    pub fn get(&self) -> NonNull<u8> {
        let p = ptr::with_exposed_provenance_mut(self.address());
        // SAFETY: `new` takes no null pointer, and `EMPTY` does not leave this module: every
        // access to the word of a slot that may be empty asks `is_empty` first.
        unsafe { NonNull::new_unchecked(p) }
    }

    #[inline]
    fn bits(&self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[1]) << 32
    }

    /// The address, of an empty word 0.
    #[inline]
    fn address(&self) -> usize {
        (self.bits() & ((1 << 48) - 1)) as usize
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.bits() == 0
    }

    #[inline]
    fn flags(&self) -> u16 {
        (self.0[1] >> 16) as u16
    }

    #[inline]
    fn set_flags(&mut self, flags: u16) {
        self.0[1] = self.0[1] & 0xffff | u32::from(flags) << 16;
    }
}

/// An owning pointer of 48 bits.
///
/// # Safety
/// The type is `#[repr(transparent)]` over `Word` and ignores the word's spare bits.
/// `from_raw(into_raw(e))` is `e`.  `key` returns the same bytes for as long as the value is
/// not replaced or changed through an exclusive reference.
pub unsafe trait Thin: Sized {
    /// Gives up ownership.
    fn into_raw(self) -> NonNull<u8>;
    /// Takes ownership back.
    ///
    /// # Safety
    /// `p` came from [`Thin::into_raw`] and nobody else owns it.
    unsafe fn from_raw(p: NonNull<u8>) -> Self;
    /// The key.
    fn key(&self) -> &[u8];
}

#[repr(C)]
struct Slot {
    hash: u32,
    word: Word,
}

impl Slot {
    const EMPTY: Slot = Slot { hash: EMPTY_HASH, word: Word::EMPTY };
}

/// What a table without an array points to.
struct EmptySlots([Slot; GUARD]);
// SAFETY: nothing ever writes to it, and its words point nowhere.
unsafe impl Sync for EmptySlots {}
static EMPTY_SLOTS: EmptySlots = EmptySlots([const { Slot::EMPTY }; GUARD]);

/// The place of an entry, valid until the next insertion into or removal from the table.  A stale
/// one names another entry, or makes the call panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pos(u32);

/// Where a table's array is, in plain numbers that a shard can publish for [`prefetch_slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Address of the first slot.
    pub base: usize,
    /// Number of homes.
    pub capacity: u32,
}

/// The home of a hash.
#[inline]
fn home(hash: u32, capacity: u32) -> usize {
    ((u64::from(hash) * u64::from(capacity)) >> 32) as usize
}

/// The most entries that `capacity` homes take: nine tenths, all of the few of a tiny table.
#[inline]
const fn limit(capacity: usize) -> usize {
    capacity - capacity / 10
}

/// Asks for the cache line of an address; the address need not be valid.
#[inline]
fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, whatever the address, and changes no visible state.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ptr::without_provenance(address)) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Prefetches the cache line that `thing` starts in.
#[inline]
pub fn prefetch_start<T>(thing: &T) {
    prefetch(ptr::from_ref(thing).addr());
}

/// Prefetches all cache lines of `thing`, if it starts with one.
#[inline]
pub fn prefetch_whole<T>(thing: &T) {
    for offset in (0..size_of::<T>()).step_by(64) {
        prefetch(ptr::from_ref(thing).addr().wrapping_add(offset));
    }
}

/// Prefetches the slots where a search for `hash` starts.  The hint may be out of date: only
/// prefetch instructions are executed.
#[inline]
pub fn prefetch_slot(h: Hint, hash: u32) {
    let address = h.base.wrapping_add(home(hash, h.capacity) * SLOT);
    prefetch(address);
    prefetch(address.wrapping_add(GUARD * SLOT - 1));
}

/// A map from keys to entries that own their key, for hashes of 32 bits.  Allocates nothing
/// while it is empty.
pub struct Table<E: Thin> {
    /// `total` slots, or `EMPTY_SLOTS` if `total` is 0.
    slots: NonNull<Slot>,
    /// Homes; 0 without an array.
    capacity: u32,
    /// Slots of the array: the homes, the tail, the guard.
    total: u32,
    len: u32,
    owns: PhantomData<E>,
}

// SAFETY: the table owns its entries and its array.
unsafe impl<E: Thin + Send> Send for Table<E> {}
// SAFETY: `&Table` gives `&E` and plain reads of the array.
unsafe impl<E: Thin + Sync> Sync for Table<E> {}

impl<E: Thin> Default for Table<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Thin> Table<E> {
    const LAYOUT_OK: () =
        assert!(size_of::<E>() == size_of::<Word>() && align_of::<E>() == align_of::<Word>() && SLOT == 12);

    /// An empty table.
    pub const fn new() -> Self {
        const { Self::LAYOUT_OK };
        let slots = EMPTY_SLOTS.0.as_ptr().cast_mut();
        // SAFETY: the address of a static is not null.
        let slots = unsafe { NonNull::new_unchecked(slots) };
        Table { slots, capacity: 0, total: 0, len: 0, owns: PhantomData }
    }

    /// Entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Homes: what the load is measured against.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Bytes of the array, always one of the allocator's size classes, or 0.
    #[inline]
    pub fn bytes(&self) -> usize {
        match self.total {
            0 => 0,
            total => good_size(total as usize * SLOT),
        }
    }

    /// A pointer to slot `i`.  Any `i` may be asked for; only slots of the array be accessed.
    #[inline]
    fn at(&self, i: usize) -> *mut Slot {
        self.slots.as_ptr().wrapping_add(i)
    }

    /// The hash field of slot `i`.
    ///
    /// # Safety
    /// `i` is a slot of the array or of `EMPTY_SLOTS`.
    #[inline]
    unsafe fn hash_of(&self, i: usize) -> u32 {
        // SAFETY: the caller's promise; all slots are initialised.
        unsafe { (*self.at(i)).hash }
    }

    /// Whether slot `i` is empty.
    ///
    /// # Safety
    /// As for `hash_of`.
    #[inline]
    unsafe fn is_free(&self, i: usize) -> bool {
        // SAFETY: as in `hash_of`.
        unsafe { (*self.at(i)).word.is_empty() }
    }

    /// The slot that `p` names, which holds an entry.
    #[inline]
    fn live(&self, p: Pos) -> *mut Slot {
        let i = p.0 as usize;
        // SAFETY: the index is compared with the array's length first.
        let live = p.0 < self.total && unsafe { !self.is_free(i) };
        assert!(live, "a stale position");
        self.at(i)
    }

    /// The first slot from `hash`'s home on that is empty or whose hash is not below `hash`.
    /// It lies in the array and not behind the first slot of the guard.
    #[inline]
    fn lower_bound(&self, hash: u32) -> usize {
        let mut i = home(hash, self.capacity);
        loop {
            // SAFETY: a home lies before the guard, and `i` moves on only past slots that are not
            // empty, so it comes to the guard's first slot at most; the guard has GUARD slots.
            let below = unsafe {
                usize::from(self.hash_of(i) < hash)
                    + usize::from(self.hash_of(i + 1) < hash)
                    + usize::from(self.hash_of(i + 2) < hash)
                    + usize::from(self.hash_of(i + 3) < hash)
            };
            i += below;
            if below < GUARD {
                return i;
            }
        }
    }

    /// The entry with this hash and key.  Expected O(1).
    #[inline]
    pub fn find(&self, hash: u32, key: &[u8]) -> Option<Pos> {
        let mut i = self.lower_bound(hash);
        // SAFETY: `lower_bound` returns a slot of the array, and `i` moves on only past slots
        // that are not empty, which the guard's are.
        unsafe {
            while self.hash_of(i) == hash && !self.is_free(i) {
                if (*self.at(i).cast_const()).entry::<E>().key() == key {
                    return Some(Pos(i as u32));
                }
                i += 1;
            }
        }
        None
    }

    /// The entry at `p`.
    #[inline]
    pub fn entry(&self, p: Pos) -> &E {
        // SAFETY: `live` returns a slot that holds an entry; the borrow is that of the table.
        unsafe { (*self.live(p).cast_const()).entry() }
    }

    /// The entry at `p`, to change in place.  Assigning a whole entry through the reference
    /// clears the flags of the slot: [`Table::replace_entry`] and [`Table::update`] keep them.
    #[inline]
    pub fn entry_mut(&mut self, p: Pos) -> &mut E {
        // SAFETY: as for `entry`; `E` is transparent over `Word`, and any `E` is a valid word.
        unsafe { &mut *(&raw mut (*self.live(p)).word).cast::<E>() }
    }

    /// Puts `new`, which must have the same key, in the place of the entry at `p`, and returns
    /// that; the flags stay.
    #[inline]
    pub fn replace_entry(&mut self, p: Pos, new: E) -> E {
        let slot = self.live(p);
        // SAFETY: the slot holds an entry, whose ownership moves to the caller.
        unsafe {
            let old = (*slot).word.get();
            let flags = (*slot).word.flags();
            (*slot).word = Word::new(new.into_raw());
            (*slot).word.set_flags(flags);
            E::from_raw(old)
        }
    }

    /// Puts what `f` makes of the entry at `p` in its place; the key must stay the same, the
    /// flags do.  If `f` panics the entry is gone from the table.
    #[inline]
    pub fn update(&mut self, p: Pos, f: impl FnOnce(E) -> E) {
        self.update_with(p, |e| (f(e), ()));
    }

    /// [`Table::update`] with a result.
    #[inline]
    pub fn update_with<R>(&mut self, p: Pos, f: impl FnOnce(E) -> (E, R)) -> R {
        /// Closes the gap if `f` unwinds.
        struct Gap<'a, E: Thin>(&'a mut Table<E>, Pos);
        impl<E: Thin> Drop for Gap<'_, E> {
            fn drop(&mut self) {
                self.0.close_gap(self.1);
            }
        }
        let slot = self.live(p);
        // SAFETY: the slot holds an entry.  Its ownership moves to `f`; the table cannot be used
        // before either a new one is written or the guard has removed the slot.
        unsafe {
            let pointer = (*slot).word.get();
            let gap = Gap(self, p);
            let (new, r) = f(E::from_raw(pointer));
            let changed = new.into_raw();
            mem::forget(gap);
            // Mostly it is the same block: then the slot's line is not written to, and stays in the caches of all cores.
            if changed != pointer {
                let flags = (*slot).word.flags();
                (*slot).word = Word::new(changed);
                (*slot).word.set_flags(flags);
            }
            r
        }
    }

    /// The flags of the slot at `p`.
    #[inline]
    pub fn flags(&self, p: Pos) -> u16 {
        // SAFETY: `live` returns a slot of the array.
        unsafe { (*self.live(p)).word.flags() }
    }

    /// Sets the flags of the slot at `p`.
    #[inline]
    pub fn set_flags(&mut self, p: Pos, flags: u16) {
        // SAFETY: `live` returns a slot of the array.
        unsafe { (*self.live(p)).word.set_flags(flags) }
    }

    /// The hash of the entry at `p`.
    #[inline]
    pub fn hash_at(&self, p: Pos) -> u32 {
        // SAFETY: `live` returns a slot of the array.
        unsafe { (*self.live(p)).hash }
    }

    /// Adds an entry whose key is not in the table, and returns its place.  Expected O(1), and
    /// O(length) when the array grows.
    ///
    /// # Panics
    /// If the table would need 2^32 slots.
    pub fn insert(&mut self, hash: u32, e: E, flags: u16) -> Pos {
        let mut word = Word::new(e.into_raw());
        word.set_flags(flags);
        if self.len() >= limit(self.capacity()) {
            self.grow();
        }
        let i = loop {
            match self.make_room(hash) {
                Some(i) => break i,
                None => self.grow_tail(),
            }
        };
        // SAFETY: `make_room` returns a slot of the array that holds nothing.
        unsafe { self.at(i).write(Slot { hash, word }) };
        self.len += 1;
        Pos(i as u32)
    }

    /// Moves the run from `hash`'s place on by one slot, and returns the place, whose content
    /// must be overwritten; or `None`, with nothing changed, if the run reaches the guard.
    fn make_room(&mut self, hash: u32) -> Option<usize> {
        let i = self.lower_bound(hash);
        let guard = self.total as usize - GUARD;
        let mut free = i;
        // SAFETY: `lower_bound` returns a slot up to the guard's first, which is empty.
        while unsafe { !self.is_free(free) } {
            free += 1;
        }
        if free == guard {
            return None;
        }
        // SAFETY: all of `i..=free` lies before the guard, and `free` is empty.
        unsafe { ptr::copy(self.at(i), self.at(i + 1), free - i) };
        Some(i)
    }

    /// Removes the entry at `p`.  Expected O(1), and O(length) when the array shrinks.
    pub fn remove(&mut self, p: Pos) -> E {
        let slot = self.live(p);
        // SAFETY: the slot holds an entry, and is given up below.
        let e = unsafe { E::from_raw((*slot).word.get()) };
        self.close_gap(p);
        self.shrink();
        e
    }

    /// Gives up the slot at `p`, whose entry somebody else owns by now: moves the displaced
    /// entries behind it back by one.
    fn close_gap(&mut self, p: Pos) {
        let i = p.0 as usize;
        let mut end = i + 1;
        // SAFETY: `i` holds an entry, so it is not of the guard; `end` moves on only past slots
        // that are not empty.
        unsafe {
            while !self.is_free(end) && home(self.hash_of(end), self.capacity) < end {
                end += 1;
            }
            ptr::copy(self.at(i + 1), self.at(i), end - i - 1);
            self.at(end - 1).write(Slot::EMPTY);
        }
        self.len -= 1;
    }

    /// The first entry whose hash is not below `hash`.  Expected O(1).
    pub fn first_from(&self, hash: u32) -> Option<Pos> {
        self.occupied(self.lower_bound(hash))
    }

    /// The entry that follows the one at `p` in the order of hashes.  Expected O(1).
    pub fn next(&self, p: Pos) -> Option<Pos> {
        self.occupied(p.0 as usize + 1)
    }

    /// The first slot from `i` on that is not empty.
    fn occupied(&self, i: usize) -> Option<Pos> {
        // SAFETY: the range lies in the array.
        (i..self.total as usize).find(|&i| unsafe { !self.is_free(i) }).map(|i| Pos(i as u32))
    }

    /// A random entry, for a random `r`: slots are drawn until one holds an entry, which makes
    /// all entries equally likely; only a nearly empty table makes it walk.
    pub fn random(&self, r: u64) -> Option<Pos> {
        if self.is_empty() {
            return None;
        }
        let mut r = r;
        let mut i = 0;
        for _ in 0..32 {
            // Steele, Lea and Flood's SplitMix64.
            r = r.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (r ^ (r >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            i = home((z >> 32) as u32, self.total);
            // SAFETY: `i` is below `total`.
            if unsafe { !self.is_free(i) } {
                return Some(Pos(i as u32));
            }
        }
        self.occupied(i).or_else(|| self.occupied(0))
    }

    /// Where the array is.  To be published again after every insertion and removal.
    #[inline]
    pub fn hint(&self) -> Hint {
        Hint { base: self.slots.as_ptr().addr(), capacity: self.capacity }
    }

    /// Searches for `hash` and prefetches the first candidate's entry.
    #[inline]
    pub fn prefetch_entry(&self, hash: u32) {
        let i = self.lower_bound(hash);
        // SAFETY: `lower_bound` returns a slot of the array.
        let slot = unsafe { &*self.at(i).cast_const() };
        if slot.hash == hash {
            // An empty slot's null pointer does no harm here.
            let address = slot.word.address();
            prefetch(address);
            prefetch(address + 63);
        }
    }

    /// Drops all entries and the array.  O(length).
    pub fn clear(&mut self) {
        drop(self.take());
    }

    /// Leaves an empty table and returns the full one, to be dropped elsewhere.  O(1).
    pub fn take(&mut self) -> Table<E> {
        mem::take(self)
    }

    /// Makes room for `more` entries beyond those there are, so that inserting them does not
    /// grow the array (but for rare overhangs at its end).
    pub fn reserve(&mut self, more: usize) {
        let wanted = self.len().saturating_add(more);
        if wanted > limit(self.capacity()) {
            self.rebuild(bytes_for(wanted, 7, 8), 0);
        }
    }

    /// Makes the array larger, by the next size class that is at least 1.125 times as large.
    #[cold]
    fn grow(&mut self) {
        self.rebuild(class_above(self.bytes()), 0);
    }

    /// A run has reached the guard.  At a low load only many equal hashes do that, and more
    /// homes would not help them.
    #[cold]
    fn grow_tail(&mut self) {
        let tail = self.total as usize - GUARD - self.capacity();
        let crowded = self.len() * 2 >= limit(self.capacity());
        self.rebuild(class_above(self.bytes()), if crowded { 0 } else { tail * 2 });
    }

    /// Makes the array smaller, or frees it, if it is too empty.
    #[inline]
    fn shrink(&mut self) {
        // A load below 0.35.
        if self.len() * 20 >= self.capacity() * 7 {
            return;
        }
        if self.is_empty() {
            return self.clear();
        }
        let bytes = bytes_for(self.len(), 13, 20);
        if bytes < self.bytes() {
            self.rebuild(bytes, 0);
        }
    }

    /// Moves all entries to a new array of at least `bytes` bytes, a size class, with a tail of
    /// at least `tail` slots.
    fn rebuild(&mut self, bytes: usize, tail: usize) {
        // One entry more: a place must be left for the one that is to be inserted.
        let new = Self::build(self.len() + 1, bytes, tail, || self.full_slots());
        // The entries belong to the new array by now: only the old array goes.
        self.free_array();
        *self = new;
    }

    /// A table of the slots that `slots` yields in order of hashes, in an array that has room
    /// for `len` entries, of at least `bytes` bytes, a size class, with a tail of at least
    /// `tail` slots.  `slots` is asked again if the entries overhang the tail.
    fn build<S: Iterator<Item = Slot>>(len: usize, mut bytes: usize, mut tail: usize, slots: impl Fn() -> S) -> Self {
        loop {
            let usable = bytes / SLOT - GUARD;
            tail = tail.max((usable / 16 + 1).min(TAIL_MAX));
            if tail < usable && limit(usable - tail) >= len {
                if let Some(new) = Self::filled(bytes, usable - tail, slots()) {
                    return new;
                }
                tail *= 2;
            } else {
                bytes = class_above(bytes);
            }
        }
    }

    /// A table whose new array holds the slots that `slots` yields in order of hashes, written
    /// in one pass.  `None` if they overhang its tail.
    fn filled(bytes: usize, capacity: usize, slots: impl Iterator<Item = Slot>) -> Option<Self> {
        let total = bytes / SLOT;
        assert!(total < u32::MAX as usize, "a table of 2^32 slots");
        let mut new = ManuallyDrop::new(Table::<E>::new());
        new.allocate(bytes);
        new.capacity = capacity as u32;
        let mut next = 0;
        let mut len = 0;
        for slot in slots {
            let to = home(slot.hash, new.capacity).max(next);
            if to >= total - GUARD {
                new.free_array();
                return None;
            }
            // SAFETY: `next..=to` are slots of the new array, before its guard.
            unsafe {
                new.fill_empty(next, to);
                new.at(to).write(slot);
            }
            next = to + 1;
            len += 1;
        }
        // SAFETY: the rest of the new array.
        unsafe { new.fill_empty(next, total) };
        new.len = len;
        Some(ManuallyDrop::into_inner(new))
    }

    /// Copies of the slots that hold an entry, in order of hashes.  They own nothing.
    fn full_slots(&self) -> impl Iterator<Item = Slot> {
        // SAFETY: the range lies in the array, whose slots are initialised; a slot is plain data.
        (0..self.total as usize).map(|i| unsafe { self.at(i).read() }).filter(|slot| !slot.word.is_empty())
    }

    /// Writes empty slots to `from..to`.
    ///
    /// # Safety
    /// The range lies in the array and holds no entries.
    #[inline]
    unsafe fn fill_empty(&mut self, from: usize, to: usize) {
        for i in from..to {
            // SAFETY: the caller's promise.
            unsafe { self.at(i).write(Slot::EMPTY) };
        }
    }

    fn array_layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, align_of::<Slot>()).expect("an array is below isize::MAX")
    }

    /// Gives a table without an array one, whose slots are not initialised.
    fn allocate(&mut self, bytes: usize) {
        let layout = Self::array_layout(bytes);
        // SAFETY: the size is not 0.
        let p = unsafe { alloc::alloc(layout) };
        match NonNull::new(p.cast::<Slot>()) {
            Some(slots) => self.slots = slots,
            None => alloc::handle_alloc_error(layout),
        }
        self.total = (bytes / SLOT) as u32;
    }

    /// Frees the array without dropping entries, and leaves an empty table.
    fn free_array(&mut self) {
        let old = ManuallyDrop::new(mem::take(self));
        if old.total > 0 {
            let layout = Self::array_layout(old.bytes());
            // SAFETY: `allocate` allocated it with this layout: `bytes` finds the size class
            // again, since a class is at most a slot larger than the slots in it.
            unsafe { alloc::dealloc(old.slots.as_ptr().cast(), layout) };
        }
    }
}

impl<E: Thin> Drop for Table<E> {
    fn drop(&mut self) {
        let mut next = self.occupied(0);
        let mut dropped = 0_usize;
        while let Some(p) = next {
            // SAFETY: the slot holds an entry, and is not looked at again.
            drop(unsafe { E::from_raw((*self.at(p.0 as usize)).word.get()) });
            next = self.next(p);
            dropped += 1;
            if dropped.is_multiple_of(BREATHE_EVERY) {
                pace::breathe();
            }
        }
        self.free_array();
    }
}

impl Slot {
    /// The entry of a slot.
    ///
    /// # Safety
    /// The slot holds an entry of type `E`.
    #[inline]
    unsafe fn entry<E: Thin>(&self) -> &E {
        // SAFETY: `Thin` demands that `E` is transparent over `Word` and ignores the flags.
        unsafe { &*(&raw const self.word).cast::<E>() }
    }
}

/// The size class that follows an array of `bytes` bytes.
fn class_above(bytes: usize) -> usize {
    // A smaller step would save bytes on average and cost each insertion more moves: with 1/8 every slot moves about
    // eight times in the life of a growing table, 12 bytes each, in sequential passes.
    good_size((bytes + bytes.div_ceil(8)).max(BYTES_MIN))
}

/// The size class of an array that `len` entries load to `num / den` at most.
fn bytes_for(len: usize, num: usize, den: usize) -> usize {
    let homes = len.saturating_mul(den) / num + 2;
    let tail = (homes / 15 + 2).min(TAIL_MAX);
    good_size(((homes + tail + GUARD) * SLOT).max(BYTES_MIN))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    use super::*;

    /// A key that counts its owners.
    struct Owned {
        key: Vec<u8>,
        _counted: Rc<()>,
    }

    #[repr(transparent)]
    struct Probe(Word);

    impl Probe {
        fn new(key: &[u8], counter: &Rc<()>) -> Probe {
            let owned = Owned { key: key.to_vec(), _counted: counter.clone() };
            let p = Box::into_raw(Box::new(owned)).cast();
            Probe(Word::new(NonNull::new(p).unwrap()))
        }

        fn owned(&self) -> *mut Owned {
            self.0.get().as_ptr().cast()
        }
    }

    // SAFETY: transparent over `Word`; an owning pointer to `Owned`.
    unsafe impl Thin for Probe {
        fn into_raw(self) -> NonNull<u8> {
            ManuallyDrop::new(self).0.get()
        }
        unsafe fn from_raw(p: NonNull<u8>) -> Self {
            Probe(Word::new(p))
        }
        fn key(&self) -> &[u8] {
            // SAFETY: owned, and not changed.
            unsafe { &(*self.owned()).key }
        }
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            // SAFETY: made from a box, and owned.
            drop(unsafe { Box::from_raw(self.owned()) });
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) % n
        }
    }

    /// Every slot is where the order of hashes wants it.
    fn check(t: &Table<Probe>) {
        let total = t.total as usize;
        let mut len = 0;
        let mut last = 0;
        let mut gap = true;
        for i in 0..total {
            // SAFETY: `i` is a slot of the array.
            let (hash, free) = unsafe { (t.hash_of(i), t.is_free(i)) };
            if free {
                assert_eq!(hash, EMPTY_HASH);
            } else {
                let at = home(hash, t.capacity);
                assert!(hash >= last && at <= i && (at == i || !gap), "slot {i}");
                last = hash;
                len += 1;
            }
            gap = free;
        }
        assert_eq!(len, t.len());
        assert_eq!(good_size(t.bytes().max(1)), t.bytes().max(8));
        for i in total.saturating_sub(GUARD)..total {
            // SAFETY: as above.
            assert!(unsafe { t.is_free(i) });
        }
    }

    type Model = BTreeMap<(u32, Vec<u8>), u16>;

    /// The table holds what the model holds, in the same order of hashes.
    fn compare(t: &Table<Probe>, model: &Model) {
        check(t);
        assert_eq!(t.len(), model.len());
        let mut walk = Vec::new();
        let mut next = t.first_from(0);
        while let Some(p) = next {
            let key = (t.hash_at(p), t.entry(p).key().to_vec());
            assert_eq!(t.find(key.0, &key.1), Some(p));
            walk.push((key, t.flags(p)));
            next = t.next(p);
        }
        assert!(walk.is_sorted_by_key(|(key, _)| key.0));
        walk.sort();
        assert!(walk.iter().map(|(k, f)| (k, f)).eq(model.iter()));
    }

    /// Random operations; `hashes` and `key_max` say how often hashes and keys collide.
    fn random_operations(seed: u64, steps: u64, keys: u64, hash_of: impl Fn(u64) -> u32) {
        let mut random = Random(seed);
        let counter = Rc::new(());
        let mut t = Table::new();
        let mut model = Model::new();
        for step in 0..steps {
            // Phases of growth and of decay.
            let grow = (step / (keys * 2)).is_multiple_of(2);
            let id = random.below(keys);
            let (hash, key) = (hash_of(id), id.to_le_bytes().to_vec());
            let found = t.find(hash, &key);
            assert_eq!(found.is_some(), model.contains_key(&(hash, key.clone())));
            match found {
                None if grow || random.below(4) == 0 => {
                    let flags = random.below(1 << 16) as u16;
                    let p = t.insert(hash, Probe::new(&key, &counter), flags);
                    assert_eq!((t.entry(p).key(), t.hash_at(p)), (&key[..], hash));
                    model.insert((hash, key), flags);
                }
                Some(p) if !grow || random.below(4) == 0 => {
                    assert_eq!(t.remove(p).key(), key);
                    model.remove(&(hash, key));
                }
                Some(p) => match random.below(4) {
                    0 => {
                        assert_eq!(t.replace_entry(p, Probe::new(&key, &counter)).key(), key);
                    }
                    1 => t.update(p, |old| Probe::new(old.key(), &counter)),
                    _ => {
                        let flags = random.below(1 << 16) as u16;
                        t.set_flags(p, flags);
                        model.insert((hash, key), flags);
                    }
                },
                None => {}
            }
            let from = random.below(1 << 32) as u32;
            let first = t.first_from(from).map(|p| t.hash_at(p));
            assert_eq!(first, model.range((from, Vec::new())..).next().map(|(k, _)| k.0));
            prefetch_slot(t.hint(), from);
            t.prefetch_entry(hash);
            if step % (steps / 50) == 0 {
                compare(&t, &model);
            }
            assert_eq!(Rc::strong_count(&counter), model.len() + 1);
        }
        compare(&t, &model);
        drop(t);
        assert_eq!(Rc::strong_count(&counter), 1);
    }

    fn mix(id: u64) -> u32 {
        (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }

    #[test]
    fn behaves_as_a_map_under_spread_hashes() {
        random_operations(1, 60_000, 3_000, mix);
        random_operations(2, 4_000, 12, mix);
    }

    #[test]
    fn behaves_as_a_map_when_hashes_are_equal() {
        random_operations(3, 6_000, 150, |_| u32::MAX);
        random_operations(4, 6_000, 150, |_| 0);
        random_operations(5, 20_000, 400, |id| mix(id % 7));
        random_operations(6, 20_000, 600, |id| u32::MAX - (id % 64) as u32);
    }

    #[test]
    fn allocates_nothing_while_empty_and_shrinks() {
        let counter = Rc::new(());
        let mut t = Table::new();
        assert_eq!((t.bytes(), t.find(7, b"x"), t.first_from(0), t.random(1)), (0, None, None, None));
        for id in 0..20_000u64 {
            t.insert(mix(id), Probe::new(&id.to_le_bytes(), &counter), 0);
        }
        check(&t);
        let full = t.bytes();
        assert!(full <= 20_000 * 12 * 100 / 65, "{full}");
        for id in 0..20_000u64 {
            let p = t.find(mix(id), &id.to_le_bytes()).unwrap();
            t.remove(p);
            let left = 19_999 - id as usize;
            assert!(t.bytes() <= left * 48 + 160, "{left}: {}", t.bytes());
        }
        assert_eq!((t.bytes(), t.len(), Rc::strong_count(&counter)), (0, 0, 1));
    }

    #[test]
    fn reserve_spares_the_growth() {
        let counter = Rc::new(());
        let mut t = Table::new();
        t.reserve(5_000);
        let bytes = t.bytes();
        for id in 0..5_000u64 {
            t.insert(mix(id), Probe::new(&id.to_le_bytes(), &counter), 3);
        }
        assert_eq!(t.bytes(), bytes);
        let taken = t.take();
        assert!(t.is_empty() && taken.len() == 5_000);
        check(&taken);
        t.insert(1, Probe::new(b"again", &counter), 0);
        t.clear();
        assert_eq!((t.bytes(), Rc::strong_count(&counter)), (0, 5_001));
    }

    #[test]
    fn an_update_that_panics_loses_only_its_entry() {
        let counter = Rc::new(());
        let mut t = Table::new();
        for id in 0..100u64 {
            t.insert(mix(id), Probe::new(&id.to_le_bytes(), &counter), 0);
        }
        let p = t.find(mix(5), &5u64.to_le_bytes()).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| t.update(p, |_| panic!("expected"))));
        assert!(result.is_err());
        check(&t);
        assert_eq!((t.len(), Rc::strong_count(&counter)), (99, 100));
        assert_eq!(t.find(mix(5), &5u64.to_le_bytes()), None);
    }

    #[test]
    fn a_stale_position_panics_and_does_no_harm() {
        let counter = Rc::new(());
        let mut t = Table::new();
        let p = t.insert(9, Probe::new(b"k", &counter), 0);
        t.remove(p);
        assert!(catch_unwind(AssertUnwindSafe(|| t.entry(p).key().len())).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(t.remove(p)))).is_err());
    }

    #[test]
    fn random_entries_are_spread() {
        let counter = Rc::new(());
        let mut t = Table::new();
        for id in 0..50u64 {
            t.insert(mix(id), Probe::new(&id.to_le_bytes(), &counter), 0);
        }
        let mut seen = BTreeMap::new();
        for r in 0..10_000 {
            let p = t.random(r * 0x1234_5678_9abc).unwrap();
            *seen.entry(t.entry(p).key().to_vec()).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 50);
        assert!(seen.values().all(|&n| (100..350).contains(&n)), "{seen:?}");
    }
}
