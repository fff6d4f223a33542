#![allow(unsafe_code)]
//! The order of a large sorted set: an order-statistic B+tree of (score, member).
//!
//! Owns its nodes, not the members: the member index does, and must keep a member's block until the tree has given it
//! up. Knows nothing of ranges as commands spell them: a place is sought by score, by score and member, by member alone,
//! or by rank; a walk goes from a place in either direction until it is told to stop.
//!
//! Inner nodes hold for each child its first entry, the number of entries under it, and the pointer. So the rank of a
//! place is the sum of what the way down leaves on the left. Leaves are linked in both directions for walks.
//!
//! *Filling.* An insertion makes room on its way down: a full child first shares with a neighbour that has room for some;
//! two full neighbours become three nodes (Knuth's B*-tree), unless the insertion is at an end of the child: then a new
//! node begins there, so that ascending or descending insertions leave full nodes behind. Random insertions fill nodes to more than 80 %. A removal joins
//! two neighbours that fit into one node with some room to spare, so nodes are not split and joined in turn; there is no
//! other lower limit, as in Sen and Tarjan's "Deletion without rebalancing in multiway search trees" (2009).
//!
//! *Memory* is what the allocator gives or the process ends; nothing is allocated by reading.

mod build;
mod erase;
mod node;

use std::marker::PhantomData;
use std::ptr;

use self::node::{CAP, Node, child, count_before, counts, give_left, give_right, key, keys, len, open, total};
use super::member::Ref;
use crate::base::pace;

/// A neighbour with at least so many free places takes some of a full node.
const ROOM_MIN: usize = CAP / 8;
/// How many entries ahead of a walk members are fetched into the cache.
const AHEAD: usize = 8;

/// A place in the order, between two entries; everything that it says lies before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seek<'a> {
    /// After all lower scores and, if `true`, after this score.
    Score(f64, bool),
    /// After all that is lower than the score and member and, if `true`, after that entry.
    Key(f64, &'a [u8], bool),
    /// After all lower members and, if `true`, after this one. For a tree whose scores are all equal.
    Lex(&'a [u8], bool),
}

/// The tree.
pub(super) struct Tree {
    /// Null if there is no entry.
    root: *mut Node,
    /// Levels above the leaves.
    height: usize,
    first: *mut Node,
    last: *mut Node,
    len: usize,
    leaves: usize,
    inners: usize,
}

// SAFETY: the nodes are owned; the members that they point to may be read and freed by any thread.
unsafe impl Send for Tree {}
// SAFETY: `&Tree` only reads.
unsafe impl Sync for Tree {}

/// A place, with its rank. Entries are walked from it in either direction.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    /// The leaf; null if the tree is empty.
    leaf: *const Node,
    /// Below the leaf's length, or equal: behind its last entry.
    at: usize,
    /// Entries before the place.
    pub(super) rank: usize,
    tree: PhantomData<&'t Tree>,
}

