//! Groups of consumers: reading, acknowledging, claiming, describing; and clients that wait for entries.

use crate::support::{Client, Server, check, check_ours, eventually, on_each};

#[test]
fn groups_come_and_go() {
    check(
        r#"
        XGROUP CREATE s g 0 => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        XGROUP CREATE s g $ MKSTREAM => +OK
        XLEN s => :0
        XGROUP CREATE s g 0 => -BUSYGROUP Consumer Group name already exists
        XGROUP CREATE s h x => -ERR Invalid stream ID specified as stream command argument
        XGROUP CREATE s h 0 FOO => -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        XGROUP CREATE s h 0 ENTRIESREAD x => -ERR value is not an integer or out of range
        XGROUP CREATE s h 0 ENTRIESREAD -2 => -ERR value for ENTRIESREAD must be positive or -1
        XGROUP CREATE s h bad MKSTREAM MKSTREAM ENTRIESREAD 1 => -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        XGROUP CREATE no h bad ENTRIESREAD 1 ENTRIESREAD 2 => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        SET text v => +OK
        XGROUP CREATE text h bad MKSTREAM MKSTREAM ENTRIESREAD 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        XGROUP SETID s no bad ENTRIESREAD 1 ENTRIESREAD 2 => -NOGROUP No such consumer group 'no' for key name 's'
        XGROUP SETID s g bad ENTRIESREAD 1 ENTRIESREAD 2 => -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
        XGROUP SETID s no 0 => -NOGROUP No such consumer group 'no' for key name 's'
        XGROUP SETID no g 0 => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        XGROUP SETID s g 1-1 ENTRIESREAD 3 => +OK
        XINFO GROUPS s => [[name, g, consumers, :0, pending, :0, last-delivered-id, 1-1, entries-read, :3, lag, :0]]
        XGROUP CREATECONSUMER s no c => -NOGROUP No such consumer group 'no' for key name 's'
        XGROUP CREATECONSUMER s g c => :1
        XGROUP CREATECONSUMER s g c => :0
        XGROUP DELCONSUMER s no c => -NOGROUP No such consumer group 'no' for key name 's'
        XGROUP DELCONSUMER s g c => :0
        XGROUP DELCONSUMER s g c => :0
        XGROUP DESTROY s no => :0
        XGROUP DESTROY no g => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        XGROUP DESTROY s g => :1
        XINFO GROUPS s => []
        XGROUP FOO => -ERR unknown subcommand 'FOO'. Try XGROUP HELP.
        XGROUP HELP => ~[+XGROUP \<subcommand> [\<arg> [value] [opt] ...]. Subcommands are:, +CREATE *
        XINFO GROUPS no => -ERR no such key
        XINFO CONSUMERS no g => -ERR no such key
        XINFO CONSUMERS s g => -NOGROUP No such consumer group 'g' for key name 's'
        SET str x => +OK
        XGROUP CREATE str g 0 MKSTREAM => -WRONGTYPE Operation against a key holding the wrong kind of value
        XGROUP DESTROY str g => -WRONGTYPE Operation against a key holding the wrong kind of value
        XACK str g 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn delivery() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 2-1 a 2 => 2-1
        XADD s 3-1 a 3 => 3-1
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c COUNT 2 STREAMS s > => [[s, [[1-1, [a, 1]], [2-1, [a, 2]]]]]
        XREADGROUP GROUP g d STREAMS s > => [[s, [[3-1, [a, 3]]]]]
        XREADGROUP GROUP g d STREAMS s > => (nil-array)
        XREADGROUP GROUP g c STREAMS s 0 => [[s, [[1-1, [a, 1]], [2-1, [a, 2]]]]]
        XREADGROUP GROUP g c COUNT 1 STREAMS s 1-1 => [[s, [[2-1, [a, 2]]]]]
        XREADGROUP GROUP g d STREAMS s 9 => [[s, []]]
        XPENDING s g => [:3, 1-1, 3-1, [[c, 2], [d, 1]]]
        XACK s g 1-1 1-1 9 => :1
        XACK s g x => -ERR Invalid stream ID specified as stream command argument
        XACK s no x => :0
        XACK no g x => :0
        XDEL s 2-1 => :1
        XREADGROUP GROUP g c STREAMS s 0 => [[s, [[2-1, (nil-array)]]]]
        XADD s 4-1 a 4 => 4-1
        XREADGROUP GROUP g e NOACK STREAMS s > => [[s, [[4-1, [a, 4]]]]]
        XPENDING s g => [:2, 2-1, 3-1, [[c, 1], [d, 1]]]
        XGROUP SETID s g 0 => +OK
        XREADGROUP GROUP g c COUNT 2 STREAMS s > => [[s, [[1-1, [a, 1]], [3-1, [a, 3]]]]]
        XPENDING s g => [:3, 1-1, 3-1, [[c, 3]]]
        XGROUP DELCONSUMER s g c => :3
        XPENDING s g => [:0, (nil), (nil), (nil-array)]
        XREADGROUP GROUP g c STREAMS no > => -NOGROUP No such key 'no' or consumer group 'g' in XREADGROUP with GROUP option
        XREADGROUP GROUP no c STREAMS s > => -NOGROUP No such key 's' or consumer group 'no' in XREADGROUP with GROUP option
        XREADGROUP GROUP g c STREAMS s $ => -ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
        XREADGROUP GROUP g c STREAMS s x => -ERR Invalid stream ID specified as stream command argument
        XREADGROUP COUNT 2 STREAMS a b c d => -ERR Missing GROUP option for XREADGROUP
        XREADGROUP GROUP g c FOO 2 STREAMS s > => -ERR syntax error
        XREADGROUP GROUP g c COUNT 2 STREAMS a b c => -ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.
          7.0: -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified. -- other words from 7.2
        SET str x => +OK
        XREADGROUP GROUP g c STREAMS str > => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn pending() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 2-1 a 2 => 2-1
        XADD s 3-1 a 3 => 3-1
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c COUNT 2 STREAMS s > => ~*
        XREADGROUP GROUP g d STREAMS s > => ~*
        XPENDING s g - + 10 => ~*1-1*c*2-1*c*3-1*d*
        XPENDING s g (1-1 2 10 => ~*2-1*
        XPENDING s g - + 10 d => ~*3-1*d*
        XPENDING s g - + 10 no => []
        XPENDING s g - + 0 => []
        XPENDING s g - + -1 => []
        XPENDING s g + - 10 => []
        XPENDING s g IDLE 1000000 - + 10 => []
        XPENDING s g IDLE 0 - + 1 c => ~*1-1*
        XPENDING s g - + => -ERR syntax error
        XPENDING s g IDLE 0 - + => -ERR syntax error
        XPENDING s g - + x => -ERR value is not an integer or out of range
        XPENDING s g IDLE x - + 10 => -ERR value is not an integer or out of range
        XPENDING s g x + 10 => -ERR Invalid stream ID specified as stream command argument
        XPENDING s no => -NOGROUP No such key 's' or consumer group 'no'
        XPENDING no g => -NOGROUP No such key 'no' or consumer group 'g'
        "#,
    );
}

#[test]
fn claims() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 2-1 a 2 => 2-1
        XADD s 3-1 a 3 => 3-1
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c STREAMS s > => ~*
        XCLAIM s g d 1000000 1-1 => []
        XCLAIM s g d 0 1-1 9-9 => [[1-1, [a, 1]]]
        XCLAIM s g d 0 2-1 JUSTID => [2-1]
        XPENDING s g => [:3, 1-1, 3-1, [[c, 1], [d, 2]]]
        XCLAIM s g d 0 3-1 IDLE 5000 RETRYCOUNT 7 => [[3-1, [a, 3]]]
        XPENDING s g IDLE 5000 - + 10 => ~*3-1*:7*
        XCLAIM s g d 0 3-1 TIME 1000 JUSTID => [3-1]
        XPENDING s g IDLE 1000000 - + 10 => ~*3-1*:7*
        XACK s g 1-1 => :1
        XCLAIM s g e 0 1-1 => []
        XCLAIM s g e 0 1-1 FORCE => [[1-1, [a, 1]]]
        XDEL s 1-1 => :1
        XCLAIM s g e 0 1-1 => []
        XPENDING s g => [:2, 2-1, 3-1, [[d, 2]]]
        XCLAIM s g e 0 2-1 LASTID 9-0 JUSTID => [2-1]
        XINFO GROUPS s => ~*last-delivered-id, 9-0*
        XCLAIM s g c x 1 => -ERR Invalid min-idle-time argument for XCLAIM
        XCLAIM s g c 0 1 IDLE => -ERR Unrecognized XCLAIM option 'IDLE'
        XCLAIM s g c 0 1 IDLE x => -ERR Invalid IDLE option argument for XCLAIM
        XCLAIM s g c 0 1 TIME x => -ERR Invalid TIME option argument for XCLAIM
        XCLAIM s g c 0 1 RETRYCOUNT x => -ERR Invalid RETRYCOUNT option argument for XCLAIM
        XCLAIM s g c 0 1 FOO => -ERR Unrecognized XCLAIM option 'FOO'
        XCLAIM s g c 0 1 LASTID x => -ERR Invalid stream ID specified as stream command argument
        XCLAIM s no c 0 1 => -NOGROUP No such key 's' or consumer group 'no'
        XCLAIM no g c 0 1 => -NOGROUP No such key 'no' or consumer group 'g'
        "#,
    );
}

