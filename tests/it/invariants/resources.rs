//! Memory, files and limits under clients that die, do not read, or talk nonsense.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use ostracon::base::rng::Rng;

use crate::support::{Client, DEADLINE, Server, Value, allow_files, encode, encode_line, eventually, on_each};

/// Resident memory of the server in KiB.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Its open files.
fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn raw(server: &Server) -> TcpStream {
    let stream = TcpStream::connect_timeout(&server.address(), DEADLINE).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// A connection that ends with a reset instead of an orderly end.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

const CONNECTIONS: usize = 2000;
const THREADS: usize = 4;

/// All connections open at once, each in the middle of something; then half end well and half die.
fn storm(server: &Server, seed: u64) {
    thread::scope(|scope| {
        for part in 0..THREADS {
            scope.spawn(move || {
                let mut rng = Rng::new(seed + part as u64);
                let mut all: Vec<TcpStream> = (0..CONNECTIONS / THREADS).map(|_| raw(server)).collect();
                let request = [
                    encode(&[&b"SET"[..], format!("k{}", rng.below(10)).as_bytes(), &vec![b'v'; 20_000]]),
                    encode_line("MULTI"),
                    encode_line("WATCH k1"),
                    encode_line("GET k1"),
                ]
                .concat();
                for stream in &mut all {
                    // Anywhere in the request: between two bytes of a length, inside a value, between commands.
                    let end = 1 + rng.below(request.len() as u64) as usize;
                    stream.write_all(&request[..end]).unwrap();
                }
                for mut stream in all {
                    match rng.below(4) {
                        0 => reset(stream),
                        1 => drop(stream),
                        _ => {
                            stream.shutdown(std::net::Shutdown::Write).unwrap();
                            let _ = stream.read_to_end(&mut Vec::new());
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn dead_connections_leave_nothing_behind() {
    allow_files(3 * CONNECTIONS as u64).unwrap();
    let server = Server::start(&["--workers", "4"]);
    let mut client = server.client();
    let settle = |client: &mut Client| {
        eventually("the connections are gone", || client.line("CLIENT LIST").text().lines().count() == 1);
        client.ask("FLUSHALL");
        client.ask("MEMORY PURGE");
    };
    // What the first storm makes (the workers' buffers, the allocator's arenas) is there to stay; it takes a few for all of it.
    for seed in [1, 5, 6] {
        storm(&server, 10 * seed);
        settle(&mut client);
    }
    let (files, memory) = (open_files(&server), resident(&server));
    for seed in 2..5 {
        storm(&server, 10 * seed);
        settle(&mut client);
    }
    assert_eq!(open_files(&server), files, "open files");
    let bound = memory + memory / 20;
    eventually(&format!("resident memory is at most {bound} KiB again"), || {
        client.ask("MEMORY PURGE");
        resident(&server) <= bound
    });
}

const MIB: usize = 1 << 20;

fn set_value(client: &mut Client, key: &str, length: usize) {
    assert_eq!(client.command(&[&b"SET"[..], key.as_bytes(), &vec![b'v'; length]]).render(), "+OK");
}

/// What the kernel takes of a pipeline that asks for 2 GiB, without waiting.
fn ask_and_do_not_read(server: &Server, request: &[u8]) -> TcpStream {
    let mut stream = raw(server);
    stream.set_nonblocking(true).unwrap();
    for _ in 0..2000 {
        if stream.write_all(request).is_err() {
            break;
        }
    }
    stream
}

#[test]
fn a_client_that_never_reads_costs_little_and_holds_up_nobody() {
    let server = Server::start(&["--workers", "1"]);
    let mut client = server.client();
    set_value(&mut client, "big", MIB);
    let before = resident(&server);
    let slow: Vec<TcpStream> = (0..4).map(|_| ask_and_do_not_read(&server, &encode_line("GET big"))).collect();
    for _ in 0..500 {
        assert_eq!(client.ask("PING"), "+PONG");
        assert_eq!(client.line("GET big").bytes().len(), MIB);
        let now = resident(&server);
        assert!(now < before + 64 * 1024, "{before} KiB have become {now} KiB");
    }
    drop(slow);
    eventually("the slow clients are gone", || client.line("CLIENT LIST").text().lines().count() == 1);
}

/// Whether the connection of this name is there.
fn listed(client: &mut Client, name: &str) -> bool {
    client.line("CLIENT LIST").text().contains(&format!(" name={name} "))
}

fn closes_at(server: &Server, limit: &str) {
    let mut client = server.client();
    set_value(&mut client, "huge", 48 * MIB);
    assert_eq!(client.ask(&format!("CONFIG SET client-output-buffer-limit '{limit}'")), "+OK");
    let mut slow = raw(server);
    slow.write_all(&encode_line("CLIENT SETNAME slow")).unwrap();
    slow.read_exact(&mut [0; 5]).unwrap();
    assert!(listed(&mut client, "slow"));
    slow.write_all(&encode_line("GET huge")).unwrap();
    eventually("the slow client is closed", || !listed(&mut client, "slow"));
    let mut got = Vec::new();
    let _ = slow.read_to_end(&mut got);
    assert!(got.len() < 48 * MIB, "it got the whole value");
}

#[test]
fn the_hard_output_limit_closes() {
    on_each(&[], |server| closes_at(server, "normal 1mb 0 0"));
}

#[test]
fn the_soft_output_limit_closes_after_its_time() {
    on_each(&[], |server| closes_at(server, "normal 0 1mb 1"));
}

#[test]
fn the_query_buffer_limit_closes() {
    on_each(&["--client-query-buffer-limit", "1mb"], |server| {
        let mut greedy = raw(server);
        greedy.write_all(b"*2\r\n$3\r\nGET\r\n$300000000\r\n").unwrap();
        let refused = (0..64).any(|_| greedy.write_all(&vec![b'x'; MIB]).is_err());
        let end = greedy.read(&mut [0; 1]);
        assert!(refused && !matches!(end, Ok(1..)), "{refused} {end:?}");
        assert_eq!(server.client().ask("PING"), "+PONG");
    });
}

/// What MULTI queues is a request that waits, too. (redis-server 7.0 keeps it without a limit; later ones do as we do.)
#[test]
fn the_query_buffer_limit_closes_a_transaction_that_only_grows() {
    let server = Server::start(&["--client-query-buffer-limit", "1mb"]);
    let set = encode(&[&b"SET"[..], b"k", &vec![b'v'; 100_000]]);
    let mut stream = raw(&server);
    stream.write_all(&encode_line("MULTI")).unwrap();
    let sent = (0..1000).take_while(|_| stream.write_all(&set).is_ok()).count();
    assert!(sent < 1000, "100 MB were taken");
}

/// Who has not authenticated cannot make the server keep much, whatever it sends without reading.
#[test]
fn a_stranger_is_given_little_memory() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut stream = raw(&server);
    let request = b"GET k\r\n".repeat(10_000);
    let sent = (0..1000).take_while(|_| stream.write_all(&request).is_ok()).count();
    assert!(sent < 1000, "70 MB were taken");
}

#[test]
fn maxclients_refuses_and_recovers() {
    on_each(&["--maxclients", "10"], |server| {
        let mut held: Vec<Client> = Vec::new();
        eventually("ten clients are served", || {
            let mut client = server.client();
            let served = client.try_ask("PING").as_deref() == Some("+PONG");
            held.extend(served.then_some(client));
            held.len() == 10
        });
        for _ in 0..20 {
            let mut refused = server.client();
            assert_eq!(refused.recv().render(), "-ERR max number of clients reached");
            refused.expect_closed();
        }
        assert!(held.iter_mut().all(|client| client.ask("PING") == "+PONG"));
        held.pop();
        eventually("there is room again", || server.client().try_ask("PING").as_deref() == Some("+PONG"));
    });
}

#[test]
fn a_burst_of_connections_is_held_to_maxclients() {
    on_each(&["--maxclients", "10"], |server| {
        // What waits in the backlog is accepted in one go.
        server.signal(Signal::SIGSTOP);
        let mut burst: Vec<Client> = (0..100).map(|_| server.client()).collect();
        server.signal(Signal::SIGCONT);
        let served = burst.iter_mut().filter_map(|client| client.try_ask("PING")).filter(|reply| reply == "+PONG");
        // The harness's own connection, by which it knew that the server was up, may still be on the list.
        assert!(matches!(served.count(), 9 | 10));
    });
}

#[test]
fn an_idle_client_is_closed_after_the_timeout() {
    on_each(&[], |server| {
        let mut idle = server.client();
        assert_eq!(idle.ask("CONFIG SET timeout 1"), "+OK");
        idle.expect_closed();
        assert_eq!(server.client().ask("PING"), "+PONG");
    });
}

/// A request that has gone wrong somewhere.
fn garbage(rng: &mut Rng) -> Vec<u8> {
    const STARTS: [&str; 16] = [
        "*1000000000\r\n",
        "*-1\r\n$-1\r\n",
        "*2147483648\r\n",
        "*3\r\n$-5\r\n",
        "*1\r\n$536870913\r\n",
        "*2\r\n$3\r\nGET\r\n:1\r\n",
        "\r\n\r\n\r\n",
        "\"unbalanced\r\n",
        "GET \"a\\x\"b\r\n",
        "*0\r\n*0\r\n",
        "*\r\n",
        "$5\r\nhello\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
        "*3\r\n$3\r\nSET\r\n$99999999999999999999\r\n",
        "*1\r\n$0\r\n\r\n",
        "\0\0\0\0",
    ];
    let mut bytes = match rng.below(3) {
        0 => STARTS[rng.below(16) as usize].as_bytes().to_vec(),
        1 => encode_line("SET k \"some value\" PX 100000 GET"),
        _ => Vec::new(),
    };
    for _ in 0..rng.below(6) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        match rng.below(3) {
            0 => bytes.insert(at, rng.next_u64() as u8),
            1 => bytes.truncate(at),
            _ => bytes.extend((0..rng.below(200)).map(|_| rng.next_u64() as u8)),
        }
    }
    bytes
}

#[test]
fn a_storm_of_garbage_harms_nobody() {
    let mut server = Server::start(&["--workers", "4"]);
    let mut witness = server.client();
    thread::scope(|scope| {
        for thread in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let mut rng = Rng::new(500 + thread);
                for _ in 0..300 {
                    let mut stream = raw(server);
                    for _ in 0..1 + rng.below(5) {
                        if stream.write_all(&garbage(&mut rng)).is_err() {
                            break;
                        }
                    }
                    match rng.below(3) {
                        0 => reset(stream),
                        1 => drop(stream),
                        _ => {
                            let _ = stream.shutdown(std::net::Shutdown::Write);
                            // The server answers, or not; what it must do is end.
                            let end = stream.read_to_end(&mut Vec::new());
                            assert!(!end.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "still open");
                        }
                    }
                }
            });
        }
        for _ in 0..500 {
            assert_eq!(witness.ask("PING"), "+PONG");
        }
    });
    assert_eq!(witness.ask("PING"), "+PONG");
    assert!(server.is_running());
    assert!(!server.log().contains("panic"), "{}", server.log());
    assert_eq!(witness.line("ECHO sound"), Value::Bulk(b"sound".to_vec()));
}
