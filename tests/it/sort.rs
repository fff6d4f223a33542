//! SORT and SORT_RO: their options, over lists, sets and sorted sets.

use crate::support::{check, on_each};

#[test]
fn order_and_limit() {
    check(
        r#"
        RPUSH l 3 10 2 -1 1.5 => :5
        SADD s 3 10 2 => :3
        ZADD z 1 c 2 b 3 a => :3
        SORT l => ['-1', 1.5, 2, 3, 10]
        SORT l DESC => [10, 3, 2, 1.5, '-1']
        SORT l ASC => ['-1', 1.5, 2, 3, 10]
        SORT l ALPHA => ['-1', 1.5, 10, 2, 3]
        SORT l ALPHA DESC => [3, 2, 10, 1.5, '-1']
        sort l desc asc => ['-1', 1.5, 2, 3, 10]
        SORT l LIMIT 1 2 => [1.5, 2]
        SORT l LIMIT 1 2 DESC => [3, 2]
        SORT l LIMIT -3 2 => ['-1', 1.5]
        SORT l LIMIT 0 0 => []
        SORT l LIMIT 9 9 => []
        SORT l LIMIT 2 -1 => [2, 3, 10]
        SORT l LIMIT 0 9223372036854775807 => ['-1', 1.5, 2, 3, 10]
        SORT l LIMIT 1 1 LIMIT 0 1 => ['-1']
        SORT s => [2, 3, 10]
        SORT s DESC LIMIT 0 2 => [10, 3]
        SORT z => -ERR One or more scores can't be converted into double
        SORT z ALPHA => [a, b, c]
        SORT z BY nosort => [c, b, a]
        SORT z BY nosort DESC => [a, b, c]
        SORT z BY nosort LIMIT 1 1 => [b]
        SORT z BY nosort DESC LIMIT 0 1 => [a]
        SORT z BY nosort LIMIT 5 1 => []
        SORT l BY nosort => [3, 10, 2, '-1', 1.5]
        SORT l BY nosort LIMIT 1 3 => [10, 2, '-1']
        SORT l BY nosort DESC LIMIT 1 2 => ['-1', 2]
        SORT l BY # => [3, 10, 2, '-1', 1.5]
        SORT l BY '' => [3, 10, 2, '-1', 1.5]
        SORT_RO l => ['-1', 1.5, 2, 3, 10]
        SORT_RO s DESC LIMIT 0 1 => [10]
        SORT_RO z BY nosort DESC => [a, b, c]
        SORT nokey => []
        SORT_RO nokey => []
        RPUSH words b a 1 => :3
        SORT words => -ERR One or more scores can't be converted into double
        SORT words LIMIT 5 1 => -ERR One or more scores can't be converted into double
        SORT words ALPHA LIMIT 0 2 => [1, a]
        RPUSH numbers 1e3 0x10 " 7" "" inf => :5
        SORT numbers => ['', ' 7', 0x10, 1e3, inf]
        "#,
    );
}

#[test]
fn by_and_get() {
    check(
        r#"
        RPUSH l 1 2 3 4 => :4
        MSET w_1 30 w_2 20 w_3 10 o_1 one o_2 two o_3 three => +OK
        HSET h_1 f 9 g x => :2
        HSET h_2 f 8 g y => :2
        HSET h_3 f 7 => :1
        SORT l BY w_* => [4, 3, 2, 1]
        SORT l BY w_* DESC => [1, 2, 3, 4]
        SORT l BY w_* LIMIT 1 2 => [3, 2]
        SORT l BY h_*->f => [4, 3, 2, 1]
        SORT l BY h_*->f DESC => [1, 2, 3, 4]
        SORT l BY o_* => -ERR One or more scores can't be converted into double
        SORT l BY o_* ALPHA => [4, 1, 3, 2]
        SORT l BY o_* ALPHA DESC => [2, 3, 1, 4]
        SORT l BY nothing_* => [1, 2, 3, 4]
        SORT l BY h_* => [1, 2, 3, 4]
        SORT l BY w_*->f => [1, 2, 3, 4]
        SORT l BY nosort BY w_* => [1, 2, 3, 4]
        SORT l BY w_* BY nosort => [1, 2, 3, 4]
        SORT l GET o_* => [one, two, three, (nil)]
        SORT l GET # GET o_* GET h_*->g GET h_*->none GET h_* GET h_*-> GET o_1 GET w_*->f => [1, one, x, (nil), (nil), (nil), (nil), (nil), 2, two, y, (nil), (nil), (nil), (nil), (nil), 3, three, (nil), (nil), (nil), (nil), (nil), (nil), 4, (nil), (nil), (nil), (nil), (nil), (nil), (nil)]
        SORT l BY w_* GET # GET w_* => [4, (nil), 3, 10, 2, 20, 1, 30]
        SORT_RO l BY h_*->f GET h_*->g LIMIT 1 2 => [(nil), y]
        SORT l LIMIT 0 0 GET # => []
        SORT nokey GET # GET o_* => []
        SET 1 itself => +OK
        SORT l GET * => [itself, (nil), (nil), (nil)]
        SORT l DESC BY * GET # => -ERR One or more scores can't be converted into double
        "#,
    );
}

