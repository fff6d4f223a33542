//! OBJECT: how a value is stored and how it was used.
//!
//! Owns the words that Redis has for what our entries are: encodings by its thresholds, the reference count of its
//! shared small integers. None of these looks counts as a use, or as a hit or miss.

use super::*;
use crate::spec::KeyFlags;
use crate::store::{Access, Entry, StrRef, idle_seconds, lfu_frequency};

const KEY: &[KeySpec] = &[KeySpec::one(2, KeyFlags::RO)];
/// Longest string that Redis keeps in one block with its header.
const EMBSTR_MAX: usize = 44;
/// Integers from 0 to below this are one shared object each in Redis, with the largest reference count there is.
const SHARED_INTEGERS: i64 = 10_000;

pub(super) const TABLE: &[Row] =
    &[container("object", -2, SUBCOMMANDS).doc(Group::Generic, "2.2.3", "", "Inspects how values are stored.")];

const SUBCOMMANDS: &[Row] = &[
    inspect("object|encoding", encoding).doc(
        Group::Generic,
        "2.2.3",
        "O(1)",
        "Names the internal representation of the value at a key.",
    ),
    inspect("object|freq", freq).doc(
        Group::Generic,
        "4.0.0",
        "O(1)",
        "Returns the logarithmic access counter of a key.",
    ),
    admin("object|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).acl(Categories::KEYSPACE).doc(
        Group::Generic,
        "6.2.0",
        "O(1)",
        "Lists the subcommands.",
    ),
    inspect("object|idletime", idletime).doc(
        Group::Generic,
        "2.2.3",
        "O(1)",
        "Returns the seconds since a key was last used.",
    ),
    inspect("object|refcount", refcount).doc(
        Group::Generic,
        "2.2.3",
        "O(1)",
        "Returns the number of references to the value at a key.",
    ),
];

const fn inspect(name: &'static str, f: ReadFn) -> Row {
    read(name, 3, "key", f).keys(KEY).acl(Categories::KEYSPACE).tips(&["nondeterministic_output"])
}

/// The entry that a subcommand is asked about.
fn entry<'t>(tx: &'t mut ReadTx<'_>, args: &mut Args<'_>) -> Option<&'t Entry> {
    let _subcommand = args.bytes();
    tx.peek(args.key())
}

/// The name that Redis has for the way in which a value like this is stored.
pub(super) fn encoding_name(entry: &Entry) -> &'static str {
    match entry.str() {
        Some(StrRef::Int(_)) => "int",
        Some(StrRef::Inline(s)) if s.len() <= EMBSTR_MAX && !entry.is_raw() => "embstr",
        Some(_) => "raw",
        None => entry.encoding().unwrap_or("raw"),
    }
}

fn encoding(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.bulk_or_null(entry(tx, args).map(|e| encoding_name(e).as_bytes()));
    Ok(())
}

fn freq(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mode = tx.access_mode();
    match (entry(tx, args).map(Entry::access), mode) {
        (None, _) => out.null(),
        (Some(access), Access::Lfu(now, _, decay)) => out.int(lfu_frequency(access, now, decay).into()),
        (Some(_), Access::Lru(_)) => {
            return Err(Error::Text(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
    }
    Ok(())
}

fn idletime(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (mode, now) = (tx.access_mode(), tx.now());
    match (entry(tx, args).map(Entry::access), mode) {
        (None, _) => out.null(),
        (Some(access), Access::Lru(_)) => out.int(idle_seconds(access, now).into()),
        (Some(_), Access::Lfu(..)) => {
            return Err(Error::Text(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
    }
    Ok(())
}

fn refcount(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    use crate::config::MaxmemoryPolicy::{AllkeysLru, VolatileLru};
    let policy = args.settings().maxmemory_policy;
    // A shared object has one access clock for all its keys, so these policies go without under a memory limit.
    let own = args.settings().maxmemory > 0 && (policy.is_lfu() || matches!(policy, AllkeysLru | VolatileLru));
    match entry(tx, args) {
        None => out.null(),
        Some(e) => {
            let shared = matches!(e.str(), Some(StrRef::Int(n)) if (0..SHARED_INTEGERS).contains(&n));
            out.int(if shared && !own { i32::MAX.into() } else { 1 });
        }
    }
    Ok(())
}

fn help(_cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const LINES: &[&str] = &[
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Name the internal representation of the value at <key>.",
        "FREQ <key>",
        "    Return the access counter of <key>, which grows with the logarithm of its uses.",
        "IDLETIME <key>",
        "    Return how many seconds ago <key> was last used.",
        "REFCOUNT <key>",
        "    Return the number of references to the value at <key>.",
        "HELP",
        "    Print this help.",
    ];
    args.end()?;
    out.array(LINES.len());
    LINES.iter().for_each(|line| out.simple(line));
    Ok(())
}
