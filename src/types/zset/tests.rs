//! Both forms of a sorted set against a plain model, and its arithmetic against the reference server.

mod oracle;

use std::collections::BTreeMap;

use super::*;
use crate::base::rng::Rng;
use crate::types::set::{Set, SetLimits};

pub(super) const SMALL: ZSetLimits = ZSetLimits { listpack_entries: 128, listpack_value: 64 };
const LARGE: ZSetLimits = ZSetLimits { listpack_entries: 0, listpack_value: 64 };
/// Packed whatever comes.
const PACKED: ZSetLimits = ZSetLimits { listpack_entries: usize::MAX, listpack_value: usize::MAX };

type Entry = (Vec<u8>, f64);

/// What a set must be: scores by member.
#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, f64>);

impl Model {
    fn sorted(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.0.iter().map(|(member, score)| (member.clone(), *score)).collect();
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        all
    }
}

pub(super) fn entries(set: &ZSet) -> Vec<Entry> {
    let mut all = Vec::new();
    set.for_each(&mut |member, score| {
        all.push((member.to_vec(), score));
        true
    });
    all
}

/// A member: an integer, a word, or bytes; of few or many.
fn some_member(rng: &mut Rng, names: u64) -> Vec<u8> {
    let name = rng.below(names);
    match name % 4 {
        0 => (name as i64 - 20).to_string().into_bytes(),
        1 => [b"\xff\x00", &name.to_le_bytes()[..2]].concat(),
        2 => format!("member:{name}").into_bytes(),
        _ => vec![b'x'; name as usize % 300],
    }
}

fn some_score(rng: &mut Rng) -> f64 {
    match rng.below(10) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => rng.f64() * 10.0,
        4 => (rng.f64() - 0.5) * 1e300,
        5 => (1_u64 << 53) as f64 + rng.below(10) as f64,
        _ => rng.below(8) as f64 - 3.0,
    }
}

fn some_range(rng: &mut Rng, len: usize) -> Range<'static> {
    let mut rank = || rng.below(2 * len as u64 + 6) as i64 - len as i64 - 3;
    let ranks = RankRange { start: rank(), stop: rank() };
    if rng.below(2) == 0 {
        return Range::Rank(ranks);
    }
    Range::Score(ScoreRange {
        min: some_score(rng),
        max: some_score(rng),
        min_exclusive: rng.below(2) == 0,
        max_exclusive: rng.below(2) == 0,
    })
}

/// What of a sorted list is in a range, in the direction asked for.
fn expected_in(sorted: &[Entry], range: &Range<'_>, reverse: bool) -> Vec<Entry> {
    let mut all = sorted.to_vec();
    if reverse {
        all.reverse();
    }
    match range {
        Range::Rank(ranks) => {
            let at = |rank: i64| if rank < 0 { rank + all.len() as i64 } else { rank };
            let (start, stop) = (at(ranks.start), at(ranks.stop));
            let inside = all.iter().enumerate().filter(|(i, _)| (start..=stop).contains(&(*i as i64)));
            inside.map(|(_, entry)| entry.clone()).collect()
        }
        Range::Score(r) => {
            let above = |s: f64| if r.min_exclusive { s > r.min } else { s >= r.min };
            let below = |s: f64| if r.max_exclusive { s < r.max } else { s <= r.max };
            all.into_iter().filter(|(_, score)| above(*score) && below(*score)).collect()
        }
        Range::Lex(range) => all.into_iter().filter(|(m, _)| !range.is_below(m) && !range.is_above(m)).collect(),
    }
}

fn collect(set: &ZSet, range: &Range<'_>, reverse: bool, offset: usize, count: usize) -> Vec<Entry> {
    let mut shown = Vec::new();
    set.iterate(range, reverse, offset, count, |member, score| {
        shown.push((member.to_vec(), score));
        true
    });
    shown
}

