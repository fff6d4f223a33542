//! The stream commands: their rows, and what the parts of the family share.
//!
//! Owns the table, how ids are written, how entries become a reply, and the errors that several commands have. Additions
//! and removals are in [`add`], ranges in [`range`], XREAD and XREADGROUP in [`read`](mod@read), groups in [`group`], claims in
//! [`claim`], XINFO in [`info`]. Must not know how a stream is stored; that is [`crate::types::stream`]'s.

mod add;
mod claim;
mod group;
mod info;
mod range;
mod read;

pub(crate) use read::{fetches_of_group, keeps_waiting_for};

use super::list::bulk;
use super::shapes::*;
use super::*;
use crate::base::num::parse_u64_lenient;
use crate::spec::{Begin, Find, KeyFlags};
use crate::store::{Class, Edit, Key, Wants};
use crate::types::stream::{Entry, Stream, StreamId};

const RW_UPDATE_DELETE: &[KeySpec] = &[KeySpec::one(1, RW.union(KeyFlags::UPDATE).union(KeyFlags::DELETE))];
const SUB_ACCESS: &[KeySpec] = &[KeySpec::one(2, RO.union(ACCESS))];
const SUB_INSERT: &[KeySpec] = &[KeySpec::one(2, RW.union(KeyFlags::INSERT))];
const SUB_UPDATE: &[KeySpec] = &[KeySpec::one(2, RW.union(KeyFlags::UPDATE))];
const SUB_DELETE: &[KeySpec] = &[KeySpec::one(2, RW.union(KeyFlags::DELETE))];
const READ: &[KeySpec] = &[streams(1)];
const READ_GROUP: &[KeySpec] = &[streams(4)];

/// The first half of what follows STREAMS.
const fn streams(from: i16) -> KeySpec {
    let find = Find::Range { last: -1, step: 1, limit: 2 };
    KeySpec { begin: Begin::Keyword("STREAMS", from), find, flags: RO.union(ACCESS) }
}

const LOADING_STALE: Flags = Flags::LOADING.union(Flags::STALE);

const XADD: &str = "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [<MAXLEN|MINID> [=|~] threshold [LIMIT count]] <*|id> field \
                    value [field value ...]";
const XCLAIM: &str = "key group consumer min-idle-time ID [ID ...] [IDLE ms] [TIME unix-time-milliseconds] \
                      [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]";
const XREADGROUP: &str =
    "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] ID [ID ...]";
const XTRIM: &str = "key <MAXLEN|MINID> [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED]";

/// A command that reads keys and waits for them while there is nothing for it.
const fn block_read(name: &'static str, arity: i16, syntax: &'static str, f: BlockFn) -> Row {
    row(name, arity, syntax, Run::Block(f), Flags::READONLY.union(Flags::BLOCKING), Locks::Keys)
}

/// The rest of a row of this family.
const fn stream(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::STREAM).doc(Group::Stream, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    stream(write("xack", -4, "key group ID [ID ...]", group::xack), FAST, RW_UPDATE, "5.0.0", "O(1)",
        "Acknowledges entries that were delivered to a consumer of a group."),
    stream(write("xackdel", -6, "key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]", group::xackdel), FAST,
        RW_UPDATE_DELETE, "8.2.0", "O(1)", "Acknowledges entries in a group and deletes them, or those that no group needs."),
    stream(write("xadd", -5, XADD, add::xadd), DENYOOM_FAST, RW_UPDATE, "5.0.0", "O(1)",
        "Adds an entry to a stream, which comes to be if it is missing.").tips(RANDOM),
    stream(write("xautoclaim", -6, "key group consumer min-idle-time start [COUNT count] [JUSTID]", claim::xautoclaim),
        FAST, RW_DELETE, "6.2.0", "O(1)", "Gives entries that have been pending for long to a consumer.").tips(RANDOM),
    stream(write("xclaim", -6, XCLAIM, claim::xclaim), FAST, RW_UPDATE, "5.0.0", "O(log N)",
        "Gives pending entries to a consumer.").tips(RANDOM),
    stream(write("xdel", -3, "key ID [ID ...]", add::xdel), FAST, RW_DELETE, "5.0.0", "O(1)",
        "Deletes entries of a stream."),
    stream(write("xdelex", -5, "key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]", add::xdelex), FAST, RW_DELETE,
        "8.2.0", "O(1)", "Deletes entries of a stream, with what groups know of them, or those that no group needs."),
    container("xgroup", -2, GROUP).doc(Group::Stream, "5.0.0", "", "Manages the groups of a stream."),
    container("xinfo", -2, INFO).doc(Group::Stream, "5.0.0", "", "Describes streams, groups and consumers."),
    stream(read("xlen", 2, "key", range::xlen), FAST, RO_KEY, "5.0.0", "O(1)",
        "Returns the number of entries of a stream."),
    stream(read("xpending", -3, "key group [[IDLE min-idle-time] start end count [consumer]]", group::xpending), NONE,
        RO_ACCESS, "5.0.0", "O(N)", "Returns what was delivered and not acknowledged.").tips(RANDOM),
    stream(read("xrange", -4, "key start end [COUNT count]", range::xrange), NONE, RO_ACCESS, "5.0.0", "O(N)",
        "Returns the entries between two ids."),
    stream(block_read("xread", -4, "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] ID [ID ...]", read::xread),
        MOVABLE, READ, "5.0.0", "", "Returns the entries of streams that come after an id; waits for one if asked to."),
    stream(block("xreadgroup", -7, XREADGROUP, read::xreadgroup), MOVABLE, READ_GROUP, "5.0.0", "",
        "Returns entries that no other consumer of the group has got, or one's own again; waits for one if asked to."),
    stream(read("xrevrange", -4, "key end start [COUNT count]", range::xrevrange), NONE, RO_ACCESS, "5.0.0", "O(N)",
        "Returns the entries between two ids, from the last to the first."),
    stream(write("xsetid", -3, "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]", add::xsetid),
        DENYOOM_FAST, RW_UPDATE, "5.0.0", "O(1)", "Sets the counters of a stream: for replication."),
    stream(write("xtrim", -4, XTRIM, add::xtrim), NONE, RW_DELETE, "5.0.0", "O(N)",
        "Removes entries from the front of a stream.").tips(RANDOM),
];

