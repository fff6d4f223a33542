//! What must hold whatever many connections do at once: our server with four workers, real threads, real sockets.
//!
//! Every test states a sum or a pairing that no interleaving may break, and watches it while it is under fire.
//! `collections` has those of lists, sets and hashes, `queue` those of blocking consumers of queues, `streams` those of
//! groups, `resources` memory,
//! files and limits. Threads do a fixed number of steps; nothing waits for time to pass.

mod collections;
mod queue;
mod resources;
mod streams;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use ostracon::base::rng::Rng;

use crate::support::{Client, Server, Value, encode_line, eventually};

const WORKERS: [&str; 2] = ["--workers", "4"];

/// Runs `actors` in threads of their own, and `observe` again and again until all of them are done, and once more.
fn under_fire(
    server: &Server,
    actors: usize,
    act: impl Fn(usize, &mut Client) + Sync,
    observe: impl Fn(&mut Client) + Sync,
) {
    let running = AtomicUsize::new(actors);
    /// Counts down however the thread ends: an observer must not wait for one that failed.
    struct Done<'a>(&'a AtomicUsize);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    thread::scope(|scope| {
        for actor in 0..actors {
            let (act, running) = (&act, &running);
            scope.spawn(move || {
                let _done = Done(running);
                act(actor, &mut server.client());
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.client();
                while running.load(SeqCst) > 0 {
                    observe(&mut client);
                }
            });
        }
    });
    observe(&mut server.client());
}

/// One of `n`, as a number.
fn below(rng: &mut Rng, n: usize) -> usize {
    rng.below(n as u64) as usize
}

/// Sends the lines in one piece, returns the replies.
#[track_caller]
fn lines(client: &mut Client, lines: &[String]) -> Vec<Value> {
    let bytes: Vec<u8> = lines.iter().flat_map(|line| encode_line(line)).collect();
    client.pipeline(&bytes, lines.len())
}

/// The lines in MULTI and EXEC, in one piece: EXEC's replies, `None` where a watched key had changed.
#[track_caller]
fn exec(client: &mut Client, inner: &[String]) -> Option<Vec<Value>> {
    let mut all = vec!["MULTI".to_owned()];
    all.extend_from_slice(inner);
    all.push("EXEC".into());
    match lines(client, &all).pop() {
        Some(Value::Array(replies)) => Some(replies),
        Some(Value::NilArray) => None,
        other => panic!("EXEC: {other:?}"),
    }
}

fn number(value: &Value) -> i64 {
    value.text().parse().unwrap()
}

#[test]
fn no_increment_is_lost() {
    let server = Server::start(&WORKERS);
    under_fire(
        &server,
        8,
        |actor, client| {
            for round in 0..20 {
                let batch: Vec<String> = (0..100).map(|i| format!("INCR n{}", (actor + round + i) % 5)).collect();
                lines(client, &batch);
            }
        },
        |client| assert!(client.line("MGET n0 n1 n2 n3 n4").items().len() == 5),
    );
    let total: i64 = server.client().line("MGET n0 n1 n2 n3 n4").items().iter().map(number).sum();
    assert_eq!(total, 8 * 20 * 100);
}

const ACCOUNTS: usize = 16;

fn open_accounts(server: &Server) {
    let pairs: Vec<String> = (0..ACCOUNTS).map(|n| format!("account:{n} 100")).collect();
    assert_eq!(server.client().ask(&format!("MSET {}", pairs.join(" "))), "+OK");
}

/// The sum of all accounts is what it was.
fn audit(client: &mut Client) {
    let names: Vec<String> = (0..ACCOUNTS).map(|n| format!("account:{n}")).collect();
    let balances = client.line(&format!("MGET {}", names.join(" ")));
    assert_eq!(balances.items().iter().map(number).sum::<i64>(), 100 * ACCOUNTS as i64, "{balances}");
}

#[test]
fn a_bank_by_watch_neither_makes_nor_loses_money() {
    let server = Server::start(&WORKERS);
    open_accounts(&server);
    let transfer = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(actor as u64);
        for _ in 0..300 {
            let from = below(&mut rng, ACCOUNTS);
            let to = (from + 1 + below(&mut rng, ACCOUNTS - 1)) % ACCOUNTS;
            loop {
                let read = [
                    format!("WATCH account:{from} account:{to}"),
                    format!("GET account:{from}"),
                    format!("GET account:{to}"),
                ];
                let read = lines(client, &read);
                let amount = number(&read[1]).min(7);
                // Written as absolute values: a lost update would show.
                let write = [
                    format!("SET account:{from} {}", number(&read[1]) - amount),
                    format!("SET account:{to} {}", number(&read[2]) + amount),
                ];
                if exec(client, &write).is_some() {
                    break;
                }
            }
        }
    };
    under_fire(&server, 6, transfer, audit);
}

#[test]
fn a_bank_by_multi_is_never_seen_half_done() {
    let server = Server::start(&WORKERS);
    open_accounts(&server);
    let transfer = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(100 + actor as u64);
        for _ in 0..1000 {
            let (from, to) = (below(&mut rng, ACCOUNTS), below(&mut rng, ACCOUNTS));
            exec(client, &[format!("DECRBY account:{from} 5"), format!("INCRBY account:{to} 5")]).unwrap();
        }
    };
    under_fire(&server, 6, transfer, audit);
}

