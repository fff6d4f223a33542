#![allow(unsafe_code)]
//! The nodes of the tree and the moving of what they hold.
//!
//! Owns their layout. A leaf is a `Node`; an inner node is an `Inner`, which starts with a `Node` that holds the first
//! entry of each child, so that searching and moving are one code for both. Scores stand apart from the pointers to
//! members: a search compares a few cache lines of scores, all fetched at once, and touches members only where scores are
//! equal. `level` is the height over the leaves, 0 for a leaf; who calls says which, no node knows.

use std::alloc::{self, Layout};
use std::ptr;

use super::super::member::Ref;
use super::Seek;

/// Entries of a leaf, children of an inner node: a leaf has 1016 bytes.
pub(super) const CAP: usize = 62;

/// A leaf, and the beginning of an inner node.
#[repr(C)]
pub(super) struct Node {
    pub(super) len: u32,
    scores: [f64; CAP],
    members: [Ref; CAP],
    /// The leaf before; unused in inner nodes, as is `next`.
    pub(super) prev: *mut Node,
    pub(super) next: *mut Node,
}

#[repr(C)]
struct Inner {
    node: Node,
    /// Entries under each child.
    counts: [u64; CAP],
    children: [*mut Node; CAP],
}

fn layout(level: usize) -> Layout {
    if level == 0 { Layout::new::<Node>() } else { Layout::new::<Inner>() }
}

/// Bytes that a node of a level takes.
pub(super) const fn node_bytes(is_leaf: bool) -> usize {
    crate::base::size_class::good_size(if is_leaf { size_of::<Node>() } else { size_of::<Inner>() })
}

/// A new empty node.
pub(super) fn new_node(level: usize) -> *mut Node {
    let layout = layout(level);
    // SAFETY: the size is not 0. All zeros is a valid empty node: numbers and raw pointers.
    let p = unsafe { alloc::alloc_zeroed(layout) };
    if p.is_null() {
        alloc::handle_alloc_error(layout);
    }
    p.cast()
}

/// Frees a node, and nothing that it points to.
///
/// # Safety
/// `new_node(level)` made it, and it is not used again.
pub(super) unsafe fn free_node(node: *mut Node, level: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(node.cast(), layout(level)) }
}

/// Entries or children of a node.
///
/// # Safety
/// Here and in all functions below: `node` is a live node of the level that is given (an inner node where the function
/// only makes sense for one), its entries' members live, and no other reference to it does.
#[inline]
pub(super) unsafe fn len(node: *const Node) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*node).len as usize }
}

/// The scores, and the members, of the entries, or of the first entries of the children.
///
/// # Safety
/// As for [`len`]; the node is not changed while the result is used.
#[inline]
pub(super) unsafe fn keys<'a>(node: *const Node) -> (&'a [f64], &'a [Ref]) {
    // SAFETY: the caller's promise.
    unsafe {
        let node = &*node;
        let len = node.len as usize;
        (node.scores.get_unchecked(..len), node.members.get_unchecked(..len))
    }
}

/// The `i`th entry, or the first entry of the `i`th child.
///
/// # Safety
/// As for [`len`].
#[inline]
pub(super) unsafe fn key(node: *const Node, i: usize) -> (f64, Ref) {
    // SAFETY: the caller's promise; `i` is checked.
    unsafe { ((&(*node).scores)[i], (&(*node).members)[i]) }
}

/// Writes the `i`th entry, or the first entry of the `i`th child.
///
/// # Safety
/// As for [`len`].
#[inline]
pub(super) unsafe fn set_key(node: *mut Node, i: usize, (score, member): (f64, Ref)) {
    // SAFETY: the caller's promise; `i` is checked.
    unsafe {
        (&mut (*node).scores)[i] = score;
        (&mut (*node).members)[i] = member;
    }
}

/// The `i`th child of an inner node.
///
/// # Safety
/// As for [`len`].
#[inline]
pub(super) unsafe fn child(node: *const Node, i: usize) -> *mut Node {
    // SAFETY: the caller's promise: the node is the beginning of an `Inner`; `i` is checked.
    unsafe { (&(*node.cast::<Inner>()).children)[i] }
}

/// Writes the `i`th child of an inner node.
///
/// # Safety
/// As for [`len`].
#[inline]
pub(super) unsafe fn set_child(node: *mut Node, i: usize, child: *mut Node) {
    // SAFETY: as in `child`.
    unsafe { (&mut (*node.cast::<Inner>()).children)[i] = child }
}

/// Entries under each child of an inner node.
///
/// # Safety
/// As for [`keys`].
#[inline]
pub(super) unsafe fn counts<'a>(node: *const Node) -> &'a [u64] {
    // SAFETY: as in `child`.
    unsafe {
        let inner = &*node.cast::<Inner>();
        inner.counts.get_unchecked(..inner.node.len as usize)
    }
}

