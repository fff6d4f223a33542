//! Lists: one packed block while small ("listpack"), a queue of blocks when longer ("quicklist").
//!
//! Owns what the list commands mean (indexes from both ends, LREM's and LPOS's counts and ranks) and when a list changes its
//! encoding, which is where Redis 7.2 does: it becomes a quicklist by the addition that would take the block over the limit,
//! and a block again when removals have left one node of half the limit. Must not know keys, replies or configuration: the
//! limits come with every call that can grow the list. The long form is `list/quick.rs`.
//!
//! Texts must not be longer than [`Packed::TEXT_MAX`], or the calls panic.

use std::ops::Range;
use std::ptr::NonNull;

use super::packed::{Item, Packed};
use super::{Collection, TypeTag};

mod node;
mod part;
mod quick;
#[cfg(test)]
mod tests;

use part::{pop_packed, push_packed, remove_packed, walk_packed, walk_packed_rev};
use quick::Quick;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head, "left": index 0.
    Front,
    /// The tail, "right": index -1.
    Back,
}

/// A side of an element, for [`List::insert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

/// How large a block may become, and which blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`. Positive: elements of a block, which must not exceed 8 KiB either; -1 to -5: a block has up
    /// to 4, 8, 16, 32 or 64 KiB. 0 counts as 1, less than -5 as -5.
    pub max_listpack_size: i32,
    /// `list-compress-depth`: nodes at each end of a long list that are not compressed; with 0, only the middle of a very
    /// long list is.
    pub compress_depth: u16,
}

impl Default for ListLimits {
    /// Redis's default: 8 KiB, no compression asked for.
    fn default() -> Self {
        Self { max_listpack_size: -2, compress_depth: 0 }
    }
}

impl ListLimits {
    /// Whether a block of so many bytes and elements is too large.
    #[inline]
    fn exceeded(self, bytes: usize, count: usize) -> bool {
        /// What bounds the bytes where the elements are limited.
        const BYTES_SAFE: usize = 8192;
        match usize::try_from(self.max_listpack_size) {
            Ok(count_max) => bytes > BYTES_SAFE || count > count_max.max(1),
            Err(_) => bytes > 2048 << self.max_listpack_size.max(-5).unsigned_abs(),
        }
    }
}

/// Bytes up to which one command's elements may take a small list beyond its limit ([`List::push_all`]).
const OVERSHOOT_MAX: usize = 64 * 1024;

/// A list. Allocates nothing while it is empty.
#[derive(Clone)]
pub struct List(Form);

#[derive(Clone)]
enum Form {
    /// All elements in one block.
    Packed(Packed),
    /// A queue of blocks.
    Quick(Box<Quick>),
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// A list without elements.
    pub const fn new() -> Self {
        Self(Form::Packed(Packed::new()))
    }

    /// A list of these blocks, in order, as a file has them; it is small if there is one within the limits. O(blocks).
    pub fn from_nodes(nodes: impl IntoIterator<Item = Packed>, limits: ListLimits) -> Self {
        let mut nodes: Vec<Packed> = nodes.into_iter().filter(|node| !node.is_empty()).collect();
        let small = match &nodes[..] {
            [] => true,
            [node] => !limits.exceeded(node.listpack_bytes(), node.len()),
            _ => false,
        };
        Self(if small {
            Form::Packed(nodes.pop().unwrap_or_default())
        } else {
            Form::Quick(Box::new(Quick::new(nodes, limits)))
        })
    }

    /// Hands out the blocks that the list is made of, in order: what a file keeps. O(blocks), and O(bytes) of those that
    /// are compressed.
    pub fn for_each_node(&self, mut f: impl FnMut(&Packed)) {
        match &self.0 {
            Form::Packed(packed) => f(packed),
            Form::Quick(quick) => quick.for_each_node(f),
        }
    }

    /// Makes the list long if `count` more elements of `bytes` bytes of text take the block over the limit. O(1).
    #[inline]
    fn before_growth(&mut self, bytes: usize, count: usize, limits: ListLimits) {
        if let Form::Packed(packed) = &self.0
            && limits.exceeded(packed.listpack_bytes() + bytes, packed.len() + count)
        {
            self.become_long(limits);
        }
    }

    #[cold]
    fn become_long(&mut self, limits: ListLimits) {
        if let Form::Packed(packed) = &mut self.0 {
            self.0 = Form::Quick(Box::new(Quick::new([std::mem::take(packed)], limits)));
        }
    }

    /// Makes the list small if removals have left little enough. O(1).
    #[inline]
    fn after_removal(&mut self) {
        if let Form::Quick(quick) = &mut self.0
            && let Some(packed) = quick.take_small()
        {
            self.0 = Form::Packed(packed);
        }
    }

    // The ends.

    /// Adds an element at an end. O(its length) on average, O(bytes of one block) at worst.
    #[inline]
    pub fn push(&mut self, end: End, text: &[u8], limits: ListLimits) {
        self.before_growth(text.len(), 1, limits);
        self.push_as_is(end, text);
    }

