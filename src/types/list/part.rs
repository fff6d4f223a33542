//! What lists do with one packed block, be it the whole list or a node of it.
//!
//! Owns the translation of ends, ranges and counts of matches into calls of the block; must not know of other blocks.

use std::ops::Range;

use super::super::packed::{Item, Packed};
use super::End;

#[inline]
pub(super) fn push_packed(packed: &mut Packed, end: End, text: &[u8]) {
    match end {
        End::Front => packed.push_front(text),
        End::Back => packed.push_back(text),
    }
}

/// Hands out up to `n` elements from an end.
#[inline]
pub(super) fn visit_end(packed: &Packed, end: End, n: usize, f: &mut impl FnMut(Item<'_>)) {
    match end {
        End::Front => packed.iter().take(n).for_each(f),
        End::Back => packed.iter_rev().take(n).for_each(f),
    }
}

#[inline]
pub(super) fn pop_packed(packed: &mut Packed, end: End, n: usize, f: &mut impl FnMut(Item<'_>)) {
    visit_end(packed, end, n, f);
    match end {
        End::Front => packed.truncate_front(n),
        End::Back => packed.truncate_back(n),
    }
}

/// Hands out the elements of a range until `f` says `false`; whether it never did.
#[inline]
pub(super) fn walk_packed(packed: &Packed, range: Range<usize>, f: &mut impl FnMut(Item<'_>) -> bool) -> bool {
    match packed.nth(range.start as i64) {
        Some(at) => packed.iter_from(at).take(range.len()).all(f),
        None => true,
    }
}

/// Hands out the elements of a range, last to first, until `f` says `false`; whether it never did.
#[inline]
pub(super) fn walk_packed_rev(packed: &Packed, range: Range<usize>, f: &mut impl FnMut(Item<'_>) -> bool) -> bool {
    match range.end.checked_sub(1).and_then(|last| packed.nth(last as i64)) {
        Some(at) => packed.iter_rev_from(at).take(range.len()).all(f),
        None => true,
    }
}

/// Hands out the indexes of the elements of a range that are equal to `text`, from an end on, until `f` says `false`.
pub(super) fn find_in_packed(
    packed: &Packed,
    range: Range<usize>,
    from: End,
    text: &[u8],
    f: &mut impl FnMut(usize) -> bool,
) {
    let wanted = Item::of(text);
    let mut index = if from == End::Front { range.start } else { range.end };
    let mut look = |item: Item<'_>| {
        let this = if from == End::Front { index } else { index - 1 };
        index = if from == End::Front { index + 1 } else { this };
        item != wanted || f(this)
    };
    match from {
        End::Front => walk_packed(packed, range, &mut look),
        End::Back => walk_packed_rev(packed, range, &mut look),
    };
}

/// Removes `n` elements that are equal to `wanted`, after the first `skipped`.
pub(super) fn remove_packed(packed: &mut Packed, wanted: Item<'_>, skipped: usize, n: usize) {
    let mut seen = 0;
    packed.retain(|item| {
        if item != wanted {
            return true;
        }
        seen += 1;
        seen <= skipped || seen > skipped + n
    });
}
