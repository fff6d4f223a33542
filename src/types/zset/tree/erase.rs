#![allow(unsafe_code)]
//! Removal from the tree, of one entry or of a range of ranks, and the move of an entry to another score.
//!
//! Both removals go down to the leaves by recursion (a tree of 2^40 entries has a height of 8) and mend what they have
//! thinned out on their way up: an empty child is freed, two neighbours that fit into one become one.

use std::mem;

use super::node::{CAP, Node, child, close, count_before, counts, give_left, key, keys, len, set_count, set_key};
use super::{Ref, Seek, Tree, refresh};

/// Two neighbours with no more than so much together become one node.
const JOIN_MAX: usize = CAP - CAP / 8;

impl Tree {
    /// Removes an entry. O(log n).
    ///
    /// # Panics
    /// If it is not there.
    pub(in super::super) fn remove(&mut self, score: f64, member: Ref) {
        assert!(!self.root.is_null(), "an entry to be removed is in the tree");
        // SAFETY: the tree's nodes and members live; the member is one of them, as is asserted at its leaf.
        unsafe {
            let sought = Seek::Key(score, member.bytes(), true);
            self.remove_below(self.root, self.height, sought, member);
            self.len -= 1;
            self.lower_root();
        }
    }

    unsafe fn remove_below(&mut self, node: *mut Node, level: usize, sought: Seek<'_>, member: Ref) {
        // SAFETY: the node and all below it live.
        unsafe {
            let before = count_before(node, sought);
            assert!(before > 0, "an entry to be removed is in the tree");
            let i = before - 1;
            if level == 0 {
                assert!(key(node, i).1 == member, "an entry to be removed is in the tree");
                close(0, node, i, 1);
                return;
            }
            self.remove_below(child(node, i), level - 1, sought, member);
            set_count(node, i, counts(node)[i] - 1);
            self.mend(node, level, i);
        }
    }

    /// Removes the entries of the ranks `from..to`, and shows them to `f` in order, which may free them.
    /// O(log n + removed).
    pub(in super::super) fn cut(&mut self, from: usize, to: usize, f: &mut impl FnMut(f64, Ref)) {
        let to = to.min(self.len);
        if from >= to {
            return;
        }
        // SAFETY: the tree's nodes live. No member that `f` has freed is looked at again: `cut_below` only moves pointers,
        // and writes the first entries anew where they have changed before anything is sought.
        unsafe {
            if from == 0 && to == self.len {
                self.free_subtree(self.root, self.height, f);
                mem::forget(mem::take(self));
                return;
            }
            self.cut_below(self.root, self.height, from as u64, to as u64, f);
            self.len -= to - from;
            self.lower_root();
        }
    }

    /// Removes `from..to`, which is some but not all, from a node.
    unsafe fn cut_below(&mut self, node: *mut Node, level: usize, from: u64, to: u64, f: &mut impl FnMut(f64, Ref)) {
        // SAFETY: the node and all below it live.
        unsafe {
            if level == 0 {
                let (from, to) = (from as usize, to as usize);
                let (scores, members) = keys(node);
                (from..to).for_each(|i| f(scores[i], members[i]));
                close(0, node, from, to - from);
                return;
            }
            // Children that lose all: a run, next to which at most two lose some.
            let mut gone = 0..0;
            let mut thinned = 0;
            let mut start = 0;
            for i in 0..len(node) {
                let count = counts(node)[i];
                let (low, high) = (from.clamp(start, start + count) - start, to.clamp(start, start + count) - start);
                start += count;
                if low == high {
                    continue;
                }
                if high - low == count {
                    self.free_subtree(child(node, i), level - 1, f);
                    gone = if gone.is_empty() { i..i + 1 } else { gone.start..i + 1 };
                } else {
                    self.cut_below(child(node, i), level - 1, low, high, f);
                    refresh(node, level, i);
                    thinned = i;
                }
            }
            close(level, node, gone.start, gone.len());
            let right = if thinned >= gone.end { thinned - gone.len() } else { gone.start.min(len(node) - 1) };
            self.mend(node, level, right);
            if right > 0 {
                self.mend(node, level, right - 1);
            }
        }
    }

    /// Puts right what a node of `level` holds about its `i`th child, which has lost entries: frees it if it is empty,
    /// joins it with a neighbour if they fit into one.
    unsafe fn mend(&mut self, node: *mut Node, level: usize, i: usize) {
        // SAFETY: the node and its children live.
        unsafe {
            let thin = child(node, i);
            if len(thin) == 0 {
                if level == 1 {
                    self.unlink(thin);
                }
                close(level, node, i, 1);
                self.free(thin, level - 1);
                return;
            }
            set_key(node, i, key(thin, 0));
            if i > 0 && len(child(node, i - 1)) + len(thin) <= JOIN_MAX {
                self.join(node, level, i - 1);
            } else if i + 1 < len(node) && len(thin) + len(child(node, i + 1)) <= JOIN_MAX {
                self.join(node, level, i);
            }
        }
    }

    /// Moves all of the child behind the `i`th of a node of `level` to that, and frees it.
    unsafe fn join(&mut self, node: *mut Node, level: usize, i: usize) {
        // SAFETY: the node and its children live, and the two fit into one.
        unsafe {
            let (left, right) = (child(node, i), child(node, i + 1));
            give_left(level - 1, left, right, len(right));
            if level == 1 {
                self.unlink(right);
            }
            set_count(node, i, counts(node)[i] + counts(node)[i + 1]);
            close(level, node, i + 1, 1);
            self.free(right, level - 1);
        }
    }

    /// Takes away roots of a single child, or an empty one.
    unsafe fn lower_root(&mut self) {
        // SAFETY: nodes of the tree live; those that are freed are not used again.
        unsafe {
            while self.height > 0 && len(self.root) == 1 {
                let root = self.root;
                self.root = child(root, 0);
                self.free(root, self.height);
                self.height -= 1;
            }
            if len(self.root) == 0 {
                self.free(self.root, self.height);
                mem::forget(mem::take(self));
            }
        }
    }

    /// Changes the score of an entry: in place where it keeps its rank inside its leaf. O(log n).
    ///
    /// # Panics
    /// If it is not there with the score `old`.
    pub(in super::super) fn move_to(&mut self, old: f64, new: f64, member: Ref) {
        // SAFETY: the member is in the tree, so it lives; so do nodes. The place comes from the tree that is borrowed
        // exclusively, so its leaf may be changed.
        unsafe {
            let bytes = member.bytes();
            let place = self.seek(Seek::Key(old, bytes, true));
            let leaf = place.leaf.cast_mut();
            // An entry at the edge of its leaf is a key of its parent, or borders on another leaf.
            if place.at >= 2 && place.at < len(leaf) {
                let i = place.at - 1;
                let is_below = |a: (f64, &[u8]), b: (f64, &[u8])| a.0 < b.0 || (a.0 == b.0 && a.1 < b.1);
                let neighbour = |i: usize| (key(leaf, i).0, key(leaf, i).1.bytes());
                if is_below(neighbour(i - 1), (new, bytes)) && is_below((new, bytes), neighbour(i + 1)) {
                    assert!(key(leaf, i).1 == member, "an entry to be moved is in the tree");
                    set_key(leaf, i, (new, member));
                    return;
                }
            }
            self.remove(old, member);
            self.insert(new, member);
        }
    }
}