#[test]
fn claims_of_what_has_been_pending_for_long() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 2-1 a 2 => 2-1
        XADD s 3-1 a 3 => 3-1
        XADD s 4-1 a 4 => 4-1
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c STREAMS s > => ~*
        XAUTOCLAIM s g d 1000000 0 => [0-0, [], []]
        XAUTOCLAIM s g d 0 - COUNT 1 => [2-1, [[1-1, [a, 1]]], []]
        XDEL s 2-1 => :1
        XAUTOCLAIM s g d 0 2 COUNT 1 => [3-1, [], [2-1]]
        XAUTOCLAIM s g d 0 (1-1 JUSTID COUNT 5 => [0-0, [3-1, 4-1], []]
        XPENDING s g => [:3, 1-1, 4-1, [[d, 3]]]
        XAUTOCLAIM s g c x 0 => -ERR Invalid min-idle-time argument for XAUTOCLAIM
        XAUTOCLAIM s g c 0 x => -ERR Invalid stream ID specified as stream command argument
        XAUTOCLAIM s g c 0 0 COUNT 0 => -ERR COUNT must be > 0
        XAUTOCLAIM s g c 0 0 COUNT x => -ERR COUNT must be > 0
        XAUTOCLAIM s g c 0 0 FOO => -ERR syntax error
        XAUTOCLAIM s no c 0 0 => -NOGROUP No such key 's' or consumer group 'no'
        XAUTOCLAIM no g c 0 0 => -NOGROUP No such key 'no' or consumer group 'g'
        "#,
    );
}