fn check_reads(set: &ZSet, model: &Model, rng: &mut Rng, member: &[u8]) {
    let sorted = model.sorted();
    assert_eq!(set.len(), sorted.len());
    assert_eq!(set.score(member), model.0.get(member).copied());
    let rank = sorted.iter().position(|entry| entry.0 == member);
    assert_eq!(set.rank(member, false), rank.map(|rank| (rank, sorted[rank].1)));
    assert_eq!(set.rank(member, true), rank.map(|rank| (sorted.len() - 1 - rank, sorted[rank].1)));
    let range = some_range(rng, sorted.len());
    assert_eq!(set.count_in(&range), expected_in(&sorted, &range, false).len(), "{range:?}");
    let reverse = rng.below(2) == 0;
    let (offset, count) = match rng.below(3) {
        0 => (0, usize::MAX),
        1 => (rng.below(6) as usize, rng.below(6) as usize),
        _ => (rng.below(sorted.len() as u64 + 2) as usize, usize::MAX),
    };
    let expected: Vec<_> = expected_in(&sorted, &range, reverse).into_iter().skip(offset).take(count).collect();
    assert_eq!(collect(set, &range, reverse, offset, count), expected, "{range:?} {reverse} {offset} {count}");
}

fn change(set: &mut ZSet, model: &mut Model, rng: &mut Rng, member: &[u8], limits: ZSetLimits) {
    let sorted = model.sorted();
    match rng.below(20) {
        0..12 => {
            let score = some_score(rng);
            let mut flag = || rng.below(4) == 0;
            let flags = AddFlags { nx: flag(), xx: flag(), gt: flag(), lt: flag(), incr: flag() };
            let old = model.0.get(member).copied();
            let new = if flags.incr { old.unwrap_or(0.0) + score } else { score };
            let expected = match old {
                None if flags.xx => Outcome::Skipped,
                None => Outcome::Added(score),
                Some(_) if flags.nx => Outcome::Skipped,
                Some(_) if new.is_nan() => Outcome::NotANumber,
                Some(old) if (flags.gt && new <= old) || (flags.lt && new >= old) => Outcome::Skipped,
                Some(old) if new == old => Outcome::Same(old),
                Some(_) => Outcome::Updated(new),
            };
            assert_eq!(set.add(member, score, flags, limits), expected);
            if let Outcome::Added(score) | Outcome::Updated(score) = expected {
                model.0.insert(member.to_vec(), score);
            }
        }
        12..17 => assert_eq!(set.remove(member), model.0.remove(member)),
        17 => {
            let range = some_range(rng, sorted.len());
            let expected = expected_in(&sorted, &range, false);
            if expected.len() <= 40 || rng.below(10) == 0 {
                let mut removed = Vec::new();
                let n = set.remove_range(&range, |member, score| removed.push((member.to_vec(), score)));
                assert_eq!((n, &removed), (expected.len(), &expected));
                expected.iter().for_each(|(member, _)| assert!(model.0.remove(member).is_some()));
            }
        }
        pops => {
            let count = rng.below(4) as usize;
            let mut popped = Vec::new();
            let take = |member: Item<'_>, score: f64| popped.push((member.to_vec(), score));
            let n = if pops == 18 { set.pop_min(count, take) } else { set.pop_max(count, take) };
            let all = Range::Rank(RankRange { start: 0, stop: count as i64 - 1 });
            let expected = if count == 0 { Vec::new() } else { expected_in(&sorted, &all, pops == 19) };
            assert_eq!((n, &popped), (expected.len(), &expected));
            expected.iter().for_each(|(member, _)| assert!(model.0.remove(member).is_some()));
        }
    }
}

