//! The search for an element of a packed block by its text.
//!
//! Owns the comparison of encoded elements, which equal texts share, so that nothing is decoded. Must not know what is
//! done with what is found.

use super::item::{self, Encoded};
use super::{At, Item, Packed};

impl Packed {
    /// The first element with this text among `from`, the one `skip + 1` further, and so on; `None` for `from` finds nothing
    /// (so the result of [`Packed::next`] can be handed on). O(bytes behind `from`): equal texts have equal encodings, so
    /// that nothing is decoded.
    pub fn find(&self, text: &[u8], from: Option<At>, skip: usize) -> Option<At> {
        let entries = self.entries();
        let encoded = Encoded::of(Item::of(text));
        let (head, body) = (encoded.head(), encoded.body());
        let mut at = from?.get();
        while at < entries.len() {
            if entries[at] == head[0] && starts_with(&entries[at..], head, body) {
                return Some(At::new(at));
            }
            at += item::length(entries, at);
            for _ in 0..skip {
                if at >= entries.len() {
                    return None;
                }
                at += item::length(entries, at);
            }
        }
        None
    }

    /// Hands out the indexes of the elements with this text, first to last, until `f` says `false`; whether it never did.
    /// O(bytes).
    pub(in crate::types) fn find_all(&self, text: &[u8], mut f: impl FnMut(usize) -> bool) -> bool {
        let entries = self.entries();
        let encoded = Encoded::of(Item::of(text));
        let (head, body) = (encoded.head(), encoded.body());
        let (mut at, mut index) = (0, 0);
        while at < entries.len() {
            if entries[at] == head[0] && starts_with(&entries[at..], head, body) && !f(index) {
                return false;
            }
            at += item::length(entries, at);
            index += 1;
        }
        true
    }
}

/// Whether `entries` starts with these two parts.
#[inline]
fn starts_with(entries: &[u8], head: &[u8], body: &[u8]) -> bool {
    entries.len() >= head.len() + body.len() && entries.starts_with(head) && entries[head.len()..].starts_with(body)
}
