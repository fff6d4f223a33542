//! The elements of a packed block one after the other, in both directions.
//!
//! Owns a position in borrowed bytes; must not know of blocks. The bytes are whole elements, which the block warrants.

use super::At;
use super::item::{Item, before, decode, decode_to_end, length};

/// The elements of a block from some place on.
#[derive(Clone)]
pub struct Iter<'a> {
    entries: &'a [u8],
    at: usize,
}

impl<'a> Iter<'a> {
    #[inline]
    pub(super) fn new(entries: &'a [u8], at: usize) -> Self {
        Self { entries, at }
    }
}

impl Iter<'_> {
    /// Where the next element is; `None` at the end. O(1).
    #[inline]
    pub fn place(&self) -> Option<At> {
        (self.at < self.entries.len()).then(|| At::new(self.at))
    }

    /// Passes over so many elements. O(elements).
    #[inline]
    pub fn pass(&mut self, n: usize) {
        for _ in 0..n {
            if self.at >= self.entries.len() {
                return;
            }
            self.at += length(self.entries, self.at);
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.at >= self.entries.len() {
            return None;
        }
        let (item, end) = decode_to_end(self.entries, self.at);
        self.at = end;
        Some(item)
    }
}

/// The elements of a block from some place back to the first.
#[derive(Clone)]
pub struct IterRev<'a> {
    entries: &'a [u8],
    end: usize,
}

impl<'a> IterRev<'a> {
    #[inline]
    pub(super) fn new(entries: &'a [u8], end: usize) -> Self {
        Self { entries, end }
    }
}

impl<'a> Iterator for IterRev<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.end == 0 {
            return None;
        }
        self.end = before(self.entries, self.end);
        Some(decode(self.entries, self.end))
    }
}
