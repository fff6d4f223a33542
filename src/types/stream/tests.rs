//! Streams against a plain map, by random operations.

use super::*;
use crate::base::rng::Rng;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

fn shown<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<(StreamId, Vec<Vec<u8>>)> {
    let words = |entry: Entry<'_>| entry.fields.flat_map(|(a, b)| [a.to_vec(), b.to_vec()]).collect();
    entries.map(|entry| (entry.id, words(entry))).collect()
}

fn pairs(rng: &mut Rng) -> Vec<Vec<u8>> {
    let n = 1 + rng.below(3);
    let name = ["f", "g", "1", ""][rng.below(4) as usize / 3 * rng.below(4) as usize];
    (0..n).flat_map(|i| [format!("{name}{i}").into_bytes(), vec![b'v'; rng.below(30) as usize]]).collect()
}

fn check(stream: &Stream, model: &Model) {
    let expected: Vec<_> = model.iter().map(|(id, words)| (*id, words.clone())).collect();
    let entries = stream.entries();
    assert_eq!(shown(entries.range(StreamId::MIN, StreamId::MAX)), expected);
    let mut back = shown(entries.range_rev(StreamId::MIN, StreamId::MAX));
    back.reverse();
    assert_eq!(back, expected);
    assert_eq!(entries.len(), model.len() as u64);
    assert_eq!(entries.bytes, entries.nodes.values().map(Node::heap_bytes).sum::<usize>());
    assert!(entries.nodes.values().all(|node| node.counts().0 > 0), "an empty node is kept");
}

/// The length to which an exact trim brings the model.
fn trim_model(model: &mut Model, by: TrimBy) -> u64 {
    let before = model.len();
    match by {
        TrimBy::MaxLen(max) => {
            while model.len() as u64 > max {
                model.pop_first();
            }
        }
        TrimBy::MinId(min) => model.retain(|id, _| *id >= min),
    }
    (before - model.len()) as u64
}

#[test]
fn streams_behave_as_a_map() {
    for seed in 0..8 {
        let mut rng = Rng::new(seed);
        let limits = [(4096, 100), (0, 5), (200, 0), (100, 1)][seed as usize % 4];
        let limits = NodeLimits { bytes: limits.0, entries: limits.1 };
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for round in 0..2000 {
            let any = |rng: &mut Rng| StreamId::new(rng.below(400), rng.below(3));
            match rng.below(20) {
                0..12 => {
                    let words = pairs(&mut rng);
                    let texts: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                    let last = stream.entries().last_id();
                    let id = match rng.below(3) {
                        0 => NewId::Auto,
                        1 => NewId::In(last.ms + rng.below(2)),
                        _ => NewId::Exactly(StreamId::new(last.ms, last.seq + rng.below(3))),
                    };
                    match stream.add(id, round / 5, &texts, limits) {
                        Ok(id) => assert!(id > last && model.insert(id, words).is_none()),
                        Err(e) => assert_eq!((e, id), (AddError::NotGreater, NewId::Exactly(last))),
                    }
                }
                12..16 => {
                    let id = model.keys().nth(rng.below(50) as usize).copied().unwrap_or_else(|| any(&mut rng));
                    assert_eq!(stream.delete(id), model.remove(&id).is_some());
                }
                16 => {
                    let by = match rng.below(2) {
                        0 => TrimBy::MaxLen(rng.below(300)),
                        _ => TrimBy::MinId(any(&mut rng)),
                    };
                    if rng.below(2) == 0 {
                        let trim = Trim { by, approximate: false, limit: 0, refs: Refs::Keep };
                        assert_eq!(stream.trim(trim), trim_model(&mut model, by));
                    } else {
                        let gone = stream.trim(Trim { by, approximate: true, limit: 50, refs: Refs::Keep });
                        assert!(gone <= 50);
                        let left = model.len() as u64 - gone;
                        assert!(match by {
                            TrimBy::MaxLen(max) => gone == 0 || left >= max,
                            TrimBy::MinId(min) => model.keys().take(gone as usize).all(|id| *id < min),
                        });
                        trim_model(&mut model, TrimBy::MaxLen(left));
                    }
                }
                _ => {
                    let (a, b) = (any(&mut rng), any(&mut rng));
                    let expected: Vec<_> = match a <= b {
                        true => model.range(a..=b).map(|(id, words)| (*id, words.clone())).collect(),
                        false => Vec::new(),
                    };
                    assert_eq!(shown(stream.entries().range(a, b)), expected);
                    let mut back = shown(stream.entries().range_rev(a, b));
                    back.reverse();
                    assert_eq!(back, expected);
                }
            }
            if round % 50 == 0 {
                check(&stream, &model);
                check(&stream.duplicate(), &model);
            }
        }
        check(&stream, &model);
    }
}

