//! The tree against a sorted `Vec`, with its invariants checked along the way.

use std::collections::BTreeMap;

use super::super::member::Member;
use super::*;
use crate::base::rng::Rng;
use crate::base::table::Thin;

/// What the subtree holds, having checked that its nodes are as they must be.
#[allow(unsafe_code)]
unsafe fn checked(
    node: *const Node,
    level: usize,
    leaves: &mut Vec<*const Node>,
    inners: &mut usize,
) -> Vec<(f64, Ref)> {
    // SAFETY: the tree that is checked lives, and so do its members.
    unsafe {
        let (scores, members) = keys(node);
        assert!(!scores.is_empty(), "an empty node");
        let own: Vec<(f64, Ref)> = scores.iter().copied().zip(members.iter().copied()).collect();
        if level == 0 {
            leaves.push(node);
            return own;
        }
        *inners += 1;
        let mut all = Vec::new();
        for (i, first) in own.iter().enumerate() {
            let below = checked(child(node, i), level - 1, leaves, inners);
            assert_eq!(*first, below[0], "the key of a child");
            assert_eq!(counts(node)[i], below.len() as u64, "the count of a child");
            all.extend(below);
        }
        all
    }
}

#[allow(unsafe_code)]
impl Tree {
    /// Checks everything, and returns the entries.
    fn check(&self) -> Vec<(f64, Vec<u8>)> {
        if self.root.is_null() {
            assert_eq!((self.len, self.leaves, self.inners, self.height), (0, 0, 0, 0));
            assert!(self.first.is_null() && self.last.is_null());
            return Vec::new();
        }
        let (mut leaves, mut inners) = (Vec::new(), 0);
        // SAFETY: the tree and the tests' members live.
        unsafe {
            let all = checked(self.root, self.height, &mut leaves, &mut inners);
            assert_eq!((all.len(), leaves.len(), inners), (self.len, self.leaves, self.inners));
            assert!(self.height == 0 || len(self.root) > 1, "a root of one child");
            assert_eq!((leaves[0], leaves[leaves.len() - 1]), (self.first.cast_const(), self.last.cast_const()));
            assert!((*self.first).prev.is_null() && (*self.last).next.is_null());
            for two in leaves.windows(2) {
                assert_eq!(((*two[0]).next.cast_const(), (*two[1]).prev.cast_const()), (two[1], two[0]));
            }
            all.into_iter().map(|(score, member)| (score, member.bytes().to_vec())).collect()
        }
    }

    fn fill(&self) -> f64 {
        self.len as f64 / (self.leaves * CAP) as f64
    }
}

/// A tree, the members that it points to, and the model.
struct Pair {
    tree: Tree,
    members: BTreeMap<Vec<u8>, Member>,
    model: Vec<(f64, Vec<u8>)>,
}

fn order(a: &(f64, Vec<u8>), b: &(f64, Vec<u8>)) -> std::cmp::Ordering {
    a.0.partial_cmp(&b.0).unwrap().then_with(|| a.1.cmp(&b.1))
}

#[allow(unsafe_code)]
impl Pair {
    fn new() -> Self {
        Pair { tree: Tree::new(), members: BTreeMap::new(), model: Vec::new() }
    }

    fn add(&mut self, name: Vec<u8>, score: f64) {
        let entry = (score, name.clone());
        let at = |model: &Vec<_>, entry: &_| model.partition_point(|e| order(e, entry).is_lt());
        if let Some(member) = self.members.get_mut(&name) {
            let old = member.score();
            let place = at(&self.model, &(old, name));
            self.model.remove(place);
            self.tree.move_to(old, score, member.as_ref());
            member.set_score(score);
        } else {
            let member = Member::new(&name, score);
            // SAFETY: the member is kept until it is removed.
            unsafe { self.tree.insert(score, member.as_ref()) };
            self.members.insert(name, member);
        }
        let place = at(&self.model, &entry);
        self.model.insert(place, entry);
    }

