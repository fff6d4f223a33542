//! Sets against a plain set, in every form; random picks against the uniform distribution.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::rng::Rng;

const LIMITS: SetLimits = SetLimits { intset_entries: 512, listpack_entries: 128, listpack_value: 64 };

type Model = BTreeSet<Vec<u8>>;

fn members(set: &Set) -> Model {
    let all: Vec<_> = set.iter().map(|item| item.to_vec()).collect();
    let distinct: Model = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len());
    distinct
}

fn compare(set: &Set, model: &Model) {
    assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(&members(set), model);
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 7, |item| scanned.push(item.to_vec()));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), model.len());
    assert_eq!(&scanned.into_iter().collect::<Model>(), model);
    if let Set::Table(table) = set {
        assert!(table.sums_are_right());
    }
}

/// Removes what the set says it has popped.
fn pop(set: &mut Set, model: &mut Model, count: usize, rng: &mut Rng) {
    let (before, mut popped) = (model.len(), 0);
    set.pop_random_n(count, &mut || rng.next_u64(), |item| {
        assert!(model.remove(&item.to_vec()));
        popped += 1;
    });
    assert_eq!(popped, count.min(before));
}

fn random_operations(seed: u64, steps: u64, limits: SetLimits, member: impl Fn(&mut Rng) -> Vec<u8>) -> &'static str {
    let mut rng = Rng::new(seed);
    let mut set = Set::default();
    let mut model = Model::new();
    for step in 0..steps {
        let text = member(&mut rng);
        assert_eq!(set.contains(&text), model.contains(&text));
        match rng.below(8) {
            0..=3 => assert_eq!(set.add(&text, limits), model.insert(text)),
            4 => assert_eq!(set.remove(&text), model.remove(&text)),
            5 if rng.below(20) == 0 => {
                let count = rng.below(1 + model.len() as u64 / 2) as usize;
                pop(&mut set, &mut model, count, &mut rng);
            }
            5 => {
                let popped = set.pop_random(&mut || rng.next_u64());
                assert_eq!(popped.is_none(), model.is_empty());
                assert!(popped.is_none_or(|popped| model.remove(&popped)));
            }
            6 => {
                let wanted = rng.below(2 + 2 * model.len() as u64) as usize;
                let mut picked = Model::new();
                set.random_distinct(wanted, &mut || rng.next_u64(), |item| assert!(picked.insert(item.to_vec())));
                assert!(picked.len() == wanted.min(model.len()) && picked.is_subset(&model));
            }
            _ => {
                let picked = set.random(&mut || rng.next_u64()).map(|item| item.to_vec());
                assert_eq!(picked.is_none(), model.is_empty());
                assert!(picked.is_none_or(|picked| model.contains(&picked)));
            }
        }
        if step % (steps / 100) == 0 {
            compare(&set, &model);
            let (encoding, p) = set.duplicate().into_raw();
            // SAFETY: just given up.
            let copy = unsafe { Set::from_raw(encoding, p) };
            compare(&copy, &model);
            assert_eq!(copy.encoding(), set.encoding());
        }
    }
    compare(&set, &model);
    let encoding = set.encoding();
    pop(&mut set, &mut model, usize::MAX, &mut rng);
    assert!(set.is_empty() && model.is_empty());
    encoding
}

fn any_member(rng: &mut Rng, of: u64) -> Vec<u8> {
    let id = rng.below(of);
    match id % 3 {
        0 => format!("{id}").into_bytes(),
        1 => format!("-{id:03}").into_bytes(),
        _ => vec![b'm'; id as usize % 300],
    }
}

#[test]
fn behaves_as_a_set_in_every_form() {
    let huge = SetLimits { intset_entries: 9_000, listpack_entries: 9_000, listpack_value: 9_000 };
    let ints = |rng: &mut Rng| ((rng.next_u64() as i64) >> (rng.below(8) * 8)).to_string().into_bytes();
    assert_eq!(random_operations(1, 10_000, huge, ints), "intset");
    assert_eq!(random_operations(2, 10_000, huge, |rng| any_member(rng, 600)), "listpack");
    assert_eq!(random_operations(3, 20_000, LIMITS, |rng| any_member(rng, 900)), "hashtable");
    assert_eq!(random_operations(4, 60_000, LIMITS, |rng| any_member(rng, 50_000)), "hashtable");
    let none = SetLimits { intset_entries: 0, listpack_entries: 0, listpack_value: 0 };
    assert_eq!(random_operations(5, 10_000, none, |rng| any_member(rng, 200)), "hashtable");
}

