//! Lists against a vector of texts, under several limits, and against Redis.

use super::*;
use crate::base::oracle::{Answer, Oracle};
use crate::base::rng::Rng;

fn limits(max_listpack_size: i32, compress_depth: u16) -> ListLimits {
    ListLimits { max_listpack_size, compress_depth }
}

fn texts(list: &List) -> Vec<Vec<u8>> {
    list.iter().collect()
}

fn of(items: &[&str], limits: ListLimits) -> List {
    let mut list = List::new();
    items.iter().for_each(|text| list.push(End::Back, text.as_bytes(), limits));
    list
}

/// Few different texts, so that searches find several; now and then a long one, larger than a node.
fn random_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(60) {
        0 => vec![b'l'; rng.below(6000) as usize],
        1 => vec![b'm'; 70_000],
        2..10 => vec![b'a' + rng.below(2) as u8; rng.below(200) as usize],
        10..35 => (rng.below(7) as i64 - 2).to_string().into_bytes(),
        _ => vec![b'a' + rng.below(5) as u8; rng.below(3) as usize],
    }
}

/// The model and the list, changed alike.
struct Pair {
    list: List,
    model: Vec<Vec<u8>>,
    limits: ListLimits,
    rng: Rng,
}

impl Pair {
    fn index(&mut self) -> i64 {
        let len = self.model.len() as i64;
        self.rng.below(2 * len as u64 + 5) as i64 - len - 2
    }

    /// An element of the list most of the time.
    fn some_text(&mut self) -> Vec<u8> {
        let index = self.rng.below(self.model.len() as u64 + 1) as usize;
        self.model.get(index).cloned().unwrap_or_else(|| random_text(&mut self.rng))
    }

    fn absolute(&self, index: i64) -> Option<usize> {
        let index = if index < 0 { index + self.model.len() as i64 } else { index };
        usize::try_from(index).ok().filter(|&index| index < self.model.len())
    }

    fn end(&mut self) -> End {
        if self.rng.below(2) == 0 { End::Front } else { End::Back }
    }

    fn step(&mut self) {
        match self.rng.below(24) {
            0..8 => self.push(),
            8..11 => self.push_all(),
            11 | 12 => self.pop(),
            13 => self.pop_several(),
            14..17 => self.set(),
            17..20 => self.insert(),
            20 => self.remove(),
            21 if self.rng.below(6) == 0 => self.trim(),
            _ => self.look(),
        }
    }

    fn push(&mut self) {
        let (end, text) = (self.end(), random_text(&mut self.rng));
        self.list.push(end, &text, self.limits);
        self.model.insert(if end == End::Front { 0 } else { self.model.len() }, text);
    }

    fn push_all(&mut self) {
        let end = self.end();
        let new: Vec<_> = (0..self.rng.below(12)).map(|_| random_text(&mut self.rng)).collect();
        self.list.push_all(end, new.iter().map(|text| &text[..]), self.limits);
        for text in new {
            self.model.insert(if end == End::Front { 0 } else { self.model.len() }, text);
        }
    }

    fn pop(&mut self) {
        let popped = match self.end() {
            End::Back => (self.list.pop(End::Back), self.model.pop()),
            End::Front => (self.list.pop(End::Front), (!self.model.is_empty()).then(|| self.model.remove(0))),
        };
        assert_eq!(popped.0, popped.1);
    }

    fn pop_several(&mut self) {
        let (end, count) = (self.end(), self.rng.below(30) as usize);
        let (mut popped, n) = (Vec::new(), count.min(self.model.len()));
        self.list.pop_with(end, count, |item| popped.push(item.to_vec()));
        let wanted: Vec<_> = match end {
            End::Front => self.model.drain(..n).collect(),
            End::Back => self.model.drain(self.model.len() - n..).rev().collect(),
        };
        assert_eq!(popped, wanted);
    }