    fn remove(&mut self, rank: usize) {
        let (score, name) = self.model.remove(rank);
        let member = self.members.remove(&name).unwrap();
        assert!(member.score() == score);
        self.tree.remove(score, member.as_ref());
    }

    fn cut(&mut self, from: usize, to: usize) {
        let mut seen = Vec::new();
        let members = &mut self.members;
        self.tree.cut(from, to, &mut |score, member| {
            // SAFETY: the member lives until it is taken out of the map, on the next line.
            let name = unsafe { member.bytes() }.to_vec();
            members.remove(&name).unwrap();
            seen.push((score, name));
        });
        let expected: Vec<_> = self.model.drain(from..to).collect();
        assert_eq!(seen, expected);
    }

    fn check(&self) {
        assert_eq!(self.tree.check(), self.model);
    }

    fn check_seeks(&self, rng: &mut Rng) {
        if self.model.is_empty() {
            return;
        }
        let (score, name) = self.model[rng.below(self.model.len() as u64) as usize].clone();
        for inclusive in [false, true] {
            let rank = self.tree.seek(Seek::Score(score, inclusive)).rank;
            let expected = self.model.iter().filter(|e| e.0 < score || (inclusive && e.0 == score)).count();
            assert_eq!(rank, expected);
            let rank = self.tree.seek(Seek::Key(score, &name, inclusive)).rank;
            let key = (score, name.clone());
            let expected = self.model.iter().filter(|e| order(e, &key).is_lt() || (inclusive && **e == key)).count();
            assert_eq!(rank, expected);
        }
        let rank = rng.below(self.model.len() as u64 + 1) as usize;
        assert_eq!(self.tree.get(rank).map(|(s, m)| (s, m.to_vec())), self.model.get(rank).cloned());
        let mut walked = Vec::new();
        let most = rng.below(200) as usize;
        self.tree.at_rank(rank).forward(|score, member| {
            walked.push((score, member.to_vec()));
            walked.len() < most
        });
        let n = walked.len();
        assert_eq!(walked, self.model[rank..rank + n]);
        assert_eq!(n, most.max(1).min(self.model.len() - rank));
        walked.clear();
        self.tree.at_rank(rank).backward(|score, member| {
            walked.push((score, member.to_vec()));
            walked.len() < most
        });
        walked.reverse();
        let n = walked.len();
        assert_eq!(walked, self.model[rank - n..rank]);
        assert_eq!(n, most.max(1).min(rank));
    }
}

#[test]
fn random_operations_agree_with_a_model() {
    // (names, different scores, weight of additions): many equal scores, few, all equal; growing and shrinking.
    for (seed, names, scores) in [(1, 5000, 3000), (2, 8000, 5), (3, 3000, 1), (4, 200, 50), (5, 20_000, 1_000_000)] {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::new();
        for round in 0..12_000_u64 {
            let growing = (round / 3000) % 2 == 0;
            let choice = rng.below(100);
            if choice < if growing { 80 } else { 35 } {
                let name = format!("m{}", rng.below(names)).into_bytes();
                pair.add(name, rng.below(scores) as f64 - 2.0);
            } else if choice < 99 {
                if !pair.model.is_empty() {
                    pair.remove(rng.below(pair.model.len() as u64) as usize);
                }
            } else if !pair.model.is_empty() {
                let from = rng.below(pair.model.len() as u64 + 1) as usize;
                let most = if rng.below(4) == 0 { pair.model.len() as u64 } else { 150 };
                let to = (from + rng.below(most + 1) as usize).min(pair.model.len());
                pair.cut(from, to);
            }
            pair.check_seeks(&mut rng);
            if round % 97 == 0 {
                pair.check();
            }
        }
        pair.check();
        while pair.model.len() > 1 {
            pair.remove(rng.below(pair.model.len() as u64) as usize);
        }
        pair.check();
        pair.cut(0, pair.model.len());
        pair.check();
    }
}

