//! SORT and SORT_RO: their options, over lists, sets and sorted sets.

use crate::support::{check, on_each};

#[test]
fn order_and_limit() {
    check(
        r#"
        RPUSH l 3 10 2 -1 1.5
        SADD s 3 10 2
        ZADD z 1 c 2 b 3 a
        SORT l
        SORT l DESC
        SORT l ASC
        SORT l ALPHA
        SORT l ALPHA DESC
        sort l desc asc
        SORT l LIMIT 1 2
        SORT l LIMIT 1 2 DESC
        SORT l LIMIT -3 2
        SORT l LIMIT 0 0
        SORT l LIMIT 9 9
        SORT l LIMIT 2 -1
        SORT l LIMIT 0 9223372036854775807
        SORT l LIMIT 1 1 LIMIT 0 1
        SORT s
        SORT s DESC LIMIT 0 2
        SORT z
        SORT z ALPHA
        SORT z BY nosort
        SORT z BY nosort DESC
        SORT z BY nosort LIMIT 1 1
        SORT z BY nosort DESC LIMIT 0 1
        SORT z BY nosort LIMIT 5 1
        SORT l BY nosort
        SORT l BY nosort LIMIT 1 3
        SORT l BY nosort DESC LIMIT 1 2
        SORT l BY #
        SORT l BY ''
        SORT_RO l
        SORT_RO s DESC LIMIT 0 1
        SORT_RO z BY nosort DESC
        SORT nokey
        SORT_RO nokey
        RPUSH words b a 1
        SORT words
        SORT words LIMIT 5 1
        SORT words ALPHA LIMIT 0 2
        RPUSH numbers 1e3 0x10 " 7" "" inf
        SORT numbers
        "#,
    );
}

#[test]
fn by_and_get() {
    check(
        r#"
        RPUSH l 1 2 3 4
        MSET w_1 30 w_2 20 w_3 10 o_1 one o_2 two o_3 three
        HMSET h_1 f 9 g x
        HMSET h_2 f 8 g y
        HMSET h_3 f 7
        SORT l BY w_*
        SORT l BY w_* DESC
        SORT l BY w_* LIMIT 1 2
        SORT l BY h_*->f
        SORT l BY h_*->f DESC
        SORT l BY o_*
        SORT l BY o_* ALPHA
        SORT l BY o_* ALPHA DESC
        SORT l BY nothing_*
        SORT l BY h_*
        SORT l BY w_*->f
        SORT l BY nosort BY w_*
        SORT l BY w_* BY nosort
        SORT l GET o_*
        SORT l GET # GET o_* GET h_*->g GET h_*->none GET h_* GET h_*-> GET o_1 GET w_*->f
        SORT l BY w_* GET # GET w_*
        SORT_RO l BY h_*->f GET h_*->g LIMIT 1 2
        SORT l LIMIT 0 0 GET #
        SORT nokey GET # GET o_*
        SET 1 itself
        SORT l GET *
        SORT l DESC BY * GET #
        "#,
    );
}

#[test]
fn store() {
    check(
        r#"
        RPUSH l 3 1 2
        SADD s 3 1 2
        ZADD z 1 c 2 b 3 a
        SET str x EX 100
        SORT l STORE d
        LRANGE d 0 -1
        TYPE d
        SORT l DESC LIMIT 0 2 STORE d
        LRANGE d 0 -1
        SORT l STORE str
        LRANGE str 0 -1
        TTL str
        EXPIRE d 100
        SORT s BY nosort STORE d
        LRANGE d 0 -1
        TTL d
        SORT s BY nosort DESC LIMIT 0 2 STORE d
        LRANGE d 0 -1
        SORT z BY nosort DESC STORE d
        LRANGE d 0 -1
        MSET o_1 one o_2 two
        SORT l GET o_* GET # STORE d
        LRANGE d 0 -1
        SORT l STORE l
        LRANGE l 0 -1
        SORT l STORE d STORE e
        LRANGE e 0 -1
        SORT nokey STORE d
        EXISTS d
        SORT nokey STORE d
        SORT l LIMIT 0 0 STORE e
        EXISTS e
        RPUSH words b a
        SORT words STORE l
        LRANGE l 0 -1
        SORT_RO l STORE d
        WATCH d
        SORT l STORE d
        MULTI
        PING
        EXEC
        "#,
    );
}

#[test]
fn errors() {
    check(
        r#"
        RPUSH l 1
        SET str x
        HSET h f v
        SORT
        SORT l GET
        SORT l BY
        SORT l LIMIT 1
        SORT l LIMIT
        SORT l LIMIT x 1
        SORT l LIMIT 1 x
        SORT l FOO
        SORT l STORE
        SORT nokey FOO
        SORT str
        SORT str FOO
        SORT str BY nosort
        SORT str STORE d
        SORT h
        SORT_RO h
        SORT_RO str
        SORT_RO l GET
        COMMAND GETKEYS SORT l BY w_* GET x* STORE d
        COMMAND GETKEYS SORT l STORE d STORE e
        COMMAND GETKEYS SORT l BY store
        COMMAND GETKEYS SORT l STORE
        COMMAND GETKEYSANDFLAGS SORT l STORE d
        COMMAND GETKEYS SORT_RO l BY w_* GET x*
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
