//! What must always hold of a long list, for tests.
//!
//! Owns the checks; must not change anything.

use super::super::node::Node;
use super::Quick;
use crate::base::size_class::good_size;
use crate::types::packed::Packed;

impl Quick {
    /// Nodes that are compressed, and that are warm.
    pub(in crate::types::list) fn compressed_and_warm(&self) -> (usize, usize) {
        (self.nodes.iter().filter(|node| node.is_compressed()).count(), self.warm as usize)
    }

    /// Checks what must always hold.
    pub(in crate::types::list) fn check(&self) {
        let plain = self.plain_depth();
        assert_eq!(self.len, self.nodes.iter().map(Node::count).sum::<usize>());
        assert_eq!(self.node_bytes, self.nodes.iter().map(Node::heap_bytes).sum::<usize>());
        assert_eq!(self.array_bytes, good_size(self.nodes.capacity() * size_of::<Node>()));
        assert_eq!(self.warm as usize, self.nodes.iter().filter(|node| node.is_warm()).count());
        for (index, node) in self.nodes.iter().enumerate() {
            let may = index >= plain && index + plain < self.nodes.len();
            assert!(may || !node.is_compressed(), "node {index} of {} is compressed", self.nodes.len());
            assert!(node.count() > 0);
            assert_eq!(node.count(), node.read(Packed::len));
            if self.is_inner(index) {
                let done = node.is_compressed() || node.is_incompressible();
                assert!(done || node.is_warm(), "node {index} of {} is not compressed", self.nodes.len());
                assert!(!node.is_warm() || self.limits.compress_depth == 0);
            }
            // What encodes the last element of a block that has become a node may lie beyond the limit.
            let within = !self.limits.exceeded(node.listpack_bytes().saturating_sub(10), node.count());
            assert!(within || node.count() == 1, "node {index} has {} bytes", node.listpack_bytes());
        }
    }
}
