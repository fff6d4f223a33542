//! The wire: pipelines cut anywhere, inline commands, garbage, limits, half-closed sockets, large values and pipelines.
//!
//! What a server must do with malformed input is not written down anywhere but in `redis-server`: nearly every case
//! here compares with it.

use crate::support::{Client, Server, Value, encode, encode_line, eventually, on_each, on_ours, same_sequence_on_both};

/// Sends the bytes on a new connection, ends our side of it, returns all replies.
fn answers(server: &Server, bytes: &[u8]) -> Vec<String> {
    let mut client = server.client();
    // The server may have closed its side already.
    if client.try_send_raw(bytes).is_ok() {
        client.try_shutdown_write();
    }
    client.recv_to_end().iter().map(Value::render).collect()
}

/// Runs cases of (bytes, replies) on each server.
#[track_caller]
fn check_raw(args: &[&str], cases: &[(&[u8], &[&str])]) {
    on_each(args, |server| {
        let mut failures = Vec::new();
        for (bytes, expected) in cases {
            let got = answers(server, bytes);
            if got != *expected {
                let shown: String = String::from_utf8_lossy(bytes).escape_debug().take(100).collect();
                failures.push(format!("{shown}\n  expected {expected:?}\n  got      {got:?}"));
            }
        }
        assert!(failures.is_empty(), "{:?}:\n{}", server.kind(), failures.join("\n"));
    });
}

