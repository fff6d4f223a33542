//! A group of consumers under fire: they block, disappear with what they were handed, and take over from each other.
//!
//! Every entry is delivered, and in the end acknowledged exactly once: XACK says 1 to one of those who had it. Nothing
//! stays pending. `OSTRACON_STREAM_ENTRIES` says how many entries (10,000).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use ostracon::base::rng::Rng;

use super::below;
use crate::support::{Client, Server, Value, eventually};

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
    match client.line(&line) {
        Value::NilArray => Vec::new(),
        Value::Array(streams) => {
            let of = |one: &Value| {
                let stream: usize = one.items()[0].text()[1..].parse().unwrap();
                ids(&one.items()[1]).into_iter().map(move |id| (stream, id)).collect::<Vec<_>>()
            };
            streams.iter().flat_map(of).collect()
        }
        other => panic!("{line}: {other}"),
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
