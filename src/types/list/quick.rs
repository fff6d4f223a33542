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
//! Compression: with depth d, the d nodes at each end are plain, those between are compressed where it pays. A node is
//! compressed when it gets between, or has been changed there; expanded when it comes to an end, or is to be changed. A
//! reader expands into a copy of its own. An element is never split: one that exceeds the limit is a node.
//!
//! With depth 0, which is the default, very long lists are compressed in their middle all the same, because their bytes are
//! those of their elements and nothing else can save any: a node is compressed when it becomes the [`UNASKED_DEPTH`]-th
//! from an end by the addition of another, if that saves an eighth. From there on it is expanded by the first change,
//! and stays plain: one who works in the middle of such a list pays once. So a queue pays for a node of some hundred
//! elements once on the way in and once on the way out, some microseconds each, and a reader of the middle
//! less than the search for the node takes in a linked list.

use std::collections::VecDeque;
use std::ops::Range;

use super::super::packed::{At, Item, Packed};
use super::node::{Node, SAVED_MIN};
use super::{End, ListLimits, Side, part};
use crate::base::size_class::good_size;

/// What is left of a queue of nodes before its array is given back in part: a quarter.
const SPARSE: usize = 4;
/// An array of nodes that is not worth giving back.
const ARRAY_MIN: usize = 16;

/// Nodes at each end that are left plain where nobody asked for compression. Few in tests, so that they see it.
const UNASKED_DEPTH: usize = if cfg!(test) { 4 } else { 128 };
/// Of its bytes, what part compression that nobody asked for must save.
const UNASKED_SAVING: usize = 8;

/// A list of nodes; no node is empty.
#[derive(Clone)]
pub(super) struct Quick {
    nodes: VecDeque<Node>,
    /// Elements of all nodes.
    len: usize,
    /// What the allocator has given for all nodes' elements.
    node_bytes: usize,
    /// The limits that the list was made under, as in Redis, where later settings are for later lists.
    limits: ListLimits,
}

/// A place between elements: before the `offset`-th of a node, or behind its last.
#[derive(Clone, Copy)]
struct Place {
    node: usize,
    offset: usize,
}

impl Quick {
    pub(super) fn new(nodes: impl IntoIterator<Item = Packed>, limits: ListLimits) -> Self {
        let mut quick = Self { nodes: VecDeque::new(), len: 0, node_bytes: 0, limits };
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
        self.node_bytes + good_size(self.nodes.capacity() * size_of::<Node>()) + good_size(size_of::<Self>())
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

    /// The depth that the configuration asked for; 0: none.
    fn asked_depth(&self) -> usize {
        usize::from(self.limits.compress_depth)
    }

    /// Compresses the node at `index` if there are `depth` nodes on either side of it.
    fn compress_if_inner(&mut self, index: usize, depth: usize) {
        if index >= depth && index + depth < self.nodes.len() {
            let asked = self.asked_depth() > 0;
            let node = &mut self.nodes[index];
            let saved_min = if asked { SAVED_MIN } else { node.listpack_bytes() / UNASKED_SAVING };
            self.node_bytes -= node.heap_bytes();
            node.compress(saved_min);
            self.node_bytes += node.heap_bytes();
        }
    }

    fn expand(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            self.node_bytes -= node.heap_bytes();
            node.expand();
            self.node_bytes += node.heap_bytes();
        }
    }

    fn add_node(&mut self, index: usize, packed: Packed) {
        let node = Node::new(packed);
        self.len += node.count();
        self.node_bytes += node.heap_bytes();
        self.nodes.insert(index, node);
        let asked = self.asked_depth();
        let depth = if asked > 0 { asked } else { UNASKED_DEPTH };
        // One node has got between: this one, or the one that it has moved from an end.
        self.compress_if_inner(depth, depth);
        self.compress_if_inner(self.nodes.len().saturating_sub(depth + 1), depth);
        if asked > 0 {
            self.compress_if_inner(index, depth);
        }
    }