    fn set(&mut self) {
        let (index, text) = (self.index(), random_text(&mut self.rng));
        let wanted = self.absolute(index);
        assert_eq!(self.list.set(index, &text, self.limits), wanted.is_some());
        if let Some(index) = wanted {
            self.model[index] = text;
        }
    }

    fn insert(&mut self) {
        let (pivot, text) = (self.some_text(), random_text(&mut self.rng));
        let side = if self.rng.below(2) == 0 { Side::Before } else { Side::After };
        let found = self.model.iter().position(|own| *own == pivot);
        assert_eq!(self.list.insert(side, &pivot, &text, self.limits).is_some(), found.is_some());
        if let Some(index) = found {
            self.model.insert(index + usize::from(side == Side::After), text);
        }
    }

    fn remove(&mut self) {
        let (text, count) = (self.some_text(), self.rng.below(7) as i64 - 3);
        let mut left = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let before = self.model.len();
        let mut keep = |own: &Vec<u8>| {
            let goes = *own == text && left > 0;
            left -= usize::from(goes);
            !goes
        };
        if count < 0 {
            self.model.reverse();
            self.model.retain(&mut keep);
            self.model.reverse();
        } else {
            self.model.retain(&mut keep);
        }
        assert_eq!(self.list.remove(count, &text), before - self.model.len());
    }

    fn trim(&mut self) {
        let (start, stop) = (self.index() / 4, -1 - self.index().abs() / 4);
        let bounds = self.list.bounds(start, stop);
        self.list.trim(start, stop);
        self.model = self.model[bounds].to_vec();
    }

    fn look(&mut self) {
        let (start, stop) = (self.index(), self.index());
        assert_eq!(self.list.get(start, |item| item.to_vec()), self.absolute(start).map(|at| self.model[at].clone()));
        let wanted = &self.model[self.list.bounds(start, stop)];
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        self.list.range(start, stop, |item| forward.push(item.to_vec()));
        self.list.range_rev(start, stop, |item| backward.push(item.to_vec()));
        backward.reverse();
        assert_eq!((&forward[..], &backward[..]), (wanted, wanted));

        let text = self.some_text();
        let (rank, count) = (self.rng.below(7) as i64 - 3, self.rng.below(4) as usize);
        let maxlen = self.rng.below(self.model.len() as u64 + 3) as usize;
        let seen_max = if maxlen == 0 { usize::MAX } else { maxlen };
        let mut all: Vec<usize> = (0..self.model.len()).collect();
        if rank < 0 {
            all.reverse();
        }
        let matches = all.into_iter().take(seen_max).filter(|&index| self.model[index] == text);
        let wanted = matches.skip(rank.unsigned_abs() as usize - usize::from(rank != 0));
        let wanted = wanted.take(if count == 0 { usize::MAX } else { count });
        let wanted: Vec<usize> = if rank == 0 { Vec::new() } else { wanted.collect() };
        let mut found = Vec::new();
        self.list.positions(&text, rank, count, maxlen, |index| found.push(index));
        assert_eq!(found, wanted);
    }

    fn check(&self) {
        self.list.check();
        assert_eq!((self.list.len(), self.list.is_empty()), (self.model.len(), self.model.is_empty()));
        assert_eq!(texts(&self.list), self.model);
    }

    /// The same list by way of its blocks, and of its pointer.
    fn rebuild(&mut self) {
        let mut nodes = Vec::new();
        self.list.for_each_node(|packed| nodes.push(packed.clone()));
        let copy = List::from_nodes(nodes, self.limits);
        assert!(texts(&copy) == self.model && texts(&self.list.duplicate()) == self.model);
        let bytes = self.list.heap_bytes();
        let (encoding, pointer) = std::mem::take(&mut self.list).into_raw();
        // SAFETY: the two were given up just before.
        #[allow(unsafe_code)]
        let list = unsafe { List::from_raw(encoding, pointer) };
        assert_eq!((list.heap_bytes(), list.encoding()), (bytes, ["listpack", "quicklist"][usize::from(encoding)]));
        self.list = list;
    }
}

