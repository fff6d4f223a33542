//! Which nodes of a long list are compressed, and when.
//!
//! Owns the choice of the nodes and of the way; the forms are `list/node.rs`'s. Must not know what the elements mean.
//!
//! With `list-compress-depth` d above 0, as in Redis: the d nodes at each end are plain, those between are compressed as LZ4
//! where it pays. A node is compressed when it gets between, or has been changed there; expanded when it comes to an end, or
//! is to be changed. A reader expands into a copy of its own.
//!
//! With 0, the default, the nodes far from both ends are made dense (`packed/dense.rs`) where it pays, so that what waits in
//! the middle of a long list takes less memory, in such a way that nobody waits for it:
//! - a node becomes dense when it comes to be [`COLD_FROM`] nodes away from both ends, so that of the pushes at an end only
//!   those that begin a node (one in hundreds) do work beyond their own, on one node of at most 16 KiB;
//! - it is expanded when it becomes the first or the last, not before: pushes and pops that go to and fro over the border of
//!   two nodes find plain ones on both sides;
//! - a reader expands the part that it reads, a search for an index none that it passes;
//! - a search for an element looks at the heads, and at texts of the same length only (`dense::find`);
//! - a node that has been changed stays plain and is *warm*: each time that a node begins or ends, a hand that goes round
//!   over the nodes makes one warm one dense again. So the second change of a node finds it plain, and a list that is changed
//!   everywhere while it does not grow becomes as large as it would be in Redis, and as quick;
//! - one that does not get smaller is remembered as such until it is changed.
//!
//! The nodes are those of a list, so the lock of its key protects all of it, and there is no work in the background.

use super::super::node::Method;
use super::Quick;

/// Nodes at each end that are not made dense.
const COLD_FROM: usize = 8;
/// Nodes that the hand passes at most in one go.
const HAND_STEPS: usize = 64;

impl Quick {
    /// How inner nodes are compressed.
    pub(super) fn method(&self) -> Method {
        if self.limits.compress_depth > 0 { Method::Lz4 } else { Method::Dense }
    }

    /// Nodes at each end that do not become compressed.
    pub(super) fn depth(&self) -> usize {
        match self.limits.compress_depth {
            0 => COLD_FROM,
            depth => usize::from(depth),
        }
    }

    /// Nodes at each end that are not left compressed.
    pub(super) fn plain_depth(&self) -> usize {
        usize::from(self.limits.compress_depth).max(1)
    }

    /// Whether the node at `index` is one of those that become compressed.
    #[inline]
    pub(super) fn is_inner(&self, index: usize) -> bool {
        let depth = self.depth();
        index >= depth && index + depth < self.nodes.len()
    }

    pub(super) fn compress_if_inner(&mut self, index: usize) {
        if self.is_inner(index) {
            let method = self.method();
            let node = &mut self.nodes[index];
            self.node_bytes -= node.heap_bytes();
            self.warm -= u32::from(node.set_warm(false));
            node.compress(method);
            self.node_bytes += node.heap_bytes();
        }
    }

    pub(super) fn expand(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index)
            && node.is_compressed()
        {
            self.node_bytes -= node.heap_bytes();
            node.expand();
            self.node_bytes += node.heap_bytes();
        }
    }

    /// What follows the change of an inner node: it is compressed at once, or left for later.
    #[cold]
    pub(super) fn inner_was_changed(&mut self, index: usize) {
        if self.method() == Method::Lz4 {
            return self.compress_if_inner(index);
        }
        self.warm += u32::from(self.nodes[index].set_warm(true));
    }

    /// Compresses the next warm node, if there is one within a few steps. O(bytes of a node).
    pub(super) fn cool_one(&mut self) {
        if self.warm == 0 {
            return;
        }
        let mut hand = self.hand as usize;
        for _ in 0..HAND_STEPS.min(self.nodes.len()) {
            hand = if hand + 1 < self.nodes.len() { hand + 1 } else { 0 };
            if self.nodes[hand].is_warm() {
                if self.is_inner(hand) {
                    self.compress_if_inner(hand);
                    break;
                }
                // It has come near an end, and will be looked at when it leaves.
                self.warm -= u32::from(self.nodes[hand].set_warm(false));
            }
        }
        self.hand = hand as u32;
    }
}
