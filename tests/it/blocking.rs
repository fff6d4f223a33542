//! Clients that wait for keys: what wakes them, in which order, how the wait ends, and what waits behind it.
//!
//! Nothing here sleeps: a test goes on when INFO says how many clients are blocked. What many of them do at once is in
//! `invariants/queue.rs`; what the commands do that need not wait is in `lists.rs`.

use crate::support::{Client, Server, check, check_with, encode_line, eventually, on_each, on_ours};

/// Connects, sends the line, and waits until the server has `blocked` clients that wait.
#[track_caller]
fn block(server: &Server, line: &str, blocked: usize) -> Client {
    let mut client = server.client();
    client.send_line(line);
    wait_for(server, blocked);
    client
}

#[track_caller]
fn wait_for(server: &Server, blocked: usize) {
    let wanted = format!("blocked_clients:{blocked}\r\n");
    let mut client = server.client();
    eventually(&wanted, || client.line("INFO clients").text().contains(&wanted));
}

fn id(client: &mut Client) -> i64 {
    client.line("CLIENT ID").int()
}

#[test]
fn first_come_first_served_over_many_keys() {
    on_each(&[], |server| {
        const KEYS: usize = 5;
        let mut waiting: Vec<Client> =
            (0..50).map(|n| block(server, &format!("BLPOP k{} 0", n % KEYS), n + 1)).collect();
        let mut client = server.client();
        // Backwards over the keys, one element each: one push wakes one.
        for n in 0..2 * KEYS {
            let key = KEYS - 1 - n % KEYS;
            assert_eq!(client.ask(&format!("RPUSH k{key} {n}")), ":1");
            let first = key + n / KEYS * KEYS;
            assert_eq!(waiting[first].recv().render(), format!("[k{key}, {n}]"));
            wait_for(server, 49 - n);
        }
        // Several at once, more than there are clients.
        for key in 0..KEYS {
            assert_eq!(client.ask(&format!("RPUSH k{key} a b c d e f g h i j")), ":10");
            for (place, element) in (2..10).zip("abcdefgh".chars()) {
                assert_eq!(waiting[place * KEYS + key].recv().render(), format!("[k{key}, {element}]"));
            }
            assert_eq!(client.ask(&format!("LRANGE k{key} 0 -1")), "[i, j]");
        }
        wait_for(server, 0);
    });
}

#[test]
fn a_later_client_of_several_keys_does_not_overtake() {
    on_each(&[], |server| {
        let mut first = block(server, "BLPOP a 0", 1);
        let mut second = block(server, "BLPOP a b 0", 2);
        let mut client = server.client();
        ["MULTI", "RPUSH b y", "RPUSH a x", "EXEC"].iter().for_each(|line| _ = client.line(line));
        assert_eq!(first.recv().render(), "[a, x]");
        assert_eq!(second.recv().render(), "[b, y]");
    });
}

#[test]
fn all_kinds_of_blocking_commands_stand_in_one_queue() {
    on_each(&[], |server| {
        let lines =
            ["BLPOP l 0", "BRPOP l 0", "BLMOVE l m RIGHT LEFT 0", "BLMPOP 0 1 l LEFT COUNT 2", "BRPOPLPUSH l m 0"];
        let mut waiting: Vec<Client> = lines.iter().enumerate().map(|(n, line)| block(server, line, n + 1)).collect();
        assert_eq!(server.client().ask("RPUSH l 1 2 3 4 5 6 7"), ":7");
        let replies: Vec<String> = waiting.iter_mut().map(|client| client.recv().render()).collect();
        assert_eq!(replies, ["[l, 1]", "[l, 7]", "6", "[l, [2, 3]]", "5"]);
        assert_eq!(server.client().ask("LRANGE l 0 -1"), "[4]");
        assert_eq!(server.client().ask("LRANGE m 0 -1"), "[5, 6]");
    });
}

#[test]
fn one_of_several_keys() {
    check(
        r#"
        @b BLPOP a b c 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH c 1 => :1
        @b (recv) => [c, 1]
        EXISTS a b c => :0
        # of several that are there the first of the command, as 7.2; 7.0 takes the first that got ready
        @b BLPOP a b c 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        MULTI => +OK
        RPUSH c 1 => +QUEUED
        RPUSH b 2 => +QUEUED
        EXEC => [:1, :1]
        @b (recv) => [b, 2]
          7.0: [c, 1] -- the first that got ready
        DEL b c => :1
        @b BLPOP k k k 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH k 1 2 => :2
        @b (recv) => [k, 1]
        LLEN k => :1
        INFO clients ~> ~*blocked_clients:0\r*
        "#,
    );
}

