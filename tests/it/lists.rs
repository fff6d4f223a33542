//! The list commands: pushes and pops at both ends, ranges, LPOS, moves between lists, and those that wait for one.

use crate::support::{check, check_ours, on_each};

#[test]
fn push_and_pop() {
    check(
        r#"
        LPUSH l a => :1
        LPUSH l b c => :3
        RPUSH l d e => :5
        LRANGE l 0 -1 => [c, b, a, d, e]
        TYPE l => +list
        LLEN l => :5
        LLEN nokey => :0
        LPUSHX nokey a => :0
        RPUSHX nokey a b => :0
        EXISTS nokey => :0
        LPUSHX l x y => :7
        RPUSHX l x y => :9
        LRANGE l 0 -1 => [y, x, c, b, a, d, e, x, y]
        LPOP l => y
        RPOP l => y
        LPOP l 2 => [x, c]
        RPOP l 2 => [x, e]
        LPOP l 0 => []
        RPOP l 100 => [d, a, b]
        EXISTS l => :0
        LPOP l => (nil)
        RPOP l => (nil)
        LPOP l 1 => (nil-array)
        LPOP l 0 => (nil-array)
        LPOP l -1 => -ERR value is out of range, must be positive
        LPOP l x => -ERR value is out of range, must be positive
        LPOP l 1.5 => -ERR value is out of range, must be positive
        LPOP l 9223372036854775808 => -ERR value is out of range, must be positive
        LPOP l 1 2 => -ERR wrong number of arguments for 'lpop' command
        RPOP l 1 2 => -ERR wrong number of arguments for 'rpop' command
        RPUSH l 1 2 3 => :3
        LPOP l 9223372036854775807 => [1, 2, 3]
        SET s v => +OK
        LPUSH s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPUSH s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPUSHX s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPUSHX s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPOP s => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPOP s => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPOP s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPOP s -1 => -ERR value is out of range, must be positive
        LLEN s => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPUSH l "" "a\x00\r\n\xff" 007 -0 +1 9223372036854775807 -9223372036854775808 9223372036854775808 => :8
        LRANGE l 0 -1 => ['', 'a\x00\r\n\xff', 007, '-0', '+1', 9223372036854775807, '-9223372036854775808', 9223372036854775808]
        LPUSH => -ERR wrong number of arguments for 'lpush' command
        LPUSH l => -ERR wrong number of arguments for 'lpush' command
        RPUSHX l => -ERR wrong number of arguments for 'rpushx' command
        LPOP => -ERR wrong number of arguments for 'lpop' command
        LLEN => -ERR wrong number of arguments for 'llen' command
        LLEN l l => -ERR wrong number of arguments for 'llen' command
        EXPIRE l 100 => :1
        RPUSH l x => :9
        TTL l => :99..100
        "#,
    );
}