#[rustfmt::skip]
const GROUP: &[Row] = &[
    stream(write("xgroup|create", -5, "key group <id|$> [MKSTREAM] [ENTRIESREAD entries-read]", group::create), DENYOOM,
        SUB_INSERT, "5.0.0", "O(1)", "Makes a group."),
    stream(write("xgroup|createconsumer", 5, "key group consumer", group::create_consumer), DENYOOM, SUB_INSERT,
        "6.2.0", "O(1)", "Makes a consumer."),
    stream(write("xgroup|delconsumer", 5, "key group consumer", group::delete_consumer), NONE, SUB_DELETE, "5.0.0",
        "O(1)", "Removes a consumer and what is pending for it."),
    stream(write("xgroup|destroy", 4, "key group", group::destroy), NONE, SUB_DELETE, "5.0.0", "O(N)",
        "Removes a group."),
    stream(admin("xgroup|help", 2, "", group::help), LOADING_STALE, &[], "5.0.0", "O(1)", "Lists the subcommands."),
    stream(write("xgroup|setid", -5, "key group <id|$> [ENTRIESREAD entries-read]", group::set_id), NONE, SUB_UPDATE,
        "5.0.0", "O(1)", "Sets how far a group has read."),
];

#[rustfmt::skip]
const INFO: &[Row] = &[
    stream(read("xinfo|consumers", 4, "key group", info::consumers), NONE, SUB_ACCESS, "5.0.0", "O(1)",
        "Describes the consumers of a group.").tips(RANDOM),
    stream(read("xinfo|groups", 3, "key", info::groups), NONE, SUB_ACCESS, "5.0.0", "O(1)",
        "Describes the groups of a stream."),
    stream(admin("xinfo|help", 2, "", info::help), LOADING_STALE, &[], "5.0.0", "O(1)", "Lists the subcommands."),
    stream(read("xinfo|stream", -3, "key [FULL [COUNT count]]", info::stream), NONE, SUB_ACCESS, "5.0.0", "O(1)",
        "Describes a stream."),
];

const BAD_ID: Error = Error::Text("ERR Invalid stream ID specified as stream command argument");

/// One part of an id. C's `strtoull` has always read it, but for negative numbers: leading spaces are none of it.
fn part(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    if text.first() == Some(&b'-') { None } else { parse_u64_lenient(text) }
}

/// `ms-seq` or `ms`, whose number then is `missing`.
fn id(text: &[u8], missing: u64) -> Result<StreamId> {
    let parsed = match text.iter().position(|b| *b == b'-') {
        Some(dash) => part(&text[..dash]).zip(part(&text[dash + 1..])),
        None => part(text).map(|ms| (ms, missing)),
    };
    parsed.filter(|_| text.len() < 128).map(|(ms, seq)| StreamId::new(ms, seq)).ok_or(BAD_ID)
}