#[test]
fn data_may_come_in_any_way() {
    check(
        r#"
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH m x => :1
        RENAME m l => +OK
        @b (recv) => [l, x]
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH m x => :1
        RENAMENX m l => :1
        @b (recv) => [l, x]
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH m x => :1
        COPY m l => :1
        @b (recv) => [l, x]
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPOPLPUSH m l => x
        @b (recv) => [l, x]
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        SELECT 1 => +OK
        RPUSH l x => :1
        INFO clients => ~*blocked_clients:1\r*
        MOVE l 0 => :1
        @b (recv) => [l, x]
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH l y => :1
        SWAPDB 0 1 => +OK
        @b (recv) => [l, y]
        # and to those who wait in the other one
        RPUSH l z => :1
        @c SELECT 3 => +OK
        @c BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        SWAPDB 3 1 => +OK
        @c (recv) => [l, z]
        DBSIZE => :0
        "#,
    );
}

#[test]
fn what_is_no_list_any_more_wakes_nobody() {
    check(
        r#"
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        SET l text => +OK
        SADD s m => :1
        RENAME s l => +OK
        FLUSHALL => +OK
        MULTI => +OK
        RPUSH l 1 => +QUEUED
        DEL l => +QUEUED
        RPUSH l 2 => +QUEUED
        SET l text => +QUEUED
        EXEC => [:1, :1, :1, +OK]
        DEL l => :1
        MULTI => +OK
        RPUSH l 3 => +QUEUED
        PEXPIRE l -1 => +QUEUED
        EXEC => [:1, :1]
        MULTI => +OK
        RPUSH l 4 => +QUEUED
        FLUSHALL => +QUEUED
        EXEC => [:1, +OK]
        SWAPDB 0 1 => +OK
        MULTI => +OK
        RPUSH l 5 => +QUEUED
        LPOP l => +QUEUED
        EXEC => [:1, 5]
        INFO clients => ~*blocked_clients:1\r*
        MULTI => +OK
        RPUSH l 6 => +QUEUED
        LPUSH l 7 => +QUEUED
        EXEC => [:1, :2]
        @b (recv) => [l, 7]
        LRANGE l 0 -1 => [6]
        "#,
    );
}

#[test]
fn what_is_moved_on_wakes_the_next() {
    check(
        r#"
        @b BLMOVE one two LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        @c BLMOVE two three LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:2\r*
        @d BRPOP three 0 => (later)
        INFO clients ~> ~*blocked_clients:3\r*
        RPUSH one x => :1
        @b (recv) => x
        @c (recv) => x
        @d (recv) => [three, x]
        EXISTS one two three => :0
        # in a circle
        @b BLMOVE one two LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        @c BLMOVE two one LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:2\r*
        RPUSH one x => :1
        @b (recv) => x
        @c (recv) => x
        LRANGE one 0 -1 => [x]
        DEL one => :1
        # onto itself
        @b BLMOVE one one LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        @c BLMOVE one one LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:2\r*
        RPUSH one x y => :2
        @b (recv) => x
        @c (recv) => y
        LRANGE one 0 -1 => [x, y]
        INFO clients => ~*blocked_clients:0\r*
        "#,
    );
}

#[test]
fn a_destination_of_another_type_costs_no_element() {
    check(
        r#"
        SET s text => +OK
        @b BLMOVE l s LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        @c BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:2\r*
        RPUSH l x => :1
        @b (recv) => -WRONGTYPE Operation against a key holding the wrong kind of value
        @c (recv) => [l, x]
        "#,
    );
}

/// A client that will send nothing more, at the moment when it is served: the element is in its reply or still there.
#[test]
fn an_element_is_not_lost_to_a_half_closed_client() {
    let server = Server::start(&["--workers", "2"]);
    let mut pusher = server.client();
    for n in 0..300 {
        let mut waiting = block(&server, "BLPOP l 0", 1);
        pusher.send_line(&format!("RPUSH l {n}"));
        waiting.shutdown_write();
        assert_eq!(pusher.recv().int(), 1);
        let replies = waiting.recv_to_end();
        match replies.first() {
            Some(reply) => assert_eq!(reply.render(), format!("[l, {n}]")),
            None => assert_eq!(pusher.ask("LPOP l"), n.to_string()),
        }
        assert_eq!(pusher.ask("EXISTS l"), ":0");
    }
}

