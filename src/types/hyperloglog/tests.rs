//! Against a model of plain registers, and against the bytes of a real server.

use super::*;
use crate::base::oracle::{Answer, Oracle};
use crate::base::rng::Rng;

const SPARSE_MAX: u64 = 3000;

fn empty() -> BytesMut {
    let mut text = BytesMut::new();
    create(&mut text);
    text
}

fn registers(text: &[u8]) -> [u8; REGISTERS] {
    let mut registers = Registers::default();
    registers.merge(text).unwrap();
    *registers.values()
}

/// What PFADD does to the string and replies; `None` is a missing key.
fn pfadd(text: &mut Option<BytesMut>, elements: &[Vec<u8>], sparse_max: u64) -> Answer {
    let created = text.is_none();
    let text = text.get_or_insert_with(empty);
    let raised = elements.iter().filter(|element| add(text, element, sparse_max).unwrap()).count();
    let changed = created || raised > 0;
    if changed {
        invalidate(text);
    }
    Answer::Int(changed.into())
}

fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn ask(oracle: &mut Oracle, words: &[Vec<u8>]) -> Answer {
    oracle.ask(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn headers_are_checked() {
    let mut text = empty();
    assert_eq!(text[..], b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"[..]);
    assert_eq!((encoding(&text), cached(&text), count(&text)), (Some(Encoding::Sparse), Some(0), Ok(0)));
    assert_eq!(decode(&text).as_deref(), Ok("Z:16384"));
    invalidate(&mut text);
    assert_eq!(cached(&text), None);
    cache(&mut text, 1 << 40);
    assert_eq!(cached(&text), Some(1 << 40));
    assert_eq!(to_dense(&mut text), Ok(true));
    assert_eq!(to_dense(&mut text), Ok(false));
    assert_eq!((encoding(&text), cached(&text), text.len()), (Some(Encoding::Dense), Some(1 << 40), 12304));
    assert_eq!(encoding(&text[..text.len() - 1]), None);
    text[ENCODING] = 2;
    assert_eq!(encoding(&text), None);
    for bad in [&b""[..], b"HYLL", b"HYLL\x01\0\0\0\0\0\0\0\0\0\0", b"hyll\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"] {
        assert_eq!(encoding(bad), None, "{bad:?}");
    }
    assert_eq!(encoding(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0"), Some(Encoding::Sparse));
    assert_eq!(count(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0"), Err(Corrupt));
}

#[test]
fn this_machine_is_sound() {
    assert_eq!(self_test(), Ok(()));
}

/// Registers raised anywhere and in narrow places (where runs are split and joined), each alone and in ascending order
/// with a cursor.
#[test]
fn sparse_registers_equal_a_model() {
    let mut rng = Rng::new(2);
    for round in 0..60 {
        let (width, values) = ([8, 64, 1000, REGISTERS as u64][round % 4], 1 + rng.below(32));
        let base = rng.below(REGISTERS as u64 - width + 1);
        let (mut text, mut again, mut model) = (empty(), empty(), [0_u8; REGISTERS]);
        for step in 0..600 {
            let register = (base + rng.below(width)) as usize;
            let value = 1 + rng.below(values) as u8;
            let (raised, _) = sparse::raise(&mut text, sparse::Cursor::default(), register, value, u64::MAX).unwrap();
            assert_eq!(raised == sparse::Raised::Yes, value > model[register]);
            model[register] = model[register].max(value);
            assert!(step % 50 > 0 || registers(&text) == model, "round {round}");
        }
        assert!(registers(&text) == model, "round {round}");
        let histogram = count(&text).unwrap();
        let union = Registers(model);
        assert_eq!(histogram, union.count());
        // With and without a cursor the same bytes.
        raise_all(&mut again, &union, false, u64::MAX).unwrap();
        let mut plain = empty();
        for (register, value) in model.iter().enumerate().filter(|(_, value)| **value > 0) {
            sparse::raise(&mut plain, sparse::Cursor::default(), register, *value, u64::MAX).unwrap();
        }
        assert_eq!(again, plain, "round {round}");
        assert!(registers(&again) == model);
        to_dense(&mut text).unwrap();
        assert!(registers(&text) == model);
        assert_eq!(count(&text), Ok(histogram));
    }
}

#[test]
fn what_does_not_fit_becomes_dense() {
    let mut text = empty();
    let high = (0_u64..).map(u64::to_le_bytes).find(|element| place(element).1 > 20).unwrap();
    assert_eq!(add(&mut text, &high, SPARSE_MAX), Ok(true));
    assert_eq!(encoding(&text), Some(Encoding::Sparse));
    let (raised, _) = sparse::raise(&mut text, sparse::Cursor::default(), 5, 33, SPARSE_MAX).unwrap();
    assert_eq!(raised, sparse::Raised::Beyond);
    for n in 0_u32..5000 {
        add(&mut text, &n.to_le_bytes(), SPARSE_MAX).unwrap();
        assert!(text.len() as u64 <= SPARSE_MAX || encoding(&text) == Some(Encoding::Dense));
    }
    assert_eq!(encoding(&text), Some(Encoding::Dense));
    assert!(count(&text).unwrap().abs_diff(5001) < 150);
}

/// Bytes that no server wrote: an error or some answer, never a panic or a walk without end.
#[test]
fn foreign_bytes_are_survived() {
    let mut rng = Rng::new(3);
    let mut errors = 0;
    for round in 0..3000 {
        let mut text = empty();
        if round % 2 == 0 {
            for _ in 0..rng.below(40) {
                add(&mut text, &rng.next_u64().to_le_bytes(), SPARSE_MAX).unwrap();
            }
            for _ in 0..=rng.below(3) {
                let at = HEADER + rng.below((text.len() - HEADER) as u64) as usize;
                text[at] = rng.next_u64() as u8;
            }
            text.truncate(text.len() - rng.below(2) as usize);
        } else {
            text.truncate(HEADER);
            text.extend((0..rng.below(40)).map(|_| rng.next_u64() as u8));
        }
        let is_corrupt = count(&text).is_err();
        errors += usize::from(is_corrupt);
        assert_eq!(Registers::default().merge(&text).is_err(), is_corrupt);
        assert_eq!(to_dense(&mut text.clone()).is_err(), is_corrupt);
        let _ = decode(&text);
        let _ = raise_all(&mut text.clone(), &Registers([3; REGISTERS]), false, 100);
        for _ in 0..20 {
            if add(&mut text, &rng.next_u64().to_le_bytes(), 100).is_err() {
                assert!(is_corrupt);
            }
        }
    }
    assert!((500..3000).contains(&errors), "{errors}");
    let mut dense = empty();
    to_dense(&mut dense).unwrap();
    for byte in [0xff, 0x55, 0xdb] {
        dense[HEADER..].fill(byte);
        assert!(count(&dense).unwrap() <= i64::MAX as u64);
        add(&mut dense, b"a", 0).unwrap();
    }
}

/// The same bytes and counts as the oracle's after the same commands.
#[test]
fn oracle_agrees_on_every_byte() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut rng = Rng::new(4);
    // Elements of neighbouring registers, so that runs are split and joined.
    let near: Vec<Vec<u8>> =
        (0..400_000_u64).map(|n| n.to_string().into_bytes()).filter(|element| place(element).0 < 300).collect();
    let high: Vec<Vec<u8>> =
        (0..400_000_u64).map(|n| n.to_string().into_bytes()).filter(|element| place(element).1 > 15).collect();
    for round in 0..120 {
        let sparse_max = [3000, 3000, 60, 18, 0, 300, 16000, 20000][round % 8];
        let limit = sparse_max.to_string().into_bytes();
        oracle.ask(&[b"CONFIG", b"SET", b"hll-sparse-max-bytes", &limit]);
        oracle.ask(&[b"DEL", b"k"]);
        let (mut text, batch_max) = (None, [4, 40, 400][round % 3]);
        for step in 0..30 {
            let elements: Vec<Vec<u8>> = (0..rng.below(batch_max))
                .map(|_| match rng.below(8) {
                    0 => rng.next_u64().to_le_bytes()[..rng.below(9) as usize].to_vec(),
                    1 => high[rng.below(high.len() as u64) as usize].clone(),
                    2..5 => near[rng.below(near.len() as u64) as usize].clone(),
                    _ => rng.next_u64().to_string().into_bytes(),
                })
                .collect();
            let reply = pfadd(&mut text, &elements, sparse_max);
            assert_eq!(reply, ask(&mut oracle, &[words(&[b"PFADD", b"k"]), elements].concat()));
            let text = text.as_mut().unwrap();
            if rng.below(4) == 0 {
                let now = cached(text).unwrap_or_else(|| count(text).unwrap());
                cache(text, now);
                assert_eq!(Answer::Int(now as i64), oracle.ask(&[b"PFCOUNT", b"k"]), "round {round} step {step}");
            }
            let theirs = oracle.ask(&[b"GET", b"k"]);
            assert!(theirs == Answer::Text(text.to_vec()), "round {round} step {step}");
        }
    }
}

#[test]
fn oracle_agrees_on_merges() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut rng = Rng::new(5);
    for round in 0..60 {
        let sparse_max = [3000, 400, 6000][round % 3];
        oracle.ask(&[b"CONFIG", b"SET", b"hll-sparse-max-bytes", &sparse_max.to_string().into_bytes()]);
        oracle.ask(&[b"FLUSHALL"]);
        let keys = [&b"a"[..], b"b", b"c"];
        let mut texts: [Option<BytesMut>; 3] = Default::default();
        for (key, text) in keys.iter().zip(&mut texts).take(1 + round % 4 % 3) {
            let size = [3, 60, 800, 3000][rng.below(4) as usize];
            let elements: Vec<Vec<u8>> =
                (0..rng.below(size)).map(|_| rng.below(100_000).to_string().into_bytes()).collect();
            let reply = pfadd(text, &elements, sparse_max);
            assert_eq!(reply, ask(&mut oracle, &[words(&[b"PFADD", key]), elements].concat()));
        }
        let mut union = Registers::default();
        texts.iter().flatten().for_each(|text| union.merge(text).unwrap());
        assert_eq!(Answer::Int(union.count() as i64), oracle.ask(&[b"PFCOUNT", b"a", b"b", b"c"]), "round {round}");
        let dense = texts.iter().flatten().any(|text| encoding(text) == Some(Encoding::Dense));
        let target = texts[0].get_or_insert_with(empty);
        raise_all(target, &union, dense, sparse_max).unwrap();
        invalidate(target);
        oracle.ask(&[b"PFMERGE", b"a", b"b", b"c"]);
        assert!(oracle.ask(&[b"GET", b"a"]) == Answer::Text(target.to_vec()), "round {round}");
        if encoding(target) == Some(Encoding::Sparse) {
            let theirs = oracle.ask(&[b"PFDEBUG", b"DECODE", b"a"]);
            assert_eq!(theirs, Answer::Text(decode(target).unwrap().into_bytes()));
        }
    }
}
