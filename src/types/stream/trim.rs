//! Trimming: entries go from the front, whole nodes where that is all that is asked for.
//!
//! Owns the rule by which an approximate trim stops, which decides the lengths that clients see. Must not know how a
//! trim is spelt.

use super::{Stream, StreamId};

/// What is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimBy {
    /// All but the last so many.
    MaxLen(u64),
    /// All before this id.
    MinId(StreamId),
}

/// What becomes of the references that groups hold to an entry that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refs {
    /// They stay.
    #[default]
    Keep,
    /// They go too.
    Delete,
    /// An entry that a group refers to does not go.
    Acked,
}

/// A trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is to go.
    pub by: TrimBy,
    /// Whole nodes only.
    pub approximate: bool,
    /// Entries at most, of whole nodes; 0: no limit.
    pub limit: u64,
    /// What becomes of references.
    pub refs: Refs,
}

impl Stream {
    fn is_trimmed(&self, by: TrimBy) -> bool {
        match by {
            TrimBy::MaxLen(max) => self.0.entries.len <= max,
            TrimBy::MinId(_) => false,
        }
    }

    /// Trims; how many entries went. O(nodes that go + one node), and with references to look after O(entries looked at *
    /// groups).
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let mut gone = 0;
        let mut from = StreamId::MIN;
        while !self.is_trimmed(trim.by) {
            let entries = &self.0.entries;
            let Some((&first, node)) = entries.nodes.range(from..).next() else { break };
            let valid = node.counts().0;
            if trim.limit > 0 && gone + valid > trim.limit {
                break;
            }
            let whole = match trim.by {
                TrimBy::MaxLen(max) => entries.len - valid >= max,
                TrimBy::MinId(min) => node.last_id(first) < min,
            };
            if whole && (trim.refs == Refs::Keep || self.group_count() == 0) {
                let node = self.0.entries.nodes.remove(&first);
                self.0.entries.bytes -= node.map_or(0, |node| node.heap_bytes());
                self.0.entries.len -= valid;
                gone += valid;
                continue;
            }
            if !whole && trim.approximate {
                break;
            }
            let (removed, over) = self.trim_node(first, trim);
            gone += removed;
            let Some(next) = first.next().filter(|_| !over) else { break };
            from = next;
        }
        gone
    }

    /// Trims entries of one node singly: how many went, and whether one was met that stays by what is asked for.
    fn trim_node(&mut self, first: StreamId, trim: Trim) -> (u64, bool) {
        let ids: Vec<StreamId> = match self.0.entries.nodes.get(&first) {
            Some(node) => node.walk(first).filter(|stored| !stored.deleted).map(|stored| stored.entry.id).collect(),
            None => return (0, true),
        };
        if trim.refs == Refs::Keep {
            return self.trim_front(first, trim.by);
        }
        let mut gone = 0;
        for id in ids {
            if self.is_trimmed(trim.by) || matches!(trim.by, TrimBy::MinId(min) if id >= min) {
                return (gone, true);
            }
            if trim.refs == Refs::Acked && self.is_referenced(id) {
                continue;
            }
            if trim.refs == Refs::Delete {
                self.forget(id);
            }
            gone += u64::from(self.0.entries.delete(id));
        }
        (gone, false)
    }

    /// Marks entries at the front of a node as deleted until one stays.
    fn trim_front(&mut self, first: StreamId, by: TrimBy) -> (u64, bool) {
        let mut gone = 0;
        while !self.is_trimmed(by) {
            let entries = &mut self.0.entries;
            let Some(node) = entries.nodes.get(&first) else { return (gone, false) };
            let found = node.walk(first).find(|stored| !stored.deleted);
            let Some(stored) = found else { return (gone, false) };
            if matches!(by, TrimBy::MinId(min) if stored.entry.id >= min) {
                break;
            }
            let place = stored.place();
            entries.delete_at(first, place);
            gone += 1;
        }
        (gone, true)
    }
}