#[test]
fn store() {
    check(
        r#"
        RPUSH l 3 1 2 => :3
        SADD s 3 1 2 => :3
        ZADD z 1 c 2 b 3 a => :3
        SET str x EX 100 => +OK
        SORT l STORE d => :3
        LRANGE d 0 -1 => [1, 2, 3]
        TYPE d => +list
        SORT l DESC LIMIT 0 2 STORE d => :2
        LRANGE d 0 -1 => [3, 2]
        SORT l STORE str => :3
        LRANGE str 0 -1 => [1, 2, 3]
        TTL str => :-1
        EXPIRE d 100 => :1
        SORT s BY nosort STORE d => :3
        LRANGE d 0 -1 => [1, 2, 3]
        TTL d => :-1
        SORT s BY nosort DESC LIMIT 0 2 STORE d => :2
        LRANGE d 0 -1 => [3, 2]
        SORT z BY nosort DESC STORE d => :3
        LRANGE d 0 -1 => [a, b, c]
        MSET o_1 one o_2 two => +OK
        SORT l GET o_* GET # STORE d => :6
        LRANGE d 0 -1 => [one, 1, two, 2, '', 3]
        SORT l STORE l => :3
        LRANGE l 0 -1 => [1, 2, 3]
        SORT l STORE d STORE e => :3
        LRANGE e 0 -1 => [1, 2, 3]
        SORT nokey STORE d => :0
        EXISTS d => :0
        SORT nokey STORE d => :0
        SORT l LIMIT 0 0 STORE e => :0
        EXISTS e => :0
        RPUSH words b a => :2
        SORT words STORE l => -ERR One or more scores can't be converted into double
        LRANGE l 0 -1 => [1, 2, 3]
        SORT_RO l STORE d => -ERR syntax error
        WATCH d => +OK
        SORT l STORE d => :3
        MULTI => +OK
        PING => +QUEUED
        EXEC => (nil-array)
        "#,
    );
}

#[test]
fn errors() {
    check(
        r#"
        RPUSH l 1 => :1
        SET str x => +OK
        HSET h f v => :1
        SORT => -ERR wrong number of arguments for 'sort' command
        SORT l GET => -ERR syntax error
        SORT l BY => -ERR syntax error
        SORT l LIMIT 1 => -ERR syntax error
        SORT l LIMIT => -ERR syntax error
        SORT l LIMIT x 1 => -ERR value is not an integer or out of range
        SORT l LIMIT 1 x => -ERR value is not an integer or out of range
        SORT l FOO => -ERR syntax error
        SORT l STORE => -ERR syntax error
        SORT nokey FOO => -ERR syntax error
        SORT str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT str FOO => -ERR syntax error
        SORT str BY nosort => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT str STORE d => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT h => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT_RO h => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT_RO str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SORT_RO l GET => -ERR syntax error
        COMMAND GETKEYS SORT l BY w_* GET x* STORE d => [l, d]
        COMMAND GETKEYS SORT l STORE d STORE e => [l, e]
        COMMAND GETKEYS SORT l BY store => [l]
        COMMAND GETKEYS SORT l STORE => [l]
        COMMAND GETKEYSANDFLAGS SORT l STORE d => [[l, [+RO, +access]], [d, [+OW, +update]]]
        COMMAND GETKEYS SORT_RO l BY w_* GET x* => [l]
        "#,
    );
}

/// In a transaction, with patterns and without: what is locked covers what is read.
#[test]
fn within_a_transaction() {
    check(
        r#"
        RPUSH l 1 2 => :2
        MSET w_1 2 w_2 1 => +OK
        MULTI => +OK
        SORT l BY w_* GET w_* STORE d => +QUEUED
        SORT l DESC STORE e => +QUEUED
        SORT_RO l BY w_* => +QUEUED
        SORT d FOO => +QUEUED
        EXEC => [:2, :2, [2, 1], -ERR syntax error]
        LRANGE d 0 -1 => [1, 2]
        LRANGE e 0 -1 => [2, 1]
        "#,
    );
}

#[test]
fn a_long_list() {
    on_each(&[], |server| {
        let mut client = server.client();
        let numbers: Vec<String> =
            (0..3000_u32).map(|i| (i.wrapping_mul(2_654_435_761) % 10_007).to_string()).collect();
        let mut command = vec!["RPUSH".to_owned(), "l".into()];
        command.extend(numbers.iter().cloned());
        client.command(&command);
        let mut sorted = numbers.clone();
        sorted.sort_by_key(|n| n.parse::<u32>().unwrap());
        let reply = client.line("SORT l LIMIT 500 1000");
        assert!(reply.items().iter().map(|v| v.text()).eq(sorted[500..1500].iter().cloned()));
        assert_eq!(client.ask("SORT l STORE d"), ":3000");
        let reply = client.line("LRANGE d 0 -1");
        assert!(reply.items().iter().map(|v| v.text()).eq(sorted.iter().cloned()));
    });
}
