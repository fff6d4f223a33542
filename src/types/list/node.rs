//! A node of a long list: a packed block, or its compressed form.
//!
//! Owns the two forms and the way between them; must not know of other nodes, nor which of them are to be compressed. A node
//! says how many elements it has without its block being touched, because a search for an index reads that of every node it
//! passes. 16 bytes.
//!
//! There are two ways to compress: LZ4, when the user asks for compression (`list-compress-depth`), and the dense form
//! (`packed/dense.rs`), which is quick enough to be used unasked, and from which a part can be read alone.

use std::ops::Range;

use super::super::block::Block;
use super::super::packed::{Packed, dense};

/// A node that takes fewer bytes is not compressed.
const COMPRESSED_FROM: usize = 48;
/// Compression that saves fewer bytes is not worth the work.
const SAVED_MIN: usize = 8;
/// A node that takes more bytes is not compressed: a single huge element, beyond what the compressor promises to take.
const COMPRESSED_TO: usize = 1 << 30;
/// A node that takes fewer bytes is not made dense.
const DENSE_FROM: usize = 128;
/// A node that takes more bytes is not made dense, lest the work hold up others.
const DENSE_TO: usize = 16 * 1024;
/// Bytes before the compressed ones: how many there were.
const PREFIX: usize = 4;

/// How a node is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// LZ4: for runs of bytes that repeat. Pays if it saves a few bytes.
    Lz4,
    /// The dense form. Pays if it saves an eighth.
    Dense,
}

/// A run of a list's elements.
#[derive(Clone)]
pub(super) enum Node {
    /// As it is worked with.
    Plain {
        /// Elements.
        count: u32,
        /// Compression has been tried since the last change, in vain.
        incompressible: bool,
        /// It is to be compressed again when nobody has asked for it for a while.
        warm: bool,
        /// The elements.
        packed: Packed,
    },
    /// To be expanded before it is worked with.
    Compressed {
        /// Elements.
        count: u32,
        /// How.
        method: Method,
        /// The number of bytes of the elements, then their bytes, compressed.
        block: Block,
    },
}

impl Node {
    pub(super) fn new(packed: Packed) -> Self {
        Node::Plain { count: packed.len() as u32, incompressible: false, warm: false, packed }
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

    /// Whether the node is plain and marked as warm.
    #[inline]
    pub(super) fn is_warm(&self) -> bool {
        matches!(self, Node::Plain { warm: true, .. })
    }

    /// Marks a plain node as warm, or not; whether that is a change.
    pub(super) fn set_warm(&mut self, to: bool) -> bool {
        match self {
            Node::Plain { warm, .. } => std::mem::replace(warm, to) != to,
            Node::Compressed { .. } => false,
        }
    }

    #[cfg(test)]
    pub(super) fn is_incompressible(&self) -> bool {
        matches!(self, Node::Plain { incompressible: true, .. })
    }

    #[inline]
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self, Node::Compressed { .. })
    }

    /// Lends the elements. O(1), and O(bytes) if they are compressed: they are expanded into a block of their own.
    #[inline]
    pub(super) fn read<R>(&self, f: impl FnOnce(&Packed) -> R) -> R {
        match self {
            Node::Plain { packed, .. } => f(packed),
            Node::Compressed { count, method, block } => f(&expanded(*method, block, *count as usize)),
        }
    }

    /// Lends a block with the elements of a range, and their range in it. O(1), and O(bytes) if they are compressed, of the
    /// range alone in the dense form.
    #[inline]
    pub(super) fn read_range<R>(&self, range: Range<usize>, f: impl FnOnce(&Packed, Range<usize>) -> R) -> R {
        match self {
            Node::Plain { packed, .. } => f(packed, range),
            Node::Compressed { method: Method::Dense, block, .. } => {
                let entries = dense::expand(&block.bytes()[PREFIX..], range.start, range.len());
                f(&Packed::from_entries(&entries, range.len()), 0..range.len())
            }
            Node::Compressed { .. } => self.read(|packed| f(packed, range)),
        }
    }

    /// Hands out the indexes of the elements with this text, first to last, until `f` says `false`; whether it never did.
    /// O(elements), and O(bytes) if they are compressed as LZ4.
    pub(super) fn find_all(&self, text: &[u8], f: impl FnMut(usize) -> bool) -> bool {
        match self {
            Node::Compressed { method: Method::Dense, block, .. } => dense::find(&block.bytes()[PREFIX..], text, f),
            _ => self.read(|packed| packed.find_all(text, f)),
        }
    }

    /// Changes the elements, which are plain from then on. O(what `f` does), and O(bytes) if they were compressed.
    #[inline]
    pub(super) fn change<R>(&mut self, f: impl FnOnce(&mut Packed) -> R) -> R {
        self.expand();
        let Node::Plain { count, incompressible, packed, .. } = self else { unreachable!("an expanded node is plain") };
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
        if let Node::Compressed { count, method, block } = self {
            *self = Node::new(expanded(*method, block, *count as usize));
        }
    }

    /// Compresses the node if that pays. O(bytes) once after each change.
    pub(super) fn compress(&mut self, method: Method) {
        let Node::Plain { count, incompressible, packed, .. } = self else { return };
        if *incompressible {
            return;
        }
        match compressed(method, packed) {
            Some(block) => *self = Node::Compressed { count: *count, method, block },
            None => *incompressible = true,
        }
    }
}