/// A set of these members, added in order.
fn of(texts: impl IntoIterator<Item = String>, limits: SetLimits) -> Set {
    let mut set = Set::default();
    for text in texts {
        set.add(text.as_bytes(), limits);
    }
    set
}

fn ints(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|int| int.to_string())
}

fn texts(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|id| format!("m{id}"))
}

#[test]
fn forms_change_where_they_should() {
    let encoding = |members: Vec<String>, limits| of(members, limits).encoding();
    let one = |n: usize| std::iter::once("x".repeat(n));
    assert_eq!(encoding(ints(0..512).collect(), LIMITS), "intset");
    assert_eq!(encoding(ints(0..513).collect(), LIMITS), "hashtable");
    assert_eq!(encoding(ints(0..127).chain(one(64)).collect(), LIMITS), "listpack");
    assert_eq!(encoding(ints(0..128).chain(one(64)).collect(), LIMITS), "hashtable");
    assert_eq!(encoding(ints(0..5).chain(one(65)).collect(), LIMITS), "hashtable");
    assert_eq!(encoding(texts(0..128).collect(), LIMITS), "listpack");
    assert_eq!(encoding(texts(0..129).collect(), LIMITS), "hashtable");
    assert_eq!(encoding(texts(0..128).chain(texts(0..128)).collect(), LIMITS), "listpack");
    let few_ints = SetLimits { intset_entries: 3, ..LIMITS };
    assert_eq!(encoding(ints(0..3).collect(), few_ints), "intset");
    assert_eq!(encoding(ints(0..4).collect(), few_ints), "listpack");
    let short = SetLimits { listpack_value: 3, ..few_ints };
    assert_eq!(encoding(ints(996..1000).collect(), short), "listpack");
    assert_eq!(encoding(ints(997..1001).collect(), short), "hashtable");
    assert_eq!(encoding(["-1000".into(), "a".into()].into(), short), "hashtable");
    // Texts of integers that are not canonical are no integers.
    assert_eq!(encoding(["1".into(), "01".into()].into(), LIMITS), "listpack");
}

#[test]
fn algebra_is_that_of_plain_sets() {
    let mut rng = Rng::new(8);
    for round in 0..300 {
        let size = [5, 40, 200, 700][round % 4];
        let limits = [LIMITS, SetLimits { intset_entries: 4, listpack_entries: 2, listpack_value: 9 }][round / 4 % 2];
        let mut sets = Vec::new();
        for _ in 0..1 + rng.below(4) {
            let (len, ints) = (rng.below(size), rng.below(2) == 0);
            let text = |rng: &mut Rng| match ints {
                true => rng.below(size).to_string(),
                false => String::from_utf8(any_member(rng, size)).unwrap(),
            };
            sets.push(of((0..len).map(|_| text(&mut rng)), limits));
        }
        let models: Vec<Model> = sets.iter().map(members).collect();
        let given: Vec<Option<&Set>> = sets.iter().map(Some).flat_map(|set| [set, None]).collect();

        let union = Set::union(&given, limits);
        assert_eq!(members(&union), models.iter().flatten().cloned().collect::<Model>());
        let difference = Set::difference(&given, limits);
        let rest: Model = models[1..].iter().flatten().cloned().collect();
        assert_eq!(members(&difference), models[0].difference(&rest).cloned().collect::<Model>());
        let all: Vec<&Set> = sets.iter().collect();
        let common: Model =
            models[0].iter().filter(|text| models.iter().all(|model| model.contains(*text))).cloned().collect();
        let mut shown = Vec::new();
        Set::intersect(&all, 0, |item| shown.push(item.to_vec()));
        assert_eq!(shown.len(), common.len());
        assert_eq!(shown.into_iter().collect::<Model>(), common);
        let mut shown = 0;
        Set::intersect(&all, 3, |_| shown += 1);
        assert_eq!(shown, common.len().min(3));
    }
    assert!(Set::union(&[None], LIMITS).is_empty() && Set::union(&[], LIMITS).is_empty());
    let set = of(ints(0..9), LIMITS);
    assert!(Set::difference(&[None, Some(&set)], LIMITS).is_empty() && Set::difference(&[], LIMITS).is_empty());
    assert!(Set::difference(&[Some(&set), None, Some(&set)], LIMITS).is_empty());
    Set::intersect(&[], 0, |_| panic!("no set has a member"));
}