#[test]
fn ranges_and_indexes() {
    check(
        r#"
        RPUSH l a b c d e => :5
        LRANGE l 0 0 => [a]
        LRANGE l 1 3 => [b, c, d]
        LRANGE l -2 -1 => [d, e]
        LRANGE l -100 100 => [a, b, c, d, e]
        LRANGE l 3 1 => []
        LRANGE l 5 10 => []
        LRANGE l 0 -6 => []
        LRANGE l -9223372036854775808 9223372036854775807 => [a, b, c, d, e]
        LRANGE l 9223372036854775807 -9223372036854775808 => []
        LRANGE l x 1 => -ERR value is not an integer or out of range
        LRANGE l 1 x => -ERR value is not an integer or out of range
        LRANGE nokey 0 -1 => []
        LRANGE nokey 0 x => -ERR value is not an integer or out of range
        LRANGE l 0 => -ERR wrong number of arguments for 'lrange' command
        SET s v => +OK
        LRANGE s 0 -1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LRANGE s x 0 => -ERR value is not an integer or out of range
        LINDEX l 0 => a
        LINDEX l 4 => e
        LINDEX l 5 => (nil)
        LINDEX l -1 => e
        LINDEX l -5 => a
        LINDEX l -6 => (nil)
        LINDEX l -9223372036854775808 => (nil)
        LINDEX l x => -ERR value is not an integer or out of range
        LINDEX nokey x => (nil)
        LINDEX nokey 0 => (nil)
        LINDEX s x => -WRONGTYPE Operation against a key holding the wrong kind of value
        LINDEX l => -ERR wrong number of arguments for 'lindex' command
        LSET l 0 A => +OK
        LSET l -1 E => +OK
        LSET l 5 x => -ERR index out of range
        LSET l -6 x => -ERR index out of range
        LSET l x x => -ERR value is not an integer or out of range
        LSET nokey x x => -ERR no such key
        LSET nokey 0 x => -ERR no such key
        LSET s x x => -WRONGTYPE Operation against a key holding the wrong kind of value
        LRANGE l 0 -1 => [A, b, c, d, E]
        LTRIM l 0 -1 => +OK
        LTRIM l 1 -2 => +OK
        LRANGE l 0 -1 => [b, c, d]
        LTRIM l x 1 => -ERR value is not an integer or out of range
        LTRIM nokey 0 x => -ERR value is not an integer or out of range
        LTRIM nokey 0 1 => +OK
        LTRIM s 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LTRIM l -100 0 => +OK
        LRANGE l 0 -1 => [b]
        LTRIM l 5 9 => +OK
        EXISTS l => :0
        RPUSH l a b => :2
        LTRIM l 1 0 => +OK
        EXISTS l => :0
        "#,
    );
}

#[test]
fn insert_and_remove() {
    check(
        r#"
        RPUSH l a b c b a => :5
        LINSERT l BEFORE b x => :6
        LINSERT l after b y => :7
        LINSERT l BEFORE zz q => :-1
        LINSERT l foo a b => -ERR syntax error
        LINSERT nokey foo a b => -ERR syntax error
        LINSERT nokey BEFORE a b => :0
        EXISTS nokey => :0
        LRANGE l 0 -1 => [a, x, b, y, c, b, a]
        LINSERT l BEFORE a => -ERR wrong number of arguments for 'linsert' command
        SET s v => +OK
        LINSERT s BEFORE a b => -WRONGTYPE Operation against a key holding the wrong kind of value
        LINSERT s foo a b => -ERR syntax error
        LREM l 1 a => :1
        LREM l -1 b => :1
        LRANGE l 0 -1 => [x, b, y, c, a]
        LREM l 0 zz => :0
        LREM l x a => -ERR value is not an integer or out of range
        LREM nokey x a => -ERR value is not an integer or out of range
        LREM nokey 0 a => :0
        LREM s 0 a => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPUSH l 5 5 05 5 => :9
        LREM l 0 5 => :3
        LRANGE l 0 -1 => [x, b, y, c, a, 05]
        DEL l => :1
        RPUSH l a b a c a d a => :7
        LREM l 2 a => :2
        LRANGE l 0 -1 => [b, c, a, d, a]
        LREM l -9223372036854775808 a => :2
        LRANGE l 0 -1 => [b, c, d]
        LREM l 9223372036854775807 b => :1
        LREM l 0 c => :1
        LREM l 0 d => :1
        EXISTS l => :0
        "#,
    );
}