#[test]
fn every_cut_of_a_tree_of_three_levels_leaves_a_tree() {
    let mut rng = Rng::new(6);
    for round in 0..60 {
        let mut pair = Pair::new();
        (0..9000_u64).for_each(|i| pair.add((i * 7919 % 9000).to_be_bytes().to_vec(), 0.0));
        assert_eq!(pair.tree.height, 2);
        let from = if round % 10 == 0 { 0 } else { rng.below(9000) as usize };
        let to = if round % 10 == 1 { 9000 } else { from + rng.below(9001 - from as u64) as usize };
        pair.cut(from, to);
        pair.check();
        pair.check_seeks(&mut rng);
        for i in 0..500_u64 {
            pair.add((i * 31 % 20_000).to_be_bytes().to_vec(), 0.0);
        }
        pair.check();
    }
}

#[test]
fn nodes_are_well_filled() {
    let build = |score: &mut dyn FnMut(u64) -> f64| {
        let mut pair = Pair::new();
        for i in 0..20_000_u64 {
            let member = Member::new(&i.to_be_bytes(), score(i));
            // SAFETY: the member is kept as long as the tree.
            #[allow(unsafe_code)]
            unsafe {
                pair.tree.insert(member.score(), member.as_ref());
            }
            pair.members.insert(member.key().to_vec(), member);
        }
        pair.tree.check();
        pair.tree.fill()
    };
    let mut rng = Rng::new(7);
    let ascending = build(&mut |i| i as f64);
    assert!(ascending > 0.97, "{ascending}");
    let descending = build(&mut |i| -(i as f64));
    assert!(descending > 0.97, "{descending}");
    let random = build(&mut |_| rng.f64());
    assert!(random > 0.8, "{random}");
    let equal = build(&mut |_| rng.below(10) as f64);
    assert!(equal > 0.65, "{equal}");
}

#[test]
fn a_thinned_tree_is_joined() {
    let mut rng = Rng::new(8);
    let mut pair = Pair::new();
    (0..20_000_u64).for_each(|i| pair.add(i.to_be_bytes().to_vec(), rng.f64()));
    while pair.model.len() > 1000 {
        pair.remove(rng.below(pair.model.len() as u64) as usize);
    }
    pair.check();
    assert!(pair.tree.fill() > 0.4, "{}", pair.tree.fill());
    // What joining leaves must not split again at the first insertion.
    assert_eq!(pair.tree.heap_bytes(), pair.tree.leaves * 1024 + pair.tree.inners * 2048);
}

#[test]
fn a_tree_in_bulk_is_like_one_by_insertion() {
    for n in [0, 1, 59, 60, 61, 62, 63, 120, 121, 3600, 3601, 3700, 30_000_usize] {
        let mut pair = Pair::new();
        for i in 0..n {
            let name = format!("{i:06}").into_bytes();
            pair.members.insert(name.clone(), Member::new(&name, (i / 10) as f64));
            pair.model.push(((i / 10) as f64, name));
        }
        // SAFETY: the members are kept as long as the tree, and their names ascend as the scores do.
        #[allow(unsafe_code)]
        unsafe {
            pair.tree = Tree::bulk(pair.members.values().map(|m| (m.score(), m.as_ref())));
        }
        pair.check();
        let mut rng = Rng::new(9);
        for _ in 0..200 {
            pair.check_seeks(&mut rng);
            pair.add(rng.next_u64().to_be_bytes().to_vec(), rng.below(n as u64 / 10 + 1) as f64);
        }
        pair.check();
    }
}

#[test]
fn lexicographic_places_ignore_the_score() {
    let mut pair = Pair::new();
    (0..5000_u64).for_each(|i| pair.add((i * 2).to_be_bytes().to_vec(), 7.0));
    for i in 0..10_001_u64 {
        let name = i.to_be_bytes();
        assert_eq!(pair.tree.seek(Seek::Lex(&name, false)).rank as u64, i.div_ceil(2));
        assert_eq!(pair.tree.seek(Seek::Lex(&name, true)).rank as u64, (i / 2 + 1).min(5000));
    }
}