impl Tree {
    pub(super) const fn new() -> Tree {
        let null = ptr::null_mut();
        Tree { root: null, height: 0, first: null, last: null, len: 0, leaves: 0, inners: 0 }
    }

    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the allocator has given for the nodes. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        self.leaves * node::node_bytes(true) + self.inners * node::node_bytes(false)
    }

    /// The place that `sought` describes. O(log n).
    pub(super) fn seek(&self, sought: Seek<'_>) -> Place<'_> {
        if self.root.is_null() {
            return Place { leaf: ptr::null(), at: 0, rank: 0, tree: PhantomData };
        }
        let mut node = self.root;
        let mut rank = 0;
        // SAFETY: nodes and members of the tree live; `count_before` returns at most the node's length, and no inner
        // node is empty.
        unsafe {
            for _ in 0..self.height {
                // What is sought is not before the child whose first entry is the last that lies before the place.
                let i = count_before(node, sought).saturating_sub(1);
                rank += counts(node)[..i].iter().sum::<u64>() as usize;
                node = child(node, i);
            }
            let at = count_before(node, sought);
            Place { leaf: node, at, rank: rank + at, tree: PhantomData }
        }
    }

    /// The place before the entry of a rank, or behind the last one. O(log n).
    pub(super) fn at_rank(&self, rank: usize) -> Place<'_> {
        let rank = rank.min(self.len);
        if self.root.is_null() {
            return Place { leaf: ptr::null(), at: 0, rank: 0, tree: PhantomData };
        }
        let mut node = self.root;
        let mut rest = rank as u64;
        // SAFETY: nodes of the tree live, and no inner node is empty.
        unsafe {
            for _ in 0..self.height {
                let mut i = 0;
                let counts = counts(node);
                while i + 1 < counts.len() && rest >= counts[i] {
                    rest -= counts[i];
                    i += 1;
                }
                node = child(node, i);
            }
        }
        Place { leaf: node, at: rest as usize, rank, tree: PhantomData }
    }

    /// The entry of a rank. O(log n).
    pub(super) fn get(&self, rank: usize) -> Option<(f64, &[u8])> {
        if rank >= self.len {
            return None;
        }
        let place = self.at_rank(rank);
        // SAFETY: a rank below the length leads to an entry of a live leaf; its member lives as long as the tree.
        unsafe {
            let (score, member) = key(place.leaf, place.at);
            Some((score, member.bytes()))
        }
    }

    /// Adds an entry. O(log n).
    ///
    /// # Safety
    /// The member is not in the tree, and its block lives until it is removed, or the tree is not used again but for
    /// being dropped. The score is not NaN.
    pub(super) unsafe fn insert(&mut self, score: f64, member: Ref) {
        // SAFETY: the member lives; nodes of the tree do; and each step leaves room in the next node down.
        unsafe {
            let sought = Seek::Key(score, member.bytes(), false);
            let mut node = self.root_with_room();
            for level in (1..=self.height).rev() {
                let mut before = count_before(node, sought);
                let i = before.saturating_sub(1);
                let full = child(node, i);
                if len(full) == CAP {
                    self.make_room(node, level, i, count_before(full, sought));
                    before = count_before(node, sought);
                }
                if before == 0 {
                    node::set_key(node, 0, (score, member));
                }
                let i = before.saturating_sub(1);
                node::set_count(node, i, counts(node)[i] + 1);
                node = child(node, i);
            }
            let at = count_before(node, sought);
            open(0, node, at, 1);
            node::set_key(node, at, (score, member));
        }
        self.len += 1;
    }

    /// The root, which is there and not full afterwards.
    unsafe fn root_with_room(&mut self) -> *mut Node {
        if self.root.is_null() {
            self.root = self.allocate(0);
            (self.first, self.last) = (self.root, self.root);
        }
        // SAFETY: nodes of the tree live.
        unsafe {
            if len(self.root) == CAP {
                let root = self.allocate(self.height + 1);
                open(self.height + 1, root, 0, 1);
                node::set_child(root, 0, self.root);
                refresh(root, self.height + 1, 0);
                self.root = root;
                self.height += 1;
            }
        }
        self.root
    }

    /// Makes room in the full `i`th child of a node of `level` that is not full, for something that comes at place `at`
    /// in it: see the top of the file.
    unsafe fn make_room(&mut self, node: *mut Node, level: usize, i: usize, at: usize) {
        // SAFETY: the node and its children live; places are below its length.
        unsafe {
            let room = |j: usize| CAP - len(child(node, j));
            if i > 0 && room(i - 1) >= ROOM_MIN {
                balance(node, level, i - 1);
            } else if i + 1 < len(node) && room(i + 1) >= ROOM_MIN {
                balance(node, level, i);
            } else if at == CAP {
                self.split(node, level, i, CAP - 1);
            } else if at == 0 {
                self.split(node, level, i, 1);
            } else if len(node) > 1 {
                let left = i.saturating_sub(1);
                let both = len(child(node, left)) + len(child(node, left + 1));
                self.split(node, level, left, both / 3);
                balance(node, level, left + 1);
            } else {
                self.split(node, level, i, CAP / 2);
            }
        }
    }

    /// Moves what stands from place `at` in the `i`th child of a node of `level` to a new child behind it. At least one
    /// item must stay, and one go; the node must not be full.
    unsafe fn split(&mut self, node: *mut Node, level: usize, i: usize, at: usize) {
        // SAFETY: the node and its children live.
        unsafe {
            let old = child(node, i);
            let new = self.allocate(level - 1);
            give_right(level - 1, old, new, len(old) - at);
            open(level, node, i + 1, 1);
            node::set_child(node, i + 1, new);
            refresh(node, level, i);
            refresh(node, level, i + 1);
            if level == 1 {
                self.link_behind(old, new);
            }
        }
    }

    /// Links a new leaf behind another.
    unsafe fn link_behind(&mut self, old: *mut Node, new: *mut Node) {
        // SAFETY: both live, and so do their neighbours, unless null.
        unsafe {
            let next = (*old).next;
            ((*new).prev, (*new).next) = (old, next);
            (*old).next = new;
            if next.is_null() {
                self.last = new;
            } else {
                (*next).prev = new;
            }
        }
    }

    /// Links the neighbours of a leaf with each other.
    unsafe fn unlink(&mut self, leaf: *mut Node) {
        // SAFETY: the leaf lives, and so do its neighbours, unless null.
        unsafe {
            let (prev, next) = ((*leaf).prev, (*leaf).next);
            if prev.is_null() {
                self.first = next
            } else {
                (*prev).next = next
            }
            if next.is_null() { self.last = prev } else { (*next).prev = prev }
        }
    }

    /// A new empty node, counted.
    fn allocate(&mut self, level: usize) -> *mut Node {
        if level == 0 {
            self.leaves += 1
        } else {
            self.inners += 1
        }
        node::new_node(level)
    }

    /// Frees a node and nothing below it.
    unsafe fn free(&mut self, node: *mut Node, level: usize) {
        if level == 0 {
            self.leaves -= 1
        } else {
            self.inners -= 1
        }
        // SAFETY: the caller has taken the node out of the tree.
        unsafe { node::free_node(node, level) }
        pace::breathe();
    }

    /// Frees a node and all below it, leaves from left to right, and shows each leaf's entries to `f` first.
    unsafe fn free_subtree(&mut self, node: *mut Node, level: usize, f: &mut impl FnMut(f64, Ref)) {
        // SAFETY: the caller has taken the node out of the tree, or is about to.
        unsafe {
            if level == 0 {
                let (scores, members) = keys(node);
                scores.iter().zip(members).for_each(|(score, member)| f(*score, *member));
                self.unlink(node);
            } else {
                for i in 0..len(node) {
                    self.free_subtree(child(node, i), level - 1, f);
                }
            }
            self.free(node, level);
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if !self.root.is_null() {
            // SAFETY: the tree is not used again; members are not looked at.
            unsafe { self.free_subtree(self.root, self.height, &mut |_, _| {}) }
        }
    }
}

