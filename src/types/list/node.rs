//! A node of a long list: a packed block, or its compressed form.
//!
//! Owns the two forms and the way between them; must not know of other nodes, nor which of them are to be compressed. A node
//! says how many elements it has without its block being touched, because a search for an index reads that of every node it
//! passes. 16 bytes.

use super::super::block::Block;
use super::super::packed::Packed;

/// A node that takes fewer bytes is not compressed.
const COMPRESSED_FROM: usize = 48;
/// Compression that was asked for and saves fewer bytes is not worth the work.
pub(super) const SAVED_MIN: usize = 8;
/// A node that takes more bytes is not compressed: a single huge element, beyond what the compressor promises to take.
const COMPRESSED_TO: usize = 1 << 30;
/// Bytes before the compressed ones: how many there were.
const PREFIX: usize = 4;

/// A run of a list's elements.
#[derive(Clone)]
pub(super) enum Node {
    /// As it is worked with.
    Plain {
        /// Elements.
        count: u32,
        /// Compression has been tried since the last change, in vain.
        incompressible: bool,
        /// The elements.
        packed: Packed,
    },
    /// To be expanded before it is worked with.
    Compressed {
        /// Elements.
        count: u32,
        /// The number of bytes of the elements, then their bytes, compressed as LZ4.
        block: Block,
    },
}

impl Node {
    pub(super) fn new(packed: Packed) -> Self {
        Node::Plain { count: packed.len() as u32, incompressible: false, packed }
    }

    /// Elements. O(1).
    #[inline]
    pub(super) fn count(&self) -> usize {
        match *self {
            Node::Plain { count, .. } | Node::Compressed { count, .. } => count as usize,
        }
    }

    /// Bytes that the elements take as a listpack. O(1).
    pub(super) fn listpack_bytes(&self) -> usize {
        match self {
            Node::Plain { packed, .. } => packed.listpack_bytes(),
            Node::Compressed { block, .. } => expanded_len(block) + Packed::new().listpack_bytes(),
        }
    }

    /// Bytes that the allocator has given for the elements. O(1).
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Node::Plain { packed, .. } => packed.heap_bytes(),
            Node::Compressed { block, .. } => block.heap_bytes(),
        }
    }

    #[cfg(test)]
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self, Node::Compressed { .. })
    }

    /// Lends the elements. O(1), and O(bytes) if they are compressed: they are expanded into a block of their own.
    #[inline]
    pub(super) fn read<R>(&self, f: impl FnOnce(&Packed) -> R) -> R {
        match self {
            Node::Plain { packed, .. } => f(packed),
            Node::Compressed { count, block } => f(&expanded(block, *count as usize)),
        }
    }

    /// Changes the elements, which are plain from then on. O(what `f` does), and O(bytes) if they were compressed.
    #[inline]
    pub(super) fn change<R>(&mut self, f: impl FnOnce(&mut Packed) -> R) -> R {
        self.expand();
        let Node::Plain { count, incompressible, packed } = self else { unreachable!("an expanded node is plain") };
        let result = f(packed);
        *count = packed.len() as u32;
        *incompressible = false;
        result
    }

    /// Takes the elements out of the node.
    pub(super) fn into_packed(mut self) -> Packed {
        self.change(std::mem::take)
    }

    /// Makes the node plain. O(1), and O(bytes) if it was compressed.
    #[inline]
    pub(super) fn expand(&mut self) {
        if let Node::Compressed { count, block } = self {
            *self = Node::new(expanded(block, *count as usize));
        }
    }

    /// Compresses the node if that saves at least `saved_min` bytes. O(bytes) once after each change.
    pub(super) fn compress(&mut self, saved_min: usize) {
        let Node::Plain { count, incompressible, packed } = self else { return };
        if *incompressible {
            return;
        }
        match compressed(packed, saved_min) {
            Some(block) => *self = Node::Compressed { count: *count, block },
            None => *incompressible = true,
        }
    }
}

fn compressed(packed: &Packed, saved_min: usize) -> Option<Block> {
    let entries = packed.as_entries();
    if !(COMPRESSED_FROM..=COMPRESSED_TO).contains(&packed.listpack_bytes()) {
        return None;
    }
    let small = lz4_flex::block::compress(entries);
    if small.len() + PREFIX + saved_min > entries.len() {
        return None;
    }
    let mut block = Block::new();
    block.splice(0, 0, &[&(entries.len() as u32).to_le_bytes(), &small], packed.len());
    Some(block)
}

fn expanded_len(block: &Block) -> usize {
    let prefix = block.bytes()[..PREFIX].try_into().expect("the prefix has four bytes");
    u32::from_le_bytes(prefix) as usize
}

fn expanded(block: &Block, count: usize) -> Packed {
    let entries = lz4_flex::block::decompress(&block.bytes()[PREFIX..], expanded_len(block));
    Packed::from_entries(&entries.expect("what was compressed here can be expanded"), count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn a_node_is_two_words() {
        assert_eq!(size_of::<Node>(), 16);
    }

    #[test]
    fn compressing_keeps_the_elements() {
        let mut rng = Rng::new(1);
        let (mut shrunk, mut kept) = (0, 0);
        for _ in 0..2000 {
            let mut packed = Packed::new();
            let random = rng.below(2) == 0;
            for _ in 0..rng.below(30) + 1 {
                let text: Vec<u8> =
                    (0..rng.below(20)).map(|_| if random { rng.next_u64() as u8 } else { b'a' }).collect();
                packed.push_back(&text);
            }
            let mut node = Node::new(packed.clone());
            node.compress(SAVED_MIN);
            if node.is_compressed() {
                shrunk += 1;
                assert!(packed.listpack_bytes() >= COMPRESSED_FROM && node.heap_bytes() <= packed.heap_bytes());
            } else {
                kept += 1;
            }
            assert_eq!((node.count(), node.listpack_bytes()), (packed.len(), packed.listpack_bytes()));
            node.read(|read| assert_eq!(read.as_entries(), packed.as_entries()));
            node.clone().change(|own| own.push_back(b"x"));
            assert_eq!(node.into_packed().as_entries(), packed.as_entries());
        }
        assert!(shrunk > 300 && kept > 300, "{shrunk} {kept}");
    }
}
