//! Pub/sub: subscriptions and their confirmations, what a subscriber may do, messages, what others see of it; and with
//! many connections: order, slow subscribers, clean-up. Keyspace events are in [`crate::notifications`].

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{
    Client, DEADLINE, Kind, Server, Value, allow_files, check, check_with, encode, encode_line, eventually, on_each,
    on_ours, pause,
};

#[test]
fn subscriptions_are_confirmed_one_by_one() {
    check(
        r#"
        UNSUBSCRIBE => [unsubscribe, (nil), :0]
        PUNSUBSCRIBE => [punsubscribe, (nil), :0]
        SUNSUBSCRIBE => [sunsubscribe, (nil), :0]
        UNSUBSCRIBE x y => [unsubscribe, x, :0]
        (recv) => [unsubscribe, y, :0]
        SUBSCRIBE a a b => [subscribe, a, :1]
        (recv) => [subscribe, a, :1]
        (recv) => [subscribe, b, :2]
        PSUBSCRIBE a* => [psubscribe, a*, :3]
        SSUBSCRIBE a s => [ssubscribe, a, :1]
        (recv) => [ssubscribe, s, :2]
        @p PUBLISH a hello => :2
        (recv) => [message, a, hello]
        (recv) => [pmessage, a*, a, hello]
        @p SPUBLISH a shard => :1
        (recv) => [smessage, a, shard]
        @p PUBLISH nobody x => :0
        @p SPUBLISH b x => :0
        @p PUBLISH a '' => :2
        (recv) => [message, a, '']
        (recv) => [pmessage, a*, a, '']
        UNSUBSCRIBE a q => [unsubscribe, a, :2]
        (recv) => [unsubscribe, q, :2]
        PUNSUBSCRIBE => [punsubscribe, a*, :1]
        UNSUBSCRIBE => [unsubscribe, b, :0]
        PUNSUBSCRIBE a* => [punsubscribe, a*, :0]
        SUNSUBSCRIBE a => [sunsubscribe, a, :1]
        GET k => ~-ERR Can't execute 'get'*
        SUNSUBSCRIBE => [sunsubscribe, s, :0]
        GET k => (nil)
        SUBSCRIBE => -ERR wrong number of arguments for 'subscribe' command
        PSUBSCRIBE => -ERR wrong number of arguments for 'psubscribe' command
        SSUBSCRIBE => -ERR wrong number of arguments for 'ssubscribe' command
        PUBLISH a => -ERR wrong number of arguments for 'publish' command
        SPUBLISH a b c => -ERR wrong number of arguments for 'spublish' command
        "#,
    );
}

#[test]
fn a_subscriber_in_resp2_may_do_little() {
    check(
        r#"
        SUBSCRIBE a => [subscribe, a, :1]
        GET x => -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        CLIENT ID => -ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        MULTI => ~-ERR Can't execute 'multi'*
        PUBLISH a 1 => ~-ERR Can't execute 'publish'*
        HELLO 3 => ~-ERR Can't execute 'hello'*
        MONITOR => ~-ERR Can't execute 'monitor'*
        NOSUCH => ~-ERR unknown command 'NOSUCH'*
        GET => -ERR wrong number of arguments for 'get' command
        CLIENT NOSUCH => -ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.
        PING => [pong, '']
        PING hi => [pong, hi]
        PING a b => -ERR wrong number of arguments for 'ping' command
        RESET => +RESET
        PING => +PONG
        @p PUBLISH a x => :0
        PSUBSCRIBE a => [psubscribe, a, :1]
        QUIT => +OK
        (recv) => (closed)
        @s SSUBSCRIBE a => [ssubscribe, a, :1]
        @s GET x => ~-ERR Can't execute 'get'*
        "#,
    );
}