#[test]
fn lpos() {
    check(
        r#"
        RPUSH l a b c 1 2 3 c c => :8
        LPOS l c => :2
        LPOS l 2 => :4
        LPOS l zz => (nil)
        LPOS l c RANK 2 => :6
        LPOS l c RANK -1 => :7
        LPOS l c RANK -3 => :2
        LPOS l c RANK 4 => (nil)
        LPOS l c COUNT 2 => [:2, :6]
        LPOS l c COUNT 0 => [:2, :6, :7]
        LPOS l c COUNT 0 RANK -1 => [:7, :6, :2]
        LPOS l c COUNT 2 RANK -1 => [:7, :6]
        LPOS l c COUNT 1 RANK 9 => []
        LPOS l c MAXLEN 2 => (nil)
        LPOS l c MAXLEN 3 => :2
        LPOS l c MAXLEN 0 => :2
        LPOS l c COUNT 0 MAXLEN 7 => [:2, :6]
        LPOS l c COUNT 0 MAXLEN 2 RANK -1 => [:7, :6]
        LPOS l zz COUNT 0 => []
        lpos l c rank 1 rank 2 count 0 maxlen 100 => [:6, :7]
        LPOS nokey a => (nil)
        LPOS nokey a COUNT 0 => []
        LPOS nokey a RANK 0 => -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        LPOS l a RANK 0 => -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        LPOS l a RANK x => -ERR value is not an integer or out of range
        LPOS l a COUNT -1 => -ERR COUNT can't be negative
        LPOS l a COUNT x => -ERR COUNT can't be negative
        LPOS l a MAXLEN -1 => -ERR MAXLEN can't be negative
        LPOS l a MAXLEN x => -ERR MAXLEN can't be negative
        LPOS l a FOO 1 => -ERR syntax error
        LPOS l a RANK => -ERR syntax error
        LPOS l a RANK 1 COUNT => -ERR syntax error
        LPOS l => -ERR wrong number of arguments for 'lpos' command
        LPOS l c RANK 9223372036854775807 => (nil)
        LPOS l c RANK -9223372036854775807 => (nil)
        LPOS l c COUNT 9223372036854775807 MAXLEN 9223372036854775807 => [:2, :6, :7]
        SET s v => +OK
        LPOS s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPOS s a RANK 0 => -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        "#,
    );
    check_ours(
        "Redis 7.2: 7.0 negates what cannot be negated",
        "LPOS l c RANK -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and \
         9223372036854775807\n",
    );
}

#[test]
fn moves() {
    check(
        r#"
        RPUSH a 1 2 3 => :3
        LMOVE a b LEFT RIGHT => 1
        LMOVE a b right left => 3
        LRANGE a 0 -1 => [2]
        LRANGE b 0 -1 => [3, 1]
        LMOVE a b LEFT LEFT => 2
        EXISTS a => :0
        LRANGE b 0 -1 => [2, 3, 1]
        LMOVE a b LEFT LEFT => (nil)
        LMOVE b b LEFT RIGHT => 2
        LRANGE b 0 -1 => [3, 1, 2]
        LMOVE b b RIGHT LEFT => 2
        LRANGE b 0 -1 => [2, 3, 1]
        LMOVE b b LEFT LEFT => 2
        RPOPLPUSH b b => 1
        LRANGE b 0 -1 => [1, 2, 3]
        RPOPLPUSH b c => 3
        RPOPLPUSH nokey c => (nil)
        RPUSH one x => :1
        EXPIRE one 100 => :1
        LMOVE one one LEFT RIGHT => x
        TTL one => :99..100
        LMOVE nokey nokey LEFT LEFT => (nil)
        SET s v => +OK
        LMOVE b s LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMOVE s b LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMOVE s s LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMOVE nokey s LEFT LEFT => (nil)
        RPOPLPUSH b s => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPOPLPUSH s b => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPOPLPUSH nokey s => (nil)
        LRANGE b 0 -1 => [1, 2]
        LMOVE b c foo LEFT => -ERR syntax error
        LMOVE b c LEFT foo => -ERR syntax error
        LMOVE nokey c foo foo => -ERR syntax error
        LMOVE b c LEFT => -ERR wrong number of arguments for 'lmove' command
        RPOPLPUSH b => -ERR wrong number of arguments for 'rpoplpush' command
        "#,
    );
}