/// An id, or one of the two ends.
fn id_or_end(text: &[u8], missing: u64) -> Result<StreamId> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => id(text, missing),
    }
}

/// The lower end of an interval.
fn lower(text: &[u8]) -> Result<StreamId> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            id(rest, 0)?.next().ok_or(Error::Text("ERR invalid start ID for the interval"))
        }
        text => id_or_end(text, 0),
    }
}

/// The upper end of an interval.
fn upper(text: &[u8]) -> Result<StreamId> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            id(rest, u64::MAX)?.prev().ok_or(Error::Text("ERR invalid end ID for the interval"))
        }
        text => id_or_end(text, u64::MAX),
    }
}

/// An id as text.
struct IdText([u8; 41], usize);

impl IdText {
    fn new(id: StreamId) -> Self {
        let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
        let (mut text, dash) = ([b'-'; 41], ms.len());
        text[..dash].copy_from_slice(ms);
        text[dash + 1..][..seq.len()].copy_from_slice(seq);
        Self(text, dash + 1 + seq.len())
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

fn write_id(out: &mut Reply<'_>, id: StreamId) {
    out.bulk(IdText::new(id).bytes());
}

/// An entry: its id, and its fields and values in turn.
fn write_entry(out: &mut Reply<'_>, entry: Entry<'_>) {
    out.array(2);
    write_id(out, entry.id);
    out.array(2 * entry.fields.len());
    for (field, value) in entry.fields {
        bulk(out, field);
        bulk(out, value);
    }
}

/// An array of entries; how many they were.
fn write_entries<'a>(out: &mut Reply<'_>, entries: impl Iterator<Item = Entry<'a>>) -> usize {
    let (header, mut n) = (out.defer_array(), 0);
    for entry in entries {
        write_entry(out, entry);
        n += 1;
    }
    out.set_array(header, n);
    n
}

/// A change of what groups know, without an event of its own.
fn silent<R>(value: R, changes: u64) -> Edit<R> {
    Edit { value, changes, dirty: changes, event: None, event2: None, hidden: true }
}

fn lossy(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}

/// There is no such stream or group: of commands on what is pending.
fn no_key_or_group(key: Key<'_>, group: &[u8]) -> Error {
    Error::Owned(format!("NOGROUP No such key '{}' or consumer group '{}'", lossy(key.bytes), lossy(group)))
}

/// There is no such group: of commands on groups.
fn no_group(key: Key<'_>, group: &[u8]) -> Error {
    Error::Owned(format!("NOGROUP No such consumer group '{}' for key name '{}'", lossy(group), lossy(key.bytes)))
}

/// A number of arguments, of a command or subcommand.
fn wrong_number(command: &str) -> Error {
    Error::Owned(format!("ERR wrong number of arguments for '{command}' command"))
}

/// A subcommand with other arguments than it has.
fn wrong_subcommand(container: &str, sub: &[u8]) -> Error {
    let sub = lossy(&sub[..sub.len().min(128)]);
    Error::Owned(format!("ERR unknown subcommand or wrong number of arguments for '{sub}'. Try {container} HELP."))
}

/// Whether what is done is to be journalled.
fn journals(tx: &mut WriteTx<'_>) -> bool {
    tx.effects().wants.contains(Wants::JOURNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let ok = |ms, seq| Ok(StreamId::new(ms, seq));
        for (text, read) in [
            ("5", ok(5, 9)),
            ("5-3", ok(5, 3)),
            ("0-0", ok(0, 0)),
            ("007-01", ok(7, 1)),
            ("18446744073709551615-18446744073709551615", Ok(StreamId::MAX)),
            ("18446744073709551616", Err(BAD_ID)),
            ("", Err(BAD_ID)),
            ("-", Err(BAD_ID)),
            ("5-", Err(BAD_ID)),
            ("-5", Err(BAD_ID)),
            ("5--5", Err(BAD_ID)),
            ("5-5-5", Err(BAD_ID)),
            ("x", Err(BAD_ID)),
        ] {
            assert_eq!(id(text.as_bytes(), 9), read, "{text}");
        }
        assert_eq!((lower(b"(5-1"), upper(b"(5-1")), (ok(5, 2), ok(5, 0)));
        assert_eq!(
            (lower(b"-"), upper(b"+"), lower(b"("), lower(b"(-")),
            (ok(0, 0), Ok(StreamId::MAX), Err(BAD_ID), Err(BAD_ID))
        );
        assert_eq!(IdText::new(StreamId::MAX).bytes(), b"18446744073709551615-18446744073709551615");
    }
}
