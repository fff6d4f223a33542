//! DEBUG OBJECT: one line about how a value is stored; and the parts that a value is made of, which the digests go
//! through too.
//!
//! Owns the length that a value would have in the RDB format without compression. Must not know how a collection keeps
//! its parts, but for packed ones, which a file holds as they are.

use super::*;
use crate::config::Settings;
use crate::store::Access;
use crate::types::hash::{FieldTtl, Hash};
use crate::types::list::List;
use crate::types::packed::ItemText;
use crate::types::set::Set;
use crate::types::stream::{Stream, StreamId};
use crate::types::string::{Encoded, encode};
use crate::types::zset::ZSet;
use crate::types::{Collection, TypeTag};

/// Bytes before the integers of a set of integers in the RDB format: width and number.
const INTSET_HEADER: usize = 8;

/// One part of a collection.
pub(super) enum Part<'a> {
    /// An element of a list or a member of a set.
    One(&'a [u8]),
    /// A member of a sorted set and its score.
    Scored(&'a [u8], f64),
    /// A field of a hash, its value, and whether it expires.
    Pair(&'a [u8], &'a [u8], bool),
    /// The id of an entry of a stream; its fields follow.
    Id(StreamId),
    /// A field of that entry, and its value.
    Field(&'a [u8], &'a [u8]),
}

/// Shows every part of a collection, in its order; of a string none. Fields that have expired at `now` are none. O(parts).
pub(super) fn parts(entry: &Entry, now: u64, mut f: impl FnMut(Part<'_>)) {
    let (mut a, mut b) = (ItemText::default(), ItemText::default());
    match entry.type_tag() {
        TypeTag::String => {}
        TypeTag::List => {
            if let Some(list) = entry.collection::<List>() {
                list.for_each_node(|node| node.iter().for_each(|item| f(Part::One(item.text(&mut a)))));
            }
        }
        TypeTag::Set => {
            if let Some(set) = entry.collection::<Set>() {
                set.iter().for_each(|member| f(Part::One(member.text(&mut a))));
            }
        }
        TypeTag::ZSet => {
            if let Some(zset) = entry.collection::<ZSet>() {
                zset.for_each(&mut |member, score| {
                    f(Part::Scored(member.text(&mut a), score));
                    true
                });
            }
        }
        TypeTag::Stream => {
            if let Some(stream) = entry.collection::<Stream>() {
                for entry in stream.entries().range(StreamId::MIN, StreamId::MAX) {
                    f(Part::Id(entry.id));
                    entry.fields.for_each(|(field, value)| f(Part::Field(field.text(&mut a), value.text(&mut b))));
                }
            }
        }
        TypeTag::Hash => {
            if let Some(hash) = entry.collection::<Hash>() {
                let timed = hash.has_expiring();
                for (field, value) in hash.iter(now) {
                    let field = field.text(&mut a);
                    let expires = timed && matches!(hash.expire_at(field, now), FieldTtl::At(_));
                    f(Part::Pair(field, value.text(&mut b), expires));
                }
            }
        }
    }
}

/// The reply of DEBUG OBJECT.
pub(super) fn describe(entry: &Entry, key: Key<'_>, access: Access, now: u64, settings: &Settings) -> String {
    let encoding = super::super::object::encoding_name(entry);
    let (lru, usage) = match access {
        Access::Lfu(..) => {
            let frequency = lfu_frequency(entry.access(), (now / 60_000) as u16, 1);
            (entry.access(), format!("lru_seconds_idle:0 freq:{frequency}"))
        }
        Access::Lru(_) => (entry.access(), format!("lru_seconds_idle:{}", idle_seconds(entry.access(), now))),
    };
    // Addresses are nobody's business: the key's hash stands for one.
    format!(
        "Value at:{:#x} refcount:1 encoding:{encoding} serializedlength:{} lru:{lru} {usage}{}",
        key.hash,
        serialized_len(entry, now),
        nodes(entry, settings)
    )
}

/// What is said of the blocks of a long list; nothing of other values. O(blocks).
fn nodes(entry: &Entry, settings: &Settings) -> String {
    let Some(list) = entry.collection::<List>().filter(|list| list.encoding() == "quicklist") else {
        return String::new();
    };
    let (mut nodes, mut bytes) = (0, 0);
    list.for_each_node(|node| {
        nodes += 1;
        bytes += node.listpack_bytes();
    });
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{bytes}",
        list.len() as f64 / f64::from(nodes),
        settings.list_max_listpack_size,
        u8::from(settings.list_compress_depth > 0),
    )
}

/// Bytes of a length in the RDB format.
fn length_len(n: usize) -> usize {
    match n {
        0..64 => 1,
        64..16384 => 2,
        _ if u32::try_from(n).is_ok() => 5,
        _ => 9,
    }
}

/// Bytes of some text in the RDB format.
fn blob_len(bytes: usize) -> usize {
    length_len(bytes) + bytes
}

/// Bytes of a string in the RDB format: a packed integer where it is one.
fn text_len(text: &[u8]) -> usize {
    match encode(text) {
        Encoded::Int(n) => int_len(n),
        Encoded::Bytes => blob_len(text.len()),
    }
}

fn int_len(n: i64) -> usize {
    if i8::try_from(n).is_ok() {
        2
    } else if i16::try_from(n).is_ok() {
        3
    } else if i32::try_from(n).is_ok() {
        5
    } else {
        blob_len(itoa::Buffer::new().format(n).len())
    }
}

/// Bytes of a value in the RDB format, without compression. O(parts), O(1) if packed.
fn serialized_len(entry: &Entry, now: u64) -> usize {
    match entry.str() {
        Some(StrRef::Int(n)) => return int_len(n),
        Some(StrRef::Inline(b)) => return blob_len(b.len()),
        Some(StrRef::Shared(b)) => return blob_len(b.len()),
        None => {}
    }
    if let Some(bytes) = packed_len(entry) {
        return bytes;
    }
    let mut bytes = length_len(entry.elements().unwrap_or(0));
    parts(entry, now, |part| {
        bytes += match part {
            Part::One(text) => text_len(text),
            Part::Scored(member, _) => text_len(member) + size_of::<f64>(),
            Part::Pair(field, value, expires) => {
                text_len(field) + text_len(value) + if expires { size_of::<u64>() } else { 0 }
            }
            // Written as the nodes they lie in.
            Part::Id(_) | Part::Field(..) => 0,
        }
    });
    bytes
}

/// Bytes of a value that the RDB format holds as the blocks it is stored in.
fn packed_len(entry: &Entry) -> Option<usize> {
    if let Some(zset) = entry.collection::<ZSet>() {
        return match &*zset {
            ZSet::Packed(block) => Some(blob_len(block.listpack_bytes())),
            ZSet::Large(_) => None,
        };
    }
    if let Some(hash) = entry.collection::<Hash>() {
        return match &*hash {
            Hash::Packed(block) => Some(blob_len(block.listpack_bytes())),
            Hash::Expiring(block) => Some(size_of::<u64>() + blob_len(block.listpack_bytes())),
            Hash::Table(_) => None,
        };
    }
    if let Some(set) = entry.collection::<Set>() {
        return match &*set {
            Set::Ints(ints) => Some(blob_len(INTSET_HEADER + ints.len() * ints.width())),
            Set::Packed(block) => Some(blob_len(block.listpack_bytes())),
            Set::Table(_) => None,
        };
    }
    if let Some(stream) = entry.collection::<Stream>() {
        return Some(stream_len(&stream));
    }
    let list = entry.collection::<List>()?;
    let (mut nodes, mut bytes) = (0, 0);
    list.for_each_node(|node| {
        nodes += 1;
        // Each with a byte that says what it is.
        bytes += 1 + blob_len(node.listpack_bytes());
    });
    Some(length_len(nodes) + bytes)
}

/// Bytes of a stream in the RDB format: its nodes each behind their first id, then counters, groups, what is pending.
fn stream_len(stream: &Stream) -> usize {
    const ID: usize = 16;
    let id_len = |id: StreamId| length_len(id.ms as usize) + length_len(id.seq as usize);
    let entries = stream.entries();
    let nodes: usize = entries.listpacks().map(|bytes| blob_len(ID) + blob_len(bytes)).sum();
    let counters = length_len(entries.len() as usize)
        + id_len(entries.last_id())
        + id_len(entries.first_id())
        + id_len(entries.max_deleted())
        + length_len(entries.added() as usize);
    let groups = stream.groups().map(|(name, group)| {
        let pending = group.all_pending();
        let held: usize = pending.values().map(|p| ID + 8 + length_len(p.count as usize)).sum();
        let consumers = group.consumers().map(|consumer| {
            text_len(consumer.name()) + 8 + length_len(consumer.pending().len()) + ID * consumer.pending().len()
        });
        text_len(name)
            + id_len(group.last_id())
            + length_len(group.read().map_or(usize::MAX, |read| read as usize))
            + length_len(pending.len())
            + held
            + length_len(group.consumer_count())
            + consumers.sum::<usize>()
    });
    length_len(entries.nodes()) + nodes + counters + length_len(stream.group_count()) + groups.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewStr;
    use crate::types::hash::HashLimits;
    use crate::types::list::{End, ListLimits};
    use crate::types::set::SetLimits;
    use crate::types::zset::{AddFlags, ZSetLimits};

    #[test]
    fn long_lists_tell_of_their_blocks() {
        let (settings, key) = (Settings::default(), Key { bytes: b"k", hash: 1 });
        let mut list = List::default();
        (0..1000).for_each(|_| list.push(End::Back, &[b'x'; 50], ListLimits::default()));
        let line =
            |list: List| describe(&Entry::new_collection(b"k", list, None, 0), key, Access::Lru(0), 0, &settings);
        let text = line(list);
        let tail = " ql_nodes:7 ql_avg_node:142.86 ql_listpack_max:-2 ql_compressed:0 ql_uncompressed_size:52049";
        assert!(text.contains(" encoding:quicklist ") && text.ends_with(tail), "{text}");
        assert!(line(List::default()).ends_with("lru_seconds_idle:0"));
    }

    fn length(entry: &Entry) -> usize {
        serialized_len(entry, 0)
    }

    /// As redis-server's DEBUG OBJECT has it.
    #[test]
    fn serialized_lengths() {
        for (value, len) in [(1, 2), (1000, 3), (100_000, 5), (1 << 40, 14)] {
            assert_eq!(length(&Entry::new(b"k", NewStr::Int(value), None, 0)), len);
        }
        assert_eq!(length(&Entry::new(b"k", NewStr::Slice(b"abc"), None, 0)), 4);
        assert_eq!(length(&Entry::new(b"k", NewStr::Slice(&[0; 100]), None, 0)), 102);
        for (entries, len) in [(512, 18), (0, 9)] {
            let limits = HashLimits { listpack_entries: entries, listpack_value: 64 };
            let mut hash = Hash::default();
            hash.set(b"f", b"v", limits, false, 0);
            hash.set(b"12", b"34", limits, false, 0);
            assert_eq!(length(&Entry::new_collection(b"k", hash, None, 0)), len);
        }
        let mut list = List::default();
        let texts = [&b"a"[..], b"b", b"12", &[b'c'; 100]];
        texts.iter().for_each(|text| list.push(End::Back, text, ListLimits::default()));
        assert_eq!(length(&Entry::new_collection(b"k", list, None, 0)), 1 + 1 + 2 + 118);
        for (members, entries, len) in
            [(&["a", "b", "12"], 0, 7), (&["1", "2", "300"], 0, 15), (&["a", "b", "12"], 9, 16)]
        {
            let limits = SetLimits { intset_entries: 512, listpack_entries: entries, listpack_value: 64 };
            let mut set = Set::default();
            assert!(members.iter().all(|member| set.add(member.as_bytes(), limits)));
            assert_eq!(length(&Entry::new_collection(b"k", set, None, 0)), len);
        }
        let limits = ZSetLimits { listpack_entries: 128, listpack_value: 64 };
        let mut zset = ZSet::default();
        for i in 0..200 {
            zset.add(format!("m{i}").as_bytes(), f64::from(i) + 0.5, AddFlags::default(), limits);
        }
        assert_eq!(length(&Entry::new_collection(b"k", zset, None, 0)), 2492);
    }
}