#[test]
fn how_far_groups_have_read() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 2-1 a 2 => 2-1
        XADD s 3-1 a 3 => 3-1
        XADD s 4-1 a 4 => 4-1
        XGROUP CREATE s g 0 => +OK
        XGROUP CREATE s m 2-1 => +OK
        XINFO GROUPS s => [[name, g, consumers, :0, pending, :0, last-delivered-id, 0-0, entries-read, (nil), lag, :4], [name, m, consumers, :0, pending, :0, last-delivered-id, 2-1, entries-read, (nil), lag, (nil)]]
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => ~*
        XREADGROUP GROUP m c COUNT 1 STREAMS s > => ~*
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :1, last-delivered-id, 1-1, entries-read, :1, lag, :3], [name, m, consumers, :1, pending, :1, last-delivered-id, 3-1, entries-read, (nil), lag, (nil)]]
        XDEL s 3-1 => :1
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :1, last-delivered-id, 1-1, entries-read, :1, lag, (nil)], [name, m, consumers, :1, pending, :1, last-delivered-id, 3-1, entries-read, (nil), lag, (nil)]]
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => ~*
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :2, last-delivered-id, 2-1, entries-read, (nil), lag, (nil)], [name, m, consumers, :1, pending, :1, last-delivered-id, 3-1, entries-read, (nil), lag, (nil)]]
        XREADGROUP GROUP g c STREAMS s > => ~*
        XREADGROUP GROUP m c STREAMS s > => ~*
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :3, last-delivered-id, 4-1, entries-read, :4, lag, :0], [name, m, consumers, :1, pending, :2, last-delivered-id, 4-1, entries-read, :4, lag, :0]]
        XDEL s 1-1 2-1 4-1 => :3
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :3, last-delivered-id, 4-1, entries-read, :4, lag, :0], [name, m, consumers, :1, pending, :2, last-delivered-id, 4-1, entries-read, :4, lag, :0]]
        XGROUP SETID s g 2-1 => +OK
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :3, last-delivered-id, 2-1, entries-read, (nil), lag, :0], [name, m, consumers, :1, pending, :2, last-delivered-id, 4-1, entries-read, :4, lag, :0]]
        XADD s 5-1 a 1 => 5-1
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :3, last-delivered-id, 2-1, entries-read, (nil), lag, :1], [name, m, consumers, :1, pending, :2, last-delivered-id, 4-1, entries-read, :4, lag, :1]]
        XADD s 6-1 a 1 => 6-1
        XTRIM s MAXLEN 1 => :1
        XINFO GROUPS s => [[name, g, consumers, :1, pending, :3, last-delivered-id, 2-1, entries-read, (nil), lag, :1], [name, m, consumers, :1, pending, :2, last-delivered-id, 4-1, entries-read, :4, lag, :2]]
        "#,
    );
}