#[test]
fn behaves_as_a_vector_of_texts() {
    for size in [1_i32, 2, 20, 128, -1, -2, -5] {
        for depth in [0_u16, 1, 2] {
            let rng = Rng::new(u64::from(size.unsigned_abs()) * 10 + u64::from(depth));
            let mut pair = Pair { list: List::new(), model: Vec::new(), limits: limits(size, depth), rng };
            for round in 0..2500 {
                pair.step();
                if round % 10 == 0 {
                    pair.check();
                }
                if round % 200 == 0 {
                    pair.rebuild();
                }
            }
            while !pair.model.is_empty() {
                pair.pop_several();
                pair.list.check();
            }
            assert_eq!((pair.list.encoding(), pair.list.heap_bytes()), ("listpack", 0));
        }
    }
}

#[test]
fn indexes_are_cut_to_the_list() {
    let list = of(&["a", "b", "c"], limits(-2, 0));
    for (start, stop, range) in [
        (0, -1, 0..3),
        (-2, -1, 1..3),
        (-100, 100, 0..3),
        (1, 1, 1..2),
        (2, 1, 0..0),
        (3, 10, 0..0),
        (0, -4, 0..0),
        (i64::MIN, i64::MAX, 0..3),
        (i64::MAX, i64::MIN, 0..0),
    ] {
        assert_eq!(list.bounds(start, stop), range, "{start} {stop}");
    }
    for index in [3, -4, i64::MIN, i64::MAX] {
        assert_eq!(list.get(index, |_| ()), None);
    }
    assert_eq!(List::new().bounds(0, -1), 0..0);
    let mut found = Vec::new();
    list.positions(b"c", i64::MIN, 0, 0, |index| found.push(index));
    list.positions(b"c", i64::MAX, 0, usize::MAX, |index| found.push(index));
    assert!(found.is_empty());
    list.positions(b"c", -1, usize::MAX, usize::MAX, |index| found.push(index));
    assert_eq!(found, [2]);
    let mut all = of(&["x", "x"], limits(1, 0));
    assert_eq!((all.remove(i64::MIN, b"x"), all.len()), (2, 0));
}

#[test]
fn encodings_change_where_redis_changes_them() {
    // By elements: over the limit by the addition; back at half of it, in one node.
    let three = limits(3, 0);
    let mut list = of(&["1", "2", "3"], three);
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Back, b"4", three);
    assert_eq!(list.encoding(), "quicklist");
    list.pop(End::Back);
    list.pop(End::Back);
    assert_eq!((list.encoding(), list.len()), ("quicklist", 2));
    list.pop(End::Front);
    assert_eq!((list.encoding(), list.len()), ("listpack", 1));
    // Two nodes of few elements do not make a block.
    let mut list = of(&["1", "2", "3", "4"], limits(2, 0));
    assert_eq!((list.remove(1, b"2"), list.remove(1, b"3"), list.encoding()), (1, 1, "quicklist"));
    list.trim(0, 0);
    assert_eq!(list.encoding(), "listpack");

    // By bytes: what the texts add to the listpack of 7 bytes and elements of 2 more than their texts.
    let large = limits(-1, 0);
    let text = vec![b'x'; 4096 - 7];
    let mut list = List::new();
    list.push(End::Back, &text, large);
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Back, b"", large);
    assert_eq!(list.encoding(), "quicklist");
    let mut list = List::new();
    list.push(End::Back, &[&text[..], b"x"].concat(), large);
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.set(0, &text[..2030], large));
    assert_eq!(list.encoding(), "listpack");
    // Many elements of one command: their texts count.
    let mut list = List::new();
    list.push_all(End::Back, std::iter::repeat_n(&b"abc"[..], 1363), large);
    assert_eq!((list.encoding(), list.len()), ("listpack", 1363));
    list.push(End::Back, b"", large);
    assert_eq!(list.encoding(), "quicklist");
    let mut list = List::new();
    list.push_all(End::Front, std::iter::repeat_n(&b"abc"[..], 1364), large);
    assert_eq!(list.encoding(), "quicklist");
    let mut list = List::new();
    list.push_all(End::Back, std::iter::repeat_n(&b""[..], 100_000), large);
    assert_eq!((list.encoding(), list.len()), ("quicklist", 100_000));
    // Elements are limited, but so are bytes.
    let list = of(&["y".repeat(5000).as_str(), "y".repeat(5000).as_str()], limits(128, 0));
    assert_eq!(list.encoding(), "quicklist");
    // Sizes beyond those that mean something.
    assert!(limits(0, 0).exceeded(10, 2) && !limits(0, 0).exceeded(10, 1));
    assert!(limits(i32::MIN, 0).exceeded(65537, 1) && !limits(-6, 0).exceeded(65536, 1));
}

