//! Packed blocks against a vector of texts, against damaged bytes, and against Redis's own bytes.

use super::*;
use crate::base::oracle::{Answer, Oracle};
use crate::base::rng::Rng;

fn random_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0 => Vec::new(),
        1..4 => ((rng.next_u64() as i64) >> rng.below(64)).to_string().into_bytes(),
        4 => [&b"0-+"[rng.below(3) as usize..][..1], rng.below(20).to_string().as_bytes()].concat(),
        5 => vec![b'y'; [62, 63, 64, 125, 126, 127, 128, 4095, 4096, 16378][rng.below(10) as usize]],
        _ => (0..rng.below(12)).map(|_| b'a' + rng.below(3) as u8).collect(),
    }
}

fn texts(packed: &Packed) -> Vec<Vec<u8>> {
    packed.iter().map(|item| item.to_vec()).collect()
}

fn assert_same(packed: &Packed, model: &[Vec<u8>]) {
    assert_eq!((packed.len(), packed.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(packed.bytes(), model.iter().map(|text| Packed::encoded_len(text)).sum::<usize>());
    assert_eq!(texts(packed), model);
    let mut reversed: Vec<_> = packed.iter_rev().map(|item| item.to_vec()).collect();
    reversed.reverse();
    assert_eq!(reversed, model);
}

/// One random change of both.
fn change(packed: &mut Packed, model: &mut Vec<Vec<u8>>, rng: &mut Rng) {
    let text = random_text(rng);
    let index = rng.below(model.len() as u64 + 1) as usize;
    let n = rng.below(4) as usize;
    let at = packed.nth(index as i64);
    assert_eq!(at.is_some(), index < model.len());
    let following = |packed: &Packed, at: Option<At>, index: usize| assert_eq!(at, packed.nth(index as i64));
    match (rng.below(13), at) {
        (0 | 1, _) => {
            packed.push_back(&text);
            model.push(text);
        }
        (2, _) => {
            packed.push_front(&text);
            model.insert(0, text);
        }
        (3, Some(at)) => {
            assert!(packed.insert_before(at, &text) == at && packed.get(at).eq(&text));
            model.insert(index, text);
        }
        (4, Some(at)) => {
            let at = packed.insert_after(at, &text);
            assert!(packed.get(at).eq(&text));
            model.insert(index + 1, text);
        }
        (5, Some(at)) => {
            assert!(packed.replace(at, &text) == at && packed.get(at).eq(&text));
            model[index] = text;
        }
        (6, Some(at)) => {
            let next = packed.remove(at);
            model.remove(index);
            following(packed, next, index);
        }
        (7, Some(at)) => {
            let next = packed.remove_range(at, n);
            model.drain(index..(index + n).min(model.len()));
            following(packed, next, index);
        }
        (8, _) => {
            packed.truncate_front(n);
            model.drain(..n.min(model.len()));
        }
        (9, _) => {
            packed.truncate_back(n);
            model.truncate(model.len().saturating_sub(n));
        }
        (10, _) => {
            let back = packed.split_off(index);
            assert_same(&back, &model[index..]);
            assert_same(packed, &model[..index]);
            packed.append(&back);
        }
        (11, Some(at)) => {
            assert_eq!(packed.insert_all_before(at, &[&text, b"1", b""]), at);
            model.splice(index..index, [text, b"1".to_vec(), Vec::new()]);
        }
        (12, _) => {
            let refused = rng.below(3) as usize;
            let removed = packed.retain(|item| item.len() % 3 != refused || item.len() > 100);
            let before = model.len();
            model.retain(|text| text.len() % 3 != refused || text.len() > 100);
            assert_eq!(removed, before - model.len());
        }
        _ => {
            packed.extend_back(&[b"", &text]);
            model.extend([Vec::new(), text]);
        }
    }
}

#[test]
fn behaves_as_a_vector_of_texts() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let (mut packed, mut model) = (Packed::new(), Vec::new());
        for round in 0..600 {
            change(&mut packed, &mut model, &mut rng);
            if round % 5 == 0 {
                assert_same(&packed, &model);
            }
            let index = rng.next_u64() as i64 % (model.len() as i64 + 3);
            let wanted = if index < 0 { index + model.len() as i64 } else { index };
            let wanted = usize::try_from(wanted).ok().and_then(|index| model.get(index));
            let at = packed.nth(index);
            assert_eq!(at.map(|at| packed.get(at).to_vec()).as_ref(), wanted);
            if round % 50 == 0 {
                assert_same(&packed.clone(), &model);
                assert_same(&Packed::from_listpack(&packed.to_listpack()).unwrap(), &model);
            }
        }
    }
}

