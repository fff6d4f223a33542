//! A node of a stream: some consecutive entries in one packed block.
//!
//! Owns the layout, which is that of Redis's files, so that a node can be written to them as it is and its size is what
//! Redis's limits compare:
//!
//! ```text
//! head:   entries that count, entries deleted, number of names, the names of the first entry, 0
//! entry:  flags, milliseconds, number (both as distance to the node's first id),
//!         its values if its names are the head's, else number of fields, then names and values,
//!         elements so far of this entry
//! ```
//!
//! The last element of an entry leads back to its start, so that a node is walked in both directions. An entry is deleted
//! by a flag: the bytes stay until the last entry of the node goes. Must not know the stream, groups, or the limits.

use super::StreamId;
use crate::base::pace;
use crate::types::packed::{At, Item, Iter, Packed};

const DELETED: i64 = 1;
const SAME_NAMES: i64 = 2;

/// Some consecutive entries. Their ids are relative to the first one's, which the caller keeps.
#[derive(Clone, Debug)]
pub(super) struct Node(Packed);

impl Drop for Node {
    fn drop(&mut self) {
        // A stream has many, and nothing else that is worth a pause.
        pace::breathe();
    }
}

/// The fields of an entry and their values, in the order in which they were given.
#[derive(Clone)]
pub struct Fields<'a> {
    names: Option<Iter<'a>>,
    rest: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.rest.next()?,
        };
        Some((name, self.rest.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// An entry.
#[derive(Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields.
    pub fields: Fields<'a>,
}

/// An entry as it lies in its node.
#[derive(Clone)]
pub(super) struct Stored<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) deleted: bool,
    at: At,
    flags: i64,
}

fn int(item: Option<Item<'_>>) -> i64 {
    item.and_then(|item| item.int()).unwrap_or(0)
}

/// The part of a node before its entries.
#[derive(Clone)]
struct Head<'a> {
    names: Iter<'a>,
    count: usize,
}

impl Node {
    /// A node without entries; the names are those of the first one to come, which every second of `pairs` is.
    pub(super) fn new(pairs: &[&[u8]]) -> Self {
        let head = [Item::Int(0), Item::Int(0), Item::Int((pairs.len() / 2) as i64)];
        let names = pairs.iter().step_by(2).map(|name| Item::of(name));
        let mut block = Packed::new();
        block.extend_items(head.into_iter().chain(names).chain([Item::Int(0)]), 0);
        Self(block)
    }

    /// Gives back what it has allocated for entries that will not come. O(bytes).
    pub(super) fn close(&mut self) {
        self.0.shrink();
    }

