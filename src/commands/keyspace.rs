//! The whole keyspace: SCAN, KEYS, RANDOMKEY, DBSIZE, and emptying and swapping databases.
//!
//! Owns SCAN's cursor: a point in the one global order of hashes, shard number above, 32-bit hash below. A key's point
//! never changes, whatever is inserted, deleted or grown, so a scan needs no state in the server: every key that is
//! there from its start to its end is returned, exactly once. SCAN and KEYS hold one shard at a time, for at most
//! [`CHUNK`] entries, and copy the keys out; nothing is written to the client meanwhile.

use super::scan::{Found, Own, ScanOptions, cursor};
use super::*;
use crate::base::glob::glob_match;
use crate::base::num::parse_i64;
use crate::base::rng::thread_random;
use crate::store::Entry;

/// Entries looked at under one lock.
const CHUNK: usize = 256;
/// Empty shards that one SCAN passes over, each at the price of a relaxed load.
const EMPTY_MAX: usize = 4096;
/// Draws of RANDOMKEY that may meet an expired key before it searches in order.
const DRAWS: usize = 64;

pub(super) const TABLE: &[Row] = &[
    read("keys", 2, "pattern", keys)
        .locks(Locks::Walk)
        .acl(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .doc(Group::Generic, "1.0.0", "O(N)", "Returns every key that matches a pattern.")
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    read("randomkey", 1, "", randomkey)
        .locks(Locks::Walk)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "1.0.0", "O(1)", "Returns a random key.")
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
    read("scan", -2, "cursor [MATCH pattern] [COUNT count] [TYPE type]", scan)
        .locks(Locks::Walk)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .acl(Categories::KEYSPACE)
        .doc(Group::Generic, "2.8.0", "O(1)", "Returns some of the keys, and a cursor to the rest.")
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"]),
    read("dbsize", 1, "", dbsize)
        .locks(Locks::Walk)
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE)
        .doc(Group::Server, "1.0.0", "O(1)", "Returns the number of keys in the database.")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    write("flushall", -1, "[ASYNC|SYNC]", flushall)
        .locks(Locks::Everything)
        .acl(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .doc(Group::Server, "1.0.0", "O(N)", "Deletes all keys of all databases.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    write("flushdb", -1, "[ASYNC|SYNC]", flushdb)
        .locks(Locks::Database)
        .acl(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .doc(Group::Server, "1.0.0", "O(N)", "Deletes all keys of the database.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    write("swapdb", 3, "index1 index2", swapdb)
        .locks(Locks::By(swapdb_locks))
        .flags(Flags::FAST)
        .acl(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .doc(Group::Server, "4.0.0", "O(N)", "Swaps two databases."),
];

/// A point in the order of all keys of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    shard: usize,
    hash: u32,
}

impl Cursor {
    /// Any number is a cursor; one that this server never gave ends the scan or begins it somewhere.
    fn parse(text: &[u8]) -> Result<Self> {
        let n = cursor(text)?;
        Ok(Self { shard: (n >> 32) as usize, hash: n as u32 })
    }

    fn number(self) -> u64 {
        (self.shard as u64) << 32 | u64::from(self.hash)
    }
}

/// Which keys are wanted.
#[derive(Clone, Copy, Default)]
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl Filter<'_> {
    fn wants(&self, entry: &Entry) -> bool {
        let of_type = |name: &[u8]| entry.type_tag().name().as_bytes().eq_ignore_ascii_case(name);
        self.type_name.is_none_or(of_type) && self.pattern.is_none_or(|p| glob_match(p, entry.key(), false))
    }
}

/// Goes through the selected database from `cursor` on until about `limit` entries have been looked at, and hands every
/// wanted key to `each`, with no shard held by this. Returns where to go on, `None` at the end.
fn visit(
    tx: &mut ReadTx<'_>,
    mut cursor: Cursor,
    limit: usize,
    filter: Filter<'_>,
    mut each: impl FnMut(&[u8]),
) -> Option<Cursor> {
    let (n, mut left, mut empty) = (tx.db(), limit, 0);
    let shards = tx.store().existing(n)?.shards();
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    while cursor.shard < shards.len() {
        if shards[cursor.shard].is_empty() {
            empty += 1;
            cursor = Cursor { shard: cursor.shard + 1, hash: 0 };
            if limit < usize::MAX && empty == EMPTY_MAX {
                break;
            }
            continue;
        }
        if left == 0 {
            break;
        }
        let (next, looked) = tx.walk_some(n, cursor.shard, cursor.hash, left.min(CHUNK), |entry| {
            if filter.wants(entry) {
                text.extend_from_slice(entry.key());
                ends.push(text.len());
            }
            true
        });
        let mut start = 0;
        for end in ends.drain(..) {
            each(&text[start..end]);
            start = end;
        }
        text.clear();
        left = left.saturating_sub(looked.max(1));
        cursor = match next {
            Some(hash) => Cursor { hash, ..cursor },
            None => Cursor { shard: cursor.shard + 1, hash: 0 },
        };
    }
    (cursor.shard < shards.len()).then_some(cursor)
}

fn scan(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let cursor = Cursor::parse(args.bytes())?;
    let options = ScanOptions::parse(args, Own::Type)?;
    let filter = Filter { pattern: options.pattern, type_name: options.type_name };
    let mut found = Found::default();
    let next = visit(tx, cursor, options.count, filter, |key| found.text(key));
    found.write(next.map_or(0, Cursor::number), out);
    Ok(())
}

fn keys(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let filter = Filter { pattern: Some(args.bytes()), type_name: None };
    let mut found = 0;
    let header = out.defer_array();
    visit(tx, Cursor::default(), usize::MAX, filter, |key| {
        out.bulk(key);
        found += 1;
    });
    out.set_array(header, found);
    Ok(())
}

fn randomkey(tx: &mut ReadTx<'_>, _args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = random_key(tx);
    out.bulk_or_null(key.as_deref());
    Ok(())
}

/// A random key: a shard by the share of the keys that it has, a key of it at random. Where nearly all keys have
/// expired, the first living one after a random point. O(shards).
fn random_key(tx: &mut ReadTx<'_>) -> Option<Box<[u8]>> {
    let n = tx.db();
    let shards = tx.store().existing(n)?.shards();
    let total: u64 = shards.iter().map(|s| u64::from(s.len())).sum();
    if total == 0 {
        return None;
    }
    for _ in 0..DRAWS {
        // The high half of the product of a random word and n is an even draw below n, but for n in 2^64.
        let mut at = ((u128::from(thread_random()) * u128::from(total)) >> 64) as u64;
        let shard = shards.iter().position(|s| {
            let len = u64::from(s.len());
            let here = at < len;
            at = at.saturating_sub(len);
            here
        });
        if let Some(key) = shard.and_then(|s| tx.random_key(n, s, thread_random())) {
            return Some(key);
        }
    }
    let start = thread_random() as usize % shards.len();
    let mut found = None;
    for i in 0..shards.len() {
        let shard = (start + i) % shards.len();
        if !shards[shard].is_empty() {
            tx.walk(n, shard, 0, |entry| {
                found = Some(entry.key().into());
                false
            });
        }
        if found.is_some() {
            break;
        }
    }
    found
}

fn dbsize(tx: &mut ReadTx<'_>, _args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(tx.store().existing(tx.db()).map_or(0, |db| db.len()) as i64);
    Ok(())
}

/// Whether a flush frees in the background.
fn in_background(args: &mut Args<'_>) -> Result<bool> {
    let background = match args.len() {
        1 => args.settings().lazyfree_lazy_user_flush,
        _ => args.one_of(&["sync", "async"]) == 1,
    };
    args.end()?;
    Ok(background)
}

fn flushdb(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let background = in_background(args)?;
    let gone = tx.flush(tx.db(), background);
    tx.dirty(gone);
    out.ok();
    Ok(())
}

fn flushall(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let background = in_background(args)?;
    let mut gone = 0;
    for (n, _) in tx.store().used() {
        gone += tx.flush(n, background);
    }
    tx.dirty(gone);
    out.ok();
    Ok(())
}

/// The databases that SWAPDB's arguments name.
fn swapped(store: &Store, args: ArgView<'_>) -> Result<(u32, u32)> {
    let index = |i: usize, error: &'static str| {
        let n = args.get(i).and_then(parse_i64).and_then(|n| i32::try_from(n).ok());
        n.ok_or(Error::Text(error))
    };
    let first = index(1, "ERR invalid first DB index")?;
    let second = index(2, "ERR invalid second DB index")?;
    let valid = |n: i32| u32::try_from(n).ok().filter(|n| *n < store.databases()).ok_or(Error::DbIndex);
    Ok((valid(first)?, valid(second)?))
}

fn swapdb_locks(store: &Store, _db: u32, args: ArgView<'_>, set: &mut LockSet) {
    if let Ok((a, b)) = swapped(store, args)
        && a != b
    {
        set.database(store, a);
        set.database(store, b);
    }
}

fn swapdb(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (a, b) = swapped(tx.store(), args.view())?;
    tx.swap(a, b);
    tx.dirty(1);
    out.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::rng::Rng;
    use crate::store::{Access, Context, Effects, Expiry, Key, NewStr};
    use std::collections::BTreeSet;

    fn store(shards: usize) -> Store {
        Store::new(2, shards, Some(7), Clock::manual())
    }

    fn context() -> Context {
        Context { db: 0, now: 1000, access: Access::lru(1000), no_touch: false }
    }

    fn change(store: &Store, name: &str, expiry: Option<Expiry>) {
        let key = Key { bytes: name.as_bytes(), hash: store.hash(name.as_bytes()) };
        let mut effects = Effects::default();
        let mut tx = store.begin_one(key.hash, context(), &mut effects);
        match expiry {
            Some(expiry) => tx.set(key, NewStr::Slice(b"v"), expiry),
            None => {
                tx.remove(key, false);
            }
        }
    }

    fn step(store: &Store, cursor: Cursor, limit: usize, filter: Filter<'_>) -> (Option<Cursor>, Vec<String>) {
        let mut effects = Effects::default();
        let mut tx = store.begin_none(context(), &mut effects);
        let mut keys = Vec::new();
        let each = |key: &[u8]| keys.push(String::from_utf8(key.to_vec()).unwrap());
        let next = visit(tx.reader(), cursor, limit, filter, each);
        (next, keys)
    }

    /// Every key that lasts is returned exactly once, whatever else comes, goes and grows between the calls.
    #[test]
    fn a_scan_returns_every_lasting_key_once() {
        let mut rng = Rng::new(11);
        for shards in [1, 4, 64] {
            for round in 0..10 {
                let store = store(shards);
                let lasting = 1 + rng.below(1500);
                (0..lasting).for_each(|i| change(&store, &format!("lasting:{i}"), Some(Expiry::Clear)));
                let mut cursor = Some(Cursor::default());
                let (mut seen, mut others) = (Vec::new(), 0);
                while let Some(at) = cursor {
                    let (next, keys) = step(&store, at, 1 + rng.below(40) as usize, Filter::default());
                    assert!(next.is_none_or(|n| n.number() > at.number()));
                    cursor = next;
                    seen.extend(keys.into_iter().filter(|k| k.starts_with("lasting")));
                    for _ in 0..rng.below(60) {
                        let i = rng.below(5000);
                        let insert = rng.below(3) > 0 && others < 20_000;
                        others += u64::from(insert);
                        change(&store, &format!("other:{i}"), insert.then_some(Expiry::Clear));
                    }
                }
                let distinct: BTreeSet<&String> = seen.iter().collect();
                assert_eq!((distinct.len(), seen.len()), (lasting as usize, lasting as usize), "{shards} {round}");
            }
        }
    }

    #[test]
    fn the_work_of_a_call_is_bounded() {
        let full = store(64);
        (0..3000).for_each(|i| change(&full, &format!("k{i}"), Some(Expiry::Clear)));
        for limit in [1, 7, 100, 1000] {
            let (_, keys) = step(&full, Cursor::default(), limit, Filter::default());
            assert!((limit..limit + 3).contains(&keys.len()), "{limit}: {}", keys.len());
        }
        // Expired entries, and those that the filter refuses, are looked at too.
        (0..3000).for_each(|i| change(&full, &format!("k{i}"), Some(Expiry::At(999))));
        let (next, keys) = step(&full, Cursor::default(), 100, Filter::default());
        assert!(keys.is_empty() && next.is_some_and(|n| n.shard < 8), "{next:?}");
        assert_eq!(step(&full, Cursor::default(), usize::MAX, Filter::default()), (None, Vec::new()));
        // Nothing to look at: one call is enough, or as many as bound the shards passed over.
        assert_eq!(step(&store(1024), Cursor::default(), 10, Filter::default()), (None, Vec::new()));
        let wide = store(1 << 16);
        change(&wide, "k", Some(Expiry::Clear));
        let (mut calls, mut cursor, mut found) = (0, Some(Cursor::default()), 0);
        while let Some(at) = cursor {
            let (next, keys) = step(&wide, at, 1, Filter::default());
            (cursor, calls, found) = (next, calls + 1, found + keys.len());
        }
        assert_eq!(found, 1);
        assert!((16..=18).contains(&calls), "{calls}");
    }

    #[test]
    fn a_cursor_that_was_never_given_does_no_harm() {
        let store = store(4);
        change(&store, "k", Some(Expiry::Clear));
        for text in ["18446744073709551615", "-1", "4294967296", "17179869184", "12345"] {
            let cursor = Cursor::parse(text.as_bytes()).unwrap();
            let (next, keys) = step(&store, cursor, 10, Filter::default());
            assert!(next.is_none() && keys.len() <= 1, "{text}");
        }
        assert_eq!(Cursor::parse(b""), Ok(Cursor::default()));
        assert!(["x", "1.5", "18446744073709551616", " 1"].iter().all(|t| Cursor::parse(t.as_bytes()).is_err()));
        let cursor = Cursor { shard: 3, hash: 5 };
        assert_eq!(Cursor::parse(cursor.number().to_string().as_bytes()), Ok(cursor));
    }

    #[test]
    fn patterns_and_types_filter() {
        let store = store(4);
        ["one", "two", "o*e"].iter().for_each(|k| change(&store, k, Some(Expiry::Clear)));
        let found = |pattern: Option<&str>, type_name: Option<&str>| {
            let filter = Filter { pattern: pattern.map(str::as_bytes), type_name: type_name.map(str::as_bytes) };
            let mut keys = step(&store, Cursor::default(), 100, filter).1;
            keys.sort();
            keys
        };
        assert_eq!(found(Some("one"), None), ["one"]);
        assert_eq!(found(Some("o*"), Some("STRING")), ["o*e", "one"]);
        assert_eq!(found(Some("o\\*e"), None), ["o*e"]);
        assert!(found(None, Some("list")).is_empty() && found(None, Some("bogus")).is_empty());
        assert_eq!(found(None, None).len(), 3);
    }

    #[test]
    fn random_keys_are_near_uniform_and_alive() {
        let store = store(8);
        (0..40).for_each(|i| change(&store, &format!("k{i}"), Some(Expiry::Clear)));
        let draw = |store: &Store| {
            let mut effects = Effects::default();
            random_key(store.begin_none(context(), &mut effects).reader())
        };
        let mut counts = std::collections::BTreeMap::new();
        (0..8000).for_each(|_| *counts.entry(draw(&store).unwrap()).or_insert(0) += 1);
        // 200 each are expected, give or take 14.
        assert_eq!(counts.len(), 40);
        assert!(counts.values().all(|n| (100..300).contains(n)), "{counts:?}");
        (1..40).for_each(|i| change(&store, &format!("k{i}"), Some(Expiry::At(999))));
        assert!((0..100).all(|_| draw(&store).as_deref() == Some(b"k0")));
        change(&store, "k0", None);
        assert_eq!(draw(&store), None);
    }
}