#[test]
fn inline_commands() {
    check_raw(
        &[],
        &[
            (b"PING\r\n", &["+PONG"]),
            (b"PING\n", &["+PONG"]),
            (b"ping\r\nPING\nPiNg\r\n", &["+PONG", "+PONG", "+PONG"]),
            (b"\r\n\r\nPING\r\n\n", &["+PONG"]),
            (b"   PING   \r\n", &["+PONG"]),
            (b"  \r\nPING\r\n", &["+PONG"]),
            (b"ECHO \"a b\"\r\n", &["'a b'"]),
            (b"ECHO 'a b'\r\n", &["'a b'"]),
            (b"ECHO \"\\x41\\n\\\"\\r\\t\\b\\a\\q\"\r\n", &["'A\\n\"\\r\\t\\x08\\x07q'"]),
            (b"ECHO 'a\\'b\\n'\r\n", &["'a\\'b\\\\n'"]),
            (b"ECHO \"\"\r\n", &["''"]),
            (b"ECHO a\"b c\"d\r\n", &["-ERR Protocol error: unbalanced quotes in request"]),
            (b"ECHO a\"b c\"\r\n", &["'ab c'"]),
            (b"ECHO \"a\"b\r\n", &["-ERR Protocol error: unbalanced quotes in request"]),
            (b"ECHO \"a\r\nPING\r\n", &["-ERR Protocol error: unbalanced quotes in request"]),
            (b"ECHO 'a\r\n", &["-ERR Protocol error: unbalanced quotes in request"]),
            (b"ECHO \xff\x01\r\n", &["'\\xff\\x01'"]),
            (b"ECHO a\tb\r\n", &["-ERR wrong number of arguments for 'echo' command"]),
            (b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", &["+PONG", "+PONG", "+PONG"]),
            (b"SET k v\r\nGET k\r\n", &["+OK", "v"]),
            (b"NOSUCH x\r\nPING\r\n", &["-ERR unknown command 'NOSUCH', with args beginning with: 'x'\\s", "+PONG"]),
            (b"PING", &[]),
            (b"PING\r", &[]),
            (b"$4\r\nPING\r\n", &["-ERR unknown command '$4', with args beginning with:\\s", "+PONG"]),
        ],
    );
}

#[test]
fn multibulk_forms_and_errors() {
    check_raw(
        &[],
        &[
            (b"*1\r\n$4\r\nPING\r\n", &["+PONG"]),
            (b"*0\r\n*1\r\n$4\r\nPING\r\n", &["+PONG"]),
            (b"*-1\r\n*-10\r\n*1\r\n$4\r\nPING\r\n", &["+PONG"]),
            (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &["''"]),
            (b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n", &["'\\r\\n'"]),
            (b"*1\r\n$0\r\n\r\n", &["-ERR unknown command '', with args beginning with:\\s"]),
            (b"*x\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*1x\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"* 1\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*+1\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*01\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*2147483648\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*99999999999999999999\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*-99999999999999999999\r\n", &["-ERR Protocol error: invalid multibulk length"]),
            (b"*2147483647\r\n", &[]),
            (b"*1\r\nPING\r\n", &["-ERR Protocol error: expected '$', got 'P'"]),
            (b"*1\r\n*1\r\n", &["-ERR Protocol error: expected '$', got '*'"]),
            (b"*1\r\n:1\r\n", &["-ERR Protocol error: expected '$', got ':'"]),
            (b"*1\r\n\r\n", &["-ERR Protocol error: expected '$', got ' '"]),
            (b"*1\r\n$x\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$-1\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$04\r\nPING\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$4 \r\nPING\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$536870913\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$9223372036854775807\r\n", &["-ERR Protocol error: invalid bulk length"]),
            (b"*1\r\n$536870912\r\n", &[]),
            (
                b"*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n",
                &["+PONG", "-ERR Protocol error: invalid multibulk length"],
            ),
            (b"*1\r\n$4\r\nPI", &[]),
            (b"*2\r\n$4\r\nECHO\r\n", &[]),
        ],
    );
}

/// The two bytes behind a bulk string are skipped, whatever they are.
#[test]
fn the_end_of_a_bulk_is_not_looked_at() {
    check_raw(&[], &[(b"*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n", &["+PONG", "+PONG"])]);
}

/// After a protocol error the server closes the connection by itself, and what follows is not executed.
#[test]
fn protocol_errors_close() {
    on_each(&[], |server| {
        for bytes in [&b"*x\r\n"[..], b"*1\r\nfoo\r\n", b"*1\r\n$-5\r\n", b"ECHO \"x\r\n"] {
            let mut client = server.client();
            client.send_raw(&[bytes, &encode_line("SET after x")].concat());
            assert!(client.recv().text().starts_with("ERR Protocol error: "));
            client.expect_closed();
        }
        assert_eq!(server.client().ask("EXISTS after"), ":0");
    });
}

/// A browser made to speak to the port gets nothing and its command is not executed.
#[test]
fn http_is_cut_off() {
    on_each(&[], |server| {
        assert_eq!(answers(server, b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET evil 1\r\n"), Vec::<String>::new());
        assert_eq!(answers(server, b"Host: x\r\nSET evil 1\r\n"), Vec::<String>::new());
        let replies = answers(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\nSET evil 1\r\n");
        // The first line is a wrong GET; its reply may be lost when the second ends the connection.
        assert!(replies.len() <= 1, "{replies:?}");
        assert_eq!(server.client().ask("EXISTS evil"), ":0");
    });
}

/// Lines without an end are cut off at 64 KiB, whichever kind they are.
#[test]
fn endless_lines() {
    let long = |start: &str, byte: u8| [start.as_bytes(), &vec![byte; 70_000]].concat();
    let inline = long("", b'a');
    let (count, bulk) = (long("*", b'1'), long("*1\r\n$", b'1'));
    check_raw(
        &[],
        &[
            (&inline, &["-ERR Protocol error: too big inline request"]),
            (&count, &["-ERR Protocol error: too big mbulk count string"]),
            (&bulk, &["-ERR Protocol error: too big bulk count string"]),
        ],
    );
    // Just below it, with an end, it is a command like any other.
    let fits = [&b"ECHO "[..], &vec![b'x'; 60_000], b"\r\n"].concat();
    on_each(&[], |server| {
        let reply = server.client().pipeline(&fits, 1).remove(0);
        assert_eq!(reply.bytes().len(), 60_000);
    });
}

#[test]
fn limits_before_a_login() {
    check_raw(
        &["--requirepass", "secret"],
        &[
            (b"*10\r\n", &[]),
            (b"*11\r\n", &["-ERR Protocol error: unauthenticated multibulk length"]),
            (b"*2\r\n$4\r\nAUTH\r\n$16384\r\n", &[]),
            (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", &["-ERR Protocol error: unauthenticated bulk length"]),
            (b"AUTH secret\r\n*11\r\n", &["+OK"]),
            (b"AUTH secret\r\n*2\r\n$4\r\nECHO\r\n$16385\r\n", &["+OK"]),
            (
                b"AUTH wrong\r\n*11\r\n",
                &[
                    "-WRONGPASS invalid username-password pair or user is disabled.",
                    "-ERR Protocol error: unauthenticated multibulk length",
                ],
            ),
        ],
    );
}

/// A pipeline of all forms, cut in two at every byte, gives the same replies; and so it does byte by byte.
#[test]
fn every_split_point() {
    let parts: [&[u8]; 8] = [
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\nbc\r\n",
        b"PING\r\n",
        b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
        b"ECHO \"x y\"\n",
        b"*1\r\n$6\r\nNOSUCH\r\n",
        b"\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
        b"*2\r\n$4\r\nINCR\r\n$3\r\nkey\r\n",
        b"*0\r\nEXISTS key nokey key\r\n",
    ];
    let whole = parts.concat();
    let expected = [
        "+OK",
        "+PONG",
        "'a\\r\\nbc'",
        "'x y'",
        "-ERR unknown command 'NOSUCH', with args beginning with:\\s",
        "''",
        "-ERR value is not an integer or out of range",
        ":2",
    ];
    let ends: Vec<usize> = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        })
        .collect();
    on_each(&[], |server| {
        let mut client = server.client();
        for cut in 0..=whole.len() {
            client.send_raw(&whole[..cut]);
            // The whole commands of the first part are answered without the second.
            let complete = ends.iter().filter(|end| **end <= cut).count();
            let mut got: Vec<String> = (0..complete).map(|_| client.recv().render()).collect();
            client.send_raw(&whole[cut..]);
            got.extend((complete..8).map(|_| client.recv().render()));
            assert_eq!(got, expected, "cut at {cut}");
        }
        for byte in &whole {
            client.send_raw(&[*byte]);
        }
        let got: Vec<String> = (0..8).map(|_| client.recv().render()).collect();
        assert_eq!(got, expected);
    });
}

/// The client ends its writing side behind a pipeline: every command is executed and every reply comes.
#[test]
fn half_closed_after_a_pipeline() {
    on_each(&[], |server| {
        let replies = answers(server, &encode_line("INCR n").repeat(100));
        assert_eq!(replies.len(), 100);
        assert_eq!(replies[99], ":100");
    });
}

/// Also when the replies are more than all socket buffers hold. `redis-server` drops them, which is no service.
#[test]
fn half_closed_after_a_large_pipeline() {
    on_ours(&[], |server| {
        server.client().command(&[&b"SET"[..], b"k", &vec![b'x'; 10_000]]);
        let replies = answers(server, &encode_line("GET k").repeat(3000));
        assert_eq!(replies.len(), 3000);
        assert!(replies.iter().all(|reply| reply.len() == 10_000));
    });
}

/// An error in the middle of a pipeline disturbs nothing around it.
#[test]
fn errors_within_a_pipeline() {
    on_each(&[], |server| {
        let lines = ["SET a 1", "INCR", "NOSUCH", "INCRBY a x", "INCR a", "MULTI", "GET", "EXEC", "GET a"];
        let batch: Vec<u8> = lines.iter().flat_map(|line| encode_line(line)).collect();
        let replies: Vec<String> = server.client().pipeline(&batch, 9).iter().map(Value::render).collect();
        assert_eq!(
            replies,
            [
                "+OK",
                "-ERR wrong number of arguments for 'incr' command",
                "-ERR unknown command 'NOSUCH', with args beginning with:\\s",
                "-ERR value is not an integer or out of range",
                ":2",
                "+OK",
                "-ERR wrong number of arguments for 'get' command",
                "-EXECABORT Transaction discarded because of previous errors.",
                "2",
            ]
        );
    });
}

/// 100,000 commands sent wholly before any reply is read, as redis-py's pipelines are, with replies larger than the
/// socket buffers: the server must go on reading while its replies wait, or both sides hang.
#[test]
fn a_long_pipeline_is_sent_before_any_reply_is_read() {
    on_each(&[], |server| {
        let mut client = server.client();
        client.command(&[&b"SET"[..], b"k", &[b'x'; 200]]);
        let replies = client.pipeline(&encode_line("GET k").repeat(100_000), 100_000);
        assert!(replies.iter().all(|reply| reply.bytes().len() == 200));
        assert_eq!(client.ask("PING"), "+PONG");
    });
}

/// Ten megabytes go in and come out unchanged, alone and between other commands.
#[test]
fn large_values_both_ways() {
    on_each(&[], |server| {
        let value: Vec<u8> = (0..10_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut client = server.client();
        let batch = [encode_line("PING"), encode(&[&b"SET"[..], b"k", &value]), encode_line("STRLEN k")].concat();
        let replies: Vec<String> = client.pipeline(&batch, 3).iter().map(Value::render).collect();
        assert_eq!(replies, ["+PONG", "+OK", ":10000000"]);
        assert!(client.line("GET k").bytes() == value);
        // Twice in one pipeline, small replies around them.
        let replies = client.pipeline(&["PING", "GET k", "PING", "GET k", "PING"].map(encode_line).concat(), 5);
        assert!(replies[1].bytes() == value && replies[3].bytes() == value);
        assert_eq!(replies[4].render(), "+PONG");
        // Overwritten while the old value is still being sent to a slow reader.
        let mut slow = server.client();
        slow.send_line("GET k");
        client.command(&[&b"SET"[..], b"k", b"short"]);
        assert!(matches!(slow.recv().bytes().len(), 10_000_000 | 5));
        assert_eq!(client.ask("GET k"), "short");
    });
}

/// Requests with many arguments: an MSET of 100,000 pairs, an MGET of them.
#[test]
fn many_arguments() {
    on_each(&[], |server| {
        let mut words = vec!["MSET".to_owned()];
        words.extend((0..100_000).flat_map(|i| [format!("k{i}"), i.to_string()]));
        let mut client = server.client();
        assert_eq!(client.command(&words).render(), "+OK");
        words = (0..100_000).map(|i| format!("k{i}")).collect();
        words.insert(0, "MGET".to_owned());
        let reply = client.command(&words);
        assert_eq!(reply.items().len(), 100_000);
        assert_eq!(reply.items()[99_999].text(), "99999");
        assert_eq!(client.ask("DBSIZE"), ":100000");
    });
}

/// A request that outgrows `client-query-buffer-limit` ends its connection, and no other.
#[test]
fn query_buffer_limit() {
    on_each(&[], |server| {
        let mut other = server.client();
        assert_eq!(other.ask("CONFIG SET client-query-buffer-limit 1mb"), "+OK");
        let mut client = server.client();
        let _ = client.try_send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n");
        let _ = client.try_send_raw(&vec![b'x'; 8_000_000]);
        client.expect_closed();
        assert_eq!(other.ask("EXISTS k"), ":0");
        assert_eq!(other.ask("PING"), "+PONG");
    });
}

/// A reader that never reads is cut off at `client-output-buffer-limit` instead of filling the memory.
#[test]
fn output_buffer_limit() {
    on_each(&[], |server| {
        let mut other = server.client();
        assert_eq!(other.ask("CONFIG SET client-output-buffer-limit 'normal 2mb 0 0'"), "+OK");
        other.command(&[&b"SET"[..], b"k", &vec![b'x'; 1_000_000]]);
        let mut client = server.client();
        let _ = client.try_send_raw(&encode_line("GET k").repeat(50));
        eventually("the reader that does not read is gone", || server.info("clients", "connected_clients") == "2");
        assert_eq!(other.ask("PING"), "+PONG");
    });
}

/// Connections that end in the middle of anything leave nothing behind.
#[test]
fn aborted_connections() {
    on_each(&[], |server| {
        let mut client = server.client();
        for bytes in [&b""[..], b"*", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc", b"PIN", b"*2147483647\r\n$1\r\n"] {
            for _ in 0..20 {
                let mut rude = server.client();
                rude.send_raw(bytes);
            }
        }
        for line in ["MULTI", "WATCH k", "SUBSCRIBE c", "MONITOR", "BLPOP l 0", "CLIENT REPLY OFF"] {
            let mut rude = server.client();
            rude.send_line(line);
        }
        eventually("one client", || server.info("clients", "connected_clients") == "2");
        assert_eq!(client.ask("EXISTS k"), ":0");
        assert_eq!(client.ask("INCR k"), ":1");
        assert_eq!(client.ask("RPUSH l x"), ":1");
        assert_eq!(client.ask("LLEN l"), ":1");
    });
}

/// A claimed length costs nothing until its bytes arrive. `redis-server` reserves 512 MB for each of these.
#[test]
fn announced_lengths_reserve_nothing() {
    on_ours(&[], |server| {
        let mut client = server.client();
        let before: i64 = server.info("memory", "used_memory").parse().unwrap();
        let rude: Vec<Client> = (0..200)
            .map(|_| {
                let mut rude = server.client();
                rude.send_raw(b"*1000000000\r\n$536870912\r\nx");
                rude
            })
            .collect();
        eventually("all connected", || server.info("clients", "connected_clients") == "202");
        let after: i64 = server.info("memory", "used_memory").parse().unwrap();
        assert!(after - before < 64 << 20, "{before} {after}");
        drop(rude);
        assert_eq!(client.ask("PING"), "+PONG");
    });
}

/// Pseudo-random sequences of well-formed and malformed pieces: the same replies as the oracle's, byte for byte.
/// No piece has a zero byte: `redis-server` does not see the end of an inline line behind one, and waits for ever.
#[test]
fn garbage_at_random() {
    let pieces: [&[u8]; 23] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
        b"PING\r\n",
        b"GET 'a b'\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"*",
        b"$",
        b"*0\r\n",
        b"*-1\r\n",
        b"*1\r\n",
        b"$4\r\n",
        b"PING",
        b"4\r\n",
        b"1",
        b" ",
        b"\"",
        b"'",
        b"\\x41",
        b"\xff",
        b"*2\r\n$3\r\nGET\r\n",
        b"*1\r\n$3\r\n",
    ];
    same_sequence_on_both(&[], |server| {
        let mut seed = 2026_u64;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let mut all = Vec::new();
        for _ in 0..600 {
            let count = 1 + next(8);
            let bytes: Vec<u8> = (0..count).flat_map(|_| pieces[next(pieces.len())].to_vec()).collect();
            let replies = answers(server, &bytes);
            all.push((String::from_utf8_lossy(&bytes).into_owned(), replies));
        }
        all
    });
}

/// The largest clients are closed while all of them together take more than `maxmemory-clients`; NO-EVICT counts, and
/// stays.
#[test]
fn the_largest_clients_are_evicted() {
    on_each(&["--maxmemory-clients", "0"], |server| {
        let queue = |client: &mut Client, bytes: usize| {
            client.ask("MULTI");
            assert_eq!(client.command(&[&b"SET"[..], b"k", &vec![b'x'; bytes]]).render(), "+QUEUED");
        };
        let queues = |bytes: usize| {
            let mut client = server.client();
            queue(&mut client, bytes);
            client
        };
        let mut kept = server.client();
        kept.ask("CLIENT NO-EVICT ON");
        queue(&mut kept, 3_000_000);
        let mut small = queues(100);
        let (mut large, mut larger) = (queues(2_000_000), queues(2_500_000));
        let mut admin = server.client();
        assert_eq!(server.info("stats", "evicted_clients"), "0");
        admin.ask("CONFIG SET maxmemory-clients 6500000");
        eventually("one goes", || server.info("stats", "evicted_clients") == "1");
        larger.expect_closed();
        admin.ask("CONFIG SET maxmemory 650mb");
        admin.ask("CONFIG SET maxmemory-clients 1%");
        assert_eq!(admin.ask("CONFIG GET maxmemory-clients"), "[maxmemory-clients, 1%]");
        assert_eq!(large.ask("PING"), "+QUEUED");
        admin.ask("CONFIG SET maxmemory 400mb");
        eventually("one more goes", || server.info("stats", "evicted_clients") == "2");
        large.expect_closed();
        for client in [&mut kept, &mut small] {
            assert_eq!(client.ask("PING"), "+QUEUED");
        }
        admin.ask("CONFIG RESETSTAT");
        assert_eq!(server.info("stats", "evicted_clients"), "0");
    });
}
