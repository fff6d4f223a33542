//! Streams: entries added, read, trimmed, deleted and described. Groups are in `streams_groups.rs`.

use crate::support::{check, check_ours, check_with};

#[test]
fn adding() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        TYPE s => +stream
        OBJECT ENCODING s => stream
        XADD s 1-1 a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 0-5 a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 0-0 a 1 => -ERR The ID specified in XADD must be greater than 0-0
        XADD new 0 a 1 => -ERR The ID specified in XADD must be greater than 0-0
        XADD new 0-* a 1 => 0-1
        XADD s 1-* a 1 b 2 => 1-2
        XADD s 5-* a 1 => 5-0
        XADD s 4-* a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 007 a "" => 7-0
        XLEN s => :4
        XRANGE s - + => [[1-1, [a, 1]], [1-2, [a, 1, b, 2]], [5-0, [a, 1]], [7-0, [a, '']]]
        XADD s abc a 1 => -ERR Invalid stream ID specified as stream command argument
        XADD s 1-2-3 a 1 => -ERR Invalid stream ID specified as stream command argument
        XADD s 8-1-* a 1 => -ERR Invalid stream ID specified as stream command argument
        XADD s - a 1 => -ERR Invalid stream ID specified as stream command argument
        XADD s + a 1 => -ERR Invalid stream ID specified as stream command argument
        XADD s 9 a => -ERR wrong number of arguments for 'xadd' command
        XADD s 9 a 1 b => -ERR wrong number of arguments for 'xadd' command
        XADD s NOMKSTREAM 9 a => -ERR wrong number of arguments for 'xadd' command
        XADD no NOMKSTREAM 9 a 1 => (nil)
        EXISTS no => :0
        XADD s nomkstream 9 a 1 => 9-0
        XADD s * a 1 => ~*-0
        XADD s 18446744073709551615-18446744073709551615 a 1 => 18446744073709551615-18446744073709551615
        XADD s * a 1 => -ERR The stream has exhausted the last possible ID, unable to add more items
        XADD s 18446744073709551615-* a 1 => -ERR The stream has exhausted the last possible ID, unable to add more items
        XADD s 1 a 1 => -ERR The stream has exhausted the last possible ID, unable to add more items
        SET str x => +OK
        XADD str 1 a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        XLEN str => -WRONGTYPE Operation against a key holding the wrong kind of value
        XLEN nokey => :0
        SORT s => -WRONGTYPE Operation against a key holding the wrong kind of value
        SCAN 0 TYPE stream => ~*
        "#,
    );
}

#[test]
fn trimming() {
    check(
        r#"
        XADD s MAXLEN 2 1 a 1 => 1-0
        XADD s MAXLEN 2 2 a 1 => 2-0
        XADD s MAXLEN = 2 3 a 1 => 3-0
        XRANGE s - + => [[2-0, [a, 1]], [3-0, [a, 1]]]
        XADD s MINID 3 4 a 1 => 4-0
        XADD s MINID = 3-1 5 a 1 => 5-0
        XRANGE s - + => [[4-0, [a, 1]], [5-0, [a, 1]]]
        XADD s MAXLEN ~ 1 6 a 1 => 6-0
        XADD s MAXLEN ~ 1 LIMIT 0 7 a 1 => 7-0
        XLEN s => :4
        XTRIM s MAXLEN ~ 1 => :0
        XTRIM s MAXLEN 3 => :1
        XTRIM s MINID 6 => :1
        XTRIM s MINID ~ 100 => :2
        EXISTS s => :1
        XLEN s => :0
        XADD s MAXLEN 0 8 a 1 => 8-0
        XLEN s => :0
        XTRIM s MAXLEN -1 => -ERR The MAXLEN argument must be >= 0.
        XTRIM s MAXLEN x => -ERR value is not an integer or out of range
        XTRIM s MINID x => -ERR Invalid stream ID specified as stream command argument
        XTRIM s MAXLEN 1 2 => -ERR syntax error
        XTRIM s MAXLEN 1 = => -ERR syntax error
        XTRIM s FOO 1 => -ERR syntax error
        XTRIM s NOMKSTREAM MAXLEN 1 => -ERR syntax error
        XTRIM s MAXLEN 1 LIMIT 5 => -ERR syntax error, LIMIT cannot be used without the special ~ option
        XTRIM s MAXLEN = 1 LIMIT 5 => -ERR syntax error, LIMIT cannot be used without the special ~ option
        XTRIM s MAXLEN ~ 1 LIMIT x => -ERR value is not an integer or out of range
        XTRIM s MAXLEN ~ 1 LIMIT -1 => -ERR The LIMIT argument must be >= 0.
        XTRIM s LIMIT 5 => -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        XADD s LIMIT 5 9 a 1 => -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        XADD s MAXLEN 1 MINID 1 9 a 1 => -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        XTRIM nokey MAXLEN 1 => :0
        "#,
    );
}