#[test]
fn a_wait_ends_with_its_time() {
    check(
        r#"
        BLPOP l 0.001 => (nil-array)
        BRPOP l m 0.0000001 => (nil-array)
        BLPOP l 1e-300 => (nil-array)
        BLMOVE l m LEFT RIGHT 0.001 => (nil-array)
        BLMPOP 0.001 2 l m LEFT => (nil-array)
        BLPOP l inf => -ERR timeout is out of range
          7.0: -ERR timeout is negative -- the sum overflows
        BLPOP l -inf => -ERR timeout is negative
        BLPOP l 1e400 => ~-ERR timeout is *
        BLPOP l 9223372036854775807 => -ERR timeout is out of range
          7.0: -ERR timeout is negative -- the sum overflows
        @b BLPOP l 1e15 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH l x => :1
        @b (recv) => [l, x]
        HELLO 3 => ~*
        BLPOP l 0.001 => (null)
        BLMOVE l m LEFT RIGHT 0.001 => (null)
        INFO clients => ~*blocked_clients:0\r*
        "#,
    );
}

#[test]
fn resp3_and_reply_modes() {
    check(
        r#"
        @b HELLO 3 => ~*
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        CLIENT LIST => ~*flags=b *cmd=blpop*
        RPUSH l x => :1
        @b (recv) => [l, x]
        @b CLIENT REPLY SKIP => (none)
        @b BLPOP l 0 => (none)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH l y => :1
        INFO clients ~> ~*blocked_clients:0\r*
        @b PING => +PONG
        @b CLIENT REPLY OFF => (none)
        @b BLPOP l 0 => (none)
        INFO clients ~> ~*blocked_clients:1\r*
        RPUSH l z => :1
        INFO clients ~> ~*blocked_clients:0\r*
        @b BLPOP l 0.001 => (none)
        @b CLIENT REPLY ON => +OK
        EXISTS l => :0
        "#,
    );
}

#[test]
fn nothing_overtakes_the_reply_of_a_wait() {
    on_each(&[], |server| {
        let mut client = server.client();
        let lines = ["BLPOP l 0", "ECHO a", "BLPOP l 0.001", "ECHO b", "BLPOP l 0", "ECHO c"];
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode_line(line)).collect();
        let mut blocked = server.client();
        // The last command in two pieces.
        blocked.send_raw(&bytes[..bytes.len() - 3]);
        wait_for(server, 1);
        client.ask("RPUSH l 1");
        assert_eq!([blocked.recv(), blocked.recv()].map(|v| v.render()), ["[l, 1]", "a"]);
        assert_eq!([blocked.recv(), blocked.recv()].map(|v| v.render()), ["(nil-array)", "b"]);
        wait_for(server, 1);
        blocked.send_raw(&bytes[bytes.len() - 3..]);
        client.ask("RPUSH l 2");
        assert_eq!([blocked.recv(), blocked.recv()].map(|v| v.render()), ["[l, 2]", "c"]);
    });
}

/// A push that comes just when the time of a wait is over: whatever the client gets, what follows it comes behind.
#[test]
fn a_push_at_the_deadline_is_a_reply_or_stays() {
    let server = Server::start(&["--workers", "2"]);
    let (mut waiting, mut pushing) = (server.client(), server.client());
    let mut served = 0;
    for round in 0..300 {
        waiting.send_raw(&[encode_line("BLPOP l 0.001"), encode_line(&format!("ECHO {round}"))].concat());
        pushing.send_line(&format!("RPUSH l {round}"));
        let got = waiting.recv().render();
        assert_eq!(waiting.recv().render(), round.to_string(), "behind {got}");
        assert_eq!(pushing.recv().render(), ":1");
        match got.as_str() {
            "(nil-array)" => assert_eq!(pushing.ask("LPOP l"), round.to_string()),
            _ => {
                assert_eq!(got, format!("[l, {round}]"));
                served += 1;
            }
        }
    }
    assert_eq!(server.info("clients", "blocked_clients"), "0", "{served} of 300 were served");
}

