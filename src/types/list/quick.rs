//! A long list: a double-ended queue of nodes, each a packed block.
//!
//! Owns the order of the nodes, when an element gets a node of its own, which nodes are compressed, and the count of elements
//! and bytes. Must not know of the list's other encoding; when to come back to it is asked from outside.
//!
//! Why: one block would be moved as a whole by every change at its front, a linked list would take two pointers and an
//! allocation an element. Nodes stand in a `VecDeque` of 16 bytes each, with their counts, so that a search for an index reads
//! memory in sequence and touches one block only. Both ends are O(1); a node in the middle is added and removed by a move of
//! at most half of the 16-byte words, which is less than the search that went before.
//!
//! Which nodes are compressed, and when, is in `quick/cold.rs`. An element is never split: one that exceeds the limit is a
//! node.

use std::collections::VecDeque;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::packed::{At, Item, Packed};
use super::node::Node;
use super::{End, ListLimits, Side, part};
use crate::base::pace;
use crate::base::size_class::good_size;

#[cfg(test)]
mod check;
mod cold;

/// What is left of a queue of nodes before its array is given back in part: a quarter.
const SPARSE: usize = 4;
/// An array of nodes that is not worth giving back.
const ARRAY_MIN: usize = 16;

/// A list of nodes; no node is empty.
pub(super) struct Quick {
    nodes: VecDeque<Node>,
    /// Elements of all nodes.
    len: usize,
    /// What the allocator has given for all nodes' elements.
    node_bytes: usize,
    /// What it has given for the queue itself.
    array_bytes: usize,
    /// The limits that the list was made under, as in Redis, where later settings are for later lists.
    limits: ListLimits,
    /// Nodes that are marked as warm.
    warm: u32,
    /// The node at which the search for a warm one goes on.
    hand: u32,
}

/// A place between elements: before the `offset`-th of a node, or behind its last.
#[derive(Clone, Copy)]
struct Place {
    node: usize,
    offset: usize,
}

impl Clone for Quick {
    /// A copy, whose allocations are just large enough. O(bytes).
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        let node_bytes = nodes.iter().map(Node::heap_bytes).sum();
        let mut copy = Self { nodes, node_bytes, ..*self };
        copy.measure_array();
        copy
    }
}

impl Drop for Quick {
    fn drop(&mut self) {
        for node in self.nodes.drain(..) {
            drop(node);
            pace::breathe();
        }
    }
}

impl Quick {
    pub(super) fn new(nodes: impl IntoIterator<Item = Packed>, limits: ListLimits) -> Self {
        let mut quick =
            Self { nodes: VecDeque::new(), len: 0, node_bytes: 0, array_bytes: 0, limits, warm: 0, hand: 0 };
        quick.measure_array();
        for packed in nodes {
            if !packed.is_empty() {
                quick.add_node(quick.nodes.len(), packed);
            }
        }
        quick
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.node_bytes + self.array_bytes + const { good_size(size_of::<Self>()) }
    }

    /// Nodes, first to last.
    pub(super) fn for_each_node(&self, mut f: impl FnMut(&Packed)) {
        self.nodes.iter().for_each(|node| node.read(&mut f));
    }

    /// The texts of a node's elements; `None` past the last node.
    pub(super) fn texts_of(&self, node: usize) -> Option<Vec<Vec<u8>>> {
        self.nodes.get(node).map(|node| node.read(|packed| packed.iter().map(|item| item.to_vec()).collect()))
    }

    /// Gives the elements back as one block, if there is one node and it has shrunk to half of the limit.
    pub(super) fn take_small(&mut self) -> Option<Packed> {
        if self.nodes.len() > 1 {
            return None;
        }
        let Some(node) = self.nodes.front() else { return Some(Packed::new()) };
        if self.limits.exceeded(node.listpack_bytes() * 2, node.count() * 2) {
            return None;
        }
        self.nodes.pop_front().map(Node::into_packed)
    }

    // Nodes.

    fn add_node(&mut self, index: usize, packed: Packed) {
        let node = Node::new(packed);
        self.len += node.count();
        self.node_bytes += node.heap_bytes();
        self.nodes.insert(index, node);
        self.measure_array();
        // One node has got between: this one, or the one that it has moved from an end.
        let depth = self.depth();
        self.compress_if_inner(depth);
        self.compress_if_inner(self.nodes.len().saturating_sub(depth + 1));
        if self.is_inner(index) {
            self.inner_was_changed(index);
        }
        self.cool_one();
    }

