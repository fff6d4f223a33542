//! The entries between two ids, in both directions.
//!
//! Owns the way from the map of nodes into a node and on to the next one. Deleted entries are passed over. Must not know
//! groups.

use super::node::{Entry, Node, Walk, WalkBack};
use super::{Entries, StreamId};
use std::collections::btree_map;

/// The entries of a range in order. O(log nodes + a node) for the first, O(1) on average for each that follows.
pub struct Range<'a> {
    nodes: btree_map::Range<'a, StreamId, Node>,
    walk: Option<Walk<'a>>,
    from: StreamId,
    to: StreamId,
}

/// The entries of a range in reverse order. Costs as [`Range`].
pub struct RangeRev<'a> {
    nodes: btree_map::Range<'a, StreamId, Node>,
    walk: Option<WalkBack<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(walk) = &mut self.walk else {
                let (first, node) = self.nodes.next()?;
                self.walk = Some(node.walk(*first));
                continue;
            };
            match walk.next() {
                Some(stored) if stored.entry.id > self.to => return None,
                Some(stored) if stored.deleted || stored.entry.id < self.from => {}
                Some(stored) => return Some(stored.entry),
                None => self.walk = None,
            }
        }
    }
}

impl<'a> Iterator for RangeRev<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(walk) = &mut self.walk else {
                let (first, node) = self.nodes.next_back()?;
                self.walk = Some(node.walk_back(*first));
                continue;
            };
            match walk.next() {
                Some(stored) if stored.entry.id < self.from => return None,
                Some(stored) if stored.deleted || stored.entry.id > self.to => {}
                Some(stored) => return Some(stored.entry),
                None => self.walk = None,
            }
        }
    }
}

impl Entries {
    /// The nodes that may hold entries from `from` to `to`. O(log nodes).
    fn nodes_in(&self, from: StreamId, to: StreamId) -> btree_map::Range<'_, StreamId, Node> {
        let nodes = &self.nodes;
        let start = nodes.range(..=from).next_back().map_or(from, |(first, _)| *first);
        // A map refuses a range that ends before it starts.
        nodes.range(start..=to.max(start))
    }

    /// The entries from one id to another, both included.
    pub fn range(&self, from: StreamId, to: StreamId) -> Range<'_> {
        Range { nodes: self.nodes_in(from, to), walk: None, from, to }
    }

    /// The same in reverse order: from the greatest id downwards.
    pub fn range_rev(&self, from: StreamId, to: StreamId) -> RangeRev<'_> {
        RangeRev { nodes: self.nodes_in(from, to), walk: None, from, to }
    }

    /// The entry with this id. O(log nodes + a node).
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The first entry. O(log nodes + a node).
    pub fn first(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry. O(log nodes + a node).
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range_rev(StreamId::MIN, StreamId::MAX).next()
    }

    /// The id of the first entry; of an empty stream the least one. Cost as [`Entries::first`].
    pub fn first_id(&self) -> StreamId {
        self.first().map_or(StreamId::MIN, |entry| entry.id)
    }
}