#[test]
fn random_operations_agree_with_a_model() {
    for (seed, names, limits, rounds) in
        [(1, 60, PACKED, 12_000), (2, 400, LARGE, 12_000), (3, 250, SMALL, 6000), (4, 5000, LARGE, 6000)]
    {
        let mut rng = Rng::new(seed);
        let (mut set, mut model) = (ZSet::default(), Model::default());
        for round in 0..rounds {
            let member = some_member(&mut rng, names);
            change(&mut set, &mut model, &mut rng, &member, limits);
            check_reads(&set, &model, &mut rng, &member);
            if round % 64 == 0 {
                assert_eq!(entries(&set), model.sorted());
                let (encoding, raw) = set.into_raw();
                // SAFETY: the two come from `into_raw`.
                set = unsafe { ZSet::from_raw(encoding, raw) };
                let copy = set.duplicate();
                assert_eq!((entries(&copy), copy.encoding()), (model.sorted(), set.encoding()));
                if let ZSet::Packed(block) = copy {
                    assert_eq!(entries(&ZSet::from_packed(block).unwrap()), model.sorted());
                }
            }
        }
    }
}

#[test]
fn conversion_is_where_redis_has_it() {
    let mut set = ZSet::default();
    for i in 0..128 {
        set.add(format!("m{i}").as_bytes(), f64::from(i), AddFlags::default(), SMALL);
    }
    assert_eq!((set.encoding(), set.len()), ("listpack", 128));
    set.add(b"m5", 1000.0, AddFlags::default(), SMALL);
    set.add(b"new", 1.0, AddFlags { xx: true, ..AddFlags::default() }, SMALL);
    assert_eq!(set.encoding(), "listpack");
    set.add(b"new", 1.0, AddFlags::default(), SMALL);
    assert_eq!((set.encoding(), set.len(), set.score(b"m5")), ("skiplist", 129, Some(1000.0)));
    set.pop_min(120, |_, _| {});
    assert_eq!((set.encoding(), set.len()), ("skiplist", 9));
    let mut set = ZSet::default();
    set.add(&[b'x'; 64], 1.0, AddFlags::default(), SMALL);
    assert_eq!(set.encoding(), "listpack");
    set.add(&[b'x'; 65], 1.0, AddFlags::default(), SMALL);
    assert_eq!(set.encoding(), "skiplist");
    let encoding = |members, longest| ZSet::with_hint(members, longest, SMALL).encoding();
    assert_eq!([encoding(128, 64), encoding(129, 64), encoding(1, 65)], ["listpack", "skiplist", "skiplist"]);
}

#[test]
fn scores_are_stored_as_redis_stores_them() {
    let mut set = ZSet::default();
    for (member, score) in [("a", -0.0), ("b", 3.0), ("c", 3.5), ("d", 1e20), ("e", f64::INFINITY)] {
        set.add(member.as_bytes(), score, AddFlags::default(), SMALL);
    }
    let ZSet::Packed(block) = &set else { panic!("small") };
    let items: Vec<Vec<u8>> = block.iter().map(|item| item.to_vec()).collect();
    assert_eq!(items, [&b"a"[..], b"0", b"b", b"3", b"c", b"3.5", b"d", b"1e+20", b"e", b"inf"]);
    assert!(set.score(b"a").unwrap().is_sign_positive());
}

#[test]
fn blocks_from_outside_are_checked() {
    let packed = |items: &[&str]| {
        let mut block = Packed::new();
        items.iter().for_each(|item| block.push_back(item.as_bytes()));
        ZSet::from_packed(block).is_some()
    };
    assert!(packed(&[]) && packed(&["a", "1", "b", "1", "a2", "inf"]));
    for bad in [
        &["a"][..],
        &["a", "b"],
        &["a", "nan"],
        &["a", "2", "b", "1"],
        &["b", "1", "a", "1"],
        &["a", "1", "a", "2"],
        &["a", "1", "a", "1"],
    ] {
        assert!(!packed(bad), "{bad:?}");
    }
}