/// The lengths after approximate trims are those of the nodes.
#[test]
fn nodes() {
    let mut table = String::new();
    for n in 1..=20 {
        table += &format!("XADD k {n} a 1 => {n}-0\n");
    }
    table += r#"
        XINFO STREAM k => [length, :20, radix-tree-keys, :7, radix-tree-nodes, :16, last-generated-id, 20-0, max-deleted-entry-id, 0-0, entries-added, :20, recorded-first-entry-id, 1-0, groups, :0, first-entry, [1-0, [a, 1]], last-entry, [20-0, [a, 1]]]
        XTRIM k MAXLEN ~ 7 => :12
        XTRIM k MAXLEN ~ 5 LIMIT 2 => :0
        XTRIM k MAXLEN ~ 5 LIMIT 3 => :3
        XTRIM k MAXLEN ~ 5 LIMIT 6 => :0
        XDEL k 16 => :1
        XTRIM k MINID ~ 18-0 => :0
        XTRIM k MINID ~ 19-0 => :2
        XINFO STREAM k => [length, :2, radix-tree-keys, :1, radix-tree-nodes, :2, last-generated-id, 20-0, max-deleted-entry-id, 16-0, entries-added, :20, recorded-first-entry-id, 19-0, groups, :0, first-entry, [19-0, [a, 1]], last-entry, [20-0, [a, 1]]]
        CONFIG SET stream-node-max-entries 0 stream-node-max-bytes 100 => +OK
        "#;
    for n in 1..=12 {
        table += &format!("XADD b {n} field {} => {n}-0\n", "v".repeat(n * 4));
    }
    table += r#"
        XTRIM b MAXLEN ~ 0 LIMIT 1 => :0
        XTRIM b MAXLEN ~ 5 => :6
        XTRIM b MAXLEN ~ 4 => :2
        XDEL b 9 10 => :2
        XLEN b => :2
        "#;
    check_with(&["--stream-node-max-entries", "3"], &table);
}