#[test]
fn lmpop() {
    check(
        r#"
        RPUSH a 1 2 3 => :3
        RPUSH b x y => :2
        LMPOP 2 nokey a LEFT => [a, [1]]
        LMPOP 2 nokey a RIGHT COUNT 5 => [a, [3, 2]]
        EXISTS a => :0
        LMPOP 3 nokey a b right count 1 => [b, [y]]
        LMPOP 1 nokey LEFT => (nil-array)
        LMPOP 2 nokey nokey2 LEFT COUNT 2 => (nil-array)
        LMPOP 0 b LEFT => -ERR numkeys should be greater than 0
        LMPOP -1 b LEFT => -ERR numkeys should be greater than 0
        LMPOP x b LEFT => -ERR numkeys should be greater than 0
        LMPOP 9223372036854775807 b LEFT => -ERR syntax error
        LMPOP 2 b LEFT => -ERR syntax error
        LMPOP 1 b FOO => -ERR syntax error
        LMPOP 1 b LEFT COUNT => -ERR syntax error
        LMPOP 1 b LEFT COUNT 0 => -ERR count should be greater than 0
        LMPOP 1 b LEFT COUNT -1 => -ERR count should be greater than 0
        LMPOP 1 b LEFT COUNT x => -ERR count should be greater than 0
        LMPOP 1 b LEFT COUNT 1 COUNT 1 => -ERR syntax error
        LMPOP 1 b LEFT FOO 1 => -ERR syntax error
        LMPOP 1 b => -ERR wrong number of arguments for 'lmpop' command
        SET s v => +OK
        LMPOP 2 s b LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMPOP 2 b s LEFT => [b, [x]]
        LMPOP 2 b s LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        COMMAND GETKEYS LMPOP 2 a b LEFT => [a, b]
        HELLO 3 => ~*
        LMPOP 1 nokey LEFT => (null)
        RPUSH b 1 => :1
        LMPOP 1 b LEFT COUNT 9223372036854775807 => [b, [1]]
        LPOP nokey 1 => (null)
        LPOP nokey => (null)
        "#,
    );
}

/// What the blocking commands do where they need not wait, or must not.
#[test]
fn blocking_commands_that_find_something() {
    check(
        r#"
        RPUSH l 1 2 3 4 5 6 7 8 9 => :9
        BLPOP l 0 => [l, 1]
        BRPOP nokey l 0.5 => [l, 9]
        BLPOP l l 1e3 => [l, 2]
        BRPOP l 0x10 => [l, 8]
        BLMOVE l m LEFT RIGHT 0 => 3
        BLMOVE l l LEFT RIGHT 0 => 4
        BRPOPLPUSH l m 0 => 4
        BLMPOP 0 2 nokey l RIGHT => [l, [7]]
        BLMPOP 0 1 l LEFT COUNT 10 => [l, [5, 6]]
        EXISTS l => :0
        LRANGE m 0 -1 => [4, 3]
        BLPOP m x => -ERR timeout is not a float or out of range
        BLPOP m "" => -ERR timeout is not a float or out of range
        BLPOP m -1 => -ERR timeout is negative
        BLPOP m nan => -ERR timeout is not a float or out of range
        BLPOP nokey x => -ERR timeout is not a float or out of range
        BLPOP m => -ERR wrong number of arguments for 'blpop' command
        BLMOVE m l LEFT RIGHT x => -ERR timeout is not a float or out of range
        BLMOVE m l LEFT foo x => -ERR syntax error
        BLMOVE m l LEFT RIGHT -1 => -ERR timeout is negative
        BLMOVE m l LEFT RIGHT => -ERR wrong number of arguments for 'blmove' command
        BRPOPLPUSH m l x => -ERR timeout is not a float or out of range
        BRPOPLPUSH m l -1 => -ERR timeout is negative
        BLMPOP x 1 m LEFT => -ERR timeout is not a float or out of range
        BLMPOP x 1 m FOO => -ERR syntax error
        BLMPOP x 0 m LEFT => -ERR numkeys should be greater than 0
        BLMPOP -1 1 m LEFT => -ERR timeout is negative
        BLMPOP 0 1 m LEFT COUNT 0 => -ERR count should be greater than 0
        BLMPOP 0 1 m LEFT COUNT 1 COUNT 1 => -ERR syntax error
        BLMPOP 0 9 m LEFT => -ERR syntax error
        SET s v => +OK
        BLPOP s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLPOP s x => -ERR timeout is not a float or out of range
        BLPOP nokey s m 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLPOP m s 0 => [m, 4]
        BLMOVE s m LEFT LEFT 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLMOVE m s LEFT LEFT 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BRPOPLPUSH m s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLMPOP 0 2 s m LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        MULTI => +OK
        BLPOP nokey 0 => +QUEUED
        BRPOP nokey 0 => +QUEUED
        BLMOVE nokey m LEFT RIGHT 0 => +QUEUED
        BLMOVE nokey s LEFT RIGHT 0 => +QUEUED
        BRPOPLPUSH nokey m 0 => +QUEUED
        BLMPOP 0 1 nokey LEFT => +QUEUED
        BLPOP m 0 => +QUEUED
        EXEC => [(nil-array), (nil-array), (nil), (nil), (nil), (nil-array), [m, 3]]
        COMMAND GETKEYS BLPOP a b 0 => [a, b]
        COMMAND GETKEYS BLMPOP 0 2 a b LEFT => [a, b]
        HELLO 3 => ~*
        MULTI => +OK
        BLPOP nokey 0 => +QUEUED
        BLMOVE nokey m LEFT RIGHT 0 => +QUEUED
        EXEC => [(null), (null)]
        HELLO 2 => ~*
        BLPOP nokey nokey2 0.001 => (nil-array)
        BLMOVE nokey m LEFT RIGHT 0.001 => (nil-array)
        BRPOPLPUSH nokey m 0.001 => (nil-array)
        BLMPOP 0.001 1 nokey LEFT => (nil-array)
        BLPOP l 1e30 => -ERR timeout is out of range
          7.0: -ERR timeout is negative -- 7.0 lets it overflow
        BLPOP l inf => -ERR timeout is out of range
          7.0: -ERR timeout is negative -- 7.0 lets it overflow
        "#,
    );
}

