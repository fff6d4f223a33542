//! Models and distributions for the segmented table.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::super::rng::Rng;
use super::super::table::Word;
use super::*;

/// A key of 8 bytes with a value.
#[repr(transparent)]
struct Probe(Word);

type Owned = ([u8; 8], u64);

impl Probe {
    fn new(key: u64, value: u64) -> Probe {
        let p = Box::into_raw(Box::new((key.to_le_bytes(), value))).cast();
        Probe(Word::new(NonNull::new(p).unwrap()))
    }

    fn owned(&self) -> *mut Owned {
        self.0.get().as_ptr().cast()
    }

    fn parts(&self) -> (u64, u64) {
        // SAFETY: owned, and not changed meanwhile.
        let owned = unsafe { &*self.owned() };
        (u64::from_le_bytes(owned.0), owned.1)
    }

    fn set(&mut self, value: u64) {
        // SAFETY: owned.
        unsafe { (*self.owned()).1 = value };
    }
}

// SAFETY: transparent over `Word`; an owning pointer.
unsafe impl Thin for Probe {
    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0.get()
    }
    unsafe fn from_raw(p: NonNull<u8>) -> Self {
        Probe(Word::new(p))
    }
    fn key(&self) -> &[u8] {
        // SAFETY: owned, and not changed.
        unsafe { &(*self.owned()).0 }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: made from a box, and owned.
        drop(unsafe { Box::from_raw(self.owned()) });
    }
}