#[test]
fn consumers_are_described() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c STREAMS s > => ~*
        XINFO CONSUMERS s g => ~*name, c, pending, :1, idle, :*, inactive, :*
          7.0: ~*name, c, pending, :1, idle, :* -- inactive is from 7.2
        XINFO STREAM s FULL => ~*name, g, last-delivered-id, 1-1, entries-read, :1, lag, :0, pel-count, :1, pending, [[1-1, c, :*name, c, seen-time, :*active-time, :*pel-count, :1, pending, [[1-1, :*
          7.0: ~*name, g, last-delivered-id, 1-1, entries-read, :1, lag, :0, pel-count, :1, pending, [[1-1, c, :*name, c, seen-time, :*pel-count, :1, pending, [[1-1, :* -- active-time is from 7.2
        "#,
    );
    check_ours(
        "from 7.2 who asks is there, whether there is anything to get",
        r#"
        XGROUP CREATE s g 0 MKSTREAM => +OK
        XREADGROUP GROUP g a STREAMS s > => (nil-array)
        XCLAIM s g b 0 1-1 => []
        XAUTOCLAIM s g c 0 0 => [0-0, [], []]
        XINFO CONSUMERS s g => ~*a*inactive, :-1*b*inactive, :-1*c*inactive, :-1*
        "#,
    );
}

#[track_caller]
fn block(server: &Server, line: &str, blocked: usize) -> Client {
    let mut client = server.client();
    client.send_line(line);
    let wanted = format!("blocked_clients:{blocked}\r\n");
    let mut control = server.client();
    eventually(&wanted, || control.line("INFO clients").text().contains(&wanted));
    client
}

#[test]
fn an_entry_serves_all_who_read_and_one_of_a_group() {
    on_each(&[], |server| {
        let mut client = server.client();
        assert_eq!(client.ask("XADD s 1-1 a 1"), "1-1");
        assert_eq!(client.ask("XGROUP CREATE s g $"), "+OK");
        let mut readers: Vec<Client> = (1..=3).map(|n| block(server, "XREAD BLOCK 0 STREAMS s t $ $", n)).collect();
        let mut first = block(server, "XREADGROUP GROUP g c1 BLOCK 0 STREAMS s >", 4);
        let mut second = block(server, "XREADGROUP GROUP g c2 BLOCK 0 STREAMS s >", 5);
        assert_eq!(client.ask("XADD s 2-1 a 2"), "2-1");
        for reader in &mut readers {
            assert_eq!(reader.recv().render(), "[[s, [[2-1, [a, 2]]]]]");
        }
        assert_eq!(first.recv().render(), "[[s, [[2-1, [a, 2]]]]]");
        assert_eq!(client.ask("XADD s 3-1 a 3"), "3-1");
        assert_eq!(second.recv().render(), "[[s, [[3-1, [a, 3]]]]]");
        assert_eq!(client.ask("XPENDING s g"), "[:2, 2-1, 3-1, [[c1, 1], [c2, 1]]]");
        let mut late = block(server, "XREAD BLOCK 0 STREAMS s 3-1", 1);
        assert_eq!(client.ask("XADD s 3-5 a 3"), "3-5");
        assert_eq!(late.recv().render(), "[[s, [[3-5, [a, 3]]]]]");
    });
}

#[test]
fn who_waits_for_a_group_that_goes_is_told() {
    let table = |gone: &str, error: &str, error_70: &str| {
        format!(
            "XGROUP CREATE s g 0 MKSTREAM => +OK
            SET str x => +OK
            @b XREADGROUP GROUP g c BLOCK 0 STREAMS s > => (later)
            @c XREAD BLOCK 0 STREAMS s $ => (later)
            INFO clients ~> ~*blocked_clients:2\\r*
            {gone} => ~*
            @b (recv) => {error}
              7.0: {error_70}
            INFO clients ~> ~*blocked_clients:1\\r*
            DEL s => ~*
            XADD s 1 a 1 => 1-0
            @c (recv) => [[s, [[1-0, [a, 1]]]]]
            "
        )
    };
    let no_group = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let no_key_70 = "-UNBLOCKED the stream key no longer exists -- an error of its own until 7.2";
    for gone in [
        "DEL s",
        "UNLINK s",
        "FLUSHALL",
        "FLUSHALL ASYNC",
        "FLUSHDB",
        "SWAPDB 0 1",
        "SWAPDB 1 0",
        "MOVE s 1",
        "RENAME s r",
        "PEXPIRE s -1",
        // Nobody asks for it: the periodic work finds it.
        "PEXPIRE s 20",
        "SUNIONSTORE s none",
        "SORT none STORE s",
        "EVAL \"return redis.call('DEL', KEYS[1])\" 1 s",
    ] {
        check(&table(gone, no_group, no_key_70));
    }
    check(&table(
        "XGROUP DESTROY s g",
        no_group,
        "-NOGROUP the consumer group this client was blocked on no longer exists -- another text until 7.2",
    ));
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for gone in ["SET s x", "MSET s x", "RENAME str s", "COPY str s REPLACE", "BITOP NOT s str"] {
        check(&table(gone, wrong, no_key_70));
    }
}

/// Another stream takes the place of the one that is waited for: its group serves who waits, and without one there is
/// nothing to wait for.
#[test]
fn who_waits_for_a_stream_that_is_replaced() {
    let table = |change: &str, of_group: &str, of_reader: &str| {
        format!(
            "XGROUP CREATE s g 0 MKSTREAM => +OK
            XADD bare 5-1 a 1 => 5-1
            XADD full 5-1 a 1 => 5-1
            XGROUP CREATE full g 0 => +OK
            SELECT 1 => +OK
            XADD s 6-1 a 1 => 6-1
            XGROUP CREATE s g 0 => +OK
            SELECT 0 => +OK
            @b XREADGROUP GROUP g c BLOCK 0 STREAMS s > => (later)
            @c XREAD BLOCK 0 STREAMS s 6-0 => (later)
            INFO clients ~> ~*blocked_clients:2\\r*
            {change} => ~*
            @b (recv) => {of_group}
            XADD s 7-1 a 2 => 7-1
            @c (recv) => [[s, [[{of_reader}]]]]
            INFO clients ~> ~*blocked_clients:0\\r*
            "
        )
    };
    let handed = "[[s, [[5-1, [a, 1]]]]]";
    let no_group = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
              7.0: -NOGROUP the consumer group this client was blocked on no longer exists -- another text until 7.2";
    for (change, of_group, of_reader) in [
        ("RENAME full s", handed, "7-1, [a, 2]"),
        ("COPY full s REPLACE", handed, "7-1, [a, 2]"),
        ("SWAPDB 0 1", "[[s, [[6-1, [a, 1]]]]]", "6-1, [a, 1]"),
        ("RENAME bare s", no_group, "7-1, [a, 2]"),
        ("COPY bare s REPLACE", no_group, "7-1, [a, 2]"),
    ] {
        check(&table(change, of_group, of_reader));
    }
}

/// What an EXEC leaves counts, not what was there in between.
#[test]
fn a_group_that_comes_back_in_one_exec_was_never_gone() {
    for gone in ["DEL s", "XGROUP DESTROY s g", "FLUSHDB", "RENAME s r", "SWAPDB 0 1"] {
        check(&format!(
            "XGROUP CREATE s g 0 MKSTREAM => +OK
            @b XREADGROUP GROUP g c BLOCK 0 STREAMS s > => (later)
            INFO clients ~> ~*blocked_clients:1\\r*
            MULTI => +OK
            {gone} => +QUEUED
            XGROUP CREATE s g 0 MKSTREAM => +QUEUED
            EXEC => ~*
            INFO clients => ~*blocked_clients:1\\r*
            XADD s 1-1 a 1 => 1-1
            @b (recv) => [[s, [[1-1, [a, 1]]]]]
            XPENDING s g => [:1, 1-1, 1-1, [[c, 1]]]
            "
        ));
    }
}

/// What groups and their consumers know is no part of the value that WATCH guards; entries are.
#[test]
fn watch_sees_entries_and_not_groups() {
    for (change, exec) in [
        ("XGROUP CREATE x h 0", "[+PONG]"),
        ("XGROUP SETID x g 0", "[+PONG]"),
        ("XGROUP CREATECONSUMER x g d", "[+PONG]"),
        ("XGROUP DELCONSUMER x g c", "[+PONG]"),
        ("XGROUP DESTROY x g", "[+PONG]"),
        ("XREADGROUP GROUP g c STREAMS x >", "[+PONG]"),
        ("XREADGROUP GROUP g d NOACK STREAMS x >", "[+PONG]"),
        ("XACK x g 1-1", "[+PONG]"),
        ("XCLAIM x g d 0 1-1", "[+PONG]"),
        ("XAUTOCLAIM x g d 0 0", "[+PONG]"),
        ("XSETID x 5-5", "[+PONG]"),
        ("XTRIM x MAXLEN 5", "[+PONG]"),
        ("XTRIM x MAXLEN 1", "(nil-array)"),
        ("XDEL x 1-1", "(nil-array)"),
        ("XADD x 3-1 a b", "(nil-array)"),
        ("XGROUP CREATE y g $ MKSTREAM", "(nil-array)"),
    ] {
        check(&format!(
            "XADD x 1-1 a b => 1-1\nXADD x 2-1 a b => 2-1\nXGROUP CREATE x g 0 => +OK\n\
             XREADGROUP GROUP g c COUNT 1 STREAMS x > => ~*\nWATCH x y => +OK\n{change} => ~*\n\
             MULTI => +OK\nPING => +QUEUED\nEXEC => {exec}\n"
        ));
    }
}
