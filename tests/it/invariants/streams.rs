//! A group of consumers under fire: they block, disappear with what they were handed, and take over from each other.
//!
//! Where they claim from each other, every entry is in the end acknowledged exactly once: XACK says 1 to one of those who
//! had it, and nothing stays pending. Where nobody claims, every entry is handed to one consumer and no other: it is
//! acknowledged by it, or pending for it and nobody else. `OSTRACON_STREAM_ENTRIES` says how many entries (10,000).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use ostracon::base::rng::Rng;

use super::below;
use crate::support::{Client, Server, Value, eventually, pause};

const PRODUCERS: usize = 20;
const CONSUMERS: usize = 20;
const STREAMS: usize = 3;

fn entries() -> usize {
    std::env::var("OSTRACON_STREAM_ENTRIES").map_or(10_000, |text| text.parse().unwrap())
}

/// The ids of an array of entries.
fn ids(entries: &Value) -> Vec<String> {
    entries.items().iter().map(|entry| entry.items()[0].text()).collect()
}

/// What a consumer was handed: stream and id.
fn fetch(client: &mut Client, rng: &mut Rng, name: usize) -> Vec<(usize, String)> {
    let stream = below(rng, STREAMS);
    if rng.below(4) == 0 {
        // What others have left behind, or have in hand just now: whoever is first acknowledges it.
        let claimed = client.line(&format!("XAUTOCLAIM s{stream} g c{name} 0 0 COUNT 5"));
        return ids(&claimed.items()[1]).into_iter().map(|id| (stream, id)).collect();
    }
    let other = (stream + 1) % STREAMS;
    let line = format!("XREADGROUP GROUP g c{name} COUNT 3 BLOCK 20 STREAMS s{stream} s{other} > >");
    delivered(&client.line(&line))
}

/// The entries of a reply of XREADGROUP: stream and id.
fn delivered(reply: &Value) -> Vec<(usize, String)> {
    match reply {
        Value::NilArray => Vec::new(),
        Value::Array(streams) => {
            let of = |one: &Value| {
                let stream: usize = one.items()[0].text()[1..].parse().unwrap();
                ids(&one.items()[1]).into_iter().map(move |id| (stream, id)).collect::<Vec<_>>()
            };
            streams.iter().flat_map(of).collect()
        }
        other => panic!("XREADGROUP: {other}"),
    }
}

/// Until all is acknowledged: which ids, each with how often XACK said 1.
fn consume(server: &Server, name: usize, acked: &AtomicUsize, all: usize) -> HashMap<(usize, String), i64> {
    let (mut rng, mut client, mut mine) = (Rng::new(500 + name as u64), server.client(), HashMap::new());
    while acked.load(SeqCst) < all {
        if rng.below(30) == 0 {
            // Gone while it waits, or with a reply on its way.
            client.send_line(&format!("XREADGROUP GROUP g c{name} COUNT 3 BLOCK 0 STREAMS s0 s1 > >"));
            client = server.client();
        }
        for (stream, id) in fetch(&mut client, &mut rng, name) {
            if rng.below(10) == 0 {
                // Forgotten: it stays pending until somebody claims it.
                continue;
            }
            let n = client.line(&format!("XACK s{stream} g {id}")).int();
            acked.fetch_add(n as usize, SeqCst);
            *mine.entry((stream, id)).or_default() += n;
        }
    }
    mine
}

#[test]
fn every_entry_is_acknowledged_once() {
    let server = Server::start(&super::WORKERS);
    let mut client = server.client();
    (0..STREAMS).for_each(|n| assert_eq!(client.ask(&format!("XGROUP CREATE s{n} g 0 MKSTREAM")), "+OK"));
    let (each, acked) = (entries() / PRODUCERS, AtomicUsize::new(0));
    let mut counts: HashMap<(usize, String), i64> = HashMap::new();
    thread::scope(|scope| {
        let (server, acked) = (&server, &acked);
        let consumers: Vec<_> =
            (0..CONSUMERS).map(|name| scope.spawn(move || consume(server, name, acked, each * PRODUCERS))).collect();
        for producer in 0..PRODUCERS {
            scope.spawn(move || {
                let (mut client, mut rng) = (server.client(), Rng::new(producer as u64));
                for n in 0..each {
                    let id = client.line(&format!("XADD s{} * p {producer} n {n}", below(&mut rng, STREAMS)));
                    assert!(!id.is_error(), "{id}");
                }
            });
        }
        for consumer in consumers {
            consumer.join().unwrap().into_iter().for_each(|(id, n)| *counts.entry(id).or_default() += n);
        }
    });
    let lens: i64 = (0..STREAMS).map(|n| client.line(&format!("XLEN s{n}")).int()).sum();
    assert_eq!((lens as usize, counts.len()), (each * PRODUCERS, each * PRODUCERS));
    let odd: Vec<_> = counts.iter().filter(|(_, n)| **n != 1).collect();
    assert!(odd.is_empty(), "not acknowledged once: {odd:?}");
    for n in 0..STREAMS {
        assert_eq!(client.ask(&format!("XPENDING s{n} g")), "[:0, (nil), (nil), (nil-array)]");
    }
    eventually("nobody waits any more", || server.info("clients", "blocked_clients") == "0");
}

const MANY: usize = 50;
/// Entries that one reply hands over at most: of either stream so many.
const COUNT: usize = 3;