#[test]
fn mset_is_never_seen_half_done() {
    let server = Server::start(&WORKERS);
    let same = |client: &mut Client| {
        let values = client.line("MGET a b c d e f g h");
        assert!(values.items().iter().all(|v| *v == values.items()[0]), "{values}");
    };
    let write = |actor: usize, client: &mut Client| {
        for round in 0..1000 {
            let v = format!("{actor}:{round}");
            client.line(&format!("MSET h {v} b {v} f {v} d {v} e {v} c {v} g {v} a {v}"));
        }
    };
    under_fire(&server, 4, write, same);
}

#[test]
fn msetnx_sets_all_or_none() {
    let server = Server::start(&WORKERS);
    let (rounds, actors) = (500, 4);
    let won: Vec<Vec<bool>> = thread::scope(|scope| {
        let race = |actor: usize| {
            let mut client = server.client();
            let line = |round| format!("MSETNX {round}:{actor} {actor} {round}:{} {actor}", (actor + 1) % actors);
            (0..rounds).map(|round| client.line(&line(round)).int() == 1).collect()
        };
        let threads: Vec<_> = (0..actors).map(|actor| scope.spawn(move || race(actor))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut client = server.client();
    for round in 0..rounds {
        let names: Vec<String> = (0..actors).map(|n| format!("{round}:{n}")).collect();
        let reply = client.line(&format!("MGET {}", names.join(" ")));
        for (actor, won) in won.iter().enumerate() {
            let held = reply.items().iter().filter(|v| **v == Value::Bulk(actor.to_string().into())).count();
            assert_eq!(held, if won[round] { 2 } else { 0 }, "round {round}, actor {actor}: {reply}");
        }
        assert!(won.iter().any(|won| won[round]), "round {round}: nobody won");
    }
}

const NAMES: usize = 8;

/// There is one token, whatever its name and database.
fn one_token(client: &mut Client) {
    let exists = format!("EXISTS {}", (0..NAMES).map(|n| format!("t{n}")).collect::<Vec<_>>().join(" "));
    let replies = exec(client, &["SELECT 0".into(), exists.clone(), "SELECT 1".into(), exists]).unwrap();
    assert_eq!(replies[1].int() + replies[3].int(), 1, "{replies:?}");
}

#[test]
fn a_token_that_is_renamed_moved_and_swapped_is_never_lost_or_doubled() {
    let server = Server::start(&WORKERS);
    server.client().ask("SET t0 token");
    let push = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(200 + actor as u64);
        for _ in 0..300 {
            let mut batch = vec![format!("SELECT {}", rng.below(2))];
            for _ in 0..10 {
                let (from, to) = (below(&mut rng, NAMES), below(&mut rng, NAMES));
                batch.push(match rng.below(8) {
                    0 => "SWAPDB 0 1".to_owned(),
                    1 | 2 => format!("RENAMENX t{from} t{to}"),
                    3 | 4 => format!("MOVE t{from} {}", rng.below(2)),
                    _ => format!("RENAME t{from} t{to}"),
                });
            }
            lines(client, &batch);
        }
    };
    under_fire(&server, 4, push, one_token);
}

#[test]
fn copy_takes_whole_values() {
    let server = Server::start(&WORKERS);
    let (x, y) = ("x".repeat(3000), "y".repeat(5000));
    let act = |actor: usize, client: &mut Client| {
        for round in 0..500 {
            let value = if (actor + round).is_multiple_of(2) { &x } else { &y };
            client.line(&format!("SET from {value}"));
            client.line("COPY from to REPLACE");
            client.line("COPY from to DB 1 REPLACE");
        }
    };
    let whole = |client: &mut Client| {
        let value = client.line("GET to");
        assert!(value == Value::Nil || [&x, &y].iter().any(|v| v.as_bytes() == value.bytes()), "{value}");
    };
    under_fire(&server, 3, act, whole);
}

#[test]
fn swapdb_under_fire_keeps_the_sum_of_the_pair() {
    let server = Server::start(&WORKERS);
    exec(&mut server.client(), &["SELECT 2", "SET x 30", "SELECT 3", "SET x 70"].map(str::to_owned)).unwrap();
    let act = |actor: usize, client: &mut Client| {
        for round in 0..400 {
            if (actor + round).is_multiple_of(3) {
                assert_eq!(client.ask("SWAPDB 2 3"), "+OK");
            } else {
                let transfer = ["SELECT 2", "DECRBY x 1", "SELECT 3", "INCRBY x 1"];
                exec(client, &transfer.map(str::to_owned)).unwrap();
            }
        }
    };
    let hundred = |client: &mut Client| {
        let replies = exec(client, &["SELECT 2", "GET x", "SELECT 3", "GET x"].map(str::to_owned)).unwrap();
        assert_eq!(number(&replies[1]) + number(&replies[3]), 100, "{replies:?}");
    };
    under_fire(&server, 4, act, hundred);
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

#[test]
fn nothing_is_seen_after_its_time() {
    let server = Server::start(&WORKERS);
    let act = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(300 + actor as u64);
        for _ in 0..3000 {
            let until = unix_ms() + rng.below(6);
            client.line(&format!("SET e{} {until} PXAT {until}", rng.below(40)));
        }
    };
    // The key's value is the moment at which it ends; the server reads its clock after we read ours.
    let fresh = |client: &mut Client| {
        for n in 0..40 {
            let asked = unix_ms();
            if let Value::Bulk(until) = client.line(&format!("GET e{n}")) {
                let until: u64 = String::from_utf8(until).unwrap().parse().unwrap();
                assert!(asked <= until + 2, "asked at {asked}, answered a value that ended at {until}");
            }
        }
    };
    under_fire(&server, 4, act, fresh);
    let mut client = server.client();
    eventually("expired keys are removed though nobody asks for them", || client.line("DBSIZE").int() == 0);
}

#[test]
fn flushall_under_fire_takes_all_or_nothing() {
    let server = Server::start(&WORKERS);
    let act = |actor: usize, client: &mut Client| {
        for round in 0..600 {
            match (actor, round % 4) {
                (0, 0) => client.line("FLUSHALL"),
                (0, 1) => client.line("FLUSHDB ASYNC"),
                (0, 2) => client.line("FLUSHALL ASYNC"),
                _ => client.line(&format!("MSET left {actor}:{round} right {actor}:{round} third {actor}:{round}")),
            };
        }
    };
    let equal = |client: &mut Client| {
        let values = client.line("MGET left right third");
        assert!(values.items().iter().all(|v| *v == values.items()[0]), "{values}");
    };
    under_fire(&server, 4, act, equal);
    let mut client = server.client();
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    assert_eq!(client.ask("DBSIZE"), ":0");
}

#[test]
fn exec_with_the_whole_keyspace_inside_is_atomic() {
    let server = Server::start(&WORKERS);
    let act = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(400 + actor as u64);
        for round in 0..600 {
            let pair = rng.below(20);
            let inner = match round % 2 {
                0 => [format!("SET {pair}a v"), format!("SET {pair}b v")],
                _ => [format!("DEL {pair}a"), format!("UNLINK {pair}b")],
            };
            exec(client, &inner).unwrap();
        }
    };
    let paired = |client: &mut Client| {
        let replies = exec(client, &["DBSIZE".into(), "KEYS *".into(), "KEYS *a".into(), "DBSIZE".into()]).unwrap();
        let (size, keys, half) = (replies[0].int(), replies[1].items().len(), replies[2].items().len());
        assert_eq!((size, size), (replies[3].int(), keys as i64), "{replies:?}");
        assert_eq!(keys, 2 * half, "{replies:?}");
    };
    under_fire(&server, 4, act, paired);
}

/// The thread that opens listeners must not wait for a shard: an EXEC that holds it may be waiting for that thread.
///
/// A port that is free now may be another's a moment later; an address of the loopback's that nobody else uses stays free.
#[test]
fn a_transaction_may_change_the_listeners() {
    let server = Server::start(&["--workers", "2", "--hz", "500", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    let inner = ["SET k v EX 1000", "DEBUG SLEEP 0.05", r#"CONFIG SET bind "127.0.0.1 127.0.54.32""#];
    let replies = exec(&mut client, &inner.map(String::from)).unwrap();
    assert!(replies.iter().all(|reply| reply.text() == "OK"), "{replies:?}");
    let added = SocketAddr::from(([127, 0, 54, 32], server.port()));
    assert_eq!(Client::connect(added).ask("GET k"), "v");
    assert_eq!(client.ask("CONFIG SET bind 127.0.0.1"), "+OK");
    eventually("the address is given up", || Client::try_connect(added).is_err());
    assert_eq!(server.client().ask("GET k"), "v");
}

#[test]
fn a_key_that_an_exec_finds_expired_is_counted() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.client();
    assert_eq!(client.ask("DEBUG SET-ACTIVE-EXPIRE 0"), "+OK");
    client.line("SET k v PX 20");
    assert_eq!(client.ask("WATCH k"), "+OK");
    assert_eq!(client.ask("DEBUG SLEEP 0.03"), "+OK");
    assert_eq!(exec(&mut client, &["PING".into()]), None);
    assert_eq!(server.info("stats", "expired_keys"), "1");
}

/// A key that is watched already is found without a look at all the others, with all their shards held.
#[test]
fn many_keys_can_be_watched_at_once() {
    let server = Server::start(&WORKERS);
    let mut client = server.client();
    let names: Vec<String> = (0..200_000).map(|n| format!("watched:{n}")).collect();
    let words: Vec<&str> = std::iter::once("WATCH").chain(names.iter().map(String::as_str)).collect();
    for _ in 0..2 {
        assert_eq!(client.command(&words).render(), "+OK");
    }
    let described = client.line("CLIENT INFO").text();
    assert_eq!(exec(&mut client, &["PING".into()]).map(|replies| replies.len()), Some(1), "{described}");
}
