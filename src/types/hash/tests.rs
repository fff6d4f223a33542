//! Hashes against a plain map, in every form; random picks against the uniform distribution.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::rng::Rng;

const LIMITS: HashLimits = HashLimits { listpack_entries: 128, listpack_value: 64 };

type Model = BTreeMap<Vec<u8>, (Vec<u8>, u64)>;

fn text(value: Value<'_>) -> Vec<u8> {
    let text = value.to_vec();
    assert_eq!(text.len(), value.len());
    text
}

fn pairs(hash: &Hash, now: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    hash.iter(now).map(|(field, value)| (field.to_vec(), text(value))).collect()
}

/// The hash holds what the model holds, and its sums are right.
fn compare(hash: &Hash, model: &Model, now: u64) {
    assert_eq!(hash.len(), model.len());
    assert_eq!(hash.is_empty(), model.is_empty());
    let live: Vec<_> = model.iter().filter(|(_, (_, at))| *at == 0 || *at > now).collect();
    assert_eq!(hash.live_len(now), live.len());
    let mut shown = pairs(hash, now);
    shown.sort();
    assert!(shown.iter().map(|(k, v)| (k, v)).eq(live.iter().map(|(k, (v, _))| (*k, v))));
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = hash.scan(cursor, 7, now, |field, value| scanned.push((field.to_vec(), text(value))));
        if cursor == 0 {
            break;
        }
    }
    scanned.sort();
    assert_eq!(scanned, shown);
    assert_eq!(hash.min_expire(), model.values().map(|(_, at)| *at).filter(|at| *at != 0).min());
    match hash {
        Hash::Packed(packed) | Hash::Expiring(packed) => assert_eq!(hash.heap_bytes(), packed.heap_bytes()),
        Hash::Table(table) => assert!(table.sums_are_right()),
    }
}

fn ttl_of(model: &Model, field: &[u8], now: u64) -> FieldTtl {
    match model.get(field) {
        None => FieldTtl::Missing,
        Some((_, 0)) => FieldTtl::Never,
        Some((_, at)) if *at <= now => FieldTtl::Missing,
        Some((_, at)) => FieldTtl::At(*at),
    }
}

/// One random change of the fields' expiry, or a sweep.
fn change_expiry(hash: &mut Hash, model: &mut Model, field: &[u8], now: u64, rng: &mut Rng) {
    let before = ttl_of(model, field, now);
    match rng.below(8) {
        0 => {
            assert_eq!(hash.persist(field, now), before);
            if let FieldTtl::At(_) = before
                && let Some(held) = model.get_mut(field)
            {
                held.1 = 0;
            }
        }
        1 => {
            let limit = rng.below(5) as usize;
            let mut due: Vec<_> = model.iter().filter(|(_, (_, at))| *at != 0 && *at <= now).collect();
            due.sort_by_key(|(_, (_, at))| *at);
            let last = due.get(limit.wrapping_sub(1)).map_or(now, |(_, (_, at))| *at);
            let count = due.len().min(limit);
            let mut removed = Vec::new();
            assert_eq!(hash.expire(now, limit, |field| removed.push(field.to_vec())), count);
            for field in removed {
                let (_, at) = model.remove(&field).unwrap();
                assert!(at != 0 && at <= last);
            }
        }
        _ => {
            let at = (now + rng.below(60)).saturating_sub(5);
            let outcome = match before {
                FieldTtl::Missing => ExpireOutcome::Missing,
                _ if at <= now => {
                    model.remove(field);
                    ExpireOutcome::Removed
                }
                _ => {
                    model.get_mut(field).unwrap().1 = at;
                    ExpireOutcome::Set
                }
            };
            assert_eq!(hash.set_expire(field, at, now), outcome);
        }
    }
}