fn compressed(method: Method, packed: &Packed) -> Option<Block> {
    let entries = packed.as_entries();
    let (sizes, size_max) = match method {
        Method::Lz4 => (COMPRESSED_FROM..=COMPRESSED_TO, entries.len().saturating_sub(SAVED_MIN)),
        Method::Dense => (DENSE_FROM..=DENSE_TO, entries.len() / 8 * 7),
    };
    if !sizes.contains(&packed.listpack_bytes()) {
        return None;
    }
    let small = match method {
        Method::Lz4 => Some(lz4_flex::block::compress(entries)).filter(|small| small.len() + PREFIX <= size_max),
        Method::Dense => dense::dense(entries, size_max - PREFIX),
    }?;
    let mut block = Block::new();
    block.splice(0, 0, &[&(entries.len() as u32).to_le_bytes(), &small], packed.len());
    Some(block)
}

fn expanded_len(block: &Block) -> usize {
    let prefix = block.bytes()[..PREFIX].try_into().expect("the prefix has four bytes");
    u32::from_le_bytes(prefix) as usize
}

fn expanded(method: Method, block: &Block, count: usize) -> Packed {
    let small = &block.bytes()[PREFIX..];
    let entries = match method {
        Method::Lz4 => lz4_flex::block::decompress(small, expanded_len(block)).expect("what was compressed here"),
        Method::Dense => dense::expand(small, 0, count),
    };
    Packed::from_entries(&entries, count)
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
        for round in 0..4000 {
            let method = [Method::Lz4, Method::Dense][round % 2];
            let mut packed = Packed::new();
            let random = rng.below(2) == 0;
            for _ in 0..rng.below(60) + 1 {
                let text: Vec<u8> =
                    (0..rng.below(20)).map(|_| if random { rng.next_u64() as u8 } else { b'a' }).collect();
                packed.push_back(&text);
            }
            let mut node = Node::new(packed.clone());
            node.compress(method);
            if node.is_compressed() {
                shrunk += 1;
                assert!(packed.listpack_bytes() >= COMPRESSED_FROM && node.heap_bytes() <= packed.heap_bytes());
            } else {
                kept += 1;
            }
            assert_eq!((node.count(), node.listpack_bytes()), (packed.len(), packed.listpack_bytes()));
            node.read(|read| assert_eq!(read.as_entries(), packed.as_entries()));
            let from = rng.below(packed.len() as u64) as usize;
            let to = from + rng.below((packed.len() - from) as u64 + 1) as usize;
            let read = node.read_range(from..to, |packed, range| {
                packed.iter().skip(range.start).take(range.len()).map(|item| item.to_vec()).collect::<Vec<_>>()
            });
            assert_eq!(read, packed.iter().skip(from).take(to - from).map(|item| item.to_vec()).collect::<Vec<_>>());
            node.clone().change(|own| own.push_back(b"x"));
            assert_eq!(node.into_packed().as_entries(), packed.as_entries());
        }
        assert!(shrunk > 300 && kept > 300, "{shrunk} {kept}");
    }
}