/// The nodes of a list that is filled from the back, and of Redis's.
#[test]
fn oracle_fills_nodes_alike() {
    let Some(mut oracle) = Oracle::start() else { return };
    oracle.ask(&[b"CONFIG", b"SET", b"rdbcompression", b"no"]);
    for size in [1_i32, 5, 128, -1, -2, -5] {
        oracle.ask(&[b"CONFIG", b"SET", b"list-max-listpack-size", size.to_string().as_bytes()]);
        oracle.ask(&[b"DEL", b"k"]);
        let mut rng = Rng::new(u64::from(size.unsigned_abs()));
        // Made long by an element that Redis, too, gives a node of its own.
        let mut list = List::new();
        for round in 0..3000 {
            let text = match rng.below(400) {
                0 => vec![b'x'; 70_000],
                1..200 => (rng.next_u64() >> rng.below(64)).to_string().into_bytes(),
                _ => vec![b'y'; rng.below(100) as usize],
            };
            let text = if round == 0 { vec![b'x'; 70_000] } else { text };
            oracle.ask(&[b"RPUSH", b"k", &text]);
            list.push(End::Back, &text, limits(size, 0));
        }
        let Answer::Text(dump) = oracle.ask(&[b"DUMP", b"k"]) else { panic!("no dump") };
        let mut nodes = 0;
        let mut rest = &dump[..dump.len() - 10];
        let mut all = Vec::new();
        list.for_each_node(|packed| {
            all.push(packed.to_listpack());
            nodes += 1;
        });
        // From the last back: each is preceded by its kind (2: packed) and a length of one, two or five bytes.
        for listpack in all.iter().rev() {
            let before = rest.strip_suffix(&listpack[..]).expect("the same nodes");
            let length = match listpack.len() {
                0..64 => 1,
                64..16384 => 2,
                _ => 5,
            };
            rest = before[..before.len() - length].strip_suffix(&[2]).expect("a packed node");
        }
        assert!(rest.len() <= 6 && nodes > 1, "{nodes} nodes");
    }
}

#[test]
fn inner_nodes_are_compressed_and_bytes_counted() {
    for depth in [0, 1, 2, 1000] {
        let limits = limits(-1, depth);
        let mut list = List::new();
        for i in 0..20_000_u32 {
            list.push(if i % 3 == 0 { End::Front } else { End::Back }, format!("element {i}").as_bytes(), limits);
        }
        list.check();
        let bytes = list.heap_bytes();
        assert!(if depth == 1000 { bytes > 280_000 } else { bytes < 200_000 }, "{depth}: {bytes}");
        let mut changed = list.duplicate();
        assert!(changed.set(10_000, b"changed", limits));
        changed.check();
        // Where nobody asked for compression a node that has been changed stays plain.
        let grown = changed.heap_bytes() as i64 - bytes as i64;
        assert!(if depth == 0 { grown > 1000 } else { grown < 1000 }, "{depth}: {grown}");
        let mut copy = list.duplicate();
        while copy.pop(End::Front).is_some() {
            if copy.len().is_multiple_of(100) {
                copy.check();
            }
        }
        list.trim(9_000, 9_001);
        list.check();
        assert_eq!((list.len(), list.encoding()), (2, "listpack"));
    }
}