fn random_operations(seed: u64, steps: u64, fields: u64, limits: HashLimits, expiring: bool) -> &'static str {
    let mut rng = Rng::new(seed);
    let mut hash = Hash::default();
    let mut model = Model::new();
    let mut now = 1_000;
    for step in 0..steps {
        now += rng.below(3);
        let id = rng.below(fields);
        let field = if id.is_multiple_of(3) { id.to_string().into_bytes() } else { format!("field:{id}").into_bytes() };
        let present = ttl_of(&model, &field, now) != FieldTtl::Missing;
        let held = model.get(&field).filter(|_| present).map(|(value, _)| value.clone());
        assert_eq!(hash.get(&field, now).map(text), held);
        assert_eq!(hash.value_len(&field, now), held.as_ref().map(Vec::len));
        assert_eq!(hash.expire_at(&field, now), ttl_of(&model, &field, now));
        let value = match rng.below(3) {
            0 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
            1 => vec![b'v'; rng.below(30) as usize],
            _ => vec![
                b'w';
                rng.below(if step % 97 == 0 { 9_000 } else { 64 }).min(limits.listpack_value as u64) as usize
            ],
        };
        match rng.below(if expiring { 7 } else { 5 }) {
            0 | 1 => {
                let keep_ttl = rng.below(2) == 0;
                assert_eq!(hash.set(&field, &value, limits, keep_ttl, now), !present);
                let at = model.get(&field).map_or(0, |(_, at)| *at);
                model.insert(field, (value, if keep_ttl && present { at } else { 0 }));
            }
            2 => {
                assert_eq!(hash.set_nx(&field, &value, limits, now), !present);
                if !present {
                    model.insert(field, (value, 0));
                }
            }
            3 => {
                assert_eq!(hash.remove(&field, now), present);
                model.remove(&field);
            }
            4 => {
                let picked =
                    hash.random(now, &mut || rng.next_u64()).map(|(field, value)| (field.to_vec(), text(value)));
                match picked {
                    None => assert_eq!(hash.live_len(now), 0),
                    Some((field, value)) => {
                        assert!(ttl_of(&model, &field, now) != FieldTtl::Missing && model[&field].0 == value);
                    }
                }
                let wanted = rng.below(2 * fields) as usize;
                let mut picked = BTreeSet::new();
                hash.random_distinct(wanted, now, &mut || rng.next_u64(), |field, _| {
                    assert!(picked.insert(field.to_vec()));
                });
                assert_eq!(picked.len(), wanted.min(hash.live_len(now)));
                assert!(picked.iter().all(|field| hash.contains(field, now)));
            }
            _ => change_expiry(&mut hash, &mut model, &field, now, &mut rng),
        }
        if step % (steps / 100) == 0 {
            compare(&hash, &model, now);
            let (encoding, p) = hash.duplicate().into_raw();
            // SAFETY: just given up.
            let copy = unsafe { Hash::from_raw(encoding, p) };
            compare(&copy, &model, now);
            assert_eq!(copy.encoding(), hash.encoding());
        }
    }
    compare(&hash, &model, now);
    hash.encoding()
}

#[test]
fn behaves_as_a_map_in_every_form() {
    let huge = HashLimits { listpack_entries: 10_000, listpack_value: 10_000 };
    assert_eq!(random_operations(1, 20_000, 40, huge, false), "listpack");
    assert_eq!(random_operations(2, 20_000, 40, huge, true), "listpackex");
    assert_eq!(random_operations(3, 20_000, 300, LIMITS, false), "hashtable");
    assert_eq!(random_operations(4, 40_000, 300, LIMITS, true), "hashtable");
    let none = HashLimits { listpack_entries: 0, listpack_value: 10_000 };
    assert_eq!(random_operations(5, 20_000, 60, none, true), "hashtable");
}

#[test]
fn forms_change_where_they_should() {
    let set = |hash: &mut Hash, field: &[u8], value: &[u8]| hash.set(field, value, LIMITS, false, 0);
    let filled = |n: u32| {
        let mut hash = Hash::default();
        (0..n).for_each(|id| assert!(set(&mut hash, &id.to_be_bytes(), b"v")));
        hash
    };
    assert_eq!(filled(128).encoding(), "listpack");
    assert_eq!(filled(129).encoding(), "hashtable");
    let mut hash = filled(128);
    assert!(!set(&mut hash, &0_u32.to_be_bytes(), &[b'v'; 64]));
    assert_eq!(hash.encoding(), "listpack");
    assert_eq!(hash.set_expire(b"none", 10, 5), ExpireOutcome::Missing);
    assert_eq!(hash.set_expire(&0_u32.to_be_bytes(), 5, 5), ExpireOutcome::Removed);
    assert_eq!((hash.encoding(), hash.len()), ("listpack", 127));
    assert_eq!(hash.set_expire(&1_u32.to_be_bytes(), 6, 5), ExpireOutcome::Set);
    assert_eq!((hash.encoding(), hash.min_expire()), ("listpackex", Some(6)));
    assert_eq!(hash.persist(&1_u32.to_be_bytes(), 5), FieldTtl::At(6));
    assert!(!hash.has_expiring());
    assert!(!set(&mut hash, &2_u32.to_be_bytes(), &[b'v'; 65]));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 127));
    let mut hash = Hash::default();
    assert!(set(&mut hash, &[b'f'; 65], b""));
    assert!(hash.remove(&[b'f'; 65], 0) && hash.is_empty());
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn a_large_value_is_shared() {
    let mut hash = Hash::default();
    hash.set(b"f", &[1; 100_000], LIMITS, false, 0);
    let Some(Value::Shared(bytes)) = hash.get(b"f", 0) else { panic!("not shared") };
    let held = bytes.clone();
    assert!(hash.heap_bytes() > 100_000);
    hash.set(b"f", b"short", LIMITS, false, 0);
    assert!(hash.heap_bytes() < 300 && held.len() == 100_000);
}

