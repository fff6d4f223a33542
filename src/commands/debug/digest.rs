//! Digests of values and of the dataset, the ones that redis-server prints (found by experiment).
//!
//! For a value SHA-1 chains its type and its content: the elements of a list in order; for the others, whose order does
//! not matter, the digests of the elements (member; member and score; field and value) are combined by exclusive or, as
//! are those of the keys of the dataset. A time to live counts by being there. Must not know what asks.

use super::describe::{Part, parts};
use super::*;
use crate::types::TypeTag;
use sha1::{Digest as _, Sha1};

/// A SHA-1 value.
pub(super) type Digest = [u8; 20];

fn sha(bytes: &[u8]) -> Digest {
    Sha1::digest(bytes).into()
}

/// Combines the digest of `bytes` into another: the order does not count.
fn xor(a: &mut Digest, bytes: &[u8]) {
    a.iter_mut().zip(sha(bytes)).for_each(|(x, y)| *x ^= y);
}

/// Chains `bytes` into a digest: the order counts.
fn mix(digest: &mut Digest, bytes: &[u8]) {
    xor(digest, bytes);
    *digest = sha(digest);
}

/// Combines a pair into a digest: the order within counts, that of the pairs does not.
fn xor_pair(digest: &mut Digest, a: &[u8], b: &[u8], expires: bool) {
    let mut pair = Digest::default();
    mix(&mut pair, a);
    mix(&mut pair, b);
    if expires {
        xor(&mut pair, b"!!hexpire!!");
    }
    xor(digest, &pair);
}

