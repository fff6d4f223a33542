#![allow(unsafe_code)]
//! Streams: entries with growing ids, and groups of consumers that share them out.
//!
//! Owns what the commands of streams do to a value. Knows nothing of keys, replies or the spelling of ids, and no time:
//! it is handed in, in milliseconds.
//!
//! **Entries** lie in packed nodes (`node`), in a B-tree of nodes by the id of the first entry ever put into each
//! ([`Entries`]): a look-up is O(log nodes) and a walk through one node. A node holds the bytes that Redis's would and is
//! closed by the same rule ([`NodeLimits`]), so approximate trims stop at the same entries. Entries are deleted by a
//! flag; a node is freed when the last of its entries goes, so a stream that is trimmed at its front gives its memory
//! back node by node, without moving anything. A stream may be empty: only [`Stream::exists`] tells one that a command
//! made from the value that a transaction starts with.
//!
//! **Groups** ([`Group`]) keep the pending entries in one B-tree by id; a consumer keeps the ids of its own, and nothing
//! else, beside it.
//!
//! **Bytes.** Those of nodes are counted exactly; those of the trees of `std` by their fill when they grow in order.

mod counters;
mod group;
mod id;
mod node;
mod range;
#[cfg(test)]
mod tests;
mod trim;

pub use self::group::{Claim, Consumer, Group, Pending};
pub use self::id::StreamId;
pub use self::node::{Entry, Fields};
pub use self::range::{Range, RangeRev};
pub use self::trim::{Refs, Trim, TrimBy};

use self::node::Node;
use crate::base::size_class::good_size;
use crate::types::packed::Packed;
use crate::types::{Collection, TypeTag};
use std::collections::BTreeMap;
use std::ptr::NonNull;

/// Bytes that a node never exceeds, whatever the limits are; nor does the text of one entry.
pub const NODE_BYTES_MAX: usize = 1 << 30;

/// When a node takes no further entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// Its bytes and those of the entry would come to this; 0: no limit.
    pub bytes: usize,
    /// It has so many entries; 0: no limit.
    pub entries: usize,
}

/// What the id of a new entry is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// The time, or the next id where the stream is ahead of it.
    Auto,
    /// The next free number of this millisecond.
    In(u64),
    /// This one.
    Exactly(StreamId),
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// There is no greater id left.
    Exhausted,
    /// The id is not greater than the last one.
    NotGreater,
}

/// The bytes of a tree of `len` pairs of so many bytes: nodes of 11, a little more than half of them in use when pairs
/// come in order.
fn tree_bytes(len: usize, pair: usize) -> usize {
    if len == 0 { 0 } else { good_size(11 * pair + 16) * len.div_ceil(6) }
}

/// The entries of a stream, and the counters that describe them.
#[derive(Debug, Default)]
pub struct Entries {
    nodes: BTreeMap<StreamId, Node>,
    len: u64,
    last_id: StreamId,
    max_deleted: StreamId,
    added: u64,
    /// Bytes of the nodes.
    bytes: usize,
    /// Bytes that the last node that was closed had come to: the next one is likely to, as well. 0: none was.
    closed: usize,
}

impl Clone for Entries {
    /// The copies of the nodes have no room ahead.
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        Self { bytes: nodes.values().map(Node::heap_bytes).sum(), nodes, ..*self }
    }
}

#[derive(Clone, Default)]
struct Inner {
    entries: Entries,
    groups: BTreeMap<Box<[u8]>, Box<Group>>,
    /// Bytes of the groups.
    group_bytes: usize,
    exists: bool,
}

/// A stream.
#[derive(Default)]
pub struct Stream(Box<Inner>);

// SAFETY: the pointer is the box's.
unsafe impl Collection for Stream {
    const TYPE: TypeTag = TypeTag::Stream;
    const ENCODINGS: u8 = 1;

    fn into_raw(self) -> (u8, NonNull<u8>) {
        (0, NonNull::from(Box::leak(self.0)).cast())
    }