#[test]
fn a_million_pairs_are_small() {
    let mut hash = Hash::default();
    let count = 200_000_u32;
    for id in 0..count {
        hash.set(format!("field:{id:08}").as_bytes(), format!("value:{id:08}").as_bytes(), LIMITS, false, 0);
    }
    let each = hash.heap_bytes() as f64 / f64::from(count);
    assert!(each < 50.0, "{each}");
    for id in 0..count {
        assert!(hash.remove(format!("field:{id:08}").as_bytes(), 0));
    }
    assert!(hash.heap_bytes() < 100);
}

/// Pearson's statistic of how often each of `keys` fields was drawn, against its mean, in standard deviations.
fn deviation(counts: &BTreeMap<Vec<u8>, u32>, keys: usize) -> f64 {
    let draws: u32 = counts.values().sum();
    let expected = f64::from(draws) / keys as f64;
    let missing = (keys - counts.len()) as f64 * expected;
    let chi: f64 = counts.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    (chi + missing - (keys - 1) as f64) / (2.0 * (keys - 1) as f64).sqrt()
}

#[test]
fn random_fields_are_uniform() {
    for (keys, limits, expiring) in [
        (100, HashLimits { listpack_entries: 1_000, listpack_value: 64 }, false),
        (100, HashLimits { listpack_entries: 1_000, listpack_value: 64 }, true),
        (100, HashLimits { listpack_entries: 0, listpack_value: 64 }, false),
        (100, HashLimits { listpack_entries: 0, listpack_value: 64 }, true),
        (12_000, LIMITS, true),
    ] {
        let mut hash = Hash::default();
        let mut rng = Rng::new(7);
        for id in 0..keys {
            hash.set(format!("{id}").as_bytes(), b"v", limits, false, 0);
            if expiring && id % 3 == 0 {
                hash.set_expire(format!("{id}").as_bytes(), 1 + id as u64 % 2, 0);
            }
        }
        // At time 1 half of those that expire are due.
        let live = hash.live_len(1);
        let mut counts = BTreeMap::new();
        for _ in 0..live.min(2_000) * 20 {
            let (field, _) = hash.random(1, &mut || rng.next_u64()).unwrap();
            *counts.entry(field.to_vec()).or_insert(0) += 1;
        }
        if live < 2_000 {
            let off = deviation(&counts, live);
            assert!(off.abs() < 4.0, "{keys}: {off}");
        }
        let mut counts = BTreeMap::new();
        hash.random_each(live.min(2_000) * 20, 1, &mut || rng.next_u64(), |field, _| {
            *counts.entry(field.to_vec()).or_insert(0) += 1;
            true
        });
        assert_eq!(counts.values().sum::<u32>(), live.min(2_000) as u32 * 20);
        if live < 2_000 {
            let off = deviation(&counts, live);
            assert!(off.abs() < 4.0, "{keys}: {off}");
        }
        for wanted in [live / 5, live / 2] {
            let mut counts = BTreeMap::new();
            for _ in 0..100 {
                hash.random_distinct(wanted, 1, &mut || rng.next_u64(), |field, _| {
                    *counts.entry(field.to_vec()).or_insert(0) += 1;
                });
            }
            // Draws without repetition vary less than independent ones: the statistic is that much smaller.
            let off = deviation(&counts, live);
            let mean = -(live as f64) * (wanted as f64 / live as f64) / (2.0 * live as f64).sqrt();
            assert!((off - mean).abs() < 4.0, "{keys} {wanted}: {off} {mean}");
        }
    }
}