/// What a consumer that claims nothing was handed, what it acknowledged of that, and what may have been on its way to
/// connections that it left.
#[derive(Default)]
struct Got {
    handed: Vec<(usize, String)>,
    acked: HashSet<(usize, String)>,
    at_risk: usize,
}

/// Reads until all `all` entries have been handed to somebody. Now and then it goes, while it waits or while the reply is on
/// its way, and comes back as the same consumer.
fn read(server: &Server, name: usize, handed: impl Fn() -> usize, all: usize) -> Got {
    let (mut rng, mut client, mut got) = (Rng::new(900 + name as u64), server.client(), Got::default());
    while handed() < all {
        let stream = below(&mut rng, STREAMS);
        let other = (stream + 1) % STREAMS;
        let goes = rng.below(20) == 0;
        // Who goes would have waited for ever.
        let time = if goes { 0 } else { 1 + rng.below(30) };
        client.send_line(&format!(
            "XREADGROUP GROUP g c{name} COUNT {COUNT} BLOCK {time} STREAMS s{stream} s{other} > >"
        ));
        if goes {
            (0..rng.below(3)).for_each(|_| pause());
            client = server.client();
            got.at_risk += 2 * COUNT;
            continue;
        }
        for (stream, id) in delivered(&client.recv()) {
            if rng.below(2) == 0 {
                assert_eq!(client.ask(&format!("XACK s{stream} g {id}")), ":1", "{id} was handed over");
                got.acked.insert((stream, id.clone()));
            }
            got.handed.push((stream, id));
        }
    }
    got
}

/// How many entries of a stream its group has handed over.
fn entries_read(client: &mut Client, stream: usize) -> i64 {
    let groups = client.line(&format!("XINFO GROUPS s{stream}"));
    let fields = groups.items()[0].items();
    match fields.chunks(2).find(|pair| pair[0].text() == "entries-read").map(|pair| &pair[1]) {
        Some(Value::Int(n)) => *n,
        _ => 0,
    }
}

/// Who has what pending: by stream and id.
fn pending(client: &mut Client) -> HashMap<(usize, String), String> {
    let mut all = HashMap::new();
    for stream in 0..STREAMS {
        let list = client.line(&format!("XPENDING s{stream} g - + 1000000"));
        for one in list.items() {
            let owner = one.items()[1].text();
            assert!(all.insert((stream, one.items()[0].text()), owner).is_none(), "{one} is pending twice");
        }
    }
    all
}

#[test]
fn every_entry_is_handed_to_one_consumer() {
    let server = Server::start(&super::WORKERS);
    let mut client = server.client();
    (0..STREAMS).for_each(|n| assert_eq!(client.ask(&format!("XGROUP CREATE s{n} g 0 MKSTREAM")), "+OK"));
    let each = entries() / MANY;
    // As the groups have it: of an entry that was on its way to a connection that went no consumer knows.
    let read_so_far = AtomicUsize::new(0);
    let all: Vec<Got> = thread::scope(|scope| {
        let (server, read_so_far) = (&server, &read_so_far);
        let consumers: Vec<_> = (0..MANY)
            .map(|name| scope.spawn(move || read(server, name, || read_so_far.load(SeqCst), each * MANY)))
            .collect();
        for producer in 0..MANY {
            scope.spawn(move || {
                let (mut client, mut rng) = (server.client(), Rng::new(producer as u64));
                for n in 0..each {
                    let id = client.line(&format!("XADD s{} * p {producer} n {n}", below(&mut rng, STREAMS)));
                    assert!(!id.is_error(), "{id}");
                }
            });
        }
        while consumers.iter().any(|consumer| !consumer.is_finished()) {
            let read: i64 = (0..STREAMS).map(|n| entries_read(&mut client, n)).sum();
            read_so_far.store(read as usize, SeqCst);
            pause();
        }
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
    });
    check_each_once(&mut client, &all, each * MANY);
    eventually("nobody waits any more", || server.info("clients", "blocked_clients") == "0");
}

/// Each of `total` entries is acknowledged by the one that was handed it, or pending for one, and handed to no other.
fn check_each_once(client: &mut Client, all: &[Got], total: usize) {
    let added: HashSet<(usize, String)> = (0..STREAMS)
        .flat_map(|n| ids(&client.line(&format!("XRANGE s{n} - +"))).into_iter().map(move |id| (n, id)))
        .collect();
    assert_eq!(added.len(), total);
    let mut pending = pending(client);
    let (mut handed, mut acked) = (HashSet::new(), 0);
    for (name, got) in all.iter().enumerate() {
        for entry in &got.handed {
            assert!(added.contains(entry), "{entry:?} was never added");
            assert!(handed.insert(entry), "{entry:?} was handed over twice");
            let owner = pending.remove(entry);
            let expected = if got.acked.contains(entry) { None } else { Some(format!("c{name}")) };
            assert_eq!(owner, expected, "{entry:?}");
        }
        acked += got.acked.len();
    }
    // What is left is pending for those who went before they could read it.
    let lost = pending.len();
    for entry in pending.keys() {
        assert!(added.contains(entry), "{entry:?} is pending and was never added");
    }
    assert_eq!(handed.len() + lost, total, "acknowledged and pending are not what was added");
    for (name, got) in all.iter().enumerate() {
        let its = pending.values().filter(|owner| **owner == format!("c{name}")).count();
        assert!(its <= got.at_risk, "c{name} has {its} entries pending that it was never handed");
    }
    println!("{total} entries: {acked} acknowledged, {lost} on their way to connections that went");
}
