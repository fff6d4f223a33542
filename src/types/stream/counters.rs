//! Counters that are derived: how far a group has read, how many entries it lags behind, the shape of Redis's index.
//!
//! Owns the rules by which Redis 7 estimates them. An estimate is `None` where a deletion has made it unknowable.

use super::{Entries, Group, StreamId};

/// Nodes up to which the shape of the index is told exactly.
const EXACT_MAX: usize = 1 << 14;

impl Entries {
    /// Whether an entry from `id` on has been deleted singly from between those that are there, as far as the greatest id
    /// deleted tells.
    pub(super) fn has_tombstone_from(&self, id: StreamId) -> bool {
        let deleted = self.max_deleted;
        self.len > 0 && deleted != StreamId::MIN && id <= deleted && self.first_id() <= deleted
    }

    /// How many entries were ever added up to `id`; `None` if that cannot be told. O(log nodes + a node).
    pub(super) fn added_until(&self, id: StreamId) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id || id == self.last_id {
            return Some(self.added);
        }
        if id > self.last_id {
            return None;
        }
        let first = self.first_id();
        if self.max_deleted != StreamId::MIN && self.max_deleted >= first {
            return None;
        }
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(self.added - self.len),
            std::cmp::Ordering::Equal => Some(self.added - self.len + 1),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// How many entries a group has not read yet; `None` if that cannot be told. Cost as [`Entries::first`].
    pub fn lag(&self, group: &Group) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        let read = match group.read() {
            Some(read) if !self.has_tombstone_from(group.last_id()) => Some(read),
            _ => self.added_until(group.last_id()),
        };
        read.map(|read| self.added.wrapping_sub(read))
    }

    /// The nodes of the radix tree in which Redis would keep the ids of this stream's nodes: exactly up to
    /// `EXACT_MAX` of them, above that as many as in a tree of that many consecutive ones. O(nodes).
    pub fn radix_nodes(&self) -> usize {
        let keys = self.nodes.len();
        if keys <= 1 {
            return 1 + keys;
        }
        if keys > EXACT_MAX {
            return 2 * keys + keys / 100;
        }
        let bytes = |id: &StreamId| (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes();
        count(&self.nodes.keys().map(bytes).collect::<Vec<_>>(), 0)
    }
}

/// The nodes of a radix tree below `depth` bytes, of keys in order: one a branch, one a stretch that does not branch, one
/// a key. O(keys); `depth` bounds the recursion.
fn count(keys: &[[u8; 16]], depth: usize) -> usize {
    let [first, .., last] = keys else { return 1 + usize::from(depth < 16) };
    let shared = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let below = keys.chunk_by(|a, b| a[shared] == b[shared]).map(|keys| count(keys, shared + 1));
    1 + usize::from(shared > depth) + below.sum::<usize>()
}