#[test]
fn walks_by_place() {
    let mut packed = Packed::new();
    assert_eq!((packed.first(), packed.last(), packed.nth(0), packed.nth(-1)), (None, None, None, None));
    assert_eq!((packed.nth(i64::MIN), packed.nth(i64::MAX), packed.heap_bytes()), (None, None, 0));
    packed.extend_back(&[b"a", b"12", b"", b"-5000"]);
    let mut at = packed.first();
    for index in 0..4 {
        assert_eq!(at, packed.nth(index));
        assert_eq!(packed.prev(at.unwrap()), if index > 0 { packed.nth(index - 1) } else { None });
        assert_eq!(packed.iter_from(at.unwrap()).count() as i64, 4 - index);
        assert_eq!(packed.iter_rev_from(at.unwrap()).count() as i64, index + 1);
        at = packed.next(at.unwrap());
    }
    assert_eq!((at, packed.last()), (None, packed.nth(-1)));
    assert_eq!(packed.listpack_bytes(), packed.to_listpack().len());
    // SAFETY: the pointer was given up just before.
    #[allow(unsafe_code)]
    let packed = unsafe { Packed::from_raw(packed.into_raw()) };
    assert_eq!(format!("{packed:?}"), "[Str([97]), Int(12), Str([]), Int(-5000)]");
}

#[test]
fn finds_every_nth() {
    let mut rng = Rng::new(3);
    for _ in 0..3000 {
        let model: Vec<_> = (0..rng.below(12)).map(|_| random_text(&mut rng)).collect();
        let mut packed = Packed::new();
        model.iter().for_each(|text| packed.push_back(text));
        let skip = rng.below(3) as usize;
        let needle = if rng.below(3) > 0 && !model.is_empty() {
            model[rng.below(model.len() as u64) as usize].clone()
        } else {
            random_text(&mut rng)
        };
        let from = rng.below(model.len() as u64 + 1) as usize;
        let wanted = (from..model.len()).step_by(skip + 1).find(|&index| model[index] == needle);
        let found = packed.find(&needle, packed.nth(from as i64), skip);
        assert_eq!(found, wanted.and_then(|index| packed.nth(index as i64)));
        assert_eq!(packed.find(&needle, None, skip), None);
    }
}

#[test]
fn damaged_bytes_are_refused_or_sound() {
    let mut rng = Rng::new(11);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut packed = Packed::new();
        (0..rng.below(8)).for_each(|_| packed.push_back(&random_text(&mut rng)));
        let mut bytes = packed.to_listpack();
        for _ in 0..rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(4) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => bytes[at] = rng.next_u64() as u8,
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.next_u64() as u8),
            }
        }
        if rng.below(2) == 0 {
            let total = (bytes.len() as u32).to_le_bytes();
            bytes.splice(..4.min(bytes.len()), total);
        }
        if let Some(read) = Packed::from_listpack(&bytes) {
            accepted += 1;
            let model = texts(&read);
            assert_same(&read, &model);
            assert_eq!(texts(&Packed::from_listpack(&read.to_listpack()).unwrap()), model);
        }
    }
    assert!(accepted > 2000, "{accepted}");
    assert!(Packed::from_listpack(b"").is_none() && Packed::from_listpack(&[7, 0, 0, 0, 0, 0]).is_none());
}

#[test]
fn foreign_encodings_are_made_ours() {
    // The text 5 as a string, the integer 5 in three bytes, a long head for a short string.
    let entries = [0x81, b'5', 2, 0xf1, 5, 0, 3, 0xe0, 1, b'x', 3];
    let mut bytes = vec![18, 0, 0, 0, 3, 0];
    bytes.extend_from_slice(&entries);
    bytes.push(0xff);
    let packed = Packed::from_listpack(&bytes).unwrap();
    assert_eq!(packed.iter().collect::<Vec<_>>(), [Item::Int(5), Item::Int(5), Item::Str(b"x")]);
    assert_eq!((packed.bytes(), packed.find(b"5", packed.first(), 0)), (2 + 2 + 3, packed.first()));
    // More elements than the count can say.
    let mut many = Packed::new();
    (0..70_000).for_each(|i| many.push_back(&[b'a' + (i % 7) as u8]));
    let bytes = many.to_listpack();
    assert_eq!((&bytes[4..6], Packed::from_listpack(&bytes).unwrap().len()), (&[0xff, 0xff][..], 70_000));
}

#[test]
fn oracle_writes_the_same_bytes() {
    let Some(mut oracle) = Oracle::start() else { return };
    for (name, value) in [("rdbcompression", "no"), ("hash-max-listpack-value", "100000")] {
        oracle.ask(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]);
    }
    let mut rng = Rng::new(23);
    let mut compared = 0;
    for len in [126, 127, 4095, 4096, 16377, 16378, 16379].into_iter().chain([0; 60]) {
        let text = if len > 0 { vec![b'z'; len] } else { random_text(&mut rng) };
        let mut packed = Packed::new();
        packed.extend_back(&[b"f", &text]);
        oracle.ask(&[b"DEL", b"k"]);
        oracle.ask(&[b"HSET", b"k", b"f", &text]);
        let Answer::Text(dump) = oracle.ask(&[b"DUMP", b"k"]) else { panic!("no dump") };
        // The type, a length of one, two or five bytes, the listpack, a version of two bytes, a checksum of eight.
        let listpack = packed.to_listpack();
        let body = &dump[1..dump.len() - 10];
        assert!(body.len() - listpack.len() <= 5 && body.ends_with(&listpack), "{len}");
        compared += 1;
    }
    assert_eq!(compared, 67);
}
