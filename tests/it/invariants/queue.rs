//! Queues under fire: a hundred producers, a hundred consumers that block, time out, move on and disappear.
//!
//! Every element is delivered to at most one consumer; none is lost but those in flight to a connection that died; what
//! is taken from the head of a list comes in the order in which it was pushed. `OSTRACON_QUEUE_ELEMENTS` says how many
//! elements (20,000); the acceptance run has a million.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use ostracon::base::rng::Rng;

use super::{below, exec, lines};
use crate::support::{Client, Server, Value, eventually, pause};

const PRODUCERS: usize = 100;
const CONSUMERS: usize = 100;
/// Queues `q0`, `q1` …; BLMOVE moves from `qN` on to `mN`.
const QUEUES: usize = 6;
/// Length of a queue from which on producers hold back.
const LENGTH: i64 = 20;

fn elements() -> usize {
    std::env::var("OSTRACON_QUEUE_ELEMENTS").map_or(20_000, |text| text.parse().unwrap())
}

/// Pushes elements `producer:queue:number`, numbered for every queue, a few at a time.
fn produce(server: &Server, producer: usize, count: usize) {
    let (mut client, mut rng) = (server.client(), Rng::new(producer as u64));
    let (mut left, mut numbers) = (count, [0; QUEUES]);
    while left > 0 {
        let batch: Vec<String> = (0..left.min(1 + below(&mut rng, 8)))
            .map(|_| {
                let queue = below(&mut rng, QUEUES);
                numbers[queue] += 1;
                format!("RPUSH q{queue} {producer}:{queue}:{}", numbers[queue])
            })
            .collect();
        left -= batch.len();
        let longest = lines(&mut client, &batch).iter().map(Value::int).max();
        // Consumers are to wait for producers, too: a full queue blocks nobody.
        while longest > Some(LENGTH) && client.line(&format!("LLEN q{}", below(&mut rng, QUEUES))).int() > LENGTH {
            pause();
        }
    }
}

/// What a consumer asks for: the line, the most elements that it may be handed, and whether they are from the head.
fn request(rng: &mut Rng) -> (String, usize, bool) {
    // A few wait for ever, the others for 1 to 50 ms.
    let time = if rng.below(10) == 0 { "0".to_owned() } else { format!("0.{:03}", 1 + rng.below(50)) };
    let (one, two) = (below(rng, QUEUES), below(rng, QUEUES));
    match rng.below(8) {
        0 => (format!("BRPOP q{one} q{two} m{one} {time}"), 1, false),
        1 | 2 => (format!("BLMOVE q{one} m{one} LEFT RIGHT {time}"), 0, true),
        3 => (format!("BLMPOP {time} 3 m{two} q{one} q{two} LEFT COUNT 3"), 3, true),
        4 | 5 => (format!("BLPOP m{one} m{two} {time}"), 1, true),
        _ => (format!("BLPOP q{one} m{two} q{two} {time}"), 1, true),
    }
}

/// What one consumer was handed, and how many elements may have been on the way to connections that it left.
#[derive(Default)]
struct Got {
    elements: Vec<String>,
    at_risk: usize,
    left: usize,
    timeouts: usize,
    moved: usize,
}

fn consume(server: &Server, consumer: usize, done: &AtomicBool) -> Got {
    let mut rng = Rng::new(10_000 + consumer as u64);
    let (mut got, mut client) = (Got::default(), server.client());
    // The last number seen of every (list, producer, queue), on this connection.
    let mut last: HashMap<(String, String), u64> = HashMap::new();
    while !done.load(SeqCst) {
        let (line, most, head) = request(&mut rng);
        client.send_line(&line);
        if rng.below(100) == 0 {
            // Gone while it waits, or while the reply is on its way.
            (0..rng.below(3)).for_each(|_| pause());
            client = server.client();
            got.at_risk += most;
            got.left += 1;
            continue;
        }
        let (key, elements) = match client.recv() {
            Value::NilArray => {
                got.timeouts += 1;
                continue;
            }
            Value::Bulk(_) => {
                got.moved += 1;
                continue;
            }
            Value::Array(pair) => match &pair[1] {
                Value::Array(several) => (pair[0].text(), several.iter().map(Value::text).collect()),
                one => (pair[0].text(), vec![one.text()]),
            },
            other => panic!("{line}: {other}"),
        };
        for element in elements {
            let (name, number) = element.rsplit_once(':').unwrap();
            let number: u64 = number.parse().unwrap();
            if head && let Some(before) = last.insert((key.clone(), name.to_owned()), number) {
                assert!(before < number, "{line}: {element} came after number {before}");
            }
            got.elements.push(element);
        }
    }
    got
}

/// Whether nothing is left in any list, seen at one moment.
fn is_drained(client: &mut Client) -> bool {
    let asks: Vec<String> = (0..QUEUES).flat_map(|n| [format!("LLEN q{n}"), format!("LLEN m{n}")]).collect();
    exec(client, &asks).unwrap().iter().all(|len| len.int() == 0)
}

/// Those who wait for ever go home.
fn unblock_all(client: &mut Client) {
    for line in client.line("CLIENT LIST").text().lines().filter(|line| line.contains(" flags=b ")) {
        let id = line.strip_prefix("id=").and_then(|rest| rest.split(' ').next()).unwrap();
        client.line(&format!("CLIENT UNBLOCK {id}"));
    }
}

#[test]
fn every_element_has_one_consumer() {
    let server = Server::start(&super::WORKERS);
    let each = elements() / PRODUCERS;
    let (done, consuming) = (AtomicBool::new(false), AtomicUsize::new(CONSUMERS));
    let begin = Instant::now();
    let all: Vec<Got> = thread::scope(|scope| {
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|n| {
                let (server, done, consuming) = (&server, &done, &consuming);
                scope.spawn(move || {
                    /// Counts down however the thread ends.
                    struct Leaves<'a>(&'a AtomicUsize);
                    impl Drop for Leaves<'_> {
                        fn drop(&mut self) {
                            self.0.fetch_sub(1, SeqCst);
                        }
                    }
                    let _leaves = Leaves(consuming);
                    consume(server, n, done)
                })
            })
            .collect();
        thread::scope(|inner| {
            for n in 0..PRODUCERS {
                let server = &server;
                inner.spawn(move || produce(server, n, each));
            }
        });
        let mut client = server.client();
        // However long it takes: a million of them need more than the harness's deadline. Consumers that fail end it.
        while !is_drained(&mut client) && consuming.load(SeqCst) == CONSUMERS {
            pause();
        }
        done.store(true, SeqCst);
        while consuming.load(SeqCst) > 0 {
            unblock_all(&mut client);
            pause();
        }
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
    });
    let mut counts: HashMap<&str, usize> = HashMap::new();
    all.iter().flat_map(|got| &got.elements).for_each(|element| *counts.entry(element).or_default() += 1);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let sum = |of: fn(&Got) -> usize| all.iter().map(of).sum::<usize>();
    let (missing, at_risk) = (each * PRODUCERS - counts.len(), sum(|got| got.at_risk));
    println!(
        "{} elements in {:?}: {missing} lost of {at_risk} at most on {} connections that went; {} time-outs, {} moved",
        each * PRODUCERS,
        begin.elapsed(),
        sum(|got| got.left),
        sum(|got| got.timeouts),
        sum(|got| got.moved),
    );
    assert!(twice.is_empty(), "delivered more than once: {twice:?}");
    assert!(missing <= at_risk, "{missing} are missing, {at_risk} may have been on their way to who went");
    eventually("nobody waits any more", || server.info("clients", "blocked_clients") == "0");
}