#[test]
fn difference_takes_either_way() {
    // Many small sets against a large one: removing; one large against a small one: seeking.
    let large = of(texts(0..3_000), LIMITS);
    let small: Vec<Set> = (0..9).map(|i| of(texts(i * 100..i * 100 + 50), LIMITS)).collect();
    let mut given = vec![Some(&large)];
    given.extend(small.iter().map(Some));
    let difference = Set::difference(&given, LIMITS);
    assert_eq!((difference.len(), difference.contains(b"m849"), difference.contains(b"m850")), (2_550, false, true));
    let difference = Set::difference(&[Some(&small[0]), Some(&large)], LIMITS);
    assert!(difference.is_empty() && large.len() == 3_000);
}

#[test]
fn a_member_of_a_large_set_is_small() {
    let mut set = Set::default();
    let count = 200_000_u32;
    for id in 0..count {
        set.add(format!("member:{id:09}").as_bytes(), LIMITS);
    }
    let each = set.heap_bytes() as f64 / f64::from(count);
    assert!(each < 48.0, "{each}");
    let mut rng = Rng::new(1);
    let mut popped = 0;
    set.pop_random_n(count as usize - 1, &mut || rng.next_u64(), |_| popped += 1);
    assert!(popped == count - 1 && set.len() == 1 && set.heap_bytes() < 300);
}

/// Pearson's statistic of how often each of `keys` members was drawn, against the mean `mean`, in standard deviations.
fn deviation(counts: &BTreeMap<Vec<u8>, u32>, keys: usize, mean: f64) -> f64 {
    let expected = f64::from(counts.values().sum::<u32>()) / keys as f64;
    let missing = (keys - counts.len()) as f64 * expected;
    let chi: f64 = counts.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    (chi + missing - mean) / (2.0 * (keys - 1) as f64).sqrt()
}

#[test]
fn random_members_are_uniform() {
    let tables = SetLimits { intset_entries: 0, listpack_entries: 0, listpack_value: 0 };
    for (keys, set) in [
        (300, of(ints(0..300), LIMITS)),
        (100, of(texts(0..100), LIMITS)),
        (100, of(texts(0..100), tables)),
        (20_000, of(texts(0..20_000), LIMITS)),
    ] {
        let mut rng = Rng::new(11);
        if keys < 1_000 {
            let mut counts = BTreeMap::new();
            for _ in 0..keys * 50 {
                *counts.entry(set.random(&mut || rng.next_u64()).unwrap().to_vec()).or_insert(0) += 1;
            }
            let off = deviation(&counts, keys, (keys - 1) as f64);
            assert!(off.abs() < 4.0, "{keys}: {off}");
        }
        // Without repetition counts vary less: the statistic's mean is that much smaller.
        for wanted in [1, keys / 5, keys / 2] {
            let mean = (keys - wanted) as f64;
            let (mut picked, mut popped) = (BTreeMap::new(), BTreeMap::new());
            for _ in 0..if wanted == 1 { keys.min(1_000) * 20 } else { 60 } {
                set.random_distinct(wanted, &mut || rng.next_u64(), |item| {
                    *picked.entry(item.to_vec()).or_insert(0) += 1;
                });
                if keys < 1_000 {
                    let mut copy = set.duplicate();
                    copy.pop_random_n(wanted, &mut || rng.next_u64(), |item| {
                        *popped.entry(item.to_vec()).or_insert(0) += 1;
                    });
                }
            }
            let off = deviation(&picked, keys, mean);
            assert!(off.abs() < 4.0, "{keys} {wanted}: {off}");
            if keys < 1_000 {
                let off = deviation(&popped, keys, mean);
                assert!(off.abs() < 4.0, "pop {keys} {wanted}: {off}");
            }
        }
    }
}