/// Clients that wait are served in the order in which they came, each with what its own command would have got.
#[test]
fn waiting_clients_are_served() {
    check(
        r#"
        @b BLPOP nokey l 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        @c BRPOP l 0 => (later)
        INFO clients ~> ~*blocked_clients:2*
        @d BLMOVE l m RIGHT LEFT 0 => (later)
        INFO clients ~> ~*blocked_clients:3*
        @e BLMPOP 0 2 nokey l LEFT COUNT 2 => (later)
        INFO clients ~> ~*blocked_clients:4*
        RPUSH l 1 2 3 4 5 6 => :6
        @b (recv) => [l, 1]
        @c (recv) => [l, 6]
        @d (recv) => 5
        @e (recv) => [l, [2, 3]]
        LRANGE l 0 -1 => [4]
        LRANGE m 0 -1 => [5]
        INFO clients ~> ~*blocked_clients:0*
        # A value of another type does not serve, and a change of the key to a list does.
        @b BLPOP k 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        SET k v => +OK
        INFO clients ~> ~*blocked_clients:1*
        LPOP l => 4
        RPUSH l x y => :2
        RENAME l k => +OK
        @b (recv) => [k, x]
        # The destination of a move may serve another, or be of the wrong type.
        @b BLMOVE a b LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        @c BRPOPLPUSH b c 0 => (later)
        INFO clients ~> ~*blocked_clients:2*
        LPUSH a z => :1
        @b (recv) => z
        @c (recv) => z
        LRANGE c 0 -1 => [z]
        @b BLMOVE a s LEFT RIGHT 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        SET s v => +OK
        LPUSH a z => :1
        @b (recv) => -WRONGTYPE Operation against a key holding the wrong kind of value
        LLEN a => :1
        # All of a transaction is done before anybody is served.
        @b BLPOP q 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        MULTI => +OK
        RPUSH q 1 => +QUEUED
        LPUSH q 0 => +QUEUED
        EXEC => [:1, :2]
        @b (recv) => [q, 0]
        LRANGE q 0 -1 => [1]
        @b BLPOP r 0.05 => (nil-array)
        @b BLMOVE r q LEFT LEFT 0.05 => (nil-array)
        @b BRPOPLPUSH r q 0.05 => (nil-array)
        @b BLMPOP 0.05 1 r LEFT => (nil-array)
        # SORT makes lists too.
        @b BLPOP sorted 0 => (later)
        INFO clients ~> ~*blocked_clients:1*
        RPUSH unsorted 3 1 2 => :3
        SORT unsorted STORE sorted => :3
        @b (recv) => [sorted, 1]
        "#,
    );
}