/// What is pending in a group, by a plain map of who has it and how often it was delivered.
#[test]
fn groups_share_out() {
    let mut rng = Rng::new(3);
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 4096, entries: 10 };
    assert!(stream.create_group(b"g", StreamId::MIN, None) && !stream.create_group(b"g", StreamId::MIN, None));
    let mut model: BTreeMap<StreamId, (String, u64)> = BTreeMap::new();
    let mut added = 0;
    for now in 1..3000 {
        let name = format!("c{}", rng.below(4));
        if rng.below(3) == 0 {
            stream.add(NewId::Exactly(StreamId::new(now, 0)), now, &[b"f", b"v"], limits).unwrap();
            added += 1;
        }
        let some = model.keys().nth(rng.below(5) as usize).copied();
        let GroupMut { entries, group, .. } = &mut stream.group_mut(b"g").unwrap();
        match (rng.below(6), some) {
            (0..3, _) => {
                let (number, _) = group.find_or_add(name.as_bytes(), now);
                let ids: Vec<StreamId> =
                    entries.range(group.last_id().next().unwrap(), StreamId::MAX).take(3).map(|e| e.id).collect();
                for id in ids {
                    group.advance(entries, id);
                    group.deliver(id, number, now);
                    model.insert(id, (name.clone(), 1));
                }
            }
            (3, Some(id)) => assert!(group.ack(id) && model.remove(&id).is_some() && !group.ack(id)),
            (4, Some(id)) => {
                let (number, _) = group.find_or_add(name.as_bytes(), now);
                let claim = Claim { min_idle: 0, delivered: now, count: None, again: true, force: false };
                let pending = group.claim(id, number, claim, now).unwrap();
                let held = model.get_mut(&id).unwrap();
                *held = (name, held.1 + 1);
                assert_eq!(pending.count, held.1);
            }
            (5, _) if rng.below(20) == 0 => {
                let before = model.len();
                model.retain(|_, (owner, _)| *owner != name);
                assert_eq!(group.remove_consumer(name.as_bytes()).unwrap_or(0), before - model.len());
            }
            _ => {}
        }
        let held: Vec<_> = group.all_pending().iter().map(|(id, p)| (*id, group.owner(p).to_vec(), p.count)).collect();
        let expected: Vec<_> = model.iter().map(|(id, (owner, n))| (*id, owner.clone().into_bytes(), *n)).collect();
        assert_eq!(held, expected);
        for consumer in group.consumers() {
            let own = held.iter().filter(|(_, owner, _)| owner == consumer.name()).map(|(id, ..)| id);
            assert!(own.eq(consumer.pending()));
        }
    }
    assert_eq!(stream.entries().added(), added);
    let group = stream.group(b"g").unwrap();
    assert_eq!(stream.entries().lag(group), Some(added - group.read().unwrap()));
    assert!(stream.destroy_group(b"g"));
    assert_eq!(stream.0.group_bytes, 0);
}

#[test]
fn an_entry_costs_no_more_than_in_a_listpack() {
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 4096, entries: 100 };
    for n in 0..100_000_u64 {
        let (a, b) = (n.to_string(), format!("value-{n}"));
        let words: [&[u8]; 6] = [b"sensor", a.as_bytes(), b"name", b.as_bytes(), b"unit", b"C"];
        stream.add(NewId::Exactly(StreamId::new(1_700_000_000_000 + n, 0)), 0, &words, limits).unwrap();
    }
    let listpacks: usize = stream.entries().listpacks().sum();
    assert!(stream.heap_bytes() < listpacks * 5 / 4, "{} of {listpacks}", stream.heap_bytes());
}