    fn remove_node(&mut self, index: usize) -> Option<Node> {
        let node = self.take_node(index)?;
        self.nodes_were_removed(1);
        Some(node)
    }

    /// Removes a node; [`Quick::nodes_were_removed`] has to follow.
    fn take_node(&mut self, index: usize) -> Option<Node> {
        let node = self.nodes.remove(index)?;
        self.len -= node.count();
        self.node_bytes -= node.heap_bytes();
        self.warm -= u32::from(node.is_warm());
        Some(node)
    }

    /// Expands the nodes that `removed` removed ones have let come to the ends.
    fn nodes_were_removed(&mut self, removed: usize) {
        let depth = self.plain_depth();
        for from_end in depth.saturating_sub(removed)..depth.min(self.nodes.len()) {
            self.expand(from_end);
            self.expand(self.nodes.len() - 1 - from_end);
        }
        if removed > 0 {
            self.cool_one();
        }
        let spare = self.nodes.capacity() / SPARSE;
        if spare >= ARRAY_MIN && self.nodes.len() < spare {
            self.nodes.shrink_to(self.nodes.len() * 2);
            self.measure_array();
        }
    }

    fn measure_array(&mut self) {
        self.array_bytes = good_size(self.nodes.capacity() * size_of::<Node>());
    }

    /// Changes a node's elements, of which one at least must remain or the caller remove the node.
    #[inline]
    fn change<R>(&mut self, index: usize, f: impl FnOnce(&mut Packed) -> R) -> R {
        let node = &mut self.nodes[index];
        let (count, bytes) = (node.count(), node.heap_bytes());
        let result = node.change(f);
        self.len = self.len - count + node.count();
        self.node_bytes = self.node_bytes - bytes + node.heap_bytes();
        if self.is_inner(index) {
            self.inner_was_changed(index);
        }
        result
    }

    /// Whether a node takes one more element, by Redis's rule: an estimate of the element's length counts, and the limit.
    #[inline]
    fn admits(&self, node: &Node, text: &[u8]) -> bool {
        const ESTIMATED_OVERHEAD: usize = 8;
        !self.limits.exceeded(node.listpack_bytes() + text.len() + ESTIMATED_OVERHEAD, node.count() + 1)
    }

    fn node_admits(&self, index: usize, text: &[u8]) -> bool {
        self.nodes.get(index).is_some_and(|node| self.admits(node, text))
    }

    /// Makes one node of two neighbours if the limit lets them be one.
    fn merge(&mut self, first: usize) {
        let (Some(a), Some(b)) = (self.nodes.get(first), self.nodes.get(first + 1)) else { return };
        if self.limits.exceeded(a.listpack_bytes() + b.listpack_bytes(), a.count() + b.count()) {
            return;
        }
        if let Some(second) = self.remove_node(first + 1) {
            second.read(|second| self.change(first, |packed| packed.append(second)));
        }
    }