#[test]
fn lexicographic_ranges() {
    let mut rng = Rng::new(9);
    for limits in [PACKED, LARGE] {
        let (mut set, mut model) = (ZSet::default(), Model::default());
        for _ in 0..300 {
            let member = some_member(&mut rng, 2000);
            set.add(&member, 1.5, AddFlags::default(), limits);
            model.0.insert(member, 1.5);
        }
        for _ in 0..3000 {
            let (a, b) = (some_member(&mut rng, 2000), some_member(&mut rng, 2000));
            let mut bound = |member| match rng.below(6) {
                0 => LexBound::Lowest,
                1 => LexBound::Highest,
                2 | 3 => LexBound::Excluding(member),
                _ => LexBound::Including(member),
            };
            let lex = LexRange { min: bound(&a), max: bound(&b) };
            let range = Range::Lex(lex);
            let (sorted, reverse) = (model.sorted(), rng.below(2) == 0);
            let expected = expected_in(&sorted, &range, reverse);
            assert!(!lex.is_empty() || expected.is_empty());
            assert_eq!(set.count_in(&range), expected.len());
            assert_eq!(collect(&set, &range, reverse, 0, usize::MAX), expected);
            let page: Vec<_> = expected.iter().skip(7).take(5).cloned().collect();
            assert_eq!(collect(&set, &range, reverse, 7, 5), page);
            if rng.below(300) == 0 {
                assert_eq!(set.remove_range(&range, |_, _| {}), expected.len());
                expected.iter().for_each(|(member, _)| assert!(model.0.remove(member).is_some()));
            }
        }
    }
}