    unsafe fn from_raw(_: u8, p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Box::from_raw(p.cast().as_ptr()) })
    }

    fn len(&self) -> usize {
        self.0.entries.len as usize
    }

    /// A stream without entries is there all the same.
    fn is_empty(&self) -> bool {
        !self.0.exists
    }

    fn heap_bytes(&self) -> usize {
        let entries = &self.0.entries;
        let tree = tree_bytes(entries.nodes.len(), size_of::<(StreamId, Node)>());
        let groups = tree_bytes(self.0.groups.len(), size_of::<(Box<[u8]>, Box<Group>)>());
        good_size(size_of::<Inner>()) + entries.bytes + tree + groups + self.0.group_bytes
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A group that is being changed, beside the entries; keeps the account of its stream right.
pub struct GroupMut<'a> {
    /// The entries.
    pub entries: &'a Entries,
    /// The group.
    pub group: &'a mut Group,
    total: &'a mut usize,
    before: usize,
}

impl Drop for GroupMut<'_> {
    fn drop(&mut self) {
        *self.total = *self.total + self.group.heap_bytes() - self.before;
    }
}

impl Entries {
    /// Number of entries. O(1).
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none. O(1).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The greatest id ever given. O(1).
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The greatest id that was deleted singly. O(1).
    pub fn max_deleted(&self) -> StreamId {
        self.max_deleted
    }

    /// Number of entries ever added. O(1).
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Number of nodes. O(1).
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The bytes of the nodes as limits compare them. O(nodes).
    pub fn listpacks(&self) -> impl Iterator<Item = usize> {
        self.nodes.values().map(Node::bytes)
    }

    /// The id that an entry would get at time `now`.
    ///
    /// # Errors
    /// There is none, or the one that is asked for is not greater than the last.
    pub fn new_id(&self, wanted: NewId, now: u64) -> Result<StreamId, AddError> {
        if self.last_id == StreamId::MAX {
            return Err(AddError::Exhausted);
        }
        let id = match wanted {
            NewId::Auto if now > self.last_id.ms => StreamId::new(now, 0),
            NewId::Auto => self.last_id.next().ok_or(AddError::Exhausted)?,
            NewId::In(ms) if ms == self.last_id.ms => {
                StreamId::new(ms, self.last_id.seq.checked_add(1).ok_or(AddError::NotGreater)?)
            }
            NewId::In(ms) => StreamId::new(ms, 0),
            NewId::Exactly(id) => id,
        };
        if id > self.last_id { Ok(id) } else { Err(AddError::NotGreater) }
    }

    /// Adds an entry whose id is greater than the last; `pairs` are names and values in turn. O(its bytes + log nodes).
    fn push(&mut self, id: StreamId, pairs: &[&[u8]], limits: NodeLimits) {
        let text: usize = pairs.iter().map(|part| part.len()).sum();
        let fits = |node: &Node| {
            let bytes = if limits.bytes == 0 { NODE_BYTES_MAX } else { limits.bytes.min(NODE_BYTES_MAX) };
            let (valid, deleted) = node.counts();
            node.bytes() + text < bytes
                && node.items() + pairs.len() + 8 <= Packed::COUNT_MAX
                && (limits.entries == 0 || ((valid + deleted) as usize) < limits.entries)
        };
        match self.nodes.last_entry().filter(|last| fits(last.get())) {
            Some(mut last) => {
                let first = *last.key();
                let node = last.get_mut();
                let before = node.heap_bytes();
                node.push(first, id, pairs, self.closed);
                self.bytes = self.bytes + node.heap_bytes() - before;
            }
            None => {
                if let Some(mut last) = self.nodes.last_entry() {
                    let before = last.get().heap_bytes();
                    last.get_mut().close();
                    self.closed = last.get().bytes();
                    self.bytes = self.bytes + last.get().heap_bytes() - before;
                }
                let mut node = Node::new(pairs);
                node.push(id, id, pairs, self.closed);
                self.bytes += node.heap_bytes();
                self.nodes.insert(id, node);
            }
        }
        self.len += 1;
        self.added += 1;
        self.last_id = id;
    }