    // The ends.

    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let node = match end {
            End::Front => self.nodes.front(),
            End::Back => self.nodes.back(),
        };
        let full = node.is_none_or(|node| !self.admits(node, text));
        let (new, last) = match end {
            End::Front => (0, 0),
            End::Back => (self.nodes.len(), self.nodes.len().saturating_sub(1)),
        };
        if full {
            let mut packed = Packed::new();
            packed.push_back(text);
            self.add_node(new, packed);
        } else {
            self.change(last, |packed| part::push_packed(packed, end, text));
        }
    }

    /// Hands out and removes up to `count` elements from an end.
    pub(super) fn pop_with(&mut self, end: End, count: usize, f: &mut impl FnMut(Item<'_>)) {
        let mut left = count.min(self.len);
        while left > 0 {
            let index = match end {
                End::Front => 0,
                End::Back => self.nodes.len() - 1,
            };
            let n = left.min(self.nodes[index].count());
            left -= n;
            if n < self.nodes[index].count() {
                self.change(index, |packed| part::pop_packed(packed, end, n, f));
            } else if let Some(node) = self.remove_node(index) {
                node.read(|packed| part::visit_end(packed, end, n, f));
            }
        }
    }

    /// Keeps the elements of this range, removes the others.
    pub(super) fn trim(&mut self, kept: Range<usize>) {
        let (front, back) = (kept.start, self.len - kept.end);
        let removed = self.drop_end(End::Front, front) + self.drop_end(End::Back, back);
        self.nodes_were_removed(removed);
    }

    /// Removes elements from an end; how many nodes have gone, which the caller has to follow up.
    fn drop_end(&mut self, end: End, mut n: usize) -> usize {
        let before = self.nodes.len();
        while n > 0 {
            let index = match end {
                End::Front => 0,
                End::Back => self.nodes.len() - 1,
            };
            let count = self.nodes[index].count();
            if n < count {
                self.change(index, |packed| match end {
                    End::Front => packed.truncate_front(n),
                    End::Back => packed.truncate_back(n),
                });
                break;
            }
            n -= count;
            self.take_node(index);
        }
        before - self.nodes.len()
    }

    // By index.

    /// Where the element of an index below the length is. O(nodes on the way from the nearer end).
    fn locate(&self, index: usize) -> Place {
        if index < self.len / 2 {
            let mut offset = index;
            for (node, found) in self.nodes.iter().enumerate() {
                if offset < found.count() {
                    return Place { node, offset };
                }
                offset -= found.count();
            }
        } else {
            let mut behind = self.len - index;
            for (node, found) in self.nodes.iter().enumerate().rev() {
                if behind <= found.count() {
                    return Place { node, offset: found.count() - behind };
                }
                behind -= found.count();
            }
        }
        unreachable!("the nodes have as many elements as the list")
    }

    /// Hands out the elements of a range, first to last, until `f` says `false`; whether it never did.
    #[inline]
    pub(super) fn walk(&self, range: Range<usize>, f: &mut impl FnMut(Item<'_>) -> bool) -> bool {
        if range.is_empty() {
            return true;
        }
        let place = self.locate(range.start);
        let (mut offset, mut left) = (place.offset, range.len());
        for node in self.nodes.range(place.node..) {
            let n = left.min(node.count() - offset);
            if !node.read_range(offset..offset + n, |packed, range| part::walk_packed(packed, range, f)) {
                return false;
            }
            left -= n;
            offset = 0;
            if left == 0 {
                break;
            }
        }
        true
    }

    /// Hands out the elements of a range, last to first, until `f` says `false`; whether it never did.
    pub(super) fn walk_rev(&self, range: Range<usize>, f: &mut impl FnMut(Item<'_>) -> bool) -> bool {
        if range.is_empty() {
            return true;
        }
        let place = self.locate(range.end - 1);
        let (mut end, mut left) = (place.offset + 1, range.len());
        for node in self.nodes.range(..=place.node).rev() {
            let end = std::mem::replace(&mut end, usize::MAX).min(node.count());
            let n = left.min(end);
            if !node.read_range(end - n..end, |packed, range| part::walk_packed_rev(packed, range, f)) {
                return false;
            }
            left -= n;
            if left == 0 {
                break;
            }
        }
        true
    }

    /// Hands out the indexes of the elements of a range that are equal to `text`, from an end on, until `f` says `false`.
    /// O(length).
    pub(super) fn find_all(&self, range: Range<usize>, from: End, text: &[u8], f: &mut impl FnMut(usize) -> bool) {
        let mut found: SmallVec<[usize; 16]> = SmallVec::new();
        let mut in_node = |node: &Node, start: usize| {
            found.clear();
            node.find_all(text, |offset| {
                if range.contains(&(start + offset)) {
                    found.push(start + offset);
                }
                true
            });
            if from == End::Back {
                found.reverse();
            }
            found.iter().all(|&index| f(index))
        };
        match from {
            End::Front => {
                let mut start = 0;
                for node in &self.nodes {
                    if start >= range.end || !in_node(node, start) {
                        return;
                    }
                    start += node.count();
                }
            }
            End::Back => {
                let mut end = self.len;
                for node in self.nodes.iter().rev() {
                    if end <= range.start || !in_node(node, end - node.count()) {
                        return;
                    }
                    end -= node.count();
                }
            }
        }
    }

    // In the middle.

    /// Puts an element in the place of the one at an index below the length.
    pub(super) fn set(&mut self, index: usize, text: &[u8]) {
        let place = self.locate(index);
        let node = &self.nodes[place.node];
        let old = node.read_range(place.offset..place.offset + 1, |packed, range| {
            at(packed, range.start).map_or(0, |at| packed.encoded_len_at(at))
        });
        let bytes = node.listpack_bytes() - old + Packed::encoded_len(text);
        if node.count() == 1 || !self.limits.exceeded(bytes, node.count()) {
            self.change(place.node, |packed| at(packed, place.offset).map(|at| packed.replace(at, text)));
        } else {
            self.change(place.node, |packed| at(packed, place.offset).map(|at| packed.remove(at)));
            self.insert_at(place, text);
        }
    }

    /// Adds an element beside the first that is equal to `pivot`; `None` if there is none.
    pub(super) fn insert(&mut self, side: Side, pivot: &[u8], text: &[u8]) -> Option<()> {
        let offset_in = |node: &Node| {
            let mut found = None;
            node.find_all(pivot, |offset| {
                found = Some(offset);
                false
            });
            found
        };
        let found = self.nodes.iter().enumerate().find_map(|(node, n)| Some((node, offset_in(n)?)));
        let (node, offset) = found?;
        self.insert_at(Place { node, offset: offset + usize::from(side == Side::After) }, text);
        Some(())
    }

    fn insert_at(&mut self, place: Place, text: &[u8]) {
        let Place { node, offset } = place;
        let single = || {
            let mut packed = Packed::new();
            packed.push_back(text);
            packed
        };
        let count = self.nodes[node].count();
        if self.node_admits(node, text) {
            self.change(node, |packed| insert_packed(packed, offset, text));
        } else if offset == 0 {
            match node.checked_sub(1).filter(|&before| self.node_admits(before, text)) {
                Some(before) => self.change(before, |packed| packed.push_back(text)),
                None => self.add_node(node, single()),
            }
        } else if offset == count {
            if self.node_admits(node + 1, text) {
                self.change(node + 1, |packed| packed.push_front(text));
            } else {
                self.add_node(node + 1, single());
            }
        } else {
            let back = self.change(node, |packed| packed.split_off(offset));
            self.add_node(node + 1, back);
            if self.node_admits(node, text) {
                self.change(node, |packed| packed.push_back(text));
            } else if self.node_admits(node + 1, text) {
                self.change(node + 1, |packed| packed.push_front(text));
            } else {
                self.add_node(node + 1, single());
                self.merge(node + 2);
            }
            self.merge(node + 1);
            if let Some(before) = node.checked_sub(1) {
                self.merge(before);
            }
        }
    }

    /// Removes up to `limit` elements that are equal to `text`, from an end on; how many they were. O(length).
    pub(super) fn remove(&mut self, from: End, limit: usize, text: &[u8]) -> usize {
        let wanted = Item::of(text);
        let mut left = limit;
        let count = self.nodes.len();
        for step in 0..count {
            if left == 0 {
                break;
            }
            let index = if from == End::Front { step } else { count - 1 - step };
            let mut matches = 0;
            self.nodes[index].find_all(text, |_| {
                matches += 1;
                true
            });
            if matches > 0 {
                let n = matches.min(left);
                // Seen from the front, those that go are the first `n` or the last.
                let skipped = if from == End::Front { 0 } else { matches - n };
                self.change(index, |packed| part::remove_packed(packed, wanted, skipped, n));
                left -= n;
            }
        }
        if left < limit {
            let warm = &mut self.warm;
            self.nodes.retain(|node| {
                let kept = node.count() > 0;
                *warm -= u32::from(!kept && node.is_warm());
                kept
            });
            self.nodes_were_removed(count - self.nodes.len());
        }
        limit - left
    }
}

fn at(packed: &Packed, offset: usize) -> Option<At> {
    packed.nth(offset as i64)
}

fn insert_packed(packed: &mut Packed, offset: usize, text: &[u8]) {
    match at(packed, offset) {
        Some(at) => {
            packed.insert_before(at, text);
        }
        None => packed.push_back(text),
    }
}