#[test]
fn ranges() {
    check(
        r#"
        XADD s 1-1 a 1 => 1-1
        XADD s 1-2 a 2 b 2 => 1-2
        XADD s 2-1 a 3 => 2-1
        XADD s 3-1 a 4 => 3-1
        XRANGE s 1 1 => [[1-1, [a, 1]], [1-2, [a, 2, b, 2]]]
        XRANGE s 1-2 2 => [[1-2, [a, 2, b, 2]], [2-1, [a, 3]]]
        XRANGE s (1-1 (2-1 => [[1-2, [a, 2, b, 2]]]
        XRANGE s (1 + COUNT 1 => [[1-1, [a, 1]]]
        XRANGE s 5 + => []
        XRANGE s 3 1 => []
        XREVRANGE s + - COUNT 2 => [[3-1, [a, 4]], [2-1, [a, 3]]]
        XREVRANGE s 2 1-2 => [[2-1, [a, 3]], [1-2, [a, 2, b, 2]]]
        XREVRANGE s (3-1 (1-1 => [[2-1, [a, 3]], [1-2, [a, 2, b, 2]]]
        XREVRANGE s - + => []
        XDEL s 1-2 => :1
        XRANGE s - + => [[1-1, [a, 1]], [2-1, [a, 3]], [3-1, [a, 4]]]
        XREVRANGE s + - => [[3-1, [a, 4]], [2-1, [a, 3]], [1-1, [a, 1]]]
        XRANGE s - + COUNT 0 => (nil-array)
        XRANGE s - + COUNT -1 => (nil-array)
        XRANGE s - + COUNT 1 COUNT 2 => [[1-1, [a, 1]], [2-1, [a, 3]]]
        XRANGE s - + COUNT x => -ERR value is not an integer or out of range
        XRANGE s - + COUNT => -ERR syntax error
        XRANGE s - + FOO 1 => -ERR syntax error
        XRANGE s ( + => -ERR Invalid stream ID specified as stream command argument
        XRANGE s (- + => -ERR Invalid stream ID specified as stream command argument
        XRANGE s x + => -ERR Invalid stream ID specified as stream command argument
        XRANGE s (18446744073709551615-18446744073709551615 + => -ERR invalid start ID for the interval
        XRANGE s - (0-0 => -ERR invalid end ID for the interval
        XRANGE nokey - + => []
        XRANGE nokey - + COUNT 0 => []
        XDEL s 9 1 1-1 x => -ERR Invalid stream ID specified as stream command argument
        XDEL s 9 1 1-1 1-1 => :1
        XDEL nokey x => :0
        SET str x => +OK
        XRANGE str - + => -WRONGTYPE Operation against a key holding the wrong kind of value
        XDEL str 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn counters() {
    check(
        r#"
        XSETID nokey 1 => -ERR no such key
        XADD s 5-1 a 1 => 5-1
        XSETID s 4 => -ERR The ID specified in XSETID is smaller than the target stream top item
        XSETID s 6 ENTRIESADDED 0 => -ERR The entries_added specified in XSETID is smaller than the target stream length
        XSETID s 6 ENTRIESADDED -1 MAXDELETEDID 1 => -ERR entries_added must be positive
        XSETID s 6 ENTRIESADDED 5 MAXDELETEDID 7 => -ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
        XSETID s 6 ENTRIESADDED 5 => +OK
        XSETID s 6 MAXDELETEDID 1 => +OK
        XINFO STREAM s => [length, :1, radix-tree-keys, :1, radix-tree-nodes, :2, last-generated-id, 6-0, max-deleted-entry-id, 1-0, entries-added, :5, recorded-first-entry-id, 5-1, groups, :0, first-entry, [5-1, [a, 1]], last-entry, [5-1, [a, 1]]]
        XDEL s 5-1 => :1
        XSETID s 2 => +OK
        XINFO STREAM s => [length, :0, radix-tree-keys, :0, radix-tree-nodes, :1, last-generated-id, 2-0, max-deleted-entry-id, 5-1, entries-added, :5, recorded-first-entry-id, 0-0, groups, :0, first-entry, (nil), last-entry, (nil)]
        XINFO STREAM s FULL => [length, :0, radix-tree-keys, :0, radix-tree-nodes, :1, last-generated-id, 2-0, max-deleted-entry-id, 5-1, entries-added, :5, recorded-first-entry-id, 0-0, entries, [], groups, []]
        XSETID s x => -ERR Invalid stream ID specified as stream command argument
        XSETID s 7 FOO 1 => -ERR syntax error
        XINFO STREAM nokey => -ERR no such key
        XINFO STREAM s FOO => -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        XINFO STREAM s FULL COUNT x => -ERR value is not an integer or out of range
        XINFO STREAM s FULL FOO 1 => -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        XINFO FOO s => -ERR unknown subcommand 'FOO'. Try XINFO HELP.
        XINFO HELP => ~[+XINFO \<subcommand> [\<arg> [value] [opt] ...]. Subcommands are:, +CONSUMERS *
        "#,
    );
}

#[test]
fn reading() {
    check(
        r#"
        XADD a 1-1 f 1 => 1-1
        XADD a 2-1 f 2 => 2-1
        XADD b 1-1 g 1 => 1-1
        XREAD STREAMS a b 0 0 => [[a, [[1-1, [f, 1]], [2-1, [f, 2]]]], [b, [[1-1, [g, 1]]]]]
        XREAD COUNT 1 STREAMS a b 0 1-1 => [[a, [[1-1, [f, 1]]]]]
        XREAD COUNT 0 STREAMS b 0 => [[b, [[1-1, [g, 1]]]]]
        XREAD COUNT -3 STREAMS b 0 => [[b, [[1-1, [g, 1]]]]]
        XREAD STREAMS a $ => (nil-array)
        XREAD STREAMS nokey 0 => (nil-array)
        XREAD BLOCK 1 STREAMS a nokey $ 0 => (nil-array)
        MULTI => +OK
        XREAD BLOCK 0 STREAMS a $ => +QUEUED
        EXEC => [(nil-array)]
        HELLO 3 => ~*
        XREAD STREAMS a b 1-1 0 => {a: [[2-1, [f, 2]]], b: [[1-1, [g, 1]]]}
        XREAD STREAMS a $ => (null)
        HELLO 2 => ~*
        XREAD STREAMS a > => -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
        XREAD STREAMS a x => -ERR Invalid stream ID specified as stream command argument
        XREAD STREAMS a b c => -ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.
          7.0: -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified. -- other words from 7.2
        XREAD COUNT x STREAMS a 0 => -ERR value is not an integer or out of range
        XREAD BLOCK x STREAMS a 0 => -ERR timeout is not an integer or out of range
        XREAD BLOCK -1 STREAMS a 0 => -ERR timeout is negative
        XREAD COUNT 1 2 => -ERR syntax error
        XREAD NOACK STREAMS a 0 => -ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
        XREAD GROUP g c STREAMS a 0 => -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
        SET str x => +OK
        XREAD STREAMS str 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
    check_ours(
        "+ is from Redis 7.4",
        r#"
        XREAD STREAMS a + => (nil-array)
        XADD a 1-1 f 1 => 1-1
        XADD a 2-1 f 2 => 2-1
        XREAD COUNT 5 STREAMS a + => [[a, [[2-1, [f, 2]]]]]
        XDEL a 2-1 => :1
        XREAD STREAMS a nokey + + => [[a, [[1-1, [f, 1]]]]]
        "#,
    );
}

#[test]
fn references() {
    check_ours(
        "from Redis 8.2",
        r#"
        XDELEX nokey IDS 2 1 2 => [:-1, :-1]
        XADD s 1 a 1 => 1-0
        XADD s 2 a 1 => 2-0
        XADD s 3 a 1 => 3-0
        XADD s 4 a 1 => 4-0
        XGROUP CREATE s g 0 => +OK
        XGROUP CREATE s h 0 => +OK
        XREADGROUP GROUP g c COUNT 3 STREAMS s > => ~*
        XREADGROUP GROUP h c COUNT 2 STREAMS s > => ~*
        XDELEX s ACKED IDS 2 1 9 => [:2, :-1]
        XACK s g 1 => :1
        XDELEX s ACKED IDS 1 1 => [:2]
        XACK s h 1 => :1
        XDELEX s ACKED IDS 1 1 => [:1]
        XDELEX s KEEPREF IDS 1 2 => [:1]
        XPENDING s g - + 10 c => ~*2-0*
        XDELEX s DELREF IDS 1 2 => [:-1]
        XPENDING s h => [:0, (nil), (nil), (nil-array)]
        XACKDEL s g ACKED IDS 2 3 4 => [:2, :-1]
        XLEN s => :2
        XTRIM s MAXLEN 0 ACKED => :0
        XREADGROUP GROUP h c STREAMS s > => ~*
        XACKDEL s h ACKED IDS 1 3 => [:1]
        XREADGROUP GROUP g c STREAMS s > => ~*
        XTRIM s MAXLEN 0 DELREF => :1
        XPENDING s g => [:0, (nil), (nil), (nil-array)]
        XADD s KEEPREF MAXLEN 5 9 a 1 => 9-0
        XADD s MAXLEN 1 ACKED 10 a 1 => 10-0
        XLEN s => :2
        XDELEX s IDS 0 1 => -ERR Number of IDs must be a positive integer
        XDELEX s IDS x 1 => -ERR Number of IDs must be a positive integer
        XDELEX s IDS 3 1 => -ERR The `numids` parameter must match the number of arguments
        XDELEX s IDS 1 1 2 => -ERR The `numids` parameter must match the number of arguments
        XDELEX s FOO IDS 1 1 => -ERR syntax error
        XDELEX s IDS 1 x => -ERR Invalid stream ID specified as stream command argument
        XACKDEL s nosuch IDS 1 9 => [:-1]
        XACKDEL nokey g IDS 1 9 => [:-1]
        "#,
    );
}

#[test]
fn the_keyspace_knows_streams() {
    check(
        r#"
        XADD s 1-1 a 1 b 2 => 1-1
        XADD s 1-2 c 3 => 1-2
        XGROUP CREATE s g 0 => +OK
        XREADGROUP GROUP g c STREAMS s > => ~*
        DEBUG DIGEST-VALUE s => [+ce1067df7a6c4c83a941486037acfc6a9fbe470f]
        COPY s t => :1
        DEBUG DIGEST-VALUE t => [+ce1067df7a6c4c83a941486037acfc6a9fbe470f]
        XPENDING t g => [:2, 1-1, 1-2, [[c, 2]]]
        XACK t g 1-1 => :1
        XPENDING s g => [:2, 1-1, 1-2, [[c, 2]]]
        RENAME s u => +OK
        XLEN u => :2
        EXPIRE u 1000 => :1
        XADD u 2 a 1 => 2-0
        TTL u => ~*
        MEMORY USAGE u SAMPLES 5 => ~*
        DEBUG OBJECT u => ~*encoding:stream*
        UNLINK u => :1
        FLUSHALL => +OK
        EXISTS t => :0
        "#,
    );
}