    /// Bytes that the allocator has given. O(1).
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Bytes that limits compare. O(1).
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.0.listpack_bytes()
    }

    /// Elements of the block, which it has a most of. O(1).
    pub(super) fn items(&self) -> usize {
        self.0.len()
    }

    /// Entries that count, and those deleted. O(1).
    #[inline]
    pub(super) fn counts(&self) -> (u64, u64) {
        let mut items = self.0.iter();
        (int(items.next()) as u64, int(items.next()) as u64)
    }

    fn set_counts(&mut self, valid: u64, deleted: u64) {
        self.0.replace_int(self.first(), valid as i64);
        if let Some(at) = self.0.next(self.first()) {
            self.0.replace_int(at, deleted as i64);
        }
    }

    /// The first element: a node has a head.
    fn first(&self) -> At {
        self.0.first().expect("a node has a head")
    }

    /// Adds an entry at the end: `id` relative to `first`, `pairs` names and values in turn. `expected`: the bytes that the
    /// node is likely to come to, or 0. O(its bytes), and O(bytes) once a size class, or a few times with `expected`.
    pub(super) fn push(&mut self, first: StreamId, id: StreamId, pairs: &[&[u8]], expected: usize) {
        let mut head = self.0.iter();
        let valid = int(head.next());
        head.pass(1);
        let names = int(head.next()) as usize;
        let same =
            names == pairs.len() / 2 && pairs.iter().step_by(2).all(|name| head.next().is_some_and(|own| own.eq(name)));
        let start = [
            Item::Int(if same { SAME_NAMES } else { 0 }),
            Item::Int(id.ms.wrapping_sub(first.ms) as i64),
            Item::Int(id.seq.wrapping_sub(first.seq) as i64),
        ];
        if same {
            let elements = [Item::Int((start.len() + names) as i64)];
            let values = pairs.iter().skip(1).step_by(2).map(|value| Item::of(value));
            self.0.extend_items(start.into_iter().chain(values).chain(elements), expected);
        } else {
            let (fields, elements) =
                ([Item::Int((pairs.len() / 2) as i64)], [Item::Int((start.len() + 1 + pairs.len()) as i64)]);
            let texts = pairs.iter().map(|text| Item::of(text));
            self.0.extend_items(start.into_iter().chain(fields).chain(texts).chain(elements), expected);
        }
        self.0.replace_int(self.first(), valid + 1);
    }

    /// Marks an entry as deleted; whether there is another one that is not. O(bytes).
    pub(super) fn delete(&mut self, place: Place) -> bool {
        let (valid, deleted) = self.counts();
        self.0.replace_int(place.at, place.flags | DELETED);
        self.set_counts(valid - 1, deleted + 1);
        valid > 1
    }

    fn head(&self) -> (Head<'_>, Iter<'_>) {
        let mut items = self.0.iter();
        items.pass(2);
        let count = int(items.next()) as usize;
        let names = items.clone();
        items.pass(count + 1);
        (Head { names, count }, items)
    }

    /// The entries in order, the deleted ones as well.
    #[inline]
    pub(super) fn walk(&self, first: StreamId) -> Walk<'_> {
        let (head, items) = self.head();
        Walk { head, items, first }
    }

    /// The entries in reverse order, the deleted ones as well.
    pub(super) fn walk_back(&self, first: StreamId) -> WalkBack<'_> {
        WalkBack { head: self.head().0, block: &self.0, end: self.0.last(), first }
    }

    /// The id of the last entry, deleted or not. O(its elements).
    pub(super) fn last_id(&self, first: StreamId) -> StreamId {
        self.walk_back(first).next().map_or(first, |stored| stored.entry.id)
    }
}

/// Where an entry lies, until its node changes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    at: At,
    flags: i64,
}

impl Stored<'_> {
    pub(super) fn place(&self) -> Place {
        Place { at: self.at, flags: self.flags }
    }
}

impl<'a> Head<'a> {
    /// The entry at `at`; `items` stands there, and behind the entry afterwards.
    #[inline]
    fn read(&self, items: &mut Iter<'a>, first: StreamId) -> Option<Stored<'a>> {
        let at = items.place()?;
        let flags = int(items.next());
        let ms = first.ms.wrapping_add(int(items.next()) as u64);
        let seq = first.seq.wrapping_add(int(items.next()) as u64);
        let (names, left) = match flags & SAME_NAMES {
            0 => (None, int(items.next()) as usize),
            _ => (Some(self.names.clone()), self.count),
        };
        let fields = Fields { names, rest: items.clone(), left };
        items.pass(if flags & SAME_NAMES == 0 { 2 * left } else { left } + 1);
        let entry = Entry { id: StreamId::new(ms, seq), fields };
        Some(Stored { entry, deleted: flags & DELETED != 0, at, flags })
    }
}

/// See [`Node::walk`].
pub(super) struct Walk<'a> {
    head: Head<'a>,
    items: Iter<'a>,
    first: StreamId,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Stored<'a>;

    #[inline]
    fn next(&mut self) -> Option<Stored<'a>> {
        self.head.read(&mut self.items, self.first)
    }
}

/// See [`Node::walk_back`].
pub(super) struct WalkBack<'a> {
    head: Head<'a>,
    block: &'a Packed,
    /// The last element of the entry that is next, or that of the head.
    end: Option<At>,
    first: StreamId,
}

impl<'a> Iterator for WalkBack<'a> {
    type Item = Stored<'a>;

    fn next(&mut self) -> Option<Stored<'a>> {
        let mut at = self.end?;
        let elements = int(Some(self.block.get(at)));
        if elements == 0 {
            return None;
        }
        for _ in 0..elements {
            at = self.block.prev(at)?;
        }
        self.end = self.block.prev(at);
        self.head.read(&mut self.block.iter_from(at), self.first)
    }
}