/// In RESP3 everything may run. What a client sends to itself follows the reply, from 7.2 on.
#[test]
fn a_subscriber_in_resp3_may_do_everything() {
    check(
        r#"
        HELLO 3 => ~{server: *
        SUBSCRIBE a b => push[subscribe, a, :1]
        (recv) => push[subscribe, b, :2]
        PSUBSCRIBE * => push[psubscribe, *, :3]
        GET x => (null)
        PING => +PONG
        PUBLISH a y => :2
          7.0: push[message, a, y] -- 7.2 sends pushes after the reply
        (recv) => push[message, a, y]
          7.0: push[pmessage, *, a, y] -- 7.2 sends pushes after the reply
        (recv) => push[pmessage, *, a, y]
          7.0: :2 -- 7.2 sends pushes after the reply
        SSUBSCRIBE z => push[ssubscribe, z, :1]
        CLIENT INFO => ~*flags=P * sub=2 psub=1 ssub=1 *
        CLIENT LIST TYPE pubsub => ~*flags=P * sub=2 psub=1 ssub=1 *
        UNSUBSCRIBE a => push[unsubscribe, a, :2]
        UNSUBSCRIBE => push[unsubscribe, b, :1]
        UNSUBSCRIBE => push[unsubscribe, (null), :1]
        PUNSUBSCRIBE x => push[punsubscribe, x, :1]
        SUNSUBSCRIBE => push[sunsubscribe, z, :0]
        PUNSUBSCRIBE => push[punsubscribe, *, :0]
        CLIENT INFO => ~*flags=N * sub=0 psub=0 ssub=0 *
        SUBSCRIBE a => push[subscribe, a, :1]
        HELLO 2 => ~[server, *
        GET x => ~-ERR Can't execute 'get'*
        "#,
    );
}

#[test]
fn transactions_subscribe_and_publish() {
    check(
        r#"
        MULTI => +OK
        SUBSCRIBE a => +QUEUED
        PING => +QUEUED
        SET k v => +QUEUED
        UNSUBSCRIBE a => +QUEUED
        SUBSCRIBE a => +QUEUED
        EXEC => [[subscribe, a, :1], [pong, ''], +OK, [unsubscribe, a, :0], [subscribe, a, :1]]
        GET k => ~-ERR Can't execute 'get'*
        EXEC => -EXECABORT Transaction discarded because of: Can't execute 'exec': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        @p MULTI => +OK
        @p PUBLISH a 1 => +QUEUED
        @p PUBLISH a 2 => +QUEUED
        @p SPUBLISH a 3 => +QUEUED
        @p EXEC => [:1, :1, :0]
        (recv) => [message, a, 1]
        (recv) => [message, a, 2]
        @m MULTI => +OK
        @m SUBSCRIBE own => +QUEUED
        @m PUBLISH own x => +QUEUED
        @m PING => +QUEUED
        @m EXEC => [[subscribe, own, :1], :1, [pong, '']]
          7.0: [[subscribe, own, :1], [message, own, x], :1] -- 7.2 sends messages to oneself after the transaction
        @m (recv) => [message, own, x]
          7.0: [pong, ''] -- 7.2 sends messages to oneself after the transaction
        "#,
    );
}

#[test]
fn messages_are_not_replies_to_be_hidden() {
    check(
        r#"
        HELLO 3 => ~{server: *
        CLIENT REPLY OFF => (none)
        SUBSCRIBE a => push[subscribe, a, :1]
        PUBLISH a b => push[message, a, b]
        CLIENT REPLY ON => +OK
        CLIENT REPLY SKIP => (none)
        PUBLISH a d => push[message, a, d]
        PING => +PONG
        "#,
    );
}

#[test]
fn what_pubsub_tells() {
    check(
        r#"
        PUBSUB => -ERR wrong number of arguments for 'pubsub' command
        PUBSUB FOO => -ERR unknown subcommand 'FOO'. Try PUBSUB HELP.
        PUBSUB CHANNELS a b => -ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
        PUBSUB SHARDCHANNELS a b => -ERR unknown subcommand or wrong number of arguments for 'SHARDCHANNELS'. Try PUBSUB HELP.
        PUBSUB NUMPAT x => -ERR wrong number of arguments for 'pubsub|numpat' command
        PUBSUB NUMSUB => []
        PUBSUB SHARDNUMSUB => []
        PUBSUB CHANNELS => []
        PUBSUB HELP => ~[+PUBSUB \<subcommand> [\<arg> [value] [opt] ...]. Subcommands are:, +CHANNELS [\<pattern>], *
        @s SUBSCRIBE abc abd => [subscribe, abc, :1]
        @s (recv) => [subscribe, abd, :2]
        @s SSUBSCRIBE sh => [ssubscribe, sh, :1]
        @s PSUBSCRIBE p* q* => [psubscribe, p*, :3]
        @s (recv) => [psubscribe, q*, :4]
        @t SUBSCRIBE abc => [subscribe, abc, :1]
        @t PSUBSCRIBE p* => [psubscribe, p*, :2]
        PUBSUB CHANNELS => unordered [abc, abd]
        PUBSUB CHANNELS *c => [abc]
        PUBSUB SHARDCHANNELS => [sh]
        PUBSUB SHARDCHANNELS x* => []
        PUBSUB NUMSUB abc nope abd sh => [abc, :2, nope, :0, abd, :1, sh, :0]
        PUBSUB SHARDNUMSUB sh abc => [sh, :1, abc, :0]
        PUBSUB NUMPAT => :2
        INFO stats => ~*pubsub_channels:2\r\npubsub_patterns:2\r\npubsubshard_channels:1\r\n*
        PUBLISH pq m => :2
        CLIENT KILL TYPE pubsub => :2
        PUBLISH abc m => :0
        PUBSUB NUMSUB abc => [abc, :0]
        PUBSUB CHANNELS ~> []
        PUBSUB NUMPAT ~> :0
        PUBSUB SHARDCHANNELS ~> []
        INFO stats => ~*pubsub_channels:0\r\npubsub_patterns:0\r\npubsubshard_channels:0\r\n*
        "#,
    );
    on_ours(&[], |server| {
        let (mut subscriber, mut other) = (server.client(), server.client());
        subscriber.line("SUBSCRIBE a b");
        assert!(other.line("INFO clients").text().contains("pubsub_clients:1\r\n"), "as Redis 7.4 has it");
        drop(subscriber);
        eventually("it is gone", || other.line("INFO clients").text().contains("pubsub_clients:0\r\n"));
    });
}

/// A message is not lost to a subscriber whose end has been ordered: it does not count any more.
#[test]
fn who_was_killed_is_not_reached() {
    on_each(&[], |server| {
        let mut other = server.client();
        for _ in 0..50 {
            let mut subscriber = server.client();
            let id = subscriber.ask("CLIENT ID");
            subscriber.line("SUBSCRIBE c");
            let id = id.trim_start_matches(':');
            let orders = format!("CLIENT KILL ID {id}\r\nPUBLISH c m\r\nPUBSUB NUMSUB c\r\n");
            let replies: Vec<String> =
                other.pipeline(orders.as_bytes(), 3).iter().map(|reply| reply.render()).collect();
            assert_eq!(replies, [":1", ":0", "[c, :0]"]);
        }
    });
}

/// A password is asked for before anything is heard.
#[test]
fn subscribing_needs_authentication() {
    check_with(
        &["--requirepass", "secret"],
        r#"
        SUBSCRIBE a => -NOAUTH Authentication required.
        PUBLISH a b => -NOAUTH Authentication required.
        AUTH secret => +OK
        SUBSCRIBE a => [subscribe, a, :1]
        RESET => +RESET
        PING => -NOAUTH Authentication required.
        "#,
    );
}

/// The numbers of the messages on a channel, as they come, until `n` have come.
fn numbers(client: &mut Client, n: usize) -> Vec<i64> {
    let number = |value: Value| value.items().last().expect("a message").text().parse().expect("a number");
    (0..n).map(|_| number(client.recv())).collect()
}

/// Four publishers, pipelining, on two channels; every subscriber hears each of them in its order.
#[test]
fn each_publisher_is_heard_in_its_order() {
    const EACH: i64 = 500;
    on_each(&[], |server| {
        let mut subscribers: Vec<Client> = (0..20).map(|_| server.client()).collect();
        for subscriber in &mut subscribers {
            subscriber.line("SUBSCRIBE even odd");
            subscriber.recv();
        }
        std::thread::scope(|scope| {
            for publisher in 0..4 {
                scope.spawn(move || {
                    let mut client = server.client();
                    let line = |i: i64| {
                        let channel = if i % 2 == 0 { "even" } else { "odd" };
                        crate::support::encode_line(&format!("PUBLISH {channel} {}", publisher * EACH + i))
                    };
                    let wire: Vec<u8> = (0..EACH).flat_map(line).collect();
                    let replies = client.pipeline(&wire, EACH as usize);
                    assert!(replies.iter().all(|reply| reply.int() == 20));
                });
            }
            for subscriber in &mut subscribers {
                scope.spawn(move || {
                    let heard = numbers(subscriber, 4 * EACH as usize);
                    for publisher in 0..4 {
                        let of: Vec<i64> = heard.iter().copied().filter(|n| n / EACH == publisher).collect();
                        assert!(of.len() == EACH as usize && of.is_sorted(), "{of:?}");
                    }
                });
            }
        });
    });
}

/// Ten thousand subscribers of one channel, each with a socket of its own: every one hears every message once, in order.
#[test]
fn ten_thousand_subscribers_hear_each_message_once() {
    const SUBSCRIBERS: usize = 10_000;
    const MESSAGES: usize = 10;
    let wanted = SUBSCRIBERS as u64 + 1000;
    if let Err(reason) = allow_files(wanted) {
        println!("skipped: {reason}");
        return;
    }
    let server = Server::start(&["--maxclients", "10100", "--tcp-backlog", "4096"]);
    let subscribe = encode_line("SUBSCRIBE c");
    let subscribed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    let mut heard: Vec<u8> = (0..MESSAGES).flat_map(|n| encode(&["message", "c", &format!("message {n}")])).collect();
    // Directly behind the messages: there is not one too many.
    heard.extend_from_slice(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    let mut sockets: Vec<TcpStream> = (0..SUBSCRIBERS)
        .map(|_| {
            let mut socket = TcpStream::connect_timeout(&server.address(), DEADLINE).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket.write_all(&subscribe).unwrap();
            socket
        })
        .collect();
    let expect = |socket: &mut TcpStream, bytes: &[u8]| {
        let mut got = vec![0; bytes.len()];
        socket.read_exact(&mut got).unwrap();
        assert!(got == bytes, "{}", String::from_utf8_lossy(&got));
    };
    sockets.iter_mut().for_each(|socket| expect(socket, subscribed));
    let mut publisher = server.client();
    assert_eq!(publisher.ask("PUBSUB NUMSUB c"), format!("[c, :{SUBSCRIBERS}]"));
    let wire: Vec<u8> = (0..MESSAGES).flat_map(|n| encode(&["PUBLISH", "c", &format!("message {n}")])).collect();
    let replies = publisher.pipeline(&wire, MESSAGES);
    assert!(replies.iter().all(|reply| reply.int() == SUBSCRIBERS as i64), "{replies:?}");
    sockets.iter_mut().for_each(|socket| socket.write_all(b"PING\r\n").unwrap());
    sockets.iter_mut().for_each(|socket| expect(socket, &heard));
}

/// One subscriber does not read: it is closed once its limit is reached, and nobody else misses anything.
#[test]
fn a_slow_subscriber_is_closed_and_others_hear_all() {
    on_each(&["--client-output-buffer-limit", "pubsub 1mb 0 0"], |server| {
        let (mut slow, mut fast, mut publisher) = (server.client(), server.client(), server.client());
        for client in [&mut slow, &mut fast] {
            client.line("SUBSCRIBE c");
        }
        let padding = "x".repeat(10_000);
        let heard = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (fast, heard) = (&mut fast, &heard);
            let reader = scope.spawn(move || {
                loop {
                    let message = fast.recv().items()[2].text();
                    if message == "end" {
                        return;
                    }
                    let number = heard.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(message.split(':').next(), Some(number.to_string().as_str()));
                }
            });
            let mut sent = 0;
            loop {
                // However slow this machine is, the fast one is not to be far behind.
                eventually("the fast one hears", || heard.load(Ordering::Relaxed) + 50 >= sent || reader.is_finished());
                let reached = publisher.ask(&format!("PUBLISH c {sent}:{padding}"));
                sent += 1;
                if reached == ":1" {
                    break;
                }
                assert!(sent < 20_000, "it should have been closed");
            }
            publisher.line("PUBLISH c end");
            reader.join().expect("heard all");
            assert_eq!(heard.load(Ordering::Relaxed), sent);
        });
        eventually("it is struck out", || publisher.ask("PUBSUB NUMSUB c") == "[c, :1]");
        let _ = slow.recv_to_end();
    });
}

/// The soft limit: over it for longer than its seconds.
#[test]
fn the_soft_limit_has_its_time() {
    on_each(&["--client-output-buffer-limit", "pubsub 0 1mb 1"], |server| {
        let (mut slow, mut publisher) = (server.client(), server.client());
        slow.line("SUBSCRIBE c");
        let padding = "x".repeat(100_000);
        let end = std::time::Instant::now() + DEADLINE;
        while publisher.ask(&format!("PUBLISH c {padding}")) == ":1" {
            assert!(std::time::Instant::now() < end, "it should have been closed");
            // So that what waits stays small.
            pause();
        }
    });
}

/// Channels, patterns and shard channels, thousands of them: the connection's end takes all with it.
#[test]
fn nothing_is_left_of_a_client_that_went() {
    on_each(&[], |server| {
        let mut observer = server.client();
        let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
        for (i, client) in clients.iter_mut().enumerate() {
            for verb in ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"] {
                let names: Vec<String> =
                    (0..2500).map(|n| format!("{}{n}", if i < 2 { "both" } else { "own" })).collect();
                client.send(&[vec![verb.to_owned()], names].concat());
                (0..2500).for_each(|_| _ = client.recv());
            }
        }
        assert_eq!(observer.ask("PUBSUB NUMPAT"), ":5000");
        assert_eq!(observer.ask("PUBSUB NUMSUB both7 own7"), "[both7, :2, own7, :2]");
        clients.truncate(1);
        eventually("three are gone", || observer.ask("PUBSUB NUMSUB both7 own7") == "[both7, :1, own7, :0]");
        eventually("their patterns are", || observer.ask("PUBSUB NUMPAT") == ":2500");
        clients.clear();
        eventually("all are gone", || {
            observer
                .line("INFO stats")
                .text()
                .contains("pubsub_channels:0\r\npubsub_patterns:0\r\npubsubshard_channels:0\r\n")
        });
    });
}

/// Subscribers come and go while messages flow: what one hears between its confirmations is without a gap.
#[test]
fn confirmations_enclose_what_is_heard() {
    on_ours(&["--workers", "2"], |server: &Server| {
        assert_eq!(server.kind(), Kind::Ours);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let done = &done;
            scope.spawn(move || {
                let mut publisher = server.client();
                let mut n = 0;
                while !done.load(Ordering::Relaxed) {
                    publisher.line(&format!("PUBLISH c {n}"));
                    n += 1;
                }
            });
            let visitors: Vec<_> = (0..4)
                .map(|i| {
                    scope.spawn(move || {
                        let mut client = server.client();
                        if i % 2 == 0 {
                            client.line("HELLO 3");
                        }
                        for _ in 0..200 {
                            assert_eq!(client.line("SUBSCRIBE c").items()[0].text(), "subscribe");
                            let first = numbers(&mut client, 1)[0];
                            client.send_line("UNSUBSCRIBE c");
                            let mut next = first + 1;
                            loop {
                                let value = client.recv();
                                if value.items()[0].text() == "unsubscribe" {
                                    break;
                                }
                                assert_eq!(value.items()[2].text(), next.to_string());
                                next += 1;
                            }
                            assert_eq!(client.ask("PING"), "+PONG", "nothing comes after the confirmation");
                        }
                    })
                })
                .collect();
            let results: Vec<_> = visitors.into_iter().map(|visitor| visitor.join()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(results.iter().all(Result::is_ok));
        });
    });
}