/// Writes how many entries are under the `i`th child of an inner node.
///
/// # Safety
/// As for [`len`].
#[inline]
pub(super) unsafe fn set_count(node: *mut Node, i: usize, count: u64) {
    // SAFETY: as in `child`.
    unsafe { (&mut (*node.cast::<Inner>()).counts)[i] = count }
}

/// Entries under a node.
///
/// # Safety
/// As for [`len`].
pub(super) unsafe fn total(node: *const Node, level: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { if level == 0 { len(node) as u64 } else { counts(node).iter().sum() } }
}

/// How many of a node's keys lie before the place that is sought. Looks at all scores without a branch, which the
/// compiler makes vector instructions of, and at members only where it must.
///
/// # Safety
/// As for [`keys`].
#[inline]
pub(super) unsafe fn count_before(node: *const Node, seek: Seek<'_>) -> usize {
    // SAFETY: the caller's promise; the members live.
    unsafe {
        let (scores, members) = keys(node);
        match seek {
            Seek::Score(score, false) => count(scores, |s| s < score),
            Seek::Score(score, true) => count(scores, |s| s <= score),
            Seek::Key(score, member, inclusive) => {
                let from = count(scores, |s| s < score);
                let equal = count(&scores[from..], |s| s <= score);
                from + before_in(&members[from..from + equal], member, inclusive)
            }
            Seek::Lex(member, inclusive) => before_in(members, member, inclusive),
        }
    }
}

#[inline]
fn count(scores: &[f64], is_before: impl Fn(f64) -> bool) -> usize {
    scores.iter().map(|s| u64::from(is_before(*s))).sum::<u64>() as usize
}

/// How many of the members, in order, are below `member`, or below or equal.
///
/// # Safety
/// The members live.
#[inline]
unsafe fn before_in(members: &[Ref], member: &[u8], inclusive: bool) -> usize {
    members.partition_point(|m| {
        // SAFETY: the caller's promise.
        let m = unsafe { m.bytes() };
        if inclusive { m <= member } else { m < member }
    })
}

/// Copies `n` items from place `from` of one node to place `to` of another or of the same. Lengths stay as they are.
///
/// # Safety
/// As for [`len`], for both; the places lie below [`CAP`].
pub(super) unsafe fn copy(level: usize, src: *mut Node, from: usize, dst: *mut Node, to: usize, n: usize) {
    assert!(from + n <= CAP && to + n <= CAP, "items beyond a node");
    // SAFETY: the caller's promise and the assertion; `ptr::copy` allows overlap. Fields are reached through raw
    // pointers, so that the two may be one node.
    unsafe {
        let scores = (&raw mut (*dst).scores).cast::<f64>();
        ptr::copy((&raw const (*src).scores).cast::<f64>().add(from), scores.add(to), n);
        let members = (&raw mut (*dst).members).cast::<Ref>();
        ptr::copy((&raw const (*src).members).cast::<Ref>().add(from), members.add(to), n);
        if level > 0 {
            let (src, dst) = (src.cast::<Inner>(), dst.cast::<Inner>());
            let counts = (&raw mut (*dst).counts).cast::<u64>();
            ptr::copy((&raw const (*src).counts).cast::<u64>().add(from), counts.add(to), n);
            let children = (&raw mut (*dst).children).cast::<*mut Node>();
            ptr::copy((&raw const (*src).children).cast::<*mut Node>().add(from), children.add(to), n);
        }
    }
}

/// Makes room for `n` items at place `at`, which are to be written by the caller.
///
/// # Safety
/// As for [`len`].
pub(super) unsafe fn open(level: usize, node: *mut Node, at: usize, n: usize) {
    // SAFETY: the caller's promise; `copy` checks the places.
    unsafe {
        let old = len(node);
        copy(level, node, at, node, at + n, old - at);
        (*node).len = (old + n) as u32;
    }
}

/// Removes `n` items at place `at`.
///
/// # Safety
/// As for [`len`].
pub(super) unsafe fn close(level: usize, node: *mut Node, at: usize, n: usize) {
    // SAFETY: the caller's promise; `copy` checks the places.
    unsafe {
        let old = len(node);
        copy(level, node, at + n, node, at, old - at - n);
        (*node).len = (old - n) as u32;
    }
}

/// Moves the last `n` items of a node to the front of the next one.
///
/// # Safety
/// As for [`len`], for two different nodes of one level.
pub(super) unsafe fn give_right(level: usize, left: *mut Node, right: *mut Node, n: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let rest = len(left) - n;
        open(level, right, 0, n);
        copy(level, left, rest, right, 0, n);
        (*left).len = rest as u32;
    }
}

/// Moves the first `n` items of a node to the end of the one before.
///
/// # Safety
/// As for [`len`], for two different nodes of one level.
pub(super) unsafe fn give_left(level: usize, left: *mut Node, right: *mut Node, n: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let old = len(left);
        copy(level, right, 0, left, old, n);
        (*left).len = (old + n) as u32;
        close(level, right, 0, n);
    }
}