    /// Deletes an entry; whether it was there. O(log nodes + a node).
    fn delete(&mut self, id: StreamId) -> bool {
        let Some((first, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let first = *first;
        let found = node.walk(first).find(|stored| stored.entry.id >= id);
        let Some(place) = found.filter(|s| s.entry.id == id && !s.deleted).map(|s| s.place()) else { return false };
        self.delete_at(first, place);
        true
    }

    /// Deletes the entry at a place of the node that starts with `first`.
    fn delete_at(&mut self, first: StreamId, place: node::Place) {
        let Some(node) = self.nodes.get_mut(&first) else { return };
        let before = node.heap_bytes();
        if node.delete(place) {
            self.bytes = self.bytes + node.heap_bytes() - before;
        } else {
            self.bytes -= before;
            self.nodes.remove(&first);
        }
        self.len -= 1;
    }
}

impl Stream {
    /// The entries.
    pub fn entries(&self) -> &Entries {
        &self.0.entries
    }

    /// Whether a command has made it, be it without entries.
    pub fn exists(&self) -> bool {
        self.0.exists
    }

    /// Makes it a stream that is there without entries.
    pub fn make(&mut self) {
        self.0.exists = true;
    }

    /// Adds an entry: names and values in turn. Returns its id. O(its bytes + log nodes).
    ///
    /// # Errors
    /// See [`Entries::new_id`]; the stream is as it was.
    pub fn add(&mut self, id: NewId, now: u64, pairs: &[&[u8]], limits: NodeLimits) -> Result<StreamId, AddError> {
        let id = self.0.entries.new_id(id, now)?;
        self.0.entries.push(id, pairs, limits);
        self.0.exists = true;
        Ok(id)
    }

    /// Deletes an entry, as XDEL does: it counts for [`Entries::max_deleted`]. O(log nodes + a node).
    pub fn delete(&mut self, id: StreamId) -> bool {
        let deleted = self.0.entries.delete(id);
        if deleted && id > self.0.entries.max_deleted {
            self.0.entries.max_deleted = id;
        }
        deleted
    }

    /// Sets the counters, as XSETID does.
    pub fn set_counters(&mut self, last_id: StreamId, added: Option<u64>, max_deleted: Option<StreamId>) {
        let entries = &mut self.0.entries;
        entries.last_id = last_id;
        entries.added = added.unwrap_or(entries.added);
        entries.max_deleted = max_deleted.unwrap_or(entries.max_deleted);
    }

    /// Number of groups. O(1).
    pub fn group_count(&self) -> usize {
        self.0.groups.len()
    }

    /// The groups in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    /// A group. O(log groups).
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name).map(|group| &**group)
    }

    /// A group to be changed. O(log groups).
    pub fn group_mut(&mut self, name: &[u8]) -> Option<GroupMut<'_>> {
        let Inner { entries, groups, group_bytes, .. } = &mut *self.0;
        let group = groups.get_mut(name)?;
        Some(GroupMut { entries, before: group.heap_bytes(), group, total: group_bytes })
    }

    /// Makes a group that has read up to `last_id`; `false`: there is one of that name.
    pub fn create_group(&mut self, name: &[u8], last_id: StreamId, read: Option<u64>) -> bool {
        if self.0.groups.contains_key(name) {
            return false;
        }
        let group = Box::new(Group::new(last_id, read));
        self.0.group_bytes += group.heap_bytes() + good_size(name.len().max(1));
        self.0.groups.insert(name.into(), group);
        true
    }

    /// Removes a group with all that is pending; whether there was one. O(pending).
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.0.groups.remove(name) else { return false };
        self.0.group_bytes -= group.heap_bytes() + good_size(name.len().max(1));
        true
    }

    /// Whether a group has not yet read an entry or has it pending. O(groups * log pending).
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.0.groups.values().any(|group| id > group.last_id() || group.pending(id).is_some())
    }

    /// Takes an entry out of what is pending in any group. O(groups * log pending).
    pub fn forget(&mut self, id: StreamId) -> u64 {
        let Inner { groups, group_bytes, .. } = &mut *self.0;
        let mut forgotten = 0;
        for group in groups.values_mut() {
            let before = group.heap_bytes();
            forgotten += u64::from(group.ack(id));
            *group_bytes = *group_bytes + group.heap_bytes() - before;
        }
        forgotten
    }
}