pub(super) fn hex(digest: &Digest) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// A score with 17 significant digits, as C's `%.17g` prints it.
fn score_text(score: f64) -> String {
    if !score.is_finite() {
        return if score > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let text = format!("{score:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        return trimmed(&format!("{score:.*}", usize::try_from(16 - exponent).unwrap_or(0)));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

/// The number of a type in a digest.
fn type_number(tag: TypeTag) -> u32 {
    match tag {
        TypeTag::String => 0,
        TypeTag::List => 1,
        TypeTag::Set => 2,
        TypeTag::ZSet => 3,
        TypeTag::Hash => 4,
        TypeTag::Stream => 6,
    }
}

fn mix_value(digest: &mut Digest, entry: &Entry, now: u64) {
    mix(digest, &type_number(entry.type_tag()).to_be_bytes());
    match entry.str() {
        Some(StrRef::Int(n)) => mix(digest, itoa::Buffer::new().format(n).as_bytes()),
        Some(StrRef::Inline(b)) => mix(digest, b),
        Some(StrRef::Shared(b)) => mix(digest, b),
        None => parts(entry, now, |part| match part {
            Part::One(text) if entry.type_tag() == TypeTag::List => mix(digest, text),
            Part::Id(id) => mix(digest, format!("{}.{}", id.ms, id.seq).as_bytes()),
            Part::Field(field, value) => {
                mix(digest, field);
                mix(digest, value);
            }
            Part::One(text) => xor(digest, text),
            Part::Scored(member, score) => xor_pair(digest, member, score_text(score).as_bytes(), false),
            Part::Pair(field, value, expires) => xor_pair(digest, field, value, expires),
        }),
    }
    if entry.expire_at().is_some() {
        xor(digest, b"!!expire!!");
    }
}

/// The digest of a value at time `now` and of whether it has a time to live. O(its bytes).
pub(super) fn of_entry(entry: &Entry, now: u64) -> Digest {
    let mut digest = Digest::default();
    mix_value(&mut digest, entry, now);
    digest
}

pub(super) fn of_values(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now = cx.tx.now();
    let mut digests = Vec::with_capacity(args.left());
    while !args.is_empty() {
        let key = args.key();
        digests.push(cx.tx.on_shard(key, |tx| tx.peek(key).map(|e| of_entry(e, now)).unwrap_or_default())?);
    }
    out.array(digests.len());
    digests.iter().for_each(|digest| out.simple(&hex(digest)));
    Ok(())
}

/// Entries digested while a shard is held.
const DIGEST_STEP: usize = 64;

/// Shard by shard: a dataset that changes meanwhile has no one digest. In an EXEC it is that of a moment.
pub(super) fn of_dataset(cx: &mut Cx<'_, '_>) -> Digest {
    let (store, now) = (&cx.server.store, cx.tx.now());
    let mut all = Digest::default();
    let used: Vec<u32> = store.used().filter(|(_, db)| !db.is_empty()).map(|(n, _)| n).collect();
    for db in used {
        mix(&mut all, &db.to_be_bytes());
        for shard in 0..store.shard_count() {
            let mut from = Some(0);
            while let Some(hash) = from {
                let mut left = DIGEST_STEP;
                from = cx.tx.walk(db, shard, hash, |entry| {
                    let mut digest = Digest::default();
                    mix(&mut digest, entry.key());
                    mix_value(&mut digest, entry, now);
                    xor(&mut all, &digest);
                    left = left.saturating_sub(1);
                    left > 0
                });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewStr;
    use crate::types::hash::{Hash, HashLimits};
    use crate::types::list::{End, List, ListLimits};
    use crate::types::set::{Set, SetLimits};
    use crate::types::zset::{AddFlags, ZSet, ZSetLimits};

    #[test]
    fn digests_are_those_of_redis_server() {
        let value = |text: &[u8], ttl| hex(&of_entry(&Entry::new(b"k", NewStr::Slice(text), ttl, 0), 0));
        assert_eq!(value(b"1", None), "b4fc66738120fba0b5aa500ab5c2bf89cea1c5da");
        assert_eq!(value(b"x", None), "e1c099d36d86ec50b7f83540e7e59065055be33d");
        assert_eq!(value(b"x", Some(5)), "0745672cb1bf060476eedeb8a28f5ffe1ff5a2be");
        let collection = |entry: Entry| hex(&of_entry(&entry, 0));
        for max_listpack_size in [-2, 1] {
            let mut list = List::default();
            let limits = ListLimits { max_listpack_size, compress_depth: 0 };
            let texts = [&b"a"[..], b"b", b"12", &[b'c'; 100]];
            texts.iter().for_each(|text| list.push(End::Back, text, limits));
            let digest = collection(Entry::new_collection(b"l", list, None, 0));
            assert_eq!(digest, "c03ceb548ba63a2e138e8052f078e0aa1a4d4635");
        }
        let words = (["a", "b", "12"], "a6cb320b073705356139f26fb4e18858a07e0492");
        let ints = (["1", "2", "300"], "bff1310353f341fe4488c7323df3673679c04f02");
        for ((members, digest), entries) in [(words, 0), (words, 128), (ints, 0), (ints, 512)] {
            let limits = SetLimits { intset_entries: entries, listpack_entries: entries, listpack_value: 64 };
            let mut set = Set::default();
            assert!(members.iter().all(|member| set.add(member.as_bytes(), limits)));
            assert_eq!(collection(Entry::new_collection(b"s", set, None, 0)), digest);
        }
        for entries in [0, 512] {
            let limits = ZSetLimits { listpack_entries: entries, listpack_value: 64 };
            let mut zset = ZSet::default();
            let scores = [1.0, 2.5, f64::NEG_INFINITY, 0.1, 1e20, f64::INFINITY, 3.0];
            for (member, score) in ["a", "b", "c", "d", "e", "f", "12"].into_iter().zip(scores) {
                zset.add(member.as_bytes(), score, AddFlags::default(), limits);
            }
            let digest = collection(Entry::new_collection(b"z", zset, None, 0));
            assert_eq!(digest, "a241ea02c93bc2ca8636da8da99d8f2754505580");
            let limits = HashLimits { listpack_entries: entries, listpack_value: 64 };
            let mut hash = Hash::default();
            hash.set(b"f", b"v", limits, false, 0);
            hash.set(b"12", b"34", limits, false, 0);
            let entry = Entry::new_collection(b"h", hash, None, 0);
            assert_eq!(collection(entry.deep_clone(b"i")), "1ce05702d04e204dd31204a41b005e7baae3c580");
            assert_eq!(collection(entry.set_expire(Some(5))), "fa65a9fd0c77ca191204ef5c5e6a91e0b04d8403");
        }
    }

    #[test]
    fn scores_have_17_digits() {
        for (score, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.10000000000000001"),
            (3.1, "3.1000000000000001"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e20, "1e+20"),
            (1.5e300, "1.5000000000000001e+300"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(score_text(score), text);
        }
    }
}