/// Who was unblocked, or killed, is not served by a push behind it in the same pipeline, on whatever worker it is.
#[test]
fn after_client_unblock_and_kill_nobody_is_served() {
    on_each(&[], |server| {
        let mut client = server.client();
        for round in 0..20 {
            let how = ["UNBLOCK", "UNBLOCK", "KILL ID"][round % 3];
            let reason = ["", " ERROR", ""][round % 3];
            let mut blocked = server.client();
            let number = id(&mut blocked);
            blocked.send_line("BLPOP l k 0");
            wait_for(server, 1);
            let lines = [&*format!("CLIENT {how} {number}{reason}"), "RPUSH l x", "LPOP l"];
            let bytes: Vec<u8> = lines.iter().flat_map(|line| encode_line(line)).collect();
            let replies: Vec<String> = client.pipeline(&bytes, 3).iter().map(|v| v.render()).collect();
            assert_eq!(replies, [":1", ":1", "x"], "{how}");
            match round % 3 {
                0 => assert_eq!(blocked.recv().render(), "(nil-array)"),
                1 => assert_eq!(blocked.recv().render(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
                _ => blocked.expect_closed(),
            }
            wait_for(server, 0);
            assert_eq!(client.ask(&format!("CLIENT UNBLOCK {number}")), ":0");
        }
    });
}

#[test]
fn who_has_gone_is_handed_nothing() {
    on_each(&[], |server| {
        for _ in 0..5 {
            drop(block(server, "BLPOP l m 0", 1));
            wait_for(server, 0);
            let mut half = block(server, "BLMPOP 0 2 m l LEFT", 1);
            half.shutdown_write();
            half.expect_closed();
            wait_for(server, 0);
        }
        assert_eq!(server.client().ask("RPUSH l x"), ":1");
        assert_eq!(server.client().ask("LRANGE l 0 -1"), "[x]");
    });
}

/// The idle connection is the clock: once the server has closed it, the other has waited for longer than `timeout`.
#[test]
fn the_idle_timeout_does_not_concern_who_waits() {
    on_each(&[], |server| {
        let mut idle = server.client();
        assert_eq!(idle.ask("CONFIG SET timeout 1"), "+OK");
        let mut blocked = server.client();
        let number = id(&mut blocked);
        blocked.send_line("BLPOP l 0");
        wait_for(server, 1);
        idle.expect_closed();
        let mut second = server.client();
        assert_eq!(second.ask("PING"), "+PONG");
        second.expect_closed();
        let mut client = server.client();
        assert_eq!(client.ask("CONFIG SET timeout 0"), "+OK");
        assert_eq!(client.ask("RPUSH l x"), ":1");
        assert_eq!(blocked.recv().render(), "[l, x]");
        // It has not been idle: it may ask more.
        let listed = client.line(&format!("CLIENT LIST ID {number}")).text();
        assert!(listed.contains(" idle=0 ") || listed.contains(" idle=1 "), "{listed}");
        assert_eq!(blocked.ask("PING"), "+PONG");
    });
}

#[test]
fn a_monitor_sees_the_command_once() {
    check(
        r#"
        @m MONITOR => +OK
        @b BLPOP l 0 => (later)
        @m (recv) => ~*"BLPOP" "l" "0"*
        ECHO ready => ready
        @m (recv) => ~*"ECHO" "ready"*
        RPUSH l x => :1
        @b (recv) => [l, x]
        ECHO done => done
        @m (recv) => ~*"RPUSH" "l" "x"*
        @m (recv) => ~*"ECHO" "done"*
        "#,
    );
}

#[test]
fn who_waits_cannot_send_without_end() {
    on_ours(&["--client-query-buffer-limit", "1mb"], |server| {
        let mut client = block(server, "BLPOP l 0", 1);
        let pings = encode_line("PING").repeat(5000);
        let sent = (0..1000).take_while(|_| client.try_send_raw(&pings).is_ok()).count();
        assert!(sent < 1000, "{} bytes were taken", 1000 * pings.len());
        wait_for(server, 0);
    });
}

#[test]
fn a_shutdown_does_not_wait_for_who_waits() {
    let mut server = Server::start(&[]);
    let mut client = block(&server, "BLPOP l 0", 1);
    assert!(server.terminate());
    client.expect_closed();
}

#[test]
fn in_a_transaction_nobody_waits_and_all_are_served_behind_it() {
    check_with(
        &["--databases", "4"],
        r#"
        @b BLPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        MULTI => +OK
        BLPOP l 0 => +QUEUED
        RPUSH l 1 => +QUEUED
        BLPOP l 0 => +QUEUED
        RPUSH l 2 3 => +QUEUED
        LLEN l => +QUEUED
        EXEC => [(nil-array), :1, [l, 1], :2, :2]
        @b (recv) => [l, 2]
        LRANGE l 0 -1 => [3]
        "#,
    );
}

#[test]
fn a_blocked_client_is_listed() {
    on_each(&[], |server| {
        let mut client = block(server, "BRPOPLPUSH l m 0", 1);
        let list = server.client().line("CLIENT LIST").text();
        let line = list.lines().find(|line| line.contains("cmd=brpoplpush")).unwrap();
        assert!(line.contains(" flags=b "), "{:?}: {line}", server.kind());
        assert_eq!(server.client().ask("RPUSH l x"), ":1");
        assert_eq!(client.recv().render(), "x");
        let list = server.client().line("CLIENT LIST").text();
        assert!(!list.contains(" flags=b "), "{list}");
    });
}

#[test]
fn info_counts_the_keys_that_clients_wait_for() {
    // redis-server 7.0 has no such fields.
    on_ours(&[], |server| {
        let counts = || ["total_blocking_keys", "total_blocking_keys_on_nokey"].map(|f| server.info("clients", f));
        let mut client = server.client();
        assert_eq!(client.ask("XGROUP CREATE s g $ MKSTREAM"), "+OK");
        assert_eq!(counts(), ["0", "0"]);
        let mut members: Vec<Client> =
            (1..3).map(|n| block(server, &format!("XREADGROUP GROUP g c{n} BLOCK 0 STREAMS s >"), n)).collect();
        let mut reader = block(server, "XREAD BLOCK 0 STREAMS s $", 3);
        let mut popper = block(server, "BLPOP l 0", 4);
        assert_eq!(counts(), ["2", "1"]);
        drop(members.pop());
        wait_for(server, 3);
        assert_eq!(counts(), ["2", "1"]);
        assert_eq!(client.ask("DEL s"), ":1");
        assert!(members[0].recv().render().starts_with("-NOGROUP"));
        wait_for(server, 2);
        assert_eq!(counts(), ["2", "0"]);
        assert_eq!(client.ask("XADD s 1-1 f v"), "1-1");
        reader.recv();
        assert_eq!(client.ask("RPUSH l x"), ":1");
        popper.recv();
        wait_for(server, 0);
        assert_eq!(counts(), ["0", "0"]);
    });
}

/// Sorted sets: whatever brings one to a key wakes who waits for it, first come first served.
#[test]
fn sorted_sets_may_come_in_any_way() {
    check(
        r#"
        @b BZPOPMIN z y 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        @c BZPOPMAX z 0 => (later)
        INFO clients ~> ~*blocked_clients:2\r*
        @d BZMPOP 0 2 x z MAX COUNT 2 => (later)
        INFO clients ~> ~*blocked_clients:3\r*
        ZADD z 1 a 2 b 3 c 4 d 5 e => :5
        @b (recv) => [z, a, 1]
        @c (recv) => [z, e, 5]
        @d (recv) => [z, [[d, 4], [c, 3]]]
        ZPOPMIN z => [b, 2]
        @b BZPOPMIN z 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        SET z text => +OK
        DEL z => :1
        RPUSH z text => :1
        FLUSHALL => +OK
        MULTI => +OK
        ZADD z 1 a => +QUEUED
        PEXPIRE z -1 => +QUEUED
        EXEC => [:1, :1]
        INFO clients => ~*blocked_clients:1\r*
        ZADD t 1 m => :1
        RENAME t z => +OK
        @b (recv) => [z, m, 1]
        @b BZPOPMAX z 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        ZADD t 1 m => :1
        COPY t z => :1
        @b (recv) => [z, m, 1]
        @b BZMPOP 0 1 z MIN => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        ZUNIONSTORE z 1 t => :1
        @b (recv) => [z, [[m, 1]]]
        @b BZPOPMIN z 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        SELECT 1 => +OK
        ZADD z 2 n => :1
        MOVE z 0 => :1
        @b (recv) => [z, n, 2]
        @b BZPOPMIN z 0 => (later)
        INFO clients ~> ~*blocked_clients:1\r*
        ZADD z 3 o => :1
        SWAPDB 0 1 => +OK
        @b (recv) => [z, o, 3]
        @b BZPOPMIN z 0.001 => (nil-array)
        @b BZPOPMAX z 0.001 => (nil-array)
        @b BZMPOP 0.001 1 z MIN => (nil-array)
        INFO clients => ~*blocked_clients:0\r*
        "#,
    );
}

#[test]
fn no_member_goes_to_who_was_unblocked_or_has_gone() {
    on_each(&[], |server| {
        let mut client = server.client();
        for line in ["BZPOPMIN z 0", "BZPOPMAX y z 0", "BZMPOP 0 2 y z MAX"] {
            drop(block(server, line, 1));
            wait_for(server, 0);
            let mut blocked = server.client();
            let number = id(&mut blocked);
            blocked.send_line(line);
            wait_for(server, 1);
            let lines = [&*format!("CLIENT UNBLOCK {number} ERROR"), "ZADD z 1 m", "ZCARD z", "DEL z"];
            let bytes: Vec<u8> = lines.iter().flat_map(|line| encode_line(line)).collect();
            let replies: Vec<String> = client.pipeline(&bytes, 4).iter().map(|v| v.render()).collect();
            assert_eq!(replies, [":1", ":1", ":1", ":1"], "{line}");
            assert_eq!(blocked.recv().render(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
        }
    });
}