    #[inline]
    fn push_as_is(&mut self, end: End, text: &[u8]) {
        match &mut self.0 {
            Form::Packed(packed) => push_packed(packed, end, text),
            Form::Quick(quick) => quick.push(end, text),
        }
    }

    /// Adds elements at an end, one after the other, as one command: a small list becomes long if their texts together take it
    /// over the limit, and not otherwise. (What encodes them does not count, so that many short ones may overshoot; here by no
    /// more than 64 KiB.) O(elements), as [`List::push`] each.
    pub fn push_all<'t>(&mut self, end: End, texts: impl Iterator<Item = &'t [u8]> + Clone, limits: ListLimits) {
        let (bytes, count) = texts.clone().fold((0, 0), |(bytes, count), text| (bytes + text.len(), count + 1));
        self.before_growth(bytes, count, limits);
        for text in texts {
            if let Form::Packed(packed) = &self.0
                && packed.bytes() > OVERSHOOT_MAX
            {
                self.become_long(limits);
            }
            self.push_as_is(end, text);
        }
    }

    /// Removes the element at an end. O(its length) on average, O(bytes of one block) at worst.
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let mut popped = None;
        self.pop_with(end, 1, |item| popped = Some(item.to_vec()));
        popped
    }

    /// Removes up to `count` elements from an end, and hands them out as they come. O(removed) on average.
    #[inline]
    pub fn pop_with(&mut self, end: End, count: usize, mut f: impl FnMut(Item<'_>)) {
        match &mut self.0 {
            Form::Packed(packed) => pop_packed(packed, end, count, &mut f),
            Form::Quick(quick) => {
                quick.pop_with(end, count, &mut f);
                self.after_removal();
            }
        }
    }

    // By index.

    /// The index from the head for one that may count from the tail (-1 is the last).
    fn index(&self, index: i64) -> Option<usize> {
        let len = self.len();
        let index = match usize::try_from(index) {
            Ok(index) => index,
            Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
        };
        (index < len).then_some(index)
    }

    /// The indexes that LRANGE and LTRIM mean: both included, negative ones from the tail, cut to the list. O(1).
    pub fn bounds(&self, start: i64, stop: i64) -> Range<usize> {
        let len = i64::try_from(self.len()).unwrap_or(i64::MAX);
        let absolute = |index: i64| if index < 0 { index + len } else { index };
        let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
        if start > stop {
            return 0..0;
        }
        start as usize..stop as usize + 1
    }

    /// Lends the element at an index (negative ones from the tail). O(blocks on the way, and bytes of one).
    pub fn get<R>(&self, index: i64, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let index = self.index(index)?;
        let (mut f, mut result) = (Some(f), None);
        self.walk(index..index + 1, |item| {
            result = f.take().map(|f| f(item));
            false
        });
        result
    }

    /// Puts an element in the place of the one at an index; `false` if there is none. O(as [`List::get`]).
    pub fn set(&mut self, index: i64, text: &[u8], limits: ListLimits) -> bool {
        let Some(index) = self.index(index) else { return false };
        self.before_growth(text.len(), 1, limits);
        match &mut self.0 {
            Form::Packed(packed) => {
                if let Some(at) = packed.nth(index as i64) {
                    packed.replace(at, text);
                }
            }
            Form::Quick(quick) => quick.set(index, text),
        }
        self.after_removal();
        true
    }

    /// Hands out the elements from `start` to `stop`, both included (see [`List::bounds`]), first to last. O(blocks on the
    /// way, and elements handed out); no element is copied.
    #[inline]
    pub fn range(&self, start: i64, stop: i64, mut f: impl FnMut(Item<'_>)) {
        self.walk(self.bounds(start, stop), |item| {
            f(item);
            true
        });
    }

    /// Hands out the elements from `start` to `stop`, both included, last to first. O(as [`List::range`]).
    pub fn range_rev(&self, start: i64, stop: i64, mut f: impl FnMut(Item<'_>)) {
        self.walk_rev(self.bounds(start, stop), |item| {
            f(item);
            true
        });
    }

    /// Hands out the elements of a range of indexes until `f` says `false`.
    #[inline]
    fn walk(&self, range: Range<usize>, mut f: impl FnMut(Item<'_>) -> bool) {
        match &self.0 {
            Form::Packed(packed) => walk_packed(packed, range, &mut f),
            Form::Quick(quick) => quick.walk(range, &mut f),
        };
    }

    fn walk_rev(&self, range: Range<usize>, mut f: impl FnMut(Item<'_>) -> bool) {
        match &self.0 {
            Form::Packed(packed) => walk_packed_rev(packed, range, &mut f),
            Form::Quick(quick) => quick.walk_rev(range, &mut f),
        };
    }

    /// The elements, owned, first to last.
    pub fn iter(&self) -> Iter<'_> {
        Iter { list: self, node: 0, texts: Vec::new().into_iter() }
    }

    /// Keeps the elements from `start` to `stop`, both included (see [`List::bounds`]), and removes all others. O(blocks
    /// removed, and bytes of two).
    pub fn trim(&mut self, start: i64, stop: i64) {
        let kept = self.bounds(start, stop);
        if kept.is_empty() {
            *self = Self::new();
            return;
        }
        match &mut self.0 {
            Form::Packed(packed) => {
                packed.truncate_back(packed.len() - kept.end);
                packed.truncate_front(kept.start);
            }
            Form::Quick(quick) => quick.trim(kept),
        }
        self.after_removal();
    }

    // By value.

    /// Adds an element beside the first that is equal to `pivot`; `None` if there is none. O(length).
    pub fn insert(&mut self, side: Side, pivot: &[u8], text: &[u8], limits: ListLimits) -> Option<()> {
        if let Form::Packed(packed) = &mut self.0 {
            let at = packed.find(pivot, packed.first(), 0)?;
            if !limits.exceeded(packed.listpack_bytes() + text.len(), packed.len() + 1) {
                match side {
                    Side::Before => packed.insert_before(at, text),
                    Side::After => packed.insert_after(at, text),
                };
                return Some(());
            }
            self.become_long(limits);
        }
        let Form::Quick(quick) = &mut self.0 else { unreachable!("a list that is not small is long") };
        quick.insert(side, pivot, text)
    }

    /// Removes elements that are equal to `text`: `count` from the head on, `-count` from the tail on if it is negative, all
    /// if it is 0. How many they were. O(length).
    pub fn remove(&mut self, count: i64, text: &[u8]) -> usize {
        let from = if count < 0 { End::Back } else { End::Front };
        let limit = match count {
            0 => usize::MAX,
            _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        };
        let removed = match &mut self.0 {
            Form::Packed(packed) => {
                let matches = packed.iter().filter(|item| *item == Item::of(text)).count();
                let n = matches.min(limit);
                let skipped = if from == End::Front { 0 } else { matches - n };
                remove_packed(packed, Item::of(text), skipped, n);
                n
            }
            Form::Quick(quick) => quick.remove(from, limit, text),
        };
        if removed > 0 {
            self.after_removal();
        }
        removed
    }

    /// Finds elements that are equal to `text`, as LPOS does: hands out their indexes from the head, beginning with the
    /// `rank`-th (from the tail if it is negative), up to `count` of them (0: all), looking at no more than `maxlen` elements
    /// (0: all). A rank of 0 finds nothing. O(elements looked at).
    pub fn positions(&self, text: &[u8], rank: i64, count: usize, maxlen: usize, mut f: impl FnMut(usize)) {
        let (wanted, first) = (Item::of(text), rank.unsigned_abs());
        let seen_max = if maxlen == 0 { self.len() } else { maxlen.min(self.len()) };
        let (mut seen, mut matches, mut found) = (0, 0_u64, 0);
        let len = self.len();
        let look = |item: Item<'_>| {
            seen += 1;
            if item == wanted {
                matches += 1;
                if matches >= first {
                    f(if rank > 0 { seen - 1 } else { len - seen });
                    found += 1;
                }
            }
            count == 0 || found < count
        };
        match rank.signum() {
            1 => self.walk(0..seen_max, look),
            -1 => self.walk_rev(len - seen_max..len, look),
            _ => {}
        }
    }

    /// Checks what must always hold.
    #[cfg(test)]
    fn check(&self) {
        if let Form::Quick(quick) = &self.0 {
            quick.check();
        }
    }
}

/// The elements of a list, owned.
pub struct Iter<'a> {
    list: &'a List,
    /// The block after the one that is being handed out.
    node: usize,
    texts: std::vec::IntoIter<Vec<u8>>,
}

impl Iterator for Iter<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(text) = self.texts.next() {
                return Some(text);
            }
            let texts = match &self.list.0 {
                Form::Packed(packed) => (self.node == 0).then(|| packed.iter().map(|item| item.to_vec()).collect()),
                Form::Quick(quick) => quick.texts_of(self.node),
            };
            self.texts = texts?.into_iter();
            self.node += 1;
        }
    }
}

#[allow(unsafe_code)]
// SAFETY: the two encodings are told apart by their numbers, each is given back as it was taken.
unsafe impl Collection for List {
    const TYPE: TypeTag = TypeTag::List;
    const ENCODINGS: u8 = 2;

    fn into_raw(self) -> (u8, NonNull<u8>) {
        match self.0 {
            Form::Packed(packed) => (0, packed.into_raw()),
            Form::Quick(quick) => (1, NonNull::from(Box::leak(quick)).cast()),
        }
    }

    unsafe fn from_raw(encoding: u8, p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise: `p` is what `into_raw` gave for this encoding.
        Self(unsafe {
            match encoding {
                0 => Form::Packed(Packed::from_raw(p)),
                _ => Form::Quick(Box::from_raw(p.cast().as_ptr())),
            }
        })
    }

    #[inline]
    fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len(),
            Form::Quick(quick) => quick.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.heap_bytes(),
            Form::Quick(quick) => quick.heap_bytes(),
        }
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Quick(_) => "quicklist",
        }
    }

    fn duplicate(&self) -> Self {
        self.clone()
    }
}