    fn remove_node(&mut self, index: usize) -> Option<Node> {
        let node = self.nodes.remove(index)?;
        self.len -= node.count();
        self.node_bytes -= node.heap_bytes();
        self.nodes_were_removed(1);
        Some(node)
    }

    /// Expands the nodes that `removed` removed ones have let come to the ends.
    fn nodes_were_removed(&mut self, removed: usize) {
        let depth = self.asked_depth();
        for from_end in depth.saturating_sub(removed)..depth.min(self.nodes.len()) {
            self.expand(from_end);
            self.expand(self.nodes.len() - 1 - from_end);
        }
        let spare = self.nodes.capacity() / SPARSE;
        if spare >= ARRAY_MIN && self.nodes.len() < spare {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    /// Changes a node's elements, of which one at least must remain or the caller remove the node.
    fn change<R>(&mut self, index: usize, f: impl FnOnce(&mut Packed) -> R) -> R {
        let node = &mut self.nodes[index];
        let (count, bytes) = (node.count(), node.heap_bytes());
        let result = node.change(f);
        self.len = self.len - count + node.count();
        self.node_bytes = self.node_bytes - bytes + node.heap_bytes();
        if self.asked_depth() > 0 {
            self.compress_if_inner(index, self.asked_depth());
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
            if let Some(node) = self.nodes.remove(index) {
                self.len -= count;
                self.node_bytes -= node.heap_bytes();
            }
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
            if !node.read(|packed| part::walk_packed(packed, offset..offset + n, f)) {
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
            if !node.read(|packed| part::walk_packed_rev(packed, end - n..end, f)) {
                return false;
            }
            left -= n;
            if left == 0 {
                break;
            }
        }
        true
    }

    // In the middle.

    /// Puts an element in the place of the one at an index below the length.
    pub(super) fn set(&mut self, index: usize, text: &[u8]) {
        let place = self.locate(index);
        let node = &self.nodes[place.node];
        let old = node.read(|packed| at(packed, place.offset).map_or(0, |at| packed.encoded_len_at(at)));
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
        let offset_in = |node: &Node| node.read(|packed| packed.iter().position(|item| item == Item::of(pivot)));
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
            let matches = self.nodes[index].read(|packed| count_equal(packed, text));
            if matches > 0 {
                let n = matches.min(left);
                // Seen from the front, those that go are the first `n` or the last.
                let skipped = if from == End::Front { 0 } else { matches - n };
                self.change(index, |packed| part::remove_packed(packed, wanted, skipped, n));
                left -= n;
            }
        }
        if left < limit {
            self.nodes.retain(|node| node.count() > 0);
            self.nodes_were_removed(count - self.nodes.len());
        }
        limit - left
    }

    /// Checks what must always hold.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let depth = self.asked_depth();
        assert_eq!(self.len, self.nodes.iter().map(Node::count).sum::<usize>());
        assert_eq!(self.node_bytes, self.nodes.iter().map(Node::heap_bytes).sum::<usize>());
        for (index, node) in self.nodes.iter().enumerate() {
            let inner = depth > 0 && index >= depth && index + depth < self.nodes.len();
            assert!(depth == 0 || inner || !node.is_compressed(), "node {index} of {} is compressed", self.nodes.len());
            assert!(node.count() > 0);
            assert_eq!(node.count(), node.read(Packed::len));
            if inner && !node.is_compressed() {
                let mut again = Node::new(node.clone().into_packed());
                again.compress(SAVED_MIN);
                assert!(!again.is_compressed(), "node {index} of {} is not compressed", self.nodes.len());
            }
            // What encodes the last element of a block that has become a node may lie beyond the limit.
            let within = !self.limits.exceeded(node.listpack_bytes().saturating_sub(10), node.count());
            assert!(within || node.count() == 1, "node {index} has {} bytes", node.listpack_bytes());
        }
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

fn count_equal(packed: &Packed, text: &[u8]) -> usize {
    let mut count = 0;
    let mut found = packed.find(text, packed.first(), 0);
    while let Some(at) = found {
        count += 1;
        found = packed.find(text, packed.next(at), 0);
    }
    count
}
