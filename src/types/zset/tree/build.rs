#![allow(unsafe_code)]
//! A tree from entries in order, level by level, without a search: for results that are stored whole, and for copies.

use super::node::{CAP, Node, open, set_child, set_key};
use super::{Ref, Tree, refresh};

/// What a node gets: some room is left for what comes later.
const FILL: usize = CAP - 2;

impl Tree {
    /// A tree of the entries, which are in order. O(n).
    ///
    /// # Safety
    /// As for [`Tree::insert`], for every entry; and they ascend.
    pub(in super::super) unsafe fn bulk(entries: impl ExactSizeIterator<Item = (f64, Ref)>) -> Tree {
        let mut tree = Tree::new();
        tree.len = entries.len();
        if tree.len == 0 {
            return tree;
        }
        // SAFETY: the nodes are new, and each is given no more items than it has room for.
        unsafe {
            let mut nodes = tree.bulk_leaves(entries);
            while nodes.len() > 1 {
                tree.height += 1;
                nodes = tree.bulk_level(&nodes);
            }
            tree.root = nodes[0];
        }
        tree
    }

    unsafe fn bulk_leaves(&mut self, mut entries: impl ExactSizeIterator<Item = (f64, Ref)>) -> Vec<*mut Node> {
        let mut nodes = Vec::new();
        for share in shares(entries.len()) {
            let leaf = self.allocate(0);
            // SAFETY: the leaf is new; a share is at most what fits.
            unsafe {
                open(0, leaf, 0, share);
                entries.by_ref().take(share).enumerate().for_each(|(i, entry)| set_key(leaf, i, entry));
                match nodes.last() {
                    Some(last) => self.link_behind(*last, leaf),
                    None => (self.first, self.last) = (leaf, leaf),
                }
            }
            nodes.push(leaf);
        }
        nodes
    }

    /// The level above `below`, whose height the tree has already.
    unsafe fn bulk_level(&mut self, below: &[*mut Node]) -> Vec<*mut Node> {
        let mut nodes = Vec::new();
        let mut rest = below;
        for share in shares(below.len()) {
            let (children, others) = rest.split_at(share);
            rest = others;
            let node = self.allocate(self.height);
            // SAFETY: the node is new; a share is at most what fits.
            unsafe {
                open(self.height, node, 0, share);
                for (i, below) in children.iter().enumerate() {
                    set_child(node, i, *below);
                    refresh(node, self.height, i);
                }
            }
            nodes.push(node);
        }
        nodes
    }
}

/// How `n` items are dealt evenly to as few nodes as hold them.
fn shares(n: usize) -> impl Iterator<Item = usize> {
    let nodes = n.div_ceil(FILL);
    (0..nodes).map(move |i| n / nodes + usize::from(i < n % nodes))
}