/// Writes anew what a node of `level` holds about its `i`th child.
unsafe fn refresh(node: *mut Node, level: usize, i: usize) {
    // SAFETY: the node and its child live, and the child is not empty.
    unsafe {
        let child = child(node, i);
        node::set_key(node, i, key(child, 0));
        node::set_count(node, i, total(child, level - 1));
    }
}

/// Spreads evenly what the `i`th and the next child of a node of `level` hold.
unsafe fn balance(node: *mut Node, level: usize, i: usize) {
    // SAFETY: the node and its children live.
    unsafe {
        let (left, right) = (child(node, i), child(node, i + 1));
        let half = usize::midpoint(len(left), len(right));
        if len(left) > half {
            give_right(level - 1, left, right, len(left) - half);
        } else {
            give_left(level - 1, left, right, half - len(left));
        }
        refresh(node, level, i);
        refresh(node, level, i + 1);
    }
}

impl<'t> Place<'t> {
    /// Shows the entries behind the place, in order, until `f` answers `false`.
    pub(super) fn forward(self, mut f: impl FnMut(f64, &'t [u8]) -> bool) {
        let Place { mut leaf, mut at, .. } = self;
        while !leaf.is_null() {
            // SAFETY: leaves live as long as the tree, which is borrowed, and so do members. A prefetch of the next leaf
            // takes a pointer that may be null.
            unsafe {
                let (scores, members) = keys(leaf);
                let next = (*leaf).next;
                if let Some(next) = next.as_ref() {
                    crate::base::table::prefetch_start(next);
                }
                members.iter().skip(at).take(AHEAD).for_each(|m| m.prefetch());
                for i in at..scores.len() {
                    if let Some(ahead) = members.get(i + AHEAD) {
                        ahead.prefetch();
                    }
                    if !f(scores[i], members[i].bytes()) {
                        return;
                    }
                }
                (leaf, at) = (next, 0);
            }
        }
    }

    /// Shows the entries before the place, the nearest first, until `f` answers `false`.
    pub(super) fn backward(self, mut f: impl FnMut(f64, &'t [u8]) -> bool) {
        let Place { mut leaf, mut at, .. } = self;
        while !leaf.is_null() {
            // SAFETY: as in `forward`.
            unsafe {
                let (scores, members) = keys(leaf);
                let prev = (*leaf).prev;
                if let Some(prev) = prev.as_ref() {
                    crate::base::table::prefetch_start(prev);
                }
                members[..at].iter().rev().take(AHEAD).for_each(|m| m.prefetch());
                for i in (0..at).rev() {
                    if i >= AHEAD {
                        members[i - AHEAD].prefetch();
                    }
                    if !f(scores[i], members[i].bytes()) {
                        return;
                    }
                }
                at = if prev.is_null() { 0 } else { len(prev) };
                leaf = prev;
            }
        }
    }
}

#[cfg(test)]
mod tests;