fn mix(id: u64) -> u32 {
    (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Segments, directory and totals agree.
fn check(t: &Segmented<Probe>) {
    let Some(many) = &t.many else {
        return;
    };
    assert!(t.one.is_empty() && many.segments.len() > 1 && many.directory.len().is_power_of_two());
    assert_eq!(many.directory.len(), 1 << (32 - many.shift));
    assert!(many.directory.len() <= 2 * DIRECTORY_MAX * many.segments.len());
    let mut covered = 0;
    for (i, segment) in many.segments.iter().enumerate() {
        let places = many.places(segment.start, segment.depth);
        covered += places.len();
        assert!(many.directory[places].iter().all(|&to| to as usize == i));
        assert!(segment.table.slots() <= many.widest);
    }
    assert_eq!(covered, many.directory.len());
    assert_eq!(many.segments.iter().map(|s| s.table.len()).sum::<usize>(), many.len);
    assert_eq!(many.segments.iter().map(|s| s.table.bytes()).sum::<usize>(), many.bytes);
}

fn compare(t: &Segmented<Probe>, model: &BTreeMap<(u32, u64), u64>) {
    check(t);
    assert_eq!(t.len(), model.len());
    let mut all: Vec<_> = t.iter_from(0).map(|(hash, e)| ((hash, e.parts().0), e.parts().1)).collect();
    assert!(all.is_sorted_by_key(|((hash, _), _)| *hash));
    all.sort_unstable();
    assert!(all.iter().map(|(key, value)| (key, value)).eq(model));
}

/// Random operations in phases of growth and decay over `keys` keys.
fn random_operations(seed: u64, steps: u64, keys: u64, hash_of: impl Fn(u64) -> u32) {
    let mut rng = Rng::new(seed);
    let mut t = Segmented::new();
    let mut model = BTreeMap::new();
    for step in 0..steps {
        let grow = (step / (keys * 3)).is_multiple_of(2);
        let id = rng.below(keys);
        let (hash, key) = (hash_of(id), id.to_le_bytes());
        assert_eq!(t.get(hash, &key).map(Probe::parts), model.get(&(hash, id)).map(|&v| (id, v)));
        match model.contains_key(&(hash, id)) {
            false if grow || rng.below(16) == 0 => {
                t.insert(hash, Probe::new(id, step));
                model.insert((hash, id), step);
            }
            true if !grow && rng.below(4) == 0 => {
                let (id, _) = t.take_random(&mut || rng.next_u64()).unwrap().parts();
                assert!(model.remove(&(hash_of(id), id)).is_some());
            }
            true if !grow || rng.below(16) == 0 => {
                assert_eq!(t.remove(hash, &key).map(|e| e.parts().0), Some(id));
                model.remove(&(hash, id));
            }
            true if rng.below(2) == 0 => {
                assert_eq!(t.update_with(hash, &key, |_| (Probe::new(id, step), 7)), Some(7));
                model.insert((hash, id), step);
            }
            true => {
                t.get_mut(hash, &key).unwrap().set(step);
                model.insert((hash, id), step);
            }
            false => {
                assert!(t.remove(hash, &key).is_none() && t.get_mut(hash, &key).is_none());
                assert!(t.update_with(hash, &key, |e| (e, ())).is_none());
            }
        }
        if step % (steps / 20) == 0 {
            compare(&t, &model);
            compare(&t.duplicate(|e| Probe::new(e.parts().0, e.parts().1)), &model);
        }
    }
    compare(&t, &model);
    t.clear();
    assert_eq!((t.len(), t.bytes()), (0, 0));
}

#[test]
fn behaves_as_a_map() {
    random_operations(1, 2_000, 20, mix);
    random_operations(2, 900_000, 60_000, mix);
}

#[test]
fn behaves_as_a_map_when_hashes_are_alike() {
    random_operations(3, 80_000, 10_000, |id| mix(id % 5000) | 0xffff_0000);
    random_operations(4, 200_000, 20_000, |id| mix(id) >> 12);
    random_operations(5, 60_000, 9_000, |id| u32::MAX - (id % 64) as u32);
}

#[test]
fn grows_by_segments_and_gives_all_back() {
    let mut t = Segmented::new();
    let count = 300_000_u64;
    for id in 0..count {
        t.insert(mix(id), Probe::new(id, id));
        // Array and directory of at most 20 bytes an entry, once there are some.
        assert!(id < 100 || t.bytes() <= 20 * (id as usize + 1) + 1024, "{id}: {}", t.bytes());
    }
    check(&t);
    let many = t.many.as_ref().unwrap();
    assert!(many.segments.iter().all(|segment| segment.table.len() <= SEGMENT_MAX));
    assert!((64..=80).contains(&many.segments.len()), "{}", many.segments.len());
    for id in 0..count {
        assert_eq!(t.remove(mix(id), &id.to_le_bytes()).map(|e| e.parts()), Some((id, id)));
        let left = (count - id) as usize;
        assert!(t.bytes() <= left * 48 + 160 + left / 16, "{left}: {}", t.bytes());
    }
    assert!(t.many.is_none() && t.bytes() == 0);
}

#[test]
fn walks_show_what_stays() {
    let mut rng = Rng::new(4);
    for (stay, come, hash_of) in
        [(5_000, 60_000, mix as fn(u64) -> u32), (2_000, 9_000, |id| mix(id) >> 14), (300, 12_000, |id| mix(id % 40))]
    {
        let mut t = Segmented::new();
        (0..stay).for_each(|id| t.insert(hash_of(id), Probe::new(id, 0)));
        for growing in [true, false] {
            let mut others = (stay..stay + come).collect::<Vec<_>>().into_iter();
            let mut seen = BTreeMap::new();
            let mut from = Some(0);
            while let Some(at) = from {
                let mut left = 1 + rng.below(100);
                from = t.walk(at, |e| {
                    *seen.entry(e.parts().0).or_insert(0) += 1;
                    left = left.saturating_sub(1);
                    left > 0
                });
                assert!(from.is_none_or(|next| next > at));
                for id in others.by_ref().take(1000) {
                    match growing {
                        true => t.insert(hash_of(id), Probe::new(id, 0)),
                        false => drop(t.remove(hash_of(id), &id.to_le_bytes()).unwrap()),
                    }
                }
            }
            assert!((0..stay).all(|id| seen.get(&id) == Some(&1)));
            assert!(seen.values().all(|&times| times == 1));
            for id in others {
                match growing {
                    true => t.insert(hash_of(id), Probe::new(id, 0)),
                    false => drop(t.remove(hash_of(id), &id.to_le_bytes()).unwrap()),
                }
            }
            check(&t);
        }
    }
}

/// Pearson's statistic of draws over `keys` keys, against its mean in units of its standard deviation.
fn deviation(t: &Segmented<Probe>, keys: usize, seed: u64) -> f64 {
    let mut rng = Rng::new(seed);
    let mut counts = vec![0_u32; keys];
    let draws = keys * 20;
    for _ in 0..draws {
        counts[t.random(&mut || rng.next_u64()).unwrap().parts().0 as usize] += 1;
    }
    let expected = draws as f64 / keys as f64;
    let chi: f64 = counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    (chi - (keys - 1) as f64) / (2.0 * (keys - 1) as f64).sqrt()
}

#[test]
fn random_entries_are_uniform() {
    let mut t = Segmented::new();
    assert!(t.random(&mut || 1).is_none());
    for keys in [1, 3, 40, 5_000, 20_000] {
        (t.len() as u64..keys).for_each(|id| t.insert(mix(id), Probe::new(id, 0)));
        if keys > 1 {
            let off = deviation(&t, keys as usize, keys);
            assert!(off.abs() < 4.0, "{keys}: {off}");
        }
    }
    // Segments of very different lengths: most hashes below 2^31, then most of those removed.
    let mut t = Segmented::new();
    let hash_of = |id: u64| if id < 500 { mix(id) | 1 << 31 } else { mix(id) >> 1 };
    (0..30_000).for_each(|id| t.insert(hash_of(id), Probe::new(id, 0)));
    let off = deviation(&t, 30_000, 9);
    assert!(off.abs() < 4.0, "{off}");
    (1_000..30_000).for_each(|id| drop(t.remove(hash_of(id), &id.to_le_bytes()).unwrap()));
    let off = deviation(&t, 1_000, 10);
    assert!(off.abs() < 4.0, "{off}");
}

#[test]
fn an_update_that_panics_loses_only_its_entry() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let mut t = Segmented::new();
    (0..20_000).for_each(|id| t.insert(mix(id), Probe::new(id, 0)));
    let key = 5_u64.to_le_bytes();
    let update = || t.update_with::<()>(mix(5), &key, |_| panic!("expected"));
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
    check(&t);
    assert!(t.len() == 19_999 && t.get(mix(5), &key).is_none());
}