#[test]
fn watch_sees_what_changes_a_list() {
    for (change, seen) in [
        ("LTRIM l 0 -1", true),
        ("LREM l 0 nothing", false),
        ("LPOP l 0", false),
        ("LMOVE l l LEFT LEFT", true),
        ("LSET l 0 a", true),
        ("LINSERT l BEFORE nothing x", false),
        ("RPUSH l x", true),
        ("RPUSHX nokey x", false),
    ] {
        let exec = if seen { "(nil-array)" } else { "[+PONG]" };
        check(&format!(
            "RPUSH l a b => :2\nWATCH l nokey => +OK\n{change} => ~*\nMULTI => +OK\nPING => +QUEUED\nEXEC => {exec}\n"
        ));
    }
}

/// What takes a list over the limit, and back.
#[test]
fn encodings() {
    check_ours(
        "Redis 7.2: 7.0 has quicklists only",
        r#"
        RPUSH l a => :1
        OBJECT ENCODING l => listpack
        CONFIG SET list-max-listpack-size 3 => +OK
        CONFIG GET list-max-ziplist-size => [list-max-ziplist-size, 3]
        RPUSH l b c => :3
        OBJECT ENCODING l => listpack
        RPUSH l d => :4
        OBJECT ENCODING l => quicklist
        LPOP l 2 => [a, b]
        OBJECT ENCODING l => quicklist
        LPOP l => c
        OBJECT ENCODING l => listpack
        LINSERT l BEFORE d c => :2
        RPUSH l e => :3
        LINSERT l AFTER e f => :4
        OBJECT ENCODING l => quicklist
        LRANGE l 0 -1 => [c, d, e, f]
        COPY l m => :1
        OBJECT ENCODING m => quicklist
        LTRIM l 0 0 => +OK
        OBJECT ENCODING l => listpack
        CONFIG SET list-max-ziplist-size -1 list-compress-depth 1 => +OK
        CONFIG SET list-compress-depth -1 => ~-ERR *
        "#,
    );
}

/// A list of all sizes of elements in many nodes, some of them compressed, changed everywhere.
#[test]
fn long_lists() {
    for args in [&[][..], &["--list-max-listpack-size", "5", "--list-compress-depth", "1"]] {
        on_each(args, |server| {
            let mut client = server.client();
            let text = |i: usize| match i % 7 {
                0 => "x".repeat(i * 10),
                1 => "y".repeat(70_000),
                2 => String::new(),
                _ => i.to_string(),
            };
            let mut model: Vec<String> = Vec::new();
            for i in 0..120 {
                let text = text(i);
                assert_eq!(client.command(&["RPUSH", "l", &text]).render(), format!(":{}", i + 1));
                model.push(text);
            }
            for i in (0..120).step_by(9) {
                let new = text(i + 3);
                client.command(&["LSET", "l", &i.to_string(), &new]);
                model[i] = new;
            }
            client.command(&["LINSERT", "l", "AFTER", "19", "new"]);
            model.insert(model.iter().position(|t| t == "19").unwrap() + 1, "new".into());
            assert_eq!(client.command(&["LREM", "l", "-3", "19"]).render(), ":1");
            assert_eq!(client.command(&["LREM", "l", "-2", ""]).render(), ":2");
            model.remove(model.iter().rposition(|text| text == "19").unwrap());
            for _ in 0..2 {
                model.remove(model.iter().rposition(String::is_empty).unwrap());
            }
            client.command(&["LTRIM", "l", "5", "-4"]);
            model = model[5..model.len() - 3].to_vec();
            let all = client.command(&["LRANGE", "l", "0", "-1"]);
            assert!(all.items().iter().map(|v| v.bytes()).eq(model.iter().map(|t| t.as_bytes())));
            let some = client.command(&["LRANGE", "l", "50", "-20"]);
            assert!(
                some.items().iter().map(|v| v.bytes()).eq(model[50..model.len() - 19].iter().map(|t| t.as_bytes()))
            );
            for (i, text) in model.iter().enumerate() {
                assert_eq!(client.command(&["LINDEX", "l", &i.to_string()]).bytes(), text.as_bytes());
            }
        });
    }
}