#[test]
fn a_scan_shows_what_stays() {
    for limits in [PACKED, LARGE] {
        let mut set = ZSet::default();
        (0..3000).for_each(|i| {
            set.add(format!("m{i}").as_bytes(), f64::from(i), AddFlags::default(), limits);
        });
        let mut seen = BTreeMap::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            cursor = set.scan(cursor, 10, |member, score| {
                *seen.entry(member.to_vec()).or_insert(0) += 1;
                assert!(score >= 0.0);
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            let i = calls % 1500;
            set.remove(format!("m{i}").as_bytes());
            set.add(format!("n{i}").as_bytes(), 1.0, AddFlags::default(), limits);
        }
        let stayed = (1500..3000).filter(|i| seen.get(format!("m{i}").as_bytes()) == Some(&1)).count();
        assert_eq!(stayed, 1500);
        assert!(calls == 1 || calls > 100);
        assert_eq!(set.scan(u64::MAX, 10, |_, _| {}) * u64::from(limits == LARGE), 0);
    }
}

/// The sum over all members of (drawn - expected)² / expected.
fn chi_square(counts: &BTreeMap<Vec<u8>, u32>, members: usize, draws: f64) -> f64 {
    let expected = draws / members as f64;
    let sum: f64 = counts.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    sum + (members - counts.len()) as f64 * expected
}

#[test]
fn random_picks_are_uniform() {
    for (limits, n) in [(PACKED, 50), (LARGE, 500)] {
        let mut set = ZSet::default();
        (0..n).for_each(|i| {
            set.add(format!("m{i}").as_bytes(), f64::from(i % 7), AddFlags::default(), limits);
        });
        let mut rng = Rng::new(10);
        let mut random = || rng.next_u64();
        let mut picks: [BTreeMap<Vec<u8>, u32>; 4] = std::array::from_fn(|_| BTreeMap::new());
        let members = n as usize;
        for _ in 0..members * 40 {
            let (member, _) = set.random(&mut random).unwrap();
            *picks[0].entry(member.to_vec()).or_insert(0) += 1;
        }
        set.random_repeated(members * 40, &mut random, |m, _| *picks[1].entry(m.to_vec()).or_insert(0) += 1);
        for (which, count) in [(2, members / 10), (3, members / 2)] {
            for _ in 0..40 * members / count {
                let mut last = None;
                let mut shown = 0;
                set.random_distinct(count, &mut random, |member, score| {
                    let entry = (score, member.to_vec());
                    assert!(last.as_ref().is_none_or(|last| *last < entry), "distinct and in order");
                    *picks[which].entry(entry.1.clone()).or_insert(0) += 1;
                    last = Some(entry);
                    shown += 1;
                });
                assert_eq!(shown, count);
            }
        }
        // 99.9 % of uniform samples stay below: 86 for 49 degrees of freedom, 605 for 499.
        let limit = if members == 50 { 86.0 } else { 605.0 };
        for counts in &picks {
            let total: u32 = counts.values().sum();
            let chi = chi_square(counts, members, f64::from(total));
            assert!(chi < limit, "{chi} of {total} draws from {members}");
        }
        let mut all = Vec::new();
        set.random_distinct(usize::MAX, &mut random, |member, score| all.push((member.to_vec(), score)));
        assert_eq!(all, entries(&set));
    }
    assert!(ZSet::default().random(&mut || 7).is_none());
    ZSet::default().random_repeated(5, &mut || 7, |_, _| panic!("nothing to draw"));
}

#[test]
fn memory_is_accounted() {
    let mut set = ZSet::default();
    let mut rng = Rng::new(12);
    (0..20_000_u64).for_each(|i| {
        set.add(format!("member:{i:06}").as_bytes(), rng.f64(), AddFlags::default(), SMALL);
    });
    let each = set.heap_bytes() as f64 / 20_000.0;
    assert!((55.0..75.0).contains(&each), "{each}");
    let copy = set.duplicate();
    assert_eq!(entries(&copy), entries(&set));
    let empty = ZSet::with_hint(1000, 1, SMALL).heap_bytes();
    set.pop_min(usize::MAX, |_, _| {});
    assert_eq!((set.len(), set.heap_bytes()), (0, empty));
}

#[test]
fn algebra_of_nothing_and_of_large_sets() {
    assert_eq!(union(&[], Aggregate::Sum, SMALL).len(), 0);
    assert_eq!(inter(&[], Aggregate::Sum, SMALL).len(), 0);
    assert_eq!((diff(&[], SMALL).len(), inter_card(&[], 5)), (0, 0));
    let of = |range: std::ops::Range<u32>| {
        let mut set = ZSet::default();
        range.for_each(|i| {
            set.add(i.to_string().as_bytes(), f64::from(i), AddFlags::default(), SMALL);
        });
        set
    };
    let (a, b, c) = (of(0..3000), of(1000..2000), of(1500..1600));
    let sum = union(&[(&a, 1.0), (&b, 2.0)], Aggregate::Sum, SMALL);
    assert_eq!((sum.len(), sum.score(b"1500"), sum.score(b"7")), (3000, Some(4500.0), Some(7.0)));
    let both = inter(&[(&a, 1.0), (&b, 1.0), (&c, 0.5)], Aggregate::Max, SMALL);
    assert_eq!((both.len(), both.score(b"1500"), both.encoding()), (100, Some(1500.0), "listpack"));
    assert_eq!([inter_card(&[&a, &b], 0), inter_card(&[&a, &b], 10), inter_card(&[&a, &b], 5000)], [0, 10, 1000]);
    let rest = diff(&[&a, &b], SMALL);
    assert_eq!((rest.len(), rest.score(b"999"), rest.score(b"1000")), (2000, Some(999.0), None));
    let many: Vec<&dyn Scored> = std::iter::once(&a as &dyn Scored).chain(std::iter::repeat_n(&c as _, 9)).collect();
    assert_eq!(entries(&diff(&many, SMALL)), entries(&diff(&[&a, &c], SMALL)));
    assert_eq!(diff(&[&b, &a], SMALL).len(), 0);
    let mut set = Set::default();
    for member in ["7", "x", "1500"] {
        set.add(member.as_bytes(), SetLimits { intset_entries: 512, listpack_entries: 128, listpack_value: 64 });
    }
    let with_set = union(&[(&c, 1.0), (&set, 3.0)], Aggregate::Sum, SMALL);
    let scores = [&b"7"[..], b"x", b"1500"].map(|member| with_set.score(member));
    assert_eq!((with_set.len(), scores), (102, [Some(3.0), Some(3.0), Some(1503.0)]));
    assert_eq!(entries(&diff(&[&set, &a], SMALL)), [(b"x".to_vec(), 1.0)]);
}
